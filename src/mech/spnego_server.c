#include "mech/ntlm_message.h"
#include "mech/spnego_priv.h"

enum { RAW_AP_REQ = 0x6e }; /* Kerberos in DCE style */

/* A token without SPNEGO: NTLM's own, or one in the GSS framing of a mechanism of ours, under either
 * spelling of Kerberos, or a Kerberos message in no framing. */
static struct mech *bare(const struct spnego *s, struct slice in)
{
    if (ntlm_message_type(in)) {
        return spnego_candidate(s, SLICE(NTLM_OID));
    }
    if ((in.n && (unsigned char)in.p[0] == RAW_AP_REQ) || spnego_framed(in, SPNEGO_OID_MS_KERBEROS).p) {
        return spnego_candidate(s, SPNEGO_OID_KERBEROS);
    }
    for (size_t i = 0; i < s->count; i++) {
        if (spnego_framed(in, s->candidates[i]->ops->oid).p) return s->candidates[i];
    }
    return NULL;
}

static enum mech_result pass(struct spnego *s, struct slice in, struct buf *out, struct error *e)
{
    enum mech_result result = mech_step(s->chosen, in, out, e);
    return result == MECH_COMPLETE ? spnego_complete(s) : result;
}

/* The refusal as a token, for clients that wait for one. */
static enum mech_result reject(struct buf *out)
{
    struct spnego_resp r = { .state = SPNEGO_REJECTED };
    spnego_resp_write(out, &r);
    return MECH_FAILED;
}

/* One step of the mechanism and its answer. token.p NULL: nothing for the mechanism in this
 * message. */
static enum mech_result advance(struct spnego *s, struct slice token, struct slice their_mic,
                                struct buf *out, struct error *e)
{
    struct spnego_resp answer = { .state = SPNEGO_INCOMPLETE };
    struct buf inner, mic;
    const char *wrong = NULL;
    buf_init(&inner, LIMIT_MECH_TOKEN);
    buf_init(&mic, LIMIT_MECH_TOKEN);
    enum mech_result result = MECH_CONTINUE;
    if (token.p && s->chosen->state != MECH_RUNNING) {
        wrong = "a token for a mechanism that is done";
    } else if (token.p) {
        if (mech_step(s->chosen, token, &inner, e) == MECH_FAILED) result = reject(out);
    } else if (s->started && !their_mic.p) {
        wrong = "the negotiation does not move";
    }
    bool done = s->chosen->state == MECH_DONE;
    if (result == MECH_CONTINUE && !wrong && their_mic.p &&
        (!done || !spnego_mic_check(s, their_mic))) {
        wrong = "the list of mechanisms was changed on its way";
    }
    if (result == MECH_CONTINUE && !wrong && done) {
        if (s->mic_verified) {
            if (!spnego_mic_make(s, &mic)) wrong = "the mechanism cannot vouch for the list";
            answer.state = SPNEGO_ACCEPTED;
        } else if (!spnego_mic_due(s)) {
            answer.state = SPNEGO_ACCEPTED;
        } else if (inner.n == 0) { /* the client has said all it has to say, and not this */
            wrong = "the client does not vouch for the list of mechanisms";
        }
    }
    if (wrong) {
        spnego_fail(e, CIMF_ACCESS_DENIED, wrong);
        result = reject(out);
    }
    if (result == MECH_CONTINUE) {
        if (s->not_first && !s->named) answer.state = SPNEGO_REQUEST_MIC;
        if (!s->named) answer.mech = s->answer_oid;
        s->named = true;
        if (inner.n) answer.token = buf_slice(&inner);
        if (mic.n) answer.mic = buf_slice(&mic);
        if (!spnego_resp_write(out, &answer)) {
            result = spnego_fail(e, CIMF_OUT_OF_MEMORY, "no room for a token");
        } else if (answer.state == SPNEGO_ACCEPTED) {
            result = spnego_complete(s);
        }
    }
    buf_wipe(&inner);
    buf_free(&mic);
    return result;
}

static enum mech_result start(struct spnego *s, struct slice in, struct buf *out, struct error *e)
{
    struct spnego_init init;
    s->chosen = bare(s, in);
    if (s->chosen) {
        s->raw = s->started = true;
        return pass(s, in, out, e);
    }
    if (spnego_init_read(in, &init, e) != CIMF_OK) return MECH_FAILED;
    if (!buf_slice_add(&s->list, init.list)) return spnego_fail(e, CIMF_OUT_OF_MEMORY, "no memory");
    for (size_t i = 0; i < init.mech_count && !s->chosen; i++) {
        s->chosen = spnego_candidate(s, init.mechs[i]);
        if (!s->chosen) continue;
        s->not_first = i > 0;
        s->answer_oid = slice_of(s->list.p + (init.mechs[i].p - init.list.p), init.mechs[i].n);
    }
    if (!s->chosen) {
        spnego_fail(e, CIMF_AUTH_SCHEME, "the client offers no mechanism of ours");
        return reject(out);
    }
    /* A token sent on chance belongs to the client's first mechanism; so would a MIC, which cannot
     * be yet. */
    struct slice token = s->not_first || init.token.n == 0 ? SLICE_NULL : init.token;
    enum mech_result result = advance(s, token, SLICE_NULL, out, e);
    s->started = true;
    return result;
}

static enum mech_result step(struct mech *m, struct slice in, struct buf *out, struct error *e)
{
    struct spnego *s = (struct spnego *)m;
    struct spnego_resp r;
    if (!s->started) return start(s, in, out, e);
    if (s->raw) return pass(s, in, out, e);
    if (spnego_resp_read(in, &r, e) != CIMF_OK) return MECH_FAILED;
    if (r.state == SPNEGO_REJECTED)
        return spnego_fail(e, CIMF_NOT_AUTHENTICATED, "the client gives up");
    return advance(s, r.token, r.mic, out, e);
}

static const struct mech_ops server_ops = SPNEGO_OPS(step);

cimf_status spnego_server_new(struct mech *const *candidates, size_t count, struct mech **out,
                              struct error *e)
{
    return spnego_new(candidates, count, MECH_SERVER, &server_ops, out, e);
}
