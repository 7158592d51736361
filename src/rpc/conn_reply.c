/* Replies and faults: fragments of what the client takes, each protected on its own. */
#include "rpc/conn.h"

enum { BATCH = 65536 }; /* fragments are sent in pieces of this size: a large answer is not held twice */

void rpc_conn_fault(struct rpc_conn *c, uint32_t call_id, uint16_t context, uint32_t status)
{
    struct buf b;
    buf_init(&b, 0);
    rpc_fault_put(&b, call_id, context, status, RPC_DID_NOT_EXECUTE);
    rpc_conn_send(c, &b);
}

void rpc_conn_fault_end(struct rpc_conn *c, uint32_t call_id, uint16_t context, uint32_t status, enum rpc_at_fault at)
{
    struct buf b;
    buf_init(&b, 0);
    rpc_fault_put(&b, call_id, context, status, at == RPC_AT_BIND ? RPC_DID_NOT_EXECUTE : 0);
    rpc_conn_send(c, &b);
    rpc_conn_end(c);
}

/* The call is over; true: the connection still stands. */
static bool handed_back(struct rpc_slot *s)
{
    struct rpc_conn *c = s->conn;
    rpc_slot_drop(s);
    bool open = c->state != RPC_CONN_CLOSED;
    if (open && c->stopping && !rpc_conn_busy(c)) {
        rpc_conn_end(c);
        return false;
    }
    if (!open && !rpc_conn_busy(c)) c->site->ops->released(c);
    return open;
}

static const struct rpc_guard *guard_of(const struct rpc_slot *s) { return s->security ? &s->security->guard : NULL; }

void rpc_fault(struct rpc_call *call, uint32_t status)
{
    struct rpc_slot *s = (struct rpc_slot *)call;
    struct rpc_conn *c = s->conn;
    struct buf b;
    buf_init(&b, 0);
    RPC_COUNT(c->site, calls_out);
    if (c->state != RPC_CONN_CLOSED && !(s->flags & RPC_MAYBE)) {
        /* Without protection, as Windows sends them: clients don't count them among the signed messages. */
        rpc_fault_put(&b, call->call_id, s->context, status, 0);
        rpc_conn_send(c, &b);
    }
    handed_back(s);
}

void rpc_reply(struct rpc_call *call)
{
    struct rpc_slot *s = (struct rpc_slot *)call;
    struct rpc_conn *c = s->conn;
    struct buf b;
    struct slice stub = buf_slice(&call->reply);
    size_t room = rpc_guard_room(guard_of(s), c->max_xmit, 24), at = 0;
    bool fits = !c->site->ops->room || c->state == RPC_CONN_CLOSED || c->site->ops->room(c, stub.n);
    if (!buf_ok(&call->reply) || !fits) {
        rpc_fault(call, RPC_FAULT_NO_MEMORY);
        return;
    }
    buf_init(&b, 0);
    while (c->state != RPC_CONN_CLOSED && !(s->flags & RPC_MAYBE)) {
        size_t n = stub.n - at < room ? stub.n - at : room;
        unsigned flags = (at ? 0 : RPC_FIRST) | (at + n == stub.n ? RPC_LAST : 0);
        size_t start = rpc_pdu_begin(&b, RPC_RESPONSE, flags, call->call_id);
        rpc_put32(&b, (uint32_t)(stub.n - at));
        rpc_put16(&b, s->context & 0xff); /* as Windows: nobody looks at it, and Samba's tests do */
        rpc_put16(&b, 0);
        buf_add(&b, stub.p + at, n);
        if (!rpc_protect(guard_of(s), c->header_sign, &b, start, 24)) b.failed = true;
        at += n;
        if (at == stub.n || !buf_ok(&b)) break;
        RPC_COUNT(c->site, packets_out); /* and the last one when it is sent */
        if (b.n < BATCH) continue;
        c->site->ops->send(c, buf_slice(&b));
        buf_clear(&b);
    }
    RPC_COUNT(c->site, calls_out);
    rpc_conn_send(c, &b);
    if (handed_back(s)) rpc_conn_go_on(c);
}
