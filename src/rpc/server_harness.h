/* rpc/server_harness.h - a whole server on loopback, and clients with blocking sockets, from several addresses; tests only. */
#ifndef RPC_SERVER_HARNESS_H
#define RPC_SERVER_HARNESS_H

#include "base/test.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "os/loop.h"
#include "rpc/server_priv.h"

enum { BIG = 256 * 1024, SMALL_CHANGE = 65536 /* faults */ };

static struct loops *loops;
static struct auth_broker *broker;

/* ---- the interface: echo, a big answer, one that waits ---- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t change = PTHREAD_COND_INITIALIZER;
static struct rpc_call *held;
static unsigned aborted;
static uint64_t last_connection;

static inline void on_abort(struct rpc_call *c)
{
    pthread_mutex_lock(&lock);
    aborted++;
    pthread_cond_broadcast(&change);
    pthread_mutex_unlock(&lock);
}

static inline void on_call(struct rpc_call *c)
{
    static const char zeros[BIG];
    if (c->opnum == 2) {
        c->on_abort = on_abort;
        pthread_mutex_lock(&lock);
        held = c;
        pthread_cond_broadcast(&change);
        pthread_mutex_unlock(&lock);
        return;
    }
    pthread_mutex_lock(&lock);
    last_connection = c->connection;
    pthread_mutex_unlock(&lock);
    for (size_t i = 0; c->opnum == 1 && i <= c->stub.n; i++) buf_add(&c->reply, zeros, sizeof zeros);
    if (c->opnum == 0) buf_slice_add(&c->reply, c->stub);
    rpc_reply(c);
}

static const struct rpc_interface first = {
    { 0x11111111, 1, 2, { 1, 2, 3, 4, 5, 6, 7, 8 } }, 1, 0, "first", 3, RPC_LEVEL_NONE, false, on_call, NULL };
static const struct rpc_interface second = {
    { 0x22222222, 1, 2, { 1, 2, 3, 4, 5, 6, 7, 8 } }, 1, 0, "second", 1, RPC_LEVEL_NONE, false, on_call, NULL };
static const struct rpc_interface *const both[] = { &first, &second, NULL }, *const only[] = { &second, NULL };

static inline void release(void *arg) { rpc_reply(arg); }

static inline struct rpc_call *wait_held(void)
{
    pthread_mutex_lock(&lock);
    while (!held) pthread_cond_wait(&change, &lock);
    struct rpc_call *c = held;
    held = NULL;
    pthread_mutex_unlock(&lock);
    return c;
}

static inline int setup(void **state)
{
    struct auth_broker_config config = { .ntlm = true, .accounts_path = "/nonexistent/accounts", .dummy_cost = 1 };
    log_set_level(LOG_ERROR_);
    loops = loops_new(2, "test-loop", NULL);
    return loops && auth_broker_new(&config, &broker, NULL) == CIMF_OK ? 0 : -1;
}

static inline int teardown(void **state)
{
    loops_stop(loops);
    auth_broker_free(broker);
    loops_free(loops);
    return 0;
}

/* ---- a client with a blocking socket ---- */

struct client {
    int fd;
    uint32_t group;
    char port[8];
    struct buf stub; /* of the last response */
};

static inline struct rpc_server *serve(const struct rpc_server_config *more, char at[64])
{
    struct rpc_server_config config = more ? *more : (struct rpc_server_config){ 0 };
    struct rpc_server *s;
    config.broker = broker;
    config.loops = loops_all(loops);
    if (!config.loop_count) config.loop_count = loops_count(loops);
    assert_int_equal(rpc_server_new(&config, &s, NULL), CIMF_OK);
    assert_int_equal(rpc_server_listen(s, "127.0.0.1:0", both, at, 64, NULL), CIMF_OK);
    return s;
}

/* From 127.0.0.host: a client at another address. */
static inline struct client dial_from(const char *at, unsigned host)
{
    struct client c = { .fd = socket(AF_INET, SOCK_STREAM, 0) };
    struct sockaddr_in me = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK - 1 + host) };
    assert_int_equal(bind(c.fd, (struct sockaddr *)&me, sizeof me), 0);
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(strchr(at, ':') + 1)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    assert_int_equal(connect(c.fd, (struct sockaddr *)&a, sizeof a), 0);
    snprintf(c.port, sizeof c.port, "%s", strchr(at, ':') + 1);
    buf_init(&c.stub, 0);
    return c;
}

static inline struct client dial(const char *at) { return dial_from(at, 1); }

static inline void hang_up(struct client *c)
{
    close(c->fd);
    buf_free(&c->stub);
}

static inline void say(struct client *c, struct buf *b)
{
    for (size_t at = 0; at < b->n;) {
        ssize_t n = send(c->fd, b->p + at, b->n - at, MSG_NOSIGNAL);
        assert_true(n > 0);
        at += (size_t)n;
    }
    buf_free(b);
}

