/* Options "wmi:X" and "wmiarray:X" as context values of the operation (MS-WSMV 3.1.4.1.10.1). */
#include "wsman/server_priv.h"

static cimf_status option_value(struct arena *a, const struct wsman_option *o, enum cim_type type,
                                union cim_data *out, struct error *e)
{
    if (type == CIM_STRING || type == CIM_DATETIME) {
        out->s = arena_dup(a, o->value);
        return out->s.p ? CIMF_OK : CIMF_OUT_OF_MEMORY;
    }
    if (cim_data_parse(a, type, o->value, out) == CIMF_OK) return CIMF_OK;
    error_set(e, CIMF_WSMAN_OPTION_VALUE, "wsman", "the value of the option " SLICE_FMT " is not valid",
              SLICE_ARG(slice_head(o->name, 100)));
    return CIMF_WSMAN_OPTION_VALUE;
}

/* "wmi:X" is a value, "wmiarray:X" an element of an array; order is kept (E15). */
static cimf_status context_values(const struct wsman_call *c, struct cim_op *op, struct arena *a, struct error *e)
{
    static const struct slice one = SLICE("wmi:"), many = SLICE("wmiarray:");
    uint32_t used = 0;
    struct cim_context_value *list = ARENA_ARRAY(a, c->header.option_count + 1, struct cim_context_value);
    if (!list) return CIMF_OUT_OF_MEMORY;
    for (uint32_t i = 0; i < c->header.option_count; i++) {
        const struct wsman_option *o = &c->header.options[i];
        bool array = slice_istarts(o->name, many);
        if (!array && !slice_istarts(o->name, one)) continue;
        enum cim_type type = wsman_type_parse(o->type);
        if (type == CIM_NONE) type = CIM_STRING;
        struct cim_context_value *v = &list[used];
        v->name = arena_dup(a, slice_sub(o->name, array ? many.n : one.n));
        v->value = (struct cim_value){ .type = (uint16_t)type, .null = o->nil };
        bool seen = false;
        for (uint32_t k = 0; array && k < i && !seen; k++) seen = slice_ieq(c->header.options[k].name, o->name);
        if (seen) continue; /* its first element collected it */
        if (!array) {
            cimf_status status = o->nil ? CIMF_OK : option_value(a, o, type, &v->value.v, e);
            if (status != CIMF_OK) return status;
            used++;
            continue;
        }
        uint32_t n = 0;
        for (uint32_t k = i; k < c->header.option_count; k++) n += slice_ieq(c->header.options[k].name, o->name);
        v->value.type |= CIM_ARRAY;
        v->value.null = false;
        if (!cim_array_new(a, type, n, &v->value.v.a)) return CIMF_OUT_OF_MEMORY;
        n = 0;
        for (uint32_t k = i; k < c->header.option_count; k++) {
            union cim_data element;
            if (!slice_ieq(c->header.options[k].name, o->name)) continue;
            cimf_status status = option_value(a, &c->header.options[k], type, &element, e);
            if (status != CIMF_OK) return status;
            cim_array_set(v->value.v.a, type, n++, element);
        }
        used++;
    }
    op->context = list;
    op->context_count = used;
    return CIMF_OK;
}

cimf_status wsman_op_context(const struct wsman_call *c, struct cim_op *op, struct arena *a, struct error *e)
{
    return c->header.option_count ? context_values(c, op, a, e) : CIMF_OK;
}
