#include "os/loop.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

#include "base/clock.h"
#include "base/log.h"
#include "os/thread.h"

enum { TICK_US = 1000, MAILBOX_FIRST = 64, MAILBOX_KEPT = 4096 };
#define NOT_ARMED UINT64_MAX

struct letter {
    void (*fn)(void *arg);
    void *arg;
};

struct mailbox {
    struct letter *letters;
    size_t count, room;
};

struct loop {
    struct exec exec; /* first: the loop of an exec is found by a cast */
    uv_loop_t uv;
    uv_async_t wake;
    uv_timer_t tick;
    uv_idle_t idle; /* active while something is deferred, so that poll does not sleep */
    char name[16];
    pthread_t thread;
    bool threaded; /* the thread exists and was not joined */
    bool ran;
    bool ending; /* own handles are closing */

    pthread_mutex_t lock; /* of the next two */
    struct mailbox inbox;
    bool closed;

    struct mailbox batch; /* being run; swapped with the inbox */
    struct loop_task *deferred, **deferred_end;
    struct wheel wheel;
    int64_t origin_us; /* of tick 0 */
    uint64_t armed;    /* tick for which the libuv timer runs */
};

static _Thread_local struct loop *current;

struct loop *loop_current(void) { return current; }
struct exec *loop_exec(struct loop *l) { return &l->exec; }
struct uv_loop_s *loop_uv(struct loop *l) { return &l->uv; }

static bool mailbox_put(struct mailbox *m, struct letter letter)
{
    if (m->count == m->room) {
        size_t room = m->room ? m->room * 2 : MAILBOX_FIRST;
        struct letter *more = reallocarray(m->letters, room, sizeof *more);
        if (!more) return false;
        m->letters = more;
        m->room = room;
    }
    m->letters[m->count++] = letter;
    return true;
}

static bool exec_post_loop(struct exec *self, void (*fn)(void *arg), void *arg)
{
    struct loop *l = (struct loop *)self;
    pthread_mutex_lock(&l->lock);
    bool first = l->inbox.count == 0;
    bool taken = !l->closed && mailbox_put(&l->inbox, (struct letter){ fn, arg });
    /* Under the lock: once closed is set and seen, nobody touches the handle any more. */
    if (taken && first) uv_async_send(&l->wake);
    pthread_mutex_unlock(&l->lock);
    return taken;
}

static bool exec_here_loop(struct exec *self) { return current == (struct loop *)self; }

/* Runs what is in the inbox; true when it was the last batch. */
static bool drain(struct loop *l)
{
    pthread_mutex_lock(&l->lock);
    struct mailbox batch = l->inbox;
    l->inbox = l->batch;
    l->batch = batch;
    bool last = l->closed;
    pthread_mutex_unlock(&l->lock);
    for (size_t i = 0; i < batch.count; i++) batch.letters[i].fn(batch.letters[i].arg);
    l->batch.count = 0;
    if (l->batch.room > MAILBOX_KEPT) {
        free(l->batch.letters);
        l->batch = (struct mailbox){ NULL, 0, 0 };
    }
    return last;
}

static void on_wake(uv_async_t *handle)
{
    struct loop *l = handle->data;
    if (drain(l)) uv_stop(&l->uv);
}

static void run_deferred(struct loop *l)
{
    struct loop_task *t = l->deferred;
    l->deferred = NULL;
    l->deferred_end = &l->deferred;
    while (t) {
        struct loop_task *next = t->next; /* fn may free it */
        t->fn(t->arg);
        t = next;
    }
}

static void on_idle(uv_idle_t *handle)
{
    struct loop *l = handle->data;
    uv_idle_stop(handle);
    run_deferred(l);
}

void loop_defer(struct loop *l, struct loop_task *t, void (*fn)(void *arg), void *arg)
{
    *t = (struct loop_task){ NULL, fn, arg };
    bool first = l->deferred == NULL;
    *l->deferred_end = t;
    l->deferred_end = &t->next;
    if (first && !l->ending) uv_idle_start(&l->idle, on_idle);
}

static void on_tick(uv_timer_t *handle);

/* Sees to it that the libuv timer fires at the earliest tick of the wheel. */
static void arm(struct loop *l, int64_t now_us)
{
    uint64_t tick;
    if (l->ending || !wheel_next(&l->wheel, &tick) || tick >= l->armed) return;
    int64_t wait_us = l->origin_us + (int64_t)tick * TICK_US - now_us;
    uint64_t wait_ms = wait_us <= 0 ? 0 : ((uint64_t)wait_us + 999) / 1000;
    l->armed = tick;
    uv_timer_start(&l->tick, on_tick, wait_ms, 0);
}

static void on_tick(uv_timer_t *handle)
{
    struct loop *l = handle->data;
    int64_t now_us = clock_mono_us();
    wheel_advance(&l->wheel, (uint64_t)(now_us - l->origin_us) / TICK_US);
    l->armed = 0; /* callbacks need not arm: that happens below */
    struct wheel_timer *node;
    while ((node = wheel_take(&l->wheel))) {
        struct loop_timer *t = (struct loop_timer *)node;
        t->fn(t, t->arg);
    }
    l->armed = NOT_ARMED;
    arm(l, clock_mono_us());
}

