/* mof/parse_test.c - grammar, literals, encodings, directives, diagnostics. */
#include <stdlib.h>

#include "mof/test_unit.h"

/* The value of `p` in `instance of C { p = TEXT; };`. */
static const struct mof_value *value_of(struct bench *b, const char *text)
{
    bench_open(b);
    struct slice whole = arena_printf(&b->a, "instance of C { p = %s; };", text);
    bench_ok(b, bench_parse(b, whole, NULL));
    assert_int_equal(b->u.count, 1);
    return &b->u.productions[0].instance.items[0].value;
}

/* covers: cim-core:F1 */
static void integers(void **state)
{
    static const struct {
        const char *text;
        uint16_t type;
        int64_t value;
    } rows[] = {
        { "0", CIM_SINT64, 0 }, { "42", CIM_SINT64, 42 }, { "+42", CIM_SINT64, 42 },
        { "-128", CIM_SINT64, -128 }, { "03", CIM_SINT64, 3 }, { "0101", CIM_SINT64, 65 },
        { "08", CIM_SINT64, 8 }, { "0xFe", CIM_SINT64, 254 }, { "0X41", CIM_SINT64, 65 },
        { "-0x80", CIM_SINT64, -128 }, { "11b", CIM_SINT64, 3 }, { "1000001B", CIM_SINT64, 65 },
        { "-101b", CIM_SINT64, -5 }, { "0b", CIM_SINT64, 0 }, { "0x1b", CIM_SINT64, 27 },
        { "9223372036854775807", CIM_SINT64, INT64_MAX },
        { "-9223372036854775808", CIM_SINT64, INT64_MIN },
        { "18446744073709551615", CIM_UINT64, -1 }, { "0xffffffffffffffff", CIM_UINT64, -1 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct bench b;
        const struct mof_value *v = value_of(&b, rows[i].text);
        assert_int_equal(v->kind, MOF_LITERAL);
        assert_int_equal(v->literal.type, rows[i].type);
        assert_int_equal(v->literal.v.i, rows[i].value);
        bench_close(&b);
    }
}

static void reals_and_words(void **state)
{
    static const struct {
        const char *text;
        double value;
    } rows[] = { { "3.14", 3.14 }, { "-3.14", -3.14 }, { "-1.2778E+02", -127.78 }, { "2.3e-2", 0.023 },
                 { ".5", 0.5 }, { "5.", 5 }, { "1e3", 1000 } };
    struct bench b;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct mof_value *v = value_of(&b, rows[i].text);
        assert_int_equal(v->literal.type, CIM_REAL64);
        assert_true(v->literal.v.r == rows[i].value);
        bench_close(&b);
    }
    assert_true(value_of(&b, "nUlL")->literal.null);
    bench_close(&b);
    assert_int_equal(value_of(&b, "TRUE")->literal.v.u, 1);
    bench_close(&b);
    assert_int_equal(value_of(&b, "False")->literal.type, CIM_BOOLEAN);
    bench_close(&b);
    assert_int_equal(value_of(&b, "'\\x4133'")->literal.v.u, 0x4133);
    bench_close(&b);
    assert_int_equal(value_of(&b, "'A'")->literal.v.u, 'A');
    bench_close(&b);
    assert_int_equal(value_of(&b, "'\\''")->literal.v.u, '\'');
    bench_close(&b);
    assert_int_equal(value_of(&b, "'\xe2\x82\xac'")->literal.v.u, 0x20ac);
    bench_close(&b);
}

