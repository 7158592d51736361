/*
 * cimfony/class.h - a CIM class: its properties, methods and qualifiers, inherited ones included.
 *
 * Classes are immutable and reference counted; the count may be changed by any thread. Text and values
 * that a class hands out live as long as the class.
 */
#ifndef CIMFONY_CLASS_H
#define CIMFONY_CLASS_H

#include <cimfony/value.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cimf_class cimf_class;

CIMF_API const cimf_class *cimf_class_ref(const cimf_class *c);
CIMF_API void cimf_class_unref(const cimf_class *c);

CIMF_API cimf_str cimf_class_name(const cimf_class *c);
CIMF_API cimf_str cimf_class_superclass(const cimf_class *c); /* "" for a root class */
CIMF_API cimf_str cimf_class_namespace(const cimf_class *c);  /* "root/cimv2" */

enum cimf_class_trait {
    CIMF_CLASS_ABSTRACT = 1,
    CIMF_CLASS_SINGLETON = 2,
    CIMF_CLASS_ASSOCIATION = 4,
    CIMF_CLASS_INDICATION = 8,
    CIMF_CLASS_DYNAMIC = 16, /* a provider makes the instances; they are not stored */
    CIMF_CLASS_SYSTEM = 64   /* its name begins with "__" */
};
CIMF_API unsigned cimf_class_traits(const cimf_class *c);

/* --- properties, inherited first ---------------------------------------------------------------- */

enum cimf_property_trait {
    CIMF_PROPERTY_KEY = 1,
    CIMF_PROPERTY_LOCAL = 2, /* introduced by this very class */
    CIMF_PROPERTY_IN = 32,   /* of parameter lists */
    CIMF_PROPERTY_OUT = 64
};
typedef struct cimf_property {
    cimf_str name;
    uint16_t type;
    uint16_t traits;
    cimf_str class_name; /* of references and objects, "" if any */
    cimf_str origin;     /* the class that introduced it */
    cimf_value initial;  /* default; null if there is none */
} cimf_property;

CIMF_API uint32_t cimf_class_property_count(const cimf_class *c);
CIMF_API cimf_property cimf_class_property(const cimf_class *c, uint32_t i);
/* Index of a property by name (any case), or -1. */
CIMF_API int cimf_class_find_property(const cimf_class *c, cimf_str name);

/* --- methods ------------------------------------------------------------------------------------ */

CIMF_API uint32_t cimf_class_method_count(const cimf_class *c);
CIMF_API cimf_str cimf_class_method(const cimf_class *c, uint32_t i);
/* Index by name (any case), or -1. */
CIMF_API int cimf_class_find_method(const cimf_class *c, cimf_str name);
/* Its in-parameters as the properties of a class that lives as long as c; NULL if it has none. Make an
 * instance of it and hand that to cimf_invoke. */
CIMF_API const cimf_class *cimf_class_method_in(const cimf_class *c, uint32_t i);
/* Its out-parameters and ReturnValue; NULL for a void method without any. */
CIMF_API const cimf_class *cimf_class_method_out(const cimf_class *c, uint32_t i);
CIMF_API bool cimf_class_method_static(const cimf_class *c, uint32_t i);

/* --- qualifiers --------------------------------------------------------------------------------- */

typedef struct cimf_qualifier {
    cimf_str name;
    cimf_value value;
} cimf_qualifier;

/* property and method -1: of the class; one of them an index: of that member. Answers false past the end. */
CIMF_API bool cimf_class_qualifier(const cimf_class *c, int property, int method, uint32_t i,
                                   cimf_qualifier *out);

#ifdef __cplusplus
}
#endif
#endif
