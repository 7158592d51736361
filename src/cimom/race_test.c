/* Many threads at once: readers, writers of instances, of classes and of namespaces. Meant for the
 * thread sanitizer; what it checks itself are lost updates and torn answers. */
#include <stdio.h>
#include <stdlib.h>

#include "cimom/test_driver.h"

enum { ROUNDS = 60, THREADS = 7 };

static struct driver main_driver;
static _Atomic int wrong;

static void must(bool ok, const char *what)
{
    if (ok) return;
    fprintf(stderr, "race: %s\n", what);
    wrong++;
}

/* A driver of another thread on the same manager. */
static void attach(struct driver *d)
{
    *d = (struct driver){ .home = main_driver.home,
                          .thread = pthread_self(),
                          .m = main_driver.m,
                          .manager = main_driver.manager,
                          .repo = main_driver.repo };
    pthread_mutex_init(&d->lock, NULL);
    pthread_cond_init(&d->posted, NULL);
    arena_init(&d->arena, (size_t)1 << 30);
}

static void detach(struct driver *d)
{
    arena_free(&d->arena);
    free(d->queue);
    pthread_mutex_destroy(&d->lock);
    pthread_cond_destroy(&d->posted);
}

/* Two threads write one property each of the same instance (C18). */
static void *writer(void *arg)
{
    struct driver d;
    const char *property = arg;
    attach(&d);
    for (int i = 1; i <= ROUNDS; i++) {
        char pair[32], own[32];
        snprintf(pair, sizeof pair, "%s=%d", property, i);
        must(!driver_put(&d, "root/test", "Shared", CIM_PARTIAL, "K=1", pair, NULL),
             "partial update");
        snprintf(own, sizeof own, "K=%s%d", property, i);
        must(!driver_put(&d, "root/test", "Shared", CIM_CREATE_ONLY, own, NULL), "create");
        if (i % 3 == 0) {
            snprintf(own, sizeof own, "Shared.K=\"%s%d\"", property, i);
            must(!driver_delete(&d, "root/test", own), "delete");
        }
    }
    detach(&d);
    return NULL;
}

static void *reader(void *arg)
{
    struct driver d;
    attach(&d);
    for (int i = 0; i < ROUNDS * 4; i++) {
        struct answer a = { .page = 3 }, b = { 0 }, c = { 0 };
        must(!driver_query(&d, "root/test", "SELECT * FROM Base WHERE K >= '1'", &a), "query");
        must(a.count >= 1, "the shared instance is there");
        must(!driver_get(&d, "root/test", "Base.K=\"1\"", &b), "get");
        cimf_status s = driver_query(&d, "root/test/tmp", "SELECT * FROM __NAMESPACE", &c);
        must(!s || s == CIMF_INVALID_NAMESPACE, "namespace that comes and goes");
        arena_reset(&d.arena);
    }
    detach(&d);
    return NULL;
}

static void *schema_writer(void *arg)
{
    struct driver d;
    attach(&d);
    for (int i = 0; i < ROUNDS; i++) {
        char text[128];
        struct error e = ERROR_INIT;
        snprintf(text, sizeof text, "class Side : Base { uint32 V%d; }; class Tail%d : Side { };",
                 i, i % 3);
        cimf_status s = driver_mof_status(&d, "root/test", text, &e);
        must(!s || s == CIMF_CLASS_HAS_CHILDREN, "class");
        struct cim_op op = driver_op(&d, CIM_OP_DELETE_CLASS);
        struct answer a = { 0 };
        op.path.kind = CIM_PATH_CLASS;
        op.path.class_name = SLICE("Side");
        driver_run(&d, &op, &a);
        must(!a.status, "delete class");
        arena_reset(&d.arena);
    }
    detach(&d);
    return NULL;
}

static void *namespace_writer(void *arg)
{
    struct driver d;
    attach(&d);
    for (int i = 0; i < ROUNDS / 4; i++) {
        must(!driver_put(&d, "root/test", "__NAMESPACE", CIM_CREATE_ONLY, "Name=tmp", NULL),
             "make namespace");
        must(!driver_delete(&d, "root/test", "__NAMESPACE.Name=\"tmp\""), "delete namespace");
    }
    detach(&d);
    return NULL;
}

static cimf_status get_as(struct driver *d, const struct principal *p)
{
    struct cim_op op = driver_op(d, CIM_OP_GET_INSTANCE);
    struct answer a = { 0 };
    op.principal = p;
    op.path = driver_path(d, "Base.K=\"1\"");
    driver_run(d, &op, &a);
    return a.status;
}

