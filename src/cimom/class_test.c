/* PutClass with its update modes, DeleteClass, GetClass, class enumeration, namespaces, MOF. */
#include <stdio.h>

#include "cimom/test_driver.h"

static int setup(void **state)
{
    static struct driver d;
    driver_open(&d, NULL);
    *state = &d;
    return 0;
}

static int teardown(void **state)
{
    driver_close(*state);
    return 0;
}

/* Parses one class and puts it by the operation, not by the compiler. */
static cimf_status put_class(struct driver *d, const char *mof, uint32_t flags)
{
    struct mof_source source = { SLICE("class.mof"), slice_str(mof) };
    struct mof_unit unit;
    struct error e = ERROR_INIT;
    if (mof_parse(&d->arena, &source, NULL, &unit, &e)) fail_msg("%s: %s", mof, error_text(&e));
    struct cim_op op = driver_op(d, CIM_OP_PUT_CLASS);
    struct answer a = { 0 };
    op.class_decl = &unit.productions[0].cls.decl;
    op.flags = flags;
    driver_run(d, &op, &a);
    return a.status;
}

static cimf_status delete_class(struct driver *d, const char *name, uint32_t flags)
{
    struct cim_op op = driver_op(d, CIM_OP_DELETE_CLASS);
    struct answer a = { 0 };
    op.path.kind = CIM_PATH_CLASS;
    op.path.class_name = slice_str(name);
    op.flags = flags;
    driver_run(d, &op, &a);
    return a.status;
}

static const struct cim_class *get_class(struct driver *d, const char *name)
{
    struct cim_op op = driver_op(d, CIM_OP_GET_CLASS);
    struct answer a = { 0 };
    op.path.kind = CIM_PATH_CLASS;
    op.path.class_name = slice_str(name);
    driver_run(d, &op, &a);
    if (a.status) {
        assert_status(a.status, NOT_FOUND);
        return NULL;
    }
    return cim_as_class(a.objects[0]);
}

static bool has(const struct cim_class *c, const char *property)
{
    return cim_class_property(c, slice_str(property)) >= 0;
}

/* covers: cim-core:C1 cim-core:C2 cim-core:M1 cim-core:M3 */
static void create(void **state)
{
    struct driver *d = *state;
    assert_status(put_class(d, "class Made { [key] string K; };", CIM_UPDATE_ONLY), NOT_FOUND);
    assert_status(put_class(d, "class Made { [key] string K; };", CIM_CREATE_ONLY), OK);
    assert_status(put_class(d, "class MADE { [key] string K; };", CIM_CREATE_ONLY), ALREADY_EXISTS);
    assert_status(put_class(d, "class Sub : NoSuch { };", 0), NOT_FOUND);
    assert_status(put_class(d, "class _Bad { };", 0), INVALID_OPERATION);
    assert_status(put_class(d, "class __Worse { };", 0), INVALID_OPERATION);
    assert_status(put_class(d, "class Bad_ { };", 0), INVALID_OBJECT);
    assert_status(put_class(d, "class A { };", CIM_CREATE_ONLY | CIM_UPDATE_ONLY),
                  INVALID_PARAMETER);
    assert_status(put_class(d, "class A { };", CIM_UPDATE_SAFE | CIM_UPDATE_FORCE),
                  INVALID_PARAMETER);
    assert_non_null(get_class(d, "made"));
    assert_null(get_class(d, "NoSuch"));
    const struct cim_class *empty = get_class(d, "");
    assert_non_null(empty);
    assert_int_equal(empty->property_count, 0);
    driver_reopen(d);
    assert_non_null(get_class(d, "Made"));
}

/* covers: cim-core:M4 cim-core:M5 cim-core:M6 cim-core:M15 */
static void rules(void **state)
{
    struct driver *d = *state;
    assert_status(put_class(d, "class RKey { [key] string K; string P; };", 0), OK);
    assert_status(put_class(d, "class RMore : RKey { [key] string L; };", 0), CANNOT_BE_KEY);
    assert_status(put_class(d, "[singleton] class ROne : RKey { };", 0), CANNOT_BE_SINGLETON);
    assert_status(put_class(d, "[abstract] class RAbs : RKey { };", 0), CANNOT_BE_ABSTRACT);
    assert_status(put_class(d, "class RType : RKey { uint32 P; };", 0), TYPE_MISMATCH);
    assert_status(put_class(d, "class RSelf : RSelf { };", 0), NOT_FOUND);
}

