/* Editing: a list of changed classes over an unchanged snapshot. */
#include <stdlib.h>

#include "base/map.h"
#include "cim/cim_priv.h"
#include "cim/schema_priv.h"

struct change {
    struct slice name;         /* in the editor's arena */
    const struct cim_class *c; /* a reference; NULL: deleted */
};

struct cim_schema_editor {
    struct cim_schema *base; /* a reference */
    struct change *changes;
    uint32_t count, room;
    struct map by_name;      /* folded name -> index + 1 */
    struct cim_qualifier_decl *qualifiers;
    uint32_t qualifier_count, qualifier_room;
    bool qualifiers_changed;
    unsigned flags;          /* CIM_RESOLVE_FORCE if some put asked for it */
    unsigned dialect;        /* CIM_RESOLVE_DSP0004 if the qualifier Abstract is declared */
    struct arena arena;
};

struct cim_schema_editor *cim_schema_edit(struct cim_schema *base)
{
    struct cim_schema_editor *ed = calloc(1, sizeof *ed);
    if (!ed) return NULL;
    ed->base = cim_schema_ref(base);
    map_init(&ed->by_name, true);
    arena_init(&ed->arena, (size_t)1 << 30);
    if (cim_schema_qualifier(base, SLICE("Abstract"))) ed->dialect = CIM_RESOLVE_DSP0004;
    return ed;
}

void cim_schema_abandon(struct cim_schema_editor *ed)
{
    if (!ed) return;
    for (uint32_t i = ed->count; i-- > 0;) cim_class_unref(ed->changes[i].c);
    free(ed->changes);
    free(ed->qualifiers);
    map_free(&ed->by_name);
    arena_free(&ed->arena);
    cim_schema_unref(ed->base);
    free(ed);
}

static struct change *change_find(struct cim_schema_editor *ed, struct slice name)
{
    uintptr_t at = ed->count ? (uintptr_t)map_get(&ed->by_name, name) : 0;
    return at ? &ed->changes[at - 1] : NULL;
}

/* Takes the caller's reference in every case. */
static bool change_set(struct cim_schema_editor *ed, struct slice name, const struct cim_class *c)
{
    struct change *old = change_find(ed, name);
    if (old) {
        cim_class_unref(old->c);
        old->c = c;
        return true;
    }
    if (ed->count == ed->room) {
        uint32_t room = ed->room ? ed->room * 2 : 16;
        struct change *more = realloc(ed->changes, room * sizeof *more);
        if (!more) goto fail;
        ed->changes = more;
        ed->room = room;
    }
    struct slice key = arena_dup(&ed->arena, name);
    if (!key.p || !map_put(&ed->by_name, key, (void *)((uintptr_t)ed->count + 1), NULL)) goto fail;
    ed->changes[ed->count++] = (struct change){ key, c };
    return true;
fail:
    cim_class_unref(c);
    return false;
}

/* The class as last put, which may be resolved against a superclass that has changed since. */
static const struct cim_class *raw_class(struct cim_schema_editor *ed, struct slice name)
{
    const struct change *change = change_find(ed, name);
    return change ? change->c : cim_schema_class(ed->base, name);
}

/* The class resolved against the present state of its line. NULL in *out if there is none. */
static cimf_status fresh_class(struct cim_schema_editor *ed, struct slice name, unsigned depth,
                               const struct cim_class **out, struct error *e)
{
    const struct cim_class *c = raw_class(ed, name), *super = NULL;
    *out = c;
    if (!c || !ed->count || !c->super) return CIMF_OK;
    if (depth > LIMIT_DERIVATION) return error_set(e, CIMF_QUOTA_VIOLATION, "cim", "too many classes above");
    cimf_status st = fresh_class(ed, c->super->name, depth + 1, &super, e);
    if (st != CIMF_OK || super == c->super || !super) return st;
    st = schema_resolve_again(c, super, ed->base->ns, ed->flags, out, e);
    if (st != CIMF_OK) {
        *out = c;
        return st;
    }
    return change_set(ed, name, *out) ? CIMF_OK : CIMF_OUT_OF_MEMORY;
}

const struct cim_class *cim_schema_edit_class(struct cim_schema_editor *ed, struct slice name)
{
    const struct cim_class *c;
    fresh_class(ed, name, 0, &c, NULL);
    return c;
}

/* A reference or embedded object may be narrowed to a subclass, not turned to another class. Classes that
 * are not known yet are believed. */
