/* PutInstance: create, update, partial update; in the repository, by a provider, and of namespaces.
 */
#include "base/utf.h"
#include "cimom/put.h"

/* --- rules ------------------------------------------------------------------------------------ */

/* Can instances of cls be stored at all? */
static cimf_status check_instantiable(const struct cim_class *cls, bool strict_parents, struct error *e)
{
    cimf_status s = CIMF_OK;
    if (cls->flags & CIM_CLASS_ABSTRACT) {
        s = error_set(e, CIMF_INVALID_OPERATION, "cimom", "an abstract class has no instances");
    } else if (cls->flags & CIM_CLASS_AMENDMENT) {
        s = error_set(e, CIMF_INVALID_OPERATION, "cimom", "a localised class has no instances");
    } else if (strict_parents && cls->super && !(cls->super->flags & CIM_CLASS_ABSTRACT)) {
        s = error_set(e, CIMF_NOT_FOUND, "cimom", "the class has a parent that is not abstract");
    } else if (!cls->key_count && !(cls->flags & CIM_CLASS_SINGLETON)) {
        s = error_set(e, CIMF_NO_KEY, "cimom", "a class without keys has no instances");
    }
    if (s) error_subject(e, cls->name);
    return s;
}

static cimf_status put_mode_of(struct arena *a, const struct cim_op *in, struct put_mode *mode,
                               struct error *e)
{
    *mode = (struct put_mode){ .partial = in->flags & CIM_PARTIAL,
                               .lax_nulls = in->flags & CIM_PARTIAL_LAX_NULLS };
    if (mode->partial && in->wanted) {
        mode->names = in->wanted;
        mode->name_count = in->wanted_count;
    }
    const struct cim_value *list = input_context(in, "__PUT_EXT_PROPERTIES");
    bool on = input_true(in, "__PUT_EXTENSIONS");
    if (!on && !list && !input_context(in, "__PUT_EXT_STRICT_NULLS") && !input_context(in, "__PUT_EXT_ATOMIC")) return CIMF_OK;
    if (!on || !list || list->null || list->type != (CIM_STRING | CIM_ARRAY)) {
        return error_set(e, CIMF_INVALID_CONTEXT, "cimom",
                         "a partial update needs __PUT_EXTENSIONS=TRUE and __PUT_EXT_PROPERTIES");
    }
    struct slice *names = ARENA_ARRAY(a, list->v.a.n + 1, struct slice);
    if (!names) return CIMF_OUT_OF_MEMORY;
    for (uint32_t i = 0; i < list->v.a.n; i++) names[i] = cim_array_get(CIM_STRING, list->v.a, i).s;
    mode->partial = true;
    mode->lax_nulls = !input_true(in, "__PUT_EXT_STRICT_NULLS");
    mode->names = names;
    mode->name_count = list->v.a.n;
    return CIMF_OK;
}

static bool counts(const struct put_mode *mode, const struct cim_instance *in, uint32_t i)
{
    if (!mode->names) return in->state[i] == CIM_SET || in->state[i] == CIM_NULL;
    for (uint32_t k = 0; k < mode->name_count; k++) {
        if (slice_ieq(mode->names[k], in->cls->properties[i].name)) return true;
    }
    return false;
}

/* Not said, or said to be nothing: without strict NULLs that leaves a property alone. */
static bool is_nothing(const struct cim_instance *in, uint32_t i)
{
    union cim_data v;
    return !cim_get(in, i, &v);
}

/* `in` becomes what is to be stored. old NULL: there is none. */
static void merge(struct cim_instance *in, const struct cim_instance *old,
                  const struct put_mode *mode)
{
    for (uint32_t i = 0; i < in->cls->property_count; i++) {
        if (in->cls->properties[i].flags & CIM_PROP_KEY) continue;
        bool keep = in->state[i] == CIM_UNSENT;
        if (mode->partial) {
            keep = !counts(mode, in, i) || in->state[i] == CIM_UNSENT || (mode->lax_nulls && is_nothing(in, i));
        }
        if (!keep) continue;
        in->state[i] = old ? old->state[i] : CIM_DEFAULTED;
        if (old) in->slot[i] = old->slot[i];
    }
}

/* --- the repository --------------------------------------------------------------------------- */

static cimf_status check_length(struct arena *a, const struct cim_path *path, struct error *e)
{
    struct buf text;
    buf_init(&text, 0);
    bool ok = cim_path_write(&text, path, true);
    bool fits = utf16_units(buf_slice(&text)) <= LIMIT_PATH;
    buf_free(&text);
    if (!ok) return CIMF_OUT_OF_MEMORY;
    return fits ? CIMF_OK
                : error_set(e, CIMF_QUOTA_VIOLATION, "cimom",
                            "the object path has more than %d characters", LIMIT_PATH);
}

