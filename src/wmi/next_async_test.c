/* IEnumWbemClassObject::NextAsync: what a sink gets of an enumeration, in turn with other calls. */
#include "wmi/async_harness.h"

static struct dcom_object *enumerator(uint32_t flags) { return fake_wmi_query(services, flags, 0); }

static uint32_t next_async(struct dcom_object *e, uint32_t count, struct slice sink)
{
    struct client_call c;
    struct stub_next_async r = { .count = count, .sink = sink };
    client_init(&c, e, 0, 5);
    client_run(&c, &r);
    assert_true(c.answered);
    uint32_t hresult = c.hresult;
    client_end(&c);
    return hresult;
}

static void test_next_async(void **state)
{
    static const uint32_t flags[] = { 0, 0x10, 0x20, 0x30 };
    for (int i = 0; i < 8; i++) {
        struct fake_sink *s = &fake_sink[0];
        memset(s, 0, sizeof *s);
        f.m.mode = i & 1 ? FAKE_ASYNC : FAKE_SYNC;
        struct dcom_object *e = enumerator(flags[i / 2]);
        assert_int_equal(next_async(e, 0, fake_sink_reference(0)), 1);
        assert_int_equal(next_async(e, 1, SLICE_NULL), 0x80041008);
        assert_int_equal(next_async(e, 3, fake_sink_reference(0)), 0);
        fake_run();
        assert_int_equal(s->received, 3);
        assert_int_equal(s->statuses, 1);
        assert_int_equal(s->last.hresult, 0);
        assert_int_equal(next_async(e, 16, fake_sink_reference(0)), 0); /* more than a batch */
        fake_run();
        assert_int_equal(s->received, 19);
        assert_int_equal(s->last.hresult, 0);
        assert_int_equal(next_async(e, 0xffffffff, fake_sink_reference(0)), 0);
        fake_run();
        assert_int_equal(s->received, 20);
        assert_int_equal(s->statuses, 3);
        assert_int_equal(s->last.hresult, 1);
        assert_int_equal(s->most, 1);
        client_release(e);
        fake_run();
    }
}

/* One after the other, whichever the calls are. */
static void test_next_async_in_order(void **state)
{
    struct client_call skip, next, clone, reset;
    struct stub_skip r_skip = { .timeout = WMI_INFINITE, .count = 2 };
    struct stub_next r_next = { .timeout = WMI_INFINITE, .count = 3 };
    struct stub_reference r_clone = { 0 };
    f.m.mode = FAKE_BLOCK;
    struct dcom_object *e = enumerator(0x10), *copy;
    assert_int_equal(next_async(e, 4, fake_sink_reference(0)), 0);
    client_init(&skip, e, 0, 7);
    client_run(&skip, &r_skip);
    client_init(&next, e, 0, 4);
    client_run(&next, &r_next);
    assert_int_equal(next_async(e, 2, fake_sink_reference(1)), 0);
    client_init(&clone, e, 0, 6);
    client_run(&clone, &r_clone);
    client_init(&reset, e, 0, 3);
    client_run(&reset, NULL);
    assert_int_equal(next_async(e, 20, fake_sink_reference(2)), 0);
    assert_false(skip.answered || next.answered || clone.answered || reset.answered);
    fake_current = &loops[0];
    fake_go(&f.m);
    fake_run();
    assert_int_equal(fake_sink[0].received, 4);
    assert_int_equal(skip.hresult, 0);
    assert_int_equal(((struct stub_next *)next.out)->returned, 3);
    assert_int_equal(fake_sink[1].received, 2);
    assert_int_equal(clone.hresult, 0);
    assert_int_equal(reset.hresult, 0);
    assert_int_equal(fake_sink[2].received, 20);
    assert_memory_equal(fake_sink[2].objects[6].p, ((struct stub_next *)next.out)->objects[0].p, fake_sink[2].objects[6].n);
    assert_memory_equal(fake_sink[2].objects[9].p, fake_sink[1].objects[0].p, fake_sink[2].objects[9].n);
    copy = client_object(((struct stub_reference *)clone.out)->reference);
    assert_int_equal(next_async(copy, 100, fake_sink_reference(3)), 0);
    fake_run();
    assert_int_equal(fake_sink[3].received, 9);
    assert_int_equal(fake_sink[3].last.hresult, 1);
    client_end(&skip);
    client_end(&next);
    client_end(&clone);
    client_end(&reset);
    client_release(copy);
    client_release(e);
    fake_run();
}

static void test_next_async_ends_early(void **state)
{
    struct client_call next;
    struct stub_next r = { .timeout = WMI_INFINITE, .count = 1 };
    f.m.mode = FAKE_BLOCK;
    struct dcom_object *e = enumerator(0x10);
    for (unsigned i = 0; i < 3; i++) assert_int_equal(next_async(e, 9, fake_sink_reference(i)), 0);
    client_init(&next, e, 0, 4);
    client_run(&next, &r);
    assert_int_equal(cancel(1), 0);
    fake_run();
    assert_int_equal(fake_sink[1].statuses, 1);
    assert_int_equal(fake_sink[1].last.hresult, 0x80041032);
    assert_int_equal(fake_sink[0].statuses + fake_sink[2].statuses, 0);
    fake_sink[0].dead = true;
    fake_current = &loops[0];
    fake_go(&f.m);
    fake_run(); /* the first one asked for more than fits into a batch: what it did not get goes to the next */
    assert_int_equal(fake_sink[2].received, 9);
    assert_true(next.answered);
    assert_int_equal(((struct stub_next *)next.out)->returned, 1);
    client_end(&next);
    client_release(e);
    fake_run();
}

/* Nobody can read on, and the client has not come back from the first Indicate. */
static void test_next_async_of_what_is_released(void **state)
{
    f.m.mode = FAKE_ASYNC;
    struct dcom_object *e = enumerator(0x30);
    fake_sink[0].hold = true;
    assert_int_equal(next_async(e, 100, fake_sink_reference(0)), 0);
    assert_int_equal(next_async(e, 100, fake_sink_reference(1)), 0);
    fake_run();
    assert_int_equal(fake_sink[0].received, 8);
    client_release(e);
    fake_run();
    assert_int_equal(f.m.active, 0);
    assert_int_equal(fake_sink[1].last.hresult, 0x80041032);
    fake_sink[0].hold = false;
    fake_sink_answer(0, false, 0);
    fake_run();
    assert_int_equal(fake_sink[0].received, 16);
    assert_int_equal(fake_sink[0].statuses, 1);
    assert_int_equal(fake_sink[0].last.hresult, 0x80041032);
}

static void test_next_async_of_what_fails(void **state)
{
    f.m.fail = CIMF_PROVIDER_FAILURE;
    f.m.fail_after = 3;
    struct dcom_object *e = enumerator(0x10);
    assert_int_equal(next_async(e, 9, fake_sink_reference(0)), 0);
    fake_run();
    assert_int_equal(fake_sink[0].statuses, 1);
    assert_int_equal(fake_sink[0].last.hresult, 0x80041004);
    assert_non_null(fake_sink[0].last.object.p);
    client_release(e);
    fake_run();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_next_async), T(test_next_async_in_order), T(test_next_async_ends_early),
        T(test_next_async_of_what_is_released), T(test_next_async_of_what_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
