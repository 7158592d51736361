/* cimom/associate.h - state of an association query (private to cimom). */
#ifndef CIMOM_ASSOCIATE_H
#define CIMOM_ASSOCIATE_H

#include "cimom/query.h"

enum assoc_phase { ASSOC_SOURCE, ASSOC_STORED, ASSOC_DYNAMIC, ASSOC_SCHEMA, ASSOC_END };

/* A stored reference to the source. */
struct found {
    struct slice class_name, property;
    struct repo_key key;
};

struct assoc {
    struct plan *plan;
    const struct wql_query *q;
    bool references; /* REFERENCES OF */
    enum assoc_phase phase;
    const struct cim_class *src; /* exact class of the source */
    struct cim_path src_path;    /* bound */
    struct slice src_key;        /* key text */
    struct slice *targets;       /* ways to write a reference to it */
    uint32_t target_count, target_at;
    struct repo_mark mark;
    bool marked;
    struct arena found_arena;
    struct found *found;
    uint32_t found_count, found_at;
    size_t class_at; /* of cim_schema_association */
    const struct cim_class *cls;
    uint32_t ref_at;
    struct source source;
    bool open;
    struct arena row_arena;
    struct cim_instance *row; /* association instance at hand, NULL: get the next */
    uint64_t matches;         /* by ordinal of its references: those that name the source */
    uint32_t row_at, row_ordinal;
    bool row_self;   /* the source itself was given as an end of this row */
    struct map seen; /* class results given */
};

bool assoc_class_counts(const struct assoc *as, const struct cim_class *c);
bool assoc_role_counts(const struct assoc *as, const struct cim_property *p);
bool assoc_result_counts(const struct assoc *as, const struct cim_class *c);
/* A property declared like p can refer to an object of class src. */
bool assoc_may_refer(const struct cim_schema *s, const struct cim_property *p,
                     const struct cim_class *src);
enum gen assoc_class_result(struct task *t, struct assoc *as, const struct cim_class *c,
                            const struct cim_object **out);
/* SchemaOnly: classes instead of instances. */
enum gen assoc_schema_next(struct task *t, struct assoc *as, const struct cim_object **out);

#endif
