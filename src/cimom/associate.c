/*
 * ASSOCIATORS OF and REFERENCES OF (cim-core.md 2.10). Static associations come from the
 * repository's reverse index, dynamic ones from their providers, asked with the reference fixed;
 * nothing is compared pair by pair. Rows are association instances; each gives itself or its other
 * ends.
 */
#include "cimom/associate.h"

#include <stdlib.h>

enum { FOUND_MAX = 64, REFS_MAX = 64 };

/* --- the source object ------------------------------------------------------------------------ */

/* Texts under which stored references may name the source: each class that shares its keys. */
static cimf_status make_targets(struct task *t, struct assoc *as)
{
    struct arena *a = &t->arena;
    const struct cim_class *stop = repo_key_class(as->src);
    as->targets = ARENA_ARRAY(a, as->src->depth - stop->depth + 1, struct slice);
    if (!as->targets) return CIMF_OUT_OF_MEMORY;
    cimf_status s = CIMF_OK;
    for (const struct cim_class *c = as->src; !s && c; c = c == stop ? NULL : c->super) {
        struct cim_path p = as->src_path;
        p.class_name = c->name;
        struct buf text;
        buf_init(&text, 0);
        s = cim_path_write(&text, &p, true) ? cim_reference_key(a, buf_slice(&text), t->ns->name,
                                                                &as->targets[as->target_count++])
                                            : CIMF_OUT_OF_MEMORY;
        buf_free(&text);
    }
    return s;
}

static enum gen load_source(struct task *t, struct assoc *as)
{
    const struct cim_path *path = &as->q->path;
    struct cim_instance *in;
    const struct cim_class *named = cim_schema_class(t->schema, path->class_name);
    struct source_wish wish = { .of = named };
    enum gen g = fetch(t, t->ns, t->schema, path, false, &wish, &t->item, &in);
    if (g == GEN_END) return task_failf(t, CIMF_NOT_FOUND, "the source object does not exist");
    if (g != GEN_OBJECT) return g;
    as->src = in->cls;
    struct cim_path bound;
    cimf_status s = bind_instance_path(&t->arena, path, as->src, &bound, t->error);
    if (!s) s = path_copy(&t->arena, &bound, &as->src_path);
    if (!s) s = cim_path_key_text(&t->arena, &as->src_path, t->ns->name, &as->src_key);
    as->src_path.class_name = as->src->name;
    if (!s) s = make_targets(t, as);
    if (s) return task_fail(t, s);
    as->phase = ASSOC_STORED;
    return GEN_MORE;
}

/* The text of a reference names the source. */
static bool is_source(struct task *t, struct assoc *as, struct slice text, struct arena *a)
{
    struct cim_path p, bound;
    if (cim_path_parse(a, text, &p, NULL)) return false;
    if (p.ns.n && !slice_ieq(p.ns, t->ns->name)) return false;
    const struct cim_class *c = cim_schema_class(t->schema, p.class_name);
    if (!c || repo_key_class(c) != repo_key_class(as->src)) return false;
    struct slice key;
    if (bind_instance_path(a, &p, c, &bound, NULL)) return false;
    if (cim_path_key_text(a, &bound, t->ns->name, &key)) return false;
    return slice_eq(key, as->src_key);
}

/* --- which association classes count ---------------------------------------------------------- */

static bool qualifies(const struct cim_class *c, struct slice qualifier)
{
    return !qualifier.n || cim_qualifier_find(c->qualifiers, qualifier);
}

bool assoc_class_counts(const struct assoc *as, const struct cim_class *c)
{
    const struct wql_query *q = as->q;
    if (as->references) {
        return qualifies(c, q->required_qualifier) &&
               (!q->result_class.n || cim_class_isa(c, q->result_class));
    }
    return qualifies(c, q->required_assoc_qualifier) &&
           (!q->assoc_class.n || cim_class_isa(c, q->assoc_class));
}

bool assoc_role_counts(const struct assoc *as, const struct cim_property *p)
{
    if (p->type != CIM_REFERENCE) return false;
    return !as->q->role.n || slice_ieq(p->name, as->q->role);
}

bool assoc_result_counts(const struct assoc *as, const struct cim_class *c)
{
    return (!as->q->result_class.n || cim_class_isa(c, as->q->result_class)) &&
           qualifies(c, as->q->required_qualifier);
}

/* --- rows ------------------------------------------------------------------------------------- */

