/*
 * Protected bodies. One pair of parts looks like this, lines ending in CRLF:
 *
 *     --Encrypted Boundary
 *     <TAB>Content-Type: application/HTTP-SPNEGO-session-encrypted
 *     <TAB>OriginalContent: type=application/soap+xml;charset=UTF-8;Length=1234
 *     --Encrypted Boundary
 *     <TAB>Content-Type: application/octet-stream
 *     <u32, little endian><bytes>--Encrypted Boundary--
 *
 * Nothing marks the end of the bytes but the length of the whole (or, between two pairs, that TLS records tell
 * their own lengths), so nothing is ever looked for inside them.
 */
#include "net/http_protect.h"

#include <stdlib.h>

enum {
    CHUNK = CREDSSP_WRAP_MAX, /* what one pair of CredSSP holds at most (MS-WSMV 2.2.9.1.3) */
    LONGEST_LINE = 512,
    TLS_HEADER = 5,
};

#define BOUNDARY "Encrypted Boundary"
#define SPNEGO_TYPE "application/HTTP-SPNEGO-session-encrypted"
#define KERBEROS_TYPE "application/HTTP-Kerberos-session-encrypted"
#define CREDSSP_TYPE "application/HTTP-CredSSP-session-encrypted"
#define OUTER(subtype, type) "multipart/" subtype ";protocol=\"" type "\";boundary=\"" BOUNDARY "\""

static const char *const inner_types[] = {
    [HTTP_PROTECT_SPNEGO] = SPNEGO_TYPE, [HTTP_PROTECT_KERBEROS] = KERBEROS_TYPE, [HTTP_PROTECT_CREDSSP] = CREDSSP_TYPE,
};

/* --- reading -------------------------------------------------------------------------------------- */

static bool media_is(struct slice content_type, const char *media)
{
    return slice_ieq(slice_trim(slice_head(content_type, slice_find(content_type, ';'))), slice_str(media));
}

bool http_protect_is(struct slice content_type)
{
    return media_is(content_type, "multipart/encrypted") || media_is(content_type, "multipart/x-multi-encrypted");
}

static cimf_status bad(struct error *e, const char *text)
{
    return error_set(e, CIMF_BAD_REQUEST, "net", "protected body: %s", text);
}

/* A peer that logged in with Kerberos may name either (MS-WSMV 2.2.9.1.2.2.1). */
static bool type_fits(const struct http_protect *p, struct slice type)
{
    return slice_is(type, inner_types[p->kind]) || (p->kind == HTTP_PROTECT_KERBEROS && slice_is(type, SPNEGO_TYPE));
}

static bool outer_fits(const struct http_protect *p, struct slice content_type)
{
    struct slice rest, value;
    slice_split(content_type, ';', &rest);
    while (rest.p && rest.n) {
        struct slice name = slice_trim(slice_split(slice_split(rest, ';', &rest), '=', &value));
        if (!value.p || !slice_ieq(name, SLICE("protocol"))) continue;
        value = slice_trim(value);
        if (value.n >= 2 && value.p[0] == '"' && value.p[value.n - 1] == '"') value = slice_of(value.p + 1, value.n - 2);
        return type_fits(p, value);
    }
    return false;
}

/* The next line without its CRLF; false when there is none in sight. */
static bool take_line(struct slice *s, struct slice *line)
{
    size_t most = s->n < LONGEST_LINE ? s->n : LONGEST_LINE;
    for (size_t i = 0; i + 1 < most; i++) {
        if (s->p[i] != '\r' || s->p[i + 1] != '\n') continue;
        *line = slice_head(*s, i);
        *s = slice_sub(*s, i + 2);
        return true;
    }
    return false;
}

/* "--Encrypted Boundary"; some servers write a blank behind the dashes. */
static bool take_boundary(struct slice *s)
{
    struct slice line;
    return take_line(s, &line) && (slice_is(line, "--" BOUNDARY) || slice_is(line, "-- " BOUNDARY));
}

