/* Setters for providers: by name, copying, silent about what the class lacks. */
#include "cim/datetime.h"
#include "cim/instance.h"

/* Index of a property that is wanted, or -1. */
static int wanted(const struct cim_instance *in, const char *name)
{
    int i = cim_class_property(in->cls, slice_str(name));
    return i >= 0 && in->state[i] != CIM_UNSENT ? i : -1;
}

/* Converts to the declared type; what does not fit or has no room becomes NULL. `v` is borrowed only
 * when it needs no copy. */
static void put(struct cim_instance *in, const char *name, struct cim_value v)
{
    int i = wanted(in, name);
    if (i < 0) return;
    struct cim_value typed, copy;
    unsigned type = in->cls->properties[i].type;
    if (cim_value_convert(in->arena, &v, type, &typed) != CIMF_OK || typed.null ||
        cim_data_copy(in->arena, type, &typed.v, &copy.v) != CIMF_OK) {
        cim_set_null(in, (unsigned)i);
        return;
    }
    cim_set(in, (unsigned)i, copy.v);
}

void cim_put_str(struct cim_instance *in, const char *name, struct slice v)
{
    put(in, name, (struct cim_value){ .type = CIM_STRING, .null = !v.p, .v.s = v });
}

void cim_put_strz(struct cim_instance *in, const char *name, const char *v)
{
    cim_put_str(in, name, slice_str(v));
}

void cim_put_u64(struct cim_instance *in, const char *name, uint64_t v)
{
    put(in, name, (struct cim_value){ .type = CIM_UINT64, .v.u = v });
}

void cim_put_i64(struct cim_instance *in, const char *name, int64_t v)
{
    put(in, name, (struct cim_value){ .type = CIM_SINT64, .v.i = v });
}

void cim_put_bool(struct cim_instance *in, const char *name, bool v)
{
    put(in, name, (struct cim_value){ .type = CIM_BOOLEAN, .v.u = v });
}

void cim_put_real(struct cim_instance *in, const char *name, double v)
{
    put(in, name, (struct cim_value){ .type = CIM_REAL64, .v.r = v });
}

void cim_put_datetime(struct cim_instance *in, const char *name, int64_t wall_us,
                      int offset_minutes)
{
    struct cim_datetime d = { .zoned = true, .us = wall_us, .offset = offset_minutes };
    char text[CIM_DATETIME_LENGTH + 1];
    cim_datetime_write(&d, text);
    struct slice s = slice_of(text, CIM_DATETIME_LENGTH);
    put(in, name, (struct cim_value){ .type = CIM_DATETIME, .v.s = s });
}

void cim_put_strv(struct cim_instance *in, const char *name, const struct slice *v, uint32_t n)
{
    struct cim_array array = { v, n };
    put(in, name, (struct cim_value){ .type = CIM_STRING | CIM_ARRAY, .null = !v && n, .v.a = array });
}

void cim_put_u64v(struct cim_instance *in, const char *name, const uint64_t *v, uint32_t n)
{
    struct cim_array array = { v, n };
    put(in, name, (struct cim_value){ .type = CIM_UINT64 | CIM_ARRAY, .null = !v && n, .v.a = array });
}

void cim_put_null(struct cim_instance *in, const char *name)
{
    int i = wanted(in, name);
    if (i >= 0) cim_set_null(in, (unsigned)i);
}
