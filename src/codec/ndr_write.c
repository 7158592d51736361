/* Encoding by the same tables as ndr_read.c, in the same two passes. */
#include "codec/ndr_priv.h"

#include "base/utf.h"

static void pad(struct ndr_writer *w, unsigned align)
{
    while ((w->b->n - w->base) & (align - 1) && buf_ok(w->b)) buf_byte(w->b, 0);
}

static void put(struct ndr_writer *w, uint64_t v, unsigned n)
{
    pad(w, n);
    char *to = buf_reserve(w->b, n);
    if (!to) return;
    for (unsigned i = 0; i < n; i++) to[i] = (char)(v >> (8 * i));
    buf_added(w->b, n);
}

static void patch32(struct ndr_writer *w, size_t at, uint32_t v)
{
    for (unsigned i = 0; buf_ok(w->b) && i < 4; i++) w->b->p[at + i] = (char)(v >> (8 * i));
}

static void put_guid(struct ndr_writer *w, const struct guid *g)
{
    put(w, g->data1, 4);
    put(w, g->data2, 2);
    put(w, g->data3, 2);
    buf_add(w->b, g->data4, 8);
}

/* Text behind three counts that are filled in by `put_*`; answers its units. */
static uint32_t text(struct ndr_writer *w, struct slice s)
{
    size_t start = w->b->n;
    if (!utf8_to_utf16(w->b, s, UTF16_LE)) w->bad = true;
    return (uint32_t)((w->b->n - start) / 2);
}

static void put_string(struct ndr_writer *w, struct slice s)
{
    pad(w, 4);
    size_t at = w->b->n;
    for (int i = 0; i < 3; i++) put(w, 0, 4);
    uint32_t units = text(w, s) + 1;
    put(w, 0, 2);
    patch32(w, at, units);
    patch32(w, at + 8, units);
}

static void put_bstr(struct ndr_writer *w, struct slice s)
{
    pad(w, 4);
    size_t at = w->b->n;
    for (int i = 0; i < 3; i++) put(w, i == 1 && !s.p ? UINT32_MAX : 0, 4);
    if (!s.p) return;
    uint32_t units = text(w, s);
    patch32(w, at, units);
    patch32(w, at + 4, units * 2);
    patch32(w, at + 8, units);
}

static void put_interface(struct ndr_writer *w, struct slice s)
{
    put(w, s.n, 4);
    put(w, s.n, 4);
    if (s.n > UINT32_MAX) w->bad = true;
    buf_slice_add(w->b, s);
}

static void values(struct ndr_writer *w, const struct ndr_type *t, const char *record);
static void pointees(struct ndr_writer *w, const struct ndr_type *t, const char *record);

static uint64_t array_count(const struct ndr_row *row, const char *record)
{
    return row->kind == NDR_FIXED ? row->extent
           : row->flags & NDR_VARYING ? ndr_count(record, row->length_at, row->length_width)
                                      : ndr_count(record, row->size_at, row->size_width);
}

static const char *elements(const struct ndr_row *row, const char *record)
{
    const char *p;
    if (row->kind == NDR_FIXED) return record + row->at;
    memcpy(&p, record + row->at, sizeof p);
    return p;
}

/* Octets of an element that is a number and nothing else; 0: not such a one. */
static unsigned number_size(const struct ndr_type *t)
{
    return t == &ndr_u8 ? 1 : t == &ndr_u16 ? 2 : t == &ndr_u32 ? 4 : t == &ndr_u64 ? 8 : 0;
}

/* Arrays of numbers are long: without a walk through the table for each. */
static void numbers(struct ndr_writer *w, const char *p, uint64_t n, unsigned size)
{
    if (n) pad(w, size);
    char *to = buf_reserve(w->b, n * size);
    if (!to) return;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    if (n) memcpy(to, p, n * size);
#else
    for (uint64_t i = 0; i < n; i++) {
        uint64_t v = ndr_count(p + i * size, 0, (uint8_t)size);
        for (unsigned k = 0; k < size; k++) *to++ = (char)(v >> (8 * k));
    }
#endif
    buf_added(w->b, n * size);
}

static void array_values(struct ndr_writer *w, const struct ndr_row *row, const char *record)
{
    const char *p = elements(row, record);
    uint64_t n = array_count(row, record);
    uint64_t max = row->kind != NDR_FIXED && row->size_width ? ndr_count(record, row->size_at, row->size_width) : n;
    if (n > max || max > UINT32_MAX || (n && !p)) {
        w->bad = true;
        return;
    }
    if (row->kind == NDR_ARRAY && !(row->flags & NDR_TAIL)) put(w, max, 4);
    if (row->flags & NDR_VARYING) {
        put(w, 0, 4);
        put(w, n, 4);
    }
    if (row->of == &ndr_u8) buf_add(w->b, p, n);
    else if (number_size(row->of)) numbers(w, p, n, number_size(row->of));
    else for (uint64_t i = 0; i < n && buf_ok(w->b) && !w->bad; i++) values(w, row->of, p + i * row->of->size);
}

static void array_pointees(struct ndr_writer *w, const struct ndr_row *row, const char *record)
{
    const char *p = elements(row, record);
    uint64_t n = array_count(row, record);
    if (number_size(row->of)) return;
    for (uint64_t i = 0; p && i < n && buf_ok(w->b) && !w->bad; i++) pointees(w, row->of, p + i * row->of->size);
}

static void row_values(struct ndr_writer *w, const struct ndr_row *row, const char *record);

