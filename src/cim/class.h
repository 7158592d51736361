/*
 * cim/class.h - classes in two forms.
 *
 * `struct cim_class_decl` is what one class itself declares (a MOF production, the body of a PutClass,
 * a record of the repository): only local properties, methods and qualifiers, plain data in an arena,
 * free to edit. `struct cim_class` is the resolved class: everything inherited included, immutable,
 * reference counted, shared between threads. cim_class_resolve makes the second from the first and the
 * resolved superclass and applies the rules of cim-core.md 2.5/2.6 (propagation, flavors, overrides).
 *
 * Property order: inherited first, in the order of the superclass, then own ones as declared. That is
 * the order of the value table of MS-WMIO 2.2.24, and the index of a property is its slot in instances.
 */
#ifndef CIM_CLASS_H
#define CIM_CLASS_H

#include "cim/object.h"
#include "cim/qualifier.h"

/* --- declared form ---------------------------------------------------------------------------- */

struct cim_property_decl {
    struct slice name;
    uint16_t type;           /* CIM_NONE: only qualifiers or default of an inherited property change */
    bool has_default;        /* value (maybe NULL) given here */
    struct slice class_name; /* of ref:Class / object:Class; "" if untyped */
    uint32_t max;            /* declared array size, 0 if none */
    struct cim_value value;  /* default */
    struct cim_qualifiers qualifiers;
};

struct cim_method_decl {
    struct slice name;
    uint16_t return_type;    /* CIM_NONE = void */
    struct slice return_class;
    struct cim_property_decl *params; /* In/Out qualifiers tell the direction; none = both (P30) */
    uint32_t param_count;
    struct cim_qualifiers qualifiers;
};

struct cim_class_decl {
    struct slice name, super; /* super.n == 0 for a root class */
    struct cim_qualifiers qualifiers;
    struct cim_property_decl *properties;
    uint32_t property_count;
    struct cim_method_decl *methods;
    uint32_t method_count;
};

/* --- resolved form ---------------------------------------------------------------------------- */

enum cim_property_flag {
    CIM_PROP_KEY = 1,
    CIM_PROP_LOCAL = 2,      /* introduced by this class */
    CIM_PROP_OVERRIDDEN = 4, /* inherited, but default or qualifiers given again by this class */
    CIM_PROP_HAS_DEFAULT = 8,/* def is a value, not NULL */
    CIM_PROP_NOT_NULL = 16,
    CIM_PROP_IN = 32, CIM_PROP_OUT = 64, /* parameters */
    CIM_PROP_INDEXED = 128,
};

struct cim_property {
    struct slice name;
    uint16_t type;
    uint16_t flags;          /* enum cim_property_flag */
    int32_t param_id;        /* ID qualifier of a parameter; -1 for ReturnValue and for properties */
    struct slice class_name; /* ref/object class, "" */
    uint32_t max;
    struct slice origin;     /* class that introduced it */
    union cim_data def;      /* valid with CIM_PROP_HAS_DEFAULT */
    struct cim_qualifiers qualifiers; /* propagated ones carry CIM_FLAVOR_PROPAGATED; CIMTYPE included */
};

enum cim_method_flag { CIM_METHOD_STATIC = 1, CIM_METHOD_IMPLEMENTED = 2, CIM_METHOD_DISABLED = 4,
                       CIM_METHOD_BYPASS_GET = 8, CIM_METHOD_LOCAL = 16 };

struct cim_method {
    struct slice name;
    struct slice origin;
    uint32_t flags;
    uint16_t return_type;    /* CIM_NONE = void */
    const struct cim_class *in;  /* __PARAMETERS class of the in-parameters, NULL if none */
    const struct cim_class *out; /* of out-parameters, ReturnValue last, NULL if void and none */
    struct cim_qualifiers qualifiers;
};

enum cim_class_flag {
    CIM_CLASS_ABSTRACT = 1, CIM_CLASS_SINGLETON = 2, CIM_CLASS_ASSOCIATION = 4,
    CIM_CLASS_INDICATION = 8, CIM_CLASS_DYNAMIC = 16, CIM_CLASS_TERMINAL = 32,
    CIM_CLASS_SYSTEM = 64,     /* name begins with "__" */
    CIM_CLASS_KEYED = 128,
    CIM_CLASS_PROJECTED = 256, /* of a query result: a selection of properties, in the asked order */
    CIM_CLASS_AMENDMENT = 512,
    CIM_CLASS_PROTOTYPE = 1024, /* of a query for its shape: its encoding doesn't tell the ancestors */
};