/* covers: cim-core:C2 */
static void update_modes(void **state)
{
    struct driver *d = *state;
    assert_status(put_class(d, "class U { [key] string K; string A; };", 0), OK);
    assert_status(put_class(d, "class U { [key] string K; string A; string B; };", 0), OK);
    assert_true(has(get_class(d, "U"), "B"));
    assert_status(put_class(d, "class UChild : U { string C; };", 0), OK);
    /* Compatible: not with subclasses, except for qualifiers that nothing depends on. */
    assert_status(put_class(d, "class U { [key] string K; string A; };", 0), CLASS_HAS_CHILDREN);
    assert_status(
        put_class(d, "[Description(\"x\")] class U { [key] string K; string A; string B; };", 0),
        OK);
    /* Safe: no conflict below. */
    assert_status(
        put_class(d, "class U { [key] string K; string A; string B; string D; };", CIM_UPDATE_SAFE),
        OK);
    assert_true(has(get_class(d, "UChild"), "D"));
    assert_status(put_class(d, "class U { [key] string K; string A; uint32 C; };", CIM_UPDATE_SAFE),
                  CLASS_HAS_CHILDREN);
    /* Force: a type conflict still fails. */
    assert_status(
        put_class(d, "class U { [key] string K; string A; uint32 C; };", CIM_UPDATE_FORCE),
        TYPE_MISMATCH);
    assert_status(put_class(d, "class U { [key] string K; string A; };", CIM_UPDATE_FORCE), OK);
    assert_false(has(get_class(d, "UChild"), "D"));
    /* Instances, also of subclasses, stop every change of layout. */
    assert_status(driver_put(d, "root/test", "UChild", 0, "K=1", NULL), OK);
    const char *wider = "class U { [key] string K; string A; string E; };";
    assert_status(put_class(d, wider, 0), CLASS_HAS_CHILDREN);
    assert_status(put_class(d, wider, CIM_UPDATE_SAFE), CLASS_HAS_INSTANCES);
    assert_status(put_class(d, wider, CIM_UPDATE_FORCE), CLASS_HAS_INSTANCES);
    assert_status(put_class(d, "[Description(\"y\")] class U { [key] string K; string A; };", 0),
                  OK);
    assert_status(put_class(d, "class UChild { [key] string K; string C; };", CIM_UPDATE_FORCE),
                  CLASS_HAS_INSTANCES);
    assert_status(driver_delete(d, "root/test", "U.K=\"1\""), OK);
    assert_status(put_class(d, wider, CIM_UPDATE_SAFE), OK);
    driver_reopen(d);
    assert_true(has(get_class(d, "UChild"), "E"));
}

/* covers: cim-core:C2 */
static void force_drops_conflicts_below(void **state)
{
    struct driver *d = *state;
    assert_status(
        put_class(d, "class F { [key] string K; [Units(\"a\") : ToSubclass] string A; };", 0), OK);
    assert_status(put_class(d, "class FChild : F { [Units(\"b\") : ToSubclass] string A; };", 0),
                  OK);
    const char *fixed =
        "class F { [key] string K; [Units(\"a\") : ToSubclass DisableOverride] string A; };";
    assert_int_not_equal(put_class(d, fixed, CIM_UPDATE_SAFE), CIMF_OK);
    assert_status(put_class(d, fixed, CIM_UPDATE_FORCE), OK);
    driver_reopen(d);
    const struct cim_class *c = get_class(d, "FChild");
    int at = cim_class_property(c, SLICE("A"));
    struct slice units = cim_qualifier_text(c->properties[at].qualifiers, "Units");
    assert_true(slice_is(units, "a"));
}

/* covers: cim-core:C3 */
static void remove_class(void **state)
{
    struct driver *d = *state;
    driver_mof(d, "root/test",
               "class X { [key] string K; }; class Y : X { }; class Z : Y { };"
               "instance of Z { K = \"1\"; }; instance of X { K = \"2\"; };");
    assert_status(delete_class(d, "Nothing", 0), NOT_FOUND);
    assert_status(delete_class(d, "Y", CIM_AMENDED), INVALID_PARAMETER);
    assert_status(delete_class(d, "__SystemClass", 0), INVALID_OPERATION);
    assert_status(delete_class(d, "Y", 0), OK);
    assert_null(get_class(d, "Z"));
    assert_non_null(get_class(d, "X"));
    struct answer a = { 0 };
    assert_status(driver_enum(d, "root/test", "X", 0, &a), OK);
    assert_int_equal(a.count, 1);
    /* A class of the same name afterwards is empty. */
    driver_mof(d, "root/test", "class Y : X { }; class Z : Y { uint32 N; };");
    struct answer b = { 0 };
    assert_status(driver_enum(d, "root/test", "Z", 0, &b), OK);
    assert_int_equal(b.count, 0);
}

