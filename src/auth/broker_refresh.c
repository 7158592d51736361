/* Is somebody who logged in a while ago still who he was? */
#include <stdlib.h>

#include "auth/broker_priv.h"

struct refresh {
    struct attempt t;
    auth_done *done;
    void *arg;
    const struct principal *was;
};

/* The account that a principal was made from, unless another one has its name now. */
static const struct account *account_still(const struct accounts *all, const struct principal *p)
{
    struct sid s;
    char sid[SID_TEXT];
    const struct account *a = all ? accounts_find(all, p->name) : NULL;
    if (!broker_active(a) || !accounts_sid(all, a->rid, &s)) return NULL;
    sid_format(&s, sid);
    return strcmp(sid, p->sid) == 0 ? a : NULL;
}

const struct principal *broker_now(const struct broker_local *b, const struct accounts *all, const struct principal *p,
                                   cimf_status *status)
{
    const struct account *a = account_still(all, p);
    const struct principal *now = NULL;
    *status = CIMF_NOT_AUTHENTICATED;
    if (p->scheme == AUTH_LOCAL) now = principal_ref(p);
    else if (p->domain.n) now = identity_of_realm_user_now(b, all, p);
    else if (a) now = identity_of_account(b, all, a, p->scheme, p->uri_patterns, p->uri_pattern_count);
    else if (b->config.pam_service && slice_starts(slice_str(p->sid), SLICE("S-1-22-1-")) &&
             !(all && accounts_find(all, p->name)) && identity_user_is(b, p->name, p->sid))
        now = identity_of_user(b, p->name, p->scheme); /* PAM let it in */
    if (now) *status = CIMF_OK;
    else if (a) *status = CIMF_FAILED;
    return now;
}

static void run(struct attempt *t)
{
    struct refresh *x = (struct refresh *)t;
    struct broker_local *b = t->broker;
    struct accounts *all = broker_accounts(b, NULL);
    t->status = CIMF_NOT_AUTHENTICATED;
    if (x->was->scheme != AUTH_CERTIFICATE) t->principal = broker_now(b, all, x->was, &t->status);
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
                                  .deliver = deliver, .drop = drop, .kind = ATTEMPT_FREE, .owner = principal_owner(p) },
                           .done = done, .arg = arg, .was = principal_ref(p) };
    attempt_submit(&x->t);
}
