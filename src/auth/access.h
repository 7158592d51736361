/*
 * auth/access.h - may this caller do that? The access check of MS-DTYP 2.5.3.2 over a token made of a
 * principal. Pure: no state, no logging, no allocation but the token's.
 */
#ifndef AUTH_ACCESS_H
#define AUTH_ACCESS_H

#include "auth/principal.h"
#include "auth/sd.h"

/* Rights that mean the same everywhere (2.4.3). */
#define ACCESS_DELETE 0x00010000u
#define ACCESS_READ_CONTROL 0x00020000u
#define ACCESS_WRITE_DAC 0x00040000u
#define ACCESS_WRITE_OWNER 0x00080000u
#define ACCESS_SYSTEM_SECURITY 0x01000000u /* the SACL */
#define ACCESS_MAXIMUM_ALLOWED 0x02000000u
#define ACCESS_GENERIC_ALL 0x10000000u
#define ACCESS_GENERIC_EXECUTE 0x20000000u
#define ACCESS_GENERIC_WRITE 0x40000000u
#define ACCESS_GENERIC_READ 0x80000000u

/* Rights in a namespace, and of an event's own descriptor (MS-WMI 5.2). */
#define ACCESS_WMI_ENABLE 0x01u
#define ACCESS_WMI_METHOD_EXECUTE 0x02u
#define ACCESS_WMI_FULL_WRITE 0x04u
#define ACCESS_WMI_PARTIAL_WRITE 0x08u
#define ACCESS_WMI_WRITE_PROVIDER 0x10u
#define ACCESS_WMI_REMOTE_ENABLE 0x20u
#define ACCESS_WMI_SUBSCRIBE 0x40u
#define ACCESS_WMI_PUBLISH 0x80u

/* What the generic rights mean for a kind of object; used on requests and on ACEs alike. */
struct access_mapping {
    uint32_t read, write, execute, all;
};
/* MS-WMI names no mapping: read is ENABLE and READ_CONTROL, write the three writing rights, execute
 * METHOD_EXECUTE; the right to come from the network is in GENERIC_ALL alone. */
extern const struct access_mapping access_namespace;
/* RootSDDL and resource descriptors (MS-WSMV 3.1.4.1.28): the generic rights are the rights; GA is GR, GW,
 * GX and the standard rights. */
extern const struct access_mapping access_wsman;
uint32_t access_map(uint32_t mask, const struct access_mapping *m);

/* Descriptors to start from: Windows' RootSDDL (MS-WSMV, MS-WSMAN), and a root namespace in which
 * administrators may do everything, other local callers read, run methods and write through providers, and
 * Remote Management Users may read and run methods from elsewhere. */
#define ACCESS_WSMAN_SDDL "O:NSG:BAD:P(A;;GA;;;BA)S:P(AU;FA;GA;;;WD)(AU;SA;GXGW;;;WD)"
#define ACCESS_NAMESPACE_SDDL                                                                      \
    "O:BAG:BAD:(A;CI;CCDCLCSWRPWPRCWD;;;BA)(A;CI;CCDCRP;;;NS)(A;CI;CCDCRP;;;LS)(A;CI;CCDCRP;;;AU)"     \
    "(A;CI;CCDCWPRC;;;RM)"

/* The authorization context (2.5.2): whose SIDs count. */
struct access_token {
    const struct sid *sids;   /* the user's own first */
    unsigned count;
    bool security;            /* may read and change SACLs (SeSecurityPrivilege) */
    bool take_ownership;      /* SeTakeOwnershipPrivilege */
};
#define ACCESS_TOKEN_SIDS 4096
#define ACCESS_TOKEN_OWN 16 /* of these at most do not come from a list */

/* Of a principal: its SID; uid and gid (S-1-22-..) if it maps to a local user; BUILTIN groups that its
 * groups name and Administrators for an administrator (with both privileges); Everyone, Authenticated
 * Users, Users, This Organization; NETWORK, or for AUTH_LOCAL INTERACTIVE and LOCAL; the SID of the scheme;
 * Local account (and member of Administrators) when its domain is empty; then `more` (groups from a
 * ticket; count may be 0). A principal without scheme, or anonymous (S-1-5-7), gets its own SID and NETWORK
 * only, a member of Guests is neither an authenticated user nor a user. Group names that are no BUILTIN
 * group have no SID here. Nothing is kept of `p`. CIMF_INVALID_PARAMETER when its SID is not one or there
 * are too many: then there is no token and nobody may do anything. */
cimf_status access_token_make(struct arena *a, const struct principal *p, const struct sid *more,
                              unsigned more_count, const struct access_token **out, struct error *e);
bool access_token_has(const struct access_token *t, const struct sid *s);

/*
 * CIMF_OK when all of `desired` is granted, else CIMF_ACCESS_DENIED; *granted (may be NULL) gets the rights,
 * 0 when denied. ACEs count in the order in which they are stored.
 *  - sd NULL, t NULL or desired 0: denied; a forgotten argument opens nothing.
 *  - No DACL or a NULL one: everything. An empty one: nothing but what the owner always may.
 *  - The owner may READ_CONTROL and WRITE_DAC unless an ACE names OWNER RIGHTS, which then stands for him.
 *  - MAXIMUM_ALLOWED: *granted is all that some ACE allows and none denies (in any order, as the
 *    specification has it; so possibly less than single requests would get), and must hold the other bits
 *    of `desired`; denied when nothing is left.
 *  - Conditions are not evaluated: an allowing callback ACE is passed over, a denying one applies. Object
 *    ACEs that name a type do not apply, as no object types are given; without one they are plain.
 *  - ACCESS_SYSTEM_SECURITY comes from the privilege alone, never from an ACE.
 */
cimf_status access_check(const struct access_token *t, const struct sd *sd, uint32_t desired,
                         const struct access_mapping *m, uint32_t *granted);

/* The SACL asks for a record of this use of (any of) `mask`, granted or denied. */
bool access_audited(const struct access_token *t, const struct sd *sd, uint32_t mask, bool granted,
                    const struct access_mapping *m);

#endif
