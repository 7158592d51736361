/*
 * From the declared form of a class and its resolved superclass to the resolved class. What is inherited
 * is not copied: names, values and qualifier sets are borrowed from the superclass, which the class
 * holds; only the array of properties is its own, so that an index is a slot.
 */
#include "base/utf.h"
#include "cim/cim_priv.h"

cimf_status resolve_fail(struct resolve *r, cimf_status status, struct slice member,
                         const char *what)
{
    if (member.n) {
        error_set(r->e, status, "cim", SLICE_FMT "." SLICE_FMT ": %s", SLICE_ARG(r->c->name),
                  SLICE_ARG(member), what);
    } else {
        error_set(r->e, status, "cim", SLICE_FMT ": %s", SLICE_ARG(r->c->name), what);
    }
    error_subject(r->e, r->c->name);
    return status;
}

static cimf_status no_memory(struct resolve *r)
{
    return resolve_fail(r, CIMF_OUT_OF_MEMORY, SLICE_NULL, "the class needs too much memory");
}

/* --- one property or parameter ---------------------------------------------------------------- */

/* "ref:Class" of an explicit CIMTYPE qualifier names the class where the declaration does not. */
static struct slice class_of_cimtype(struct cim_qualifiers set)
{
    struct slice text = cim_qualifier_text(set, "CIMTYPE");
    struct slice rest, head = slice_split(text, ':', &rest);
    bool typed = slice_ieq(head, SLICE("ref")) || slice_ieq(head, SLICE("object"));
    return typed ? rest : SLICE_NULL;
}

static cimf_status cimtype(struct resolve *r, const struct cim_property *p, struct slice *out)
{
    *out = slice_str(cim_type_name(p->type));
    if (!p->class_name.n) return CIMF_OK;
    *out = arena_printf(r->a, SLICE_FMT ":" SLICE_FMT, SLICE_ARG(*out), SLICE_ARG(p->class_name));
    return out->p ? CIMF_OK : no_memory(r);
}

static cimf_status resolve_default(struct resolve *r, struct cim_property_decl *d,
                                   struct slice where, struct cim_property *p)
{
    struct cim_value v;
    cimf_status st = cim_value_convert(r->a, &d->value, p->type, &v);
    if (st != CIMF_OK) {
        return resolve_fail(r, st, where, "the default value does not fit the type");
    }
    d->value = v;
    p->flags &= (uint16_t)~CIM_PROP_HAS_DEFAULT;
    if (v.null) return CIMF_OK;
    p->flags |= CIM_PROP_HAS_DEFAULT;
    p->def = v.v;
    return CIMF_OK;
}

cimf_status resolve_property(struct resolve *r, struct cim_property_decl *d, struct slice where,
                             struct cim_property *p, struct cim_qualifiers from)
{
    struct slice class_name = d->class_name.n ? d->class_name : class_of_cimtype(d->qualifiers);
    bool classy = CIM_BASE(p->type) == CIM_REFERENCE || CIM_BASE(p->type) == CIM_OBJECT;
    if (classy && class_name.n && !slice_ieq(class_name, SLICE("object"))) {
        p->class_name = class_name;
    }
    if (d->max) p->max = d->max;
    struct slice type;
    cimf_status st = d->has_default ? resolve_default(r, d, where, p) : CIMF_OK;
    if (st == CIMF_OK) st = cimtype(r, p, &type);
    if (st == CIMF_OK) {
        st = resolve_qualifiers(r, &d->qualifiers, from, type, where, &p->qualifiers);
    }
    if (st != CIMF_OK) return st;
    p->flags &= (uint16_t)~(CIM_PROP_KEY | CIM_PROP_NOT_NULL | CIM_PROP_INDEXED);
    if (cim_qualifier_true(p->qualifiers, "key")) p->flags |= CIM_PROP_KEY;
    if (cim_qualifier_true(p->qualifiers, "not_null")) p->flags |= CIM_PROP_NOT_NULL;
    if (cim_qualifier_true(p->qualifiers, "indexed")) p->flags |= CIM_PROP_INDEXED;
    return CIMF_OK;
}

/* --- properties of the class ------------------------------------------------------------------ */

