/* Decoding by table. Two passes over a structure: its values with the referents of its pointers, then the pointees. */
#include "codec/ndr_priv.h"

#include "base/utf.h"

static char pending; /* stands for a pointee that is still to come */

static void fail(struct ndr_reader *r, const char *where)
{
    if (r->c.bad && r->where) return;
    r->where = where;
    r->c.bad = true;
    r->c.at = r->c.end;
}

static void *room(struct ndr_reader *r, size_t count, size_t size, const char *where)
{
    void *p = arena_array(r->arena, count ? count : 1, size);
    if (!p) {
        r->memory = true;
        fail(r, where);
    }
    return p;
}

static uint16_t get16(struct ndr_reader *r)
{
    cursor_align(&r->c, 2);
    return r->big ? cursor_u16be(&r->c) : cursor_u16le(&r->c);
}

static uint32_t get32(struct ndr_reader *r)
{
    cursor_align(&r->c, 4);
    return r->big ? cursor_u32be(&r->c) : cursor_u32le(&r->c);
}

static uint64_t get64(struct ndr_reader *r)
{
    cursor_align(&r->c, 8);
    return r->big ? cursor_u64be(&r->c) : cursor_u64le(&r->c);
}

static void get_guid(struct ndr_reader *r, struct guid *g)
{
    g->data1 = get32(r);
    g->data2 = get16(r);
    g->data3 = get16(r);
    struct slice s = cursor_bytes(&r->c, 8);
    if (s.n == 8) memcpy(g->data4, s.p, 8);
    else memset(g->data4, 0, 8);
}

/* UTF-16 of `units` as UTF-8. */
static struct slice text(struct ndr_reader *r, uint32_t units, const char *where)
{
    struct slice out = { "", 0 };
    struct slice raw = cursor_bytes(&r->c, (size_t)units * 2);
    if (r->c.bad) {
        fail(r, where);
        return SLICE_NULL;
    }
    if (!units) return out;
    if (utf16_to_utf8(r->arena, raw, r->big ? UTF16_BE : UTF16_LE, false, &out) != CIMF_OK) {
        r->memory = true;
        fail(r, where);
        return SLICE_NULL;
    }
    return out;
}

/* [string]: maximum, offset, actual count; the terminator is counted and must be there, and only at the end. */
static struct slice get_string(struct ndr_reader *r, unsigned flags, const char *where)
{
    uint32_t max = get32(r), offset = get32(r), actual = get32(r);
    if (flags & NDR_EITHER && offset && !actual) { /* no string: these were a referent, the maximum, an offset of 0 */
        max = offset;
        offset = 0;
        actual = get32(r);
    }
    if (r->c.bad || offset || !actual || actual > max || actual > cursor_left(&r->c) / 2) {
        fail(r, where);
        return SLICE_NULL;
    }
    struct slice s = text(r, actual, where);
    if (r->c.bad) return SLICE_NULL;
    if (!s.n || memchr(s.p, 0, s.n) != s.p + s.n - 1) {
        fail(r, where);
        return SLICE_NULL;
    }
    return slice_head(s, s.n - 1);
}

/* FLAGGED_WORD_BLOB (MS-OAUT 2.2.23.1). Some clients count a terminator, some do not. */
static struct slice get_bstr(struct ndr_reader *r, const char *where)
{
    uint32_t max = get32(r), bytes = get32(r), units = get32(r);
    bool null = bytes == UINT32_MAX;
    if (r->c.bad || max != units || units > cursor_left(&r->c) / 2 || (null && units) ||
        (!null && (bytes & 1 || bytes / 2 > units))) {
        fail(r, where);
        return SLICE_NULL;
    }
    if (null) return SLICE_NULL;
    struct slice s = text(r, bytes / 2, where);
    cursor_skip(&r->c, ((size_t)units - bytes / 2) * 2);
    while (s.n && s.p[s.n - 1] == 0) s.n--;
    return s;
}

