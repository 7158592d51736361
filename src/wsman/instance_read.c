#include "wsman/codec.h"

#include <stdlib.h>

#include "base/map.h"
#include "wsman/read_priv.h"

static bool is_nil(const struct xml_node *n)
{
    const struct xml_attr *nil = xml_attr_ns(n, NS_XSI, "nil");
    bool value = false;
    return nil && xml_bool(nil->value, &value) && value;
}

static bool marked(const struct xml_node *n, const char *name)
{
    const struct xml_attr *a = xml_attr_ns(n, NS_P, name);
    bool value = false;
    return a && xml_bool(a->value, &value) && value;
}

/* Elements that come with an instance but are no property of it. */
static bool foreign(const struct xml_node *n)
{
    return n->ns == NS_CIM && slice_is(n->name, "Location");
}

static cimf_status property_fails(struct error *e, cimf_status status, struct slice name, const char *why)
{
    error_set(e, status, "wsman", "the property " SLICE_FMT " %s", SLICE_ARG(slice_head(name, 100)), why);
    error_subject(e, name);
    return status;
}

/* Children of one name, in document order. */
struct group {
    struct slice name;
    struct slice class_name; /* declared, of embedded objects; "" if none */
    const struct xml_node **nodes;
    uint32_t n, room;
};

static cimf_status element_read(struct wsman_codec *c, const struct group *g, uint32_t i, unsigned base,
                                unsigned depth, union cim_data *out, struct error *e)
{
    if (base == CIM_OBJECT) return wsman_object_read(c, g->nodes[i], g->class_name, depth, out, e);
    return wsman_value_read(c, g->nodes[i], base, depth, out, e);
}

/* Reads the group as a value of a type. */
static cimf_status group_read(struct wsman_codec *c, const struct group *g, unsigned type, unsigned depth,
                              bool *null, union cim_data *out, struct error *e)
{
    *null = false;
    if (!CIM_IS_ARRAY(type)) {
        if (g->n > 1) return property_fails(e, CIMF_TYPE_MISMATCH, g->name, "is given more than once and is no array");
        *null = is_nil(g->nodes[0]);
        return *null ? CIMF_OK : element_read(c, g, 0, type, depth, out, e);
    }
    if (g->n == 1 && marked(g->nodes[0], "IsEmptyArray")) {
        out->a = (struct cim_array){ 0 };
        return CIMF_OK;
    }
    if (g->n == 1 && (is_nil(g->nodes[0]) || marked(g->nodes[0], "IsNullArray"))) {
        *null = true;
        return CIMF_OK;
    }
    unsigned base = CIM_BASE(type);
    if (!cim_array_new(c->arena, base, g->n, &out->a)) return CIMF_OUT_OF_MEMORY;
    for (uint32_t i = 0; i < g->n; i++) {
        if (is_nil(g->nodes[i])) return property_fails(e, CIMF_TYPE_MISMATCH, g->name, "has a NULL element");
        union cim_data v;
        cimf_status status = element_read(c, g, i, base, depth, &v, e);
        if (status != CIMF_OK) return status;
        cim_array_set(out->a, base, i, v);
    }
    return CIMF_OK;
}

/* --- by class --------------------------------------------------------------------------------- */

/* Sorts the children into groups by property. */
static cimf_status groups_by_class(struct wsman_codec *c, const struct xml_node *n, const struct cim_class *cls,
                                   struct group *groups, struct error *e)
{
    for (int pass = 0; pass < 2; pass++) {
        for (const struct xml_node *p = xml_first(n); p; p = xml_next(p)) {
            if (foreign(p)) continue;
            int i = cim_class_property(cls, p->name);
            if (i < 0) return property_fails(e, CIMF_INVALID_PROPERTY, p->name, "does not belong to the class");
            struct group *g = &groups[i];
            if (pass == 0) {
                g->name = cls->properties[i].name;
                g->class_name = cls->properties[i].class_name;
                g->room++;
                continue;
            }
            if (!g->nodes) g->nodes = ARENA_ARRAY(c->arena, g->room, const struct xml_node *);
            if (!g->nodes) return CIMF_OUT_OF_MEMORY;
            g->nodes[g->n++] = p;
        }
    }
    return CIMF_OK;
}

cimf_status wsman_read_typed(struct wsman_codec *c, const struct xml_node *n, const struct cim_class *cls,
                             unsigned depth, struct cim_instance **out, struct error *e)
{
    struct group *groups = ARENA_ARRAY(c->arena, cls->property_count + 1, struct group);
    struct cim_instance *in = cim_instance_new(c->arena, cls);
    if (!groups || !in) return CIMF_OUT_OF_MEMORY;
    cimf_status status = groups_by_class(c, n, cls, groups, e);
    for (uint32_t i = 0; i < cls->property_count && status == CIMF_OK; i++) {
        bool null;
        union cim_data v;
        in->state[i] = CIM_UNSENT;
        if (groups[i].n == 0) continue;
        status = group_read(c, &groups[i], cls->properties[i].type, depth, &null, &v, e);
        if (status != CIMF_OK) break;
        if (null) cim_set_null(in, i);
        else cim_set(in, i, v);
    }
    if (status == CIMF_OK) *out = in;
    return status;
}

cimf_status wsman_instance_read(struct wsman_codec *c, const struct xml_node *n,
                                const struct cim_class *cls, struct cim_instance **out, struct error *e)
{
    return wsman_read_typed(c, n, cls, 0, out, e);
}

/* --- without a class -------------------------------------------------------------------------- */

