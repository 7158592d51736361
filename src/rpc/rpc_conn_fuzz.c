/* Any bytes as what a client of DCE/RPC sends, with calls that are answered at once; no broker: nobody logs in. */
#include <stdlib.h>

#include "rpc/conn.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void echo(struct rpc_call *c)
{
    buf_slice_add(&c->reply, c->stub);
    if (c->opnum == 1) rpc_fault(c, RPC_FAULT_BAD_STUB);
    else rpc_reply(c);
}
static void ignore_bytes(struct rpc_conn *c, struct slice bytes) {}
static void ignore(struct rpc_conn *c) {}
static void ignore_reading(struct rpc_conn *c, bool on) {}

static const struct rpc_interface open_interface = {
    { 0x22222222, 1, 2, { 1, 2, 3, 4, 5, 6, 7, 8 } }, 0, 0, "open", 2, RPC_LEVEL_NONE, false, echo, NULL };
static const struct rpc_interface *const interfaces[] = { &open_interface, NULL };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct rpc_conn_ops ops = { ignore_bytes, ignore, ignore_reading, ignore };
    static struct auth_broker *broker;
    struct rpc_site site = { .ops = &ops, .interfaces = interfaces };
    struct rpc_conn c;
    if (!broker) {
        struct auth_broker_config config = { .ntlm = true, .accounts_path = "/nonexistent/accounts", .dummy_cost = 1 };
        if (auth_broker_new(&config, &broker, NULL) != CIMF_OK) abort();
    }
    site.broker = broker;
    rpc_site_defaults(&site);
    rpc_conn_init(&c, &site, "192.0.2.1", "192.0.2.2:135");
    size_t piece = size ? data[0] + 1u : 1;
    for (size_t at = 1; at < size; at += piece)
        rpc_conn_input(&c, slice_of((const char *)data + at, size - at < piece ? size - at : piece));
    rpc_conn_end(&c);
    rpc_conn_free(&c);
    return 0;
}
