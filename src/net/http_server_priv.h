/* net/http_server_priv.h - the server's listeners (http_server.c) and its connections (http_peer.c). */
#ifndef NET_HTTP_SERVER_PRIV_H
#define NET_HTTP_SERVER_PRIV_H

#include "net/acceptor.h"
#include "net/http_conn.h"
#include "net/stream.h"
#include "net/tls.h"
#include "os/loop.h"

struct http_peer;

/* The server's part on one loop. */
struct http_worker {
    struct http_site site;
    struct http_server *server;
    unsigned index;            /* of the loop */
    struct stream_home streams;
    struct http_peer *peers;   /* all of this loop */
    struct buf plain, wire;    /* TLS scratch */
};

struct http_server {
    struct http_nonces *nonces; /* own, or NULL */
    struct http_server_config config;
    struct http_route *routes;
    struct http_worker *workers;
    struct acceptor *acceptor;
};

extern const struct http_conn_ops http_peer_ops;

/* On the worker's loop: takes the descriptor. */
void http_peer_adopt(struct http_worker *w, int fd, struct tls_config *tls);
/* On the worker's loop: closes idle ones, or (hard) all. */
void http_peers_stop(struct http_worker *w, bool hard);

#endif
