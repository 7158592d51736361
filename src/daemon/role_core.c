/*
 * cimd-core: network, protocols, object manager and repository. Reading order of a start: core_open_in (repository,
 * object manager), loops, broker, the server of each protocol, control socket, listeners. The end is the same list
 * backwards.
 */
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "auth/broker.h"
#include "auth/sddl.h"
#include "base/clock.h"
#include "base/log.h"
#include "daemon/care.h"
#include "daemon/control.h"
#include "daemon/core.h"
#include "daemon/dcerpc.h"
#include "daemon/in_force.h"
#include "daemon/role.h"
#include "daemon/role_message.h"
#include "daemon/settings.h"
#include "daemon/tables.h"
#include "host/host.h"
#include "mech/credssp.h"
#include "mech/kerberos.h"
#include "net/http.h"
#include "net/tls.h"
#include "os/loop.h"
#include "os/sandbox.h"
#include "provider/dmi.h"
#include "wsman/mount.h"

#define STOP_GRACE_US 5000000 /* for requests that are being answered */

struct serve {
    struct config *config;
    const struct role_start *start;
    struct core core;
    struct loops *loops;
    struct auth_broker *broker;
    struct wsman_mount *wsman;
    struct http_server *http;
    struct dcerpc *dcerpc; /* NULL: no such listener */
    struct tls_config *tls;
    struct credssp_server *credssp;
    struct settings *settings;
    struct security_table *security;
    struct listener_table *listeners;
    struct mapping_table *mappings;
    struct slice more_bindings; /* auth.cbt_hashes */
    struct control *control;
    struct hosts *hosts;
};

/* CredSSP's TLS settings are made when it is first switched on: they cost the start some milliseconds. Its certificate is
 * made by the first login. */
static cimf_status need_credssp(struct serve *s, const struct config *now, struct error *e)
{
    struct credssp_server_config credssp = { .min_version = (unsigned)config_number(s->config, CONFIG_auth_credssp_min_version) };
    return s->credssp || !config_on(now, CONFIG_auth_credssp) ? CIMF_OK : credssp_server_new(&credssp, &s->credssp, e);
}

static cimf_status start_wsman(struct serve *s, struct error *e)
{
    struct wsman_server_config wsman = {
        .manager = cimom_manager(s->core.cimom),
        .machine = slice_str(s->core.server),
        .settings = settings_wsman(s->settings),
        .rows = { [WSMAN_TABLE_SECURITY] = security_table_rows(s->security),
                  [WSMAN_TABLE_LISTENER] = listener_table_rows(s->listeners),
                  [WSMAN_TABLE_CERTMAPPING] = mapping_table_rows(s->mappings) },
    };
    struct arena a;
    arena_init(&a, 0);
    in_force_wsman(settings_now(s->settings), &wsman);
    cimf_status status = sddl_parse(&a, slice_str(config_text(settings_now(s->settings), CONFIG_wsman_root_sddl)), NULL,
                                    &wsman.root_sd, e);
    if (status == CIMF_OK) status = wsman_mount_new(&wsman, loops_at(s->loops, 0), &s->wsman, e);
    else error_subject(e, SLICE("wsman.root_sddl"));
    if (status == CIMF_OK) status = security_table_start(s->security, wsman_server_authorize(wsman_mount_server(s->wsman)), e);
    arena_free(&a);
    return status;
}

static cimf_status start_http(struct serve *s, struct error *e)
{
    const struct config *c = settings_now(s->settings);
    struct http_route routes[WSMAN_ROUTES];
    wsman_mount_routes(s->wsman, routes);
    routes[0].path = arena_printf(&s->config->arena, "/%s", config_text(c, CONFIG_wsman_url_prefix)); /* borrowed for good */
    if (!routes[0].path.p) return error_set(e, CIMF_OUT_OF_MEMORY, "cimd", "wsman.url_prefix is too long");
    struct http_server_config http = {
        .broker = s->broker,
        .routes = routes,
        .route_count = WSMAN_ROUTES,
        .loops = loops_all(s->loops),
        .loop_count = loops_count(s->loops),
    };
    cimf_status status = config_cbt_hashes(s->config, &s->config->arena, &s->more_bindings, e);
    if (status == CIMF_OK) status = need_credssp(s, c, e);
    if (status != CIMF_OK) return status;
    http.auth = in_force_http(c, s->credssp, s->more_bindings, s->config);
    in_force_limits(c, &http.limits);
    return http_server_new(&http, &s->http, e);
}

