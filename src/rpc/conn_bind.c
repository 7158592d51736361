/* bind, alter_context, auth3: what is offered, and who offers it. */
#include <stdlib.h>

#include "rpc/conn.h"

/* ---- presentation contexts ---- */

/* Where the context is in a table with room, or belongs. */
static struct rpc_presentation *place(struct rpc_presentation *table, unsigned room, uint16_t id)
{
    unsigned at = id & (room - 1);
    while (table[at].interface && table[at].id != id) at = (at + 1) & (room - 1);
    return &table[at];
}

const struct rpc_interface *rpc_conn_interface(const struct rpc_conn *c, uint16_t context, bool *known)
{
    const struct rpc_presentation *p = c->presentation_room ? place(c->presentations, c->presentation_room, context) : NULL;
    *known = p && p->interface;
    return *known ? p->interface : NULL;
}

static const struct rpc_interface *find_interface(const struct rpc_site *s, const struct rpc_syntax *want)
{
    for (size_t i = 0; s->interfaces[i]; i++) {
        const struct rpc_interface *x = s->interfaces[i];
        if (guid_eq(&x->uuid, &want->uuid) && x->major == want->major && x->minor >= want->minor) return x;
    }
    return NULL;
}

static bool keep_presentation(struct rpc_conn *c, uint16_t id, const struct rpc_interface *i)
{
    if (c->presentation_count * 2 >= c->presentation_room) {
        unsigned room = c->presentation_room ? c->presentation_room * 2 : 4;
        struct rpc_presentation *more = calloc(room, sizeof *more);
        if (!more || !rpc_conn_hold(c, (room - c->presentation_room) * sizeof *more)) {
            free(more);
            return false;
        }
        for (unsigned k = 0; k < c->presentation_room; k++) {
            struct rpc_presentation p = c->presentations[k];
            if (p.interface) *place(more, room, p.id) = p;
        }
        free(c->presentations);
        c->presentations = more;
        c->presentation_room = room;
    }
    *place(c->presentations, c->presentation_room, id) = (struct rpc_presentation){ id, i };
    c->presentation_count++;
    return true;
}

static uint32_t most_contexts(const struct rpc_site *s)
{
    uint32_t n = 0;
    while (s->interfaces[n]) n++;
    return s->limits.max_contexts ? s->limits.max_contexts : 4000 * n;
}

/* The contexts of one bind or alter_context. */
struct judging {
    struct rpc_conn *c;
    const struct rpc_bind *b;
    bool bind;                /* features are agreed on in a bind only */
    bool wrong;               /* a protocol error */
    bool over;                /* more contexts than a connection may have */
    uint32_t most;
    unsigned taken;
    const struct rpc_interface *accepted[UINT8_MAX];
};

static bool offers(const struct judging *j, const struct rpc_context *x, const struct rpc_syntax *syntax)
{
    for (unsigned k = 0; k < x->transfer_count; k++) {
        struct rpc_syntax s;
        rpc_bind_transfer(j->b, x, k, &s);
        if (rpc_syntax_eq(&s, syntax)) return true;
    }
    return false;
}

/* Feature negotiation looks like a transfer syntax, the first one; once a connection. */
static bool features(struct judging *j, const struct rpc_context *x, struct rpc_result *out)
{
    struct rpc_syntax s;
    uint8_t bits;
    rpc_bind_transfer(j->b, x, 0, &s);
    if (!j->bind || !rpc_syntax_features(&s, &bits)) return false;
    j->wrong |= j->c->features;
    j->c->features = true;
    *out = (struct rpc_result){ RPC_NEGOTIATE_ACK, bits & (RPC_FEATURE_CONTEXTS | RPC_FEATURE_KEEP_ON_ORPHAN), NULL };
    return true;
}

static struct rpc_result reject(uint16_t reason) { return (struct rpc_result){ RPC_REJECT, reason, NULL }; }

