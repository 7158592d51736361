/* mof/parse.c - one text to a unit. */
#include "mof/parse_priv.h"

/* Back to the file that included this one. */
static bool close_file(struct mof_parser *p)
{
    p->lex = p->stack[--p->open].lex;
    p->file = p->stack[p->open].file;
    return mof_next(p);
}

static bool class_production(struct mof_parser *p, struct cim_qualifiers qualifiers)
{
    struct mof_class cls;
    struct slice alias;
    uint32_t alias_offset, index;
    if (!mof_parse_class(p, qualifiers, &cls, &alias, &alias_offset)) return false;
    index = p->u->count;
    struct mof_production *made = mof_add_production(p, MOF_PUT_CLASS, cls.place);
    if (!made) return false;
    made->cls = cls;
    return mof_declare_alias(p, alias, alias_offset, index);
}

static bool instance_production(struct mof_parser *p, struct cim_qualifiers qualifiers)
{
    struct mof_instance in;
    struct slice alias;
    uint32_t alias_offset, index;
    if (!mof_parse_instance(p, qualifiers, &in, &alias, &alias_offset)) return false;
    index = p->u->count;
    struct mof_production *made = mof_add_production(p, MOF_PUT_INSTANCE, in.place);
    if (!made) return false;
    made->instance = in;
    return mof_declare_alias(p, alias, alias_offset, index);
}

static bool production(struct mof_parser *p)
{
    if (p->t.kind == '#') return mof_parse_directive(p);
    if (p->t.kind == ';' && !p->o->strict) return mof_next(p); /* a stray one after a body */
    struct cim_qualifiers qualifiers;
    bool listed = p->t.kind == '[';
    if (!mof_parse_qualifiers(p, &qualifiers)) return false;
    bool ok;
    if (mof_token_is(&p->t, "class")) {
        ok = class_production(p, qualifiers);
    } else if (mof_token_is(&p->t, "instance")) {
        ok = instance_production(p, qualifiers);
    } else if (!listed && mof_token_is(&p->t, "qualifier")) {
        return mof_parse_qualifier_decl(p);
    } else {
        return mof_expected(p, MOF_E_UNRECOGNIZED_TOKEN,
                            listed ? "'class' or 'instance of' after the qualifiers"
                                   : "a class, an instance, a qualifier declaration or a #pragma");
    }
    return ok && mof_expect(p, ';', MOF_E_EXPECTED_SEMI, "';' after the closing '}'");
}

static bool productions(struct mof_parser *p)
{
    for (;;) {
        if (p->t.kind != MOF_T_END) {
            if (!production(p)) return false;
        } else if (p->open) {
            if (!close_file(p)) return false;
        } else {
            return true;
        }
    }
}

static bool parse(struct mof_parser *p, const struct mof_source *source)
{
    p->names.slots = ARENA_ARRAY(p->a, MOF_NAMES_ROOM, struct mof_name_slot);
    p->ns = arena_dup(p->a, p->o->ns.n ? p->o->ns : SLICE("root/default"));
    if (!p->names.slots || !p->ns.p) return mof_no_room(p);
    if (p->o->amendment.n) {
        p->u->amendment = arena_lower(p->a, p->o->amendment);
        if (!p->u->amendment.p) return mof_no_room(p);
    }
    return mof_open_file(p, source, 0) && productions(p) && mof_resolve_aliases(p);
}

cimf_status mof_parse(struct arena *a, const struct mof_source *source,
                      const struct mof_options *options, struct mof_unit *out, struct error *e)
{
    static const struct mof_options none;
    *out = (struct mof_unit){ 0 };
    struct mof_parser *p = ARENA_NEW(a, struct mof_parser);
    if (!p) {
        return error_set(e, CIMF_OUT_OF_MEMORY, "mof",
                         "the text needs more memory than its limit allows");
    }
    p->a = a;
    p->o = options ? options : &none;
    p->u = out;
    p->e = e;
    p->class_flags = p->o->class_flags;
    p->instance_flags = p->o->instance_flags;
    buf_init(&p->scratch, LIMIT_MOF_STRING + 4096);
    buf_init(&p->pile, a->cap);
    map_init(&p->known, true);
    map_init(&p->aliases, true);
    parse(p, source);
    map_free(&p->aliases);
    map_free(&p->known);
    buf_free(&p->pile);
    buf_free(&p->scratch);
    return p->status;
}
