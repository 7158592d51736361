#include "base/test.h"

#include <math.h>

#include "cim/instance.h"

#define LEN(x) (sizeof(x) / sizeof((x)[0]))

static struct arena arena;

static int setup(void **state) { arena_init(&arena, 0); return 0; }
static int teardown(void **state) { arena_free(&arena); return 0; }

static const uint16_t all[] = {
    CIM_SINT8, CIM_UINT8, CIM_SINT16, CIM_UINT16, CIM_SINT32, CIM_UINT32, CIM_SINT64, CIM_UINT64,
    CIM_REAL32, CIM_REAL64, CIM_BOOLEAN, CIM_STRING, CIM_DATETIME, CIM_REFERENCE, CIM_CHAR16,
    CIM_OBJECT,
};

/* covers: cim-core:M2 */
static void test_types(void **state)
{
    for (size_t i = 0; i < LEN(all); i++) {
        const char *name = cim_type_name(all[i]);
        assert_non_null(name);
        assert_int_equal(cim_type_parse(slice_str(name)), all[i]);
        assert_ptr_equal(cim_type_name(all[i] | CIM_ARRAY), name);
        assert_true(cim_type_size(all[i]) > 0);
        struct cim_array array;
        assert_true(cim_array_new(&arena, all[i], 3, &array));
        union cim_data v = { .u = 1 }, got;
        if (cim_type_is_real(all[i])) v.r = 0.5;
        if (cim_type_is_text(all[i])) v.s = SLICE("x");
        if (all[i] == CIM_OBJECT) v.o = NULL;
        cim_array_set(array, all[i], 1, v);
        cim_array_set(array, all[i], 3, v); /* past the end: nothing */
        got = cim_array_get(all[i], array, 1);
        assert_true(cim_data_equal(all[i], &v, &got));
        union cim_data whole = { .a = array }, copy;
        assert_int_equal(cim_data_copy(&arena, all[i] | CIM_ARRAY, &whole, &copy), CIMF_OK);
        assert_true(cim_data_equal(all[i] | CIM_ARRAY, &whole, &copy));
    }
    assert_int_equal(cim_type_parse(SLICE("SINT32")), CIM_SINT32);
    assert_int_equal(cim_type_parse(SLICE("int")), CIM_NONE);
    assert_null(cim_type_name(1));
    assert_int_equal(cim_type_size(0), 0);
}

static void test_negative_elements(void **state)
{
    static const uint16_t types[] = { CIM_SINT8, CIM_SINT16, CIM_SINT32, CIM_SINT64 };
    for (size_t i = 0; i < LEN(types); i++) {
        struct cim_array array;
        assert_true(cim_array_new(&arena, types[i], 1, &array));
        cim_array_set(array, types[i], 0, (union cim_data){ .i = -3 });
        assert_int_equal(cim_array_get(types[i], array, 0).i, -3);
    }
}

static void test_text(void **state)
{
    static const struct { uint16_t type; const char *in, *out; } rows[] = {
        { CIM_SINT8, "-128", "-128" }, { CIM_SINT8, "-129", NULL }, { CIM_SINT8, "127", "127" },
        { CIM_SINT8, "128", NULL }, { CIM_UINT8, "255", "255" }, { CIM_UINT8, "256", NULL },
        { CIM_UINT8, "-1", NULL }, { CIM_UINT8, "-0", "0" }, { CIM_UINT16, " +65535\n", "65535" },
        { CIM_SINT64, "-9223372036854775808", "-9223372036854775808" },
        { CIM_SINT64, "9223372036854775808", NULL },
        { CIM_UINT64, "18446744073709551615", "18446744073709551615" },
        { CIM_UINT64, "18446744073709551616", NULL }, { CIM_UINT64, "0xFFFFFFFFFFFFFFFF", "18446744073709551615" },
        { CIM_UINT32, "0X1f", "31" }, { CIM_UINT32, "0x", NULL }, { CIM_UINT32, "", NULL },
        { CIM_UINT32, "+", NULL }, { CIM_UINT32, "1 2", NULL }, { CIM_UINT32, "1.0", NULL },
        { CIM_REAL64, "0.1", "0.1" }, { CIM_REAL64, "1e3", "1000" }, { CIM_REAL64, ".5", "0.5" },
        { CIM_REAL64, "1.7976931348623157e308", "1.7976931348623157e+308" },
        { CIM_REAL64, "1e999", NULL }, { CIM_REAL64, "inf", "INF" }, { CIM_REAL64, "-INF", "-INF" },
        { CIM_REAL64, "nan", "NaN" }, { CIM_REAL64, "0x1p3", NULL }, { CIM_REAL64, "1e", NULL },
        { CIM_REAL64, ".", NULL }, { CIM_REAL64, "4.9406564584124654e-324", "4.94065645841247e-324" },
        { CIM_REAL32, "0.1", "0.1" }, { CIM_REAL32, "16777217", "16777216" },
        { CIM_REAL32, "1e39", NULL }, { CIM_BOOLEAN, "true", "TRUE" }, { CIM_BOOLEAN, "0", "FALSE" },
        { CIM_BOOLEAN, "yes", NULL }, { CIM_CHAR16, "A", "A" }, { CIM_CHAR16, "65", "A" },
        { CIM_CHAR16, "7", "7" }, { CIM_CHAR16, "0x07", "0x07" }, { CIM_CHAR16, "\xE2\x82\xAC", "\xE2\x82\xAC" },
        { CIM_CHAR16, "70000", NULL }, { CIM_CHAR16, "\xF0\x9F\x98\x80", NULL }, { CIM_CHAR16, "", NULL },
        { CIM_STRING, " a ", " a " }, { CIM_STRING, "", "" }, { CIM_OBJECT, "x", NULL },
        { CIM_DATETIME, "19980525133015.000000-300", "19980525133015.000000-300" },
        { CIM_DATETIME, "soon", NULL }, { CIM_STRING | CIM_ARRAY, "x", NULL },
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        union cim_data v;
        cimf_status st = cim_data_parse(&arena, rows[i].type, slice_str(rows[i].in), &v);
        if (!rows[i].out) {
            if (st != CIMF_TYPE_MISMATCH) fail_msg("row %zu: %s accepted", i, rows[i].in);
            continue;
        }
        if (st != CIMF_OK) fail_msg("row %zu: %s refused", i, rows[i].in);
        struct buf b;
        buf_init(&b, 0);
        assert_true(cim_data_text(&b, rows[i].type, &v));
        if (!slice_is(buf_slice(&b), rows[i].out)) {
            fail_msg("row %zu: " SLICE_FMT, i, SLICE_ARG(buf_slice(&b)));
        }
        union cim_data again;
        assert_int_equal(cim_data_parse(&arena, rows[i].type, buf_slice(&b), &again), CIMF_OK);
        if (rows[i].type != CIM_REAL64 || !isnan(v.r)) {
            assert_true(cim_data_equal(rows[i].type, &v, &again));
        }
        buf_free(&b);
    }
}