/* First property of the row that refers to the source and counts by Role; -1: none. */
static int first_match(struct task *t, struct assoc *as, const struct cim_instance *in)
{
    struct arena_mark mark = arena_mark(&as->row_arena);
    int found = -1;
    as->matches = 0;
    unsigned ordinal = 0;
    for (uint32_t i = 0; i < in->cls->property_count && ordinal < REFS_MAX; i++) {
        union cim_data v;
        if (in->cls->properties[i].type != CIM_REFERENCE) continue;
        if (assoc_role_counts(as, &in->cls->properties[i]) && cim_get(in, i, &v) &&
            is_source(t, as, v.s, &as->row_arena)) {
            if (found < 0) found = (int)i;
            as->matches |= (uint64_t)1 << ordinal;
        }
        ordinal++;
    }
    arena_rewind(&as->row_arena, mark);
    return found;
}

static void take_row(struct assoc *as, struct cim_instance *in)
{
    as->row = in;
    as->row_at = 0;
    as->row_ordinal = 0;
    as->row_self = false;
}

static cimf_status keep_reference(void *arg, const struct repo_reference *ref)
{
    struct assoc *as = arg;
    if (as->found_count == FOUND_MAX) return CIMF_CALL_CANCELLED; /* ends the walk for now */
    struct found *f = &as->found[as->found_count];
    f->class_name = arena_dup(&as->found_arena, ref->class_name);
    f->property = arena_dup(&as->found_arena, ref->property);
    f->key = ref->key;
    if (!f->class_name.p || !f->property.p) return CIMF_OUT_OF_MEMORY;
    as->found_count++;
    return CIMF_OK;
}

static enum gen more_references(struct task *t, struct assoc *as)
{
    if (as->target_at == as->target_count) {
        as->phase = ASSOC_DYNAMIC;
        return GEN_MORE;
    }
    arena_reset(&as->found_arena);
    as->found_count = as->found_at = 0;
    if (!as->found) as->found = ARENA_ARRAY(&t->arena, FOUND_MAX, struct found);
    if (!as->found) return task_fail(t, CIMF_OUT_OF_MEMORY);
    struct repo_txn *txn;
    cimf_status s = repo_read_begin(t->m->repo, &txn, t->error);
    if (s) return task_fail(t, s);
    s = repo_references(txn, t->ns->name, as->targets[as->target_at], as->marked ? &as->mark : NULL,
                        &as->mark, keep_reference, as, t->error);
    repo_read_end(txn);
    as->marked = s == CIMF_CALL_CANCELLED;
    if (!s) as->target_at++;
    if (s && !as->marked) return task_fail(t, s);
    *t->error = ERROR_INIT;
    return GEN_MORE;
}

static enum gen stored_row(struct task *t, struct assoc *as)
{
    if (as->found_at == as->found_count) return more_references(t, as);
    struct found *f = &as->found[as->found_at++];
    const struct cim_class *c = cim_schema_class(t->schema, f->class_name);
    if (!c || source_kind_of(t->ns, c) != SOURCE_REPO || !assoc_class_counts(as, c))
        return GEN_MORE;
    struct repo_txn *txn;
    cimf_status s = repo_read_begin(t->m->repo, &txn, t->error);
    if (s) return task_fail(t, s);
    struct repo_classes classes = repo_classes_of(t->schema);
    struct cim_instance *in;
    arena_reset(&as->row_arena);
    s = repo_get_at(txn, &as->row_arena, t->ns->name, c, &f->key, &classes, &in, t->error);
    repo_read_end(txn);
    if (s == CIMF_NOT_FOUND) {
        *t->error = ERROR_INIT;
        return GEN_MORE;
    }
    if (s) return task_fail(t, s);
    in->ns = t->ns->name;
    in->server = t->m->server;
    /* An instance that refers twice is listed twice: it counts where its first reference is. */
    int first = first_match(t, as, in);
    if (first >= 0 && slice_ieq(c->properties[first].name, f->property)) take_row(as, in);
    return GEN_MORE;
}

/* The next (class, reference property) that a provider can be asked for. */
static bool next_dynamic(struct task *t, struct assoc *as)
{
    for (;;) {
        if (!as->cls) {
            as->cls = cim_schema_association(t->schema, as->src, &as->class_at);
            as->ref_at = 0;
            if (!as->cls) return false;
            if (!ns_provider(t->ns, as->cls) || !assoc_class_counts(as, as->cls)) {
                as->cls = NULL;
                continue;
            }
        }
        while (as->ref_at < as->cls->property_count) {
            const struct cim_property *p = &as->cls->properties[as->ref_at];
            if (assoc_role_counts(as, p) && assoc_may_refer(t->schema, p, as->src)) return true;
            as->ref_at++;
        }
        as->cls = NULL;
    }
}

