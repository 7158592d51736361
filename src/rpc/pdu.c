#include "rpc/pdu.h"

const struct rpc_syntax rpc_ndr = {
    { 0x8a885d04, 0x1ceb, 0x11c9, { 0x9f, 0xe8, 0x08, 0x00, 0x2b, 0x10, 0x48, 0x60 } }, 2, 0 };
const struct rpc_syntax rpc_ndr64 = {
    { 0x71710533, 0xbeba, 0x4937, { 0x83, 0x19, 0xb5, 0xdb, 0xef, 0x9c, 0xcc, 0x36 } }, 1, 0 };

bool rpc_syntax_eq(const struct rpc_syntax *a, const struct rpc_syntax *b)
{
    return guid_eq(&a->uuid, &b->uuid) && a->major == b->major && a->minor == b->minor;
}

bool rpc_syntax_features(const struct rpc_syntax *s, uint8_t *bits)
{
    const struct guid *g = &s->uuid;
    if (g->data1 != 0x6cb71c2c || g->data2 != 0x9812 || g->data3 != 0x4540 || s->major != 1) return false;
    *bits = g->data4[0];
    return true;
}

struct rpc_syntax rpc_syntax_of_features(uint8_t bits)
{
    return (struct rpc_syntax){ { 0x6cb71c2c, 0x9812, 0x4540, { bits } }, 1, 0 };
}

/* ---- numbers ---- */

uint16_t rpc_u16(struct rpc_reader *r) { return r->big ? cursor_u16be(&r->c) : cursor_u16le(&r->c); }
uint32_t rpc_u32(struct rpc_reader *r) { return r->big ? cursor_u32be(&r->c) : cursor_u32le(&r->c); }

void rpc_guid(struct rpc_reader *r, struct guid *g)
{
    g->data1 = rpc_u32(r);
    g->data2 = rpc_u16(r);
    g->data3 = rpc_u16(r);
    for (int i = 0; i < 8; i++) g->data4[i] = cursor_u8(&r->c);
}

bool rpc_put16(struct buf *b, uint32_t v)
{
    const unsigned char p[2] = { (unsigned char)v, (unsigned char)(v >> 8) };
    return buf_add(b, p, sizeof p);
}

bool rpc_put32(struct buf *b, uint32_t v)
{
    return rpc_put16(b, v) && rpc_put16(b, v >> 16);
}

void rpc_guid_put(struct buf *b, const struct guid *g)
{
    rpc_put32(b, g->data1);
    rpc_put16(b, g->data2);
    rpc_put16(b, g->data3);
    buf_add(b, g->data4, 8);
}

static void patch16(struct buf *b, size_t at, uint32_t v)
{
    if (!buf_ok(b)) return;
    b->p[at] = (char)v;
    b->p[at + 1] = (char)(v >> 8);
}

/* ---- fragments ---- */

enum { LITTLE = 0x10 }; /* of drep[0]: byte order of integers */

static uint16_t u16_at(const unsigned char *p, bool big)
{
    return (uint16_t)(big ? p[0] << 8 | p[1] : p[1] << 8 | p[0]);
}

uint16_t rpc_pdu_length(const unsigned char h[RPC_HEADER])
{
    uint16_t n = u16_at(h + 8, !(h[4] & LITTLE));
    return h[0] != 5 || h[1] > 1 || n < RPC_HEADER ? 0 : n;
}

uint32_t rpc_pdu_call(const unsigned char h[RPC_HEADER])
{
    const bool big = !(h[4] & LITTLE);
    const uint32_t a = u16_at(h + 12, big), b = u16_at(h + 14, big);
    return big ? a << 16 | b : b << 16 | a;
}

cimf_status rpc_pdu_read(struct slice fragment, struct rpc_pdu *out, struct error *e)
{
    const unsigned char *h = (const unsigned char *)fragment.p;
    *out = (struct rpc_pdu){ .whole = fragment };
    if (fragment.n < RPC_HEADER || rpc_pdu_length(h) != fragment.n)
        return error_set(e, CIMF_PROTOCOL_ERROR, "rpc", "the length of a fragment is wrong");
    out->type = h[2];
    out->flags = h[3];
    out->big_endian = !(h[4] & LITTLE);
    struct rpc_reader r = rpc_reader_of(out, slice_sub(fragment, 10));
    uint16_t auth_length = rpc_u16(&r);
    out->call_id = rpc_u32(&r);
    out->body = slice_sub(fragment, RPC_HEADER);
    if (auth_length == 0) return CIMF_OK;
    if (out->body.n < (size_t)auth_length + RPC_TRAILER)
        return error_set(e, CIMF_PROTOCOL_ERROR, "rpc", "a token of %u bytes does not fit into its fragment", auth_length);
    size_t at = fragment.n - auth_length - RPC_TRAILER;
    r = rpc_reader_of(out, slice_sub(fragment, at));
    out->has_auth = true;
    out->auth.type = cursor_u8(&r.c);
    out->auth.level = cursor_u8(&r.c);
    out->auth.pad = cursor_u8(&r.c);
    cursor_u8(&r.c);
    out->auth.context = rpc_u32(&r);
    out->auth.token = slice_sub(fragment, at + RPC_TRAILER);
    out->body = slice_head(out->body, at - RPC_HEADER);
    /* Whatever the PDU, eight octets of the body are no padding. */
    if (out->auth.pad && out->auth.pad + 8u > out->body.n)
        return error_set(e, CIMF_PROTOCOL_ERROR, "rpc", "the padding of a fragment is longer than it");
    return CIMF_OK;
}

