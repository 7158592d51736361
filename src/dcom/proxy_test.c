/* The client role: calls of an object that another machine exports, and what comes of their answers; pings, limits, re-entrance.
 * How the exporter is found: proxy_way_test.c. */
#include "dcom/proxy_harness.h"

/* covers: wmi-dcom:X13 */
static void test_call(void **state)
{
    struct dcom_proxy *p = proxy_new();
    struct dcom_proxy_call c;
    struct status out = { 0 };
    assert_int_equal(fake_open(), 0); /* nothing is sent yet */
    call_with(&c, p, &out);
    struct fake_connection *x = reach();
    struct rpc_request *r = fake_request(x);
    assert_int_equal(r->opnum, 4);
    assert_true(guid_eq(&r->interface, &sink_iid) && r->has_object && r->object.data1 == 0x3333);
    assert_memory_equal(r->stub.p, "\5\0\6\0\0\0\0\0\0\0\0\0", 12); /* the version of the two that is lower */
    assert_memory_equal(r->stub.p + 32, "\7\0\0\0\1\x10\4\x80", 8);
    assert_string_equal(x->target, "HOST/192.0.2.9");
    assert_int_equal(done_count, 0);
    const struct status answer = { .answer = 42 };
    answer_record(x, &status_type, &answer, true);
    assert_int_equal(done_count, 1);
    assert_false(done_failed);
    assert_int_equal(done_hresult, 1);
    assert_int_equal(out.answer, 42);
    assert_int_equal(fake_open(), 1); /* the resolver is not needed any more */
    let_go(p);
    r = fake_request(x);
    assert_int_equal(r->opnum, UNKNOWN_RELEASE);
    assert_int_equal(r->object.data1, 0x9999);
    assert_memory_equal(r->stub.p + 32, "\1\0\0\0\1\0\0\0\x33\x33\0\0", 12);
    assert_memory_equal(r->stub.p + 56, "\5\0\0\0\0\0\0\0", 8); /* all public references */
    fake_answer(x, 0, SLICE("\0\0\0\0\0\0\0\0\0\0\0\0"));
    settle();
}

static void test_shared(void **state)
{
    struct dcom_proxy *p = proxy_new(), *q = proxy_with(&(struct reference){ .oid = 5 }, &alice), *other = proxy_with(&(struct reference){ 0 }, &bob);
    struct dcom_proxy_call a, b, c;
    assert_false(dcom_proxy_same(p, q));
    assert_false(dcom_proxy_same(p, other));
    call_with(&a, p, NULL);
    call_with(&b, q, NULL);
    struct fake_connection *x = reach();
    assert_int_equal(x->request_count, 2);
    assert_int_equal(fake_open(), 1);
    call_with(&c, other, NULL); /* another account: connections of its own */
    settle();
    assert_int_equal(fake_open(), 2);
    assert_int_equal(fake_latest()->port, 135);
    current = &loops[0];
    dcom_proxy_unref(p);
    dcom_proxy_unref(q);
    dcom_proxy_unref(other);
    current = NULL;
    settle();
    assert_int_equal(done_count, 0); /* nobody is told any more */
    assert_int_equal(x->request_count, 2);
    while (x->request_count) fake_answer(x, 0, SLICE("\0\0\0\0\0\0\0\0\0\0\0\0")); /* the releases */
    fake_time += MINUTES(2);
    dcom_server_tick(server);
    settle();
    assert_int_equal(fake_open(), 0);
}

