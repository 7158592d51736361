/*
 * base/arena.h - memory that dies at once.
 *
 * One arena belongs to one operation (or one parsed document) and to one thread at a time. It grows
 * by doubling chunks up to a hard cap; past the cap every allocation answers NULL and the arena
 * remembers that it overflowed, so a parser may check once at the end. Nothing here aborts.
 * Functions that take `struct arena *a` first return memory of that arena.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/slice.h"
#include "base/status.h"

struct arena_chunk;
struct arena_hold;

struct arena {
    char *at, *end;             /* free room of the current chunk */
    struct arena_chunk *chunk;  /* newest first */
    struct arena_hold *holds;   /* shared objects pinned by this arena, newest first */
    size_t used;                /* bytes in chunks */
    size_t cap;                 /* bytes that chunks may take in all */
    bool overflow;              /* some allocation was refused */
};

struct arena_mark {
    char *at;
    struct arena_chunk *chunk;
    struct arena_hold *holds;
};

#define ARENA_DEFAULT_CAP ((size_t)64 << 20)

/* cap 0 means ARENA_DEFAULT_CAP. Allocates nothing yet. */
void arena_init(struct arena *a, size_t cap);
/* Releases holds, then chunks; the arena is as after arena_init. */
void arena_free(struct arena *a);
/* Releases holds and all chunks but one of at most 64 KiB: for reuse. */
void arena_reset(struct arena *a);

/* Makes sure that the next `size` bytes come from one piece. As the first call on an arena it fixes the
 * size of its first chunk, so that an object of known size wastes nothing. */
bool arena_reserve(struct arena *a, size_t size);

/* 16-byte aligned, not zeroed / zeroed. NULL past the cap or on integer overflow. */
void *arena_alloc(struct arena *a, size_t size) __attribute__((malloc));
void *arena_zalloc(struct arena *a, size_t size) __attribute__((malloc));
void *arena_array(struct arena *a, size_t count, size_t size); /* zeroed */
#define ARENA_NEW(a, type) ((type *)arena_zalloc((a), sizeof(type)))
#define ARENA_ARRAY(a, count, type) ((type *)arena_array((a), (count), sizeof(type)))

/* Copies; the result is NUL-terminated past its length. p is NULL when out of room. */
struct slice arena_dup(struct arena *a, struct slice s);
struct slice arena_lower(struct arena *a, struct slice s); /* ASCII lower case */
char *arena_strz(struct arena *a, struct slice s);
struct slice arena_printf(struct arena *a, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Everything allocated (and held) after the mark goes away on rewind; the overflow flag too. */
struct arena_mark arena_mark(struct arena *a);
void arena_rewind(struct arena *a, struct arena_mark mark);

/* Pins a shared object: unref(object) runs at rewind, reset or free. On failure unref runs at once
 * and the answer is false: the caller's reference is gone either way. */
bool arena_hold(struct arena *a, void *object, void (*unref)(void *object));

/* One of the newest holds (a few are looked at) pins this object: so that making many objects of one
 * class in one arena holds it once. */
bool arena_holds(const struct arena *a, const void *object);

/* CIMF_OUT_OF_MEMORY when the arena overflowed, else CIMF_OK. */
cimf_status arena_status(const struct arena *a);

#endif
