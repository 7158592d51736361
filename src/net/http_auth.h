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

struct http_auth_leg;

struct http_auth { /* zeroed by http_auth_init; the members are its own */
    const struct http_auth_policy *policy;
    struct auth_broker *broker;
    const struct principal *principal; /* of the connection, NULL before success */
    struct slice credentials;          /* Authorization value that proved it; heap, wiped */
    uint64_t generation;               /* of the accounts, when it was proved */
    struct http_auth_leg *leg;         /* the question to the broker that is under way */
};

/* What a step may look at; borrowed for the step. */
struct http_auth_input {
    struct slice authorization;        /* header value; p == NULL: no such header */
    struct slice peer;                 /* address text */
    bool tls;
};

enum http_auth_answer {
    HTTP_AUTH_ACCEPTED,  /* principal is set */
    HTTP_AUTH_CHALLENGE, /* 401 with the challenge headers */
    HTTP_AUTH_FORBIDDEN, /* 403: the credentials came in the clear and may not */
    HTTP_AUTH_BUSY,      /* 503: too many attempts wait */
    HTTP_AUTH_PENDING,   /* ready(arg) comes on home; then step again with the same input */
};

#define HTTP_AUTH_HEADERS 8
struct http_auth_output {
    const struct principal *principal;  /* borrowed from the state */
    struct http_header headers[HTTP_AUTH_HEADERS]; /* WWW-Authenticate; also the final leg of an accepted one */
    unsigned header_count;
    char text[256];                     /* where header values may be kept */
    bool close;                         /* the connection ends after this answer */
};

void http_auth_init(struct http_auth *a, const struct http_auth_policy *policy,
                    struct auth_broker *broker);
/* Also ends a pending question: ready will not be called any more. */
void http_auth_free(struct http_auth *a);
enum http_auth_answer http_auth_step(struct http_auth *a, const struct http_auth_input *in,
                                     struct http_auth_output *out, struct exec *home,
                                     void (*ready)(void *arg), void *arg);
/* Adds the challenge headers of the schemes that this connection may use. */
void http_auth_offer(const struct http_auth *a, bool tls, struct http_auth_output *out);

/* "Basic <base64 of user:password>" (RFC 7617, UTF-8). CIMF_AUTH_SCHEME if it is another scheme,
 * CIMF_BAD_REQUEST if it is malformed. The parts are in the arena: wipe it. */
cimf_status http_basic_parse(struct arena *a, struct slice authorization, struct slice *user,
                             struct slice *password);
/* For clients: the header value. */
bool http_basic_make(struct buf *out, struct slice user, struct slice password);

#endif
