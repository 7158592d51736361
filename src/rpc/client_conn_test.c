/* A client against our own server: every type and level, fragments both ways, and what must not get through. */
#include "rpc/client_harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "auth/accounts.h"
#include "base/log.h"
#include "mech/ntlm.h"
#include "mech/spnego.h"

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

/* ---- what becomes of requests ---- */

struct asked {
    struct rpc_request r;     /* first */
    unsigned told;
    uint32_t fault;
    struct buf stub;
};

static void on_done(struct rpc_request *r, uint32_t fault, struct slice stub, bool big_endian)
{
    struct asked *a = (struct asked *)r;
    a->told++;
    a->fault = fault;
    buf_slice_add(&a->stub, stub);
}

static void ask(struct asked *a, const struct rpc_interface *i, uint16_t opnum, struct slice stub)
{
    *a = (struct asked){ .r = { .interface = i->uuid, .major = i->major, .minor = i->minor, .opnum = opnum, .stub = stub, .done = on_done } };
    buf_init(&a->stub, 16 << 20);
    rpc_client_conn_request(&pair.client, &a->r);
    assert_int_equal(a->told, 0); /* never from within */
}

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_and_level),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
