/* DeleteInstance: from the repository, by a provider, and of namespaces. */
#include "cimom/select.h"

struct removal {
    const struct cim_class *cls;
    struct cim_path path; /* bound */
    struct slice key;
    struct slice child; /* namespace to be deleted */
    struct edit edit;
};

static cimf_status not_found(struct error *e, const struct cim_class *cls)
{
    error_set(e, CIMF_NOT_FOUND, "cimom", "no instance has these keys");
    error_subject(e, cls->name);
    return CIMF_NOT_FOUND;
}

static cimf_status remove_stored(struct repo_txn *txn, void *arg, struct error *e)
{
    struct task *t = arg;
    struct removal *r = t->gen;
    arena_reset(&t->item);
    struct slice key_class = repo_key_class(r->cls)->name, exact;
    cimf_status s =
        repo_find_instance(txn, &t->item, t->ns->name, key_class, r->key, &exact, NULL, e);
    if (s == CIMF_NOT_FOUND) return not_found(e, r->cls);
    if (s) return s;
    struct cim_schema *schema;
    s = edit_schema(t->m, txn, t->ns->name, &schema, e);
    if (s) return s;
    const struct cim_class *c = cim_schema_class(schema, exact);
    bool isa = c && cim_class_isa(c, r->cls->name);
    cim_schema_unref(schema);
    if (!isa) return not_found(e, r->cls);
    return repo_delete_instance(txn, t->ns->name, key_class, r->key, e);
}

static cimf_status remove_namespace(struct repo_txn *txn, void *arg, struct error *e)
{
    struct task *t = arg;
    struct removal *r = t->gen;
    edit_begin(&r->edit, t->m, txn);
    if (!repo_has_namespace(txn, r->child)) return not_found(e, r->cls);
    cimf_status s = edit_delete_namespace(&r->edit, r->child, e);
    return s ? s : edit_commit(&r->edit, e);
}

static enum gen remove_provided(struct task *t, struct removal *r, struct provider_entry *entry)
{
    struct provider_once once;
    enum gen g = provider_begin(&once, t, entry, r->cls);
    if (g != GEN_END) return g;
    return provider_end(&once, t, entry, entry->provider->del(&once.call, &r->path));
}

static enum gen remove_next(struct task *t, const struct cim_object **out)
{
    struct removal *r = t->gen;
    struct provider_entry *entry = ns_provider(t->ns, r->cls);
    if (t->written) return GEN_END;
    if (entry) return remove_provided(t, r, entry);
    if (!r->child.n) return task_write(t, remove_stored);
    t->edit = &r->edit;
    return task_write(t, remove_namespace);
}

static bool built_in(const struct cimom *m, struct slice ns)
{
    for (const char *const *n = m->namespaces; n && *n; n++) {
        if (slice_ieq(slice_str(*n), ns)) return true;
    }
    return false;
}

static cimf_status name_child(struct task *t, struct removal *r)
{
    if (!is_namespace_class(r->cls)) return CIMF_OK;
    r->child = arena_printf(&t->arena, SLICE_FMT "/" SLICE_FMT, SLICE_ARG(t->ns->name),
                            SLICE_ARG(r->path.keys[0].value.v.s));
    if (!r->child.p) return CIMF_OUT_OF_MEMORY;
    if (!built_in(t->m, r->child)) return CIMF_OK;
    error_set(t->error, CIMF_INVALID_OPERATION, "cimom", "this namespace is part of the system");
    error_subject(t->error, r->child);
    return CIMF_INVALID_OPERATION;
}

cimf_status start_delete_instance(struct task *t)
{
    struct removal *r = ARENA_NEW(&t->arena, struct removal);
    if (!r) return CIMF_OUT_OF_MEMORY;
    cimf_status s = input_class(t, t->in->path.class_name, &r->cls);
    if (!s) {
        s = rights_check(t->ns, t->in, rights_write_instance(t->ns, r->cls), t->error);
    }
    struct provider_entry *entry = s ? NULL : ns_provider(t->ns, r->cls);
    if (entry && (entry->provider->flags & PROVIDER_BLOCKING) && !task_own_inputs(t)) {
        s = CIMF_OUT_OF_MEMORY;
    }
    if (!s) s = bind_instance_path(&t->arena, &t->in->path, r->cls, &r->path, t->error);
    if (!s) s = cim_path_key_text(&t->arena, &r->path, t->ns->name, &r->key);
    if (!s) s = name_child(t, r);
    if (!s && entry && !entry->provider->del) {
        s = error_set(t->error, CIMF_PROVIDER_NOT_CAPABLE, "cimom",
                      "the provider of " SLICE_FMT " does not delete", SLICE_ARG(r->cls->name));
    }
    t->gen = r;
    t->next = remove_next;
    return s;
}
