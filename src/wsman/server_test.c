/* Identify, Get, Put, Create, Delete, Invoke, time and quotas. What a request looks like: request_test.c. Enumerations:
 * enumerate_test.c, context_test.c. */
#include "wsman/server_asserts.h"

static int setup(void **state)
{
    fixture_open(&f);
    fake_fill(&f.m, 2);
    fixture_serve(&f);
    return 0;
}

/* --- Identify --------------------------------------------------------------------------------- */

static const struct slice identify = SLICE("<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\" xmlns:i=\""
    "http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd\"><s:Header/><s:Body><i:Identify/></s:Body>"
    "</s:Envelope>");

/* covers: wsman:E1 wsman:E26 wsman:E27 */
static void identifies(void **state)
{
    static const char *const profiles[] = { "http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/http/basic", NULL };
    fixture_close(&f);
    fixture_open(&f);
    f.config.profiles = profiles;
    f.config.version = SLICE("OS: 1.2.3 SP: 0.0 Stack: 3.0");
    fixture_serve(&f);
    fixture_send(&f, identify);
    assert_int_equal(f.x.status, 200);
    assert_string_equal(f.x.type, "application/soap+xml;charset=UTF-8");
    assert_contains("OS: 1.2.3 SP: 0.0 Stack: 3.0");
    assert_contains("secprofile/http/basic");
    assert_true(xml_is(f.reply.content, NS_WSMID, "IdentifyResponse"));
    assert_text(xml_child(f.reply.content, NS_WSMID, "ProtocolVersion")->text,
                "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd");
    assert_null(f.reply.action.p);

    exchange_free(&f.x);
    exchange_send(&f.x, f.server, NULL, 0, SLICE("application/soap+xml"), identify);
    fixture_reply(&f);
    assert_int_equal(f.x.status, 200);
    assert_contains("OS: 0.0.0 SP: 0.0 Stack: 3.0");
    assert_null(xml_child(f.reply.content, NS_WSMID, "SecurityProfiles"));
    assert_int_equal(f.m.submitted, 0);
}

/* Pitfall 26: the unauthenticated way leads to nothing else. */
static void anonymous_gets_nothing_else(void **state)
{
    struct slice get = message(&f, XFER("Get"), WMI_URI "MyClass", SET(SEL("id", "1")), "");
    exchange_send(&f.x, f.server, NULL, 0, SLICE("application/soap+xml"), get);
    assert_int_equal(f.x.status, 401);
    exchange_free(&f.x);
    exchange_send(&f.x, f.server, NULL, 0, SLICE("application/soap+xml"), SLICE("<bad"));
    assert_int_equal(f.x.status, 401);
    assert_int_equal(f.m.submitted, 0);
}

/* --- Get -------------------------------------------------------------------------------------- */

/* covers: wsman:C1 wsman:C2 wsman:E4 */
static void gets_an_instance(void **state)
{
    ask(&f, XFER("Get"), "\n" WMI_URI "myclass\n", SET(SEL("ID", "1")), "");
    struct xml_node *n = assert_ok(XFER("GetResponse"));
    assert_text(n->name, "MyClass");
    assert_text(n->uri, WMI_URI "MyClass");
    struct slice uri, type;
    xml_qname(n, xml_attr_ns(n, NS_XSI, "type")->value, &uri, &type);
    assert_text(type, "MyClass_Type");
    assert_text(uri, WMI_URI "MyClass");
    assert_text(xml_child_any(n, "Data1")->text, "Hello World");
    assert_text(xml_child_any(n, "id")->text, "1");
    assert_text(xml_child_any(n, "Level")->text, "7");
    assert_text(xml_attr_ns(xml_child_any(n, "When"), NS_XSI, "nil")->value, "true");
    const char *last = "";
    for (struct xml_node *p = xml_first(n); p; p = xml_next(p)) { /* alphabetical, whatever the case */
        char *name = arena_strz(&f.arena, p->name);
        assert_true(strcasecmp(last, name) < 0);
        last = name;
    }
    assert_ptr_equal(f.m.last.principal, f.alice);
    assert_true(f.m.last.deadline_us == fake_now + 60000000);

    ask(&f, XFER("Get"), DMTF_URI "MyClass", SET(SEL("id", "2") SEL("__cimnamespace", "root\\test")), "");
    n = assert_ok(XFER("GetResponse"));
    assert_text(n->uri, DMTF_URI "MyClass");
    ask(&f, XFER("Get"), "http://vendor.example/wbem/wscim/1/cim-schema/2/MyClass", SET(SEL("id", "2")), "");
    n = assert_ok(XFER("GetResponse"));
    assert_text(n->uri, "http://vendor.example/wbem/wscim/1/cim-schema/2/MyClass");
}

