/* Enumerate, Pull, Release, class metadata; contexts between threads, users and timers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wsman/server_harness.h"

static struct fixture f;

static int setup(void **state)
{
    fixture_open(&f);
    fake_fill(&f.m, 5);
    f.config.max_operations_per_user = 20000;
    fixture_serve(&f);
    return 0;
}

static int teardown(void **state)
{
    fixture_close(&f);
    return 0;
}

static void assert_text(struct slice got, const char *want)
{
    if (!slice_is(got, want)) fail_msg("got '" SLICE_FMT "', want '%s'", SLICE_ARG(got), want);
}

static void assert_fault(cimf_status want)
{
    const struct cimf_status_info *row = cimf_status_info(want);
    if (!f.x.replied) fail_msg("no reply");
    if (f.x.status != 500 || f.fault.wsman_code != row->wsman_code || !slice_is(f.fault.detail, row->detail)) {
        fail_msg("want %s: %s", row->name, buf_strz(&f.x.reply));
    }
}

static struct xml_node *response(const char *name)
{
    if (!f.x.replied) fail_msg("no reply");
    if (f.x.status != 200) fail_msg("fault %s", buf_strz(&f.x.reply));
    assert_true(xml_is(f.reply.content, NS_N, name));
    return f.reply.content;
}

static size_t items(unsigned ns)
{
    size_t n = 0;
    const struct xml_node *list = xml_child(f.reply.content, ns, "Items");
    for (const struct xml_node *i = list ? xml_first(list) : NULL; i; i = xml_next(i)) n++;
    return n;
}

static struct xml_node *item(unsigned ns, size_t at)
{
    struct xml_node *i = xml_first(xml_child(f.reply.content, ns, "Items"));
    while (at--) i = xml_next(i);
    return i;
}

static bool ended(unsigned ns)
{
    return xml_child(f.reply.content, ns, "EndOfSequence") != NULL;
}

/* The context of the last reply, kept in the arena. */
static const char *context(void)
{
    struct xml_node *n = xml_child(f.reply.content, NS_N, "EnumerationContext");
    return n ? arena_strz(&f.arena, n->text) : NULL;
}

static void enumerate(const char *uri, const char *inside)
{
    char body[2048];
    snprintf(body, sizeof body, "<n:Enumerate>%s</n:Enumerate>", inside);
    ask(&f, ENUM("Enumerate"), uri, "", body);
}

static void pull_more(const char *uri, const char *id, const char *inside, const char *headers)
{
    char body[1024];
    snprintf(body, sizeof body, "<n:Pull><n:EnumerationContext>%s</n:EnumerationContext>%s</n:Pull>", id, inside);
    ask(&f, ENUM("Pull"), uri, headers, body);
}

static void pull(const char *id, const char *max)
{
    char inside[100];
    snprintf(inside, sizeof inside, "<n:MaxElements>%s</n:MaxElements>", max);
    pull_more(WMI_URI "MyClass", id, inside, "");
}

static void release(const char *uri, const char *id)
{
    char body[512];
    snprintf(body, sizeof body, "<n:Release><n:EnumerationContext>%s</n:EnumerationContext></n:Release>", id);
    ask(&f, ENUM("Release"), uri, "", body);
}

/* Numbers of open operations and contexts. */
static void assert_idle(void)
{
    struct wsman_server_stats stats;
    fake_run();
    wsman_server_stats(f.server, &stats);
    assert_int_equal(stats.enumerations_open, 0);
    assert_int_equal(stats.operations, 0);
    assert_int_equal(f.m.active, 0);
}

static const enum fake_mode both[] = { FAKE_SYNC, FAKE_ASYNC };
#define EACH_MODE for (size_t mode_ = 0; mode_ < 2 && (f.m.mode = both[mode_], true); mode_++)

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
#define ALL "<w:OptimizeEnumeration/><w:MaxElements>99</w:MaxElements>"
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

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(enumerates_and_pulls), T(batch_sizes), T(optimized), T(enumeration_modes), T(polymorphism),
        T(wql_filters), T(selector_filters), T(bad_bodies), T(contexts_are_private),
        T(pulls_move_between_threads), T(garbage_is_collected), T(ten_thousand_abandoned),
        T(open_enumerations_count), T(envelope_size_rules), T(errors_come_after_items), T(pull_times_out),
        T(pull_takes_over), T(one_pull_at_a_time), T(release_during_pull), T(loops_end_first),
        T(class_metadata), T(class_enumeration),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
