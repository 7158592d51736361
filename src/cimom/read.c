/* Getting one object and enumerating many: classes and instances. */
#include "cimom/select.h"

/* --- classes ---------------------------------------------------------------------------------- */

static enum gen get_class_next(struct task *t, const struct cim_object **out)
{
    if (!t->gen) return GEN_END;
    *out = t->gen;
    t->gen = NULL;
    return GEN_OBJECT;
}

cimf_status start_get_class(struct task *t)
{
    const struct cim_class *cls;
    cimf_status s;
    if (t->in->path.class_name.n) {
        s = input_class(t, t->in->path.class_name, &cls);
        if (s == CIMF_INVALID_CLASS) s = t->error->status = CIMF_NOT_FOUND;
    } else {
        s = cim_class_adhoc(&t->arena, SLICE(""), NULL, 0, &cls); /* the empty object of C1 */
    }
    if (s) return s;
    t->gen = (void *)(uintptr_t)&cls->object;
    t->next = get_class_next;
    return CIMF_OK;
}

struct class_walk {
    const struct cim_class *top;
    size_t at;
    bool shallow;
};

static enum gen enum_classes_next(struct task *t, const struct cim_object **out)
{
    struct class_walk *w = t->gen;
    const struct cim_class *c;
    if (w->shallow) {
        c = cim_schema_child(t->schema, w->top, w->at++);
    } else {
        c = cim_schema_walk(t->schema, w->top, &w->at);
        if (c && c == w->top) c = cim_schema_walk(t->schema, w->top, &w->at); /* P8 */
    }
    if (!c) return GEN_END;
    *out = &c->object;
    return GEN_OBJECT;
}

cimf_status start_enum_classes(struct task *t)
{
    struct class_walk *w = ARENA_NEW(&t->arena, struct class_walk);
    if (!w) return CIMF_OUT_OF_MEMORY;
    if (t->in->path.class_name.n) {
        cimf_status s = input_class(t, t->in->path.class_name, &w->top);
        if (s) return s;
    }
    w->shallow = t->in->flags & CIM_SHALLOW;
    t->gen = w;
    t->next = enum_classes_next;
    return CIMF_OK;
}

/* --- one instance ----------------------------------------------------------------------------- */

struct get {
    struct source_wish wish;
    bool delivered;
};

static enum gen get_instance_next(struct task *t, const struct cim_object **out)
{
    struct get *g = t->gen;
    if (g->delivered) return GEN_END;
    struct cim_instance *in;
    enum gen r = fetch(t, t->ns, t->schema, &t->in->path, t->in->flags & CIM_DIRECT_READ, &g->wish,
                       &t->item, &in);
    if (r == GEN_END) return task_failf(t, CIMF_NOT_FOUND, "no instance has these keys");
    if (r != GEN_OBJECT) return r;
    g->delivered = true;
    *out = &in->object;
    return GEN_OBJECT;
}

cimf_status start_get_instance(struct task *t)
{
    struct get *g = ARENA_NEW(&t->arena, struct get);
    if (!g) return CIMF_OUT_OF_MEMORY;
    cimf_status s = input_class(t, t->in->path.class_name, &g->wish.of);
    uint8_t *wants = NULL;
    if (!s) s = wants_of(&t->arena, g->wish.of, t->in, &wants);
    g->wish.wants = wants;
    t->gen = g;
    t->next = get_instance_next;
    return s;
}

/* --- instances -------------------------------------------------------------------------------- */

struct enumeration {
    struct select sel;
    struct select_place *places; /* of the batch, in item */
    uint32_t batch;
    bool cast;
};

static enum gen enum_next(struct task *t, const struct cim_object **out)
{
    struct enumeration *en = t->gen;
    if (en->batch != t->batch_number) {
        en->batch = t->batch_number;
        en->places = ARENA_ARRAY(&t->item, t->batch_max, struct select_place);
        if (!en->places) return task_fail(t, CIMF_OUT_OF_MEMORY);
    }
    struct cim_instance *in;
    enum gen g = select_next(&en->sel, t, &t->item, &in);
    if (g != GEN_OBJECT) return g;
    if (!select_place(&en->sel, &t->item, &en->places[t->batch_count])) {
        return task_fail(t, CIMF_OUT_OF_MEMORY);
    }
    if (en->cast && in->cls != en->sel.top && !(in = cim_instance_cast(&t->item, in, en->sel.top))) {
        return task_fail(t, CIMF_OUT_OF_MEMORY);
    }
    *out = &in->object;
    return GEN_OBJECT;
}

static bool enum_rewind(struct task *t, unsigned kept)
{
    struct enumeration *en = t->gen;
    return kept && select_seek(&en->sel, &en->places[kept - 1]);
}

static void enum_suspend(struct task *t) { select_suspend(&((struct enumeration *)t->gen)->sel); }
static void enum_close(struct task *t) { select_close(&((struct enumeration *)t->gen)->sel); }

cimf_status start_enum_instances(struct task *t)
{
    struct enumeration *en = ARENA_NEW(&t->arena, struct enumeration);
    if (!en) return CIMF_OUT_OF_MEMORY;
    struct select *sel = &en->sel;
    cimf_status s = input_class(t, t->in->path.class_name, &sel->top);
    if (s) return s;
    sel->ns = t->ns;
    sel->schema = t->schema;
    sel->shallow = t->in->flags & (CIM_SHALLOW | CIM_DIRECT_READ | CIM_EXACT_CLASS);
    en->cast = t->in->flags & CIM_CAST_TO_BASE;
    uint8_t *wants = NULL;
    s = wants_of(&t->arena, sel->top, t->in, &wants);
    sel->wish = (struct source_wish){ .wants = wants, .of = sel->top };
    t->gen = en;
    t->next = enum_next;
    t->suspend = enum_suspend;
    t->rewind = enum_rewind;
    t->close = enum_close;
    return s;
}
