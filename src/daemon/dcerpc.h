/*
 * daemon/dcerpc.h - the DCE/RPC side of cimd-core: what is served at which listener. The endpoint mapper's port (135)
 * and the exporter's port share one server; whatever the exporter's port speaks is registered in the mapper.
 */
#ifndef DAEMON_DCERPC_H
#define DAEMON_DCERPC_H

#include "cim/op.h"
#include "daemon/config.h"
#include "rpc/server.h"

struct dcerpc;
struct wmi_care_hooks;
struct dcerpc_config {
    const struct config *config;
    struct auth_broker *broker;
    struct loop *const *loops;
    unsigned loop_count;
    const char *server; /* host name; borrowed for good */
    struct cim_manager *manager;
    const struct wmi_care_hooks *care; /* copied; NULL: no class for backups */
    /* callout_config.ask */
    cimf_status (*ask_connection)(void *arg, uint32_t number, uint16_t port, int proof, struct error *e);
};

cimf_status dcerpc_new(const struct dcerpc_config *c, struct dcerpc **out, struct error *e);
/* Bound sockets of listen.epmap and of listen.wmi; takes the descriptor. */
cimf_status dcerpc_listen_epmap(struct dcerpc *d, int fd, struct error *e);
cimf_status dcerpc_listen_wmi(struct dcerpc *d, int fd, struct error *e);
/* The supervisor's answer to ask_connection; takes the descriptor. Any thread; NULL is fine. */
void dcerpc_connected(struct dcerpc *d, uint32_t number, cimf_status status, int fd);
/* No more calls, and none at work; NULL is fine, here and below. */
void dcerpc_stop(struct dcerpc *d, int64_t grace_us);
/* While the loops still run; then, when they no longer do. */
void dcerpc_close(struct dcerpc *d);
void dcerpc_free(struct dcerpc *d);

#endif
