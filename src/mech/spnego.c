#include <stdlib.h>

#include "mech/spnego_priv.h"

cimf_status spnego_new(struct mech *const *candidates, size_t count, enum mech_side side,
                       const struct mech_ops *ops, struct mech **out, struct error *e)
{
    bool fits = count > 0 && count <= SPNEGO_MECHS;
    struct spnego *s = fits ? calloc(1, sizeof *s) : NULL;
    *out = NULL;
    if (!s) {
        for (size_t i = 0; i < count; i++) mech_free(candidates[i]);
        return error_set(e, fits ? CIMF_OUT_OF_MEMORY : CIMF_INVALID_PARAMETER, "spnego",
                         "no memory, or too few or many mechanisms");
    }
    s->mech.ops = ops;
    s->mech.side = side;
    s->count = count;
    memcpy(s->candidates, candidates, count * sizeof *candidates);
    buf_init(&s->list, LIMIT_MECH_TOKEN);
    *out = &s->mech;
    return CIMF_OK;
}

void spnego_op_free(struct mech *m)
{
    struct spnego *s = (struct spnego *)m;
    for (size_t i = 0; i < s->count; i++) mech_free(s->candidates[i]);
    buf_free(&s->list);
    explicit_bzero(s->mech.session_key, sizeof s->mech.session_key);
    free(s);
}

struct mech *spnego_chosen(const struct mech *m)
{
    return m->ops->free == spnego_op_free ? ((const struct spnego *)m)->chosen : NULL;
}

struct mech *spnego_candidate(const struct spnego *s, struct slice oid)
{
    if (slice_eq(oid, SPNEGO_OID_MS_KERBEROS)) oid = SPNEGO_OID_KERBEROS;
    for (size_t i = 0; i < s->count; i++) {
        if (slice_eq(s->candidates[i]->ops->oid, oid)) return s->candidates[i];
    }
    return NULL;
}

bool spnego_mic_due(const struct spnego *s)
{
    return s->not_first || s->mic_asked || (s->chosen->flags & MECH_LIST_MIC);
}

bool spnego_mic_make(struct spnego *s, struct buf *mic)
{
    if (!(s->chosen->flags & MECH_SIGN) || !s->chosen->ops->sign_list) return false;
    unsigned char *p = (unsigned char *)buf_reserve(mic, MECH_SIGNATURE_MAX);
    size_t n = s->chosen->ops->signature_size(s->chosen, false);
    if (!p || n > MECH_SIGNATURE_MAX ||
        s->chosen->ops->sign_list(s->chosen, buf_slice(&s->list), p) != CIMF_OK) {
        return false;
    }
    buf_added(mic, n);
    s->mic_sent = true;
    return true;
}

bool spnego_mic_check(struct spnego *s, struct slice mic)
{
    if (!(s->chosen->flags & MECH_SIGN) || !s->chosen->ops->verify_list) return false;
    s->mic_verified = s->chosen->ops->verify_list(s->chosen, buf_slice(&s->list), mic) == CIMF_OK;
    return s->mic_verified;
}

enum mech_result spnego_complete(struct spnego *s)
{
    struct mech *m = &s->mech;
    const struct mech *c = s->chosen;
    m->flags = c->flags;
    m->user = c->user;
    m->domain = c->domain;
    m->workstation = c->workstation;
    m->target = c->target;
    m->pac_logon_info = c->pac_logon_info;
    m->session_key_n = c->session_key_n;
    memcpy(m->session_key, c->session_key, sizeof m->session_key);
    return MECH_COMPLETE;
}

enum mech_result spnego_fail(struct error *e, cimf_status status, const char *text)
{
    error_set(e, status, "spnego", "%s", text);
    return MECH_FAILED;
}

static struct mech *inner(const struct mech *m)
{
    return ((const struct spnego *)m)->chosen;
}

size_t spnego_op_signature_size(const struct mech *m, bool seal)
{
    return inner(m) ? inner(m)->ops->signature_size(inner(m), seal) : 0; /* 0: nobody chosen yet */
}
void spnego_op_seal_sizes(const struct mech *m, size_t n, size_t *signature, size_t *padding)
{
    mech_seal_sizes(inner(m), n, signature, padding);
}
cimf_status spnego_op_seal(struct mech *m, struct mech_part *parts, size_t count,
                           unsigned char *signature)
{
    return mech_seal(inner(m), parts, count, signature);
}
cimf_status spnego_op_unseal(struct mech *m, struct mech_part *parts, size_t count,
                             struct slice signature)
{
    return mech_unseal(inner(m), parts, count, signature);
}
cimf_status spnego_op_sign(struct mech *m, const struct mech_part *parts, size_t count,
                           unsigned char *signature)
{
    return mech_sign(inner(m), parts, count, signature);
}
cimf_status spnego_op_verify(struct mech *m, const struct mech_part *parts, size_t count,
                             struct slice signature)
{
    return mech_verify(inner(m), parts, count, signature);
}

cimf_status spnego_op_export(struct mech *m, struct buf *out, struct error *e)
{
    return mech_export(inner(m), out, e); /* what was chosen stands for all */
}
