#include "net/http_auth.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/utf.h"
#include "codec/base64.h"

/* A question to the broker. It outlives the connection when that ends first. */
struct http_auth_leg {
    struct http_auth *auth;     /* NULL: nobody waits any more */
    void (*ready)(void *arg);
    void *arg;
    bool answered;
    cimf_status status;
    const struct principal *principal;
    uint64_t generation;
    size_t credentials_n;
    char credentials[];         /* the header value that was asked about */
};

void http_auth_init(struct http_auth *a, const struct http_auth_policy *policy,
                    struct auth_broker *broker)
{
    *a = (struct http_auth){ .policy = policy, .broker = broker };
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

cimf_status http_basic_parse(struct arena *arena, struct slice authorization, struct slice *user,
                             struct slice *password)
{
    struct slice text, scheme = SLICE("Basic"), rest;
    *user = *password = SLICE_NULL;
    if (!slice_ieq(slice_head(authorization, slice_find(authorization, ' ')), scheme))
        return CIMF_AUTH_SCHEME;
    rest = slice_trim(slice_sub(authorization, scheme.n));
    cimf_status status = base64_decode(arena, rest, BASE64_STRICT, &text);
    if (status != CIMF_OK) return status;
    size_t colon = slice_find(text, ':');
    if (colon == text.n || colon == 0 || !utf8_valid(text) || memchr(text.p, 0, text.n)) {
        OPENSSL_cleanse((char *)(uintptr_t)text.p, text.n);
        return CIMF_BAD_REQUEST;
    }
    *user = slice_head(text, colon);
    *password = slice_sub(text, colon + 1);
    return CIMF_OK;
}

bool http_basic_make(struct buf *out, struct slice user, struct slice password)
{
    struct buf text;
    if (memchr(user.n ? user.p : "", ':', user.n)) return false;
    buf_init(&text, 1 << 16);
    bool ok = buf_slice_add(&text, user) && buf_byte(&text, ':') &&
              buf_slice_add(&text, password) && buf_lit(out, "Basic ") &&
              base64_encode(out, buf_slice(&text));
    buf_wipe(&text);
    return ok;
}

void http_auth_offer(const struct http_auth *a, bool tls, struct http_auth_output *out)
{
    if (a->policy->basic && (tls || a->policy->allow_unencrypted)) {
        int n = snprintf(out->text, sizeof out->text, "Basic realm=\"%s\", charset=\"UTF-8\"",
                         a->policy->realm ? a->policy->realm : "WSMAN");
        out->headers[out->header_count++] = (struct http_header){
            SLICE("WWW-Authenticate"),
            slice_of(out->text, n < (int)sizeof out->text ? (size_t)n : sizeof out->text - 1) };
    }
}

static enum http_auth_answer challenge(const struct http_auth *a, const struct http_auth_input *in,
                                       struct http_auth_output *out)
{
    http_auth_offer(a, in->tls, out);
    return HTTP_AUTH_CHALLENGE;
}

static bool same_credentials(struct slice a, struct slice b)
{
    return a.p && a.n == b.n && CRYPTO_memcmp(a.p, b.p, a.n) == 0;
}

static enum http_auth_answer accept(struct http_auth *a, const struct principal *p,
                                    struct slice credentials, uint64_t generation,
                                    struct http_auth_output *out)
{
    char *copy = malloc(credentials.n);
    forget(a);
    a->principal = p;
    a->generation = generation;
    if (copy) {
        memcpy(copy, credentials.p, credentials.n);
        a->credentials = slice_of(copy, credentials.n);
    }
    out->principal = p;
    return HTTP_AUTH_ACCEPTED;
}

static void on_checked(void *arg, cimf_status status, const struct principal *p)
{
    struct http_auth_leg *leg = arg;
    leg->status = status;
    leg->principal = p;
    leg->answered = true;
    if (!leg->auth) leg_free(leg);
    else if (leg->ready) leg->ready(leg->arg);
}

static enum http_auth_answer leg_answer(struct http_auth *a, const struct http_auth_input *in,
                                        struct http_auth_output *out)
{
    struct http_auth_leg *leg = a->leg;
    enum http_auth_answer answer;
    a->leg = NULL;
    if (leg->principal && same_credentials(in->authorization,
                                           slice_of(leg->credentials, leg->credentials_n))) {
        answer = accept(a, leg->principal, in->authorization, leg->generation, out);
        leg->principal = NULL;
    } else if (leg->status == CIMF_NOT_AUTHENTICATED || leg->status == CIMF_OK) {
        answer = challenge(a, in, out);
    } else {
        answer = HTTP_AUTH_BUSY;
    }
    leg_free(leg);
    return answer;
}

/* Asks the broker: its memory first, then the slow way. */
static enum http_auth_answer basic(struct http_auth *a, const struct http_auth_input *in,
                                   struct http_auth_output *out, struct exec *home,
                                   void (*ready)(void *arg), void *arg)
{
    struct arena scratch;
    struct auth_password q = { .address = in->peer, .scheme = AUTH_BASIC };
    enum http_auth_answer answer = HTTP_AUTH_CHALLENGE;
    struct http_auth_leg *leg = NULL;
    arena_init(&scratch, 1 << 18);
    if (http_basic_parse(&scratch, in->authorization, &q.user, &q.password) != CIMF_OK) {
        arena_free(&scratch);
        return challenge(a, in, out);
    }
    uint64_t generation = auth_generation(a->broker);
    const struct principal *p = auth_check_cached(a->broker, &q);
    if (p) {
        answer = accept(a, p, in->authorization, generation, out);
    } else if (!(leg = calloc(1, sizeof *leg + in->authorization.n))) {
        answer = HTTP_AUTH_BUSY;
    } else {
        leg->auth = a;
        leg->arg = arg;
        leg->generation = generation;
        leg->credentials_n = in->authorization.n;
        memcpy(leg->credentials, in->authorization.p, leg->credentials_n);
        a->leg = leg;
        auth_check_password(a->broker, &q, home, on_checked, leg);
        /* A broker without a pool has answered already. */
        answer = leg->answered ? leg_answer(a, in, out) : HTTP_AUTH_PENDING;
        if (answer == HTTP_AUTH_PENDING) leg->ready = ready;
    }
    OPENSSL_cleanse((char *)(uintptr_t)q.user.p, q.user.n + 1 + q.password.n);
    arena_free(&scratch);
    return answer;
}

enum http_auth_answer http_auth_step(struct http_auth *a, const struct http_auth_input *in,
                                     struct http_auth_output *out, struct exec *home,
                                     void (*ready)(void *arg), void *arg)
{
    out->principal = NULL;
    out->header_count = 0;
    out->close = false;
    if (a->leg) return a->leg->answered ? leg_answer(a, in, out) : HTTP_AUTH_PENDING;
    if (!in->authorization.p || in->authorization.n == 0) return challenge(a, in, out);
    if (a->principal && same_credentials(a->credentials, in->authorization) &&
        auth_generation(a->broker) == a->generation) {
        out->principal = a->principal;
        return HTTP_AUTH_ACCEPTED;
    }
    forget(a); /* another Authorization: the old identity goes before anything else happens */
    if (!slice_istarts(in->authorization, SLICE("Basic ")) || !a->policy->basic || !a->broker)
        return challenge(a, in, out);
    if (!in->tls && !a->policy->allow_unencrypted) return HTTP_AUTH_FORBIDDEN;
    return basic(a, in, out, home, ready, arg);
}
