/* The ways that are open. Each scheme has its conditions in one function; the default tries them by strength. */
#include "client/login.h"

#include <arpa/inet.h>
#include <stdio.h>

#include <cimfony/session.h>

struct choice {
    const struct client_settings *s;
    const struct client_login_question *q;
    struct client_login *out;
    struct error *e;
    bool trusted;   /* the host need not prove who it is */
    bool proven;    /* TLS has proved it */
};

bool client_ticket_fits(struct slice ticket, struct slice user)
{
    if (!ticket.n) return false;
    if (!user.n || slice_ieq(ticket, user)) return true;
    return slice_find(user, '@') == user.n && slice_find(user, '\\') == user.n &&
           slice_eq(slice_head(ticket, slice_find(ticket, '@')), user);
}

/* A service ticket needs a name; loopback's belongs to no service of a realm. */
static bool is_name(struct slice host, bool loopback)
{
    char z[64];
    unsigned char raw[16];
    if (loopback) return false;
    if (host.n == 0 || host.n >= sizeof z) return host.n > 0;
    memcpy(z, host.p, host.n);
    z[host.n] = 0;
    return inet_pton(AF_INET, z, raw) != 1 && inet_pton(AF_INET6, z, raw) != 1;
}

static void hint(struct choice *c, const char *text)
{
    snprintf(c->out->hint, sizeof c->out->hint, "%s", text);
}

static cimf_status deny(struct choice *c, cimf_status status, const char *text, const char *what_to_try)
{
    hint(c, what_to_try);
    return error_set(c->e, status, "client", "%s", text);
}

/* --- conditions ---------------------------------------------------------------------------------- */

static cimf_status setting_on(struct choice *c, enum client_setting k)
{
    const struct client_setting_value *v = &c->s->at[k];
    if (v->number) return CIMF_OK;
    hint(c, c->s->locked[k] ? "it is locked there: use another scheme (--auth)" : "change it there, or use another scheme (--auth)");
    return error_set(c->e, CIMF_ACCESS_DENIED, "client", "%s is off, says %s", client_setting_name(k),
                     strcmp(v->source, "default") == 0 ? "the default" : v->source);
}

/* MS-WSMV 3.2.4.1.22.1: no message to a server that nobody vouches for. */
static cimf_status server_known(struct choice *c, const char *scheme)
{
    if (c->proven || c->trusted) return CIMF_OK;
    const char *lock = c->s->locked[CLIENT_client_trusted_hosts] ? c->s->locked_by : NULL;
    if (lock) snprintf(c->out->hint, sizeof c->out->hint, "ask who keeps %.120s to trust the host", lock);
    else if (c->q->tls) hint(c, "pass the authority with --cacert FILE instead of --insecure, or trust the host: --trusted-hosts HOST");
    else hint(c, "use wsmv+https:// or Kerberos; or trust the host: --trusted-hosts HOST");
    return error_set(c->e, CIMF_ACCESS_DENIED, "client",
                     c->q->tls ? "%s does not prove who the server is, --insecure does not look, and " SLICE_FMT
                                 " is not among the trusted hosts"
                               : "%s does not prove who the server is, and " SLICE_FMT " is not among the trusted hosts",
                     scheme, SLICE_ARG(slice_head(c->q->host, 120)));
}

/* The same: no message in the clear. Loopback is not the network. */
static bool plain_is_fine(const struct choice *c)
{
    return c->q->tls || c->q->loopback || client_setting_on(c->s, CLIENT_client_allow_unencrypted);
}

static cimf_status body_safe(struct choice *c, const char *what)
{
    if (plain_is_fine(c)) return CIMF_OK;
    const char *lock = c->s->locked[CLIENT_client_allow_unencrypted] ? c->s->locked_by : NULL;
    if (lock) snprintf(c->out->hint, sizeof c->out->hint, "use wsmv+https://, or --auth negotiate; %.80s allows nothing else", lock);
    else hint(c, "use wsmv+https://, or --auth negotiate; on a network that you trust, --clear-password");
    return error_set(c->e, CIMF_ACCESS_DENIED, "client", "%s would travel over the network in the clear", what);
}

static cimf_status user_named(struct choice *c, const char *scheme)
{
    if (c->q->user.n) return CIMF_OK;
    hint(c, "name a user: -u NAME, or in the URL: wsmv://NAME@host");
    return error_set(c->e, CIMF_INVALID_PARAMETER, "client", "%s needs a user", scheme);
}

#define TRY(call)                                                                                  \
    do {                                                                                           \
        cimf_status try_ = (call);                                                                 \
        if (try_ != CIMF_OK) return try_;                                                          \
    } while (0)

/* --- schemes ------------------------------------------------------------------------------------- */

static cimf_status by_password(struct choice *c, enum http_login login, enum client_setting k, const char *scheme)
{
    TRY(setting_on(c, k));
    TRY(user_named(c, scheme));
    TRY(body_safe(c, login == HTTP_LOGIN_BASIC ? "the password" : "what is asked and answered"));
    TRY(server_known(c, scheme));
    c->out->login = login;
    c->out->needs_password = true;
    return CIMF_OK;
}

static cimf_status ntlm(struct choice *c, const char *scheme)
{
    TRY(setting_on(c, CLIENT_auth_negotiate));
    TRY(user_named(c, scheme));
    TRY(server_known(c, scheme));
    c->out->login = HTTP_LOGIN_NEGOTIATE;
    c->out->ntlm = true;
    return CIMF_OK;
}

