/* The whole server on loopback: two loops, association groups, clients that do not read, do not speak, or come too many. */
#include "rpc/server_harness.h"

/* covers: wmi-dcom:R1 wmi-dcom:R31 */
static void calls_and_numbers(void **state)
{
    char at[64], at2[64];
    uint64_t seen[8];
    struct rpc_stats stats;
    struct rpc_server *s = serve(NULL, at);
    assert_int_equal(rpc_server_listen(s, "127.0.0.1:0", only, at2, sizeof at2, NULL), CIMF_OK);
    struct client c[8];
    for (int i = 0; i < 8; i++) {
        c[i] = dial(i % 2 ? at2 : at);
        assert_int_equal(bind_to(&c[i], &second, 0), RPC_BIND_ACK);
        ask(&c[i], 0, SLICE("hello"));
        take(&c[i]);
        assert_true(slice_is(buf_slice(&c[i].stub), "hello"));
        seen[i] = last_connection;
        for (int k = 0; k < i; k++) assert_true(seen[k] != seen[i]);
    }
    struct client other = dial(at2); /* what one listener serves, the other need not */
    assert_int_equal(bind_to(&other, &first, 0), RPC_FAULT);
    rpc_server_stats(s, &stats);
    assert_int_equal(stats.connections, 9);
    assert_int_equal(stats.calls_in, 8);
    assert_int_equal(stats.calls_out, 8);
    assert_int_equal(stats.packets_in, 17);
    assert_int_equal(stats.packets_out, 17);
    hang_up(&other);
    for (int i = 0; i < 8; i++) hang_up(&c[i]);
    end(s);
}

/* covers: wmi-dcom:R28 */
static void groups(void **state)
{
    char at[64];
    struct rpc_groups g;
    struct rpc_server *s = serve(NULL, at);
    struct client a = dial(at), b = dial(at), stranger = dial(at), same = dial(at);
    assert_int_equal(bind_to(&a, &first, 0), RPC_BIND_ACK);
    assert_int_equal(bind_to(&b, &first, 0), RPC_BIND_ACK);
    assert_true(a.group && b.group && a.group != b.group);
    assert_int_equal(bind_to(&same, &first, a.group), RPC_BIND_ACK);
    assert_int_equal(same.group, a.group);
    uint32_t free_number = a.group + 1;
    while (free_number == 0 || free_number == b.group) free_number++;
    assert_int_equal(bind_to(&stranger, &first, free_number), RPC_BIND_NAK);
    nothing_more(&stranger);
    hang_up(&a);
    hang_up(&b);
    hang_up(&stranger);
    hang_up(&same);
    end(s);

    rpc_groups_init(&g);
    uint32_t number = rpc_groups_join(&g, 0, "192.0.2.1");
    assert_int_equal(rpc_groups_join(&g, number, "192.0.2.2"), 0); /* another address */
    assert_int_equal(rpc_groups_join(&g, number, "192.0.2.1"), number);
    rpc_groups_leave(&g, number);
    assert_int_equal(rpc_groups_join(&g, number, "192.0.2.1"), number);
    rpc_groups_leave(&g, number);
    rpc_groups_leave(&g, number);
    assert_int_equal(rpc_groups_join(&g, number, "192.0.2.1"), 0); /* the last one left */
    rpc_groups_free(&g);
}

/* A client that asks and does not listen: the server stops taking its calls. */
static void stops_reading(void **state)
{
    enum { CALLS = 400 };
    char at[64];
    struct rpc_stats stats;
    struct buf b;
    struct rpc_server_config config = { .write_limit = 100000 };
    struct rpc_server *s = serve(&config, at);
    struct client c = dial(at);
    assert_int_equal(bind_to(&c, &first, 0), RPC_BIND_ACK);
    buf_init(&b, 0);
    for (unsigned i = 0; i < CALLS; i++) put_request(&b, 1, i + 2, SLICE(""));
    say(&c, &b);
    take(&c);
    assert_int_equal(c.stub.n, BIG);
    rpc_server_stats(s, &stats); /* 100 MB do not fit into the kernel's buffers */
    assert_true(stats.calls_in < CALLS / 2);
    for (unsigned i = 1; i < CALLS; i++) {
        take(&c);
        assert_int_equal(c.stub.n, BIG);
    }
    ask(&c, 0, SLICE("still there"));
    take(&c);
    assert_true(slice_is(buf_slice(&c.stub), "still there"));
    hang_up(&c);
    end(s);
}


