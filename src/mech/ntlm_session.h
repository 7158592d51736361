/*
 * mech/ntlm_session.h - signing and sealing after NTLM (MS-NLMP 3.4). It can be set up from the
 * flags and the exported session key alone, so the process that authenticates and the one that
 * protects bytes may be two.
 */
#ifndef MECH_NTLM_SESSION_H
#define MECH_NTLM_SESSION_H

#include "mech/ntlm_crypto.h"

enum { NTLM_SIGNATURE_SIZE = 16 };

struct ntlm_stream {
    unsigned char sign_key[NTLM_KEY];
    struct arcfour_ctx rc4;
    uint32_t sequence;
};

struct ntlm_session {
    uint32_t flags; /* NTLM_* as negotiated */
    struct ntlm_stream to_peer,
        from_peer; /* without extended session security to_peer serves both */
};

void ntlm_session_init(struct ntlm_session *s, uint32_t flags, const unsigned char key[NTLM_KEY],
                       bool client);
void ntlm_seal(struct ntlm_session *s, struct mech_part *parts, size_t count,
               unsigned char signature[NTLM_SIGNATURE_SIZE]);
/* False: the signature is not the one of these parts at this place in the stream. */
bool ntlm_unseal(struct ntlm_session *s, struct mech_part *parts, size_t count,
                 struct slice signature);
void ntlm_sign(struct ntlm_session *s, const struct mech_part *parts, size_t count,
               unsigned char signature[NTLM_SIGNATURE_SIZE]);
bool ntlm_verify(struct ntlm_session *s, const struct mech_part *parts, size_t count,
                 struct slice signature);
/* For mechListMIC: the key stream is put back afterwards, the sequence number is not
 * (MS-SPNG 3.2.5.1). */
void ntlm_sign_list(struct ntlm_session *s, struct slice list,
                    unsigned char signature[NTLM_SIGNATURE_SIZE]);
bool ntlm_verify_list(struct ntlm_session *s, struct slice list, struct slice signature);

#endif
