/* A connection's socket and TLS: bytes between libuv and the connection machine. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "net/http_server_priv.h"

enum { LINGER_US = 2000000, LINGER_BYTES = 8 << 20 };

struct http_peer {
    uv_tcp_t tcp;
    struct http_conn conn;
    struct http_worker *worker;
    struct http_peer *next, *prev;
    struct tls *tls;
    struct loop_timer timer;
    int64_t timer_due;     /* when the timer fires; it may be earlier than needed */
    int64_t write_due;     /* 0: nothing queued */
    int64_t close_due;     /* while closing gently */
    size_t queued, queue_seen, lingered;
    bool dead;             /* the transport failed; told to the machine at the next turn */
    bool closing, linger, shut, closed, above_limit;
    char peer[HTTP_PEER_TEXT], local[HTTP_LOCAL_TEXT];
};

struct peer_write {
    uv_write_t request;
    struct http_peer *peer;
    size_t n;
    char data[];
};

static struct http_peer *peer_of(struct http_conn *c)
{
    return (struct http_peer *)((char *)c - offsetof(struct http_peer, conn));
}

/* ---- time: one lazy timer; it fires too early rather than being restarted for each request ---- */

static void arm(struct http_peer *p, int64_t due)
{
    if (p->closed || due == 0) return;
    if (loop_timer_active(&p->timer) && p->timer_due <= due) return;
    p->timer_due = due;
    loop_timer_start(p->worker->loop, &p->timer, due - clock_mono_us());
}

static void on_deadline(struct http_conn *c) { arm(peer_of(c), c->deadline_us); }

static void die(struct http_peer *p)
{
    if (p->dead) return;
    p->dead = true;
    p->timer_due = 1;
    loop_timer_start(p->worker->loop, &p->timer, 0);
}

/* ---- the end ---- */

static void peer_free(struct http_peer *p)
{
    struct http_worker *w = p->worker;
    http_conn_free(&p->conn);
    if (p->prev) p->prev->next = p->next;
    else w->peers = p->next;
    if (p->next) p->next->prev = p->prev;
    HTTP_UNCOUNT(&w->site, connections);
    http_server_gone(w->server, w, p->peer);
    free(p);
}

static void on_closed(uv_handle_t *h)
{
    struct http_peer *p = h->data;
    p->closed = true;
    tls_free(p->tls);
    p->tls = NULL;
    if (!http_conn_busy(&p->conn)) peer_free(p);
}

static void destroy(struct http_peer *p)
{
    loop_timer_stop(&p->timer);
    if (!uv_is_closing((uv_handle_t *)&p->tcp)) uv_close((uv_handle_t *)&p->tcp, on_closed);
}

static void on_released(struct http_conn *c)
{
    struct http_peer *p = peer_of(c);
    if (p->closed) peer_free(p);
}

static void on_shut(uv_shutdown_t *request, int status)
{
    struct http_peer *p = request->handle->data;
    free(request);
    if (status == UV_ECANCELED) return;
    p->shut = true;
    if (status < 0 || !p->linger || p->conn.eof) destroy(p);
}

/* ---- output ---- */

static void on_written(uv_write_t *request, int status)
{
    struct peer_write *w = (struct peer_write *)request;
    struct http_peer *p = w->peer;
    p->queued -= w->n;
    free(w);
    if (status == UV_ECANCELED) return;
    if (status < 0) {
        die(p);
        return;
    }
    p->write_due = p->queued ? clock_mono_us() + p->worker->site.limits.write_timeout_us : 0;
    if (p->above_limit && p->queued < p->worker->site.limits.write_limit) {
        p->above_limit = false;
        http_conn_drained(&p->conn);
    }
}

static void queue_rest(struct http_peer *p, const uv_buf_t *bufs, unsigned count, size_t skip)
{
    size_t n = 0;
    for (unsigned i = 0; i < count; i++) n += bufs[i].len;
    n -= skip;
    struct peer_write *w = malloc(sizeof *w + n);
    if (!w) {
        die(p);
        return;
    }
    w->peer = p;
    w->n = 0;
    for (unsigned i = 0; i < count; i++) {
        size_t off = skip < bufs[i].len ? skip : bufs[i].len;
        skip -= off;
        memcpy(w->data + w->n, bufs[i].base + off, bufs[i].len - off);
        w->n += bufs[i].len - off;
    }
    uv_buf_t one = uv_buf_init(w->data, (unsigned)n);
    if (uv_write(&w->request, (uv_stream_t *)&p->tcp, &one, 1, on_written) != 0) {
        free(w);
        die(p);
        return;
    }
    if (p->queued == 0) {
        p->write_due = clock_mono_us() + p->worker->site.limits.write_timeout_us;
        arm(p, p->write_due);
    }
    p->queued += n;
    p->queue_seen = uv_stream_get_write_queue_size((uv_stream_t *)&p->tcp);
    if (p->queued >= p->worker->site.limits.write_limit) p->above_limit = true;
}

