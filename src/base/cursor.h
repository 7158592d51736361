/*
 * base/cursor.h - reads fixed-width integers in a bounded byte range. The first access outside the
 * range makes the cursor bad: it then stands at the end, reads zeros, and stays so; a decoder checks
 * once at the end. `le`/`be` name the byte order on the wire.
 */
#ifndef BASE_CURSOR_H
#define BASE_CURSOR_H

#include "base/slice.h"

struct cursor {
    const unsigned char *start, *at, *end;
    bool bad;
};

struct cursor cursor_of(struct slice s);
static inline size_t cursor_left(const struct cursor *c) { return (size_t)(c->end - c->at); }
static inline size_t cursor_offset(const struct cursor *c) { return (size_t)(c->at - c->start); }
uint8_t cursor_u8(struct cursor *c);
uint16_t cursor_u16le(struct cursor *c);
uint32_t cursor_u32le(struct cursor *c);
uint64_t cursor_u64le(struct cursor *c);
uint16_t cursor_u16be(struct cursor *c);
uint32_t cursor_u32be(struct cursor *c);
uint64_t cursor_u64be(struct cursor *c);
/* n bytes, borrowed from the range; empty and bad when they are not there. */
struct slice cursor_bytes(struct cursor *c, size_t n);
void cursor_skip(struct cursor *c, size_t n);
/* Skips to a multiple of align (a power of two) from the start. */
void cursor_align(struct cursor *c, size_t align);
/* Moves to an absolute offset. */
void cursor_seek(struct cursor *c, size_t offset);

#endif