static struct cim_qualifiers next_passed(const struct cim_class *super, uint32_t *at)
{
    return super->passed[1 + (*at)++];
}

/* Inherited properties as this class has them before its own declarations. */
static void inherit_properties(struct resolve *r, struct cim_property *props)
{
    const struct cim_class *super = r->super;
    if (!super) return;
    uint32_t at = 0;
    if (super->property_count) {
        memcpy(props, super->properties, super->property_count * sizeof *props);
    }
    for (uint32_t i = 0; i < super->property_count; i++) {
        if (!(props[i].flags & (CIM_PROP_LOCAL | CIM_PROP_OVERRIDDEN))) continue;
        props[i].flags &= (uint16_t)~(CIM_PROP_LOCAL | CIM_PROP_OVERRIDDEN);
        props[i].qualifiers = next_passed(super, &at);
    }
}

static cimf_status check_key(struct resolve *r, const struct cim_property *p, bool was_key)
{
    if (!(p->flags & CIM_PROP_KEY) || was_key) return CIMF_OK;
    unsigned base = CIM_BASE(p->type);
    if (r->super && r->super->key_class) {
        return resolve_fail(r, CIMF_CANNOT_BE_KEY, p->name,
                            "a class below a keyed class cannot add keys");
    }
    if (CIM_IS_ARRAY(p->type) || cim_type_is_real(base) || base == CIM_OBJECT) {
        return resolve_fail(r, CIMF_CANNOT_BE_KEY, p->name,
                            "arrays, reals and embedded objects cannot be keys");
    }
    return CIMF_OK;
}

static cimf_status override_property(struct resolve *r, struct cim_property_decl *d,
                                     struct cim_property *p)
{
    bool was_key = p->flags & CIM_PROP_KEY;
    if (p->flags & CIM_PROP_OVERRIDDEN) {
        return resolve_fail(r, CIMF_INVALID_OBJECT, d->name, "the property is declared twice");
    }
    if (d->type != CIM_NONE && d->type != p->type) {
        return resolve_fail(r, CIMF_TYPE_MISMATCH, d->name,
                            "an inherited property keeps its type");
    }
    cimf_status st = resolve_property(r, d, d->name, p, p->qualifiers);
    p->flags |= CIM_PROP_OVERRIDDEN;
    return st == CIMF_OK ? check_key(r, p, was_key) : st;
}

static cimf_status new_property(struct resolve *r, struct cim_property_decl *d,
                                struct cim_property *p)
{
    if (!cim_type_size(d->type) || (d->type & ~(CIM_ARRAY | 0xFF))) {
        return resolve_fail(r, d->type == CIM_NONE ? CIMF_INVALID_PROPERTY : CIMF_INVALID_CIM_TYPE,
                            d->name, d->type == CIM_NONE ? "no inherited property has this name"
                                                         : "not a CIM type");
    }
    bool system = r->flags & (CIM_RESOLVE_SYSTEM | RESOLVE_ADHOC);
    if (!cim_name_valid(d->name, system) || utf16_units(d->name) > LIMIT_CLASS_NAME) {
        return resolve_fail(r, CIMF_INVALID_PARAMETER, d->name, "not a valid property name");
    }
    *p = (struct cim_property){ .name = d->name, .type = d->type, .flags = CIM_PROP_LOCAL,
                                .param_id = -1, .origin = r->c->name };
    cimf_status st = resolve_property(r, d, d->name, p, (struct cim_qualifiers){ NULL, 0 });
    return st == CIMF_OK ? check_key(r, p, false) : st;
}

static void drop_property(struct cim_class_decl *decl, uint32_t i)
{
    decl->property_count--;
    memmove(&decl->properties[i], &decl->properties[i + 1],
            (decl->property_count - i) * sizeof *decl->properties);
}

