/* mof/memory.c - compile target in memory. */
#include "mof/memory.h"

#include <stdlib.h>

#include "base/map.h"
#include "cim/path.h"

struct space {
    struct slice name;
    struct cim_schema *schema;
    struct cim_schema_editor *editor; /* while a unit is applied and changes it */
    bool fresh;                       /* made by the unit at work */
};

/* An instance has an arena of its own; replaced and deleted ones wait for the end of the unit. */
struct stored {
    struct arena arena;
    struct slice key;                 /* "ns:path", folded compare */
    struct cim_instance *instance;
    bool fresh, gone;
};

struct mof_memory {
    struct arena arena;               /* names of namespaces */
    struct space *spaces;
    size_t space_count, space_room;
    struct stored **list;
    size_t count, room;
    struct map by_key;                /* live ones */
};

static struct space *space_of(const struct mof_memory *m, struct slice ns)
{
    for (size_t i = 0; i < m->space_count; i++) {
        if (slice_ieq(m->spaces[i].name, ns)) return &m->spaces[i];
    }
    return NULL;
}

static struct space *add_space(struct mof_memory *m, struct slice ns)
{
    if (m->space_count == m->space_room) {
        size_t room = m->space_room ? m->space_room * 2 : 8;
        struct space *more = realloc(m->spaces, room * sizeof *more);
        if (!more) return NULL;
        m->spaces = more;
        m->space_room = room;
    }
    struct slice name = arena_dup(&m->arena, ns);
    struct cim_schema *schema = name.p ? cim_schema_new(name) : NULL;
    if (!schema) return NULL;
    struct space *s = &m->spaces[m->space_count++];
    *s = (struct space){ .name = name, .schema = schema, .fresh = true };
    return s;
}

static void stored_free(struct stored *s)
{
    if (!s) return;
    arena_free(&s->arena);
    free(s);
}

struct mof_memory *mof_memory_new(struct slice ns)
{
    struct mof_memory *m = calloc(1, sizeof *m);
    if (!m) return NULL;
    arena_init(&m->arena, 0);
    map_init(&m->by_key, true);
    struct space *s = add_space(m, ns);
    if (s) {
        s->fresh = false;
        return m;
    }
    mof_memory_free(m);
    return NULL;
}

void mof_memory_free(struct mof_memory *m)
{
    if (!m) return;
    for (size_t i = 0; i < m->count; i++) stored_free(m->list[i]);
    for (size_t i = 0; i < m->space_count; i++) cim_schema_unref(m->spaces[i].schema);
    free(m->list);
    free(m->spaces);
    map_free(&m->by_key);
    arena_free(&m->arena);
    free(m);
}

/* --- the target ----------------------------------------------------------------------------------- */

static cimf_status edit(struct space *s, struct error *e)
{
    if (!s) return error_set(e, CIMF_INVALID_NAMESPACE, "mof", "the namespace does not exist");
    if (!s->editor) s->editor = cim_schema_edit(s->schema);
    return s->editor ? CIMF_OK : error_set(e, CIMF_OUT_OF_MEMORY, "mof", "no memory for a schema");
}

static bool has_namespace(void *arg, struct slice ns) { return space_of(arg, ns) != NULL; }

static const struct cim_class *find_class(void *arg, struct slice ns, struct slice name)
{
    struct space *s = space_of(arg, ns);
    if (!s) return NULL;
    return s->editor ? cim_schema_edit_class(s->editor, name) : cim_schema_class(s->schema, name);
}

static cimf_status put_qualifier(void *arg, struct slice ns, const struct cim_qualifier_decl *decl,
                                 struct error *e)
{
    struct space *s = space_of(arg, ns);
    cimf_status st = edit(s, e);
    if (st) return st;
    st = cim_schema_put_qualifier(s->editor, decl);
    return st ? error_set(e, st, "mof", "the qualifier cannot be declared") : CIMF_OK;
}

static cimf_status put_class(void *arg, struct slice ns, const struct cim_class_decl *decl,
                             uint32_t flags, struct error *e)
{
    struct space *s = space_of(arg, ns);
    cimf_status st = edit(s, e);
    if (st) return st;
    bool exists = cim_schema_edit_class(s->editor, decl->name) != NULL;
    if (exists && (flags & CIM_CREATE_ONLY))
        return error_set(e, CIMF_ALREADY_EXISTS, "mof", "the class already exists");
    if (!exists && (flags & CIM_UPDATE_ONLY))
        return error_set(e, CIMF_NOT_FOUND, "mof", "the class to update does not exist");
    unsigned how = CIM_RESOLVE_SYSTEM | (flags & CIM_UPDATE_FORCE ? CIM_RESOLVE_FORCE : 0);
    const struct cim_class *made;
    return cim_schema_put(s->editor, decl, how, &made, e);
}

