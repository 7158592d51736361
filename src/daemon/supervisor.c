/*
 * cimd serve: the supervisor. It opens what only it may open, starts the roles and then waits: for signals, for a
 * role's end, for the few words of role_message.h. It reads no byte that came over the network.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cimfony/version.h>

#include "base/clock.h"
#include "base/log.h"
#include "daemon/checkup.h"
#include "daemon/command.h"
#include "daemon/control.h"
#include "daemon/dialer.h"
#include "daemon/host_keeper.h"
#include "daemon/role.h"
#include "daemon/role_message.h"
#include "daemon/state.h"
#include "net/http.h"
#include "os/file.h"
#include "os/notify.h"
#include "os/process.h"

#define STOP_LIMIT_US 20000000 /* what has not ended by then is killed */
#define SMALL_FILE ((size_t)4 << 20)

struct child {
    pid_t pid; /* 0: it has ended */
    int socket;
    bool ready;
};

struct supervisor {
    struct command *command;
    struct config *config;
    struct state state;
    struct child children[ROLE_COUNT];
    struct role_start start;
    int listeners[ROLE_LISTENERS];
    bool controls; /* bound the control socket */
    int control, audit, keytab, password, signals, broker[2], records[2];
    struct buf ready; /* the endpoints, as JSON */
    bool told, stopping;
    int64_t deadline;
    int exit_code;
    struct host_keeper keeper;
    struct dialer dialer;
};

/* --- what roles inherit ----------------------------------------------------------------------------- */

/* This machine has no IPv6 (or not this address family): the other addresses do. */
static bool family_missing(const char *address, const struct error *e)
{
    return *address == '[' && (e->native == EADDRNOTAVAIL || e->native == EAFNOSUPPORT);
}

/* Binds every address of one protocol and adds them to the ready text. */
static cimf_status bind_all(struct supervisor *s, const char *name, enum config_key key, enum role_listener speaks, struct error *e)
{
    const char *address;
    buf_printf(&s->ready, "%s\"%s\":[", s->ready.n > 1 ? "," : "", name);
    unsigned count = 0;
    cimf_status status = CIMF_OK;
    for (unsigned i = 0; (address = config_item(s->config, key, i)); i++) {
        char bound[128];
        int fd;
        if (s->start.listeners == ROLE_LISTENERS)
            return error_set(e, CIMF_INVALID_PARAMETER, "cimd", "more than %d addresses to listen on", ROLE_LISTENERS);
        status = http_bind(address, true, &fd, bound, sizeof bound, e);
        if (status != CIMF_OK && !family_missing(address, e)) return status;
        if (status != CIMF_OK) continue; /* the checkup has said so */
        s->start.speaks[s->start.listeners] = speaks;
        s->listeners[s->start.listeners++] = fd;
        if (speaks == ROLE_EPMAP || speaks == ROLE_WMI) dialer_listens(&s->dialer, fd);
        buf_printf(&s->ready, "%s\"%s\"", count++ ? "," : "", bound);
        log_info("cimd", "listening role=%s address=%s", name, bound);
    }
    buf_lit(&s->ready, "]");
    return count ? CIMF_OK : status;
}

static cimf_status bind_listeners(struct supervisor *s, struct error *e)
{
    static const struct {
        const char *name;
        enum config_key key;
        enum role_listener speaks;
    } protocols[] = {
        { "http", CONFIG_listen_http, ROLE_HTTP }, { "https", CONFIG_listen_https, ROLE_HTTPS },
        { "epmap", CONFIG_listen_epmap, ROLE_EPMAP }, { "wmi", CONFIG_listen_wmi, ROLE_WMI },
    };
    cimf_status status = CIMF_OK;
    buf_lit(&s->ready, "{");
    for (size_t i = 0; status == CIMF_OK && i < sizeof protocols / sizeof *protocols; i++)
        if (i == 0 || *config_text(s->config, protocols[i].key))
            status = bind_all(s, protocols[i].name, protocols[i].key, protocols[i].speaks, e);
    buf_lit(&s->ready, "}\n");
    return status;
}

