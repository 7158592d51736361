/* Negotiate and Kerberos (RFC 4559, MS-WSMV 3.1.4.1.28): the tokens go to the broker's exchange, its context
 * stays with the connection. */
#include <stdio.h>
#include <stdlib.h>

#include "codec/base64.h"
#include "net/http_auth_priv.h"

struct http_auth_context *http_auth_context_new(struct http_auth *a, const struct http_auth_scheme *scheme,
                                                enum http_protect_kind kind)
{
    struct http_auth_context *x = calloc(1, sizeof *x);
    if (!x) return NULL;
    x->auth = a;
    x->scheme = scheme;
    x->kind = kind;
    buf_init(&x->token, 1 << 17);
    buf_init(&x->value, 1 << 18);
    return x;
}

void http_auth_context_free(struct http_auth_context *x)
{
    if (!x) return;
    auth_exchange_free(x->exchange);
    mech_free(x->mech);
    credssp_free(x->credssp);
    principal_unref(x->principal);
    buf_wipe(&x->token);
    buf_wipe(&x->value);
    free(x);
}

static void on_answer(void *arg, const struct auth_exchange_answer *answer)
{
    struct http_auth_context *x = arg;
    x->pending = false;
    x->result = answer->result;
    x->status = answer->status;
    x->mech = answer->context;
    x->principal = answer->principal;
    buf_clear(&x->token);
    buf_slice_add(&x->token, answer->token);
    if (x->ready) x->ready(x->arg);
}

/* Of the connection's certificate, where there is TLS (RFC 5929 4). */
static struct slice bindings_of(const struct http_auth_input *in, char text[21 + 64])
{
    static const char prefix[21] = "tls-server-end-point:";
    unsigned char hash[64];
    size_t n = in->channel ? tls_server_end_point(in->channel, hash) : 0;
    if (n == 0) return SLICE("");
    memcpy(text, prefix, sizeof prefix);
    memcpy(text + sizeof prefix, hash, n);
    return slice_of(text, sizeof prefix + n);
}

bool http_auth_context_ask(struct http_auth_context *x, enum auth_mechanism mechanism, const struct http_auth_input *in,
                           struct slice token, const struct http_auth_wait *wait)
{
    char text[21 + 64];
    if (!x->exchange) {
        bool credssp = x->kind == HTTP_PROTECT_CREDSSP, open = in->tls || x->auth->policy->allow_unencrypted;
        /* Inside CredSSP the inner TLS is what binds. Where plain bodies may come, sealing them is the client's choice. */
        struct auth_exchange_config c = {
            .mechanism = mechanism, .service = AUTH_SERVICE_HTTP, .address = in->peer,
            .want = open && !credssp ? 0 : MECH_SIGN | MECH_SEAL,
            .bindings = credssp ? SLICE("") : bindings_of(in, text),
            .more_bindings = x->auth->policy->more_bindings, .binding_level = x->auth->policy->binding_level,
            .credssp = x->kind == HTTP_PROTECT_CREDSSP,
        };
        /* A certificate without an end point hash (RFC 5929 4.1) binds nothing: where that is demanded nobody gets in. */
        if (in->tls && c.bindings.n == 0 && x->kind != HTTP_PROTECT_CREDSSP && c.binding_level == MECH_BINDING_STRICT) {
            x->status = CIMF_NOT_AUTHENTICATED;
            return false;
        }
        x->generation = auth_generation(x->auth->broker);
        x->status = auth_exchange_new(x->auth->broker, &c, wait->home, &x->exchange, NULL);
        if (x->status != CIMF_OK) return false;
    }
    x->pending = true;
    x->ready = NULL;
    auth_exchange_step(x->exchange, token, on_answer, x);
    if (x->pending) {
        x->ready = wait->ready;
        x->arg = wait->arg;
    }
    return true;
}

/* "Negotiate <token>" as a header of the answer. */
static bool token_put(struct http_auth_context *x, struct http_auth_output *out)
{
    buf_clear(&x->value);
    buf_printf(&x->value, "%s ", x->scheme->name);
    if (!buf_ok(&x->token) || !base64_encode(&x->value, buf_slice(&x->token)) || !buf_ok(&x->value)) return false;
    http_auth_header(out, SLICE("WWW-Authenticate"), buf_slice(&x->value));
    return true;
}

static enum http_auth_answer drop(struct http_auth *a, enum http_auth_answer answer)
{
    http_auth_context_free(a->context);
    a->context = NULL;
    return answer;
}

