/* Fragments in, calls out. */
#include "rpc/conn.h"

#include <stdlib.h>

void rpc_site_defaults(struct rpc_site *s)
{
    struct rpc_limits *l = &s->limits;
    if (!l->max_stub) l->max_stub = 4 << 20;
    if (!l->max_securities) l->max_securities = 2049;
    if (!l->max_calls) l->max_calls = 64;
    if (!l->bind_timeout_us) l->bind_timeout_us = 10 * 1000000;
    if (!l->fragment_timeout_us) l->fragment_timeout_us = 60 * 1000000;
    if (!l->idle_timeout_us) l->idle_timeout_us = (int64_t)2 * 3600 * 1000000;
    if (!l->idle_anonymous_us) l->idle_anonymous_us = 60 * 1000000;
    if (!s->floor) s->floor = RPC_LEVEL_INTEGRITY;
}

void rpc_conn_init(struct rpc_conn *c, struct rpc_site *site, const char *peer, const char *local)
{
    *c = (struct rpc_conn){ .site = site, .peer = peer, .local = local, .id = ++site->next_connection,
                            .max_xmit = RPC_FRAGMENT_MAX, .max_recv = RPC_FRAGMENT_MAX };
    buf_init(&c->in, RPC_BIND_MAX + 65536);
}

bool rpc_conn_busy(const struct rpc_conn *c)
{
    for (const struct rpc_slot *s = c->slots; s; s = s->next)
        if (s->running) return true;
    return false;
}

void rpc_conn_free(struct rpc_conn *c)
{
    while (c->slots) rpc_slot_drop(c->slots);
    rpc_watches_tell(c);
    while (c->security_count) rpc_security_remove(c, c->securities[c->security_count - 1]);
    free(c->securities);
    free(c->presentations);
    free(c->answer.results);
    buf_wipe(&c->in);
    rpc_conn_let_go(c, c->held);
    if (c->group && c->site->leave) c->site->leave(c->site, c->group);
    c->group = 0;
}

void rpc_conn_close(struct rpc_conn *c)
{
    if (c->state == RPC_CONN_CLOSED) return;
    c->state = RPC_CONN_CLOSED;
    c->site->ops->close(c);
}

static void tell(struct rpc_slot *s)
{
    if (!s->running || s->cancelled) return;
    s->cancelled = true;
    if (s->call.on_abort) s->call.on_abort(&s->call);
}

void rpc_conn_end(struct rpc_conn *c)
{
    rpc_conn_close(c);
    for (struct rpc_slot *s = c->slots, *next; s; s = next) {
        next = s->next;
        tell(s);
    }
}

void rpc_conn_stop(struct rpc_conn *c)
{
    c->stopping = true;
    if (!rpc_conn_busy(c)) rpc_conn_end(c);
}

enum rpc_wait rpc_conn_waits(const struct rpc_conn *c)
{
    if (!c->proven) return RPC_WAIT_PROOF;
    if (rpc_conn_busy(c) || c->answer.active || c->paused) return RPC_WAIT_WORK;
    return c->in.n || c->slots ? RPC_WAIT_REST : RPC_WAIT_NEXT;
}

int64_t rpc_conn_patience(const struct rpc_conn *c, enum rpc_wait wait)
{
    const struct rpc_limits *l = &c->site->limits;
    switch (wait) {
    case RPC_WAIT_PROOF: return l->bind_timeout_us;
    case RPC_WAIT_REST: return l->fragment_timeout_us;
    case RPC_WAIT_NEXT: return c->security_count ? l->idle_timeout_us : l->idle_anonymous_us;
    default: return 0;
    }
}

void rpc_conn_send(struct rpc_conn *c, struct buf *b)
{
    if (c->state != RPC_CONN_CLOSED) {
        RPC_COUNT(c->site, packets_out);
        if (buf_ok(b)) c->site->ops->send(c, buf_slice(b));
        else rpc_conn_end(c);
    }
    buf_free(b);
}

