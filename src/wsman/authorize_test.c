/* RootSDDL, descriptors of resources, and what they decide about requests. */
#include "base/test.h"

#include "wsman/config_tree.h"
#include "wsman/server_harness.h"

#define WMI "http://schemas.microsoft.com/wbem/wsman/1/wmi/"
#define CIMV2 WMI "root/cimv2/Item"
#define SHELL "http://schemas.microsoft.com/wbem/wsman/1/windows/shell/cmd"
#define T SOAP_TRANSFER
#define N SOAP_ENUMERATION
#define EVENTS "http://schemas.xmlsoap.org/ws/2004/08/eventing/"

static const struct sd *sd_of(struct arena *a, const char *sddl)
{
    const struct sd *sd;
    assert_int_equal(sddl_parse(a, slice_str(sddl), NULL, &sd, NULL), CIMF_OK);
    return sd;
}

/* covers: wsman:C28 security:S44 */
static void actions(void **state)
{
    static const struct {
        const char *action, *uri;
        uint32_t right;
    } rows[] = {
        { T "Get", CIMV2, ACCESS_GENERIC_READ }, { N "Enumerate", CIMV2, ACCESS_GENERIC_READ },
        { N "Pull", CIMV2, ACCESS_GENERIC_READ }, { N "Release", CIMV2, ACCESS_GENERIC_READ },
        { EVENTS "Subscribe", CIMV2, ACCESS_GENERIC_READ }, { EVENTS "Unsubscribe", CIMV2, ACCESS_GENERIC_READ },
        { T "Put", CIMV2, ACCESS_GENERIC_WRITE }, { T "Create", CIMV2, ACCESS_GENERIC_WRITE },
        { T "Delete", CIMV2, ACCESS_GENERIC_WRITE }, { EVENTS "Renew", CIMV2, ACCESS_GENERIC_EXECUTE },
        { N "Renew", CIMV2, ACCESS_GENERIC_EXECUTE }, { CIMV2 "/Run", CIMV2, ACCESS_GENERIC_EXECUTE },
        { T "get", CIMV2, ACCESS_GENERIC_EXECUTE }, { "", CIMV2, ACCESS_GENERIC_EXECUTE },
        { T "Get", SHELL, ACCESS_GENERIC_EXECUTE }, { T "Create", SHELL, ACCESS_GENERIC_EXECUTE },
        { T "Delete", SHELL, ACCESS_GENERIC_EXECUTE }, { T "Get", "", ACCESS_GENERIC_READ },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(wsman_action_right(slice_str(rows[i].action), slice_str(rows[i].uri)), rows[i].right);
    }
}

struct table {
    struct fixture f;
    struct wsman_authorize *w;
};

static int setup(void **state)
{
    struct table *t = calloc(1, sizeof *t);
    fixture_open(&t->f);
    assert_int_equal(wsman_authorize_new(sd_of(&t->f.arena, "O:BAG:BAD:(A;;GR;;;AU)(A;;GA;;;BA)"), &t->w, NULL), CIMF_OK);
    *state = t;
    return 0;
}

static int teardown(void **state)
{
    struct table *t = *state;
    wsman_authorize_free(t->w);
    fixture_close(&t->f);
    free(t);
    return 0;
}

static bool may(struct table *t, const struct principal *p, const char *action, const char *uri)
{
    struct error e = ERROR_INIT;
    cimf_status s = wsman_authorize_check(t->w, p, slice_str(action), slice_str(uri), SLICE(""), &e);
    assert_true(s == CIMF_OK || s == CIMF_ACCESS_DENIED);
    return s == CIMF_OK;
}

static cimf_status add(struct table *t, const char *uri, const char *sddl, bool exact, bool replace)
{
    const struct wsman_resource_security r = { slice_str(uri), slice_str(sddl), exact };
    return wsman_authorize_add(t->w, &r, replace, NULL);
}

/* covers: security:S42 */
static void root_sddl(void **state)
{
    struct table *t = *state;
    assert_true(may(t, t->f.alice, T "Get", CIMV2));
    assert_false(may(t, t->f.alice, T "Put", CIMV2));
    assert_false(may(t, t->f.alice, CIMV2 "/Run", CIMV2));
    assert_false(may(t, t->f.alice, T "Get", SHELL));
    assert_int_equal(wsman_authorize_set_root(t->w, sd_of(&t->f.arena, "O:BAG:BAD:(A;;GXGW;;;AU)"), NULL), CIMF_OK);
    assert_false(may(t, t->f.alice, T "Get", CIMV2));
    assert_true(may(t, t->f.alice, T "Put", CIMV2));
    assert_true(may(t, t->f.alice, T "Create", SHELL));
    assert_int_equal(wsman_authorize_set_root(t->w, sd_of(&t->f.arena, "O:BAG:BA"), NULL), CIMF_INVALID_PARAMETER);
    assert_true(may(t, t->f.alice, T "Put", CIMV2));
    /* Without one: Windows' default. */
    struct wsman_authorize *closed;
    assert_int_equal(wsman_authorize_new(NULL, &closed, NULL), CIMF_OK);
    struct error e = ERROR_INIT;
    assert_int_equal(wsman_authorize_check(closed, t->f.alice, SLICE(T "Get"), SLICE(CIMV2), SLICE(""), &e),
                     CIMF_ACCESS_DENIED);
    wsman_authorize_free(closed);
}

