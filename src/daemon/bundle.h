/*
 * daemon/bundle.h - a MOF file and everything it includes, as bytes. The caller of `cimd mof` reads the files (so
 * the daemon needs no access to them) and whoever compiles resolves includes from the bundle alone.
 */
#ifndef DAEMON_BUNDLE_H
#define DAEMON_BUNDLE_H

#include "mof/mof.h"

#define BUNDLE_FILES 20000

struct bundle {
    struct mof_source *files; /* the first is the one named; the others in order of inclusion */
    size_t count, room;
};

/* Reads path and what it includes, by parsing it once: errors of syntax come from here. Everything lives in the
 * arena. */
cimf_status bundle_read(struct arena *a, const char *path, struct slice ns, struct bundle *out, struct error *e);
/* mof_options.include for a bundle (arg: struct bundle_scope or something that begins with it). */
struct bundle_scope {
    const struct bundle *bundle;
};
cimf_status bundle_include(void *arg, struct arena *a, struct slice from, struct slice path, struct mof_source *out,
                           struct error *e);

#endif