static struct slice unpadded(const struct rpc_pdu *p)
{
    return slice_head(p->body, p->body.n - (p->has_auth ? p->auth.pad : 0));
}

static void syntax(struct rpc_reader *r, struct rpc_syntax *out)
{
    rpc_guid(r, &out->uuid);
    uint32_t version = rpc_u32(r);
    out->major = (uint16_t)version;
    out->minor = (uint16_t)(version >> 16);
}

bool rpc_bind_read(const struct rpc_pdu *p, struct rpc_bind *out)
{
    struct rpc_reader r = rpc_reader_of(p, p->body); /* nobody looks at the padding here */
    out->max_xmit = rpc_u16(&r);
    out->max_recv = rpc_u16(&r);
    out->group = rpc_u32(&r);
    out->count = cursor_u8(&r.c);
    cursor_skip(&r.c, 3);
    out->rest = r;
    return !r.c.bad;
}

bool rpc_bind_next(struct rpc_bind *b, struct rpc_context *out)
{
    struct rpc_reader *r = &b->rest;
    out->id = rpc_u16(r);
    out->transfer_count = cursor_u8(&r->c);
    cursor_u8(&r->c);
    syntax(r, &out->abstract);
    out->transfers = r->c.at;
    cursor_skip(&r->c, (size_t)out->transfer_count * 20);
    return !r->c.bad;
}

void rpc_bind_transfer(const struct rpc_bind *b, const struct rpc_context *x, unsigned i, struct rpc_syntax *out)
{
    struct rpc_reader r = { cursor_of(slice_of((const char *)x->transfers + (size_t)i * 20, 20)), b->rest.big };
    syntax(&r, out);
}

bool rpc_request_read(const struct rpc_pdu *p, struct rpc_request_head *out)
{
    struct rpc_reader r = rpc_reader_of(p, unpadded(p));
    *out = (struct rpc_request_head){ 0 };
    out->hint = rpc_u32(&r);
    out->context = rpc_u16(&r);
    out->opnum = rpc_u16(&r);
    out->has_object = p->flags & RPC_OBJECT;
    if (out->has_object) rpc_guid(&r, &out->object);
    out->stub_at = RPC_HEADER + cursor_offset(&r.c);
    return !r.c.bad;
}

bool rpc_response_read(const struct rpc_pdu *p, struct rpc_response_head *out)
{
    struct rpc_reader r = rpc_reader_of(p, unpadded(p));
    *out = (struct rpc_response_head){ 0 };
    out->hint = rpc_u32(&r);
    out->context = rpc_u16(&r);
    cursor_skip(&r.c, 2);
    out->stub_at = RPC_HEADER + cursor_offset(&r.c);
    if (p->type == RPC_FAULT) out->status = rpc_u32(&r);
    return !r.c.bad;
}

bool rpc_ack_read(const struct rpc_pdu *p, struct rpc_ack *out)
{
    struct rpc_reader r = rpc_reader_of(p, p->body);
    out->max_xmit = rpc_u16(&r);
    out->max_recv = rpc_u16(&r);
    out->group = rpc_u32(&r);
    cursor_skip(&r.c, rpc_u16(&r)); /* the secondary address: nobody needs it */
    cursor_align(&r.c, 4);
    out->count = cursor_u8(&r.c);
    cursor_skip(&r.c, 3);
    out->rest = r;
    return !r.c.bad;
}

bool rpc_ack_next(struct rpc_ack *a, struct rpc_ack_result *out)
{
    out->result = rpc_u16(&a->rest);
    out->reason = rpc_u16(&a->rest);
    syntax(&a->rest, &out->syntax);
    return !a->rest.c.bad;
}

