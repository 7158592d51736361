#include "cimom/select.h"

#include "base/log.h"

/* --- classes ---------------------------------------------------------------------------------- */

static const struct cim_class *next_class(struct select *sel)
{
    for (;;) {
        if (sel->shallow || sel->only) {
            if (sel->walk++) return NULL;
            return sel->only ? sel->only : sel->top;
        }
        const struct cim_class *c = cim_schema_walk(sel->schema, sel->top, &sel->walk);
        if (!c || source_kind_of(sel->ns, c) != SOURCE_NONE) return c;
    }
}

/* True when the failure is of a subclass that may be left out. */
static bool may_skip(struct select *sel, struct task *t)
{
    if (sel->cls == sel->top || task_stopped(t)) return false;
    if (t->status == CIMF_OUT_OF_MEMORY || t->status == CIMF_CALL_CANCELLED) return false;
    if (source_kind_of(sel->ns, sel->cls) != SOURCE_PROVIDER) return false;
    if (!atomic_exchange(&ns_provider(sel->ns, sel->cls)->told, true)) {
        log_warn("cimom", "class left out of results class=" SLICE_FMT " error=%s",
                 SLICE_ARG(sel->cls->name), error_text(t->error));
    }
    *t->error = ERROR_INIT;
    t->status = CIMF_OK;
    return true;
}

enum gen select_next(struct select *sel, struct task *t, struct arena *a, struct cim_instance **out)
{
    *out = NULL;
    if (!sel->cls && !(sel->cls = next_class(sel))) return GEN_END;
    enum gen g = GEN_END;
    if (!sel->open) {
        g = source_open(&sel->source, t, sel->ns, sel->schema, sel->cls, &sel->wish);
        if (g == GEN_POOL) return g;
        sel->open = g == GEN_END;
        if (sel->open && sel->resume) sel->source.after = sel->resume_key;
        sel->resume = false;
    }
    if (sel->open) {
        g = source_next(&sel->source, a, out);
        if (g == GEN_OBJECT || g == GEN_MORE || g == GEN_POOL) return g;
        source_close(&sel->source);
        sel->open = false;
    }
    if (g == GEN_ERROR && !may_skip(sel, t)) return g;
    sel->cls = NULL;
    return GEN_MORE;
}

bool select_place(struct select *sel, struct arena *a, struct select_place *out)
{
    *out = (struct select_place){ .walk = sel->walk, .cls = sel->cls };
    return !sel->open || source_place(&sel->source, a, &out->place);
}

bool select_seek(struct select *sel, const struct select_place *place)
{
    bool same = sel->open && sel->cls == place->cls;
    if (!same && source_kind_of(sel->ns, place->cls) != SOURCE_REPO) return false;
    sel->walk = place->walk;
    if (same) {
        source_seek(&sel->source, &place->place);
        return true;
    }
    if (sel->open) source_close(&sel->source);
    sel->open = false;
    sel->cls = place->cls;
    sel->resume = true;
    sel->resume_key.n = (uint16_t)place->place.key.n;
    if (place->place.key.n) memcpy(sel->resume_key.p, place->place.key.p, place->place.key.n);
    return true;
}

void select_suspend(struct select *sel)
{
    if (sel->open) source_suspend(&sel->source);
}

void select_close(struct select *sel)
{
    if (sel->open) source_close(&sel->source);
    sel->open = false;
}

/* --- what is wanted --------------------------------------------------------------------------- */

static void want(const struct cim_class *cls, struct slice name, uint8_t *w)
{
    int at = cim_class_property(cls, name);
    if (at >= 0) w[at] = 1;
}

