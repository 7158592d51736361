/*
 * Changes of schemas inside write functions. The repository commits several writes at once and may
 * run a write function again, so a write must build on what its own transaction sees, not on what
 * readers see. Every change stores a number for the namespace, unique in the store; schemas in
 * memory carry theirs. A write function takes the schema with the number that its transaction
 * shows: the published one, one that an earlier write of the same group made (pending), or, after
 * odd histories, a fresh load.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "cimom/security.h"

#define SEQ_NAME SLICE("schema.seq")

static uint64_t setting_number(struct repo_txn *txn, struct slice ns)
{
    struct arena a;
    arena_init(&a, 0);
    struct slice v;
    uint64_t n = 0;
    if (!repo_get_setting(txn, &a, ns, SEQ_NAME, &v, NULL) && v.n == sizeof n) {
        memcpy(&n, v.p, sizeof n);
    }
    arena_free(&a);
    return n;
}

uint64_t schema_seq(struct repo_txn *txn, struct slice ns)
{
    return setting_number(txn, ns);
}

/* --- loading ---------------------------------------------------------------------------------- */

struct loading {
    struct cim_schema_editor *ed;
};

/* A class that the rules of this version refuse must not make its namespace unusable. */
static cimf_status load_class(void *arg, const struct cim_class_decl *decl)
{
    struct loading *l = arg;
    struct error e = ERROR_INIT;
    cimf_status s = cim_schema_put(l->ed, decl, CIM_RESOLVE_SYSTEM, NULL, &e);
    if (s == CIMF_OUT_OF_MEMORY) return s;
    if (s)
        log_error("cimom", "stored class is not valid and left out class=" SLICE_FMT " error=%s",
                  SLICE_ARG(decl->name), error_text(&e));
    return CIMF_OK;
}

static cimf_status load_qualifier(void *arg, const struct cim_qualifier_decl *decl)
{
    return cim_schema_put_qualifier(((struct loading *)arg)->ed, decl);
}

cimf_status schema_load(struct repo_txn *txn, struct slice ns, struct cim_schema **out,
                        struct error *e)
{
    struct cim_schema *empty = cim_schema_new(ns);
    struct loading l = { empty ? cim_schema_edit(empty) : NULL };
    cim_schema_unref(empty);
    if (!l.ed) return CIMF_OUT_OF_MEMORY;
    /* Declarations first: the editor reads from them whether the namespace follows DSP0004. */
    cimf_status s = repo_load_qualifiers(txn, ns, load_qualifier, &l, e);
    if (!s) s = repo_load_classes(txn, ns, load_class, &l, e);
    if (!s) return cim_schema_commit(l.ed, out, e);
    cim_schema_abandon(l.ed);
    return s;
}

cimf_status edit_schema(struct cimom *m, struct repo_txn *txn, struct slice ns,
                        struct cim_schema **out, struct error *e)
{
    if (!repo_has_namespace(txn, ns)) {
        error_set(e, CIMF_INVALID_NAMESPACE, "cimom", "the namespace does not exist");
        error_subject(e, ns);
        return CIMF_INVALID_NAMESPACE;
    }
    if (m->unpublished) return schema_load(txn, ns, out, e);
    uint64_t seq = setting_number(txn, ns);
    struct cimom_ns *published = ns_find(m, ns);
    if (published) {
        struct cim_schema *s = NULL;
        pthread_mutex_lock(&published->lock);
        if (published->schema && published->seq == seq) s = cim_schema_ref(published->schema);
        pthread_mutex_unlock(&published->lock);
        ns_unref(published);
        if ((*out = s)) return CIMF_OK;
    }
    for (struct pending_schema *p = m->pending; p; p = p->next) {
        if (p->seq != seq || !slice_ieq(cim_schema_namespace(p->schema), ns)) continue;
        *out = cim_schema_ref(p->schema);
        return CIMF_OK;
    }
    return schema_load(txn, ns, out, e);
}

/* --- the edit --------------------------------------------------------------------------------- */

