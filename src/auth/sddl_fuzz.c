/* Any text as SDDL: what is read can be written, in both forms, and reads back the same. */
#include "auth/sddl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct sid domain = { 5, { 21, 1, 2, 3 }, 4 };
    struct arena a;
    struct buf text, binary, again;
    struct error e = ERROR_INIT;
    const struct sd *sd, *back;
    arena_init(&a, 0);
    buf_init(&text, 0);
    buf_init(&binary, 0);
    buf_init(&again, 0);
    if (sddl_parse(&a, slice_of((const char *)data, size), &domain, &sd, &e) == CIMF_OK) {
        if (sd_write(sd, &binary, NULL) != CIMF_OK || sddl_write(sd, &text, NULL) != CIMF_OK ||
            sddl_parse(&a, buf_slice(&text), NULL, &back, NULL) != CIMF_OK ||
            sd_write(back, &again, NULL) != CIMF_OK ||
            !slice_eq(buf_slice(&binary), buf_slice(&again)))
            __builtin_trap();
    } else if (e.column > size + 1) {
        __builtin_trap();
    }
    buf_free(&text);
    buf_free(&binary);
    buf_free(&again);
    arena_free(&a);
    return 0;
}
