/*
 * os/identity.h - users of this machine as what a process can become: who a name or number is, and giving up every
 * right but theirs.
 */
#ifndef OS_IDENTITY_H
#define OS_IDENTITY_H

#include <sys/types.h>

#include "base/status.h"

enum { IDENTITY_GROUPS = 64 };

struct identity {
    uid_t uid;
    gid_t gid;
    gid_t groups[IDENTITY_GROUPS]; /* supplementary ones */
    unsigned group_count;
};

/* "cimfony", or "64101": that number, the same as group, no other groups, whether or not a user has it (nothing is
 * looked up then). CIMF_NOT_FOUND: there is no such user. Asks the user database: blocks. */
cimf_status identity_find(const char *name, struct identity *out, struct error *e);
/* For good: groups, all three user and group numbers, every capability also of the bounding set, and no program that
 * is executed later gives any back. The process is single-threaded and privileged. */
cimf_status identity_become(const struct identity *who, struct error *e);
/* The same as somebody whose groups the user database knows by this name; NULL: no other groups. User 0 keeps its
 * capabilities. Blocks. */
cimf_status identity_enter(const char *name, uid_t uid, gid_t gid, struct error *e);

#endif
