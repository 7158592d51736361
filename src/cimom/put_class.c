/* PutClass and DeleteClass with their update modes (MS-WMI 3.1.4.3.6 and .8, cim-core.md 2.6). */
#include "base/utf.h"
#include "cimom/localised.h"

/* --- what changes ----------------------------------------------------------------------------- */

static bool is_important(struct slice name, bool method)
{
    static const char *const of_class[] = { "key",     "indexed",  "singleton",
                                            "dynamic", "abstract", "association" };
    static const char *const of_method[] = { "static", "in", "out", "id" };
    const char *const *list = method ? of_method : of_class;
    size_t n = method ? 4 : 6;
    for (size_t i = 0; i < n; i++) {
        if (slice_ieq(name, slice_str(list[i]))) return true;
    }
    return false;
}

/* Their flavors are as the rules have them, whatever is said. */
static bool keep_important(struct arena *a, struct cim_qualifiers *set, bool method)
{
    struct cim_qualifier *q = ARENA_ARRAY(a, set->n + 1, struct cim_qualifier);
    uint32_t n = 0;
    for (uint32_t i = 0; q && i < set->n; i++) {
        if (!is_important(set->q[i].name, method)) continue;
        q[n] = set->q[i];
        q[n++].flavor = 0;
    }
    *set = (struct cim_qualifiers){ q, n };
    return q != NULL;
}

/* The declaration without the qualifiers that nothing depends on. */
static bool skeleton(struct arena *a, const struct cim_class_decl *in, struct cim_class_decl *out)
{
    if (cim_class_decl_copy(a, in, out) || !keep_important(a, &out->qualifiers, false))
        return false;
    for (uint32_t i = 0; i < out->property_count; i++) {
        if (!keep_important(a, &out->properties[i].qualifiers, false)) return false;
    }
    for (uint32_t i = 0; i < out->method_count; i++) {
        struct cim_method_decl *m = &out->methods[i];
        if (!keep_important(a, &m->qualifiers, true)) return false;
        for (uint32_t k = 0; k < m->param_count; k++) {
            if (!keep_important(a, &m->params[k].qualifiers, true)) return false;
        }
    }
    return true;
}

static bool changes_little(const struct cim_class_decl *was, const struct cim_class_decl *is)
{
    struct arena a;
    arena_init(&a, 0);
    struct cim_class_decl x, y;
    bool little = skeleton(&a, was, &x) && skeleton(&a, is, &y) && cim_class_decl_equal(&x, &y);
    arena_free(&a);
    return little;
}

/* --- who is below ----------------------------------------------------------------------------- */

static bool has_children(struct edit_ns *en, const struct cim_class *cls)
{
    const struct cim_class *in_base = cim_schema_class(en->base, cls->name);
    for (size_t i = 0;; i++) {
        const struct cim_class *c = in_base ? cim_schema_child(en->base, in_base, i) : NULL;
        if (!c) break;
        const struct cim_class *now = edit_class(en, c->name);
        if (now && now->super && slice_ieq(now->super->name, cls->name)) return true;
    }
    return false;
}

static bool has_instances(struct edit *ed, struct edit_ns *en, const struct cim_class *cls)
{
    const struct cim_class *top = cim_schema_class(en->base, cls->name), *c;
    size_t at = 0;
    if (!top) return repo_count_instances(ed->txn, en->name, cls->name, 1) > 0;
    while ((c = cim_schema_walk(en->base, top, &at))) {
        if (repo_count_instances(ed->txn, en->name, c->name, 1)) return true;
    }
    return false;
}

static cimf_status refuse(struct error *e, cimf_status s, struct slice name, const char *why)
{
    error_set(e, s, "cimom", "%s", why);
    error_subject(e, name);
    return s;
}

/* Safe mode: a property that is new here must not be one of a subclass already. */
static cimf_status check_new_names(struct edit_ns *en, const struct cim_class *old,
                                   const struct cim_class_decl *decl, struct error *e)
{
    const struct cim_class *top = cim_schema_class(en->base, old->name), *c;
    for (uint32_t i = 0; top && i < decl->property_count; i++) {
        struct slice name = decl->properties[i].name;
        if (cim_class_property(old, name) >= 0) continue;
        size_t at = 0;
        while ((c = cim_schema_walk(en->base, top, &at))) {
            if (c == top || cim_class_property(c, name) < 0) continue;
            return refuse(e, CIMF_CLASS_HAS_CHILDREN, name,
                          "a subclass has a property of that name");
        }
    }
    return CIMF_OK;
}

static cimf_status check_mode(struct edit *ed, struct edit_ns *en, const struct cim_class *old,
                              const struct cim_class_decl *decl, uint32_t flags, struct error *e)
{
    bool children = has_children(en, old);
    bool instances = has_instances(ed, en, old);
    if (!slice_ieq(old->decl.super, decl->super) && (children || instances)) {
        return refuse(e, children ? CIMF_CLASS_HAS_CHILDREN : CIMF_CLASS_HAS_INSTANCES, old->name,
                      "the superclass cannot change while there are subclasses or instances");
    }
    if ((!children && !instances) || changes_little(&old->decl, decl)) return CIMF_OK;
    bool mild = !(flags & (CIM_UPDATE_SAFE | CIM_UPDATE_FORCE));
    if (children && mild) {
        return refuse(e, CIMF_CLASS_HAS_CHILDREN, old->name,
                      "the class has subclasses: use safe or force mode");
    }
    if (instances) {
        return refuse(e, CIMF_CLASS_HAS_INSTANCES, old->name,
                      "the class or a subclass has instances");
    }
    return flags & CIM_UPDATE_SAFE ? check_new_names(en, old, decl, e) : CIMF_OK;
}

