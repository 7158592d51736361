/*
 * net/http_conn.h - one server connection as a machine without I/O (private to room net): bytes, end of
 * input and time go in; bytes, close and read control come out through `struct http_conn_ops`. The socket and
 * TLS side is http_peer.c; tests and the fuzz target bring their own.
 */
#ifndef NET_HTTP_CONN_H
#define NET_HTTP_CONN_H

#include "auth/principal.h"
#include "base/buf.h"
#include "net/http.h"
#include "net/http_auth.h"
#include "net/llhttp_priv.h"

struct http_conn;

enum http_conn_state {
    HTTP_CONN_IDLE,    /* between requests, nothing of the next one has come */
    HTTP_CONN_HEAD,    /* part of a head has come */
    HTTP_CONN_AUTH,    /* the head waits for the broker's answer */
    HTTP_CONN_BODY,    /* the body is being read */
    HTTP_CONN_HANDLER, /* the request is with its handler */
    HTTP_CONN_DRAIN,   /* answered before its body was read: the body is thrown away */
    HTTP_CONN_CLOSED,  /* close was called; input is thrown away */
};

struct http_conn_ops {
    /* Takes all bytes (writes or copies them). */
    void (*send)(struct http_conn *c, const struct slice *slices, unsigned count);
    /* No more output. linger: input was left unread, so close gently or the peer loses the reply. The
     * connection object stays until http_conn_free. */
    void (*close)(struct http_conn *c, bool linger);
    /* Stop or go on giving input. */
    void (*reading)(struct http_conn *c, bool on);
    /* Bytes taken by send that have not left yet. */
    size_t (*queued)(struct http_conn *c);
    /* A request ended after the connection was closed: it may be freed now if it waited for that. */
    void (*released)(struct http_conn *c);
    /* deadline_us was set. */
    void (*deadline)(struct http_conn *c);
};

#define HTTP_SITE_POOL 16

/* What the connections of one loop share. */
struct http_site {
    const struct http_conn_ops *ops;
    struct http_limits limits;
    struct http_auth_policy policy;
    struct auth_broker *broker;
    const struct http_route *routes;
    unsigned route_count;
    struct exec *home;
    bool stopping;                /* replies carry Connection: close */
    struct http_slot *pool;       /* requests at rest */
    unsigned pooled;
    struct buf head;              /* scratch: reply heads */
    struct buf sealed;            /* scratch: sealed bodies */
    size_t unproved;              /* bytes promised to bodies of peers without an identity */
    int64_t now_us;               /* of the input being worked on; 0: not asked yet */
    int64_t date_second;
    char date[30];                /* "Sun, 06 Nov 1994 08:49:37 GMT" */
    struct http_stats stats;      /* of this loop; written by it, read by others: atomic */
};
#define HTTP_COUNT(site, counter) __atomic_add_fetch(&(site)->stats.counter, 1, __ATOMIC_RELAXED)
#define HTTP_UNCOUNT(site, counter) __atomic_sub_fetch(&(site)->stats.counter, 1, __ATOMIC_RELAXED)
void http_site_init(struct http_site *s, const struct http_server_config *config);
void http_site_free(struct http_site *s);

struct http_span { uint32_t name, name_n, value, value_n; };

#define HTTP_INLINE_HEADERS 24
/* A request and what its reading needs; pooled by the site, so idle connections hold none. */
struct http_slot {
    struct http_request r; /* first: handlers hold a pointer to it */
    struct http_slot *next;
    struct http_conn *conn;
    struct arena arena;
    const struct http_route *route;
    char *text;                    /* request line target and headers, one after the other */
    uint32_t text_n, text_room, target_n;
    struct http_span *spans;
    unsigned span_count, span_room;
    struct http_span inline_spans[HTTP_INLINE_HEADERS];
    struct http_header inline_headers[HTTP_INLINE_HEADERS];
    struct slice authorization;
    struct http_header auth_header; /* of the reply: last leg of a login, Authentication-Info */
    struct http_collected *collected; /* a sealed reply that comes in pieces */
    char *body;
    size_t body_n, body_room, body_max, drained;
    size_t unproved;               /* this request's part of the site's */
    int trouble;                   /* HTTP status that the head earned, 0 if none */
    uint8_t in_value, expect, http10, keep_alive, close_after, has_length, begun, chunk_coded;
    uint8_t sealed;                /* the body is to be opened */
    uint8_t auth_body;             /* authenticated with the body: asked again when it is there */
    uint8_t whole;                 /* the body has come wholly */
};

struct http_conn {
    struct http_site *site;
    llhttp_t parser;
    struct http_auth auth;
    struct http_slot *slot;        /* not in IDLE */
    char *pending;                 /* pipelined bytes, heap */
    size_t pending_n, pending_room;
    size_t head_bytes;
    int64_t deadline_us;           /* clock_mono_us; 0: none. http_conn_timeout when it passes */
    const char *peer, *local;      /* owned by whoever embeds this */
    struct tls *channel;           /* set by whoever embeds this, after init; NULL without TLS */
    uint8_t state, last_byte;
    bool tls, running, eof, broken, paused, abort_told;
};

void http_conn_init(struct http_conn *c, struct http_site *site, const char *peer, const char *local,
                    bool tls);
/* A handler holds the request: the connection must stay, also when closed, until ops->released. */
bool http_conn_busy(const struct http_conn *c);
void http_conn_free(struct http_conn *c); /* not while busy */
void http_conn_input(struct http_conn *c, struct slice bytes);
/* The peer ended its output. */
void http_conn_eof(struct http_conn *c);
/* The transport is dead in both directions; calls ops->close. */
void http_conn_broken(struct http_conn *c);
/* deadline_us passed. */
void http_conn_timeout(struct http_conn *c);
/* The queue of the transport went below the write limit. */
void http_conn_drained(struct http_conn *c);
/* The server stops: close as soon as no request is under way. */
void http_conn_stop(struct http_conn *c);

/* ---- between http_conn.c, http_head.c and http_reply.c ---- */
extern const llhttp_settings_t http_conn_settings;
/* After the head is whole: 0 to go on, or the HTTP status to answer. */
int http_head_check(struct http_conn *c);
const struct http_route *http_head_route(struct http_conn *c, bool *path_known, unsigned *methods);
/* An answer that no handler gave. Ends the request. */
void http_conn_answer(struct http_conn *c, int status, const struct http_header *headers,
                      unsigned header_count, bool close);
void http_conn_request_over(struct http_conn *c);
void http_conn_skip_body(struct http_conn *c);
bool http_conn_must_close(const struct http_conn *c);
void http_conn_go_on(struct http_conn *c);
/* ---- http_sealed.c ---- */
/* Opens the request's body: 0, or the status to end the connection with. */
int http_sealed_open(struct http_conn *c);
struct http_sealed { /* a reply: in plain, then sealed */
    const struct http_header *headers;
    unsigned header_count;
    const struct slice *body;
    unsigned count;
    struct slice whole;
};
/* Not for empty bodies. False: the connection is of no use any more. */
bool http_sealed_reply(struct http_conn *c, struct http_sealed *x);
bool http_sealed_begin(struct http_slot *s, int status, const struct http_header *headers, unsigned header_count);
bool http_sealed_add(struct http_slot *s, const struct slice *data, unsigned count);
void http_sealed_end(struct http_slot *s);
void http_sealed_drop(struct http_slot *s);

struct http_slot *http_slot_take(struct http_site *site);
void http_slot_give(struct http_site *site, struct http_slot *slot);
bool http_slot_text(struct http_slot *s, const char *at, size_t n);

#endif
