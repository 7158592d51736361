/* mech/test_hex.h - bytes written as hexadecimal text, for vectors. Tests only. */
#ifndef MECH_TEST_HEX_H
#define MECH_TEST_HEX_H

#include "base/test.h"

/* Into bytes (room at least size); white space is skipped. Answers the length. */
static inline size_t hex_bytes(const char *text, unsigned char *bytes, size_t size)
{
    size_t n = 0;
    int high = -1;
    for (; *text; text++) {
        const char *digits = "0123456789abcdef", *at = strchr(digits, *text);
        if (!at) continue;
        if (high < 0) {
            high = (int)(at - digits);
        } else {
            assert_true(n < size);
            bytes[n++] = (unsigned char)(high << 4 | (int)(at - digits));
            high = -1;
        }
    }
    assert_int_equal(high, -1);
    return n;
}

#define assert_hex(p, text)                                                                        \
    do {                                                                                           \
        unsigned char want_[1024];                                                                 \
        size_t n_ = hex_bytes((text), want_, sizeof want_);                                        \
        assert_memory_equal((p), want_, n_);                                                       \
    } while (0)

#endif
