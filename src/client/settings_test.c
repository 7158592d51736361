/* Client settings: files, locks, trusted hosts. */
#include "base/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "client/settings.h"

static const char *file(const char *name, const char *text)
{
    static char paths[2][256];
    static int turn;
    char *path = paths[turn++ % 2];
    snprintf(path, sizeof paths[0], "%s/cimfony-%s-%d.ini", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp", name, (int)getpid());
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    return path;
}

static void test_defaults(void **state)
{
    struct client_settings s;
    struct error e = ERROR_INIT;
    assert_int_equal(client_settings_read(&s, "/nonexistent/a.ini", "/nonexistent/b/c.ini", &e), CIMF_OK);
    assert_true(client_setting_on(&s, CLIENT_auth_basic));
    assert_true(client_setting_on(&s, CLIENT_auth_kerberos));
    assert_false(client_setting_on(&s, CLIENT_auth_credssp));
    assert_false(client_setting_on(&s, CLIENT_client_allow_unencrypted));
    assert_string_equal(s.at[CLIENT_client_trusted_hosts].text, "");
    assert_int_equal(s.at[CLIENT_client_network_delay_ms].number, 5000);
    assert_string_equal(s.at[CLIENT_auth_basic].source, "default");
    assert_string_equal(client_setting_name(CLIENT_auth_basic), "auth.basic");
    client_settings_free(&s);
}

/* covers: security:S54 */
static void test_locks(void **state)
{
    struct client_settings s;
    struct error e = ERROR_INIT;
    const char *machine = file("machine", "[auth]\nbasic = off\n[client]\ntrusted_hosts = *.lab\n[policy]\nlocked = auth.basic, client.allow_unencrypted\n");
    const char *user = file("user", "[auth]\nbasic = on\ndigest = no\n[client]\ntrusted_hosts = a,\n  b\n  *.c\n");
    assert_int_equal(client_settings_read(&s, machine, user, &e), CIMF_OK);
    assert_false(client_setting_on(&s, CLIENT_auth_basic)); /* the user's file cannot */
    assert_string_equal(s.at[CLIENT_auth_basic].ignored, user);
    assert_string_equal(s.at[CLIENT_auth_basic].source, machine);
    assert_false(client_setting_on(&s, CLIENT_auth_digest));
    assert_string_equal(s.at[CLIENT_auth_digest].source, user);
    assert_true(client_hosts_match(slice_str(s.at[CLIENT_client_trusted_hosts].text), SLICE("x.c")));
    assert_true(client_hosts_match(slice_str(s.at[CLIENT_client_trusted_hosts].text), SLICE("B")));
    assert_false(client_hosts_match(slice_str(s.at[CLIENT_client_trusted_hosts].text), SLICE("x.lab")));
    assert_int_equal(client_settings_option(&s, CLIENT_client_allow_unencrypted, "on", "--allow-unencrypted", &e), CIMF_ACCESS_DENIED);
    assert_non_null(strstr(e.text, machine));
    assert_non_null(strstr(e.text, "--allow-unencrypted"));
    assert_int_equal(client_settings_option(&s, CLIENT_client_allow_unencrypted, "off", "--x", &e), CIMF_OK);
    assert_int_equal(client_settings_option(&s, CLIENT_client_trusted_hosts, "*", "--trusted-hosts", &e), CIMF_OK);
    assert_string_equal(s.at[CLIENT_client_trusted_hosts].source, "--trusted-hosts");
    client_settings_free(&s);
    machine = file("machine", "[policy]\nlocked = *\n");
    assert_int_equal(client_settings_read(&s, machine, user, &e), CIMF_OK);
    assert_true(client_setting_on(&s, CLIENT_auth_digest));
    assert_int_equal(client_settings_option(&s, CLIENT_client_trusted_hosts, "*", "--trusted-hosts", &e), CIMF_ACCESS_DENIED);
    client_settings_free(&s);
    unlink(machine);
    unlink(user);
}

/* A list of any length, in one line or in many. */
static void test_long_lists(void **state)
{
    struct client_settings s;
    struct error e = ERROR_INIT;
    struct buf text;
    buf_init(&text, 0);
    buf_lit(&text, "[client]\ntrusted_hosts = a");
    for (int i = 0; i < 500; i++) buf_printf(&text, ", host%03d", i);
    for (int i = 500; i < 600; i++) buf_printf(&text, "\n  host%03d,", i);
    buf_lit(&text, "\n");
    const char *path = file("user", buf_strz(&text));
    if (client_settings_read(&s, NULL, path, &e) != CIMF_OK) fail_msg("%s", e.text);
    for (int i = 0; i < 600; i++) {
        char name[16];
        snprintf(name, sizeof name, "host%03d", i);
        assert_true(client_hosts_match(slice_str(s.at[CLIENT_client_trusted_hosts].text), slice_str(name)));
    }
    assert_false(client_hosts_match(slice_str(s.at[CLIENT_client_trusted_hosts].text), SLICE("host")));
    client_settings_free(&s);
    buf_free(&text);
    unlink(path);
}

static void test_mistakes(void **state)
{
    static const struct {
        const char *text, *says;
    } rows[] = {
        { "[auth]\nbasic = maybe\n", ":2: auth.basic is on or off" },
        { "[auth]\n\nntlm = on\n", ":3: auth.ntlm is no setting" },
        { "[client]\nnetwork_delay_ms = 499\n", ":2: client.network_delay_ms" },
        { "[client]\nnetwork_delay_ms = -1\n", ":2: client.network_delay_ms" },
        { "[client]\ntrusted_hosts = a*b\n", ":2: client.trusted_hosts" },
        { "[policy]\nlocked = auth.basic\n", ":2: policy.locked belongs into" },
        { "basic = on\n", ":1: .basic is no setting" },
        { "[auth\n", ":1: not a section" },
        { "[client]\nnetwork_delay_ms = 500\n 600\n", ":3: client.network_delay_ms is no list" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct client_settings s;
        struct error e = ERROR_INIT;
        const char *path = file("user", rows[i].text);
        assert_int_equal(client_settings_read(&s, NULL, path, &e), CIMF_INVALID_PARAMETER);
        if (!strstr(e.text, rows[i].says)) fail_msg("%s", e.text);
        client_settings_free(&s);
        unlink(path);
    }
    struct client_settings s;
    struct error e = ERROR_INIT;
    const char *path = file("machine", "[policy]\nlocked = auth.nothing\n");
    assert_int_equal(client_settings_read(&s, path, NULL, &e), CIMF_INVALID_PARAMETER);
    client_settings_free(&s);
    unlink(path);
}

/* The forms of MS-WSMV 2.2.4.6. */
static void test_trusted_hosts(void **state)
{
    static const struct {
        const char *list, *host;
        bool match;
    } rows[] = {
        { "", "a", false }, { "*", "a", true }, { "*", "::1", true }, { " * ", "a.b", true },
        { "a", "A", true }, { "a", "ab", false }, { "a,b", "b", true }, { "a , b", "b", true },
        { "*.example.org", "x.Example.ORG", true }, { "*.example.org", "example.org", false }, { "*.example.org", "x.example.org.evil", false },
        { "srv*", "SRV1.example", true }, { "srv*", "mysrv", false },
        { "<local>", "server", true }, { "<LOCAL>", "server", true }, { "<local>", "server.example", false }, { "<local>", "fe80::1", false },
        { "10.0.*", "10.0.0.1", true }, { "10.0.*", "10.1.0.1", false }, { "2001:db8::1", "2001:DB8::1", true },
        { "a", "", false },
    };
    static const char *const wrong[] = { "a*b", "**", "*a*", "a,", ",", "a,*", "<locals>", "a b", "http://x" };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_true(client_hosts_valid(slice_str(rows[i].list)));
        if (client_hosts_match(slice_str(rows[i].list), slice_str(rows[i].host)) != rows[i].match) fail_msg("%s %s", rows[i].list, rows[i].host);
    }
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        if (client_hosts_valid(slice_str(wrong[i]))) fail_msg("%s", wrong[i]);
        assert_false(client_hosts_match(slice_str(wrong[i]), SLICE("a")));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults), cmocka_unit_test(test_locks), cmocka_unit_test(test_long_lists), cmocka_unit_test(test_mistakes), cmocka_unit_test(test_trusted_hosts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
