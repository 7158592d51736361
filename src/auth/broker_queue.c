/* The broker's queue: attempts wait until they are due, a few at a time go to the workers. */
#include <stdlib.h>

#include "auth/broker_exchange.h"
#include "base/clock.h"
#include "base/hash.h"
#include "os/thread.h"

struct slice attempt_text(char **at, struct slice s)
{
    char *to = *at;
    if (s.n) memcpy(to, s.p, s.n);
    *at += s.n;
    return slice_of(to, s.n);
}

static void deliver(void *arg)
{
    struct attempt *t = arg;
    t->deliver(t);
}

static void answer(struct attempt *t)
{
    if (!t->home) t->deliver(t);
    else if (!exec_post(t->home, deliver, t)) t->drop(t);
}

/* By due time; those that came first stay first. */
static void enqueue(struct broker_local *b, struct attempt *t, int64_t now)
{
    struct attempt **at = &b->waiting;
    while (*at && (*at)->due <= t->due) at = &(*at)->next;
    t->next = *at;
    *at = t;
    t->delayed = t->due > now;
    b->delayed_count += t->delayed;
    b->waiting_count++;
}

static void take_out(struct broker_local *b, struct attempt **at)
{
    struct attempt *t = *at;
    *at = t->next;
    b->waiting_count--;
    b->delayed_count -= t->delayed;
}

static void work(void *arg);

/* Places take turns at the workers, and so do accounts that ask for what they are: a flood from one of them holds up itself. */
static uint64_t owner_of(const struct attempt *t)
{
    if (t->owner || t->place_n == 0) return t->owner;
    return hash_bytes(slice_of(t->place, t->place_n));
}

static void start(struct broker_local *b, struct attempt *t)
{
    b->running[t->kind]++;
    if (exec_post_for(b->config.pool, owner_of(t), work, t)) return;
    b->running[t->kind]--;
    t->status = b->stopping ? CIMF_SHUTTING_DOWN : CIMF_SERVER_TOO_BUSY;
    answer(t);
}

/* Hands due attempts to the workers. Failures since it was queued may have moved an attempt's time. */
static void dispatch(struct broker_local *b)
{
    int64_t now = clock_mono_us();
    struct attempt **at = &b->waiting;
    while (!b->stopping && *at && (*at)->due <= now) {
        struct attempt *t = *at;
        if (b->running[t->kind] >= b->most[t->kind]) {
            at = &t->next;
            continue;
        }
        take_out(b, at);
        t->due = failures_due(&b->failures, t->key, t->address, now);
        if (t->due > now) enqueue(b, t, now);
        else start(b, t);
    }
}

static void work(void *arg)
{
    struct attempt *t = arg;
    struct broker_local *b = t->broker;
    enum attempt_kind kind = t->kind;
    t->run(t);
    answer(t);
    pthread_mutex_lock(&b->lock);
    b->running[kind]--;
    dispatch(b);
    pthread_cond_broadcast(&b->wake);
    pthread_mutex_unlock(&b->lock);
}

/* When something is to be done next; INT64_MAX: nothing that time brings. */
static int64_t next_due(const struct broker_local *b)
{
    int64_t due = b->oldest ? b->oldest->deadline : INT64_MAX;
    for (const struct attempt *t = b->waiting; t; t = t->next)
        if (b->running[t->kind] < b->most[t->kind]) return t->due < due ? t->due : due;
    return due;
}

static void *clock_main(void *arg)
{
    struct broker_local *b = arg;
    pthread_mutex_lock(&b->lock);
    while (!b->stopping) {
        dispatch(b);
        exchanges_expire(b, clock_mono_us());
        int64_t due = next_due(b);
        if (due == INT64_MAX) {
            pthread_cond_wait(&b->wake, &b->lock);
        } else {
            struct timespec at = { .tv_sec = due / 1000000, .tv_nsec = due % 1000000 * 1000 };
            pthread_cond_timedwait(&b->wake, &b->lock, &at);
        }
    }
    pthread_mutex_unlock(&b->lock);
    return NULL;
}

/* Bounded: in all, and for one address. Proofs that are only waiting for a worker are bounded by the number
 * of exchanges and connections. */
