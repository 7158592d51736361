/* rpc/server_priv.h - the parts of a server: listeners' doors and groups (server.c, group.c), connections (peer.c). */
#ifndef RPC_SERVER_PRIV_H
#define RPC_SERVER_PRIV_H

#include <pthread.h>

#include "base/map.h"
#include "net/acceptor.h"
#include "net/stream.h"
#include "rpc/server.h"
#include "rpc/share.h"

struct rpc_peer;
struct rpc_door;

/* The server's part on one loop. */
struct rpc_worker {
    struct rpc_server *server;
    unsigned index;           /* of the loop */
    bool stopping;
    struct stream_home streams;
    bool large;               /* much has waited for clients: its memory goes back to the system when nothing does */
    struct rpc_peer *peers;   /* all of this loop */
    struct rpc_shares shares; /* whose they are */
    uint64_t connections, accepted, refused, timeouts; /* atomic */
};

/* Connections are numbered from here on for each door and loop: numbers nobody else gives. */
enum { RPC_NUMBER_BITS = 40 };

/* A listener's connections on one loop share a site. */
struct rpc_part {
    struct rpc_site site;     /* first */
    struct rpc_door *door;
};
struct rpc_door {
    struct rpc_door *next;
    struct rpc_server *server;
    struct rpc_part parts[];  /* one a loop */
};

struct rpc_groups {
    pthread_mutex_t lock;
    struct map map;           /* number -> struct rpc_group */
    uint32_t last;
};

struct rpc_server {
    struct rpc_server_config config;
    struct acceptor *acceptor;
    struct rpc_worker *workers;
    struct rpc_door *doors;
    unsigned door_count;
    struct rpc_groups groups;
};

extern const struct rpc_conn_ops rpc_peer_ops;
void rpc_peer_adopt(struct rpc_worker *w, int fd, struct rpc_part *part);
void rpc_peers_stop(struct rpc_worker *w, bool hard);
int rpc_peers_socket(struct rpc_worker *w, uint64_t connection); /* on its loop; -1: it has ended */

void rpc_groups_init(struct rpc_groups *g);
void rpc_groups_free(struct rpc_groups *g);
/* A new one (wanted 0), or that one when it is there and of the same address; 0: neither. Any thread. */
uint32_t rpc_groups_join(struct rpc_groups *g, uint32_t wanted, const char *peer);
void rpc_groups_leave(struct rpc_groups *g, uint32_t group);

#endif
