#include "os/pool.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/map.h"
#include "os/loop.h"
#include "os/thread.h"

enum { QUEUE_DEFAULT = 1024, THREADS_LEAST = 8, OWNERS_THREADS = 3 };

struct job {
    struct job *next;
    void (*fn)(void *arg);
    void *arg;
};

/* Who waits for a turn is in a line of its rank. */
enum rank {
    RANK_LOW,  /* less than an eighth of the threads, or nobody's: always */
    RANK_SOME, /* while less than three quarters are busy */
    RANK_FULL, /* not now */
    RANKS
};

/* Somebody who has work that waits or runs. */
struct owner {
    uint64_t key;              /* the map borrows it */
    struct job *first, *last;  /* waiting */
    size_t waiting;
    unsigned running;
    enum rank rank;            /* of the line it is in while work waits */
    uint64_t ticket;           /* turns are served in this order, across lines */
    struct owner *next, *prev; /* in its line */
};

struct line {
    struct owner *first, *last;
};

struct pool {
    struct exec exec; /* first: the pool of an exec is found by a cast */
    char name[16];
    pthread_mutex_t lock; /* of all that follows */
    pthread_cond_t work;
    struct map owners; /* by key */
    struct line lines[RANKS];
    uint64_t tickets;
    size_t count, limit; /* waiting */
    unsigned threads, max_threads, idle, busy;
    bool stopping;
    pthread_t all[];
};

static _Thread_local struct pool *current;

/* --- turns: with the lock held -------------------------------------------------------------------- */

/* Half; of few, three or all but one. */
static unsigned owners_most(const struct pool *p)
{
    unsigned few = p->max_threads - 1 < OWNERS_THREADS ? p->max_threads - 1 : OWNERS_THREADS;
    return p->max_threads / 2 > few ? p->max_threads / 2 : few;
}

static enum rank rank_of(const struct pool *p, const struct owner *o)
{
    unsigned low = p->max_threads / 8;
    if (o->key == 0 || o->running < (low ? low : 1)) return RANK_LOW;
    return o->running < owners_most(p) ? RANK_SOME : RANK_FULL;
}

static void line_leave(struct pool *p, struct owner *o)
{
    struct line *l = &p->lines[o->rank];
    *(o->prev ? &o->prev->next : &l->first) = o->next;
    *(o->next ? &o->next->prev : &l->last) = o->prev;
}

static void line_join(struct pool *p, struct owner *o)
{
    o->rank = rank_of(p, o);
    o->ticket = p->tickets++;
    struct line *l = &p->lines[o->rank];
    o->next = NULL;
    o->prev = l->last;
    *(l->last ? &l->last->next : &l->first) = o;
    l->last = o;
}

/* Whose turn it is; NULL: nothing may run now. */
static struct owner *turn(const struct pool *p)
{
    struct owner *low = p->lines[RANK_LOW].first, *some = p->lines[RANK_SOME].first;
    if (!some || p->busy >= p->max_threads - p->max_threads / 4) return low;
    return low && low->ticket < some->ticket ? low : some;
}

static struct slice key_slice(const uint64_t *key) { return slice_of((const char *)key, sizeof *key); }

static struct owner *owner_of(struct pool *p, uint64_t key)
{
    struct owner *o = map_get(&p->owners, key_slice(&key));
    if (o) return o;
    o = calloc(1, sizeof *o);
    if (!o) return NULL;
    o->key = key;
    if (map_put(&p->owners, key_slice(&o->key), o, NULL)) return o;
    free(o);
    return NULL;
}

static void owner_drop(struct pool *p, struct owner *o)
{
    if (o->first || o->running) return;
    map_del(&p->owners, key_slice(&o->key));
    free(o);
}

static void job_put(struct pool *p, struct owner *o, struct job *j)
{
    *(o->last ? &o->last->next : &o->first) = j;
    o->last = j;
    o->waiting++;
    p->count++;
    if (o->first == j) line_join(p, o);
}

