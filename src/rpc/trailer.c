/* What a client appends, and what a server makes of it: looked at where there is a signature; without one it proves nothing. */
#include "rpc/trailer.h"

#include "rpc/conn.h"

enum {
    VT_TYPE = 0x3fff, VT_END = 0x4000, VT_MUST = 0x8000,
    VT_BITMASK = 1, VT_PCONTEXT = 2, VT_HEADER2 = 3,
    VT_HEADER_SIGNING = 1,
};
enum { SEARCHED = 160 }; /* octets at the end of a stub: all commands, with room for padding */

static const unsigned char signature[8] = { 0x8a, 0xe3, 0x13, 0x71, 0x02, 0xf4, 0x36, 0x71 };

static bool same_syntax(struct rpc_reader *r, const struct rpc_syntax *expected)
{
    struct rpc_syntax s;
    rpc_guid(r, &s.uuid);
    s.major = rpc_u16(r);
    s.minor = rpc_u16(r);
    return guid_eq(&s.uuid, &expected->uuid) && s.major == expected->major && s.minor <= expected->minor;
}

static bool header_fits(const struct rpc_slot *s, struct slice data)
{
    const unsigned char *p = (const unsigned char *)data.p;
    struct rpc_reader r = { cursor_of(slice_sub(data, 8)), false };
    return data.n == 16 && p[0] == RPC_REQUEST && (p[4] == 0) == s->call.big_endian && rpc_u32(&r) == s->call.call_id &&
           rpc_u16(&r) == s->context && rpc_u16(&r) == s->call.opnum;
}

/* One command; false: what it says is not so. */
static bool command_fits(const struct rpc_slot *s, unsigned command, struct slice data)
{
    const struct rpc_interface *i = s->call.interface;
    struct rpc_reader r = { cursor_of(data), false };
    switch (command & VT_TYPE) {
    case VT_BITMASK: return data.n == 4 && (!(rpc_u32(&r) & VT_HEADER_SIGNING) || s->conn->header_sign);
    case VT_PCONTEXT:
        return data.n == 40 && same_syntax(&r, &(struct rpc_syntax){ i->uuid, i->major, i->minor }) && same_syntax(&r, &rpc_ndr);
    case VT_HEADER2: return header_fits(s, data);
    default: return !(command & VT_MUST);
    }
}

/* The commands that begin there; false: what stands there is none, or ends too early. */
static bool commands(const struct rpc_slot *s, struct slice rest, bool *fits)
{
    struct cursor c = cursor_of(rest);
    unsigned command = 0;
    *fits = true;
    while (!c.bad && !(command & VT_END)) {
        command = cursor_u16le(&c);
        struct slice data = cursor_bytes(&c, cursor_u16le(&c));
        *fits = *fits && !c.bad && command_fits(s, command, data);
    }
    return !c.bad;
}

bool rpc_verify_trailer(struct rpc_slot *s)
{
    struct slice stub = s->call.stub;
    if (!s->security || s->level < RPC_LEVEL_PACKET || stub.n < sizeof signature + 4) return true;
    size_t lowest = stub.n > SEARCHED ? stub.n - SEARCHED : 0;
    for (size_t at = (stub.n - sizeof signature) & ~(size_t)3; at >= lowest && at <= stub.n; at -= 4) {
        bool fits;
        if (memcmp(stub.p + at, signature, sizeof signature) != 0) continue;
        if (!commands(s, slice_sub(stub, at + sizeof signature), &fits)) return false;
        s->call.stub = slice_head(stub, at);
        return fits;
    }
    return true;
}

/* ---- writing ---- */

static void put_command(struct buf *b, unsigned command, bool last, unsigned length)
{
    rpc_put16(b, command | (last ? VT_END : 0));
    rpc_put16(b, length);
}

void rpc_trailer_append(struct buf *b, const struct rpc_trailer *t)
{
    const unsigned char request[8] = { RPC_REQUEST, 0, 0, 0, 0x10 };
    while (b->n % 4) buf_byte(b, 0);
    buf_add(b, signature, sizeof signature);
    if (t->interface) {
        put_command(b, VT_BITMASK, false, 4);
        rpc_put32(b, t->header_signing ? VT_HEADER_SIGNING : 0);
        put_command(b, VT_PCONTEXT, !t->header, 40);
        rpc_syntax_put(b, t->interface);
        rpc_syntax_put(b, &rpc_ndr);
    }
    if (t->header) {
        put_command(b, VT_HEADER2, true, 16);
        buf_add(b, request, sizeof request);
        rpc_put32(b, t->call_id);
        rpc_put16(b, t->context);
        rpc_put16(b, t->opnum);
    }
}
