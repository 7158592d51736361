#include "daemon/callout.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "auth/broker.h"
#include "base/log.h"
#include "daemon/level.h"
#include "os/loop.h"
#include "rpc/client.h"

enum { CALLOUT_WAITING = 256 };

/* A socket that is asked for. */
struct dialing {
    struct callout *callout;
    uint32_t number;
    uint16_t port;
    struct exec *home;
    void (*done)(void *arg, int fd);
    void *arg;
    int fd;
};

struct callout {
    struct dcom_outbound outbound; /* first */
    struct callout_config config;
    bool possible;
    pthread_mutex_t lock;          /* of what follows */
    struct dialing *waiting[CALLOUT_WAITING];
    uint32_t last;
    bool stopped;                  /* the RPC server is about to go */
};

/* ---- sockets ---- */

static void deliver(void *arg)
{
    struct dialing d = *(struct dialing *)arg;
    free(arg);
    d.done(d.arg, d.fd);
}

static void settle(struct dialing *d, int fd)
{
    d->fd = fd;
    if (exec_post(d->home, deliver, d)) return;
    if (fd >= 0) close(fd); /* the loop has ended, and whoever waited there */
    free(d);
}

/* A number for it, and a place until the answer. */
static bool enlist(struct dialing *d)
{
    struct callout *c = d->callout;
    bool ok = false;
    pthread_mutex_lock(&c->lock);
    for (unsigned i = 0; i < CALLOUT_WAITING && !ok; i++) {
        if (c->waiting[i]) continue;
        d->number = ++c->last;
        c->waiting[i] = d;
        ok = true;
    }
    pthread_mutex_unlock(&c->lock);
    return ok;
}

static struct dialing *take(struct callout *c, uint32_t number)
{
    struct dialing *d = NULL;
    pthread_mutex_lock(&c->lock);
    for (unsigned i = 0; i < CALLOUT_WAITING && !d; i++) {
        if (!c->waiting[i] || c->waiting[i]->number != number) continue;
        d = c->waiting[i];
        c->waiting[i] = NULL;
    }
    pthread_mutex_unlock(&c->lock);
    return d;
}

/* The client's own connection goes along: it says to the supervisor where to. */
static void on_proof(void *arg, int proof)
{
    struct dialing *d = arg;
    struct callout *c = d->callout;
    struct error e = ERROR_INIT;
    if (proof < 0 || !enlist(d)) {
        settle(d, -EAGAIN);
        return;
    }
    uint32_t number = d->number;
    if (c->config.ask(c->config.arg, number, d->port, proof, &e) == CIMF_OK) return;
    log_failure("cimd-core", &e, "the supervisor is not asked for a connection");
    if ((d = take(c, number))) settle(d, -EAGAIN);
}

static void start(struct dcom_outbound *o, uint64_t connection, const char *peer, uint16_t port, struct exec *home,
                  void (*done)(void *arg, int fd), void *arg)
{
    struct callout *c = (struct callout *)o;
    struct dialing *d = malloc(sizeof *d);
    if (!d) {
        done(arg, -ENOMEM);
        return;
    }
    *d = (struct dialing){ .callout = c, .port = port, .home = home, .done = done, .arg = arg, .fd = -1 };
    pthread_mutex_lock(&c->lock);
    bool asked = !c->stopped && rpc_server_socket(c->config.server, connection, on_proof, d);
    pthread_mutex_unlock(&c->lock);
    if (!asked) settle(d, -ENOTCONN);
}

/* The errno of a connection that the supervisor did not make. */
static int reason(cimf_status status)
{
    switch (status) {
    case CIMF_CONNECT_FAILED: return ECONNREFUSED;
    case CIMF_SERVER_TOO_BUSY: return EAGAIN;
    case CIMF_ACCESS_DENIED: return EPERM;
    default: return EHOSTUNREACH;
    }
}

