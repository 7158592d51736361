/*
 * mech/credssp_tls.h - the TLS session inside CredSSP's tokens: OpenSSL over memory. No session is ever resumed, no
 * ticket issued, no client certificate asked for (MS-CSSP 3.1.5), and the server's certificate is not judged:
 * its key is bound to the authentication inside.
 */
#ifndef MECH_CREDSSP_TLS_H
#define MECH_CREDSSP_TLS_H

#include <openssl/ssl.h>

#include "base/buf.h"
#include "base/status.h"

struct credssp_tls {
    SSL *ssl; /* owns the two memories */
    BIO *in, *out;
    bool shaken; /* the handshake is over */
};

/* Settings of one role. certificate and key: PEM files, or NULL. */
cimf_status credssp_tls_context(bool server, const char *certificate, const char *key,
                                SSL_CTX **out, struct error *e);
/* Gives the context a self-signed RSA certificate made now. No file is touched. */
cimf_status credssp_tls_self_signed(SSL_CTX *ctx, struct error *e);

cimf_status credssp_tls_open(struct credssp_tls *t, SSL_CTX *ctx, bool server, struct error *e);
void credssp_tls_close(struct credssp_tls *t);
/* Takes a token of the handshake and goes on with it; sets shaken at its end. */
cimf_status credssp_tls_shake(struct credssp_tls *t, struct slice token, struct error *e);
/* Takes whole records (those left from credssp_tls_shake too) and appends what they carry. */
cimf_status credssp_tls_read(struct credssp_tls *t, struct slice records, struct buf *text,
                             struct error *e);
/* Makes records of text; they wait for credssp_tls_flush. */
cimf_status credssp_tls_write(struct credssp_tls *t, struct slice text, struct error *e);
/* Appends everything that waits to be sent, alerts too. */
bool credssp_tls_flush(struct credssp_tls *t, struct buf *out);
/* SubjectPublicKey of the server's certificate: the content of its BIT STRING. */
cimf_status credssp_tls_key(const struct credssp_tls *t, bool server, struct buf *key,
                            struct error *e);
/* Bytes behind the ciphertext in the last of these records, which holds text_n bytes. */
size_t credssp_tls_trailer(const struct credssp_tls *t, struct slice records, size_t text_n);

#endif
