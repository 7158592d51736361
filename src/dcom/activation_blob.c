/* A blob is a header that names the properties and their sizes, then the properties, each a serialised type. */
#include "dcom/activation_blob.h"

#define OLE { 0xc0, 0, 0, 0, 0, 0, 0, 0x46 }
#define PROPERTIES_MAX 10     /* MAX_ACTPROP_LIMIT */
#define IIDS_MAX 0x8000u      /* MAX_REQUESTED_INTERFACES */
#define PROTSEQS_MAX 0x8000u  /* MAX_REQUESTED_PROTSEQS */

static const struct guid iid_in = { 0x1a2, 0, 0, OLE }, clsid_in = { 0x338, 0, 0, OLE };
static const struct guid iid_out = { 0x1a3, 0, 0, OLE }, clsid_out = { 0x339, 0, 0, OLE };
enum { /* the first words of the properties' CLSIDs */
    INSTANTIATION = 0x1ab, SCM_REQUEST = 0x1aa, LOCATION = 0x1a4, SPECIAL = 0x1b9, PROPS_OUT = 0x339, SCM_REPLY = 0x1b6,
};

/* ---- tables ---- */

struct word {
    uint32_t value;
};
static const struct ndr_row word_rows[] = { { NDR_AT(struct word, value, U32) } };
static const struct ndr_type word_type = NDR_TYPE("DWORD", struct word, word_rows);

struct header {            /* CustomHeader */
    uint32_t total, size, reserved, context, count;
    struct guid class_info, *clsids;
    uint32_t *sizes;
    struct word *more;
};
static const struct ndr_row header_rows[] = {
    { NDR_AT(struct header, total, U32) },
    { NDR_AT(struct header, size, U32) },
    { NDR_AT(struct header, reserved, U32) },
    { NDR_AT(struct header, context, U32) },
    { NDR_AT(struct header, count, U32) },
    { NDR_AT(struct header, class_info, GUID) },
    { NDR_AT(struct header, clsids, ARRAY), .flags = NDR_UNIQUE, .of = &ndr_guid, NDR_SIZE(struct header, count) },
    { NDR_AT(struct header, sizes, ARRAY), .flags = NDR_UNIQUE, .of = &ndr_u32, NDR_SIZE(struct header, count) },
    { NDR_AT(struct header, more, PTR), .of = &word_type },
};
static const struct ndr_type header_type = NDR_TYPE("CustomHeader", struct header, header_rows);

struct instantiation {
    struct guid clsid;
    uint32_t context, flags, surrogate, count, instance;
    struct guid *iids;
    uint32_t size;
    uint16_t major, minor;
};
static const struct ndr_row instantiation_rows[] = {
    { NDR_AT(struct instantiation, clsid, GUID) },
    { NDR_AT(struct instantiation, context, U32) },
    { NDR_AT(struct instantiation, flags, U32) },
    { NDR_AT(struct instantiation, surrogate, U32) },
    { NDR_AT(struct instantiation, count, U32) },
    { NDR_AT(struct instantiation, instance, U32) },
    { NDR_AT(struct instantiation, iids, ARRAY), .flags = NDR_UNIQUE, .of = &ndr_guid, NDR_SIZE(struct instantiation, count) },
    { NDR_AT(struct instantiation, size, U32) },
    { NDR_AT(struct instantiation, major, U16) },
    { NDR_AT(struct instantiation, minor, U16) },
};
static const struct ndr_type instantiation_type = NDR_TYPE("InstantiationInfoData", struct instantiation, instantiation_rows);

struct remote_request {
    uint32_t impersonation;
    uint16_t count;
    uint16_t *protseqs;
};
static const struct ndr_row remote_request_rows[] = {
    { NDR_AT(struct remote_request, impersonation, U32) },
    { NDR_AT(struct remote_request, count, U16) },
    { NDR_AT(struct remote_request, protseqs, ARRAY), .flags = NDR_UNIQUE, .of = &ndr_u16, NDR_SIZE(struct remote_request, count) },
};
static const struct ndr_type remote_request_type =
    NDR_TYPE("customREMOTE_REQUEST_SCM_INFO", struct remote_request, remote_request_rows);
struct scm_request {
    struct word *reserved;
    struct remote_request *request;
};
static const struct ndr_row scm_request_rows[] = {
    { NDR_AT(struct scm_request, reserved, PTR), .of = &word_type },
    { NDR_AT(struct scm_request, request, PTR), .flags = NDR_REF, .of = &remote_request_type },
};
static const struct ndr_type scm_request_type = NDR_TYPE("ScmRequestInfoData", struct scm_request, scm_request_rows);

