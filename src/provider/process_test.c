#include "base/test.h"
#include "provider/process.h"

static const char sample[] = "4242 (a) S (b)) R 17 4242 4242 0 -1 4194560 11 0 22 0 33 44 0 0 20 "
                             "-5 6 0 77 88 99 18446744073709551615 "
                             "1 1 0 0 0 0 0 0 0 0 0 0 17 3 0 2 0 0 0";

static void test_stat(void **state)
{
    struct process_stat s;
    (void)state;
    assert_true(process_stat_parse(
        SLICE("4242 (a) S (b)) R 17 4242 4242 0 -1 4194560 11 0 22 0 33 44 0 0 20 -5 6 0 "
              "77 88 99"),
        &s));
    assert_true(process_stat_parse(slice_str(sample), &s));
    assert_int_equal(s.pid, 4242);
    assert_slice(s.name, "a) S (b)");
    assert_int_equal(s.state, 'R');
    assert_int_equal(s.parent, 17);
    assert_int_equal(s.minor_faults, 11);
    assert_int_equal(s.major_faults, 22);
    assert_int_equal(s.user_ticks, 33);
    assert_int_equal(s.kernel_ticks, 44);
    assert_int_equal(s.nice, -5);
    assert_int_equal(s.threads, 6);
    assert_int_equal(s.start_ticks, 77);
    assert_int_equal(s.virtual_bytes, 88);
    assert_int_equal(s.resident_pages, 99);
    assert_int_equal(s.policy, 2);
}

static void test_bad_stat(void **state)
{
    struct process_stat s;
    (void)state;
    for (size_t n = 0; n < 60; n++) assert_false(process_stat_parse(slice_of(sample, n), &s));
    assert_false(process_stat_parse(SLICE("x (a) R 1"), &s));
    assert_false(process_stat_parse(SLICE("1 )a( R 1"), &s));
    assert_false(process_stat_parse(SLICE("99999999999 (a) R 1 2 3"), &s));
}

static void test_priorities(void **state)
{
    (void)state;
    assert_int_equal(process_priority(0, 0), 8);
    assert_int_equal(process_priority(19, 0), 4);
    assert_int_equal(process_priority(1, 3), 6);
    assert_int_equal(process_priority(-1, 0), 10);
    assert_int_equal(process_priority(-20, 0), 13);
    assert_int_equal(process_priority(0, 1), 24);
    assert_int_equal(process_priority(0, 5), 4);
}

static void test_command_line(void **state)
{
    struct arena a;
    (void)state;
    arena_init(&a, 0);
    assert_slice(process_command_line(&a, SLICE("/bin/x\0-a\0b c\0\0")), "/bin/x -a b c");
    assert_slice(process_command_line(&a, SLICE("")), "");
    arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stat),
        cmocka_unit_test(test_bad_stat),
        cmocka_unit_test(test_priorities),
        cmocka_unit_test(test_command_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
