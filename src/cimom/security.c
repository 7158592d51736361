#include "cimom/security.h"

#include <stdlib.h>

#include "auth/sddl.h"
#include "base/log.h"

#define RECORD_NAME SLICE("security")
enum { RECORD_VERSION = 1, RECORD_HEAD = 2 }; /* u8 version, u8 flags, then the descriptor */

#define SECURITY_NAMESPACE_SDDL "O:BAG:BAD:P(A;CI;CCDCLCSWRPWPRCWD;;;BA)"

struct security_change {
    struct security_record record; /* its bytes follow */
};

struct security_change *security_change_new(const struct security_record *r)
{
    struct security_change *c = malloc(sizeof *c + r->given.n);
    if (!c) return NULL;
    c->record.flags = r->flags;
    if (r->given.n) memcpy(c + 1, r->given.p, r->given.n);
    c->record.given = slice_of((char *)(c + 1), r->given.n);
    return c;
}

void security_change_free(struct security_change *c)
{
    free(c);
}

/* --- what is in force --------------------------------------------------------------------------- */

struct ns_security *security_ref(struct ns_security *s)
{
    atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
    return s;
}

void security_unref(struct ns_security *s)
{
    if (!s || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1) return;
    struct arena a = s->arena; /* s itself lives in it */
    arena_free(&a);
}

static void unref_parent(void *s)
{
    security_unref(s);
}

struct ns_security *ns_security(struct cimom_ns *ns)
{
    pthread_mutex_lock(&ns->lock);
    struct ns_security *s = ns->security ? security_ref(ns->security) : NULL;
    pthread_mutex_unlock(&ns->lock);
    return s;
}

static bool isolated(struct slice ns)
{
    return slice_ieq(ns, SLICE("root/security"));
}

static struct slice parent_of(struct slice ns)
{
    size_t n = ns.n;
    while (n && ns.p[n - 1] != '/') n--;
    return slice_head(ns, n ? n - 1 : 0);
}

/* Its own descriptor, or the default for one that has none. NULL in *out: the parent's. */
static cimf_status own_of(struct arena *a, struct slice ns, struct slice given,
                          const struct ns_security *parent, const struct sd **out)
{
    *out = NULL;
    if (given.n) return sd_parse(a, given, out, NULL);
    const char *text = "O:BAG:BAD:";
    if (isolated(ns)) text = SECURITY_NAMESPACE_SDDL;
    else if (!parent) text = ACCESS_NAMESPACE_SDDL;
    else if (parent->sd->control & SD_DACL_PROTECTED) return CIMF_OK;
    return sddl_parse(a, slice_str(text), NULL, out, NULL);
}

/* parent NULL: a namespace at the top. */
static struct ns_security *make(struct slice ns, const struct security_record *r,
                                struct ns_security *parent)
{
    struct arena a;
    arena_init(&a, (size_t)1 << 20);
    struct ns_security *s = ARENA_NEW(&a, struct ns_security);
    const struct sd *own;
    struct error e = ERROR_INIT;
    if (!s || own_of(&a, ns, r->given, parent, &own)) goto fail;
    s->flags = r->flags;
    if (!own) s->sd = parent->sd;
    else if (inherit_namespace(&a, isolated(ns) || !parent ? NULL : parent->sd, own, &s->sd, &e)) goto fail;
    /* What is inherited borrows from the parent. */
    if (parent && !arena_hold(&a, security_ref(parent), unref_parent)) goto fail;
    if (a.overflow) goto fail;
    atomic_init(&s->refs, 1);
    s->arena = a;
    return s;
fail:
    log_error("cimom", "no usable security descriptor, nobody gets in ns=" SLICE_FMT " error=%s",
              SLICE_ARG(ns), error_text(&e));
    arena_free(&a);
    return NULL;
}

void security_renew(struct cimom_ns *ns)
{
    struct slice above = parent_of(ns->name);
    struct cimom_ns *parent = above.n ? map_get(&ns->m->table, above) : NULL;
    struct ns_security *from = parent ? ns_security(parent) : NULL, *old;
    /* A parent without one: fail closed. */
    struct security_record given = ns->given ? ns->given->record : (struct security_record){ .flags = 0 };
    struct ns_security *s = above.n && !from ? NULL : make(ns->name, &given, from);
    security_unref(from);
    pthread_mutex_lock(&ns->lock);
    old = ns->security;
    ns->security = s;
    pthread_mutex_unlock(&ns->lock);
    security_unref(old);
}

