/* mof/declare.c - class declarations. */
#include "mof/parse_priv.h"

struct type {
    uint16_t code;           /* CIM_NONE: void */
    struct slice class_name; /* of a reference or object */
    struct slice name;       /* of the member, when reading the type had to read it too */
    uint32_t name_offset;
};

/* Features are either; kept apart in two lists, places beside them. */
struct placed_property {
    struct cim_property_decl decl;
    struct mof_place place;
};
struct placed_method {
    struct cim_method_decl decl;
    struct mof_place place;
};

static uint16_t simple_type(struct slice name)
{
    if (mof_word_is(name, "object")) return CIM_OBJECT;
    enum cim_type type = cim_type_parse(name);
    return type == CIM_REFERENCE ? CIM_NONE : (uint16_t)type;
}

/* Type and name: `uint8 x`, `Class ref x`, `object ref x`, `Class x`, `void x`. `ref` may itself be the
 * name, which only the token behind it tells. */
static bool type_and_name(struct mof_parser *p, bool returned, struct type *out)
{
    *out = (struct type){ 0 };
    if (p->t.kind != MOF_T_NAME)
        return mof_expected(p, MOF_E_EXPECTED_TYPE_IDENTIFIER, "a type");
    struct slice type_name = p->t.text;
    uint32_t type_offset = p->t.start;
    out->code = simple_type(type_name);
    bool is_void = returned && mof_word_is(type_name, "void");
    if (!mof_next(p)) return false;
    if (p->t.kind == '[')
        return mof_expected(p, MOF_E_NO_ARRAYS_RETURNED, "a name: the brackets of an array follow it");
    if (p->t.kind != MOF_T_NAME)
        return mof_expected(p, MOF_E_EXPECTED_PROPERTY_NAME, "a name after the type");
    bool object = out->code == CIM_OBJECT || (out->code == CIM_NONE && !is_void);
    if (out->code == CIM_NONE && !is_void) {
        out->code = CIM_OBJECT;
        out->class_name = type_name;
    }
    out->name = p->t.text;
    out->name_offset = p->t.start;
    bool maybe_ref = object && mof_word_is(p->t.text, "ref");
    if (!mof_next(p)) return false;
    if (maybe_ref && p->t.kind == MOF_T_NAME) {
        out->code = CIM_REFERENCE;
        out->name = p->t.text;
        out->name_offset = p->t.start;
        if (!mof_next(p)) return false;
    }
    if (p->o->strict && mof_word_reserved(out->name)) {
        return mof_fail(p, out->name_offset, CIMF_INVALID_SYNTAX, MOF_E_EXPECTED_PROPERTY_NAME,
                        "expected a name, found the reserved word '" SLICE_FMT "'",
                        SLICE_ARG(out->name));
    }
    if (p->o->strict && out->code == CIM_OBJECT) {
        return mof_fail(p, type_offset, CIMF_INVALID_SYNTAX, MOF_E_UNRECOGNIZED_TYPE,
                        "'" SLICE_FMT "' is not a type", SLICE_ARG(type_name));
    }
    if (out->name.n > LIMIT_CLASS_NAME || out->class_name.n > LIMIT_CLASS_NAME) {
        return mof_fail(p, out->name_offset, CIMF_QUOTA_VIOLATION, 0, "the name is longer than %d bytes",
                        LIMIT_CLASS_NAME);
    }
    return true;
}

/* [n] behind a name. */
static bool brackets(struct mof_parser *p, struct cim_property_decl *out)
{
    if (p->t.kind != '[') return true;
    out->type |= CIM_ARRAY;
    if (!mof_next(p)) return false;
    if (p->t.kind == MOF_T_INTEGER) {
        if (p->t.negative || p->t.number == 0 || p->t.number > UINT32_MAX)
            return mof_expected(p, MOF_E_ILLEGAL_CONSTANT_VALUE, "an array size");
        out->max = (uint32_t)p->t.number;
        if (!mof_next(p)) return false;
    }
    return mof_expect(p, ']', MOF_E_EXPECTED_CLOSE_BRACKET, "an array size or ']'");
}

