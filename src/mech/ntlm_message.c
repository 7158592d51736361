#include "mech/ntlm_message.h"

#include "base/cursor.h"
#include "base/utf.h"

enum { NEGOTIATE = 1, CHALLENGE = 2, AUTHENTICATE = 3 };
enum { CHALLENGE_HEAD = 56, AUTHENTICATE_HEAD = 88, MAX_AV_PAIRS = 64 };
/* VERSION (2.2.2.10): a version of Windows whose behaviour ours is, revision 15 of the protocol. */
static const unsigned char version[8] = { 10, 0, 0x63, 0x45, 0, 0, 0, 15 };

static void put16(unsigned char *p, uint32_t v)
{
    p[0] = (unsigned char)v;
    p[1] = (unsigned char)(v >> 8);
}

static void put32(unsigned char *p, uint32_t v)
{
    put16(p, v);
    put16(p + 2, v >> 16);
}

static cimf_status bad(struct error *e, const char *what)
{
    return error_set(e, CIMF_BAD_REQUEST, "ntlm", "malformed message: %s", what);
}

bool ntlm_avs_read(struct slice s, struct ntlm_avs *out)
{
    struct cursor c = cursor_of(s);
    memset(out, 0, sizeof *out);
    for (int i = 0; i < MAX_AV_PAIRS; i++) {
        unsigned id = cursor_u16le(&c);
        struct slice value = cursor_bytes(&c, cursor_u16le(&c));
        if (c.bad) return false;
        if (id == NTLM_AV_EOL) return value.n == 0;
        if (id >= NTLM_AV_COUNT) continue;
        if (ntlm_av_has(out, id)) return false;
        struct cursor v = cursor_of(value);
        if (id == NTLM_AV_FLAGS) {
            if (value.n != 4) return false;
            out->flags = cursor_u32le(&v);
        } else if (id == NTLM_AV_TIMESTAMP) {
            if (value.n != 8) return false;
            out->timestamp = cursor_u64le(&v);
        } else if (id == NTLM_AV_BINDINGS) {
            if (value.n != 16) return false;
        } else if (id != NTLM_AV_SINGLE_HOST && value.n % 2) {
            return false;
        }
        out->present |= 1u << id;
        out->value[id] = value;
    }
    return false;
}

bool ntlm_av_put(struct buf *b, enum ntlm_av id, struct slice value)
{
    unsigned char head[4];
    if (value.n > UINT16_MAX) return false;
    put16(head, id);
    put16(head + 2, (uint32_t)value.n);
    return buf_add(b, head, sizeof head) && buf_slice_add(b, value);
}

bool ntlm_av_put_u32(struct buf *b, enum ntlm_av id, uint32_t value)
{
    unsigned char bytes[4];
    put32(bytes, value);
    return ntlm_av_put(b, id, slice_of((char *)bytes, sizeof bytes));
}

uint32_t ntlm_message_type(struct slice s)
{
    if (!slice_starts(s, NTLM_SIGNATURE)) return 0;
    struct cursor c = cursor_of(slice_sub(s, 8));
    uint32_t type = cursor_u32le(&c);
    return type <= AUTHENTICATE ? type : 0;
}

/* A field descriptor at the cursor: bytes of the message behind its fixed head. *first becomes the
 * lowest offset of any bytes seen so far. */
static bool field(struct cursor *c, struct slice whole, size_t head, struct slice *out,
                  size_t *first)
{
    size_t n = cursor_u16le(c);
    cursor_u16le(c); /* the maximum length is to be ignored */
    size_t offset = cursor_u32le(c);
    *out = SLICE_NULL;
    if (c->bad) return false;
    if (n == 0) return true;
    if (offset < head || offset > whole.n || n > whole.n - offset) return false;
    if (first && offset < *first) *first = offset;
    *out = slice_of(whole.p + offset, n);
    return true;
}

static void field_write(unsigned char *p, struct slice value, size_t *offset)
{
    put16(p, (uint32_t)value.n);
    put16(p + 2, (uint32_t)value.n);
    put32(p + 4, (uint32_t)*offset);
    *offset += value.n;
}

cimf_status ntlm_negotiate_read(struct slice s, struct ntlm_negotiate *out, struct error *e)
{
    struct cursor c = cursor_of(slice_sub(s, 12));
    memset(out, 0, sizeof *out);
    if (ntlm_message_type(s) != NEGOTIATE) return bad(e, "not a NEGOTIATE_MESSAGE");
    out->flags = cursor_u32le(&c);
    if (c.bad) return bad(e, "NEGOTIATE_MESSAGE is cut short");
    if ((out->flags & NTLM_OEM_DOMAIN) && !field(&c, s, 32, &out->domain, NULL)) {
        return bad(e, "the domain name lies outside the message");
    }
    if (!(out->flags & NTLM_OEM_WORKSTATION)) return CIMF_OK;
    c = cursor_of(slice_sub(s, 24));
    if (!field(&c, s, 32, &out->workstation, NULL)) {
        return bad(e, "the workstation name lies outside the message");
    }
    return CIMF_OK;
}

bool ntlm_negotiate_write(struct buf *b, uint32_t flags)
{
    unsigned char m[40] = "NTLMSSP";
    put32(m + 8, NEGOTIATE);
    put32(m + 12, flags);
    put32(m + 20, sizeof m); /* empty fields still point behind the head */
    put32(m + 28, sizeof m);
    if (flags & NTLM_VERSION) memcpy(m + 32, version, sizeof version);
    return buf_add(b, m, sizeof m);
}

