/* The security contexts of a connection. */
#include <stdlib.h>

#include "rpc/conn.h"

enum { SECURITY_HELD = 4096 }; /* about what one takes, with its keys and its principal */

struct rpc_security *rpc_security_find(const struct rpc_conn *c, uint32_t id)
{
    for (unsigned i = c->security_count; i--;) /* the newest is what clients use */
        if (c->securities[i]->guard.id == id) return c->securities[i];
    return NULL;
}

struct rpc_security *rpc_security_add(struct rpc_conn *c, const struct rpc_auth *a)
{
    if (c->security_count == c->site->limits.max_securities) return NULL;
    if (c->security_count == c->security_room) {
        unsigned room = c->security_room ? c->security_room * 2 : 4;
        struct rpc_security **more = realloc(c->securities, room * sizeof *more);
        if (!more) return NULL;
        c->securities = more;
        c->security_room = room;
    }
    struct rpc_security *s = calloc(1, sizeof *s);
    if (!s || !rpc_conn_hold(c, SECURITY_HELD)) {
        free(s);
        return NULL;
    }
    s->guard.id = a->context;
    s->guard.type = a->type;
    s->guard.level = a->level;
    c->securities[c->security_count++] = s;
    return s;
}

void rpc_security_remove(struct rpc_conn *c, struct rpc_security *s)
{
    unsigned i = 0;
    while (c->securities[i] != s) i++;
    memmove(&c->securities[i], &c->securities[i + 1], (--c->security_count - i) * sizeof *c->securities);
    rpc_conn_let_go(c, SECURITY_HELD);
    auth_exchange_free(s->exchange);
    mech_free(s->guard.mech);
    if (s->principal) principal_unref(s->principal);
    free(s);
}
