/* Requests as texts: headers, limits, options, character sets, resource URIs and actions, the shapes of the specification. */
#include "wsman/server_asserts.h"

#include "base/utf.h"

static int setup(void **state)
{
    fixture_open(&f);
    fake_fill(&f.m, 2);
    fixture_serve(&f);
    return 0;
}

/* --- headers ---------------------------------------------------------------------------------- */

static void raw(const char *headers, const char *body)
{
    struct slice s = arena_printf(&f.arena, ENVELOPE_OPEN "%s</s:Header><s:Body>%s</s:Body></s:Envelope>", headers, body);
    fixture_send(&f, s);
}

#define GET_1 "<a:Action>" XFER("Get") "</a:Action><w:ResourceURI>" WMI_URI "MyClass</w:ResourceURI>" SET(SEL("id", "1"))
#define REPLY_TO "<a:ReplyTo><a:Address>" SOAP_ANONYMOUS "</a:Address></a:ReplyTo>"
#define ID "<a:MessageID>uuid:Mixed-Case-1</a:MessageID>"
#define TO "<a:To>x</a:To>"

/* covers: wsman:E5 wsman:E6 wsman:E7 wsman:E8 wsman:E9 */
static void addressing_headers_are_needed(void **state)
{
    static const struct { const char *headers; cimf_status want; } cases[] = {
        { TO ID GET_1, CIMF_WSMAN_HEADER_REQUIRED },
        { ID REPLY_TO GET_1, CIMF_WSMAN_HEADER_REQUIRED },
        { TO ID REPLY_TO "<w:ResourceURI>x</w:ResourceURI>", CIMF_WSMAN_HEADER_REQUIRED },
        { TO REPLY_TO GET_1, CIMF_WSMAN_INVALID_HEADER },
        { TO REPLY_TO "<a:MessageID> </a:MessageID>" GET_1, CIMF_WSMAN_INVALID_HEADER },
        { TO ID ID REPLY_TO GET_1, CIMF_WSMAN_INVALID_HEADER },
        { TO ID "<a:ReplyTo><a:Address>http://x</a:Address></a:ReplyTo>" GET_1, CIMF_WSMAN_ADDRESSING_MODE },
        { TO ID "<a:ReplyTo/>" GET_1, CIMF_WSMAN_ADDRESSING_MODE },
        { TO ID REPLY_TO "<a:FaultTo><a:Address>http://x</a:Address></a:FaultTo>" GET_1, CIMF_WSMAN_ADDRESSING_MODE },
        { TO ID REPLY_TO "<a:Action>" XFER("Get") "</a:Action>", CIMF_WSMAN_INVALID_RESOURCE_URI },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        raw(cases[i].headers, "");
        assert_fault(cases[i].want);
    }
    struct slice id = arena_printf(&f.arena, "<a:MessageID>%02049d</a:MessageID>", 7);
    raw(arena_printf(&f.arena, TO REPLY_TO GET_1 SLICE_FMT, SLICE_ARG(id)).p, "");
    assert_fault(CIMF_WSMAN_INVALID_HEADER);
    raw(TO ID REPLY_TO "<a:FaultTo><a:Address>" SOAP_ANONYMOUS "</a:Address></a:FaultTo>" GET_1, "");
    assert_ok(XFER("GetResponse"));
    raw(TO REPLY_TO "<a:MessageID>any &lt;text&gt; at all</a:MessageID>" GET_1, "");
    assert_int_equal(f.x.status, 200);
    assert_text(f.reply.relates_to, "any <text> at all");
    assert_true(slice_starts(f.reply.message_id, SLICE("uuid:")));
}