static int memory_file(const char *name, struct slice bytes, struct error *e)
{
    int fd = memfd_create(name, MFD_CLOEXEC);
    bool ok = fd >= 0;
    for (size_t done = 0; ok && done < bytes.n;) {
        ssize_t n = write(fd, bytes.p + done, bytes.n - done);
        ok = n > 0;
        if (ok) done += (size_t)n;
    }
    if (ok && lseek(fd, 0, SEEK_SET) == 0) return fd;
    error_errno(e, CIMF_OUT_OF_MEMORY, "cimd", errno, "cannot hand %s to another process", name);
    if (fd >= 0) close(fd);
    return -1;
}

/* The bytes of a small file that the role itself may not open; *fd stays -1 for "". */
static cimf_status copy_of(const char *path, int *fd, struct error *e)
{
    struct buf bytes;
    if (!*path) return CIMF_OK;
    buf_init(&bytes, SMALL_FILE);
    cimf_status status = file_read_buf(&bytes, path, e);
    if (status == CIMF_OK) *fd = memory_file("file", buf_slice(&bytes), e);
    if (bytes.p) explicit_bzero(bytes.p, bytes.n);
    buf_free(&bytes);
    return status == CIMF_OK && *fd < 0 ? CIMF_OUT_OF_MEMORY : status;
}

/* Only root can read the system's keytab, and cimd-auth is not root: it gets a copy, written again at every SIGHUP. */
static cimf_status copy_keytab(struct supervisor *s, struct error *e)
{
    const char *path = config_keytab(s->config);
    struct buf bytes;
    if (!s->state.drop || !config_on(s->config, CONFIG_auth_kerberos) || access(path, F_OK) != 0) return CIMF_OK;
    buf_init(&bytes, SMALL_FILE);
    cimf_status status = file_read_buf(&bytes, path, e);
    if (status == CIMF_OK && s->keytab < 0) s->keytab = memory_file("keytab", SLICE(""), e);
    if (status == CIMF_OK && (s->keytab < 0 || ftruncate(s->keytab, 0) != 0 || pwrite(s->keytab, bytes.p, bytes.n, 0) != (ssize_t)bytes.n))
        status = error_errno(e, CIMF_OUT_OF_MEMORY, "cimd", errno, "cannot copy %s", path);
    if (bytes.p) explicit_bzero(bytes.p, bytes.n);
    buf_free(&bytes);
    return status;
}

/* That of wmi.callback_user, which only cimd-auth gets to see. */
static cimf_status copy_password(struct supervisor *s, struct error *e)
{
    const char *user = config_text(s->config, CONFIG_wmi_callback_user), *path = config_text(s->config, CONFIG_wmi_callback_password_file);
    if (!*user) return CIMF_OK;
    cimf_status status = file_check_private(path, getuid(), 0600, e);
    return status == CIMF_OK ? copy_of(path, &s->password, e) : status;
}

static int start_file(const struct supervisor *s, enum role role, struct error *e)
{
    struct role_start start = s->start;
    struct buf text;
    start.magic = ROLE_MAGIC;
    start.supervisor = getpid();
    start.starter = getuid();
    start.drop = s->state.drop;
    start.who = s->state.who[role];
    start.keytab = role == ROLE_AUTH && s->keytab >= 0;
    start.password = role == ROLE_AUTH && s->password >= 0;
    buf_init(&text, SMALL_FILE);
    buf_add(&text, &start, sizeof start);
    int fd = config_freeze(s->config, &text) ? memory_file("start", buf_slice(&text), e) : -1;
    if (fd < 0 && e->status == CIMF_OK) error_set(e, CIMF_OUT_OF_MEMORY, "cimd", "the configuration is too large");
    buf_free(&text);
    return fd;
}

/* --- starting --------------------------------------------------------------------------------------- */

static cimf_status fds_of_core(struct supervisor *s, int *fds, unsigned *count, struct error *e)
{
    const struct config *c = s->config;
    fds[ROLE_FD_BACKUP] = s->state.backup;
    fds[ROLE_FD_CONTROL] = s->control;
    for (unsigned i = 0; i < s->start.listeners; i++) fds[ROLE_FD_LISTEN + i] = s->listeners[i];
    *count = ROLE_FD_LISTEN + s->start.listeners;
    if (!*config_text(c, CONFIG_listen_https)) return CIMF_OK;
    cimf_status status = copy_of(config_text(c, CONFIG_tls_certificate), &fds[ROLE_FD_CERTIFICATE], e);
    if (status == CIMF_OK) status = copy_of(config_text(c, CONFIG_tls_key), &fds[ROLE_FD_KEY], e);
    if (status == CIMF_OK) status = copy_of(config_text(c, CONFIG_tls_client_ca), &fds[ROLE_FD_CLIENT_CA], e);
    return status;
}