static void raw_send(struct http_peer *p, const struct slice *slices, unsigned count)
{
    uv_buf_t bufs[64];
    size_t total = 0;
    if (p->dead || p->closing) return;
    for (unsigned i = 0; i < count; i++) {
        bufs[i] = uv_buf_init((char *)(uintptr_t)slices[i].p, (unsigned)slices[i].n);
        total += slices[i].n;
    }
    if (total == 0) return;
    int sent = p->queued ? 0 : uv_try_write((uv_stream_t *)&p->tcp, bufs, count);
    if (sent == UV_EAGAIN) sent = 0;
    if (sent < 0) die(p);
    else if ((size_t)sent < total) queue_rest(p, bufs, count, (size_t)sent);
}

static void scratch_trim(struct buf *b)
{
    if (b->room > 4 * HTTP_READ_SIZE) buf_free(b); /* a rare big message */
    else buf_clear(b);
}

static void send_wire(struct http_peer *p)
{
    struct buf *wire = &p->worker->wire;
    struct slice s = buf_slice(wire);
    if (s.n) raw_send(p, &s, 1);
    scratch_trim(wire);
}

static void on_send(struct http_conn *c, const struct slice *slices, unsigned count)
{
    struct http_peer *p = peer_of(c);
    if (!p->tls) {
        raw_send(p, slices, count);
        return;
    }
    if (p->dead || p->closing) return;
    if (tls_output(p->tls, slices, count, &p->worker->wire, NULL) != CIMF_OK) die(p);
    send_wire(p);
}

static size_t on_queued(struct http_conn *c) { return peer_of(c)->queued; }

static void on_close(struct http_conn *c, bool linger)
{
    struct http_peer *p = peer_of(c);
    if (p->closing) return;
    if (p->tls && !p->dead) {
        tls_shutdown(p->tls, &p->worker->wire);
        send_wire(p);
    }
    p->closing = true;
    p->linger = linger;
    uv_shutdown_t *request = NULL;
    if (!p->dead && (linger || p->queued)) request = malloc(sizeof *request);
    if (!request || uv_shutdown(request, (uv_stream_t *)&p->tcp, on_shut) != 0) {
        free(request);
        destroy(p);
        return;
    }
    p->close_due = clock_mono_us() + (p->queued ? p->worker->site.limits.write_timeout_us
                                                : LINGER_US);
    arm(p, p->close_due);
}

/* ---- input ---- */

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *out)
{
    struct http_peer *p = h->data;
    struct http_worker *w = p->worker;
    if (!w->read_buffer) w->read_buffer = malloc(HTTP_READ_SIZE);
    *out = uv_buf_init(w->read_buffer, w->read_buffer ? HTTP_READ_SIZE : 0);
}

static void tls_bytes(struct http_peer *p, struct slice in)
{
    struct http_worker *w = p->worker;
    struct error e = ERROR_INIT;
    cimf_status status = tls_input(p->tls, in, &w->plain, &w->wire, &e);
    send_wire(p);
    /* The machine's replies use the same wire buffer, so it is empty by now. */
    if (w->plain.n) http_conn_input(&p->conn, buf_slice(&w->plain));
    scratch_trim(&w->plain);
    if (status != CIMF_OK) {
        HTTP_COUNT(&w->site, tls_failures);
        log_debug("net", "tls peer=%s error=%s", p->peer, error_text(&e));
        http_conn_broken(&p->conn);
    } else if (tls_peer_closed(p->tls)) {
        http_conn_eof(&p->conn);
    }
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *b)
{
    struct http_peer *p = stream->data;
    if (n == 0) return;
    if (p->closing) {
        p->lingered += n > 0 ? (size_t)n : 0;
        if (n < 0) p->conn.eof = true;
        if ((n < 0 && p->shut) || p->lingered > LINGER_BYTES) destroy(p);
        return;
    }
    if (n == UV_EOF) http_conn_eof(&p->conn);
    else if (n < 0) {
        p->dead = true;
        http_conn_broken(&p->conn);
    } else if (p->tls) tls_bytes(p, slice_of(b->base, (size_t)n));
    else http_conn_input(&p->conn, slice_of(b->base, (size_t)n));
}

static void on_reading(struct http_conn *c, bool on)
{
    struct http_peer *p = peer_of(c);
    if (p->closing) return;
    if (on) uv_read_start((uv_stream_t *)&p->tcp, on_alloc, on_read);
    else uv_read_stop((uv_stream_t *)&p->tcp);
}