bool rpc_conn_hold(struct rpc_conn *c, size_t n)
{
    if (c->site->ops->hold && !c->site->ops->hold(c, c->held + n)) return false;
    c->held += n;
    return true;
}

void rpc_conn_let_go(struct rpc_conn *c, size_t n)
{
    if (c->site->ops->hold) c->site->ops->hold(c, c->held - n);
    c->held -= n;
}

/* ---- calls ---- */

void rpc_slot_drop(struct rpc_slot *s)
{
    struct rpc_slot **at = &s->conn->slots;
    while (*at != s) at = &(*at)->next;
    *at = s->next;
    s->conn->slot_count--;
    rpc_conn_let_go(s->conn, s->held);
    if (s->call.principal) principal_unref(s->call.principal);
    buf_wipe(&s->stub);
    buf_free(&s->call.reply);
    arena_free(&s->arena);
    free(s);
}

static struct rpc_slot *slot_find(struct rpc_conn *c, uint32_t call_id)
{
    for (struct rpc_slot *s = c->slots; s; s = s->next)
        if (s->call.call_id == call_id) return s;
    return NULL;
}

static struct rpc_slot *slot_new(struct rpc_conn *c, const struct rpc_pdu *p, const struct rpc_request_head *r)
{
    struct rpc_slot *s = calloc(1, sizeof *s), **at = &c->slots;
    if (!s) return NULL;
    arena_init(&s->arena, 0);
    buf_init(&s->stub, c->site->limits.max_stub);
    buf_init(&s->call.reply, 0);
    s->conn = c;
    s->context = r->context;
    s->flags = p->flags;
    s->call.call_id = p->call_id;
    s->call.opnum = r->opnum;
    s->call.object = r->object;
    s->call.has_object = r->has_object;
    s->call.big_endian = p->big_endian;
    s->call.peer = c->peer;
    s->call.local = c->local;
    s->call.connection = c->id;
    s->call.arena = &s->arena;
    s->call.home = c->site->home;
    while (*at) at = &(*at)->next;
    *at = s;
    c->slot_count++;
    return s;
}

static void refuse(struct rpc_slot *s, uint32_t status)
{
    struct rpc_conn *c = s->conn;
    uint32_t id = s->call.call_id;
    uint16_t context = s->context;
    rpc_slot_drop(s);
    rpc_conn_fault(c, id, context, status);
}

/* Whole and verified: to its interface, if that takes calls of this level. */
static void dispatch(struct rpc_slot *s)
{
    struct rpc_conn *c = s->conn;
    const struct rpc_interface *i = s->call.interface;
    enum rpc_level floor = i->floor > RPC_LEVEL_NONE && i->floor < c->site->floor ? c->site->floor : i->floor;
    s->call.stub = buf_slice(&s->stub);
    s->call.level = s->level;
    if (s->security) {
        s->call.principal = principal_ref(s->security->principal);
        s->call.flags = s->security->guard.mech ? s->security->guard.mech->flags : 0;
    }
    if (floor > RPC_LEVEL_NONE && (!s->call.principal || s->level < floor)) refuse(s, RPC_FAULT_ACCESS_DENIED);
    else if (!rpc_verify_trailer(s)) refuse(s, RPC_FAULT_ACCESS_DENIED);
    else if (!i->by_object && s->call.opnum >= i->opnums) refuse(s, RPC_FAULT_OP_RANGE);
    else if (c->slot_count > c->site->limits.max_calls) refuse(s, RPC_FAULT_BUSY);
    else {
        s->running = c->proven = true;
        RPC_COUNT(c->site, calls_in);
        i->call(&s->call);
    }
}

static struct rpc_security *login_that_failed(const struct rpc_conn *c)
{
    for (unsigned i = 0; i < c->security_count; i++)
        if (c->securities[i]->state == RPC_SECURITY_FAILED) return c->securities[i];
    return NULL;
}