/* Roles are copies of this process, which has read nothing but its configuration. Executing the program anew would give
 * each a memory layout of its own, and cost 8 ms and 1.5 MB (of budgets of 20 ms and 8 MB) for linking the same
 * libraries again. */
static pid_t fork_role(enum role role, const int *fds, unsigned count, struct error *e)
{
    fflush(NULL);
    pid_t pid = process_fork(fds, count, e);
    if (pid == 0) exit(role_main(role_names[role]));
    return pid;
}

static cimf_status start_role(struct supervisor *s, enum role role, struct error *e)
{
    int fds[PROCESS_FDS], pair[2] = { -1, -1 };
    unsigned count = ROLE_FD_OWN;
    struct child *child = &s->children[role];
    for (unsigned i = 0; i < PROCESS_FDS; i++) fds[i] = i < 3 ? (int)i : -1;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
        return error_errno(e, CIMF_FAILED, "cimd", errno, "cannot make a socket pair");
    child->socket = pair[0];
    fds[ROLE_FD_SUPERVISOR] = pair[1];
    fds[ROLE_FD_AUDIT] = role == ROLE_AUTH ? s->audit : s->records[0];
    fds[ROLE_FD_BROKER] = s->broker[role == ROLE_AUTH];
    fds[ROLE_FD_FOLDER] = state_folder(&s->state, role);
    fds[ROLE_FD_START] = start_file(s, role, e);
    cimf_status status = fds[ROLE_FD_START] < 0 ? e->status : CIMF_OK;
    if (status == CIMF_OK && role == ROLE_CORE) status = fds_of_core(s, fds, &count, e);
    if (role == ROLE_AUTH) {
        fds[count++] = s->keytab;
        fds[count++] = s->records[1];
        fds[count++] = s->password;
    }
    if (status == CIMF_OK) child->pid = fork_role(role, fds, count, e);
    if (status != CIMF_OK || child->pid < 0) child->pid = 0;
    if (status == CIMF_OK && !child->pid) status = e->status;
    close(pair[1]);
    if (fds[ROLE_FD_START] >= 0) close(fds[ROLE_FD_START]);
    for (unsigned i = ROLE_FD_OWN; i < count; i++) {
        bool copy = role == ROLE_CORE && i > ROLE_FD_CONTROL && i < ROLE_FD_LISTEN;
        if (copy && fds[i] >= 0) close(fds[i]);
    }
    return status;
}

static cimf_status open_audit(struct supervisor *s, struct error *e)
{
    const char *path = config_audit_log(s->config);
    s->audit = path ? open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600) : -1;
    return s->audit >= 0 ? CIMF_OK : error_errno(e, CIMF_IO_ERROR, "cimd", errno, "cannot open the audit log %s", path ? path : "");
}

static void forget(int *fd)
{
    if (*fd >= 0) close(*fd);
    *fd = -1;
}

static cimf_status start(struct supervisor *s, struct error *e)
{
    cimf_status status = state_prepare(s->config, &s->state, e);
    if (status == CIMF_OK) status = open_audit(s, e);
    if (status == CIMF_OK) status = bind_listeners(s, e);
    if (status == CIMF_OK) status = copy_keytab(s, e);
    if (status == CIMF_OK) status = copy_password(s, e);
    if (status == CIMF_OK) status = control_listen(s->config, &s->control, e);
    s->controls = s->control >= 0;
    if (status == CIMF_OK && (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, s->broker) != 0 ||
                              socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, s->records) != 0))
        status = error_errno(e, CIMF_FAILED, "cimd", errno, "cannot make a socket pair");
    for (int i = ROLE_COUNT; status == CIMF_OK && i > 0; i--) status = start_role(s, i - 1, e); /* core has most to do */
    s->keeper.audit = s->audit;
    s->audit = -1;
    s->keeper.root = s->state.drop;
    for (int i = 0; i < ROLE_COUNT; i++) s->keeper.own[i] = s->state.who[i].uid;
    forget(&s->control);
    forget(&s->broker[0]);
    forget(&s->broker[1]);
    forget(&s->records[0]);
    forget(&s->records[1]);
    forget(&s->password);
    state_started(&s->state);
    for (unsigned i = 0; i < s->start.listeners; i++) forget(&s->listeners[i]);
    return status;
}

