/* What providers may ask of the object manager (provider.h). */
#include "cimom/select.h"

static const struct cim_value *fixed(const struct provider_call *c, const char *property)
{
    for (uint32_t i = 0; i < c->key_count; i++) {
        if (slice_ieq(c->keys[i].name, slice_str(property))) {
            return c->keys[i].value.null ? NULL : &c->keys[i].value;
        }
    }
    return NULL;
}

static bool value_text(struct arena *a, const struct cim_value *v, struct slice *out)
{
    if (cim_type_is_text(v->type)) {
        *out = v->v.s;
        return true;
    }
    struct buf b;
    buf_init(&b, 0);
    bool ok = cim_data_text(&b, v->type, &v->v);
    *out = ok ? arena_dup(a, buf_slice(&b)) : SLICE_NULL;
    buf_free(&b);
    return out->p != NULL;
}

bool provider_key_text(const struct provider_call *c, const char *property, struct slice *out)
{
    const struct cim_value *v = fixed(c, property);
    return v && value_text(c->arena, v, out);
}

bool provider_key_u64(const struct provider_call *c, const char *property, uint64_t *out)
{
    const struct cim_value *v = fixed(c, property);
    struct cim_value n;
    if (!v || cim_value_convert(c->arena, v, CIM_UINT64, &n) || n.null) return false;
    *out = n.v.u;
    return true;
}

bool provider_key_reference(const struct provider_call *c, const char *property, const char *key,
                            struct slice *class_name, struct slice *out)
{
    const struct cim_value *v = fixed(c, property);
    struct cim_path p;
    if (!v || !cim_type_is_text(v->type) || cim_path_parse(c->arena, v->v.s, &p, NULL))
        return false;
    if (class_name) *class_name = p.class_name;
    for (uint32_t i = 0; i < p.key_count; i++) {
        const struct cim_key *k = &p.keys[i];
        bool only = p.key_count == 1 && (!key || !*key || !k->name.n);
        if (only || slice_ieq(k->name, slice_str(key))) return value_text(c->arena, &k->value, out);
    }
    return false;
}

static enum gen enumerate(struct task *t, struct select *sel, provider_row_fn *fn, void *arg)
{
    struct arena row;
    arena_init(&row, t->m->arena_cap);
    enum gen g;
    do {
        struct cim_instance *in;
        arena_reset(&row);
        g = task_stopped(t) ? task_fail(t, CIMF_CALL_CANCELLED) : select_next(sel, t, &row, &in);
        if (g == GEN_OBJECT && !fn(arg, in)) break;
    } while (g == GEN_OBJECT || g == GEN_MORE);
    select_close(sel);
    arena_free(&row);
    return g;
}

static cimf_status enumerate_class(struct provider_call *c, struct task *t, struct cimom_ns *ns,
                                   struct cim_schema *schema, struct slice class_name,
                                   const struct slice *wanted, uint32_t wanted_count,
                                   provider_row_fn *fn, void *arg)
{
    struct select sel = { .ns = ns, .schema = schema };
    sel.top = cim_schema_class(schema, class_name);
    if (!sel.top) return CIMF_INVALID_CLASS;
    struct cim_op ask = { .wanted = wanted, .wanted_count = wanted_count };
    uint8_t *wants;
    cimf_status s = wants_of(c->arena, sel.top, &ask, &wants);
    if (s) return s;
    sel.wish = (struct source_wish){ .wants = wants, .of = sel.top };
    struct provider_entry *outer = atomic_load_explicit(&t->in_provider, memory_order_relaxed);
    struct error *error = t->error, inner = ERROR_INIT;
    t->error = &inner;
    enum gen g = enumerate(t, &sel, fn, arg);
    t->error = error;
    atomic_store_explicit(&t->in_provider, outer, memory_order_relaxed);
    if (g == GEN_POOL) {
        return error_set(c->error, CIMF_PROVIDER_FAILURE, "cimom",
                         "a provider that does not block asked for one that does");
    }
    if (g != GEN_ERROR) return CIMF_OK;
    if (c->error) *c->error = inner;
    s = t->status;
    t->status = CIMF_OK;
    return s;
}

cimf_status provider_enumerate(struct provider_call *c, struct slice ns, struct slice class_name,
                               const struct slice *wanted, uint32_t wanted_count,
                               provider_row_fn *fn, void *arg)
{
    struct task *t = c->manager_state;
    if (t->nesting + c->call_depth > LIMIT_CALL_DEPTH) {
        return error_set(c->error, CIMF_QUOTA_VIOLATION, "cimom",
                         "providers call each other too deeply");
    }
    struct cimom_ns *space = ns_find(t->m, ns);
    if (!space) return error_set(c->error, CIMF_INVALID_NAMESPACE, "cimom", "no such namespace");
    struct cim_schema *schema = NULL;
    cimf_status s = rights_check(space, t->in, RIGHT_ENABLE, c->error);
    if (!s) s = ns_schema(space, &schema, c->error);
    t->nesting++;
    if (!s) s = enumerate_class(c, t, space, schema, class_name, wanted, wanted_count, fn, arg);
    t->nesting--;
    cim_schema_unref(schema);
    ns_unref(space);
    return s;
}

cimf_status provider_host(struct provider_call *c, const struct host_job *job,
                          struct host_answer *out)
{
    const struct task *t = c->manager_state;
    if (!t->m->host) {
        return error_set(c->error, CIMF_NOT_SUPPORTED, "cimom",
                         "nothing can be run for callers here: the daemon does not run");
    }
    return t->m->host(t->m->host_arg, c->principal, job, c->deadline_us, c->scratch, out, c->error);
}
