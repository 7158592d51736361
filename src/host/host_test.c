/* Both ends: hosts (as in cimd-core) against host_main in a process of its own, or against a host that this test plays. */
#include "base/test.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "auth/broker.h"
#include "base/clock.h"
#include "host/host.h"
#include "host/host_main.h"
#include "host/host_message.h"

struct fixture {
    struct hosts *hosts;
    const struct principal *me;
    struct arena arena;
    pid_t host;
    int fd, theirs; /* the socket that hosts get; the test's end of it, or -1 */
    bool given;
    cimf_status refuse; /* answer of the supervisor */
    char folder[64];
};

/* The supervisor answers from another thread: here, the one that this makes. */
struct start {
    struct fixture *f;
    uint32_t number;
};

static void *started(void *arg)
{
    struct start *s = arg;
    struct fixture *f = s->f;
    hosts_started(f->hosts, s->number + 1000, CIMF_OK, dup(f->fd), f->me->uid); /* nobody asked with it */
    hosts_started(f->hosts, s->number, f->refuse, f->refuse == CIMF_OK ? f->fd : -1, f->me->uid);
    free(s);
    return NULL;
}

static cimf_status start(void *arg, uint32_t number, const char *id, struct error *e)
{
    struct fixture *f = arg;
    pthread_t thread;
    struct start *s = calloc(1, sizeof *s);
    assert_string_equal(id, f->me->id);
    assert_false(f->given);
    f->given = f->refuse == CIMF_OK;
    *s = (struct start){ f, number };
    assert_int_equal(pthread_create(&thread, NULL, started, s), 0);
    pthread_detach(thread);
    return CIMF_OK;
}

static int prepare(void **state, bool real, int64_t idle_us)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct hosts_config config = { .start = start, .arg = f, .idle_us = idle_us };
    int pair[2];
    snprintf(f->folder, sizeof f->folder, "/tmp/host-test-XXXXXX");
    if (!mkdtemp(f->folder) || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) return -1;
    f->fd = pair[0];
    f->theirs = pair[1];
    if (real && (f->host = fork()) == 0) { /* before there is any thread */
        close(pair[0]);
        setenv("OWN", "kept", 1);
        setenv("BOTH", "own", 1);
        if (chdir(f->folder) != 0) _exit(9);
        _exit(host_main(pair[1]));
    }
    if (real) close(pair[1]);
    if (real) f->theirs = -1;
    f->me = auth_local_principal(false);
    arena_init(&f->arena, 0);
    *state = f;
    return f->me && hosts_new(&config, &f->hosts, NULL) == CIMF_OK ? 0 : -1;
}

static int setup(void **state) { return prepare(state, true, 0); }
static int setup_played(void **state) { return prepare(state, false, 0); }
static int setup_brief(void **state) { return prepare(state, true, 1); }

static int teardown(void **state)
{
    struct fixture *f = *state;
    int status = 0;
    char command[100];
    hosts_free(f->hosts);
    if (!f->given) close(f->fd);
    if (f->theirs >= 0) close(f->theirs);
    bool ok = !f->host || (waitpid(f->host, &status, 0) == f->host && (status == 0 || f->host < 0));
    principal_unref(f->me);
    arena_free(&f->arena);
    snprintf(command, sizeof command, "rm -rf %s", f->folder);
    if (system(command) != 0) ok = false;
    free(f);
    return ok ? 0 : -1;
}

static cimf_status ask(struct fixture *f, const struct host_job *j, struct host_answer *out, struct error *e)
{
    *e = ERROR_INIT;
    return host_ask_wait(f->hosts, f->me, j, clock_mono_us() + 60000000, &f->arena, out, e);
}

static struct host_job line_of(const struct slice *line)
{
    return (struct host_job){ .kind = HOST_RUN, .shell = true, .argv = line, .argc = 1, .timeout_ms = 50000 };
}

