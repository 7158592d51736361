/* The contexts of the schemes that are bound to a connection: Negotiate, Kerberos, CredSSP. */
#include "mech/credssp.h"
#include "mech/kerberos.h"
#include "mech/ntlm.h"
#include "mech/spnego.h"
#include "net/http_client_auth_priv.h"

static void split_user(struct slice user, struct slice *domain, struct slice *name)
{
    size_t at = slice_find(user, '\\');
    *domain = SLICE("");
    *name = user;
    if (at == user.n) return; /* name, or name@realm, which goes as it is */
    *name = slice_sub(user, at + 1);
    *domain = slice_head(user, at);
    if (slice_is(*domain, ".")) *domain = SLICE(""); /* an account of the server's own */
}

static struct mech_options options_of(struct http_client_auth *a)
{
    const struct http_client_auth_config *c = &a->config;
    return (struct mech_options){
        .want = MECH_SIGN | MECH_SEAL,
        /* Inside CredSSP the channel is its own TLS session, which it binds by itself. */
        .bindings = a->login == HTTP_LOGIN_CREDSSP ? SLICE_NULL : a->bindings,
        .target = arena_printf(&a->arena, "HTTP/" SLICE_FMT, SLICE_ARG(c->host)),
        .random = c->random, .now = c->now, .arg = c->arg,
    };
}

static cimf_status kerberos_start(struct http_client_auth *a, struct mech **out, struct error *e)
{
    struct kerberos_client_config k = { .options = options_of(a), .ccache = a->config.ccache };
    k.options.want |= MECH_MUTUAL | (a->config.delegate ? MECH_DELEGATE : 0);
    if (!a->config.ticket) {
        struct slice domain, name;
        split_user(a->config.user, &domain, &name);
        k.user = domain.n ? arena_printf(&a->arena, SLICE_FMT "@" SLICE_FMT, SLICE_ARG(name), SLICE_ARG(domain)) : name;
        k.password = buf_slice(&a->secret);
    }
    return kerberos_client_new(&k, out, e);
}

static cimf_status ntlm_start(struct http_client_auth *a, struct mech **out, struct error *e)
{
    struct ntlm_client_config n = { .options = options_of(a), .password = buf_slice(&a->secret) };
    split_user(a->config.user, &n.domain, &n.user);
    return ntlm_client_new(&n, out, e);
}

/* Candidates in our order. Kerberos asks for the service's ticket here: where there is none, NTLM is left, and
 * where that is not open, what Kerberos lacked stays in e. */
static cimf_status spnego_start(struct http_client_auth *a, bool kerberos, bool ntlm, struct mech **out,
                                struct error *e)
{
    struct mech *candidates[2];
    size_t count = 0;
    cimf_status status = CIMF_AUTH_SCHEME;
    if (kerberos) {
        status = kerberos_start(a, &candidates[0], e);
        count = status == CIMF_OK;
    }
    if (ntlm) {
        status = ntlm_start(a, &candidates[count], e);
        if (status != CIMF_OK) {
            if (count) mech_free(candidates[0]);
            return status;
        }
        count++;
    }
    return count ? spnego_client_new(candidates, count, out, e) : status;
}

static cimf_status credssp_start(struct http_client_auth *a, struct error *e)
{
    struct credssp_client_config c = { .password = buf_slice(&a->secret) };
    struct slice ask;
    split_user(a->config.user, &c.domain, &c.user);
    cimf_status status = spnego_start(a, a->config.kerberos, a->config.ntlm, &c.inner, e);
    if (status == CIMF_OK) status = credssp_client_new(&c, &a->credssp, e);
    if (status != CIMF_OK) return status;
    if (credssp_step(a->credssp, SLICE(""), &a->token, &ask, e) == CREDSSP_CONTINUE) return CIMF_OK;
    return e && e->status != CIMF_OK ? e->status : CIMF_PROTOCOL_ERROR;
}

cimf_status http_client_context_start(struct http_client_auth *a, struct error *e)
{
    http_client_context_drop(a);
    if (a->login == HTTP_LOGIN_CREDSSP) return credssp_start(a, e);
    bool only_kerberos = a->config.login == HTTP_LOGIN_KERBEROS;
    cimf_status status =
        a->login == HTTP_LOGIN_KERBEROS
            ? kerberos_start(a, &a->mech, e)
            : spnego_start(a, only_kerberos || a->config.kerberos, !only_kerberos && a->config.ntlm,
                           &a->mech, e);
    if (status != CIMF_OK) return status;
    if (mech_step(a->mech, SLICE(""), &a->token, e) != MECH_FAILED) return CIMF_OK;
    return e && e->status != CIMF_OK ? e->status : CIMF_NOT_AUTHENTICATED;
}

enum mech_result http_client_context_step(struct http_client_auth *a, struct slice token,
                                          struct error *e)
{
    struct slice ask;
    buf_wipe(&a->token);
    if (a->mech) return mech_step(a->mech, token, &a->token, e);
    switch (credssp_step(a->credssp, token, &a->token, &ask, e)) {
    case CREDSSP_CONTINUE: return MECH_CONTINUE;
    case CREDSSP_COMPLETE: return MECH_COMPLETE;
    default: return MECH_FAILED;
    }
}

void http_client_context_drop(struct http_client_auth *a)
{
    mech_free(a->mech);
    credssp_free(a->credssp);
    a->mech = NULL;
    a->credssp = NULL;
    a->shaken = a->pushed = false;
    a->done = false;
    a->state = HTTP_CLIENT_AUTH_FRESH;
    buf_wipe(&a->token);
}

struct http_protect http_client_context_protect(const struct http_client_auth *a)
{
    return (struct http_protect){
        .kind = a->credssp ? HTTP_PROTECT_CREDSSP
                : a->login == HTTP_LOGIN_KERBEROS ? HTTP_PROTECT_KERBEROS : HTTP_PROTECT_SPNEGO,
        .mech = a->mech, .credssp = a->credssp,
    };
}
