/* ExecQuery: data and schema queries. Association queries are in associate.c. */
#include "cimom/query.h"

#include "cimom/localised.h"

/* --- schema queries --------------------------------------------------------------------------- */

struct class_query {
    struct plan *plan;
    size_t walk;
};

static enum gen class_query_next(struct task *t, const struct cim_object **out)
{
    struct class_query *q = t->gen;
    const struct cim_class *c = cim_schema_walk(t->schema, NULL, &q->walk);
    if (!c) return GEN_END;
    if (!wql_match_class(q->plan->filter, c, &t->item)) return GEN_MORE;
    *out = &c->object;
    return GEN_OBJECT;
}

static void class_query_close(struct task *t)
{
    plan_unref(((struct class_query *)t->gen)->plan);
}

/* --- data queries ----------------------------------------------------------------------------- */

struct data_query {
    struct plan *plan;
    struct select sel;
    struct select_place *places; /* of the batch, in item */
    uint32_t batch;
    bool locatable;
    bool done;                                        /* of a point query */
    const struct cim_class *last_class, *last_result; /* of the projection */
    uint16_t *columns;
};

static cimf_status set_path_text(struct task *t, const struct cim_instance *from,
                                 struct cim_instance *to)
{
    struct cim_path path;
    if (cim_path_of(&t->item, from, &path, NULL)) return CIMF_OK; /* keyless: stays NULL */
    struct buf text;
    buf_init(&text, 0);
    bool ok = cim_path_write(&text, &path, true);
    to->path = ok ? arena_dup(&t->item, buf_slice(&text)) : SLICE_NULL;
    buf_free(&text);
    return to->path.p ? CIMF_OK : CIMF_OUT_OF_MEMORY;
}

/* The result: the instance itself for SELECT *, else its selected columns. */
static enum gen project(struct task *t, struct data_query *q, struct cim_instance *in,
                        const struct cim_object **out)
{
    struct plan *p = q->plan;
    *out = &in->object;
    if (p->query.all) return GEN_OBJECT;
    if (q->last_class != in->cls) {
        q->last_result = plan_project(p, in->cls, q->locatable);
        q->columns = ARENA_ARRAY(&t->arena, p->column_count + in->cls->key_count + 1, uint16_t);
        if (!q->last_result || !q->columns) return task_fail(t, CIMF_OUT_OF_MEMORY);
        plan_columns(p, in->cls, q->locatable, q->columns);
        q->last_class = in->cls;
    }
    struct cim_instance *r = cim_instance_new(&t->item, q->last_result);
    if (!r) return task_fail(t, CIMF_OUT_OF_MEMORY);
    for (uint32_t i = 0; i < q->last_result->property_count; i++) {
        r->state[i] = in->state[q->columns[i]];
        r->slot[i] = in->slot[q->columns[i]];
    }
    r->ns = in->ns;
    r->server = in->server;
    if (p->wants_path || q->locatable) {
        if (set_path_text(t, in, r)) return task_fail(t, CIMF_OUT_OF_MEMORY);
    } else {
        r->result = !p->has_keys;
    }
    *out = &r->object;
    return GEN_OBJECT;
}

static enum gen point_next(struct task *t, struct data_query *q, const struct cim_object **out)
{
    if (q->done) return GEN_END;
    struct cim_instance *in;
    enum gen g =
        fetch(t, t->ns, t->schema, &q->plan->path, q->sel.shallow, &q->sel.wish, &t->item, &in);
    if (g != GEN_OBJECT) return g;
    q->done = true;
    if (!wql_match(q->plan->filter, in, &t->item)) return GEN_END;
    return project(t, q, in, out);
}

static enum gen data_next(struct task *t, const struct cim_object **out)
{
    struct data_query *q = t->gen;
    if (q->plan->nothing) return GEN_END;
    if (q->plan->point) return point_next(t, q, out);
    if (q->batch != t->batch_number) {
        q->batch = t->batch_number;
        q->places = ARENA_ARRAY(&t->item, t->batch_max, struct select_place);
        if (!q->places) return task_fail(t, CIMF_OUT_OF_MEMORY);
    }
    struct cim_instance *in;
    struct arena_mark mark = arena_mark(&t->item);
    enum gen g = select_next(&q->sel, t, &t->item, &in);
    if (g != GEN_OBJECT) return g;
    if (!wql_match(q->plan->filter, in, &t->item)) {
        arena_rewind(&t->item, mark);
        return GEN_MORE;
    }
    if (!select_place(&q->sel, &t->item, &q->places[t->batch_count])) {
        return task_fail(t, CIMF_OUT_OF_MEMORY);
    }
    return project(t, q, in, out);
}

static bool data_rewind(struct task *t, unsigned kept)
{
    struct data_query *q = t->gen;
    return kept && !q->plan->point && select_seek(&q->sel, &q->places[kept - 1]);
}

static void data_suspend(struct task *t)
{
    struct data_query *q = t->gen;
    select_suspend(&q->sel);
}

static void data_close(struct task *t)
{
    struct data_query *q = t->gen;
    select_close(&q->sel);
    plan_unref(q->plan);
}

