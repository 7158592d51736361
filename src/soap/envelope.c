#include "soap/envelope.h"

#include "base/guid.h"

static cimf_status refuse_xml(struct error *e, cimf_status status)
{
    if (status == CIMF_OUT_OF_MEMORY) return status;
    if (e) e->status = CIMF_WSMAN_SCHEMA_VALIDATION;
    return CIMF_WSMAN_SCHEMA_VALIDATION;
}

bool soap_header_for_us(const struct xml_node *block)
{
    const struct xml_attr *role = xml_attr_ns(block, NS_S, "role");
    if (!role) return true;
    struct slice r = slice_trim(role->value);
    return r.n == 0 || slice_is(r, "http://www.w3.org/2003/05/soap-envelope/role/next") ||
           slice_is(r, "http://www.w3.org/2003/05/soap-envelope/role/ultimateReceiver");
}

bool soap_must_understand(const struct xml_node *block, bool *must)
{
    const struct xml_attr *a = xml_attr_ns(block, NS_S, "mustUnderstand");
    *must = false;
    return !a || xml_bool(a->value, must);
}

static cimf_status take(struct slice *to, struct slice value, const struct xml_node *block, cimf_status status,
                        struct error *e)
{
    if (to->p && status == CIMF_OK) {
        status = error_set(e, CIMF_WSMAN_INVALID_HEADER, "soap", "the header " SLICE_FMT " is given twice",
                           SLICE_ARG(block->name));
    }
    if (!to->p) *to = value.p ? value : SLICE("");
    return status;
}

static struct slice address_of(const struct xml_node *block)
{
    const struct xml_node *address = xml_child(block, NS_A, "Address");
    return address ? slice_trim(address->text) : SLICE("");
}

static cimf_status read_header(struct soap_envelope *out, struct error *e)
{
    cimf_status status = CIMF_OK;
    for (struct xml_node *h = xml_first(out->header); h; h = xml_next(h)) {
        if (h->ns != NS_A || !soap_header_for_us(h)) continue;
        struct slice text = slice_trim(h->text);
        if (slice_is(h->name, "Action")) status = take(&out->action, text, h, status, e);
        else if (slice_is(h->name, "MessageID")) status = take(&out->message_id, text, h, status, e);
        else if (slice_is(h->name, "To")) status = take(&out->to, text, h, status, e);
        else if (slice_is(h->name, "ReplyTo")) status = take(&out->reply_to, address_of(h), h, status, e);
        else if (slice_is(h->name, "FaultTo")) status = take(&out->fault_to, address_of(h), h, status, e);
        else if (slice_is(h->name, "RelatesTo") && !out->relates_to.p) out->relates_to = text;
    }
    return status;
}

static cimf_status check_encoding(const struct xml_node *n, struct error *e)
{
    const struct xml_attr *a = n ? xml_attr_ns(n, NS_S, "encodingStyle") : NULL;
    if (!a || slice_is(a->value, "http://www.w3.org/2003/05/soap-envelope/encoding/none")) return CIMF_OK;
    return error_set(e, CIMF_SOAP_DATA_ENCODING, "soap", "the encoding style is not supported");
}

static cimf_status read_parts(struct soap_envelope *out, struct error *e)
{
    cimf_status status = CIMF_OK;
    for (struct xml_node *n = xml_first(out->root); n; n = xml_next(n)) {
        if (xml_is(n, NS_S, "Header") && !out->header && !out->body) {
            out->header = n;
        } else if (xml_is(n, NS_S, "Body") && !out->body) {
            out->body = n;
        } else if (status == CIMF_OK) {
            status = error_set(e, CIMF_WSMAN_SCHEMA_VALIDATION, "soap",
                               "the element " SLICE_FMT " does not belong where it is in the envelope",
                               SLICE_ARG(slice_head(n->name, 60)));
        }
    }
    if (status == CIMF_OK && !out->body) {
        status = error_set(e, CIMF_WSMAN_SCHEMA_VALIDATION, "soap", "the envelope has no Body");
    }
    return status;
}

