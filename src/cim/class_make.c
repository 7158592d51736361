/* Classes that are not stored: ad hoc ones and projections. */
#include "cim/cim_priv.h"

static void unref_held(void *c) { cim_class_unref(c); }

static cimf_status hand_over(struct arena *a, const struct cim_class *c,
                             const struct cim_class **out)
{
    if (!arena_hold(a, (void *)(uintptr_t)c, unref_held)) return CIMF_OUT_OF_MEMORY;
    *out = c;
    return CIMF_OK;
}

cimf_status cim_class_adhoc(struct arena *a, struct slice name, const struct cim_property_decl *props,
                            uint32_t count, const struct cim_class **out)
{
    const struct cim_class_decl decl = {
        .name = name, .properties = (struct cim_property_decl *)(uintptr_t)props,
        .property_count = count,
    };
    *out = NULL;
    const struct cim_class *c;
    cimf_status st = cim_class_resolve(&decl, NULL, SLICE_NULL, RESOLVE_ADHOC, &c, NULL);
    return st == CIMF_OK ? hand_over(a, c, out) : st;
}

static cimf_status select_properties(struct cim_class *c, const struct cim_class *from,
                                     const uint16_t *indexes, uint32_t count)
{
    struct cim_property *props = ARENA_ARRAY(&c->arena, count, struct cim_property);
    uint16_t *by_name = ARENA_ARRAY(&c->arena, count, uint16_t);
    uint16_t *keys = ARENA_ARRAY(&c->arena, count, uint16_t);
    if (!props || !by_name || !keys) return CIMF_OUT_OF_MEMORY;
    c->properties = props;
    c->by_name = by_name;
    c->keys = keys;
    for (uint32_t i = 0; i < count; i++) {
        if (indexes[i] >= from->property_count) return CIMF_INVALID_PROPERTY;
        uint32_t n = c->property_count;
        props[n] = from->properties[indexes[i]];
        if (!class_index_add(c, by_name, n, n)) continue; /* named before */
        if (props[n].flags & CIM_PROP_KEY) keys[c->key_count++] = (uint16_t)n;
        c->property_count++;
    }
    return CIMF_OK;
}

cimf_status cim_class_project(struct arena *a, const struct cim_class *cls, const uint16_t *indexes,
                              uint32_t count, const struct cim_class **out)
{
    *out = NULL;
    struct cim_class *c = class_new(count * (sizeof(struct cim_property) + 2 * sizeof(uint16_t)) + 64);
    if (!c) return CIMF_OUT_OF_MEMORY;
    c->flags = cls->flags | CIM_CLASS_PROJECTED;
    c->name = cls->name;
    c->name_hash = cls->name_hash;
    c->ns = cls->ns;
    c->super = cim_class_ref(cls->super);
    c->lender = cim_class_ref(cls);
    c->dynasty = cls->dynasty;
    c->key_class = cls->key_class;
    c->depth = cls->depth;
    c->qualifiers = cls->qualifiers;
    c->decl = (struct cim_class_decl){ .name = cls->decl.name, .super = cls->decl.super,
                                       .qualifiers = cls->decl.qualifiers };
    c->methods = NULL;
    cimf_status st = select_properties(c, cls, indexes, count);
    if (st != CIMF_OK) {
        cim_class_unref(c);
        return st;
    }
    return hand_over(a, c, out);
}
