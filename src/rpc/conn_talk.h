/* rpc/conn_talk.h - a server association with an account, and a client of raw PDUs; tests only. */
#ifndef RPC_CONN_TALK_H
#define RPC_CONN_TALK_H

#include "base/test.h"

#include <stdlib.h>

#include "mech/ntlm.h"
#include "rpc/conn.h"
#include "rpc/test_account.h"

/* ---- the server under test: an interface that answers what it was asked, and a second one for anybody ---- */

static struct rpc_call *held; /* opnum 1: not answered yet */
static unsigned aborted;

static inline void on_abort(struct rpc_call *c) { aborted++; }

static inline void echo(struct rpc_call *c)
{
    if (c->opnum == 1) {
        held = c;
        c->on_abort = on_abort;
        return;
    }
    if (c->principal) assert_true(slice_is(c->principal->name, "alice"));
    buf_slice_add(&c->reply, c->stub);
    rpc_reply(c);
}

static const struct rpc_interface echo_interface = {
    { 0x11111111, 1, 2, { 1, 2, 3, 4, 5, 6, 7, 8 } }, 1, 0, "echo", 2, RPC_LEVEL_CONNECT, false, echo, NULL };
static const struct rpc_interface open_interface = {
    { 0x22222222, 1, 2, { 1, 2, 3, 4, 5, 6, 7, 8 } }, 0, 0, "open", 1, RPC_LEVEL_NONE, false, echo, NULL };
static const struct rpc_interface held_interface = {
    { 0x33333333, 1, 2, { 1, 2, 3, 4, 5, 6, 7, 8 } }, 1, 0, "held", 2, RPC_LEVEL_NONE, false, echo, NULL };
static const struct rpc_interface *const interfaces[] = { &echo_interface, &open_interface, &held_interface, NULL };

struct talk {
    struct rpc_site site;
    struct rpc_conn conn;
    struct buf out;        /* of the server */
    bool closed, released;
    struct mech *client;
    uint8_t level;
    uint32_t call;
    size_t piece;          /* the server gets so many bytes at once; 0: all */
};
static struct talk t;

static inline void on_send(struct rpc_conn *c, struct slice bytes) { buf_slice_add(&t.out, bytes); }
static inline void on_close(struct rpc_conn *c) { t.closed = true; }
static inline void on_reading(struct rpc_conn *c, bool on) {}
static inline void on_released(struct rpc_conn *c) { t.released = true; }
static const struct rpc_conn_ops ops = { on_send, on_close, on_reading, on_released };

static inline void open_talk(uint8_t level)
{
    t = (struct talk){ .site = { .ops = &ops, .interfaces = interfaces, .broker = broker, .floor = RPC_LEVEL_CONNECT },
                       .level = level };
    rpc_site_defaults(&t.site);
    buf_init(&t.out, 0);
    rpc_conn_init(&t.conn, &t.site, "192.0.2.1", "192.0.2.2:135");
    held = NULL;
    aborted = 0;
}

static inline void close_talk(void)
{
    mech_free(t.client);
    rpc_conn_end(&t.conn);
    rpc_conn_free(&t.conn);
    buf_free(&t.out);
}

static inline void feed(struct buf *b)
{
    struct slice s = buf_slice(b);
    size_t piece = t.piece ? t.piece : s.n;
    while (s.n) {
        size_t n = piece < s.n ? piece : s.n;
        rpc_conn_input(&t.conn, slice_head(s, n));
        s = slice_sub(s, n);
    }
    buf_free(b);
}

/* The next PDU of the server. */
static inline struct rpc_pdu answer(void)
{
    static char copy[65536];
    struct rpc_pdu p;
    assert_true(t.out.n >= RPC_HEADER);
    uint16_t n = rpc_pdu_length((const unsigned char *)t.out.p);
    assert_true(n && n <= t.out.n);
    memcpy(copy, t.out.p, n);
    buf_consume(&t.out, n);
    assert_int_equal(rpc_pdu_read(slice_of(copy, n), &p, NULL), CIMF_OK);
    return p;
}

static inline uint32_t fault(void)
{
    struct rpc_pdu p = answer();
    assert_int_equal(p.type, RPC_FAULT);
    struct rpc_reader r = rpc_reader_of(&p, slice_sub(p.body, 8));
    return rpc_u32(&r);
}

/* ---- a client ---- */

static inline void put_context(struct buf *b, uint16_t id, const struct rpc_interface *i, const struct rpc_syntax *transfer)
{
    rpc_put16(b, id);
    rpc_put16(b, 1);
    rpc_guid_put(b, &i->uuid);
    rpc_put32(b, i->major);
    rpc_guid_put(b, &transfer->uuid);
    rpc_put32(b, transfer->major);
}

