/* dcom/harness.h - for tests and fuzz targets: calls without RPC, executors that run when told, a clock that stands, and a
 * class whose objects remember what happened to them. Include once in a program; it defines rpc_reply, rpc_fault
 * and rpc_watch. */
#ifndef DCOM_HARNESS_H
#define DCOM_HARNESS_H

#include <stdio.h>
#include <stdlib.h>

#include "auth/principal.h"
#include "dcom/activation_blob.h"
#include "dcom/dcom_priv.h"

#define HARNESS_USED __attribute__((unused))
#define MINUTES(n) ((n) * 60 * (int64_t)1000000)

static struct principal alice = { .magic = 0x50524e43, .refs = 1 << 20, .name = { "alice", 5 }, .domain = { "", 0 }, .sid = "S-1-5-21-1-2-3-1000" };
HARNESS_USED static struct principal bob = { .magic = 0x50524e43, .refs = 1 << 20, .name = { "bob", 3 }, .domain = { "", 0 }, .sid = "S-1-5-21-1-2-3-1001" };

/* ---- executors ---- */

enum { FAKE_TASKS = 256 };
struct fake_loop {
    struct exec exec;
    struct { void (*fn)(void *); void *arg; } tasks[FAKE_TASKS];
    unsigned count;
};
static struct fake_loop loops[2];
static struct fake_loop *current;

static bool loop_post(struct exec *x, void (*fn)(void *), void *arg)
{
    struct fake_loop *l = (struct fake_loop *)x;
    if (l->count == FAKE_TASKS) return false;
    l->tasks[l->count].fn = fn;
    l->tasks[l->count++].arg = arg;
    return true;
}
static bool loop_here(struct exec *x) { return (struct fake_loop *)x == current; }

/* Runs what was posted to a loop. */
HARNESS_USED static unsigned turn(unsigned i)
{
    struct fake_loop *l = &loops[i], *was = current;
    unsigned n = 0;
    current = l;
    while (n < l->count) {
        void (*fn)(void *) = l->tasks[n].fn;
        void *arg = l->tasks[n++].arg;
        fn(arg);
    }
    l->count = 0;
    current = was;
    return n;
}

/* ---- calls ---- */

struct fake_call {
    struct rpc_call rpc;   /* first */
    struct arena arena;
    bool answered;
    uint32_t fault;
};

void rpc_reply(struct rpc_call *c)
{
    struct fake_call *f = (struct fake_call *)c;
    if (f->answered || !loop_here(c->home)) abort();
    f->answered = true;
}
/* One watcher is all there is; the test calls it. */
static void (*watcher)(void *arg, uint64_t connection);
static void *watcher_arg;
bool rpc_watch(struct rpc_call *c, void (*gone)(void *arg, uint64_t connection), void *arg)
{
    watcher = gone;
    watcher_arg = arg;
    return true;
}
void rpc_fault(struct rpc_call *c, uint32_t status)
{
    struct fake_call *f = (struct fake_call *)c;
    if (f->answered || !status || !loop_here(c->home)) abort();
    f->answered = true;
    f->fault = status;
}

static uint64_t calling_connection; /* the number of; 0: calls come over none */

/* A call of alice at integrity on the first loop; change it, then give it to call_run. */
HARNESS_USED static void call_init(struct fake_call *f, const struct rpc_interface *i, uint16_t opnum, struct slice stub)
{
    *f = (struct fake_call){ .rpc = { .interface = i, .opnum = opnum, .call_id = 1, .principal = &alice,
                                      .level = RPC_LEVEL_INTEGRITY, .peer = "192.0.2.9", .local = "192.0.2.1:135",
                                      .home = &loops[0].exec,
                                      .connection = calling_connection } };
    arena_init(&f->arena, 16 << 20);
    buf_init(&f->rpc.reply, 0);
    f->rpc.stub = arena_dup(&f->arena, stub);
    f->rpc.arena = &f->arena;
}
HARNESS_USED static void call_run(struct fake_call *f)
{
    current = (struct fake_loop *)f->rpc.home;
    f->rpc.interface->call(&f->rpc);
    current = NULL;
}
HARNESS_USED static void call_free(struct fake_call *f)
{
    buf_free(&f->rpc.reply);
    arena_free(&f->arena);
}

/* ---- a class ---- */

struct thing {
    unsigned calls, aborted;
    struct dcom_call *held;
    void *record;
    struct fake_loop *ran;
};
static unsigned things_made, things_closed, things_freed;
static struct thing *last_thing, *holding;

struct echo {
    struct slice text;
    struct slice *pair;
    uint32_t number;
};
static const struct ndr_row echo_rows[] = {
    { NDR_AT(struct echo, text, STRING), .flags = NDR_IN | NDR_OUT | NDR_UNIQUE },
    { NDR_AT(struct echo, pair, PTR), .flags = NDR_IN | NDR_OUT, .of = &ndr_interface },
    { NDR_AT(struct echo, number, U32), .flags = NDR_OUT },
};
static const struct ndr_type echo_type = NDR_TYPE("Echo", struct echo, echo_rows);

