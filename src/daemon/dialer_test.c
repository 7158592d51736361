/* What cimd-core gets of the supervisor, and what not. */
#include "base/test.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "daemon/dialer.h"

static struct dialer dialer;
static int core, listener, elsewhere, client, accepted, stranger;

static int listening(struct sockaddr_in *at)
{
    socklen_t n = sizeof *at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    *at = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    assert_int_equal(bind(fd, (struct sockaddr *)at, sizeof *at), 0);
    assert_int_equal(listen(fd, 8), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)at, &n), 0);
    return fd;
}

/* A client's end; *taken is ours. */
static int connected(const struct sockaddr_in *to, int from, int *taken)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)to, sizeof *to), 0);
    *taken = accept(from, NULL, NULL);
    assert_true(*taken >= 0);
    return fd;
}

static struct sockaddr_in ours, other;

static int setup(void **state)
{
    int pair[2];
    struct config c;
    log_set_level(LOG_ERROR_);
    if (config_init(&c, NULL) != CIMF_OK || config_set(&c, "wmi.callback_anonymous=on", NULL) != CIMF_OK) return -1;
    dialer_init(&dialer, &c);
    config_free(&c);
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) return -1;
    dialer.core = pair[0];
    core = pair[1];
    listener = listening(&ours);
    elsewhere = listening(&other);
    dialer_listens(&dialer, listener);
    client = connected(&ours, listener, &accepted);
    stranger = -1;
    return 0;
}

static int teardown(void **state)
{
    const int fds[] = { dialer.core, core, listener, elsewhere, client, accepted, stranger };
    for (unsigned i = 0; i < sizeof fds / sizeof *fds; i++)
        if (fds[i] >= 0) close(fds[i]);
    return 0;
}

/* The answer; *fd is the test's. */
static cimf_status asked(uint16_t port, int proof, int *fd)
{
    const struct role_message m = { .word = ROLE_CONNECT, .number = 5, .port = port };
    struct role_message got;
    assert_true(dialer_asked(&dialer, &m, proof));
    assert_int_equal(role_message_receive(core, &got, fd, NULL), CIMF_OK);
    assert_int_equal(got.word, ROLE_CONNECTED);
    assert_int_equal(got.number, 5);
    assert_int_equal(got.status == CIMF_OK, *fd >= 0);
    return (cimf_status)got.status;
}

static void refused(uint16_t port, int proof)
{
    int fd;
    assert_int_equal(asked(port, proof, &fd), CIMF_ACCESS_DENIED);
    assert_int_equal(fd, -1);
}

