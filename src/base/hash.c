#include "base/hash.h"

#include "base/guid.h"
#include "base/utf.h"
#include "base/word_priv.h"

struct sip {
    uint64_t v0, v1, v2, v3;
    uint64_t tail;   /* bytes not yet a whole word, low first */
    size_t n;        /* bytes taken in all */
};

static uint64_t key0, key1;

__attribute__((constructor)) static void draw_key(void)
{
    random_bytes(&key0, sizeof key0);
    random_bytes(&key1, sizeof key1);
}

static inline uint64_t rotl(uint64_t v, int by) { return v << by | v >> (64 - by); }

static inline void sip_round(struct sip *s)
{
    s->v0 += s->v1;
    s->v1 = rotl(s->v1, 13) ^ s->v0;
    s->v0 = rotl(s->v0, 32);
    s->v2 += s->v3;
    s->v3 = rotl(s->v3, 16) ^ s->v2;
    s->v0 += s->v3;
    s->v3 = rotl(s->v3, 21) ^ s->v0;
    s->v2 += s->v1;
    s->v1 = rotl(s->v1, 17) ^ s->v2;
    s->v2 = rotl(s->v2, 32);
}

static inline void sip_init(struct sip *s, uint64_t k0, uint64_t k1)
{
    *s = (struct sip){ k0 ^ 0x736f6d6570736575u, k1 ^ 0x646f72616e646f6du,
                       k0 ^ 0x6c7967656e657261u, k1 ^ 0x7465646279746573u, 0, 0 };
}

static inline void sip_word(struct sip *s, uint64_t m)
{
    s->v3 ^= m;
    sip_round(s);
    s->v0 ^= m;
}

/* Fewer than eight bytes, the last ones, while no partial word waits. */
static inline void sip_rest(struct sip *s, uint64_t m, size_t n)
{
    s->tail = m;
    s->n += n;
}

/* Whole words may only be fed while no partial one waits. */
static inline void sip_eight(struct sip *s, uint64_t m)
{
    size_t have = s->n & 7;
    if (have == 0) {
        sip_word(s, m);
    } else {
        sip_word(s, s->tail | m << (8 * have));
        s->tail = m >> (64 - 8 * have);
    }
    s->n += 8;
}

static inline void sip_byte(struct sip *s, unsigned char c)
{
    s->tail |= (uint64_t)c << (8 * (s->n & 7));
    if ((++s->n & 7) == 0) {
        sip_word(s, s->tail);
        s->tail = 0;
    }
}

static inline uint64_t sip_end(struct sip *s)
{
    sip_word(s, s->tail | (uint64_t)s->n << 56);
    s->v2 ^= 0xff;
    sip_round(s);
    sip_round(s);
    sip_round(s);
    return s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}

uint64_t hash_keyed(struct slice s, uint64_t k0, uint64_t k1)
{
    struct sip sip;
    sip_init(&sip, k0, k1);
    size_t i = 0;
    for (; i + 8 <= s.n; i += 8) sip_eight(&sip, word_load(s.p + i));
    sip_rest(&sip, word_part(s.p + i, s.n - i), s.n - i);
    return sip_end(&sip);
}

uint64_t hash_bytes(struct slice s) { return hash_keyed(s, key0, key1); }

static void sip_codepoint(struct sip *s, uint32_t c)
{
    if (c < 0x80) {
        sip_byte(s, (unsigned char)c);
    } else if (c < 0x800) {
        sip_byte(s, (unsigned char)(0xC0 | c >> 6));
        sip_byte(s, (unsigned char)(0x80 | (c & 0x3F)));
    } else if (c < 0x10000) {
        sip_byte(s, (unsigned char)(0xE0 | c >> 12));
        sip_byte(s, (unsigned char)(0x80 | (c >> 6 & 0x3F)));
        sip_byte(s, (unsigned char)(0x80 | (c & 0x3F)));
    } else {
        sip_byte(s, (unsigned char)(0xF0 | c >> 18));
        sip_byte(s, (unsigned char)(0x80 | (c >> 12 & 0x3F)));
        sip_byte(s, (unsigned char)(0x80 | (c >> 6 & 0x3F)));
        sip_byte(s, (unsigned char)(0x80 | (c & 0x3F)));
    }
}

uint64_t hash_folded(struct slice s)
{
    struct sip sip;
    sip_init(&sip, key0, key1);
    const char *p = s.p, *end = s.p + s.n;
    while (p < end) {
        if (end - p >= 8) {
            uint64_t v = word_load(p);
            if (!(v & WORD_HIGH_BITS)) {
                sip_eight(&sip, word_lower(v));
                p += 8;
                continue;
            }
        } else if ((sip.n & 7) == 0) {
            uint64_t v = word_part(p, (size_t)(end - p));
            if (!(v & WORD_HIGH_BITS)) {
                sip_rest(&sip, word_lower(v), (size_t)(end - p));
                break;
            }
        }
        unsigned char c = (unsigned char)*p;
        if (c < 0x80) {
            sip_byte(&sip, c >= 'A' && c <= 'Z' ? c | 0x20 : c);
            p++;
            continue;
        }
        bool valid = true;
        uint32_t point = utf8_next(&p, end, true, &valid);
        if (valid) {
            sip_codepoint(&sip, utf_fold(point));
        } else {
            sip_byte(&sip, c);
        }
    }
    return sip_end(&sip);
}