/* --- putting ---------------------------------------------------------------------------------- */

cimf_status put_class_check_name(struct slice name, struct error *e)
{
    if (!name.n) return refuse(e, CIMF_INVALID_OBJECT, name, "the class has no name");
    if (name.n > LIMIT_CLASS_NAME && utf16_units(name) > LIMIT_CLASS_NAME) {
        return refuse(e, CIMF_QUOTA_VIOLATION, name, "the class name is too long");
    }
    if (name.p[0] == '_') {
        return refuse(e, CIMF_INVALID_OPERATION, name,
                      "names that begin with '_' are the system's");
    }
    if (name.p[name.n - 1] == '_') {
        return refuse(e, CIMF_INVALID_OBJECT, name, "a class name cannot end with '_'");
    }
    return cim_name_valid(name, false)
               ? CIMF_OK
               : refuse(e, CIMF_INVALID_PARAMETER, name, "not a class name");
}

cimf_status put_class_in(struct edit *ed, struct edit_ns *en, const struct cim_class_decl *decl,
                         uint32_t flags, bool *created, struct error *e)
{
    const struct cim_class *old = edit_class(en, decl->name);
    *created = !old;
    if (old && (flags & CIM_CREATE_ONLY)) {
        return refuse(e, CIMF_ALREADY_EXISTS, decl->name, "the class exists");
    }
    if (!old && (flags & CIM_UPDATE_ONLY)) {
        return refuse(e, CIMF_NOT_FOUND, decl->name, "the class does not exist");
    }
    if (decl->super.n && !edit_class(en, decl->super)) {
        return refuse(e, CIMF_NOT_FOUND, decl->super, "the superclass does not exist");
    }
    if (old && cim_class_decl_equal(&old->decl, decl)) return CIMF_OK;
    cimf_status s = old ? check_mode(ed, en, old, decl, flags, e) : CIMF_OK;
    if (s) return s;
    bool force = flags & CIM_UPDATE_FORCE;
    en->force |= force;
    /* The first spelling of the name stays (P22). */
    struct cim_class_decl named = *decl;
    if (old) named.name = old->name;
    return edit_put_class(ed, en, &named, force ? CIM_RESOLVE_FORCE : 0, NULL, e);
}

struct class_change {
    struct edit edit;
};

/* Update with the amended flag (cim-core.md 2.6, step 7): the words go to the locale's namespace,
 * the rest to this one. */
static cimf_status put_amended(struct task *t, struct edit *ed, struct edit_ns *en, struct error *e)
{
    char locale[16];
    struct cim_class_decl neutral, words;
    struct edit_ns *there;
    bool amended, created;
    const struct cim_class_decl *decl = t->in->class_decl;
    if (!localised_first(t->in->locale, locale)) {
        return error_set(e, CIMF_INVALID_PARAMETER, "cimom", "the locale is not known");
    }
    arena_reset(&t->item);
    cimf_status s = mof_split_class(&t->item, decl, slice_str(locale), &neutral, &words, &amended);
    if (!s) s = put_class_in(ed, en, &neutral, t->in->flags, &t->created, e);
    if (s || !amended) return s;
    struct slice ns = arena_printf(&t->item, SLICE_FMT "/%s", SLICE_ARG(en->name), locale);
    if (!ns.p) return CIMF_OUT_OF_MEMORY;
    s = edit_make_namespace(ed, ns, &created, e);
    if (!s) s = edit_open(ed, ns, &there, e);
    if (s) return s;
    if (words.super.n && !edit_class(there, words.super)) words.super = SLICE_NULL;
    return put_class_in(ed, there, &words, CIM_UPDATE_FORCE, &created, e);
}

static cimf_status write_class(struct repo_txn *txn, void *arg, struct error *e)
{
    struct task *t = arg;
    struct class_change *w = t->gen;
    struct edit_ns *en;
    edit_begin(&w->edit, t->m, txn);
    cimf_status s = edit_open(&w->edit, t->ns->name, &en, e);
    bool update = !s && edit_class(en, t->in->class_decl->name);
    if (!s && update && (t->in->flags & CIM_AMENDED)) {
        s = put_amended(t, &w->edit, en, e);
    } else if (!s) {
        s = put_class_in(&w->edit, en, t->in->class_decl, t->in->flags, &t->created, e);
    }
    if (!s) s = edit_commit(&w->edit, e);
    if (s == CIMF_TYPE_MISMATCH && (t->in->flags & CIM_UPDATE_SAFE) && en && en->ed == NULL) {
        if (e) e->status = CIMF_CLASS_HAS_CHILDREN;
        return CIMF_CLASS_HAS_CHILDREN; /* a subclass does not resolve any more */
    }
    return s;
}

