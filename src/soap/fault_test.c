#include "base/test.h"
#include "base/test_arena.h"

#include <stdlib.h>

#include "soap/fault.h"

static struct soap_fault_info decode(struct slice text)
{
    struct soap_envelope env;
    struct error e = ERROR_INIT;
    if (soap_envelope_read(&arena, text, &env, &e) != CIMF_OK) fail_msg("%s", error_text(&e));
    struct soap_fault_info info;
    assert_true(soap_fault_read(&arena, &env, &info));
    return info;
}

static void assert_text(struct slice got, const char *want)
{
    if (!slice_is(got, want)) fail_msg("got '" SLICE_FMT "', want '%s'", SLICE_ARG(got), want);
}

/* Every row of the status table is written as a fault and read back as itself, or as an earlier row that
 * shares its code. */
static void every_row_round_trips(void **state)
{
    struct buf b;
    buf_init(&b, 0);
    for (int i = 1; i < CIMF_STATUS_COUNT; i++) {
        cimf_status status = (cimf_status)-i;
        const struct cimf_status_info *row = cimf_status_info(status);
        buf_clear(&b);
        struct soap_fault f = { .status = status, .machine = SLICE("here") };
        assert_true(soap_fault_write(&b, &f, SLICE("uuid:1"), SOAP_WSMV));
        struct soap_fault_info got = decode(buf_slice(&b));
        assert_int_equal(got.wsman_code, row->wsman_code);
        assert_int_equal(got.provider_code, 0);
        assert_text(got.machine, "here");
        assert_text(got.detail, row->detail);
        assert_text(got.message, row->text);
        assert_int_equal(cimf_status_info(got.status)->wsman_code, row->wsman_code);
        const char *colon = strchr(row->subcode, ':');
        assert_text(got.subcode, colon ? colon + 1 : "");
        if (colon) assert_true(got.subcode_uri.n > 0);
        buf_clear(&b);
        f.provider = true;
        assert_true(soap_fault_write(&b, &f, SLICE_NULL, SOAP_WSMV));
        got = decode(buf_slice(&b));
        assert_int_equal(got.provider_code, row->hresult);
        assert_int_equal(cimf_status_info(got.status)->hresult, row->hresult);
    }
    buf_free(&b);
}

static void carries_extended_status(void **state)
{
    struct error e = ERROR_INIT;
    error_set(&e, CIMF_INVALID_QUERY, "provider:Win32_Process", "no <such> property");
    struct soap_fault f = { .status = e.status, .error = &e, .provider = true, .operation = SLICE("ExecQuery"),
                            .parameter = SLICE("select * from X") };
    struct buf b;
    buf_init(&b, 0);
    soap_fault_write(&b, &f, SLICE("uuid:1"), SOAP_WSMV);
    struct soap_fault_info got = decode(buf_slice(&b));
    assert_int_equal(got.status, CIMF_INVALID_QUERY);
    assert_text(got.message, "no <such> property");
    assert_text(got.description, "no <such> property");
    assert_text(got.operation, "ExecQuery");
    assert_text(got.parameter, "select * from X");
    assert_true(memmem(b.p, b.n, "<p:ProviderName>Win32_Process<", 30) != NULL);
    assert_true(memmem(b.p, b.n, "<p:StatusCode>2147749911<", 25) != NULL);
    buf_free(&b);
}

static void explains_soap_faults(void **state)
{
    struct buf b;
    buf_init(&b, 0);
    struct soap_fault f = { .status = CIMF_SOAP_MUST_UNDERSTAND, .not_understood_uri = SLICE("urn:x"),
                            .not_understood_name = SLICE("Thing") };
    soap_fault_write(&b, &f, SLICE("uuid:1"), SOAP_WSMV);
    struct soap_envelope env;
    assert_int_equal(soap_envelope_read(&arena, buf_slice(&b), &env, NULL), CIMF_OK);
    struct xml_node *block = xml_child(env.header, NS_S, "NotUnderstood");
    struct slice uri, name;
    assert_true(xml_qname(block, xml_attr_value(block, "qname"), &uri, &name));
    assert_text(uri, "urn:x");
    assert_text(name, "Thing");
    assert_int_equal(decode(buf_slice(&b)).status, CIMF_SOAP_MUST_UNDERSTAND);
    buf_clear(&b);
    f.status = CIMF_SOAP_VERSION_MISMATCH;
    soap_fault_write(&b, &f, SLICE_NULL, SOAP_WSMV);
    assert_int_equal(soap_envelope_read(&arena, buf_slice(&b), &env, NULL), CIMF_OK);
    assert_non_null(xml_child(env.header, NS_S, "Upgrade"));
    buf_free(&b);
}

#define HEAD "<s:Envelope xmlns:s='http://www.w3.org/2003/05/soap-envelope' " \
             "xmlns:w='http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd'><s:Body><s:Fault><s:Code><s:Value>s:Sender" \
             "</s:Value><s:Subcode><s:Value>w:InvalidSelectors</s:Value></s:Subcode></s:Code><s:Reason>" \
             "<s:Text xml:lang='en-US'>bad selectors. </s:Text></s:Reason><s:Detail>"
#define TAIL "</s:Detail></s:Fault></s:Body></s:Envelope>"

static void reads_foreign_shapes(void **state)
{
    struct soap_fault_info got = decode(SLICE(HEAD
        "<w:FaultDetail>http://schemas.dmtf.org/wbem/wsman/1/wsman/faultDetail/UnexpectedSelectors</w:FaultDetail>"
        "<f:WSManFault xmlns:f='http://schemas.microsoft.com/wbem/wsman/1/wsmanfault' Code='2150858843' Machine='m'>"
        "<f:Message><f:ProviderFault provider='Shell provider' path='x'><f:WSManFault Code='2150858843' Machine='m'>"
        "<f:Message>inner text </f:Message></f:WSManFault></f:ProviderFault></f:Message></f:WSManFault>" TAIL));
    assert_int_equal(got.status, CIMF_WSMAN_SELECTORS_UNEXPECTED);
    assert_text(got.message, "inner text");
    assert_text(got.provider, "Shell provider");
    assert_text(got.reason, "bad selectors.");

    got = decode(SLICE(HEAD
        "<p:MSFT_WmiError b:IsCIM_Error='true' xmlns:b='http://schemas.dmtf.org/wbem/wsman/1/cimbinding.xsd' "
        "xmlns:p='urn:p'><p:CIMStatusCode>6</p:CIMStatusCode><p:error_Code>2147749890</p:error_Code>"
        "<p:Message>Not found </p:Message></p:MSFT_WmiError>" TAIL));
    assert_int_equal(got.status, CIMF_NOT_FOUND);
    assert_text(got.message, "Not found");

    got = decode(SLICE(HEAD TAIL));
    assert_int_equal(got.status, CIMF_WSMAN_INVALID_SELECTORS);
    assert_text(got.message, "bad selectors.");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_row_round_trips, setup, teardown),
        cmocka_unit_test_setup_teardown(carries_extended_status, setup, teardown),
        cmocka_unit_test_setup_teardown(explains_soap_faults, setup, teardown),
        cmocka_unit_test_setup_teardown(reads_foreign_shapes, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
