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

/* ASCII lower case of eight bytes that all have their high bit clear. */
static inline uint64_t word_lower(uint64_t v)
{
    const uint64_t ones = 0x0101010101010101u;
    uint64_t from_a = v + ones * (0x80 - 'A');
    uint64_t past_z = v + ones * (0x80 - 'Z' - 1);
    return v | ((from_a & ~past_z & WORD_HIGH_BITS) >> 2);
}

#endif
