/* Any bytes as an object reference: what is read writes and reads as the same; its bindings come apart and together. */
#include <stdlib.h>

#include "dcom/objref.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dcom_objref r, back;
    struct dcom_bindings b;
    struct dcom_dual d;
    struct arena a;
    struct buf out;
    arena_init(&a, 8 << 20);
    buf_init(&out, 0);
    if (dcom_objref_read(&a, slice_of((const char *)data, size), &r, NULL) == CIMF_OK) {
        if (!dcom_objref_write(&out, &r)) abort();
        if (dcom_objref_read(&a, buf_slice(&out), &back, NULL) != CIMF_OK && !a.overflow) abort();
        if (!a.overflow && (r.form != back.form || memcmp(&r.std, &back.std, sizeof r.std) || !slice_eq(r.data, back.data))) abort();
        if (r.form != OBJREF_CUSTOM && dcom_dual_parse(&a, &r.resolver, &b, NULL) == CIMF_OK &&
            dcom_dual_make(&a, &b, &d) == CIMF_OK && dcom_dual_parse(&a, &d, &b, NULL) != CIMF_OK && !a.overflow)
            abort();
    }
    buf_free(&out);
    arena_free(&a);
    return 0;
}
