/* Enumerate, Pull, Release: what is enumerated and how it comes; class metadata. Lifetimes: context_test.c. */
#include "wsman/enumerate_harness.h"

/* covers: wsman:C7 wsman:C16 */
static void enumerates_and_pulls(void **state)
{
    EACH_MODE {
        enumerate(WMI_URI "MyClass", "");
        response("EnumerateResponse");
        assert_null(xml_child(f.reply.content, NS_W, "Items"));
        const char *id = context();
        assert_true(strncmp(id, "uuid:", 5) == 0 && strlen(id) == 41);
        pull(id, "2");
        response("PullResponse");
        assert_int_equal(items(NS_N), 2);
        assert_text(xml_child_any(item(NS_N, 0), "id")->text, "1");
        assert_false(ended(NS_N));
        pull(id, "2");
        assert_text(xml_child_any(item(NS_N, 0), "id")->text, "3");
        pull(id, "2");
        assert_int_equal(items(NS_N), 1);
        assert_true(ended(NS_N));
        assert_null(context());
        pull(id, "2");
        assert_fault(CIMF_WSMAN_INVALID_ENUMERATION_CONTEXT);
        assert_idle();
    }
}

/* The default of a Pull is one item; exact multiples end at once, thanks to looking ahead. */
static void batch_sizes(void **state)
{
    EACH_MODE {
        enumerate(WMI_URI "MyClass", "");
        const char *id = context();
        pull_more(WMI_URI "MyClass", id, "", "");
        assert_int_equal(items(NS_N), 1);
        pull(id, "4");
        assert_int_equal(items(NS_N), 4);
        assert_true(ended(NS_N));
        assert_idle();
        enumerate(WMI_URI "MyClass", "");
        pull(context(), "4294967296");
        assert_int_equal(items(NS_N), 5);
        assert_idle();
    }
    enumerate(WMI_URI "MyClass", "");
    const char *id = context();
    static const char *const bad[] = { "0", "-1", "x", "" };
    for (int i = 0; i < 4; i++) {
        pull(id, bad[i]);
        assert_fault(CIMF_WSMAN_MAX_ELEMENTS);
    }
    enumerate(WMI_URI "MyClass", "<w:OptimizeEnumeration/><w:MaxElements>0</w:MaxElements>");
    assert_fault(CIMF_WSMAN_MAX_ELEMENTS);
    release(WMI_URI "MyClass", id);
    assert_idle();
}

/* covers: wsman:C8 */
static void optimized(void **state)
{
    EACH_MODE {
        enumerate(WMI_URI "MyClass", "<w:OptimizeEnumeration/><w:MaxElements>32000</w:MaxElements>");
        response("EnumerateResponse");
        assert_int_equal(items(NS_W), 5);
        assert_true(ended(NS_W));
        assert_string_equal(context(), "");
        assert_idle();
        enumerate(WMI_URI "MyClass", "<w:MaxElements>3</w:MaxElements><w:OptimizeEnumeration/><p:SessionId>x</p:SessionId>");
        assert_int_equal(items(NS_W), 3);
        assert_false(ended(NS_W));
        const char *id = context();
        pull(id, "10");
        assert_int_equal(items(NS_N), 2);
        assert_true(ended(NS_N));
        enumerate(WMI_URI "MyClass", "<w:OptimizeEnumeration/>");
        assert_int_equal(items(NS_W), 1);
        release(WMI_URI "MyClass", context());
        assert_idle();
        /* Nothing at all: no Items. */
        enumerate(WMI_URI "Empty", "<w:OptimizeEnumeration/><w:MaxElements>10</w:MaxElements>");
        response("EnumerateResponse");
        assert_null(xml_child(f.reply.content, NS_W, "Items"));
        assert_true(ended(NS_W));
        assert_string_equal(context(), "");
        enumerate(WMI_URI "Empty", "");
        pull_more(WMI_URI "Empty", context(), "", "");
        assert_int_equal(items(NS_N), 0);
        assert_true(ended(NS_N));
        assert_idle();
    }
}

