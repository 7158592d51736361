/* The whole store replaced while the manager runs: who sees which content, and what happens to what is at work. */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cimom/test_driver.h"

static struct driver d;
static const struct cimom_caller admin = { .principal = &driver_admin, .file = SLICE("x.bak") };

/* --- a provider that waits until it may go on ---------------------------------------------------------- */

static struct {
    pthread_mutex_t lock;
    pthread_cond_t change;
    bool open;
    unsigned inside;
} T = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, true, 0 };

static void gate(void)
{
    pthread_mutex_lock(&T.lock);
    T.inside++;
    pthread_cond_broadcast(&T.change);
    while (!T.open) pthread_cond_wait(&T.change, &T.lock);
    T.inside--;
    pthread_mutex_unlock(&T.lock);
}

static void gate_set(bool open, unsigned wait_inside)
{
    pthread_mutex_lock(&T.lock);
    T.open = open;
    pthread_cond_broadcast(&T.change);
    while (wait_inside && T.inside != wait_inside) pthread_cond_wait(&T.change, &T.lock);
    pthread_mutex_unlock(&T.lock);
}

static cimf_status slow_open(struct provider_call *c, void **state, size_t *rows)
{
    gate();
    *rows = 3;
    return CIMF_OK;
}

static cimf_status slow_fill(struct provider_call *c, void *state, size_t row, struct cim_instance *out)
{
    char id[16];
    snprintf(id, sizeof id, "s%zu", row);
    cim_put_strz(out, "Id", id);
    return CIMF_OK;
}

static cimf_status slow_invoke(struct provider_call *c, const struct cim_method *m, const struct cim_instance *target,
                               const struct cim_instance *in, struct cim_instance *out)
{
    gate();
    cim_put_u64(out, "ReturnValue", 3);
    return CIMF_OK;
}

static const struct provider_class slow = { "root/test", "P_Slow", PROVIDER_BLOCKING, slow_open, slow_fill, NULL, NULL, NULL,
                                            slow_invoke };
static const struct provider_class *const providers[] = { &slow, NULL };

/* --- the two contents ------------------------------------------------------------------------------------ */

static char path_a[96], path_b[96];

static void put_all(const char *v)
{
    char pair[16], value[16];
    snprintf(value, sizeof value, "V=%s", v);
    for (int i = 0; i < 20; i++) {
        snprintf(pair, sizeof pair, "K=k%02d", i);
        assert_status(driver_put(&d, "root/test", "C", 0, pair, value, NULL), OK);
    }
}

/* A: C has V, all are "a"; B: it has W too, all are "b", there is a namespace more and one class less. */
static void two_contents(void)
{
    struct error e = ERROR_INIT;
    snprintf(path_a, sizeof path_a, "%s/a.bak", d.dir);
    snprintf(path_b, sizeof path_b, "%s/b.bak", d.dir);
    driver_mof(&d, "root/test", "class C { [key] string K; string V; }; class OnlyA { [key] string K; };\n"
                                "[dynamic, provider(\"p\")] class P_Slow { [key] string Id; [static, implemented] uint32 Go(); };\n");
    put_all("a");
    assert_status(cimom_backup(d.m, &admin, path_a, &e), OK);
    driver_mof(&d, "root/test", "#pragma deleteclass(\"C\", fail)\n"
                                "class C { [key] string K; string V; string W; };\n"
                                "#pragma deleteclass(\"OnlyA\", fail)\n"
                                "#pragma namespace(\"root\")\ninstance of __Namespace { Name = \"onlyb\"; };\n");
    put_all("b");
    assert_status(cimom_backup(d.m, &admin, path_b, &e), OK);
}

static int setup(void **state)
{
    struct cimom_config config = { .providers = providers };
    driver_open(&d, &config);
    two_contents();
    return 0;
}

static int teardown(void **state)
{
    driver_close(&d);
    return 0;
}

static cimf_status restore_as(const struct cimom_caller *who, const char *path, struct error *e)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    cimf_status s = cimom_restore(d.m, who, fd, e);
    close(fd);
    return s;
}

static void restore(const char *path)
{
    struct error e = ERROR_INIT;
    cimf_status s = restore_as(&admin, path, &e);
    if (s) fail_msg("restore: %s: %s", cimf_status_name(s), error_text(&e));
}