/* A setting has changed: from the next request on it holds. */
static void on_settings(void *arg, struct config *now)
{
    struct serve *s = arg;
    struct error e = ERROR_INIT;
    struct wsman_server_config wsman = { 0 };
    struct http_limits limits;
    const struct sd *root;
    struct arena a;
    cimf_status made = need_credssp(s, now, &e);
    struct http_auth_policy policy = in_force_http(now, s->credssp, s->more_bindings, s->config);
    in_force_wsman(now, &wsman);
    in_force_limits(now, &limits);
    arena_init(&a, 0);
    wsman_server_set_limits(wsman_mount_server(s->wsman), &wsman);
    cimf_status status = made;
    if (status == CIMF_OK) status = sddl_parse(&a, slice_str(config_text(now, CONFIG_wsman_root_sddl)), NULL, &root, &e);
    if (status == CIMF_OK) status = wsman_authorize_set_root(wsman_server_authorize(wsman_mount_server(s->wsman)), root, &e);
    if (status == CIMF_OK) status = http_server_update(s->http, &limits, &policy, &e);
    if (status != CIMF_OK) log_failure("cimd-core", &e, "a changed setting is not in force before the next start");
    arena_free(&a);
}

/* The repository was replaced: what else lies there counts from now on. */
static void on_restore(void *arg)
{
    struct serve *s = arg;
    struct error e = ERROR_INIT;
    if (settings_reload(s->settings, &e) != CIMF_OK || security_table_reload(s->security, &e) != CIMF_OK)
        log_failure("cimd-core", &e, "restored settings are not in force before the next start");
}

/* The supervisor's copies; a failure names the files of the configuration. */
static cimf_status start_tls(struct serve *s, struct error *e)
{
    const char *ca = config_text(s->config, CONFIG_tls_client_ca);
    char certificate[32], key[32], authorities[32];
    snprintf(certificate, sizeof certificate, "/proc/self/fd/%d", ROLE_FD_CERTIFICATE);
    snprintf(key, sizeof key, "/proc/self/fd/%d", ROLE_FD_KEY);
    snprintf(authorities, sizeof authorities, "/proc/self/fd/%d", ROLE_FD_CLIENT_CA);
    struct tls_server_files files = { .certificate = certificate, .key = key, .client_ca = *ca ? authorities : NULL };
    cimf_status status = tls_server_config(&files, &s->tls, e);
    if (status == CIMF_OK) return status;
    bool about_key = strcmp(e->subject, key) == 0, about_ca = strcmp(e->subject, authorities) == 0;
    error_subject(e, slice_str(about_key ? config_text(s->config, CONFIG_tls_key) : about_ca ? ca : config_text(s->config, CONFIG_tls_certificate)));
    return status;
}

static cimf_status ask_connection(void *arg, uint32_t number, uint16_t port, int proof, struct error *e)
{
    const struct role_message m = { .word = ROLE_CONNECT, .number = number, .port = port };
    (void)arg;
    return role_message_send(ROLE_FD_SUPERVISOR, &m, proof, e);
}

static cimf_status start_dcerpc(struct serve *s, struct error *e)
{
    const struct wmi_care_hooks care = care_hooks(&s->core);
    struct dcerpc_config c = { .config = s->config, .broker = s->broker, .care = &care, .loops = loops_all(s->loops),
                               .loop_count = loops_count(s->loops), .server = s->core.server,
                               .manager = cimom_manager(s->core.cimom), .ask_connection = ask_connection };
    bool wanted = *config_text(s->config, CONFIG_listen_epmap) || *config_text(s->config, CONFIG_listen_wmi);
    return wanted ? dcerpc_new(&c, &s->dcerpc, e) : CIMF_OK;
}

