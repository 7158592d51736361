/* mof/write.c - qualifiers, classes and qualifier declarations as text, and the public writers. */
#include "mof/write_priv.h"

/* --- qualifiers ----------------------------------------------------------------------------------- */

static bool written(const struct mof_writer *w, const struct cim_qualifier *q)
{
    if (q->flavor & CIM_FLAVOR_SYSTEM) return false;
    if ((q->flavor & CIM_FLAVOR_PROPAGATED) && !w->o->full) return false;
    if ((q->flavor & CIM_FLAVOR_AMENDED) && w->o->no_amended) return false;
    return !slice_ieq(q->name, SLICE("CIMTYPE"));
}

/* Propagation words replace the reader's default whole, so one of them is always there. */
static void put_flavor(struct mof_writer *w, const struct cim_qualifier *q)
{
    unsigned flavor = q->flavor & ~(unsigned)(CIM_FLAVOR_PROPAGATED | CIM_FLAVOR_TRANSLATABLE);
    if (w->o->no_flavors) return;
    if (w->o->qualifier && mof_default_flavor(q->name, w->o->qualifier(w->o->arg, q->name)) == flavor)
        return;
    buf_lit(w->b, " :");
    if (flavor & CIM_FLAVOR_TO_INSTANCE) buf_lit(w->b, " ToInstance");
    if (flavor & CIM_FLAVOR_TO_SUBCLASS) buf_lit(w->b, " ToSubclass");
    if (!(flavor & (CIM_FLAVOR_TO_INSTANCE | CIM_FLAVOR_TO_SUBCLASS))) buf_lit(w->b, " Restricted");
    if (flavor & CIM_FLAVOR_NOT_OVERRIDABLE) buf_lit(w->b, " DisableOverride");
    if (flavor & CIM_FLAVOR_AMENDED) buf_lit(w->b, " Amended");
}

static void put_qualifier(struct mof_writer *w, const struct cim_qualifier *q)
{
    buf_slice_add(w->b, q->name);
    if (q->value.null || q->value.type != CIM_BOOLEAN || !q->value.v.u) {
        bool list = !q->value.null && CIM_IS_ARRAY(q->value.type);
        if (!list) buf_byte(w->b, '(');
        mof_put_value(w, &q->value);
        if (!list) buf_byte(w->b, ')');
    }
    put_flavor(w, q);
}

static bool put_list(struct mof_writer *w, struct cim_qualifiers set)
{
    bool any = false;
    w->indent++;
    for (uint32_t i = 0; i < set.n; i++) {
        if (!written(w, &set.q[i])) continue;
        buf_byte(w->b, any ? ',' : '[');
        if (any && w->split) {
            mof_put_indent(w);
        } else if (any) {
            buf_byte(w->b, ' ');
        }
        any = true;
        put_qualifier(w, &set.q[i]);
    }
    w->indent--;
    if (any) buf_byte(w->b, ']');
    return any;
}

void mof_put_qualifiers(struct mof_writer *w, struct cim_qualifiers set, bool on_line)
{
    size_t mark = w->b->n;
    bool split = w->split;
    w->split = false;
    bool any = put_list(w, set);
    if (any && buf_ok(w->b) && w->b->n - mark + w->indent * 4 > MOF_LINE) { /* again, over several lines */
        buf_cut(w->b, mark);
        w->split = true;
        put_list(w, set);
    }
    w->split = split;
    if (any && on_line) {
        buf_byte(w->b, ' ');
    } else if (any) {
        mof_put_indent(w);
    }
}

/* --- classes -------------------------------------------------------------------------------------- */

static void put_type(struct mof_writer *w, unsigned type, struct slice class_name, bool returned)
{
    switch (CIM_BASE(type)) {
    case CIM_NONE:
        if (!returned) w->status = CIMF_INVALID_OBJECT;
        buf_lit(w->b, "void");
        break;
    case CIM_REFERENCE:
    case CIM_OBJECT:
        buf_slice_add(w->b, class_name.n ? class_name : SLICE("object"));
        if (CIM_BASE(type) == CIM_REFERENCE) buf_lit(w->b, " ref");
        break;
    default:
        buf_str(w->b, cim_type_name(CIM_BASE(type)));
    }
    buf_byte(w->b, ' ');
}

static void put_array(struct mof_writer *w, unsigned type, uint32_t max)
{
    if (!CIM_IS_ARRAY(type)) return;
    buf_byte(w->b, '[');
    if (max) buf_u64(w->b, max);
    buf_byte(w->b, ']');
}

