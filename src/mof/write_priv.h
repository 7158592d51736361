/* mof/write_priv.h - the writer's state. write_value.c: literals and objects; write.c: declarations. */
#ifndef MOF_WRITE_PRIV_H
#define MOF_WRITE_PRIV_H

#include "mof/mof.h"

struct mof_writer {
    struct buf *b;
    const struct mof_write_options *o;
    unsigned indent; /* levels */
    unsigned depth;  /* of embedded objects */
    bool split;      /* break long strings and lists over lines */
    cimf_status status;
};

#define MOF_LINE 96 /* columns that a line should keep to */

void mof_put_indent(struct mof_writer *w); /* newline and blanks */
void mof_put_value(struct mof_writer *w, const struct cim_value *v);
void mof_put_object(struct mof_writer *w, const struct cim_object *o);
void mof_put_instance(struct mof_writer *w, const struct cim_instance *in); /* without final ';' */
/* Without final ';'. cls may be NULL; it tells the types that the declaration leaves out. */
void mof_put_decl(struct mof_writer *w, const struct cim_class_decl *decl, const struct cim_class *cls);
/* The list in brackets and a newline, or nothing. on_line: no newline, a blank. */
void mof_put_qualifiers(struct mof_writer *w, struct cim_qualifiers set, bool on_line);

#endif
