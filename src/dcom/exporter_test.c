/* Calls to objects and references to them, and what callers may not do. */
#include "dcom/test_client.h"

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

/* A call is on its way to the object's home when a client there lets the object go: it is answered all the same. */
static void released_on_the_way(void **state)
{
    struct echo e = { .text = SLICE("x") };
    struct fake_call other;
    activate();
    echo(&ref.std.ipid);
    call_object(&ref.std.ipid, 3, request_of(7, 0, &echo_type, &e), &alice, 1);
    struct reference r = { ref.std.ipid, 5, 0 };
    struct references a = { 1, &r, NULL };
    call_init(&other, offered(server, DCOM_EXPORTER, I_UNKNOWN), 5, request_of(7, 0, &references_type, &a));
    other.rpc.has_object = true;
    other.rpc.object = done.unknown;
    call_run(&other);
    assert_true(other.answered);
    call_free(&other);
    assert_int_equal(things_closed, 1);
    turn(0);
    turn(1);
    assert_true(f.answered);
    assert_int_equal(f.fault, DCOM_E_DISCONNECTED);
    assert_int_equal(things_freed, 1);
    call_free(&f);
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

/* ---- what impacket sends to WMI ---- */

struct get_object {
    struct slice path;
    uint32_t flags;
    struct slice context, *object, *result;
};
static const struct ndr_row get_rows[] = {
    { NDR_AT(struct get_object, path, BSTR), .flags = NDR_IN },
    { NDR_AT(struct get_object, flags, U32), .flags = NDR_IN },
    { NDR_AT(struct get_object, context, INTERFACE), .flags = NDR_IN },
    { NDR_AT(struct get_object, object, PTR), .flags = NDR_IN | NDR_OUT, .of = &ndr_interface },
    { NDR_AT(struct get_object, result, PTR), .flags = NDR_IN | NDR_OUT, .of = &ndr_interface },
};
static const struct ndr_type get_type = NDR_TYPE("GetObject", struct get_object, get_rows);
struct exec_query {
    struct slice language, query;
    uint32_t flags;
    struct slice context;
};
static const struct ndr_row query_in_rows[] = {
    { NDR_AT(struct exec_query, language, BSTR), .flags = NDR_IN },
    { NDR_AT(struct exec_query, query, BSTR), .flags = NDR_IN },
    { NDR_AT(struct exec_query, flags, U32), .flags = NDR_IN },
    { NDR_AT(struct exec_query, context, INTERFACE), .flags = NDR_IN },
};
static const struct ndr_type exec_query_type = NDR_TYPE("ExecQuery", struct exec_query, query_in_rows);
struct login {
    struct slice resource, locale;
    uint32_t flags;
    struct slice context;
};
static const struct ndr_row login_rows[] = {
    { NDR_AT(struct login, resource, STRING), .flags = NDR_IN | NDR_UNIQUE },
    { NDR_AT(struct login, locale, STRING), .flags = NDR_IN | NDR_UNIQUE },
    { NDR_AT(struct login, flags, U32), .flags = NDR_IN },
    { NDR_AT(struct login, context, INTERFACE), .flags = NDR_IN },
};
static const struct ndr_type login_type = NDR_TYPE("NTLMLogin", struct login, login_rows);

static void read_stub(const char *name, const struct ndr_type *t, void *record)
{
    struct dcom_this header = { 0 };
    struct ndr_reader r;
    ndr_reader_init(&r, &arena, load(name), false);
    assert_int_equal(dcom_this_read(&r, false, &header), 0);
    assert_int_equal(ndr_read_parameters(&r, t, NDR_IN, record, NULL), CIMF_OK);
}

/* Its pairs are eight octets too long each: the first is there, the second looks like none. A terminator is counted in one
 * text and not in the other. */
static void parameters_of_a_client(void **state)
{
    struct get_object g = { 0 };
    struct exec_query q = { 0 };
    struct login l = { 0 };
    read_stub("GetObject", &get_type, &g);
    assert_slice(g.path, "Win32_Process");
    assert_non_null(g.object);
    assert_null(g.object->p);
    assert_null(g.result);
    read_stub("ExecQuery", &exec_query_type, &q);
    assert_slice(q.language, "WQL");
    assert_slice(q.query, "select * from Win32_Process");
    assert_int_equal(q.flags, 0x30);
    read_stub("NTLMLogin", &login_type, &l);
    assert_slice(l.resource, "//./root");
    assert_null(l.locale.p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(what_is_refused), T(lenient), T(extensions), T(homes), T(released_on_the_way), T(later), T(objects_from_calls), T(query_interface),
        T(query_interface2), T(counting), T(stubs_of_a_client), T(limits), T(parameters_of_a_client),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
