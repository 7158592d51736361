#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#if defined(__SANITIZE_ADDRESS__)
#define ARENA_POISON 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_POISON 1
#endif
#endif
#ifdef ARENA_POISON
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#endif

enum {
    ALIGN = 16,
    CHUNK_FIRST = 4096,
    CHUNK_LARGEST = 1 << 20, /* doubling ends here, so that a big arena wastes little */
    CHUNK_KEPT = 64 << 10,
};

struct arena_chunk {
    struct arena_chunk *next;
    size_t size; /* with this head */
};

struct arena_hold {
    struct arena_hold *next;
    void *object;
    void (*unref)(void *object);
};

_Static_assert(sizeof(struct arena_chunk) % ALIGN == 0, "chunk data must start aligned");

static char *chunk_data(struct arena_chunk *c) { return (char *)(c + 1); }
static char *chunk_end(struct arena_chunk *c) { return (char *)c + c->size; }

void arena_init(struct arena *a, size_t cap)
{
    *a = (struct arena){ .cap = cap ? cap : ARENA_DEFAULT_CAP };
}

static void holds_release(struct arena *a, struct arena_hold *until)
{
    while (a->holds != until) {
        struct arena_hold *h = a->holds;
        a->holds = h->next;
        h->unref(h->object);
    }
}

static void chunk_free(struct arena *a, struct arena_chunk *c)
{
    a->used -= c->size;
    ASAN_UNPOISON_MEMORY_REGION(chunk_data(c), c->size - sizeof *c);
    free(c);
}

void arena_free(struct arena *a)
{
    holds_release(a, NULL);
    for (struct arena_chunk *c = a->chunk, *next; c; c = next) {
        next = c->next;
        chunk_free(a, c);
    }
    arena_init(a, a->cap);
}

void arena_reset(struct arena *a)
{
    holds_release(a, NULL);
    struct arena_chunk *kept = NULL;
    for (struct arena_chunk *c = a->chunk, *next; c; c = next) {
        next = c->next;
        if (c->size > CHUNK_KEPT || (kept && kept->size >= c->size)) {
            chunk_free(a, c);
            continue;
        }
        if (kept) chunk_free(a, kept);
        kept = c;
    }
    size_t used = a->used;
    arena_init(a, a->cap);
    if (!kept) return;
    kept->next = NULL;
    a->used = used;
    a->chunk = kept;
    a->at = chunk_data(kept);
    a->end = chunk_end(kept);
    ASAN_POISON_MEMORY_REGION(a->at, (size_t)(a->end - a->at));
}

static bool arena_grow(struct arena *a, size_t need, bool exact)
{
    if (need > SIZE_MAX - sizeof(struct arena_chunk)) return false;
    need += sizeof(struct arena_chunk);
    size_t left = a->cap - a->used;
    if (a->used > a->cap || need > left) return false;
    size_t size = a->chunk ? a->chunk->size : CHUNK_FIRST / 2;
    size = size < CHUNK_LARGEST / 2 ? size * 2 : CHUNK_LARGEST;
    if (size < need || exact) size = need;
    if (size > left) size = left & ~(size_t)(ALIGN - 1);
    if (size < need) size = need;
    struct arena_chunk *c = malloc(size);
    if (!c) return false;
    *c = (struct arena_chunk){ .next = a->chunk, .size = size };
    a->chunk = c;
    a->used += size;
    a->at = chunk_data(c);
    a->end = chunk_end(c);
    ASAN_POISON_MEMORY_REGION(a->at, (size_t)(a->end - a->at));
    return true;
}

bool arena_reserve(struct arena *a, size_t size)
{
    size_t rounded = (size + (ALIGN - 1)) & ~(size_t)(ALIGN - 1);
    bool fits = rounded >= size;
    if (fits && (!a->at || (size_t)(a->end - a->at) < rounded)) {
        fits = arena_grow(a, rounded ? rounded : ALIGN, !a->chunk);
    }
    if (!fits) a->overflow = true;
    return fits;
}

