/* Associations: binding, every level over NTLM, fragments both ways, and what must not get through. */
#include "base/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "auth/accounts.h"
#include "base/log.h"
#include "mech/ntlm.h"
#include "rpc/conn.h"

static char path[64];
static struct auth_broker *broker;

static int setup(void **state)
{
    struct account_change alice = { .name = SLICE("alice"), .password = SLICE("secret"), .cost = 1 };
    struct auth_broker_config config = { .ntlm = true, .accounts_path = path, .dummy_cost = 1 };
    log_set_level(LOG_ERROR_);
    strcpy(path, "/tmp/cimfony-rpc-XXXXXX");
    close(mkstemp(path));
    unlink(path);
    if (accounts_add(path, &alice, NULL) != CIMF_OK) return -1;
    return auth_broker_new(&config, &broker, NULL) == CIMF_OK ? 0 : -1;
}

static int teardown(void **state)
{
    static const char *const ends[] = { "", ".lock", ".key" };
    auth_broker_free(broker);
    for (int i = 0; i < 3; i++) {
        char name[80];
        snprintf(name, sizeof name, "%s%s", path, ends[i]);
        unlink(name);
    }
    return 0;
}

/* ---- the server under test: an interface that answers what it was asked, and a second one for anybody ---- */

static struct rpc_call *held; /* opnum 1: not answered yet */
static unsigned aborted;

static void on_abort(struct rpc_call *c) { aborted++; }

static void echo(struct rpc_call *c)
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
static const struct rpc_interface *const interfaces[] = { &echo_interface, &open_interface, NULL };

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

static void on_send(struct rpc_conn *c, struct slice bytes) { buf_slice_add(&t.out, bytes); }
static void on_close(struct rpc_conn *c) { t.closed = true; }
static void on_reading(struct rpc_conn *c, bool on) {}
static void on_released(struct rpc_conn *c) { t.released = true; }
static const struct rpc_conn_ops ops = { on_send, on_close, on_reading, on_released };

static void open_talk(uint8_t level)
{
    t = (struct talk){ .site = { .ops = &ops, .interfaces = interfaces, .broker = broker, .floor = RPC_LEVEL_CONNECT },
                       .level = level };
    rpc_site_defaults(&t.site);
    buf_init(&t.out, 0);
    rpc_conn_init(&t.conn, &t.site, "192.0.2.1", "192.0.2.2:135");
    held = NULL;
    aborted = 0;
}

static void close_talk(void)
{
    mech_free(t.client);
    rpc_conn_end(&t.conn);
    rpc_conn_free(&t.conn);
    buf_free(&t.out);
}

static void feed(struct buf *b)
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
static struct rpc_pdu answer(void)
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

static uint32_t fault(void)
{
    struct rpc_pdu p = answer();
    assert_int_equal(p.type, RPC_FAULT);
    struct rpc_reader r = rpc_reader_of(&p, slice_sub(p.body, 8));
    return rpc_u32(&r);
}

/* ---- a client ---- */

static void put_context(struct buf *b, uint16_t id, const struct rpc_interface *i, const struct rpc_syntax *transfer)
{
    rpc_put16(b, id);
    rpc_put16(b, 1);
    rpc_guid_put(b, &i->uuid);
    rpc_put32(b, i->major);
    rpc_guid_put(b, &transfer->uuid);
    rpc_put32(b, transfer->major);
}

