#include "daemon/message.h"

/* "123:" at the front; 1 with value and header length, 0 incomplete, -1 wrong. */
static int read_length(struct slice in, size_t *value, size_t *header)
{
    size_t n = 0, i = 0;
    for (; i < in.n && in.p[i] >= '0' && in.p[i] <= '9'; i++) {
        n = n * 10 + (size_t)(in.p[i] - '0');
        if (i > 9 || n > MESSAGE_MAX) return -1;
    }
    if (i == in.n) return 0;
    if (i == 0 || in.p[i] != ':') return -1;
    *value = n;
    *header = i + 1;
    return 1;
}

static int read_string(struct slice in, struct slice *out, size_t *used)
{
    size_t n, header;
    int got = read_length(in, &n, &header);
    if (got != 1) return got;
    if (in.n - header < n + 1) return 0;
    if (in.p[header + n] != ',') return -1;
    *out = slice_of(in.p + header, n);
    *used = header + n + 1;
    return 1;
}

static bool write_string(struct buf *out, struct slice s)
{
    buf_u64(out, s.n);
    buf_byte(out, ':');
    buf_slice_add(out, s);
    return buf_byte(out, ',');
}

static size_t digits(size_t n)
{
    size_t count = 1;
    for (; n >= 10; n /= 10) count++;
    return count;
}

bool message_write(struct buf *out, const struct slice *fields, size_t count)
{
    size_t total = 0;
    for (size_t i = 0; i < count; i++) total += digits(fields[i].n) + fields[i].n + 2;
    buf_u64(out, total);
    buf_byte(out, ':');
    for (size_t i = 0; i < count; i++) write_string(out, fields[i]);
    return buf_byte(out, ',');
}

int message_read(struct arena *a, struct slice in, size_t max, struct slice **fields, size_t *count, size_t *used)
{
    struct slice whole, field;
    int got = read_string(in, &whole, used);
    if (got != 1) return got;
    size_t n = 0, step;
    for (struct slice rest = whole; rest.n; rest = slice_sub(rest, step), n++)
        if (n == max || read_string(rest, &field, &step) != 1) return -1;
    *fields = ARENA_ARRAY(a, n ? n : 1, struct slice);
    if (!*fields) return -1;
    *count = n;
    n = 0;
    for (struct slice rest = whole; rest.n; rest = slice_sub(rest, step), n++) read_string(rest, &(*fields)[n], &step);
    return 1;
}
