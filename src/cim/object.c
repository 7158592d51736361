#include "cim/object.h"

#include <assert.h>

#include "cim/class.h"
#include "cim/instance.h"

const struct cim_class *cim_as_class(const struct cim_object *o)
{
    if (!o) return NULL;
    assert(o->magic == CIM_OBJECT_MAGIC);
    return o->kind == CIM_KIND_CLASS ? (const struct cim_class *)(const void *)o : NULL;
}

const struct cim_instance *cim_as_instance(const struct cim_object *o)
{
    if (!o) return NULL;
    assert(o->magic == CIM_OBJECT_MAGIC);
    return o->kind == CIM_KIND_INSTANCE ? (const struct cim_instance *)(const void *)o : NULL;
}

const struct cim_class *cim_object_class(const struct cim_object *o)
{
    const struct cim_instance *in = cim_as_instance(o);
    return in ? in->cls : cim_as_class(o);
}
