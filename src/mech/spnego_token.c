#include "mech/spnego_token.h"

#include "codec/der.h"

enum { INIT = 0, RESP = 1 }; /* choice of NegotiationToken */

static cimf_status bad(struct error *e, const char *what)
{
    return error_set(e, CIMF_BAD_REQUEST, "spnego", "malformed token: %s", what);
}

struct slice spnego_framed(struct slice token, struct slice oid)
{
    struct der d = der_of(token), in = der_open(&d, DER_APPLICATION | 0);
    struct slice name = der_take(&in, DER_OID);
    if (!der_end(&d) || in.bad || !slice_eq(name, oid)) return SLICE_NULL;
    return in.rest;
}

static bool list_read(struct der *field, struct spnego_init *out)
{
    struct slice content = der_any(field, NULL, &out->list);
    struct der d = der_of(content);
    if (field->bad || out->list.n == 0 || (unsigned char)out->list.p[0] != DER_SEQUENCE)
        return false;
    while (!der_end(&d)) {
        if (out->mech_count == LIMIT_MECH_LIST) return false;
        struct slice oid = der_take(&d, DER_OID);
        if (d.bad || oid.n == 0) return false;
        out->mechs[out->mech_count++] = oid;
    }
    return out->mech_count > 0;
}

/* NegHints, at the place where RFC 4178 has the MIC. */
static bool hints_read(struct der *field, struct slice *name)
{
    struct der hints = der_open(field, DER_SEQUENCE);
    if (der_peek(&hints) == (DER_CONTEXT | 0)) {
        struct der in = der_open(&hints, DER_CONTEXT | 0);
        *name = der_take(&in, DER_GENERAL_STRING);
        if (!der_end(&in)) return false;
    }
    if (der_peek(&hints) == (DER_CONTEXT | 1)) der_any(&hints, NULL, NULL);
    return der_end(&hints);
}

static bool octets(struct der *field, struct slice *out)
{
    *out = der_take(field, DER_OCTETS);
    if (!field->bad && !out->p) *out = SLICE(""); /* present though empty */
    return !field->bad;
}

static bool init_field(unsigned number, struct der *field, struct spnego_init *out)
{
    switch (number) {
    case 0: return list_read(field, out);
    case 1: der_any(field, NULL, NULL); return !field->bad; /* reqFlags */
    case 2: return octets(field, &out->token);
    case 3:
        return der_peek(field) == DER_SEQUENCE ? hints_read(field, &out->hint)
                                               : octets(field, &out->mic);
    case 4: return out->mic.p == NULL && octets(field, &out->mic);
    default: return false;
    }
}

static bool resp_field(unsigned number, struct der *field, struct spnego_resp *out)
{
    uint32_t state;
    switch (number) {
    case 0:
        state = der_u31(field, DER_ENUMERATED);
        out->state = (enum spnego_state)state;
        return !field->bad && state <= SPNEGO_REQUEST_MIC;
    case 1: out->mech = der_take(field, DER_OID); return !field->bad && out->mech.n > 0;
    case 2: return octets(field, &out->token);
    case 3: return octets(field, &out->mic);
    default: return false;
    }
}

/* The fields of either sequence: context tags in rising order, each at most once, nothing left
 * inside any. */
static bool fields(struct der *d, struct spnego_init *init, struct spnego_resp *resp)
{
    struct der sequence = der_open(d, DER_SEQUENCE);
    int last = -1;
    while (!der_end(&sequence)) {
        unsigned tag = 0;
        struct der field = der_of(der_any(&sequence, &tag, NULL));
        int number = (int)(tag & 0x1f);
        if (sequence.bad || (tag & 0xe0) != DER_CONTEXT || number <= last) return false;
        last = number;
        if (init ? !init_field((unsigned)number, &field, init)
                 : !resp_field((unsigned)number, &field, resp)) {
            return false;
        }
        if (!der_end(&field)) return false;
    }
    return der_end(d);
}

cimf_status spnego_init_read(struct slice token, struct spnego_init *out, struct error *e)
{
    memset(out, 0, sizeof *out);
    struct slice inside = spnego_framed(token, SPNEGO_OID);
    if (!inside.p) return bad(e, "not a framed NegTokenInit");
    struct der d = der_of(inside), init = der_open(&d, DER_CONTEXT | INIT);
    if (!der_end(&d) || !fields(&init, out, NULL)) return bad(e, "NegTokenInit");
    if (out->mech_count == 0) return bad(e, "NegTokenInit offers no mechanism");
    return CIMF_OK;
}

cimf_status spnego_resp_read(struct slice token, struct spnego_resp *out, struct error *e)
{
    memset(out, 0, sizeof *out);
    out->state = SPNEGO_NO_STATE;
    struct der d = der_of(token), resp = der_open(&d, DER_CONTEXT | RESP);
    if (!der_end(&d) || !fields(&resp, NULL, out)) return bad(e, "NegTokenResp");
    return CIMF_OK;
}

bool spnego_list_write(struct buf *b, const struct slice *mechs, size_t count)
{
    size_t mark = b->n;
    for (size_t i = 0; i < count; i++) der_put(b, DER_OID, mechs[i]);
    return der_wrap(b, mark, DER_SEQUENCE);
}

static void field_write(struct buf *b, unsigned number, unsigned tag, struct slice value)
{
    size_t mark = b->n;
    if (!value.p) return;
    der_put(b, tag, value);
    der_wrap(b, mark, DER_CONTEXT | number);
}

bool spnego_init_write(struct buf *b, const struct spnego_init *init)
{
    size_t mark = b->n, at;
    der_put(b, DER_OID, SPNEGO_OID);
    size_t choice = b->n;
    buf_slice_add(b, init->list);
    der_wrap(b, choice, DER_CONTEXT | 0);
    field_write(b, 2, DER_OCTETS, init->token);
    if (init->hint.p) {
        at = b->n;
        field_write(b, 0, DER_GENERAL_STRING, init->hint);
        der_wrap(b, at, DER_SEQUENCE);
        der_wrap(b, at, DER_CONTEXT | 3);
    }
    field_write(b, init->hint.p ? 4 : 3, DER_OCTETS, init->mic);
    der_wrap(b, choice, DER_SEQUENCE);
    der_wrap(b, choice, DER_CONTEXT | INIT);
    return der_wrap(b, mark, DER_APPLICATION | 0);
}

bool spnego_resp_write(struct buf *b, const struct spnego_resp *resp)
{
    size_t mark = b->n;
    if (resp->state != SPNEGO_NO_STATE) {
        der_put_u31(b, DER_ENUMERATED, (uint32_t)resp->state);
        der_wrap(b, mark, DER_CONTEXT | 0);
    }
    field_write(b, 1, DER_OID, resp->mech);
    field_write(b, 2, DER_OCTETS, resp->token);
    field_write(b, 3, DER_OCTETS, resp->mic);
    der_wrap(b, mark, DER_SEQUENCE);
    return der_wrap(b, mark, DER_CONTEXT | RESP);
}
