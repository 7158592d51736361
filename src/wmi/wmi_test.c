/* The interfaces of MS-WMI over a fake object manager: what waits, what is counted, what is refused. */
#include "base/test.h"

#include "wmi/fake_dcom.h"

static struct fake_wmi f;
static struct dcom_object *services;

static int setup(void **state)
{
    fake_wmi_open(&f);
    fake_fill(&f.m, 20);
    services = fake_wmi_login(&f);
    return 0;
}

static int teardown(void **state)
{
    client_release(services);
    fake_wmi_close(&f);
    return 0;
}

/* covers: wmi-dcom:W5 */
static void test_who_may_only_be_known(void **state)
{
    struct client_call c;
    struct stub_ntlm_login r = { .network = SLICE("root/test") };
    struct stub_services get = { .text = SLICE("Base") };
    client_init(&c, f.login, 0, 6);
    c.c.flags = MECH_IDENTIFY;
    client_run(&c, &r);
    assert_int_equal(c.hresult, 0x80041003);
    client_end(&c);
    client_init(&c, services, 0, 6);
    c.c.flags = MECH_IDENTIFY;
    client_run(&c, &get);
    assert_int_equal(c.hresult, 0x80041003);
    client_end(&c);
}

static struct dcom_object *query(uint32_t flags, uint32_t expected)
{
    struct client_call c;
    struct stub_services r = { .text = SLICE("wql"), .method = SLICE("select * from MyClass"), .flags = flags };
    client_init(&c, services, 0, 20);
    client_run(&c, &r);
    fake_run();
    assert_true(c.answered);
    assert_int_equal(c.hresult, expected);
    struct dcom_object *o = expected ? NULL : client_object(((struct stub_services *)c.out)->enumerator);
    client_end(&c);
    return o;
}

static uint32_t next(struct dcom_object *o, uint32_t timeout, uint32_t count, uint32_t *returned)
{
    struct client_call c;
    struct stub_next r = { .timeout = timeout, .count = count };
    client_init(&c, o, 0, 4);
    client_run(&c, &r);
    fake_run();
    assert_true(c.answered);
    *returned = ((struct stub_next *)c.out)->returned;
    uint32_t hresult = c.hresult;
    client_end(&c);
    return hresult;
}

/* All twenty, three at a time, whatever the delivery and however the manager answers. */
static void test_every_delivery(void **state)
{
    static const uint32_t flags[] = { 0, 0x10, 0x20, 0x30 };
    for (int async = 0; async < 2; async++) {
        for (int i = 0; i < 4; i++) {
            uint32_t n, total = 0, hresult;
            f.m.mode = async ? FAKE_ASYNC : FAKE_SYNC;
            struct dcom_object *e = query(flags[i], 0);
            while ((hresult = next(e, WMI_INFINITE, 3, &n)) == 0) {
                assert_int_equal(n, 3);
                total += n;
            }
            assert_int_equal(hresult, 1);
            assert_int_equal(total + n, 20);
            assert_int_equal(next(e, WMI_INFINITE, 1, &n), 1);
            assert_int_equal(n, 0);
            client_release(e);
        }
    }
}

/* covers: wmi-dcom:W26 */
static void test_a_call_waits_until_its_time_is_over(void **state)
{
    struct client_call c, behind;
    struct stub_next r = { .timeout = 5000, .count = 4 }, r2 = { .timeout = WMI_INFINITE, .count = 1 };
    uint32_t n;
    f.m.mode = FAKE_BLOCK;
    struct dcom_object *e = query(0x10, 0);
    assert_int_equal(next(e, 0, 4, &n), 0x40004);
    client_init(&c, e, 0, 4);
    client_run(&c, &r);
    client_init(&behind, e, 0, 4);
    client_run(&behind, &r2);
    assert_false(c.answered);
    fake_time_passes();
    assert_true(c.answered);
    assert_int_equal(c.hresult, 0x40004);
    assert_false(behind.answered);
    fake_current = &loops[0];
    fake_go(&f.m);
    fake_run();
    assert_true(behind.answered);
    assert_int_equal(behind.hresult, 0);
    assert_int_equal(((struct stub_next *)behind.out)->returned, 1);
    client_end(&c);
    client_end(&behind);
    client_release(e);
}

static void test_a_client_that_hangs_up(void **state)
{
    struct client_call c;
    struct stub_next r = { .timeout = WMI_INFINITE, .count = 4 };
    f.m.mode = FAKE_BLOCK;
    struct dcom_object *e = query(0x10, 0);
    client_init(&c, e, 0, 4);
    client_run(&c, &r);
    c.c.on_abort(&c.c);
    assert_true(c.answered);
    client_end(&c);
    client_release(e);
    fake_current = &loops[0];
    fake_go(&f.m);
    fake_run();
}

/* Nobody reads on: the operation stands still, a window ahead. */
static void test_a_client_that_stops_reading(void **state)
{
    uint32_t n;
    struct dcom_object *e = query(0, 0);
    assert_int_equal(f.m.active, 1);
    assert_int_equal(next(e, WMI_INFINITE, 2, &n), 0);
    assert_int_equal(f.m.active, 1);
    client_release(e);
    fake_run();
    assert_int_equal(f.m.active, 0);
}

