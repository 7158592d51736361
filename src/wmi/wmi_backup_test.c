/* IWbemBackupRestoreEx over a fake owner of the repository: what reaches it, what is refused before, and the end of the server. */
#include "base/test.h"

#include "wmi/fake_proxy.h"

static struct fake_wmi f;
static struct dcom_object *object;
static struct wmi_care_job *job; /* at work */
static unsigned jobs;
static bool refuse;
static uint64_t now;

static bool run(void *arg, struct wmi_care_job *j)
{
    jobs++;
    if (refuse) return false;
    job = j;
    return true;
}

static uint64_t generation(void *arg) { return now; }

static void finish(cimf_status status)
{
    struct wmi_care_job *j = job;
    job = NULL;
    j->status = status;
    j->done(j);
}

static int setup(void **state)
{
    static const struct wmi_care_hooks care = { run, generation, NULL };
    unsigned n, at = 0;
    now = 0;
    jobs = 0;
    refuse = false;
    job = NULL;
    fake_caller.administrator = true;
    fake_wmi_open_with(&f, &care);
    fake_fill(&f.m, 20);
    const struct dcom_class *classes = wmi_server_classes(f.server, &n);
    while (at < n && strcmp(classes[at].name, "WbemBackupRestore") != 0) at++;
    assert_true(at < n);
    assert_int_equal(classes[at].clsid.data1, 0xc49e32c6);
    assert_int_equal(classes[at].create(&classes[at], NULL, &fake_caller, &object), DCOM_OK);
    dcom_object_settle(object, &loops[0].exec);
    return 0;
}

static int teardown(void **state)
{
    client_release(object);
    fake_wmi_close(&f);
    fake_caller.administrator = false;
    return 0;
}

/* An answer at once, or 0xffffffff when it is at work. */
static uint32_t call(struct client_call *c, uint16_t opnum, const char *file, uint32_t flags)
{
    static struct stub_backup r;
    r = (struct stub_backup){ file ? slice_str(file) : SLICE_NULL, flags };
    client_init(c, object, 1, opnum);
    client_run(c, opnum < 5 ? &r : NULL);
    if (!c->answered) return 0xffffffff;
    uint32_t hresult = c->hresult;
    client_end(c);
    return hresult;
}

static void test_what_reaches_the_owner(void **state)
{
    static const struct { uint16_t opnum; const char *file; uint32_t flags; enum wmi_care what; const char *name; } cases[] = {
        { 3, "C:\\x\\a.rec", 0, WMI_BACKUP, "a.rec" }, { 4, "a.rec", 1, WMI_RESTORE, "a.rec" },
        { 5, NULL, 0, WMI_PAUSE, "" }, { 6, NULL, 0, WMI_RESUME, "" },
    };
    for (unsigned i = 0; i < 4; i++) {
        struct client_call c;
        assert_int_equal(call(&c, cases[i].opnum, cases[i].file, cases[i].flags), 0xffffffff);
        assert_int_equal(job->what, cases[i].what);
        assert_string_equal(job->file, cases[i].name);
        assert_string_equal(job->peer, "192.0.2.9");
        assert_ptr_equal(job->principal, &fake_caller);
        finish(i % 2 ? CIMF_INVALID_OPERATION : CIMF_OK);
        assert_true(c.answered);
        assert_int_equal(c.hresult, i % 2 ? 0x80041016 : 0);
        client_end(&c);
    }
    struct client_call c;
    refuse = true;
    assert_int_equal(call(&c, 5, NULL, 0), 0x80041033);
}

/* covers: wmi-dcom:W34 */
static void test_parameters(void **state)
{
    static const struct { uint16_t opnum; const char *file; uint32_t flags; } bad[] = {
        { 3, "a", 1 }, { 3, "a", 0x80000000 }, { 3, NULL, 0 }, { 3, "", 0 }, { 4, "a", 0 }, { 4, "a", 2 }, { 4, "a", 3 }, { 4, "..", 1 },
    };
    struct client_call c;
    for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(call(&c, bad[i].opnum, bad[i].file, bad[i].flags), 0x80041008);
    assert_int_equal(jobs, 0);
    /* Others come to the owner, who refuses and records it, whatever they send. */
    fake_caller.administrator = false;
    for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(call(&c, bad[i].opnum, bad[i].file, bad[i].flags), 0xffffffff);
        finish(CIMF_ACCESS_DENIED);
        assert_int_equal(c.hresult, 0x80041003);
        client_end(&c);
    }
    for (uint16_t opnum = 3; opnum <= 6; opnum++) {
        struct stub_backup r = { SLICE("a"), opnum == 4 };
        client_init(&c, object, 1, opnum);
        c.c.flags = MECH_IDENTIFY;
        client_run(&c, opnum < 5 ? &r : NULL);
        assert_int_equal(c.hresult, 0x80041003);
        client_end(&c);
    }
}

