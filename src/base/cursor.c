#include "base/cursor.h"

struct cursor cursor_of(struct slice s)
{
    static const unsigned char nothing[1];
    const unsigned char *p = s.p ? (const unsigned char *)s.p : nothing;
    return (struct cursor){ p, p, p + (s.p ? s.n : 0), false };
}

/* The next n bytes, or NULL; a bad cursor stands at its end, so that loops over what is left stop. */
static const unsigned char *take(struct cursor *c, size_t n)
{
    if (c->bad || cursor_left(c) < n) {
        c->bad = true;
        c->at = c->end;
        return NULL;
    }
    const unsigned char *p = c->at;
    c->at += n;
    return p;
}

static uint64_t read_le(struct cursor *c, size_t n)
{
    const unsigned char *p = take(c, n);
    uint64_t v = 0;
    if (p) {
        while (n--) v = v << 8 | p[n];
    }
    return v;
}

static uint64_t read_be(struct cursor *c, size_t n)
{
    const unsigned char *p = take(c, n);
    uint64_t v = 0;
    for (size_t i = 0; p && i < n; i++) v = v << 8 | p[i];
    return v;
}

uint8_t cursor_u8(struct cursor *c) { return (uint8_t)read_le(c, 1); }
uint16_t cursor_u16le(struct cursor *c) { return (uint16_t)read_le(c, 2); }
uint32_t cursor_u32le(struct cursor *c) { return (uint32_t)read_le(c, 4); }
uint64_t cursor_u64le(struct cursor *c) { return read_le(c, 8); }
uint16_t cursor_u16be(struct cursor *c) { return (uint16_t)read_be(c, 2); }
uint32_t cursor_u32be(struct cursor *c) { return (uint32_t)read_be(c, 4); }
uint64_t cursor_u64be(struct cursor *c) { return read_be(c, 8); }

struct slice cursor_bytes(struct cursor *c, size_t n)
{
    const unsigned char *p = take(c, n);
    return p ? slice_of((const char *)p, n) : SLICE_NULL;
}

void cursor_skip(struct cursor *c, size_t n) { take(c, n); }

void cursor_align(struct cursor *c, size_t align)
{
    take(c, (size_t)(0 - cursor_offset(c)) & (align - 1));
}

void cursor_seek(struct cursor *c, size_t offset)
{
    if (c->bad || offset > (size_t)(c->end - c->start)) {
        c->bad = true;
        c->at = c->end;
        return;
    }
    c->at = c->start + offset;
}
