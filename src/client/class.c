/* Classes as the public header shows them. */
#include "client/protocol.h"

static const struct cim_class *inner(const cimf_class *c)
{
    return (const struct cim_class *)c;
}

const cimf_class *cimf_class_ref(const cimf_class *c)
{
    return (const cimf_class *)cim_class_ref(inner(c));
}

void cimf_class_unref(const cimf_class *c)
{
    if (c) cim_class_unref(inner(c));
}

cimf_str cimf_class_name(const cimf_class *c)
{
    return client_str(inner(c)->name);
}

cimf_str cimf_class_superclass(const cimf_class *c)
{
    return client_str(inner(c)->super ? inner(c)->super->name : SLICE(""));
}

cimf_str cimf_class_namespace(const cimf_class *c)
{
    return client_str(inner(c)->ns);
}

unsigned cimf_class_traits(const cimf_class *c)
{
    return inner(c)->flags & (CIM_CLASS_ABSTRACT | CIM_CLASS_SINGLETON | CIM_CLASS_ASSOCIATION |
                              CIM_CLASS_INDICATION | CIM_CLASS_DYNAMIC | CIM_CLASS_SYSTEM);
}

uint32_t cimf_class_property_count(const cimf_class *c)
{
    return inner(c)->property_count;
}

cimf_property cimf_class_property(const cimf_class *c, uint32_t i)
{
    cimf_property out = { .initial = { .null = true } };
    if (i >= inner(c)->property_count) return out;
    const struct cim_property *p = &inner(c)->properties[i];
    out.name = client_str(p->name);
    out.type = p->type;
    out.traits = p->flags & (CIM_PROP_KEY | CIM_PROP_LOCAL | CIM_PROP_IN | CIM_PROP_OUT);
    out.class_name = client_str(p->class_name);
    out.origin = client_str(p->origin);
    out.initial.type = p->type;
    if (p->flags & CIM_PROP_HAS_DEFAULT) {
        out.initial.null = false;
        memcpy(&out.initial.v, &p->def, sizeof p->def);
    }
    return out;
}

int cimf_class_find_property(const cimf_class *c, cimf_str name)
{
    return cim_class_property(inner(c), client_slice(name));
}

uint32_t cimf_class_method_count(const cimf_class *c)
{
    return inner(c)->method_count;
}

cimf_str cimf_class_method(const cimf_class *c, uint32_t i)
{
    return client_str(i < inner(c)->method_count ? inner(c)->methods[i].name : SLICE(""));
}

int cimf_class_find_method(const cimf_class *c, cimf_str name)
{
    const struct cim_method *m = cim_class_method(inner(c), client_slice(name));
    return m ? (int)(m - inner(c)->methods) : -1;
}

const cimf_class *cimf_class_method_in(const cimf_class *c, uint32_t i)
{
    return i < inner(c)->method_count ? (const cimf_class *)inner(c)->methods[i].in : NULL;
}

const cimf_class *cimf_class_method_out(const cimf_class *c, uint32_t i)
{
    return i < inner(c)->method_count ? (const cimf_class *)inner(c)->methods[i].out : NULL;
}

bool cimf_class_method_static(const cimf_class *c, uint32_t i)
{
    return i < inner(c)->method_count && (inner(c)->methods[i].flags & CIM_METHOD_STATIC);
}

bool cimf_class_qualifier(const cimf_class *c, int property, int method, uint32_t i, cimf_qualifier *out)
{
    struct cim_qualifiers set = inner(c)->qualifiers;
    if (property >= 0) {
        if ((uint32_t)property >= inner(c)->property_count) return false;
        set = inner(c)->properties[property].qualifiers;
    } else if (method >= 0) {
        if ((uint32_t)method >= inner(c)->method_count) return false;
        set = inner(c)->methods[method].qualifiers;
    }
    if (i >= set.n) return false;
    out->name = client_str(set.q[i].name);
    memcpy(&out->value, &set.q[i].value, sizeof out->value);
    return true;
}
