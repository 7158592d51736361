/* Listening sockets: accepting, counting, handing over. */
#include "net/acceptor.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "os/loop.h"

struct listener {
    struct listener *next;
    struct acceptor *acceptor;
    unsigned loop;              /* which one accepts */
    void *tag;
    uv_poll_t poll;
    struct loop_timer rest;     /* out of descriptors: rests a while */
    int fd;
    bool started, closed;
};

struct acceptor {
    struct acceptor_config config;
    unsigned *counts;           /* connections of a loop and on the way there; atomic */
    pthread_mutex_t lock;       /* below */
    pthread_cond_t quiet;       /* a connection ended */
    struct listener *listeners;
    struct map addresses;       /* address text -> struct address_count */
    unsigned live;              /* connections and closing listeners */
    unsigned next_loop;
    bool stopping;
};

struct address_count {
    unsigned count;
    char text[NET_PEER_TEXT];
};

/* ---- addresses ---- */

void net_address_text(int fd, bool peer, char *out, size_t size, bool with_port)
{
    struct sockaddr_storage a;
    socklen_t n = sizeof a;
    char text[NET_PEER_TEXT] = "?";
    unsigned port = 0;
    bool v6 = false;
    memset(&a, 0, sizeof a);
    int r = peer ? getpeername(fd, (struct sockaddr *)&a, &n)
                 : getsockname(fd, (struct sockaddr *)&a, &n);
    if (r == 0 && a.ss_family == AF_INET) {
        const struct sockaddr_in *s = (const struct sockaddr_in *)&a;
        inet_ntop(AF_INET, &s->sin_addr, text, sizeof text);
        port = ntohs(s->sin_port);
    } else if (r == 0 && a.ss_family == AF_INET6) {
        const struct sockaddr_in6 *s = (const struct sockaddr_in6 *)&a;
        v6 = !IN6_IS_ADDR_V4MAPPED(&s->sin6_addr);
        if (v6) inet_ntop(AF_INET6, &s->sin6_addr, text, sizeof text);
        else inet_ntop(AF_INET, s->sin6_addr.s6_addr + 12, text, sizeof text);
        port = ntohs(s->sin6_port);
    }
    if (!with_port) snprintf(out, size, "%s", text);
    else snprintf(out, size, v6 ? "[%s]:%u" : "%s:%u", text, port);
}

/* Why it is none of them, and how it would be one. */
static cimf_status no_address(const char *address, struct error *e)
{
    const char *colon = strrchr(address, ':'), *why;
    if (!colon || (*address == '[' && colon[-1] != ']')) why = "has no port; write ADDRESS:PORT, as 127.0.0.1:5985 or [::1]:5985";
    else if (colon == address) why = "has no address before the port; * stands for every one";
    else if (*address != '[' && memchr(address, ':', (size_t)(colon - address))) why = "is not clear; an IPv6 address goes in brackets, as [::1]:5985";
    else why = "has no port from 0 to 65535 behind the last colon";
    return error_set(e, CIMF_INVALID_PARAMETER, "net", "'%.100s' %s", address, why);
}

/* "127.0.0.1:80", "[::1]:80", "*:80" apart. */
static cimf_status split_address(const char *address, char host[256], char port[8], struct error *e)
{
    const char *colon = strrchr(address, ':');
    if (!colon || strlen(colon + 1) > 5 || !colon[1]) return no_address(address, e);
    if (strspn(colon + 1, "0123456789") != strlen(colon + 1) || atoi(colon + 1) > 65535) return no_address(address, e);
    const char *from = address;
    size_t n = (size_t)(colon - address);
    if (n >= 2 && address[0] == '[' && address[n - 1] == ']') {
        from++;
        n -= 2;
    } else if (memchr(address, ':', n)) {
        return no_address(address, e);
    }
    if (n == 0 || n > 255) return no_address(address, e);
    memcpy(host, from, n);
    host[n] = 0;
    snprintf(port, 8, "%s", colon + 1);
    return CIMF_OK;
}

cimf_status net_address_parse(const char *address, struct sockaddr_storage *out, bool *every, struct error *e)
{
    char host[256], port[8];
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV | AI_NUMERICHOST }, *list = NULL;
    cimf_status status = split_address(address, host, port, e);
    if (status != CIMF_OK) return status;
    *every = strcmp(host, "*") == 0;
    if (strcmp(host, "localhost") == 0) snprintf(host, sizeof host, "127.0.0.1");
    int r = getaddrinfo(*every ? "::" : host, port, &hints, &list);
    if (r == EAI_MEMORY) return error_set(e, CIMF_OUT_OF_MEMORY, "net", "no memory for an address");
    if (r != 0 || !list || list->ai_addrlen > sizeof *out)
        status = error_set(e, CIMF_INVALID_PARAMETER, "net", "'%.100s' is not the address of a network interface, as 192.0.2.7; names are not looked up, * stands for every address", host);
    if (status == CIMF_OK) memcpy(out, list->ai_addr, list->ai_addrlen);
    if (list) freeaddrinfo(list);
    return status;
}

