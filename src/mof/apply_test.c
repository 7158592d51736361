/* mof/apply_test.c - units compiled into memory: typing, aliases, namespaces, flags, amendments. */
#include <stdio.h>
#include <stdlib.h>

#include "mof/test_unit.h"

#define SYSTEM                                                                                     \
    "[abstract] class __SystemClass {};\n"                                                         \
    "class __Namespace : __SystemClass { [key : ToInstance ToSubclass] string Name; };\n"

struct world {
    struct bench b;
    struct mof_memory *m;
};

static int open_world(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    bench_open(&w->b);
    w->m = mof_memory_new(SLICE("root"));
    struct mof_options o = { .ns = SLICE("root") };
    bench_ok(&w->b, bench_compile(&w->b, w->m, SYSTEM, &o));
    *state = w;
    return 0;
}

static int close_world(void **state)
{
    struct world *w = *state;
    mof_memory_free(w->m);
    bench_close(&w->b);
    free(w);
    return 0;
}

static cimf_status compile(struct world *w, const char *text)
{
    struct mof_options o = { .ns = SLICE("root"), .qualifier = mof_memory_qualifier, .arg = w->m };
    return bench_compile(&w->b, w->m, text, &o);
}

static void good(struct world *w, const char *text) { bench_ok(&w->b, compile(w, text)); }

static const struct cim_instance *found(struct world *w, const char *ns, const char *path)
{
    const struct cim_instance *in = mof_memory_find(w->m, slice_str(ns), slice_str(path));
    if (!in) fail_msg("%s:%s is missing", ns, path);
    return in;
}

static union cim_data get(const struct cim_instance *in, const char *name)
{
    union cim_data v;
    int i = cim_class_property(in->cls, slice_str(name));
    assert_true(i >= 0);
    assert_true(cim_get(in, (unsigned)i, &v));
    return v;
}

static enum cim_state state_of(const struct cim_instance *in, const char *name)
{
    return (enum cim_state)in->state[cim_class_property(in->cls, slice_str(name))];
}

/* covers: cim-core:F1 cim-core:P4 */
static void typed_values(void **state)
{
    struct world *w = *state;
    good(w, "class N { [key] uint8 Duint8; SInt8 Dchar; sint32 Oct; sint32 Hex; sint32 Bin; real32 F;\n"
            " real64 D; uint16 Rounded; string S; boolean B; datetime T; char16 C; string L[]; sint16 One[];\n"
            " uint64 Big; string Null = \"x\"; string Default = \"d\"; object ref R; };\n"
            "instance of N { Duint8 = 122; dchar = -128; Oct = 03; Hex = 0xFe; Bin = 11b; F = 3.1478; D = 2.3e-2;\n"
            " Rounded = 1000.4; S = 23; B = TRUE; T = \"19940107140332.000000-300\"; C = '\\x4133';\n"
            " L = {\"a\", \"b\" \"c\"}; One = 7; Big = 18446744073709551615; Null = NULL; R = \"N.Duint8=1\"; };");
    const struct cim_instance *in = found(w, "root", "N.Duint8=122");
    assert_int_equal(get(in, "Dchar").i, -128);
    assert_int_equal(get(in, "Oct").i, 3);
    assert_int_equal(get(in, "Hex").i, 254);
    assert_int_equal(get(in, "Bin").i, 3);
    assert_true(get(in, "F").r == (double)3.1478f);
    assert_true(get(in, "D").r == 2.3e-2);
    assert_int_equal(get(in, "Rounded").u, 1000);
    assert_slice(get(in, "S").s, "23");
    assert_int_equal(get(in, "B").u, 1);
    assert_slice(get(in, "T").s, "19940107140332.000000-300");
    assert_int_equal(get(in, "C").u, 0x4133);
    assert_int_equal(get(in, "L").a.n, 2);
    assert_slice(cim_array_get(CIM_STRING, get(in, "L").a, 1).s, "bc");
    assert_int_equal(get(in, "One").a.n, 1);
    assert_int_equal(get(in, "Big").u, UINT64_MAX);
    assert_int_equal(state_of(in, "Null"), CIM_NULL);
    assert_int_equal(state_of(in, "Default"), CIM_DEFAULTED);
    assert_slice(get(in, "Default").s, "d");
    assert_slice(get(in, "R").s, "N.Duint8=1");
    assert_int_equal(w->b.counts.instances, 1);
}

