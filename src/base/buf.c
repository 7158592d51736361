#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { FIRST_ROOM = 256 };

void buf_init(struct buf *b, size_t cap)
{
    *b = (struct buf){ .cap = cap ? cap : BUF_DEFAULT_CAP };
}

void buf_free(struct buf *b)
{
    free(b->p);
    buf_init(b, b->cap);
}

void buf_clear(struct buf *b)
{
    b->n = 0;
    b->failed = false;
}

void buf_wipe(struct buf *b)
{
    if (b->p) explicit_bzero(b->p, b->room);
    buf_free(b);
}

/* One byte past the cap may be taken for the NUL of buf_strz. */
static bool grow(struct buf *b, size_t need)
{
    size_t room = b->room ? b->room : FIRST_ROOM;
    while (room < need) room = room > SIZE_MAX / 2 ? need : room * 2;
    if (room > b->cap && need <= b->cap) room = b->cap;
    char *p = realloc(b->p, room);
    if (!p) return false;
    b->p = p;
    b->room = room;
    return true;
}

char *buf_reserve(struct buf *b, size_t n)
{
    if (b->failed) return NULL;
    if (n > b->cap || b->n > b->cap - n || (b->room - b->n < n && !grow(b, b->n + n))) {
        b->failed = true;
        return NULL;
    }
    if (!b->p && !grow(b, 1)) { /* n == 0: still a real address */
        b->failed = true;
        return NULL;
    }
    return b->p + b->n;
}

bool buf_add(struct buf *b, const void *p, size_t n)
{
    char *to = buf_reserve(b, n);
    if (!to) return false;
    if (n) memcpy(to, p, n);
    b->n += n;
    return true;
}

bool buf_str(struct buf *b, const char *z) { return buf_add(b, z, z ? strlen(z) : 0); }

bool buf_byte(struct buf *b, int c)
{
    char *to = buf_reserve(b, 1);
    if (!to) return false;
    *to = (char)c;
    b->n++;
    return true;
}

bool buf_printf(struct buf *b, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    char small[256];
    int n = vsnprintf(small, sizeof small, format, args);
    va_end(args);
    bool ok = false;
    if (n < 0) {
        b->failed = true;
    } else if ((size_t)n < sizeof small) {
        ok = buf_add(b, small, (size_t)n);
    } else {
        char *p = malloc((size_t)n + 1);
        if (p) {
            vsnprintf(p, (size_t)n + 1, format, again);
            ok = buf_add(b, p, (size_t)n);
            free(p);
        } else {
            b->failed = true;
        }
    }
    va_end(again);
    return ok;
}

bool buf_u64(struct buf *b, uint64_t v)
{
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + v % 10);
        v /= 10;
    } while (v);
    return buf_add(b, digits + at, sizeof digits - at);
}

bool buf_i64(struct buf *b, int64_t v)
{
    if (v >= 0) return buf_u64(b, (uint64_t)v);
    size_t mark = b->n;
    bool before = b->failed;
    if (buf_byte(b, '-') && buf_u64(b, 0 - (uint64_t)v)) return true;
    if (!before) b->n = mark; /* whole or not at all */
    return false;
}

void buf_cut(struct buf *b, size_t mark)
{
    if (mark > b->n) return;
    b->n = mark;
    b->failed = false;
}

void buf_consume(struct buf *b, size_t n)
{
    if (n > b->n) n = b->n;
    b->n -= n;
    if (b->n && n) memmove(b->p, b->p + n, b->n);
}

const char *buf_strz(struct buf *b)
{
    if (b->failed || b->n == SIZE_MAX) return NULL;
    if (b->room <= b->n && !grow(b, b->n + 1)) {
        b->failed = true;
        return NULL;
    }
    b->p[b->n] = 0;
    return b->p;
}