bool net_address_may_come(const struct sockaddr_storage *a)
{
    const struct sockaddr_in *four = (const void *)a;
    const struct sockaddr_in6 *six = (const void *)a;
    return a->ss_family == AF_INET6 ? !IN6_IS_ADDR_LOOPBACK(&six->sin6_addr) : ntohl(four->sin_addr.s_addr) >> 24 != IN_LOOPBACKNET;
}

/* At an address that no interface has yet: connections come in once one does. */
static bool bind_early(int fd, const struct addrinfo *a)
{
    int on = 1;
    bool v6 = a->ai_family == AF_INET6;
    struct sockaddr_storage at = { 0 };
    memcpy(&at, a->ai_addr, a->ai_addrlen);
    return net_address_may_come(&at) &&
           setsockopt(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_FREEBIND : IP_FREEBIND, &on, sizeof on) == 0 &&
           bind(fd, a->ai_addr, a->ai_addrlen) == 0;
}

static int bind_one(const struct addrinfo *a, bool both, bool early)
{
    int on = 1, off = 0;
    int fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (a->ai_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, both ? &off : &on, sizeof on);
    if (bind(fd, a->ai_addr, a->ai_addrlen) == 0) return fd;
    int saved = errno;
    if (early && saved == EADDRNOTAVAIL && bind_early(fd, a)) return fd;
    close(fd);
    errno = saved;
    return -1;
}