static unsigned classes(struct driver *d, const char *top, uint32_t flags, struct answer *a)
{
    struct cim_op op = driver_op(d, CIM_OP_ENUM_CLASSES);
    op.path.kind = CIM_PATH_CLASS;
    op.path.class_name = slice_str(top);
    op.flags = flags;
    driver_run(d, &op, a);
    return a->count;
}

/* covers: cim-core:C4 */
static void enumerate_classes(void **state)
{
    struct driver *d = *state;
    driver_mof(d, "root/test",
               "class E { [key] string K; }; class E1 : E {}; class E2 : E {}; class E11 : E1 {};");
    struct answer a = { 0 }, b = { .page = 1 }, c = { 0 }, e = { 0 }, f = { 0 };
    assert_int_equal(classes(d, "E", 0, &a), 3);
    assert_int_equal(classes(d, "E", CIM_SHALLOW, &b), 2);
    assert_int_equal(classes(d, "E11", 0, &c), 0);
    assert_true(classes(d, "", 0, &e) > 40);
    classes(d, "NoSuch", 0, &f);
    assert_status(f.status, INVALID_CLASS);
    driver_mof(d, "root/test",
               "class EOwn : E { string P; uint32 M(); };\n"
               "class ETwo : EOwn { string Q; uint32 N(); };");
    struct answer local = { 0 };
    classes(d, "EOwn", CIM_LOCAL_ONLY, &local);
    const struct cim_class *two = cim_as_class(local.objects[0]);
    assert_int_equal(two->property_count, 1);
    assert_true(has(two, "Q"));
    assert_int_equal(two->method_count, 1);
    assert_null(cim_class_method(two, SLICE("M")));
    struct answer roots = { 0 };
    classes(d, "", CIM_SHALLOW, &roots);
    for (unsigned i = 0; i < roots.count; i++) assert_null(cim_as_class(roots.objects[i])->super);
}

/* covers: cim-core:C10 cim-core:C20 */
static void namespaces(void **state)
{
    struct driver *d = *state;
    assert_status(driver_put(d, "root/test", "__NAMESPACE", 0, "Name=sub", NULL), OK);
    assert_status(driver_put(d, "root/test", "__NAMESPACE", 0, "Name=SUB", NULL), OK);
    assert_status(driver_put(d, "root/test", "__NAMESPACE", CIM_CREATE_ONLY, "Name=sub", NULL),
                  ALREADY_EXISTS);
    assert_status(driver_put(d, "root/test", "__NAMESPACE", CIM_UPDATE_ONLY, "Name=none", NULL),
                  NOT_FOUND);
    assert_status(driver_put(d, "root/test", "__NAMESPACE", 0, "Name=a/b", NULL),
                  INVALID_PARAMETER);
    assert_status(driver_put(d, "root/test/sub", "__NAMESPACE", 0, "Name=deep", NULL), OK);
    driver_mof(d, "root/test/sub/deep",
               "class In { [key] string K; }; instance of In { K = \"1\"; };");
    driver_reopen(d);
    struct answer a = { 0 }, b = { 0 }, c = { 0 }, e = { 0 }, f = { 0 };
    assert_status(driver_query(d, "root/test/sub/deep", "SELECT * FROM In", &a), OK);
    assert_int_equal(a.count, 1);
    assert_status(driver_enum(d, "root/test", "__NAMESPACE", 0, &b), OK);
    assert_int_equal(b.count, 1);
    assert_string_equal(driver_text(d, &b, 0, "Name"), "sub");
    assert_status(driver_get(d, "root/test", "__NAMESPACE.Name=\"sub\"", &c), OK);
    assert_status(driver_get(d, "root/test", "__NAMESPACE.Name=\"none\"", &e), NOT_FOUND);
    assert_status(driver_delete(d, "root/test", "__NAMESPACE.Name=\"none\""), NOT_FOUND);
    assert_status(driver_delete(d, "root", "__NAMESPACE.Name=\"cimv2\""), INVALID_OPERATION);
    assert_status(driver_delete(d, "root/test", "__NAMESPACE.Name=\"sub\""), OK);
    assert_status(driver_query(d, "root/test/sub/deep", "SELECT * FROM In", &f), INVALID_NAMESPACE);
    /* Made again, it is empty. */
    assert_status(driver_put(d, "root/test", "__NAMESPACE", 0, "Name=sub", NULL), OK);
    struct answer g = { 0 };
    assert_status(
        driver_query(d, "root/test/sub", "SELECT * FROM meta_class WHERE __CLASS = 'In'", &g), OK);
    assert_int_equal(g.count, 0);
}

