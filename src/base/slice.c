#include "base/slice.h"

#include "base/hash.h"
#include "base/utf.h"
#include "base/word_priv.h"

static inline unsigned char lower(unsigned char c) { return c >= 'A' && c <= 'Z' ? c | 0x20 : c; }

/* Folded code point; a byte that is not UTF-8 sorts behind all code points as itself. */
static uint32_t folded_next(const char **p, const char *end)
{
    unsigned char c = (unsigned char)**p;
    if (c < 0x80) {
        ++*p;
        return lower(c);
    }
    bool valid = true;
    uint32_t point = utf8_next(p, end, true, &valid);
    return valid ? utf_fold(point) : 0x110000u + c;
}

/* The sign of the first difference of two unequal words of folded text. */
static inline int word_sign(uint64_t v, uint64_t w)
{
    int at = __builtin_ctzll(v ^ w) & ~7;
    return (int)(v >> at & 0xff) - (int)(w >> at & 0xff);
}

static int compare_points(struct slice *a, struct slice *b)
{
    const char *p = a->p, *pe = a->p + a->n, *q = b->p, *qe = b->p + b->n;
    int sign = 0;
    while (p < pe && q < qe && !sign) {
        uint32_t x = folded_next(&p, pe), y = folded_next(&q, qe);
        sign = (x > y) - (x < y);
    }
    *a = slice_of(p, (size_t)(pe - p));
    *b = slice_of(q, (size_t)(qe - q));
    return sign;
}

/* Compares until a difference (its sign), or until one ends (0 with what is left of each). */
static int compare(struct slice *a, struct slice *b)
{
    size_t n = a->n < b->n ? a->n : b->n;
    for (size_t i = 0; i < n; i += 8) {
        bool whole = n - i >= 8;
        uint64_t v = whole ? word_load(a->p + i) : word_part(a->p + i, n - i);
        uint64_t w = whole ? word_load(b->p + i) : word_part(b->p + i, n - i);
        if ((v | w) & WORD_HIGH_BITS) {
            *a = slice_sub(*a, i);
            *b = slice_sub(*b, i);
            return compare_points(a, b);
        }
        v = word_lower(v);
        w = word_lower(w);
        if (v != w) return word_sign(v, w);
    }
    *a = slice_sub(*a, n);
    *b = slice_sub(*b, n);
    return 0;
}

int slice_casecmp(struct slice a, struct slice b)
{
    if (!a.n || !b.n) return (a.n > 0) - (b.n > 0);
    int sign = compare(&a, &b);
    return sign ? (sign < 0 ? -1 : 1) : (a.n > 0) - (b.n > 0);
}

bool slice_ieq(struct slice a, struct slice b) { return slice_casecmp(a, b) == 0; }

bool slice_istarts(struct slice s, struct slice prefix)
{
    if (!prefix.n) return true;
    if (!s.n) return false;
    return compare(&s, &prefix) == 0 && prefix.n == 0;
}

uint32_t slice_ihash(struct slice s) { return (uint32_t)hash_folded(s); }

static inline bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

struct slice slice_trim(struct slice s)
{
    while (s.n && is_space(s.p[0])) s.p++, s.n--;
    while (s.n && is_space(s.p[s.n - 1])) s.n--;
    return s;
}

size_t slice_find(struct slice s, char c)
{
    const char *at = s.n ? memchr(s.p, c, s.n) : NULL;
    return at ? (size_t)(at - s.p) : s.n;
}

struct slice slice_split(struct slice s, char sep, struct slice *rest)
{
    size_t at = slice_find(s, sep);
    *rest = at < s.n ? slice_of(s.p + at + 1, s.n - at - 1) : SLICE_NULL;
    return slice_of(s.p, at);
}

bool slice_unhex(struct slice hex, unsigned char *out)
{
    if (hex.n % 2) return false;
    for (size_t i = 0; i < hex.n; i += 2) {
        int high = hex_digit(hex.p[i]), low = hex_digit(hex.p[i + 1]);
        if (high < 0 || low < 0) return false;
        out[i / 2] = (unsigned char)(high << 4 | low);
    }
    return true;
}
