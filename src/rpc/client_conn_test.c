/* A client against our own server: every type and level, fragments both ways, and what must not get through. */
#include "rpc/client_harness.h"

#include <stdlib.h>

#include "mech/ntlm.h"
#include "mech/spnego.h"
#include "rpc/test_account.h"

/* ---- the server: an interface that answers what it was asked, and one more of the same ---- */

static struct rpc_call *held; /* opnum 1: not answered yet */
static unsigned aborted;

static void on_abort(struct rpc_call *c) { aborted++; }

static void echo(struct rpc_call *c)
{
    if (c->opnum == 1) {
        held = c;
        c->on_abort = on_abort;
    } else if (c->opnum == 2) {
        rpc_fault(c, RPC_FAULT_BAD_STUB);
    } else {
        if (c->has_object) rpc_guid_put(&c->reply, &c->object);
        buf_slice_add(&c->reply, c->stub);
        rpc_reply(c);
    }
}

static const struct rpc_interface echo_interface = {
    { 0x11111111, 1, 2, { 1, 2, 3, 4, 5, 6, 7, 8 } }, 0, 0, "echo", 3, RPC_LEVEL_NONE, false, echo, NULL };
static const struct rpc_interface other_interface = {
    { 0x22222222, 1, 2, { 1, 2, 3, 4, 5, 6, 7, 8 } }, 1, 0, "other", 3, RPC_LEVEL_NONE, false, echo, NULL };
static const struct rpc_interface *const interfaces[] = { &echo_interface, &other_interface, NULL };

static struct mech *new_mech(enum rpc_auth_type type, const char *password)
{
    struct ntlm_client_config c = { .options = { .want = MECH_SIGN | MECH_SEAL, .target = SLICE("HOST/server") },
                                    .user = SLICE("alice"), .password = slice_str(password) };
    struct mech *m = NULL, *outer = NULL;
    assert_int_equal(ntlm_client_new(&c, &m, NULL), CIMF_OK);
    if (type == RPC_AUTH_NTLM) return m;
    assert_int_equal(spnego_client_new(&m, 1, &outer, NULL), CIMF_OK);
    return outer;
}

static void start(enum rpc_level level, enum rpc_auth_type type, const char *password)
{
    held = NULL;
    aborted = 0;
    pair_open(interfaces, broker, level, type, level > RPC_LEVEL_NONE ? new_mech(type, password) : NULL);
    rpc_client_conn_connected(&pair.client);
}

/* ---- tests ---- */

static void check_echo(size_t n)
{
    struct asked a;
    char *big = malloc(n + 1);
    for (size_t i = 0; i < n; i++) big[i] = (char)(i * 7 + i / 251);
    ask(&a, &echo_interface, 0, slice_of(big, n));
    pair_run();
    assert_int_equal(a.told, 1);
    assert_int_equal(a.fault, 0);
    assert_int_equal(a.stub.n, n);
    if (n) assert_memory_equal(a.stub.p, big, n);
    buf_free(&a.stub);
    free(big);
}

static void every_type_and_level(void **state)
{
    static const enum rpc_auth_type types[] = { RPC_AUTH_NTLM, RPC_AUTH_SPNEGO };
    static const enum rpc_level levels[] = { RPC_LEVEL_NONE, RPC_LEVEL_CONNECT, RPC_LEVEL_PACKET, RPC_LEVEL_INTEGRITY, RPC_LEVEL_PRIVACY };
    for (int t = 0; t < 2; t++)
        for (int l = 0; l < 5; l++)
            for (int piece = 0; piece < 2; piece++) {
                start(levels[l], types[t], "secret");
                pair.piece = (size_t)piece * 7;
                check_echo(8); /* with a verification trailer: behind four octets */
                check_echo(5);
                check_echo(0);
                check_echo(5600);
                check_echo(40001);
                assert_int_equal(pair.client.state, RPC_CLIENT_READY);
                assert_true(pair.client.multiplex && pair.client.keep_on_orphan);
                assert_int_equal(pair.client.header_sign, levels[l] >= RPC_LEVEL_PACKET);
                pair_close();
            }
}

