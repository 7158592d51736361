#include "cimom/source.h"

#include <stdio.h>

#include "base/log.h"

/* --- calling providers ------------------------------------------------------------------------ */

static bool call_cancelled(const struct provider_call *c)
{
    const struct task *t = c->manager_state;
    return task_stopped(t);
}

/* IWbemContext (MS-WMI 2.2.13). */
static struct slice text_of(const struct cim_op *in, const char *name, struct slice otherwise)
{
    const struct cim_value *v = input_context(in, name);
    return v && !v->null && v->type == CIM_STRING && v->v.s.n ? v->v.s : otherwise;
}

/* Providers are part of this program: they are of its architecture (MS-WMI 3.1.4). */
static cimf_status check_architecture(const struct cim_op *in, struct error *e)
{
    const struct cim_value *v = input_context(in, "__ProviderArchitecture");
    struct arena a;
    struct cim_value n = { .null = true };
    if (!v) return CIMF_OK;
    arena_init(&a, 4096);
    cimf_status s = v->null ? CIMF_TYPE_MISMATCH : cim_value_convert(&a, v, CIM_UINT32, &n);
    arena_free(&a);
    if (s || n.null || (n.v.u != 32 && n.v.u != 64))
        return error_set(e, CIMF_INVALID_PARAMETER, "cimom", "__ProviderArchitecture is neither 32 nor 64");
    if (n.v.u == 8 * sizeof(void *) || !input_true(in, "__RequiredArchitecture")) return CIMF_OK;
    return error_set(e, CIMF_PROVIDER_LOAD_FAILURE, "cimom", "providers are for %u bits here", (unsigned)(8 * sizeof(void *)));
}

void provider_call_init(struct provider_call *call, struct task *t, struct cimom_ns *ns,
                        const struct cim_class *cls, struct arena *a, struct arena *scratch,
                        struct error *error)
{
    *call = (struct provider_call){
        .verb = t->in->verb,
        .cls = cls,
        .ns = ns->name,
        .principal = t->in->principal,
        .arena = a,
        .scratch = scratch,
        .deadline_us = task_deadline(t),
        .cancelled = call_cancelled,
        .error = error,
        .manager = &t->m->manager,
        .ui_locale = text_of(t->in, "__MI_DESTINATIONOPTIONS_UI_LOCALE", t->in->locale),
        .data_locale = text_of(t->in, "__MI_DESTINATIONOPTIONS_DATA_LOCALE", t->in->locale),
        .correlation = text_of(t->in, "__CorrelationId", SLICE("")),
        .call_depth = t->in->call_depth + 1,
        .manager_state = t,
    };
}

enum gen provider_enter(struct task *t, struct provider_entry *entry)
{
    if ((entry->provider->flags & PROVIDER_BLOCKING) && !t->on_pool) return GEN_POOL;
    if (atomic_load_explicit(&entry->hanging, memory_order_relaxed) >= PROVIDER_HANGING_MAX) {
        error_set(t->error, CIMF_PROVIDER_SUSPENDED, "cimom",
                  "earlier calls of the provider of %s have not returned",
                  entry->provider->class_name);
        error_subject(t->error, slice_str(entry->provider->class_name));
        return task_fail(t, CIMF_PROVIDER_SUSPENDED);
    }
    cimf_status s = check_architecture(t->in, t->error);
    if (s) return task_fail(t, s);
    atomic_store_explicit(&t->in_provider, entry, memory_order_relaxed);
    return GEN_END;
}

void provider_leave(struct task *t)
{
    atomic_store_explicit(&t->in_provider, NULL, memory_order_relaxed);
}

/* hung_state: 0 nobody came yet, 1 the giver-up came first, 2 the worker came first. */
void provider_hangs(struct task *t)
{
    struct provider_entry *entry = atomic_load_explicit(&t->in_provider, memory_order_relaxed);
    if (!entry) return;
    t->hung = entry;
    uint32_t n = atomic_fetch_add(&entry->hanging, 1) + 1;
    if (atomic_exchange(&t->hung_state, 1) == 2) {
        atomic_fetch_sub(&entry->hanging, 1);
    } else if (n == PROVIDER_HANGING_MAX) {
        log_warn("cimom", "provider suspended: calls do not return class=%s",
                 entry->provider->class_name);
    }
}

void provider_returns(struct task *t)
{
    if (atomic_exchange(&t->hung_state, 2) == 1) atomic_fetch_sub(&t->hung->hanging, 1);
}