/* covers: wsman:E3 */
static void unknown_headers(void **state)
{
    ask(&f, XFER("Get"), WMI_URI "MyClass", SET(SEL("id", "1")) "<q:X xmlns:q='urn:q' s:mustUnderstand='true'/>", "");
    assert_int_equal(f.x.status, 500);
    assert_text(f.fault.code, "MustUnderstand");
    struct xml_node *block = xml_child(f.reply.header, NS_S, "NotUnderstood");
    struct slice uri, name;
    assert_true(xml_qname(block, xml_attr_value(block, "qname"), &uri, &name));
    assert_text(uri, "urn:q");
    assert_text(name, "X");
    /* Before other complaints; also the bare attribute of pywinrm is not SOAP's. */
    raw("<w:Nonsense s:mustUnderstand='1'/>", "");
    assert_text(f.fault.code, "MustUnderstand");
    ask(&f, XFER("Get"), WMI_URI "MyClass", SET(SEL("id", "1")) "<q:X xmlns:q='urn:q' mustUnderstand='true'/>"
        "<q:Y xmlns:q='urn:q' s:mustUnderstand='false'/><q:Z xmlns:q='urn:q' s:mustUnderstand='true' s:role='urn:r'/>", "");
    assert_ok(XFER("GetResponse"));
    ask(&f, XFER("Get"), WMI_URI "MyClass", SET(SEL("id", "1")) "<q:Y xmlns:q='urn:q' s:mustUnderstand='maybe'/>", "");
    assert_fault(CIMF_WSMAN_INVALID_HEADER);
}

