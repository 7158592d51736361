/* Instances from outside, brought under the class that the namespace has. */
#include "cimom/put.h"

static cimf_status refuse(struct error *e, cimf_status s, const struct cim_class *cls,
                          struct slice name, const char *why)
{
    error_set(e, s, "cimom", SLICE_FMT "." SLICE_FMT ": %s", SLICE_ARG(cls->name), SLICE_ARG(name),
              why);
    error_subject(e, name);
    return s;
}

static cimf_status take_value(struct arena *a, const struct cim_instance *in, uint32_t from,
                              struct cim_instance *out, uint32_t to, struct error *e)
{
    const struct cim_property *p = &in->cls->properties[from];
    const struct cim_property *q = &out->cls->properties[to];
    out->state[to] = in->state[from];
    if (in->state[from] != CIM_SET) return CIMF_OK;
    struct cim_value v = { .type = p->type, .v = in->slot[from] }, w;
    if (p->type == q->type) {
        out->slot[to] = v.v;
        return CIMF_OK;
    }
    cimf_status s = cim_value_convert(a, &v, q->type, &w);
    if (s == CIMF_OUT_OF_MEMORY) return s;
    if (s) return refuse(e, CIMF_TYPE_MISMATCH, out->cls, q->name, "the value has another type");
    out->state[to] = w.null ? CIM_NULL : CIM_SET;
    out->slot[to] = w.v;
    return CIMF_OK;
}

cimf_status retype(struct arena *a, const struct cim_instance *in, const struct cim_class *cls,
                   bool partial, struct cim_instance **out, struct error *e)
{
    struct cim_instance *n = cim_instance_new(a, cls);
    if (!n) return CIMF_OUT_OF_MEMORY;
    n->ns = in->ns;
    n->qualifiers = in->qualifiers;
    if (in->cls == cls) {
        memcpy(n->state, in->state, cls->property_count);
        memcpy(n->slot, in->slot, cls->property_count * sizeof *n->slot);
        *out = n;
        return CIMF_OK;
    }
    if (partial || (in->cls->flags & CIM_CLASS_PROJECTED)) {
        memset(n->state, CIM_UNSENT, cls->property_count);
    }
    for (uint32_t i = 0; i < in->cls->property_count; i++) {
        struct slice name = in->cls->properties[i].name;
        int at = cim_class_property(cls, name);
        cimf_status s = CIMF_OK;
        if (at >= 0) {
            s = take_value(a, in, i, n, (uint32_t)at, e);
        } else if (in->state[i] == CIM_SET) {
            s = refuse(e, CIMF_INVALID_OBJECT, cls, name, "the class has no such property");
        }
        if (s) return s;
    }
    *out = n;
    return CIMF_OK;
}

cimf_status check_not_null(const struct cim_instance *in, struct error *e)
{
    for (uint32_t i = 0; i < in->cls->property_count; i++) {
        const struct cim_property *p = &in->cls->properties[i];
        union cim_data v;
        if (!(p->flags & CIM_PROP_NOT_NULL) || in->state[i] == CIM_UNSENT || cim_get(in, i, &v))
            continue;
        return refuse(e, CIMF_ILLEGAL_NULL, in->cls, p->name, "must not be NULL");
    }
    return CIMF_OK;
}
