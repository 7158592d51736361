/* Replies of rtnetlink, any bytes. */
#include <assert.h>
#include <sys/socket.h>

#include "provider/netlink.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    struct net_facts f = { .links = 0 };
    bool done = false;
    arena_init(&a, 16 << 20);
    if (net_parse(&a, slice_of((const char *)data, size), &f, &done)) {
        for (size_t i = 0; i < f.links; i++) net_mac(&a, f.link[i].mac, f.link[i].mac_length);
        for (size_t i = 0; i < f.addresses; i++) {
            assert(f.address[i].family == AF_INET || f.address[i].family == AF_INET6);
            net_mask(&a, f.address[i].family, f.address[i].prefix);
        }
        for (size_t i = 0; i < f.routes; i++) assert(f.route[i].link != 0);
    }
    arena_free(&a);
    return 0;
}
