#include "provider/netlink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sys/socket.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "provider/text.h"

#define REPLIES_MAX 65536 /* messages of one dump, against a kernel that never ends */

struct attribute {
    unsigned type;
    struct slice data;
};

/* Cuts the next attribute off *rest; false at the end or where it is damaged. */
static bool next_attribute(struct slice *rest, struct attribute *out)
{
    struct rtattr h;
    if (rest->n < sizeof h) return false;
    memcpy(&h, rest->p, sizeof h);
    if (h.rta_len < sizeof h || h.rta_len > rest->n) return false;
    out->type = h.rta_type & NLA_TYPE_MASK;
    out->data = slice_of(rest->p + sizeof h, h.rta_len - sizeof h);
    *rest = slice_sub(*rest, RTA_ALIGN(h.rta_len));
    return true;
}

static uint32_t u32_of(struct slice s)
{
    uint32_t v = 0;
    if (s.n >= sizeof v) memcpy(&v, s.p, sizeof v);
    return v;
}

static unsigned copy_mac(uint8_t out[8], struct slice s)
{
    unsigned n = s.n < 8 ? (unsigned)s.n : 8;
    memcpy(out, s.p, n);
    return s.n <= 8 ? n : 0; /* longer ones (InfiniBand) are not shown */
}

/* Room for one more in a list that doubles. */
static void *grow(struct arena *a, void *list, size_t count, size_t size)
{
    if (count >= NET_MAX) return NULL;
    if (count & (count - 1) || (count && count < 8)) return list;
    if (count == 0) return arena_array(a, 8, size);
    void *bigger = arena_array(a, count * 2, size);
    if (bigger) memcpy(bigger, list, count * size);
    return bigger;
}

static bool add_link(struct arena *a, struct slice body, struct net_facts *out)
{
    struct ifinfomsg h;
    struct attribute at, info;
    if (body.n < sizeof h) return true;
    memcpy(&h, body.p, sizeof h);
    struct net_link l = { .index = (uint32_t)h.ifi_index,
                          .type = h.ifi_type,
                          .flags = h.ifi_flags,
                          .carrier = (h.ifi_flags & IFF_LOWER_UP) != 0,
                          .name = SLICE(""),
                          .kind = SLICE("") };
    struct slice rest = slice_sub(body, NLMSG_ALIGN(sizeof h));
    while (next_attribute(&rest, &at)) {
        if (at.type == IFLA_IFNAME)
            l.name = text_clean(a, slice_head(at.data, slice_find(at.data, 0)));
        if (at.type == IFLA_MTU) l.mtu = u32_of(at.data);
        if (at.type == IFLA_OPERSTATE && at.data.n) l.operstate = (uint8_t)at.data.p[0];
        if (at.type == IFLA_CARRIER && at.data.n) l.carrier = at.data.p[0] != 0;
        if (at.type == IFLA_ADDRESS) l.mac_length = copy_mac(l.mac, at.data);
        if (at.type == IFLA_PERM_ADDRESS) l.permanent_length = copy_mac(l.permanent, at.data);
        if (at.type == IFLA_LINKINFO)
            for (struct slice in = at.data; next_attribute(&in, &info);)
                if (info.type == IFLA_INFO_KIND)
                    l.kind = text_clean(a, slice_head(info.data, slice_find(info.data, 0)));
    }
    if (!(out->link = grow(a, out->link, out->links, sizeof l))) return false;
    out->link[out->links++] = l;
    return true;
}

static bool add_address(struct arena *a, struct slice body, struct net_facts *out)
{
    struct ifaddrmsg h;
    struct attribute at;
    if (body.n < sizeof h) return true;
    memcpy(&h, body.p, sizeof h);
    size_t size = h.ifa_family == AF_INET ? 4 : h.ifa_family == AF_INET6 ? 16 : 0;
    struct net_address x = { .link = h.ifa_index,
                             .family = h.ifa_family,
                             .prefix = h.ifa_prefixlen,
                             .scope = h.ifa_scope,
                             .valid_s = UINT32_MAX };
    bool found = false, local = false;
    uint32_t flags = h.ifa_flags;
    struct slice rest = slice_sub(body, NLMSG_ALIGN(sizeof h));
    while (next_attribute(&rest, &at)) {
        /* on point-to-point links ADDRESS is the other end and LOCAL is ours */
        if ((at.type == IFA_LOCAL || (at.type == IFA_ADDRESS && !local)) && size &&
            at.data.n == size) {
            memcpy(x.bytes, at.data.p, size);
            found = true;
            local = at.type == IFA_LOCAL;
        }
        if (at.type == IFA_FLAGS) flags = u32_of(at.data);
        if (at.type == IFA_CACHEINFO && at.data.n >= sizeof(struct ifa_cacheinfo)) {
            struct ifa_cacheinfo info;
            memcpy(&info, at.data.p, sizeof info);
            x.valid_s = info.ifa_valid;
            x.stamp_cs = info.tstamp;
        }
    }
    if (!found) return true;
    x.dynamic = !(flags & IFA_F_PERMANENT);
    if (!(out->address = grow(a, out->address, out->addresses, sizeof x))) return false;
    out->address[out->addresses++] = x;
    return true;
}