/* --- running ---------------------------------------------------------------------------------------- */

static void tell(struct supervisor *s, enum role role, enum role_word word)
{
    const struct role_message m = { .word = word };
    if (s->children[role].socket >= 0) role_message_send(s->children[role].socket, &m, -1, NULL);
}

/* Core goes first: what it is answering may still need the others. */
static void stop(struct supervisor *s, int exit_code)
{
    if (s->stopping) return;
    s->stopping = true;
    s->exit_code = exit_code;
    s->deadline = clock_mono_us() + STOP_LIMIT_US;
    os_notify("STOPPING=1");
    log_info("cimd", "stopping");
    tell(s, ROLE_CORE, ROLE_STOP);
}

static void on_end(struct supervisor *s, enum role role, int status)
{
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    s->children[role].pid = 0;
    forget(&s->children[role].socket);
    if (WIFSIGNALED(status)) log_error("cimd", "a process was killed role=%s signal=%d", role_names[role], WTERMSIG(status));
    else if (code && s->told) log_error("cimd", "a process failed role=%s code=%d", role_names[role], code);
    if (code && s->stopping && s->exit_code <= 1) s->exit_code = code; /* 1: another ended because of it */
    if (!s->stopping) stop(s, code ? code : 1);
    if (role == ROLE_CORE)
        for (int i = 0; i < ROLE_COUNT; i++) tell(s, i, ROLE_STOP);
}

static void reap(struct supervisor *s)
{
    int status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
        if (keeper_ended(&s->keeper, pid, status)) continue;
        for (int i = 0; i < ROLE_COUNT; i++)
            if (s->children[i].pid == pid) on_end(s, i, status);
    }
}

static void on_signal(struct supervisor *s)
{
    struct signalfd_siginfo info;
    struct error e = ERROR_INIT;
    if (read(s->signals, &info, sizeof info) != (ssize_t)sizeof info) return;
    switch (info.ssi_signo) {
    case SIGCHLD: reap(s); break;
    case SIGHUP:
        if (state_reload(s->config, &s->state, &e) != CIMF_OK) log_failure("cimd", &e, "an owner could not be set");
        if (copy_keytab(s, &e) != CIMF_OK) log_failure("cimd", &e, "the keytab was not read again");
        for (int i = 0; i < ROLE_COUNT; i++) tell(s, i, ROLE_RELOAD);
        break;
    default: stop(s, 0);
    }
}

/* Everyone answers: say so. */
static void when_ready(struct supervisor *s)
{
    struct error e = ERROR_INIT;
    for (int i = 0; i < ROLE_COUNT; i++)
        if (!s->children[i].ready) return;
    s->told = true;
    if (s->command->ready_file && file_replace(s->command->ready_file, buf_slice(&s->ready), 0644, &e) != CIMF_OK) {
        stop(s, command_failed(s->command, "cannot start", &e));
        return;
    }
    log_info("cimd", "ready version=" CIMFONY_VERSION);
    os_notify("READY=1");
}

/* What this role may say now. */
static bool obeyed(struct supervisor *s, enum role role, const struct role_message *m, int fd)
{
    struct child *child = &s->children[role];
    s->dialer.core = s->children[ROLE_CORE].socket;
    if (m->word == ROLE_CONNECT && role == ROLE_CORE && child->ready) return dialer_asked(&s->dialer, m, fd);
    if (fd >= 0) return false; /* with no other word comes a descriptor */
    s->keeper.core = s->children[ROLE_CORE].socket;
    s->keeper.auth = s->children[ROLE_AUTH].socket;
    if (m->word == ROLE_READY && !child->ready) {
        child->ready = true;
        when_ready(s);
        return true;
    }
    if (m->word == ROLE_HOST && role == ROLE_CORE && child->ready) return keeper_asked(&s->keeper, m);
    if (m->word == ROLE_RESOLVED && role == ROLE_AUTH && child->ready) return keeper_resolved(&s->keeper, m);
    return false;
}

