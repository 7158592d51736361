/* InvokeMethod (MS-WMI 3.1.4.3.22): whose method, with which parameters, on what. */
#include "cim/datetime.h"
#include "cimom/select.h"

static cimf_status bad_parameter(struct error *e, cimf_status s, struct slice name, const char *why)
{
    error_set(e, s, "cimom", "parameter '" SLICE_FMT "': %s", SLICE_ARG(slice_head(name, 100)),
              why);
    error_subject(e, name);
    return s;
}

/* --- parameters ------------------------------------------------------------------------------- */

static cimf_status read_datetime(struct arena *a, struct slice text, union cim_data *out)
{
    char canonical[CIM_DATETIME_LENGTH + 1];
    if (!cim_datetime_read(text, canonical)) return CIMF_TYPE_MISMATCH;
    out->s = arena_dup(a, slice_of(canonical, CIM_DATETIME_LENGTH));
    return out->s.p ? CIMF_OK : CIMF_OUT_OF_MEMORY;
}

static cimf_status read_text(struct arena *a, unsigned base, struct slice text, union cim_data *out)
{
    if (base == CIM_DATETIME) return read_datetime(a, text, out);
    return cim_data_parse(a, base, text, out);
}

/* Text of an XML protocol, or a value with a type, as the declared type. */
static cimf_status typed(struct arena *a, const struct cim_value *in, unsigned type,
                         struct cim_value *out)
{
    unsigned base = CIM_BASE(type);
    *out = (struct cim_value){ .type = (uint16_t)type, .null = true };
    if (in->null) return CIMF_OK;
    if (CIM_BASE(in->type) != CIM_STRING || base == CIM_OBJECT) {
        return cim_value_convert(a, in, type, out);
    }
    out->null = false;
    if (!CIM_IS_ARRAY(type)) {
        return CIM_IS_ARRAY(in->type) ? CIMF_TYPE_MISMATCH : read_text(a, base, in->v.s, &out->v);
    }
    uint32_t n = CIM_IS_ARRAY(in->type) ? in->v.a.n : 1;
    if (!cim_array_new(a, base, n, &out->v.a)) return CIMF_OUT_OF_MEMORY;
    for (uint32_t i = 0; i < n; i++) {
        union cim_data v;
        struct slice text =
            CIM_IS_ARRAY(in->type) ? cim_array_get(CIM_STRING, in->v.a, i).s : in->v.s;
        cimf_status s = read_text(a, base, text, &v);
        if (s) return s;
        cim_array_set(out->v.a, base, i, v);
    }
    return CIMF_OK;
}

static cimf_status take_parameters(struct task *t, const struct cim_method *m, struct arena *a,
                                   struct cim_instance **out)
{
    const struct cim_op *in = t->in;
    *out = NULL;
    if (m->in && !(*out = cim_instance_new(a, m->in))) return CIMF_OUT_OF_MEMORY;
    for (uint32_t i = 0; i < in->param_count; i++) {
        struct slice name = in->params[i].name;
        int at = m->in ? cim_class_property(m->in, name) : -1;
        if (at < 0) {
            return bad_parameter(t->error, CIMF_INVALID_METHOD_PARAMETERS, name,
                                 "the method has no such in-parameter");
        }
        if ((*out)->state[at] != CIM_DEFAULTED) {
            return bad_parameter(t->error, CIMF_INVALID_METHOD_PARAMETERS, name, "given twice");
        }
        struct cim_value v;
        cimf_status s = typed(a, &in->params[i].value, m->in->properties[at].type, &v);
        if (s == CIMF_OUT_OF_MEMORY) return s;
        if (s)
            return bad_parameter(t->error, CIMF_TYPE_MISMATCH, name, "the value has another type");
        if (v.null) {
            cim_set_null(*out, (unsigned)at);
        } else {
            cim_set(*out, (unsigned)at, v.v);
        }
    }
    return CIMF_OK;
}

/* --- who answers ------------------------------------------------------------------------------ */

