/* Any bytes as activation properties, in and out. */
#include <stdlib.h>

#include "dcom/activation_blob.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dcom_activation q, back;
    struct dcom_activated done;
    struct arena a;
    struct buf b;
    struct slice s = slice_of((const char *)data, size);
    arena_init(&a, 8 << 20);
    buf_init(&b, 0);
    if (dcom_activation_read(&a, s, &q, NULL) == CIMF_OK) {
        if (!dcom_activation_write(&b, &q)) abort();
        if (dcom_activation_read(&a, buf_slice(&b), &back, NULL) != CIMF_OK) {
            if (!a.overflow) abort();
        } else if (!guid_eq(&q.clsid, &back.clsid) || q.iid_count != back.iid_count || q.session != back.session) {
            abort();
        }
    }
    buf_clear(&b);
    if (dcom_activated_read(&a, s, &done, NULL) == CIMF_OK && !dcom_activated_write(&b, &done)) abort();
    buf_free(&b);
    arena_free(&a);
    return 0;
}
