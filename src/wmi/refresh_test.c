/* Refreshers over a fake object manager, and the classes without use for remote callers. */
#include "base/test.h"

#include "wmi/fake_proxy.h"
#include "wmi/refresh.h"

static struct fake_wmi f;
static struct dcom_object *services;
static struct arena arena;

static void row(const char *name, uint64_t count)
{
    struct cim_instance *in = fake_row(&f.m, "Live");
    cim_put_strz(in, "Name", name);
    cim_put_u64(in, "Count", count);
}

static int setup(void **state)
{
    arena_init(&arena, 0);
    fake_wmi_open(&f);
    fake_fill(&f.m, 3);
    row("a", 1);
    row("b", 2);
    services = fake_wmi_login(&f);
    return 0;
}

static int teardown(void **state)
{
    client_release(services);
    fake_wmi_close(&f);
    arena_free(&arena);
    return 0;
}

static struct stub_refresher_id refresher_id(uint32_t who)
{
    return (struct stub_refresher_id){ .process = 7, .client = { .data1 = who } };
}

/* Runs one call; the answer is kept in *c, which client_end frees. */
static void call(struct client_call *c, struct dcom_object *o, unsigned interface, uint16_t opnum, void *record)
{
    client_init(c, o, interface, opnum);
    client_run(c, record);
    fake_run();
    assert_true(c->answered);
}

struct added {
    struct dcom_object *refresher;
    uint32_t hresult, type, cancel;
    struct guid id;
    const struct cim_instance *template;
};

static const struct cim_instance *template_at(struct slice objref)
{
    struct wmio_read r = { .arena = &arena };
    struct wmio_object o;
    assert_true(objref.n > 48);
    assert_memory_equal(objref.p, "MEOW\4\0\0\0", 8);
    assert_int_equal(wmio_read_unit(&r, arena_dup(&arena, slice_sub(objref, 48)), &o, NULL), CIMF_OK);
    assert_non_null(o.instance);
    return o.instance;
}

static struct added add_record(struct stub_refresh_add r, uint16_t opnum)
{
    struct client_call c;
    struct added out = { 0 };
    call(&c, services, 1, opnum, &r);
    const struct stub_refresh_add *p = c.out;
    assert_int_equal(p->version, 1);
    out.hresult = c.hresult;
    out.type = p->info.type;
    out.cancel = p->info.cancel;
    if (out.type == REFRESH_REMOTE) {
        out.refresher = client_object(p->info.of.remote.refresher);
        out.id = p->info.of.remote.id;
        out.template = template_at(p->info.of.remote.template);
    } else if (out.type == REFRESH_NON_HIPERF) {
        assert_true(slice_is(p->info.of.other.ns, "root\\test"));
        out.template = template_at(p->info.of.other.template);
    } else {
        assert_int_equal(p->info.of.hresult, 0);
        assert_int_equal(p->info.cancel, 0);
        assert_true(wmi_failed(c.hresult));
    }
    client_end(&c);
    return out;
}

static struct added add(const char *text, uint16_t opnum)
{
    return add_record((struct stub_refresh_add){ .id = refresher_id(1), .text = slice_str(text), .client_version = 2 }, opnum);
}

static struct stub_refresh refreshed(struct dcom_object *o, uint32_t expected)
{
    struct client_call c;
    struct stub_refresh r = { 0 }, out;
    call(&c, o, 0, 3, &r);
    assert_int_equal(c.hresult, expected);
    out = *(struct stub_refresh *)c.out;
    assert_int_equal(out.objects != NULL, !expected);
    struct stub_refreshed *copy = ARENA_ARRAY(&arena, out.count + 1, struct stub_refreshed);
    for (uint32_t i = 0; i < out.count; i++) {
        copy[i] = out.objects[i];
        if (copy[i].size) copy[i].blob = (const uint8_t *)arena_dup(&arena, slice_of((const char *)copy[i].blob, copy[i].size)).p;
    }
    out.objects = copy;
    client_end(&c);
    return out;
}

static const struct cim_instance *instance(struct slice blob, const struct cim_instance *template)
{
    struct wmio_read r = { .arena = &arena };
    const struct cim_instance *in;
    assert_int_equal(wmio_read_refreshed(&r, blob, template->cls, &in, NULL), CIMF_OK);
    return in;
}

