/* The client's login and protection: which request comes next, and what a reply means. */
#include "net/http_client_auth.h"

#include <stdio.h>
#include <stdlib.h>

#include "codec/base64.h"
#include "mech/credssp.h"
#include "mech/spnego.h"
#include "net/http_auth.h"
#include "net/http_client_auth_priv.h"

enum {
    LEGS_MAX = 16,    /* requests for one message */
    RESTARTS_MAX = 2, /* logins from the beginning, beyond the first one of a message */
};

#define CERTIFICATE_VALUE "http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/https/mutual"

static const char *scheme_name(enum http_login login)
{
    static const char *const names[] = {
        [HTTP_LOGIN_NONE] = "none", [HTTP_LOGIN_BASIC] = "Basic", [HTTP_LOGIN_DIGEST] = "Digest",
        [HTTP_LOGIN_NEGOTIATE] = "Negotiate", [HTTP_LOGIN_KERBEROS] = "Kerberos",
        [HTTP_LOGIN_CREDSSP] = "CredSSP", [HTTP_LOGIN_CERTIFICATE] = "certificate",
    };
    return names[login];
}

static bool is_bound(enum http_login login)
{
    return login == HTTP_LOGIN_NEGOTIATE || login == HTTP_LOGIN_KERBEROS || login == HTTP_LOGIN_CREDSSP;
}

/* --- life ---------------------------------------------------------------------------------------- */

static cimf_status check(const struct http_client_auth_config *c, struct error *e)
{
    bool by_password = c->login == HTTP_LOGIN_BASIC || c->login == HTTP_LOGIN_DIGEST ||
                       c->login == HTTP_LOGIN_CREDSSP || (c->login == HTTP_LOGIN_NEGOTIATE && !c->kerberos);
    if (by_password && !c->user.n)
        return error_set(e, CIMF_INVALID_PARAMETER, "net", "%s needs a user", scheme_name(c->login));
    if (c->login == HTTP_LOGIN_BASIC && slice_find(c->user, ':') < c->user.n)
        return error_set(e, CIMF_INVALID_PARAMETER, "net",
                         "a user name with a colon cannot be sent with Basic");
    for (size_t i = 0; i < c->user.n; i++)
        if ((unsigned char)c->user.p[i] < ' ')
            return error_set(e, CIMF_INVALID_PARAMETER, "net", "the user name has a control character");
    return CIMF_OK;
}

cimf_status http_client_auth_new(const struct http_client_auth_config *config,
                                 struct http_client_auth **out, struct error *e)
{
    *out = NULL;
    cimf_status status = check(config, e);
    if (status != CIMF_OK) return status;
    struct http_client_auth *a = calloc(1, sizeof *a);
    if (!a) return error_set(e, CIMF_OUT_OF_MEMORY, "net", "no memory for a login");
    arena_init(&a->texts, 1 << 16);
    arena_init(&a->arena, 0);
    arena_init(&a->digest.arena, 1 << 16);
    buf_init(&a->secret, 0);
    buf_init(&a->token, 1 << 20);
    buf_init(&a->header, 1 << 21);
    buf_init(&a->body, (size_t)1 << 30);
    a->config = *config;
    a->config.host = arena_dup(&a->texts, config->host);
    a->config.user = arena_dup(&a->texts, config->user);
    a->config.password = SLICE_NULL;
    if (config->ccache) a->config.ccache = arena_strz(&a->texts, slice_str(config->ccache));
    buf_slice_add(&a->secret, config->password);
    if (arena_status(&a->texts) != CIMF_OK || !buf_ok(&a->secret)) {
        http_client_auth_free(a);
        return error_set(e, CIMF_OUT_OF_MEMORY, "net", "no memory for a login");
    }
    a->login = config->login;
    *out = a;
    return CIMF_OK;
}

void http_client_auth_free(struct http_client_auth *a)
{
    if (!a) return;
    http_client_context_drop(a);
    buf_wipe(&a->secret);
    buf_wipe(&a->header);
    buf_free(&a->body);
    arena_free(&a->digest.arena);
    arena_free(&a->arena);
    arena_free(&a->texts);
    free(a);
}

