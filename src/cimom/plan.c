#include "cimom/plan.h"

#include <stdlib.h>

enum { CACHE_MAX = 256, CACHE_TEXT_MAX = 4096 };

struct plan_cache {
    pthread_mutex_t lock;
    struct map map;
    struct plan *newest, *oldest;
    size_t count;
};

/* --- making ----------------------------------------------------------------------------------- */

static cimf_status unknown_property(struct task *t, const struct plan *p, struct slice name)
{
    error_set(t->error, CIMF_INVALID_QUERY, "wql",
              "class " SLICE_FMT " has no property '" SLICE_FMT "'", SLICE_ARG(p->from->name),
              SLICE_ARG(slice_head(name, 80)));
    error_subject(t->error, name);
    return CIMF_INVALID_QUERY;
}

static cimf_status list_columns(struct task *t, struct plan *p)
{
    const struct wql_query *q = &p->query;
    p->columns = ARENA_ARRAY(&p->arena, q->list_count + 1, uint16_t);
    uint8_t *seen = arena_zalloc(&p->arena, p->from->property_count + 1);
    if (!p->columns || !seen) return CIMF_OUT_OF_MEMORY;
    for (uint32_t i = 0; i < q->list_count; i++) {
        struct slice name = q->list[i].parts[0];
        int sys = cim_system_property_find(name);
        if (sys >= 0) {
            p->wants_path |= sys == CIM_SYS_PATH || sys == CIM_SYS_RELPATH;
            continue;
        }
        int at = cim_class_property(p->from, name);
        if (at < 0) return unknown_property(t, p, name);
        if (!seen[at]) p->columns[p->column_count++] = (uint16_t)at;
        seen[at] = 1;
    }
    p->has_keys = p->from->key_count > 0;
    for (uint32_t i = 0; i < p->from->key_count; i++) p->has_keys &= seen[p->from->keys[i]];
    return CIMF_OK;
}

static cimf_status list_wants(struct plan *p)
{
    uint8_t *wants = arena_zalloc(&p->arena, p->from->property_count + 1);
    if (!wants) return CIMF_OUT_OF_MEMORY;
    wql_properties_used(p->filter, p->from, wants);
    for (uint32_t i = 0; i < p->column_count; i++) wants[p->columns[i]] = 1;
    for (uint32_t i = 0; i < p->from->key_count; i++) wants[p->from->keys[i]] = 1;
    p->wish.wants = wants;
    return CIMF_OK;
}

static bool is_key(const struct cim_class *cls, struct slice name)
{
    int at = cim_class_property(cls, name);
    return at >= 0 && (cls->properties[at].flags & CIM_PROP_KEY);
}

/* Keys that WHERE fixes: handed to providers; when all are, the query is a Get. */
static cimf_status fix_keys(struct plan *p)
{
    const struct wql_fixed *fixed;
    uint32_t n = wql_fixed_values(&p->arena, p->filter, &fixed);
    struct cim_context_value *keys = ARENA_ARRAY(&p->arena, n + 1, struct cim_context_value);
    struct cim_key *path = ARENA_ARRAY(&p->arena, n + 1, struct cim_key);
    if (!keys || !path) return CIMF_OUT_OF_MEMORY;
    uint32_t k = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (fixed[i].value.null || !is_key(p->from, fixed[i].name)) continue;
        uint32_t same = 0;
        while (same < k && !slice_ieq(keys[same].name, fixed[i].name)) same++;
        if (same < k) continue;
        keys[k] = (struct cim_context_value){ fixed[i].name, fixed[i].value };
        path[k] = (struct cim_key){ fixed[i].name, fixed[i].value };
        k++;
    }
    p->wish.keys = keys;
    p->wish.key_count = k;
    if (!k || k != p->from->key_count) return CIMF_OK;
    p->path = (struct cim_path){
        .kind = CIM_PATH_INSTANCE, .class_name = p->from->name, .keys = path, .key_count = k
    };
    struct cim_path bound;
    p->point = !cim_path_bind(&p->arena, &p->path, p->from, &bound, NULL);
    return CIMF_OK;
}

static cimf_status fix_class(struct plan *p)
{
    struct slice name = wql_fixed_class(p->filter);
    if (!name.p) return CIMF_OK;
    p->only = cim_schema_class(p->schema, name);
    p->nothing = !p->only || !cim_schema_isa(p->schema, p->only, p->from);
    return CIMF_OK;
}

static cimf_status plan_select(struct task *t, struct plan *p)
{
    struct wql_query *q = &p->query;
    if (q->within >= 0 || q->group) {
        return error_set(t->error, CIMF_INVALID_QUERY, "wql",
                         "WITHIN and GROUP belong to event queries");
    }
    cimf_status s = input_class(t, q->from, &p->from);
    if (s) return s;
    p->wish.of = p->from;
    s = wql_bind(&p->arena, q, p->from, &p->filter, t->error);
    if (!s && !q->all) s = list_columns(t, p);
    if (!s && !q->all) s = list_wants(p);
    if (!s) s = fix_keys(p);
    return s ? s : fix_class(p);
}

static cimf_status plan_make(struct task *t, struct slice text, struct plan *p)
{
    cimf_status s = wql_parse(&p->arena, text, &p->query, t->error);
    if (s) return s;
    switch (p->query.kind) {
    case WQL_SELECT: return plan_select(t, p);
    case WQL_SCHEMA: return wql_bind_schema(&p->arena, &p->query, &p->filter, t->error);
    default: return CIMF_OK;
    }
}

