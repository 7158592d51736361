/*
 * base/buf.h - a growing byte buffer with a hard cap and a sticky failure: after the first append
 * that does not fit, nothing more is appended and buf_ok() is false. Owned by whoever initialised it.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/slice.h"

struct buf {
    char *p;
    size_t n, room, cap;
    bool failed;
};

#define BUF_DEFAULT_CAP ((size_t)64 << 20)

void buf_init(struct buf *b, size_t cap); /* cap 0: BUF_DEFAULT_CAP; allocates nothing yet */
void buf_free(struct buf *b);
void buf_clear(struct buf *b); /* keeps the memory; clears the failure */
void buf_wipe(struct buf *b);  /* as free, but overwrites the bytes first: for secrets */
static inline bool buf_ok(const struct buf *b) { return !b->failed; }
static inline struct slice buf_slice(const struct buf *b) { return slice_of(b->p, b->n); }

/* Makes room for n more bytes and returns where they go (then buf_added), or NULL. */
char *buf_reserve(struct buf *b, size_t n);
static inline void buf_added(struct buf *b, size_t n) { b->n += n; }

bool buf_add(struct buf *b, const void *p, size_t n);
static inline bool buf_slice_add(struct buf *b, struct slice s) { return buf_add(b, s.p, s.n); }
#define buf_lit(b, literal) buf_add((b), "" literal, sizeof(literal) - 1)
bool buf_str(struct buf *b, const char *z);
bool buf_byte(struct buf *b, int c);
bool buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool buf_u64(struct buf *b, uint64_t v); /* decimal; fast */
bool buf_i64(struct buf *b, int64_t v);
/* Cuts back to an earlier length (mark = b->n); clears a failure that came after it. */
void buf_cut(struct buf *b, size_t mark);
/* Removes n bytes at the front. */
void buf_consume(struct buf *b, size_t n);
/* Keeps the bytes, adds a NUL that is not counted. NULL on failure. */
const char *buf_strz(struct buf *b);

#endif