struct location {
    struct slice machine;
    uint32_t process, apartment, context;
};
static const struct ndr_row location_rows[] = {
    { NDR_AT(struct location, machine, STRING), .flags = NDR_UNIQUE },
    { NDR_AT(struct location, process, U32) },
    { NDR_AT(struct location, apartment, U32) },
    { NDR_AT(struct location, context, U32) },
};
static const struct ndr_type location_type = NDR_TYPE("LocationInfoData", struct location, location_rows);

/* As far as both layouts agree. */
struct special {
    uint32_t session, remote, impersonating, partition_present, level;
    struct guid partition;
    uint32_t prt, context, flags;
};
static const struct ndr_row special_rows[] = {
    { NDR_AT(struct special, session, U32) },
    { NDR_AT(struct special, remote, U32) },
    { NDR_AT(struct special, impersonating, U32) },
    { NDR_AT(struct special, partition_present, U32) },
    { NDR_AT(struct special, level, U32) },
    { NDR_AT(struct special, partition, GUID) },
    { NDR_AT(struct special, prt, U32) },
    { NDR_AT(struct special, context, U32) },
    { NDR_AT(struct special, flags, U32) },
};
static const struct ndr_type special_type = NDR_TYPE("SpecialPropertiesData", struct special, special_rows);

struct special_whole {     /* the first layout */
    struct special known;
    uint32_t reserved1;
    uint64_t reserved2;
    uint32_t reserved3[5];
};
static const struct ndr_row special_whole_rows[] = {
    { NDR_AT(struct special_whole, known, STRUCT), .of = &special_type },
    { NDR_AT(struct special_whole, reserved1, U32) },
    { NDR_AT(struct special_whole, reserved2, U64) },
    { NDR_AT(struct special_whole, reserved3, FIXED), .extent = 5, .of = &ndr_u32 },
};
static const struct ndr_type special_whole_type = NDR_TYPE("SpecialPropertiesData", struct special_whole, special_whole_rows);

struct props_out {
    uint32_t count;
    struct guid *iids;
    uint32_t *hresults;
    struct slice *interfaces;
};
static const struct ndr_row props_out_rows[] = {
    { NDR_AT(struct props_out, count, U32) },
    { NDR_AT(struct props_out, iids, ARRAY), .flags = NDR_UNIQUE, .of = &ndr_guid, NDR_SIZE(struct props_out, count) },
    { NDR_AT(struct props_out, hresults, ARRAY), .flags = NDR_UNIQUE, .of = &ndr_u32, NDR_SIZE(struct props_out, count) },
    { NDR_AT(struct props_out, interfaces, ARRAY), .flags = NDR_UNIQUE, .of = &ndr_interface, NDR_SIZE(struct props_out, count) },
};
static const struct ndr_type props_out_type = NDR_TYPE("PropsOutInfo", struct props_out, props_out_rows);

struct remote_reply {
    uint64_t oxid;
    struct dcom_dual *bindings;
    struct guid unknown;
    uint32_t hint;
    uint16_t major, minor;
};
static const struct ndr_row remote_reply_rows[] = {
    { NDR_AT(struct remote_reply, oxid, U64) },
    { NDR_AT(struct remote_reply, bindings, PTR), .of = &dcom_dual_type },
    { NDR_AT(struct remote_reply, unknown, GUID) },
    { NDR_AT(struct remote_reply, hint, U32) },
    { NDR_AT(struct remote_reply, major, U16) },
    { NDR_AT(struct remote_reply, minor, U16) },
};
static const struct ndr_type remote_reply_type = NDR_TYPE("customREMOTE_REPLY_SCM_INFO", struct remote_reply, remote_reply_rows);
struct scm_reply {
    struct word *reserved;
    struct remote_reply *reply;
};
static const struct ndr_row scm_reply_rows[] = {
    { NDR_AT(struct scm_reply, reserved, PTR), .of = &word_type },
    { NDR_AT(struct scm_reply, reply, PTR), .flags = NDR_REF, .of = &remote_reply_type },
};
static const struct ndr_type scm_reply_type = NDR_TYPE("ScmReplyInfoData", struct scm_reply, scm_reply_rows);

/* ---- blobs ---- */

struct blob {
    struct header header;
    struct slice properties;   /* what follows the header */
};

static cimf_status bad(struct error *e, const char *what)
{
    return error_set(e, CIMF_PROTOCOL_ERROR, "dcom", "activation properties: %s", what);
}

