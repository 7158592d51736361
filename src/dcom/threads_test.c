/* One server under calls from two loops: every call is answered on its own loop, runs on its object's, and none is lost. */
#include "base/test.h"

#include <semaphore.h>
#include <stdlib.h>

#include "auth/principal.h"
#include "dcom/dcom_priv.h"
#include "os/loop.h"

enum { THINGS = 4, ROUNDS = 300 };

static struct principal alice = { .magic = 0x50524e43, .refs = 1 << 20, .name = { "alice", 5 }, .domain = { "", 0 }, .sid = "S-1-5-21-1-2-3-1000" };
static struct dcom_server *server;
static struct loops *loops;
static sem_t finished;
static struct dcom_std things[THINGS];
static unsigned ended; /* atomic */

struct thing {
    unsigned calls;        /* not atomic: on the object's home only */
    struct loop *ran;
};
static struct thing all[THINGS];

static void count(struct dcom_call *c, void *record)
{
    struct thing *t = c->self;
    assert_true(!t->ran || t->ran == loop_current());
    t->ran = loop_current();
    t->calls++;
    dcom_reply(c, record, DCOM_OK);
}
static void closed(void *self)
{
    struct thing *t = self;
    assert_ptr_equal(t->ran, loop_current());
    __atomic_add_fetch(&ended, 1, __ATOMIC_RELAXED);
}
static const struct dcom_method methods[] = { [3] = { "Count", NULL, count } };
static const struct dcom_interface interface = { { 0x77777777, 7, 7, { 7 } }, "counter", methods, 4 };
static const struct dcom_interface *const interfaces[] = { &interface, NULL };
static const struct dcom_object_type type = { "counter", interfaces, closed, NULL, 0 };

/* ---- a client on each loop: calls one after the other, each made by the answer of the one before ---- */

struct client {
    struct rpc_call rpc;   /* first */
    struct arena arena;
    struct loop *loop;
    unsigned step, index;
};

static void next(void *arg);

static void answered(struct rpc_call *c)
{
    struct client *k = (struct client *)c;
    assert_ptr_equal(loop_current(), k->loop);
    assert_true(exec_post(loop_exec(k->loop), next, k));
}
void rpc_reply(struct rpc_call *c) { answered(c); }
bool rpc_watch(struct rpc_call *c, void (*gone)(void *arg, uint64_t connection), void *arg) { return true; }
void rpc_fault(struct rpc_call *c, uint32_t status)
{
    fail_msg("fault %08x", status);
}

static void put(struct buf *b, uint32_t v, unsigned n)
{
    for (unsigned i = 0; i < n; i++) buf_byte(b, (int)(v >> (8 * i) & 255));
}

/* ORPCTHIS, then one reference to be added or released. */
static void stub(struct buf *b, const struct guid *ipid, bool with_reference)
{
    buf_init(b, 0);
    put(b, 5 | 7 << 16, 4);
    for (int i = 0; i < 7; i++) put(b, 0, 4);
    if (!with_reference) return;
    put(b, 1, 4);
    put(b, 1, 4);
    buf_add(b, ipid, 16);
    put(b, 1, 4);
    put(b, 0, 4);
}

static void next(void *arg)
{
    struct client *k = arg;
    struct buf b;
    buf_free(&k->rpc.reply);
    arena_reset(&k->arena);
    if (k->step == ROUNDS * 3) {
        arena_free(&k->arena);
        sem_post(&finished);
        return;
    }
    const struct dcom_std *t = &things[(k->step / 3 + k->index) % THINGS];
    static const uint16_t opnums[] = { 3, 4, 5 }; /* the method, RemAddRef, RemRelease */
    unsigned kind = k->step++ % 3;
    stub(&b, &t->ipid, kind != 0);
    k->rpc = (struct rpc_call){ .interface = dcom_server_interfaces(server, DCOM_EXPORTER)[0], .opnum = opnums[kind], .has_object = true,
                                .object = kind ? server->unknown : t->ipid, .stub = arena_dup(&k->arena, buf_slice(&b)), .arena = &k->arena,
                                .principal = &alice, .level = RPC_LEVEL_PRIVACY, .peer = "", .local = "", .home = loop_exec(k->loop) };
    buf_free(&b);
    buf_init(&k->rpc.reply, 0);
    if (kind == 2) dcom_server_tick(server);
    k->rpc.interface->call(&k->rpc);
}

static void two_loops(void **state)
{
    struct dcom_settings settings = { .interfaces = interfaces };
    static struct client clients[2];
    assert_int_equal(dcom_server_new(&settings, &server, NULL), CIMF_OK);
    loops = loops_new(2, "dcom-test", NULL);
    assert_non_null(loops);
    sem_init(&finished, 0, 0);
    for (int i = 0; i < THINGS; i++) {
        struct dcom_object *o = dcom_object_new(server, &type, &all[i], &alice);
        dcom_lock(server);
        assert_int_equal(dcom_export(o, &interface.iid, 1, &things[i]), DCOM_OK);
        dcom_unlock(server);
        dcom_object_unref(o);
    }
    for (unsigned i = 0; i < 2; i++) {
        clients[i].loop = loops_at(loops, i);
        clients[i].index = i;
        arena_init(&clients[i].arena, 0);
        exec_post(loop_exec(clients[i].loop), next, &clients[i]);
    }
    sem_wait(&finished);
    sem_wait(&finished);
    dcom_lock(server);
    struct dcom_object *dead = NULL;
    for (int i = 0; i < THINGS; i++) dcom_object_unlist(dcom_ipid_find(server, &things[i].ipid)->object, &dead);
    dcom_unlock(server);
    dcom_objects_end(dead);
    loops_stop(loops);
    unsigned calls = 0;
    for (int i = 0; i < THINGS; i++) calls += all[i].calls;
    assert_int_equal(calls, 2 * ROUNDS);
    assert_int_equal(__atomic_load_n(&ended, __ATOMIC_RELAXED), THINGS);
    dcom_server_free(server);
    loops_free(loops);
    sem_destroy(&finished);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(two_loops) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
