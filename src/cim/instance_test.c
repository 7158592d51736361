#include "base/test.h"

#include <stdio.h>

#include "cim/path.h"

#define LEN(x) (sizeof(x) / sizeof((x)[0]))

static struct arena arena;
static const struct cim_class *base, *sub;

static const struct cim_qualifier key[] = { { { "key", 3 }, { .type = CIM_BOOLEAN, .v.u = 1 }, 0 } };

static const struct cim_class *make(const struct cim_class_decl *d, const struct cim_class *super)
{
    const struct cim_class *c;
    assert_int_equal(cim_class_resolve(d, super, SLICE("root/test"), 0, &c, NULL), CIMF_OK);
    return c;
}

static int setup(void **state)
{
    arena_init(&arena, 0);
    struct cim_property_decl props[] = {
        { .name = SLICE("Id"), .type = CIM_UINT32, .qualifiers = { key, 1 } },
        { .name = SLICE("Name"), .type = CIM_STRING, .has_default = true,
          .value = { .type = CIM_STRING, .v.s = { "none", 4 } } },
        { .name = SLICE("Tags"), .type = CIM_STRING | CIM_ARRAY },
        { .name = SLICE("When"), .type = CIM_DATETIME },
        { .name = SLICE("Inner"), .type = CIM_OBJECT },
        { .name = SLICE("Sizes"), .type = CIM_UINT16 | CIM_ARRAY },
        { .name = SLICE("Load"), .type = CIM_REAL32 },
        { .name = SLICE("On"), .type = CIM_BOOLEAN },
        { .name = SLICE("Delta"), .type = CIM_SINT8 },
    };
    struct cim_class_decl d = { .name = SLICE("Base"), .properties = props, .property_count = LEN(props) };
    base = make(&d, NULL);
    struct cim_property_decl extra = { .name = SLICE("Extra"), .type = CIM_CHAR16 };
    struct cim_class_decl s = { .name = SLICE("Sub"), .super = SLICE("Base"), .properties = &extra, .property_count = 1 };
    sub = make(&s, base);
    return 0;
}

static int teardown(void **state)
{
    cim_class_unref(sub);
    cim_class_unref(base);
    arena_free(&arena);
    return 0;
}

static struct cim_instance *sample(const struct cim_class *c, struct arena *a)
{
    static const struct slice tags[] = { { "a", 1 }, { "", 0 } };
    static const uint64_t sizes[] = { 1, 65535 };
    struct cim_instance *in = cim_instance_new(a, c);
    cim_put_u64(in, "Id", 7);
    cim_put_strv(in, "Tags", tags, 2);
    cim_put_datetime(in, "When", 0, 60);
    cim_put_u64v(in, "Sizes", sizes, 2);
    cim_put_real(in, "Load", 0.5);
    cim_put_bool(in, "On", true);
    cim_put_i64(in, "Delta", -3);
    cim_put_u64(in, "Extra", 'x');
    struct cim_instance *inner = cim_instance_new(a, c);
    cim_put_u64(inner, "Id", 8);
    cim_set(in, (unsigned)cim_class_property(c, SLICE("Inner")), (union cim_data){ .o = &inner->object });
    return in;
}

static struct cim_value get(const struct cim_instance *in, const char *name)
{
    struct cim_value v;
    assert_int_equal(cim_get_named(&arena, in, slice_str(name), &v), CIMF_OK);
    return v;
}

/* covers: cim-core:M9 */
static void test_states(void **state)
{
    struct cim_instance *in = cim_instance_new(&arena, base);
    unsigned name = (unsigned)cim_class_property(base, SLICE("name"));
    union cim_data v;
    assert_true(cim_get(in, name, &v)); /* not set: the default shows */
    assert_true(slice_is(v.s, "none"));
    cim_put_str(in, "Name", SLICE_NULL);
    assert_int_equal(in->state[name], CIM_NULL);
    assert_false(cim_get(in, name, &v));
    cim_put_str(in, "Name", SLICE("")); /* an empty string is a value */
    assert_true(cim_get(in, name, &v) && v.s.n == 0);
    cim_put_strv(in, "Tags", NULL, 0);
    assert_true(!get(in, "Tags").null && get(in, "Tags").v.a.n == 0);
    assert_false(cim_get(in, 99, &v));
}

