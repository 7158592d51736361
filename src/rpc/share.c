#include "rpc/share.h"

#include <assert.h>
#include <stdlib.h>

#include "auth/principal.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/share.h"
#include "net/acceptor.h"

void rpc_shares_init(struct rpc_shares *s, size_t most, unsigned most_connections)
{
    *s = (struct rpc_shares){ .most = most, .most_connections = most_connections };
    map_init(&s->map, false);
}

void rpc_shares_free(struct rpc_shares *s)
{
    assert(!s->held && !s->map.count); /* what was taken was given back */
    map_free(&s->map);
}

bool rpc_share_speaks(struct rpc_share *x)
{
    return share_speaks(&x->said, clock_mono_us());
}

/* kind: "user=" or "peer="; an account is found by its SID, whatever it is called. */
static struct rpc_share *join(struct rpc_shares *s, const char *kind, struct slice id, struct slice name)
{
    struct rpc_share *x = map_get(&s->map, id);
    if (x && x->connections >= s->most_connections) {
        if (rpc_share_speaks(x)) log_warn("rpc", "too_many_connections " SLICE_FMT " connections=%u", SLICE_ARG(x->who), x->connections);
        return NULL;
    }
    if (!x) {
        if (!(x = calloc(1, sizeof *x + id.n + strlen(kind) + name.n))) return NULL;
        char *who = x->key + id.n;
        memcpy(x->key, id.p, id.n);
        memcpy(who, kind, strlen(kind));
        memcpy(who + strlen(kind), name.p, name.n);
        x->who = slice_of(who, strlen(kind) + name.n);
        if (!map_put(&s->map, slice_of(x->key, id.n), x, NULL)) {
            free(x);
            return NULL;
        }
    }
    x->connections++;
    return x;
}

struct rpc_share *rpc_share_of_address(struct rpc_shares *s, const char *address)
{
    char text[NET_PEER_TEXT];
    struct slice place = net_address_place(address, text);
    return join(s, "peer=", place, place);
}

struct rpc_share *rpc_share_of_account(struct rpc_shares *s, const struct principal *p)
{
    return join(s, "user=", slice_str(p->sid), p->name);
}

void rpc_share_leave(struct rpc_shares *s, struct rpc_share *x)
{
    if (--x->connections) return;
    map_del(&s->map, slice_of(x->key, (size_t)(x->who.p - x->key)));
    free(x);
}

/* One loop writes; others may read. */
static void set_held(struct rpc_shares *s, size_t n) { __atomic_store_n(&s->held, n, __ATOMIC_RELAXED); }

bool rpc_share_take(struct rpc_shares *s, struct rpc_share *x, size_t n)
{
    if (share_fits(s->most, s->held, x->held, n)) {
        set_held(s, s->held + n);
        x->held += n;
        return true;
    }
    if (rpc_share_speaks(x))
        log_warn("rpc", "too_much_held " SLICE_FMT " held=%zu asked=%zu all=%zu", SLICE_ARG(x->who), x->held, n, s->held);
    return false;
}

void rpc_share_give(struct rpc_shares *s, struct rpc_share *x, size_t n)
{
    set_held(s, s->held - n);
    x->held -= n;
}
