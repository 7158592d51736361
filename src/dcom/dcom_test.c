/* A server as clients see it: activation, the resolver, pings, and how objects end that nobody releases. */
#include "dcom/test_client.h"

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

/* What was told is told again, for each address of ours its own, until a listener more makes it untrue. */
static void told_again(void **state)
{
    static const char *const at[] = { "192.0.2.1:135", "192.0.2.2:135", "[2001:db8::1]:135" };
    struct dcom_dual first[3][2], again;
    struct dcom_bindings b;
    for (unsigned round = 0; round < 3; round++) {
        if (round == 2) dcom_server_listens_at(server, "[::]:50000");
        for (unsigned i = 0; i < 6; i++) {
            assert_int_equal(dcom_bindings_make(server, &arena, at[i / 2], i % 2, &again), CIMF_OK);
            assert_int_equal(dcom_dual_parse(&arena, &again, &b, NULL), CIMF_OK);
            assert_slice(b.strings[0].host, ((const char *[]){ "192.0.2.1", "192.0.2.2", "2001:db8::1" })[i / 2]);
            assert_int_equal(b.strings[0].port, i % 2 ? round == 2 && i == 5 ? 50000 : 49152 : 0);
            assert_int_equal(dcom_bindings_make(server, &arena, at[i / 2], i % 2, &again), CIMF_OK);
            if (!round) first[i / 2][i % 2] = again;
            assert_true((again.words == first[i / 2][i % 2].words) == (round < 2));
        }
    }
    for (unsigned i = 0; i < 3 * DCOM_TOLD; i++) { /* more than are kept */
        char other[32];
        snprintf(other, sizeof other, "10.0.%u.%u:135", i / 250, i % 250);
        assert_int_equal(dcom_bindings_make(server, &arena, other, true, &again), CIMF_OK);
        assert_int_equal(dcom_dual_parse(&arena, &again, &b, NULL), CIMF_OK);
        assert_int_equal(b.strings[0].host.n, strlen(other) - 4);
    }
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
    assert_int_equal(last_word(native(2, load("ComplexPing"), &alice, RPC_LEVEL_CONNECT)), DCOM_INVALID_SET);
    assert_int_equal(last_word(native(1, load("SimplePing"), &alice, RPC_LEVEL_CONNECT)), DCOM_INVALID_SET);
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

static void over_connection(uint64_t connection, const struct guid *ipid)
{
    calling_connection = connection;
    echo(ipid);
    calling_connection = 0;
}

static void connection_ends(uint64_t connection) { watcher(watcher_arg, connection); }

/* Who never pings but keeps the connection keeps what it called over it last; once that has ended the object has its idle time. */
static void lasting(void **state)
{
    thing_type.lasting = true;
    activate();
    over_connection(5, &ref.std.ipid);
    over_connection(6, &ref.std.ipid);
    connection_ends(5); /* it was not the last one */
    fake_time += MINUTES(600);
    dcom_server_tick(server);
    assert_int_equal(things_closed, 0);
    connection_ends(6);
    fake_time += MINUTES(6);
    dcom_server_tick(server);
    assert_int_equal(things_closed, 0);
    over_connection(7, &ref.std.ipid); /* it came back */
    fake_time += MINUTES(600);
    dcom_server_tick(server);
    assert_int_equal(things_closed, 0);
    connection_ends(7);
    fake_time += MINUTES(6) + 1;
    dcom_server_tick(server);
    turn(0);
    assert_int_equal(things_closed, 1);
    assert_int_equal(server->lines.count, 0);
    thing_type.lasting = false;
}

/* What a connection does not keep: objects that are made for the moment, that were pinged, and of accounts that hold many. */
static void not_lasting(void **state)
{
    for (int i = 0; i < 3; i++) {
        thing_type.lasting = i > 0;
        server->settings.max_objects_user = i == 2 ? 1 : 10000;
        things_closed = 0;
        activate();
        over_connection(5, &ref.std.ipid);
        if (i == 1) {
            uint64_t set = first_long(native(2, complex_ping(0, 0, &ref.std.oid, 1, NULL, 0), &alice, RPC_LEVEL_CONNECT));
            native(2, complex_ping(set, 1, NULL, 0, &ref.std.oid, 1), &alice, RPC_LEVEL_CONNECT);
        }
        fake_time += MINUTES(6) + 1;
        dcom_server_tick(server);
        turn(0);
        assert_int_equal(things_closed, 1);
        connection_ends(5);
    }
    thing_type.lasting = false;
}

/* A child that is given out over a connection lives by it before anybody calls it. */
static void lasting_child(void **state)
{
    struct echo e = { .text = SLICE("x"), .pair = &(struct slice){ 0 } };
    thing_type.lasting = true;
    activate();
    calling_connection = 9;
    call_object(&ref.std.ipid, 6, request_of(7, 0, &echo_type, &e), &alice, 0);
    calling_connection = 0;
    call_free(&f);
    fake_time += MINUTES(600);
    dcom_server_tick(server);
    assert_int_equal(things_closed, 0);
    connection_ends(9);
    fake_time += MINUTES(6) + 1;
    dcom_server_tick(server);
    turn(0);
    assert_int_equal(things_closed, 2);
    thing_type.lasting = false;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(create_instance), T(class_object), T(remote_activation), T(what_cannot_be_activated), T(resolve), T(alive), T(told_again),
        T(pings), T(pings_that_change), T(a_long_life), T(idle), T(lasting), T(not_lasting), T(lasting_child),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