static void test_put(void **state)
{
    struct cim_instance *in = sample(sub, &arena);
    assert_int_equal(get(in, "Delta").v.i, -3);
    assert_true(slice_is(get(in, "When").v.s, "19700101010000.000000+060"));
    assert_int_equal(cim_array_get(CIM_UINT16, get(in, "Sizes").v.a, 1).u, 65535);
    assert_true(get(in, "Load").v.r == 0.5);
    cim_put_u64(in, "Delta", 200); /* does not fit: NULL */
    assert_true(get(in, "Delta").null);
    cim_put_u64(in, "Name", 12); /* a number where the class has text */
    assert_true(slice_is(get(in, "Name").v.s, "12"));
    cim_put_null(in, "On");
    assert_true(get(in, "On").null);
    cim_put_strz(in, "Missing", "x"); /* nothing */
    in->state[6] = CIM_UNSENT;
    cim_put_real(in, "Load", 1); /* not wanted: nothing */
    assert_int_equal(in->state[6], CIM_UNSENT);
}

static void test_set_named(void **state)
{
    struct cim_instance *in = cim_instance_new(&arena, base);
    struct cim_value v = { .type = CIM_STRING, .v.s = { "42", 2 } };
    assert_int_equal(cim_set_named(in, SLICE("ID"), &v), CIMF_OK);
    assert_int_equal(get(in, "Id").v.u, 42);
    v.v.s = SLICE("x");
    assert_int_equal(cim_set_named(in, SLICE("ID"), &v), CIMF_TYPE_MISMATCH);
    assert_int_equal(cim_set_named(in, SLICE("No"), &v), CIMF_INVALID_PROPERTY);
    v.null = true;
    assert_int_equal(cim_set_named(in, SLICE("ID"), &v), CIMF_OK);
    assert_true(get(in, "Id").null);
}

static void test_copy(void **state)
{
    struct arena other;
    arena_init(&other, 0);
    struct cim_instance *in = sample(sub, &other);
    in->ns = SLICE("root/test");
    struct cim_instance *copy = cim_instance_copy(&arena, in);
    assert_true(cim_instance_equal(in, copy));
    arena_free(&other); /* nothing of it may be left in the copy */
    assert_true(slice_is(get(copy, "__PATH").v.s, "\\\\.\\root\\test:Sub.Id=7"));
    const struct cim_instance *inner = cim_as_instance(get(copy, "Inner").v.o);
    assert_int_equal(get(inner, "Id").v.u, 8);
    cim_put_u64((struct cim_instance *)(uintptr_t)inner, "Id", 9);
    struct cim_instance *again = sample(sub, &arena);
    assert_false(cim_instance_equal(again, copy));
}

static void test_copy_depth(void **state)
{
    struct cim_instance *in = cim_instance_new(&arena, base);
    for (int i = 0; i < LIMIT_EMBEDDED_DEPTH + 2; i++) {
        struct cim_instance *outer = cim_instance_new(&arena, base);
        cim_set(outer, 4, (union cim_data){ .o = &in->object });
        in = outer;
    }
    assert_null(cim_instance_copy(&arena, in));
}

static void test_cast(void **state)
{
    struct arena other;
    arena_init(&other, 0);
    struct cim_instance *in = sample(sub, &other);
    in->state[6] = CIM_UNSENT;
    struct cim_instance *up = cim_instance_cast(&arena, in, base);
    struct cim_instance *down = cim_instance_cast(&arena, up, sub);
    arena_free(&other);
    assert_ptr_equal(up->cls, base);
    assert_int_equal(up->state[6], CIM_UNSENT);
    assert_int_equal(get(up, "Id").v.u, 7);
    assert_true(slice_is(get(up, "__RELPATH").v.s, "Base.Id=7"));
    assert_true(get(down, "Extra").null);
    /* The class changed: another type of the same name converts, or is left out. */
    struct cim_property_decl props[] = { { .name = SLICE("delta"), .type = CIM_STRING },
                                         { .name = SLICE("Tags"), .type = CIM_UINT8 } };
    const struct cim_class *changed;
    assert_int_equal(cim_class_adhoc(&arena, SLICE("Base"), props, 2, &changed), CIMF_OK);
    struct cim_instance *moved = cim_instance_cast(&arena, up, changed);
    assert_true(slice_is(get(moved, "Delta").v.s, "-3"));
    assert_int_equal(moved->state[1], CIM_DEFAULTED);
}

static void test_equal(void **state)
{
    struct cim_instance *a = sample(base, &arena), *b = sample(base, &arena);
    assert_true(cim_instance_equal(a, b));
    cim_put_strz(a, "Name", "none"); /* the default is a value */
    assert_true(cim_instance_equal(a, b));
    cim_put_strz(a, "Name", "None");
    assert_false(cim_instance_equal(a, b));
    cim_put_strz(a, "Name", "none");
    b->state[3] = CIM_UNSENT;
    assert_false(cim_instance_equal(a, b));
    assert_false(cim_instance_equal(a, sample(sub, &arena)));
}