static unsigned guess_type(const struct xml_node *n)
{
    const struct xml_attr *type = xml_attr_ns(n, NS_XSI, "type");
    struct slice uri, local = SLICE("");
    if (type) xml_qname(n, type->value, &uri, &local);
    enum cim_type named = wsman_type_parse(local);
    if (named != CIM_NONE) return named;
    const struct xml_node *child = xml_first(n);
    if (!child) return local.n ? CIM_OBJECT : CIM_STRING;
    if (child->ns == NS_CIM) return CIM_DATETIME;
    if (child->ns == NS_A || xml_child(n, NS_A, "ReferenceParameters")) return CIM_REFERENCE;
    return CIM_OBJECT;
}

/* A group is an array when it has several elements or says so; its type is that of its first value. */
static unsigned group_type(const struct group *g)
{
    unsigned base = CIM_STRING;
    for (uint32_t i = 0; i < g->n; i++) {
        if (is_nil(g->nodes[i]) && !xml_attr_ns(g->nodes[i], NS_XSI, "type")) continue;
        base = guess_type(g->nodes[i]);
        break;
    }
    bool array = g->n > 1 || marked(g->nodes[0], "IsEmptyArray") || marked(g->nodes[0], "IsNullArray");
    return array ? base | CIM_ARRAY : base;
}

static cimf_status groups_by_name(struct wsman_codec *c, const struct xml_node *n, struct group **groups,
                                  uint32_t *count)
{
    uint32_t children = 0, used = 0;
    for (const struct xml_node *p = xml_first(n); p; p = xml_next(p)) children++;
    struct group *list = ARENA_ARRAY(c->arena, children + 1, struct group);
    if (!list) return CIMF_OUT_OF_MEMORY;
    struct map by_name;
    map_init(&by_name, true);
    cimf_status status = CIMF_OK;
    for (int pass = 0; pass < 2 && status == CIMF_OK; pass++) {
        for (const struct xml_node *p = xml_first(n); p && status == CIMF_OK; p = xml_next(p)) {
            if (foreign(p)) continue;
            struct group *g = map_get(&by_name, p->name);
            if (!g) {
                g = &list[used++];
                g->name = p->name;
                if (!map_put(&by_name, p->name, g, NULL)) status = CIMF_OUT_OF_MEMORY;
            }
            if (pass == 0) {
                g->room++;
                continue;
            }
            if (!g->nodes) g->nodes = ARENA_ARRAY(c->arena, g->room, const struct xml_node *);
            if (!g->nodes) status = CIMF_OUT_OF_MEMORY;
            else g->nodes[g->n++] = p;
        }
    }
    map_free(&by_name);
    *groups = list;
    *count = used;
    return status;
}

cimf_status wsman_read_guessed(struct wsman_codec *c, const struct xml_node *n, struct slice class_name,
                               unsigned depth, struct cim_instance **out, struct error *e)
{
    struct group *groups;
    uint32_t count;
    cimf_status status = groups_by_name(c, n, &groups, &count);
    if (status != CIMF_OK) return status;
    struct cim_property_decl *props = ARENA_ARRAY(c->arena, count + 1, struct cim_property_decl);
    if (!props) return CIMF_OUT_OF_MEMORY;
    for (uint32_t i = 0; i < count; i++) {
        props[i].name = groups[i].name;
        props[i].type = (uint16_t)group_type(&groups[i]);
    }
    const struct cim_class *cls;
    status = cim_class_adhoc(c->arena, class_name, props, count, &cls);
    if (status != CIMF_OK) return error_set(e, status, "wsman", "the element cannot be read as an instance");
    struct cim_instance *in = cim_instance_new(c->arena, cls);
    if (!in) return CIMF_OUT_OF_MEMORY;
    for (uint32_t i = 0; i < count; i++) {
        int at = cim_class_property(cls, groups[i].name);
        bool null;
        union cim_data v;
        if (at < 0) return property_fails(e, CIMF_INVALID_PROPERTY, groups[i].name, "is not valid");
        status = group_read(c, &groups[i], props[i].type, depth, &null, &v, e);
        if (status != CIMF_OK) return status;
        if (null) cim_set_null(in, (unsigned)at);
        else cim_set(in, (unsigned)at, v);
    }
    *out = in;
    return CIMF_OK;
}

cimf_status wsman_instance_guess(struct wsman_codec *c, const struct xml_node *n, struct slice class_name,
                                 struct cim_instance **out, struct error *e)
{
    return wsman_read_guessed(c, n, class_name.n ? class_name : n->name, 0, out, e);
}

/* --- parameters ------------------------------------------------------------------------------- */

cimf_status wsman_values_read(struct wsman_codec *c, const struct xml_node *n, const struct cim_class *cls,
                              struct cim_context_value **values, uint32_t *count, struct error *e)
{
    struct group *groups;
    *count = 0;
    cimf_status status = groups_by_name(c, n, &groups, count);
    if (status != CIMF_OK) return status;
    struct cim_context_value *list = ARENA_ARRAY(c->arena, *count + 1, struct cim_context_value);
    if (!list) return CIMF_OUT_OF_MEMORY;
    for (uint32_t i = 0; i < *count && status == CIMF_OK; i++) {
        int at = cls ? cim_class_property(cls, groups[i].name) : -1;
        unsigned type = at >= 0 ? cls->properties[at].type : group_type(&groups[i]);
        if (at >= 0) groups[i].class_name = cls->properties[at].class_name;
        list[i].name = groups[i].name;
        list[i].value.type = (uint16_t)type;
        status = group_read(c, &groups[i], type, 0, &list[i].value.null, &list[i].value.v, e);
    }
    *values = list;
    return status;
}
