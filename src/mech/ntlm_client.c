#include "mech/ntlm_priv.h"

enum {
    WISHES = NTLM_UNICODE | NTLM_REQUEST_TARGET | NTLM_SIGN | NTLM_NTLM | NTLM_ALWAYS_SIGN |
             NTLM_ESS | NTLM_VERSION | NTLM_128 | NTLM_KEY_EXCH | NTLM_TARGET_INFO
};

static enum mech_result start(struct ntlm *n, struct slice in, struct buf *out, struct error *e)
{
    uint32_t flags = WISHES | NTLM_56;
    if (in.n) return ntlm_fail(e, CIMF_BAD_REQUEST, "the client speaks first");
    if (n->options.want & MECH_SEAL) flags |= NTLM_SEAL;
    if (n->options.want & MECH_IDENTIFY) flags |= NTLM_IDENTIFY;
    size_t mark = out->n;
    if (!ntlm_negotiate_write(out, flags))
        return ntlm_fail(e, CIMF_OUT_OF_MEMORY, "no room for a token");
    n->negotiate = arena_dup(&n->arena, slice_of(out->p + mark, out->n - mark));
    if (!n->negotiate.p) return ntlm_fail(e, CIMF_OUT_OF_MEMORY, "no room for a token");
    n->negotiated = flags;
    n->phase = NTLM_WAIT_CHALLENGE;
    return MECH_CONTINUE;
}

/* What the server chose must be enough: no version 1, no short keys, no fewer services than wanted.
 */
static const char *too_weak(const struct ntlm *n, const struct ntlm_challenge *c,
                            const struct ntlm_avs *avs)
{
    uint32_t needed = NTLM_UNICODE | NTLM_ESS | NTLM_128 | NTLM_TARGET_INFO;
    uint32_t want = n->options.want;
    if (want & (MECH_SIGN | MECH_SEAL)) needed |= NTLM_KEY_EXCH;
    if (want & MECH_SIGN) needed |= NTLM_SIGN;
    if (want & MECH_SEAL) needed |= NTLM_SEAL;
    if ((c->flags & needed) != needed)
        return "the server offers less security than this client demands";
    if ((want & (MECH_SIGN | MECH_SEAL)) &&
        !(ntlm_av_has(avs, NTLM_AV_NB_COMPUTER) && ntlm_av_has(avs, NTLM_AV_NB_DOMAIN))) {
        return "the server does not name itself";
    }
    return NULL;
}

/* The server's pairs, then ours: flags, target, bindings (3.1.5.1.2). */
static bool client_avs(struct ntlm *n, const struct ntlm_avs *avs, bool mic, struct buf *b)
{
    unsigned char hash[16] = { 0 };
    uint32_t flags = avs->flags & ~(uint32_t)(NTLM_AVF_MIC | NTLM_AVF_UNVERIFIED_TARGET);
    struct slice target = ntlm_utf16(&n->arena, n->options.target);
    if (!target.p) return false;
    if (mic) flags |= NTLM_AVF_MIC;
    if (target.n && n->unverified_target) flags |= NTLM_AVF_UNVERIFIED_TARGET;
    bool ok = true;
    for (int id = 1; id < NTLM_AV_COUNT && ok; id++) {
        bool ours = id == NTLM_AV_FLAGS || id == NTLM_AV_TARGET_NAME || id == NTLM_AV_BINDINGS;
        if (!ours && ntlm_av_has(avs, (enum ntlm_av)id)) {
            ok = ntlm_av_put(b, (enum ntlm_av)id, avs->value[id]);
        }
    }
    if (flags) ok = ok && ntlm_av_put_u32(b, NTLM_AV_FLAGS, flags);
    if (n->options.bindings.n) mech_binding_hash(n->options.bindings, hash);
    return ok && ntlm_av_put(b, NTLM_AV_BINDINGS, slice_of((char *)hash, sizeof hash)) &&
           ntlm_av_put(b, NTLM_AV_TARGET_NAME, target) && ntlm_av_put(b, NTLM_AV_EOL, SLICE(""));
}

struct answer {
    struct ntlm_v2_proof proof;
    unsigned char nonce[8], lm[24], exported[NTLM_KEY], wrapped[NTLM_KEY];
    struct buf avs, nt;
};

static bool compute(struct ntlm *n, const struct ntlm_challenge *c, const struct ntlm_avs *avs,
                    struct answer *r)
{
    static const char room[16];
    bool dated = ntlm_av_has(avs, NTLM_AV_TIMESTAMP);
    uint64_t when = dated ? avs->timestamp : ntlm_filetime(mech_now(&n->options));
    if (!client_avs(n, avs, dated, &r->avs) || !buf_add(&r->nt, room, sizeof room) ||
        !ntlm_v2_blob_write(&r->nt, when, r->nonce, buf_slice(&r->avs)) ||
        !ntlm_ntowf_v2(n->nt_hash, n->user, n->domain, r->proof.response_key)) {
        return false;
    }
    ntlm_v2_prove(&r->proof, c->challenge, slice_sub(buf_slice(&r->nt), sizeof room));
    memcpy(r->nt.p, r->proof.proof, sizeof room);
    if (!dated) ntlm_lm_v2(r->proof.response_key, c->challenge, r->nonce, r->lm);
    return true;
}

