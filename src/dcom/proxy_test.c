/* The client role: what is asked of a client's resolver and exporter, in which order, where to, and what comes of the answers.
 * RPC's client is a fake here: connections and requests are remembered and answered when the test says so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "dcom/harness.h"
#include "dcom/proxy_fake.h"

static const struct guid sink_iid = { 0x7c857801, 0x7381, 0x11cf, { 0x88, 0x4d, 0x00, 0xaa, 0x00, 0x4b, 0x2e, 0x24 } };

struct status {
    uint32_t flags, hresult, answer;
};
static const struct ndr_row status_rows[] = {
    { NDR_AT(struct status, flags, U32), .flags = NDR_IN },
    { NDR_AT(struct status, hresult, U32), .flags = NDR_IN },
    { NDR_AT(struct status, answer, U32), .flags = NDR_OUT },
};
static const struct ndr_type status_type = NDR_TYPE("Status", struct status, status_rows);
static const struct dcom_method method = { "Status", &status_type, NULL };

static struct dcom_server *server;
static struct fake_call incoming;
static unsigned done_count;
static bool done_failed;
static uint32_t done_hresult;

static void on_done(struct dcom_proxy_call *c, bool failed, uint32_t hresult)
{
    assert_ptr_equal(current, &loops[0]); /* at home */
    done_count++;
    done_failed = failed;
    done_hresult = hresult;
}

/* ---- a server, a caller, a reference ---- */

static int setup(void **state)
{
    fake_reset();
    struct dcom_settings settings = fake_settings(NULL);
    settings.outbound = &fake_outbound;
    done_count = 0;
    *state = NULL;
    current = NULL;
    call_init(&incoming, NULL, 0, SLICE(""));
    incoming.rpc.connection = 77;
    return dcom_server_new(&settings, &server, NULL) == CIMF_OK ? 0 : -1;
}

static void settle(void)
{
    while (turn(0) + turn(1)) {
    }
}

static int teardown(void **state)
{
    dcom_server_hang_up(server);
    settle();
    assert_int_equal(fake_open(), 0); /* every connection was closed */
    dcom_server_free(server);
    call_free(&incoming);
    return 0;
}

static struct dcom_call call_of(const struct principal *p)
{
    return (struct dcom_call){ .server = server, .principal = p, .peer = "192.0.2.9", .connection = 77, .arena = &incoming.arena,
                               .home = &loops[0].exec };
}

struct reference {
    uint32_t form, flags, refs;
    uint64_t oxid, oid;
    const struct guid *iid;
    const char *host;
    uint16_t port;
    struct slice data;
};

static struct slice reference(const struct reference *q)
{
    struct dcom_string_binding string = { TOWER_TCP, slice_str(q->host ? q->host : "203.0.113.1"), q->port };
    const struct dcom_bindings b = { .strings = &string, .string_count = 1 };
    struct dcom_objref r = { .form = q->form ? q->form : OBJREF_STANDARD, .iid = q->iid ? *q->iid : sink_iid, .data = q->data,
                             .std = { q->flags, q->refs ? q->refs - 1 : 5, q->oxid ? q->oxid : 0x1111, q->oid ? q->oid : 0x2222,
                                      { 0x3333, 0, 0, { 0 } } } };
    struct buf out;
    buf_init(&out, 0);
    assert_int_equal(dcom_dual_make(&incoming.arena, &b, &r.resolver), CIMF_OK);
    assert_true(dcom_objref_write(&out, &r));
    struct slice s = arena_dup(&incoming.arena, buf_slice(&out));
    buf_free(&out);
    return s;
}

static struct dcom_proxy *proxy_with(const struct reference *q, const struct principal *p)
{
    struct dcom_call c = call_of(p);
    struct dcom_proxy *proxy = NULL;
    assert_int_equal(dcom_proxy_new(&c, reference(q), &sink_iid, &proxy), DCOM_OK);
    return proxy;
}

static struct dcom_proxy *proxy_new(void) { return proxy_with(&(struct reference){ 0 }, &alice); }

static uint32_t refused(const struct reference *q)
{
    struct dcom_call c = call_of(&alice);
    struct dcom_proxy *proxy;
    return dcom_proxy_new(&c, reference(q), &sink_iid, &proxy);
}

