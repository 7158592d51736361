#include <stdlib.h>

#include "base/utf.h"
#include "mech/ntlm_priv.h"

static void dispose(struct ntlm *n)
{
    arena_free(&n->arena);
    explicit_bzero(n, sizeof *n);
    free(n);
}

struct ntlm *ntlm_alloc(const struct mech_options *options, const struct mech_ops *ops,
                        enum mech_side side)
{
    struct ntlm *n = calloc(1, sizeof *n);
    if (!n) return NULL;
    n->mech.ops = ops;
    n->mech.side = side;
    arena_init(&n->arena, (size_t)1 << 20);
    if (options) {
        n->options = *options;
        n->options.bindings = arena_dup(&n->arena, options->bindings);
        n->options.target = arena_dup(&n->arena, options->target);
    }
    if (arena_status(&n->arena) == CIMF_OK) return n;
    dispose(n);
    return NULL;
}

void ntlm_op_free(struct mech *m)
{
    dispose((struct ntlm *)m);
}

enum mech_result ntlm_fail(struct error *e, cimf_status status, const char *text)
{
    error_set(e, status, "ntlm", "%s", text);
    return MECH_FAILED;
}

struct slice ntlm_utf16(struct arena *a, struct slice utf8)
{
    struct buf b;
    struct slice out = SLICE_NULL;
    buf_init(&b, UINT16_MAX);
    if (utf8_valid(utf8) && utf8_to_utf16(&b, utf8, UTF16_LE)) out = arena_dup(a, buf_slice(&b));
    buf_free(&b);
    return out;
}

uint64_t ntlm_filetime(int64_t unix_us)
{
    return ((uint64_t)unix_us + 11644473600000000u) * 10;
}

static uint32_t flags_of(uint32_t negotiated)
{
    uint32_t flags = 0;
    if (negotiated & NTLM_ESS) {
        if (negotiated & NTLM_SIGN) flags |= MECH_SIGN;
        if (negotiated & NTLM_SEAL) flags |= MECH_SIGN | MECH_SEAL;
    }
    if (negotiated & NTLM_IDENTIFY) flags |= MECH_IDENTIFY;
    return flags;
}

void ntlm_establish(struct ntlm *n, const unsigned char key[NTLM_KEY])
{
    ntlm_session_init(&n->session, n->negotiated, key, n->mech.side == MECH_CLIENT);
    memcpy(n->mech.session_key, key, NTLM_KEY);
    n->mech.session_key_n = NTLM_KEY;
    n->mech.flags |= flags_of(n->negotiated);
    n->phase = NTLM_FINISHED;
    explicit_bzero(n->nt_hash, sizeof n->nt_hash);
}

size_t ntlm_op_signature_size(const struct mech *m, bool seal)
{
    return NTLM_SIGNATURE_SIZE;
}

cimf_status ntlm_op_seal(struct mech *m, struct mech_part *parts, size_t count,
                         unsigned char *signature)
{
    struct ntlm *n = (struct ntlm *)m;
    n->streams_used = true;
    ntlm_seal(&n->session, parts, count, signature);
    return CIMF_OK;
}

cimf_status ntlm_op_unseal(struct mech *m, struct mech_part *parts, size_t count,
                           struct slice signature)
{
    struct ntlm *n = (struct ntlm *)m;
    n->streams_used = true;
    return ntlm_unseal(&n->session, parts, count, signature) ? CIMF_OK : CIMF_ACCESS_DENIED;
}

cimf_status ntlm_op_sign(struct mech *m, const struct mech_part *parts, size_t count,
                         unsigned char *signature)
{
    struct ntlm *n = (struct ntlm *)m;
    n->streams_used = true;
    ntlm_sign(&n->session, parts, count, signature);
    return CIMF_OK;
}

cimf_status ntlm_op_verify(struct mech *m, const struct mech_part *parts, size_t count,
                           struct slice signature)
{
    struct ntlm *n = (struct ntlm *)m;
    n->streams_used = true;
    return ntlm_verify(&n->session, parts, count, signature) ? CIMF_OK : CIMF_ACCESS_DENIED;
}

cimf_status ntlm_op_sign_list(struct mech *m, struct slice list, unsigned char *signature)
{
    ntlm_sign_list(&((struct ntlm *)m)->session, list, signature);
    return CIMF_OK;
}

cimf_status ntlm_op_verify_list(struct mech *m, struct slice list, struct slice signature)
{
    bool ok = ntlm_verify_list(&((struct ntlm *)m)->session, list, signature);
    return ok ? CIMF_OK : CIMF_ACCESS_DENIED;
}

static enum mech_result no_step(struct mech *m, struct slice in, struct buf *out, struct error *e)
{
    return ntlm_fail(e, CIMF_BAD_REQUEST, "an imported context takes no tokens");
}

static const struct mech_ops imported_ops = NTLM_OPS(no_step);

bool ntlm_export(const struct mech *m, struct ntlm_export *out)
{
    const struct ntlm *n = (const struct ntlm *)m;
    if (m->ops->free != ntlm_op_free || m->state != MECH_DONE || n->streams_used) return false;
    out->negotiated = n->negotiated;
    out->flags = m->flags;
    out->sent = n->session.to_peer.sequence;
    out->received = n->session.from_peer.sequence;
    memcpy(out->session_key, m->session_key, sizeof out->session_key);
    return true;
}

cimf_status ntlm_import(const struct ntlm_export *x, enum mech_side side, struct mech **out)
{
    struct ntlm *n = ntlm_alloc(NULL, &imported_ops, side);
    *out = NULL;
    if (!n) return CIMF_OUT_OF_MEMORY;
    n->negotiated = x->negotiated;
    ntlm_establish(n, x->session_key);
    n->session.to_peer.sequence = x->sent;
    n->session.from_peer.sequence = x->received;
    n->mech.flags = x->flags;
    n->mech.state = MECH_DONE;
    *out = &n->mech;
    return CIMF_OK;
}
