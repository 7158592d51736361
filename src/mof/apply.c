/* mof/apply.c - a unit into a target, one production after the other. */
#include <stdarg.h>
#include <stdio.h>

#include "mof/apply_priv.h"

cimf_status mof_compile_failed(struct mof_compile *c, struct mof_place place, cimf_status status,
                               const struct error *cause)
{
    if (!c->e) return status;
    static const struct error none;
    if (!cause) cause = &none;
    struct slice file;
    unsigned line, column;
    mof_locate(c->u, place, &file, &line, &column);
    const char *text = cause->text[0] ? cause->text : cimf_status_info(status)->text;
    if (cause->subject[0] && !strstr(text, cause->subject)) {
        error_set(c->e, status, "mof", "%s: %s", cause->subject, text);
    } else {
        error_set(c->e, status, "mof", "%s", text);
    }
    error_subject(c->e, file);
    error_place(c->e, line, column);
    c->e->native = cause->native;
    return status;
}

cimf_status mof_compile_error(struct mof_compile *c, struct mof_place place, cimf_status status,
                              int code, const char *format, ...)
{
    struct error cause = { .status = status, .native = code ? MOF_NATIVE(code) : 0 };
    va_list args;
    va_start(args, format);
    vsnprintf(cause.text, sizeof cause.text, format, args);
    va_end(args);
    return mof_compile_failed(c, place, status, &cause);
}

cimf_status mof_compile_no_room(struct mof_compile *c, struct mof_place place)
{
    return mof_compile_error(c, place, CIMF_OUT_OF_MEMORY, 0,
                             "compiling needs more memory than its limit allows");
}

static cimf_status check_namespace(struct mof_compile *c, const struct mof_production *made)
{
    c->ns = made->ns;
    if (slice_eq(c->ns, c->checked_ns)) return CIMF_OK;
    if (!c->target->has_namespace(c->arg, c->ns)) {
        return mof_compile_error(c, made->place, CIMF_INVALID_NAMESPACE, 0,
                                 "the namespace " SLICE_FMT " does not exist", SLICE_ARG(c->ns));
    }
    c->checked_ns = c->ns;
    return CIMF_OK;
}

/* --- amended classes ------------------------------------------------------------------------------ */

/* Makes "ns/ms_409" if it is missing. */
static cimf_status locale_namespace(struct mof_compile *c, const struct mof_production *made,
                                    struct slice *out)
{
    *out = arena_printf(c->a, SLICE_FMT "/" SLICE_FMT, SLICE_ARG(c->ns), SLICE_ARG(c->u->amendment));
    if (!out->p) return mof_compile_no_room(c, made->place);
    if (c->target->has_namespace(c->arg, *out)) return CIMF_OK;
    struct mof_assignment name = {
        .name = SLICE("Name"), .place = made->place, .has_value = true,
        .value = { .kind = MOF_LITERAL, .place = made->place,
                   .literal = { .type = CIM_STRING, .v.s = c->u->amendment } },
    };
    struct mof_instance child = { .class_name = SLICE("__Namespace"), .place = made->place,
                                  .items = &name, .count = 1 };
    struct cim_instance *in;
    struct error cause = ERROR_INIT;
    cimf_status st = mof_build_instance(c, &child, &in);
    if (st) return st;
    st = c->target->put_instance(c->arg, c->ns, in, 0, &cause);
    return st ? mof_compile_failed(c, made->place, st, &cause) : CIMF_OK;
}

static cimf_status put_amended(struct mof_compile *c, const struct mof_production *made,
                               const struct cim_class_decl *neutral, struct cim_class_decl *localised)
{
    struct slice ns;
    struct error cause = ERROR_INIT;
    cimf_status st = c->target->put_class(c->arg, c->ns, neutral, made->flags, &cause);
    if (st) return mof_compile_failed(c, made->place, st, &cause);
    st = locale_namespace(c, made, &ns);
    if (st) return st;
    /* A superclass without amended qualifiers has no half over there. */
    if (localised->super.n && !c->target->find_class(c->arg, ns, localised->super))
        localised->super = SLICE_NULL;
    st = c->target->put_class(c->arg, ns, localised, made->flags, &cause);
    return st ? mof_compile_failed(c, made->place, st, &cause) : CIMF_OK;
}

/* --- productions ---------------------------------------------------------------------------------- */