/* covers: cim-core:F1 cim-core:P3 */
static void strings(void **state)
{
    static const struct {
        const char *text, *value;
    } rows[] = {
        { "\"\"", "" },
        { "\"plain\"", "plain" },
        { "\"a\" \"b\"\n\t\"c\"", "abc" },
        { "\"a\" // one\n /* two\n */ \"b\"", "ab" },
        { "\"\" \"x\"", "x" },
        { "\"\\b\\t\\n\\f\\r\\\"\\'\\\\\"", "\b\t\n\f\r\"'\\" },
        { "\"\\x41\\X0042\"", "AB" },
        { "\"\\x41g\"", "Ag" },
        { "\"\\x20AC\"", "\xe2\x82\xac" },
        { "\"\\xD83D\\xDE00\"", "\xf0\x9f\x98\x80" },
        { "\"\\xD83D\" \"\\xDE00\"", "\xf0\x9f\x98\x80" },
        { "\"\\xDE00\"", "\xed\xb8\x80" },
        { "\"// no /* comment */\"", "// no /* comment */" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct bench b;
        const struct mof_value *v = value_of(&b, rows[i].text);
        assert_int_equal(v->literal.type, CIM_STRING);
        assert_slice(v->literal.v.s, rows[i].value);
        bench_close(&b);
    }
    struct bench b;
    const struct mof_value *v = value_of(&b, "\"a\\x0\\x0000b\"");
    assert_int_equal(v->literal.v.s.n, 4);
    assert_memory_equal(v->literal.v.s.p, "a\0\0b", 4);
    bench_close(&b);
}

/* covers: cim-core:F7 */
static void encodings(void **state)
{
    static const char utf8[] = "\xef\xbb\xbfinstance of C { p = \"\xc3\xa9\"; };";
    static const char plain[] = "instance of C { p = \"\xc3\xa9\"; };";
    static const char ansi[] = "instance of C { p = \"\xe9\x80\"; };\x1a";
    static const char ascii[] = "instance of C { p = \"\xc3\xa9\"; };";
    struct bench b;
    bench_open(&b);
    bench_ok(&b, bench_parse(&b, slice_of(utf8, sizeof utf8 - 1), NULL));
    assert_slice(b.u.productions[0].instance.items[0].value.literal.v.s, "\xc3\xa9");
    bench_ok(&b, bench_parse(&b, slice_of(plain, sizeof plain - 1), NULL));
    assert_slice(b.u.productions[0].instance.items[0].value.literal.v.s, "\xc3\xa9");
    bench_ok(&b, bench_parse(&b, slice_of(ansi, sizeof ansi - 1), NULL));
    assert_slice(b.u.productions[0].instance.items[0].value.literal.v.s, "\xc3\xa9\xe2\x82\xac");
    for (int big = 0; big < 2; big++) {
        unsigned char wide[256];
        size_t n = 0;
        wide[n++] = big ? 0xfe : 0xff;
        wide[n++] = big ? 0xff : 0xfe;
        for (size_t i = 0; i + 1 < sizeof ascii; i++) {
            unsigned c = (unsigned char)ascii[i];
            if (c == 0xc3) c = 0xe9, i++;
            wide[n++] = (unsigned char)(big ? c >> 8 : c & 0xff);
            wide[n++] = (unsigned char)(big ? c & 0xff : c >> 8);
        }
        bench_ok(&b, bench_parse(&b, slice_of((char *)wide, n), NULL));
        assert_slice(b.u.productions[0].instance.items[0].value.literal.v.s, "\xc3\xa9");
        assert_int_equal(bench_parse(&b, slice_of((char *)wide, n - 1), NULL), CIMF_INVALID_SYNTAX);
        assert_int_equal(b.e.native, MOF_NATIVE(MOF_E_INVALID_FILE));
    }
    assert_int_equal(bench_parse(&b, SLICE("\xef\xbb\xbf\xe9"), NULL), CIMF_INVALID_SYNTAX);
    assert_string_equal(b.e.subject, "test.mof");
    assert_int_equal(b.e.line, 1);
    bench_close(&b);
}

/* covers: cim-core:F1 cim-core:F2 */
static void classes(void **state)
{
    static const char text[] =
        "[Abstract, Description(\"a\" \"b\")] CLASS A_B as $Alias : A_Base {\n"
        "  [Key] uint32 Id = 0x10;\n"
        "  string List[4] = {\"x\", \"y\"};\n"
        "  A_Other ref Link;\n"
        "  object ref Any; object Thing; A_Part Parts[]; A_Part ref;\n"
        "  datetime When = \"20200101000000.000000+000\";\n"
        "  char16 C = 'x';\n"
        "  [Static] uint32 Do([In, ID(0)] string a = \"d\", [Out] A_Other REF b, sint8 c[]);\n"
        "  void Nothing();\n"
        "};";
    struct bench b;
    bench_open(&b);
    bench_ok(&b, bench_parse(&b, slice_str(text), NULL));
    const struct mof_production *made = &b.u.productions[0];
    const struct cim_class_decl *d = &made->cls.decl;
    assert_int_equal(made->kind, MOF_PUT_CLASS);
    assert_slice(made->alias, "Alias");
    assert_slice(d->name, "A_B");
    assert_slice(d->super, "A_Base");
    assert_slice(cim_qualifier_text(d->qualifiers, "description"), "ab");
    assert_int_equal(d->property_count, 9);
    assert_int_equal(d->properties[0].type, CIM_UINT32);
    assert_int_equal(d->properties[0].value.v.u, 16);
    assert_int_equal(d->properties[0].value.type, CIM_UINT32);
    assert_int_equal(d->properties[1].type, CIM_STRING | CIM_ARRAY);
    assert_int_equal(d->properties[1].max, 4);
    assert_int_equal(d->properties[1].value.v.a.n, 2);
    assert_int_equal(d->properties[2].type, CIM_REFERENCE);
    assert_slice(d->properties[2].class_name, "A_Other");
    assert_int_equal(d->properties[3].type, CIM_REFERENCE);
    assert_slice(d->properties[3].class_name, "");
    assert_int_equal(d->properties[4].type, CIM_OBJECT);
    assert_int_equal(d->properties[5].type, CIM_OBJECT | CIM_ARRAY);
    assert_slice(d->properties[5].class_name, "A_Part");
    assert_slice(d->properties[6].name, "ref");
    assert_int_equal(d->properties[6].type, CIM_OBJECT);
    assert_int_equal(d->method_count, 2);
    assert_int_equal(d->methods[0].return_type, CIM_UINT32);
    assert_int_equal(d->methods[0].param_count, 3);
    assert_int_equal(d->methods[0].params[1].type, CIM_REFERENCE);
    assert_int_equal(d->methods[0].params[2].type, CIM_SINT8 | CIM_ARRAY);
    assert_int_equal(d->methods[1].return_type, CIM_NONE);
    bench_close(&b);
}

/* covers: cim-core:F2 cim-core:M7 */
static void flavors(void **state)
{
    static const char text[] =
        "Qualifier Desc : ToSubClass Amended;\n"
        "Qualifier Long : uint32 = 7, Scope(class, property), Flavor(DisableOverride, Translatable);\n"
        "qualifier Plain : string[],\n scope(any);\n"
        "Qualifier Local : boolean = false, Scope(any), Flavor(Restricted);\n"
        "[Desc(\"x\"), Long(3), Plain{\"a\"}, Local, Other, Other2 : ToInstance DisableOverride,\n"
        " Desc2(\"y\") : Amended, Long2(0x409), Key, dynamic, Big(4294967296), Desc3{1, 2}]\n"
        "class A {};\n"
        "[Desc(\"x\") : Restricted, Long : DisableOverride, Plain(\"one\") : NotToSubclass, Null(NULL)] class B {};\n"
        "[P, Q : Restricted] : ToInstance ToSubclass class C {};\n";
    static const uint8_t a[] = { 0x82, 0x12, 0x02, 0, 0, 0x11, 0x80, 0, 0x03, 0x01, 0, 0 };
    struct bench b;
    bench_open(&b);
    bench_ok(&b, bench_parse(&b, slice_str(text), NULL));
    assert_int_equal(b.u.count, 6);
    assert_int_equal(b.u.productions[0].kind, MOF_PUT_QUALIFIER);
    assert_int_equal(b.u.productions[0].qualifier.flavor, 0x12 | CIM_FLAVOR_TRANSLATABLE);
    assert_int_equal(b.u.productions[0].qualifier.scope, CIM_SCOPE_CLASS | CIM_SCOPE_PROPERTY);
    assert_int_equal(b.u.productions[0].qualifier.value.v.u, 7);
    struct cim_qualifiers q = b.u.productions[3].cls.decl.qualifiers;
    assert_int_equal(q.n, sizeof a);
    for (uint32_t i = 0; i < q.n; i++) assert_int_equal(q.q[i].flavor, a[i]);
    assert_int_equal(q.q[1].value.type, CIM_UINT32);
    assert_int_equal(q.q[2].value.type, CIM_STRING | CIM_ARRAY);
    assert_int_equal(q.q[4].value.type, CIM_BOOLEAN);
    assert_int_equal(q.q[4].value.v.u, 1);
    assert_int_equal(q.q[7].value.type, CIM_SINT32);
    assert_int_equal(q.q[10].value.type, CIM_SINT64);
    assert_int_equal(q.q[11].value.type, CIM_SINT32 | CIM_ARRAY);
    q = b.u.productions[4].cls.decl.qualifiers;
    assert_int_equal(q.q[0].flavor, 0);
    assert_int_equal(q.q[1].flavor, 0x12);
    assert_true(q.q[1].value.null);
    assert_int_equal(q.q[2].flavor, 0);
    assert_int_equal(q.q[2].value.v.a.n, 1);
    q = b.u.productions[5].cls.decl.qualifiers;
    assert_int_equal(q.q[0].flavor, 0x03);
    assert_int_equal(q.q[1].flavor, 0);
    bench_close(&b);
}

struct warnings {
    unsigned count, line, column;
    char text[200];
};

static void warned(void *arg, struct slice file, unsigned line, unsigned column, const char *text)
{
    struct warnings *w = arg;
    w->count++;
    w->line = line;
    w->column = column;
    strncpy(w->text, text, sizeof w->text - 1);
}

/* covers: cim-core:F3 */
static void directives(void **state)
{
    static const char text[] =
        "#pragma autorecover\n"
        "#PRAGMA CLASSFLAGS(\"createonly\", \"safeupdate\")\n"
        "#pragma namespace(\"\\\\\\\\.\\\\root\\\\x\")\n"
        "class A {};\n"
        "#pragma classflags(64)\n"
        "#pragma namespace (\"//./root/y\")\n"
        "#pragma instanceflags(\"updateonly\")\n"
        "class B {};\n"
        "instance of B {};\n"
        "#pragma deleteclass(\"C\", NOFAIL)\n"
        "#pragma deleteinstance(\"D.k='x'\", \"fail\")\n"
        "#pragma locale(\"en_US\") #pragma source(\"x\")\n"
        "  #pragma unheard(\"of\", (1))\n"
        "#pragma unheard of it's\n"
        "#line 12 \"other.mof\"\n"
        "#pragma classflags(\"forceupdate,updateonly\") class E {};\n"
        "#pragma amendment(\"MS_409\")\n";
    struct warnings w = { 0 };
    struct mof_options o = { .warn = warned, .arg = &w, .ns = SLICE("root/start") };
    struct bench b;
    bench_open(&b);
    bench_ok(&b, bench_parse(&b, slice_str(text), &o));
    const struct mof_production *p = b.u.productions;
    assert_int_equal(b.u.count, 6);
    assert_true(b.u.autorecover);
    assert_slice(b.u.amendment, "ms_409");
    assert_slice(b.u.locale, "en_US");
    assert_slice(p[0].ns, "root/x");
    assert_int_equal(p[0].flags, CIM_CREATE_ONLY | CIM_UPDATE_SAFE);
    assert_slice(p[1].ns, "root/y");
    assert_int_equal(p[1].flags, CIM_UPDATE_FORCE);
    assert_int_equal(p[2].flags, CIM_UPDATE_ONLY);
    assert_int_equal(p[3].kind, MOF_DELETE_CLASS);
    assert_slice(p[3].remove.target, "C");
    assert_false(p[3].remove.must_exist);
    assert_int_equal(p[4].kind, MOF_DELETE_INSTANCE);
    assert_true(p[4].remove.must_exist);
    assert_int_equal(p[5].flags, CIM_UPDATE_FORCE | CIM_UPDATE_ONLY);
    assert_int_equal(w.count, 2);
    assert_int_equal(w.line, 14);
    assert_int_equal(w.column, 9);
    bench_close(&b);
}

/* Files of a table; "loop.mof" includes itself. */
static cimf_status include(void *arg, struct arena *a, struct slice from, struct slice path,
                           struct mof_source *out, struct error *e)
{
    static const char *const files[][2] = {
        { "a.mof", "class A {};\n#include (\"b.mof\") class A2 {};" },
        { "b.mof", "#pragma namespace(\"root/b\")\nclass B {};" },
        { "empty.mof", "" },
        { "loop.mof", "#pragma include(\"loop2.mof\")" },
        { "loop2.mof", "#pragma include(\"loop.mof\")" },
        { "bad.mof", "class X {\n  uint32 }" },
    };
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        if (!slice_is(path, files[i][0])) continue;
        *out = (struct mof_source){ slice_str(files[i][0]), slice_str(files[i][1]) };
        return CIMF_OK;
    }
    if (slice_starts(path, SLICE("deep"))) {
        unsigned n = (unsigned)atoi(path.p + 4);
        out->name = arena_dup(a, path);
        out->text = arena_printf(a, "#pragma include(\"deep%u\")", n + 1);
        return CIMF_OK;
    }
    return error_set(e, CIMF_NOT_FOUND, "test", "no such file");
}

