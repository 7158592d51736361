/*
 * base/slice.h - borrowed bytes: a pointer and a length. Not NUL-terminated unless said so.
 * A slice never owns; whoever hands one out says what it lives as long as.
 */
#ifndef BASE_SLICE_H
#define BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
    const char *p;
    size_t n;
};

#define SLICE(literal) ((struct slice){ "" literal, sizeof(literal) - 1 })
#define SLICE_NULL ((struct slice){ NULL, 0 })
#define SLICE_FMT "%.*s"
#define SLICE_ARG(s) (int)((s).n), ((s).p ? (s).p : "")

static inline struct slice slice_of(const char *p, size_t n) { return (struct slice){ p, n }; }
static inline struct slice slice_str(const char *z)
{
    return (struct slice){ z, z ? strlen(z) : 0 };
}
static inline bool slice_eq(struct slice a, struct slice b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}
static inline bool slice_is(struct slice a, const char *z) { return slice_eq(a, slice_str(z)); }
static inline struct slice slice_sub(struct slice s, size_t from)
{
    return from >= s.n ? (struct slice){ s.p ? s.p + s.n : NULL, 0 }
                       : (struct slice){ s.p + from, s.n - from };
}
static inline struct slice slice_head(struct slice s, size_t n)
{
    return (struct slice){ s.p, n < s.n ? n : s.n };
}
static inline bool slice_starts(struct slice s, struct slice prefix)
{
    return s.n >= prefix.n && (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}

/* Names are compared with one fixed Unicode simple case fold, never with the process locale.
 * Invalid UTF-8 compares bytewise. Fast for ASCII. */
int slice_casecmp(struct slice a, struct slice b);
bool slice_ieq(struct slice a, struct slice b);
bool slice_istarts(struct slice s, struct slice prefix);
/* Hash that agrees with slice_ieq. */
uint32_t slice_ihash(struct slice s);
/* Cuts XML/ASCII white space (space, tab, CR, LF) off both ends. */
struct slice slice_trim(struct slice s);
/* First position of c, or s.n. */
size_t slice_find(struct slice s, char c);
/* Splits at the first sep: *rest is what follows (n == 0 with p == NULL when there was none). */
struct slice slice_split(struct slice s, char sep, struct slice *rest);

/* Value of a hexadecimal digit of either case, -1 if it is none. */
static inline int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}
/* Pairs of digits to octets; out has room for hex.n / 2. False: an odd number, or something else than digits. */
bool slice_unhex(struct slice hex, unsigned char *out);

#endif
