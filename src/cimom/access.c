/* Who may do what: the only place that decides (P24), by the descriptor of the namespace and the caller's
 * token. */
#include "auth/authorize.h"
#include "cimom/security.h"

/* GrantedAccess of MS-WMI 3.1.1, worked out for each call: a change of the descriptor counts at once. */
static cimf_status granted(const struct ns_security *s, const struct principal *p, uint32_t wanted,
                           uint32_t *rights)
{
    *rights = 0;
    return s && p ? access_check(p->token, s->sd, wanted, &access_namespace, rights) : CIMF_ACCESS_DENIED;
}

static uint32_t with_origin(const struct principal *p, uint32_t needed)
{
    return p && p->scheme == AUTH_LOCAL ? needed : needed | RIGHT_REMOTE_ENABLE;
}

uint32_t rights_of(struct cimom_ns *ns, const struct principal *p)
{
    struct ns_security *s = ns_security(ns);
    uint32_t rights;
    granted(s, p, ACCESS_MAXIMUM_ALLOWED, &rights);
    security_unref(s);
    return rights;
}

bool rights_have(struct cimom_ns *ns, const struct principal *p, uint32_t needed)
{
    struct ns_security *s = ns_security(ns);
    uint32_t rights;
    cimf_status status = granted(s, p, with_origin(p, needed), &rights);
    security_unref(s);
    return status == CIMF_OK;
}

static cimf_status denied(struct error *e, struct slice ns, const char *why)
{
    error_set(e, CIMF_ACCESS_DENIED, "cimom", "%s", why);
    error_subject(e, ns);
    return CIMF_ACCESS_DENIED;
}

cimf_status rights_check(struct cimom_ns *ns, const struct cim_op *op, uint32_t needed, struct error *e)
{
    const struct principal *p = op->principal;
    struct ns_security *s = ns_security(ns);
    uint32_t wanted = with_origin(p, needed), rights;
    cimf_status status = granted(s, p, wanted, &rights);
    if (!s || !p) {
        status = denied(e, ns->name, p ? "the security descriptor cannot be read" : "nobody is logged in");
    } else if (status || (s->sd->sacl && access_audited(p->token, s->sd, wanted, true, &access_namespace))) {
        const struct authorize a = { p, s->sd, wanted, &access_namespace, ns->name, op->peer };
        status = authorize_check(&a, NULL, e);
        if (status) error_subject(e, ns->name);
    }
    if (!status && (s->flags & SECURITY_ENCRYPTED) && !op->encrypted && p->scheme != AUTH_LOCAL) {
        status = denied(e, ns->name, "this namespace takes encrypted requests only");
    }
    security_unref(s);
    return status;
}

cimf_status rights_publish(const struct cim_op *op, const struct sd *sd, struct error *e)
{
    const struct authorize a = {
        op->principal, sd, ACCESS_WMI_PUBLISH, &access_namespace, op->instance->cls->name, op->peer,
    };
    return authorize_check(&a, NULL, e);
}

uint32_t rights_write_class(const struct cimom_ns *ns, const struct cim_class *cls)
{
    return cls && ns_provider(ns, cls) ? RIGHT_WRITE_PROVIDER : RIGHT_FULL_WRITE;
}

uint32_t rights_write_instance(const struct cimom_ns *ns, const struct cim_class *cls)
{
    if (ns_provider(ns, cls)) return RIGHT_WRITE_PROVIDER;
    for (const struct cim_class *c = cls; c; c = c->super) {
        if (c->flags & CIM_CLASS_SYSTEM) return RIGHT_FULL_WRITE;
    }
    return RIGHT_PARTIAL_WRITE;
}
