/* A server as clients see it: resolver, activation, calls to objects, references, pings, and what callers may not do. */
#include "base/test.h"

#include "dcom/harness.h"

static struct dcom_server *server;
static struct arena arena;
static struct fake_call f;

static int setup(void **state)
{
    struct dcom_settings settings = fake_settings(NULL);
    arena_init(&arena, 0);
    if (dcom_server_new(&settings, &server, NULL) != CIMF_OK) return -1;
    dcom_server_listens(server, 49152);
    return 0;
}
static int teardown(void **state)
{
    dcom_server_free(server);
    assert_int_equal(things_made, things_freed);
    arena_free(&arena);
    return 0;
}

/* ---- a client ---- */

static struct slice load(const char *name)
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

static struct slice hold(struct buf *b)
{
    struct slice s = arena_dup(&arena, buf_slice(b));
    buf_free(b);
    return s;
}

/* ORPCTHIS, then the parameters. */
static struct slice request_of(uint16_t minor, uint32_t flags, const struct ndr_type *t, const void *record)
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
static uint32_t reply_of(const struct ndr_type *t, void *record)
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
static uint32_t activate_as(const struct principal *p, struct slice stub, uint16_t opnum, struct dcom_activated *done,
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

static void activate(void) { assert_int_equal(activate_as(&alice, load("RemoteCreateInstance"), 4, &done, &ref), 0); }

/* Calls a method; f holds the answer: call_free. */
static void call_object(const struct guid *ipid, uint16_t opnum, struct slice stub, const struct principal *p, unsigned loop)
{
    call_init(&f, offered(server, DCOM_EXPORTER, I_THING), opnum, stub);
    f.rpc.principal = p;
    f.rpc.has_object = true;
    f.rpc.object = *ipid;
    f.rpc.home = &loops[loop].exec;
    call_run(&f);
}

static uint32_t fault_of(const struct guid *ipid, uint16_t opnum, struct slice stub, const struct principal *p)
{
    call_object(ipid, opnum, stub, p, 0);
    assert_true(f.answered);
    call_free(&f);
    return f.fault;
}

static uint32_t echo(const struct guid *ipid)
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

static uint32_t unknown_call(uint16_t opnum, const struct ndr_type *t, void *record, const struct principal *p)
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

static void release_as(const struct principal *p, const struct guid *ipid, uint32_t public_refs, uint32_t private_refs)
{
    struct reference r = { *ipid, public_refs, private_refs };
    struct references a = { 1, &r, NULL };
    assert_int_equal(unknown_call(5, &references_type, &a, p), 0);
}

static uint32_t add_ref(const struct principal *p, const struct guid *ipid, uint32_t public_refs, uint32_t private_refs)
{
    struct reference r = { *ipid, public_refs, private_refs };
    struct references a = { 1, &r, NULL };
    assert_int_equal(unknown_call(4, &references_type, &a, p), 0);
    return a.results[0];
}

static struct dcom_counts counts(void)
{
    struct dcom_counts c;
    dcom_server_count(server, &c);
    return c;
}

/* ---- activation ---- */

/* covers: wmi-dcom:D9 wmi-dcom:D16 wmi-dcom:D15 */
static void create_instance(void **state)
{
    struct dcom_bindings b;
    activate();
    assert_int_equal(done.count, 1);
    assert_int_equal(done.hint, RPC_LEVEL_INTEGRITY);
    assert_int_equal(done.major, 5);
    assert_int_equal(done.minor, 7);
    assert_int_equal(ref.form, OBJREF_STANDARD);
    assert_int_equal(ref.std.public_refs, 5);
    assert_true(ref.std.oxid == done.oxid);
    assert_int_equal(dcom_dual_parse(&arena, done.bindings, &b, NULL), CIMF_OK);
    assert_slice(b.strings[0].host, "192.0.2.1"); /* what it connected to comes first, once */
    assert_int_equal(b.strings[0].port, 49152);
    assert_slice(b.strings[1].host, "HOST");
    assert_slice(b.strings[2].host, "host.example.org");
    assert_slice(b.strings[3].host, "nat.example.net");
    assert_slice(b.strings[4].host, "198.51.100.7");
    assert_int_equal(b.string_count, 5);
    assert_int_equal(dcom_dual_parse(&arena, &ref.resolver, &b, NULL), CIMF_OK);
    assert_int_equal(b.strings[0].port, 0);
    assert_int_equal(offered(server, DCOM_RESOLVER, I_ACTIVATOR)->floor, RPC_LEVEL_INTEGRITY);
    assert_int_equal(echo(&ref.std.ipid), 1);
    assert_int_equal(echo(&ref.std.ipid), 2);
}

struct created {
    struct guid iid;
    struct slice object;
};
static const struct ndr_row created_rows[] = {
    { NDR_AT(struct created, iid, GUID), .flags = NDR_IN },
    { NDR_AT(struct created, object, INTERFACE), .flags = NDR_OUT },
};
static const struct ndr_type created_type = NDR_TYPE("CreateInstance", struct created, created_rows);

/* covers: wmi-dcom:D8 */
static void class_object(void **state)
{
    struct created c = { .iid = thing_interface.iid };
    struct dcom_objref made;
    assert_int_equal(activate_as(&alice, load("RemoteGetClassObject"), 3, &done, &ref), 0);
    assert_int_equal(things_made, 0);
    call_object(&ref.std.ipid, 3, request_of(7, 0, &created_type, &c), &alice, 0);
    assert_int_equal(reply_of(&created_type, &c), 0);
    call_free(&f);
    assert_int_equal(dcom_objref_read(&arena, c.object, &made, NULL), CIMF_OK);
    assert_int_equal(echo(&made.std.ipid), 1);
}

struct remote_activation {
    uint64_t oxid;
    struct dcom_dual *bindings;
    struct guid unknown;
    uint32_t hint;
    struct dcom_version version;
    uint32_t hresult, count;
    struct slice *interfaces;
    uint32_t *results;
    uint32_t status;
};
static const struct ndr_row remote_rows[] = {
    { NDR_AT(struct remote_activation, oxid, U64), .flags = NDR_OUT },
    { NDR_AT(struct remote_activation, bindings, PTR), .flags = NDR_OUT, .of = &dcom_dual_type },
    { NDR_AT(struct remote_activation, unknown, GUID), .flags = NDR_OUT },
    { NDR_AT(struct remote_activation, hint, U32), .flags = NDR_OUT },
    { NDR_AT(struct remote_activation, version, STRUCT), .flags = NDR_OUT, .of = &dcom_version_type },
    { NDR_AT(struct remote_activation, hresult, U32), .flags = NDR_OUT },
    { NDR_AT(struct remote_activation, interfaces, ARRAY), .flags = NDR_OUT, .of = &ndr_interface, NDR_SIZE(struct remote_activation, count) },
    { NDR_AT(struct remote_activation, results, ARRAY), .flags = NDR_OUT, .of = &ndr_u32, NDR_SIZE(struct remote_activation, count) },
    { NDR_AT(struct remote_activation, status, U32), .flags = NDR_OUT },
};
static const struct ndr_type remote_type = NDR_TYPE("RemoteActivation", struct remote_activation, remote_rows);

/* covers: wmi-dcom:D7 */
static void remote_activation(void **state)
{
    struct remote_activation r = { .count = 1 };
    struct slice stub = load("RemoteActivation");
    call_init(&f, offered(server, DCOM_RESOLVER, I_ACTIVATION), 0, stub);
    call_run(&f);
    assert_int_equal(reply_of(&remote_type, &r), 0);
    call_free(&f);
    assert_int_equal(r.hresult, 0);
    assert_int_equal(r.hint, 5);
    assert_int_equal(r.version.minor, 7);
    assert_non_null(r.bindings);
    assert_int_equal(dcom_objref_read(&arena, r.interfaces[0], &ref, NULL), CIMF_OK);
    assert_int_equal(echo(&ref.std.ipid), 1);
    /* A class that is not there: nulls, zero results. */
    char *copy = memcpy(arena_alloc(&arena, stub.n), stub.p, stub.n);
    copy[48] ^= 1; /* behind an empty list of extensions, which this client sends */
    r = (struct remote_activation){ .count = 1 };
    call_init(&f, offered(server, DCOM_RESOLVER, I_ACTIVATION), 0, slice_of(copy, stub.n));
    call_run(&f);
    assert_int_equal(reply_of(&remote_type, &r), 0);
    call_free(&f);
    assert_int_equal(r.hresult, DCOM_E_CLASSNOTREG);
    assert_null(r.bindings);
    assert_null(r.interfaces[0].p);
    assert_int_equal(r.results[0], 0);
    for (size_t n = 0; n < stub.n; n++) { /* cut anywhere */
        call_init(&f, offered(server, DCOM_RESOLVER, I_ACTIVATION), 0, slice_head(stub, n));
        call_run(&f);
        assert_int_equal(f.fault, RPC_FAULT_BAD_STUB);
        call_free(&f);
    }
}

/* RemoteCreateInstance with these properties. */
struct create {
    struct slice outer, in, out;
};
static const struct ndr_row create_rows[] = {
    { NDR_AT(struct create, outer, INTERFACE), .flags = NDR_IN },
    { NDR_AT(struct create, in, INTERFACE), .flags = NDR_IN },
};
static const struct ndr_type create_type = NDR_TYPE("RemoteCreateInstance", struct create, create_rows);
static struct slice create_stub(const struct dcom_activation *q, uint16_t minor)
{
    struct create c = { 0 };
    struct buf b;
    buf_init(&b, 0);
    assert_true(dcom_activation_write(&b, q));
    c.in = hold(&b);
    return request_of(minor, 1, &create_type, &c);
}

/* covers: wmi-dcom:D13 wmi-dcom:D14 wmi-dcom:D11 wmi-dcom:D10 */
static void what_cannot_be_activated(void **state)
{
    uint16_t tcp = 7;
    struct guid iids[] = { { 0xdead, 0, 0, { 0 } }, thing_interface.iid };
    struct dcom_activation good = { .clsid = thing_class.clsid, .iid_count = 2, .iids = iids, .protseq_count = 1, .protseqs = &tcp,
                                    .has_session = true, .session = UINT32_MAX }, q = good;
    assert_int_equal(activate_as(&alice, create_stub(&q, 7), 4, &done, &ref), 0); /* one of two interfaces */
    assert_int_equal(done.hresults[0], DCOM_E_NOINTERFACE);
    assert_null(done.interfaces[0].p);
    assert_int_equal(done.hresults[1], 0);
    q.iid_count = 1;
    assert_int_equal(activate_as(&alice, create_stub(&q, 7), 4, &done, &ref), DCOM_E_NOINTERFACE);
    assert_int_equal(things_made, 2);
    assert_int_equal(things_freed, 1);
    q = good;
    q.clsid.data1++;
    assert_int_equal(activate_as(&alice, create_stub(&q, 7), 4, &done, &ref), DCOM_E_CLASSNOTREG);
    q = good;
    q.session = 3;
    assert_int_equal(activate_as(&alice, create_stub(&q, 7), 4, &done, &ref), DCOM_E_RUNAS_LOGON_FAILURE);
    q = good;
    q.console = true;
    assert_int_equal(activate_as(&alice, create_stub(&q, 7), 4, &done, &ref), DCOM_E_RUNAS_LOGON_FAILURE);
    q = good;
    q.flags = sizeof(void *) == 8 ? ACTIVATION_32_BIT : ACTIVATION_64_BIT;
    assert_int_equal(activate_as(&alice, create_stub(&q, 7), 4, &done, &ref), DCOM_E_CLASSNOTREG);
    for (uint16_t minor = 1; minor <= 7; minor++) assert_int_equal(activate_as(&alice, create_stub(&good, minor), 4, &done, &ref), 0);
    assert_int_equal(activate_as(&alice, create_stub(&good, 8), 4, &done, &ref), DCOM_E_VERSION_MISMATCH);
    struct slice other = create_stub(&good, 7);
    ((char *)(uintptr_t)other.p)[0] = 4;
    assert_int_equal(activate_as(&alice, other, 4, &done, &ref), DCOM_E_VERSION_MISMATCH);
    assert_int_equal(activate_as(&alice, request_of(7, 0, &create_type, &(struct create){ 0 }), 4, &done, &ref), DCOM_E_INVALIDARG);
    for (uint16_t opnum = 0; opnum < 3; opnum++) {
        call_init(&f, offered(server, DCOM_RESOLVER, I_ACTIVATOR), opnum, create_stub(&good, 7));
        call_run(&f);
        assert_int_equal(f.fault, RPC_FAULT_OP_RANGE);
        call_free(&f);
    }
    dcom_server_stop(server);
    assert_int_equal(activate_as(&alice, create_stub(&good, 7), 4, &done, &ref), DCOM_E_SERVER_STOPPING);
}

/* ---- calls ---- */

/* covers: wmi-dcom:X5 wmi-dcom:X6 wmi-dcom:X7 wmi-dcom:X8 */
static void what_is_refused(void **state)
{
    struct echo e = { .text = SLICE("x") };
    struct slice good = request_of(7, 0, &echo_type, &e);
    activate();
    struct guid *ipid = &ref.std.ipid, wrong = *ipid;
    wrong.data1 ^= 1;
    assert_int_equal(fault_of(&wrong, 3, good, &alice), DCOM_E_DISCONNECTED);
    assert_int_equal(fault_of(&wrong, 3, good, &bob), DCOM_E_DISCONNECTED);
    assert_int_equal(fault_of(ipid, 3, good, &bob), RPC_FAULT_ACCESS_DENIED);
    assert_int_equal(fault_of(ipid, 3, good, NULL), RPC_FAULT_ACCESS_DENIED);
    for (uint16_t opnum = 0; opnum < 3; opnum++) assert_int_equal(fault_of(ipid, opnum, good, &alice), RPC_FAULT_OP_RANGE);
    assert_int_equal(fault_of(ipid, 5, good, &alice), RPC_FAULT_OP_RANGE); /* a hole in the table */
    assert_int_equal(fault_of(ipid, 7, good, &alice), RPC_FAULT_OP_RANGE);
    assert_int_equal(fault_of(ipid, 0xffff, good, &alice), RPC_FAULT_OP_RANGE);
    assert_int_equal(fault_of(ipid, 3, request_of(8, 0, &echo_type, &e), &alice), DCOM_E_VERSION_MISMATCH);
    assert_int_equal(fault_of(ipid, 3, request_of(7, 1, &echo_type, &e), &alice), DCOM_E_INVALID_HEADER);
    for (size_t n = 0; n < good.n; n++) assert_int_equal(fault_of(ipid, 3, slice_head(good, n), &alice), RPC_FAULT_BAD_STUB);
    call_init(&f, offered(server, DCOM_EXPORTER, I_THING), 3, good); /* no object at all */
    call_run(&f);
    assert_int_equal(f.fault, DCOM_E_DISCONNECTED);
    call_free(&f);
    assert_int_equal(offered(server, DCOM_EXPORTER, I_THING)->floor, RPC_LEVEL_INTEGRITY);
    assert_true(offered(server, DCOM_EXPORTER, I_THING)->by_object);
    assert_int_equal(last_thing->calls, 0);
}

/* Any presentation context serves any object, and old clients may be let in.
 * covers: wmi-dcom:X9 */
static void lenient(void **state)
{
    struct echo e = { .text = SLICE("x") };
    struct dcom_settings settings = fake_settings(NULL);
    settings.accept_local_flag = true;
    dcom_server_free(server);
    assert_int_equal(dcom_server_new(&settings, &server, NULL), CIMF_OK);
    activate();
    call_init(&f, offered(server, DCOM_EXPORTER, I_UNKNOWN), 3, request_of(7, 1, &echo_type, &e));
    f.rpc.has_object = true;
    f.rpc.object = ref.std.ipid;
    call_run(&f);
    assert_int_equal(reply_of(NULL, NULL), 0);
    call_free(&f);
    /* Another call of the same causality while one is at work is not held back. */
    call_object(&ref.std.ipid, 4, request_of(7, 0, &echo_type, &e), &alice, 0);
    struct fake_call held = f;
    struct thing *t = last_thing;
    held.rpc.user = f.rpc.user;
    assert_false(held.answered);
    struct fake_call second;
    call_init(&second, offered(server, DCOM_EXPORTER, I_THING), 3, request_of(7, 0, &echo_type, &e));
    second.rpc.has_object = true;
    second.rpc.object = ref.std.ipid;
    call_run(&second);
    assert_true(second.answered);
    call_free(&second);
    current = &loops[0];
    dcom_reply(t->held, t->record, 0);
    current = NULL;
    assert_true(f.answered);
    call_free(&f);
}

/* covers: wmi-dcom:X11 */
static void extensions(void **state)
{
    static const unsigned char ext[] = {
        1, 0, 2, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 2, 0,   /* referent; size 1, reserved, array */
        2, 0, 0, 0, 3, 0, 2, 0, 0, 0, 0, 0,               /* rounded up to 2: one, and none */
        8, 0, 0, 0, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 5, 0, 0, 0, 1, 2, 3, 4, 5, 0, 0, 0,
    };
    struct echo e = { .text = SLICE("x") }, back = { 0 };
    struct slice plain = request_of(7, 0, &echo_type, &e);
    struct buf b;
    activate();
    for (int lie = 0; lie < 4; lie++) {
        unsigned char changed[sizeof ext];
        memcpy(changed, ext, sizeof ext);
        if (lie == 1) changed[4] = 3;                     /* more than there are */
        if (lie == 2) memset(changed + 48, 0xff, 4);      /* a size near 2^32 */
        if (lie == 3) changed[28] = 200;
        buf_init(&b, 0);
        buf_add(&b, plain.p, 28);
        buf_add(&b, changed, sizeof changed);
        buf_slice_add(&b, slice_sub(plain, 32));
        call_object(&ref.std.ipid, 3, hold(&b), &alice, 0);
        if (lie) assert_int_equal(f.fault, RPC_FAULT_BAD_STUB);
        else assert_int_equal(reply_of(&echo_type, &back), 0);
        call_free(&f);
    }
    assert_slice(back.text, "x");
}

/* An object belongs to the loop that called it first; calls on another go there and come back. */
static void homes(void **state)
{
    struct echo e = { .text = SLICE("x") }, back = { 0 };
    activate();
    struct thing *t = last_thing;
    echo(&ref.std.ipid);
    assert_ptr_equal(t->ran, &loops[0]);
    call_object(&ref.std.ipid, 3, request_of(7, 0, &echo_type, &e), &alice, 1);
    assert_false(f.answered);
    assert_int_equal(turn(0), 1);
    assert_int_equal(t->calls, 2);
    assert_ptr_equal(t->ran, &loops[0]);
    assert_false(f.answered);
    assert_int_equal(turn(1), 1);
    assert_int_equal(reply_of(&echo_type, &back), 0);
    assert_int_equal(back.number, 2);
    call_free(&f);
    /* Released on the other loop: it ends at home. */
    struct reference r = { ref.std.ipid, 5, 0 };
    struct references a = { 1, &r, NULL };
    call_init(&f, offered(server, DCOM_EXPORTER, I_UNKNOWN), 5, request_of(7, 0, &references_type, &a));
    f.rpc.has_object = true;
    f.rpc.object = done.unknown;
    f.rpc.home = &loops[1].exec;
    call_run(&f);
    assert_true(f.answered);
    call_free(&f);
    assert_int_equal(things_closed, 0);
    assert_int_equal(turn(0), 1);
    assert_int_equal(things_closed, 1);
    assert_int_equal(things_freed, 1);
}

/* Answered later; the client goes away meanwhile, and releases the object as well. */
static void later(void **state)
{
    struct echo e = { .text = SLICE("x") };
    activate();
    struct thing *t = last_thing;
    for (unsigned loop = 0; loop < 2; loop++) {
        call_object(&ref.std.ipid, 4, request_of(7, 0, &echo_type, &e), &alice, loop);
        turn(0);
        assert_false(f.answered);
        assert_non_null(t->held);
        current = &loops[loop];
        f.rpc.on_abort(&f.rpc);
        current = NULL;
        turn(0);
        assert_int_equal(t->aborted, loop + 1);
        current = &loops[0];
        if (loop == 0) dcom_reply(t->held, t->record, 0);
        else dcom_fault(t->held, RPC_FAULT_CANCELLED);
        current = NULL;
        turn(1);
        assert_true(f.answered);
        assert_int_equal(f.fault, loop ? RPC_FAULT_CANCELLED : 0);
        call_free(&f);
    }
    /* An abort that crosses the answer is nobody's. */
    call_object(&ref.std.ipid, 4, request_of(7, 0, &echo_type, &e), &alice, 1);
    turn(0);
    struct fake_call *held = &f;
    current = &loops[0];
    dcom_reply(t->held, t->record, 0);
    current = &loops[1];
    held->rpc.on_abort(&held->rpc);
    current = NULL;
    turn(1);
    assert_true(f.answered);
    call_free(&f);
    turn(0);
    assert_int_equal(t->aborted, 2);
    /* Released while a call is at work: closed at once, freed with the answer. */
    call_object(&ref.std.ipid, 4, request_of(7, 0, &echo_type, &e), &alice, 0);
    struct fake_call working = f;
    struct dcom_call *c = t->held;
    void *record = t->record;
    release_as(&alice, &ref.std.ipid, 5, 0);
    assert_int_equal(things_closed, 1);
    assert_int_equal(things_freed, 0);
    f = working;
    current = &loops[0];
    dcom_reply(c, record, 0);
    current = NULL;
    assert_int_equal(things_freed, 1);
    call_free(&f);
}

static void objects_from_calls(void **state)
{
    struct slice pair = SLICE_NULL;
    struct echo e = { .pair = &pair }, back = { 0 };
    struct dcom_objref child;
    activate();
    call_object(&ref.std.ipid, 6, request_of(7, 0, &echo_type, &e), &alice, 0);
    assert_int_equal(reply_of(&echo_type, &back), 0);
    call_free(&f);
    assert_int_equal(dcom_objref_read(&arena, *back.pair, &child, NULL), CIMF_OK);
    assert_true(child.std.oid != ref.std.oid);
    assert_int_equal(echo(&child.std.ipid), 1);
    e.pair = NULL; /* nobody wants it: gone again */
    call_object(&ref.std.ipid, 6, request_of(7, 0, &echo_type, &e), &alice, 0);
    assert_int_equal(reply_of(&echo_type, &back), 0);
    call_free(&f);
    assert_int_equal(things_made, 3);
    assert_int_equal(things_freed, 1);
}

/* ---- references ---- */

/* covers: wmi-dcom:X1 */
static void query_interface(void **state)
{
    activate();
    struct guid iids[] = { other_interface.iid, { 0xbad, 0, 0, { 0 } }, thing_interface.iid, dcom_unknown.iid, other_interface.iid };
    struct query q = { ref.std.ipid, 2, 5, iids, NULL, 0 };
    assert_int_equal(unknown_call(3, &query_type, &q, &alice), 0);
    assert_int_equal(q.results[0].hresult, 0);
    assert_int_equal(q.results[1].hresult, DCOM_E_NOINTERFACE); /* and the call succeeds */
    assert_true(guid_eq(&q.results[2].std.ipid, &ref.std.ipid));
    assert_false(guid_eq(&q.results[0].std.ipid, &ref.std.ipid));
    assert_true(q.results[0].std.oid == ref.std.oid);
    assert_int_equal(q.results[0].std.public_refs, 2);
    assert_true(guid_eq(&q.results[0].std.ipid, &q.results[4].std.ipid));
    assert_int_equal(counts().ipids, 3);
    struct guid found = q.results[0].std.ipid;
    assert_int_equal(echo(&found), 1);
    assert_int_equal(fault_of(&found, 4, request_of(7, 0, NULL, NULL), &alice), RPC_FAULT_OP_RANGE); /* its own table */
    q = (struct query){ ref.std.ipid, 2, 5, iids, NULL, 0 };
    assert_int_equal(unknown_call(3, &query_type, &q, &bob), DCOM_E_ACCESSDENIED);
    q.ipid.data1 ^= 1;
    q.count = 5;
    assert_int_equal(unknown_call(3, &query_type, &q, &alice), DCOM_E_INVALID_OBJECT);
}

struct query2 {
    struct guid ipid;
    uint16_t count;
    struct guid *iids;
    uint32_t *hresults;
    struct slice *interfaces;
};
static const struct ndr_row query2_rows[] = {
    { NDR_AT(struct query2, ipid, GUID), .flags = NDR_IN },
    { NDR_AT(struct query2, count, U16), .flags = NDR_IN },
    { NDR_AT(struct query2, iids, ARRAY), .flags = NDR_IN, .of = &ndr_guid, NDR_SIZE(struct query2, count) },
    { NDR_AT(struct query2, hresults, ARRAY), .flags = NDR_OUT, .of = &ndr_u32, NDR_SIZE(struct query2, count) },
    { NDR_AT(struct query2, interfaces, ARRAY), .flags = NDR_OUT, .of = &ndr_interface, NDR_SIZE(struct query2, count) },
};
static const struct ndr_type query2_type = NDR_TYPE("RemQueryInterface2", struct query2, query2_rows);

/* covers: wmi-dcom:X4 */
static void query_interface2(void **state)
{
    struct dcom_objref r;
    activate();
    struct guid iids[] = { other_interface.iid, { 0xbad, 0, 0, { 0 } } };
    struct query2 q = { ref.std.ipid, 2, iids, NULL, NULL };
    assert_int_equal(unknown_call(6, &query2_type, &q, &alice), 0);
    assert_int_equal(q.hresults[0], 0);
    assert_int_equal(q.hresults[1], DCOM_E_NOINTERFACE);
    assert_null(q.interfaces[1].p);
    assert_int_equal(dcom_objref_read(&arena, q.interfaces[0], &r, NULL), CIMF_OK);
    assert_int_equal(echo(&r.std.ipid), 1);
    q.ipid.data1 ^= 1;
    assert_int_equal(unknown_call(6, &query2_type, &q, &alice), DCOM_E_INVALID_OBJECT);
}

/* covers: wmi-dcom:X2 wmi-dcom:X3 */
static void counting(void **state)
{
    activate();
    struct guid ipid = ref.std.ipid, wrong = ipid;
    wrong.data1 ^= 1;
    assert_int_equal(add_ref(&alice, &ipid, 2, 1), 0);
    assert_int_equal(add_ref(&alice, &wrong, 2, 1), DCOM_E_OBJNOTREG);
    assert_int_equal(add_ref(&bob, &ipid, 2, 1), DCOM_E_ACCESSDENIED);
    assert_int_equal(add_ref(&alice, &done.unknown, 2, 1), 0);
    release_as(&alice, &ipid, 6, 0);
    release_as(&bob, &ipid, UINT32_MAX, UINT32_MAX); /* not his */
    release_as(&alice, &wrong, 1, 0);                /* passed over */
    release_as(&alice, &done.unknown, 1, 0);
    echo(&ipid);
    release_as(&alice, &ipid, UINT32_MAX, 0);        /* clamped: the private one is left */
    echo(&ipid);
    for (int i = 0; i < 3; i++) assert_int_equal(add_ref(&alice, &ipid, UINT32_MAX, UINT32_MAX), 0);
    release_as(&alice, &ipid, UINT32_MAX, UINT32_MAX);
    echo(&ipid);                                     /* no count wrapped */
    for (int i = 0; i < 3; i++) release_as(&alice, &ipid, UINT32_MAX, UINT32_MAX);
    assert_int_equal(things_closed, 1);
    assert_int_equal(things_freed, 1);
    assert_int_equal(counts().ipids, 0);
    assert_int_equal(fault_of(&ipid, 3, request_of(7, 0, NULL, NULL), &alice), DCOM_E_DISCONNECTED);
    release_as(&alice, &ipid, 1, 0);                 /* twice, as some do */
}

/* Stubs of impacket, whose IPID is made to be ours. */
static void stubs_of_a_client(void **state)
{
    static const struct { const char *name; uint16_t opnum; size_t at; } stubs[] = {
        { "RemQueryInterface", 3, 32 }, { "RemAddRef", 4, 40 }, { "RemRelease", 5, 40 } };
    activate();
    for (size_t i = 0; i < 3; i++) {
        struct slice s = load(stubs[i].name);
        memcpy((char *)(uintptr_t)s.p + stubs[i].at, &ref.std.ipid, 16);
        call_init(&f, offered(server, DCOM_EXPORTER, I_UNKNOWN), stubs[i].opnum, s);
        f.rpc.has_object = true;
        f.rpc.object = done.unknown;
        call_run(&f);
        assert_int_equal(reply_of(NULL, NULL), 0);
        call_free(&f);
    }
    assert_int_equal(counts().ipids, 2);
    assert_int_equal(echo(&ref.std.ipid), 1);
}

static void limits(void **state)
{
    struct dcom_settings settings = fake_settings(NULL);
    settings.max_objects_user = 3;
    settings.max_objects = 5;
    settings.max_sets_user = 2;
    dcom_server_free(server);
    assert_int_equal(dcom_server_new(&settings, &server, NULL), CIMF_OK);
    struct slice stub = load("RemoteCreateInstance");
    for (int i = 0; i < 3; i++) assert_int_equal(activate_as(&alice, stub, 4, &done, &ref), 0);
    assert_int_equal(activate_as(&alice, stub, 4, &done, &ref), DCOM_E_OUTOFMEMORY);
    for (int i = 0; i < 2; i++) assert_int_equal(activate_as(&bob, stub, 4, &done, &ref), 0);
    assert_int_equal(activate_as(&bob, stub, 4, &done, &ref), DCOM_E_OUTOFMEMORY);
    release_as(&bob, &ref.std.ipid, 5, 0);
    assert_int_equal(activate_as(&bob, stub, 4, &done, &ref), 0);
    struct dcom_ping_change c = { 0 };
    for (int i = 0; i < 2; i++) {
        c.set = 0;
        assert_int_equal(dcom_ping_change(server, &alice, &c), 0);
    }
    c.set = 0;
    assert_int_not_equal(dcom_ping_change(server, &alice, &c), 0);
    assert_int_equal(dcom_ping_change(server, &bob, &c), 0);
}

/* ---- resolver ---- */

struct resolved {
    struct dcom_version version;
    struct dcom_dual *bindings;
    struct guid unknown;
    uint32_t hint, status, reserved;
    uint64_t set;
    uint16_t backoff;
};
#define RESOLVED(field, what) { NDR_AT(struct resolved, field, what), .flags = NDR_OUT }
static const struct ndr_row dual_row = { NDR_AT(struct resolved, bindings, PTR), .flags = NDR_OUT, .of = &dcom_dual_type };
static struct ndr_row resolve_rows[5] = { [1] = RESOLVED(unknown, GUID), RESOLVED(hint, U32),
    { NDR_AT(struct resolved, version, STRUCT), .flags = NDR_OUT, .of = &dcom_version_type }, RESOLVED(status, U32) };
static const struct ndr_type resolve2_type = NDR_TYPE("ResolveOxid2", struct resolved, resolve_rows);

/* A native call; the answer as it is. */
static struct slice native(uint16_t opnum, struct slice stub, const struct principal *p, enum rpc_level level)
{
    call_init(&f, offered(server, DCOM_RESOLVER, I_RESOLVER), opnum, stub);
    f.rpc.principal = p;
    f.rpc.level = level;
    call_run(&f);
    assert_true(f.answered);
    struct slice s = arena_dup(&arena, buf_slice(&f.rpc.reply));
    call_free(&f);
    return s;
}

static uint32_t last_word(struct slice s)
{
    struct cursor c = cursor_of(slice_sub(s, s.n - 4));
    return cursor_u32le(&c);
}

/* covers: wmi-dcom:D1 wmi-dcom:D5 */
static void resolve(void **state)
{
    struct resolved r = { 0 };
    struct dcom_bindings b;
    struct ndr_reader reader;
    struct slice stub = load("ResolveOxid2"), answer;
    activate();
    resolve_rows[0] = dual_row;
    answer = native(4, stub, &alice, RPC_LEVEL_CONNECT);
    assert_int_equal(last_word(answer), DCOM_INVALID_OXID);
    assert_memory_equal(answer.p, "\0\0\0\0", 4);
    memcpy((char *)(uintptr_t)stub.p, &done.oxid, 8);
    ndr_reader_init(&reader, &arena, native(4, stub, &alice, RPC_LEVEL_CONNECT), false);
    assert_int_equal(ndr_read_parameters(&reader, &resolve2_type, NDR_OUT, &r, NULL), CIMF_OK);
    assert_int_equal(r.status, 0);
    assert_true(guid_eq(&r.unknown, &done.unknown));
    assert_int_equal(r.hint, 5);
    assert_int_equal(r.version.minor, 7);
    assert_int_equal(dcom_dual_parse(&arena, r.bindings, &b, NULL), CIMF_OK);
    assert_int_equal(b.strings[0].port, 49152);
    stub = load("ResolveOxid");
    memcpy((char *)(uintptr_t)stub.p, &done.oxid, 8);
    answer = native(0, stub, &alice, RPC_LEVEL_CONNECT);
    assert_int_equal(last_word(answer), 0);
    assert_int_equal(answer.n, reader.c.at - reader.c.start - 4); /* without the version */
    native(0, stub, NULL, RPC_LEVEL_NONE);
    assert_int_equal(f.fault, RPC_FAULT_ACCESS_DENIED);
    native(4, slice_head(stub, 9), &alice, RPC_LEVEL_CONNECT);
    assert_int_equal(f.fault, RPC_FAULT_BAD_STUB);
}

/* covers: wmi-dcom:D4 wmi-dcom:D6 */
static void alive(void **state)
{
    struct slice s = native(3, SLICE(""), NULL, RPC_LEVEL_NONE);
    assert_int_equal(f.fault, 0);
    assert_int_equal(s.n, 4);
    assert_int_equal(last_word(s), 0);
    s = native(5, SLICE(""), NULL, RPC_LEVEL_NONE);
    assert_int_equal(f.fault, 0);
    assert_int_equal(last_word(s), 0);
    struct ndr_reader r;
    struct dcom_dual d;
    struct dcom_bindings b;
    ndr_reader_init(&r, &arena, s, false);
    assert_memory_equal(cursor_bytes(&r.c, 4).p, "\5\0\7\0", 4);
    assert_true(cursor_u32le(&r.c) != 0);
    assert_int_equal(ndr_read(&r, &dcom_dual_type, &d, NULL), CIMF_OK);
    assert_int_equal(dcom_dual_parse(&arena, &d, &b, NULL), CIMF_OK);
    assert_int_equal(b.string_count, 5);
    for (unsigned i = 0; i < b.string_count; i++) assert_int_equal(b.strings[i].port, 0);
    assert_int_equal(offered(server, DCOM_RESOLVER, I_RESOLVER)->floor, RPC_LEVEL_NONE);
}

static struct slice complex_ping(uint64_t set, uint16_t sequence, const uint64_t *add, uint16_t adds, const uint64_t *del, uint16_t dels)
{
    struct buf b;
    struct ndr_writer w;
    uint32_t counts_[] = { adds, dels };
    const uint64_t *lists[] = { add, del };
    buf_init(&b, 0);
    ndr_writer_init(&w, &b);
    ndr_write(&w, &ndr_u64, &set);
    ndr_write(&w, &ndr_u16, &sequence);
    ndr_write(&w, &ndr_u16, &adds);
    ndr_write(&w, &ndr_u16, &dels);
    for (int i = 0; i < 2; i++) {
        uint32_t referent = counts_[i] ? 7 : 0;
        ndr_write(&w, &ndr_u32, &referent);
        if (referent) ndr_write(&w, &ndr_u32, &counts_[i]);
        for (uint32_t k = 0; k < counts_[i]; k++) ndr_write(&w, &ndr_u64, &lists[i][k]);
    }
    return hold(&b);
}

static uint64_t first_long(struct slice s)
{
    struct cursor c = cursor_of(s);
    return cursor_u64le(&c);
}

/* covers: wmi-dcom:D2 wmi-dcom:D3 wmi-dcom:D12 */
static void pings(void **state)
{
    activate();
    uint64_t oids[] = { ref.std.oid, 0x1234, ref.std.oid };
    struct slice s = native(2, complex_ping(0, 1, oids, 3, NULL, 0), &alice, RPC_LEVEL_CONNECT); /* unknown ones are passed over */
    uint64_t set = first_long(s);
    assert_int_equal(last_word(s), 0);
    assert_true(set > 0 && set < 65536);
    assert_int_equal(counts().sets, 1);
    struct slice simple = slice_of((char *)&set, 8);
    for (int i = 0; i < 10; i++) { /* twenty minutes */
        fake_time += MINUTES(2);
        assert_int_equal(last_word(native(1, simple, &alice, RPC_LEVEL_CONNECT)), 0);
        dcom_server_tick(server);
    }
    assert_int_equal(things_closed, 0);
    assert_int_equal(last_word(native(1, simple, &bob, RPC_LEVEL_CONNECT)), DCOM_INVALID_SET);
    assert_int_equal(last_word(native(2, complex_ping(set, 9, NULL, 0, oids, 1), &bob, RPC_LEVEL_CONNECT)), DCOM_INVALID_SET);
    fake_time += MINUTES(6);
    dcom_server_tick(server);
    assert_int_equal(things_closed, 0); /* exactly three periods */
    fake_time += 1;
    dcom_server_tick(server);
    assert_int_equal(things_closed, 1);
    assert_int_equal(things_freed, 1);
    assert_int_equal(counts().sets, 0);
    assert_int_equal(last_word(native(1, simple, &alice, RPC_LEVEL_CONNECT)), DCOM_INVALID_SET);
    native(1, simple, NULL, RPC_LEVEL_NONE);
    assert_int_equal(f.fault, RPC_FAULT_ACCESS_DENIED);
}

static void pings_that_change(void **state)
{
    activate();
    uint64_t oid = ref.std.oid;
    uint64_t set = first_long(native(2, complex_ping(0, 5, NULL, 0, NULL, 0), &alice, RPC_LEVEL_CONNECT));
    assert_int_equal(last_word(native(2, complex_ping(set, 4, &oid, 1, NULL, 0), &alice, RPC_LEVEL_CONNECT)), 0); /* late: ignored */
    assert_int_equal(dcom_oid_find(server, oid)->sets, 0);
    assert_int_equal(last_word(native(2, complex_ping(set, 5, &oid, 1, NULL, 0), &alice, RPC_LEVEL_CONNECT)), 0);
    assert_int_equal(dcom_oid_find(server, oid)->sets, 1);
    uint64_t bobs = first_long(native(2, complex_ping(0, 0, &oid, 1, NULL, 0), &bob, RPC_LEVEL_CONNECT)); /* holds nothing of alice's */
    assert_true(bobs != set);
    assert_int_equal(dcom_oid_find(server, oid)->sets, 1);
    uint64_t gone[] = { 77, oid, oid };
    assert_int_equal(last_word(native(2, complex_ping(set, 6, NULL, 0, gone, 3), &alice, RPC_LEVEL_CONNECT)), 0);
    assert_int_equal(dcom_oid_find(server, oid)->sets, 0);
    fake_time += MINUTES(2) + 1; /* deleted from its set, and not called since: a period is enough */
    dcom_server_tick(server);
    assert_int_equal(things_closed, 1);
}

/* A set that outlives many objects does not grow with them. */
static void a_long_life(void **state)
{
    uint64_t set = first_long(native(2, complex_ping(0, 0, NULL, 0, NULL, 0), &alice, RPC_LEVEL_CONNECT));
    for (int i = 0; i < 100; i++) {
        activate();
        native(2, complex_ping(set, 0, &ref.std.oid, 1, NULL, 0), &alice, RPC_LEVEL_CONNECT);
        release_as(&alice, &ref.std.ipid, 5, 0);
    }
    struct dcom_set *in = map_get(&server->sets, slice_of((char *)&set, 8));
    assert_true(in->room <= 16);
    assert_int_equal(counts().objects, 0);
}

/* Nobody pings, nobody releases: an object ends when it was idle for long enough, not while a call is at work. */
static void idle(void **state)
{
    struct echo e = { .text = SLICE("x") };
    activate();
    struct thing *t = last_thing;
    fake_time += MINUTES(6);
    dcom_server_tick(server);
    echo(&ref.std.ipid);
    fake_time += MINUTES(6);
    dcom_server_tick(server);
    call_object(&ref.std.ipid, 4, request_of(7, 0, &echo_type, &e), &alice, 0);
    struct fake_call held = f;
    fake_time += MINUTES(60);
    dcom_server_tick(server);
    assert_int_equal(things_closed, 0);
    current = &loops[0];
    f = held;
    dcom_reply(t->held, t->record, 0);
    current = NULL;
    call_free(&f);
    fake_time += MINUTES(6) + 1;
    dcom_server_tick(server); /* from no loop at all: it ends at home */
    assert_int_equal(things_closed, 0);
    turn(0);
    assert_int_equal(things_closed, 1);
    assert_int_equal(things_freed, 1);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(create_instance), T(class_object), T(remote_activation), T(what_cannot_be_activated), T(what_is_refused), T(lenient),
        T(extensions), T(homes), T(later), T(objects_from_calls), T(query_interface), T(query_interface2), T(counting),
        T(stubs_of_a_client), T(limits), T(resolve), T(alive), T(pings), T(pings_that_change), T(a_long_life), T(idle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
