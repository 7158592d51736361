/* A connection's socket: bytes between the stream and the association, and how long it may keep us waiting. */
#include <malloc.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "rpc/server_priv.h"

enum { SMALL = 65536, LARGE = 16 << 20 };
enum { KEEPALIVE_S = 300 }; /* a client that vanished is noticed, however long it may be idle */

struct rpc_peer {
    struct stream stream;      /* first */
    struct rpc_conn conn;
    struct rpc_worker *worker;
    struct rpc_share *share;   /* the address's, then the account's */
    struct rpc_peer *next, *prev;
    uint8_t wait;              /* enum rpc_wait: what the deadline is of */
    bool wanted;               /* the association takes input */
    bool closed;
    char peer[NET_PEER_TEXT], local[NET_LOCAL_TEXT];
};

static struct rpc_peer *peer_of(struct rpc_conn *c)
{
    return (struct rpc_peer *)((char *)c - offsetof(struct rpc_peer, conn));
}

static struct rpc_peer *peer_of_stream(struct stream *s) { return (struct rpc_peer *)s; }

/* ---- the end ---- */

/* The allocator would keep for good what a few large answers took. */
static void give_back(struct rpc_worker *w)
{
    if (!w->large || w->streams.queued) return;
    w->large = false;
    malloc_trim(0);
}

static void peer_free(struct rpc_peer *p)
{
    struct rpc_worker *w = p->worker;
    rpc_conn_free(&p->conn);
    rpc_share_leave(&w->shares, p->share);
    if (p->prev) p->prev->next = p->next;
    else w->peers = p->next;
    if (p->next) p->next->prev = p->prev;
    __atomic_sub_fetch(&w->connections, 1, __ATOMIC_RELAXED);
    give_back(w);
    acceptor_gone(w->server->acceptor, w->index, p->peer); /* the server may be gone afterwards */
    free(p);
}

static void on_closed(struct stream *s)
{
    struct rpc_peer *p = peer_of_stream(s);
    p->closed = true;
    if (!rpc_conn_busy(&p->conn)) peer_free(p);
}

static void on_released(struct rpc_conn *c)
{
    struct rpc_peer *p = peer_of(c);
    if (p->closed) peer_free(p);
}

static void on_close(struct rpc_conn *c)
{
    struct rpc_peer *p = peer_of(c);
    stream_close(&p->stream, !p->stream.eof && !p->stream.dead);
}

/* ---- time ---- */

static void give_time(struct rpc_peer *p, enum rpc_wait wait)
{
    /* Nobody says when work is done: the timer looks again. */
    int64_t patience = rpc_conn_patience(&p->conn, wait == RPC_WAIT_WORK ? RPC_WAIT_NEXT : wait);
    p->wait = wait;
    stream_deadline(&p->stream, clock_mono_us() + patience);
}

/* What it waits for now. A request that is put together, and a login, do not get more time by more bytes. */
static void look(struct rpc_peer *p)
{
    enum rpc_wait wait = rpc_conn_waits(&p->conn);
    if (!p->stream.closing && (wait != p->wait || wait == RPC_WAIT_NEXT)) give_time(p, wait);
}

static void on_due(struct stream *s)
{
    struct rpc_peer *p = peer_of_stream(s);
    enum rpc_wait wait = rpc_conn_waits(&p->conn);
    if (wait != p->wait || wait == RPC_WAIT_WORK) {
        give_time(p, wait);
        return;
    }
    __atomic_add_fetch(&p->worker->timeouts, 1, __ATOMIC_RELAXED);
    log_debug("rpc", "timeout peer=%s waits=%d", p->peer, wait);
    rpc_conn_end(&p->conn);
}

/* ---- bytes ---- */

static void on_send(struct rpc_conn *c, struct slice bytes)
{
    struct rpc_peer *p = peer_of(c);
    stream_send(&p->stream, &bytes, 1);
    if (p->worker->streams.queued > LARGE) p->worker->large = true;
    if (!stream_full(&p->stream)) return;
    rpc_conn_pause(c, true); /* it asks faster than it listens */
    stream_reading(&p->stream, false);
}

static void on_drained(struct stream *s)
{
    struct rpc_peer *p = peer_of_stream(s);
    rpc_conn_pause(&p->conn, false);
    if (!p->conn.paused && p->wanted) stream_reading(s, true);
    look(p);
    give_back(p->worker);
}

static void on_reading(struct rpc_conn *c, bool on)
{
    struct rpc_peer *p = peer_of(c);
    p->wanted = on;
    stream_reading(&p->stream, on && !c->paused);
}

static void on_input(struct stream *s, struct slice bytes)
{
    struct rpc_peer *p = peer_of_stream(s);
    rpc_conn_input(&p->conn, bytes);
    look(p);
}

static void on_gone(struct stream *s) { rpc_conn_end(&peer_of_stream(s)->conn); }

static void on_broken(struct stream *s)
{
    struct rpc_peer *p = peer_of_stream(s);
    rpc_conn_end(&p->conn);
    stream_destroy(s);
}

/* ---- what it holds ---- */

static size_t beyond_free(size_t n) { return n > RPC_HELD_FREE ? n - RPC_HELD_FREE : 0; }

static bool on_hold(struct rpc_conn *c, size_t n)
{
    struct rpc_peer *p = peer_of(c);
    size_t had = beyond_free(c->held), has = beyond_free(n);
    if (has > had) return rpc_share_take(&p->worker->shares, p->share, has - had);
    rpc_share_give(&p->worker->shares, p->share, had - has);
    return true;
}

