/* What waits for an account's clients: results, answers that are gathered, batches for sinks. */
#include "wmi/async_harness.h"

enum { MANY = 400 };

/* An answer grows while its call waits: where too much does, it is what there is. The rest comes with the next ones. */
static void test_answers(void **state)
{
    uint32_t n, total = 0;
    fake_fill(&f.m, MANY - 20);
    f.m.mode = FAKE_ASYNC;
    struct dcom_object *e = fake_wmi_query(services, 0x30, 0);
    assert_int_equal(fake_wmi_next(e, WMI_INFINITE, MANY, &n), 0);
    assert_int_equal(n, MANY);
    client_release(e);
    f.server->settings.kept_total = 4096;
    e = fake_wmi_query(services, 0x30, 0);
    while (fake_wmi_next(e, WMI_INFINITE, MANY, &n) == 0x40004) {
        assert_true(n > 0 && n < MANY / 2);
        total += n;
    }
    assert_int_equal(total + n, MANY);
    client_release(e);
    fake_run();
    assert_int_equal(f.server->kept, 0);
}

/* Too much is kept for the account by whatever else it does: sinks get objects one by one, and wait for none of it. */
static void test_batches(void **state)
{
    size_t much = f.server->settings.kept_total / 2 + 1;
    struct wmi_share *mine = wmi_share_join(f.server, &fake_caller);
    f.m.mode = FAKE_ASYNC;
    wmi_share_keep(f.server, mine, 0, much);
    assert_int_equal(call(21, query_of(0)), 0);
    fake_run();
    assert_int_equal(fake_sink[0].received, 20);
    assert_int_equal(fake_sink[0].statuses, 1);
    assert_int_equal(fake_sink[0].last.hresult, 0);
    fake_sink[1].hold = true;
    assert_int_equal(call(21, query_of(1)), 0);
    fake_run();
    assert_int_equal(fake_sink[1].received, 1);
    assert_true(f.server->kept > much && f.server->kept < much + 4096); /* the next one */
    for (unsigned n = 1; n <= 20; n++) {
        assert_int_equal(fake_sink[1].received, n);
        assert_int_equal(fake_sink[1].statuses, 0);
        fake_sink_answer(1, false, 0);
        fake_run();
    }
    assert_int_equal(fake_sink[1].statuses, 1);
    assert_int_equal(fake_sink[1].last.hresult, 0);
    assert_int_equal(f.server->kept, much);
    fake_sink_answer(1, false, 0);
    fake_run();
    wmi_share_keep(f.server, mine, much, 0);
    wmi_share_leave(f.server, mine);
}

/* A large object does not wait beside that: the operation ends, and the sink hears why. */
static void test_large_objects(void **state)
{
    size_t much = f.server->settings.kept_total / 2 + 1;
    struct wmi_share *mine = wmi_share_join(f.server, &fake_caller);
    static char text[100000];
    memset(text, 'x', sizeof text - 1);
    struct cim_instance *large = fake_row(&f.m, "MyClass");
    cim_put_i64(large, "id", 21);
    cim_put_strz(large, "Data1", text);
    f.m.mode = FAKE_ASYNC;
    wmi_share_keep(f.server, mine, 0, much);
    fake_sink[1].hold = true;
    assert_int_equal(call(21, query_of(1)), 0);
    fake_run();
    for (unsigned n = 1; n <= 20; n++) {
        fake_sink_answer(1, false, 0);
        fake_run();
    }
    assert_int_equal(fake_sink[1].received, 20);
    assert_int_equal(fake_sink[1].statuses, 1);
    assert_int_equal(fake_sink[1].last.hresult, 0x8004106c);
    assert_int_equal(f.server->kept, much);
    fake_sink_answer(1, false, 0);
    fake_run();
    wmi_share_keep(f.server, mine, much, 0);
    wmi_share_leave(f.server, mine);
}

/* An Indicate that there is no room for beside the account's other calls: the sink hears of that, too. */
static void test_calls(void **state)
{
    f.m.mode = FAKE_ASYNC;
    fake_sink[0].hold = true;
    assert_int_equal(call(21, query_of(0)), 0);
    fake_run();
    fake_sink[0].hold = false;
    fake_sink_answer(0, true, DCOM_E_QUOTA);
    fake_run();
    assert_int_equal(fake_sink[0].statuses, 1);
    assert_int_equal(fake_sink[0].last.hresult, 0x8004106c);
    assert_int_equal(f.server->kept, 0);
}

/* Who has his half is crowded, and others are not; when all is taken those with little are not yet. */
static void test_accounts(void **state)
{
    struct principal who[3] = { { .sid = "S-1-5-21-1" }, { .sid = "S-1-5-21-2" }, { .sid = "S-1-5-21-3" } };
    struct wmi_share *x[3];
    f.server->settings.kept_total = 1000;
    for (int i = 0; i < 3; i++) x[i] = wmi_share_join(f.server, &who[i]);
    assert_ptr_equal(wmi_share_join(f.server, &who[0]), x[0]);
    wmi_share_leave(f.server, x[0]);
    wmi_share_keep(f.server, x[0], 0, 501);
    assert_true(wmi_share_crowded(f.server, x[0]));
    assert_false(wmi_share_crowded(f.server, x[1]));
    wmi_share_keep(f.server, x[1], 0, 300);
    assert_true(wmi_share_crowded(f.server, x[1]));
    wmi_share_keep(f.server, x[2], 0, 100);
    assert_false(wmi_share_crowded(f.server, x[2]));
    wmi_share_keep(f.server, x[2], 100, 200);
    assert_true(wmi_share_crowded(f.server, x[2]));
    wmi_share_keep(f.server, x[0], 501, 0);
    wmi_share_keep(f.server, x[1], 300, 0);
    wmi_share_keep(f.server, x[2], 200, 0);
    for (int i = 0; i < 3; i++) wmi_share_leave(f.server, x[i]);
    assert_int_equal(f.server->kept, 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_answers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_batches, setup, teardown),
        cmocka_unit_test_setup_teardown(test_large_objects, setup, teardown),
        cmocka_unit_test_setup_teardown(test_calls, setup, teardown),
        cmocka_unit_test_setup_teardown(test_accounts, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
