/* Requests out: fragments of what the server takes, each protected on its own. */
#include "rpc/client_conn.h"
#include "rpc/trailer.h"

/* What is behind the stub: the server is told, under the signature, what it was told without one. */
static void put_trailer(struct rpc_client_conn *c, const struct rpc_request *r, struct buf *out)
{
    struct rpc_client_context *x = &c->contexts[r->context];
    bool headers = c->header_sign || c->guard.whole;
    if (c->guard.level < RPC_LEVEL_PACKET || (x->vouched && headers)) return;
    const struct rpc_trailer t = { .header_signing = true, .interface = x->vouched ? NULL : &x->syntax, .header = !headers,
                                   .call_id = r->call_id, .context = r->context, .opnum = r->opnum };
    for (size_t pad = r->stub.n; pad % 4; pad++) buf_byte(out, 0);
    struct buf trailer;
    buf_init(&trailer, 0);
    rpc_trailer_append(&trailer, &t);
    if (!buf_ok(&trailer)) out->failed = true;
    buf_slice_add(out, buf_slice(&trailer));
    buf_free(&trailer);
    x->vouched = true;
}

/* n octets of the stub and what is behind it, from `at` on. */
static void put_piece(struct buf *b, struct slice stub, struct slice behind, size_t at, size_t n)
{
    size_t of_stub = at >= stub.n ? 0 : stub.n - at < n ? stub.n - at : n;
    buf_slice_add(b, slice_head(slice_sub(stub, at), of_stub));
    if (of_stub < n) buf_slice_add(b, slice_head(slice_sub(behind, at + of_stub - stub.n), n - of_stub));
}

static void put_request(struct rpc_client_conn *c, const struct rpc_request *r, struct slice behind, struct buf *b)
{
    size_t head = r->has_object ? 40 : 24, room = rpc_guard_room(&c->guard, c->max_send, head);
    size_t total = r->stub.n + behind.n, at = 0;
    do {
        size_t n = total - at < room ? total - at : room;
        unsigned flags = (at ? 0 : RPC_FIRST) | (at + n == total ? RPC_LAST : 0) | (r->has_object ? RPC_OBJECT : 0);
        size_t start = rpc_pdu_begin(b, RPC_REQUEST, flags, r->call_id);
        rpc_put32(b, (uint32_t)(total - at));
        rpc_put16(b, r->context);
        rpc_put16(b, r->opnum);
        if (r->has_object) rpc_guid_put(b, &r->object);
        put_piece(b, r->stub, behind, at, n);
        if (!rpc_protect(&c->guard, c->header_sign, b, start, head)) b->failed = true;
        at += n;
    } while (at < total && buf_ok(b));
}

static void send_request(struct rpc_client_conn *c, struct rpc_request *r)
{
    struct buf b, behind;
    r->call_id = rpc_client_next_call(c);
    if (!r->call_id) return;
    buf_init(&behind, 0);
    put_trailer(c, r, &behind);
    buf_init(&b, (r->stub.n + 1024) * 2 + 65536);
    if (!buf_ok(&behind)) b.failed = true;
    put_request(c, r, buf_slice(&behind), &b);
    buf_free(&behind);
    if (!c->multiplex) c->busy_call = r->call_id;
    rpc_client_put(c, &b);
}

static bool may_send(const struct rpc_client_conn *c)
{
    return c->state == RPC_CLIENT_READY && !c->paused && !c->busy_call && (c->multiplex || !c->bind_call);
}

void rpc_client_go_on(struct rpc_client_conn *c)
{
    rpc_client_offer(c);
    for (struct rpc_request *r = c->waiting.first, *next; r && may_send(c); r = next) {
        next = r->next;
        uint8_t offer = c->contexts[r->context].offer;
        if (offer != RPC_OFFER_ACCEPTED && offer != RPC_OFFER_REJECTED) continue; /* others need not wait for it */
        rpc_client_remove(&c->waiting, r);
        if (offer == RPC_OFFER_REJECTED) {
            rpc_client_finish(c, r, RPC_FAULT_UNKNOWN_INTERFACE);
            continue;
        }
        rpc_client_append(&c->pending, r);
        send_request(c, r);
    }
}

/* Where the connection may be kept after orphaned, the server need not answer; elsewhere it does, and that is dropped. */
void rpc_client_give_up(struct rpc_client_conn *c, const struct rpc_request *r)
{
    struct buf b;
    if (c->state != RPC_CLIENT_READY) return;
    buf_init(&b, 0);
    size_t start = rpc_pdu_begin(&b, c->keep_on_orphan ? RPC_ORPHANED : RPC_CANCEL, RPC_FIRST | RPC_LAST, r->call_id);
    rpc_pdu_end(&b, start, 0);
    if (c->keep_on_orphan && c->busy_call == r->call_id) c->busy_call = 0;
    rpc_client_put(c, &b);
}