static cimf_status start_data(struct task *t, struct plan *p)
{
    struct data_query *q = ARENA_NEW(&t->arena, struct data_query);
    if (!q) {
        plan_unref(p);
        return CIMF_OUT_OF_MEMORY;
    }
    uint32_t flags = t->in->flags;
    q->plan = p;
    q->locatable = flags & CIM_ENSURE_LOCATABLE;
    q->sel = (struct select){
        .ns = t->ns,
        .schema = t->schema,
        .top = p->from,
        .only = p->only,
        .wish = p->wish,
        .shallow = flags & (CIM_SHALLOW | CIM_DIRECT_READ | CIM_EXACT_CLASS),
    };
    t->gen = q;
    t->next = data_next;
    t->suspend = data_suspend;
    t->rewind = data_rewind;
    t->close = data_close;
    return CIMF_OK;
}

static cimf_status start_schema(struct task *t, struct plan *p)
{
    struct class_query *q = ARENA_NEW(&t->arena, struct class_query);
    if (!q) {
        plan_unref(p);
        return CIMF_OUT_OF_MEMORY;
    }
    q->plan = p;
    t->gen = q;
    t->next = class_query_next;
    t->close = class_query_close;
    return CIMF_OK;
}

/* --- with the words of a locale ---------------------------------------------------------------- */

/* Around any of the above: its results with their classes merged (MS-WMI 3.1.1.2). */
struct amended {
    struct localised words;
    void *gen;
    enum gen (*next)(struct task *t, const struct cim_object **out);
    void (*suspend)(struct task *t);
    bool (*rewind)(struct task *t, unsigned kept);
    void (*close)(struct task *t);
    const struct cim_class *projected, *shown; /* of the last result that has few of its class's properties */
};

/* A projection with words. cls itself when that cannot be. */
static const struct cim_class *project_words(struct task *t, struct amended *a, const struct cim_class *cls)
{
    if (a->projected == cls) return a->shown;
    const struct cim_class *merged = localised_class(&a->words, t, cls->lender), *shown = cls;
    uint16_t *indexes = ARENA_ARRAY(&t->arena, cls->property_count + 1, uint16_t);
    bool whole = indexes && merged != cls->lender;
    for (uint32_t i = 0; whole && i < cls->property_count; i++) {
        int at = cim_class_property(merged, cls->properties[i].name);
        whole = at >= 0;
        indexes[i] = (uint16_t)at;
    }
    if (whole && cim_class_project(&t->arena, merged, indexes, cls->property_count, &shown)) shown = cls;
    a->projected = cls;
    a->shown = shown;
    return shown;
}

static enum gen amended_next(struct task *t, const struct cim_object **out)
{
    struct amended *a = t->gen;
    t->gen = a->gen;
    enum gen g = a->next(t, out);
    t->gen = a;
    if (g != GEN_OBJECT || !a->words.count) return g;
    const struct cim_class *cls = cim_as_class(*out);
    if (cls) {
        *out = &localised_class(&a->words, t, cls)->object;
        return g;
    }
    struct cim_instance *in = (struct cim_instance *)(uintptr_t)cim_as_instance(*out); /* of this item */
    cls = in->cls->lender ? project_words(t, a, in->cls) : localised_class(&a->words, t, in->cls);
    if (cls->property_count == in->cls->property_count) in->cls = cls;
    return g;
}

static void amended_suspend(struct task *t)
{
    struct amended *a = t->gen;
    t->gen = a->gen;
    if (a->suspend) a->suspend(t);
    t->gen = a;
}

static bool amended_rewind(struct task *t, unsigned kept)
{
    struct amended *a = t->gen;
    t->gen = a->gen;
    bool ok = a->rewind(t, kept);
    t->gen = a;
    return ok;
}

static void amended_close(struct task *t)
{
    struct amended *a = t->gen;
    localised_close(&a->words);
    t->gen = a->gen;
    if (a->close) a->close(t);
}

static cimf_status with_words(struct task *t)
{
    struct amended *a = ARENA_NEW(&t->arena, struct amended);
    if (!a) return CIMF_OUT_OF_MEMORY;
    *a = (struct amended){ .gen = t->gen, .next = t->next, .suspend = t->suspend, .rewind = t->rewind, .close = t->close };
    t->gen = a;
    t->next = amended_next;
    t->suspend = amended_suspend;
    if (t->rewind) t->rewind = amended_rewind;
    t->close = amended_close;
    return localised_open(&a->words, t);
}

static cimf_status start_of(struct task *t, struct plan *p)
{
    if (t->in->flags & CIM_PROTOTYPE) return start_prototype(t, p);
    switch (p->query.kind) {
    case WQL_SELECT: return start_data(t, p);
    case WQL_SCHEMA: return start_schema(t, p);
    default: return start_associate(t, p);
    }
}

cimf_status start_query(struct task *t)
{
    if (!slice_ieq(t->in->language, SLICE("WQL"))) {
        error_set(t->error, CIMF_INVALID_QUERY_TYPE, "cimom", "the query language must be WQL");
        error_subject(t->error, t->in->language);
        return CIMF_INVALID_QUERY_TYPE;
    }
    struct plan *p;
    cimf_status s = plan_get(t, t->in->query, &p);
    if (s) return s;
    s = input_architecture(t, p->from);
    if (s) {
        plan_unref(p);
        return s;
    }
    s = start_of(t, p);
    bool words = t->in->flags & CIM_AMENDED && !(t->in->flags & CIM_PROTOTYPE);
    return s || !words ? s : with_words(t);
}
