/* mof/write_test.c - texts that compile to the same object again. */
#include "mof/test_unit.h"

/* covers: cim-core:F5 */
static void literals(void **state)
{
    static const struct {
        uint16_t type;
        union cim_data v;
        const char *text;
    } rows[] = {
        { CIM_UINT8, { .u = 255 }, "255" },
        { CIM_SINT64, { .i = INT64_MIN }, "-9223372036854775808" },
        { CIM_UINT64, { .u = UINT64_MAX }, "18446744073709551615" },
        { CIM_BOOLEAN, { .u = 1 }, "TRUE" },
        { CIM_REAL64, { .r = 1 }, "1.0" },
        { CIM_REAL64, { .r = -2.5 }, "-2.5" },
        { CIM_REAL64, { .r = 1e300 }, "1.0e+300" },
        { CIM_REAL64, { .r = 1.0 / 0.0 }, "\"INF\"" },
        { CIM_CHAR16, { .u = 'A' }, "'A'" },
        { CIM_CHAR16, { .u = '\'' }, "'\\x0027'" },
        { CIM_CHAR16, { .u = 0x4133 }, "'\\x4133'" },
        { CIM_STRING, { .s = { "a\"b\\\n\x01", 6 } }, "\"a\\\"b\\\\\\n\\x0001\"" },
        { CIM_STRING, { .s = { "\x01" "F", 2 } }, "\"\\x0001F\"" },
        { CIM_STRING, { .s = { "\xed\xa0\x80", 3 } }, "\"\\xD800\"" },
        { CIM_STRING, { .s = { "\xc3\xa9\xf0\x9f\x98\x80", 6 } }, "\"\xc3\xa9\xf0\x9f\x98\x80\"" },
        { CIM_STRING, { .s = { "", 0 } }, "\"\"" },
    };
    struct buf b;
    buf_init(&b, 0);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct cim_value v = { .type = rows[i].type, .v = rows[i].v };
        buf_clear(&b);
        assert_int_equal(mof_write_value(&b, &v), CIMF_OK);
        assert_slice(buf_slice(&b), rows[i].text);
    }
    struct cim_value null = { .null = true };
    buf_clear(&b);
    assert_int_equal(mof_write_value(&b, &null), CIMF_OK);
    assert_slice(buf_slice(&b), "NULL");
    buf_clear(&b);
    assert_int_equal(mof_write_namespace(&b, SLICE("root/cimv2")), CIMF_OK);
    assert_slice(buf_slice(&b), "#pragma namespace(\"\\\\\\\\.\\\\root\\\\cimv2\")\n");
    buf_free(&b);
}

static void layout(void **state)
{
    static const char text[] =
        "[Abstract : Restricted, Tag(\"x\") : ToInstance ToSubclass DisableOverride]\n"
        "class A_B : A_Base\n"
        "{\n"
        "    [Key : ToInstance ToSubclass]\n"
        "    uint32 Id = 16;\n"
        "    string List[4] = {\"x\", \"y\"};\n"
        "    A_Other ref Link;\n"
        "    object ref Any;\n"
        "    object Thing;\n"
        "    A_Part Parts[];\n"
        "    uint32 Do(\n"
        "        [In : Restricted, ID(0) : Restricted] string a = \"d\",\n"
        "        [Out : Restricted] A_Other ref b);\n"
        "    void Nothing();\n"
        "};\n";
    struct bench b;
    struct buf out, again;
    bench_open(&b);
    buf_init(&out, 0);
    buf_init(&again, 0);
    bench_ok(&b, bench_parse(&b, slice_str(text), NULL));
    assert_int_equal(mof_write_class_decl(&out, &b.u.productions[0].cls.decl, NULL), CIMF_OK);
    assert_slice(buf_slice(&out), text);
    struct mof_write_options o = { .no_flavors = true, .indent = 1 };
    assert_int_equal(mof_write_class_decl(&again, &b.u.productions[0].cls.decl, &o), CIMF_OK);
    assert_memory_equal(again.p, "    [Abstract, Tag(\"x\")]\n    class A_B", 36);
    buf_free(&out);
    buf_free(&again);
    bench_close(&b);
}

/* covers: cim-core:F6 */
static void without_amended(void **state)
{
    struct bench b;
    struct buf out;
    struct mof_write_options o = { .no_amended = true, .no_flavors = true };
    bench_open(&b);
    buf_init(&out, 0);
    bench_ok(&b, bench_parse(&b, SLICE("[A(1) : Amended, B] class X { [C : Amended] uint8 y; };"), NULL));
    assert_int_equal(mof_write_class_decl(&out, &b.u.productions[0].cls.decl, &o), CIMF_OK);
    assert_slice(buf_slice(&out), "[B]\nclass X\n{\n    uint8 y;\n};\n");
    buf_free(&out);
    bench_close(&b);
}

