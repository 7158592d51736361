#include "base/test.h"

#include "cim/path.h"

#define LEN(x) (sizeof(x) / sizeof((x)[0]))

static struct arena arena;

static int setup(void **state) { arena_init(&arena, 0); return 0; }
static int teardown(void **state) { arena_free(&arena); return 0; }

static struct cim_qualifiers quals(const struct cim_qualifier *q, uint32_t n)
{
    return (struct cim_qualifiers){ q, n };
}

static const struct cim_qualifier key_q[] = { { { "key", 3 }, { .type = CIM_BOOLEAN, .v.u = 1 }, 0 } };
static const struct cim_qualifier desc_q[] = {
    { { "Description", 11 }, { .type = CIM_STRING, .v.s = { "d", 1 } },
      CIM_FLAVOR_TO_SUBCLASS | CIM_FLAVOR_AMENDED },
    { { "Local", 5 }, { .type = CIM_BOOLEAN, .v.u = 1 }, 0 },
};

static const struct cim_class *make(const struct cim_class_decl *d, const struct cim_class *super,
                                    cimf_status want)
{
    const struct cim_class *c;
    struct error e = ERROR_INIT;
    cimf_status st = cim_class_resolve(d, super, SLICE("root/test"), 0, &c, &e);
    if (st != want) fail_msg("%s: %s", cimf_status_name(st), e.text);
    assert_int_equal(e.status, want);
    return c;
}

/* covers: cim-core:M4 cim-core:M7 cim-core:M8 cim-core:M9 cim-core:M14 */
static void test_inherit(void **state)
{
    struct cim_property_decl base_props[] = {
        { .name = SLICE("Name"), .type = CIM_STRING, .qualifiers = quals(key_q, 1) },
        { .name = SLICE("Caption"), .type = CIM_STRING, .qualifiers = quals(desc_q, 2) },
        { .name = SLICE("Size"), .type = CIM_UINT32, .has_default = true,
          .value = { .type = CIM_SINT64, .v.i = 7 } },
    };
    struct cim_class_decl base = { .name = SLICE("Base"), .properties = base_props, .property_count = 3 };
    const struct cim_class *b = make(&base, NULL, CIMF_OK);
    struct cim_property_decl sub_props[] = {
        { .name = SLICE("size"), .type = CIM_NONE, .has_default = true,
          .value = { .type = CIM_UINT32, .v.u = 9 } },
        { .name = SLICE("Extra"), .type = CIM_REFERENCE, .class_name = SLICE("Base") },
    };
    struct cim_class_decl sub = { .name = SLICE("Sub"), .super = SLICE("base"),
                                  .properties = sub_props, .property_count = 2 };
    const struct cim_class *s = make(&sub, b, CIMF_OK);
    cim_class_unref(b);
    assert_int_equal(s->property_count, 4);
    assert_int_equal(s->key_count, 1);
    assert_ptr_equal(s->key_class, b);
    int caption = cim_class_property(s, SLICE("CAPTION"));
    assert_int_equal(caption, 1);
    const struct cim_property *p = &s->properties[caption];
    assert_true(slice_is(p->origin, "Base"));
    assert_null(cim_qualifier_find(p->qualifiers, SLICE("Local")));
    const struct cim_qualifier *q = cim_qualifier_find(p->qualifiers, SLICE("description"));
    assert_int_equal(q->flavor, CIM_FLAVOR_TO_SUBCLASS | CIM_FLAVOR_AMENDED | CIM_FLAVOR_PROPAGATED);
    assert_true(slice_is(cim_qualifier_text(p->qualifiers, "cimtype"), "string"));
    p = &s->properties[2];
    assert_int_equal(p->flags, CIM_PROP_OVERRIDDEN | CIM_PROP_HAS_DEFAULT);
    assert_int_equal(p->def.u, 9);
    p = &s->properties[3];
    assert_int_equal(p->flags, CIM_PROP_LOCAL);
    assert_true(slice_is(cim_qualifier_text(p->qualifiers, "CIMTYPE"), "ref:Base"));

    struct cim_instance *in = cim_instance_new(&arena, s);
    cim_class_unref(s);
    union cim_data d;
    assert_false(cim_get(in, 0, &d));
    assert_true(cim_get(in, 2, &d));
    assert_int_equal(d.u, 9);
    cim_put_strz(in, "Name", "a\"b");
    struct cim_value v;
    assert_int_equal(cim_get_named(&arena, in, SLICE("__RELPATH"), &v), CIMF_OK);
    assert_true(slice_is(v.v.s, "Sub.Name=\"a\\\"b\""));
}

