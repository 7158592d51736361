/*
 * net/http.h - the HTTP/1.1 server that protocol rooms stand on.
 *
 * Enters: listeners, a routing table, limits, an authentication policy. Leaves: whole requests, one
 * `struct http_request` each, delivered to the handler of their route on the loop thread that owns the
 * connection. A handler answers now or later (then on that same thread: http_request_exec()), exactly
 * once; one reply is one writev.
 *
 * What a handler may rely on: head and body are complete, bounded and well formed as HTTP; the method
 * and the media type are ones the route lists; `principal` is not NULL unless the route says that it
 * serves anonymous callers and the request asked for that. Everything else was answered before:
 *   400 bad head, conflicting lengths, no or two Host, two Authorization    401 no or wrong credentials
 *   403 credentials refused on an unencrypted connection    404 no route    405 method (with Allow)
 *   408 head too slow (connection closed)    411 POST without a length    413 body over the limit, unread
 *   415 media type    417 unknown expectation    431 head too large    500 body too slow (wsman E23), or a plain body where
 *   only sealed ones are taken (as WinRM answers)
 *   501 transfer coding other than chunked    503 too many connections    505 version
 * An empty POST is answered 200 without content when it is authenticated (clients probe so; wsman 5.4).
 *
 * Requests of one connection are answered in order, one in a handler at a time; later pipelined bytes
 * wait (bounded) in the connection.
 */
#ifndef NET_HTTP_H
#define NET_HTTP_H

#include "base/arena.h"
#include "base/exec.h"
#include "base/status.h"
#include "mech/mech.h"

struct auth_broker;
struct credssp_server;
struct http_nonces;
struct http_server;
struct loop;
struct principal;
struct tls_config;

enum http_method { /* bits, so that a route lists several */
    HTTP_GET = 1, HTTP_HEAD = 2, HTTP_POST = 4, HTTP_PUT = 8, HTTP_DELETE = 16, HTTP_MERGE = 32,
    HTTP_PATCH = 64, HTTP_OPTIONS = 128,
    HTTP_OTHER = 256, /* never matches a route */
};
const char *http_method_name(enum http_method method);
/* "Not Found"; "Unknown" for codes without a name. */
const char *http_status_text(int status);

struct http_header {
    struct slice name, value;
};

struct http_request {
    /* The request; everything borrowed from `arena`. */
    enum http_method method;
    struct slice path;               /* as sent, without scheme, host and query; not decoded */
    struct slice query;              /* after '?', "" if none */
    const struct http_header *headers;
    unsigned header_count;
    struct slice content_type;       /* header value, "" if absent */
    struct slice body;               /* decoded from chunks; body.p[body.n] is 0 */
    const struct principal *principal; /* who asks; NULL: an anonymous request on a route that serves them */
    struct slice peer;               /* address text, "192.0.2.7" or "2001:db8::1"; mapped ones as IPv4 */
    struct slice local;              /* "address:port" that the peer connected to */
    bool tls;
    bool sealed;                     /* the body came encrypted by the authentication mechanism; so will the reply.
                                        content_type and body are what was inside */
    bool chunked;                    /* the body came in chunks (wsman S14) */
    struct arena *arena;             /* the request's; freed after the reply was handed over */
    void *arg;                       /* of the route */

    /* The handler's own. */
    void *user;
    /* The peer closed or broke the connection (or the server stops) while the reply is pending: a hint to
     * stop working. Called at most once, on the loop thread. The handler still owes its reply, which is
     * then dropped (or sent, when the peer closed its sending side only). */
    void (*on_abort)(struct http_request *r);
    /* After http_reply_chunk answered false: the peer took what was queued. */
    void (*on_drain)(struct http_request *r);
};

/* First header of that name (ASCII case-insensitive), or a slice with p == NULL. */
struct slice http_request_header(const struct http_request *r, const char *name);
/* Posts to the thread that owns the request. Replies happen there. */
struct exec *http_request_exec(struct http_request *r);

/*
 * Replies. Exactly one http_reply, or begin, any number of chunks, end. Content-Length, Date and
 * Connection are added here; the slices are copied or written before the call returns. After http_reply
 * or http_reply_end the request is gone. They may be called inside the handler.
 */
void http_reply(struct http_request *r, int status, const struct http_header *headers,
                unsigned header_count, const struct slice *body, unsigned slice_count);
/* Shorthand: one body slice and its content type; type NULL and empty body for none. */
void http_reply_simple(struct http_request *r, int status, const char *content_type,
                       struct slice body);
/* A reply of unknown length: chunked (to HTTP/1.0 peers: until close). To a sealed request it is collected and
 * sent whole at the end, as MS-WSMV 2.2.9.1 knows no chunks; beyond 16 MiB it is cut. */
void http_reply_begin(struct http_request *r, int status, const struct http_header *headers,
                      unsigned header_count);
/* false: more than the write limit is queued; go on at on_drain. Empty chunks are ignored. */
bool http_reply_chunk(struct http_request *r, const struct slice *data, unsigned slice_count);
void http_reply_end(struct http_request *r);
/* Ends a begun reply the hard way (error in the middle): the peer sees a cut reply. */
void http_reply_cut(struct http_request *r);

