/* name=value words: text, "quoted text", {a, b} arrays, null, @file; a name that comes again makes an array. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cli/cli.h"

enum { FILE_MAX_BYTES = 16 << 20 };

/* The values of one name. */
struct values {
    cimf_str *texts;
    uint32_t n, room;
    struct text *owned; /* what texts point into, one each */
    bool array;         /* written with braces, or the name came again */
    bool null;
};

static bool value_add(struct values *v, struct text *t)
{
    if (v->n == v->room) {
        uint32_t room = v->room ? v->room * 2 : 8;
        cimf_str *texts = realloc(v->texts, room * sizeof *texts);
        if (!texts) return false;
        v->texts = texts;
        struct text *owned = realloc(v->owned, room * sizeof *owned);
        if (!owned) return false;
        v->owned = owned;
        v->room = room;
    }
    v->owned[v->n] = *t;
    v->texts[v->n] = (cimf_str){ t->p, t->n };
    v->n++;
    *t = (struct text){ 0 };
    return !v->owned[v->n - 1].failed;
}

static void values_free(struct values *v)
{
    for (uint32_t i = 0; i < v->n; i++) text_free(&v->owned[i]);
    free(v->owned);
    free(v->texts);
}

/* "text" with \" \\ \n \t; *end is behind the closing quote. NULL if it is not closed. */
static const char *read_quoted(struct text *t, const char *p)
{
    for (p++; *p && *p != '"'; p++) {
        if (*p != '\\') {
            text_char(t, *p);
            continue;
        }
        p++;
        if (!*p) return NULL;
        text_char(t, *p == 'n' ? '\n' : *p == 't' ? '\t' : *p == 'r' ? '\r' : *p);
    }
    return *p ? p + 1 : NULL;
}

static const char *skip_space(const char *p)
{
    while (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r') p++;
    return p;
}

/* {a, "b, c", d} */
static bool read_array(struct values *v, const char *p)
{
    v->array = true;
    p = skip_space(p + 1);
    if (*p == '}') return *skip_space(p + 1) == 0;
    for (;;) {
        struct text t = { 0 };
        p = skip_space(p);
        if (*p == '"') {
            p = read_quoted(&t, p);
        } else {
            const char *from = p;
            while (*p && *p != ',' && *p != '}') p++;
            const char *to = p;
            while (to > from && (to[-1] == ' ' || to[-1] == '\t')) to--;
            text_add(&t, from, (size_t)(to - from));
        }
        if (!p || !value_add(v, &t)) {
            text_free(&t);
            return false;
        }
        p = skip_space(p);
        if (*p == '}') return *skip_space(p + 1) == 0;
        if (*p++ != ',') return false;
    }
}

static bool read_file(struct text *t, const char *path)
{
    FILE *in = fopen(path, "re");
    if (!in) return false;
    char piece[65536];
    size_t n;
    while ((n = fread(piece, 1, sizeof piece, in)) > 0 && t->n + n <= FILE_MAX_BYTES) text_add(t, piece, n);
    bool ok = !ferror(in) && feof(in);
    if (!ok && !errno) errno = EFBIG;
    fclose(in);
    return ok;
}

/* What stands behind the '='. */
static int read_value(const struct cli *c, struct values *v, const char *p)
{
    struct text t = { 0 };
    if (*p == '{') return read_array(v, p) ? 0 : cli_failed_usage(c, "'%.60s' is not a list; write {a,b} or {\"a\",\"b\"}", p);
    if (strcasecmp(p, "null") == 0) {
        v->null = true;
        return 0;
    }
    if (*p == '"') {
        const char *end = read_quoted(&t, p);
        if (!end || *end) {
            text_free(&t);
            return cli_failed_usage(c, "'%.60s' lacks its closing quote", p);
        }
    } else if (*p == '@' && p[1] != '@') {
        errno = 0;
        if (!read_file(&t, p + 1)) {
            text_free(&t);
            return cli_failed_usage(c, "%.200s: %s", p + 1, strerror(errno));
        }
    } else {
        text_z(&t, *p == '@' ? p + 1 : p); /* @@ is a plain @ */
    }
    if (value_add(v, &t)) return 0;
    text_free(&t);
    return cli_no_memory(c);
}

static size_t name_length(const char *word)
{
    const char *eq = strchr(word, '=');
    return eq ? (size_t)(eq - word) : 0;
}

static bool same_name(const char *a, const char *b)
{
    return cimf_name_equal((cimf_str){ a, name_length(a) }, (cimf_str){ b, name_length(b) });
}

static int assign_one(const struct cli *c, cimf_instance *in, const char *const *words, int count, int at)
{
    cimf_error e;
    struct values v = { 0 };
    int code = 0, seen = 0;
    for (int i = at; i < count && code == 0; i++) {
        if (!same_name(words[i], words[at])) continue;
        code = read_value(c, &v, words[i] + name_length(words[i]) + 1);
        seen++;
    }
    cimf_str name = { words[at], name_length(words[at]) };
    cimf_status status = CIMF_OK;
    if (code == 0 && v.null && seen > 1) code = cli_failed_usage(c, "%.*s is null and something else", (int)name.n, name.p);
    if (code == 0 && v.null) status = cimf_instance_set_null(in, name, &e);
    else if (code == 0 && (v.array || seen > 1)) status = cimf_instance_set_texts(in, name, v.texts, v.n, &e);
    else if (code == 0) status = cimf_instance_set_text(in, name, v.texts[0], &e);
    if (status != CIMF_OK) code = cli_failed(c, &e);
    values_free(&v);
    return code;
}

int cli_assign(const struct cli *c, cimf_instance *in, const char *const *words, int count)
{
    for (int i = 0; i < count; i++) {
        if (name_length(words[i]) == 0) return cli_failed_usage(c, "'%.60s' is not NAME=VALUE", words[i]);
        bool first = true;
        for (int k = 0; k < i && first; k++) first = !same_name(words[k], words[i]);
        int code = first ? assign_one(c, in, words, count, i) : 0;
        if (code) return code;
    }
    return 0;
}
