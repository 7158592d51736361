#include "provider/text.h"

#include "base/utf.h"

static bool blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

bool text_line(struct slice *rest, struct slice *line)
{
    if (rest->n == 0) return false;
    size_t n = slice_find(*rest, '\n');
    *line = slice_head(*rest, n);
    *rest = slice_sub(*rest, n + 1);
    return true;
}

struct slice text_word(struct slice *rest)
{
    size_t from = 0;
    while (from < rest->n && blank(rest->p[from])) from++;
    size_t to = from;
    while (to < rest->n && !blank(rest->p[to])) to++;
    struct slice word = slice_of(rest->p + from, to - from);
    *rest = slice_sub(*rest, to);
    return word;
}

static bool number(struct slice s, unsigned base, size_t *used, uint64_t *out)
{
    uint64_t v = 0;
    size_t i = 0;
    for (; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        unsigned digit;
        if (c >= '0' && c <= '9')
            digit = c - '0';
        else if (base == 16 && c >= 'a' && c <= 'f')
            digit = c - 'a' + 10u;
        else if (base == 16 && c >= 'A' && c <= 'F')
            digit = c - 'A' + 10u;
        else
            break;
        if (v > (UINT64_MAX - digit) / base) return false;
        v = v * base + digit;
    }
    *used = i;
    *out = v;
    return i > 0;
}

bool text_u64(struct slice s, uint64_t *out)
{
    size_t used;
    uint64_t v;
    s = slice_trim(s);
    if (!number(s, 10, &used, &v) || used != s.n) return false;
    *out = v;
    return true;
}

bool text_hex(struct slice s, uint64_t *out)
{
    size_t used;
    uint64_t v;
    s = slice_trim(s);
    if (s.n > 2 && s.p[0] == '0' && (s.p[1] == 'x' || s.p[1] == 'X')) s = slice_sub(s, 2);
    if (!number(s, 16, &used, &v) || used != s.n) return false;
    *out = v;
    return true;
}

bool text_leading_u64(struct slice s, uint64_t *out)
{
    size_t used;
    return number(slice_trim(s), 10, &used, out);
}

bool text_field(struct slice text, const char *key, char sep, struct slice *value)
{
    struct slice line, name = slice_str(key);
    while (text_line(&text, &line)) {
        if (!slice_starts(line, name)) continue;
        struct slice after = slice_sub(line, name.n);
        while (after.n && (after.p[0] == ' ' || after.p[0] == '\t') && sep != after.p[0])
            after = slice_sub(after, 1);
        if (after.n == 0 || after.p[0] != sep) continue;
        *value = slice_trim(slice_sub(after, 1));
        return true;
    }
    return false;
}

bool text_field_u64(struct slice text, const char *key, char sep, uint64_t *value)
{
    struct slice v;
    return text_field(text, key, sep, &v) && text_leading_u64(v, value);
}

bool text_has_word(struct slice list, const char *word)
{
    for (struct slice w = text_word(&list); w.n; w = text_word(&list))
        if (slice_is(w, word)) return true;
    return false;
}

struct slice text_base(struct slice path)
{
    size_t i = path.n;
    while (i > 0 && path.p[i - 1] != '/') i--;
    return slice_sub(path, i);
}

struct slice text_unquote(struct arena *a, struct slice s)
{
    s = slice_trim(s);
    char *out = arena_alloc(a, s.n + 1);
    if (!out) return SLICE_NULL;
    size_t n = 0;
    char quote = 0;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (c == '\\' && quote != '\'' && i + 1 < s.n) {
            out[n++] = s.p[++i];
        } else if (quote ? c == quote : c == '"' || c == '\'') {
            quote = quote ? 0 : c;
        } else {
            out[n++] = c;
        }
    }
    out[n] = 0;
    return slice_of(out, n);
}

struct slice text_unescape_octal(struct arena *a, struct slice s)
{
    char *out = arena_alloc(a, s.n + 1);
    if (!out) return SLICE_NULL;
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        const char *p = s.p + i;
        if (s.n - i >= 4 && p[0] == '\\' && p[1] >= '0' && p[1] <= '3' && p[2] >= '0' &&
            p[2] <= '7' && p[3] >= '0' && p[3] <= '7') {
            out[n++] = (char)((p[1] - '0') * 64 + (p[2] - '0') * 8 + (p[3] - '0'));
            i += 3;
        } else {
            out[n++] = *p;
        }
    }
    out[n] = 0;
    return slice_of(out, n);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Runs of digits compare as numbers, runs of other characters first by length (sdb before sdaa). */
int text_natural(struct slice a, struct slice b)
{
    while (a.n && b.n) {
        bool da = is_digit(a.p[0]), db = is_digit(b.p[0]);
        size_t na = 1, nb = 1;
        while (na < a.n && is_digit(a.p[na]) == da) na++;
        while (nb < b.n && is_digit(b.p[nb]) == db) nb++;
        if (da != db) return da ? -1 : 1;
        struct slice x = slice_head(a, na), y = slice_head(b, nb);
        if (da) {
            while (x.n > 1 && x.p[0] == '0') x = slice_sub(x, 1);
            while (y.n > 1 && y.p[0] == '0') y = slice_sub(y, 1);
        }
        if (x.n != y.n) return x.n < y.n ? -1 : 1;
        int order = memcmp(x.p, y.p, x.n);
        if (order) return order;
        a = slice_sub(a, na);
        b = slice_sub(b, nb);
    }
    return a.n ? 1 : b.n ? -1 : 0;
}

struct slice text_clean(struct arena *a, struct slice s)
{
    char *out = arena_alloc(a, s.n + 1);
    if (!out) return SLICE_NULL;
    size_t n = 0;
    const char *p = s.p, *end = s.p + s.n;
    while (p < end) {
        bool valid = true;
        const char *at = p;
        uint32_t c = utf8_next(&p, end, false, &valid);
        if (!valid) {
            out[n++] = '?';
        } else if (c >= 0x20 && c != 0x7f) {
            memcpy(out + n, at, (size_t)(p - at));
            n += (size_t)(p - at);
        } else if (c == '\t' || c == '\n') {
            out[n++] = ' ';
        }
    }
    out[n] = 0;
    return slice_trim(slice_of(out, n));
}