cimf_status wants_of(struct arena *a, const struct cim_class *cls, const struct cim_op *in,
                     uint8_t **out)
{
    *out = NULL;
    /* Partial retrieval by context (C9): the list, or keys only, which wins. */
    bool extended = input_true(in, "__GET_EXTENSIONS");
    const struct cim_value *list = extended ? input_context(in, "__GET_EXT_PROPERTIES") : NULL;
    bool keys = (in->flags & CIM_KEYS_ONLY) || (extended && input_true(in, "__GET_EXT_KEYS_ONLY"));
    if (list && (list->null || list->type != (CIM_STRING | CIM_ARRAY))) return CIMF_INVALID_CONTEXT;
    if (extended && !list && !keys) return CIMF_INVALID_CONTEXT;
    if (!in->wanted && !list && !keys) return CIMF_OK;
    uint8_t *w = arena_zalloc(a, cls->property_count + 1);
    if (!w) return CIMF_OUT_OF_MEMORY;
    for (uint32_t i = 0; i < cls->key_count; i++) w[cls->keys[i]] = 1;
    for (uint32_t i = 0; !keys && i < in->wanted_count; i++) want(cls, in->wanted[i], w);
    for (uint32_t i = 0; !keys && list && i < list->v.a.n; i++) {
        want(cls, cim_array_get(CIM_STRING, list->v.a, i).s, w);
    }
    *out = w;
    return CIMF_OK;
}

/* --- one instance by path --------------------------------------------------------------------- */

cimf_status bind_instance_path(struct arena *a, const struct cim_path *path,
                               const struct cim_class *cls, struct cim_path *out, struct error *e)
{
    struct cim_path p = *path;
    if (p.kind == CIM_PATH_CLASS && (cls->flags & CIM_CLASS_SINGLETON)) p.kind = CIM_PATH_SINGLETON;
    cimf_status s = CIMF_INVALID_OBJECT_PATH;
    if (p.kind == CIM_PATH_CLASS || p.kind == CIM_PATH_NAMESPACE) {
        error_set(e, s, "cimom", "the path names no instance: its keys are missing");
    } else if (p.kind == CIM_PATH_SINGLETON && !(cls->flags & CIM_CLASS_SINGLETON)) {
        error_set(e, s, "cimom", "'=@' is for singleton classes");
    } else {
        return cim_path_bind(a, &p, cls, out, e);
    }
    error_subject(e, cls->name);
    return s;
}

/* Key properties of a bound path as fixed keys for providers. */
static cimf_status keys_of_path(struct arena *a, const struct cim_path *bound, struct source_wish *wish)
{
    struct cim_context_value *k = ARENA_ARRAY(a, bound->key_count + 1, struct cim_context_value);
    if (!k) return CIMF_OUT_OF_MEMORY;
    for (uint32_t i = 0; i < bound->key_count; i++) {
        k[i].name = bound->keys[i].name;
        k[i].value = bound->keys[i].value;
    }
    wish->keys = k;
    wish->key_count = bound->key_count;
    return CIMF_OK;
}

struct target {
    struct task *t;
    struct cimom_ns *ns;
    struct cim_schema *schema;
    const struct cim_class *cls;
    struct cim_path bound;
    struct slice key_text;
    struct source_wish wish;
};

static enum gen fetch_stored(struct target *g, struct arena *a, struct cim_instance **out)
{
    struct task *t = g->t;
    struct repo_txn *txn;
    cimf_status s = repo_read_begin(t->m->repo, &txn, t->error);
    if (s) return task_fail(t, s);
    struct repo_classes classes = repo_classes_of(g->schema);
    s = repo_get_instance(txn, a, g->ns->name, repo_key_class(g->cls)->name, g->key_text, &classes,
                          out, t->error);
    repo_read_end(txn);
    if (s == CIMF_NOT_FOUND) {
        *t->error = ERROR_INIT;
        return GEN_END;
    }
    if (s) return task_fail(t, s);
    struct cim_instance *in = *out;
    if (!cim_schema_isa(g->schema, in->cls, g->cls)) return GEN_END;
    in->ns = g->ns->name;
    in->server = t->m->server;
    for (uint32_t i = 0; g->wish.wants && i < in->cls->property_count; i++) {
        if (i >= g->wish.of->property_count || !g->wish.wants[i]) in->state[i] = CIM_UNSENT;
    }
    return GEN_OBJECT;
}

