/* The options of a caller: their versions, and the settings they stand on. */
#include <stddef.h>
#include <stdlib.h>

#include <cimfony/settings.h>

#include "client/protocol.h"
#include "mech/kerberos.h"

cimf_status client_options_take(const cimf_session_options *given, cimf_session_options *out, struct error *e)
{
    static const cimf_session_options defaults = CIMF_SESSION_OPTIONS_INIT;
    *out = defaults;
    if (!given) return CIMF_OK;
    /* The structure of version 1 ends where the members of version 2 begin. */
    if (given->version == 1) memcpy(out, given, offsetof(cimf_session_options, certificate));
    else if (given->version == CIMF_SESSION_OPTIONS_VERSION) *out = *given;
    else return error_set(e, CIMF_INVALID_PARAMETER, "client", "the options are of another version of the library");
    out->version = CIMF_SESSION_OPTIONS_VERSION;
    return CIMF_OK;
}

cimf_status client_options_settings(const cimf_session_options *o, struct client_settings *s, struct error *e)
{
    struct arena a;
    arena_init(&a, 0);
    struct slice user = o->no_user_settings ? SLICE("") : client_settings_user_file(&a);
    cimf_status status = user.p ? client_settings_read(s, CLIENT_SYSTEM_FILE, user.p, e) : CIMF_OUT_OF_MEMORY;
    arena_free(&a);
    if (status == CIMF_OK && o->trusted_hosts)
        status = client_settings_option(s, CLIENT_client_trusted_hosts, o->trusted_hosts, "--trusted-hosts", e);
    if (status == CIMF_OK && o->allow_unencrypted)
        status = client_settings_option(s, CLIENT_client_allow_unencrypted, "on", "--allow-unencrypted", e);
    return status;
}

/* For this one host: it is trusted, and what goes to it may be read on the way. */
static cimf_status clear_password(struct client_settings *s, struct slice host, struct error *e)
{
    const char *list = s->at[CLIENT_client_trusted_hosts].text;
    cimf_status status = client_settings_option(s, CLIENT_client_allow_unencrypted, "on", "--clear-password", e);
    if (status != CIMF_OK || client_hosts_match(slice_str(list), host)) return status;
    struct slice more = arena_printf(&s->arena, "%s%s" SLICE_FMT, list, *list ? "," : "", SLICE_ARG(host));
    if (!more.p) return CIMF_OUT_OF_MEMORY;
    return client_settings_option(s, CLIENT_client_trusted_hosts, more.p, "--clear-password", e);
}

static bool looks_for_ticket(const struct client_settings *s, const cimf_session_options *o)
{
    if (!client_setting_on(s, CLIENT_auth_kerberos)) return false;
    switch (o->auth) {
    case CIMF_AUTH_DEFAULT: return !o->certificate;
    case CIMF_AUTH_KERBEROS: case CIMF_AUTH_NEGOTIATE: case CIMF_AUTH_CREDSSP: return true;
    default: return false;
    }
}

cimf_status client_options_login(const cimf_session_options *o, struct client_settings *s, const struct client_url *url,
                                 struct arena *a, struct client_login *out, struct slice *ticket, struct error *e)
{
    struct client_login_question q = {
        .auth = o->auth, .host = url->host, .user = o->user.n ? client_slice(o->user) : url->user,
        .password = o->password.p != NULL, .tls = url->protocol->tls, .insecure = o->insecure,
        .loopback = client_is_loopback(url->host), .certificate = o->certificate != NULL,
    };
    *out = (struct client_login){ .login = HTTP_LOGIN_NONE };
    if (o->allow_clear_password && !q.tls && !q.loopback) {
        cimf_status status = clear_password(s, q.host, e);
        if (status != CIMF_OK) return status;
    }
    if (looks_for_ticket(s, o)) q.ticket = kerberos_default_user(a, NULL);
    cimf_status status = client_login_choose(s, &q, out, e);
    *ticket = out->kerberos && client_ticket_fits(q.ticket, q.user) ? q.ticket : SLICE("");
    return status;
}

cimf_status cimf_session_needs_password(cimf_str url, const cimf_session_options *options, bool *needed, cimf_error *e)
{
    struct client_url u;
    struct client_settings settings = { 0 };
    struct client_login login = { 0 };
    struct cimf_session_options o;
    struct error error = ERROR_INIT;
    struct arena a;
    struct slice ticket;
    arena_init(&a, 0);
    cimf_status status = client_url_read(client_slice(url), &u, &error);
    if (status == CIMF_OK) status = client_options_take(options, &o, &error);
    if (status == CIMF_OK) status = client_options_settings(&o, &settings, &error);
    if (status == CIMF_OK) status = client_options_login(&o, &settings, &u, &a, &login, &ticket, &error);
    *needed = status == CIMF_OK && login.needs_password;
    if (status != CIMF_OK) {
        if (error.status == CIMF_OK) error.status = status;
        struct cimf_session s = { .protocol = u.protocol, .login = login };
        client_fail_error(&s, &error, e);
    }
    client_settings_free(&settings);
    arena_free(&a);
    return status;
}

/* --- the settings, for people ------------------------------------------------------------------- */

struct cimf_settings {
    struct client_settings settings;
};

cimf_status cimf_settings_open(const cimf_session_options *options, cimf_settings **out, cimf_error *e)
{
    struct cimf_session_options o;
    struct error error = ERROR_INIT;
    *out = NULL;
    struct cimf_settings *s = calloc(1, sizeof *s);
    if (!s) return client_fail_status(CIMF_OUT_OF_MEMORY, e);
    cimf_status status = client_options_take(options, &o, &error);
    if (status == CIMF_OK) status = client_options_settings(&o, &s->settings, &error);
    if (status != CIMF_OK) {
        cimf_settings_free(s);
        if (error.status == CIMF_OK) error.status = status;
        return client_fail_error(NULL, &error, e);
    }
    *out = s;
    return CIMF_OK;
}

void cimf_settings_free(cimf_settings *s)
{
    if (!s) return;
    client_settings_free(&s->settings);
    free(s);
}

size_t cimf_settings_count(const cimf_settings *s)
{
    return CLIENT_SETTINGS;
}

void cimf_settings_at(const cimf_settings *s, size_t i, cimf_setting *out)
{
    const struct client_setting_value *v = &s->settings.at[i];
    enum client_setting k = (enum client_setting)i;
    *out = (cimf_setting){
        .name = client_str(slice_str(client_setting_name(k))), .value = client_str(slice_str(v->text)),
        .source = client_str(slice_str(v->source)), .text = client_str(slice_str(client_setting_text(k))),
        .ignored = client_str(v->ignored ? slice_str(v->ignored) : SLICE("")), .locked = s->settings.locked[k],
    };
}