static struct job *job_take(struct pool *p, struct owner *o)
{
    struct job *j = o->first;
    line_leave(p, o);
    o->first = j->next;
    if (!o->first) o->last = NULL;
    o->waiting--;
    p->count--;
    o->running++;
    p->busy++;
    if (o->first) line_join(p, o);
    return j;
}

/* Nobody has taken it: it is the owner's last. */
static void job_take_back(struct pool *p, struct owner *o)
{
    line_leave(p, o);
    o->first = o->last = NULL;
    o->waiting--;
    p->count--;
}

static void job_over(struct pool *p, struct owner *o)
{
    p->busy--;
    o->running--;
    if (o->first && rank_of(p, o) != o->rank) {
        line_leave(p, o);
        line_join(p, o);
    }
    owner_drop(p, o);
}

/* --- threads -------------------------------------------------------------------------------------- */

static void *worker_main(void *arg);

/* For what may run now: an idle thread, or one more. Whoever takes work does the same for what is next, so that one is enough. */
static void wake(struct pool *p)
{
    if (!turn(p)) return;
    if (p->idle) pthread_cond_signal(&p->work);
    else if (p->threads < p->max_threads && !p->stopping &&
             thread_start(&p->all[p->threads], p->name, worker_main, p) == 0) p->threads++;
}

static void *worker_main(void *arg)
{
    struct pool *p = arg;
    current = p;
    pthread_mutex_lock(&p->lock);
    for (;;) {
        struct owner *o = turn(p);
        if (!o && p->stopping && p->count == 0) break;
        if (!o) {
            p->idle++;
            pthread_cond_wait(&p->work, &p->lock);
            p->idle--;
            continue;
        }
        struct job *j = job_take(p, o);
        wake(p);
        pthread_mutex_unlock(&p->lock);
        j->fn(j->arg);
        free(j);
        pthread_mutex_lock(&p->lock);
        job_over(p, o);
    }
    pthread_cond_broadcast(&p->work); /* those who waited for what I took */
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

/* --- posting -------------------------------------------------------------------------------------- */

static bool put(struct pool *p, uint64_t key, struct job *j)
{
    struct owner *o = owner_of(p, key);
    if (!o) return false;
    if (key == 0 || o->waiting < p->limit) {
        job_put(p, o, j);
        wake(p);
        if (p->threads) return true;
        job_take_back(p, o); /* the lock was held */
    }
    owner_drop(p, o);
    return false;
}

static bool post(struct pool *p, uint64_t key, void (*fn)(void *arg), void *arg, bool limited)
{
    struct job *j = malloc(sizeof *j);
    if (!j) return false;
    *j = (struct job){ NULL, fn, arg };
    pthread_mutex_lock(&p->lock);
    bool taken = !p->stopping && !(limited && p->count >= p->limit) && put(p, key, j);
    pthread_mutex_unlock(&p->lock);
    if (!taken) free(j);
    return taken;
}

static bool exec_post_pool(struct exec *self, void (*fn)(void *arg), void *arg)
{
    return post((struct pool *)self, 0, fn, arg, false);
}

static bool exec_post_pool_for(struct exec *self, uint64_t owner, void (*fn)(void *arg), void *arg)
{
    return post((struct pool *)self, owner, fn, arg, false);
}

static bool exec_here_pool(struct exec *self) { return current == (struct pool *)self; }

bool pool_post_limited(struct pool *p, void (*fn)(void *arg), void *arg)
{
    return post(p, 0, fn, arg, true);
}

/* --- life ----------------------------------------------------------------------------------------- */

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
    p->exec = (struct exec){ exec_post_pool, exec_here_pool, exec_post_pool_for };
    p->max_threads = max_threads;
    p->limit = max_queue ? max_queue : QUEUE_DEFAULT;
    snprintf(p->name, sizeof p->name, "%.15s", name ? name : "worker");
    map_init(&p->owners, false);
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
    map_free(&p->owners);
    free(p);
}
