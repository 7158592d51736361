#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "cim/path.h"

static struct arena arena;

static int setup(void **state) { arena_init(&arena, 0); return 0; }
static int teardown(void **state) { arena_free(&arena); return 0; }

static struct slice canonical(const char *text)
{
    struct cim_path p;
    if (cim_path_parse(&arena, slice_str(text), &p, NULL) != CIMF_OK) return SLICE("error");
    struct buf b;
    buf_init(&b, 0);
    assert_true(cim_path_write(&b, &p, false));
    struct slice s = arena_dup(&arena, buf_slice(&b));
    buf_free(&b);
    return s;
}

/* covers: cim-core:M13 */
static void test_forms(void **state)
{
    static const struct { const char *in, *out; } rows[] = {
        { "Win32_Service", "Win32_Service" },
        { "Win32_Service=\"Spooler\"", "Win32_Service=\"Spooler\"" },
        { "Win32_Service.Name='Spooler'", "Win32_Service.Name=\"Spooler\"" },
        { "\\\\.\\root\\cimv2:A.k1=1,k2=\"x\"", "\\\\.\\root\\cimv2:A.k1=1,k2=\"x\"" },
        { "//srv/root/cimv2:A=@", "\\\\srv\\root\\cimv2:A=@" },
        { "root/cimv2", "root\\cimv2" },
        { "\\\\.\\root", "\\\\.\\root" },
        { "root:", "root:" },
        { "A.k=0x10", "A.k=16" },
        { "A.k=18446744073709551615", "A.k=18446744073709551615" },
        { "A.k=-1,b=true", "A.k=-1,b=TRUE" },
        { "A.k=\"a\\\\b\\\"c\"", "A.k=\"a\\\\b\\\"c\"" },
        { "", "error" }, { "A.", "error" }, { "A.k", "error" }, { "A.k=", "error" },
        { "A.k=\"x", "error" }, { "A.k=1,k=2", "error" }, { "A.k=1,", "error" },
        { "A.k =1", "error" }, { "A.k= 1", "error" }, { "A=@x", "error" }, { "1A", "error" },
        { "A.k=x", "error" }, { "\\\\.", "\\\\." }, { "a//b:C", "error" },
        { "A.k=18446744073709551616", "error" }, { "A.k=\"x\"y", "error" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct slice got = canonical(rows[i].in);
        if (!slice_is(got, rows[i].out)) {
            fail_msg("%s: got " SLICE_FMT, rows[i].in, SLICE_ARG(got));
        }
        if (!slice_is(got, "error")) assert_true(slice_eq(canonical(got.p), got));
    }
}

static void test_reference_key(void **state)
{
    struct slice a, b, ns = SLICE("root/cimv2");
    assert_int_equal(cim_reference_key(&arena, SLICE("\\\\X\\ROOT\\cimv2:C.K=\"a\""), ns, &a), CIMF_OK);
    assert_int_equal(cim_reference_key(&arena, SLICE("c=\"A\""), ns, &b), CIMF_OK);
    assert_true(slice_eq(a, b));
    assert_true(slice_is(a, "root/cimv2:c=\"a\""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_forms, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reference_key, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