static bool take_header(struct slice *s, const char *name, struct slice *value)
{
    struct slice line, prefix = slice_str(name);
    if (!take_line(s, &line) || line.n == 0 || line.p[0] != '\t') return false;
    line = slice_sub(line, 1);
    if (!slice_starts(line, prefix)) return false;
    *value = slice_trim(slice_sub(line, prefix.n));
    return true;
}

/* type=application/soap+xml;charset=UTF-8;Length=1234 */
static bool read_original(struct slice s, struct slice *type, size_t *length)
{
    static const char mark[] = ";Length=";
    size_t at = s.n, value = 0;
    for (size_t i = 0; i + sizeof mark - 1 <= s.n; i++)
        if (memcmp(s.p + i, mark, sizeof mark - 1) == 0) at = i;
    if (at == s.n || !slice_starts(s, SLICE("type="))) return false;
    struct slice digits = slice_sub(s, at + sizeof mark - 1);
    if (digits.n == 0 || digits.n > 10) return false;
    for (size_t i = 0; i < digits.n; i++) {
        if (digits.p[i] < '0' || digits.p[i] > '9') return false;
        value = value * 10 + (size_t)(digits.p[i] - '0');
    }
    *type = slice_of(s.p + 5, at - 5);
    *length = value;
    return true;
}

struct pair {
    struct slice original;
    size_t length;
};

static cimf_status read_pair(const struct http_protect *p, struct slice *s, struct pair *out, struct error *e)
{
    struct slice type, original;
    if (!take_boundary(s)) return bad(e, "the boundary is missing");
    if (!take_header(s, "Content-Type:", &type) || !type_fits(p, type)) return bad(e, "it is not of the kind that was agreed");
    if (!take_header(s, "OriginalContent:", &original) || !read_original(original, &out->original, &out->length))
        return bad(e, "OriginalContent is missing or not of its form");
    if (!take_boundary(s)) return bad(e, "the second boundary is missing");
    if (!take_header(s, "Content-Type:", &type) || !slice_is(type, "application/octet-stream"))
        return bad(e, "the second part is no octet stream");
    return CIMF_OK;
}

/* Cuts the closing boundary off the end. */
static bool cut_end(struct slice *s)
{
    static const char *const ends[] = { "--" BOUNDARY "--\r\n", "--" BOUNDARY "--", "-- " BOUNDARY "--\r\n", "-- " BOUNDARY "--" };
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        struct slice end = slice_str(ends[i]);
        if (s->n < end.n || !slice_eq(slice_sub(*s, s->n - end.n), end)) continue;
        s->n -= end.n;
        return true;
    }
    return false;
}

static uint32_t read_u32(const char *p)
{
    const unsigned char *u = (const unsigned char *)p;
    return u[0] | (uint32_t)u[1] << 8 | (uint32_t)u[2] << 16 | (uint32_t)u[3] << 24;
}

static cimf_status open_mech(struct http_protect *p, struct slice rest, struct slice *text, struct slice *original,
                             struct error *e)
{
    struct pair pair;
    cimf_status status = read_pair(p, &rest, &pair, e);
    if (status != CIMF_OK) return status;
    if (!cut_end(&rest)) return bad(e, "the end is missing");
    uint32_t size = rest.n < 4 ? UINT32_MAX : read_u32(rest.p);
    if (size > rest.n || size > rest.n - 4) return bad(e, "the signature is longer than the body");
    struct slice signature = slice_of(rest.p + 4, size), data = slice_sub(rest, 4 + (size_t)size);
    struct mech_part part = { MECH_PART_SEAL, (unsigned char *)data.p, data.n };
    status = mech_unseal(p->mech, &part, 1, signature);
    if (status == CIMF_ACCESS_DENIED)
        return error_set(e, status, "net", "protected body: the signature is wrong");
    if (status != CIMF_OK) return error_set(e, status, "net", "protected body: it cannot be opened");
    /* Some count the padding of RC4 in. */
    if (pair.length != part.n && pair.length != data.n) return bad(e, "Length is not the length of the text");
    part.p[part.n] = 0; /* the boundary was there */
    *text = slice_of((const char *)part.p, part.n);
    *original = pair.original;
    return CIMF_OK;
}

