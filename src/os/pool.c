#include "os/pool.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "os/loop.h"
#include "os/thread.h"

enum { RING_FIRST = 16, QUEUE_DEFAULT = 1024, THREADS_LEAST = 4 };

struct job {
    void (*fn)(void *arg);
    void *arg;
};

struct pool {
    struct exec exec; /* first: the pool of an exec is found by a cast */
    char name[16];
    pthread_mutex_t lock; /* of all that follows */
    pthread_cond_t work;
    struct job *ring; /* room is a power of two */
    size_t first, count, room, limit;
    unsigned threads, max_threads, idle;
    bool stopping;
    pthread_t all[];
};

static _Thread_local struct pool *current;

static bool ring_put(struct pool *p, struct job job)
{
    if (p->count == p->room) {
        size_t room = p->room ? p->room * 2 : RING_FIRST;
        struct job *ring = reallocarray(NULL, room, sizeof *ring);
        if (!ring) return false;
        for (size_t i = 0; i < p->count; i++) ring[i] = p->ring[(p->first + i) & (p->room - 1)];
        free(p->ring);
        p->ring = ring;
        p->room = room;
        p->first = 0;
    }
    p->ring[(p->first + p->count++) & (p->room - 1)] = job;
    return true;
}

static void *worker_main(void *arg)
{
    struct pool *p = arg;
    current = p;
    pthread_mutex_lock(&p->lock);
    for (;;) {
        while (p->count == 0 && !p->stopping) {
            p->idle++;
            pthread_cond_wait(&p->work, &p->lock);
            p->idle--;
        }
        if (p->count == 0) break;
        struct job job = p->ring[p->first];
        p->first = (p->first + 1) & (p->room - 1);
        p->count--;
        pthread_mutex_unlock(&p->lock);
        job.fn(job.arg);
        pthread_mutex_lock(&p->lock);
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

static bool post(struct pool *p, void (*fn)(void *arg), void *arg, bool limited)
{
    pthread_mutex_lock(&p->lock);
    bool taken = !p->stopping && !(limited && p->count >= p->limit) &&
                 ring_put(p, (struct job){ fn, arg });
    /* More waits than idle threads will take (those signalled count as idle until they run). */
    if (taken && p->count > p->idle && p->threads < p->max_threads) {
        if (thread_start(&p->all[p->threads], p->name, worker_main, p) == 0) {
            p->threads++;
        } else if (p->threads == 0) {
            p->count--; /* the lock was held: it is the last one */
            taken = false;
        }
    }
    if (taken) pthread_cond_signal(&p->work);
    pthread_mutex_unlock(&p->lock);
    return taken;
}

static bool exec_post_pool(struct exec *self, void (*fn)(void *arg), void *arg)
{
    return post((struct pool *)self, fn, arg, false);
}

static bool exec_here_pool(struct exec *self) { return current == (struct pool *)self; }

bool pool_post_limited(struct pool *p, void (*fn)(void *arg), void *arg)
{
    return post(p, fn, arg, true);
}

struct pool *pool_new(const char *name, unsigned max_threads, size_t max_queue, struct error *e)
{
    if (max_threads == 0) {
        max_threads = 2 * os_processors();
        if (max_threads < THREADS_LEAST) max_threads = THREADS_LEAST;
    }
    struct pool *p = calloc(1, sizeof *p + max_threads * sizeof p->all[0]);
    if (!p) {
        error_set(e, CIMF_OUT_OF_MEMORY, "os", "no memory for a pool of %u workers", max_threads);
        return NULL;
    }
    p->exec = (struct exec){ exec_post_pool, exec_here_pool };
    p->max_threads = max_threads;
    p->limit = max_queue ? max_queue : QUEUE_DEFAULT;
    snprintf(p->name, sizeof p->name, "%.15s", name ? name : "worker");
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->work, NULL);
    return p;
}

struct exec *pool_exec(struct pool *p) { return &p->exec; }

size_t pool_waiting(struct pool *p)
{
    pthread_mutex_lock(&p->lock);
    size_t n = p->count;
    pthread_mutex_unlock(&p->lock);
    return n;
}

unsigned pool_threads(struct pool *p)
{
    pthread_mutex_lock(&p->lock);
    unsigned n = p->threads;
    pthread_mutex_unlock(&p->lock);
    return n;
}

void pool_stop(struct pool *p)
{
    pthread_mutex_lock(&p->lock);
    p->stopping = true;
    unsigned threads = p->threads; /* no more come now */
    p->threads = 0;
    pthread_cond_broadcast(&p->work);
    pthread_mutex_unlock(&p->lock);
    for (unsigned i = 0; i < threads; i++) pthread_join(p->all[i], NULL);
}

void pool_free(struct pool *p)
{
    if (!p) return;
    pool_stop(p);
    pthread_cond_destroy(&p->work);
    pthread_mutex_destroy(&p->lock);
    free(p->ring);
    free(p);
}