/* Texts whose classes and instances are written, compiled again and compared. */
static const char corpus[] =
    "Qualifier Max : uint32 = null, Scope(property, method), Flavor(DisableOverride, ToSubclass);\n"
    "Qualifier Words : string[] = {\"a\", \"b\\\"c\"}, Scope(any), Flavor(EnableOverride, Restricted, Translatable);\n"
    "Qualifier Amend : string, Scope(any), Flavor(EnableOverride, ToSubclass, ToInstance, Amended);\n"
    "Qualifier R : real64 = 1.5, Scope(class);\n"
    "[abstract] class Top { [key, Max(3)] string k; };\n"
    "[Words{\"1\", \"two words that are long enough to need a second line, at least when the list goes on\", \"x\"},\n"
    " Amend(\"a text that is far too long for one line, so that the writer breaks it behind a blank \\n"
    "or a line end, \\x0001\\xD800 and all that\"), Bare, Off(FALSE), None(NULL), Number(5), Big(5000000000),\n"
    " Real(0.1), Ints{1, -2}, R(1), Char('x'), Every : ToInstance ToSubclass DisableOverride Amended]\n"
    "class All : Top {\n"
    "  sint8 a = -128; uint8 b[] = {0, 255}; sint16 c = NULL; uint16 d[3]; sint32 e; uint32 f = 0xffffffff;\n"
    "  sint64 g = -9223372036854775808; uint64 h = 18446744073709551615; real32 i = 3.1478; real64 j = 0.1;\n"
    "  boolean l = false; datetime m = \"20200101******.******+***\"; datetime n; char16 o = '\\x0007';\n"
    "  char16 p[] = {'a', '\\x4133'}; string q = \"\"; string r[] = {}; object s; All t; object u[];\n"
    "  Top ref v = \"All.k=\\\"x\\\"\"; object ref w[]; [Max(9) : ToSubclass] string x; boolean y[] = {TRUE, FALSE};\n"
    "  real64 z = \"INF\"; real64 Group; string class; All ref;\n"
    "  [static, Max(1)] uint32 M([in] string a = \"d\", [in, out, Words{\"w\"}] sint8 b[2], [out] Top ref c);\n"
    "  Top ref N(); All O(); void P([out] All x); };\n"
    "class Sub : All { [Override(\"a\")] sint8 a = 5; };\n"
    "instance of Sub { k = \"1\"; };\n"
    "instance of Sub { k = \"2\"; a = NULL; b = {}; c = 7; d = {1}; g = 1; i = 1e30; j = -0.5; l = TRUE;\n"
    "  m = \"00000001000000.000000:000\"; o = 'q'; q = \"\\\"\\\\ \\x20AC \\xD83D\\xDE00 \\xDC00 \\r\\n\\t\"; class = \"kw\";\n"
    "  s = instance of Sub { k = \"in\"; t = instance of All { k = \"deep\"; r = {\"x\"}; }; };\n"
    "  u = { instance of All { k = \"1\"; }, class Odd : Top { uint8 v = 1; [Max(2)] uint32 f([in] uint8 x); }, instance of Sub {} };\n"
    "  t = instance of Sub { }; v = $three; w = {$three, \"x\"}; Group = 2.0; };\n"
    "[Note(\"an instance\")] instance of All as $three { k = \"a \\\"quoted\\\" key\"; [Max(4)] a = 3; [Prop{1, 2}] x; };\n";

static void write_all(struct mof_memory *m, struct buf *out)
{
    const struct cim_schema *s = mof_memory_schema(m, SLICE("root"));
    const struct cim_qualifier_decl *q;
    const struct cim_class *c;
    for (size_t i = 0; (q = cim_schema_qualifier_at(s, i)); i++)
        assert_int_equal(mof_write_qualifier_decl(out, q), CIMF_OK);
    for (size_t at = 0; (c = cim_schema_walk(s, NULL, &at));)
        assert_int_equal(mof_write_class(out, c, NULL), CIMF_OK);
    for (size_t i = 0; i < mof_memory_count(m); i++)
        assert_int_equal(mof_write_instance(out, mof_memory_instance(m, i), NULL), CIMF_OK);
}

static void same_qualifiers(struct cim_qualifiers a, struct cim_qualifiers b)
{
    assert_int_equal(a.n, b.n);
    for (uint32_t i = 0; i < a.n; i++) {
        assert_true(slice_eq(a.q[i].name, b.q[i].name));
        assert_int_equal(a.q[i].flavor, b.q[i].flavor);
        assert_int_equal(a.q[i].value.null, b.q[i].value.null);
        assert_int_equal(a.q[i].value.type, b.q[i].value.type);
        if (!a.q[i].value.null)
            assert_true(cim_data_equal(a.q[i].value.type, &a.q[i].value.v, &b.q[i].value.v));
    }
}

