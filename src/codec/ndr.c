/* Single values as types, and what decoder and encoder ask about tables. */
#include "codec/ndr_priv.h"

#define SCALAR(symbol, what, type)                                                                                     \
    static const struct ndr_row symbol##_row[] = { { .name = "value", .kind = what } };                                  \
    const struct ndr_type symbol = { #symbol, symbol##_row, 1, sizeof(type) }

SCALAR(ndr_u8, NDR_U8, uint8_t);
SCALAR(ndr_u16, NDR_U16, uint16_t);
SCALAR(ndr_u32, NDR_U32, uint32_t);
SCALAR(ndr_u64, NDR_U64, uint64_t);
SCALAR(ndr_guid, NDR_GUID, struct guid);
SCALAR(ndr_bstr, NDR_BSTR, struct slice);
SCALAR(ndr_interface, NDR_INTERFACE, struct slice);
static const struct ndr_row string_row[] = { { .name = "value", .kind = NDR_STRING, .flags = NDR_UNIQUE } };
const struct ndr_type ndr_string = { "ndr_string", string_row, 1, sizeof(struct slice) };

static unsigned row_align(const struct ndr_row *row)
{
    if (ndr_is_pointer(row)) return 4;
    switch (row->kind) {
    case NDR_U8: return 1;
    case NDR_U16: case NDR_ENUM: return 2;
    case NDR_U64: return 8;
    case NDR_STRUCT: case NDR_FIXED: return ndr_align(row->of);
    case NDR_UNION: {
        unsigned n = ndr_align(row->of);
        return n > 4 ? n : 4;
    }
    case NDR_ARRAY: {
        unsigned n = ndr_align(row->of);
        return row->flags & NDR_TAIL || n > 4 ? n : 4;
    }
    default: return 4;
    }
}

unsigned ndr_align(const struct ndr_type *t)
{
    unsigned most = 1;
    for (unsigned i = 0; i < t->count; i++) {
        unsigned n = row_align(&t->rows[i]);
        if (n > most) most = n;
    }
    return most;
}

uint64_t ndr_count(const void *record, uint16_t at, uint8_t width)
{
    const char *p = (const char *)record + at;
    uint64_t v64 = 0;
    uint32_t v32;
    uint16_t v16;
    switch (width) {
    case 0: return 0;
    case 1: return (uint8_t)*p;
    case 2: memcpy(&v16, p, 2); return v16;
    case 4: memcpy(&v32, p, 4); return v32;
    default: memcpy(&v64, p, 8); return v64;
    }
}

const struct ndr_row *ndr_arm(const struct ndr_row *row, const void *record)
{
    uint64_t tag = ndr_count(record, row->size_at, row->size_width);
    for (unsigned i = 0; i < row->of->count; i++)
        if (row->of->rows[i].extent == tag) return &row->of->rows[i];
    return NULL;
}
