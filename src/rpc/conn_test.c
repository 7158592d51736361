/* Associations: binding, every level over NTLM, fragments both ways, and what must not get through. */
#include "rpc/conn_talk.h"

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
    static const uint8_t levels[] = { 0, RPC_LEVEL_CONNECT, RPC_LEVEL_CALL, RPC_LEVEL_PACKET, RPC_LEVEL_INTEGRITY, RPC_LEVEL_PRIVACY };
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

/* A request of level connect with a trailer, whose token nobody looks at. */
static void send_marked(uint8_t level, uint32_t security)
{
    struct buf b;
    buf_init(&b, 0);
    size_t start = rpc_pdu_begin(&b, RPC_REQUEST, RPC_FIRST | RPC_LAST, ++t.call);
    rpc_put32(&b, 0);
    rpc_put32(&b, 0);
    buf_slice_add(&b, SLICE("abc"));
    struct rpc_auth a = { RPC_AUTH_NTLM, level, 0, security, SLICE_NULL };
    rpc_trailer_put(&b, start, 16, &a);
    buf_slice_add(&b, SLICE("sixteen octets.."));
    rpc_pdu_end(&b, start, 16);
    feed(&b);
}

static void expect_abc(void)
{
    struct buf got;
    buf_init(&got, 0);
    take_response(&got);
    assert_true(slice_is(buf_slice(&got), "abc"));
    buf_free(&got);
}

/* At connect a call needs no trailer as long as one account only can be meant.
 * covers: wmi-dcom:R14 */
static void trailers_of_connect(void **state)
{
    open_talk(RPC_LEVEL_CONNECT);
    log_in("secret", 7, RPC_BIND, 0);
    send_marked(RPC_LEVEL_CONNECT, 7);
    expect_abc();
    send_marked(0, 7); /* the same level */
    expect_abc();
    t.call++;
    send_request(0, 0, RPC_FIRST | RPC_LAST, SLICE("abc"), 0, -1);
    expect_abc();
    log_in("secret", 8, RPC_ALTER, 1);
    send_marked(RPC_LEVEL_CONNECT, 8);
    expect_abc();
    send_marked(RPC_LEVEL_CONNECT, 7);
    expect_abc();
    t.call++;
    send_request(0, 0, RPC_FIRST | RPC_LAST, SLICE("abc"), 0, -1); /* whose? */
    assert_int_equal(fault(), RPC_FAULT_ACCESS_DENIED);
    assert_false(t.closed);
    send_marked(RPC_LEVEL_CONNECT, 9); /* who never logged in */
    assert_int_equal(fault(), RPC_FAULT_ACCESS_DENIED);
    assert_true(t.closed);
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

/* covers: wmi-dcom:R19 security:S26 */
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
    enum { MOST = 4000 * 3 };
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
        cmocka_unit_test(trailers_of_connect),
        cmocka_unit_test(order_of_things), cmocka_unit_test(other_versions), cmocka_unit_test(one_after_the_other),
        cmocka_unit_test(verification_trailer), cmocka_unit_test(paused), cmocka_unit_test(lengths_that_lie), cmocka_unit_test(cancelled_and_gone),
        cmocka_unit_test(told_of_the_end), cmocka_unit_test(so_many_contexts), cmocka_unit_test(features_and_syntaxes),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