/* The result of one context; keeps it when it is accepted. Of one interface at most one is, each time. */
static struct rpc_result judge(struct judging *j, const struct rpc_context *x)
{
    struct rpc_conn *c = j->c;
    const struct rpc_interface *i = find_interface(c->site, &x->abstract);
    struct rpc_result result;
    bool known;
    if (x->transfer_count == 0) j->wrong = true;
    if (j->wrong || features(j, x, &result)) return j->wrong ? reject(0) : result;
    const struct rpc_interface *had = rpc_conn_interface(c, x->id, &known);
    /* An identifier keeps its meaning, also by what could have been chosen instead. */
    if (known && (had != i || offers(j, x, &rpc_ndr64))) j->wrong = true;
    if (!i || j->wrong) return reject(RPC_REASON_ABSTRACT);
    if (!offers(j, x, &rpc_ndr)) return reject(RPC_REASON_TRANSFER);
    for (unsigned k = 0; k < j->taken; k++)
        if (j->accepted[k] == i) return reject(RPC_REASON_TRANSFER);
    if (!known && c->presentation_count >= j->most) j->over = true;
    if (!known && (j->over || !keep_presentation(c, x->id, i))) return reject(RPC_REASON_LIMIT);
    j->accepted[j->taken++] = i;
    return (struct rpc_result){ RPC_ACCEPT, RPC_REASON_NONE, &rpc_ndr };
}

void rpc_conn_refuse(struct rpc_conn *c, uint32_t call_id, uint16_t reason)
{
    struct buf b;
    buf_init(&b, 0);
    rpc_nak_put(&b, call_id, reason);
    rpc_conn_send(c, &b);
    rpc_conn_end(c);
}

/* bind: refused; alter_context: a fault. Either way the connection goes. */
static void refuse(struct rpc_conn *c, const struct rpc_pdu *p, uint16_t reason, uint32_t status)
{
    if (p->type == RPC_BIND) rpc_conn_refuse(c, p->call_id, reason);
    else rpc_conn_fault_end(c, p->call_id, 0, status, RPC_AT_BIND);
}

/* What both sides take: the smaller of both offers, not above ours, a multiple of eight, not below what everybody takes. */
static uint16_t fragment_size(const struct rpc_bind *b)
{
    uint16_t n = b->max_xmit < b->max_recv ? b->max_xmit : b->max_recv;
    if (n > RPC_FRAGMENT_MAX) n = RPC_FRAGMENT_MAX;
    if (n < 2048) n = 2048;
    return n & ~7u;
}

/* false: the association group it wants to join is not there, or somebody else's. */
static bool take_bind(struct rpc_conn *c, const struct rpc_pdu *p, const struct rpc_bind *b)
{
    c->group = c->site->group ? c->site->group(c->site, b->group, c->peer) : b->group ? b->group : 1;
    if (!c->group) return false;
    c->max_xmit = c->max_recv = fragment_size(b);
    c->multiplex = p->flags & RPC_MULTIPLEX;
    c->state = RPC_CONN_BOUND;
    return true;
}

/* ---- answering ---- */

static struct slice port_of(const char *local)
{
    struct slice s = slice_str(local);
    for (size_t i = s.n; i--;)
        if (s.p[i] == ':') return slice_sub(s, i + 1);
    return SLICE("");
}

static void acknowledge(struct rpc_conn *c, struct slice token)
{
    struct rpc_answer *a = &c->answer;
    struct rpc_security *s = a->security;
    struct buf b;
    bool bind = a->type == RPC_BIND;
    unsigned flags = RPC_FIRST | RPC_LAST | a->echo;
    buf_init(&b, 0);
    size_t start = rpc_pdu_begin(&b, bind ? RPC_BIND_ACK : RPC_ALTER_RESPONSE, flags, a->call_id);
    rpc_ack_put(&b, c->max_xmit, c->max_recv, c->group, bind ? port_of(c->local) : SLICE(""), a->results, a->count, start);
    if (s) {
        struct rpc_auth auth = { .type = s->guard.type, .level = s->guard.level, .context = s->guard.id };
        rpc_trailer_put(&b, start, 4, &auth);
        buf_slice_add(&b, token);
    }
    rpc_pdu_end(&b, start, (uint16_t)(s ? token.n : 0));
    if (b.n > UINT16_MAX) b.failed = true;
    free(a->results);
    *a = (struct rpc_answer){ 0 };
    rpc_conn_send(c, &b);
}

