/*
 * wmi/wmio.h - CIM objects as the bytes of MS-WMIO, both ways. Pure: no I/O, no clock.
 *
 * Written is what Windows writes (wmi-dcom.md 2.7): property values contiguous in declaration order, array
 * elements right behind their table, dictionary references for qualifier names only, nothing of no use. The
 * class part of a class is made once and kept with the class. Read is what any client sends: slack, garbage in
 * heaps, unsorted tables, reduced class parts; every length and reference is checked, the depth of embedded
 * objects and the work in all are bounded.
 */
#ifndef WMI_WMIO_H
#define WMI_WMIO_H

#include "cim/instance.h"

/* ObjectFlags (2.2.6). */
enum {
    WMIO_CLASS = 0x01, WMIO_INSTANCE = 0x02, WMIO_DECORATED = 0x04,
    WMIO_PROTOTYPE = 0x10, WMIO_KEYS_REMOVED = 0x40,
};

/* Where an object comes from; both "" : not decorated. */
struct wmio_origin {
    struct slice server, ns; /* ns as WMI writes it: ROOT\CIMV2 or root\cimv2 */
};

/* ---- writing: everything is appended; false: out of room, or an object that cannot be encoded ---- */

/* EncodingUnit (2.2.1): signature, length, ObjectBlock. flags: WMIO_PROTOTYPE, WMIO_KEYS_REMOVED or 0. */
bool wmio_write_unit(struct buf *out, const struct cim_object *o, const struct wmio_origin *from, unsigned flags);
/* ObjectBlock (2.2.5). */
bool wmio_write_block(struct buf *out, const struct cim_object *o, const struct wmio_origin *from, unsigned flags);
/* EncodingUnitInstanceNoClass (2.2.3). */
bool wmio_write_no_class(struct buf *out, const struct cim_instance *in, const struct wmio_origin *from);
/* RefreshedSingleInstance (MS-WMI 2.2.19): the bytes of the heap, then everything from NdTable to the heap, which as any
 * other says its length itself. */
bool wmio_write_refreshed(struct buf *out, const struct cim_instance *in);
/* The empty class that GetObject("") gives: no name, no properties. */
bool wmio_write_empty_class(struct buf *out, const struct wmio_origin *from);

/* ---- reading ---- */

#define WMIO_DEPTH 16           /* of embedded objects */
#define WMIO_WORK (16u << 20)   /* bytes looked at in all; overlapping references cost each time */

struct wmio_class {
    struct slice name;                /* "" : the empty class */
    const struct slice *derivation;   /* nearest parent first */
    unsigned derivation_count;
    struct cim_class_decl all;        /* every property and method, inherited ones too */
    struct cim_class_decl local;      /* what this class declares itself: for PutClass */
    unsigned flags;                   /* ObjectFlags */
};
struct wmio_object {
    struct wmio_origin from;
    const struct cim_instance *instance; /* or NULL */
    const struct wmio_class *cls;        /* the class, or that of the instance's class part; NULL: no class part */
};

struct wmio_read {
    struct arena *arena;              /* of the result; nothing of the input is borrowed */
    /* The caller's definition of a class of this name, or NULL: then instances get a class made of their class part.
     * Instances are mapped to it by property name; unknown properties and other types are INVALID_OBJECT (2.3.4).
     * May be NULL. Held in the arena when used. */
    const struct cim_class *(*find)(void *arg, struct slice name);
    void *arg;
};
/* An EncodingUnit; what follows it is no error. CIMF_INVALID_OBJECT names the place, CIMF_QUOTA_VIOLATION a
 * bound, CIMF_OUT_OF_MEMORY. */
cimf_status wmio_read_unit(const struct wmio_read *r, struct slice unit, struct wmio_object *out, struct error *e);
/* EncodingUnitInstanceNoClass, with the class of an instance that came with one. */
cimf_status wmio_read_no_class(const struct wmio_read *r, struct slice block, const struct cim_class *cls,
                               struct wmio_object *out, struct error *e);
/* RefreshedSingleInstance of an instance of cls; the heap may say its length once more or not. */
cimf_status wmio_read_refreshed(const struct wmio_read *r, struct slice blob, const struct cim_class *cls,
                                const struct cim_instance **out, struct error *e);

#endif