static uint64_t number(const struct cim_instance *in, const char *name)
{
    union cim_data v;
    assert_true(cim_get(in, (unsigned)cim_class_property(in->cls, slice_str(name)), &v));
    return v.u;
}

static struct slice blob_of(const struct stub_refreshed *o) { return slice_of((const char *)o->blob, o->size); }

/* covers: wmi-dcom:W35 */
static void test_an_object(void **state)
{
    struct added a = add("Live.Name=\"a\"", 3);
    assert_int_equal(a.type, REFRESH_REMOTE);
    assert_int_equal(number(a.template, "Level"), 7);
    union cim_data v;
    assert_false(cim_get(a.template, 0, &v));
    for (uint64_t n = 10; n < 12; n++) {
        cim_put_u64(f.m.rows[3], "Count", n);
        struct stub_refresh got = refreshed(a.refresher, 0);
        assert_int_equal(got.count, 1);
        assert_int_equal(got.objects[0].request, a.cancel);
        assert_int_equal(got.objects[0].type, BLOB_ALL);
        const struct cim_instance *in = instance(blob_of(&got.objects[0]), a.template);
        assert_int_equal(number(in, "Count"), n);
        assert_int_equal(number(in, "Level"), 7);
    }
    f.m.row_count = 3; /* it goes */
    struct stub_refresh got = refreshed(a.refresher, 0);
    assert_int_equal(got.objects[0].type, BLOB_ERROR);
    assert_int_equal(got.objects[0].size, 0);
    assert_null(got.objects[0].blob);
    client_release(a.refresher);
}

static uint32_t names(const struct stub_refreshed *o, const struct cim_instance *template, uint64_t *sum)
{
    struct cursor c = cursor_of(blob_of(o));
    assert_int_equal(o->type, BLOB_ENUM);
    assert_int_equal(cursor_u32le(&c), 1);
    uint32_t n = cursor_u32le(&c);
    *sum = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t size = cursor_u32le(&c);
        *sum += number(instance(cursor_bytes(&c, size), template), "Count");
    }
    assert_false(c.bad);
    assert_int_equal(cursor_left(&c), 0);
    return n;
}

/* Those of subclasses too, in the shape of the class. */
static void test_all_of_a_class(void **state)
{
    uint64_t sum;
    for (int mode = 0; mode < 2; mode++) {
        f.m.mode = mode ? FAKE_ASYNC : FAKE_SYNC;
        struct added a = add("Live", 5), b = add("live.Name=\"b\"", 3);
        assert_int_equal(a.type, REFRESH_REMOTE);
        assert_true(guid_eq(&a.id, &b.id));
        assert_ptr_equal(a.refresher, b.refresher);
        assert_int_not_equal(a.cancel, b.cancel);
        struct stub_refresh got = refreshed(a.refresher, 0);
        assert_int_equal(got.count, 2);
        assert_int_equal(names(&got.objects[0], a.template, &sum), 2 + mode);
        assert_int_equal(sum, 3 + 100 * mode);
        assert_int_equal(got.objects[1].request, b.cancel);
        assert_int_equal(number(instance(blob_of(&got.objects[1]), b.template), "Count"), 2);
        client_release(a.refresher);
        client_release(b.refresher);
        struct cim_instance *more = fake_row(&f.m, "LiveMore");
        cim_put_u64(more, "Count", 100);
    }
    f.m.row_count = 3;
    struct added a = add("Live", 5);
    struct stub_refresh got = refreshed(a.refresher, 0);
    assert_int_equal(names(&got.objects[0], a.template, &sum), 0);
    client_release(a.refresher);
}

static void test_what_the_repository_keeps(void **state)
{
    struct added a = add("MyClass", 5);
    assert_int_equal(a.hresult, 0);
    assert_int_equal(a.type, REFRESH_NON_HIPERF);
    assert_int_equal(number(a.template, "Level"), 7);
    assert_int_equal(add("LiveMore", 5).type, REFRESH_NON_HIPERF); /* its class is not the provider's */
}

