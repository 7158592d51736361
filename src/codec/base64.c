#include "codec/base64.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

enum { BAD = 64, SPACE = 65, PAD = 66 };

static unsigned digit(unsigned char c)
{
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26u;
    if (c >= '0' && c <= '9') return c - '0' + 52u;
    switch (c) {
    case '+': return 62;
    case '/': return 63;
    case '=': return PAD;
    case ' ': case '\t': case '\r': case '\n': return SPACE;
    default: return BAD;
    }
}

size_t base64_encoded_size(size_t n)
{
    return n > SIZE_MAX / 4 * 3 - 2 ? SIZE_MAX : (n + 2) / 3 * 4;
}

bool base64_encode(struct buf *out, struct slice bytes)
{
    size_t size = base64_encoded_size(bytes.n);
    if (size == 0) return buf_ok(out);
    char *o = buf_reserve(out, size);
    if (!o) return false;
    const unsigned char *p = (const unsigned char *)bytes.p;
    size_t n = bytes.n;
    for (; n >= 3; n -= 3, p += 3, o += 4) {
        uint32_t v = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
        o[0] = alphabet[v >> 18];
        o[1] = alphabet[v >> 12 & 63];
        o[2] = alphabet[v >> 6 & 63];
        o[3] = alphabet[v & 63];
    }
    if (n > 0) {
        uint32_t v = (uint32_t)p[0] << 16 | (n == 2 ? (uint32_t)p[1] << 8 : 0);
        o[0] = alphabet[v >> 18];
        o[1] = alphabet[v >> 12 & 63];
        o[2] = n == 2 ? alphabet[v >> 6 & 63] : '=';
        o[3] = '=';
    }
    buf_added(out, size);
    return true;
}

cimf_status base64_decode(struct arena *a, struct slice text, enum base64_mode mode,
                          struct slice *out)
{
    *out = SLICE_NULL;
    char *start = arena_alloc(a, text.n / 4 * 3 + 4), *o = start;
    if (!start) return CIMF_OUT_OF_MEMORY;
    uint32_t v = 0;
    unsigned have = 0, pads = 0; /* digits of the group at hand; '=' seen */
    for (size_t i = 0; i < text.n; i++) {
        unsigned d = digit((unsigned char)text.p[i]);
        if (d == SPACE && mode == BASE64_XML) continue;
        if (d == PAD) {
            if (have < 2 || ++pads > 4 - have) return CIMF_BAD_REQUEST;
            continue;
        }
        if (d >= 64 || pads > 0) return CIMF_BAD_REQUEST;
        v = v << 6 | d;
        if (++have == 4) {
            *o++ = (char)(v >> 16);
            *o++ = (char)(v >> 8);
            *o++ = (char)v;
            have = 0;
            v = 0;
        }
    }
    if (have == 1 || (have == 0 ? pads != 0 : pads != 4 - have)) return CIMF_BAD_REQUEST;
    if (have == 2) {
        if (v & 15) return CIMF_BAD_REQUEST;
        *o++ = (char)(v >> 4);
    } else if (have == 3) {
        if (v & 3) return CIMF_BAD_REQUEST;
        *o++ = (char)(v >> 10);
        *o++ = (char)(v >> 2);
    }
    *o = 0;
    *out = slice_of(start, (size_t)(o - start));
    return CIMF_OK;
}