void http_client_auth_begin(struct http_client_auth *a)
{
    a->legs = a->restarts = 0;
    a->digest.fresh = false;
}

void http_client_auth_connected(struct http_client_auth *a, struct slice end_point)
{
    if (a->state == HTTP_CLIENT_AUTH_SHAKING) a->restarts++;
    http_client_context_drop(a);
    a->bindings = SLICE_NULL;
    if (end_point.n == 0 || end_point.n > 64) return;
    static const char prefix[] = "tls-server-end-point:";
    memcpy(a->binding_text, prefix, sizeof prefix - 1);
    memcpy(a->binding_text + sizeof prefix - 1, end_point.p, end_point.n);
    a->bindings = slice_of(a->binding_text, sizeof prefix - 1 + end_point.n);
}

const char *http_client_auth_name(const struct http_client_auth *a)
{
    return a->name[0] ? a->name : scheme_name(a->login);
}

/* --- the next request ---------------------------------------------------------------------------- */

/* The message with one more header, and another type and body. */
static cimf_status compose(struct http_client_auth *a, const struct http_client_message *m, struct slice type,
                           struct slice body, struct http_client_message *out, struct error *e)
{
    struct http_header *list = ARENA_ARRAY(&a->arena, m->header_count + 1, struct http_header);
    if (!list || !buf_ok(&a->header) || !buf_ok(&a->body))
        return error_set(e, CIMF_OUT_OF_MEMORY, "net", "no memory for the request");
    *out = *m;
    out->headers = list;
    out->header_count = 0;
    out->body = body;
    for (unsigned i = 0; i < m->header_count; i++) {
        struct http_header h = m->headers[i];
        if (type.p && slice_ieq(h.name, SLICE("Content-Type"))) h.value = type;
        list[out->header_count++] = h;
    }
    if (a->header.n)
        list[out->header_count++] = (struct http_header){ SLICE("Authorization"), buf_slice(&a->header) };
    return CIMF_OK;
}

static struct slice type_of(const struct http_client_message *m)
{
    for (unsigned i = 0; i < m->header_count; i++)
        if (slice_ieq(m->headers[i].name, SLICE("Content-Type"))) return m->headers[i].value;
    return SLICE("");
}

/* A leg of the login: the token, and no body. */
static cimf_status next_leg(struct http_client_auth *a, const struct http_client_message *m,
                            struct http_client_message *out, struct error *e)
{
    if (a->state == HTTP_CLIENT_AUTH_FRESH) {
        cimf_status status = http_client_context_start(a, e);
        if (status != CIMF_OK) {
            http_client_context_drop(a);
            return status;
        }
        a->state = HTTP_CLIENT_AUTH_SHAKING;
    }
    buf_printf(&a->header, "%s ", scheme_name(a->login));
    if (!base64_encode(&a->header, buf_slice(&a->token))) a->header.failed = true;
    buf_wipe(&a->token);
    return compose(a, m, SLICE_NULL, SLICE(""), out, e);
}

static cimf_status next_message(struct http_client_auth *a, const struct http_client_message *m,
                                struct http_client_message *out, struct error *e)
{
    a->plain = true;
    if (!is_bound(a->login) || a->config.tls || m->body.n == 0)
        return compose(a, m, SLICE_NULL, m->body, out, e);
    struct http_protect p = http_client_context_protect(a);
    struct slice outer;
    cimf_status status = http_protect_seal(&p, &a->arena, type_of(m), &m->body, 1, &a->body, &outer, e);
    return status == CIMF_OK ? compose(a, m, outer, buf_slice(&a->body), out, e) : status;
}

