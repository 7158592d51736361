/* Listeners, and which loop a new connection goes to. */
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "net/http_nonces.h"
#include "net/http_server_priv.h"

struct address_count {
    unsigned count;
    char text[HTTP_PEER_TEXT];
};

/* ---- counts ---- */

static bool is_loopback(const char *address)
{
    return strncmp(address, "127.", 4) == 0 || strcmp(address, "::1") == 0;
}

/* Takes a place for a connection; false: too many. */
static bool admit(struct http_server *s, const char *address)
{
    const struct http_limits *l = &s->config.limits;
    bool ok = true;
    pthread_mutex_lock(&s->lock);
    if (s->stopping || s->live >= l->max_connections) ok = false;
    if (ok && l->max_per_address && !is_loopback(address)) {
        struct address_count *a = map_get(&s->addresses, slice_str(address));
        if (!a && (a = calloc(1, sizeof *a))) {
            snprintf(a->text, sizeof a->text, "%s", address);
            if (!map_put(&s->addresses, slice_str(a->text), a, NULL)) {
                free(a);
                a = NULL;
            }
        }
        ok = a && a->count < l->max_per_address;
        if (ok) a->count++;
    }
    if (ok) s->live++;
    pthread_mutex_unlock(&s->lock);
    return ok;
}

void http_server_gone(struct http_server *s, struct http_worker *w, const char *address)
{
    __atomic_sub_fetch(&w->count, 1, __ATOMIC_RELAXED);
    pthread_mutex_lock(&s->lock);
    if (s->config.limits.max_per_address && !is_loopback(address)) {
        struct address_count *a = map_get(&s->addresses, slice_str(address));
        if (a && --a->count == 0) {
            map_del(&s->addresses, slice_str(a->text));
            free(a);
        }
    }
    s->live--;
    if (s->stopping) pthread_cond_broadcast(&s->quiet);
    pthread_mutex_unlock(&s->lock);
}

/* ---- accepting ---- */

struct arrival {
    struct http_worker *worker;
    struct tls_config *tls;
    int fd;
};

static void arrive(void *arg)
{
    struct arrival *a = arg;
    http_peer_adopt(a->worker, a->fd, a->tls);
    tls_config_unref(a->tls);
    free(a);
}

/* The loop with the fewest connections; its own one when equal. */
static struct http_worker *choose(struct http_server *s, struct http_worker *own)
{
    struct http_worker *best = own;
    unsigned least = __atomic_load_n(&own->count, __ATOMIC_RELAXED);
    for (unsigned i = 0; i < s->config.loop_count; i++) {
        unsigned n = __atomic_load_n(&s->workers[i].count, __ATOMIC_RELAXED);
        if (n < least) {
            least = n;
            best = &s->workers[i];
        }
    }
    return best;
}

