/* What a client offers and asks for, and how it logs in. */
#include <stdlib.h>
#include <strings.h>

#include "base/limits.h"
#include "mech/spnego.h"
#include "rpc/client_conn.h"

/* ---- presentation contexts ---- */

static struct rpc_client_context *add_context(struct rpc_client_conn *c)
{
    if (c->context_count == RPC_CLIENT_CONTEXTS) return NULL;
    if (c->context_count == c->context_room) {
        unsigned room = c->context_room ? c->context_room * 2 : 4;
        struct rpc_client_context *more = realloc(c->contexts, room * sizeof *more);
        if (!more) return NULL;
        c->contexts = more;
        c->context_room = room;
    }
    struct rpc_client_context *x = &c->contexts[c->context_count++];
    *x = (struct rpc_client_context){ .offer = RPC_OFFER_WANTED };
    return x;
}

int rpc_client_context_of(struct rpc_client_conn *c, const struct guid *interface, uint16_t major, uint16_t minor)
{
    struct rpc_syntax s = { *interface, major, minor };
    for (unsigned i = 0; i < c->context_count; i++)
        if (rpc_syntax_eq(&c->contexts[i].syntax, &s)) return (int)i;
    struct rpc_client_context *x = add_context(c);
    if (!x) return -1;
    x->syntax = s;
    return (int)c->context_count - 1;
}

/* ---- sending ---- */

static void put_offer(const struct rpc_client_conn *c, struct buf *b)
{
    const struct rpc_syntax *interface = &c->contexts[c->offer].syntax;
    rpc_bind_put(b, RPC_FRAGMENT_MAX, 0, c->features ? 2 : 1);
    rpc_context_put(b, (uint16_t)c->offer, interface, &rpc_ndr);
    if (!c->features) return;
    const struct rpc_syntax features = rpc_syntax_of_features(RPC_FEATURE_KEEP_ON_ORPHAN);
    rpc_context_put(b, RPC_CLIENT_CONTEXTS, interface, &features); /* a number that no interface gets */
}

/* A PDU of the bind family; with a token when there is one. */
static void send_leg(struct rpc_client_conn *c, enum rpc_pdu_type type, struct slice token)
{
    struct buf b;
    unsigned flags = RPC_FIRST | RPC_LAST;
    uint32_t id = type == RPC_AUTH3 ? c->bind_call : rpc_client_next_call(c);
    if (id == 0) return;
    if (type == RPC_BIND) flags |= RPC_MULTIPLEX;
    if (token.n && c->guard.level >= RPC_LEVEL_PACKET && (type == RPC_BIND || c->header_sign)) flags |= RPC_HEADER_SIGN;
    buf_init(&b, 0);
    size_t start = rpc_pdu_begin(&b, type, flags, id);
    if (type == RPC_AUTH3) rpc_put32(&b, 0);
    else put_offer(c, &b);
    if (token.n) {
        const struct rpc_auth a = { .type = c->guard.type, .level = c->guard.level, .context = c->guard.id };
        rpc_trailer_put(&b, start, 4, &a);
        buf_slice_add(&b, token);
    }
    rpc_pdu_end(&b, start, (uint16_t)token.n);
    if (b.n > RPC_BIND_MAX) b.failed = true;
    c->bind_call = type == RPC_AUTH3 ? 0 : id;
    rpc_client_put(c, &b);
}

/* ---- the login ---- */

static void ready(struct rpc_client_conn *c)
{
    if (c->state == RPC_CLIENT_ENDED) return;
    c->state = RPC_CLIENT_READY;
    c->bind_call = 0;
    if (!c->initiator) return;
    c->initiator->free(c->initiator);
    c->initiator = NULL;
}

static bool is_ntlm(const struct mech *m)
{
    const struct mech *chosen = spnego_chosen(m);
    return strcasecmp((chosen ? chosen : m)->ops->name, "NTLM") == 0;
}

/* What the level needs of the mechanism is there. */
static bool take_context(struct rpc_client_conn *c, struct mech *m)
{
    uint32_t need = (c->guard.level >= RPC_LEVEL_PACKET ? MECH_SIGN : 0) | (c->guard.level == RPC_LEVEL_PRIVACY ? MECH_SEAL : 0);
    if (!m || c->guard.mech || (m->flags & need) != need) {
        mech_free(m);
        rpc_client_broken(c, CIMF_NOT_AUTHENTICATED, 0, "the login does not give the protection that is wanted");
        return false;
    }
    c->guard.mech = m;
    c->guard.whole = is_ntlm(m);
    c->proven = true;
    return true;
}

