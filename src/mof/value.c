/* mof/value.c - initialisers and instances. */
#include "mof/parse_priv.h"

/* --- constants ----------------------------------------------------------------------------------- */

bool mof_is_symbolic(const struct mof_value *v)
{
    if (v->kind == MOF_LITERAL) return false;
    if (v->kind != MOF_LIST) return true;
    for (uint32_t i = 0; i < v->list.count; i++) {
        if (v->list.items[i].kind != MOF_LITERAL) return true;
    }
    return false;
}

static bool misfit(struct mof_parser *p, uint32_t offset, unsigned type)
{
    return mof_fail(p, offset, CIMF_TYPE_MISMATCH, MOF_E_TYPE_MISMATCH,
                    "the value does not fit the type %s%s", cim_type_name(CIM_BASE(type)),
                    CIM_IS_ARRAY(type) ? "[]" : "");
}

/* One literal as a declared base type. */
static bool scalar(struct mof_parser *p, const struct mof_value *in, unsigned type,
                   struct cim_value *out)
{
    if (in->kind != MOF_LITERAL) {
        return mof_fail(p, in->place.offset, CIMF_INVALID_SYNTAX,
                        in->kind == MOF_ALIAS ? MOF_E_UNEXPECTED_ALIAS : MOF_E_UNEXPECTED_ARRAY_INIT,
                        "expected a literal");
    }
    if (in->literal.null) {
        *out = (struct cim_value){ .type = (uint16_t)type, .null = true };
        return true;
    }
    cimf_status st = cim_value_convert(p->a, &in->literal, type, out);
    if (st == CIMF_OUT_OF_MEMORY) return mof_no_room(p);
    return st == CIMF_OK || misfit(p, in->place.offset, type);
}

/* The type that a qualifier without declaration gets: sint32 where it fits, as WMI has it. */
static unsigned literal_type(const struct cim_value *v)
{
    if (v->type == CIM_SINT64 && v->v.i >= INT32_MIN && v->v.i <= INT32_MAX) return CIM_SINT32;
    return v->type;
}

/* Common type of a list of literals, CIM_NONE when they do not agree. */
static unsigned list_type(const struct mof_value *list)
{
    unsigned type = CIM_NONE;
    for (uint32_t i = 0; i < list->list.count; i++) {
        const struct mof_value *item = &list->list.items[i];
        if (item->kind != MOF_LITERAL || item->literal.null) return CIM_NONE;
        unsigned own = literal_type(&item->literal);
        if (type == CIM_NONE || type == own) {
            type = own;
        } else if (cim_type_is_integer(type) && cim_type_is_integer(own)) {
            type = type == CIM_UINT64 || own == CIM_UINT64 ? CIM_UINT64 : CIM_SINT64;
        } else if (own == CIM_REAL64 || type == CIM_REAL64) {
            if (!cim_type_is_integer(own == CIM_REAL64 ? type : own)) return CIM_NONE;
            type = CIM_REAL64;
        } else {
            return CIM_NONE;
        }
    }
    return type == CIM_NONE ? CIM_STRING : type; /* an empty list */
}

static bool list_constant(struct mof_parser *p, const struct mof_value *in, unsigned type,
                          struct cim_value *out)
{
    if (type != CIM_NONE && !CIM_IS_ARRAY(type)) {
        return mof_fail(p, in->place.offset, CIMF_TYPE_MISMATCH, MOF_E_UNEXPECTED_ARRAY_INIT,
                        "a list stands where one value of type %s is expected", cim_type_name(type));
    }
    unsigned base = type == CIM_NONE ? list_type(in) : CIM_BASE(type);
    if (base == CIM_NONE) {
        return mof_fail(p, in->place.offset, CIMF_TYPE_MISMATCH, MOF_E_TYPE_MISMATCH,
                        "the values of the list have different types");
    }
    struct cim_array array;
    if (!cim_array_new(p->a, base, in->list.count, &array)) return mof_no_room(p);
    for (uint32_t i = 0; i < in->list.count; i++) {
        struct cim_value v;
        if (!scalar(p, &in->list.items[i], base, &v)) return false;
        if (v.null) {
            return mof_fail(p, in->list.items[i].place.offset, CIMF_ILLEGAL_NULL, MOF_E_NULL_ARRAY_ELEM,
                            "an element of an array cannot be NULL");
        }
        cim_array_set(array, base, i, v.v);
    }
    *out = (struct cim_value){ .type = (uint16_t)(base | CIM_ARRAY), .v.a = array };
    return true;
}

