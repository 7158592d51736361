#include "base/buf.h"

#include "base/test.h"

static void appends(void **state)
{
    struct buf b;
    buf_init(&b, 0);
    assert_true(buf_lit(&b, "a="));
    assert_true(buf_u64(&b, UINT64_MAX));
    assert_true(buf_byte(&b, ' '));
    assert_true(buf_i64(&b, INT64_MIN));
    assert_true(buf_str(&b, NULL));
    assert_true(buf_slice_add(&b, SLICE_NULL));
    assert_true(buf_printf(&b, " %03d", 5));
    assert_true(buf_u64(&b, 0));
    assert_slice(buf_slice(&b), "a=18446744073709551615 -9223372036854775808 0050");
    assert_string_equal(buf_strz(&b), "a=18446744073709551615 -9223372036854775808 0050");
    buf_consume(&b, 2);
    buf_cut(&b, 5);
    assert_slice(buf_slice(&b), "18446");
    buf_consume(&b, 99);
    assert_int_equal(b.n, 0);
    assert_true(buf_printf(&b, "%3000d", 1));
    assert_int_equal(b.n, 3000);
    buf_free(&b);
}

static void cap_is_hard_and_failure_sticks(void **state)
{
    struct buf b;
    buf_init(&b, 10);
    assert_true(buf_lit(&b, "0123456789"));
    assert_true(buf_add(&b, "", 0));
    assert_string_equal(buf_strz(&b), "0123456789");
    assert_true(buf_ok(&b));
    assert_false(buf_byte(&b, 'x'));
    assert_false(buf_ok(&b));
    assert_int_equal(b.n, 10);
    assert_null(buf_strz(&b));
    assert_null(buf_reserve(&b, 0));
    buf_cut(&b, 8);
    assert_true(buf_ok(&b));
    assert_false(buf_lit(&b, "abc"));
    assert_false(buf_byte(&b, 'a'));
    assert_slice(buf_slice(&b), "01234567");
    buf_clear(&b);
    assert_true(buf_lit(&b, "ok"));
    assert_null(buf_reserve(&b, SIZE_MAX));
    buf_free(&b);
}

static void numbers_are_whole_or_absent(void **state)
{
    struct buf b;
    buf_init(&b, 3);
    assert_false(buf_i64(&b, -1234));
    assert_int_equal(b.n, 0);
    assert_false(buf_ok(&b));
    buf_free(&b);
}

static void reserve_then_added(void **state)
{
    struct buf b;
    buf_init(&b, 0);
    for (int i = 0; i < 1000; i++) {
        char *p = buf_reserve(&b, 1000);
        assert_non_null(p);
        memset(p, 'a' + i % 26, 1000);
        buf_added(&b, 1000);
    }
    assert_int_equal(b.n, 1000000);
    assert_int_equal(b.p[999999], 'a' + 999 % 26);
    buf_wipe(&b);
    assert_null(b.p);
    assert_int_equal(b.n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appends),
        cmocka_unit_test(cap_is_hard_and_failure_sticks),
        cmocka_unit_test(numbers_are_whole_or_absent),
        cmocka_unit_test(reserve_then_added),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
