/* Snapshots: lifetime and look-ups. */
#include "cim/schema.h"

#include <stdlib.h>

#include "cim/cim_priv.h"
#include "cim/schema_priv.h"

struct cim_schema *cim_schema_new(struct slice ns)
{
    struct cim_schema *s = calloc(1, sizeof *s);
    if (!s) return NULL;
    arena_init(&s->arena, (size_t)1 << 30);
    s->refs = 1;
    s->ns = arena_dup(&s->arena, ns);
    if (!s->ns.p) {
        cim_schema_unref(s);
        return NULL;
    }
    static uint64_t last;
    s->generation = __atomic_add_fetch(&last, 1, __ATOMIC_RELAXED);
    return s;
}

struct cim_schema *cim_schema_ref(struct cim_schema *s)
{
    if (s) __atomic_add_fetch(&s->refs, 1, __ATOMIC_RELAXED);
    return s;
}

void cim_schema_unref(struct cim_schema *s)
{
    if (!s || __atomic_sub_fetch(&s->refs, 1, __ATOMIC_ACQ_REL)) return;
    /* Leaves first, so that no class is the last user of a long line above it. */
    for (uint32_t i = s->count; i-- > 0;) cim_class_unref(s->entries[i].c);
    qualifier_table_unref(s->qualifiers);
    arena_free(&s->arena);
    free(s);
}

struct slice cim_schema_namespace(const struct cim_schema *s) { return s->ns; }
uint64_t cim_schema_generation(const struct cim_schema *s) { return s->generation; }
size_t cim_schema_count(const struct cim_schema *s) { return s->count; }

int64_t schema_find(const struct cim_schema *s, struct slice name, uint32_t hash)
{
    if (!s->count) return -1;
    for (uint32_t at = hash & s->mask;; at = (at + 1) & s->mask) {
        uint32_t entry = s->table[at];
        if (!entry) return -1;
        const struct cim_class *c = s->entries[entry - 1].c;
        if (c->name_hash == hash && slice_ieq(c->name, name)) return entry - 1;
    }
}

static int64_t entry_of(const struct cim_schema *s, const struct cim_class *c)
{
    return schema_find(s, c->name, c->name_hash ? c->name_hash : slice_ihash(c->name));
}

const struct cim_class *cim_schema_class(const struct cim_schema *s, struct slice name)
{
    int64_t at = schema_find(s, name, slice_ihash(name));
    return at < 0 ? NULL : s->entries[at].c;
}

bool cim_schema_isa(const struct cim_schema *s, const struct cim_class *c,
                    const struct cim_class *ancestor)
{
    if (c == ancestor) return true;
    int64_t below = entry_of(s, c), above = entry_of(s, ancestor);
    return below >= 0 && above >= 0 && below >= above && below < s->entries[above].end;
}

const struct cim_class *cim_schema_walk(const struct cim_schema *s, const struct cim_class *top,
                                        size_t *at)
{
    size_t i = *at;
    if (!i && top) {
        int64_t first = entry_of(s, top);
        if (first < 0) return NULL;
        i = (size_t)first;
    } else if (i >= s->count || (top && s->entries[i].c->depth <= top->depth)) {
        return NULL; /* pre-order: the subtree ends where the depth is no greater */
    }
    *at = i + 1;
    return s->entries[i].c;
}

const struct cim_class *cim_schema_child(const struct cim_schema *s, const struct cim_class *top,
                                         size_t i)
{
    uint32_t first = 0, count = s->root_count;
    if (top) {
        int64_t at = entry_of(s, top);
        if (at < 0) return NULL;
        first = s->entries[at].first_child;
        count = s->entries[at].child_count;
    }
    return i < count ? s->entries[s->children[first + i]].c : NULL;
}

const struct cim_class *cim_schema_association(const struct cim_schema *s, const struct cim_class *c,
                                               size_t *at)
{
    int64_t found = entry_of(s, c);
    if (found < 0) return NULL;
    uint32_t from = (uint32_t)found, end = s->entries[found].end;
    for (size_t i = *at; i < s->link_count; i++) {
        const struct schema_link *l = &s->links[i];
        /* Two intervals of a tree meet only when one holds the other. */
        if (l->from >= end || from >= l->end) continue;
        const struct cim_class *association = s->entries[l->association].c;
        uint32_t same = l->association;
        while (i < s->link_count && s->links[i].association == same) i++;
        *at = i;
        return association;
    }
    *at = s->link_count;
    return NULL;
}

/* --- qualifier declarations ------------------------------------------------------------------- */

const struct cim_qualifier_decl *cim_schema_qualifier(const struct cim_schema *s, struct slice name)
{
    uint32_t low = 0, high = s->qualifiers ? s->qualifiers->count : 0;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        const struct cim_qualifier_decl *d = &s->qualifiers->decls[middle];
        int sign = slice_casecmp(d->name, name);
        if (sign == 0) return d;
        if (sign < 0) low = middle + 1;
        else high = middle;
    }
    return NULL;
}

const struct cim_qualifier_decl *cim_schema_qualifier_at(const struct cim_schema *s, size_t i)
{
    return s->qualifiers && i < s->qualifiers->count ? &s->qualifiers->decls[i] : NULL;
}

static int by_name(const void *a, const void *b)
{
    const struct cim_qualifier_decl *x = a, *y = b;
    return slice_casecmp(x->name, y->name);
}

struct qualifier_table *qualifier_table_new(const struct cim_qualifier_decl *decls, uint32_t count)
{
    struct qualifier_table *t = calloc(1, sizeof *t);
    if (!t) return NULL;
    t->refs = 1;
    arena_init(&t->arena, 0);
    t->decls = ARENA_ARRAY(&t->arena, count, struct cim_qualifier_decl);
    for (uint32_t i = 0; t->decls && i < count; i++) {
        t->decls[i] = decls[i];
        t->decls[i].name = arena_dup(&t->arena, decls[i].name);
        if (value_copy(&t->arena, &decls[i].value, &t->decls[i].value) != CIMF_OK) break;
    }
    if (arena_status(&t->arena) != CIMF_OK) {
        qualifier_table_unref(t);
        return NULL;
    }
    t->count = count;
    qsort(t->decls, count, sizeof *t->decls, by_name);
    return t;
}

void qualifier_table_unref(struct qualifier_table *t)
{
    if (!t || __atomic_sub_fetch(&t->refs, 1, __ATOMIC_ACQ_REL)) return;
    arena_free(&t->arena);
    free(t);
}