cimf_status soap_envelope_read(struct arena *a, struct slice text, struct soap_envelope *out,
                               struct error *e)
{
    *out = (struct soap_envelope){ 0 };
    cimf_status status = xml_read(a, text, &soap_vocabulary, &out->root, e);
    if (status != CIMF_OK) return refuse_xml(e, status);
    if (!slice_is(out->root->name, "Envelope")) {
        return error_set(e, CIMF_WSMAN_SCHEMA_VALIDATION, "soap", "the document is not a SOAP envelope");
    }
    if (out->root->ns != NS_S) {
        return error_set(e, CIMF_SOAP_VERSION_MISMATCH, "soap", "the envelope is not of SOAP 1.2");
    }
    status = read_parts(out, e);
    if (out->header) {
        struct error second = ERROR_INIT;
        cimf_status headers = read_header(out, &second);
        if (status == CIMF_OK && headers != CIMF_OK) {
            status = headers;
            if (e) *e = second;
        }
    }
    if (status != CIMF_OK) return status;
    out->content = xml_first(out->body);
    status = check_encoding(out->root, e);
    if (status == CIMF_OK) status = check_encoding(out->body, e);
    if (status == CIMF_OK) status = check_encoding(out->content, e);
    return status;
}

/* Random once a thread, then counted: unique without a system call a message. */
void soap_message_id(char out[SOAP_MESSAGE_ID_SIZE])
{
    static _Thread_local struct guid base;
    static _Thread_local char text[SOAP_MESSAGE_ID_SIZE];
    base.data1 += 0x9e3779b1u; /* odd: every value comes once in 2^32 */
    if (!text[0] || base.data1 == 0) {
        guid_random(&base);
        memcpy(text, "uuid:", 5);
        guid_format(&base, true, text + 5);
    }
    memcpy(out, text, SOAP_MESSAGE_ID_SIZE);
    for (int i = 0; i < 8; i++) out[5 + i] = "0123456789ABCDEF"[base.data1 >> (28 - 4 * i) & 15];
}

static void declare(struct buf *out, unsigned namespaces)
{
    for (unsigned ns = NS_N; ns < NS_COUNT; ns++) {
        if (!(namespaces & (1u << ns))) continue;
        buf_lit(out, " xmlns:");
        buf_str(out, soap_ns_prefix(ns));
        buf_lit(out, "=\"");
        buf_slice_add(out, soap_ns_uri(ns));
        buf_byte(out, '"');
    }
}

bool soap_begin(struct buf *out, const struct soap_head *head)
{
    buf_reserve(out, 2048);
    buf_lit(out, "<s:Envelope xml:lang=\"en-US\" xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\""
                 " xmlns:a=\"http://schemas.xmlsoap.org/ws/2004/08/addressing\" xmlns:w=\"");
    buf_slice_add(out, soap_symbol(head->dialect, SYM_NS_W));
    buf_byte(out, '"');
    declare(out, head->namespaces);
    buf_lit(out, "><s:Header><a:Action>");
    xml_escape(out, head->action);
    buf_slice_add(out, head->action_suffix);
    buf_lit(out, "</a:Action><a:MessageID>");
    if (head->message_id.p) {
        xml_escape(out, head->message_id);
    } else {
        char id[SOAP_MESSAGE_ID_SIZE];
        soap_message_id(id);
        buf_add(out, id, SOAP_MESSAGE_ID_SIZE - 1);
    }
    buf_lit(out, "</a:MessageID>");
    buf_lit(out, "<a:To>");
    if (head->to.p) xml_escape(out, head->to);
    else buf_lit(out, SOAP_ANONYMOUS);
    buf_lit(out, "</a:To>");
    if (head->request) {
        buf_lit(out, "<a:ReplyTo><a:Address s:mustUnderstand=\"true\">" SOAP_ANONYMOUS
                     "</a:Address></a:ReplyTo>");
    }
    if (head->relates_to.p) {
        buf_lit(out, "<a:RelatesTo>");
        xml_escape(out, head->relates_to);
        buf_lit(out, "</a:RelatesTo>");
    }
    buf_slice_add(out, head->extra);
    return buf_lit(out, "</s:Header><s:Body>");
}

bool soap_end(struct buf *out)
{
    return buf_lit(out, SOAP_END);
}
