/*
 * net/http_client.h - one HTTP/1.1 client connection: a machine without I/O, and a driver for it on a
 * nonblocking socket that a caller may poll himself. No globals, no signals, no threads, no libuv.
 *
 * One exchange at a time: http_client_send, then feed bytes until http_client_state is DONE, read the
 * reply, send the next one on the same connection when it is still alive.
 */
#ifndef NET_HTTP_CLIENT_H
#define NET_HTTP_CLIENT_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/status.h"
#include "net/http.h"
#include "net/tls.h"

enum http_client_state {
    HTTP_CLIENT_IDLE,    /* may send */
    HTTP_CLIENT_BUSY,    /* a reply is awaited */
    HTTP_CLIENT_DONE,    /* the reply is whole; http_client_reply_clear makes it idle (or closed) */
    HTTP_CLIENT_CLOSED,  /* the peer (or the reply) ended the connection */
    HTTP_CLIENT_FAILED,  /* see error */
};

struct http_client_reply {
    int status;
    const struct http_header *headers;
    unsigned header_count;
    struct slice content_type;
    struct slice body;   /* body.p[body.n] is 0 */
    bool keep_alive;
};

struct http_client_limits {
    size_t max_head;     /* 65536 */
    size_t max_body;     /* 64 MiB */
    unsigned max_headers;/* 200 */
};

/* ---- The machine. Members are read-only for callers. ---- */
struct http_client;

/* host goes into Host and, with tls, into SNI and the name check. tls NULL: plain. limits NULL: defaults. */
cimf_status http_client_new(const char *host, unsigned port, struct tls_config *tls,
                            const struct http_client_limits *limits, struct http_client **out,
                            struct error *e);
void http_client_free(struct http_client *c);

/* Queues a request. Host, Content-Length and (with body or method POST) are added; headers are copied. */
cimf_status http_client_send(struct http_client *c, enum http_method method, struct slice target,
                             const struct http_header *headers, unsigned header_count,
                             struct slice body, struct error *e);
/* Bytes for the socket; http_client_wrote drops what the socket took. */
struct slice http_client_output(const struct http_client *c);
void http_client_wrote(struct http_client *c, size_t n);
/* Bytes from the socket; n == 0 means the peer closed. */
cimf_status http_client_input(struct http_client *c, struct slice bytes, struct error *e);
enum http_client_state http_client_state(const struct http_client *c);
/* Valid in DONE until http_client_reply_clear. Interim 1xx replies are skipped. */
const struct http_client_reply *http_client_reply(const struct http_client *c);
struct slice http_client_reply_header(const struct http_client *c, const char *name);
void http_client_reply_clear(struct http_client *c);
/* True when nothing of the current exchange's reply has come: resending on a new connection is safe if
 * the connection was a reused one. */
bool http_client_untouched(const struct http_client *c);
/* The connection may carry requests at once: it is plain, or the TLS handshake is over. */
bool http_client_ready(const struct http_client *c);
/* tls-server-end-point application data hash, as tls_server_end_point; 0 on plain connections. */
size_t http_client_end_point(const struct http_client *c, unsigned char out[64]);

/* ---- The driver. Owns a socket and a machine; reconnects when a kept-alive connection has gone. ---- */
struct http_session;
struct http_client_auth;
struct http_session_config {
    const char *host;
    unsigned port;
    struct tls_config *tls;        /* NULL: plain; referenced */
    int64_t connect_timeout_us;    /* 0: 10 s */
    int64_t exchange_timeout_us;   /* 0: 60 s; from send to whole reply */
    struct http_client_limits limits; /* zeros: defaults */
    struct http_client_auth *auth; /* net/http_client_auth.h; NULL: nothing is added. Borrowed, one session's */
};
cimf_status http_session_new(const struct http_session_config *config, struct http_session **out,
                             struct error *e);
void http_session_free(struct http_session *s);

/* Starts an exchange: connects if needed. Everything given is copied. CIMF_OK: drive it with step. */
cimf_status http_session_send(struct http_session *s, enum http_method method, struct slice target,
                              const struct http_header *headers, unsigned header_count,
                              struct slice body, struct error *e);
/* To poll: descriptor (-1 if none), poll(2) events, and when to call step at the latest (clock_mono_us;
 * INT64_MAX: never). The descriptor may change at every step. */
int http_session_fd(const struct http_session *s);
short http_session_events(const struct http_session *s);
int64_t http_session_deadline(const struct http_session *s);
/* Moves on without blocking. *done: the reply is there. Statuses: CIMF_CONNECT_FAILED,
 * CIMF_CONNECTION_LOST, CIMF_TLS_FAILED, CIMF_TIMED_OUT, CIMF_PROTOCOL_ERROR, and those of the login. After a
 * failure the next send starts with a new connection. With a login one exchange is several requests; asking for
 * a Kerberos ticket may block. */
cimf_status http_session_step(struct http_session *s, bool *done, struct error *e);
/* Blocks until the reply is there (poll + step). */
cimf_status http_session_wait(struct http_session *s, struct error *e);
/* Valid from done until the next send; what the server meant, where it was sealed. */
const struct http_client_reply *http_session_reply(const struct http_session *s);
struct slice http_session_reply_header(const struct http_session *s, const char *name);
struct http_client *http_session_client(struct http_session *s); /* current machine, may be NULL */
void http_session_close(struct http_session *s); /* the connection only */

#endif