static void union_values(struct ndr_writer *w, const struct ndr_row *row, const char *record)
{
    const struct ndr_row *arm = ndr_arm(row, record);
    put(w, ndr_count(record, row->size_at, row->size_width), 4);
    if (arm) row_values(w, arm, record + row->at);
    else w->bad = true;
}

static void value_in_place(struct ndr_writer *w, const struct ndr_row *row, const char *record)
{
    const char *at = record + row->at;
    uint32_t v32;
    struct slice s;
    switch (row->kind) {
    case NDR_U8: put(w, ndr_count(record, row->at, 1), 1); break;
    case NDR_U16: put(w, ndr_count(record, row->at, 2), 2); break;
    case NDR_U32: put(w, ndr_count(record, row->at, 4), 4); break;
    case NDR_U64: put(w, ndr_count(record, row->at, 8), 8); break;
    case NDR_ENUM:
        memcpy(&v32, at, 4);
        if (v32 > UINT16_MAX) w->bad = true;
        put(w, v32, 2);
        break;
    case NDR_GUID: put_guid(w, (const struct guid *)at); break;
    case NDR_STRING:
        memcpy(&s, at, sizeof s);
        put_string(w, s);
        break;
    case NDR_STRUCT: values(w, row->of, at); break;
    case NDR_UNION: union_values(w, row, record); break;
    default: array_values(w, row, record); break;
    }
}

static void referent(struct ndr_writer *w, const struct ndr_row *row, const char *record)
{
    const char *p;
    memcpy(&p, record + row->at, sizeof p); /* a slice begins with its pointer */
    if (!p && row->flags & NDR_REF) w->bad = true;
    if (!p && row->kind == NDR_ARRAY && array_count(row, record)) w->bad = true;
    /* MS-OAUT 2.2.23.2: the NULL BSTR is a pointer to a blob that says so. */
    put(w, p || row->kind == NDR_BSTR ? w->referent += 4 : 0, 4);
}

static void pointee(struct ndr_writer *w, const struct ndr_row *row, const char *record)
{
    const char *p, *at = record + row->at;
    struct slice s;
    memcpy(&p, at, sizeof p);
    if (!p && row->kind != NDR_BSTR) return;
    switch (row->kind) {
    case NDR_STRING: memcpy(&s, at, sizeof s); put_string(w, s); break;
    case NDR_BSTR: memcpy(&s, at, sizeof s); put_bstr(w, s); break;
    case NDR_INTERFACE: memcpy(&s, at, sizeof s); put_interface(w, s); break;
    case NDR_ARRAY:
        array_values(w, row, record);
        array_pointees(w, row, record);
        break;
    default:
        values(w, row->of, p);
        pointees(w, row->of, p);
        break;
    }
}

static void row_values(struct ndr_writer *w, const struct ndr_row *row, const char *record)
{
    if (ndr_is_pointer(row)) referent(w, row, record);
    else value_in_place(w, row, record);
}

static void values(struct ndr_writer *w, const struct ndr_type *t, const char *record)
{
    if (ndr_is_conformant(t)) put(w, array_count(&t->rows[t->count - 1], record), 4);
    pad(w, ndr_align(t));
    for (unsigned i = 0; i < t->count && buf_ok(w->b) && !w->bad; i++) row_values(w, &t->rows[i], record);
}

static void row_pointees(struct ndr_writer *w, const struct ndr_row *row, const char *record)
{
    const struct ndr_row *arm;
    if (ndr_is_pointer(row)) pointee(w, row, record);
    else if (row->kind == NDR_STRUCT) pointees(w, row->of, record + row->at);
    else if (row->kind == NDR_UNION && (arm = ndr_arm(row, record))) row_pointees(w, arm, record + row->at);
    else if (row->kind == NDR_ARRAY || row->kind == NDR_FIXED) array_pointees(w, row, record);
}

static void pointees(struct ndr_writer *w, const struct ndr_type *t, const char *record)
{
    for (unsigned i = 0; i < t->count && buf_ok(w->b) && !w->bad; i++) row_pointees(w, &t->rows[i], record);
}

void ndr_writer_init(struct ndr_writer *w, struct buf *b)
{
    *w = (struct ndr_writer){ .b = b, .base = b->n, .referent = 0x00020000 };
}

bool ndr_write(struct ndr_writer *w, const struct ndr_type *t, const void *record)
{
    values(w, t, record);
    pointees(w, t, record);
    return buf_ok(w->b) && !w->bad;
}

bool ndr_write_parameters(struct ndr_writer *w, const struct ndr_type *t, unsigned direction, const void *record)
{
    for (unsigned i = 0; i < t->count && buf_ok(w->b) && !w->bad; i++) {
        const struct ndr_row *row = &t->rows[i];
        if (!(row->flags & direction)) continue;
        row_values(w, row, record);
        row_pointees(w, row, record);
    }
    return buf_ok(w->b) && !w->bad;
}

bool ndr_pickle(struct buf *b, const struct ndr_type *t, const void *record)
{
    size_t at = b->n;
    struct ndr_writer w;
    buf_add(b, "\x01\x10\x08\x00\xcc\xcc\xcc\xcc\0\0\0\0\0\0\0\0", NDR_PICKLE_HEADER);
    ndr_writer_init(&w, b);
    ndr_write(&w, t, record);
    pad(&w, 8);
    patch32(&w, at + 8, (uint32_t)(b->n - w.base));
    return buf_ok(b) && !w.bad;
}
