/*
 * daemon/callout.h - cimd-core's way out to clients (dcom/proxy.h): sockets come from the supervisor, against the client's own connection
 * as proof; logins from cimd-auth. This process has neither.
 */
#ifndef DAEMON_CALLOUT_H
#define DAEMON_CALLOUT_H

#include "daemon/config.h"
#include "dcom/proxy.h"
#include "rpc/server.h"

struct auth_broker;
struct callout;

struct callout_config {
    const struct config *config;
    struct auth_broker *broker;
    struct rpc_server *server;     /* whose connections it dials back to */
    struct loop *const *loops;
    unsigned loop_count;
    /* Asks the supervisor; its answer comes to callout_connected with the number. proof stays the caller's. Any thread. */
    cimf_status (*ask)(void *arg, uint32_t number, uint16_t port, int proof, struct error *e);
    void *arg;
};

/* NULL: no memory. */
struct callout *callout_new(const struct callout_config *config);
/* The RPC server is not asked any more when this returns; while the loops still run, not on one of them. NULL is fine, here and below. */
void callout_stop(struct callout *c);
/* When the DCOM server has hung up and the loops no longer run; before the DCOM server ends. */
void callout_free(struct callout *c);
/* NULL when neither a login nor calls without one are configured: then there is no way out. */
struct dcom_outbound *callout_outbound(struct callout *c);
/* The supervisor's answer; takes the descriptor (-1: none). Any thread. */
void callout_connected(struct callout *c, uint32_t number, cimf_status status, int fd);

#endif
