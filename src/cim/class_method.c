/*
 * Methods: the declared parameters become two classes named __PARAMETERS (MS-WMIO 2.3.3), one for what
 * goes in and one for what comes out with ReturnValue at its end, ordered by the ID qualifier.
 */
#include <stdio.h>

#include "cim/cim_priv.h"

#define PARAMETERS SLICE("__PARAMETERS")

struct param {
    struct cim_property_decl *d;
    struct cim_property p; /* resolved */
};

static const struct cim_qualifier abstract_class[] = {
    { { "abstract", 8 }, { .type = CIM_BOOLEAN, .v.u = 1 }, 0 },
};

/* Id of a parameter, or -1 when none is given; -2 when it is not a small number. */
static int declared_id(const struct cim_property_decl *d)
{
    const struct cim_qualifier *q = cim_qualifier_find(d->qualifiers, SLICE("ID"));
    if (!q) return -1;
    if (q->value.null || !cim_type_is_integer(q->value.type)) return -2;
    return q->value.v.u < LIMIT_PARAMETERS ? (int)q->value.v.u : -2;
}

/* by_id[id] = index of the parameter. Missing ids get the free places in order of declaration. */
static cimf_status assign_ids(struct resolve *r, const struct cim_method_decl *m, int16_t *by_id)
{
    for (uint32_t i = 0; i < m->param_count; i++) by_id[i] = -1;
    for (uint32_t i = 0; i < m->param_count; i++) {
        int id = declared_id(&m->params[i]);
        if (id == -1) continue;
        if (id < 0 || (uint32_t)id >= m->param_count || by_id[id] >= 0) {
            return resolve_fail(r, CIMF_INVALID_PARAMETER, m->name,
                                "the ID qualifiers of its parameters must be 0, 1, 2 ... once each");
        }
        by_id[id] = (int16_t)i;
    }
    uint32_t free_id = 0;
    for (uint32_t i = 0; i < m->param_count; i++) {
        if (declared_id(&m->params[i]) != -1) continue;
        while (by_id[free_id] >= 0) free_id++;
        by_id[free_id] = (int16_t)i;
    }
    return CIMF_OK;
}

/* In and Out as written; without either it is both (MS-WMI 3.1.4.17.11). */
static uint16_t direction(struct cim_qualifiers set)
{
    const struct cim_qualifier *in = cim_qualifier_find(set, SLICE("In"));
    const struct cim_qualifier *out = cim_qualifier_find(set, SLICE("Out"));
    bool is_in = cim_qualifier_true(set, "In"), is_out = cim_qualifier_true(set, "Out");
    if (!in) is_in = !is_out;
    if (!out) is_out = in ? !is_in : !is_out;
    return (uint16_t)((is_in ? CIM_PROP_IN : 0) | (is_out ? CIM_PROP_OUT : 0));
}

static cimf_status inherited_param(struct resolve *r, const struct cim_method *over,
                                   struct slice name, struct cim_qualifiers *from)
{
    *from = (struct cim_qualifiers){ NULL, 0 };
    const struct cim_class *sides[] = { over ? over->in : NULL, over ? over->out : NULL };
    for (unsigned i = 0; i < 2; i++) {
        int at = sides[i] ? cim_class_property(sides[i], name) : -1;
        if (at >= 0) return pass_qualifiers(r->a, sides[i]->properties[at].qualifiers, from);
    }
    return CIMF_OK;
}

static cimf_status resolve_param(struct resolve *r, const struct cim_method_decl *m,
                                 const struct cim_method *over, int id, struct param *param)
{
    struct cim_property_decl *d = param->d;
    char where[160];
    int n = snprintf(where, sizeof where, SLICE_FMT "(" SLICE_FMT ")", SLICE_ARG(m->name),
                     SLICE_ARG(d->name));
    struct slice place = slice_of(where, n < (int)sizeof where ? (size_t)n : sizeof where - 1);
    if (!cim_type_size(d->type) || (d->type & ~(CIM_ARRAY | 0xFF))) {
        return resolve_fail(r, CIMF_INVALID_CIM_TYPE, place, "not a CIM type");
    }
    if (!cim_name_valid(d->name, true) || slice_ieq(d->name, SLICE("ReturnValue"))) {
        return resolve_fail(r, CIMF_INVALID_PARAMETER, place, "not a valid parameter name");
    }
    struct cim_qualifiers from;
    if (inherited_param(r, over, d->name, &from) != CIMF_OK) return CIMF_OUT_OF_MEMORY;
    const struct cim_qualifier number = {
        .name = SLICE("ID"), .value = { .type = CIM_SINT32, .v.i = id },
        .flavor = CIM_FLAVOR_TO_INSTANCE | CIM_FLAVOR_TO_SUBCLASS | CIM_FLAVOR_NOT_OVERRIDABLE,
    };
    param->p = (struct cim_property){ .name = d->name, .type = d->type, .flags = CIM_PROP_LOCAL,
                                      .param_id = id, .origin = PARAMETERS };
    r->extra = &number;
    cimf_status st = resolve_property(r, d, place, &param->p, from);
    r->extra = NULL;
    param->p.flags &= (uint16_t)~CIM_PROP_KEY;
    if (st == CIMF_OK) param->p.flags |= direction(param->p.qualifiers);
    return st;
}