static bool add_route(struct arena *a, const struct net_route *r, struct net_facts *out)
{
    if (r->link == 0) return true;
    if (!(out->route = grow(a, out->route, out->routes, sizeof *r))) return false;
    out->route[out->routes++] = *r;
    return true;
}

static void set_gateway(struct net_route *r, struct slice data)
{
    if (data.n != (r->family == AF_INET ? 4u : 16u)) return;
    memcpy(r->gateway, data.p, data.n);
    r->has_gateway = true;
}

/* RTA_VIA: a gateway of another family than the route's (RFC 5549). */
static void set_via(struct net_route *r, struct slice data)
{
    uint16_t family;
    if (data.n < 2) return;
    memcpy(&family, data.p, sizeof family);
    if (family != AF_INET && family != AF_INET6) return;
    r->family = (uint8_t)family;
    set_gateway(r, slice_sub(data, 2));
}

static bool add_next_hops(struct arena *a, struct net_route r, struct slice rest,
                          struct net_facts *out)
{
    while (rest.n >= sizeof(struct rtnexthop)) {
        struct rtnexthop hop;
        struct attribute at;
        memcpy(&hop, rest.p, sizeof hop);
        if (hop.rtnh_len < sizeof hop || hop.rtnh_len > rest.n) break;
        struct net_route one = r;
        one.link = (uint32_t)hop.rtnh_ifindex;
        struct slice in = slice_sub(slice_head(rest, hop.rtnh_len), sizeof hop);
        while (next_attribute(&in, &at)) {
            if (at.type == RTA_GATEWAY) set_gateway(&one, at.data);
            if (at.type == RTA_VIA) set_via(&one, at.data);
        }
        if (!add_route(a, &one, out)) return false;
        rest = slice_sub(rest, RTNH_ALIGN(hop.rtnh_len));
    }
    return true;
}

static bool add_default_route(struct arena *a, struct slice body, struct net_facts *out)
{
    struct rtmsg h;
    struct attribute at;
    if (body.n < sizeof h) return true;
    memcpy(&h, body.p, sizeof h);
    if (h.rtm_dst_len || h.rtm_type != RTN_UNICAST || (h.rtm_flags & RTM_F_CLONED) ||
        (h.rtm_family != AF_INET && h.rtm_family != AF_INET6))
        return true;
    struct net_route r = { .family = h.rtm_family };
    struct slice hops = SLICE(""), rest = slice_sub(body, NLMSG_ALIGN(sizeof h));
    uint32_t route_table = h.rtm_table;
    while (next_attribute(&rest, &at)) {
        if (at.type == RTA_OIF) r.link = u32_of(at.data);
        if (at.type == RTA_PRIORITY) r.metric = u32_of(at.data);
        if (at.type == RTA_TABLE) route_table = u32_of(at.data);
        if (at.type == RTA_GATEWAY) set_gateway(&r, at.data);
        if (at.type == RTA_VIA) set_via(&r, at.data);
        if (at.type == RTA_MULTIPATH) hops = at.data;
    }
    if (route_table != RT_TABLE_MAIN) return true;
    return hops.n ? add_next_hops(a, r, hops, out) : add_route(a, &r, out);
}

