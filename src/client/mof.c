/* MOF text through a callback. */
#include <cimfony/mof.h>

#include "client/protocol.h"
#include "mof/mof.h"

static cimf_status emit(struct buf *b, cimf_status status, cimf_write write, void *arg)
{
    if (status == CIMF_OK && !buf_ok(b)) status = CIMF_OUT_OF_MEMORY;
    if (status == CIMF_OK && !write(client_str(buf_slice(b)), arg)) status = CIMF_IO_ERROR;
    buf_free(b);
    return status;
}

cimf_status cimf_mof_class(const cimf_class *c, unsigned flags, cimf_write write, void *arg)
{
    struct mof_write_options options = { .full = (flags & CIMF_MOF_FULL) != 0 };
    struct buf b;
    buf_init(&b, 0);
    cimf_status status = mof_write_class(&b, (const struct cim_class *)c, &options);
    return emit(&b, status, write, arg);
}

cimf_status cimf_mof_instance(const cimf_instance *in, cimf_write write, void *arg)
{
    struct buf b;
    buf_init(&b, (size_t)1 << 30);
    cimf_status status = mof_write_instance(&b, (const struct cim_instance *)in, NULL);
    return emit(&b, status, write, arg);
}

cimf_status cimf_mof_value(const cimf_value *value, cimf_write write, void *arg)
{
    struct buf b;
    buf_init(&b, 0);
    cimf_status status = mof_write_value(&b, (const struct cim_value *)value);
    return emit(&b, status, write, arg);
}

cimf_status cimf_mof_namespace(cimf_str ns, cimf_write write, void *arg)
{
    struct buf b;
    buf_init(&b, 0);
    return emit(&b, mof_write_namespace(&b, client_slice(ns)), write, arg);
}
