#include "base/ini.h"

#include <string.h>

static bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v'; }

/* Up to a comment that begins inside the line. */
static struct slice uncomment(struct slice s)
{
    for (size_t i = 1; i < s.n; i++)
        if (s.p[i] == ';' && is_space(s.p[i - 1])) return slice_head(s, i);
    return s;
}

/* false: the line is nothing that there is. */
static bool take(struct slice line, struct ini_line *l, bool *entry)
{
    struct slice s = slice_trim(line);
    *entry = false;
    if (s.n && memchr(s.p, 0, s.n)) return false;
    if (s.n == 0 || s.p[0] == ';' || s.p[0] == '#') return true;
    if (is_space(line.p[0]) && l->key.n) {
        l->value = slice_trim(uncomment(s));
        l->more = *entry = true;
        return true;
    }
    if (s.p[0] == '[') {
        size_t end = slice_find(s, ']');
        if (end == s.n) return false;
        l->section = slice_trim(slice_sub(slice_head(s, end), 1));
        l->key = SLICE("");
        return true;
    }
    size_t at = 0;
    while (at < s.n && s.p[at] != '=' && s.p[at] != ':') at++;
    if (at == s.n) return false;
    l->key = slice_trim(slice_head(s, at));
    /* The sign stays before the value while comments are looked for: "key = ; comment" has no value. */
    struct slice value = uncomment(slice_sub(s, at));
    l->value = slice_trim(slice_sub(value, 1));
    l->more = false;
    return *entry = l->key.n != 0;
}

cimf_status ini_read(struct slice text, const char *path, ini_line_fn *fn, void *arg, struct error *e)
{
    struct ini_line l = { SLICE(""), SLICE(""), SLICE(""), false, 0 };
    if (slice_starts(text, SLICE("\xef\xbb\xbf"))) text = slice_sub(text, 3);
    while (text.p && text.n) {
        struct error why = ERROR_INIT;
        bool entry;
        struct slice line = slice_split(text, '\n', &text);
        l.number++;
        cimf_status status = CIMF_OK;
        if (line.n == 0) continue;
        if (!take(line, &l, &entry))
            status = error_set(&why, CIMF_INVALID_PARAMETER, "config", "not a section, a comment or key = value");
        else if (entry)
            status = fn(arg, &l, &why);
        if (status == CIMF_OK) continue;
        error_set(e, status, "config", "%s:%u: %s", path, l.number, error_text(&why));
        error_place(e, l.number, 0);
        return status;
    }
    return CIMF_OK;
}
