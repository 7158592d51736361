/* A server's life and its doors; its sockets are an acceptor's, its connections peer.c's. */
#include <stdlib.h>
#include <unistd.h>

#include "os/loop.h"
#include "rpc/server_priv.h"

/* ---- what the acceptor asks ---- */

static void adopt(void *arg, unsigned loop, int fd, void *tag)
{
    struct rpc_server *s = arg;
    rpc_peer_adopt(&s->workers[loop], fd, &((struct rpc_door *)tag)->parts[loop]);
}

/* There is no PDU for it: the client has not said anything yet. */
static void refuse(void *arg, unsigned loop, int fd, void *tag)
{
    struct rpc_server *s = arg;
    __atomic_add_fetch(&s->workers[loop].refused, 1, __ATOMIC_RELAXED);
}

static void stop(void *arg, unsigned loop, bool hard)
{
    struct rpc_server *s = arg;
    rpc_peers_stop(&s->workers[loop], hard);
}

static const struct acceptor_ops acceptor_ops = { adopt, refuse, stop, NULL };

/* ---- listening ---- */

static uint32_t join(struct rpc_site *site, uint32_t wanted, const char *peer)
{
    return rpc_groups_join(&((struct rpc_part *)site)->door->server->groups, wanted, peer);
}

static void leave(struct rpc_site *site, uint32_t group)
{
    rpc_groups_leave(&((struct rpc_part *)site)->door->server->groups, group);
}

static struct rpc_door *door_new(struct rpc_server *s, const struct rpc_interface *const *interfaces)
{
    const struct rpc_server_config *c = &s->config;
    struct rpc_door *d = calloc(1, sizeof *d + c->loop_count * sizeof *d->parts);
    if (!d) return NULL;
    d->server = s;
    for (unsigned i = 0; i < c->loop_count; i++) {
        d->parts[i].door = d;
        d->parts[i].site = (struct rpc_site){
            .ops = &rpc_peer_ops, .interfaces = interfaces, .broker = c->broker, .home = loop_exec(c->loops[i]),
            .limits = c->limits, .floor = c->floor, .group = join, .leave = leave,
            .next_connection = (uint64_t)(s->door_count * c->loop_count + i) << RPC_NUMBER_BITS,
        };
        rpc_site_defaults(&d->parts[i].site);
    }
    d->next = s->doors;
    s->door_count++;
    __atomic_store_n(&s->doors, d, __ATOMIC_RELEASE); /* rpc_server_stats reads on other threads */
    return d;
}

cimf_status rpc_server_listen_fd(struct rpc_server *s, int fd, const struct rpc_interface *const *interfaces,
                                 char *bound, size_t bound_size, struct error *e)
{
    struct rpc_door *d = door_new(s, interfaces);
    if (d) return acceptor_listen(s->acceptor, fd, d, bound, bound_size, e);
    close(fd);
    return error_set(e, CIMF_OUT_OF_MEMORY, "rpc", "no memory for a listener");
}

cimf_status rpc_server_listen(struct rpc_server *s, const char *address, const struct rpc_interface *const *interfaces,
                              char *bound, size_t bound_size, struct error *e)
{
    int fd;
    cimf_status status = net_bind(address, false, &fd, NULL, 0, e);
    return status == CIMF_OK ? rpc_server_listen_fd(s, fd, interfaces, bound, bound_size, e) : status;
}

/* ---- life ---- */

cimf_status rpc_server_new(const struct rpc_server_config *config, struct rpc_server **out, struct error *e)
{
    *out = NULL;
    struct rpc_server *s = calloc(1, sizeof *s);
    if (s) s->workers = calloc(config->loop_count, sizeof *s->workers);
    struct acceptor_config accepting = {
        .ops = &acceptor_ops, .arg = s, .loops = config->loops, .loop_count = config->loop_count,
        .max_connections = config->max_connections ? config->max_connections : 20000,
        .max_per_address = config->max_per_address,
    };
    if (s && s->workers) s->acceptor = acceptor_new(&accepting);
    if (!s || !s->workers || !s->acceptor) {
        if (s) free(s->workers);
        free(s);
        return error_set(e, CIMF_OUT_OF_MEMORY, "rpc", "no memory for the server");
    }
    s->config = *config;
    if (!s->config.wait_total) s->config.wait_total = (size_t)128 << 20;
    if (!s->config.hold_total) s->config.hold_total = (size_t)128 << 20;
    if (!s->config.stuck_us) s->config.stuck_us = 5 * 1000000;
    rpc_groups_init(&s->groups);
    for (unsigned i = 0; i < config->loop_count; i++) {
        s->workers[i] = (struct rpc_worker){
            .server = s, .index = i,
            .streams = { .loop = config->loops[i], .write_limit = config->write_limit ? config->write_limit : 1 << 20,
                         .write_timeout_us = config->write_timeout_us ? config->write_timeout_us : 60 * 1000000 },
        };
        rpc_shares_init(&s->workers[i].shares, s->config.hold_total, accepting.max_connections / config->loop_count / 2 + 1);
    }
    *out = s;
    return CIMF_OK;
}

void rpc_server_stop(struct rpc_server *s, int64_t grace_us) { acceptor_stop(s->acceptor, grace_us); }

void rpc_server_free(struct rpc_server *s)
{
    if (!s || !acceptor_free(s->acceptor)) return;
    while (s->doors) {
        struct rpc_door *d = s->doors;
        s->doors = d->next;
        free(d);
    }
    for (unsigned i = 0; i < s->config.loop_count; i++) {
        free(s->workers[i].streams.read_buffer);
        rpc_shares_free(&s->workers[i].shares);
    }
    rpc_groups_free(&s->groups);
    free(s->workers);
    free(s);
}

struct socket_question {
    struct rpc_worker *worker;
    uint64_t connection;
    void (*done)(void *arg, int fd);
    void *arg;
};

static void find_socket(void *arg)
{
    struct socket_question q = *(struct socket_question *)arg;
    free(arg);
    q.done(q.arg, rpc_peers_socket(q.worker, q.connection));
}

bool rpc_server_socket(struct rpc_server *s, uint64_t connection, void (*done)(void *arg, int fd), void *arg)
{
    unsigned loop = (unsigned)((connection >> RPC_NUMBER_BITS) % s->config.loop_count);
    struct socket_question *q = malloc(sizeof *q);
    if (!q) return false;
    *q = (struct socket_question){ &s->workers[loop], connection, done, arg };
    if (exec_post(loop_exec(s->config.loops[loop]), find_socket, q)) return true;
    free(q);
    return false;
}

static uint64_t read_count(const uint64_t *count) { return __atomic_load_n(count, __ATOMIC_RELAXED); }

void rpc_server_stats(struct rpc_server *s, struct rpc_stats *out)
{
    *out = (struct rpc_stats){ 0 };
    for (unsigned i = 0; i < s->config.loop_count; i++) {
        const struct rpc_worker *w = &s->workers[i];
        out->connections += read_count(&w->connections);
        out->accepted += read_count(&w->accepted);
        out->refused += read_count(&w->refused);
        out->timeouts += read_count(&w->timeouts);
        for (const struct rpc_door *d = __atomic_load_n(&s->doors, __ATOMIC_ACQUIRE); d; d = d->next) {
            const struct rpc_counts *n = &d->parts[i].site.counts;
            out->calls_in += read_count(&n->calls_in);
            out->calls_out += read_count(&n->calls_out);
            out->packets_in += read_count(&n->packets_in);
            out->packets_out += read_count(&n->packets_out);
        }
    }
}
