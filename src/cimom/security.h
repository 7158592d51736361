/*
 * cimom/security.h - the security descriptors of namespaces (MS-WMI 2.2.30, 5.2; private to cimom).
 *
 * The store holds what a namespace was given itself (setting "security"; most were given nothing). What
 * is in force, that and what it inherits, is worked out parents first when the table of namespaces is
 * read and again, for a namespace and everything below it, when a change is durable; it stays parsed
 * beside the schema. A check takes one reference and parses nothing. Only the writer thread makes new
 * ones (at the start: the starting thread).
 *
 * Without a descriptor of its own: "root" has ACCESS_NAMESPACE_SDDL; root/security, which inherits
 * nothing, is for administrators; below a parent with a protected DACL, from which nothing is inherited,
 * the parent's; else all comes from the parent.
 */
#ifndef CIMOM_SECURITY_H
#define CIMOM_SECURITY_H

#include <stdatomic.h>

#include "auth/access.h"
#include "auth/inherit.h"
#include "cimom/cimom_priv.h"

enum security_flag {
    SECURITY_ENCRYPTED = 1, /* RequiresEncryption (MS-WMI 2.2.30.3) */
};

struct ns_security {
    _Atomic int refs;
    uint8_t flags;          /* enum security_flag */
    const struct sd *sd;    /* in force */
    struct arena arena;
};
struct ns_security *security_ref(struct ns_security *s);
void security_unref(struct ns_security *s);

/* What is in force in ns now; one reference. NULL: there was no memory for it; nobody may do anything. */
struct ns_security *ns_security(struct cimom_ns *ns);

/* Works out anew what is in force in one namespace; in `top` and below it. Caller holds the table lock for writing. */
void security_renew(struct cimom_ns *ns);
void security_rebuild(struct cimom *m, struct slice top);
/* Reads what the namespaces of the table were given. Same lock. */
cimf_status security_load(struct cimom *m, struct repo_txn *txn, struct error *e);

/* --- changes: inside a write function, shown by security_publish ---------------------------------- */

struct security_record {
    uint8_t flags;          /* enum security_flag */
    struct slice given;     /* self-relative; empty: no descriptor of its own */
};
cimf_status security_read(struct repo_txn *txn, struct arena *a, struct slice ns,
                          struct security_record *out, struct error *e);
cimf_status security_write(struct repo_txn *txn, struct slice ns, const struct security_record *r,
                           struct error *e);
/* A copy for security_publish; NULL when out of memory. */
struct security_change *security_change_new(const struct security_record *r);
void security_change_free(struct security_change *c);
/* Shows a durable change to everyone (the namespace may be new); takes it over. Writer thread; not with
 * the table locked. */
void security_publish(struct cimom *m, struct slice ns, struct security_change *c);

/* As part of an edit. */
cimf_status edit_put_security(struct edit *ed, struct edit_ns *en, const struct security_record *r,
                              struct error *e);

/* RequiresEncryption and (of a namespace that was just made) NamespaceSecuritySDDL of a MOF instance that
 * stands for ns (security_mof.c). */
cimf_status security_of_qualifiers(struct edit *ed, struct arena *a, struct slice ns,
                                   struct cim_qualifiers set, bool created, struct error *e);

/* Stores a descriptor that inherit_namespace_check accepts as a namespace's own, waits until it is durable
 * and visible. sacl false: the SACL stays as it is. sd NULL: it has none of its own any more. Not on the writer
 * thread. */
cimf_status security_set(struct cimom *m, struct slice ns, const struct sd *sd, bool sacl,
                         struct error *e);

/* --- objects (security_object.c): __SecurityDescriptor and the parsed form ------------------------- */
cimf_status security_to_object(struct arena *a, struct cim_schema *schema, const struct sd *sd,
                               struct cim_instance **out, struct error *e);
cimf_status security_of_object(struct arena *a, const struct cim_instance *in, const struct sd **out,
                               struct error *e);

extern const struct provider_class security_provider;       /* __SystemSecurity */
extern const struct provider_class this_namespace_provider; /* __thisNAMESPACE */

#endif
