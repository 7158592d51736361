/* cim/cim_priv.h - what the files of this room share and nobody else sees. */
#ifndef CIM_PRIV_H
#define CIM_PRIV_H

#include "cim/instance.h"

/* Deep copies and comparisons with a bound on embedded objects: depth counts the objects above. */
cimf_status data_copy(struct arena *a, unsigned type, const union cim_data *in,
                      union cim_data *out, unsigned depth);
bool data_equal(unsigned type, const union cim_data *a, const union cim_data *b, unsigned depth);
cimf_status value_copy(struct arena *a, const struct cim_value *in, struct cim_value *out);
bool value_equal(const struct cim_value *a, const struct cim_value *b);
cimf_status instance_copy(struct arena *a, const struct cim_instance *in, unsigned depth,
                          struct cim_instance **out);
bool instance_equal(const struct cim_instance *a, const struct cim_instance *b, unsigned depth);
cimf_status qualifiers_copy(struct arena *a, struct cim_qualifiers in, struct cim_qualifiers *out);

/* Bytes that a copy takes of an arena, for sizing its first chunk. Objects inside are guessed. */
size_t arena_text_size(struct slice s);
size_t value_size(const struct cim_value *v);
size_t class_decl_size(const struct cim_class_decl *d);

/* A class being made. */
struct resolve {
    struct cim_class *c;
    const struct cim_class *super; /* NULL for a root class */
    struct arena *a;               /* of c */
    unsigned flags;                /* enum cim_resolve_flag */
    struct error *e;
    struct cim_qualifiers *passed; /* next free entry of c->passed */
    const struct cim_qualifier *extra; /* added to the next set unless it has one of that name */
};
enum { RESOLVE_ADHOC = 1 << 16 }; /* any name, no rules of classes that are stored */

/* A class with one reference whose arena has `size` bytes in its first piece; NULL without memory. */
struct cim_class *class_new(size_t size);
/* Puts property i into c->by_name, which holds n entries. false: another one has that name. */
bool class_index_add(const struct cim_class *c, uint16_t *by_name, uint32_t n, uint32_t i);
uint32_t class_generation(void);

/* Merges what a class declares itself with what its superclass passes on; `type` is the text of the
 * CIMTYPE qualifier, or empty where there is none. own may lose entries (CIM_RESOLVE_FORCE). */
cimf_status resolve_qualifiers(struct resolve *r, struct cim_qualifiers *own,
                               struct cim_qualifiers from, struct slice type, struct slice member,
                               struct cim_qualifiers *out);
/* What subclasses get of a resolved set. */
cimf_status pass_qualifiers(struct arena *a, struct cim_qualifiers set, struct cim_qualifiers *out);
cimf_status resolve_methods(struct resolve *r);
/* Type, default and class name of one property or parameter. */
cimf_status resolve_property(struct resolve *r, struct cim_property_decl *d, struct slice where,
                             struct cim_property *p, struct cim_qualifiers from);
cimf_status resolve_fail(struct resolve *r, cimf_status status, struct slice member,
                         const char *what);

#endif
