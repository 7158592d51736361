#include "cim/qualifier.h"

const struct cim_qualifier *cim_qualifier_find(struct cim_qualifiers set, struct slice name)
{
    for (uint32_t i = 0; i < set.n; i++) {
        /* Simple case folding may change the byte length, so only ASCII names are told apart by it;
         * slice_ieq settles both. */
        if (slice_ieq(set.q[i].name, name)) return &set.q[i];
    }
    return NULL;
}

bool cim_qualifier_true(struct cim_qualifiers set, const char *name)
{
    const struct cim_qualifier *q = cim_qualifier_find(set, slice_str(name));
    if (!q) return false;
    if (q->value.type == CIM_NONE) return true; /* written without a value */
    return q->value.type == CIM_BOOLEAN && !q->value.null && q->value.v.u;
}

struct slice cim_qualifier_text(struct cim_qualifiers set, const char *name)
{
    const struct cim_qualifier *q = cim_qualifier_find(set, slice_str(name));
    if (!q || q->value.null || !cim_type_is_text(q->value.type)) return SLICE_NULL;
    return q->value.v.s;
}
