/*
 * net/http_auth_priv.h - between the machine (http_auth.c) and the schemes, one file each.
 */
#ifndef NET_HTTP_AUTH_PRIV_H
#define NET_HTTP_AUTH_PRIV_H

#include "net/http_auth.h"
#include "net/tls.h"

/* Who is told when a question has its answer. */
struct http_auth_wait {
    struct exec *home;
    void (*ready)(void *arg);
    void *arg;
};

struct http_auth_scheme {
    const char *name;    /* first word of the header values, compared without case */
    bool connection;     /* its state is the connection's; a value without a token counts as no header */
    bool plain;          /* over plain HTTP only where plain bodies are allowed */
    bool (*enabled)(const struct http_auth *a, bool tls);
    /* NULL: it is not announced. */
    void (*offer)(const struct http_auth *a, struct slice peer, struct http_auth_output *out);
    /* token: what stands behind the scheme's name. */
    enum http_auth_answer (*step)(struct http_auth *a, const struct http_auth_input *in, struct slice token,
                                  struct http_auth_output *out, const struct http_auth_wait *wait);
};
extern const struct http_auth_scheme http_auth_negotiate, http_auth_kerberos, http_auth_ntlm, http_auth_credssp,
    http_auth_digest, http_auth_basic, http_auth_certificate;

/* A question to the broker. It outlives the connection when that ends first. */
struct http_auth_leg {
    struct http_auth *auth;     /* NULL: nobody waits any more */
    void (*ready)(void *arg);
    void *arg;
    bool answered;
    cimf_status status;
    const struct principal *principal;
    uint64_t generation;
    /* After the answer, in the step that it is for. */
    enum http_auth_answer (*conclude)(struct http_auth *a, struct http_auth_leg *leg,
                                      const struct http_auth_input *in, struct http_auth_output *out);
    char rspauth[DIGEST_HEX];   /* Digest; may be empty */
    size_t credentials_n;
    char credentials[];         /* the header value that was asked about */
};
/* A new leg, the connection's; NULL: no memory. */
struct http_auth_leg *http_auth_leg_new(struct http_auth *a, struct slice credentials);
void http_auth_leg_told(void *arg, cimf_status status, const struct principal *p); /* an auth_done */
/* Right after the question was asked. A broker without a pool has answered already. */
enum http_auth_answer http_auth_leg_wait(struct http_auth *a, const struct http_auth_input *in,
                                         struct http_auth_output *out, const struct http_auth_wait *wait);
/* leg->conclude for credentials that prove every request by themselves: kept, so that the same value is not
 * asked about again. */
enum http_auth_answer http_auth_keep(struct http_auth *a, struct http_auth_leg *leg, const struct http_auth_input *in,
                                     struct http_auth_output *out);
/* Takes the reference. credentials: kept, if not NULL. */
enum http_auth_answer http_auth_accept(struct http_auth *a, const struct principal *p, struct slice credentials,
                                       uint64_t generation, struct http_auth_output *out);
enum http_auth_answer http_auth_challenge(const struct http_auth *a, const struct http_auth_input *in,
                                          struct http_auth_output *out);
void http_auth_header(struct http_auth_output *out, struct slice name, struct slice value);

/* Negotiate, Kerberos and CredSSP on their way, and after it. */
struct http_auth_context {
    const struct http_auth_scheme *scheme;
    struct http_auth *auth;
    enum http_protect_kind kind;
    struct auth_exchange *exchange;
    struct mech *mech;
    struct credssp *credssp;
    const struct principal *principal; /* of a finished exchange; one reference until the connection has it */
    uint64_t generation;
    struct buf token;                  /* for the peer */
    struct buf value;                  /* "Negotiate <token>" */
    bool pending, established;
    bool asks;                         /* CredSSP: the exchange's answer goes to it */
    enum mech_result result;
    cimf_status status;
    void (*ready)(void *arg);
    void *arg;
};
struct http_auth_context *http_auth_context_new(struct http_auth *a, const struct http_auth_scheme *scheme,
                                                enum http_protect_kind kind);
void http_auth_context_free(struct http_auth_context *x); /* NULL is fine */
/* One leg of the exchange, which is begun when there is none. False: it cannot be. The answer is in x, now or
 * (pending) when wait is told. */
bool http_auth_context_ask(struct http_auth_context *x, enum auth_mechanism mechanism, const struct http_auth_input *in,
                           struct slice token, const struct http_auth_wait *wait);
/* The leg's answer is in x: what to say. */
enum http_auth_answer http_auth_context_conclude(struct http_auth *a, const struct http_auth_input *in,
                                                 struct http_auth_output *out);
enum http_auth_answer http_auth_credssp_go_on(struct http_auth *a, const struct http_auth_input *in,
                                              struct http_auth_output *out);

#endif