static bool parameters(struct mof_parser *p, struct cim_method_decl *out)
{
    size_t mark = mof_pile_mark(p);
    while (p->t.kind != ')') {
        struct cim_property_decl param = { 0 };
        struct type type;
        uint32_t at = p->t.start;
        if (out->param_count++ == LIMIT_PARAMETERS) {
            return mof_fail(p, at, CIMF_QUOTA_VIOLATION, 0, "more than %d parameters",
                            LIMIT_PARAMETERS);
        }
        if (!mof_parse_qualifiers(p, &param.qualifiers) ||
            !mof_check_scope(p, param.qualifiers, CIM_SCOPE_PARAMETER, at) ||
            !type_and_name(p, false, &type))
            return false;
        param.name = type.name;
        param.type = type.code;
        param.class_name = type.class_name;
        if (!brackets(p, &param)) return false;
        if (p->t.kind == '=') {
            struct mof_value v;
            param.has_default = true;
            if (!mof_next(p) || !mof_parse_value(p, &v) ||
                !mof_constant(p, &v, param.type, &param.value))
                return false;
        }
        if (!mof_pile_push(p, &param, sizeof param)) return false;
        if (p->t.kind == ')') break;
        if (!mof_expect(p, ',', MOF_E_EXPECTED_CLOSE_PAREN, "',' or ')' after the parameter"))
            return false;
        if (p->t.kind == ')') return mof_expected(p, MOF_E_EXPECTED_TYPE_IDENTIFIER, "a parameter");
    }
    if (!mof_next(p)) return false;
    if (!mof_pile_take(p, mark, sizeof *out->params, &out->params, &out->param_count)) return false;
    mof_names_begin(p);
    for (uint32_t i = 0; i < out->param_count; i++) {
        if (mof_names_add(p, out->params[i].name)) continue;
        return mof_fail(p, p->t.start, CIMF_INVALID_SYNTAX, MOF_E_DUPLICATE_PROPERTY,
                        "the parameter '" SLICE_FMT "' is declared twice",
                        SLICE_ARG(out->params[i].name));
    }
    return true;
}

static bool method(struct mof_parser *p, const struct type *type, struct cim_qualifiers qualifiers,
                   struct placed_method *out)
{
    *out = (struct placed_method){ .place = { p->file, type->name_offset } };
    out->decl.name = type->name;
    out->decl.return_type = type->code;
    out->decl.return_class = type->class_name;
    out->decl.qualifiers = qualifiers;
    return mof_check_scope(p, qualifiers, CIM_SCOPE_METHOD, type->name_offset) && mof_next(p) &&
           parameters(p, &out->decl) &&
           mof_expect(p, ';', MOF_E_EXPECTED_SEMI, "';' after the method");
}

/* Behind the name: [size] [= default] ; A default that needs a schema goes to *later. */
static bool property(struct mof_parser *p, const struct type *type, struct cim_qualifiers qualifiers,
                     struct placed_property *out, struct mof_value *later, bool *is_later)
{
    *out = (struct placed_property){ .place = { p->file, type->name_offset } };
    out->decl.name = type->name;
    out->decl.type = type->code;
    out->decl.class_name = type->class_name;
    out->decl.qualifiers = qualifiers;
    *is_later = false;
    uint32_t scope = type->code == CIM_REFERENCE ? CIM_SCOPE_REFERENCE : CIM_SCOPE_PROPERTY;
    if (!mof_check_scope(p, qualifiers, scope, type->name_offset) || !brackets(p, &out->decl))
        return false;
    if (p->t.kind == '=') {
        if (!mof_next(p) || !mof_parse_value(p, later)) return false;
        *is_later = mof_is_symbolic(later);
        out->decl.has_default = !*is_later;
        if (!*is_later && !mof_constant(p, later, out->decl.type, &out->decl.value)) return false;
    }
    return mof_expect(p, ';', MOF_E_EXPECTED_SEMI, "'=', '(' or ';' after the name");
}

/* Three lists grow at once, so they are counted in one pile and sorted out at the end. */
struct feature {
    bool is_method, is_later;
    union {
        struct placed_property property;
        struct placed_method method;
    };
    struct mof_value later;
};

static bool feature(struct mof_parser *p, struct feature *out)
{
    struct cim_qualifiers qualifiers;
    struct type type;
    memset(out, 0, sizeof *out);
    if (!mof_parse_qualifiers(p, &qualifiers) || !type_and_name(p, true, &type)) return false;
    out->is_method = p->t.kind == '(';
    if (out->is_method) return method(p, &type, qualifiers, &out->method);
    if (type.code == CIM_NONE) return mof_expected(p, MOF_E_EXPECTED_OPEN_PAREN, "'(': only methods are void");
    return property(p, &type, qualifiers, &out->property, &out->later, &out->is_later);
}

