/* A connection's stream and TLS: bytes between the socket and the connection machine. */
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "net/http_server_priv.h"

struct http_peer {
    struct stream stream;      /* first */
    struct http_conn conn;
    struct http_worker *worker;
    struct http_peer *next, *prev;
    struct tls *tls;
    bool closed;
    char peer[NET_PEER_TEXT], local[NET_LOCAL_TEXT];
};

static struct http_peer *peer_of(struct http_conn *c)
{
    return (struct http_peer *)((char *)c - offsetof(struct http_peer, conn));
}

static struct http_peer *peer_of_stream(struct stream *s) { return (struct http_peer *)s; }

/* ---- the end ---- */

static void peer_free(struct http_peer *p)
{
    struct http_worker *w = p->worker;
    http_conn_free(&p->conn);
    if (p->prev) p->prev->next = p->next;
    else w->peers = p->next;
    if (p->next) p->next->prev = p->prev;
    HTTP_UNCOUNT(&w->site, connections);
    acceptor_gone(w->server->acceptor, w->index, p->peer);
    free(p);
}

static void on_closed(struct stream *s)
{
    struct http_peer *p = peer_of_stream(s);
    p->closed = true;
    tls_free(p->tls);
    p->tls = NULL;
    if (!http_conn_busy(&p->conn)) peer_free(p);
}

static void on_released(struct http_conn *c)
{
    struct http_peer *p = peer_of(c);
    if (p->closed) peer_free(p);
}

/* ---- output ---- */

static void scratch_trim(struct buf *b)
{
    if (b->room > 4 * STREAM_READ_SIZE) buf_free(b); /* a rare big message */
    else buf_clear(b);
}

static void send_wire(struct http_peer *p)
{
    struct buf *wire = &p->worker->wire;
    struct slice s = buf_slice(wire);
    if (s.n) stream_send(&p->stream, &s, 1);
    scratch_trim(wire);
}

static void on_send(struct http_conn *c, const struct slice *slices, unsigned count)
{
    struct http_peer *p = peer_of(c);
    if (!p->tls) {
        stream_send(&p->stream, slices, count);
        return;
    }
    if (p->stream.dead || p->stream.closing) return;
    if (tls_output(p->tls, slices, count, &p->worker->wire, NULL) != CIMF_OK) stream_die(&p->stream);
    send_wire(p);
}

static size_t on_queued(struct http_conn *c) { return peer_of(c)->stream.queued; }

static void on_drained(struct stream *s) { http_conn_drained(&peer_of_stream(s)->conn); }

static void on_close(struct http_conn *c, bool linger)
{
    struct http_peer *p = peer_of(c);
    if (p->tls && !p->stream.dead && !p->stream.closing) {
        tls_shutdown(p->tls, &p->worker->wire);
        send_wire(p);
    }
    stream_close(&p->stream, linger);
}

/* ---- input ---- */

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
        p->stream.eof = true;
        http_conn_eof(&p->conn);
    }
}

static void on_input(struct stream *s, struct slice bytes)
{
    struct http_peer *p = peer_of_stream(s);
    if (p->tls) tls_bytes(p, bytes);
    else http_conn_input(&p->conn, bytes);
}

static void on_eof(struct stream *s) { http_conn_eof(&peer_of_stream(s)->conn); }

static void on_broken(struct stream *s) { http_conn_broken(&peer_of_stream(s)->conn); }

static void on_reading(struct http_conn *c, bool on) { stream_reading(&peer_of(c)->stream, on); }

/* ---- time ---- */

static void on_deadline(struct http_conn *c) { stream_deadline(&peer_of(c)->stream, c->deadline_us); }

/* The machine forgets deadlines without saying so. */
static void on_due(struct stream *s)
{
    struct http_peer *p = peer_of_stream(s);
    if (p->conn.deadline_us == s->deadline_us) http_conn_timeout(&p->conn);
    if (!s->closing) s->deadline_us = p->conn.deadline_us;
}

const struct http_conn_ops http_peer_ops = {
    .send = on_send, .close = on_close, .reading = on_reading, .queued = on_queued,
    .released = on_released, .deadline = on_deadline,
};

static const struct stream_ops stream_ops = { on_input, on_eof, on_broken, on_drained, on_due, on_closed };

/* ---- the beginning ---- */

void http_peer_adopt(struct http_worker *w, int fd, struct tls_config *tls)
{
    char text[NET_PEER_TEXT], local[NET_LOCAL_TEXT];
    net_address_text(fd, true, text, sizeof text, false);
    net_address_text(fd, false, local, sizeof local, true);
    struct http_peer *p = calloc(1, sizeof *p);
    struct tls *t = p && tls ? tls_new(tls, NULL) : NULL;
    bool ok = p && (!tls || t);
    if (!ok) close(fd);
    if (!ok || !stream_open(&p->stream, &w->streams, &stream_ops, fd)) {
        tls_free(t);
        free(p);
        acceptor_gone(w->server->acceptor, w->index, text);
        return;
    }
    p->worker = w;
    p->tls = t;
    memcpy(p->peer, text, sizeof text);
    memcpy(p->local, local, sizeof local);
    p->next = w->peers;
    if (p->next) p->next->prev = p;
    w->peers = p;
    HTTP_COUNT(&w->site, connections);
    HTTP_COUNT(&w->site, accepted);
    http_conn_init(&p->conn, &w->site, p->peer, p->local, tls != NULL);
    p->conn.channel = t;
    if (w->site.stopping) {
        p->stream.dead = true;
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
        p->stream.dead = true;
        http_conn_broken(&p->conn);
        stream_destroy(&p->stream);
    }
}