static cimf_status check_narrowing(struct cim_schema_editor *ed, const struct cim_class *c,
                                   struct error *e)
{
    for (uint32_t i = 0; c->super && i < c->super->property_count; i++) {
        const struct cim_property *p = &c->properties[i], *was = &c->super->properties[i];
        if (!(p->flags & CIM_PROP_OVERRIDDEN) || !was->class_name.n ||
            p->class_name.p == was->class_name.p || slice_ieq(p->class_name, was->class_name)) {
            continue;
        }
        const struct cim_class *to = raw_class(ed, p->class_name);
        if (!to || !raw_class(ed, was->class_name) || cim_class_isa(to, was->class_name)) continue;
        error_set(e, CIMF_TYPE_MISMATCH, "cim",
                  SLICE_FMT "." SLICE_FMT ": " SLICE_FMT " does not derive from the inherited " SLICE_FMT,
                  SLICE_ARG(c->name), SLICE_ARG(p->name), SLICE_ARG(p->class_name),
                  SLICE_ARG(was->class_name));
        error_subject(e, c->name);
        return CIMF_TYPE_MISMATCH;
    }
    return CIMF_OK;
}

static cimf_status find_super(struct cim_schema_editor *ed, const struct cim_class_decl *decl,
                              const struct cim_class **super, struct error *e)
{
    *super = NULL;
    if (!decl->super.n) return CIMF_OK;
    cimf_status st = fresh_class(ed, decl->super, 0, super, e);
    if (st != CIMF_OK || *super) return st;
    error_set(e, CIMF_NOT_FOUND, "cim", SLICE_FMT ": the superclass " SLICE_FMT " does not exist",
              SLICE_ARG(decl->name), SLICE_ARG(decl->super));
    error_subject(e, decl->super);
    return CIMF_NOT_FOUND;
}

cimf_status cim_schema_put(struct cim_schema_editor *ed, const struct cim_class_decl *decl,
                           unsigned flags, const struct cim_class **out, struct error *e)
{
    const struct cim_class *super, *c;
    if (out) *out = NULL;
    cimf_status st = find_super(ed, decl, &super, e);
    if (st == CIMF_OK) {
        st = cim_class_resolve(decl, super, ed->base->ns, flags | ed->dialect, &c, e);
    }
    if (st != CIMF_OK) return st;
    st = check_narrowing(ed, c, e);
    if (st != CIMF_OK) {
        cim_class_unref(c);
        return st;
    }
    ed->flags |= flags & CIM_RESOLVE_FORCE;
    if (!change_set(ed, c->name, c)) {
        return error_set(e, CIMF_OUT_OF_MEMORY, "cim", "no memory for a class");
    }
    if (out) *out = c;
    return CIMF_OK;
}

static bool has_children(struct cim_schema_editor *ed, struct slice name)
{
    const struct cim_class *old = cim_schema_class(ed->base, name), *child;
    for (size_t i = 0; old && (child = cim_schema_child(ed->base, old, i)); i++) {
        if (!change_find(ed, child->name)) return true;
    }
    for (uint32_t i = 0; i < ed->count; i++) {
        const struct cim_class *c = ed->changes[i].c;
        if (c && c->super && slice_ieq(c->super->name, name)) return true;
    }
    return false;
}

cimf_status cim_schema_delete(struct cim_schema_editor *ed, struct slice name, struct error *e)
{
    if (!raw_class(ed, name)) {
        error_set(e, CIMF_NOT_FOUND, "cim", "the class " SLICE_FMT " does not exist", SLICE_ARG(name));
        error_subject(e, name);
        return CIMF_NOT_FOUND;
    }
    if (has_children(ed, name)) {
        error_set(e, CIMF_CLASS_HAS_CHILDREN, "cim", "the class " SLICE_FMT " has subclasses",
                  SLICE_ARG(name));
        error_subject(e, name);
        return CIMF_CLASS_HAS_CHILDREN;
    }
    return change_set(ed, name, NULL) ? CIMF_OK
                                      : error_set(e, CIMF_OUT_OF_MEMORY, "cim", "no memory");
}

/* --- qualifier declarations ------------------------------------------------------------------- */

