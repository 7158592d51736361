/* What clients that mean no good ask of WMI, over a real object manager: everything at once, copies without end, texts that are none. Memory and
 * work stay bounded, an answer always comes, and whoever is honest is still served. */
#include "site.h"

#include "wmi/wmi_priv.h"

enum { ROWS = 3000 };
#define QUERY SLICE("SELECT * FROM Thing")

/* ---- a client that waits for its answers ---- */

static struct caller {
    struct rpc_call rpc;   /* first */
    struct arena arena, answer; /* of the request; of what was answered, until the next call */
    const struct principal *who;
    struct slice reply;
    uint32_t fault;
    sem_t done;
} me = { .who = &driver_admin };

static void answered(struct rpc_call *c, uint32_t fault)
{
    struct caller *k = (struct caller *)c;
    k->fault = fault;
    arena_reset(&k->answer);
    k->reply = arena_dup(&k->answer, buf_slice(&c->reply));
    buf_free(&c->reply);
    sem_post(&k->done);
}
void rpc_reply(struct rpc_call *c) { answered(c, 0); }
void rpc_fault(struct rpc_call *c, uint32_t status) { answered(c, status); }

static void start(void *arg)
{
    struct caller *k = arg;
    k->rpc.interface->call(&k->rpc);
}

static void send_stub(const struct guid *ipid, uint16_t opnum, struct buf *b)
{
    arena_reset(&me.arena);
    me.rpc = (struct rpc_call){ .interface = dcom_server_interfaces(dcom, DCOM_EXPORTER)[0], .opnum = opnum, .has_object = true, .object = *ipid,
                                .stub = arena_dup(&me.arena, buf_slice(b)), .arena = &me.arena, .principal = me.who,
                                .level = RPC_LEVEL_PRIVACY, .peer = "192.0.2.1", .local = "192.0.2.2:135", .home = loop_exec(loops_at(loops, 0)) };
    buf_free(b);
    buf_init(&me.rpc.reply, 0);
    assert_true(exec_post(me.rpc.home, start, &me));
}

/* The HRESULT at the end, or the fault. */
static uint32_t await(void)
{
    sem_wait(&me.done);
    if (me.fault) return me.fault;
    struct cursor end = cursor_of(slice_sub(me.reply, me.reply.n - 4));
    return cursor_u32le(&end);
}

static void begin_call(const struct guid *ipid, const struct dcom_interface *i, uint16_t opnum, void *record)
{
    struct buf b;
    struct ndr_writer w;
    begin(&b);
    ndr_writer_init(&w, &b);
    if (i->methods[opnum].parameters) assert_true(ndr_write_parameters(&w, i->methods[opnum].parameters, NDR_IN, record));
    send_stub(ipid, opnum, &b);
}

static uint32_t end_call(const struct dcom_interface *i, uint16_t opnum, void *record)
{
    struct ndr_reader r;
    uint32_t result = await();
    if (me.fault || !i->methods[opnum].parameters) return result;
    ndr_reader_init(&r, &me.answer, me.reply, false);
    cursor_skip(&r.c, 8);
    assert_int_equal(ndr_read_parameters(&r, i->methods[opnum].parameters, NDR_OUT, record, NULL), CIMF_OK);
    return result;
}

static uint32_t call(const struct guid *ipid, const struct dcom_interface *i, uint16_t opnum, void *record)
{
    begin_call(ipid, i, opnum, record);
    return end_call(i, opnum, record);
}

static struct guid login, services;

static uint32_t log_in(struct slice ns)
{
    struct stub_ntlm_login r = { .network = ns };
    uint32_t result = call(&login, &wmi_login_interface, 6, &r);
    if (!result) services = ipid_of(&me.answer, r.services);
    return result;
}

static uint32_t query(struct slice text, uint32_t flags, struct guid *out)
{
    struct stub_services r = { .text = SLICE("WQL"), .method = text, .flags = flags };
    uint32_t result = call(&services, &wmi_services_interface, 20, &r);
    if (!result && out) *out = ipid_of(&me.answer, r.enumerator);
    return result;
}

