/* The broker's queue: attempts wait until they are due, a few at a time go to the workers. */
#include "auth/broker.h"

#include <crypt.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <unistd.h>

#include "auth/broker_priv.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/utf.h"

static void deliver(void *arg)
{
    struct attempt *t = arg;
    t->done(t->arg, t->status, t->principal);
    OPENSSL_cleanse(t, t->size);
    free(t);
}

static void attempt_drop(struct attempt *t)
{
    principal_unref(t->principal);
    OPENSSL_cleanse(t, t->size);
    free(t);
}

static void answer(struct attempt *t)
{
    if (!t->home) deliver(t);
    else if (!exec_post(t->home, deliver, t)) attempt_drop(t);
}

/* By due time; those that came first stay first. */
static void enqueue(struct auth_broker *b, struct attempt *t)
{
    struct attempt **at = &b->waiting;
    while (*at && (*at)->due <= t->due) at = &(*at)->next;
    t->next = *at;
    *at = t;
    b->waiting_count++;
}

static void work(void *arg);

/* Hands due attempts to the workers. Failures since it was queued may have moved an attempt's time. */
static void dispatch(struct auth_broker *b)
{
    int64_t now = clock_mono_us();
    while (!b->stopping && b->waiting && b->running < b->config.max_concurrent &&
           b->waiting->due <= now) {
        struct attempt *t = b->waiting;
        b->waiting = t->next;
        b->waiting_count--;
        t->due = failures_due(&b->failures, t->key, t->q.address, now);
        if (t->due > now) {
            enqueue(b, t);
            continue;
        }
        b->running++;
        if (!exec_post(b->config.pool, work, t)) {
            b->running--;
            t->status = CIMF_SHUTTING_DOWN;
            answer(t);
        }
    }
}

static void work(void *arg)
{
    struct attempt *t = arg;
    struct auth_broker *b = t->broker;
    broker_verify(b, t);
    answer(t);
    pthread_mutex_lock(&b->lock);
    b->running--;
    dispatch(b);
    pthread_cond_broadcast(&b->wake);
    pthread_mutex_unlock(&b->lock);
}

/* Sleeps until the first waiting attempt is due. */
static void *clock_main(void *arg)
{
    struct auth_broker *b = arg;
    pthread_mutex_lock(&b->lock);
    while (!b->stopping) {
        dispatch(b);
        if (b->waiting && b->running < b->config.max_concurrent) {
            struct timespec at = { .tv_sec = b->waiting->due / 1000000,
                                   .tv_nsec = b->waiting->due % 1000000 * 1000 };
            pthread_cond_timedwait(&b->wake, &b->lock, &at);
        } else {
            pthread_cond_wait(&b->wake, &b->lock);
        }
    }
    pthread_mutex_unlock(&b->lock);
    return NULL;
}

static struct attempt *attempt_new(struct auth_broker *b, const struct auth_password *q,
                                   struct exec *home, auth_done *done, void *arg)
{
    struct buf folded;
    struct slice name = broker_account_name(b, slice_head(q->user, ACCOUNTS_NAME_MAX * 2));
    buf_init(&folded, 4096);
    for (const char *p = name.p, *end = name.p + name.n; p < end;) {
        bool valid = true;
        utf8_put(&folded, utf_fold(utf8_next(&p, end, false, &valid)));
    }
    size_t size = sizeof(struct attempt) + q->user.n + q->password.n + q->address.n + folded.n;
    struct attempt *t = calloc(1, size);
    if (t) {
        char *at = (char *)(t + 1);
        const struct slice from[4] = { q->user, q->password, q->address, buf_slice(&folded) };
        struct slice *to[4] = { &t->q.user, &t->q.password, &t->q.address, &t->key };
        for (int i = 0; i < 4; i++) {
            if (from[i].n) memcpy(at, from[i].p, from[i].n);
            *to[i] = slice_of(at, from[i].n);
            at += from[i].n;
        }
        t->q.scheme = q->scheme;
        t->broker = b;
        t->home = home;
        t->done = done;
        t->arg = arg;
        t->size = size;
    }
    buf_free(&folded);
    return t;
}

/* Bounded: in all, and for one address. */
static bool has_room(const struct auth_broker *b, struct slice address)
{
    unsigned same = 0;
    if (b->stopping || b->waiting_count >= b->config.max_waiting) return false;
    for (const struct attempt *t = b->waiting; t; t = t->next)
        same += slice_eq(t->q.address, address);
    return same < b->config.max_waiting_address;
}

