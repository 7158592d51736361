#include "os/loop.h"

#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>
#include <uv.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/test.h"

static struct loop *running(void)
{
    struct error e = ERROR_INIT;
    struct loop *l = loop_new("test", &e);
    assert_non_null(l);
    assert_int_equal(loop_start(l, &e), CIMF_OK);
    return l;
}

static void count_up(void *arg) { ++*(int *)arg; }

enum { POSTS = 20000 };
static int seen[POSTS], seen_count;
static struct loop *poster;
static void note(void *arg)
{
    if (!exec_here(loop_exec(poster)) || loop_current() != poster) abort();
    seen[seen_count++] = (int)(intptr_t)arg;
}

static void posts_run_there_in_order(void **state)
{
    poster = running();
    seen_count = 0;
    assert_false(exec_here(loop_exec(poster)));
    assert_null(loop_current());
    for (int i = 0; i < POSTS; i++) assert_true(exec_post(loop_exec(poster), note, (void *)(intptr_t)i));
    loop_stop(poster);
    loop_stop(poster);
    assert_false(exec_post(loop_exec(poster), note, NULL));
    loop_free(poster);
    assert_int_equal(seen_count, POSTS);
    for (int i = 0; i < POSTS; i++) assert_int_equal(seen[i], i);
}

/* Four threads post while the loop ends: what was taken runs, what was refused does not. */
struct crowd {
    struct loop *loop;
    atomic_int taken;
    int ran; /* on the loop only */
};

static void *crowd_main(void *arg)
{
    struct crowd *c = arg;
    while (exec_post(loop_exec(c->loop), count_up, &c->ran)) atomic_fetch_add(&c->taken, 1);
    return NULL;
}

static void nothing_taken_is_lost_at_the_end(void **state)
{
    for (int round = 0; round < 20; round++) {
        struct crowd c = { .loop = running() };
        pthread_t threads[4];
        for (int i = 0; i < 4; i++) assert_int_equal(pthread_create(&threads[i], NULL, crowd_main, &c), 0);
        while (atomic_load(&c.taken) < 100) sched_yield();
        loop_stop(c.loop);
        for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
        loop_join(c.loop);
        assert_int_equal(c.ran, atomic_load(&c.taken));
        loop_free(c.loop);
    }
}

static void a_loop_that_never_ran_keeps_its_word(void **state)
{
    struct error e = ERROR_INIT;
    struct loop *l = loop_new("idle", &e);
    int ran = 0;
    assert_true(exec_post(loop_exec(l), count_up, &ran));
    loop_free(l);
    assert_int_equal(ran, 1);
    loop_free(NULL);
}

static void stop_self(void *arg) { loop_stop(arg); }

static void runs_on_the_calling_thread(void **state)
{
    struct error e = ERROR_INIT;
    struct loop *l = loop_new("here", &e);
    int ran = 0;
    assert_true(exec_post(loop_exec(l), count_up, &ran));
    assert_true(exec_post(loop_exec(l), stop_self, l));
    assert_true(exec_post(loop_exec(l), count_up, &ran));
    loop_run(l);
    assert_int_equal(ran, 2);
    assert_null(loop_current());
    loop_free(l);
}

static void call_again(void *arg)
{
    if (!loop_call(loop_current(), count_up, arg)) abort(); /* at once: already here */
}

static void calls_wait(void **state)
{
    struct loop *l = running();
    int ran = 0;
    for (int i = 1; i <= 1000; i++) {
        assert_true(loop_call(l, i % 2 ? count_up : call_again, &ran));
        assert_int_equal(ran, i);
    }
    loop_stop(l);
    loop_join(l);
    assert_false(loop_call(l, count_up, &ran));
    assert_int_equal(ran, 1000);
    loop_free(l);
}

/* Timers. Order and "never early" are asserted; how late they are depends on the machine. */
enum { TIMERS = 5000 };
static struct {
    struct loop *loop;
    struct loop_timer timers[TIMERS];
    int64_t due[TIMERS];
    int fired, early, stopped_fired;
    sem_t done;
} tt;

