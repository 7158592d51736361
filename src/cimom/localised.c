#include "cimom/localised.h"

#include <stdio.h>

/* --- names of locales ------------------------------------------------------------------------- */

/* The locales that localised schemas are usual for (MS-LCID 2.2); the first of a language is its
 * default. */
static const struct {
    const char *name;
    unsigned lcid;
} locales[] = {
    { "en-US", 0x409 }, { "en-GB", 0x809 }, { "de-DE", 0x407 }, { "fr-FR", 0x40c },
    { "es-ES", 0xc0a }, { "it-IT", 0x410 }, { "ja-JP", 0x411 }, { "ko-KR", 0x412 },
    { "pt-BR", 0x416 }, { "pt-PT", 0x816 }, { "ru-RU", 0x419 }, { "zh-CN", 0x804 },
    { "zh-TW", 0x404 }, { "nl-NL", 0x413 }, { "pl-PL", 0x415 }, { "sv-SE", 0x41d },
    { "cs-CZ", 0x405 }, { "tr-TR", 0x41f }, { "hu-HU", 0x40e }, { "da-DK", 0x406 },
    { "fi-FI", 0x40b }, { "nb-NO", 0x414 }, { "el-GR", 0x408 }, { "he-IL", 0x40d },
    { "uk-UA", 0x422 },
};

bool localised_name(struct slice locale, char out[16])
{
    if (slice_istarts(locale, SLICE("ms_")) && locale.n > 3 && locale.n < 12) {
        snprintf(out, 16, "ms_" SLICE_FMT, SLICE_ARG(slice_sub(locale, 3)));
        return true;
    }
    for (size_t i = 0; locale.n && i < sizeof locales / sizeof locales[0]; i++) {
        struct slice name = slice_str(locales[i].name);
        bool language = locale.n == 2 && slice_istarts(name, locale);
        if (!language && !slice_ieq(name, locale)) continue;
        snprintf(out, 16, "ms_%x", locales[i].lcid);
        return true;
    }
    return false;
}

/* The next of a list, without its weight: "de;q=0.5, en". */
static struct slice next_locale(struct slice *rest)
{
    struct slice one = slice_trim(slice_split(*rest, ',', rest));
    return slice_head(one, slice_find(one, ';'));
}

bool localised_first(struct slice list, char out[16])
{
    struct slice rest = list.n ? list : SLICE("MS_409");
    do {
        if (localised_name(next_locale(&rest), out)) return true;
    } while (rest.p);
    return false;
}

static cimf_status open_one(struct localised *l, struct task *t, struct slice locale)
{
    char name[16];
    if (!localised_name(locale, name)) return CIMF_OK;
    struct slice full = arena_printf(&t->arena, SLICE_FMT "/%s", SLICE_ARG(t->ns->name), name);
    if (!full.p) return CIMF_OUT_OF_MEMORY;
    struct cimom_ns *ns = ns_find(t->m, full);
    if (!ns) return CIMF_OK;
    cimf_status s = ns_schema(ns, &l->schema[l->count], t->error);
    l->count += !s;
    ns_unref(ns);
    return s;
}

cimf_status localised_open(struct localised *l, struct task *t)
{
    *l = (struct localised){ .count = 0 };
    map_init(&l->done, true);
    struct slice rest = t->in->locale.n ? t->in->locale : SLICE("MS_409");
    cimf_status s = CIMF_OK;
    for (bool more = true; !s && more && l->count < LOCALES_MAX;) {
        struct slice one = next_locale(&rest);
        more = rest.p != NULL;
        s = open_one(l, t, one);
    }
    return s;
}

void localised_close(struct localised *l)
{
    for (unsigned i = 0; i < l->count; i++) cim_schema_unref(l->schema[i]);
    map_free(&l->done);
    l->count = 0;
}

/* --- merging ---------------------------------------------------------------------------------- */

static bool add_amended(struct arena *a, struct cim_qualifiers *to, struct cim_qualifiers from)
{
    struct cim_qualifier *q = ARENA_ARRAY(a, to->n + from.n + 1, struct cim_qualifier);
    if (!q) return false;
    if (to->n) memcpy(q, to->q, to->n * sizeof *q);
    uint32_t n = to->n;
    for (uint32_t i = 0; i < from.n; i++) {
        if ((from.q[i].flavor & CIM_FLAVOR_AMENDED) && !cim_qualifier_find(*to, from.q[i].name))
            q[n++] = from.q[i];
    }
    *to = (struct cim_qualifiers){ q, n };
    return true;
}