static bool at_or_below(struct slice name, struct slice top)
{
    return !top.n || (slice_istarts(name, top) && (name.n == top.n || name.p[top.n] == '/'));
}

static int by_depth(const void *a, const void *b)
{
    const struct cimom_ns *x = *(struct cimom_ns *const *)a, *y = *(struct cimom_ns *const *)b;
    return x->name.n < y->name.n ? -1 : x->name.n > y->name.n; /* a child's name is longer */
}

void security_rebuild(struct cimom *m, struct slice top)
{
    size_t n = 0, at = 0;
    struct slice key;
    void *value;
    struct cimom_ns **list = calloc(m->table.count + 1, sizeof *list);
    while (map_next(&m->table, &at, &key, &value)) {
        struct cimom_ns *ns = value;
        if (!at_or_below(key, top)) continue;
        if (list) {
            list[n++] = ns;
            continue;
        }
        pthread_mutex_lock(&ns->lock); /* no memory: closed rather than as it was */
        struct ns_security *old = ns->security;
        ns->security = NULL;
        pthread_mutex_unlock(&ns->lock);
        security_unref(old);
    }
    if (list) qsort(list, n, sizeof(struct cimom_ns *), by_depth);
    for (size_t i = 0; i < n; i++) security_renew(list[i]);
    free(list);
}

/* --- the store ---------------------------------------------------------------------------------- */

cimf_status security_read(struct repo_txn *txn, struct arena *a, struct slice ns,
                          struct security_record *out, struct error *e)
{
    struct slice v;
    *out = (struct security_record){ .flags = 0 };
    cimf_status s = repo_get_setting(txn, a, ns, RECORD_NAME, &v, e);
    if (s == CIMF_NOT_FOUND) return CIMF_OK;
    if (s) return s;
    if (v.n < RECORD_HEAD || v.p[0] != RECORD_VERSION) {
        error_set(e, CIMF_CORRUPT_STORE, "cimom", "the security record of a namespace is not valid");
        error_subject(e, ns);
        return CIMF_CORRUPT_STORE;
    }
    out->flags = (uint8_t)v.p[1];
    out->given = slice_sub(v, RECORD_HEAD);
    return CIMF_OK;
}

cimf_status security_write(struct repo_txn *txn, struct slice ns, const struct security_record *r,
                           struct error *e)
{
    struct buf b;
    buf_init(&b, SD_BYTES_MAX + RECORD_HEAD);
    const char head[RECORD_HEAD] = { RECORD_VERSION, (char)r->flags };
    buf_add(&b, head, sizeof head);
    buf_add(&b, r->given.p, r->given.n);
    cimf_status s = buf_ok(&b) ? repo_put_setting(txn, ns, RECORD_NAME, buf_slice(&b), e)
                               : error_set(e, CIMF_OUT_OF_MEMORY, "cimom", "security descriptor");
    buf_free(&b);
    return s;
}

cimf_status security_load(struct cimom *m, struct repo_txn *txn, struct error *e)
{
    struct arena a;
    arena_init(&a, 0);
    size_t at = 0;
    struct slice key;
    void *value;
    cimf_status s = CIMF_OK;
    while (!s && map_next(&m->table, &at, &key, &value)) {
        struct security_record r;
        arena_reset(&a);
        s = security_read(txn, &a, key, &r, e);
        struct cimom_ns *ns = value;
        security_change_free(ns->given);
        ns->given = NULL;
        if (!s && r.flags + r.given.n && !(ns->given = security_change_new(&r))) s = CIMF_OUT_OF_MEMORY;
    }
    arena_free(&a);
    if (!s) security_rebuild(m, SLICE_NULL);
    return s;
}

/* --- changes ------------------------------------------------------------------------------------ */

void security_publish(struct cimom *m, struct slice name, struct security_change *c)
{
    pthread_rwlock_wrlock(&m->table_lock);
    struct cimom_ns *ns = table_add(m, name);
    if (ns) {
        security_change_free(ns->given);
        ns->given = c;
        security_rebuild(m, name);
    } else {
        security_change_free(c); /* not in the table: nobody gets in */
    }
    pthread_rwlock_unlock(&m->table_lock);
}

struct setting {
    struct cimom *m;
    struct slice ns;
    const struct sd *sd;
    bool sacl;
    struct security_change *change;
    pthread_mutex_t lock;
    pthread_cond_t ready;
    bool over;
    cimf_status status;
    struct error error;
};