/* Through a superclass: the instance in its own class element. covers: wsman:C20 */
static void gets_a_derived_instance(void **state)
{
    struct cim_instance *in = fake_row(&f.m, "Derived");
    cim_put_i64(in, "id", 9);
    cim_put_strz(in, "Extra", "more");
    ask(&f, XFER("Get"), WMI_URI "Base", SET(SEL("id", "9")), "");
    struct xml_node *n = assert_ok(XFER("GetResponse"));
    assert_text(n->name, "Derived");
    assert_text(n->uri, WMI_URI "Derived");
}

/* Pitfall 10. */
static void selectors_are_checked(void **state)
{
    static const struct { const char *set; cimf_status want; } cases[] = {
        { "", CIMF_WSMAN_SELECTORS_MISSING },
        { SET(""), CIMF_WSMAN_SELECTORS_MISSING },
        { SET(SEL("id", "1") SEL("Data1", "x")), CIMF_WSMAN_SELECTORS_UNEXPECTED },
        { SET(SEL("id", "1") SEL("nope", "x")), CIMF_WSMAN_SELECTORS_UNEXPECTED },
        { SET(SEL("id", "1") SEL("ID", "1")), CIMF_WSMAN_SELECTOR_DUPLICATE },
        { SET(SEL("id", "one")), CIMF_WSMAN_SELECTOR_TYPE },
        { SET(SEL("id", "99999999999")), CIMF_WSMAN_SELECTOR_TYPE },
        { SET("<w:Selector>1</w:Selector>"), CIMF_WSMAN_INVALID_SELECTORS },
        { SET("<w:Other Name='id'>1</w:Other>"), CIMF_WSMAN_INVALID_SELECTORS },
        { SET(SEL("id", "1")) SET(SEL("id", "1")), CIMF_WSMAN_INVALID_SELECTORS },
        { SET(SEL("id", "1") SEL("__cimnamespace", "root/other")), CIMF_WSMAN_NAMESPACE_SELECTOR },
        { SET(SEL("id", "77")), CIMF_NOT_FOUND },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ask(&f, XFER("Get"), WMI_URI "MyClass", cases[i].set, "");
        assert_fault(cases[i].want);
    }
    struct buf b;
    buf_init(&b, 0);
    buf_lit(&b, "<w:SelectorSet>");
    for (int i = 0; i < 10000; i++) buf_printf(&b, "<w:Selector Name=\"k%d\">1</w:Selector>", i);
    buf_lit(&b, "</w:SelectorSet>");
    ask(&f, XFER("Get"), WMI_URI "MyClass", buf_strz(&b), "");
    assert_fault(CIMF_WSMAN_SELECTOR_LIMIT);
    buf_free(&b);
}

static void nested_references_are_bounded(void **state)
{
    static const char open[] = "<a:EndpointReference><a:ReferenceParameters><w:ResourceURI>" WMI_URI "Named"
                               "</w:ResourceURI><w:SelectorSet>" SEL("Name", "x") "<w:Selector Name='Link'>";
    static const char close[] = "</w:Selector></w:SelectorSet></a:ReferenceParameters></a:EndpointReference>";
    for (int depth = 2; depth <= 20; depth += 18) {
        struct buf b;
        buf_init(&b, 0);
        buf_lit(&b, "<w:SelectorSet>" SEL("Name", "x") "<w:Selector Name='Link'>");
        for (int i = 0; i < depth; i++) buf_str(&b, open);
        buf_lit(&b, "Base.id=1");
        for (int i = 0; i < depth; i++) buf_str(&b, close);
        buf_lit(&b, "</w:Selector></w:SelectorSet>");
        ask(&f, XFER("Get"), WMI_URI "Named", buf_strz(&b), "");
        assert_fault(depth > LIMIT_EPR_DEPTH ? CIMF_WSMAN_SELECTOR_DEPTH : CIMF_NOT_FOUND);
        buf_free(&b);
    }
}

static void gets_singletons(void **state)
{
    cim_put_strz(fake_row(&f.m, "Single"), "Value", "v");
    ask(&f, XFER("Get"), WMI_URI "Single", "", "");
    assert_text(assert_ok(XFER("GetResponse"))->name, "Single");
    assert_int_equal(f.m.last.path.kind, CIM_PATH_SINGLETON);
}

