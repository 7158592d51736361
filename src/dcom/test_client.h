/* dcom/test_client.h - for the unit tests of the room: a server, and a client that calls it through harness.h. */
#ifndef DCOM_TEST_CLIENT_H
#define DCOM_TEST_CLIENT_H

#include "base/test.h"

#include "dcom/harness.h"

static struct dcom_server *server;
static struct arena arena;
static struct fake_call f;

HARNESS_USED static int setup(void **state)
{
    struct dcom_settings settings = fake_settings(NULL);
    arena_init(&arena, 0);
    if (dcom_server_new(&settings, &server, NULL) != CIMF_OK) return -1;
    dcom_server_listens(server, 49152);
    return 0;
}
HARNESS_USED static int teardown(void **state)
{
    dcom_server_free(server);
    assert_int_equal(things_made, things_freed);
    arena_free(&arena);
    return 0;
}

/* ---- a client ---- */

HARNESS_USED static struct slice load(const char *name)
{
    char path[512];
    char *bytes = arena_alloc(&arena, 4096);
    snprintf(path, sizeof path, DATA "/%s.bin", name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t n = fread(bytes, 1, 4096, file);
    fclose(file);
    return slice_of(bytes, n);
}

HARNESS_USED static struct slice hold(struct buf *b)
{
    struct slice s = arena_dup(&arena, buf_slice(b));
    buf_free(b);
    return s;
}

/* ORPCTHIS, then the parameters. */
HARNESS_USED static struct slice request_of(uint16_t minor, uint32_t flags, const struct ndr_type *t, const void *record)
{
    struct buf b;
    struct ndr_writer w;
    unsigned char header[32] = { 5, 0, (unsigned char)minor, 0, (unsigned char)flags, 0, 0, 0, 0, 0, 0, 0, 0xcc };
    buf_init(&b, 0);
    ndr_writer_init(&w, &b);
    buf_add(&b, header, sizeof header);
    if (t) assert_true(ndr_write_parameters(&w, t, NDR_IN, record));
    return hold(&b);
}

/* The reply of f: ORPCTHAT, then the parameters; answers the HRESULT at its end. */
HARNESS_USED static uint32_t reply_of(const struct ndr_type *t, void *record)
{
    struct ndr_reader r;
    struct slice s = arena_dup(&arena, buf_slice(&f.rpc.reply));
    assert_true(f.answered);
    assert_int_equal(f.fault, 0);
    ndr_reader_init(&r, &arena, s, false);
    assert_memory_equal(cursor_bytes(&r.c, 8).p, "\0\0\0\0\0\0\0\0", 8);
    if (t) assert_int_equal(ndr_read_parameters(&r, t, NDR_OUT, record, NULL), CIMF_OK);
    struct cursor end = cursor_of(slice_sub(s, s.n - 4));
    return cursor_u32le(&end);
}

struct activated {
    struct slice out;
};
static const struct ndr_row activated_rows[] = { { NDR_AT(struct activated, out, INTERFACE), .flags = NDR_OUT } };
static const struct ndr_type activated_type = NDR_TYPE("reply", struct activated, activated_rows);

/* Activates by an impacket stub; the reference to the first interface. */
HARNESS_USED static uint32_t activate_as(const struct principal *p, struct slice stub, uint16_t opnum, struct dcom_activated *done,
                            struct dcom_objref *ref)
{
    struct activated a = { 0 };
    call_init(&f, offered(server, DCOM_RESOLVER, I_ACTIVATOR), opnum, stub);
    f.rpc.principal = p;
    call_run(&f);
    uint32_t result = reply_of(&activated_type, &a);
    call_free(&f);
    if (result) {
        assert_null(a.out.p);
        return result;
    }
    assert_int_equal(dcom_activated_read(&arena, a.out, done, NULL), CIMF_OK);
    if (done->hresults[0] == 0) assert_int_equal(dcom_objref_read(&arena, done->interfaces[0], ref, NULL), CIMF_OK);
    return 0;
}

static struct dcom_activated done;
static struct dcom_objref ref;

HARNESS_USED static void activate(void) { assert_int_equal(activate_as(&alice, load("RemoteCreateInstance"), 4, &done, &ref), 0); }

/* Calls a method; f holds the answer: call_free. */
HARNESS_USED static void call_object(const struct guid *ipid, uint16_t opnum, struct slice stub, const struct principal *p, unsigned loop)
{
    call_init(&f, offered(server, DCOM_EXPORTER, I_THING), opnum, stub);
    f.rpc.principal = p;
    f.rpc.has_object = true;
    f.rpc.object = *ipid;
    f.rpc.home = &loops[loop].exec;
    call_run(&f);
}

HARNESS_USED static uint32_t fault_of(const struct guid *ipid, uint16_t opnum, struct slice stub, const struct principal *p)
{
    call_object(ipid, opnum, stub, p, 0);
    assert_true(f.answered);
    call_free(&f);
    return f.fault;
}

HARNESS_USED static uint32_t echo(const struct guid *ipid)
{
    struct echo e = { .text = SLICE("gr\xc3\xbc\xc3\x9f") }, back = { 0 };
    call_object(ipid, 3, request_of(7, 0, &echo_type, &e), &alice, 0);
    assert_int_equal(reply_of(&echo_type, &back), 0);
    call_free(&f);
    assert_slice(back.text, "gr\xc3\xbc\xc3\x9f");
    return back.number;
}

struct query {
    struct guid ipid;
    uint32_t refs;
    uint16_t count;
    struct guid *iids;
    struct { uint32_t hresult; struct dcom_std std; } *results;
    uint32_t hresult;
};
static const struct ndr_row result_rows[] = {
    { .name = "hresult", .kind = NDR_U32 },
    { .name = "std", .kind = NDR_STRUCT, .at = 8, .of = &dcom_std_type },
};
static const struct ndr_type result_type = { "REMQIRESULT", result_rows, 2, sizeof(*((struct query *)0)->results) };
static const struct ndr_row query_rows[] = {
    { NDR_AT(struct query, ipid, GUID), .flags = NDR_IN },
    { NDR_AT(struct query, refs, U32), .flags = NDR_IN },
    { NDR_AT(struct query, count, U16), .flags = NDR_IN },
    { NDR_AT(struct query, iids, ARRAY), .flags = NDR_IN, .of = &ndr_guid, NDR_SIZE(struct query, count) },
    { NDR_AT(struct query, results, ARRAY), .flags = NDR_OUT | NDR_UNIQUE, .of = &result_type, NDR_SIZE(struct query, count) },
    { NDR_AT(struct query, hresult, U32), .flags = NDR_OUT },
};
static const struct ndr_type query_type = NDR_TYPE("RemQueryInterface", struct query, query_rows);

struct reference {
    struct guid ipid;
    uint32_t public_refs, private_refs;
};
static const struct ndr_row reference_rows[] = {
    { NDR_AT(struct reference, ipid, GUID) },
    { NDR_AT(struct reference, public_refs, U32) },
    { NDR_AT(struct reference, private_refs, U32) },
};
static const struct ndr_type reference_type = NDR_TYPE("REMINTERFACEREF", struct reference, reference_rows);
struct references {
    uint16_t count;
    struct reference *refs;
    uint32_t *results;
};
static const struct ndr_row references_rows[] = {
    { NDR_AT(struct references, count, U16), .flags = NDR_IN },
    { NDR_AT(struct references, refs, ARRAY), .flags = NDR_IN, .of = &reference_type, NDR_SIZE(struct references, count) },
    { NDR_AT(struct references, results, ARRAY), .flags = NDR_OUT, .of = &ndr_u32, NDR_SIZE(struct references, count) },
};
static const struct ndr_type references_type = NDR_TYPE("references", struct references, references_rows);

HARNESS_USED static uint32_t unknown_call(uint16_t opnum, const struct ndr_type *t, void *record, const struct principal *p)
{
    call_init(&f, offered(server, DCOM_EXPORTER, I_UNKNOWN), opnum, request_of(7, 0, t, record));
    f.rpc.has_object = true;
    f.rpc.object = done.unknown;
    f.rpc.principal = p;
    call_run(&f);
    uint32_t result = reply_of(opnum == 5 ? NULL : t, record);
    call_free(&f);
    return result;
}

HARNESS_USED static void release_as(const struct principal *p, const struct guid *ipid, uint32_t public_refs, uint32_t private_refs)
{
    struct reference r = { *ipid, public_refs, private_refs };
    struct references a = { 1, &r, NULL };
    assert_int_equal(unknown_call(5, &references_type, &a, p), 0);
}

HARNESS_USED static uint32_t add_ref(const struct principal *p, const struct guid *ipid, uint32_t public_refs, uint32_t private_refs)
{
    struct reference r = { *ipid, public_refs, private_refs };
    struct references a = { 1, &r, NULL };
    assert_int_equal(unknown_call(4, &references_type, &a, p), 0);
    return a.results[0];
}

HARNESS_USED static struct dcom_counts counts(void)
{
    struct dcom_counts c;
    dcom_server_count(server, &c);
    return c;
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