static struct asked get(const struct rpc_interface *i, uint16_t opnum, struct slice stub)
{
    struct asked a;
    ask(&a, i, opnum, stub);
    pair_run();
    assert_int_equal(a.told, 1);
    return a;
}

static void expect(const struct rpc_interface *i, uint16_t opnum, struct slice stub, uint32_t fault)
{
    struct asked a = get(i, opnum, stub);
    assert_int_equal(a.fault, fault);
    if (!fault) assert_true(slice_eq(buf_slice(&a.stub), stub));
    buf_free(&a.stub);
}

static const struct rpc_interface unknown_interface = { { 0x33333333, 1, 2, { 1, 2, 3, 4, 5, 6, 7, 8 } }, 0, 0, "unknown", 1, RPC_LEVEL_NONE, false, echo, NULL };

/* Interfaces that were not thought of at first; calls on others go on meanwhile. */
static void more_interfaces(void **state)
{
    start(RPC_LEVEL_PRIVACY, RPC_AUTH_SPNEGO, "secret");
    struct asked a, b;
    ask(&a, &echo_interface, 1, SLICE("wait"));
    pair_run();
    assert_non_null(held);
    struct rpc_call *first = held;
    ask(&b, &other_interface, 0, SLICE("more"));
    pair_run();
    assert_int_equal(b.told, 1);
    assert_int_equal(b.fault, 0);
    buf_free(&b.stub);
    expect(&unknown_interface, 0, SLICE("none"), RPC_FAULT_UNKNOWN_INTERFACE);
    expect(&unknown_interface, 0, SLICE("none"), RPC_FAULT_UNKNOWN_INTERFACE);
    expect(&other_interface, 0, SLICE("good"), 0);
    rpc_reply(first);
    pair_run();
    assert_int_equal(a.told, 1);
    buf_free(&a.stub);
    pair_close();
}

/* Nothing of what was wanted is there: the calls hear so. */
static void no_interface_at_all(void **state)
{
    start(RPC_LEVEL_NONE, RPC_AUTH_NONE, "");
    expect(&unknown_interface, 0, SLICE("none"), RPC_FAULT_UNKNOWN_INTERFACE);
    expect(&echo_interface, 0, SLICE("some"), 0);
    pair_close();
}

static void so_many_interfaces(void **state)
{
    enum { N = RPC_CLIENT_CONTEXTS + 2 };
    struct asked *all = calloc(N, sizeof *all);
    struct rpc_interface i = unknown_interface;
    start(RPC_LEVEL_NONE, RPC_AUTH_NONE, "");
    for (unsigned k = 0; k < N; k++) {
        i.uuid.data1 = k;
        ask(&all[k], &i, 0, SLICE("x"));
    }
    pair_run();
    for (unsigned k = 0; k < N; k++) {
        assert_int_equal(all[k].told, 1);
        assert_int_equal(all[k].fault, k < RPC_CLIENT_CONTEXTS ? RPC_FAULT_UNKNOWN_INTERFACE : RPC_FAULT_NO_MEMORY);
        buf_free(&all[k].stub);
    }
    free(all);
    pair_close();
}

static void objects(void **state)
{
    char big[12345], expected[16];
    struct asked a = { .r = { .interface = echo_interface.uuid, .has_object = true, .object = { 1, 2, 3, { 4, 5, 6, 7, 8, 9, 10, 11 } },
                              .stub = slice_of(big, sizeof big), .done = on_done } };
    static const unsigned char bytes[16] = { 1, 0, 0, 0, 2, 0, 3, 0, 4, 5, 6, 7, 8, 9, 10, 11 };
    memcpy(expected, bytes, sizeof expected);
    memset(big, 'o', sizeof big);
    for (int l = RPC_LEVEL_NONE; l <= RPC_LEVEL_PRIVACY; l++) {
        start((enum rpc_level)l, RPC_AUTH_NTLM, "secret");
        a.told = 0;
        buf_init(&a.stub, 0);
        rpc_client_conn_request(&pair.client, &a.r);
        pair_run();
        assert_int_equal(a.told, 1);
        assert_int_equal(a.fault, 0);
        assert_in_range(a.stub.n, 16 + sizeof big, 16 + sizeof big + 3);
        assert_memory_equal(a.stub.p, expected, 16);
        assert_memory_equal(a.stub.p + 16, big, sizeof big);
        buf_free(&a.stub);
        pair_close();
    }
}

