#include "mech/credssp_request.h"

#include "base/utf.h"
#include "codec/der.h"

static cimf_status bad(struct error *e, const char *field)
{
    error_set(e, CIMF_BAD_REQUEST, "credssp", "%s is malformed", field);
    error_subject(e, slice_str(field));
    return CIMF_BAD_REQUEST;
}

/* ------------------------------------------------------------------------------- TSRequest */

/* [number] OCTET STRING if it comes next; p NULL if something else does. */
static struct slice optional_octets(struct der *d, unsigned number)
{
    if (der_peek(d) != (int)(DER_CONTEXT | number)) return SLICE_NULL;
    struct der field = der_open(d, DER_CONTEXT | number);
    struct slice s = der_take(&field, DER_OCTETS);
    if (!der_end(&field)) d->bad = true;
    return s;
}

/* An NTSTATUS: 32 bits, which Windows sends as a negative number and others as a positive one. */
static uint32_t read_error(struct der *d)
{
    struct der field = der_open(d, DER_CONTEXT | 4);
    struct slice s = der_take(&field, DER_INTEGER);
    const unsigned char *p = (const unsigned char *)s.p;
    if (s.n == 5 && p[0] == 0) p++, s.n--;
    if (!der_end(&field) || s.n == 0 || s.n > 4) {
        d->bad = true;
        return 0;
    }
    uint32_t v = p[0] >= 0x80 ? UINT32_MAX : 0;
    for (size_t i = 0; i < s.n; i++) v = v << 8 | p[i];
    return v;
}

static void read_tokens(struct der *d, struct credssp_request *out)
{
    struct der field = der_open(d, DER_CONTEXT | 1);
    struct der list = der_open(&field, DER_SEQUENCE);
    if (der_peek(&list) >= 0) {
        struct der one = der_open(&list, DER_SEQUENCE);
        out->token = optional_octets(&one, 0);
        if (!out->token.p || !der_end(&one)) d->bad = true;
    }
    if (!der_end(&list) || !der_end(&field)) d->bad = true;
}

cimf_status credssp_request_read(struct slice bytes, struct credssp_request *out, struct error *e)
{
    struct der top = der_of(bytes);
    struct der d = der_open(&top, DER_SEQUENCE);
    memset(out, 0, sizeof *out);
    if (!der_end(&top)) return bad(e, "TSRequest");
    struct der version = der_open(&d, DER_CONTEXT);
    out->version = der_u31(&version, DER_INTEGER);
    if (!der_end(&version)) return bad(e, "version");
    if (der_peek(&d) == (DER_CONTEXT | 1)) read_tokens(&d, out);
    if (d.bad) return bad(e, "negoTokens");
    out->auth_info = optional_octets(&d, 2);
    if (d.bad) return bad(e, "authInfo");
    out->public_key = optional_octets(&d, 3);
    if (d.bad) return bad(e, "pubKeyAuth");
    if (der_peek(&d) == (DER_CONTEXT | 4)) out->error = read_error(&d);
    if (d.bad) return bad(e, "errorCode");
    out->nonce = optional_octets(&d, 5);
    if (d.bad || (out->nonce.p && out->nonce.n != CREDSSP_NONCE)) return bad(e, "clientNonce");
    return der_end(&d) ? CIMF_OK : bad(e, "TSRequest");
}

static void put_octets(struct buf *b, unsigned number, struct slice s)
{
    size_t mark = b->n;
    if (!s.p) return;
    der_put(b, DER_OCTETS, s);
    der_wrap(b, mark, DER_CONTEXT | number);
}

bool credssp_request_write(struct buf *out, const struct credssp_request *r)
{
    size_t start = out->n, mark = start;
    der_put_u31(out, DER_INTEGER, r->version);
    der_wrap(out, mark, DER_CONTEXT);
    if (r->token.p) {
        mark = out->n;
        put_octets(out, 0, r->token);
        der_wrap(out, mark, DER_SEQUENCE);
        der_wrap(out, mark, DER_SEQUENCE);
        der_wrap(out, mark, DER_CONTEXT | 1);
    }
    put_octets(out, 2, r->auth_info);
    put_octets(out, 3, r->public_key);
    if (r->error) {
        char bytes[4] = { (char)(r->error >> 24), (char)(r->error >> 16), (char)(r->error >> 8),
                          (char)r->error };
        size_t skip = 0; /* shortest form of the signed number */
        while (skip < 3 && ((bytes[skip] == 0 && bytes[skip + 1] >= 0) ||
                            (bytes[skip] == -1 && bytes[skip + 1] < 0)))
            skip++;
        mark = out->n;
        der_put(out, DER_INTEGER, slice_of(bytes + skip, 4 - skip));
        der_wrap(out, mark, DER_CONTEXT | 4);
    }
    put_octets(out, 5, r->nonce);
    return der_wrap(out, start, DER_SEQUENCE) && buf_ok(out);
}