static bool has_room(const struct broker_local *b, const struct attempt *t, int64_t now)
{
    unsigned same = 0;
    if (t->kind == ATTEMPT_PROOF && t->due <= now) return true;
    unsigned count = t->kind == ATTEMPT_HASH ? b->waiting_count : b->delayed_count;
    if (count >= b->config.max_waiting) return false;
    for (const struct attempt *w = b->waiting; w; w = w->next)
        same += (w->delayed || w->kind == ATTEMPT_HASH) && w->place_n == t->place_n &&
                memcmp(w->place, t->place, t->place_n) == 0;
    return same < b->config.max_waiting_address;
}

static bool admit(struct broker_local *b, struct attempt *t)
{
    if (b->stopping) return false;
    struct slice place = failures_address(t->address, t->place);
    t->place_n = place.n;
    if (t->kind == ATTEMPT_FREE) {
        start(b, t);
        return true;
    }
    int64_t now = clock_mono_us();
    t->due = failures_due(&b->failures, t->key, t->address, now);
    if (t->due == 0) t->due = now;
    if (!has_room(b, t, now)) return false;
    enqueue(b, t, now);
    dispatch(b);
    if (b->waiting) pthread_cond_broadcast(&b->wake);
    return true;
}

void attempt_submit(struct attempt *t)
{
    struct broker_local *b = t->broker;
    if (!b->config.pool) {
        t->home = NULL;
        t->run(t);
        t->deliver(t);
        return;
    }
    pthread_mutex_lock(&b->lock);
    bool admitted = admit(b, t);
    bool stopping = b->stopping;
    pthread_mutex_unlock(&b->lock);
    if (admitted) return;
    t->status = stopping ? CIMF_SHUTTING_DOWN : CIMF_SERVER_TOO_BUSY;
    answer(t);
}

void attempt_refuse(struct attempt *t)
{
    if (!t->broker->config.pool) t->home = NULL;
    t->status = CIMF_NOT_AUTHENTICATED;
    answer(t);
}

void attempt_count(struct attempt *t, bool right)
{
    struct broker_local *b = t->broker;
    pthread_mutex_lock(&b->lock);
    if (right) failures_clear(&b->failures, t->key, t->address);
    else failures_add(&b->failures, t->key, t->address, clock_mono_us());
    pthread_mutex_unlock(&b->lock);
}

void broker_queue_cancel(struct broker_local *b, const struct exec *home)
{
    struct attempt *cancelled = NULL;
    pthread_mutex_lock(&b->lock);
    for (struct attempt **at = &b->waiting; *at;) {
        struct attempt *t = *at;
        if (t->home != home) {
            at = &t->next;
            continue;
        }
        take_out(b, at);
        t->next = cancelled;
        cancelled = t;
    }
    pthread_mutex_unlock(&b->lock);
    while (cancelled) {
        struct attempt *t = cancelled;
        cancelled = t->next;
        t->status = CIMF_SHUTTING_DOWN;
        answer(t);
    }
}

void broker_queue_start(struct broker_local *b)
{
    pthread_condattr_t attributes;
    pthread_mutex_init(&b->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&b->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    b->most[ATTEMPT_FREE] = UINT32_MAX;
    b->most[ATTEMPT_PROOF] = 4 * b->config.max_concurrent;
    b->most[ATTEMPT_HASH] = b->config.max_concurrent;
}

bool broker_queue_clock(struct broker_local *b)
{
    b->clock_runs = thread_start(&b->clock, "auth-clock", clock_main, b) == 0;
    return b->clock_runs;
}

void broker_queue_stop(struct broker_local *b)
{
    pthread_mutex_lock(&b->lock);
    b->stopping = true;
    struct attempt *left = b->waiting;
    b->waiting = NULL;
    b->waiting_count = b->delayed_count = 0;
    pthread_cond_broadcast(&b->wake);
    while (b->running[ATTEMPT_FREE] || b->running[ATTEMPT_PROOF] || b->running[ATTEMPT_HASH] ||
           b->reloading)
        pthread_cond_wait(&b->wake, &b->lock);
    pthread_mutex_unlock(&b->lock);
    if (b->clock_runs) pthread_join(b->clock, NULL);
    while (left) {
        struct attempt *t = left;
        left = t->next;
        t->status = CIMF_SHUTTING_DOWN;
        answer(t);
    }
}