/* covers: cim-core:F3 cim-core:P18 */
static void includes(void **state)
{
    struct mof_options o = { .include = include };
    struct bench b;
    bench_open(&b);
    bench_ok(&b, bench_parse(&b, SLICE("#pragma include(\"empty.mof\")\n#pragma include(\"a.mof\")\n"
                                       "class Z {};"), &o));
    assert_int_equal(b.u.count, 4);
    assert_slice(b.u.productions[1].cls.decl.name, "B");
    assert_slice(b.u.productions[2].cls.decl.name, "A2");
    assert_slice(b.u.productions[2].ns, "root/b");
    assert_slice(b.u.productions[3].cls.decl.name, "Z");
    assert_int_equal(bench_parse(&b, SLICE("\n #pragma include(\"loop.mof\")"), &o),
                     CIMF_INVALID_SYNTAX);
    assert_string_equal(b.e.subject, "loop2.mof");
    assert_int_equal(b.e.native, MOF_NATIVE(MOF_E_INVALID_INCLUDE_FILE));
    assert_int_equal(bench_parse(&b, SLICE("#pragma include(\"deep0\")"), &o), CIMF_QUOTA_VIOLATION);
    assert_int_equal(bench_parse(&b, SLICE("#pragma include(\"none\")"), &o), CIMF_NOT_FOUND);
    assert_int_equal(bench_parse(&b, SLICE("class A {};\n#pragma include(\"bad.mof\")"), &o),
                     CIMF_INVALID_SYNTAX);
    assert_string_equal(b.e.subject, "bad.mof");
    assert_int_equal(b.e.line, 2);
    assert_int_equal(b.e.column, 10);
    assert_int_equal(bench_parse(&b, SLICE("#pragma include(\"a.mof\")"), NULL), CIMF_NOT_SUPPORTED);
    o.max_bytes = 40;
    assert_int_equal(bench_parse(&b, SLICE("#pragma include(\"a.mof\")"), &o), CIMF_QUOTA_VIOLATION);
    bench_close(&b);
}

