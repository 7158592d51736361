/* cim/qualifier.h - qualifiers, flavors (MS-WMIO 2.2.62, DSP0004 5.5.1) and their declarations. */
#ifndef CIM_QUALIFIER_H
#define CIM_QUALIFIER_H

#include "cim/type.h"

enum cim_flavor {
    CIM_FLAVOR_TO_INSTANCE = 0x01,
    CIM_FLAVOR_TO_SUBCLASS = 0x02,
    CIM_FLAVOR_TRANSLATABLE = 0x08,  /* DSP0004, of declarations only; not a WMIO bit */
    CIM_FLAVOR_NOT_OVERRIDABLE = 0x10,
    CIM_FLAVOR_PROPAGATED = 0x20, /* inherited here, not declared here */
    CIM_FLAVOR_SYSTEM = 0x40,     /* created by the object manager (CIMTYPE) */
    CIM_FLAVOR_AMENDED = 0x80,
};

enum cim_scope {
    CIM_SCOPE_CLASS = 1, CIM_SCOPE_ASSOCIATION = 2, CIM_SCOPE_INDICATION = 4,
    CIM_SCOPE_PROPERTY = 8, CIM_SCOPE_REFERENCE = 16, CIM_SCOPE_METHOD = 32,
    CIM_SCOPE_PARAMETER = 64, CIM_SCOPE_ANY = 127,
};

struct cim_qualifier {
    struct slice name;
    struct cim_value value;
    uint8_t flavor; /* enum cim_flavor bits */
};

struct cim_qualifiers {
    const struct cim_qualifier *q;
    uint32_t n;
};

/* NULL when absent. Names compare without case. */
const struct cim_qualifier *cim_qualifier_find(struct cim_qualifiers set, struct slice name);
/* Present, boolean TRUE (a qualifier without value is TRUE). */
bool cim_qualifier_true(struct cim_qualifiers set, const char *name);
/* Its string value, SLICE_NULL when absent or not a string. */
struct slice cim_qualifier_text(struct cim_qualifiers set, const char *name);

/* A qualifier declaration: kept per namespace, used by the MOF compiler for defaults and flavors. */
struct cim_qualifier_decl {
    struct slice name;
    struct cim_value value; /* type and default */
    uint32_t scope;         /* enum cim_scope bits */
    uint8_t flavor;
};

#endif