static bool sort_out(struct mof_parser *p, struct mof_class *c, const struct feature *f, uint32_t n)
{
    uint32_t methods = 0, later = 0;
    for (uint32_t i = 0; i < n; i++) {
        methods += f[i].is_method;
        later += f[i].is_later;
    }
    c->decl.properties = ARENA_ARRAY(p->a, n - methods, struct cim_property_decl);
    c->property_places = ARENA_ARRAY(p->a, n - methods, struct mof_place);
    c->decl.methods = ARENA_ARRAY(p->a, methods, struct cim_method_decl);
    c->method_places = ARENA_ARRAY(p->a, methods, struct mof_place);
    c->defaults = ARENA_ARRAY(p->a, later, struct mof_default);
    if (p->a->overflow) return mof_no_room(p);
    for (uint32_t i = 0; i < n; i++) {
        if (f[i].is_method) {
            c->method_places[c->decl.method_count] = f[i].method.place;
            c->decl.methods[c->decl.method_count++] = f[i].method.decl;
            continue;
        }
        if (f[i].is_later)
            c->defaults[c->default_count++] = (struct mof_default){ c->decl.property_count, f[i].later };
        c->property_places[c->decl.property_count] = f[i].property.place;
        c->decl.properties[c->decl.property_count++] = f[i].property.decl;
    }
    return true;
}

static bool unique_features(struct mof_parser *p, const struct mof_class *c)
{
    mof_names_begin(p);
    for (uint32_t i = 0; i < c->decl.property_count; i++) {
        if (mof_names_add(p, c->decl.properties[i].name)) continue;
        return mof_fail(p, c->property_places[i].offset, CIMF_INVALID_SYNTAX, MOF_E_DUPLICATE_PROPERTY,
                        "the property '" SLICE_FMT "' is declared twice",
                        SLICE_ARG(c->decl.properties[i].name));
    }
    mof_names_begin(p);
    for (uint32_t i = 0; i < c->decl.method_count; i++) {
        if (mof_names_add(p, c->decl.methods[i].name)) continue;
        return mof_fail(p, c->method_places[i].offset, CIMF_INVALID_SYNTAX, MOF_E_DUPLICATE_PROPERTY,
                        "the method '" SLICE_FMT "' is declared twice",
                        SLICE_ARG(c->decl.methods[i].name));
    }
    return true;
}

static bool body(struct mof_parser *p, struct mof_class *c)
{
    size_t mark = mof_pile_mark(p);
    uint32_t n = 0;
    if (!mof_expect(p, '{', MOF_E_EXPECTED_OPEN_BRACE, "'{' before the members of the class"))
        return false;
    for (; p->t.kind != '}'; n++) {
        struct feature f;
        if (n == LIMIT_PROPERTIES + LIMIT_METHODS)
            return mof_fail(p, p->t.start, CIMF_QUOTA_VIOLATION, 0, "the class has too many members");
        if (!feature(p, &f) || !mof_pile_push(p, &f, sizeof f)) return false;
    }
    if (!mof_next(p)) return false;
    const void *list = p->pile.p ? p->pile.p + mark : NULL;
    if (!sort_out(p, c, list, n)) return false;
    p->pile.n = mark;
    return unique_features(p, c);
}

static uint32_t class_scope(struct cim_qualifiers q)
{
    if (cim_qualifier_true(q, "association")) return CIM_SCOPE_ASSOCIATION;
    if (cim_qualifier_true(q, "indication")) return CIM_SCOPE_INDICATION;
    return CIM_SCOPE_CLASS;
}

bool mof_parse_class(struct mof_parser *p, struct cim_qualifiers qualifiers, struct mof_class *out,
                     struct slice *alias, uint32_t *alias_offset)
{
    memset(out, 0, sizeof *out);
    *alias = SLICE_NULL;
    *alias_offset = p->t.start;
    out->decl.qualifiers = qualifiers;
    if (!mof_next(p)) return false;
    out->place = mof_here(p);
    if (!mof_take_name(p, MOF_E_EXPECTED_CLASS_NAME, "the name of the class", &out->decl.name) ||
        !mof_check_scope(p, qualifiers, class_scope(qualifiers), out->place.offset))
        return false;
    if (mof_token_is(&p->t, "as")) {
        if (!mof_next(p)) return false;
        if (p->t.kind != MOF_T_ALIAS)
            return mof_expected(p, MOF_E_EXPECTED_DOLLAR, "an alias ($Name) after 'as'");
        *alias = p->t.text;
        *alias_offset = p->t.start;
        if (!mof_next(p)) return false;
    }
    if (p->t.kind == ':') {
        if (!mof_next(p) ||
            !mof_take_name(p, MOF_E_EXPECTED_CLASS_NAME, "the name of the superclass", &out->decl.super))
            return false;
    }
    return body(p, out);
}