static uint32_t next(const struct guid *e, uint32_t count, uint32_t *returned)
{
    struct stub_next r = { .timeout = WMI_INFINITE, .count = count };
    uint32_t result = call(e, &wmi_enum_interface, 4, &r);
    *returned = me.fault ? 0 : r.returned;
    return result;
}

static uint32_t copy(const struct guid *e, struct guid *out)
{
    struct stub_reference r = { SLICE_NULL };
    uint32_t result = call(e, &wmi_enum_interface, 6, &r);
    if (!result) *out = ipid_of(&me.answer, r.reference);
    return result;
}

static uint32_t release(const struct guid *ipid)
{
    struct buf b;
    release_stub(&b, &ipid, 1);
    send_stub(&dcom->unknown, 5, &b);
    return await();
}

static int setup(void **state)
{
    open_server(1, ROWS);
    sem_init(&me.done, 0, 0);
    arena_init(&me.arena, 0);
    arena_init(&me.answer, 0);
    me.who = &driver_admin;
    cim_set_local_server(SLICE("HOST"));
    login = make_login();
    assert_int_equal(log_in(SLICE("//./root/test")), 0);
    return 0;
}

static int teardown(void **state)
{
    close_server();
    sem_destroy(&me.done);
    arena_free(&me.arena);
    arena_free(&me.answer);
    return 0;
}

/* ---- results ---- */

/* A count that no memory has is no reason to take some. */
static void everything_at_once(void **state)
{
    struct guid e;
    uint32_t n;
    struct stub_smart smart = { .timeout = WMI_INFINITE, .count = UINT32_MAX };
    struct stub_reference got = { SLICE_NULL };
    struct buf b;
    for (uint32_t flags = 0; flags <= 0x20; flags += 0x20) {
        assert_int_equal(query(QUERY, flags, &e), 0);
        assert_int_equal(next(&e, UINT32_MAX, &n), 1);
        assert_int_equal(n, ROWS);
        assert_int_equal(next(&e, UINT32_MAX, &n), 1);
        assert_int_equal(n, 0);
        assert_int_equal(release(&e), 0);
    }
    assert_int_equal(query(QUERY, 0x30, &e), 0);
    query_stub(&b, &e, &wmi_fetch_interface.iid);
    send_stub(&dcom->unknown, 3, &b);
    await();
    struct guid fetch = query_result(me.reply);
    assert_int_equal(call(&fetch, &wmi_fetch_interface, 3, &got), 0);
    struct guid s = ipid_of(&me.answer, got.reference);
    assert_int_equal(call(&s, &wmi_smart_interface, 3, &smart), 1);
    assert_int_equal(smart.returned, ROWS);
    struct stub_skip skip = { WMI_INFINITE, UINT32_MAX };
    assert_int_equal(call(&e, &wmi_enum_interface, 7, &skip), 1);
}

/* Nobody reads on: the operation stands still a window ahead, whatever is asked next. */
static void who_stops_reading(void **state)
{
    struct guid e[50];
    uint32_t n;
    for (int i = 0; i < 50; i++) {
        assert_int_equal(query(QUERY, i % 2 ? 0x10 : 0x30, &e[i]), 0);
        assert_int_equal(next(&e[i], 1, &n), 0);
    }
    assert_int_equal(cimom_active(manager.m), 50);
    assert_true(__atomic_load_n(&wmi->kept, __ATOMIC_RELAXED) < 50 * 64 * 1024);
    for (int i = 0; i < 50; i++) assert_int_equal(release(&e[i]), 0);
    every_loop_turns();
    assert_int_equal(__atomic_load_n(&wmi->kept, __ATOMIC_RELAXED), 0);
}

/* Copies of an enumerator have an end, and so have objects of one caller; another one still gets his. */
static void copies_without_end(void **state)
{
    struct guid first, e, last = { 0 };
    uint32_t result, made = 0, n;
    assert_int_equal(query(QUERY, 0, &first), 0);
    while (!(result = copy(&first, &e))) {
        last = e;
        made++;
    }
    assert_int_equal(result, 0x8004106c);
    assert_int_equal(made, WMI_READERS - 1);
    assert_int_equal(next(&last, ROWS, &n), 0);
    assert_int_equal(release(&last), 0);
    assert_int_equal(copy(&first, &e), 0);
    do result = query(QUERY, 0x30, &e);
    while (!result && ++made < 20000);
    assert_true(result & 0x80000000u);
    me.who = &driver_user;
    assert_int_equal(next(&first, 1, &n), 0x80041003); /* not his */
    assert_int_equal(copy(&first, &e), 0x80041003);
    me.who = &driver_admin;
    for (int i = 0; i < 2; i++) assert_int_equal(release(&first), 0);
}