static void entry_free(struct edit_ns *en)
{
    if (en->ed) cim_schema_abandon(en->ed);
    cim_schema_unref(en->next);
    cim_schema_unref(en->base);
    security_change_free(en->security);
    free(en);
}

static void forget_pending(struct cimom *m, uint64_t seq)
{
    struct pending_schema **at = &m->pending;
    while (*at) {
        struct pending_schema *p = *at;
        if (p->seq != seq) {
            at = &p->next;
            continue;
        }
        *at = p->next;
        cim_schema_unref(p->schema);
        free(p);
    }
}

static void edit_clear(struct edit *ed)
{
    if (ed->seq) forget_pending(ed->m, ed->seq);
    for (size_t i = 0; i < ed->count; i++) entry_free(ed->list[i]);
    free(ed->list);
    *ed = (struct edit){ .m = ed->m };
}

void edit_begin(struct edit *ed, struct cimom *m, struct repo_txn *txn)
{
    ed->m = m;
    edit_clear(ed);
    ed->txn = txn;
}

static struct edit_ns *edit_find(struct edit *ed, struct slice ns)
{
    for (size_t i = ed->count; i-- > 0;) {
        if (slice_ieq(ed->list[i]->name, ns)) return ed->list[i];
    }
    return NULL;
}

static struct edit_ns *edit_add(struct edit *ed, struct slice ns)
{
    if (ed->count == ed->room) {
        size_t room = ed->room ? ed->room * 2 : 8;
        struct edit_ns **list = realloc(ed->list, room * sizeof *list);
        if (!list) return NULL;
        ed->list = list;
        ed->room = room;
    }
    struct edit_ns *en = calloc(1, sizeof *en + ns.n + 1);
    if (!en) return NULL;
    memcpy(en + 1, ns.p, ns.n);
    en->name = slice_of((char *)(en + 1), ns.n);
    return ed->list[ed->count++] = en;
}

cimf_status edit_open(struct edit *ed, struct slice ns, struct edit_ns **out, struct error *e)
{
    *out = edit_find(ed, ns);
    if (*out && !(*out)->deleted) return CIMF_OK;
    struct cim_schema *base;
    cimf_status s = edit_schema(ed->m, ed->txn, ns, &base, e);
    if (s) return s;
    *out = edit_add(ed, ns);
    if (!*out) {
        cim_schema_unref(base);
        return CIMF_OUT_OF_MEMORY;
    }
    (*out)->base = base;
    return CIMF_OK;
}

const struct cim_class *edit_class(struct edit_ns *en, struct slice name)
{
    return en->ed ? cim_schema_edit_class(en->ed, name) : cim_schema_class(en->base, name);
}

static bool edit_start(struct edit_ns *en)
{
    if (!en->ed) en->ed = cim_schema_edit(en->base);
    return en->ed != NULL;
}

cimf_status edit_put_class(struct edit *ed, struct edit_ns *en, const struct cim_class_decl *decl,
                           unsigned resolve_flags, const struct cim_class **out, struct error *e)
{
    if (!edit_start(en)) return CIMF_OUT_OF_MEMORY;
    const struct cim_class *made = NULL;
    cimf_status s = cim_schema_put(en->ed, decl, resolve_flags, &made, e);
    if (!s) s = repo_put_class(ed->txn, en->name, &made->decl, e);
    if (out) *out = made;
    return s;
}

cimf_status edit_delete_class(struct edit *ed, struct edit_ns *en, const struct cim_class *cls,
                              struct error *e)
{
    if (!edit_start(en)) return CIMF_OUT_OF_MEMORY;
    cim_class_ref(cls);
    cimf_status s = cim_schema_delete(en->ed, cls->name, e);
    if (!s) s = repo_delete_class(ed->txn, en->name, cls->name, e);
    cim_class_unref(cls);
    return s;
}

cimf_status edit_put_qualifier(struct edit *ed, struct edit_ns *en,
                               const struct cim_qualifier_decl *decl, struct error *e)
{
    if (!edit_start(en)) return CIMF_OUT_OF_MEMORY;
    cimf_status s = cim_schema_put_qualifier(en->ed, decl);
    return s ? s : repo_put_qualifier(ed->txn, en->name, decl, e);
}