enum gen provider_failed(struct task *t, const struct provider_entry *entry, cimf_status status,
                         const struct error *error)
{
    struct error *e = t->error;
    *e = *error;
    e->status = status;
    e->room = "provider";
    if (!e->subject[0]) error_subject(e, slice_str(entry->provider->class_name));
    return task_fail(t, status);
}

enum gen provider_begin(struct provider_once *o, struct task *t, struct provider_entry *entry, const struct cim_class *cls)
{
    enum gen g = provider_enter(t, entry);
    if (g != GEN_END) return g;
    arena_init(&o->rows, t->m->arena_cap);
    arena_init(&o->scratch, t->m->arena_cap);
    o->error = (struct error)ERROR_INIT;
    provider_call_init(&o->call, t, t->ns, cls, &o->rows, &o->scratch, &o->error);
    return GEN_END;
}

enum gen provider_end(struct provider_once *o, struct task *t, struct provider_entry *entry, cimf_status status)
{
    provider_leave(t);
    arena_free(&o->scratch);
    arena_free(&o->rows);
    return status ? provider_failed(t, entry, status, &o->error) : GEN_END;
}

/* --- rows ------------------------------------------------------------------------------------- */

enum source_kind source_kind_of(const struct cimom_ns *ns, const struct cim_class *cls)
{
    if (ns_provider(ns, cls)) return SOURCE_PROVIDER;
    if (is_namespace_class(cls)) return SOURCE_NAMESPACES;
    return cls->flags & CIM_CLASS_ABSTRACT ? SOURCE_NONE : SOURCE_REPO;
}

/* State bytes of a fresh instance: what nobody wants is UNSENT, and provider setters skip it. */
static bool mark_unsent(struct source *s, const struct source_wish *wish)
{
    if (!wish || !wish->wants) return true;
    uint32_t n = s->cls->property_count;
    s->unsent = arena_alloc(&s->rows, n + 1);
    uint8_t *wants = arena_zalloc(&s->rows, n + 1);
    if (!s->unsent || !wants) return false;
    for (uint32_t i = 0; i < n; i++) {
        wants[i] = i < wish->of->property_count && wish->wants[i];
        s->unsent[i] = wants[i] ? CIM_DEFAULTED : CIM_UNSENT;
    }
    s->call.wants = wants;
    return true;
}

static enum gen open_provider(struct source *s, const struct source_wish *wish)
{
    struct task *t = s->t;
    enum gen g = provider_enter(t, s->entry);
    if (g != GEN_END) return g;
    provider_call_init(&s->call, t, s->ns, s->cls, &s->rows, &s->scratch, &s->error);
    if (wish) {
        s->call.keys = wish->keys;
        s->call.key_count = wish->key_count;
    }
    if (!mark_unsent(s, wish)) {
        provider_leave(t);
        return task_fail(t, CIMF_OUT_OF_MEMORY);
    }
    s->error = ERROR_INIT;
    cimf_status status = s->entry->provider->open(&s->call, &s->state, &s->row_count);
    provider_leave(t);
    if (status == CIMF_NOT_FOUND) {
        s->kind = SOURCE_NONE;
        return GEN_END;
    }
    if (status) return provider_failed(t, s->entry, status, &s->error);
    atomic_store_explicit(&s->entry->told, false, memory_order_relaxed);
    s->opened = true;
    return GEN_END;
}

enum gen source_open(struct source *s, struct task *t, struct cimom_ns *ns,
                     struct cim_schema *schema, const struct cim_class *cls,
                     const struct source_wish *wish)
{
    enum source_kind kind = source_kind_of(ns, cls);
    struct provider_entry *entry = ns_provider(ns, cls);
    if (entry && (entry->provider->flags & PROVIDER_BLOCKING) && !t->on_pool) return GEN_POOL;
    *s = (struct source){
        .t = t, .ns = ns, .schema = schema, .cls = cls, .kind = kind, .entry = entry
    };
    arena_init(&s->rows, t->m->arena_cap);
    arena_init(&s->scratch, t->m->arena_cap);
    enum gen g = GEN_END;
    if (kind == SOURCE_PROVIDER) {
        g = open_provider(s, wish);
    } else if (!mark_unsent(s, wish)) {
        g = task_fail(t, CIMF_OUT_OF_MEMORY);
    } else if (kind == SOURCE_NAMESPACES &&
               table_children(t->m, ns->name, &s->rows, &s->names, &s->row_count)) {
        g = task_fail(t, CIMF_OUT_OF_MEMORY);
    }
    if (g != GEN_END) source_close(s);
    return g;
}

