#include "soap/fault.h"

static uint32_t number(struct slice s)
{
    s = slice_trim(s);
    uint64_t v = 0;
    if (s.n == 0 || s.n > 11) return 0;
    bool negative = s.p[0] == '-'; /* some write an HRESULT as a signed number */
    for (size_t i = negative; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9') return 0;
        v = v * 10 + (uint64_t)(s.p[i] - '0');
    }
    return negative ? (uint32_t)(0 - v) : (uint32_t)v;
}

static struct slice child_text(struct arena *a, const struct xml_node *n, const char *name)
{
    const struct xml_node *c = n ? xml_child_any(n, name) : NULL;
    return c ? slice_trim(xml_text(a, c)) : SLICE("");
}

/* p:__ExtendedStatus, p:MSFT_WmiError or another CIM_Error. */
static void read_error_instance(struct arena *a, const struct xml_node *n, struct soap_fault_info *out)
{
    static const char *const codes[] = { "error_Code", "StatusCode", "CIMStatusCode" };
    for (size_t i = 0; i < 3 && !out->provider_code; i++) {
        uint32_t v = number(child_text(a, n, codes[i]));
        if (v && (i < 2 || v > 0xffff)) out->provider_code = v;
    }
    struct slice text = child_text(a, n, "Description");
    if (!text.n) text = child_text(a, n, "Message");
    if (text.n) out->description = text;
    out->operation = child_text(a, n, "Operation");
    out->parameter = child_text(a, n, "ParameterInfo");
}

/* WSManFault / Message / ProviderFault / WSManFault ...: the innermost says most. */
static void read_wsman_fault(struct arena *a, const struct xml_node *n, struct soap_fault_info *out)
{
    out->wsman_code = number(xml_attr_value(n, "Code"));
    out->machine = xml_attr_value(n, "Machine");
    for (int depth = 0; n && depth < 8; depth++) {
        const struct xml_node *message = xml_child_any(n, "Message");
        const struct xml_node *provider = message ? xml_child_any(message, "ProviderFault") : NULL;
        if (!provider) {
            struct slice text = message ? slice_trim(xml_text(a, message)) : SLICE("");
            if (text.n) out->message = text;
            return;
        }
        if (!out->provider.n) out->provider = xml_attr_value(provider, "provider");
        const struct xml_node *extended = xml_child_any(provider, "ExtendedError");
        n = xml_child_any(provider, "WSManFault");
        if (n && number(xml_attr_value(n, "Code"))) out->provider_code = number(xml_attr_value(n, "Code"));
        if (extended && xml_first(extended)) read_error_instance(a, xml_first(extended), out);
        if (!n && !provider->child && provider->text.n) out->message = slice_trim(provider->text);
    }
}

static struct slice last_segment(struct slice uri)
{
    size_t at = uri.n;
    while (at && uri.p[at - 1] != '/') at--;
    return slice_sub(uri, at);
}

static bool row_fits(const struct cimf_status_info *row, const struct soap_fault_info *f)
{
    struct slice name;
    slice_split(slice_str(row->subcode), ':', &name);
    return name.n && slice_eq(name, f->subcode) && slice_is(f->detail, row->detail);
}

/* Without a code that we know: the general row of the subcode, else the first that has it. */
static cimf_status by_subcode(const struct soap_fault_info *f)
{
    cimf_status first = CIMF_FAILED;
    for (int i = CIMF_STATUS_COUNT - 1; i > 0; i--) {
        if (row_fits(cimf_status_info((cimf_status)-i), f)) first = (cimf_status)-i;
    }
    for (int i = 1; i < CIMF_STATUS_COUNT; i++) {
        const struct cimf_status_info *row = cimf_status_info((cimf_status)-i);
        bool general = slice_starts(slice_str(row->name), SLICE("WSMAN_")) && row->wsman_code <= 0x803380ff;
        if (general && row_fits(row, f)) return (cimf_status)-i;
    }
    return first;
}

static cimf_status amounts_to(const struct soap_fault_info *f)
{
    cimf_status status = CIMF_FAILED;
    if (f->provider_code) {
        status = cimf_status_from_hresult(f->provider_code);
        if (status == CIMF_FAILED) status = cimf_status_from_wsman(f->provider_code);
    }
    if (status == CIMF_FAILED && f->wsman_code) status = cimf_status_from_wsman(f->wsman_code);
    if (status == CIMF_FAILED && f->subcode.n) status = by_subcode(f);
    if (status != CIMF_FAILED) return status;
    if (slice_is(f->code, "MustUnderstand")) return CIMF_SOAP_MUST_UNDERSTAND;
    if (slice_is(f->code, "VersionMismatch")) return CIMF_SOAP_VERSION_MISMATCH;
    return CIMF_FAILED;
}

bool soap_fault_read(struct arena *a, const struct soap_envelope *envelope, struct soap_fault_info *out)
{
    *out = (struct soap_fault_info){ 0 };
    const struct xml_node *fault = envelope->content;
    if (!fault || !xml_is(fault, NS_S, "Fault")) return false;
    struct slice uri;
    const struct xml_node *code = xml_child_any(fault, "Code");
    const struct xml_node *value = code ? xml_child_any(code, "Value") : NULL;
    if (value) xml_qname(value, value->text, &uri, &out->code);
    const struct xml_node *subcode = code ? xml_child_any(code, "Subcode") : NULL;
    value = subcode ? xml_child_any(subcode, "Value") : NULL;
    if (value) xml_qname(value, value->text, &out->subcode_uri, &out->subcode);
    const struct xml_node *reason = xml_child_any(fault, "Reason");
    out->reason = child_text(a, reason, "Text");
    const struct xml_node *detail = xml_child_any(fault, "Detail");
    for (const struct xml_node *n = detail ? xml_first(detail) : NULL; n; n = xml_next(n)) {
        if (slice_is(n->name, "FaultDetail")) out->detail = last_segment(slice_trim(n->text));
        else if (slice_is(n->name, "WSManFault")) read_wsman_fault(a, n, out);
        else if (xml_attr_ns(n, NS_B, "IsCIM_Error")) read_error_instance(a, n, out);
    }
    if (!out->message.n) out->message = out->description.n ? out->description : out->reason;
    out->status = amounts_to(out);
    return true;
}