static struct slice get_interface(struct ndr_reader *r, const char *where)
{
    uint32_t max = get32(r), bytes = get32(r);
    if (r->c.bad || max != bytes || bytes > cursor_left(&r->c)) {
        fail(r, where);
        return SLICE_NULL;
    }
    struct slice s = cursor_bytes(&r->c, bytes);
    return s.p ? s : SLICE("");
}

static void values(struct ndr_reader *r, const struct ndr_type *t, char *record);
static void pointees(struct ndr_reader *r, const struct ndr_type *t, char *record);

static bool deeper(struct ndr_reader *r, const char *where)
{
    if (r->depth < LIMIT_NDR_DEPTH) {
        r->depth++;
        return true;
    }
    fail(r, where);
    return false;
}

static bool set_count(char *record, uint16_t at, uint8_t width, uint64_t v)
{
    uint16_t v16 = (uint16_t)v;
    uint32_t v32 = (uint32_t)v;
    switch (width) {
    case 2: memcpy(record + at, &v16, 2); return v16 == v;
    case 4: memcpy(record + at, &v32, 4); return v32 == v;
    default: memcpy(record + at, &v, 8); return true;
    }
}

/* The count a member holds already must agree; one that comes later is set. */
static void settle(struct ndr_reader *r, const struct ndr_row *row, char *record, uint16_t at, uint8_t width, uint32_t n)
{
    if (!width) return;
    if (row->flags & NDR_COUNTED ? !set_count(record, at, width, n) : ndr_count(record, at, width) != n)
        fail(r, row->name);
}

/* Octets that a value takes at least. */
static size_t least(const struct ndr_type *t)
{
    static const uint8_t sizes[] = { [NDR_U8] = 1, [NDR_U16] = 2, [NDR_U32] = 4, [NDR_U64] = 8, [NDR_ENUM] = 2,
                                     [NDR_GUID] = 16 };
    size_t n = 0;
    for (unsigned i = 0; i < t->count; i++) {
        const struct ndr_row *row = &t->rows[i];
        if (row->kind < sizeof sizes && !ndr_is_pointer(row)) n += sizes[row->kind] ? sizes[row->kind] : 4;
        else if (row->kind == NDR_STRUCT) n += least(row->of);
        else if (row->kind == NDR_FIXED) n += row->extent * least(row->of);
        else n += 4;
    }
    return n ? n : 1;
}

static char *element(const struct ndr_row *row, char *p, size_t i) { return p + i * row->of->size; }

static void array_values(struct ndr_reader *r, const struct ndr_row *row, char *record)
{
    uint32_t max = row->flags & NDR_TAIL ? r->conformance : get32(r), n = max;
    char *p;
    if (row->flags & NDR_VARYING) {
        uint32_t offset = get32(r);
        n = get32(r);
        if (offset || n > max) fail(r, row->name);
    }
    if (n > cursor_left(&r->c) / least(row->of)) fail(r, row->name);
    if (r->c.bad) {
        fail(r, row->name);
        return;
    }
    if (row->flags & NDR_VARYING) {
        if (row->size_width && ndr_count(record, row->size_at, row->size_width) != max) fail(r, row->name);
        settle(r, row, record, row->length_at, row->length_width, n);
    } else {
        settle(r, row, record, row->size_at, row->size_width, n);
    }
    if (r->c.bad) return;
    if (row->of == &ndr_u8) {
        struct slice s = cursor_bytes(&r->c, n);
        p = (char *)(uintptr_t)(n ? s.p : &pending);
    } else {
        p = room(r, n, row->of->size, row->name);
        for (uint32_t i = 0; p && i < n && !r->c.bad; i++) values(r, row->of, element(row, p, i));
    }
    memcpy(record + row->at, &p, sizeof p);
}

static void array_pointees(struct ndr_reader *r, const struct ndr_row *row, char *record)
{
    char *p;
    if (row->of == &ndr_u8) return;
    memcpy(&p, record + row->at, sizeof p);
    uint64_t n = row->kind == NDR_FIXED ? row->extent
                 : row->flags & NDR_VARYING ? ndr_count(record, row->length_at, row->length_width)
                                            : ndr_count(record, row->size_at, row->size_width);
    if (row->kind == NDR_FIXED) p = record + row->at;
    for (uint64_t i = 0; p && i < n && !r->c.bad; i++) pointees(r, row->of, element(row, p, i));
}

