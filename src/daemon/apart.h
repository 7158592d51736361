/*
 * daemon/apart.h - commands that work on the repository while no daemon runs. The folder belongs to cimd-core's user
 * then: what is in there was written by a process that speaks to strangers, so root does not open it, as a link or a
 * broken store would work with root's rights. It is done in a process of the owner.
 */
#ifndef DAEMON_APART_H
#define DAEMON_APART_H

#include "daemon/config.h"
#include "os/identity.h"

struct apart {
    int folder;            /* the repository's, when it is another user's and this is root; else -1 */
    struct identity owner;
};

cimf_status apart_find(const struct config *config, struct apart *out, struct error *e);
void apart_end(struct apart *x);
/* Runs fn. In another process: as the owner, with the folder as working folder and ".", and of what it changes only the n
 * bytes at `shared` (plain data) are seen here. Here: with folder NULL, the configuration's. */
typedef cimf_status apart_fn(void *shared, const char *folder, struct error *e);
cimf_status apart_run(const struct apart *x, apart_fn *fn, void *shared, size_t n, struct error *e);
/* A file of this folder, made by the owner: opened without following links, taken out of the folder. */
cimf_status apart_take(const struct apart *x, const char *name, int *fd, struct error *e);
/* Copies fd into a new file of this folder that belongs to the owner. */
cimf_status apart_give(const struct apart *x, int fd, const char *name, struct error *e);

#endif