static enum gen put_class_next(struct task *t, const struct cim_object **out)
{
    if (t->written) return GEN_END;
    t->edit = &((struct class_change *)t->gen)->edit;
    return task_write(t, write_class);
}

/* A class that a provider of this program serves changes with the program only. */
static cimf_status check_provider(struct task *t, const struct cim_class *cls)
{
    if (!cls || !ns_provider(t->ns, cls)) return CIMF_OK;
    return refuse(t->error, CIMF_PROVIDER_NOT_CAPABLE, cls->name,
                  "the provider of this class does not let it change");
}

cimf_status start_put_class(struct task *t)
{
    const struct cim_op *in = t->in;
    uint32_t only = CIM_CREATE_ONLY | CIM_UPDATE_ONLY, mode = CIM_UPDATE_SAFE | CIM_UPDATE_FORCE;
    if (!in->class_decl)
        return error_set(t->error, CIMF_INVALID_PARAMETER, "cimom", "no class given");
    if ((in->flags & only) == only || (in->flags & mode) == mode) {
        return error_set(t->error, CIMF_INVALID_PARAMETER, "cimom",
                         "flags that exclude each other");
    }
    const struct cim_class *old = cim_schema_class(t->schema, in->class_decl->name);
    cimf_status s = rights_check(t->ns, in, rights_write_class(t->ns, old), t->error);
    if (!s) s = put_class_check_name(in->class_decl->name, t->error);
    if (!s && old && !cim_class_decl_equal(&old->decl, in->class_decl)) s = check_provider(t, old);
    if (!s && (in->flags & CIM_AMENDED)) s = compile_system_units(t->m, t->error);
    t->gen = ARENA_NEW(&t->arena, struct class_change);
    t->next = put_class_next;
    return s || t->gen ? s : CIMF_OUT_OF_MEMORY;
}

/* --- deleting --------------------------------------------------------------------------------- */

static cimf_status check_system(const struct cim_class *cls, struct error *e)
{
    if (!(cls->flags & CIM_CLASS_SYSTEM)) return CIMF_OK;
    return refuse(e, CIMF_INVALID_OPERATION, cls->name, "system classes cannot be deleted");
}

cimf_status delete_class_in(struct edit *ed, struct edit_ns *en, struct slice name, struct error *e)
{
    const struct cim_class *cls = edit_class(en, name);
    if (!cls) return refuse(e, CIMF_NOT_FOUND, name, "the class does not exist");
    cimf_status s = check_system(cls, e);
    if (s) return s;
    struct arena a;
    arena_init(&a, 0);
    /* Everything below goes first: the last of a pre-order walk before the first. */
    const struct cim_class *top = cim_schema_class(en->base, name), *c;
    size_t n = 0, at = 0;
    struct slice *names = ARENA_ARRAY(&a, cim_schema_count(en->base) + 1, struct slice);
    while (names && top && (c = cim_schema_walk(en->base, top, &at))) names[n++] = c->name;
    if (names && !n) names[n++] = cls->name;
    s = names ? CIMF_OK : CIMF_OUT_OF_MEMORY;
    while (!s && n-- > 0) {
        c = edit_class(en, names[n]);
        if (c && cim_class_isa(c, name)) s = edit_delete_class(ed, en, c, e);
    }
    arena_free(&a);
    return s;
}

static cimf_status erase_class(struct repo_txn *txn, void *arg, struct error *e)
{
    struct task *t = arg;
    struct class_change *w = t->gen;
    struct edit_ns *en;
    edit_begin(&w->edit, t->m, txn);
    cimf_status s = edit_open(&w->edit, t->ns->name, &en, e);
    if (!s) s = delete_class_in(&w->edit, en, t->in->path.class_name, e);
    return s ? s : edit_commit(&w->edit, e);
}

static enum gen delete_class_next(struct task *t, const struct cim_object **out)
{
    if (t->written) return GEN_END;
    t->edit = &((struct class_change *)t->gen)->edit;
    return task_write(t, erase_class);
}

cimf_status start_delete_class(struct task *t)
{
    const struct cim_class *cls, *c;
    if (t->in->flags & CIM_AMENDED) {
        return error_set(t->error, CIMF_INVALID_PARAMETER, "cimom",
                         "a localised class cannot be deleted");
    }
    uint32_t right = rights_write_class(t->ns, cim_schema_class(t->schema, t->in->path.class_name));
    cimf_status s = rights_check(t->ns, t->in, right, t->error);
    if (s) return s;
    s = input_class(t, t->in->path.class_name, &cls);
    if (s) return s == CIMF_INVALID_CLASS ? t->error->status = CIMF_NOT_FOUND : s;
    s = check_system(cls, t->error);
    for (size_t at = 0; !s && (c = cim_schema_walk(t->schema, cls, &at));) s = check_provider(t, c);
    t->gen = ARENA_NEW(&t->arena, struct class_change);
    t->next = delete_class_next;
    return s || t->gen ? s : CIMF_OUT_OF_MEMORY;
}
