/*
 * mech/kerberos.h - Kerberos 5 (RFC 4121, MS-KILE) through MIT's GSSAPI, both roles, behind mech.h.
 *
 * Unlike the other mechanisms this one reads files (keytab, replay cache, krb5.conf, credential cache) and, as
 * a client, may talk to a KDC: call it on a thread that may block. Sealing does neither.
 */
#ifndef MECH_KERBEROS_H
#define MECH_KERBEROS_H

#include "mech/mech.h"

struct kerberos_client_config {
    struct mech_options options; /* target "HTTP/host" is needed; MECH_DELEGATE in want forwards the ticket */
    const char *ccache;          /* "FILE:/path"; NULL: the user's default */
    /* With a password a ticket is asked for it first; user "name" or "name@REALM". Empty: the cache only. */
    struct slice user, password;
};
/* CIMF_NOT_AUTHENTICATED when there is no ticket to begin with (so that a caller can fall back to NTLM before
 * anything is sent). */
/* All talk with a KDC happens in here, so that the steps do not block and a service that is unknown to
 * the realm is noticed before anything is sent. */
cimf_status kerberos_client_new(const struct kerberos_client_config *config, struct mech **out,
                                struct error *e);
/* The cache holds a ticket-granting ticket that is not over: "user@REALM" in the arena, else SLICE_NULL. */
struct slice kerberos_default_user(struct arena *a, const char *ccache);

/* For a process that may not read files and only imports contexts: the library then goes without its
 * configuration, which it would otherwise insist on where the file is there but out of reach. Before other
 * threads. */
void kerberos_without_files(void);

struct kerberos_server_config {
    struct mech_options options;
    const char *keytab;               /* "/etc/krb5.keytab" or "FILE:..."; NULL: the system's */
    const char *const *services;      /* "HTTP", "HOST": classes of the name in the ticket that are served,
                                         without case, NULL-terminated; NULL: any in the keytab */
    bool replay_cache_off;            /* tests */
};
/* CIMF_NOT_FOUND: no keytab or nothing in it. mech.user is the name, mech.domain the realm, mech.target the
 * service that the ticket names, "HTTP/host@REALM". Both that name and the key that decrypts the ticket must be
 * of a class that is served: the name alone is not protected, and in a domain all of a machine's services share
 * their key. */
cimf_status kerberos_server_new(const struct kerberos_server_config *config, struct mech **out,
                                struct error *e);
/* After DONE with MECH_DELEGATE: writes the forwarded ticket into a cache ("FILE:/path"). */
cimf_status kerberos_store_delegated(struct mech *m, const char *ccache, struct error *e);

/* What the PAC says of the user (MS-PAC 2.5 KERB_VALIDATION_INFO); from mech.pac_logon_info. Bounded, in the
 * arena. SIDs in the binary form of MS-DTYP 2.4.2.2, the user's own first, then groups, extra and resource
 * groups; only enabled ones, and only those that a realm may give to a member of it (MS-PAC 4.1.2.2: no
 * built-in, well-known or POSIX ones). What has the prefix of this machine's own SID its owner must drop. */
struct kerberos_pac {
    struct slice account, domain;     /* UTF-8; sAMAccountName and NetBIOS domain */
    const struct slice *sids;
    unsigned sid_count;
};
cimf_status kerberos_pac_read(struct arena *a, struct slice ndr, struct kerberos_pac *out,
                              struct error *e);

#endif
