#include "repo/key.h"

#include <assert.h>
#include <openssl/evp.h>
#include <pthread.h>

#include "base/utf.h"

static pthread_once_t once = PTHREAD_ONCE_INIT;
static EVP_MD *sha256; /* fetched once: an implicit fetch costs more than the hash */

static void fetch(void) { sha256 = EVP_MD_fetch(NULL, "SHA256", NULL); }

static bool hash(struct slice text, unsigned char out[32])
{
    pthread_once(&once, fetch);
    unsigned size = 0;
    return sha256 && EVP_Digest(text.p ? text.p : "", text.n, out, &size, sha256, NULL) == 1 && size == 32;
}

void key_start(struct key *k, enum key_tag tag)
{
    k->n = 1;
    k->p[0] = (unsigned char)tag;
}

void key_bytes(struct key *k, const void *p, size_t n)
{
    assert(n <= sizeof k->p - k->n);
    if (n) memcpy(k->p + k->n, p, n);
    k->n += n;
}

void key_u8(struct key *k, uint8_t v) { key_bytes(k, &v, 1); }

void key_u16(struct key *k, uint16_t v)
{
    key_bytes(k, (unsigned char[]){ (unsigned char)(v >> 8), (unsigned char)v }, 2);
}

void key_u32(struct key *k, uint32_t v)
{
    key_bytes(k, (unsigned char[]){ (unsigned char)(v >> 24), (unsigned char)(v >> 16),
                                    (unsigned char)(v >> 8), (unsigned char)v }, 4);
}

bool key_text(struct key *k, struct slice text)
{
    if (text.n <= KEY_TEXT_INLINE) {
        key_bytes(k, text.p, text.n);
        return true;
    }
    unsigned char digest[32];
    if (!hash(text, digest)) return false;
    key_bytes(k, text.p, KEY_TEXT_PREFIX);
    key_u8(k, 0xFF);
    key_bytes(k, digest, sizeof digest);
    return true;
}

bool key_folded(struct key *k, struct slice text, struct buf *scratch)
{
    size_t i = 0;
    if (text.n <= KEY_TEXT_INLINE) {
        unsigned char *to = k->p + k->n;
        for (; i < text.n && (unsigned char)text.p[i] < 0x80; i++) {
            unsigned char c = (unsigned char)text.p[i];
            to[i] = c >= 'A' && c <= 'Z' ? c | 0x20 : c;
        }
        if (i == text.n) {
            k->n += i;
            return true;
        }
    }
    buf_clear(scratch);
    return key_fold(scratch, text) && key_text(k, buf_slice(scratch));
}

bool key_hash(struct slice text, unsigned char out[KEY_HASH])
{
    unsigned char digest[32];
    if (!hash(text, digest)) return false;
    memcpy(out, digest, KEY_HASH);
    return true;
}

bool key_fold(struct buf *out, struct slice text)
{
    const char *p = text.p, *end = text.p + text.n;
    while (p < end) {
        bool valid = true;
        char byte = *p;
        uint32_t point = utf8_next(&p, end, true, &valid);
        if (!(valid ? utf8_put(out, utf_fold(point)) : buf_byte(out, byte))) return false;
    }
    return buf_ok(out);
}
