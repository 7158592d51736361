/*
 * codec/ndr.h - NDR 2.0 (C706 chapter 14) driven by tables: one table per structure or operation says what its members
 * are, and the decoder and the encoder both walk it. Both byte orders are read, little-endian is written.
 *
 * A table describes a C record. How wire types look in it:
 *   U8 U16 U32 U64   uint8_t .. uint64_t                      ENUM  uint32_t (16 bits on the wire)
 *   GUID             struct guid
 *   STRING           struct slice, UTF-8, of a [string] wchar_t *; p == NULL is the NULL pointer (NDR_UNIQUE)
 *   BSTR             struct slice, UTF-8 (MS-OAUT 2.2.23); p == NULL is the NULL BSTR; trailing NULs are cut on input
 *   INTERFACE        struct slice: the OBJREF within a pointer to MInterfacePointer (MS-DCOM 2.2.14); p == NULL: NULL
 *   STRUCT           embedded record of type `of`
 *   PTR              pointer to a record of type `of`, NULL allowed
 *   ARRAY            pointer to the elements (type `of`); their count is the member named by NDR_SIZE, with NDR_VARYING
 *                    the count sent is the one of NDR_LENGTH. A count that stands before the array must agree with
 *                    it; one that comes later is filled in by the array and its row has NDR_COUNTED.
 *                    A NULL array has the count 0.
 *   FIXED            `extent` elements in place
 *   UNION            one of the rows of `of`, all at offsets in one C record: that whose `extent` is the value of the member
 *                    named by NDR_SIZE, a 32-bit discriminant that stands before; a value without a row is an error
 * Pointers: NDR_UNIQUE (may be NULL), NDR_REF (embedded reference pointers, which have a referent, never NULL), neither:
 * what a top level reference parameter points to, in place. Pointees are laid out as C706 14.3.12 says.
 *
 * What is read lives in the reader's arena, or borrows from the input (INTERFACE, arrays of U8): keep both. Counts are
 * checked against the bytes that are left before anything is allocated; depth is bounded (LIMIT_NDR_DEPTH). Bytes behind
 * the last member are the caller's business: clients append padding.
 */
#ifndef CODEC_NDR_H
#define CODEC_NDR_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/cursor.h"
#include "base/guid.h"

enum ndr_kind {
    NDR_U8, NDR_U16, NDR_U32, NDR_U64, NDR_ENUM, NDR_GUID, NDR_STRING, NDR_BSTR, NDR_INTERFACE, NDR_STRUCT, NDR_PTR,
    NDR_ARRAY, NDR_FIXED, NDR_UNION,
};
enum {
    NDR_IN = 0x01, NDR_OUT = 0x02, /* parameters of an operation */
    NDR_UNIQUE = 0x04, NDR_REF = 0x08,
    NDR_VARYING = 0x10,
    NDR_TAIL = 0x20,    /* the conformant array that ends a structure: its maximum count precedes the structure */
    /* A parameter: an array whose count is a later parameter, and the integer that is it. In a structure: an array whose
     * count is not on the wire as such; whoever reads compares. */
    NDR_COUNTED = 0x40,
    /* A STRING in place that some clients send behind a referent, as if it were NDR_UNIQUE: both forms are read. */
    NDR_EITHER = 0x80,
};

struct ndr_type;
struct ndr_row {
    const char *name;
    uint8_t kind, flags;
    uint8_t size_width, length_width; /* bytes of the C members that count; 0: none */
    uint16_t at, size_at, length_at;  /* offsets in the C record */
    uint16_t extent;                  /* FIXED: elements; within a union: which discriminant */
    const struct ndr_type *of;
};
struct ndr_type {
    const char *name;
    const struct ndr_row *rows;
    uint16_t count, size;             /* rows; bytes of the C record */
};

#define NDR_AT(record, field, what) .name = #field, .at = offsetof(record, field), .kind = NDR_##what
#define NDR_SIZE(record, field)                                                                                        \
    .size_at = offsetof(record, field), .size_width = sizeof(((record *)0)->field)
#define NDR_LENGTH(record, field)                                                                                      \
    .length_at = offsetof(record, field), .length_width = sizeof(((record *)0)->field)
#define NDR_TYPE(text, record, table) { text, table, sizeof(table) / sizeof *(table), sizeof(record) }

/* Elements that are one value. */
extern const struct ndr_type ndr_u8, ndr_u16, ndr_u32, ndr_u64, ndr_guid, ndr_string, ndr_bstr, ndr_interface;

struct ndr_reader {
    struct cursor c;
    struct arena *arena;
    bool big;
    unsigned depth;
    uint32_t conformance; /* hoisted from the array that ends the structure at hand */
    const char *where;    /* the member that could not be read */
    bool memory;          /* it was for lack of memory */
};
/* The first byte of the stub is 8-aligned. */
void ndr_reader_init(struct ndr_reader *r, struct arena *a, struct slice stub, bool big_endian);
/* A structure into *out (t->size bytes, zeroed by the caller or reused). CIMF_PROTOCOL_ERROR naming the member, or
 * CIMF_OUT_OF_MEMORY. */
cimf_status ndr_read(struct ndr_reader *r, const struct ndr_type *t, void *out, struct error *e);
/* The parameters of an operation that go in this direction (NDR_IN or NDR_OUT), each a top level construct. */
cimf_status ndr_read_parameters(struct ndr_reader *r, const struct ndr_type *t, unsigned direction, void *out,
                                struct error *e);

struct ndr_writer {
    struct buf *b;
    size_t base;          /* where the stub begins in b: alignment counts from here */
    uint32_t referent;
    bool bad;             /* text that is no UTF-8, counts too large for their members, NULL where none may be */
};
void ndr_writer_init(struct ndr_writer *w, struct buf *b);
/* False when the buffer is full or the record cannot be said. */
bool ndr_write(struct ndr_writer *w, const struct ndr_type *t, const void *record);
bool ndr_write_parameters(struct ndr_writer *w, const struct ndr_type *t, unsigned direction, const void *record);

/* Type serialisation version 1 (MS-RPCE 2.2.6): the common header, the private header, one structure, padding to 8.
 * Reads one from the front of s; *rest (may be NULL) is what follows. */
cimf_status ndr_unpickle(struct arena *a, struct slice s, const struct ndr_type *t, void *out, struct slice *rest,
                         struct error *e);
bool ndr_pickle(struct buf *b, const struct ndr_type *t, const void *record);

#endif
