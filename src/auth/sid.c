#include "auth/sid.h"

#include <inttypes.h>
#include <stdio.h>

bool sid_read(struct cursor *c, struct sid *out)
{
    *out = (struct sid){ 0 };
    uint8_t revision = cursor_u8(c), count = cursor_u8(c);
    if (c->bad || revision != 1 || count > SID_SUBS) return false;
    out->authority = (uint64_t)cursor_u16be(c) << 32;
    out->authority |= cursor_u32be(c);
    out->count = count;
    for (unsigned i = 0; i < count; i++) out->sub[i] = cursor_u32le(c);
    return !c->bad;
}

void sid_write(const struct sid *s, char *out)
{
    unsigned char *p = (unsigned char *)out;
    *p++ = 1;
    *p++ = (unsigned char)s->count;
    for (int shift = 40; shift >= 0; shift -= 8) *p++ = (unsigned char)(s->authority >> shift);
    for (unsigned i = 0; i < s->count; i++)
        for (int shift = 0; shift < 32; shift += 8) *p++ = (unsigned char)(s->sub[i] >> shift);
}

void sid_format(const struct sid *s, char out[SID_TEXT])
{
    size_t n = (size_t)snprintf(out, SID_TEXT, s->authority >> 32 ? "S-1-0x%012" PRIx64 : "S-1-%" PRIu64,
                                s->authority & 0xFFFFFFFFFFFF);
    for (unsigned i = 0; i < s->count; i++)
        n += (size_t)snprintf(out + n, SID_TEXT - n, "-%" PRIu32, s->sub[i]);
}

/* 1*10DIGIT without leading zeros, below 2^32. Answers the digits used, 0 if none or too large. */
static size_t decimal(struct slice t, uint32_t *out)
{
    uint64_t v = 0;
    size_t n = 0;
    while (n < t.n && t.p[n] >= '0' && t.p[n] <= '9') {
        v = v * 10 + (uint64_t)(t.p[n++] - '0');
        if (v > UINT32_MAX) return 0;
    }
    if (n > 1 && t.p[0] == '0') return 0;
    *out = (uint32_t)v;
    return n;
}

static size_t hexadecimal(struct slice t, uint64_t *out)
{
    enum { DIGITS = 12 };
    uint64_t v = 0;
    if (t.n < 2 + DIGITS || t.p[0] != '0' || (t.p[1] | 0x20) != 'x') return 0;
    for (size_t i = 2; i < 2 + DIGITS; i++) {
        int digit = hex_digit(t.p[i]);
        if (digit < 0) return 0;
        v = v << 4 | (uint64_t)digit;
    }
    *out = v;
    return 2 + DIGITS;
}

size_t sid_text_read(struct slice text, struct sid *out)
{
    *out = (struct sid){ 0 };
    if (!slice_istarts(text, SLICE("S-1-"))) return 0;
    size_t at = 4;
    uint32_t v = 0;
    size_t n = hexadecimal(slice_sub(text, at), &out->authority);
    if (!n) {
        n = decimal(slice_sub(text, at), &v);
        out->authority = v;
    }
    if (!n) return 0;
    at += n;
    while (at < text.n && text.p[at] == '-') {
        if (out->count == SID_SUBS) return 0;
        n = decimal(slice_sub(text, at + 1), &out->sub[out->count]);
        if (!n) return 0;
        out->count++;
        at += 1 + n;
    }
    return at;
}

bool sid_parse(struct slice text, struct sid *out)
{
    return text.n > 0 && sid_text_read(text, out) == text.n;
}

bool sid_eq(const struct sid *a, const struct sid *b)
{
    return a->count == b->count && a->authority == b->authority &&
           memcmp(a->sub, b->sub, a->count * sizeof a->sub[0]) == 0;
}

bool sid_in_domain(const struct sid *s, const struct sid *domain, uint32_t *rid)
{
    if (s->count != domain->count + 1 || s->authority != domain->authority ||
        memcmp(s->sub, domain->sub, domain->count * sizeof s->sub[0]) != 0)
        return false;
    *rid = s->sub[domain->count];
    return true;
}

bool sid_of_rid(const struct sid *domain, uint32_t rid, struct sid *out)
{
    if (domain->count >= SID_SUBS) return false;
    struct sid s = *domain;
    s.sub[s.count++] = rid;
    *out = s;
    return true;
}

static const struct sid posix_users = { 22, { 1 }, 1 };
static const struct sid posix_groups = { 22, { 2 }, 1 };

bool sid_of_uid(uint32_t uid, struct sid *out)
{
    return uid != UINT32_MAX && sid_of_rid(&posix_users, uid, out);
}

bool sid_of_gid(uint32_t gid, struct sid *out)
{
    return gid != UINT32_MAX && sid_of_rid(&posix_groups, gid, out);
}

bool sid_uid(const struct sid *s, uint32_t *uid)
{
    uint32_t v;
    if (!sid_in_domain(s, &posix_users, &v) || v == UINT32_MAX) return false;
    *uid = v;
    return true;
}

bool sid_gid(const struct sid *s, uint32_t *gid)
{
    uint32_t v;
    if (!sid_in_domain(s, &posix_groups, &v) || v == UINT32_MAX) return false;
    *gid = v;
    return true;
}