/* covers: security:S43 */
static void resources(void **state)
{
    struct table *t = *state;
    assert_false(may(t, t->f.alice, T "Get", WSMAN_CONFIG_URI "/service")); /* administrators only */
    assert_int_equal(add(t, WMI "root/cimv2", "O:BAG:BAD:(A;;GR;;;S-1-5-21-1-2-3-1002)", false, false), CIMF_OK);
    assert_int_equal(add(t, WMI "root/cimv2/Win32_Open", "O:BAG:BAD:(A;;GA;;;AU)", true, false), CIMF_OK);
    assert_false(may(t, t->f.alice, T "Get", CIMV2));
    assert_true(may(t, t->f.bob, T "Get", CIMV2));
    assert_true(may(t, t->f.alice, T "Put", WMI "ROOT/cimv2/win32_open"));
    assert_false(may(t, t->f.alice, T "Put", WMI "root/cimv2/Win32_OpenToo")); /* exact */
    assert_true(may(t, t->f.alice, T "Get", WMI "root/other/Item"));
    assert_int_equal(add(t, WMI "root/CIMV2", "O:BAG:BAD:(A;;GR;;;AU)", false, false), CIMF_ALREADY_EXISTS);
    assert_int_equal(add(t, WMI "root/CIMV2", "O:BAG:BAD:(A;;GR;;;AU)", false, true), CIMF_OK);
    assert_true(may(t, t->f.alice, T "Get", CIMV2));
    assert_int_equal(add(t, "", "O:BAG:BAD:(A;;GR;;;AU)", false, false), CIMF_INVALID_PARAMETER);
    assert_int_equal(add(t, "x", "O:BAG:BA", false, false), CIMF_INVALID_PARAMETER);
    assert_int_equal(add(t, "x", "nonsense", false, false), CIMF_INVALID_SYNTAX);
    struct wsman_resource_security row, *rows;
    size_t count;
    assert_int_equal(wsman_authorize_find(t->w, SLICE(WMI "root/cimv2/win32_OPEN"), &t->f.arena, &row), CIMF_OK);
    assert_true(row.exact && slice_is(row.sddl, "O:BAG:BAD:(A;;GA;;;AU)"));
    assert_int_equal(wsman_authorize_list(t->w, &t->f.arena, &rows, &count), CIMF_OK);
    assert_int_equal(count, 3);
    assert_true(slice_is(rows[2].uri, WMI "root/cimv2/Win32_Open"));
    assert_int_equal(wsman_authorize_remove(t->w, SLICE(WMI "root/cimv2"), NULL), CIMF_OK);
    assert_int_equal(wsman_authorize_remove(t->w, SLICE(WMI "root/cimv2"), NULL), CIMF_NOT_FOUND);
    assert_true(may(t, t->f.alice, T "Get", CIMV2)); /* RootSDDL again */
}

static void count_change(void *arg) { ++*(int *)arg; }

static void stored(void **state)
{
    struct table *t = *state;
    int changes = 0;
    wsman_authorize_on_change(t->w, count_change, &changes);
    assert_int_equal(add(t, "a", "O:BAG:BAD:", false, false), CIMF_OK);
    assert_int_equal(add(t, "a", "O:BAG:BAD:", false, false), CIMF_ALREADY_EXISTS);
    assert_int_equal(wsman_authorize_remove(t->w, SLICE("a"), NULL), CIMF_OK);
    assert_int_equal(changes, 2);
    for (int i = 1; i < WSMAN_RESOURCES_MAX; i++) {
        char uri[16];
        snprintf(uri, sizeof uri, "x%d", i);
        assert_int_equal(add(t, uri, "O:BAG:BAD:", false, false), CIMF_OK);
    }
    assert_int_equal(add(t, "y", "O:BAG:BAD:", false, false), CIMF_QUOTA_VIOLATION);
}

static void certificates(void **state)
{
    struct table *t = *state;
    struct slice patterns[] = { SLICE(WMI "root/cimv2/*"), SLICE(WMI "root/other/Item") };
    struct principal p = fake_alice;
    p.uri_patterns = patterns;
    p.uri_pattern_count = 2;
    assert_true(may(t, &p, T "Get", CIMV2));
    assert_true(may(t, &p, T "Get", WMI "root/OTHER/item"));
    assert_false(may(t, &p, T "Get", WMI "root/other/Item2"));
    assert_false(may(t, &p, T "Get", WMI "root/cimv2"));
    assert_false(may(t, &p, T "Put", CIMV2)); /* covered, but not allowed */
}

/* covers: wsman:C28 security:S42 */
static void requests(void **state)
{
    struct table *t = *state;
    struct fixture *f = &t->f;
    fake_fill(&f->m, 3);
    f->config.root_sd = sd_of(&f->arena, "O:BAG:BAD:(A;;GR;;;S-1-5-21-1-2-3-1001)");
    fixture_serve(f);
    ask(f, T "Get", WMI "root/test/MyClass", SET(SEL("id", "1")), "");
    assert_int_equal(f->x.status, 200);
    ask(f, T "Delete", WMI "root/test/MyClass", SET(SEL("id", "1")), "");
    assert_int_equal(f->x.status, 500);
    assert_true(slice_is(f->fault.subcode, "AccessDenied"));
    assert_int_equal(f->fault.wsman_code, 5);
    /* Nothing is told about what is there: neither actions nor resources. */
    ask(f, "urn:nonsense", "urn:nowhere", "", "");
    assert_true(slice_is(f->fault.subcode, "AccessDenied"));
    assert_int_equal(f->fault.wsman_code, 5);
    struct error e = ERROR_INIT;
    assert_int_equal(wsman_authorize_set_root(wsman_server_authorize(f->server),
                                              sd_of(&f->arena, "O:BAG:BAD:(A;;GA;;;BA)"), &e), CIMF_OK);
    ask(f, T "Get", WMI "root/test/MyClass", SET(SEL("id", "1")), "");
    assert_int_equal(f->x.status, 500);
}

int main(void)
{
#define UNIT(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(actions), UNIT(root_sddl), UNIT(resources), UNIT(stored), UNIT(certificates), UNIT(requests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
