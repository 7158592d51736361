/* The accounts file: what is read, what is refused, what changes leave behind. */
#include "base/test.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "auth/accounts.h"

#define HEAD "cimfony-accounts 1\ndomain S-1-5-21-1-22-4294967295\nnext 1010\n"

static char folder[64], path[96];

static int setup(void **state)
{
    strcpy(folder, "/tmp/cimfony-accounts-XXXXXX");
    if (!mkdtemp(folder)) return -1;
    snprintf(path, sizeof path, "%s/accounts", folder);
    return 0;
}

static int teardown(void **state)
{
    char command[96];
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command);
}

static void parse_good(void **state)
{
    struct accounts *a;
    static const char text[] = HEAD
        "# a remark\n\nalice:1000:on:administrators,Backup Operators:root:basic=$y$x nt=00\n"
        "B\xc3\xb6rje@corp:1009:off:::";
    assert_int_equal(accounts_parse(slice_of(text, sizeof text - 1), &a, NULL), CIMF_OK);
    assert_int_equal(accounts_count(a), 2);
    const struct account *x = accounts_find(a, SLICE("ALICE"));
    assert_non_null(x);
    assert_true(x == accounts_at(a, 0) && x->enabled && x->rid == 1000 && x->group_count == 2);
    assert_true(slice_is(x->groups[1], "Backup Operators") && slice_is(x->posix_user, "root"));
    assert_true(slice_is(x->basic, "$y$x") && x->basic.p[4] == 0);
    x = accounts_find(a, SLICE("b\xc3\x96rje@CORP"));
    assert_non_null(x);
    assert_true(!x->enabled && x->basic.n == 0 && x->group_count == 0);
    assert_null(accounts_find(a, SLICE("alic")));
    assert_true(slice_is(accounts_domain_sid(a), "S-1-5-21-1-22-4294967295"));
    accounts_unref(a);
}

static void parse_bad(void **state)
{
    static const char *const bad[] = {
        "", "cimfony-accounts 1\n", "cimfony-accounts 3\ndomain S-1-5-21-1-2-3\nnext 1000\n",
        "cimfony-accounts 1\ndomain S-1-5-21-1-2\nnext 1000\n",
        "cimfony-accounts 1\ndomain S-1-5-21-1-2-3-4\nnext 1000\n",
        "cimfony-accounts 1\ndomain S-1-5-21-1-2-4294967296\nnext 1000\n",
        "cimfony-accounts 1\ndomain S-1-5-21-1-2-3\nnext 999\n",
        HEAD "alice\n", HEAD "alice:1000:on::\n", HEAD "alice:1000:on::::\n", HEAD "alice:1000:yes:::\n",
        HEAD ":1000:on:::\n", HEAD "alice:0:on:::\n", HEAD "alice:1010:on:::\n", HEAD "alice:x:on:::\n",
        HEAD "a/b:1000:on:::\n", HEAD " a:1000:on:::\n", HEAD "..:1000:on:::\n", HEAD "a\x01:1000:on:::\n",
        HEAD "alice:1000:on:a,,b::\n", HEAD "alice:1000:on:::basic=\x7f\n", HEAD "\xff:1000:on:::\n",
        HEAD "alice:1000:on:::\nALICE:1001:on:::\n",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct accounts *a;
        struct error e = ERROR_INIT;
        if (accounts_parse(slice_str(bad[i]), &a, &e) != CIMF_INVALID_SYNTAX || a || !e.line)
            fail_msg("accepted: %s", bad[i]);
    }
}

static void changes(void **state)
{
    struct slice groups[2] = { SLICE("administrators"), SLICE("users") };
    struct account_change c = { .name = SLICE("alice"), .password = SLICE("pw"), .groups = groups,
                                .group_count = 2, .posix_user = SLICE("nobody"), .cost = 1 };
    struct accounts *a;
    struct error e = ERROR_INIT;
    struct stat st;
    assert_int_equal(accounts_load(path, &a, &e), CIMF_NOT_FOUND);
    assert_int_equal(accounts_del(path, SLICE("alice"), &e), CIMF_NOT_FOUND);
    umask(0);
    assert_int_equal(accounts_add(path, &c, &e), CIMF_OK);
    umask(022);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    c.name = SLICE("Alice");
    assert_int_equal(accounts_add(path, &c, &e), CIMF_ALREADY_EXISTS);
    c.name = SLICE("bob");
    c.group_count = 0;
    assert_int_equal(accounts_add(path, &c, &e), CIMF_OK);
    assert_int_equal(accounts_load(path, &a, &e), CIMF_OK);
    struct slice first = accounts_at(a, 0)->basic;
    assert_int_equal(accounts_count(a), 2);
    assert_int_equal(accounts_at(a, 1)->rid, accounts_at(a, 0)->rid + 1);
    assert_true(slice_starts(first, SLICE("$y$")));
    assert_int_equal(accounts_at(a, 0)->group_count, 2);
    uint32_t rid = accounts_at(a, 1)->rid;

    c.password = SLICE("other");
    assert_int_equal(accounts_passwd(path, &c, &e), CIMF_OK);
    assert_int_equal(accounts_enable(path, SLICE("ALICE"), false, &e), CIMF_OK);
    assert_int_equal(accounts_del(path, SLICE("bob"), &e), CIMF_OK);
    assert_int_equal(accounts_passwd(path, &c, &e), CIMF_NOT_FOUND);
    assert_int_equal(accounts_add(path, &c, &e), CIMF_OK); /* a new bob is another bob */
    struct accounts *b;
    assert_int_equal(accounts_load(path, &b, &e), CIMF_OK);
    assert_true(slice_eq(accounts_at(b, 0)->basic, first));
    assert_false(accounts_at(b, 0)->enabled);
    assert_true(slice_is(accounts_at(b, 0)->posix_user, "nobody"));
    assert_true(accounts_find(b, SLICE("bob"))->rid > rid);
    assert_true(slice_eq(accounts_domain_sid(a), accounts_domain_sid(b)));
    accounts_unref(a);
    accounts_unref(b);
    /* Nothing but the file, its key and its lock is left. */
    unsigned entries = 0;
    DIR *d = opendir(folder);
    for (struct dirent *x; (x = readdir(d));) entries += x->d_name[0] != '.';
    closedir(d);
    assert_int_equal(entries, 3);
}

