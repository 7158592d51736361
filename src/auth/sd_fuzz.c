/* Any bytes as a security descriptor: what is read can be written, and written reads the same. */
#include "auth/sd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    struct buf one, two;
    struct error e = ERROR_INIT;
    const struct sd *sd, *back;
    arena_init(&a, 0);
    buf_init(&one, 0);
    buf_init(&two, 0);
    if (sd_parse(&a, slice_of((const char *)data, size), &sd, &e) == CIMF_OK) {
        cimf_status st = sd_write(sd, &one, NULL);
        /* Parts that share bytes may not fit when each is written out. */
        if (st != CIMF_OK && st != CIMF_QUOTA_VIOLATION) __builtin_trap();
        if (st == CIMF_OK && (sd_parse(&a, buf_slice(&one), &back, NULL) != CIMF_OK ||
                              sd_write(back, &two, NULL) != CIMF_OK ||
                              !slice_eq(buf_slice(&one), buf_slice(&two))))
            __builtin_trap();
    }
    buf_free(&one);
    buf_free(&two);
    arena_free(&a);
    return 0;
}
