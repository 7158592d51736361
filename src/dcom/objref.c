/* Packet forms: always little-endian, unlike what NDR marshals. */
#include "dcom/objref.h"

#include <stdio.h>

#include "base/utf.h"

#define MEOW 0x574f454du
#define NSYV 0x4e535956u /* around the bindings of the extended form */

static const struct ndr_row dual_rows[] = {
    { NDR_AT(struct dcom_dual, count, U16) },
    { NDR_AT(struct dcom_dual, security, U16) },
    { NDR_AT(struct dcom_dual, words, ARRAY), .flags = NDR_TAIL, .of = &ndr_u16, NDR_SIZE(struct dcom_dual, count) },
};
const struct ndr_type dcom_dual_type = NDR_TYPE("DUALSTRINGARRAY", struct dcom_dual, dual_rows);

static const struct ndr_row std_rows[] = {
    { NDR_AT(struct dcom_std, flags, U32) },
    { NDR_AT(struct dcom_std, public_refs, U32) },
    { NDR_AT(struct dcom_std, oxid, U64) },
    { NDR_AT(struct dcom_std, oid, U64) },
    { NDR_AT(struct dcom_std, ipid, GUID) },
};
const struct ndr_type dcom_std_type = NDR_TYPE("STDOBJREF", struct dcom_std, std_rows);

/* ---- bindings ---- */

/* The text that begins at *at and ends with a zero before `end`; *at moves behind that. */
static cimf_status take_text(struct arena *a, const struct dcom_dual *d, unsigned *at, unsigned end, struct slice *out)
{
    unsigned from = *at, n;
    for (n = from; n < end && d->words[n]; n++) {
    }
    if (n == end) return CIMF_PROTOCOL_ERROR;
    *at = n + 1;
    char *bytes = arena_alloc(a, (size_t)(n - from) * 2 + 1);
    if (!bytes) return CIMF_OUT_OF_MEMORY;
    for (unsigned i = from; i < n; i++) {
        bytes[(i - from) * 2] = (char)d->words[i];
        bytes[(i - from) * 2 + 1] = (char)(d->words[i] >> 8);
    }
    return utf16_to_utf8(a, slice_of(bytes, (size_t)(n - from) * 2), UTF16_LE, false, out);
}

/* host[port] */
static void split_port(struct dcom_string_binding *b)
{
    size_t open = slice_find(b->host, '[');
    unsigned long port = 0;
    if (open == b->host.n || b->host.p[b->host.n - 1] != ']') return;
    for (size_t i = open + 1; i + 1 < b->host.n; i++) {
        char c = b->host.p[i];
        if (c < '0' || c > '9' || (port = port * 10 + (unsigned)(c - '0')) > 65535) return;
    }
    b->port = (uint16_t)port;
    b->host.n = open;
}

cimf_status dcom_dual_parse(struct arena *a, const struct dcom_dual *d, struct dcom_bindings *out, struct error *e)
{
    cimf_status status = CIMF_OK;
    unsigned at = 0, room = d->count / 2 + 1;
    *out = (struct dcom_bindings){ 0 };
    if (d->security > d->count)
        return error_set(e, CIMF_PROTOCOL_ERROR, "dcom", "security bindings begin behind the end of the bindings");
    out->strings = ARENA_ARRAY(a, room, struct dcom_string_binding);
    out->securities = ARENA_ARRAY(a, room, struct dcom_security_binding);
    if (!out->strings || !out->securities) return error_set(e, CIMF_OUT_OF_MEMORY, "dcom", "too many bindings");
    while (status == CIMF_OK && at < d->security && d->words[at]) {
        struct dcom_string_binding *b = &out->strings[out->string_count++];
        b->tower = d->words[at++];
        status = take_text(a, d, &at, d->security, &b->host);
        if (status == CIMF_OK) split_port(b);
    }
    at = d->security;
    while (status == CIMF_OK && at < d->count && d->words[at]) {
        struct dcom_security_binding *b = &out->securities[out->security_count++];
        b->service = d->words[at++];
        if (at < d->count) at++; /* authorisation service: 0xffff */
        status = take_text(a, d, &at, d->count, &b->principal);
    }
    if (status != CIMF_OK) return error_set(e, status, "dcom", "bindings that do not end");
    return CIMF_OK;
}

