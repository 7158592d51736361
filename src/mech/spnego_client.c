#include "mech/spnego_priv.h"

/* The first message: our list, and the first mechanism's token on chance. A server's NegTokenInit2,
 * if one came before, only strikes out what it does not offer: it is a hint that nobody signed. */
static enum mech_result start(struct spnego *s, struct slice in, struct buf *out, struct error *e)
{
    struct spnego_init init = { 0 }, hints;
    struct buf token;
    struct slice oids[SPNEGO_MECHS];
    if (in.n && spnego_init_read(in, &hints, e) != CIMF_OK) return MECH_FAILED;
    for (size_t i = 0; i < s->count; i++) {
        bool offered = in.n == 0;
        for (size_t k = 0; in.n && k < hints.mech_count; k++) {
            offered = offered || spnego_candidate(s, hints.mechs[k]) == s->candidates[i];
        }
        if (offered) oids[s->list_count++] = s->candidates[i]->ops->oid;
    }
    if (s->list_count == 0)
        return spnego_fail(e, CIMF_AUTH_SCHEME, "the server offers no mechanism of ours");
    s->started = true;
    s->chosen = spnego_candidate(s, oids[0]);
    buf_init(&token, LIMIT_MECH_TOKEN);
    enum mech_result result = mech_step(s->chosen, SLICE(""), &token, e);
    if (result != MECH_FAILED) {
        bool ok = spnego_list_write(&s->list, oids, s->list_count);
        init.list = buf_slice(&s->list);
        init.token = buf_slice(&token);
        result = ok && spnego_init_write(out, &init)
                     ? MECH_CONTINUE
                     : spnego_fail(e, CIMF_OUT_OF_MEMORY, "no room for a token");
    }
    buf_wipe(&token);
    return result;
}

/* The first answer names the mechanism; later ones may name one too, and it is ignored
 * (MS-SPNG 3.3.5). */
static const char *settle(struct spnego *s, const struct spnego_resp *r)
{
    if (r->state == SPNEGO_REQUEST_MIC) s->mic_asked = true;
    if (s->named) return NULL;
    s->named = true;
    if (!r->mech.p) return NULL;
    struct mech *named = spnego_candidate(s, r->mech);
    if (!named) return "the server chose a mechanism that was not offered";
    if (named == s->chosen) return NULL;
    if (r->token.p && r->token.n)
        return "the server answers with a token of a mechanism that has not begun";
    s->chosen = named;
    s->not_first = true;
    return NULL;
}

/* The server's accept-completed closes the negotiation if the mechanism is done and the lists
 * agree. */
static enum mech_result finish(struct spnego *s, struct error *e)
{
    if (s->chosen->state != MECH_DONE) {
        return spnego_fail(e, CIMF_BAD_REQUEST, "the server ends before the mechanism does");
    }
    if ((s->mic_sent || spnego_mic_due(s)) && !s->mic_verified) {
        return spnego_fail(e, CIMF_ACCESS_DENIED,
                           "the server does not vouch for the list of mechanisms");
    }
    return spnego_complete(s);
}

static bool wants_step(const struct spnego *s, const struct spnego_resp *r, bool changed)
{
    return s->chosen->state == MECH_RUNNING && (changed || (r->token.p && r->token.n));
}

static enum mech_result proceed(struct spnego *s, struct slice in, struct buf *out, struct error *e)
{
    struct spnego_resp r, answer = { .state = SPNEGO_NO_STATE };
    struct buf token, mic;
    if (spnego_resp_read(in, &r, e) != CIMF_OK) return MECH_FAILED;
    if (r.state == SPNEGO_REJECTED)
        return spnego_fail(e, CIMF_NOT_AUTHENTICATED, "the server refuses");
    bool was_other = s->not_first;
    const char *wrong = settle(s, &r);
    if (wrong) return spnego_fail(e, CIMF_BAD_REQUEST, wrong);
    buf_init(&token, LIMIT_MECH_TOKEN);
    buf_init(&mic, LIMIT_MECH_TOKEN);
    enum mech_result result = MECH_CONTINUE;
    bool stepped = wants_step(s, &r, s->not_first && !was_other);
    if (stepped) {
        struct slice given = s->not_first && !was_other ? SLICE("") : r.token;
        if (mech_step(s->chosen, given, &token, e) == MECH_FAILED) result = MECH_FAILED;
    } else if (r.token.p && r.token.n) {
        result = spnego_fail(e, CIMF_BAD_REQUEST, "a token for a mechanism that is done");
    }
    bool done = s->chosen->state == MECH_DONE;
    /* Kerberos in DCE style: the last token is ours, and Samba takes it with the MIC only; Windows takes both. */
    const uint32_t dce = MECH_DCE_STYLE | MECH_SIGN;
    bool vouch = done && !s->mic_sent && (spnego_mic_due(s) || (token.n && (s->chosen->flags & dce) == dce));
    if (result == MECH_CONTINUE && r.mic.p && (!done || !spnego_mic_check(s, r.mic))) {
        result =
            spnego_fail(e, CIMF_ACCESS_DENIED, "the list of mechanisms was changed on its way");
    }
    if (result == MECH_CONTINUE && vouch && !spnego_mic_make(s, &mic)) {
        result = spnego_fail(e, CIMF_ACCESS_DENIED, "the mechanism cannot vouch for the list");
    }
    if (result == MECH_CONTINUE) {
        bool nothing = token.n == 0 && mic.n == 0;
        if (nothing) {
            result = r.state == SPNEGO_ACCEPTED
                         ? finish(s, e)
                         : spnego_fail(e, CIMF_BAD_REQUEST, "the negotiation does not move");
        } else if (r.state == SPNEGO_ACCEPTED) {
            result = spnego_fail(e, CIMF_BAD_REQUEST, "the server ends before the mechanism does");
        } else {
            if (token.n) answer.token = buf_slice(&token);
            if (mic.n) answer.mic = buf_slice(&mic);
            if (!spnego_resp_write(out, &answer))
                result = spnego_fail(e, CIMF_OUT_OF_MEMORY, "no room for a token");
        }
    }
    buf_wipe(&token);
    buf_free(&mic);
    return result;
}

static enum mech_result step(struct mech *m, struct slice in, struct buf *out, struct error *e)
{
    struct spnego *s = (struct spnego *)m;
    return s->started ? proceed(s, in, out, e) : start(s, in, out, e);
}

static const struct mech_ops client_ops = SPNEGO_OPS(step);

cimf_status spnego_client_new(struct mech *const *candidates, size_t count, struct mech **out,
                              struct error *e)
{
    return spnego_new(candidates, count, MECH_CLIENT, &client_ops, out, e);
}
