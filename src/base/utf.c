#include "base/utf.h"

#include "base/word_priv.h"

uint32_t utf8_next(const char **p, const char *end, bool wtf, bool *valid)
{
    const unsigned char *s = (const unsigned char *)*p;
    size_t left = (size_t)(end - *p);
    if (left == 0) goto bad;
    uint32_t c = s[0];
    if (c < 0x80) {
        ++*p;
        return c;
    }
    size_t n = c >= 0xF0 ? 4 : c >= 0xE0 ? 3 : 2;
    uint32_t least = n == 4 ? 0x10000 : n == 3 ? 0x800 : 0x80;
    if (c < 0xC2 || c > 0xF4 || left < n) goto bad;
    c &= 0x7Fu >> n;
    for (size_t i = 1; i < n; i++) {
        if ((s[i] & 0xC0) != 0x80) goto bad;
        c = c << 6 | (s[i] & 0x3Fu);
    }
    if (c < least || c > 0x10FFFF || (!wtf && c >= 0xD800 && c < 0xE000)) goto bad;
    *p += n;
    return c;
bad:
    if (valid) *valid = false;
    if (left) ++*p;
    return 0xFFFD;
}

bool utf8_is_ascii(struct slice s)
{
    size_t i = 0;
    for (; i + 8 <= s.n; i += 8) {
        uint64_t v;
        memcpy(&v, s.p + i, 8);
        if (v & 0x8080808080808080u) return false;
    }
    for (; i < s.n; i++) {
        if ((unsigned char)s.p[i] >= 0x80) return false;
    }
    return true;
}

bool utf8_valid(struct slice s)
{
    if (utf8_is_ascii(s)) return true;
    const char *p = s.p, *end = s.p + s.n;
    bool valid = true;
    while (p < end && valid) utf8_next(&p, end, false, &valid);
    return valid;
}

static size_t encode(char out[4], uint32_t c)
{
    if (c > 0x10FFFF) c = 0xFFFD;
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xC0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3F));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xE0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3F));
        out[2] = (char)(0x80 | (c & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3F));
    out[2] = (char)(0x80 | (c >> 6 & 0x3F));
    out[3] = (char)(0x80 | (c & 0x3F));
    return 4;
}

bool utf8_put(struct buf *b, uint32_t codepoint)
{
    char bytes[4];
    size_t n = encode(bytes, codepoint);
    return buf_add(b, bytes, n);
}

size_t utf16_units(struct slice utf8)
{
    if (utf8_is_ascii(utf8)) return utf8.n;
    const char *p = utf8.p, *end = utf8.p + utf8.n;
    size_t n = 0;
    while (p < end) n += utf8_next(&p, end, true, NULL) >= 0x10000 ? 2 : 1;
    return n;
}

struct fold_range {
    uint32_t first, last;
    int32_t step, delta;
};

static const struct fold_range fold_ranges[] = {
#include "base/fold_table.h"
};

static const struct fold_range upper_ranges[] = {
#include "base/upper_table.h"
};

static uint32_t mapped(const struct fold_range *ranges, size_t count, uint32_t c)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        const struct fold_range *r = &ranges[middle];
        if (c < r->first) {
            high = middle;
        } else if (c > r->last) {
            low = middle + 1;
        } else {
            return (c - r->first) % (uint32_t)r->step == 0 ? c + (uint32_t)r->delta : c;
        }
    }
    return c;
}

uint32_t utf_fold(uint32_t c)
{
    if (c < 0x80) return c >= 'A' && c <= 'Z' ? c | 0x20 : c;
    return mapped(fold_ranges, sizeof fold_ranges / sizeof fold_ranges[0], c);
}

uint32_t utf_upper(uint32_t c)
{
    if (c < 0x80) return c >= 'a' && c <= 'z' ? c & ~0x20u : c;
    return mapped(upper_ranges, sizeof upper_ranges / sizeof upper_ranges[0], c);
}

