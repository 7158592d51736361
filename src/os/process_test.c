#include "os/process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/test.h"

static struct buf out, err;
static struct process_result result;

static int setup(void **state)
{
    buf_init(&out, 100000);
    buf_init(&err, 100000);
    return 0;
}

static int teardown(void **state)
{
    buf_free(&out);
    buf_free(&err);
    return 0;
}

static cimf_status shell(const char *script, struct slice input, struct buf *o, struct buf *e)
{
    const char *argv[] = { "sh", "-c", script, NULL };
    struct process_spec spec = { .argv = argv };
    return process_run(&spec, input, o, e, 60000000, &result, NULL);
}

static unsigned open_fds(void)
{
    DIR *d = opendir("/proc/self/fd");
    unsigned n = 0;
    while (readdir(d)) n++;
    closedir(d);
    return n;
}

static void output_and_exit_code(void **state)
{
    assert_int_equal(shell("echo out; echo err >&2; exit 3", SLICE_NULL, &out, &err), CIMF_OK);
    assert_slice(buf_slice(&out), "out\n");
    assert_slice(buf_slice(&err), "err\n");
    assert_int_equal(result.exit_code, 3);
    assert_int_equal(result.signal, 0);
    assert_false(result.truncated || result.timed_out);
    buf_clear(&out);
    assert_int_equal(shell("echo a; echo b >&2", SLICE_NULL, &out, &out), CIMF_OK);
    assert_slice(buf_slice(&out), "a\nb\n");
    assert_int_equal(shell("echo a; echo b >&2; read x || exit 5", SLICE_NULL, NULL, NULL), CIMF_OK);
    assert_int_equal(result.exit_code, 5);
    assert_int_equal(shell("kill -TERM $$", SLICE_NULL, NULL, NULL), CIMF_OK);
    assert_int_equal(result.signal, SIGTERM);
    assert_int_equal(result.exit_code, 128 + SIGTERM);
}

/* More than any pipe holds, both ways at once. */
static void input_goes_through(void **state)
{
    static char much[3 << 20];
    memset(much, 'm', sizeof much);
    struct buf big;
    buf_init(&big, sizeof much);
    assert_int_equal(shell("cat", slice_of(much, sizeof much), &big, NULL), CIMF_OK);
    assert_int_equal(big.n, sizeof much);
    assert_memory_equal(big.p, much, sizeof much);
    assert_false(result.truncated);
    buf_free(&big);
    /* One that does not read: no SIGPIPE here, no wait. */
    assert_int_equal(shell("exec <&-; echo done", slice_of(much, sizeof much), &out, NULL), CIMF_OK);
    assert_slice(buf_slice(&out), "done\n");
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    assert_false(sigismember(&mask, SIGPIPE));
}

static void what_is_over_the_cap_is_dropped(void **state)
{
    struct buf small;
    buf_init(&small, 10);
    assert_int_equal(shell("i=0; while [ $i -lt 20000 ]; do echo 0123456789; i=$((i+1)); done; exit 4",
                           SLICE_NULL, &small, NULL), CIMF_OK);
    assert_slice(buf_slice(&small), "0123456789");
    assert_true(buf_ok(&small));
    assert_true(result.truncated);
    assert_int_equal(result.exit_code, 4);
    buf_free(&small);
}

static void the_deadline_kills_the_whole_group(void **state)
{
    const char *argv[] = { "/bin/sh", "-c", "echo $$; sleep 1000 & sleep 1000", NULL };
    struct process_spec spec = { .argv = argv };
    struct error e = ERROR_INIT;
    assert_int_equal(process_run(&spec, SLICE_NULL, &out, NULL, 300000, &result, &e), CIMF_TIMED_OUT);
    assert_true(result.timed_out);
    assert_int_equal(result.signal, SIGKILL);
    assert_string_equal(e.subject, "/bin/sh");
}

/* The shell ends at once; its child keeps the pipe open and is not waited for. */
static void descendants_are_not_waited_for(void **state)
{
    assert_int_equal(shell("sleep 1000 & echo $!", SLICE_NULL, &out, NULL), CIMF_OK);
    int left = atoi(buf_strz(&out));
    assert_true(left > 1);
    assert_int_equal(kill(left, SIGKILL), 0);
}

