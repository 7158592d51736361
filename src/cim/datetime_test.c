#include "base/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "cim/datetime.h"

#define LEN(x) (sizeof(x) / sizeof((x)[0]))

/* covers: cim-core:M12 */
static void test_parse(void **state)
{
    static const struct { const char *text; int ok, interval, wild, zoned; int64_t us; int offset; } rows[] = {
        { "19700101000000.000000+000", 1, 0, 0, 1, 0, 0 },
        { "19700101010000.000001+060", 1, 0, 0, 1, 1, 60 },
        { "19980525133015.000000-300", 1, 0, 0, 1, 896121015000000, -300 },
        { "00000101000000.000000+000", 1, 0, 0, 1, -62167219200000000, 0 },
        { "99991231235959.999999+000", 1, 0, 0, 1, 253402300799999999, 0 },
        { "19700101000000.000000+***", 1, 0, 0, 0, 0, 0 },
        { "19980416******.000000+000", 1, 0, 1, 1, 0, 0 },
        { "**************.******+***", 1, 0, 1, 0, 0, 0 },
        { "00000001000000.000000:000", 1, 1, 0, 0, 86400000000, 0 },
        { "99999999235959.999999:000", 1, 1, 0, 0, 8639999999999999999, 0 },
        { "00000000000000.000000:001", 0, 0, 0, 0, 0, 0 }, { "********000000.000000:000", 0, 0, 0, 0, 0, 0 },
        { "19700101000000.000000", 0, 0, 0, 0, 0, 0 }, { "19701301000000.000000+000", 0, 0, 0, 0, 0, 0 },
        { "19700230000000.000000+000", 0, 0, 0, 0, 0, 0 }, { "19700101240000.000000+000", 0, 0, 0, 0, 0, 0 },
        { "19700101006000.000000+000", 0, 0, 0, 0, 0, 0 }, { "1970010100000*.000000+000", 0, 0, 0, 0, 0, 0 },
        { "19700101000000,000000+000", 0, 0, 0, 0, 0, 0 }, { "19700101000000.000000 000", 0, 0, 0, 0, 0, 0 },
        { "19700101000000.00000a+000", 0, 0, 0, 0, 0, 0 }, { "", 0, 0, 0, 0, 0, 0 },
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        struct cim_datetime d;
        bool ok = cim_datetime_parse(slice_str(rows[i].text), &d);
        if (ok != rows[i].ok) fail_msg("%s", rows[i].text);
        if (!ok) continue;
        assert_int_equal(d.interval, rows[i].interval);
        assert_int_equal(d.wild, rows[i].wild);
        assert_int_equal(d.zoned, rows[i].zoned);
        assert_true(d.us == rows[i].us);
        assert_int_equal(d.offset, rows[i].offset);
        char back[CIM_DATETIME_LENGTH + 1];
        cim_datetime_write(&d, back);
        if (!d.wild) assert_string_equal(back, rows[i].text);
    }
}

static void test_compare(void **state)
{
    static const struct { const char *a, *b; int defined, sign; } rows[] = {
        { "20260101000000.000000+000", "20260101010000.000000+060", 1, 0 },
        { "20260101000000.000000+000", "20260101000000.000000+060", 1, 1 },
        { "20260101000000.000000-480", "20260101000000.000000+000", 1, 1 },
        { "20260101000000.000000+***", "20260101000000.000000+000", 0, 0 },
        { "20260101000000.000000+***", "20260102000000.000000+***", 1, -1 },
        { "2026****000000.000000+000", "2026****000000.000000+000", 1, 0 },
        { "2026****000000.000000+000", "20260101000000.000000+000", 0, 0 },
        { "00000001000000.000000:000", "00000000240000.000000:000", 0, 0 },
        { "00000001000000.000000:000", "00000000235959.000000:000", 1, 1 },
        { "00000001000000.000000:000", "20260101000000.000000+000", 0, 0 },
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        bool defined;
        int sign = cim_datetime_compare(slice_str(rows[i].a), slice_str(rows[i].b), &defined);
        if (defined != rows[i].defined || (defined && sign != rows[i].sign)) fail_msg("row %zu", i);
        sign = cim_datetime_compare(slice_str(rows[i].b), slice_str(rows[i].a), &defined);
        if (defined != rows[i].defined || (defined && sign != -rows[i].sign)) fail_msg("row %zu back", i);
    }
}