/* covers: cim-core:F2 */
static void aliases(void **state)
{
    static const char text[] = "instance of A as $one { r = $two; };\n"
                               "instance of A as $two { r = $Three; };\n"
                               "instance of B { l = {$ONE, instance of A { r = $two; }}; };\n"
                               "class Three as $three {};";
    static const uint32_t order[] = { 3, 1, 0, 2 };
    struct mof_options strict = { .strict = true };
    struct bench b;
    bench_open(&b);
    bench_ok(&b, bench_parse(&b, slice_str(text), NULL));
    for (uint32_t i = 0; i < 4; i++) assert_int_equal(b.u.order[i], order[i]);
    assert_int_equal(bench_parse(&b, slice_str(text), &strict), CIMF_INVALID_SYNTAX);
    assert_int_equal(b.e.native, MOF_NATIVE(MOF_E_UNEXPECTED_ALIAS));
    assert_int_equal(b.e.line, 1);
    bench_ok(&b, bench_parse(&b, SLICE("instance of A as $a {}; instance of B { r = $a; };"), &strict));
    bench_close(&b);
}

static void order_is_kept(void **state)
{
    struct bench b;
    bench_open(&b);
    bench_ok(&b, bench_parse(&b, SLICE("instance of A { r = $z; }; instance of B { r = $z; };"
                                       "class C {}; instance of Z as $z {}; class D {};"), NULL));
    static const uint32_t order[] = { 2, 3, 0, 1, 4 };
    for (uint32_t i = 0; i < 5; i++) assert_int_equal(b.u.order[i], order[i]);
    bench_close(&b);
}