/* covers: cim-core:F3 */
static void mof_is_all_or_nothing(void **state)
{
    struct driver *d = *state;
    struct error e = ERROR_INIT;
    cimf_status s = driver_mof_status(d, "root/test",
                                      "class Good { [key] string K; };\ninstance of Good { K = "
                                      "\"1\"; };\nclass Bad : Missing { };\n",
                                      &e);
    assert_status(s, NOT_FOUND);
    assert_int_equal(e.line, 3);
    assert_null(get_class(d, "Good"));
    driver_mof(d, "root/test",
               "class Good { [key] string K; };\n"
               "#pragma deleteclass(\"Good\", fail)\nclass Good { [key] uint32 K; };\n"
               "instance of Good { K = 4; };\n#pragma deleteinstance(\"Good.K=4\", fail)\n");
    struct answer a = { 0 };
    assert_status(driver_enum(d, "root/test", "Good", 0, &a), OK);
    assert_int_equal(a.count, 0);
    /* Namespaces and their content in one text (P26: again is no error). */
    const char *text = "instance of __Namespace { Name = \"fresh\"; };\n"
                       "#pragma namespace(\"\\\\\\\\.\\\\root\\\\test\\\\fresh\")\n"
                       "class C { [key] string K; };\ninstance of C { K = \"k\"; };\n";
    driver_mof(d, "root/test", text);
    driver_mof(d, "root/test", text);
    struct answer b = { 0 };
    assert_status(driver_enum(d, "root/test/fresh", "C", 0, &b), OK);
    assert_int_equal(b.count, 1);
}

/* A new version of the built-in schema is compiled over the old one; user data stays. */
static void schema_upgrade(void **state)
{
    struct driver *d = *state;
    driver_mof(d, "root/test", "class Kept { [key] string K; }; instance of Kept { K = \"1\"; };");
    static const struct schema_file extra = { "extra.mof", "root/cimv2",
                                              "class ZNew { [key] string K; };", 31 };
    struct schema_file files[16];
    assert_true(d->config.file_count < 15);
    memcpy(files, d->config.files, d->config.file_count * sizeof *files);
    files[d->config.file_count] = extra;
    struct cimom_config was = d->config;
    d->config.files = files;
    d->config.file_count++;
    d->config.version = "another";
    driver_reopen(d);
    struct answer a = { 0 }, b = { 0 };
    assert_status(driver_query(d, "root/cimv2", "SELECT * FROM ZNew", &a), OK);
    assert_status(driver_enum(d, "root/test", "Kept", 0, &b), OK);
    assert_int_equal(b.count, 1);
    d->config = was;
    driver_reopen(d);
}

/* Words of a locale are merged on request, also inherited ones; neutral qualifiers win. */
static const char *description(struct driver *d, const char *cls, const char *property,
                               const char *locale)
{
    struct cim_op op = driver_op(d, CIM_OP_GET_CLASS);
    struct answer a = { 0 };
    op.path.kind = CIM_PATH_CLASS;
    op.path.class_name = slice_str(cls);
    op.flags = locale ? CIM_AMENDED : 0;
    op.locale = slice_str(locale);
    driver_run(d, &op, &a);
    assert_status(a.status, OK);
    const struct cim_class *c = cim_as_class(a.objects[0]);
    struct cim_qualifiers set = c->qualifiers;
    if (property) set = c->properties[cim_class_property(c, slice_str(property))].qualifiers;
    return arena_strz(&d->arena, cim_qualifier_text(set, "Description"));
}

