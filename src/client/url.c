/* scheme://[user@]host[:port][/namespace] */
#include "client/protocol.h"

static cimf_status bad(struct error *e, cimf_status status, struct slice text, const char *why)
{
    error_set(e, status, "client", "%s", why);
    error_subject(e, text);
    return status;
}

static bool read_port(struct slice s, unsigned *port)
{
    unsigned v = 0;
    if (s.n == 0 || s.n > 5) return false;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9') return false;
        v = v * 10 + (unsigned)(s.p[i] - '0');
    }
    *port = v;
    return v > 0 && v < 65536;
}

static bool host_valid(struct slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c <= ' ' || c == 0x7f || c == '/' || c == '"' || c == '<' || c == '>' || c == '\\') return false;
    }
    return s.n > 0 && s.n < 256;
}

/* Management protocols that exist and that this library does not speak. */
static const char *const later[] = { "wmi", "wsman", "wsman+https", "psrp", "psrp+https", "odata", "odata+https" };

/* host[:port], [v6][:port] */
static cimf_status read_authority(struct slice text, struct client_url *out, struct error *e)
{
    struct slice port = SLICE_NULL, host;
    if (text.n && text.p[0] == '[') {
        size_t close = slice_find(text, ']');
        if (close == text.n) return bad(e, CIMF_INVALID_PARAMETER, text, "the address in the URL lacks its closing bracket");
        host = slice_of(text.p + 1, close - 1);
        struct slice rest = slice_sub(text, close + 1);
        if (rest.n && rest.p[0] != ':') return bad(e, CIMF_INVALID_PARAMETER, text, "the URL has something odd behind the address");
        if (rest.n) port = slice_sub(rest, 1);
    } else {
        host = slice_split(text, ':', &port);
        if (port.p && slice_find(port, ':') < port.n) {
            return bad(e, CIMF_INVALID_PARAMETER, text, "an IPv6 address in a URL stands in brackets: [::1]");
        }
    }
    if (!host_valid(host)) return bad(e, CIMF_INVALID_PARAMETER, text, "the URL names no host");
    if (port.p && !read_port(port, &out->port)) return bad(e, CIMF_INVALID_PARAMETER, port, "the port in the URL is not a number from 1 to 65535");
    out->host = host;
    return CIMF_OK;
}

cimf_status client_url_read(struct slice text, struct client_url *out, struct error *e)
{
    *out = (struct client_url){ 0 };
    text = slice_trim(text);
    size_t colon = slice_find(text, ':');
    struct slice rest = slice_sub(text, colon);
    if (!slice_starts(rest, SLICE("://"))) {
        return bad(e, CIMF_INVALID_PARAMETER, text, "this is no URL; write wsmv://host or wsmv+https://host");
    }
    out->scheme = slice_head(text, colon);
    for (size_t i = 0; client_protocols[i]; i++) {
        if (slice_ieq(out->scheme, slice_str(client_protocols[i]->scheme))) out->protocol = client_protocols[i];
    }
    if (!out->protocol) {
        bool planned = false;
        for (size_t i = 0; i < sizeof later / sizeof *later; i++) planned = planned || slice_ieq(out->scheme, slice_str(later[i]));
        return bad(e, planned ? CIMF_NOT_SUPPORTED : CIMF_INVALID_PARAMETER, out->scheme,
                   planned ? "this protocol is not supported yet; use wsmv:// or wsmv+https://"
                           : "this is no management protocol; use wsmv:// or wsmv+https://");
    }
    struct slice authority = slice_split(slice_sub(rest, 3), '/', &out->ns);
    if (slice_find(authority, '@') < authority.n) {
        size_t at = authority.n; /* the last one: user@domain@host */
        while (authority.p[at - 1] != '@') at--;
        out->user = slice_head(authority, at - 1);
        authority = slice_sub(authority, at);
        if (slice_find(out->user, ':') < out->user.n) {
            return bad(e, CIMF_INVALID_PARAMETER, SLICE(""), "a password does not belong into a URL");
        }
    }
    while (out->ns.n && out->ns.p[out->ns.n - 1] == '/') out->ns.n--;
    if (slice_find(out->ns, '?') < out->ns.n || slice_find(out->ns, '#') < out->ns.n) {
        return bad(e, CIMF_INVALID_PARAMETER, out->ns, "what follows the host in the URL is a namespace, such as root/cimv2");
    }
    return read_authority(authority, out, e);
}

bool client_is_loopback(struct slice host)
{
    if (slice_ieq(host, SLICE("localhost")) || slice_is(host, "::1")) return true;
    if (!slice_starts(host, SLICE("127."))) return false;
    for (size_t i = 4; i < host.n; i++) {
        if (host.p[i] != '.' && (host.p[i] < '0' || host.p[i] > '9')) return false;
    }
    return true;
}

cimf_status cimf_url_user(cimf_str url, cimf_str *user, cimf_error *e)
{
    struct client_url u;
    struct error error = ERROR_INIT;
    cimf_status status = client_url_read(client_slice(url), &u, &error);
    if (status != CIMF_OK) return client_fail_error(NULL, &error, e);
    *user = client_str(u.user);
    return CIMF_OK;
}
