/* __SystemSecurity and __thisNAMESPACE: one instance of each in every namespace; the methods of MS-WMI
 * 2.2.30. Failures are those of the call; a call that succeeds returns 0. */
#include "auth/audit.h"
#include "cim/object.h"
#include "cimom/security.h"

/* What GetCallerAccessRights tells of. */
#define NAMESPACE_RIGHTS (0xffu | ACCESS_READ_CONTROL | ACCESS_WRITE_DAC)

static struct task *task_of(const struct provider_call *c)
{
    return c->manager_state;
}

/* The namespace of the call, or INVALID_NAMESPACE when it was deleted meanwhile. One reference. */
static cimf_status open_namespace(struct provider_call *c, uint32_t right, struct cimom_ns **out)
{
    struct task *t = task_of(c);
    *out = ns_find(t->m, c->ns);
    if (!*out) return error_set(c->error, CIMF_INVALID_NAMESPACE, "cimom", "no such namespace");
    cimf_status s = right ? rights_check(*out, t->in, right, c->error) : CIMF_OK;
    if (!s) return CIMF_OK;
    ns_unref(*out);
    *out = NULL;
    return s;
}

/* SACLs are for those with the privilege. */
static bool sees_sacl(const struct provider_call *c)
{
    return c->principal->token && c->principal->token->security;
}

/* What is in force, as the caller may see it; in the scratch arena. */
static cimf_status visible(struct provider_call *c, struct cimom_ns *ns, const struct sd **out)
{
    struct ns_security *now = ns_security(ns);
    struct sd *sd = now ? ARENA_NEW(c->scratch, struct sd) : NULL;
    if (!sd) {
        security_unref(now);
        return error_set(c->error, CIMF_OUT_OF_MEMORY, "cimom", "security descriptor");
    }
    *sd = *now->sd;
    if (!sees_sacl(c)) {
        sd->sacl = NULL;
        sd->control &= (uint16_t)~(SD_SACL_PRESENT | SD_SACL_PROTECTED | SD_SACL_AUTO_INHERITED);
    }
    *out = sd;
    if (arena_hold(c->scratch, now, (void (*)(void *))security_unref)) return CIMF_OK;
    return error_set(c->error, CIMF_OUT_OF_MEMORY, "cimom", "security descriptor");
}

static cimf_status put_bytes(struct cim_instance *in, const char *name, const struct sd *sd,
                             struct error *e)
{
    struct buf b;
    struct cim_value v = { .type = CIM_UINT8 | CIM_ARRAY };
    buf_init(&b, SD_BYTES_MAX);
    cimf_status s = sd_write(sd, &b, e);
    if (!s && !cim_array_new(in->arena, CIM_UINT8, (uint32_t)b.n, &v.v.a)) s = CIMF_OUT_OF_MEMORY;
    if (!s) memcpy((void *)(uintptr_t)v.v.a.p, b.p, b.n);
    if (!s) s = cim_set_named(in, slice_str(name), &v);
    buf_free(&b);
    return s;
}

/* --- reading ------------------------------------------------------------------------------------ */

static cimf_status get_sd(struct provider_call *c, struct cim_instance *out)
{
    struct cimom_ns *ns;
    const struct sd *sd = NULL;
    cimf_status s = open_namespace(c, ACCESS_READ_CONTROL, &ns);
    if (!s) s = visible(c, ns, &sd);
    if (!s) s = put_bytes(out, "SD", sd, c->error);
    ns_unref(ns);
    return s;
}

static cimf_status get_object(struct provider_call *c, struct cim_instance *out)
{
    struct cimom_ns *ns;
    const struct sd *sd = NULL;
    struct cim_schema *schema = NULL;
    struct cim_instance *object = NULL;
    cimf_status s = open_namespace(c, ACCESS_READ_CONTROL, &ns);
    if (!s) s = visible(c, ns, &sd);
    if (!s) s = ns_schema(ns, &schema, c->error);
    if (!s && !arena_hold(out->arena, schema, (void (*)(void *))cim_schema_unref)) s = CIMF_OUT_OF_MEMORY;
    if (!s) s = security_to_object(out->arena, schema, sd, &object, c->error);
    if (!s) {
        struct cim_value v = { .type = CIM_OBJECT, .v.o = &object->object };
        s = cim_set_named(out, SLICE("Descriptor"), &v);
    }
    ns_unref(ns);
    return s;
}

static cimf_status caller_rights(struct provider_call *c, struct cim_instance *out)
{
    struct cimom_ns *ns;
    cimf_status s = open_namespace(c, 0, &ns);
    if (!s) cim_put_i64(out, "rights", (int32_t)(rights_of(ns, c->principal) & NAMESPACE_RIGHTS));
    ns_unref(ns);
    return s;
}

/* --- changing ----------------------------------------------------------------------------------- */

static void record(const struct provider_call *c, cimf_status status)
{
    const struct audit_record r = {
        .event = AUDIT_DESCRIPTOR_CHANGED, .principal = c->principal, .peer = task_of(c)->in->peer,
        .object = c->ns, .wanted = ACCESS_WRITE_DAC, .status = status,
        .detail = slice_str(status ? error_text(c->error) : ""),
    };
    audit_write(&r);
}

