/* The client half against replies of Windows, OMI and Openwsman (tests/data/replies). */
#include "wsman/client_harness.h"

#define ENUMERATE "2004/09/enumeration/Enumerate<"
#define PULL "2004/09/enumeration/Pull<"
#define CLASS(name) "<w:Selector Name=\"ClassName\">" name "<"

static struct wsman_client *client;

static int setup(void **state)
{
    client = peer_client(WSMAN_URI_WMI);
    return 0;
}

static int teardown(void **state)
{
    wsman_client_free(client);
    return 0;
}

static void test_identify(void **state)
{
    static const char *const files[] = { "windows_identify.xml", "omi_identify.xml" };
    static const char *const vendors[] = { "Microsoft Corporation", "Open Management Infrastructure" };
    for (int i = 0; i < 2; i++) {
        struct exchange script[] = { { "<wsmid:Identify/>", 200, files[i] }, { 0 } };
        struct wsman_request r = { .verb = WSMAN_ASK_IDENTIFY };
        struct peer p = { client, peer_start(client, &r), script, 0 };
        const struct cim_instance *in = peer_next(&p);
        assert_non_null(in);
        assert_slice(peer_value(in, "ProductVendor").v.s, vendors[i]);
        assert_int_equal(peer_value(in, "ProtocolVersion").v.a.n, 1);
        assert_int_equal(peer_value(in, "SecurityProfiles").null, i == 1);
        assert_null(peer_next(&p));
        assert_int_equal(wsman_task_state(p.task), WSMAN_TASK_DONE);
        wsman_task_free(p.task);
    }
}

/* covers: wsman:L2 wsman:L3 wsman:L5 wsman:L6 wsman:L7 */
static void test_enumerate(void **state)
{
    static const struct exchange script[] = {
        { ENUMERATE, 200, "windows_enumerate.xml" },
        { CLASS("Win32_Widget"), 200, "windows_class.xml" },
        { CLASS("CIM_Widget"), 200, "windows_class_base.xml" },
        { PULL, 200, "windows_pull.xml" },
        { 0 },
    };
    struct wsman_request r = { .verb = WSMAN_ASK_ENUMERATE, .class_name = SLICE("Win32_Widget") };
    struct peer p = { client, peer_start(client, &r), script, 0 };
    const struct cim_instance *in = peer_next(&p);
    assert_non_null(in);
    assert_slice(in->cls->name, "Win32_Widget");
    assert_slice(in->cls->super->name, "CIM_Widget");
    assert_true(in->cls->flags & CIM_CLASS_DYNAMIC);
    assert_slice(peer_value(in, "Caption").v.s, "First & only");
    assert_slice(peer_value(in, "InstallDate").v.s, "20240131235959.500000+060");
    assert_int_equal(peer_value(in, "Size").type, CIM_UINT64);
    assert_true(peer_value(in, "Size").v.u == UINT64_MAX);
    assert_true(peer_value(in, "Load").v.r == 0.25);
    assert_int_equal(peer_value(in, "Started").type, CIM_BOOLEAN);
    assert_true(peer_value(in, "Owner").null);
    struct cim_value ports = peer_value(in, "Ports"), tags = peer_value(in, "Tags");
    assert_int_equal(ports.v.a.n, 2);
    assert_int_equal(cim_array_get(CIM_UINT16, ports.v.a, 1).u, 443);
    assert_int_equal(tags.type, CIM_STRING | CIM_ARRAY); /* one element, and still an array: the class says so */
    in = peer_next(&p);
    assert_non_null(in);
    assert_slice(peer_value(in, "Name").v.s, "two");
    assert_true(peer_value(in, "Caption").null);
    assert_slice(peer_value(in, "InstallDate").v.s, "20240131******.******+***");
    assert_slice(peer_value(in, "Owner").v.s, "Win32_Widget.Name=\"one\"");
    assert_null(peer_next(&p));
    assert_int_equal(wsman_task_state(p.task), WSMAN_TASK_DONE);
    assert_int_equal(p.at, 4); /* the classes were asked for once */
    wsman_task_free(p.task);
}

