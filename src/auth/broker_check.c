/* Passwords: the decision, and the memory of right ones. */
#include <crypt.h>
#include <openssl/crypto.h>
#include <stdlib.h>

#include "auth/broker_priv.h"
#include "auth/pam.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/utf.h"

enum { TEXT_MAX = 4096 };

struct password_question {
    struct attempt t;
    auth_done *done;
    void *arg;
    struct auth_password q; /* text follows the struct */
    size_t size;
};

/* The hash to work on when there is no account: one like the others', so that it costs the same. */
static const char *dummy_hash(const struct broker_local *b, const struct accounts *all)
{
    for (unsigned i = 0; all && i < accounts_count(all); i++)
        if (accounts_at(all, i)->basic.n) return accounts_at(all, i)->basic.p;
    return b->dummy;
}

static bool password_right(const char *stored, struct slice password, bool real)
{
    char z[ACCOUNTS_PASSWORD_MAX];
    size_t n = password.n < sizeof z - 1 ? password.n : sizeof z - 1;
    bool fits = n == password.n && n > 0 && !memchr(password.p, 0, n) && utf8_valid(password);
    if (n) memcpy(z, password.p, n);
    z[n] = 0;
    struct crypt_data *data = calloc(1, sizeof *data);
    const char *hash = data ? crypt_r(z, stored, data) : NULL;
    size_t length = strlen(stored);
    bool same = hash && hash[0] != '*' && strlen(hash) == length &&
                CRYPTO_memcmp(hash, stored, length) == 0;
    OPENSSL_cleanse(z, sizeof z);
    if (data) OPENSSL_cleanse(data, sizeof *data);
    free(data);
    return same && fits && real;
}

/* A user of this machine whom no account of ours is called like; a file that can't be read may hold one. */
static const struct principal *ask_pam(struct broker_local *b, const struct accounts *all, const struct auth_password *q,
                                       const struct account *a)
{
    struct error e = ERROR_INIT;
    struct slice user = broker_account_name(b, q->user);
    if (a || !b->config.pam_service || broker_unreadable(b, all)) return NULL;
    cimf_status s = pam_check(b->config.pam_service, user, q->password, q->address, &e);
    if (s == CIMF_OK) return identity_of_user(b, user, q->scheme);
    if (s != CIMF_NOT_AUTHENTICATED) log_failure("auth", &e, "PAM does not work");
    return NULL;
}

static void verify(struct attempt *t)
{
    struct password_question *x = (struct password_question *)t;
    struct broker_local *b = t->broker;
    uint64_t generation;
    unsigned char mac[32];
    struct accounts *all = broker_accounts(b, &generation);
    const struct account *a = broker_account(b, all, x->q.user);
    bool real = broker_active(a) && a->basic.n > 0;
    t->status = CIMF_NOT_AUTHENTICATED;
    if (password_right(real ? a->basic.p : dummy_hash(b, all), x->q.password, real)) {
        t->principal = identity_of_account(b, all, a, x->q.scheme, NULL, 0);
        t->status = t->principal ? CIMF_OK : CIMF_FAILED;
    } else if ((t->principal = ask_pam(b, all, &x->q, a)) != NULL) {
        t->status = CIMF_OK;
    }
    attempt_count(t, t->status == CIMF_OK);
    if (t->principal && b->config.cache_us > 0 && verified_mac(&b->verified, &x->q, mac)) {
        pthread_mutex_lock(&b->lock);
        verified_put(&b->verified, mac, generation, clock_mono_us() + auth_life(t->principal, b->config.cache_us),
                     t->principal);
        pthread_mutex_unlock(&b->lock);
    }
    accounts_unref(all);
    struct broker_login login = { t->principal, x->q.user, t->address, "Basic", false, t->status,
                                  NULL };
    broker_audit(&login);
}

static void dispose(struct password_question *x)
{
    OPENSSL_cleanse(x, x->size);
    free(x);
}

static void deliver(struct attempt *t)
{
    struct password_question *x = (struct password_question *)t;
    x->done(x->arg, t->status, t->principal);
    dispose(x);
}

static void drop(struct attempt *t)
{
    principal_unref(t->principal);
    dispose((struct password_question *)t);
}

static struct password_question *question_new(struct broker_local *b, const struct auth_password *q)
{
    struct buf key;
    /* Longer texts match nothing anyway. */
    struct slice user = slice_head(q->user, TEXT_MAX), password = slice_head(q->password, TEXT_MAX);
    struct slice address = slice_head(q->address, FAILURES_ADDRESS);
    buf_init(&key, 4096);
    broker_key(b, user, &key);
    size_t size = sizeof(struct password_question) + user.n + password.n + address.n + key.n;
    struct password_question *x = calloc(1, size);
    if (x) {
        char *at = (char *)(x + 1);
        x->size = size;
        x->q = (struct auth_password){ attempt_text(&at, user), attempt_text(&at, password),
                                       attempt_text(&at, address), q->scheme };
        x->t = (struct attempt){ .broker = b, .run = verify, .deliver = deliver, .drop = drop,
                                 .kind = ATTEMPT_HASH, .address = x->q.address,
                                 .key = attempt_text(&at, buf_slice(&key)) };
    }
    buf_free(&key);
    return x;
}

void local_check_password(struct auth_broker *base, const struct auth_password *q, struct exec *home,
                          auth_done *done, void *arg)
{
    struct broker_local *b = broker_local(base);
    struct password_question *x = question_new(b, q);
    if (!x) {
        done(arg, CIMF_OUT_OF_MEMORY, NULL);
        return;
    }
    x->t.home = home;
    x->done = done;
    x->arg = arg;
    if (b->config.basic) attempt_submit(&x->t);
    else attempt_refuse(&x->t);
}

const struct principal *local_check_cached(struct auth_broker *base, const struct auth_password *q)
{
    struct broker_local *b = broker_local(base);
    unsigned char mac[32];
    uint64_t generation = broker_generation(base);
    if (b->config.cache_us <= 0 || !verified_mac(&b->verified, q, mac)) return NULL;
    pthread_mutex_lock(&b->lock);
    const struct principal *p = verified_find(&b->verified, mac, generation, clock_mono_us());
    pthread_mutex_unlock(&b->lock);
    return p;
}
