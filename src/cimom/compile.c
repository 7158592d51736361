/* MOF into the repository: the target that mof_apply fills, over one edit in one write function. */
#include <stdlib.h>

#include "cimom/put.h"
#include "cimom/security.h"

struct target {
    struct edit *ed;
    struct arena *a;
    bool system;
};

/* --- the target ------------------------------------------------------------------------------- */

static bool target_has_namespace(void *arg, struct slice ns)
{
    return repo_has_namespace(((struct target *)arg)->ed->txn, ns);
}

static const struct cim_class *target_find_class(void *arg, struct slice ns, struct slice name)
{
    struct edit_ns *en;
    return edit_open(((struct target *)arg)->ed, ns, &en, NULL) ? NULL : edit_class(en, name);
}

static cimf_status target_put_qualifier(void *arg, struct slice ns,
                                        const struct cim_qualifier_decl *decl, struct error *e)
{
    struct target *g = arg;
    struct edit_ns *en;
    cimf_status s = edit_open(g->ed, ns, &en, e);
    return s ? s : edit_put_qualifier(g->ed, en, decl, e);
}

static cimf_status target_put_class(void *arg, struct slice ns, const struct cim_class_decl *decl,
                                    uint32_t flags, struct error *e)
{
    struct target *g = arg;
    struct edit_ns *en;
    bool created;
    cimf_status s = edit_open(g->ed, ns, &en, e);
    if (s) return s;
    if (!g->system) {
        s = put_class_check_name(decl->name, e);
        return s ? s : put_class_in(g->ed, en, decl, flags, &created, e);
    }
    const struct cim_class *old = edit_class(en, decl->name);
    if (old && cim_class_decl_equal(&old->decl, decl)) return CIMF_OK;
    en->force |= old != NULL;
    return edit_put_class(g->ed, en, decl, CIM_RESOLVE_SYSTEM | (old ? CIM_RESOLVE_FORCE : 0), NULL,
                          e);
}

static const struct cim_class *find_in_edit(void *arg, struct slice name)
{
    return edit_class(arg, name);
}

static cimf_status target_put_instance(void *arg, struct slice ns, struct cim_instance *in,
                                       uint32_t flags, struct error *e)
{
    struct target *g = arg;
    struct edit_ns *en;
    bool created;
    if (is_namespace_class(in->cls)) {
        struct slice child;
        cimf_status s = child_namespace(g->a, ns, in, &child, e);
        if (!s) s = edit_make_namespace(g->ed, child, &created, e);
        return s ? s : security_of_qualifiers(g->ed, g->a, child, in->qualifiers, created, e);
    }
    if (slice_ieq(in->cls->name, SLICE("__SystemSecurity"))) {
        return security_of_qualifiers(g->ed, g->a, ns, in->qualifiers, false, e);
    }
    cimf_status s = edit_open(g->ed, ns, &en, e);
    if (s) return s;
    struct cimom_ns *space = ns_find(g->ed->m, ns);
    bool provided = space && ns_provider(space, in->cls);
    ns_unref(space);
    if (provided) {
        return error_set(e, CIMF_PROVIDER_NOT_CAPABLE, "cimom",
                         "instances of " SLICE_FMT " come from a provider",
                         SLICE_ARG(in->cls->name));
    }
    struct arena_mark mark = arena_mark(g->a);
    struct repo_classes classes = { find_in_edit, en };
    struct put_mode mode = { .partial = false };
    struct cim_path path;
    s = put_stored(g->ed->txn, g->a, &classes, ns, in, &mode, flags, g->ed->m->strict_parents,
                   &path, &created, e);
    arena_rewind(g->a, mark);
    return s;
}

static cimf_status target_delete_class(void *arg, struct slice ns, struct slice name,
                                       struct error *e)
{
    struct target *g = arg;
    struct edit_ns *en;
    cimf_status s = edit_open(g->ed, ns, &en, e);
    return s ? s : delete_class_in(g->ed, en, name, e);
}

