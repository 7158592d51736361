/* The thread that speaks to the hosts. Nothing in it blocks but poll: a host may read and write as slowly as it likes. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/utf.h"
#include "host/host_priv.h"

/* --- telling ------------------------------------------------------------------------------------------- */

static void tell(void *arg)
{
    struct host_ask *ask = arg;
    struct arena a;
    struct host_message m = { .what = HOST_ANSWERS };
    arena_init(&a, 1 << 16);
    if (ask->status == CIMF_OK && host_message_read(buf_slice(&ask->packet), &a, &m, &ask->error) != CIMF_OK) ask->status = ask->error.status;
    ask->done(ask->arg, ask->status, ask->status == CIMF_OK ? &m.answer : NULL, &ask->error);
    arena_free(&a);
    buf_free(&ask->packet);
    free(ask);
}

static void tell_all(struct host_ask *ended)
{
    while (ended) {
        struct host_ask *ask = ended;
        ended = ask->next;
        if (!ask->home) {
            tell(ask);
        } else if (!exec_post(ask->home, tell, ask)) {
            buf_free(&ask->packet);
            free(ask);
        }
    }
}

/* --- one host, with the lock held ---------------------------------------------------------------------- */

static void lost(struct hosts *h, struct host *host, const char *why)
{
    struct error e = host->last;
    if (e.status == CIMF_OK) error_set(&e, CIMF_CONNECTION_LOST, "host", "the host process %s", why);
    if (host->asks) log_warn("host", "a host has ended uid=%u: %s", host->uid, error_text(&e));
    hosts_drop(h, host, &e);
}

static struct host_ask *asked(struct host *host, uint32_t number)
{
    for (struct host_ask *ask = host->asks; ask; ask = ask->next)
        if (ask->number == number && ask->sent) return ask;
    return NULL;
}

/* What a host says is its user's word: shown to that user only, as clean text. */
static bool clean_text(struct slice text)
{
    for (size_t i = 0; i < text.n; i++)
        if ((unsigned char)text.p[i] < 0x20) return false;
    return utf8_valid(text);
}

/* false: it broke the rules, or the answer is about the host itself. */
static bool on_packet(struct hosts *h, struct host *host, struct slice packet)
{
    struct arena a;
    struct host_message m;
    struct error e = ERROR_INIT;
    arena_init(&a, 1 << 16);
    bool ok = host_message_read(packet, &a, &m, &e) == CIMF_OK && m.what == HOST_ANSWERS && clean_text(m.answer.text);
    if (ok && m.number == 0) {
        error_set(&host->last, m.answer.status == CIMF_OK ? CIMF_CONNECTION_LOST : m.answer.status, "host", SLICE_FMT, SLICE_ARG(m.answer.text));
        ok = false;
    }
    struct host_ask *ask = ok ? asked(host, m.number) : NULL;
    if (ask) {
        buf_clear(&ask->packet);
        ask->status = buf_slice_add(&ask->packet, packet) ? CIMF_OK : error_set(&ask->error, CIMF_OUT_OF_MEMORY, "host", "no memory for an answer");
        hosts_ended(h, host, ask);
    }
    arena_free(&a);
    return ask != NULL;
}

/* false: the host is gone. */
static bool receive(struct hosts *h, struct host *host)
{
    for (int i = 0; i < 16; i++) { /* then the others */
        ssize_t n = recv(host->fd, h->packet, sizeof h->packet, MSG_DONTWAIT);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno == EAGAIN) return true;
        bool ok = n > 0 && on_packet(h, host, slice_of(h->packet, (size_t)n));
        if (!ok) {
            lost(h, host, n > 0 ? "broke the rules" : "has ended");
            return false;
        }
    }
    return true;
}

/* Passes on what waits; true while something does. */
static bool pass(struct host *host)
{
    for (struct host_ask *ask = host->asks; ask; ask = ask->next) {
        if (ask->sent) continue;
        ssize_t n = send(host->fd, ask->packet.p, ask->packet.n, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0) return errno == EAGAIN || errno == EINTR; /* anything else shows in recv */
        ask->sent = true;
    }
    return false;
}

/* When this host needs a look again. */
static int64_t due(const struct hosts *h, const struct host *host)
{
    int64_t at = INT64_MAX;
    if (!host->asks && host->fd >= 0) return host->used + h->config.idle_us;
    for (const struct host_ask *ask = host->asks; ask; ask = ask->next)
        if (ask->deadline < at) at = ask->deadline;
    return at;
}

static void give_up(struct hosts *h, struct host *host)
{
    struct error e = ERROR_INIT;
    if (host->asks) {
        error_set(&e, CIMF_TIMED_OUT, "host", "the host process did not answer in time");
        log_warn("host", "a host does not answer uid=%u", host->uid);
    }
    hosts_drop(h, host, &e);
}

/* --- all of them --------------------------------------------------------------------------------------- */

struct watched {
    struct pollfd fds[HOSTS_MAX + 1];
    uint32_t numbers[HOSTS_MAX + 1];
    nfds_t count;
    int timeout_ms;
};

static void watch(struct hosts *h, struct watched *w)
{
    int64_t now = clock_mono_us(), first = INT64_MAX;
    w->fds[0] = (struct pollfd){ .fd = h->wake, .events = POLLIN };
    w->count = 1;
    for (struct host *host = h->list, *next; host; host = next) {
        next = host->next;
        int64_t at = due(h, host);
        if (at <= now) {
            give_up(h, host);
            continue;
        }
        if (at < first) first = at;
        if (host->fd < 0) continue;
        w->numbers[w->count] = host->number;
        w->fds[w->count++] = (struct pollfd){ .fd = host->fd, .events = pass(host) ? POLLIN | POLLOUT : POLLIN };
    }
    int64_t left = first == INT64_MAX ? -1 : (first - now) / 1000 + 1;
    w->timeout_ms = left > 3600000 ? 3600000 : (int)left;
}

static struct host *numbered(struct hosts *h, uint32_t number)
{
    struct host *host = h->list;
    while (host && host->number != number) host = host->next;
    return host;
}

void *hosts_thread(void *arg)
{
    struct hosts *h = arg;
    struct watched w;
    uint64_t count;
    pthread_mutex_lock(&h->lock);
    for (;;) {
        bool stopped = h->stopped;
        if (!stopped) watch(h, &w);
        struct host_ask *ended = h->ended;
        h->ended = NULL;
        pthread_mutex_unlock(&h->lock);
        tell_all(ended);
        if (stopped) return NULL;
        int ready = ended ? 0 : poll(w.fds, w.count, w.timeout_ms);
        if (ready > 0 && w.fds[0].revents && read(h->wake, &count, sizeof count) < 0) log_debug("host", "woken for nothing");
        pthread_mutex_lock(&h->lock);
        for (nfds_t i = 1; ready > 0 && i < w.count; i++) {
            struct host *host = w.fds[i].revents ? numbered(h, w.numbers[i]) : NULL;
            if (host && host->fd == w.fds[i].fd) receive(h, host);
        }
    }
}
