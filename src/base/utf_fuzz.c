/* Any bytes as UTF-8 and as UTF-16: conversions go round, folding keeps length in code points and agrees
 * with the hash, nothing is read past the end. */
#include <stdlib.h>

#include "base/hash.h"
#include "base/utf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool condition)
{
    if (!condition) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice s = slice_of((const char *)data, size), out;
    struct arena a;
    struct buf b, folded;
    arena_init(&a, 1 << 20);
    buf_init(&b, 1 << 20);
    buf_init(&folded, 1 << 20);
    for (int order = UTF16_LE; order <= UTF16_BE; order++) {
        cimf_status status = utf16_to_utf8(&a, s, (enum utf16_order)order, false, &out);
        if (status == CIMF_OK) {
            buf_clear(&b);
            must(utf8_to_utf16(&b, out, (enum utf16_order)order));
            must(slice_eq(buf_slice(&b), s));
            must(utf16_units(out) == size / 2);
        } else {
            must(status == CIMF_OUT_OF_MEMORY || size % 2 == 1);
        }
        struct slice strict;
        if (utf16_to_utf8(&a, s, (enum utf16_order)order, true, &strict) == CIMF_OK) {
            must(utf8_valid(strict));
        }
    }
    const char *p = s.p, *end = s.p + s.n;
    bool valid = true;
    size_t units = 0;
    while (p < end) {
        uint32_t c = utf8_next(&p, end, false, &valid);
        units += c >= 0x10000 ? 2 : 1;
        utf8_put(&folded, utf_fold(c));
    }
    must(valid == utf8_valid(s));
    if (valid && buf_ok(&folded)) {
        must(units == utf16_units(s));
        must(slice_ieq(s, buf_slice(&folded)));
        must(slice_ihash(s) == slice_ihash(buf_slice(&folded)));
        must(hash_folded(s) == hash_bytes(buf_slice(&folded)));
    }
    must(slice_casecmp(s, s) == 0);
    struct slice left = slice_head(s, s.n / 2), right = slice_sub(s, s.n / 2);
    int sign = slice_casecmp(left, right);
    must(slice_casecmp(right, left) == -sign);
    if (!sign) must(slice_ihash(left) == slice_ihash(right));
    buf_free(&folded);
    buf_free(&b);
    arena_free(&a);
    return 0;
}