static void end_request(struct rpc_conn *c, const struct rpc_pdu *p, uint16_t context, uint32_t status)
{
    rpc_conn_fault_end(c, p->call_id, context, status, RPC_AT_REQUEST);
}

/* A call without a trailer. An auth3 is never answered: that it failed is heard now. */
static bool check_bare(struct rpc_conn *c, const struct rpc_pdu *p, const struct rpc_request_head *r, struct rpc_security **out)
{
    if (login_that_failed(c)) {
        end_request(c, p, r->context, RPC_FAULT_ACCESS_DENIED);
        return false;
    }
    /* At level connect the trailer may be left out when there is no doubt whose call it is. */
    if (c->security_count == 1 && c->securities[0]->state == RPC_SECURITY_DONE && c->securities[0]->guard.level == RPC_LEVEL_CONNECT)
        *out = c->securities[0];
    return true;
}

/* The security context of a call's first fragment, verified; false: answered, the connection has ended. */
static bool check_security(struct rpc_conn *c, const struct rpc_pdu *p, const struct rpc_request_head *r, struct rpc_security **out)
{
    *out = NULL;
    if (!p->has_auth) return check_bare(c, p, r, out);
    struct rpc_security *s = rpc_security_find(c, p->auth.context);
    if (s && s->state == RPC_SECURITY_RUNNING) {
        rpc_conn_fault_end(c, p->call_id, 0, RPC_FAULT_PROTOCOL, RPC_AT_BIND);
        return false;
    }
    if (!s || s->state != RPC_SECURITY_DONE || s->guard.type != p->auth.type || s->guard.level != rpc_level_of(&p->auth)) {
        end_request(c, p, r->context, RPC_FAULT_ACCESS_DENIED);
        return false;
    }
    if (!rpc_unprotect(&s->guard, c->header_sign, p, r->stub_at)) { /* wrong bytes: whoever sends them is not who logged in */
        end_request(c, p, r->context, RPC_FAULT_SEC_PKG);
        return false;
    }
    *out = s;
    return true;
}

/* A call that there is no room for is read to its end, so that the connection stays. */
static bool hold_part(struct rpc_slot *s, size_t n)
{
    n += s->held ? 0 : sizeof *s;
    if (rpc_conn_hold(s->conn, n)) {
        s->held += n;
        return true;
    }
    rpc_conn_let_go(s->conn, s->held);
    s->held = 0;
    buf_wipe(&s->stub);
    return false;
}

/* The part of the stub that a fragment carries; the last one makes it a call. */
static void take_fragment(struct rpc_slot *s, const struct rpc_pdu *p, const struct rpc_request_head *r)
{
    size_t end = RPC_HEADER + p->body.n - (p->has_auth ? p->auth.pad : 0);
    if (end >= r->stub_at && !s->busy) s->busy = !hold_part(s, end - r->stub_at);
    if (s->busy) {
        if (p->flags & RPC_LAST) refuse(s, RPC_FAULT_BUSY);
        return;
    }
    if (end < r->stub_at || !buf_add(&s->stub, p->whole.p + r->stub_at, end - r->stub_at))
        end_request(s->conn, p, s->context, RPC_FAULT_ACCESS_DENIED); /* over the limit: MS-RPCE 3.3.3.5.4 */
    else if (p->flags & RPC_LAST) dispatch(s);
}

/* A further fragment of the call that is being put together. What it says of contexts, operation and level is not
 * looked at: the first one decided; the signature covers it. */
static void go_on_with(struct rpc_slot *s, const struct rpc_pdu *p, const struct rpc_request_head *r)
{
    struct rpc_conn *c = s->conn;
    if (p->has_auth != s->trailer) end_request(c, p, s->context, RPC_FAULT_PROTOCOL);
    else if (s->trailer && !rpc_unprotect(&s->security->guard, c->header_sign, p, r->stub_at)) end_request(c, p, s->context, RPC_FAULT_SEC_PKG);
    else if (p->flags & RPC_FIRST || p->big_endian != s->call.big_endian) end_request(c, p, s->context, RPC_FAULT_PROTOCOL);
    else take_fragment(s, p, r);
}

