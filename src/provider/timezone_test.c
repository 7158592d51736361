#include "base/test.h"
#include "provider/timezone.h"

static void test_rules(void **state)
{
    struct timezone_rule r;
    (void)state;
    assert_true(timezone_parse(SLICE("CET-1CEST,M3.5.0,M10.5.0/3"), &r));
    assert_slice(r.standard, "CET");
    assert_slice(r.daylight, "CEST");
    assert_int_equal(r.offset_s, 3600);
    assert_int_equal(r.daylight_offset_s, 7200);
    assert_int_equal(r.start.month, 3);
    assert_int_equal(r.start.week, 5);
    assert_int_equal(r.start.seconds, 7200);
    assert_int_equal(r.end.seconds, 10800);
    assert_true(timezone_parse(SLICE("UTC0"), &r));
    assert_int_equal(r.offset_s, 0);
    assert_int_equal(r.daylight.n, 0);
    assert_true(timezone_parse(SLICE("<+0545>-5:45"), &r));
    assert_slice(r.standard, "+0545");
    assert_int_equal(r.offset_s, 5 * 3600 + 45 * 60);
    assert_true(timezone_parse(SLICE("NST3:30NDT,M3.2.0,M11.1.0"), &r));
    assert_int_equal(r.offset_s, -(3 * 3600 + 30 * 60));
    assert_int_equal(r.daylight_offset_s, -(2 * 3600 + 30 * 60));
    assert_true(timezone_parse(SLICE("<-02>2<-01>,M3.5.0/-1,M10.5.0/0"), &r));
    assert_int_equal(r.start.seconds, -3600);
    assert_true(
        timezone_parse(SLICE("IST-1GMT0,M10.5.0,M3.5.0/1"), &r)); /* winter is the special time */
    assert_int_equal(r.daylight_offset_s, 0);
    assert_true(timezone_parse(SLICE("AAA-3BBB,J60/0,J300"), &r));
    assert_int_equal(r.start.month, 0);
}

static void test_bad_rules(void **state)
{
    static const char *const bad[] = { "",
                                       "CE-1",
                                       "CET",
                                       "CET-x",
                                       "CET-1CEST,",
                                       "CET-1CEST,M13.5.0,M10.5.0",
                                       "CET-1CEST,M3.6.0,M10.5.0",
                                       "CET-1CEST,M3.5.7,M10.5.0",
                                       "<CET-1",
                                       "CET-1CEST,M3.5.0",
                                       "CET-1CEST,M3.5.0,M10.5.0 ;",
                                       "CET-99999999999" };
    struct timezone_rule r;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(timezone_parse(slice_str(bad[i]), &r));
}

static void test_footer(void **state)
{
    struct slice text;
    char file[64] = "TZif2";
    (void)state;
    memset(file + 5, 1, 40);
    memcpy(file + 45, "\nUTC0\n", 6);
    assert_true(timezone_footer(slice_of(file, 51), &text));
    assert_slice(text, "UTC0");
    assert_false(timezone_footer(slice_of(file, 50), &text));
    assert_false(timezone_footer(SLICE("TZif"), &text));
    assert_false(timezone_footer(SLICE(""), &text));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_bad_rules),
        cmocka_unit_test(test_footer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