static cimf_status declare_properties(struct resolve *r, struct cim_property *props,
                                      uint16_t *by_name)
{
    struct cim_class *c = r->c;
    uint32_t n = r->super ? r->super->property_count : 0;
    for (uint32_t i = 0; i < c->decl.property_count; i++) {
        struct cim_property_decl *d = &c->decl.properties[i];
        int at = r->super ? cim_class_property(r->super, d->name) : -1;
        cimf_status st;
        if (at >= 0) {
            st = override_property(r, d, &props[at]);
        } else if (d->type == CIM_NONE && (r->flags & CIM_RESOLVE_FORCE)) {
            drop_property(&c->decl, i--); /* what it refined is gone from the superclass */
            continue;
        } else {
            st = new_property(r, d, &props[n]);
            if (st == CIMF_OK && !class_index_add(c, by_name, n, n)) {
                st = resolve_fail(r, CIMF_INVALID_OBJECT, d->name, "the property is declared twice");
            }
            n++;
        }
        if (st != CIMF_OK) return st;
    }
    c->property_count = n;
    return CIMF_OK;
}

static cimf_status collect_keys(struct resolve *r)
{
    struct cim_class *c = r->c;
    uint32_t n = 0;
    for (uint32_t i = 0; i < c->property_count; i++) n += (c->properties[i].flags & CIM_PROP_KEY) != 0;
    if (n > LIMIT_KEYS) {
        return resolve_fail(r, CIMF_QUOTA_VIOLATION, SLICE_NULL, "too many keys");
    }
    c->key_count = n;
    c->key_class = r->super && r->super->key_class ? r->super->key_class : n ? c : NULL;
    if (!n) return CIMF_OK;
    if (r->super && r->super->key_count == n) { /* the same indexes: inherited ones come first */
        c->keys = r->super->keys;
        return CIMF_OK;
    }
    uint16_t *keys = ARENA_ARRAY(r->a, n, uint16_t);
    if (!keys) return no_memory(r);
    n = 0;
    for (uint32_t i = 0; i < c->property_count; i++) {
        if (c->properties[i].flags & CIM_PROP_KEY) keys[n++] = (uint16_t)i;
    }
    c->keys = keys;
    return CIMF_OK;
}

static cimf_status resolve_properties(struct resolve *r)
{
    struct cim_class *c = r->c;
    const struct cim_class *super = r->super;
    size_t inherited = super ? super->property_count : 0;
    size_t n = inherited + c->decl.property_count;
    /* Room for what is declared; overrides leave it unused, so count them first. */
    for (uint32_t i = 0; super && i < c->decl.property_count; i++) {
        if (cim_class_property(super, c->decl.properties[i].name) >= 0) n--;
    }
    if (n > LIMIT_PROPERTIES) {
        return resolve_fail(r, CIMF_QUOTA_VIOLATION, SLICE_NULL, "too many properties");
    }
    struct cim_property *props = ARENA_ARRAY(r->a, n, struct cim_property);
    bool share = super && n == inherited;
    uint16_t *by_name = share ? NULL : ARENA_ARRAY(r->a, n, uint16_t);
    if (!props || (!share && !by_name)) return no_memory(r);
    c->properties = props;
    c->by_name = share ? super->by_name : by_name;
    inherit_properties(r, props);
    if (!share && inherited) memcpy(by_name, super->by_name, inherited * sizeof *by_name);
    cimf_status st = declare_properties(r, props, by_name);
    if (st != CIMF_OK) return st;
    for (uint32_t i = 0; i < c->property_count && st == CIMF_OK; i++) {
        if (!(props[i].flags & (CIM_PROP_LOCAL | CIM_PROP_OVERRIDDEN))) continue;
        st = pass_qualifiers(r->a, props[i].qualifiers, r->passed++);
    }
    return st == CIMF_OK ? collect_keys(r) : no_memory(r);
}

/* --- the class as a whole --------------------------------------------------------------------- */

static cimf_status check_name(struct resolve *r)
{
    struct slice name = r->c->name;
    bool system = r->flags & CIM_RESOLVE_SYSTEM;
    if (r->flags & RESOLVE_ADHOC) return CIMF_OK;
    if (name.n > LIMIT_CLASS_NAME && utf16_units(name) > LIMIT_CLASS_NAME) {
        return resolve_fail(r, CIMF_QUOTA_VIOLATION, SLICE_NULL, "the name is too long");
    }
    if (name.n && name.p[0] == '_' && !system) {
        return resolve_fail(r, CIMF_INVALID_OPERATION, SLICE_NULL,
                            "names that begin with '_' are reserved for system classes");
    }
    if (!cim_name_valid(name, system)) {
        return resolve_fail(r, CIMF_INVALID_PARAMETER, SLICE_NULL, "not a valid class name");
    }
    if (name.p[name.n - 1] == '_' && !system) {
        return resolve_fail(r, CIMF_INVALID_OBJECT, SLICE_NULL, "a class name cannot end with '_'");
    }
    return CIMF_OK;
}

