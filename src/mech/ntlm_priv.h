/* mech/ntlm_priv.h - what both roles of NTLM share. */
#ifndef MECH_NTLM_PRIV_H
#define MECH_NTLM_PRIV_H

#include "mech/ntlm.h"
#include "mech/ntlm_message.h"
#include "mech/ntlm_session.h"

enum ntlm_phase { NTLM_START, NTLM_WAIT_CHALLENGE, NTLM_WAIT_AUTHENTICATE, NTLM_FINISHED };

struct ntlm {
    struct mech mech; /* first */
    enum ntlm_phase phase;
    struct mech_options options; /* slices copied into the arena */
    struct arena arena;          /* names and copies of messages; no secrets */
    struct ntlm_session session;
    uint32_t negotiated; /* NTLM_* */
    struct slice negotiate, challenge; /* exact bytes, for the MIC */
    unsigned char server_challenge[8];

    /* clients */
    unsigned char nt_hash[NTLM_KEY];
    struct slice user, domain, workstation;
    bool unverified_target;

    /* servers */
    struct ntlm_server_config server;
};

/* NULL without memory. Copies the options. */
struct ntlm *ntlm_alloc(const struct mech_options *options, const struct mech_ops *ops,
                        enum mech_side side);

/* Keys and flags at the end; the caller then answers MECH_COMPLETE. */
void ntlm_establish(struct ntlm *n, const unsigned char key[NTLM_KEY]);
enum mech_result ntlm_fail(struct error *e, cimf_status status, const char *text);
/* UTF-8 to UTF-16LE in the arena; p NULL when it is not UTF-8 or there is no room. */
struct slice ntlm_utf16(struct arena *a, struct slice utf8);
/* 1601 to 1970 in units of 100 ns. */
uint64_t ntlm_filetime(int64_t unix_us);

/* The vtable's other half, the same for both roles. */
size_t ntlm_op_signature_size(const struct mech *m, bool seal);
cimf_status ntlm_op_seal(struct mech *m, struct mech_part *parts, size_t count,
                         unsigned char *signature);
cimf_status ntlm_op_unseal(struct mech *m, struct mech_part *parts, size_t count,
                           struct slice signature);
cimf_status ntlm_op_sign(struct mech *m, const struct mech_part *parts, size_t count,
                         unsigned char *signature);
cimf_status ntlm_op_verify(struct mech *m, const struct mech_part *parts, size_t count,
                           struct slice signature);
cimf_status ntlm_op_sign_list(struct mech *m, struct slice list, unsigned char *signature);
cimf_status ntlm_op_verify_list(struct mech *m, struct slice list, struct slice signature);
void ntlm_op_free(struct mech *m);
cimf_status ntlm_op_export(struct mech *m, struct buf *out, struct error *e);

#define NTLM_OPS(step_)                                                                            \
    {                                                                                              \
        .name = "NTLM", .oid = { NTLM_OID, sizeof NTLM_OID - 1 }, .step = (step_),                 \
        .signature_size = ntlm_op_signature_size, .seal = ntlm_op_seal, .unseal = ntlm_op_unseal,  \
        .sign = ntlm_op_sign, .verify = ntlm_op_verify, .sign_list = ntlm_op_sign_list,            \
        .verify_list = ntlm_op_verify_list, .free = ntlm_op_free, .export_ = ntlm_op_export        \
    }

#endif
