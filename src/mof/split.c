/* mof/split.c - an amended class in its two halves (MS-WMI 3.1.1.2; WmiSdk "Localizing WMI Class
 * Information"). */
#include "mof/lex_priv.h"

enum half { NEUTRAL, LOCALISED };

static bool has_amended(struct cim_qualifiers set)
{
    for (uint32_t i = 0; i < set.n; i++) {
        if (set.q[i].flavor & CIM_FLAVOR_AMENDED) return true;
    }
    return false;
}

static bool method_amended(const struct cim_method_decl *m)
{
    if (has_amended(m->qualifiers)) return true;
    for (uint32_t i = 0; i < m->param_count; i++) {
        if (has_amended(m->params[i].qualifiers)) return true;
    }
    return false;
}

static bool class_amended(const struct cim_class_decl *decl)
{
    if (has_amended(decl->qualifiers)) return true;
    for (uint32_t i = 0; i < decl->property_count; i++) {
        if (has_amended(decl->properties[i].qualifiers)) return true;
    }
    for (uint32_t i = 0; i < decl->method_count; i++) {
        if (method_amended(&decl->methods[i])) return true;
    }
    return false;
}

/* What tells a member from others must stand in both halves. */
static bool identifies(struct slice name)
{
    return mof_word_is(name, "key") || mof_word_is(name, "id") || mof_word_is(name, "in") ||
           mof_word_is(name, "out");
}

static struct cim_qualifiers half_of(struct arena *a, struct cim_qualifiers set, enum half half,
                                     uint32_t room)
{
    struct cim_qualifier *q = ARENA_ARRAY(a, set.n + room, struct cim_qualifier);
    struct cim_qualifiers out = { q, 0 };
    for (uint32_t i = 0; q && i < set.n; i++) {
        bool amended = (set.q[i].flavor & CIM_FLAVOR_AMENDED) != 0;
        if (amended == (half == LOCALISED) || (half == LOCALISED && identifies(set.q[i].name)))
            q[out.n++] = set.q[i];
    }
    return out;
}

static void split_properties(struct arena *a, const struct cim_property_decl *in, uint32_t count,
                             enum half half, bool all, struct cim_property_decl **list, uint32_t *n)
{
    *list = ARENA_ARRAY(a, count, struct cim_property_decl);
    *n = 0;
    for (uint32_t i = 0; *list && i < count; i++) {
        if (!all && !has_amended(in[i].qualifiers)) continue;
        struct cim_property_decl *p = &(*list)[(*n)++];
        *p = in[i];
        p->qualifiers = half_of(a, in[i].qualifiers, half, 0);
        if (half == LOCALISED) {
            p->has_default = false;
            p->value = (struct cim_value){ .null = true };
        }
    }
}

static void split_members(struct arena *a, const struct cim_class_decl *in, enum half half,
                          struct cim_class_decl *out)
{
    bool all = half == NEUTRAL;
    split_properties(a, in->properties, in->property_count, half, all, &out->properties,
                     &out->property_count);
    out->methods = ARENA_ARRAY(a, in->method_count, struct cim_method_decl);
    out->method_count = 0;
    for (uint32_t i = 0; out->methods && i < in->method_count; i++) {
        const struct cim_method_decl *m = &in->methods[i];
        if (!all && !method_amended(m)) continue;
        struct cim_method_decl *half_method = &out->methods[out->method_count++];
        *half_method = *m;
        half_method->qualifiers = half_of(a, m->qualifiers, half, 0);
        split_properties(a, m->params, m->param_count, half, true, &half_method->params,
                         &half_method->param_count);
    }
}

/* "ms_409" to 1033. */
static int64_t lcid_of(struct slice locale)
{
    int64_t id = 0;
    for (size_t i = slice_istarts(locale, SLICE("ms_")) ? 3 : 0; i < locale.n && i < 11; i++) {
        int c = locale.p[i] | 0x20;
        id = id << 4 | (c >= 'a' ? c - 'a' + 10 : c - '0');
    }
    return id;
}

cimf_status mof_split_class(struct arena *a, const struct cim_class_decl *decl, struct slice locale,
                            struct cim_class_decl *neutral, struct cim_class_decl *localised,
                            bool *amended)
{
    *neutral = *decl;
    *amended = class_amended(decl);
    if (!*amended) return CIMF_OK;
    neutral->qualifiers = half_of(a, decl->qualifiers, NEUTRAL, 0);
    split_members(a, decl, NEUTRAL, neutral);
    *localised = *decl;
    localised->qualifiers = half_of(a, decl->qualifiers, LOCALISED, 2);
    split_members(a, decl, LOCALISED, localised);
    struct cim_qualifier *q = (struct cim_qualifier *)(uintptr_t)localised->qualifiers.q;
    if (!q || a->overflow) return CIMF_OUT_OF_MEMORY;
    if (!cim_qualifier_find(localised->qualifiers, SLICE("Amendment"))) {
        q[localised->qualifiers.n++] = (struct cim_qualifier){
            .name = SLICE("AMENDMENT"), .value = { .type = CIM_BOOLEAN, .v.u = 1 } };
    }
    if (!cim_qualifier_find(localised->qualifiers, SLICE("Locale"))) {
        q[localised->qualifiers.n++] = (struct cim_qualifier){
            .name = SLICE("LOCALE"), .value = { .type = CIM_SINT32, .v.i = lcid_of(locale) } };
    }
    return CIMF_OK;
}
