#include "wql/lex.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/limits.h"

void wql_lex_init(struct wql_lexer *l, struct slice text, struct error *e)
{
    *l = (struct wql_lexer){ .text = text, .at = text.p, .line_start = text.p, .line = 1, .error = e };
}

cimf_status wql_fail(struct wql_lexer *l, unsigned line, unsigned column, const char *format, ...)
{
    if (l->status != CIMF_OK) return l->status; /* the first one counts */
    char text[256];
    va_list ap;
    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    l->status = error_set(l->error, CIMF_INVALID_QUERY, "wql", "line %u, column %u: %s", line, column,
                          text);
    error_place(l->error, line, column);
    return l->status;
}

static const char *lex_end(const struct wql_lexer *l) { return l->text.p + l->text.n; }
static unsigned lex_column(const struct wql_lexer *l) { return (unsigned)(l->at - l->line_start) + 1; }

static void skip_space(struct wql_lexer *l)
{
    while (l->at < lex_end(l)) {
        char c = *l->at;
        if (c == '\n') {
            l->line++;
            l->line_start = l->at + 1;
        } else if (c != ' ' && c != '\t' && c != '\r') {
            return;
        }
        l->at++;
    }
}

static bool name_start(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c >= 0x80;
}
static bool digit(unsigned char c) { return c >= '0' && c <= '9'; }

static bool lex_string(struct wql_lexer *l, struct wql_token *t)
{
    char quote = *l->at++;
    const char *from = l->at, *end = lex_end(l);
    while (l->at < end && *l->at != quote) {
        if (*l->at == '\n') {
            l->line++;
            l->line_start = l->at + 1;
        }
        l->at += (*l->at == '\\' && l->at + 1 < end) ? 2 : 1;
    }
    if (l->at >= end) {
        wql_fail(l, t->line, t->column, "the string is not closed");
        return false;
    }
    t->kind = WQL_T_STRING;
    t->text = slice_of(from, (size_t)(l->at - from));
    l->at++;
    return true;
}

static bool lex_number(struct wql_lexer *l, struct wql_token *t)
{
    const char *from = l->at, *end = lex_end(l);
    t->kind = WQL_T_INTEGER;
    if (*l->at == '+' || *l->at == '-') l->at++;
    if (l->at + 2 < end && l->at[0] == '0' && (l->at[1] | 32) == 'x' && hex_digit(l->at[2]) >= 0) {
        l->at += 2;
        while (l->at < end && hex_digit(*l->at) >= 0) l->at++;
    } else {
        while (l->at < end && digit((unsigned char)*l->at)) l->at++;
        if (l->at < end && *l->at == '.') {
            t->kind = WQL_T_REAL;
            l->at++;
            while (l->at < end && digit((unsigned char)*l->at)) l->at++;
        }
        if (l->at < end && (*l->at | 32) == 'e') {
            const char *exponent = l->at + 1;
            if (exponent < end && (*exponent == '+' || *exponent == '-')) exponent++;
            if (exponent < end && digit((unsigned char)*exponent)) {
                t->kind = WQL_T_REAL;
                while (exponent < end && digit((unsigned char)*exponent)) exponent++;
                l->at = exponent;
            }
        }
    }
    t->text = slice_of(from, (size_t)(l->at - from));
    if (l->at < end && name_start((unsigned char)*l->at)) {
        wql_fail(l, t->line, t->column, "'" SLICE_FMT "' is not a number", SLICE_ARG(slice_head(
                     slice_of(from, t->text.n + 1), 60)));
        return false;
    }
    return true;
}

static bool starts_number(const struct wql_lexer *l)
{
    const char *p = l->at, *end = lex_end(l);
    if ((*p == '+' || *p == '-') && p + 1 < end) p++;
    if (digit((unsigned char)*p)) return true;
    return *p == '.' && p + 1 < end && digit((unsigned char)p[1]) && p == l->at + (*l->at != '.');
}

static bool lex_sign(struct wql_lexer *l, struct wql_token *t)
{
    static const char *const signs[] = { "!=", "<>", "<=", ">=", "<", ">", "=", "(", ")", ",", ".", "*" };
    struct slice rest = slice_of(l->at, (size_t)(lex_end(l) - l->at));
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++) {
        struct slice sign = slice_str(signs[i]);
        if (!slice_starts(rest, sign)) continue;
        t->kind = WQL_T_SIGN;
        t->text = sign;
        l->at += sign.n;
        return true;
    }
    unsigned char c = (unsigned char)*l->at;
    if (c >= 0x20 && c < 0x7f) {
        wql_fail(l, t->line, t->column, "'%c' does not belong here", c);
    } else {
        wql_fail(l, t->line, t->column, "the byte 0x%02x does not belong here", c);
    }
    return false;
}

bool wql_lex_next(struct wql_lexer *l, struct wql_token *t)
{
    skip_space(l);
    *t = (struct wql_token){ .line = l->line, .column = lex_column(l) };
    if (l->at >= lex_end(l)) {
        t->kind = WQL_T_END;
        return true;
    }
    if (++l->count > LIMIT_WQL_TOKENS) {
        l->status = error_set(l->error, CIMF_QUOTA_VIOLATION, "wql",
                              "the query has more than %d tokens", LIMIT_WQL_TOKENS);
        return false;
    }
    unsigned char c = (unsigned char)*l->at;
    if (name_start(c)) {
        const char *from = l->at;
        while (l->at < lex_end(l) && (name_start((unsigned char)*l->at) || digit((unsigned char)*l->at)))
            l->at++;
        t->kind = WQL_T_NAME;
        t->text = slice_of(from, (size_t)(l->at - from));
        return true;
    }
    if (c == '\'' || c == '"') return lex_string(l, t);
    if (starts_number(l)) return lex_number(l, t);
    return lex_sign(l, t);
}

bool wql_lex_braces(struct wql_lexer *l, struct wql_token *t)
{
    skip_space(l);
    *t = (struct wql_token){ .line = l->line, .column = lex_column(l) };
    const char *end = lex_end(l);
    if (l->at >= end || *l->at != '{') {
        wql_fail(l, t->line, t->column, "'{' and an object path are expected");
        return false;
    }
    const char *from = ++l->at;
    char quote = 0;
    for (; l->at < end; l->at++) {
        if (quote) {
            if (*l->at == '\\' && l->at + 1 < end) l->at++;
            else if (*l->at == quote) quote = 0;
        } else if (*l->at == '"' || *l->at == '\'') {
            quote = *l->at;
        } else if (*l->at == '}') {
            t->kind = WQL_T_STRING;
            t->text = slice_trim(slice_of(from, (size_t)(l->at - from)));
            l->at++;
            return true;
        }
    }
    wql_fail(l, t->line, t->column, "'}' is missing after the object path");
    return false;
}
