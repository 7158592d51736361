/* What MOF says about the security of namespaces: qualifiers of instances of __NAMESPACE and
 * __SystemSecurity (MS-WMI 2.2.30.3, 2.2.32, 3.1.4.18.1). */
#include "auth/sddl.h"
#include "cimom/security.h"

static cimf_status refused(struct error *e, cimf_status s, struct slice ns)
{
    if (e && !e->subject[0]) error_subject(e, ns);
    return s;
}

/* The table of MS-WMI says string array, its note and every MOF say string. */
static struct slice sddl_of(struct cim_qualifiers set)
{
    const struct cim_qualifier *q = cim_qualifier_find(set, SLICE("NamespaceSecuritySDDL"));
    if (!q || q->value.null) return SLICE_NULL;
    if (q->value.type == CIM_STRING) return q->value.v.s;
    bool list = q->value.type == (CIM_STRING | CIM_ARRAY) && q->value.v.a.n == 1;
    return list ? cim_array_get(CIM_STRING, q->value.v.a, 0).s : SLICE_NULL;
}

static cimf_status take_sddl(struct arena *a, struct slice text, struct security_record *r, struct error *e)
{
    const struct sd *sd;
    struct buf bytes;
    buf_init(&bytes, SD_BYTES_MAX);
    cimf_status s = sddl_parse(a, text, NULL, &sd, e);
    if (!s && (!sd->owner || !sd->group)) {
        /* MOF files often say no more than "D:...". */
        struct sd *full = ARENA_NEW(a, struct sd);
        struct sid *admins = ARENA_NEW(a, struct sid);
        if (!full || !admins) return CIMF_OUT_OF_MEMORY;
        *admins = sid_known(SID_ADMINISTRATORS);
        *full = *sd;
        if (!full->owner) full->owner = admins;
        if (!full->group) full->group = admins;
        sd = full;
    }
    if (!s) s = inherit_namespace_check(sd, e);
    if (!s) s = sd_write(sd, &bytes, e);
    if (!s) r->given = arena_dup(a, buf_slice(&bytes));
    buf_free(&bytes);
    return s ? s : arena_status(a);
}

cimf_status security_of_qualifiers(struct edit *ed, struct arena *a, struct slice ns,
                                   struct cim_qualifiers set, bool created, struct error *e)
{
    const struct cim_qualifier *encrypt = cim_qualifier_find(set, SLICE("RequiresEncryption"));
    struct slice sddl = created ? sddl_of(set) : SLICE_NULL;
    if (!encrypt && !sddl.n) return CIMF_OK;
    struct edit_ns *en;
    struct security_record r;
    cimf_status s = edit_open(ed, ns, &en, e);
    if (!s) s = security_read(ed->txn, a, ns, &r, e);
    if (s) return s;
    if (encrypt) {
        r.flags &= (uint8_t)~SECURITY_ENCRYPTED;
        if (cim_qualifier_true(set, "RequiresEncryption")) r.flags |= SECURITY_ENCRYPTED;
    }
    if (sddl.n) s = take_sddl(a, sddl, &r, e);
    if (!s) s = edit_put_security(ed, en, &r, e);
    return s ? refused(e, s, ns) : CIMF_OK;
}