/* A call; `out` may be NULL. */
static struct dcom_proxy_call *call_with(struct dcom_proxy_call *c, struct dcom_proxy *p, struct status *out)
{
    static struct status in = { 7, 0x80041001, 0 };
    *c = (struct dcom_proxy_call){ .method = &method, .opnum = 4, .record = &in, .done = on_done, .out = out, .arena = &incoming.arena };
    current = &loops[0];
    dcom_proxy_call(p, c);
    current = NULL;
    return c;
}

/* ---- answers ---- */

static void answer_record(struct fake_connection *c, const struct ndr_type *t, const void *record, bool orpc)
{
    struct buf b;
    struct ndr_writer w;
    buf_init(&b, 0);
    if (orpc) buf_add(&b, "\0\0\0\0\0\0\0\0", 8);
    ndr_writer_init(&w, &b);
    assert_true(ndr_write_parameters(&w, t, NDR_OUT, record));
    if (orpc && t == &status_type) assert_true(ndr_write(&w, &ndr_u32, &(uint32_t){ 1 }));
    fake_answer(c, 0, buf_slice(&b));
    buf_free(&b);
}

static struct dcom_dual *dual_of(const char *host, uint16_t port)
{
    struct dcom_string_binding strings[] = { { TOWER_NP, slice_str(host), 9999 }, { TOWER_TCP, slice_str(host), port } };
    const struct dcom_bindings b = { .strings = strings, .string_count = 2 };
    struct dcom_dual *d = ARENA_NEW(&incoming.arena, struct dcom_dual);
    assert_int_equal(dcom_dual_make(&incoming.arena, &b, d), CIMF_OK);
    return d;
}

static struct fake_connection *expect_connection(uint16_t port, enum rpc_level level)
{
    settle();
    struct fake_connection *c = fake_latest();
    assert_non_null(c);
    assert_int_equal(c->port, port);
    assert_int_equal(c->number, 77);
    assert_string_equal(c->peer, "192.0.2.9"); /* whatever the reference says */
    assert_int_equal(c->level, level);
    return c;
}

static void answer_alive(uint16_t minor)
{
    struct fake_connection *c = expect_connection(135, RPC_LEVEL_NONE);
    const struct dcom_alive alive = { .version = { 5, minor }, .bindings = dual_of("203.0.113.2", 0) };
    assert_int_equal(fake_request(c)->opnum, RESOLVER_ALIVE2);
    assert_int_equal(fake_request(c)->stub.n, 0);
    answer_record(c, &dcom_alive2_type, &alive, false);
}

static struct fake_connection *expect_resolve(enum rpc_level level, uint16_t opnum)
{
    struct fake_connection *c = expect_connection(135, level);
    assert_int_equal(fake_request(c)->opnum, opnum);
    assert_memory_equal(fake_request(c)->stub.p, "\x11\x11\0\0\0\0\0\0", 8);
    return c;
}

static struct dcom_resolve resolved(void)
{
    return (struct dcom_resolve){ .bindings = dual_of("203.0.113.3", 49200), .unknown = { 0x9999, 0, 0, { 0 } },
                                  .hint = RPC_LEVEL_INTEGRITY, .version = { 5, 6 } };
}

/* From the first call to the exporter's connection. */
static struct fake_connection *reach(void)
{
    struct dcom_resolve r = resolved();
    answer_alive(7);
    answer_record(expect_resolve(RPC_LEVEL_PRIVACY, RESOLVER_RESOLVE2), &dcom_resolve2_type, &r, false);
    return expect_connection(49200, RPC_LEVEL_PRIVACY);
}

/* ---- tests ---- */

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
    current = &loops[0];
    dcom_proxy_unref(p);
    current = NULL;
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

/* covers: wmi-dcom:X10 */
static void test_references(void **state)
{
    static const struct guid other = { 1, 2, 3, { 4 } };
    char context[48] = { 1, 0, 1, 0 };
    assert_int_equal(refused(&(struct reference){ .iid = &other }), DCOM_E_INVALID_OBJREF);
    assert_int_equal(refused(&(struct reference){ .oxid = server->oxid }), DCOM_E_INVALID_OBJREF);
    assert_int_equal(refused(&(struct reference){ .form = OBJREF_CUSTOM, .data = SLICE("x") }), DCOM_E_INVALID_OBJREF);
    assert_int_equal(refused(&(struct reference){ .port = 22 }), DCOM_E_ACCESSDENIED);
    assert_int_equal(refused(&(struct reference){ .form = OBJREF_EXTENDED, .data = SLICE("short") }), DCOM_E_INVALID_OBJREF);
    context[28] = 1;
    assert_int_equal(refused(&(struct reference){ .form = OBJREF_EXTENDED, .data = slice_of(context, 48) }), DCOM_E_INVALID_OBJREF);
    context[28] = 0;
    struct dcom_proxy *p = proxy_with(&(struct reference){ .form = OBJREF_EXTENDED, .data = slice_of(context, 48) }, &alice);
    struct dcom_proxy *q = proxy_with(&(struct reference){ .form = OBJREF_HANDLER }, &alice);
    current = &loops[0];
    dcom_proxy_unref(p);
    dcom_proxy_unref(q);
    current = NULL;
    struct dcom_call c = call_of(&alice);
    assert_int_equal(dcom_proxy_new(&c, SLICE("MEOW"), &sink_iid, &p), DCOM_E_INVALID_OBJREF);
}

