/*
 * cimom/plan.h - a query, parsed and bound to one schema: immutable, shared by the operations that
 * ask the same, kept in a cache by namespace and text (private to cimom). Monitoring tools repeat
 * the same hundred texts for ever.
 */
#ifndef CIMOM_PLAN_H
#define CIMOM_PLAN_H

#include "cimom/select.h"
#include "wql/wql.h"

struct projection {
    struct projection *next;
    const struct cim_class *source, *result;
};

struct plan {
    _Atomic int refs;
    struct arena arena;
    struct cim_schema *schema;  /* reference */
    struct slice key;           /* namespace, newline, text */
    struct plan *newer, *older; /* of the cache */
    struct wql_query query;
    const struct wql_filter *filter; /* SELECT and meta_class */
    const struct cim_class *from;    /* SELECT */
    const struct cim_class *only;    /* __CLASS = 'x' fixed the class */
    bool nothing;                    /* __CLASS = 'x' with x outside the tree */
    bool point;                      /* all keys are fixed: at most one instance */
    struct cim_path path;            /* of it */
    struct source_wish wish;
    uint16_t *columns; /* SELECT list: property indexes, each once */
    uint32_t column_count;
    bool wants_path;      /* __PATH or __RELPATH in the list */
    bool has_keys;        /* all keys are in the list */
    pthread_mutex_t lock; /* of the two below */
    struct arena projected;
    struct projection *projections;
};

struct plan_cache *plan_cache_new(void);
void plan_cache_free(struct plan_cache *c);
/* Lets go of the plans that were made for this schema: it is out of date. */
void plan_cache_forget(struct plan_cache *c, const struct cim_schema *schema);
/* One reference. INVALID_QUERY, INVALID_CLASS ... */
cimf_status plan_get(struct task *t, struct slice text, struct plan **out);
void plan_unref(struct plan *p);
/* Class of the results made of instances of cls, with keys added when locatable is set. */
const struct cim_class *plan_project(struct plan *p, const struct cim_class *cls, bool locatable);
/* The columns of a result class, as indexes of the source class. */
uint32_t plan_columns(const struct plan *p, const struct cim_class *cls, bool locatable,
                      uint16_t *out);

#endif
