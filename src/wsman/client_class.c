/* The classes that a client has seen, a schema per namespace. */
#include <stdlib.h>

#include "wsman/client_priv.h"

struct client_space *client_space_get(struct wsman_client *c, struct slice ns)
{
    if (!ns.n) ns = c->config.ns;
    for (struct client_space *s = c->spaces; s; s = s->next) {
        if (slice_ieq(s->ns, ns)) return s;
    }
    struct client_space *s = calloc(1, sizeof *s);
    if (!s) return NULL;
    s->ns = arena_dup(&c->arena, ns);
    s->schema = s->ns.p ? cim_schema_new(s->ns) : NULL;
    if (!s->schema) {
        free(s);
        return NULL;
    }
    map_init(&s->missing, true);
    s->next = c->spaces;
    c->spaces = s;
    return s;
}

bool client_class_missing(const struct wsman_client *c, const struct client_space *s, struct slice name)
{
    return c->classes_untold || cim_schema_count(s->schema) + s->missing.count >= CLIENT_CLASSES ||
           map_get(&s->missing, name) != NULL;
}

cimf_status client_class_mark_missing(struct wsman_client *c, struct client_space *s, struct slice name)
{
    if (map_get(&s->missing, name)) return CIMF_OK;
    struct slice key = arena_dup(&c->arena, name);
    return key.p && map_put(&s->missing, key, s, NULL) ? CIMF_OK : CIMF_OUT_OF_MEMORY;
}

cimf_status client_decls_add(struct arena *a, struct client_decls *list, const struct cim_class_decl *d)
{
    if (list->n == list->room) {
        uint32_t room = list->room ? list->room * 2 : 16;
        struct cim_class_decl **more = ARENA_ARRAY(a, room, struct cim_class_decl *);
        if (!more) return CIMF_OUT_OF_MEMORY;
        if (list->n) memcpy(more, list->d, list->n * sizeof *more);
        list->d = more;
        list->room = room;
    }
    struct cim_class_decl *copy = ARENA_NEW(a, struct cim_class_decl);
    if (!copy) return CIMF_OUT_OF_MEMORY;
    cimf_status status = cim_class_decl_copy(a, d, copy);
    if (status == CIMF_OK) list->d[list->n++] = copy;
    return status;
}

/* What is still to be added, by name; the value is the declaration. */
struct adding {
    struct cim_schema_editor *editor;
    struct map waiting;
    struct error *e;
};

/* Adds one class after the superclasses of it that wait too. */
static cimf_status add_chain(struct adding *a, const struct cim_class_decl *d)
{
    const struct cim_class_decl *chain[LIMIT_DERIVATION];
    unsigned depth = 0;
    for (; d; d = d->super.n ? map_get(&a->waiting, d->super) : NULL) {
        if (depth == LIMIT_DERIVATION) {
            error_set(a->e, CIMF_CIRCULAR_REFERENCE, "wsman", "the superclasses do not end");
            error_subject(a->e, chain[0]->name);
            return CIMF_CIRCULAR_REFERENCE;
        }
        chain[depth++] = d;
    }
    while (depth) {
        d = chain[--depth];
        map_del(&a->waiting, d->name);
        if (cim_schema_edit_class(a->editor, d->name)) continue;
        /* The server accepted them: nothing to be strict about here. */
        unsigned flags = CIM_RESOLVE_SYSTEM | CIM_RESOLVE_FORCE | CIM_RESOLVE_DSP0004;
        cimf_status status = cim_schema_put(a->editor, d, flags, NULL, a->e);
        if (status != CIMF_OK) return status;
    }
    return CIMF_OK;
}

cimf_status client_class_add(struct client_space *s, const struct cim_class_decl *const *decls, uint32_t n,
                             struct error *e)
{
    struct adding a = { .editor = cim_schema_edit(s->schema), .e = e };
    if (!a.editor) return CIMF_OUT_OF_MEMORY;
    map_init(&a.waiting, true);
    cimf_status status = CIMF_OK;
    for (uint32_t i = 0; i < n && status == CIMF_OK; i++) {
        if (!map_put(&a.waiting, decls[i]->name, (void *)decls[i], NULL)) status = CIMF_OUT_OF_MEMORY;
    }
    for (uint32_t i = 0; i < n && status == CIMF_OK; i++) {
        if (map_get(&a.waiting, decls[i]->name)) status = add_chain(&a, decls[i]);
    }
    map_free(&a.waiting);
    if (status != CIMF_OK) {
        cim_schema_abandon(a.editor);
        return status;
    }
    struct cim_schema *next;
    status = cim_schema_commit(a.editor, &next, e);
    if (status != CIMF_OK) return status;
    cim_schema_unref(s->schema);
    s->schema = next;
    return CIMF_OK;
}
