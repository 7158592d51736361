#include "rpc/tower.h"

/* ---- reading ---- */

struct floor {
    uint8_t protocol;
    struct slice left, right; /* left: behind the protocol */
};

static bool floor_read(struct cursor *c, struct floor *f)
{
    struct slice left = cursor_bytes(c, cursor_u16le(c));
    f->right = cursor_bytes(c, cursor_u16le(c));
    if (c->bad || left.n == 0) return false;
    f->protocol = (uint8_t)left.p[0];
    f->left = slice_sub(left, 1);
    return true;
}

/* Floors one and two: a UUID with its versions, always little-endian. */
static bool syntax_of(const struct floor *f, struct rpc_syntax *out)
{
    struct rpc_reader left = { cursor_of(f->left), false }, right = { cursor_of(f->right), false };
    if (f->protocol != TOWER_UUID || f->left.n != 18 || f->right.n != 2) return false;
    rpc_guid(&left, &out->uuid);
    out->major = rpc_u16(&left);
    out->minor = rpc_u16(&right);
    return true;
}

bool tower_read(struct slice octets, struct tower *out)
{
    struct cursor c = cursor_of(octets);
    struct floor floors[TOWER_FLOORS];
    unsigned count = cursor_u16le(&c);
    *out = (struct tower){ 0 };
    if (c.bad || count < 2 || count > TOWER_FLOORS) return false;
    for (unsigned i = 0; i < count; i++)
        if (!floor_read(&c, &floors[i])) return false;
    if (!syntax_of(&floors[0], &out->interface) || !syntax_of(&floors[1], &out->transfer)) return false;
    out->tcp = count >= 4 && floors[2].protocol == TOWER_CONNECTION && floors[3].protocol == TOWER_TCP;
    if (out->tcp && floors[3].right.n == 2)
        out->port = (uint16_t)((unsigned char)floors[3].right.p[0] << 8 | (unsigned char)floors[3].right.p[1]);
    return true;
}

/* ---- writing ---- */

static void put_syntax(struct buf *b, const struct rpc_syntax *s)
{
    rpc_put16(b, 19);
    buf_byte(b, TOWER_UUID);
    rpc_guid_put(b, &s->uuid);
    rpc_put16(b, s->major);
    rpc_put16(b, 2);
    rpc_put16(b, s->minor);
}

static void put_floor(struct buf *b, uint8_t protocol, const void *right, size_t n)
{
    rpc_put16(b, 1);
    buf_byte(b, protocol);
    rpc_put16(b, (uint32_t)n);
    buf_add(b, right, n);
}

void tower_put(struct buf *b, const struct tower *t)
{
    const unsigned char minor[2] = { 0, 0 }, port[2] = { (unsigned char)(t->port >> 8), (unsigned char)t->port };
    rpc_put16(b, 5);
    put_syntax(b, &t->interface);
    put_syntax(b, &t->transfer);
    put_floor(b, TOWER_CONNECTION, minor, sizeof minor);
    put_floor(b, TOWER_TCP, port, sizeof port);
    put_floor(b, TOWER_IP, t->address, sizeof t->address);
}
