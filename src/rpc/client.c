/* A client's socket: connecting, bytes between the stream and the association, and how long anything may take. */
#include "rpc/client.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/stream.h"
#include "rpc/client_conn.h"

enum { WRITE_LIMIT = 256 << 10, WRITE_TIMEOUT_US = 30 * 1000000, CONNECT_TIMEOUT_US = 10 * 1000000, TIMEOUT_US = 30 * 1000000 };

struct rpc_client {
    struct stream stream;      /* first; zeros until connected */
    struct rpc_client_conn conn;
    struct stream_home home;
    uv_poll_t poll;            /* until connected */
    int fd;                    /* until connected; then -1 */
    unsigned handles;          /* of libuv that are not closed yet */
    bool open;                 /* the stream is */
    bool told, freed;
    struct loop_timer timer;
    int64_t timer_due, login_due, connect_timeout_us;
    void (*lost)(void *arg, struct rpc_client *c, const struct error *why);
    void *arg;
};

static struct rpc_client *client_of(struct rpc_client_conn *c)
{
    return (struct rpc_client *)((char *)c - offsetof(struct rpc_client, conn));
}

static struct rpc_client *client_of_stream(struct stream *s) { return (struct rpc_client *)s; }

/* ---- the end ---- */

static void release(struct rpc_client *c)
{
    if (!c->freed || c->handles) return;
    free(c->home.read_buffer);
    free(c);
}

static void on_poll_closed(uv_handle_t *h)
{
    struct rpc_client *c = h->data;
    c->handles--;
    if (c->fd >= 0) close(c->fd);
    c->fd = -1;
    release(c);
}

static void on_closed(struct stream *s)
{
    struct rpc_client *c = client_of_stream(s);
    c->open = false;
    c->handles--;
    release(c);
}

/* What was sent still goes out. */
static void hang_up(struct rpc_client *c)
{
    if (c->open) stream_close(&c->stream, false);
    else if (c->fd >= 0 && !uv_is_closing((uv_handle_t *)&c->poll)) uv_close((uv_handle_t *)&c->poll, on_poll_closed);
}

void rpc_client_free(struct rpc_client *c)
{
    if (!c || c->freed) return;
    c->freed = true;
    rpc_client_conn_free(&c->conn);
    loop_timer_stop(&c->timer);
    hang_up(c);
    release(c);
}

/* ---- time ---- */

static void wake(struct rpc_client *c, int64_t due)
{
    if (c->freed || due == 0 || (loop_timer_active(&c->timer) && c->timer_due <= due)) return;
    c->timer_due = due;
    loop_timer_start(c->home.loop, &c->timer, due - clock_mono_us());
}

/* The login's time: from the start to its end, without what passes while there is nothing to bind to. */
static void watch_login(struct rpc_client *c)
{
    bool idle = c->conn.state >= RPC_CLIENT_READY || (c->conn.state == RPC_CLIENT_NEW && c->conn.connected);
    if (idle) c->login_due = 0;
    else if (!c->login_due) c->login_due = clock_mono_us() + c->connect_timeout_us;
    wake(c, c->login_due);
}

static void report(struct rpc_client *c)
{
    rpc_client_conn_deliver(&c->conn);
    if (c->freed || c->conn.state != RPC_CLIENT_ENDED || c->told) return;
    c->told = true;
    hang_up(c);
    c->lost(c->arg, c, &c->conn.why);
}

static void fail(struct rpc_client *c, cimf_status status, int number, const char *text)
{
    struct error e = ERROR_INIT;
    if (number) error_errno(&e, status, "rpc", number, "%s", text);
    else error_set(&e, status, "rpc", "%s", text);
    rpc_client_conn_fail(&c->conn, &e);
}

static void look(struct rpc_client *c)
{
    int64_t now = clock_mono_us();
    watch_login(c);
    if (c->login_due && now >= c->login_due)
        fail(c, c->conn.connected ? CIMF_TIMED_OUT : CIMF_CONNECT_FAILED, 0,
             c->conn.connected ? "the server did not answer the login in time" : "nobody accepted the connection in time");
    rpc_client_conn_expire(&c->conn, now);
    if (c->conn.asked) report(c);
    if (c->freed) return;
    wake(c, c->conn.asked ? now : rpc_client_conn_due(&c->conn));
    if (c->conn.state != RPC_CLIENT_ENDED) watch_login(c);
}

/* Who is told may free it. */
static void on_timer(struct loop_timer *t, void *arg)
{
    struct rpc_client *c = arg;
    c->handles++;
    look(c);
    c->handles--;
    release(c);
}

static void on_later(struct rpc_client_conn *conn) { wake(client_of(conn), 1); }

/* ---- bytes ---- */

static void on_send(struct rpc_client_conn *conn, struct slice bytes)
{
    struct rpc_client *c = client_of(conn);
    stream_send(&c->stream, &bytes, 1);
    if (stream_full(&c->stream)) conn->paused = true;
}

