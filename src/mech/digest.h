/*
 * mech/digest.h - HTTP Digest (RFC 7616, RFC 2617, MD5-sess as Windows clients send it): the calculation and
 * the header texts, both roles. Pure. Nonces and who may log in are others' business.
 */
#ifndef MECH_DIGEST_H
#define MECH_DIGEST_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/status.h"

enum digest_algorithm { DIGEST_MD5, DIGEST_MD5_SESS, DIGEST_SHA256, DIGEST_SHA256_SESS, DIGEST_ALGORITHMS };
#define DIGEST_HEX 65 /* longest hexadecimal hash and NUL */

enum digest_qop { DIGEST_QOP_NONE /* RFC 2069 form of RFC 2617 */, DIGEST_QOP_AUTH, DIGEST_QOP_AUTH_INT };

/* An Authorization header's parameters. Texts in the arena, unescaped. */
struct digest_response {
    enum digest_algorithm algorithm;
    enum digest_qop qop;
    struct slice username, realm, nonce, uri, response, cnonce, opaque;
    uint32_t nc;
    struct slice nc_text;  /* 8 hexadecimal digits, as sent: it is hashed */
    bool userhash;         /* username is H(username:realm) */
};
/* value: the header value behind "Digest ". Refuses unknown algorithms, repeated and missing parameters, values
 * over their bounds, and username* that is not UTF-8. CIMF_BAD_REQUEST names the parameter. */
cimf_status digest_response_read(struct arena *a, struct slice value, struct digest_response *out,
                                 struct error *e);
bool digest_response_write(const struct digest_response *r, struct buf *out); /* "Digest username=..." */

/* A WWW-Authenticate challenge. */
struct digest_challenge {
    enum digest_algorithm algorithm;
    struct slice realm, nonce, opaque;
    bool qop_auth, qop_auth_int, stale, userhash, utf8;
};
cimf_status digest_challenge_read(struct arena *a, struct slice value, struct digest_challenge *out,
                                  struct error *e);
bool digest_challenge_write(const struct digest_challenge *c, struct buf *out);

/* H(user:realm:password): what the accounts keep (not the -sess form). */
void digest_ha1(enum digest_algorithm algorithm, struct slice user, struct slice realm,
                struct slice password, char out[DIGEST_HEX]);
/* H(user:realm). */
void digest_userhash(enum digest_algorithm algorithm, struct slice user, struct slice realm,
                     char out[DIGEST_HEX]);
/* H(method:uri) or, for auth-int, H(method:uri:H(body)). method "" gives the A2 of rspauth. */
void digest_ha2(enum digest_algorithm algorithm, enum digest_qop qop, struct slice method,
                struct slice uri, struct slice body, char out[DIGEST_HEX]);
/* The response (or rspauth) for an ha1 as digest_ha1 gives it; applies -sess itself. */
void digest_compute(const struct digest_response *r, const char *ha1, const char *ha2,
                    char out[DIGEST_HEX]);

#endif