/* The TLS records at the front: each begins with its type, 20 to 23, which is no dash. */
static struct slice take_records(struct slice *s)
{
    const char *start = s->p;
    while (s->n >= TLS_HEADER && s->p[0] >= 20 && s->p[0] <= 23) {
        size_t n = TLS_HEADER + ((size_t)(unsigned char)s->p[3] << 8 | (unsigned char)s->p[4]);
        if (n > s->n) break;
        *s = slice_sub(*s, n);
    }
    return slice_of(start, (size_t)(s->p - start));
}

static cimf_status open_credssp(struct http_protect *p, struct arena *a, bool several, struct slice rest,
                                struct slice *text, struct slice *original, struct error *e)
{
    struct buf plain;
    buf_init(&plain, rest.n + 65536); /* records are longer than what they hold; room for one more read */
    cimf_status status = CIMF_OK;
    for (unsigned count = 0; status == CIMF_OK; count++) {
        struct pair pair;
        struct slice end = rest;
        size_t before = plain.n;
        if (count && cut_end(&end) && end.n == 0) break;
        if (count && !several) {
            status = bad(e, "the end is missing");
            break;
        }
        status = read_pair(p, &rest, &pair, e);
        if (status != CIMF_OK) break;
        if (rest.n < 4) status = bad(e, "the end is missing");
        rest = slice_sub(rest, 4);
        if (status == CIMF_OK) status = credssp_unwrap(p->credssp, take_records(&rest), &plain, e);
        if (status == CIMF_OK && plain.n - before != pair.length) status = bad(e, "Length is not the length of the text");
        if (count == 0) *original = pair.original;
    }
    if (status == CIMF_OK) *text = plain.n ? arena_dup(a, buf_slice(&plain)) : SLICE("");
    buf_wipe(&plain);
    return status == CIMF_OK && !text->p ? CIMF_OUT_OF_MEMORY : status;
}

cimf_status http_protect_open(struct http_protect *p, struct arena *a, struct slice content_type,
                              char *body, size_t body_n, struct slice *text, struct slice *original,
                              struct error *e)
{
    if (!http_protect_is(content_type) || !outer_fits(p, content_type))
        return bad(e, "its content type is not of the kind that was agreed");
    bool several = media_is(content_type, "multipart/x-multi-encrypted");
    if (p->credssp) return open_credssp(p, a, several, slice_of(body, body_n), text, original, e);
    if (several) return bad(e, "several parts are for CredSSP only");
    return open_mech(p, slice_of(body, body_n), text, original, e);
}

/* --- writing -------------------------------------------------------------------------------------- */

static void head_put(const struct http_protect *p, struct slice type, size_t n, size_t number, struct buf *out)
{
    char prefix[4] = { (char)number, (char)(number >> 8), (char)(number >> 16), (char)(number >> 24) };
    if (!type.n) type = SLICE("application/soap+xml;charset=UTF-8");
    buf_printf(out, "--" BOUNDARY "\r\n\tContent-Type: %s\r\n\tOriginalContent: type=" SLICE_FMT ";Length=%zu\r\n"
               "--" BOUNDARY "\r\n\tContent-Type: application/octet-stream\r\n",
               inner_types[p->kind], SLICE_ARG(type), n);
    buf_add(out, prefix, 4);
}

