#include "base/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/config.h"

static char folder[] = "/tmp/cimfony-config-XXXXXX";
static char path[128];

static int setup(void **state)
{
    if (!mkdtemp(folder)) return -1;
    snprintf(path, sizeof path, "%s/cimd.ini", folder);
    return 0;
}

static int teardown(void **state)
{
    unlink(path);
    return rmdir(folder);
}

static void write_file(const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void test_defaults(void **state)
{
    struct config c;
    assert_int_equal(config_init(&c, NULL), CIMF_OK);
    assert_int_equal(config_check(&c, NULL), CIMF_OK);
    assert_false(config_on(&c, CONFIG_auth_allow_unencrypted));
    assert_string_equal(config_item(&c, CONFIG_listen_http, 1), "[::1]:5985");
    assert_null(config_item(&c, CONFIG_listen_http, 2));
    assert_string_equal(config_accounts(&c), "/var/lib/cimfony/accounts");
    config_free(&c);
}

static void test_dump_reads_back(void **state)
{
    struct config c, again;
    struct buf first, second;
    buf_init(&first, 0);
    buf_init(&second, 0);
    config_init(&c, NULL);
    assert_int_equal(config_set(&c, "quota.max_batch_items=77", NULL), CIMF_OK);
    assert_int_equal(config_set(&c, "listen.http=127.0.0.1:0, [::1]:0", NULL), CIMF_OK);
    assert_true(config_dump(&c, &first));
    write_file(buf_strz(&first));
    config_init(&again, NULL);
    struct error e = ERROR_INIT;
    assert_int_equal(config_read(&again, path, &e), CIMF_OK);
    config_dump(&again, &second);
    assert_string_equal(buf_strz(&first), buf_strz(&second));
    assert_int_equal(config_number(&again, CONFIG_quota_max_batch_items), 77);
    buf_free(&first);
    buf_free(&second);
    config_free(&c);
    config_free(&again);
}

/* Lists go on in further lines; nothing is ever cut. */
static void test_long_values(void **state)
{
    struct config c, again;
    struct buf text, dump;
    struct error e = ERROR_INIT;
    buf_init(&text, 0);
    buf_init(&dump, 0);
    buf_lit(&text, "[auth]\ncbt_hashes =\n");
    for (int i = 0; i < 40; i++) buf_printf(&text, "  %064d%s\n", i, i % 2 ? "," : "");
    buf_lit(&text, "[wsman]\nroot_sddl = O:NSG:BAD:P");
    for (int i = 0; i < 60; i++) buf_printf(&text, "(A;;GA;;;S-1-5-21-1-2-3-%d)", i);
    buf_lit(&text, "\n[policy]\nlocked = auth.basic");
    for (int i = 0; i < 30; i++) buf_lit(&text, ",wsman.root_sddl");
    buf_lit(&text, ", auth.ntlm\n");
    write_file(buf_strz(&text));
    config_init(&c, NULL);
    if (config_read(&c, path, &e) != CIMF_OK || config_check(&c, &e) != CIMF_OK) fail_msg("%s", error_text(&e));
    const char *last = config_item(&c, CONFIG_auth_cbt_hashes, 39);
    assert_non_null(last);
    assert_int_equal(strlen(last), 64);
    assert_null(config_item(&c, CONFIG_auth_cbt_hashes, 40));
    assert_non_null(strstr(config_text(&c, CONFIG_wsman_root_sddl), "(A;;GA;;;S-1-5-21-1-2-3-59)"));
    assert_true(config_locked(&c, SLICE("auth.ntlm")));
    assert_true(config_dump(&c, &dump));
    write_file(buf_strz(&dump));
    config_init(&again, NULL);
    assert_int_equal(config_read(&again, path, &e), CIMF_OK);
    for (int k = 0; k < CONFIG_COUNT; k++) assert_string_equal(config_text(&again, k), config_text(&c, k));
    buf_free(&text);
    buf_free(&dump);
    config_free(&c);
    config_free(&again);
}

static void test_frozen_reads_back(void **state)
{
    struct config c, again;
    struct buf frozen;
    struct error e = ERROR_INIT;
    buf_init(&frozen, 0);
    config_init(&c, NULL);
    assert_int_equal(config_set(&c, "auth.realm=a ; b = c", NULL), CIMF_OK); /* what an INI line could not say */
    assert_int_equal(config_set(&c, "tls.key=relative", NULL), CIMF_OK);
    assert_true(config_freeze(&c, &frozen));
    config_init(&again, NULL);
    assert_int_equal(config_thaw(&again, buf_slice(&frozen), &e), CIMF_OK);
    assert_string_equal(config_text(&again, CONFIG_auth_realm), "a ; b = c");
    assert_int_equal(config_text(&again, CONFIG_tls_key)[0], '/');
    assert_int_equal(config_number(&again, CONFIG_quota_max_connections), config_number(&c, CONFIG_quota_max_connections));
    assert_int_equal(config_thaw(&again, slice_head(buf_slice(&frozen), frozen.n - 1), &e), CIMF_INVALID_PARAMETER);
    buf_free(&frozen);
    config_free(&c);
    config_free(&again);
}

static void test_errors_name_the_place(void **state)
{
    static const struct { const char *text, *says; } bad[] = {
        { "[cimd]\nstate_dir = x\nnonsense = 1\n", ":3: section [cimd] has no key 'nonsense'" },
        { "[other]\nx = 1\n", ":2: there is no section [other]" },
        { "[quota]\nmax_batch_items = 0\n", ":2: quota.max_batch_items: 0 is outside" },
        { "[auth]\nbasic = maybe\n", ":2: auth.basic: 'maybe' is neither on nor off" },
        { "[cimd]\nlog_level = loud\n", ":2: cimd.log_level: 'loud' is not one of" },
        { "[cimd\n", ":1: " },
        { "[auth]\nrealm = a\n  b\n", ":3: auth.realm is no list" },
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct config c;
        struct error e = ERROR_INIT;
        write_file(bad[i].text);
        config_init(&c, NULL);
        assert_int_equal(config_read(&c, path, &e), CIMF_INVALID_PARAMETER);
        assert_non_null(strstr(error_text(&e), bad[i].says));
        config_free(&c);
    }
}

static void test_paths(void **state)
{
    struct config c;
    char expected[160];
    write_file("[cimd]\nstate_dir = state\nrun_dir = /abs\n");
    config_init(&c, NULL);
    assert_int_equal(config_read(&c, path, NULL), CIMF_OK);
    snprintf(expected, sizeof expected, "%s/state", folder);
    assert_string_equal(config_text(&c, CONFIG_cimd_state_dir), expected);
    assert_string_equal(config_text(&c, CONFIG_cimd_run_dir), "/abs");
    config_free(&c);
}

static void test_rules(void **state)
{
    struct config c;
    struct error e = ERROR_INIT;
    config_init(&c, NULL);
    assert_int_equal(config_set(&c, "listen.https=:5986", &e), CIMF_OK);
    assert_int_equal(config_check(&c, &e), CIMF_INVALID_PARAMETER);
    assert_int_equal(config_set(&c, "nonsense", &e), CIMF_USAGE);
    assert_int_equal(config_set(&c, "cimd.nothing=1", &e), CIMF_USAGE);
    assert_int_equal(config_read(&c, "/nonexistent/file", &e), CIMF_NOT_FOUND);
    config_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults), cmocka_unit_test(test_dump_reads_back),
        cmocka_unit_test(test_long_values), cmocka_unit_test(test_frozen_reads_back), cmocka_unit_test(test_errors_name_the_place), cmocka_unit_test(test_paths), cmocka_unit_test(test_rules),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
