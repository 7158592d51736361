/*
 * Format, version 1. v = variable-length integer, text = v length and bytes.
 *
 * value      by type: unsigned, char16 v; signed zigzag v; boolean 1 byte; real32 4, real64 8 bytes;
 *            text types text; object: v length, then object. Arrays: v count, then numbers packed,
 *            booleans a byte each, texts and objects as single ones.
 * qualifiers v count, each: text name, v type, u8 flavor, u8 null, value unless null
 * property   text name, v type, u8 bits (1 has default, 2 it is NULL, 4 class name, 8 array size,
 *            16 qualifiers), v value type and value, text class name, v array size, qualifiers
 * class      text name, text super, qualifiers, v count, properties, v count, each method: text name,
 *            v type, text class, v count, parameters as properties, qualifiers
 * qualifier  text name, v scope, u8 flavor, v type, u8 null, value unless null
 * layout     v count, each: v type, text name
 * instance   u8 bits (1 qualifiers, 2 property qualifiers), 2 bits a property (0 defaulted, 1 NULL,
 *            2 set; low first), values of those set, qualifiers, v count of (v index, qualifiers)
 * object     u8 kind; class: class; instance: text class name, text namespace, text path, layout, instance
 */
#ifndef REPO_RECORD_PRIV_H
#define REPO_RECORD_PRIV_H

#include "repo/record.h"

/* A bounded reader that stays bad after the first violation and then gives zeros. */
struct reader {
    const unsigned char *at, *end;
    bool bad;
};

static inline struct reader reader_of(struct slice s)
{
    const unsigned char *p = (const unsigned char *)(s.p ? s.p : "");
    return (struct reader){ p, p + s.n, false };
}
static inline size_t reader_left(const struct reader *r) { return (size_t)(r->end - r->at); }

static inline uint64_t reader_fail(struct reader *r)
{
    r->bad = true;
    r->at = r->end;
    return 0;
}

static inline uint8_t read_u8(struct reader *r)
{
    return r->at < r->end ? *r->at++ : (uint8_t)reader_fail(r);
}

static inline uint64_t read_v(struct reader *r)
{
    if (r->at < r->end && *r->at < 0x80) return *r->at++;
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 64 && r->at < r->end; shift += 7) {
        uint8_t b = *r->at++;
        if (shift == 63 && b > 1) break;
        v |= (uint64_t)(b & 0x7F) << shift;
        if (b < 0x80) return v;
    }
    return reader_fail(r);
}

static inline uint32_t read_v32(struct reader *r)
{
    uint64_t v = read_v(r);
    return v <= UINT32_MAX ? (uint32_t)v : (uint32_t)reader_fail(r);
}

static inline struct slice read_bytes(struct reader *r, uint64_t n)
{
    if (n > reader_left(r)) {
        reader_fail(r);
        return SLICE_NULL;
    }
    struct slice s = { (const char *)r->at, (size_t)n };
    r->at += n;
    return s;
}
static inline struct slice read_text(struct reader *r) { return read_bytes(r, read_v(r)); }

/* What a decode carries along. Texts of the result borrow from the bytes, which the caller copied. */
struct decode {
    struct arena *a;
    const struct repo_classes *classes;
    unsigned depth; /* embedded objects around */
};

bool write_v(struct buf *out, uint64_t v);
bool write_text(struct buf *out, struct slice s);
bool write_value(struct buf *out, unsigned type, const union cim_data *v, unsigned depth);
bool write_qualifiers(struct buf *out, struct cim_qualifiers set, unsigned depth);
bool write_class(struct buf *out, const struct cim_class_decl *decl, unsigned depth);
bool write_instance(struct buf *out, const struct cim_instance *in, unsigned depth);
bool write_layout(struct buf *out, const struct cim_class *cls);

/* A type code that a record may hold; CIM_NONE only where it is allowed. */
uint16_t read_type(struct reader *r, bool none);
/* These set r->bad on bad bytes and also when the arena is full (arena_status tells which). */
void read_value(struct decode *d, struct reader *r, unsigned type, union cim_data *out);
struct cim_qualifiers read_qualifiers(struct decode *d, struct reader *r);
void read_class(struct decode *d, struct reader *r, struct cim_class_decl *out);
void read_plan(struct decode *d, struct reader *r, const struct cim_class *cls,
               struct record_plan *plan);
struct cim_instance *read_instance(struct decode *d, struct reader *r, const struct record_plan *plan);

/* OK when everything was read and nothing was bad. */
cimf_status record_end(const struct decode *d, const struct reader *r, const char *what,
                       struct error *e);

#endif
