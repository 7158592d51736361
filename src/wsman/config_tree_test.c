/* The configuration as XML, over settings in memory. */
#include "base/test.h"

#include "soap/names.h"
#include "wsman/config_tree.h"

static const struct {
    const char *key, *value;
    bool locked;
} store[] = {
    { "auth.basic", "off", true },          { "auth.negotiate", "on", false },
    { "auth.cbt", "relaxed", false },       { "auth.allow_unencrypted", "off", false },
    { "quota.max_batch_items", "32000", false }, { "wsman.root_sddl", "O:BAG:BAD:(A;;GA;;;BA)", false },
};

static bool get(struct wsman_settings *s, const char *key, struct arena *a, struct slice *value, bool *locked)
{
    for (size_t i = 0; i < sizeof store / sizeof *store; i++) {
        if (strcmp(key, store[i].key) != 0) continue;
        *value = slice_str(store[i].value);
        *locked = store[i].locked;
        return true;
    }
    return false;
}

static struct wsman_settings settings = { get, NULL };

static cimf_status put(const char *branch, const char *body, struct wsman_setting *changes, unsigned *count)
{
    static struct arena a;
    static bool once;
    struct error e = ERROR_INIT;
    struct xml_node *root;
    struct buf text;
    if (once) arena_free(&a);
    once = true;
    arena_init(&a, 1 << 20);
    const char *hole = strstr(body, "%s"); /* of the namespace declaration */
    buf_init(&text, 0);
    buf_add(&text, body, (size_t)(hole - body));
    buf_lit(&text, "xmlns:cfg=\"" WSMAN_CONFIG_URI "\"");
    buf_slice_add(&text, slice_str(hole + 2));
    assert_int_equal(xml_read(&a, arena_dup(&a, buf_slice(&text)), &soap_vocabulary, &root, &e), CIMF_OK);
    buf_free(&text);
    return config_read_put(&a, root, config_branch(slice_str(branch)), &settings, changes, count, &e);
}

static void branches(void **state)
{
    assert_non_null(config_branch(SLICE("")));
    assert_ptr_equal(config_branch(SLICE("")), config_branch(SLICE("/")));
    assert_non_null(config_branch(SLICE("/service/auth")));
    assert_ptr_equal(config_branch(SLICE("/Service/AUTH/")), config_branch(SLICE("/service/auth")));
    assert_ptr_not_equal(config_branch(SLICE("/client/auth")), config_branch(SLICE("/service/auth")));
    assert_null(config_branch(SLICE("/auth")));
    assert_null(config_branch(SLICE("/service/auth/basic"))); /* a value, not a branch */
    assert_null(config_branch(SLICE("/service//auth")));
    assert_null(config_branch(SLICE("service")));
}

/* covers: security:S54 */
static void writes(void **state)
{
    struct arena a;
    struct buf b;
    arena_init(&a, 1 << 20);
    buf_init(&b, 0);
    assert_true(config_write(&b, config_branch(SLICE("/service/auth")), &settings, &a));
    const char *text = buf_strz(&b);
    assert_non_null(strstr(text, "<cfg:Auth xmlns:cfg=\"" WSMAN_CONFIG_URI "\" xml:lang=\"en-US\">"
                                 "<cfg:Basic Source=\"GPO\">false</cfg:Basic>"));
    assert_non_null(strstr(text, "<cfg:Negotiate>true</cfg:Negotiate>"));
    assert_non_null(strstr(text, "<cfg:CbtHardeningLevel>Relaxed</cfg:CbtHardeningLevel></cfg:Auth>"));
    buf_clear(&b);
    assert_true(config_write(&b, config_branch(SLICE("")), &settings, &a));
    struct xml_node *root;
    struct error e = ERROR_INIT;
    assert_int_equal(xml_read(&a, buf_slice(&b), &soap_vocabulary, &root, &e), CIMF_OK);
    assert_true(xml_is(root, NS_CFG, "Config"));
    assert_non_null(xml_child(xml_child(root, NS_CFG, "Service"), NS_CFG, "Auth"));
    assert_non_null(xml_child(root, NS_CFG, "Winrs"));
    buf_free(&b);
    arena_free(&a);
}