static void broke_rules(struct supervisor *s, enum role role)
{
    log_error("cimd", "a process broke the rules and is ended role=%s", role_names[role]);
    if (s->children[role].pid) kill(s->children[role].pid, SIGKILL);
    forget(&s->children[role].socket);
}

static void on_message(struct supervisor *s, enum role role)
{
    struct role_message m;
    struct error e = ERROR_INIT;
    int fd;
    cimf_status status = role_message_receive(s->children[role].socket, &m, &fd, &e);
    if (status == CIMF_CONNECTION_LOST) forget(&s->children[role].socket); /* its end is reported by SIGCHLD */
    else if (status != CIMF_OK) broke_rules(s, role);
    else if (!obeyed(s, role, &m, fd)) broke_rules(s, m.word == ROLE_RESOLVED ? ROLE_CORE : role);
    if (fd >= 0) close(fd);
}

static bool anyone(const struct supervisor *s)
{
    for (int i = 0; i < ROLE_COUNT; i++)
        if (s->children[i].pid) return true;
    return false;
}

static void run(struct supervisor *s)
{
    while (anyone(s)) {
        struct pollfd fds[ROLE_COUNT + 1] = { [ROLE_COUNT] = { .fd = s->signals, .events = POLLIN } };
        for (int i = 0; i < ROLE_COUNT; i++) fds[i] = (struct pollfd){ .fd = s->children[i].socket, .events = POLLIN };
        int64_t now = clock_mono_us(), due = keeper_due(&s->keeper), left = -1;
        if (s->stopping) left = (s->deadline - now) / 1000;
        else if (due != INT64_MAX) left = due > now ? (due - now) / 1000 + 1 : 0;
        if (s->stopping && left <= 0) {
            for (int i = 0; i < ROLE_COUNT; i++)
                if (s->children[i].pid) kill(s->children[i].pid, SIGKILL);
            s->deadline += STOP_LIMIT_US;
            if (s->exit_code == 0) s->exit_code = 1;
            continue;
        }
        if (poll(fds, ROLE_COUNT + 1, (int)left) < 0) continue;
        if (due <= now && !keeper_expire(&s->keeper)) broke_rules(s, ROLE_CORE);
        for (int i = 0; i < ROLE_COUNT; i++)
            if (fds[i].revents && s->children[i].socket >= 0) on_message(s, i);
        if (fds[ROLE_COUNT].revents) on_signal(s);
    }
}

static int watch_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

/* 0, or the exit code: this machine cannot run it. */
static int check_up(struct command *c)
{
    struct checkup x;
    struct error e = ERROR_INIT;
    int code = 0;
    if (checkup_run(&x, &c->config, false, &e) != CIMF_OK) return command_failed(c, "", &e);
    for (unsigned i = 0; i < x.count; i++) {
        const struct finding *f = &x.findings[i];
        if (!f->fatal) {
            log_warn("cimd", "%s", f->text);
            continue;
        }
        int own = command_found(c, f);
        if (!code) code = own;
    }
    checkup_free(&x);
    return code;
}

int command_serve(struct command *c)
{
    struct error e = ERROR_INIT;
    int code = check_up(c);
    if (code) return code;
    struct supervisor s = { .command = c, .config = &c->config, .control = -1, .audit = -1, .keytab = -1, .password = -1, .broker = { -1, -1 }, .records = { -1, -1 } };
    s.keeper.audit = s.keeper.core = s.keeper.auth = -1;
    s.keeper.config = s.config;
    dialer_init(&s.dialer, s.config);
    for (int i = 0; i < ROLE_COUNT; i++) s.children[i].socket = -1;
    buf_init(&s.ready, 0);
    s.signals = watch_signals();
    if (start(&s, &e) != CIMF_OK) stop(&s, command_failed(c, "cannot start", &e));
    for (int i = 0; i < ROLE_COUNT && s.stopping; i++)
        if (s.children[i].pid) kill(s.children[i].pid, SIGKILL); /* it has nothing to lose yet */
    run(&s);
    for (int i = 0; i < ROLE_COUNT; i++) forget(&s.children[i].socket);
    if (s.controls) control_forget(s.config); /* not that of a daemon which was there before */
    state_release(&s.state);
    forget(&s.keeper.audit);
    buf_free(&s.ready);
    close(s.signals);
    return s.exit_code;
}