static cimf_status target_delete_instance(void *arg, struct slice ns, struct slice text,
                                          struct error *e)
{
    struct target *g = arg;
    struct edit_ns *en;
    struct cim_path path, bound;
    struct slice key;
    cimf_status s = edit_open(g->ed, ns, &en, e);
    if (!s) s = cim_path_parse(g->a, text, &path, e);
    if (s) return s;
    const struct cim_class *cls = edit_class(en, path.class_name);
    if (!cls) return error_set(e, CIMF_NOT_FOUND, "cimom", "the class does not exist");
    s = bind_instance_path(g->a, &path, cls, &bound, e);
    if (!s) s = cim_path_key_text(g->a, &bound, ns, &key);
    return s ? s : repo_delete_instance(g->ed->txn, ns, repo_key_class(cls)->name, key, e);
}

static const struct mof_target edit_target = {
    .has_namespace = target_has_namespace,
    .find_class = target_find_class,
    .put_qualifier = target_put_qualifier,
    .put_class = target_put_class,
    .put_instance = target_put_instance,
    .delete_class = target_delete_class,
    .delete_instance = target_delete_instance,
};

cimf_status compile_unit(struct edit *ed, struct arena *a, struct mof_unit *unit, bool system,
                         struct mof_counts *counts, struct error *e)
{
    struct target g = { ed, a, system };
    return mof_apply(a, unit, &edit_target, &g, counts, e);
}

/* --- what every namespace has ----------------------------------------------------------------- */

cimf_status compile_parse(struct arena *a, const struct schema_file *f, struct slice ns,
                          struct mof_unit *unit, struct error *e)
{
    struct mof_source source = { slice_str(f->name), slice_of(f->text, f->length) };
    struct mof_options options = { .ns = ns };
    return mof_parse(a, &source, &options, unit, e);
}

static cimf_status parse_system_units(struct cimom *m, struct error *e)
{
    struct arena *a = &m->system_arena;
    struct mof_unit *units = ARENA_ARRAY(a, m->file_count + 1, struct mof_unit);
    size_t n = 0;
    cimf_status s = units ? CIMF_OK : CIMF_OUT_OF_MEMORY;
    for (size_t i = 0; !s && i < m->file_count; i++) {
        if (strcmp(m->files[i].ns, "*") != 0) continue;
        s = compile_parse(a, &m->files[i], SLICE("root"), &units[n++], e);
    }
    if (s) return s;
    m->system_unit_count = n;
    m->system_units = units;
    return CIMF_OK;
}

cimf_status compile_system_units(struct cimom *m, struct error *e)
{
    pthread_mutex_lock(&m->system_lock);
    cimf_status s = m->system_units ? CIMF_OK : parse_system_units(m, e);
    pthread_mutex_unlock(&m->system_lock);
    return s;
}

/* Its own copy of the productions: their namespace differs. */
cimf_status compile_system(struct edit *ed, struct slice ns, struct error *e)
{
    struct arena a;
    arena_init(&a, 0);
    cimf_status s = CIMF_OK;
    for (size_t i = 0; !s && i < ed->m->system_unit_count; i++) {
        struct mof_unit unit = ed->m->system_units[i];
        struct mof_production *copy = ARENA_ARRAY(&a, unit.count + 1, struct mof_production);
        struct mof_file *files = ARENA_ARRAY(&a, unit.file_count + 1, struct mof_file);
        if (!copy || !files) {
            s = CIMF_OUT_OF_MEMORY;
            break;
        }
        memcpy(files, unit.files, unit.file_count * sizeof *files);
        for (uint32_t k = 0; k < unit.count; k++) {
            copy[k] = unit.productions[k];
            copy[k].ns = ns;
        }
        unit.productions = copy;
        unit.files = files;
        s = compile_unit(ed, &a, &unit, true, NULL, e);
    }
    arena_free(&a);
    return s;
}

/* --- compiling for callers -------------------------------------------------------------------- */

struct compilation {
    struct cimom *m;
    struct mof_unit *unit;
    struct mof_counts counts;
    struct edit edit;
    struct arena arena;
    struct exec *exec;
    cimom_compiled_fn *done;
    void *arg;
    cimf_status status;
    struct error error;
};

static cimf_status write_unit(struct repo_txn *txn, void *arg, struct error *e)
{
    struct compilation *c = arg;
    arena_reset(&c->arena);
    memset(&c->counts, 0, sizeof c->counts);
    edit_begin(&c->edit, c->m, txn);
    cimf_status s = compile_unit(&c->edit, &c->arena, c->unit, false, &c->counts, e);
    return s ? s : edit_commit(&c->edit, e);
}

