/* Strings, values, heaps, qualifier sets. */
#include "base/utf.h"
#include "wmi/wmio_write_priv.h"

static void store(unsigned char *p, uint64_t v, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++) p[i] = (unsigned char)(v >> (8 * i));
}

static bool put(struct buf *b, uint64_t v, unsigned bytes)
{
    unsigned char p[8];
    store(p, v, bytes);
    return buf_add(b, p, bytes);
}

bool wmio_u16(struct buf *b, uint32_t v) { return put(b, v, 2); }
bool wmio_u32(struct buf *b, uint32_t v) { return put(b, v, 4); }
bool wmio_u64(struct buf *b, uint64_t v) { return put(b, v, 8); }

void wmio_patch32(struct buf *b, size_t at, uint32_t v)
{
    if (buf_ok(b)) store((unsigned char *)b->p + at, v, 4);
}

/* ---- heaps ---- */

void wmio_heap_begin(struct wmio_heap *h, struct buf *out, const struct wmio_origin *from, unsigned depth)
{
    *h = (struct wmio_heap){ .out = out, .length_at = out->n, .from = from, .depth = depth };
    wmio_u32(out, 0x80000000u);
    h->base = out->n;
}

void wmio_heap_end(struct wmio_heap *h)
{
    wmio_patch32(h->out, h->length_at, (uint32_t)(h->out->n - h->base) | 0x80000000u);
}

/* ---- strings ---- */

/* Every character is below U+0100: then one octet stands for each. */
static bool is_latin(struct slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c < 0x80) continue;
        if (c > 0xc3) return false; /* lead bytes C2 and C3 are U+0080 to U+00FF */
    }
    return true;
}

bool wmio_string(struct buf *b, struct slice s)
{
    const char *nul = s.n ? memchr(s.p, 0, s.n) : NULL;
    if (nul) s.n = (size_t)(nul - s.p);
    if (utf8_is_ascii(s)) return buf_byte(b, 0) && buf_slice_add(b, s) && buf_byte(b, 0);
    if (!is_latin(s)) return buf_byte(b, 1) && utf8_to_utf16(b, s, UTF16_LE) && wmio_u16(b, 0);
    buf_byte(b, 0);
    for (const char *p = s.p, *end = s.p + s.n; p < end;) buf_byte(b, (int)(utf8_next(&p, end, true, NULL) & 0xff));
    return buf_byte(b, 0);
}

uint32_t wmio_heap_string(struct wmio_heap *h, struct slice s)
{
    uint32_t at = wmio_heap_at(h);
    wmio_string(h->out, s);
    return at;
}

/* ---- values ---- */

unsigned wmio_slot(unsigned type)
{
    switch (type) {
    case CIM_SINT8: case CIM_UINT8: return 1;
    case CIM_SINT16: case CIM_UINT16: case CIM_BOOLEAN: case CIM_CHAR16: return 2;
    case CIM_SINT64: case CIM_UINT64: case CIM_REAL64: return 8;
    default: return 4; /* numbers of 32 bits, references to the heap */
    }
}

/* What stands in the slot itself; false: something on the heap. */
static bool inline_value(unsigned type, const union cim_data *v, uint64_t *bits)
{
    float f;
    switch (type) {
    case CIM_BOOLEAN: *bits = v->u ? 0xffff : 0; return true;
    case CIM_REAL32:
        f = (float)v->r;
        *bits = 0;
        memcpy(bits, &f, sizeof f); /* little-endian hosts: see wmio_test.c */
        return true;
    case CIM_REAL64: memcpy(bits, &v->r, sizeof v->r); return true;
    case CIM_STRING: case CIM_DATETIME: case CIM_REFERENCE: case CIM_OBJECT: return false;
    default:
        if (CIM_IS_ARRAY(type)) return false;
        *bits = v->u;
        return true;
    }
}

/* u32 length without itself, then an ObjectBlock. */
static bool put_object(struct wmio_heap *h, const struct cim_object *o)
{
    size_t at = h->out->n;
    if (h->depth >= WMIO_DEPTH) return false;
    wmio_u32(h->out, 0);
    if (!o || !wmio_block(h->out, o, h->from, 0, h->depth + 1)) return false;
    wmio_patch32(h->out, at, (uint32_t)(h->out->n - at - 4));
    return true;
}

