#include "codec/der.h"

static struct slice refuse(struct der *d)
{
    d->bad = true;
    d->rest = SLICE_NULL;
    return SLICE_NULL;
}

int der_peek(const struct der *d)
{
    return d->bad || d->rest.n == 0 ? -1 : (unsigned char)d->rest.p[0];
}

/* Header of the first element of s: its size and its content's length; 0 when it is not sound. */
static size_t header(struct slice s, size_t *length)
{
    const unsigned char *p = (const unsigned char *)s.p;
    if (s.n < 2 || (p[0] & 0x1f) == 0x1f) return 0; /* no long tags */
    if (p[1] < 0x80) {
        *length = p[1];
        return *length <= s.n - 2 ? 2 : 0;
    }
    size_t bytes = p[1] & 0x7f, n = 0;
    if (bytes == 0 || bytes > 4 || s.n - 2 < bytes || p[2] == 0) return 0;
    for (size_t i = 0; i < bytes; i++) n = n << 8 | p[2 + i];
    if (n < 0x80 || n > s.n - 2 - bytes) return 0;
    *length = n;
    return 2 + bytes;
}

struct slice der_any(struct der *d, unsigned *tag, struct slice *whole)
{
    size_t length = 0;
    if (d->bad) return refuse(d);
    size_t head = header(d->rest, &length);
    if (head == 0) return refuse(d);
    struct slice content = slice_of(d->rest.p + head, length);
    if (tag) *tag = (unsigned char)d->rest.p[0];
    if (whole) *whole = slice_of(d->rest.p, head + length);
    d->rest = slice_sub(d->rest, head + length);
    return content;
}

struct slice der_take(struct der *d, unsigned tag)
{
    if (der_peek(d) != (int)tag) return refuse(d);
    return der_any(d, NULL, NULL);
}

struct der der_open(struct der *d, unsigned tag)
{
    struct slice content = der_take(d, tag);
    return (struct der){ content, d->bad };
}

uint32_t der_u31(struct der *d, unsigned tag)
{
    struct slice s = der_take(d, tag);
    const unsigned char *p = (const unsigned char *)s.p;
    if (d->bad || s.n == 0 || s.n > 4 || p[0] >= 0x80 || (s.n > 1 && p[0] == 0 && p[1] < 0x80)) {
        refuse(d);
        return 0;
    }
    uint32_t v = 0;
    for (size_t i = 0; i < s.n; i++) v = v << 8 | p[i];
    return v;
}

static size_t put_header(unsigned char *p, unsigned tag, size_t length)
{
    size_t bytes = 0;
    p[0] = (unsigned char)tag;
    if (length < 0x80) {
        p[1] = (unsigned char)length;
        return 2;
    }
    for (size_t n = length; n; n >>= 8) bytes++;
    p[1] = (unsigned char)(0x80 | bytes);
    for (size_t i = 0; i < bytes; i++) p[2 + i] = (unsigned char)(length >> 8 * (bytes - 1 - i));
    return 2 + bytes;
}

bool der_put(struct buf *b, unsigned tag, struct slice content)
{
    unsigned char head[2 + sizeof(size_t)];
    return buf_add(b, head, put_header(head, tag, content.n)) && buf_slice_add(b, content);
}

bool der_put_u31(struct buf *b, unsigned tag, uint32_t value)
{
    unsigned char bytes[4] = { (unsigned char)(value >> 24), (unsigned char)(value >> 16),
                               (unsigned char)(value >> 8), (unsigned char)value };
    size_t skip = 0;
    while (skip < 3 && bytes[skip] == 0 && bytes[skip + 1] < 0x80) skip++;
    return der_put(b, tag, slice_of((char *)bytes + skip, 4 - skip));
}

bool der_wrap(struct buf *b, size_t mark, unsigned tag)
{
    unsigned char head[2 + sizeof(size_t)];
    if (!buf_ok(b) || mark > b->n) return false;
    size_t length = b->n - mark, n = put_header(head, tag, length);
    if (!buf_add(b, head, n)) return false;
    if (length) memmove(b->p + mark + n, b->p + mark, length);
    memcpy(b->p + mark, head, n);
    return true;
}
