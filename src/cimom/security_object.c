/* Security descriptors as instances: __SecurityDescriptor with __ACE and __Trustee, both ways. */
#include <stdio.h>

#include "cim/object.h"
#include "cimom/security.h"

/* --- to objects --------------------------------------------------------------------------------- */

struct making {
    struct arena *a;
    const struct cim_class *descriptor, *ace, *trustee;
};

static cimf_status memory(struct error *e)
{
    return error_set(e, CIMF_OUT_OF_MEMORY, "cimom", "security descriptor");
}

static void put_object(struct cim_instance *in, const char *name, const struct cim_instance *value)
{
    struct cim_value v = { .type = CIM_OBJECT, .v.o = &value->object };
    cim_set_named(in, slice_str(name), &v);
}

static void put_name(struct cim_instance *in, const char *full)
{
    const char *slash = full ? strchr(full, '\\') : NULL;
    if (!full) return;
    cim_put_str(in, "Domain", slash ? slice_of(full, (size_t)(slash - full)) : SLICE(""));
    cim_put_strz(in, "Name", slash ? slash + 1 : full);
}

static struct cim_instance *make_trustee(const struct making *k, const struct sid *sid)
{
    struct cim_instance *in = cim_instance_new(k->a, k->trustee);
    char bytes[SID_BYTES], text[SID_TEXT];
    struct cim_value v = { .type = CIM_UINT8 | CIM_ARRAY };
    size_t n = sid_size(sid);
    if (!in || !cim_array_new(k->a, CIM_UINT8, (uint32_t)n, &v.v.a)) return NULL;
    sid_write(sid, bytes);
    memcpy((void *)(uintptr_t)v.v.a.p, bytes, n);
    cim_set_named(in, SLICE("SID"), &v);
    sid_format(sid, text);
    cim_put_strz(in, "SIDString", text);
    cim_put_u64(in, "SidLength", n);
    put_name(in, sid_name(sid));
    return in;
}

static void put_guid(struct cim_instance *in, const char *name, const struct guid *g)
{
    char text[GUID_TEXT];
    guid_format(g, false, text);
    cim_put_strz(in, name, text);
}

static struct cim_instance *make_ace(const struct making *k, const struct ace *ace)
{
    struct cim_instance *in = cim_instance_new(k->a, k->ace);
    struct cim_instance *trustee = in ? make_trustee(k, &ace->sid) : NULL;
    if (!trustee) return NULL;
    cim_put_u64(in, "AccessMask", ace->mask);
    cim_put_u64(in, "AceFlags", ace->flags);
    cim_put_u64(in, "AceType", ace->type);
    if (ace->object_flags & ACE_OBJECT_PRESENT) put_guid(in, "GuidObjectType", &ace->object);
    if (ace->object_flags & ACE_INHERITED_OBJECT_PRESENT) {
        put_guid(in, "GuidInheritedObjectType", &ace->inherited_object);
    }
    put_object(in, "Trustee", trustee);
    return in;
}

/* ACEs of types that nobody knows have no object form: they are left out. */
static bool put_acl(const struct making *k, struct cim_instance *in, const char *name, const struct acl *acl)
{
    struct cim_value v = { .type = CIM_OBJECT | CIM_ARRAY };
    uint32_t n = 0;
    if (!acl) return true;
    if (!cim_array_new(k->a, CIM_OBJECT, acl->count, &v.v.a)) return false;
    for (unsigned i = 0; i < acl->count; i++) {
        if (acl->aces[i].opaque) continue;
        const struct cim_instance *ace = make_ace(k, &acl->aces[i]);
        if (!ace) return false;
        cim_array_set(v.v.a, CIM_OBJECT, n++, (union cim_data){ .o = &ace->object });
    }
    v.v.a.n = n;
    return cim_set_named(in, slice_str(name), &v) == CIMF_OK;
}

static bool put_sid(const struct making *k, struct cim_instance *in, const char *name, const struct sid *sid)
{
    if (!sid) return true;
    struct cim_instance *trustee = make_trustee(k, sid);
    if (trustee) put_object(in, name, trustee);
    return trustee != NULL;
}