static cimf_status delete_class(void *arg, struct slice ns, struct slice name, struct error *e)
{
    struct space *s = space_of(arg, ns);
    cimf_status st = edit(s, e);
    if (st) return st;
    if (!cim_schema_edit_class(s->editor, name))
        return error_set(e, CIMF_NOT_FOUND, "mof", "the class to delete does not exist");
    return cim_schema_delete(s->editor, name, e);
}

/* --- instances ------------------------------------------------------------------------------------ */

static cimf_status key_of(struct arena *a, struct slice ns, const struct cim_path *path,
                          struct slice *out)
{
    struct buf text;
    buf_init(&text, 0);
    buf_slice_add(&text, ns);
    buf_byte(&text, ':');
    bool ok = cim_path_write(&text, path, true);
    *out = ok ? arena_dup(a, buf_slice(&text)) : SLICE_NULL;
    buf_free(&text);
    return out->p ? CIMF_OK : CIMF_OUT_OF_MEMORY;
}

static cimf_status add_stored(struct mof_memory *m, struct stored *s)
{
    if (m->count == m->room) {
        size_t room = m->room ? m->room * 2 : 64;
        struct stored **more = realloc(m->list, room * sizeof(struct stored *));
        if (!more) return CIMF_OUT_OF_MEMORY;
        m->list = more;
        m->room = room;
    }
    struct stored *before = map_del(&m->by_key, s->key);
    if (before) before->gone = true;
    if (!map_put(&m->by_key, s->key, s, NULL)) return CIMF_OUT_OF_MEMORY;
    s->fresh = true;
    m->list[m->count++] = s;
    return CIMF_OK;
}

/* A child namespace starts with the system classes of its parent. */
static cimf_status make_namespace(struct mof_memory *m, struct slice parent, struct slice name,
                                  struct error *e)
{
    struct slice ns = arena_printf(&m->arena, SLICE_FMT "/" SLICE_FMT, SLICE_ARG(parent),
                                   SLICE_ARG(name));
    if (!ns.p) return error_set(e, CIMF_OUT_OF_MEMORY, "mof", "no memory for a namespace");
    if (space_of(m, ns)) return CIMF_OK;
    struct space *child = add_space(m, ns);
    cimf_status st = child ? edit(child, e) : CIMF_OUT_OF_MEMORY;
    const struct cim_schema *from = space_of(m, parent)->schema;
    const struct cim_class *c;
    for (size_t at = 0; !st && (c = cim_schema_walk(from, NULL, &at));) {
        const struct cim_class *made;
        if (c->flags & CIM_CLASS_SYSTEM)
            st = cim_schema_put(child->editor, &c->decl, CIM_RESOLVE_SYSTEM, &made, e);
    }
    return st;
}

static cimf_status put_instance(void *arg, struct slice ns, struct cim_instance *in, uint32_t flags,
                                struct error *e)
{
    struct mof_memory *m = arg;
    struct cim_path path;
    if (in->cls->flags & CIM_CLASS_ABSTRACT) {
        return error_set(e, CIMF_INVALID_CLASS, "mof", "the class " SLICE_FMT " is abstract",
                         SLICE_ARG(in->cls->name));
    }
    struct stored *s = calloc(1, sizeof *s);
    if (!s) return error_set(e, CIMF_OUT_OF_MEMORY, "mof", "no memory for an instance");
    arena_init(&s->arena, 0);
    cimf_status st = cim_path_of(&s->arena, in, &path, e);
    if (!st) st = key_of(&s->arena, ns, &path, &s->key);
    bool exists = !st && map_get(&m->by_key, s->key);
    if (exists && (flags & CIM_CREATE_ONLY)) {
        st = error_set(e, CIMF_ALREADY_EXISTS, "mof", "the instance already exists");
    } else if (!st && !exists && (flags & CIM_UPDATE_ONLY)) {
        st = error_set(e, CIMF_NOT_FOUND, "mof", "the instance to update does not exist");
    }
    union cim_data name;
    int index = cim_class_property(in->cls, SLICE("Name"));
    if (!st && slice_ieq(in->cls->name, SLICE("__Namespace")) && index >= 0 &&
        cim_get(in, (unsigned)index, &name))
        st = make_namespace(m, ns, name.s, e);
    if (!st) {
        s->instance = cim_instance_copy(&s->arena, in);
        st = s->instance ? add_stored(m, s) : CIMF_OUT_OF_MEMORY;
    }
    if (st) stored_free(s);
    return st;
}