/* covers: cim-core:M11 */
static void test_system_properties(void **state)
{
    static const char *order[] = { "__GENUS", "__CLASS", "__SUPERCLASS", "__DYNASTY", "__RELPATH",
                                   "__PROPERTY_COUNT", "__DERIVATION", "__SERVER", "__NAMESPACE", "__PATH" };
    for (int i = 0; i < CIM_SYS_COUNT; i++) {
        assert_string_equal(cim_system_property_name((enum cim_system_property)i), order[i]);
        assert_int_equal(cim_system_property_find(slice_str(order[i])), i);
    }
    assert_int_equal(cim_system_property_find(SLICE("__class")), CIM_SYS_CLASS);
    assert_int_equal(cim_system_property_find(SLICE("Class")), -1);
    struct cim_instance *in = sample(sub, &arena);
    in->ns = SLICE("root/test");
    in->server = SLICE("SRV");
    assert_int_equal(get(in, "__GENUS").v.i, 2);
    assert_int_equal(get(in, "__PROPERTY_COUNT").v.i, 10);
    in->state[3] = CIM_UNSENT;
    assert_int_equal(get(in, "__PROPERTY_COUNT").v.i, 9);
    assert_true(slice_is(get(in, "__SUPERCLASS").v.s, "Base"));
    assert_true(slice_is(get(in, "__DYNASTY").v.s, "Base"));
    assert_true(slice_is(get(in, "__NAMESPACE").v.s, "root\\test"));
    assert_true(slice_is(get(in, "__PATH").v.s, "\\\\SRV\\root\\test:Sub.Id=7"));
    struct cim_value v = get(in, "__DERIVATION");
    assert_int_equal(v.v.a.n, 1);
    assert_true(slice_is(cim_array_get(CIM_STRING, v.v.a, 0).s, "Base"));
    in->result = 1; /* an event or a keyless result */
    assert_true(get(in, "__RELPATH").null && get(in, "__PATH").null && get(in, "__SERVER").null);
    in->result = 0;
    in->ns = SLICE_NULL;
    assert_true(get(in, "__PATH").null && get(in, "__NAMESPACE").null);
    cim_put_null(in, "Id");
    assert_true(get(in, "__RELPATH").null);
    assert_int_equal(cim_system_property_get(&arena, &base->object, CIM_SYS_SUPERCLASS, &v), CIMF_OK);
    assert_true(v.null);
    assert_int_equal(cim_system_property_get(&arena, &base->object, CIM_SYS_GENUS, &v), CIMF_OK);
    assert_int_equal(v.v.i, 1);
    assert_int_equal(cim_system_property_get(&arena, &base->object, CIM_SYS_DERIVATION, &v), CIMF_OK);
    assert_true(!v.null && v.v.a.n == 0);
    assert_int_equal(cim_system_property_get(&arena, &sub->object, CIM_SYS_PATH, &v), CIMF_OK);
    assert_true(slice_is(v.v.s, "\\\\.\\root\\test:Sub"));
}

/* One class is held once by an arena, however many instances it has. */
static void test_holds(void **state)
{
    struct arena a;
    arena_init(&a, 0);
    int32_t before = base->refs;
    for (int i = 0; i < 100; i++) assert_non_null(cim_instance_new(&a, base));
    assert_int_equal(base->refs, before + 1);
    arena_free(&a);
    assert_int_equal(base->refs, before);
}

/* Memory that runs out at any point gives an error, no crash, no leak. */
static void test_out_of_memory(void **state)
{
    struct cim_instance *in = sample(sub, &arena);
    size_t made = 0;
    for (size_t cap = 0; cap < 6000; cap += 64) {
        struct arena a;
        arena_init(&a, cap + 1);
        struct cim_instance *copy = cim_instance_copy(&a, in);
        made += copy != NULL;
        struct cim_path p;
        if (copy && cim_path_of(&a, copy, &p, NULL) == CIMF_OK) assert_int_equal(p.key_count, 1);
        cim_path_parse(&a, SLICE("A.b=\"c\""), &p, NULL);
        arena_free(&a);
    }
    assert_true(made > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_states, setup, teardown),
        cmocka_unit_test_setup_teardown(test_put, setup, teardown),
        cmocka_unit_test_setup_teardown(test_set_named, setup, teardown),
        cmocka_unit_test_setup_teardown(test_copy, setup, teardown),
        cmocka_unit_test_setup_teardown(test_copy_depth, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cast, setup, teardown),
        cmocka_unit_test_setup_teardown(test_equal, setup, teardown),
        cmocka_unit_test_setup_teardown(test_system_properties, setup, teardown),
        cmocka_unit_test_setup_teardown(test_holds, setup, teardown),
        cmocka_unit_test_setup_teardown(test_out_of_memory, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