cimf_status security_to_object(struct arena *a, struct cim_schema *schema, const struct sd *sd,
                               struct cim_instance **out, struct error *e)
{
    struct making k = { a, cim_schema_class(schema, SLICE("__SecurityDescriptor")),
                        cim_schema_class(schema, SLICE("__ACE")), cim_schema_class(schema, SLICE("__Trustee")) };
    if (!k.descriptor || !k.ace || !k.trustee) {
        return error_set(e, CIMF_INVALID_CLASS, "cimom", "the classes of security descriptors are missing");
    }
    struct cim_instance *in = cim_instance_new(a, k.descriptor);
    if (!in || !put_sid(&k, in, "Owner", sd->owner) || !put_sid(&k, in, "Group", sd->group) ||
        !put_acl(&k, in, "DACL", sd->dacl) || !put_acl(&k, in, "SACL", sd->sacl)) {
        return memory(e);
    }
    cim_put_u64(in, "ControlFlags", sd->control);
    *out = in;
    return CIMF_OK;
}

/* --- from objects ------------------------------------------------------------------------------- */

struct reading {
    struct arena *a;
    struct error *e;
    char place[48]; /* "DACL[3]" */
};

static cimf_status bad(const struct reading *r, const char *why)
{
    return error_set(r->e, CIMF_INVALID_PARAMETER, "cimom", "%s: %s", r->place, why);
}

/* Of the type that the property has in our schema; false when it is NULL, missing or of another. */
static bool get(const struct reading *r, const struct cim_instance *in, const char *name, unsigned type,
                union cim_data *out)
{
    struct cim_value v, as;
    if (cim_get_named(r->a, in, slice_str(name), &v) || v.null) return false;
    if (cim_value_convert(r->a, &v, type, &as) || as.null) return false;
    *out = as.v;
    return true;
}

static const struct cim_instance *get_object(const struct reading *r, const struct cim_instance *in,
                                             const char *name)
{
    union cim_data v;
    return get(r, in, name, CIM_OBJECT, &v) ? cim_as_instance(v.o) : NULL;
}

static bool named(const struct reading *r, const struct cim_instance *in, struct sid *out)
{
    union cim_data domain = { .s = SLICE("") }, name;
    if (!get(r, in, "Name", CIM_STRING, &name)) return false;
    get(r, in, "Domain", CIM_STRING, &domain);
    if (!domain.s.n) return sid_by_name(name.s, out) || sid_builtin(name.s, out);
    struct slice full = arena_printf(r->a, SLICE_FMT "\\" SLICE_FMT, SLICE_ARG(domain.s), SLICE_ARG(name.s));
    return full.p && sid_by_name(full, out);
}

/* The bytes decide, then the text, then a well-known name. */
static cimf_status read_trustee(const struct reading *r, const struct cim_instance *in, struct sid *out)
{
    union cim_data v;
    if (!in) return bad(r, "a trustee is missing");
    if (get(r, in, "SID", CIM_UINT8 | CIM_ARRAY, &v)) {
        struct cursor c = cursor_of(slice_of(v.a.p, v.a.n));
        if (sid_read(&c, out) && sid_size(out) == v.a.n) return CIMF_OK;
        return bad(r, "the SID of the trustee is not valid");
    }
    if (get(r, in, "SIDString", CIM_STRING, &v)) {
        return sid_parse(v.s, out) ? CIMF_OK : bad(r, "the SIDString of the trustee is not valid");
    }
    return named(r, in, out) ? CIMF_OK : bad(r, "the trustee has neither a SID nor a well-known name");
}

static bool read_guid(const struct reading *r, const struct cim_instance *in, const char *name,
                      struct guid *out)
{
    union cim_data v;
    return get(r, in, name, CIM_STRING, &v) && v.s.n && guid_parse(v.s, out);
}