static void test_names(void **state)
{
    static const struct { const char *path, *name; } cases[] = {
        { "a", "a" }, { "a.rec", "a.rec" }, { "C:\\a.rec", "a.rec" }, { "c:a", "a" }, { "/var/lib/x/a", "a" }, { "\\\\host\\share\\a b", "a b" },
        { "a\\b/c", "c" }, { "a.part.rec", "a.part.rec" }, { "", NULL }, { "/", NULL }, { "C:", NULL }, { "C:\\", NULL }, { "a/", NULL }, { ".", NULL },
        { "..", NULL }, { "../a", NULL }, { "a/../b", NULL }, { "..\\a", NULL }, { "C:..\\a", NULL }, { "a\\..", NULL }, { ".a", NULL }, { "..a", NULL },
        { "aa:b", NULL }, { "C:a:b", NULL }, { "a\nb", NULL }, { "a\x7f", NULL }, { "a.part", NULL }, { "a.PART", NULL }, { ".part", NULL },
    };
    char out[WMI_BACKUP_NAME + 1], longest[WMI_BACKUP_NAME + 2];
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        bool ok = wmi_backup_name(slice_str(cases[i].path), out);
        if (ok != (cases[i].name != NULL)) fail_msg("%s", cases[i].path);
        if (ok) assert_string_equal(out, cases[i].name);
    }
    memset(longest, 'x', sizeof longest);
    assert_true(wmi_backup_name(slice_of(longest, WMI_BACKUP_NAME), out));
    assert_false(wmi_backup_name(slice_of(longest, WMI_BACKUP_NAME + 1), out));
    assert_false(wmi_backup_name(slice_of("a\0b", 3), out));
    assert_false(wmi_backup_name(SLICE_NULL, out));
}

static uint32_t get_object(struct dcom_object *services)
{
    struct client_call c;
    struct slice out = SLICE_NULL;
    struct stub_services r = { .text = SLICE("Base"), .out = &out };
    client_init(&c, services, 0, 6);
    client_run(&c, &r);
    fake_run();
    uint32_t hresult = c.hresult;
    client_end(&c);
    return hresult;
}

/* covers: wmi-dcom:W38 */
static void test_sessions_end_with_a_restore(void **state)
{
    struct client_call c;
    struct stub_ntlm_login r = { .network = SLICE("root/test") };
    struct stub_services query = { .text = SLICE("wql"), .method = SLICE("select * from MyClass") };
    struct stub_next next = { .timeout = WMI_INFINITE, .count = 1 };
    struct dcom_object *services = fake_wmi_login(&f);
    client_init(&c, services, 0, 20);
    client_run(&c, &query);
    fake_run();
    assert_int_equal(c.hresult, 0);
    struct dcom_object *rows = client_object(((struct stub_services *)c.out)->enumerator);
    client_end(&c);
    static const struct { uint64_t now; uint32_t hresult; } steps[] = { { 1, 0x80080008 }, { 2, 0x8004100e }, { 3, 0x80080008 } };
    for (int i = 0; i < 3; i++) {
        now = steps[i].now;
        assert_int_equal(get_object(services), steps[i].hresult);
        struct stub_services sink = { .flags = 0 };
        client_init(&c, services, 0, 5);
        client_run(&c, &sink);
        fake_run();
        assert_int_equal(c.hresult, steps[i].hresult);
        client_end(&c);
        client_init(&c, rows, 0, 4);
        client_run(&c, &next);
        assert_int_equal(c.hresult, steps[i].hresult);
        client_end(&c);
    }
    client_init(&c, f.login, 0, 6);
    client_run(&c, &r);
    assert_int_equal(c.hresult, 0x80080008);
    client_end(&c);
    now = 4;
    struct dcom_object *again = fake_wmi_login(&f);
    assert_int_equal(get_object(again), 0);
    client_release(again);
    client_release(rows);
    client_release(services);
}

/* The answer comes when the server ends; the work is left to its owner, who may finish before or after. */
static void test_the_end_of_the_server(void **state)
{
    struct client_call c, late;
    for (int first = 0; first < 2; first++) {
        f.server->stopped = false;
        assert_int_equal(call(&c, 3, "a", 0), 0xffffffff);
        struct wmi_care_job *j = job;
        wmi_server_stop(f.server);
        if (first) {
            j->status = CIMF_OK;
            j->done(j);
        }
        fake_run();
        assert_true(c.answered);
        assert_int_equal(c.hresult, first ? 0 : 0x80041033);
        client_end(&c);
        assert_int_equal(call(&late, 3, "a", 0), 0x80041033);
        if (!first) {
            fake_current = &loops[0];
            j->done(j);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_reaches_the_owner, setup, teardown),
        cmocka_unit_test_setup_teardown(test_parameters, setup, teardown),
        cmocka_unit_test_setup_teardown(test_names, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sessions_end_with_a_restore, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_end_of_the_server, setup, teardown),
    };
    return cmocka_run_group_tests_name("backup", tests, NULL, NULL);
}
