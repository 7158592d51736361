/* xml: <instances><instance class path><property name type> ... ; NULL is null="true", the elements of
 * arrays are <value>. */
#include <stdlib.h>

#include "cli/output.h"

static void escape(FILE *out, const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)p[i];
        if (c == '&') fputs("&amp;", out);
        else if (c == '<') fputs("&lt;", out);
        else if (c == '>') fputs("&gt;", out);
        else if (c == '"') fputs("&quot;", out);
        else if (c == '\r' || c == '\n' || c == '\t') fprintf(out, "&#%u;", c);
        else if (c < 0x20) fputc('?', out); /* XML 1.0 has no way to write it */
        else fputc(c, out);
    }
}

static void instance(FILE *out, const cimf_instance *in, unsigned indent);

static void single(FILE *out, const cimf_value *v, unsigned indent)
{
    const cimf_instance *in = cimf_value_instance(v);
    if (in && indent < 128) {
        fputc('\n', out);
        instance(out, in, indent + 2);
        fprintf(out, "%*s", (int)indent, "");
        return;
    }
    struct text t = { 0 };
    text_plain(&t, v);
    escape(out, t.p, t.n);
    text_free(&t);
}

static void property(FILE *out, const cimf_property *p, const cimf_value *v, unsigned indent)
{
    fprintf(out, "%*s<property name=\"", (int)indent, "");
    escape(out, p->name.p, p->name.n);
    fprintf(out, "\" type=\"%s\"%s", cimf_type_name(p->type), CIMF_IS_ARRAY(p->type) ? " array=\"true\"" : "");
    if (v->null) {
        fputs(" null=\"true\"/>\n", out);
        return;
    }
    fputc('>', out);
    if (!CIMF_IS_ARRAY(v->type)) {
        single(out, v, indent);
    } else {
        for (uint32_t i = 0; i < cimf_value_count(v); i++) {
            cimf_value element = cimf_value_at(v, i);
            fputs("<value>", out);
            single(out, &element, indent);
            fputs("</value>", out);
        }
    }
    fputs("</property>\n", out);
}

static void instance(FILE *out, const cimf_instance *in, unsigned indent)
{
    cimf_str class_name = cimf_instance_class_name(in), path = cimf_instance_path(in);
    fprintf(out, "%*s<instance class=\"", (int)indent, "");
    escape(out, class_name.p, class_name.n);
    if (path.n) {
        fputs("\" path=\"", out);
        escape(out, path.p, path.n);
    }
    fputs("\">\n", out);
    for (uint32_t i = 0; i < cimf_instance_count(in); i++) {
        if (cimf_instance_state(in, i) == CIMF_STATE_ABSENT) continue;
        cimf_property p = cimf_class_property(cimf_instance_class(in), i);
        cimf_value v = cimf_instance_at(in, i);
        property(out, &p, &v, indent + 2);
    }
    fprintf(out, "%*s</instance>\n", (int)indent, "");
}

static bool begin(struct output *o)
{
    return true;
}

static void head(struct output *o)
{
    if (o->count == 0) fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<instances>\n", o->out);
}

static bool add(struct output *o, const cimf_instance *in)
{
    head(o);
    instance(o->out, in, 2);
    return true;
}

static bool end(struct output *o)
{
    head(o);
    fputs("</instances>\n", o->out);
    return true;
}

const struct output_kind output_xml = { "xml", begin, add, end, NULL };
