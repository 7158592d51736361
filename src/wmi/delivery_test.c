/* Results of one operation in each of the three deliveries (MS-WMI 3.1.1.1): at once, by a call result, to a sink. */
#include "wmi/async_harness.h"

struct outcome {
    uint32_t hresult;
    struct slice object, text; /* in the arena of the test */
};

static struct outcome at_once(struct arena *a, uint16_t opnum, struct stub_services r)
{
    struct client_call c;
    struct slice out = SLICE_NULL;
    r.out = &out;
    client_init(&c, services, 0, opnum);
    client_run(&c, &r);
    fake_run();
    assert_true(c.answered);
    struct slice *got = ((struct stub_services *)c.out)->out;
    struct outcome o = { c.hresult, got ? arena_dup(a, *got) : SLICE_NULL, SLICE_NULL };
    client_end(&c);
    return o;
}

static struct stub_result ask(struct arena *a, struct dcom_object *result, uint16_t opnum)
{
    struct client_call c;
    struct stub_result r = { .timeout = WMI_INFINITE };
    client_init(&c, result, 0, opnum);
    client_run(&c, &r);
    fake_run();
    assert_true(c.answered);
    r = *(struct stub_result *)c.out;
    r.value = arena_dup(a, r.value);
    client_end(&c);
    return r;
}

static struct outcome later(struct arena *a, uint16_t opnum, struct stub_services r)
{
    struct client_call c;
    struct slice result = SLICE_NULL;
    r.result = &result;
    r.flags |= 0x10;
    client_init(&c, services, 0, opnum);
    client_run(&c, &r);
    assert_true(c.answered);
    struct outcome o = { .hresult = c.hresult };
    struct dcom_object *given = o.hresult ? NULL : client_object(*((struct stub_services *)c.out)->result);
    client_end(&c);
    fake_run();
    if (!given) return o;
    o.hresult = ask(a, given, 6).status;
    o.object = ask(a, given, 3).value;
    o.text = ask(a, given, 4).value;
    client_release(given);
    fake_run();
    return o;
}

static struct outcome told(struct arena *a, uint16_t opnum, struct stub_services r)
{
    struct fake_sink *s = &fake_sink[0];
    s->received = s->statuses = 0;
    r.sink = fake_sink_reference(0);
    struct outcome o = { .hresult = call((uint16_t)(opnum + 1), r) };
    fake_run();
    if (o.hresult) return o;
    assert_int_equal(s->statuses, 1);
    o.hresult = s->last.hresult;
    if (s->received) o.object = arena_dup(a, s->objects[0]);
    o.text = arena_dup(a, s->last.text);
    return o;
}

static void assert_same(struct slice a, struct slice b)
{
    assert_int_equal(a.n, b.n);
    if (a.n) assert_memory_equal(a.p, b.p, a.n);
}

/* Every operation that ends with one thing; those that end with many: async_test.c, wmi_test.c.
 * covers: wmi-dcom:W9 */
static void test_the_same_in_every_delivery(void **state)
{
    static const struct { uint16_t opnum; const char *text[3], *method; int64_t id; uint32_t flags; } rows[] = {
        { 6, { "MyClass", "MyClass", "MyClass" }, NULL, 0, 0 }, { 6, { "MyClass.id=3", "MyClass.id=3", "MyClass.id=3" }, NULL, 0, 0 },
        { 6, { "MyClass.id=999", "MyClass.id=999", "MyClass.id=999" }, NULL, 0, 0 }, { 6, { "Nope", "Nope", "Nope" }, NULL, 0, 0 },
        { 6, { "", "", "" }, NULL, 0, 0 }, { 8, { 0 }, NULL, 0, 0 }, { 10, { "Nope", "Nope", "Nope" }, NULL, 0, 0 },
        { 14, { 0 }, NULL, 5, 1 }, { 14, { 0 }, NULL, 999, 1 }, { 14, { 0 }, NULL, 5, 2 },
        { 16, { "MyClass.id=11", "MyClass.id=12", "MyClass.id=13" }, NULL, 0, 0 },
        { 16, { "MyClass.id=999", "MyClass.id=999", "MyClass.id=999" }, NULL, 0, 0 },
        { 24, { "MyClass", "MyClass", "MyClass" }, "Ping", 0, 0 }, { 24, { "MyClass", "MyClass", "MyClass" }, "Pong", 0, 0 },
    };
    struct arena a;
    arena_init(&a, 0);
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct outcome o[3];
        for (int how = 0; how < 3; how++) {
            struct stub_services r = { .flags = rows[i].flags };
            f.m.mode = i % 2 ? FAKE_ASYNC : FAKE_SYNC;
            if (rows[i].text[how]) r.text = slice_str(rows[i].text[how]);
            if (rows[i].method) r.method = slice_str(rows[i].method);
            if (rows[i].id) r.object = instance_reference(&a, rows[i].id);
            o[how] = how == 0 ? at_once(&a, rows[i].opnum, r) : how == 1 ? later(&a, rows[i].opnum, r) : told(&a, rows[i].opnum, r);
        }
        if (o[0].hresult != o[1].hresult || o[0].hresult != o[2].hresult)
            fail_msg("%u: %x %x %x", i, o[0].hresult, o[1].hresult, o[2].hresult);
        if (o[0].hresult) continue; /* an error object may come with it */
        assert_same(o[0].object, o[1].object);
        assert_same(o[0].object, o[2].object);
        assert_same(o[1].text, o[2].text);
    }
    arena_free(&a);
}

