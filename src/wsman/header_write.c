#include "wsman/header.h"

#include <inttypes.h>

bool wsman_duration_write(struct buf *out, int64_t us)
{
    return buf_printf(out, "PT%" PRId64 ".%03dS", us / 1000000, (int)(us / 1000 % 1000));
}

static void write_options(struct buf *out, const struct wsman_header_out *h)
{
    if (!h->option_count) return;
    buf_lit(out, "<w:OptionSet xmlns:xs=\"http://www.w3.org/2001/XMLSchema\" s:mustUnderstand=\"true\">");
    for (uint32_t i = 0; i < h->option_count; i++) {
        const struct wsman_option *o = &h->options[i];
        buf_lit(out, "<w:Option Name=\"");
        xml_escape_attr(out, o->name);
        buf_byte(out, '"');
        if (o->type.n) {
            buf_lit(out, " Type=\"xs:");
            xml_escape_attr(out, o->type);
            buf_byte(out, '"');
        }
        if (o->must_comply) buf_lit(out, " MustComply=\"true\"");
        buf_byte(out, '>');
        xml_escape(out, o->value);
        buf_lit(out, "</w:Option>");
    }
    buf_lit(out, "</w:OptionSet>");
}

static void write_locale(struct buf *out, const char *name, const char *declare, struct slice locale)
{
    if (!locale.n) return;
    buf_printf(out, "<%s%s xml:lang=\"", name, declare);
    xml_escape_attr(out, locale);
    buf_lit(out, "\" s:mustUnderstand=\"false\"/>");
}

static void write_id(struct buf *out, const char *name, struct slice id)
{
    if (!id.n) return;
    buf_printf(out, "<p:%s xmlns:p=\"http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd\" "
                    "s:mustUnderstand=\"false\">", name);
    xml_escape(out, id);
    buf_printf(out, "</p:%s>", name);
}

bool wsman_header_write(struct buf *out, const struct wsman_header_out *h)
{
    if (h->resource_uri.n) {
        buf_lit(out, "<w:ResourceURI s:mustUnderstand=\"true\">");
        xml_escape(out, h->resource_uri);
        buf_lit(out, "</w:ResourceURI>");
    }
    if (h->max_envelope) {
        buf_lit(out, "<w:MaxEnvelopeSize s:mustUnderstand=\"true\">");
        buf_u64(out, h->max_envelope);
        buf_lit(out, "</w:MaxEnvelopeSize>");
    }
    write_locale(out, "w:Locale", "", h->locale);
    write_locale(out, "p:DataLocale", " xmlns:p=\"http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd\"", h->locale);
    write_id(out, "SessionId", h->session_id);
    if (h->operation_id.n) {
        write_id(out, "OperationID", h->operation_id);
        write_id(out, "SequenceId", SLICE("1"));
    }
    write_options(out, h);
    buf_slice_add(out, h->selectors);
    if (h->timeout_us) {
        buf_lit(out, "<w:OperationTimeout>");
        wsman_duration_write(out, h->timeout_us);
        buf_lit(out, "</w:OperationTimeout>");
    }
    return buf_ok(out);
}
