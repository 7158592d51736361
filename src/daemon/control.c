#include "daemon/control.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "auth/broker.h"
#include "base/log.h"
#include "daemon/message.h"
#include "os/file.h"
#include "os/thread.h"

#define CONTROL_TIMEOUT_S 30 /* a peer that is silent for so long is dropped */

struct control {
    int listener, stop;
    struct cimom *cimom;
    const struct principal *principal; /* made by the first request: asks the user database */
    pthread_t thread;
    uid_t starter;
};

static cimf_status socket_address(const struct config *config, struct sockaddr_un *out, struct error *e)
{
    *out = (struct sockaddr_un){ .sun_family = AF_UNIX };
    int n = snprintf(out->sun_path, sizeof out->sun_path, "%s/cimd.sock", config_text(config, CONFIG_cimd_run_dir));
    if (n < 0 || (size_t)n >= sizeof out->sun_path)
        return error_set(e, CIMF_INVALID_PARAMETER, "cimd", "cimd.run_dir is too long for a socket: at most %zu bytes",
                         sizeof out->sun_path - sizeof "/cimd.sock");
    return CIMF_OK;
}

/* --- compiling ---------------------------------------------------------------------------------- */

struct compile_scope {
    struct bundle_scope files; /* first: bundle_include takes it */
    struct cimom_mof_scope mof;
};

static const struct cim_qualifier_decl *known_qualifier(void *arg, struct slice ns, struct slice name)
{
    return cimom_mof_qualifier(&((struct compile_scope *)arg)->mof, ns, name);
}

cimf_status control_compile(struct cimom *m, struct slice ns, const struct bundle *b, struct mof_counts *counts,
                            struct error *e)
{
    struct arena a;
    struct mof_unit unit;
    const struct principal *p = auth_local_principal(true);
    arena_init(&a, (size_t)2 << 30);
    struct compile_scope scope = { .files.bundle = b, .mof = { m, &a } };
    struct mof_options options = { .ns = ns, .include = bundle_include, .qualifier = known_qualifier, .arg = &scope };
    cimf_status s = p ? mof_parse(&a, &b->files[0], &options, &unit, e)
                      : error_set(e, CIMF_OUT_OF_MEMORY, "cimd", "no memory for the principal");
    if (s == CIMF_OK) s = cimom_compile_mof_sync(m, &unit, p, counts, e);
    arena_free(&a);
    if (p) principal_unref(p);
    return s;
}

/* --- answering ---------------------------------------------------------------------------------- */

static cimf_status answer_mof(struct control *c, struct arena *a, const struct slice *fields, size_t count,
                              struct mof_counts *counts, struct error *e)
{
    struct bundle b = { .count = (count - 2) / 2 };
    if (count < 4 || count % 2) return error_set(e, CIMF_BAD_REQUEST, "cimd", "mof: a namespace and files are expected");
    b.files = ARENA_ARRAY(a, b.count, struct mof_source);
    if (!b.files) return error_set(e, CIMF_OUT_OF_MEMORY, "cimd", "too many files");
    for (size_t i = 0; i < b.count; i++) b.files[i] = (struct mof_source){ fields[2 + 2 * i], fields[3 + 2 * i] };
    return control_compile(c->cimom, fields[1], &b, counts, e);
}

/* By way of the working folder, the only one that can be written: its own path may not be open to this user. */
static cimf_status answer_backup(struct control *c, int *fd, struct error *e)
{
    static const char path[] = "/proc/self/cwd/backup.mdb";
    unlink(path);
    struct cimom_caller who = { .principal = c->principal, .file = SLICE("cimd backup") };
    cimf_status s = cimom_backup(c->cimom, &who, path, e);
    if (s == CIMF_OK) *fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (s == CIMF_OK && *fd < 0) s = error_errno(e, CIMF_IO_ERROR, "cimd", errno, "cannot read the copy of the repository");
    unlink(path);
    return s;
}

static cimf_status answer_restore(struct control *c, const struct slice *fields, size_t count, int given, struct error *e)
{
    if (count != 2 || given < 0) return error_set(e, CIMF_BAD_REQUEST, "cimd", "restore: a path and its file are expected");
    struct cimom_caller who = { .principal = c->principal, .file = fields[1] };
    return cimom_restore(c->cimom, &who, given, e);
}