static struct cim_instance *fresh(struct source *s, struct arena *a)
{
    struct cim_instance *in = cim_instance_new(a, s->cls);
    if (!in) return NULL;
    if (s->unsent) memcpy(in->state, s->unsent, s->cls->property_count);
    in->ns = s->ns->name;
    in->server = s->t->m->server;
    return in;
}

static enum gen next_provided(struct source *s, struct arena *a, struct cim_instance **out)
{
    struct task *t = s->t;
    if (s->row >= s->row_count) return GEN_END;
    struct cim_instance *in = fresh(s, a);
    if (!in) return task_fail(t, CIMF_OUT_OF_MEMORY);
    enum gen g = provider_enter(t, s->entry);
    if (g != GEN_END) return g;
    arena_reset(&s->scratch);
    s->error = ERROR_INIT;
    cimf_status status = s->entry->provider->fill(&s->call, s->state, s->row, in);
    provider_leave(t);
    s->row++;
    if (status == CIMF_NOT_FOUND) return GEN_MORE; /* P15: vanished meanwhile */
    if (status) return provider_failed(t, s->entry, status, &s->error);
    if (a->overflow) return task_fail(t, CIMF_OUT_OF_MEMORY);
    *out = in;
    return GEN_OBJECT;
}

static enum gen next_namespace(struct source *s, struct arena *a, struct cim_instance **out)
{
    if (s->row >= s->row_count) return GEN_END;
    struct slice name = s->names[s->row++];
    struct cim_instance *in = fresh(s, a);
    if (!in) return task_fail(s->t, CIMF_OUT_OF_MEMORY);
    cim_put_str(in, "Name", name);
    *out = in;
    return GEN_OBJECT;
}

static enum gen next_stored(struct source *s, struct arena *a, struct cim_instance **out)
{
    struct task *t = s->t;
    cimf_status status = CIMF_OK;
    if (!s->txn && (status = repo_read_begin(t->m->repo, &s->txn, t->error))) {
        return task_fail(t, status);
    }
    if (!s->scanning) {
        struct repo_classes classes = repo_classes_of(s->schema);
        status =
            repo_scan_begin(&s->scan, s->txn, s->ns->name, s->cls, &s->after, &classes, t->error);
        if (status) return task_fail(t, status);
        s->scanning = true;
    }
    status = repo_scan_next(&s->scan, a, out, t->error);
    if (status) return task_fail(t, status);
    if (!*out) return GEN_END;
    struct cim_instance *in = *out;
    in->ns = s->ns->name;
    in->server = t->m->server;
    for (uint32_t i = 0; s->unsent && i < s->cls->property_count; i++) {
        if (s->unsent[i] == CIM_UNSENT) in->state[i] = CIM_UNSENT;
    }
    return GEN_OBJECT;
}

enum gen source_next(struct source *s, struct arena *a, struct cim_instance **out)
{
    *out = NULL;
    switch (s->kind) {
    case SOURCE_PROVIDER: return next_provided(s, a, out);
    case SOURCE_NAMESPACES: return next_namespace(s, a, out);
    case SOURCE_REPO: return next_stored(s, a, out);
    case SOURCE_NONE: break;
    }
    return GEN_END;
}

bool source_place(struct source *s, struct arena *a, struct source_place *out)
{
    *out = (struct source_place){ .row = s->row };
    if (s->kind != SOURCE_REPO || !s->scanning) return true;
    out->key = arena_dup(a, slice_of((const char *)s->scan.key.p, s->scan.key.n));
    return out->key.p != NULL;
}

void source_seek(struct source *s, const struct source_place *place)
{
    source_suspend(s);
    s->row = place->row;
    s->after.n = (uint16_t)place->key.n;
    if (place->key.n) memcpy(s->after.p, place->key.p, place->key.n);
}

void source_suspend(struct source *s)
{
    if (s->scanning) {
        s->after = s->scan.key;
        repo_scan_end(&s->scan);
        s->scanning = false;
    }
    repo_read_end(s->txn);
    s->txn = NULL;
}

void source_close(struct source *s)
{
    if (!s->t) return;
    source_suspend(s);
    if (s->opened && s->entry->provider->close) s->entry->provider->close(&s->call, s->state);
    s->opened = false;
    arena_free(&s->rows);
    arena_free(&s->scratch);
    s->t = NULL;
}