/* covers: wsman:C9 */
static void enumeration_modes(void **state)
{
    enumerate(WMI_URI "MyClass", "<w:OptimizeEnumeration/><w:MaxElements>9</w:MaxElements>"
              "<w:EnumerationMode>EnumerateEPR</w:EnumerationMode>");
    response("EnumerateResponse");
    struct xml_node *epr = item(NS_W, 4);
    assert_true(xml_is(epr, NS_A, "EndpointReference"));
    struct xml_node *params = xml_child(epr, NS_A, "ReferenceParameters");
    assert_text(xml_child(params, NS_W, "ResourceURI")->text, WMI_URI "MyClass");
    assert_text(xml_first(xml_child(params, NS_W, "SelectorSet"))->text, "5");
    assert_true(f.m.last.flags & CIM_KEYS_ONLY);

    enumerate(DMTF_URI "MyClass", "<w:OptimizeEnumeration/><w:MaxElements>9</w:MaxElements>"
              "<w:EnumerationMode>EnumerateObjectAndEPR</w:EnumerationMode>");
    struct xml_node *both_ = item(NS_W, 0);
    assert_true(xml_is(both_, NS_W, "Item"));
    assert_text(xml_first(both_)->name, "MyClass");
    params = xml_child(xml_next(xml_first(both_)), NS_A, "ReferenceParameters");
    assert_text(xml_child(params, NS_W, "ResourceURI")->text, DMTF_URI "MyClass");
    assert_text(xml_first(xml_child(params, NS_W, "SelectorSet"))->text, "root/test");

    enumerate(WMI_URI "MyClass", "<w:EnumerationMode>EnumerateNothing</w:EnumerationMode>");
    assert_fault(CIMF_WSMAN_ENUMERATION_MODE);
    enumerate(CIMXML_URI "*", "<w:EnumerationMode>EnumerateObjectAndEPR</w:EnumerationMode>");
    assert_fault(CIMF_WSMAN_ENUMERATION_MODE);
    assert_idle();
}

/* covers: wsman:C20 */
static void polymorphism(void **state)
{
    struct cim_instance *in = fake_row(&f.m, "Derived");
    cim_put_i64(in, "id", 9);
    enumerate(WMI_URI "Base", ALL);
    assert_int_equal(items(NS_W), 6);
    assert_text(item(NS_W, 5)->name, "Derived");
    enumerate(WMI_URI "Base", ALL "<b:PolymorphismMode>IncludeSubClassProperties</b:PolymorphismMode>");
    assert_text(item(NS_W, 5)->name, "Derived");
    enumerate(WMI_URI "MyClass", ALL "<b:PolymorphismMode>ExcludeSubClassProperties</b:PolymorphismMode>");
    assert_text(item(NS_W, 5)->name, "MyClass");
    enumerate(WMI_URI "MyClass", ALL "<b:PolymorphismMode>None</b:PolymorphismMode>");
    assert_int_equal(items(NS_W), 5);
    enumerate(WMI_URI "MyClass", ALL "<b:PolymorphismMode>Some</b:PolymorphismMode>");
    assert_fault(CIMF_WSMAN_POLYMORPHISM);
    assert_idle();
}

#define ALL_CLASSES WMI_URI "*"
#define WQL(text) "<w:Filter Dialect='" WQL_DIALECT "'>" text "</w:Filter>"

/* covers: wsman:C10 wsman:C11 wsman:C15 */
static void wql_filters(void **state)
{
    enumerate(ALL_CLASSES, ALL WQL("\n  select * from MyClass\n "));
    assert_int_equal(items(NS_W), 5);
    assert_text(item(NS_W, 0)->name, "MyClass");
    assert_text(f.m.last_query, "select * from MyClass");
    enumerate(ALL_CLASSES, ALL "<n:Filter Dialect='" WQL_DIALECT "'>select Number, Data1 from MyClass</n:Filter>");
    struct xml_node *fragment = item(NS_W, 0);
    assert_true(xml_is(fragment, NS_W, "XmlFragment"));
    assert_text(xml_first(fragment)->name, "Data1"); /* alphabetical, no namespace */
    assert_text(xml_first(fragment)->uri, "");
    assert_text(xml_next(xml_first(fragment))->name, "Number");
    assert_non_null(xml_attr_ns(xml_next(xml_first(fragment)), NS_XSI, "nil"));
    enumerate("http://schemas.dmtf.org/wbem/wscim/1/*", ALL WQL("select * from MyClass"));
    assert_int_equal(items(NS_W), 5);

    enumerate(WMI_URI "MyClass", WQL("select * from MyClass"));
    assert_fault(CIMF_WSMAN_ALL_CLASSES_FILTER);
    enumerate(ALL_CLASSES, "");
    assert_fault(CIMF_WSMAN_FILTERING_REQUIRED);
    enumerate(ALL_CLASSES, WQL("select * from MyClass") "<n:Filter Dialect='" WQL_DIALECT "'>x</n:Filter>");
    assert_fault(CIMF_INVALID_QUERY);
    enumerate(ALL_CLASSES, WQL("selec"));
    assert_fault(CIMF_INVALID_QUERY);
    assert_text(f.fault.operation, "ExecQuery");
    assert_text(f.fault.parameter, "selec");
    enumerate(ALL_CLASSES, "<w:Filter>//x</w:Filter>");
    assert_fault(CIMF_WSMAN_FILTER_DIALECT);
    enumerate(WMI_URI "MyClass", "<w:Filter Dialect='urn:other'/>");
    assert_fault(CIMF_WSMAN_FILTER_DIALECT);
    enumerate(CIMXML_URI "*", WQL("select * from MyClass"));
    assert_fault(CIMF_WSMAN_FILTERING_NOT_SUPPORTED);
    assert_idle();
}