/* Without inherited ACEs (they are worked out) and with the SACL that counts. */
static cimf_status stripped(struct arena *a, const struct acl *in, const struct acl **out)
{
    *out = NULL;
    if (!in) return CIMF_OK;
    struct acl *acl = ARENA_NEW(a, struct acl);
    struct ace *aces = ARENA_ARRAY(a, in->count + 1, struct ace);
    if (!acl || !aces) return CIMF_OUT_OF_MEMORY;
    *acl = (struct acl){ in->revision, 0, aces };
    for (unsigned i = 0; i < in->count; i++) {
        if (!(in->aces[i].flags & ACE_INHERITED)) aces[acl->count++] = in->aces[i];
    }
    *out = acl;
    return CIMF_OK;
}

static cimf_status own_bytes(struct setting *w, struct arena *a, const struct security_record *was,
                             struct buf *out, struct error *e)
{
    struct sd own = *w->sd;
    cimf_status s = stripped(a, w->sd->dacl, &own.dacl);
    if (!s) s = stripped(a, w->sd->sacl, &own.sacl);
    if (!s && !w->sacl) {
        const struct sd *old = NULL;
        if (was->given.n) s = sd_parse(a, was->given, &old, e);
        own.sacl = old ? old->sacl : NULL;
        own.control &= (uint16_t)~(SD_SACL_PRESENT | SD_SACL_PROTECTED);
        if (old) own.control |= old->control & (SD_SACL_PRESENT | SD_SACL_PROTECTED);
    }
    return s ? s : sd_write(&own, out, e);
}

static cimf_status write_setting(struct repo_txn *txn, void *arg, struct error *e)
{
    struct setting *w = arg;
    struct arena a;
    struct security_record r;
    struct buf bytes;
    arena_init(&a, 0);
    buf_init(&bytes, SD_BYTES_MAX);
    security_change_free(w->change);
    w->change = NULL;
    cimf_status s = security_read(txn, &a, w->ns, &r, e);
    if (!s && w->sd) s = own_bytes(w, &a, &r, &bytes, e);
    if (!s) {
        r.given = buf_slice(&bytes);
        s = security_write(txn, w->ns, &r, e);
    }
    if (!s && !(w->change = security_change_new(&r))) s = CIMF_OUT_OF_MEMORY;
    buf_free(&bytes);
    arena_free(&a);
    return s;
}

static void setting_done(void *arg, cimf_status status, const struct error *e)
{
    struct setting *w = arg;
    if (!status) security_publish(w->m, w->ns, w->change);
    else security_change_free(w->change);
    pthread_mutex_lock(&w->lock);
    w->status = status;
    if (e) w->error = *e;
    w->over = true;
    pthread_cond_signal(&w->ready);
    pthread_mutex_unlock(&w->lock);
}

/* What it would be with all that it inherits must still be a descriptor. */
static cimf_status fits(struct cimom *m, struct slice ns, const struct sd *sd, struct error *e)
{
    struct slice above = parent_of(ns);
    struct cimom_ns *parent = above.n ? ns_find(m, above) : NULL;
    struct ns_security *from = parent ? ns_security(parent) : NULL;
    struct arena a;
    const struct sd *all;
    arena_init(&a, (size_t)1 << 20);
    cimf_status s = inherit_namespace(&a, from && !isolated(ns) ? from->sd : NULL, sd, &all, e);
    arena_free(&a);
    security_unref(from);
    ns_unref(parent);
    return s;
}

cimf_status security_set(struct cimom *m, struct slice ns, const struct sd *sd, bool sacl,
                         struct error *e)
{
    struct setting w = { .m = m, .ns = ns, .sd = sd, .sacl = sacl, .lock = PTHREAD_MUTEX_INITIALIZER,
                         .ready = PTHREAD_COND_INITIALIZER };
    cimf_status s = sd ? inherit_namespace_check(sd, e) : CIMF_OK;
    if (!s && sd) s = fits(m, ns, sd, e);
    if (!s) s = repo_write_soon(m->repo, write_setting, &w, NULL, setting_done, e);
    if (s) return s;
    pthread_mutex_lock(&w.lock);
    while (!w.over) pthread_cond_wait(&w.ready, &w.lock);
    pthread_mutex_unlock(&w.lock);
    if (w.status && e) *e = w.error;
    return w.status;
}