static void refused_changes(void **state)
{
    struct account_change c = { .name = SLICE("a:b"), .password = SLICE("pw"), .cost = 1 };
    struct error e = ERROR_INIT;
    assert_int_equal(accounts_add(path, &c, &e), CIMF_INVALID_PARAMETER);
    c.name = SLICE("alice");
    c.password = SLICE("");
    assert_int_equal(accounts_add(path, &c, &e), CIMF_INVALID_PARAMETER);
    c.password = SLICE("a\0b");
    assert_int_equal(accounts_add(path, &c, &e), CIMF_INVALID_PARAMETER);
    c.password = SLICE("\xc3");
    assert_int_equal(accounts_add(path, &c, &e), CIMF_INVALID_PARAMETER);
    char big[600];
    memset(big, 'x', sizeof big);
    c.password = slice_of(big, 512);
    assert_int_equal(accounts_add(path, &c, &e), CIMF_INVALID_PARAMETER);
    c.password = slice_of(big, 511);
    assert_int_equal(accounts_add(path, &c, &e), CIMF_OK);
    struct slice bad = SLICE("x,y");
    c.name = SLICE("bob");
    c.groups = &bad;
    c.group_count = 1;
    assert_int_equal(accounts_add(path, &c, &e), CIMF_INVALID_PARAMETER);
}

static void unsafe_files(void **state)
{
    struct account_change c = { .name = SLICE("alice"), .password = SLICE("pw"), .cost = 1 };
    struct accounts *a;
    struct error e = ERROR_INIT;
    assert_int_equal(accounts_add(path, &c, &e), CIMF_OK);
    chmod(path, 0640);
    assert_int_equal(accounts_load(path, &a, &e), CIMF_ACCESS_DENIED);
    c.name = SLICE("bob");
    assert_int_equal(accounts_add(path, &c, &e), CIMF_ACCESS_DENIED);
    chmod(path, 0600);
    char other[128];
    snprintf(other, sizeof other, "%s.link", path);
    assert_int_equal(symlink(path, other), 0);
    assert_true(accounts_load(other, &a, &e) != CIMF_OK);
    assert_int_equal(accounts_load(folder, &a, &e), CIMF_ACCESS_DENIED);
    /* A damaged file is never rewritten. */
    int fd = open(path, O_WRONLY | O_APPEND);
    assert_int_equal(write(fd, "junk\n", 5), 5);
    close(fd);
    assert_int_equal(accounts_add(path, &c, &e), CIMF_INVALID_SYNTAX);
}

/* Writers at the same time: every change is in the file. */
static void concurrent(void **state)
{
    enum { WRITERS = 6, EACH = 5 };
    for (int w = 0; w < WRITERS; w++) {
        if (fork() == 0) {
            int failed = 0;
            for (int i = 0; i < EACH; i++) {
                char name[16];
                snprintf(name, sizeof name, "u%d-%d", w, i);
                struct account_change c = { .name = slice_str(name), .password = SLICE("pw"), .cost = 1 };
                failed |= accounts_add(path, &c, NULL) != CIMF_OK;
            }
            _exit(failed);
        }
    }
    int status, bad = 0;
    while (wait(&status) > 0) bad |= status;
    assert_int_equal(bad, 0);
    struct accounts *a;
    assert_int_equal(accounts_load(path, &a, NULL), CIMF_OK);
    assert_int_equal(accounts_count(a), WRITERS * EACH);
    accounts_unref(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parse_good), cmocka_unit_test(parse_bad),
        cmocka_unit_test_setup_teardown(changes, setup, teardown),
        cmocka_unit_test_setup_teardown(refused_changes, setup, teardown),
        cmocka_unit_test_setup_teardown(unsafe_files, setup, teardown),
        cmocka_unit_test_setup_teardown(concurrent, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
