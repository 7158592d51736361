/* Getting one object and enumerating many: classes and instances. */
#include "cimom/localised.h"
#include "cimom/select.h"

/* --- classes ---------------------------------------------------------------------------------- */

/* Class results as asked for: with the words of a locale, or reduced to what the class itself
 * declares. */
static const struct cim_class *local_members(struct task *t, const struct cim_class *cls)
{
    struct arena *a = &t->arena;
    uint16_t *own = ARENA_ARRAY(a, cls->property_count + 1, uint16_t);
    const struct cim_class *local;
    uint32_t n = 0;
    for (uint32_t i = 0; own && i < cls->property_count; i++) {
        bool declared = cls->properties[i].flags & (CIM_PROP_LOCAL | CIM_PROP_OVERRIDDEN);
        if (declared) own[n++] = (uint16_t)i;
    }
    if (!own || cim_class_project(a, cls, own, n, &local)) return NULL;
    /* Nobody else knows the class yet: it may still be written. */
    struct cim_class *c = (struct cim_class *)(uintptr_t)local;
    struct cim_method *methods = ARENA_ARRAY(&c->arena, cls->method_count + 1, struct cim_method);
    if (!methods) return NULL;
    for (uint32_t i = 0; i < cls->method_count; i++) {
        if (cls->methods[i].flags & CIM_METHOD_LOCAL) methods[c->method_count++] = cls->methods[i];
    }
    c->methods = methods;
    c->flags &= ~(uint32_t)CIM_CLASS_PROJECTED;
    return local;
}

static enum gen class_result(struct task *t, struct localised *words, const struct cim_class *cls,
                             const struct cim_object **out)
{
    cls = localised_class(words, t, cls);
    if (t->in->flags & CIM_LOCAL_ONLY) cls = local_members(t, cls);
    if (!cls) return task_fail(t, CIMF_OUT_OF_MEMORY);
    *out = &cls->object;
    return GEN_OBJECT;
}

struct class_get {
    const struct cim_class *cls;
    struct localised words;
};

static enum gen get_class_next(struct task *t, const struct cim_object **out)
{
    struct class_get *g = t->gen;
    if (!g->cls) return GEN_END;
    const struct cim_class *cls = g->cls;
    g->cls = NULL;
    return class_result(t, &g->words, cls, out);
}

static void get_class_close(struct task *t)
{
    localised_close(&((struct class_get *)t->gen)->words);
}

cimf_status start_get_class(struct task *t)
{
    struct class_get *g = ARENA_NEW(&t->arena, struct class_get);
    if (!g) return CIMF_OUT_OF_MEMORY;
    cimf_status s;
    if (t->in->path.class_name.n) {
        s = input_class(t, t->in->path.class_name, &g->cls);
        if (s == CIMF_INVALID_CLASS) s = t->error->status = CIMF_NOT_FOUND;
    } else {
        s = cim_class_adhoc(&t->arena, SLICE(""), NULL, 0, &g->cls); /* the empty object of C1 */
    }
    if (s) return s;
    t->gen = g;
    t->next = get_class_next;
    t->close = get_class_close;
    return t->in->flags & CIM_AMENDED ? localised_open(&g->words, t) : CIMF_OK;
}

struct class_walk {
    const struct cim_class *top;
    size_t at;
    bool shallow;
    struct localised words;
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
    return class_result(t, &w->words, c, out);
}

static void enum_classes_close(struct task *t)
{
    localised_close(&((struct class_walk *)t->gen)->words);
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
    t->close = enum_classes_close;
    return t->in->flags & CIM_AMENDED ? localised_open(&w->words, t) : CIMF_OK;
}

/* --- one instance ----------------------------------------------------------------------------- */

struct get {
    struct source_wish wish;
    struct localised words;
    bool delivered;
};

/* The properties of a merged class are those of the neutral one, in the same order. */
static void put_words(struct localised *l, struct task *t, struct cim_instance *in)
{
    if (!l->count) return;
    const struct cim_class *merged = localised_class(l, t, in->cls);
    if (merged->property_count == in->cls->property_count) in->cls = merged;
}

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
    put_words(&g->words, t, in);
    *out = &in->object;
    return GEN_OBJECT;
}

static void get_instance_close(struct task *t)
{
    localised_close(&((struct get *)t->gen)->words);
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
    t->close = get_instance_close;
    return s || !(t->in->flags & CIM_AMENDED) ? s : localised_open(&g->words, t);
}

/* --- instances -------------------------------------------------------------------------------- */

struct enumeration {
    struct select sel;
    struct select_place *places; /* of the batch, in item */
    uint32_t batch;
    bool cast;
    struct localised words;
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
    if (en->cast && in->cls != en->sel.top &&
        !(in = cim_instance_cast(&t->item, in, en->sel.top))) {
        return task_fail(t, CIMF_OUT_OF_MEMORY);
    }
    put_words(&en->words, t, in);
    *out = &in->object;
    return GEN_OBJECT;
}

static bool enum_rewind(struct task *t, unsigned kept)
{
    struct enumeration *en = t->gen;
    return kept && select_seek(&en->sel, &en->places[kept - 1]);
}

static void enum_suspend(struct task *t)
{
    select_suspend(&((struct enumeration *)t->gen)->sel);
}
static void enum_close(struct task *t)
{
    struct enumeration *en = t->gen;
    select_close(&en->sel);
    localised_close(&en->words);
}

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
    return s || !(t->in->flags & CIM_AMENDED) ? s : localised_open(&en->words, t);
}