static void begin_call(struct rpc_conn *c, const struct rpc_pdu *p, const struct rpc_request_head *r, const struct rpc_interface *i,
                       struct rpc_security *security)
{
    bool whole = p->flags & RPC_LAST;
    if (!whole && r->hint > c->site->limits.max_stub) {
        end_request(c, p, r->context, RPC_FAULT_ACCESS_DENIED);
        return;
    }
    struct rpc_slot *s = slot_new(c, p, r);
    if (!s) {
        rpc_conn_fault(c, p->call_id, r->context, RPC_FAULT_NO_MEMORY);
        return;
    }
    s->call.interface = i;
    s->security = security;
    s->level = security ? security->guard.level : RPC_LEVEL_NONE;
    s->trailer = p->has_auth;
    take_fragment(s, p, r);
}

static struct rpc_slot *unfinished(const struct rpc_conn *c)
{
    for (struct rpc_slot *s = c->slots; s; s = s->next)
        if (!s->running) return s;
    return NULL;
}

/* Calls are answered in any order, but put together one after the other. */
static void on_request(struct rpc_conn *c, const struct rpc_pdu *p)
{
    struct rpc_request_head r;
    struct rpc_security *security;
    bool known, first = p->flags & RPC_FIRST;
    struct rpc_slot *s = unfinished(c);
    if (c->state != RPC_CONN_BOUND || !rpc_request_read(p, &r)) end_request(c, p, 0, RPC_FAULT_PROTOCOL);
    else if (s && s->call.call_id == p->call_id) go_on_with(s, p, &r);
    else if (s && !c->multiplex) rpc_conn_fault_end(c, s->call.call_id, s->context, RPC_FAULT_PROTOCOL, RPC_AT_REQUEST);
    else if (s || slot_find(c, p->call_id) || (!first && !c->multiplex)) end_request(c, p, 0, RPC_FAULT_PROTOCOL);
    else {
        const struct rpc_interface *i = rpc_conn_interface(c, r.context, &known);
        if (!i) rpc_conn_fault(c, p->call_id, 0, RPC_FAULT_UNKNOWN_INTERFACE);
        else if (!check_security(c, p, &r, &security)) return;
        else if (!first) end_request(c, p, r.context, RPC_FAULT_PROTOCOL);
        else begin_call(c, p, &r, i, security);
    }
}

/* co_cancel, orphaned: the call is given up, the connection stays. One that is not whole yet is not given up: Windows
 * waits for the rest of it. */
static void on_cancel(struct rpc_conn *c, const struct rpc_pdu *p)
{
    struct rpc_slot *s = slot_find(c, p->call_id);
    if (s) tell(s);
}

/* ---- input ---- */

/* A fragment whose lengths do not fit together. */
static void on_broken(struct rpc_conn *c, const struct rpc_pdu *p)
{
    switch (p->type) {
    case RPC_BIND: rpc_conn_refuse(c, p->call_id, RPC_NAK_VERSION); break;
    case RPC_ALTER: rpc_conn_fault_end(c, p->call_id, 0, RPC_FAULT_PROTOCOL, RPC_AT_BIND); break;
    case RPC_AUTH3: rpc_conn_fault_end(c, p->call_id, 0, RPC_FAULT_NO_MEMORY, RPC_AT_BIND); break; /* as Windows */
    default: end_request(c, p, 0, RPC_FAULT_PROTOCOL);
    }
}

