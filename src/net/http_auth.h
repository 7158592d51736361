/*
 * net/http_auth.h - who speaks on this connection: a machine without I/O, one per connection. Each request
 * head is one step; a step accepts, challenges, or waits for the broker (the connection stops meanwhile and
 * steps again when told). Schemes of several legs and schemes that protect bodies keep their context here:
 * the state dies with the connection, never moves to another, and a new Authorization header on a
 * connection that already has an identity drops that identity first.
 */
#ifndef NET_HTTP_AUTH_H
#define NET_HTTP_AUTH_H

#include "auth/broker.h"
#include "base/buf.h"
#include "net/http.h"
#include "net/http_protect.h"

struct http_auth_leg;
struct http_auth_context;
struct tls;

struct http_auth { /* zeroed by http_auth_init; the members are its own */
    const struct http_auth_policy *policy;
    struct auth_broker *broker;
    const struct principal *principal; /* of the connection, NULL before success */
    struct slice credentials;          /* Authorization value that proved it; heap, wiped. NULL: the context did */
    uint64_t generation;               /* of the accounts, when it was proved */
    int64_t until_us;                  /* the credentials are asked about again then; INT64_MAX: when accounts change */
    unsigned epoch;                    /* of the policy that was looked at last */
    struct http_auth_leg *leg;         /* the question to the broker that is under way */
    struct http_auth_context *context; /* Negotiate, Kerberos, CredSSP: under way, or what protects bodies */
};

/* What a step may look at; borrowed for the step. */
struct http_auth_input {
    struct slice authorization;        /* header value; p == NULL: no such header */
    struct slice peer;                 /* address text */
    struct slice method, target;       /* as sent: Digest hashes them */
    struct slice body;                 /* after HTTP_AUTH_BODY */
    bool has_body;                     /* body is there, even if empty */
    bool tls;
    bool persistent;                   /* another request may follow on this connection */
    struct tls *channel;               /* of a connection with TLS (tests: may be NULL) */
};

enum http_auth_answer {
    HTTP_AUTH_ACCEPTED,  /* principal is set */
    HTTP_AUTH_CHALLENGE, /* 401 with the challenge headers */
    HTTP_AUTH_FORBIDDEN, /* 403: the credentials came in the clear and may not */
    HTTP_AUTH_BUSY,      /* 503: too many attempts wait */
    HTTP_AUTH_PENDING,   /* ready(arg) comes on home; then step again with the same input */
    HTTP_AUTH_BODY,      /* read the body and step again with it: these credentials cover it */
};

#define HTTP_AUTH_HEADERS 8
struct http_auth_output {
    const struct principal *principal;  /* borrowed from the state */
    struct http_header headers[HTTP_AUTH_HEADERS]; /* of the answer: challenges; of an accepted request's reply: the
                                           last leg, rspauth. Borrowed until the next step */
    unsigned header_count;
    unsigned text_n;
    char text[1024];                    /* where header values may be kept */
    bool close;                         /* the connection ends after this answer */
};

void http_auth_init(struct http_auth *a, const struct http_auth_policy *policy,
                    struct auth_broker *broker);
/* Also ends a pending question: ready will not be called any more. */
void http_auth_free(struct http_auth *a);
enum http_auth_answer http_auth_step(struct http_auth *a, const struct http_auth_input *in,
                                     struct http_auth_output *out, struct exec *home,
                                     void (*ready)(void *arg), void *arg);
/* Adds the challenge headers of the schemes that this connection may use, strong ones first. */
void http_auth_offer(const struct http_auth *a, bool tls, struct slice peer, struct http_auth_output *out);
/* What protects bodies on this connection from now on; false: nothing does. */
bool http_auth_protection(const struct http_auth *a, struct http_protect *out);

/* "Basic <base64 of user:password>" (RFC 7617, UTF-8). CIMF_AUTH_SCHEME if it is another scheme,
 * CIMF_BAD_REQUEST if it is malformed. The parts are in the arena: wipe it. */
cimf_status http_basic_parse(struct arena *a, struct slice authorization, struct slice *user,
                             struct slice *password);
/* For clients: the header value. */
bool http_basic_make(struct buf *out, struct slice user, struct slice password);

#endif
