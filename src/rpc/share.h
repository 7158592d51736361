/*
 * rpc/share.h - whose are the connections of a loop, and how much each of these has the server hold: those of an account count
 * together, and those of an address whose clients have not logged in. One may have half of what a loop holds for all
 * (base/share.h), and of its connections; whoever is at that bound is refused more, and the others are not. One loop's own: no locks.
 */
#ifndef RPC_SHARE_H
#define RPC_SHARE_H

#include <stdint.h>

#include "base/map.h"

struct principal;

struct rpc_share {
    unsigned connections;
    size_t held;             /* bytes of their calls and contexts, beyond what each connection has free */
    size_t waiting;          /* of answers, as of the last survey (peer.c) */
    int64_t said;            /* when the log was told of it last */
    struct slice who;        /* "user=NAME" or "peer=ADDRESS" */
    char key[];
};
struct rpc_shares {
    struct map map;
    size_t held, most;       /* bytes of all */
    unsigned most_connections; /* of one */
};
void rpc_shares_init(struct rpc_shares *s, size_t most, unsigned most_connections);
void rpc_shares_free(struct rpc_shares *s); /* every connection has left */
/* One connection more. NULL: it has too many, or there is no memory. */
struct rpc_share *rpc_share_of_address(struct rpc_shares *s, const char *address);
struct rpc_share *rpc_share_of_account(struct rpc_shares *s, const struct principal *p);
void rpc_share_leave(struct rpc_shares *s, struct rpc_share *x);
/* False: too much of all, or of this one; the log says so now and then. */
bool rpc_share_take(struct rpc_shares *s, struct rpc_share *x, size_t n);
void rpc_share_give(struct rpc_shares *s, struct rpc_share *x, size_t n);
/* Whether the log is to be told of it again. */
bool rpc_share_speaks(struct rpc_share *x);

#endif