/* 1: this one, 0: another, -1: failed. */
static int same_key(struct target *g, struct arena *a, const struct cim_instance *in)
{
    if (g->bound.kind == CIM_PATH_SINGLETON) return 1;
    struct cim_path path;
    struct slice text;
    if (cim_path_of(a, in, &path, NULL)) return 0;
    if (cim_path_key_text(a, &path, g->ns->name, &text)) return -1;
    return slice_eq(text, g->key_text);
}

static enum gen fetch_rows(struct target *g, const struct cim_class *cls, struct arena *a,
                           struct cim_instance **out)
{
    struct source s;
    enum gen r = source_open(&s, g->t, g->ns, g->schema, cls, &g->wish);
    if (r != GEN_END) return r;
    for (;;) {
        struct arena_mark mark = arena_mark(a);
        r = source_next(&s, a, out);
        if (r == GEN_OBJECT) {
            int same = same_key(g, a, *out);
            if (same > 0) break;
            if (same < 0) {
                r = task_fail(g->t, CIMF_OUT_OF_MEMORY);
                break;
            }
        } else if (r != GEN_MORE) {
            break;
        }
        if (task_stopped(g->t)) {
            r = task_fail(g->t, CIMF_CALL_CANCELLED);
            break;
        }
        arena_rewind(a, mark);
    }
    source_close(&s);
    return r;
}

static bool has_rows(struct target *g, const struct cim_class *c)
{
    enum source_kind k = source_kind_of(g->ns, c);
    return k == SOURCE_PROVIDER || k == SOURCE_NAMESPACES;
}

static enum gen fetch_target(struct target *g, bool direct, struct arena *a,
                             struct cim_instance **out)
{
    bool own_rows = has_rows(g, g->cls);
    if (!own_rows) {
        enum gen r = fetch_stored(g, a, out);
        if (r == GEN_OBJECT && direct && (*out)->cls != g->cls) return GEN_END;
        if (r != GEN_END) return r;
    }
    if (g->ns->providers.count == 0 && !own_rows) return GEN_END;
    size_t at = 0;
    const struct cim_class *c;
    cimf_status failed = CIMF_OK;
    while ((c = cim_schema_walk(g->schema, g->cls, &at))) {
        if (!has_rows(g, c)) continue;
        enum gen r = fetch_rows(g, c, a, out);
        if (r == GEN_OBJECT || r == GEN_POOL) return r;
        if (r == GEN_ERROR && (task_stopped(g->t) || g->t->status == CIMF_OUT_OF_MEMORY)) return r;
        /* Another class may still have it; if none does, the failure is the answer. */
        if (r == GEN_ERROR && !failed) failed = g->t->status;
        if (direct) break;
    }
    if (failed) return task_fail(g->t, failed);
    return own_rows && !direct ? fetch_stored(g, a, out) : GEN_END;
}

enum gen fetch(struct task *t, struct cimom_ns *ns, struct cim_schema *schema,
               const struct cim_path *path, bool direct, const struct source_wish *wish,
               struct arena *a, struct cim_instance **out)
{
    *out = NULL;
    struct target g = { .t = t, .ns = ns, .schema = schema };
    g.cls = cim_schema_class(schema, path->class_name);
    if (!g.cls) {
        error_set(t->error, CIMF_INVALID_CLASS, "cimom", "the class does not exist in " SLICE_FMT,
                  SLICE_ARG(ns->name));
        error_subject(t->error, path->class_name);
        return task_fail(t, CIMF_INVALID_CLASS);
    }
    cimf_status s = bind_instance_path(a, path, g.cls, &g.bound, t->error);
    if (!s) s = cim_path_key_text(a, &g.bound, ns->name, &g.key_text);
    if (wish) g.wish = *wish;
    if (!s) s = keys_of_path(a, &g.bound, &g.wish);
    return s ? task_fail(t, s) : fetch_target(&g, direct, a, out);
}