cimf_status http_client_auth_next(struct http_client_auth *a, const struct http_client_message *m,
                                  struct http_client_message *out, struct error *e)
{
    arena_reset(&a->arena);
    buf_wipe(&a->header);
    if (a->body.room > 1 << 20) buf_free(&a->body);
    buf_clear(&a->body);
    a->plain = false;
    if (++a->legs > LEGS_MAX || a->restarts > RESTARTS_MAX)
        return error_set(e, CIMF_CONNECTION_LOST, "net", "the server never lets the login come to its end");
    switch (a->login) {
    case HTTP_LOGIN_BASIC:
        if (!http_basic_make(&a->header, a->config.user, buf_slice(&a->secret))) a->header.failed = true;
        break;
    case HTTP_LOGIN_CERTIFICATE: buf_lit(&a->header, CERTIFICATE_VALUE); break;
    case HTTP_LOGIN_DIGEST:
        if (!a->digest.known) return compose(a, m, SLICE_NULL, SLICE(""), out, e);
        {
            cimf_status status = http_client_digest_make(a, m, e);
            if (status != CIMF_OK) return status;
        }
        break;
    case HTTP_LOGIN_NONE: break;
    default:
        if (a->state != HTTP_CLIENT_AUTH_READY) return next_leg(a, m, out, e);
    }
    return next_message(a, m, out, e);
}

/* --- replies ------------------------------------------------------------------------------------- */

static enum http_client_auth_answer failed(struct http_client_auth *a)
{
    http_client_context_drop(a);
    return HTTP_CLIENT_AUTH_FAILED;
}

static enum http_client_auth_answer fail(struct http_client_auth *a, struct error *e, cimf_status status,
                                         const char *text)
{
    error_set(e, status, "net", "%s", text);
    return failed(a);
}

static void read_challenges(const struct http_client_reply *r, struct http_challenges *c)
{
    c->count = 0;
    for (unsigned i = 0; i < r->header_count; i++)
        if (slice_ieq(r->headers[i].name, SLICE("WWW-Authenticate"))) http_challenges_add(c, r->headers[i].value);
}

static enum http_client_auth_answer not_offered(struct http_client_auth *a, const struct http_challenges *c,
                                                struct error *e)
{
    struct buf b;
    buf_init(&b, 4096);
    http_challenges_text(c, &b);
    buf_strz(&b);
    error_set(e, CIMF_AUTH_SCHEME, "net", "the server offers %.200s; %s is not among them", b.p ? b.p : "",
              scheme_name(a->login));
    buf_free(&b);
    return failed(a);
}

static enum http_client_auth_answer refused(struct http_client_auth *a, struct error *e)
{
    struct slice user = slice_head(a->config.user, 80);
    if (user.n)
        error_set(e, CIMF_NOT_AUTHENTICATED, "net", "the server refuses the login of " SLICE_FMT " (%s)",
                  SLICE_ARG(user), http_client_auth_name(a));
    else
        error_set(e, CIMF_NOT_AUTHENTICATED, "net", "the server refuses the login (%s)", http_client_auth_name(a));
    return failed(a);
}

static void note_name(struct http_client_auth *a)
{
    struct mech *inner = a->mech && a->login == HTTP_LOGIN_NEGOTIATE ? spnego_chosen(a->mech) : NULL;
    if (inner) snprintf(a->name, sizeof a->name, "%s (%s)", scheme_name(a->login), inner->ops->name);
    else snprintf(a->name, sizeof a->name, "%s", scheme_name(a->login));
}

/* Our scheme is not on the list. What may come instead was said when the machine was made. */
static enum http_client_auth_answer fall_back(struct http_client_auth *a, const struct http_challenges *c,
                                              struct error *e)
{
    bool negotiate = http_challenges_find(c, "Negotiate") != NULL;
    if (a->login == HTTP_LOGIN_KERBEROS && negotiate) {
        http_client_context_drop(a);
        a->login = HTTP_LOGIN_NEGOTIATE;
        return HTTP_CLIENT_AUTH_AGAIN;
    }
    bool only_basic = c->count > 0;
    for (unsigned i = 0; i < c->count; i++)
        only_basic = only_basic && slice_ieq(c->at[i].scheme, SLICE("Basic"));
    if (a->login == HTTP_LOGIN_NEGOTIATE && a->config.basic_fallback && only_basic && a->config.user.n &&
        slice_find(a->config.user, ':') == a->config.user.n) {
        http_client_context_drop(a);
        a->login = HTTP_LOGIN_BASIC;
        note_name(a);
        return HTTP_CLIENT_AUTH_AGAIN;
    }
    return not_offered(a, c, e);
}