static bool put_item(struct wmio_heap *h, unsigned base, const union cim_data *v)
{
    return base == CIM_OBJECT ? put_object(h, v->o) : wmio_string(h->out, v->s);
}

static bool put_array(struct wmio_heap *h, unsigned base, struct cim_array array)
{
    uint64_t bits;
    unsigned slot = wmio_slot(base);
    wmio_u32(h->out, array.n);
    size_t table = h->out->n;
    char *room = buf_reserve(h->out, (size_t)array.n * slot);
    if (!room) return false;
    buf_added(h->out, (size_t)array.n * slot);
    for (uint32_t i = 0; i < array.n; i++) {
        union cim_data v = cim_array_get(base, array, i);
        size_t at = table + (size_t)i * slot;
        if (inline_value(base, &v, &bits)) {
            store((unsigned char *)h->out->p + at, bits, slot);
        } else {
            wmio_patch32(h->out, at, wmio_heap_at(h));
            if (!put_item(h, base, &v)) return false;
        }
        if (!buf_ok(h->out)) return false;
    }
    return true;
}

bool wmio_value(struct wmio_heap *h, size_t at, unsigned type, const union cim_data *v)
{
    uint64_t bits;
    if (!buf_ok(h->out)) return false;
    if (inline_value(type, v, &bits)) {
        store((unsigned char *)h->out->p + at, bits, wmio_slot(type));
        return true;
    }
    wmio_patch32(h->out, at, wmio_heap_at(h));
    if (CIM_IS_ARRAY(type)) return put_array(h, CIM_BASE(type), v->a);
    return put_item(h, type, v);
}

/* ---- qualifiers ---- */

enum { FLAVORS = CIM_FLAVOR_TO_INSTANCE | CIM_FLAVOR_TO_SUBCLASS | CIM_FLAVOR_NOT_OVERRIDABLE |
                 CIM_FLAVOR_PROPAGATED | CIM_FLAVOR_AMENDED };

/* 2.2.80, as far as Windows uses it for names: exact case; 0: a heap string. */
static uint32_t dictionary(struct slice name)
{
    static const struct {
        struct slice text;
        uint32_t index;
    } words[] = {
        { SLICE("key"), 1 }, { SLICE("read"), 3 }, { SLICE("write"), 4 }, { SLICE("volatile"), 5 },
        { SLICE("provider"), 6 }, { SLICE("dynamic"), 7 }, { SLICE("CIMTYPE"), 10 },
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (slice_eq(name, words[i].text)) return 0x80000000u | words[i].index;
    return 0;
}

/* A qualifier without value is TRUE. */
static unsigned qualifier_type(const struct cim_qualifier *q)
{
    return q->value.type == CIM_NONE ? CIM_BOOLEAN : q->value.type;
}

bool wmio_qualifiers(struct buf *b, struct cim_qualifiers set, size_t *at)
{
    *at = b->n;
    wmio_u32(b, 0);
    for (uint32_t i = 0; i < set.n; i++) {
        const struct cim_qualifier *q = &set.q[i];
        wmio_u32(b, dictionary(q->name));
        buf_byte(b, q->flavor & FLAVORS);
        wmio_u32(b, qualifier_type(q));
        put(b, 0, wmio_slot(qualifier_type(q)));
    }
    wmio_patch32(b, *at, (uint32_t)(b->n - *at));
    return buf_ok(b);
}

bool wmio_qualifiers_items(struct wmio_heap *h, struct cim_qualifiers set, size_t at)
{
    static const union cim_data yes = { .u = 1 };
    at += 4;
    for (uint32_t i = 0; i < set.n; i++) {
        const struct cim_qualifier *q = &set.q[i];
        unsigned type = qualifier_type(q);
        if (!dictionary(q->name)) wmio_patch32(h->out, at, wmio_heap_string(h, q->name));
        at += 9;
        const union cim_data *v = q->value.type == CIM_NONE ? &yes : &q->value.v;
        if (!(q->value.null && q->value.type != CIM_NONE) && !wmio_value(h, at, type, v)) return false;
        at += wmio_slot(type);
    }
    return buf_ok(h->out);
}
