/* mof/qualifier.c - qualifier lists and qualifier declarations, in both dialects (cim-core.md 2.5). */
#include "mof/parse_priv.h"

/* Flavor words as they were spelled. */
struct flavors {
    bool any;
    bool to_instance, to_subclass, not_instance, not_subclass, restricted;
    bool enable, disable, amended, translatable;
};

uint8_t mof_default_flavor(struct slice name, const struct cim_qualifier_decl *decl)
{
    if (decl) return decl->flavor & (uint8_t)~CIM_FLAVOR_TRANSLATABLE;
    /* Windows: local, except those that the compiler knows. */
    switch (name.n) {
    case 3:
        if (mof_word_is(name, "key")) return CIM_FLAVOR_TO_INSTANCE | CIM_FLAVOR_TO_SUBCLASS;
        break;
    case 7:
        if (mof_word_is(name, "dynamic")) return CIM_FLAVOR_TO_INSTANCE;
        break;
    case 9:
        if (mof_word_is(name, "singleton")) return CIM_FLAVOR_TO_INSTANCE | CIM_FLAVOR_TO_SUBCLASS;
        break;
    case 11:
        if (mof_word_is(name, "association")) return CIM_FLAVOR_TO_INSTANCE | CIM_FLAVOR_TO_SUBCLASS;
        break;
    default:
        break;
    }
    return 0;
}

/* Takes one flavor word; *known false when the token is none. */
static bool flavor_word(struct mof_parser *p, struct flavors *f, bool *known)
{
    static const struct {
        const char *word;
        size_t at;
    } words[] = {
        { "tosubclass", offsetof(struct flavors, to_subclass) },
        { "toinstance", offsetof(struct flavors, to_instance) },
        { "enableoverride", offsetof(struct flavors, enable) },
        { "disableoverride", offsetof(struct flavors, disable) },
        { "amended", offsetof(struct flavors, amended) },
        { "restricted", offsetof(struct flavors, restricted) },
        { "translatable", offsetof(struct flavors, translatable) },
        { "nottosubclass", offsetof(struct flavors, not_subclass) },
        { "nottoinstance", offsetof(struct flavors, not_instance) },
    };
    *known = false;
    if (p->t.kind != MOF_T_NAME) return true;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (!mof_word_is(p->t.text, words[i].word)) continue;
        *known = f->any = true;
        ((bool *)f)[words[i].at] = true;
        if ((f->enable && f->disable) || (f->to_instance && f->not_instance) ||
            (f->to_subclass && f->not_subclass) ||
            (f->restricted && (f->to_instance || f->to_subclass))) {
            return mof_fail(p, p->t.start, CIMF_INVALID_SYNTAX, MOF_E_INCOMPATIBLE_FLAVOR_TYPES,
                            "the flavor '" SLICE_FMT "' contradicts another one",
                            SLICE_ARG(p->t.text));
        }
        return mof_next(p);
    }
    return true;
}

/* At least one word; commas between them only where with_commas. */
static bool flavor_words(struct mof_parser *p, struct flavors *f, bool with_commas)
{
    for (;;) {
        bool known;
        if (!flavor_word(p, f, &known)) return false;
        if (!known) {
            if (f->any && !with_commas) return true;
            return mof_expected(p, MOF_E_EXPECTED_FLAVOR_TYPE,
                                "a flavor (ToSubclass, ToInstance, EnableOverride, DisableOverride, "
                                "Restricted, Amended, Translatable)");
        }
        if (!with_commas) continue;
        if (p->t.kind != ',') return true;
        if (!mof_next(p)) return false;
    }
}

/* Spelled propagation replaces the default whole; a lone override or Amended word adds to it. */
static uint8_t apply_flavors(uint8_t flavor, const struct flavors *f)
{
    if (f->to_instance || f->to_subclass || f->restricted) {
        flavor = (uint8_t)((f->to_instance ? CIM_FLAVOR_TO_INSTANCE : 0) |
                           (f->to_subclass ? CIM_FLAVOR_TO_SUBCLASS : 0));
    }
    if (f->not_instance) flavor &= (uint8_t)~CIM_FLAVOR_TO_INSTANCE;
    if (f->not_subclass) flavor &= (uint8_t)~CIM_FLAVOR_TO_SUBCLASS;
    if (f->disable) flavor |= CIM_FLAVOR_NOT_OVERRIDABLE;
    if (f->enable) flavor &= (uint8_t)~CIM_FLAVOR_NOT_OVERRIDABLE;
    if (f->amended) flavor |= CIM_FLAVOR_AMENDED;
    return flavor;
}

