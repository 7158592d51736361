/* Running a program to its end and waiting for one, declared in os/process.h. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "os/process.h"

enum {
    READ_STEP = 16 << 10,
    LAST_READS = 64,   /* what is still taken after the program ended: descendants may write for ever */
    BLIND_WAIT_MS = 5, /* between looks where the kernel has no pidfd */
};

/* Milliseconds for poll; -1 without a deadline. */
static int left_ms(int64_t deadline)
{
    if (deadline == INT64_MAX) return -1;
    int64_t left = (deadline - clock_mono_us() + 999) / 1000;
    return left <= 0 ? 0 : left > 1000000 ? 1000000 : (int)left;
}

static int64_t deadline_of(int64_t timeout_us)
{
    int64_t at;
    if (timeout_us <= 0 || __builtin_add_overflow(clock_mono_us(), timeout_us, &at)) return INT64_MAX;
    return at;
}

static int open_pidfd(pid_t pid) { return (int)syscall(SYS_pidfd_open, pid, 0); }

static void set_result(struct process_result *r, int status)
{
    if (WIFSIGNALED(status)) {
        r->signal = WTERMSIG(status);
        r->exit_code = 128 + r->signal;
    } else {
        r->signal = 0;
        r->exit_code = WEXITSTATUS(status);
    }
}

/* 1: ended and reaped; 0: runs; -1: errno. */
static int reap(pid_t pid, int flags, struct process_result *r)
{
    int status;
    pid_t got;
    do got = waitpid(pid, &status, flags); while (got < 0 && errno == EINTR);
    if (got == pid) set_result(r, status);
    return got == pid ? 1 : got == 0 ? 0 : -1;
}

cimf_status process_wait(pid_t pid, int64_t timeout_us, struct process_result *result, struct error *e)
{
    int64_t deadline = deadline_of(timeout_us);
    int pidfd = deadline == INT64_MAX ? -1 : open_pidfd(pid);
    int got;
    *result = (struct process_result){ 0 };
    while ((got = reap(pid, deadline == INT64_MAX ? 0 : WNOHANG, result)) == 0) {
        int ms = left_ms(deadline);
        if (ms == 0) break;
        struct pollfd p = { .fd = pidfd, .events = POLLIN };
        if (pidfd < 0 && ms > BLIND_WAIT_MS) ms = BLIND_WAIT_MS;
        poll(&p, pidfd >= 0, ms);
    }
    int number = errno;
    if (pidfd >= 0) close(pidfd);
    if (got > 0) return CIMF_OK;
    if (got < 0) return error_errno(e, CIMF_FAILED, "os", number, "cannot wait for process %d", (int)pid);
    return error_set(e, CIMF_TIMED_OUT, "os", "process %d did not end in time", (int)pid);
}

enum { INPUT, OUTPUT, ERRORS, ENDED, ENDS };

/* One run: our ends of its pipes and what goes through them. */
struct run {
    struct pollfd ends[ENDS]; /* in that order; ENDED is the pidfd */
    struct buf *to[ENDS];
    struct slice input;
    bool truncated;
};

static void close_end(struct run *r, int i)
{
    if (r->ends[i].fd >= 0) close(r->ends[i].fd);
    r->ends[i].fd = -1;
}

/* Reads once; false when there was nothing or the end. What is over the cap is dropped. */
static bool take_output(struct run *r, int i)
{
    char block[READ_STEP];
    ssize_t got = read(r->ends[i].fd, block, sizeof block);
    if (got < 0) {
        if (errno != EINTR && errno != EAGAIN) close_end(r, i);
        return errno == EINTR;
    }
    if (got == 0) {
        close_end(r, i);
        return false;
    }
    struct buf *b = r->to[i];
    size_t room = buf_ok(b) ? b->cap - b->n : 0;
    size_t fits = (size_t)got < room ? (size_t)got : room;
    if (!buf_add(b, block, fits) || fits < (size_t)got) r->truncated = true;
    return true;
}

