/* Asynchronous calls over a fake object manager and fake sinks: what comes, in which order, and what ends it; events from clients.
 * NextAsync: next_async_test.c. */
#include "wmi/async_harness.h"

static void test_one_object(void **state)
{
    for (int async = 0; async < 2; async++) {
        f.m.mode = async ? FAKE_ASYNC : FAKE_SYNC;
        assert_int_equal(call(7, class_of(0)), 0);
        assert_int_equal(fake_sink[0].statuses, async); /* nothing waits for the client */
        fake_run();
        assert_int_equal(fake_sink[0].indicates, async + 1);
        assert_int_equal(fake_sink[0].received, async + 1);
        assert_int_equal(fake_sink[0].statuses, async + 1);
        assert_int_equal(fake_sink[0].last.flags, 0);
        assert_int_equal(fake_sink[0].last.hresult, 0);
        assert_int_equal(fake_sink[0].causality.data1, 7);
        assert_null(fake_sink[0].last.object.p);
        assert_int_equal(fake_sink[0].most, 1);
    }
}

/* The same objects, byte for byte, whether they are asked for or sent. */
static void test_the_same_as_asked_for(void **state)
{
    static const uint16_t opnums[] = { 12, 18, 20 };
    for (unsigned k = 0; k < 3; k++) {
        struct client_call c, next;
        struct stub_services r = query_of(k);
        struct stub_next want = { .timeout = WMI_INFINITE, .count = 100 };
        if (opnums[k] != 20) r.text = SLICE("MyClass");
        if (opnums[k] == 12) r.text = SLICE("Base");
        client_init(&c, services, 0, opnums[k]);
        client_run(&c, &r);
        fake_run();
        assert_int_equal(c.hresult, 0);
        struct dcom_object *e = client_object(((struct stub_services *)c.out)->enumerator);
        client_end(&c);
        client_init(&next, e, 0, 4);
        client_run(&next, &want);
        fake_run();
        assert_int_equal(next.hresult, 1);
        const struct stub_next *got = next.out;
        for (int async = 0; async < 2; async++) {
            f.m.mode = async ? FAKE_ASYNC : FAKE_SYNC;
            fake_sink[k].received = 0;
            assert_int_equal(call(opnums[k] + 1, r), 0);
            fake_run();
            assert_int_equal(fake_sink[k].last.hresult, 0);
            assert_int_equal(fake_sink[k].received, got->returned);
            for (uint32_t i = 0; i < got->returned; i++) {
                assert_int_equal(fake_sink[k].objects[i].n, got->objects[i].n);
                assert_memory_equal(fake_sink[k].objects[i].p, got->objects[i].p, got->objects[i].n);
            }
        }
        client_end(&next);
        client_release(e);
        fake_run();
    }
}

/* An Indicate at a time, and no more objects than fit into two of them while the client thinks. */
static void test_a_client_that_thinks(void **state)
{
    for (int async = 0; async < 2; async++) {
        struct fake_sink *s = &fake_sink[async];
        f.m.mode = async ? FAKE_ASYNC : FAKE_SYNC;
        s->hold = true;
        assert_int_equal(call(21, query_of((unsigned)async)), 0);
        fake_run();
        assert_int_equal(s->indicates, 1);
        assert_int_equal(f.m.active, 1);
        unsigned first = s->received;
        for (unsigned rounds = 0; s->received < 20; rounds++) {
            assert_true(s->received <= first + 8 * rounds);
            assert_int_equal(s->statuses, 0);
            fake_sink_answer((unsigned)async, false, 0x400ff); /* WBEM_S_NEW_STYLE is no failure */
            fake_run();
        }
        assert_int_equal(f.m.active, 0);
        assert_int_equal(s->statuses, 0); /* the last Indicate is still out */
        fake_sink_answer((unsigned)async, false, 0);
        fake_run();
        assert_int_equal(s->statuses, 1);
        assert_int_equal(s->last.hresult, 0);
        assert_int_equal(s->most, 1);
        fake_sink_answer((unsigned)async, true, DCOM_E_DISCONNECTED); /* nobody minds any more */
        fake_run();
    }
}

