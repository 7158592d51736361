/* Binding a parsed WHERE clause to a class, and evaluating it. */
#include "wql/literal.h"

enum leaf_kind {
    LEAF_PROPERTY, /* a property of the bound class, by index */
    LEAF_SYSTEM,   /* __CLASS and friends */
    LEAF_EMBEDDED, /* A.B.C: looked up at run time, as the embedded class is not known before */
    LEAF_THIS,     /* __this of schema queries */
};

struct leaf {
    enum leaf_kind kind;
    enum wql_op op;
    int index;           /* property index or enum cim_system_property */
    const struct wql_node *node;
    struct wql_literal literal;
};

struct wql_filter {
    const struct cim_class *cls; /* NULL for schema queries */
    const struct wql_node *nodes;
    struct leaf *leaves;         /* one per node; only leaf nodes are filled */
    uint32_t *start;             /* first node of the subtree that ends at node i */
    uint32_t count;
    uint32_t stack;              /* operands pending at once */
};

static cimf_status refuse(struct error *e, const struct wql_node *n, const char *why)
{
    struct slice name = n->name_parts ? n->name[0] : SLICE("");
    cimf_status s = error_set(e, CIMF_INVALID_QUERY, "wql", "column %u: '" SLICE_FMT "': %s", n->column,
                              SLICE_ARG(slice_head(name, 80)), why);
    error_subject(e, name);
    error_place(e, 1, n->column);
    return s;
}

/* A value whose type only the run time knows still needs a pattern that is well formed. */
static const char *check_untyped(const struct leaf *leaf)
{
    return leaf->op == WQL_LIKE && !wql_like_valid(leaf->literal.text) ? "a '[' of the pattern is not closed"
                                                                       : NULL;
}

static cimf_status bind_property(struct leaf *leaf, const struct cim_class *cls, struct error *e)
{
    const struct wql_node *n = leaf->node;
    leaf->index = cim_class_property(cls, n->name[0]);
    if (leaf->index < 0) return refuse(e, n, "the class has no such property");
    unsigned type = cls->properties[leaf->index].type;
    const char *why = NULL;
    if (n->name_parts > 1) {
        leaf->kind = LEAF_EMBEDDED;
        if (type != CIM_OBJECT) why = "only embedded objects have properties of their own";
        else if (leaf->op < WQL_ISA) why = check_untyped(leaf);
    } else if (leaf->op == WQL_ISA) {
        if (type != CIM_OBJECT) why = "ISA needs an embedded object";
    } else if (leaf->op < WQL_ISA) {
        why = wql_literal_refuses(&leaf->literal, type, leaf->op);
    }
    return why ? refuse(e, n, why) : CIMF_OK;
}

static cimf_status bind_system(struct leaf *leaf, struct error *e)
{
    const struct wql_node *n = leaf->node;
    unsigned type = leaf->index == CIM_SYS_GENUS || leaf->index == CIM_SYS_PROPERTY_COUNT ? CIM_SINT32
                    : leaf->index == CIM_SYS_DERIVATION                                 ? CIM_STRING | CIM_ARRAY
                                                                                          : CIM_STRING;
    leaf->kind = LEAF_SYSTEM;
    const char *why = NULL;
    if (n->name_parts > 1) why = "system properties have no parts";
    else if (leaf->op == WQL_ISA) why = "ISA needs an embedded object";
    else if (leaf->op < WQL_ISA) why = wql_literal_refuses(&leaf->literal, type, leaf->op);
    return why ? refuse(e, n, why) : CIMF_OK;
}

static cimf_status bind_leaf(struct arena *a, struct wql_filter *f, uint32_t i, struct error *e)
{
    struct leaf *leaf = &f->leaves[i];
    const struct wql_node *n = &f->nodes[i];
    *leaf = (struct leaf){ .node = n, .op = n->op };
    struct slice ns = f->cls ? f->cls->ns : SLICE("");
    if (n->op < WQL_IS_NULL && n->op != WQL_ISA) {
        cimf_status s = wql_literal_make(a, &n->literal, ns, &leaf->literal);
        if (s != CIMF_OK) return error_set(e, s, "wql", "the query is too large");
    }
    if (slice_ieq(n->name[0], SLICE("__this"))) {
        if (f->cls) return refuse(e, n, "__this belongs to queries on meta_class");
        if (n->op != WQL_ISA || n->name_parts > 1) return refuse(e, n, "__this can only be tested with ISA");
        leaf->kind = LEAF_THIS;
        return CIMF_OK;
    }
    leaf->index = cim_system_property_find(n->name[0]);
    if (leaf->index >= 0) return bind_system(leaf, e);
    if (!f->cls) return refuse(e, n, "queries on meta_class know system properties and __this only");
    return bind_property(leaf, f->cls, e);
}

