/*
 * codec/der.h - the part of DER (X.690) that security tokens are made of: single-byte tags,
 * definite lengths in their shortest form. Anything else is refused. Nothing recurses: a caller
 * opens one level at a time.
 */
#ifndef CODEC_DER_H
#define CODEC_DER_H

#include "base/buf.h"

enum {
    DER_OCTETS = 0x04,
    DER_OID = 0x06,
    DER_ENUMERATED = 0x0a,
    DER_GENERAL_STRING = 0x1b,
    DER_SEQUENCE = 0x30,
    DER_INTEGER = 0x02,
    DER_APPLICATION = 0x60, /* constructed; | number */
    DER_CONTEXT = 0xa0,     /* constructed; | number */
};

/* A reader of consecutive elements. The first malformed or unexpected element makes it bad for
 * good. */
struct der {
    struct slice rest;
    bool bad;
};

static inline struct der der_of(struct slice s)
{
    return (struct der){ s, false };
}
static inline bool der_end(const struct der *d)
{
    return !d->bad && d->rest.n == 0;
}
/* Tag of the next element; -1 at the end or when bad. */
int der_peek(const struct der *d);
/* Takes the next element whatever its tag: content, and (if not NULL) the element with its header.
 */
struct slice der_any(struct der *d, unsigned *tag, struct slice *whole);
/* Takes an element with this tag; any other makes the reader bad. Content borrowed. */
struct slice der_take(struct der *d, unsigned tag);
/* As der_take, as a reader of the content; bad if d is bad. */
struct der der_open(struct der *d, unsigned tag);
/* A non-negative INTEGER or an ENUMERATED of at most 31 bits, shortest form. */
uint32_t der_u31(struct der *d, unsigned tag);

/* Appends header and content. */
bool der_put(struct buf *b, unsigned tag, struct slice content);
bool der_put_u31(struct buf *b, unsigned tag, uint32_t value);
/* Everything appended since mark (= b->n at that time) becomes the content of an element. */
bool der_wrap(struct buf *b, size_t mark, unsigned tag);

#endif