static void faults(void **state)
{
    for (int l = RPC_LEVEL_NONE; l <= RPC_LEVEL_PRIVACY; l++) {
        start((enum rpc_level)l, RPC_AUTH_SPNEGO, "secret");
        expect(&echo_interface, 2, SLICE("protected"), RPC_FAULT_BAD_STUB);
        expect(&echo_interface, 9, SLICE("before its interface"), RPC_FAULT_OP_RANGE);
        expect(&echo_interface, 0, SLICE("good"), 0);
        pair_close();
    }
}

static void wrong_password(void **state)
{
    start(RPC_LEVEL_PRIVACY, RPC_AUTH_SPNEGO, "wrong");
    expect(&echo_interface, 0, SLICE("x"), RPC_CLIENT_LOST);
    assert_int_equal(pair.client.state, RPC_CLIENT_ENDED);
    assert_int_equal(pair.client.why.status, CIMF_NOT_AUTHENTICATED);
    pair_close();
    start(RPC_LEVEL_PRIVACY, RPC_AUTH_NTLM, "wrong"); /* nobody answers an auth3 */
    struct asked a = get(&echo_interface, 0, SLICE("x"));
    assert_int_not_equal(a.fault, 0);
    assert_int_equal(a.stub.n, 0);
    buf_free(&a.stub);
    pair_close();
}

/* Asked and sent with, but the server of another makes none, or the mechanism gives less than the level needs. */
static void too_weak_a_login(void **state)
{
    struct ntlm_client_config c = { .user = SLICE("alice"), .password = SLICE("secret") };
    struct mech *m;
    assert_int_equal(ntlm_client_new(&c, &m, NULL), CIMF_OK);
    pair_open(interfaces, broker, RPC_LEVEL_PRIVACY, RPC_AUTH_NTLM, m);
    rpc_client_conn_connected(&pair.client);
    expect(&echo_interface, 0, SLICE("x"), RPC_CLIENT_LOST);
    assert_int_equal(pair.client.why.status, CIMF_NOT_AUTHENTICATED);
    pair_close();
}

/* ---- somebody in the middle ---- */

static size_t flip_at;
static bool flipped;

static void flip(struct buf *b, bool to_server)
{
    if (to_server || !b->n || flipped) return;
    flipped = true;
    b->p[flip_at] ^= 0x20;
}

/* No changed byte of an answer is ever believed. */
static void changed_answers(void **state)
{
    for (int l = RPC_LEVEL_INTEGRITY; l <= RPC_LEVEL_PRIVACY; l++)
        for (flip_at = 0; flip_at < 24 + 16 + 8 + 16; flip_at++) {
            start((enum rpc_level)l, RPC_AUTH_NTLM, "secret");
            expect(&echo_interface, 0, SLICE("good"), 0);
            struct asked a;
            ask(&a, &echo_interface, 0, SLICE("sixteen octets.."));
            pair.change = flip;
            flipped = false;
            pair_run();
            assert_true(a.told == 0 || (a.fault == RPC_CLIENT_LOST && pair.client.state == RPC_CLIENT_ENDED));
            assert_int_equal(a.stub.n, 0);
            rpc_client_conn_forget(&pair.client, &a.r);
            pair_close();
        }
}

static void strip_header_signing(struct buf *b, bool to_server)
{
    if (b->n > 3 && (b->p[2] == RPC_BIND || b->p[2] == RPC_BIND_ACK)) b->p[3] &= ~RPC_HEADER_SIGN;
}

static void swap_interface(struct buf *b, bool to_server)
{
    if (to_server && b->p[2] == RPC_BIND) memset(b->p + 32, 0x22, 4), b->p[48] = 1;
}