static void put16(struct buf *b, unsigned v)
{
    char bytes[2] = { (char)v, (char)(v >> 8) };
    buf_add(b, bytes, 2);
}

/* An earlier binding says the same. */
static bool repeated(const struct dcom_bindings *b, unsigned i)
{
    for (unsigned k = 0; k < i; k++)
        if (b->strings[k].tower == b->strings[i].tower && b->strings[k].port == b->strings[i].port &&
            slice_ieq(b->strings[k].host, b->strings[i].host))
            return true;
    return false;
}

enum { DUAL_MAX = 65535 - 2 };

static void take_words(uint16_t *to, const char *from, size_t n)
{
    const unsigned char *p = (const unsigned char *)from;
    for (size_t i = 0; i < n; i++) to[i] = (uint16_t)(p[2 * i] | p[2 * i + 1] << 8);
}

cimf_status dcom_dual_make(struct arena *a, const struct dcom_bindings *b, struct dcom_dual *out)
{
    struct buf t;
    char port[12];
    buf_init(&t, DUAL_MAX * 2);
    for (unsigned i = 0; i < b->string_count; i++) {
        size_t mark = t.n;
        if (repeated(b, i)) continue;
        put16(&t, b->strings[i].tower);
        bool ok = utf8_to_utf16(&t, b->strings[i].host, UTF16_LE);
        if (b->strings[i].port) {
            snprintf(port, sizeof port, "[%u]", b->strings[i].port);
            ok = ok && utf8_to_utf16(&t, slice_str(port), UTF16_LE);
        }
        put16(&t, 0);
        if (!ok || !buf_ok(&t)) buf_cut(&t, mark);
    }
    size_t strings = t.n;
    for (unsigned i = 0; i < b->security_count; i++) {
        size_t mark = t.n;
        put16(&t, b->securities[i].service);
        put16(&t, 0xffff);
        bool ok = utf8_to_utf16(&t, b->securities[i].principal, UTF16_LE);
        put16(&t, 0);
        if (!ok || !buf_ok(&t)) buf_cut(&t, mark);
    }
    /* An empty list is a zero more: the smallest array has four words. */
    unsigned empty = !strings, more = t.n == strings;
    size_t words = strings / 2 + 1 + empty, all = words + (t.n - strings) / 2 + 1 + more;
    *out = (struct dcom_dual){ (uint16_t)all, (uint16_t)words, ARENA_ARRAY(a, all, uint16_t) };
    if (out->words && t.n) {
        take_words(out->words, t.p, strings / 2);
        take_words(out->words + words, t.p + strings, (t.n - strings) / 2);
    }
    buf_free(&t);
    return out->words ? CIMF_OK : CIMF_OUT_OF_MEMORY;
}

/* ---- references ---- */

static void take_guid(struct cursor *c, struct guid *g)
{
    g->data1 = cursor_u32le(c);
    g->data2 = cursor_u16le(c);
    g->data3 = cursor_u16le(c);
    struct slice s = cursor_bytes(c, 8);
    memset(g->data4, 0, 8);
    if (s.n == 8) memcpy(g->data4, s.p, 8);
}

static void take_std(struct cursor *c, struct dcom_std *s)
{
    s->flags = cursor_u32le(c);
    s->public_refs = cursor_u32le(c);
    s->oxid = cursor_u64le(c);
    s->oid = cursor_u64le(c);
    take_guid(c, &s->ipid);
}

static bool take_dual(struct arena *a, struct cursor *c, struct dcom_dual *d)
{
    d->count = cursor_u16le(c);
    d->security = cursor_u16le(c);
    if (c->bad || d->count > cursor_left(c) / 2 || d->security > d->count) {
        c->bad = true;
        return true;
    }
    if (!(d->words = ARENA_ARRAY(a, d->count ? d->count : 1u, uint16_t))) return false;
    for (unsigned i = 0; i < d->count; i++) d->words[i] = cursor_u16le(c);
    return true;
}