static struct cim_property_decl *find_property(struct cim_property_decl *list, uint32_t n,
                                               struct slice name)
{
    for (uint32_t i = 0; i < n; i++) {
        if (slice_ieq(list[i].name, name)) return &list[i];
    }
    return NULL;
}

static bool merge_properties(struct arena *a, const struct cim_class *cls,
                             struct cim_class_decl *to, const struct cim_class_decl *from)
{
    struct cim_property_decl *list =
        ARENA_ARRAY(a, to->property_count + from->property_count + 1, struct cim_property_decl);
    if (!list) return false;
    if (to->property_count) memcpy(list, to->properties, to->property_count * sizeof *list);
    to->properties = list;
    for (uint32_t i = 0; i < from->property_count; i++) {
        const struct cim_property_decl *p = &from->properties[i];
        struct cim_property_decl *q = find_property(list, to->property_count, p->name);
        if (!q && cim_class_property(cls, p->name) < 0) continue;
        if (!q) {
            q = &list[to->property_count++];
            *q = (struct cim_property_decl){ .name = p->name, .type = CIM_NONE };
        }
        if (!add_amended(a, &q->qualifiers, p->qualifiers)) return false;
    }
    return true;
}

static bool merge_methods(struct arena *a, struct cim_class_decl *to,
                          const struct cim_class_decl *from)
{
    for (uint32_t i = 0; i < from->method_count; i++) {
        const struct cim_method_decl *m = &from->methods[i];
        for (uint32_t k = 0; k < to->method_count; k++) {
            struct cim_method_decl *n = &to->methods[k];
            if (!slice_ieq(n->name, m->name)) continue;
            if (!add_amended(a, &n->qualifiers, m->qualifiers)) return false;
            for (uint32_t j = 0; j < m->param_count; j++) {
                struct cim_property_decl *p =
                    find_property(n->params, n->param_count, m->params[j].name);
                if (p && !add_amended(a, &p->qualifiers, m->params[j].qualifiers)) return false;
            }
        }
    }
    return true;
}

static const struct cim_class *find_localised(const struct localised *l, struct slice name)
{
    for (unsigned i = 0; i < l->count; i++) {
        const struct cim_class *c = cim_schema_class(l->schema[i], name);
        if (c) return c;
    }
    return NULL;
}

static void unref_class(void *c)
{
    cim_class_unref(c);
}

/* One class over its merged superclass. */
static const struct cim_class *merge(struct localised *l, struct task *t,
                                     const struct cim_class *cls, const struct cim_class *super)
{
    const struct cim_class *known = map_get(&l->done, cls->name);
    if (known) return known;
    const struct cim_class *words = find_localised(l, cls->name), *merged = cls;
    if (words || super != cls->super) {
        struct cim_class_decl decl;
        struct arena *a = &t->arena;
        bool ok = !cim_class_decl_copy(a, &cls->decl, &decl);
        if (ok && words) {
            ok = add_amended(a, &decl.qualifiers, words->decl.qualifiers) &&
                 merge_properties(a, cls, &decl, &words->decl) &&
                 merge_methods(a, &decl, &words->decl);
        }
        unsigned flags = CIM_RESOLVE_SYSTEM | CIM_RESOLVE_FORCE;
        if (!ok || cim_class_resolve(&decl, super, cls->ns, flags, &merged, NULL) ||
            !arena_hold(a, (void *)(uintptr_t)merged, unref_class)) {
            merged = cls; /* better without words than not at all */
        }
    }
    (void)map_put(&l->done, cls->name, (void *)(uintptr_t)merged, NULL);
    return merged;
}

const struct cim_class *localised_class(struct localised *l, struct task *t,
                                        const struct cim_class *cls)
{
    if (!l->count || cls->depth >= LIMIT_DERIVATION) return cls;
    const struct cim_class *line[LIMIT_DERIVATION + 1], *merged = NULL;
    unsigned n = 0;
    for (const struct cim_class *c = cls; c && n <= LIMIT_DERIVATION; c = c->super) line[n++] = c;
    while (n-- > 0) merged = merge(l, t, line[n], merged);
    return merged;
}
