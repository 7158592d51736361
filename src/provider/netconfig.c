/*
 * provider/netconfig.c - Win32_NetworkAdapterConfiguration: addresses, gateways and name servers of
 * one interface. Index is the index of the interface in the kernel, as in Win32_NetworkAdapter.
 */
#include <sys/socket.h>
#include <linux/if.h>
#include <time.h>

#include "base/clock.h"
#include "provider/host.h"
#include "provider/lease.h"
#include "provider/netadapter.h"
#include "provider/resolver.h"
#include "provider/source.h"
#include "provider/table.h"
#include "provider/text.h"

static cimf_status config_open(struct provider_call *c, void **state, size_t *rows)
{
    struct net_facts *f = ARENA_NEW(c->arena, struct net_facts);
    uint64_t index = 0;
    *rows = 0;
    if (!f) return CIMF_OUT_OF_MEMORY;
    if (provider_key_u64(c, "Index", &index) && (index == 0 || index > INT32_MAX)) return CIMF_OK;
    if (!net_read(c->arena, NET_LINKS | NET_ADDRESSES | NET_ROUTES, (uint32_t)index, f))
        return error_set(c->error, CIMF_PROVIDER_FAILURE, "provider",
                         "the kernel does not list its links");
    *state = f;
    *rows = f->links;
    return CIMF_OK;
}

/* IPv4 first, as Windows lists them. Returns how many there are. */
static uint32_t put_addresses(struct cim_instance *out, struct arena *a, const struct net_facts *f,
                              uint32_t link)
{
    uint32_t n = 0;
    size_t room = 0;
    for (size_t i = 0; i < f->addresses; i++) room += f->address[i].link == link;
    struct slice *text = ARENA_ARRAY(a, room + 1, struct slice);
    struct slice *mask = ARENA_ARRAY(a, room + 1, struct slice);
    if (!text || !mask) return 0;
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < f->addresses && n < room; i++) {
            const struct net_address *x = &f->address[i];
            if (x->link != link || x->family != (pass ? AF_INET6 : AF_INET)) continue;
            text[n] = net_text(a, x->family, x->bytes);
            mask[n++] = net_mask(a, x->family, x->prefix);
        }
    if (n) {
        cim_put_strv(out, "IPAddress", text, n);
        cim_put_strv(out, "IPSubnet", mask, n);
    }
    return n;
}

static void put_gateways(struct cim_instance *out, struct arena *a, const struct net_facts *f,
                         uint32_t link)
{
    struct slice text[64];
    uint64_t metric[64];
    uint32_t n = 0;
    bool any = false;
    for (size_t i = 0; i < f->routes && n < 64; i++) {
        const struct net_route *r = &f->route[i];
        if (r->link != link) continue;
        if (!any) cim_put_u64(out, "IPConnectionMetric", r->metric);
        any = true;
        if (!r->has_gateway) continue;
        text[n] = net_text(a, r->family, r->gateway);
        metric[n++] = r->metric > UINT16_MAX ? UINT16_MAX : r->metric;
    }
    if (n == 0) return;
    cim_put_strv(out, "DefaultIPGateway", text, n);
    cim_put_u64v(out, "GatewayCostMetric", metric, n);
}

/* The kernel keeps when an address was renewed and how long it lasts, whichever client runs. */
static void put_dhcp(struct cim_instance *out, struct arena *a, const struct net_facts *f,
                     const struct net_link *l, int64_t boot_us)
{
    const struct net_address *leased = NULL;
    struct slice server;
    for (size_t i = 0; i < f->addresses && !leased; i++)
        if (f->address[i].link == l->index && f->address[i].family == AF_INET &&
            f->address[i].dynamic)
            leased = &f->address[i];
    bool known = lease_server(a, l->index, l->name, &server);
    cim_put_bool(out, "DHCPEnabled", leased || known);
    if (known) cim_put_str(out, "DHCPServer", text_clean(a, server));
    if (!leased || leased->valid_s == UINT32_MAX || !boot_us) return;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    int64_t since_boot_us = (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
    int64_t now_us = clock_wall_us();
    host_put_time(out, "DHCPLeaseObtained",
                  now_us - (since_boot_us - (int64_t)leased->stamp_cs * 10000));
    host_put_time(out, "DHCPLeaseExpires", now_us + (int64_t)leased->valid_s * 1000000);
}

static void put_names(struct cim_instance *out, struct arena *a, uint32_t link)
{
    struct resolver_facts r = { .servers = 0, .domain = SLICE("") };
    resolver_read(a, link, &r);
    if (r.servers) cim_put_strv(out, "DNSServerSearchOrder", r.server, r.servers);
    if (r.searches) cim_put_strv(out, "DNSDomainSuffixSearchOrder", r.search, r.searches);
    if (r.domain.n) cim_put_str(out, "DNSDomain", r.domain);
    cim_put_str(out, "DNSHostName", host_name(a));
}

static void put_protocol(struct cim_instance *out)
{
    uint64_t v;
    if (source_u64(&v, "/proc/sys/net/ipv4/ip_default_ttl")) cim_put_u64(out, "DefaultTTL", v);
    if (source_u64(&v, "/proc/sys/net/ipv4/ip_no_pmtu_disc"))
        cim_put_bool(out, "PMTUDiscoveryEnabled", v == 0);
    if (source_u64(&v, "/proc/sys/net/ipv4/tcp_keepalive_time"))
        cim_put_u64(out, "KeepAliveTime", v * 1000);
    if (source_u64(&v, "/proc/sys/net/ipv4/tcp_keepalive_intvl"))
        cim_put_u64(out, "KeepAliveInterval", v * 1000);
    if (source_u64(&v, "/proc/sys/net/ipv4/tcp_syn_retries"))
        cim_put_u64(out, "TcpMaxConnectRetransmissions", v);
    if (source_u64(&v, "/proc/sys/net/ipv4/tcp_retries2"))
        cim_put_u64(out, "TcpMaxDataRetransmissions", v);
}

static cimf_status config_fill(struct provider_call *c, void *state, size_t row,
                               struct cim_instance *out)
{
    const struct net_facts *f = state;
    const struct net_link *l = &f->link[row];
    struct arena *a = c->scratch;
    struct slice driver = netadapter_driver(a, l);
    cim_put_u64(out, "Index", l->index);
    cim_put_u64(out, "InterfaceIndex", l->index);
    cim_put_str(out, "SettingID", l->name);
    cim_put_str(out, "Caption", netadapter_caption(a, l));
    cim_put_str(out, "Description", netadapter_description(a, l));
    if (driver.n) cim_put_str(out, "ServiceName", driver);
    if (netadapter_has_mac(l)) cim_put_str(out, "MACAddress", net_mac(a, l->mac, l->mac_length));
    cim_put_u64(out, "MTU", l->mtu);
    bool enabled = put_addresses(out, a, f, l->index) > 0 && (l->flags & IFF_UP);
    cim_put_bool(out, "IPEnabled", enabled);
    put_gateways(out, a, f, l->index);
    if (l->flags & IFF_LOOPBACK) {
        cim_put_bool(out, "DHCPEnabled", false);
    } else {
        put_dhcp(out, a, f, l, host_boot_us(a));
        if (enabled) put_names(out, a, l->index);
    }
    if (enabled) put_protocol(out);
    return arena_status(a);
}

const struct provider_class provider_netconfig = {
    .ns = "root/cimv2",
    .class_name = "Win32_NetworkAdapterConfiguration",
    .flags = PROVIDER_BLOCKING,
    .open = config_open,
    .fill = config_fill,
};
