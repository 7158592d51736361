/*
 * Classes. Record = u32 number, u32 number of the superclass (0: none), declaration. Beside it: number ->
 * name, and (superclass, class) pairs that answer "has it subclasses?".
 */
#include <stdlib.h>

#include "repo/record_priv.h"
#include "repo/repo_priv.h"

enum { CLASS_HEAD = 8 };

/* --- finding ------------------------------------------------------------------------------------- */

static cimf_status class_key(struct repo_txn *txn, uint32_t ns, struct slice name, struct key *k,
                             struct error *e)
{
    key_start(k, KEY_CLASS);
    key_u32(k, ns);
    return key_folded(k, name, &txn->fold) ? CIMF_OK
                                           : error_set(e, CIMF_OUT_OF_MEMORY, "repo", "the name is too long");
}

cimf_status repo_class_parse(struct slice value, struct class_ref *out, struct error *e)
{
    if (value.n < CLASS_HEAD) return repo_damaged(e, "a class record is cut");
    memcpy(&out->id, value.p, sizeof out->id);
    memcpy(&out->super, value.p + 4, sizeof out->super);
    out->decl = slice_sub(value, CLASS_HEAD);
    struct reader r = reader_of(out->decl);
    out->name = read_text(&r);
    return r.bad ? repo_damaged(e, "a class record cannot be read") : CIMF_OK;
}

cimf_status repo_class_find(struct repo_txn *txn, uint32_t ns, struct slice name, struct class_ref *out,
                            struct error *e)
{
    struct key k;
    struct slice value;
    *out = (struct class_ref){ .ns = ns };
    cimf_status status = class_key(txn, ns, name, &k, e);
    if (!status) status = repo_record_get(txn, &k, &value, e);
    return status ? status : repo_class_parse(value, out, e);
}

static void id_key(struct key *k, uint32_t id)
{
    key_start(k, KEY_CLASS_ID);
    key_u32(k, id);
}

cimf_status repo_class_by_id(struct repo_txn *txn, uint32_t id, uint32_t *ns, struct slice *name,
                             struct error *e)
{
    struct key k;
    struct slice value;
    id_key(&k, id);
    cimf_status status = repo_record_get(txn, &k, &value, e);
    if (status == CIMF_NOT_FOUND || (!status && value.n < sizeof *ns)) {
        return repo_damaged(e, "a record belongs to a class that is not there");
    }
    if (status) return status;
    memcpy(ns, value.p, sizeof *ns);
    *name = slice_sub(value, sizeof *ns);
    return CIMF_OK;
}

static cimf_status no_class(struct slice name, struct error *e)
{
    error_set(e, CIMF_NOT_FOUND, "repo", "there is no class \"" SLICE_FMT "\"",
              SLICE_ARG(slice_head(name, 200)));
    error_subject(e, name);
    return CIMF_NOT_FOUND;
}

cimf_status repo_get_class(struct repo_txn *txn, struct arena *a, struct slice ns, struct slice name,
                           struct cim_class_decl *out, struct error *e)
{
    uint32_t id;
    struct class_ref c;
    cimf_status status = repo_namespace_id(txn, ns, &id, e);
    if (status) return status;
    status = repo_class_find(txn, id, name, &c, e);
    if (status == CIMF_NOT_FOUND) return no_class(name, e);
    return status ? status : record_class_decode(a, c.decl, out, e);
}

/* --- loading a namespace --------------------------------------------------------------------------- */

struct loaded {
    struct class_ref c;
    uint32_t depth; /* 1 for a root class; 0: not known yet */
};

struct load {
    struct loaded *all;
    size_t count, room;
};

static cimf_status gather(struct repo_txn *txn, uint32_t ns, struct load *l, struct error *e)
{
    struct key prefix;
    struct walk w;
    key_start(&prefix, KEY_CLASS);
    key_u32(&prefix, ns);
    cimf_status status = walk_begin(&w, txn, &prefix, NULL, e);
    if (status) return status;
    while (!(status = walk_next(&w, txn, e))) {
        if (l->count == l->room) {
            size_t room = l->room ? l->room * 2 : 256;
            struct loaded *more = realloc(l->all, room * sizeof *more);
            status = more ? CIMF_OK : error_set(e, CIMF_OUT_OF_MEMORY, "repo", "too many classes");
            if (status) break;
            l->all = more;
            l->room = room;
        }
        l->all[l->count] = (struct loaded){ .depth = 0 };
        status = repo_class_parse(w.value, &l->all[l->count].c, e);
        if (status) break;
        l->count++;
    }
    return walk_finish(&w, status);
}

static int by_id(const void *a, const void *b)
{
    uint32_t x = ((const struct loaded *)a)->c.id, y = ((const struct loaded *)b)->c.id;
    return x < y ? -1 : x > y;
}

