#include "wsman/classxml.h"

#include "base/limits.h"

struct reading {
    struct arena *a;
    struct error *e;
};

static cimf_status bad(struct reading *r, cimf_status status, const struct xml_node *n, const char *why)
{
    struct slice name = xml_attr_value(n, "NAME");
    error_set(r->e, status, "wsman", "in the class metadata: " SLICE_FMT " " SLICE_FMT " %s",
              SLICE_ARG(slice_head(n->name, 40)), SLICE_ARG(slice_head(name, 80)), why);
    error_subject(r->e, name);
    error_place(r->e, n->line, 0);
    return status;
}

static bool flag(const struct xml_node *n, const char *name, bool otherwise)
{
    bool value = otherwise;
    xml_bool(xml_attr_value(n, name), &value);
    return value;
}

static uint32_t count_children(const struct xml_node *n)
{
    uint32_t count = 0;
    for (n = xml_first(n); n; n = xml_next(n)) count++;
    return count;
}

static cimf_status scalar_read(struct reading *r, const struct xml_node *n, unsigned base, union cim_data *v)
{
    if (cim_type_is_text(base)) {
        v->s = n->text.p ? n->text : SLICE("");
        return CIMF_OK;
    }
    cimf_status status = cim_data_parse(r->a, base, n->text, v);
    return status == CIMF_OK || status == CIMF_OUT_OF_MEMORY ? status : bad(r, status, n->parent, "has a wrong value");
}

/* VALUE or VALUE.ARRAY below n, as a value of type; *found tells whether there was one. */
static cimf_status value_read(struct reading *r, const struct xml_node *n, unsigned type, bool *found,
                              struct cim_value *out)
{
    unsigned base = CIM_BASE(type);
    *out = (struct cim_value){ .type = (uint16_t)type, .null = true };
    const struct xml_node *array = xml_child_any(n, "VALUE.ARRAY"), *one = xml_child_any(n, "VALUE");
    *found = array || one;
    if (!*found) return CIMF_OK;
    out->null = false;
    if (!CIM_IS_ARRAY(type)) {
        return one ? scalar_read(r, one, base, &out->v) : bad(r, CIMF_TYPE_MISMATCH, n, "has an array as value");
    }
    if (!array) return bad(r, CIMF_TYPE_MISMATCH, n, "is an array and has one value");
    if (!cim_array_new(r->a, base, count_children(array), &out->v.a)) return CIMF_OUT_OF_MEMORY;
    uint32_t i = 0;
    for (const struct xml_node *x = xml_first(array); x; x = xml_next(x)) {
        union cim_data v;
        cimf_status status = scalar_read(r, x, base, &v);
        if (status != CIMF_OK) return status;
        cim_array_set(out->v.a, base, i++, v);
    }
    return CIMF_OK;
}

static cimf_status qualifier_read(struct reading *r, const struct xml_node *n, struct cim_qualifier *q)
{
    q->name = xml_attr_value(n, "NAME");
    enum cim_type type = cim_type_parse(xml_attr_value(n, "TYPE"));
    if (!q->name.n) return bad(r, CIMF_INVALID_SYNTAX, n, "has no name");
    if (type == CIM_NONE) return bad(r, CIMF_INVALID_CIM_TYPE, n, "has no valid type");
    bool array = xml_child_any(n, "VALUE.ARRAY") || flag(n, "ISARRAY", false), found;
    q->flavor = (uint8_t)((flag(n, "OVERRIDABLE", true) ? 0 : CIM_FLAVOR_NOT_OVERRIDABLE) |
                          (flag(n, "TOSUBCLASS", true) ? CIM_FLAVOR_TO_SUBCLASS : 0) |
                          (flag(n, "TOINSTANCE", false) ? CIM_FLAVOR_TO_INSTANCE : 0) |
                          (flag(n, "TRANSLATABLE", false) ? CIM_FLAVOR_AMENDED : 0));
    return value_read(r, n, array ? type | CIM_ARRAY : type, &found, &q->value);
}

static cimf_status qualifiers_read(struct reading *r, const struct xml_node *n, struct cim_qualifiers *out)
{
    uint32_t count = 0;
    for (const struct xml_node *x = xml_first(n); x; x = xml_next(x)) count += slice_is(x->name, "QUALIFIER");
    if (count > LIMIT_QUALIFIERS) return bad(r, CIMF_QUOTA_VIOLATION, n, "has too many qualifiers");
    struct cim_qualifier *q = ARENA_ARRAY(r->a, count + 1, struct cim_qualifier);
    if (!q) return CIMF_OUT_OF_MEMORY;
    out->q = q;
    for (const struct xml_node *x = xml_first(n); x; x = xml_next(x)) {
        bool own = slice_is(x->name, "QUALIFIER") && !flag(x, "PROPAGATED", false) &&
                   !slice_ieq(xml_attr_value(x, "NAME"), SLICE("CIMTYPE")); /* made again when resolved */
        if (!own) continue;
        cimf_status status = qualifier_read(r, x, &q[out->n]);
        if (status != CIMF_OK) return status;
        out->n++;
    }
    return CIMF_OK;
}

