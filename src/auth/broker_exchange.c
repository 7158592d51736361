/* Exchanges of several legs: caps, one step at a time on a worker, an end for those that never end. */
#include "auth/broker_exchange.h"

#include <openssl/crypto.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "mech/spnego.h"

struct step {
    struct attempt t;
    struct exchange_local *x;
    auth_exchange_done *done;
    void *arg;
    struct slice token;        /* behind the struct, then the key */
    size_t size;
    bool proof;                /* an NTLM user proves himself in it */
    bool bad, second, ran;     /* too long a token; while another step runs; run was called */
    struct buf out;
    enum mech_result result;
    const char *mechanism;
    struct mech *context;
};

/* How many exchanges one address has. */
struct address_count {
    unsigned count;
    size_t n;
    char key[FAILURES_ADDRESS];
};

static struct exchange_local *exchange_local(struct auth_exchange *x)
{
    return (struct exchange_local *)x;
}

/* ---- the list of the unfinished ---- */

static bool address_add(struct broker_local *b, struct slice address)
{
    char key[FAILURES_ADDRESS];
    struct slice k = failures_address(address, key);
    struct address_count *c = map_get(&b->exchange_addresses, k);
    if (c) {
        if (c->count >= b->config.max_exchanges_address) return false;
        c->count++;
        return true;
    }
    c = calloc(1, sizeof *c);
    if (!c) return false;
    c->count = 1;
    c->n = k.n;
    if (k.n) memcpy(c->key, k.p, k.n);
    if (map_put(&b->exchange_addresses, slice_of(c->key, c->n), c, NULL)) return true;
    free(c);
    return false;
}

static void address_remove(struct broker_local *b, struct slice address)
{
    char key[FAILURES_ADDRESS];
    struct address_count *c = map_get(&b->exchange_addresses, failures_address(address, key));
    if (!c || --c->count) return;
    map_del(&b->exchange_addresses, slice_of(c->key, c->n));
    free(c);
}

static bool list_add(struct broker_local *b, struct exchange_local *x)
{
    if (b->stopping || b->exchange_count >= b->config.max_exchanges ||
        !address_add(b, x->config.address))
        return false;
    x->deadline = clock_mono_us() + b->config.exchange_timeout_us;
    x->older = b->newest;
    if (b->newest) b->newest->newer = x;
    else b->oldest = x;
    b->newest = x;
    b->exchange_count++;
    x->listed = true;
    return true;
}

static void list_remove(struct broker_local *b, struct exchange_local *x)
{
    if (!x->listed) return;
    if (x->newer) x->newer->older = x->older;
    else b->newest = x->older;
    if (x->older) x->older->newer = x->newer;
    else b->oldest = x->newer;
    x->listed = false;
    b->exchange_count--;
    address_remove(b, x->config.address);
}

void exchanges_expire(struct broker_local *b, int64_t now)
{
    while (b->oldest && b->oldest->deadline <= now) {
        struct exchange_local *x = b->oldest;
        list_remove(b, x);
        x->over = true;
        if (x->busy) continue; /* its step finds out */
        mech_free(x->mech);
        x->mech = NULL;
    }
}

/* ---- an exchange ---- */

static void exchange_unref(struct exchange_local *x)
{
    if (__atomic_sub_fetch(&x->refs, 1, __ATOMIC_ACQ_REL) != 0) return;
    mech_free(x->mech);
    arena_free(&x->arena);
    broker_local_unref(x->broker);
    free(x);
}

cimf_status local_exchange_new(struct auth_broker *base, const struct auth_exchange_config *config,
                               struct exec *home, struct auth_exchange **out, struct error *e)
{
    struct broker_local *b = broker_local(base);
    struct exchange_local *x = calloc(1, sizeof *x);
    *out = NULL;
    if (!x) return error_set(e, CIMF_OUT_OF_MEMORY, "auth", "no memory for an exchange");
    x->base.broker = base;
    x->refs = 1;
    x->broker = b;
    __atomic_add_fetch(&b->refs, 1, __ATOMIC_RELAXED);
    x->home = home;
    arena_init(&x->arena, 1 << 16);
    x->config = *config;
    x->config.bindings = arena_dup(&x->arena, config->bindings);
    x->config.more_bindings = arena_dup(&x->arena, config->more_bindings);
    x->config.target = arena_dup(&x->arena, config->target);
    x->config.address = arena_dup(&x->arena, slice_head(config->address, FAILURES_ADDRESS));
    pthread_mutex_lock(&b->lock);
    bool listed = arena_status(&x->arena) == CIMF_OK && list_add(b, x);
    if (listed && b->oldest == x) pthread_cond_broadcast(&b->wake); /* the clock has a deadline now */
    pthread_mutex_unlock(&b->lock);
    if (!listed) {
        exchange_unref(x);
        return error_set(e, CIMF_SERVER_TOO_BUSY, "auth", "too many unfinished authentications");
    }
    *out = &x->base;
    return CIMF_OK;
}

