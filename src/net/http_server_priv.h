/* net/http_server_priv.h - the server's listeners (http_server.c) and its connections (http_peer.c). */
#ifndef NET_HTTP_SERVER_PRIV_H
#define NET_HTTP_SERVER_PRIV_H

#include <pthread.h>
#include <uv.h>

#include "base/map.h"
#include "net/http_conn.h"
#include "net/tls.h"
#include "os/loop.h"

enum { HTTP_READ_SIZE = 65536, HTTP_PEER_TEXT = 46, HTTP_LOCAL_TEXT = 56 };

struct http_peer;

/* The server's part on one loop. */
struct http_worker {
    struct http_site site;
    struct http_server *server;
    struct loop *loop;
    struct http_peer *peers;   /* all of this loop */
    unsigned count;            /* connections here and on the way here; atomic */
    char *read_buffer;         /* one for all connections: idle ones hold none */
    struct buf plain, wire;    /* TLS scratch */
};

struct http_listener {
    struct http_listener *next;
    struct http_server *server;
    struct http_worker *worker; /* whose loop accepts */
    struct tls_config *tls;
    uv_poll_t poll;
    struct loop_timer rest;     /* out of descriptors: rests a while */
    int fd;
    bool started, closed;
};

struct http_server {
    struct http_nonces *nonces; /* own, or NULL */
    struct http_server_config config;
    struct http_route *routes;
    struct http_worker *workers;
    pthread_mutex_t lock;       /* below */
    pthread_cond_t quiet;       /* a connection ended */
    struct http_listener *listeners;
    struct map addresses;       /* address text -> struct address_count */
    unsigned live;              /* connections and closing listeners */
    unsigned next_worker;
    bool stopping;              /* atomic too */
};

extern const struct http_conn_ops http_peer_ops;

/* On the worker's loop: takes the descriptor. The place in the counts was taken by http_server_admit. */
void http_peer_adopt(struct http_worker *w, int fd, struct tls_config *tls);
/* On the worker's loop: closes idle ones, or (hard) all. */
void http_peers_stop(struct http_worker *w, bool hard);
void http_server_gone(struct http_server *s, struct http_worker *w, const char *address);
void http_address_text(int fd, bool peer, char *out, size_t size, bool with_port);

#endif
