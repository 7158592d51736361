#include "daemon/dcerpc.h"

#include <stdio.h>
#include <stdlib.h>

#include "net/acceptor.h"
#include "rpc/epm.h"
#include "rpc/mgmt.h"

enum { INTERFACES = 16 };

struct dcerpc {
    struct rpc_server *server;
    struct epm *epm;
    struct rpc_mgmt *epmap_mgmt, *wmi_mgmt;
    const struct rpc_interface *epmap[INTERFACES], *wmi[INTERFACES]; /* NULL-terminated */
    char principal[264];
};

static struct rpc_server_config server_config(const struct dcerpc_config *c)
{
    return (struct rpc_server_config){
        .broker = c->broker, .loops = c->loops, .loop_count = c->loop_count,
        .max_connections = (unsigned)config_number(c->config, CONFIG_quota_max_connections),
        .max_per_address = (unsigned)config_number(c->config, CONFIG_quota_max_connections_per_address),
    };
}

cimf_status dcerpc_new(const struct dcerpc_config *c, struct dcerpc **out, struct error *e)
{
    struct rpc_server_config rpc = server_config(c);
    struct dcerpc *d = *out = calloc(1, sizeof *d);
    cimf_status status = d ? rpc_server_new(&rpc, &d->server, e) : CIMF_OUT_OF_MEMORY;
    if (status == CIMF_OK) {
        snprintf(d->principal, sizeof d->principal, "host/%s", c->server);
        d->epm = epm_new();
        d->epmap_mgmt = rpc_mgmt_new(d->server, d->epmap, d->principal);
        d->wmi_mgmt = rpc_mgmt_new(d->server, d->wmi, d->principal);
        if (!d->epm || !d->epmap_mgmt || !d->wmi_mgmt) status = CIMF_OUT_OF_MEMORY;
    }
    if (status == CIMF_OK) {
        d->epmap[0] = epm_interface(d->epm);
        d->epmap[1] = rpc_mgmt_interface(d->epmap_mgmt);
        d->wmi[0] = rpc_mgmt_interface(d->wmi_mgmt);
        return CIMF_OK;
    }
    dcerpc_free(d);
    *out = NULL;
    return status == CIMF_OUT_OF_MEMORY ? error_set(e, status, "cimd", "no memory for DCE/RPC") : status;
}

/* Listens, and says in the endpoint map what is spoken there. */
static cimf_status listen_fd(struct dcerpc *d, int fd, const struct rpc_interface *const *interfaces, const char *annotation,
                             struct error *e)
{
    char bound[NET_LOCAL_TEXT];
    cimf_status status = rpc_server_listen_fd(d->server, fd, interfaces, bound, sizeof bound, e);
    const char *port = status == CIMF_OK ? strrchr(bound, ':') : NULL;
    for (unsigned i = 0; port && interfaces[i] && status == CIMF_OK; i++)
        if (interfaces[i] != rpc_mgmt_interface(d->epmap_mgmt) && interfaces[i] != rpc_mgmt_interface(d->wmi_mgmt)) /* it is at every port */
            status = epm_register(d->epm, interfaces[i], NULL, (uint16_t)atoi(port + 1), annotation, e);
    return status;
}

cimf_status dcerpc_listen_epmap(struct dcerpc *d, int fd, struct error *e)
{
    return listen_fd(d, fd, d->epmap, "endpoint mapper", e);
}

cimf_status dcerpc_listen_wmi(struct dcerpc *d, int fd, struct error *e)
{
    return listen_fd(d, fd, d->wmi, "Windows Management Instrumentation", e);
}

void dcerpc_stop(struct dcerpc *d, int64_t grace_us)
{
    if (d) rpc_server_stop(d->server, grace_us);
}

void dcerpc_free(struct dcerpc *d)
{
    if (!d) return;
    rpc_server_free(d->server);
    rpc_mgmt_free(d->epmap_mgmt);
    rpc_mgmt_free(d->wmi_mgmt);
    epm_free(d->epm);
    free(d);
}
