/* Enumeration contexts between threads, users, quotas and timers; what waits and what fails while they are open. */
#include "wsman/enumerate_harness.h"

/* Pitfall 11. */
static void contexts_are_private(void **state)
{
    enumerate(WMI_URI "MyClass", "");
    const char *id = context();
    const struct principal *alice = f.alice;
    f.alice = f.bob;
    pull(id, "1");
    assert_fault(CIMF_WSMAN_INVALID_ENUMERATION_CONTEXT);
    release(WMI_URI "MyClass", id);
    assert_fault(CIMF_WSMAN_INVALID_ENUMERATION_CONTEXT);
    f.alice = alice;
    pull("uuid:00000000-0000-0000-0000-000000000000", "1");
    assert_fault(CIMF_WSMAN_INVALID_ENUMERATION_CONTEXT);
    pull("no guid", "1");
    assert_fault(CIMF_WSMAN_INVALID_ENUMERATION_CONTEXT);
    pull_more(WMI_URI "Base", id, "", "");
    assert_fault(CIMF_WSMAN_PULL_MISMATCH);
    pull_more(WMI_URI "myclass", id, "", "");
    response("PullResponse");
    release(WMI_URI "MyClass", id);
    assert_int_equal(f.x.status, 200);
    assert_null(f.reply.content);
    pull(id, "1");
    assert_fault(CIMF_WSMAN_INVALID_ENUMERATION_CONTEXT);
    assert_idle();
}

/* From whichever thread the client's connection happens to be on. */
static void pulls_move_between_threads(void **state)
{
    EACH_MODE {
        f.loop = 0;
        enumerate(WMI_URI "MyClass", "");
        const char *id = context();
        for (int i = 1; i <= 5; i++) {
            f.loop = i % 2;
            pull(id, "1");
            response("PullResponse");
            char want[2] = { (char)('0' + i), 0 };
            assert_text(xml_child_any(item(NS_N, 0), "id")->text, want);
        }
        assert_true(ended(NS_N));
        f.loop = 0;
        assert_idle();
    }
}

/* covers: wsman:C25 */
static void garbage_is_collected(void **state)
{
    EACH_MODE {
        enumerate(WMI_URI "MyClass", "");
        const char *old = context();
        fake_now += 30000000;
        enumerate(WMI_URI "MyClass", "");
        const char *young = context();
        assert_int_equal(wsman_server_sweep(f.server), 30000000);
        fake_now += 29000000;
        pull(old, "1"); /* keeps it */
        response("PullResponse");
        fake_now += 31000000;
        assert_int_equal(wsman_server_sweep(f.server), 29000000);
        pull(young, "1");
        assert_fault(CIMF_WSMAN_INVALID_ENUMERATION_CONTEXT);
        pull(old, "1");
        response("PullResponse");
        fake_now += 60000000;
        assert_int_equal(wsman_server_sweep(f.server), -1);
        assert_idle();
    }
}

static void ten_thousand_abandoned(void **state)
{
    EACH_MODE {
        struct slice text = message(&f, ENUM("Enumerate"), WMI_URI "MyClass", "", "<n:Enumerate/>");
        for (int i = 0; i < 10000; i++) {
            struct exchange x;
            exchange_send(&x, f.server, f.alice, i % 2, SLICE(""), text);
            fake_run();
            if (x.status != 200) fail_msg("%d", i);
            exchange_free(&x);
        }
        struct wsman_server_stats stats;
        wsman_server_stats(f.server, &stats);
        assert_int_equal(stats.enumerations_open, 10000);
        ask(&f, XFER("Get"), WMI_URI "MyClass", SET(SEL("id", "1")), "");
        assert_int_equal(f.x.status, 200);
        fake_now += 61000000;
        assert_int_equal(wsman_server_sweep(f.server), -1);
        assert_idle();
    }
}