static cimf_status fix_reference(struct task *t, struct assoc *as, struct source_wish *wish)
{
    const struct cim_property *p = &as->cls->properties[as->ref_at];
    *wish = (struct source_wish){ .of = as->cls };
    if (!(p->flags & CIM_PROP_KEY)) return CIMF_OK;
    struct buf text;
    buf_init(&text, 0);
    struct cim_path path = as->src_path;
    path.ns = path.server = SLICE("");
    bool ok = cim_path_write(&text, &path, true);
    struct slice value = ok ? arena_dup(&t->arena, buf_slice(&text)) : SLICE_NULL;
    buf_free(&text);
    struct cim_context_value *k = ARENA_NEW(&t->arena, struct cim_context_value);
    if (!value.p || !k) return CIMF_OUT_OF_MEMORY;
    *k = (struct cim_context_value){ p->name, { .type = CIM_REFERENCE, .v.s = value } };
    wish->keys = k;
    wish->key_count = 1;
    return CIMF_OK;
}

static enum gen dynamic_row(struct task *t, struct assoc *as)
{
    enum gen g = GEN_END;
    if (!as->open) {
        if (!next_dynamic(t, as)) {
            as->phase = ASSOC_END;
            return GEN_MORE;
        }
        struct source_wish wish;
        if (fix_reference(t, as, &wish)) return task_fail(t, CIMF_OUT_OF_MEMORY);
        g = source_open(&as->source, t, t->ns, t->schema, as->cls, &wish);
        if (g != GEN_END) return g;
        as->open = true;
    }
    struct cim_instance *in;
    arena_reset(&as->row_arena);
    g = source_next(&as->source, &as->row_arena, &in);
    if (g == GEN_OBJECT) {
        if (first_match(t, as, in) == (int)as->ref_at) take_row(as, in);
        return GEN_MORE;
    }
    if (g == GEN_MORE || g == GEN_POOL) return g;
    source_close(&as->source);
    as->open = false;
    as->ref_at++;
    return g == GEN_END ? GEN_MORE : g;
}

/* --- results ---------------------------------------------------------------------------------- */

static bool first_time(struct task *t, struct assoc *as, const struct cim_class *c)
{
    if (map_get(&as->seen, c->name)) return false;
    (void)map_put(&as->seen, c->name, (void *)(uintptr_t)c, NULL);
    return true;
}

enum gen assoc_class_result(struct task *t, struct assoc *as, const struct cim_class *c,
                            const struct cim_object **out)
{
    if (!first_time(t, as, c)) return GEN_MORE;
    *out = &c->object;
    return GEN_OBJECT;
}

static void drop_non_keys(struct cim_instance *in)
{
    for (uint32_t i = 0; i < in->cls->property_count; i++) {
        if (!(in->cls->properties[i].flags & CIM_PROP_KEY)) in->state[i] = CIM_UNSENT;
    }
}

static enum gen row_itself(struct task *t, struct assoc *as, const struct cim_object **out)
{
    struct cim_instance *row = as->row;
    as->row = NULL;
    if (as->q->class_defs_only) return assoc_class_result(t, as, row->cls, out);
    struct cim_instance *in = cim_instance_copy(&t->item, row);
    if (!in) return task_fail(t, CIMF_OUT_OF_MEMORY);
    in->ns = t->ns->name;
    in->server = t->m->server;
    if (as->q->keys_only || (t->in->flags & CIM_KEYS_ONLY)) drop_non_keys(in);
    *out = &in->object;
    return GEN_OBJECT;
}

/* A reference that leads nowhere is skipped. */
static bool dangling(struct task *t, enum gen g)
{
    if (g != GEN_ERROR) return false;
    cimf_status s = t->status;
    if (s != CIMF_INVALID_CLASS && s != CIMF_INVALID_OBJECT_PATH && s != CIMF_INVALID_NAMESPACE &&
        s != CIMF_ACCESS_DENIED && s != CIMF_NOT_FOUND) {
        return false;
    }
    *t->error = ERROR_INIT;
    t->status = CIMF_OK;
    return true;
}

static enum gen fetch_in(struct task *t, struct assoc *as, struct cimom_ns *ns,
                         struct cim_schema *schema, const struct cim_path *path,
                         const struct cim_object **out)
{
    const struct cim_class *named = cim_schema_class(schema, path->class_name);
    if (!named) return GEN_END;
    const struct wql_query *q = as->q;
    if (q->result_class.n && !cim_class_isa(named, q->result_class)) {
        const struct cim_class *wanted = cim_schema_class(schema, q->result_class);
        if (!wanted || !cim_schema_isa(schema, wanted, named)) return GEN_END;
    }
    struct source_wish wish = { .of = named };
    bool keys = q->keys_only || q->class_defs_only || (t->in->flags & CIM_KEYS_ONLY);
    if (keys) {
        uint8_t *wants = arena_zalloc(&t->item, named->property_count + 1);
        if (!wants) return task_fail(t, CIMF_OUT_OF_MEMORY);
        for (uint32_t i = 0; i < named->key_count; i++) wants[named->keys[i]] = 1;
        wish.wants = wants;
    }
    struct cim_instance *in;
    enum gen g = fetch(t, ns, schema, path, false, &wish, &t->item, &in);
    if (g != GEN_OBJECT) return g;
    if (!assoc_result_counts(as, in->cls)) return GEN_END;
    if (q->class_defs_only) return assoc_class_result(t, as, in->cls, out);
    *out = &in->object;
    return GEN_OBJECT;
}

