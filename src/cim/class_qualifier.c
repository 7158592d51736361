/* Qualifier propagation: cim-core.md 2.5. */
#include "cim/cim_priv.h"

/* Qualifiers whose propagation is a rule of the model, whatever flavor was written (MS-WMIO shows key
 * with 0x13 below and above). */
static const struct {
    struct slice name;
    uint8_t set, clear;
} ruled[] = {
    { { "key", 3 }, CIM_FLAVOR_TO_INSTANCE | CIM_FLAVOR_TO_SUBCLASS | CIM_FLAVOR_NOT_OVERRIDABLE, 0 },
    { { "association", 11 }, CIM_FLAVOR_TO_SUBCLASS, 0 },
    { { "indication", 10 }, CIM_FLAVOR_TO_SUBCLASS, 0 },
    { { "singleton", 9 }, CIM_FLAVOR_TO_SUBCLASS, 0 },
    { { "static", 6 }, CIM_FLAVOR_TO_SUBCLASS, 0 },
    { { "abstract", 8 }, 0, CIM_FLAVOR_TO_SUBCLASS },
    { { "terminal", 8 }, 0, CIM_FLAVOR_TO_SUBCLASS },
};

static uint8_t ruled_flavor(const struct cim_qualifier *q)
{
    uint8_t flavor = q->flavor & (uint8_t)~CIM_FLAVOR_PROPAGATED;
    for (unsigned i = 0; i < sizeof ruled / sizeof ruled[0]; i++) {
        if (q->name.n != ruled[i].name.n || !slice_ieq(q->name, ruled[i].name)) continue;
        return (uint8_t)((flavor | ruled[i].set) & ~ruled[i].clear);
    }
    return flavor;
}

static bool is_cimtype(const struct cim_qualifier *q)
{
    return q->name.n == 7 && slice_ieq(q->name, SLICE("CIMTYPE"));
}

static void drop_qualifier(struct cim_qualifiers *set, uint32_t i)
{
    /* Only called on the copy that the class made of its declaration. */
    struct cim_qualifier *q = (struct cim_qualifier *)(uintptr_t)set->q;
    set->n--;
    memmove(&q[i], &q[i + 1], (set->n - i) * sizeof *q);
}

static cimf_status check_own(struct resolve *r, struct cim_qualifiers own, struct slice member)
{
    if (own.n > LIMIT_QUALIFIERS) {
        return resolve_fail(r, CIMF_QUOTA_VIOLATION, member, "too many qualifiers");
    }
    for (uint32_t i = 0; i < own.n; i++) {
        if (!own.q[i].name.n) {
            return resolve_fail(r, CIMF_INVALID_QUALIFIER, member, "a qualifier without a name");
        }
        for (uint32_t j = 0; j < i; j++) {
            if (!slice_ieq(own.q[i].name, own.q[j].name)) continue;
            return resolve_fail(r, CIMF_INVALID_QUALIFIER, member, "a qualifier is given twice");
        }
    }
    return CIMF_OK;
}

/* As the resolved class shows it: the rule's flavor, and TRUE where no value was written. */
static struct cim_qualifier resolved(const struct cim_qualifier *own)
{
    struct cim_qualifier q = *own;
    q.flavor = ruled_flavor(own);
    if (q.value.type == CIM_NONE) q.value = (struct cim_value){ .type = CIM_BOOLEAN, .v.u = 1 };
    return q;
}

static bool same_value(struct arena *a, const struct cim_value *own, const struct cim_value *from)
{
    struct cim_value v;
    return cim_value_convert(a, own, from->type, &v) == CIMF_OK && value_equal(&v, from);
}

/* *by: the declared qualifier that replaces an inherited one, or NULL: it stays as inherited. */
static cimf_status overriding(struct resolve *r, struct cim_qualifiers *own,
                              const struct cim_qualifier *from, struct slice member,
                              const struct cim_qualifier **by)
{
    *by = cim_qualifier_find(*own, from->name);
    if (!*by || !(from->flavor & CIM_FLAVOR_NOT_OVERRIDABLE)) return CIMF_OK;
    struct cim_qualifier q = resolved(*by);
    bool same = same_value(r->a, &q.value, &from->value);
    if (!same && !(r->flags & CIM_RESOLVE_FORCE)) {
        error_set(r->e, CIMF_OVERRIDE_NOT_ALLOWED, "cim",
                  SLICE_FMT "%s" SLICE_FMT ": the inherited qualifier " SLICE_FMT
                            " cannot be overridden",
                  SLICE_ARG(r->c->name), member.n ? "." : "", SLICE_ARG(member),
                  SLICE_ARG(from->name));
        error_subject(r->e, r->c->name);
        return CIMF_OVERRIDE_NOT_ALLOWED;
    }
    if (!same) drop_qualifier(own, (uint32_t)(*by - own->q));
    *by = NULL;
    return CIMF_OK;
}