static void test_what_is_sent(void **state)
{
    struct wsman_request r = { .verb = WSMAN_ASK_QUERY, .query = SLICE("SELECT * FROM X WHERE a < 'b & c'") };
    struct wsman_task *t = peer_start(client, &r);
    struct slice m = wsman_task_message(t);
    assert_slice(peer_between(m, "<w:MaxEnvelopeSize s:mustUnderstand=\"true\">", "<"), "512000");
    assert_slice(peer_between(m, "<w:OperationTimeout>", "<"), "PT60.000S");
    assert_slice(peer_between(m, "<w:MaxElements>", "<"), "100");
    assert_slice(peer_between(m, "<w:Filter Dialect=\"http://schemas.microsoft.com/wbem/wsman/1/WQL\">", "</w:Filter>"),
                 "SELECT * FROM X WHERE a &lt; 'b &amp; c'");
    assert_slice(peer_between(m, "<w:ResourceURI s:mustUnderstand=\"true\">", "<"),
                 "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2/*");
    static const char *const never[] = { "RequestEPR", "RequestTotalItemsCountEstimate", "PolymorphismMode", "n:Filter" };
    for (int i = 0; i < 4; i++) assert_null(memmem(m.p, m.n, never[i], strlen(never[i])));
    wsman_task_free(t);
}

static void test_dmtf_uris(void **state)
{
    struct wsman_client *c = peer_client(WSMAN_URI_CIM);
    struct wsman_request r = { .verb = WSMAN_ASK_ENUMERATE, .class_name = SLICE("CIM_X"), .ns = SLICE("root/other") };
    struct wsman_task *t = peer_start(c, &r);
    struct slice m = wsman_task_message(t);
    assert_slice(peer_between(m, "<w:ResourceURI s:mustUnderstand=\"true\">", "<"),
                 "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_X");
    assert_slice(peer_between(m, "<w:Selector Name=\"__cimnamespace\">", "<"), "root/other");
    wsman_task_free(t);
    wsman_client_free(c);
}

/* covers: wsman:L4 */
static void test_locale(void **state)
{
    struct wsman_client_config config = { .to = SLICE("http://h/wsman"), .ns = SLICE("root/cimv2"), .timeout_us = 1000000,
                                          .max_envelope = 8192, .max_elements = 1, .locale = SLICE("de-DE"), .form = WSMAN_URI_WMI };
    struct wsman_client *c = NULL;
    assert_int_equal(wsman_client_new(&config, &c), CIMF_OK);
    struct wsman_request r = { .verb = WSMAN_ASK_ENUMERATE, .class_name = SLICE("X") };
    struct wsman_task *t = peer_start(c, &r);
    struct slice m = wsman_task_message(t);
    assert_slice(peer_between(m, "<w:Locale xml:lang=\"", "/>"), "de-DE\" s:mustUnderstand=\"false\"");
    struct slice data = peer_between(m, "<p:DataLocale", "/>");
    assert_non_null(memmem(data.p, data.n, "xml:lang=\"de-DE\" s:mustUnderstand=\"false\"", 41));
    wsman_task_free(t);
    wsman_client_free(c);
}

/* The class is not told: the shapes of the values speak. */
static void test_without_class(void **state)
{
    static const struct exchange script[] = {
        { CLASS("Win32_Widget"), 500, "windows_fault_unsupported.xml" },
        { "transfer/Get<", 200, "omi_get.xml" },
        { 0 },
    };
    struct wsman_request r = { .verb = WSMAN_ASK_GET, .path = SLICE("Win32_Widget.Name=\"three\"") };
    struct peer p = { client, peer_start(client, &r), script, 0 };
    const struct cim_instance *in = peer_next(&p);
    assert_non_null(in);
    assert_slice(peer_value(in, "Name").v.s, "three");
    assert_slice(peer_value(in, "InstallDate").v.s, "20240229120000.000000+000");
    assert_slice(peer_value(in, "Size").v.s, "7");
    assert_int_equal(in->cls->property_count, 4);
    assert_null(peer_next(&p));
    wsman_task_free(p.task);
}

static void test_get_with_class(void **state)
{
    static const struct exchange script[] = {
        { CLASS("win32_widget"), 200, "windows_class.xml" },
        { CLASS("CIM_Widget"), 200, "windows_class_base.xml" },
        { "<w:Selector Name=\"Name\">three<", 200, "omi_get.xml" },
        { 0 },
    };
    struct wsman_request r = { .verb = WSMAN_ASK_GET, .path = SLICE("win32_widget=\"three\"") }; /* key unnamed */
    struct peer p = { client, peer_start(client, &r), script, 0 };
    const struct cim_instance *in = peer_next(&p);
    assert_non_null(in);
    assert_true(peer_value(in, "Size").v.u == 7 && peer_value(in, "Started").v.u == 1);
    assert_null(peer_next(&p));
    wsman_task_free(p.task);
    r.path = SLICE("Win32_Widget.Nam=\"x\""); /* known to be wrong: nothing is sent */
    p = (struct peer){ client, peer_start(client, &r), &script[3], 0 };
    assert_int_equal(peer_run(&p), WSMAN_TASK_FAILED);
    assert_int_equal(wsman_task_failure(p.task)->error.status, CIMF_INVALID_OBJECT_PATH);
    wsman_task_free(p.task);
}

