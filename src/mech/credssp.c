/* What both roles share: the session, its TLS, sealing under the inner mechanism, the binding of both. */
#include "mech/credssp_priv.h"

#include <nettle/sha2.h>
#include <stdlib.h>

bool credssp_versions(unsigned *min_version, unsigned *max_version)
{
    if (*max_version == 0) *max_version = CREDSSP_NEWEST;
    if (*min_version == 0) *min_version = CREDSSP_HASHED;
    return *min_version >= CREDSSP_OLDEST && *min_version <= *max_version &&
           *max_version <= CREDSSP_NEWEST;
}

cimf_status credssp_new(enum mech_side side, unsigned min_version, unsigned max_version,
                        struct credssp **out, struct error *e)
{
    struct credssp *c = calloc(1, sizeof *c);
    *out = c;
    if (!c) return error_set(e, CIMF_OUT_OF_MEMORY, "credssp", "no memory");
    c->side = side;
    c->min_version = min_version;
    c->max_version = max_version;
    buf_init(&c->key, 16384);
    buf_init(&c->plain, LIMIT_MECH_TOKEN + 1024);
    buf_init(&c->secret, 0);
    return CIMF_OK;
}

void credssp_forget(struct credssp *c)
{
    buf_wipe(&c->secret);
    c->domain_n = c->user_n = 0;
}

void credssp_free(struct credssp *c)
{
    if (!c) return;
    credssp_forget(c);
    credssp_tls_close(&c->tls);
    mech_free(c->inner);
    buf_free(&c->key);
    buf_wipe(&c->plain);
    explicit_bzero(c->nonce, sizeof c->nonce);
    free(c);
}

enum credssp_result credssp_dead(struct credssp *c)
{
    c->state = CREDSSP_DEAD;
    memset(&c->held, 0, sizeof c->held);
    credssp_forget(c);
    buf_wipe(&c->plain);
    return CREDSSP_FAILED;
}

enum credssp_result credssp_fail(struct credssp *c, struct error *e, cimf_status status,
                                 const char *text)
{
    error_set(e, status, "credssp", "%s", text);
    return credssp_dead(c);
}

enum credssp_result credssp_refuse(struct credssp *c, struct buf *out, uint32_t ntstatus,
                                   struct error *e, cimf_status status, const char *text)
{
    /* Version 2 has no errorCode and version 5 is version 2 repaired (MS-CSSP 2.2.1). */
    unsigned version = credssp_version(c);
    struct credssp_request r = { .error = ntstatus };
    if (version >= 3 && version != CREDSSP_HASHED) credssp_send(c, &r, out);
    return credssp_fail(c, e, status, text);
}

unsigned credssp_version(const struct credssp *c)
{
    return c->peer_version < c->max_version ? c->peer_version : c->max_version;
}

bool credssp_note_version(struct credssp *c, const struct credssp_request *r)
{
    if (c->peer_version == 0) c->peer_version = r->version;
    return c->peer_version == r->version;
}

bool credssp_send(struct credssp *c, struct credssp_request *r, struct buf *out)
{
    struct buf b;
    buf_init(&b, LIMIT_MECH_TOKEN);
    r->version = c->max_version;
    bool good = credssp_request_write(&b, r);
    if (good && c->bare) good = buf_slice_add(out, buf_slice(&b));
    if (good && !c->bare)
        good = credssp_tls_write(&c->tls, buf_slice(&b), NULL) == CIMF_OK &&
               credssp_tls_flush(&c->tls, out);
    buf_wipe(&b);
    return good;
}

