/* RFC 7616 3.4.1 to 3.4.4. nettle's hashes: they cannot fail, so neither can a calculation. */
#include "mech/digest.h"

#include <nettle/md5.h>
#include <nettle/sha2.h>

struct hash {
    bool sha256;
    union {
        struct md5_ctx md5;
        struct sha256_ctx sha256;
    } u;
};

static void hash_init(struct hash *h, enum digest_algorithm algorithm)
{
    h->sha256 = algorithm == DIGEST_SHA256 || algorithm == DIGEST_SHA256_SESS;
    if (h->sha256) {
        sha256_init(&h->u.sha256);
    } else {
        md5_init(&h->u.md5);
    }
}

static void hash_add(struct hash *h, struct slice s)
{
    if (s.n == 0) return;
    if (h->sha256) {
        sha256_update(&h->u.sha256, s.n, (const uint8_t *)s.p);
    } else {
        md5_update(&h->u.md5, s.n, (const uint8_t *)s.p);
    }
}

static void hash_end(struct hash *h, char out[DIGEST_HEX])
{
    static const char digits[] = "0123456789abcdef";
    uint8_t bytes[SHA256_DIGEST_SIZE];
    size_t n = h->sha256 ? SHA256_DIGEST_SIZE : MD5_DIGEST_SIZE;
    if (h->sha256) {
        sha256_digest(&h->u.sha256, n, bytes);
    } else {
        md5_digest(&h->u.md5, n, bytes);
    }
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    out[2 * n] = '\0';
    explicit_bzero(bytes, sizeof bytes);
    explicit_bzero(h, sizeof *h);
}

/* H(parts[0]:parts[1]:...) */
static void hash_joined(enum digest_algorithm algorithm, const struct slice *parts, size_t count,
                        char out[DIGEST_HEX])
{
    struct hash h;
    hash_init(&h, algorithm);
    for (size_t i = 0; i < count; i++) {
        if (i) hash_add(&h, SLICE(":"));
        hash_add(&h, parts[i]);
    }
    hash_end(&h, out);
}

void digest_ha1(enum digest_algorithm algorithm, struct slice user, struct slice realm,
                struct slice password, char out[DIGEST_HEX])
{
    hash_joined(algorithm, (struct slice[]){ user, realm, password }, 3, out);
}

void digest_userhash(enum digest_algorithm algorithm, struct slice user, struct slice realm,
                     char out[DIGEST_HEX])
{
    hash_joined(algorithm, (struct slice[]){ user, realm }, 2, out);
}

void digest_ha2(enum digest_algorithm algorithm, enum digest_qop qop, struct slice method,
                struct slice uri, struct slice body, char out[DIGEST_HEX])
{
    if (qop != DIGEST_QOP_AUTH_INT) {
        hash_joined(algorithm, (struct slice[]){ method, uri }, 2, out);
        return;
    }
    char of_body[DIGEST_HEX];
    hash_joined(algorithm, &body, 1, of_body);
    hash_joined(algorithm, (struct slice[]){ method, uri, slice_str(of_body) }, 3, out);
}

void digest_compute(const struct digest_response *r, const char *ha1, const char *ha2,
                    char out[DIGEST_HEX])
{
    char session[DIGEST_HEX];
    struct slice secret = slice_str(ha1);
    if (r->algorithm == DIGEST_MD5_SESS || r->algorithm == DIGEST_SHA256_SESS) {
        hash_joined(r->algorithm, (struct slice[]){ secret, r->nonce, r->cnonce }, 3, session);
        secret = slice_str(session);
    }
    if (r->qop == DIGEST_QOP_NONE) {
        hash_joined(r->algorithm, (struct slice[]){ secret, r->nonce, slice_str(ha2) }, 3, out);
    } else {
        struct slice qop = r->qop == DIGEST_QOP_AUTH ? SLICE("auth") : SLICE("auth-int");
        hash_joined(
            r->algorithm,
            (struct slice[]){ secret, r->nonce, r->nc_text, r->cnonce, qop, slice_str(ha2) }, 6,
            out);
    }
    explicit_bzero(session, sizeof session);
}