/* nElms, the second signature, the one element. */
static void take_element(struct cursor *c, struct dcom_objref *r)
{
    uint32_t count = cursor_u32le(c), signature = cursor_u32le(c);
    take_guid(c, &r->data_id);
    uint32_t size = cursor_u32le(c), rounded = cursor_u32le(c);
    r->data = cursor_bytes(c, size);
    if (count != 1 || signature != NSYV || rounded < size || rounded - size > 7) c->bad = true;
}

cimf_status dcom_objref_read(struct arena *a, struct slice s, struct dcom_objref *out, struct error *e)
{
    struct cursor c = cursor_of(s);
    bool memory = true;
    *out = (struct dcom_objref){ 0 };
    if (cursor_u32le(&c) != MEOW) c.bad = true;
    out->form = cursor_u32le(&c);
    take_guid(&c, &out->iid);
    switch (out->form) {
    case OBJREF_HANDLER:
    case OBJREF_STANDARD:
        take_std(&c, &out->std);
        if (out->form == OBJREF_HANDLER) take_guid(&c, &out->clsid);
        memory = take_dual(a, &c, &out->resolver);
        break;
    case OBJREF_CUSTOM: /* the size of an extension and a word of no meaning stand before the data */
        take_guid(&c, &out->clsid);
        cursor_skip(&c, 8);
        out->data = cursor_bytes(&c, cursor_left(&c));
        break;
    case OBJREF_EXTENDED:
        take_std(&c, &out->std);
        if (cursor_u32le(&c) != NSYV) c.bad = true;
        memory = take_dual(a, &c, &out->resolver);
        if (memory) take_element(&c, out);
        break;
    default: c.bad = true; break;
    }
    if (!memory) return error_set(e, CIMF_OUT_OF_MEMORY, "dcom", "too many bindings");
    if (c.bad) return error_set(e, CIMF_PROTOCOL_ERROR, "dcom", "not an object reference");
    return CIMF_OK;
}

static void put32(struct buf *b, uint32_t v)
{
    put16(b, v & 0xffff);
    put16(b, v >> 16);
}

static void put64(struct buf *b, uint64_t v)
{
    put32(b, (uint32_t)v);
    put32(b, (uint32_t)(v >> 32));
}

static void put_guid(struct buf *b, const struct guid *g)
{
    put32(b, g->data1);
    put16(b, g->data2);
    put16(b, g->data3);
    buf_add(b, g->data4, 8);
}

static void put_std(struct buf *b, const struct dcom_std *s)
{
    put32(b, s->flags);
    put32(b, s->public_refs);
    put64(b, s->oxid);
    put64(b, s->oid);
    put_guid(b, &s->ipid);
}

static void put_dual(struct buf *b, const struct dcom_dual *d)
{
    put16(b, d->count);
    put16(b, d->security);
    for (unsigned i = 0; i < d->count; i++) put16(b, d->words[i]);
}

bool dcom_objref_write(struct buf *b, const struct dcom_objref *r)
{
    if (r->data.n > UINT32_MAX - 7) return false;
    put32(b, MEOW);
    put32(b, r->form);
    put_guid(b, &r->iid);
    switch (r->form) {
    case OBJREF_HANDLER:
    case OBJREF_STANDARD:
        put_std(b, &r->std);
        if (r->form == OBJREF_HANDLER) put_guid(b, &r->clsid);
        put_dual(b, &r->resolver);
        break;
    case OBJREF_CUSTOM: /* the word of no meaning is the size of the data in what Windows sends */
        put_guid(b, &r->clsid);
        put32(b, 0);
        put32(b, (uint32_t)r->data.n);
        buf_slice_add(b, r->data);
        break;
    case OBJREF_EXTENDED:
        put_std(b, &r->std);
        put32(b, NSYV);
        put_dual(b, &r->resolver);
        put32(b, 1);
        put32(b, NSYV);
        put_guid(b, &r->data_id);
        put32(b, (uint32_t)r->data.n);
        put32(b, (uint32_t)(r->data.n + 7) & ~7u);
        buf_slice_add(b, r->data);
        for (size_t n = r->data.n; n & 7; n++) buf_byte(b, 0);
        break;
    default: return false;
    }
    return buf_ok(b);
}
