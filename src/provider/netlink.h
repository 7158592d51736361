/* provider/netlink.h - links, addresses and routes from the kernel (rtnetlink(7)). */
#ifndef PROVIDER_NETLINK_H
#define PROVIDER_NETLINK_H

#include "base/arena.h"

struct net_link {
    uint32_t index, mtu;
    uint16_t type;     /* ARPHRD_ETHER ... */
    uint32_t flags;    /* IFF_UP ... */
    uint8_t operstate; /* RFC 2863: 6 up, 2 down, 0 unknown */
    bool carrier;
    struct slice name, kind; /* "eth0", "bridge" */
    uint8_t mac[8], permanent[8];
    unsigned mac_length, permanent_length;
};

struct net_address {
    uint32_t link;
    uint8_t family; /* AF_INET, AF_INET6 */
    uint8_t prefix;
    bool dynamic;  /* has a lifetime: from DHCP or router advertisements */
    uint8_t scope; /* RT_SCOPE_UNIVERSE ... */
    uint8_t bytes[16];
    uint32_t valid_s;  /* seconds left, UINT32_MAX = for ever */
    uint32_t stamp_cs; /* when last renewed, 1/100 s since boot */
};

/* A default route. */
struct net_route {
    uint32_t link, metric;
    uint8_t family;
    bool has_gateway; /* false: the link itself leads out */
    uint8_t gateway[16];
};

struct net_facts {
    struct net_link *link;
    struct net_address *address;
    struct net_route *route;
    size_t links, addresses, routes;
};

#define NET_LINKS 1u
#define NET_ADDRESSES 2u
#define NET_ROUTES 4u
#define NET_MAX 65536 /* of each kind */

/* Reads what `what` names; links in order of their index, addresses and routes as the kernel has
 * them (routes by metric). link: this one only, 0 for all. */
bool net_read(struct arena *a, unsigned what, uint32_t link, struct net_facts *out);
/* Takes one reply of the kernel apart (any bytes); false when out of room. *done is set at its end.
 */
bool net_parse(struct arena *a, struct slice messages, struct net_facts *out, bool *done);

/* "02:FC:00:00:00:01" */
struct slice net_mac(struct arena *a, const uint8_t *mac, unsigned length);
/* "192.0.2.1", "fd00::2" */
struct slice net_text(struct arena *a, uint8_t family, const uint8_t *bytes);
/* Dotted mask of a prefix length for IPv4, the length itself for IPv6: what IPSubnet holds. */
struct slice net_mask(struct arena *a, uint8_t family, unsigned prefix);

#endif
