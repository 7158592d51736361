#include "cim/type.h"

struct type_row {
    uint16_t type;
    uint8_t size; /* of a packed array element */
    uint8_t kind; /* 's'igned, 'u'nsigned, 'r'eal, 't'ext, or 0 */
    char name[10];
    int64_t min;
    uint64_t max;
};

static const struct type_row rows[] = {
    { CIM_SINT8, 1, 's', "sint8", INT8_MIN, INT8_MAX },
    { CIM_UINT8, 1, 'u', "uint8", 0, UINT8_MAX },
    { CIM_SINT16, 2, 's', "sint16", INT16_MIN, INT16_MAX },
    { CIM_UINT16, 2, 'u', "uint16", 0, UINT16_MAX },
    { CIM_SINT32, 4, 's', "sint32", INT32_MIN, INT32_MAX },
    { CIM_UINT32, 4, 'u', "uint32", 0, UINT32_MAX },
    { CIM_SINT64, 8, 's', "sint64", INT64_MIN, INT64_MAX },
    { CIM_UINT64, 8, 'u', "uint64", 0, UINT64_MAX },
    { CIM_REAL32, 4, 'r', "real32", 0, 0 },
    { CIM_REAL64, 8, 'r', "real64", 0, 0 },
    { CIM_BOOLEAN, 1, 0, "boolean", 0, 0 },
    { CIM_STRING, sizeof(struct slice), 't', "string", 0, 0 },
    { CIM_DATETIME, sizeof(struct slice), 't', "datetime", 0, 0 },
    { CIM_REFERENCE, sizeof(struct slice), 't', "ref", 0, 0 },
    { CIM_CHAR16, 2, 0, "char16", 0, 0 },
    { CIM_OBJECT, sizeof(void *), 0, "object", 0, 0 },
};
enum { ROW_COUNT = sizeof rows / sizeof rows[0] };

static const struct type_row *row_of(unsigned type)
{
    unsigned base = CIM_BASE(type);
    for (unsigned i = 0; i < ROW_COUNT; i++) {
        if (rows[i].type == base) return &rows[i];
    }
    return NULL;
}

static char kind_of(unsigned type)
{
    const struct type_row *r = row_of(type);
    return r ? (char)r->kind : 0;
}

const char *cim_type_name(unsigned type)
{
    const struct type_row *r = row_of(type);
    return r ? r->name : NULL;
}

enum cim_type cim_type_parse(struct slice name)
{
    for (unsigned i = 0; i < ROW_COUNT; i++) {
        if (slice_ieq(name, slice_str(rows[i].name))) return (enum cim_type)rows[i].type;
    }
    if (slice_ieq(name, SLICE("reference"))) return CIM_REFERENCE;
    return CIM_NONE;
}

bool cim_type_is_integer(unsigned type)
{
    char k = CIM_IS_ARRAY(type) ? 0 : kind_of(type);
    return k == 's' || k == 'u';
}

bool cim_type_is_signed(unsigned type)
{
    return !CIM_IS_ARRAY(type) && kind_of(type) == 's';
}

bool cim_type_is_real(unsigned type)
{
    return !CIM_IS_ARRAY(type) && kind_of(type) == 'r';
}

bool cim_type_is_text(unsigned type)
{
    return !CIM_IS_ARRAY(type) && kind_of(type) == 't';
}

size_t cim_type_size(unsigned type)
{
    const struct type_row *r = row_of(type);
    return r ? r->size : 0;
}

void cim_type_range(unsigned type, int64_t *min, uint64_t *max)
{
    const struct type_row *r = row_of(type);
    *min = r ? r->min : 0;
    *max = r ? r->max : 0;
}

union cim_data cim_array_get(unsigned base, struct cim_array array, uint32_t i)
{
    union cim_data d = { .s = SLICE_NULL };
    if (i >= array.n) return d;
    switch (CIM_BASE(base)) {
    case CIM_SINT8: d.i = ((const int8_t *)array.p)[i]; break;
    case CIM_UINT8: d.u = ((const uint8_t *)array.p)[i]; break;
    case CIM_SINT16: d.i = ((const int16_t *)array.p)[i]; break;
    case CIM_CHAR16:
    case CIM_UINT16: d.u = ((const uint16_t *)array.p)[i]; break;
    case CIM_SINT32: d.i = ((const int32_t *)array.p)[i]; break;
    case CIM_UINT32: d.u = ((const uint32_t *)array.p)[i]; break;
    case CIM_SINT64: d.i = ((const int64_t *)array.p)[i]; break;
    case CIM_UINT64: d.u = ((const uint64_t *)array.p)[i]; break;
    case CIM_REAL32: d.r = ((const float *)array.p)[i]; break;
    case CIM_REAL64: d.r = ((const double *)array.p)[i]; break;
    case CIM_BOOLEAN: d.u = ((const bool *)array.p)[i]; break;
    case CIM_STRING:
    case CIM_DATETIME:
    case CIM_REFERENCE: d.s = ((const struct slice *)array.p)[i]; break;
    case CIM_OBJECT: d.o = ((const struct cim_object *const *)array.p)[i]; break;
    default: break;
    }
    return d;
}

bool cim_array_new(struct arena *a, unsigned base, uint32_t n, struct cim_array *out)
{
    *out = (struct cim_array){ NULL, 0 };
    size_t size = cim_type_size(base);
    if (!size) return false;
    void *p = arena_array(a, n, size);
    if (!p) return false;
    *out = (struct cim_array){ p, n };
    return true;
}

void cim_array_set(struct cim_array array, unsigned base, uint32_t i, union cim_data v)
{
    if (i >= array.n) return;
    void *p = (void *)(uintptr_t)array.p; /* made by cim_array_new, so writable */
    switch (CIM_BASE(base)) {
    case CIM_SINT8:
    case CIM_UINT8: ((uint8_t *)p)[i] = (uint8_t)v.u; break;
    case CIM_SINT16:
    case CIM_CHAR16:
    case CIM_UINT16: ((uint16_t *)p)[i] = (uint16_t)v.u; break;
    case CIM_SINT32:
    case CIM_UINT32: ((uint32_t *)p)[i] = (uint32_t)v.u; break;
    case CIM_SINT64:
    case CIM_UINT64: ((uint64_t *)p)[i] = v.u; break;
    case CIM_REAL32: ((float *)p)[i] = (float)v.r; break;
    case CIM_REAL64: ((double *)p)[i] = v.r; break;
    case CIM_BOOLEAN: ((bool *)p)[i] = v.u != 0; break;
    case CIM_STRING:
    case CIM_DATETIME:
    case CIM_REFERENCE: ((struct slice *)p)[i] = v.s; break;
    case CIM_OBJECT: ((const struct cim_object **)p)[i] = v.o; break;
    default: break;
    }
}