static cimf_status bind_nodes(struct arena *a, const struct wql_query *q, struct wql_filter *f,
                              struct error *e)
{
    f->nodes = q->where;
    f->count = q->where_count;
    f->leaves = ARENA_ARRAY(a, f->count ? f->count : 1, struct leaf);
    f->start = ARENA_ARRAY(a, f->count ? f->count : 1, uint32_t);
    if (!f->leaves || !f->start) return error_set(e, CIMF_OUT_OF_MEMORY, "wql", "the query is too large");
    uint32_t pending = 0;
    for (uint32_t i = 0; i < f->count; i++) {
        switch (f->nodes[i].kind) {
        case WQL_LEAF: {
            cimf_status s = bind_leaf(a, f, i, e);
            if (s != CIMF_OK) return s;
            f->start[i] = i;
            if (++pending > f->stack) f->stack = pending;
            break;
        }
        case WQL_NOT: f->start[i] = f->start[i - 1]; break;
        default: {
            uint32_t right = f->start[i - 1]; /* the left operand ends just before the right one begins */
            f->start[i] = f->start[right - 1];
            pending--;
            break;
        }
        }
    }
    return CIMF_OK;
}

static cimf_status bind_query(struct arena *a, const struct wql_query *q, const struct cim_class *cls,
                        const struct wql_filter **out, struct error *e)
{
    struct wql_filter *f = ARENA_NEW(a, struct wql_filter);
    *out = NULL;
    if (!f) return error_set(e, CIMF_OUT_OF_MEMORY, "wql", "the query is too large");
    f->cls = cls;
    cimf_status s = bind_nodes(a, q, f, e);
    if (s == CIMF_OK) *out = f;
    return s;
}

cimf_status wql_bind(struct arena *a, const struct wql_query *q, const struct cim_class *cls,
                     const struct wql_filter **out, struct error *e)
{
    return bind_query(a, q, cls, out, e);
}

cimf_status wql_bind_schema(struct arena *a, const struct wql_query *q, const struct wql_filter **out,
                            struct error *e)
{
    return bind_query(a, q, NULL, out, e);
}

/* --- evaluation --------------------------------------------------------------------------------- */

/* Applies a leaf to a value found at run time. */
static bool test_value(const struct leaf *leaf, const struct cim_value *v, struct slice ns,
                       struct arena *scratch)
{
    if (leaf->op == WQL_IS_NULL) return v->null;
    if (leaf->op == WQL_IS_NOT_NULL) return !v->null;
    if (v->null) return false;
    if (leaf->op == WQL_ISA)
        return v->type == CIM_OBJECT && cim_class_isa(cim_object_class(v->v.o), leaf->node->literal.v.s);
    return wql_literal_compare(&leaf->literal, leaf->op, v->type, &v->v, ns, scratch);
}

static bool test_property(const struct leaf *leaf, const struct cim_instance *in, struct slice ns,
                          struct arena *scratch)
{
    /* in is of the bound class or below: inherited properties come first, so the index holds */
    struct cim_value v = { .type = in->cls->properties[leaf->index].type };
    v.null = !cim_get(in, (unsigned)leaf->index, &v.v);
    return test_value(leaf, &v, ns, scratch);
}

static bool test_system(const struct leaf *leaf, const struct cim_object *o, struct slice ns,
                        struct arena *scratch)
{
    struct cim_value v;
    if (cim_system_property_get(scratch, o, (enum cim_system_property)leaf->index, &v) != CIMF_OK) return false;
    return test_value(leaf, &v, ns, scratch);
}

/* A missing part makes the predicate false, not an error (cim-core.md 2.9). */
static bool test_embedded(const struct leaf *leaf, const struct cim_instance *in, struct slice ns,
                          struct arena *scratch)
{
    const struct wql_node *n = leaf->node;
    union cim_data data;
    if (!cim_get(in, (unsigned)leaf->index, &data)) return leaf->op == WQL_IS_NULL;
    const struct cim_object *at = data.o;
    struct cim_value v = { .null = true };
    for (uint32_t i = 1; i < n->name_parts; i++) {
        const struct cim_instance *inner = cim_as_instance(at);
        int system = cim_system_property_find(n->name[i]);
        if (system >= 0) {
            if (cim_system_property_get(scratch, at, (enum cim_system_property)system, &v) != CIMF_OK)
                return false;
        } else if (!inner || cim_get_named(scratch, inner, n->name[i], &v) != CIMF_OK) {
            return false;
        }
        if (i + 1 == n->name_parts) break;
        if (v.null || v.type != CIM_OBJECT) return leaf->op == WQL_IS_NULL && v.null;
        at = v.v.o;
    }
    return test_value(leaf, &v, ns, scratch);
}

static bool test_leaf(const struct leaf *leaf, const struct cim_object *o, struct arena *scratch)
{
    struct slice ns = cim_object_class(o)->ns;
    switch (leaf->kind) {
    case LEAF_PROPERTY: return test_property(leaf, cim_as_instance(o), ns, scratch);
    case LEAF_EMBEDDED: return test_embedded(leaf, cim_as_instance(o), ns, scratch);
    case LEAF_SYSTEM: return test_system(leaf, o, ns, scratch);
    case LEAF_THIS: return cim_class_isa(cim_as_class(o), leaf->node->literal.v.s);
    }
    return false;
}

