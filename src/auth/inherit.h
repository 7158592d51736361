/*
 * auth/inherit.h - what a namespace gets from the one above it, and which descriptors it may be given.
 */
#ifndef AUTH_INHERIT_H
#define AUTH_INHERIT_H

#include "auth/sd.h"

/*
 * The descriptor of a child namespace: SetSD and the creation of a namespace (MS-WMI 2.2.30.2, 3.1.4.18.1).
 * Owner, group and flags are the child's. Its own ACEs stay in their order, without those marked as
 * inherited: these are worked out anew, so that what GetSD gave may be set again and a change above may
 * be carried down by calling this again. Then, for each ACL that is not protected in the parent, follow
 * the parent's ACEs with CONTAINER_INHERIT, marked as inherited, in force here (INHERIT_ONLY cleared)
 * and, with NO_PROPAGATE, no longer inheritable (CONTAINER_INHERIT cleared).
 * The child's own SE_DACL_PROTECTED does not stop this: as in Windows' documentation of WMI.
 * A child without DACL gets one only of what it inherits; without that it stays open to all, which
 * inherit_namespace_check is there to refuse. parent NULL: the root. The result shares memory with both
 * descriptors. CIMF_QUOTA_VIOLATION when it would be too long to be written.
 */
cimf_status inherit_namespace(struct arena *a, const struct sd *parent, const struct sd *child,
                              const struct sd **out, struct error *e);

/* What SetSD accepts (the Windows documentation of __SystemSecurity::SetSD): an owner and a group; a DACL,
 * of allowing and denying ACEs only, with inheritance flags only, INHERIT_ONLY not without
 * CONTAINER_INHERIT, rights of a namespace (or generic ones) only, and FULL_WRITE not without
 * PARTIAL_WRITE and WRITE_PROVIDER. CIMF_INVALID_OBJECT for the owner and group, else
 * CIMF_INVALID_PARAMETER, naming the ACE by number. */
cimf_status inherit_namespace_check(const struct sd *sd, struct error *e);

#endif
