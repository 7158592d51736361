/* Values, names and types as the public headers show them. */
#include <stddef.h>
#include <stdio.h>

#include "client/protocol.h"

/* A cimf_value is a struct cim_value under another name. */
_Static_assert(sizeof(cimf_value) == sizeof(struct cim_value), "same size");
_Static_assert(offsetof(cimf_value, v) == offsetof(struct cim_value, v), "same place of the value");
_Static_assert(offsetof(cimf_value, null) == offsetof(struct cim_value, null), "same place of null");
_Static_assert(offsetof(cimf_value, v.array.count) == offsetof(struct cim_value, v.a.n), "same arrays");
_Static_assert(offsetof(cimf_str, n) == offsetof(struct slice, n), "same text");
_Static_assert((int)CIMF_CHAR16 == (int)CIM_CHAR16 && (int)CIMF_ARRAY == (int)CIM_ARRAY, "same type codes");

static const struct cim_value *inner(const cimf_value *v)
{
    return (const struct cim_value *)v;
}

bool cimf_name_equal(cimf_str a, cimf_str b)
{
    return slice_ieq(client_slice(a), client_slice(b));
}

const char *cimf_type_name(unsigned type)
{
    const char *name = cim_type_name(type);
    return name ? name : "?";
}

uint32_t cimf_value_count(const cimf_value *value)
{
    if (value->null) return 0;
    return CIMF_IS_ARRAY(value->type) ? value->v.array.count : 1;
}

cimf_value cimf_value_at(const cimf_value *value, uint32_t i)
{
    cimf_value out = { .type = (uint16_t)CIMF_ELEMENT(value->type), .null = true };
    if (i >= cimf_value_count(value)) return out;
    if (!CIMF_IS_ARRAY(value->type)) return *value;
    union cim_data d = cim_array_get(out.type, inner(value)->v.a, i);
    memcpy(&out.v, &d, sizeof d);
    out.null = out.type == CIMF_OBJECT && !d.o;
    return out;
}

const struct cimf_instance *cimf_value_instance(const cimf_value *value)
{
    if (value->null || value->type != CIMF_OBJECT) return NULL;
    return (const struct cimf_instance *)cim_as_instance(value->v.object);
}

size_t cimf_value_text(const cimf_value *value, char *out, size_t room)
{
    struct slice text = SLICE("");
    struct buf b;
    buf_init(&b, 0);
    if (!value->null && cim_type_is_text(value->type)) text = inner(value)->v.s;
    else if (!value->null && cim_data_text(&b, value->type, &inner(value)->v)) text = buf_slice(&b);
    if (room) {
        size_t n = text.n < room - 1 ? text.n : room - 1;
        if (n) memcpy(out, text.p, n);
        out[n] = 0;
    }
    buf_free(&b);
    return text.n;
}
