/* Digest (RFC 7616; clients of RFC 2617 as well). Each request proves itself; nothing is kept but which nc were
 * used. The secret is the broker's: here is what HTTP knows. */
#include <stdio.h>

#include "base/clock.h"
#include "net/http_auth_priv.h"
#include "net/http_nonces.h"

static bool enabled(const struct http_auth *a, bool tls) { return a->policy->digest && a->policy->nonces; }

static struct slice realm_of(const struct http_auth *a)
{
    return slice_str(a->policy->realm ? a->policy->realm : "WSMAN");
}

static void offer_with(const struct http_auth *a, struct slice peer, bool stale, struct http_auth_output *out)
{
    static const enum digest_algorithm algorithms[] = { DIGEST_SHA256, DIGEST_MD5 };
    char nonce[HTTP_NONCE_TEXT];
    struct buf b;
    http_nonces_make(a->policy->nonces, peer, clock_mono_us(), nonce);
    buf_init(&b, sizeof out->text);
    for (unsigned i = 0; i < 2; i++) {
        struct digest_challenge c = { .algorithm = algorithms[i], .realm = realm_of(a), .nonce = slice_str(nonce),
                                      .qop_auth = true, .qop_auth_int = true, .stale = stale, .utf8 = true };
        buf_clear(&b);
        if (!digest_challenge_write(&c, &b) || b.n > sizeof out->text - out->text_n) continue;
        memcpy(out->text + out->text_n, b.p, b.n);
        http_auth_header(out, SLICE("WWW-Authenticate"), slice_of(out->text + out->text_n, b.n));
        out->text_n += (unsigned)b.n;
    }
    buf_free(&b);
}

static void offer(const struct http_auth *a, struct slice peer, struct http_auth_output *out)
{
    offer_with(a, peer, false, out);
}

static enum http_auth_answer stale(const struct http_auth *a, const struct http_auth_input *in,
                                   struct http_auth_output *out)
{
    offer_with(a, in->peer, true, out);
    return HTTP_AUTH_CHALLENGE;
}

/* Authentication-Info (RFC 7616 3.5). The values are the client's own, already read as what may stand there. */
static void info_put(const struct digest_response *r, const char *rspauth, struct http_auth_output *out)
{
    size_t room = sizeof out->text - out->text_n;
    if (!rspauth[0] || memchr(r->cnonce.p ? r->cnonce.p : "", '"', r->cnonce.n) ||
        memchr(r->cnonce.p ? r->cnonce.p : "", '\\', r->cnonce.n)) return;
    int n = snprintf(out->text + out->text_n, room, "qop=auth, rspauth=\"%s\", cnonce=\"" SLICE_FMT "\", nc=" SLICE_FMT,
                     rspauth, SLICE_ARG(r->cnonce), SLICE_ARG(r->nc_text));
    if (n < 0 || (size_t)n >= room) return;
    http_auth_header(out, SLICE("Authentication-Info"), slice_of(out->text + out->text_n, (size_t)n));
    out->text_n += (unsigned)n;
}

static bool read_header(struct arena *scratch, const struct http_auth_input *in, struct digest_response *r)
{
    struct slice value = slice_sub(in->authorization, slice_find(in->authorization, ' '));
    return digest_response_read(scratch, slice_trim(value), r, NULL) == CIMF_OK;
}

static enum http_auth_answer conclude(struct http_auth *a, struct http_auth_leg *leg, const struct http_auth_input *in,
                                      struct http_auth_output *out)
{
    struct arena scratch;
    struct digest_response r;
    enum http_auth_answer answer = HTTP_AUTH_CHALLENGE;
    arena_init(&scratch, 1 << 18);
    bool read = read_header(&scratch, in, &r);
    /* RFC 2069 has no nc: such a nonce is good for one request. */
    if (!read) {
        http_auth_challenge(a, in, out);
    } else if (http_nonces_use(a->policy->nonces, r.nonce, r.qop == DIGEST_QOP_NONE ? 1 : r.nc) != HTTP_NONCE_GOOD) {
        answer = stale(a, in, out);
    } else {
        const struct principal *p = leg->principal;
        leg->principal = NULL;
        answer = http_auth_accept(a, p, SLICE_NULL, leg->generation, out);
        if (r.qop == DIGEST_QOP_AUTH) info_put(&r, leg->rspauth, out);
    }
    arena_free(&scratch);
    return answer;
}

static void told(void *arg, cimf_status status, const struct principal *p, const char *rspauth)
{
    struct http_auth_leg *leg = arg;
    snprintf(leg->rspauth, sizeof leg->rspauth, "%s", rspauth ? rspauth : "");
    http_auth_leg_told(leg, status, p);
}

static enum http_auth_answer ask(struct http_auth *a, const struct http_auth_input *in, const struct digest_response *r,
                                 struct http_auth_output *out, const struct http_auth_wait *wait)
{
    char ha2[DIGEST_HEX], ha2_reply[DIGEST_HEX];
    struct auth_digest q = { .response = r, .ha2 = ha2, .address = in->peer };
    struct http_auth_leg *leg = http_auth_leg_new(a, in->authorization);
    if (!leg) return HTTP_AUTH_BUSY;
    leg->conclude = conclude;
    digest_ha2(r->algorithm, r->qop, in->method, r->uri, in->body, ha2);
    if (r->qop == DIGEST_QOP_AUTH) { /* the reply's body is not there yet, so auth-int has none */
        digest_ha2(r->algorithm, r->qop, SLICE(""), r->uri, SLICE(""), ha2_reply);
        q.ha2_reply = ha2_reply;
    }
    auth_check_digest(a->broker, &q, wait->home, told, leg);
    return http_auth_leg_wait(a, in, out, wait);
}

static enum http_auth_answer step(struct http_auth *a, const struct http_auth_input *in, struct slice token,
                                  struct http_auth_output *out, const struct http_auth_wait *wait)
{
    struct arena scratch;
    struct digest_response r;
    enum http_auth_answer answer;
    arena_init(&scratch, 1 << 18);
    enum http_nonce nonce = HTTP_NONCE_WRONG;
    if (read_header(&scratch, in, &r) && slice_eq(r.realm, realm_of(a)) && slice_eq(r.uri, in->target))
        nonce = http_nonces_check(a->policy->nonces, r.nonce, in->peer, clock_mono_us());
    if (nonce == HTTP_NONCE_WRONG) answer = http_auth_challenge(a, in, out);
    else if (nonce == HTTP_NONCE_STALE) answer = stale(a, in, out);
    else if (r.qop == DIGEST_QOP_AUTH_INT && !in->has_body) answer = HTTP_AUTH_BODY;
    else answer = ask(a, in, &r, out, wait);
    arena_free(&scratch);
    return answer;
}

const struct http_auth_scheme http_auth_digest = {
    .name = "Digest", .plain = true, .enabled = enabled, .offer = offer, .step = step,
};
