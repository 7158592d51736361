/* TLS client certificates: the map decides which account, the account whether it may. */
#include <stdlib.h>

#include "auth/broker_priv.h"
#include "auth/certmap.h"

enum { CERTIFICATE_MAX = 64 << 10 };

struct certificate_question {
    struct attempt t;
    auth_done *done;
    void *arg;
    struct arena arena;
    struct slice certificate, issuer;
};

static void find(struct certificate_question *x, const struct certmap *map, struct certmap_match *m,
                 struct error *e)
{
    struct attempt *t = &x->t;
    struct broker_local *b = t->broker;
    t->status = certmap_match(&x->arena, map, x->certificate, x->issuer, m, e);
    if (t->status != CIMF_OK) return;
    struct accounts *all = broker_accounts(b, NULL);
    const struct account *a = broker_account(b, all, m->user);
    t->status = CIMF_NOT_AUTHENTICATED;
    if (broker_active(a)) {
        t->principal = identity_of_account(b, all, a, AUTH_CERTIFICATE, m->uri_patterns,
                                           m->uri_pattern_count);
        t->status = t->principal ? CIMF_OK : CIMF_FAILED;
    } else {
        error_set(e, CIMF_NOT_AUTHENTICATED, "auth", "the mapped account may not log in");
    }
    accounts_unref(all);
}

static void verify(struct attempt *t)
{
    struct certificate_question *x = (struct certificate_question *)t;
    struct certmap_match m = { .user = SLICE("") };
    struct error e = ERROR_INIT;
    struct certmap *map = broker_certmap(t->broker);
    t->status = CIMF_NOT_AUTHENTICATED;
    if (map) find(x, map, &m, &e);
    else error_set(&e, CIMF_NOT_AUTHENTICATED, "auth", "there is no certificate map");
    if (t->status != CIMF_OK && t->status != CIMF_FAILED) t->status = CIMF_NOT_AUTHENTICATED;
    struct slice user = m.user;
    struct certmap_names names;
    if (!user.n && certmap_names(&x->arena, x->certificate, &names, NULL) == CIMF_OK && names.count)
        user = names.list[0];
    struct broker_login login = { .principal = t->principal, .user = user, .address = t->address,
                                  .scheme = "Certificate", .status = t->status,
                                  .detail = t->principal ? NULL : error_text(&e) };
    broker_audit(&login);
    certmap_unref(map);
}

static void dispose(struct certificate_question *x)
{
    arena_free(&x->arena);
    free(x);
}

static void deliver(struct attempt *t)
{
    struct certificate_question *x = (struct certificate_question *)t;
    x->done(x->arg, t->status, t->principal);
    dispose(x);
}

static void drop(struct attempt *t)
{
    principal_unref(t->principal);
    dispose((struct certificate_question *)t);
}

/* The TLS handshake has proved the key: nothing here can be guessed, so nothing is delayed. */
void local_check_certificate(struct auth_broker *base, const struct auth_certificate *q,
                             struct exec *home, auth_done *done, void *arg)
{
    struct broker_local *b = broker_local(base);
    struct certificate_question *x = calloc(1, sizeof *x);
    if (!x) {
        done(arg, CIMF_OUT_OF_MEMORY, NULL);
        return;
    }
    arena_init(&x->arena, 1 << 20);
    x->t = (struct attempt){ .broker = b, .home = home, .run = verify, .deliver = deliver, .drop = drop,
                             .kind = ATTEMPT_FREE,
                             .address = arena_dup(&x->arena, slice_head(q->address, FAILURES_ADDRESS)) };
    x->certificate = arena_dup(&x->arena, slice_head(q->certificate, CERTIFICATE_MAX));
    x->issuer = arena_dup(&x->arena, slice_head(q->issuer, CERTIFICATE_MAX));
    x->done = done;
    x->arg = arg;
    if (b->config.certificate && arena_status(&x->arena) == CIMF_OK) attempt_submit(&x->t);
    else attempt_refuse(&x->t);
}
