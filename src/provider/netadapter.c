/*
 * provider/netadapter.c - Win32_NetworkAdapter: one row an interface, numbered by its index in the
 * kernel (DeviceID, Index and InterfaceIndex are the same). Speeds are bits per second.
 */
#include <linux/if_arp.h>

#include "provider/host.h"
#include "provider/netadapter.h"
#include "provider/source.h"
#include "provider/table.h"
#include "provider/text.h"
#include "provider/udev.h"

bool netadapter_has_mac(const struct net_link *l)
{
    static const uint8_t none[8];
    return l->mac_length == 6 && memcmp(l->mac, none, 6) != 0;
}

struct slice netadapter_driver(struct arena *a, const struct net_link *l)
{
    struct slice link;
    if (source_link(a, &link, "/sys/class/net/" SLICE_FMT "/device/driver", SLICE_ARG(l->name)))
        return text_clean(a, text_base(link));
    return l->kind;
}

/* What the hardware is called, else what kind of interface it is, else its name. */
struct slice netadapter_description(struct arena *a, const struct net_link *l)
{
    struct slice record = udev_net(a, l->index),
                 text = udev_get(a, record, "ID_MODEL_FROM_DATABASE");
    if (text.n) return text;
    text = netadapter_driver(a, l);
    if (text.n) return text;
    return l->flags & IFF_LOOPBACK ? SLICE("loopback") : l->name;
}

struct slice netadapter_caption(struct arena *a, const struct net_link *l)
{
    return arena_printf(a, "[%08u] " SLICE_FMT, l->index, SLICE_ARG(l->name));
}

/* NetConnectionStatus: 2 connected, 7 no carrier, 0 switched off. */
static unsigned link_status(const struct net_link *l)
{
    if (!(l->flags & IFF_UP)) return 0;         /* disconnected: switched off */
    if (l->operstate == 6 || l->operstate == 0) /* up, or a driver that does not say */
        return l->carrier || (l->flags & IFF_LOOPBACK) ? 2 : 7;
    return 7; /* media disconnected */
}

static cimf_status adapter_open(struct provider_call *c, void **state, size_t *rows)
{
    struct net_facts *f = ARENA_NEW(c->arena, struct net_facts);
    struct slice id;
    uint64_t index = 0;
    *rows = 0;
    if (!f) return CIMF_OUT_OF_MEMORY;
    if (provider_key_text(c, "DeviceID", &id) &&
        (!text_u64(id, &index) || index == 0 || index > INT32_MAX))
        return CIMF_OK;
    if (!net_read(c->arena, NET_LINKS, (uint32_t)index, f))
        return error_set(c->error, CIMF_PROVIDER_FAILURE, "provider",
                         "the kernel does not list its links");
    *state = f;
    *rows = f->links;
    return CIMF_OK;
}

static void put_hardware(struct cim_instance *out, struct arena *a, const struct net_link *l)
{
    struct slice driver = netadapter_driver(a, l), link, text;
    uint64_t speed;
    bool physical = source_exists("/sys/class/net/" SLICE_FMT "/device", SLICE_ARG(l->name));
    cim_put_bool(out, "PhysicalAdapter", physical);
    if (driver.n) cim_put_str(out, "ServiceName", driver);
    if (source_u64(&speed, "/sys/class/net/" SLICE_FMT "/speed", SLICE_ARG(l->name)) && speed &&
        speed < UINT32_MAX)
        cim_put_u64(out, "Speed", speed * 1000000);
    if (physical && source_link(a, &link, "/sys/class/net/" SLICE_FMT, SLICE_ARG(l->name))) {
        while (slice_starts(link, SLICE("../"))) link = slice_sub(link, 3);
        cim_put_str(out, "PNPDeviceID", text_clean(a, link));
    }
    text = udev_get(a, udev_net(a, l->index), "ID_VENDOR_FROM_DATABASE");
    if (text.n) cim_put_str(out, "Manufacturer", text);
    if (l->type != ARPHRD_ETHER) return;
    bool wireless = source_exists("/sys/class/net/" SLICE_FMT "/phy80211", SLICE_ARG(l->name));
    cim_put_strz(out, "AdapterType", wireless ? "Wireless" : "Ethernet 802.3");
    cim_put_u64(out, "AdapterTypeID", wireless ? 9 : 0);
}

static cimf_status adapter_fill(struct provider_call *c, void *state, size_t row,
                                struct cim_instance *out)
{
    const struct net_facts *f = state;
    const struct net_link *l = &f->link[row];
    struct arena *a = c->scratch;
    struct slice description = netadapter_description(a, l);
    cim_put_str(out, "DeviceID", arena_printf(a, "%u", l->index));
    cim_put_u64(out, "Index", l->index);
    cim_put_u64(out, "InterfaceIndex", l->index);
    cim_put_str(out, "Name", l->name);
    cim_put_str(out, "NetConnectionID", l->name);
    cim_put_str(out, "Caption", netadapter_caption(a, l));
    cim_put_str(out, "Description", description);
    cim_put_str(out, "ProductName", description);
    host_put_device(out, a);
    cim_put_u64(out, "NetConnectionStatus", link_status(l));
    cim_put_bool(out, "NetEnabled", (l->flags & IFF_UP) != 0);
    cim_put_bool(out, "Installed", true);
    cim_put_u64(out, "Availability", 3);
    if (netadapter_has_mac(l)) cim_put_str(out, "MACAddress", net_mac(a, l->mac, l->mac_length));
    if (l->permanent_length == 6)
        cim_put_str(out, "PermanentAddress", net_mac(a, l->permanent, l->permanent_length));
    put_hardware(out, a, l);
    return arena_status(a);
}

const struct provider_class provider_netadapter = {
    .ns = "root/cimv2",
    .class_name = "Win32_NetworkAdapter",
    .flags = PROVIDER_BLOCKING,
    .open = adapter_open,
    .fill = adapter_fill,
};
