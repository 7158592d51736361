/* net/http_client_auth_priv.h - what the files of the client's authentication share. */
#ifndef NET_HTTP_CLIENT_AUTH_PRIV_H
#define NET_HTTP_CLIENT_AUTH_PRIV_H

#include "mech/digest.h"
#include "mech/mech.h"
#include "net/http_challenge.h"
#include "net/http_client_auth.h"
#include "net/http_protect.h"

/* A challenge of the Digest scheme, and what was made of it. */
struct http_client_digest {
    struct arena arena;                /* the challenge's texts and cnonce */
    struct digest_challenge challenge;
    bool known;                        /* there is a challenge */
    bool fresh;                        /* it was not used before this message */
    char cnonce[33];
    char ha1[DIGEST_HEX];
    char nc_text[9];
    uint32_t nc;
    struct digest_response sent;       /* the last request; its uri is the machine's copy */
};

enum http_client_auth_state {
    HTTP_CLIENT_AUTH_FRESH,   /* nothing is agreed on this connection */
    HTTP_CLIENT_AUTH_SHAKING, /* a token was sent, its answer is awaited */
    HTTP_CLIENT_AUTH_READY,   /* the connection is logged in */
};

struct http_client_auth {
    struct http_client_auth_config config; /* its texts are in `texts`, the password in `secret` */
    struct arena texts;
    struct buf secret;
    enum http_login login;             /* in use: a fallback may have changed it */
    enum http_client_auth_state state;
    struct mech *mech;                 /* NEGOTIATE, KERBEROS; CREDSSP's is its own */
    struct credssp *credssp;
    bool shaken;                       /* the server answered a token of this context */
    bool pushed;                       /* an answer without a token was taken as one, which happens once */
    bool done;                         /* our side of the context is complete */
    struct slice bindings;             /* in binding_text; n == 0: none */
    char binding_text[96];
    struct arena arena;                /* of one request and its reply */
    struct buf token;                  /* for the next leg; wiped */
    struct buf header;                 /* Authorization; wiped */
    struct buf body;                   /* sealed */
    unsigned legs, restarts;           /* in this message */
    bool plain;                        /* the request that is out was the message itself */
    struct http_client_digest digest;
    char name[48];
};

/* http_client_context.c: begins the context of the login in use and puts its first token into a->token. */
cimf_status http_client_context_start(struct http_client_auth *a, struct error *e);
/* The server's token in, ours out (a->token). */
enum mech_result http_client_context_step(struct http_client_auth *a, struct slice token,
                                          struct error *e);

void http_client_context_drop(struct http_client_auth *a);
struct http_protect http_client_context_protect(const struct http_client_auth *a);

/* http_client_digest.c */
/* Takes the best of the challenges. CIMF_PROTOCOL_ERROR: none of them can be read or computed. */
cimf_status http_client_digest_take(struct http_client_auth *a, const struct http_challenges *c,
                                    bool *stale, struct error *e);
/* The header value for the message, into a->header. */
cimf_status http_client_digest_make(struct http_client_auth *a, const struct http_client_message *m,
                                    struct error *e);
/* The server's proof (Authentication-Info), where it gives one. CIMF_PROTOCOL_ERROR: it is wrong. */
cimf_status http_client_digest_check(struct http_client_auth *a, const struct http_client_reply *r,
                                     struct error *e);

#endif