static cimf_status put_class(struct mof_compile *c, const struct mof_production *made)
{
    struct cim_class_decl decl, neutral, localised;
    struct error cause = ERROR_INIT;
    bool amended = false;
    cimf_status st = mof_build_class(c, &made->cls, &decl);
    if (st) return st;
    if (c->u->amendment.n) {
        st = mof_split_class(c->a, &decl, c->u->amendment, &neutral, &localised, &amended);
        if (st) return mof_compile_no_room(c, made->place);
    }
    if (amended) {
        st = put_amended(c, made, &neutral, &localised);
    } else {
        st = c->target->put_class(c->arg, c->ns, &decl, made->flags, &cause);
        if (st) mof_compile_failed(c, made->place, st, &cause);
    }
    if (st) return st;
    c->counts.classes++;
    return CIMF_OK;
}

static cimf_status put_instance(struct mof_compile *c, const struct mof_production *made,
                                struct mof_symbol *symbol)
{
    struct cim_instance *in;
    struct error cause = ERROR_INIT;
    cimf_status st = mof_build_instance(c, &made->instance, &in);
    if (st) return st;
    st = c->target->put_instance(c->arg, c->ns, in, made->flags, &cause);
    if (st) return mof_compile_failed(c, made->place, st, &cause);
    c->counts.instances++;
    if (symbol) symbol->instance = in;
    return CIMF_OK;
}

static cimf_status put_qualifier(struct mof_compile *c, const struct mof_production *made)
{
    struct error cause = ERROR_INIT;
    cimf_status st = c->target->put_qualifier(c->arg, c->ns, &made->qualifier, &cause);
    if (st) return mof_compile_failed(c, made->place, st, &cause);
    c->counts.qualifiers++;
    return CIMF_OK;
}

static cimf_status delete_object(struct mof_compile *c, const struct mof_production *made)
{
    struct error cause = ERROR_INIT;
    cimf_status st = made->kind == MOF_DELETE_CLASS
        ? c->target->delete_class(c->arg, c->ns, made->remove.target, &cause)
        : c->target->delete_instance(c->arg, c->ns, made->remove.target, &cause);
    if ((st == CIMF_NOT_FOUND || st == CIMF_INVALID_CLASS) && !made->remove.must_exist) return CIMF_OK;
    if (st) return mof_compile_failed(c, made->place, st, &cause);
    c->counts.deleted++;
    return CIMF_OK;
}

static cimf_status apply_one(struct mof_compile *c, uint32_t index)
{
    const struct mof_production *made = &c->u->productions[index];
    struct mof_symbol *symbol = made->alias.n ? &c->symbols[index] : NULL;
    cimf_status st = check_namespace(c, made);
    if (st) return st;
    switch (made->kind) {
    case MOF_PUT_QUALIFIER:
        return put_qualifier(c, made);
    case MOF_PUT_CLASS:
        st = put_class(c, made);
        if (st || !symbol) return st;
        symbol->cls = c->target->find_class(c->arg, c->ns, made->cls.decl.name);
        if (!symbol->cls || !cim_class_hold(c->a, symbol->cls)) return mof_compile_no_room(c, made->place);
        return CIMF_OK;
    case MOF_PUT_INSTANCE:
        return put_instance(c, made, symbol);
    case MOF_DELETE_CLASS:
    case MOF_DELETE_INSTANCE:
        break;
    }
    return delete_object(c, made);
}

cimf_status mof_apply(struct arena *a, struct mof_unit *u, const struct mof_target *target, void *arg,
                      struct mof_counts *counts, struct error *e)
{
    struct mof_compile c = { .a = a, .u = u, .target = target, .arg = arg, .e = e };
    cimf_status st = CIMF_OK;
    for (uint32_t i = 0; i < u->count && !c.symbols; i++) {
        if (!u->productions[i].alias.n) continue;
        c.symbols = ARENA_ARRAY(a, u->count, struct mof_symbol);
        if (!c.symbols) return mof_compile_no_room(&c, u->productions[i].place);
    }
    for (uint32_t i = 0; i < u->count && st == CIMF_OK; i++) {
        /* Only what an alias names has to outlive its production. */
        struct arena_mark mark = arena_mark(a);
        st = apply_one(&c, u->order[i]);
        if (!u->productions[u->order[i]].alias.n && !c.symbols) arena_rewind(a, mark);
    }
    if (counts) *counts = c.counts;
    return st;
}