static void puts_changes(void **state)
{
    struct wsman_setting c[WSMAN_CONFIG_CHANGES];
    unsigned n;
    assert_int_equal(put("/service", "<cfg:Service %s><cfg:AllowUnencrypted>true</cfg:AllowUnencrypted><cfg:Auth>"
                                     "<cfg:Basic>false</cfg:Basic><cfg:CbtHardeningLevel>Strict</cfg:CbtHardeningLevel>"
                                     "</cfg:Auth></cfg:Service>", c, &n), CIMF_OK);
    assert_int_equal(n, 2); /* Basic is locked, but stays what it is */
    assert_string_equal(c[0].key, "auth.allow_unencrypted");
    assert_true(slice_is(c[0].value, "on"));
    assert_string_equal(c[1].key, "auth.cbt");
    assert_true(slice_is(c[1].value, "strict"));
}

static void puts_refused(void **state)
{
    static const struct {
        const char *branch, *body;
        cimf_status want;
    } rows[] = {
        { "/service/auth", "<cfg:Auth %s><cfg:Basic>true</cfg:Basic></cfg:Auth>", CIMF_ACCESS_DENIED },
        { "/service/auth", "<cfg:Service %s/>", CIMF_WSMAN_SCHEMA_VALIDATION },
        { "/service/auth", "<Auth/><!-- %s -->", CIMF_WSMAN_SCHEMA_VALIDATION },
        { "/service/auth", "<cfg:Auth %s><cfg:Magic>true</cfg:Magic></cfg:Auth>", CIMF_WSMAN_SCHEMA_VALIDATION },
        { "/service/auth", "<cfg:Auth %s><cfg:Negotiate>maybe</cfg:Negotiate></cfg:Auth>", CIMF_WSMAN_SCHEMA_VALIDATION },
        { "/service/auth", "<cfg:Auth %s><cfg:CbtHardeningLevel>Weak</cfg:CbtHardeningLevel></cfg:Auth>",
          CIMF_WSMAN_SCHEMA_VALIDATION },
        { "/service/auth", "<cfg:Auth %s><cfg:Negotiate>false</cfg:Negotiate><cfg:Negotiate>0</cfg:Negotiate></cfg:Auth>",
          CIMF_WSMAN_SCHEMA_VALIDATION },
        { "/service/auth", "<cfg:Auth %s><cfg:Negotiate><cfg:x/></cfg:Negotiate></cfg:Auth>", CIMF_WSMAN_SCHEMA_VALIDATION },
        { "", "<cfg:Config %s><cfg:MaxBatchItems>0</cfg:MaxBatchItems></cfg:Config>", CIMF_WSMAN_SCHEMA_VALIDATION },
        { "", "<cfg:Config %s><cfg:MaxBatchItems>-1</cfg:MaxBatchItems></cfg:Config>", CIMF_WSMAN_SCHEMA_VALIDATION },
        { "", "<cfg:Config %s><cfg:MaxBatchItems>99999999999</cfg:MaxBatchItems></cfg:Config>", CIMF_WSMAN_SCHEMA_VALIDATION },
        { "", "<cfg:Config %s><cfg:MaxProviderRequests>7</cfg:MaxProviderRequests></cfg:Config>", CIMF_WSMAN_FEATURE_RETIRED },
        { "/service/defaultports", "<cfg:DefaultPorts %s><cfg:HTTP>80</cfg:HTTP></cfg:DefaultPorts>", CIMF_WSMAN_FEATURE_RETIRED },
    };
    struct wsman_setting c[WSMAN_CONFIG_CHANGES];
    unsigned n;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        cimf_status got = put(rows[i].branch, rows[i].body, c, &n);
        if (got != rows[i].want) fail_msg("%s: got %s", rows[i].body, cimf_status_name(got));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(branches), cmocka_unit_test(writes), cmocka_unit_test(puts_changes),
        cmocka_unit_test(puts_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
