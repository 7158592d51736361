/*
 * From a list of classes sorted by name to a snapshot: tree, intervals, name table, association index.
 * All of it is linear, because every PutClass pays it: no sort, no look-up but by the stored hash.
 */
#include "cim/cim_priv.h"
#include "cim/schema_priv.h"

enum { NONE = UINT32_MAX };

struct build {
    struct cim_schema *s;
    struct arena *a;
    const struct cim_class **sorted;
    uint32_t count;
    uint32_t *parent;  /* of each sorted class: index in sorted, or NONE */
    uint32_t *place;   /* of each sorted class: its entry */
    uint32_t *first, *size; /* of each sorted class: its children, in `grouped` */
    uint32_t *grouped; /* sorted indexes by parent; the roots first */
    unsigned flags;
    struct error *e;
};

static cimf_status no_memory(struct error *e)
{
    return error_set(e, CIMF_OUT_OF_MEMORY, "cim", "no memory for the schema");
}

static bool make_table(struct build *b)
{
    struct cim_schema *s = b->s;
    uint32_t room = 16;
    while (room < b->count * 2) room *= 2;
    s->mask = room - 1;
    s->table = ARENA_ARRAY(b->a, room, uint32_t);
    if (!s->table) return false;
    for (uint32_t i = 0; i < b->count; i++) {
        uint32_t at = b->sorted[i]->name_hash & s->mask;
        while (s->table[at]) at = (at + 1) & s->mask;
        s->table[at] = i + 1; /* becomes the entry later */
    }
    return true;
}

static uint32_t sorted_find(const struct build *b, const struct cim_class *c)
{
    for (uint32_t at = c->name_hash & b->s->mask;; at = (at + 1) & b->s->mask) {
        uint32_t i = b->s->table[at];
        if (!i) return NONE;
        const struct cim_class *found = b->sorted[i - 1];
        if (found == c || (found->name_hash == c->name_hash && slice_ieq(found->name, c->name))) {
            return i - 1;
        }
    }
}

static cimf_status find_parents(struct build *b)
{
    for (uint32_t i = 0; i < b->count; i++) {
        const struct cim_class *super = b->sorted[i]->super;
        b->parent[i] = super ? sorted_find(b, super) : NONE;
        if (super && b->parent[i] == NONE) {
            error_set(b->e, CIMF_NOT_FOUND, "cim", SLICE_FMT ": the superclass " SLICE_FMT " is gone",
                      SLICE_ARG(b->sorted[i]->name), SLICE_ARG(super->name));
            return CIMF_NOT_FOUND;
        }
        if (super) b->size[b->parent[i]]++;
        else b->s->root_count++;
    }
    return CIMF_OK;
}

/* Children of one parent stay sorted because the classes come sorted. */
static void group_children(struct build *b)
{
    uint32_t at = b->s->root_count, root = 0;
    for (uint32_t i = 0; i < b->count; i++) {
        b->first[i] = at;
        at += b->size[i];
        b->size[i] = 0;
    }
    for (uint32_t i = 0; i < b->count; i++) {
        uint32_t p = b->parent[i];
        b->grouped[p == NONE ? root++ : b->first[p] + b->size[p]++] = i;
    }
}

/* Pre-order without recursion: from a class to its first child, its next sibling, or up. A ring of
 * superclasses is never reached, so *placed falls short. */
static void place_entries(struct build *b, uint32_t *placed)
{
    struct schema_entry *entries = b->s->entries;
    uint32_t n = 0;
    uint32_t *next = b->s->by_name; /* next child of each, until by_name gets its content */
    for (uint32_t r = 0; r < b->s->root_count; r++) {
        uint32_t i = b->grouped[r];
        b->place[i] = n;
        entries[n++].c = b->sorted[i];
        while (i != NONE) {
            if (next[i] < b->size[i]) {
                i = b->grouped[b->first[i] + next[i]++];
                b->place[i] = n;
                entries[n++].c = b->sorted[i];
            } else {
                entries[b->place[i]].end = n;
                i = b->parent[i];
            }
        }
    }
    *placed = n;
}

cimf_status schema_resolve_again(const struct cim_class *c, const struct cim_class *super,
                                 struct slice ns, unsigned flags, const struct cim_class **out,
                                 struct error *e)
{
    cimf_status st = cim_class_resolve(&c->decl, super, ns, c->resolve_flags | flags, out, e);
    if (st != CIMF_OVERRIDE_NOT_ALLOWED) return st;
    if (e) e->status = CIMF_UPDATE_OVERRIDE_NOT_ALLOWED;
    return CIMF_UPDATE_OVERRIDE_NOT_ALLOWED;
}