static cimf_status start_listeners(struct serve *s, struct error *e)
{
    cimf_status status = CIMF_OK;
    /* The resolver tells the port of the exporter: that one first. */
    for (unsigned i = 0; status == CIMF_OK && i < s->start->listeners; i++)
        if (s->start->speaks[i] == ROLE_WMI) status = dcerpc_listen_wmi(s->dcerpc, ROLE_FD_LISTEN + (int)i, e);
    for (unsigned i = 0; status == CIMF_OK && i < s->start->listeners; i++) {
        int fd = ROLE_FD_LISTEN + (int)i;
        switch ((enum role_listener)s->start->speaks[i]) {
        case ROLE_HTTP: status = http_server_listen_fd(s->http, fd, NULL, NULL, 0, e); break;
        case ROLE_HTTPS: status = http_server_listen_fd(s->http, fd, s->tls, NULL, 0, e); break;
        case ROLE_EPMAP: status = dcerpc_listen_epmap(s->dcerpc, fd, e); break;
        case ROLE_WMI: break;
        }
    }
    return status;
}

/* Before the certificate's copy is closed. */
static cimf_status start_listener_table(struct serve *s, struct error *e)
{
    char host[256] = "localhost";
    bool tls = *config_text(s->config, CONFIG_listen_https);
    if (gethostname(host, sizeof host - 1) != 0) snprintf(host, sizeof host, "localhost");
    cimf_status status = listener_table_new(s->config, host, tls ? ROLE_FD_CERTIFICATE : -1, &s->listeners, e);
    for (unsigned i = 0; status == CIMF_OK && i < s->start->listeners; i++) {
        bool https = s->start->speaks[i] == ROLE_HTTPS;
        if (https || s->start->speaks[i] == ROLE_HTTP)
            status = listener_table_add(s->listeners, ROLE_FD_LISTEN + (int)i, https, e);
    }
    return status;
}

/* What providers read, and the repository. Statistics of file systems need no permission. */
static cimf_status confine(struct error *e)
{
    char backups[32];
    snprintf(backups, sizeof backups, "/proc/self/fd/%d", ROLE_FD_BACKUP);
    const struct sandbox_tree trees[] = {
        { ".", true }, { backups, true }, { "/proc", false }, { "/sys", false }, { "/etc", false }, { "/usr", false }, { "/lib", false },
        { "/lib64", false }, { "/run", false }, { "/dev", false }, { "/dev/null", true }, { "/var/lib/dpkg", false },
        { "/var/lib/dhcp", false }, { "/var/lib/dhclient", false }, { "/var/lib/NetworkManager", false },
        { "/var/lib/systemd", false }, { "/var/log/journal", false }, { "/var/lib/sss", false },
    };
    int level;
    kerberos_without_files(); /* contexts come from cimd-auth */
    sandbox_no_dumps(false);
    cimf_status status = sandbox_files(trees, sizeof trees / sizeof *trees, &level, e);
    if (status == CIMF_OK && level == 0) log_warn("cimd-core", "this kernel has no Landlock: files are protected by ownership alone");
    return status;
}

static cimf_status ask_supervisor(void *arg, uint32_t number, const char *id, struct error *e)
{
    struct role_message m = { .word = ROLE_HOST, .number = number };
    (void)arg;
    snprintf(m.id, sizeof m.id, "%s", id);
    return role_message_send(ROLE_FD_SUPERVISOR, &m, -1, e);
}

static cimf_status start_hosts(struct serve *s, struct error *e)
{
    const struct hosts_config hosts = {
        .start = ask_supervisor,
        .idle_us = config_number(s->config, CONFIG_host_idle_timeout_seconds) * 1000000,
    };
    return hosts_new(&hosts, &s->hosts, e);
}

/* As many descriptors as it may have: quota.max_connections are more than the 1024 that services are given to begin with. */
static void more_descriptors(void)
{
    struct rlimit l;
    if (getrlimit(RLIMIT_NOFILE, &l) != 0 || l.rlim_cur == l.rlim_max) return;
    l.rlim_cur = l.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &l) != 0) log_warn("cimd-core", "the limit of descriptors stays as it is");
}

