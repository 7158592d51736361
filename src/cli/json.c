/* json: numbers, booleans and null as themselves; an array, or one object where one result is asked for. */
#include <stdlib.h>
#include <string.h>

#include "cli/output.h"

static void string(FILE *out, const char *p, size_t n)
{
    fputc('"', out);
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)p[i];
        if (c == '"' || c == '\\') fprintf(out, "\\%c", c);
        else if (c == '\n') fputs("\\n", out);
        else if (c == '\r') fputs("\\r", out);
        else if (c == '\t') fputs("\\t", out);
        else if (c < 0x20 || c == 0x7f) fprintf(out, "\\u%04x", c);
        else fputc(c, out);
    }
    fputc('"', out);
}

static void instance(FILE *out, const cimf_instance *in, unsigned indent);

static void single(FILE *out, const cimf_value *v, unsigned indent)
{
    if (v->null) {
        fputs("null", out);
    } else if (v->type == CIMF_OBJECT) {
        const cimf_instance *in = cimf_value_instance(v);
        if (in && indent < 64) instance(out, in, indent);
        else fputs("null", out);
    } else {
        struct text t = { 0 };
        text_plain(&t, v);
        bool number = v->type != CIMF_STRING && v->type != CIMF_DATETIME && v->type != CIMF_REFERENCE && v->type != CIMF_CHAR16;
        bool special = t.n && (strchr("IN", t.p[0]) || strncmp(t.p, "-I", 2) == 0); /* INF, NaN: JSON has none */
        if (number && !special) fputs(t.p, out);
        else string(out, t.p, t.n);
        text_free(&t);
    }
}

static void value(FILE *out, const cimf_value *v, unsigned indent)
{
    if (v->null || !CIMF_IS_ARRAY(v->type)) {
        single(out, v, indent);
        return;
    }
    fputc('[', out);
    for (uint32_t i = 0; i < cimf_value_count(v); i++) {
        cimf_value element = cimf_value_at(v, i);
        if (i) fputs(", ", out);
        single(out, &element, indent);
    }
    fputc(']', out);
}

static void member(FILE *out, bool *first, unsigned indent, cimf_str name)
{
    fprintf(out, "%s\n%*s", *first ? "" : ",", (int)(indent + 2), "");
    string(out, name.p, name.n);
    fputs(": ", out);
    *first = false;
}

static void instance(FILE *out, const cimf_instance *in, unsigned indent)
{
    bool first = true;
    cimf_str path = cimf_instance_path(in), class_name = cimf_instance_class_name(in);
    fputc('{', out);
    if (path.n || indent > 2) {
        member(out, &first, indent, cimf_str_of("__CLASS"));
        string(out, class_name.p, class_name.n);
    }
    if (path.n) {
        member(out, &first, indent, cimf_str_of("__RELPATH"));
        string(out, path.p, path.n);
    }
    for (uint32_t i = 0; i < cimf_instance_count(in); i++) {
        if (cimf_instance_state(in, i) == CIMF_STATE_ABSENT) continue;
        cimf_value v = cimf_instance_at(in, i);
        member(out, &first, indent, cimf_class_property(cimf_instance_class(in), i).name);
        value(out, &v, indent + 2);
    }
    fprintf(out, "\n%*s}", (int)indent, "");
}

static bool begin(struct output *o)
{
    return true;
}

static bool add(struct output *o, const cimf_instance *in)
{
    if (!o->single) fputs(o->count ? ",\n  " : "[\n  ", o->out);
    instance(o->out, in, o->single ? 0 : 2);
    return true;
}

static bool end(struct output *o)
{
    if (o->single) fputs(o->count ? "\n" : "null\n", o->out);
    else fputs(o->count ? "\n]\n" : "[]\n", o->out);
    return true;
}

const struct output_kind output_json = { "json", begin, add, end, NULL };