/* An integer; one that an array has set must be the same. */
static void integer(struct ndr_reader *r, const struct ndr_row *row, char *at)
{
    uint64_t v64 = 0;
    uint32_t v32;
    uint16_t v16;
    uint8_t v8;
    char was[8];
    size_t n = row->kind == NDR_U8 ? 1 : row->kind == NDR_U16 ? 2 : row->kind == NDR_U64 ? 8 : 4;
    memcpy(was, at, n);
    switch (row->kind) {
    case NDR_U8: v8 = cursor_u8(&r->c); memcpy(at, &v8, 1); break;
    case NDR_U16: v16 = get16(r); memcpy(at, &v16, 2); break;
    case NDR_ENUM: v32 = get16(r); memcpy(at, &v32, 4); break;
    case NDR_U64: v64 = get64(r); memcpy(at, &v64, 8); break;
    default: v32 = get32(r); memcpy(at, &v32, 4); break;
    }
    if (row->flags & NDR_COUNTED && memcmp(was, at, n) != 0) fail(r, row->name);
}

static void row_values(struct ndr_reader *r, const struct ndr_row *row, char *record);

static void union_values(struct ndr_reader *r, const struct ndr_row *row, char *record)
{
    uint32_t tag = get32(r);
    const struct ndr_row *arm = ndr_arm(row, record);
    if (r->c.bad || !arm || tag != ndr_count(record, row->size_at, row->size_width)) fail(r, row->name);
    else row_values(r, arm, record + row->at);
}

static void value_in_place(struct ndr_reader *r, const struct ndr_row *row, char *record)
{
    char *at = record + row->at;
    struct slice s;
    switch (row->kind) {
    case NDR_GUID: get_guid(r, (struct guid *)at); break;
    case NDR_STRING: s = get_string(r, row->flags, row->name); memcpy(at, &s, sizeof s); break;
    case NDR_STRUCT: values(r, row->of, at); break;
    case NDR_ARRAY: array_values(r, row, record); break;
    case NDR_UNION: union_values(r, row, record); break;
    case NDR_FIXED:
        for (unsigned i = 0; i < row->extent && !r->c.bad; i++) values(r, row->of, element(row, at, i));
        break;
    default: integer(r, row, at); break;
    }
}

static void referent(struct ndr_reader *r, const struct ndr_row *row, char *record)
{
    uint32_t id = get32(r);
    char *p = id ? &pending : NULL;
    if (!id && row->flags & NDR_REF) fail(r, row->name);
    if (row->kind == NDR_PTR || row->kind == NDR_ARRAY) {
        memcpy(record + row->at, &p, sizeof p);
    } else {
        struct slice s = { p, 0 };
        memcpy(record + row->at, &s, sizeof s);
    }
}

/* Whoever iterates over it must not meet a count without elements. */
static void null_array(const struct ndr_row *row, char *record)
{
    if (row->flags & NDR_VARYING) set_count(record, row->length_at, row->length_width, 0);
    else set_count(record, row->size_at, row->size_width, 0);
}

static void pointee(struct ndr_reader *r, const struct ndr_row *row, char *record)
{
    char *p, *at = record + row->at;
    struct slice s;
    memcpy(&p, at, sizeof p); /* a slice begins with its pointer */
    if (!p) {
        if (row->kind == NDR_ARRAY) null_array(row, record);
        return;
    }
    switch (row->kind) {
    case NDR_STRING: s = get_string(r, 0, row->name); memcpy(at, &s, sizeof s); return;
    case NDR_BSTR: s = get_bstr(r, row->name); memcpy(at, &s, sizeof s); return;
    case NDR_INTERFACE: s = get_interface(r, row->name); memcpy(at, &s, sizeof s); return;
    default: break;
    }
    p = NULL;
    memcpy(at, &p, sizeof p);
    if (!deeper(r, row->name)) return;
    if (row->kind == NDR_ARRAY) {
        array_values(r, row, record);
        if (!r->c.bad) array_pointees(r, row, record);
    } else if ((p = room(r, 1, row->of->size, row->name))) {
        values(r, row->of, p);
        if (!r->c.bad) pointees(r, row->of, p);
        memcpy(at, &p, sizeof p);
    }
    r->depth--;
}

