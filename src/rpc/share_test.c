/* What one client may have a server hold, and that another one does not suffer from it: both are addresses here, as accounts are. */
#include "rpc/server_harness.h"

/* What waits on a loop is shared fairly: two who do not read have half of it each, and give way to a third who asks for less. */
static void who_waits_gives_way(void **state)
{
    enum { DEAF = 10, CALLS = 40, ALL = 7 * BIG };
    char at[64];
    struct buf b;
    struct client deaf[2][DEAF];
    struct rpc_server_config config = { .loop_count = 1, .write_limit = 4 << 20, .wait_total = ALL, .stuck_us = 60 * 1000000 };
    struct rpc_server *s = serve(&config, at);
    size_t *queued = &s->workers[0].streams.queued;
    struct client c = dial_from(at, 3);
    assert_int_equal(bind_to(&c, &first, 0), RPC_BIND_ACK);
    for (unsigned who = 0; who < 2; who++) {
        for (int i = 0; i < DEAF; i++) {
            int little = 4096;
            struct client *d = &deaf[who][i];
            *d = dial_from(at, who + 1);
            setsockopt(d->fd, SOL_SOCKET, SO_RCVBUF, &little, sizeof little);
            assert_int_equal(bind_to(d, &first, 0), RPC_BIND_ACK);
            buf_init(&b, 0);
            for (unsigned k = 0; k < CALLS; k++) put_request(&b, 1, k + 2, SLICE(""));
            say(d, &b);
        }
        do { /* until one more would be too much for this one */
            ask(&c, 0, SLICE("small"));
            assert_int_equal(outcome(&c), 0);
        } while (__atomic_load_n(queued, __ATOMIC_RELAXED) <= (who + 1) * (ALL / 2 - BIG));
        assert_true(__atomic_load_n(queued, __ATOMIC_RELAXED) < (who + 1) * (ALL / 2) + SMALL_CHANGE);
    }
    for (int i = 0; i < 20; i++) {
        ask(&c, 1, SLICE("x"));
        assert_int_equal(outcome(&c), 0);
        assert_true(__atomic_load_n(queued, __ATOMIC_RELAXED) < 2 * ALL);
    }
    for (int i = 0; i < 2 * DEAF; i++) hang_up(&deaf[i / DEAF][i % DEAF]);
    hang_up(&c);
    end(s);
}

/* Calls at work are held, and count for who sent them. Beyond one's half a large one is refused, and a small one is not. */
static void calls_that_are_held(void **state)
{
    enum { ALL = 1 << 20 };
    char at[64];
    struct rpc_server_config config = { .loop_count = 1, .hold_total = ALL };
    struct rpc_server *s = serve(&config, at);
    struct client a = dial(at), same = dial(at), b = dial_from(at, 2);
    bind_to(&a, &first, 0);
    bind_to(&same, &first, 0);
    bind_to(&b, &first, 0);
    ask_large(&a, 2, 2, 400000);
    struct rpc_call *call = wait_held();
    for (int i = 0; i < 3; i++) {
        ask_large(&same, 0, 3, 200000);
        assert_int_equal(outcome(&same), RPC_FAULT_BUSY);
        ask(&same, 0, SLICE("small"));
        assert_int_equal(outcome(&same), 0);
        ask_large(&b, 0, 2, 400000);
        assert_int_equal(outcome(&b), 0);
    }
    assert_true(exec_post(call->home, release, call));
    ask_large(&same, 0, 3, 200000);
    take(&a);
    for (uint32_t id = 4; outcome(&same) == RPC_FAULT_BUSY; id++) ask_large(&same, 0, id, 200000); /* it came before the release */
    hang_up(&a);
    hang_up(&same);
    hang_up(&b);
    rpc_server_stop(s, 1000000);
    assert_int_equal(s->workers[0].shares.held, 0);
    rpc_server_free(s);
}