/* Takes rights from users, and after each change they are gone or back at once; the administrator keeps them. */
static void *descriptor_writer(void *arg)
{
    static const char *const texts[] = { "O:BAG:BAD:(A;CI;CCDCLCSWRPWPRCWD;;;BA)(D;CI;CC;;;RM)",
                                         "O:BAG:BAD:(A;CI;CCDCLCSWRPWPRCWD;;;BA)" };
    struct driver d;
    attach(&d);
    for (int i = 0; i < ROUNDS; i++) {
        struct error e = ERROR_INIT;
        must(!cimom_set_descriptor(d.m, &driver_admin, SLICE("root/test"), slice_str(texts[i % 2]), &e), "descriptor");
        must((get_as(&d, &driver_user) == CIMF_OK) == (i % 2 == 1), "the change is in force");
        arena_reset(&d.arena);
    }
    detach(&d);
    return NULL;
}

static void *user(void *arg)
{
    struct driver d;
    attach(&d);
    for (int i = 0; i < ROUNDS * 4; i++) {
        cimf_status s = get_as(&d, &driver_user);
        must(!s || s == CIMF_ACCESS_DENIED, "user");
        must(!get_as(&d, &driver_admin), "administrator");
        arena_reset(&d.arena);
    }
    detach(&d);
    return NULL;
}

/* covers: cim-core:C18 */
static void races(void **state)
{
    driver_open(&main_driver, NULL);
    driver_mof(
        &main_driver, "root/test",
        "[abstract] class Base { [key] string K; }; class Shared : Base { uint32 A; uint32 B; };"
        "instance of Shared { K = \"1\"; };");
    pthread_t t[THREADS];
    pthread_create(&t[0], NULL, writer, (void *)(uintptr_t) "A");
    pthread_create(&t[1], NULL, writer, (void *)(uintptr_t) "B");
    pthread_create(&t[2], NULL, reader, NULL);
    pthread_create(&t[3], NULL, schema_writer, NULL);
    pthread_create(&t[4], NULL, namespace_writer, NULL);
    pthread_create(&t[5], NULL, descriptor_writer, NULL);
    pthread_create(&t[6], NULL, user, NULL);
    for (int i = 0; i < THREADS; i++) pthread_join(t[i], NULL);
    assert_int_equal(wrong, 0);
    struct answer a = { 0 };
    char last[16];
    snprintf(last, sizeof last, "%d", ROUNDS);
    assert_status(driver_get(&main_driver, "root/test", "Shared.K=\"1\"", &a), OK);
    assert_string_equal(driver_text(&main_driver, &a, 0, "A"), last);
    assert_string_equal(driver_text(&main_driver, &a, 0, "B"), last);
    driver_close(&main_driver);
}

/* A paused operation may go on at another thread: a Pull comes on whatever connection it likes. */
struct moved {
    struct cim_op *op;
    struct answer *a;
};

static void *go_on(void *arg)
{
    struct moved *m = arg;
    struct driver d;
    attach(&d);
    m->op->home = &d.home;
    unsigned want = m->a->count + 3;
    m->a->d = &d;
    unsigned seen = m->a->pauses;
    m->a->page = want;
    cim_resume(d.manager, m->op);
    while (!m->a->done && m->a->pauses == seen) driver_step(&d, 1000);
    m->a->d = &main_driver;
    detach(&d);
    return NULL;
}

static void moves_between_threads(void **state)
{
    driver_open(&main_driver, NULL);
    driver_mof(&main_driver, "root/test", "class N { [key] uint32 K; };");
    for (unsigned i = 0; i < 50; i++) {
        char k[16];
        snprintf(k, sizeof k, "K=%u", i);
        assert_status(driver_put(&main_driver, "root/test", "N", 0, k, NULL), OK);
    }
    struct cim_op op = driver_op(&main_driver, CIM_OP_QUERY);
    struct answer a = { .page = 1 };
    op.query = SLICE("SELECT K FROM N WHERE K >= 5");
    driver_start(&main_driver, &op, &a);
    unsigned total = a.count;
    for (int i = 0; i < 100 && !a.done; i++) {
        pthread_t t;
        struct moved m = { &op, &a };
        /* Results live in the arena of the thread that took them: only their number is looked at.
         */
        a.objects = NULL;
        a.count = 0;
        pthread_create(&t, NULL, go_on, &m);
        pthread_join(t, NULL);
        total += a.count;
    }
    assert_true(a.done);
    assert_int_equal(total, 45);
    assert_status(a.status, OK);
    driver_close(&main_driver);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(races),
                                        cmocka_unit_test(moves_between_threads) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
