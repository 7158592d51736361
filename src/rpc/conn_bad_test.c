/* What clients must not get away with: contexts, logins and fragments that are not as they should be, and what only looks so. */
#include "rpc/conn_talk.h"

#define BOTH (RPC_FIRST | RPC_LAST)

/* ---- binds ---- */

static void begin_bind(struct buf *b, size_t *start, enum rpc_pdu_type type, unsigned contexts)
{
    buf_init(b, 0);
    *start = rpc_pdu_begin(b, type, BOTH, ++t.call);
    rpc_bind_put(b, 5840, 0, contexts);
}

static void end_bind(struct buf *b, size_t start)
{
    rpc_pdu_end(b, start, 0);
    feed(b);
}

/* The server's answer ends the connection: bind_nak to a bind, a protocol error to an alter_context. */
static void check_refused(bool bind)
{
    if (bind) assert_int_equal(answer().type, RPC_BIND_NAK);
    else assert_int_equal(fault(), RPC_FAULT_PROTOCOL);
    assert_true(t.closed);
    assert_int_equal(t.out.n, 0);
    close_talk();
}

static struct rpc_ack_result result_of(const struct rpc_pdu *p, unsigned i)
{
    struct rpc_ack ack;
    struct rpc_ack_result r = { 0 };
    assert_true(rpc_ack_read(p, &ack));
    assert_true(i < ack.count);
    for (unsigned k = 0; k <= i; k++) assert_true(rpc_ack_next(&ack, &r));
    return r;
}

static void contexts_that_lie(void **state)
{
    const struct rpc_syntax features = rpc_syntax_of_features(3);
    struct buf b;
    size_t start;
    for (int bind = 0; bind < 2; bind++)
        for (int i = 0; i < 5; i++) {
            unsigned said = i == 0 ? 0 : i == 1 ? 255 : i == 2 ? 2 : 1;
            open_talk(RPC_LEVEL_NONE);
            if (!bind) bind_plain(&open_interface);
            begin_bind(&b, &start, bind ? RPC_BIND : RPC_ALTER, said);
            if (i) put_context(&b, 5, &open_interface, &rpc_ndr); /* fewer than were said, or one ... */
            if (i == 3) b.p[b.n - 42] = 0;  /* ... without a transfer syntax */
            if (i == 4) b.p[b.n - 42] = 7;  /* ... with more of them than are there */
            end_bind(&b, start);
            check_refused(bind);
        }
    open_talk(RPC_LEVEL_NONE); /* features asked for twice */
    begin_bind(&b, &start, RPC_BIND, 2);
    put_context(&b, 0, &open_interface, &features);
    put_context(&b, 1, &open_interface, &features);
    end_bind(&b, start);
    check_refused(true);
    open_talk(RPC_LEVEL_NONE); /* a number with another meaning than before */
    bind_plain(&open_interface);
    begin_bind(&b, &start, RPC_ALTER, 1);
    put_context(&b, 0, &echo_interface, &rpc_ndr);
    end_bind(&b, start);
    check_refused(false);
}

/* As many as fit into a byte, the same one; nothing but features; and what was not accepted cannot be called. */
static void odd_contexts(void **state)
{
    const struct rpc_syntax features = rpc_syntax_of_features(3);
    struct buf b;
    size_t start;
    open_talk(RPC_LEVEL_NONE);
    begin_bind(&b, &start, RPC_BIND, 255);
    for (uint16_t i = 0; i < 255; i++) put_context(&b, i, &open_interface, &rpc_ndr);
    end_bind(&b, start);
    struct rpc_pdu p = answer();
    assert_int_equal(p.type, RPC_BIND_ACK);
    assert_int_equal(result_of(&p, 0).result, RPC_ACCEPT);
    assert_int_equal(result_of(&p, 254).result, RPC_REJECT);
    for (uint16_t context = 254; context < 256; context++) {
        t.call++;
        send_request(context, 0, BOTH, SLICE("x"), 0, -1);
        assert_int_equal(fault(), RPC_FAULT_UNKNOWN_INTERFACE);
    }
    assert_false(t.closed);
    close_talk();
    open_talk(RPC_LEVEL_NONE);
    begin_bind(&b, &start, RPC_BIND, 1);
    put_context(&b, 0, &open_interface, &features);
    end_bind(&b, start);
    p = answer();
    assert_int_equal(p.type, RPC_BIND_ACK);
    assert_int_equal(result_of(&p, 0).result, RPC_NEGOTIATE_ACK);
    t.call++;
    send_request(0, 0, BOTH, SLICE("x"), 0, -1);
    assert_int_equal(fault(), RPC_FAULT_UNKNOWN_INTERFACE);
    close_talk();
}