static bool write_answer(struct ntlm *n, struct answer *r, bool mic, struct slice challenge,
                         struct buf *out)
{
    struct ntlm_authenticate a = {
        .flags = n->negotiated,
        .lm = slice_of((char *)r->lm, sizeof r->lm),
        .nt = buf_slice(&r->nt),
        .domain = ntlm_utf16(&n->arena, n->domain),
        .user = ntlm_utf16(&n->arena, n->user),
        .workstation = ntlm_utf16(&n->arena, n->workstation),
    };
    memcpy(r->exported, r->proof.base_key, NTLM_KEY);
    if (n->negotiated & NTLM_KEY_EXCH) {
        if (!mech_random(&n->options, r->exported, NTLM_KEY)) return false;
        ntlm_rc4k(r->proof.base_key, r->exported, r->wrapped);
        a.key = slice_of((char *)r->wrapped, NTLM_KEY);
    }
    size_t mark = out->n;
    if (arena_status(&n->arena) != CIMF_OK || !ntlm_authenticate_write(out, &a)) return false;
    if (!mic) return true;
    unsigned char *message = (unsigned char *)out->p + mark;
    ntlm_mic(r->exported, n->negotiate, challenge, slice_of((char *)message, out->n - mark),
             message + NTLM_MIC_OFFSET);
    return true;
}

static enum mech_result authenticate(struct ntlm *n, struct slice in, struct buf *out,
                                     struct error *e)
{
    struct ntlm_challenge c;
    struct ntlm_avs avs;
    struct answer r;
    if (ntlm_challenge_read(in, &c, e) != CIMF_OK) return MECH_FAILED;
    if (!(c.flags & NTLM_TARGET_INFO) || !ntlm_avs_read(c.target_info, &avs)) {
        return ntlm_fail(e, CIMF_BAD_REQUEST, "the challenge has no sound target information");
    }
    const char *weak = too_weak(n, &c, &avs);
    if (weak) return ntlm_fail(e, CIMF_ACCESS_DENIED, weak);
    memset(&r, 0, sizeof r);
    buf_init(&r.avs, 0);
    buf_init(&r.nt, 0);
    n->negotiated &= c.flags | NTLM_VERSION;
    if (!(n->negotiated & (NTLM_SIGN | NTLM_SEAL))) n->negotiated &= ~(uint32_t)NTLM_KEY_EXCH;
    bool mic = ntlm_av_has(&avs, NTLM_AV_TIMESTAMP);
    bool ok = mech_random(&n->options, r.nonce, sizeof r.nonce) && compute(n, &c, &avs, &r) &&
              write_answer(n, &r, mic, in, out);
    if (ok) ntlm_establish(n, r.exported);
    if (ok && mic) n->mech.flags |= MECH_LIST_MIC;
    buf_wipe(&r.avs);
    buf_wipe(&r.nt);
    explicit_bzero(&r, sizeof r);
    return ok ? MECH_COMPLETE
              : ntlm_fail(e, CIMF_OUT_OF_MEMORY, "no room or no randomness for a token");
}

static enum mech_result step(struct mech *m, struct slice in, struct buf *out, struct error *e)
{
    struct ntlm *n = (struct ntlm *)m;
    return n->phase == NTLM_START ? start(n, in, out, e) : authenticate(n, in, out, e);
}

static const struct mech_ops client_ops = NTLM_OPS(step);

cimf_status ntlm_client_new(const struct ntlm_client_config *config, struct mech **out,
                            struct error *e)
{
    struct ntlm *n = ntlm_alloc(&config->options, &client_ops, MECH_CLIENT);
    *out = NULL;
    if (!n) return error_set(e, CIMF_OUT_OF_MEMORY, "ntlm", "no memory");
    n->user = arena_dup(&n->arena, config->user);
    n->domain = arena_dup(&n->arena, config->domain);
    n->workstation = arena_dup(&n->arena, config->workstation);
    n->unverified_target = config->unverified_target;
    if (!ntlm_utf16(&n->arena, n->user).p || !ntlm_utf16(&n->arena, n->domain).p ||
        !ntlm_utf16(&n->arena, n->workstation).p || !ntlm_utf16(&n->arena, n->options.target).p ||
        !ntlm_ntowf_v1(config->password, n->nt_hash)) {
        ntlm_op_free(&n->mech);
        return error_set(e, CIMF_BAD_REQUEST, "ntlm",
                         "a name or the password is not UTF-8 or too long");
    }
    *out = &n->mech;
    return CIMF_OK;
}