bool net_parse(struct arena *a, struct slice messages, struct net_facts *out, bool *done)
{
    while (messages.n >= sizeof(struct nlmsghdr)) {
        struct nlmsghdr h;
        memcpy(&h, messages.p, sizeof h);
        if (h.nlmsg_len < sizeof h || h.nlmsg_len > messages.n) break;
        struct slice body = slice_sub(slice_head(messages, h.nlmsg_len), NLMSG_HDRLEN);
        bool ok = true;
        if (h.nlmsg_type == NLMSG_DONE || h.nlmsg_type == NLMSG_ERROR) {
            *done = true;
            return true;
        }
        if (h.nlmsg_type == RTM_NEWLINK) ok = add_link(a, body, out);
        if (h.nlmsg_type == RTM_NEWADDR) ok = add_address(a, body, out);
        if (h.nlmsg_type == RTM_NEWROUTE) ok = add_default_route(a, body, out);
        if (!ok) return false;
        messages = slice_sub(messages, NLMSG_ALIGN(h.nlmsg_len));
    }
    return true;
}

static bool ask(struct arena *a, int fd, int type, struct net_facts *out)
{
    struct {
        struct nlmsghdr h;
        union {
            struct ifinfomsg link;
            struct ifaddrmsg address;
            struct rtmsg route;
        } body;
    } q;
    memset(&q, 0, sizeof q);
    size_t body = type == RTM_GETLINK   ? sizeof q.body.link
                  : type == RTM_GETADDR ? sizeof q.body.address
                                        : sizeof q.body.route;
    q.h.nlmsg_len = (uint32_t)NLMSG_LENGTH(body);
    q.h.nlmsg_type = (uint16_t)type;
    q.h.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    q.h.nlmsg_seq = (uint32_t)type;
    if (send(fd, &q, q.h.nlmsg_len, 0) < 0) return false;
    static const size_t room = 65536;
    char *reply = malloc(room);
    bool done = false, ok = reply != NULL;
    for (int i = 0; ok && !done && i < REPLIES_MAX; i++) {
        ssize_t n = recv(fd, reply, room, 0);
        if (n < 0 && errno == EINTR) continue;
        ok = n > 0 && net_parse(a, slice_of(reply, (size_t)n), out, &done);
    }
    free(reply);
    return ok;
}

static int by_index(const void *x, const void *y)
{
    const struct net_link *a = x, *b = y;
    return a->index < b->index ? -1 : a->index > b->index;
}

static int by_metric(const void *x, const void *y)
{
    const struct net_route *a = x, *b = y;
    if (a->family != b->family) return a->family < b->family ? -1 : 1;
    return a->metric < b->metric ? -1 : a->metric > b->metric;
}

static void keep_link(struct net_facts *f, uint32_t link)
{
    size_t n = 0;
    for (size_t i = 0; i < f->links; i++)
        if (f->link[i].index == link) f->link[n++] = f->link[i];
    f->links = n;
}

bool net_read(struct arena *a, unsigned what, uint32_t link, struct net_facts *out)
{
    memset(out, 0, sizeof *out);
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (fd < 0) return false;
    struct timeval limit = { .tv_sec = 5 };
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    bool ok = (!(what & NET_LINKS) || ask(a, fd, RTM_GETLINK, out)) &&
              (!(what & NET_ADDRESSES) || ask(a, fd, RTM_GETADDR, out)) &&
              (!(what & NET_ROUTES) || ask(a, fd, RTM_GETROUTE, out));
    close(fd);
    if (!ok) return false;
    if (link) keep_link(out, link);
    if (out->links) qsort(out->link, out->links, sizeof *out->link, by_index);
    if (out->routes) qsort(out->route, out->routes, sizeof *out->route, by_metric);
    return true;
}

struct slice net_mac(struct arena *a, const uint8_t *mac, unsigned length)
{
    char text[32];
    size_t n = 0;
    for (unsigned i = 0; i < length && i < 8; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, i ? ":%02X" : "%02X", mac[i]);
    return arena_dup(a, slice_of(text, n));
}

struct slice net_text(struct arena *a, uint8_t family, const uint8_t *bytes)
{
    char text[INET6_ADDRSTRLEN];
    if (!inet_ntop(family, bytes, text, sizeof text)) return SLICE("");
    return arena_dup(a, slice_str(text));
}

struct slice net_mask(struct arena *a, uint8_t family, unsigned prefix)
{
    if (family != AF_INET || prefix > 32) return arena_printf(a, "%u", prefix);
    uint32_t mask = htonl(prefix ? UINT32_MAX << (32 - prefix) : 0);
    return net_text(a, AF_INET, (const uint8_t *)&mask);
}
