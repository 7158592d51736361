/* cim/object.h - what classes and instances share: a magic word and a kind. */
#ifndef CIM_OBJECT_H
#define CIM_OBJECT_H

#include "cim/type.h"

enum cim_kind { CIM_KIND_CLASS = 1, CIM_KIND_INSTANCE = 2 };
#define CIM_OBJECT_MAGIC 0x43494d4fu

struct cim_object {
    uint32_t magic;
    uint8_t kind; /* enum cim_kind */
};

struct cim_class;
struct cim_instance;
/* The object as one kind, or NULL when it is the other (or NULL). Asserts the magic word. */
const struct cim_class *cim_as_class(const struct cim_object *o);
const struct cim_instance *cim_as_instance(const struct cim_object *o);
/* The class of an instance, the class itself otherwise. */
const struct cim_class *cim_object_class(const struct cim_object *o);

#endif