static void test_read(void **state)
{
    setenv("TZ", "EST5EDT,M3.2.0,M11.1.0", 1);
    tzset();
    static const struct { const char *in, *out; } rows[] = {
        { "19980525133015.000000-300", "19980525133015.000000-300" },
        { " 1998041*******.000000+***", NULL }, { "19980416******.000000+***", "19980416******.000000+***" },
        { "2026-11-22T14:55:07Z", "20261122145507.000000+000" },
        { "2026-11-22t14:55:07.1234567+01:00", "20261122145507.123456+060" },
        { "2026-11-22T14:55:07-0330", "20261122145507.000000-210" },
        { "0001-01-01T00:00:00-12:00", "00010101000000.000000-720" }, { "1-01-01T00:00:00Z", NULL },
        { "2026-11-22T24:00:00Z", "20261123000000.000000+000" },
        { "2026-07-01", "20260701000000.000000-240" }, { "2026-01-01 10:00", "20260101100000.000000-300" },
        { "2026-07-01 10:20:30:045", "20260701102030.045000-240" },
        { "7/4/2026", "20260704000000.000000-240" }, { "07/04/2026 1:05 PM", "20260704130500.000000-240" },
        { "12/31/1999 12:00:00 am", "19991231000000.000000-300" },
        { "2026/07/04", "20260704000000.000000-240" },
        { "P1DT2H3M4.5S", "00000001020304.500000:000" }, { "PT0S", "00000000000000.000000:000" },
        { "P1W", "00000007000000.000000:000" }, { "-P1D", NULL }, { "PT", NULL },
        { "P99999999DT23H59M59.999999S", "99999999235959.999999:000" }, { "P100000000D", NULL },
        { "P99999999999999999999D", NULL },
        { "2026-13-01", NULL }, { "2026-02-30", NULL }, { "13/13/2026", NULL }, { "7/4/26", NULL },
        { "2026-07-01T25:00:00Z", NULL }, { "2026-07-01T10:00:00+15:00", NULL }, { "2026-07-01T10", NULL },
        { "2026-07-01T10:00:00Zx", NULL }, { "2026-07-01T10:00:00.Z", NULL }, { "2026-07/01", NULL },
        { "13:00 AM", NULL }, { "2026-07-01 13:00 PM", NULL }, { "", NULL }, { "now", NULL },
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        char out[CIM_DATETIME_LENGTH + 1] = "";
        bool ok = cim_datetime_read(slice_str(rows[i].in), out);
        if (ok != (rows[i].out != NULL)) fail_msg("%s: %s", rows[i].in, ok ? out : "refused");
        if (ok) assert_string_equal(out, rows[i].out);
    }
}

static void test_xml(void **state)
{
    static const struct { const char *in, *out; } rows[] = {
        { "20261122145507.123400+060", "2026-11-22T14:55:07.1234+01:00" },
        { "20261122145507.000000+000", "2026-11-22T14:55:07Z" },
        { "20261122145507.000000-210", "2026-11-22T14:55:07-03:30" },
        { "20261122145507.000000+***", "2026-11-22T14:55:07" },
        { "2026****145507.000000+000", NULL }, { "x", NULL },
        { "00000001020304.500000:000", "P1DT2H3M4.5S" }, { "00000000000000.000000:000", "PT0S" },
        { "00000002000000.000000:000", "P2D" }, { "00000000000000.000001:000", "PT0.000001S" },
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        struct buf b;
        buf_init(&b, 0);
        bool ok = cim_datetime_xml(slice_str(rows[i].in), &b);
        assert_int_equal(ok, rows[i].out != NULL);
        if (ok) {
            char out[CIM_DATETIME_LENGTH + 1];
            if (!slice_is(buf_slice(&b), rows[i].out)) fail_msg("%s: " SLICE_FMT, rows[i].in, SLICE_ARG(buf_slice(&b)));
            assert_true(cim_datetime_read(buf_slice(&b), out));
        }
        buf_free(&b);
    }
}

static void test_write_bounds(void **state)
{
    char out[CIM_DATETIME_LENGTH + 1];
    cim_datetime_write(&(struct cim_datetime){ .us = INT64_MAX, .zoned = true, .offset = 60 }, out);
    assert_string_equal(out, "99991231235959.999999+060");
    cim_datetime_write(&(struct cim_datetime){ .us = INT64_MIN, .zoned = true, .offset = -60 }, out);
    assert_string_equal(out, "00000101000000.000000-060");
    cim_datetime_write(&(struct cim_datetime){ .us = INT64_MAX, .interval = true }, out);
    assert_string_equal(out, "99999999235959.999999:000");
    cim_datetime_write(&(struct cim_datetime){ .us = -5, .interval = true }, out);
    assert_string_equal(out, "00000000000000.000000:000");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse), cmocka_unit_test(test_compare), cmocka_unit_test(test_read),
        cmocka_unit_test(test_xml), cmocka_unit_test(test_write_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