#define SELECT(set) "<w:Filter Dialect='" SELECTOR_DIALECT "'><w:SelectorSet>" set "</w:SelectorSet></w:Filter>"

/* Pitfall 13. covers: wsman:C13 */
static void selector_filters(void **state)
{
    cim_put_strz(f.m.rows[2], "Data1", "Third");
    cim_put_u64(f.m.rows[2], "Number", 33);
    enumerate(WMI_URI "MyClass", ALL SELECT(SEL("data1", "THIRD") SEL("Number", "33")));
    response("EnumerateResponse");
    assert_int_equal(items(NS_W), 1);
    assert_text(xml_child_any(item(NS_W, 0), "id")->text, "3");
    enumerate(WMI_URI "MyClass", ALL SELECT(SEL("Level", "7")));
    assert_int_equal(items(NS_W), 5);
    enumerate(WMI_URI "MyClass", ALL SELECT(SEL("Number", "5")));
    assert_int_equal(items(NS_W), 0);
    static const char *const bad[] = {
        SELECT(SEL("Data1", "x' or '1'='1")), SELECT(SEL("Data1", "&quot;")), SELECT(SEL("Nope", "x")),
        SELECT(SEL("When", "20070301120000.000000+000")), SELECT(SEL("List", "x")), SELECT(SEL("Peer", "x")),
        SELECT(SEL("Inner", "x")), SELECT(SEL("Number", "x")), SELECT(SEL("Data1", "x") SEL("DATA1", "y")),
        "<w:Filter Dialect='" SELECTOR_DIALECT "'/>",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        enumerate(WMI_URI "MyClass", bad[i]);
        assert_fault(CIMF_INVALID_QUERY);
    }
    enumerate(ALL_CLASSES, SELECT(SEL("Data1", "x")));
    assert_fault(CIMF_WSMAN_FILTER_DIALECT);
    assert_idle();
}

static void bad_bodies(void **state)
{
    ask(&f, ENUM("Enumerate"), WMI_URI "MyClass", "", "");
    assert_fault(CIMF_WSMAN_SCHEMA_VALIDATION);
    assert_non_null(strstr(buf_strz(&f.x.reply), "Enumerate"));
    ask(&f, ENUM("Pull"), WMI_URI "MyClass", "", "<n:Pull/>");
    assert_fault(CIMF_WSMAN_SCHEMA_VALIDATION);
    ask(&f, ENUM("Release"), WMI_URI "MyClass", "", "<n:Pull/>");
    assert_fault(CIMF_WSMAN_SCHEMA_VALIDATION);
    enumerate(WMI_URI "MyClass", "<n:Expires>PT0S</n:Expires>");
    assert_fault(CIMF_WSMAN_INVALID_EXPIRATION);
    enumerate(WMI_URI "MyClass", "<n:Expires>2027-01-01T00:00:00Z</n:Expires>");
    assert_fault(CIMF_WSMAN_EXPIRATION_TYPE);
    enumerate(WMI_URI "MyClass", "<n:Expires>PT10M</n:Expires>");
    const char *id = context();
    pull_more(WMI_URI "MyClass", id, "<n:MaxTime>PT0S</n:MaxTime>", "");
    assert_fault(CIMF_WSMAN_INVALID_EXPIRATION);
    release(WMI_URI "MyClass", id);
    enumerate(WMI_URI "NoClass", "");
    assert_fault(CIMF_INVALID_CLASS);
    f.m.fail = CIMF_ACCESS_DENIED;
    enumerate(WMI_URI "MyClass", "");
    assert_fault(CIMF_ACCESS_DENIED);
    assert_idle();
}
/* --- class metadata --------------------------------------------------------------------------- */