cimf_status edit_make_namespace(struct edit *ed, struct slice ns, bool *created, struct error *e)
{
    *created = false;
    if (repo_has_namespace(ed->txn, ns)) return CIMF_OK;
    cimf_status s = repo_put_namespace(ed->txn, ns, e);
    if (s) return s;
    struct edit_ns *en = edit_add(ed, ns);
    if (!en || !(en->base = cim_schema_new(ns)) || !edit_start(en)) return CIMF_OUT_OF_MEMORY;
    *created = true;
    return compile_system(ed, ns, e);
}

cimf_status edit_delete_namespace(struct edit *ed, struct slice ns, struct error *e)
{
    cimf_status s = repo_delete_namespace(ed->txn, ns, true, e);
    if (s) return s;
    for (size_t i = 0; i < ed->count; i++) {
        struct slice name = ed->list[i]->name;
        if (slice_istarts(name, ns) && (name.n == ns.n || name.p[ns.n] == '/')) {
            ed->list[i]->deleted = true;
        }
    }
    struct edit_ns *en = edit_add(ed, ns);
    if (!en) return CIMF_OUT_OF_MEMORY;
    en->deleted = true;
    return CIMF_OK;
}

cimf_status edit_put_security(struct edit *ed, struct edit_ns *en, const struct security_record *r,
                              struct error *e)
{
    struct security_change *c = security_change_new(r);
    if (!c) return CIMF_OUT_OF_MEMORY;
    security_change_free(en->security);
    en->security = c;
    return security_write(ed->txn, en->name, r, e);
}

/* PutClass in force mode dropped what conflicted from subclasses: their records follow. */
static cimf_status store_descendants(struct edit *ed, struct edit_ns *en, struct error *e)
{
    size_t at = 0;
    const struct cim_class *c;
    cimf_status s = CIMF_OK;
    while (!s && (c = cim_schema_walk(en->next, NULL, &at))) {
        const struct cim_class *was = cim_schema_class(en->base, c->name);
        if (!was || was == c || cim_class_decl_equal(&was->decl, &c->decl)) continue;
        s = repo_put_class(ed->txn, en->name, &c->decl, e);
    }
    return s;
}

static cimf_status remember_pending(struct edit *ed, struct cim_schema *schema)
{
    struct pending_schema *p = calloc(1, sizeof *p);
    if (!p) return CIMF_OUT_OF_MEMORY;
    *p = (struct pending_schema){ ed->m->pending, ed->seq, cim_schema_ref(schema) };
    ed->m->pending = p;
    return CIMF_OK;
}

cimf_status edit_commit(struct edit *ed, struct error *e)
{
    uint64_t seq = setting_number(ed->txn, SLICE_NULL) + 1;
    struct slice bytes = slice_of((const char *)&seq, sizeof seq);
    bool changed = false;
    for (size_t i = 0; i < ed->count; i++) {
        struct edit_ns *en = ed->list[i];
        if (en->deleted || !en->ed) continue;
        cimf_status s = cim_schema_commit(en->ed, &en->next, e);
        en->ed = NULL;
        en->seq = ed->seq = seq;
        if (!s && en->force) s = store_descendants(ed, en, e);
        if (!s) s = repo_put_setting(ed->txn, en->name, SEQ_NAME, bytes, e);
        if (!s) s = remember_pending(ed, en->next);
        if (s) return s;
        changed = true;
    }
    return changed ? repo_put_setting(ed->txn, SLICE_NULL, SEQ_NAME, bytes, e) : CIMF_OK;
}

void edit_end(struct edit *ed, bool durable)
{
    for (size_t i = 0; durable && i < ed->count; i++) {
        struct edit_ns *en = ed->list[i];
        if (en->deleted) {
            table_remove(ed->m, en->name);
            continue;
        }
        if (en->security) {
            security_publish(ed->m, en->name, en->security); /* before a new one can be found */
            en->security = NULL;
        }
        if (en->next) {
            table_publish(ed->m, en->name, en->next, en->seq);
            en->next = NULL;
        }
    }
    edit_clear(ed);
}
