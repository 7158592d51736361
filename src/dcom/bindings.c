/* Where clients are told to come to. Some choose the binding that contains what their user typed, others take the first:
 * so the address that worked comes first, and every name that a user may have typed follows. */
#include "dcom/dcom_priv.h"

#include <stdlib.h>

enum { BINDINGS = 64 };

static void add(struct dcom_bindings *b, struct slice host, uint16_t port)
{
    for (unsigned i = 0; i < b->string_count; i++)
        if (slice_ieq(b->strings[i].host, host)) return;
    if (host.n && host.n <= 255 && b->string_count < BINDINGS)
        b->strings[b->string_count++] = (struct dcom_string_binding){ TOWER_TCP, host, port };
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

void dcom_server_listens_at(struct dcom_server *s, const char *bound)
{
    struct slice address = address_of(bound);
    const char *colon = strrchr(bound, ':');
    uint16_t port = colon ? (uint16_t)strtoul(colon + 1, NULL, 10) : 0;
    if (!s->port) s->port = port;
    if (s->listener_count == DCOM_LISTENERS || address.n >= sizeof s->listeners[0].address) return;
    struct dcom_listener *l = &s->listeners[s->listener_count++];
    memcpy(l->address, address.p, address.n);
    l->address[address.n] = 0;
    l->port = port;
}

/* Of the listener that serves this address of ours; 0: none does. */
static uint16_t port_at(const struct dcom_server *s, struct slice address)
{
    bool six = slice_find(address, ':') < address.n;
    uint16_t any = s->listener_count ? 0 : s->port;
    for (unsigned i = 0; i < s->listener_count; i++) {
        const struct dcom_listener *l = &s->listeners[i];
        if (slice_is(address, l->address)) return l->port;
        if (!strcmp(l->address, six ? "::" : "0.0.0.0")) any = l->port;
    }
    return any;
}

static cimf_status make(const struct dcom_server *s, struct arena *a, const char *local, bool ports, struct dcom_dual *out)
{
    const struct dcom_settings *c = &s->settings;
    struct dcom_string_binding strings[BINDINGS];
    struct dcom_security_binding securities[3];
    struct dcom_bindings b = { .strings = strings, .securities = securities };
    struct slice address = address_of(local);
    uint16_t port = port_at(s, address);
    if (!port) port = s->port;
    if (!ports) port = 0;
    add(&b, address, port);
    if (loopback(address)) add(&b, SLICE("localhost"), port);
    add(&b, slice_str(c->short_name), port);
    add(&b, slice_str(c->full_name), port);
    for (const char *const *name = c->names; name && *name; name++) add(&b, slice_str(*name), port);
    for (const char *const *other = c->addresses; other && *other; other++) {
        uint16_t its = port_at(s, slice_str(*other));
        if (its || !s->port) add(&b, slice_str(*other), ports ? its : 0);
    }
    struct slice service = slice_str(c->service_principal ? c->service_principal : "");
    securities[b.security_count++] = (struct dcom_security_binding){ RPC_AUTH_SPNEGO, SLICE("") };
    if (!c->no_kerberos) securities[b.security_count++] = (struct dcom_security_binding){ RPC_AUTH_KERBEROS, service };
    if (!c->no_ntlm) securities[b.security_count++] = (struct dcom_security_binding){ RPC_AUTH_NTLM, SLICE("") };
    return dcom_dual_make(a, &b, out);
}

static const struct dcom_told *told_before(const struct dcom_server *s, const char *local, bool ports)
{
    const struct dcom_told *t = __atomic_load_n(&s->told, __ATOMIC_ACQUIRE);
    for (; t; t = t->next)
        if (t->ports == ports && t->port == s->port && t->listeners == s->listener_count && !strcmp(t->local, local)) break;
    return t;
}

/* Failing to keep it is no failure: the next call makes it anew. */
static void keep(struct dcom_server *s, const char *local, bool ports, const struct dcom_dual *made)
{
    size_t n = strlen(local), bytes = made->count * sizeof *made->words;
    if (n >= sizeof s->told->local) return;
    dcom_lock(s);
    struct dcom_told *t = s->told_count < DCOM_TOLD ? malloc(sizeof *t + bytes) : NULL;
    if (t) {
        *t = (struct dcom_told){ .next = s->told, .listeners = s->listener_count, .port = s->port, .ports = ports, .dual = *made };
        t->dual.words = memcpy(t->words, made->words, bytes);
        memcpy(t->local, local, n + 1);
        s->told_count++;
        __atomic_store_n(&s->told, t, __ATOMIC_RELEASE);
    }
    dcom_unlock(s);
}

cimf_status dcom_bindings_make(struct dcom_server *s, struct arena *a, const char *local, bool ports, struct dcom_dual *out)
{
    if (!local) local = "";
    const struct dcom_told *t = told_before(s, local, ports);
    if (t) {
        *out = t->dual;
        return CIMF_OK;
    }
    cimf_status status = make(s, a, local, ports, out);
    if (status == CIMF_OK) keep(s, local, ports, out);
    return status;
}

void dcom_bindings_free(struct dcom_server *s)
{
    for (struct dcom_told *next, *t = s->told; t; t = next) {
        next = t->next;
        free(t);
    }
}
