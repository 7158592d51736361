/* The interfaces of MS-WMI over a fake object manager: what waits, what is counted, what is refused. */
#include "base/test.h"

#include "wmi/fake_proxy.h"

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

/* covers: wmi-dcom:W5 security:S21 */
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
    struct stub_services q = { .text = SLICE("WQL"), .method = SLICE("select * from MyClass") };
    for (uint16_t opnum = 3; opnum < 26; opnum++) {
        const char *name = wmi_services_interface.methods[opnum].name;
        if (strstr(name, "Async") || opnum == 5) continue; /* those without a result */
        client_init(&c, services, 0, opnum);
        c.c.flags = MECH_IDENTIFY;
        client_run(&c, opnum == 20 || opnum == 22 ? &q : &get);
        assert_int_equal(c.hresult, 0x80041003);
        client_end(&c);
    }
}

static struct dcom_object *query(uint32_t flags, uint32_t expected) { return fake_wmi_query(services, flags, expected); }

/* All twenty, three at a time, whatever the delivery and however the manager answers. */
static void test_every_delivery(void **state)
{
    static const uint32_t flags[] = { 0, 0x10, 0x20, 0x30 };
    for (int async = 0; async < 2; async++) {
        for (int i = 0; i < 4; i++) {
            uint32_t n, total = 0, hresult;
            f.m.mode = async ? FAKE_ASYNC : FAKE_SYNC;
            struct dcom_object *e = query(flags[i], 0);
            while ((hresult = fake_wmi_next(e, WMI_INFINITE, 3, &n)) == 0) {
                assert_int_equal(n, 3);
                total += n;
            }
            assert_int_equal(hresult, 1);
            assert_int_equal(total + n, 20);
            assert_int_equal(fake_wmi_next(e, WMI_INFINITE, 1, &n), 1);
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
    assert_int_equal(fake_wmi_next(e, 0, 4, &n), 0x40004);
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

/* Reset and Clone come to a Next that waits: they wait, too, and see where it ended.
 * covers: wmi-dcom:W26 */
static void test_one_after_the_other(void **state)
{
    struct client_call first, clone, reset;
    struct stub_next r = { .timeout = WMI_INFINITE, .count = 4 };
    struct stub_reference made = { 0 };
    uint32_t n;
    f.m.mode = FAKE_BLOCK;
    struct dcom_object *e = query(0x10, 0);
    client_init(&first, e, 0, 4);
    client_run(&first, &r);
    client_init(&clone, e, 0, 6);
    client_run(&clone, &made);
    client_init(&reset, e, 0, 3);
    client_run(&reset, NULL);
    assert_false(first.answered || clone.answered || reset.answered);
    fake_current = &loops[0];
    fake_go(&f.m);
    fake_run();
    assert_true(first.answered && clone.answered && reset.answered);
    assert_int_equal(first.hresult | clone.hresult | reset.hresult, 0);
    assert_int_equal(((struct stub_next *)first.out)->returned, 4);
    struct dcom_object *copy = client_object(((struct stub_reference *)clone.out)->reference);
    assert_int_equal(fake_wmi_next(copy, WMI_INFINITE, 100, &n), 1);
    assert_int_equal(n, 16);
    assert_int_equal(fake_wmi_next(e, WMI_INFINITE, 100, &n), 1);
    assert_int_equal(n, 20);
    client_end(&first);
    client_end(&clone);
    client_end(&reset);
    client_release(copy);
    client_release(e);
}

/* Skipping takes its time as Next does; an operation that fails says so to whoever reads on. */
static void test_skips_and_failures(void **state)
{
    struct client_call c;
    struct stub_skip r = { .timeout = 0, .count = 4 };
    uint32_t n;
    f.m.mode = FAKE_BLOCK;
    struct dcom_object *e = query(0x10, 0);
    client_init(&c, e, 0, 7);
    client_run(&c, &r);
    assert_int_equal(c.hresult, 0x40004);
    client_end(&c);
    r.timeout = 1000;
    client_init(&c, e, 0, 7);
    client_run(&c, &r);
    assert_false(c.answered);
    fake_time_passes();
    assert_int_equal(c.hresult, 0x40004);
    client_end(&c);
    f.m.fail = CIMF_PROVIDER_FAILURE;
    f.m.fail_after = 6;
    fake_current = &loops[0];
    fake_go(&f.m);
    client_init(&c, e, 0, 7);
    client_run(&c, &r);
    fake_run();
    assert_int_equal(c.hresult, 0);
    client_end(&c);
    assert_int_equal(fake_wmi_next(e, WMI_INFINITE, 2, &n), 0);
    assert_int_equal(fake_wmi_next(e, WMI_INFINITE, 2, &n), 0x80041004);
    assert_int_equal(n, 0);
    client_init(&c, e, 0, 7);
    client_run(&c, &r);
    assert_int_equal(c.hresult, 0x80041004);
    client_end(&c);
    client_release(e);
}

/* What a call result tells before, at and after the end.
 * covers: wmi-dcom:W27 */
static void test_a_result_to_come(void **state)
{
    struct client_call c[4];
    struct slice result = SLICE_NULL;
    struct stub_services r = { .text = SLICE("MyClass.id=1"), .flags = 0x10, .result = &result };
    struct stub_result ask = { .timeout = 0 }, wait = { .timeout = 500 }, stay = { .timeout = WMI_INFINITE };
    f.m.mode = FAKE_BLOCK;
    client_init(&c[0], services, 0, 6);
    client_run(&c[0], &r);
    struct dcom_object *o = client_object(*((struct stub_services *)c[0].out)->result);
    client_end(&c[0]);
    for (uint16_t opnum = 3; opnum < 7; opnum++) {
        client_init(&c[0], o, 0, opnum);
        client_run(&c[0], &ask);
        assert_int_equal(c[0].hresult, 0x40004);
        client_end(&c[0]);
        client_init(&c[0], o, 0, opnum);
        client_run(&c[0], &wait);
        assert_false(c[0].answered);
        fake_time_passes();
        assert_int_equal(c[0].hresult, 0x40004);
        client_end(&c[0]);
    }
    for (uint16_t opnum = 3; opnum < 7; opnum++) {
        client_init(&c[opnum - 3], o, 0, opnum);
        client_run(&c[opnum - 3], &stay);
    }
    fake_current = &loops[0];
    fake_go(&f.m);
    fake_run();
    static const uint32_t expected[] = { 0x80041002, 0x80041002, 0x80041002, 0 };
    for (int i = 0; i < 4; i++) {
        assert_true(c[i].answered);
        assert_int_equal(c[i].hresult, expected[i]); /* there is no such instance */
        assert_null(((struct stub_result *)c[i].out)->value.p);
    }
    assert_int_equal(((struct stub_result *)c[3].out)->status, 0x80041002);
    for (int i = 0; i < 4; i++) client_end(&c[i]);
    client_release(o);
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
    assert_int_equal(fake_wmi_next(e, WMI_INFINITE, 2, &n), 0);
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
        T(test_one_after_the_other), T(test_skips_and_failures), T(test_a_result_to_come),
        T(test_who_may_only_be_known), T(test_every_delivery), T(test_a_call_waits_until_its_time_is_over),
        T(test_a_client_that_hangs_up), T(test_a_client_that_stops_reading), T(test_no_less_protection_for_results),
        T(test_classes_are_told_once), T(test_later_needs_a_place), T(test_objects_that_are_none),
        T(test_a_server_that_stops),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