/* What no signature covers, the verification trailer says again: that headers were to be signed, and which interface is
 * meant. */
static void changed_binds(void **state)
{
    static void (*const changes[])(struct buf *b, bool to_server) = { strip_header_signing, swap_interface };
    for (int i = 0; i < 2; i++)
        for (int l = RPC_LEVEL_INTEGRITY; l <= RPC_LEVEL_PRIVACY; l++) {
            start((enum rpc_level)l, RPC_AUTH_NTLM, "secret");
            pair.change = changes[i];
            expect(&echo_interface, 0, SLICE("x"), RPC_FAULT_ACCESS_DENIED);
            pair_close();
        }
}

static void change_operation(struct buf *b, bool to_server)
{
    if (to_server && b->p[2] == RPC_REQUEST) b->p[22] ^= 1;
}

/* A mechanism that signs no headers, with a server that does not want it: the trailer has what the header says. */
static void headers_without_signatures(void **state)
{
    for (int l = RPC_LEVEL_INTEGRITY; l <= RPC_LEVEL_PRIVACY; l++) {
        start((enum rpc_level)l, RPC_AUTH_NTLM, "secret");
        expect(&echo_interface, 0, SLICE("good"), 0);
        pair.client.guard.whole = pair.server.securities[0]->guard.whole = false;
        pair.client.header_sign = pair.server.header_sign = false;
        pair.client.contexts[0].vouched = true;
        check_echo(4);
        check_echo(12000);
        pair.change = change_operation;
        expect(&echo_interface, 0, SLICE("good"), RPC_FAULT_ACCESS_DENIED);
        pair_close();
    }
}

static void strip_level(struct buf *b, bool to_server)
{
    if (!to_server && b->p[2] == RPC_BIND_ACK) { /* as if the server knew no logins */
        b->n = 24 + 8 + 4 + 2 * 24;
        b->p[8] = (char)b->n, b->p[9] = 0, b->p[10] = b->p[11] = 0;
    }
}

static void login_left_out(void **state)
{
    start(RPC_LEVEL_PRIVACY, RPC_AUTH_SPNEGO, "secret");
    pair.change = strip_level;
    expect(&echo_interface, 0, SLICE("x"), RPC_CLIENT_LOST);
    assert_int_equal(pair.client.state, RPC_CLIENT_ENDED);
    pair_close();
}

/* ---- servers that take one call at a time ---- */

static unsigned most, requests_seen, cancels, orphans;
static uint32_t last_id;

static void strip_multiplex(struct buf *b, bool to_server)
{
    unsigned n = 0;
    if (!to_server && b->p[2] == RPC_BIND_ACK) {
        b->p[3] &= ~RPC_MULTIPLEX;
        b->p[60] = RPC_REJECT; /* and nothing of what is negotiated at bind time */
    }
    for (struct slice s = buf_slice(b); to_server && s.n; s = slice_sub(s, rpc_pdu_length((const unsigned char *)s.p))) {
        if (s.p[2] == RPC_REQUEST && s.p[3] & RPC_FIRST) n++;
        cancels += s.p[2] == RPC_CANCEL;
        orphans += s.p[2] == RPC_ORPHANED;
    }
    if (n > most) most = n;
    requests_seen += n;
}

static void one_at_a_time(void **state)
{
    struct asked a[4];
    char big[9000];
    memset(big, 1, sizeof big);
    start(RPC_LEVEL_INTEGRITY, RPC_AUTH_NTLM, "secret");
    most = requests_seen = cancels = orphans = 0;
    pair.change = strip_multiplex;
    for (int i = 0; i < 4; i++) ask(&a[i], i % 2 ? &other_interface : &echo_interface, 0, slice_of(big, i == 3 ? 4 : sizeof big));
    pair_run();
    for (int i = 0; i < 4; i++) {
        assert_int_equal(a[i].told, 1);
        assert_int_equal(a[i].fault, 0);
        buf_free(&a[i].stub);
    }
    assert_int_equal(most, 1);
    assert_int_equal(requests_seen, 4);
    /* What is given up still has to be answered before the next one goes. */
    ask(&a[0], &echo_interface, 1, SLICE("held"));
    pair_run();
    rpc_client_conn_forget(&pair.client, &a[0].r);
    ask(&a[1], &echo_interface, 0, SLICE("next"));
    pair_run();
    assert_int_equal(cancels, 1);
    assert_int_equal(orphans, 0);
    assert_int_equal(aborted, 1);
    assert_int_equal(a[1].told, 0);
    rpc_reply(held);
    pair_run();
    assert_int_equal(a[0].told, 0);
    assert_int_equal(a[1].told, 1);
    buf_free(&a[1].stub);
    pair_close();
}

