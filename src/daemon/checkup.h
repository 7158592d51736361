/*
 * daemon/checkup.h - whether this machine can run this configuration: what `cimd config check` prints and `cimd serve`
 * goes by before it starts anything. config_check looks at the configuration alone; this also at addresses, files and folders,
 * as this user sees them. A port that another program has at the moment is no finding: only the start can tell.
 */
#ifndef DAEMON_CHECKUP_H
#define DAEMON_CHECKUP_H

#include "daemon/config.h"

enum { CHECKUP_FINDINGS = 64 };

struct finding {
    bool fatal;         /* cimd does not start; else it does, but something will not work as it is written */
    cimf_status status; /* of a fatal one */
    const char *text;   /* begins with the key: what was found, and what to do */
};

struct checkup {
    struct config *config;
    struct arena arena;
    struct finding findings[CHECKUP_FINDINGS]; /* in the order of the configuration's sections, rules of config_check first */
    unsigned count, fatal;                     /* of findings; of fatal ones among them */
};

/* The configuration is borrowed until checkup_free. `parse`: also whether certificate and key can be used, which a starting
 * daemon leaves to cimd-core. CIMF_OUT_OF_MEMORY alone fails. */
cimf_status checkup_run(struct checkup *x, struct config *config, bool parse, struct error *e);
void checkup_free(struct checkup *x);

#endif