static void failed(struct rpc_conn *c)
{
    struct rpc_answer *a = &c->answer;
    uint8_t type = a->type;
    uint32_t id = a->call_id;
    struct rpc_security *s = a->security;
    free(a->results);
    *a = (struct rpc_answer){ 0 };
    s->state = RPC_SECURITY_FAILED; /* auth3: the first request hears of it */
    if (type == RPC_ALTER) rpc_conn_fault_end(c, id, 0, RPC_FAULT_SEC_PKG, RPC_AT_BIND);
    else if (type == RPC_BIND) rpc_conn_refuse(c, id, RPC_NAK_CHECKSUM);
}

/* After auth3 there is no way to say more; privacy needs a client that asked its mechanism for it. */
static bool good_enough(const struct rpc_security *s, uint8_t type, const struct auth_exchange_answer *x)
{
    if (type == RPC_AUTH3 && (x->result != MECH_COMPLETE || x->token.n)) return false;
    if (x->result == MECH_COMPLETE && s->guard.level == RPC_LEVEL_PRIVACY) return s->guard.mech && s->guard.mech->flags & MECH_SEAL;
    return x->result != MECH_FAILED;
}

static void on_step(void *arg, const struct auth_exchange_answer *x)
{
    struct rpc_conn *c = arg;
    struct rpc_security *s = c->answer.security;
    uint8_t type = c->answer.type;
    if (x->result == MECH_COMPLETE) {
        s->state = RPC_SECURITY_DONE; /* failed() below takes it back */
        s->principal = x->principal;
        s->guard.mech = x->context;
        s->guard.whole = x->mechanism && strcmp(x->mechanism, "NTLM") == 0;
        auth_exchange_free(s->exchange);
        s->exchange = NULL;
    }
    bool good = good_enough(s, type, x);
    if (good && x->result == MECH_COMPLETE && !c->proven_as && c->site->ops->owner) good = c->site->ops->owner(c, x->principal);
    if (good && x->result == MECH_COMPLETE) c->proven = c->proven_as = true;
    if (!good) failed(c);
    else if (type == RPC_AUTH3) c->answer = (struct rpc_answer){ 0 };
    else acknowledge(c, x->token);
    if (c->state == RPC_CONN_CLOSED || c->answer.active) return;
    c->site->ops->reading(c, true);
    rpc_conn_go_on(c);
}

/* ---- authentication ---- */

static bool mechanism_of(uint8_t type, enum auth_mechanism *out)
{
    switch (type) {
    case RPC_AUTH_SPNEGO: *out = AUTH_MECH_NEGOTIATE; return true;
    case RPC_AUTH_NTLM: case RPC_AUTH_DEFAULT: *out = AUTH_MECH_NTLM; return true;
    case RPC_AUTH_KERBEROS: *out = AUTH_MECH_KERBEROS; return true;
    default: return false;
    }
}

uint8_t rpc_level_of(const struct rpc_auth *a)
{
    return a->level == 0 ? RPC_LEVEL_CONNECT : a->level == RPC_LEVEL_CALL ? RPC_LEVEL_PACKET : a->level;
}

/* Whether there is such a level and such a mechanism; false: refused. */
static bool credible(struct rpc_conn *c, const struct rpc_pdu *p)
{
    enum auth_mechanism mechanism;
    uint8_t level = rpc_level_of(&p->auth);
    bool level_ok = level >= RPC_LEVEL_CONNECT && level <= RPC_LEVEL_PRIVACY;
    if (!p->has_auth || (level_ok && mechanism_of(p->auth.type, &mechanism))) return true;
    refuse(c, p, level_ok ? RPC_NAK_AUTH_TYPE : RPC_NAK_UNSPECIFIED, RPC_FAULT_ACCESS_DENIED);
    return false;
}