static void watch_ids(struct buf *b, bool to_server)
{
    for (struct slice s = buf_slice(b); to_server && s.n; s = slice_sub(s, rpc_pdu_length((const unsigned char *)s.p))) {
        const unsigned char *h = (const unsigned char *)s.p;
        orphans += h[2] == RPC_ORPHANED;
        if (h[2] == RPC_ORPHANED || h[2] == RPC_AUTH3 || (h[2] == RPC_REQUEST && !(h[3] & RPC_FIRST))) continue;
        assert_true(rpc_pdu_call(h) > last_id);
        last_id = rpc_pdu_call(h);
    }
}

/* covers: wmi-dcom:R11 */
static void given_up(void **state)
{
    struct asked a, b, late;
    start(RPC_LEVEL_PRIVACY, RPC_AUTH_NTLM, "secret");
    pair.change = watch_ids;
    last_id = orphans = 0;
    ask(&a, &echo_interface, 1, SLICE("held"));
    pair_run();
    struct rpc_call *first = held;
    ask(&late, &echo_interface, 1, SLICE("late"));
    late.r.deadline = 1000;
    pair_run();
    assert_int_equal(rpc_client_conn_due(&pair.client), 1000);
    rpc_client_conn_expire(&pair.client, 999);
    assert_int_equal(orphans, 0);
    rpc_client_conn_expire(&pair.client, 1000);
    assert_int_equal(rpc_client_conn_due(&pair.client), 0);
    pair_run();
    assert_int_equal(late.told, 1);
    assert_int_equal(late.fault, RPC_FAULT_CANCELLED);
    rpc_client_conn_forget(&pair.client, &a.r);
    pair_run();
    assert_int_equal(orphans, 2);
    assert_int_equal(aborted, 2);
    ask(&b, &other_interface, 0, SLICE("next"));
    pair_run();
    assert_int_equal(b.told, 1);
    rpc_reply(held);
    rpc_reply(first);
    pair_run();
    assert_int_equal(a.told, 0);
    assert_int_equal(late.told, 1);
    assert_int_equal(pair.client.state, RPC_CLIENT_READY);
    expect(&echo_interface, 0, SLICE("good"), 0);
    buf_free(&b.stub);
    pair_close();
}

/* Nothing is sent while too much waits, and then all of it. */
static void paused(void **state)
{
    struct asked a;
    start(RPC_LEVEL_NONE, RPC_AUTH_NONE, "");
    expect(&echo_interface, 0, SLICE("x"), 0);
    rpc_client_conn_pause(&pair.client, true);
    ask(&a, &echo_interface, 0, SLICE("x"));
    pair_run();
    assert_int_equal(a.told, 0);
    rpc_client_conn_pause(&pair.client, false);
    pair_run();
    assert_int_equal(a.told, 1);
    buf_free(&a.stub);
    pair_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_and_level), cmocka_unit_test(more_interfaces), cmocka_unit_test(no_interface_at_all),
        cmocka_unit_test(so_many_interfaces), cmocka_unit_test(objects), cmocka_unit_test(faults),
        cmocka_unit_test(wrong_password), cmocka_unit_test(too_weak_a_login), cmocka_unit_test(changed_answers),
        cmocka_unit_test(changed_binds), cmocka_unit_test(login_left_out), cmocka_unit_test(headers_without_signatures), cmocka_unit_test(one_at_a_time),
        cmocka_unit_test(given_up), cmocka_unit_test(paused),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