/* Stable for equal depths as numbers grow. */
static int by_depth(const void *a, const void *b)
{
    uint32_t x = ((const struct loaded *)a)->depth, y = ((const struct loaded *)b)->depth;
    return x < y ? -1 : x > y ? 1 : by_id(a, b);
}

/* Sorted by number. Goes up to the first known depth, then gives depths on a second way up. */
static cimf_status set_depth(struct load *l, struct loaded *c, struct error *e)
{
    uint32_t steps = 0;
    struct loaded *at = c;
    while (at && !at->depth && at->c.super && steps <= l->count) {
        struct loaded super = { .c.id = at->c.super };
        at = bsearch(&super, l->all, l->count, sizeof super, by_id);
        steps++;
    }
    if (!at || steps > l->count) {
        cimf_status status = repo_damaged(e, "a superclass is missing or derives from its own subclass");
        error_subject(e, c->c.name);
        return status;
    }
    uint32_t depth = (at->depth ? at->depth : 1) + steps;
    for (at = c; at && !at->depth; depth--) {
        struct loaded super = { .c.id = at->c.super };
        at->depth = depth;
        at = at->c.super ? bsearch(&super, l->all, l->count, sizeof super, by_id) : NULL;
    }
    return CIMF_OK;
}

static cimf_status emit(struct load *l, repo_class_fn *fn, void *arg, struct error *e)
{
    struct arena a;
    cimf_status status = CIMF_OK;
    arena_init(&a, 0);
    for (size_t i = 0; i < l->count && !status; i++) {
        struct cim_class_decl decl;
        status = record_class_decode(&a, l->all[i].c.decl, &decl, e);
        if (status) error_subject(e, l->all[i].c.name);
        else status = fn(arg, &decl);
        arena_reset(&a);
    }
    arena_free(&a);
    return status;
}

cimf_status repo_load_classes(struct repo_txn *txn, struct slice ns, repo_class_fn *fn, void *arg,
                              struct error *e)
{
    struct load l = { NULL, 0, 0 };
    uint32_t id;
    cimf_status status = repo_namespace_id(txn, ns, &id, e);
    if (!status) status = gather(txn, id, &l, e);
    if (!status && l.count) {
        qsort(l.all, l.count, sizeof *l.all, by_id);
        for (size_t i = 0; i < l.count && !status; i++) status = set_depth(&l, &l.all[i], e);
        if (!status) {
            qsort(l.all, l.count, sizeof *l.all, by_depth);
            status = emit(&l, fn, arg, e);
        }
    }
    free(l.all);
    return status;
}

/* --- writing --------------------------------------------------------------------------------------- */

static void child_key(struct key *k, uint32_t super, uint32_t id)
{
    key_start(k, KEY_CHILD);
    key_u32(k, super);
    key_u32(k, id);
}

static cimf_status bad_super(struct error *e, struct slice super, const char *why)
{
    cimf_status status = error_set(e, CIMF_INVALID_SUPERCLASS, "repo", "the superclass %s", why);
    error_subject(e, super);
    return status;
}

/* No class among the ancestors of `super` may be `id`. */
static cimf_status check_ancestors(struct repo_txn *txn, uint32_t ns, struct class_ref super,
                                   uint32_t id, struct error *e)
{
    struct slice first = super.name;
    for (unsigned depth = 0; depth <= LIMIT_DERIVATION; depth++) {
        if (super.id == id) return bad_super(e, first, "derives from this class");
        if (!super.super) return CIMF_OK;
        struct slice name;
        uint32_t owner;
        cimf_status status = repo_class_by_id(txn, super.super, &owner, &name, e);
        if (!status) status = repo_class_find(txn, ns, name, &super, e);
        if (status) return status == CIMF_NOT_FOUND ? repo_damaged(e, "a superclass is missing") : status;
    }
    return error_set(e, CIMF_QUOTA_VIOLATION, "repo", "the class has more than %d ancestors", LIMIT_DERIVATION);
}

static cimf_status put_record(struct repo_txn *txn, const struct key *k, const struct class_ref *c,
                              const struct cim_class_decl *decl, struct error *e)
{
    struct buf *b = repo_record_begin(txn);
    buf_add(b, &c->id, sizeof c->id);
    buf_add(b, &c->super, sizeof c->super);
    if (!record_class_encode(b, decl) && buf_ok(b)) {
        return error_set(e, CIMF_QUOTA_VIOLATION, "repo", "embedded objects are nested too deeply");
    }
    return repo_record_put(txn, k, e);
}