static bool evaluate(const struct wql_filter *f, const struct cim_object *o, struct arena *scratch)
{
    if (f->count == 0) return true;
    bool small[64];
    struct arena_mark mark = arena_mark(scratch);
    bool *stack = f->stack <= sizeof small ? small : arena_alloc(scratch, f->stack);
    if (!stack) return false;
    uint32_t top = 0;
    for (uint32_t i = 0; i < f->count; i++) {
        switch (f->nodes[i].kind) {
        case WQL_LEAF: stack[top++] = test_leaf(&f->leaves[i], o, scratch); break;
        case WQL_NOT: stack[top - 1] = !stack[top - 1]; break;
        case WQL_AND: top--; stack[top - 1] = stack[top - 1] && stack[top]; break;
        case WQL_OR: top--; stack[top - 1] = stack[top - 1] || stack[top]; break;
        }
    }
    bool yes = stack[0];
    arena_rewind(scratch, mark);
    return yes;
}

bool wql_match(const struct wql_filter *f, const struct cim_instance *in, struct arena *scratch)
{
    return evaluate(f, &in->object, scratch);
}

bool wql_match_class(const struct wql_filter *f, const struct cim_class *c, struct arena *scratch)
{
    return evaluate(f, &c->object, scratch);
}

/* --- facts for the planner ---------------------------------------------------------------------- */

void wql_properties_used(const struct wql_filter *f, const struct cim_class *cls, uint8_t *used)
{
    for (uint32_t i = 0; i < f->count; i++) {
        const struct leaf *leaf = &f->leaves[i];
        if (f->nodes[i].kind != WQL_LEAF) continue;
        if (leaf->kind == LEAF_PROPERTY || leaf->kind == LEAF_EMBEDDED) {
            used[leaf->index] = 1;
        } else if (leaf->index == CIM_SYS_PATH || leaf->index == CIM_SYS_RELPATH) {
            for (uint32_t k = 0; k < cls->key_count; k++) used[cls->keys[k]] = 1;
        }
    }
}

/* Calls visit for every leaf that must hold for a match: those below top-level ANDs only. The stack is
 * the list of subtree ends still to look at; each AND replaces one by two. */
static bool each_required_leaf(struct arena *a, const struct wql_filter *f,
                               void (*visit)(const struct leaf *, void *), void *arg)
{
    if (f->count == 0) return true;
    uint32_t *ends = ARENA_ARRAY(a, f->count + 1, uint32_t);
    if (!ends) return false;
    uint32_t n = 0;
    ends[n++] = f->count - 1;
    while (n) {
        uint32_t i = ends[--n];
        if (f->nodes[i].kind == WQL_AND) {
            ends[n++] = f->start[i - 1] - 1;
            ends[n++] = i - 1;
        } else if (f->nodes[i].kind == WQL_LEAF) {
            visit(&f->leaves[i], arg);
        }
    }
    return true;
}

struct fixed_list {
    struct arena *arena;
    const struct cim_class *cls;
    struct wql_fixed *list;
    uint32_t count;
};

static void collect_fixed(const struct leaf *leaf, void *arg)
{
    struct fixed_list *l = arg;
    if (leaf->kind != LEAF_PROPERTY) return;
    const struct cim_property *p = &l->cls->properties[leaf->index];
    bool like = leaf->op == WQL_LIKE && !wql_like_has_meta(leaf->literal.text);
    if (leaf->op != WQL_EQ && !like) return;
    struct wql_fixed fixed = { .name = p->name, .value = { .type = p->type } };
    if (p->type == CIM_DATETIME) return; /* equal moments have many texts */
    if (cim_data_parse(l->arena, p->type, leaf->literal.text, &fixed.value.v) != CIMF_OK) return;
    l->list[l->count++] = fixed;
}

uint32_t wql_fixed_values(struct arena *a, const struct wql_filter *f, const struct wql_fixed **keys)
{
    *keys = NULL;
    if (!f->cls || f->count == 0) return 0;
    struct fixed_list l = { .arena = a, .cls = f->cls };
    l.list = ARENA_ARRAY(a, f->count, struct wql_fixed);
    if (!l.list || !each_required_leaf(a, f, collect_fixed, &l)) return 0;
    *keys = l.list;
    return l.count;
}

static void collect_class(const struct leaf *leaf, void *arg)
{
    struct slice *name = arg;
    if (leaf->kind == LEAF_SYSTEM && leaf->index == CIM_SYS_CLASS && leaf->op == WQL_EQ)
        *name = leaf->literal.text;
}

struct slice wql_fixed_class(const struct wql_filter *f)
{
    struct slice name = SLICE_NULL;
    struct arena a;
    arena_init(&a, 0);
    each_required_leaf(&a, f, collect_class, &name);
    arena_free(&a);
    return name;
}