void local_exchange_free(struct auth_exchange *base)
{
    struct exchange_local *x = exchange_local(base);
    x->freed = true;
    pthread_mutex_lock(&x->broker->lock);
    list_remove(x->broker, x);
    pthread_mutex_unlock(&x->broker->lock);
    exchange_unref(x);
}

/* ---- a step ---- */

/* The principal of a mechanism that is done. The account is looked up again: it may have gone between the
 * legs, or somebody else may have its name now. */
static const struct principal *principal_of(struct exchange_local *x, struct mech *m)
{
    struct broker_local *b = x->broker;
    if (strcmp(m->ops->name, "NTLM") != 0) return exchange_kerberos_principal(x, m);
    struct accounts *all = broker_accounts(b, NULL);
    const struct account *a = broker_account(b, all, m->user);
    const struct principal *p = NULL;
    if (broker_active(a) && a->rid == x->rid)
        p = identity_of_account(b, all, a, AUTH_NTLM, NULL, 0);
    accounts_unref(all);
    return p;
}

static void complete(struct step *s, struct error *e)
{
    struct exchange_local *x = s->x;
    struct mech *m = x->config.mechanism == AUTH_MECH_NEGOTIATE ? spnego_chosen(x->mech) : x->mech;
    s->t.principal = m && !x->config.initiate ? principal_of(x, m) : NULL;
    if (!s->t.principal && !x->config.initiate) {
        s->result = MECH_FAILED;
        error_set(e, CIMF_NOT_AUTHENTICATED, "auth", "no account of this machine may log in with it");
        return;
    }
    s->context = x->mech;
    x->mech = NULL;
}

static void audit(const struct step *s, bool bound, struct slice user, const struct error *e)
{
    struct broker_login login = { .principal = s->t.principal, .user = user,
                                  .address = s->x->config.address, .scheme = s->mechanism,
                                  .bound = bound, .status = s->t.status };
    if (!s->t.principal) login.detail = error_text(e);
    if (s->x->config.credssp) login.scheme = "CredSSP"; /* the client goes on to hand over its password */
    broker_audit(&login);
}

/* What the peer learns: malformed tokens apart there is one refusal. */
static cimf_status answer_status(const struct error *e)
{
    return e->status == CIMF_BAD_REQUEST || e->status == CIMF_OUT_OF_MEMORY ? e->status
                                                                           : CIMF_NOT_AUTHENTICATED;
}

static void advance(struct step *s)
{
    struct exchange_local *x = s->x;
    struct error e = ERROR_INIT;
    x->key = s->t.key;
    s->result = MECH_FAILED;
    if (x->mech || exchange_mech_new(x, s->token, &e) == CIMF_OK)
        s->result = mech_step(x->mech, s->token, &s->out, &e);
    s->mechanism = exchange_mech_name(x);
    bool bound = x->mech && (x->mech->flags & MECH_BOUND);
    if (s->result == MECH_COMPLETE) complete(s, &e);
    if (s->result == MECH_FAILED && e.status == CIMF_OK) e.status = CIMF_NOT_AUTHENTICATED;
    s->t.status = s->result == MECH_FAILED ? answer_status(&e) : CIMF_OK;
    if (s->result == MECH_CONTINUE) return;
    if (x->config.initiate) {
        log_info("auth", "the daemon logs in elsewhere target=" SLICE_FMT " result=%s", SLICE_ARG(x->config.target),
                 s->result == MECH_COMPLETE ? "done" : error_text(&e));
        return;
    }
    if (s->proof) attempt_count(&s->t, s->result == MECH_COMPLETE);
    audit(s, bound, s->t.key, &e);
}