/* How many entries the merged set has. */
static size_t merged_count(const struct resolve *r, struct cim_qualifiers own,
                           struct cim_qualifiers from, bool typed)
{
    size_t n = from.n + typed + (r->extra != NULL);
    for (uint32_t i = 0; i < from.n; i++) n -= typed && is_cimtype(&from.q[i]);
    for (uint32_t i = 0; i < own.n; i++) {
        if (typed && is_cimtype(&own.q[i])) continue;
        n += !cim_qualifier_find(from, own.q[i].name);
    }
    return n;
}

cimf_status resolve_qualifiers(struct resolve *r, struct cim_qualifiers *own,
                               struct cim_qualifiers from, struct slice type, struct slice member,
                               struct cim_qualifiers *out)
{
    *out = (struct cim_qualifiers){ NULL, 0 };
    cimf_status st = check_own(r, *own, member);
    if (st != CIMF_OK) return st;
    size_t room = merged_count(r, *own, from, type.n != 0);
    if (!room) return CIMF_OK;
    struct cim_qualifier *q = ARENA_ARRAY(r->a, room, struct cim_qualifier);
    if (!q) return resolve_fail(r, CIMF_OUT_OF_MEMORY, member, "too much memory for qualifiers");
    uint32_t n = 0;
    if (type.n) {
        q[n++] = (struct cim_qualifier){
            .name = SLICE("CIMTYPE"),
            .value = { .type = CIM_STRING, .v.s = type },
            .flavor = CIM_FLAVOR_TO_INSTANCE | CIM_FLAVOR_TO_SUBCLASS | CIM_FLAVOR_SYSTEM,
        };
    }
    for (uint32_t i = 0; i < from.n; i++) {
        if (type.n && is_cimtype(&from.q[i])) continue;
        const struct cim_qualifier *by;
        st = overriding(r, own, &from.q[i], member, &by);
        if (st != CIMF_OK) return st;
        q[n++] = by ? resolved(by) : from.q[i];
    }
    for (uint32_t i = 0; i < own->n; i++) {
        if (type.n && is_cimtype(&own->q[i])) continue;
        if (!cim_qualifier_find(from, own->q[i].name)) q[n++] = resolved(&own->q[i]);
    }
    *out = (struct cim_qualifiers){ q, n };
    if (r->extra && !cim_qualifier_find(*out, r->extra->name)) {
        q[n] = *r->extra;
        out->n++;
    }
    return CIMF_OK;
}

cimf_status pass_qualifiers(struct arena *a, struct cim_qualifiers set, struct cim_qualifiers *out)
{
    *out = (struct cim_qualifiers){ NULL, 0 };
    uint32_t n = 0;
    bool same = true;
    for (uint32_t i = 0; i < set.n; i++) {
        bool passes = set.q[i].flavor & CIM_FLAVOR_TO_SUBCLASS;
        n += passes;
        same &= passes && (set.q[i].flavor & CIM_FLAVOR_PROPAGATED);
    }
    if (same) { /* nothing new in it: what the superclass passed serves */
        *out = set;
        return CIMF_OK;
    }
    if (!n) return CIMF_OK;
    struct cim_qualifier *q = ARENA_ARRAY(a, n, struct cim_qualifier);
    if (!q) return CIMF_OUT_OF_MEMORY;
    uint32_t at = 0;
    for (uint32_t i = 0; i < set.n; i++) {
        if (!(set.q[i].flavor & CIM_FLAVOR_TO_SUBCLASS)) continue;
        q[at] = set.q[i];
        q[at++].flavor |= CIM_FLAVOR_PROPAGATED;
    }
    *out = (struct cim_qualifiers){ q, n };
    return CIMF_OK;
}
