/*
 * LIKE of WQL. Greedy matching with one saved restart point: after the last % only that position moves,
 * so the time is bounded by the product of the lengths and no pattern makes it explode (P20).
 */
#include "base/utf.h"
#include "wql/wql.h"

static uint32_t next_folded(const char **p, const char *end)
{
    bool valid = true;
    return utf_fold(utf8_next(p, end, true, &valid));
}

/* The ']' that ends the set whose '[' was just passed, or NULL. "[^]" is a set of the caret. */
static const char *set_end(const char *p, const char *end)
{
    for (; p < end; p++)
        if (*p == ']') return p;
    return NULL;
}

static bool set_has(const char *p, const char *end, uint32_t c)
{
    bool negate = false;
    if (p < end && *p == '^' && p + 1 < end) {
        negate = true;
        p++;
    }
    bool found = false;
    while (p < end) {
        uint32_t low = next_folded(&p, end), high = low;
        /* a - or = between two characters is a range, at the end it is itself */
        if (p + 1 < end && (*p == '-' || *p == '=')) {
            p++;
            high = next_folded(&p, end);
        }
        if (c >= low && c <= high) found = true;
    }
    return found != negate;
}

/* One pattern element (not %) against one character; advances *p past the element. */
static bool element_matches(const char **p, const char *end, uint32_t c)
{
    if (**p == '_') {
        (*p)++;
        return true;
    }
    if (**p == '[') {
        const char *close = set_end(*p + 1, end);
        if (close) {
            const char *from = *p + 1;
            *p = close + 1;
            return set_has(from, close, c);
        }
    }
    return next_folded(p, end) == c;
}

bool wql_like(struct slice text, struct slice pattern)
{
    const char *t = text.p ? text.p : "", *t_end = t + text.n;
    const char *p = pattern.p ? pattern.p : "", *p_end = p + pattern.n;
    const char *restart_p = NULL, *restart_t = NULL;
    for (;;) {
        while (p < p_end && *p == '%') {
            restart_p = ++p;
            restart_t = t;
        }
        if (t == t_end) return p == p_end;
        const char *after_p = p, *after_t = t;
        uint32_t c = next_folded(&after_t, t_end);
        if (p < p_end && element_matches(&after_p, p_end, c)) {
            p = after_p;
            t = after_t;
            continue;
        }
        if (!restart_p) return false;
        next_folded(&restart_t, t_end);
        p = restart_p;
        t = restart_t;
    }
}

bool wql_like_valid(struct slice pattern)
{
    const char *p = pattern.p ? pattern.p : "", *end = p + pattern.n;
    while (p < end) {
        if (*p++ != '[') continue;
        p = set_end(p, end);
        if (!p) return false;
        p++;
    }
    return true;
}

bool wql_like_has_meta(struct slice pattern)
{
    for (size_t i = 0; i < pattern.n; i++)
        if (pattern.p[i] == '%' || pattern.p[i] == '_' || pattern.p[i] == '[') return true;
    return false;
}
