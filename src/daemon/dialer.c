#include "daemon/dialer.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"

enum { RESOLVER = 135, FIRST_PORT = 1024 };

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_storage room;
};

static uint16_t port_of(const union address *a)
{
    return ntohs(a->any.sa_family == AF_INET6 ? a->v6.sin6_port : a->v4.sin_port);
}

static void set_port(union address *a, uint16_t port)
{
    if (a->any.sa_family == AF_INET6) a->v6.sin6_port = htons(port);
    else a->v4.sin_port = htons(port);
}

void dialer_init(struct dialer *d, const struct config *config)
{
    *d = (struct dialer){ .core = -1 };
    d->allowed = *config_text(config, CONFIG_wmi_callback_user) || config_on(config, CONFIG_wmi_callback_anonymous);
}

void dialer_listens(struct dialer *d, int fd)
{
    union address a = { .any.sa_family = AF_UNSPEC };
    socklen_t n = sizeof a;
    if (d->port_count < ROLE_LISTENERS && getsockname(fd, &a.any, &n) == 0) d->ports[d->port_count++] = port_of(&a);
}

static bool answer(struct dialer *d, uint32_t number, cimf_status status, int fd)
{
    const struct role_message m = { .word = ROLE_CONNECTED, .number = number, .status = status };
    struct error e = ERROR_INIT;
    return d->core < 0 || role_message_send(d->core, &m, fd, &e) != CIMF_SERVER_TOO_BUSY;
}

static struct budget *budget_of(struct dialer *d, const union address *peer)
{
    unsigned char key[16] = { [10] = 0xff, [11] = 0xff };
    struct dialer_place *oldest = d->places;
    if (peer->any.sa_family == AF_INET6) memcpy(key, &peer->v6.sin6_addr, sizeof key);
    else memcpy(key + 12, &peer->v4.sin_addr, 4);
    for (struct dialer_place *p = d->places; p < d->places + DIALER_ADDRESSES; p++) {
        if (memcmp(p->address, key, sizeof key) == 0) return &p->budget;
        if (p->budget.refilled < oldest->budget.refilled) oldest = p;
    }
    *oldest = (struct dialer_place){ 0 };
    memcpy(oldest->address, key, sizeof key);
    return &oldest->budget;
}

static int option(int fd, int name)
{
    int value = -1;
    socklen_t n = sizeof value;
    return getsockopt(fd, SOL_SOCKET, name, &value, &n) == 0 ? value : -1;
}

/* A connection of TCP that one of our listeners took; and who is there. */
static bool is_ours(const struct dialer *d, int fd, union address *local, union address *peer)
{
    struct tcp_info info = { 0 };
    socklen_t n = sizeof *local, m = sizeof *peer, k = sizeof info;
    int domain = option(fd, SO_DOMAIN);
    if ((domain != AF_INET && domain != AF_INET6) || option(fd, SO_TYPE) != SOCK_STREAM || option(fd, SO_PROTOCOL) != IPPROTO_TCP)
        return false;
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &k) != 0 || (info.tcpi_state != TCP_ESTABLISHED && info.tcpi_state != TCP_CLOSE_WAIT))
        return false;
    if (getsockname(fd, &local->any, &n) != 0 || getpeername(fd, &peer->any, &m) != 0) return false;
    for (unsigned i = 0; i < d->port_count; i++)
        if (d->ports[i] == port_of(local)) return true;
    return false;
}

/* From the address that the client knows us by. */
static int dial(union address *from, union address *to, uint16_t port)
{
    socklen_t n = to->any.sa_family == AF_INET6 ? sizeof to->v6 : sizeof to->v4;
    const int off = 0;
    int fd = socket(to->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    set_port(from, 0);
    set_port(to, port);
    if (fd < 0) return -1;
    if (to->any.sa_family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off); /* IPv4 at a listener for both */
    if (bind(fd, &from->any, n) == 0 && (connect(fd, &to->any, n) == 0 || errno == EINPROGRESS)) return fd;
    int number = errno;
    close(fd);
    errno = number;
    return -1;
}

/* The socket, or -1 and why there is none. */
static int open_to_client(struct dialer *d, uint32_t port, int proof, cimf_status *status)
{
    union address from = { .any.sa_family = AF_UNSPEC }, to = from;
    bool port_ok = port == RESOLVER || (port >= FIRST_PORT && port <= UINT16_MAX);
    *status = CIMF_SERVER_TOO_BUSY;
    if (!budget_spend(&d->all, DIALER_BURST, DIALER_RATE)) return -1;
    if (!d->allowed || !port_ok || proof < 0 || !is_ours(d, proof, &from, &to)) {
        log_warn("cimd", "cimd-core asks for a connection that it may not have port=%u", port);
        *status = CIMF_ACCESS_DENIED;
        return -1;
    }
    if (!budget_spend(budget_of(d, &to), DIALER_BURST_ADDRESS, DIALER_RATE_ADDRESS)) {
        d->all.left++; /* others may still */
        return -1;
    }
    int fd = dial(&from, &to, (uint16_t)port);
    *status = fd >= 0 ? CIMF_OK : errno == ECONNREFUSED ? CIMF_CONNECT_FAILED : CIMF_CONNECTION_LOST;
    return fd;
}

bool dialer_asked(struct dialer *d, const struct role_message *m, int fd)
{
    cimf_status status;
    int made = open_to_client(d, m->port, fd, &status);
    bool ok = answer(d, m->number, status, made);
    if (made >= 0) close(made);
    return ok;
}
