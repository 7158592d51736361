#include "mech/credssp_priv.h"
#include "mech/spnego.h"

static bool keep(struct credssp *c, const struct credssp_client_config *config)
{
    if (!buf_reserve(&c->secret, config->domain.n + config->user.n + config->password.n)) return false;
    c->domain_n = config->domain.n;
    c->user_n = config->user.n;
    return buf_slice_add(&c->secret, config->domain) && buf_slice_add(&c->secret, config->user) &&
           buf_slice_add(&c->secret, config->password);
}

static cimf_status start(struct credssp *c, struct error *e)
{
    SSL_CTX *ctx;
    cimf_status status = credssp_tls_context(false, NULL, NULL, &ctx, e);
    if (status != CIMF_OK) return status;
    status = credssp_tls_open(&c->tls, ctx, false, e);
    SSL_CTX_free(ctx); /* the session holds it */
    return status;
}

cimf_status credssp_client_new(const struct credssp_client_config *config, struct credssp **out,
                               struct error *e)
{
    unsigned min_version = config->min_version, max_version = config->max_version;
    *out = NULL;
    if (!credssp_versions(&min_version, &max_version)) {
        mech_free(config->inner);
        return error_set(e, CIMF_INVALID_PARAMETER, "credssp", "versions are 2 to 6");
    }
    cimf_status status = credssp_new(MECH_CLIENT, min_version, max_version, out, e);
    if (status != CIMF_OK) {
        mech_free(config->inner);
        return status;
    }
    (*out)->inner = config->inner;
    if (config->random) {
        (*out)->random = config->random->random;
        (*out)->random_arg = config->random->arg;
    }
    status = keep(*out, config) ? start(*out, e)
                                : error_set(e, CIMF_OUT_OF_MEMORY, "credssp", "no memory");
    if (status != CIMF_OK) {
        credssp_free(*out);
        *out = NULL;
    }
    return status;
}

/* What an errorCode means to us. */
static enum credssp_result told(struct credssp *c, uint32_t ntstatus, struct error *e)
{
    static const struct {
        uint32_t ntstatus;
        cimf_status status;
        const char *text;
    } rows[] = {
        { 0xC000006D, CIMF_NOT_AUTHENTICATED, "the server refuses the user name or password" },
        { 0xC000006A, CIMF_NOT_AUTHENTICATED, "the server refuses the password" },
        { 0xC0000064, CIMF_NOT_AUTHENTICATED, "the server knows no such user" },
        { 0xC0000234, CIMF_NOT_AUTHENTICATED, "the account is locked" },
        { 0xC0000072, CIMF_NOT_AUTHENTICATED, "the account is disabled" },
        { 0xC0000071, CIMF_NOT_AUTHENTICATED, "the password has expired" },
        { 0xC0000224, CIMF_NOT_AUTHENTICATED, "the password must be changed first" },
        { 0xC0000193, CIMF_NOT_AUTHENTICATED, "the account has expired" },
        { 0xC000006E, CIMF_NOT_AUTHENTICATED, "the account may not log in this way" },
        { 0xC0000022, CIMF_ACCESS_DENIED, "the server denies access" },
        { 0xC00000BB, CIMF_NOT_SUPPORTED, "the server does not take our version or credentials" },
    };
    enum credssp_result result;
    size_t i = 0, count = sizeof rows / sizeof *rows;
    while (i < count && rows[i].ntstatus != ntstatus) i++;
    if (i < count) {
        result = credssp_fail(c, e, rows[i].status, rows[i].text);
    } else {
        result = credssp_dead(c);
        error_set(e, CIMF_NOT_AUTHENTICATED, "credssp", "the server refuses with 0x%08X", ntstatus);
    }
    if (e) e->native = ntstatus;
    return result;
}

/* What seals: the inner mechanism once it is done; under SPNEGO that is before the negotiation is, as the server
 * vouches for the list of mechanisms in its answer to pubKeyAuth only. */
static struct mech *sealer(const struct credssp *c)
{
    struct mech *m = c->inner;
    if (m->state == MECH_RUNNING) m = spnego_chosen(m);
    return m && m->state == MECH_DONE && (m->flags & MECH_SEAL) ? m : NULL;
}

static enum credssp_result no_room(struct credssp *c, struct error *e)
{
    return credssp_fail(c, e, CIMF_OUT_OF_MEMORY, "no room for a token");
}

static enum credssp_result send_key(struct credssp *c, struct slice token, struct buf *out,
                                    struct error *e)
{
    struct mech_options o = { .random = c->random, .arg = c->random_arg };
    struct credssp_request r = { 0 };
    struct buf binding, sealed;
    if (!sealer(c))
        return credssp_fail(c, e, CIMF_ACCESS_DENIED, "the inner mechanism does not encrypt");
    if (!mech_random(&o, c->nonce, sizeof c->nonce))
        return credssp_fail(c, e, CIMF_FAILED, "there is no randomness");
    buf_init(&binding, 0);
    buf_init(&sealed, 0);
    bool good = credssp_binding(c, true, (char *)c->nonce, &binding) &&
                credssp_seal(sealer(c), buf_slice(&binding), &sealed);
    if (token.n) r.token = token;
    r.public_key = buf_slice(&sealed);
    if (credssp_version(c) >= CREDSSP_HASHED) r.nonce = slice_of((char *)c->nonce, sizeof c->nonce);
    good = good && credssp_send(c, &r, out);
    buf_free(&binding);
    buf_free(&sealed);
    if (!good) return no_room(c, e);
    c->state = CREDSSP_KEY;
    return CREDSSP_CONTINUE;
}

