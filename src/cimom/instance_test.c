/* Instances in the repository: create, read, update, delete, enumerate, and the error of each
 * failure. */
#include <stdio.h>
#include <stdlib.h>

#include "cimom/test_driver.h"

static const char schema_mof[] =
    "[abstract] class Base { [key] string Id; string Note = \"none\"; };\n"
    "class Left : Base { uint32 Size; [not_null] string Must = \"x\"; };\n"
    "class Right : Base { uint32 Size; datetime When; string Tags[]; };\n"
    "class Inner : Left { boolean Flag; };\n"
    "[singleton] class Only { string Value; };\n"
    "class NoKey { string Value; };\n"
    "class Two { [key] uint32 A; [key] string B; sint64 C; };\n";

static int setup(void **state)
{
    static struct driver d;
    driver_open(&d, NULL);
    driver_mof(&d, "root/test", schema_mof);
    *state = &d;
    return 0;
}

static int teardown(void **state)
{
    driver_close(*state);
    return 0;
}

/* covers: cim-core:C1 cim-core:C20 cim-core:M9 */
static void put_and_get(void **state)
{
    struct driver *d = *state;
    assert_status(driver_put(d, "root/test", "Left", 0, "Id=a", "Size=7", NULL), OK);
    struct answer a = { 0 };
    assert_status(driver_get(d, "root/test", "Left.Id=\"A\"", &a), OK);
    assert_int_equal(a.count, 1);
    assert_string_equal(driver_text(d, &a, 0, "Id"), "a");
    assert_string_equal(driver_text(d, &a, 0, "Size"), "7");
    assert_string_equal(driver_text(d, &a, 0, "Note"), "none");
    assert_string_equal(driver_text(d, &a, 0, "__RELPATH"), "Left.Id=\"a\"");
    assert_string_equal(driver_text(d, &a, 0, "__PATH"), "\\\\testhost\\root\\test:Left.Id=\"a\"");
    driver_reopen(d);
    struct answer again = { 0 };
    assert_status(driver_get(d, "root/test", "Left=\"a\"", &again), OK);
    assert_string_equal(driver_text(d, &again, 0, "Size"), "7");
}

/* covers: cim-core:C6 */
static void get_through_superclass(void **state)
{
    struct driver *d = *state;
    struct answer a = { 0 }, b = { 0 }, c = { 0 };
    assert_status(driver_put(d, "root/test", "Inner", 0, "Id=deep", "Flag=true", NULL), OK);
    assert_status(driver_get(d, "root/test", "Base.Id=\"deep\"", &a), OK);
    assert_string_equal(driver_class_name(&a, 0), "Inner");
    struct cim_op op = driver_op(d, CIM_OP_GET_INSTANCE);
    op.path = driver_path(d, "Left.Id=\"deep\"");
    op.flags = CIM_DIRECT_READ;
    driver_run(d, &op, &b);
    assert_status(b.status, NOT_FOUND);
    assert_status(driver_get(d, "root/test", "Right.Id=\"deep\"", &c), NOT_FOUND);
    assert_status(driver_delete(d, "root/test", "Right.Id=\"deep\""), NOT_FOUND);
    assert_status(driver_delete(d, "root/test", "Base.Id=\"deep\""), OK);
    assert_status(driver_delete(d, "root/test", "Inner.Id=\"deep\""), NOT_FOUND);
}