void *arena_alloc(struct arena *a, size_t size)
{
    size_t rounded = (size + (ALIGN - 1)) & ~(size_t)(ALIGN - 1);
    bool fits = rounded >= size;
    if (fits && (!a->at || (size_t)(a->end - a->at) < rounded)) {
        fits = arena_grow(a, rounded ? rounded : ALIGN, false);
    }
    if (!fits) {
        a->overflow = true;
        return NULL;
    }
    char *p = a->at;
    a->at += rounded;
    ASAN_UNPOISON_MEMORY_REGION(p, size);
    return p;
}

void *arena_zalloc(struct arena *a, size_t size)
{
    void *p = arena_alloc(a, size);
    if (p) memset(p, 0, size);
    return p;
}

void *arena_array(struct arena *a, size_t count, size_t size)
{
    size_t all;
    if (__builtin_mul_overflow(count, size, &all)) {
        a->overflow = true;
        return NULL;
    }
    return arena_zalloc(a, all);
}

static char *dup_bytes(struct arena *a, struct slice s)
{
    if (s.n == SIZE_MAX) {
        a->overflow = true;
        return NULL;
    }
    char *p = arena_alloc(a, s.n + 1);
    if (!p) return NULL;
    if (s.n) memcpy(p, s.p, s.n);
    p[s.n] = 0;
    return p;
}

struct slice arena_dup(struct arena *a, struct slice s)
{
    char *p = dup_bytes(a, s);
    return p ? slice_of(p, s.n) : SLICE_NULL;
}

struct slice arena_lower(struct arena *a, struct slice s)
{
    char *p = dup_bytes(a, s);
    if (!p) return SLICE_NULL;
    for (size_t i = 0; i < s.n; i++) {
        if (p[i] >= 'A' && p[i] <= 'Z') p[i] = (char)(p[i] | 0x20);
    }
    return slice_of(p, s.n);
}

char *arena_strz(struct arena *a, struct slice s) { return dup_bytes(a, s); }

struct slice arena_printf(struct arena *a, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    char small[256];
    int n = vsnprintf(small, sizeof small, format, args);
    va_end(args);
    struct slice out = SLICE_NULL;
    if (n < 0) {
        a->overflow = true;
    } else if ((size_t)n < sizeof small) {
        out = arena_dup(a, slice_of(small, (size_t)n));
    } else {
        char *p = arena_alloc(a, (size_t)n + 1);
        if (p) {
            vsnprintf(p, (size_t)n + 1, format, again);
            out = slice_of(p, (size_t)n);
        }
    }
    va_end(again);
    return out;
}

struct arena_mark arena_mark(struct arena *a)
{
    return (struct arena_mark){ a->at, a->chunk, a->holds };
}

void arena_rewind(struct arena *a, struct arena_mark mark)
{
    holds_release(a, mark.holds);
    while (a->chunk != mark.chunk) {
        struct arena_chunk *c = a->chunk;
        a->chunk = c->next;
        chunk_free(a, c);
    }
    a->at = mark.at;
    a->end = mark.chunk ? chunk_end(mark.chunk) : NULL;
    a->overflow = false;
    if (a->at) ASAN_POISON_MEMORY_REGION(a->at, (size_t)(a->end - a->at));
}

bool arena_hold(struct arena *a, void *object, void (*unref)(void *object))
{
    struct arena_hold *h = arena_alloc(a, sizeof *h);
    if (!h) {
        unref(object);
        return false;
    }
    *h = (struct arena_hold){ a->holds, object, unref };
    a->holds = h;
    return true;
}

bool arena_holds(const struct arena *a, const void *object)
{
    int looked = 0;
    for (const struct arena_hold *h = a->holds; h && looked < 4; h = h->next, looked++) {
        if (h->object == object) return true;
    }
    return false;
}

cimf_status arena_status(const struct arena *a)
{
    return a->overflow ? CIMF_OUT_OF_MEMORY : CIMF_OK;
}