static void test_programs_run(void **state)
{
    struct fixture *f = *state;
    struct host_answer a;
    struct error e;
    struct slice line = SLICE("cat; echo no >&2; echo $OWN $BOTH $NEW; pwd; umask; exit 3");
    const struct slice env[] = { SLICE("BOTH=first"), SLICE("NEW=n"), SLICE("BOTH=job") };
    struct host_job j = line_of(&line);
    j.input = SLICE("in\n");
    j.env = env;
    j.env_count = 3;
    assert_int_equal(ask(f, &j, &a, &e), CIMF_OK);
    assert_int_equal(a.exit_code, 3);
    char want[200];
    mode_t mask = umask(0);
    umask(mask);
    snprintf(want, sizeof want, "in\nkept job n\n%s\n%04o\n", f->folder, (unsigned)mask);
    assert_slice(a.out, want);
    assert_slice(a.err, "no\n");
    assert_false(a.truncated);
    line = SLICE("head -c 100000 /dev/zero; kill -9 $$");
    j = line_of(&line);
    assert_int_equal(ask(f, &j, &a, &e), CIMF_OK);
    assert_int_equal(a.exit_code, 137);
    assert_true(a.truncated && a.out.n == HOST_OUTPUT);
    const struct slice words[] = { SLICE("echo"), SLICE("a  b"), SLICE("$HOME") };
    j = (struct host_job){ .kind = HOST_RUN, .argv = words, .argc = 3, .timeout_ms = 50000 };
    assert_int_equal(ask(f, &j, &a, &e), CIMF_OK);
    assert_slice(a.out, "a  b $HOME\n");
}

static void test_a_program_over_its_time_is_killed(void **state)
{
    struct fixture *f = *state;
    struct host_answer a;
    struct error e;
    struct slice line = SLICE("sleep 10000 & echo begun; wait");
    struct host_job j = line_of(&line);
    j.timeout_ms = 300;
    assert_int_equal(ask(f, &j, &a, &e), CIMF_TIMED_OUT);
    assert_int_equal(a.status, CIMF_TIMED_OUT);
    assert_true(a.text.n > 0);
}

/* What a detached program has: read through a pipe that has a name. */
static void test_a_spawned_program_is_by_itself(void **state)
{
    struct fixture *f = *state;
    struct host_answer a;
    struct error e;
    char path[100], text[4000] = "", *at;
    snprintf(path, sizeof path, "%s/pipe", f->folder);
    assert_int_equal(mkfifo(path, 0600), 0);
    struct slice line = SLICE("exec > pipe; ls -l /proc/$$/fd | sed 's/.*[0-9] \\([0-9]* -> .*\\)/fd \\1/'; cut -d' ' -f 1,6 /proc/$$/stat; sleep 10000");
    struct host_job j = { .kind = HOST_SPAWN, .shell = true, .argv = &line, .argc = 1, .folder = slice_str(f->folder) };
    assert_int_equal(ask(f, &j, &a, &e), CIMF_OK);
    assert_true(a.pid > 1);
    FILE *in = fopen(path, "r");
    assert_non_null(in);
    char session[40], row[400];
    snprintf(session, sizeof session, "%d %d\n", a.pid, a.pid);
    for (at = text; fgets(row, sizeof row, in) && (size_t)(at - text) < sizeof text - sizeof row; at += strlen(row)) {
        memcpy(at, row, strlen(row) + 1);
        if (strcmp(row, session) == 0) break; /* sleep keeps the pipe open */
    }
    fclose(in);
    assert_non_null(strstr(text, "fd 0 -> /dev/null"));
    assert_non_null(strstr(text, "fd 2 -> /dev/null"));
    assert_null(strstr(text, "socket:"));
    assert_null(strstr(text, "anon_inode"));
    assert_non_null(strstr(text, session));
    const struct host_job end = { .kind = HOST_SIGNAL, .pid = a.pid, .signal = SIGKILL };
    assert_int_equal(ask(f, &end, &a, &e), CIMF_OK);
    while (kill(end.pid, 0) == 0) usleep(100); /* the host reaps it */
    assert_int_equal(ask(f, &end, &a, &e), CIMF_NOT_FOUND);
    assert_true(a.text.n > 0);
}

