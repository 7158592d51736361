/* Readers of configuration files: name servers, leases, directory membership, locale names. */
#include "base/test.h"
#include "provider/domain.h"
#include "provider/environment.h"
#include "provider/lease.h"
#include "provider/locale.h"
#include "provider/resolver.h"
#include "provider/unitfiles.h"

static struct arena arena;

static int setup(void **state)
{
    (void)state;
    arena_init(&arena, 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_free(&arena);
    return 0;
}

static void test_resolver(void **state)
{
    struct resolver_facts r;
    (void)state;
    resolver_parse(&arena,
                   SLICE("# c\nnameserver 192.0.2.53\nsearch a.example b.example\n"
                         "nameserver fd00::53 # x\nsearch c.example\noptions edns0\n"),
                   &r);
    assert_int_equal(r.servers, 2);
    assert_slice(r.server[1], "fd00::53");
    assert_int_equal(r.searches, 1);
    assert_slice(r.search[0], "c.example");
    assert_slice(r.domain, "c.example");
    resolver_parse(&arena, SLICE("domain d.example\nsearch a.example\nnameserver\n"), &r);
    assert_slice(r.domain, "d.example");
    assert_int_equal(r.servers, 0);
}

static void test_lease(void **state)
{
    struct slice leases =
        SLICE("lease {\n  interface \"eth0\";\n  option dhcp-server-identifier 10.0.0.1;\n}\n"
              "lease {\n  interface \"eth1\";\n  option dhcp-server-identifier 10.0.1.1;\n}\n"
              "lease {\n  interface \"eth0\";\n  option dhcp-server-identifier 10.0.0.2;\n}\n");
    struct slice server;
    (void)state;
    assert_true(lease_dhclient(leases, SLICE("eth0"), &server));
    assert_slice(server, "10.0.0.2");
    assert_true(lease_dhclient(leases, SLICE("eth1"), &server));
    assert_slice(server, "10.0.1.1");
    assert_false(lease_dhclient(leases, SLICE("eth"), &server));
    assert_false(lease_dhclient(SLICE(""), SLICE("eth0"), &server));
}

static void test_ini_and_hosts(void **state)
{
    struct slice ini = SLICE("; c\n[Global]\n realm = AD.EXAMPLE\n security=ads\n[x]\nrealm=NO\n"),
                 v;
    (void)state;
    assert_true(domain_ini(ini, "global", "REALM", &v));
    assert_slice(v, "AD.EXAMPLE");
    assert_false(domain_ini(ini, "global", "workgroup", &v));
    assert_slice(domain_of_hosts(SLICE("127.0.0.1 localhost\n10.0.0.1 atlas.example.org atlas\n"),
                                 SLICE("atlas")),
                 "example.org");
    assert_slice(
        domain_of_hosts(SLICE("10.0.0.1 atlas2.example.org atlas\n# 1 atlas.b\n"), SLICE("atlas")),
        "");
}

static void test_locale(void **state)
{
    (void)state;
    assert_int_equal(locale_find(SLICE("de_DE.UTF-8@euro"))->lcid, 0x0407);
    assert_null(locale_find(SLICE("C.UTF-8")));
    assert_slice(locale_tag(&arena, SLICE("pt_BR.UTF-8")), "pt-BR");
    assert_slice(locale_tag(&arena, SLICE("C.UTF-8")), "");
    assert_int_equal(locale_code_page(SLICE("en_US.utf8")), 65001);
    assert_int_equal(locale_code_page(SLICE("en_US")), 0);
}

static void test_environment(void **state)
{
    struct slice rest = SLICE("#x\n\nexport A='b c'\nB=\nnothing\n=v\nC=d\"e\"f"), name, value;
    (void)state;
    assert_true(environment_next(&arena, &rest, &name, &value));
    assert_slice(name, "A");
    assert_slice(value, "b c");
    assert_true(environment_next(&arena, &rest, &name, &value));
    assert_slice(name, "B");
    assert_int_equal(value.n, 0);
    assert_true(environment_next(&arena, &rest, &name, &value));
    assert_slice(value, "def");
    assert_false(environment_next(&arena, &rest, &name, &value));
}

/* Which process is a service, when systemd is not there to ask. */
static void test_running(void **state)
{
    struct unitfiles_process process[] = {
        { 10, SLICE("/usr/bin/bash"), slice_of("/bin/bash\0./script\0", 19) },
        { 11, SLICE("/usr/bin/python3.11"), slice_of("/usr/bin/python3\0/opt/agent\0-v\0", 31) },
        { 12, SLICE("/usr/sbin/sshd"), slice_of("sshd: /usr/sbin/sshd -D\0", 24) },
    };
    struct unitfiles_process_list list = { process, 3 };
    (void)state;
    assert_int_equal(unitfiles_running(&arena, &list, SLICE("/bin/bash")), 0); /* any script is not the service */
    assert_int_equal(unitfiles_running(&arena, &list, SLICE("/bin/bash ./script")), 10);
    assert_int_equal(unitfiles_running(&arena, &list, SLICE("/usr/bin/python3 /opt/agent -v")), 11);
    assert_int_equal(unitfiles_running(&arena, &list, SLICE("/usr/bin/python3 /opt/agent $OPTIONS")), 11);
    assert_int_equal(unitfiles_running(&arena, &list, SLICE("/opt/agent")), 11); /* a script of its own name */
    assert_int_equal(unitfiles_running(&arena, &list, SLICE("/usr/sbin/sshd -D")), 12);
    assert_int_equal(unitfiles_running(&arena, &list, SLICE("/usr/sbin/none")), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_resolver, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lease, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ini_and_hosts, setup, teardown),
        cmocka_unit_test_setup_teardown(test_locale, setup, teardown),
        cmocka_unit_test_setup_teardown(test_environment, setup, teardown),
        cmocka_unit_test_setup_teardown(test_running, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
