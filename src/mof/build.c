/* mof/build.c - values, instances and class defaults, typed by what the target knows. */
#include "cim/path.h"
#include "mof/apply_priv.h"

static bool embeds_text(unsigned type, struct cim_qualifiers qualifiers)
{
    return CIM_BASE(type) == CIM_STRING && (cim_qualifier_find(qualifiers, SLICE("EmbeddedInstance")) ||
                                            cim_qualifier_true(qualifiers, "EmbeddedObject"));
}

static cimf_status misfit(struct mof_compile *c, struct mof_place place, unsigned type)
{
    return mof_compile_error(c, place, CIMF_TYPE_MISMATCH, MOF_E_TYPE_MISMATCH,
                             "the value does not fit the type %s%s", cim_type_name(CIM_BASE(type)),
                             CIM_IS_ARRAY(type) ? "[]" : "");
}

/* Path of an aliased instance as a reference in the namespace at work sees it. */
static cimf_status alias_path(struct mof_compile *c, const struct mof_value *in, struct slice *out)
{
    const struct mof_production *made = &c->u->productions[in->alias.target];
    struct mof_symbol *symbol = &c->symbols[in->alias.target];
    struct cim_path path = { .kind = CIM_PATH_CLASS, .class_name = made->cls.decl.name };
    struct error cause = ERROR_INIT;
    struct buf text;
    bool here = slice_ieq(made->ns, c->ns);
    if (here && symbol->path.p) {
        *out = symbol->path;
        return CIMF_OK;
    }
    if (symbol->instance) {
        cimf_status st = cim_path_of(c->a, symbol->instance, &path, &cause);
        if (st) return mof_compile_failed(c, in->place, st, &cause);
    }
    path.server = here ? SLICE_NULL : SLICE(".");
    path.ns = here ? SLICE_NULL : made->ns;
    buf_init(&text, 0);
    bool ok = cim_path_write(&text, &path, here);
    *out = ok ? arena_dup(c->a, buf_slice(&text)) : SLICE_NULL;
    buf_free(&text);
    if (!out->p) return mof_compile_no_room(c, in->place);
    if (here) symbol->path = *out;
    return CIMF_OK;
}

/* The object that a value stands for: an instance, a class, an alias of either. */
static cimf_status embedded_object(struct mof_compile *c, const struct mof_value *in,
                                   struct slice class_name, const struct cim_object **out)
{
    const struct cim_class *cls = NULL;
    struct error cause = ERROR_INIT;
    cimf_status st = CIMF_OK;
    if (in->kind == MOF_ALIAS) {
        const struct mof_symbol *symbol = &c->symbols[in->alias.target];
        *out = symbol->instance ? &symbol->instance->object : &symbol->cls->object;
    } else if (in->kind == MOF_INSTANCE) {
        struct cim_instance *made;
        st = mof_build_instance(c, in->instance, &made);
        if (st) return st;
        *out = &made->object;
    } else {
        struct cim_class_decl decl;
        st = mof_build_class(c, in->cls, &decl);
        if (st) return st;
        const struct cim_class *super = decl.super.n ? c->target->find_class(c->arg, c->ns, decl.super)
                                                     : NULL;
        if (decl.super.n && !super) {
            return mof_compile_error(c, in->cls->place, CIMF_INVALID_SUPERCLASS, 0,
                                     "the superclass " SLICE_FMT " does not exist in " SLICE_FMT,
                                     SLICE_ARG(decl.super), SLICE_ARG(c->ns));
        }
        st = cim_class_resolve(&decl, super, c->ns, CIM_RESOLVE_SYSTEM, &cls, &cause);
        if (st) return mof_compile_failed(c, in->cls->place, st, &cause);
        bool held = cim_class_hold(c->a, cls);
        cim_class_unref(cls);
        if (!held) return mof_compile_no_room(c, in->place);
        *out = &cls->object;
    }
    if (class_name.n && !cim_class_isa(cim_object_class(*out), class_name)) {
        return mof_compile_error(c, in->place, CIMF_TYPE_MISMATCH, MOF_E_TYPE_MISMATCH,
                                 "the object is a " SLICE_FMT ", the property wants a " SLICE_FMT,
                                 SLICE_ARG(cim_object_class(*out)->name), SLICE_ARG(class_name));
    }
    return CIMF_OK;
}

static cimf_status object_text(struct mof_compile *c, const struct mof_value *in,
                               const struct cim_object *o, struct slice *out)
{
    struct buf text;
    buf_init(&text, LIMIT_MOF_STRING);
    cimf_status st = cim_as_instance(o) ? mof_write_instance(&text, cim_as_instance(o), NULL)
                                        : mof_write_class(&text, cim_as_class(o), NULL);
    if (st == CIMF_OK) *out = arena_dup(c->a, buf_slice(&text));
    buf_free(&text);
    if (st) return mof_compile_failed(c, in->place, st, NULL);
    return out->p ? CIMF_OK : mof_compile_no_room(c, in->place);
}