static void test_no_less_protection_for_results(void **state)
{
    struct client_call c;
    struct stub_next r = { .timeout = WMI_INFINITE, .count = 1 };
    struct dcom_object *e = query(0, 0);
    client_init(&c, e, 0, 4);
    c.c.level = RPC_LEVEL_CONNECT;
    client_run(&c, &r);
    assert_int_equal(c.hresult, 0x80041003);
    client_end(&c);
    client_release(e);
}

/* The first object with its class, the others without; told anew to another client.
 * covers: wmi-dcom:W28 */
static void test_classes_are_told_once(void **state)
{
    struct client_call c;
    struct stub_reference got = { 0 };
    struct dcom_object *e = query(0x30, 0);
    client_init(&c, e, 1, 3);
    client_run(&c, &got);
    struct dcom_object *smart = client_object(((struct stub_reference *)c.out)->reference);
    client_end(&c);
    for (uint32_t who = 1; who <= 2; who++) {
        struct stub_smart r = { .client = { .data1 = who }, .timeout = WMI_INFINITE, .count = 3 };
        client_init(&c, smart, 0, 3);
        client_run(&c, &r);
        const struct stub_smart *out = c.out;
        assert_int_equal(out->returned, 3);
        struct cursor at = cursor_of(slice_of((const char *)out->bytes, out->size));
        cursor_skip(&at, 16);
        assert_int_equal(cursor_u32le(&at), out->size - 26);
        cursor_skip(&at, 26 - 20 + 16);
        assert_int_equal(cursor_u32le(&at), 3);
        for (int i = 0; i < 3; i++) {
            assert_int_equal(cursor_u32le(&at), 9);
            uint32_t size = cursor_u32le(&at);
            assert_int_equal(cursor_u8(&at), i ? 3 : 2);
            cursor_skip(&at, size);
        }
        assert_false(at.bad);
        assert_int_equal(cursor_left(&at), 0);
        client_end(&c);
    }
    client_release(smart);
    client_release(e);
}

/* covers: wmi-dcom:W11 */
static void test_later_needs_a_place(void **state)
{
    struct client_call c;
    struct slice result = SLICE_NULL;
    struct stub_services r = { .text = SLICE("MyClass.id=1"), .flags = 0x10 };
    struct stub_result ask = { .timeout = 0 };
    client_init(&c, services, 0, 6);
    client_run(&c, &r);
    assert_int_equal(c.hresult, 0x80041008);
    client_end(&c);
    f.m.mode = FAKE_BLOCK;
    r.result = &result;
    client_init(&c, services, 0, 6);
    client_run(&c, &r);
    assert_int_equal(c.hresult, 0);
    struct dcom_object *o = client_object(*((struct stub_services *)c.out)->result);
    client_end(&c);
    client_init(&c, o, 0, 3);
    client_run(&c, &ask);
    assert_int_equal(c.hresult, 0x40004);
    client_end(&c);
    client_release(o);
    fake_current = &loops[0];
    fake_go(&f.m);
    fake_run();
}

/* covers: wmi-dcom:W37 */
static void test_objects_that_are_none(void **state)
{
    struct client_call c;
    struct stub_services r = { .object = SLICE("MEOW and what not") };
    client_init(&c, services, 0, 14);
    client_run(&c, &r);
    assert_int_equal(c.hresult, 0x8004100f);
    client_end(&c);
}

static void test_what_is_not_there(void **state)
{
    static const uint16_t asynchronous[] = { 7, 9, 11, 13, 15, 17, 19, 21, 23, 25 };
    struct client_call c;
    for (unsigned i = 0; i < sizeof asynchronous / sizeof *asynchronous; i++) {
        client_init(&c, services, 0, asynchronous[i]);
        client_run(&c, NULL);
        assert_int_equal(c.hresult, 0x8004100c);
        client_end(&c);
    }
}

static void test_a_server_that_stops(void **state)
{
    struct client_call c;
    struct stub_next r = { .timeout = WMI_INFINITE, .count = 4 };
    f.m.mode = FAKE_BLOCK;
    struct dcom_object *e = query(0x10, 0);
    client_init(&c, e, 0, 4);
    client_run(&c, &r);
    wmi_server_stop(f.server);
    fake_current = &loops[0];
    fake_go(&f.m);
    fake_run();
    assert_true(c.answered);
    assert_int_equal(c.hresult, 0x80041032);
    client_end(&c);
    client_release(e);
    query(0, 0x80041033);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    static const struct CMUnitTest tests[] = {
        T(test_who_may_only_be_known), T(test_every_delivery), T(test_a_call_waits_until_its_time_is_over),
        T(test_a_client_that_hangs_up), T(test_a_client_that_stops_reading), T(test_no_less_protection_for_results),
        T(test_classes_are_told_once), T(test_later_needs_a_place), T(test_objects_that_are_none),
        T(test_what_is_not_there), T(test_a_server_that_stops),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
