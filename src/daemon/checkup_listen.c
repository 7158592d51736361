/* The addresses of [listen]: what they are, whether this machine has them, whether two of them are one. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/checkup_priv.h"
#include "daemon/role.h"
#include "net/acceptor.h"

struct place {
    const char *key, *text;
    struct sockaddr_storage address;
    bool every; /* "*": both families */
};

static const struct {
    enum config_key key;
    const char *name;
} keys[] = {
    { CONFIG_listen_http, "listen.http" }, { CONFIG_listen_https, "listen.https" },
    { CONFIG_listen_epmap, "listen.epmap" }, { CONFIG_listen_wmi, "listen.wmi" },
};

static in_port_t port_of(const struct place *p)
{
    return ntohs(p->address.ss_family == AF_INET6 ? ((const struct sockaddr_in6 *)(const void *)&p->address)->sin6_port
                                                  : ((const struct sockaddr_in *)(const void *)&p->address)->sin_port);
}

/* The bytes of its address; *all: it stands for every one of its family. */
static struct slice bytes_of(const struct place *p, bool *all)
{
    const struct sockaddr_in6 *six = (const void *)&p->address;
    const struct sockaddr_in *four = (const void *)&p->address;
    bool v6 = p->address.ss_family == AF_INET6;
    *all = v6 ? IN6_IS_ADDR_UNSPECIFIED(&six->sin6_addr) : four->sin_addr.s_addr == INADDR_ANY;
    return v6 ? slice_of((const char *)&six->sin6_addr, sizeof six->sin6_addr) : slice_of((const char *)&four->sin_addr, sizeof four->sin_addr);
}

/* Of an address of one link: which link; 0: none. */
static uint32_t link_of(const struct place *p)
{
    return p->address.ss_family == AF_INET6 ? ((const struct sockaddr_in6 *)(const void *)&p->address)->sin6_scope_id : 0;
}

static bool of_no_link(const struct place *p)
{
    return p->address.ss_family == AF_INET6 && !link_of(p) && IN6_IS_ADDR_LINKLOCAL(&((const struct sockaddr_in6 *)(const void *)&p->address)->sin6_addr);
}

/* One connection would fit both. */
static bool same(const struct place *a, const struct place *b)
{
    bool all_a, all_b;
    struct slice bytes_a = bytes_of(a, &all_a), bytes_b = bytes_of(b, &all_b);
    if (!port_of(a) || port_of(a) != port_of(b)) return false;
    if (a->every || b->every) return true;
    return a->address.ss_family == b->address.ss_family && (all_a || all_b || (slice_eq(bytes_a, bytes_b) && link_of(a) == link_of(b)));
}

/* Asks the kernel, without listening. */
static int bind_error(const struct place *p)
{
    const int on = 1, only = !p->every;
    int fd = socket(p->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0), number = 0;
    if (fd < 0) return errno;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (p->address.ss_family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only);
    socklen_t n = p->address.ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
    if (bind(fd, (const struct sockaddr *)&p->address, n) != 0) number = errno;
    close(fd);
    return number;
}

static void try_bind(struct checkup *x, const struct place *p)
{
    int number = bind_error(p);
    if (number == 0 || number == EADDRINUSE) return; /* it may well be this daemon */
    bool missing = number == EADDRNOTAVAIL || number == EAFNOSUPPORT;
    if (missing && p->every) return; /* IPv4 alone then */
    if (number == EADDRNOTAVAIL && net_address_may_come(&p->address)) /* at boot DHCP and the like may not be through */
        checkup_add(x, CIMF_OK, "%s: no network interface of this machine has the address of %s now: nobody gets in there until one has; "
                                "`ip address` lists those that there are, * stands for every one", p->key, p->text);
    else if (missing && p->address.ss_family == AF_INET6)
        checkup_add(x, CIMF_OK, "%s: %s is left out: this machine has no IPv6", p->key, p->text);
    else if (missing)
        checkup_add(x, CIMF_INVALID_PARAMETER, "%s: no network interface of this machine has the address of %s; `ip address` lists them, * stands for every one", p->key, p->text);
    else if (number == EACCES)
        checkup_add(x, CIMF_ACCESS_DENIED, "%s: user %u may not listen at %s: ports below 1024 are for root (or CAP_NET_BIND_SERVICE)", p->key,
                    (unsigned)geteuid(), p->text);
    else if (number == EINVAL && of_no_link(p))
        checkup_add(x, CIMF_INVALID_PARAMETER, "%s: %s is an address of one link: say which, as in [fe80::1%%eth0]:5985", p->key, p->text);
    else
        checkup_add(x, CIMF_IO_ERROR, "%s: cannot listen at %s: %s", p->key, p->text, strerror(number));
}

void checkup_addresses(struct checkup *x)
{
    struct place places[ROLE_LISTENERS];
    unsigned count = 0, given = 0;
    const char *text;
    for (size_t k = 0; k < sizeof keys / sizeof *keys; k++) {
        for (unsigned i = 0; (text = config_item(x->config, keys[k].key, i)); i++) {
            struct place *p = &places[count];
            struct error why = ERROR_INIT;
            if (++given > ROLE_LISTENERS) continue;
            *p = (struct place){ .key = keys[k].name, .text = text };
            cimf_status status = net_address_parse(text, &p->address, &p->every, &why);
            if (status != CIMF_OK) {
                checkup_add(x, status, "%s: %s", p->key, error_text(&why));
                continue;
            }
            unsigned other = 0;
            while (other < count && !same(&places[other], p)) other++;
            if (other < count)
                checkup_add(x, CIMF_INVALID_PARAMETER, "%s: %s is the same address and port as %s of %s: give it another port, or leave it out", p->key, p->text,
                            places[other].text, places[other].key);
            else try_bind(x, p);
            count++;
        }
    }
    if (given > ROLE_LISTENERS) checkup_add(x, CIMF_INVALID_PARAMETER, "[listen]: %u addresses are more than %d", given, ROLE_LISTENERS);
}
