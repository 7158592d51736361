/* Fragments in, responses out; what becomes of requests. */
#include "rpc/client_conn.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void rpc_client_conn_init(struct rpc_client_conn *c, const struct rpc_client_ops *ops, enum rpc_level level,
                          enum rpc_auth_type type, struct rpc_initiator *initiator, uint32_t max_response)
{
    /* MS-RPCE 2.2.1.1.8: call is taken for packet, and packet is served as integrity. */
    if (level == RPC_LEVEL_CALL || level == RPC_LEVEL_PACKET) level = RPC_LEVEL_INTEGRITY;
    *c = (struct rpc_client_conn){ .ops = ops, .initiator = initiator, .max_send = RPC_FRAGMENT_MAX,
                                   .max_response = max_response ? max_response : 4 << 20 };
    c->guard = (struct rpc_guard){ .id = 1, .type = (uint8_t)type, .level = (uint8_t)level };
    buf_init(&c->in, RPC_BIND_MAX + 65536);
}

/* ---- lists of requests ---- */

void rpc_client_append(struct rpc_requests *list, struct rpc_request *r)
{
    struct rpc_request **at = &list->first;
    while (*at) at = &(*at)->next;
    r->next = NULL;
    *at = r;
}

bool rpc_client_remove(struct rpc_requests *list, struct rpc_request *r)
{
    struct rpc_request **at = &list->first;
    while (*at && *at != r) at = &(*at)->next;
    if (!*at) return false;
    *at = r->next;
    return true;
}

static void drop_all(struct rpc_requests *list)
{
    for (struct rpc_request *r = list->first; r; r = r->next) buf_wipe(&r->response);
    list->first = NULL;
}

static void ask(struct rpc_client_conn *c)
{
    if (c->asked) return;
    c->asked = true;
    c->ops->later(c);
}

void rpc_client_finish(struct rpc_client_conn *c, struct rpc_request *r, uint32_t fault)
{
    r->outcome = fault;
    rpc_client_append(&c->finished, r);
    ask(c);
}

static void finish_all(struct rpc_client_conn *c, struct rpc_requests *list)
{
    struct rpc_request *r;
    while ((r = list->first)) {
        list->first = r->next;
        rpc_client_finish(c, r, RPC_CLIENT_LOST);
    }
}

/* The request is its owner's from here on; the owner may free the client in there (memory stays until later). */
static void tell(struct rpc_request *r, uint32_t fault, struct slice stub, bool big_endian)
{
    struct buf response = r->response;
    r->response = (struct buf){ 0 };
    r->done(r, fault, stub, big_endian);
    buf_wipe(&response);
}

void rpc_client_conn_deliver(struct rpc_client_conn *c)
{
    size_t n = 0;
    c->asked = false;
    if (c->state == RPC_CLIENT_ENDED) {
        finish_all(c, &c->pending);
        finish_all(c, &c->waiting);
        c->asked = false;
    }
    for (struct rpc_request *r = c->finished.first; r; r = r->next) n++;
    while (n-- && c->finished.first) { /* what is finished meanwhile comes the next time */
        struct rpc_request *r = c->finished.first;
        c->finished.first = r->next;
        tell(r, r->outcome, SLICE_NULL, false);
    }
}

/* ---- the end ---- */

void rpc_client_conn_free(struct rpc_client_conn *c)
{
    c->state = RPC_CLIENT_ENDED;
    drop_all(&c->waiting);
    drop_all(&c->pending);
    drop_all(&c->finished);
    if (c->initiator) c->initiator->free(c->initiator);
    c->initiator = NULL;
    mech_free(c->guard.mech);
    c->guard.mech = NULL;
    free(c->contexts);
    c->contexts = NULL;
    c->context_count = c->context_room = 0;
    if (!c->running) buf_wipe(&c->in);
}

void rpc_client_conn_fail(struct rpc_client_conn *c, const struct error *why)
{
    if (c->state == RPC_CLIENT_ENDED) return;
    c->state = RPC_CLIENT_ENDED;
    c->why = *why;
    ask(c);
}

cimf_status rpc_client_broken(struct rpc_client_conn *c, cimf_status status, uint32_t native, const char *format, ...)
{
    struct error e = ERROR_INIT;
    char text[160];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    error_set(&e, status, "rpc", "%s", text);
    e.native = native;
    rpc_client_conn_fail(c, &e);
    return status;
}

void rpc_client_put(struct rpc_client_conn *c, struct buf *b)
{
    if (c->state != RPC_CLIENT_ENDED) {
        if (buf_ok(b)) c->ops->send(c, buf_slice(b));
        else rpc_client_broken(c, CIMF_FAILED, 0, "a PDU could not be made");
    }
    buf_wipe(b);
}