static cimf_status delete_instance(void *arg, struct slice ns, struct slice text, struct error *e)
{
    struct mof_memory *m = arg;
    struct arena a;
    struct cim_path path, bound;
    struct slice key;
    arena_init(&a, 0);
    cimf_status st = cim_path_parse(&a, text, &path, e);
    const struct cim_class *cls = st ? NULL : find_class(arg, ns, path.class_name);
    if (!st && !cls) st = error_set(e, CIMF_NOT_FOUND, "mof", "the instance's class does not exist");
    if (!st) st = cim_path_bind(&a, &path, cls, &bound, e);
    if (!st) st = key_of(&a, ns, &bound, &key);
    if (!st) {
        struct stored *s = map_del(&m->by_key, key);
        if (s) s->gone = true;
        else st = error_set(e, CIMF_NOT_FOUND, "mof", "the instance to delete does not exist");
    }
    arena_free(&a);
    return st;
}

/* --- one unit ------------------------------------------------------------------------------------- */

static cimf_status commit_schemas(struct mof_memory *m, struct error *e)
{
    cimf_status st = CIMF_OK;
    struct cim_schema **next = calloc(m->space_count, sizeof *next);
    if (!next) st = error_set(e, CIMF_OUT_OF_MEMORY, "mof", "no memory for a schema");
    for (size_t i = 0; i < m->space_count && !st; i++) {
        struct space *s = &m->spaces[i];
        if (!s->editor) continue;
        st = cim_schema_commit(s->editor, &next[i], e);
        s->editor = NULL;
    }
    for (size_t i = 0; next && i < m->space_count; i++) {
        if (!next[i]) continue;
        struct cim_schema *old = st ? next[i] : m->spaces[i].schema;
        if (!st) m->spaces[i].schema = next[i];
        cim_schema_unref(old);
    }
    free(next);
    return st;
}

/* Keeps what the unit made, or what was there before. */
static void settle_instances(struct mof_memory *m, bool keep)
{
    size_t kept = 0;
    map_free(&m->by_key);
    map_init(&m->by_key, true);
    for (size_t i = 0; i < m->count; i++) {
        struct stored *s = m->list[i];
        bool dies = keep ? s->gone : s->fresh;
        s->fresh = s->gone = false;
        if (dies || !map_put(&m->by_key, s->key, s, NULL)) {
            stored_free(s);
        } else {
            m->list[kept++] = s;
        }
    }
    m->count = kept;
}

static void settle_spaces(struct mof_memory *m, bool keep)
{
    size_t kept = 0;
    for (size_t i = 0; i < m->space_count; i++) {
        struct space *s = &m->spaces[i];
        if (s->editor) cim_schema_abandon(s->editor);
        s->editor = NULL;
        if (!keep && s->fresh) {
            cim_schema_unref(s->schema);
            continue;
        }
        s->fresh = false;
        m->spaces[kept++] = *s;
    }
    m->space_count = kept;
}

cimf_status mof_memory_apply(struct mof_memory *m, struct arena *a, struct mof_unit *u,
                             struct mof_counts *counts, struct error *e)
{
    static const struct mof_target target = {
        .has_namespace = has_namespace, .find_class = find_class, .put_qualifier = put_qualifier,
        .put_class = put_class, .put_instance = put_instance, .delete_class = delete_class,
        .delete_instance = delete_instance,
    };
    cimf_status st = mof_apply(a, u, &target, m, counts, e);
    if (!st) st = commit_schemas(m, e);
    settle_spaces(m, !st);
    settle_instances(m, !st);
    return st;
}

/* --- reading -------------------------------------------------------------------------------------- */

const struct cim_schema *mof_memory_schema(const struct mof_memory *m, struct slice ns)
{
    const struct space *s = space_of(m, ns);
    return s ? s->schema : NULL;
}

size_t mof_memory_count(const struct mof_memory *m) { return m->count; }

const struct cim_instance *mof_memory_instance(const struct mof_memory *m, size_t i)
{
    return i < m->count ? m->list[i]->instance : NULL;
}

const struct cim_instance *mof_memory_find(const struct mof_memory *m, struct slice ns,
                                           struct slice path)
{
    struct buf key;
    buf_init(&key, 0);
    buf_slice_add(&key, ns);
    buf_byte(&key, ':');
    buf_slice_add(&key, path);
    const struct stored *s = buf_ok(&key) ? map_get(&m->by_key, buf_slice(&key)) : NULL;
    buf_free(&key);
    return s ? s->instance : NULL;
}

const struct cim_qualifier_decl *mof_memory_qualifier(void *m, struct slice ns, struct slice name)
{
    const struct cim_schema *schema = mof_memory_schema(m, ns);
    return schema ? cim_schema_qualifier(schema, name) : NULL;
}
