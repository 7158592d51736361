/* dcom/proxy_fake.h - for tests and fuzz targets of the client role: RPC's client and the way out of the process. Connections and requests
 * are remembered; the test answers. Include after harness.h, once in a program; it defines rpc_client_*. */
#ifndef DCOM_PROXY_FAKE_H
#define DCOM_PROXY_FAKE_H

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "dcom/proxy_priv.h"

enum { FAKE_CONNECTIONS = 256, FAKE_REQUESTS = 512 };

struct fake_connection { /* what struct rpc_client points to */
    bool open;
    struct rpc_client_config config;
    uint64_t number;
    char peer[64], target[80];
    uint16_t port;
    enum rpc_level level;
    struct rpc_request *requests[FAKE_REQUESTS];
    unsigned request_count;
};
static struct fake_connection *fake_connections[FAKE_CONNECTIONS];
static unsigned fake_count, fake_connects;
static bool fake_unreachable;

/* What the next client is made for: the fake's descriptors are all /dev/null. */
struct fake_dial {
    uint64_t number;
    char peer[64];
    uint16_t port;
    void (*done)(void *arg, int fd);
    void *arg;
};
static struct fake_dial fake_last;
static char fake_target[80];

static void fake_dialed(void *arg)
{
    struct fake_dial *d = arg;
    fake_last = *d;
    fake_target[0] = 0;
    d->done(d->arg, fake_unreachable ? -ECONNREFUSED : open("/dev/null", O_RDWR | O_CLOEXEC));
    free(d);
}

static void fake_connect(struct dcom_outbound *o, uint64_t connection, const char *peer, uint16_t port, struct exec *home,
                         void (*done)(void *arg, int fd), void *arg)
{
    struct fake_dial *d = calloc(1, sizeof *d);
    if (!d) abort();
    *d = (struct fake_dial){ .number = connection, .port = port, .done = done, .arg = arg };
    snprintf(d->peer, sizeof d->peer, "%s", peer);
    fake_connects++;
    if (!exec_post(home, fake_dialed, d)) abort();
}

static void fake_initiator_free(struct rpc_initiator *i) {}
static struct rpc_initiator fake_initiator = { NULL, fake_initiator_free };
static struct rpc_initiator *fake_initiate(struct dcom_outbound *o, struct slice target, struct exec *home, enum rpc_auth_type *type)
{
    snprintf(fake_target, sizeof fake_target, SLICE_FMT, SLICE_ARG(target));
    *type = RPC_AUTH_SPNEGO;
    return o->credentials ? &fake_initiator : NULL;
}
static struct loop *fake_loop_of(struct dcom_outbound *o, struct exec *home) { return NULL; }

static struct dcom_outbound fake_outbound;

static void fake_reset(void)
{
    for (unsigned i = 0; i < fake_count; i++) free(fake_connections[i]);
    fake_count = fake_connects = 0;
    fake_unreachable = false;
    fake_outbound = (struct dcom_outbound){ .connect = fake_connect, .initiate = fake_initiate, .loop = fake_loop_of, .credentials = true };
}

cimf_status rpc_client_new(const struct rpc_client_config *config, struct rpc_client **out, struct error *e)
{
    struct fake_connection *c = calloc(1, sizeof *c);
    if (!c || fake_count == FAKE_CONNECTIONS) abort();
    if ((config->level == RPC_LEVEL_NONE) != !config->initiator || close(config->fd) != 0) abort();
    c->open = true;
    c->config = *config;
    c->level = config->level;
    c->number = fake_last.number;
    c->port = fake_last.port;
    memcpy(c->peer, fake_last.peer, sizeof c->peer);
    memcpy(c->target, fake_target, sizeof c->target);
    fake_connections[fake_count++] = c;
    *out = (struct rpc_client *)c;
    return CIMF_OK;
}

static struct fake_connection *fake_of(struct rpc_client *client)
{
    struct fake_connection *c = (struct fake_connection *)client;
    if (!c || !c->open) abort(); /* used after its end */
    return c;
}

void rpc_client_free(struct rpc_client *client) { fake_of(client)->open = false; }

void rpc_client_request(struct rpc_client *client, struct rpc_request *r)
{
    struct fake_connection *c = fake_of(client);
    if (c->request_count == FAKE_REQUESTS) abort();
    c->requests[c->request_count++] = r;
}

static void fake_take(struct fake_connection *c, unsigned i)
{
    memmove(c->requests + i, c->requests + i + 1, (--c->request_count - i) * sizeof *c->requests);
}

void rpc_client_forget(struct rpc_client *client, struct rpc_request *r)
{
    struct fake_connection *c = fake_of(client);
    for (unsigned i = 0; i < c->request_count; i++)
        if (c->requests[i] == r) {
            fake_take(c, i);
            return;
        }
    abort(); /* it is not there */
}

static struct error fake_why; /* of every connection that is lost */
const struct error *rpc_client_why(const struct rpc_client *client) { return fake_why.status ? &fake_why : NULL; }

enum rpc_level rpc_client_level(const struct rpc_client *client) { return ((const struct fake_connection *)client)->level; }

/* ---- what a test does ---- */

HARNESS_USED static unsigned fake_open(void)
{
    unsigned n = 0;
    for (unsigned i = 0; i < fake_count; i++) n += fake_connections[i]->open;
    return n;
}

/* The newest that is open. */
HARNESS_USED static struct fake_connection *fake_latest(void)
{
    for (unsigned i = fake_count; i > 0; i--)
        if (fake_connections[i - 1]->open) return fake_connections[i - 1];
    return NULL;
}

/* The oldest that waits. */
HARNESS_USED static struct rpc_request *fake_request(struct fake_connection *c)
{
    if (!c->request_count) abort();
    return c->requests[0];
}

HARNESS_USED static void fake_answer_order(struct fake_connection *c, uint32_t fault, struct slice stub, bool big_endian)
{
    struct rpc_request *r = fake_request(c);
    struct fake_loop *was = current;
    char *copy = malloc(stub.n ? stub.n : 1); /* gone afterwards */
    if (!copy) abort();
    if (stub.n) memcpy(copy, stub.p, stub.n);
    fake_take(c, 0);
    current = &loops[0];
    r->done(r, fault, slice_of(copy, stub.n), big_endian);
    current = was;
    free(copy);
}

HARNESS_USED static void fake_answer(struct fake_connection *c, uint32_t fault, struct slice stub)
{
    fake_answer_order(c, fault, stub, false);
}

HARNESS_USED static void fake_lose(struct fake_connection *c)
{
    struct error e = ERROR_INIT;
    error_set(&e, CIMF_CONNECTION_LOST, "rpc", "the other side closed");
    current = &loops[0];
    if (!c->request_count) c->config.lost(c->config.arg, (struct rpc_client *)c, &e);
    current = NULL;
}

#endif