static void test_what_is_not_there(void **state)
{
    struct fixture *f = *state;
    struct host_answer a;
    struct error e;
    static const struct {
        const char *line, *folder;
        cimf_status status;
    } cases[] = {
        { "/no/such/program -x", "", CIMF_NOT_FOUND },    { "no-such-program; true", "", CIMF_NOT_FOUND },
        { "/etc/passwd", "", CIMF_ACCESS_DENIED },        { "/tmp", "", CIMF_ACCESS_DENIED },
        { "true", "/no/such/folder", CIMF_NOT_FOUND },    { "true", "/etc/passwd", CIMF_NOT_FOUND },
        { "true", "", CIMF_OK },                          { "X=1 no-such-program", "", CIMF_OK },
        { "if true; then exit; fi", ".", CIMF_OK },       { " ls>/dev/null", "/", CIMF_OK },
    };
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct slice line = slice_str(cases[i].line);
        const struct host_job j = { .kind = HOST_SPAWN, .shell = true, .argv = &line, .argc = 1, .folder = slice_str(cases[i].folder) };
        assert_int_equal(ask(f, &j, &a, &e), cases[i].status);
        assert_true((cases[i].status == CIMF_OK) == (a.pid > 0));
    }
    const struct slice word = SLICE("no-such-program");
    const struct host_job j = { .kind = HOST_SPAWN, .argv = &word, .argc = 1 };
    assert_int_equal(ask(f, &j, &a, &e), CIMF_NOT_FOUND);
}

static void test_an_idle_host_ends(void **state)
{
    struct fixture *f = *state;
    struct host_answer a;
    struct error e;
    int status;
    const struct slice line = SLICE("true");
    const struct host_job j = line_of(&line);
    assert_int_equal(ask(f, &j, &a, &e), CIMF_OK);
    assert_int_equal(waitpid(f->host, &status, 0), f->host);
    assert_int_equal(status, 0);
    f->host = 0;
}

static void test_refused(void **state)
{
    struct fixture *f = *state;
    struct host_answer a;
    struct error e;
    const struct slice line = SLICE("true");
    const struct host_job j = line_of(&line);
    struct principal nobody = *f->me;
    nobody.has_posix = false;
    assert_int_equal(host_ask_wait(f->hosts, &nobody, &j, 0, &f->arena, &a, &e), CIMF_PRIVILEGE_NOT_HELD);
    f->refuse = CIMF_ACCESS_DENIED;
    assert_int_equal(ask(f, &j, &a, &e), CIMF_ACCESS_DENIED);
    assert_int_equal(a.text.n, 0);
    f->refuse = CIMF_SERVER_TOO_BUSY;
    assert_int_equal(ask(f, &j, &a, &e), CIMF_SERVER_TOO_BUSY);
    hosts_stop(f->hosts);
    assert_int_equal(ask(f, &j, &a, &e), CIMF_SHUTTING_DOWN);
}

/* --- the test is the host ------------------------------------------------------------------------------ */

struct asking {
    struct fixture *f;
    const struct host_job *job;
    struct host_answer answer;
    struct arena arena;
    struct error error;
    cimf_status status;
    pthread_t thread;
};

static void *ask_thread(void *arg)
{
    struct asking *x = arg;
    x->error = ERROR_INIT;
    arena_init(&x->arena, 0);
    x->status = host_ask_wait(x->f->hosts, x->f->me, x->job, clock_mono_us() + 60000000, &x->arena, &x->answer, &x->error);
    return NULL;
}

static uint32_t next_number(struct fixture *f)
{
    static char packet[HOST_PACKET];
    struct arena a;
    struct host_message m;
    ssize_t n = recv(f->theirs, packet, sizeof packet, 0);
    assert_true(n > 0);
    arena_init(&a, 0);
    assert_int_equal(host_message_read(slice_of(packet, (size_t)n), &a, &m, NULL), CIMF_OK);
    arena_free(&a);
    return m.number;
}

