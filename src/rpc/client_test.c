/* The client's socket side against the whole server on loopback: who is told what, when, and how often. */
#include "base/test.h"

#include <errno.h>
#include <arpa/inet.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "os/loop.h"
#include "rpc/client.h"
#include "rpc/server.h"

static struct loops *loops;
static struct auth_broker *broker;

/* ---- the server ---- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t change = PTHREAD_COND_INITIALIZER;
static struct rpc_call *held;
static unsigned aborted;

static void on_abort(struct rpc_call *c)
{
    pthread_mutex_lock(&lock);
    aborted++;
    pthread_cond_broadcast(&change);
    pthread_mutex_unlock(&lock);
}

static void on_call(struct rpc_call *c)
{
    if (c->opnum == 1) {
        c->on_abort = on_abort;
        pthread_mutex_lock(&lock);
        held = c;
        pthread_cond_broadcast(&change);
        pthread_mutex_unlock(&lock);
        return;
    }
    buf_slice_add(&c->reply, c->stub);
    rpc_reply(c);
}

static const struct rpc_interface echo = {
    { 0x11111111, 1, 2, { 1, 2, 3, 4, 5, 6, 7, 8 } }, 0, 0, "echo", 2, RPC_LEVEL_NONE, false, on_call, NULL };
static const struct rpc_interface *const interfaces[] = { &echo, NULL };

static int setup(void **state)
{
    struct auth_broker_config config = { .ntlm = true, .accounts_path = "/nonexistent/accounts", .dummy_cost = 1 };
    log_set_level(LOG_ERROR_);
    loops = loops_new(2, "test-loop", NULL);
    return loops && auth_broker_new(&config, &broker, NULL) == CIMF_OK ? 0 : -1;
}

static int teardown(void **state)
{
    loops_stop(loops);
    auth_broker_free(broker);
    loops_free(loops);
    return 0;
}

static struct rpc_server *serve(uint16_t *port)
{
    struct rpc_server_config config = { .broker = broker, .loops = loops_all(loops), .loop_count = loops_count(loops) };
    struct rpc_server *s;
    char at[64];
    assert_int_equal(rpc_server_new(&config, &s, NULL), CIMF_OK);
    assert_int_equal(rpc_server_listen(s, "127.0.0.1:0", interfaces, at, sizeof at, NULL), CIMF_OK);
    *port = (uint16_t)atoi(strchr(at, ':') + 1);
    return s;
}

static struct rpc_call *wait_held(void)
{
    pthread_mutex_lock(&lock);
    while (!held) pthread_cond_wait(&change, &lock);
    struct rpc_call *c = held;
    held = NULL;
    pthread_mutex_unlock(&lock);
    return c;
}

static void wait_aborted(void)
{
    pthread_mutex_lock(&lock);
    while (!aborted) pthread_cond_wait(&change, &lock);
    aborted = 0;
    pthread_mutex_unlock(&lock);
}

static void answer(void *arg) { rpc_reply(arg); }

/* ---- the client: everything of it happens on the first loop ---- */

struct asked {
    struct rpc_request r;      /* first */
    struct dialog *dialog;
    unsigned told;
    uint32_t fault;
    struct buf stub;
    bool free_client;          /* in done */
};
struct dialog {
    struct rpc_client *client;
    uint16_t port;
    int64_t connect_timeout_us;
    bool want_first;
    struct asked asked[24];
    unsigned pending, lost;
    uint32_t native; /* of why */
    cimf_status why;
    unsigned told_before_lost;
};

static struct loop *home(void) { return loops_at(loops, 0); }

static void on_done(struct rpc_request *r, uint32_t fault, struct slice stub, bool big_endian)
{
    struct asked *a = (struct asked *)r;
    buf_slice_add(&a->stub, stub);
    if (a->free_client) {
        rpc_client_free(a->dialog->client);
        a->dialog->client = NULL;
    }
    pthread_mutex_lock(&lock);
    a->told++;
    a->fault = fault;
    a->dialog->pending--;
    pthread_cond_broadcast(&change);
    pthread_mutex_unlock(&lock);
}

