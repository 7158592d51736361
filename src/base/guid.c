#include "base/guid.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

void random_bytes(void *p, size_t n)
{
    char *at = p;
    while (n) {
        ssize_t got = getrandom(at, n, 0);
        if (got < 0) {
            if (errno == EINTR) continue;
            abort(); /* a kernel without randomness: nothing that follows would be safe */
        }
        at += got;
        n -= (size_t)got;
    }
}

void guid_random(struct guid *g)
{
    random_bytes(g, sizeof *g);
    g->data3 = (uint16_t)((g->data3 & 0x0FFF) | 0x4000);
    g->data4[0] = (uint8_t)((g->data4[0] & 0x3F) | 0x80);
}

void guid_format(const struct guid *g, bool upper, char out[GUID_TEXT])
{
    const uint8_t *d = g->data4;
    snprintf(out, GUID_TEXT,
             upper ? "%08X-%04X-%04X-%02X%02X-%02X%02X%02X%02X%02X%02X"
                   : "%08x-%04x-%04x-%02x%02x-%02x%02x%02x%02x%02x%02x",
             (unsigned)g->data1, (unsigned)g->data2, (unsigned)g->data3, d[0], d[1], d[2], d[3], d[4],
             d[5], d[6], d[7]);
}

bool guid_parse(struct slice s, struct guid *g)
{
    if (slice_istarts(s, SLICE("urn:"))) s = slice_sub(s, 4);
    if (slice_istarts(s, SLICE("uuid:"))) s = slice_sub(s, 5);
    if (s.n == 38 && s.p[0] == '{' && s.p[37] == '}') s = slice_of(s.p + 1, 36);
    if (s.n != 36) return false;
    uint8_t bytes[16];
    size_t n = 0;
    for (size_t i = 0; i < 36;) {
        if (i == 8 || i == 13 || i == 18 || i == 23) {
            if (s.p[i++] != '-') return false;
            continue;
        }
        int high = hex_digit(s.p[i]), low = hex_digit(s.p[i + 1]);
        if (high < 0 || low < 0) return false;
        bytes[n++] = (uint8_t)(high << 4 | low);
        i += 2;
    }
    g->data1 = (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
    g->data2 = (uint16_t)(bytes[4] << 8 | bytes[5]);
    g->data3 = (uint16_t)(bytes[6] << 8 | bytes[7]);
    memcpy(g->data4, bytes + 8, 8);
    return true;
}