static void test_by_template(void **state)
{
    struct cim_instance *in = cim_instance_new(&arena, cim_schema_class(f.m.schema, SLICE("Live")));
    struct cim_op op = { .verb = CIM_OP_GET_INSTANCE };
    struct buf b;
    buf_init(&b, 0);
    cim_put_strz(in, "Name", "b");
    assert_true(wmi_reference_write(&b, services->self, &op, &in->object));
    struct stub_refresh_add r = { .id = refresher_id(1), .object = buf_slice(&b) };
    struct added a = add_record(r, 4);
    assert_int_equal(a.type, REFRESH_REMOTE);
    struct stub_refresh got = refreshed(a.refresher, 0);
    assert_int_equal(number(instance(blob_of(&got.objects[0]), a.template), "Count"), 2);
    client_release(a.refresher);
    buf_clear(&b);
    assert_true(wmi_reference_write(&b, services->self, &op, &in->cls->object)); /* a class is no template */
    r.object = buf_slice(&b);
    assert_int_equal(add_record(r, 4).hresult, 0x8004100f);
    r.object = SLICE_NULL;
    assert_int_equal(add_record(r, 4).hresult, 0x80041008);
    buf_free(&b);
}

static void test_what_cannot_be_added(void **state)
{
    assert_int_equal(add("Nothing.Name=\"a\"", 3).hresult, 0x80041010);
    assert_int_equal(add("Nothing", 5).hresult, 0x80041010);
    assert_int_equal(add("Live.Name=\"z\"", 3).hresult, 0x80041002);
    assert_int_equal(add("", 3).hresult, 0x80041008);
    assert_int_equal(add("", 5).hresult, 0x80041008);
    assert_int_equal(add("Live.", 3).hresult, 0x8004103a);
    assert_int_equal(add("Live", 3).hresult, 0x8004103a);
    assert_int_equal(add("//./root/other:Live.Name=\"a\"", 3).hresult, 0x8004100e);
    struct stub_refresh_add bad = { .id = refresher_id(1), .text = SLICE("Live"), .context = SLICE("MEOW") };
    assert_int_equal(add_record(bad, 5).hresult, 0x80041007);
    assert_null(f.server->refreshers);
}

/* Through the same services or others of the same user. */
static void test_found_again(void **state)
{
    struct client_call c;
    struct stub_refresh_get r = { .id = refresher_id(1), .client_version = 2 };
    struct added a = add("Live", 5);
    struct dcom_object *more = fake_wmi_login(&f);
    call(&c, more, 1, 7, &r);
    struct stub_refresh_get *p = c.out;
    assert_int_equal(c.hresult, 0);
    assert_int_equal(p->version, 1);
    assert_true(guid_eq(&p->guid, &a.id));
    assert_ptr_equal(client_object(p->refresher), a.refresher);
    client_end(&c);
    client_release(a.refresher);
    client_release(a.refresher);
    client_release(more);
    call(&c, services, 1, 7, &r); /* a new one: the client has to tell it everything */
    p = c.out;
    assert_false(guid_eq(&p->guid, &a.id));
    struct dcom_object *fresh = client_object(p->refresher);
    client_end(&c);
    assert_int_equal(refreshed(fresh, 0).count, 0);
    client_release(fresh);
}

static void test_reconnected(void **state)
{
    struct client_call c;
    struct stub_reconnect_info infos[] = { { 0, SLICE("Live.Name=\"b\"") }, { 1, SLICE("Live") }, { 0, SLICE("Live.Name=\"z\"") },
                                           { 1, SLICE("Nothing") }, { 1, SLICE("MyClass") } };
    static const uint32_t expected[] = { 0, 0, 0x80041002, 0x80041010, 0x80041024 };
    struct stub_reconnect_result results[5] = { 0 };
    struct stub_reconnect r = { .id = refresher_id(1), .count = 5, .infos = infos, .results = results, .client_version = 2 };
    struct stub_refresh_get get = { .id = refresher_id(1) };
    call(&c, services, 1, 8, &r); /* nobody has asked for the refresher yet */
    assert_int_equal(c.hresult, 0x80041016);
    client_end(&c);
    call(&c, services, 1, 7, &get);
    struct dcom_object *o = client_object(((struct stub_refresh_get *)c.out)->refresher);
    client_end(&c);
    call(&c, services, 1, 8, &r);
    const struct stub_reconnect *p = c.out;
    assert_int_equal(c.hresult, 0);
    assert_int_equal(p->version, 1);
    for (int i = 0; i < 5; i++) assert_int_equal(p->results[i].hresult, expected[i]);
    uint32_t id = p->results[0].id;
    client_end(&c);
    struct stub_refresh got = refreshed(o, 0);
    assert_int_equal(got.count, 2);
    assert_int_equal(got.objects[0].request, id);
    assert_int_equal(got.objects[0].type, BLOB_ALL);
    assert_int_equal(got.objects[1].type, BLOB_ENUM);
    infos[1].type = 2;
    call(&c, services, 1, 8, &r);
    assert_int_equal(c.hresult, 0x80041008);
    client_end(&c);
    client_release(o);
}