static uint32_t unit_at(const unsigned char *p, enum utf16_order order)
{
    return order == UTF16_LE ? (uint32_t)p[0] | (uint32_t)p[1] << 8
                             : (uint32_t)p[1] | (uint32_t)p[0] << 8;
}

/* One code point of n units from at; a lone surrogate is itself. */
static uint32_t utf16_next(const unsigned char *p, size_t n, size_t *at, enum utf16_order order)
{
    uint32_t c = unit_at(p + 2 * (*at)++, order);
    if (c < 0xD800 || c > 0xDBFF || *at >= n) return c;
    uint32_t low = unit_at(p + 2 * *at, order);
    if (low < 0xDC00 || low > 0xDFFF) return c;
    ++*at;
    return 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
}

cimf_status utf16_to_utf8(struct arena *a, struct slice utf16, enum utf16_order order, bool strict,
                          struct slice *out)
{
    const unsigned char *p = (const unsigned char *)utf16.p;
    size_t units = utf16.n / 2, bytes = 0;
    char scrap[4];
    *out = SLICE_NULL;
    if (utf16.n % 2) return CIMF_BAD_REQUEST;
    for (size_t at = 0; at < units;) {
        uint32_t c = utf16_next(p, units, &at, order);
        if (strict && c >= 0xD800 && c < 0xE000) return CIMF_BAD_REQUEST;
        bytes += encode(scrap, c);
    }
    char *text = arena_alloc(a, bytes + 1);
    if (!text) return CIMF_OUT_OF_MEMORY;
    char *to = text;
    for (size_t at = 0; at < units;) {
        size_t n = encode(scrap, utf16_next(p, units, &at, order));
        memcpy(to, scrap, n);
        to += n;
    }
    *to = 0;
    *out = slice_of(text, bytes);
    return CIMF_OK;
}

static bool put_unit(struct buf *out, uint32_t unit, enum utf16_order order)
{
    unsigned char lo = (unsigned char)(unit & 0xFF), hi = (unsigned char)(unit >> 8);
    unsigned char bytes[2] = { order == UTF16_LE ? lo : hi, order == UTF16_LE ? hi : lo };
    return buf_add(out, bytes, 2);
}

static size_t ascii_run(const char *p, const char *end)
{
    const char *at = p;
    while (end - at >= 8 && !(word_load(at) & WORD_HIGH_BITS)) at += 8;
    while (at < end && (unsigned char)*at < 0x80) at++;
    return (size_t)(at - p);
}

static bool put_ascii(struct buf *out, const char *p, size_t n, enum utf16_order order)
{
    char *to = buf_reserve(out, 2 * n);
    if (!to) return false;
    for (size_t i = 0; i < n; i++) {
        to[2 * i + (order == UTF16_BE)] = p[i];
        to[2 * i + (order != UTF16_BE)] = 0;
    }
    buf_added(out, 2 * n);
    return true;
}

bool utf8_to_utf16(struct buf *out, struct slice utf8, enum utf16_order order)
{
    const char *p = utf8.p, *end = utf8.p + utf8.n;
    size_t mark = out->n;
    bool valid = true, fits = true;
    while (p < end && valid && fits) {
        size_t plain = ascii_run(p, end);
        if (plain) {
            fits = put_ascii(out, p, plain, order);
            p += plain;
            continue;
        }
        uint32_t c = utf8_next(&p, end, true, &valid);
        if (!valid) break;
        if (c >= 0x10000) {
            fits = put_unit(out, 0xD800 + ((c - 0x10000) >> 10), order) &&
                   put_unit(out, 0xDC00 + ((c - 0x10000) & 0x3FF), order);
        } else {
            fits = put_unit(out, c, order);
        }
    }
    if (valid && fits) return true;
    out->n = mark; /* whole or not at all; a failure of the buffer stays */
    return false;
}