/* Pitfall 9. covers: wsman:E10 wsman:E11 */
static void limits_of_the_request(void **state)
{
    static const struct { const char *header; cimf_status want; int64_t timeout; } cases[] = {
        { "<w:MaxEnvelopeSize>8191</w:MaxEnvelopeSize>", CIMF_WSMAN_MINIMUM_ENVELOPE, 0 },
        { "<w:MaxEnvelopeSize>0</w:MaxEnvelopeSize>", CIMF_WSMAN_MINIMUM_ENVELOPE, 0 },
        { "<w:MaxEnvelopeSize>-1</w:MaxEnvelopeSize>", CIMF_WSMAN_MINIMUM_ENVELOPE, 0 },
        { "<w:MaxEnvelopeSize>text</w:MaxEnvelopeSize>", CIMF_WSMAN_MAX_ENVELOPE_SIZE, 0 },
        { "<w:MaxEnvelopeSize/>", CIMF_WSMAN_MAX_ENVELOPE_SIZE, 0 },
        { "<w:MaxEnvelopeSize> 18446744073709551616 </w:MaxEnvelopeSize>", CIMF_OK, 60000000 },
        { "<w:OperationTimeout>PT-1S</w:OperationTimeout>", CIMF_WSMAN_INVALID_HEADER, 0 },
        { "<w:OperationTimeout>-PT1S</w:OperationTimeout>", CIMF_WSMAN_INVALID_HEADER, 0 },
        { "<w:OperationTimeout>60</w:OperationTimeout>", CIMF_WSMAN_INVALID_TIMEOUT, 0 },
        { "<w:OperationTimeout/>", CIMF_WSMAN_INVALID_TIMEOUT, 0 },
        { "<w:OperationTimeout>2007-03-01T12:00:00Z</w:OperationTimeout>", CIMF_WSMAN_INVALID_TIMEOUT, 0 },
        { "<w:OperationTimeout>PT20S</w:OperationTimeout>", CIMF_OK, 20000000 },
        { "<w:OperationTimeout>\nPT0.5S </w:OperationTimeout>", CIMF_OK, 500000 },
        { "<w:OperationTimeout>P1Y</w:OperationTimeout>", CIMF_OK, 60000000 },
        { "<w:OperationTimeout>PT0S</w:OperationTimeout>", CIMF_OK, 60000000 },
        { "", CIMF_OK, 60000000 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char headers[512];
        snprintf(headers, sizeof headers, SET(SEL("id", "1")) "%s", cases[i].header);
        ask(&f, XFER("Get"), WMI_URI "MyClass", headers, "");
        if (cases[i].want != CIMF_OK) {
            if (f.fault.wsman_code != cimf_status_info(cases[i].want)->wsman_code) fail_msg("%s", cases[i].header);
            continue;
        }
        assert_ok(XFER("GetResponse"));
        assert_int_equal(f.m.last.deadline_us - fake_now, cases[i].timeout);
    }
}

/* covers: wsman:E12 */
static void large_requests_are_not_parsed(void **state)
{
    char *big = calloc(1, 512001);
    memset(big, '<', 512001);
    fixture_send(&f, slice_of(big, 512001));
    assert_int_equal(f.x.status, 413);
    free(big);
}

/* A result that does not fit. */
static void large_results(void **state)
{
    char *big = calloc(1, 9001);
    memset(big, 'x', 9000);
    cim_put_strz(f.m.rows[0], "Data1", big);
    ask(&f, XFER("Get"), WMI_URI "MyClass", SET(SEL("id", "1")) "<w:MaxEnvelopeSize>8192</w:MaxEnvelopeSize>", "");
    assert_fault(CIMF_WSMAN_MAX_ENVELOPE_SIZE_EXCEEDED);
    ask(&f, XFER("Put"), WMI_URI "MyClass", SET(SEL("id", "1")) "<w:MaxEnvelopeSize>8192</w:MaxEnvelopeSize>",
        "<q:MyClass xmlns:q='" WMI_URI "MyClass'><q:Number>3</q:Number></q:MyClass>");
    assert_fault(CIMF_WSMAN_UNREPORTABLE_SUCCESS);
    free(big);
}

/* covers: wsman:E13 wsman:E14 wsman:E17 wsman:E18 wsman:E19 wsman:C17 */
static void locale_and_ids(void **state)
{
    ask(&f, XFER("Get"), WMI_URI "MyClass", SET(SEL("id", "1")) "<w:Locale xml:lang='de-DE' s:mustUnderstand='true'/>", "");
    assert_fault(CIMF_WSMAN_LOCALE);
    ask(&f, XFER("Get"), WMI_URI "MyClass", SET(SEL("id", "1")) "<p:DataLocale xml:lang='de' s:mustUnderstand='true'/>", "");
    assert_fault(CIMF_WSMAN_DATA_LOCALE);
    ask(&f, XFER("Get"), WMI_URI "MyClass", SET(SEL("id", "1")) "<w:Locale xml:lang='de-DE' s:mustUnderstand='false'/>"
        "<p:DataLocale xml:lang='de-DE' s:mustUnderstand='false'/><p:SessionId s:mustUnderstand='false'>uuid:1</p:SessionId>"
        "<p:OperationID s:mustUnderstand='false'>uuid:2</p:OperationID><p:SequenceID>1</p:SequenceID>"
        "<p:ActivityId>x</p:ActivityId><w:RequestEPR s:mustUnderstand='true'/>"
        "<w:RequestTotalItemsCountEstimate s:mustUnderstand='true'/>", "");
    assert_ok(XFER("GetResponse"));
    assert_null(strstr(buf_strz(&f.x.reply), "OperationID")); /* R2: no robust connections here */
    char long_id[3000];
    snprintf(long_id, sizeof long_id, SET(SEL("id", "1")) "<p:ActivityId>%02049d</p:ActivityId>", 1);
    ask(&f, XFER("Get"), WMI_URI "MyClass", long_id, "");
    assert_fault(CIMF_WSMAN_INVALID_HEADER);
}

/* covers: wsman:E15 wsman:E16 */
static void options_become_context(void **state)
{
    ask(&f, XFER("Get"), WMI_URI "MyClass", SET(SEL("id", "1")) "<w:OptionSet s:mustUnderstand='true'>"
        "<w:Option Name='wmi:Text' Type='xs:string'>hello</w:Option><w:Option Name='wmi:Flag' Type='xs:boolean'>true</w:Option>"
        "<w:Option Name='wmiarray:Channel' Type='xs:unsignedInt'>2</w:Option><w:Option Name='Other' MustComply='true'/>"
        "<w:Option Name='wmiarray:Channel' Type='xs:unsignedInt'>1</w:Option>"
        "<w:Option Name='wmi:Nothing' xsi:nil='true'/></w:OptionSet>", "");
    assert_ok(XFER("GetResponse"));
    assert_int_equal(f.m.context_count, 4);
    assert_text(f.m.context[0].name, "Text");
    assert_text(f.m.context[0].value.v.s, "hello");
    assert_int_equal(f.m.context[1].value.type, CIM_BOOLEAN);
    assert_true(f.m.context[1].value.v.u);
    assert_text(f.m.context[2].name, "Channel");
    assert_int_equal(f.m.context[2].value.type, CIM_UINT32 | CIM_ARRAY);
    assert_int_equal(f.m.context[2].value.v.a.n, 2);
    assert_int_equal(cim_array_get(CIM_UINT32, f.m.context[2].value.v.a, 0).u, 2);
    assert_true(f.m.context[3].value.null);
    ask(&f, XFER("Get"), WMI_URI "MyClass", SET(SEL("id", "1")) "<w:OptionSet><w:Option Name='wmi:X' Type='xs:int'>no"
        "</w:Option></w:OptionSet>", "");
    assert_fault(CIMF_WSMAN_OPTION_VALUE);
    ask(&f, XFER("Get"), WMI_URI "MyClass", SET(SEL("id", "1")) "<w:OptionSet><w:Option>1</w:Option></w:OptionSet>", "");
    assert_fault(CIMF_WSMAN_OPTION_NAME);
    struct buf b;
    buf_init(&b, 0);
    buf_lit(&b, SET(SEL("id", "1")) "<w:OptionSet>");
    for (int i = 0; i <= LIMIT_OPTIONS; i++) buf_printf(&b, "<w:Option Name='o%d'/>", i);
    buf_lit(&b, "</w:OptionSet>");
    ask(&f, XFER("Get"), WMI_URI "MyClass", buf_strz(&b), "");
    assert_fault(CIMF_WSMAN_OPTION_LIMIT);
    buf_free(&b);
}

/* covers: wsman:C22 */
static void show_extensions(void **state)
{
    ask(&f, XFER("Get"), WMI_URI "MyClass", SET(SEL("id", "1")) "<w:OptionSet><w:Option Name='ShowExtensions'/></w:OptionSet>", "");
    struct xml_node *id = xml_child_any(assert_ok(XFER("GetResponse")), "id");
    assert_text(xml_attr_ns(id, NS_XSI, "type")->value, "cim:cimInt");
}

/* covers: wsman:E2 */
static void utf16_is_answered_in_kind(void **state)
{
    struct slice text = message(&f, XFER("Get"), WMI_URI "MyClass", SET(SEL("id", "1")), "");
    cim_put_strz(f.m.rows[0], "Data1", "\xf0\x9f\x98\x80 \xc3\xa4");
    struct buf wide;
    buf_init(&wide, 0);
    for (int be = 0; be < 2; be++) {
        buf_clear(&wide);
        buf_add(&wide, be ? "\xfe\xff" : "\xff\xfe", 2);
        utf8_to_utf16(&wide, text, be ? UTF16_BE : UTF16_LE);
        if (f.x.reply.p) exchange_free(&f.x);
        exchange_send(&f.x, f.server, f.alice, 0, SLICE("application/soap+xml; charset=\"utf-16\""), buf_slice(&wide));
        fixture_reply(&f);
        assert_int_equal(f.x.status, 200);
        assert_string_equal(f.x.type, "application/soap+xml;charset=UTF-16");
        assert_memory_equal(f.x.reply.p, be ? "\xfe\xff" : "\xff\xfe", 2);
        assert_text(xml_child_any(f.reply.content, "Data1")->text, "\xf0\x9f\x98\x80 \xc3\xa4");
    }
    buf_free(&wide);
    exchange_free(&f.x);
    exchange_send(&f.x, f.server, f.alice, 0, SLICE("application/soap+xml;charset=windows-1252"), text);
    fixture_reply(&f);
    assert_fault(CIMF_WSMAN_CHARACTER_SET);
}

/* --- routing ---------------------------------------------------------------------------------- */

/* Pitfall 16. */
static void uris_and_actions(void **state)
{
    char long_uri[3000];
    snprintf(long_uri, sizeof long_uri, WMI_URI "%02100d", 1);
    static const struct { const char *action, *uri; cimf_status want; } cases[] = {
        { XFER("Get/"), WMI_URI "MyClass", CIMF_WSMAN_INVALID_ACTION },
        { XFER("Got"), WMI_URI "MyClass", CIMF_WSMAN_INVALID_ACTION },
        { ENUM("Renew"), WMI_URI "MyClass", CIMF_WSMAN_ACTION_NOT_SUPPORTED },
        { ENUM("Other"), WMI_URI "MyClass", CIMF_WSMAN_INVALID_ACTION },
        { "urn:x", WMI_URI "MyClass", CIMF_WSMAN_INVALID_ACTION },
        { XFER("Get"), "", CIMF_WSMAN_INVALID_RESOURCE_URI },
        { XFER("Get"), "urn:unknown", CIMF_WSMAN_INVALID_RESOURCE_URI },
        { XFER("Get"), WMI_URI "MyClass?id=1", CIMF_WSMAN_INVALID_RESOURCE_URI },
        { XFER("Get"), WMI_URI, CIMF_WSMAN_INVALID_RESOURCE_URI },
        { XFER("Get"), WMI_URI "My Class", CIMF_WSMAN_INVALID_RESOURCE_URI },
        { XFER("Get"), WMI_URI "*", CIMF_WSMAN_INVALID_RESOURCE_URI },
        { XFER("Get"), "http://schemas.microsoft.com/wbem/wsman/1/wmi/MyClass", CIMF_WSMAN_INVALID_RESOURCE_URI },
        { XFER("Get"), "http://schemas.microsoft.com/wbem/wsman/1/wmi/root//MyClass", CIMF_WSMAN_INVALID_RESOURCE_URI },
        { XFER("Get"), "http://schemas.dmtf.org/wbem/wscim/1/*", CIMF_WSMAN_ACTION_NOT_SUPPORTED },
        { XFER("Put"), CIMXML_URI "*", CIMF_WSMAN_ACTION_NOT_SUPPORTED },
        { XFER("Get"), "http://schemas.dmtf.org/wbem/ws-cim/1/cim-schema/2/*", CIMF_NOT_SUPPORTED },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ask(&f, cases[i].action, cases[i].uri, SET(SEL("id", "1")), "");
        assert_fault(cases[i].want);
    }
    ask(&f, XFER("Get"), long_uri, SET(SEL("id", "1")), "");
    assert_fault(CIMF_WSMAN_URI_LIMIT);
    ask(&f, XFER("Get"), "HTTP://schemas.microsoft.com/WBEM/wsman/1/wmi/ROOT\\Test/MYCLASS", SET(SEL("id", "1")), "");
    assert_ok(XFER("GetResponse"));
}

/* covers: wsman:C27 */
static void longest_prefix_wins(void **state)
{
    static const struct wsman_plugin table[] = {
        { .name = "short", .prefix = SLICE("http://a/") }, { .name = "long", .prefix = SLICE("http://a/b/") },
        { .name = "exact", .prefix = SLICE("http://a/b/c"), .exact = true },
    };
    assert_string_equal(wsman_route(table, 3, SLICE("http://a/x"))->name, "short");
    assert_string_equal(wsman_route(table, 3, SLICE("http://A/B/x"))->name, "long");
    assert_string_equal(wsman_route(table, 3, SLICE("http://a/b/C"))->name, "exact");
    assert_string_equal(wsman_route(table, 3, SLICE("http://a/b/cd"))->name, "long");
    assert_null(wsman_route(table, 3, SLICE("http://b/")));
}

static void fragments_are_refused(void **state)
{
    ask(&f, XFER("Get"), WMI_URI "MyClass", SET(SEL("id", "1")) "<w:FragmentTransfer s:mustUnderstand='true'>Data1"
        "</w:FragmentTransfer>", "");
    assert_fault(CIMF_WSMAN_FRAGMENT_ACCESS);
    ask(&f, XFER("Get"), WMI_URI "MyClass", SET(SEL("id", "1")) "<w:FragmentTransfer s:mustUnderstand='false'>Data1"
        "</w:FragmentTransfer>", "");
    assert_fault(CIMF_WSMAN_INVALID_HEADER);
}

/* Every prefix of a request is answered, none of them with success. */
static void truncations(void **state)
{
    struct slice text = message(&f, XFER("Get"), WMI_URI "MyClass", SET(SEL("id", "1")), "");
    for (size_t i = 0; i < text.n; i++) {
        char *part = malloc(i ? i : 1);
        memcpy(part, text.p, i);
        if (f.x.reply.p) exchange_free(&f.x);
        exchange_send(&f.x, f.server, f.alice, 0, SLICE("application/soap+xml"), slice_of(part, i));
        assert_true(f.x.replied);
        assert_int_equal(f.x.status, 500);
        free(part);
    }
    assert_int_equal(f.m.submitted, 0);
}

/* Pitfall 1: refused, and the next request works. */
static void doctype_is_refused(void **state)
{
    fixture_send(&f, SLICE("<!DOCTYPE x [<!ENTITY y SYSTEM 'file:///etc/passwd'>]><s:Envelope>&y;</s:Envelope>"));
    assert_fault(CIMF_WSMAN_SCHEMA_VALIDATION);
    fixture_send(&f, SLICE("<e:Envelope xmlns:e='http://schemas.xmlsoap.org/soap/envelope/'><e:Body/></e:Envelope>"));
    assert_text(f.fault.code, "VersionMismatch");
    ask(&f, XFER("Get"), WMI_URI "MyClass", SET(SEL("id", "1")), "");
    assert_ok(XFER("GetResponse"));
}

/* --- the shapes of the specification's examples (MS-WSMV 4.1) --------------------------------- */

#define WSA_OPEN "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\"\n" \
    "    xmlns:wsa=\"http://schemas.xmlsoap.org/ws/2004/08/addressing\"\n" \
    "    xmlns:wsen=\"http://schemas.xmlsoap.org/ws/2004/09/enumeration\"\n" \
    "    xmlns:wsman=\"http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd\">\n  <s:Header>\n" \
    "    <wsa:To>http://server:80/wsman</wsa:To>\n    <wsa:ReplyTo>\n      <wsa:Address s:mustUnderstand=\"true\">\n" \
    "        " SOAP_ANONYMOUS "\n      </wsa:Address>\n    </wsa:ReplyTo>\n" \
    "    <wsman:MaxEnvelopeSize s:mustUnderstand=\"true\">\n      51200\n    </wsman:MaxEnvelopeSize>\n" \
    "    <wsa:MessageID>\n      uuid:5E6FD101-710A-4EEA-A50D-70C0BF863AA3\n    </wsa:MessageID>\n" \
    "    <wsman:OperationTimeout>PT60.000S</wsman:OperationTimeout>\n"
#define WSA_TARGET(uri, action) "    <wsman:ResourceURI s:mustUnderstand=\"true\">\n      " uri "\n    </wsman:ResourceURI>\n" \
    "    <wsa:Action s:mustUnderstand=\"true\">\n      " action "\n    </wsa:Action>\n"
#define WSA_SELECTOR "    <wsman:SelectorSet>\n      <wsman:Selector Name=\"id\">1</wsman:Selector>\n    </wsman:SelectorSet>\n"

static void example(const char *text)
{
    fixture_send(&f, slice_str(text));
    if (f.x.status != 200) fail_msg("%s", buf_strz(&f.x.reply));
    assert_text(f.reply.relates_to, "uuid:5E6FD101-710A-4EEA-A50D-70C0BF863AA3");
}

/* Pitfalls 5 and 7: white space around every value, other prefixes, the class in lower case. */
static void specification_shapes(void **state)
{
    example(WSA_OPEN WSA_TARGET(WMI_URI "myclass", XFER("Get")) WSA_SELECTOR "  </s:Header>\n  <s:Body/>\n</s:Envelope>\n");
    assert_text(xml_child_any(f.reply.content, "Data1")->text, "Hello World");
    example(WSA_OPEN WSA_TARGET(WMI_URI "myclass", ENUM("Enumerate")) "  </s:Header>\n  <s:Body>\n"
            "    <wsen:Enumerate/>\n  </s:Body>\n</s:Envelope>\n");
    struct slice id = xml_child(f.reply.content, NS_N, "EnumerationContext")->text;
    struct slice pull = arena_printf(&f.arena, WSA_OPEN WSA_TARGET(WMI_URI "myclass", ENUM("Pull")) "  </s:Header>\n"
            "  <s:Body>\n    <wsen:Pull>\n      <wsen:EnumerationContext>\n        " SLICE_FMT
            "\n      </wsen:EnumerationContext>\n      <wsen:MaxElements>20</wsen:MaxElements>\n    </wsen:Pull>\n"
            "  </s:Body>\n</s:Envelope>\n", SLICE_ARG(id));
    example(pull.p);
    assert_non_null(xml_child(f.reply.content, NS_N, "EndOfSequence"));
    example(WSA_OPEN WSA_TARGET(WMI_URI "myclass", XFER("Put")) WSA_SELECTOR "  </s:Header>\n  <s:Body>\n"
            "    <p:myclass xmlns:p=\"" WMI_URI "myclass\">\n      <p:Data1>Bye</p:Data1>\n      <p:id>1</p:id>\n"
            "      <cim:Location xmlns:cim=\"http://schemas.dmtf.org/wbem/wscim/1/common\">\n        <wsa:Address>x"
            "</wsa:Address>\n      </cim:Location>\n    </p:myclass>\n  </s:Body>\n</s:Envelope>\n");
    assert_text(xml_child_any(f.reply.content, "Data1")->text, "Bye");
    example(WSA_OPEN WSA_TARGET(WMI_URI "myclass", WMI_URI "MyClass/Add") WSA_SELECTOR "  </s:Header>\n  <s:Body>\n"
            "    <p:Add_INPUT xmlns:p=\"" WMI_URI "myclass\">\n      <p:A>2</p:A>\n      <p:B>5</p:B>\n    </p:Add_INPUT>\n"
            "  </s:Body>\n</s:Envelope>\n");
    assert_text(xml_child_any(f.reply.content, "Sum")->text, "7");
    fixture_send(&f, slice_str(WSA_OPEN WSA_TARGET(WMI_URI "nosuchclass", XFER("Get")) "  </s:Header>\n  <s:Body/>\n"
                               "</s:Envelope>\n"));
    assert_fault(CIMF_INVALID_CLASS);
}

/* covers: wsman:E21 */
static void replies_are_plain_xml(void **state)
{
    ask(&f, XFER("Get"), WMI_URI "MyClass", SET(SEL("id", "1")), "");
    assert_string_equal(f.x.type, "application/soap+xml;charset=UTF-8"); /* no multipart, no attachments */
    assert_memory_equal(f.x.reply.p, "<s:Envelope", 11);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(addressing_headers_are_needed), T(unknown_headers), T(limits_of_the_request),
        T(large_requests_are_not_parsed), T(large_results), T(locale_and_ids), T(options_become_context),
        T(show_extensions), T(utf16_is_answered_in_kind), T(uris_and_actions), T(longest_prefix_wins),
        T(fragments_are_refused), T(truncations), T(doctype_is_refused), T(specification_shapes),
        T(replies_are_plain_xml),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