static int bind_address(const char *address, bool numeric, struct error *e)
{
    char host[256], port[8];
    struct sockaddr_storage parsed;
    bool every;
    if (split_address(address, host, port, e) != CIMF_OK || (numeric && net_address_parse(address, &parsed, &every, e) != CIMF_OK)) return -1;
    bool any = strcmp(host, "*") == 0;
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
                              .ai_flags = AI_PASSIVE | AI_NUMERICSERV | (numeric ? AI_NUMERICHOST : 0) };
    if (numeric && strcmp(host, "localhost") == 0) snprintf(host, sizeof host, "127.0.0.1");
    struct addrinfo *list = NULL;
    int r = getaddrinfo(any ? "::" : host, port, &hints, &list);
    int fd = r == 0 ? bind_one(list, any, numeric) : -1, saved = errno;
    if (list) freeaddrinfo(list);
    if (fd < 0 && any && (r != 0 || saved == EAFNOSUPPORT || saved == EADDRNOTAVAIL)) {
        list = NULL; /* no IPv6 here */
        r = getaddrinfo("0.0.0.0", port, &hints, &list);
        fd = r == 0 ? bind_one(list, false, false) : -1;
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

cimf_status net_bind(const char *address, bool numeric, int *fd, char *bound, size_t bound_size, struct error *e)
{
    *fd = bind_address(address, numeric, e);
    if (*fd < 0) return CIMF_IO_ERROR;
    if (bound) net_address_text(*fd, false, bound, bound_size, true);
    return CIMF_OK;
}

/* ---- counts ---- */

static bool is_loopback(const char *address)
{
    return strncmp(address, "127.", 4) == 0 || strcmp(address, "::1") == 0;
}

struct slice net_address_place(const char *address, char out[NET_PEER_TEXT])
{
    unsigned char raw[16];
    snprintf(out, NET_PEER_TEXT, "%s", address);
    if (inet_pton(AF_INET6, address, raw) == 1) {
        memset(raw + 8, 0, 8);
        inet_ntop(AF_INET6, raw, out, NET_PEER_TEXT);
    }
    return slice_str(out);
}

/* Takes a place for a connection; false: too many. */
static bool admit(struct acceptor *a, const char *address)
{
    char text[NET_PEER_TEXT];
    struct slice key = net_address_place(address, text);
    bool ok = true;
    pthread_mutex_lock(&a->lock);
    if (a->stopping || a->live >= a->config.max_connections) ok = false;
    if (ok && a->config.max_per_address && !is_loopback(address)) {
        struct address_count *n = map_get(&a->addresses, key);
        if (!n && (n = calloc(1, sizeof *n))) {
            memcpy(n->text, text, sizeof n->text);
            if (!map_put(&a->addresses, slice_str(n->text), n, NULL)) {
                free(n);
                n = NULL;
            }
        }
        ok = n && n->count < a->config.max_per_address;
        if (ok) n->count++;
    }
    if (ok) a->live++;
    pthread_mutex_unlock(&a->lock);
    return ok;
}

void acceptor_gone(struct acceptor *a, unsigned loop, const char *address)
{
    char text[NET_PEER_TEXT];
    struct slice key = net_address_place(address, text);
    __atomic_sub_fetch(&a->counts[loop], 1, __ATOMIC_RELAXED);
    pthread_mutex_lock(&a->lock);
    if (a->config.max_per_address && !is_loopback(address)) {
        struct address_count *n = map_get(&a->addresses, key);
        if (n && --n->count == 0) {
            map_del(&a->addresses, slice_str(n->text));
            free(n);
        }
    }
    a->live--;
    if (a->stopping) pthread_cond_broadcast(&a->quiet);
    pthread_mutex_unlock(&a->lock);
}

/* ---- accepting ---- */

struct arrival {
    struct listener *listener; /* stays: the connection is counted already */
    unsigned loop;
    int fd;
};

static void adopt(struct listener *l, unsigned loop, int fd)
{
    const struct acceptor_config *c = &l->acceptor->config;
    c->ops->adopt(c->arg, loop, fd, l->tag);
}

static void arrive(void *arg)
{
    struct arrival *x = arg;
    adopt(x->listener, x->loop, x->fd);
    free(x);
}

/* The loop with the fewest connections; its own one when equal. */
static unsigned choose(const struct acceptor *a, unsigned own)
{
    unsigned best = own, least = __atomic_load_n(&a->counts[own], __ATOMIC_RELAXED);
    for (unsigned i = 0; i < a->config.loop_count; i++) {
        unsigned n = __atomic_load_n(&a->counts[i], __ATOMIC_RELAXED);
        if (n < least) {
            least = n;
            best = i;
        }
    }
    return best;
}

static void hand_over(struct listener *l, int fd)
{
    struct acceptor *a = l->acceptor;
    char text[NET_PEER_TEXT];
    net_address_text(fd, true, text, sizeof text, false);
    if (!admit(a, text)) {
        a->config.ops->refuse(a->config.arg, l->loop, fd, l->tag);
        close(fd);
        return;
    }
    unsigned loop = choose(a, l->loop);
    __atomic_add_fetch(&a->counts[loop], 1, __ATOMIC_RELAXED);
    if (loop == l->loop) {
        adopt(l, loop, fd);
        return;
    }
    struct arrival *x = malloc(sizeof *x);
    if (x) *x = (struct arrival){ l, loop, fd };
    if (x && exec_post(loop_exec(a->config.loops[loop]), arrive, x)) return;
    free(x);
    close(fd);
    acceptor_gone(a, loop, text);
}

static struct loop *loop_of(const struct listener *l) { return l->acceptor->config.loops[l->loop]; }

static void on_connections(uv_poll_t *poll, int status, int events)
{
    struct listener *l = poll->data;
    for (int i = 0; i < 64; i++) {
        int fd = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            hand_over(l, fd);
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            log_warn("net", "accept paused: %s", strerror(errno));
            uv_poll_stop(&l->poll);
            loop_timer_start(loop_of(l), &l->rest, 200000);
            return;
        }
        if (errno != EINTR && errno != ECONNABORTED) return;
    }
}

static void after_rest(struct loop_timer *t, void *arg)
{
    struct listener *l = arg;
    if (!l->closed) uv_poll_start(&l->poll, UV_READABLE, on_connections);
}

static void listener_start(void *arg)
{
    struct listener *l = arg;
    if (l->closed) return;
    loop_timer_init(&l->rest, after_rest, l);
    l->poll.data = l;
    if (uv_poll_init(loop_uv(loop_of(l)), &l->poll, l->fd) != 0 ||
        uv_poll_start(&l->poll, UV_READABLE, on_connections) != 0) {
        log_error("net", "a listener could not start");
        return;
    }
    l->started = true;
}

static void listener_closed(uv_handle_t *h)
{
    struct listener *l = h->data;
    struct acceptor *a = l->acceptor;
    close(l->fd);
    l->fd = -1;
    pthread_mutex_lock(&a->lock);
    a->live--;
    pthread_cond_broadcast(&a->quiet);
    pthread_mutex_unlock(&a->lock);
}

