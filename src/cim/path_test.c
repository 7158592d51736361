#include "base/test.h"

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

/* --- binding to a class ------------------------------------------------------------------------ */

static const struct cim_qualifier key_q[] = { { { "key", 3 }, { .type = CIM_BOOLEAN, .v.u = 1 }, 0 } };

static const struct cim_class *keyed(const struct cim_property_decl *props, uint32_t n)
{
    const struct cim_class *c;
    assert_int_equal(cim_class_adhoc(&arena, SLICE("Keyed"), props, n, &c), CIMF_OK);
    return c;
}

static const struct cim_class *many_keys(void)
{
    static const struct cim_qualifiers key = { key_q, 1 };
    const struct cim_property_decl props[] = {
        { .name = SLICE("S"), .type = CIM_STRING, .qualifiers = key },
        { .name = SLICE("Plain"), .type = CIM_STRING },
        { .name = SLICE("U"), .type = CIM_UINT64, .qualifiers = key },
        { .name = SLICE("B"), .type = CIM_BOOLEAN, .qualifiers = key },
        { .name = SLICE("R"), .type = CIM_REFERENCE, .qualifiers = key },
        { .name = SLICE("D"), .type = CIM_DATETIME, .qualifiers = key },
    };
    return keyed(props, 6);
}

static cimf_status key_text(const struct cim_class *c, const char *text, struct slice *out)
{
    struct cim_path p, bound;
    struct error e = ERROR_INIT;
    cimf_status st = cim_path_parse(&arena, slice_str(text), &p, &e);
    if (st == CIMF_OK) st = cim_path_bind(&arena, &p, c, &bound, &e);
    assert_int_equal(e.status, st);
    if (st != CIMF_OK) {
        assert_true(e.text[0] && e.subject[0]);
        return st;
    }
    return cim_path_key_text(&arena, &bound, SLICE("root/cimv2"), out);
}

#define DATE "D=\"20260101000000.000000+000\""

/* covers: cim-core:M13 */
static void test_same_instance(void **state)
{
    static const char *const same[] = {
        "Keyed.S=\"a\",U=16,B=TRUE,R=\"X.k=\\\"1\\\"\"," DATE,
        "keyed.b=true,u=0x10,s='A',r='root/cimv2:x=\"1\"'," DATE,
        "\\\\.\\root\\cimv2:KEYED.U=\"16\",B=1,S=\"a\",R=\"\\\\\\\\Z\\\\ROOT\\\\cimv2:X.K=1\"," DATE,
    };
    static const char *const others[] = {
        "Keyed.S=\"b\",U=16,B=TRUE,R=\"X.k=\\\"1\\\"\"," DATE,
        "Keyed.S=\"a\",U=17,B=TRUE,R=\"X.k=\\\"1\\\"\"," DATE,
        "Keyed.S=\"a\",U=16,B=FALSE,R=\"X.k=\\\"1\\\"\"," DATE,
        "Keyed.S=\"a\",U=16,B=TRUE,R=\"X.k=\\\"2\\\"\"," DATE,
        "Keyed.S=\"a\",U=16,B=TRUE,R=\"root/other:X.k=\\\"1\\\"\"," DATE,
    };
    const struct cim_class *c = many_keys();
    struct slice first, got;
    assert_int_equal(key_text(c, same[0], &first), CIMF_OK);
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        if (key_text(c, same[i], &got) != CIMF_OK) fail_msg("%s", same[i]);
        if (!slice_eq(first, got)) fail_msg("%s: " SLICE_FMT, same[i], SLICE_ARG(got));
    }
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        assert_int_equal(key_text(c, others[i], &got), CIMF_OK);
        assert_false(slice_eq(first, got));
    }
}

