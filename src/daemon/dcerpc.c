#include "daemon/dcerpc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "daemon/callout.h"
#include "daemon/level.h"
#include "daemon/reachable.h"
#include "net/acceptor.h"
#include "os/loop.h"
#include "rpc/epm.h"
#include "rpc/mgmt.h"
#include "wmi/wmi.h"

enum { INTERFACES = 32 };
#define TICK_US 10000000

struct dcerpc {
    struct rpc_server *server;
    struct wmi_server *wmi_server;
    struct dcom_server *dcom;
    struct callout *callout;
    struct wmi_care_hooks care;
    struct loop *ticks; /* of dcom */
    struct loop_timer tick;
    struct epm *epm;
    struct rpc_mgmt *epmap_mgmt, *wmi_mgmt;
    const struct rpc_interface *epmap[INTERFACES], *wmi[INTERFACES]; /* NULL-terminated */
    char principal[264];
    struct reachable reachable;
};

static void warn_of_low_floor(const struct dcerpc_config *c, enum config_key key, const char *name)
{
    if (config_level(c->config, key) < RPC_LEVEL_INTEGRITY)
        log_warn("cimd-core", "wmi.%s=%s: calls can be changed on their way and logins relayed, see docs/security.md", name,
                 config_text(c->config, key));
}

static struct rpc_server_config server_config(const struct dcerpc_config *c)
{
    return (struct rpc_server_config){
        .broker = c->broker, .loops = c->loops, .loop_count = c->loop_count,
        .floor = RPC_LEVEL_CONNECT, /* DCOM's interfaces have their own */
        .max_connections = (unsigned)config_number(c->config, CONFIG_quota_max_connections),
        .max_per_address = (unsigned)config_number(c->config, CONFIG_quota_max_connections_per_address),
    };
}

static void on_tick(struct loop_timer *t, void *arg)
{
    struct dcerpc *d = arg;
    dcom_server_tick(d->dcom);
    loop_timer_start(d->ticks, t, TICK_US);
}

static void start_ticking(void *arg)
{
    struct dcerpc *d = arg;
    loop_timer_init(&d->tick, on_tick, d);
    loop_timer_start(d->ticks, &d->tick, TICK_US);
}

/* Behind what is there already. */
static void add_interfaces(const struct rpc_interface **table, const struct rpc_interface *const *more)
{
    unsigned n = 0;
    while (table[n]) n++;
    for (; *more && n < INTERFACES - 1; more++) table[n++] = *more;
    table[n] = NULL;
}

static cimf_status make_dcom(struct dcerpc *d, const struct dcerpc_config *c, struct error *e)
{
    struct wmi_settings wmi = { .manager = c->manager, .machine = slice_str(c->server) };
    if (c->care) {
        d->care = *c->care;
        wmi.care = &d->care;
    }
    cimf_status status = wmi_server_new(&wmi, &d->wmi_server, e);
    if (status != CIMF_OK) return status;
    const struct callout_config out = { .config = c->config, .broker = c->broker, .server = d->server, .loops = c->loops,
                                        .loop_count = c->loop_count, .ask = c->ask_connection };
    if (!(d->callout = callout_new(&out))) return CIMF_OUT_OF_MEMORY;
    struct reachable *r = &d->reachable;
    struct dcom_settings dcom = {
        .outbound = callout_outbound(d->callout),
        .interfaces = wmi_interfaces, .short_name = r->short_name, .full_name = r->full_name,
        .names = r->names, .addresses = r->addresses, .service_principal = d->principal,
        .no_kerberos = !config_on(c->config, CONFIG_auth_kerberos), .no_ntlm = !config_on(c->config, CONFIG_auth_ntlm),
        .floor = config_level(c->config, CONFIG_wmi_min_level), .activation_floor = config_level(c->config, CONFIG_wmi_activation_min_level),
        .accept_local_flag = config_on(c->config, CONFIG_wmi_accept_local_flag),
    };
    warn_of_low_floor(c, CONFIG_wmi_min_level, "min_level");
    warn_of_low_floor(c, CONFIG_wmi_activation_min_level, "activation_min_level");
    dcom.classes = wmi_server_classes(d->wmi_server, &dcom.class_count);
    status = dcom_server_new(&dcom, &d->dcom, e);
    if (status != CIMF_OK) return status;
    add_interfaces(d->epmap, dcom_server_interfaces(d->dcom, DCOM_RESOLVER));
    add_interfaces(d->wmi, dcom_server_interfaces(d->dcom, DCOM_EXPORTER));
    d->ticks = c->loops[0];
    return exec_post(loop_exec(d->ticks), start_ticking, d) ? CIMF_OK : error_set(e, CIMF_OUT_OF_MEMORY, "cimd", "no timer for DCOM");
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
        if (!reachable_init(&d->reachable, c->config, c->server)) status = CIMF_OUT_OF_MEMORY;
        if (!d->epm || !d->epmap_mgmt || !d->wmi_mgmt) status = CIMF_OUT_OF_MEMORY;
    }
    if (status == CIMF_OK) {
        d->epmap[0] = epm_interface(d->epm);
        d->epmap[1] = rpc_mgmt_interface(d->epmap_mgmt);
        d->wmi[0] = rpc_mgmt_interface(d->wmi_mgmt);
        status = make_dcom(d, c, e);
    }
    if (status == CIMF_OK) return CIMF_OK;
    dcerpc_close(d);
    dcerpc_free(d);
    *out = NULL;
    return status == CIMF_OUT_OF_MEMORY ? error_set(e, status, "cimd", "no memory for DCE/RPC") : status;
}

