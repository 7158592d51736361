/* Where clients are told to come to. Some choose the binding that contains what their user typed, others take the first:
 * so the address that worked comes first, and every name that a user may have typed follows. */
#include "dcom/dcom_priv.h"

enum { BINDINGS = 64 };

static void add(struct dcom_bindings *b, struct slice host, uint16_t port)
{
    if (host.n && host.n <= 255 && b->string_count < BINDINGS)
        b->strings[b->string_count++] = (struct dcom_string_binding){ TOWER_TCP, host, port };
}

static void add_all(struct dcom_bindings *b, const char *const *list, uint16_t port)
{
    while (list && *list) add(b, slice_str(*list++), port);
}

/* "192.0.2.1:135", "[2001:db8::1]:135": the address; IPv4 in IPv6 as IPv4, no zone. */
static struct slice address_of(const char *local)
{
    struct slice s = slice_str(local);
    size_t n = s.n;
    while (n && s.p[n - 1] != ':') n--;
    if (n) s.n = n - 1;
    if (s.n >= 2 && s.p[0] == '[' && s.p[s.n - 1] == ']') s = slice_of(s.p + 1, s.n - 2);
    s = slice_head(s, slice_find(s, '%'));
    if (slice_istarts(s, SLICE("::ffff:")) && slice_find(s, '.') < s.n) s = slice_sub(s, 7);
    return s;
}

static bool loopback(struct slice address)
{
    return slice_starts(address, SLICE("127.")) || slice_is(address, "::1");
}

cimf_status dcom_bindings_make(const struct dcom_server *s, struct arena *a, const char *local, bool ports,
                               struct dcom_dual *out)
{
    const struct dcom_settings *c = &s->settings;
    struct dcom_string_binding strings[BINDINGS];
    struct dcom_security_binding securities[3];
    struct dcom_bindings b = { .strings = strings, .securities = securities };
    uint16_t port = ports ? s->port : 0;
    struct slice address = address_of(local ? local : "");
    add(&b, address, port);
    if (loopback(address)) add(&b, SLICE("localhost"), port);
    add(&b, slice_str(c->short_name), port);
    add(&b, slice_str(c->full_name), port);
    add_all(&b, c->names, port);
    add_all(&b, c->addresses, port);
    struct slice service = slice_str(c->service_principal ? c->service_principal : "");
    securities[b.security_count++] = (struct dcom_security_binding){ RPC_AUTH_SPNEGO, SLICE("") };
    if (!c->no_kerberos) securities[b.security_count++] = (struct dcom_security_binding){ RPC_AUTH_KERBEROS, service };
    if (!c->no_ntlm) securities[b.security_count++] = (struct dcom_security_binding){ RPC_AUTH_NTLM, SLICE("") };
    return dcom_dual_make(a, &b, out);
}
