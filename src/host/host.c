#include "host/host_priv.h"

#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "os/thread.h"

cimf_status hosts_new(const struct hosts_config *config, struct hosts **out, struct error *e)
{
    struct hosts *h = calloc(1, sizeof *h);
    *out = NULL;
    if (!h) return error_set(e, CIMF_OUT_OF_MEMORY, "host", "no memory");
    h->config = *config;
    if (!h->config.idle_us) h->config.idle_us = HOSTS_IDLE_US;
    h->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (h->wake < 0) {
        free(h);
        return error_set(e, CIMF_FAILED, "host", "cannot make an event descriptor");
    }
    pthread_mutex_init(&h->lock, NULL);
    *out = h;
    return CIMF_OK;
}

void hosts_wake(struct hosts *h)
{
    const uint64_t one = 1;
    if (write(h->wake, &one, sizeof one) < 0) return; /* it is awake */
}

void hosts_ended(struct hosts *h, struct host *host, struct host_ask *ask)
{
    struct host_ask **at = &host->asks;
    while (*at != ask) at = &(*at)->next;
    *at = ask->next;
    host->ask_count--;
    host->used = clock_mono_us();
    ask->next = h->ended;
    h->ended = ask;
}

void hosts_drop(struct hosts *h, struct host *host, const struct error *e)
{
    struct host **at = &h->list;
    while (*at != host) at = &(*at)->next;
    *at = host->next;
    h->count--;
    while (host->asks) {
        host->asks->status = e->status;
        host->asks->error = *e;
        hosts_ended(h, host, host->asks);
    }
    if (host->fd >= 0) close(host->fd);
    principal_unref(host->principal);
    free(host);
}

void hosts_stop(struct hosts *h)
{
    struct error e = ERROR_INIT;
    error_set(&e, CIMF_SHUTTING_DOWN, "host", "the server is shutting down");
    pthread_mutex_lock(&h->lock);
    bool join = h->running;
    h->stopped = true;
    h->running = false;
    while (h->list) hosts_drop(h, h->list, &e);
    hosts_wake(h);
    pthread_mutex_unlock(&h->lock);
    if (join) pthread_join(h->thread, NULL);
}

void hosts_free(struct hosts *h)
{
    if (!h) return;
    hosts_stop(h);
    close(h->wake);
    pthread_mutex_destroy(&h->lock);
    free(h);
}

void hosts_started(struct hosts *h, uint32_t number, cimf_status status, int fd, uint32_t uid)
{
    struct error e = ERROR_INIT;
    pthread_mutex_lock(&h->lock);
    struct host *host = h->list;
    while (host && (host->number != number || host->fd >= 0)) host = host->next;
    if (host && status == CIMF_OK && (fd < 0 || host->uid != uid))
        status = error_set(&e, CIMF_FAILED, "host", "the host that was started is another user's");
    else if (status == CIMF_ACCESS_DENIED)
        error_set(&e, status, "host", "no process may be started as the local user of this account");
    else if (status != CIMF_OK)
        error_set(&e, status, "host", "the host process could not be started");
    if (host && status == CIMF_OK) {
        host->fd = fd;
        fd = -1;
        principal_unref(host->principal);
        host->principal = NULL;
    } else if (host) {
        hosts_drop(h, host, &e);
    }
    hosts_wake(h);
    pthread_mutex_unlock(&h->lock);
    if (fd >= 0) close(fd);
}

/* --- asking -------------------------------------------------------------------------------------------- */

static cimf_status host_new(struct hosts *h, const struct principal *p, struct host **out, struct error *e)
{
    if (h->count >= HOSTS_MAX) return error_set(e, CIMF_SERVER_TOO_BUSY, "host", "%d host processes run already", HOSTS_MAX);
    struct host *host = calloc(1, sizeof *host);
    if (!host) return error_set(e, CIMF_OUT_OF_MEMORY, "host", "no memory for a host");
    if (!h->running) {
        int number = thread_start(&h->thread, "cimd-hosts", hosts_thread, h);
        h->running = number == 0;
        if (number) {
            free(host);
            return error_errno(e, CIMF_FAILED, "host", number, "cannot start a thread");
        }
    }
    host->fd = -1;
    host->uid = p->uid;
    host->number = ++h->numbers;
    cimf_status status = h->config.start(h->config.arg, host->number, p->id, e);
    if (status != CIMF_OK) {
        free(host);
        return status;
    }
    host->principal = principal_ref(p);
    host->used = clock_mono_us();
    host->next = h->list;
    h->list = host;
    h->count++;
    *out = host;
    return CIMF_OK;
}

static cimf_status enqueue(struct hosts *h, const struct principal *p, struct host_ask *ask, struct error *e)
{
    struct host *host = h->list;
    if (h->stopped) return error_set(e, CIMF_SHUTTING_DOWN, "host", "the server is shutting down");
    while (host && host->uid != p->uid) host = host->next;
    cimf_status status = host ? CIMF_OK : host_new(h, p, &host, e);
    if (status != CIMF_OK) return status;
    if (host->ask_count >= HOSTS_ASKS)
        return error_set(e, CIMF_SERVER_TOO_BUSY, "host", "%d requests of this user wait already", HOSTS_ASKS);
    struct host_ask **last = &host->asks;
    while (*last) last = &(*last)->next;
    *last = ask;
    host->ask_count++;
    hosts_wake(h);
    return CIMF_OK;
}

