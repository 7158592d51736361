/* First byte: 0 a client's Authorization, 1 a server's challenge. What is read is written and read again. */
#include <stdlib.h>

#include "mech/digest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void same(struct slice a, struct slice b)
{
    if (!slice_eq(a, b)) abort();
}

static struct slice value_of(const struct buf *b)
{
    return slice_sub(buf_slice(b), sizeof "Digest " - 1);
}

static void response(struct arena *a, struct slice s)
{
    struct digest_response r, again;
    struct buf b;
    char hash[DIGEST_HEX];
    if (digest_response_read(a, s, &r, NULL) != CIMF_OK) return;
    digest_compute(&r, "a", "b", hash);
    if (strlen(hash) != r.response.n) abort();
    buf_init(&b, 0);
    if (!digest_response_write(&r, &b)) abort();
    if (digest_response_read(a, value_of(&b), &again, NULL) != CIMF_OK) abort();
    same(r.username, again.username);
    same(r.realm, again.realm);
    same(r.nonce, again.nonce);
    same(r.uri, again.uri);
    same(r.response, again.response);
    same(r.cnonce, again.cnonce);
    same(r.opaque, again.opaque);
    if (r.nc != again.nc || r.qop != again.qop || r.algorithm != again.algorithm ||
        r.userhash != again.userhash)
        abort();
    buf_free(&b);
}

static void challenge(struct arena *a, struct slice s)
{
    struct digest_challenge c, again;
    struct buf b;
    if (digest_challenge_read(a, s, &c, NULL) != CIMF_OK) return;
    buf_init(&b, 0);
    if (!digest_challenge_write(&c, &b)) abort();
    if (digest_challenge_read(a, value_of(&b), &again, NULL) != CIMF_OK) abort();
    same(c.realm, again.realm);
    same(c.nonce, again.nonce);
    same(c.opaque, again.opaque);
    if (c.algorithm != again.algorithm || c.qop_auth != again.qop_auth || c.stale != again.stale ||
        c.qop_auth_int != again.qop_auth_int || c.userhash != again.userhash || c.utf8 != again.utf8)
        abort();
    buf_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) return 0;
    struct slice s = slice_of((const char *)data + 1, size - 1);
    struct arena a;
    arena_init(&a, 1 << 20);
    if (data[0] % 2) {
        challenge(&a, s);
    } else {
        response(&a, s);
    }
    arena_free(&a);
    return 0;
}
