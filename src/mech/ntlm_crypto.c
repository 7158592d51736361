#include "mech/ntlm_crypto.h"

#include <nettle/hmac.h>
#include <nettle/md4.h>
#include <nettle/md5.h>

#include "base/utf.h"
#include "mech/ntlm_message.h"

bool ntlm_ntowf_v1(struct slice password, unsigned char hash[NTLM_KEY])
{
    struct md4_ctx md4;
    struct buf utf16;
    buf_init(&utf16, 0);
    /* All room at once: growing would leave parts of the password in freed memory. */
    bool ok = utf8_valid(password) && password.n < SIZE_MAX / 2 &&
              buf_reserve(&utf16, 2 * password.n) &&
              (password.n == 0 || utf8_to_utf16(&utf16, password, UTF16_LE));
    if (ok) {
        md4_init(&md4);
        md4_update(&md4, utf16.n, (const uint8_t *)utf16.p);
        md4_digest(&md4, NTLM_KEY, hash);
        explicit_bzero(&md4, sizeof md4);
    }
    buf_wipe(&utf16);
    return ok;
}

bool ntlm_ntowf_v2(const unsigned char nt_hash[NTLM_KEY], struct slice user, struct slice domain,
                   unsigned char key[NTLM_KEY])
{
    struct hmac_md5_ctx hmac;
    struct buf name, utf16;
    buf_init(&name, 0);
    buf_init(&utf16, 0);
    const char *p = user.p, *end = user.p + user.n;
    bool ok = true;
    while (p < end && ok) ok = utf8_put(&name, utf_upper(utf8_next(&p, end, true, &ok))) && ok;
    ok = ok && utf8_to_utf16(&utf16, buf_slice(&name), UTF16_LE) &&
         utf8_to_utf16(&utf16, domain, UTF16_LE);
    if (ok) {
        hmac_md5_set_key(&hmac, NTLM_KEY, nt_hash);
        hmac_md5_update(&hmac, utf16.n, (const uint8_t *)utf16.p);
        hmac_md5_digest(&hmac, NTLM_KEY, key);
        explicit_bzero(&hmac, sizeof hmac);
    }
    buf_free(&name);
    buf_free(&utf16);
    return ok;
}

static void hmac2(const unsigned char key[NTLM_KEY], const void *a, size_t an, const void *b,
                  size_t bn, unsigned char out[NTLM_KEY])
{
    struct hmac_md5_ctx hmac;
    hmac_md5_set_key(&hmac, NTLM_KEY, key);
    hmac_md5_update(&hmac, an, a);
    hmac_md5_update(&hmac, bn, b);
    hmac_md5_digest(&hmac, NTLM_KEY, out);
    explicit_bzero(&hmac, sizeof hmac);
}

void ntlm_v2_prove(struct ntlm_v2_proof *p, const unsigned char challenge[8], struct slice blob)
{
    hmac2(p->response_key, challenge, 8, blob.p, blob.n, p->proof);
    hmac2(p->response_key, p->proof, NTLM_KEY, "", 0, p->base_key);
}

void ntlm_lm_v2(const unsigned char response_key[NTLM_KEY], const unsigned char challenge[8],
                const unsigned char client_challenge[8], unsigned char response[24])
{
    hmac2(response_key, challenge, 8, client_challenge, 8, response);
    memcpy(response + 16, client_challenge, 8);
}

void ntlm_rc4k(const unsigned char key[NTLM_KEY], const unsigned char in[NTLM_KEY],
               unsigned char out[NTLM_KEY])
{
    struct arcfour_ctx rc4;
    arcfour_set_key(&rc4, NTLM_KEY, key);
    arcfour_crypt(&rc4, NTLM_KEY, out, in);
    explicit_bzero(&rc4, sizeof rc4);
}

void ntlm_mic(const unsigned char key[NTLM_KEY], struct slice negotiate, struct slice challenge,
              struct slice authenticate, unsigned char mic[16])
{
    static const uint8_t zero[NTLM_MIC_SIZE];
    struct hmac_md5_ctx hmac;
    const uint8_t *p = (const uint8_t *)authenticate.p;
    hmac_md5_set_key(&hmac, NTLM_KEY, key);
    hmac_md5_update(&hmac, negotiate.n, (const uint8_t *)negotiate.p);
    hmac_md5_update(&hmac, challenge.n, (const uint8_t *)challenge.p);
    if (authenticate.n >= NTLM_MIC_OFFSET + NTLM_MIC_SIZE) {
        hmac_md5_update(&hmac, NTLM_MIC_OFFSET, p);
        hmac_md5_update(&hmac, NTLM_MIC_SIZE, zero);
        hmac_md5_update(&hmac, authenticate.n - NTLM_MIC_OFFSET - NTLM_MIC_SIZE,
                        p + NTLM_MIC_OFFSET + NTLM_MIC_SIZE);
    } else {
        hmac_md5_update(&hmac, authenticate.n, p);
    }
    hmac_md5_digest(&hmac, 16, mic);
    explicit_bzero(&hmac, sizeof hmac);
}

/* MD5(key + sentence with its NUL) */
static void derive(const unsigned char *key, size_t n, const char *sentence,
                   unsigned char out[NTLM_KEY])
{
    struct md5_ctx md5;
    md5_init(&md5);
    md5_update(&md5, n, key);
    md5_update(&md5, strlen(sentence) + 1, (const uint8_t *)sentence);
    md5_digest(&md5, NTLM_KEY, out);
    explicit_bzero(&md5, sizeof md5);
}

void ntlm_sign_key(uint32_t flags, const unsigned char key[NTLM_KEY], bool client,
                   unsigned char out[NTLM_KEY])
{
    if (!(flags & NTLM_ESS)) {
        memset(out, 0, NTLM_KEY);
        return;
    }
    derive(key, NTLM_KEY,
           client ? "session key to client-to-server signing key magic constant"
                  : "session key to server-to-client signing key magic constant",
           out);
}

size_t ntlm_seal_key(uint32_t flags, const unsigned char key[NTLM_KEY], bool client,
                     unsigned char out[NTLM_KEY])
{
    if (flags & NTLM_ESS) {
        derive(key,
               flags & NTLM_128  ? NTLM_KEY
               : flags & NTLM_56 ? 7
                                 : 5,
               client ? "session key to client-to-server sealing key magic constant"
                      : "session key to server-to-client sealing key magic constant",
               out);
        return NTLM_KEY;
    }
    memcpy(out, key, NTLM_KEY);
    if (!(flags & NTLM_LM_KEY)) return NTLM_KEY;
    if (flags & NTLM_56) {
        out[7] = 0xa0;
    } else {
        out[5] = 0xe5;
        out[6] = 0x38;
        out[7] = 0xb0;
    }
    return 8;
}
