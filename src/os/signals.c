#include "os/signals.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include <uv.h>

#include "os/loop.h"

struct signals {
    uv_poll_t poll;
    struct loop *loop;
    int fd, failed;
    void (*fn)(int signo, void *arg);
    void *arg;
};

static sigset_t watched(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    return set;
}

void signals_block(void)
{
    sigset_t set = watched();
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct signals *s = poll->data;
    struct signalfd_siginfo info;
    /* One a turn: fn may stop s, and what remains makes the descriptor readable again. */
    if (read(s->fd, &info, sizeof info) == (ssize_t)sizeof info) s->fn((int)info.ssi_signo, s->arg);
}

static void on_closed(uv_handle_t *handle)
{
    struct signals *s = handle->data;
    close(s->fd);
    free(s);
}

static void open_here(void *arg)
{
    struct signals *s = arg;
    s->failed = uv_poll_init(loop_uv(s->loop), &s->poll, s->fd);
    if (s->failed) return;
    s->poll.data = s;
    uv_poll_start(&s->poll, UV_READABLE, on_readable);
}

static void close_here(void *arg)
{
    struct signals *s = arg;
    uv_close((uv_handle_t *)&s->poll, on_closed);
}

struct signals *signals_start(struct loop *l, void (*fn)(int signo, void *arg), void *arg,
                              struct error *e)
{
    sigset_t set = watched();
    struct signals *s = calloc(1, sizeof *s);
    int fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (!s || fd < 0) {
        error_errno(e, CIMF_FAILED, "os", s ? errno : ENOMEM, "cannot watch signals");
        goto failed;
    }
    *s = (struct signals){ .loop = l, .fd = fd, .fn = fn, .arg = arg };
    if (!loop_call(l, open_here, s)) {
        error_set(e, CIMF_SHUTTING_DOWN, "os", "cannot watch signals on a loop that ended");
        goto failed;
    }
    if (s->failed) {
        error_errno(e, CIMF_FAILED, "os", -s->failed, "cannot watch signals");
        goto failed;
    }
    return s;
failed:
    if (fd >= 0) close(fd);
    free(s);
    return NULL;
}

void signals_stop(struct signals *s)
{
    if (s) loop_call(s->loop, close_here, s);
}