/* covers: cim-core:F2 */
static void alias_paths(void **state)
{
    struct world *w = *state;
    good(w, "class Disk { [key] string Letter; };\n"
            "class Link { [key] string K; Disk ref D; Disk ref All[]; object ref Cls; };\n"
            "class K2 { [key] Link ref L; };\n"
            "instance of K2 { L = $link; };\n"
            "instance of Link as $link { K = \"h\\\"i\"; D = $disk; All = {$disk, \"Disk.Letter=\\\"d\\\"\"}; Cls = $c; };\n"
            "instance of __Namespace { Name = \"sub\"; };\n"
            "instance of Disk as $disk { Letter = \"c\"; };\n"
            "class Other as $c {};\n"
            "#pragma namespace(\"root/sub\")\n"
            "class There { [key] string K; object ref D; };\n"
            "instance of There { K = \"1\"; D = $disk; };\n");
    const struct cim_instance *link = found(w, "root", "Link.K=\"h\\\"i\"");
    assert_slice(get(link, "D").s, "Disk.Letter=\"c\"");
    assert_slice(cim_array_get(CIM_REFERENCE, get(link, "All").a, 0).s, "Disk.Letter=\"c\"");
    assert_slice(cim_array_get(CIM_REFERENCE, get(link, "All").a, 1).s, "Disk.Letter=\"d\"");
    assert_slice(get(link, "Cls").s, "Other");
    found(w, "root", "K2.L=\"Link.K=\\\"h\\\\\\\"i\\\"\"");
    assert_slice(get(found(w, "root/sub", "There.K=\"1\""), "D").s, "\\\\.\\root:Disk.Letter=\"c\"");
}

/* covers: cim-core:F2 cim-core:M2 */
static void embedded_objects(void **state)
{
    struct world *w = *state;
    good(w, "class Emb { [key] string aKey; sint32 n = 5; };\n"
            "class EmbSub : Emb {};\n"
            "class Box { [key] string aKey; object Any; Emb One; Emb Many[]; object Cls;\n"
            "  [EmbeddedInstance(\"Emb\")] string Text; Emb Deflt = instance of Emb { aKey = \"dd\"; }; };\n"
            "instance of Box { aKey = \"b\"; Any = instance of Emb { aKey = \"x\"; };\n"
            "  One = $later; Many = { instance of EmbSub { aKey = \"1\"; n = NULL; }, $later };\n"
            "  Cls = class Fresh : Emb { [key] string aKey = \"f\"; uint8 More = 3; };\n"
            "  Text = instance of Emb { aKey = \"t\"; }; };\n"
            "instance of Emb as $later { aKey = \"later\"; };\n");
    const struct cim_instance *box = found(w, "root", "Box.aKey=\"b\"");
    const struct cim_instance *any = cim_as_instance(get(box, "Any").o);
    assert_slice(get(any, "aKey").s, "x");
    assert_int_equal(get(any, "n").i, 5);
    assert_slice(get(cim_as_instance(get(box, "One").o), "aKey").s, "later");
    struct cim_array many = get(box, "Many").a;
    assert_int_equal(many.n, 2);
    assert_slice(cim_as_instance(cim_array_get(CIM_OBJECT, many, 0).o)->cls->name, "EmbSub");
    const struct cim_class *cls = cim_as_class(get(box, "Cls").o);
    assert_slice(cls->name, "Fresh");
    assert_true(cim_class_property(cls, SLICE("more")) >= 0);
    assert_slice(get(box, "Text").s, "instance of Emb\n{\n    aKey = \"t\";\n};\n");
    assert_slice(get(cim_as_instance(get(box, "Deflt").o), "aKey").s, "dd");
}

/* covers: cim-core:F2 */
static void instance_qualifiers(void **state)
{
    struct world *w = *state;
    good(w, "class PropProvSamp { [KEY] STRING MyKey; STRING AString; sint32 ANumber; };\n"
            "[DYNPROPS] instance of PropProvSamp { MyKey = \"abc\";\n"
            "  [PropertyContext(\"Anything\"), DYNAMIC, Provider(\"P\")] AString; };");
    const struct cim_instance *in = found(w, "root", "PropProvSamp.MyKey=\"abc\"");
    assert_true(cim_qualifier_true(in->qualifiers, "dynprops"));
    assert_non_null(in->property_qualifiers);
    int i = cim_class_property(in->cls, SLICE("AString"));
    assert_slice(cim_qualifier_text(in->property_qualifiers[i], "Provider"), "P");
    assert_int_equal(in->state[i], CIM_DEFAULTED);
}

