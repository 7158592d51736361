#include "net/stream.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"

enum { LINGER_US = 2000000, LINGER_BYTES = 8 << 20 };

struct stream_write {
    uv_write_t request;
    struct stream *stream;
    size_t n;
    char data[];
};

/* ---- time: one lazy timer; it fires too early rather than being restarted for each request ---- */

static void arm(struct stream *s, int64_t due)
{
    if (due == 0 || uv_is_closing((uv_handle_t *)&s->tcp)) return;
    if (loop_timer_active(&s->timer) && s->timer_due <= due) return;
    s->timer_due = due;
    loop_timer_start(s->home->loop, &s->timer, due - clock_mono_us());
}

void stream_deadline(struct stream *s, int64_t due)
{
    s->deadline_us = due;
    arm(s, due);
}

void stream_die(struct stream *s)
{
    if (s->dead || uv_is_closing((uv_handle_t *)&s->tcp)) return;
    s->dead = true;
    s->timer_due = 1;
    loop_timer_start(s->home->loop, &s->timer, 0);
}

/* Did the peer take anything since the last look? Then it gets more time. */
static bool writes_stuck(struct stream *s, int64_t now)
{
    if (!s->write_due || now < s->write_due) return false;
    size_t left = uv_stream_get_write_queue_size((uv_stream_t *)&s->tcp);
    bool stuck = left >= s->queue_seen;
    s->queue_seen = left;
    s->write_due = now + s->home->write_timeout_us;
    return stuck;
}

static void on_timer(struct loop_timer *t, void *arg)
{
    struct stream *s = arg;
    int64_t now = clock_mono_us();
    s->timer_due = 0;
    if (s->dead || writes_stuck(s, now)) {
        s->dead = true;
        if (s->closing) stream_destroy(s);
        else s->ops->broken(s);
        return;
    }
    if (s->closing) {
        if (now >= s->close_due) stream_destroy(s);
        else arm(s, s->close_due);
        return;
    }
    if (s->deadline_us && now >= s->deadline_us) s->ops->due(s);
    if (s->closing) return;
    arm(s, s->deadline_us);
    arm(s, s->write_due);
}

/* ---- the end ---- */

static void on_closed(uv_handle_t *h)
{
    struct stream *s = h->data;
    s->ops->closed(s);
}

void stream_destroy(struct stream *s)
{
    s->closing = true;
    loop_timer_stop(&s->timer);
    if (!uv_is_closing((uv_handle_t *)&s->tcp)) uv_close((uv_handle_t *)&s->tcp, on_closed);
}

static void on_shut(uv_shutdown_t *request, int status)
{
    struct stream *s = request->handle->data;
    free(request);
    if (status == UV_ECANCELED) return;
    s->shut = true;
    if (status < 0 || !s->linger || s->eof) stream_destroy(s);
}

void stream_close(struct stream *s, bool linger)
{
    if (s->closing) return;
    s->closing = true;
    s->linger = linger;
    uv_shutdown_t *request = NULL;
    if (!s->dead && (linger || s->queued)) request = malloc(sizeof *request);
    if (!request || uv_shutdown(request, (uv_stream_t *)&s->tcp, on_shut) != 0) {
        free(request);
        stream_destroy(s);
        return;
    }
    s->close_due = clock_mono_us() + (s->queued ? s->home->write_timeout_us : LINGER_US);
    arm(s, s->close_due);
}

/* ---- output ---- */

static void on_written(uv_write_t *request, int status)
{
    struct stream_write *w = (struct stream_write *)request;
    struct stream *s = w->stream;
    s->queued -= w->n;
    __atomic_sub_fetch(&s->home->queued, w->n, __ATOMIC_RELAXED);
    free(w);
    if (status == UV_ECANCELED) return;
    if (status < 0) {
        stream_die(s);
        return;
    }
    s->write_due = s->queued ? clock_mono_us() + s->home->write_timeout_us : 0;
    if (s->above_limit && s->queued < s->home->write_limit) {
        s->above_limit = false;
        s->ops->drained(s);
    }
}