static void expect_content(char which)
{
    struct answer all = { 0 }, only = { 0 }, ns = { 0 };
    char v[2] = { which, 0 };
    assert_status(driver_query(&d, "root/test", "SELECT * FROM C", &all), OK);
    assert_int_equal(all.count, 20);
    for (unsigned i = 0; i < all.count; i++) {
        assert_string_equal(driver_text(&d, &all, i, "V"), v);
        assert_string_equal(driver_text(&d, &all, i, "W"), which == 'a' ? "ABSENT" : "NULL");
    }
    if (which == 'a') assert_status(driver_enum(&d, "root/test", "OnlyA", 0, &only), OK);
    else assert_status(driver_enum(&d, "root/test", "OnlyA", 0, &only), INVALID_CLASS);
    if (which == 'a') assert_status(driver_enum(&d, "root/onlyb", "__NAMESPACE", 0, &ns), INVALID_NAMESPACE);
    else assert_status(driver_enum(&d, "root/onlyb", "__NAMESPACE", 0, &ns), OK);
}

/* --- tests ----------------------------------------------------------------------------------------------- */

/* covers: cim-core:C17 */
static void the_content_of_the_backup(void **state)
{
    expect_content('b');
    restore(path_a);
    expect_content('a');
    /* It can be written, and changes of classes build on it: their numbers were used before, by others. */
    assert_status(driver_put(&d, "root/test", "C", 0, "K=new", "V=a", NULL), OK);
    driver_mof(&d, "root/test", "class More : C { string X; };\n");
    assert_status(driver_put(&d, "root/test", "More", 0, "K=m", "X=x", NULL), OK);
    struct answer x = { 0 };
    assert_status(driver_get(&d, "root/test", "More.K=\"m\"", &x), OK);
    assert_string_equal(driver_text(&d, &x, 0, "X"), "x");
    assert_string_equal(driver_text(&d, &x, 0, "W"), "ABSENT");
    restore(path_b);
    expect_content('b');
    driver_reopen(&d);
    expect_content('b');
}

static void descriptors_come_along(void **state)
{
    struct error e = ERROR_INIT;
    struct buf before, after;
    char path[96];
    buf_init(&before, 0);
    buf_init(&after, 0);
    snprintf(path, sizeof path, "%s/sd.bak", d.dir);
    assert_status(cimom_descriptor(d.m, &driver_admin, SLICE("root/test"), &before, &e), OK);
    assert_status(cimom_backup(d.m, &admin, path, &e), OK);
    assert_status(cimom_set_descriptor(d.m, &driver_admin, SLICE("root"), SLICE("O:BAG:BAD:P(A;CI;CCDCLCSWRPWPRCWD;;;BA)"), &e), OK);
    struct cim_op op = driver_op(&d, CIM_OP_ENUM_CLASSES);
    struct answer denied = { 0 }, allowed = { 0 };
    op.principal = &driver_user;
    driver_run(&d, &op, &denied);
    assert_status(denied.status, ACCESS_DENIED);
    restore(path);
    driver_run(&d, &op, &allowed);
    assert_status(allowed.status, OK);
    assert_status(cimom_descriptor(d.m, &driver_admin, SLICE("root/test"), &after, &e), OK);
    assert_true(slice_eq(buf_slice(&before), buf_slice(&after)));
    buf_free(&before);
    buf_free(&after);
}

static void who_may(void **state)
{
    struct error e = ERROR_INIT;
    struct cimom_caller user = { .principal = &driver_user }, nobody = { .principal = NULL };
    uint64_t before = cimom_generation(d.m);
    assert_status(restore_as(&user, path_a, &e), ACCESS_DENIED);
    assert_status(restore_as(&nobody, path_a, &e), ACCESS_DENIED);
    assert_status(cimom_pause(d.m, &user, &e), ACCESS_DENIED);
    assert_status(cimom_resume(d.m, &user, &e), ACCESS_DENIED);
    assert_int_equal(cimom_generation(d.m), before);
    expect_content('b');
}

