/* Values, instances, endpoint references, classes: written and read back. */
#include "base/test.h"

#include <math.h>

#include "wsman/server_harness.h"

static struct fake_manager m;
static struct arena arena;
static struct wsman_codec codec;

static int setup(void **state)
{
    fake_init(&m);
    arena_init(&arena, 0);
    codec = (struct wsman_codec){ .arena = &arena, .schema = m.schema, .ns = SLICE("root/test"),
                                  .form = { .kind = WSMAN_URI_WMI } };
    return 0;
}

static int teardown(void **state)
{
    arena_free(&arena);
    fake_free(&m);
    return 0;
}

static void assert_text(struct slice got, const char *want)
{
    if (!slice_is(got, want)) fail_msg("got '" SLICE_FMT "', want '%s'", SLICE_ARG(got), want);
}

/* The namespaces that the envelope around it declares. */
static struct xml_node *parse(struct slice text)
{
    struct xml_node *root;
    struct error e = ERROR_INIT;
    struct slice doc = arena_printf(&arena, "<x xmlns:w=\"http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd\" "
        "xmlns:a=\"http://schemas.xmlsoap.org/ws/2004/08/addressing\" xmlns:q=\"urn:q\" "
        "xmlns:cim=\"http://schemas.dmtf.org/wbem/wscim/1/common\" xmlns:m=\"http://schemas.microsoft.com/wbem/wsman/1/"
        "wsman.xsd\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\">" SLICE_FMT "</x>", SLICE_ARG(text));
    if (xml_read(&arena, doc, &soap_vocabulary, &root, &e) != CIMF_OK) fail_msg("%s: %s", error_text(&e), doc.p);
    return xml_first(root);
}

static struct slice write_one(const struct cim_instance *in)
{
    struct buf b;
    buf_init(&b, 0);
    assert_true(wsman_instance_write(&b, &codec, in));
    struct slice s = arena_dup(&arena, buf_slice(&b));
    buf_free(&b);
    return s;
}

static struct cim_instance *read_one(struct slice text, const char *class_name)
{
    struct cim_instance *in = NULL;
    struct error e = ERROR_INIT;
    const struct cim_class *cls = cim_schema_class(m.schema, slice_str(class_name));
    if (wsman_instance_read(&codec, parse(text), cls, &in, &e) != CIMF_OK) fail_msg("%s", error_text(&e));
    return in;
}

static struct cim_instance *full(void)
{
    struct cim_instance *in = fake_row(&m, "MyClass"), *inner = fake_row(&m, "Derived");
    static const struct slice list[] = { SLICE("one"), SLICE(""), SLICE("<3> & \"") };
    cim_put_i64(in, "id", -2147483647 - 1);
    cim_put_strz(in, "Data1", "line\nline\r end \xf0\x9f\x98\x80 ");
    cim_put_u64(in, "Number", UINT64_MAX);
    cim_put_strv(in, "List", list, 3);
    cim_set(in, (unsigned)cim_class_property(in->cls, SLICE("When")),
            (union cim_data){ .s = SLICE("20070301120000.123456-480") });
    cim_put_bool(in, "Flag", true);
    cim_set(in, (unsigned)cim_class_property(in->cls, SLICE("Peer")), (union cim_data){ .s = SLICE("MyClass.id=5") });
    cim_put_i64(inner, "id", 3);
    cim_put_strz(inner, "Extra", "deep");
    cim_set(in, (unsigned)cim_class_property(in->cls, SLICE("Inner")), (union cim_data){ .o = &inner->object });
    cim_set(in, (unsigned)cim_class_property(in->cls, SLICE("Letter")), (union cim_data){ .u = 0x20ac });
    cim_put_real(in, "Real", 0.1);
    cim_put_null(in, "Level");
    return in;
}

