/* mech/credssp_priv.h - what both roles of CredSSP share. */
#ifndef MECH_CREDSSP_PRIV_H
#define MECH_CREDSSP_PRIV_H

#include "base/limits.h"
#include "mech/credssp.h"
#include "mech/credssp_request.h"
#include "mech/credssp_tls.h"

enum { CREDSSP_OLDEST = 2, CREDSSP_HASHED = 5, CREDSSP_NEWEST = 6 };
enum { CREDSSP_LEGS = 24, CREDSSP_BYTES = 4 * LIMIT_MECH_TOKEN }; /* of one authentication */

enum credssp_state {
    CREDSSP_SHAKE,       /* the TLS handshake runs */
    CREDSSP_READY,       /* client: its last handshake bytes are out, its first request follows */
    CREDSSP_TOKENS,      /* SPNEGO inside */
    CREDSSP_ASKED,       /* server: the inner mechanism has a token */
    CREDSSP_KEY,         /* server: pubKeyAuth is due; client: the answer to it */
    CREDSSP_CREDENTIALS, /* server: authInfo is due */
    CREDSSP_OVER,        /* COMPLETE */
    CREDSSP_DEAD,
};

enum { /* MS-ERREF 2.3.1 */
    NTSTATUS_INVALID_PARAMETER = 0xC000000D,
    NTSTATUS_ACCESS_DENIED = 0xC0000022,
    NTSTATUS_LOGON_FAILURE = 0xC000006D,
    NTSTATUS_NOT_SUPPORTED = 0xC00000BB,
};

struct credssp {
    enum mech_side side;
    enum credssp_state state;
    struct credssp_tls tls;
    bool bare; /* tests: requests travel without TLS */
    unsigned min_version, max_version;
    unsigned peer_version; /* as it says; 0: it has not spoken */
    unsigned legs;
    size_t bytes; /* received so far */
    struct mech *inner;
    struct buf key;   /* SubjectPublicKey of the server */
    struct buf plain; /* the peer's last request, decrypted; `held` points into it */
    struct credssp_request held; /* server: the request whose token is with the inner mechanism */
    unsigned char nonce[CREDSSP_NONCE]; /* client */
    bool (*random)(void *arg, void *bytes, size_t n);
    void *random_arg;
    struct buf secret; /* domain, user, password in UTF-8, one after the other */
    size_t domain_n, user_n;
};

cimf_status credssp_new(enum mech_side side, unsigned min_version, unsigned max_version,
                        struct credssp **out, struct error *e);
/* 0 takes the default. */
bool credssp_versions(unsigned *min_version, unsigned *max_version);

/* Both set e, wipe what is secret and answer CREDSSP_FAILED. credssp_refuse also tells the peer, if it is of a
 * version that wants to know. */
enum credssp_result credssp_fail(struct credssp *c, struct error *e, cimf_status status,
                                 const char *text);
enum credssp_result credssp_refuse(struct credssp *c, struct buf *out, uint32_t ntstatus,
                                   struct error *e, cimf_status status, const char *text);
/* For errors that are set already. */
enum credssp_result credssp_dead(struct credssp *c);

/* What is spoken: the smaller one of both sides. */
unsigned credssp_version(const struct credssp *c);
/* Notes the version of a request; false if it changed meanwhile. */
bool credssp_note_version(struct credssp *c, const struct credssp_request *r);
/* Our version is filled in. */
bool credssp_send(struct credssp *c, struct credssp_request *r, struct buf *out);
/* Signature and sealed bytes, appended. */
bool credssp_seal(struct mech *m, struct slice text, struct buf *out);
/* sealed is part of c->plain and is decrypted in place. */
cimf_status credssp_unseal(struct credssp *c, struct mech *m, struct slice sealed, struct slice *text,
                           struct error *e);
/* What pubKeyAuth carries in one direction, sealed: nonce counts from version CREDSSP_HASHED on. */
bool credssp_binding(const struct credssp *c, bool to_server, const char *nonce, struct buf *out);

/* One decrypted message (client: SLICE_NULL at the start). */
enum credssp_result credssp_server_message(struct credssp *c, struct buf *out, struct slice *ask,
                                           struct error *e);
enum credssp_result credssp_client_message(struct credssp *c, bool first, struct buf *out,
                                           struct error *e);

#endif