static void missing_things(void **state)
{
    ask(&f, XFER("Get"), WMI_URI "NoSuchClass", "", "");
    assert_fault(CIMF_INVALID_CLASS);
    assert_int_equal(f.fault.provider_code, cimf_status_info(CIMF_INVALID_CLASS)->hresult);
    ask(&f, XFER("Get"), "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/nowhere/MyClass", SET(SEL("id", "1")), "");
    assert_fault(CIMF_INVALID_NAMESPACE);
    f.m.fail = CIMF_ACCESS_DENIED;
    ask(&f, XFER("Get"), WMI_URI "MyClass", SET(SEL("id", "1")), "");
    assert_fault(CIMF_ACCESS_DENIED);
    assert_text(f.fault.operation, "GetObject");
    assert_text(f.fault.parameter, "MyClass.id=1");
}

/* --- Put, Create, Delete ---------------------------------------------------------------------- */

#define MY(content) "<q:MyClass xmlns:q='" WMI_URI "MyClass'>" content "</q:MyClass>"

/* covers: wsman:C3 */
static void puts_what_is_sent(void **state)
{
    ask(&f, XFER("Put"), WMI_URI "MyClass", SET(SEL("id", "1")),
        MY("<q:id>1</q:id><q:Number>18446744073709551615</q:Number><q:Data1 xsi:nil='true'/><q:List>a</q:List><q:List/>"
           "<q:When><cim:Datetime>2007-03-01T12:00:00.123456-08:00</cim:Datetime></q:When><q:Flag>1</q:Flag>"
           "<cim:Location><a:Address>x</a:Address></cim:Location>"));
    struct xml_node *n = assert_ok(XFER("PutResponse"));
    assert_text(xml_child_any(n, "Number")->text, "18446744073709551615");
    assert_non_null(xml_attr_ns(xml_child_any(n, "Data1"), NS_XSI, "nil"));
    assert_text(xml_text(&f.arena, xml_child_any(n, "When")), "2007-03-01T12:00:00.123456-08:00");
    assert_text(xml_child_any(n, "Flag")->text, "true");
    assert_text(xml_child_any(n, "Level")->text, "7"); /* not sent, not touched */
    assert_int_equal(f.m.rows[0]->state[cim_class_property(f.m.rows[0]->cls, SLICE("Level"))], CIM_DEFAULTED);
}

/* Pitfall 14. */
static void puts_that_cannot_be(void **state)
{
    static const struct { const char *body; cimf_status want; } cases[] = {
        { "", CIMF_WSMAN_INVALID_REPRESENTATION },
        { "<q:Other xmlns:q='urn:q'/>", CIMF_WSMAN_INVALID_NAMESPACE },
        { "<q:Single xmlns:q='urn:q'/>", CIMF_WSMAN_INVALID_NAMESPACE },
        { MY("<q:id>2</q:id>"), CIMF_WSMAN_KEYS_CHANGED },
        { MY("<q:id xsi:nil='true'/>"), CIMF_WSMAN_KEYS_CHANGED },
        { MY("<q:Nope>2</q:Nope>"), CIMF_INVALID_PROPERTY },
        { MY("<q:Number>two</q:Number>"), CIMF_TYPE_MISMATCH },
        { MY("<q:Number/>"), CIMF_TYPE_MISMATCH },
        { MY("<q:Number>1</q:Number><q:Number>2</q:Number>"), CIMF_TYPE_MISMATCH },
        { MY("<q:Data1><q:x/></q:Data1>"), CIMF_TYPE_MISMATCH },
        { MY("<q:List>a</q:List><q:List xsi:nil='true'/>"), CIMF_TYPE_MISMATCH },
        { MY("<q:When>yesterday</q:When>"), CIMF_TYPE_MISMATCH },
        { MY("<q:When>-2007-03-01T12:00:00</q:When>"), CIMF_TYPE_MISMATCH },
        { MY("<q:Peer><a:ReferenceParameters/></q:Peer>"), CIMF_TYPE_MISMATCH },
        { MY("<q:Inner xsi:type='q:NoClass_Type'/>"), CIMF_TYPE_MISMATCH },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ask(&f, XFER("Put"), WMI_URI "MyClass", SET(SEL("id", "1")), cases[i].body);
        assert_fault(cases[i].want);
    }
    assert_int_equal(f.m.submitted, 0);
    ask(&f, XFER("Put"), WMI_URI "MyClass", SET(SEL("id", "1")), MY("<q:Number xsi:type='cim:cimString'>5</q:Number>"));
    assert_ok(XFER("PutResponse")); /* the class knows better than xsi:type */
    ask(&f, XFER("Put"), WMI_URI "MyClass", SET(SEL("id", "55")), MY(""));
    assert_fault(CIMF_NOT_FOUND);
}

