#include "auth/inherit.h"

#include "auth/access.h"

static cimf_status memory(struct error *e)
{
    return error_set(e, CIMF_OUT_OF_MEMORY, "auth", "security descriptor");
}

/* above: the parent's ACL, NULL if nothing comes from there. NULL in *out if there is no ACL at all. */
static cimf_status merge(struct arena *a, const struct acl *above, const struct acl *own,
                         const struct acl **out, struct error *e)
{
    unsigned inherited = 0, room = own ? own->count : 0;
    for (unsigned i = 0; above && i < above->count; i++)
        inherited += (above->aces[i].flags & ACE_CONTAINER_INHERIT) != 0;
    *out = NULL;
    if (!own && !inherited) return CIMF_OK;
    room += inherited;
    struct acl *acl = ARENA_NEW(a, struct acl);
    struct ace *aces = ARENA_ARRAY(a, room ? room : 1, struct ace);
    if (!acl || !aces) return memory(e);
    for (unsigned i = 0; own && i < own->count; i++)
        if (!(own->aces[i].flags & ACE_INHERITED)) aces[acl->count++] = own->aces[i];
    for (unsigned i = 0; inherited && i < above->count; i++) {
        struct ace ace = above->aces[i];
        if (!(ace.flags & ACE_CONTAINER_INHERIT)) continue;
        if (ace.flags & ACE_NO_PROPAGATE) ace.flags &= (uint8_t)~ACE_CONTAINER_INHERIT;
        ace.flags &= (uint8_t)~ACE_INHERIT_ONLY;
        ace.flags |= ACE_INHERITED;
        aces[acl->count++] = ace;
    }
    acl->revision = (own && own->revision == 4) || (inherited && above->revision == 4) ? 4 : 2;
    acl->aces = aces;
    *out = acl;
    return CIMF_OK;
}

cimf_status inherit_namespace(struct arena *a, const struct sd *parent, const struct sd *child,
                              const struct sd **out, struct error *e)
{
    struct sd *sd = ARENA_NEW(a, struct sd);
    if (!sd) return memory(e);
    *sd = *child;
    const struct acl *dacl = NULL, *sacl = NULL;
    if (parent && !(parent->control & SD_DACL_PROTECTED)) dacl = parent->dacl;
    if (parent && !(parent->control & SD_SACL_PROTECTED)) sacl = parent->sacl;
    cimf_status st = merge(a, dacl, child->dacl, &sd->dacl, e);
    if (st == CIMF_OK) st = merge(a, sacl, child->sacl, &sd->sacl, e);
    if (st != CIMF_OK) return st;
    if (sd->dacl) sd->control |= SD_DACL_PRESENT;
    if (sd->sacl) sd->control |= SD_SACL_PRESENT;
    if (sd_size(sd) > SD_BYTES_MAX)
        return error_set(e, CIMF_QUOTA_VIOLATION, "auth",
                         "the security descriptor is too long with what it inherits");
    *out = sd;
    return CIMF_OK;
}

static const char *ace_fault(const struct ace *ace)
{
    const uint8_t flags = ACE_OBJECT_INHERIT | ACE_CONTAINER_INHERIT | ACE_NO_PROPAGATE |
                          ACE_INHERIT_ONLY | ACE_INHERITED;
    const uint32_t partial = ACCESS_WMI_PARTIAL_WRITE | ACCESS_WMI_WRITE_PROVIDER;
    if (ace->type != ACE_ALLOW && ace->type != ACE_DENY) return "only allowing and denying ACEs can be here";
    if (ace->flags & ~flags) return "it has a flag that is not known here";
    if ((ace->flags & ACE_INHERIT_ONLY) && !(ace->flags & ACE_CONTAINER_INHERIT))
        return "it is for inheritance only, but no namespace inherits it";
    uint32_t mask = access_map(ace->mask, &access_namespace);
    if (mask & ~access_namespace.all) return "it has a right that a namespace does not have";
    if ((mask & ACCESS_WMI_FULL_WRITE) && (mask & partial) != partial)
        return "FULL_WRITE needs PARTIAL_WRITE and WRITE_PROVIDER beside it";
    return NULL;
}

cimf_status inherit_namespace_check(const struct sd *sd, struct error *e)
{
    if (!sd->owner || !sd->group)
        return error_set(e, CIMF_INVALID_OBJECT, "auth", "the security descriptor has no %s",
                         sd->owner ? "group" : "owner");
    if (!sd_has_dacl(sd))
        return error_set(e, CIMF_INVALID_PARAMETER, "auth",
                         "the security descriptor has no DACL: it would let everybody do everything");
    for (unsigned i = 0; i < sd->dacl->count; i++) {
        const char *fault = ace_fault(&sd->dacl->aces[i]);
        if (fault)
            return error_set(e, CIMF_INVALID_PARAMETER, "auth", "ACE %u of the DACL: %s", i + 1, fault);
    }
    return CIMF_OK;
}