/* The login is over; the connection too, as the peer may have sent more under an identity that it has not got. */
static enum http_auth_answer failed(struct http_auth *a, const struct http_auth_input *in, struct http_auth_output *out)
{
    cimf_status status = a->context->status;
    out->close = true;
    drop(a, HTTP_AUTH_CHALLENGE);
    if (status == CIMF_SERVER_TOO_BUSY || status == CIMF_SHUTTING_DOWN || status == CIMF_OUT_OF_MEMORY)
        return HTTP_AUTH_BUSY;
    return http_auth_challenge(a, in, out);
}

enum http_auth_answer http_auth_context_conclude(struct http_auth *a, const struct http_auth_input *in,
                                                 struct http_auth_output *out)
{
    struct http_auth_context *x = a->context;
    if (x->asks) return http_auth_credssp_go_on(a, in, out);
    if (x->result == MECH_CONTINUE && in->persistent && token_put(x, out)) return HTTP_AUTH_CHALLENGE;
    if (x->result != MECH_COMPLETE || !x->principal || (!x->mech && !x->credssp)) return failed(a, in, out);
    if (x->token.n && !token_put(x, out)) return failed(a, in, out);
    auth_exchange_free(x->exchange);
    x->exchange = NULL;
    x->established = true;
    const struct principal *p = x->principal;
    x->principal = NULL;
    return http_auth_accept(a, p, SLICE_NULL, x->generation, out);
}

static enum http_auth_answer step(struct http_auth *a, const struct http_auth_input *in, struct slice text,
                                  struct http_auth_output *out, const struct http_auth_wait *wait,
                                  const struct http_auth_scheme *scheme, enum http_protect_kind kind,
                                  enum auth_mechanism mechanism)
{
    struct arena scratch;
    struct slice token;
    enum http_auth_answer answer = HTTP_AUTH_PENDING;
    if (!a->context) a->context = http_auth_context_new(a, scheme, kind);
    if (!a->context) return HTTP_AUTH_BUSY;
    arena_init(&scratch, 1 << 18);
    a->context->status = CIMF_BAD_REQUEST;
    if (base64_decode(&scratch, text, BASE64_STRICT, &token) != CIMF_OK ||
        !http_auth_context_ask(a->context, mechanism, in, token, wait))
        answer = failed(a, in, out);
    else if (!a->context->pending) answer = http_auth_context_conclude(a, in, out);
    arena_free(&scratch);
    return answer;
}

static enum http_auth_answer negotiate_step(struct http_auth *a, const struct http_auth_input *in, struct slice token,
                                            struct http_auth_output *out, const struct http_auth_wait *wait)
{
    return step(a, in, token, out, wait, &http_auth_negotiate, HTTP_PROTECT_SPNEGO, AUTH_MECH_NEGOTIATE);
}

static enum http_auth_answer kerberos_step(struct http_auth *a, const struct http_auth_input *in, struct slice token,
                                           struct http_auth_output *out, const struct http_auth_wait *wait)
{
    return step(a, in, token, out, wait, &http_auth_kerberos, HTTP_PROTECT_KERBEROS, AUTH_MECH_KERBEROS);
}

static enum http_auth_answer ntlm_step(struct http_auth *a, const struct http_auth_input *in, struct slice token,
                                       struct http_auth_output *out, const struct http_auth_wait *wait)
{
    return step(a, in, token, out, wait, &http_auth_ntlm, HTTP_PROTECT_SPNEGO, AUTH_MECH_NTLM);
}

static bool negotiate_enabled(const struct http_auth *a, bool tls) { return a->policy->negotiate; }
static bool kerberos_enabled(const struct http_auth *a, bool tls) { return a->policy->kerberos; }

static void negotiate_offer(const struct http_auth *a, struct slice peer, struct http_auth_output *out)
{
    http_auth_header(out, SLICE("WWW-Authenticate"), SLICE("Negotiate"));
}
static void kerberos_offer(const struct http_auth *a, struct slice peer, struct http_auth_output *out)
{
    http_auth_header(out, SLICE("WWW-Authenticate"), SLICE("Kerberos"));
}

const struct http_auth_scheme http_auth_negotiate = {
    .name = "Negotiate", .connection = true, .enabled = negotiate_enabled, .offer = negotiate_offer,
    .step = negotiate_step,
};
const struct http_auth_scheme http_auth_kerberos = {
    .name = "Kerberos", .connection = true, .enabled = kerberos_enabled, .offer = kerberos_offer, .step = kerberos_step,
};
/* Its tokens are what Negotiate takes bare as well. Not announced, as by WinRM; clients that know no other name for
 * them (curl) come with it unasked. */
const struct http_auth_scheme http_auth_ntlm = {
    .name = "NTLM", .connection = true, .enabled = negotiate_enabled, .step = ntlm_step,
};