static cimf_status scalar(struct mof_compile *c, const struct mof_value *in, unsigned type,
                          struct slice class_name, bool text, struct cim_value *out)
{
    *out = (struct cim_value){ .type = (uint16_t)type };
    if (in->kind == MOF_LITERAL) {
        out->null = in->literal.null;
        if (out->null) return CIMF_OK;
        cimf_status st = cim_value_convert(c->a, &in->literal, type, out);
        if (st == CIMF_OUT_OF_MEMORY) return mof_compile_no_room(c, in->place);
        return st ? misfit(c, in->place, type) : CIMF_OK;
    }
    if (in->kind == MOF_LIST) {
        return mof_compile_error(c, in->place, CIMF_TYPE_MISMATCH, MOF_E_UNEXPECTED_ARRAY_INIT,
                                 "a list stands where one value of type %s is expected",
                                 cim_type_name(type));
    }
    if (in->kind == MOF_ALIAS && !text && (type == CIM_REFERENCE || type == CIM_STRING))
        return alias_path(c, in, &out->v.s);
    if (type != CIM_OBJECT && !text) return misfit(c, in->place, type);
    const struct cim_object *o;
    cimf_status st = embedded_object(c, in, class_name, &o);
    if (st) return st;
    if (text) return object_text(c, in, o, &out->v.s);
    out->v.o = o;
    return CIMF_OK;
}

/* A value for a property of this type; `text` says that the property is a string that embeds an object
 * as MOF text (EmbeddedInstance, EmbeddedObject). */
static cimf_status build_value(struct mof_compile *c, const struct mof_value *in, unsigned type,
                               struct slice class_name, bool text, struct cim_value *out)
{
    if (!CIM_IS_ARRAY(type)) return scalar(c, in, type, class_name, text, out);
    *out = (struct cim_value){ .type = (uint16_t)type };
    if (in->kind == MOF_LITERAL && in->literal.null) {
        out->null = true;
        return CIMF_OK;
    }
    /* One value for an array is an array of one. */
    const struct mof_value *items = in->kind == MOF_LIST ? in->list.items : in;
    uint32_t count = in->kind == MOF_LIST ? in->list.count : 1;
    if (!cim_array_new(c->a, CIM_BASE(type), count, &out->v.a)) return mof_compile_no_room(c, in->place);
    for (uint32_t i = 0; i < count; i++) {
        struct cim_value item;
        cimf_status st = scalar(c, &items[i], CIM_BASE(type), class_name, text, &item);
        if (st) return st;
        if (item.null) {
            return mof_compile_error(c, items[i].place, CIMF_ILLEGAL_NULL, MOF_E_NULL_ARRAY_ELEM,
                                     "an element of an array cannot be NULL");
        }
        cim_array_set(out->v.a, CIM_BASE(type), i, item.v);
    }
    return CIMF_OK;
}

static cimf_status assign(struct mof_compile *c, struct cim_instance *in,
                          const struct mof_assignment *item, struct cim_qualifiers **qualifiers)
{
    const struct cim_class *cls = in->cls;
    int index = cim_class_property(cls, item->name);
    if (index < 0) {
        return mof_compile_error(c, item->place, CIMF_INVALID_PROPERTY, MOF_E_EXPECTED_PROPERTY_NAME,
                                 "the class " SLICE_FMT " has no property '" SLICE_FMT "'",
                                 SLICE_ARG(cls->name), SLICE_ARG(item->name));
    }
    if (item->qualifiers.n) {
        if (!*qualifiers) {
            *qualifiers = ARENA_ARRAY(c->a, cls->property_count, struct cim_qualifiers);
            if (!*qualifiers) return mof_compile_no_room(c, item->place);
            in->property_qualifiers = *qualifiers;
        }
        (*qualifiers)[index] = item->qualifiers;
    }
    if (!item->has_value) return CIMF_OK;
    const struct cim_property *p = &cls->properties[index];
    struct cim_value v;
    cimf_status st = build_value(c, &item->value, p->type, p->class_name,
                                 embeds_text(p->type, p->qualifiers), &v);
    if (st) return st;
    if (v.null) {
        cim_set_null(in, (unsigned)index);
    } else {
        cim_set(in, (unsigned)index, v.v);
    }
    return CIMF_OK;
}

cimf_status mof_build_instance(struct mof_compile *c, const struct mof_instance *in,
                               struct cim_instance **out)
{
    const struct cim_class *cls = c->target->find_class(c->arg, c->ns, in->class_name);
    if (!cls) {
        return mof_compile_error(c, in->place, CIMF_INVALID_CLASS, MOF_E_EXPECTED_CLASS_NAME,
                                 "the class " SLICE_FMT " does not exist in " SLICE_FMT,
                                 SLICE_ARG(in->class_name), SLICE_ARG(c->ns));
    }
    struct cim_instance *made = cim_instance_new(c->a, cls);
    if (!made) return mof_compile_no_room(c, in->place);
    made->ns = c->ns;
    made->qualifiers = in->qualifiers;
    struct cim_qualifiers *qualifiers = NULL;
    for (uint32_t i = 0; i < in->count; i++) {
        cimf_status st = assign(c, made, &in->items[i], &qualifiers);
        if (st) return st;
    }
    *out = made;
    return CIMF_OK;
}

cimf_status mof_build_class(struct mof_compile *c, const struct mof_class *in,
                            struct cim_class_decl *out)
{
    *out = in->decl;
    if (!in->default_count) return CIMF_OK;
    out->properties = ARENA_ARRAY(c->a, out->property_count, struct cim_property_decl);
    if (!out->properties) return mof_compile_no_room(c, in->place);
    memcpy(out->properties, in->decl.properties, out->property_count * sizeof *out->properties);
    for (uint32_t i = 0; i < in->default_count; i++) {
        struct cim_property_decl *p = &out->properties[in->defaults[i].property];
        cimf_status st = build_value(c, &in->defaults[i].value, p->type, p->class_name,
                                     embeds_text(p->type, p->qualifiers), &p->value);
        if (st) return st;
        p->has_default = true;
    }
    return CIMF_OK;
}
