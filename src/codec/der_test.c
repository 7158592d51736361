/* Shortest forms only, bounds, truncation, and what is written is read back. */
#include "base/test.h"
#include "codec/der.h"

static void lengths_round_trip(void **state)
{
    static const size_t sizes[] = { 0, 1, 127, 128, 255, 256, 65535, 65536, 70000 };
    static char bytes[70000];
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct buf b;
        buf_init(&b, 0);
        assert_true(der_put(&b, DER_OCTETS, slice_of(bytes, sizes[i])));
        size_t inner = b.n;
        assert_true(der_wrap(&b, 0, DER_SEQUENCE));
        struct der d = der_of(buf_slice(&b)), in = der_open(&d, DER_SEQUENCE);
        assert_true(der_end(&d));
        assert_int_equal(in.rest.n, inner);
        assert_int_equal(der_take(&in, DER_OCTETS).n, sizes[i]);
        assert_true(der_end(&in));
        for (size_t cut = 0; cut < b.n; cut += cut < 16 ? 1 : b.n / 7) {
            struct der t = der_of(slice_of(b.p, cut));
            der_take(&t, DER_SEQUENCE);
            assert_true(t.bad);
        }
        buf_free(&b);
    }
}

static void integers(void **state)
{
    static const uint32_t values[] = { 0, 1, 127, 128, 255, 256, 32767, 32768, 0x7fffffff };
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        struct buf b;
        buf_init(&b, 0);
        assert_true(der_put_u31(&b, DER_INTEGER, values[i]));
        struct der d = der_of(buf_slice(&b));
        assert_int_equal(der_u31(&d, DER_INTEGER), values[i]);
        assert_true(der_end(&d));
        buf_free(&b);
    }
}

static void refused(void **state)
{
    static const struct slice bad[] = {
        SLICE(""),
        SLICE("\x30"),
        SLICE("\x30\x01"),
        SLICE("\x30\x80\x00\x00"),
        SLICE("\x30\x81\x01\x00"),             /* long form of a short length */
        SLICE("\x30\x82\x00\x80"),             /* leading zero */
        SLICE("\x30\x84\xff\xff\xff\xff"),     /* 4 GiB that are not there */
        SLICE("\x30\x85\x01\x00\x00\x00\x00"), /* five bytes of length */
        SLICE("\x30\xff"),
        SLICE("\x31\x00"),
        SLICE("\x3f\x21\x00"), /* long tag */
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct der d = der_of(bad[i]);
        der_take(&d, DER_SEQUENCE);
        assert_true(d.bad);
        assert_int_equal(der_peek(&d), -1);
        assert_false(der_end(&d));
        struct der in = der_open(&d, DER_SEQUENCE);
        assert_true(in.bad);
    }
    static const struct slice numbers[] = { SLICE("\x02\x00"), SLICE("\x02\x01\xff"),
                                            SLICE("\x02\x02\x00\x7f"),
                                            SLICE("\x02\x05\x00\xff\xff\xff\xff"),
                                            SLICE("\x0a\x01\x00") };
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        struct der d = der_of(numbers[i]);
        der_u31(&d, DER_INTEGER);
        assert_true(d.bad);
    }
}

static void full_buffer(void **state)
{
    struct buf b;
    buf_init(&b, 8);
    assert_true(buf_lit(&b, "1234567"));
    assert_false(der_wrap(&b, 0, DER_SEQUENCE));
    assert_false(buf_ok(&b));
    assert_false(der_wrap(&b, 0, DER_SEQUENCE));
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lengths_round_trip),
        cmocka_unit_test(integers),
        cmocka_unit_test(refused),
        cmocka_unit_test(full_buffer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