/* covers: wsman:E24 */
static void open_enumerations_count(void **state)
{
    fixture_close(&f);
    fixture_open(&f);
    fake_fill(&f.m, 1);
    f.config.max_operations_per_user = 3;
    fixture_serve(&f);
    enumerate(WMI_URI "MyClass", "");
    const char *id = context();
    enumerate(WMI_URI "MyClass", "");
    enumerate(WMI_URI "MyClass", "");
    const char *third = context();
    enumerate(WMI_URI "MyClass", "");
    assert_fault(CIMF_WSMAN_QUOTA);
    ask(&f, XFER("Get"), WMI_URI "MyClass", SET(SEL("id", "1")), "");
    assert_fault(CIMF_WSMAN_QUOTA);
    pull(third, "5"); /* a user at the limit can still pull and release */
    assert_true(ended(NS_N));
    release(WMI_URI "MyClass", id);
    assert_int_equal(f.x.status, 200);
    enumerate(WMI_URI "MyClass", "");
    enumerate(WMI_URI "MyClass", "");
    response("EnumerateResponse");
    wsman_server_stop(f.server);
    assert_idle();
    enumerate(WMI_URI "MyClass", "");
    assert_fault(CIMF_SHUTTING_DOWN);
}

static char *text_of(size_t n)
{
    char *p = malloc(n + 1);
    memset(p, 'x', n);
    p[n] = 0;
    return p;
}

/* Pitfall 12: a reply is filled to the envelope size; what never fits is a fault and stays where it is. */
static void envelope_size_rules(void **state)
{
    char *big = text_of(3000), *huge = text_of(20000);
    for (int i = 0; i < 5; i++) cim_put_strz(f.m.rows[i], "Data1", i == 3 ? huge : big);
    EACH_MODE {
        enumerate(WMI_URI "MyClass", "");
        const char *id = context();
        static const char small[] = "<w:MaxEnvelopeSize>8192</w:MaxEnvelopeSize>";
#define MANY "<n:MaxElements>100</n:MaxElements>"
        pull_more(WMI_URI "MyClass", id, MANY, small);
        response("PullResponse");
        size_t got = items(NS_N);
        assert_true(got >= 1 && f.x.reply.n <= 8192);
        while (got < 3) {
            pull_more(WMI_URI "MyClass", id, MANY, small);
            response("PullResponse");
            assert_true(items(NS_N) >= 1 && f.x.reply.n <= 8192);
            got += items(NS_N);
        }
        assert_int_equal(got, 3);
        pull_more(WMI_URI "MyClass", id, MANY, small);
        assert_fault(CIMF_WSMAN_MAX_ENVELOPE_SIZE_EXCEEDED);
        pull_more(WMI_URI "MyClass", id, MANY "<n:MaxCharacters>9000</n:MaxCharacters>", "");
        assert_fault(CIMF_WSMAN_MAX_ENVELOPE_SIZE_EXCEEDED);
        pull_more(WMI_URI "MyClass", id, MANY "<n:MaxCharacters>10</n:MaxCharacters>", "");
        assert_int_equal(items(NS_N), 2);
        assert_true(ended(NS_N));
        assert_idle();
    }
    free(big);
    free(huge);
}

static void errors_come_after_items(void **state)
{
    f.m.fail = CIMF_PROVIDER_FAILURE;
    f.m.fail_after = 3;
    EACH_MODE {
        enumerate(WMI_URI "MyClass", "");
        const char *id = context();
        pull(id, "100");
        response("PullResponse");
        assert_int_equal(items(NS_N), 3);
        assert_false(ended(NS_N));
        pull(id, "100");
        assert_fault(CIMF_PROVIDER_FAILURE);
        pull(id, "100");
        assert_fault(CIMF_WSMAN_INVALID_ENUMERATION_CONTEXT);
        enumerate(WMI_URI "MyClass", ALL);
        response("EnumerateResponse");
        assert_int_equal(items(NS_W), 3);
        pull(context(), "1");
        assert_fault(CIMF_PROVIDER_FAILURE);
        assert_idle();
    }
}

/* --- slow providers --------------------------------------------------------------------------- */

static void expire(struct exchange *x)
{
    fake_now += 60000000;
    fake_current = (struct fake_exec *)x->request.home;
    wsman_request_expire(&x->request);
    fake_run();
}