cimf_status host_ask(struct hosts *h, const struct principal *p, const struct host_job *j, struct exec *home, host_done *done, void *arg,
                     struct error *e)
{
    if (!p->has_posix)
        return error_set(e, CIMF_PRIVILEGE_NOT_HELD, "host", "the account '" SLICE_FMT "' is no local user: nothing can be run for it "
                         "(cimd user mod --posix-user)", SLICE_ARG(slice_head(p->name, 64)));
    struct host_ask *ask = calloc(1, sizeof *ask);
    if (!ask) return error_set(e, CIMF_OUT_OF_MEMORY, "host", "no memory for a job");
    *ask = (struct host_ask){ .home = home, .done = done, .arg = arg, .error = ERROR_INIT };
    ask->deadline = clock_mono_us() + HOSTS_START_US + (int64_t)j->timeout_ms * 1000;
    buf_init(&ask->packet, HOST_PACKET);
    pthread_mutex_lock(&h->lock);
    ask->number = ++h->numbers ? h->numbers : ++h->numbers; /* 0 is about the host itself */
    struct host_message m = { .what = HOST_ASKS, .number = ask->number, .job = *j };
    cimf_status status = host_message_write(&ask->packet, &m, e);
    if (status == CIMF_OK) status = enqueue(h, p, ask, e);
    pthread_mutex_unlock(&h->lock);
    if (status == CIMF_OK) return CIMF_OK;
    buf_free(&ask->packet);
    free(ask);
    return status;
}

/* --- waiting ------------------------------------------------------------------------------------------- */

/* Shared by who waits and who answers; the last one frees it. */
struct waiter {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    int refs;
    bool ended, copied;
    cimf_status status;
    struct arena arena;
    struct host_answer answer;
    struct error error;
};

static void waiter_unref(struct waiter *w)
{
    pthread_mutex_lock(&w->lock);
    bool last = --w->refs == 0;
    pthread_mutex_unlock(&w->lock);
    if (!last) return;
    pthread_mutex_destroy(&w->lock);
    pthread_cond_destroy(&w->wake);
    arena_free(&w->arena);
    free(w);
}

static struct waiter *waiter_new(void)
{
    pthread_condattr_t monotonic;
    struct waiter *w = calloc(1, sizeof *w);
    if (!w) return NULL;
    w->refs = 2;
    arena_init(&w->arena, 4 * HOST_PACKET);
    pthread_mutex_init(&w->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&w->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return w;
}

static bool copy_texts(struct arena *a, const struct host_answer *from, struct host_answer *to)
{
    *to = *from;
    to->out = arena_dup(a, from->out);
    to->err = arena_dup(a, from->err);
    to->text = arena_dup(a, from->text);
    return arena_status(a) == CIMF_OK;
}

static void on_answer(void *arg, cimf_status status, const struct host_answer *answer, const struct error *e)
{
    struct waiter *w = arg;
    pthread_mutex_lock(&w->lock);
    w->status = status;
    w->error = *e;
    if (answer && !copy_texts(&w->arena, answer, &w->answer)) w->status = error_set(&w->error, CIMF_OUT_OF_MEMORY, "host", "no memory");
    w->ended = true;
    pthread_cond_signal(&w->wake);
    pthread_mutex_unlock(&w->lock);
    waiter_unref(w);
}

static bool wait_until(struct waiter *w, int64_t deadline_us)
{
    const struct timespec at = { deadline_us / 1000000, deadline_us % 1000000 * 1000 };
    int number = 0;
    while (!w->ended && number == 0) number = deadline_us ? pthread_cond_timedwait(&w->wake, &w->lock, &at) : pthread_cond_wait(&w->wake, &w->lock);
    return w->ended;
}

cimf_status host_ask_wait(struct hosts *h, const struct principal *p, const struct host_job *j, int64_t deadline_us, struct arena *a,
                          struct host_answer *out, struct error *e)
{
    *out = (struct host_answer){ .status = CIMF_FAILED };
    struct waiter *w = waiter_new();
    if (!w) return error_set(e, CIMF_OUT_OF_MEMORY, "host", "no memory for a job");
    cimf_status status = host_ask(h, p, j, NULL, on_answer, w, e);
    if (status != CIMF_OK) {
        waiter_unref(w);
        waiter_unref(w);
        return status;
    }
    pthread_mutex_lock(&w->lock);
    if (!wait_until(w, deadline_us)) {
        status = error_set(e, CIMF_TIMED_OUT, "host", "the host process did not answer in time");
    } else if (w->status != CIMF_OK) {
        status = w->status;
        if (e) *e = w->error;
    } else if (!copy_texts(a, &w->answer, out)) {
        status = error_set(e, CIMF_OUT_OF_MEMORY, "host", "no memory for an answer");
    } else if ((status = out->status) != CIMF_OK) {
        error_set(e, status, "host", SLICE_FMT, SLICE_ARG(out->text));
        if (e) e->native = (uint32_t)out->number;
    }
    pthread_mutex_unlock(&w->lock);
    waiter_unref(w);
    return status;
}