static void test_refused(void **state)
{
    struct cim_property_decl key[] = {
        { .name = SLICE("K"), .type = CIM_STRING, .qualifiers = quals(key_q, 1) },
    };
    struct cim_class_decl d = { .name = SLICE("A"), .properties = key, .property_count = 1 };
    const struct cim_class *a = make(&d, NULL, CIMF_OK);
    key[0].name = SLICE("K2");
    d.name = SLICE("B");
    d.super = SLICE("A");
    make(&d, a, CIMF_CANNOT_BE_KEY);
    key[0].name = SLICE("K");
    key[0].type = CIM_UINT32;
    make(&d, a, CIMF_TYPE_MISMATCH);
    cim_class_unref(a);
    d = (struct cim_class_decl){ .name = SLICE("_A") };
    make(&d, NULL, CIMF_INVALID_OPERATION);
    d.name = SLICE("A_");
    make(&d, NULL, CIMF_INVALID_OBJECT);
    d.name = SLICE("A b");
    make(&d, NULL, CIMF_INVALID_PARAMETER);
}

/* covers: cim-core:M10 */
static void test_method(void **state)
{
    static const struct cim_qualifier in_q[] = { { { "in", 2 }, { .type = CIM_NONE }, 0 } };
    static const struct cim_qualifier out_q[] = { { { "out", 3 }, { .type = CIM_BOOLEAN, .v.u = 1 }, 0 } };
    struct cim_property_decl params[] = {
        { .name = SLICE("ServiceName"), .type = CIM_STRING, .qualifiers = quals(in_q, 1) },
        { .name = SLICE("Status"), .type = CIM_SINT32, .qualifiers = quals(out_q, 1) },
    };
    struct cim_method_decl m[] = { { .name = SLICE("Restart"), .return_type = CIM_UINT32,
                                     .params = params, .param_count = 2 } };
    struct cim_class_decl d = { .name = SLICE("C"), .methods = m, .method_count = 1 };
    const struct cim_class *c = make(&d, NULL, CIMF_OK);
    const struct cim_method *got = cim_class_method(c, SLICE("restart"));
    assert_int_equal(got->in->property_count, 1);
    assert_int_equal(got->out->property_count, 2);
    assert_int_equal(got->out->properties[0].param_id, 1);
    assert_true(slice_is(got->out->properties[1].name, "ReturnValue"));
    struct cim_instance *in = cim_instance_new(&arena, got->in);
    cim_class_unref(c);
    cim_put_strz(in, "ServiceName", "x");
    assert_int_equal(in->state[0], CIM_SET);
}

static void test_project(void **state)
{
    struct cim_property_decl props[] = {
        { .name = SLICE("A"), .type = CIM_STRING, .qualifiers = quals(key_q, 1) },
        { .name = SLICE("B"), .type = CIM_UINT8 },
    };
    struct cim_class_decl d = { .name = SLICE("C"), .properties = props, .property_count = 2 };
    const struct cim_class *c = make(&d, NULL, CIMF_OK), *p;
    uint16_t pick[] = { 1, 1 };
    assert_int_equal(cim_class_project(&arena, c, pick, 2, &p), CIMF_OK);
    struct cim_instance *full = cim_instance_new(&arena, c);
    cim_class_unref(c);
    assert_int_equal(p->property_count, 1);
    cim_put_u64(full, "B", 200);
    cim_put_strz(full, "A", "k");
    struct cim_instance *part = cim_instance_cast(&arena, full, p);
    struct cim_value v;
    assert_int_equal(cim_get_named(&arena, part, SLICE("b"), &v), CIMF_OK);
    assert_int_equal(v.v.u, 200);
    assert_int_equal(cim_get_named(&arena, part, SLICE("__RELPATH"), &v), CIMF_OK);
    assert_true(v.null);
    assert_int_equal(cim_get_named(&arena, part, SLICE("A"), &v), CIMF_INVALID_PROPERTY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_inherit, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_method, setup, teardown),
        cmocka_unit_test_setup_teardown(test_project, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
