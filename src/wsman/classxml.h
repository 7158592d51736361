/*
 * wsman/classxml.h - classes as CIM-XML <CLASS> elements (DSP0201), both directions: what class metadata
 * is made of (DSP0227 15, MS-WSMV 3.1.4.1.38). Enough to rebuild the declared class exactly: types,
 * defaults, qualifiers with flavors, methods and parameters, class origin.
 */
#ifndef WSMAN_CLASSXML_H
#define WSMAN_CLASSXML_H

#include "cim/class.h"
#include "codec/xml.h"

enum wsman_class_flag {
    WSMAN_CLASS_ORIGIN = 1,     /* CLASSORIGIN attributes */
    WSMAN_CLASS_QUALIFIERS = 2,
    WSMAN_CLASS_INHERITED = 4,  /* inherited properties, methods and qualifiers too, marked PROPAGATED */
};
bool wsman_class_write(struct buf *out, const struct cim_class *cls, unsigned flags);

/* Own members only: what is marked PROPAGATED is left out. INVALID_SYNTAX, INVALID_CIM_TYPE,
 * TYPE_MISMATCH with the place in the subject. Everything is in the arena or borrows from the tree. */
cimf_status wsman_class_read(struct arena *a, const struct xml_node *n, struct cim_class_decl *out,
                             struct error *e);

#endif