/* The step is done; what it was the last of goes. */
static void end_step(struct step *s)
{
    struct exchange_local *x = s->x;
    struct broker_local *b = x->broker;
    pthread_mutex_lock(&b->lock);
    x->busy = false;
    x->over |= s->result != MECH_CONTINUE;
    if (x->over) list_remove(b, x);
    struct mech *dead = x->over ? x->mech : NULL;
    if (dead) x->mech = NULL;
    x->key = SLICE_NULL;
    pthread_mutex_unlock(&b->lock);
    mech_free(dead);
}

static void run(struct attempt *t)
{
    struct step *s = (struct step *)t;
    struct exchange_local *x = s->x;
    struct broker_local *b = x->broker;
    s->ran = true;
    t->status = s->bad || s->second ? CIMF_BAD_REQUEST : CIMF_NOT_AUTHENTICATED;
    if (s->second) return; /* the exchange belongs to the other step */
    pthread_mutex_lock(&b->lock);
    bool over = x->over || x->deadline <= clock_mono_us();
    pthread_mutex_unlock(&b->lock);
    if (!over && !s->bad) advance(s);
    end_step(s);
}

static void dispose(struct step *s)
{
    struct exchange_local *x = s->x;
    if (!s->ran && !s->second) end_step(s); /* found no room */
    buf_wipe(&s->out);
    OPENSSL_cleanse(s, s->size);
    free(s);
    exchange_unref(x);
}

static void drop(struct attempt *t)
{
    struct step *s = (struct step *)t;
    principal_unref(t->principal);
    mech_free(s->context);
    dispose(s);
}

static void deliver(struct attempt *t)
{
    struct step *s = (struct step *)t;
    if (s->x->freed) {
        drop(t);
        return;
    }
    bool ok = t->status == CIMF_OK;
    struct auth_exchange_answer a = {
        .result = ok ? s->result : MECH_FAILED,
        .status = t->status,
        .token = buf_slice(&s->out),
        .principal = t->principal,
        .context = s->context,
        .mechanism = ok && s->result == MECH_COMPLETE ? s->mechanism : NULL,
    };
    s->done(s->arg, &a);
    dispose(s);
}

static struct step *step_new(struct exchange_local *x, struct slice token)
{
    struct arena scratch;
    struct buf key;
    arena_init(&scratch, 1 << 18);
    buf_init(&key, 4096);
    struct slice claimed = exchange_claimed(&scratch, token);
    if (claimed.p) broker_key(x->broker, claimed, &key);
    size_t size = sizeof(struct step) + token.n + key.n;
    struct step *s = calloc(1, size);
    if (s) {
        char *at = (char *)(s + 1);
        s->size = size;
        s->x = x;
        s->proof = claimed.p != NULL;
        s->result = MECH_FAILED;
        s->token = attempt_text(&at, token);
        buf_init(&s->out, LIMIT_MECH_TOKEN);
        s->t = (struct attempt){ .broker = x->broker, .home = x->home, .run = run,
                                 .deliver = deliver, .drop = drop, .address = x->config.address,
                                 .key = attempt_text(&at, buf_slice(&key)),
                                 .kind = s->proof ? ATTEMPT_PROOF : ATTEMPT_FREE };
        __atomic_add_fetch(&x->refs, 1, __ATOMIC_RELAXED);
    }
    buf_free(&key);
    arena_free(&scratch);
    return s;
}

void local_exchange_step(struct auth_exchange *base, struct slice token, auth_exchange_done *done,
                         void *arg)
{
    struct exchange_local *x = exchange_local(base);
    bool too_long = token.n > LIMIT_MECH_TOKEN;
    struct step *s = step_new(x, too_long ? SLICE("") : token);
    if (!s) {
        struct auth_exchange_answer a = { .result = MECH_FAILED, .status = CIMF_OUT_OF_MEMORY };
        done(arg, &a);
        return;
    }
    s->done = done;
    s->arg = arg;
    s->bad = too_long;
    pthread_mutex_lock(&x->broker->lock);
    s->second = x->busy;
    x->busy = true;
    pthread_mutex_unlock(&x->broker->lock);
    attempt_submit(&s->t);
}