/* covers: cim-core:F3 cim-core:P26 cim-core:P22 */
static void namespaces_and_deletes(void **state)
{
    struct world *w = *state;
    good(w, "instance of __Namespace { Name = \"a\"; }; instance of __Namespace { Name = \"A\"; };\n"
            "#pragma namespace(\"\\\\\\\\.\\\\ROOT\\\\a\")\n"
            "class C { [key] uint8 k; }; class c { [key] uint8 k; uint8 more; };\n"
            "instance of C { k = 1; more = 2; };\n"
            "#pragma deleteclass(\"Nothing\", nofail)\n"
            "#pragma deleteinstance(\"C.k=9\", NOFAIL)\n");
    assert_non_null(mof_memory_schema(w->m, SLICE("root/A")));
    const struct cim_class *c = cim_schema_class(mof_memory_schema(w->m, SLICE("root/a")), SLICE("C"));
    assert_int_equal(c->property_count, 2);
    good(w, "#pragma namespace(\"root/a\")\n#pragma deleteinstance(\"C.k=1\", fail)");
    assert_null(mof_memory_find(w->m, SLICE("root/a"), SLICE("C.k=1")));
    good(w, "#pragma namespace(\"root/a\")\n#pragma deleteclass(\"C\", fail)");
    assert_int_equal(compile(w, "#pragma namespace(\"root/a\")\n#pragma deleteclass(\"C\", fail)"),
                     CIMF_NOT_FOUND);
    assert_int_equal(w->b.e.line, 2);
    assert_int_equal(compile(w, "\n#pragma namespace(\"root/none\")\n  class X {};"),
                     CIMF_INVALID_NAMESPACE);
    assert_int_equal(w->b.e.line, 3);
    assert_int_equal(w->b.e.column, 9);
}

/* covers: cim-core:F3 */
static void flags(void **state)
{
    struct world *w = *state;
    good(w, "#pragma classflags(\"createonly\")\nclass F { [key] uint8 k; uint8 v; };\n"
            "#pragma instanceflags(\"createonly\")\ninstance of F { k = 1; };");
    assert_int_equal(compile(w, "#pragma classflags(\"createonly\")\nclass F { [key] uint8 k; };"),
                     CIMF_ALREADY_EXISTS);
    assert_int_equal(compile(w, "#pragma classflags(\"updateonly\")\nclass G {};"), CIMF_NOT_FOUND);
    assert_int_equal(compile(w, "#pragma instanceflags(\"createonly\")\ninstance of F { k = 1; };"),
                     CIMF_ALREADY_EXISTS);
    assert_int_equal(compile(w, "#pragma instanceflags(\"updateonly\")\ninstance of F { k = 2; };"),
                     CIMF_NOT_FOUND);
    good(w, "instance of F { k = 1; v = 4; };");
    assert_int_equal(get(found(w, "root", "F.k=1"), "v").u, 4);
}

/* Every failure names its place, and nothing of the unit stays. */
static void all_or_nothing(void **state)
{
    static const struct {
        const char *text;
        cimf_status status;
        unsigned line, column;
        const char *says;
    } rows[] = {
        { "instance of Missing {};", CIMF_INVALID_CLASS, 1, 13, "Missing" },
        { "instance of Base { k = 1;\n  none = 2; };", CIMF_INVALID_PROPERTY, 2, 3, "'none'" },
        { "instance of Base { k = 256; };", CIMF_TYPE_MISMATCH, 1, 24, "uint8" },
        { "instance of Base { k = 1; l = {1, NULL}; };", CIMF_ILLEGAL_NULL, 1, 35, "NULL" },
        { "instance of Base { k = {1}; };", CIMF_TYPE_MISMATCH, 1, 24, "list" },
        { "instance of Base { k = $a; }; instance of Base as $a { k = 7; };", CIMF_TYPE_MISMATCH, 1, 24, "" },
        { "instance of Base { l = 1; };", CIMF_ILLEGAL_NULL, 1, 13, "k" },
        { "instance of Base { k = 1; o = instance of Wrong {}; };", CIMF_TYPE_MISMATCH, 1, 31, "Wrong" },
        { "class D : Nowhere {};", CIMF_NOT_FOUND, 1, 7, "Nowhere" },
    };
    struct world *w = *state;
    good(w, "class Wrong {}; class Part {}; class Base { [key] uint8 k; uint8 l[]; Part o; };");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[400];
        snprintf(text, sizeof text,
                 "class Left { [key] uint8 x; }; instance of Left { x = 1; };"
                 "instance of __Namespace { Name = \"left\"; }; instance of Base { k = 99; };\n"
                 "#line 1\n%s", rows[i].text);
        cimf_status st = compile(w, text);
        if (st != rows[i].status || w->b.e.line != rows[i].line + 2 || w->b.e.column != rows[i].column ||
            !strstr(error_text(&w->b.e), rows[i].says)) {
            fail_msg("%s\n-> %s at %u:%u: %s", rows[i].text, cimf_status_name(st), w->b.e.line,
                     w->b.e.column, error_text(&w->b.e));
        }
        assert_string_equal(w->b.e.subject, "test.mof");
        assert_null(cim_schema_class(mof_memory_schema(w->m, SLICE("root")), SLICE("Left")));
        assert_null(mof_memory_schema(w->m, SLICE("root/left")));
        assert_null(mof_memory_find(w->m, SLICE("root"), SLICE("Base.k=99")));
        assert_int_equal(mof_memory_count(w->m), 0);
    }
}