/* A new context for a bind or alter_context, or the one that is being made. NULL: refused. */
static struct rpc_security *begin(struct rpc_conn *c, const struct rpc_pdu *p)
{
    struct error e = ERROR_INIT;
    struct rpc_auth a = p->auth;
    enum auth_mechanism mechanism = AUTH_MECH_NTLM;
    mechanism_of(a.type, &mechanism); /* credible() knows it */
    a.level = rpc_level_of(&a);
    struct rpc_security *s = rpc_security_find(c, a.context);
    if (s && s->state == RPC_SECURITY_RUNNING && s->guard.type == a.type && s->guard.level == a.level) return s;
    if (s) {
        bool other = s->state == RPC_SECURITY_RUNNING && s->guard.type != a.type;
        refuse(c, p, RPC_NAK_UNSPECIFIED, other ? RPC_FAULT_SEC_PKG : RPC_FAULT_ACCESS_DENIED);
        return NULL;
    }
    struct auth_exchange_config config = {
        .mechanism = mechanism, .service = AUTH_SERVICE_RPC, .address = slice_str(c->peer),
        .want = MECH_DCE_STYLE | (a.level >= RPC_LEVEL_PACKET ? MECH_SIGN : 0) | (a.level == RPC_LEVEL_PRIVACY ? MECH_SEAL : 0),
    };
    s = rpc_security_add(c, &a);
    if (s && auth_exchange_new(c->site->broker, &config, c->site->home, &s->exchange, &e) == CIMF_OK) return s;
    if (s) rpc_security_remove(c, s);
    refuse(c, p, RPC_NAK_LIMIT, RPC_FAULT_PROTOCOL);
    return NULL;
}

static void step(struct rpc_conn *c, const struct rpc_pdu *p, struct rpc_security *s)
{
    c->answer.active = true;
    c->answer.type = p->type;
    c->answer.call_id = p->call_id;
    c->answer.security = s;
    c->site->ops->reading(c, false);
    auth_exchange_step(s->exchange, p->auth.token, on_step, c);
}

/* The results of all contexts, NULL when it is no bind, or asks for too many; *count of them. */
static struct rpc_result *judge_all(struct rpc_conn *c, const struct rpc_pdu *p, unsigned *count, struct rpc_bind *b, bool *over)
{
    struct judging j = { .c = c, .b = b, .bind = p->type == RPC_BIND, .most = most_contexts(c->site) };
    if (!rpc_bind_read(p, b) || b->count == 0) return NULL;
    struct rpc_result *results = calloc(b->count, sizeof *results);
    *count = b->count;
    for (unsigned i = 0; results && !j.wrong && !j.over && i < *count; i++) {
        struct rpc_context x;
        j.wrong = !rpc_bind_next(b, &x);
        if (!j.wrong) results[i] = judge(&j, &x);
    }
    *over = j.over && !j.wrong;
    if (!j.wrong && !j.over) return results;
    free(results);
    return NULL;
}

void rpc_conn_bind(struct rpc_conn *c, const struct rpc_pdu *p)
{
    struct rpc_bind b;
    unsigned count;
    bool bind = p->type == RPC_BIND, order = c->state == (bind ? RPC_CONN_NEW : RPC_CONN_BOUND), over = false;
    if (order && !credible(c, p)) return;
    struct rpc_result *results = order ? judge_all(c, p, &count, &b, &over) : NULL;
    if (over) { /* MS-RPCE 3.3.3.5.5: alter_context, too, is answered with bind_nak then */
        rpc_conn_refuse(c, p->call_id, RPC_NAK_LIMIT);
        return;
    }
    if (!results || (bind && !take_bind(c, p, &b))) {
        free(results);
        refuse(c, p, RPC_NAK_UNSPECIFIED, RPC_FAULT_PROTOCOL);
        return;
    }
    struct rpc_security *s = NULL;
    if (p->has_auth && !(s = begin(c, p))) {
        free(results);
        return;
    }
    if (p->flags & RPC_HEADER_SIGN) c->header_sign = true; /* from here on, for all security contexts */
    c->answer = (struct rpc_answer){ .type = p->type, .call_id = p->call_id, .results = results, .count = count,
                                     .echo = p->flags & (RPC_HEADER_SIGN | (bind ? RPC_MULTIPLEX : 0)) };
    if (s) step(c, p, s);
    else acknowledge(c, SLICE_NULL);
}

void rpc_conn_auth3(struct rpc_conn *c, const struct rpc_pdu *p)
{
    struct rpc_security *s = p->has_auth ? rpc_security_find(c, p->auth.context) : NULL;
    if (s && s->state == RPC_SECURITY_RUNNING && s->guard.type == p->auth.type) step(c, p, s); /* never answered */
    else rpc_conn_fault_end(c, p->call_id, 0, RPC_FAULT_PROTOCOL, RPC_AT_BIND);
}