static void say(struct fixture *f, uint32_t number, const struct host_answer *answer)
{
    struct buf b;
    const struct host_message m = { .what = HOST_ANSWERS, .number = number, .answer = *answer };
    buf_init(&b, 0);
    assert_int_equal(host_message_write(&b, &m, NULL), CIMF_OK);
    assert_int_equal(send(f->theirs, b.p, b.n, 0), (ssize_t)b.n);
    buf_free(&b);
}

static void end(struct asking *x, cimf_status status)
{
    pthread_join(x->thread, NULL);
    arena_free(&x->arena);
    assert_int_equal(x->status, status);
}

static void test_answers_find_their_questions(void **state)
{
    struct fixture *f = *state;
    const struct slice line = SLICE("true");
    const struct host_job j = line_of(&line);
    struct asking x[3] = { { f, &j }, { f, &j }, { f, &j } };
    uint32_t numbers[3];
    for (int i = 0; i < 3; i++) {
        assert_int_equal(pthread_create(&x[i].thread, NULL, ask_thread, &x[i]), 0);
        numbers[i] = next_number(f);
    }
    for (int i = 2; i >= 0; i--) say(f, numbers[i], &(struct host_answer){ .exit_code = i });
    for (int i = 0; i < 3; i++) {
        end(&x[i], CIMF_OK);
        assert_int_equal(x[i].answer.exit_code, i);
    }
}

/* Its user may have taken the host over: nothing but answers to what was asked is taken from it. */
static void hostile(void **state, int how, cimf_status status)
{
    struct fixture *f = *state;
    const struct slice line = SLICE("true");
    const struct host_job j = line_of(&line);
    struct asking x = { f, &j };
    assert_int_equal(pthread_create(&x.thread, NULL, ask_thread, &x), 0);
    uint32_t number = next_number(f);
    const struct host_answer last = { .status = CIMF_ACCESS_DENIED, .text = SLICE("no such user") }, newline = { .text = SLICE("a\nb") };
    switch (how) {
    case 0: close(f->theirs); f->theirs = -1; break;
    case 1: assert_int_equal(send(f->theirs, "nonsense", 8, 0), 8); break;
    case 2: say(f, number + 1, &(struct host_answer){ .pid = 1 }); break;
    case 3: say(f, 0, &last); break;
    case 4: say(f, number, &newline); break;
    default: break;
    }
    end(&x, status);
    if (f->theirs >= 0) { /* and it is let go */
        char byte;
        assert_int_equal(recv(f->theirs, &byte, 1, 0), 0);
    }
}

static void test_a_host_that_ends(void **state) { hostile(state, 0, CIMF_CONNECTION_LOST); }
static void test_nonsense(void **state) { hostile(state, 1, CIMF_CONNECTION_LOST); }
static void test_an_answer_to_no_question(void **state) { hostile(state, 2, CIMF_CONNECTION_LOST); }
static void test_last_words(void **state) { hostile(state, 3, CIMF_ACCESS_DENIED); }
static void test_a_text_of_two_lines(void **state) { hostile(state, 4, CIMF_CONNECTION_LOST); }

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_programs_run, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_program_over_its_time_is_killed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_spawned_program_is_by_itself, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_not_there, setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_idle_host_ends, setup_brief, teardown),
        cmocka_unit_test_setup_teardown(test_refused, setup_played, teardown),
        cmocka_unit_test_setup_teardown(test_answers_find_their_questions, setup_played, teardown),
        cmocka_unit_test_setup_teardown(test_a_host_that_ends, setup_played, teardown),
        cmocka_unit_test_setup_teardown(test_nonsense, setup_played, teardown),
        cmocka_unit_test_setup_teardown(test_an_answer_to_no_question, setup_played, teardown),
        cmocka_unit_test_setup_teardown(test_last_words, setup_played, teardown),
        cmocka_unit_test_setup_teardown(test_a_text_of_two_lines, setup_played, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