static const struct cim_class *in_space(struct world *w, const char *ns, const char *name)
{
    const struct cim_schema *s = mof_memory_schema(w->m, slice_str(ns));
    return s ? cim_schema_class(s, slice_str(name)) : NULL;
}

/* covers: cim-core:F6 */
static void amendment(void **state)
{
    struct world *w = *state;
    good(w, "#pragma amendment(\"MS_409\")\n"
            "[Description(\"Localized\") : Amended, LOCALE(0x409)] class myclass {\n"
            "  [DisplayName(\"User Name\") : Amended, key] string Name = \"x\";\n"
            "  uint64 Value;\n"
            "  [Description(\"d\") : Amended ToSubclass, Units(\"s\")] uint64 Timestamp;\n"
            "  [Description(\"m\") : Amended] uint32 Do([in, Description(\"p\") : Amended] string a);\n"
            "  uint32 Not(); };\n"
            "class plain { uint8 x; };\n"
            "class sub : plain { [Description(\"y\") : Amended] uint8 y; };\n");
    const struct cim_class *c = in_space(w, "root", "myclass"), *l = in_space(w, "root/ms_409", "myclass");
    assert_non_null(c);
    assert_non_null(l);
    assert_null(cim_qualifier_find(c->qualifiers, SLICE("Description")));
    assert_int_equal(cim_qualifier_find(c->qualifiers, SLICE("Locale"))->value.v.i, 1033);
    assert_int_equal(c->property_count, 3);
    assert_null(cim_qualifier_find(c->properties[0].qualifiers, SLICE("DisplayName")));
    assert_non_null(cim_qualifier_find(c->properties[2].qualifiers, SLICE("Units")));
    assert_int_equal(c->method_count, 2);
    assert_slice(cim_qualifier_text(l->qualifiers, "Description"), "Localized");
    assert_true(cim_qualifier_true(l->qualifiers, "amendment"));
    assert_int_equal(cim_qualifier_find(l->qualifiers, SLICE("Locale"))->value.v.i, 1033);
    assert_int_equal(l->property_count, 2);
    assert_int_equal(l->key_count, 1);
    assert_false(l->properties[0].flags & CIM_PROP_HAS_DEFAULT);
    assert_null(cim_qualifier_find(l->properties[1].qualifiers, SLICE("Units")));
    assert_slice(cim_qualifier_text(l->properties[1].qualifiers, "Description"), "d");
    assert_int_equal(l->method_count, 1);
    assert_non_null(in_space(w, "root", "plain"));
    assert_null(in_space(w, "root/ms_409", "plain"));
    assert_null(in_space(w, "root/ms_409", "sub")->super);
    found(w, "root", "__Namespace.Name=\"ms_409\"");
}

/* The localised half as mofcomp writes it, and a text that is not split. covers: cim-core:F6 */
static void localised_file(void **state)
{
    struct world *w = *state;
    good(w, "#pragma namespace(\"\\\\\\\\.\\\\root\")\ninstance of __namespace{ name=\"ms_409\";};\n"
            "#pragma namespace(\"\\\\\\\\.\\\\root\\\\ms_409\")\n"
            "[AMENDMENT, LOCALE(0x409)] class Group1 { [key] string ID;\n"
            " [ValueMap{0, 1} : Amended, Values{\"Zero\", \"One\"} : Amended] Uint32 Numbers; };\n");
    const struct cim_class *c = in_space(w, "root/ms_409", "group1");
    assert_true(c->flags & CIM_CLASS_AMENDMENT);
    const struct cim_qualifier *q = cim_qualifier_find(c->properties[1].qualifiers, SLICE("Values"));
    assert_int_equal(q->flavor, CIM_FLAVOR_AMENDED);
}

