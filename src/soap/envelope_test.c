#include "base/test.h"
#include "base/test_arena.h"

#include <stdlib.h>

#include "soap/envelope.h"

#define OPEN "<s:Envelope xmlns:s='http://www.w3.org/2003/05/soap-envelope' " \
             "xmlns:a='http://schemas.xmlsoap.org/ws/2004/08/addressing'>"

static cimf_status parse(const char *text, struct soap_envelope *out)
{
    struct error e = ERROR_INIT;
    cimf_status status = soap_envelope_read(&arena, slice_str(text), out, &e);
    if (status != CIMF_OK) assert_int_equal(e.status, status);
    return status;
}

static void reads_headers(void **state)
{
    struct soap_envelope env;
    assert_int_equal(parse(OPEN "<s:Header><a:Action>\n act </a:Action><a:MessageID> id\n</a:MessageID><a:To>t</a:To>"
                           "<a:ReplyTo><a:Address> r </a:Address></a:ReplyTo><a:FaultTo/></s:Header>"
                           "<s:Body><x/></s:Body></s:Envelope>", &env), CIMF_OK);
    assert_true(slice_is(env.action, "act"));
    assert_true(slice_is(env.message_id, "id"));
    assert_true(slice_is(env.to, "t"));
    assert_true(slice_is(env.reply_to, "r"));
    assert_true(env.fault_to.p && env.fault_to.n == 0);
    assert_null(env.relates_to.p);
    assert_true(slice_is(env.content->name, "x"));
}

/* Pitfall 6. */
static void refuses_bad_shapes(void **state)
{
    static const struct { const char *text; cimf_status want; } cases[] = {
        { "<a/>", CIMF_WSMAN_SCHEMA_VALIDATION },
        { "not xml", CIMF_WSMAN_SCHEMA_VALIDATION },
        { "<!DOCTYPE x><s:Envelope/>", CIMF_WSMAN_SCHEMA_VALIDATION },
        { "<e:Envelope xmlns:e='http://schemas.xmlsoap.org/soap/envelope/'><e:Body/></e:Envelope>",
          CIMF_SOAP_VERSION_MISMATCH },
        { "<Envelope/>", CIMF_SOAP_VERSION_MISMATCH },
        { OPEN "</s:Envelope>", CIMF_WSMAN_SCHEMA_VALIDATION },
        { OPEN "<s:Body/><s:Body/></s:Envelope>", CIMF_WSMAN_SCHEMA_VALIDATION },
        { OPEN "<s:Body/><s:Header/></s:Envelope>", CIMF_WSMAN_SCHEMA_VALIDATION },
        { OPEN "<s:Header/><s:Header/><s:Body/></s:Envelope>", CIMF_WSMAN_SCHEMA_VALIDATION },
        { OPEN "<s:Header><a:Action>1</a:Action><a:Action>2</a:Action></s:Header><s:Body/></s:Envelope>",
          CIMF_WSMAN_INVALID_HEADER },
        { OPEN "<s:Header><a:To/><a:To/></s:Header><s:Body/></s:Envelope>", CIMF_WSMAN_INVALID_HEADER },
        { OPEN "<s:Body s:encodingStyle='urn:x'/></s:Envelope>", CIMF_SOAP_DATA_ENCODING },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct soap_envelope env;
        cimf_status got = parse(cases[i].text, &env);
        if (got != cases[i].want) fail_msg("%s: %s", cases[i].text, cimf_status_name(got));
    }
    /* The message can still be answered. */
    struct soap_envelope env;
    parse(OPEN "<s:Header><a:MessageID>id</a:MessageID></s:Header><s:Body/><s:Body/></s:Envelope>", &env);
    assert_true(slice_is(env.message_id, "id"));
}

static void header_may_be_absent(void **state)
{
    struct soap_envelope env;
    assert_int_equal(parse(OPEN "<s:Body> \n </s:Body></s:Envelope>", &env), CIMF_OK);
    assert_null(env.header);
    assert_null(env.content);
    assert_null(env.action.p);
}

/* covers: wsman:E3 */
static void must_understand_and_roles(void **state)
{
    struct soap_envelope env;
    assert_int_equal(parse(OPEN "<s:Header><m1 s:mustUnderstand='1'/><m2 mustUnderstand='true'/>"
                           "<m3 s:mustUnderstand='maybe'/><m4 s:mustUnderstand='1' s:role='urn:other'/>"
                           "<a:Action s:role='urn:other'>no</a:Action>"
                           "</s:Header><s:Body/></s:Envelope>", &env), CIMF_OK);
    bool must;
    struct xml_node *h = xml_first(env.header);
    assert_true(soap_must_understand(h, &must) && must);
    assert_true(soap_must_understand(h = xml_next(h), &must) && !must);
    assert_false(soap_must_understand(h = xml_next(h), &must));
    assert_false(soap_header_for_us(h = xml_next(h)));
    assert_null(env.action.p);
}

static void writes_what_it_reads(void **state)
{
    struct buf b;
    buf_init(&b, 0);
    struct soap_head head = { .action = SLICE("urn:act"), .action_suffix = SLICE("Response"),
                              .relates_to = SLICE("uuid:<Id>"), .namespaces = 1u << NS_N };
    soap_begin(&b, &head);
    buf_lit(&b, "<n:X/>");
    assert_true(soap_end(&b));
    struct soap_envelope env;
    assert_int_equal(parse(buf_strz(&b), &env), CIMF_OK);
    assert_true(slice_is(env.action, "urn:actResponse"));
    assert_true(slice_is(env.relates_to, "uuid:<Id>"));
    assert_true(slice_is(env.to, SOAP_ANONYMOUS));
    assert_true(xml_is(env.content, NS_N, "X"));
    assert_int_equal(env.message_id.n, SOAP_MESSAGE_ID_SIZE - 1);
    struct slice first = env.message_id;
    buf_clear(&b);
    soap_begin(&b, &head);
    soap_end(&b);
    parse(buf_strz(&b), &env);
    assert_false(slice_eq(first, env.message_id));
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(reads_headers, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_bad_shapes, setup, teardown),
        cmocka_unit_test_setup_teardown(header_may_be_absent, setup, teardown),
        cmocka_unit_test_setup_teardown(must_understand_and_roles, setup, teardown),
        cmocka_unit_test_setup_teardown(writes_what_it_reads, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