static void test_same(void **state)
{
    struct dcom_proxy *p = proxy_new(), *q = proxy_new();
    assert_true(dcom_proxy_same(p, q)); /* CancelAsyncCall finds it again */
    current = &loops[0];
    dcom_proxy_unref(dcom_proxy_ref(p));
    dcom_proxy_unref(p);
    dcom_proxy_unref(q);
    current = NULL;
    assert_int_equal(fake_connects, 0); /* no call, no release */
}
static void test_faults(void **state)
{
    static const struct { uint32_t fault, hresult; } rows[] = {
        { DCOM_E_DISCONNECTED, DCOM_E_DISCONNECTED }, { RPC_FAULT_ACCESS_DENIED, DCOM_E_ACCESSDENIED },
        { RPC_FAULT_CANCELLED, DCOM_E_TIMED_OUT }, { RPC_FAULT_OP_RANGE, 0x800706d1 }, { 0x1c010099, DCOM_E_CALL_FAILED },
    };
    struct dcom_proxy *p = proxy_new();
    struct dcom_proxy_call c;
    struct fake_connection *x = NULL;
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        call_with(&c, p, NULL);
        if (!x) x = reach();
        fake_answer(x, rows[i].fault, SLICE(""));
        assert_true(done_failed);
        assert_int_equal(done_hresult, rows[i].hresult);
    }
    call_with(&c, p, NULL);
    fake_answer(x, 0, SLICE("\0\0\0\0\0\0\0\0\x2a\0\0\0\0"));
    assert_int_equal(done_hresult, DCOM_E_BAD_STUB);
    assert_int_equal(done_count, 6);
    let_go(p);
}

/* What waits is told; the next call looks for the exporter anew. */
static void test_connection_lost(void **state)
{
    struct dcom_proxy *p = proxy_new();
    struct dcom_proxy_call a, b;
    call_with(&a, p, NULL);
    call_with(&b, p, NULL);
    struct fake_connection *x = reach();
    fake_answer(x, RPC_CLIENT_LOST, SLICE(""));
    settle();
    assert_int_equal(done_count, 2);
    assert_int_equal(done_hresult, DCOM_E_CALL_FAILED);
    assert_int_equal(fake_open(), 0);
    call_with(&a, p, NULL);
    x = reach();
    fake_lose(x); /* while nothing waits: */
    fake_answer(x, RPC_CLIENT_LOST, SLICE(""));
    settle();
    assert_int_equal(done_count, 3);
    let_go(p);
}

static void test_cancel(void **state)
{
    struct dcom_proxy *p = proxy_new();
    struct dcom_proxy_call a, b;
    call_with(&a, p, NULL);
    call_with(&b, p, NULL);
    struct fake_connection *x = reach();
    current = &loops[0];
    dcom_proxy_cancel(p);
    current = NULL;
    assert_int_equal(done_count, 0); /* not from within */
    settle();
    assert_int_equal(done_count, 2);
    assert_int_equal(done_hresult, DCOM_E_TIMED_OUT);
    assert_int_equal(x->request_count, 0);
    let_go(p);
}

/* The time counts from the call, whatever the way there took. */
static void test_time(void **state)
{
    struct dcom_proxy *p = proxy_new();
    struct dcom_proxy_call c;
    call_with(&c, p, NULL);
    answer_alive(7);
    fake_time += 12 * 1000000;
    struct dcom_resolve r = resolved();
    answer_record(expect_resolve(RPC_LEVEL_PRIVACY, RESOLVER_RESOLVE2), &dcom_resolve2_type, &r, false);
    assert_int_equal(fake_request(expect_connection(49200, RPC_LEVEL_PRIVACY))->timeout_us, 18 * 1000000);
    let_go(p);
}

static void test_no_references(void **state)
{
    struct dcom_proxy *p = proxy_with(&(struct reference){ .refs = 1 }, &alice); /* none came with it */
    struct dcom_proxy_call c;
    call_with(&c, p, NULL);
    struct fake_connection *x = reach();
    assert_int_equal(x->request_count, 2);
    assert_int_equal(fake_request(x)->opnum, UNKNOWN_ADD_REF);
    fake_answer(x, 0, SLICE("\0\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0"));
    assert_int_equal(fake_request(x)->opnum, 4);
    fake_answer(x, DCOM_E_DISCONNECTED, SLICE(""));
    let_go(p);
    assert_memory_equal(fake_request(x)->stub.p + 56, "\1\0\0\0", 4);
}

/* ---- pings ---- */

static struct fake_connection *ping(uint16_t opnum)
{
    fake_time += MINUTES(2);
    dcom_server_tick(server);
    struct fake_connection *c = expect_connection(135, RPC_LEVEL_PRIVACY);
    assert_int_equal(fake_request(c)->opnum, opnum);
    return c;
}

