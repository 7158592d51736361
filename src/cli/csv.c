/* csv (RFC 4180): a header line, then a line an instance. The columns are those of the first instance;
 * elements of arrays are separated by semicolons. */
#include <stdlib.h>
#include <string.h>

#include "cli/output.h"

struct csv {
    char **names; /* NULL-terminated */
};

static bool begin(struct output *o)
{
    o->state = calloc(1, sizeof(struct csv));
    return o->state != NULL;
}

static void field(FILE *out, const char *p, size_t n)
{
    bool quote = n && (memchr(p, ',', n) || memchr(p, '"', n) || memchr(p, '\n', n) || memchr(p, '\r', n));
    if (!quote) {
        fwrite(p, 1, n, out);
        return;
    }
    fputc('"', out);
    for (size_t i = 0; i < n; i++) {
        if (p[i] == '"') fputc('"', out);
        fputc(p[i], out);
    }
    fputc('"', out);
}

static bool header(struct output *o, const cimf_instance *in)
{
    struct csv *c = o->state;
    uint32_t *order, n = 0, count = cimf_instance_count(in);
    if (!output_order(in, &order)) return false;
    c->names = calloc((size_t)count + 1, sizeof *c->names);
    for (uint32_t k = 0; c->names && k < count; k++) {
        if (cimf_instance_state(in, order[k]) == CIMF_STATE_ABSENT && output_is_whole(in)) continue;
        cimf_str name = cimf_class_property(cimf_instance_class(in), order[k]).name;
        c->names[n] = strndup(name.p, name.n);
        if (!c->names[n]) break;
        if (n) fputc(',', o->out);
        field(o->out, name.p, name.n);
        n++;
    }
    fputs("\r\n", o->out);
    free(order);
    return c->names != NULL;
}

static bool add(struct output *o, const cimf_instance *in)
{
    struct csv *c = o->state;
    if (!c->names && !header(o, in)) return false;
    struct text t = { 0 };
    for (char **name = c->names; *name; name++) {
        if (name != c->names) fputc(',', o->out);
        cimf_value v;
        int at = cimf_class_find_property(cimf_instance_class(in), cimf_str_of(*name));
        if (at < 0) continue;
        v = cimf_instance_at(in, (uint32_t)at);
        text_clear(&t);
        if (v.type == CIMF_OBJECT || v.type == (CIMF_OBJECT | CIMF_ARRAY)) text_value(&t, &v);
        for (uint32_t i = 0; CIMF_ELEMENT(v.type) != CIMF_OBJECT && i < cimf_value_count(&v); i++) {
            cimf_value element = cimf_value_at(&v, i);
            if (i) text_char(&t, ';');
            text_plain(&t, &element);
        }
        field(o->out, t.n ? t.p : "", t.n);
    }
    fputs("\r\n", o->out);
    bool ok = !t.failed;
    text_free(&t);
    return ok;
}

static bool end(struct output *o)
{
    return true;
}

static void free_state(struct output *o)
{
    struct csv *c = o->state;
    for (char **name = c->names; name && *name; name++) free(*name);
    free(c->names);
    free(c);
}

const struct output_kind output_csv = { "csv", begin, add, end, free_state };
