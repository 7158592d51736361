/* The client role against the server role, over sockets: proxies on two loops, logins, calls, releases, pings. */
#include "base/test.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "auth/accounts.h"
#include "base/log.h"
#include "dcom/proxy_priv.h"
#include "mech/ntlm.h"
#include "mech/spnego.h"
#include "os/loop.h"
#include "rpc/server.h"

enum { LOOPS = 2, CALLS = 50 };

static char path[64];
static struct auth_broker *broker;
static const struct principal *alice;
static struct loops *loops;
static struct rpc_server *rpc;
static struct dcom_server *theirs, *ours; /* the client's machine; the daemon */
static uint16_t port;
static int64_t clock_now = 1000000; /* atomic */
static int64_t now(void *arg) { return __atomic_load_n(&clock_now, __ATOMIC_RELAXED); }

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t change = PTHREAD_COND_INITIALIZER;
static unsigned counted, ended, answered, failures, unsealed;

static void add_to(unsigned *what)
{
    pthread_mutex_lock(&lock);
    ++*what;
    pthread_cond_broadcast(&change);
    pthread_mutex_unlock(&lock);
}

static void wait_for(const unsigned *what, unsigned n)
{
    pthread_mutex_lock(&lock);
    while (*what < n) pthread_cond_wait(&change, &lock);
    pthread_mutex_unlock(&lock);
}

/* ---- what the client has ---- */

struct sum {
    uint32_t number, twice;
};
static const struct ndr_row sum_rows[] = {
    { NDR_AT(struct sum, number, U32), .flags = NDR_IN },
    { NDR_AT(struct sum, twice, U32), .flags = NDR_OUT },
};
static const struct ndr_type sum_type = NDR_TYPE("Twice", struct sum, sum_rows);

static void twice(struct dcom_call *c, void *record)
{
    struct sum *s = record;
    s->twice = 2 * s->number;
    add_to(&counted);
    if (c->level != RPC_LEVEL_PRIVACY || !(c->flags & MECH_IDENTIFY)) add_to(&unsealed);
    dcom_reply(c, s, 7);
}
static void closed(void *self) { add_to(&ended); }
static const struct dcom_method methods[] = { [3] = { "Twice", &sum_type, twice } };
static const struct dcom_interface doubler = { { 0x77777777, 7, 7, { 7 } }, "doubler", methods, 4 };
static const struct dcom_interface *const interfaces[] = { &doubler, NULL };
static const struct dcom_object_type type = { .name = "doubler", .interfaces = interfaces, .closed = closed };

/* ---- the daemon's way out ---- */

struct reply {
    void (*done)(void *arg, int fd);
    void *arg;
    int fd;
};

static void deliver(void *arg)
{
    struct reply r = *(struct reply *)arg;
    free(arg);
    r.done(r.arg, r.fd);
}

static void dial(struct dcom_outbound *o, uint64_t connection, const char *peer, uint16_t to, struct exec *home,
                 void (*done)(void *arg, int fd), void *arg)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(to), .sin_addr.s_addr = inet_addr(peer) };
    struct reply *r = malloc(sizeof *r);
    if (!r) abort();
    *r = (struct reply){ done, arg, socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0) };
    connect(r->fd, (struct sockaddr *)&at, sizeof at);
    if (!exec_post(home, deliver, r)) abort();
}

static struct rpc_initiator *initiate(struct dcom_outbound *o, struct slice target, struct exec *home, enum rpc_auth_type *auth)
{
    struct mech *ntlm, *m;
    const struct ntlm_client_config c = { .options = { .want = MECH_SIGN | MECH_SEAL | MECH_IDENTIFY, .target = target },
                                          .user = SLICE("alice"), .password = SLICE("secret") };
    *auth = RPC_AUTH_SPNEGO;
    if (ntlm_client_new(&c, &ntlm, NULL) != CIMF_OK || spnego_client_new(&ntlm, 1, &m, NULL) != CIMF_OK) abort();
    return rpc_initiator_mech(m);
}

static struct loop *loop_of(struct dcom_outbound *o, struct exec *home)
{
    for (unsigned i = 0; i < LOOPS; i++)
        if (loop_exec(loops_at(loops, i)) == home) return loops_at(loops, i);
    return NULL;
}

static struct dcom_outbound outbound = { .connect = dial, .initiate = initiate, .loop = loop_of, .credentials = true };

/* ---- life ---- */

static void on_login(void *arg, cimf_status status, const struct principal *p) { alice = p; }

static int setup(void **state)
{
    struct account_change account = { .name = SLICE("alice"), .password = SLICE("secret"), .cost = 1 };
    struct auth_broker_config config = { .ntlm = true, .basic = true, .accounts_path = path, .dummy_cost = 1 };
    const struct auth_password login = { .user = SLICE("alice"), .password = SLICE("secret"), .address = SLICE("127.0.0.1"), .scheme = AUTH_BASIC };
    struct dcom_settings settings = { .interfaces = interfaces, .now = now };
    char at[64];
    log_set_level(LOG_ERROR_);
    strcpy(path, "/tmp/cimfony-proxy-XXXXXX");
    close(mkstemp(path));
    unlink(path);
    if (accounts_add(path, &account, NULL) != CIMF_OK || auth_broker_new(&config, &broker, NULL) != CIMF_OK) return -1;
    auth_check_password(broker, &login, NULL, on_login, NULL);
    loops = loops_new(LOOPS, "test-loop", NULL);
    struct rpc_server_config server = { .broker = broker, .loops = loops_all(loops), .loop_count = LOOPS };
    if (!alice || dcom_server_new(&settings, &theirs, NULL) != CIMF_OK || rpc_server_new(&server, &rpc, NULL) != CIMF_OK) return -1;
    settings.outbound = &outbound;
    if (dcom_server_new(&settings, &ours, NULL) != CIMF_OK) return -1;
    if (rpc_server_listen(rpc, "127.0.0.1:0", dcom_server_interfaces(theirs, DCOM_RESOLVER | DCOM_EXPORTER), at, sizeof at, NULL) != CIMF_OK)
        return -1;
    port = (uint16_t)atoi(strchr(at, ':') + 1);
    dcom_server_listens(theirs, port);
    return 0;
}