static void answer_ping(struct fake_connection *c, uint64_t set, uint32_t status)
{
    const struct dcom_ping_record q = { .set = set, .status = status };
    answer_record(c, fake_request(c)->opnum == RESOLVER_COMPLEX_PING ? &dcom_complex_ping_type : &dcom_simple_ping_type, &q, false);
    settle();
}

/* The set at offset 0, then sequence, and how many are added and deleted. */
static void assert_ping(struct fake_connection *c, uint8_t set, uint8_t sequence, uint8_t add, uint8_t del)
{
    const unsigned char *s = (const unsigned char *)fake_request(c)->stub.p;
    assert_int_equal(s[0], set);
    assert_int_equal(s[8], sequence);
    assert_int_equal(s[10], add);
    assert_int_equal(s[12], del);
}

/* covers: wmi-dcom:X12 */
static void test_pings(void **state)
{
    struct dcom_proxy *p = proxy_new(), *again = proxy_new(), *q = NULL;
    struct dcom_proxy *silent = proxy_with(&(struct reference){ .oid = 9, .flags = SORF_NOPING }, &alice);
    struct dcom_proxy_call c;
    call_with(&c, p, NULL);
    fake_answer(reach(), DCOM_E_DISCONNECTED, SLICE(""));
    dcom_server_tick(server);
    settle();
    assert_int_equal(fake_open(), 1); /* not before its time */
    struct fake_connection *x = ping(RESOLVER_COMPLEX_PING);
    assert_string_equal(x->target, "RPCSS/192.0.2.9");
    assert_ping(x, 0, 1, 1, 0); /* one object, two proxies; the third is not to be pinged */
    answer_ping(x, 7, 0);
    x = ping(RESOLVER_SIMPLE_PING);
    assert_memory_equal(fake_request(x)->stub.p, "\7\0\0\0\0\0\0\0", 8);
    answer_ping(x, 7, 0);
    q = proxy_with(&(struct reference){ .oid = 0x77 }, &alice);
    let_go(p);
    x = ping(RESOLVER_COMPLEX_PING);
    assert_ping(x, 7, 2, 1, 0); /* the other proxy still needs it */
    answer_ping(x, 7, 0);
    let_go(again);
    x = ping(RESOLVER_COMPLEX_PING);
    assert_ping(x, 7, 3, 0, 1);
    answer_ping(x, 7, 0);
    answer_ping(ping(RESOLVER_SIMPLE_PING), 7, DCOM_INVALID_SET); /* it was started anew */
    x = ping(RESOLVER_COMPLEX_PING);
    assert_ping(x, 0, 1, 1, 0);
    fake_answer(x, RPC_CLIENT_LOST, SLICE(""));
    assert_ping(ping(RESOLVER_COMPLEX_PING), 0, 2, 1, 0);
    current = &loops[0];
    dcom_proxy_unref(q);
    dcom_proxy_unref(silent);
    current = NULL;
}

/* ---- limits ---- */

static void test_limits(void **state)
{
    static struct dcom_proxy *proxies[PROXY_LINKS_USER], *p;
    struct dcom_proxy_call calls[PROXY_CALLS_LINK + 1];
    for (unsigned i = 0; i < PROXY_LINKS_USER; i++) proxies[i] = proxy_with(&(struct reference){ .oxid = 100 + i }, &alice);
    assert_int_equal(refused(&(struct reference){ .oxid = 99 }), DCOM_E_OUTOFMEMORY); /* exporters of one account */
    p = proxy_with(&(struct reference){ .oxid = 99 }, &bob);
    for (unsigned i = 0; i <= PROXY_CALLS_LINK; i++) call_with(&calls[i], p, NULL);
    settle();
    assert_int_equal(done_count, 1); /* the one too many */
    assert_int_equal(done_hresult, DCOM_E_QUOTA);
    current = &loops[0];
    dcom_proxy_unref(p);
    for (unsigned i = 0; i < PROXY_LINKS_USER; i++) dcom_proxy_unref(proxies[i]);
    current = NULL;
}

