#include "wsman/classxml.h"

struct writing {
    struct buf *out;
    const struct cim_class *cls;
    unsigned flags;
};

static void attr(struct buf *out, const char *name, struct slice value)
{
    buf_byte(out, ' ');
    buf_str(out, name);
    buf_lit(out, "=\"");
    xml_escape_attr(out, value);
    buf_byte(out, '"');
}

static void flag(struct buf *out, const char *name, bool value)
{
    attr(out, name, value ? SLICE("true") : SLICE("false"));
}

static void text_write(struct buf *out, unsigned base, const union cim_data *v)
{
    buf_lit(out, "<VALUE>");
    if (cim_type_is_text(base)) {
        xml_escape(out, v->s);
    } else if (base != CIM_OBJECT) {
        struct buf text;
        buf_init(&text, 64);
        cim_data_text(&text, base, v);
        xml_escape(out, buf_slice(&text));
        buf_free(&text);
    }
    buf_lit(out, "</VALUE>");
}

static void value_write(struct buf *out, unsigned type, const union cim_data *v)
{
    if (!CIM_IS_ARRAY(type)) {
        text_write(out, type, v);
        return;
    }
    buf_lit(out, "<VALUE.ARRAY>");
    for (uint32_t i = 0; i < v->a.n; i++) {
        union cim_data element = cim_array_get(CIM_BASE(type), v->a, i);
        text_write(out, CIM_BASE(type), &element);
    }
    buf_lit(out, "</VALUE.ARRAY>");
}

static void qualifier_write(struct buf *out, const struct cim_qualifier *q)
{
    bool propagated = q->flavor & CIM_FLAVOR_PROPAGATED;
    unsigned type = q->value.type == CIM_NONE ? CIM_STRING : q->value.type;
    const char *name = cim_type_name(type);
    buf_lit(out, "<QUALIFIER");
    attr(out, "NAME", q->name);
    attr(out, "TYPE", slice_str(name ? name : "string"));
    if (propagated) flag(out, "PROPAGATED", true);
    flag(out, "OVERRIDABLE", !(q->flavor & CIM_FLAVOR_NOT_OVERRIDABLE));
    flag(out, "TOSUBCLASS", q->flavor & CIM_FLAVOR_TO_SUBCLASS);
    flag(out, "TOINSTANCE", q->flavor & CIM_FLAVOR_TO_INSTANCE);
    flag(out, "TRANSLATABLE", q->flavor & CIM_FLAVOR_AMENDED);
    if (CIM_IS_ARRAY(type) && q->value.null) flag(out, "ISARRAY", true);
    buf_byte(out, '>');
    if (!q->value.null) value_write(out, type, &q->value.v);
    buf_lit(out, "</QUALIFIER>");
}

/* Own ones as they were declared (resolving adds flavors), in that order; then what resolving brought. */
static void qualifiers_write(struct writing *w, struct cim_qualifiers declared, struct cim_qualifiers resolved)
{
    if (!(w->flags & WSMAN_CLASS_QUALIFIERS)) return;
    for (uint32_t i = 0; i < declared.n; i++) qualifier_write(w->out, &declared.q[i]);
    for (uint32_t i = 0; i < resolved.n; i++) {
        const struct cim_qualifier *q = &resolved.q[i];
        bool propagated = q->flavor & CIM_FLAVOR_PROPAGATED;
        if (propagated && !(w->flags & WSMAN_CLASS_INHERITED)) continue;
        if (!cim_qualifier_find(declared, q->name)) qualifier_write(w->out, q);
    }
}

static void origin_write(struct writing *w, struct slice origin, bool propagated)
{
    if (w->flags & WSMAN_CLASS_ORIGIN) attr(w->out, "CLASSORIGIN", origin);
    if (propagated) flag(w->out, "PROPAGATED", true);
}

/* The opening tag of a property or parameter without its '>'; returns the element's name. CIM-XML has no
 * object type: those are strings with EmbeddedObject, their class in CLASSNAME (an extension). */
static const char *element_begin(struct buf *out, bool param, struct slice name, unsigned type,
                                 struct slice class_name, uint32_t max)
{
    unsigned base = CIM_BASE(type);
    bool array = CIM_IS_ARRAY(type), ref = base == CIM_REFERENCE;
    const char *element = param ? (ref ? (array ? "PARAMETER.REFARRAY" : "PARAMETER.REFERENCE")
                                       : (array ? "PARAMETER.ARRAY" : "PARAMETER"))
                                : (ref ? (array ? "PROPERTY.REFARRAY" : "PROPERTY.REFERENCE")
                                       : (array ? "PROPERTY.ARRAY" : "PROPERTY"));
    buf_byte(out, '<');
    buf_str(out, element);
    attr(out, "NAME", name);
    if (ref) {
        if (class_name.n) attr(out, "REFERENCECLASS", class_name);
    } else if (base == CIM_OBJECT) {
        attr(out, "TYPE", SLICE("string"));
        attr(out, "EmbeddedObject", class_name.n ? SLICE("instance") : SLICE("object"));
        if (class_name.n) attr(out, "CLASSNAME", class_name);
    } else {
        const char *type_name = cim_type_name(base);
        attr(out, "TYPE", slice_str(type_name ? type_name : "string"));
    }
    if (array && max) {
        buf_lit(out, " ARRAYSIZE=\"");
        buf_u64(out, max);
        buf_byte(out, '"');
    }
    return element;
}