struct cim_class {
    struct cim_object object; /* first */
    int32_t refs;             /* atomic; use cim_class_ref/_unref */
    uint32_t flags;           /* enum cim_class_flag */
    struct slice name;
    const struct cim_class *super;   /* holds a reference; NULL for a root class */
    const struct cim_class *dynasty; /* borrowed: the root ancestor, itself if root */
    const struct cim_class *key_class; /* borrowed: the ancestor (or itself) that introduced the keys;
                                          NULL if unkeyed */
    uint32_t depth;           /* ancestors above */
    uint32_t property_count, key_count, method_count;
    const struct cim_property *properties;
    const uint16_t *keys;     /* indexes of key properties in class order */
    const struct cim_method *methods;
    struct cim_qualifiers qualifiers;
    struct cim_class_decl decl; /* the declared form it came from, deep copied */
    const uint16_t *by_name;  /* property indexes sorted by folded name */
    uint32_t generation;      /* unique per resolved class: for caches */
    struct slice ns;          /* namespace "root/cimv2"; "" if undecorated */
    _Atomic(void *) cache[2]; /* encoders' per-class caches (wmi, wsman): freed by cache_free */
    void (*_Atomic cache_free[2])(void *);
    struct arena arena;       /* owns everything above */
    /* Of the room itself: */
    const struct cim_class *owner;  /* a method signature: the class whose memory and references it shares */
    const struct cim_class *lender; /* a projection: the class it was made from; holds a reference */
    const struct cim_qualifiers *passed; /* what subclasses inherit: of the class, of each local or
                                            overridden property, of each local method; in that order */
    uint32_t resolve_flags;   /* as given to cim_class_resolve, without FORCE */
    uint32_t name_hash;       /* slice_ihash(name) */
};

/* Makes the resolved class with one reference. super NULL exactly when decl->super is empty; ns may be
 * "". Checks names (M3), limits, keys (M4), singleton and abstract rules (M5, M6), overrides (M15),
 * qualifier flavors (M7), method signatures (M10); creates CIMTYPE (M8).
 * Fails with INVALID_OPERATION, INVALID_OBJECT, INVALID_PARAMETER, QUOTA_VIOLATION, CANNOT_BE_SINGLETON,
 * CANNOT_BE_ABSTRACT, OVERRIDE_NOT_ALLOWED, TYPE_MISMATCH, INVALID_PROPERTY_TYPE ... as cim-core.md 1.1. */
enum cim_resolve_flag {
    CIM_RESOLVE_SYSTEM = 1, /* names may begin with '_' */
    CIM_RESOLVE_FORCE = 2,  /* drop conflicting own qualifiers/properties instead of failing (PutClass force) */
    CIM_RESOLVE_DSP0004 = 4,/* DMTF's rules where they are looser: abstract below concrete is allowed */
};
cimf_status cim_class_resolve(const struct cim_class_decl *decl, const struct cim_class *super,
                              struct slice ns, unsigned flags, const struct cim_class **out,
                              struct error *e);
/* The empty __PARAMETERS-like or result class made from a list of properties, in an arena: for method
 * signatures of clients, projections and for instances whose class is not known (client side). The
 * class is pinned by the arena. */
cimf_status cim_class_adhoc(struct arena *a, struct slice name, const struct cim_property_decl *props,
                            uint32_t count, const struct cim_class **out);
/* A class with the named properties of cls only, in that order (names may repeat: kept once), for SELECT
 * lists; keeps name, super, qualifiers, ns; CIM_CLASS_PROJECTED set; map[i] = source index. */
cimf_status cim_class_project(struct arena *a, const struct cim_class *cls, const uint16_t *indexes,
                              uint32_t count, const struct cim_class **out);

const struct cim_class *cim_class_ref(const struct cim_class *c);
void cim_class_unref(const struct cim_class *c);
bool cim_class_hold(struct arena *a, const struct cim_class *c); /* takes its own reference */

/* Index of a property (any case), or -1. */
int cim_class_property(const struct cim_class *c, struct slice name);
const struct cim_method *cim_class_method(const struct cim_class *c, struct slice name);
/* c is named `ancestor` or derives from a class of that name. */
bool cim_class_isa(const struct cim_class *c, struct slice ancestor);
/* Valid CIM identifier that users may declare; system allows a leading "__". */
bool cim_name_valid(struct slice name, bool system);
/* Deep copy of a declaration. */
cimf_status cim_class_decl_copy(struct arena *a, const struct cim_class_decl *in,
                                struct cim_class_decl *out);
bool cim_class_decl_equal(const struct cim_class_decl *a, const struct cim_class_decl *b);

#endif
