#include <stdlib.h>

#include "base/utf.h"
#include "mech/export_priv.h"
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
        n->options.more_bindings = arena_dup(&n->arena, options->more_bindings);
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
    ntlm_seal(&n->session, parts, count, signature);
    return CIMF_OK;
}

cimf_status ntlm_op_unseal(struct mech *m, struct mech_part *parts, size_t count,
                           struct slice signature)
{
    struct ntlm *n = (struct ntlm *)m;
    return ntlm_unseal(&n->session, parts, count, signature) ? CIMF_OK : CIMF_ACCESS_DENIED;
}

cimf_status ntlm_op_sign(struct mech *m, const struct mech_part *parts, size_t count,
                         unsigned char *signature)
{
    struct ntlm *n = (struct ntlm *)m;
    ntlm_sign(&n->session, parts, count, signature);
    return CIMF_OK;
}

cimf_status ntlm_op_verify(struct mech *m, const struct mech_part *parts, size_t count,
                           struct slice signature)
{
    struct ntlm *n = (struct ntlm *)m;
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

static void stream_export(const struct ntlm_stream *t, struct buf *out)
{
    buf_add(out, t->sign_key, sizeof t->sign_key);
    mech_export_u32(out, t->sequence);
    buf_byte(out, t->rc4.i);
    buf_byte(out, t->rc4.j);
    buf_add(out, t->rc4.S, sizeof t->rc4.S);
}

cimf_status ntlm_op_export(struct mech *m, struct buf *out, struct error *e)
{
    struct ntlm *n = (struct ntlm *)m;
    /* All room at once: growing would leave keys in freed memory. */
    buf_reserve(out, MECH_EXPORT_HEAD + 4 + 2 * sizeof(struct ntlm_stream));
    mech_export_head(m, MECH_EXPORT_NTLM, out);
    mech_export_u32(out, n->negotiated);
    stream_export(&n->session.to_peer, out);
    stream_export(&n->session.from_peer, out);
    explicit_bzero(&n->session, sizeof n->session);
    return CIMF_OK;
}

/* False: the key stream's state is not a permutation of the bytes. */
static bool stream_import(struct cursor *c, struct ntlm_stream *t)
{
    bool seen[256] = { false };
    struct slice key = cursor_bytes(c, sizeof t->sign_key);
    t->sequence = cursor_u32le(c);
    t->rc4.i = cursor_u8(c);
    t->rc4.j = cursor_u8(c);
    struct slice state = cursor_bytes(c, sizeof t->rc4.S);
    if (c->bad) return false;
    memcpy(t->sign_key, key.p, sizeof t->sign_key);
    memcpy(t->rc4.S, state.p, sizeof t->rc4.S);
    for (size_t i = 0; i < sizeof t->rc4.S; i++) {
        if (seen[t->rc4.S[i]]) return false;
        seen[t->rc4.S[i]] = true;
    }
    return true;
}

cimf_status ntlm_import(const struct mech *head, struct slice state, struct mech **out,
                        struct error *e)
{
    struct ntlm *n = ntlm_alloc(NULL, &imported_ops, head->side);
    struct cursor c = cursor_of(state);
    if (!n) return error_set(e, CIMF_OUT_OF_MEMORY, "ntlm", "no memory for a context");
    n->negotiated = n->session.flags = cursor_u32le(&c);
    bool ok = stream_import(&c, &n->session.to_peer) && stream_import(&c, &n->session.from_peer);
    if (!ok || cursor_left(&c) || head->session_key_n != NTLM_KEY) {
        dispose(n);
        return mech_export_bad(e, "NTLM's state");
    }
    n->mech.flags = head->flags;
    n->mech.state = MECH_DONE;
    n->mech.session_key_n = head->session_key_n;
    memcpy(n->mech.session_key, head->session_key, sizeof n->mech.session_key);
    n->phase = NTLM_FINISHED;
    *out = &n->mech;
    return CIMF_OK;
}
