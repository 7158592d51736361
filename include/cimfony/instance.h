/*
 * cimfony/instance.h - an instance of a class: properties with values.
 *
 * Instances that an operation delivers belong to the operation (cimfony/operation.h says for how long) and
 * are read only. To keep or change one, copy it. Instances made with _new or _copy are the caller's.
 *
 * A property is in one of four states. Only those that are SET or NULL travel in a change, so that a
 * change touches nothing else.
 */
#ifndef CIMFONY_INSTANCE_H
#define CIMFONY_INSTANCE_H

#include <cimfony/class.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cimf_instance cimf_instance;

enum cimf_property_state {
    CIMF_STATE_DEFAULT, /* never set: the default of the class shows, else NULL */
    CIMF_STATE_NULL,
    CIMF_STATE_SET,
    CIMF_STATE_ABSENT   /* not part of this object: left out by a query, or never sent */
};

/* A new instance of c with every property ABSENT. Holds a reference on c. */
CIMF_API cimf_status cimf_instance_new(const cimf_class *c, cimf_instance **out);
/* An instance of a class that is not known: properties come into being when they are set, and travel as the
 * text they were given. For servers that do not tell their classes. */
CIMF_API cimf_status cimf_instance_new_untyped(cimf_str class_name, cimf_instance **out);
CIMF_API cimf_status cimf_instance_copy(const cimf_instance *in, cimf_instance **out);
CIMF_API void cimf_instance_free(cimf_instance *in); /* of _new, _new_untyped and _copy only */

/* The class as far as it is known: complete when the server told it; otherwise made up from what was
 * sent. Borrowed from the instance. */
CIMF_API const cimf_class *cimf_instance_class(const cimf_instance *in);
CIMF_API cimf_str cimf_instance_class_name(const cimf_instance *in);

/* Properties by index of the class (cimf_class_property). */
CIMF_API uint32_t cimf_instance_count(const cimf_instance *in);
CIMF_API enum cimf_property_state cimf_instance_state(const cimf_instance *in, uint32_t i);
/* The value as readers see it (defaults included); null when it is NULL or absent. */
CIMF_API cimf_value cimf_instance_at(const cimf_instance *in, uint32_t i);
/* By name, any case; also "__CLASS", "__RELPATH", "__PATH", "__NAMESPACE" and the other system properties.
 * CIMF_INVALID_PROPERTY if there is none. Computed texts live as long as the instance. */
CIMF_API cimf_status cimf_instance_get(const cimf_instance *in, cimf_str name, cimf_value *out);
/* The object path relative to its namespace, `Class.Key="value"`; "" when its keys are not known. Lives as
 * long as the instance. */
CIMF_API cimf_str cimf_instance_path(const cimf_instance *in);

/* Setters: by name, copying. CIMF_INVALID_PROPERTY: the class has none of that name; CIMF_TYPE_MISMATCH:
 * the value does not fit the declared type. */
CIMF_API cimf_status cimf_instance_set(cimf_instance *in, cimf_str name, const cimf_value *value,
                                       cimf_error *e);
/* From text, read as the declared type: numbers decimal or 0x.., TRUE/FALSE, datetimes in CIM or ISO 8601
 * form, a path for references. */
CIMF_API cimf_status cimf_instance_set_text(cimf_instance *in, cimf_str name, cimf_str text, cimf_error *e);
CIMF_API cimf_status cimf_instance_set_texts(cimf_instance *in, cimf_str name, const cimf_str *texts,
                                             uint32_t count, cimf_error *e);
CIMF_API cimf_status cimf_instance_set_null(cimf_instance *in, cimf_str name, cimf_error *e);

/* Same class, same properties sent, same values. */
CIMF_API bool cimf_instance_equal(const cimf_instance *a, const cimf_instance *b);

#ifdef __cplusplus
}
#endif
#endif
