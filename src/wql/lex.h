/* wql/lex.h - tokens of a WQL text. Private to the room. */
#ifndef WQL_LEX_H
#define WQL_LEX_H

#include "base/arena.h"

enum wql_token_kind { WQL_T_END, WQL_T_NAME, WQL_T_STRING, WQL_T_INTEGER, WQL_T_REAL, WQL_T_SIGN };

struct wql_token {
    enum wql_token_kind kind;
    struct slice text; /* borrowed from the query; a string without its quotes, escapes undone by the parser */
    unsigned line, column;
};

struct wql_lexer {
    struct slice text;
    const char *at, *line_start;
    unsigned line, count;
    struct error *error;
    cimf_status status;
};

void wql_lex_init(struct wql_lexer *l, struct slice text, struct error *e);
/* false on a bad token (l->status set); WQL_T_END at the end. Signs are = != <> < <= > >= ( ) , . * */
bool wql_lex_next(struct wql_lexer *l, struct wql_token *t);
/* What stands between '{' and its '}' (quotes respected), both consumed. */
bool wql_lex_braces(struct wql_lexer *l, struct wql_token *t);
cimf_status wql_fail(struct wql_lexer *l, unsigned line, unsigned column, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
