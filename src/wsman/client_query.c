/* What a query selects, as far as reading its results needs it: SELECT a, b FROM Class. Anything else is
 * left to the server. */
#include "wsman/client_priv.h"

static bool word_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           (unsigned char)c >= 0x80;
}

/* A word, or one other character; "" at the end. */
static struct slice token(struct slice *rest)
{
    size_t i = 0;
    while (i < rest->n && (rest->p[i] == ' ' || rest->p[i] == '\t' || rest->p[i] == '\r' || rest->p[i] == '\n')) i++;
    *rest = slice_sub(*rest, i);
    size_t n = 0;
    while (n < rest->n && word_char(rest->p[n])) n++;
    if (n == 0 && rest->n) n = 1;
    struct slice t = slice_head(*rest, n);
    *rest = slice_sub(*rest, n);
    return t;
}

static bool is_word(struct slice t, const char *word)
{
    return slice_ieq(t, slice_str(word));
}

cimf_status client_query_scan(struct wsman_task *t)
{
    struct slice rest = t->request.query, name;
    if (!is_word(token(&rest), "select")) return CIMF_OK;
    struct slice *names = ARENA_ARRAY(&t->arena, LIMIT_PROPERTIES, struct slice);
    if (!names) return CIMF_OUT_OF_MEMORY;
    uint32_t n = 0;
    bool all = false;
    for (;;) {
        name = token(&rest);
        if (slice_is(name, "*")) all = true;
        else if (name.n == 0 || !word_char(name.p[0]) || n == LIMIT_PROPERTIES) return CIMF_OK;
        else names[n++] = name;
        struct slice comma = token(&rest);
        if (is_word(comma, "from")) break;
        if (!slice_is(comma, ",")) return CIMF_OK;
    }
    name = token(&rest);
    if (name.n == 0 || !word_char(name.p[0])) return CIMF_OK;
    t->select_from = name;
    if (!all) {
        t->select = names;
        t->select_count = n;
    }
    return CIMF_OK;
}