static bool on_owner(struct rpc_conn *c, const struct principal *who)
{
    struct rpc_peer *p = peer_of(c);
    struct rpc_share *x = rpc_share_of_account(&p->worker->shares, who);
    size_t n = beyond_free(c->held);
    if (!x) return false;
    p->share->held -= n;
    x->held += n;
    rpc_share_leave(&p->worker->shares, p->share);
    p->share = x;
    return true;
}

/* ---- what waits for it ---- */

static void give_up(struct rpc_peer *p)
{
    log_warn("rpc", "slow_reader peer=%s " SLICE_FMT " queued=%zu", p->peer, SLICE_ARG(p->share->who), p->stream.queued);
    stream_die(&p->stream);
}

/* What waits for clients, of each in share->waiting, of all in the answer; not for those who are being given up. */
static size_t survey(struct rpc_worker *w)
{
    size_t all = 0;
    for (struct rpc_peer *q = w->peers; q; q = q->next) q->share->waiting = 0;
    for (struct rpc_peer *q = w->peers; q; q = q->next) {
        size_t n = q->stream.dead ? 0 : q->stream.queued;
        q->share->waiting += n;
        all += n;
    }
    return all;
}

/* Those that have read nothing for long; of one, or (NULL) of all. */
static void give_up_stuck(struct rpc_worker *w, const struct rpc_share *one)
{
    for (struct rpc_peer *q = w->peers; q; q = q->next)
        if ((!one || q->share == one) && !q->stream.dead && stream_stuck_us(&q->stream) >= w->server->config.stuck_us) give_up(q);
}

/* The connection that most waits for, of those who have more waiting than `than`. False: nobody has. */
static bool give_up_largest(struct rpc_worker *w, size_t than)
{
    struct rpc_peer *most = NULL;
    for (struct rpc_peer *q = w->peers; q; q = q->next)
        if (!q->stream.dead && q->share->waiting > than && q->stream.queued > (most ? most->stream.queued : 0)) most = q;
    if (most) give_up(most);
    return most;
}

/*
 * A client that reads gets its small answers always. Beyond them nobody has more than half of what may wait on a loop; and where
 * that is not enough for all, those who have more waiting give way to those who have less.
 */
static bool on_room(struct rpc_conn *c, size_t n)
{
    struct rpc_peer *p = peer_of(c);
    struct rpc_worker *w = p->worker;
    size_t most = w->server->config.wait_total;
    if ((n <= SMALL && !p->stream.queued) || w->streams.queued + n <= most / 2) return true;
    size_t all = survey(w), mine = p->share->waiting + n;
    if (mine > most / 2) {
        if (rpc_share_speaks(p->share))
            log_warn("rpc", "too_much_waits " SLICE_FMT " waiting=%zu asked=%zu all=%zu", SLICE_ARG(p->share->who), mine - n, n, all);
        give_up_stuck(w, p->share);
        return false;
    }
    if (all + n > most) give_up_stuck(w, NULL);
    while ((all = survey(w)) + n > most)
        if (!give_up_largest(w, mine)) return false;
    return true;
}

const struct rpc_conn_ops rpc_peer_ops = { on_send, on_close, on_reading, on_released, on_room, on_owner, on_hold };
static const struct stream_ops stream_ops = { on_input, on_gone, on_broken, on_drained, on_due, on_closed };

/* ---- the beginning ---- */

void rpc_peer_adopt(struct rpc_worker *w, int fd, struct rpc_part *part)
{
    char text[NET_PEER_TEXT], local[NET_LOCAL_TEXT];
    net_address_text(fd, true, text, sizeof text, false);
    net_address_text(fd, false, local, sizeof local, true);
    struct rpc_share *share = rpc_share_of_address(&w->shares, text);
    struct rpc_peer *p = share ? calloc(1, sizeof *p) : NULL;
    if (!p) close(fd);
    if (!share) __atomic_add_fetch(&w->refused, 1, __ATOMIC_RELAXED);
    if (!p || !stream_open(&p->stream, &w->streams, &stream_ops, fd)) {
        free(p);
        if (share) rpc_share_leave(&w->shares, share);
        acceptor_gone(w->server->acceptor, w->index, text);
        return;
    }
    uv_tcp_keepalive(&p->stream.tcp, 1, KEEPALIVE_S);
    p->worker = w;
    p->share = share;
    p->wanted = true;
    memcpy(p->peer, text, sizeof text);
    memcpy(p->local, local, sizeof local);
    p->next = w->peers;
    if (p->next) p->next->prev = p;
    w->peers = p;
    __atomic_add_fetch(&w->connections, 1, __ATOMIC_RELAXED);
    __atomic_add_fetch(&w->accepted, 1, __ATOMIC_RELAXED);
    rpc_conn_init(&p->conn, &part->site, p->peer, p->local);
    give_time(p, RPC_WAIT_PROOF);
    if (w->stopping) on_broken(&p->stream);
}

int rpc_peers_socket(struct rpc_worker *w, uint64_t connection)
{
    uv_os_fd_t fd;
    for (const struct rpc_peer *p = w->peers; p; p = p->next)
        if (p->conn.id == connection)
            return p->closed || p->stream.closing || p->stream.dead || uv_fileno((const uv_handle_t *)&p->stream.tcp, &fd) != 0 ? -1 : fd;
    return -1;
}

void rpc_peers_stop(struct rpc_worker *w, bool hard)
{
    w->stopping = true;
    for (struct rpc_peer *p = w->peers, *next; p; p = next) {
        next = p->next; /* closing takes a turn of the loop: p stays in the list until then */
        if (!hard) {
            rpc_conn_stop(&p->conn);
            continue;
        }
        p->stream.dead = true;
        rpc_conn_end(&p->conn);
        stream_destroy(&p->stream);
    }
}