/* Kerberos proves the server, but behind a TLS connection that nobody checked somebody else may listen. */
static cimf_status kerberos(struct choice *c)
{
    TRY(setting_on(c, CLIENT_auth_kerberos));
    if (c->q->tls) TRY(server_known(c, "a login inside TLS"));
    bool ticket = client_ticket_fits(c->q->ticket, c->q->user);
    if (!ticket && !c->q->user.n) {
        return deny(c, CIMF_NOT_AUTHENTICATED, "there is no Kerberos ticket, and no user is named",
                    "get a ticket with kinit, or name a user: -u NAME@REALM");
    }
    c->out->login = HTTP_LOGIN_KERBEROS;
    c->out->kerberos = true;
    c->out->needs_password = !ticket;
    return CIMF_OK;
}

static cimf_status negotiate(struct choice *c)
{
    struct error first = ERROR_INIT, *e = c->e;
    bool ticket = client_ticket_fits(c->q->ticket, c->q->user) && (is_name(c->q->host, c->q->loopback) || !c->q->user.n);
    if (!ticket && !c->q->user.n) {
        return deny(c, CIMF_NOT_AUTHENTICATED, "there is no Kerberos ticket, and no user is named",
                    "get a ticket with kinit, or name a user: -u NAME, or in the URL: wsmv://NAME@host");
    }
    bool only_kerberos = !client_setting_on(c->s, CLIENT_auth_negotiate);
    if (only_kerberos && ticket) return kerberos(c);
    c->e = &first;
    bool by_ticket = ticket && kerberos(c) == CIMF_OK;
    bool by_name = c->q->user.n && ntlm(c, "NTLM") == CIMF_OK;
    c->e = e;
    if (!by_ticket && !by_name) {
        if (e) *e = first;
        return first.status;
    }
    c->out->hint[0] = 0;
    c->out->login = HTTP_LOGIN_NEGOTIATE;
    c->out->needs_password = !by_ticket;
    return CIMF_OK;
}

static cimf_status credssp(struct choice *c)
{
    const struct client_setting_value *v = &c->s->at[CLIENT_auth_credssp];
    bool asked_for = strcmp(v->source, "default") == 0 && !c->s->locked[CLIENT_auth_credssp];
    if (!asked_for) TRY(setting_on(c, CLIENT_auth_credssp));
    TRY(user_named(c, "CredSSP"));
    bool ticket = client_ticket_fits(c->q->ticket, c->q->user) && is_name(c->q->host, c->q->loopback);
    c->out->kerberos = ticket && client_setting_on(c->s, CLIENT_auth_kerberos) && (!c->q->tls || c->proven || c->trusted);
    if (!c->out->kerberos) TRY(server_known(c, "CredSSP without a Kerberos ticket"));
    c->out->ntlm = c->proven || c->trusted;
    c->out->login = HTTP_LOGIN_CREDSSP;
    c->out->needs_password = true;
    return CIMF_OK;
}

static cimf_status certificate(struct choice *c)
{
    TRY(setting_on(c, CLIENT_auth_certificate));
    if (!c->q->tls) {
        return deny(c, CIMF_INVALID_PARAMETER, "a client certificate needs HTTPS", "use wsmv+https://");
    }
    if (!c->q->certificate) {
        return deny(c, CIMF_INVALID_PARAMETER, "there is no client certificate", "pass --cert FILE and --key FILE");
    }
    TRY(server_known(c, "a client certificate"));
    c->out->login = HTTP_LOGIN_CERTIFICATE;
    return CIMF_OK;
}

static cimf_status automatic(struct choice *c)
{
    if (c->q->certificate) return certificate(c);
    if (!c->q->user.n && (!c->q->ticket.n || !is_name(c->q->host, c->q->loopback))) {
        c->out->login = HTTP_LOGIN_NONE;
        c->out->messages_plain = !plain_is_fine(c);
        return CIMF_OK;
    }
    cimf_status status = negotiate(c);
    bool basic = (c->q->tls || c->q->loopback) && (c->proven || c->trusted) && c->q->user.n &&
                 client_setting_on(c->s, CLIENT_auth_basic);
    if (status == CIMF_OK && c->out->ntlm) c->out->basic_fallback = basic;
    return status;
}

cimf_status client_login_choose(const struct client_settings *s, const struct client_login_question *q,
                                struct client_login *out, struct error *e)
{
    struct choice c = { .s = s, .q = q, .out = out, .e = e, .proven = q->tls && !q->insecure };
    c.trusted = q->loopback || client_hosts_match(slice_str(s->at[CLIENT_client_trusted_hosts].text), q->host);
    *out = (struct client_login){ .login = HTTP_LOGIN_NONE };
    switch (q->auth) {
    case CIMF_AUTH_BASIC: return by_password(&c, HTTP_LOGIN_BASIC, CLIENT_auth_basic, "Basic");
    case CIMF_AUTH_DIGEST: return by_password(&c, HTTP_LOGIN_DIGEST, CLIENT_auth_digest, "Digest");
    case CIMF_AUTH_NTLM: out->needs_password = true; return ntlm(&c, "NTLM");
    case CIMF_AUTH_KERBEROS: return kerberos(&c);
    case CIMF_AUTH_NEGOTIATE: return negotiate(&c);
    case CIMF_AUTH_CREDSSP: return credssp(&c);
    case CIMF_AUTH_CERTIFICATE: return certificate(&c);
    default: return automatic(&c);
    }
}