cimf_status put_stored(struct repo_txn *txn, struct arena *a, const struct repo_classes *classes,
                       struct slice ns, struct cim_instance *in, const struct put_mode *mode,
                       uint32_t op_flags, bool strict_parents, struct cim_path *path, bool *created,
                       struct error *e)
{
    cimf_status s = check_instantiable(in->cls, strict_parents, e);
    if (!s) s = cim_path_of(a, in, path, e);
    if (!s) s = check_length(a, path, e);
    struct slice key = SLICE_NULL;
    if (!s) s = cim_path_key_text(a, path, ns, &key);
    if (s) return s;
    struct cim_instance *old = NULL;
    s = repo_get_instance(txn, a, ns, repo_key_class(in->cls)->name, key, classes, &old, e);
    if (s && s != CIMF_NOT_FOUND) return s;
    if (s) old = NULL;
    if (old && (old->cls != in->cls || (op_flags & CIM_CREATE_ONLY))) {
        s = error_set(e, CIMF_ALREADY_EXISTS, "cimom",
                      "an instance of " SLICE_FMT " has these keys", SLICE_ARG(old->cls->name));
        error_subject(e, in->cls->name);
        return s;
    }
    if (!old && (op_flags & CIM_UPDATE_ONLY)) {
        s = error_set(e, CIMF_NOT_FOUND, "cimom", "no instance has these keys");
        error_subject(e, in->cls->name);
        return s;
    }
    merge(in, old, mode);
    s = check_not_null(in, e);
    if (s) return s;
    if (e) *e = ERROR_INIT;
    return repo_put_instance(txn, ns, in, key, 0, created, e);
}

/* --- the operation ---------------------------------------------------------------------------- */

struct put {
    const struct cim_class *cls;
    struct put_mode mode;
    struct cim_instance *in; /* under cls, in the task's arena */
    struct edit edit;        /* of a namespace */
    struct slice child;
    bool is_namespace;
};

static cimf_status write_instance(struct repo_txn *txn, void *arg, struct error *e)
{
    struct task *t = arg;
    struct put *p = t->gen;
    arena_reset(&t->item);
    struct cim_schema *schema;
    cimf_status s = edit_schema(t->m, txn, t->ns->name, &schema, e);
    if (s) return s;
    const struct cim_class *cls = cim_schema_class(schema, p->cls->name);
    struct cim_instance *in;
    if (!cls) {
        s = error_set(e, CIMF_INVALID_CLASS, "cimom", "the class was deleted meanwhile");
    } else {
        s = retype(&t->item, p->in, cls, p->mode.partial, &in, e);
    }
    struct cim_path path;
    struct repo_classes classes = repo_classes_of(schema);
    if (!s) {
        s = put_stored(txn, &t->item, &classes, t->ns->name, in, &p->mode, t->in->flags,
                       t->m->strict_parents, &path, &t->created, e);
    }
    cim_schema_unref(schema);
    return s;
}

static cimf_status write_namespace(struct repo_txn *txn, void *arg, struct error *e)
{
    struct task *t = arg;
    struct put *p = t->gen;
    edit_begin(&p->edit, t->m, txn);
    bool exists = repo_has_namespace(txn, p->child);
    cimf_status s = CIMF_OK;
    if (exists && (t->in->flags & CIM_CREATE_ONLY)) {
        s = error_set(e, CIMF_ALREADY_EXISTS, "cimom", "the namespace exists");
    } else if (!exists && (t->in->flags & CIM_UPDATE_ONLY)) {
        s = error_set(e, CIMF_NOT_FOUND, "cimom", "the namespace does not exist");
    }
    if (s) {
        error_subject(e, p->child);
        return s;
    }
    s = edit_make_namespace(&p->edit, p->child, &t->created, e);
    return s ? s : edit_commit(&p->edit, e);
}

static enum gen put_provided(struct task *t, struct put *p)
{
    struct provider_entry *entry = ns_provider(t->ns, p->cls);
    if (!entry->provider->put) {
        return task_failf(t, CIMF_PROVIDER_NOT_CAPABLE,
                          "the provider of " SLICE_FMT " does not write", SLICE_ARG(p->cls->name));
    }
    struct provider_once once;
    enum gen g = provider_begin(&once, t, entry, p->cls);
    if (g != GEN_END) return g;
    struct cim_instance *in;
    cimf_status s = retype(&t->arena, p->in, p->cls, p->mode.partial, &in, &once.error);
    for (uint32_t i = 0; !s && p->mode.partial && i < p->cls->property_count; i++) {
        bool key = p->cls->properties[i].flags & CIM_PROP_KEY;
        if (!key && !counts(&p->mode, in, i)) in->state[i] = CIM_UNSENT;
        if (!key && p->mode.lax_nulls && is_nothing(in, i)) in->state[i] = CIM_UNSENT;
    }
    if (!s) s = entry->provider->put(&once.call, &t->path_out, in, t->in->flags);
    g = provider_end(&once, t, entry, s);
    if (g == GEN_END) t->created = t->in->flags & CIM_CREATE_ONLY;
    return g;
}