static struct cim_value integer(int64_t i) { return (struct cim_value){ .type = CIM_SINT64, .v.i = i }; }
static struct cim_value real(double r) { return (struct cim_value){ .type = CIM_REAL64, .v.r = r }; }
static struct cim_value text(const char *s)
{
    return (struct cim_value){ .type = CIM_STRING, .v.s = slice_str(s) };
}

static void test_convert(void **state)
{
    const struct { struct cim_value in; uint16_t type; const char *out; } rows[] = {
        { integer(-1), CIM_UINT32, NULL }, { integer(-1), CIM_SINT8, "-1" },
        { integer(300), CIM_UINT8, NULL }, { integer(65), CIM_CHAR16, "A" },
        { integer(1), CIM_BOOLEAN, "TRUE" }, { integer(-1), CIM_BOOLEAN, "TRUE" },
        { integer(2), CIM_BOOLEAN, NULL }, { integer(7), CIM_REAL32, "7" },
        { integer(-7), CIM_REAL64, "-7" }, { integer(-7), CIM_STRING, "-7" },
        { integer(5), CIM_REFERENCE, NULL }, { integer(5), CIM_DATETIME, NULL },
        { real(2.5), CIM_UINT8, "3" }, { real(-2.5), CIM_SINT8, "-3" }, { real(-0.4), CIM_UINT8, "0" },
        { real(1e30), CIM_UINT64, NULL }, { real(-1e30), CIM_SINT64, NULL }, { real(1e300), CIM_REAL32, NULL },
        { real(0.5), CIM_BOOLEAN, NULL }, { real(0.25), CIM_STRING, "0.25" },
        { text("12"), CIM_UINT8, "12" }, { text("x"), CIM_UINT8, NULL }, { text("TRUE"), CIM_BOOLEAN, "TRUE" },
        { text("C.k=1"), CIM_REFERENCE, "C.k=1" }, { text("never"), CIM_DATETIME, NULL },
        { text("x"), CIM_OBJECT, NULL }, { text("x"), 1, NULL },
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        struct cim_value v;
        cimf_status st = cim_value_convert(&arena, &rows[i].in, rows[i].type, &v);
        if (!rows[i].out) {
            if (st != CIMF_TYPE_MISMATCH && st != CIMF_INVALID_CIM_TYPE) fail_msg("row %zu accepted", i);
            continue;
        }
        if (st != CIMF_OK) fail_msg("row %zu refused", i);
        struct buf b;
        buf_init(&b, 0);
        assert_true(cim_data_text(&b, v.type, &v.v));
        if (!slice_is(buf_slice(&b), rows[i].out)) fail_msg("row %zu: " SLICE_FMT, i, SLICE_ARG(buf_slice(&b)));
        buf_free(&b);
    }
}

static void test_convert_arrays(void **state)
{
    struct cim_value in = integer(7), out;
    assert_int_equal(cim_value_convert(&arena, &in, CIM_UINT8 | CIM_ARRAY, &out), CIMF_OK);
    assert_int_equal(out.v.a.n, 1);
    assert_int_equal(cim_array_get(CIM_UINT8, out.v.a, 0).u, 7);
    in = out;
    assert_int_equal(cim_value_convert(&arena, &in, CIM_STRING | CIM_ARRAY, &out), CIMF_OK);
    assert_true(slice_is(cim_array_get(CIM_STRING, out.v.a, 0).s, "7"));
    assert_int_equal(cim_value_convert(&arena, &in, CIM_UINT8, &out), CIMF_TYPE_MISMATCH);
    in = (struct cim_value){ .type = CIM_STRING, .null = true };
    assert_int_equal(cim_value_convert(&arena, &in, CIM_UINT8, &out), CIMF_OK);
    assert_true(out.null && out.type == CIM_UINT8);
    in.type = CIM_NONE;
    assert_int_equal(cim_value_convert(&arena, &in, CIM_UINT8 | CIM_ARRAY, &out), CIMF_OK);
    assert_true(out.null);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_types, setup, teardown),
        cmocka_unit_test_setup_teardown(test_negative_elements, setup, teardown),
        cmocka_unit_test_setup_teardown(test_text, setup, teardown),
        cmocka_unit_test_setup_teardown(test_convert, setup, teardown),
        cmocka_unit_test_setup_teardown(test_convert_arrays, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
