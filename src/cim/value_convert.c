/* Conversions between types, as MOF and WMI clients expect them. */
#include <math.h>

#include "cim/cim_priv.h"

/* What a number, truth value or character is worth: an integer with its sign apart, or a real. */
struct number {
    bool real, negative;
    uint64_t magnitude;
    double r;
};

static bool number_of(unsigned type, const union cim_data *v, struct number *out)
{
    *out = (struct number){ 0 };
    if (cim_type_is_real(type)) {
        out->real = true;
        out->r = v->r;
        return true;
    }
    if (cim_type_is_signed(type) && v->i < 0) {
        out->negative = true;
        out->magnitude = (uint64_t)0 - v->u;
        return true;
    }
    if (!cim_type_is_integer(type) && type != CIM_BOOLEAN && type != CIM_CHAR16) return false;
    out->magnitude = v->u;
    return true;
}

static bool number_round(struct number *n)
{
    if (!n->real) return true;
    double r = round(n->r); /* MOF keeps a real given for an integer rounded */
    if (!(fabs(r) < 18446744073709551616.0)) return false;
    n->negative = r < 0;
    n->magnitude = (uint64_t)fabs(r);
    return true;
}

static cimf_status integer_from(struct number n, unsigned type, union cim_data *out)
{
    int64_t min;
    uint64_t max;
    cim_type_range(type == CIM_CHAR16 ? CIM_UINT16 : type, &min, &max);
    if (!number_round(&n)) return CIMF_TYPE_MISMATCH;
    if (n.magnitude > (n.negative ? (uint64_t)0 - (uint64_t)min : max)) return CIMF_TYPE_MISMATCH;
    out->u = n.negative ? (uint64_t)0 - n.magnitude : n.magnitude;
    return CIMF_OK;
}

static cimf_status real_from(struct number n, unsigned type, union cim_data *out)
{
    double r = n.real ? n.r : (double)n.magnitude;
    if (n.negative && !n.real) r = -r;
    if (type == CIM_REAL32) {
        float f = (float)r;
        if (isinf(f) && !isinf(r)) return CIMF_TYPE_MISMATCH;
        r = (double)f;
    }
    out->r = r;
    return CIMF_OK;
}

/* 0 and 1; -1 too, which automation clients mean by true. */
static cimf_status boolean_from(struct number n, union cim_data *out)
{
    if (n.real || n.magnitude > 1) return CIMF_TYPE_MISMATCH;
    out->u = n.magnitude;
    return CIMF_OK;
}

static cimf_status text_from(struct arena *a, unsigned from, const union cim_data *in,
                             unsigned type, union cim_data *out)
{
    if (cim_type_is_text(from)) {
        if (type != CIM_DATETIME) { /* borrowed, like every value that needs no change */
            out->s = in->s;
            return CIMF_OK;
        }
        return cim_data_parse(a, type, in->s, out);
    }
    if (type != CIM_STRING) return CIMF_TYPE_MISMATCH;
    struct buf text;
    buf_init(&text, 256);
    cimf_status st = CIMF_TYPE_MISMATCH;
    if (cim_data_text(&text, from, in)) {
        out->s = arena_dup(a, buf_slice(&text));
        st = out->s.p ? CIMF_OK : CIMF_OUT_OF_MEMORY;
    } else if (!buf_ok(&text)) {
        st = CIMF_OUT_OF_MEMORY;
    }
    buf_free(&text);
    return st;
}

static cimf_status scalar_convert(struct arena *a, unsigned from, const union cim_data *in,
                                  unsigned type, union cim_data *out)
{
    struct number n;
    if (from == type) {
        *out = *in;
        return CIMF_OK;
    }
    memset(out, 0, sizeof *out);
    if (from == CIM_OBJECT || type == CIM_OBJECT) return CIMF_TYPE_MISMATCH;
    if (cim_type_is_text(type)) return text_from(a, from, in, type, out);
    if (cim_type_is_text(from)) {
        return from == CIM_STRING ? cim_data_parse(a, type, in->s, out) : CIMF_TYPE_MISMATCH;
    }
    if (!number_of(from, in, &n)) return CIMF_TYPE_MISMATCH;
    if (type == CIM_BOOLEAN) return boolean_from(n, out);
    if (cim_type_is_real(type)) return real_from(n, type, out);
    if (cim_type_is_integer(type) || type == CIM_CHAR16) return integer_from(n, type, out);
    return CIMF_INVALID_CIM_TYPE;
}

static cimf_status array_convert(struct arena *a, const struct cim_value *in, unsigned base,
                                 struct cim_array *out)
{
    bool from_array = CIM_IS_ARRAY(in->type);
    uint32_t n = from_array ? in->v.a.n : 1;
    unsigned from = CIM_BASE(in->type);
    struct cim_array array;
    if (!cim_array_new(a, base, n, &array)) return CIMF_OUT_OF_MEMORY;
    for (uint32_t i = 0; i < n; i++) {
        union cim_data item = from_array ? cim_array_get(from, in->v.a, i) : in->v, to;
        cimf_status st = scalar_convert(a, from, &item, base, &to);
        if (st != CIMF_OK) return st;
        cim_array_set(array, base, i, to);
    }
    *out = array;
    return CIMF_OK;
}

cimf_status cim_value_convert(struct arena *a, const struct cim_value *in, unsigned type,
                              struct cim_value *out)
{
    struct cim_value value = { .type = (uint16_t)type, .null = in->null };
    if (!cim_type_size(type)) return CIMF_INVALID_CIM_TYPE;
    if (in->null || in->type == CIM_NONE) {
        value.null = true;
        *out = value;
        return CIMF_OK;
    }
    cimf_status st = CIMF_OK;
    if (in->type == type) {
        value.v = in->v;
    } else if (CIM_IS_ARRAY(type)) {
        st = array_convert(a, in, CIM_BASE(type), &value.v.a);
    } else if (CIM_IS_ARRAY(in->type)) {
        st = CIMF_TYPE_MISMATCH;
    } else {
        st = scalar_convert(a, in->type, &in->v, type, &value.v);
    }
    if (st == CIMF_OK) *out = value;
    return st;
}
