/* The first steps of every operation: namespace, access, schema, verb. */
#include <stdlib.h>

#include "base/log.h"
#include "base/utf.h"
#include "cimom/cimom_priv.h"

static cimf_status (*const starts[CIM_OP_COUNT])(struct task *t) = {
    [CIM_OP_GET_CLASS] = start_get_class,
    [CIM_OP_PUT_CLASS] = start_put_class,
    [CIM_OP_DELETE_CLASS] = start_delete_class,
    [CIM_OP_ENUM_CLASSES] = start_enum_classes,
    [CIM_OP_GET_INSTANCE] = start_get_instance,
    [CIM_OP_PUT_INSTANCE] = start_put_instance,
    [CIM_OP_DELETE_INSTANCE] = start_delete_instance,
    [CIM_OP_ENUM_INSTANCES] = start_enum_instances,
    [CIM_OP_QUERY] = start_query,
    [CIM_OP_INVOKE] = start_invoke,
    [CIM_OP_SUBSCRIBE] = start_subscribe,
    [CIM_OP_SEND_EVENT] = start_send_event,
};

static cimf_status bad_namespace(struct error *e, struct slice name)
{
    error_set(e, CIMF_INVALID_NAMESPACE, "cimom", "the namespace does not exist");
    error_subject(e, name);
    return CIMF_INVALID_NAMESPACE;
}

/* Whether it exists is told to those who may look into what would be above it. */
static cimf_status missing_namespace(struct task *t, struct slice name)
{
    struct cimom_ns *above = ns_find_above(t->m, name);
    cimf_status s = above ? rights_check(above, t->op, RIGHT_ENABLE, &t->op->error) : CIMF_OK;
    ns_unref(above);
    return s ? s : bad_namespace(&t->op->error, name);
}

static uint32_t needed(const struct cim_op *op)
{
    /* Anybody who is in may ask what he may do. */
    if (op->verb == CIM_OP_INVOKE && slice_ieq(op->path.class_name, SLICE("__SystemSecurity")) &&
        slice_ieq(op->method, SLICE("GetCallerAccessRights"))) {
        return RIGHT_ENABLE;
    }
    return cim_op_info(op->verb)->right;
}

/* Clients that name what a call belongs to find it under that name (MS-WMI 3.1.4). */
static void log_correlated(const struct cim_op *op)
{
    const struct cim_value *id = op->context_count ? input_context(op, "__CorrelationId") : NULL;
    if (!id || id->null || id->type != CIM_STRING || id->v.s.n > 64) return;
    log_debug("cimom", "operation verb=%s ns=" SLICE_FMT " correlation=" SLICE_FMT, cim_op_info(op->verb)->name,
              SLICE_ARG(op->ns), SLICE_ARG(id->v.s));
}

cimf_status dispatch(struct task *t)
{
    struct cim_op *op = t->op;
    log_correlated(op);
    struct slice name = op->verb != CIM_OP_QUERY && op->path.ns.n ? op->path.ns : op->ns;
    if (!name.n) name = SLICE("root/default");
    /* Before anything is told about the namespace, its existence included. */
    t->ns = ns_find(t->m, name);
    if (!t->ns) return missing_namespace(t, name);
    cimf_status s = rights_check(t->ns, op, needed(op), &op->error);
    if (s) return s;
    s = ns_schema(t->ns, &t->schema, &op->error);
    if (!s && op->context_count && op->verb != CIM_OP_QUERY) {
        struct slice of = op->verb == CIM_OP_PUT_INSTANCE && op->instance ? op->instance->cls->name : op->path.class_name;
        if (of.n) s = input_architecture(t, cim_schema_class(t->schema, of));
    }
    op->begun = !s;
    return s ? s : starts[op->verb](t);
}

cimf_status input_class(struct task *t, struct slice name, const struct cim_class **out)
{
    *out = NULL;
    if (!name.n) return error_set(t->error, CIMF_INVALID_CLASS, "cimom", "no class was named");
    if (name.n > LIMIT_CLASS_NAME && utf16_units(name) > LIMIT_CLASS_NAME) {
        return error_set(t->error, CIMF_QUOTA_VIOLATION, "cimom",
                         "the class name has more than %d characters", LIMIT_CLASS_NAME);
    }
    *out = cim_schema_class(t->schema, name);
    if (*out) return CIMF_OK;
    error_set(t->error, CIMF_INVALID_CLASS, "cimom", "the class does not exist in " SLICE_FMT,
              SLICE_ARG(t->ns->name));
    error_subject(t->error, name);
    return CIMF_INVALID_CLASS;
}