/* Large parameters of operations that go on are bounded in all, and go when the operation is over: not with its result. */
static void test_large_parameters(void **state)
{
    static char large[65537];
    struct client_call c;
    struct slice none = SLICE_NULL;
    memset(large, 'm', sizeof large - 1);
    struct stub_services r = { .text = SLICE("MyClass"), .method = slice_str(large), .flags = 0x10, .result = &none };
    f.server->settings.inputs_total = 300000; /* half for one account */
    f.m.mode = FAKE_BLOCK;
    client_init(&c, services, 0, 24);
    client_run(&c, &r);
    assert_true(c.answered);
    assert_int_equal(c.hresult, 0);
    struct dcom_object *result = client_object(*((struct stub_services *)c.out)->result);
    client_end(&c);
    size_t one = f.server->inputs;
    assert_true(one >= sizeof large);
    f.server->settings.inputs_total = 2 * (one + one / 2);
    assert_int_equal(call(24, (struct stub_services){ .text = r.text, .method = r.method, .flags = 0x10, .result = &none }), 0x8004106c);
    assert_int_equal(f.server->inputs, one);
    fake_go(&f.m);
    fake_run();
    assert_int_equal(f.server->inputs, 0); /* the result is still held */
    client_release(result);
}

/* One account cannot take what the others need; what is given back is there again. */
static void test_shares(void **state)
{
    struct principal who[3] = { { .sid = "S-1-5-21-1" }, { .sid = "S-1-5-21-2" }, { .sid = "S-1-5-21-3" } };
    struct wmi_session x[3];
    size_t taken[4] = { 0 };
    for (int i = 0; i < 3; i++) x[i] = (struct wmi_session){ .server = f.server, .principal = &who[i] };
    f.server->settings.inputs_total = 1000;
    assert_true(wmi_inputs_take(&x[0], 300, 0, &taken[0]));
    assert_false(wmi_inputs_take(&x[0], 201, 0, &taken[1]));
    assert_int_equal(taken[1], 0);
    assert_true(wmi_inputs_take(&x[0], 200, 0, &taken[1]));
    assert_true(wmi_inputs_take(&x[0], 200, 200, &taken[2])); /* small: not counted */
    assert_int_equal(taken[2], 0);
    assert_false(wmi_inputs_take(&x[1], 251, 0, &taken[2])); /* the last quarter is for those who have little */
    assert_true(wmi_inputs_take(&x[1], 250, 0, &taken[2]));
    assert_false(wmi_inputs_take(&x[2], 126, 0, &taken[3]));
    assert_true(wmi_inputs_take(&x[2], 125, 0, &taken[3]));
    wmi_inputs_give(&x[2], &taken[3]);
    wmi_inputs_give(&x[0], &taken[1]);
    assert_false(wmi_inputs_take(&x[2], SIZE_MAX, 0, &taken[3]));
    assert_true(wmi_inputs_take(&x[2], 200, 0, &taken[3]));
    wmi_inputs_give(&x[0], &taken[0]);
    wmi_inputs_give(&x[1], &taken[2]);
    wmi_inputs_give(&x[2], &taken[3]);
    assert_int_equal(f.server->inputs, 0);
    assert_int_equal(f.server->shares.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_the_same_in_every_delivery), T(test_large_parameters), T(test_shares),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
