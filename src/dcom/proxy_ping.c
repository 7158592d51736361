/* What keeps the objects of clients alive (MS-DCOM 3.2.6.1): a ping set at the client's resolver for each link, told every
 * two minutes that we are still there. A ping that fails is not repeated before the next is due: an object lives for
 * three periods. */
#include "dcom/proxy_priv.h"

#include <stdlib.h>

#include "base/log.h"

enum { GONE_MAX = PROXY_PROXIES_USER };

static bool pinged(const struct dcom_proxy *p) { return !(p->std.flags & SORF_NOPING); }

/* Its object is in the set, or will be, for another proxy. */
static bool has_other(const struct dcom_link *l, const struct dcom_proxy *p)
{
    for (const struct dcom_proxy *o = l->proxies; o; o = o->next)
        if (o != p && o->std.oid == p->std.oid && (o->in_set || o->in_ping)) return true;
    return false;
}

/* p is no longer among the link's proxies. */
void dcom_link_left(struct dcom_link *l, struct dcom_proxy *p)
{
    if (!p->in_set && !p->in_ping) return;
    for (struct dcom_proxy *o = l->proxies; o; o = o->next)
        if (o->std.oid == p->std.oid && pinged(o)) {
            o->in_set = true; /* the object goes on being in it for that one */
            return;
        }
    if (!l->gone) l->gone = calloc(GONE_MAX, sizeof *l->gone);
    if (l->gone && l->gone_count < GONE_MAX) l->gone[l->gone_count++] = p->std.oid;
}

static void forget_set(struct dcom_link *l)
{
    l->set = 0;
    l->sequence = 0;
    l->gone_count = 0;
    for (struct dcom_proxy *p = l->proxies; p; p = p->next) p->in_set = p->in_ping = false;
}

static void on_pinged(struct dcom_leg *leg, uint32_t fault, struct slice stub, bool big_endian)
{
    struct dcom_link *l = leg->link;
    struct dcom_ping_record q = { 0 };
    struct arena a;
    bool complex = leg->request.opnum == RESOLVER_COMPLEX_PING;
    arena_init(&a, 1 << 16);
    bool ok = !fault && dcom_leg_read(&a, stub, big_endian, complex ? &dcom_complex_ping_type : &dcom_simple_ping_type, &q);
    arena_free(&a);
    dcom_leg_close(leg);
    for (struct dcom_proxy *p = l->proxies; p; p = p->next) {
        if (ok && !q.status) p->in_set |= p->in_ping;
        p->in_ping = false;
    }
    if (!ok || q.status) log_debug("dcom", "a client's resolver did not take a ping peer=%s fault=0x%x status=0x%x", l->peer, fault, q.status);
    if (ok && q.status) forget_set(l); /* it does not know the set: the next ping makes one */
    if (!ok || q.status || !complex) return;
    l->set = q.set;
    if (l->gone_told && l->gone_told <= l->gone_count) {
        l->gone_count -= l->gone_told;
        memmove(l->gone, l->gone + l->gone_told, l->gone_count * sizeof *l->gone);
    }
}

/* What is new since the last one, and what has gone. */
static void on_ping_open(struct dcom_leg *leg, bool ok)
{
    struct dcom_link *l = leg->link;
    uint64_t add[GONE_MAX];
    struct dcom_ping_record q = { .set = l->set, .add = add, .del = l->gone };
    if (!ok) return;
    for (struct dcom_proxy *p = l->proxies; p && q.add_count < GONE_MAX; p = p->next) {
        if (p->in_set || !pinged(p) || has_other(l, p)) continue;
        p->in_ping = true;
        add[q.add_count++] = p->std.oid;
    }
    leg->answered = on_pinged;
    l->gone_told = (uint16_t)l->gone_count;
    q.del_count = l->gone_told;
    if (l->set && !q.add_count && !q.del_count) {
        dcom_leg_ask(leg, RESOLVER_SIMPLE_PING, &dcom_simple_ping_type, &q);
        return;
    }
    if (!q.add_count) q.add = NULL;
    if (!q.del_count) q.del = NULL;
    q.sequence = ++l->sequence;
    dcom_leg_ask(leg, RESOLVER_COMPLEX_PING, &dcom_complex_ping_type, &q);
}

static bool any_pinged(const struct dcom_link *l)
{
    const struct dcom_proxy *p = l->proxies;
    while (p && !pinged(p)) p = p->next;
    return p != NULL;
}

void dcom_link_ping(struct dcom_link *l, int64_t now)
{
    if (now - l->pinged < l->server->settings.ping_period_us || !any_pinged(l)) return;
    l->pinged = now;
    l->pinger.secure = !l->plain;
    l->pinger.opened = on_ping_open;
    dcom_leg_open(&l->pinger, l->resolver_port);
}
