/*
 * wql/wql.h - WQL: text to a checked query, and its evaluation (MS-WMI 2.2.1, cim-core.md 2.8-2.10).
 *
 * What enters: query text and, for binding, classes. What leaves: `struct wql_query` (data, schema,
 * association or event form), a bound predicate that says yes or no for one object, and the facts that a
 * planner wants from it: properties needed, keys fixed by equality. No I/O, no schema of its own.
 */
#ifndef WQL_WQL_H
#define WQL_WQL_H

#include "cim/path.h"

enum wql_kind { WQL_SELECT, WQL_SCHEMA /* FROM meta_class */, WQL_ASSOCIATORS, WQL_REFERENCES };

enum wql_op { WQL_EQ, WQL_NE, WQL_LT, WQL_LE, WQL_GT, WQL_GE, WQL_LIKE, WQL_ISA, WQL_IS_NULL,
              WQL_IS_NOT_NULL };

/* Predicate tree in postfix order: leaves and connectives, so that evaluation needs no recursion. */
enum wql_node_kind { WQL_LEAF, WQL_AND, WQL_OR, WQL_NOT };
struct wql_node {
    enum wql_node_kind kind;
    enum wql_op op;               /* leaf */
    const struct slice *name;     /* leaf: property path A.B.C, one slice a part; "__this" and system
                                     properties included */
    uint32_t name_parts;
    struct cim_value literal;     /* leaf: constant: string, sint64, uint64, real64, boolean or NULL */
    unsigned column;              /* of the leaf in the query text */
};

struct wql_name { const struct slice *parts; uint32_t count; bool star; };

struct wql_query {
    enum wql_kind kind;
    /* SELECT */
    bool all;                     /* SELECT * */
    const struct wql_name *list;  /* the select list in order, duplicates kept */
    uint32_t list_count;
    struct slice from;            /* class name; "meta_class" for WQL_SCHEMA */
    const struct wql_node *where; /* postfix; NULL when there is none */
    uint32_t where_count;
    double within;                /* seconds; < 0 when absent: only event queries have one */
    bool group;                   /* GROUP given */
    double group_within;          /* < 0 when absent */
    const struct wql_name *group_by;
    uint32_t group_by_count;
    const struct wql_node *having;
    uint32_t having_count;
    /* ASSOCIATORS OF / REFERENCES OF */
    struct cim_path path;
    struct slice assoc_class, result_class, role, result_role, required_qualifier,
                 required_assoc_qualifier;
    bool keys_only, class_defs_only, schema_only;
};

/* Everything in *out lives in the arena. INVALID_PARAMETER (empty), QUOTA_VIOLATION (too long),
 * INVALID_QUERY with line and column. */
cimf_status wql_parse(struct arena *a, struct slice text, struct wql_query *out, struct error *e);

/* A predicate bound to the class named in FROM: names resolved, constants converted once. */
struct wql_filter;
/* Checks names and types as cim-core.md 2.9; INVALID_QUERY with column. Immutable; lives in the arena;
 * may be used by one thread at a time. A query without WHERE gives a filter that is always true. */
cimf_status wql_bind(struct arena *a, const struct wql_query *q, const struct cim_class *cls,
                     const struct wql_filter **out, struct error *e);
/* For meta_class queries: no class is needed. */
cimf_status wql_bind_schema(struct arena *a, const struct wql_query *q, const struct wql_filter **out,
                            struct error *e);
/* `in` may be of the bound class or any subclass of it. scratch is used and rewound. */
bool wql_match(const struct wql_filter *f, const struct cim_instance *in, struct arena *scratch);
bool wql_match_class(const struct wql_filter *f, const struct cim_class *c, struct arena *scratch);

struct wql_fixed {
    struct slice name;
    struct cim_value value;
};

/* Facts for the planner. */
/* Marks (one byte a property of cls) what the WHERE clause reads. */
void wql_properties_used(const struct wql_filter *f, const struct cim_class *cls, uint8_t *used);
/* Equalities that must hold for any match (an AND chain from the top): *keys gets name and value typed
 * as the property. Returns the count. */
uint32_t wql_fixed_values(struct arena *a, const struct wql_filter *f, const struct wql_fixed **keys);
/* Same for `__CLASS = 'x'`: SLICE_NULL if not fixed. */
struct slice wql_fixed_class(const struct wql_filter *f);

/* LIKE as WMI does it (cim-core.md 2.8): whole string, no case, % _ [set] [^set]. Linear time. */
bool wql_like(struct slice text, struct slice pattern);
/* The pattern is well formed (brackets closed) / has metacharacters. */
bool wql_like_valid(struct slice pattern);
bool wql_like_has_meta(struct slice pattern);

#endif
