/*
 * mech/credssp_request.h - the messages of CredSSP (MS-CSSP 2.2) in DER: TSRequest, and the TSCredentials inside
 * its authInfo. Decoders beside encoders; pure. Decoded slices point into the input.
 */
#ifndef MECH_CREDSSP_REQUEST_H
#define MECH_CREDSSP_REQUEST_H

#include "base/buf.h"
#include "base/status.h"

#define CREDSSP_NONCE 32

/* p NULL: the field is absent. */
struct credssp_request {
    uint32_t version;
    struct slice token;      /* negoTokens: there is never more than one */
    struct slice auth_info;  /* sealed TSCredentials */
    struct slice public_key; /* pubKeyAuth, sealed */
    struct slice nonce;      /* clientNonce; CREDSSP_NONCE bytes */
    uint32_t error;          /* errorCode, an NTSTATUS; 0: absent */
};
/* CIMF_BAD_REQUEST names the field. */
cimf_status credssp_request_read(struct slice bytes, struct credssp_request *out, struct error *e);
bool credssp_request_write(struct buf *out, const struct credssp_request *r);

enum credssp_kind {
    CREDSSP_PASSWORD = 1,
    CREDSSP_SMART_CARD = 2,
    CREDSSP_REMOTE_GUARD = 6,
};
/* Texts are UTF-16LE as sent; empty for other kinds than CREDSSP_PASSWORD, of which only the form is checked. */
struct credssp_credentials {
    enum credssp_kind kind;
    struct slice domain, user, password;
};
#define CREDSSP_CREDENTIAL_MAX 4096 /* bytes of each text in UTF-16 */
cimf_status credssp_credentials_read(struct slice bytes, struct credssp_credentials *out,
                                     struct error *e);
/* Of a password; texts in UTF-8. False: not UTF-8, too long, or no memory. Room is taken before the first secret
 * byte, so wiping the buffer leaves nothing behind. */
bool credssp_credentials_write(struct buf *out, struct slice domain, struct slice user,
                               struct slice password);

#endif