uint32_t rpc_client_next_call(struct rpc_client_conn *c)
{
    if (c->last_call < INT32_MAX) return ++c->last_call; /* Windows takes no more (MS-RPCE note 123) */
    rpc_client_broken(c, CIMF_CONNECTION_LOST, 0, "the connection has no call identifiers left");
    return 0;
}

/* ---- requests ---- */

void rpc_client_conn_request(struct rpc_client_conn *c, struct rpc_request *r)
{
    int context = -1;
    r->next = NULL;
    r->call_id = 0;
    r->begun = r->big_endian = false;
    buf_init(&r->response, c->max_response);
    bool dead = c->state == RPC_CLIENT_ENDED || c->closing;
    if (!dead) context = rpc_client_context_of(c, &r->interface, r->major, r->minor);
    if (context < 0) {
        rpc_client_finish(c, r, dead ? RPC_CLIENT_LOST : RPC_FAULT_NO_MEMORY);
        return;
    }
    r->context = (uint16_t)context;
    rpc_client_append(&c->waiting, r);
    rpc_client_go_on(c);
}

void rpc_client_conn_forget(struct rpc_client_conn *c, struct rpc_request *r)
{
    if (rpc_client_remove(&c->pending, r)) rpc_client_give_up(c, r);
    else if (!rpc_client_remove(&c->waiting, r) && !rpc_client_remove(&c->finished, r)) return;
    buf_wipe(&r->response);
}

int64_t rpc_client_conn_due(const struct rpc_client_conn *c)
{
    const struct rpc_requests *const lists[] = { &c->waiting, &c->pending };
    int64_t due = 0;
    for (int i = 0; i < 2; i++)
        for (const struct rpc_request *r = lists[i]->first; r; r = r->next)
            if (r->deadline && (!due || r->deadline < due)) due = r->deadline;
    return due;
}

void rpc_client_conn_expire(struct rpc_client_conn *c, int64_t now)
{
    struct rpc_requests *const lists[] = { &c->waiting, &c->pending };
    for (int i = 0; i < 2; i++)
        for (struct rpc_request *r = lists[i]->first, *next; r; r = next) {
            next = r->next;
            if (!r->deadline || now < r->deadline) continue;
            rpc_client_remove(lists[i], r);
            if (lists[i] == &c->pending) rpc_client_give_up(c, r);
            rpc_client_finish(c, r, RPC_FAULT_CANCELLED);
        }
    rpc_client_go_on(c);
}

void rpc_client_conn_pause(struct rpc_client_conn *c, bool on)
{
    c->paused = on;
    rpc_client_go_on(c);
}

/* ---- responses ---- */

static struct rpc_request *find(const struct rpc_client_conn *c, uint32_t call_id)
{
    struct rpc_request *r = c->pending.first;
    while (r && r->call_id != call_id) r = r->next;
    return r;
}

/* Whether a response or fault is from whom we logged in to; false: the association has ended. A fault may come without
 * a trailer: servers send it so when a call never got so far, and it says no more than a closed connection does. */
static bool genuine(struct rpc_client_conn *c, const struct rpc_pdu *p)
{
    const struct rpc_guard *g = &c->guard;
    size_t head = p->type == RPC_FAULT ? RPC_FAULT_HEAD : RPC_HEADER + 8;
    if (g->level < RPC_LEVEL_PACKET) return true;
    if (!p->has_auth && p->type == RPC_FAULT) return true;
    if (p->has_auth && c->proven && p->auth.type == g->type && p->auth.level == g->level && p->auth.context == g->id &&
        rpc_unprotect(g, c->header_sign, p, head))
        return true;
    rpc_client_broken(c, CIMF_ACCESS_DENIED, RPC_FAULT_SEC_PKG, "an answer's signature is missing or wrong");
    return false;
}

/* The server has answered call_id to the end. */
static void answered(struct rpc_client_conn *c, uint32_t call_id)
{
    if (c->busy_call == call_id) c->busy_call = 0;
}

static void on_response(struct rpc_client_conn *c, const struct rpc_pdu *p)
{
    struct rpc_response_head head;
    bool first = p->flags & RPC_FIRST, last = p->flags & RPC_LAST;
    if (!rpc_response_read(p, &head) || head.hint > INT32_MAX || p->call_id == 0 || p->call_id > c->last_call) {
        rpc_client_broken(c, CIMF_PROTOCOL_ERROR, 0, "a response makes no sense");
        return;
    }
    if (!genuine(c, p)) return;
    struct rpc_request *r = find(c, p->call_id);
    struct slice stub = slice_sub(p->whole, head.stub_at);
    stub = slice_head(stub, RPC_HEADER + p->body.n - (p->has_auth ? p->auth.pad : 0) - head.stub_at);
    if (last) answered(c, p->call_id);
    if (!r) return; /* forgotten, or its time was over */
    if (r->begun == first || (r->begun && r->big_endian != p->big_endian)) {
        rpc_client_broken(c, CIMF_PROTOCOL_ERROR, 0, "the fragments of a response do not fit together");
        return;
    }
    r->begun = true;
    r->big_endian = p->big_endian;
    if (!(first && last)) {
        buf_slice_add(&r->response, stub);
        stub = buf_slice(&r->response);
    }
    bool whole = buf_ok(&r->response) && stub.n <= c->max_response;
    if (whole && !last) return;
    rpc_client_remove(&c->pending, r); /* too long: what is still to come is dropped */
    if (whole) tell(r, 0, stub, r->big_endian);
    else tell(r, RPC_CLIENT_LOST, SLICE_NULL, false);
}