static void on_fragment(struct rpc_conn *c, struct slice fragment)
{
    struct rpc_pdu p;
    struct error e = ERROR_INIT;
    if (rpc_pdu_read(fragment, &p, &e) != CIMF_OK) {
        on_broken(c, &p);
        return;
    }
    switch (p.type) {
    case RPC_REQUEST: on_request(c, &p); break;
    case RPC_BIND: case RPC_ALTER: rpc_conn_bind(c, &p); break;
    case RPC_AUTH3: rpc_conn_auth3(c, &p); break;
    case RPC_CANCEL: case RPC_ORPHANED: on_cancel(c, &p); break;
    default: end_request(c, &p, 0, RPC_FAULT_PROTOCOL);
    }
}

/* The next whole fragment, `at` of the input; 0: more bytes are needed. */
static size_t next_fragment(struct rpc_conn *c, size_t at)
{
    if (c->in.n - at < RPC_HEADER) return 0;
    const unsigned char *h = (const unsigned char *)c->in.p + at;
    uint16_t n = rpc_pdu_length(h);
    bool family = h[2] == RPC_BIND || h[2] == RPC_ALTER || h[2] == RPC_AUTH3;
    bool large = n && !family && n > RPC_FRAGMENT_MAX; /* whatever was agreed on */
    if (n == 0 && h[2] == RPC_BIND && (h[0] != 5 || h[1] > 1)) rpc_conn_refuse(c, 0, RPC_NAK_VERSION);
    else if (large && h[2] == RPC_REQUEST) rpc_conn_fault_end(c, rpc_pdu_call(h), 0, RPC_FAULT_PROTOCOL, RPC_AT_REQUEST);
    if (n == 0 || large) {
        rpc_conn_end(c);
        return 0;
    }
    return n <= c->in.n - at ? n : 0;
}

static bool may_read(const struct rpc_conn *c)
{
    return c->state != RPC_CONN_CLOSED && !c->answer.active && !c->paused && !c->stopping;
}

/* What is there of a fragment, or waits for its turn, counts too. */
static void hold_input(struct rpc_conn *c)
{
    if (c->in.n < c->in_held) rpc_conn_let_go(c, c->in_held - c->in.n);
    else if (!rpc_conn_hold(c, c->in.n - c->in_held)) {
        rpc_conn_end(c);
        return;
    }
    c->in_held = c->in.n;
}

void rpc_conn_go_on(struct rpc_conn *c)
{
    size_t n, at = 0;
    if (c->running) return;
    c->running = true;
    while (may_read(c) && (n = next_fragment(c, at)) > 0) {
        RPC_COUNT(c->site, packets_in);
        on_fragment(c, slice_of(c->in.p + at, n));
        at += n;
    }
    c->running = false;
    if (at < c->in.n) buf_consume(&c->in, at);
    else buf_wipe(&c->in); /* an idle connection holds no buffer */
    if (c->in.n < c->in_held) hold_input(c);
}

void rpc_conn_pause(struct rpc_conn *c, bool on)
{
    if (c->paused == on) return;
    c->paused = on;
    if (!on) rpc_conn_go_on(c);
}

static void take_input(struct rpc_conn *c, struct slice bytes)
{
    while (bytes.n && c->state != RPC_CONN_CLOSED) {
        /* At most one fragment more than the one that waits: the socket keeps the rest. */
        size_t take = c->in.n < RPC_BIND_MAX ? RPC_BIND_MAX - c->in.n : 0;
        if (take > bytes.n) take = bytes.n;
        if (take == 0 || !buf_add(&c->in, bytes.p, take)) {
            rpc_conn_end(c);
            return;
        }
        bytes = slice_sub(bytes, take);
        rpc_conn_go_on(c);
        if (!may_read(c) && bytes.n) { /* the driver was told to stop; what it still has is a read at most */
            if (!buf_slice_add(&c->in, bytes)) rpc_conn_end(c);
            return;
        }
    }
}

void rpc_conn_input(struct rpc_conn *c, struct slice bytes)
{
    take_input(c, bytes);
    hold_input(c);
}