/* One copy never reads while another reads all: what is kept has a bound, and who was too slow hears of it. */
static void too_slow(void **state)
{
    struct guid fast, slow;
    uint32_t n, result, total = 0;
    wmi->settings.kept_bytes = 64 * 1024;
    assert_int_equal(query(QUERY, 0, &fast), 0);
    assert_int_equal(copy(&fast, &slow), 0);
    while (!(result = next(&fast, 10, &n))) {
        total += n;
        assert_true(__atomic_load_n(&wmi->kept, __ATOMIC_RELAXED) < 256 * 1024);
    }
    assert_int_equal(result, 1);
    assert_int_equal(total + n, ROWS);
    assert_int_equal(next(&slow, 1, &n), 0x80041006);
    assert_int_equal(n, 0);
    assert_int_equal(call(&fast, &wmi_enum_interface, 3, NULL), 0x80041006);
}

/* The bound of all together: operations run no further ahead than one object, and still end. */
static void too_much_of_all(void **state)
{
    struct guid e[100];
    uint32_t n, total = 0;
    wmi->settings.kept_total = 256 * 1024;
    for (int i = 0; i < 100; i++) assert_int_equal(query(QUERY, 0, &e[i]), 0);
    assert_true(__atomic_load_n(&wmi->kept, __ATOMIC_RELAXED) < 256 * 1024 + 100 * 3 * 4096);
    while (!next(&e[99], 100, &n)) total += n;
    assert_int_equal(total + n, ROWS);
}

/* What is read goes away meanwhile: the class, then the namespace. */
static void deleted_while_read(void **state)
{
    struct guid e;
    struct stub_services del = { .text = SLICE("Thing") };
    uint32_t n, result;
    assert_int_equal(query(QUERY, 0x30, &e), 0);
    assert_int_equal(next(&e, 10, &n), 0);
    assert_int_equal(call(&services, &wmi_services_interface, 10, &del), 0);
    do result = next(&e, 100, &n);
    while (!result);
    assert_true(result == 1 || result & 0x80000000u);
    assert_int_equal(query(QUERY, 0, &e), 0x80041010);
}

static void give_up(void *arg)
{
    if (me.rpc.on_abort) me.rpc.on_abort(&me.rpc);
    sem_post(arg);
}

/* The client hangs up within Next, which has no time limit, and never says that it is done: the operation ends with the enumerator. */
static void hung_up(void **state)
{
    struct guid e;
    struct stub_next r = { .timeout = WMI_INFINITE, .count = ROWS - 1 };
    sem_t told;
    sem_init(&told, 0, 0);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(query(QUERY, 0x30, &e), 0);
        begin_call(&e, &wmi_enum_interface, 4, &r);
        assert_true(exec_post(loop_exec(loops_at(loops, 0)), give_up, &told));
        sem_wait(&told);
        (void)await();
    }
    assert_int_equal(cimom_active(manager.m), 20);
    dcom_lock(dcom);
    dcom->settings.now = in_an_hour;
    dcom_unlock(dcom);
    dcom_server_tick(dcom);
    every_loop_turns();
    assert_int_equal(cimom_active(manager.m), 0);
}

/* ---- texts ---- */

static struct slice repeated(struct arena *a, const char *head, const char *part, size_t times, const char *tail)
{
    struct buf b;
    buf_init(&b, (size_t)64 << 20);
    buf_str(&b, head);
    for (size_t i = 0; i < times; i++) buf_str(&b, part);
    buf_str(&b, tail);
    struct slice s = arena_dup(a, buf_slice(&b));
    buf_free(&b);
    return s;
}

