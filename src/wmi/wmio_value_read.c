/* Strings, heaps, values, qualifier sets: every reference checked. */
#include "base/utf.h"
#include "wmi/wmio_read_priv.h"

bool wmio_fail(struct wmio_reader *x, const char *what)
{
    if (x->status == CIMF_OK)
        x->status = error_set(x->e, CIMF_INVALID_OBJECT, "wmi", "the encoded object is not valid: %s", what);
    return false;
}

bool wmio_spend(struct wmio_reader *x, size_t bytes)
{
    if (x->status != CIMF_OK) return false;
    if (bytes <= x->work) {
        x->work -= bytes;
        return true;
    }
    x->status = error_set(x->e, CIMF_QUOTA_VIOLATION, "wmi", "the encoded object refers to too much");
    return false;
}

static bool memory(struct wmio_reader *x)
{
    if (x->status == CIMF_OK) x->status = error_set(x->e, CIMF_OUT_OF_MEMORY, "wmi", "no memory for the encoded object");
    return false;
}

bool wmio_sized(struct wmio_reader *x, struct cursor *c, struct cursor *inner, const char *what)
{
    uint32_t n = cursor_u32le(c);
    if (c->bad || n < 4 || n - 4 > cursor_left(c)) return wmio_fail(x, what);
    *inner = cursor_of(cursor_bytes(c, n - 4));
    return wmio_spend(x, n);
}

bool wmio_heap_read(struct wmio_reader *x, struct cursor *c, struct slice *heap)
{
    uint32_t n = cursor_u32le(c);
    if (c->bad || !(n & 0x80000000u) || (n & 0x7fffffffu) > cursor_left(c)) return wmio_fail(x, "the length of a heap");
    *heap = cursor_bytes(c, n & 0x7fffffffu);
    return true;
}

bool wmio_heap_cursor(struct wmio_reader *x, struct slice heap, uint32_t ref, struct cursor *out, const char *what)
{
    if (ref >= heap.n) return wmio_fail(x, what);
    *out = cursor_of(slice_sub(heap, ref));
    return x->status == CIMF_OK;
}

/* ---- strings ---- */

static bool latin(struct wmio_reader *x, struct slice bytes, struct slice *out)
{
    if (utf8_is_ascii(bytes)) {
        *out = arena_dup(x->a, bytes);
        return out->p || memory(x);
    }
    struct buf b;
    buf_init(&b, 0);
    for (size_t i = 0; i < bytes.n; i++) utf8_put(&b, (unsigned char)bytes.p[i]);
    *out = buf_ok(&b) ? arena_dup(x->a, buf_slice(&b)) : SLICE_NULL;
    buf_free(&b);
    return out->p || memory(x);
}

bool wmio_string_read(struct wmio_reader *x, struct cursor *c, struct slice *out)
{
    uint8_t flag = cursor_u8(c);
    const char *at = (const char *)c->at;
    size_t left = cursor_left(c), n = 0;
    if (c->bad || flag > 1) return wmio_fail(x, "a string");
    if (flag == 0) {
        const char *end = left ? memchr(at, 0, left) : NULL;
        if (!end) return wmio_fail(x, "a string without end");
        n = (size_t)(end - at);
        cursor_skip(c, n + 1);
        return wmio_spend(x, n + 2) && latin(x, slice_of(at, n), out);
    }
    while (n + 1 < left && (at[n] || at[n + 1])) n += 2;
    if (n + 1 >= left) return wmio_fail(x, "a string without end");
    cursor_skip(c, n + 2);
    if (!wmio_spend(x, n + 3)) return false;
    return utf16_to_utf8(x->a, slice_of(at, n), UTF16_LE, false, out) == CIMF_OK || memory(x);
}

/* 2.2.80 */
static const struct slice dictionary[] = {
    SLICE("\""), SLICE("key"), SLICE(""), SLICE("read"), SLICE("write"), SLICE("volatile"), SLICE("provider"),
    SLICE("dynamic"), SLICE("cimwin32"), SLICE("DWORD"), SLICE("CIMTYPE"),
};

bool wmio_string_at(struct wmio_reader *x, struct slice heap, uint32_t ref, struct slice *out)
{
    struct cursor c;
    *out = SLICE_NULL;
    if (ref == 0xffffffffu) return x->status == CIMF_OK;
    if (ref & 0x80000000u) {
        ref &= 0x7fffffffu;
        if (ref >= sizeof dictionary / sizeof *dictionary) return wmio_fail(x, "a word that the dictionary does not have");
        *out = dictionary[ref];
        return x->status == CIMF_OK;
    }
    return wmio_heap_cursor(x, heap, ref, &c, "a reference past the heap") && wmio_string_read(x, &c, out);
}

/* ---- values ---- */

unsigned wmio_slot_of(unsigned type)
{
    if (CIM_IS_ARRAY(type)) return cim_type_size(CIM_BASE(type)) ? 4 : 0;
    switch (type) {
    case CIM_SINT8: case CIM_UINT8: return 1;
    case CIM_SINT16: case CIM_UINT16: case CIM_BOOLEAN: case CIM_CHAR16: return 2;
    case CIM_SINT64: case CIM_UINT64: case CIM_REAL64: return 8;
    default: return cim_type_size(type) ? 4 : 0;
    }
}

