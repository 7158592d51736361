/* clang-format off */
#include "base/test.h"

/* clang-format on */
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/sockios.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/identity.h"
#include "os/sandbox.h"

static char folder[] = "/tmp/cimfony-sandbox-XXXXXX";

static int setup(void **state) { return mkdtemp(folder) ? 0 : -1; }

static int teardown(void **state)
{
    char command[128];
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command);
}

/* What fn answers in a process of its own: nothing of it can be undone. */
static int in_child(int (*fn)(void))
{
    int status = -1;
    pid_t pid = fork();
    if (pid == 0) _exit(fn());
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static bool refused(long answer) { return answer < 0 && (errno == EPERM || errno == EACCES); }

static bool may_open(const char *name, int flags)
{
    char path[96];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    int fd = open(path, flags, 0600);
    if (fd >= 0) close(fd);
    return fd >= 0;
}

static int files_child(void)
{
    char path[2][96];
    int level;
    snprintf(path[0], sizeof path[0], "%s/read", folder);
    snprintf(path[1], sizeof path[1], "%s/write", folder);
    const struct sandbox_tree trees[] = { { path[0], false }, { path[1], true }, { "/nonexistent", true } };
    if (sandbox_files(trees, 3, &level, NULL) != CIMF_OK) return 1;
    if (level == 0) return 77;
    if (!may_open("read/file", O_RDONLY) || may_open("read/file", O_WRONLY)) return 2;
    if (may_open("read/new", O_WRONLY | O_CREAT)) return 3;
    if (!may_open("write/new", O_WRONLY | O_CREAT | O_TRUNC) || !may_open("write/new", O_RDONLY)) return 4;
    if (may_open("secret", O_RDONLY) || may_open("secret", O_WRONLY)) return 5;
    if (may_open("read/../secret", O_RDONLY)) return 6;
    char *argv[] = { "/bin/true", NULL };
    execv("/bin/true", argv);
    return refused(-1) ? 0 : 7;
}

static void test_files(void **state)
{
    char path[96];
    static const char *const folders[] = { "read", "write" }, *const files[] = { "read/file", "secret" };
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, folders[i]);
        assert_int_equal(mkdir(path, 0700), 0);
    }
    for (int i = 0; i < 2; i++) assert_true(may_open(files[i], O_WRONLY | O_CREAT));
    int got = in_child(files_child);
    if (got == 77) skip(); /* this kernel has no Landlock */
    assert_int_equal(got, 0);
}

static void *elsewhere(void *arg)
{
    bool *ok = arg;
    *ok = refused(socket(AF_INET, SOCK_STREAM, 0));
    return NULL;
}

static int calls_child(enum sandbox_profile profile)
{
    pthread_t thread;
    bool ok = false;
    if (sandbox_calls(profile, NULL) != CIMF_OK) return 1;
    if (!refused(socket(AF_INET, SOCK_STREAM, 0)) || !refused(socket(AF_INET6, SOCK_DGRAM, 0))) return 2;
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (fd < 0) return 3;
    fd = socket(AF_NETLINK, SOCK_RAW, 0);
    if ((profile == SANDBOX_SERVER) != (fd >= 0)) return 4;
    char *argv[] = { "/bin/true", NULL };
    execv("/bin/true", argv);
    if (!refused(-1)) return 5;
    if (pthread_create(&thread, NULL, elsewhere, &ok) != 0 || pthread_join(thread, NULL) != 0 || !ok) return 6;
    if (!refused(setuid(0)) || !refused(chroot("/"))) return 7;
    if (!refused(socket(AF_NETLINK, SOCK_RAW, NETLINK_AUDIT)) || !refused(socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC))) return 8;
    return 0;
}

static int server_child(void) { return calls_child(SANDBOX_SERVER); }
static int broker_child(void) { return calls_child(SANDBOX_BROKER); }

static void test_calls(void **state)
{
    assert_int_equal(in_child(server_child), 0);
    assert_int_equal(in_child(broker_child), 0);
}

/* Of the request the kernel takes 32 bits: what stands above them must not make another of it. */
static int ioctl_child(void)
{
    static const unsigned long bad[] = { TIOCSTI, TIOCLINUX, TIOCSETD, TIOCCONS, TIOCSCTTY, SIOCSIFFLAGS, 0, 1 };
    int pair[2], n = 0;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0 || sandbox_calls(SANDBOX_SERVER, NULL) != CIMF_OK) return 1;
    for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++)
        for (unsigned long high = 0; high < 4; high++)
            if (syscall(SYS_ioctl, pair[0], bad[i] | high << 32, &n) != -1 || errno != EPERM) return 2;
    if (ioctl(pair[0], FIONBIO, &n) != 0 || ioctl(pair[0], FIONREAD, &n) != 0) return 3;
    return 0;
}

static void test_ioctl(void **state) { assert_int_equal(in_child(ioctl_child), 0); }

static void test_names(void **state)
{
    struct identity who;
    struct error e = ERROR_INIT;
    assert_int_equal(identity_find("64101", &who, &e), CIMF_OK);
    assert_int_equal(who.uid, 64101);
    assert_int_equal(who.gid, 64101);
    assert_int_equal(who.group_count, 0);
    assert_int_equal(identity_find("root", &who, &e), CIMF_OK);
    assert_int_equal(who.uid, 0);
    static const char *const bad[] = { "", "no-such-user", "-1", "+5", "12x", "4294967295", "99999999999999999999" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) assert_int_equal(identity_find(bad[i], &who, &e), CIMF_NOT_FOUND);
}

static int become_child(void)
{
    const struct identity who = { .uid = 64101, .gid = 64102, .groups = { 64103 }, .group_count = 1 };
    gid_t groups[4];
    uid_t r, f, s;
    if (identity_become(&who, NULL) != CIMF_OK) return 1;
    if (getresuid(&r, &f, &s) != 0 || r != 64101 || f != 64101 || s != 64101) return 2;
    if (getresgid(&r, &f, &s) != 0 || r != 64102 || f != 64102 || s != 64102) return 3;
    if (getgroups(4, groups) != 1 || groups[0] != 64103) return 4;
    return setuid(0) == 0 || setgid(0) == 0 ? 5 : 0;
}

static void test_become(void **state)
{
    if (geteuid() != 0) skip();
    assert_int_equal(in_child(become_child), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files), cmocka_unit_test(test_calls), cmocka_unit_test(test_ioctl),
        cmocka_unit_test(test_names), cmocka_unit_test(test_become),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
