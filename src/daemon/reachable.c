#include "daemon/reachable.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <string.h>

static const char *keep(struct reachable *r, struct slice s) { return arena_strz(&r->arena, s); }

bool reachable_init(struct reachable *r, const struct config *c, const char *host)
{
    struct slice whole = slice_str(host), rest = slice_str(config_text(c, CONFIG_wmi_names));
    unsigned n = 0;
    arena_init(&r->arena, 0);
    bool domain = slice_find(whole, '.') < whole.n;
    r->short_name = keep(r, slice_head(whole, slice_find(whole, '.')));
    r->full_name = domain ? keep(r, whole) : NULL;
    bool ok = r->short_name && (r->full_name || !domain);
    while (ok && rest.n && n < REACHABLE_NAMES) {
        struct slice one = slice_trim(slice_split(rest, ',', &rest));
        if (one.n) ok = (r->names[n++] = keep(r, one)) != NULL;
    }
    return ok;
}

static void add(struct reachable *r, const char *text)
{
    unsigned n = 0;
    while (r->addresses[n])
        if (!strcmp(r->addresses[n++], text)) return;
    if (n < REACHABLE_ADDRESSES) r->addresses[n] = keep(r, slice_str(text));
}

/* True: of use to others on the network. */
static bool address_text(const struct sockaddr *a, char out[INET6_ADDRSTRLEN])
{
    if (a->sa_family == AF_INET)
        return inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)a)->sin_addr, out, INET6_ADDRSTRLEN) != NULL;
    if (a->sa_family != AF_INET6) return false;
    const struct in6_addr *six = &((const struct sockaddr_in6 *)(const void *)a)->sin6_addr;
    return !IN6_IS_ADDR_LINKLOCAL(six) && inet_ntop(AF_INET6, six, out, INET6_ADDRSTRLEN);
}

void reachable_bound(struct reachable *r, const char *bound)
{
    bool four = !strncmp(bound, "0.0.0.0:", 8), both = !strncmp(bound, "[::]:", 5);
    struct ifaddrs *list, *i;
    char text[INET6_ADDRSTRLEN];
    if ((!four && !both) || getifaddrs(&list) != 0) return;
    for (i = list; i; i = i->ifa_next) {
        bool useful = i->ifa_addr && i->ifa_flags & IFF_UP && !(i->ifa_flags & IFF_LOOPBACK);
        if (useful && (both || i->ifa_addr->sa_family == AF_INET) && address_text(i->ifa_addr, text)) add(r, text);
    }
    freeifaddrs(list);
}

void reachable_free(struct reachable *r)
{
    arena_free(&r->arena);
}