#define OPTION(name, value) "<w:Option Name='" name "'>" value "</w:Option>"

/* covers: wsman:C23 wsman:C24 */
static void class_metadata(void **state)
{
    ask(&f, XFER("Get"), CIMXML_URI "*", SET(SEL("ClassName", "myclass") SEL("__cimnamespace", "root/test"))
        "<w:OptionSet>" OPTION("IncludeClassOrigin", "true") "</w:OptionSet>", "");
    assert_int_equal(f.x.status, 200);
    struct xml_node *cls = f.reply.content;
    assert_text(cls->name, "CLASS");
    assert_text(xml_attr_value(cls, "NAME"), "MyClass");
    assert_text(xml_attr_value(cls, "SUPERCLASS"), "Base");
    struct xml_node *id = xml_child_any(cls, "PROPERTY");
    assert_text(xml_attr_value(id, "NAME"), "id");
    assert_text(xml_attr_value(id, "PROPAGATED"), "true");
    assert_text(xml_attr_value(id, "CLASSORIGIN"), "Base");
    assert_non_null(xml_child_any(id, "QUALIFIER"));
    ask(&f, XFER("Get"), CIMXML_URI "MyClass", SET(SEL("__cimnamespace", "root/test"))
        "<w:OptionSet>" OPTION("wmi:IncludeInheritedElements", "false") OPTION("IncludeQualifiers", "FALSE")
        "</w:OptionSet>", "");
    assert_int_equal(f.x.status, 200);
    assert_null(strstr(buf_strz(&f.x.reply), "CLASSORIGIN"));
    assert_null(strstr(buf_strz(&f.x.reply), "NAME=\"id\""));
    assert_text(xml_attr_value(xml_child_any(f.reply.content, "PROPERTY"), "NAME"), "Data1");
    ask(&f, XFER("Get"), CIMXML_URI "*", SET(SEL("__cimnamespace", "root/test")), "");
    assert_fault(CIMF_WSMAN_INVALID_SELECTORS);
    ask(&f, XFER("Get"), CIMXML_URI "*", SET(SEL("ClassName", "a b")), "");
    assert_fault(CIMF_WSMAN_INVALID_SELECTORS);
    ask(&f, XFER("Get"), CIMXML_URI "*", SET(SEL("Other", "x")), "");
    assert_fault(CIMF_WSMAN_SELECTORS_UNEXPECTED);
    ask(&f, XFER("Get"), CIMXML_URI "*", SET(SEL("ClassName", "NoSuchClass")), "");
    assert_fault(CIMF_INVALID_CLASS);
}

/* covers: wsman:C23 wsman:C24 */
static void class_enumeration(void **state)
{
#define EPRS ALL "<w:EnumerationMode>EnumerateEPR</w:EnumerationMode>"
    enumerate(CIMXML_URI "*", EPRS);
    response("EnumerateResponse");
    assert_int_equal(items(NS_W), 4); /* Base, Live, Named, Single */
    struct xml_node *set = xml_child(xml_child(item(NS_W, 0), NS_A, "ReferenceParameters"), NS_W, "SelectorSet");
    assert_text(xml_first(set)->text, "root/test");
    assert_text(xml_next(xml_first(set))->text, "Base");
    struct slice body = SLICE("<n:Enumerate>" EPRS "</n:Enumerate>");
    ask(&f, ENUM("Enumerate"), CIMXML_URI "*", "<w:OptionSet>" OPTION("IncludeSubClasses", "true") "</w:OptionSet>", body.p);
    assert_int_equal(items(NS_W), 8);
    ask(&f, ENUM("Enumerate"), CIMXML_URI "*", SET(SEL("ClassName", "Base")), body.p);
    assert_int_equal(items(NS_W), 2);
    ask(&f, ENUM("Enumerate"), CIMXML_URI "*", SET(SEL("ClassName", "Base")), "<n:Enumerate>" ALL "</n:Enumerate>");
    assert_text(item(NS_W, 0)->name, "CLASS");
    assert_text(xml_attr_value(item(NS_W, 0), "NAME"), "Empty");
    assert_idle();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(enumerates_and_pulls), T(batch_sizes), T(optimized), T(enumeration_modes), T(polymorphism),
        T(wql_filters), T(selector_filters), T(bad_bodies), T(class_metadata), T(class_enumeration),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
