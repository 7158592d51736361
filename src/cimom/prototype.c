/* WBEM_FLAG_PROTOTYPE (MS-WMI 2.2.4.1): the class that the results of a query have, its properties
 * marked with their positions in the list. */
#include "cimom/query.h"

struct prototype {
    struct plan *plan;
    bool done;
};

static cimf_status add_order(struct arena *a, const struct wql_query *q, struct cim_property *p,
                             uint32_t at)
{
    struct cim_qualifier *set = ARENA_ARRAY(a, p->qualifiers.n + 1, struct cim_qualifier);
    struct cim_array places;
    uint32_t n = 0;
    for (uint32_t i = 0; i < q->list_count; i++) n += slice_ieq(q->list[i].parts[0], p->name);
    if (q->all) n = 1;
    if (!set || !cim_array_new(a, CIM_SINT32, n, &places)) return CIMF_OUT_OF_MEMORY;
    n = 0;
    if (q->all) cim_array_set(places, CIM_SINT32, 0, (union cim_data){ .i = at });
    for (uint32_t i = 0; i < q->list_count; i++) {
        if (!slice_ieq(q->list[i].parts[0], p->name)) continue;
        cim_array_set(places, CIM_SINT32, n++, (union cim_data){ .i = i });
    }
    if (p->qualifiers.n) memcpy(set, p->qualifiers.q, p->qualifiers.n * sizeof *set);
    set[p->qualifiers.n] = (struct cim_qualifier){
        .name = SLICE("Order"),
        .value = { .type = CIM_SINT32 | CIM_ARRAY, .v.a = places },
    };
    p->qualifiers = (struct cim_qualifiers){ set, p->qualifiers.n + 1 };
    return CIMF_OK;
}

static bool tells_ancestors(const struct wql_query *q)
{
    for (uint32_t i = 0; i < q->list_count; i++) {
        int name = cim_system_property_find(q->list[i].parts[0]);
        if (name == CIM_SYS_DERIVATION || name == CIM_SYS_SUPERCLASS || name == CIM_SYS_DYNASTY) return true;
    }
    return false;
}

static cimf_status make_prototype(struct task *t, struct plan *p, const struct cim_class **out)
{
    const struct cim_class *from = p->from;
    uint32_t n = p->query.all ? from->property_count : p->column_count;
    uint16_t *columns = ARENA_ARRAY(&t->arena, from->property_count + 1, uint16_t);
    if (!columns) return CIMF_OUT_OF_MEMORY;
    for (uint32_t i = 0; i < n; i++) columns[i] = p->query.all ? (uint16_t)i : p->columns[i];
    cimf_status s = cim_class_project(&t->arena, from, columns, n, out);
    if (s) return s;
    /* Nobody else knows the class yet: it may still be written. */
    struct cim_class *c = (struct cim_class *)(uintptr_t)*out;
    if (p->query.all) c->flags &= ~(uint32_t)CIM_CLASS_PROJECTED;
    else if (!tells_ancestors(&p->query)) c->flags |= CIM_CLASS_PROTOTYPE;
    c->methods = from->methods; /* which the projection holds */
    c->method_count = from->method_count;
    for (uint32_t i = 0; !s && i < c->property_count; i++) {
        s = add_order(&c->arena, &p->query, (struct cim_property *)(uintptr_t)&c->properties[i], i);
    }
    return s;
}

static enum gen prototype_next(struct task *t, const struct cim_object **out)
{
    struct prototype *y = t->gen;
    const struct cim_class *cls;
    if (y->done) return GEN_END;
    cimf_status s = make_prototype(t, y->plan, &cls);
    if (s) return task_fail(t, s);
    y->done = true;
    *out = &cls->object;
    return GEN_OBJECT;
}

static void prototype_close(struct task *t)
{
    plan_unref(((struct prototype *)t->gen)->plan);
}

cimf_status start_prototype(struct task *t, struct plan *p)
{
    struct prototype *y = ARENA_NEW(&t->arena, struct prototype);
    if (!y || p->query.kind != WQL_SELECT) {
        plan_unref(p);
        return y ? error_set(t->error, CIMF_INVALID_QUERY, "cimom", "only SELECT has a prototype")
                 : CIMF_OUT_OF_MEMORY;
    }
    y->plan = p;
    t->gen = y;
    t->next = prototype_next;
    t->close = prototype_close;
    return CIMF_OK;
}