/* Declarations that a namespace holds give later texts their types and flavors. covers: cim-core:F1 */
static void declared_before(void **state)
{
    struct world *w = *state;
    good(w, "Qualifier Max : uint32 = null, Scope(any), Flavor(DisableOverride, ToSubclass);");
    good(w, "class Q { [Max(5)] string s; };");
    const struct cim_class *c = in_space(w, "root", "Q");
    const struct cim_qualifier *q = cim_qualifier_find(c->properties[0].qualifiers, SLICE("max"));
    assert_int_equal(q->value.type, CIM_UINT32);
    assert_int_equal(q->flavor, CIM_FLAVOR_TO_SUBCLASS | CIM_FLAVOR_NOT_OVERRIDABLE);
}

static const struct cim_qualifier_decl *counted(void *arg, struct slice ns, struct slice name)
{
    static const struct cim_qualifier_decl held = { .name = { "Max", 3 }, .flavor = CIM_FLAVOR_TO_INSTANCE,
                                                    .value = { .type = CIM_UINT8, .null = true } };
    ++*(unsigned *)arg;
    return slice_ieq(name, held.name) && slice_is(ns, "root/y") ? &held : NULL;
}

/* The host is asked once per name and namespace, and not about what the text declares. */
static void asked_once(void **state)
{
    struct world *w = *state;
    unsigned asked = 0;
    struct mof_options o = { .ns = SLICE("root/x"), .qualifier = counted, .arg = &asked };
    bench_ok(&w->b, bench_parse(&w->b, SLICE("Qualifier Own : ToInstance Amended;\nQualifier Long : uint8, Scope(any);"
                                             "[Max(1), max2, Own(2), Long(3)] class A { [Max(1), Max2] uint8 x; };"
                                             "#pragma namespace(\"root/y\")\n"
                                             "[Max(1), Own(2)] class A { [Max(1)] uint8 x; };"), &o));
    assert_int_equal(asked, 5);
    struct cim_qualifiers q = w->b.u.productions[2].cls.decl.qualifiers;
    assert_int_equal(q.q[0].value.type, CIM_UINT8);
    assert_int_equal(q.q[0].flavor, CIM_FLAVOR_TO_INSTANCE);
    assert_int_equal(q.q[1].flavor, CIM_FLAVOR_TO_INSTANCE | CIM_FLAVOR_AMENDED);
}

/* With any cap on memory a unit is there whole or not at all. */
static void memory_caps(void **state)
{
    static const char text[] =
        "class A { [key] string k; A e; A ref r; string l[]; [EmbeddedInstance(\"A\")] string t; };\n"
        "instance of A as $b { k = \"b\"; r = $a; l = {\"x\", \"y\"}; t = instance of A { k = \"t\"; }; };\n"
        "instance of A as $a { k = \"a\"; e = instance of A { k = \"e\"; }; };\n"
        "#pragma amendment(\"MS_409\")\n[D(\"x\") : Amended] class B : A { uint32 f([in] uint8 x); };\n";
    struct world *w = *state;
    struct bench b;
    bench_open(&b);
    struct mof_options o = { .ns = SLICE("root") };
    bench_ok(&b, bench_parse(&b, slice_str(text), &o));
    bool done = false;
    unsigned refused = 0;
    for (size_t cap = 16; !done; cap += 16) {
        struct arena small;
        struct error e = ERROR_INIT;
        arena_init(&small, cap);
        cimf_status st = mof_memory_apply(w->m, &small, &b.u, NULL, &e);
        done = st == CIMF_OK;
        assert_int_equal(mof_memory_count(w->m), done ? 3 : 0);
        if (!done) assert_int_equal(st, CIMF_OUT_OF_MEMORY);
        refused += !done;
        arena_free(&small);
    }
    assert_true(refused > 10);
    bench_close(&b);
}

int main(void)
{
#define WORLD(f) cmocka_unit_test_setup_teardown(f, open_world, close_world)
    const struct CMUnitTest tests[] = {
        WORLD(typed_values), WORLD(alias_paths), WORLD(embedded_objects), WORLD(instance_qualifiers),
        WORLD(namespaces_and_deletes), WORLD(flags), WORLD(all_or_nothing), WORLD(amendment),
        WORLD(localised_file), WORLD(declared_before), WORLD(asked_once), WORLD(memory_caps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