static void refuse(struct http_listener *l, int fd)
{
    static const char busy[] = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n"
                               "Connection: close\r\n\r\n";
    HTTP_COUNT(&l->worker->site, refused);
    if (!l->tls && send(fd, busy, sizeof busy - 1, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {}
    close(fd);
}

static void hand_over(struct http_listener *l, int fd)
{
    char text[HTTP_PEER_TEXT];
    http_address_text(fd, true, text, sizeof text, false);
    if (!admit(l->server, text)) {
        refuse(l, fd);
        return;
    }
    struct http_worker *w = choose(l->server, l->worker);
    __atomic_add_fetch(&w->count, 1, __ATOMIC_RELAXED);
    if (w == l->worker) {
        http_peer_adopt(w, fd, l->tls);
        return;
    }
    struct arrival *a = malloc(sizeof *a);
    if (a) *a = (struct arrival){ w, l->tls, fd };
    if (a && l->tls) tls_config_ref(l->tls);
    if (a && exec_post(loop_exec(w->loop), arrive, a)) return;
    if (a && l->tls) tls_config_unref(l->tls);
    free(a);
    close(fd);
    http_server_gone(l->server, w, text);
}

static void on_connections(uv_poll_t *poll, int status, int events)
{
    struct http_listener *l = poll->data;
    for (int i = 0; i < 64; i++) {
        int fd = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            hand_over(l, fd);
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            log_warn("net", "accept paused: %s", strerror(errno));
            uv_poll_stop(&l->poll);
            loop_timer_start(l->worker->loop, &l->rest, 200000);
            return;
        }
        if (errno != EINTR && errno != ECONNABORTED) return;
    }
}

static void after_rest(struct loop_timer *t, void *arg)
{
    struct http_listener *l = arg;
    if (!l->closed) uv_poll_start(&l->poll, UV_READABLE, on_connections);
}

static void listener_start(void *arg)
{
    struct http_listener *l = arg;
    if (l->closed) return;
    loop_timer_init(&l->rest, after_rest, l);
    l->poll.data = l;
    if (uv_poll_init(loop_uv(l->worker->loop), &l->poll, l->fd) != 0 ||
        uv_poll_start(&l->poll, UV_READABLE, on_connections) != 0) {
        log_error("net", "a listener could not start");
        return;
    }
    l->started = true;
}

static void listener_closed(uv_handle_t *h)
{
    struct http_listener *l = h->data;
    struct http_server *s = l->server;
    close(l->fd);
    l->fd = -1;
    pthread_mutex_lock(&s->lock);
    s->live--;
    pthread_cond_broadcast(&s->quiet);
    pthread_mutex_unlock(&s->lock);
}

/* On the loop. */
static void listener_stop(struct http_listener *l)
{
    if (l->closed) return;
    l->closed = true;
    if (!l->started) {
        close(l->fd);
        l->fd = -1;
        return;
    }
    pthread_mutex_lock(&l->server->lock);
    l->server->live++;
    pthread_mutex_unlock(&l->server->lock);
    loop_timer_stop(&l->rest);
    uv_poll_stop(&l->poll);
    uv_close((uv_handle_t *)&l->poll, listener_closed);
}

/* ---- binding ---- */

/* "127.0.0.1:80", "[::1]:80", "*:80" apart. */
static bool split_address(const char *address, char host[256], char port[8])
{
    const char *colon = strrchr(address, ':');
    if (!colon || strlen(colon + 1) > 5 || !colon[1]) return false;
    if (strspn(colon + 1, "0123456789") != strlen(colon + 1) || atoi(colon + 1) > 65535)
        return false;
    size_t n = (size_t)(colon - address);
    if (n >= 2 && address[0] == '[' && address[n - 1] == ']') {
        address++;
        n -= 2;
    } else if (memchr(address, ':', n)) {
        return false;
    }
    if (n == 0 || n > 255) return false;
    memcpy(host, address, n);
    host[n] = 0;
    snprintf(port, 8, "%s", colon + 1);
    return true;
}

static int bind_one(const struct addrinfo *a, bool both)
{
    int on = 1, off = 0;
    int fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (a->ai_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, both ? &off : &on, sizeof on);
    if (bind(fd, a->ai_addr, a->ai_addrlen) == 0) return fd;
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

static int bind_address(const char *address, bool numeric, struct error *e)
{
    char host[256], port[8];
    if (!split_address(address, host, port)) {
        error_set(e, CIMF_INVALID_PARAMETER, "net", "not an address:port: %s", address);
        return -1;
    }
    bool any = strcmp(host, "*") == 0;
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
                              .ai_flags = AI_PASSIVE | AI_NUMERICSERV | (numeric ? AI_NUMERICHOST : 0) };
    if (numeric && strcmp(host, "localhost") == 0) snprintf(host, sizeof host, "127.0.0.1");
    struct addrinfo *list = NULL;
    int r = getaddrinfo(any ? "::" : host, port, &hints, &list);
    int fd = r == 0 ? bind_one(list, any) : -1, saved = errno;
    if (list) freeaddrinfo(list);
    if (fd < 0 && any && (r != 0 || saved == EAFNOSUPPORT || saved == EADDRNOTAVAIL)) {
        list = NULL; /* no IPv6 here */
        r = getaddrinfo("0.0.0.0", port, &hints, &list);
        fd = r == 0 ? bind_one(list, false) : -1;
        saved = errno;
        if (list) freeaddrinfo(list);
    }
    if (fd < 0 && r != 0)
        error_set(e, CIMF_INVALID_PARAMETER, "net", "cannot listen on %s: %s", address,
                  gai_strerror(r));
    else if (fd < 0)
        error_errno(e, CIMF_IO_ERROR, "net", saved, "cannot listen on %s", address);
    return fd;
}

cimf_status http_bind(const char *address, bool numeric, int *fd, char *bound, size_t bound_size, struct error *e)
{
    *fd = bind_address(address, numeric, e);
    if (*fd < 0) return CIMF_IO_ERROR;
    if (bound) http_address_text(*fd, false, bound, bound_size, true);
    return CIMF_OK;
}

cimf_status http_server_listen_fd(struct http_server *s, int fd, struct tls_config *tls, char *bound,
                                  size_t bound_size, struct error *e)
{
    struct http_listener *l = calloc(1, sizeof *l);
    if (!l || listen(fd, 1024) != 0) {
        int saved = errno;
        free(l);
        close(fd);
        return error_errno(e, CIMF_IO_ERROR, "net", saved, "cannot listen");
    }
    if (bound) http_address_text(fd, false, bound, bound_size, true);
    l->server = s;
    l->fd = fd;
    l->tls = tls;
    if (tls) tls_config_ref(tls);
    pthread_mutex_lock(&s->lock);
    l->worker = &s->workers[s->next_worker++ % s->config.loop_count];
    l->next = s->listeners;
    s->listeners = l;
    bool ok = !s->stopping && exec_post(loop_exec(l->worker->loop), listener_start, l);
    if (!ok) l->closed = true;
    pthread_mutex_unlock(&s->lock);
    if (ok) return CIMF_OK;
    close(fd);
    return error_set(e, CIMF_SHUTTING_DOWN, "net", "the server is stopping");
}

cimf_status http_server_listen(struct http_server *s, const char *address, struct tls_config *tls,
                               char *bound, size_t bound_size, struct error *e)
{
    int fd = bind_address(address, false, e);
    if (fd < 0) return CIMF_IO_ERROR;
    return http_server_listen_fd(s, fd, tls, bound, bound_size, e);
}

/* ---- life ---- */

cimf_status http_server_new(const struct http_server_config *config, struct http_server **out,
                            struct error *e)
{
    *out = NULL;
    struct http_server *s = calloc(1, sizeof *s);
    if (s) {
        s->config = *config;
        s->routes = calloc(config->route_count + 1, sizeof *s->routes);
        s->workers = calloc(config->loop_count, sizeof *s->workers);
    }
    if (!s || !s->routes || !s->workers) {
        if (s) {
            free(s->routes);
            free(s->workers);
        }
        free(s);
        return error_set(e, CIMF_OUT_OF_MEMORY, "net", "no memory for the server");
    }
    if (!config->auth.nonces) s->config.auth.nonces = s->nonces = http_nonces_new();
    memcpy(s->routes, config->routes, config->route_count * sizeof *s->routes);
    s->config.routes = s->routes;
    pthread_mutex_init(&s->lock, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&s->quiet, &attributes);
    pthread_condattr_destroy(&attributes);
    map_init(&s->addresses, false);
    for (unsigned i = 0; i < config->loop_count; i++) {
        struct http_worker *w = &s->workers[i];
        http_site_init(&w->site, &s->config);
        w->site.ops = &http_peer_ops;
        w->site.home = loop_exec(config->loops[i]);
        w->server = s;
        w->loop = config->loops[i];
        buf_init(&w->plain, (size_t)64 << 20);
        buf_init(&w->wire, (size_t)256 << 20);
    }
    *out = s;
    return CIMF_OK;
}

struct update_call {
    struct http_worker *worker;
    struct http_limits limits;
    struct http_auth_policy auth;
};

static void update_worker(void *arg)
{
    struct update_call *x = arg;
    x->worker->site.limits = x->limits;
    x->worker->site.policy = x->auth;
    free(x);
}

cimf_status http_server_update(struct http_server *s, const struct http_limits *limits,
                               const struct http_auth_policy *auth, struct error *e)
{
    unsigned epoch = ++s->config.auth.epoch;
    for (unsigned i = 0; i < s->config.loop_count; i++) {
        struct update_call *x = malloc(sizeof *x);
        if (!x) return error_set(e, CIMF_OUT_OF_MEMORY, "net", "no memory for the change");
        *x = (struct update_call){ &s->workers[i], *limits, *auth };
        x->auth.nonces = s->config.auth.nonces;
        x->auth.epoch = epoch;
        if (exec_post(loop_exec(s->workers[i].loop), update_worker, x)) continue;
        free(x);
        return error_set(e, CIMF_SHUTTING_DOWN, "net", "the server stops");
    }
    return CIMF_OK;
}

struct stop_call {
    struct http_worker *worker;
    bool hard;
};

static void stop_worker(void *arg)
{
    struct stop_call *x = arg;
    struct http_server *s = x->worker->server;
    for (struct http_listener *l = s->listeners; l; l = l->next)
        if (l->worker == x->worker) listener_stop(l);
    http_peers_stop(x->worker, x->hard);
}

static void stop_all(struct http_server *s, bool hard)
{
    for (unsigned i = 0; i < s->config.loop_count; i++) {
        struct stop_call x = { &s->workers[i], hard };
        loop_call(s->workers[i].loop, stop_worker, &x);
    }
}

static bool wait_quiet(struct http_server *s, int64_t grace_us)
{
    int64_t until = clock_mono_us() + grace_us;
    struct timespec at = { .tv_sec = until / 1000000, .tv_nsec = until % 1000000 * 1000 };
    int r = 0;
    pthread_mutex_lock(&s->lock);
    while (s->live && r == 0) r = pthread_cond_timedwait(&s->quiet, &s->lock, &at);
    bool quiet = s->live == 0;
    pthread_mutex_unlock(&s->lock);
    return quiet;
}

void http_server_stop(struct http_server *s, int64_t grace_us)
{
    pthread_mutex_lock(&s->lock);
    s->stopping = true;
    pthread_mutex_unlock(&s->lock);
    stop_all(s, false);
    if (wait_quiet(s, grace_us)) return;
    stop_all(s, true);
    /* What is left now are requests whose handlers have not answered yet. */
    wait_quiet(s, grace_us > 5000000 ? grace_us : 5000000);
}

void http_server_free(struct http_server *s)
{
    if (!s) return;
    pthread_mutex_lock(&s->lock);
    unsigned live = s->live;
    pthread_mutex_unlock(&s->lock);
    if (live) {
        log_error("net", "%u connections outlive the server; its memory is left", live);
        return;
    }
    while (s->listeners) {
        struct http_listener *l = s->listeners;
        s->listeners = l->next;
        if (!l->closed) close(l->fd);
        tls_config_unref(l->tls);
        free(l);
    }
    for (unsigned i = 0; i < s->config.loop_count; i++) {
        http_site_free(&s->workers[i].site);
        buf_free(&s->workers[i].plain);
        buf_free(&s->workers[i].wire);
        free(s->workers[i].read_buffer);
    }
    map_free(&s->addresses);
    http_nonces_free(s->nonces);
    pthread_mutex_destroy(&s->lock);
    pthread_cond_destroy(&s->quiet);
    free(s->workers);
    free(s->routes);
    free(s);
}

void http_server_stats(struct http_server *s, struct http_stats *out)
{
    memset(out, 0, sizeof *out);
    for (unsigned i = 0; i < s->config.loop_count; i++) {
        const uint64_t *from = (const uint64_t *)&s->workers[i].site.stats;
        uint64_t *to = (uint64_t *)out;
        for (size_t k = 0; k < sizeof *out / sizeof *to; k++)
            to[k] += __atomic_load_n(&from[k], __ATOMIC_RELAXED);
    }
}
