/* Is somebody who logged in a while ago still who he was? */
#include <stdio.h>
#include <stdlib.h>

#include "auth/broker_priv.h"

struct refresh {
    struct attempt t;
    auth_done *done;
    void *arg;
    const struct principal *was;
};

bool broker_still(const struct broker_local *b, const struct accounts *all, const struct principal *p,
                  const struct account **account)
{
    struct sid s;
    char sid[SID_TEXT], name[ACCOUNTS_NAME_MAX + 1];
    *account = NULL;
    if (p->scheme == AUTH_LOCAL) return true;
    if (p->domain.n) { /* a realm's: its account here, if it has one, may have been closed */
        int n = snprintf(name, sizeof name, SLICE_FMT "@" SLICE_FMT, SLICE_ARG(p->name),
                         SLICE_ARG(p->domain));
        const struct account *a = all && n > 0 && (size_t)n < sizeof name
                                      ? accounts_find(all, slice_of(name, (size_t)n))
                                      : NULL;
        return !a || broker_active(a);
    }
    const struct account *a = all ? accounts_find(all, p->name) : NULL;
    if (!a && b->config.pam_service && slice_starts(slice_str(p->sid), SLICE("S-1-22-1-")))
        return identity_user_is(b, p->name, p->sid); /* PAM let it in */
    if (!broker_active(a) || !accounts_sid(all, a->rid, &s)) return false;
    sid_format(&s, sid);
    if (strcmp(sid, p->sid) != 0) return false; /* another account of that name */
    *account = a;
    return true;
}

static void run(struct attempt *t)
{
    struct refresh *x = (struct refresh *)t;
    struct broker_local *b = t->broker;
    const struct account *a;
    struct accounts *all = broker_accounts(b, NULL);
    t->status = CIMF_NOT_AUTHENTICATED;
    if (x->was->scheme != AUTH_CERTIFICATE && broker_still(b, all, x->was, &a)) {
        t->principal = a ? identity_of_account(b, all, a, x->was->scheme, NULL, 0)
                         : principal_ref(x->was);
        t->status = t->principal ? CIMF_OK : CIMF_FAILED;
    }
    accounts_unref(all);
}

static void deliver(struct attempt *t)
{
    struct refresh *x = (struct refresh *)t;
    x->done(x->arg, t->status, t->principal);
    principal_unref(x->was);
    free(x);
}

static void drop(struct attempt *t)
{
    struct refresh *x = (struct refresh *)t;
    principal_unref(t->principal);
    principal_unref(x->was);
    free(x);
}

void local_refresh(struct auth_broker *base, const struct principal *p, struct exec *home,
                   auth_done *done, void *arg)
{
    struct refresh *x = calloc(1, sizeof *x);
    if (!x) {
        done(arg, CIMF_OUT_OF_MEMORY, NULL);
        return;
    }
    *x = (struct refresh){ .t = { .broker = broker_local(base), .home = home, .run = run,
                                  .deliver = deliver, .drop = drop, .kind = ATTEMPT_FREE },
                           .done = done, .arg = arg, .was = principal_ref(p) };
    attempt_submit(&x->t);
}