static void give_input(struct run *r)
{
    ssize_t put = r->input.n ? write(r->ends[INPUT].fd, r->input.p, r->input.n) : 0;
    if (put < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (put > 0) r->input = slice_sub(r->input, (size_t)put);
    if (put < 0 || !r->input.n) close_end(r, INPUT); /* it does not want more, or there is none */
}

/* Moves bytes until the program ends; 1 reaped, 0 deadline, -1 errno. */
static int pump(struct run *r, pid_t pid, int64_t deadline, struct process_result *result)
{
    for (;;) {
        bool blind = r->ends[ENDED].fd < 0;
        int ms = left_ms(deadline);
        if (blind && (ms < 0 || ms > BLIND_WAIT_MS)) ms = BLIND_WAIT_MS;
        int ready = poll(r->ends, ENDS, ms);
        if (ready < 0 && errno != EINTR) return -1;
        for (int i = OUTPUT; ready > 0 && i <= ERRORS; i++) {
            if (r->ends[i].fd >= 0 && r->ends[i].revents) take_output(r, i);
        }
        if (ready > 0 && r->ends[INPUT].fd >= 0 && r->ends[INPUT].revents) give_input(r);
        if (blind || (ready > 0 && r->ends[ENDED].revents)) {
            int got = reap(pid, WNOHANG, result);
            if (got) return got;
        }
        if (left_ms(deadline) == 0) return 0;
    }
}

static void drain(struct run *r)
{
    for (int i = OUTPUT; i <= ERRORS; i++) {
        for (int n = 0; n < LAST_READS && r->ends[i].fd >= 0 && take_output(r, i); n++) continue;
    }
}

/* child is the end that it gets, ours does not block. */
static bool make_pipe(struct run *r, int i, int *child)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return false;
    int ours = ends[i == INPUT];
    *child = ends[i != INPUT];
    r->ends[i] = (struct pollfd){ .fd = ours, .events = i == INPUT ? POLLOUT : POLLIN };
    return fcntl(ours, F_SETFL, O_NONBLOCK) == 0;
}

/* Opens the pipes and starts the program; the child's ends are closed here again. */
static cimf_status start(struct run *r, const struct process_spec *spec, struct buf *out, struct buf *err,
                         pid_t *pid, struct error *e)
{
    int child[3] = { -1, -1, -1 };
    struct process_spec mine = *spec;
    bool ok = !r->input.n || make_pipe(r, INPUT, &child[INPUT]);
    if (ok && out) ok = make_pipe(r, OUTPUT, &child[OUTPUT]);
    if (ok && err && err != out) ok = make_pipe(r, ERRORS, &child[ERRORS]);
    cimf_status status;
    if (ok) {
        bool one = err && err == out;
        mine.fds = (const int[]){ child[INPUT], child[OUTPUT], one ? child[OUTPUT] : child[ERRORS] };
        mine.fd_count = 3;
        mine.session = true;
        status = process_spawn(&mine, pid, e);
    } else {
        status = error_errno(e, CIMF_FAILED, "os", errno, "cannot make a pipe");
    }
    for (int i = 0; i < 3; i++) {
        if (child[i] >= 0) close(child[i]);
    }
    return status;
}

static cimf_status run_to_end(struct run *r, pid_t pid, int64_t timeout_us, const char *program,
                              struct process_result *result, struct error *e)
{
    r->ends[ENDED] = (struct pollfd){ .fd = open_pidfd(pid), .events = POLLIN };
    int got = pump(r, pid, deadline_of(timeout_us), result);
    int number = errno;
    cimf_status status = CIMF_OK;
    if (got <= 0) {
        kill(-pid, SIGKILL);
        reap(pid, 0, result);
        result->timed_out = got == 0;
        status = got == 0 ? error_set(e, CIMF_TIMED_OUT, "os", "%s did not end in time", program)
                          : error_errno(e, CIMF_FAILED, "os", number, "cannot talk to %s", program);
        error_subject(e, slice_str(program));
    }
    drain(r);
    result->truncated = r->truncated;
    return status;
}

/* SIGPIPE stays blocked in this thread while it writes; one that came is taken away again. */
static void sigpipe_block(sigset_t *before, bool *pending)
{
    sigset_t pipe_only, waiting;
    sigemptyset(&pipe_only);
    sigaddset(&pipe_only, SIGPIPE);
    sigpending(&waiting);
    *pending = sigismember(&waiting, SIGPIPE) == 1;
    pthread_sigmask(SIG_BLOCK, &pipe_only, before);
}

static void sigpipe_restore(const sigset_t *before, bool pending)
{
    sigset_t pipe_only;
    const struct timespec now = { 0, 0 };
    sigemptyset(&pipe_only);
    sigaddset(&pipe_only, SIGPIPE);
    if (!pending) sigtimedwait(&pipe_only, NULL, &now);
    pthread_sigmask(SIG_SETMASK, before, NULL);
}

cimf_status process_run(const struct process_spec *spec, struct slice input, struct buf *out,
                        struct buf *err, int64_t timeout_us, struct process_result *result,
                        struct error *e)
{
    struct run r = { .input = input, .to = { [OUTPUT] = out, [ERRORS] = err } };
    pid_t pid;
    *result = (struct process_result){ 0 };
    for (int i = 0; i < ENDS; i++) r.ends[i].fd = -1;
    cimf_status status = start(&r, spec, out, err, &pid, e);
    if (status == CIMF_OK) {
        sigset_t before;
        bool pending;
        sigpipe_block(&before, &pending);
        status = run_to_end(&r, pid, timeout_us, spec->argv[0], result, e);
        sigpipe_restore(&before, pending);
    }
    for (int i = 0; i < ENDS; i++) close_end(&r, i);
    return status;
}