static void nothing(void *arg) {}

static int teardown(void **state)
{
    static const char *const ends[] = { "", ".lock", ".key" };
    dcom_server_hang_up(ours);
    for (unsigned i = 0; i < LOOPS; i++) loop_call(loops_at(loops, i), nothing, NULL);
    rpc_server_stop(rpc, 1000000);
    rpc_server_free(rpc);
    loops_free(loops);
    dcom_server_free(ours);
    dcom_server_free(theirs);
    principal_unref(alice);
    auth_broker_free(broker);
    for (int i = 0; i < 3; i++) {
        char name[80];
        snprintf(name, sizeof name, "%s%s", path, ends[i]);
        unlink(name);
    }
    return 0;
}

/* ---- a caller on each loop ---- */

struct caller {
    struct arena arena;
    struct loop *loop;
    struct slice reference;
    struct dcom_proxy *proxy;
    struct dcom_proxy_call calls[CALLS];
    struct sum in[CALLS], out[CALLS];
};

static void on_done(struct dcom_proxy_call *call, bool failed, uint32_t hresult)
{
    const struct caller *k = call->arg;
    const struct sum *out = call->out;
    bool right = !failed && hresult == 7 && out->twice == 2 * k->in[call - k->calls].number && loop_current() == k->loop;
    if (!right) add_to(&failures);
    add_to(&answered);
}

static void make_proxy(void *arg)
{
    struct caller *k = arg;
    struct dcom_call c = { .server = ours, .principal = alice, .peer = "127.0.0.1", .arena = &k->arena, .home = loop_exec(k->loop) };
    assert_int_equal(dcom_proxy_new(&c, k->reference, &doubler.iid, &k->proxy), DCOM_OK);
}

static void make_calls(void *arg)
{
    struct caller *k = arg;
    for (unsigned i = 0; i < CALLS; i++) {
        k->in[i].number = i + 1000;
        k->calls[i] = (struct dcom_proxy_call){ .method = &methods[3], .opnum = 3, .record = &k->in[i], .out = &k->out[i], .arena = &k->arena,
                                                .arg = k, .done = on_done };
        dcom_proxy_call(k->proxy, &k->calls[i]);
    }
}

static void drop_proxy(void *arg) { dcom_proxy_unref(((struct caller *)arg)->proxy); }

/* An object of the client's, as it would hand it in. */
static struct slice object_new(struct arena *a)
{
    struct dcom_object *o = dcom_object_new(theirs, &type, &counted, alice);
    struct dcom_string_binding string = { TOWER_TCP, SLICE("127.0.0.1"), port };
    const struct dcom_bindings b = { .strings = &string, .string_count = 1 };
    struct dcom_objref r = { .form = OBJREF_STANDARD, .iid = doubler.iid };
    struct buf out;
    buf_init(&out, 0);
    dcom_lock(theirs);
    assert_int_equal(dcom_export(o, &doubler.iid, 5, &r.std), DCOM_OK);
    dcom_unlock(theirs);
    dcom_object_unref(o);
    assert_int_equal(dcom_dual_make(a, &b, &r.resolver), CIMF_OK);
    assert_true(dcom_objref_write(&out, &r));
    struct slice s = arena_dup(a, buf_slice(&out));
    buf_free(&out);
    return s;
}

static unsigned sets(void)
{
    struct dcom_counts c;
    dcom_server_count(theirs, &c);
    return c.sets;
}

static void test_both_roles(void **state)
{
    static struct caller all[LOOPS];
    for (unsigned i = 0; i < LOOPS; i++) {
        arena_init(&all[i].arena, 0);
        all[i].loop = loops_at(loops, i);
        all[i].reference = object_new(&all[i].arena);
        assert_true(loop_call(all[i].loop, make_proxy, &all[i]));
        assert_true(exec_post(loop_exec(all[i].loop), make_calls, &all[i]));
    }
    wait_for(&answered, LOOPS * CALLS);
    assert_int_equal(failures, 0);
    assert_int_equal(unsealed, 0); /* sealed, and known but not to be acted for */
    assert_int_equal(counted, LOOPS * CALLS);
    /* Pings: without them the client's machine would forget its objects. */
    __atomic_add_fetch(&clock_now, 121 * (int64_t)1000000, __ATOMIC_RELAXED);
    dcom_server_tick(ours);
    while (sets() < LOOPS) usleep(2000);
    __atomic_add_fetch(&clock_now, 350 * (int64_t)1000000, __ATOMIC_RELAXED);
    dcom_server_tick(theirs);
    assert_int_equal(ended, 0);
    for (unsigned i = 0; i < LOOPS; i++) assert_true(exec_post(loop_exec(all[i].loop), drop_proxy, &all[i]));
    wait_for(&ended, LOOPS); /* every reference was given back */
    for (unsigned i = 0; i < LOOPS; i++) arena_free(&all[i].arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_both_roles) };
    return cmocka_run_group_tests(tests, setup, teardown);
}
