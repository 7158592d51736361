/* What a hostile server may say to a client, and what only looks odd. */
#include "rpc/client_harness.h"

static const struct rpc_interface echo_interface = {
    { 0x11111111, 1, 2, { 1, 2, 3, 4, 5, 6, 7, 8 } }, 0, 0, "echo", 3, RPC_LEVEL_NONE, false, NULL, NULL };
static const struct rpc_interface *const interfaces[] = { &echo_interface, NULL };

/* Puts a PDU of the server's into the client: type, flags, call and body. */
static void say(unsigned type, unsigned flags, uint32_t call, struct slice body)
{
    struct buf b;
    buf_init(&b, 0);
    size_t start = rpc_pdu_begin(&b, (enum rpc_pdu_type)type, flags, call);
    buf_slice_add(&b, body);
    rpc_pdu_end(&b, start, 0);
    rpc_client_conn_input(&pair.client, buf_slice(&b));
    buf_free(&b);
}

#define ACK(max, count) "\xd0\x16" max "\1\0\0\0" "\0\0" "\0\0" count "\0\0\0"
#define ACCEPT "\0\0\0\0" "\x04\x5d\x88\x8a\xeb\x1c\xc9\x11\x9f\xe8\x08\x00\x2b\x10\x48\x60" "\2\0\0\0"
#define REJECT "\2\0\2\0" "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0" "\0\0\0\0"
#define GOOD SLICE(ACK("\xd0\x16", "\2") ACCEPT REJECT)
#define BOTH (RPC_FIRST | RPC_LAST)
#define HEAD "\0\0\0\0" "\0\0" "\0\0"

/* A client with one request that was sent, as call 2, unless bound is false: then the bind, call 1, is unanswered. */
static void provoke(struct asked *a, bool bound)
{
    pair_open(interfaces, NULL, RPC_LEVEL_NONE, RPC_AUTH_NONE, NULL);
    rpc_client_conn_connected(&pair.client);
    ask(a, &echo_interface, 0, SLICE("x"));
    if (bound) say(RPC_BIND_ACK, BOTH | RPC_MULTIPLEX, 1, GOOD);
    assert_int_equal(pair.client.state, bound ? RPC_CLIENT_READY : RPC_CLIENT_BINDING);
    buf_clear(&pair.to_server);
}

static void check_lost(struct asked *a, cimf_status why)
{
    assert_int_equal(pair.client.state, RPC_CLIENT_ENDED);
    assert_int_equal(pair.client.why.status, why);
    assert_int_equal(a->told, 0);
    rpc_client_conn_deliver(&pair.client);
    assert_int_equal(a->told, 1);
    assert_int_equal(a->fault, RPC_CLIENT_LOST);
    pair.client_asked = false;
    pair_close();
}

static void hostile_binds(void **state)
{
    struct asked a;
    const struct { unsigned type, flags; uint32_t call; struct slice body; } bad[] = {
        { RPC_BIND_ACK, BOTH, 2, GOOD },
        { RPC_ALTER_RESPONSE, BOTH, 1, GOOD },
        { RPC_BIND_ACK, BOTH, 1, SLICE(ACK("\xd0\x16", "\0")) },
        { RPC_BIND_ACK, BOTH, 1, SLICE(ACK("\xd0\x16", "\xff") ACCEPT REJECT) },
        { RPC_BIND_ACK, BOTH, 1, SLICE(ACK("\xd0\x16", "\2") ACCEPT) },
        { RPC_BIND_ACK, BOTH, 1, SLICE(ACK("\0\0", "\2") ACCEPT REJECT) },
        { RPC_BIND_ACK, BOTH, 1, SLICE(ACK("\x97\x05", "\2") ACCEPT REJECT) },
        { RPC_BIND_ACK, BOTH, 1, SLICE("\xd0\x16\xd0\x16\1\0\0\0\xff\xff") },
        { RPC_BIND_ACK, BOTH, 1, SLICE("") },
        { RPC_RESPONSE, BOTH, 1, SLICE(HEAD) },       /* to the bind */
        { RPC_RESPONSE, BOTH, 2, SLICE(HEAD) },       /* to what was not sent */
        { RPC_FAULT, BOTH, 0, SLICE(HEAD "\5\0\0\0" "\0\0\0\0") },
        { RPC_BIND_NAK, BOTH, 1, SLICE("") },
        { RPC_BIND_NAK, BOTH, 7, SLICE("\0\0") },
        { RPC_REQUEST, BOTH, 1, SLICE(HEAD) },
        { 99, BOTH, 1, SLICE("") },
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        provoke(&a, false);
        say(bad[i].type, bad[i].flags, bad[i].call, bad[i].body);
        if (i == 9) { /* dropped: the call was ours, and no request */
            assert_int_equal(pair.client.state, RPC_CLIENT_BINDING);
            rpc_client_conn_forget(&pair.client, &a.r);
            pair_close();
        } else {
            check_lost(&a, CIMF_PROTOCOL_ERROR);
        }
    }
}

