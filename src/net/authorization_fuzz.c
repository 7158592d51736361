/* Any Authorization header value; what parses as Basic makes the same value again. */
#include <stdlib.h>

#include "net/http_auth.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    struct slice text = slice_of((const char *)data, size), user, password;
    struct buf b;
    arena_init(&a, 0);
    buf_init(&b, 0);
    if (http_basic_parse(&a, text, &user, &password) == CIMF_OK) {
        if (user.n == 0 || !http_basic_make(&b, user, password)) abort();
        struct slice made = slice_sub(buf_slice(&b), 6);
        if (!slice_eq(slice_trim(slice_sub(text, 5)), made)) abort();
    }
    buf_free(&b);
    arena_free(&a);
    return 0;
}