void callout_connected(struct callout *c, uint32_t number, cimf_status status, int fd)
{
    struct dialing *d = c ? take(c, number) : NULL;
    if (d) settle(d, fd >= 0 ? fd : -reason(status));
    else if (fd >= 0) close(fd);
}

/* ---- logins ---- */

struct login {
    struct rpc_initiator initiator; /* first */
    struct auth_exchange *exchange;
    void (*done)(void *arg, enum mech_result result, struct slice token, struct mech *context);
    void *arg;
};

static void on_step(void *arg, const struct auth_exchange_answer *a)
{
    struct login *l = arg;
    l->done(l->arg, a->result, a->token, a->context);
}

static void login_step(struct rpc_initiator *i, struct slice in,
                       void (*done)(void *arg, enum mech_result result, struct slice token, struct mech *context), void *arg)
{
    struct login *l = (struct login *)i;
    l->done = done;
    l->arg = arg;
    auth_exchange_step(l->exchange, in, on_step, l);
}

static void login_free(struct rpc_initiator *i)
{
    struct login *l = (struct login *)i;
    auth_exchange_free(l->exchange);
    free(l);
}

static struct rpc_initiator *initiate(struct dcom_outbound *o, struct slice target, struct exec *home, enum rpc_auth_type *type)
{
    struct callout *c = (struct callout *)o;
    struct error e = ERROR_INIT;
    struct login *l = o->credentials ? calloc(1, sizeof *l) : NULL;
    const struct auth_exchange_config config = { .mechanism = AUTH_MECH_NEGOTIATE, .service = AUTH_SERVICE_RPC, .initiate = true,
                                                 .want = MECH_SIGN | MECH_SEAL | MECH_DCE_STYLE, .target = target, .address = target };
    if (!l) return NULL;
    l->initiator = (struct rpc_initiator){ login_step, login_free };
    *type = RPC_AUTH_SPNEGO;
    if (auth_exchange_new(c->config.broker, &config, home, &l->exchange, &e) == CIMF_OK) return &l->initiator;
    log_failure("cimd-core", &e, "no login at a client");
    free(l);
    return NULL;
}

static struct loop *loop_of(struct dcom_outbound *o, struct exec *home)
{
    const struct callout_config *c = &((struct callout *)o)->config;
    for (unsigned i = 0; i < c->loop_count; i++)
        if (loop_exec(c->loops[i]) == home) return c->loops[i];
    return NULL;
}

/* ---- life ---- */

struct callout *callout_new(const struct callout_config *config)
{
    struct callout *c = calloc(1, sizeof *c);
    if (!c) return NULL;
    c->config = *config;
    c->outbound = (struct dcom_outbound){
        .connect = start, .initiate = initiate, .loop = loop_of, .credentials = *config_text(config->config, CONFIG_wmi_callback_user) != 0,
        .level = config_level(config->config, CONFIG_wmi_callback_level),
        .anonymous = config_on(config->config, CONFIG_wmi_callback_anonymous),
    };
    c->possible = c->outbound.credentials || c->outbound.anonymous;
    pthread_mutex_init(&c->lock, NULL);
    return c;
}

static void nothing(void *arg) {}

void callout_stop(struct callout *c)
{
    if (!c) return;
    pthread_mutex_lock(&c->lock);
    c->stopped = true;
    pthread_mutex_unlock(&c->lock);
    for (unsigned i = 0; i < c->config.loop_count; i++) loop_call(c->config.loops[i], nothing, NULL); /* behind what was asked before */
}

void callout_free(struct callout *c)
{
    if (!c) return;
    for (unsigned i = 0; i < CALLOUT_WAITING; i++) {
        if (!c->waiting[i]) continue;
        c->waiting[i]->done(c->waiting[i]->arg, -ECANCELED);
        free(c->waiting[i]);
    }
    pthread_mutex_destroy(&c->lock);
    free(c);
}

struct dcom_outbound *callout_outbound(struct callout *c) { return c && c->possible ? &c->outbound : NULL; }