static cimf_status open_blob(struct arena *a, struct slice objref, const struct guid *clsid, struct blob *b, struct error *e)
{
    struct dcom_objref r;
    struct slice rest;
    cimf_status status = dcom_objref_read(a, objref, &r, e);
    if (status != CIMF_OK) return status;
    if (r.form != OBJREF_CUSTOM || !guid_eq(&r.clsid, clsid)) return bad(e, "another kind of reference");
    struct cursor c = cursor_of(r.data);
    cursor_skip(&c, 8); /* the size of all, a reserved word */
    if (c.bad) return bad(e, "no header");
    struct slice body = slice_sub(r.data, 8);
    memset(b, 0, sizeof *b);
    status = ndr_unpickle(a, body, &header_type, &b->header, &rest, e);
    if (status != CIMF_OK) return status;
    const struct header *h = &b->header;
    size_t own = body.n - rest.n;
    if (!h->count || h->count > PROPERTIES_MAX || !h->clsids || !h->sizes) return bad(e, "their number");
    /* The header says its own size, padding and all. */
    if (h->size < own || h->size - own > 7 || h->size > body.n) return bad(e, "the size of the header");
    b->properties = slice_sub(body, h->size);
    return CIMF_OK;
}

/* Property i; false: it would end behind the blob. */
static bool property(const struct blob *b, unsigned i, struct slice *out)
{
    size_t at = 0;
    for (unsigned k = 0; k < i; k++) {
        if (b->header.sizes[k] > b->properties.n - at) return false;
        at += b->header.sizes[k];
    }
    if (b->header.sizes[i] > b->properties.n - at) return false;
    *out = slice_head(slice_sub(b->properties, at), b->header.sizes[i]);
    return true;
}

/* The first word of a property's CLSID; 0: none of ours. */
static uint32_t property_kind(const struct guid *clsid)
{
    struct guid g = { clsid->data1, 0, 0, OLE };
    return guid_eq(&g, clsid) ? clsid->data1 : 0;
}

static cimf_status read_instantiation(struct arena *a, struct slice s, struct dcom_activation *out, struct error *e)
{
    struct instantiation i = { 0 };
    cimf_status status = ndr_unpickle(a, s, &instantiation_type, &i, NULL, e);
    if (status != CIMF_OK) return status;
    if (!i.count || i.count > IIDS_MAX || !i.iids) return bad(e, "the number of interfaces");
    out->clsid = i.clsid;
    out->flags = i.flags;
    out->iid_count = i.count;
    out->iids = i.iids;
    return CIMF_OK;
}

static cimf_status read_request(struct arena *a, struct slice s, struct dcom_activation *out, struct error *e)
{
    struct scm_request r = { 0 };
    cimf_status status = ndr_unpickle(a, s, &scm_request_type, &r, NULL, e);
    if (status != CIMF_OK) return status;
    if (r.request->count > PROTSEQS_MAX) return bad(e, "the number of protocol sequences");
    out->protseq_count = r.request->count;
    out->protseqs = r.request->protseqs;
    return CIMF_OK;
}

static cimf_status read_special(struct arena *a, struct slice s, struct dcom_activation *out, struct error *e)
{
    struct special p = { 0 };
    cimf_status status = ndr_unpickle(a, s, &special_type, &p, NULL, e);
    if (status != CIMF_OK) return status;
    out->has_session = true;
    out->session = p.session;
    out->console = p.flags & 1;
    return CIMF_OK;
}

cimf_status dcom_activation_read(struct arena *a, struct slice objref, struct dcom_activation *out, struct error *e)
{
    struct blob b;
    bool requested = false;
    *out = (struct dcom_activation){ .session = UINT32_MAX };
    cimf_status status = open_blob(a, objref, &clsid_in, &b, e);
    for (unsigned i = 0; status == CIMF_OK && i < b.header.count; i++) {
        struct slice s;
        if (!property(&b, i, &s)) return bad(e, "a property ends behind them");
        switch (property_kind(&b.header.clsids[i])) {
        case INSTANTIATION: status = read_instantiation(a, s, out, e); break;
        case SCM_REQUEST: status = read_request(a, s, out, e); requested = true; break;
        case SPECIAL: status = read_special(a, s, out, e); break;
        default: break; /* where the client runs, its context, its security: nothing to us */
        }
    }
    if (status == CIMF_OK && !out->iid_count) status = bad(e, "no InstantiationInfoData");
    if (status == CIMF_OK && !requested) status = bad(e, "no ScmRequestInfoData");
    return status;
}

