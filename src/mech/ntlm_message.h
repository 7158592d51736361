/*
 * mech/ntlm_message.h - the three messages of MS-NLMP 2.2 and the AV pairs inside them. Decoders
 * check every offset and length against the message and borrow from it; strings stay as on the wire
 * (UTF-16LE but for clients without Unicode).
 */
#ifndef MECH_NTLM_MESSAGE_H
#define MECH_NTLM_MESSAGE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/status.h"

enum { /* MS-NLMP 2.2.2.5 */
       NTLM_UNICODE = 0x1,
       NTLM_OEM = 0x2,
       NTLM_REQUEST_TARGET = 0x4,
       NTLM_SIGN = 0x10,
       NTLM_SEAL = 0x20,
       NTLM_DATAGRAM = 0x40,
       NTLM_LM_KEY = 0x80,
       NTLM_NTLM = 0x200,
       NTLM_ANONYMOUS = 0x800,
       NTLM_OEM_DOMAIN = 0x1000,
       NTLM_OEM_WORKSTATION = 0x2000,
       NTLM_ALWAYS_SIGN = 0x8000,
       NTLM_TARGET_DOMAIN = 0x10000,
       NTLM_TARGET_SERVER = 0x20000,
       NTLM_ESS = 0x80000, /* extended session security */
       NTLM_IDENTIFY = 0x100000,
       NTLM_NON_NT_KEY = 0x400000,
       NTLM_TARGET_INFO = 0x800000,
       NTLM_VERSION = 0x2000000,
       NTLM_128 = 0x20000000,
       NTLM_KEY_EXCH = 0x40000000,
};
#define NTLM_56 0x80000000u

enum { NTLM_MIC_OFFSET = 72, NTLM_MIC_SIZE = 16 };
#define NTLM_SIGNATURE SLICE("NTLMSSP\0")
#define NTLM_OID "\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x0a" /* 1.3.6.1.4.1.311.2.2.10 */

enum ntlm_av { /* MS-NLMP 2.2.2.1 */
               NTLM_AV_EOL,
               NTLM_AV_NB_COMPUTER,
               NTLM_AV_NB_DOMAIN,
               NTLM_AV_DNS_COMPUTER,
               NTLM_AV_DNS_DOMAIN,
               NTLM_AV_DNS_TREE,
               NTLM_AV_FLAGS,
               NTLM_AV_TIMESTAMP,
               NTLM_AV_SINGLE_HOST,
               NTLM_AV_TARGET_NAME,
               NTLM_AV_BINDINGS,
               NTLM_AV_COUNT,
};
enum { NTLM_AVF_CONSTRAINED = 1, NTLM_AVF_MIC = 2, NTLM_AVF_UNVERIFIED_TARGET = 4 };

struct ntlm_avs {
    uint32_t present;                  /* bit 1 << id */
    struct slice value[NTLM_AV_COUNT]; /* borrowed */
    uint32_t flags;                    /* of NTLM_AV_FLAGS; 0 if absent */
    uint64_t timestamp;                /* FILETIME; 0 if absent */
};
static inline bool ntlm_av_has(const struct ntlm_avs *avs, enum ntlm_av id)
{
    return avs->present >> id & 1;
}
/* A list up to its end mark, which must be there; what follows is not looked at. A known id twice,
 * or a fixed-size value of another size, is refused; unknown ids are skipped. */
bool ntlm_avs_read(struct slice s, struct ntlm_avs *out);
bool ntlm_av_put(struct buf *b, enum ntlm_av id, struct slice value);
bool ntlm_av_put_u32(struct buf *b, enum ntlm_av id, uint32_t value);

/* Which message: 1, 2 or 3; 0 when it is none. */
uint32_t ntlm_message_type(struct slice s);

struct ntlm_negotiate {
    uint32_t flags;
    struct slice domain, workstation; /* OEM text, nobody reads it */
};
cimf_status ntlm_negotiate_read(struct slice s, struct ntlm_negotiate *out, struct error *e);
bool ntlm_negotiate_write(struct buf *b, uint32_t flags);

struct ntlm_challenge {
    uint32_t flags;
    unsigned char challenge[8];
    struct slice target_name, target_info;
};
cimf_status ntlm_challenge_read(struct slice s, struct ntlm_challenge *out, struct error *e);
bool ntlm_challenge_write(struct buf *b, const struct ntlm_challenge *c);

struct ntlm_authenticate {
    uint32_t flags;
    struct slice lm, nt; /* responses */
    struct slice domain, user, workstation;
    struct slice key;      /* EncryptedRandomSessionKey */
    bool has_room_for_mic; /* nothing else lies at the place of the MIC */
};
cimf_status ntlm_authenticate_read(struct slice s, struct ntlm_authenticate *out, struct error *e);
/* One of its names as UTF-8: UTF-16 on the wire, or plain ASCII of a client without Unicode. */
bool ntlm_name_read(struct arena *a, const struct ntlm_authenticate *m, struct slice name, struct slice *out);
/* With room for a MIC (zero), whoever computes it writes it there. */
bool ntlm_authenticate_write(struct buf *b, const struct ntlm_authenticate *a);

/* NTLMv2_RESPONSE: proof and blob. False when nt is no such thing. */
struct ntlm_v2_response {
    struct slice proof; /* 16 bytes */
    struct slice blob;  /* what the proof is over: the rest, whole */
    uint64_t timestamp;
    const unsigned char *client_challenge; /* 8 bytes */
    struct ntlm_avs avs;
};
bool ntlm_v2_response_read(struct slice nt, struct ntlm_v2_response *out);
/* Appends the blob around AV pairs (which carry their own end mark). */
bool ntlm_v2_blob_write(struct buf *b, uint64_t timestamp, const unsigned char client_challenge[8],
                        struct slice avs);

#endif
