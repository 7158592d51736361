#include "os/pool.h"

#include <pthread.h>
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

/* --- owners ---------------------------------------------------------------------------------------- */

static bool post_for(uint64_t owner, void (*fn)(void *), void *arg) { return exec_post_for(pool_exec(pool), owner, fn, arg); }

static void again(void) /* nobody is at the semaphores */
{
    teardown(NULL);
    setup(NULL);
}

static void wait_entered(int n)
{
    for (int i = 0; i < n; i++) {
        while (sem_wait(&entered) != 0) continue;
    }
}

static void open_gate(int n)
{
    for (int i = 0; i < n; i++) sem_post(&gate);
}

static void pass(void *arg) { sem_post(&entered); }

static char order[64]; /* one worker writes, before it is joined */
static void note(void *arg) { strcat(order, arg); }

/* One worker: who has much waits for a piece of everybody else between two of its own. */
static void owners_take_turns(void **state)
{
    struct error e = ERROR_INIT;
    pool = pool_new("t", 1, 0, &e);
    order[0] = 0;
    assert_true(post_for(9, block, NULL));
    wait_entered(1);
    static char *const a[] = { "a1 ", "a2 ", "a3 ", "a4 ", "a5 " };
    for (int i = 0; i < 5; i++) assert_true(post_for(1, note, a[i]));
    assert_true(post_for(2, note, "b1 "));
    assert_true(post_for(3, note, "c1 "));
    assert_true(post_for(3, note, "c2 "));
    assert_true(exec_post(pool_exec(pool), note, "own1 "));
    assert_true(post_for(9, note, "x1 "));
    assert_true(exec_post(pool_exec(pool), note, "own2 "));
    open_gate(1);
    pool_free(pool);
    assert_string_equal(order, "a1 b1 c1 own1 x1 a2 c2 own2 a3 a4 a5 ");
}

/* Work that hangs: of eight threads one owner has four, a second one two, and two are for those who have none. Our own comes in
 * wherever a thread is idle. */
static void nobody_has_all_threads(void **state)
{
    struct error e = ERROR_INIT;
    pool = pool_new("t", 8, 0, &e);
    for (int i = 0; i < 10; i++) assert_true(post_for(1, block, NULL));
    wait_entered(4);
    assert_int_equal(pool_waiting(pool), 6);
    for (int i = 0; i < 5; i++) assert_true(post_for(2, block, NULL));
    wait_entered(2);
    assert_int_equal(pool_waiting(pool), 9);
    for (int i = 0; i < 2; i++) assert_true(post_for(5, block, NULL));
    wait_entered(1);
    assert_int_equal(pool_waiting(pool), 10);
    for (int i = 0; i < 3; i++) assert_true(post_for(3, pass, NULL)); /* the last thread does all of it */
    wait_entered(3);
    assert_true(post_for(4, block, NULL));
    wait_entered(1);
    assert_int_equal(pool_waiting(pool), 10);
    assert_int_equal(pool_threads(pool), 8);
    open_gate(1 + 10 + 5 + 2);
    pool_free(pool);
    assert_int_equal(atomic_load(&ran), 18);

    again();
    pool = pool_new("t", 8, 0, &e);
    for (int i = 0; i < 10; i++) assert_true(post_for(1, block, NULL));
    wait_entered(4);
    for (int i = 0; i < 4; i++) assert_true(exec_post(pool_exec(pool), block, NULL));
    wait_entered(4);
    open_gate(14);
    pool_free(pool);
    assert_int_equal(atomic_load(&ran), 14);
}

/* One thread is enough for everybody; of two to six, three or all but one are somebody's. */
static void few_threads(void **state)
{
    struct error e = ERROR_INIT;
    for (unsigned threads = 2; threads <= 6; threads++) {
        int most = threads < 4 ? (int)threads - 1 : 3;
        pool = pool_new("t", threads, 0, &e);
        for (int i = 0; i < 10; i++) assert_true(post_for(1, block, NULL));
        wait_entered(most);
        for (int i = 0; i < 5; i++) assert_true(post_for(2, pass, NULL));
        wait_entered(5);
        assert_int_equal(pool_waiting(pool), 10 - most);
        open_gate(10);
        pool_free(pool);
        again();
    }
    for (unsigned threads = 1; threads <= 3; threads++) {
        atomic_store(&ran, 0);
        pool = pool_new("t", threads, 0, &e);
        for (uint64_t i = 0; i < 300; i++) assert_true(post_for(i % 7, count_up, NULL));
        pool_stop(pool);
        assert_int_equal(atomic_load(&ran), 300);
        pool_free(pool);
    }
}