static enum gen put_next(struct task *t, const struct cim_object **out)
{
    struct put *p = t->gen;
    if (t->written) return GEN_END;
    if (ns_provider(t->ns, p->cls)) return put_provided(t, p);
    if (!p->is_namespace) return task_write(t, write_instance);
    t->edit = &p->edit;
    return task_write(t, write_namespace);
}

cimf_status child_namespace(struct arena *a, struct slice parent, const struct cim_instance *in,
                            struct slice *out, struct error *e)
{
    struct cim_value v;
    cimf_status s = cim_get_named(a, in, SLICE("Name"), &v);
    if (s) return s;
    if (v.null || !v.v.s.n)
        return error_set(e, CIMF_ILLEGAL_NULL, "cimom", "the namespace has no name");
    struct slice name = v.v.s;
    bool ok = utf8_valid(name), dots = true; /* URI parsers take segments of dots away */
    for (size_t i = 0; i < name.n; i++) {
        ok &= (unsigned char)name.p[i] > ' ' && !strchr("/\\:\"'*?<>|=", name.p[i]);
        dots &= name.p[i] == '.';
    }
    if (!ok || dots) {
        error_set(e, CIMF_INVALID_PARAMETER, "cimom", "not a name for a namespace");
        error_subject(e, name);
        return CIMF_INVALID_PARAMETER;
    }
    *out = arena_printf(a, SLICE_FMT "/" SLICE_FMT, SLICE_ARG(parent), SLICE_ARG(name));
    if (!out->p) return CIMF_OUT_OF_MEMORY;
    return utf16_units(*out) <= LIMIT_NAMESPACE
               ? CIMF_OK
               : error_set(e, CIMF_QUOTA_VIOLATION, "cimom", "the namespace name is too long");
}

/* Keys that the body leaves out are those of the target path (WS-Management selectors). */
static cimf_status take_keys(struct task *t, struct put *p)
{
    const struct cim_path *path = &t->in->path;
    if (path->kind != CIM_PATH_INSTANCE || !path->key_count) return CIMF_OK;
    struct cim_path bound;
    cimf_status s = cim_path_bind(&t->arena, path, p->cls, &bound, t->error);
    for (uint32_t i = 0; !s && i < bound.key_count; i++) {
        int at = cim_class_property(p->cls, bound.keys[i].name);
        if (p->in->state[at] == CIM_SET) continue;
        p->in->state[at] = CIM_SET;
        p->in->slot[at] = bound.keys[i].value.v;
    }
    return s;
}

static cimf_status prepare(struct task *t, struct put *p)
{
    cimf_status s = put_mode_of(&t->arena, t->in, &p->mode, t->error);
    if (!s) s = retype(&t->arena, t->in->instance, p->cls, p->mode.partial, &p->in, t->error);
    if (!s) s = take_keys(t, p);
    if (!s && !ns_provider(t->ns, p->cls)) {
        s = check_instantiable(p->cls, t->m->strict_parents, t->error);
    }
    if (!s) s = cim_path_of(&t->arena, p->in, &t->path_out, t->error);
    if (!s && is_namespace_class(p->cls)) {
        p->is_namespace = true;
        s = child_namespace(&t->arena, t->ns->name, p->in, &p->child, t->error);
    }
    t->path_out.ns = t->ns->name;
    return s;
}

cimf_status start_put_instance(struct task *t)
{
    const struct cim_op *in = t->in;
    uint32_t only = CIM_CREATE_ONLY | CIM_UPDATE_ONLY;
    if (!in->instance)
        return error_set(t->error, CIMF_INVALID_PARAMETER, "cimom", "no instance given");
    if ((in->flags & only) == only) {
        return error_set(t->error, CIMF_INVALID_PARAMETER, "cimom", "create only and update only");
    }
    struct put *p = ARENA_NEW(&t->arena, struct put);
    if (!p) return CIMF_OUT_OF_MEMORY;
    cimf_status s = input_class(t, in->instance->cls->name, &p->cls);
    if (!s) {
        s = rights_check(t->ns, in, rights_write_instance(t->ns, p->cls), t->error);
    }
    /* What is prepared here must outlive the submitter when a provider hangs. */
    struct provider_entry *entry = s ? NULL : ns_provider(t->ns, p->cls);
    if (entry && (entry->provider->flags & PROVIDER_BLOCKING) && !task_own_inputs(t)) {
        s = CIMF_OUT_OF_MEMORY;
    }
    if (!s) s = prepare(t, p);
    if (!s && p->is_namespace) s = compile_system_units(t->m, t->error);
    t->gen = p;
    t->next = put_next;
    return s;
}
