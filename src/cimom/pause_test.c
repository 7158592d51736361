/* A paused server: what waits, how much of it, and the ends that waiting has. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "cimom/test_driver.h"

static struct driver d;
static struct error e;
static const struct cimom_caller admin = { .principal = &driver_admin };

static void open_with(struct cimom_config config)
{
    e = ERROR_INIT;
    driver_open(&d, &config);
    driver_mof(&d, "root/test", "class C { [key] string K; string V; };\n");
    assert_status(driver_put(&d, "root/test", "C", 0, "K=1", "V=a", NULL), OK);
}

static struct cim_op get_op(void)
{
    struct cim_op op = driver_op(&d, CIM_OP_GET_INSTANCE);
    op.path = driver_path(&d, "C.K=\"1\"");
    return op;
}

static bool idle(void)
{
    return !driver_step(&d, 0);
}

/* covers: wmi-dcom:W34 */
static void operations_wait(void **state)
{
    open_with((struct cimom_config){ .max_requests = 10 });
    struct cim_op ops[10], late = get_op();
    struct answer answers[10] = { { 0 } }, refused = { 0 };
    assert_status(cimom_resume(d.m, &admin, &e), INVALID_OPERATION);
    assert_status(cimom_pause(d.m, &admin, &e), OK);
    assert_status(cimom_pause(d.m, &admin, &e), INVALID_OPERATION);
    for (int i = 0; i < 10; i++) {
        ops[i] = get_op();
        driver_start(&d, &ops[i], &answers[i]);
    }
    assert_true(idle());
    for (int i = 0; i < 10; i++) assert_false(answers[i].done);
    assert_int_equal(cimom_active(d.m), 10);
    driver_start(&d, &late, &refused);
    assert_true(refused.done);
    assert_status(refused.status, SERVER_TOO_BUSY);
    /* Those who would block a thread are told. */
    assert_status(driver_mof_status(&d, "root/test", "class D { [key] string K; };\n", &e), SERVER_TOO_BUSY);
    assert_status(cimom_set_descriptor(d.m, &driver_admin, SLICE("root"), SLICE(""), &e), SERVER_TOO_BUSY);
    /* One gives up. */
    cim_cancel(d.manager, &ops[4]);
    assert_true(answers[4].done);
    assert_status(answers[4].status, CALL_CANCELLED);
    assert_status(cimom_resume(d.m, &admin, &e), OK);
    for (int i = 0; i < 10; i++) {
        if (i == 4) continue;
        driver_pump(&d, &answers[i]);
        assert_status(answers[i].status, OK);
        assert_string_equal(driver_text(&d, &answers[i], 0, "V"), "a");
    }
    assert_status(cimom_resume(d.m, &admin, &e), INVALID_OPERATION);
    driver_close(&d);
}

/* The store's file is the same at the end as at the begin of a pause; a backup of it is possible meanwhile. */
static void the_files_stay(void **state)
{
    open_with((struct cimom_config){ 0 });
    struct repo_info before, after;
    char path[96];
    snprintf(path, sizeof path, "%s/copy", d.dir);
    struct cim_op op = get_op();
    struct answer paged = { .page = 1 }, put = { 0 };
    assert_status(driver_put(&d, "root/test", "C", 0, "K=2", NULL), OK);
    assert_status(driver_put(&d, "root/test", "C", 0, "K=3", NULL), OK);
    op.verb = CIM_OP_QUERY;
    op.query = SLICE("SELECT * FROM C");
    driver_start(&d, &op, &paged);
    assert_status(cimom_pause(d.m, &admin, &e), OK);
    repo_info(d.repo, &before);
    struct cim_op change = driver_op(&d, CIM_OP_DELETE_INSTANCE);
    change.path = driver_path(&d, "C.K=\"1\"");
    driver_start(&d, &change, &put);
    cim_resume(d.manager, &op); /* what began before goes on */
    driver_step(&d, 0);
    assert_int_equal(paged.count, 2);
    assert_status(cimom_backup(d.m, &admin, path, &e), OK);
    repo_info(d.repo, &after);
    assert_int_equal(before.commits, after.commits);
    assert_false(put.done);
    assert_status(cimom_restore(d.m, &admin, 0, &e), INVALID_OPERATION);
    assert_status(cimom_resume(d.m, &admin, &e), OK);
    driver_pump(&d, &put);
    assert_status(put.status, OK);
    cim_cancel(d.manager, &op);
    driver_pump(&d, &paged);
    driver_close(&d);
}