enum http_access {
    HTTP_ACCESS_PRINCIPAL, /* the rule */
    HTTP_ACCESS_PROBE,     /* as PRINCIPAL, but a request that carries the route's anonymous_header and no
                              Authorization reaches the handler with principal NULL */
    HTTP_ACCESS_ANYONE,    /* never authenticated; principal is NULL */
};

struct http_route {
    struct slice path;             /* "/wsman"; compared without case; a trailing '/' in the request is fine */
    bool below;                    /* also everything below: "/odata/..." */
    unsigned methods;              /* enum http_method bits */
    enum http_access access;
    struct http_header anonymous_header; /* PROBE: {WSMANIDENTIFY, unauthenticated}; compared without case */
    const char *const *content_types;    /* accepted media types, NULL-terminated; NULL: any */
    size_t max_body;               /* bytes; more is 413. 0: http_limits.max_body */
    bool probe_empty_post;         /* answer an authenticated empty POST with 200 */
    void (*handler)(struct http_request *r);
    void *arg;
};

struct http_limits {
    size_t max_head;               /* 81920 bytes, request line and headers: a ticket in Authorization takes 64 KiB */
    size_t max_head_anonymous;     /* 16384 without counting Authorization values */
    unsigned max_headers;          /* 100 */
    size_t max_body;               /* 512000 = MaxEnvelopeSizekb 500 */
    size_t max_pipelined;          /* 16384 bytes waiting behind a request */
    size_t write_limit;            /* 1 MiB queued before http_reply_chunk says stop */
    int64_t head_timeout_us;       /* 30 s from the first byte (and for a TLS handshake) */
    int64_t body_timeout_us;       /* 120 s MaxPacketRetrievalTimeSeconds */
    int64_t idle_timeout_us;       /* 300 s between requests; of a peer without an identity
                                      at most twice head_timeout_us */
    int64_t write_timeout_us;      /* 60 s without the peer taking a byte */
    unsigned max_connections;      /* 20000 */
    unsigned max_per_address;      /* 0: no limit; loopback is exempt, an IPv6 /64 is one */
};
void http_limits_default(struct http_limits *l);

/* Which schemes are offered, where. */
struct http_auth_policy {
    bool basic, digest, negotiate, kerberos, credssp;
    bool certificate;              /* TLS client certificates (https/mutual) */
    bool allow_unencrypted;        /* plain bodies on connections without TLS, whatever the scheme; Basic there */
    const char *realm;             /* "WSMAN" */
    enum mech_binding binding_level; /* what logins over TLS have to prove of the channel */
    struct slice more_bindings;    /* see auth_exchange_config */
    struct credssp_server *credssp_server; /* with credssp */
    struct http_nonces *nonces;    /* of Digest; NULL: http_server_new makes its own */
    unsigned epoch;                /* of http_server_update */
};

struct http_server_config {
    struct http_limits limits;
    struct http_auth_policy auth;
    struct auth_broker *broker;
    const struct http_route *routes; /* copied; first match wins, exact before below */
    unsigned route_count;
    struct loop *const *loops;     /* a connection lives on one of these */
    unsigned loop_count;
};

/* Counters; since start, except the first two. */
struct http_stats {
    uint64_t connections, requests_pending;
    uint64_t accepted, refused, requests, bad_requests, auth_failures, timeouts, aborted, tls_failures;
};

cimf_status http_server_new(const struct http_server_config *config, struct http_server **out,
                            struct error *e);
/* address "addr:port" or "[v6]:port" or "*:port" (every address, both families); port 0 takes any. tls
 * NULL: plain. The bound "addr:port" is written to bound (NUL-terminated). Before or after start. */
cimf_status http_server_listen(struct http_server *s, const char *address, struct tls_config *tls,
                               char *bound, size_t bound_size, struct error *e);
/* The first half of it, for a process that has the right to bind and nothing else: net_bind's rules. */
cimf_status http_bind(const char *address, bool numeric, int *fd, char *bound, size_t bound_size, struct error *e);
/* The other half, on a socket that was bound elsewhere (inherited); takes the descriptor. */
cimf_status http_server_listen_fd(struct http_server *s, int fd, struct tls_config *tls, char *bound,
                                  size_t bound_size, struct error *e);
/* Stops accepting, closes idle connections, lets pending requests finish until the deadline, then cuts
 * them (on_abort). Blocks the caller, which is not a loop thread. Then only http_server_free is allowed. */
void http_server_stop(struct http_server *s, int64_t grace_us);
/* Other limits and logins, from the next request of every connection on; one whose login is no longer offered has to
 * log in again. Pointers in auth live as long as the server; nonces stay. Any thread, one at a time, before stop. */
cimf_status http_server_update(struct http_server *s, const struct http_limits *limits,
                               const struct http_auth_policy *auth, struct error *e);
void http_server_free(struct http_server *s); /* after stop, or before any listen */
void http_server_stats(struct http_server *s, struct http_stats *out);

#endif