static void test_not_allowed(void **state)
{
    fake_outbound.credentials = false;
    assert_int_equal(refused(&(struct reference){ 0 }), DCOM_E_ACCESSDENIED);
    server->settings.outbound = NULL;
    assert_int_equal(refused(&(struct reference){ 0 }), DCOM_E_ACCESSDENIED);
    server->settings.outbound = &fake_outbound;
    assert_int_equal(fake_connects, 0);
}

static void test_anonymous(void **state)
{
    fake_outbound.credentials = false;
    fake_outbound.anonymous = true;
    struct dcom_proxy *p = proxy_new();
    struct dcom_proxy_call c;
    struct dcom_resolve r = resolved();
    call_with(&c, p, NULL);
    answer_alive(7);
    answer_record(expect_resolve(RPC_LEVEL_NONE, RESOLVER_RESOLVE2), &dcom_resolve2_type, &r, false);
    expect_connection(49200, RPC_LEVEL_NONE);
    current = &loops[0];
    dcom_proxy_unref(p);
    current = NULL;
}

/* The login is refused: without it only where the administrator allows that. */
static void test_step_down(void **state)
{
    struct dcom_proxy *p = proxy_new();
    struct dcom_proxy_call c;
    call_with(&c, p, NULL);
    answer_alive(7);
    fake_answer(expect_resolve(RPC_LEVEL_PRIVACY, RESOLVER_RESOLVE2), RPC_FAULT_ACCESS_DENIED, SLICE(""));
    settle();
    assert_int_equal(done_count, 1);
    assert_true(done_failed);
    assert_int_equal(done_hresult, DCOM_E_ACCESSDENIED);
    fake_outbound.anonymous = true;
    call_with(&c, p, NULL);
    answer_alive(7);
    fake_answer(expect_resolve(RPC_LEVEL_PRIVACY, RESOLVER_RESOLVE2), RPC_CLIENT_LOST, SLICE(""));
    expect_resolve(RPC_LEVEL_NONE, RESOLVER_RESOLVE2);
    current = &loops[0];
    dcom_proxy_unref(p);
    current = NULL;
}

/* The exporter may want more than is configured here. */
static void test_hint(void **state)
{
    struct dcom_proxy *p = proxy_new();
    struct dcom_proxy_call c;
    struct dcom_resolve r = resolved();
    fake_outbound.level = RPC_LEVEL_INTEGRITY;
    call_with(&c, p, NULL);
    answer_alive(7);
    answer_record(expect_resolve(RPC_LEVEL_INTEGRITY, RESOLVER_RESOLVE2), &dcom_resolve2_type, &r, false);
    fake_answer(expect_connection(49200, RPC_LEVEL_INTEGRITY), RPC_CLIENT_LOST, SLICE(""));
    settle();
    r.hint = RPC_LEVEL_PRIVACY;
    call_with(&c, p, NULL);
    answer_alive(7);
    answer_record(expect_resolve(RPC_LEVEL_INTEGRITY, RESOLVER_RESOLVE2), &dcom_resolve2_type, &r, false);
    expect_connection(49200, RPC_LEVEL_PRIVACY);
    current = &loops[0];
    dcom_proxy_unref(p);
    current = NULL;
}