static cimf_status read_ace(const struct reading *r, const struct cim_instance *in, struct ace *out)
{
    union cim_data mask, flags, type;
    *out = (struct ace){ .opaque = false };
    if (!in || !get(r, in, "AccessMask", CIM_UINT32, &mask) || !get(r, in, "AceFlags", CIM_UINT32, &flags) ||
        !get(r, in, "AceType", CIM_UINT32, &type)) {
        return bad(r, "AccessMask, AceFlags and AceType are needed");
    }
    if (flags.u > UINT8_MAX || type.u > ACE_AUDIT_OBJECT) return bad(r, "AceFlags or AceType is not valid");
    out->mask = (uint32_t)mask.u;
    out->flags = (uint8_t)flags.u;
    out->type = (uint8_t)type.u;
    if (ace_has_object(out)) {
        if (read_guid(r, in, "GuidObjectType", &out->object)) out->object_flags |= ACE_OBJECT_PRESENT;
        if (read_guid(r, in, "GuidInheritedObjectType", &out->inherited_object)) {
            out->object_flags |= ACE_INHERITED_OBJECT_PRESENT;
        }
    } else if (type.u > ACE_AUDIT) {
        return bad(r, "ACEs of this type have no object form");
    }
    return read_trustee(r, get_object(r, in, "Trustee"), &out->sid);
}

static cimf_status read_acl(struct reading *r, const struct cim_instance *in, const char *name,
                            const struct acl **out)
{
    union cim_data v;
    *out = NULL;
    if (!get(r, in, name, CIM_OBJECT | CIM_ARRAY, &v)) return CIMF_OK;
    if (v.a.n > SD_ACES_MAX) return error_set(r->e, CIMF_QUOTA_VIOLATION, "cimom", "the %s has too many ACEs", name);
    struct acl *acl = ARENA_NEW(r->a, struct acl);
    struct ace *aces = ARENA_ARRAY(r->a, v.a.n + 1, struct ace);
    if (!acl || !aces) return memory(r->e);
    *acl = (struct acl){ 2, v.a.n, aces };
    for (uint32_t i = 0; i < v.a.n; i++) {
        const struct cim_object *o = cim_array_get(CIM_OBJECT, v.a, i).o;
        snprintf(r->place, sizeof r->place, "%s[%u]", name, i);
        cimf_status s = read_ace(r, o ? cim_as_instance(o) : NULL, &aces[i]);
        if (s) return s;
        if (ace_has_object(&aces[i])) acl->revision = 4;
    }
    *out = acl;
    return CIMF_OK;
}

static cimf_status read_sid(struct reading *r, const struct cim_instance *in, const char *name,
                            const struct sid **out)
{
    const struct cim_instance *trustee = get_object(r, in, name);
    struct sid *sid = trustee ? ARENA_NEW(r->a, struct sid) : NULL;
    *out = sid;
    if (!trustee) return CIMF_OK;
    snprintf(r->place, sizeof r->place, "%s", name);
    return sid ? read_trustee(r, trustee, sid) : memory(r->e);
}

cimf_status security_of_object(struct arena *a, const struct cim_instance *in, const struct sd **out,
                               struct error *e)
{
    const uint16_t derived = SD_DACL_PRESENT | SD_SACL_PRESENT | SD_SELF_RELATIVE | SD_RM_CONTROL_VALID;
    struct reading r = { .a = a, .e = e };
    union cim_data control = { .u = 0 };
    struct sd *sd = ARENA_NEW(a, struct sd);
    if (!sd) return memory(e);
    *sd = (struct sd){ .control = SD_SELF_RELATIVE };
    if (get(&r, in, "ControlFlags", CIM_UINT32, &control) && control.u <= UINT16_MAX) {
        sd->control |= (uint16_t)(control.u & (uint16_t)~derived);
    }
    cimf_status s = read_sid(&r, in, "Owner", &sd->owner);
    if (!s) s = read_sid(&r, in, "Group", &sd->group);
    if (!s) s = read_acl(&r, in, "DACL", &sd->dacl);
    if (!s) s = read_acl(&r, in, "SACL", &sd->sacl);
    if (s) return s;
    if (sd->dacl) sd->control |= SD_DACL_PRESENT;
    if (sd->sacl) sd->control |= SD_SACL_PRESENT;
    *out = sd;
    return CIMF_OK;
}