static void an_owners_queue_is_bounded(void **state)
{
    struct error e = ERROR_INIT;
    pool = pool_new("t", 2, 3, &e);
    assert_true(post_for(1, block, NULL));
    wait_entered(1);
    for (int i = 0; i < 3; i++) assert_true(post_for(1, count_up, NULL));
    assert_false(post_for(1, count_up, NULL));
    assert_true(post_for(2, block, NULL)); /* others are not concerned */
    wait_entered(1);
    for (int i = 0; i < 3; i++) assert_true(post_for(2, count_up, NULL));
    assert_false(post_for(2, count_up, NULL));
    for (int i = 0; i < 9; i++) assert_true(exec_post(pool_exec(pool), count_up, NULL));
    assert_int_equal(pool_waiting(pool), 15);
    open_gate(2);
    pool_free(pool);
    assert_int_equal(atomic_load(&ran), 17);
}

static void let_them_go(void *arg) { open_gate((int)(intptr_t)arg); }

/* Stop while owners have all that they may have and more waits: what lets them go is the last of what waits. */
static void stop_while_queues_are_full(void **state)
{
    struct error e = ERROR_INIT;
    for (int round = 0; round < 20; round++) {
        pool = pool_new("t", 8, 0, &e);
        for (int i = 0; i < 40; i++) assert_true(post_for(1, block, NULL));
        wait_entered(4);
        for (int i = 0; i < 40; i++) assert_true(post_for(2, block, NULL));
        wait_entered(2);
        for (uint64_t i = 3; i < 1003; i++) assert_true(post_for(i, count_up, NULL));
        assert_true(exec_post(pool_exec(pool), let_them_go, (void *)(intptr_t)80));
        pool_stop(pool);
        assert_int_equal(atomic_load(&ran), 1080);
        assert_false(post_for(1, count_up, NULL));
        pool_free(pool);
        again();
    }
}

/* Threads that post for many at once: everything runs, and nobody runs more than half. */
enum { OWNERS = 37, POSTERS = 4, POSTS = 5000, AT_ONCE = 8 };
static atomic_int at_work[OWNERS], most;

static void counted(void *arg)
{
    int now = atomic_fetch_add((atomic_int *)arg, 1) + 1, was = atomic_load(&most);
    while (now > was && !atomic_compare_exchange_weak(&most, &was, now)) continue;
    atomic_fetch_add(&ran, 1);
    atomic_fetch_sub((atomic_int *)arg, 1);
}

static void *poster(void *arg)
{
    unsigned seed = (unsigned)(uintptr_t)arg;
    for (int i = 0; i < POSTS; i++) {
        unsigned r = (seed = seed * 1664525 + 1013904223) >> 16, owner = r % 3 ? 0 : r / 3 % OWNERS; /* one of them has two thirds */
        if (!post_for(owner + 1, counted, &at_work[owner])) abort();
    }
    return NULL;
}

static void many_post_for_many(void **state)
{
    struct error e = ERROR_INIT;
    pthread_t all[POSTERS];
    pool = pool_new("t", AT_ONCE, (size_t)POSTERS * POSTS, &e);
    for (uintptr_t i = 0; i < POSTERS; i++) assert_int_equal(pthread_create(&all[i], NULL, poster, (void *)i), 0);
    for (int i = 0; i < POSTERS; i++) pthread_join(all[i], NULL);
    pool_free(pool);
    assert_int_equal(atomic_load(&ran), POSTERS * POSTS);
    assert_in_range(atomic_load(&most), 1, AT_ONCE / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(stop_runs_what_waits, setup, teardown),
        cmocka_unit_test_setup_teardown(never_used, setup, teardown),
        cmocka_unit_test_setup_teardown(threads_come_while_work_waits, setup, teardown),
        cmocka_unit_test_setup_teardown(the_queue_is_bounded, setup, teardown),
        cmocka_unit_test_setup_teardown(owners_take_turns, setup, teardown),
        cmocka_unit_test_setup_teardown(nobody_has_all_threads, setup, teardown),
        cmocka_unit_test_setup_teardown(few_threads, setup, teardown),
        cmocka_unit_test_setup_teardown(an_owners_queue_is_bounded, setup, teardown),
        cmocka_unit_test_setup_teardown(stop_while_queues_are_full, setup, teardown),
        cmocka_unit_test_setup_teardown(many_post_for_many, setup, teardown),
        cmocka_unit_test_setup_teardown(results_arrive_before_the_loop_ends, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