static void queue_rest(struct stream *s, const uv_buf_t *bufs, unsigned count, size_t skip)
{
    size_t n = 0;
    for (unsigned i = 0; i < count; i++) n += bufs[i].len;
    n -= skip;
    struct stream_write *w = malloc(sizeof *w + n);
    if (!w) {
        stream_die(s);
        return;
    }
    w->stream = s;
    w->n = 0;
    for (unsigned i = 0; i < count; i++) {
        size_t off = skip < bufs[i].len ? skip : bufs[i].len;
        skip -= off;
        memcpy(w->data + w->n, bufs[i].base + off, bufs[i].len - off);
        w->n += bufs[i].len - off;
    }
    uv_buf_t one = uv_buf_init(w->data, (unsigned)n);
    if (uv_write(&w->request, (uv_stream_t *)&s->tcp, &one, 1, on_written) != 0) {
        free(w);
        stream_die(s);
        return;
    }
    if (s->queued == 0) {
        s->write_due = clock_mono_us() + s->home->write_timeout_us;
        arm(s, s->write_due);
    }
    s->queued += n;
    __atomic_add_fetch(&s->home->queued, n, __ATOMIC_RELAXED);
    s->queue_seen = uv_stream_get_write_queue_size((uv_stream_t *)&s->tcp);
    if (s->queued >= s->home->write_limit) s->above_limit = true;
}

int64_t stream_stuck_us(const struct stream *s)
{
    return s->write_due ? s->home->write_timeout_us - (s->write_due - clock_mono_us()) : 0;
}

void stream_send(struct stream *s, const struct slice *slices, unsigned count)
{
    uv_buf_t bufs[STREAM_SLICES];
    size_t total = 0;
    if (s->dead || s->closing) return;
    for (unsigned i = 0; i < count; i++) {
        bufs[i] = uv_buf_init((char *)(uintptr_t)slices[i].p, (unsigned)slices[i].n);
        total += slices[i].n;
    }
    if (total == 0) return;
    int sent = s->queued ? 0 : uv_try_write((uv_stream_t *)&s->tcp, bufs, count);
    if (sent == UV_EAGAIN) sent = 0;
    if (sent < 0) stream_die(s);
    else if ((size_t)sent < total) queue_rest(s, bufs, count, (size_t)sent);
}

/* ---- input ---- */

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *out)
{
    struct stream_home *home = ((struct stream *)h->data)->home;
    if (!home->read_buffer) home->read_buffer = malloc(STREAM_READ_SIZE);
    *out = uv_buf_init(home->read_buffer, home->read_buffer ? STREAM_READ_SIZE : 0);
}

static void on_read(uv_stream_t *tcp, ssize_t n, const uv_buf_t *b)
{
    struct stream *s = tcp->data;
    if (n == 0) return;
    if (s->closing) {
        s->lingered += n > 0 ? (size_t)n : 0;
        if (n < 0) s->eof = true;
        if ((n < 0 && s->shut) || s->lingered > LINGER_BYTES) stream_destroy(s);
        return;
    }
    if (n == UV_EOF) {
        s->eof = true;
        s->ops->eof(s);
    } else if (n < 0) {
        s->dead = true;
        s->ops->broken(s);
    } else {
        s->ops->input(s, slice_of(b->base, (size_t)n));
    }
}

void stream_reading(struct stream *s, bool on)
{
    if (s->closing) return;
    if (on) uv_read_start((uv_stream_t *)&s->tcp, on_alloc, on_read);
    else uv_read_stop((uv_stream_t *)&s->tcp);
}

/* ---- the beginning ---- */

bool stream_open(struct stream *s, struct stream_home *home, const struct stream_ops *ops, int fd)
{
    s->home = home;
    s->ops = ops;
    if (uv_tcp_init(loop_uv(home->loop), &s->tcp) != 0) {
        close(fd);
        return false;
    }
    s->tcp.data = s;
    loop_timer_init(&s->timer, on_timer, s);
    bool open = uv_tcp_open(&s->tcp, fd) == 0;
    if (!open) close(fd);
    if (!open || uv_tcp_nodelay(&s->tcp, 1) != 0 ||
        uv_read_start((uv_stream_t *)&s->tcp, on_alloc, on_read) != 0)
        stream_die(s);
    return true;
}
