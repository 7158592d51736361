/*
 * daemon/reachable.h - by which names and addresses clients reach this host: for the bindings of DCOM, in which they look for what their
 * user typed (MS-DCOM 2.2.19).
 */
#ifndef DAEMON_REACHABLE_H
#define DAEMON_REACHABLE_H

#include "base/arena.h"
#include "daemon/config.h"

enum { REACHABLE_NAMES = 32, REACHABLE_ADDRESSES = 16 };
/* Zeroed, then: lists end with NULL, their strings live in the arena. */
struct reachable {
    struct arena arena;
    const char *short_name, *full_name; /* full_name NULL: the host's name has no domain */
    const char *names[REACHABLE_NAMES + 1]; /* wmi.names */
    const char *addresses[REACHABLE_ADDRESSES + 1];
};
/* host: as gethostname(2) has it. False: no memory. */
bool reachable_init(struct reachable *r, const struct config *c, const char *host);
/* A listener is bound to this, "0.0.0.0:135": when that is any address, those of the host's interfaces are added, but for loopback and
 * those of one link. */
void reachable_bound(struct reachable *r, const char *bound);
void reachable_free(struct reachable *r);

#endif