static void compilation_tell(void *arg)
{
    struct compilation *c = arg;
    c->done(c->arg, c->status, &c->counts, &c->error);
    free(c);
}

static void compilation_done(void *arg, cimf_status status, const struct error *e)
{
    struct compilation *c = arg;
    edit_end(&c->edit, status == CIMF_OK);
    arena_free(&c->arena);
    c->status = status;
    if (e) c->error = *e;
    if (!c->exec || !exec_post(c->exec, compilation_tell, c)) compilation_tell(c);
}

static cimf_status check_rights(struct cimom *m, const struct mof_unit *u,
                                const struct principal *p, struct error *e)
{
    cimf_status s = p ? CIMF_OK : error_set(e, CIMF_ACCESS_DENIED, "cimom", "no principal");
    struct slice last = SLICE_NULL;
    for (uint32_t i = 0; !s && i < u->count; i++) {
        if (slice_eq(u->productions[i].ns, last)) continue;
        last = u->productions[i].ns;
        /* One that the unit makes: whoever may write above it. */
        struct cimom_ns *ns = ns_find_above(m, last);
        const struct cim_op op = { .principal = p, .encrypted = true };
        if (ns) s = rights_check(ns, &op, RIGHT_ENABLE | RIGHT_FULL_WRITE | RIGHT_PARTIAL_WRITE, e);
        ns_unref(ns);
    }
    return s;
}

cimf_status cimom_compile_mof(struct cimom *m, struct mof_unit *unit,
                              const struct principal *principal, struct exec *exec,
                              cimom_compiled_fn *done, void *arg, struct error *e)
{
    cimf_status s = check_rights(m, unit, principal, e);
    if (!s) s = compile_system_units(m, e);
    if (s) return s;
    struct compilation *c = calloc(1, sizeof *c);
    if (!c) return CIMF_OUT_OF_MEMORY;
    *c = (struct compilation){ .m = m, .unit = unit, .exec = exec, .done = done, .arg = arg };
    arena_init(&c->arena, (size_t)1 << 30);
    s = repo_write_soon(m->repo, write_unit, c, NULL, compilation_done, e);
    if (s) free(c);
    return s;
}

struct waiting {
    pthread_mutex_t lock;
    pthread_cond_t ready;
    bool over;
    cimf_status status;
    struct mof_counts counts;
    struct error error;
};

static void wake(void *arg, cimf_status status, const struct mof_counts *counts,
                 const struct error *e)
{
    struct waiting *w = arg;
    pthread_mutex_lock(&w->lock);
    w->status = status;
    w->counts = *counts;
    w->error = *e;
    w->over = true;
    pthread_cond_signal(&w->ready);
    pthread_mutex_unlock(&w->lock);
}

cimf_status cimom_compile_mof_sync(struct cimom *m, struct mof_unit *unit,
                                   const struct principal *principal, struct mof_counts *counts,
                                   struct error *e)
{
    struct waiting w = { .lock = PTHREAD_MUTEX_INITIALIZER, .ready = PTHREAD_COND_INITIALIZER };
    cimf_status s = cimom_compile_mof(m, unit, principal, NULL, wake, &w, e);
    if (s) return s;
    pthread_mutex_lock(&w.lock);
    while (!w.over) pthread_cond_wait(&w.ready, &w.lock);
    pthread_mutex_unlock(&w.lock);
    if (w.status && e) *e = w.error;
    if (counts) *counts = w.counts;
    return w.status;
}

const struct cim_qualifier_decl *cimom_mof_qualifier(void *arg, struct slice ns, struct slice name)
{
    struct cimom_mof_scope *scope = arg;
    struct cimom_ns *space = ns_find(scope->m, ns);
    struct cim_schema *schema = NULL;
    const struct cim_qualifier_decl *decl = NULL;
    if (space && !ns_schema(space, &schema, NULL)) {
        decl = cim_schema_qualifier(schema, name);
        if (!decl) {
            cim_schema_unref(schema);
        } else if (!arena_hold(scope->a, schema, (void (*)(void *))cim_schema_unref)) {
            decl = NULL;
        }
    }
    ns_unref(space);
    return decl;
}
