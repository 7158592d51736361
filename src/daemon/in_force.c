#include "daemon/in_force.h"

#include <pthread.h>

enum { PROFILES = 7 };
#define PROFILE(x) "http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/" x
static const char *const names[PROFILES] = {
    PROFILE("http/spnego-kerberos"), PROFILE("https/spnego-kerberos"), PROFILE("https/mutual"), PROFILE("http/digest"),
    PROFILE("https/digest"), PROFILE("http/basic"), PROFILE("https/basic"),
};
/* A list for each set of profiles, made once: a request may still read the one that was in force before. */
static const char *lists[1 << PROFILES][PROFILES + 1];
static pthread_once_t lists_once = PTHREAD_ONCE_INIT;

static void make_lists(void)
{
    for (unsigned set = 0; set < 1 << PROFILES; set++)
        for (unsigned i = 0, n = 0; i < PROFILES; i++)
            if (set & 1u << i) lists[set][n++] = names[i];
}

/* Security profiles that Identify lists for authenticated callers (DSP0226 annex C, MS-WSMV 2.2.4.34). */
static const char *const *profiles(const struct config *c)
{
    bool http = *config_text(c, CONFIG_listen_http), https = *config_text(c, CONFIG_listen_https);
    bool plain = http && config_on(c, CONFIG_auth_allow_unencrypted);
    bool spnego = config_on(c, CONFIG_auth_negotiate) || config_on(c, CONFIG_auth_kerberos);
    const bool has[PROFILES] = {
        spnego && http, spnego && https, config_on(c, CONFIG_auth_certificate) && https,
        config_on(c, CONFIG_auth_digest) && plain, config_on(c, CONFIG_auth_digest) && https,
        config_on(c, CONFIG_auth_basic) && plain, config_on(c, CONFIG_auth_basic) && https,
    };
    unsigned set = 0;
    for (unsigned i = 0; i < PROFILES; i++) set |= (unsigned)has[i] << i;
    pthread_once(&lists_once, make_lists);
    return lists[set];
}

void in_force_wsman(const struct config *c, struct wsman_server_config *out)
{
    out->max_envelope = (size_t)config_number(c, CONFIG_quota_max_envelope_size_kb) * 1024;
    out->max_timeout_us = (int64_t)config_number(c, CONFIG_quota_max_timeout_ms) * 1000;
    out->max_batch = (uint32_t)config_number(c, CONFIG_quota_max_batch_items);
    out->max_operations = (uint32_t)config_number(c, CONFIG_quota_max_concurrent_operations);
    out->max_operations_per_user = (uint32_t)config_number(c, CONFIG_quota_max_concurrent_operations_per_user);
    out->enumeration_timeout_us = (int64_t)config_number(c, CONFIG_quota_enumeration_timeout_ms) * 1000;
    out->profiles = profiles(c);
}

void in_force_limits(const struct config *c, struct http_limits *out)
{
    http_limits_default(out);
    out->max_body = (size_t)config_number(c, CONFIG_quota_max_envelope_size_kb) * 1024;
    out->max_connections = (unsigned)config_number(c, CONFIG_quota_max_connections);
    out->max_per_address = (unsigned)config_number(c, CONFIG_quota_max_connections_per_address);
    out->body_timeout_us = (int64_t)config_number(c, CONFIG_quota_max_packet_retrieval_time_seconds) * 1000000;
    out->idle_timeout_us = (int64_t)config_number(c, CONFIG_quota_idle_timeout_seconds) * 1000000;
}

struct http_auth_policy in_force_http(const struct config *c, struct credssp_server *credssp, struct slice more_bindings,
                                      const struct config *keep)
{
    return (struct http_auth_policy){
        .basic = config_on(c, CONFIG_auth_basic), .digest = config_on(c, CONFIG_auth_digest),
        .negotiate = config_on(c, CONFIG_auth_negotiate), .kerberos = config_on(c, CONFIG_auth_kerberos),
        .credssp = credssp && config_on(c, CONFIG_auth_credssp), .certificate = config_on(c, CONFIG_auth_certificate),
        .allow_unencrypted = config_on(c, CONFIG_auth_allow_unencrypted),
        .realm = config_text(keep, CONFIG_auth_realm),
        .binding_level = config_binding_level(c),
        .more_bindings = more_bindings,
        .credssp_server = credssp,
    };
}