static void unknown_programs(void **state)
{
    const char *argv[] = { "no-such-program-here", NULL }, *denied[] = { "/etc/passwd", NULL };
    const char *nothing[] = { NULL };
    struct process_spec spec = { .argv = argv };
    struct error e = ERROR_INIT;
    pid_t pid;
    unsigned before = open_fds();
    assert_int_equal(process_spawn(&spec, &pid, &e), CIMF_NOT_FOUND);
    assert_int_equal(pid, -1);
    assert_string_equal(e.subject, "no-such-program-here");
    assert_int_equal(process_run(&spec, SLICE("x"), &out, &err, 0, &result, &e), CIMF_NOT_FOUND);
    spec.argv = denied;
    assert_int_equal(process_spawn(&spec, &pid, &e), CIMF_ACCESS_DENIED);
    spec.argv = nothing;
    assert_int_equal(process_spawn(&spec, &pid, &e), CIMF_FAILED);
    assert_int_equal(open_fds(), before);
}

/* Descriptors 0 and 1 of the child are crossed, 3 is given, everything else is closed, cloexec or not. */
static void descriptors(void **state)
{
    int a[2], b[2], leak = open("/dev/null", O_RDONLY);
    assert_int_equal(pipe2(a, O_CLOEXEC), 0);
    assert_int_equal(pipe2(b, O_CLOEXEC), 0);
    assert_true(leak >= 0);
    /* ls holds one descriptor of its own, for the folder it lists. */
    const char *argv[] = { "sh", "-c", "read x; echo got $x; echo three >&3; ls /proc/self/fd | wc -l >&3", NULL };
    const int fds[] = { a[0], b[1], -1, b[1] };
    struct process_spec spec = { .argv = argv, .fds = fds, .fd_count = 4 };
    pid_t pid;
    assert_int_equal(process_spawn(&spec, &pid, NULL), CIMF_OK);
    close(a[0]);
    close(b[1]);
    assert_int_equal(write(a[1], "word\n", 5), 5);
    close(a[1]);
    assert_int_equal(process_wait(pid, 60000000, &result, NULL), CIMF_OK);
    assert_int_equal(result.exit_code, 0);
    char text[100] = "";
    ssize_t n = read(b[0], text, sizeof text - 1);
    assert_true(n > 0);
    assert_string_equal(text, "got word\nthree\n5\n");
    close(b[0]);
    close(leak);
}

static void environment_folder_and_signals(void **state)
{
    const char *argv[] = { "/bin/sh", "-c", "pwd; echo $COLOUR$HOME; grep -E 'SigBlk|SigIgn' /proc/self/status", NULL };
    const char *env[] = { "COLOUR=red", "PATH=/usr/bin:/bin", NULL };
    struct process_spec spec = { .argv = argv, .env = env, .folder = "/" };
    sigset_t all, before;
    sigfillset(&all);
    void (*old)(int) = signal(SIGUSR1, SIG_IGN);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    cimf_status status = process_run(&spec, SLICE_NULL, &out, NULL, 60000000, &result, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    signal(SIGUSR1, old);
    assert_int_equal(status, CIMF_OK);
    struct slice rest;
    assert_slice(slice_split(buf_slice(&out), 'S', &rest), "/\nred\n");
    assert_true(slice_starts(rest, SLICE("igBlk:\t0000000000000000\nSigIgn:\t")));
    /* glibc leaves its two internal signals, 32 and 33, ignored in what it spawns. */
    unsigned long long ignored = strtoull(buf_strz(&out) + (out.n - 17), NULL, 16);
    assert_true((ignored & ~0x180000000ull) == 0);
}

static void waiting(void **state)
{
    const char *argv[] = { "sleep", "1000", NULL };
    struct process_spec spec = { .argv = argv, .session = true };
    pid_t pid;
    assert_int_equal(process_spawn(&spec, &pid, NULL), CIMF_OK);
    assert_int_equal(getpgid(pid), pid);
    assert_int_equal(process_wait(pid, 20000, &result, NULL), CIMF_TIMED_OUT);
    assert_int_equal(kill(-pid, SIGTERM), 0);
    assert_int_equal(process_wait(pid, 0, &result, NULL), CIMF_OK);
    assert_int_equal(result.signal, SIGTERM);
    struct error e = ERROR_INIT;
    assert_int_equal(process_wait(pid, 0, &result, &e), CIMF_FAILED);
    assert_int_equal(e.native, ECHILD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(output_and_exit_code, setup, teardown),
        cmocka_unit_test_setup_teardown(input_goes_through, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_over_the_cap_is_dropped, setup, teardown),
        cmocka_unit_test_setup_teardown(the_deadline_kills_the_whole_group, setup, teardown),
        cmocka_unit_test_setup_teardown(descendants_are_not_waited_for, setup, teardown),
        cmocka_unit_test_setup_teardown(unknown_programs, setup, teardown),
        cmocka_unit_test_setup_teardown(descriptors, setup, teardown),
        cmocka_unit_test_setup_teardown(environment_folder_and_signals, setup, teardown),
        cmocka_unit_test_setup_teardown(waiting, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