/* covers: wmi-dcom:W25 */
static void test_an_indicate_that_fails(void **state)
{
    for (int how = 0; how < 3; how++) {
        struct fake_sink *s = &fake_sink[how];
        s->hold = how == 1;                    /* never answers: the call fails when its time is over */
        s->dead = how == 2;
        s->answer = how ? 0 : 0x80041001;
        assert_int_equal(call(21, query_of((unsigned)how)), 0);
        fake_run();
        if (how == 1) {
            assert_int_equal(s->statuses, 0);
            s->hold = false;
            fake_sink_answer(1, true, 0x8007071a);
            fake_run();
        }
        assert_int_equal(f.m.active, 0);
        assert_int_equal(f.m.cancelled, how + 1);
        assert_int_equal(s->indicates, how != 2);
        assert_int_equal(s->statuses, how != 2);
        if (how != 2) assert_int_equal(s->last.hresult, 0x80041032);
        assert_int_equal(s->most, how != 2);
    }
    assert_int_equal(fake_sink[2].tries, 1); /* who is not there is not called twice */
}

/* covers: wmi-dcom:W24 */
static void test_cancelled(void **state)
{
    assert_int_equal(call(4, (struct stub_services){ 0 }), 0x80041008);
    assert_int_equal(call(4, (struct stub_services){ .sink = SLICE("MEOW") }), DCOM_E_INVALID_OBJREF);
    assert_int_equal(cancel(0), 0x80041002);
    fake_sink[0].hold = true; /* from inside Indicate, as it were */
    f.m.mode = FAKE_ASYNC;
    assert_int_equal(call(21, query_of(0)), 0);
    assert_int_equal(call(21, query_of(0)), 0);
    assert_int_equal(call(21, query_of(1)), 0);
    fake_sink[1].hold = true;
    fake_run();
    assert_int_equal(fake_sink[0].indicates, 2);
    assert_int_equal(cancel(0), 0);
    fake_run();
    assert_int_equal(fake_sink[0].statuses, 2); /* though the client has not come back from Indicate */
    assert_int_equal(fake_sink[0].last.hresult, 0x80041032);
    assert_int_equal(fake_sink[1].statuses, 0);
    assert_int_equal(cancel(0), 0x80041002);
    assert_int_equal(f.m.active, 1);
    fake_sink_answer(0, false, 0);
    fake_run();
    assert_int_equal(fake_sink[0].indicates, 2);
    assert_int_equal(fake_sink[0].statuses, 2);
    while (!fake_sink[1].statuses) {
        fake_sink_answer(1, false, 0);
        fake_run();
    }
    assert_int_equal(fake_sink[1].received, 20);
    fake_sink_answer(1, false, 0);
    fake_run();
    assert_int_equal(cancel(1), 0x80041002);
}

/* Before there is anything to tell, and by another account. */
static void test_cancelled_before_it_began(void **state)
{
    struct client_call c;
    struct stub_services r = { .sink = fake_sink_reference(0) };
    static struct principal mallory = { .magic = 0x50524e43, .refs = 1 << 20, .name = { "mallory", 7 }, .scheme = AUTH_NTLM,
                                        .sid = "S-1-5-21-9" };
    f.m.mode = FAKE_BLOCK;
    assert_int_equal(call(21, query_of(0)), 0);
    client_init(&c, services, 0, 4);
    c.c.principal = &mallory;
    client_run(&c, &r);
    assert_int_equal(c.hresult, 0x80041002);
    client_end(&c);
    assert_int_equal(cancel(0), 0);
    fake_run();
    assert_int_equal(fake_sink[0].indicates, 0);
    assert_int_equal(fake_sink[0].statuses, 1);
    assert_int_equal(f.m.active, 0);
}

static void test_why_it_failed(void **state)
{
    f.m.fail = CIMF_PROVIDER_FAILURE;
    f.m.fail_after = 3;
    for (int how = 0; how < 3; how++) {
        struct fake_sink *s = &fake_sink[how];
        struct stub_services r = query_of((unsigned)how);
        r.flags = how == 2 ? 0x40 : 0x80; /* no error object; send status */
        f.m.mode = how == 1 ? FAKE_ASYNC : FAKE_SYNC;
        assert_int_equal(call(21, r), 0);
        fake_run();
        assert_int_equal(s->received, 3);
        assert_int_equal(s->statuses, 1);
        assert_int_equal(s->last.hresult, 0x80041004);
        assert_int_equal(s->last.object.p != NULL, how != 2);
        if (how == 2) continue;
        struct arena a;
        struct wmio_object got;
        struct dcom_objref objref;
        arena_init(&a, 0);
        struct wmio_read read = { .arena = &a };
        assert_int_equal(dcom_objref_read(&a, s->last.object, &objref, NULL), 0);
        assert_int_equal(wmio_read_unit(&read, objref.data, &got, NULL), 0);
        struct cim_value v;
        assert_slice(got.instance->cls->name, "__ExtendedStatus");
        assert_int_equal(cim_get_named(&a, got.instance, SLICE("StatusCode"), &v), 0);
        assert_int_equal(v.v.u, 0x80041004);
        assert_int_equal(cim_get_named(&a, got.instance, SLICE("Operation"), &v), 0);
        assert_slice(v.v.s, "ExecQuery");
        assert_int_equal(cim_get_named(&a, got.instance, SLICE("Description"), &v), 0);
        assert_slice(v.v.s, "the fake says no");
        arena_free(&a);
    }
}