/* A server that answers the first of our contexts only, as j-Interop does: it has no features, and may refuse, too. */
static void short_binds(void **state)
{
    struct asked a;
    provoke(&a, false);
    say(RPC_BIND_ACK, BOTH, 1, SLICE(ACK("\xd0\x16", "\1") ACCEPT));
    assert_int_equal(pair.client.state, RPC_CLIENT_READY);
    assert_false(pair.client.keep_on_orphan);
    say(RPC_RESPONSE, BOTH, 2, SLICE(HEAD "stub"));
    rpc_client_conn_deliver(&pair.client);
    assert_int_equal(a.told, 1);
    assert_int_equal(a.fault, 0);
    buf_free(&a.stub);
    pair_close();
    provoke(&a, false);
    say(RPC_BIND_ACK, BOTH, 1, SLICE(ACK("\xd0\x16", "\1") REJECT));
    rpc_client_conn_deliver(&pair.client);
    assert_int_equal(a.told, 1);
    assert_int_equal(a.fault, RPC_FAULT_UNKNOWN_INTERFACE);
    pair_close();
}

static void hostile_answers(void **state)
{
    static char large[RPC_FRAGMENT_MAX - RPC_HEADER + 1];
    struct asked a;
    const struct { unsigned type, flags; uint32_t call; struct slice body; } bad[] = {
        { RPC_RESPONSE, BOTH, 0, SLICE(HEAD) },
        { RPC_RESPONSE, BOTH, 3, SLICE(HEAD) },
        { RPC_RESPONSE, RPC_LAST, 2, SLICE(HEAD) },
        { RPC_RESPONSE, 0, 2, SLICE(HEAD) },
        { RPC_RESPONSE, BOTH, 2, SLICE("\0\0\0\x80" "\0\0" "\0\0" "stub") }, /* a hint of 2 GiB: MS-RPCE 3.3.2.5.2 */
        { RPC_RESPONSE, BOTH, 2, SLICE("\0\0\0\0") },
        { RPC_RESPONSE, BOTH, 2, slice_of(large, sizeof large) },
        { RPC_FAULT, BOTH, 2, SLICE(HEAD) },
        { RPC_FAULT, BOTH, 9, SLICE(HEAD "\5\0\0\0" "\0\0\0\0") },
        { RPC_BIND_ACK, BOTH, 2, GOOD },
        { RPC_ALTER_RESPONSE, BOTH, 2, GOOD },
        { RPC_BIND_NAK, BOTH, 2, SLICE("\0\0") },
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        provoke(&a, true);
        say(bad[i].type, bad[i].flags, bad[i].call, bad[i].body);
        check_lost(&a, CIMF_PROTOCOL_ERROR);
    }
    provoke(&a, true);
    say(RPC_RESPONSE, RPC_FIRST, 2, SLICE(HEAD "one"));
    say(RPC_RESPONSE, RPC_FIRST, 2, SLICE(HEAD "two"));
    check_lost(&a, CIMF_PROTOCOL_ERROR);
    provoke(&a, true);
    rpc_client_conn_input(&pair.client, SLICE("HTTP/1.1 400 Bad Request\r\n"));
    check_lost(&a, CIMF_PROTOCOL_ERROR);
}

/* covers: wmi-dcom:R27 */
static void refused_binds(void **state)
{
    const struct { struct slice body; cimf_status status; } nak[] = {
        { SLICE("\2\0"), CIMF_SERVER_TOO_BUSY },
        { SLICE("\4\0" "\1" "\5\0"), CIMF_PROTOCOL_ERROR },
        { SLICE("\x8\0" "\1" "\5\0" "\0\0\0"), CIMF_ACCESS_DENIED },
        /* with the signature that says that extended error information follows, and some */
        { SLICE("\x9\0" "\1" "\5\0" "\x20\x3f\xb0\x90\x06\xe7\x0a\x49\x95\x55\xd7\xae\x73\x72\xfe\xba" "\1\2\3\4\5\6\7"), CIMF_NOT_AUTHENTICATED },
    };
    struct asked a;
    for (size_t i = 0; i < sizeof nak / sizeof *nak; i++) {
        provoke(&a, false);
        say(RPC_BIND_NAK, BOTH, 1, nak[i].body);
        check_lost(&a, nak[i].status);
    }
    provoke(&a, false);
    say(RPC_FAULT, BOTH, 1, SLICE(HEAD "\5\0\0\0" "\0\0\0\0"));
    check_lost(&a, CIMF_ACCESS_DENIED);
}

