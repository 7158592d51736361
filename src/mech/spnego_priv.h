/* mech/spnego_priv.h - what both roles of SPNEGO share. */
#ifndef MECH_SPNEGO_PRIV_H
#define MECH_SPNEGO_PRIV_H

#include "mech/spnego.h"
#include "mech/spnego_token.h"

struct spnego {
    struct mech mech; /* first */
    struct mech *candidates[SPNEGO_MECHS];
    size_t count;
    struct mech *chosen; /* one of them */
    struct buf list;     /* MechTypeList as sent (client) or received (server) */
    bool started;
    bool raw;       /* the client speaks the mechanism without SPNEGO around it */
    bool not_first; /* the chosen one is not the client's first choice */
    bool named;     /* the server has told (the client has been told) which was chosen */
    bool mic_asked; /* request-mic was said */
    bool mic_sent, mic_verified;
    size_t list_count;       /* of mechanisms in the list */
    struct slice answer_oid; /* servers: the chosen one as the client spelt it; inside list */
};

cimf_status spnego_new(struct mech *const *candidates, size_t count, enum mech_side side,
                       const struct mech_ops *ops, struct mech **out, struct error *e);
/* The candidate of this OID (both spellings of Kerberos are one), or NULL. */
struct mech *spnego_candidate(const struct spnego *s, struct slice oid);
/* A MIC is due before this negotiation counts. */
bool spnego_mic_due(const struct spnego *s);
/* Appends ours. False: the mechanism cannot sign. */
bool spnego_mic_make(struct spnego *s, struct buf *mic);
bool spnego_mic_check(struct spnego *s, struct slice mic);
/* Takes names, flags and key of the chosen mechanism over; answers MECH_COMPLETE. */
enum mech_result spnego_complete(struct spnego *s);
enum mech_result spnego_fail(struct error *e, cimf_status status, const char *text);

size_t spnego_op_signature_size(const struct mech *m, bool seal);
void spnego_op_seal_sizes(const struct mech *m, size_t n, size_t *signature, size_t *padding);
cimf_status spnego_op_seal(struct mech *m, struct mech_part *parts, size_t count,
                           unsigned char *signature);
cimf_status spnego_op_unseal(struct mech *m, struct mech_part *parts, size_t count,
                             struct slice signature);
cimf_status spnego_op_sign(struct mech *m, const struct mech_part *parts, size_t count,
                           unsigned char *signature);
cimf_status spnego_op_verify(struct mech *m, const struct mech_part *parts, size_t count,
                             struct slice signature);
void spnego_op_free(struct mech *m);
cimf_status spnego_op_export(struct mech *m, struct buf *out, struct error *e);

#define SPNEGO_OPS(step_)                                                                          \
    {                                                                                              \
        .name = "SPNEGO", .oid = { "\x2b\x06\x01\x05\x05\x02", 6 }, .step = (step_),               \
        .signature_size = spnego_op_signature_size, .seal_sizes = spnego_op_seal_sizes,            \
        .seal = spnego_op_seal,                                                                    \
        .unseal = spnego_op_unseal, .sign = spnego_op_sign, .verify = spnego_op_verify,            \
        .free = spnego_op_free, .export_ = spnego_op_export                                        \
    }

#endif