static void round_trip(void **state)
{
    struct cim_instance *in = full();
    for (int i = 0; i < 4; i++) {
        codec.extensions = i & 1;
        codec.precise = i & 2;
        struct slice text = write_one(in);
        struct cim_instance *back = read_one(text, "MyClass");
        if (!cim_instance_equal(in, back)) fail_msg("%s", text.p);
        /* A client that does not know the class gets the same text again. */
        struct cim_instance *guess = NULL;
        struct error e = ERROR_INIT;
        codec.schema = NULL;
        if (wsman_instance_guess(&codec, parse(text), SLICE(""), &guess, &e) != CIMF_OK) fail_msg("%s", error_text(&e));
        union cim_data v;
        assert_true(cim_get(guess, (unsigned)cim_class_property(guess->cls, SLICE("when")), &v));
        assert_text(v.s, "20070301120000.123456-480");
        int at = cim_class_property(guess->cls, SLICE("List"));
        assert_int_equal(guess->cls->properties[at].type, CIM_STRING | CIM_ARRAY);
        at = cim_class_property(guess->cls, SLICE("Inner"));
        assert_int_equal(guess->cls->properties[at].type, CIM_OBJECT);
        at = cim_class_property(guess->cls, SLICE("Number"));
        assert_int_equal(guess->cls->properties[at].type, i & 1 ? CIM_UINT64 : CIM_STRING);
        at = cim_class_property(guess->cls, SLICE("Peer"));
        assert_int_equal(guess->cls->properties[at].type, CIM_REFERENCE);
        codec.schema = m.schema;
    }
}

static const char *value_text(unsigned base, union cim_data v)
{
    struct buf b;
    buf_init(&b, 0);
    wsman_scalar_write(&b, &codec, base, &v);
    char *text = arena_strz(&arena, buf_slice(&b));
    buf_free(&b);
    return text;
}