bool mof_constant(struct mof_parser *p, const struct mof_value *in, unsigned type,
                  struct cim_value *out)
{
    if (in->kind == MOF_LIST) return list_constant(p, in, type, out);
    if (type == CIM_NONE) {
        if (in->kind != MOF_LITERAL || in->literal.null) return scalar(p, in, CIM_NONE, out);
        return scalar(p, in, literal_type(&in->literal), out);
    }
    if (!CIM_IS_ARRAY(type) || (in->kind == MOF_LITERAL && in->literal.null))
        return scalar(p, in, type, out);
    struct cim_value v;
    struct cim_array array;
    if (!scalar(p, in, CIM_BASE(type), &v)) return false;
    if (!cim_array_new(p->a, CIM_BASE(type), 1, &array)) return mof_no_room(p);
    cim_array_set(array, CIM_BASE(type), 0, v.v);
    *out = (struct cim_value){ .type = (uint16_t)type, .v.a = array };
    return true;
}

/* --- values -------------------------------------------------------------------------------------- */

static bool number(struct mof_parser *p, struct cim_value *out)
{
    const struct mof_token *t = &p->t;
    if (t->kind == MOF_T_REAL) {
        out->type = CIM_REAL64;
        if (cim_data_parse(p->a, CIM_REAL64, t->text, &out->v))
            return mof_expected(p, MOF_E_ILLEGAL_CONSTANT_VALUE, "a real number");
    } else if (t->negative) {
        out->type = CIM_SINT64;
        out->v.u = 0 - t->number;
    } else if (t->number > INT64_MAX) {
        out->type = CIM_UINT64;
        out->v.u = t->number;
    } else {
        out->type = CIM_SINT64;
        out->v.i = (int64_t)t->number;
    }
    return mof_next(p);
}

static bool word(struct mof_parser *p, struct cim_value *out)
{
    if (mof_token_is(&p->t, "null")) {
        out->null = true;
    } else if (mof_token_is(&p->t, "true") || mof_token_is(&p->t, "false")) {
        out->type = CIM_BOOLEAN;
        out->v.u = mof_token_is(&p->t, "true");
    } else {
        return mof_expected(p, MOF_E_ILLEGAL_CONSTANT_VALUE, "a value");
    }
    return mof_next(p);
}

static bool list(struct mof_parser *p, struct mof_value *out)
{
    size_t mark = mof_pile_mark(p);
    uint32_t n = 0;
    if (!mof_next(p)) return false;
    while (p->t.kind != '}') {
        struct mof_value item;
        if (n && !mof_expect(p, ',', MOF_E_EXPECTED_CLOSE_BRACE, "',' or '}' in the list")) return false;
        if (n++ == LIMIT_ARRAY) {
            return mof_fail(p, p->t.start, CIMF_QUOTA_VIOLATION, 0, "the list has more than %d values",
                            LIMIT_ARRAY);
        }
        if (p->t.kind == '{')
            return mof_expected(p, MOF_E_UNEXPECTED_ARRAY_INIT, "a value: lists have one dimension");
        if (!mof_parse_value(p, &item) || !mof_pile_push(p, &item, sizeof item)) return false;
    }
    return mof_next(p) && mof_pile_take(p, mark, sizeof(struct mof_value), &out->list.items,
                                        &out->list.count);
}

/* instance of Class { ... } or class Name { ... } where a value is expected. */
static bool embedded(struct mof_parser *p, struct mof_value *out)
{
    struct cim_qualifiers qualifiers;
    struct slice alias;
    uint32_t alias_offset;
    if (p->o->strict)
        return mof_expected(p, MOF_E_ILLEGAL_CONSTANT_VALUE, "a constant or an alias");
    if (p->objects == LIMIT_EMBEDDED_DEPTH) {
        return mof_fail(p, p->t.start, CIMF_QUOTA_VIOLATION, 0,
                        "objects are embedded more than %d deep", LIMIT_EMBEDDED_DEPTH);
    }
    p->objects++;
    if (!mof_parse_qualifiers(p, &qualifiers)) return false;
    if (mof_token_is(&p->t, "instance")) {
        out->kind = MOF_INSTANCE;
        out->instance = ARENA_NEW(p->a, struct mof_instance);
        if (!out->instance) return mof_no_room(p);
        if (!mof_parse_instance(p, qualifiers, out->instance, &alias, &alias_offset)) return false;
    } else if (mof_token_is(&p->t, "class")) {
        out->kind = MOF_CLASS;
        out->cls = ARENA_NEW(p->a, struct mof_class);
        if (!out->cls) return mof_no_room(p);
        if (!mof_parse_class(p, qualifiers, out->cls, &alias, &alias_offset)) return false;
    } else {
        return mof_expected(p, MOF_E_INVALID_INSTANCE_DECLARATION, "'instance of' or 'class'");
    }
    p->objects--;
    if (!alias.n) return true;
    return mof_fail(p, alias_offset, CIMF_INVALID_SYNTAX, MOF_E_ALIASES_IN_EMBEDDED,
                    "an embedded object cannot have an alias");
}

static bool alias_value(struct mof_parser *p, struct mof_value *out)
{
    out->kind = MOF_ALIAS;
    out->alias.name = p->t.text;
    p->alias_used = true;
    if (p->o->strict && !map_get(&p->aliases, p->t.text)) {
        return mof_fail(p, p->t.start, CIMF_INVALID_SYNTAX, MOF_E_UNEXPECTED_ALIAS,
                        "the alias $" SLICE_FMT " is used before it is declared", SLICE_ARG(p->t.text));
    }
    return mof_next(p);
}