static void test_fragments(void **state)
{
    static const struct exchange script[] = {
        { ENUMERATE, 200, "windows_fragments.xml" },
        { CLASS("win32_widget"), 200, "windows_class.xml" },
        { CLASS("CIM_Widget"), 200, "windows_class_base.xml" },
        { 0 },
    };
    struct wsman_request r = { .verb = WSMAN_ASK_QUERY, .query = SLICE("select Size, ports,Name from win32_widget where 1=1") };
    struct peer p = { client, peer_start(client, &r), script, 0 };
    const struct cim_instance *in = peer_next(&p);
    assert_non_null(in);
    /* In the order asked for, with the types and the spelling of the class. */
    assert_int_equal(in->cls->property_count, 3);
    assert_slice(in->cls->properties[0].name, "Size");
    assert_slice(in->cls->properties[1].name, "Ports");
    assert_int_equal(in->cls->properties[1].type, CIM_UINT16 | CIM_ARRAY);
    assert_true(peer_value(in, "Size").v.u == 5);
    assert_int_equal(peer_value(in, "Ports").v.a.n, 1);
    in = peer_next(&p);
    assert_non_null(in);
    assert_true(peer_value(in, "Size").null);
    assert_false(cim_is_sent(in, 1));
    assert_null(peer_next(&p));
    wsman_task_free(p.task);
}

static void test_create_and_invoke(void **state)
{
    static const struct exchange class_script[] = {
        { CLASS("Win32_Widget"), 200, "windows_class.xml" }, { CLASS("CIM_Widget"), 200, "windows_class_base.xml" }, { 0 },
    };
    struct wsman_request r = { .verb = WSMAN_ASK_CLASS, .class_name = SLICE("Win32_Widget") };
    struct peer p = { client, peer_start(client, &r), class_script, 0 };
    struct wsman_item item;
    assert_int_equal(peer_run(&p), WSMAN_TASK_ITEMS);
    assert_true(wsman_task_next(p.task, &item));
    const struct cim_class *cls = cim_class_ref(cim_as_class(item.object));
    wsman_task_free(p.task);

    struct arena a;
    arena_init(&a, 0);
    struct cim_instance *in = cim_instance_new(&a, cls);
    memset(in->state, CIM_UNSENT, cls->property_count);
    cim_put_strz(in, "Name", "made");
    in->state[cim_class_property(cls, SLICE("Name"))] = CIM_SET;
    in->slot[cim_class_property(cls, SLICE("Name"))].s = SLICE("made");
    static const struct exchange create_script[] = { { "<p:Name>made</p:Name>", 200, "windows_created.xml" }, { 0 } };
    r = (struct wsman_request){ .verb = WSMAN_ASK_CREATE, .instance = in };
    p = (struct peer){ client, peer_start(client, &r), create_script, 0 };
    assert_null(peer_next(&p));
    assert_int_equal(wsman_task_state(p.task), WSMAN_TASK_DONE);
    assert_slice(wsman_task_path(p.task), "Win32_Widget.Name=\"made\"");
    wsman_task_free(p.task);

    static const struct exchange stop_script[] = { { "/Win32_Widget/Stop</a:Action>", 200, "windows_output.xml" }, { 0 } };
    r = (struct wsman_request){ .verb = WSMAN_ASK_INVOKE, .path = SLICE("Win32_Widget.Name=\"made\""), .method = SLICE("Stop") };
    p = (struct peer){ client, peer_start(client, &r), stop_script, 0 };
    const struct cim_instance *out = peer_next(&p);
    assert_non_null(out);
    assert_int_equal(peer_value(out, "Waited").type, CIM_UINT32);
    assert_true(peer_value(out, "Waited").v.u == 12 && !peer_value(out, "ReturnValue").null);
    assert_null(peer_next(&p));
    wsman_task_free(p.task);
    cim_class_unref(cls);
    arena_free(&a);
}