static void put_default(struct mof_writer *w, const struct cim_value *v)
{
    buf_lit(w->b, " = ");
    w->indent++;
    mof_put_value(w, v);
    w->indent--;
}

static void put_property(struct mof_writer *w, const struct cim_property_decl *p,
                         const struct cim_class *cls)
{
    struct cim_property_decl typed = *p;
    int index = cls && p->type == CIM_NONE ? cim_class_property(cls, p->name) : -1;
    if (index >= 0) {
        typed.type = cls->properties[index].type;
        typed.class_name = cls->properties[index].class_name;
        typed.max = cls->properties[index].max;
    }
    mof_put_indent(w);
    mof_put_qualifiers(w, p->qualifiers, false);
    put_type(w, typed.type, typed.class_name, false);
    buf_slice_add(w->b, p->name);
    put_array(w, typed.type, typed.max);
    if (p->has_default) put_default(w, &p->value);
    buf_byte(w->b, ';');
}

static void put_method(struct mof_writer *w, const struct cim_method_decl *m,
                       struct cim_qualifiers qualifiers)
{
    mof_put_indent(w);
    mof_put_qualifiers(w, qualifiers, false);
    put_type(w, m->return_type, m->return_class, true);
    buf_slice_add(w->b, m->name);
    buf_byte(w->b, '(');
    w->indent++;
    for (uint32_t i = 0; i < m->param_count; i++) {
        const struct cim_property_decl *p = &m->params[i];
        if (i) buf_byte(w->b, ',');
        mof_put_indent(w);
        mof_put_qualifiers(w, p->qualifiers, true);
        put_type(w, p->type, p->class_name, false);
        buf_slice_add(w->b, p->name);
        put_array(w, p->type, p->max);
        if (p->has_default) put_default(w, &p->value);
    }
    w->indent--;
    buf_lit(w->b, ");");
}

static void open_class(struct mof_writer *w, struct cim_qualifiers qualifiers, struct slice name,
                       struct slice super)
{
    mof_put_qualifiers(w, qualifiers, false);
    buf_lit(w->b, "class ");
    buf_slice_add(w->b, name);
    if (super.n) {
        buf_lit(w->b, " : ");
        buf_slice_add(w->b, super);
    }
    mof_put_indent(w);
    buf_byte(w->b, '{');
    w->indent++;
}

static void close_class(struct mof_writer *w)
{
    w->indent--;
    mof_put_indent(w);
    buf_byte(w->b, '}');
}

void mof_put_decl(struct mof_writer *w, const struct cim_class_decl *decl, const struct cim_class *cls)
{
    open_class(w, decl->qualifiers, decl->name, decl->super);
    for (uint32_t i = 0; i < decl->property_count && buf_ok(w->b); i++)
        put_property(w, &decl->properties[i], cls);
    for (uint32_t i = 0; i < decl->method_count && buf_ok(w->b); i++)
        put_method(w, &decl->methods[i], decl->methods[i].qualifiers);
    close_class(w);
}

/* The declaration of a method nearest to the class. */
static const struct cim_method_decl *method_decl(const struct cim_class *cls, struct slice name)
{
    for (; cls; cls = cls->super) {
        for (uint32_t i = 0; i < cls->decl.method_count; i++) {
            if (slice_ieq(cls->decl.methods[i].name, name)) return &cls->decl.methods[i];
        }
    }
    return NULL;
}

static void put_full(struct mof_writer *w, const struct cim_class *cls)
{
    open_class(w, cls->qualifiers, cls->name, cls->super ? cls->super->name : SLICE_NULL);
    for (uint32_t i = 0; i < cls->property_count && buf_ok(w->b); i++) {
        const struct cim_property *p = &cls->properties[i];
        struct cim_property_decl decl = {
            .name = p->name, .type = p->type, .class_name = p->class_name, .max = p->max,
            .qualifiers = p->qualifiers, .has_default = (p->flags & CIM_PROP_HAS_DEFAULT) != 0,
            .value = { .type = p->type, .v = p->def },
        };
        put_property(w, &decl, NULL);
    }
    for (uint32_t i = 0; i < cls->method_count && buf_ok(w->b); i++) {
        const struct cim_method_decl *m = method_decl(cls, cls->methods[i].name);
        if (m) put_method(w, m, cls->methods[i].qualifiers);
    }
    close_class(w);
}

/* --- entry ---------------------------------------------------------------------------------------- */

static struct mof_writer begin(struct buf *out, const struct mof_write_options *options)
{
    static const struct mof_write_options none;
    struct mof_writer w = { .b = out, .o = options ? options : &none, .split = true };
    w.indent = w.o->indent;
    for (unsigned i = 0; i < w.indent; i++) buf_lit(out, "    ");
    return w;
}