/* Who is at work when a bad file is offered does not notice. */
static void a_bad_file_disturbs_nobody(void **state)
{
    struct error e = ERROR_INIT;
    struct cim_op op = driver_op(&d, CIM_OP_QUERY);
    struct answer a = { .page = 3 };
    op.query = SLICE("SELECT * FROM C");
    driver_start(&d, &op, &a);
    assert_int_equal(a.count, 3);
    assert_int_equal(truncate(path_a, 20000), 0);
    assert_status(restore_as(&admin, path_a, &e), CORRUPT_STORE);
    a.page = 0;
    cim_resume(d.manager, &op);
    driver_pump(&d, &a);
    assert_status(a.status, OK);
    assert_int_equal(a.count, 20);
    expect_content('b');
}

static void results_of_the_former_content(void **state)
{
    struct cim_op op = driver_op(&d, CIM_OP_QUERY), classes = driver_op(&d, CIM_OP_ENUM_CLASSES);
    struct answer a = { .page = 3 }, b = { .page = 1 }, c = { .again = 2 };
    op.query = SLICE("SELECT * FROM C");
    struct cim_op refused = op;
    driver_start(&d, &op, &a);
    driver_start(&d, &classes, &b);
    driver_start(&d, &refused, &c);
    restore(path_a);
    unsigned seen = a.count;
    cim_resume(d.manager, &op);
    cim_resume(d.manager, &classes);
    cim_resume(d.manager, &refused);
    driver_pump(&d, &a);
    driver_pump(&d, &b);
    driver_pump(&d, &c);
    assert_status(a.status, INVALID_NAMESPACE);
    assert_status(b.status, INVALID_NAMESPACE);
    assert_status(c.status, INVALID_NAMESPACE);
    assert_int_equal(a.count, seen); /* nothing more of it */
    expect_content('a');
}

struct restoring {
    pthread_t thread;
    const char *path;
    cimf_status status;
};

static void *restore_thread(void *arg)
{
    struct restoring *r = arg;
    struct error e = ERROR_INIT;
    r->status = restore_as(&admin, r->path, &e);
    return NULL;
}

/* What a provider was busy with: a call has happened and says so, results are of the former classes. */
static void calls_on_the_pool(void **state)
{
    struct cim_op get = driver_op(&d, CIM_OP_ENUM_INSTANCES), call = driver_op(&d, CIM_OP_INVOKE);
    struct answer a = { 0 }, b = { 0 };
    get.path = (struct cim_path){ .kind = CIM_PATH_CLASS, .class_name = SLICE("P_Slow") };
    call.path = get.path;
    call.method = SLICE("Go");
    gate_set(false, 0);
    driver_start(&d, &get, &a);
    driver_start(&d, &call, &b);
    gate_set(false, 2);
    restore(path_a);
    gate_set(true, 0);
    driver_pump(&d, &a);
    driver_pump(&d, &b);
    assert_status(a.status, INVALID_NAMESPACE);
    assert_int_equal(a.count, 0);
    assert_status(b.status, OK);
    assert_string_equal(driver_text(&d, &b, 0, "ReturnValue"), "3");
    struct answer again = { 0 };
    get.state = NULL;
    driver_run(&d, &get, &again);
    assert_status(again.status, OK);
    assert_int_equal(again.count, 3);
}

static unsigned told;
static cimf_status meanwhile[3];

/* While records are replaced; the thread stands for the home thread, which waits for it. */
static void on_restore(void *arg)
{
    struct answer a = { 0 };
    struct error e = ERROR_INIT;
    told++;
    d.thread = pthread_self();
    assert_true(cimom_restoring(d.m));
    meanwhile[0] = driver_query(&d, "root/test", "SELECT * FROM C", &a);
    meanwhile[1] = cimom_pause(d.m, &admin, &e);
    meanwhile[2] = restore_as(&admin, path_b, &e);
}

/* covers: wmi-dcom:W38 */
static void calls_while_it_runs(void **state)
{
    pthread_t own = pthread_self();
    struct restoring r = { .path = path_a };
    told = 0;
    cimom_on_restore(d.m, on_restore, NULL);
    assert_int_equal(pthread_create(&r.thread, NULL, restore_thread, &r), 0);
    pthread_join(r.thread, NULL);
    d.thread = own;
    assert_status(r.status, OK);
    assert_int_equal(told, 1);
    assert_status(meanwhile[0], SERVER_STOPPING);
    assert_status(meanwhile[1], BACKUP_RESTORE_RUNNING);
    assert_status(meanwhile[2], BACKUP_RESTORE_RUNNING);
    assert_int_equal(cimf_status_info(CIMF_SERVER_STOPPING)->hresult, 0x80080008);
    assert_false(cimom_restoring(d.m));
    cimom_on_restore(d.m, NULL, NULL);
    expect_content('a');
}