/* Listens, and says in the endpoint map what is spoken there. */
static cimf_status listen_fd(struct dcerpc *d, int fd, const struct rpc_interface *const *interfaces, const char *annotation,
                             char bound[NET_LOCAL_TEXT], uint16_t *at, struct error *e)
{
    cimf_status status = rpc_server_listen_fd(d->server, fd, interfaces, bound, NET_LOCAL_TEXT, e);
    const char *port = status == CIMF_OK ? strrchr(bound, ':') : NULL;
    *at = port ? (uint16_t)atoi(port + 1) : 0;
    for (unsigned i = 0; port && interfaces[i] && status == CIMF_OK; i++)
        if (interfaces[i] != rpc_mgmt_interface(d->epmap_mgmt) && interfaces[i] != rpc_mgmt_interface(d->wmi_mgmt)) /* it is at every port */
            status = epm_register(d->epm, interfaces[i], NULL, *at, annotation, e);
    return status;
}

cimf_status dcerpc_listen_epmap(struct dcerpc *d, int fd, struct error *e)
{
    uint16_t port;
    char bound[NET_LOCAL_TEXT];
    return listen_fd(d, fd, d->epmap, "endpoint mapper", bound, &port, e);
}

cimf_status dcerpc_listen_wmi(struct dcerpc *d, int fd, struct error *e)
{
    uint16_t port = 0;
    char bound[NET_LOCAL_TEXT];
    cimf_status status = listen_fd(d, fd, d->wmi, "Windows Management Instrumentation", bound, &port, e);
    if (status != CIMF_OK) return status;
    reachable_bound(&d->reachable, bound);
    dcom_server_listens_at(d->dcom, bound);
    return status;
}

void dcerpc_stop(struct dcerpc *d, int64_t grace_us)
{
    if (!d) return;
    dcom_server_stop(d->dcom);
    wmi_server_stop(d->wmi_server); /* answers the calls that wait for results */
    rpc_server_stop(d->server, grace_us);
}

void dcerpc_connected(struct dcerpc *d, uint32_t number, cimf_status status, int fd)
{
    if (d) callout_connected(d->callout, number, status, fd);
    else if (fd >= 0) close(fd);
}

void dcerpc_close(struct dcerpc *d)
{
    if (!d) return;
    if (d->dcom) dcom_server_hang_up(d->dcom);
    callout_stop(d->callout);
    rpc_server_free(d->server);
    d->server = NULL;
}

void dcerpc_free(struct dcerpc *d)
{
    if (!d) return;
    callout_free(d->callout);
    if (d->dcom) dcom_server_free(d->dcom);
    wmi_server_free(d->wmi_server);
    rpc_mgmt_free(d->epmap_mgmt);
    rpc_mgmt_free(d->wmi_mgmt);
    epm_free(d->epm);
    reachable_free(&d->reachable);
    free(d);
}