cimf_status ntlm_challenge_read(struct slice s, struct ntlm_challenge *out, struct error *e)
{
    struct cursor c = cursor_of(slice_sub(s, 12));
    memset(out, 0, sizeof *out);
    if (ntlm_message_type(s) != CHALLENGE) return bad(e, "not a CHALLENGE_MESSAGE");
    if (!field(&c, s, 32, &out->target_name, NULL)) {
        return bad(e, "the target name lies outside the message");
    }
    out->flags = cursor_u32le(&c);
    struct slice nonce = cursor_bytes(&c, sizeof out->challenge);
    if (c.bad) return bad(e, "CHALLENGE_MESSAGE is cut short");
    memcpy(out->challenge, nonce.p, sizeof out->challenge);
    if (!(out->flags & NTLM_TARGET_INFO)) return CIMF_OK;
    cursor_skip(&c, 8);
    if (!field(&c, s, 48, &out->target_info, NULL)) {
        return bad(e, "the target information lies outside the message");
    }
    return CIMF_OK;
}

bool ntlm_challenge_write(struct buf *b, const struct ntlm_challenge *c)
{
    unsigned char m[CHALLENGE_HEAD] = "NTLMSSP";
    size_t offset = sizeof m;
    if (c->target_name.n > UINT16_MAX || c->target_info.n > UINT16_MAX) return false;
    put32(m + 8, CHALLENGE);
    field_write(m + 12, c->target_name, &offset);
    put32(m + 20, c->flags);
    memcpy(m + 24, c->challenge, sizeof c->challenge);
    field_write(m + 40, c->target_info, &offset);
    if (c->flags & NTLM_VERSION) memcpy(m + 48, version, sizeof version);
    return buf_add(b, m, sizeof m) && buf_slice_add(b, c->target_name) &&
           buf_slice_add(b, c->target_info);
}

cimf_status ntlm_authenticate_read(struct slice s, struct ntlm_authenticate *out, struct error *e)
{
    struct cursor c = cursor_of(slice_sub(s, 12));
    size_t first = s.n;
    memset(out, 0, sizeof *out);
    if (ntlm_message_type(s) != AUTHENTICATE) return bad(e, "not an AUTHENTICATE_MESSAGE");
    if (s.n < 64) return bad(e, "AUTHENTICATE_MESSAGE is cut short");
    if (!field(&c, s, 64, &out->lm, &first) || !field(&c, s, 64, &out->nt, &first) ||
        !field(&c, s, 64, &out->domain, &first) || !field(&c, s, 64, &out->user, &first) ||
        !field(&c, s, 64, &out->workstation, &first) || !field(&c, s, 64, &out->key, &first)) {
        return bad(e, "a field of AUTHENTICATE_MESSAGE lies outside the message");
    }
    out->flags = cursor_u32le(&c);
    out->has_room_for_mic = first >= NTLM_MIC_OFFSET + NTLM_MIC_SIZE;
    if ((out->flags & NTLM_UNICODE) && (out->domain.n | out->user.n | out->workstation.n) % 2) {
        return bad(e, "a name of an odd number of bytes");
    }
    return CIMF_OK;
}

bool ntlm_name_read(struct arena *a, const struct ntlm_authenticate *m, struct slice name, struct slice *out)
{
    if (m->flags & NTLM_UNICODE) return utf16_to_utf8(a, name, UTF16_LE, true, out) == CIMF_OK;
    for (size_t i = 0; i < name.n; i++)
        if ((unsigned char)name.p[i] >= 0x80) return false; /* of a code page that nobody told us */
    *out = name.n ? arena_dup(a, name) : SLICE("");
    return out->p != NULL;
}

bool ntlm_authenticate_write(struct buf *b, const struct ntlm_authenticate *a)
{
    unsigned char m[AUTHENTICATE_HEAD] = "NTLMSSP";
    /* In the order of the fields; Windows writes the names first, so do we. */
    const struct slice *fields[] = {
        &a->lm, &a->nt, &a->domain, &a->user, &a->workstation, &a->key
    };
    static const int order[] = { 2, 3, 4, 0, 1, 5 };
    size_t offset = sizeof m, count = sizeof order / sizeof order[0];
    put32(m + 8, AUTHENTICATE);
    for (size_t i = 0; i < count; i++) {
        if (fields[order[i]]->n > UINT16_MAX) return false;
        field_write(m + 12 + 8 * order[i], *fields[order[i]], &offset);
    }
    put32(m + 60, a->flags);
    if (a->flags & NTLM_VERSION) memcpy(m + 64, version, sizeof version);
    bool ok = buf_add(b, m, sizeof m);
    for (size_t i = 0; i < count; i++) ok = ok && buf_slice_add(b, *fields[order[i]]);
    return ok;
}

bool ntlm_v2_response_read(struct slice nt, struct ntlm_v2_response *out)
{
    struct cursor c = cursor_of(nt);
    out->proof = cursor_bytes(&c, 16);
    out->blob = slice_sub(nt, 16);
    unsigned type = cursor_u8(&c), highest = cursor_u8(&c);
    cursor_skip(&c, 6);
    out->timestamp = cursor_u64le(&c);
    out->client_challenge = (const unsigned char *)cursor_bytes(&c, 8).p;
    cursor_skip(&c, 4);
    return !c.bad && type == 1 && highest == 1 &&
           ntlm_avs_read(slice_sub(nt, cursor_offset(&c)), &out->avs);
}

bool ntlm_v2_blob_write(struct buf *b, uint64_t timestamp, const unsigned char client_challenge[8],
                        struct slice avs)
{
    unsigned char head[28] = { 1, 1 };
    put32(head + 8, (uint32_t)timestamp);
    put32(head + 12, (uint32_t)(timestamp >> 32));
    memcpy(head + 16, client_challenge, 8);
    return buf_add(b, head, sizeof head) && buf_slice_add(b, avs) && buf_lit(b, "\0\0\0\0");
}