/* Requests that never end: not beyond half of the room either. */
static void calls_that_do_not_end(void **state)
{
    enum { ALL = 1 << 20, MANY = 40 };
    char at[64];
    struct rpc_server_config config = { .loop_count = 1, .hold_total = ALL };
    struct rpc_server *s = serve(&config, at);
    struct client a[MANY], b = dial_from(at, 2);
    bind_to(&b, &first, 0);
    for (int i = 0; i < MANY; i++) {
        struct buf bytes;
        a[i] = dial(at);
        bind_to(&a[i], &first, 0);
        buf_init(&bytes, 0);
        put_large(&bytes, 0, 2, 300000);
        bytes.n -= 4000; /* of the last fragment */
        say(&a[i], &bytes);
        ask_large(&b, 0, 2, 200000);
        assert_int_equal(outcome(&b), 0);
        assert_true(__atomic_load_n(&s->workers[0].shares.held, __ATOMIC_RELAXED) <= ALL / 4 * 3); /* his half, and b's */
    }
    for (int i = 0; i < MANY; i++) hang_up(&a[i]);
    hang_up(&b);
    rpc_server_stop(s, 1000000);
    assert_int_equal(s->workers[0].shares.held, 0);
    rpc_server_free(s);
}

/* Presentation contexts are many until the client has its share, and then refused one by one. */
static void contexts_are_held(void **state)
{
    char at[64], copy[65536];
    struct rpc_server_config config = { .loop_count = 1, .hold_total = 128 << 10 };
    struct rpc_server *s = serve(&config, at);
    struct client many[4], same = dial(at), b = dial_from(at, 2);
    unsigned taken = 0;
    bind_to(&same, &first, 0);
    for (int i = 0; i < 4; i++) {
        uint16_t result = RPC_ACCEPT;
        many[i] = dial(at);
        bind_to(&many[i], &first, 0);
        for (uint16_t id = 1; result == RPC_ACCEPT && id < 4000; id++) {
            struct buf bytes;
            struct rpc_pdu p;
            buf_init(&bytes, 0);
            put_bind(&bytes, RPC_ALTER, id, &first, 0);
            say(&many[i], &bytes);
            assert_true(hear(&many[i], copy, &p));
            assert_int_equal(p.type, RPC_ALTER_RESPONSE);
            struct rpc_reader r = rpc_reader_of(&p, slice_sub(p.body, 16));
            result = rpc_u16(&r);
            taken += result == RPC_ACCEPT;
        }
        assert_int_equal(result, RPC_REJECT);
    }
    assert_true(taken * sizeof(struct rpc_presentation) <= (64 << 10) + 4 * RPC_HELD_FREE);
    ask(&same, 0, SLICE("small")); /* another connection has some for itself */
    assert_int_equal(outcome(&same), 0);
    assert_int_equal(bind_to(&b, &first, 0), RPC_BIND_ACK);
    ask_large(&b, 0, 2, 25000);
    assert_int_equal(outcome(&b), 0);
    hang_up(&same);
    for (int i = 0; i < 4; i++) hang_up(&many[i]);
    hang_up(&b);
    rpc_server_stop(s, 1000000);
    assert_int_equal(s->workers[0].shares.held, 0);
    rpc_server_free(s);
}

/* Nobody has more than half of the connections of a loop, and one. */
static void too_many_of_one(void **state)
{
    char at[64];
    struct rpc_server_config config = { .loop_count = 1, .max_connections = 8 };
    struct rpc_server *s = serve(&config, at);
    struct client c[6], other;
    for (int i = 0; i < 6; i++) {
        c[i] = dial(at);
        if (i < 5) bind_to(&c[i], &first, 0);
    }
    nothing_more(&c[5]);
    other = dial_from(at, 2);
    assert_int_equal(bind_to(&other, &first, 0), RPC_BIND_ACK);
    for (int i = 0; i < 6; i++) hang_up(&c[i]);
    hang_up(&other);
    end(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_waits_gives_way), cmocka_unit_test(calls_that_are_held), cmocka_unit_test(calls_that_do_not_end),
        cmocka_unit_test(contexts_are_held), cmocka_unit_test(too_many_of_one),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