/* One byte of what follows takes the descriptor along. */
static bool send_with(int socket, struct slice *s, int fd)
{
    union {
        struct cmsghdr align;
        char room[CMSG_SPACE(sizeof(int))];
    } control = { 0 };
    struct iovec part = { (void *)(uintptr_t)s->p, 1 };
    struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.room, .msg_controllen = sizeof control.room };
    struct cmsghdr *m = CMSG_FIRSTHDR(&message);
    m->cmsg_level = SOL_SOCKET;
    m->cmsg_type = SCM_RIGHTS;
    m->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(m), &fd, sizeof fd);
    if (sendmsg(socket, &message, MSG_NOSIGNAL) != 1) return false;
    *s = slice_sub(*s, 1);
    return true;
}

cimf_status control_descriptor(struct cimom *m, const struct principal *p, const struct slice *fields, size_t count,
                               struct buf *text, struct error *e)
{
    bool set = count == 4 && slice_is(fields[1], "set"), reset = count == 3 && slice_is(fields[1], "reset");
    if (!set && !reset && !(count == 3 && slice_is(fields[1], "show")))
        return error_set(e, CIMF_BAD_REQUEST, "cimd", "sd: show, set or reset and a namespace are expected");
    if (set && !fields[3].n) return error_set(e, CIMF_INVALID_SYNTAX, "cimd", "the security descriptor is empty");
    cimf_status s = CIMF_OK;
    if (set || reset) s = cimom_set_descriptor(m, p, fields[2], set ? fields[3] : SLICE_NULL, e);
    return s == CIMF_OK ? cimom_descriptor(m, p, fields[2], text, e) : s;
}

static bool send_all(int fd, struct slice s)
{
    while (s.n) {
        ssize_t n = send(fd, s.p, s.n, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        s = slice_sub(s, (size_t)n);
    }
    return true;
}

static void answer(struct control *c, int fd, struct arena *a, const struct slice *fields, size_t count, int given)
{
    struct error e = ERROR_INIT;
    struct mof_counts counts = { 0 };
    struct buf text;
    buf_init(&text, 0);
    cimf_status s = CIMF_OK;
    int copy = -1;
    if (!c->principal) c->principal = auth_local_principal(true);
    if (!c->principal) s = error_set(&e, CIMF_OUT_OF_MEMORY, "cimd", "no memory for the principal");
    else if (count && slice_is(fields[0], "mof")) s = answer_mof(c, a, fields, count, &counts, &e);
    else if (count && slice_is(fields[0], "backup")) s = answer_backup(c, &copy, &e);
    else if (count && slice_is(fields[0], "restore")) s = answer_restore(c, fields, count, given, &e);
    else if (count && slice_is(fields[0], "sd")) s = control_descriptor(c->cimom, c->principal, fields, count, &text, &e);
    else if (!count || !slice_is(fields[0], "ping")) s = error_set(&e, CIMF_BAD_REQUEST, "cimd", "the request is not known");
    struct slice reply[] = {
        slice_str(cimf_status_name(s)), s == CIMF_OK ? buf_slice(&text) : slice_str(error_text(&e)),
        arena_printf(a, "%u", counts.qualifiers), arena_printf(a, "%u", counts.classes),
        arena_printf(a, "%u", counts.instances), arena_printf(a, "%u", counts.deleted),
        slice_str(e.subject), arena_printf(a, "%u", e.line), arena_printf(a, "%u", e.column),
    };
    struct buf out;
    buf_init(&out, 0);
    struct slice rest = message_write(&out, reply, sizeof reply / sizeof *reply) ? buf_slice(&out) : SLICE("");
    if (rest.n && (copy < 0 || send_with(fd, &rest, copy))) send_all(fd, rest);
    if (copy >= 0) close(copy);
    buf_free(&out);
    buf_free(&text);
}

static bool may_ask(const struct control *c, int fd)
{
    struct ucred peer;
    socklen_t n = sizeof peer;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) == 0 && (peer.uid == 0 || peer.uid == c->starter);
}

