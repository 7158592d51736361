/* What a reply says: HTTP status, envelope, fault, items and what is left open on the server. */
#include "wsman/client_priv.h"

#include <stdio.h>

#include "soap/fault.h"
#include "wsman/classxml.h"

static cimf_status fails(struct wsman_task *t, cimf_status status, const char *text)
{
    return error_set(&t->failure.error, status, "wsman", "%s", text);
}

/* Replies that carry no envelope. */
static cimf_status http_fails(struct wsman_task *t, int status)
{
    static const struct {
        int http;
        cimf_status status;
        const char *text;
    } rows[] = {
        { 401, CIMF_NOT_AUTHENTICATED, "the server does not accept the user name or password" },
        { 403, CIMF_ACCESS_DENIED, "the server refuses these credentials on this connection" },
        { 404, CIMF_PROTOCOL_ERROR, "the server has no WS-Management service at this path (HTTP 404)" },
        { 405, CIMF_PROTOCOL_ERROR, "the server does not take WS-Management requests here (HTTP 405)" },
        { 408, CIMF_TIMED_OUT, "the server gave up waiting for the request (HTTP 408)" },
        { 411, CIMF_PROTOCOL_ERROR, "the server wants a length that was given (HTTP 411)" },
        { 413, CIMF_WSMAN_SERVICE_ENVELOPE, "the request is larger than the server takes (HTTP 413)" },
        { 415, CIMF_PROTOCOL_ERROR, "the server does not take SOAP here (HTTP 415)" },
        { 503, CIMF_SERVER_TOO_BUSY, "the server is too busy (HTTP 503)" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (rows[i].http == status) return fails(t, rows[i].status, rows[i].text);
    }
    char text[120];
    if (status >= 300 && status < 400) {
        snprintf(text, sizeof text, "the server redirects to another address (HTTP %d); that is not followed", status);
    } else {
        snprintf(text, sizeof text, "the server answered HTTP %d without a WS-Management message", status);
    }
    return fails(t, CIMF_PROTOCOL_ERROR, text);
}

static cimf_status fault(struct wsman_task *t, const struct soap_fault_info *f)
{
    struct slice text = slice_trim(f->message.n ? f->message : f->reason);
    if (text.n && f->description.n && text.n < 8) text = f->description;
    t->failure.fault_code = f->wsman_code;
    error_set(&t->failure.error, f->status, "wsman", SLICE_FMT, SLICE_ARG(slice_head(text, 300)));
    t->failure.error.native = f->provider_code ? f->provider_code : f->wsman_code;
    if (f->parameter.n) error_subject(&t->failure.error, f->parameter);
    return f->status == CIMF_OK ? CIMF_FAILED : f->status;
}

static struct slice bare_id(struct slice id)
{
    id = slice_trim(id);
    if (slice_istarts(id, SLICE("urn:"))) id = slice_sub(id, 4);
    return slice_istarts(id, SLICE("uuid:")) ? slice_sub(id, 5) : id;
}

/* "application/soap+xml;charset=UTF-16" -> "UTF-16". */
static struct slice charset_of(struct slice content_type)
{
    struct slice rest = content_type, part;
    do {
        part = slice_trim(slice_split(rest, ';', &rest));
        if (!slice_istarts(part, SLICE("charset="))) continue;
        part = slice_trim(slice_sub(part, 8));
        if (part.n >= 2 && part.p[0] == '"' && part.p[part.n - 1] == '"') part = slice_of(part.p + 1, part.n - 2);
        return part;
    } while (rest.p);
    return SLICE("");
}

static cimf_status context_keep(struct wsman_task *t, const struct xml_node *response)
{
    const struct xml_node *n = xml_child(response, NS_N, "EnumerationContext");
    bool end = xml_child(response, NS_N, "EndOfSequence") || xml_child(response, NS_W, "EndOfSequence");
    buf_clear(&t->context);
    struct slice text = n ? slice_trim(n->text) : SLICE("");
    if (end || !text.n) return CIMF_OK;
    if (text.n > CLIENT_CONTEXT) return fails(t, CIMF_PROTOCOL_ERROR, "the enumeration context is absurdly long");
    return buf_slice_add(&t->context, text) ? CIMF_OK : CIMF_OUT_OF_MEMORY;
}

static cimf_status enumeration_read(struct wsman_task *t, const struct xml_node *n)
{
    bool pull = t->phase == PHASE_PULL;
    if (!n || !xml_is(n, NS_N, pull ? "PullResponse" : "EnumerateResponse")) {
        return fails(t, CIMF_PROTOCOL_ERROR, "the reply is not the answer to an enumeration");
    }
    cimf_status status = context_keep(t, n);
    if (status != CIMF_OK) return status;
    const struct xml_node *items = xml_child_any(n, "Items");
    uint32_t count = 0;
    for (const struct xml_node *i = items ? xml_first(items) : NULL; i; i = xml_next(i)) count++;
    t->nodes = ARENA_ARRAY(&t->batch, count + 1, const struct xml_node *);
    if (!t->nodes) return CIMF_OUT_OF_MEMORY;
    for (const struct xml_node *i = items ? xml_first(items) : NULL; i; i = xml_next(i)) t->nodes[t->node_count++] = i;
    t->empty_pulls = count || !t->context.n ? 0 : t->empty_pulls + 1;
    if (t->empty_pulls > CLIENT_EMPTY_PULLS) {
        buf_clear(&t->context);
        return fails(t, CIMF_PROTOCOL_ERROR, "the enumeration goes on for ever without giving an object");
    }
    return CIMF_OK;
}

static cimf_status created_read(struct wsman_task *t, const struct xml_node *n)
{
    if (!n || !slice_is(n->name, "ResourceCreated")) {
        return fails(t, CIMF_PROTOCOL_ERROR, "the reply does not say what was created");
    }
    struct wsman_codec c = client_codec(t, &t->arena, t->space);
    struct cim_path path;
    if (wsman_epr_read(&c, n, 0, &path, NULL) != CIMF_OK) return CIMF_OK; /* made, but not told where */
    struct buf text;
    buf_init(&text, 0);
    if (cim_path_write(&text, &path, path.ns.n == 0)) t->created = arena_dup(&t->arena, buf_slice(&text));
    buf_free(&text);
    return CIMF_OK;
}

static cimf_status single_node(struct wsman_task *t, const struct xml_node *n)
{
    t->nodes = ARENA_NEW(&t->batch, const struct xml_node *);
    if (!t->nodes) return CIMF_OUT_OF_MEMORY;
    t->nodes[0] = n;
    t->node_count = 1;
    return CIMF_OK;
}

static cimf_status body_read(struct wsman_task *t, const struct xml_node *n)
{
    if (t->phase == PHASE_RELEASE) {
        buf_clear(&t->context);
        return CIMF_OK;
    }
    switch (t->request.verb) {
    case WSMAN_ASK_IDENTIFY:
        if (!n || !slice_is(n->name, "IdentifyResponse")) break; /* OMI puts it into the SOAP namespace */
        return client_identity_read(t, n, &t->failure.error);
    case WSMAN_ASK_GET:
        return n ? single_node(t, n) : fails(t, CIMF_PROTOCOL_ERROR, "the reply holds no instance");
    case WSMAN_ASK_PUT: case WSMAN_ASK_INVOKE: return n ? single_node(t, n) : CIMF_OK;
    case WSMAN_ASK_CREATE: return created_read(t, n);
    case WSMAN_ASK_DELETE: return CIMF_OK;
    default: return enumeration_read(t, n);
    }
    return fails(t, CIMF_PROTOCOL_ERROR, "the reply is not the answer to this request");
}

/* One declared class of the chain that is being fetched. */
static cimf_status class_read(struct wsman_task *t, const struct xml_node *n)
{
    struct cim_class_decl decl;
    if (!n || !slice_is(n->name, "CLASS")) return fails(t, CIMF_PROTOCOL_ERROR, "the reply holds no class");
    cimf_status status = wsman_class_read(&t->batch, n, &decl, &t->failure.error);
    if (status != CIMF_OK) return status;
    if (!slice_ieq(decl.name, t->want_now)) return fails(t, CIMF_PROTOCOL_ERROR, "the reply holds another class");
    return client_decls_add(&t->want_arena, &t->chain, &decl);
}

cimf_status client_reply_read(struct wsman_task *t, int http_status, struct slice content_type, struct slice body)
{
    struct soap_envelope envelope;
    struct slice text;
    enum xml_charset seen;
    bool soap = slice_istarts(slice_trim(content_type), SLICE("application/soap+xml")) ||
                slice_istarts(slice_trim(content_type), SLICE("text/xml")) ||
                slice_istarts(slice_trim(content_type), SLICE("application/xml"));
    t->failure.http_status = http_status;
    if (http_status != 200 && (!soap || !body.n || http_status == 401)) return http_fails(t, http_status);
    struct arena *a = &t->batch;
    cimf_status status = xml_decode(a, body, charset_of(content_type), &text, &seen, &t->failure.error);
    if (status == CIMF_OK) status = soap_envelope_read(a, text, &envelope, &t->failure.error);
    if (status == CIMF_OUT_OF_MEMORY || status == CIMF_QUOTA_VIOLATION) return status;
    if (status != CIMF_OK) {
        return http_status != 200 ? http_fails(t, http_status)
                                  : fails(t, CIMF_PROTOCOL_ERROR, "the reply is not a SOAP message");
    }
    struct soap_fault_info info;
    if (soap_fault_read(a, &envelope, &info)) return fault(t, &info);
    if (http_status != 200) return http_fails(t, http_status);
    bool identify = t->request.verb == WSMAN_ASK_IDENTIFY;
    if (!identify && !slice_ieq(bare_id(envelope.relates_to), bare_id(slice_str(t->message_id)))) {
        return fails(t, CIMF_PROTOCOL_ERROR, "the reply relates to another message");
    }
    return t->want.n ? class_read(t, envelope.content) : body_read(t, envelope.content);
}
