/* Decoding any text; what strict mode accepts encodes back to itself. */
#include <stdlib.h>

#include "codec/base64.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    struct slice text = slice_of((const char *)data, size), out;
    struct buf b;
    arena_init(&a, 0);
    buf_init(&b, 0);
    if (base64_decode(&a, text, BASE64_STRICT, &out) == CIMF_OK) {
        base64_encode(&b, out);
        if (!slice_eq(buf_slice(&b), text)) abort();
    }
    base64_decode(&a, text, BASE64_XML, &out);
    buf_free(&b);
    arena_free(&a);
    return 0;
}