bool credssp_seal(struct mech *m, struct slice text, struct buf *out)
{
    size_t signature = 0, padding = 0, mark = out->n;
    mech_seal_sizes(m, text.n, &signature, &padding);
    unsigned char *p = (unsigned char *)buf_reserve(out, signature + text.n + padding);
    if (!p || signature == 0) return false;
    memset(p, 0, signature + text.n + padding);
    memcpy(p + signature, text.p, text.n);
    struct mech_part parts[] = { { MECH_PART_SEAL, p + signature, text.n },
                                 { MECH_PART_PAD, p + signature + text.n, padding } };
    buf_added(out, signature + text.n + padding);
    if (mech_seal(m, parts, padding ? 2 : 1, p) == CIMF_OK) return true;
    explicit_bzero(out->p + mark, out->n - mark);
    buf_cut(out, mark);
    return false;
}

cimf_status credssp_unseal(struct credssp *c, struct mech *m, struct slice sealed, struct slice *text,
                           struct error *e)
{
    size_t signature = m->ops->signature_size(m, true);
    if (signature == 0 || sealed.n < signature)
        return error_set(e, CIMF_BAD_REQUEST, "credssp", "sealed bytes are cut");
    char *p = c->plain.p + (sealed.p - c->plain.p); /* ours: may be written */
    struct mech_part part = { MECH_PART_SEAL, (unsigned char *)p + signature, sealed.n - signature };
    if (mech_unseal(m, &part, 1, slice_of(p, signature)) != CIMF_OK)
        return error_set(e, CIMF_ACCESS_DENIED, "credssp", "sealed bytes were changed on their way");
    *text = slice_of((char *)part.p, part.n);
    return CIMF_OK;
}

bool credssp_binding(const struct credssp *c, bool to_server, const char *nonce, struct buf *out)
{
    static const char magic[2][39] = { "CredSSP Server-To-Client Binding Hash",
                                       "CredSSP Client-To-Server Binding Hash" };
    if (c->key.n == 0) return false;
    if (credssp_version(c) < CREDSSP_HASHED) {
        size_t mark = out->n;
        if (!buf_slice_add(out, buf_slice(&c->key))) return false;
        if (!to_server) out->p[mark]++;
        return true;
    }
    struct sha256_ctx sha;
    unsigned char hash[SHA256_DIGEST_SIZE];
    sha256_init(&sha);
    sha256_update(&sha, strlen(magic[to_server]) + 1, (const uint8_t *)magic[to_server]);
    sha256_update(&sha, CREDSSP_NONCE, (const uint8_t *)nonce);
    sha256_update(&sha, c->key.n, (const uint8_t *)c->key.p);
    sha256_digest(&sha, sizeof hash, hash);
    return buf_add(out, hash, sizeof hash);
}

/* ------------------------------------------------------------------------------- steps */

static enum credssp_result message(struct credssp *c, bool first, struct buf *out, struct slice *ask,
                                   struct error *e)
{
    return c->side == MECH_SERVER ? credssp_server_message(c, out, ask, e)
                                  : credssp_client_message(c, first, out, e);
}

/* A token of the handshake. Behind its end may come the client's first request. */
static enum credssp_result shake(struct credssp *c, struct slice token, struct buf *out,
                                 struct slice *ask, struct error *e)
{
    bool server = c->side == MECH_SERVER;
    size_t mark = out->n;
    cimf_status status = credssp_tls_shake(&c->tls, token, e);
    bool sent = credssp_tls_flush(&c->tls, out); /* an alert if it failed */
    if (status != CIMF_OK) return credssp_dead(c);
    if (!sent) return credssp_fail(c, e, CIMF_OUT_OF_MEMORY, "no room for a token");
    if (!c->tls.shaken) return CREDSSP_CONTINUE;
    if (credssp_tls_key(&c->tls, server, &c->key, e) != CIMF_OK ||
        credssp_tls_read(&c->tls, SLICE(""), &c->plain, e) != CIMF_OK)
        return credssp_dead(c);
    if (server) {
        c->state = CREDSSP_TOKENS;
        return c->plain.n ? message(c, false, out, ask, e) : CREDSSP_CONTINUE;
    }
    if (c->plain.n) return credssp_fail(c, e, CIMF_BAD_REQUEST, "the server speaks first");
    /* TLS 1.3: our Finished goes alone, as servers expect; the answer to it may be empty. */
    c->state = out->n > mark ? CREDSSP_READY : CREDSSP_TOKENS;
    return c->state == CREDSSP_READY ? CREDSSP_CONTINUE : message(c, true, out, ask, e);
}

