/* Scans of one class, and counting. */
#include <stdlib.h>

#include "repo/instance_priv.h"
#include "repo/record.h"

struct scan {
    struct repo_txn *txn;
    struct walk walk;
    uint32_t class_id; /* 0: the class is not in the store */
    const struct cim_class *cls;
    struct repo_classes classes;
    struct slice ns;
    struct arena plans;  /* ns; behind the mark the plan in use */
    struct arena_mark mark;
    struct record_plan plan;
    uint32_t layout;     /* of plan */
    bool has_plan;
};

static struct scan *scan_of(struct repo_scan *s) { return s->priv[0]; }

static cimf_status begin(struct scan *s, struct repo_scan *out, const struct repo_key *after,
                         struct error *e)
{
    uint32_t ns;
    struct class_ref c;
    struct key prefix, from;
    cimf_status status = repo_namespace_id(s->txn, s->ns, &ns, e);
    if (status) return status;
    status = repo_class_find(s->txn, ns, s->cls->name, &c, e);
    if (status) return status == CIMF_NOT_FOUND ? CIMF_OK : status;
    key_start(&prefix, KEY_INSTANCE);
    key_u32(&prefix, c.id);
    bool resumed = after && after->n;
    if (resumed) {
        instance_key_at(KEY_INSTANCE, c.id, after, &from);
        out->key = *after;
    }
    s->class_id = c.id;
    return walk_begin(&s->walk, s->txn, &prefix, resumed ? &from : NULL, e);
}

cimf_status repo_scan_begin(struct repo_scan *s, struct repo_txn *txn, struct slice ns,
                            const struct cim_class *cls, const struct repo_key *after,
                            const struct repo_classes *classes, struct error *e)
{
    struct scan *state = calloc(1, sizeof *state);
    s->key.n = 0;
    memset(s->priv, 0, sizeof s->priv);
    if (!state) return error_set(e, CIMF_OUT_OF_MEMORY, "repo", "no memory for a scan");
    state->txn = txn;
    state->cls = cim_class_ref(cls);
    if (classes) state->classes = *classes;
    arena_init(&state->plans, 0);
    state->ns = arena_dup(&state->plans, ns);
    state->mark = arena_mark(&state->plans);
    s->priv[0] = state;
    cimf_status status = begin(state, s, after, e);
    if (status) repo_scan_end(s);
    return status;
}

/* Most classes have one layout, so the plan is made once a scan. */
static cimf_status use_layout(struct scan *s, uint32_t number, struct error *e)
{
    struct slice layout;
    if (s->has_plan && s->layout == number) return CIMF_OK;
    s->has_plan = false;
    arena_rewind(&s->plans, s->mark);
    cimf_status status = layout_get(s->txn, s->class_id, number, &layout, e);
    if (!status) status = record_plan(&s->plans, layout, s->cls, &s->plan, e);
    s->layout = number;
    s->has_plan = !status;
    return status;
}

cimf_status repo_scan_next(struct repo_scan *s, struct arena *a, struct cim_instance **out,
                           struct error *e)
{
    struct scan *state = scan_of(s);
    struct instance_ref ref;
    *out = NULL;
    if (!state->class_id) return CIMF_OK;
    cimf_status status = walk_next(&state->walk, state->txn, e);
    if (status) return state->walk.end ? CIMF_OK : status;
    status = repo_instance_parse(state->walk.value, &ref, e);
    if (!status) status = use_layout(state, ref.layout, e);
    if (!status) status = record_instance_decode(a, &state->plan, ref.body, &state->classes, out, e);
    if (status) return status;
    struct slice ns = state->ns;
    (*out)->ns = slice_eq(state->cls->ns, ns) ? state->cls->ns : arena_dup(a, ns);
    return instance_place(state->walk.key.mv_data, state->walk.key.mv_size, &s->key)
               ? CIMF_OK
               : repo_damaged(e, "the key of an instance is not valid");
}

void repo_scan_end(struct repo_scan *s)
{
    struct scan *state = scan_of(s);
    if (!state) return;
    walk_end(&state->walk);
    cim_class_unref(state->cls);
    arena_free(&state->plans);
    free(state);
    s->priv[0] = NULL;
}

uint64_t repo_count_instances(struct repo_txn *txn, struct slice ns, struct slice class_name,
                              uint64_t limit)
{
    uint32_t id;
    struct class_ref c;
    struct key prefix;
    struct walk w;
    uint64_t n = 0;
    if (repo_namespace_id(txn, ns, &id, NULL) || repo_class_find(txn, id, class_name, &c, NULL)) return 0;
    key_start(&prefix, KEY_INSTANCE);
    key_u32(&prefix, c.id);
    if (walk_begin(&w, txn, &prefix, NULL, NULL)) return 0;
    while (n < limit && !walk_next(&w, txn, NULL)) n++;
    walk_end(&w);
    return n;
}