static struct mof_known *know(struct mof_parser *p, struct slice name)
{
    struct mof_known *known = map_get(&p->known, name);
    if (known) return known;
    known = ARENA_NEW(p->a, struct mof_known);
    if (known) known->name = name;
    if (!known || !map_put(&p->known, name, known, NULL)) {
        mof_no_room(p);
        return NULL;
    }
    return known;
}

/* The declaration that rules a qualifier here: of the text, else of the namespace (asked once). *known
 * is NULL when the text says nothing. */
static bool declaration(struct mof_parser *p, struct slice name, const struct mof_known **known,
                        const struct cim_qualifier_decl **decl)
{
    struct mof_known *k = map_get(&p->known, name);
    *known = k;
    *decl = k ? k->decl : NULL;
    if (*decl || !p->o->qualifier) return true;
    if (!k && !(k = know(p, name))) return false;
    if (!k->asked || !slice_eq(k->asked_ns, p->ns)) {
        k->held = p->o->qualifier(p->o->arg, p->ns, name);
        k->asked = true;
        k->asked_ns = p->ns;
    }
    *decl = k->held;
    return true;
}

/* --- use: [ Name, Name(value), Name{list} : Flavor ... ] ---------------------------------------- */

static bool qualifier_value(struct mof_parser *p, const struct cim_qualifier_decl *decl,
                            struct cim_value *out)
{
    unsigned type = decl ? decl->value.type : CIM_NONE;
    struct mof_value v;
    if (p->t.kind == '(') {
        if (!mof_next(p) || !mof_parse_value(p, &v) ||
            !mof_expect(p, ')', MOF_E_EXPECTED_CLOSE_PAREN, "')' after the qualifier's value"))
            return false;
        return mof_constant(p, &v, type, out);
    }
    if (p->t.kind == '{') return mof_parse_value(p, &v) && mof_constant(p, &v, type, out);
    if (type == CIM_NONE || type == CIM_BOOLEAN) {
        *out = (struct cim_value){ .type = CIM_BOOLEAN, .v.u = 1 };
    } else {
        *out = (struct cim_value){ .type = (uint16_t)type, .null = true };
    }
    return true;
}

static bool one_qualifier(struct mof_parser *p, struct cim_qualifier *out, bool *spelled)
{
    uint32_t offset = p->t.start;
    if (p->t.kind != MOF_T_NAME)
        return mof_expected(p, MOF_E_EXPECTED_QUALIFIER_NAME, "the name of a qualifier");
    out->name = p->t.text;
    if (!mof_names_add(p, out->name)) {
        return mof_fail(p, offset, CIMF_INVALID_SYNTAX, MOF_E_DUPLICATE_QUALIFIER,
                        "the qualifier '" SLICE_FMT "' is given twice", SLICE_ARG(out->name));
    }
    if (mof_word_is(out->name, "cimtype")) {
        return mof_fail(p, offset, CIMF_INVALID_SYNTAX, MOF_E_CIMTYPE_QUALIFIER,
                        "the qualifier CIMTYPE follows from the type and cannot be given");
    }
    const struct mof_known *known;
    const struct cim_qualifier_decl *decl;
    if (!declaration(p, out->name, &known, &decl)) return false;
    if (p->o->strict && !decl) {
        return mof_fail(p, offset, CIMF_INVALID_QUALIFIER, MOF_E_INVALID_QUALIFIER_SYNTAX,
                        "the qualifier '" SLICE_FMT "' is not declared", SLICE_ARG(out->name));
    }
    if (!mof_next(p) || !qualifier_value(p, decl, &out->value)) return false;
    out->flavor = known && known->has_flavor ? known->flavor : mof_default_flavor(out->name, decl);
    *spelled = p->t.kind == ':';
    if (!*spelled) return true;
    struct flavors f = { 0 };
    if (!mof_next(p) || !flavor_words(p, &f, false)) return false;
    out->flavor = apply_flavors(out->flavor, &f);
    return true;
}