static struct plan *plan_new(struct task *t, struct slice text)
{
    struct plan *p = calloc(1, sizeof *p);
    if (!p) return NULL;
    atomic_init(&p->refs, 1);
    arena_init(&p->arena, t->m->arena_cap);
    arena_init(&p->projected, t->m->arena_cap);
    pthread_mutex_init(&p->lock, NULL);
    p->schema = cim_schema_ref(t->schema);
    return p;
}

void plan_unref(struct plan *p)
{
    if (!p || atomic_fetch_sub_explicit(&p->refs, 1, memory_order_acq_rel) != 1) return;
    arena_free(&p->projected);
    arena_free(&p->arena);
    cim_schema_unref(p->schema);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

/* --- the cache -------------------------------------------------------------------------------- */

struct plan_cache *plan_cache_new(void)
{
    struct plan_cache *c = calloc(1, sizeof *c);
    if (!c) return NULL;
    pthread_mutex_init(&c->lock, NULL);
    map_init(&c->map, false);
    return c;
}

static void cache_unlink(struct plan_cache *c, struct plan *p)
{
    *(p->newer ? &p->newer->older : &c->newest) = p->older;
    *(p->older ? &p->older->newer : &c->oldest) = p->newer;
    p->newer = p->older = NULL;
}

static void cache_link(struct plan_cache *c, struct plan *p)
{
    p->older = c->newest;
    if (p->older) p->older->newer = p;
    c->newest = p;
    if (!c->oldest) c->oldest = p;
}

static void cache_drop(struct plan_cache *c, struct plan *p)
{
    map_del(&c->map, p->key);
    cache_unlink(c, p);
    c->count--;
    plan_unref(p);
}

void plan_cache_forget(struct plan_cache *c, const struct cim_schema *schema)
{
    pthread_mutex_lock(&c->lock);
    for (struct plan *p = c->newest, *older; p; p = older) {
        older = p->older;
        if (p->schema == schema) cache_drop(c, p);
    }
    pthread_mutex_unlock(&c->lock);
}

void plan_cache_free(struct plan_cache *c)
{
    if (!c) return;
    while (c->newest) cache_drop(c, c->newest);
    map_free(&c->map);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

static struct plan *cache_get(struct plan_cache *c, struct slice key,
                              const struct cim_schema *schema)
{
    pthread_mutex_lock(&c->lock);
    struct plan *p = map_get(&c->map, key);
    if (p && p->schema != schema) {
        cache_drop(c, p);
        p = NULL;
    }
    if (p) {
        cache_unlink(c, p);
        cache_link(c, p);
        atomic_fetch_add_explicit(&p->refs, 1, memory_order_relaxed);
    }
    pthread_mutex_unlock(&c->lock);
    return p;
}

static void cache_put(struct plan_cache *c, struct plan *p)
{
    pthread_mutex_lock(&c->lock);
    struct plan *old = map_get(&c->map, p->key);
    if (old) cache_drop(c, old);
    if (map_put(&c->map, p->key, p, NULL)) {
        atomic_fetch_add_explicit(&p->refs, 1, memory_order_relaxed);
        cache_link(c, p);
        c->count++;
    }
    if (c->count > CACHE_MAX) cache_drop(c, c->oldest);
    pthread_mutex_unlock(&c->lock);
}

cimf_status plan_get(struct task *t, struct slice text, struct plan **out)
{
    struct plan_cache *c = t->m->plans;
    struct slice key = SLICE_NULL;
    if (text.n <= CACHE_TEXT_MAX) {
        key = arena_printf(&t->arena, SLICE_FMT "\n" SLICE_FMT, SLICE_ARG(t->ns->name),
                           SLICE_ARG(text));
        if (!key.p) return CIMF_OUT_OF_MEMORY;
        if ((*out = cache_get(c, key, t->schema))) return CIMF_OK;
    }
    struct plan *p = plan_new(t, text);
    if (!p) return CIMF_OUT_OF_MEMORY;
    /* The parsed query may point into its text. */
    struct slice own = arena_dup(&p->arena, text);
    p->key = arena_dup(&p->arena, key);
    cimf_status s = own.p && p->key.p ? plan_make(t, own, p) : CIMF_OUT_OF_MEMORY;
    if (s) {
        plan_unref(p);
        return s;
    }
    if (key.p) cache_put(c, p);
    *out = p;
    return CIMF_OK;
}

/* --- results ---------------------------------------------------------------------------------- */

uint32_t plan_columns(const struct plan *p, const struct cim_class *cls, bool locatable,
                      uint16_t *out)
{
    uint32_t n = p->column_count;
    memcpy(out, p->columns, n * sizeof *out);
    for (uint32_t i = 0; locatable && i < cls->key_count; i++) {
        uint32_t k = 0;
        while (k < n && out[k] != cls->keys[i]) k++;
        if (k == n) out[n++] = cls->keys[i];
    }
    return n;
}

const struct cim_class *plan_project(struct plan *p, const struct cim_class *cls, bool locatable)
{
    pthread_mutex_lock(&p->lock);
    struct projection *j = p->projections;
    uint32_t least = p->column_count;
    while (j && (j->source != cls ||
                 (locatable && !p->has_keys) != (j->result->property_count > least))) {
        j = j->next;
    }
    const struct cim_class *result = j ? j->result : NULL;
    if (!result) {
        uint16_t *columns = ARENA_ARRAY(&p->projected, least + cls->key_count + 1, uint16_t);
        j = ARENA_NEW(&p->projected, struct projection);
        if (columns && j) {
            uint32_t n = plan_columns(p, cls, locatable, columns);
            if (!cim_class_project(&p->projected, cls, columns, n, &result)) {
                *j = (struct projection){ p->projections, cls, result };
                p->projections = j;
            }
        }
    }
    pthread_mutex_unlock(&p->lock);
    return result;
}
