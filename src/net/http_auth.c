/* The machine: which scheme a request head is for, what a connection keeps, and when that ends. */
#include <openssl/crypto.h>
#include <stdlib.h>

#include "base/clock.h"
#include "net/http_auth_priv.h"

static const struct http_auth_scheme *const schemes[] = { /* strong ones first */
    &http_auth_negotiate, &http_auth_kerberos, &http_auth_ntlm, &http_auth_credssp, &http_auth_certificate,
    &http_auth_digest, &http_auth_basic,
};
enum { SCHEMES = sizeof schemes / sizeof schemes[0] };

void http_auth_init(struct http_auth *a, const struct http_auth_policy *policy,
                    struct auth_broker *broker)
{
    *a = (struct http_auth){ .policy = policy, .broker = broker, .epoch = policy->epoch };
}

static void forget(struct http_auth *a)
{
    principal_unref(a->principal);
    a->principal = NULL;
    if (a->credentials.p) {
        OPENSSL_cleanse((char *)(uintptr_t)a->credentials.p, a->credentials.n);
        free((char *)(uintptr_t)a->credentials.p);
    }
    a->credentials = SLICE_NULL;
    http_auth_context_free(a->context);
    a->context = NULL;
}

static void leg_free(struct http_auth_leg *leg)
{
    principal_unref(leg->principal);
    OPENSSL_cleanse(leg->credentials, leg->credentials_n);
    free(leg);
}

void http_auth_free(struct http_auth *a)
{
    forget(a);
    if (a->leg && a->leg->answered) leg_free(a->leg);
    else if (a->leg) a->leg->auth = NULL;
    a->leg = NULL;
}

bool http_auth_protection(const struct http_auth *a, struct http_protect *out)
{
    const struct http_auth_context *x = a->context;
    if (!x || !x->established) return false;
    *out = (struct http_protect){ .kind = x->kind, .mech = x->credssp ? NULL : x->mech, .credssp = x->credssp };
    return true;
}

/* ---- what is said ---- */

void http_auth_header(struct http_auth_output *out, struct slice name, struct slice value)
{
    if (out->header_count < HTTP_AUTH_HEADERS) out->headers[out->header_count++] = (struct http_header){ name, value };
}

static bool may(const struct http_auth *a, const struct http_auth_scheme *s, bool tls)
{
    return s->enabled(a, tls) && (tls || !s->plain || a->policy->allow_unencrypted);
}

void http_auth_offer(const struct http_auth *a, bool tls, struct slice peer, struct http_auth_output *out)
{
    for (unsigned i = 0; i < SCHEMES; i++)
        if (schemes[i]->offer && may(a, schemes[i], tls)) schemes[i]->offer(a, peer, out);
}

enum http_auth_answer http_auth_challenge(const struct http_auth *a, const struct http_auth_input *in,
                                          struct http_auth_output *out)
{
    http_auth_offer(a, in->tls, in->peer, out);
    return HTTP_AUTH_CHALLENGE;
}

enum http_auth_answer http_auth_accept(struct http_auth *a, const struct principal *p, struct slice credentials,
                                       uint64_t generation, struct http_auth_output *out)
{
    char *copy = credentials.p ? malloc(credentials.n) : NULL;
    if (credentials.p) forget(a);
    else principal_unref(a->principal);
    a->principal = p;
    a->generation = generation;
    a->until_us = auth_life(p, INT64_MAX);
    if (a->until_us != INT64_MAX) a->until_us += clock_mono_us();
    if (copy) {
        memcpy(copy, credentials.p, credentials.n);
        a->credentials = slice_of(copy, credentials.n);
    }
    out->principal = p;
    return HTTP_AUTH_ACCEPTED;
}

/* ---- questions ---- */

static bool same_credentials(struct slice a, struct slice b)
{
    return a.p && a.n == b.n && CRYPTO_memcmp(a.p, b.p, a.n) == 0;
}

struct http_auth_leg *http_auth_leg_new(struct http_auth *a, struct slice credentials)
{
    struct http_auth_leg *leg = calloc(1, sizeof *leg + credentials.n);
    if (!leg) return NULL;
    leg->auth = a;
    leg->generation = auth_generation(a->broker);
    leg->credentials_n = credentials.n;
    if (credentials.n) memcpy(leg->credentials, credentials.p, credentials.n);
    a->leg = leg;
    return leg;
}

void http_auth_leg_told(void *arg, cimf_status status, const struct principal *p)
{
    struct http_auth_leg *leg = arg;
    leg->status = status;
    leg->principal = p;
    leg->answered = true;
    if (!leg->auth) leg_free(leg);
    else if (leg->ready) leg->ready(leg->arg);
}

enum http_auth_answer http_auth_keep(struct http_auth *a, struct http_auth_leg *leg, const struct http_auth_input *in,
                                     struct http_auth_output *out)
{
    const struct principal *p = leg->principal;
    leg->principal = NULL;
    return http_auth_accept(a, p, in->authorization, leg->generation, out);
}

