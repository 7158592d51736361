/* list: one property a line, names aligned; a heading with the path of whole instances. */
#include <stdlib.h>

#include "cli/output.h"

static bool begin(struct output *o)
{
    return true;
}

static bool add(struct output *o, const cimf_instance *in)
{
    const cimf_class *c = cimf_instance_class(in);
    uint32_t *order, count = cimf_instance_count(in);
    if (!output_order(in, &order)) return false;
    if (o->count) fputc('\n', o->out);
    struct text line = { 0 };
    cimf_value path = { .type = CIMF_STRING, .v = { .s = cimf_instance_path(in) } };
    if (path.v.s.n) {
        text_value(&line, &path);
        fprintf(o->out, "%s\n", line.p);
    }
    unsigned width = 0;
    for (uint32_t i = 0; i < count; i++) {
        cimf_str name = cimf_class_property(c, i).name;
        unsigned columns = text_width(name.p, name.n);
        if (columns > width) width = columns;
    }
    for (uint32_t k = 0; k < count; k++) {
        uint32_t i = order[k];
        if (cimf_instance_state(in, i) == CIMF_STATE_ABSENT) continue;
        cimf_str name = cimf_class_property(c, i).name;
        cimf_value v = cimf_instance_at(in, i);
        text_clear(&line);
        text_value(&line, &v);
        fprintf(o->out, "%s%.*s%*s :%s%s\n", path.v.s.n ? "  " : "", (int)name.n, name.p,
                (int)(width - text_width(name.p, name.n)), "", line.n ? " " : "", line.n ? line.p : "");
    }
    bool ok = !line.failed;
    text_free(&line);
    free(order);
    return ok;
}

static bool end(struct output *o)
{
    return true;
}

const struct output_kind output_list = { "list", begin, add, end, NULL };