static cimf_status check_super(struct resolve *r)
{
    const struct cim_class_decl *d = &r->c->decl;
    const struct cim_class *super = r->super;
    if (!super && !d->super.n) return CIMF_OK;
    if (!super) {
        return resolve_fail(r, CIMF_NOT_FOUND, SLICE_NULL, "the superclass does not exist");
    }
    if (!slice_ieq(super->name, d->super)) {
        return resolve_fail(r, CIMF_INVALID_SUPERCLASS, SLICE_NULL, "resolved against another class");
    }
    if (cim_class_isa(super, r->c->name)) {
        return resolve_fail(r, CIMF_CIRCULAR_REFERENCE, SLICE_NULL, "the class derives from itself");
    }
    if (super->flags & CIM_CLASS_TERMINAL) {
        return resolve_fail(r, CIMF_INVALID_OPERATION, SLICE_NULL,
                            "the superclass is terminal: it cannot have subclasses");
    }
    if (super->depth + 1 >= LIMIT_DERIVATION) {
        return resolve_fail(r, CIMF_QUOTA_VIOLATION, SLICE_NULL, "too many classes above it");
    }
    return CIMF_OK;
}

static cimf_status resolve_class_qualifiers(struct resolve *r)
{
    struct cim_class *c = r->c;
    struct cim_qualifiers from = { NULL, 0 };
    if (r->super) from = r->super->passed[0];
    cimf_status st = resolve_qualifiers(r, &c->decl.qualifiers, from, SLICE_NULL, SLICE_NULL,
                                        &c->qualifiers);
    if (st != CIMF_OK) return st;
    static const struct {
        const char *name;
        uint32_t flag;
    } flags[] = {
        { "abstract", CIM_CLASS_ABSTRACT },       { "singleton", CIM_CLASS_SINGLETON },
        { "association", CIM_CLASS_ASSOCIATION }, { "indication", CIM_CLASS_INDICATION },
        { "dynamic", CIM_CLASS_DYNAMIC },         { "terminal", CIM_CLASS_TERMINAL },
        { "amendment", CIM_CLASS_AMENDMENT },
    };
    for (unsigned i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        if (cim_qualifier_true(c->qualifiers, flags[i].name)) c->flags |= flags[i].flag;
    }
    if (slice_starts(c->name, SLICE("__"))) c->flags |= CIM_CLASS_SYSTEM;
    st = pass_qualifiers(r->a, c->qualifiers, r->passed++);
    return st == CIMF_OK ? CIMF_OK : no_memory(r);
}

/* M5, M6. A superclass that is abstract and has no keys has no instance to contradict a singleton below
 * it: Windows' own schema does that (Win32_OperatingSystem, Win32_WMISetting), so it is allowed. */
static cimf_status check_rules(struct resolve *r)
{
    struct cim_class *c = r->c;
    const struct cim_class *super = r->super;
    if (c->key_count) c->flags |= CIM_CLASS_KEYED;
    if (r->flags & RESOLVE_ADHOC) return CIMF_OK;
    if (c->flags & CIM_CLASS_SINGLETON) {
        if (c->key_count) {
            return resolve_fail(r, CIMF_CANNOT_BE_SINGLETON, SLICE_NULL,
                                "a class with keys cannot be a singleton");
        }
        if (super && !(super->flags & (CIM_CLASS_SINGLETON | CIM_CLASS_ABSTRACT))) {
            return resolve_fail(r, CIMF_CANNOT_BE_SINGLETON, SLICE_NULL,
                                "the superclass is not a singleton");
        }
    }
    if ((c->flags & CIM_CLASS_ABSTRACT) && super && !(super->flags & CIM_CLASS_ABSTRACT) &&
        !(r->flags & CIM_RESOLVE_DSP0004)) { /* CIM_PolicyInSystem of DMTF's schema is such a class */
        return resolve_fail(r, CIMF_CANNOT_BE_ABSTRACT, SLICE_NULL, "the superclass is not abstract");
    }
    return CIMF_OK;
}