/* The most derived class at or above cls that implements the method and has a provider for it. */
static struct provider_entry *implementer(const struct task *t, const struct cim_class *cls,
                                          struct slice method, const struct cim_class **owner)
{
    for (const struct cim_class *c = cls; c; c = c->super) {
        const struct cim_method *m = cim_class_method(c, method);
        if (!m) return NULL;
        struct provider_entry *entry = ns_provider(t->ns, c);
        if (!(m->flags & CIM_METHOD_IMPLEMENTED) || !entry || !entry->provider->invoke) continue;
        *owner = c;
        return entry;
    }
    return NULL;
}

static enum gen call_provider(struct task *t, struct provider_entry *entry,
                              const struct cim_class *cls, const struct cim_method *m,
                              const struct cim_instance *target, const struct cim_instance *in)
{
    struct provider_once once;
    enum gen g = provider_begin(&once, t, entry, cls);
    if (g != GEN_END) return g;
    struct cim_instance *out = m->out ? cim_instance_new(&t->arena, m->out) : NULL;
    cimf_status s =
        m->out && !out ? CIMF_OUT_OF_MEMORY : entry->provider->invoke(&once.call, m, target, in, out);
    g = provider_end(&once, t, entry, s);
    if (g == GEN_END) t->out = out;
    return g;
}

static enum gen not_implemented(struct task *t)
{
    return task_failf(t, CIMF_METHOD_NOT_IMPLEMENTED,
                      "no provider implements " SLICE_FMT "." SLICE_FMT,
                      SLICE_ARG(t->in->path.class_name), SLICE_ARG(t->in->method));
}

static enum gen invoke_next(struct task *t, const struct cim_object **out)
{
    const struct cim_class *cls = t->gen, *owner = NULL;
    const struct cim_method *m = cim_class_method(cls, t->in->method);
    struct cim_instance *target = NULL, *params;
    if (t->out) return GEN_END;
    bool stat = m->flags & CIM_METHOD_STATIC;
    struct provider_entry *entry = implementer(t, cls, m->name, &owner);
    if (entry && (entry->provider->flags & PROVIDER_BLOCKING) && !t->on_pool) return GEN_POOL;
    cimf_status s = take_parameters(t, m, &t->item, &params);
    if (s) return task_fail(t, s);
    if (!stat && !(m->flags & CIM_METHOD_BYPASS_GET)) {
        enum gen g = fetch(t, t->ns, t->schema, &t->in->path, false, NULL, &t->item, &target);
        if (g == GEN_END)
            return task_failf(t, CIMF_NOT_FOUND, "the target of the method does not exist");
        if (g != GEN_OBJECT) return g;
        m = cim_class_method(target->cls, t->in->method);
        if (m->flags & CIM_METHOD_DISABLED)
            return task_failf(t, CIMF_METHOD_DISABLED, "the method is disabled");
        entry = implementer(t, target->cls, m->name, &owner);
    }
    return entry ? call_provider(t, entry, owner, m, target, params) : not_implemented(t);
}

cimf_status start_invoke(struct task *t)
{
    const struct cim_class *cls;
    const struct cim_path *path = &t->in->path;
    cimf_status s = input_class(t, path->class_name, &cls);
    if (s) return s;
    const struct cim_method *m = cim_class_method(cls, t->in->method);
    if (!m) {
        s = error_set(t->error, CIMF_INVALID_METHOD, "cimom",
                      "class " SLICE_FMT " has no method '" SLICE_FMT "'", SLICE_ARG(cls->name),
                      SLICE_ARG(slice_head(t->in->method, 100)));
    } else if (m->flags & CIM_METHOD_DISABLED) {
        s = error_set(t->error, CIMF_METHOD_DISABLED, "cimom", "the method is disabled");
    } else if (path->kind == CIM_PATH_CLASS && !(m->flags & CIM_METHOD_STATIC) &&
               !(cls->flags & CIM_CLASS_SINGLETON)) {
        s = error_set(t->error, CIMF_INVALID_METHOD_PARAMETERS, "cimom",
                      "the method needs an instance: only static methods are called on a class");
    }
    if (s) error_subject(t->error, t->in->method);
    t->gen = (void *)(uintptr_t)cls;
    t->next = invoke_next;
    return s;
}