static void on_lost(void *arg, struct rpc_client *c, const struct error *why)
{
    struct dialog *d = arg;
    pthread_mutex_lock(&lock);
    d->lost++;
    d->native = why->native;
    d->why = why->status;
    d->told_before_lost = d->pending;
    pthread_cond_broadcast(&change);
    pthread_mutex_unlock(&lock);
    rpc_client_free(c);
    d->client = NULL;
}

static void begin(void *arg)
{
    struct dialog *d = arg;
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(d->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct rpc_client_config config = { .loop = home(), .fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0),
                                        .level = RPC_LEVEL_NONE, .connect_timeout_us = d->connect_timeout_us, .lost = on_lost, .arg = d };
    if (d->want_first) {
        config.interfaces = &echo.uuid;
        config.interface_count = 1;
    }
    connect(config.fd, (struct sockaddr *)&a, sizeof a);
    assert_int_equal(rpc_client_new(&config, &d->client, NULL), CIMF_OK);
}

static struct dialog *dial(uint16_t port, bool want_first, int64_t connect_timeout_us)
{
    struct dialog *d = calloc(1, sizeof *d);
    d->port = port;
    d->want_first = want_first;
    d->connect_timeout_us = connect_timeout_us;
    assert_true(loop_call(home(), begin, d));
    return d;
}

static void send_one(void *arg)
{
    struct asked *a = arg;
    rpc_client_request(a->dialog->client, &a->r);
}

static struct asked *ask(struct dialog *d, unsigned i, uint16_t opnum, struct slice stub, int64_t timeout_us)
{
    struct asked *a = &d->asked[i];
    *a = (struct asked){ .r = { .interface = echo.uuid, .opnum = opnum, .stub = stub, .timeout_us = timeout_us, .done = on_done }, .dialog = d };
    buf_init(&a->stub, 0);
    pthread_mutex_lock(&lock);
    d->pending++;
    pthread_mutex_unlock(&lock);
    return a;
}

static void go(struct asked *a) { assert_true(loop_call(home(), send_one, a)); }

static void wait_told(struct dialog *d)
{
    pthread_mutex_lock(&lock);
    while (d->pending) pthread_cond_wait(&change, &lock);
    pthread_mutex_unlock(&lock);
}

static void wait_lost(struct dialog *d)
{
    pthread_mutex_lock(&lock);
    while (!d->lost) pthread_cond_wait(&change, &lock);
    pthread_mutex_unlock(&lock);
}

static void end(void *arg)
{
    struct dialog *d = arg;
    rpc_client_free(d->client);
}

static void drop(struct dialog *d)
{
    assert_true(loop_call(home(), end, d));
    for (size_t i = 0; i < sizeof d->asked / sizeof *d->asked; i++)
        if (d->asked[i].dialog) buf_free(&d->asked[i].stub);
    free(d);
}

/* ---- tests ---- */

/* More than a socket takes at once: what waits is sent when there is room. */
static void many_at_once(void **state)
{
    enum { N = 24, EACH = 300000 };
    static char big[EACH];
    uint16_t port;
    struct rpc_server *s = serve(&port);
    for (size_t i = 0; i < EACH; i++) big[i] = (char)(i % 253);
    for (int first = 0; first < 2; first++) {
        struct dialog *d = dial(port, first, 0);
        for (unsigned i = 0; i < N; i++) go(ask(d, i, 0, slice_of(big, EACH - i), 0));
        wait_told(d);
        for (unsigned i = 0; i < N; i++) {
            assert_int_equal(d->asked[i].told, 1);
            assert_int_equal(d->asked[i].fault, 0);
            assert_int_equal(d->asked[i].stub.n, EACH - i);
            assert_memory_equal(d->asked[i].stub.p, big, EACH - i);
        }
        assert_int_equal(d->lost, 0);
        drop(d);
    }
    rpc_server_stop(s, 0);
    rpc_server_free(s);
}

