/* IWbemBackupRestoreEx::Pause and Resume: new operations wait, the store's files do not change (MS-WMI 3.1.4.11, 3.1.6). */
#include <errno.h>
#include <time.h>

#include "auth/audit.h"
#include "base/clock.h"
#include "base/log.h"
#include "cimom/cimom_priv.h"
#include "os/thread.h"

#define PAUSE_US ((int64_t)15 * 60 * 1000000)

void pause_init(struct cimom *m, int64_t most_us)
{
    pthread_condattr_t attr;
    m->pause.most_us = most_us ? most_us : PAUSE_US;
    pthread_mutex_init(&m->pause.lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&m->pause.over, &attr);
    pthread_condattr_destroy(&attr);
}

void pause_free(struct cimom *m)
{
    cimom_unpause(m);
    if (m->pause.ticking) pthread_join(m->pause.timer, NULL);
    pthread_cond_destroy(&m->pause.over);
    pthread_mutex_destroy(&m->pause.lock);
}

/* --- what is held ------------------------------------------------------------------------------ */

bool pause_hold(struct task *t)
{
    struct pause *p = &t->m->pause;
    /* What providers ask for belongs to operations that are at work. */
    if (!atomic_load_explicit(&p->on, memory_order_relaxed) || t->op->call_depth) return false;
    pthread_mutex_lock(&p->lock);
    bool on = p->on;
    if (on) {
        atomic_fetch_add_explicit(&t->m->counters[t->op->verb].calls, 1, memory_order_relaxed);
        t->op->state = t;
        t->held_prev = p->last;
        if (p->last) p->last->held_next = t;
        else p->first = t;
        p->last = t;
        atomic_store_explicit(&t->state, TASK_HELD, memory_order_release);
        if (t->op->deadline_us) watch_add(t, t->op->deadline_us);
    }
    pthread_mutex_unlock(&p->lock);
    return on;
}

static void unlink_held(struct pause *p, struct task *t)
{
    if (t->held_prev) t->held_prev->held_next = t->held_next;
    else p->first = t->held_next;
    if (t->held_next) t->held_next->held_prev = t->held_prev;
    else p->last = t->held_prev;
    t->held_next = t->held_prev = NULL;
}

void pause_forget(struct task *t)
{
    pthread_mutex_lock(&t->m->pause.lock);
    if (t->held_next || t->held_prev || t->m->pause.first == t) unlink_held(&t->m->pause, t);
    pthread_mutex_unlock(&t->m->pause.lock);
    watch_remove(t);
}

/* In the order in which they came. Whoever is cancelled at this moment ends by that. */
static void release_all(struct cimom *m)
{
    struct pause *p = &m->pause;
    for (;;) {
        pthread_mutex_lock(&p->lock);
        struct task *t = p->on ? NULL : p->first;
        int held = TASK_HELD;
        bool ours = false;
        if (t) {
            unlink_held(p, t);
            ours = atomic_compare_exchange_strong(&t->state, &held, TASK_POSTED);
            if (ours) watch_remove(t);
        }
        pthread_mutex_unlock(&p->lock);
        if (!t) return;
        if (ours) task_release(t);
    }
}

/* --- pause and resume ---------------------------------------------------------------------------- */

/* False: it is not paused. */
static bool end_pause(struct cimom *m)
{
    struct pause *p = &m->pause;
    pthread_mutex_lock(&p->lock);
    bool was = p->on;
    p->on = false;
    if (was) pthread_cond_broadcast(&p->over);
    pthread_mutex_unlock(&p->lock);
    if (!was) return false;
    repo_release(m->repo);
    release_all(m);
    return true;
}

static void *pause_timer(void *arg)
{
    struct cimom *m = arg;
    struct pause *p = &m->pause;
    int64_t at = clock_mono_us() + p->most_us;
    struct timespec until = { .tv_sec = at / 1000000, .tv_nsec = at % 1000000 * 1000 };
    pthread_mutex_lock(&p->lock);
    int rc = 0;
    while (p->on && rc != ETIMEDOUT) rc = pthread_cond_timedwait(&p->over, &p->lock, &until);
    bool late = p->on;
    pthread_mutex_unlock(&p->lock);
    if (late && end_pause(m)) {
        struct audit_record r = { .event = AUDIT_RESUME, .detail = SLICE("the longest pause is over") };
        audit_write(&r);
        log_warn("cimom", "the server was paused for too long and goes on");
    }
    return NULL;
}

static void record(enum audit_event event, const struct cimom_caller *who, cimf_status s)
{
    struct audit_record r = { .event = event, .principal = who->principal, .peer = who->peer, .status = s };
    audit_write(&r);
}

static cimf_status begin_pause(struct cimom *m, struct error *e)
{
    struct pause *p = &m->pause;
    if (p->on) return error_set(e, CIMF_INVALID_OPERATION, "cimom", "the server is paused already");
    if (p->ticking) pthread_join(p->timer, NULL); /* of a pause that is over */
    p->ticking = false;
    cimf_status s = repo_hold(m->repo, true, e);
    if (s) return s;
    pthread_mutex_lock(&p->lock);
    p->on = true;
    pthread_mutex_unlock(&p->lock);
    p->ticking = thread_start(&p->timer, "cimd-pause", pause_timer, m) == 0;
    if (p->ticking) return CIMF_OK;
    end_pause(m); /* nobody would end it */
    return error_set(e, CIMF_OUT_OF_MEMORY, "cimom", "no thread that would end the pause");
}

cimf_status cimom_pause(struct cimom *m, const struct cimom_caller *who, struct error *e)
{
    cimf_status s = care_begin(m, who, e);
    if (!s) {
        s = begin_pause(m, e);
        care_end(m);
    }
    record(AUDIT_PAUSE, who, s);
    return s;
}

cimf_status cimom_resume(struct cimom *m, const struct cimom_caller *who, struct error *e)
{
    cimf_status s = care_begin(m, who, e);
    if (!s) {
        if (!end_pause(m)) s = error_set(e, CIMF_INVALID_OPERATION, "cimom", "the server is not paused");
        care_end(m);
    }
    record(AUDIT_RESUME, who, s);
    return s;
}

void cimom_unpause(struct cimom *m)
{
    end_pause(m);
}