static void test_faults(void **state)
{
    static const struct {
        const char *file;
        int http;
        cimf_status status;
        uint32_t native, code;
        const char *text;
    } rows[] = {
        { "windows_fault_provider.xml", 500, CIMF_INVALID_QUERY, 0x80041017, 2150858778u, "The query was not understood." },
        { "windows_fault_wmierror.xml", 500, CIMF_NOT_FOUND, 0x80041002, 0, "Not found here." },
        { "windows_fault_timeout.xml", 500, CIMF_WSMAN_TIMED_OUT, 2150858793u, 2150858793u, "Nothing within the OperationTimeout." },
        { "openwsman_fault.xml", 400, CIMF_WSMAN_FILTER_DIALECT, 0, 0, "This filter dialect is not there." },
        { "openwsman_fault.xml", 200, CIMF_WSMAN_FILTER_DIALECT, 0, 0, "This filter dialect is not there." },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct exchange script[] = { { ENUMERATE, rows[i].http, rows[i].file }, { 0 } };
        struct wsman_request r = { .verb = WSMAN_ASK_ENUMERATE, .class_name = SLICE("X") };
        struct peer p = { client, peer_start(client, &r), script, 0 };
        assert_int_equal(peer_run(&p), WSMAN_TASK_FAILED);
        const struct wsman_failure *f = wsman_task_failure(p.task);
        if (f->error.status != rows[i].status) fail_msg("%s: %s", rows[i].file, cimf_status_name(f->error.status));
        assert_int_equal(f->error.native, rows[i].native);
        assert_int_equal(f->fault_code, rows[i].code);
        assert_string_equal(f->error.text, rows[i].text);
        assert_int_equal(f->http_status, rows[i].http);
        wsman_task_free(p.task);
    }
}

/* Servers that enumerate only the names of classes: one Get each, superclasses first. */
static void test_classes_by_name(void **state)
{
    static const struct exchange script[] = {
        { ENUMERATE, 500, "windows_fault_unsupported.xml" },
        { "<w:EnumerationMode>EnumerateEPR<", 200, "windows_names.xml" },
        { CLASS("CIM_Widget"), 200, "windows_class_base.xml" },
        { CLASS("Win32_Widget"), 200, "windows_class.xml" },
        { 0 },
    };
    struct wsman_request r = { .verb = WSMAN_ASK_CLASSES };
    struct peer p = { client, peer_start(client, &r), script, 0 };
    struct wsman_item item;
    assert_int_equal(peer_run(&p), WSMAN_TASK_ITEMS);
    assert_true(wsman_task_next(p.task, &item));
    assert_slice(cim_as_class(item.object)->name, "CIM_Widget");
    assert_true(wsman_task_next(p.task, &item));
    assert_slice(cim_as_class(item.object)->name, "Win32_Widget");
    assert_false(wsman_task_next(p.task, &item));
    assert_int_equal(wsman_task_state(p.task), WSMAN_TASK_DONE);
    wsman_task_free(p.task);
}

static void test_release(void **state)
{
    static const struct exchange script[] = {
        { ENUMERATE, 200, "windows_enumerate.xml" },
        { CLASS("Win32_Widget"), 200, "windows_class.xml" },
        { CLASS("CIM_Widget"), 200, "windows_class_base.xml" },
        { "<n:Release><n:EnumerationContext>uuid:0E7F7C1A-1111-0000-0000-000000000001<", 500, "windows_fault_timeout.xml" },
        { 0 },
    };
    struct wsman_request r = { .verb = WSMAN_ASK_ENUMERATE, .class_name = SLICE("Win32_Widget") };
    struct peer p = { client, peer_start(client, &r), script, 0 };
    assert_non_null(peer_next(&p));
    assert_true(wsman_task_release(p.task));
    assert_int_equal(peer_run(&p), WSMAN_TASK_FAILED);
    assert_false(wsman_task_release(p.task));
    wsman_task_free(p.task);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_identify, setup, teardown),
        cmocka_unit_test_setup_teardown(test_enumerate, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_sent, setup, teardown),
        cmocka_unit_test(test_dmtf_uris), cmocka_unit_test(test_locale),
        cmocka_unit_test_setup_teardown(test_without_class, setup, teardown),
        cmocka_unit_test_setup_teardown(test_get_with_class, setup, teardown),
        cmocka_unit_test_setup_teardown(test_fragments, setup, teardown),
        cmocka_unit_test_setup_teardown(test_create_and_invoke, setup, teardown),
        cmocka_unit_test_setup_teardown(test_faults, setup, teardown),
        cmocka_unit_test_setup_teardown(test_classes_by_name, setup, teardown),
        cmocka_unit_test_setup_teardown(test_release, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
