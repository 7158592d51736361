/*
 * mech/spnego.h - the negotiation of mechanisms (RFC 4178 with MS-SPNG), both roles. A context owns
 * its candidate mechanisms; once one is chosen, names, flags, session key, signing and sealing are
 * that one's.
 *
 * A server also takes bare tokens without SPNEGO around them: NTLM's, and Kerberos' in its GSS
 * framing.
 */
#ifndef MECH_SPNEGO_H
#define MECH_SPNEGO_H

#include "mech/mech.h"

#define SPNEGO_MECHS 4

/* candidates in order of preference, at least one; they belong to the context from here on, also on
 * failure. The client's order decides; a server's order only shows in its hints. */
cimf_status spnego_client_new(struct mech *const *candidates, size_t count, struct mech **out,
                              struct error *e);
cimf_status spnego_server_new(struct mech *const *candidates, size_t count, struct mech **out,
                              struct error *e);
/* The chosen mechanism; NULL before there is one. "NTLM" of ops->name goes into logs. */
struct mech *spnego_chosen(const struct mech *m);

#endif
