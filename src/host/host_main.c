/*
 * cimd-host. The main thread reads packets and does what is quick; programs that are waited for run on a small pool.
 * It holds nothing that its user could not have without it, so nothing here defends it against its user; against
 * cimd-core only packets are checked.
 */
#include "host/host_main.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/host_main_priv.h"
#include "host/host_message.h"
#include "os/pool.h"
#include "os/process.h"

enum {
    CHILDREN = 4096, /* that HOST_SPAWN started and that have not ended */
    RUNS = 32,       /* HOST_RUN at once */
    RUN_THREADS = 8,
};

struct host_process {
    int socket, signals;
    pthread_mutex_t sending;
    struct pool *pool; /* made by the first HOST_RUN */
    atomic_uint runs;
    pid_t children[CHILDREN];
    unsigned child_count;
};

struct run {
    struct host_process *host;
    struct buf packet;
    struct arena arena;
    struct host_message question;
};

static void answer(struct host_process *h, uint32_t number, const struct host_answer *a)
{
    struct buf b;
    struct host_message m = { .what = HOST_ANSWERS, .number = number, .answer = *a };
    buf_init(&b, HOST_PACKET);
    if (host_message_write(&b, &m, NULL) != CIMF_OK) {
        m.answer = (struct host_answer){ .status = CIMF_OUT_OF_MEMORY };
        buf_clear(&b);
        host_message_write(&b, &m, NULL);
    }
    pthread_mutex_lock(&h->sending);
    ssize_t n;
    do n = send(h->socket, b.p, b.n, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    pthread_mutex_unlock(&h->sending);
    buf_free(&b);
}

static void refuse(struct host_process *h, uint32_t number, cimf_status status, const struct error *e)
{
    const struct host_answer a = { .status = status, .number = (int32_t)e->native, .text = slice_str(error_text(e)) };
    answer(h, number, &a);
}

/* --- HOST_RUN ------------------------------------------------------------------------------------------ */

static void run_free(struct run *r)
{
    arena_free(&r->arena);
    buf_free(&r->packet);
    free(r);
}

static void run_job(void *arg)
{
    struct run *r = arg;
    struct host_process *h = r->host;
    const struct host_job *j = &r->question.job;
    struct error e = ERROR_INIT;
    struct process_spec spec;
    struct process_result result = { 0 };
    struct buf out, err;
    buf_init(&out, HOST_OUTPUT);
    buf_init(&err, HOST_OUTPUT);
    cimf_status status = host_program(&r->arena, j, &spec, &e);
    if (status == CIMF_OK) status = process_run(&spec, j->input, &out, &err, (int64_t)j->timeout_ms * 1000, &result, &e);
    const struct host_answer a = {
        .status = status, .number = (int32_t)e.native, .exit_code = result.exit_code, .truncated = result.truncated,
        .out = buf_slice(&out), .err = buf_slice(&err), .text = status == CIMF_OK ? SLICE("") : slice_str(error_text(&e)),
    };
    answer(h, r->question.number, &a);
    buf_free(&out);
    buf_free(&err);
    run_free(r);
    atomic_fetch_sub(&h->runs, 1);
}

static cimf_status run_later(struct host_process *h, struct slice packet, struct error *e)
{
    if (!h->pool && !(h->pool = pool_new("cimd-host-run", RUN_THREADS, RUNS, e))) return e->status;
    if (atomic_load(&h->runs) >= RUNS) return error_set(e, CIMF_SERVER_TOO_BUSY, "host", "%d programs run already for this user", RUNS);
    struct run *r = calloc(1, sizeof *r);
    if (!r) return error_set(e, CIMF_OUT_OF_MEMORY, "host", "no memory for a program");
    r->host = h;
    arena_init(&r->arena, 4 * HOST_PACKET);
    buf_init(&r->packet, HOST_PACKET);
    buf_slice_add(&r->packet, packet);
    cimf_status status = host_message_read(buf_slice(&r->packet), &r->arena, &r->question, e);
    if (status == CIMF_OK) {
        atomic_fetch_add(&h->runs, 1);
        if (exec_post(pool_exec(h->pool), run_job, r)) return CIMF_OK;
        atomic_fetch_sub(&h->runs, 1);
        status = error_set(e, CIMF_OUT_OF_MEMORY, "host", "no thread for a program");
    }
    run_free(r);
    return status;
}

/* --- HOST_SPAWN, HOST_SIGNAL --------------------------------------------------------------------------- */

static cimf_status spawn(struct host_process *h, struct arena *a, const struct host_job *j, pid_t *pid, struct error *e)
{
    struct process_spec spec;
    if (h->child_count == CHILDREN) return error_set(e, CIMF_SERVER_TOO_BUSY, "host", "%d programs of this user run already", CHILDREN);
    cimf_status status = host_program(a, j, &spec, e);
    spec.session = true;
    if (status == CIMF_OK) status = process_spawn(&spec, pid, e);
    if (status == CIMF_OK) h->children[h->child_count++] = *pid;
    return status;
}

/* Only those: the programs of HOST_RUN are waited for elsewhere. */
static void reap(struct host_process *h)
{
    for (unsigned i = 0; i < h->child_count;) {
        pid_t got = waitpid(h->children[i], NULL, WNOHANG);
        if (got != 0) h->children[i] = h->children[--h->child_count];
        else i++;
    }
}

static cimf_status send_signal(const struct host_job *j, struct error *e)
{
    if (kill(j->pid, j->signal) == 0) return CIMF_OK;
    cimf_status status = errno == ESRCH ? CIMF_NOT_FOUND : errno == EPERM ? CIMF_ACCESS_DENIED : CIMF_FAILED;
    return error_errno(e, status, "host", errno, "cannot send signal %d to process %d", j->signal, j->pid);
}

/* --- packets ------------------------------------------------------------------------------------------- */

/* false: the other end broke the rules. */
static bool on_packet(struct host_process *h, struct slice packet)
{
    struct arena a;
    struct host_message m;
    struct error e = ERROR_INIT;
    pid_t pid = 0;
    arena_init(&a, 4 * HOST_PACKET);
    bool known = host_message_read(packet, &a, &m, &e) == CIMF_OK && m.what == HOST_ASKS;
    if (known && m.job.kind == HOST_RUN) {
        cimf_status status = run_later(h, packet, &e);
        if (status != CIMF_OK) refuse(h, m.number, status, &e);
    } else if (known) {
        cimf_status status = m.job.kind == HOST_SPAWN ? spawn(h, &a, &m.job, &pid, &e) : send_signal(&m.job, &e);
        if (status == CIMF_OK) answer(h, m.number, &(struct host_answer){ .pid = pid });
        else refuse(h, m.number, status, &e);
    }
    arena_free(&a);
    return known;
}

/* 0: go on; 1: the other end closed; 2: it broke the rules. */
static int on_readable(struct host_process *h)
{
    static char packet[HOST_PACKET + 1]; /* one more: a longer one shows */
    ssize_t n = recv(h->socket, packet, sizeof packet, MSG_DONTWAIT);
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) return 0;
    if (n <= 0) return 1;
    return on_packet(h, slice_of(packet, (size_t)n)) ? 0 : 2;
}

static int on_signal(struct host_process *h)
{
    struct signalfd_siginfo info;
    if (read(h->signals, &info, sizeof info) != (ssize_t)sizeof info) return 0;
    if (info.ssi_signo != SIGCHLD) return 1;
    reap(h);
    return 0;
}

int host_main(int socket)
{
    static struct host_process h;
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    h.socket = socket;
    h.signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    pthread_mutex_init(&h.sending, NULL);
    int end = h.signals < 0 ? 2 : 0;
    while (end == 0) {
        struct pollfd fds[] = { { .fd = socket, .events = POLLIN }, { .fd = h.signals, .events = POLLIN } };
        if (poll(fds, 2, -1) < 0) continue;
        if (fds[1].revents) end = on_signal(&h);
        if (end == 0 && fds[0].revents) end = on_readable(&h);
    }
    if (atomic_load(&h.runs)) _exit(end == 2); /* nobody wants their answers any more */
    if (h.pool) pool_free(h.pool);
    pthread_mutex_destroy(&h.sending);
    close(h.signals);
    return end == 2;
}