static bool qualifiers_load(struct cim_schema_editor *ed, uint32_t room)
{
    if (room <= ed->qualifier_room) return true;
    room = room < 64 ? 64 : room * 2;
    struct cim_qualifier_decl *more = realloc(ed->qualifiers, room * sizeof *more);
    if (!more) return false;
    ed->qualifiers = more;
    ed->qualifier_room = room;
    return true;
}

cimf_status cim_schema_put_qualifier(struct cim_schema_editor *ed,
                                     const struct cim_qualifier_decl *decl)
{
    const struct qualifier_table *old = ed->base->qualifiers;
    if (!cim_name_valid(decl->name, true)) return CIMF_INVALID_QUALIFIER;
    if (!ed->qualifiers_changed && old) {
        if (!qualifiers_load(ed, old->count)) return CIMF_OUT_OF_MEMORY;
        memcpy(ed->qualifiers, old->decls, old->count * sizeof *old->decls);
        ed->qualifier_count = old->count;
    }
    ed->qualifiers_changed = true;
    if (slice_ieq(decl->name, SLICE("Abstract"))) ed->dialect = CIM_RESOLVE_DSP0004;
    struct cim_qualifier_decl copy = *decl;
    copy.name = arena_dup(&ed->arena, decl->name);
    if (!copy.name.p || value_copy(&ed->arena, &decl->value, &copy.value) != CIMF_OK) {
        return CIMF_OUT_OF_MEMORY;
    }
    for (uint32_t i = 0; i < ed->qualifier_count; i++) {
        if (!slice_ieq(ed->qualifiers[i].name, decl->name)) continue;
        ed->qualifiers[i] = copy;
        return CIMF_OK;
    }
    if (ed->qualifier_count >= LIMIT_QUALIFIER_DECLS) return CIMF_QUOTA_VIOLATION;
    if (!qualifiers_load(ed, ed->qualifier_count + 1)) return CIMF_OUT_OF_MEMORY;
    ed->qualifiers[ed->qualifier_count++] = copy;
    return CIMF_OK;
}

static bool qualifiers_commit(struct cim_schema_editor *ed, struct cim_schema *next)
{
    struct qualifier_table *old = ed->base->qualifiers;
    if (ed->qualifiers_changed) {
        next->qualifiers = qualifier_table_new(ed->qualifiers, ed->qualifier_count);
        return next->qualifiers != NULL;
    }
    if (old) __atomic_add_fetch(&old->refs, 1, __ATOMIC_RELAXED);
    next->qualifiers = old;
    return true;
}

/* --- commit ----------------------------------------------------------------------------------- */

static int change_order(const void *a, const void *b)
{
    const struct change *x = a, *y = b;
    return slice_casecmp(x->name, y->name);
}

/* The classes of the next snapshot, by name: two sorted lists become one. */
static uint32_t merge(struct cim_schema_editor *ed, const struct cim_class **sorted)
{
    const struct cim_schema *base = ed->base;
    uint32_t n = 0, i = 0;
    for (uint32_t j = 0; j < ed->count; j++) {
        int sign = 1;
        for (; i < base->count; i++) {
            const struct cim_class *c = base->entries[base->by_name[i]].c;
            sign = slice_casecmp(c->name, ed->changes[j].name);
            if (sign >= 0) break;
            sorted[n++] = c;
        }
        if (i < base->count && sign == 0) i++; /* replaced or deleted */
        if (ed->changes[j].c) sorted[n++] = ed->changes[j].c;
    }
    for (; i < base->count; i++) sorted[n++] = base->entries[base->by_name[i]].c;
    return n;
}

cimf_status cim_schema_commit(struct cim_schema_editor *ed, struct cim_schema **out, struct error *e)
{
    *out = NULL;
    struct cim_schema *next = cim_schema_new(ed->base->ns);
    const struct cim_class **sorted =
        calloc((size_t)ed->base->count + ed->count + 1, sizeof *sorted);
    cimf_status st = CIMF_OUT_OF_MEMORY;
    if (!next || !sorted || !qualifiers_commit(ed, next)) {
        error_set(e, st, "cim", "no memory for the schema");
    } else {
        /* The map's indexes end here: nothing looks names up any more. */
        if (ed->count > 1) qsort(ed->changes, ed->count, sizeof *ed->changes, change_order);
        uint32_t n = merge(ed, sorted);
        st = schema_build(next, sorted, n, ed->flags, e);
    }
    if (st == CIMF_OK) *out = next;
    else cim_schema_unref(next);
    free(sorted);
    cim_schema_abandon(ed);
    return st;
}
