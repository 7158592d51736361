/* base/word_priv.h - eight bytes at once, for the ASCII paths of comparison and hash. */
#ifndef BASE_WORD_PRIV_H
#define BASE_WORD_PRIV_H

#include <stdint.h>
#include <string.h>

#define WORD_HIGH_BITS 0x8080808080808080u

/* First byte lowest, whatever the machine. */
static inline uint64_t word_load(const char *p)
{
    uint64_t v;
    memcpy(&v, p, 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    v = __builtin_bswap64(v);
#endif
    return v;
}

/* The n < 8 bytes at p in the same places, zeros behind them. */
static inline uint64_t word_part(const char *p, size_t n)
{
    const unsigned char *u = (const unsigned char *)p;
    if (n >= 4) {
        uint32_t low, high;
        memcpy(&low, p, 4);
        memcpy(&high, p + n - 4, 4); /* bytes that are in both meet in the same place */
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        low = __builtin_bswap32(low);
        high = __builtin_bswap32(high);
#endif
        return low | (uint64_t)high << (8 * (n - 4));
    }
    return n ? u[0] | (uint64_t)u[n / 2] << (8 * (n / 2)) | (uint64_t)u[n - 1] << (8 * (n - 1)) : 0;
}

/* ASCII lower case of eight bytes that all have their high bit clear. */
static inline uint64_t word_lower(uint64_t v)
{
    const uint64_t ones = 0x0101010101010101u;
    uint64_t from_a = v + ones * (0x80 - 'A');
    uint64_t past_z = v + ones * (0x80 - 'Z' - 1);
    return v | ((from_a & ~past_z & WORD_HIGH_BITS) >> 2);
}

#endif
