/* mech/ntlm_crypto.h - the functions of MS-NLMP 3.3, 3.4 and 6, named as there. Pure; keys are 16
 * bytes. */
#ifndef MECH_NTLM_CRYPTO_H
#define MECH_NTLM_CRYPTO_H

#include <nettle/arcfour.h>

#include "mech/mech.h"

#define NTLM_KEY 16

struct ntlm_v2_proof {
    unsigned char response_key[NTLM_KEY]; /* NTOWFv2 */
    unsigned char proof[NTLM_KEY];        /* NTProofStr */
    unsigned char base_key[NTLM_KEY];     /* SessionBaseKey = KeyExchangeKey */
};

/* MD4 of the password as UTF-16. False: not UTF-8, or no memory. */
bool ntlm_ntowf_v1(struct slice password, unsigned char hash[NTLM_KEY]);
/* Names in UTF-8. */
bool ntlm_ntowf_v2(const unsigned char nt_hash[NTLM_KEY], struct slice user, struct slice domain,
                   unsigned char key[NTLM_KEY]);
/* From response_key: proof and base key over the server's challenge and the client's blob ("temp").
 */
void ntlm_v2_prove(struct ntlm_v2_proof *p, const unsigned char challenge[8], struct slice blob);
void ntlm_lm_v2(const unsigned char response_key[NTLM_KEY], const unsigned char challenge[8],
                const unsigned char client_challenge[8], unsigned char response[24]);

void ntlm_rc4k(const unsigned char key[NTLM_KEY], const unsigned char in[NTLM_KEY],
               unsigned char out[NTLM_KEY]);
/* MIC over the three messages; the third with the 16 bytes at its MIC offset taken as zero if it
 * has one. */
void ntlm_mic(const unsigned char key[NTLM_KEY], struct slice negotiate, struct slice challenge,
              struct slice authenticate, unsigned char mic[16]);
void ntlm_sign_key(uint32_t flags, const unsigned char key[NTLM_KEY], bool client,
                   unsigned char out[NTLM_KEY]);
/* Returns the size of the key: 16 or, without extended session security, 8 or 16. */
size_t ntlm_seal_key(uint32_t flags, const unsigned char key[NTLM_KEY], bool client,
                     unsigned char out[NTLM_KEY]);

/* NTLM version 1: weak; a server uses it only where its owner said so. */
bool ntlm_lmowf_v1(struct slice password, unsigned char hash[NTLM_KEY]); /* ASCII passwords to 14 */
void ntlm_desl(const unsigned char key[NTLM_KEY], const unsigned char data[8],
               unsigned char out[24]);
/* With extended session security: DESL over MD5 of both challenges. */
void ntlm_v1_ess(const unsigned char nt_hash[NTLM_KEY], const unsigned char challenge[8],
                 const unsigned char client_challenge[8], unsigned char response[24]);
void ntlm_v1_base_key(const unsigned char nt_hash[NTLM_KEY], unsigned char key[NTLM_KEY]);
/* KXKEY of version 1. lm_hash may be NULL unless flags say LM_KEY or NON_NT_KEY. */
bool ntlm_v1_kxkey(uint32_t flags, const unsigned char base_key[NTLM_KEY],
                   const unsigned char *lm_hash, const unsigned char lm_response[24],
                   const unsigned char challenge[8], unsigned char key[NTLM_KEY]);

#endif