/* A call whose time is over: its server hears of it, the connection goes on, a late answer is dropped. */
static void time_over(void **state)
{
    uint16_t port;
    struct rpc_server *s = serve(&port);
    struct dialog *d = dial(port, true, 0);
    go(ask(d, 0, 1, SLICE("late"), 0));
    struct rpc_call *c = wait_held();
    go(ask(d, 1, 1, SLICE("later"), 1));
    struct rpc_call *forgotten = NULL;
    pthread_mutex_lock(&lock);
    while (d->pending > 1) pthread_cond_wait(&change, &lock);
    pthread_mutex_unlock(&lock);
    assert_int_equal(d->asked[1].fault, RPC_FAULT_CANCELLED);
    go(ask(d, 2, 0, SLICE("still here"), 0));
    pthread_mutex_lock(&lock);
    while (d->pending > 1) pthread_cond_wait(&change, &lock);
    forgotten = held; /* it may have been over before it was sent */
    held = NULL;
    pthread_mutex_unlock(&lock);
    if (forgotten) {
        wait_aborted();
        assert_true(exec_post(forgotten->home, answer, forgotten));
    }
    assert_true(slice_is(buf_slice(&d->asked[2].stub), "still here"));
    assert_true(exec_post(c->home, answer, c));
    wait_told(d);
    assert_int_equal(d->asked[0].fault, 0);
    assert_int_equal(d->lost, 0);
    drop(d);
    rpc_server_stop(s, 0);
    rpc_server_free(s);
}

/* Every request is told, once, before the connection's owner. */
static void the_server_ends(void **state)
{
    uint16_t port;
    struct rpc_server *s = serve(&port);
    struct dialog *d = dial(port, true, 0);
    go(ask(d, 0, 1, SLICE("never"), 0));
    struct rpc_call *c = wait_held();
    go(ask(d, 1, 0, SLICE("last"), 0));
    pthread_mutex_lock(&lock);
    while (d->pending > 1) pthread_cond_wait(&change, &lock);
    pthread_mutex_unlock(&lock);
    rpc_server_stop(s, 0);
    wait_aborted();
    assert_true(exec_post(c->home, answer, c));
    wait_lost(d);
    assert_int_equal(d->why, CIMF_CONNECTION_LOST);
    assert_int_equal(d->told_before_lost, 0);
    assert_int_equal(d->asked[0].told, 1);
    assert_int_equal(d->asked[0].fault, RPC_CLIENT_LOST);
    assert_int_equal(d->asked[1].fault, 0);
    assert_int_equal(d->lost, 1);
    drop(d);
    rpc_server_free(s);
}

static int silent_listener(uint16_t *port)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t n = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(fd, 4), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
    *port = ntohs(a.sin_port);
    return fd;
}

static void nobody_there(void **state)
{
    uint16_t port;
    close(silent_listener(&port));
    struct dialog *d = dial(port, true, 0);
    wait_lost(d);
    assert_int_equal(d->why, CIMF_CONNECT_FAILED);
    assert_int_equal(d->native, ECONNREFUSED);
    drop(d);
}

static void nobody_answers(void **state)
{
    uint16_t port;
    int fd = silent_listener(&port);
    struct dialog *d = dial(port, true, 20000);
    wait_lost(d);
    assert_int_equal(d->why, CIMF_TIMED_OUT);
    drop(d);
    close(fd);
}

/* The client may go in a callback, with calls under way, and before anything happened. */
static void freed_early(void **state)
{
    uint16_t port;
    struct rpc_server *s = serve(&port);
    drop(dial(port, true, 0));
    drop(dial(port, false, 0));
    struct dialog *d = dial(port, true, 0);
    go(ask(d, 0, 1, SLICE("never"), 0));
    struct rpc_call *c = wait_held();
    struct asked *a = ask(d, 1, 0, SLICE("hello"), 0);
    a->free_client = true;
    go(a);
    pthread_mutex_lock(&lock);
    while (d->pending > 1) pthread_cond_wait(&change, &lock);
    pthread_mutex_unlock(&lock);
    wait_aborted();
    assert_true(exec_post(c->home, answer, c));
    assert_true(slice_is(buf_slice(&a->stub), "hello"));
    assert_int_equal(d->asked[0].told, 0);
    assert_int_equal(d->lost, 0);
    drop(d);
    rpc_server_stop(s, 0);
    rpc_server_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_at_once),    cmocka_unit_test(time_over),      cmocka_unit_test(the_server_ends),
        cmocka_unit_test(nobody_there),    cmocka_unit_test(nobody_answers), cmocka_unit_test(freed_early),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
