/*
 * cim/type.h - CIM types and values.
 *
 * A type is a 16-bit code as on the wire of MS-WMIO 2.2.82, with CIM_ARRAY for one-dimensional arrays.
 * `union cim_data` is one 16-byte slot that holds any value; what it points to belongs to the arena (or
 * class) of the object that holds it. Whether a slot is NULL is kept beside it, never inside.
 * Strings are UTF-8; lone surrogates are kept as WTF-8 (MS-WMI 3.1.4 makes them legal).
 */
#ifndef CIM_TYPE_H
#define CIM_TYPE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/limits.h"

enum cim_type {
    CIM_NONE = 0,
    CIM_SINT16 = 2,
    CIM_SINT32 = 3,
    CIM_REAL32 = 4,
    CIM_REAL64 = 5,
    CIM_STRING = 8,
    CIM_BOOLEAN = 11,
    CIM_OBJECT = 13,
    CIM_SINT8 = 16,
    CIM_UINT8 = 17,
    CIM_UINT16 = 18,
    CIM_UINT32 = 19,
    CIM_SINT64 = 20,
    CIM_UINT64 = 21,
    CIM_DATETIME = 101,
    CIM_REFERENCE = 102,
    CIM_CHAR16 = 103,
    CIM_ARRAY = 0x2000,
};

#define CIM_BASE(type) ((type) & ~CIM_ARRAY)
#define CIM_IS_ARRAY(type) (((type) & CIM_ARRAY) != 0)

struct cim_object; /* a class or an instance: cim/object.h */

struct cim_array {
    /* Elements packed in their natural C type: int8_t..uint64_t, float, double, bool (1 byte),
     * uint16_t for char16, struct slice for string, datetime and reference,
     * const struct cim_object * for object. */
    const void *p;
    uint32_t n;
};

union cim_data {
    int64_t i;  /* sint8..sint64, sign-extended */
    uint64_t u; /* uint8..uint64, char16, boolean (0 or 1) */
    double r;   /* real32 (exactly a float value) and real64 */
    struct slice s; /* string; datetime (25 characters, cim/datetime.h); reference (path text) */
    const struct cim_object *o;
    struct cim_array a;
};
_Static_assert(sizeof(union cim_data) == 16, "a slot is 16 bytes");

/* A value that knows its type: qualifier values, method parameters, literals. */
struct cim_value {
    uint16_t type; /* CIM_NONE only together with null */
    bool null;
    union cim_data v;
};

/* "uint32", "string", ...; the base type's name for arrays. NULL if not a type. Static storage. */
const char *cim_type_name(unsigned type);
/* Case-insensitive. CIM_NONE if unknown. */
enum cim_type cim_type_parse(struct slice name);
bool cim_type_is_integer(unsigned type); /* sint8..uint64; not char16, not boolean */
bool cim_type_is_signed(unsigned type);
bool cim_type_is_real(unsigned type);
bool cim_type_is_text(unsigned type); /* string, datetime, reference: union member s */
/* Bytes of one array element of this base type in its packed form; 0 if not a type. */
size_t cim_type_size(unsigned type);
/* Inclusive range of an integer type. */
void cim_type_range(unsigned type, int64_t *min, uint64_t *max);

/* Element i of an array whose element type is base. */
union cim_data cim_array_get(unsigned base, struct cim_array array, uint32_t i);
/* Room for n elements in the arena (zeroed), then set one by one. */
bool cim_array_new(struct arena *a, unsigned base, uint32_t n, struct cim_array *out);
void cim_array_set(struct cim_array array, unsigned base, uint32_t i, union cim_data v);

/* Deep copy of what the slot points to (not of classes: those are shared; hold them). */
cimf_status cim_data_copy(struct arena *a, unsigned type, const union cim_data *in, union cim_data *out);
/* Same value: strings bytewise, reals by ==, arrays elementwise, objects by cim_instance_equal. */
bool cim_data_equal(unsigned type, const union cim_data *a, const union cim_data *b);

/* Text in the canonical form that every text protocol shares: decimal integers, shortest round-trip
 * reals (INF -INF NaN), TRUE/FALSE, the string itself. Not for arrays and objects. */
bool cim_data_text(struct buf *out, unsigned type, const union cim_data *v);
/* Reads such a text (tolerant: surrounding white space, +, 0x for integers, true/false/1/0 in any
 * case, char16 as one character or a number). CIMF_TYPE_MISMATCH if it is not of that type or out of range. */
cimf_status cim_data_parse(struct arena *a, unsigned type, struct slice text, union cim_data *out);
/* Converts between types as MOF and WMI clients expect (integer widths with range check, integer to
 * real, real to integer rounded, text to and from numbers, one value to an array of one).
 * CIMF_TYPE_MISMATCH when the value does not fit. */
cimf_status cim_value_convert(struct arena *a, const struct cim_value *in, unsigned type,
                              struct cim_value *out);

#endif
