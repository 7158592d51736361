#include "wsman/server_priv.h"

/* No addressing headers either way. Unauthenticated callers do not learn the version (pitfall 26). */
void wsman_identify(struct wsman_call *c)
{
    const struct wsman_server_config *config = &c->server->config;
    struct buf *out = &c->out;
    buf_lit(out, "<s:Envelope xml:lang=\"en-US\" xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\"><s:Header/>"
                 "<s:Body><wsmid:IdentifyResponse xmlns:wsmid=\"http://schemas.dmtf.org/wbem/wsman/identity/1/"
                 "wsmanidentity.xsd\"><wsmid:ProtocolVersion>http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"
                 "</wsmid:ProtocolVersion><wsmid:ProductVendor>");
    xml_escape(out, config->vendor);
    buf_lit(out, "</wsmid:ProductVendor><wsmid:ProductVersion>");
    if (c->principal) xml_escape(out, config->version);
    else buf_lit(out, "OS: 0.0.0 SP: 0.0 Stack: 3.0");
    buf_lit(out, "</wsmid:ProductVersion>");
    const char *const *profiles = WSMAN_LIMIT(c->server, profiles);
    if (c->principal && profiles && profiles[0]) {
        buf_lit(out, "<wsmid:SecurityProfiles>");
        for (const char *const *p = profiles; *p; p++) {
            buf_lit(out, "<wsmid:SecurityProfileName>");
            xml_escape(out, slice_str(*p));
            buf_lit(out, "</wsmid:SecurityProfileName>");
        }
        buf_lit(out, "</wsmid:SecurityProfiles>");
    }
    buf_lit(out, "</wsmid:IdentifyResponse>");
    soap_end(out);
    wsman_reply_send(c, out->n);
}