static void put_bind(struct buf *b, enum rpc_pdu_type type, uint16_t id, const struct rpc_interface *i, uint32_t security,
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

static struct rpc_pdu bind_plain(const struct rpc_interface *i)
{
    struct buf b;
    put_bind(&b, RPC_BIND, 0, i, 0, SLICE_NULL);
    feed(&b);
    return answer();
}

static void log_in(const char *password, uint32_t security, enum rpc_pdu_type type, uint16_t context)
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
static void send_request(uint16_t context, uint16_t opnum, unsigned flags, struct slice stub, uint32_t security, long flip)
{
    struct buf b;
    unsigned char signature[16];
    buf_init(&b, 0);
    size_t start = rpc_pdu_begin(&b, RPC_REQUEST, flags, t.call);
    rpc_put32(&b, 0);
    rpc_put16(&b, context);
    rpc_put16(&b, opnum);
    buf_slice_add(&b, stub);
    if (t.client && t.level >= RPC_LEVEL_PACKET) {
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

static void take_response(struct buf *stub)
{
    for (bool last = false; !last;) {
        struct rpc_pdu p = answer();
        assert_int_equal(p.type, RPC_RESPONSE);
        last = p.flags & RPC_LAST;
        size_t trailer = RPC_HEADER + p.body.n;
        unsigned char *at = (unsigned char *)(uintptr_t)p.whole.p;
        if (t.level >= RPC_LEVEL_PACKET) {
            assert_true(p.has_auth);
            bool seal = t.level == RPC_LEVEL_PRIVACY;
            struct mech_part parts[] = { { MECH_PART_SIGN, at, 24 }, { seal ? MECH_PART_SEAL : MECH_PART_SIGN, at + 24, trailer - 24 },
                                         { MECH_PART_SIGN, at + trailer, RPC_TRAILER } };
            assert_int_equal(seal ? mech_unseal(t.client, parts, 3, p.auth.token) : mech_verify(t.client, parts, 3, p.auth.token), CIMF_OK);
        }
        buf_add(stub, at + 24, trailer - 24 - (p.has_auth ? p.auth.pad : 0));
    }
}

/* ---- tests ---- */

/* covers: wmi-dcom:R5 wmi-dcom:R7 wmi-dcom:R25 wmi-dcom:R31 */
static void without_authentication(void **state)
{
    open_talk(RPC_LEVEL_NONE);
    t.piece = 1;
    struct rpc_pdu p = bind_plain(&open_interface);
    assert_int_equal(p.type, RPC_BIND_ACK);
    assert_memory_equal(p.body.p + 8, "\4\0" "135\0", 6);
    t.call++;
    send_request(0, 0, RPC_FIRST | RPC_LAST, SLICE("hello"), 0, -1);
    struct buf got;
    buf_init(&got, 0);
    take_response(&got);
    assert_true(slice_is(buf_slice(&got), "hello"));
    buf_free(&got);
    t.call++;
    send_request(0, 5, RPC_FIRST | RPC_LAST, SLICE(""), 0, -1);
    assert_int_equal(fault(), RPC_FAULT_OP_RANGE);
    t.call++;
    send_request(9, 0, RPC_FIRST | RPC_LAST, SLICE(""), 0, -1);
    assert_int_equal(fault(), RPC_FAULT_UNKNOWN_INTERFACE);
    assert_false(t.closed);
    close_talk();
}

/* covers: wmi-dcom:R14 wmi-dcom:R18 wmi-dcom:R20 security:S38 */
static void every_level(void **state)
{
    static const uint8_t levels[] = { RPC_LEVEL_CONNECT, RPC_LEVEL_PACKET, RPC_LEVEL_INTEGRITY, RPC_LEVEL_PRIVACY };
    char big[20000];
    memset(big, 'x', sizeof big);
    for (size_t i = 0; i < sizeof levels; i++) {
        struct buf got;
        open_talk(levels[i]);
        log_in("secret", 7, RPC_BIND, 0);
        for (int round = 0; round < 3; round++) {
            t.call++;
            send_request(0, 0, RPC_FIRST, slice_of(big, 2000), 7, -1);
            send_request(0, 0, 0, slice_of(big, 2000), 7, -1);
            send_request(0, 0, RPC_LAST, slice_of(big, 1001), 7, -1);
            buf_init(&got, 0);
            take_response(&got);
            assert_int_equal(got.n, 5001);
            assert_memory_equal(got.p, big, 5001);
            buf_free(&got);
        }
        close_talk();
    }
}

/* In clear at every level, and not among the messages that are signed and counted: the next answer is as if nothing had been. */
static void faults_of_every_level(void **state)
{
    static const uint8_t levels[] = { RPC_LEVEL_CONNECT, RPC_LEVEL_PACKET, RPC_LEVEL_INTEGRITY, RPC_LEVEL_PRIVACY };
    for (size_t i = 0; i < sizeof levels; i++) {
        struct buf got;
        open_talk(levels[i]);
        log_in("secret", 7, RPC_BIND, 0);
        t.call++;
        send_request(0, 1, RPC_FIRST | RPC_LAST, SLICE("x"), 7, -1);
        rpc_fault(held, RPC_FAULT_BAD_STUB);
        struct rpc_pdu p = answer();
        struct rpc_reader r = rpc_reader_of(&p, slice_sub(p.body, 8));
        assert_int_equal(p.type, RPC_FAULT);
        assert_int_equal(rpc_u32(&r), RPC_FAULT_BAD_STUB);
        assert_false(p.has_auth);
        t.call++;
        send_request(0, 0, RPC_FIRST | RPC_LAST, SLICE("again"), 7, -1);
        buf_init(&got, 0);
        take_response(&got);
        assert_true(slice_is(buf_slice(&got), "again"));
        buf_free(&got);
        close_talk();
    }
}

static void wrong_password(void **state)
{
    open_talk(RPC_LEVEL_INTEGRITY);
    log_in("wrong", 7, RPC_BIND, 0);
    assert_int_equal(t.out.n, 0); /* auth3 has no answer */
    t.call++;
    send_request(0, 0, RPC_FIRST | RPC_LAST, SLICE("x"), 7, -1);
    assert_int_equal(fault(), RPC_FAULT_ACCESS_DENIED);
    close_talk();
}

/* A bit anywhere in a protected request: refused, and the connection is over. */
static void flipped_bits(void **state)
{
    static const uint8_t levels[] = { RPC_LEVEL_PACKET, RPC_LEVEL_INTEGRITY, RPC_LEVEL_PRIVACY };
    enum { WHOLE = 24 + 16 + RPC_TRAILER + 16 };
    for (size_t i = 0; i < sizeof levels; i++) {
        for (long at = 0; at < WHOLE; at++) {
            if ((at >= 8 && at < 12) || at == 0 || at == 2) continue; /* lengths and the kind: tested below */
            open_talk(levels[i]);
            log_in("secret", 7, RPC_BIND, 0);
            t.call++;
            send_request(0, 0, RPC_FIRST | RPC_LAST, SLICE("0123456789abcdef"), 7, at);
            if (t.out.n) assert_int_equal(answer().type, RPC_FAULT);
            else assert_true(t.closed || at == 3 || at == 4); /* another byte order, or not the last fragment: it waits */
            close_talk();
        }
    }
}

/* covers: wmi-dcom:R10 */
static void many_security_contexts(void **state)
{
    open_talk(RPC_LEVEL_PRIVACY);
    log_in("secret", 100, RPC_BIND, 0);
    for (uint16_t i = 1; i < 40; i++) {
        struct buf got;
        log_in("secret", 100u + i, RPC_ALTER, i);
        t.call++;
        send_request(i, 0, RPC_FIRST | RPC_LAST, SLICE("abc"), 100u + i, -1);
        buf_init(&got, 0);
        take_response(&got);
        assert_true(slice_is(buf_slice(&got), "abc"));
        buf_free(&got);
    }
    assert_int_equal(t.conn.security_count, 40);
    close_talk();
}

/* Weaker than the floor, without a trailer, with another's context: access denied. */
static void below_the_floor(void **state)
{
    open_talk(RPC_LEVEL_NONE);
    bind_plain(&echo_interface);
    t.call++;
    send_request(0, 0, RPC_FIRST | RPC_LAST, SLICE("x"), 0, -1);
    assert_int_equal(fault(), RPC_FAULT_ACCESS_DENIED);
    close_talk();

    open_talk(RPC_LEVEL_CONNECT);
    t.site.floor = RPC_LEVEL_INTEGRITY;
    log_in("secret", 7, RPC_BIND, 0);
    t.call++;
    send_request(0, 0, RPC_FIRST | RPC_LAST, SLICE("x"), 7, -1);
    assert_int_equal(fault(), RPC_FAULT_ACCESS_DENIED);
    close_talk();

    open_talk(RPC_LEVEL_PRIVACY);
    log_in("secret", 7, RPC_BIND, 0);
    struct mech *keep = t.client;
    t.client = NULL; /* no trailer */
    t.call++;
    send_request(0, 0, RPC_FIRST | RPC_LAST, SLICE("x"), 7, -1);
    assert_int_equal(fault(), RPC_FAULT_ACCESS_DENIED);
    t.client = keep;
    t.call++;
    send_request(0, 0, RPC_FIRST | RPC_LAST, SLICE("x"), 8, -1);
    assert_int_equal(fault(), RPC_FAULT_ACCESS_DENIED);
    close_talk();
}

static void order_of_things(void **state)
{
    struct buf b;
    open_talk(RPC_LEVEL_NONE); /* a request before any bind */
    t.call++;
    send_request(0, 0, RPC_FIRST | RPC_LAST, SLICE("x"), 0, -1);
    assert_int_equal(fault(), RPC_FAULT_PROTOCOL);
    assert_true(t.closed);
    close_talk();

    open_talk(RPC_LEVEL_NONE); /* alter before bind, bind twice */
    put_bind(&b, RPC_ALTER, 0, &open_interface, 0, SLICE_NULL);
    feed(&b);
    assert_int_equal(fault(), RPC_FAULT_PROTOCOL);
    close_talk();
    open_talk(RPC_LEVEL_NONE);
    bind_plain(&open_interface);
    assert_int_equal(bind_plain(&open_interface).type, RPC_BIND_NAK);
    assert_true(t.closed);
    close_talk();

    open_talk(RPC_LEVEL_NONE); /* a fragment of no call; a second first one */
    bind_plain(&open_interface);
    t.call++;
    send_request(0, 0, RPC_LAST, SLICE("x"), 0, -1);
    assert_int_equal(fault(), RPC_FAULT_PROTOCOL);
    close_talk();
    open_talk(RPC_LEVEL_NONE);
    bind_plain(&open_interface);
    t.call++;
    send_request(0, 0, RPC_FIRST, SLICE("x"), 0, -1);
    send_request(0, 0, RPC_FIRST, SLICE("x"), 0, -1);
    assert_int_equal(fault(), RPC_FAULT_PROTOCOL);
    close_talk();
}

/* covers: wmi-dcom:R2 */
static void other_versions(void **state)
{
    for (int i = 0; i < 2; i++) {
        struct buf b;
        open_talk(RPC_LEVEL_NONE);
        put_bind(&b, RPC_BIND, 0, &open_interface, 0, SLICE_NULL);
        b.p[i] = i ? 2 : 6; /* 6.0, 5.2 */
        feed(&b);
        struct rpc_pdu p = answer();
        assert_int_equal(p.type, RPC_BIND_NAK);
        assert_memory_equal(p.body.p, "\4\0" "\1" "\5\0", 5); /* reason, and what is spoken here */
        assert_true(t.closed);
        close_talk();
    }
}

/* Fragments of two calls do not mix, also not where calls overlap; orphaned does not give up what is not whole. */
static void one_after_the_other(void **state)
{
    open_talk(RPC_LEVEL_NONE);
    bind_plain(&open_interface);
    t.conn.multiplex = true;
    t.call = 5;
    send_request(0, 0, RPC_FIRST, SLICE("a"), 0, -1);
    struct buf b;
    buf_init(&b, 0);
    rpc_pdu_end(&b, rpc_pdu_begin(&b, RPC_ORPHANED, RPC_FIRST | RPC_LAST, 5), 0);
    feed(&b);
    send_request(7, 9, RPC_LAST, SLICE("b"), 0, -1); /* whose context and operation nobody looks at */
    struct buf got;
    buf_init(&got, 0);
    take_response(&got);
    assert_true(slice_is(buf_slice(&got), "ab"));
    buf_free(&got);
    t.call = 6;
    send_request(0, 0, RPC_FIRST, SLICE("a"), 0, -1);
    t.call = 7;
    send_request(0, 0, RPC_FIRST | RPC_LAST, SLICE("b"), 0, -1);
    assert_int_equal(fault(), RPC_FAULT_PROTOCOL);
    assert_true(t.closed);
    close_talk();
}

static void put_command(struct buf *b, unsigned command, const void *data, size_t n)
{
    rpc_put16(b, command);
    rpc_put16(b, (uint32_t)n);
    buf_add(b, data, n);
}

/* covers: wmi-dcom:R19 */
static void verification_trailer(void **state)
{
    enum { END = 0x4000, MUST = 0x8000, ROUNDS = 6 };
    for (int i = 0; i < ROUNDS; i++) {
        struct buf stub, syntaxes, header;
        open_talk(RPC_LEVEL_INTEGRITY);
        log_in("secret", 1, RPC_BIND, 0);
        t.call++;
        buf_init(&stub, 0);
        buf_init(&syntaxes, 0);
        buf_init(&header, 0);
        buf_lit(&stub, "word");
        buf_add(&stub, "\x8a\xe3\x13\x71\x02\xf4\x36\x71", 8);
        rpc_guid_put(&syntaxes, &echo_interface.uuid);
        rpc_put32(&syntaxes, i == 1 ? 9 : echo_interface.major); /* another version than was bound */
        rpc_guid_put(&syntaxes, &rpc_ndr.uuid);
        rpc_put32(&syntaxes, rpc_ndr.major);
        buf_add(&header, "\0\0\0\0\x10\0\0\0", 8);
        rpc_put32(&header, t.call);
        rpc_put16(&header, 0);
        rpc_put16(&header, i == 2 ? 1 : 0); /* another operation */
        put_command(&stub, i == 3 ? 1 : 0x99, i == 3 ? "\1\0\0" : "\0\0\0", 4); /* header signing was not agreed on */
        if (i == 4) put_command(&stub, MUST | 0x98, "", 0); /* nobody knows it */
        put_command(&stub, 2, syntaxes.p, syntaxes.n);
        put_command(&stub, i == 5 ? 3 : END | 3, header.p, header.n); /* no end */
        send_request(0, 0, RPC_FIRST | RPC_LAST, buf_slice(&stub), 1, -1);
        if (i == 0) {
            struct buf got;
            buf_init(&got, 0);
            take_response(&got);
            assert_true(slice_is(buf_slice(&got), "word")); /* without the trailer */
            buf_free(&got);
        } else {
            assert_int_equal(fault(), RPC_FAULT_ACCESS_DENIED);
        }
        buf_free(&stub);
        buf_free(&syntaxes);
        buf_free(&header);
        close_talk();
    }
}

/* A driver with too much output takes nothing in, and loses nothing. */
static void paused(void **state)
{
    open_talk(RPC_LEVEL_NONE);
    bind_plain(&open_interface);
    rpc_conn_pause(&t.conn, true);
    for (int i = 0; i < 3; i++) {
        t.call++;
        send_request(0, 0, RPC_FIRST | RPC_LAST, SLICE("x"), 0, -1);
    }
    assert_int_equal(t.out.n, 0);
    rpc_conn_pause(&t.conn, false);
    for (int i = 0; i < 3; i++) assert_int_equal(answer().type, RPC_RESPONSE);
    assert_int_equal(rpc_conn_waits(&t.conn), RPC_WAIT_NEXT);
    close_talk();
}

static void lengths_that_lie(void **state)
{
    static const unsigned char bad[][RPC_HEADER] = {
        { 5, 0, 0, 3, 0x10, 0, 0, 0, 15, 0 },         /* shorter than its header */
        { 5, 0, 0, 3, 0x10, 0, 0, 0, 0xff, 0xff },    /* longer than what was agreed on */
        { 4, 0, 0, 3, 0x10, 0, 0, 0, 16, 0 },         /* another protocol */
        { 5, 0, 0, 3, 0x10, 0, 0, 0, 16, 0, 9, 0 },   /* a token that is not there */
        { 5, 0, 99, 3, 0x10, 0, 0, 0, 16, 0 },        /* an unknown kind */
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        open_talk(RPC_LEVEL_NONE);
        bind_plain(&open_interface);
        rpc_conn_input(&t.conn, slice_of((const char *)bad[i], RPC_HEADER));
        assert_true(t.closed);
        close_talk();
    }
}

/* covers: wmi-dcom:R32 wmi-dcom:R4 */
static void cancelled_and_gone(void **state)
{
    struct buf b;
    open_talk(RPC_LEVEL_INTEGRITY);
    log_in("secret", 7, RPC_BIND, 0);
    t.call++;
    send_request(0, 1, RPC_FIRST | RPC_LAST, SLICE("x"), 7, -1);
    assert_non_null(held);
    buf_init(&b, 0);
    rpc_pdu_end(&b, rpc_pdu_begin(&b, RPC_CANCEL, RPC_FIRST | RPC_LAST, t.call), 0);
    feed(&b);
    assert_int_equal(aborted, 1);
    assert_false(t.closed);
    rpc_conn_end(&t.conn);
    assert_true(rpc_conn_busy(&t.conn));
    assert_int_equal(aborted, 1); /* told once */
    rpc_fault(held, RPC_FAULT_CANCELLED);
    assert_true(t.released);
    close_talk();
}

/* An alter_context that adds contexts from `id` on. */
static void add_contexts(uint16_t id, unsigned n)
{
    struct buf b;
    buf_init(&b, 0);
    size_t start = rpc_pdu_begin(&b, RPC_ALTER, RPC_FIRST | RPC_LAST, ++t.call);
    rpc_bind_put(&b, 5840, 0, n);
    for (unsigned i = 0; i < n; i++) put_context(&b, (uint16_t)(id + i), &open_interface, &rpc_ndr);
    rpc_pdu_end(&b, start, 0);
    feed(&b);
}

/* covers: wmi-dcom:R29 */
static void so_many_contexts(void **state)
{
    enum { MOST = 4000 * 2 };
    struct buf got;
    open_talk(RPC_LEVEL_NONE);
    bind_plain(&open_interface); /* context 0 */
    for (unsigned i = 1; i < MOST; i++) { /* one a PDU: of the same interface no more are accepted */
        add_contexts((uint16_t)i, 1);
        assert_int_equal(answer().type, RPC_ALTER_RESPONSE);
    }
    add_contexts(77, 1); /* one that there is already */
    assert_int_equal(answer().type, RPC_ALTER_RESPONSE);
    for (unsigned i = 0; i < MOST; i += 799) {
        t.call++;
        send_request((uint16_t)i, 0, RPC_FIRST | RPC_LAST, SLICE("x"), 0, -1);
        buf_init(&got, 0);
        take_response(&got);
        assert_true(slice_is(buf_slice(&got), "x"));
        buf_free(&got);
    }
    add_contexts(MOST, 1);
    struct rpc_pdu p = answer();
    assert_int_equal(p.type, RPC_BIND_NAK);
    assert_memory_equal(p.body.p, "\2\0", 2);
    assert_true(t.closed);
    close_talk();
}

static unsigned ends;
static uint64_t ended;
static void on_gone(void *arg, uint64_t connection)
{
    assert_ptr_equal(arg, &ends);
    ends++;
    ended = connection;
}

/* Once for each that asked, after the last call was answered. */
static void told_of_the_end(void **state)
{
    open_talk(RPC_LEVEL_INTEGRITY);
    log_in("secret", 7, RPC_BIND, 0);
    t.call++;
    send_request(0, 1, RPC_FIRST | RPC_LAST, SLICE("x"), 7, -1);
    ends = 0;
    for (int i = 0; i < 3; i++) assert_true(rpc_watch(held, on_gone, &ends));
    uint64_t id = t.conn.id;
    rpc_conn_end(&t.conn);
    assert_int_equal(ends, 0);
    rpc_reply(held);
    assert_true(t.released);
    close_talk();
    assert_int_equal(ends, 1);
    assert_int_equal(ended, id);
}

static void features_and_syntaxes(void **state)
{
    struct buf b;
    struct rpc_syntax features = { { 0x6cb71c2c, 0x9812, 0x4540, { 3, 0, 0, 0, 0, 0, 0, 0 } }, 1, 0 };
    open_talk(RPC_LEVEL_NONE);
    buf_init(&b, 0);
    size_t start = rpc_pdu_begin(&b, RPC_BIND, RPC_FIRST | RPC_LAST | RPC_MULTIPLEX, 1);
    rpc_put16(&b, 5840);
    rpc_put16(&b, 3199);
    rpc_put32(&b, 0);
    rpc_put32(&b, 3);
    put_context(&b, 0, &open_interface, &rpc_ndr);
    put_context(&b, 1, &open_interface, &rpc_ndr64);
    put_context(&b, 2, &open_interface, &features);
    rpc_pdu_end(&b, start, 0);
    feed(&b);
    struct rpc_pdu p = answer();
    struct rpc_reader r = rpc_reader_of(&p, p.body);
    assert_int_equal(p.type, RPC_BIND_ACK);
    assert_true(p.flags & RPC_MULTIPLEX);
    assert_int_equal(rpc_u16(&r), 3192);
    cursor_seek(&r.c, 8 + 2 + 4 + 2); /* sizes, group, secondary address, padding */
    assert_int_equal(rpc_u32(&r), 3);
    static const uint16_t want[3][2] = { { RPC_ACCEPT, 0 }, { RPC_REJECT, RPC_REASON_TRANSFER }, { RPC_NEGOTIATE_ACK, 3 } };
    for (int i = 0; i < 3; i++) {
        assert_int_equal(rpc_u16(&r), want[i][0]);
        assert_int_equal(rpc_u16(&r), want[i][1]);
        cursor_skip(&r.c, 20);
    }
    assert_false(r.c.bad);
    close_talk();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_authentication), cmocka_unit_test(every_level), cmocka_unit_test(faults_of_every_level),
        cmocka_unit_test(wrong_password),
        cmocka_unit_test(flipped_bits), cmocka_unit_test(many_security_contexts), cmocka_unit_test(below_the_floor),
        cmocka_unit_test(order_of_things), cmocka_unit_test(other_versions), cmocka_unit_test(one_after_the_other),
        cmocka_unit_test(verification_trailer), cmocka_unit_test(paused), cmocka_unit_test(lengths_that_lie), cmocka_unit_test(cancelled_and_gone),
        cmocka_unit_test(told_of_the_end), cmocka_unit_test(so_many_contexts), cmocka_unit_test(features_and_syntaxes),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