/* ---- logins ---- */

static struct slice first_token(struct buf *token)
{
    struct ntlm_client_config c = { .options = { .want = MECH_SIGN | MECH_SEAL }, .user = SLICE("alice"), .password = SLICE("secret") };
    mech_free(t.client);
    assert_int_equal(ntlm_client_new(&c, &t.client, NULL), CIMF_OK);
    buf_init(token, 0);
    assert_int_equal(mech_step(t.client, SLICE_NULL, token, NULL), MECH_CONTINUE);
    return buf_slice(token);
}

static void send_auth3(uint32_t security, uint8_t type, struct slice token)
{
    struct buf b;
    struct rpc_auth a = { type, t.level, 0, security, SLICE_NULL };
    buf_init(&b, 0);
    size_t start = rpc_pdu_begin(&b, RPC_AUTH3, BOTH, t.call);
    rpc_put32(&b, 0);
    rpc_trailer_put(&b, start, 4, &a);
    buf_slice_add(&b, token);
    rpc_pdu_end(&b, start, (uint16_t)token.n);
    feed(&b);
}

/* A bind whose challenge has come: the login is half done. */
static struct rpc_pdu half_done(struct buf *token)
{
    struct buf b;
    open_talk(RPC_LEVEL_INTEGRITY);
    put_bind(&b, RPC_BIND, 0, &echo_interface, 7, first_token(token));
    feed(&b);
    struct rpc_pdu p = answer();
    assert_int_equal(p.type, RPC_BIND_ACK);
    return p;
}

static void check_ended(uint32_t status)
{
    assert_int_equal(fault(), status);
    assert_true(t.closed);
    close_talk();
}

static void logins_out_of_order(void **state)
{
    struct buf token, b;
    open_talk(RPC_LEVEL_INTEGRITY); /* the last leg without any before */
    bind_plain(&echo_interface);
    send_auth3(7, RPC_AUTH_NTLM, SLICE("NTLMSSP"));
    check_ended(RPC_FAULT_PROTOCOL);

    open_talk(RPC_LEVEL_INTEGRITY); /* once more, when the login is done */
    log_in("secret", 7, RPC_BIND, 0);
    send_auth3(7, RPC_AUTH_NTLM, SLICE("NTLMSSP"));
    check_ended(RPC_FAULT_PROTOCOL);

    half_done(&token); /* of another mechanism than the first */
    send_auth3(7, RPC_AUTH_SPNEGO, buf_slice(&token));
    buf_free(&token);
    check_ended(RPC_FAULT_PROTOCOL);

    half_done(&token); /* a call meanwhile */
    t.call++;
    t.client->flags |= MECH_SIGN;
    put_bind(&b, RPC_REQUEST, 0, &echo_interface, 7, SLICE("no signature yet"));
    feed(&b);
    buf_free(&token);
    check_ended(RPC_FAULT_PROTOCOL);

    half_done(&token); /* the level changes on the way */
    t.level = RPC_LEVEL_PRIVACY;
    put_bind(&b, RPC_ALTER, 0, &echo_interface, 7, buf_slice(&token));
    feed(&b);
    buf_free(&token);
    check_ended(RPC_FAULT_ACCESS_DENIED);

    open_talk(RPC_LEVEL_INTEGRITY); /* a context that there is, begun anew */
    log_in("secret", 7, RPC_BIND, 0);
    put_bind(&b, RPC_ALTER, 0, &echo_interface, 7, first_token(&token));
    feed(&b);
    buf_free(&token);
    check_ended(RPC_FAULT_ACCESS_DENIED);
}

/* The server's own challenge thrown back, the first token again: no login, and nobody hears why. */
static void tokens_again(void **state)
{
    for (int i = 0; i < 2; i++) {
        struct buf token;
        struct rpc_pdu p = half_done(&token);
        send_auth3(7, RPC_AUTH_NTLM, i ? p.auth.token : buf_slice(&token));
        buf_free(&token);
        assert_int_equal(t.out.n, 0);
        struct mech *keep = t.client;
        t.client = NULL;
        t.call++;
        send_request(0, 0, BOTH, SLICE("x"), 7, -1);
        t.client = keep;
        check_ended(RPC_FAULT_ACCESS_DENIED);
    }
}