static void on_token(void *arg, enum mech_result result, struct slice token, struct mech *context)
{
    struct rpc_client_conn *c = arg;
    bool first = c->last_call == 0;
    if (c->state != RPC_CLIENT_TOKEN) {
        mech_free(context);
        return;
    }
    c->state = RPC_CLIENT_BINDING;
    if (result == MECH_FAILED || (result == MECH_CONTINUE && token.n == 0) || token.n > LIMIT_MECH_TOKEN) {
        mech_free(context);
        rpc_client_broken(c, CIMF_NOT_AUTHENTICATED, 0, first ? "there are no credentials" : "the login failed");
        return;
    }
    if (result == MECH_COMPLETE && !take_context(c, context)) return;
    if (first) {
        send_leg(c, RPC_BIND, token);
    } else if (token.n == 0) {
        ready(c);
    } else if (result == MECH_COMPLETE && c->guard.type == RPC_AUTH_NTLM) { /* three legs: never answered */
        send_leg(c, RPC_AUTH3, token);
        ready(c);
    } else {
        send_leg(c, RPC_ALTER, token);
    }
    rpc_client_go_on(c);
}

static void step(struct rpc_client_conn *c, struct slice token)
{
    c->state = RPC_CLIENT_TOKEN;
    c->initiator->step(c->initiator, token, on_token, c);
}

void rpc_client_offer(struct rpc_client_conn *c)
{
    bool bind = c->state == RPC_CLIENT_NEW;
    if (bind ? !c->connected : c->state != RPC_CLIENT_READY || c->bind_call || c->busy_call || c->closing) return;
    if (!c->multiplex && c->pending.first) return;
    unsigned i = bind ? 0 : c->offer + 1; /* they are offered in the order in which they were wanted */
    if (i >= c->context_count) return;
    c->offer = i;
    c->contexts[i].offer = RPC_OFFER_SENT;
    c->features = bind;
    if (!bind) {
        send_leg(c, RPC_ALTER, SLICE_NULL);
    } else if (c->guard.level > RPC_LEVEL_NONE) {
        step(c, SLICE_NULL);
    } else {
        c->state = RPC_CLIENT_BINDING;
        send_leg(c, RPC_BIND, SLICE_NULL);
    }
}

/* ---- answers ---- */

/* One result for the interface, one for the features; false: it makes no sense. C706 12.6.4.4 has a result for every context,
 * but servers that know one context only, such as j-Interop's of Java, answer the first and no more: the features are then
 * none, which is what such a server has. */
static bool take_results(struct rpc_client_conn *c, struct rpc_ack *ack)
{
    struct rpc_client_context *x = &c->contexts[c->offer];
    struct rpc_ack_result result, features = { 0 };
    if (ack->count < 1 || ack->count > (c->features ? 2 : 1) || !rpc_ack_next(ack, &result)) return false;
    if (ack->count == 2 && !rpc_ack_next(ack, &features)) return false;
    bool taken = result.result == RPC_ACCEPT && rpc_syntax_eq(&result.syntax, &rpc_ndr);
    /* A later leg of the login only repeats what the first one offered. */
    if (x->offer == RPC_OFFER_SENT) x->offer = taken ? RPC_OFFER_ACCEPTED : RPC_OFFER_REJECTED;
    if (features.result == RPC_NEGOTIATE_ACK) c->keep_on_orphan = features.reason & RPC_FEATURE_KEEP_ON_ORPHAN;
    c->features = false;
    return true;
}

/* The trailer of an answer is of the login that runs; a last answer may go without. Where there is no login it is not looked
 * at: j-Interop, asked for none, sends the first token of one of its own. */
static bool fits(const struct rpc_client_conn *c, const struct rpc_pdu *p)
{
    const struct rpc_guard *g = &c->guard;
    if (g->level == RPC_LEVEL_NONE) return true;
    if (!p->has_auth) return c->state == RPC_CLIENT_READY || c->proven;
    return p->auth.type == g->type && p->auth.level == g->level && p->auth.context == g->id;
}