const struct cim_value *input_context(const struct cim_op *op, const char *name)
{
    for (uint32_t i = 0; i < op->context_count; i++) {
        if (slice_ieq(op->context[i].name, slice_str(name))) return &op->context[i].value;
    }
    return NULL;
}

bool input_true(const struct cim_op *op, const char *name)
{
    const struct cim_value *v = input_context(op, name);
    if (!v || v->null) return false;
    if (v->type == CIM_STRING)
        return slice_ieq(v->v.s, SLICE("true")) || slice_eq(v->v.s, SLICE("1"));
    return v->type == CIM_BOOLEAN || cim_type_is_integer(v->type) ? v->v.u != 0 : false;
}

cimf_status input_architecture(struct task *t, const struct cim_class *cls)
{
    const struct cim_value *v = t->in->context_count ? input_context(t->in, "__ProviderArchitecture") : NULL;
    if (!v || v->null || !cls || !ns_provider(t->ns, cls)) return CIMF_OK;
    uint64_t bits = cim_type_is_integer(v->type) ? v->v.u : 0;
    if (v->type == CIM_STRING) bits = slice_is(v->v.s, "64") ? 64 : slice_is(v->v.s, "32") ? 32 : 0;
    if (bits != 32 && bits != 64)
        return error_set(t->error, CIMF_INVALID_PARAMETER, "cimom", "__ProviderArchitecture is 32 or 64");
    if (bits != sizeof(void *) * 8 && input_true(t->in, "__RequiredArchitecture"))
        return error_set(t->error, CIMF_PROVIDER_LOAD_FAILURE, "cimom", "there is no provider of this architecture");
    return CIMF_OK;
}

/* --- copies ----------------------------------------------------------------------------------- */

static cimf_status value_copy(struct arena *a, const struct cim_value *in, struct cim_value *out)
{
    *out = *in;
    return in->null ? CIMF_OK : cim_data_copy(a, in->type, &in->v, &out->v);
}

static cimf_status named_copy(struct arena *a, const struct cim_context_value *in, uint32_t n,
                              const struct cim_context_value **out)
{
    struct cim_context_value *v = ARENA_ARRAY(a, n + 1, struct cim_context_value);
    if (!v) return CIMF_OUT_OF_MEMORY;
    for (uint32_t i = 0; i < n; i++) {
        v[i].name = arena_dup(a, in[i].name);
        cimf_status s = value_copy(a, &in[i].value, &v[i].value);
        if (s) return s;
    }
    *out = v;
    return CIMF_OK;
}

cimf_status path_copy(struct arena *a, const struct cim_path *in, struct cim_path *out)
{
    *out = *in;
    out->server = arena_dup(a, in->server);
    out->ns = arena_dup(a, in->ns);
    out->class_name = arena_dup(a, in->class_name);
    out->keys = ARENA_ARRAY(a, in->key_count + 1, struct cim_key);
    if (!out->keys) return CIMF_OUT_OF_MEMORY;
    for (uint32_t i = 0; i < in->key_count; i++) {
        out->keys[i].name = arena_dup(a, in->keys[i].name);
        cimf_status s = value_copy(a, &in->keys[i].value, &out->keys[i].value);
        if (s) return s;
    }
    return arena_status(a);
}

cimf_status input_copy(struct arena *a, const struct cim_op *op, struct cim_op *out)
{
    *out = *op;
    out->arena = a;
    out->ns = arena_dup(a, op->ns);
    out->query = arena_dup(a, op->query);
    out->language = arena_dup(a, op->language);
    out->method = arena_dup(a, op->method);
    out->locale = arena_dup(a, op->locale);
    out->peer = arena_dup(a, op->peer);
    cimf_status s = path_copy(a, &op->path, &out->path);
    if (!s) s = named_copy(a, op->params, op->param_count, &out->params);
    if (!s) s = named_copy(a, op->context, op->context_count, &out->context);
    if (s) return s;
    if (op->wanted) {
        struct slice *w = ARENA_ARRAY(a, op->wanted_count + 1, struct slice);
        if (!w) return CIMF_OUT_OF_MEMORY;
        for (uint32_t i = 0; i < op->wanted_count; i++) w[i] = arena_dup(a, op->wanted[i]);
        out->wanted = w;
    }
    if (op->instance && !(out->instance = cim_instance_copy(a, op->instance))) {
        return CIMF_OUT_OF_MEMORY;
    }
    out->class_decl = NULL; /* PutClass never leaves the home thread */
    return arena_status(a);
}