/* On the loop. */
static void listener_stop(struct listener *l)
{
    if (l->closed) return;
    l->closed = true;
    if (!l->started) {
        close(l->fd);
        l->fd = -1;
        return;
    }
    pthread_mutex_lock(&l->acceptor->lock);
    l->acceptor->live++;
    pthread_mutex_unlock(&l->acceptor->lock);
    loop_timer_stop(&l->rest);
    uv_poll_stop(&l->poll);
    uv_close((uv_handle_t *)&l->poll, listener_closed);
}

cimf_status acceptor_listen(struct acceptor *a, int fd, void *tag, char *bound, size_t bound_size, struct error *e)
{
    struct listener *l = calloc(1, sizeof *l);
    if (!l || listen(fd, 1024) != 0) {
        int saved = errno;
        free(l);
        close(fd);
        if (a->config.ops->drop_tag) a->config.ops->drop_tag(tag);
        return error_errno(e, CIMF_IO_ERROR, "net", saved, "cannot listen");
    }
    if (bound) net_address_text(fd, false, bound, bound_size, true);
    l->acceptor = a;
    l->fd = fd;
    l->tag = tag;
    pthread_mutex_lock(&a->lock);
    l->loop = a->next_loop++ % a->config.loop_count;
    l->next = a->listeners;
    a->listeners = l;
    bool ok = !a->stopping && exec_post(loop_exec(loop_of(l)), listener_start, l);
    if (!ok) l->closed = true;
    pthread_mutex_unlock(&a->lock);
    if (ok) return CIMF_OK;
    close(fd);
    return error_set(e, CIMF_SHUTTING_DOWN, "net", "the server is stopping");
}

/* ---- life ---- */

struct acceptor *acceptor_new(const struct acceptor_config *config)
{
    struct acceptor *a = calloc(1, sizeof *a);
    if (a) a->counts = calloc(config->loop_count, sizeof *a->counts);
    if (!a || !a->counts) {
        free(a);
        return NULL;
    }
    a->config = *config;
    pthread_mutex_init(&a->lock, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&a->quiet, &attributes);
    pthread_condattr_destroy(&attributes);
    map_init(&a->addresses, false);
    return a;
}

struct stop_call {
    struct acceptor *acceptor;
    unsigned loop;
    bool hard;
};

static void stop_loop(void *arg)
{
    struct stop_call *x = arg;
    struct acceptor *a = x->acceptor;
    for (struct listener *l = a->listeners; l; l = l->next)
        if (l->loop == x->loop) listener_stop(l);
    a->config.ops->stop(a->config.arg, x->loop, x->hard);
}

static void stop_all(struct acceptor *a, bool hard)
{
    for (unsigned i = 0; i < a->config.loop_count; i++) {
        struct stop_call x = { a, i, hard };
        loop_call(a->config.loops[i], stop_loop, &x);
    }
}

static bool wait_quiet(struct acceptor *a, int64_t grace_us)
{
    int64_t until = clock_mono_us() + grace_us;
    struct timespec at = { .tv_sec = until / 1000000, .tv_nsec = until % 1000000 * 1000 };
    int r = 0;
    pthread_mutex_lock(&a->lock);
    while (a->live && r == 0) r = pthread_cond_timedwait(&a->quiet, &a->lock, &at);
    bool quiet = a->live == 0;
    pthread_mutex_unlock(&a->lock);
    return quiet;
}

void acceptor_stop(struct acceptor *a, int64_t grace_us)
{
    pthread_mutex_lock(&a->lock);
    a->stopping = true;
    pthread_mutex_unlock(&a->lock);
    stop_all(a, false);
    if (wait_quiet(a, grace_us)) return;
    stop_all(a, true);
    /* What is left now are requests whose handlers have not answered yet. */
    wait_quiet(a, grace_us > 5000000 ? grace_us : 5000000);
}

bool acceptor_free(struct acceptor *a)
{
    if (!a) return true;
    pthread_mutex_lock(&a->lock);
    unsigned live = a->live;
    pthread_mutex_unlock(&a->lock);
    if (live) {
        log_error("net", "%u connections outlive the server; its memory is left", live);
        return false;
    }
    while (a->listeners) {
        struct listener *l = a->listeners;
        a->listeners = l->next;
        if (!l->closed) close(l->fd);
        if (a->config.ops->drop_tag) a->config.ops->drop_tag(l->tag);
        free(l);
    }
    map_free(&a->addresses);
    pthread_mutex_destroy(&a->lock);
    pthread_cond_destroy(&a->quiet);
    free(a->counts);
    free(a);
    return true;
}