/* What a bind settles for the whole connection. */
static bool take_bind(struct rpc_client_conn *c, const struct rpc_pdu *p, const struct rpc_ack *ack)
{
    if (ack->max_recv < RPC_FRAGMENT_MIN) return false;
    c->max_send = ack->max_recv < RPC_FRAGMENT_MAX ? ack->max_recv : RPC_FRAGMENT_MAX;
    c->multiplex = p->flags & RPC_MULTIPLEX;
    c->header_sign = c->guard.level >= RPC_LEVEL_PACKET && p->flags & RPC_HEADER_SIGN;
    return true;
}

void rpc_client_on_answer(struct rpc_client_conn *c, const struct rpc_pdu *p)
{
    struct rpc_ack ack;
    bool bind = p->type == RPC_BIND_ACK, login = c->state == RPC_CLIENT_BINDING;
    bool expected = c->bind_call && p->call_id == c->bind_call && (login || c->state == RPC_CLIENT_READY) && bind == (c->bind_call == 1);
    if (!expected || !rpc_ack_read(p, &ack) || !fits(c, p) || (bind && !take_bind(c, p, &ack)) || !take_results(c, &ack)) {
        rpc_client_broken(c, CIMF_PROTOCOL_ERROR, 0, "the answer to a bind makes no sense");
        return;
    }
    if (!login || c->guard.level == RPC_LEVEL_NONE || c->proven) {
        ready(c);
    } else if (p->auth.token.n == 0) {
        rpc_client_broken(c, CIMF_NOT_AUTHENTICATED, 0, "the server leaves the login unfinished");
    } else {
        step(c, p->auth.token); /* bind_call stays: an auth3 has the number of its bind */
    }
}

static cimf_status status_of_fault(uint32_t fault)
{
    switch (fault) {
    case RPC_FAULT_ACCESS_DENIED: return CIMF_ACCESS_DENIED;
    case RPC_FAULT_SEC_PKG: return CIMF_NOT_AUTHENTICATED;
    default: return CIMF_PROTOCOL_ERROR;
    }
}

void rpc_client_on_refusal(struct rpc_client_conn *c, const struct rpc_pdu *p, uint32_t fault)
{
    uint16_t reason = 0;
    if (fault) {
        rpc_client_broken(c, status_of_fault(fault), fault, "the server refuses the connection with fault 0x%08x", fault);
        return;
    }
    if (!c->bind_call || p->call_id != c->bind_call || !rpc_nak_read(p, &reason)) {
        rpc_client_broken(c, CIMF_PROTOCOL_ERROR, 0, "a bind_nak makes no sense");
        return;
    }
    cimf_status status = reason == RPC_NAK_CHECKSUM ? CIMF_NOT_AUTHENTICATED : reason == RPC_NAK_AUTH_TYPE ? CIMF_ACCESS_DENIED :
                         reason == RPC_NAK_LIMIT ? CIMF_SERVER_TOO_BUSY : CIMF_PROTOCOL_ERROR;
    rpc_client_broken(c, status, reason, "the server refuses the connection, reason %u", reason);
}

bool rpc_client_conn_want(struct rpc_client_conn *c, const struct guid *interface)
{
    return rpc_client_context_of(c, interface, 0, 0) >= 0;
}

void rpc_client_conn_connected(struct rpc_client_conn *c)
{
    c->connected = true;
    rpc_client_go_on(c);
}

/* ---- an initiator that has the credentials here ---- */

struct local_initiator {
    struct rpc_initiator i; /* first */
    struct mech *mech;
};

static void local_step(struct rpc_initiator *i, struct slice in,
                       void (*done)(void *arg, enum mech_result result, struct slice token, struct mech *context), void *arg)
{
    struct local_initiator *l = (struct local_initiator *)i;
    struct buf token;
    struct mech *m = NULL;
    buf_init(&token, 0);
    enum mech_result result = l->mech ? mech_step(l->mech, in, &token, NULL) : MECH_FAILED;
    if (result != MECH_FAILED && !buf_ok(&token)) result = MECH_FAILED;
    if (result == MECH_COMPLETE) {
        m = l->mech;
        l->mech = NULL;
    }
    done(arg, result, buf_slice(&token), m); /* l may be gone */
    buf_wipe(&token);
}

static void local_free(struct rpc_initiator *i)
{
    mech_free(((struct local_initiator *)i)->mech);
    free(i);
}

struct rpc_initiator *rpc_initiator_mech(struct mech *m)
{
    struct local_initiator *l = m ? calloc(1, sizeof *l) : NULL;
    if (!l) {
        mech_free(m);
        return NULL;
    }
    l->i = (struct rpc_initiator){ local_step, local_free };
    l->mech = m;
    return &l->i;
}
