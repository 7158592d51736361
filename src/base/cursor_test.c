#include "base/cursor.h"

#include "base/test.h"

static const char bytes[] = "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10";

static void both_orders(void **state)
{
    struct cursor c = cursor_of(slice_of(bytes, 16));
    assert_int_equal(cursor_u8(&c), 1);
    assert_int_equal(cursor_u16le(&c), 0x0302);
    assert_int_equal(cursor_u32le(&c), 0x07060504);
    cursor_seek(&c, 0);
    assert_true(cursor_u64le(&c) == 0x0807060504030201u);
    assert_true(cursor_u64be(&c) == 0x090a0b0c0d0e0f10u);
    assert_int_equal(cursor_left(&c), 0);
    cursor_seek(&c, 1);
    assert_int_equal(cursor_u16be(&c), 0x0203);
    assert_int_equal(cursor_u32be(&c), 0x04050607);
    cursor_align(&c, 8);
    assert_int_equal(cursor_offset(&c), 8);
    cursor_align(&c, 8);
    assert_int_equal(cursor_offset(&c), 8);
    cursor_skip(&c, 2);
    assert_slice(cursor_bytes(&c, 2), "\x0b\x0c");
    assert_false(c.bad);
}

static void bad_sticks_at_every_length(void **state)
{
    for (size_t n = 0; n < 16; n++) {
        struct cursor c = cursor_of(slice_of(bytes, n));
        if (n >= 8) cursor_u64le(&c);
        assert_true(n < 8 || !c.bad);
        assert_true(cursor_u64le(&c) == 0);
        assert_true(c.bad);
        assert_int_equal(cursor_left(&c), 0);
        cursor_seek(&c, 0);
        assert_int_equal(cursor_u8(&c), 0);
        assert_null(cursor_bytes(&c, 0).p);
    }
}

static void past_the_end(void **state)
{
    struct cursor c = cursor_of(slice_of(bytes, 5));
    cursor_seek(&c, 5);
    assert_false(c.bad);
    cursor_align(&c, 4);
    assert_true(c.bad);
    c = cursor_of(slice_of(bytes, 5));
    cursor_seek(&c, 6);
    assert_true(c.bad);
    c = cursor_of(slice_of(bytes, 5));
    cursor_skip(&c, SIZE_MAX);
    assert_true(c.bad);
    c = cursor_of(SLICE_NULL);
    assert_int_equal(cursor_bytes(&c, 0).n, 0);
    assert_false(c.bad);
    assert_int_equal(cursor_u16be(&c), 0);
    assert_true(c.bad);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_orders),
        cmocka_unit_test(bad_sticks_at_every_length),
        cmocka_unit_test(past_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
