/* Declared classes: deep copy, equality, size. */
#include "cim/cim_priv.h"

static cimf_status text_copy(struct arena *a, struct slice in, struct slice *out)
{
    *out = (struct slice){ "", 0 };
    if (!in.n) return CIMF_OK;
    *out = arena_dup(a, in);
    return out->p ? CIMF_OK : CIMF_OUT_OF_MEMORY;
}

static cimf_status property_copy(struct arena *a, const struct cim_property_decl *in,
                                 struct cim_property_decl *out)
{
    *out = (struct cim_property_decl){ .type = in->type, .has_default = in->has_default,
                                       .max = in->max };
    cimf_status st = text_copy(a, in->name, &out->name);
    if (st == CIMF_OK) st = text_copy(a, in->class_name, &out->class_name);
    if (st == CIMF_OK && in->has_default) st = value_copy(a, &in->value, &out->value);
    if (st == CIMF_OK) st = qualifiers_copy(a, in->qualifiers, &out->qualifiers);
    return st;
}

static cimf_status properties_copy(struct arena *a, const struct cim_property_decl *in, uint32_t n,
                                   struct cim_property_decl **out)
{
    *out = NULL;
    if (!n) return CIMF_OK;
    struct cim_property_decl *copy = ARENA_ARRAY(a, n, struct cim_property_decl);
    if (!copy) return CIMF_OUT_OF_MEMORY;
    cimf_status st = CIMF_OK;
    for (uint32_t i = 0; i < n && st == CIMF_OK; i++) st = property_copy(a, &in[i], &copy[i]);
    *out = copy;
    return st;
}

static cimf_status method_copy(struct arena *a, const struct cim_method_decl *in,
                               struct cim_method_decl *out)
{
    *out = (struct cim_method_decl){ .return_type = in->return_type,
                                     .param_count = in->param_count };
    cimf_status st = text_copy(a, in->name, &out->name);
    if (st == CIMF_OK) st = text_copy(a, in->return_class, &out->return_class);
    if (st == CIMF_OK) st = properties_copy(a, in->params, in->param_count, &out->params);
    if (st == CIMF_OK) st = qualifiers_copy(a, in->qualifiers, &out->qualifiers);
    return st;
}

cimf_status cim_class_decl_copy(struct arena *a, const struct cim_class_decl *in,
                                struct cim_class_decl *out)
{
    struct cim_class_decl copy = { .property_count = in->property_count,
                                   .method_count = in->method_count };
    cimf_status st = text_copy(a, in->name, &copy.name);
    if (st == CIMF_OK) st = text_copy(a, in->super, &copy.super);
    if (st == CIMF_OK) st = qualifiers_copy(a, in->qualifiers, &copy.qualifiers);
    if (st == CIMF_OK) {
        st = properties_copy(a, in->properties, in->property_count, &copy.properties);
    }
    if (st == CIMF_OK && in->method_count) {
        copy.methods = ARENA_ARRAY(a, in->method_count, struct cim_method_decl);
        if (!copy.methods) st = CIMF_OUT_OF_MEMORY;
        for (uint32_t i = 0; i < in->method_count && st == CIMF_OK; i++) {
            st = method_copy(a, &in->methods[i], &copy.methods[i]);
        }
    }
    *out = copy;
    return st;
}

static bool qualifiers_equal(struct cim_qualifiers a, struct cim_qualifiers b)
{
    if (a.n != b.n) return false;
    for (uint32_t i = 0; i < a.n; i++) {
        if (a.q[i].flavor != b.q[i].flavor || !slice_ieq(a.q[i].name, b.q[i].name) ||
            !value_equal(&a.q[i].value, &b.q[i].value)) {
            return false;
        }
    }
    return true;
}

static bool property_equal(const struct cim_property_decl *a, const struct cim_property_decl *b)
{
    return a->type == b->type && a->has_default == b->has_default && a->max == b->max &&
           slice_ieq(a->name, b->name) && slice_ieq(a->class_name, b->class_name) &&
           (!a->has_default || value_equal(&a->value, &b->value)) &&
           qualifiers_equal(a->qualifiers, b->qualifiers);
}

static bool method_equal(const struct cim_method_decl *a, const struct cim_method_decl *b)
{
    if (a->return_type != b->return_type || a->param_count != b->param_count ||
        !slice_ieq(a->name, b->name) || !slice_ieq(a->return_class, b->return_class) ||
        !qualifiers_equal(a->qualifiers, b->qualifiers)) {
        return false;
    }
    for (uint32_t i = 0; i < a->param_count; i++) {
        if (!property_equal(&a->params[i], &b->params[i])) return false;
    }
    return true;
}

bool cim_class_decl_equal(const struct cim_class_decl *a, const struct cim_class_decl *b)
{
    if (a->property_count != b->property_count || a->method_count != b->method_count ||
        !slice_ieq(a->name, b->name) || !slice_ieq(a->super, b->super) ||
        !qualifiers_equal(a->qualifiers, b->qualifiers)) {
        return false;
    }
    for (uint32_t i = 0; i < a->property_count; i++) {
        if (!property_equal(&a->properties[i], &b->properties[i])) return false;
    }
    for (uint32_t i = 0; i < a->method_count; i++) {
        if (!method_equal(&a->methods[i], &b->methods[i])) return false;
    }
    return true;
}

static size_t qualifiers_size(struct cim_qualifiers set)
{
    size_t size = set.n * sizeof *set.q;
    for (uint32_t i = 0; i < set.n; i++) {
        size += arena_text_size(set.q[i].name) + value_size(&set.q[i].value);
    }
    return size;
}

static size_t property_size(const struct cim_property_decl *p)
{
    return sizeof *p + arena_text_size(p->name) + (p->class_name.n ? arena_text_size(p->class_name) : 0) +
           (p->has_default ? value_size(&p->value) : 0) + qualifiers_size(p->qualifiers);
}

size_t class_decl_size(const struct cim_class_decl *d)
{
    size_t size = arena_text_size(d->name) + arena_text_size(d->super) + 64 +
                  qualifiers_size(d->qualifiers);
    for (uint32_t i = 0; i < d->property_count; i++) size += property_size(&d->properties[i]);
    for (uint32_t i = 0; i < d->method_count; i++) {
        const struct cim_method_decl *m = &d->methods[i];
        size += sizeof *m + 16 + arena_text_size(m->name) + qualifiers_size(m->qualifiers) +
                (m->return_class.n ? arena_text_size(m->return_class) : 0);
        for (uint32_t j = 0; j < m->param_count; j++) size += property_size(&m->params[j]);
    }
    return size;
}
