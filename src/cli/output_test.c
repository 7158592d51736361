/* The output formats: widths, escapes, types, and text that must not reach a terminal as it is. */
#include "base/test.h"

#include <locale.h>
#include <stdlib.h>

#include "cli/output.h"

static cimf_instance *in;

static int setup(void **state)
{
    cimf_error e;
    if (!setlocale(LC_CTYPE, "C.UTF-8")) return -1;
    return cimf_instance_new_untyped(cimf_str_of("T"), &in) == CIMF_OK && cimf_instance_set_text(in, cimf_str_of("Name"), cimf_str_of("n"), &e) == CIMF_OK
               ? 0 : -1;
}

static int teardown(void **state)
{
    cimf_instance_free(in);
    return 0;
}

static void set(const char *name, const char *text)
{
    cimf_error e;
    assert_int_equal(cimf_instance_set_text(in, cimf_str_of(name), cimf_str_of(text), &e), CIMF_OK);
}

static void set_value(const char *name, unsigned type, uint64_t u, double r)
{
    cimf_error e;
    cimf_value v = { .type = (uint16_t)type };
    if (type == CIMF_REAL64) v.v.r = r;
    else v.v.u = u;
    assert_int_equal(cimf_instance_set(in, cimf_str_of(name), &v, &e), CIMF_OK);
}

static char *written(enum output_format f, bool single, unsigned width, unsigned times)
{
    char *p = NULL;
    size_t n = 0;
    struct output o;
    FILE *out = open_memstream(&p, &n);
    assert_non_null(out);
    assert_true(output_begin(&o, f, out, single));
    o.width = width;
    for (unsigned i = 0; i < times; i++) assert_true(output_add(&o, in));
    assert_true(output_end(&o));
    fclose(out);
    return p;
}

static void assert_written(enum output_format f, bool single, unsigned width, unsigned times, const char *want)
{
    char *got = written(f, single, width, times);
    assert_string_equal(got, want);
    free(got);
}

static void test_nothing(void **state)
{
    assert_written(OUTPUT_TABLE, false, 0, 0, "");
    assert_written(OUTPUT_LIST, false, 0, 0, "");
    assert_written(OUTPUT_JSON, false, 0, 0, "[]\n");
    assert_written(OUTPUT_JSON, true, 0, 0, "null\n");
    assert_written(OUTPUT_CSV, false, 0, 0, "");
    assert_written(OUTPUT_XML, false, 0, 0, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<instances>\n</instances>\n");
}

static void test_json(void **state)
{
    set("Text", "q\"\\\n\x01\xc3\xa9");
    set_value("Big", CIMF_UINT64, UINT64_MAX, 0);
    set_value("Yes", CIMF_BOOLEAN, 1, 0);
    set_value("Real", CIMF_REAL64, 0, 0.1);
    set_value("Inf", CIMF_REAL64, 0, 1e308 * 10);
    assert_int_equal(cimf_instance_set_null(in, cimf_str_of("None"), NULL), CIMF_OK);
    assert_written(OUTPUT_JSON, true, 0, 1,
                   "{\n  \"Name\": \"n\",\n  \"Text\": \"q\\\"\\\\\\n\\u0001\xc3\xa9\",\n  \"Big\": 18446744073709551615,\n  \"Yes\": true,\n"
                   "  \"Real\": 0.1,\n  \"Inf\": \"INF\",\n  \"None\": null\n}\n");
}

static void test_csv(void **state)
{
    cimf_str texts[] = { cimf_str_of("a"), cimf_str_of("b,c") };
    set("Quote", "say \"x\"");
    set("Line", "1\r\n2");
    assert_int_equal(cimf_instance_set_texts(in, cimf_str_of("Both"), texts, 2, NULL), CIMF_OK);
    assert_written(OUTPUT_CSV, false, 0, 2,
                   "Name,Quote,Line,Both\r\nn,\"say \"\"x\"\"\",\"1\r\n2\",\"a;b,c\"\r\nn,\"say \"\"x\"\"\",\"1\r\n2\",\"a;b,c\"\r\n");
}

static void test_table(void **state)
{
    set("Wide", "\xe6\xbc\xa2\xe5\xad\x97"); /* two characters, four columns */
    set_value("N", CIMF_UINT32, 7, 0);
    set("Last", "x");
    assert_written(OUTPUT_TABLE, false, 0, 1, "Name  Wide  N  Last\nn     \xe6\xbc\xa2\xe5\xad\x97  7  x\n");
    set("Long", "0123456789012345678901234567890123456789");
    assert_written(OUTPUT_TABLE, false, 40, 1,
                   "Name  Wide  N  Last  Long\nn     \xe6\xbc\xa2\xe5\xad\x97  7  x     012345678901234567\xe2\x80\xa6\n");
}

/* Nothing that a server sends moves the cursor or sets a title. */
static void test_no_controls(void **state)
{
    set("Evil", "a\x1b]0;x\x07\x7f\xc2\x9b" "b\nc\xff");
    char *table = written(OUTPUT_TABLE, false, 80, 1), *list = written(OUTPUT_LIST, false, 0, 1);
    assert_non_null(strstr(table, "a?]0;x???b c?"));
    assert_non_null(strstr(list, "Evil : a?]0;x???b c?"));
    free(table);
    free(list);
}

static void assert_datetime(const char *cim, const char *want)
{
    struct text t = { 0 };
    text_datetime(&t, cimf_str_of(cim));
    assert_string_equal(t.p, want);
    text_free(&t);
}

static void test_datetimes(void **state)
{
    assert_datetime("20240131235959.000000+060", "2024-01-31T23:59:59+01:00");
    assert_datetime("20240131235959.123456-090", "2024-01-31T23:59:59.123456-01:30");
    assert_datetime("20240131235959.000000+000", "2024-01-31T23:59:59Z");
    assert_datetime("20240131******.******+***", "20240131******.******+***");
    assert_datetime("00000001020304.000000:000", "00000001020304.000000:000");
    assert_datetime("odd", "odd");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_nothing, setup, teardown), cmocka_unit_test_setup_teardown(test_json, setup, teardown),
        cmocka_unit_test_setup_teardown(test_csv, setup, teardown), cmocka_unit_test_setup_teardown(test_table, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_controls, setup, teardown), cmocka_unit_test(test_datetimes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
