/* Descriptors of namespaces as text, for the administrator of this machine: who owns the store may change it. */
#include "auth/audit.h"
#include "auth/sddl.h"
#include "cimom/security.h"

static cimf_status find(struct cimom *m, const struct principal *p, struct slice ns, struct cimom_ns **out,
                        struct error *e)
{
    *out = NULL;
    if (!p || !p->administrator || p->scheme != AUTH_LOCAL) {
        return error_set(e, CIMF_PRIVILEGE_NOT_HELD, "cimom", "this is for the administrator of this machine");
    }
    if ((*out = ns_find(m, ns))) return CIMF_OK;
    error_set(e, CIMF_INVALID_NAMESPACE, "cimom", "the namespace does not exist");
    error_subject(e, ns);
    return CIMF_INVALID_NAMESPACE;
}

cimf_status cimom_descriptor(struct cimom *m, const struct principal *p, struct slice ns, struct buf *sddl,
                             struct error *e)
{
    struct cimom_ns *space;
    cimf_status s = find(m, p, ns, &space, e);
    struct ns_security *now = space ? ns_security(space) : NULL;
    if (!s && !now) s = error_set(e, CIMF_OUT_OF_MEMORY, "cimom", "the security descriptor cannot be read");
    if (!s) s = sddl_write(now->sd, sddl, e);
    security_unref(now);
    ns_unref(space);
    return s;
}

cimf_status cimom_set_descriptor(struct cimom *m, const struct principal *p, struct slice ns, struct slice sddl,
                                 struct error *e)
{
    struct cimom_ns *space;
    struct arena a;
    const struct sd *sd = NULL;
    arena_init(&a, 0);
    cimf_status s = find(m, p, ns, &space, e);
    if (!s && sddl.n) s = sddl_parse(&a, sddl, NULL, &sd, e);
    if (!s) s = security_set(m, space->name, sd, true, e);
    if (space) {
        const struct audit_record r = {
            .event = AUDIT_DESCRIPTOR_CHANGED, .principal = p, .object = space->name, .wanted = ACCESS_WRITE_DAC,
            .status = s, .detail = s && e ? slice_str(error_text(e)) : sddl,
        };
        audit_write(&r);
    }
    ns_unref(space);
    arena_free(&a);
    return s;
}