static enum credssp_result step(struct credssp *c, struct slice token, struct buf *out,
                                struct slice *ask, struct error *e)
{
    if (c->state == CREDSSP_SHAKE && !c->bare) return shake(c, token, out, ask, e);
    bool first = c->state == CREDSSP_READY || c->state == CREDSSP_SHAKE;
    if (c->plain.n) explicit_bzero(c->plain.p, c->plain.n);
    buf_clear(&c->plain);
    if (c->bare) {
        if (!buf_slice_add(&c->plain, token))
            return credssp_fail(c, e, CIMF_OUT_OF_MEMORY, "no memory");
    } else if (credssp_tls_read(&c->tls, token, &c->plain, e) != CIMF_OK) {
        credssp_tls_flush(&c->tls, out);
        return credssp_dead(c);
    }
    if (first) c->state = CREDSSP_TOKENS;
    if (first && c->side == MECH_CLIENT && c->plain.n)
        return credssp_fail(c, e, CIMF_BAD_REQUEST, "the server speaks first");
    return message(c, first, out, ask, e);
}

enum credssp_result credssp_step(struct credssp *c, struct slice token, struct buf *out,
                                 struct slice *ask, struct error *e)
{
    *ask = SLICE_NULL;
    if (c->state >= CREDSSP_OVER)
        return credssp_fail(c, e, CIMF_BAD_REQUEST, "a token after the end of the authentication");
    if (c->state == CREDSSP_ASKED)
        return credssp_fail(c, e, CIMF_BAD_REQUEST, "a token before the last one was answered");
    c->legs++;
    c->bytes += token.n < CREDSSP_BYTES ? token.n : CREDSSP_BYTES;
    if (token.n > LIMIT_MECH_TOKEN || c->legs > CREDSSP_LEGS || c->bytes > CREDSSP_BYTES)
        return credssp_fail(c, e, CIMF_BAD_REQUEST, "too long an authentication");
    enum credssp_result result = step(c, token, out, ask, e);
    if (result != CREDSSP_FAILED && !buf_ok(out))
        return credssp_fail(c, e, CIMF_OUT_OF_MEMORY, "no room for a token");
    return result;
}

/* ------------------------------------------------------------------------------- after it */

cimf_status credssp_wrap(struct credssp *c, struct slice text, struct buf *out, size_t *trailer,
                         struct error *e)
{
    size_t mark = out->n;
    *trailer = 0;
    if (c->state != CREDSSP_OVER || c->bare)
        return error_set(e, CIMF_INVALID_OPERATION, "credssp", "not authenticated yet");
    if (text.n > CREDSSP_WRAP_MAX)
        return error_set(e, CIMF_INVALID_PARAMETER, "credssp", "more than one record's worth");
    if (text.n == 0) return CIMF_OK;
    cimf_status status = credssp_tls_write(&c->tls, text, e);
    if (status == CIMF_OK && !credssp_tls_flush(&c->tls, out))
        status = error_set(e, CIMF_OUT_OF_MEMORY, "credssp", "no room for a record");
    if (status != CIMF_OK) { /* the peer would miss a record */
        credssp_dead(c);
        buf_cut(out, mark);
        return status;
    }
    *trailer = credssp_tls_trailer(&c->tls, slice_sub(buf_slice(out), mark), text.n);
    return CIMF_OK;
}

cimf_status credssp_unwrap(struct credssp *c, struct slice records, struct buf *text, struct error *e)
{
    if (c->state != CREDSSP_OVER || c->bare)
        return error_set(e, CIMF_INVALID_OPERATION, "credssp", "not authenticated yet");
    cimf_status status = credssp_tls_read(&c->tls, records, text, e);
    if (status != CIMF_OK) credssp_dead(c);
    return status;
}