static cimf_status seal_mech(struct http_protect *p, struct slice type, const struct slice *text, unsigned count,
                             size_t n, struct buf *out, struct error *e)
{
    size_t signature, padding;
    mech_seal_sizes(p->mech, n, &signature, &padding);
    head_put(p, type, n, signature, out);
    char *at = buf_reserve(out, signature + n + padding);
    if (!at) return error_set(e, CIMF_OUT_OF_MEMORY, "net", "no memory for a protected body");
    unsigned char *data = (unsigned char *)at + signature, *to = data;
    for (unsigned i = 0; i < count; i++) {
        if (text[i].n) memcpy(to, text[i].p, text[i].n);
        to += text[i].n;
    }
    struct mech_part parts[] = { { MECH_PART_SEAL, data, n }, { MECH_PART_PAD, data + n, padding } };
    cimf_status status = mech_seal(p->mech, parts, padding ? 2 : 1, (unsigned char *)at);
    if (status != CIMF_OK) return error_set(e, status, "net", "the body cannot be protected");
    buf_added(out, signature + n + padding);
    return CIMF_OK;
}

/* One pair; the number in front is known only behind the records. */
static cimf_status seal_chunk(struct http_protect *p, struct slice type, struct slice chunk, struct buf *out,
                              struct error *e)
{
    struct buf records;
    size_t trailer = 0;
    buf_init(&records, 2 * CHUNK + 4096);
    cimf_status status = credssp_wrap(p->credssp, chunk, &records, &trailer, e);
    head_put(p, type, chunk.n, trailer, out);
    buf_slice_add(out, buf_slice(&records));
    buf_free(&records);
    return status;
}

static cimf_status seal_credssp(struct http_protect *p, struct arena *a, struct slice type, const struct slice *text,
                                unsigned count, size_t n, struct buf *out, struct error *e)
{
    struct slice whole = text[0];
    if (count > 1) {
        char *copy = arena_alloc(a, n);
        if (!copy) return error_set(e, CIMF_OUT_OF_MEMORY, "net", "no memory for a protected body");
        whole = slice_of(copy, n);
        for (unsigned i = 0; i < count; i++) {
            if (text[i].n) memcpy(copy, text[i].p, text[i].n);
            copy += text[i].n;
        }
    }
    cimf_status status = CIMF_OK;
    for (; whole.n && status == CIMF_OK; whole = slice_sub(whole, CHUNK))
        status = seal_chunk(p, type, slice_head(whole, CHUNK), out, e);
    return status;
}

cimf_status http_protect_seal(struct http_protect *p, struct arena *a, struct slice type,
                              const struct slice *text, unsigned count, struct buf *out,
                              struct slice *outer, struct error *e)
{
    size_t n = 0;
    for (unsigned i = 0; i < count; i++) {
        if (text[i].n > SIZE_MAX / 4 - n) return error_set(e, CIMF_OUT_OF_MEMORY, "net", "the body is too large");
        n += text[i].n;
    }
    if (n == 0 || (p->mech == NULL) == (p->credssp == NULL))
        return error_set(e, CIMF_INVALID_OPERATION, "net", "nothing to protect, or nothing to protect it with");
    static const char *const outers[] = {
        [HTTP_PROTECT_SPNEGO] = OUTER("encrypted", SPNEGO_TYPE), [HTTP_PROTECT_KERBEROS] = OUTER("encrypted", KERBEROS_TYPE),
        [HTTP_PROTECT_CREDSSP] = OUTER("encrypted", CREDSSP_TYPE),
    };
    *outer = p->credssp && n > CHUNK ? SLICE(OUTER("x-multi-encrypted", CREDSSP_TYPE)) : slice_str(outers[p->kind]);
    cimf_status status = p->credssp ? seal_credssp(p, a, type, text, count, n, out, e)
                                    : seal_mech(p, type, text, count, n, out, e);
    if (status != CIMF_OK) return status;
    buf_lit(out, "--" BOUNDARY "--\r\n");
    return buf_ok(out) ? CIMF_OK : error_set(e, CIMF_OUT_OF_MEMORY, "net", "no memory for a protected body");
}