/* Many such: together they hold no more than the server allows. Who reads is served; who does not is given up when room is needed. */
static void many_stop_reading(void **state)
{
    enum { DEAF = 12, CALLS = 40 };
    char at[64];
    struct buf b;
    struct client deaf[DEAF];
    struct rpc_server_config config = { .write_limit = 4 << 20, .wait_total = 3 * BIG, .stuck_us = 1 };
    struct rpc_server *s = serve(&config, at);
    for (int i = 0; i < DEAF; i++) {
        int little = 4096;
        deaf[i] = dial(at);
        setsockopt(deaf[i].fd, SOL_SOCKET, SO_RCVBUF, &little, sizeof little);
        assert_int_equal(bind_to(&deaf[i], &first, 0), RPC_BIND_ACK);
        buf_init(&b, 0);
        for (unsigned k = 0; k < CALLS; k++) put_request(&b, 1, k + 2, SLICE(""));
        say(&deaf[i], &b);
    }
    struct client c = dial(at);
    assert_int_equal(bind_to(&c, &first, 0), RPC_BIND_ACK);
    for (int i = 0; i < 100; i++) {
        ask(&c, 0, SLICE("small"));
        take(&c);
        assert_true(slice_is(buf_slice(&c.stub), "small"));
        for (unsigned k = 0; k < 2; k++) assert_true(__atomic_load_n(&s->workers[k].streams.queued, __ATOMIC_RELAXED) < 4 * BIG);
    }
    for (int i = 0; i < DEAF; i++) hang_up(&deaf[i]);
    hang_up(&c);
    end(s);
}

static void slow_ones(void **state)
{
    char at[64];
    struct rpc_stats stats;
    struct rpc_server_config config = { .limits = { .bind_timeout_us = 50000, .fragment_timeout_us = 50000,
                                                    .idle_anonymous_us = 60000000 } };
    struct rpc_server *s = serve(&config, at);
    struct client silent = dial(at), bound = dial(at), halfway = dial(at);
    bind_to(&bound, &first, 0); /* and never calls */
    bind_to(&halfway, &first, 0);
    ask(&halfway, 0, SLICE("x"));
    take(&halfway);
    struct buf b;
    buf_init(&b, 0);
    put_request(&b, 0, 3, SLICE("0123456789"));
    b.n -= 4;
    say(&halfway, &b);
    nothing_more(&silent);
    nothing_more(&bound);
    nothing_more(&halfway);
    rpc_server_stats(s, &stats);
    assert_int_equal(stats.timeouts, 3);
    hang_up(&silent);
    hang_up(&bound);
    hang_up(&halfway);
    end(s);
}

static void too_many(void **state)
{
    char at[64];
    struct rpc_stats stats;
    struct rpc_server_config config = { .max_connections = 2 };
    struct rpc_server *s = serve(&config, at);
    struct client c[3] = { dial(at), dial(at) };
    bind_to(&c[0], &first, 0);
    bind_to(&c[1], &first, 0);
    c[2] = dial(at);
    nothing_more(&c[2]);
    rpc_server_stats(s, &stats);
    assert_int_equal(stats.refused, 1);
    for (int i = 0; i < 3; i++) hang_up(&c[i]);
    end(s);
}

static void *stop_it(void *arg)
{
    rpc_server_stop(arg, 60000000);
    return NULL;
}

static void stopping(void **state)
{
    char at[64];
    pthread_t thread;
    struct rpc_server *s = serve(NULL, at);
    struct client idle = dial(at), busy = dial(at);
    bind_to(&idle, &first, 0);
    bind_to(&busy, &first, 0);
    ask(&busy, 2, SLICE(""));
    struct rpc_call *call = wait_held();
    assert_int_equal(pthread_create(&thread, NULL, stop_it, s), 0);
    nothing_more(&idle); /* at once; the other one is waited for */
    assert_true(exec_post(call->home, release, call));
    take(&busy);
    nothing_more(&busy);
    pthread_join(thread, NULL);
    rpc_server_free(s);
    hang_up(&idle);
    hang_up(&busy);
}

/* A call that is not answered is told; its answer later goes nowhere. */
static void gone_meanwhile(void **state)
{
    char at[64];
    struct rpc_server *s = serve(NULL, at);
    struct client c = dial(at);
    bind_to(&c, &first, 0);
    ask(&c, 2, SLICE(""));
    struct rpc_call *call = wait_held();
    pthread_mutex_lock(&lock);
    aborted = 0;
    pthread_mutex_unlock(&lock);
    hang_up(&c);
    pthread_mutex_lock(&lock);
    while (!aborted) pthread_cond_wait(&change, &lock);
    pthread_mutex_unlock(&lock);
    assert_true(exec_post(call->home, release, call));
    end(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_and_numbers), cmocka_unit_test(groups), cmocka_unit_test(stops_reading), cmocka_unit_test(many_stop_reading),
        cmocka_unit_test(slow_ones), cmocka_unit_test(too_many), cmocka_unit_test(stopping),
        cmocka_unit_test(gone_meanwhile),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
