/* Who may do what: the only place that decides (P24). Security descriptors of namespaces take the
 * place of the policy below through cimom_config.rights. */
#include "cimom/cimom_priv.h"

/* Administrators: everything. Others: read and call methods, which check the caller again where
 * they have side effects (P29); nothing in root/security. Less than the default that MS-WMI note 76
 * tells of, on purpose: writing through a provider changes this machine. */
static uint32_t default_rights(struct slice ns, const struct principal *p)
{
    if (p->administrator) return UINT32_MAX;
    struct slice rest = ns;
    for (struct slice part = slice_split(ns, '/', &rest); part.p;
         part = slice_split(rest, '/', &rest)) {
        if (slice_ieq(part, SLICE("security"))) return 0;
        if (!rest.p) break;
    }
    return RIGHT_ENABLE | RIGHT_METHOD_EXECUTE;
}

uint32_t access_rights(const struct cimom *m, struct slice ns, const struct principal *p)
{
    if (!p) return 0;
    return m->rights ? m->rights(m->rights_arg, ns, p) : default_rights(ns, p);
}

cimf_status cimom_access_check(const struct cimom *m, struct slice ns, const struct principal *p,
                               uint32_t needed, struct error *e)
{
    uint32_t have = access_rights(m, ns, p);
    if ((have & needed) == needed) return CIMF_OK;
    error_set(e, CIMF_ACCESS_DENIED, "cimom",
              "the account lacks a right in this namespace (needed 0x%x, granted 0x%x)", needed,
              have);
    error_subject(e, ns);
    return CIMF_ACCESS_DENIED;
}

uint32_t access_write_right(const struct cimom_ns *ns, const struct cim_class *cls)
{
    if (ns_provider(ns, cls)) return RIGHT_WRITE_PROVIDER;
    for (const struct cim_class *c = cls; c; c = c->super) {
        if (c->flags & CIM_CLASS_SYSTEM) return RIGHT_FULL_WRITE;
    }
    return RIGHT_PARTIAL_WRITE;
}