static void same_instances(const struct cim_instance *a, const struct cim_instance *b)
{
    assert_true(cim_instance_equal(a, b));
    assert_memory_equal(a->state, b->state, a->cls->property_count);
    same_qualifiers(a->qualifiers, b->qualifiers);
    for (uint32_t i = 0; i < a->cls->property_count; i++) {
        static const struct cim_qualifiers none;
        same_qualifiers(a->property_qualifiers ? a->property_qualifiers[i] : none,
                        b->property_qualifiers ? b->property_qualifiers[i] : none);
    }
}

/* covers: cim-core:F5 cim-core:F1 cim-core:F2 cim-core:P3 cim-core:P21 */
static void round_trip(void **state)
{
    struct bench b;
    struct buf first, second;
    struct mof_options o = { .ns = SLICE("root") };
    bench_open(&b);
    buf_init(&first, 0);
    buf_init(&second, 0);
    struct mof_memory *m = mof_memory_new(SLICE("root")), *n = mof_memory_new(SLICE("root"));
    bench_ok(&b, bench_compile(&b, m, corpus, &o));
    write_all(m, &first);
    bench_ok(&b, bench_compile(&b, n, buf_strz(&first), &o));
    write_all(n, &second);
    assert_string_equal(buf_strz(&first), buf_strz(&second));
    const struct cim_schema *s = mof_memory_schema(m, SLICE("root")), *t = mof_memory_schema(n, SLICE("root"));
    const struct cim_class *c;
    for (size_t at = 0; (c = cim_schema_walk(s, NULL, &at));) {
        const struct cim_class *d = cim_schema_class(t, c->name);
        assert_non_null(d);
        assert_true(cim_class_decl_equal(&c->decl, &d->decl));
        same_qualifiers(c->qualifiers, d->qualifiers);
    }
    assert_int_equal(mof_memory_count(m), 3);
    assert_int_equal(mof_memory_count(n), 3);
    for (size_t i = 0; i < 3; i++) same_instances(mof_memory_instance(m, i), mof_memory_instance(n, i));
    mof_memory_free(m);
    mof_memory_free(n);
    buf_free(&first);
    buf_free(&second);
    bench_close(&b);
}

/* The flattened form shows what is inherited and compiles on its own. */
static void full_form(void **state)
{
    struct bench b;
    struct buf out;
    struct mof_options o = { .ns = SLICE("root") };
    struct mof_write_options full = { .full = true };
    bench_open(&b);
    buf_init(&out, 0);
    struct mof_memory *m = mof_memory_new(SLICE("root"));
    bench_ok(&b, bench_compile(&b, m, "class A { [key] uint8 k; string d = \"x\"; uint8 f([in] uint8 p); };"
                                      "class B : A { uint8 n; }; instance of B { k = 1; };", &o));
    const struct cim_class *c = cim_schema_class(mof_memory_schema(m, SLICE("root")), SLICE("B"));
    assert_int_equal(mof_write_class(&out, c, &full), CIMF_OK);
    assert_non_null(strstr(buf_strz(&out), "uint8 k;"));
    assert_non_null(strstr(buf_strz(&out), "string d = \"x\";"));
    assert_non_null(strstr(buf_strz(&out), "uint8 f("));
    buf_clear(&out);
    assert_int_equal(mof_write_instance(&out, mof_memory_instance(m, 0), &full), CIMF_OK);
    assert_slice(buf_slice(&out), "instance of B\n{\n    k = 1;\n    d = \"x\";\n    n = NULL;\n};\n");
    mof_memory_free(m);
    buf_free(&out);
    bench_close(&b);
}

/* A buffer that is too small, at every size, is an error and no crash. */
static void small_buffers(void **state)
{
    struct bench b;
    struct mof_options o = { .ns = SLICE("root") };
    bench_open(&b);
    struct mof_memory *m = mof_memory_new(SLICE("root"));
    bench_ok(&b, bench_compile(&b, m, corpus, &o));
    const struct cim_class *c = cim_schema_class(mof_memory_schema(m, SLICE("root")), SLICE("All"));
    bool done = false;
    for (size_t cap = 16; !done; cap += 61) {
        struct buf out;
        buf_init(&out, cap);
        cimf_status st = mof_write_class(&out, c, NULL);
        if (!st) st = mof_write_instance(&out, mof_memory_instance(m, 1), NULL);
        done = st == CIMF_OK;
        if (!done) assert_int_equal(st, CIMF_OUT_OF_MEMORY);
        buf_free(&out);
    }
    mof_memory_free(m);
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(literals), cmocka_unit_test(layout), cmocka_unit_test(without_amended),
        cmocka_unit_test(round_trip), cmocka_unit_test(full_form), cmocka_unit_test(small_buffers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
