/* The formats by name, and what they share. */
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/output.h"

static const struct output_kind *const kinds[OUTPUT_COUNT] = {
    [OUTPUT_TABLE] = &output_table, [OUTPUT_LIST] = &output_list, [OUTPUT_JSON] = &output_json,
    [OUTPUT_CSV] = &output_csv, [OUTPUT_XML] = &output_xml, [OUTPUT_MOF] = &output_mof,
};

int output_format_find(const char *name)
{
    for (int i = 0; i < OUTPUT_COUNT; i++) {
        if (strcmp(kinds[i]->name, name) == 0) return i;
    }
    return -1;
}

const char *output_format_name(enum output_format f)
{
    return kinds[f]->name;
}

static unsigned terminal_width(int fd)
{
    struct winsize size;
    if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
    const char *columns = getenv("COLUMNS");
    int n = columns ? atoi(columns) : 0;
    return n > 0 && n < 10000 ? (unsigned)n : 80;
}

bool output_begin(struct output *o, enum output_format f, FILE *out, bool single)
{
    *o = (struct output){ .out = out, .single = single, .kind = kinds[f] };
    o->terminal = isatty(fileno(out));
    if (o->terminal) o->width = terminal_width(fileno(out));
    return o->kind->begin(o);
}

bool output_add(struct output *o, const cimf_instance *in)
{
    bool ok = o->kind->add(o, in);
    o->count++;
    return ok;
}

void output_abandon(struct output *o)
{
    if (o->state && o->kind->free) o->kind->free(o);
    o->state = NULL;
}

bool output_end(struct output *o)
{
    bool ok = (o->state || !o->kind->free) && o->kind->end(o);
    output_abandon(o);
    return ok;
}

bool output_is_whole(const cimf_instance *in)
{
    return cimf_instance_path(in).n > 0;
}

bool output_order(const cimf_instance *in, uint32_t **out)
{
    const cimf_class *c = cimf_instance_class(in);
    uint32_t count = cimf_instance_count(in), n = 0;
    uint32_t *order = malloc(((size_t)count + 1) * sizeof *order);
    if (!order) return false;
    bool whole = output_is_whole(in);
    for (int pass = 0; pass < 2; pass++) {
        for (uint32_t i = 0; i < count; i++) {
            bool key = whole && (cimf_class_property(c, i).traits & CIMF_PROPERTY_KEY);
            if (key == (pass == 0)) order[n++] = i;
        }
    }
    *out = order;
    return true;
}