/* Each ends at this place with this code. covers: cim-core:F1 cim-core:F3 cim-core:P18 cim-core:P21 */
static void diagnostics(void **state)
{
    static const struct {
        const char *text;
        unsigned line, column;
        int code;
        const char *says;
    } rows[] = {
        { "clas A {};", 1, 1, MOF_E_UNRECOGNIZED_TOKEN, "found 'clas'" },
        { "class {};", 1, 7, MOF_E_EXPECTED_CLASS_NAME, "the name of the class" },
        { "class A\n;", 2, 1, MOF_E_EXPECTED_OPEN_BRACE, "expected '{'" },
        { "class A { uint32 x; }", 1, 22, MOF_E_EXPECTED_SEMI, "the end of the file" },
        { "class A { uint32 x }", 1, 20, MOF_E_EXPECTED_SEMI, "found '}'" },
        { "class A { 7 x; };", 1, 11, MOF_E_EXPECTED_TYPE_IDENTIFIER, "a type" },
        { "class A { uint32; };", 1, 17, MOF_E_EXPECTED_PROPERTY_NAME, "a name" },
        { "class A { uint32[] F(); };", 1, 17, MOF_E_NO_ARRAYS_RETURNED, "brackets" },
        { "class A { uint8 x = 256; };", 1, 21, MOF_E_TYPE_MISMATCH, "uint8" },
        { "class A { uint8 x = \"y\"; };", 1, 21, MOF_E_TYPE_MISMATCH, "uint8" },
        { "class A { uint8 x = {1, 2}; };", 1, 21, MOF_E_UNEXPECTED_ARRAY_INIT, "list" },
        { "class A { uint8 x[] = {1, NULL}; };", 1, 27, MOF_E_NULL_ARRAY_ELEM, "NULL" },
        { "class A { uint8 x; string X; };", 1, 27, MOF_E_DUPLICATE_PROPERTY, "twice" },
        { "class A { uint8 x[0]; };", 1, 19, MOF_E_ILLEGAL_CONSTANT_VALUE, "array size" },
        { "class A { void x; };", 1, 17, MOF_E_EXPECTED_OPEN_PAREN, "void" },
        { "class A { uint8 x(string a,); };", 1, 28, MOF_E_EXPECTED_TYPE_IDENTIFIER, "parameter" },
        { "class A { uint8 x(string a string b); };", 1, 28, MOF_E_EXPECTED_CLOSE_PAREN, "')'" },
        { "[A, a] class A {};", 1, 5, MOF_E_DUPLICATE_QUALIFIER, "twice" },
        { "[A(1] class A {};", 1, 5, MOF_E_EXPECTED_CLOSE_PAREN, "')'" },
        { "[A(1) class A {};", 1, 7, MOF_E_EXPECTED_CLOSE_BRACKET, "']'" },
        { "[] class A {};", 1, 2, MOF_E_EXPECTED_QUALIFIER_NAME, "qualifier" },
        { "[A : Sideways] class A {};", 1, 6, MOF_E_EXPECTED_FLAVOR_TYPE, "flavor" },
        { "[A : ToInstance Restricted] class A {};", 1, 17, MOF_E_INCOMPATIBLE_FLAVOR_TYPES, "contradicts" },
        { "[A{1, \"x\"}] class A {};", 1, 3, MOF_E_TYPE_MISMATCH, "different types" },
        { "[CIMTYPE(\"x\")] class A {};", 1, 2, MOF_E_CIMTYPE_QUALIFIER, "CIMTYPE" },
        { "[A($x)] class A {};", 1, 4, MOF_E_UNEXPECTED_ALIAS, "literal" },
        { "Qualifier X : ;", 1, 15, MOF_E_EXPECTED_TYPE_IDENTIFIER, "a type or a flavor" },
        { "Qualifier X : string, Scope(nowhere);", 1, 29, MOF_E_INVALID_QUALIFIER_SYNTAX, "scope" },
        { "instance A {};", 1, 10, MOF_E_INVALID_INSTANCE_DECLARATION, "'of'" },
        { "instance of A { x = 1 };", 1, 23, MOF_E_EXPECTED_SEMI, "';'" },
        { "instance of A { x = ; };", 1, 21, MOF_E_ILLEGAL_CONSTANT_VALUE, "a value" },
        { "instance of A { x = what; };", 1, 21, MOF_E_ILLEGAL_CONSTANT_VALUE, "'what'" },
        { "instance of A { x = {1 2}; };", 1, 24, MOF_E_EXPECTED_CLOSE_BRACE, "'}'" },
        { "instance of A { x = {{1}}; };", 1, 22, MOF_E_UNEXPECTED_ARRAY_INIT, "one dimension" },
        { "instance of A { x; };", 1, 18, MOF_E_INVALID_INSTANCE_DECLARATION, "'='" },
        { "instance of A { x = 1; X = 2; };", 1, 24, MOF_E_DUPLICATE_PROPERTY, "twice" },
        { "instance of A as B {};", 1, 18, MOF_E_EXPECTED_DOLLAR, "$Name" },
        { "instance of A as $ {};", 1, 18, MOF_E_EXPECTED_ALIAS_NAME, "alias" },
        { "instance of A as $a {}; instance of A as $A {};", 1, 42, MOF_E_MULTIPLE_ALIASES, "twice" },
        { "instance of A { x = instance of B as $b {}; };", 1, 38, MOF_E_ALIASES_IN_EMBEDDED, "alias" },
        { "instance of A { x = $nowhere; };", 1, 21, MOF_E_UNEXPECTED_ALIAS, "$nowhere" },
        { "instance of A as $a { x = $a; };", 1, 27, MOF_E_UNEXPECTED_ALIAS, "itself" },
        { "instance of A as $a { x = $b; };\ninstance of A as $b { x = $a; };", 1, 27,
          MOF_E_UNEXPECTED_ALIAS, "itself" },
        { "instance of A { x = \"a\nb\"; };", 1, 23, MOF_E_ILLEGAL_CONSTANT_VALUE, "closing" },
        { "instance of A { x = \"a\\q\"; };", 1, 23, MOF_E_ILLEGAL_CONSTANT_VALUE, "backslash" },
        { "instance of A { x = \"a\\x\"; };", 1, 23, MOF_E_ILLEGAL_CONSTANT_VALUE, "backslash" },
        { "instance of A { x = 'ab'; };", 1, 21, MOF_E_ILLEGAL_CONSTANT_VALUE, "16-bit" },
        { "instance of A { x = '\xf0\x9f\x98\x80'; };", 1, 21, MOF_E_ILLEGAL_CONSTANT_VALUE, "16-bit" },
        { "instance of A { x = 12x; };", 1, 21, MOF_E_ILLEGAL_CONSTANT_VALUE, "number" },
        { "instance of A { x = 0x; };", 1, 21, MOF_E_ILLEGAL_CONSTANT_VALUE, "number" },
        { "instance of A { x = 18446744073709551616; };", 1, 21, MOF_E_OUT_OF_RANGE, "64 bits" },
        { "instance of A { x = -9223372036854775809; };", 1, 21, MOF_E_OUT_OF_RANGE, "64 bits" },
        { "\n\n  /* never closed", 3, 3, MOF_E_UNRECOGNIZED_TOKEN, "no end" },
        { "class A {}; @", 1, 13, MOF_E_UNRECOGNIZED_TOKEN, "no meaning" },
        { "class \xc3\xa9\xc3\xa9 { ? };", 1, 12, MOF_E_UNRECOGNIZED_TOKEN, "no meaning" },
        { "#pragma", 1, 8, MOF_E_INVALID_PRAGMA, "directive" },
        { "#define X", 1, 2, MOF_E_INVALID_PRAGMA, "pragma" },
        { "#pragma namespace(7)", 1, 19, MOF_E_INVALID_NAMESPACE_SYNTAX, "namespace" },
        { "#pragma classflags(\"sometimes\")", 1, 20, MOF_E_INVALID_FLAGS_SYNTAX, "createonly" },
        { "#pragma classflags(\"createonly\", \"updateonly\")", 1, 20, MOF_E_INVALID_FLAGS_SYNTAX, "exclude" },
        { "#pragma instanceflags(\"forceupdate\")", 1, 23, MOF_E_INVALID_FLAGS_SYNTAX, "createonly" },
        { "#pragma deleteclass(\"A\")", 1, 21, MOF_E_INVALID_DELETECLASS_SYNTAX, "nofail" },
        { "#pragma deleteinstance(\"A\", maybe)", 1, 24, MOF_E_INVALID_DELETEINSTANCE_SYNTAX, "nofail" },
        { "#pragma amendment(\"english\")", 1, 19, MOF_E_INVALID_AMENDMENT_SYNTAX, "MS_409" },
        { "#pragma amendment(\"MS_409\")\n#pragma amendment(\"MS_407\")", 2, 19,
          MOF_E_INVALID_DUPLICATE_AMENDMENT, "already" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct bench b;
        bench_open(&b);
        cimf_status st = bench_parse(&b, slice_str(rows[i].text), NULL);
        if (st == CIMF_OK || b.e.line != rows[i].line || b.e.column != rows[i].column ||
            b.e.native != MOF_NATIVE(rows[i].code) || !strstr(error_text(&b.e), rows[i].says)) {
            fail_msg("%s\n-> %s at %u:%u, %08x: %s", rows[i].text, cimf_status_name(st), b.e.line,
                     b.e.column, b.e.native, error_text(&b.e));
        }
        assert_string_equal(b.e.subject, "test.mof");
        bench_close(&b);
    }
}

/* covers: cim-core:P21 */
static void strict_dialect(void **state)
{
    static const char *const refused[] = {
        "class A { A_Part x; };", "class A { object x; };", "class class {};", "class A { uint8 ref; };",
        "[Undeclared] class A {};", "Qualifier D : ToSubclass;", "instance of A { x = 08; };",
        "instance of A { x = 1e3; };", "instance of A { x = instance of B {}; };",
        "Qualifier K : boolean = false, Scope(property); [K] class A {};",
        "Qualifier K : boolean = false;", "class A {};;",
    };
    struct mof_options o = { .strict = true };
    struct bench b;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        bench_open(&b);
        if (bench_parse(&b, slice_str(refused[i]), &o) == CIMF_OK) fail_msg("taken: %s", refused[i]);
        bench_close(&b);
    }
    bench_open(&b);
    bench_ok(&b, bench_parse(&b, SLICE("Qualifier K : boolean = false, Scope(property, reference);"
                                       "class A { [K] uint8 x = 07; [K] A ref y; };"), &o));
    bench_close(&b);
}

