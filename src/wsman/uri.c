#include "wsman/uri.h"

#include "base/limits.h"

#define CIM_MIDDLE "/wbem/wscim/1/cim-schema/2/"

static cimf_status bad(struct error *e, struct slice text, const char *why)
{
    error_set(e, CIMF_WSMAN_INVALID_RESOURCE_URI, "wsman", "%s", why);
    error_subject(e, text);
    return CIMF_WSMAN_INVALID_RESOURCE_URI;
}

static bool word(struct slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        bool fine = c >= 0x80 || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                    c == '_' || c == '-';
        if (!fine) return false;
    }
    return s.n > 0;
}

static cimf_status read_wmi(struct arena *a, size_t prefix, struct wsman_uri *out, struct error *e)
{
    struct slice rest = slice_sub(out->text, prefix);
    char *p = arena_strz(a, rest);
    if (!p) return CIMF_OUT_OF_MEMORY;
    size_t last = rest.n;
    for (size_t i = 0; i < rest.n; i++) {
        if (p[i] == '\\') p[i] = '/';
        if (p[i] == '/') last = i;
    }
    if (last == rest.n) return bad(e, out->text, "the resource URI lacks a namespace or a class");
    out->base = slice_head(out->text, prefix);
    out->ns = slice_of(p, last);
    out->class_name = slice_of(p + last + 1, rest.n - last - 1);
    struct slice left = out->ns;
    do {
        struct slice part = slice_split(left, '/', &left);
        if (!word(part)) return bad(e, out->text, "the namespace in the resource URI is not valid");
    } while (left.p);
    return CIMF_OK;
}

/* The base of a vendor's class URI: everything up to and including cim-schema/2/. */
static size_t cim_prefix(struct slice text)
{
    const size_t n = sizeof CIM_MIDDLE - 1;
    if (!slice_istarts(text, SLICE("http://")) && !slice_istarts(text, SLICE("https://"))) return 0;
    for (size_t i = 7; i + n <= text.n; i++) {
        if (text.p[i] == '/' && slice_ieq(slice_of(text.p + i, n), SLICE(CIM_MIDDLE))) return i + n;
    }
    return 0;
}

static cimf_status read_class(struct wsman_uri *out, struct error *e)
{
    if (slice_is(out->class_name, "*")) {
        out->all = true;
        out->class_name = SLICE("");
        return CIMF_OK;
    }
    return word(out->class_name) ? CIMF_OK : bad(e, out->text, "the class in the resource URI is not valid");
}

cimf_status wsman_uri_read(struct arena *a, struct slice text, struct wsman_uri *out, struct error *e)
{
    *out = (struct wsman_uri){ .text = slice_trim(text) };
    text = out->text;
    if (text.n == 0) return bad(e, text, "the request has no resource URI");
    if (text.n > LIMIT_URI) {
        return error_set(e, CIMF_WSMAN_URI_LIMIT, "wsman", "the resource URI is longer than %d", LIMIT_URI);
    }
    if (slice_find(text, '?') < text.n) return bad(e, text, "the resource URI has a query part; use selectors");
    struct slice wmi = soap_symbol(SOAP_WSMV, SYM_URI_WMI);
    struct slice xml = soap_symbol(SOAP_WSMV, SYM_URI_CIMXML), ws = soap_symbol(SOAP_WSMV, SYM_URI_WSCIM);
    size_t cim;
    if (slice_istarts(text, wmi)) {
        out->kind = WSMAN_URI_WMI;
        cimf_status status = read_wmi(a, wmi.n, out, e);
        return status == CIMF_OK ? read_class(out, e) : status;
    }
    if (slice_ieq(text, soap_symbol(SOAP_WSMV, SYM_URI_CIM_ALL))) {
        out->kind = WSMAN_URI_CIM;
        out->base = soap_symbol(SOAP_WSMV, SYM_URI_CIM);
        out->all = true;
        return CIMF_OK;
    }
    if (slice_istarts(text, xml) || slice_istarts(text, ws)) {
        bool is_xml = slice_istarts(text, xml);
        out->kind = is_xml ? WSMAN_URI_CIMXML : WSMAN_URI_WSCIM;
        out->base = slice_head(text, is_xml ? xml.n : ws.n);
        out->class_name = slice_sub(text, out->base.n);
        return read_class(out, e);
    }
    if ((cim = cim_prefix(text))) {
        out->kind = WSMAN_URI_CIM;
        out->base = slice_head(text, cim);
        out->class_name = slice_sub(text, cim);
        return read_class(out, e);
    }
    return CIMF_OK;
}

bool wsman_uri_write(struct buf *out, const struct wsman_form *form, struct slice ns,
                     struct slice class_name)
{
    if (form->kind != WSMAN_URI_WMI) {
        xml_escape_attr(out, form->base);
    } else {
        buf_slice_add(out, soap_symbol(SOAP_WSMV, SYM_URI_WMI));
        char *p = buf_reserve(out, ns.n + 1);
        for (size_t i = 0; p && i < ns.n; i++) {
            char c = ns.p[i] == '\\' ? '/' : ns.p[i];
            p[i] = c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
        }
        if (p) {
            p[ns.n] = '/';
            buf_added(out, ns.n + 1);
        }
    }
    return xml_escape_attr(out, class_name);
}