/* Around properties that stand in `body`, one after the other. */
static bool close_blob(struct buf *b, const struct guid *iid, const struct guid *clsid, const uint32_t *kinds,
                       uint32_t *sizes, unsigned count, struct slice body)
{
    struct guid clsids[PROPERTIES_MAX];
    struct header h = { .context = 2, .count = count, .clsids = clsids, .sizes = sizes };
    struct dcom_objref r = { .form = OBJREF_CUSTOM, .iid = *iid, .clsid = *clsid };
    struct buf blob;
    bool ok = true;
    for (unsigned i = 0; i < count; i++) clsids[i] = (struct guid){ kinds[i], 0, 0, OLE };
    buf_init(&blob, 0);
    for (int pass = 0; pass < 2 && ok; pass++) { /* the header says how large it is */
        uint32_t total = h.total;
        struct ndr_writer w;
        buf_clear(&blob);
        ndr_writer_init(&w, &blob);
        ok = ndr_write(&w, &word_type, &(struct word){ total }) && ndr_write(&w, &word_type, &(struct word){ 0 }) &&
             ndr_pickle(&blob, &header_type, &h);
        h.size = (uint32_t)(blob.n - 8);
        h.total = h.size + (uint32_t)body.n;
    }
    ok = ok && buf_slice_add(&blob, body);
    r.data = buf_slice(&blob);
    ok = ok && dcom_objref_write(b, &r);
    buf_free(&blob);
    return ok;
}

static bool add(struct buf *body, const struct ndr_type *t, const void *record, uint32_t *size)
{
    size_t at = body->n;
    bool ok = ndr_pickle(body, t, record);
    *size = (uint32_t)(body->n - at);
    return ok;
}

bool dcom_activation_write(struct buf *b, const struct dcom_activation *r)
{
    static const uint32_t kinds[] = { INSTANTIATION, LOCATION, SCM_REQUEST, SPECIAL };
    struct instantiation i = { .clsid = r->clsid, .flags = r->flags, .count = r->iid_count, .iids = r->iids, .major = 5, .minor = 7 };
    struct remote_request remote = { 2, r->protseq_count, r->protseqs };
    struct scm_request request = { NULL, &remote };
    struct location where = { { NULL, 0 }, 0, 0, 0 };
    struct special_whole special = { .known = { .session = r->session, .flags = r->console } };
    uint32_t sizes[4];
    struct buf body;
    buf_init(&body, 0);
    bool ok = add(&body, &instantiation_type, &i, &sizes[0]) && add(&body, &location_type, &where, &sizes[1]) &&
              add(&body, &scm_request_type, &request, &sizes[2]);
    if (r->has_session) ok = ok && add(&body, &special_whole_type, &special, &sizes[3]);
    ok = ok && close_blob(b, &iid_in, &clsid_in, kinds, sizes, r->has_session ? 4 : 3, buf_slice(&body));
    buf_free(&body);
    return ok;
}

bool dcom_activated_write(struct buf *b, const struct dcom_activated *r)
{
    static const uint32_t kinds[] = { PROPS_OUT, SCM_REPLY };
    struct props_out props = { r->count, r->iids, r->hresults, r->interfaces };
    struct remote_reply remote = { r->oxid, r->bindings, r->unknown, r->hint, r->major, r->minor };
    struct scm_reply reply = { NULL, &remote };
    uint32_t sizes[2];
    struct buf body;
    buf_init(&body, 0);
    bool ok = add(&body, &props_out_type, &props, &sizes[0]) && add(&body, &scm_reply_type, &reply, &sizes[1]) &&
              close_blob(b, &iid_out, &clsid_out, kinds, sizes, 2, buf_slice(&body));
    buf_free(&body);
    return ok;
}

cimf_status dcom_activated_read(struct arena *a, struct slice objref, struct dcom_activated *out, struct error *e)
{
    struct blob b;
    struct props_out props = { 0 };
    struct scm_reply reply = { 0 };
    *out = (struct dcom_activated){ 0 };
    cimf_status status = open_blob(a, objref, &clsid_out, &b, e);
    for (unsigned i = 0; status == CIMF_OK && i < b.header.count; i++) {
        struct slice s;
        uint32_t kind = property_kind(&b.header.clsids[i]);
        if (!property(&b, i, &s)) return bad(e, "a property ends behind them");
        if (kind == PROPS_OUT) status = ndr_unpickle(a, s, &props_out_type, &props, NULL, e);
        if (kind == SCM_REPLY) status = ndr_unpickle(a, s, &scm_reply_type, &reply, NULL, e);
    }
    if (status != CIMF_OK) return status;
    if (!props.count || !props.iids || !props.hresults || !props.interfaces || !reply.reply || !reply.reply->bindings)
        return bad(e, "one that must be there is missing");
    const struct remote_reply *remote = reply.reply;
    *out = (struct dcom_activated){ props.count, props.iids, props.hresults, props.interfaces, remote->oxid,
                                    remote->bindings, remote->unknown, remote->hint, remote->major, remote->minor };
    return CIMF_OK;
}