/* covers: cim-core:C5 cim-core:M6 */
static void put_errors(void **state)
{
    struct driver *d = *state;
    assert_status(driver_put(d, "root/test", "Base", 0, "Id=x", NULL), INVALID_OPERATION);
    assert_status(driver_put(d, "root/test", "Left", 0, "Size=1", NULL), ILLEGAL_NULL);
    assert_status(driver_put(d, "root/test", "Left", 0, "Id=m", "Must=", NULL), ILLEGAL_NULL);
    assert_status(driver_put(d, "root/test", "NoKey", 0, "Value=1", NULL), NO_KEY);
    assert_status(driver_put(d, "root/test", "Left", CIM_UPDATE_ONLY, "Id=none", NULL), NOT_FOUND);
    assert_status(
        driver_put(d, "root/test", "Left", CIM_CREATE_ONLY | CIM_UPDATE_ONLY, "Id=n", NULL),
        INVALID_PARAMETER);
    assert_status(driver_put(d, "root/test", "Left", CIM_CREATE_ONLY, "Id=once", NULL), OK);
    assert_status(driver_put(d, "root/test", "Left", CIM_CREATE_ONLY, "Id=ONCE", NULL),
                  ALREADY_EXISTS);
    /* Keys are unique in the whole tree. */
    assert_status(driver_put(d, "root/test", "Right", 0, "Id=once", NULL), ALREADY_EXISTS);
    assert_status(driver_put(d, "root/test", "Inner", 0, "Id=once", NULL), ALREADY_EXISTS);
    struct cim_op op = driver_op(d, CIM_OP_PUT_INSTANCE);
    struct answer a = { 0 };
    driver_run(d, &op, &a);
    assert_status(a.status, INVALID_PARAMETER);
    char longer[9000];
    memset(longer, 'k', sizeof longer);
    memcpy(longer, "Id=", 3);
    longer[sizeof longer - 1] = 0;
    assert_status(driver_put(d, "root/test", "Left", 0, longer, NULL), QUOTA_VIOLATION);
}

/* covers: cim-core:C5 cim-core:C18 */
static void partial_update(void **state)
{
    struct driver *d = *state;
    assert_status(driver_put(d, "root/test", "Right", 0, "Id=p", "Size=1", "Note=first", NULL), OK);
    assert_status(driver_put(d, "root/test", "Right", CIM_PARTIAL, "Id=p", "Size=2", NULL), OK);
    struct answer a = { 0 }, b = { 0 }, c = { 0 };
    driver_get(d, "root/test", "Right.Id=\"p\"", &a);
    assert_string_equal(driver_text(d, &a, 0, "Size"), "2");
    assert_string_equal(driver_text(d, &a, 0, "Note"), "first");
    assert_status(driver_put(d, "root/test", "Right", CIM_PARTIAL | CIM_PARTIAL_LAX_NULLS, "Id=p",
                             "Note=", NULL),
                  OK);
    driver_get(d, "root/test", "Right.Id=\"p\"", &b);
    assert_string_equal(driver_text(d, &b, 0, "Note"), "first");
    assert_status(driver_put(d, "root/test", "Right", CIM_PARTIAL, "Id=p", "Note=", NULL), OK);
    driver_get(d, "root/test", "Right.Id=\"p\"", &c);
    assert_string_equal(driver_text(d, &c, 0, "Note"), "NULL");
    assert_string_equal(driver_text(d, &c, 0, "Size"), "2");
    /* A full update sets what was not given back to its default. */
    assert_status(driver_put(d, "root/test", "Right", 0, "Id=p", NULL), OK);
    struct answer e = { 0 };
    driver_get(d, "root/test", "Right.Id=\"p\"", &e);
    assert_string_equal(driver_text(d, &e, 0, "Note"), "none");
    assert_string_equal(driver_text(d, &e, 0, "Size"), "NULL");
}

/* covers: cim-core:C5 */
static void partial_by_context(void **state)
{
    struct driver *d = *state;
    assert_status(driver_put(d, "root/test", "Right", 0, "Id=ctx", "Size=1", "Note=keep", NULL),
                  OK);
    struct answer got = { 0 };
    driver_get(d, "root/test", "Right.Id=\"ctx\"", &got);
    struct cim_instance *in = cim_instance_copy(&d->arena, cim_as_instance(got.objects[0]));
    cim_put_u64(in, "Size", 5);
    cim_put_null(in, "Note");
    struct cim_array list;
    cim_array_new(&d->arena, CIM_STRING, 1, &list);
    cim_array_set(list, CIM_STRING, 0, (union cim_data){ .s = SLICE("size") });
    struct cim_context_value context[2] = {
        { SLICE("__PUT_EXTENSIONS"), { .type = CIM_BOOLEAN, .v.u = 1 } },
        { SLICE("__PUT_EXT_PROPERTIES"), { .type = CIM_STRING | CIM_ARRAY, .v.a = list } },
    };
    struct cim_op op = driver_op(d, CIM_OP_PUT_INSTANCE);
    op.instance = in;
    op.context = context;
    op.context_count = 1;
    struct answer bad = { 0 }, ok = { 0 }, after = { 0 };
    driver_run(d, &op, &bad);
    assert_status(bad.status, INVALID_CONTEXT);
    op.context_count = 2;
    driver_run(d, &op, &ok);
    assert_status(ok.status, OK);
    assert_false(op.created);
    driver_get(d, "root/test", "Right.Id=\"ctx\"", &after);
    assert_string_equal(driver_text(d, &after, 0, "Size"), "5");
    assert_string_equal(driver_text(d, &after, 0, "Note"), "keep");
}

