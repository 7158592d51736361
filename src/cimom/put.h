/* cimom/put.h - what writes of instances share (private to cimom). */
#ifndef CIMOM_PUT_H
#define CIMOM_PUT_H

#include "cimom/select.h"

/* A partial update: which properties count and what NULL means (cim-core.md 2.7). */
struct put_mode {
    bool partial;
    bool lax_nulls;            /* NULL leaves the property alone */
    const struct slice *names; /* only these; NULL: all that were sent */
    uint32_t name_count;
};

/* The same values under cls, sharing memory with `in`. Values convert where they can:
 * TYPE_MISMATCH; a value for a property that cls lacks: INVALID_OBJECT. Properties that `in` does
 * not know are defaulted, or UNSENT when partial. */
cimf_status retype(struct arena *a, const struct cim_instance *in, const struct cim_class *cls,
                   bool partial, struct cim_instance **out, struct error *e);
/* ILLEGAL_NULL names a not_null property without value. */
cimf_status check_not_null(const struct cim_instance *in, struct error *e);
/* Writes one instance inside a write function: existing or not, merged by mode. */
cimf_status put_stored(struct repo_txn *txn, struct arena *a, const struct repo_classes *classes,
                       struct slice ns, struct cim_instance *in, const struct put_mode *mode,
                       uint32_t op_flags, bool strict_parents, struct cim_path *path, bool *created,
                       struct error *e);
/* Full name of the child namespace that an instance of __NAMESPACE stands for, lower limits
 * checked. */
cimf_status child_namespace(struct arena *a, struct slice parent, const struct cim_instance *in,
                            struct slice *out, struct error *e);

#endif
