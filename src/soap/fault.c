#include "soap/fault.h"

#include <stdio.h>

static const struct {
    char prefix;
    struct slice action;
} actions[] = {
    { 'w', SLICE("http://schemas.dmtf.org/wbem/wsman/1/wsman/fault") },
    { 'n', SLICE("http://schemas.xmlsoap.org/ws/2004/09/enumeration/fault") },
    { 'x', SLICE("http://schemas.xmlsoap.org/ws/2004/09/transfer/fault") },
    { 'e', SLICE("http://schemas.xmlsoap.org/ws/2004/08/eventing/fault") },
    { 'b', SLICE("http://schemas.dmtf.org/wbem/wsman/1/cimbinding/fault") },
};

struct slice soap_fault_action(const char *subcode)
{
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++) {
        if (subcode[0] == actions[i].prefix) return actions[i].action;
    }
    return SLICE("http://schemas.xmlsoap.org/ws/2004/08/addressing/fault");
}

static const char *code_of(enum cimf_fault_side side)
{
    switch (side) {
    case CIMF_SIDE_SENDER: return "s:Sender";
    case CIMF_SIDE_RECEIVER: return "s:Receiver";
    case CIMF_SIDE_MUST_UNDERSTAND: return "s:MustUnderstand";
    case CIMF_SIDE_VERSION_MISMATCH: return "s:VersionMismatch";
    case CIMF_SIDE_DATA_ENCODING: return "s:DataEncodingUnknown";
    }
    return "s:Receiver";
}

static void property(struct buf *out, const char *name, struct slice value)
{
    buf_lit(out, "<p:");
    buf_str(out, name);
    if (value.n == 0) {
        buf_lit(out, " xsi:nil=\"true\"/>");
        return;
    }
    buf_byte(out, '>');
    xml_escape(out, value);
    buf_lit(out, "</p:");
    buf_str(out, name);
    buf_byte(out, '>');
}

static void wsman_fault_open(struct buf *out, const struct soap_fault *f, uint32_t code,
                             enum soap_dialect dialect)
{
    buf_lit(out, "<f:WSManFault xmlns:f=\"");
    buf_slice_add(out, soap_symbol(dialect, SYM_NS_FAULT));
    buf_lit(out, "\" Code=\"");
    buf_u64(out, code);
    buf_lit(out, "\" Machine=\"");
    xml_escape_attr(out, f->machine);
    buf_lit(out, "\"><f:Message>");
}

static void extended_status(struct buf *out, const struct soap_fault *f,
                            const struct cimf_status_info *info, struct slice text)
{
    const char *room = f->error && f->error->room ? f->error->room : "";
    struct slice provider = slice_str(room);
    if (slice_starts(provider, SLICE("provider:"))) provider = slice_sub(provider, 9);
    char code[16];
    snprintf(code, sizeof code, "%u", info->hresult);
    buf_lit(out, "<f:ExtendedError><p:__ExtendedStatus xmlns:p=\"http://schemas.microsoft.com/wbem/wsman/1/"
                 "wmi/root/cimv2/__ExtendedStatus\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\""
                 " xsi:type=\"p:__ExtendedStatus_Type\">");
    property(out, "Description", text);
    property(out, "Operation", f->operation);
    property(out, "ParameterInfo", f->parameter);
    property(out, "ProviderName", provider);
    property(out, "StatusCode", slice_str(code));
    buf_lit(out, "</p:__ExtendedStatus></f:ExtendedError>");
}

static void detail(struct buf *out, const struct soap_fault *f, const struct cimf_status_info *info,
                   struct slice text, enum soap_dialect dialect)
{
    buf_lit(out, "<s:Detail>");
    if (info->detail[0]) {
        buf_lit(out, "<w:FaultDetail>");
        buf_slice_add(out, soap_symbol(dialect, SYM_FAULT_DETAIL));
        buf_str(out, info->detail);
        buf_lit(out, "</w:FaultDetail>");
    }
    wsman_fault_open(out, f, info->wsman_code, dialect);
    if (f->provider) {
        buf_lit(out, "<f:ProviderFault provider=\"Cimfony object manager\" path=\"cimd\">");
        wsman_fault_open(out, f, info->hresult, dialect);
        xml_escape(out, text);
        buf_lit(out, "</f:Message></f:WSManFault>");
        extended_status(out, f, info, text);
        buf_lit(out, "</f:ProviderFault>");
    } else {
        xml_escape(out, text);
    }
    buf_lit(out, "</f:Message></f:WSManFault></s:Detail>");
}

/* SOAP 1.2 part 1, 5.4.7 and 5.4.8: blocks in the header that explain the fault. */
static void explain(struct buf *extra, const struct soap_fault *f)
{
    if (f->status == CIMF_SOAP_MUST_UNDERSTAND && f->not_understood_name.n) {
        buf_lit(extra, "<s:NotUnderstood qname=\"q:");
        xml_escape_attr(extra, f->not_understood_name);
        buf_lit(extra, "\" xmlns:q=\"");
        xml_escape_attr(extra, f->not_understood_uri);
        buf_lit(extra, "\"/>");
    } else if (f->status == CIMF_SOAP_VERSION_MISMATCH) {
        buf_lit(extra, "<s:Upgrade><s:SupportedEnvelope qname=\"s:Envelope\"/></s:Upgrade>");
    }
}

bool soap_fault_write(struct buf *out, const struct soap_fault *f, struct slice relates_to,
                      enum soap_dialect dialect)
{
    const struct cimf_status_info *info = cimf_status_info(f->status);
    struct slice text = slice_str(f->error && f->error->text[0] ? f->error->text : info->text);
    struct buf extra;
    buf_init(&extra, 8192);
    explain(&extra, f);
    struct soap_head head = {
        .action = soap_fault_action(info->subcode), .relates_to = relates_to, .dialect = dialect,
        .namespaces = 1u << NS_N | 1u << NS_X | 1u << NS_E | 1u << NS_B | 1u << NS_P,
        .extra = buf_ok(&extra) ? buf_slice(&extra) : SLICE_NULL,
    };
    soap_begin(out, &head);
    buf_free(&extra);
    buf_lit(out, "<s:Fault><s:Code><s:Value>");
    buf_str(out, code_of(info->side));
    buf_lit(out, "</s:Value>");
    if (info->subcode[0]) {
        buf_lit(out, "<s:Subcode><s:Value>");
        buf_str(out, info->subcode);
        buf_lit(out, "</s:Value></s:Subcode>");
    }
    buf_lit(out, "</s:Code><s:Reason><s:Text xml:lang=\"en-US\">");
    /* Many clients show the reason and nothing of the detail: it says both what and why. */
    xml_escape(out, slice_str(info->text));
    if (f->error && f->error->text[0] && strcmp(f->error->text, info->text) != 0) {
        buf_lit(out, ": ");
        xml_escape(out, slice_str(f->error->text));
    }
    buf_lit(out, ".</s:Text></s:Reason>");
    detail(out, f, info, text, dialect);
    buf_lit(out, "</s:Fault>");
    return soap_end(out);
}