static enum gen far_end(struct task *t, struct assoc *as, struct slice text,
                        const struct cim_object **out)
{
    struct cim_path path;
    if (cim_path_parse(&t->item, text, &path, NULL)) return GEN_END;
    if (!path.ns.n || slice_ieq(path.ns, t->ns->name)) {
        return fetch_in(t, as, t->ns, t->schema, &path, out);
    }
    struct cimom_ns *ns = ns_find(t->m, path.ns);
    if (!ns) return task_fail(t, CIMF_INVALID_NAMESPACE);
    struct cim_schema *schema = NULL;
    cimf_status s = rights_check(ns, t->in, RIGHT_ENABLE, t->error);
    if (!s) s = ns_schema(ns, &schema, t->error);
    enum gen g = s ? task_fail(t, s) : fetch_in(t, as, ns, schema, &path, out);
    /* The result may borrow from both: they live as long as the batch. */
    if (!s) arena_hold(&t->item, schema, (void (*)(void *))cim_schema_unref);
    arena_hold(&t->item, ns, (void (*)(void *))ns_unref);
    return g;
}

/* The next other end of the row. Each at most once a row; duplicates among rows are kept (P9). */
static enum gen row_ends(struct task *t, struct assoc *as, const struct cim_object **out)
{
    const struct cim_class *cls = as->row->cls;
    while (as->row_at < cls->property_count && as->row_ordinal < REFS_MAX) {
        const struct cim_property *p = &cls->properties[as->row_at];
        union cim_data v;
        bool is_ref = p->type == CIM_REFERENCE;
        uint64_t bit = (uint64_t)1 << as->row_ordinal, others = as->matches & ~bit;
        bool again =
            (as->matches & bit) && as->row_self; /* it refers to the source with both ends */
        enum gen g = GEN_END;
        if (is_ref && others && !again &&
            (!as->q->result_role.n || slice_ieq(p->name, as->q->result_role)) &&
            cim_get(as->row, as->row_at, &v)) {
            g = far_end(t, as, v.s, out);
            if (g == GEN_POOL) return g;
        }
        as->row_at++;
        as->row_ordinal += is_ref;
        if (g == GEN_OBJECT && (as->matches & bit)) as->row_self = true;
        if (g == GEN_OBJECT || (g == GEN_ERROR && !dangling(t, g))) return g;
    }
    as->row = NULL;
    return GEN_MORE;
}

static enum gen assoc_next(struct task *t, const struct cim_object **out)
{
    struct assoc *as = t->gen;
    if (as->row) return as->references ? row_itself(t, as, out) : row_ends(t, as, out);
    switch (as->phase) {
    case ASSOC_SOURCE: return load_source(t, as);
    case ASSOC_STORED: return stored_row(t, as);
    case ASSOC_DYNAMIC: return dynamic_row(t, as);
    case ASSOC_SCHEMA: return assoc_schema_next(t, as, out);
    case ASSOC_END: break;
    }
    return GEN_END;
}

static void assoc_close(struct task *t)
{
    struct assoc *as = t->gen;
    if (as->open) source_close(&as->source);
    map_free(&as->seen);
    arena_free(&as->row_arena);
    arena_free(&as->found_arena);
    plan_unref(as->plan);
}

cimf_status start_associate(struct task *t, struct plan *p)
{
    struct assoc *as = ARENA_NEW(&t->arena, struct assoc);
    if (!as) {
        plan_unref(p);
        return CIMF_OUT_OF_MEMORY;
    }
    as->plan = p;
    as->q = &p->query;
    as->references = p->query.kind == WQL_REFERENCES;
    map_init(&as->seen, true);
    arena_init(&as->row_arena, t->m->arena_cap);
    arena_init(&as->found_arena, t->m->arena_cap);
    t->gen = as;
    t->next = assoc_next;
    t->close = assoc_close;
    const struct cim_path *path = &as->q->path;
    if (path->ns.n && !slice_ieq(path->ns, t->ns->name)) {
        return error_set(t->error, CIMF_INVALID_QUERY, "cimom",
                         "the source object must be in the namespace of the query");
    }
    cimf_status s = input_class(t, path->class_name, &as->src);
    if (s) return s;
    if (as->q->schema_only) {
        as->phase = ASSOC_SCHEMA;
    } else if (path->kind == CIM_PATH_CLASS || path->kind == CIM_PATH_NAMESPACE) {
        return error_set(t->error, CIMF_INVALID_QUERY, "cimom",
                         "a class as source needs SchemaOnly");
    }
    return CIMF_OK;
}