static inline void put_bind(struct buf *b, enum rpc_pdu_type type, uint16_t id, const struct rpc_interface *i, uint32_t security,
                     struct slice token)
{
    buf_init(b, 0);
    size_t start = rpc_pdu_begin(b, type, RPC_FIRST | RPC_LAST, ++t.call);
    rpc_put16(b, 4280);
    rpc_put16(b, 4280);
    rpc_put32(b, 0);
    rpc_put32(b, 1);
    put_context(b, id, i, &rpc_ndr);
    if (token.n) {
        struct rpc_auth a = { RPC_AUTH_NTLM, t.level, 0, security, SLICE_NULL };
        rpc_trailer_put(b, start, 4, &a);
        buf_slice_add(b, token);
    }
    rpc_pdu_end(b, start, (uint16_t)token.n);
}

static inline struct rpc_pdu bind_plain(const struct rpc_interface *i)
{
    struct buf b;
    put_bind(&b, RPC_BIND, 0, i, 0, SLICE_NULL);
    feed(&b);
    return answer();
}

static inline void log_in(const char *password, uint32_t security, enum rpc_pdu_type type, uint16_t context)
{
    struct buf b, token;
    struct ntlm_client_config c = { .options = { .want = MECH_SIGN | MECH_SEAL }, .user = SLICE("alice"),
                                    .password = slice_str(password) };
    mech_free(t.client);
    assert_int_equal(ntlm_client_new(&c, &t.client, NULL), CIMF_OK);
    buf_init(&token, 0);
    assert_int_equal(mech_step(t.client, SLICE_NULL, &token, NULL), MECH_CONTINUE);
    put_bind(&b, type, context, &echo_interface, security, buf_slice(&token));
    feed(&b);
    struct rpc_pdu p = answer();
    assert_int_equal(p.type, type == RPC_BIND ? RPC_BIND_ACK : RPC_ALTER_RESPONSE);
    assert_true(p.has_auth);
    buf_clear(&token);
    assert_int_equal(mech_step(t.client, p.auth.token, &token, NULL), MECH_COMPLETE);
    buf_init(&b, 0);
    size_t start = rpc_pdu_begin(&b, RPC_AUTH3, RPC_FIRST | RPC_LAST, t.call);
    rpc_put32(&b, 0);
    struct rpc_auth a = { RPC_AUTH_NTLM, t.level, 0, security, SLICE_NULL };
    rpc_trailer_put(&b, start, 4, &a);
    buf_slice_add(&b, buf_slice(&token));
    rpc_pdu_end(&b, start, (uint16_t)token.n);
    feed(&b);
    buf_free(&token);
}

/* One fragment, protected as the level says. flip: this byte of it is wrong. */
static inline void send_request(uint16_t context, uint16_t opnum, unsigned flags, struct slice stub, uint32_t security, long flip)
{
    struct buf b;
    unsigned char signature[16];
    buf_init(&b, 0);
    size_t start = rpc_pdu_begin(&b, RPC_REQUEST, flags, t.call);
    rpc_put32(&b, 0);
    rpc_put16(&b, context);
    rpc_put16(&b, opnum);
    buf_slice_add(&b, stub);
    if (t.client && t.level > RPC_LEVEL_CONNECT) {
        struct rpc_auth a = { RPC_AUTH_NTLM, t.level, 0, security, SLICE_NULL };
        rpc_trailer_put(&b, start, 16, &a);
        size_t trailer = b.n - RPC_TRAILER;
        buf_add(&b, signature, sizeof signature);
        rpc_pdu_end(&b, start, sizeof signature);
        unsigned char *p = (unsigned char *)b.p;
        bool seal = t.level == RPC_LEVEL_PRIVACY;
        struct mech_part parts[] = { { MECH_PART_SIGN, p, 24 }, { seal ? MECH_PART_SEAL : MECH_PART_SIGN, p + 24, trailer - 24 },
                                     { MECH_PART_SIGN, p + trailer, RPC_TRAILER } };
        assert_int_equal(seal ? mech_seal(t.client, parts, 3, p + b.n - 16) : mech_sign(t.client, parts, 3, p + b.n - 16), CIMF_OK);
    } else {
        rpc_pdu_end(&b, start, 0);
    }
    if (flip >= 0 && (size_t)flip < b.n) b.p[flip] ^= 0x40;
    feed(&b);
}

static inline void take_response(struct buf *stub)
{
    for (bool last = false; !last;) {
        struct rpc_pdu p = answer();
        assert_int_equal(p.type, RPC_RESPONSE);
        last = p.flags & RPC_LAST;
        size_t trailer = RPC_HEADER + p.body.n;
        unsigned char *at = (unsigned char *)(uintptr_t)p.whole.p;
        if (t.level > RPC_LEVEL_CONNECT) { /* call is packet */
            assert_true(p.has_auth);
            bool seal = t.level == RPC_LEVEL_PRIVACY;
            struct mech_part parts[] = { { MECH_PART_SIGN, at, 24 }, { seal ? MECH_PART_SEAL : MECH_PART_SIGN, at + 24, trailer - 24 },
                                         { MECH_PART_SIGN, at + trailer, RPC_TRAILER } };
            assert_int_equal(seal ? mech_unseal(t.client, parts, 3, p.auth.token) : mech_verify(t.client, parts, 3, p.auth.token), CIMF_OK);
        }
        buf_add(stub, at + 24, trailer - 24 - (p.has_auth ? p.auth.pad : 0));
    }
}

#endif