/* covers: cim-core:F6 */
static void localised(void **state)
{
    struct driver *d = *state;
    driver_mof(d, "root/test",
               "#pragma amendment(\"MS_409\")\n"
               "[Description(\"a thing\") : Amended ToSubclass] class W {\n"
               " [key, Description(\"its key\") : Amended ToSubclass] string K; string Plain; };\n"
               "class WChild : W { [Description(\"more\") : Amended] uint32 M; };\n"
               "class WBare : W { };\n");
    driver_mof(d, "root/test",
               "#pragma amendment(\"MS_407\")\n"
               "[Description(\"ein Ding\") : Amended ToSubclass] class W {\n"
               " [key] string K; string Plain; };\n");
    assert_string_equal(description(d, "W", NULL, NULL), "");
    assert_string_equal(description(d, "W", NULL, "en-US"), "a thing");
    assert_string_equal(description(d, "W", NULL, ""), "a thing");
    assert_string_equal(description(d, "W", NULL, "xx,de;q=0.5,en"), "ein Ding");
    assert_string_equal(description(d, "W", "K", "MS_409"), "its key");
    assert_string_equal(description(d, "WBare", "K", "en"), "its key");
    assert_string_equal(description(d, "WChild", "M", "en"), "more");
    assert_string_equal(description(d, "WChild", "K", "fr-FR"), "");
    assert_status(driver_put(d, "root/test", "WChild", 0, "K=1", "M=2", NULL), OK);
    struct answer a = { 0 };
    struct cim_op op = driver_op(d, CIM_OP_ENUM_INSTANCES);
    op.path.kind = CIM_PATH_CLASS;
    op.path.class_name = SLICE("W");
    op.flags = CIM_AMENDED;
    driver_run(d, &op, &a);
    assert_status(a.status, OK);
    const struct cim_class *c = cim_object_class(a.objects[0]);
    int m = cim_class_property(c, SLICE("M"));
    assert_true(slice_is(cim_qualifier_text(c->properties[m].qualifiers, "Description"), "more"));
    assert_string_equal(driver_text(d, &a, 0, "M"), "2");
    /* Written back with the flag, the words go where they came from. */
    assert_status(put_class(d, "class Words { [key] string K; };", 0), OK);
    assert_status(
        put_class(d,
                  "[Description(\"new\") : Amended ToSubclass, Version(\"2\")] class Words"
                  " { [key] string K; };",
                  CIM_AMENDED),
        OK);
    assert_string_equal(description(d, "Words", NULL, NULL), "");
    assert_string_equal(description(d, "Words", NULL, ""), "new");
    struct answer all = { 0 };
    struct cim_op classes_op = driver_op(d, CIM_OP_ENUM_CLASSES);
    classes_op.flags = CIM_AMENDED;
    classes_op.path.kind = CIM_PATH_CLASS;
    driver_run(d, &classes_op, &all);
    assert_status(all.status, OK);
}

/* A namespace with qualifier declarations follows DSP0004, also after a restart. */
static void dsp_namespace(void **state)
{
    struct driver *d = *state;
    driver_mof(d, "root/test", "instance of __Namespace { Name = \"dsp\"; };");
    driver_mof(d, "root/test/dsp",
               "Qualifier Abstract : boolean = false, Scope(class, association, indication), "
               "Flavor(Restricted);\n"
               "Qualifier Key : boolean = false, Scope(property, reference), "
               "Flavor(DisableOverride, ToSubclass);\n"
               "class Above { [Key] string K; };\n[Abstract] class Below : Above { };\n");
    driver_reopen(d);
    struct answer a = { 0 };
    assert_status(driver_enum(d, "root/test/dsp", "Above", 0, &a), OK);
    struct cim_schema *s = d->manager->schema(d->manager, SLICE("root/test/dsp"), &driver_admin);
    assert_non_null(s);
    assert_non_null(cim_schema_qualifier(s, SLICE("key")));
    assert_true(cim_schema_class(s, SLICE("Below"))->flags & CIM_CLASS_ABSTRACT);
    cim_schema_unref(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(create),         cmocka_unit_test(rules),
        cmocka_unit_test(update_modes),   cmocka_unit_test(force_drops_conflicts_below),
        cmocka_unit_test(remove_class),   cmocka_unit_test(enumerate_classes),
        cmocka_unit_test(namespaces),     cmocka_unit_test(mof_is_all_or_nothing),
        cmocka_unit_test(dsp_namespace),  cmocka_unit_test(localised),
        cmocka_unit_test(schema_upgrade),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