static void levels_that_are_none(void **state)
{
    static const uint8_t levels[] = { RPC_LEVEL_NONE, 7, 255 };
    for (size_t i = 0; i < sizeof levels; i++) {
        struct buf b, token;
        open_talk(levels[i]);
        put_bind(&b, RPC_BIND, 0, &echo_interface, 7, first_token(&token));
        feed(&b);
        buf_free(&token);
        check_refused(true);
    }
}

/* Who logged in with one level does not get served with the trailer of another. */
static void another_level(void **state)
{
    static const uint8_t levels[] = { RPC_LEVEL_CONNECT, RPC_LEVEL_PACKET, RPC_LEVEL_INTEGRITY };
    for (size_t i = 0; i < sizeof levels; i++) {
        struct buf b;
        open_talk(RPC_LEVEL_PRIVACY);
        log_in("secret", 7, RPC_BIND, 0);
        t.call++;
        t.level = levels[i];
        put_bind(&b, RPC_REQUEST, 0, &echo_interface, 7, SLICE("sixteen octets.."));
        feed(&b);
        check_ended(RPC_FAULT_ACCESS_DENIED);
    }
}

/* Nobody's name, with whatever proof. */
static void nobody(void **state)
{
    struct ntlm_client_config c = { .options = { .want = MECH_SIGN | MECH_SEAL }, .user = SLICE(""), .password = SLICE("") };
    struct buf b, token;
    open_talk(RPC_LEVEL_INTEGRITY);
    assert_int_equal(ntlm_client_new(&c, &t.client, NULL), CIMF_OK);
    buf_init(&token, 0);
    assert_int_equal(mech_step(t.client, SLICE_NULL, &token, NULL), MECH_CONTINUE);
    put_bind(&b, RPC_BIND, 0, &echo_interface, 7, buf_slice(&token));
    feed(&b);
    struct rpc_pdu p = answer();
    buf_clear(&token);
    assert_int_equal(mech_step(t.client, p.auth.token, &token, NULL), MECH_COMPLETE);
    send_auth3(7, RPC_AUTH_NTLM, buf_slice(&token));
    buf_free(&token);
    t.call++;
    send_request(0, 0, BOTH, SLICE("x"), 7, -1);
    check_ended(RPC_FAULT_ACCESS_DENIED);
}

/* ---- fragments ---- */

/* Padding that is longer than what it pads. */
static void padding_that_lies(void **state)
{
    static const uint8_t pads[] = { 17, 40, 255 };
    for (size_t i = 0; i < sizeof pads; i++) {
        struct buf b;
        open_talk(RPC_LEVEL_INTEGRITY);
        log_in("secret", 7, RPC_BIND, 0);
        buf_init(&b, 0);
        size_t start = rpc_pdu_begin(&b, RPC_REQUEST, BOTH, ++t.call);
        struct rpc_auth a = { RPC_AUTH_NTLM, t.level, 0, 7, SLICE_NULL };
        buf_add(&b, "\0\0\0\0\0\0\0\0sixteen octets..", 24);
        rpc_trailer_put(&b, start, 4, &a);
        b.p[b.n - 6] = (char)pads[i];
        buf_add(&b, "\1\0\0\0\1\2\3\4\5\6\7\10\0\0\0\0", 16);
        rpc_pdu_end(&b, start, 16);
        feed(&b);
        check_ended(RPC_FAULT_PROTOCOL);
    }
}

/* What is reserved may be anything. */
static void reserved_octets(void **state)
{
    struct buf b, token;
    open_talk(RPC_LEVEL_INTEGRITY);
    struct slice first = first_token(&token);
    put_bind(&b, RPC_BIND, 0, &echo_interface, 7, first);
    memset(b.p + 25, 0xff, 3);                      /* behind the number of contexts */
    b.p[31] = (char)0xff;                           /* behind the number of transfer syntaxes */
    b.p[b.n - first.n - 5] = (char)0xff;            /* of the trailer */
    feed(&b);
    buf_free(&token);
    assert_int_equal(answer().type, RPC_BIND_ACK);
    close_talk();
}

/* Fragments without an end: 4 MiB are taken, no more; and who says at once that more will come is refused at once. */
/* covers: wmi-dcom:R20 */
static void endless_request(void **state)
{
    static char piece[5000];
    size_t sent = 0;
    open_talk(RPC_LEVEL_NONE);
    bind_plain(&open_interface);
    t.call++;
    for (unsigned flags = RPC_FIRST; !t.closed; flags = 0, sent += sizeof piece)
        send_request(0, 0, flags, slice_of(piece, sizeof piece), 0, -1);
    assert_in_range(sent, 4 << 20, (4 << 20) + sizeof piece);
    check_ended(RPC_FAULT_ACCESS_DENIED);
    struct buf b;
    open_talk(RPC_LEVEL_NONE);
    bind_plain(&open_interface);
    buf_init(&b, 0);
    size_t start = rpc_pdu_begin(&b, RPC_REQUEST, RPC_FIRST, ++t.call);
    rpc_put32(&b, (4 << 20) + 1);
    rpc_put32(&b, 0);
    rpc_pdu_end(&b, start, 0);
    feed(&b);
    check_ended(RPC_FAULT_ACCESS_DENIED);
}