/* The class of the parameters that have `side`, and of ReturnValue. NULL in *out if it would be empty. */
static cimf_status signature(struct resolve *r, const struct param *params, uint32_t count,
                             uint16_t side, const struct cim_property *value,
                             const struct cim_class **out)
{
    uint32_t n = value != NULL;
    *out = NULL;
    for (uint32_t i = 0; i < count; i++) n += (params[i].p.flags & side) != 0;
    if (!n) return CIMF_OK;
    struct cim_class *c = ARENA_NEW(r->a, struct cim_class);
    struct cim_property *props = ARENA_ARRAY(r->a, n, struct cim_property);
    uint16_t *by_name = ARENA_ARRAY(r->a, n, uint16_t);
    if (!c || !props || !by_name) return CIMF_OUT_OF_MEMORY;
    c->object.magic = CIM_OBJECT_MAGIC;
    c->object.kind = CIM_KIND_CLASS;
    c->owner = r->c;
    c->name = c->decl.name = PARAMETERS;
    c->decl.super = SLICE("");
    c->ns = r->c->ns;
    c->flags = CIM_CLASS_ABSTRACT | CIM_CLASS_SYSTEM;
    c->dynasty = c;
    c->qualifiers = (struct cim_qualifiers){ abstract_class, 1 };
    c->generation = class_generation();
    c->properties = props;
    c->by_name = by_name;
    for (uint32_t i = 0; i <= count; i++) {
        const struct cim_property *p = i < count ? &params[i].p : value;
        if (!p || (i < count && !(p->flags & side))) continue;
        props[c->property_count] = *p;
        if (!class_index_add(c, by_name, c->property_count, c->property_count)) {
            return resolve_fail(r, CIMF_INVALID_PARAMETER, p->name, "the parameter is declared twice");
        }
        c->property_count++;
    }
    *out = c;
    return CIMF_OK;
}

static cimf_status return_value(struct resolve *r, const struct cim_method_decl *m,
                                struct cim_property *p)
{
    struct cim_property_decl d = { .name = SLICE("ReturnValue"), .type = m->return_type,
                                   .class_name = m->return_class };
    if (!cim_type_size(m->return_type) || CIM_IS_ARRAY(m->return_type)) {
        return resolve_fail(r, CIMF_INVALID_CIM_TYPE, m->name, "not a type that can be returned");
    }
    *p = (struct cim_property){ .name = d.name, .type = d.type,
                                .flags = CIM_PROP_LOCAL | CIM_PROP_OUT,
                                .param_id = -1, .origin = PARAMETERS };
    return resolve_property(r, &d, m->name, p, (struct cim_qualifiers){ NULL, 0 });
}

static bool same_side(const struct cim_class *a, const struct cim_class *b)
{
    if (!a || !b) return a == b;
    if (a->property_count != b->property_count) return false;
    for (uint32_t i = 0; i < a->property_count; i++) {
        if (a->properties[i].type != b->properties[i].type ||
            !slice_ieq(a->properties[i].name, b->properties[i].name)) {
            return false;
        }
    }
    return true;
}

static cimf_status signatures(struct resolve *r, struct cim_method_decl *d,
                              const struct cim_method *over, struct cim_method *m)
{
    struct param params[LIMIT_PARAMETERS];
    int16_t by_id[LIMIT_PARAMETERS];
    if (d->param_count > LIMIT_PARAMETERS) {
        return resolve_fail(r, CIMF_QUOTA_VIOLATION, d->name, "too many parameters");
    }
    cimf_status st = assign_ids(r, d, by_id);
    for (uint32_t i = 0; i < d->param_count && st == CIMF_OK; i++) {
        params[i].d = &d->params[by_id[i]];
        st = resolve_param(r, d, over, (int)i, &params[i]);
    }
    struct cim_property value;
    bool has_value = d->return_type != CIM_NONE;
    if (st == CIMF_OK && has_value) st = return_value(r, d, &value);
    if (st == CIMF_OK) st = signature(r, params, d->param_count, CIM_PROP_IN, NULL, &m->in);
    if (st == CIMF_OK) {
        st = signature(r, params, d->param_count, CIM_PROP_OUT, has_value ? &value : NULL, &m->out);
    }
    return st;
}