static cimf_status start(struct serve *s, struct error *e)
{
    cimf_status status = *config_text(s->config, CONFIG_listen_https) ? start_tls(s, e) : CIMF_OK;
    if (status == CIMF_OK) status = start_listener_table(s, e);
    for (int fd = ROLE_FD_CERTIFICATE; fd <= ROLE_FD_CLIENT_CA; fd++) close(fd);
    more_descriptors();
    if (status == CIMF_OK) status = confine(e);
    if (status == CIMF_OK) status = start_hosts(s, e);
    if (status == CIMF_OK) status = core_open_in(&s->core, s->config, ".", s->hosts, e);
    if (status == CIMF_OK) status = settings_new(s->config, s->core.repo, &s->settings, e);
    if (status == CIMF_OK) status = security_table_new(s->core.repo, &s->security, e);
    if (status != CIMF_OK) return status;
    s->loops = loops_new((unsigned)config_number(s->config, CONFIG_cimd_threads), "cimd-loop", e);
    if (!s->loops) return e->status;
    status = auth_broker_connect(ROLE_FD_BROKER, &s->broker, e);
    if (status == CIMF_OK) status = mapping_table_new(s->broker, &s->mappings, e);
    if (status == CIMF_OK) status = start_wsman(s, e);
    if (status == CIMF_OK) status = start_http(s, e);
    if (status == CIMF_OK) status = start_dcerpc(s, e);
    if (status == CIMF_OK) settings_on_change(s->settings, on_settings, s);
    if (status == CIMF_OK) cimom_on_restore(s->core.cimom, on_restore, s);
    if (status == CIMF_OK) status = control_start(ROLE_FD_CONTROL, s->start->starter, s->core.cimom, &s->control, e);
    if (status == CIMF_OK) status = sandbox_calls(SANDBOX_SERVER, e);
    if (status == CIMF_OK) status = start_listeners(s, e); /* from here on strangers speak to it */
    return status;
}

/* Backwards. The order matters: who feeds a thing ends before it. */
static void stop(struct serve *s)
{
    if (s->core.cimom) cimom_unpause(s->core.cimom); /* requests wait for that */
    control_stop(s->control);
    if (s->http) http_server_stop(s->http, STOP_GRACE_US);
    dcerpc_stop(s->dcerpc, STOP_GRACE_US);
    if (s->hosts) hosts_stop(s->hosts); /* methods that wait for one */
    if (s->wsman) wsman_mount_stop(s->wsman); /* ends parked enumerations */
    http_server_free(s->http);
    dcerpc_close(s->dcerpc);
    if (s->core.cimom) cimom_stop(s->core.cimom);
    credssp_server_free(s->credssp);
    if (s->broker) auth_broker_free(s->broker);
    if (s->core.pool) pool_stop(s->core.pool); /* its results still reach the loops */
    if (s->loops) loops_free(s->loops);
    dcerpc_free(s->dcerpc);
    wsman_mount_free(s->wsman);
    if (s->tls) tls_config_unref(s->tls);
    settings_free(s->settings);
    security_table_free(s->security);
    listener_table_free(s->listeners);
    mapping_table_free(s->mappings);
    if (s->core.repo) core_close(&s->core);
    hosts_free(s->hosts);
}

/* Until the supervisor says so, or is gone. */
static void obey(struct serve *s)
{
    for (;;) {
        struct role_message m;
        struct error e = ERROR_INIT;
        int fd;
        cimf_status status = role_message_receive(ROLE_FD_SUPERVISOR, &m, &fd, &e);
        if (status == CIMF_OK && m.word == ROLE_HOSTED) {
            hosts_started(s->hosts, m.number, (cimf_status)m.status, fd, m.uid);
            continue;
        }
        if (status == CIMF_OK && m.word == ROLE_CONNECTED) {
            dcerpc_connected(s->dcerpc, m.number, (cimf_status)m.status, fd);
            continue;
        }
        if (fd >= 0) close(fd);
        if (status != CIMF_OK || m.word == ROLE_STOP) return;
    }
}

int role_core_main(void)
{
    struct error e = ERROR_INIT;
    struct role_start begun;
    struct config config;
    struct serve s = { .config = &config, .start = &begun };
    int64_t began = clock_mono_us();
    int code = 0;
    dmi_keep();
    cimf_status status = role_begin(&begun, &config, &e);
    if (status == CIMF_OK) status = start(&s, &e);
    if (status == CIMF_OK) status = role_message_send(ROLE_FD_SUPERVISOR, &(struct role_message){ .word = ROLE_READY }, -1, &e);
    if (status == CIMF_OK) {
        log_info("cimd-core", "started ms=%lld", (long long)(clock_mono_us() - began) / 1000);
        role_core_running(s.broker);
        obey(&s);
    } else {
        code = role_failed("cannot start", &e);
    }
    stop(&s);
    config_free(&config);
    return code;
}
