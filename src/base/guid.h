/* base/guid.h - GUIDs (MS-DTYP 2.3.4). Bytes are kept in wire order of the packet representation. */
#ifndef BASE_GUID_H
#define BASE_GUID_H

#include "base/slice.h"

struct guid {
    uint32_t data1;
    uint16_t data2, data3;
    uint8_t data4[8];
};

#define GUID_TEXT 37 /* 36 characters and NUL */
void guid_random(struct guid *g); /* version 4, from getrandom(2) */
void guid_format(const struct guid *g, bool upper, char out[GUID_TEXT]);
bool guid_parse(struct slice s, struct guid *g); /* with or without braces and "uuid:" */
static inline bool guid_eq(const struct guid *a, const struct guid *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}
void random_bytes(void *p, size_t n);

#endif