/* What can be known before it begins is the answer; the sink hears nothing. */
static void test_refused(void **state)
{
    static const struct { uint16_t opnum; uint32_t flags; } bad[] = {
        { 7, 0x10 }, { 9, 0x10 }, { 11, 1 }, { 13, 0x20 }, { 15, 0x20 }, { 17, 0x10 }, { 19, 0x10 }, { 21, 0x30 }, { 23, 0x30 },
        { 25, 0x10 },
    };
    struct stub_services r = query_of(0);
    for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct client_call c;
        struct stub_services none = r, flags = r;
        none.sink = SLICE_NULL;
        flags.flags = bad[i].flags;
        assert_int_equal(call(bad[i].opnum, none), 0x80041008);
        assert_int_equal(call(bad[i].opnum, flags), 0x80041008);
        client_init(&c, services, 0, bad[i].opnum);
        c.c.flags = MECH_IDENTIFY;
        client_run(&c, &none);
        assert_int_equal(c.hresult, 0x80041003);
        client_end(&c);
    }
    r.sink = SLICE("SINK9");
    assert_int_equal(call(21, r), DCOM_E_INVALID_OBJREF);
    r = query_of(0);
    r.text = SLICE("SQL");
    assert_int_equal(call(21, r), 0x80041018);
    r.text = SLICE("WQL");
    r.method = SLICE_NULL;
    assert_int_equal(call(23, r), 0x80041008);
    r = (struct stub_services){ .sink = fake_sink_reference(0) };
    assert_int_equal(call(9, r), 0x80041008);
    assert_int_equal(call(17, r), 0x80041008);
    f.m.no_schema = true;
    assert_int_equal(call(7, class_of(0)), 0x8004100e);
    fake_run();
    assert_int_equal(f.m.submitted, 2); /* the login was the first */
    assert_int_equal(fake_sink[0].indicates + fake_sink[0].statuses, 0);
    assert_int_equal(fake_sink[0].proxies, 0);
}

/* That there is no such thing turns out at work. */
static void test_what_is_not_there(void **state)
{
    struct stub_services r = class_of(0);
    r.text = SLICE("Nowhere");
    assert_int_equal(call(7, r), 0);
    fake_run();
    assert_int_equal(fake_sink[0].indicates, 0);
    assert_int_equal(fake_sink[0].last.hresult, 0x80041010);
}

static void test_the_empty_class(void **state)
{
    struct stub_services r = { .sink = fake_sink_reference(0) };
    assert_int_equal(call(7, r), 0);
    fake_run();
    assert_int_equal(fake_sink[0].received, 1);
    assert_int_equal(fake_sink[0].last.hresult, 0);
}

static void test_what_was_written(void **state)
{
    struct arena a;
    arena_init(&a, 0);
    struct stub_services r = { .object = instance_reference(&a, 77), .flags = 2, .sink = fake_sink_reference(0) };
    assert_int_equal(call(15, r), 0);
    fake_run();
    assert_int_equal(fake_sink[0].received, 0);
    assert_int_equal(fake_sink[0].last.hresult, 0);
    assert_slice(fake_sink[0].last.text, "\\\\HOST\\root\\test:MyClass.id=77");
    arena_free(&a);
}

static void test_a_method(void **state)
{
    struct stub_services r = { .text = SLICE("MyClass"), .method = SLICE("Ping"), .sink = fake_sink_reference(0) };
    assert_int_equal(call(25, r), 0);
    fake_run();
    assert_int_equal(fake_sink[0].received, 1);
    assert_int_equal(fake_sink[0].last.hresult, 0);
    r.method = SLICE("Pong");
    assert_int_equal(call(25, r), 0);
    fake_run();
    assert_int_equal(fake_sink[0].received, 1);
    assert_int_equal(fake_sink[0].last.hresult, 0x8004102e);
}