static void on_many(struct loop_timer *t, void *arg)
{
    int i = (int)(t - tt.timers);
    if (clock_mono_us() < tt.due[i]) tt.early++;
    if (i % 3 == 0) tt.stopped_fired++;
    if (loop_timer_active(t)) abort();
    if (++tt.fired == TIMERS - (TIMERS + 2) / 3) sem_post(&tt.done);
}

static void start_many(void *arg)
{
    unsigned seed = 7;
    for (int i = 0; i < TIMERS; i++) {
        int64_t after = rand_r(&seed) % 60000 - 100;
        loop_timer_init(&tt.timers[i], on_many, NULL);
        loop_timer_start(tt.loop, &tt.timers[i], 1000000000); /* then restarted */
        tt.due[i] = clock_mono_us() + (after < 0 ? 0 : after);
        loop_timer_start(tt.loop, &tt.timers[i], after);
    }
    for (int i = 0; i < TIMERS; i += 3) loop_timer_stop(&tt.timers[i]);
}

static void timers_fire_once_and_never_early(void **state)
{
    tt.loop = running();
    sem_init(&tt.done, 0, 0);
    assert_true(loop_call(tt.loop, start_many, NULL));
    while (sem_wait(&tt.done) != 0) continue;
    loop_free(tt.loop);
    assert_int_equal(tt.fired, TIMERS - (TIMERS + 2) / 3);
    assert_int_equal(tt.early, 0);
    assert_int_equal(tt.stopped_fired, 0);
    sem_destroy(&tt.done);
}

/* A timer that frees itself, one that restarts itself, one that stops another that is due as well. */
struct self_freeing {
    struct loop_timer timer;
    int *count;
};
static struct {
    struct loop *loop;
    struct loop_timer again, first, second, far;
    int freed, turns, seconds;
    sem_t done;
} ts;

static void on_self(struct loop_timer *t, void *arg)
{
    struct self_freeing *s = arg;
    ++*s->count;
    free(s);
}

static void on_first(struct loop_timer *t, void *arg) { loop_timer_stop(arg); }
static void on_second(struct loop_timer *t, void *arg) { ts.seconds++; }
static void on_again(struct loop_timer *t, void *arg)
{
    if (++ts.turns < 20) {
        loop_timer_start(ts.loop, t, 0);
    } else {
        sem_post(&ts.done);
    }
}

static void start_self(void *arg)
{
    struct self_freeing *s = calloc(1, sizeof *s);
    s->count = &ts.freed;
    loop_timer_init(&s->timer, on_self, s);
    loop_timer_start(ts.loop, &s->timer, 0);
    loop_timer_init(&ts.first, on_first, &ts.second);
    loop_timer_init(&ts.second, on_second, NULL);
    loop_timer_init(&ts.again, on_again, NULL);
    loop_timer_init(&ts.far, on_second, NULL);
    loop_timer_start(ts.loop, &ts.first, 2000);
    loop_timer_start(ts.loop, &ts.second, 2500);
    loop_timer_start(ts.loop, &ts.again, 0);
    loop_timer_start(ts.loop, &ts.far, INT64_MAX);
    int64_t until = clock_mono_us() + 5000; /* so that first and second are due in one turn */
    while (clock_mono_us() < until) continue;
}

static void timers_may_free_restart_and_stop(void **state)
{
    ts.loop = running();
    sem_init(&ts.done, 0, 0);
    assert_true(loop_call(ts.loop, start_self, NULL));
    while (sem_wait(&ts.done) != 0) continue;
    loop_free(ts.loop);
    assert_int_equal(ts.freed, 1);
    assert_int_equal(ts.turns, 20);
    assert_int_equal(ts.seconds, 0);
    assert_false(loop_timer_active(&ts.far)); /* dropped with the loop */
    sem_destroy(&ts.done);
}