static void row_values(struct ndr_reader *r, const struct ndr_row *row, char *record)
{
    if (ndr_is_pointer(row)) referent(r, row, record);
    else value_in_place(r, row, record);
    if (r->c.bad) fail(r, row->name);
}

static void values(struct ndr_reader *r, const struct ndr_type *t, char *record)
{
    if (ndr_is_conformant(t)) r->conformance = get32(r);
    cursor_align(&r->c, ndr_align(t));
    for (unsigned i = 0; i < t->count && !r->c.bad; i++) row_values(r, &t->rows[i], record);
}

static void row_pointees(struct ndr_reader *r, const struct ndr_row *row, char *record)
{
    const struct ndr_row *arm;
    if (ndr_is_pointer(row)) pointee(r, row, record);
    else if (row->kind == NDR_STRUCT) pointees(r, row->of, record + row->at);
    else if (row->kind == NDR_UNION && (arm = ndr_arm(row, record))) row_pointees(r, arm, record + row->at);
    else if (row->kind == NDR_ARRAY || row->kind == NDR_FIXED) array_pointees(r, row, record);
    if (r->c.bad) fail(r, row->name);
}

static void pointees(struct ndr_reader *r, const struct ndr_type *t, char *record)
{
    for (unsigned i = 0; i < t->count && !r->c.bad; i++) row_pointees(r, &t->rows[i], record);
}

static cimf_status result(const struct ndr_reader *r, const struct ndr_type *t, struct error *e)
{
    if (!r->c.bad) return CIMF_OK;
    return r->memory ? error_set(e, CIMF_OUT_OF_MEMORY, "ndr", "%s.%s needs too much memory", t->name, r->where)
                     : error_set(e, CIMF_PROTOCOL_ERROR, "ndr", "%s: %s cannot be read", t->name,
                                 r->where ? r->where : "the structure");
}

void ndr_reader_init(struct ndr_reader *r, struct arena *a, struct slice stub, bool big_endian)
{
    *r = (struct ndr_reader){ .c = cursor_of(stub), .arena = a, .big = big_endian };
}

cimf_status ndr_read(struct ndr_reader *r, const struct ndr_type *t, void *out, struct error *e)
{
    values(r, t, out);
    if (!r->c.bad) pointees(r, t, out);
    return result(r, t, e);
}

cimf_status ndr_read_parameters(struct ndr_reader *r, const struct ndr_type *t, unsigned direction, void *out,
                                struct error *e)
{
    for (unsigned i = 0; i < t->count && !r->c.bad; i++) {
        const struct ndr_row *row = &t->rows[i];
        if (!(row->flags & direction)) continue;
        row_values(r, row, out);
        if (!r->c.bad) row_pointees(r, row, out);
    }
    return result(r, t, e);
}

cimf_status ndr_unpickle(struct arena *a, struct slice s, const struct ndr_type *t, void *out, struct slice *rest,
                         struct error *e)
{
    struct cursor c = cursor_of(s);
    struct ndr_reader r;
    uint8_t version = cursor_u8(&c), order = cursor_u8(&c);
    bool big = order == 0;
    uint16_t header = big ? cursor_u16be(&c) : cursor_u16le(&c);
    cursor_skip(&c, 4);
    uint32_t length = big ? cursor_u32be(&c) : cursor_u32le(&c);
    cursor_skip(&c, 4);
    if (c.bad || version != 1 || (order != 0x10 && order != 0) || header != 8 || length > cursor_left(&c))
        return error_set(e, CIMF_PROTOCOL_ERROR, "ndr", "%s: not a serialised type of version 1", t->name);
    ndr_reader_init(&r, a, cursor_bytes(&c, length), big);
    if (rest) *rest = slice_sub(s, NDR_PICKLE_HEADER + length);
    return ndr_read(&r, t, out, e);
}