static enum http_auth_answer leg_answer(struct http_auth *a, const struct http_auth_input *in,
                                        struct http_auth_output *out)
{
    struct http_auth_leg *leg = a->leg;
    enum http_auth_answer answer;
    a->leg = NULL;
    if (leg->principal && (leg->credentials_n == 0 ||
                           same_credentials(in->authorization, slice_of(leg->credentials, leg->credentials_n)))) {
        answer = leg->conclude(a, leg, in, out);
    } else if (leg->status == CIMF_NOT_AUTHENTICATED || leg->status == CIMF_OK) {
        forget(a);
        answer = http_auth_challenge(a, in, out);
    } else {
        answer = HTTP_AUTH_BUSY;
    }
    leg_free(leg);
    return answer;
}

enum http_auth_answer http_auth_leg_wait(struct http_auth *a, const struct http_auth_input *in,
                                         struct http_auth_output *out, const struct http_auth_wait *wait)
{
    if (a->leg->answered) return leg_answer(a, in, out);
    a->leg->ready = wait->ready;
    a->leg->arg = wait->arg;
    return HTTP_AUTH_PENDING;
}

/* ---- a connection that has an identity ---- */

static enum http_auth_answer refreshed(struct http_auth *a, struct http_auth_leg *leg, const struct http_auth_input *in,
                                       struct http_auth_output *out)
{
    const struct principal *p = leg->principal;
    leg->principal = NULL;
    return http_auth_accept(a, p, SLICE_NULL, leg->generation, out);
}

/* A request without credentials on a connection whose context proved them. */
static enum http_auth_answer go_on(struct http_auth *a, const struct http_auth_input *in, struct http_auth_output *out,
                                   const struct http_auth_wait *wait)
{
    if (auth_generation(a->broker) == a->generation) {
        out->principal = a->principal;
        return HTTP_AUTH_ACCEPTED;
    }
    struct http_auth_leg *leg = http_auth_leg_new(a, SLICE(""));
    if (!leg) return HTTP_AUTH_BUSY;
    leg->conclude = refreshed;
    auth_refresh(a->broker, a->principal, wait->home, http_auth_leg_told, leg);
    return http_auth_leg_wait(a, in, out, wait);
}

/* The scheme of a header value, NULL for others; *token is what stands behind its name. */
static const struct http_auth_scheme *scheme_of(struct slice value, struct slice *token)
{
    struct slice name = slice_head(value, slice_find(value, ' '));
    *token = slice_trim(slice_sub(value, name.n));
    for (unsigned i = 0; i < SCHEMES; i++)
        if (slice_ieq(name, slice_str(schemes[i]->name))) return schemes[i];
    return NULL;
}

/* The policy has changed since: an identity whose scheme is not offered any more goes. */
static void look_at_policy(struct http_auth *a, const struct http_auth_input *in)
{
    struct slice token;
    const struct http_auth_scheme *s = a->context ? a->context->scheme : a->credentials.p ? scheme_of(a->credentials, &token) : NULL;
    if (a->principal && (!s || !may(a, s, in->tls))) forget(a);
    a->epoch = a->policy->epoch;
}

enum http_auth_answer http_auth_step(struct http_auth *a, const struct http_auth_input *in,
                                     struct http_auth_output *out, struct exec *home,
                                     void (*ready)(void *arg), void *arg)
{
    struct http_auth_wait wait = { home, ready, arg };
    struct slice token;
    out->principal = NULL;
    out->header_count = out->text_n = 0;
    out->close = false;
    if (a->leg) return a->leg->answered ? leg_answer(a, in, out) : HTTP_AUTH_PENDING;
    if (a->context && !a->context->established && a->context->ready) {
        if (a->context->pending) return HTTP_AUTH_PENDING;
        a->context->ready = NULL;
        return http_auth_context_conclude(a, in, out);
    }
    if (a->epoch != a->policy->epoch) look_at_policy(a, in);
    if (a->principal && same_credentials(a->credentials, in->authorization) &&
        auth_generation(a->broker) == a->generation && (a->until_us == INT64_MAX || clock_mono_us() < a->until_us)) {
        out->principal = a->principal;
        return HTTP_AUTH_ACCEPTED;
    }
    const struct http_auth_scheme *s = in->authorization.n ? scheme_of(in->authorization, &token) : NULL;
    if (in->authorization.n == 0 || (s && s->connection && token.n == 0)) {
        if (a->context && a->context->established) return go_on(a, in, out, &wait);
        forget(a);
        return http_auth_challenge(a, in, out);
    }
    /* Another Authorization: the old identity goes before anything else happens. Only the next leg of a login
     * under way finds what the legs before it left. */
    if (!a->context || a->context->established || a->context->scheme != s) forget(a);
    if (!s || !a->broker || !s->enabled(a, in->tls)) return http_auth_challenge(a, in, out);
    if (!may(a, s, in->tls)) return HTTP_AUTH_FORBIDDEN;
    return s->step(a, in, token, out, &wait);
}
