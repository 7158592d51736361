/*
 * cim/schema.h - all classes of one namespace at one moment.
 *
 * A schema is immutable and reference counted: readers take a reference, never a lock. A change is made by
 * one writer with an editor that shares every class it does not touch and re-resolves the descendants of
 * those it does; cim_schema_commit gives the next schema.
 */
#ifndef CIM_SCHEMA_H
#define CIM_SCHEMA_H

#include "cim/class.h"

struct cim_schema;
struct cim_schema_editor;

/* An empty schema with one reference. */
struct cim_schema *cim_schema_new(struct slice ns);
struct cim_schema *cim_schema_ref(struct cim_schema *s);
void cim_schema_unref(struct cim_schema *s);
struct slice cim_schema_namespace(const struct cim_schema *s);
uint64_t cim_schema_generation(const struct cim_schema *s); /* grows with every commit of a process */
size_t cim_schema_count(const struct cim_schema *s);

/* Borrowed from the schema; NULL if absent. Any case. */
const struct cim_class *cim_schema_class(const struct cim_schema *s, struct slice name);
/* c (a class of this schema) is ancestor or below it: two integer compares. */
bool cim_schema_isa(const struct cim_schema *s, const struct cim_class *c, const struct cim_class *ancestor);
/* Pre-order walk below `top` (NULL: everything). top itself comes first. Order: declaration order of
 * siblings by name, stable. Start with *at = 0; NULL at the end. */
const struct cim_class *cim_schema_walk(const struct cim_schema *s, const struct cim_class *top, size_t *at);
/* Direct subclasses (NULL: root classes), sorted by name. */
const struct cim_class *cim_schema_child(const struct cim_schema *s, const struct cim_class *top, size_t i);
/* Association classes that have a reference property whose declared class is c, an ancestor or a
 * descendant of c, or untyped: the index of cim-core.md 2.10. Start with *at = 0. */
const struct cim_class *cim_schema_association(const struct cim_schema *s, const struct cim_class *c, size_t *at);

/* Qualifier declarations of the namespace (DSP0004); NULL if none of that name. */
const struct cim_qualifier_decl *cim_schema_qualifier(const struct cim_schema *s, struct slice name);
const struct cim_qualifier_decl *cim_schema_qualifier_at(const struct cim_schema *s, size_t i);

struct cim_schema_editor *cim_schema_edit(struct cim_schema *base);
/* Adds or replaces a class (copies decl). Resolved at once against the editor's state; descendants of a
 * replaced class are re-resolved in commit. Errors as cim_class_resolve; NOT_FOUND: superclass missing.
 * A schema that declares the qualifier Abstract is a DSP0004 one: CIM_RESOLVE_DSP0004 is added. *out is
 * borrowed from the editor; out may be NULL. */
cimf_status cim_schema_put(struct cim_schema_editor *ed, const struct cim_class_decl *decl, unsigned flags,
                           const struct cim_class **out, struct error *e);
/* CLASS_HAS_CHILDREN while it has subclasses in the editor's state. */
cimf_status cim_schema_delete(struct cim_schema_editor *ed, struct slice name, struct error *e);
cimf_status cim_schema_put_qualifier(struct cim_schema_editor *ed, const struct cim_qualifier_decl *decl);
/* Class as the editor sees it now. */
const struct cim_class *cim_schema_edit_class(struct cim_schema_editor *ed, struct slice name);
/* The next schema (one reference), or the error of a descendant that no longer resolves. Ends the editor
 * in every case. */
cimf_status cim_schema_commit(struct cim_schema_editor *ed, struct cim_schema **out, struct error *e);
void cim_schema_abandon(struct cim_schema_editor *ed);

#endif