/* covers: wmi-dcom:W34 */
static void it_ends_by_itself(void **state)
{
    open_with((struct cimom_config){ .pause_us = 20000 });
    struct cim_op op = get_op();
    struct answer a = { 0 };
    for (int i = 0; i < 3; i++) {
        a = (struct answer){ 0 };
        assert_status(cimom_pause(d.m, &admin, &e), OK);
        op = get_op();
        driver_start(&d, &op, &a);
        driver_pump(&d, &a); /* nobody resumes it */
        assert_status(a.status, OK);
        assert_status(cimom_resume(d.m, &admin, &e), INVALID_OPERATION);
    }
    driver_close(&d);
}

static void time_limits_count(void **state)
{
    open_with((struct cimom_config){ 0 });
    struct cim_op op = get_op();
    struct answer a = { 0 };
    assert_status(cimom_pause(d.m, &admin, &e), OK);
    op.deadline_us = clock_mono_us() + 10000;
    driver_start(&d, &op, &a);
    driver_pump(&d, &a);
    assert_status(a.status, TIMED_OUT);
    assert_status(cimom_resume(d.m, &admin, &e), OK);
    driver_close(&d);
}

static void the_end_of_the_server(void **state)
{
    open_with((struct cimom_config){ 0 });
    struct cim_op op = get_op(), other = get_op();
    struct answer a = { 0 }, b = { 0 };
    assert_status(cimom_pause(d.m, &admin, &e), OK);
    driver_start(&d, &op, &a);
    driver_start(&d, &other, &b);
    cimom_stop(d.m);
    driver_pump(&d, &a);
    driver_pump(&d, &b);
    assert_status(a.status, SHUTTING_DOWN);
    assert_status(b.status, SHUTTING_DOWN);
    assert_status(cimom_pause(d.m, &admin, &e), SHUTTING_DOWN);
    driver_close(&d);
}

/* Pauses and ends of pauses beside operations that come, wait and give up: each is answered once. */
static void *pause_often(void *arg)
{
    struct error own = ERROR_INIT;
    for (int i = 0; i < 200; i++) {
        cimf_status s = cimom_pause(d.m, &admin, &own);
        if (s && s != CIMF_INVALID_OPERATION) return NULL;
        s = cimom_resume(d.m, &admin, &own);
        if (s && s != CIMF_INVALID_OPERATION) return NULL;
    }
    return &d;
}

static void many_pauses(void **state)
{
    enum { OPS = 16, ROUNDS = 120 };
    pthread_t thread;
    void *ok;
    open_with((struct cimom_config){ .pause_us = 500 });
    assert_int_equal(pthread_create(&thread, NULL, pause_often, NULL), 0);
    for (int r = 0; r < ROUNDS; r++) {
        struct cim_op ops[OPS];
        struct answer answers[OPS] = { { 0 } };
        for (int i = 0; i < OPS; i++) {
            ops[i] = get_op();
            if (i % 5 == 1) ops[i].deadline_us = clock_mono_us() + 100;
            driver_start(&d, &ops[i], &answers[i]);
            if (i % 4 == 3 && !answers[i].done) cim_cancel(d.manager, &ops[i]);
        }
        for (int i = 0; i < OPS; i++) {
            driver_pump(&d, &answers[i]);
            cimf_status s = answers[i].status;
            assert_true(s == CIMF_OK || s == CIMF_CALL_CANCELLED || s == CIMF_TIMED_OUT);
        }
        arena_reset(&d.arena);
    }
    pthread_join(thread, &ok);
    assert_non_null(ok);
    driver_close(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(operations_wait),   cmocka_unit_test(the_files_stay),
        cmocka_unit_test(it_ends_by_itself), cmocka_unit_test(time_limits_count),
        cmocka_unit_test(the_end_of_the_server), cmocka_unit_test(many_pauses),
    };
    return cmocka_run_group_tests_name("pause", tests, NULL, NULL);
}