static void test_bind_refused(void **state)
{
    static const char *const rows[] = {
        "Keyed=\"a\"", "Keyed=@", "Keyed.S=\"a\"",
        "Keyed.S=\"a\",U=-1,B=TRUE,R=\"X\"," DATE, "Keyed.S=\"a\",U=1,B=2,R=\"X\"," DATE,
        "Keyed.S=\"a\",U=1,B=TRUE,R=5," DATE, "Keyed.S=\"a\",U=1,B=TRUE,R=\"X\",D=\"today\"",
        "Keyed.S=\"a\",U=1,B=TRUE,R=\"X\",Plain=\"x\"," DATE,
    };
    const struct cim_class *c = many_keys();
    struct slice got;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (key_text(c, rows[i], &got) != CIMF_INVALID_OBJECT_PATH) fail_msg("%s", rows[i]);
    }
}

/* P12: any equal number finds the instance; the text is canonical decimal. */
static void test_numbers(void **state)
{
    static const struct cim_qualifiers key = { key_q, 1 };
    static const struct { uint16_t type; const char *in, *out; } rows[] = {
        { CIM_UINT64, "Keyed=0xFFFFFFFFFFFFFFFF", "Keyed.K=18446744073709551615" },
        { CIM_UINT64, "Keyed.k=\"18446744073709551615\"", "Keyed.K=18446744073709551615" },
        { CIM_SINT64, "Keyed.k=-9223372036854775808", "Keyed.K=-9223372036854775808" },
        { CIM_UINT32, "Keyed.k=+007", "Keyed.K=7" },
        { CIM_CHAR16, "Keyed.k='A'", "Keyed.K=65" },
        { CIM_STRING, "Keyed.k=0", "Keyed.K=\"0\"" },
        { CIM_BOOLEAN, "Keyed.k=0", "Keyed.K=FALSE" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct cim_property_decl p = { .name = SLICE("K"), .type = rows[i].type, .qualifiers = key };
        const struct cim_class *c = keyed(&p, 1);
        struct cim_path path, bound;
        assert_int_equal(cim_path_parse(&arena, slice_str(rows[i].in), &path, NULL), CIMF_OK);
        if (cim_path_bind(&arena, &path, c, &bound, NULL) != CIMF_OK) fail_msg("%s", rows[i].in);
        struct buf b;
        buf_init(&b, 0);
        assert_true(cim_path_write(&b, &bound, true));
        if (!slice_is(buf_slice(&b), rows[i].out)) fail_msg("%s: " SLICE_FMT, rows[i].in, SLICE_ARG(buf_slice(&b)));
        assert_int_equal(cim_path_parse(&arena, buf_slice(&b), &path, NULL), CIMF_OK);
        assert_int_equal(cim_path_bind(&arena, &path, c, &path, NULL), CIMF_OK);
        assert_int_equal(path.key_count, 1);
        assert_true(cim_data_equal(rows[i].type, &path.keys[0].value.v, &bound.keys[0].value.v));
        buf_free(&b);
    }
}

static void test_path_of(void **state)
{
    static const struct cim_qualifiers key = { key_q, 1 };
    const struct cim_property_decl props[] = {
        { .name = SLICE("A"), .type = CIM_STRING, .qualifiers = key },
        { .name = SLICE("B"), .type = CIM_UINT8, .qualifiers = key },
    };
    const struct cim_class *c = keyed(props, 2), *plain = keyed(NULL, 0);
    struct cim_instance *in = cim_instance_new(&arena, c);
    struct cim_path p;
    struct error e = ERROR_INIT;
    cim_put_strz(in, "A", "x");
    assert_int_equal(cim_path_of(&arena, in, &p, &e), CIMF_ILLEGAL_NULL);
    assert_string_equal(e.subject, "B");
    cim_put_u64(in, "B", 3);
    assert_int_equal(cim_path_of(&arena, in, &p, &e), CIMF_OK);
    assert_int_equal(p.key_count, 2);
    assert_int_equal(cim_path_of(&arena, cim_instance_new(&arena, plain), &p, &e), CIMF_NO_KEY);
}

/* --- normal forms ------------------------------------------------------------------------------ */

static uint32_t seed = 12345;
static unsigned draw(unsigned n)
{
    seed ^= seed << 13, seed ^= seed >> 17, seed ^= seed << 5;
    return seed % n;
}

static struct slice draw_string(unsigned depth);

static struct cim_path draw_path(unsigned depth)
{
    static const char *const spaces[] = { "", "root", "root/cimv2", "Root/a_b/c" };
    static const char *const servers[] = { "", ".", "srv" };
    static const char *const names[] = { "a", "B", "Key_1", "\xC3\x84" };
    struct cim_path p = { .kind = CIM_PATH_INSTANCE, .server = SLICE(""), .class_name = SLICE("Cls") };
    p.ns = slice_str(spaces[draw(4)]);
    if (p.ns.n) p.server = slice_str(servers[draw(3)]);
    p.key_count = draw(4) + 1;
    p.keys = ARENA_ARRAY(&arena, 4, struct cim_key);
    for (unsigned i = 0; i < p.key_count; i++) {
        p.keys[i].name = slice_str(names[i]);
        struct cim_value *v = &p.keys[i].value;
        switch (draw(4)) {
        case 0: *v = (struct cim_value){ .type = CIM_SINT64, .v.i = (int64_t)draw(99999) - 50000 }; break;
        case 1: *v = (struct cim_value){ .type = CIM_BOOLEAN, .v.u = draw(2) }; break;
        default: *v = (struct cim_value){ .type = CIM_STRING, .v.s = draw_string(depth) }; break;
        }
    }
    return p;
}

static struct slice written(const struct cim_path *p)
{
    struct buf b;
    buf_init(&b, 0);
    assert_true(cim_path_write(&b, p, false));
    struct slice s = arena_dup(&arena, buf_slice(&b));
    buf_free(&b);
    return s;
}

static struct slice draw_string(unsigned depth)
{
    if (depth && draw(2)) {
        struct cim_path inner = draw_path(depth - 1);
        return written(&inner);
    }
    static const char alphabet[] = "aB\\\"'=.,:/@ 0\xC3\xA4";
    char text[12];
    size_t n = 0, want = draw(10);
    while (n < want) {
        unsigned at = draw(sizeof alphabet - 3);
        if (alphabet[at] == '0' && draw(2)) { /* now and then a two-byte character */
            text[n++] = '\xC3';
            text[n++] = '\xA4';
        } else {
            text[n++] = alphabet[at];
        }
    }
    return arena_dup(&arena, slice_of(text, n));
}

/* P23: written, parsed and written again is the same text, and so is its normal form, however deep
 * references lie in references. */
static void test_fixed_point(void **state)
{
    for (int i = 0; i < 2000; i++) {
        struct arena_mark mark = arena_mark(&arena);
        struct cim_path p = draw_path(3), q;
        struct slice text = written(&p), key, again;
        struct error e = ERROR_INIT;
        cimf_status st = cim_path_parse(&arena, text, &q, &e);
        if (st == CIMF_QUOTA_VIOLATION) continue;
        if (st != CIMF_OK) fail_msg(SLICE_FMT ": %s", SLICE_ARG(text), e.text);
        assert_true(slice_eq(written(&q), text));
        assert_int_equal(q.key_count, p.key_count);
        for (unsigned k = 0; k < p.key_count; k++) {
            assert_int_equal(q.keys[k].value.type, p.keys[k].value.type);
            assert_true(cim_data_equal(p.keys[k].value.type, &q.keys[k].value.v, &p.keys[k].value.v));
        }
        assert_int_equal(cim_reference_key(&arena, text, SLICE("root/x"), &key), CIMF_OK);
        if (cim_reference_key(&arena, key, SLICE("root/x"), &again) == CIMF_OK) {
            assert_true(slice_eq(key, again));
        }
        arena_rewind(&arena, mark);
    }
}

static void test_namespaces(void **state)
{
    static const struct { const char *in, *out; } rows[] = {
        { "\\\\.\\root\\cimv2", "root/cimv2" }, { "root/cimv2", "root/cimv2" }, { "//srv/root", "root" },
        { "\\root\\cimv2\\", "root/cimv2" }, { "", "" }, { "\\\\srv", "" }, { "root/v-2.0", "root/v-2.0" },
        { "root//x", NULL }, { "root/a b", NULL }, { "root:x", NULL }, { "a/\xFF", NULL }, { "//", NULL },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct slice out;
        cimf_status st = cim_namespace_normal(&arena, slice_str(rows[i].in), &out);
        if ((st == CIMF_OK) != (rows[i].out != NULL)) fail_msg("%s: %s", rows[i].in, cimf_status_name(st));
        if (st == CIMF_OK) assert_true(slice_is(out, rows[i].out));
    }
}

static void test_limits(void **state)
{
    struct buf b;
    struct cim_path p;
    struct error e = ERROR_INIT;
    buf_init(&b, 0);
    buf_str(&b, "A.k=\"");
    while (b.n < 8191) buf_byte(&b, 'x');
    buf_byte(&b, '"');
    assert_int_equal(cim_path_parse(&arena, buf_slice(&b), &p, &e), CIMF_OK);
    buf_cut(&b, b.n - 1);
    buf_str(&b, "x\"");
    assert_int_equal(cim_path_parse(&arena, buf_slice(&b), &p, &e), CIMF_QUOTA_VIOLATION);
    buf_clear(&b);
    buf_str(&b, "A.");
    for (int i = 0; i < LIMIT_KEYS; i++) buf_printf(&b, "%sk%d=1", i ? "," : "", i);
    assert_int_equal(cim_path_parse(&arena, buf_slice(&b), &p, &e), CIMF_OK);
    assert_int_equal(p.key_count, LIMIT_KEYS);
    buf_str(&b, ",z=1");
    assert_int_equal(cim_path_parse(&arena, buf_slice(&b), &p, &e), CIMF_QUOTA_VIOLATION);
    buf_free(&b);
    assert_int_equal(cim_path_parse(&arena, SLICE("A.b=\"c\",d=x"), &p, &e), CIMF_INVALID_OBJECT_PATH);
    assert_int_equal(e.column, 11);
}

static void test_reference_key(void **state)
{
    struct slice a, b, ns = SLICE("root/cimv2");
    assert_int_equal(cim_reference_key(&arena, SLICE("\\\\X\\ROOT\\cimv2:C.K=\"a\""), ns, &a), CIMF_OK);
    assert_int_equal(cim_reference_key(&arena, SLICE("c=\"A\""), ns, &b), CIMF_OK);
    assert_true(slice_eq(a, b));
    assert_true(slice_is(a, "root/cimv2:c=\"a\""));
    static const struct { const char *in, *out; } rows[] = {
        { "A.y=2,X='1'", "root/cimv2:a.x=\"1\",y=\"2\"" }, { "A=@", "root/cimv2:a=@" },
        { "A", "root/cimv2:a" }, { "\\\\S\\Root\\B:A", "root/b:a" }, { "root/B", "root/b:" },
        { "A.f=TRUE", "root/cimv2:a=\"true\"" }, { "A.i=0x0A", "root/cimv2:a=\"10\"" },
        { "A.r=\"B.k='v'\"", "root/cimv2:a=\"root/cimv2:b=\\\"v\\\"\"" }, { "A.k=x", NULL },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cimf_status st = cim_reference_key(&arena, slice_str(rows[i].in), ns, &a);
        if ((st == CIMF_OK) != (rows[i].out != NULL)) fail_msg("%s", rows[i].in);
        if (st == CIMF_OK && !slice_is(a, rows[i].out)) fail_msg("%s: " SLICE_FMT, rows[i].in, SLICE_ARG(a));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_forms, setup, teardown),
        cmocka_unit_test_setup_teardown(test_same_instance, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bind_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_numbers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_path_of, setup, teardown),
        cmocka_unit_test_setup_teardown(test_fixed_point, setup, teardown),
        cmocka_unit_test_setup_teardown(test_namespaces, setup, teardown),
        cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reference_key, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