/* A backup of an older program: the built-in schema follows in the same step. */
static void a_backup_of_another_version(void **state)
{
    struct repo_txn *txn;
    struct slice version;
    d.config.version = "another";
    driver_reopen(&d);
    restore(path_a);
    expect_content('a');
    assert_status(repo_read_begin(d.repo, &txn, NULL), OK);
    assert_status(repo_get_setting(txn, &d.arena, SLICE_NULL, SLICE("schema.version"), &version, NULL), OK);
    repo_read_end(txn);
    assert_true(slice_is(version, "another"));
    struct answer a = { 0 };
    assert_status(driver_query(&d, "root/cimv2", "SELECT * FROM meta_class", &a), OK);
    assert_true(a.count > 10);
    driver_mof(&d, "root/cimv2", "class Mine { [key] string K; };\n");
    driver_mof(&d, "root/test", "class Mine : C { string Z; };\n");
    assert_status(driver_put(&d, "root/test", "Mine", 0, "K=z", "Z=z", NULL), OK);
    driver_reopen(&d);
}

/* One after the other, beside an operation at a time: each sees one content or ends. */
static void *restore_all(void *arg)
{
    struct restoring *r = arg;
    for (int i = 0; i < 24 && !r->status; i++) {
        struct error e = ERROR_INIT;
        r->status = restore_as(&admin, i % 2 ? path_b : path_a, &e);
    }
    atomic_store((atomic_bool *)(uintptr_t)r->path, true);
    return NULL;
}

static void one_content_at_a_time(void **state)
{
    atomic_bool over = false;
    struct restoring r = { .path = (const char *)&over };
    unsigned whole = 0, rounds = 0;
    assert_int_equal(pthread_create(&r.thread, NULL, restore_all, &r), 0);
    while (!atomic_load(&over)) {
        struct answer a = { .page = rounds % 3 ? 7 : 0 };
        cimf_status s = driver_query(&d, "root/test", "SELECT * FROM C", &a);
        rounds++;
        for (unsigned i = 0; i < a.count; i++) {
            const char *v = driver_text(&d, &a, i, "V"), *w = driver_text(&d, &a, i, "W");
            assert_string_equal(v, driver_text(&d, &a, 0, "V"));
            assert_string_equal(w, *v == 'a' ? "ABSENT" : "NULL");
        }
        if (!s) {
            assert_int_equal(a.count, 20);
            whole++;
        } else {
            assert_true(s == CIMF_SERVER_STOPPING || s == CIMF_INVALID_NAMESPACE);
        }
        struct cim_schema *schema = d.manager->schema(d.manager, SLICE("root/test"), &driver_admin);
        assert_non_null(schema);
        cim_schema_unref(schema);
        s = driver_delete(&d, "root/test", "C.K=\"none\"");
        assert_true(s == CIMF_NOT_FOUND || s == CIMF_SERVER_STOPPING || s == CIMF_INVALID_NAMESPACE);
        arena_reset(&d.arena);
    }
    pthread_join(r.thread, NULL);
    assert_status(r.status, OK);
    assert_true(whole > 0);
    expect_content('b');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_content_of_the_backup, setup, teardown),
        cmocka_unit_test_setup_teardown(descriptors_come_along, setup, teardown),
        cmocka_unit_test_setup_teardown(who_may, setup, teardown),
        cmocka_unit_test_setup_teardown(a_bad_file_disturbs_nobody, setup, teardown),
        cmocka_unit_test_setup_teardown(results_of_the_former_content, setup, teardown),
        cmocka_unit_test_setup_teardown(calls_on_the_pool, setup, teardown),
        cmocka_unit_test_setup_teardown(calls_while_it_runs, setup, teardown),
        cmocka_unit_test_setup_teardown(a_backup_of_another_version, setup, teardown),
        cmocka_unit_test_setup_teardown(one_content_at_a_time, setup, teardown),
    };
    return cmocka_run_group_tests_name("restore", tests, NULL, NULL);
}
