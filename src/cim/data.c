/* Deep copies and equality of values. */
#include "cim/cim_priv.h"

static cimf_status object_copy(struct arena *a, const struct cim_object *in,
                               const struct cim_object **out, unsigned depth)
{
    *out = NULL;
    if (!in) return CIMF_OK;
    const struct cim_class *cls = cim_as_class(in);
    if (cls) {
        if (!cim_class_hold(a, cls)) return CIMF_OUT_OF_MEMORY;
        *out = in;
        return CIMF_OK;
    }
    struct cim_instance *copy;
    cimf_status st = instance_copy(a, cim_as_instance(in), depth + 1, &copy);
    if (st == CIMF_OK) *out = &copy->object;
    return st;
}

static cimf_status text_copy(struct arena *a, struct slice in, struct slice *out)
{
    *out = arena_dup(a, in);
    return out->p ? CIMF_OK : CIMF_OUT_OF_MEMORY;
}

static cimf_status array_copy(struct arena *a, unsigned base, struct cim_array in,
                              struct cim_array *out, unsigned depth)
{
    size_t size = cim_type_size(base);
    if (!size) return CIMF_INVALID_CIM_TYPE;
    void *p = arena_array(a, in.n, size);
    if (!p) return CIMF_OUT_OF_MEMORY;
    cimf_status st = CIMF_OK;
    if (cim_type_is_text(base)) {
        const struct slice *from = in.p;
        struct slice *to = p;
        for (uint32_t i = 0; i < in.n && st == CIMF_OK; i++) st = text_copy(a, from[i], &to[i]);
    } else if (base == CIM_OBJECT) {
        const struct cim_object *const *from = in.p;
        const struct cim_object **to = p;
        for (uint32_t i = 0; i < in.n && st == CIMF_OK; i++) {
            st = object_copy(a, from[i], &to[i], depth);
        }
    } else if (in.n) {
        memcpy(p, in.p, in.n * size);
    }
    *out = (struct cim_array){ p, in.n };
    return st;
}

cimf_status data_copy(struct arena *a, unsigned type, const union cim_data *in,
                      union cim_data *out, unsigned depth)
{
    unsigned base = CIM_BASE(type);
    union cim_data copy = *in;
    cimf_status st = CIMF_OK;
    if (CIM_IS_ARRAY(type)) {
        st = array_copy(a, base, in->a, &copy.a, depth);
    } else if (cim_type_is_text(base)) {
        st = text_copy(a, in->s, &copy.s);
    } else if (base == CIM_OBJECT) {
        st = object_copy(a, in->o, &copy.o, depth);
    }
    *out = copy;
    return st;
}

cimf_status cim_data_copy(struct arena *a, unsigned type, const union cim_data *in,
                          union cim_data *out)
{
    return data_copy(a, type, in, out, 0);
}

static bool object_equal(const struct cim_object *a, const struct cim_object *b, unsigned depth)
{
    if (a == b) return true;
    if (!a || !b) return false;
    const struct cim_class *x = cim_as_class(a), *y = cim_as_class(b);
    if (x || y) {
        return x && y && slice_ieq(x->name, y->name) && cim_class_decl_equal(&x->decl, &y->decl);
    }
    return instance_equal(cim_as_instance(a), cim_as_instance(b), depth + 1);
}

static bool array_equal(unsigned base, struct cim_array a, struct cim_array b, unsigned depth)
{
    if (a.n != b.n) return false;
    for (uint32_t i = 0; i < a.n; i++) {
        union cim_data x = cim_array_get(base, a, i), y = cim_array_get(base, b, i);
        if (!data_equal(base, &x, &y, depth)) return false;
    }
    return true;
}

bool data_equal(unsigned type, const union cim_data *a, const union cim_data *b, unsigned depth)
{
    unsigned base = CIM_BASE(type);
    if (CIM_IS_ARRAY(type)) return array_equal(base, a->a, b->a, depth);
    if (cim_type_is_text(base)) return slice_eq(a->s, b->s);
    if (base == CIM_OBJECT) return object_equal(a->o, b->o, depth);
    if (cim_type_is_real(base)) return a->r == b->r;
    return a->u == b->u;
}

bool cim_data_equal(unsigned type, const union cim_data *a, const union cim_data *b)
{
    return data_equal(type, a, b, 0);
}

cimf_status value_copy(struct arena *a, const struct cim_value *in, struct cim_value *out)
{
    struct cim_value copy = { .type = in->type, .null = in->null };
    cimf_status st = CIMF_OK;
    if (!in->null && in->type != CIM_NONE) st = data_copy(a, in->type, &in->v, &copy.v, 0);
    *out = copy;
    return st;
}

bool value_equal(const struct cim_value *a, const struct cim_value *b)
{
    if (a->type != b->type || a->null != b->null) return false;
    return a->null || a->type == CIM_NONE || cim_data_equal(a->type, &a->v, &b->v);
}

cimf_status qualifiers_copy(struct arena *a, struct cim_qualifiers in, struct cim_qualifiers *out)
{
    *out = (struct cim_qualifiers){ NULL, 0 };
    if (!in.n) return CIMF_OK;
    struct cim_qualifier *q = ARENA_ARRAY(a, in.n, struct cim_qualifier);
    if (!q) return CIMF_OUT_OF_MEMORY;
    cimf_status st = CIMF_OK;
    for (uint32_t i = 0; i < in.n && st == CIMF_OK; i++) {
        q[i].flavor = in.q[i].flavor;
        st = text_copy(a, in.q[i].name, &q[i].name);
        if (st == CIMF_OK) st = value_copy(a, &in.q[i].value, &q[i].value);
    }
    *out = (struct cim_qualifiers){ q, in.n };
    return st;
}

size_t arena_text_size(struct slice s) { return (s.n + 16) & ~(size_t)15; }

size_t value_size(const struct cim_value *v)
{
    if (v->null || v->type == CIM_NONE) return 0;
    unsigned base = CIM_BASE(v->type);
    if (!CIM_IS_ARRAY(v->type)) {
        if (cim_type_is_text(base)) return arena_text_size(v->v.s);
        return base == CIM_OBJECT ? 256 : 0;
    }
    size_t size = ((size_t)v->v.a.n * cim_type_size(base) + 15) & ~(size_t)15;
    if (cim_type_is_text(base)) {
        const struct slice *s = v->v.a.p;
        for (uint32_t i = 0; i < v->v.a.n; i++) size += arena_text_size(s[i]);
    }
    return size;
}