/* false: the server closed. */
static inline bool hear(struct client *c, char copy[65536], struct rpc_pdu *p)
{
    ssize_t got = recv(c->fd, copy, RPC_HEADER, MSG_WAITALL);
    if (got <= 0) return false;
    assert_int_equal(got, RPC_HEADER);
    uint16_t n = rpc_pdu_length((const unsigned char *)copy);
    assert_true(n > RPC_HEADER);
    assert_int_equal(recv(c->fd, copy + RPC_HEADER, n - RPC_HEADER, MSG_WAITALL), n - RPC_HEADER);
    assert_int_equal(rpc_pdu_read(slice_of(copy, n), p, NULL), CIMF_OK);
    return true;
}

static inline void put_bind(struct buf *b, enum rpc_pdu_type type, uint16_t id, const struct rpc_interface *i, uint32_t group)
{
    size_t start = rpc_pdu_begin(b, type, RPC_FIRST | RPC_LAST, 1);
    rpc_put16(b, 4280);
    rpc_put16(b, 4280);
    rpc_put32(b, group);
    rpc_put32(b, 1);
    rpc_put16(b, id);
    rpc_put16(b, 1);
    rpc_guid_put(b, &i->uuid);
    rpc_put32(b, i->major);
    rpc_guid_put(b, &rpc_ndr.uuid);
    rpc_put32(b, rpc_ndr.major);
    rpc_pdu_end(b, start, 0);
}

static inline enum rpc_pdu_type bind_to(struct client *c, const struct rpc_interface *i, uint32_t group)
{
    char copy[65536];
    struct buf b;
    struct rpc_pdu p;
    buf_init(&b, 0);
    put_bind(&b, RPC_BIND, 0, i, group);
    say(c, &b);
    assert_true(hear(c, copy, &p));
    if (p.type != RPC_BIND_ACK) return p.type;
    struct rpc_reader r = rpc_reader_of(&p, slice_sub(p.body, 4));
    c->group = rpc_u32(&r);
    size_t n = rpc_u16(&r);
    assert_int_equal(n, strlen(c->port) + 1);
    assert_memory_equal(cursor_bytes(&r.c, n).p, c->port, n);
    cursor_align(&r.c, 4); /* the body's offset 4 is as good as the PDU's */
    cursor_skip(&r.c, 4);
    return rpc_u16(&r) == RPC_ACCEPT ? RPC_BIND_ACK : RPC_FAULT;
}

static inline void put_request(struct buf *b, uint16_t opnum, uint32_t call, struct slice stub)
{
    size_t start = rpc_pdu_begin(b, RPC_REQUEST, RPC_FIRST | RPC_LAST, call);
    rpc_put32(b, (uint32_t)stub.n);
    rpc_put16(b, 0);
    rpc_put16(b, opnum);
    buf_slice_add(b, stub);
    rpc_pdu_end(b, start, 0);
}

static inline void ask(struct client *c, uint16_t opnum, struct slice stub)
{
    struct buf b;
    buf_init(&b, 0);
    put_request(&b, opnum, 2, stub);
    say(c, &b);
}

/* A request of many fragments, and the fault that answers it; 0: a response. */
static inline void put_large(struct buf *b, uint16_t opnum, uint32_t call, size_t n)
{
    static const char zeros[4096];
    for (size_t at = 0; at < n; at += sizeof zeros) {
        size_t left = n - at, part = left < sizeof zeros ? left : sizeof zeros;
        size_t start = rpc_pdu_begin(b, RPC_REQUEST, (at ? 0 : RPC_FIRST) | (part == left ? RPC_LAST : 0), call);
        rpc_put32(b, (uint32_t)left);
        rpc_put16(b, 0);
        rpc_put16(b, opnum);
        buf_add(b, zeros, part);
        rpc_pdu_end(b, start, 0);
    }
}

static inline void ask_large(struct client *c, uint16_t opnum, uint32_t call, size_t n)
{
    struct buf b;
    buf_init(&b, 0);
    put_large(&b, opnum, call, n);
    say(c, &b);
}

static inline uint32_t outcome(struct client *c)
{
    char copy[65536];
    struct rpc_pdu p;
    size_t n = 0;
    do {
        assert_true(hear(c, copy, &p));
        if (p.type == RPC_FAULT) {
            struct rpc_reader r = rpc_reader_of(&p, slice_sub(p.body, 8));
            return rpc_u32(&r);
        }
        n += p.body.n - 8;
    } while (!(p.flags & RPC_LAST));
    assert_true(n);
    return 0;
}

static inline void take(struct client *c)
{
    char copy[65536];
    struct rpc_pdu p;
    buf_clear(&c->stub);
    do {
        assert_true(hear(c, copy, &p));
        assert_int_equal(p.type, RPC_RESPONSE);
        buf_add(&c->stub, p.body.p + 8, p.body.n - 8);
    } while (!(p.flags & RPC_LAST));
}

/* Waits for the server's close. */
static inline void nothing_more(struct client *c)
{
    char one;
    assert_true(recv(c->fd, &one, 1, 0) <= 0);
}

static inline void end(struct rpc_server *s)
{
    rpc_server_stop(s, 1000000);
    rpc_server_free(s);
}

#endif