static void test_reaches_the_client(void **state)
{
    int fd;
    struct sockaddr_in peer;
    socklen_t n = sizeof peer;
    assert_int_equal(asked(ntohs(other.sin_port), accepted, &fd), CIMF_OK);
    struct pollfd p = { .fd = fd, .events = POLLOUT };
    assert_int_equal(poll(&p, 1, 30000), 1);
    assert_int_equal(getpeername(fd, (struct sockaddr *)&peer, &n), 0);
    assert_int_equal(peer.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
    assert_int_equal(peer.sin_port, other.sin_port);
    close(fd);
    /* Half closed: the client may still want its results. */
    shutdown(client, SHUT_WR);
    assert_int_equal(asked(ntohs(other.sin_port), accepted, &fd), CIMF_OK);
    close(fd);
}

/* Listeners of IPv6, also when the client speaks IPv4 to them. */
static void test_ipv6(void **state)
{
    for (int mapped = 0; mapped < 2; mapped++) {
        struct sockaddr_in6 at = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT }, peer;
        socklen_t n = sizeof at;
        int off = 0, both = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0), taken, fd;
        if (mapped) at.sin6_addr = (struct in6_addr)IN6ADDR_ANY_INIT;
        setsockopt(both, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
        if (bind(both, (struct sockaddr *)&at, n) != 0) { /* this machine has none */
            close(both);
            skip();
        }
        assert_int_equal(listen(both, 8), 0);
        assert_int_equal(getsockname(both, (struct sockaddr *)&at, &n), 0);
        dialer_listens(&dialer, both);
        int mine = socket(mapped ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
        struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = at.sin6_port, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        assert_int_equal(connect(mine, mapped ? (struct sockaddr *)&v4 : (struct sockaddr *)&at, mapped ? sizeof v4 : sizeof at), 0);
        assert_true((taken = accept(both, NULL, NULL)) >= 0);
        assert_int_equal(asked(mapped ? ntohs(other.sin_port) : ntohs(at.sin6_port), taken, &fd), CIMF_OK);
        struct pollfd p = { .fd = fd, .events = POLLOUT };
        assert_int_equal(poll(&p, 1, 30000), 1);
        n = sizeof peer;
        assert_int_equal(getpeername(fd, (struct sockaddr *)&peer, &n), 0);
        assert_int_equal(IN6_IS_ADDR_V4MAPPED(&peer.sin6_addr), mapped);
        close(fd);
        close(taken);
        close(mine);
        close(both);
    }
}

static void test_ports(void **state)
{
    static const uint16_t ports[] = { 0, 1, 22, 80, 134, 136, 445, 1023 };
    for (unsigned i = 0; i < sizeof ports / sizeof *ports; i++) refused(ports[i], accepted);
}

static void test_proofs(void **state)
{
    uint16_t port = ntohs(other.sin_port);
    int pair[2], udp = socket(AF_INET, SOCK_DGRAM, 0), fresh = socket(AF_INET, SOCK_STREAM, 0), taken;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    assert_int_equal(connect(udp, (const struct sockaddr *)&ours, sizeof ours), 0);
    refused(port, -1);
    refused(port, pair[0]);
    refused(port, udp);
    refused(port, fresh);
    refused(port, STDERR_FILENO);
    refused(port, listener); /* leads nowhere */
    refused(port, client);   /* not one that we took */
    stranger = connected(&other, elsewhere, &taken); /* of another listener */
    refused(port, taken);
    close(taken);
    close(pair[0]);
    close(pair[1]);
    close(udp);
    close(fresh);
    /* It has ended. */
    const struct linger reset = { 1, 0 };
    setsockopt(client, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    close(client);
    client = -1;
    struct pollfd p = { .fd = accepted };
    assert_int_equal(poll(&p, 1, 30000), 1);
    refused(port, accepted);
}

static void test_switched_off(void **state)
{
    dialer.allowed = false; /* neither a login nor calls without one are configured */
    refused(ntohs(other.sin_port), accepted);
}

static void test_default_is_off(void **state)
{
    struct config c;
    struct dialer d;
    assert_int_equal(config_init(&c, NULL), CIMF_OK);
    dialer_init(&d, &c);
    assert_false(d.allowed);
    config_free(&c);
}

static void test_rate(void **state)
{
    int fd, busy = 0;
    for (int i = 0; i < 4 * DIALER_BURST; i++) {
        busy += asked(1, accepted, &fd) == CIMF_SERVER_TOO_BUSY;
        assert_int_equal(fd, -1);
    }
    assert_true(busy > DIALER_BURST);
}

/* A client whose objects do not answer uses up its own share, not what another one needs. */
static void test_rate_of_an_address(void **state)
{
    struct sockaddr_in from = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1) };
    int fd, busy = 0;
    for (int i = 0; i < 3 * DIALER_BURST_ADDRESS; i++) {
        busy += asked(ntohs(other.sin_port), accepted, &fd) == CIMF_SERVER_TOO_BUSY;
        if (fd >= 0) close(fd);
    }
    assert_true(busy > DIALER_BURST_ADDRESS);
    int neighbour = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(neighbour, (struct sockaddr *)&from, sizeof from), 0);
    assert_int_equal(connect(neighbour, (struct sockaddr *)&ours, sizeof ours), 0);
    int taken = accept(listener, NULL, NULL);
    assert_int_equal(asked(ntohs(other.sin_port), taken, &fd), CIMF_OK);
    close(fd);
    close(taken);
    close(neighbour);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = { T(test_reaches_the_client), T(test_ipv6), T(test_ports), T(test_proofs), T(test_switched_off),
                                        cmocka_unit_test(test_default_is_off), T(test_rate), T(test_rate_of_an_address) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