/* The pull times out, the enumeration does not. */
static void pull_times_out(void **state)
{
    f.m.mode = FAKE_BLOCK;
    enumerate(WMI_URI "MyClass", "<w:OptimizeEnumeration/><w:MaxElements>2</w:MaxElements>");
    assert_false(f.x.replied);
    assert_int_equal(f.x.armed, 60000000);
    expire(&f.x);
    fixture_reply(&f);
    response("EnumerateResponse"); /* the client needs the context; there are no items yet */
    assert_int_equal(items(NS_W), 0);
    assert_false(ended(NS_W));
    const char *id = context();
    pull_more(WMI_URI "MyClass", id, "<n:MaxElements>3</n:MaxElements><n:MaxTime>PT2S</n:MaxTime>", "");
    assert_false(f.x.replied);
    assert_int_equal(f.x.armed, 2000000);
    expire(&f.x);
    fixture_reply(&f);
    assert_fault(CIMF_WSMAN_TIMED_OUT);
    assert_int_equal(f.m.cancelled, 0);
    fake_go(&f.m); /* results while nobody waits: none is lost */
    fake_run();
    pull(id, "100");
    assert_int_equal(items(NS_N), 5);
    assert_true(ended(NS_N));
    assert_idle();
}

/* A pull from another thread takes over an operation that still works for the first. */
static void pull_takes_over(void **state)
{
    f.m.mode = FAKE_BLOCK;
    enumerate(WMI_URI "MyClass", "");
    expire(&f.x);
    fixture_reply(&f);
    const char *id = context();
    f.loop = 1;
    pull(id, "2");
    assert_false(f.x.replied);
    fake_go(&f.m);
    fake_run();
    fixture_reply(&f);
    response("PullResponse");
    assert_int_equal(items(NS_N), 2);
    f.loop = 0;
    pull(id, "9");
    assert_int_equal(items(NS_N), 3);
    assert_idle();
}

static void one_pull_at_a_time(void **state)
{
    f.m.mode = FAKE_BLOCK;
    enumerate(WMI_URI "MyClass", "");
    expire(&f.x);
    fixture_reply(&f);
    const char *id = context();
    struct exchange first;
    struct slice pull_text = arena_printf(&f.arena, "<n:Pull><n:EnumerationContext>%s</n:EnumerationContext>"
                                          "<n:MaxElements>9</n:MaxElements></n:Pull>", id);
    exchange_send(&first, f.server, f.alice, 1, SLICE(""),
                  message(&f, ENUM("Pull"), WMI_URI "MyClass", "", pull_text.p));
    assert_false(first.replied);
    pull(id, "1");
    assert_fault(CIMF_WSMAN_PULL_IN_PROGRESS);
    fake_now += 120000000;
    wsman_server_sweep(f.server); /* one that is being pulled is not garbage */
    fake_go(&f.m);
    fake_run();
    assert_int_equal(first.status, 200);
    exchange_free(&first);
    assert_idle();
}

/* Release (or the end of the server) while a Pull waits: the Pull is told. */
static void release_during_pull(void **state)
{
    f.m.mode = FAKE_BLOCK;
    enumerate(WMI_URI "MyClass", "");
    expire(&f.x);
    fixture_reply(&f);
    const char *id = context();
    struct exchange waiting;
    struct slice text = arena_printf(&f.arena, "<n:Pull><n:EnumerationContext>%s</n:EnumerationContext></n:Pull>", id);
    exchange_send(&waiting, f.server, f.alice, 1, SLICE(""), message(&f, ENUM("Pull"), WMI_URI "MyClass", "", text.p));
    release(WMI_URI "MyClass", id);
    assert_int_equal(f.x.status, 200);
    fake_run();
    assert_true(waiting.replied);
    assert_int_equal(waiting.status, 500);
    assert_non_null(strstr(buf_strz(&waiting.reply), "InvalidEnumerationContext"));
    exchange_free(&waiting);
    assert_idle();
}

/* The executors are gone before the enumerations: nothing leaks, nothing hangs. */
static void loops_end_first(void **state)
{
    f.m.mode = FAKE_ASYNC;
    enumerate(WMI_URI "MyClass", "");
    response("EnumerateResponse");
    loops[0].closed = loops[1].closed = true;
    wsman_server_stop(f.server);
    assert_int_equal(f.m.active, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(contexts_are_private), T(pulls_move_between_threads), T(garbage_is_collected),
        T(ten_thousand_abandoned), T(open_enumerations_count), T(envelope_size_rules),
        T(errors_come_after_items), T(pull_times_out), T(pull_takes_over), T(one_pull_at_a_time),
        T(release_during_pull), T(loops_end_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