static void queries_that_are_none(void **state)
{
    struct arena a;
    uint32_t n;
    struct guid e;
    arena_init(&a, (size_t)128 << 20);
    assert_int_equal(query(repeated(&a, "SELECT * FROM Thing WHERE Text = \"", "x", 8 << 20, "\""), 0, NULL), 0x8004106c);
    const struct slice wrong[] = {
        repeated(&a, "SELECT * FROM Thing WHERE ", "(", 5000, "Number = 1"),
        repeated(&a, "SELECT * FROM Thing WHERE ", "(", 5000, repeated(&a, "Number = 1", ")", 5000, "").p),
        repeated(&a, "SELECT * FROM Thing WHERE ", "NOT ", 5000, "Number = 1"),
        SLICE("SELECT * FROM Thing WHERE Text = \"open"),
        SLICE("SELECT * FROM Thing WHERE Text = 'a\\"),
        SLICE("SELECT * FROM Thing WHERE Text = \"a\0b"),
        SLICE("SELECT"),
        SLICE(""),
        SLICE("ASSOCIATORS OF {Thing.Id=\"1\"} WHERE ResultClass ="),
        SLICE("ASSOCIATORS OF {Thing.Id=\"1\""),
        SLICE("REFERENCES OF {} WHERE RequiredQualifier = "),
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        uint32_t result = query(wrong[i], 0, NULL);
        if (!(result & 0x80000000u)) fail_msg("query %zu: %08x", i, result);
    }
    /* A pattern that backtracks without end when done simply. */
    assert_int_equal(query(repeated(&a, "SELECT * FROM Thing WHERE Text LIKE \"", "%r%o%w", 500, "%z\""), 0, &e), 0);
    assert_int_equal(next(&e, 1, &n), 1);
    assert_int_equal(n, 0);
    arena_free(&a);
}

static void namespaces_that_are_none(void **state)
{
    static const struct slice wrong[] = {
        SLICE("//./root/../root"), SLICE("root/test/.."), SLICE("..\\..\\root"), SLICE("root//test"), SLICE("root/test/none"), SLICE("/"), SLICE("\\\\"),
        SLICE("\\\\other.example.net\\"), SLICE("root/te\nst"), SLICE("root/test\0x"), SLICE("//"), SLICE("test"), SLICE("root/test:Thing"),
    };
    static const struct slice right[] = {
        SLICE("ROOT\\Test"), SLICE("//./root\\test"), SLICE("\\\\.\\ROOT/TEST"), SLICE("root"),
    };
    struct arena a;
    arena_init(&a, 0);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        uint32_t result = log_in(wrong[i]);
        if (!result) fail_msg("namespace %zu: %08x", i, result);
    }
    for (size_t i = 0; i < sizeof right / sizeof *right; i++) {
        uint32_t result = log_in(right[i]);
        if (result) fail_msg("namespace %zu: %08x", i, result);
    }
    assert_int_equal(log_in(repeated(&a, "root", "/x", 8000, "")), 0x8004106c);
    arena_free(&a);
}

static void paths_that_are_none(void **state)
{
    static const struct slice wrong[] = {
        SLICE("Thing.Id=\"1"), SLICE("Thing.Id="), SLICE("Thing.=1"), SLICE("Thing.Id=\"1\",Id=\"2\""), SLICE("\\\\.\\root\\test:"), SLICE(":"),
        SLICE("Thing.Id=\"\\"), SLICE("Thing=@=@"), SLICE("Thing.Id=1e999"), SLICE("root/test:"),
    };
    struct arena a;
    arena_init(&a, 0);
    for (size_t i = 0; i <= sizeof wrong / sizeof *wrong; i++) {
        struct stub_services r = { .text = i < sizeof wrong / sizeof *wrong ? wrong[i] : repeated(&a, "Thing.Id=\"", "x", 1 << 20, "\"") };
        uint32_t result = call(&services, &wmi_services_interface, 6, &r);
        if (!(result & 0x80000000u)) fail_msg("path %zu: %08x", i, result);
        result = call(&services, &wmi_services_interface, 16, &r);
        if (!(result & 0x80000000u)) fail_msg("deletion %zu: %08x", i, result);
    }
    arena_free(&a);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(everything_at_once), T(who_stops_reading), T(copies_without_end), T(too_slow), T(too_much_of_all), T(deleted_while_read), T(hung_up),
        T(queries_that_are_none), T(namespaces_that_are_none), T(paths_that_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