static bool kind_is(const struct xml_node *n, struct slice family)
{
    return slice_starts(n->name, family) && (n->name.n == family.n || n->name.p[family.n] == '.');
}

static uint32_t array_size(const struct xml_node *n)
{
    union cim_data v = { .u = 0 };
    if (cim_data_parse(NULL, CIM_UINT32, xml_attr_value(n, "ARRAYSIZE"), &v) != CIMF_OK) return 0;
    return (uint32_t)v.u;
}

/* PROPERTY and PARAMETER with their .ARRAY, .REFERENCE and .REFARRAY forms. */
static cimf_status property_read(struct reading *r, const struct xml_node *n, struct cim_property_decl *p)
{
    struct slice form;
    slice_split(n->name, '.', &form);
    p->name = xml_attr_value(n, "NAME");
    if (!p->name.n) return bad(r, CIMF_INVALID_SYNTAX, n, "has no name");
    bool ref = slice_starts(form, SLICE("REF"));
    unsigned type = ref ? CIM_REFERENCE : (unsigned)cim_type_parse(xml_attr_value(n, "TYPE"));
    const struct xml_attr *embedded = xml_attr(n, "EmbeddedObject");
    if (!embedded) embedded = xml_attr(n, "EMBEDDEDOBJECT");
    if (ref) {
        p->class_name = xml_attr_value(n, "REFERENCECLASS");
    } else if (embedded && embedded->value.n) {
        type = CIM_OBJECT;
        p->class_name = xml_attr_value(n, "CLASSNAME");
    }
    if (type == CIM_NONE) return bad(r, CIMF_INVALID_CIM_TYPE, n, "has no valid type");
    bool array = slice_is(form, "ARRAY") || slice_is(form, "REFARRAY");
    p->type = (uint16_t)(array ? type | CIM_ARRAY : type);
    if (array) p->max = array_size(n);
    cimf_status status = qualifiers_read(r, n, &p->qualifiers);
    if (status != CIMF_OK || type == CIM_OBJECT || flag(n, "DEFAULTPROPAGATED", false)) return status;
    status = value_read(r, n, p->type, &p->has_default, &p->value);
    if (!p->has_default) p->value = (struct cim_value){ .type = p->type, .null = true };
    return status;
}

static cimf_status method_read(struct reading *r, const struct xml_node *n, struct cim_method_decl *m)
{
    m->name = xml_attr_value(n, "NAME");
    if (!m->name.n) return bad(r, CIMF_INVALID_SYNTAX, n, "has no name");
    const struct xml_attr *type = xml_attr(n, "TYPE");
    if (type) {
        m->return_type = (uint16_t)cim_type_parse(type->value);
        if (m->return_type == CIM_NONE) return bad(r, CIMF_INVALID_CIM_TYPE, n, "has no valid type");
    }
    m->return_class = xml_attr_value(n, "REFERENCECLASS");
    cimf_status status = qualifiers_read(r, n, &m->qualifiers);
    uint32_t room = count_children(n);
    if (room > LIMIT_PARAMETERS + LIMIT_QUALIFIERS) return bad(r, CIMF_QUOTA_VIOLATION, n, "has too many parameters");
    m->params = ARENA_ARRAY(r->a, room + 1, struct cim_property_decl);
    if (!m->params) return CIMF_OUT_OF_MEMORY;
    for (const struct xml_node *x = xml_first(n); x && status == CIMF_OK; x = xml_next(x)) {
        if (!kind_is(x, SLICE("PARAMETER"))) continue;
        status = property_read(r, x, &m->params[m->param_count]);
        m->param_count++;
    }
    return status;
}

cimf_status wsman_class_read(struct arena *a, const struct xml_node *n, struct cim_class_decl *out,
                             struct error *e)
{
    struct reading r = { a, e };
    *out = (struct cim_class_decl){ .name = xml_attr_value(n, "NAME"), .super = xml_attr_value(n, "SUPERCLASS") };
    if (!slice_is(n->name, "CLASS") || !out->name.n) return bad(&r, CIMF_INVALID_SYNTAX, n, "is not a class");
    uint32_t room = count_children(n);
    if (room > LIMIT_PROPERTIES + LIMIT_METHODS + LIMIT_QUALIFIERS) {
        return bad(&r, CIMF_QUOTA_VIOLATION, n, "has too many members");
    }
    out->properties = ARENA_ARRAY(a, room + 1, struct cim_property_decl);
    out->methods = ARENA_ARRAY(a, room + 1, struct cim_method_decl);
    if (!out->properties || !out->methods) return CIMF_OUT_OF_MEMORY;
    cimf_status status = qualifiers_read(&r, n, &out->qualifiers);
    for (const struct xml_node *x = xml_first(n); x && status == CIMF_OK; x = xml_next(x)) {
        if (flag(x, "PROPAGATED", false)) continue;
        if (kind_is(x, SLICE("PROPERTY"))) {
            status = property_read(&r, x, &out->properties[out->property_count++]);
        } else if (slice_is(x->name, "METHOD")) {
            status = method_read(&r, x, &out->methods[out->method_count++]);
        }
    }
    return status;
}