static void element_end(struct buf *out, const char *element)
{
    buf_lit(out, "</");
    buf_str(out, element);
    buf_byte(out, '>');
}

/* d is the declaration of an own property, NULL for an inherited one. */
static void property_write(struct writing *w, const struct cim_property *p, const struct cim_property_decl *d)
{
    const char *element = element_begin(w->out, false, p->name, p->type, p->class_name, p->max);
    origin_write(w, p->origin, !d);
    bool has_default = p->flags & CIM_PROP_HAS_DEFAULT;
    /* An override that keeps the inherited default says so: rebuilding it must not make it its own. */
    if (has_default && d && !d->has_default) flag(w->out, "DEFAULTPROPAGATED", true);
    buf_byte(w->out, '>');
    qualifiers_write(w, d ? d->qualifiers : (struct cim_qualifiers){ 0 }, p->qualifiers);
    if (has_default && CIM_BASE(p->type) != CIM_OBJECT) value_write(w->out, p->type, &p->def);
    element_end(w->out, element);
}

/* Inherited ones first, as the class has them; own ones in the order of their declaration. */
static void properties_write(struct writing *w)
{
    const struct cim_class *cls = w->cls;
    for (uint32_t i = 0; i < cls->property_count && (w->flags & WSMAN_CLASS_INHERITED); i++) {
        const struct cim_property *p = &cls->properties[i];
        if (!(p->flags & (CIM_PROP_LOCAL | CIM_PROP_OVERRIDDEN))) property_write(w, p, NULL);
    }
    for (uint32_t i = 0; i < cls->decl.property_count; i++) {
        const struct cim_property_decl *d = &cls->decl.properties[i];
        int at = cim_class_property(cls, d->name);
        if (at >= 0) property_write(w, &cls->properties[at], d);
    }
}

static const struct cim_method_decl *method_declared(const struct cim_class *cls, struct slice name)
{
    for (uint32_t i = 0; i < cls->decl.method_count; i++) {
        if (slice_ieq(cls->decl.methods[i].name, name)) return &cls->decl.methods[i];
    }
    return NULL;
}

static void method_write(struct writing *w, const struct cim_method *m, const struct cim_method_decl *d, bool own)
{
    buf_lit(w->out, "<METHOD");
    attr(w->out, "NAME", m->name);
    const char *type = cim_type_name(CIM_BASE(m->return_type));
    if (m->return_type != CIM_NONE && type) attr(w->out, "TYPE", slice_str(type));
    if (d->return_class.n) attr(w->out, "REFERENCECLASS", d->return_class);
    origin_write(w, m->origin, !own);
    buf_byte(w->out, '>');
    qualifiers_write(w, own ? d->qualifiers : (struct cim_qualifiers){ 0 }, m->qualifiers);
    for (uint32_t i = 0; i < d->param_count; i++) {
        const struct cim_property_decl *p = &d->params[i];
        const char *element = element_begin(w->out, true, p->name, p->type, p->class_name, p->max);
        buf_byte(w->out, '>');
        /* Of parameters the direction is not optional decoration. */
        struct writing always = *w;
        always.flags |= WSMAN_CLASS_QUALIFIERS;
        qualifiers_write(&always, p->qualifiers, (struct cim_qualifiers){ 0 });
        if (p->has_default && !p->value.null && CIM_BASE(p->type) != CIM_OBJECT) {
            value_write(w->out, p->value.type, &p->value.v);
        }
        element_end(w->out, element);
    }
    buf_lit(w->out, "</METHOD>");
}

static void methods_write(struct writing *w)
{
    const struct cim_class *cls = w->cls;
    for (uint32_t i = 0; i < cls->method_count && (w->flags & WSMAN_CLASS_INHERITED); i++) {
        const struct cim_method *m = &cls->methods[i];
        if (method_declared(cls, m->name)) continue;
        const struct cim_method_decl *d = NULL;
        for (const struct cim_class *c = cls->super; c && !d; c = c->super) d = method_declared(c, m->name);
        if (d) method_write(w, m, d, false);
    }
    for (uint32_t i = 0; i < cls->decl.method_count; i++) {
        const struct cim_method_decl *d = &cls->decl.methods[i];
        const struct cim_method *m = cim_class_method(cls, d->name);
        if (m) method_write(w, m, d, true);
    }
}

bool wsman_class_write(struct buf *out, const struct cim_class *cls, unsigned flags)
{
    struct writing w = { out, cls, flags };
    buf_lit(out, "<CLASS");
    attr(out, "NAME", cls->name);
    if (cls->super) attr(out, "SUPERCLASS", cls->super->name);
    buf_byte(out, '>');
    qualifiers_write(&w, cls->decl.qualifiers, cls->qualifiers);
    properties_write(&w);
    methods_write(&w);
    return buf_lit(out, "</CLASS>");
}