static void on_drained(struct stream *s)
{
    struct rpc_client *c = client_of_stream(s);
    rpc_client_conn_pause(&c->conn, false);
}

static void on_input(struct stream *s, struct slice bytes)
{
    struct rpc_client *c = client_of_stream(s);
    rpc_client_conn_input(&c->conn, bytes);
    if (!c->conn.pending.first) { /* nothing is expected: an idle client holds no buffer */
        free(c->home.read_buffer);
        c->home.read_buffer = NULL;
    }
    if (!c->freed) watch_login(c);
}

static void on_eof(struct stream *s) { fail(client_of_stream(s), CIMF_CONNECTION_LOST, 0, "the server closed the connection"); }

static void on_broken(struct stream *s)
{
    fail(client_of_stream(s), CIMF_CONNECTION_LOST, 0, "the connection broke");
    stream_destroy(s);
}

static void on_due(struct stream *s) {}

static const struct rpc_client_ops conn_ops = { on_send, on_later };
static const struct stream_ops stream_ops = { on_input, on_eof, on_broken, on_drained, on_due, on_closed };

/* ---- the beginning ---- */

static void on_connected(uv_poll_t *poll, int status, int events)
{
    struct rpc_client *c = poll->data;
    int number = 0, fd = c->fd;
    socklen_t n = sizeof number;
    /* The loop says EBADF of everything that is wrong with a socket; the socket knows. */
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &number, &n) != 0) number = errno;
    if (!number && status < 0) number = -status;
    if (number) {
        fail(c, CIMF_CONNECT_FAILED, number, "the connection could not be made");
        uv_poll_stop(poll);
        return;
    }
    c->fd = -1; /* the stream's */
    uv_close((uv_handle_t *)poll, on_poll_closed);
    c->open = stream_open(&c->stream, &c->home, &stream_ops, fd);
    if (!c->open) {
        fail(c, CIMF_CONNECT_FAILED, 0, "the loop takes no further connection");
        return;
    }
    c->handles++;
    rpc_client_conn_connected(&c->conn);
    watch_login(c);
}

static bool start(struct rpc_client *c, const struct rpc_client_config *config)
{
    for (unsigned i = 0; i < config->interface_count; i++)
        if (!rpc_client_conn_want(&c->conn, &config->interfaces[i])) return false;
    if (uv_poll_init(loop_uv(config->loop), &c->poll, config->fd) != 0) return false;
    c->fd = config->fd;
    c->poll.data = c;
    c->handles++;
    if (uv_poll_start(&c->poll, UV_WRITABLE, on_connected) != 0) return false;
    watch_login(c);
    return true;
}

cimf_status rpc_client_new(const struct rpc_client_config *config, struct rpc_client **out, struct error *e)
{
    struct rpc_client *c = calloc(1, sizeof *c);
    bool secure = config->level > RPC_LEVEL_NONE;
    *out = NULL;
    if (!c || (secure && !config->initiator)) {
        if (config->initiator) config->initiator->free(config->initiator);
        close(config->fd);
        free(c);
        return error_set(e, c ? CIMF_NOT_AUTHENTICATED : CIMF_OUT_OF_MEMORY, "rpc", secure ? "there are no credentials" : "no memory for a connection");
    }
    c->home = (struct stream_home){ .loop = config->loop, .write_limit = WRITE_LIMIT, .write_timeout_us = WRITE_TIMEOUT_US };
    c->fd = -1;
    c->lost = config->lost;
    c->arg = config->arg;
    c->connect_timeout_us = config->connect_timeout_us ? config->connect_timeout_us : CONNECT_TIMEOUT_US;
    loop_timer_init(&c->timer, on_timer, c);
    rpc_client_conn_init(&c->conn, &conn_ops, config->level, config->type, config->initiator, config->max_response);
    if (!start(c, config)) {
        if (c->fd < 0) close(config->fd);
        rpc_client_free(c);
        return error_set(e, CIMF_OUT_OF_MEMORY, "rpc", "no resources for a connection");
    }
    *out = c;
    return CIMF_OK;
}

/* ---- requests ---- */

void rpc_client_request(struct rpc_client *c, struct rpc_request *r)
{
    r->deadline = clock_mono_us() + (r->timeout_us ? r->timeout_us : TIMEOUT_US);
    rpc_client_conn_request(&c->conn, r);
    wake(c, r->deadline);
    watch_login(c);
}

void rpc_client_forget(struct rpc_client *c, struct rpc_request *r) { rpc_client_conn_forget(&c->conn, r); }

enum rpc_level rpc_client_level(const struct rpc_client *c)
{
    return c->conn.state == RPC_CLIENT_READY ? c->conn.guard.level : RPC_LEVEL_NONE;
}

const struct error *rpc_client_why(const struct rpc_client *c) { return c->conn.state == RPC_CLIENT_ENDED ? &c->conn.why : NULL; }