/* covers: cim-core:P18 */
static void bounds(void **state)
{
    struct buf text;
    struct bench b;
    buf_init(&text, 0);
    bench_open(&b);
    buf_str(&text, "instance of A { x = ");
    for (int i = 0; i < 100000; i++) buf_str(&text, "instance of A { x = ");
    assert_int_equal(bench_parse(&b, buf_slice(&text), NULL), CIMF_QUOTA_VIOLATION);
    buf_clear(&text);
    buf_str(&text, "class A {");
    for (int i = 0; i <= LIMIT_PROPERTIES + LIMIT_METHODS; i++) buf_printf(&text, "uint8 x%d;", i);
    assert_int_equal(bench_parse(&b, buf_slice(&text), NULL), CIMF_QUOTA_VIOLATION);
    buf_clear(&text);
    buf_str(&text, "[a0");
    for (int i = 1; i <= LIMIT_QUALIFIERS; i++) buf_printf(&text, ",a%d", i);
    assert_int_equal(bench_parse(&b, buf_slice(&text), NULL), CIMF_QUOTA_VIOLATION);
    buf_clear(&text);
    buf_str(&text, "class A { uint8 f(");
    for (int i = 0; i <= LIMIT_PARAMETERS; i++) buf_printf(&text, "%suint8 x%d", i ? "," : "", i);
    assert_int_equal(bench_parse(&b, buf_slice(&text), NULL), CIMF_QUOTA_VIOLATION);
    buf_clear(&text);
    buf_str(&text, "class ");
    for (int i = 0; i <= LIMIT_CLASS_NAME; i++) buf_byte(&text, 'x');
    assert_int_equal(bench_parse(&b, buf_slice(&text), NULL), CIMF_QUOTA_VIOLATION);
    buf_clear(&text);
    buf_str(&text, "instance of A { x = \"\" ");
    static char chunk[1 << 20];
    memset(chunk, 'x', sizeof chunk);
    for (unsigned i = 0; i <= LIMIT_MOF_STRING / sizeof chunk; i++) {
        buf_byte(&text, '"');
        buf_add(&text, chunk, sizeof chunk);
        buf_byte(&text, '"');
    }
    buf_str(&text, "; };");
    assert_int_equal(bench_parse(&b, buf_slice(&text), NULL), CIMF_QUOTA_VIOLATION);
    bench_close(&b);
    buf_free(&text);
}

