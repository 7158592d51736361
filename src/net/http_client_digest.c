/* The client's part of Digest (RFC 7616): which challenge, the count of a nonce's uses, the server's proof. */
#include <stdio.h>

#include "base/guid.h"
#include "net/http_client_auth_priv.h"

static bool is_sha256(enum digest_algorithm a)
{
    return a == DIGEST_SHA256 || a == DIGEST_SHA256_SESS;
}

static bool random_fill(const struct http_client_auth *a, void *bytes, size_t n)
{
    if (a->config.random) return a->config.random(a->config.arg, bytes, n);
    random_bytes(bytes, n);
    return true;
}

/* What is left of the last challenge is of no use with another nonce. */
static bool settle(struct http_client_auth *a, const struct digest_challenge *c)
{
    struct http_client_digest *d = &a->digest;
    unsigned char raw[16];
    if (!random_fill(a, raw, sizeof raw)) return false;
    for (int i = 0; i < 16; i++) snprintf(d->cnonce + 2 * i, 3, "%02x", raw[i]);
    d->challenge = *c;
    d->known = d->fresh = true;
    d->nc = 0;
    digest_ha1(c->algorithm, a->config.user, c->realm, buf_slice(&a->secret), d->ha1);
    return true;
}

cimf_status http_client_digest_take(struct http_client_auth *a, const struct http_challenges *c,
                                    bool *stale, struct error *e)
{
    struct digest_challenge best = { 0 }, one;
    bool found = false;
    arena_reset(&a->digest.arena);
    a->digest.known = false;
    for (unsigned i = 0; i < c->count; i++) {
        if (!slice_ieq(c->at[i].scheme, SLICE("Digest"))) continue;
        if (digest_challenge_read(&a->digest.arena, c->at[i].rest, &one, e) != CIMF_OK) continue;
        /* The server's order decides among equals, but SHA-256 wins. */
        if (!found || (is_sha256(one.algorithm) && !is_sha256(best.algorithm))) best = one;
        found = true;
    }
    if (!found || !settle(a, &best)) {
        if (e && e->text[0]) e->status = CIMF_PROTOCOL_ERROR;
        else error_set(e, CIMF_PROTOCOL_ERROR, "net", "no Digest challenge of the server can be answered");
        return CIMF_PROTOCOL_ERROR;
    }
    if (e) *e = (struct error)ERROR_INIT;
    *stale = best.stale;
    return CIMF_OK;
}

cimf_status http_client_digest_make(struct http_client_auth *a, const struct http_client_message *m,
                                    struct error *e)
{
    struct http_client_digest *d = &a->digest;
    const struct digest_challenge *c = &d->challenge;
    char ha2[DIGEST_HEX], response[DIGEST_HEX], userhash[DIGEST_HEX];
    snprintf(d->nc_text, sizeof d->nc_text, "%08x", ++d->nc);
    d->sent = (struct digest_response){
        .algorithm = c->algorithm, .username = a->config.user, .realm = c->realm, .nonce = c->nonce,
        .uri = arena_dup(&a->arena, m->target), .opaque = c->opaque, .userhash = c->userhash,
        .qop = c->qop_auth ? DIGEST_QOP_AUTH : c->qop_auth_int ? DIGEST_QOP_AUTH_INT : DIGEST_QOP_NONE,
    };
    if (d->sent.qop != DIGEST_QOP_NONE || c->algorithm == DIGEST_MD5_SESS || c->algorithm == DIGEST_SHA256_SESS) {
        d->sent.cnonce = slice_str(d->cnonce);
    }
    if (d->sent.qop != DIGEST_QOP_NONE) {
        d->sent.nc = d->nc;
        d->sent.nc_text = slice_str(d->nc_text);
    }
    if (c->userhash) {
        digest_userhash(c->algorithm, a->config.user, c->realm, userhash);
        d->sent.username = slice_str(userhash);
    }
    digest_ha2(c->algorithm, d->sent.qop, slice_str(http_method_name(m->method)), m->target, m->body, ha2);
    digest_compute(&d->sent, d->ha1, ha2, response);
    d->sent.response = slice_str(response);
    if (!digest_response_write(&d->sent, &a->header))
        return error_set(e, CIMF_OUT_OF_MEMORY, "net", "no memory for the request");
    d->sent.username = d->sent.response = SLICE_NULL; /* they were of this function */
    return CIMF_OK;
}

cimf_status http_client_digest_check(struct http_client_auth *a, const struct http_client_reply *r,
                                     struct error *e)
{
    struct http_client_digest *d = &a->digest;
    struct slice rest = SLICE_NULL, name, value, proof = SLICE_NULL, next = SLICE_NULL;
    for (unsigned i = 0; i < r->header_count; i++)
        if (slice_ieq(r->headers[i].name, SLICE("Authentication-Info"))) rest = r->headers[i].value;
    while (http_param_next(&rest, &name, &value)) {
        if (slice_ieq(name, SLICE("rspauth"))) proof = value;
        else if (slice_ieq(name, SLICE("nextnonce"))) next = value;
    }
    if (proof.p && d->sent.qop != DIGEST_QOP_NONE) {
        char ha2[DIGEST_HEX], want[DIGEST_HEX];
        digest_ha2(d->sent.algorithm, d->sent.qop, SLICE(""), d->sent.uri, r->body, ha2);
        digest_compute(&d->sent, d->ha1, ha2, want);
        if (proof.n != strlen(want) || !mech_equal(proof.p, want, proof.n)) {
            d->known = false;
            return error_set(e, CIMF_PROTOCOL_ERROR, "net", "the server cannot prove that it knows the password");
        }
    }
    if (next.n && next.n <= 1024 && slice_find(next, '\\') == next.n) {
        struct digest_challenge c = d->challenge;
        c.nonce = arena_dup(&d->arena, next);
        if (!c.nonce.p || !settle(a, &c)) d->known = false; /* the next message asks for one again */
        d->fresh = false;
    }
    return CIMF_OK;
}