/* ------------------------------------------------------------------------------- TSCredentials */

static struct slice octets(struct der *d, unsigned number)
{
    struct slice s = optional_octets(d, number);
    if (!s.p) d->bad = true;
    return s;
}

static bool read_password(struct slice bytes, struct credssp_credentials *out)
{
    struct der top = der_of(bytes), d = der_open(&top, DER_SEQUENCE);
    out->domain = octets(&d, 0);
    out->user = octets(&d, 1);
    out->password = octets(&d, 2);
    const struct slice texts[] = { out->domain, out->user, out->password };
    for (int i = 0; i < 3; i++) {
        if (texts[i].n % 2 || texts[i].n > CREDSSP_CREDENTIAL_MAX) return false;
    }
    return der_end(&d) && der_end(&top);
}

static bool read_smart_card(struct slice bytes)
{
    struct der top = der_of(bytes), d = der_open(&top, DER_SEQUENCE);
    octets(&d, 0); /* pin */
    struct der field = der_open(&d, DER_CONTEXT | 1), csp = der_open(&field, DER_SEQUENCE);
    struct der key = der_open(&csp, DER_CONTEXT);
    der_u31(&key, DER_INTEGER);
    for (unsigned i = 1; i <= 4; i++) optional_octets(&csp, i);
    bool sound = der_end(&key) && der_end(&csp) && der_end(&field);
    for (unsigned i = 2; i <= 3; i++) optional_octets(&d, i);
    return sound && der_end(&d) && der_end(&top);
}

static bool read_package(struct der *in, unsigned tag)
{
    struct der d = der_open(in, tag);
    octets(&d, 0);
    octets(&d, 1);
    return der_end(&d);
}

static bool read_remote_guard(struct slice bytes)
{
    struct der top = der_of(bytes), d = der_open(&top, DER_SEQUENCE);
    struct der logon = der_open(&d, DER_CONTEXT);
    if (!read_package(&logon, DER_SEQUENCE) || !der_end(&logon)) return false;
    if (der_peek(&d) == (DER_CONTEXT | 1)) {
        struct der field = der_open(&d, DER_CONTEXT | 1), list = der_open(&field, DER_SEQUENCE);
        while (der_peek(&list) >= 0) {
            if (!read_package(&list, DER_SEQUENCE)) return false;
        }
        if (!der_end(&list) || !der_end(&field)) return false;
    }
    return der_end(&d) && der_end(&top);
}

cimf_status credssp_credentials_read(struct slice bytes, struct credssp_credentials *out,
                                     struct error *e)
{
    struct der top = der_of(bytes), d = der_open(&top, DER_SEQUENCE);
    memset(out, 0, sizeof *out);
    struct der kind = der_open(&d, DER_CONTEXT);
    uint32_t number = der_u31(&kind, DER_INTEGER);
    if (!der_end(&kind)) return bad(e, "credType");
    struct slice inside = octets(&d, 1);
    if (!der_end(&d) || !der_end(&top)) return bad(e, "TSCredentials");
    out->kind = (enum credssp_kind)number;
    switch (number) {
    case CREDSSP_PASSWORD:
        return read_password(inside, out) ? CIMF_OK : bad(e, "TSPasswordCreds");
    case CREDSSP_SMART_CARD:
        return read_smart_card(inside) ? CIMF_OK : bad(e, "TSSmartCardCreds");
    case CREDSSP_REMOTE_GUARD:
        return read_remote_guard(inside) ? CIMF_OK : bad(e, "TSRemoteGuardCreds");
    default:
        return bad(e, "credType");
    }
}

bool credssp_credentials_write(struct buf *out, struct slice domain, struct slice user,
                               struct slice password)
{
    const struct slice texts[] = { domain, user, password };
    size_t start = out->n, room = 64;
    for (int i = 0; i < 3; i++) {
        if (texts[i].n > CREDSSP_CREDENTIAL_MAX) return false;
        room += 2 * texts[i].n + 16;
    }
    if (!buf_reserve(out, room)) return false;
    der_put_u31(out, DER_INTEGER, CREDSSP_PASSWORD);
    der_wrap(out, start, DER_CONTEXT);
    size_t inside = out->n;
    for (unsigned i = 0; i < 3; i++) {
        size_t mark = out->n;
        bool good = texts[i].n == 0 || utf8_to_utf16(out, texts[i], UTF16_LE);
        if (!good || out->n - mark > CREDSSP_CREDENTIAL_MAX) return false;
        der_wrap(out, mark, DER_OCTETS);
        der_wrap(out, mark, DER_CONTEXT | i);
    }
    der_wrap(out, inside, DER_SEQUENCE);
    der_wrap(out, inside, DER_OCTETS);
    der_wrap(out, inside, DER_CONTEXT | 1);
    return der_wrap(out, start, DER_SEQUENCE) && buf_ok(out);
}