/* [ ... ] : Flavor ... gives flavors to those of the list that spell none. */
static bool set_flavors(struct mof_parser *p, struct cim_qualifier *q, const bool *spelled, unsigned n)
{
    struct flavors f = { 0 };
    if (!mof_next(p) || !flavor_words(p, &f, false)) return false;
    for (unsigned i = 0; i < n; i++) {
        if (!spelled[i]) q[i].flavor = apply_flavors(q[i].flavor, &f);
    }
    return true;
}

bool mof_parse_qualifiers(struct mof_parser *p, struct cim_qualifiers *out)
{
    *out = (struct cim_qualifiers){ NULL, 0 };
    if (p->t.kind != '[') return true;
    size_t mark = mof_pile_mark(p);
    bool spelled[LIMIT_QUALIFIERS];
    unsigned n = 0;
    mof_names_begin(p);
    do {
        struct cim_qualifier q;
        uint32_t offset = p->t.start;
        if (n == LIMIT_QUALIFIERS) {
            return mof_fail(p, offset, CIMF_QUOTA_VIOLATION, 0, "more than %d qualifiers in one list",
                            LIMIT_QUALIFIERS);
        }
        if (!mof_next(p) || !one_qualifier(p, &q, &spelled[n++]) || !mof_pile_push(p, &q, sizeof q))
            return false;
    } while (p->t.kind == ',');
    if (!mof_expect(p, ']', MOF_E_EXPECTED_CLOSE_BRACKET, "',' or ']' after the qualifier"))
        return false;
    struct cim_qualifier *list;
    if (!mof_pile_take(p, mark, sizeof *list, &list, &out->n)) return false;
    out->q = list;
    return p->t.kind != ':' || set_flavors(p, list, spelled, n);
}

bool mof_check_scope(struct mof_parser *p, struct cim_qualifiers set, uint32_t scope, uint32_t offset)
{
    if (!p->o->strict) return true;
    for (uint32_t i = 0; i < set.n; i++) {
        const struct mof_known *known;
        const struct cim_qualifier_decl *decl;
        if (!declaration(p, set.q[i].name, &known, &decl)) return false;
        if (!decl || (decl->scope & scope)) continue;
        return mof_fail(p, offset, CIMF_INVALID_QUALIFIER, MOF_E_QUALIFIER_USED_OUTSIDE_SCOPE,
                        "the qualifier '" SLICE_FMT "' does not belong here by its scope",
                        SLICE_ARG(set.q[i].name));
    }
    return true;
}

/* --- declaration --------------------------------------------------------------------------------- */

static bool scopes(struct mof_parser *p, uint32_t *out)
{
    static const struct {
        const char *word;
        uint32_t scope;
    } words[] = {
        { "class", CIM_SCOPE_CLASS }, { "association", CIM_SCOPE_ASSOCIATION },
        { "indication", CIM_SCOPE_INDICATION }, { "property", CIM_SCOPE_PROPERTY },
        { "reference", CIM_SCOPE_REFERENCE }, { "method", CIM_SCOPE_METHOD },
        { "parameter", CIM_SCOPE_PARAMETER }, { "any", CIM_SCOPE_ANY },
        { "schema", 0 }, { "qualifier", 0 }, { "instance", 0 },
    };
    if (!mof_expect(p, '(', MOF_E_EXPECTED_OPEN_PAREN, "'(' after Scope")) return false;
    for (;;) {
        size_t i = 0, n = sizeof words / sizeof words[0];
        while (i < n && !mof_token_is(&p->t, words[i].word)) i++;
        if (i == n) {
            return mof_expected(p, MOF_E_INVALID_QUALIFIER_SYNTAX,
                                "a scope (class, association, indication, property, reference, method, "
                                "parameter, any)");
        }
        *out |= words[i].scope;
        if (!mof_next(p)) return false;
        if (p->t.kind == ')') return mof_next(p);
        if (!mof_expect(p, ',', MOF_E_EXPECTED_CLOSE_PAREN, "',' or ')'")) return false;
    }
}

