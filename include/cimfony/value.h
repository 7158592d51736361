/*
 * cimfony/value.h - one value of a property, parameter or qualifier.
 *
 * A cimf_value is a view: plain data that points into the object it was read from and lives as long as
 * that object. Read `null` first, then `type`, then the member that fits:
 *   sint8..sint64                      v.i
 *   uint8..uint64, char16, boolean     v.u  (boolean: 0 or 1)
 *   real32, real64                     v.r
 *   string, datetime, reference        v.s
 *   object                             cimf_value_instance()
 *   arrays                             cimf_value_count(), cimf_value_at()
 */
#ifndef CIMFONY_VALUE_H
#define CIMFONY_VALUE_H

#include <cimfony/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct cimf_instance;

typedef struct cimf_value {
    uint16_t type; /* enum cimf_type, perhaps with CIMF_ARRAY; CIMF_TYPE_NONE only when it is null */
    bool null;
    union {
        int64_t i;
        uint64_t u;
        double r;
        cimf_str s;
        const void *object;
        struct {
            const void *elements;
            uint32_t count;
        } array;
    } v;
} cimf_value;

/* Elements of an array; 1 for a single value, 0 for NULL. */
CIMF_API uint32_t cimf_value_count(const cimf_value *value);
/* Element i as a value of the element type; of a single value (i == 0) itself; NULL beyond the end. */
CIMF_API cimf_value cimf_value_at(const cimf_value *value, uint32_t i);
/* The embedded instance of an object value; NULL if there is none (also when it is a class). */
CIMF_API const struct cimf_instance *cimf_value_instance(const cimf_value *value);

/* Writes a single value as text, as snprintf does: at most `room` bytes with the NUL, and the answer is the
 * length the whole text has. Integers decimal, reals the shortest text that reads back, booleans TRUE or
 * FALSE, strings as they are. "" for NULL, arrays and objects. */
CIMF_API size_t cimf_value_text(const cimf_value *value, char *out, size_t room);

#ifdef __cplusplus
}
#endif
#endif
