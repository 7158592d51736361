/* cim/schema_priv.h - how a snapshot of classes is laid out. */
#ifndef CIM_SCHEMA_PRIV_H
#define CIM_SCHEMA_PRIV_H

#include "cim/schema.h"

/* One class; entries lie in pre-order, siblings by name, so a subtree is an interval. */
struct schema_entry {
    const struct cim_class *c;
    uint32_t end;         /* one past its last descendant */
    uint32_t first_child; /* in children[] */
    uint32_t child_count;
};

/* A reference property of an association class and the interval of the classes it may point to. */
struct schema_link {
    uint32_t association; /* entry */
    uint32_t from, end;   /* of the declared class; 0 and UINT32_MAX when untyped */
};

/* Qualifier declarations, sorted by name; shared by snapshots. */
struct qualifier_table {
    int32_t refs;
    uint32_t count;
    struct cim_qualifier_decl *decls;
    struct arena arena;
};

struct cim_schema {
    int32_t refs;
    uint64_t generation;
    struct slice ns;
    uint32_t count, root_count, link_count, mask;
    struct schema_entry *entries;
    uint32_t *table;    /* open addressing by name_hash: entry + 1, 0 free */
    uint32_t *by_name;  /* entries sorted by name */
    uint32_t *children; /* entries: the roots, then the children of each entry */
    struct schema_link *links;
    struct qualifier_table *qualifiers; /* NULL: none */
    struct arena arena; /* of the arrays */
};

/* Entry of that name, or -1. */
int64_t schema_find(const struct cim_schema *s, struct slice name, uint32_t hash);
/* Makes a snapshot of classes sorted by name, each resolved against its superclass of this list or (when
 * that one is newer) resolved again. Takes its own references; on failure *s is unchanged. */
cimf_status schema_build(struct cim_schema *s, const struct cim_class **sorted, uint32_t count,
                         unsigned resolve_flags, struct error *e);
cimf_status schema_resolve_again(const struct cim_class *c, const struct cim_class *super,
                                 struct slice ns, unsigned flags, const struct cim_class **out,
                                 struct error *e);
struct qualifier_table *qualifier_table_new(const struct cim_qualifier_decl *decls, uint32_t count);
void qualifier_table_unref(struct qualifier_table *t);

#endif
