/* Walks any bytes as DER, level by level with a bound; what is read writes back to the same bytes.
 */
#include <stdlib.h>

#include "codec/der.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct der level[32];
    unsigned depth = 0, elements = 0;
    level[0] = der_of(slice_of((const char *)data, size));
    while (elements++ < 4096) {
        struct der *d = &level[depth];
        if (der_peek(d) < 0) {
            if (depth == 0) break;
            depth--;
            continue;
        }
        unsigned tag = 0;
        struct slice whole = SLICE_NULL, content = der_any(d, &tag, &whole);
        if (d->bad) {
            if (der_peek(d) >= 0 || d->rest.n != 0) abort();
            continue;
        }
        struct buf b;
        buf_init(&b, 0);
        if (!der_put(&b, tag, content) || !slice_eq(buf_slice(&b), whole)) abort();
        buf_cut(&b, 0);
        if (!buf_slice_add(&b, content) || !der_wrap(&b, 0, tag)) abort();
        if (!slice_eq(buf_slice(&b), whole)) abort();
        if (tag == DER_ENUMERATED || tag == DER_INTEGER) {
            struct der one = der_of(whole);
            uint32_t v = der_u31(&one, tag);
            buf_cut(&b, 0);
            if (!one.bad && (!der_put_u31(&b, tag, v) || !slice_eq(buf_slice(&b), whole))) abort();
        }
        buf_free(&b);
        if ((tag & 0x20) && depth + 1 < 32) level[++depth] = der_of(content);
    }
    return 0;
}
