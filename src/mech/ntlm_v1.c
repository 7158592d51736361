/* The functions of NTLM version 1 (MS-NLMP 3.3.1, 3.4.5.1). */
#include <nettle/des.h>
#include <nettle/hmac.h>
#include <nettle/md4.h>
#include <nettle/md5.h>

#include "mech/ntlm_crypto.h"
#include "mech/ntlm_message.h"

/* DES under 56 bits of key, spread over eight bytes. */
static void des7(const unsigned char k[7], const unsigned char in[8], unsigned char out[8])
{
    uint8_t key[8] = { k[0],
                       (uint8_t)(k[0] << 7 | k[1] >> 1),
                       (uint8_t)(k[1] << 6 | k[2] >> 2),
                       (uint8_t)(k[2] << 5 | k[3] >> 3),
                       (uint8_t)(k[3] << 4 | k[4] >> 4),
                       (uint8_t)(k[4] << 3 | k[5] >> 5),
                       (uint8_t)(k[5] << 2 | k[6] >> 6),
                       (uint8_t)(k[6] << 1) };
    struct des_ctx des;
    des_fix_parity(8, key, key);
    (void)des_set_key(&des, key); /* false names a weak key, which is what the hash gave */
    des_encrypt(&des, 8, out, in);
    explicit_bzero(&des, sizeof des);
    explicit_bzero(key, sizeof key);
}

bool ntlm_lmowf_v1(struct slice password, unsigned char hash[NTLM_KEY])
{
    unsigned char upper[14] = { 0 };
    if (password.n > sizeof upper) return false;
    for (size_t i = 0; i < password.n; i++) {
        unsigned char c = (unsigned char)password.p[i];
        if (c >= 0x80) return false;
        upper[i] = (unsigned char)(c >= 'a' && c <= 'z' ? c & ~0x20 : c);
    }
    for (int half = 0; half < 2; half++) {
        des7(upper + 7 * half, (const unsigned char *)"KGS!@#$%", hash + 8 * half);
    }
    explicit_bzero(upper, sizeof upper);
    return true;
}

void ntlm_desl(const unsigned char key[NTLM_KEY], const unsigned char data[8],
               unsigned char out[24])
{
    unsigned char last[7] = { key[14], key[15] };
    des7(key, data, out);
    des7(key + 7, data, out + 8);
    des7(last, data, out + 16);
}

void ntlm_v1_ess(const unsigned char nt_hash[NTLM_KEY], const unsigned char challenge[8],
                 const unsigned char client_challenge[8], unsigned char response[24])
{
    struct md5_ctx md5;
    unsigned char both[16];
    md5_init(&md5);
    md5_update(&md5, 8, challenge);
    md5_update(&md5, 8, client_challenge);
    md5_digest(&md5, 16, both);
    ntlm_desl(nt_hash, both, response);
}

void ntlm_v1_base_key(const unsigned char nt_hash[NTLM_KEY], unsigned char key[NTLM_KEY])
{
    struct md4_ctx md4;
    md4_init(&md4);
    md4_update(&md4, NTLM_KEY, nt_hash);
    md4_digest(&md4, NTLM_KEY, key);
    explicit_bzero(&md4, sizeof md4);
}

bool ntlm_v1_kxkey(uint32_t flags, const unsigned char base_key[NTLM_KEY],
                   const unsigned char *lm_hash, const unsigned char lm_response[24],
                   const unsigned char challenge[8], unsigned char key[NTLM_KEY])
{
    if (flags & NTLM_ESS) {
        struct hmac_md5_ctx hmac;
        hmac_md5_set_key(&hmac, NTLM_KEY, base_key);
        hmac_md5_update(&hmac, 8, challenge);
        hmac_md5_update(&hmac, 8, lm_response);
        hmac_md5_digest(&hmac, NTLM_KEY, key);
        explicit_bzero(&hmac, sizeof hmac);
        return true;
    }
    if (!(flags & (NTLM_LM_KEY | NTLM_NON_NT_KEY))) {
        memcpy(key, base_key, NTLM_KEY);
        return true;
    }
    if (!lm_hash) return false;
    if (flags & NTLM_LM_KEY) {
        unsigned char second[7] = { lm_hash[7], 0xbd, 0xbd, 0xbd, 0xbd, 0xbd, 0xbd };
        des7(lm_hash, lm_response, key);
        des7(second, lm_response, key + 8);
    } else {
        memcpy(key, lm_hash, 8);
        memset(key + 8, 0, 8);
    }
    return true;
}
