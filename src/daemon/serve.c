/*
 * cimd serve: the composition. Reading order of a start: core_open (repository, object manager), loops, broker,
 * the server of each protocol, listeners, control socket, ready file. The end is the same list backwards.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include <cimfony/version.h>

#include "auth/broker.h"
#include "base/clock.h"
#include "base/log.h"
#include "daemon/command.h"
#include "daemon/control.h"
#include "daemon/core.h"
#include "net/http.h"
#include "net/tls.h"
#include "os/file.h"
#include "os/loop.h"
#include "os/signals.h"
#include "wsman/mount.h"

#define STOP_GRACE_US 5000000 /* for requests that are being answered */

struct serve {
    struct config *config;
    struct core core;
    struct loops *loops;
    struct auth_broker *broker;
    struct wsman_mount *wsman;
    struct http_server *http;
    struct tls_config *tls;
    struct control *control;
    struct signals *signals;
    struct buf ready; /* the endpoints, as JSON */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool stopping;
};

static void on_signal(int signo, void *arg)
{
    struct serve *s = arg;
    if (signo == SIGHUP) {
        struct error e = ERROR_INIT;
        if (auth_reload(s->broker, &e) != CIMF_OK) log_failure("cimd", &e, "accounts were not read again");
        return;
    }
    pthread_mutex_lock(&s->lock);
    s->stopping = true;
    pthread_cond_signal(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

static enum mech_binding binding_level(const struct config *c)
{
    const char *word = config_text(c, CONFIG_auth_cbt);
    if (strcmp(word, "none") == 0) return MECH_BINDING_NONE;
    return strcmp(word, "strict") == 0 ? MECH_BINDING_STRICT : MECH_BINDING_RELAXED;
}

static const char *text_or_null(const struct config *c, enum config_key k)
{
    return *config_text(c, k) ? config_text(c, k) : NULL;
}

static cimf_status start_broker(struct serve *s, struct error *e)
{
    enum { ADMIN_GROUPS = 64 };
    struct config *c = s->config;
    const char *admins[ADMIN_GROUPS + 1] = { NULL };
    const char *state = config_text(c, CONFIG_cimd_state_dir), *map = text_or_null(c, CONFIG_auth_certificates);
    for (unsigned i = 0; i < ADMIN_GROUPS && (admins[i] = config_item(c, CONFIG_auth_admin_groups, i)); i++) {}
    if (!map) map = arena_printf(&c->arena, "%s/certificates", state).p;
    struct auth_broker_config broker = {
        .accounts_path = config_accounts(c),
        .key_path = text_or_null(c, CONFIG_auth_accounts_key),
        .certificates_path = map,
        .pool = pool_exec(s->core.pool),
        .basic = config_on(c, CONFIG_auth_basic),
        .digest = config_on(c, CONFIG_auth_digest),
        .ntlm = config_on(c, CONFIG_auth_ntlm),
        .kerberos = config_on(c, CONFIG_auth_kerberos),
        .certificate = config_on(c, CONFIG_auth_certificate),
        .pam_service = text_or_null(c, CONFIG_auth_pam_service),
        .keytab = text_or_null(c, CONFIG_auth_keytab),
        .realm = config_text(c, CONFIG_auth_realm),
        .binding_level = binding_level(c),
        .ntlm_allow_v1 = config_on(c, CONFIG_auth_ntlm_allow_v1),
        .ntlm_allow_no_mic = config_on(c, CONFIG_auth_ntlm_allow_no_mic),
        .admin_groups = admins,
    };
    return auth_broker_new(&broker, &s->broker, e);
}

/* Security profiles that Identify lists for authenticated callers (DSP0226 annex C). */
static const char *const *profiles(const struct config *c)
{
    static const char *const http = "http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/http/basic";
    static const char *const https = "http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/https/basic";
    static const char *list[3];
    unsigned n = 0;
    if (!config_on(c, CONFIG_auth_basic)) return list;
    if (*config_text(c, CONFIG_listen_http) && config_on(c, CONFIG_auth_allow_unencrypted)) list[n++] = http;
    if (*config_text(c, CONFIG_listen_https)) list[n++] = https;
    return list;
}

static cimf_status start_wsman(struct serve *s, struct error *e)
{
    const struct config *c = s->config;
    struct wsman_server_config wsman = {
        .manager = cimom_manager(s->core.cimom),
        .machine = slice_str(s->core.server),
        .max_envelope = (size_t)config_number(c, CONFIG_quota_max_envelope_size_kb) * 1024,
        .max_timeout_us = (int64_t)config_number(c, CONFIG_quota_max_timeout_ms) * 1000,
        .max_batch = (uint32_t)config_number(c, CONFIG_quota_max_batch_items),
        .max_operations = (uint32_t)config_number(c, CONFIG_quota_max_concurrent_operations),
        .max_operations_per_user = (uint32_t)config_number(c, CONFIG_quota_max_concurrent_operations_per_user),
        .enumeration_timeout_us = (int64_t)config_number(c, CONFIG_quota_enumeration_timeout_ms) * 1000,
        .profiles = profiles(c),
    };
    return wsman_mount_new(&wsman, loops_at(s->loops, 0), &s->wsman, e);
}

static cimf_status start_http(struct serve *s, struct error *e)
{
    const struct config *c = s->config;
    struct http_route routes[WSMAN_ROUTES];
    wsman_mount_routes(s->wsman, routes);
    routes[0].path = arena_printf(&s->config->arena, "/%s", config_text(c, CONFIG_wsman_url_prefix)); /* borrowed for good */
    if (!routes[0].path.p) return error_set(e, CIMF_OUT_OF_MEMORY, "cimd", "wsman.url_prefix is too long");
    struct http_server_config http = {
        .auth = { .basic = config_on(c, CONFIG_auth_basic),
                  .allow_unencrypted = config_on(c, CONFIG_auth_allow_unencrypted), .realm = "WSMAN" },
        .broker = s->broker,
        .routes = routes,
        .route_count = WSMAN_ROUTES,
        .loops = loops_all(s->loops),
        .loop_count = loops_count(s->loops),
    };
    http_limits_default(&http.limits);
    http.limits.max_body = (size_t)config_number(c, CONFIG_quota_max_envelope_size_kb) * 1024;
    http.limits.max_connections = (unsigned)config_number(c, CONFIG_quota_max_connections);
    http.limits.max_per_address = (unsigned)config_number(c, CONFIG_quota_max_connections_per_address);
    http.limits.body_timeout_us = (int64_t)config_number(c, CONFIG_quota_max_packet_retrieval_time_seconds) * 1000000;
    http.limits.idle_timeout_us = (int64_t)config_number(c, CONFIG_quota_idle_timeout_seconds) * 1000000;
    return http_server_new(&http, &s->http, e);
}

/* This machine has no IPv6 (or not this address family): the other addresses do. */
static bool family_missing(const char *address, const struct error *e)
{
    return *address == '[' && (e->native == EADDRNOTAVAIL || e->native == EAFNOSUPPORT);
}

/* Binds every address of one role and adds them to the ready text. */
static cimf_status listen_role(struct serve *s, const char *role, enum config_key key, struct tls_config *tls, struct error *e)
{
    const char *address;
    buf_printf(&s->ready, "%s\"%s\":[", s->ready.n > 1 ? "," : "", role);
    unsigned count = 0;
    cimf_status status = CIMF_OK;
    for (unsigned i = 0; (address = config_item(s->config, key, i)); i++) {
        char bound[128];
        status = http_server_listen(s->http, address, tls, bound, sizeof bound, e);
        if (status != CIMF_OK && !family_missing(address, e)) return status;
        if (status != CIMF_OK) {
            log_failure("cimd", e, "an address is left out");
            continue;
        }
        buf_printf(&s->ready, "%s\"%s\"", count++ ? "," : "", bound);
        log_info("cimd", "listening role=%s address=%s", role, bound);
    }
    buf_lit(&s->ready, "]");
    return count ? CIMF_OK : status;
}

static cimf_status start_listeners(struct serve *s, struct error *e)
{
    if (*config_text(s->config, CONFIG_listen_https)) {
        struct tls_server_files files = { .certificate = config_text(s->config, CONFIG_tls_certificate),
                                          .key = config_text(s->config, CONFIG_tls_key) };
        cimf_status status = tls_server_config(&files, &s->tls, e);
        if (status != CIMF_OK) return status;
    }
    buf_lit(&s->ready, "{");
    cimf_status status = listen_role(s, "http", CONFIG_listen_http, NULL, e);
    if (status == CIMF_OK && s->tls) status = listen_role(s, "https", CONFIG_listen_https, s->tls, e);
    buf_lit(&s->ready, "}\n");
    return status;
}

static cimf_status start(struct serve *s, struct error *e)
{
    cimf_status status = core_open(&s->core, s->config, e);
    if (status != CIMF_OK) return status;
    s->loops = loops_new((unsigned)config_number(s->config, CONFIG_cimd_threads), "cimd-loop", e);
    if (!s->loops) return e->status;
    s->signals = signals_start(loops_at(s->loops, 0), on_signal, s, e);
    if (!s->signals) return e->status;
    status = start_broker(s, e);
    if (status == CIMF_OK) status = start_wsman(s, e);
    if (status == CIMF_OK) status = start_http(s, e);
    if (status == CIMF_OK) status = start_listeners(s, e);
    if (status == CIMF_OK) status = control_start(s->config, s->core.cimom, &s->control, e);
    return status;
}

/* Backwards. The order matters: who feeds a thing ends before it. */
static void stop(struct serve *s)
{
    if (s->signals) signals_stop(s->signals);
    control_stop(s->control);
    if (s->http) http_server_stop(s->http, STOP_GRACE_US);
    if (s->wsman) wsman_mount_stop(s->wsman); /* ends parked enumerations */
    http_server_free(s->http);
    if (s->core.cimom) cimom_stop(s->core.cimom);
    if (s->broker) auth_broker_free(s->broker);
    if (s->core.pool) pool_stop(s->core.pool); /* its results still reach the loops */
    if (s->loops) loops_free(s->loops);
    wsman_mount_free(s->wsman);
    if (s->tls) tls_config_unref(s->tls);
    if (s->core.repo) core_close(&s->core);
    buf_free(&s->ready);
}

int command_serve(struct command *c)
{
    struct error e = ERROR_INIT;
    struct serve s = { .config = &c->config, .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };
    buf_init(&s.ready, 0);
    int64_t began = clock_mono_us();
    if (config_check(&c->config, &e) != CIMF_OK) return command_failed(c, c->config.path ? c->config.path : "", &e);
    cimf_status status = start(&s, &e);
    if (status == CIMF_OK && c->ready_file) status = file_replace(c->ready_file, buf_slice(&s.ready), 0644, &e);
    if (status != CIMF_OK) {
        stop(&s);
        return command_failed(c, "cannot start", &e);
    }
    log_info("cimd", "ready version=" CIMFONY_VERSION " ms=%lld", (long long)(clock_mono_us() - began) / 1000);
    pthread_mutex_lock(&s.lock);
    while (!s.stopping) pthread_cond_wait(&s.changed, &s.lock);
    pthread_mutex_unlock(&s.lock);
    log_info("cimd", "stopping");
    stop(&s);
    return 0;
}