void loop_timer_init(struct loop_timer *t, void (*fn)(struct loop_timer *t, void *arg), void *arg)
{
    _Static_assert(offsetof(struct loop_timer, node) == 0, "on_tick casts");
    *t = (struct loop_timer){ .fn = fn, .arg = arg };
}

void loop_timer_start(struct loop *l, struct loop_timer *t, int64_t after_us)
{
    loop_timer_stop(t);
    if (l->ending) return;
    int64_t now_us = clock_mono_us(), due;
    if (after_us < 0) after_us = 0;
    if (__builtin_add_overflow(now_us - l->origin_us, after_us, &due)) due = INT64_MAX - TICK_US;
    t->loop = l;
    wheel_add(&l->wheel, &t->node, ((uint64_t)due + TICK_US - 1) / TICK_US);
    arm(l, now_us);
}

void loop_timer_stop(struct loop_timer *t)
{
    if (wheel_active(&t->node)) wheel_del(&t->loop->wheel, &t->node);
}

static void close_foreign(uv_handle_t *handle, void *arg)
{
    struct loop *l = arg;
    if (uv_is_closing(handle)) return;
    log_warn("os", "loop=%s ended with an open handle type=%s", l->name,
             uv_handle_type_name(handle->type));
    uv_close(handle, NULL);
}

/* Last turn, on the thread that ran the loop: nothing can be posted any more. */
static void finish(struct loop *l)
{
    uint64_t tick;
    run_deferred(l);
    l->ending = true;
    while (wheel_next(&l->wheel, &tick)) {
        wheel_advance(&l->wheel, tick);
        while (wheel_take(&l->wheel)) continue;
    }
    uv_close((uv_handle_t *)&l->wake, NULL);
    uv_close((uv_handle_t *)&l->tick, NULL);
    uv_close((uv_handle_t *)&l->idle, NULL);
    uv_walk(&l->uv, close_foreign, l);
    do {
        uv_run(&l->uv, UV_RUN_DEFAULT);
        run_deferred(l);
    } while (uv_loop_alive(&l->uv) || l->deferred);
    int busy = uv_loop_close(&l->uv);
    if (busy) log_error("os", "loop=%s cannot close: %s", l->name, uv_strerror(busy));
}

void loop_run(struct loop *l)
{
    struct loop *before = current;
    current = l;
    l->ran = true;
    uv_run(&l->uv, UV_RUN_DEFAULT); /* the async handle keeps it alive until uv_stop */
    finish(l);
    current = before;
}

static void *thread_main(void *arg)
{
    loop_run(arg);
    return NULL;
}

struct loop *loop_new(const char *name, struct error *e)
{
    struct loop *l = calloc(1, sizeof *l);
    if (!l) {
        error_set(e, CIMF_OUT_OF_MEMORY, "os", "no memory for an event loop");
        return NULL;
    }
    int failed = uv_loop_init(&l->uv);
    if (!failed) {
        failed = uv_async_init(&l->uv, &l->wake, on_wake);
        if (failed) uv_loop_close(&l->uv);
    }
    if (failed) {
        free(l);
        error_errno(e, CIMF_FAILED, "os", -failed, "cannot make an event loop");
        return NULL;
    }
    uv_timer_init(&l->uv, &l->tick);
    uv_idle_init(&l->uv, &l->idle);
    l->wake.data = l->tick.data = l->idle.data = l;
    l->exec = (struct exec){ exec_post_loop, exec_here_loop };
    snprintf(l->name, sizeof l->name, "%.15s", name ? name : "loop");
    pthread_mutex_init(&l->lock, NULL);
    l->deferred_end = &l->deferred;
    l->origin_us = clock_mono_us();
    l->armed = NOT_ARMED;
    wheel_init(&l->wheel, 0);
    return l;
}

cimf_status loop_start(struct loop *l, struct error *e)
{
    l->ran = true;
    int failed = thread_start(&l->thread, l->name, thread_main, l);
    if (failed) {
        l->ran = false;
        return error_errno(e, CIMF_FAILED, "os", failed, "cannot start a loop thread");
    }
    l->threaded = true;
    return CIMF_OK;
}

void loop_stop(struct loop *l)
{
    pthread_mutex_lock(&l->lock);
    if (!l->closed) {
        l->closed = true;
        uv_async_send(&l->wake);
    }
    pthread_mutex_unlock(&l->lock);
}

void loop_join(struct loop *l)
{
    if (!l->threaded) return;
    pthread_join(l->thread, NULL);
    l->threaded = false;
}

void loop_free(struct loop *l)
{
    if (!l) return;
    loop_stop(l);
    loop_join(l);
    if (!l->ran) loop_run(l);
    pthread_mutex_destroy(&l->lock);
    free(l->inbox.letters);
    free(l->batch.letters);
    free(l);
}

struct call {
    void (*fn)(void *arg);
    void *arg;
    sem_t done;
};

static void run_call(void *arg)
{
    struct call *c = arg;
    c->fn(c->arg);
    sem_post(&c->done);
}

bool loop_call(struct loop *l, void (*fn)(void *arg), void *arg)
{
    if (current == l) {
        fn(arg);
        return true;
    }
    struct call c = { fn, arg, { { 0 } } };
    sem_init(&c.done, 0, 0);
    bool posted = exec_post(&l->exec, run_call, &c);
    while (posted && sem_wait(&c.done) != 0 && errno == EINTR) continue;
    sem_destroy(&c.done);
    return posted;
}
