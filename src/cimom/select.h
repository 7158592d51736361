/* cimom/select.h - the instances of a class and its subclasses, one by one (private to cimom). */
#ifndef CIMOM_SELECT_H
#define CIMOM_SELECT_H

#include "cimom/source.h"

struct select {
    struct cimom_ns *ns;       /* borrowed */
    struct cim_schema *schema; /* borrowed */
    const struct cim_class *top;
    bool shallow;
    const struct cim_class *only; /* just this subclass, NULL: all */
    struct source_wish wish;
    size_t walk;                 /* of cim_schema_walk */
    const struct cim_class *cls; /* the class that is open or to be opened */
    bool open;
    struct source source;
    bool resume; /* cls is to be opened again and read from here on */
    struct repo_key resume_key;
};

struct select_place {
    size_t walk;
    const struct cim_class *cls;
    struct source_place place;
};

/* GEN_OBJECT, GEN_MORE, GEN_END, GEN_POOL, GEN_ERROR. Failures of providers of subclasses are
 * logged and skipped: one broken provider must not hide the others (partial results,
 * MS-WMI 2.2.11). */
enum gen select_next(struct select *sel, struct task *t, struct arena *a,
                     struct cim_instance **out);
bool select_place(struct select *sel, struct arena *a, struct select_place *out);
/* Back to just after that place; false: the rows of a provider cannot be had again. */
bool select_seek(struct select *sel, const struct select_place *place);
void select_suspend(struct select *sel);
void select_close(struct select *sel);

/* One byte a property of cls in the arena, 1 for each name; NULL when everything is wanted. Keys
 * are always wanted. */
cimf_status wants_of(struct arena *a, const struct cim_class *cls, const struct cim_op *in,
                     uint8_t **out);

/* One instance by path, as its most derived class. GEN_OBJECT, GEN_END: not found, GEN_POOL,
 * GEN_ERROR. */
enum gen fetch(struct task *t, struct cimom_ns *ns, struct cim_schema *schema,
               const struct cim_path *path, bool direct, const struct source_wish *wish,
               struct arena *a, struct cim_instance **out);
/* Binds an instance path to its class: a class path stands for the singleton. */
cimf_status bind_instance_path(struct arena *a, const struct cim_path *path,
                               const struct cim_class *cls, struct cim_path *out, struct error *e);

#endif
