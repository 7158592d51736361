#include <pthread.h>
#include <stdlib.h>

#include "base/utf.h"
#include "mech/credssp_priv.h"

struct credssp_server {
    SSL_CTX *ctx;
    unsigned min_version, max_version;
    pthread_mutex_t lock;
    bool certified; /* the context has a certificate */
};

cimf_status credssp_server_new(const struct credssp_server_config *config, struct credssp_server **out,
                               struct error *e)
{
    unsigned min_version = config->min_version, max_version = config->max_version;
    *out = NULL;
    if (!credssp_versions(&min_version, &max_version) || !config->certificate != !config->key)
        return error_set(e, CIMF_INVALID_PARAMETER, "credssp",
                         "versions are 2 to 6; a certificate needs its key");
    struct credssp_server *s = calloc(1, sizeof *s);
    if (!s) return error_set(e, CIMF_OUT_OF_MEMORY, "credssp", "no memory");
    cimf_status status = credssp_tls_context(true, config->certificate, config->key, &s->ctx, e);
    if (status != CIMF_OK) {
        free(s);
        return status;
    }
    s->min_version = min_version;
    s->max_version = max_version;
    s->certified = config->certificate != NULL;
    pthread_mutex_init(&s->lock, NULL);
    *out = s;
    return CIMF_OK;
}

void credssp_server_free(struct credssp_server *s)
{
    if (!s) return;
    SSL_CTX_free(s->ctx); /* sessions hold it too */
    pthread_mutex_destroy(&s->lock);
    free(s);
}

cimf_status credssp_accept(struct credssp_server *s, struct credssp **out, struct error *e)
{
    cimf_status status = CIMF_OK;
    *out = NULL;
    pthread_mutex_lock(&s->lock);
    if (!s->certified) {
        status = credssp_tls_self_signed(s->ctx, e);
        s->certified = status == CIMF_OK;
    }
    pthread_mutex_unlock(&s->lock);
    if (status != CIMF_OK) return status;
    status = credssp_new(MECH_SERVER, s->min_version, s->max_version, out, e);
    if (status != CIMF_OK) return status;
    status = credssp_tls_open(&(*out)->tls, s->ctx, true, e);
    if (status != CIMF_OK) {
        credssp_free(*out);
        *out = NULL;
    }
    return status;
}

static enum credssp_result malformed(struct credssp *c, struct buf *out, struct error *e,
                                     const char *text)
{
    return credssp_refuse(c, out, NTSTATUS_INVALID_PARAMETER, e, CIMF_BAD_REQUEST, text);
}

/* Compares the client's pubKeyAuth and answers it, with the inner mechanism's last token if there is one. */
static enum credssp_result check_key(struct credssp *c, const struct credssp_request *r,
                                     struct slice token, struct buf *out, struct error *e)
{
    struct slice theirs = SLICE_NULL;
    struct buf ours, sealed;
    bool hashed = credssp_version(c) >= CREDSSP_HASHED;
    if (hashed && !r->nonce.p) return malformed(c, out, e, "clientNonce is missing");
    if (credssp_unseal(c, c->inner, r->public_key, &theirs, e) != CIMF_OK)
        return credssp_refuse(c, out, NTSTATUS_ACCESS_DENIED, e, CIMF_ACCESS_DENIED,
                              "pubKeyAuth was changed on its way");
    buf_init(&ours, 0);
    buf_init(&sealed, 0);
    bool good = credssp_binding(c, true, r->nonce.p, &ours);
    bool same = good && theirs.n == ours.n && mech_equal(theirs.p, ours.p, ours.n);
    buf_clear(&ours);
    good = good && credssp_binding(c, false, r->nonce.p, &ours) &&
           credssp_seal(c->inner, buf_slice(&ours), &sealed);
    struct credssp_request answer = { .public_key = buf_slice(&sealed) };
    if (token.n) answer.token = token;
    enum credssp_result result = CREDSSP_CONTINUE;
    if (!same) {
        result = credssp_refuse(c, out, NTSTATUS_ACCESS_DENIED, e, CIMF_ACCESS_DENIED,
                                "pubKeyAuth is of another TLS session: someone is in the middle");
    } else if (!good || !credssp_send(c, &answer, out)) {
        result = credssp_fail(c, e, CIMF_OUT_OF_MEMORY, "no room for a token");
    } else {
        c->state = CREDSSP_CREDENTIALS;
    }
    buf_free(&ours);
    buf_free(&sealed);
    return result;
}

/* Appends UTF-16LE as UTF-8 where room has been made. Lone surrogates are refused. */
static bool add_utf8(struct buf *b, struct slice s)
{
    const unsigned char *p = (const unsigned char *)s.p;
    for (size_t i = 0; i + 1 < s.n; i += 2) {
        uint32_t c = p[i] | (uint32_t)p[i + 1] << 8;
        if (c >= 0xD800 && c <= 0xDFFF) {
            uint32_t low = i + 3 < s.n ? p[i + 2] | (uint32_t)p[i + 3] << 8 : 0;
            if (c >= 0xDC00 || low < 0xDC00 || low > 0xDFFF) return false;
            c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
            i += 2;
        }
        if (c == 0 || !utf8_put(b, c)) return false;
    }
    return true;
}

static bool keep_password(struct credssp *c, const struct credssp_credentials *k)
{
    buf_wipe(&c->secret);
    if (!buf_reserve(&c->secret, 2 * (k->domain.n + k->user.n + k->password.n))) return false;
    if (!add_utf8(&c->secret, k->domain)) return false;
    c->domain_n = c->secret.n;
    if (!add_utf8(&c->secret, k->user)) return false;
    c->user_n = c->secret.n - c->domain_n;
    return add_utf8(&c->secret, k->password);
}

