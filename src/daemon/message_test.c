#include "base/test.h"

#include "daemon/message.h"

static void test_round_trip(void **state)
{
    struct slice fields[] = { SLICE("mof"), SLICE(""), SLICE("a,b:3"), slice_of("\0x", 2) }, *back;
    struct buf b;
    struct arena a;
    size_t count, used;
    buf_init(&b, 0);
    arena_init(&a, 0);
    assert_true(message_write(&b, fields, 4));
    for (size_t n = 0; n < b.n; n++) assert_int_equal(message_read(&a, slice_of(b.p, n), 10, &back, &count, &used), 0);
    buf_lit(&b, "rest");
    assert_int_equal(message_read(&a, buf_slice(&b), 10, &back, &count, &used), 1);
    assert_int_equal(count, 4);
    assert_int_equal(used, b.n - 4);
    for (size_t i = 0; i < 4; i++) assert_true(slice_eq(back[i], fields[i]));
    assert_int_equal(message_read(&a, buf_slice(&b), 3, &back, &count, &used), -1);
    arena_free(&a);
    buf_free(&b);
}

static void test_refused(void **state)
{
    static const char *const bad[] = { "x", ":", "3;abc,", "3:abcx", "99999999999:", "4:3:ab,,", "5:3:ab,,x", "4:-1:,," };
    struct arena a;
    struct slice *fields;
    size_t count, used;
    arena_init(&a, 0);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(message_read(&a, slice_str(bad[i]), 10, &fields, &count, &used), -1);
    arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_round_trip), cmocka_unit_test(test_refused) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