/* The server's token for our scheme; p == NULL: it names the scheme only. False: it is no base64. */
static bool token_of(struct http_client_auth *a, const struct http_challenge *c, struct slice *token)
{
    *token = SLICE_NULL;
    if (!c || c->rest.n == 0) return true;
    return base64_decode(&a->arena, c->rest, BASE64_STRICT, token) == CIMF_OK;
}

/* One more token of the server's; false: it failed, and e says why. */
static bool step(struct http_client_auth *a, struct slice token, struct error *e)
{
    enum mech_result result = http_client_context_step(a, token, e);
    a->shaken = true;
    a->done = result == MECH_COMPLETE;
    if (result != MECH_FAILED) return true;
    if (e && e->status == CIMF_BAD_REQUEST) e->status = CIMF_PROTOCOL_ERROR;
    if (e && e->status == CIMF_OK) error_set(e, CIMF_NOT_AUTHENTICATED, "net", "the login failed");
    return false;
}

static enum http_client_auth_answer shaking_401(struct http_client_auth *a, const struct http_challenges *c,
                                                struct error *e)
{
    const struct http_challenge *ours = http_challenges_find(c, scheme_name(a->login));
    struct slice token;
    note_name(a);
    if (!ours && !a->shaken) return fall_back(a, c, e);
    if (!token_of(a, ours, &token)) return fail(a, e, CIMF_PROTOCOL_ERROR, "the server's token is no base64");
    /* CredSSP: behind the client's last flight of TLS 1.3 the server has nothing to say, and it is our turn. */
    bool our_turn = a->credssp && ours && a->shaken && !a->pushed;
    if (a->done || (token.n == 0 && !our_turn)) return refused(a, e);
    if (token.n == 0) a->pushed = true;
    if (!step(a, token, e)) return token.n ? failed(a) : refused(a, e);
    note_name(a);
    return a->token.n ? HTTP_CLIENT_AUTH_AGAIN : refused(a, e);
}

/* Any other answer to the last leg than 401 means that the server knows us; we have to know it as well. */
static enum http_client_auth_answer shaking_200(struct http_client_auth *a, const struct http_challenges *c,
                                                struct error *e)
{
    const struct http_challenge *ours = http_challenges_find(c, scheme_name(a->login));
    struct slice token;
    if (!token_of(a, ours, &token)) return fail(a, e, CIMF_PROTOCOL_ERROR, "the server's token is no base64");
    if (!a->done && token.n && !step(a, token, e)) return failed(a);
    if (!a->done || a->token.n)
        return fail(a, e, CIMF_PROTOCOL_ERROR, "the server ends the login before it has shown who it is");
    note_name(a);
    a->state = HTTP_CLIENT_AUTH_READY;
    return HTTP_CLIENT_AUTH_AGAIN;
}

static enum http_client_auth_answer deliver_empty(const struct http_client_reply *in, struct http_client_reply *out)
{
    *out = *in;
    out->content_type = SLICE("");
    out->body = SLICE("");
    return HTTP_CLIENT_AUTH_DELIVER;
}

static enum http_client_auth_answer shaking(struct http_client_auth *a, const struct http_client_reply *in,
                                            const struct http_challenges *c, struct http_client_reply *out,
                                            struct error *e)
{
    if (in->status == 401) return shaking_401(a, c, e);
    if (in->status >= 200 && in->status < 300) return shaking_200(a, c, e);
    http_client_context_drop(a); /* 403, 404, 503: no word on the login. Nobody vouches for the text */
    return deliver_empty(in, out);
}

/* --- replies to the message ---------------------------------------------------------------------- */