static cimf_status missing(struct error *e, const char *name)
{
    return error_set(e, CIMF_INVALID_METHOD_PARAMETERS, "cimom", "the parameter %s is missing", name);
}

static cimf_status bytes_of(struct provider_call *c, const struct cim_instance *in, struct slice *out)
{
    struct cim_value v = { .null = true };
    cimf_status s = in ? cim_get_named(c->scratch, in, SLICE("SD"), &v) : CIMF_OK;
    if (s) return s;
    if (v.null) return missing(c->error, "SD");
    if (v.v.a.n > SD_BYTES_MAX) {
        return error_set(c->error, CIMF_INVALID_METHOD_PARAMETERS, "cimom",
                         "a security descriptor has at most %d bytes", SD_BYTES_MAX);
    }
    *out = slice_of(v.v.a.p, v.v.a.n);
    return CIMF_OK;
}

static cimf_status object_of(struct provider_call *c, const struct cim_instance *in, const struct sd **sd)
{
    struct cim_value v = { .null = true };
    cimf_status s = in ? cim_get_named(c->scratch, in, SLICE("Descriptor"), &v) : CIMF_OK;
    if (s) return s;
    const struct cim_instance *object = v.null ? NULL : cim_as_instance(v.v.o);
    return object ? security_of_object(c->scratch, object, sd, c->error) : missing(c->error, "Descriptor");
}

static cimf_status set_any(struct provider_call *c, const struct cim_instance *in, bool as_object)
{
    struct cimom_ns *ns;
    const struct sd *sd;
    struct slice bytes;
    /* Nothing is told about the descriptor to those who may not change it. */
    cimf_status s = open_namespace(c, ACCESS_WRITE_DAC, &ns);
    if (s) return s;
    if (as_object) {
        s = object_of(c, in, &sd);
    } else {
        s = bytes_of(c, in, &bytes);
        if (!s) s = sd_parse(c->scratch, bytes, &sd, c->error);
    }
    if (!s) s = security_set(task_of(c)->m, ns->name, sd, sees_sacl(c), c->error);
    record(c, s);
    ns_unref(ns);
    return s;
}

static cimf_status security_invoke(struct provider_call *c, const struct cim_method *m,
                                   const struct cim_instance *target, const struct cim_instance *in,
                                   struct cim_instance *out)
{
    cimf_status s = CIMF_METHOD_NOT_IMPLEMENTED;
    if (slice_ieq(m->name, SLICE("GetSD"))) s = get_sd(c, out);
    else if (slice_ieq(m->name, SLICE("SetSD"))) s = set_any(c, in, false);
    else if (slice_ieq(m->name, SLICE("GetSecurityDescriptor"))) s = get_object(c, out);
    else if (slice_ieq(m->name, SLICE("SetSecurityDescriptor"))) s = set_any(c, in, true);
    else if (slice_ieq(m->name, SLICE("GetCallerAccessRights"))) s = caller_rights(c, out);
    if (!s && out) cim_put_u64(out, "ReturnValue", 0);
    return s;
}

/* --- the instances ------------------------------------------------------------------------------ */

static cimf_status one_row(struct provider_call *c, void **state, size_t *rows)
{
    *state = NULL;
    *rows = 1;
    return CIMF_OK;
}

static cimf_status security_fill(struct provider_call *c, void *state, size_t row, struct cim_instance *out)
{
    static const struct cim_qualifier encrypted = {
        .name = SLICE("RequiresEncryption"), .value = { .type = CIM_BOOLEAN, .v.u = 1 },
    };
    struct cimom_ns *ns = ns_find(task_of(c)->m, c->ns);
    struct ns_security *now = ns ? ns_security(ns) : NULL;
    if (now && (now->flags & SECURITY_ENCRYPTED)) out->qualifiers = (struct cim_qualifiers){ &encrypted, 1 };
    security_unref(now);
    ns_unref(ns);
    return CIMF_OK;
}

/* Without READ_CONTROL the descriptor stays NULL: the instance itself is for all. */
static cimf_status this_fill(struct provider_call *c, void *state, size_t row, struct cim_instance *out)
{
    if (!provider_wants(c, "SECURITY_DESCRIPTOR")) return CIMF_OK;
    struct cimom_ns *ns = ns_find(task_of(c)->m, c->ns);
    const struct sd *sd = NULL;
    cimf_status s = CIMF_OK;
    if (ns && rights_have(ns, c->principal, ACCESS_READ_CONTROL)) s = visible(c, ns, &sd);
    if (sd) s = put_bytes(out, "SECURITY_DESCRIPTOR", sd, c->error);
    ns_unref(ns);
    return s;
}

/* Blocking: a change waits for the store. */
const struct provider_class security_provider = {
    .ns = PROVIDER_ANY_NAMESPACE,
    .class_name = "__SystemSecurity",
    .flags = PROVIDER_BLOCKING,
    .open = one_row,
    .fill = security_fill,
    .invoke = security_invoke,
};

const struct provider_class this_namespace_provider = {
    .ns = PROVIDER_ANY_NAMESPACE,
    .class_name = "__thisNAMESPACE",
    .open = one_row,
    .fill = this_fill,
};