static void on_fault(struct rpc_client_conn *c, const struct rpc_pdu *p)
{
    struct rpc_response_head head;
    if (p->call_id == 0 || p->call_id > c->last_call || p->body.n < 12) {
        rpc_client_broken(c, CIMF_PROTOCOL_ERROR, 0, "a fault makes no sense");
        return;
    }
    if (!genuine(c, p)) return;
    if (!rpc_response_read(p, &head)) {
        rpc_client_broken(c, CIMF_PROTOCOL_ERROR, 0, "a fault makes no sense");
        return;
    }
    uint32_t status = rpc_fault_forbidden(head.status) ? RPC_FAULT_PROTOCOL : head.status;
    if (p->call_id == c->bind_call) {
        rpc_client_on_refusal(c, p, status);
        return;
    }
    struct rpc_request *r = find(c, p->call_id);
    answered(c, p->call_id);
    if (!r) return;
    rpc_client_remove(&c->pending, r);
    tell(r, status, SLICE_NULL, false);
}

/* ---- input ---- */

static void on_fragment(struct rpc_client_conn *c, struct slice fragment)
{
    struct rpc_pdu p;
    if (rpc_pdu_read(fragment, &p, NULL) != CIMF_OK) {
        rpc_client_broken(c, CIMF_PROTOCOL_ERROR, 0, "the lengths of a fragment do not fit together");
        return;
    }
    switch (p.type) {
    case RPC_RESPONSE: on_response(c, &p); break;
    case RPC_FAULT: on_fault(c, &p); break;
    case RPC_BIND_ACK: case RPC_ALTER_RESPONSE: rpc_client_on_answer(c, &p); break;
    case RPC_BIND_NAK: rpc_client_on_refusal(c, &p, 0); break;
    case RPC_SHUTDOWN: c->closing = true; break;
    default: rpc_client_broken(c, CIMF_PROTOCOL_ERROR, 0, "a PDU of type %u comes from a client only", p.type);
    }
}

/* The next whole fragment, `at` of the input; 0: more bytes are needed, or it has ended. */
static size_t next_fragment(struct rpc_client_conn *c, size_t at)
{
    if (c->in.n - at < RPC_HEADER) return 0;
    const unsigned char *h = (const unsigned char *)c->in.p + at;
    uint16_t n = rpc_pdu_length(h);
    bool family = h[2] == RPC_BIND_ACK || h[2] == RPC_ALTER_RESPONSE || h[2] == RPC_BIND_NAK;
    if (n == 0 || (!family && n > RPC_FRAGMENT_MAX)) {
        rpc_client_broken(c, CIMF_PROTOCOL_ERROR, 0, "the other side does not speak DCE/RPC, or longer fragments than were agreed on");
        return 0;
    }
    return n <= c->in.n - at ? n : 0;
}

static void take_fragments(struct rpc_client_conn *c)
{
    size_t n, at = 0;
    c->running = true;
    while (c->state != RPC_CLIENT_ENDED && (n = next_fragment(c, at)) > 0) {
        on_fragment(c, slice_of(c->in.p + at, n));
        at += n;
    }
    c->running = false;
    if (c->state == RPC_CLIENT_ENDED || at == c->in.n) buf_wipe(&c->in); /* an idle connection holds no buffer */
    else buf_consume(&c->in, at);
}

void rpc_client_conn_input(struct rpc_client_conn *c, struct slice bytes)
{
    while (bytes.n && c->state != RPC_CLIENT_ENDED) {
        size_t take = bytes.n < 65536 ? bytes.n : 65536; /* what is left of a fragment is shorter than RPC_BIND_MAX */
        if (!buf_add(&c->in, bytes.p, take)) {
            rpc_client_broken(c, CIMF_OUT_OF_MEMORY, 0, "no memory for what the server sends");
            return;
        }
        bytes = slice_sub(bytes, take);
        take_fragments(c);
    }
    if (c->closing && !c->pending.first)
        rpc_client_broken(c, CIMF_CONNECTION_LOST, 0, "the server wants no further calls");
    rpc_client_go_on(c);
}
