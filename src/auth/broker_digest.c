/* HTTP Digest: the secret of the account, the response made again and compared. */
#include <openssl/crypto.h>
#include <stdlib.h>

#include "auth/broker_priv.h"

struct digest_question {
    struct attempt t;
    auth_digest_done *done;
    void *arg;
    struct arena arena;
    struct digest_response response;
    char ha2[DIGEST_HEX], ha2_reply[DIGEST_HEX], rspauth[DIGEST_HEX];
};

static bool is_sha256(enum digest_algorithm a)
{
    return a == DIGEST_SHA256 || a == DIGEST_SHA256_SESS;
}

/* All are hashed, found or not. */
static const struct account *by_userhash(const struct broker_local *b, const struct accounts *all,
                                         const struct digest_response *r)
{
    const struct account *found = NULL;
    char hash[DIGEST_HEX];
    for (unsigned i = 0; all && i < accounts_count(all); i++) {
        const struct account *a = accounts_at(all, i);
        digest_userhash(r->algorithm, a->name, slice_str(b->config.realm), hash);
        if (slice_is(r->username, hash)) found = a;
    }
    return found;
}

static void hex(const unsigned char *bytes, size_t n, char out[DIGEST_HEX])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    out[2 * n] = 0;
}

static bool response_right(struct digest_question *x, const char *ha1)
{
    const struct digest_response *r = &x->response;
    char want[DIGEST_HEX];
    digest_compute(r, ha1, x->ha2, want);
    size_t n = strlen(want);
    bool right = r->response.n == n && CRYPTO_memcmp(r->response.p, want, n) == 0;
    if (right && x->ha2_reply[0]) digest_compute(r, ha1, x->ha2_reply, x->rspauth);
    OPENSSL_cleanse(want, sizeof want);
    return right;
}

static void verify(struct attempt *t)
{
    struct digest_question *x = (struct digest_question *)t;
    struct broker_local *b = t->broker;
    const struct digest_response *r = &x->response;
    enum account_secret which = is_sha256(r->algorithm) ? ACCOUNT_DIGEST_SHA256 : ACCOUNT_DIGEST_MD5;
    unsigned char secret[ACCOUNT_SECRET_MAX];
    char ha1[DIGEST_HEX];
    struct accounts *all = broker_accounts(b, NULL);
    const struct account *a = r->userhash ? by_userhash(b, all, r) : broker_account(b, all, r->username);
    bool real = broker_secret(b, all, a, which, secret);
    hex(secret, account_secret_size(which), ha1);
    bool right = response_right(x, ha1) && real && broker_active(a) &&
                 slice_is(r->realm, b->config.realm);
    OPENSSL_cleanse(secret, sizeof secret);
    OPENSSL_cleanse(ha1, sizeof ha1);
    t->status = CIMF_NOT_AUTHENTICATED;
    if (right) {
        t->principal = identity_of_account(b, all, a, AUTH_DIGEST, NULL, 0);
        t->status = t->principal ? CIMF_OK : CIMF_FAILED;
    }
    accounts_unref(all);
    attempt_count(t, t->status == CIMF_OK);
    struct broker_login login = { .principal = t->principal, .user = r->username, .address = t->address,
                                  .scheme = "Digest", .status = t->status };
    broker_audit(&login);
}

static void dispose(struct digest_question *x)
{
    arena_free(&x->arena);
    OPENSSL_cleanse(x, sizeof *x);
    free(x);
}

static void deliver(struct attempt *t)
{
    struct digest_question *x = (struct digest_question *)t;
    bool reply = t->principal && x->ha2_reply[0];
    x->done(x->arg, t->status, t->principal, reply ? x->rspauth : NULL);
    dispose(x);
}

static void drop(struct attempt *t)
{
    principal_unref(t->principal);
    dispose((struct digest_question *)t);
}

static bool copy(struct arena *a, const struct digest_response *from, struct digest_response *to)
{
    *to = *from;
    struct slice *const texts[] = { &to->username, &to->realm, &to->nonce, &to->uri, &to->response,
                                    &to->cnonce, &to->opaque, &to->nc_text };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) *texts[i] = arena_dup(a, *texts[i]);
    return arena_status(a) == CIMF_OK;
}

static bool fill(struct digest_question *x, struct broker_local *b, const struct auth_digest *q)
{
    struct buf key;
    const struct digest_response *r = q->response;
    if ((unsigned)r->algorithm >= DIGEST_ALGORITHMS || (unsigned)r->qop > DIGEST_QOP_AUTH_INT ||
        strlen(q->ha2) >= DIGEST_HEX || (q->ha2_reply && strlen(q->ha2_reply) >= DIGEST_HEX))
        return false;
    arena_init(&x->arena, 1 << 18);
    buf_init(&key, 4096);
    x->t = (struct attempt){ .broker = b, .run = verify, .deliver = deliver, .drop = drop,
                             .kind = ATTEMPT_PROOF,
                             .address = arena_dup(&x->arena, slice_head(q->address, FAILURES_ADDRESS)) };
    strcpy(x->ha2, q->ha2);
    if (q->ha2_reply) strcpy(x->ha2_reply, q->ha2_reply);
    broker_key(b, r->username, &key);
    x->t.key = arena_dup(&x->arena, buf_slice(&key));
    buf_free(&key);
    return copy(&x->arena, r, &x->response);
}

void local_check_digest(struct auth_broker *base, const struct auth_digest *q, struct exec *home,
                        auth_digest_done *done, void *arg)
{
    struct broker_local *b = broker_local(base);
    struct digest_question *x = calloc(1, sizeof *x);
    if (!x || !fill(x, b, q)) {
        if (x) dispose(x);
        done(arg, x ? CIMF_BAD_REQUEST : CIMF_OUT_OF_MEMORY, NULL, NULL);
        return;
    }
    x->t.home = home;
    x->done = done;
    x->arg = arg;
    if (b->config.digest) attempt_submit(&x->t);
    else attempt_refuse(&x->t);
}