static cimf_status resolve_all(struct resolve *r, const struct cim_class_decl *decl,
                               struct slice ns)
{
    struct cim_class *c = r->c;
    c->name = decl->name; /* for messages, until it is copied */
    if (decl->property_count > LIMIT_PROPERTIES || decl->method_count > LIMIT_METHODS) {
        return resolve_fail(r, CIMF_QUOTA_VIOLATION, SLICE_NULL, "too many members");
    }
    cimf_status st = cim_class_decl_copy(r->a, decl, &c->decl);
    if (st != CIMF_OK) return no_memory(r);
    c->name = c->decl.name;
    c->name_hash = slice_ihash(c->name);
    c->ns = ns.n && r->super && slice_eq(r->super->ns, ns) ? r->super->ns : arena_dup(r->a, ns);
    if (!c->ns.p) return no_memory(r);
    st = check_name(r);
    if (st == CIMF_OK) st = check_super(r);
    if (st != CIMF_OK) return st;
    c->super = cim_class_ref(r->super);
    c->dynasty = r->super ? r->super->dynasty : c;
    c->depth = r->super ? r->super->depth + 1 : 0;
    size_t members = 1 + (size_t)c->decl.property_count + c->decl.method_count;
    r->passed = ARENA_ARRAY(r->a, members, struct cim_qualifiers);
    if (!r->passed) return no_memory(r);
    c->passed = r->passed;
    st = resolve_class_qualifiers(r);
    if (st == CIMF_OK) st = resolve_properties(r);
    if (st == CIMF_OK) st = resolve_methods(r);
    return st == CIMF_OK ? check_rules(r) : st;
}

/* What the resolved form takes besides the declared one. A guess that is mostly a little too high. */
static size_t resolved_size(const struct cim_class_decl *d, const struct cim_class *super)
{
    size_t sets = 2 * sizeof(struct cim_qualifier);
    size_t props = d->property_count + (super ? super->property_count : 0);
    size_t size = props * (sizeof(struct cim_property) + sizeof(uint16_t)) + 128;
    size += (1 + (size_t)d->property_count + d->method_count) * sizeof(struct cim_qualifiers);
    size += sets * (d->qualifiers.n + (super ? super->passed[0].n : 0));
    for (uint32_t i = 0; i < d->property_count; i++) {
        const struct cim_property_decl *p = &d->properties[i];
        size += sets * (p->qualifiers.n + 1) + (p->class_name.n ? p->class_name.n + 32 : 0);
    }
    if (d->method_count || (super && super->method_count)) {
        size += (d->method_count + (super ? super->method_count : 0)) * sizeof(struct cim_method);
    }
    for (uint32_t i = 0; i < d->method_count; i++) {
        const struct cim_method_decl *m = &d->methods[i];
        size += sets * m->qualifiers.n + 2 * sizeof(struct cim_class) + 256;
        for (uint32_t j = 0; j < m->param_count; j++) {
            size += sizeof(struct cim_property) + 64 +
                    sizeof(struct cim_qualifier) * (m->params[j].qualifiers.n + 2);
        }
    }
    return size;
}

cimf_status cim_class_resolve(const struct cim_class_decl *decl, const struct cim_class *super,
                              struct slice ns, unsigned flags, const struct cim_class **out,
                              struct error *e)
{
    *out = NULL;
    struct cim_class *c = class_new(class_decl_size(decl) + resolved_size(decl, super));
    if (!c) return error_set(e, CIMF_OUT_OF_MEMORY, "cim", "no memory for a class");
    c->resolve_flags = flags & ~(unsigned)CIM_RESOLVE_FORCE;
    struct resolve r = { .c = c, .super = super, .a = &c->arena, .flags = flags, .e = e };
    cimf_status st = resolve_all(&r, decl, ns);
    if (st != CIMF_OK) {
        cim_class_unref(c);
        return st;
    }
    *out = c;
    return CIMF_OK;
}