/* Calls that wait count for their account, on whichever link; another one has room meanwhile, and all is given back. */
static void test_bytes(void **state)
{
    enum { MANY = 100 };
    static struct dcom_proxy_call calls[3][MANY];
    struct dcom_proxy *p[3] = { proxy_with(&(struct reference){ .oxid = 98 }, &alice), proxy_with(&(struct reference){ .oxid = 99 }, &alice),
                                proxy_with(&(struct reference){ .oxid = 98 }, &bob) };
    server->settings.max_call_bytes = 2 * MANY * (sizeof(struct dcom_pending) + 64);
    for (unsigned i = 0; i < 2; i++)
        for (unsigned k = 0; k < MANY; k++) call_with(&calls[i][k], p[i], NULL);
    settle();
    assert_true(done_count > MANY / 2 && done_count < MANY);
    assert_int_equal(done_hresult, DCOM_E_QUOTA);
    unsigned before = done_count;
    for (unsigned k = 0; k < MANY / 4; k++) call_with(&calls[2][k], p[2], NULL);
    settle();
    assert_int_equal(done_count, before);
    current = &loops[0];
    for (unsigned i = 0; i < 3; i++) dcom_proxy_unref(p[i]);
    current = NULL;
    assert_int_equal(server->call_bytes, 0);
}

static void test_hang_up(void **state)
{
    struct dcom_proxy *p = proxy_new();
    struct dcom_proxy_call a, b;
    call_with(&a, p, NULL);
    reach();
    dcom_server_hang_up(server);
    settle();
    assert_int_equal(done_count, 1);
    assert_int_equal(done_hresult, DCOM_E_SERVER_STOPPING);
    call_with(&b, p, NULL);
    settle();
    assert_int_equal(done_count, 2);
    assert_int_equal(refused(&(struct reference){ 0 }), DCOM_E_SERVER_STOPPING);
    dcom_proxy_unref(p);
}

/* ---- re-entrance ---- */

static struct dcom_proxy *calling;
static struct dcom_proxy_call outgoing;

/* covers: wmi-dcom:X9 */
static void test_reentrant(void **state)
{
    struct dcom_object *o = NULL;
    struct fake_call in;
    struct dcom_std std = { 0 };
    struct buf stub;
    struct ndr_writer w;
    const struct guid cid = { 0xabcd, 1, 2, { 3 } };
    calling = proxy_new();
    outgoing = (struct dcom_proxy_call){ .method = &method, .opnum = 4, .record = &(struct status){ 0 }, .done = on_done, .causality = cid };
    current = &loops[0];
    dcom_proxy_call(calling, &outgoing);
    current = NULL;
    struct fake_connection *x = reach();
    assert_memory_equal(fake_request(x)->stub.p + 12, &cid, 16); /* the call that ours belongs to */
    assert_int_equal(thing_create(NULL, server, &alice, &o), DCOM_OK);
    dcom_lock(server);
    assert_int_equal(dcom_export(o, &thing_iid, 5, &std), DCOM_OK);
    dcom_unlock(server);
    buf_init(&stub, 0);
    ndr_writer_init(&w, &stub);
    const struct echo echo = { .text = SLICE_NULL };
    assert_true(dcom_this_write(&w, dcom_version, &cid) && ndr_write_parameters(&w, &echo_type, NDR_IN, &echo));
    call_init(&in, offered(server, DCOM_EXPORTER, I_THING), 3, buf_slice(&stub));
    in.rpc.has_object = true;
    in.rpc.object = std.ipid;
    call_run(&in);
    assert_true(in.answered); /* while the call out still waits */
    assert_int_equal(in.fault, 0);
    assert_int_equal(done_count, 0);
    fake_answer(x, DCOM_E_DISCONNECTED, SLICE(""));
    assert_int_equal(done_count, 1);
    call_free(&in);
    buf_free(&stub);
    dcom_object_unref(o);
    let_go(calling);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_call), T(test_shared), T(test_same), T(test_faults), T(test_connection_lost), T(test_cancel), T(test_time),
        T(test_no_references), T(test_pings), T(test_limits), T(test_bytes), T(test_hang_up), T(test_reentrant),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