/* Deferred calls run after the caller, in order, also those of the last turn. */
struct chain {
    struct loop_task task;
    struct loop *loop;
    int left, *ran;
    bool inside;
};

static void chain_run(void *arg)
{
    struct chain *c = arg;
    if (c->inside) abort();
    ++*c->ran;
    if (--c->left == 0) {
        free(c);
        return;
    }
    c->inside = true;
    loop_defer(c->loop, &c->task, chain_run, c);
    c->inside = false;
}

static void chain_start(void *arg)
{
    struct chain *c = arg;
    loop_defer(c->loop, &c->task, chain_run, c);
    loop_stop(c->loop);
}

static void deferred_calls_run_to_the_last(void **state)
{
    struct loop *l = running();
    int ran = 0;
    struct chain *c = calloc(1, sizeof *c);
    *c = (struct chain){ .loop = l, .left = 10, .ran = &ran };
    assert_true(exec_post(loop_exec(l), chain_start, c));
    loop_join(l);
    assert_int_equal(ran, 10);
    loop_free(l);
}

static sem_t turned;
static void wake_test(void *arg) { sem_post(&turned); }
static void defer_wake(void *arg)
{
    static struct loop_task task;
    loop_defer(loop_current(), &task, wake_test, NULL);
}

static void deferred_calls_do_not_wait_for_events(void **state)
{
    struct loop *l = running();
    sem_init(&turned, 0, 0);
    for (int i = 0; i < 100; i++) {
        assert_true(exec_post(loop_exec(l), defer_wake, NULL));
        while (sem_wait(&turned) != 0) continue;
    }
    loop_free(l);
    sem_destroy(&turned);
}

static int warnings;
static void count_warnings(enum log_level level, const char *line, void *arg) { warnings++; }
static uv_timer_t forgotten;
static void forget_handle(void *arg) { uv_timer_init(loop_uv(loop_current()), &forgotten); }

static void open_handles_are_closed_and_named(void **state)
{
    struct loop *l = running();
    warnings = 0;
    log_set_sink(count_warnings, NULL);
    assert_true(loop_call(l, forget_handle, NULL));
    loop_free(l);
    log_set_sink(NULL, NULL);
    assert_int_equal(warnings, 1);
}

static void check_mask(void *arg)
{
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    *(int *)arg = sigismember(&mask, SIGTERM) && sigismember(&mask, SIGUSR1);
}

static void groups(void **state)
{
    struct error e = ERROR_INIT;
    struct loops *g = loops_new(0, "io", &e);
    assert_non_null(g);
    assert_int_equal(loops_count(g), os_processors());
    loops_free(g);
    g = loops_new(5, "a-name-longer-than-fifteen", &e);
    assert_int_equal(loops_count(g), 5);
    int ran = 0, blocked = 0;
    for (unsigned i = 0; i < 5; i++) {
        assert_ptr_equal(loops_at(g, i), loops_all(g)[i]);
        assert_true(loop_call(loops_at(g, i), count_up, &ran));
    }
    assert_true(loop_call(loops_at(g, 4), check_mask, &blocked));
    assert_true(blocked);
    loops_stop(g);
    assert_false(exec_post(loop_exec(loops_at(g, 2)), count_up, &ran));
    loops_free(g);
    assert_int_equal(ran, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(posts_run_there_in_order),
        cmocka_unit_test(nothing_taken_is_lost_at_the_end),
        cmocka_unit_test(a_loop_that_never_ran_keeps_its_word),
        cmocka_unit_test(runs_on_the_calling_thread),
        cmocka_unit_test(calls_wait),
        cmocka_unit_test(timers_fire_once_and_never_early),
        cmocka_unit_test(timers_may_free_restart_and_stop),
        cmocka_unit_test(deferred_calls_run_to_the_last),
        cmocka_unit_test(deferred_calls_do_not_wait_for_events),
        cmocka_unit_test(open_handles_are_closed_and_named),
        cmocka_unit_test(groups),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