static enum credssp_result take_credentials(struct credssp *c, const struct credssp_request *r,
                                            struct buf *out, struct error *e)
{
    struct credssp_credentials k;
    struct slice text;
    if (credssp_unseal(c, c->inner, r->auth_info, &text, e) != CIMF_OK)
        return credssp_refuse(c, out, NTSTATUS_ACCESS_DENIED, e, CIMF_ACCESS_DENIED,
                              "authInfo was changed on its way");
    if (credssp_credentials_read(text, &k, e) != CIMF_OK)
        return malformed(c, out, e, "the delegated credentials are malformed");
    if (k.kind != CREDSSP_PASSWORD)
        return credssp_refuse(c, out, NTSTATUS_NOT_SUPPORTED, e, CIMF_NOT_SUPPORTED,
                              "only passwords can be delegated");
    if (!keep_password(c, &k))
        return malformed(c, out, e, "the delegated credentials are not text");
    buf_wipe(&c->plain);
    buf_free(&c->key);
    mech_free(c->inner); /* from here on TLS protects */
    c->inner = NULL;
    c->state = CREDSSP_OVER;
    return CREDSSP_COMPLETE;
}

enum credssp_result credssp_server_message(struct credssp *c, struct buf *out, struct slice *ask,
                                           struct error *e)
{
    struct credssp_request r;
    bool first = c->peer_version == 0;
    if (credssp_request_read(buf_slice(&c->plain), &r, e) != CIMF_OK) {
        struct error kept = e ? *e : ERROR_INIT; /* it names the field */
        malformed(c, out, e, "");
        if (e) *e = kept;
        return CREDSSP_FAILED;
    }
    if (r.version < CREDSSP_OLDEST || !credssp_note_version(c, &r))
        return malformed(c, out, e, "the version is too old, or changed meanwhile");
    if (first && credssp_version(c) < c->min_version)
        return credssp_refuse(c, out, NTSTATUS_NOT_SUPPORTED, e, CIMF_ACCESS_DENIED,
                              "the client's version of CredSSP is not accepted");
    if (r.error) return credssp_fail(c, e, CIMF_BAD_REQUEST, "the client gives up");
    switch (c->state) {
    case CREDSSP_TOKENS:
        if (r.token.n == 0 || r.auth_info.p)
            return malformed(c, out, e, "negoTokens are due, and nothing but pubKeyAuth with them");
        c->held = r;
        c->state = CREDSSP_ASKED;
        *ask = r.token;
        return CREDSSP_ASK;
    case CREDSSP_KEY:
        if (!r.public_key.p || r.token.n || r.auth_info.p)
            return malformed(c, out, e, "pubKeyAuth is due, and nothing else");
        return check_key(c, &r, SLICE_NULL, out, e);
    case CREDSSP_CREDENTIALS:
        if (!r.auth_info.p || r.token.n || r.public_key.p)
            return malformed(c, out, e, "authInfo is due, and nothing else");
        return take_credentials(c, &r, out, e);
    default:
        return credssp_fail(c, e, CIMF_BAD_REQUEST, "a token out of turn");
    }
}

/* The state after ASKED is settled here. context belongs to c already. */
static enum credssp_result answered(struct credssp *c, enum mech_result result, struct slice token,
                                    struct buf *out, struct error *e)
{
    struct credssp_request answer = { .token = token.n ? token : SLICE_NULL };
    if (result == MECH_FAILED) {
        unsigned version = credssp_version(c);
        if (token.n && (version < 3 || version == CREDSSP_HASHED)) credssp_send(c, &answer, out);
        return credssp_refuse(c, out, NTSTATUS_LOGON_FAILURE, e, CIMF_NOT_AUTHENTICATED,
                              "the credentials are wrong");
    }
    if (result == MECH_CONTINUE && c->held.public_key.p)
        return malformed(c, out, e, "pubKeyAuth before the end of the negotiation");
    if (result == MECH_COMPLETE && (!c->inner || !(c->inner->flags & MECH_SEAL)))
        return credssp_refuse(c, out, NTSTATUS_ACCESS_DENIED, e, CIMF_ACCESS_DENIED,
                              "the inner mechanism does not encrypt");
    if (result == MECH_COMPLETE && c->held.public_key.p)
        return check_key(c, &c->held, token, out, e);
    c->state = result == MECH_COMPLETE ? CREDSSP_KEY : CREDSSP_TOKENS;
    return credssp_send(c, &answer, out)
               ? CREDSSP_CONTINUE
               : credssp_fail(c, e, CIMF_OUT_OF_MEMORY, "no room for a token");
}

enum credssp_result credssp_inner(struct credssp *c, enum mech_result result, struct slice token,
                                  struct mech *context, struct buf *out, struct error *e)
{
    if (c->state != CREDSSP_ASKED || c->inner) {
        mech_free(context);
        return credssp_fail(c, e, CIMF_INVALID_OPERATION, "nothing was asked");
    }
    c->inner = context;
    enum credssp_result r = answered(c, result, token, out, e);
    memset(&c->held, 0, sizeof c->held);
    if (r != CREDSSP_FAILED && !buf_ok(out))
        return credssp_fail(c, e, CIMF_OUT_OF_MEMORY, "no room for a token");
    return r;
}

bool credssp_password(const struct credssp *c, struct slice *domain, struct slice *user,
                      struct slice *password)
{
    struct slice s = buf_slice(&c->secret);
    if (c->side != MECH_SERVER || c->state != CREDSSP_OVER || !c->secret.p) return false;
    *domain = slice_head(s, c->domain_n);
    *user = slice_head(slice_sub(s, c->domain_n), c->user_n);
    *password = slice_sub(s, c->domain_n + c->user_n);
    return true;
}