static void scalars(void **state)
{
    static const struct { unsigned type; union cim_data v; const char *text; } cases[] = {
        { CIM_BOOLEAN, { .u = 0 }, "false" }, { CIM_BOOLEAN, { .u = 1 }, "true" },
        { CIM_SINT8, { .i = -128 }, "-128" }, { CIM_UINT8, { .u = 255 }, "255" },
        { CIM_SINT64, { .i = INT64_MIN }, "-9223372036854775808" }, { CIM_UINT64, { .u = UINT64_MAX }, "18446744073709551615" },
        { CIM_REAL64, { .r = 1e300 }, "1e+300" }, { CIM_REAL64, { .r = INFINITY }, "INF" },
        { CIM_REAL64, { .r = -INFINITY }, "-INF" }, { CIM_REAL64, { .r = (double)NAN }, "NaN" },
        { CIM_CHAR16, { .u = 'A' }, "A" }, { CIM_CHAR16, { .u = '<' }, "&lt;" },
        { CIM_STRING, { .s = SLICE("<\r>") }, "&lt;&#13;&gt;" },
        { CIM_DATETIME, { .s = SLICE("20070301120000.000000+000") }, "<cim:Datetime>2007-03-01T12:00:00Z</cim:Datetime>" },
        { CIM_DATETIME, { .s = SLICE("00000001020000.000000:000") }, "<cim:Interval>P1DT2H</cim:Interval>" },
        { CIM_DATETIME, { .s = SLICE("19980416******.000000+***") }, "<cim:CIM_DateTime>19980416******.000000+***</cim:CIM_DateTime>" },
        { CIM_DATETIME, { .s = SLICE("**************.******+***") }, "<cim:CIM_DateTime>**************.******+***</cim:CIM_DateTime>" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *text = value_text(cases[i].type, cases[i].v);
        if (strcmp(text, cases[i].text)) fail_msg("%s instead of %s", text, cases[i].text);
        struct xml_node *n = parse(arena_printf(&arena, "<q:v>%s</q:v>", text));
        union cim_data back;
        struct error e = ERROR_INIT;
        if (wsman_value_read(&codec, n, cases[i].type, 0, &back, &e) != CIMF_OK) fail_msg("%s: %s", text, error_text(&e));
        bool nan = cases[i].type == CIM_REAL64 && isnan(cases[i].v.r);
        assert_true(nan ? isnan(back.r) : cim_data_equal(cases[i].type, &back, &cases[i].v));
    }
}

/* What OMI and others write. */
static void tolerant_reading(void **state)
{
    static const struct { unsigned type; const char *text, *want; } cases[] = {
        { CIM_BOOLEAN, "TRUE", "true" }, { CIM_BOOLEAN, " False ", "false" }, { CIM_UINT8, " +7 ", "7" },
        { CIM_CHAR16, "65", "A" }, { CIM_DATETIME, "20070301120000.000000+000", "<cim:Datetime>2007-03-01T12:00:00Z</cim:Datetime>" },
        { CIM_DATETIME, "2007-03-01T12:00:00Z", "<cim:Datetime>2007-03-01T12:00:00Z</cim:Datetime>" },
        { CIM_DATETIME, "<CIM_DateTime>20070301120000.000000+000</CIM_DateTime>",
          "<cim:Datetime>2007-03-01T12:00:00Z</cim:Datetime>" },
        { CIM_DATETIME, "<cim:dateTime>2007-03-01T12:00:00Z</cim:dateTime>",
          "<cim:Datetime>2007-03-01T12:00:00Z</cim:Datetime>" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct xml_node *n = parse(arena_printf(&arena, "<q:v>%s</q:v>", cases[i].text));
        union cim_data v;
        struct error e = ERROR_INIT;
        if (wsman_value_read(&codec, n, cases[i].type, 0, &v, &e) != CIMF_OK) fail_msg("%s: %s", cases[i].text, error_text(&e));
        assert_string_equal(value_text(cases[i].type, v), cases[i].want);
    }
    /* References: with and without a:EndpointReference, and as text. */
    static const char *const refs[] = {
        "<a:Address>x</a:Address><a:ReferenceParameters><w:ResourceURI>" WMI_URI "MyClass</w:ResourceURI>" SET(SEL("id", "5"))
        "</a:ReferenceParameters>",
        "<a:EndpointReference><a:ReferenceParameters><w:ResourceURI>" DMTF_URI "MyClass</w:ResourceURI>"
        SET(SEL("__cimnamespace", "ROOT/test") SEL("ID", "5")) "</a:ReferenceParameters></a:EndpointReference>",
        " MyClass.id=5 ",
    };
    for (size_t i = 0; i < 3; i++) {
        struct xml_node *n = parse(arena_printf(&arena, "<q:v>%s</q:v>", refs[i]));
        union cim_data v;
        struct error e = ERROR_INIT;
        if (wsman_value_read(&codec, n, CIM_REFERENCE, 0, &v, &e) != CIMF_OK) fail_msg("%s", error_text(&e));
        assert_text(v.s, "MyClass.id=5");
    }
}

/* covers: wsman:C21 */
static void arrays(void **state)
{
    struct cim_instance *in = fake_row(&m, "MyClass");
    cim_put_i64(in, "id", 1);
    assert_non_null(strstr(write_one(in).p, "<p:List xsi:nil=\"true\"/>"));
    codec.precise = true;
    assert_non_null(strstr(write_one(in).p, "m:IsNullArray=\"true\" xsi:nil=\"true\"/>"));
    cim_put_strv(in, "List", NULL, 0);
    assert_non_null(strstr(write_one(in).p, "m:IsEmptyArray=\"true\"/>"));
    union cim_data v;
    unsigned at = (unsigned)cim_class_property(in->cls, SLICE("List"));
    assert_true(cim_get(read_one(write_one(in), "MyClass"), at, &v));
    assert_int_equal(v.a.n, 0);
    codec.precise = false;
    assert_null(strstr(write_one(in).p, "List"));
    assert_false(cim_is_sent(read_one(write_one(in), "MyClass"), at));
}

static void embedding_is_bounded(void **state)
{
    struct buf b;
    buf_init(&b, 0);
    for (int i = 0; i < 60; i++) buf_printf(&b, "<q:Inner xsi:type=\"q:MyClass_Type\">");
    for (int i = 0; i < 60; i++) buf_lit(&b, "</q:Inner>");
    struct slice text = arena_printf(&arena, "<q:MyClass>" SLICE_FMT "</q:MyClass>", SLICE_ARG(buf_slice(&b)));
    struct cim_instance *in;
    const struct cim_class *cls = cim_schema_class(m.schema, SLICE("MyClass"));
    assert_int_equal(wsman_instance_read(&codec, parse(text), cls, &in, NULL), CIMF_TYPE_MISMATCH);
    codec.schema = NULL;
    assert_int_equal(wsman_instance_guess(&codec, parse(text), SLICE(""), &in, NULL), CIMF_TYPE_MISMATCH);
    buf_free(&b);
}

/* Every class of the schema, rebuilt from its metadata, is the class it was. */
static void classes_round_trip(void **state)
{
    size_t at = 0, seen = 0;
    const struct cim_class *cls;
    while ((cls = cim_schema_walk(m.schema, NULL, &at))) {
        struct buf b;
        buf_init(&b, 0);
        assert_true(wsman_class_write(&b, cls, WSMAN_CLASS_QUALIFIERS | WSMAN_CLASS_INHERITED | WSMAN_CLASS_ORIGIN));
        struct cim_class_decl decl;
        struct error e = ERROR_INIT;
        if (wsman_class_read(&arena, parse(buf_slice(&b)), &decl, &e) != CIMF_OK) fail_msg("%s", error_text(&e));
        if (!cim_class_decl_equal(&decl, &cls->decl)) fail_msg("%s", buf_strz(&b));
        buf_free(&b);
        seen++;
    }
    assert_int_equal(seen, sizeof fake_decls / sizeof *fake_decls);
}

/* The same for what the small schema does not have: flavors, arrays of all types, defaults, overrides. */
static void rich_class_round_trip(void **state)
{
    static const uint8_t bytes[] = { 1, 255 };
    static const struct slice words[] = { SLICE("a"), SLICE("<b>") };
    struct cim_qualifier q[] = {
        { SLICE("Description"), { .type = CIM_STRING, .v.s = SLICE("text & more") }, CIM_FLAVOR_TO_SUBCLASS | CIM_FLAVOR_AMENDED },
        { SLICE("Values"), { .type = CIM_STRING | CIM_ARRAY, .v.a = { words, 2 } }, CIM_FLAVOR_TO_INSTANCE },
        { SLICE("Max"), { .type = CIM_SINT32, .v.i = -5 }, CIM_FLAVOR_NOT_OVERRIDABLE },
        { SLICE("Weight"), { .type = CIM_REAL64, .v.r = 0.5 }, 0 },
        { SLICE("Off"), { .type = CIM_BOOLEAN, .v.u = 0 }, 0 },
    };
    struct cim_property_decl props[] = {
        { .name = SLICE("Bytes"), .type = CIM_UINT8 | CIM_ARRAY, .max = 8, .has_default = true,
          .value = { .type = CIM_UINT8 | CIM_ARRAY, .v.a = { bytes, 2 } }, .qualifiers = { q, 5 } },
        { .name = SLICE("Link"), .type = CIM_REFERENCE, .class_name = SLICE("Base") },
        { .name = SLICE("Box"), .type = CIM_OBJECT, .class_name = SLICE("Base") },
        { .name = SLICE("Any"), .type = CIM_OBJECT | CIM_ARRAY },
        { .name = SLICE("At"), .type = CIM_DATETIME, .has_default = true,
          .value = { .type = CIM_DATETIME, .v.s = SLICE("20070301120000.000000+000") } },
        { .name = SLICE("Level"), .type = CIM_UINT8, .qualifiers = { q + 3, 1 } }, /* override, default kept */
    };
    struct cim_property_decl params[] = {
        { .name = SLICE("Names"), .type = CIM_STRING | CIM_ARRAY, .qualifiers = { &fake_in_q, 1 } },
        { .name = SLICE("Target"), .type = CIM_REFERENCE, .class_name = SLICE("Base"), .qualifiers = { &fake_in_q, 1 } },
    };
    struct cim_method_decl method = { .name = SLICE("Do"), .return_type = CIM_BOOLEAN, .params = params,
                                      .param_count = 2, .qualifiers = { q, 1 } };
    struct cim_class_decl decl = { .name = SLICE("Rich"), .super = SLICE("MyClass"), .qualifiers = { q, 2 },
                                   .properties = props, .property_count = 6, .methods = &method, .method_count = 1 };
    const struct cim_class *cls;
    struct error e = ERROR_INIT;
    cimf_status status = cim_class_resolve(&decl, cim_schema_class(m.schema, SLICE("MyClass")), SLICE("root/test"), 0, &cls, &e);
    if (status != CIMF_OK) fail_msg("%s", error_text(&e));
    struct buf b;
    buf_init(&b, 0);
    wsman_class_write(&b, cls, WSMAN_CLASS_QUALIFIERS | WSMAN_CLASS_INHERITED);
    struct cim_class_decl back;
    if (wsman_class_read(&arena, parse(buf_slice(&b)), &back, &e) != CIMF_OK) fail_msg("%s", error_text(&e));
    if (!cim_class_decl_equal(&decl, &back)) fail_msg("%s", buf_strz(&b));
    buf_free(&b);
    cim_class_unref(cls);
}

static void bad_classes(void **state)
{
    static const char *const bad[] = {
        "<CLASS/>", "<NOCLASS NAME='x'/>", "<CLASS NAME='x'><PROPERTY NAME='p'/></CLASS>",
        "<CLASS NAME='x'><PROPERTY TYPE='string'/></CLASS>", "<CLASS NAME='x'><PROPERTY NAME='p' TYPE='uint9'/></CLASS>",
        "<CLASS NAME='x'><PROPERTY NAME='p' TYPE='uint8'><VALUE>256</VALUE></PROPERTY></CLASS>",
        "<CLASS NAME='x'><PROPERTY NAME='p' TYPE='uint8'><VALUE.ARRAY/></PROPERTY></CLASS>",
        "<CLASS NAME='x'><PROPERTY.ARRAY NAME='p' TYPE='uint8'><VALUE>2</VALUE></PROPERTY.ARRAY></CLASS>",
        "<CLASS NAME='x'><QUALIFIER NAME='q'/></CLASS>", "<CLASS NAME='x'><METHOD TYPE='uint8'/></CLASS>",
        "<CLASS NAME='x'><METHOD NAME='m' TYPE='x'/></CLASS>", "<CLASS NAME='x'><METHOD NAME='m'><PARAMETER/></METHOD></CLASS>",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct cim_class_decl decl;
        if (wsman_class_read(&arena, parse(slice_str(bad[i])), &decl, NULL) == CIMF_OK) fail_msg("%s", bad[i]);
    }
}

/* What a client sends is what the server reads. */
static void request_headers_round_trip(void **state)
{
    struct wsman_option options[] = { { .name = SLICE("wmi:X"), .value = SLICE("<1>"), .type = SLICE("string") },
                                      { .name = SLICE("Y"), .must_comply = true } };
    struct wsman_header_out h = { .resource_uri = SLICE(WMI_URI "A&B"), .options = options, .option_count = 2,
                                  .timeout_us = 1500000, .max_envelope = 512000, .locale = SLICE("en-US"),
                                  .operation_id = SLICE("uuid:1"), .session_id = SLICE("uuid:2"),
                                  .selectors = SLICE(SET(SEL("id", "1"))) };
    struct buf extra, b;
    buf_init(&extra, 0);
    buf_init(&b, 0);
    assert_true(wsman_header_write(&extra, &h));
    struct soap_head head = { .action = SLICE("urn:a"), .to = SLICE("http://h/wsman"), .request = true, .extra = buf_slice(&extra) };
    soap_begin(&b, &head);
    soap_end(&b);
    struct soap_envelope env;
    struct wsman_header got;
    const struct xml_node *block = NULL;
    struct error e = ERROR_INIT;
    if (soap_envelope_read(&arena, buf_slice(&b), &env, &e) != CIMF_OK) fail_msg("%s", error_text(&e));
    if (wsman_header_read(&arena, env.header, &got, &block, &e) != CIMF_OK) fail_msg("%s", error_text(&e));
    assert_text(env.to, "http://h/wsman");
    assert_text(env.reply_to, SOAP_ANONYMOUS);
    assert_text(got.resource_uri, WMI_URI "A&B");
    assert_int_equal(got.timeout_us, 1500000);
    assert_int_equal(got.max_envelope, 512000);
    assert_text(got.locale, "en-US");
    assert_text(got.operation_id, "uuid:1");
    assert_text(got.session_id, "uuid:2");
    assert_int_equal(got.option_count, 2);
    assert_text(got.options[0].value, "<1>");
    assert_text(got.options[0].type, "string");
    assert_true(got.options[1].must_comply);
    assert_text(wsman_selector_find(&got.selectors, "ID")->value, "1");
    buf_free(&extra);
    buf_free(&b);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(round_trip), T(scalars), T(tolerant_reading), T(arrays), T(embedding_is_bounded), T(classes_round_trip),
        T(rich_class_round_trip), T(bad_classes), T(request_headers_round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
