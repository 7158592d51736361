/* Any bytes as a call of the endpoint mapper or of the management interface (first octet: which operation of which, and
 * the byte order), and as a tower. */
#include <stdlib.h>

#include "rpc/call_harness.h"
#include "rpc/epm.h"
#include "rpc/mgmt.h"
#include "rpc/tower.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct rpc_interface listed = {
    { 0x11111111, 1, 2, { 1, 2, 3, 4, 5, 6, 7, 8 } }, 1, 2, "listed", 4, RPC_LEVEL_CONNECT, false, NULL, NULL };
static const struct rpc_interface *served[3] = { &listed };

/* What is a tower of TCP and written again says the same. */
static void try_tower(struct slice octets)
{
    struct tower one, two;
    struct buf b;
    if (!tower_read(octets, &one) || !one.tcp) return;
    buf_init(&b, 0);
    tower_put(&b, &one);
    if (!tower_read(buf_slice(&b), &two) || memcmp(&one, &two, sizeof one) != 0) __builtin_trap();
    buf_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct epm *epm;
    static struct rpc_mgmt *mgmt;
    struct harness h;
    struct buf reply;
    if (!epm) {
        struct rpc_server_config config = { 0 };
        struct rpc_server *server;
        if (rpc_server_new(&config, &server, NULL) != CIMF_OK) abort();
        mgmt = rpc_mgmt_new(server, served, "host/box");
        served[1] = rpc_mgmt_interface(mgmt);
        epm = epm_new();
        if (!epm || !mgmt || epm_register(epm, &listed, NULL, 1, "one", NULL) != CIMF_OK ||
            epm_register(epm, &listed, NULL, 2, "two", NULL) != CIMF_OK)
            abort();
    }
    if (size == 0) return 0;
    struct slice stub = slice_of((const char *)data + 1, size - 1);
    try_tower(stub);
    harness_open(&h, data[0] & 8 ? rpc_mgmt_interface(mgmt) : epm_interface(epm), "192.0.2.7:135");
    h.big = data[0] & 16;
    buf_init(&reply, 0);
    harness_call(&h, data[0] & 7, slice_head(stub, stub.n < 5000 ? stub.n : 5000), &reply);
    buf_free(&reply);
    harness_shut(&h);
    return 0;
}