/* References to all classes; those below a changed one are resolved anew. */
static cimf_status hold_classes(struct build *b, uint32_t *held)
{
    struct schema_entry *entries = b->s->entries;
    for (uint32_t n = 0; n < b->count; n++) {
        const struct cim_class *c = entries[n].c;
        uint32_t up = b->parent[sorted_find(b, c)];
        const struct cim_class *super = up == NONE ? NULL : entries[b->place[up]].c;
        if (c->super == super) {
            cim_class_ref(c);
        } else {
            cimf_status st = schema_resolve_again(c, super, b->s->ns, b->flags, &entries[n].c, b->e);
            if (st != CIMF_OK) return st;
        }
        *held = n + 1;
    }
    return CIMF_OK;
}

static void finish_entries(struct build *b)
{
    struct cim_schema *s = b->s;
    for (uint32_t i = 0; i < b->count; i++) {
        s->by_name[i] = b->place[i];
        s->entries[b->place[i]].first_child = b->first[i];
        s->entries[b->place[i]].child_count = b->size[i];
        s->children[i] = b->place[b->grouped[i]];
    }
    for (uint32_t i = 0; i <= s->mask; i++) {
        if (s->table[i]) s->table[i] = b->place[s->table[i] - 1] + 1;
    }
}

static bool is_reference(const struct cim_property *p) { return p->type == CIM_REFERENCE; }

static bool make_links(struct build *b)
{
    struct cim_schema *s = b->s;
    uint32_t n = 0;
    for (uint32_t i = 0; i < b->count; i++) {
        const struct cim_class *c = s->entries[i].c;
        if (!(c->flags & CIM_CLASS_ASSOCIATION)) continue;
        for (uint32_t j = 0; j < c->property_count; j++) n += is_reference(&c->properties[j]);
    }
    s->links = ARENA_ARRAY(b->a, n, struct schema_link);
    if (!s->links) return false;
    for (uint32_t i = 0; i < b->count; i++) {
        const struct cim_class *c = s->entries[i].c;
        if (!(c->flags & CIM_CLASS_ASSOCIATION)) continue;
        for (uint32_t j = 0; j < c->property_count; j++) {
            const struct cim_property *p = &c->properties[j];
            if (!is_reference(p)) continue;
            struct schema_link *l = &s->links[s->link_count];
            *l = (struct schema_link){ i, 0, UINT32_MAX };
            if (p->class_name.n) {
                int64_t at = schema_find(s, p->class_name, slice_ihash(p->class_name));
                if (at < 0) continue; /* a class that is not here has no instances here */
                l->from = (uint32_t)at;
                l->end = s->entries[at].end;
            }
            s->link_count++;
        }
    }
    return true;
}

cimf_status schema_build(struct cim_schema *s, const struct cim_class **sorted, uint32_t count,
                         unsigned resolve_flags, struct error *e)
{
    struct arena scratch;
    arena_init(&scratch, (size_t)1 << 30);
    struct build b = { .s = s, .a = &s->arena, .sorted = sorted, .count = count,
                       .flags = resolve_flags, .e = e };
    uint32_t *work = ARENA_ARRAY(&scratch, (size_t)count * 5, uint32_t);
    s->entries = ARENA_ARRAY(b.a, count, struct schema_entry);
    s->by_name = ARENA_ARRAY(b.a, count, uint32_t);
    s->children = ARENA_ARRAY(b.a, count, uint32_t);
    uint32_t held = 0, placed = 0;
    cimf_status st = CIMF_OUT_OF_MEMORY;
    if (work && s->entries && s->by_name && s->children && make_table(&b)) {
        b.parent = work;
        b.place = work + count;
        b.first = work + (size_t)count * 2;
        b.size = work + (size_t)count * 3;
        b.grouped = work + (size_t)count * 4;
        st = find_parents(&b);
    } else {
        no_memory(e);
    }
    if (st == CIMF_OK) {
        group_children(&b);
        place_entries(&b, &placed);
        if (placed < count) {
            st = error_set(e, CIMF_CIRCULAR_REFERENCE, "cim", "classes derive from themselves");
        }
    }
    if (st == CIMF_OK) st = hold_classes(&b, &held);
    s->count = held; /* what unref has to release */
    if (st == CIMF_OK) {
        finish_entries(&b);
        if (!make_links(&b)) st = no_memory(e);
    }
    arena_free(&scratch);
    return st;
}
