/*
 * mof/alias.c - what aliases mean, and the order they force.
 *
 * A production that names an alias is applied after the one that declares it, wherever that stands;
 * everything else keeps its place. Kahn's algorithm: every production waits at one alias at a time and
 * is looked at again when that one is done, so the whole costs as much as there are uses. What is never
 * done stands in a circle.
 */
#include "mof/parse_priv.h"

/* Uses of one production are the entries from first[i] to first[i + 1]. */
struct uses {
    struct buf targets; /* struct mof_value *, in the order of the text */
    uint32_t *first;
};

static bool collect(struct mof_parser *p, struct uses *u, struct mof_value *v);

static bool collect_instance(struct mof_parser *p, struct uses *u, struct mof_instance *in)
{
    for (uint32_t i = 0; i < in->count; i++) {
        if (in->items[i].has_value && !collect(p, u, &in->items[i].value)) return false;
    }
    return true;
}

static bool collect_class(struct mof_parser *p, struct uses *u, struct mof_class *cls)
{
    for (uint32_t i = 0; i < cls->default_count; i++) {
        if (!collect(p, u, &cls->defaults[i].value)) return false;
    }
    return true;
}

/* Depth is bounded by the parser. */
static bool collect(struct mof_parser *p, struct uses *u, struct mof_value *v)
{
    switch (v->kind) {
    case MOF_LITERAL:
        return true;
    case MOF_LIST:
        for (uint32_t i = 0; i < v->list.count; i++) {
            if (!collect(p, u, &v->list.items[i])) return false;
        }
        return true;
    case MOF_INSTANCE:
        return collect_instance(p, u, v->instance);
    case MOF_CLASS:
        return collect_class(p, u, v->cls);
    case MOF_ALIAS:
        break;
    }
    uintptr_t found = (uintptr_t)map_get(&p->aliases, v->alias.name);
    if (!found) {
        p->file = v->place.file;
        return mof_fail(p, v->place.offset, CIMF_INVALID_SYNTAX, MOF_E_UNEXPECTED_ALIAS,
                        "the alias $" SLICE_FMT " is not declared in this text",
                        SLICE_ARG(v->alias.name));
    }
    v->alias.target = (uint32_t)(found - 1);
    return buf_add(&u->targets, &v, sizeof v) || mof_no_room(p);
}

static bool collect_all(struct mof_parser *p, struct uses *u)
{
    for (uint32_t i = 0; i < p->u->count; i++) {
        struct mof_production *made = &p->u->productions[i];
        u->first[i] = (uint32_t)(u->targets.n / sizeof(struct mof_value *));
        if (made->kind == MOF_PUT_INSTANCE && !collect_instance(p, u, &made->instance)) return false;
        if (made->kind == MOF_PUT_CLASS && !collect_class(p, u, &made->cls)) return false;
    }
    u->first[p->u->count] = (uint32_t)(u->targets.n / sizeof(struct mof_value *));
    return true;
}

#define NONE UINT32_MAX

struct ordering {
    struct mof_value **targets;
    uint32_t *first;  /* of struct uses; advances over uses that are done */
    uint32_t *end;    /* first of the next production */
    uint32_t *waiter; /* per production: the first that waits for it */
    uint32_t *next;   /* per waiting production: the next that waits for the same */
    bool *done;
    uint32_t *order, count;
    uint32_t *ready;  /* stack */
};

/* True when nothing is left to wait for; else the production waits. */
static bool settle(struct ordering *o, uint32_t i)
{
    while (o->first[i] < o->end[i]) {
        uint32_t target = o->targets[o->first[i]]->alias.target;
        if (!o->done[target]) {
            o->next[i] = o->waiter[target];
            o->waiter[target] = i;
            return false;
        }
        o->first[i]++;
    }
    return true;
}

static void finish(struct ordering *o, uint32_t i)
{
    uint32_t depth = 0;
    o->ready[depth++] = i;
    while (depth) {
        i = o->ready[--depth];
        o->done[i] = true;
        o->order[o->count++] = i;
        for (uint32_t w = o->waiter[i], next; w != NONE; w = next) {
            next = o->next[w];
            if (settle(o, w)) o->ready[depth++] = w;
        }
    }
}

static bool arrange(struct mof_parser *p, struct uses *u)
{
    uint32_t n = p->u->count;
    struct ordering o = { .targets = (struct mof_value **)(void *)u->targets.p, .first = u->first };
    o.end = ARENA_ARRAY(p->a, n, uint32_t);
    o.waiter = ARENA_ARRAY(p->a, n, uint32_t);
    o.next = ARENA_ARRAY(p->a, n, uint32_t);
    o.ready = ARENA_ARRAY(p->a, n, uint32_t);
    o.done = ARENA_ARRAY(p->a, n, bool);
    o.order = ARENA_ARRAY(p->a, n, uint32_t);
    if (p->a->overflow) return mof_no_room(p);
    for (uint32_t i = 0; i < n; i++) {
        o.end[i] = u->first[i + 1];
        o.waiter[i] = NONE;
    }
    for (uint32_t i = 0; i < n; i++) {
        if (settle(&o, i)) finish(&o, i);
    }
    p->u->order = o.order;
    if (o.count == n) return true;
    uint32_t i = 0;
    while (o.done[i]) i++;
    const struct mof_value *use = o.targets[o.first[i]];
    p->file = use->place.file;
    return mof_fail(p, use->place.offset, CIMF_INVALID_SYNTAX, MOF_E_UNEXPECTED_ALIAS,
                    "the alias $" SLICE_FMT " leads back to itself", SLICE_ARG(use->alias.name));
}

/* Without aliases the order is that of the file. */
static bool in_order(struct mof_parser *p)
{
    uint32_t *order = ARENA_ARRAY(p->a, p->u->count, uint32_t);
    if (p->a->overflow) return mof_no_room(p);
    for (uint32_t i = 0; i < p->u->count; i++) order[i] = i;
    p->u->order = order;
    return true;
}

bool mof_resolve_aliases(struct mof_parser *p)
{
    if (!p->alias_used) return in_order(p);
    struct uses u;
    buf_init(&u.targets, p->a->cap);
    u.first = ARENA_ARRAY(p->a, (size_t)p->u->count + 1, uint32_t);
    bool ok = u.first ? collect_all(p, &u) && arrange(p, &u) : mof_no_room(p);
    buf_free(&u.targets);
    return ok;
}