bool rpc_nak_read(const struct rpc_pdu *p, uint16_t *reason)
{
    struct rpc_reader r = rpc_reader_of(p, p->body);
    *reason = rpc_u16(&r);
    return !r.c.bad;
}

/* ---- writing ---- */

size_t rpc_pdu_begin(struct buf *b, enum rpc_pdu_type type, unsigned flags, uint32_t call_id)
{
    size_t start = b->n;
    const unsigned char h[12] = { 5, 0, (unsigned char)type, (unsigned char)flags, LITTLE };
    buf_add(b, h, sizeof h);
    rpc_put32(b, call_id);
    return start;
}

void rpc_trailer_put(struct buf *b, size_t start, unsigned align, const struct rpc_auth *a)
{
    unsigned pad = (unsigned)((align - (b->n - start - RPC_HEADER) % align) % align);
    for (unsigned i = 0; i < pad; i++) buf_byte(b, 0);
    buf_byte(b, a->type);
    buf_byte(b, a->level);
    buf_byte(b, (int)pad);
    buf_byte(b, 0);
    rpc_put32(b, a->context);
}

void rpc_pdu_end(struct buf *b, size_t start, uint16_t auth_length)
{
    patch16(b, start + 8, (uint32_t)(b->n - start));
    patch16(b, start + 10, auth_length);
}

void rpc_syntax_put(struct buf *b, const struct rpc_syntax *s)
{
    rpc_guid_put(b, &s->uuid);
    rpc_put32(b, (uint32_t)s->minor << 16 | s->major);
}

void rpc_bind_put(struct buf *b, uint16_t fragment, uint32_t group, unsigned count)
{
    rpc_put16(b, fragment);
    rpc_put16(b, fragment);
    rpc_put32(b, group);
    rpc_put32(b, count);
}

void rpc_context_put(struct buf *b, uint16_t id, const struct rpc_syntax *abstract, const struct rpc_syntax *transfer)
{
    rpc_put16(b, id);
    rpc_put16(b, 1);
    rpc_syntax_put(b, abstract);
    rpc_syntax_put(b, transfer);
}

void rpc_ack_put(struct buf *b, uint16_t max_xmit, uint16_t max_recv, uint32_t group, struct slice secondary,
                 const struct rpc_result *results, unsigned count, size_t start)
{
    static const struct rpc_syntax nothing;
    rpc_put16(b, max_xmit);
    rpc_put16(b, max_recv);
    rpc_put32(b, group);
    rpc_put16(b, (uint32_t)(secondary.n ? secondary.n + 1 : 0));
    if (secondary.n) {
        buf_slice_add(b, secondary);
        buf_byte(b, 0);
    }
    while ((b->n - start) % 4) buf_byte(b, 0);
    rpc_put32(b, count);
    for (unsigned i = 0; i < count; i++) {
        const struct rpc_syntax *s = results[i].syntax ? results[i].syntax : &nothing;
        rpc_put16(b, results[i].result);
        rpc_put16(b, results[i].reason);
        rpc_syntax_put(b, s);
    }
}

bool rpc_nak_put(struct buf *b, uint32_t call_id, uint16_t reason)
{
    size_t start = rpc_pdu_begin(b, RPC_BIND_NAK, RPC_FIRST | RPC_LAST, call_id);
    rpc_put16(b, reason);
    buf_byte(b, 1);
    buf_byte(b, 5);
    buf_byte(b, 0);
    while ((b->n - start) % 4) buf_byte(b, 0);
    rpc_pdu_end(b, start, 0);
    return buf_ok(b);
}

bool rpc_fault_forbidden(uint32_t status)
{
    static const uint32_t list[] = { 0, 0x80000001, 0x80000002, 0x80000003, 0xc0000005, 0xc0000006, 0xc000001d, 0xc0000096,
                                     0xc00000aa, 0xc00000fd, 0xc0000194, 0xc0000235, 0xc0000409, 0xc0000420 };
    for (size_t i = 0; i < sizeof list / sizeof *list; i++)
        if (list[i] == status) return true;
    return false;
}

bool rpc_fault_put(struct buf *b, uint32_t call_id, uint16_t context, uint32_t status, unsigned flags)
{
    enum { PROTOCOL_ERROR = 0x1c01000b };
    if (rpc_fault_forbidden(status)) status = PROTOCOL_ERROR;
    size_t start = rpc_pdu_begin(b, RPC_FAULT, RPC_FIRST | RPC_LAST | flags, call_id);
    rpc_put32(b, RPC_FAULT_HINT);
    rpc_put16(b, context);
    rpc_put16(b, 0);
    rpc_put32(b, status);
    rpc_put32(b, 0);
    rpc_pdu_end(b, start, 0);
    return buf_ok(b);
}