/* Every prefix of a text ends in a unit or an error with a place, and within any cap of memory. */
static void truncation_and_memory(void **state)
{
    static const char text[] =
        "#pragma namespace(\"root/x\")\nQualifier Q : string = \"a\\x41\" \"b\", Scope(any);\n"
        "[Q(\"x\" \"y\") : ToSubclass] class A as $a : B { [Key] uint8 k = 1; uint8 f([In] string a[]); };\n"
        "[x] instance of A as $b { k = {1, 2.5, 'c', $a, instance of A { k = 2; }}; };";
    for (size_t n = 0; n < sizeof text - 1; n++) {
        struct bench b;
        bench_open(&b);
        char *exact = malloc(n + 1);
        memcpy(exact, text, n);
        cimf_status st = bench_parse(&b, slice_of(exact, n), NULL);
        if (st) assert_true(b.e.line > 0 && b.e.column > 0);
        free(exact);
        bench_close(&b);
    }
    bool done = false;
    for (size_t cap = 1024; !done; cap += 1024) {
        struct bench b;
        memset(&b, 0, sizeof b);
        arena_init(&b.a, cap);
        cimf_status st = bench_parse(&b, slice_str(text), NULL);
        done = st == CIMF_OK;
        if (!done) assert_int_equal(st, CIMF_OUT_OF_MEMORY);
        bench_close(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers), cmocka_unit_test(reals_and_words), cmocka_unit_test(strings),
        cmocka_unit_test(encodings), cmocka_unit_test(classes), cmocka_unit_test(flavors),
        cmocka_unit_test(directives), cmocka_unit_test(includes), cmocka_unit_test(aliases),
        cmocka_unit_test(order_is_kept), cmocka_unit_test(diagnostics),
        cmocka_unit_test(strict_dialect), cmocka_unit_test(bounds),
        cmocka_unit_test(truncation_and_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
