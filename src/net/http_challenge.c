/* WWW-Authenticate values. A name with '=' behind it is a parameter of the scheme before, any other name is
 * the next scheme. */
#include "net/http_challenge.h"

static bool is_token(char c)
{
    static const char more[] = "!#$%&'*+-.^_`|~";
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           (c && strchr(more, c));
}

static bool is_token68(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           (c && strchr("-._~+/", c));
}

static void skip(struct slice *s, const char *set)
{
    while (s->n && s->p[0] && strchr(set, s->p[0])) *s = slice_sub(*s, 1);
}

static struct slice take(struct slice *s, bool (*fits)(char c))
{
    size_t n = 0;
    while (n < s->n && fits(s->p[n])) n++;
    struct slice got = slice_head(*s, n);
    *s = slice_sub(*s, n);
    return got;
}

/* Behind the opening quote; false when it is never closed. */
static bool take_quoted(struct slice *s, struct slice *value)
{
    for (size_t i = 0; i < s->n; i++) {
        if (s->p[i] == '\\') i++;
        else if (s->p[i] == '"') {
            *value = slice_head(*s, i);
            *s = slice_sub(*s, i + 1);
            return true;
        }
    }
    return false;
}

bool http_param_next(struct slice *rest, struct slice *name, struct slice *value)
{
    struct slice s = *rest;
    skip(&s, " \t,");
    *name = take(&s, is_token);
    skip(&s, " \t");
    if (name->n == 0 || s.n == 0 || s.p[0] != '=') return false;
    s = slice_sub(s, 1);
    skip(&s, " \t");
    if (s.n && s.p[0] == '"') {
        s = slice_sub(s, 1);
        if (!take_quoted(&s, value)) return false;
    } else {
        *value = take(&s, is_token);
        if (value->n == 0) return false;
    }
    skip(&s, " \t");
    if (s.n && s.p[0] != ',') return false;
    *rest = s;
    return true;
}

/* A token68 that is all there is until the next comma. */
static bool take_token68(struct slice *s, struct slice *value)
{
    struct slice rest = *s;
    const char *start = rest.p;
    if (take(&rest, is_token68).n == 0) return false;
    while (rest.n && rest.p[0] == '=') rest = slice_sub(rest, 1);
    *value = slice_of(start, (size_t)(rest.p - start));
    skip(&rest, " \t");
    if (rest.n && rest.p[0] != ',') return false;
    *s = rest;
    return true;
}

static void take_params(struct slice *s, struct slice *value)
{
    struct slice name, ignored;
    const char *start = s->p, *end = s->p;
    while (http_param_next(s, &name, &ignored)) end = s->p;
    *value = slice_of(start, (size_t)(end - start));
}

bool http_challenges_add(struct http_challenges *c, struct slice value)
{
    for (;;) {
        skip(&value, " \t,");
        if (value.n == 0) return true;
        struct http_challenge one = { .rest = SLICE("") };
        one.scheme = take(&value, is_token);
        if (one.scheme.n == 0 || c->count == HTTP_CHALLENGES_MAX) return false;
        bool apart = value.n && (value.p[0] == ' ' || value.p[0] == '\t');
        if (value.n && value.p[0] != ',' && !apart) return false;
        skip(&value, " \t");
        if (value.n && value.p[0] != ',' && !take_token68(&value, &one.rest)) {
            take_params(&value, &one.rest);
            if (one.rest.n == 0) return false;
        }
        c->at[c->count++] = one;
        if (value.n && value.p[0] != ',') return false;
    }
}

const struct http_challenge *http_challenges_find(const struct http_challenges *c, const char *scheme)
{
    for (unsigned i = 0; i < c->count; i++)
        if (slice_ieq(c->at[i].scheme, slice_str(scheme))) return &c->at[i];
    return NULL;
}

bool http_challenges_text(const struct http_challenges *c, struct buf *out)
{
    if (c->count == 0) buf_lit(out, "nothing");
    bool first = true;
    for (unsigned i = 0; i < c->count; i++) {
        bool before = false;
        for (unsigned k = 0; k < i; k++) before = before || slice_ieq(c->at[k].scheme, c->at[i].scheme);
        if (before) continue;
        if (!first) buf_lit(out, ", ");
        first = false;
        buf_slice_add(out, slice_head(c->at[i].scheme, 40));
    }
    return buf_ok(out);
}
