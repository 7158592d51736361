/* mof: instances as MOF compiles them. */
#include "cli/output.h"

static bool write_text(cimf_str text, void *arg)
{
    return fwrite(text.p, 1, text.n, arg) == text.n;
}

static bool begin(struct output *o)
{
    return true;
}

static bool add(struct output *o, const cimf_instance *in)
{
    if (o->count) fputc('\n', o->out);
    cimf_status status = cimf_mof_instance(in, write_text, o->out);
    return status == CIMF_OK || status == CIMF_IO_ERROR; /* that one shows in ferror */
}

static bool end(struct output *o)
{
    return true;
}

const struct output_kind output_mof = { "mof", begin, add, end, NULL };
