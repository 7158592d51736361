/* Any bytes as a RefreshedSingleInstance of a class with one property of each kind: what is read can be written, and that reads the
 * same. */
#include "wmi/wmio.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define P(n, t) { .name = SLICE(n), .type = (t) }

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct cim_property_decl properties[] = {
        P("A", CIM_UINT8), P("B", CIM_STRING), P("C", CIM_STRING | CIM_ARRAY), P("D", CIM_UINT64), P("E", CIM_DATETIME),
        P("F", CIM_OBJECT), P("G", CIM_BOOLEAN | CIM_ARRAY), P("H", CIM_REAL32), P("I", CIM_REFERENCE),
    };
    struct arena a;
    struct buf out;
    const struct cim_class *cls;
    const struct cim_instance *in, *again;
    arena_init(&a, 32 << 20);
    buf_init(&out, 32 << 20);
    struct wmio_read r = { .arena = &a };
    if (cim_class_adhoc(&a, SLICE("Shape"), properties, sizeof properties / sizeof *properties, &cls) != CIMF_OK) __builtin_trap();
    if (wmio_read_refreshed(&r, slice_of((const char *)data, size), cls, &in, NULL) == CIMF_OK && wmio_write_refreshed(&out, in)) {
        cimf_status status = wmio_read_refreshed(&r, buf_slice(&out), cls, &again, NULL);
        if (status != CIMF_OK && status != CIMF_OUT_OF_MEMORY && status != CIMF_QUOTA_VIOLATION) __builtin_trap();
    }
    buf_free(&out);
    arena_free(&a);
    return 0;
}
