/*
 * cim/instance.h - instances: a class, one state byte and one 16-byte slot per property.
 *
 * An instance lives in the arena it was made in and borrows its class; the arena must outlive it and
 * must hold the class (cim_instance_new does). Three states per property are distinct (P4): absent (not
 * set: the class default shows, if any), NULL, and a value; a fourth, not sent, marks properties that a
 * projection or a partial update leaves out.
 */
#ifndef CIM_INSTANCE_H
#define CIM_INSTANCE_H

#include "cim/class.h"

enum cim_state {
    CIM_DEFAULTED = 0, /* never set: default of the class, else NULL */
    CIM_NULL = 1,      /* explicitly NULL */
    CIM_SET = 2,       /* slot holds the value */
    CIM_UNSENT = 3,    /* not part of this (partial) object */
};

struct cim_instance {
    struct cim_object object; /* first */
    uint8_t result;           /* 1: a query result or event without identity: __PATH/__RELPATH are NULL */
    const struct cim_class *cls;
    struct arena *arena;
    uint8_t *state;           /* enum cim_state, one per property of cls */
    union cim_data *slot;
    struct cim_qualifiers qualifiers; /* of the instance itself; usually none */
    const struct cim_qualifiers *property_qualifiers; /* per property, or NULL */
    struct slice ns;          /* namespace it came from; "" when undecorated */
    struct slice server;      /* "" when local */
    struct slice path;        /* relative path as its protocol gave it; "" = derive from keys */
};

/* All properties CIM_DEFAULTED. NULL when out of room. */
struct cim_instance *cim_instance_new(struct arena *a, const struct cim_class *cls);
/* Deep copy into another arena. */
struct cim_instance *cim_instance_copy(struct arena *a, const struct cim_instance *in);
/* Same values under another class: by property name (used for projection, casts to a base class,
 * re-typing after a class update). Properties that cls lacks are dropped. */
struct cim_instance *cim_instance_cast(struct arena *a, const struct cim_instance *in,
                                       const struct cim_class *cls);
/* Value as readers see it: true and *out when not NULL (set, or defaulted with a default). */
bool cim_get(const struct cim_instance *in, unsigned index, union cim_data *out);
static inline bool cim_is_sent(const struct cim_instance *in, unsigned index)
{
    return in->state[index] != CIM_UNSENT;
}
/* By name, system properties (__CLASS, __PATH, ...) included; value in the arena of `in` or in `a`.
 * CIMF_INVALID_PROPERTY if there is none. */
cimf_status cim_get_named(struct arena *a, const struct cim_instance *in, struct slice name,
                          struct cim_value *out);

/* Setters borrow what they are given: it must live as long as the instance's arena. */
void cim_set(struct cim_instance *in, unsigned index, union cim_data v);
void cim_set_null(struct cim_instance *in, unsigned index);
/* By name with conversion to the declared type. INVALID_PROPERTY, TYPE_MISMATCH. */
cimf_status cim_set_named(struct cim_instance *in, struct slice name, const struct cim_value *v);

/* For providers and tests: set by name, copying; silently nothing when the class lacks the property
 * (or it is UNSENT: not wanted), so a provider may serve several classes with one function. */
void cim_put_str(struct cim_instance *in, const char *name, struct slice v); /* p == NULL sets NULL */
void cim_put_strz(struct cim_instance *in, const char *name, const char *v);
void cim_put_u64(struct cim_instance *in, const char *name, uint64_t v);
void cim_put_i64(struct cim_instance *in, const char *name, int64_t v);
void cim_put_bool(struct cim_instance *in, const char *name, bool v);
void cim_put_real(struct cim_instance *in, const char *name, double v);
void cim_put_datetime(struct cim_instance *in, const char *name, int64_t wall_us, int offset_minutes);
void cim_put_strv(struct cim_instance *in, const char *name, const struct slice *v, uint32_t n);
void cim_put_u64v(struct cim_instance *in, const char *name, const uint64_t *v, uint32_t n);
void cim_put_null(struct cim_instance *in, const char *name);

/* Same class name, same sent properties, same values (defaults count as values). */
bool cim_instance_equal(const struct cim_instance *a, const struct cim_instance *b);

/* System properties, cim-core.md 2.4, in the order Windows tools print them. */
enum cim_system_property {
    CIM_SYS_GENUS, CIM_SYS_CLASS, CIM_SYS_SUPERCLASS, CIM_SYS_DYNASTY, CIM_SYS_RELPATH,
    CIM_SYS_PROPERTY_COUNT, CIM_SYS_DERIVATION, CIM_SYS_SERVER, CIM_SYS_NAMESPACE, CIM_SYS_PATH,
    CIM_SYS_COUNT,
};
int cim_system_property_find(struct slice name); /* -1 if none */
const char *cim_system_property_name(enum cim_system_property p);
/* The name of this machine in __SERVER and __PATH of decorated objects whose server is "" (default ".").
 * Set once at start, before threads; keeps the pointer. */
void cim_set_local_server(struct slice name);
/* Value for a class or an instance; memory from a. value->null set as the table says. */
cimf_status cim_system_property_get(struct arena *a, const struct cim_object *o,
                                    enum cim_system_property p, struct cim_value *value);

#endif
