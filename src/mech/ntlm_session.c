#include "mech/ntlm_session.h"

#include <nettle/hmac.h>

#include "mech/ntlm_message.h"

static void stream_init(struct ntlm_stream *t, uint32_t flags, const unsigned char key[NTLM_KEY],
                        bool client)
{
    unsigned char seal[NTLM_KEY];
    ntlm_sign_key(flags, key, client, t->sign_key);
    arcfour_set_key(&t->rc4, ntlm_seal_key(flags, key, client, seal), seal);
    t->sequence = 0;
    explicit_bzero(seal, sizeof seal);
}

void ntlm_session_init(struct ntlm_session *s, uint32_t flags, const unsigned char key[NTLM_KEY],
                       bool client)
{
    s->flags = flags;
    stream_init(&s->to_peer, flags, key, client);
    stream_init(&s->from_peer, flags, key, !client);
}

static struct ntlm_stream *incoming(struct ntlm_session *s)
{
    return s->flags & NTLM_ESS ? &s->from_peer : &s->to_peer;
}

static void put32(unsigned char *p, uint32_t v)
{
    for (int i = 0; i < 4; i++) p[i] = (unsigned char)(v >> 8 * i);
}

/* HMAC over the number and all parts as plain text, sign-only parts included (3.4.6.1). */
static void digest(const struct ntlm_stream *t, const struct mech_part *parts, size_t count,
                   unsigned char mac[16])
{
    struct hmac_md5_ctx hmac;
    unsigned char sequence[4];
    put32(sequence, t->sequence);
    hmac_md5_set_key(&hmac, NTLM_KEY, t->sign_key);
    hmac_md5_update(&hmac, sizeof sequence, sequence);
    for (size_t i = 0; i < count; i++) hmac_md5_update(&hmac, parts[i].n, parts[i].p);
    hmac_md5_digest(&hmac, 16, mac);
    explicit_bzero(&hmac, sizeof hmac);
}

static uint32_t crc32_of(const struct mech_part *parts, size_t count)
{
    uint32_t crc = 0xffffffff;
    for (size_t i = 0; i < count; i++) {
        for (size_t at = 0; at < parts[i].n; at++) {
            crc ^= parts[i].p[at];
            for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
        }
    }
    return ~crc;
}

/* 3.4.4.1: random pad, checksum and number each go through the key stream; the pad is then zeroed.
 */
static void finish_crc(struct ntlm_stream *t, uint32_t crc, unsigned char out[NTLM_SIGNATURE_SIZE])
{
    unsigned char plain[12] = { 0 };
    put32(plain + 4, crc);
    arcfour_crypt(&t->rc4, sizeof plain, out + 4, plain);
    put32(out + 4, 0);
    for (int i = 0; i < 4; i++) out[12 + i] ^= (unsigned char)(t->sequence >> 8 * i);
}

static void finish(struct ntlm_session *s, struct ntlm_stream *t, const unsigned char mac[16],
                   uint32_t crc, unsigned char out[NTLM_SIGNATURE_SIZE])
{
    put32(out, 1);
    if (s->flags & NTLM_ESS) {
        if (s->flags & NTLM_KEY_EXCH) {
            arcfour_crypt(&t->rc4, 8, out + 4, mac);
        } else {
            memcpy(out + 4, mac, 8);
        }
        put32(out + 12, t->sequence);
    } else {
        finish_crc(t, crc, out);
    }
    t->sequence++;
}

static void checksum(const struct ntlm_session *s, const struct ntlm_stream *t,
                     const struct mech_part *parts, size_t count, unsigned char mac[16],
                     uint32_t *crc)
{
    if (s->flags & NTLM_ESS) {
        digest(t, parts, count, mac);
    } else {
        *crc = crc32_of(parts, count);
    }
}

static void crypt_parts(struct ntlm_stream *t, struct mech_part *parts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (parts[i].kind == MECH_PART_SEAL) {
            arcfour_crypt(&t->rc4, parts[i].n, parts[i].p, parts[i].p);
        }
    }
}

/* A wrong number alone is told by the comparison too, as it is part of the signature. */
static bool check(struct ntlm_session *s, struct ntlm_stream *t, const struct mech_part *parts,
                  size_t count, struct slice signature)
{
    unsigned char mac[16], expected[NTLM_SIGNATURE_SIZE];
    uint32_t crc = 0;
    if (signature.n != NTLM_SIGNATURE_SIZE) return false;
    checksum(s, t, parts, count, mac, &crc);
    finish(s, t, mac, crc, expected);
    if (s->flags & NTLM_ESS) return mech_equal(expected, signature.p, sizeof expected);
    return mech_equal(expected, signature.p, 4) && mech_equal(expected + 8, signature.p + 8, 8);
}

void ntlm_seal(struct ntlm_session *s, struct mech_part *parts, size_t count,
               unsigned char signature[NTLM_SIGNATURE_SIZE])
{
    unsigned char mac[16];
    uint32_t crc = 0;
    checksum(s, &s->to_peer, parts, count, mac, &crc);
    crypt_parts(&s->to_peer, parts, count); /* data first, then the checksum: one stream */
    finish(s, &s->to_peer, mac, crc, signature);
}

bool ntlm_unseal(struct ntlm_session *s, struct mech_part *parts, size_t count,
                 struct slice signature)
{
    crypt_parts(incoming(s), parts, count);
    return check(s, incoming(s), parts, count, signature);
}

void ntlm_sign(struct ntlm_session *s, const struct mech_part *parts, size_t count,
               unsigned char signature[NTLM_SIGNATURE_SIZE])
{
    unsigned char mac[16];
    uint32_t crc = 0;
    checksum(s, &s->to_peer, parts, count, mac, &crc);
    finish(s, &s->to_peer, mac, crc, signature);
}

bool ntlm_verify(struct ntlm_session *s, const struct mech_part *parts, size_t count,
                 struct slice signature)
{
    return check(s, incoming(s), parts, count, signature);
}

void ntlm_sign_list(struct ntlm_session *s, struct slice list,
                    unsigned char signature[NTLM_SIGNATURE_SIZE])
{
    struct arcfour_ctx before = s->to_peer.rc4;
    struct mech_part part = { MECH_PART_SIGN, (unsigned char *)list.p, list.n };
    ntlm_sign(s, &part, 1, signature);
    s->to_peer.rc4 = before;
    explicit_bzero(&before, sizeof before);
}

bool ntlm_verify_list(struct ntlm_session *s, struct slice list, struct slice signature)
{
    struct ntlm_stream *t = incoming(s);
    struct arcfour_ctx before = t->rc4;
    struct mech_part part = { MECH_PART_SIGN, (unsigned char *)list.p, list.n };
    bool ok = ntlm_verify(s, &part, 1, signature);
    t->rc4 = before;
    explicit_bzero(&before, sizeof before);
    return ok;
}