/* covers: wsman:C4 wsman:C5 */
static void creates_and_deletes(void **state)
{
    ask(&f, XFER("Create"), WMI_URI "MyClass", "", MY("<q:id>42</q:id><q:Data1>new</q:Data1>"));
    struct xml_node *n = assert_ok(XFER("CreateResponse"));
    assert_true(xml_is(n, NS_X, "ResourceCreated"));
    struct xml_node *params = xml_child(n, NS_A, "ReferenceParameters");
    assert_text(xml_child(n, NS_A, "Address")->text, SOAP_ANONYMOUS);
    assert_text(xml_child(params, NS_W, "ResourceURI")->text, WMI_URI "MyClass");
    struct xml_node *selector = xml_first(xml_child(params, NS_W, "SelectorSet"));
    assert_text(xml_attr_value(selector, "Name"), "id");
    assert_text(selector->text, "42");
    ask(&f, XFER("Create"), WMI_URI "MyClass", "", MY("<q:id>42</q:id>"));
    assert_fault(CIMF_ALREADY_EXISTS);
    ask(&f, XFER("Create"), WMI_URI "MyClass", SET(SEL("id", "43")), MY("<q:id>43</q:id>"));
    assert_fault(CIMF_WSMAN_SELECTORS_UNEXPECTED);
    ask(&f, XFER("Create"), WMI_URI "MyClass", "", MY("<q:Data1>no key</q:Data1>"));
    assert_fault(CIMF_ILLEGAL_NULL);
    ask(&f, XFER("Delete"), WMI_URI "MyClass", SET(SEL("id", "42")), "");
    assert_null(assert_ok(XFER("DeleteResponse")));
    assert_contains("<s:Body></s:Body>");
    ask(&f, XFER("Delete"), WMI_URI "MyClass", SET(SEL("id", "42")), "");
    assert_fault(CIMF_NOT_FOUND);
    ask(&f, XFER("Create"), DMTF_URI "MyClass", SET(SEL("__cimnamespace", "root/test")), MY("<q:id>44</q:id>"));
    assert_ok(XFER("CreateResponse"));
    assert_contains("<w:Selector Name=\"__cimnamespace\">root/test</w:Selector>");
    f.m.fail = CIMF_PROVIDER_NOT_CAPABLE;
    ask(&f, XFER("Delete"), WMI_URI "MyClass", SET(SEL("id", "1")), "");
    assert_fault(CIMF_PROVIDER_NOT_CAPABLE);
}

/* --- Invoke ----------------------------------------------------------------------------------- */

#define INPUT(content) "<q:Add_INPUT xmlns:q='" WMI_URI "MyClass'>" content "</q:Add_INPUT>"

/* Pitfall 15. covers: wsman:C6 */
static void invokes(void **state)
{
    ask(&f, WMI_URI "MyClass/Add", WMI_URI "MyClass", SET(SEL("id", "1")), INPUT("<q:B>3</q:B><q:A>4</q:A>"));
    struct xml_node *n = assert_ok(WMI_URI "MyClass/AddResponse");
    assert_text(n->name, "Add_OUTPUT");
    assert_text(n->uri, WMI_URI "MyClass");
    assert_text(xml_child_any(n, "Sum")->text, "7");
    assert_text(xml_child_any(n, "ReturnValue")->text, "0");
    /* Wrong or missing namespaces, xsi:type, the action in another case. */
    ask(&f, WMI_URI "myclass/add", WMI_URI "MyClass", SET(SEL("id", "1")),
        "<Add_INPUT xsi:type='q:Add_INPUT_Type'><A xmlns='urn:x'>1</A><B>1</B></Add_INPUT>");
    assert_text(xml_child_any(assert_ok(WMI_URI "myclass/addResponse"), "Sum")->text, "2");
    /* Static: no selectors, no body. */
    ask(&f, WMI_URI "MyClass/Ping", WMI_URI "MyClass", "", "");
    assert_text(assert_ok(WMI_URI "MyClass/PingResponse")->name, "Ping_OUTPUT");
    assert_int_equal(f.m.last.path.kind, CIM_PATH_CLASS);
    /* The action names an ancestor of the class that declares the method. */
    cim_put_i64(fake_row(&f.m, "Derived"), "id", 9);
    ask(&f, WMI_URI "MyClass/Ping", WMI_URI "Derived", SET(SEL("id", "9")), "");
    assert_ok(WMI_URI "MyClass/PingResponse");

    static const struct { const char *action, *set, *body; cimf_status want; } cases[] = {
        { WMI_URI "MyClass/Nope", SET(SEL("id", "1")), "", CIMF_INVALID_METHOD },
        { WMI_URI "MyClass/Add", SET(SEL("id", "1")), INPUT("<q:A>1</q:A>"), CIMF_INVALID_METHOD_PARAMETERS },
        { WMI_URI "MyClass/Add", SET(SEL("id", "1")), INPUT("<q:C>1</q:C>"), CIMF_INVALID_METHOD_PARAMETERS },
        { WMI_URI "MyClass/Add", SET(SEL("id", "1")), INPUT("<q:A>x</q:A>"), CIMF_WSMAN_PARAMETER_TYPE },
        { WMI_URI "MyClass/Add", SET(SEL("id", "1")), "<Other/>", CIMF_WSMAN_SCHEMA_BODY },
        { WMI_URI "MyClass/Add", "", INPUT("<q:A>1</q:A><q:B>1</q:B>"), CIMF_INVALID_METHOD_PARAMETERS },
        { WMI_URI "Single/Add", SET(SEL("id", "1")), "", CIMF_WSMAN_ACTION_MISMATCH },
        { DMTF_URI "MyClass/Add", SET(SEL("id", "1")), "", CIMF_WSMAN_INVALID_ACTION },
        { WMI_URI "MyClass/", SET(SEL("id", "1")), "", CIMF_WSMAN_INVALID_ACTION },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ask(&f, cases[i].action, WMI_URI "MyClass", cases[i].set, cases[i].body);
        assert_fault(cases[i].want);
    }
}

