/*
 * net/stream.h - the socket of one connection on a loop: bytes in, a bounded queue of bytes out, one lazy timer, a gentle
 * end. HTTP and DCE/RPC connections embed one; everything happens on the loop's thread.
 *
 * What the owner may rely on: no callback comes inside one of its own calls; a transport that fails while something is
 * sent says so (`broken`) at the loop's next turn.
 */
#ifndef NET_STREAM_H
#define NET_STREAM_H

#include <uv.h>

#include "base/slice.h"
#include "os/loop.h"

enum { STREAM_READ_SIZE = 65536, STREAM_SLICES = 64 };

/* What the streams of a loop share. */
struct stream_home {
    struct loop *loop;
    char *read_buffer;         /* one for all: idle connections hold none; freed by whoever owns this */
    size_t write_limit;        /* bytes queued before stream_full */
    int64_t write_timeout_us;  /* without the peer taking a byte */
    size_t queued;             /* bytes that wait for peers of all streams; atomic */
};

struct stream;
struct stream_ops {
    void (*input)(struct stream *s, struct slice bytes);
    void (*eof)(struct stream *s);     /* the peer sends no more */
    void (*broken)(struct stream *s);  /* the transport failed, or the peer takes nothing; call stream_close */
    void (*drained)(struct stream *s); /* the queue was full and is not any more */
    void (*due)(struct stream *s);     /* deadline_us passed */
    void (*closed)(struct stream *s);  /* the last callback: the memory is the owner's again */
};

struct stream {
    uv_tcp_t tcp;
    struct loop_timer timer;
    const struct stream_ops *ops;
    struct stream_home *home;
    int64_t deadline_us;   /* clock_mono_us, 0: none; set by stream_deadline, or to 0 by the owner */
    int64_t timer_due;     /* when the timer fires; it may be earlier than needed */
    int64_t write_due;     /* 0: nothing queued */
    int64_t close_due;     /* while closing gently */
    size_t queued, queue_seen, lingered;
    bool dead;             /* the transport failed; the owner is told at the next turn */
    bool closing, linger, shut, eof, above_limit;
};

/* Takes the descriptor of a connected socket and reads. The stream is zeroed memory. false: nothing was begun, the
 * descriptor is closed. A socket that is unusable already is `broken` at the next turn. */
bool stream_open(struct stream *s, struct stream_home *home, const struct stream_ops *ops, int fd);
/* Writes at once what the kernel takes and queues the rest; at most STREAM_SLICES slices, copied. */
void stream_send(struct stream *s, const struct slice *slices, unsigned count);
static inline bool stream_full(const struct stream *s) { return s->above_limit; }
/* How long the peer has taken nothing of what is queued for it; 0: nothing is. */
int64_t stream_stuck_us(const struct stream *s);
void stream_reading(struct stream *s, bool on);
/* due: 0 or a time; the timer never comes later than it, and stream_deadline with a later time costs nothing. */
void stream_deadline(struct stream *s, int64_t due);
/* The transport is of no use any more: `broken` at the next turn. */
void stream_die(struct stream *s);
/* No more output. What is queued is still sent; with linger, what the peer still sends is thrown away for a while, so
 * that it reads our last words before it is reset. */
void stream_close(struct stream *s, bool linger);
/* At once. */
void stream_destroy(struct stream *s);

#endif
