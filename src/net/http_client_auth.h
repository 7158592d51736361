/*
 * net/http_client_auth.h - how a client proves who it is and keeps what it says to itself: a machine without
 * I/O, one per session. Messages go in as they are meant, requests come out as they are sent; replies go in as
 * they came, and come out as they are meant.
 *
 *     http_client_auth_begin(a)                     a new message
 *     for (;;) {
 *         http_client_auth_connected(a, end_point)  each time that the connection is a new one
 *         http_client_auth_next(a, message, &request)    -> send the request, read the reply
 *         http_client_auth_reply(a, reply, &meant)       -> DELIVER, AGAIN (the loop goes on) or FAILED
 *     }
 *
 * Schemes that are bound to the connection (Negotiate, Kerberos, CredSSP) log in with empty POSTs first, as
 * WinRM's clients do; the message itself goes out only behind the last leg, sealed (net/http_protect.h) unless
 * TLS protects it. A login that the server has forgotten (401) is made again, once a message: a message that
 * was answered 401 was not acted on.
 *
 * This machine does not know which hosts are trusted: whoever makes it says which ways are open (client/policy).
 * What it never does by itself: send a password to a server that did not ask for it in that way, fall back to a
 * weaker scheme while the server offers another one, or take an answer without protection where there is
 * protection.
 */
#ifndef NET_HTTP_CLIENT_AUTH_H
#define NET_HTTP_CLIENT_AUTH_H

#include "net/http.h"
#include "net/http_client.h"

enum http_login {
    HTTP_LOGIN_NONE,        /* nothing is sent for it */
    HTTP_LOGIN_BASIC,       /* with the first message already */
    HTTP_LOGIN_DIGEST,      /* asks for a challenge first */
    HTTP_LOGIN_NEGOTIATE,
    HTTP_LOGIN_KERBEROS,    /* the scheme of that name; where only Negotiate is offered, Kerberos inside that */
    HTTP_LOGIN_CREDSSP,
    HTTP_LOGIN_CERTIFICATE, /* the TLS client certificate; the header value that says so */
};

struct http_client_auth_config {
    enum http_login login;
    bool ntlm, kerberos;       /* what NEGOTIATE and CREDSSP may use inside; in doubt Kerberos comes first */
    bool ticket;               /* Kerberos: the credential cache has one of this user; else the password gets one */
    bool basic_fallback;       /* NEGOTIATE: Basic when the server offers that and nothing else */
    bool tls;                  /* the connection protects the messages */
    bool allow_unencrypted;    /* answers without protection are taken */
    bool delegate;             /* Kerberos: forward the ticket */
    struct slice host;         /* of the service's name, HTTP/host */
    struct slice user;         /* DOMAIN\name, name@realm, .\name, name; UTF-8 */
    struct slice password;
    const char *ccache;        /* NULL: the user's default */
    /* Tests; NULL: the kernel's. As in mech_options. */
    bool (*random)(void *arg, void *bytes, size_t n);
    int64_t (*now)(void *arg);
    void *arg;
};

struct http_client_auth;
/* Copies everything; secrets are wiped at the end. Talks to nobody. CIMF_INVALID_PARAMETER: a user that the
 * scheme cannot carry, or none where one is needed. */
cimf_status http_client_auth_new(const struct http_client_auth_config *config,
                                 struct http_client_auth **out, struct error *e);
void http_client_auth_free(struct http_client_auth *a);

struct http_client_message {
    enum http_method method;
    struct slice target;
    const struct http_header *headers; /* no Authorization; Content-Type may be replaced */
    unsigned header_count;
    struct slice body;
};

/* A message begins: the bounds on the number of legs start anew. */
void http_client_auth_begin(struct http_client_auth *a);
/* The connection is new: what was bound to the last one is gone. end_point: the hash of
 * http_client_end_point, n == 0 without TLS. */
void http_client_auth_connected(struct http_client_auth *a, struct slice end_point);
/* What to send now for this message; lives until the next call. May block when a Kerberos ticket is asked for
 * (first leg). CIMF_NOT_AUTHENTICATED: no ticket, and nothing else is open; CIMF_CONNECTION_LOST: the server ends
 * the connection in the middle of every login. */
cimf_status http_client_auth_next(struct http_client_auth *a, const struct http_client_message *m,
                                  struct http_client_message *out, struct error *e);

enum http_client_auth_answer {
    HTTP_CLIENT_AUTH_DELIVER, /* *out is the answer to the message */
    HTTP_CLIENT_AUTH_AGAIN,   /* ask for the next request */
    HTTP_CLIENT_AUTH_FAILED,  /* e; the connection is of no use any more */
};
/* A whole reply to the last request. Its body may be overwritten. *out lives until the next call; its body has
 * a 0 behind. Failures: CIMF_AUTH_SCHEME (the text names what the server offers), CIMF_NOT_AUTHENTICATED,
 * CIMF_PROTOCOL_ERROR (protection missing or broken, tokens that are none). */
enum http_client_auth_answer http_client_auth_reply(struct http_client_auth *a,
                                                    const struct http_client_reply *in,
                                                    struct http_client_reply *out, struct error *e);
/* "Negotiate (NTLM)", "Basic": how the last login was made, for people. */
const char *http_client_auth_name(const struct http_client_auth *a);

#endif
