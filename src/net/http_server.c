/* The server's life; its sockets are an acceptor's, its connections http_peer.c's. */
#include <stdlib.h>
#include <sys/socket.h>

#include "net/http_nonces.h"
#include "net/http_server_priv.h"

/* ---- what the acceptor asks ---- */

static void adopt(void *arg, unsigned loop, int fd, void *tag)
{
    struct http_server *s = arg;
    http_peer_adopt(&s->workers[loop], fd, tag);
}

static void refuse(void *arg, unsigned loop, int fd, void *tag)
{
    static const char busy[] = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n"
                               "Connection: close\r\n\r\n";
    struct http_server *s = arg;
    HTTP_COUNT(&s->workers[loop].site, refused);
    if (!tag && send(fd, busy, sizeof busy - 1, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {}
}

static void stop(void *arg, unsigned loop, bool hard)
{
    struct http_server *s = arg;
    http_peers_stop(&s->workers[loop], hard);
}

static void drop_tag(void *tag) { tls_config_unref(tag); }

static const struct acceptor_ops acceptor_ops = { adopt, refuse, stop, drop_tag };

/* ---- listening ---- */

cimf_status http_bind(const char *address, bool numeric, int *fd, char *bound, size_t bound_size, struct error *e)
{
    return net_bind(address, numeric, fd, bound, bound_size, e);
}

cimf_status http_server_listen_fd(struct http_server *s, int fd, struct tls_config *tls, char *bound,
                                  size_t bound_size, struct error *e)
{
    if (tls) tls_config_ref(tls);
    return acceptor_listen(s->acceptor, fd, tls, bound, bound_size, e);
}

cimf_status http_server_listen(struct http_server *s, const char *address, struct tls_config *tls,
                               char *bound, size_t bound_size, struct error *e)
{
    int fd;
    cimf_status status = net_bind(address, false, &fd, NULL, 0, e);
    return status == CIMF_OK ? http_server_listen_fd(s, fd, tls, bound, bound_size, e) : status;
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
    struct acceptor_config accepting = {
        .ops = &acceptor_ops, .arg = s, .loops = config->loops, .loop_count = config->loop_count,
        .max_connections = config->limits.max_connections, .max_per_address = config->limits.max_per_address,
    };
    if (s) s->acceptor = acceptor_new(&accepting);
    if (!s || !s->routes || !s->workers || !s->acceptor) {
        if (s) {
            acceptor_free(s->acceptor);
            free(s->routes);
            free(s->workers);
        }
        free(s);
        return error_set(e, CIMF_OUT_OF_MEMORY, "net", "no memory for the server");
    }
    if (!config->auth.nonces) s->config.auth.nonces = s->nonces = http_nonces_new();
    memcpy(s->routes, config->routes, config->route_count * sizeof *s->routes);
    s->config.routes = s->routes;
    for (unsigned i = 0; i < config->loop_count; i++) {
        struct http_worker *w = &s->workers[i];
        http_site_init(&w->site, &s->config);
        w->site.ops = &http_peer_ops;
        w->site.home = loop_exec(config->loops[i]);
        w->server = s;
        w->index = i;
        w->streams = (struct stream_home){ .loop = config->loops[i], .write_limit = w->site.limits.write_limit,
                                           .write_timeout_us = w->site.limits.write_timeout_us };
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
    x->worker->streams.write_limit = x->limits.write_limit;
    x->worker->streams.write_timeout_us = x->limits.write_timeout_us;
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
        if (exec_post(loop_exec(s->config.loops[i]), update_worker, x)) continue;
        free(x);
        return error_set(e, CIMF_SHUTTING_DOWN, "net", "the server stops");
    }
    return CIMF_OK;
}

void http_server_stop(struct http_server *s, int64_t grace_us) { acceptor_stop(s->acceptor, grace_us); }

void http_server_free(struct http_server *s)
{
    if (!s || !acceptor_free(s->acceptor)) return;
    for (unsigned i = 0; i < s->config.loop_count; i++) {
        http_site_free(&s->workers[i].site);
        buf_free(&s->workers[i].plain);
        buf_free(&s->workers[i].wire);
        free(s->workers[i].streams.read_buffer);
    }
    http_nonces_free(s->nonces);
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