static bool read_number(struct cursor *c, unsigned type, union cim_data *out)
{
    uint32_t u;
    uint64_t w;
    float f;
    *out = (union cim_data){ 0 };
    switch (type) {
    case CIM_SINT8: out->i = (int8_t)cursor_u8(c); return true;
    case CIM_UINT8: out->u = cursor_u8(c); return true;
    case CIM_SINT16: out->i = (int16_t)cursor_u16le(c); return true;
    case CIM_UINT16: case CIM_CHAR16: out->u = cursor_u16le(c); return true;
    case CIM_BOOLEAN: out->u = cursor_u16le(c) != 0; return true;
    case CIM_SINT32: out->i = (int32_t)cursor_u32le(c); return true;
    case CIM_UINT32: out->u = cursor_u32le(c); return true;
    case CIM_SINT64: out->i = (int64_t)cursor_u64le(c); return true;
    case CIM_UINT64: out->u = cursor_u64le(c); return true;
    case CIM_REAL32:
        u = cursor_u32le(c);
        memcpy(&f, &u, sizeof f);
        out->r = f;
        return true;
    case CIM_REAL64:
        w = cursor_u64le(c);
        memcpy(&out->r, &w, sizeof w);
        return true;
    default: return false;
    }
}

/* An embedded object: u32 length without itself, ObjectBlock. */
static bool read_object(struct wmio_reader *x, struct slice heap, uint32_t ref, union cim_data *out)
{
    struct cursor c;
    struct wmio_object o;
    if (!wmio_heap_cursor(x, heap, ref, &c, "a reference past the heap")) return false;
    uint32_t n = cursor_u32le(&c);
    if (c.bad || n > cursor_left(&c)) return wmio_fail(x, "the length of an embedded object");
    if (x->depth >= WMIO_DEPTH) return wmio_fail(x, "objects embedded too deeply");
    x->depth++;
    bool ok = wmio_block_read(x, cursor_bytes(&c, n), &o);
    x->depth--;
    if (!ok) return false;
    if (o.instance) {
        out->o = &o.instance->object;
        return true;
    }
    const struct cim_class *cls;
    if (!o.cls || cim_class_adhoc(x->a, o.cls->name, o.cls->all.properties, o.cls->all.property_count, &cls) != CIMF_OK)
        return wmio_fail(x, "an embedded class");
    out->o = &cls->object;
    return true;
}

static bool read_item(struct wmio_reader *x, struct slice heap, unsigned base, uint32_t ref, union cim_data *out)
{
    if (base == CIM_OBJECT) return read_object(x, heap, ref, out);
    if (!wmio_string_at(x, heap, ref, &out->s)) return false;
    if (!out->s.p) out->s = SLICE("");
    return true;
}

static bool read_array(struct wmio_reader *x, struct slice heap, unsigned base, uint32_t ref, union cim_data *out)
{
    struct cursor c;
    struct cim_array array;
    unsigned slot = wmio_slot_of(base);
    if (!wmio_heap_cursor(x, heap, ref, &c, "a reference past the heap")) return false;
    uint32_t n = cursor_u32le(&c);
    if (c.bad || n > WMIO_ARRAY || n > cursor_left(&c) / slot) return wmio_fail(x, "the length of an array");
    if (!wmio_spend(x, (size_t)n * slot)) return false;
    if (!cim_array_new(x->a, base, n, &array)) return memory(x);
    for (uint32_t i = 0; i < n; i++) {
        union cim_data v;
        if (!read_number(&c, base, &v) && !read_item(x, heap, base, cursor_u32le(&c), &v)) return false;
        cim_array_set(array, base, i, v);
    }
    out->a = array;
    return true;
}

bool wmio_value_read(struct wmio_reader *x, struct slice heap, struct cursor *slot, unsigned type, bool *null,
                     union cim_data *out)
{
    *null = false;
    if (read_number(slot, type, out)) return !slot->bad || wmio_fail(x, "a value past its table");
    uint32_t ref = cursor_u32le(slot);
    if (slot->bad) return wmio_fail(x, "a value past its table");
    /* Item 0 is the class name: "no value here", as clients write it for what is NULL. */
    if (ref == 0xffffffffu || ref == 0) {
        *null = true;
        return x->status == CIMF_OK;
    }
    if (CIM_IS_ARRAY(type)) return read_array(x, heap, CIM_BASE(type), ref, out);
    return read_item(x, heap, type, ref, out);
}

/* ---- qualifiers ---- */

enum { QUALIFIERS = 1024 };

bool wmio_qualifiers_read(struct wmio_reader *x, struct slice heap, struct cursor *c, struct cim_qualifiers *out)
{
    struct cursor in;
    struct cim_qualifier *list = NULL;
    uint32_t n = 0, room = 0;
    *out = (struct cim_qualifiers){ 0 };
    if (!wmio_sized(x, c, &in, "the length of a qualifier set")) return false;
    while (cursor_left(&in)) {
        if (n == QUALIFIERS) return wmio_fail(x, "too many qualifiers");
        if (n == room) {
            struct cim_qualifier *more = ARENA_ARRAY(x->a, room ? room * 2 : 4, struct cim_qualifier);
            if (!more) return memory(x);
            if (n) memcpy(more, list, n * sizeof *more);
            list = more;
            room = room ? room * 2 : 4;
        }
        struct cim_qualifier *q = &list[n++];
        uint32_t name = cursor_u32le(&in);
        q->flavor = cursor_u8(&in);
        uint32_t type = cursor_u32le(&in) & 0xffff;
        unsigned base = CIM_BASE(type);
        if (in.bad || !wmio_slot_of(type) || base == CIM_OBJECT) return wmio_fail(x, "a qualifier");
        q->value.type = (uint16_t)type;
        if (!wmio_string_at(x, heap, name, &q->name)) return false;
        if (q->name.n == 0) return wmio_fail(x, "a qualifier without a name");
        if (!wmio_value_read(x, heap, &in, type, &q->value.null, &q->value.v)) return false;
    }
    *out = (struct cim_qualifiers){ list, n };
    return true;
}