static uint32_t stop(struct dcom_object *o, uint32_t *ids, uint32_t count)
{
    struct client_call c;
    struct stub_refresh_stop r = { count, ids, 0 };
    call(&c, o, 0, 4, &r);
    uint32_t hresult = c.hresult;
    client_end(&c);
    return hresult;
}

static void test_taken_out(void **state)
{
    struct client_call c;
    struct stub_refresh_remove r = { .id = refresher_id(1), .item = 1 };
    struct added a = add("Live", 5), b = add("Live.Name=\"a\"", 3);
    call(&c, services, 1, 6, &r);
    assert_int_equal(c.hresult, 0x80041009);
    assert_int_equal(((struct stub_refresh_remove *)c.out)->version, 1);
    client_end(&c);
    assert_int_equal(refreshed(a.refresher, 0).count, 2);
    assert_int_equal(stop(a.refresher, (uint32_t[]){ 99, a.cancel }, 2), 0x80041002); /* those that are there go */
    struct stub_refresh got = refreshed(a.refresher, 0);
    assert_int_equal(got.count, 1);
    assert_int_equal(got.objects[0].request, b.cancel);
    assert_int_equal(stop(a.refresher, &b.cancel, 1), 0);
    assert_int_equal(refreshed(a.refresher, 0).count, 0);
    struct stub_refresh_guid which = { 0 };
    call(&c, a.refresher, 0, 5, &which);
    assert_true(guid_eq(&((struct stub_refresh_guid *)c.out)->guid, &a.id));
    client_end(&c);
    client_release(a.refresher);
    client_release(b.refresher);
}

static void refused(struct dcom_object *o, unsigned interface, uint16_t opnum, void *record)
{
    struct client_call c;
    client_init(&c, o, interface, opnum);
    c.c.flags = MECH_IDENTIFY;
    client_run(&c, record);
    fake_run();
    assert_int_equal(c.hresult, 0x80041003);
    client_end(&c);
}

/* Rights count when something is read, not only when it was added. */
static void test_rights_at_every_refresh(void **state)
{
    struct added a = add("Live", 5), b = add("Live.Name=\"a\"", 3);
    f.m.fail = CIMF_ACCESS_DENIED;
    refreshed(a.refresher, 0x80041003);
    f.m.fail = CIMF_PROVIDER_FAILURE;
    f.m.fail_after = 1; /* half an enumeration is none */
    struct stub_refresh got = refreshed(a.refresher, 0);
    assert_int_equal(got.objects[0].type, BLOB_ERROR);
    assert_int_equal(got.objects[1].type, BLOB_ERROR);
    f.m.fail = CIMF_ACCESS_DENIED;
    f.m.fail_after = 0;
    assert_int_equal(add("Live", 5).hresult, 0x80041003);
    struct client_call c;
    struct stub_refresh_get get = { .id = refresher_id(1) };
    call(&c, services, 1, 7, &get);
    assert_int_equal(c.hresult, 0x80041003);
    client_end(&c);
    f.m.fail = CIMF_OK;
    struct stub_refresh_add r = { .id = refresher_id(1), .text = SLICE("Live") };
    struct stub_reconnect reconnect = { .id = refresher_id(1) };
    struct stub_refresh_stop none = { 0 };
    struct stub_refresh_remove remove = { .id = refresher_id(1) };
    struct stub_refresh refresh = { 0 };
    refused(services, 1, 5, &r);
    refused(services, 1, 6, &remove);
    refused(services, 1, 7, &get);
    refused(services, 1, 8, &reconnect);
    refused(a.refresher, 0, 3, &refresh);
    refused(a.refresher, 0, 4, &none);
    client_release(a.refresher);
    client_release(b.refresher);
}

static uint64_t stored;
static uint64_t generation(void *arg) { return stored; }

/* While what is stored is replaced there is no answer; afterwards the namespaces of before are no more. */
static void test_restored_meanwhile(void **state)
{
    static const struct wmi_care_hooks care = { .generation = generation };
    struct added a = add("Live", 5);
    f.server->settings.care = &care;
    stored = 0;
    assert_int_equal(refreshed(a.refresher, 0).count, 1);
    stored = 1;
    refreshed(a.refresher, 0x80080008);
    assert_int_equal(add("Live", 5).hresult, 0x80080008);
    stored = 2;
    refreshed(a.refresher, 0x8004100e);
    assert_int_equal(add("Live", 5).hresult, 0x8004100e);
    f.server->settings.care = NULL;
    client_release(a.refresher);
}