/* NULLs, said or not, are for those who ask for strict ones; part of the context without the rest is none.
 * covers: wmi-dcom:W17 */
static void partial_nulls_by_context(void **state)
{
    static const char *const alone[] = { "__PUT_EXT_STRICT_NULLS", "__PUT_EXT_ATOMIC", "__PUT_EXT_PROPERTIES" };
    struct driver *d = *state;
    assert_status(driver_put(d, "root/test", "Right", 0, "Id=nil", "Size=1", "Note=keep", NULL), OK);
    struct answer got = { 0 };
    driver_get(d, "root/test", "Right.Id=\"nil\"", &got);
    struct cim_instance *in = cim_instance_new(&d->arena, cim_as_instance(got.objects[0])->cls);
    struct cim_array list;
    cim_put_strz(in, "Id", "nil"); /* Size has no default and is not set, Note has one */
    cim_array_new(&d->arena, CIM_STRING, 1, &list);
    cim_array_set(list, CIM_STRING, 0, (union cim_data){ .s = SLICE("Size") });
    struct cim_context_value context[] = {
        { SLICE("__PUT_EXTENSIONS"), { .type = CIM_BOOLEAN, .v.u = 1 } },
        { SLICE("__PUT_EXT_PROPERTIES"), { .type = CIM_STRING | CIM_ARRAY, .v.a = list } },
        { SLICE("__PUT_EXT_ATOMIC"), { .type = CIM_BOOLEAN, .v.u = 1 } },
        { SLICE("__PUT_EXT_STRICT_NULLS"), { .type = CIM_BOOLEAN, .v.u = 1 } },
    };
    struct cim_op op = driver_op(d, CIM_OP_PUT_INSTANCE);
    op.instance = in;
    op.context = context;
    for (unsigned strict = 0; strict < 2; strict++) {
        struct answer put = { 0 }, after = { 0 };
        op.context_count = 3 + strict;
        driver_run(d, &op, &put);
        assert_status(put.status, OK);
        driver_get(d, "root/test", "Right.Id=\"nil\"", &after);
        assert_string_equal(driver_text(d, &after, 0, "Size"), strict ? "NULL" : "1");
        assert_string_equal(driver_text(d, &after, 0, "Note"), "keep");
    }
    for (int i = 0; i < 3; i++) {
        struct answer bad = { 0 };
        struct cim_context_value one = { slice_str(alone[i]), context[i == 2 ? 1 : 2].value };
        op.context = &one;
        op.context_count = 1;
        driver_run(d, &op, &bad);
        assert_status(bad.status, INVALID_CONTEXT);
    }
}

/* covers: cim-core:M5 cim-core:M13 */
static void singletons_and_paths(void **state)
{
    struct driver *d = *state;
    assert_status(driver_put(d, "root/test", "Only", 0, "Value=1", NULL), OK);
    assert_status(driver_put(d, "root/test", "Only", 0, "Value=2", NULL), OK);
    struct answer a = { 0 }, b = { 0 }, c = { 0 }, e = { 0 }, f = { 0 };
    assert_status(driver_get(d, "root/test", "Only=@", &a), OK);
    assert_string_equal(driver_text(d, &a, 0, "Value"), "2");
    assert_string_equal(driver_text(d, &a, 0, "__RELPATH"), "Only=@");
    assert_status(driver_get(d, "root/test", "Left=@", &b), INVALID_OBJECT_PATH);
    assert_status(driver_get(d, "root/test", "Two.A=1", &c), INVALID_OBJECT_PATH);
    assert_status(driver_put(d, "root/test", "Two", 0, "A=1", "B=x", NULL), OK);
    assert_status(driver_get(d, "root/test", "Two.B=\"X\",A=0x1", &e), OK);
    assert_string_equal(driver_text(d, &e, 0, "__RELPATH"), "Two.A=1,B=\"x\"");
    assert_status(driver_get(d, "root/test", "Nothing.Id=1", &f), INVALID_CLASS);
}

