/* Basic (RFC 7617): asks the broker, its memory first, then the slow way. */
#include <openssl/crypto.h>
#include <stdio.h>

#include "base/utf.h"
#include "codec/base64.h"
#include "net/http_auth_priv.h"

cimf_status http_basic_parse(struct arena *arena, struct slice authorization, struct slice *user,
                             struct slice *password)
{
    struct slice text, scheme = SLICE("Basic"), rest;
    *user = *password = SLICE_NULL;
    if (!slice_ieq(slice_head(authorization, slice_find(authorization, ' ')), scheme))
        return CIMF_AUTH_SCHEME;
    rest = slice_trim(slice_sub(authorization, scheme.n));
    cimf_status status = base64_decode(arena, rest, BASE64_STRICT, &text);
    if (status != CIMF_OK) return status;
    size_t colon = slice_find(text, ':');
    if (colon == text.n || colon == 0 || !utf8_valid(text) || memchr(text.p, 0, text.n)) {
        OPENSSL_cleanse((char *)(uintptr_t)text.p, text.n);
        return CIMF_BAD_REQUEST;
    }
    *user = slice_head(text, colon);
    *password = slice_sub(text, colon + 1);
    return CIMF_OK;
}

bool http_basic_make(struct buf *out, struct slice user, struct slice password)
{
    struct buf text;
    if (memchr(user.n ? user.p : "", ':', user.n)) return false;
    buf_init(&text, 1 << 16);
    bool ok = buf_slice_add(&text, user) && buf_byte(&text, ':') &&
              buf_slice_add(&text, password) && buf_lit(out, "Basic ") &&
              base64_encode(out, buf_slice(&text));
    buf_wipe(&text);
    return ok;
}

static bool enabled(const struct http_auth *a, bool tls) { return a->policy->basic; }

static void offer(const struct http_auth *a, struct slice peer, struct http_auth_output *out)
{
    char *text = out->text + out->text_n;
    size_t room = sizeof out->text - out->text_n;
    int n = snprintf(text, room, "Basic realm=\"%s\", charset=\"UTF-8\"", a->policy->realm ? a->policy->realm : "WSMAN");
    if (n < 0 || (size_t)n >= room) return;
    out->text_n += (unsigned)n;
    http_auth_header(out, SLICE("WWW-Authenticate"), slice_of(text, (size_t)n));
}

static enum http_auth_answer step(struct http_auth *a, const struct http_auth_input *in, struct slice token,
                                  struct http_auth_output *out, const struct http_auth_wait *wait)
{
    struct arena scratch;
    struct auth_password q = { .address = in->peer, .scheme = AUTH_BASIC };
    enum http_auth_answer answer = HTTP_AUTH_CHALLENGE;
    struct http_auth_leg *leg = NULL;
    arena_init(&scratch, 1 << 18);
    if (http_basic_parse(&scratch, in->authorization, &q.user, &q.password) != CIMF_OK) {
        arena_free(&scratch);
        return http_auth_challenge(a, in, out);
    }
    uint64_t generation = auth_generation(a->broker);
    const struct principal *p = auth_check_cached(a->broker, &q);
    if (p) {
        answer = http_auth_accept(a, p, in->authorization, generation, out);
    } else if (!(leg = http_auth_leg_new(a, in->authorization))) {
        answer = HTTP_AUTH_BUSY;
    } else {
        leg->conclude = http_auth_keep;
        auth_check_password(a->broker, &q, wait->home, http_auth_leg_told, leg);
        answer = http_auth_leg_wait(a, in, out, wait);
    }
    OPENSSL_cleanse((char *)(uintptr_t)q.user.p, q.user.n + 1 + q.password.n);
    arena_free(&scratch);
    return answer;
}

const struct http_auth_scheme http_auth_basic = {
    .name = "Basic", .plain = true, .enabled = enabled, .offer = offer, .step = step,
};