void auth_check_password(struct auth_broker *b, const struct auth_password *q, struct exec *home,
                         auth_done *done, void *arg)
{
    enum { TEXT_MAX = 4096 };
    struct auth_password cut = *q;
    cut.user = slice_head(q->user, TEXT_MAX); /* longer ones match nothing anyway */
    cut.password = slice_head(q->password, TEXT_MAX);
    cut.address = slice_head(q->address, 64);
    struct attempt *t = attempt_new(b, &cut, b->config.pool ? home : NULL, done, arg);
    if (!t) {
        done(arg, CIMF_OUT_OF_MEMORY, NULL);
        return;
    }
    if (!b->config.pool) {
        broker_verify(b, t);
        answer(t);
        return;
    }
    pthread_mutex_lock(&b->lock);
    bool room = has_room(b, t->q.address);
    if (room) {
        int64_t now = clock_mono_us();
        t->due = failures_due(&b->failures, t->key, t->q.address, now);
        if (t->due == 0) t->due = now;
        enqueue(b, t);
        dispatch(b);
        if (b->waiting) pthread_cond_broadcast(&b->wake);
    }
    bool stopping = b->stopping;
    pthread_mutex_unlock(&b->lock);
    if (room) return;
    t->status = stopping ? CIMF_SHUTTING_DOWN : CIMF_SERVER_TOO_BUSY;
    answer(t);
}

const struct principal *auth_check_cached(struct auth_broker *b, const struct auth_password *q)
{
    unsigned char mac[32];
    uint64_t generation = auth_generation(b);
    if (b->config.cache_us <= 0 || !verified_mac(&b->verified, q, mac)) return NULL;
    pthread_mutex_lock(&b->lock);
    const struct principal *p = verified_find(&b->verified, mac, generation, clock_mono_us());
    pthread_mutex_unlock(&b->lock);
    return p;
}

static void refresh_job(void *arg)
{
    struct auth_broker *b = arg;
    broker_refresh(b, false, NULL);
    pthread_mutex_lock(&b->lock);
    b->reloading--;
    pthread_cond_broadcast(&b->wake);
    pthread_mutex_unlock(&b->lock);
}

uint64_t auth_generation(struct auth_broker *b)
{
    int64_t now = clock_mono_us(), last = __atomic_load_n(&b->looked, __ATOMIC_ACQUIRE);
    if (now - last > 1000000 &&
        __atomic_compare_exchange_n(&b->looked, &last, now, false, __ATOMIC_ACQ_REL,
                                    __ATOMIC_RELAXED)) {
        if (!b->config.pool) {
            broker_refresh(b, false, NULL);
        } else {
            pthread_mutex_lock(&b->lock);
            if (!b->stopping && exec_post(b->config.pool, refresh_job, b)) b->reloading++;
            pthread_mutex_unlock(&b->lock);
        }
    }
    return __atomic_load_n(&b->generation, __ATOMIC_ACQUIRE);
}

cimf_status auth_reload(struct auth_broker *b, struct error *e) { return broker_refresh(b, true, e); }

static void defaults(struct auth_broker_config *c)
{
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    if (!c->max_concurrent) c->max_concurrent = cpus > 3 ? (unsigned)cpus / 2 : 1;
    if (!c->max_waiting) c->max_waiting = 256;
    if (!c->max_waiting_address) c->max_waiting_address = 16;
    if (!c->cache_us) c->cache_us = (int64_t)300 * 1000000;
    if (!c->delay_us) c->delay_us = 250000;
    if (!c->max_delay_us) c->max_delay_us = 30000000;
    if (!c->free_failures) c->free_failures = 2;
}

cimf_status auth_broker_new(const struct auth_broker_config *config, struct auth_broker **out,
                            struct error *e)
{
    *out = NULL;
    struct auth_broker *b = calloc(1, sizeof *b);
    if (!b) return error_set(e, CIMF_OUT_OF_MEMORY, "auth", "no memory for the broker");
    b->config = *config;
    defaults(&b->config);
    b->path = strdup(config->accounts_path);
    b->dummy = crypt_gensalt_ra("$y$", config->dummy_cost, NULL, 0);
    if (gethostname(b->host, sizeof b->host - 1) != 0) b->host[0] = 0;
    pthread_mutex_init(&b->lock, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&b->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    failures_init(&b->failures, b->config.delay_us, b->config.max_delay_us,
                  b->config.free_failures);
    verified_init(&b->verified);
    if (b->path && b->dummy) {
        broker_refresh(b, true, NULL);
        b->clock_runs = config->pool && pthread_create(&b->clock, NULL, clock_main, b) == 0;
    }
    if (!b->path || !b->dummy || (config->pool && !b->clock_runs)) {
        auth_broker_free(b);
        return error_set(e, CIMF_OUT_OF_MEMORY, "auth", "the broker could not start");
    }
    *out = b;
    return CIMF_OK;
}

void auth_broker_free(struct auth_broker *b)
{
    if (!b) return;
    pthread_mutex_lock(&b->lock);
    b->stopping = true;
    struct attempt *left = b->waiting;
    b->waiting = NULL;
    b->waiting_count = 0;
    pthread_cond_broadcast(&b->wake);
    while (b->running || b->reloading) pthread_cond_wait(&b->wake, &b->lock);
    pthread_mutex_unlock(&b->lock);
    if (b->clock_runs) pthread_join(b->clock, NULL);
    while (left) {
        struct attempt *t = left;
        left = t->next;
        t->status = CIMF_SHUTTING_DOWN;
        answer(t);
    }
    accounts_unref(b->accounts);
    failures_free(&b->failures);
    verified_free(&b->verified);
    pthread_mutex_destroy(&b->lock);
    pthread_cond_destroy(&b->wake);
    free(b->path);
    free(b->dummy);
    free(b);
}