static void thing_echo(struct dcom_call *c, void *record)
{
    struct thing *t = c->self;
    ((struct echo *)record)->number = ++t->calls;
    t->ran = current;
    dcom_reply(c, record, 0);
}
static void thing_abort(struct dcom_call *c) { ((struct thing *)c->self)->aborted++; }
static void thing_hold(struct dcom_call *c, void *record)
{
    struct thing *t = c->self;
    t->calls++;
    t->ran = current;
    t->held = c;
    t->record = record;
    holding = t;
    c->on_abort = thing_abort;
}
/* A second object, given out beside the first. */
static uint32_t thing_create(const struct dcom_class *class, struct dcom_server *s, const struct principal *p, struct dcom_object **out);
static const struct guid thing_iid = { 0xf309ad18, 0xd86a, 0x11d0, { 0xa0, 0x75, 0x00, 0xc0, 0x4f, 0xb6, 0x88, 0x20 } };
static void thing_child(struct dcom_call *c, void *record)
{
    struct echo *e = record;
    struct dcom_object *o = NULL;
    uint32_t result = thing_create(NULL, c->server, c->principal, &o);
    if (result == DCOM_OK && e->pair) result = dcom_marshal(c, o, &thing_iid, e->pair);
    dcom_object_unref(o);
    dcom_reply(c, e, result);
}
static const struct dcom_method thing_methods[] = {
    [3] = { "Echo", &echo_type, thing_echo },
    [4] = { "Hold", &echo_type, thing_hold },
    [5] = { "Nothing", NULL, NULL },
    [6] = { "Child", &echo_type, thing_child },
};
static const struct dcom_interface thing_interface = {
    { 0xf309ad18, 0xd86a, 0x11d0, { 0xa0, 0x75, 0x00, 0xc0, 0x4f, 0xb6, 0x88, 0x20 } }, "IThing", thing_methods, 7 };
static const struct dcom_interface other_interface = {
    { 0x1c1c45ee, 0x4395, 0x11d2, { 0xb6, 0x0b, 0x00, 0x10, 0x4b, 0x70, 0x3e, 0xfd } }, "IOther", thing_methods, 4 };
static const struct dcom_interface *const thing_interfaces[] = { &thing_interface, &other_interface, NULL };
static void thing_closed(void *self) { things_closed++; }
static void thing_free(void *self)
{
    things_freed++;
    if (last_thing == self) last_thing = NULL;
    free(self);
}
static struct dcom_object_type thing_type = { "thing", thing_interfaces, thing_closed, thing_free, 0, false };

static uint32_t thing_create(const struct dcom_class *class, struct dcom_server *s, const struct principal *p, struct dcom_object **out)
{
    struct thing *t = calloc(1, sizeof *t);
    if (!t) return DCOM_E_OUTOFMEMORY;
    *out = dcom_object_new(s, &thing_type, t, p);
    if (!*out) {
        free(t);
        return DCOM_E_OUTOFMEMORY;
    }
    things_made++;
    last_thing = t;
    return DCOM_OK;
}

static const struct dcom_class thing_class = {
    { 0x8bc3f05e, 0xd86b, 0x11d0, { 0xa0, 0x75, 0x00, 0xc0, 0x4f, 0xb6, 0x88, 0x20 } }, "Thing", thing_create, NULL };

static int64_t fake_time;
static int64_t fake_now(void *arg) { return fake_time; }
static const char *const fake_names[] = { "nat.example.net", NULL };
static const char *const fake_addresses[] = { "192.0.2.1", "198.51.100.7", NULL };

/* random: NULL for the system's. */
HARNESS_USED static struct dcom_settings fake_settings(void (*random)(void *, void *, size_t))
{
    loops[0].exec = loops[1].exec = (struct exec){ loop_post, loop_here };
    loops[0].count = loops[1].count = 0;
    things_made = things_closed = things_freed = 0;
    fake_time = MINUTES(1);
    return (struct dcom_settings){
        .classes = &thing_class, .class_count = 1, .interfaces = thing_interfaces, .short_name = "HOST",
        .full_name = "host.example.org", .names = fake_names, .addresses = fake_addresses, .now = fake_now, .random = random };
}

HARNESS_USED static const struct rpc_interface *offered(struct dcom_server *s, unsigned roles, uint32_t data1)
{
    const struct rpc_interface *const *i = dcom_server_interfaces(s, roles);
    while (*i && (*i)->uuid.data1 != data1) i++;
    return *i;
}
#define I_RESOLVER 0x99fcfec4u
#define I_ACTIVATION 0x4d9f4ab8u
#define I_ACTIVATOR 0x1a0u
#define I_UNKNOWN 0x131u
#define I_THING 0xf309ad18u

#endif