static void test_too_many(void **state)
{
    f.server->settings.sinks_user = 5;
    f.m.mode = FAKE_SYNC;
    for (unsigned i = 0; i < 4; i++) fake_sink[i].hold = true;
    for (unsigned i = 0; i < 5; i++) assert_int_equal(call(7, class_of(0)), 0);
    assert_int_equal(call(7, class_of(1)), 0x8004106c);
    f.server->settings.sinks = 5;
    f.server->settings.sinks_user = 6;
    assert_int_equal(call(7, class_of(1)), 0x80041045);
    assert_int_equal(fake_sink[1].proxies, 0);
    fake_sink[0].hold = false;
    fake_sink_answer(0, false, 0);
    fake_run();
    assert_int_equal(fake_sink[0].statuses, 5);
    assert_int_equal(call(7, class_of(2)), 0);
    fake_sink[2].hold = false;
    fake_run();
    fake_sink_answer(2, false, 0);
    fake_run();
}

static void test_a_server_that_stops(void **state)
{
    fake_sink[2].hold = true; /* within Indicate */
    assert_int_equal(call(21, query_of(2)), 0);
    f.m.mode = FAKE_BLOCK;
    assert_int_equal(call(21, query_of(0)), 0);
    wmi_server_stop(f.server);
    fake_run();
    assert_int_equal(f.m.active, 0);
    for (unsigned i = 0; i < 3; i += 2) {
        assert_int_equal(fake_sink[i].statuses, 1);
        assert_int_equal(fake_sink[i].last.hresult, 0x80041032);
    }
    assert_int_equal(call(21, query_of(1)), 0x80041033);
    fake_sink_answer(2, true, DCOM_E_SERVER_STOPPING);
    fake_run();
    assert_int_equal(fake_sink[1].statuses, 0);
}

/* ---- QueryObjectSink ---- */

static struct dcom_object *event_sink(uint32_t flags, uint32_t expected)
{
    struct client_call c;
    struct stub_services r = { .flags = flags };
    client_init(&c, services, 0, 5);
    client_run(&c, &r);
    fake_run();
    assert_true(c.answered);
    assert_int_equal(c.hresult, expected);
    struct dcom_object *o = expected ? NULL : client_object(((struct stub_services *)c.out)->enumerator);
    client_end(&c);
    return o;
}

static uint32_t send(struct dcom_object *o, uint16_t opnum, void *record, enum rpc_level level)
{
    struct client_call c;
    client_init(&c, o, 0, opnum);
    c.c.level = level;
    client_run(&c, record);
    fake_run();
    assert_true(c.answered);
    uint32_t hresult = c.hresult;
    client_end(&c);
    return hresult;
}

static void test_events_from_clients(void **state)
{
    struct arena a;
    arena_init(&a, 0);
    for (int async = 0; async < 2; async++) {
        f.m.mode = async ? FAKE_ASYNC : FAKE_SYNC;
        f.m.events = 0;
        event_sink(1, 0x80041008);
        struct dcom_object *o = event_sink(0, 0);
        struct slice objects[3] = { instance_reference(&a, 1), instance_reference(&a, 2), instance_reference(&a, 3) };
        struct stub_indicate r = { .count = 3, .objects = objects };
        struct stub_status ok = { .flags = 0 }, progress = { .flags = 2 }, unknown = { .flags = 1 };
        assert_int_equal(send(o, 3, &r, RPC_LEVEL_INTEGRITY), 0);
        assert_int_equal(f.m.events, 3);
        assert_int_equal(send(o, 3, &r, RPC_LEVEL_CONNECT), 0x80041003);
        objects[1] = SLICE("what?");
        assert_int_equal(send(o, 3, &r, RPC_LEVEL_INTEGRITY), 0x8004100f);
        assert_int_equal(f.m.events, 3);
        r.count = 0;
        assert_int_equal(send(o, 3, &r, RPC_LEVEL_INTEGRITY), 0x80041008);
        assert_int_equal(send(o, 4, &ok, RPC_LEVEL_INTEGRITY), 0);
        assert_int_equal(send(o, 4, &progress, RPC_LEVEL_INTEGRITY), 0);
        assert_int_equal(send(o, 4, &unknown, RPC_LEVEL_INTEGRITY), 0x80041008);
        r.count = 1;
        f.m.fail = CIMF_NOT_EVENT_CLASS;
        assert_int_equal(send(o, 3, &r, RPC_LEVEL_INTEGRITY), 0x80041059);
        event_sink(0, 0x80041059); /* whatever the object manager says */
        f.m.fail = CIMF_OK;
        client_release(o);
    }
    arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_one_object), T(test_the_same_as_asked_for), T(test_a_client_that_thinks), T(test_an_indicate_that_fails),
        T(test_cancelled), T(test_cancelled_before_it_began), T(test_why_it_failed), T(test_refused),
        T(test_what_is_not_there), T(test_the_empty_class), T(test_what_was_written), T(test_a_method), T(test_too_many),
        T(test_a_server_that_stops), T(test_events_from_clients),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