static enum http_client_auth_answer digest_401(struct http_client_auth *a, const struct http_challenges *c,
                                               struct error *e)
{
    bool stale = false, was_known = a->digest.known, was_fresh = a->digest.fresh;
    if (!http_challenges_find(c, "Digest")) return not_offered(a, c, e);
    if (http_client_digest_take(a, c, &stale, e) != CIMF_OK) return failed(a);
    if (!was_known) return HTTP_CLIENT_AUTH_AGAIN;
    /* An old nonce may have been forgotten; one that was given for this message only when the server says so. */
    if (was_fresh && !stale) {
        a->digest.known = false;
        return refused(a, e);
    }
    a->restarts++;
    return HTTP_CLIENT_AUTH_AGAIN;
}

static enum http_client_auth_answer message_401(struct http_client_auth *a, const struct http_challenges *c,
                                                struct error *e)
{
    switch (a->login) {
    case HTTP_LOGIN_NONE: {
        struct buf b;
        buf_init(&b, 4096);
        http_challenges_text(c, &b);
        buf_strz(&b);
        error_set(e, CIMF_NOT_AUTHENTICATED, "net", "the server wants to know who asks; it offers %.200s",
                  b.p ? b.p : "");
        buf_free(&b);
        return failed(a);
    }
    case HTTP_LOGIN_DIGEST: return digest_401(a, c, e);
    case HTTP_LOGIN_BASIC:
        /* A server without any challenge (RFC 9110 forbids that) refuses too. */
        return c->count == 0 || http_challenges_find(c, "Basic") ? refused(a, e) : not_offered(a, c, e);
    case HTTP_LOGIN_CERTIFICATE: return refused(a, e);
    default: /* forgotten on this connection */
        http_client_context_drop(a);
        a->restarts++;
        return HTTP_CLIENT_AUTH_AGAIN;
    }
}

static enum http_client_auth_answer open_body(struct http_client_auth *a, const struct http_client_reply *in,
                                              struct http_client_reply *out, struct error *e)
{
    struct http_protect p = http_client_context_protect(a);
    struct slice text, original;
    cimf_status status = http_protect_open(&p, &a->arena, in->content_type, (char *)in->body.p, in->body.n, &text,
                                           &original, e);
    if (status == CIMF_ACCESS_DENIED)
        return fail(a, e, CIMF_PROTOCOL_ERROR, "the signature of the answer is wrong: it was changed on its way");
    if (status == CIMF_BAD_REQUEST) {
        if (e) e->status = CIMF_PROTOCOL_ERROR;
        return failed(a);
    }
    if (status != CIMF_OK) return failed(a);
    *out = *in;
    out->content_type = original;
    out->body = text;
    return HTTP_CLIENT_AUTH_DELIVER;
}

static enum http_client_auth_answer deliver(struct http_client_auth *a, const struct http_client_reply *in,
                                            struct http_client_reply *out, struct error *e)
{
    *out = *in;
    if (a->login == HTTP_LOGIN_DIGEST)
        return http_client_digest_check(a, in, e) == CIMF_OK ? HTTP_CLIENT_AUTH_DELIVER : failed(a);
    if (!is_bound(a->login)) return HTTP_CLIENT_AUTH_DELIVER;
    if (http_protect_is(in->content_type)) return open_body(a, in, out, e);
    if (a->config.tls || a->config.allow_unencrypted || in->body.n == 0) return HTTP_CLIENT_AUTH_DELIVER;
    return fail(a, e, CIMF_PROTOCOL_ERROR, "the answer is not protected, though the login protects this connection");
}

enum http_client_auth_answer http_client_auth_reply(struct http_client_auth *a,
                                                    const struct http_client_reply *in,
                                                    struct http_client_reply *out, struct error *e)
{
    struct http_challenges c;
    read_challenges(in, &c);
    buf_wipe(&a->header);
    if (a->state == HTTP_CLIENT_AUTH_SHAKING) return shaking(a, in, &c, out, e);
    if (in->status == 401) return message_401(a, &c, e);
    if (!a->plain) { /* Digest asked for a challenge, and the server wants none: that is no login */
        if (in->status < 200 || in->status > 299) return deliver_empty(in, out);
        return not_offered(a, &c, e);
    }
    return deliver(a, in, out, e);
}
