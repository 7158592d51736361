/*
 * repo/record.h - the binary form of class declarations, qualifier declarations and instances.
 *
 * Pure functions from objects to bytes and back; decoders take any bytes, are bounded by the arena and the
 * limits of base/limits.h and answer CORRUPT_STORE. Numbers are variable-length integers (seven bits a
 * byte, low first), signed ones zigzag; arrays of numbers are packed in the byte order of the machine, as
 * the whole store is (LMDB). Format: docs in record_priv.h and README.md.
 *
 * An instance is stored apart from its layout, the list of names and types of its class at that time.
 * A class keeps the layouts that its instances were written with, so they are read by name after it
 * changed, and slot by slot while it has not.
 */
#ifndef REPO_RECORD_H
#define REPO_RECORD_H

#include "cim/instance.h"
#include "repo/repo.h"

#define RECORD_VERSION 1 /* of every record; readers refuse greater ones */

bool record_class_encode(struct buf *out, const struct cim_class_decl *decl);
/* Everything in the result is in the arena. */
cimf_status record_class_decode(struct arena *a, struct slice bytes, struct cim_class_decl *out,
                                struct error *e);

bool record_qualifier_encode(struct buf *out, const struct cim_qualifier_decl *decl);
cimf_status record_qualifier_decode(struct arena *a, struct slice bytes,
                                    struct cim_qualifier_decl *out, struct error *e);

/* Layout of a class's instances. */
bool record_layout_encode(struct buf *out, const struct cim_class *cls);
/* Is it the layout of this class? No allocation. */
bool record_layout_is(struct slice layout, const struct cim_class *cls);

/* How to read records of one layout into instances of cls. Borrows the layout and the class. */
struct record_plan {
    const struct cim_class *cls;
    uint32_t count;        /* properties in the layout */
    bool same;             /* the layout is that of cls: target and type are not used */
    const int32_t *target; /* per stored property: index in cls, -1 if cls lacks it */
    const uint16_t *type;  /* per stored property */
};
cimf_status record_plan(struct arena *a, struct slice layout, const struct cim_class *cls,
                        struct record_plan *out, struct error *e);

/* Fails only when out of memory, or QUOTA_VIOLATION when embedded objects are nested too deeply. UNSENT
 * properties are stored as defaulted. */
cimf_status record_instance_encode(struct buf *out, const struct cim_instance *in);
/* classes may be NULL: embedded objects then get classes made from what was stored. */
cimf_status record_instance_decode(struct arena *a, const struct record_plan *plan, struct slice bytes,
                                   const struct repo_classes *classes, struct cim_instance **out,
                                   struct error *e);
/* Decodes without a class: are layout and bytes well formed together? */
cimf_status record_instance_check(struct arena *a, struct slice layout, struct slice bytes,
                                  struct error *e);

#endif