/* covers: cim-core:C7 */
static void enumerate(void **state)
{
    struct driver *d = *state;
    driver_mof(d, "root/test", "class Tree { [key] uint32 N; }; class Leaf : Tree { string L; };");
    for (unsigned i = 0; i < 40; i++) {
        char n[16];
        snprintf(n, sizeof n, "N=%u", i);
        assert_status(driver_put(d, "root/test", i % 4 ? "Tree" : "Leaf", 0, n, NULL), OK);
    }
    for (unsigned page = 0; page < 14; page++) {
        struct answer a = { .page = page }, b = { .again = page };
        assert_status(driver_enum(d, "root/test", "tree", 0, &a), OK);
        assert_int_equal(a.count, 40);
        uint64_t seen = 0;
        for (unsigned i = 0; i < a.count; i++)
            seen |= (uint64_t)1 << atoi(driver_text(d, &a, i, "N"));
        assert_true(seen == ((uint64_t)1 << 40) - 1);
        assert_status(driver_enum(d, "root/test", "Tree", 0, &b), OK);
        assert_int_equal(b.count, 40);
    }
    struct answer shallow = { 0 }, cast = { 0 }, none = { 0 }, keys = { 0 };
    assert_status(driver_enum(d, "root/test", "Tree", CIM_SHALLOW, &shallow), OK);
    assert_int_equal(shallow.count, 30);
    assert_status(driver_enum(d, "root/test", "Tree", CIM_CAST_TO_BASE, &cast), OK);
    for (unsigned i = 0; i < cast.count; i++)
        assert_string_equal(driver_class_name(&cast, i), "Tree");
    assert_status(driver_enum(d, "root/test", "None", 0, &none), INVALID_CLASS);
    assert_status(driver_enum(d, "root/test", "Leaf", CIM_KEYS_ONLY, &keys), OK);
    assert_string_equal(driver_text(d, &keys, 0, "L"), "UNSENT");
}

/* covers: cim-core:C12 cim-core:C19 */
static void admission(void **state)
{
    struct driver *d = *state;
    struct cim_op op = driver_op(d, CIM_OP_GET_INSTANCE);
    struct answer a = { 0 }, b = { 0 }, c = { 0 };
    op.path = driver_path(d, "Only=@");
    op.principal = NULL;
    driver_run(d, &op, &a);
    assert_status(a.status, ACCESS_DENIED);
    op.principal = &driver_user;
    op.ns = SLICE("root/security");
    driver_run(d, &op, &b);
    assert_status(b.status, ACCESS_DENIED);
    op.ns = SLICE("root/nowhere");
    driver_run(d, &op, &c);
    assert_status(c.status, INVALID_NAMESPACE);
    struct cim_op put = driver_op(d, CIM_OP_DELETE_INSTANCE);
    struct answer e = { 0 };
    put.path = driver_path(d, "Only=@");
    put.principal = &driver_user;
    driver_run(d, &put, &e);
    assert_status(e.status, ACCESS_DENIED);
}

/* covers: cim-core:C16 */
static void error_facts(void **state)
{
    struct driver *d = *state;
    struct answer a = { 0 };
    assert_status(driver_get(d, "root/test", "Left.Id=\"nobody\"", &a), NOT_FOUND);
    assert_status(a.error.status, NOT_FOUND);
    assert_string_equal(a.error.subject, "Left");
    assert_non_null(strstr(error_text(&a.error), "keys"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(put_and_get),        cmocka_unit_test(get_through_superclass),
        cmocka_unit_test(put_errors),         cmocka_unit_test(partial_update),
        cmocka_unit_test(partial_by_context),
        cmocka_unit_test(partial_nulls_by_context), cmocka_unit_test(singletons_and_paths),
        cmocka_unit_test(enumerate),          cmocka_unit_test(admission),
        cmocka_unit_test(error_facts),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