static bool value(struct mof_parser *p, struct mof_value *out)
{
    switch (p->t.kind) {
    case MOF_T_STRING:
        out->literal.type = CIM_STRING;
        out->literal.v.s = p->t.text;
        return mof_next(p);
    case MOF_T_CHAR:
        out->literal.type = CIM_CHAR16;
        out->literal.v.u = p->t.number;
        return mof_next(p);
    case MOF_T_INTEGER:
    case MOF_T_REAL:
        return number(p, &out->literal);
    case MOF_T_ALIAS:
        return alias_value(p, out);
    case '{':
        out->kind = MOF_LIST;
        return list(p, out);
    case '[':
        return embedded(p, out);
    case MOF_T_NAME:
        if (mof_token_is(&p->t, "instance") || mof_token_is(&p->t, "class")) return embedded(p, out);
        return word(p, &out->literal);
    default:
        return mof_expected(p, MOF_E_ILLEGAL_CONSTANT_VALUE, "a value");
    }
}

bool mof_parse_value(struct mof_parser *p, struct mof_value *out)
{
    memset(out, 0, sizeof *out);
    out->place = mof_here(p);
    if (++p->depth > LIMIT_MOF_DEPTH) {
        return mof_fail(p, p->t.start, CIMF_QUOTA_VIOLATION, 0, "values are nested more than %d deep",
                        LIMIT_MOF_DEPTH);
    }
    bool ok = value(p, out);
    p->depth--;
    return ok;
}

/* --- instances ----------------------------------------------------------------------------------- */

static bool assignment(struct mof_parser *p, struct mof_assignment *out)
{
    memset(out, 0, sizeof *out);
    if (!mof_parse_qualifiers(p, &out->qualifiers)) return false;
    out->place = mof_here(p);
    if (p->t.kind != MOF_T_NAME)
        return mof_expected(p, MOF_E_EXPECTED_PROPERTY_NAME, "the name of a property or '}'");
    out->name = p->t.text;
    if (!mof_next(p)) return false;
    if (p->t.kind == '=') {
        out->has_value = true;
        if (!mof_next(p) || !mof_parse_value(p, &out->value)) return false;
    } else if (!out->qualifiers.n || p->o->strict) {
        return mof_expected(p, MOF_E_INVALID_INSTANCE_DECLARATION, "'=' after the property");
    }
    return mof_expect(p, ';', MOF_E_EXPECTED_SEMI, "';' after the property's value");
}

static bool body(struct mof_parser *p, struct mof_instance *out)
{
    size_t mark = mof_pile_mark(p);
    if (!mof_expect(p, '{', MOF_E_EXPECTED_OPEN_BRACE, "'{'")) return false;
    for (unsigned n = 0; p->t.kind != '}'; n++) {
        struct mof_assignment item;
        if (n == LIMIT_PROPERTIES) {
            return mof_fail(p, p->t.start, CIMF_QUOTA_VIOLATION, 0, "more than %d properties",
                            LIMIT_PROPERTIES);
        }
        if (!assignment(p, &item) || !mof_pile_push(p, &item, sizeof item)) return false;
    }
    if (!mof_next(p) || !mof_pile_take(p, mark, sizeof *out->items, &out->items, &out->count))
        return false;
    mof_names_begin(p);
    for (uint32_t i = 0; i < out->count; i++) {
        if (mof_names_add(p, out->items[i].name)) continue;
        return mof_fail(p, out->items[i].place.offset, CIMF_INVALID_SYNTAX, MOF_E_DUPLICATE_PROPERTY,
                        "the property '" SLICE_FMT "' is set twice", SLICE_ARG(out->items[i].name));
    }
    return true;
}

bool mof_parse_instance(struct mof_parser *p, struct cim_qualifiers qualifiers,
                        struct mof_instance *out, struct slice *alias, uint32_t *alias_offset)
{
    memset(out, 0, sizeof *out);
    *alias = SLICE_NULL;
    *alias_offset = p->t.start;
    out->qualifiers = qualifiers;
    if (!mof_next(p)) return false;
    if (!mof_token_is(&p->t, "of"))
        return mof_expected(p, MOF_E_INVALID_INSTANCE_DECLARATION, "'of' after 'instance'");
    if (!mof_next(p)) return false;
    out->place = mof_here(p);
    if (!mof_take_name(p, MOF_E_EXPECTED_CLASS_NAME, "the name of a class", &out->class_name))
        return false;
    if (mof_token_is(&p->t, "as")) {
        if (!mof_next(p)) return false;
        if (p->t.kind != MOF_T_ALIAS)
            return mof_expected(p, MOF_E_EXPECTED_DOLLAR, "an alias ($Name) after 'as'");
        *alias = p->t.text;
        *alias_offset = p->t.start;
        if (!mof_next(p)) return false;
    }
    return body(p, out);
}