static void test_flags_that_must_be_zero(void **state)
{
    struct client_call c;
    struct added a = add("Live", 5);
    struct stub_refresh r = { .flags = 1 };
    struct stub_refresh_stop s = { .flags = 1 };
    call(&c, a.refresher, 0, 3, &r);
    assert_int_equal(c.hresult, 0x80041008);
    client_end(&c);
    call(&c, a.refresher, 0, 4, &s);
    assert_int_equal(c.hresult, 0x80041008);
    client_end(&c);
    client_release(a.refresher);
}

static void test_bounds(void **state)
{
    struct dcom_object *all[REFRESHERS_USER];
    struct stub_refresh_add r = { .text = SLICE("Live") };
    for (unsigned i = 0; i < REFRESHERS_USER; i++) {
        r.id = refresher_id(100 + i);
        all[i] = add_record(r, 5).refresher;
    }
    r.id = refresher_id(99);
    assert_int_equal(add_record(r, 5).hresult, 0x8004106c);
    r.id = refresher_id(100);
    for (unsigned i = 1; i < REFRESHER_ITEMS; i++) {
        struct added a = add_record(r, 5);
        assert_int_equal(a.hresult, 0);
        client_release(a.refresher);
    }
    assert_int_equal(add_record(r, 5).hresult, 0x8004106c);
    for (unsigned i = 0; i < REFRESHERS_USER; i++) client_release(all[i]);
    assert_null(f.server->refreshers);
}

static void test_a_client_that_hangs_up(void **state)
{
    struct client_call c;
    struct stub_refresh r = { 0 };
    struct added a = add("Live", 5), b = add("Live.Name=\"a\"", 3);
    f.m.mode = FAKE_BLOCK;
    client_init(&c, a.refresher, 0, 3);
    client_run(&c, &r);
    assert_false(c.answered);
    c.c.on_abort(&c.c);
    fake_run();
    assert_true(c.answered);
    assert_int_equal(c.hresult, 0x80041032);
    client_end(&c);
    client_init(&c, a.refresher, 0, 3); /* and a server that stops */
    client_run(&c, &r);
    wmi_server_stop(f.server);
    fake_run();
    assert_int_equal(f.m.active, 0);
    assert_true(c.answered);
    assert_true(wmi_failed(c.hresult));
    client_end(&c);
    client_release(a.refresher);
    client_release(b.refresher);
}

/* ---- other classes ---- */

static struct dcom_object *create(uint32_t data1)
{
    unsigned n;
    struct dcom_object *o = NULL;
    const struct dcom_class *classes = wmi_server_classes(f.server, &n);
    for (unsigned i = 0; i < n; i++)
        if (classes[i].clsid.data1 == data1) assert_int_equal(classes[i].create(&classes[i], NULL, &fake_caller, &o), DCOM_OK);
    assert_non_null(o);
    return o;
}

static void test_classes_for_local_use(void **state)
{
    static const struct { uint32_t clsid, hresult; } rows[] = { { 0x73e709ea, 0x800706ba }, { 0x1f87137d, 0x800706ba }, { 0x49bd2028, 0x8000ffff } };
    for (int i = 0; i < 3; i++) {
        struct dcom_object *o = create(rows[i].clsid);
        for (unsigned k = 0; k < 2; k++) {
            struct client_call c;
            struct stub_reference r = { 0 };
            assert_non_null(o->type->interfaces[k]);
            call(&c, o, k, 3, &r);
            assert_int_equal(c.hresult, rows[i].hresult);
            client_end(&c);
        }
        client_release(o);
    }
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    static const struct CMUnitTest tests[] = {
        T(test_an_object), T(test_all_of_a_class), T(test_what_the_repository_keeps), T(test_by_template), T(test_what_cannot_be_added),
        T(test_found_again), T(test_reconnected), T(test_taken_out), T(test_rights_at_every_refresh), T(test_flags_that_must_be_zero),
        T(test_bounds), T(test_restored_meanwhile), T(test_a_client_that_hangs_up), T(test_classes_for_local_use),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