static bool declared_type(struct mof_parser *p, uint16_t *type)
{
    *type = p->t.kind == MOF_T_NAME ? (uint16_t)cim_type_parse(p->t.text) : CIM_NONE;
    if (*type == CIM_NONE || *type == CIM_OBJECT || *type == CIM_REFERENCE)
        return mof_expected(p, MOF_E_EXPECTED_TYPE_IDENTIFIER, "a type or a flavor");
    if (!mof_next(p)) return false;
    if (p->t.kind != '[') return true;
    *type |= CIM_ARRAY;
    if (!mof_next(p) || (p->t.kind == MOF_T_INTEGER && !mof_next(p))) return false;
    return mof_expect(p, ']', MOF_E_EXPECTED_CLOSE_BRACKET, "']'");
}

/* type [= default] {, Scope(...) | , Flavor(...)} */
static bool long_declaration(struct mof_parser *p, struct cim_qualifier_decl *decl)
{
    struct flavors f = { 0 };
    uint16_t type;
    if (!declared_type(p, &type)) return false;
    decl->value = (struct cim_value){ .type = type, .null = true };
    if (p->t.kind == '=') {
        struct mof_value v;
        if (!mof_next(p) || !mof_parse_value(p, &v) || !mof_constant(p, &v, type, &decl->value))
            return false;
    }
    while (p->t.kind == ',') {
        if (!mof_next(p)) return false;
        if (mof_token_is(&p->t, "scope")) {
            if (!mof_next(p) || !scopes(p, &decl->scope)) return false;
        } else if (mof_token_is(&p->t, "flavor")) {
            if (!mof_next(p) || !mof_expect(p, '(', MOF_E_EXPECTED_OPEN_PAREN, "'(' after Flavor") ||
                !flavor_words(p, &f, true) ||
                !mof_expect(p, ')', MOF_E_EXPECTED_CLOSE_PAREN, "',' or ')'"))
                return false;
        } else {
            return mof_expected(p, MOF_E_INVALID_QUALIFIER_SYNTAX, "Scope(...) or Flavor(...)");
        }
    }
    if (p->o->strict && !decl->scope)
        return mof_expected(p, MOF_E_INVALID_QUALIFIER_SYNTAX, "Scope(...)");
    if (!decl->scope) decl->scope = CIM_SCOPE_ANY;
    decl->flavor = apply_flavors(CIM_FLAVOR_TO_SUBCLASS, &f); /* DSP0004 5.5.1 */
    if (f.translatable) decl->flavor |= CIM_FLAVOR_TRANSLATABLE;
    return true;
}

bool mof_parse_qualifier_decl(struct mof_parser *p)
{
    struct mof_place place = mof_here(p);
    struct slice name;
    if (!mof_next(p)) return false;
    if (p->t.kind != MOF_T_NAME)
        return mof_expected(p, MOF_E_EXPECTED_QUALIFIER_NAME, "the name of a qualifier");
    name = p->t.text;
    if (!mof_next(p) || !mof_expect(p, ':', MOF_E_INVALID_QUALIFIER_SYNTAX, "':' and a type or flavors"))
        return false;
    struct mof_known *known = know(p, name);
    if (!known) return false;
    struct flavors f = { 0 };
    bool is_flavor = false;
    if (!p->o->strict && !flavor_word(p, &f, &is_flavor)) return false;
    if (is_flavor) {
        while (is_flavor) {
            if (!flavor_word(p, &f, &is_flavor)) return false;
        }
        known->has_flavor = true;
        known->flavor = apply_flavors(mof_default_flavor(name, known->decl), &f);
    } else {
        struct cim_qualifier_decl *decl = ARENA_NEW(p->a, struct cim_qualifier_decl);
        if (!decl) return mof_no_room(p);
        decl->name = name;
        if (!long_declaration(p, decl)) return false;
        struct mof_production *made = mof_add_production(p, MOF_PUT_QUALIFIER, place);
        if (!made) return false;
        made->qualifier = *decl;
        known->decl = decl;
        known->has_flavor = false;
    }
    return mof_expect(p, ';', MOF_E_EXPECTED_SEMI, "';' after the qualifier declaration");
}
