/* codec/ndr_priv.h - what decoder and encoder share. */
#ifndef CODEC_NDR_PRIV_H
#define CODEC_NDR_PRIV_H

#include "base/limits.h"
#include "codec/ndr.h"

/* Of a value that begins with a pointer's referent. */
static inline bool ndr_is_pointer(const struct ndr_row *row)
{
    return row->kind == NDR_PTR || row->kind == NDR_BSTR || row->kind == NDR_INTERFACE ||
           (row->kind != NDR_STRUCT && row->flags & (NDR_UNIQUE | NDR_REF));
}
/* Has a conformant array at its end. */
static inline bool ndr_is_conformant(const struct ndr_type *t)
{
    return t->count && t->rows[t->count - 1].flags & NDR_TAIL;
}
unsigned ndr_align(const struct ndr_type *t);
/* The row of a union that its discriminant chooses, or NULL. */
const struct ndr_row *ndr_arm(const struct ndr_row *row, const void *record);
uint64_t ndr_count(const void *record, uint16_t at, uint8_t width);

enum { NDR_PICKLE_HEADER = 16 };

#endif
