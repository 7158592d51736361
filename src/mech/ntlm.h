/*
 * mech/ntlm.h - NTLM (MS-NLMP), connection-oriented, both roles. Version 2 with extended session
 * security, 128-bit keys, Unicode names and a MIC; what a server takes beyond that its owner must
 * say.
 */
#ifndef MECH_NTLM_H
#define MECH_NTLM_H

#include "mech/mech.h"

struct ntlm_client_config {
    struct mech_options options;
    struct slice user, domain; /* UTF-8, as typed; the domain keeps its case */
    struct slice password;     /* copied as its hash only */
    struct slice workstation;  /* "" is fine */
    bool unverified_target;    /* options.target came from an untrusted place: say so */
};
/* Everything is copied. CIMF_BAD_REQUEST: a name or the password is not UTF-8 or too long. */
cimf_status ntlm_client_new(const struct ntlm_client_config *config, struct mech **out,
                            struct error *e);

/* The NT hash (MD4 of the password) of an account. False: no such account, or it may not use NTLM;
 * the answer to the client is then the same as for a wrong password, after the same work. Names are
 * UTF-8 as the client wrote them and not yet authenticated. */
typedef bool ntlm_lookup(void *arg, struct slice user, struct slice domain,
                         unsigned char nt_hash[16]);

struct ntlm_server_config {
    struct mech_options options;
    ntlm_lookup *lookup;
    void *lookup_arg;
    struct slice computer, domain; /* NetBIOS names; domain may be "": then the computer's */
    struct slice dns_computer, dns_domain; /* "" leaves them out */
    bool allow_no_mic;                     /* clients without a MIC: relays go unnoticed */
    bool allow_weak;                       /* less than 128 bits */
    bool
        allow_v1; /* NTLM version 1 responses with extended session security; no bindings, no MIC */
    int64_t
        max_skew_us; /* of the client's clock; 0: not looked at. The challenge is fresh anyway */
};
/* Everything is copied but lookup_arg. */
cimf_status ntlm_server_new(const struct ntlm_server_config *config, struct mech **out,
                            struct error *e);

#endif