static cimf_status end(struct mof_writer *w, const char *tail)
{
    buf_str(w->b, tail);
    if (w->status) return w->status;
    return buf_ok(w->b) ? CIMF_OK : CIMF_OUT_OF_MEMORY;
}

cimf_status mof_write_class(struct buf *out, const struct cim_class *cls,
                            const struct mof_write_options *options)
{
    struct mof_writer w = begin(out, options);
    if (w.o->full) {
        put_full(&w, cls);
    } else {
        mof_put_decl(&w, &cls->decl, cls);
    }
    return end(&w, ";\n");
}

cimf_status mof_write_class_decl(struct buf *out, const struct cim_class_decl *decl,
                                 const struct mof_write_options *options)
{
    struct mof_writer w = begin(out, options);
    mof_put_decl(&w, decl, NULL);
    return end(&w, ";\n");
}

cimf_status mof_write_instance(struct buf *out, const struct cim_instance *in,
                               const struct mof_write_options *options)
{
    struct mof_writer w = begin(out, options);
    mof_put_instance(&w, in);
    return end(&w, ";\n");
}

cimf_status mof_write_value(struct buf *out, const struct cim_value *value)
{
    struct mof_writer w = begin(out, NULL);
    w.split = false;
    mof_put_value(&w, value);
    return end(&w, "");
}

cimf_status mof_write_namespace(struct buf *out, struct slice ns)
{
    buf_lit(out, "#pragma namespace(\"\\\\\\\\.\\\\");
    for (size_t i = 0; i < ns.n; i++) {
        if (ns.p[i] == '/') {
            buf_lit(out, "\\\\");
        } else {
            buf_byte(out, ns.p[i]);
        }
    }
    buf_lit(out, "\")\n");
    return buf_ok(out) ? CIMF_OK : CIMF_OUT_OF_MEMORY;
}

static void put_words(struct buf *b, unsigned bits, const unsigned *mask, const char *const *words,
                      size_t n)
{
    bool any = false;
    for (size_t i = 0; i < n; i++) {
        if (!(bits & mask[i])) continue;
        if (any) buf_lit(b, ", ");
        buf_str(b, words[i]);
        any = true;
    }
}

cimf_status mof_write_qualifier_decl(struct buf *out, const struct cim_qualifier_decl *decl)
{
    static const unsigned scope_bits[] = {
        CIM_SCOPE_CLASS, CIM_SCOPE_ASSOCIATION, CIM_SCOPE_INDICATION, CIM_SCOPE_PROPERTY,
        CIM_SCOPE_REFERENCE, CIM_SCOPE_METHOD, CIM_SCOPE_PARAMETER,
    };
    static const char *const scope_words[] = { "class", "association", "indication", "property",
                                               "reference", "method", "parameter" };
    static const unsigned flavor_bits[] = { CIM_FLAVOR_TO_INSTANCE, CIM_FLAVOR_TO_SUBCLASS,
                                            CIM_FLAVOR_AMENDED, CIM_FLAVOR_TRANSLATABLE };
    static const char *const flavor_words[] = { "ToInstance", "ToSubclass", "Amended", "Translatable" };
    struct mof_writer w = begin(out, NULL);
    buf_lit(out, "Qualifier ");
    buf_slice_add(out, decl->name);
    buf_lit(out, " : ");
    buf_str(out, cim_type_name(CIM_BASE(decl->value.type)));
    put_array(&w, decl->value.type, 0);
    if (!decl->value.null) put_default(&w, &decl->value);
    buf_lit(out, ",\n    Scope(");
    if (decl->scope == CIM_SCOPE_ANY) {
        buf_lit(out, "any");
    } else {
        put_words(out, decl->scope, scope_bits, scope_words, 7);
    }
    buf_lit(out, "),\n    Flavor(");
    buf_str(out, decl->flavor & CIM_FLAVOR_NOT_OVERRIDABLE ? "DisableOverride, " : "EnableOverride, ");
    if (!(decl->flavor & (CIM_FLAVOR_TO_INSTANCE | CIM_FLAVOR_TO_SUBCLASS)))
        buf_str(out, decl->flavor & (CIM_FLAVOR_AMENDED | CIM_FLAVOR_TRANSLATABLE) ? "Restricted, "
                                                                                   : "Restricted");
    put_words(out, decl->flavor, flavor_bits, flavor_words, 4);
    return end(&w, ");\n");
}
