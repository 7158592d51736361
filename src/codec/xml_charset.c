#include "codec/xml.h"

#include "base/utf.h"

static bool look(struct slice body, unsigned char a, unsigned char b)
{
    return body.n >= 2 && (unsigned char)body.p[0] == a && (unsigned char)body.p[1] == b;
}

static cimf_status from_utf16(struct arena *a, struct slice body, enum xml_charset seen,
                              struct slice *text, struct error *e)
{
    enum utf16_order order = seen == XML_UTF16BE ? UTF16_BE : UTF16_LE;
    bool marked = seen == XML_UTF16BE ? look(body, 0xfe, 0xff) : look(body, 0xff, 0xfe);
    if (marked) body = slice_sub(body, 2);
    cimf_status status = utf16_to_utf8(a, body, order, true, text);
    if (status == CIMF_BAD_REQUEST) {
        return error_set(e, CIMF_INVALID_SYNTAX, "xml", "the body is not valid UTF-16");
    }
    return status == CIMF_OK ? CIMF_OK : error_set(e, status, "xml", "the body is too large");
}

cimf_status xml_decode(struct arena *a, struct slice body, struct slice charset, struct slice *text,
                       enum xml_charset *seen, struct error *e)
{
    charset = slice_trim(charset);
    bool le = look(body, 0xff, 0xfe), be = look(body, 0xfe, 0xff);
    *seen = XML_UTF8;
    if (charset.n == 0 || slice_ieq(charset, SLICE("utf-16")) || slice_ieq(charset, SLICE("unicode"))) {
        bool said = charset.n != 0;
        if (be || look(body, 0, '<')) *seen = XML_UTF16BE;
        else if (said || le || look(body, '<', 0)) *seen = XML_UTF16LE;
    } else if (slice_ieq(charset, SLICE("utf-16le"))) {
        *seen = XML_UTF16LE;
    } else if (slice_ieq(charset, SLICE("utf-16be"))) {
        *seen = XML_UTF16BE;
    } else if (!slice_ieq(charset, SLICE("utf-8")) && !slice_ieq(charset, SLICE("utf8")) &&
               !slice_ieq(charset, SLICE("us-ascii"))) {
        return error_set(e, CIMF_WSMAN_CHARACTER_SET, "xml",
                         "the character set " SLICE_FMT " is not supported; use UTF-8 or UTF-16",
                         SLICE_ARG(slice_head(charset, 40)));
    }
    if (*seen != XML_UTF8) return from_utf16(a, body, *seen, text, e);
    if (slice_starts(body, SLICE("\xef\xbb\xbf"))) body = slice_sub(body, 3);
    *text = body;
    return CIMF_OK;
}