const struct http_conn_ops http_peer_ops = {
    .send = on_send, .close = on_close, .reading = on_reading, .queued = on_queued,
    .released = on_released, .deadline = on_deadline,
};

/* ---- timer ---- */

/* Did the peer take anything since the last look? Then it gets more time. */
static bool writes_stuck(struct http_peer *p, int64_t now)
{
    if (!p->write_due || now < p->write_due) return false;
    size_t left = uv_stream_get_write_queue_size((uv_stream_t *)&p->tcp);
    bool stuck = left >= p->queue_seen;
    p->queue_seen = left;
    p->write_due = now + p->worker->site.limits.write_timeout_us;
    return stuck;
}

static void on_timer(struct loop_timer *t, void *arg)
{
    struct http_peer *p = arg;
    int64_t now = clock_mono_us();
    p->timer_due = 0;
    if (p->dead || writes_stuck(p, now)) {
        p->dead = true;
        if (p->closing) destroy(p);
        else http_conn_broken(&p->conn);
        return;
    }
    if (p->closing) {
        if (now >= p->close_due) destroy(p);
        else arm(p, p->close_due);
        return;
    }
    if (p->conn.deadline_us && now >= p->conn.deadline_us) http_conn_timeout(&p->conn);
    if (p->closing) return;
    arm(p, p->conn.deadline_us);
    arm(p, p->write_due);
}

/* ---- the beginning ---- */

void http_address_text(int fd, bool peer, char *out, size_t size, bool with_port)
{
    struct sockaddr_storage a;
    socklen_t n = sizeof a;
    char text[HTTP_PEER_TEXT] = "?";
    unsigned port = 0;
    bool v6 = false;
    memset(&a, 0, sizeof a);
    int r = peer ? getpeername(fd, (struct sockaddr *)&a, &n)
                 : getsockname(fd, (struct sockaddr *)&a, &n);
    if (r == 0 && a.ss_family == AF_INET) {
        const struct sockaddr_in *s = (const struct sockaddr_in *)&a;
        inet_ntop(AF_INET, &s->sin_addr, text, sizeof text);
        port = ntohs(s->sin_port);
    } else if (r == 0 && a.ss_family == AF_INET6) {
        const struct sockaddr_in6 *s = (const struct sockaddr_in6 *)&a;
        v6 = !IN6_IS_ADDR_V4MAPPED(&s->sin6_addr);
        if (v6) inet_ntop(AF_INET6, &s->sin6_addr, text, sizeof text);
        else inet_ntop(AF_INET, s->sin6_addr.s6_addr + 12, text, sizeof text);
        port = ntohs(s->sin6_port);
    }
    if (!with_port) snprintf(out, size, "%s", text);
    else snprintf(out, size, v6 ? "[%s]:%u" : "%s:%u", text, port);
}

void http_peer_adopt(struct http_worker *w, int fd, struct tls_config *tls)
{
    char text[HTTP_PEER_TEXT];
    http_address_text(fd, true, text, sizeof text, false);
    struct http_peer *p = calloc(1, sizeof *p);
    struct tls *t = p && tls ? tls_new(tls, NULL) : NULL;
    if (!p || (tls && !t) || uv_tcp_init(loop_uv(w->loop), &p->tcp) != 0) {
        close(fd);
        tls_free(t);
        free(p);
        http_server_gone(w->server, w, text);
        return;
    }
    p->worker = w;
    p->tls = t;
    p->tcp.data = p;
    memcpy(p->peer, text, sizeof text);
    http_address_text(fd, false, p->local, sizeof p->local, true);
    loop_timer_init(&p->timer, on_timer, p);
    p->next = w->peers;
    if (p->next) p->next->prev = p;
    w->peers = p;
    HTTP_COUNT(&w->site, connections);
    HTTP_COUNT(&w->site, accepted);
    http_conn_init(&p->conn, &w->site, p->peer, p->local, tls != NULL);
    p->conn.channel = t;
    bool open = uv_tcp_open(&p->tcp, fd) == 0;
    if (!open) close(fd);
    if (!open || uv_tcp_nodelay(&p->tcp, 1) != 0 || w->site.stopping ||
        uv_read_start((uv_stream_t *)&p->tcp, on_alloc, on_read) != 0) {
        p->dead = true;
        http_conn_broken(&p->conn);
    }
}

void http_peers_stop(struct http_worker *w, bool hard)
{
    w->site.stopping = true;
    for (struct http_peer *p = w->peers, *next; p; p = next) {
        next = p->next; /* closing takes a turn of the loop: p stays in the list until then */
        if (!hard) {
            http_conn_stop(&p->conn);
            continue;
        }
        p->dead = true;
        http_conn_broken(&p->conn);
        destroy(p);
    }
}