/* --- time and quotas -------------------------------------------------------------------------- */

static void times_out(void **state)
{
    f.m.mode = FAKE_BLOCK;
    ask(&f, XFER("Get"), WMI_URI "MyClass", SET(SEL("id", "1")) "<w:OperationTimeout>PT5S</w:OperationTimeout>", "");
    assert_false(f.x.replied);
    assert_int_equal(f.x.armed, 5000000);
    fake_now += 5000000;
    wsman_request_expire(&f.x.request);
    fixture_reply(&f);
    assert_fault(CIMF_WSMAN_TIMED_OUT);
    assert_contains("OperationTimeout");
    assert_int_equal(f.m.cancelled, 1);
    fake_run();
    assert_int_equal(f.m.active, 0);
}

static void aborts(void **state)
{
    f.m.mode = FAKE_BLOCK;
    ask(&f, XFER("Delete"), WMI_URI "MyClass", SET(SEL("id", "1")), "");
    assert_false(f.x.replied);
    wsman_request_abort(&f.x.request);
    fake_run();
    assert_true(f.x.replied);
    assert_int_equal(f.m.active, 0);
}

/* covers: wsman:E24 */
static void quotas(void **state)
{
    fixture_close(&f);
    fixture_open(&f);
    fake_fill(&f.m, 1);
    f.config.max_operations_per_user = 1;
    f.config.max_operations = 2;
    fixture_serve(&f);
    f.m.mode = FAKE_BLOCK;
    struct exchange first, second;
    struct slice get = message(&f, XFER("Get"), WMI_URI "MyClass", SET(SEL("id", "1")), "");
    exchange_send(&first, f.server, f.alice, 0, SLICE(""), get);
    struct cim_op *blocked = f.m.blocked;
    ask(&f, XFER("Get"), WMI_URI "MyClass", SET(SEL("id", "1")), "");
    assert_fault(CIMF_WSMAN_QUOTA);
    exchange_send(&second, f.server, f.bob, 0, SLICE(""), get);
    assert_false(second.replied);
    f.m.mode = FAKE_SYNC;
    fake_go(&f.m);
    f.m.blocked = blocked;
    fake_go(&f.m);
    fake_run();
    assert_int_equal(first.status, 200);
    assert_int_equal(second.status, 200);
    ask(&f, XFER("Get"), WMI_URI "MyClass", SET(SEL("id", "1")), "");
    assert_ok(XFER("GetResponse")); /* the counters fell again */
    struct wsman_server_stats stats;
    wsman_server_stats(f.server, &stats);
    assert_int_equal(stats.operations, 0);
    assert_int_equal(stats.requests, 4);
    exchange_free(&first);
    exchange_free(&second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(identifies), T(anonymous_gets_nothing_else), T(gets_an_instance), T(gets_a_derived_instance),
        T(selectors_are_checked), T(nested_references_are_bounded), T(gets_singletons), T(missing_things),
        T(puts_what_is_sent), T(puts_that_cannot_be), T(creates_and_deletes), T(invokes), T(times_out),
        T(aborts), T(quotas),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
