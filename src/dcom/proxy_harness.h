/* dcom/proxy_harness.h - for tests of the client role: a server, a caller, references, and an exporter's answers over the fake RPC
 * client of proxy_fake.h. Included by one test file each. */
#ifndef DCOM_PROXY_HARNESS_H
#define DCOM_PROXY_HARNESS_H

#include "base/test.h"

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

HARNESS_USED static void on_done(struct dcom_proxy_call *c, bool failed, uint32_t hresult)
{
    assert_ptr_equal(current, &loops[0]); /* at home */
    done_count++;
    done_failed = failed;
    done_hresult = hresult;
}

/* ---- a server, a caller, a reference ---- */

HARNESS_USED static int setup(void **state)
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

HARNESS_USED static void settle(void)
{
    while (turn(0) + turn(1)) {
    }
}

HARNESS_USED static int teardown(void **state)
{
    dcom_server_hang_up(server);
    settle();
    assert_int_equal(fake_open(), 0); /* every connection was closed */
    dcom_server_free(server);
    call_free(&incoming);
    return 0;
}

HARNESS_USED static struct dcom_call call_of(const struct principal *p)
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

HARNESS_USED static struct slice reference(const struct reference *q)
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

HARNESS_USED static struct dcom_proxy *proxy_with(const struct reference *q, const struct principal *p)
{
    struct dcom_call c = call_of(p);
    struct dcom_proxy *proxy = NULL;
    assert_int_equal(dcom_proxy_new(&c, reference(q), &sink_iid, &proxy), DCOM_OK);
    return proxy;
}

HARNESS_USED static struct dcom_proxy *proxy_new(void) { return proxy_with(&(struct reference){ 0 }, &alice); }

HARNESS_USED static uint32_t refused(const struct reference *q)
{
    struct dcom_call c = call_of(&alice);
    struct dcom_proxy *proxy;
    return dcom_proxy_new(&c, reference(q), &sink_iid, &proxy);
}

/* A call; `out` may be NULL. */
HARNESS_USED static struct dcom_proxy_call *call_with(struct dcom_proxy_call *c, struct dcom_proxy *p, struct status *out)
{
    static struct status in = { 7, 0x80041001, 0 };
    *c = (struct dcom_proxy_call){ .method = &method, .opnum = 4, .record = &in, .done = on_done, .out = out, .arena = &incoming.arena };
    current = &loops[0];
    dcom_proxy_call(p, c);
    current = NULL;
    return c;
}

/* ---- answers ---- */

HARNESS_USED static void answer_record(struct fake_connection *c, const struct ndr_type *t, const void *record, bool orpc)
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

HARNESS_USED static struct dcom_dual *dual_of(const char *host, uint16_t port)
{
    struct dcom_string_binding strings[] = { { TOWER_NP, slice_str(host), 9999 }, { TOWER_TCP, slice_str(host), port } };
    const struct dcom_bindings b = { .strings = strings, .string_count = 2 };
    struct dcom_dual *d = ARENA_NEW(&incoming.arena, struct dcom_dual);
    assert_int_equal(dcom_dual_make(&incoming.arena, &b, d), CIMF_OK);
    return d;
}

HARNESS_USED static struct fake_connection *expect_connection(uint16_t port, enum rpc_level level)
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

HARNESS_USED static void answer_alive(uint16_t minor)
{
    struct fake_connection *c = expect_connection(135, RPC_LEVEL_NONE);
    const struct dcom_alive alive = { .version = { 5, minor }, .bindings = dual_of("203.0.113.2", 0) };
    assert_int_equal(fake_request(c)->opnum, RESOLVER_ALIVE2);
    assert_int_equal(fake_request(c)->stub.n, 0);
    answer_record(c, &dcom_alive2_type, &alive, false);
}

HARNESS_USED static struct fake_connection *expect_resolve(enum rpc_level level, uint16_t opnum)
{
    struct fake_connection *c = expect_connection(135, level);
    assert_int_equal(fake_request(c)->opnum, opnum);
    assert_memory_equal(fake_request(c)->stub.p, "\x11\x11\0\0\0\0\0\0", 8);
    return c;
}

HARNESS_USED static struct dcom_resolve resolved(void)
{
    return (struct dcom_resolve){ .bindings = dual_of("203.0.113.3", 49200), .unknown = { 0x9999, 0, 0, { 0 } },
                                  .hint = RPC_LEVEL_INTEGRITY, .version = { 5, 6 } };
}

/* From the first call to the exporter's connection. */
HARNESS_USED static struct fake_connection *reach(void)
{
    struct dcom_resolve r = resolved();
    answer_alive(7);
    answer_record(expect_resolve(RPC_LEVEL_PRIVACY, RESOLVER_RESOLVE2), &dcom_resolve2_type, &r, false);
    return expect_connection(49200, RPC_LEVEL_PRIVACY);
}

/* No more is asked of it. */
HARNESS_USED static void let_go(struct dcom_proxy *p)
{
    current = &loops[0];
    dcom_proxy_unref(p);
    current = NULL;
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
