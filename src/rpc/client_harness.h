/* rpc/client_harness.h - a client and a server association back to back in memory; tests only. */
#ifndef RPC_CLIENT_HARNESS_H
#define RPC_CLIENT_HARNESS_H

#include "base/test.h"
#include "rpc/client_conn.h"
#include "rpc/conn.h"

struct pair {
    struct rpc_site site;
    struct rpc_conn server;
    struct rpc_client_conn client;
    struct buf to_server, to_client;
    bool server_closed, client_asked;
    size_t piece;             /* each side gets so many bytes at once; 0: all */
    void (*change)(struct buf *b, bool to_server); /* somebody in the middle */
};
static struct pair pair;

static void pair_server_send(struct rpc_conn *c, struct slice bytes) { buf_slice_add(&pair.to_client, bytes); }
static void pair_server_close(struct rpc_conn *c) { pair.server_closed = true; }
static void pair_server_reading(struct rpc_conn *c, bool on) {}
static void pair_server_released(struct rpc_conn *c) {}
static const struct rpc_conn_ops pair_server_ops = { pair_server_send, pair_server_close, pair_server_reading, pair_server_released };

static void pair_client_send(struct rpc_client_conn *c, struct slice bytes) { buf_slice_add(&pair.to_server, bytes); }
static void pair_client_later(struct rpc_client_conn *c) { pair.client_asked = true; }
static const struct rpc_client_ops pair_client_ops = { pair_client_send, pair_client_later };

static inline void pair_open(const struct rpc_interface *const *interfaces, struct auth_broker *broker, enum rpc_level level,
                             enum rpc_auth_type type, struct mech *m)
{
    pair = (struct pair){ .site = { .ops = &pair_server_ops, .interfaces = interfaces, .broker = broker, .floor = RPC_LEVEL_CONNECT } };
    rpc_site_defaults(&pair.site);
    buf_init(&pair.to_server, 64 << 20);
    buf_init(&pair.to_client, 64 << 20);
    rpc_conn_init(&pair.server, &pair.site, "192.0.2.1", "192.0.2.2:135");
    rpc_client_conn_init(&pair.client, &pair_client_ops, level, type, m ? rpc_initiator_mech(m) : NULL, 0);
}

static inline void pair_close(void)
{
    rpc_client_conn_free(&pair.client);
    rpc_conn_end(&pair.server);
    rpc_conn_free(&pair.server);
    buf_free(&pair.to_server);
    buf_free(&pair.to_client);
}

static inline void pair_carry(struct buf *from, bool to_server)
{
    struct buf b = *from;
    buf_init(from, 64 << 20);
    if (pair.change) pair.change(&b, to_server);
    struct slice s = buf_slice(&b);
    for (size_t n; s.n; s = slice_sub(s, n)) {
        n = pair.piece && pair.piece < s.n ? pair.piece : s.n;
        if (to_server) rpc_conn_input(&pair.server, slice_head(s, n));
        else rpc_client_conn_input(&pair.client, slice_head(s, n));
    }
    buf_free(&b);
}

/* Until nobody has anything to say. */
static inline void pair_run(void)
{
    while (pair.to_server.n || pair.to_client.n || pair.client_asked) {
        if (pair.to_server.n) pair_carry(&pair.to_server, true);
        if (pair.to_client.n) pair_carry(&pair.to_client, false);
        if (pair.client_asked) {
            pair.client_asked = false;
            rpc_client_conn_deliver(&pair.client);
        }
    }
}

/* ---- what becomes of requests ---- */

struct asked {
    struct rpc_request r;     /* first */
    unsigned told;
    uint32_t fault;
    struct buf stub;
};

static void on_done(struct rpc_request *r, uint32_t fault, struct slice stub, bool big_endian)
{
    struct asked *a = (struct asked *)r;
    a->told++;
    a->fault = fault;
    if (stub.n) buf_slice_add(&a->stub, stub);
}

static inline void ask(struct asked *a, const struct rpc_interface *i, uint16_t opnum, struct slice stub)
{
    *a = (struct asked){ .r = { .interface = i->uuid, .major = i->major, .minor = i->minor, .opnum = opnum, .stub = stub, .done = on_done } };
    buf_init(&a->stub, 16 << 20);
    rpc_client_conn_request(&pair.client, &a->r);
    assert_int_equal(a->told, 0); /* never from within */
}

#endif
