/* Deadlines of calls on the pool: one thread sleeping until the earliest of them; none while none
 * is out. */
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "cimom/cimom_priv.h"

struct watch {
    pthread_mutex_t lock;
    pthread_cond_t change;
    pthread_t thread;
    bool running, stop;
    struct task **heap; /* by deadline; slot 0 is the earliest */
    size_t count, room;
};

static void place(struct watch *w, size_t i, struct task *t)
{
    w->heap[i] = t;
    t->watch_index = i + 1;
}

/* Puts t at slot i or where it belongs. The slot i counts as free. */
static void sift(struct watch *w, size_t i, struct task *t)
{
    while (i > 0 && w->heap[(i - 1) / 2]->watch_deadline > t->watch_deadline) {
        place(w, i, w->heap[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    for (;;) {
        size_t c = 2 * i + 1;
        if (c >= w->count) break;
        if (c + 1 < w->count && w->heap[c + 1]->watch_deadline < w->heap[c]->watch_deadline) c++;
        if (w->heap[c]->watch_deadline >= t->watch_deadline) break;
        place(w, i, w->heap[c]);
        i = c;
    }
    place(w, i, t);
}

static void take_out(struct watch *w, struct task *t)
{
    size_t i = t->watch_index - 1;
    t->watch_index = 0;
    struct task *last = w->heap[--w->count];
    if (last != t) sift(w, i, last);
}

static void *watch_main(void *arg)
{
    struct watch *w = arg;
    pthread_mutex_lock(&w->lock);
    while (!w->stop) {
        if (!w->count) {
            pthread_cond_wait(&w->change, &w->lock);
            continue;
        }
        struct task *t = w->heap[0];
        int64_t at = t->watch_deadline;
        if (clock_mono_us() >= at) {
            take_out(w, t);
            task_ref(t);
            if (!exec_post(t->home, task_expired, t)) task_unref(t);
            continue;
        }
        struct timespec until = { .tv_sec = at / 1000000, .tv_nsec = at % 1000000 * 1000 + 999 };
        if (until.tv_nsec > 999999999) until.tv_nsec = 999999999;
        pthread_cond_timedwait(&w->change, &w->lock, &until);
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

struct watch *watch_new(void)
{
    struct watch *w = calloc(1, sizeof *w);
    if (!w) return NULL;
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&w->change, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_init(&w->lock, NULL);
    return w;
}

void watch_free(struct watch *w)
{
    if (!w) return;
    pthread_mutex_lock(&w->lock);
    w->stop = true;
    pthread_cond_signal(&w->change);
    pthread_mutex_unlock(&w->lock);
    if (w->running) pthread_join(w->thread, NULL);
    pthread_cond_destroy(&w->change);
    pthread_mutex_destroy(&w->lock);
    free(w->heap);
    free(w);
}

/* Without memory or a thread the call is not watched: it ends when its provider does. */
void watch_add(struct task *t, int64_t deadline)
{
    struct watch *w = t->m->watch;
    pthread_mutex_lock(&w->lock);
    if (w->count == w->room) {
        size_t room = w->room ? w->room * 2 : 64;
        struct task **heap = realloc(w->heap, room * sizeof *heap);
        if (heap) {
            w->heap = heap;
            w->room = room;
        }
    }
    if (w->count < w->room) {
        t->watch_deadline = deadline;
        sift(w, w->count++, t);
        if (!w->running) w->running = pthread_create(&w->thread, NULL, watch_main, w) == 0;
        if (t->watch_index == 1) pthread_cond_signal(&w->change);
    }
    pthread_mutex_unlock(&w->lock);
}

void watch_remove(struct task *t)
{
    struct watch *w = t->m->watch;
    pthread_mutex_lock(&w->lock);
    if (t->watch_index) take_out(w, t);
    pthread_mutex_unlock(&w->lock);
}
