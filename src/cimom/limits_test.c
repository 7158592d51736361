/* Options and bounds of the manager: strict parents, little memory, partial retrieval, backup,
 * shutdown. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cimom/test_driver.h"

static const char schema_mof[] =
    "class Parent { [key] string K; string V; uint32 N; };\nclass Child : Parent { };\n";

/* covers: cim-core:C5 */
static void strict_parents(void **state)
{
    struct driver d;
    struct cimom_config config = { .strict_parents = true };
    driver_open(&d, &config);
    driver_mof(&d, "root/test", schema_mof);
    assert_status(driver_put(&d, "root/test", "Parent", 0, "K=1", NULL), OK);
    assert_status(driver_put(&d, "root/test", "Child", 0, "K=2", NULL), NOT_FOUND);
    d.config.strict_parents = false;
    driver_reopen(&d);
    assert_status(driver_put(&d, "root/test", "Child", 0, "K=2", NULL), OK);
    driver_close(&d);
}

/* An operation that needs more memory than it may have fails; nothing else does. */
static void little_memory(void **state)
{
    struct driver d;
    driver_open(&d, NULL);
    driver_mof(&d, "root/test", schema_mof);
    char *big = arena_alloc(&d.arena, 300000);
    memset(big, 'x', 299999);
    big[299999] = 0;
    memcpy(big, "V=", 2);
    assert_status(driver_put(&d, "root/test", "Parent", 0, "K=big", big, NULL), OK);
    assert_status(driver_put(&d, "root/test", "Parent", 0, "K=small", NULL), OK);
    d.config.operation_memory = 65536;
    driver_reopen(&d);
    struct answer a = { 0 }, b = { 0 }, c = { 0 };
    assert_status(driver_get(&d, "root/test", "Parent.K=\"big\"", &a), OUT_OF_MEMORY);
    assert_status(driver_enum(&d, "root/test", "Parent", 0, &b), OUT_OF_MEMORY);
    assert_status(driver_get(&d, "root/test", "Parent.K=\"small\"", &c), OK);
    for (size_t cap = 64; cap < 65536; cap += cap / 3 + 64) {
        struct answer e = { 0 }, f = { 0 }, g = { 0 };
        d.config.operation_memory = cap;
        driver_reopen(&d);
        driver_get(&d, "root/test", "Parent.K=\"small\"", &e);
        driver_query(&d, "root/test", "SELECT N FROM Parent WHERE K = 'small' AND N > 3", &f);
        driver_put(&d, "root/test", "Parent", 0, "K=small", "N=1", NULL);
        driver_query(&d, "root/test", "ASSOCIATORS OF {Parent.K='small'}", &g);
    }
    driver_close(&d);
}

/* covers: cim-core:C9 */
static void partial_get(void **state)
{
    struct driver d;
    driver_open(&d, NULL);
    driver_mof(&d, "root/test", schema_mof);
    assert_status(driver_put(&d, "root/test", "Parent", 0, "K=1", "V=v", "N=3", NULL), OK);
    struct cim_array list;
    cim_array_new(&d.arena, CIM_STRING, 1, &list);
    cim_array_set(list, CIM_STRING, 0, (union cim_data){ .s = SLICE("v") });
    struct cim_context_value context[] = {
        { SLICE("__GET_EXTENSIONS"), { .type = CIM_BOOLEAN, .v.u = 1 } },
        { SLICE("__GET_EXT_PROPERTIES"), { .type = CIM_STRING | CIM_ARRAY, .v.a = list } },
        { SLICE("__GET_EXT_KEYS_ONLY"), { .type = CIM_BOOLEAN, .v.u = 1 } },
    };
    struct cim_op op = driver_op(&d, CIM_OP_GET_INSTANCE);
    struct answer a = { 0 }, b = { 0 }, c = { 0 };
    op.path = driver_path(&d, "Parent.K=\"1\"");
    op.context = context;
    op.context_count = 2;
    driver_run(&d, &op, &a);
    assert_string_equal(driver_text(&d, &a, 0, "V"), "v");
    assert_string_equal(driver_text(&d, &a, 0, "K"), "1");
    assert_string_equal(driver_text(&d, &a, 0, "N"), "UNSENT");
    op.context_count = 3;
    driver_run(&d, &op, &b);
    assert_string_equal(driver_text(&d, &b, 0, "V"), "UNSENT");
    op.context_count = 1;
    driver_run(&d, &op, &c);
    assert_status(c.status, INVALID_CONTEXT);
    driver_close(&d);
}

/* covers: cim-core:C17 */
static void backup(void **state)
{
    struct driver d;
    char path[96];
    struct error e = ERROR_INIT;
    driver_open(&d, NULL);
    driver_mof(&d, "root/test", schema_mof);
    assert_status(driver_put(&d, "root/test", "Parent", 0, "K=1", NULL), OK);
    snprintf(path, sizeof path, "%s/backup.mdb", d.dir);
    struct cimom_caller user = { .principal = &driver_user }, admin = { .principal = &driver_admin };
    assert_status(cimom_backup(d.m, &user, path, &e), ACCESS_DENIED);
    assert_int_equal(access(path, F_OK), -1);
    assert_status(cimom_backup(d.m, &admin, path, &e), OK);
    assert_int_equal(repo_verify_file(path, NULL, &e), CIMF_OK);
    driver_close(&d);
}

static void shutdown_refuses(void **state)
{
    struct driver d;
    driver_open(&d, NULL);
    struct cim_op op = driver_op(&d, CIM_OP_ENUM_CLASSES);
    struct answer a = { .page = 1 }, b = { 0 };
    driver_start(&d, &op, &a);
    assert_int_equal(cimom_active(d.m), 1);
    cimom_stop(d.m);
    assert_status(driver_enum(&d, "root/test", "__NAMESPACE", 0, &b), SHUTTING_DOWN);
    cim_cancel(d.manager, &op); /* what is open still ends in order */
    driver_pump(&d, &a);
    assert_status(a.status, CALL_CANCELLED);
    driver_close(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strict_parents),   cmocka_unit_test(little_memory),
        cmocka_unit_test(partial_get),      cmocka_unit_test(backup),
        cmocka_unit_test(shutdown_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
