/* Replies of the kernel are built here byte by byte; live_test.c asks the real one. */
#include <arpa/inet.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/test.h"
#include "provider/netlink.h"

static size_t begin(struct buf *b, int type, const void *body, size_t n)
{
    struct nlmsghdr h = { .nlmsg_type = (uint16_t)type };
    size_t at = b->n;
    buf_add(b, &h, sizeof h);
    buf_add(b, body, n);
    return at;
}

static void attribute(struct buf *b, int type, const void *data, size_t n)
{
    struct rtattr h = { .rta_type = (uint16_t)type, .rta_len = (uint16_t)(sizeof h + n) };
    buf_add(b, &h, sizeof h);
    buf_add(b, data, n);
    while (b->n % 4) buf_byte(b, 0);
}

static void end(struct buf *b, size_t at)
{
    uint32_t n = (uint32_t)(b->n - at);
    memcpy(b->p + at, &n, sizeof n);
}

static void build(struct buf *b)
{
    struct ifinfomsg link = { .ifi_index = 4, .ifi_type = 1, .ifi_flags = 1 };
    struct ifaddrmsg address = { .ifa_family = AF_INET, .ifa_prefixlen = 24, .ifa_index = 4 };
    struct rtmsg route = { .rtm_family = AF_INET,
                           .rtm_table = RT_TABLE_MAIN,
                           .rtm_type = RTN_UNICAST };
    uint32_t mtu = 1400, oif = 4, metric = 100;
    struct ifa_cacheinfo info = { .ifa_valid = 3600, .tstamp = 500 };
    size_t at = begin(b, RTM_NEWLINK, &link, sizeof link);
    attribute(b, IFLA_IFNAME, "eth0", 5);
    attribute(b, IFLA_MTU, &mtu, 4);
    attribute(b, IFLA_ADDRESS, "\x02\xfc\0\0\0\x01", 6);
    attribute(b, IFLA_OPERSTATE, "\x06", 1);
    end(b, at);
    at = begin(b, RTM_NEWADDR, &address, sizeof address);
    attribute(b, IFA_ADDRESS, "\x0a\0\0\x01", 4);
    attribute(b, IFA_LOCAL, "\xc0\0\x02\x02", 4);
    attribute(b, IFA_CACHEINFO, &info, sizeof info);
    end(b, at);
    at = begin(b, RTM_NEWROUTE, &route, sizeof route);
    attribute(b, RTA_OIF, &oif, 4);
    attribute(b, RTA_PRIORITY, &metric, 4);
    attribute(b, RTA_GATEWAY, "\xc0\0\x02\x01", 4);
    end(b, at);
    struct rtmsg other = route;
    other.rtm_dst_len = 24; /* not a default route */
    at = begin(b, RTM_NEWROUTE, &other, sizeof other);
    attribute(b, RTA_OIF, &oif, 4);
    end(b, at);
    at = begin(b, NLMSG_DONE, "\0\0\0\0", 4);
    end(b, at);
}

static void test_reply(void **state)
{
    struct arena a;
    struct buf b;
    struct net_facts f = { .links = 0 };
    bool done = false;
    (void)state;
    arena_init(&a, 0);
    buf_init(&b, 0);
    build(&b);
    assert_true(net_parse(&a, buf_slice(&b), &f, &done));
    assert_true(done);
    assert_int_equal(f.links, 1);
    assert_slice(f.link[0].name, "eth0");
    assert_int_equal(f.link[0].mtu, 1400);
    assert_int_equal(f.link[0].operstate, 6);
    assert_slice(net_mac(&a, f.link[0].mac, f.link[0].mac_length), "02:FC:00:00:00:01");
    assert_int_equal(f.addresses, 1);
    assert_slice(net_text(&a, AF_INET, f.address[0].bytes), "192.0.2.2"); /* ours, not the peer's */
    assert_true(f.address[0].dynamic);
    assert_int_equal(f.address[0].valid_s, 3600);
    assert_int_equal(f.address[0].stamp_cs, 500);
    assert_int_equal(f.routes, 1);
    assert_int_equal(f.route[0].metric, 100);
    assert_slice(net_text(&a, AF_INET, f.route[0].gateway), "192.0.2.1");
    buf_free(&b);
    arena_free(&a);
}

static void test_truncations(void **state)
{
    struct buf b;
    (void)state;
    buf_init(&b, 0);
    build(&b);
    for (size_t n = 0; n < b.n; n++) {
        struct arena a;
        struct net_facts f = { .links = 0 };
        bool done = false;
        char *copy = malloc(n + 1);
        arena_init(&a, 0);
        memcpy(copy, b.p, n);
        assert_true(net_parse(&a, slice_of(copy, n), &f, &done));
        assert_false(done);
        free(copy);
        arena_free(&a);
    }
    buf_free(&b);
}

static void test_next_hops(void **state)
{
    struct arena a;
    struct buf b, hops;
    struct net_facts f = { .links = 0 };
    struct rtmsg route = { .rtm_family = AF_INET,
                           .rtm_table = RT_TABLE_MAIN,
                           .rtm_type = RTN_UNICAST };
    bool done = false;
    (void)state;
    arena_init(&a, 0);
    buf_init(&b, 0);
    buf_init(&hops, 0);
    for (int i = 1; i <= 2; i++) {
        struct rtnexthop h = { .rtnh_len = sizeof h + 8, .rtnh_ifindex = i };
        buf_add(&hops, &h, sizeof h);
        attribute(&hops, RTA_GATEWAY, i == 1 ? "\x0a\0\0\x01" : "\x0a\0\0\x02", 4);
    }
    size_t at = begin(&b, RTM_NEWROUTE, &route, sizeof route);
    attribute(&b, RTA_MULTIPATH, hops.p, hops.n);
    end(&b, at);
    assert_true(net_parse(&a, buf_slice(&b), &f, &done));
    assert_int_equal(f.routes, 2);
    assert_int_equal(f.route[1].link, 2);
    assert_slice(net_text(&a, AF_INET, f.route[1].gateway), "10.0.0.2");
    buf_free(&b);
    buf_free(&hops);
    arena_free(&a);
}

static void test_masks(void **state)
{
    struct arena a;
    (void)state;
    arena_init(&a, 0);
    assert_slice(net_mask(&a, AF_INET, 24), "255.255.255.0");
    assert_slice(net_mask(&a, AF_INET, 0), "0.0.0.0");
    assert_slice(net_mask(&a, AF_INET, 32), "255.255.255.255");
    assert_slice(net_mask(&a, AF_INET, 17), "255.255.128.0");
    assert_slice(net_mask(&a, AF_INET6, 64), "64");
    arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reply),
        cmocka_unit_test(test_truncations),
        cmocka_unit_test(test_next_hops),
        cmocka_unit_test(test_masks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