static void odd_but_right(void **state)
{
    struct asked a;
    provoke(&a, true); /* no status at all is not success */
    say(RPC_FAULT, BOTH, 2, SLICE(HEAD "\0\0\0\0" "\0\0\0\0"));
    assert_int_equal(a.told, 1);
    assert_int_equal(a.fault, RPC_FAULT_PROTOCOL);
    pair_close();
    provoke(&a, true); /* cut short by a fault */
    say(RPC_RESPONSE, RPC_FIRST, 2, SLICE(HEAD "one"));
    say(RPC_FAULT, BOTH, 2, SLICE(HEAD "\x0d\0\0\x1c" "\0\0\0\0"));
    assert_int_equal(a.told, 1);
    assert_int_equal(a.fault, RPC_FAULT_CANCELLED);
    pair_close();
    provoke(&a, true); /* big-endian, whole: the version stays, numbers turn round */
    rpc_client_conn_input(&pair.client, SLICE("\5\0\2\3\0\0\0\0\0\x1c\0\0\0\0\0\2" "\0\0\0\4" "\0\0\0\0" "\1\2\3\4"));
    assert_int_equal(a.told, 1);
    assert_int_equal(a.fault, 0);
    assert_slice(buf_slice(&a.stub), "\1\2\3\4");
    buf_free(&a.stub);
    pair_close();
    provoke(&a, true); /* each fragment in another byte order */
    say(RPC_RESPONSE, RPC_FIRST, 2, SLICE(HEAD "one"));
    rpc_client_conn_input(&pair.client, SLICE("\5\0\2\2\0\0\0\0\0\x1c\0\0\0\0\0\2" "\0\0\0\4" "\0\0\0\0" "\1\2\3\4"));
    check_lost(&a, CIMF_PROTOCOL_ERROR);
}

/* No longer than we like, however many fragments: the call ends, what still comes is dropped, others go on. */
static void endless_answer(void **state)
{
    static char piece[5000];
    struct asked a, b;
    provoke(&a, true);
    ask(&b, &echo_interface, 0, SLICE("y"));
    unsigned flags = RPC_FIRST;
    size_t n = 0;
    for (; !a.told; flags = 0, n += sizeof piece - 8) say(RPC_RESPONSE, flags, 2, slice_of(piece, sizeof piece));
    assert_int_equal(a.fault, RPC_CLIENT_LOST);
    assert_in_range(n, 4 << 20, (4 << 20) + sizeof piece);
    for (int i = 0; i < 9; i++) say(RPC_RESPONSE, i == 8 ? RPC_LAST : 0, 2, slice_of(piece, sizeof piece));
    say(RPC_RESPONSE, BOTH, 3, SLICE(HEAD "y"));
    assert_int_equal(b.told, 1);
    assert_int_equal(b.fault, 0);
    buf_free(&b.stub);
    pair_close();
}

static void server_shuts_down(void **state)
{
    struct asked a, b;
    provoke(&a, true);
    say(RPC_SHUTDOWN, BOTH, 0, SLICE(""));
    assert_int_equal(pair.client.state, RPC_CLIENT_READY); /* what was asked may still be answered */
    ask(&b, &echo_interface, 0, SLICE("y"));
    assert_int_equal(pair.to_server.n, 0);
    say(RPC_RESPONSE, BOTH, 2, SLICE(HEAD "x"));
    assert_int_equal(a.told, 1);
    assert_int_equal(a.fault, 0);
    buf_free(&a.stub);
    check_lost(&b, CIMF_CONNECTION_LOST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hostile_binds), cmocka_unit_test(short_binds),
        cmocka_unit_test(hostile_answers), cmocka_unit_test(refused_binds),
        cmocka_unit_test(odd_but_right), cmocka_unit_test(endless_answer), cmocka_unit_test(server_shuts_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
