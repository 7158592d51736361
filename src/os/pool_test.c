#include "os/pool.h"

#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/test.h"
#include "os/loop.h"

static struct pool *pool;
static atomic_int ran;

static void count_up(void *arg)
{
    if (!exec_here(pool_exec(pool))) abort();
    atomic_fetch_add(&ran, 1);
}

static sem_t gate, entered;
static void block(void *arg)
{
    sem_post(&entered);
    while (sem_wait(&gate) != 0) continue;
    atomic_fetch_add(&ran, 1);
}

static int setup(void **state)
{
    sem_init(&gate, 0, 0);
    sem_init(&entered, 0, 0);
    atomic_store(&ran, 0);
    return 0;
}

static int teardown(void **state)
{
    sem_destroy(&gate);
    sem_destroy(&entered);
    return 0;
}

static void stop_runs_what_waits(void **state)
{
    struct error e = ERROR_INIT;
    pool = pool_new("t", 3, 0, &e);
    assert_non_null(pool);
    assert_int_equal(pool_threads(pool), 0); /* lazy */
    assert_false(exec_here(pool_exec(pool)));
    for (int i = 0; i < 5000; i++) assert_true(exec_post(pool_exec(pool), count_up, NULL));
    assert_in_range(pool_threads(pool), 1, 3);
    pool_stop(pool);
    assert_int_equal(atomic_load(&ran), 5000);
    assert_false(exec_post(pool_exec(pool), count_up, NULL));
    assert_false(pool_post_limited(pool, count_up, NULL));
    pool_stop(pool);
    pool_free(pool);
    assert_int_equal(atomic_load(&ran), 5000);
}

static void never_used(void **state)
{
    struct error e = ERROR_INIT;
    pool_free(pool_new(NULL, 0, 0, &e));
    pool_free(NULL);
}

/* Each blocked piece of work gets a thread until the maximum: they all enter, so they all run at once. */
static void threads_come_while_work_waits(void **state)
{
    struct error e = ERROR_INIT;
    pool = pool_new("t", 4, 0, &e);
    for (int i = 0; i < 4; i++) assert_true(pool_post_limited(pool, block, NULL));
    for (int i = 0; i < 4; i++) {
        while (sem_wait(&entered) != 0) continue;
    }
    assert_int_equal(pool_threads(pool), 4);
    assert_true(pool_post_limited(pool, block, NULL));
    assert_int_equal(pool_threads(pool), 4);
    assert_int_equal(pool_waiting(pool), 1);
    for (int i = 0; i < 5; i++) sem_post(&gate);
    pool_free(pool);
    assert_int_equal(atomic_load(&ran), 5);
}

static void the_queue_is_bounded(void **state)
{
    struct error e = ERROR_INIT;
    pool = pool_new("t", 1, 2, &e);
    assert_true(pool_post_limited(pool, block, NULL));
    while (sem_wait(&entered) != 0) continue;
    assert_true(pool_post_limited(pool, count_up, NULL));
    assert_true(pool_post_limited(pool, count_up, NULL));
    assert_false(pool_post_limited(pool, count_up, NULL));
    assert_true(exec_post(pool_exec(pool), count_up, NULL)); /* admitted work goes on */
    assert_int_equal(pool_waiting(pool), 3);
    sem_post(&gate);
    pool_free(pool);
    assert_int_equal(atomic_load(&ran), 4);
}

/* The usual way: loop -> pool -> loop; the pool stops first, every result arrives. */
struct trip {
    struct loop *home;
    int n, arrived; /* arrived: on the loop only */
};

static void arrive(void *arg) { ((struct trip *)arg)->arrived++; }
static void work(void *arg)
{
    struct trip *t = arg;
    if (!exec_post(loop_exec(t->home), arrive, t)) abort();
}
static void leave(void *arg)
{
    struct trip *t = arg;
    for (int i = 0; i < t->n; i++) {
        if (!exec_post(pool_exec(pool), work, t)) abort();
    }
}

static void results_arrive_before_the_loop_ends(void **state)
{
    struct error e = ERROR_INIT;
    for (int round = 0; round < 10; round++) {
        struct loop *l = loop_new("home", &e);
        struct trip t = { l, 500, 0 };
        assert_int_equal(loop_start(l, &e), CIMF_OK);
        pool = pool_new("t", 4, 0, &e);
        assert_true(loop_call(l, leave, &t));
        pool_stop(pool);
        loop_stop(l);
        loop_join(l);
        assert_int_equal(t.arrived, t.n);
        pool_free(pool);
        loop_free(l);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(stop_runs_what_waits, setup, teardown),
        cmocka_unit_test_setup_teardown(never_used, setup, teardown),
        cmocka_unit_test_setup_teardown(threads_come_while_work_waits, setup, teardown),
        cmocka_unit_test_setup_teardown(the_queue_is_bounded, setup, teardown),
        cmocka_unit_test_setup_teardown(results_arrive_before_the_loop_ends, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