static void test_old_resolver(void **state)
{
    struct dcom_proxy *p = proxy_new();
    struct dcom_proxy_call c;
    struct dcom_resolve r = resolved();
    call_with(&c, p, NULL);
    fake_answer(expect_connection(135, RPC_LEVEL_NONE), RPC_FAULT_OP_RANGE, SLICE(""));
    fake_answer(expect_resolve(RPC_LEVEL_PRIVACY, RESOLVER_RESOLVE2), RPC_FAULT_OP_RANGE, SLICE(""));
    answer_record(expect_resolve(RPC_LEVEL_PRIVACY, RESOLVER_RESOLVE), &dcom_resolve_type, &r, false);
    struct fake_connection *x = expect_connection(49200, RPC_LEVEL_PRIVACY);
    assert_memory_equal(fake_request(x)->stub.p, "\5\0\1\0", 4); /* which has to be 5.1 then */
    current = &loops[0];
    dcom_proxy_unref(p);
    current = NULL;
}

static void fails_with(struct dcom_proxy *p, uint32_t hresult)
{
    settle();
    assert_int_equal(done_count, 1);
    assert_true(done_failed);
    assert_int_equal(done_hresult, hresult);
    assert_int_equal(fake_open(), 0);
    done_count = 0;
}

static void test_out_of_reach(void **state)
{
    struct dcom_proxy *p = proxy_new();
    struct dcom_proxy_call c;
    struct dcom_resolve r = resolved();
    fake_unreachable = true;
    call_with(&c, p, NULL);
    fails_with(p, DCOM_E_UNREACHABLE);
    fake_unreachable = false;
    call_with(&c, p, NULL);
    fake_answer(expect_connection(135, RPC_LEVEL_NONE), RPC_FAULT_CANCELLED, SLICE(""));
    fails_with(p, DCOM_E_TIMED_OUT);
    call_with(&c, p, NULL);
    fake_answer(expect_connection(135, RPC_LEVEL_NONE), 0, SLICE("\5\0"));
    fails_with(p, DCOM_E_BAD_STUB);
    call_with(&c, p, NULL);
    answer_alive(7);
    r.status = DCOM_INVALID_OXID;
    answer_record(expect_resolve(RPC_LEVEL_PRIVACY, RESOLVER_RESOLVE2), &dcom_resolve2_type, &r, false);
    fails_with(p, DCOM_WIN32(DCOM_INVALID_OXID));
    r = resolved();
    r.version.major = 6;
    call_with(&c, p, NULL);
    answer_alive(7);
    answer_record(expect_resolve(RPC_LEVEL_PRIVACY, RESOLVER_RESOLVE2), &dcom_resolve2_type, &r, false);
    fails_with(p, DCOM_E_VERSION_MISMATCH);
    r = resolved();
    r.bindings = dual_of("203.0.113.3", 445); /* not a port of users */
    call_with(&c, p, NULL);
    answer_alive(7);
    answer_record(expect_resolve(RPC_LEVEL_PRIVACY, RESOLVER_RESOLVE2), &dcom_resolve2_type, &r, false);
    fails_with(p, DCOM_E_UNREACHABLE);
    current = &loops[0];
    dcom_proxy_unref(p);
    current = NULL;
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
    current = &loops[0];
    dcom_proxy_unref(p);
    current = NULL;
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
    current = &loops[0];
    dcom_proxy_unref(p);
    current = NULL;
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
    current = &loops[0];
    dcom_proxy_unref(p);
    current = NULL;
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
    current = &loops[0];
    dcom_proxy_unref(p);
    current = NULL;
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
    current = &loops[0];
    dcom_proxy_unref(p);
    current = NULL;
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
    current = &loops[0];
    dcom_proxy_unref(p);
    current = NULL;
    x = ping(RESOLVER_COMPLEX_PING);
    assert_ping(x, 7, 2, 1, 0); /* the other proxy still needs it */
    answer_ping(x, 7, 0);
    current = &loops[0];
    dcom_proxy_unref(again);
    current = NULL;
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
    assert_int_equal(done_hresult, DCOM_E_OUTOFMEMORY);
    current = &loops[0];
    dcom_proxy_unref(p);
    for (unsigned i = 0; i < PROXY_LINKS_USER; i++) dcom_proxy_unref(proxies[i]);
    current = NULL;
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
    current = &loops[0];
    dcom_proxy_unref(calling);
    current = NULL;
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_call), T(test_shared), T(test_same), T(test_references), T(test_not_allowed), T(test_anonymous), T(test_step_down),
        T(test_hint), T(test_old_resolver), T(test_out_of_reach), T(test_faults), T(test_connection_lost), T(test_cancel), T(test_time),
        T(test_no_references), T(test_pings), T(test_limits), T(test_hang_up), T(test_reentrant),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
