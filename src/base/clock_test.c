#include "base/clock.h"

#include <stdlib.h>
#include <time.h>

#include "base/test.h"

static void civil_agrees_with_libc(void **state)
{
    /* From year 0 to year 9999 in odd steps, each against gmtime_r. */
    for (int64_t t = -62167219200; t <= 253402300799; t += 86400 * 13 + 12345) {
        time_t seconds = (time_t)t;
        struct tm tm;
        struct civil c;
        assert_non_null(gmtime_r(&seconds, &tm));
        civil_from_us(t * 1000000 + 7, &c);
        assert_int_equal(c.year, tm.tm_year + 1900);
        assert_int_equal(c.month, tm.tm_mon + 1);
        assert_int_equal(c.day, tm.tm_mday);
        assert_int_equal(c.hour, tm.tm_hour);
        assert_int_equal(c.minute, tm.tm_min);
        assert_int_equal(c.second, tm.tm_sec);
        assert_int_equal(c.micro, 7);
        assert_true(civil_valid(&c));
        assert_true(civil_to_us(&c) == t * 1000000 + 7);
    }
}

static void before_the_epoch(void **state)
{
    struct civil c;
    civil_from_us(-1, &c);
    assert_int_equal(c.year, 1969);
    assert_int_equal(c.second, 59);
    assert_int_equal(c.micro, 999999);
    assert_true(civil_to_us(&c) == -1);
}

static void validity(void **state)
{
    const struct civil good = { 2024, 2, 29, 23, 59, 59, 999999 };
    assert_true(civil_valid(&good));
    static const struct civil bad[] = { { 2023, 2, 29, 0, 0, 0, 0 }, { 1900, 2, 29, 0, 0, 0, 0 },
        { 2024, 0, 1, 0, 0, 0, 0 }, { 2024, 13, 1, 0, 0, 0, 0 }, { 2024, 4, 31, 0, 0, 0, 0 },
        { 2024, 1, 0, 0, 0, 0, 0 }, { 2024, 1, 1, 24, 0, 0, 0 }, { 2024, 1, 1, 0, 60, 0, 0 },
        { 2024, 1, 1, 0, 0, 60, 0 }, { 2024, 1, 1, 0, 0, 0, 1000000 }, { 10000, 1, 1, 0, 0, 0, 0 },
        { -1, 1, 1, 0, 0, 0, 0 }, { 2024, 1, 1, -1, 0, 0, 0 } };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) assert_false(civil_valid(&bad[i]));
}

static void local_offset(void **state)
{
    setenv("TZ", "XST-5:30", 1);
    tzset();
    assert_int_equal(clock_local_offset(0), 330);
    setenv("TZ", "YST8", 1);
    tzset();
    assert_int_equal(clock_local_offset(clock_wall_us()), -480);
    assert_int_equal(clock_local_offset(-1), -480);
}

static void monotonic(void **state)
{
    int64_t a = clock_mono_us(), b = clock_mono_us();
    assert_true(b >= a);
    assert_true(clock_wall_us() > INT64_C(1700000000000000));
}

static void durations(void **state)
{
    static const struct { const char *text; int64_t us; bool negative, months; } rows[] = {
        { "PT60.000S", 60000000, false, false }, { "PT20S", 20000000, false, false },
        { "P0DT0H0M0S", 0, false, false }, { "PT0.5S", 500000, false, false },
        { "PT0.0000019S", 1, false, false }, { "-PT1S", 1000000, true, false },
        { "P1W", INT64_C(604800000000), false, false },
        { "P1WT1S", INT64_C(604801000000), false, false },
        { "P1Y", INT64_C(31536000000000), false, true }, { "P1M", INT64_C(2592000000000), false, true },
        { "P0Y0M1D", INT64_C(86400000000), false, false }, { "PT1M", 60000000, false, false },
        { " \nP1DT1H1M1.25S ", INT64_C(90061250000), false, false },
        { "P2Y6M5DT12H35M30S", INT64_C(79101330000000), false, true },
        { "P106751991DT4H54.775807S", INT64_MAX, false, false },
        { "P106751991DT4H54.775808S", INT64_MAX, false, false },
        { "PT9223372036854.775808S", INT64_MAX, false, false },
        { "P99999999999999999999D", INT64_MAX, false, false },
        { "P9223372036854775807Y", INT64_MAX, false, true },
        { "-P99999999999999999999DT1S", INT64_MAX, true, false },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t us;
        bool negative, months;
        if (!duration_parse(slice_str(rows[i].text), &us, &negative, &months) || us != rows[i].us) {
            fail_msg("%s", rows[i].text);
        }
        assert_int_equal(negative, rows[i].negative);
        assert_int_equal(months, rows[i].months);
        assert_true(duration_parse(slice_str(rows[i].text), NULL, NULL, NULL));
    }
}

static void bad_durations(void **state)
{
    static const char *const bad[] = { "", "P", "-", "PT", "P1DT", "1S", "P1S", "PT1D", "PT1", "P1", "PT1M1H",
        "P1D1Y", "P1D1D", "PT1S1S", "PTS", "PT-1S", "PT.5S", "PT1.S", "PT1.5M", "P1.5D", "P1YT1Y", "+PT1S", "pt1s",
        "PT1STT", "PT1ST1S", "P T1S", "--PT1S", "P99999999999999999999", "PT1S\x01" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int64_t us = 42;
        if (duration_parse(slice_str(bad[i]), &us, NULL, NULL)) fail_msg("accepted '%s'", bad[i]);
        assert_true(us == 42);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(civil_agrees_with_libc),
        cmocka_unit_test(before_the_epoch),
        cmocka_unit_test(validity),
        cmocka_unit_test(local_offset),
        cmocka_unit_test(monotonic),
        cmocka_unit_test(durations),
        cmocka_unit_test(bad_durations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