/* Gives the inner mechanism the server's token (empty at the start) and sends what it says. */
static enum credssp_result negotiate(struct credssp *c, struct slice in, struct buf *out,
                                     struct error *e)
{
    struct buf token;
    enum credssp_result result;
    buf_init(&token, LIMIT_MECH_TOKEN);
    bool moved = c->inner->state == MECH_RUNNING;
    if (!moved && in.n) {
        result = credssp_fail(c, e, CIMF_BAD_REQUEST, "a token for a mechanism that is done");
    } else if (moved && mech_step(c->inner, in, &token, e) == MECH_FAILED) {
        result = credssp_dead(c);
    } else if (sealer(c) && c->peer_version) {
        result = send_key(c, buf_slice(&token), out, e);
    } else if (token.n == 0) {
        result = credssp_fail(c, e, CIMF_ACCESS_DENIED, "the inner mechanism does not encrypt");
    } else {
        struct credssp_request r = { .token = buf_slice(&token) };
        result = credssp_send(c, &r, out) ? CREDSSP_CONTINUE : no_room(c, e);
    }
    buf_wipe(&token);
    return result;
}

/* The mechanism has vouched for its negotiation and the server for its key: the password may go. */
static enum credssp_result delegate(struct credssp *c, struct buf *out, struct error *e)
{
    struct slice s = buf_slice(&c->secret);
    struct buf text, sealed;
    buf_init(&text, 0);
    buf_init(&sealed, 0);
    bool good = credssp_credentials_write(&text, slice_head(s, c->domain_n),
                                          slice_head(slice_sub(s, c->domain_n), c->user_n),
                                          slice_sub(s, c->domain_n + c->user_n));
    bool room = good && credssp_seal(c->inner, buf_slice(&text), &sealed);
    struct credssp_request r = { .auth_info = buf_slice(&sealed) };
    room = room && credssp_send(c, &r, out);
    buf_wipe(&text);
    buf_wipe(&sealed);
    if (!good)
        return credssp_fail(c, e, CIMF_INVALID_PARAMETER, "the credentials are too long, or not UTF-8");
    if (!room) return no_room(c, e);
    credssp_forget(c);
    buf_wipe(&c->plain);
    buf_free(&c->key);
    mech_free(c->inner);
    c->inner = NULL;
    c->state = CREDSSP_OVER;
    return CREDSSP_COMPLETE;
}

static enum credssp_result check_key(struct credssp *c, const struct credssp_request *r,
                                     struct buf *out, struct error *e)
{
    struct buf none, ours;
    struct slice theirs;
    if (r->token.n) {
        buf_init(&none, LIMIT_MECH_TOKEN);
        bool good = c->inner->state == MECH_RUNNING &&
                    mech_step(c->inner, r->token, &none, e) == MECH_COMPLETE && none.n == 0;
        bool failed = c->inner->state == MECH_DEAD;
        buf_free(&none);
        if (!good && failed) return credssp_dead(c);
        if (!good) return credssp_fail(c, e, CIMF_BAD_REQUEST, "the negotiation does not end");
    }
    if (c->inner->state != MECH_DONE)
        return credssp_fail(c, e, CIMF_ACCESS_DENIED,
                            "the server does not vouch for the list of mechanisms");
    if (!r->public_key.p) return credssp_fail(c, e, CIMF_BAD_REQUEST, "pubKeyAuth is missing");
    if (credssp_unseal(c, c->inner, r->public_key, &theirs, e) != CIMF_OK) return credssp_dead(c);
    buf_init(&ours, 0);
    bool good = credssp_binding(c, false, (char *)c->nonce, &ours);
    bool same = good && theirs.n == ours.n && mech_equal(theirs.p, ours.p, ours.n);
    buf_free(&ours);
    if (!good) return no_room(c, e);
    if (!same)
        return credssp_fail(c, e, CIMF_ACCESS_DENIED,
                            "pubKeyAuth is of another TLS session: someone is in the middle");
    return delegate(c, out, e);
}

enum credssp_result credssp_client_message(struct credssp *c, bool first, struct buf *out,
                                           struct error *e)
{
    struct credssp_request r;
    if (first) return negotiate(c, SLICE(""), out, e);
    bool told_first = c->peer_version == 0;
    if (credssp_request_read(buf_slice(&c->plain), &r, e) != CIMF_OK) return credssp_dead(c);
    if (r.error) return told(c, r.error, e);
    if (r.version < CREDSSP_OLDEST || !credssp_note_version(c, &r))
        return credssp_fail(c, e, CIMF_BAD_REQUEST,
                            "the server's version is too old, or changed meanwhile");
    if (told_first && credssp_version(c) < c->min_version)
        return credssp_fail(c, e, CIMF_ACCESS_DENIED,
                            "the server's version of CredSSP is not accepted");
    if (r.auth_info.p) return credssp_fail(c, e, CIMF_BAD_REQUEST, "authInfo from a server");
    if (c->state == CREDSSP_KEY) return check_key(c, &r, out, e);
    if (r.public_key.p) return credssp_fail(c, e, CIMF_BAD_REQUEST, "pubKeyAuth out of turn");
    return negotiate(c, r.token.p ? r.token : SLICE(""), out, e);
}
