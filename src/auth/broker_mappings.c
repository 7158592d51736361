/* The certificate map for administrators who are somewhere else: read, changed, recorded. */
#include <stdlib.h>

#include "auth/broker_priv.h"
#include "base/buf.h"

#define RESOURCE SLICE("http://schemas.microsoft.com/wbem/wsman/1/config/service/certmapping")

struct mapping_question {
    struct attempt t;
    auth_mappings_done *done;
    void *arg;
    struct arena arena;
    const struct principal *by;
    struct auth_mapping q;
    struct certmap *map;            /* keeps the rows */
    struct certmap_row *rows;
    unsigned count;
    uint64_t generation;
    struct error error;
};

/* As he is now: he may have lost his groups since he logged in. */
static bool is_administrator(struct mapping_question *x, const struct accounts *all)
{
    cimf_status status;
    bool covered = x->by->uri_pattern_count == 0;
    for (unsigned i = 0; i < x->by->uri_pattern_count; i++) covered |= certmap_uri_matches(x->by->uri_patterns[i], RESOURCE);
    const struct principal *now = covered ? broker_now(x->t.broker, all, x->by, &status) : NULL;
    bool yes = now && now->administrator;
    principal_unref(now);
    return yes;
}

static bool asked_for(const struct certmap_row *r, const struct certmap_row *key)
{
    return (!key->issuer.n || slice_ieq(r->issuer, key->issuer)) && (!key->subject.n || slice_ieq(r->subject, key->subject)) &&
           (!key->uri.n || slice_eq(r->uri, key->uri)) && (!key->user.n || slice_ieq(r->user, key->user));
}

static cimf_status list(struct mapping_question *x, struct error *e)
{
    x->map = broker_certmap(x->t.broker);
    unsigned most = x->map ? certmap_count(x->map) : 0;
    x->rows = ARENA_ARRAY(&x->arena, (size_t)most + 1, struct certmap_row);
    if (!x->rows) return error_set(e, CIMF_OUT_OF_MEMORY, "auth", "no memory for the certificate map");
    for (unsigned i = 0; i < most; i++)
        if (asked_for(certmap_at(x->map, i), &x->q.row)) x->rows[x->count++] = *certmap_at(x->map, i);
    return CIMF_OK;
}

static cimf_status change(struct mapping_question *x, const struct accounts *all, struct error *e)
{
    struct broker_local *b = x->t.broker;
    const struct accounts_place place = { .path = b->config.certificates_path };
    struct certmap_row *row = &x->q.row, key = *row;
    cimf_status s = CIMF_OK;
    if (!place.path) return error_set(e, CIMF_NOT_SUPPORTED, "auth", "there is no certificate map");
    if (b->config.certificates_fixed) return error_set(e, CIMF_ACCESS_DENIED, "auth", "auth.certificates is locked by policy");
    key.user = SLICE("");
    if (!row->issuer.n || !row->subject.n || !row->uri.n)
        return error_set(e, CIMF_INVALID_PARAMETER, "auth", "issuer, subject and URI must be said");
    if (x->q.verb == AUTH_MAPPING_ADD && !row->user.n)
        return error_set(e, CIMF_INVALID_PARAMETER, "auth", "the user must be said");
    if (x->q.verb != AUTH_MAPPING_DELETE && row->user.n && !(all && accounts_find(all, row->user)))
        return error_set(e, CIMF_INVALID_PARAMETER, "auth", "there is no account of that name");
    if (x->q.verb == AUTH_MAPPING_ADD) s = certmap_add(&place, row, e);
    else if (x->q.verb == AUTH_MAPPING_PUT) s = certmap_put(&place, row, x->q.keep_enabled, e);
    else s = certmap_del(&place, &key, NULL, e);
    if (s == CIMF_OK) broker_refresh(b, true, NULL); /* its failure is logged there: nobody logs in then */
    return s;
}

static void record(const struct mapping_question *x, cimf_status status, bool may)
{
    static const char *const verbs[] = { "list", "add", "put", "del" };
    const struct certmap_row *r = &x->q.row;
    struct buf detail;
    buf_init(&detail, 4096);
    buf_printf(&detail, "certmap %s: issuer=" SLICE_FMT " subject=" SLICE_FMT " uri=" SLICE_FMT, verbs[x->q.verb], SLICE_ARG(r->issuer),
               SLICE_ARG(slice_head(r->subject, 160)), SLICE_ARG(slice_head(r->uri, 160)));
    struct audit_record a = { .event = may ? AUDIT_ACCOUNT_CHANGED : AUDIT_DENIED, .principal = x->by,
                              .object = may ? r->user : RESOURCE, .status = status, .detail = buf_slice(&detail) };
    audit_write(&a);
    buf_free(&detail);
}

static void run(struct attempt *t)
{
    struct mapping_question *x = (struct mapping_question *)t;
    struct accounts *all = broker_accounts(t->broker, &x->generation);
    bool may = is_administrator(x, all);
    if (!may) t->status = error_set(&x->error, CIMF_ACCESS_DENIED, "auth", "only administrators see and change the certificate map");
    else t->status = x->q.verb == AUTH_MAPPING_LIST ? list(x, &x->error) : change(x, all, &x->error);
    accounts_unref(all);
    if (!may || x->q.verb != AUTH_MAPPING_LIST) record(x, t->status, may);
}

static void dispose(struct mapping_question *x)
{
    certmap_unref(x->map);
    principal_unref(x->by);
    arena_free(&x->arena);
    free(x);
}

static void deliver(struct attempt *t)
{
    struct mapping_question *x = (struct mapping_question *)t;
    const struct auth_mappings_answer a = { t->status, x->rows, x->count, x->generation, &x->error };
    x->done(x->arg, &a);
    dispose(x);
}

static void drop(struct attempt *t) { dispose((struct mapping_question *)t); }

void local_mappings(struct auth_broker *base, const struct principal *by, const struct auth_mapping *q,
                    struct exec *home, auth_mappings_done *done, void *arg)
{
    struct broker_local *b = broker_local(base);
    struct mapping_question *x = calloc(1, sizeof *x);
    if (!x) {
        const struct auth_mappings_answer a = { .status = CIMF_OUT_OF_MEMORY };
        done(arg, &a);
        return;
    }
    arena_init(&x->arena, 4 << 20);
    x->t = (struct attempt){ .broker = b, .home = home, .run = run, .deliver = deliver, .drop = drop, .kind = ATTEMPT_FREE,
                            .owner = principal_owner(by) };
    x->q = *q;
    struct slice *const copied[] = { &x->q.row.issuer, &x->q.row.subject, &x->q.row.uri, &x->q.row.user };
    for (size_t i = 0; i < sizeof copied / sizeof copied[0]; i++) /* one byte more: it is then refused as too long */
        *copied[i] = arena_dup(&x->arena, slice_head(*copied[i], CERTMAP_URI_MAX + 1));
    x->by = principal_ref(by);
    x->done = done;
    x->arg = arg;
    attempt_submit(&x->t);
}
