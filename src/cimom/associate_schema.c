/* Association queries that are answered from the schema alone: SchemaOnly. */
#include "cimom/associate.h"

bool assoc_may_refer(const struct cim_schema *s, const struct cim_property *p,
                     const struct cim_class *src)
{
    if (!p->class_name.n) return true;
    const struct cim_class *declared = cim_schema_class(s, p->class_name);
    if (!declared) return false;
    return cim_schema_isa(s, src, declared) || cim_schema_isa(s, declared, src);
}

/* Some other property of c, that counts by Role, can refer to the source. */
static bool refers_beside(struct task *t, const struct assoc *as, const struct cim_class *c,
                          uint32_t except)
{
    for (uint32_t i = 0; i < c->property_count; i++) {
        const struct cim_property *p = &c->properties[i];
        if (i != except && assoc_role_counts(as, p) && assoc_may_refer(t->schema, p, as->src))
            return true;
    }
    return false;
}

static enum gen next_end(struct task *t, struct assoc *as, const struct cim_object **out)
{
    const struct cim_class *c = as->cls;
    while (as->ref_at < c->property_count) {
        uint32_t i = as->ref_at++;
        const struct cim_property *p = &c->properties[i];
        if (p->type != CIM_REFERENCE || !p->class_name.n) continue;
        if (as->q->result_role.n && !slice_ieq(p->name, as->q->result_role)) continue;
        if (!refers_beside(t, as, c, i)) continue;
        const struct cim_class *end = cim_schema_class(t->schema, p->class_name);
        if (end && assoc_result_counts(as, end)) return assoc_class_result(t, as, end, out);
    }
    as->cls = NULL;
    return GEN_MORE;
}

enum gen assoc_schema_next(struct task *t, struct assoc *as, const struct cim_object **out)
{
    if (as->cls) return next_end(t, as, out);
    const struct cim_class *c = cim_schema_association(t->schema, as->src, &as->class_at);
    if (!c) return GEN_END;
    if (!assoc_class_counts(as, c)) return GEN_MORE;
    if (as->references) {
        return refers_beside(t, as, c, UINT32_MAX) ? assoc_class_result(t, as, c, out) : GEN_MORE;
    }
    as->cls = c;
    as->ref_at = 0;
    return GEN_MORE;
}
