/* Any bytes as an encoded object: what is read can be written, and that reads the same. */
#include "wmi/wmio.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    struct buf out;
    struct error e = ERROR_INIT;
    struct wmio_object o, again;
    arena_init(&a, 32 << 20);
    buf_init(&out, 32 << 20);
    struct wmio_read r = { .arena = &a };
    if (wmio_read_unit(&r, slice_of((const char *)data, size), &o, &e) == CIMF_OK && o.instance) {
        /* Overlapping references can make more of little: then there is no room. */
        if (wmio_write_unit(&out, &o.instance->object, &o.from, 0)) {
            cimf_status status = wmio_read_unit(&r, buf_slice(&out), &again, &e);
            if (status != CIMF_OK && status != CIMF_OUT_OF_MEMORY && status != CIMF_QUOTA_VIOLATION) __builtin_trap();
        }
    }
    buf_free(&out);
    arena_free(&a);
    return 0;
}