static cimf_status put_links(struct repo_txn *txn, uint32_t ns, const struct class_ref *c,
                             uint32_t old_super, bool is_new, struct slice name, struct error *e)
{
    struct key k;
    cimf_status status = CIMF_OK;
    if (is_new) {
        struct buf *b = repo_record_begin(txn);
        buf_add(b, &ns, sizeof ns);
        buf_slice_add(b, name);
        id_key(&k, c->id);
        status = repo_record_put(txn, &k, e);
    }
    if (!status && old_super && old_super != c->super) {
        child_key(&k, old_super, c->id);
        status = repo_record_delete(txn, &k, NULL, e);
    }
    if (!status && c->super && (is_new || old_super != c->super)) {
        child_key(&k, c->super, c->id);
        repo_record_begin(txn);
        status = repo_record_put(txn, &k, e);
    }
    return status;
}

cimf_status repo_put_class(struct repo_txn *txn, struct slice ns, const struct cim_class_decl *decl,
                           struct error *e)
{
    uint32_t ns_id;
    struct key k;
    struct class_ref old, super = { 0 };
    struct cim_class_decl stored = *decl;
    cimf_status status = repo_namespace_id(txn, ns, &ns_id, e);
    if (!status && decl->super.n) {
        status = repo_class_find(txn, ns_id, decl->super, &super, e);
        if (status == CIMF_NOT_FOUND) return bad_super(e, decl->super, "does not exist");
    }
    if (status) return status;
    status = repo_class_find(txn, ns_id, decl->name, &old, e);
    bool is_new = status == CIMF_NOT_FOUND;
    if (status && !is_new) return status;
    struct class_ref c = { .ns = ns_id, .id = old.id, .super = super.id };
    if (is_new) status = repo_new_id(txn, IDS_CLASS, &c.id, e);
    else if (old.super != super.id && super.id) status = check_ancestors(txn, ns_id, super, c.id, e);
    else status = CIMF_OK;
    if (!status) status = class_key(txn, ns_id, decl->name, &k, e);
    if (status) return status;
    if (!is_new) stored.name = old.name; /* the first spelling stays; borrowed until the put */
    status = put_record(txn, &k, &c, &stored, e);
    return status ? status : put_links(txn, ns_id, &c, is_new ? 0 : old.super, is_new, decl->name, e);
}

/* All that belongs to a class, but no subclasses. */
static cimf_status delete_class(struct repo_txn *txn, uint32_t ns, const struct class_ref *c,
                                const struct key *k, struct error *e)
{
    struct key other;
    uint32_t id = c->id, super = c->super; /* *c borrows from pages that change */
    cimf_status status = repo_delete_instances(txn, ns, id, e);
    key_start(&other, KEY_LAYOUT);
    key_u32(&other, id);
    if (!status) status = repo_delete_prefix(txn, &other, e);
    id_key(&other, id);
    if (!status) status = repo_record_delete(txn, &other, NULL, e);
    child_key(&other, super, id);
    if (!status && super) status = repo_record_delete(txn, &other, NULL, e);
    return status ? status : repo_record_delete(txn, k, NULL, e);
}

static bool has_children(struct repo_txn *txn, uint32_t id)
{
    struct key prefix;
    struct walk w;
    key_start(&prefix, KEY_CHILD);
    key_u32(&prefix, id);
    if (walk_begin(&w, txn, &prefix, NULL, NULL)) return true;
    bool any = walk_next(&w, txn, NULL) != CIMF_NOT_FOUND;
    walk_end(&w);
    return any;
}

cimf_status repo_delete_class(struct repo_txn *txn, struct slice ns, struct slice name, struct error *e)
{
    uint32_t ns_id;
    struct class_ref c;
    struct key k;
    cimf_status status = repo_namespace_id(txn, ns, &ns_id, e);
    if (status) return status;
    status = repo_class_find(txn, ns_id, name, &c, e);
    if (status == CIMF_NOT_FOUND) return no_class(name, e);
    if (!status && has_children(txn, c.id)) {
        status = error_set(e, CIMF_CLASS_HAS_CHILDREN, "repo", "%s", "");
        error_subject(e, name);
    }
    if (!status) status = class_key(txn, ns_id, name, &k, e);
    return status ? status : delete_class(txn, ns_id, &c, &k, e);
}

cimf_status repo_delete_classes(struct repo_txn *txn, uint32_t ns, struct error *e)
{
    struct key prefix, k;
    key_start(&prefix, KEY_CLASS);
    key_u32(&prefix, ns);
    for (;;) {
        struct walk w;
        struct class_ref c;
        cimf_status status = walk_begin(&w, txn, &prefix, NULL, e);
        if (status) return status;
        status = walk_next(&w, txn, e);
        if (!status) {
            k.n = 0;
            key_bytes(&k, w.key.mv_data, w.key.mv_size);
            status = repo_class_parse(w.value, &c, e);
        }
        bool end = w.end;
        walk_end(&w);
        if (!status) status = delete_class(txn, ns, &c, &k, e);
        if (status) return end ? CIMF_OK : status;
    }
}