static void mixed_fragments(void **state)
{
    open_talk(RPC_LEVEL_NONE); /* two calls at once that were not to be mixed */
    bind_plain(&open_interface);
    t.call = 5;
    send_request(0, 0, RPC_FIRST, SLICE("a"), 0, -1);
    t.call = 6;
    send_request(0, 0, BOTH, SLICE("b"), 0, -1);
    check_ended(RPC_FAULT_PROTOCOL);
    open_talk(RPC_LEVEL_NONE); /* the second one in another byte order */
    bind_plain(&open_interface);
    t.call = 5;
    send_request(0, 0, RPC_FIRST, SLICE("a"), 0, -1);
    rpc_conn_input(&t.conn, SLICE("\5\0\0\2\0\0\0\0\0\x1c\0\0\0\0\0\5" "\0\0\0\0" "\0\0\0\0" "\1\2\3\4"));
    check_ended(RPC_FAULT_PROTOCOL);
}

/* covers: wmi-dcom:R22 */
static void identifiers(void **state)
{
    static const uint32_t ids[] = { 10, 5, 5, 0x7fffffff, 1 }; /* smaller, the same again: clients do so, and are served */
    struct buf b;
    open_talk(RPC_LEVEL_NONE);
    bind_plain(&open_interface);
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        t.call = ids[i];
        send_request(0, 0, BOTH, SLICE("x"), 0, -1);
        struct rpc_pdu p = answer();
        assert_int_equal(p.type, RPC_RESPONSE);
        assert_int_equal(p.call_id, ids[i]);
    }
    for (int i = 0; i < 2; i++) { /* given up, but nobody knows it */
        buf_init(&b, 0);
        rpc_pdu_end(&b, rpc_pdu_begin(&b, i ? RPC_ORPHANED : RPC_CANCEL, BOTH, 99), 0);
        feed(&b);
        assert_int_equal(t.out.n, 0);
        assert_false(t.closed);
    }
    close_talk();
}

/* What a peer may not be told is told as a protocol error, and no fault has a stub. */
/* covers: wmi-dcom:R26 */
static void statuses(void **state)
{
    static const uint32_t said[] = { 0, 0x80000001, 0x80000002, 0x80000003, 0xc0000005, 0xc0000006, 0xc000001d, 0xc0000096, 0xc00000aa,
                                     0xc00000fd, 0xc0000194, 0xc0000235, 0xc0000409, 0xc0000420, 5, 0x80010108 };
    for (int l = RPC_LEVEL_NONE; l <= RPC_LEVEL_PRIVACY; l += RPC_LEVEL_PRIVACY - RPC_LEVEL_NONE)
        for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
            open_talk((uint8_t)l);
            if (l == RPC_LEVEL_NONE) bind_plain(&held_interface);
            else log_in("secret", 7, RPC_BIND, 0);
            t.call++;
            send_request(0, 1, BOTH, SLICE("x"), 7, -1);
            buf_lit(&held->reply, "what it had begun to say");
            rpc_fault(held, said[i]);
            struct rpc_pdu p = answer();
            struct rpc_response_head head;
            assert_int_equal(p.type, RPC_FAULT);
            assert_true(rpc_response_read(&p, &head));
            assert_int_equal(head.status, i < 14 ? RPC_FAULT_PROTOCOL : said[i]);
            assert_int_equal(p.body.n, 16);
            assert_int_equal(head.hint, 32); /* no extended error information follows (2.2.2.8) */
            close_talk();
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(contexts_that_lie), cmocka_unit_test(odd_contexts),         cmocka_unit_test(logins_out_of_order),
        cmocka_unit_test(tokens_again),      cmocka_unit_test(levels_that_are_none), cmocka_unit_test(another_level),
        cmocka_unit_test(endless_request),   cmocka_unit_test(mixed_fragments),      cmocka_unit_test(identifiers),
        cmocka_unit_test(statuses),          cmocka_unit_test(nobody),               cmocka_unit_test(padding_that_lies),
        cmocka_unit_test(reserved_octets),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