/* A descriptor among the bytes goes to *got when one is expected and none came before. */
static ssize_t receive_some(int fd, char *to, size_t room, int *got)
{
    union {
        struct cmsghdr align;
        char room[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec part = { to, room };
    struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
    if (got) {
        message.msg_control = control.room;
        message.msg_controllen = sizeof control.room;
    }
    ssize_t n = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
    struct cmsghdr *m = got && n > 0 ? CMSG_FIRSTHDR(&message) : NULL;
    if (m && m->cmsg_level == SOL_SOCKET && m->cmsg_type == SCM_RIGHTS && m->cmsg_len == CMSG_LEN(sizeof(int))) {
        if (*got >= 0) close(*got);
        memcpy(got, CMSG_DATA(m), sizeof *got);
    }
    return n;
}

/* Reads until a whole message is there. */
static int receive(int fd, struct buf *in, struct arena *a, struct slice **fields, size_t *count, int *with)
{
    for (;;) {
        size_t used;
        int got = message_read(a, buf_slice(in), 2 * BUNDLE_FILES + 2, fields, count, &used);
        if (got) return got;
        char *to = buf_reserve(in, 65536);
        if (!to) return -1;
        ssize_t n = receive_some(fd, to, 65536, with);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return -1;
        buf_added(in, (size_t)n);
    }
}

static void limit_wait(int fd, int seconds)
{
    struct timeval t = { .tv_sec = seconds };
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof t);
}

static void serve_one(struct control *c, int fd)
{
    struct buf in;
    struct arena a;
    struct slice *fields;
    size_t count;
    int given = -1;
    limit_wait(fd, CONTROL_TIMEOUT_S);
    buf_init(&in, MESSAGE_MAX + 65536);
    arena_init(&a, 0);
    if (!may_ask(c, fd)) log_warn("control", "a peer of another user was refused");
    else if (receive(fd, &in, &a, &fields, &count, &given) == 1) answer(c, fd, &a, fields, count, given);
    if (given >= 0) close(given);
    arena_free(&a);
    buf_free(&in);
}

static void *control_thread(void *arg)
{
    struct control *c = arg;
    for (;;) {
        struct pollfd fds[] = { { .fd = c->listener, .events = POLLIN }, { .fd = c->stop, .events = POLLIN } };
        if (poll(fds, 2, -1) < 0 && errno != EINTR) break;
        if (fds[1].revents) break;
        if (!fds[0].revents) continue;
        int fd = accept4(c->listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0) continue;
        serve_one(c, fd);
        close(fd);
    }
    return NULL;
}

cimf_status control_listen(const struct config *config, int *out, struct error *e)
{
    struct sockaddr_un address;
    cimf_status s = file_make_folders(config_text(config, CONFIG_cimd_run_dir), 0700, e);
    if (s == CIMF_OK) s = socket_address(config, &address, e);
    if (s != CIMF_OK) return s;
    unlink(address.sun_path); /* of a daemon that was killed: the lock in state_dir says that none runs */
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    mode_t mask = umask(0177);
    bool ok = fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0 && listen(fd, 16) == 0;
    int error = errno;
    umask(mask);
    if (ok) {
        *out = fd;
        return CIMF_OK;
    }
    if (fd >= 0) close(fd);
    return error_errno(e, CIMF_FAILED, "cimd", error, "cannot listen on %s", address.sun_path);
}

cimf_status control_check(const struct config *config, struct error *e)
{
    struct sockaddr_un address;
    return socket_address(config, &address, e);
}

void control_forget(const struct config *config)
{
    struct sockaddr_un address;
    if (socket_address(config, &address, NULL) == CIMF_OK) unlink(address.sun_path);
}

cimf_status control_start(int fd, uid_t starter, struct cimom *cimom, struct control **out, struct error *e)
{
    struct control *c = calloc(1, sizeof *c);
    if (!c) return error_set(e, CIMF_OUT_OF_MEMORY, "cimd", "no memory for the control socket");
    c->cimom = cimom;
    c->listener = fd;
    c->starter = starter;
    c->stop = eventfd(0, EFD_CLOEXEC);
    cimf_status s = c->stop >= 0 ? CIMF_OK : error_set(e, CIMF_FAILED, "cimd", "cannot use the control socket");
    if (s == CIMF_OK && thread_start(&c->thread, "cimd-control", control_thread, c) != 0)
        s = error_set(e, CIMF_FAILED, "cimd", "cannot start the control thread");
    if (s == CIMF_OK) {
        *out = c;
        return CIMF_OK;
    }
    close(fd);
    if (c->stop >= 0) close(c->stop);
    free(c);
    return s;
}

void control_stop(struct control *c)
{
    if (!c) return;
    uint64_t one = 1;
    if (write(c->stop, &one, sizeof one) == sizeof one) pthread_join(c->thread, NULL);
    close(c->listener);
    close(c->stop);
    if (c->principal) principal_unref(c->principal);
    free(c);
}

/* --- asking ------------------------------------------------------------------------------------- */

/* What cimd-core says goes to root's terminal: no control characters. */
static struct slice printable(struct arena *a, struct slice s)
{
    struct slice own = arena_dup(a, s);
    char *p = (char *)(uintptr_t)own.p;
    for (size_t i = 0; p && i < own.n; i++) {
        unsigned char c = (unsigned char)p[i], next = i + 1 < own.n ? (unsigned char)p[i + 1] : 0;
        if ((c < 0x20 && c != '\n' && c != '\t') || c == 0x7f) p[i] = '?';
        else if (c == 0xc2 && next >= 0x80 && next < 0xa0) p[i] = p[i + 1] = '?'; /* C1 */
    }
    return own;
}

cimf_status control_ask(const struct config *config, const struct slice *fields, size_t count, struct arena *a,
                        struct slice **reply, size_t *reply_count, bool *running, int give, int *with, struct error *e)
{
    struct sockaddr_un address;
    *running = false;
    if (with) *with = -1;
    cimf_status s = socket_address(config, &address, e);
    if (s != CIMF_OK) return s;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return error_errno(e, CIMF_FAILED, "cimd", errno, "cannot make a socket");
    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        int error = errno;
        close(fd);
        if (error == ENOENT || error == ECONNREFUSED) return CIMF_OK; /* nobody listens */
        return error_errno(e, error == EACCES ? CIMF_ACCESS_DENIED : CIMF_CONNECT_FAILED, "cimd", error,
                           "cannot ask the daemon at %s", address.sun_path);
    }
    *running = true;
    struct buf out, in;
    buf_init(&out, MESSAGE_MAX + 65536);
    buf_init(&in, MESSAGE_MAX);
    struct slice rest = message_write(&out, fields, count) ? buf_slice(&out) : SLICE("");
    bool sent = rest.n && (give < 0 || send_with(fd, &rest, give)) && send_all(fd, rest);
    int got = sent ? receive(fd, &in, a, reply, reply_count, with) : -1;
    for (size_t i = 0; got == 1 && i < *reply_count; i++) (*reply)[i] = printable(a, (*reply)[i]);
    buf_free(&out);
    buf_free(&in);
    close(fd);
    if (got != 1 || *reply_count < 2) return error_set(e, CIMF_CONNECTION_LOST, "cimd", "the daemon at %s did not answer", address.sun_path);
    return CIMF_OK;
}

static uint32_t number(struct slice s)
{
    uint32_t n = 0;
    for (size_t i = 0; i < s.n; i++) n = n * 10 + (uint32_t)(s.p[i] - '0');
    return n;
}

cimf_status control_reply(struct slice *reply, size_t count, struct error *e)
{
    cimf_status s = CIMF_FAILED;
    if (slice_is(reply[0], "OK")) return CIMF_OK;
    for (int i = 1; i < CIMF_STATUS_COUNT; i++)
        if (slice_is(reply[0], cimf_status_name((cimf_status)-i))) s = (cimf_status)-i;
    error_set(e, s, "cimd", SLICE_FMT, SLICE_ARG(reply[1]));
    if (count >= 9) {
        error_subject(e, reply[6]);
        error_place(e, number(reply[7]), number(reply[8]));
    }
    return s;
}