static void method_flags(struct cim_method *m)
{
    m->flags &= CIM_METHOD_LOCAL;
    if (cim_qualifier_true(m->qualifiers, "static")) m->flags |= CIM_METHOD_STATIC;
    if (cim_qualifier_true(m->qualifiers, "implemented")) m->flags |= CIM_METHOD_IMPLEMENTED;
    if (cim_qualifier_true(m->qualifiers, "disabled")) m->flags |= CIM_METHOD_DISABLED;
    if (cim_qualifier_true(m->qualifiers, "bypass_getobject")) m->flags |= CIM_METHOD_BYPASS_GET;
}

static cimf_status declare_method(struct resolve *r, struct cim_method_decl *d,
                                  struct cim_method *m, bool inherited)
{
    struct cim_method over = *m;
    if (inherited && (m->flags & CIM_METHOD_LOCAL)) {
        return resolve_fail(r, CIMF_INVALID_OBJECT, d->name, "the method is declared twice");
    }
    if (!cim_name_valid(d->name, r->flags & (CIM_RESOLVE_SYSTEM | RESOLVE_ADHOC))) {
        return resolve_fail(r, CIMF_INVALID_PARAMETER, d->name, "not a valid method name");
    }
    *m = (struct cim_method){ .name = d->name, .return_type = d->return_type,
                              .origin = inherited ? over.origin : r->c->name,
                              .flags = CIM_METHOD_LOCAL };
    cimf_status st = signatures(r, d, inherited ? &over : NULL, m);
    if (st != CIMF_OK) return st;
    if (inherited && (m->return_type != over.return_type || !same_side(m->in, over.in) ||
                      !same_side(m->out, over.out))) {
        return resolve_fail(r, CIMF_UPDATE_PROPAGATED_METHOD, d->name,
                            "an inherited method keeps its parameters and return type");
    }
    struct cim_qualifiers from = { NULL, 0 };
    if (inherited) from = over.qualifiers;
    st = resolve_qualifiers(r, &d->qualifiers, from, SLICE_NULL, d->name, &m->qualifiers);
    if (st == CIMF_OK) method_flags(m);
    return st;
}

static void inherit_methods(struct resolve *r, struct cim_method *methods)
{
    const struct cim_class *super = r->super;
    if (!super || !super->method_count) return;
    memcpy(methods, super->methods, super->method_count * sizeof *methods);
    uint32_t at = 1; /* behind the sets of the class and of its properties */
    for (uint32_t i = 0; i < super->property_count; i++) {
        at += (super->properties[i].flags & (CIM_PROP_LOCAL | CIM_PROP_OVERRIDDEN)) != 0;
    }
    for (uint32_t i = 0; i < super->method_count; i++) {
        if (!(methods[i].flags & CIM_METHOD_LOCAL)) continue;
        methods[i].flags &= ~(uint32_t)CIM_METHOD_LOCAL;
        methods[i].qualifiers = super->passed[at++];
        method_flags(&methods[i]);
    }
}

static struct cim_method *find_method(struct cim_method *methods, uint32_t n, struct slice name)
{
    for (uint32_t i = 0; i < n; i++) {
        if (slice_ieq(methods[i].name, name)) return &methods[i];
    }
    return NULL;
}

cimf_status resolve_methods(struct resolve *r)
{
    struct cim_class *c = r->c;
    uint32_t n = r->super ? r->super->method_count : 0;
    if (n + c->decl.method_count > LIMIT_METHODS) {
        return resolve_fail(r, CIMF_QUOTA_VIOLATION, SLICE_NULL, "too many methods");
    }
    if (n + c->decl.method_count == 0) return CIMF_OK;
    struct cim_method *methods = ARENA_ARRAY(r->a, n + c->decl.method_count, struct cim_method);
    if (!methods) return resolve_fail(r, CIMF_OUT_OF_MEMORY, SLICE_NULL, "too much memory");
    inherit_methods(r, methods);
    c->methods = methods;
    c->method_count = n;
    for (uint32_t i = 0; i < c->decl.method_count; i++) {
        struct cim_method_decl *d = &c->decl.methods[i];
        struct cim_method *m = find_method(methods, c->method_count, d->name);
        cimf_status st = declare_method(r, d, m ? m : &methods[c->method_count], m != NULL);
        if (st == CIMF_OUT_OF_MEMORY) return resolve_fail(r, st, d->name, "too much memory");
        if (st != CIMF_OK) return st;
        if (!m) c->method_count++;
    }
    for (uint32_t i = 0; i < c->method_count; i++) {
        if (!(methods[i].flags & CIM_METHOD_LOCAL)) continue;
        if (pass_qualifiers(r->a, methods[i].qualifiers, r->passed++) != CIMF_OK) {
            return resolve_fail(r, CIMF_OUT_OF_MEMORY, SLICE_NULL, "too much memory");
        }
    }
    return CIMF_OK;
}
