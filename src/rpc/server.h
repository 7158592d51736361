/*
 * rpc/server.h - listeners of DCE/RPC over TCP (ncacn_ip_tcp) and the sockets of their connections; what is said on one
 * is conn.h's matter.
 *
 * Each listener has a table of interfaces of its own: the endpoint mapper's port serves others than an exporter's.
 * Association groups (MS-RPCE 3.3.1.5.7) reach over all listeners of a server.
 */
#ifndef RPC_SERVER_H
#define RPC_SERVER_H

#include "rpc/conn.h"

struct loop;
struct rpc_server;

struct rpc_server_config {
    struct auth_broker *broker;
    struct loop *const *loops;   /* a connection lives on one of these */
    unsigned loop_count;
    struct rpc_limits limits;
    enum rpc_level floor;        /* see rpc_site */
    unsigned max_connections;    /* 0: 20000 */
    unsigned max_per_address;    /* 0: no limit; loopback is exempt */
    size_t write_limit;          /* bytes queued before a connection is not read any more; 0: 1 MiB */
    int64_t write_timeout_us;    /* without the peer taking a byte; 0: 60 s */
    /* What a loop holds for its clients. One account, or one address of clients that have not logged in, has half of it (and of
     * the connections); more is refused to that one alone. */
    size_t wait_total;           /* answers that wait to be read, small ones apart; 0: 128 MiB. Beyond its half an account's calls
                                    fail. Where it does not do for all, connections that have read nothing for stuck_us are given up,
                                    then the largest of accounts that have more waiting than who asks */
    size_t hold_total;           /* calls that are sent or at work, contexts of connections; 0: 128 MiB. Beyond: too busy */
    int64_t stuck_us;            /* 0: 5 s */
};

/* Since start, the first one apart. */
struct rpc_stats {
    uint64_t connections;
    uint64_t accepted, refused, timeouts, calls_in, calls_out, packets_in, packets_out; /* as C706's inq_stats */
};

cimf_status rpc_server_new(const struct rpc_server_config *config, struct rpc_server **out, struct error *e);
/* interfaces: NULL-terminated, borrowed for good. The bound "addr:port" is written to bound. Before or after start. */
cimf_status rpc_server_listen(struct rpc_server *s, const char *address, const struct rpc_interface *const *interfaces,
                              char *bound, size_t bound_size, struct error *e);
/* The same on a socket that was bound elsewhere; takes the descriptor. */
cimf_status rpc_server_listen_fd(struct rpc_server *s, int fd, const struct rpc_interface *const *interfaces,
                                 char *bound, size_t bound_size, struct error *e);
/* As http_server_stop: no new connections, idle ones close, calls at work may finish until the deadline, then on_abort. */
void rpc_server_stop(struct rpc_server *s, int64_t grace_us);
void rpc_server_free(struct rpc_server *s); /* after stop, or before any listen */
/* The socket of the connection with this number (rpc_call.connection), for whoever has to prove that it is there: done comes on the
 * connection's loop, never from within, with the descriptor, borrowed for the call, or -1 when the connection has ended. false: it
 * never comes, the loop has ended. Any thread. */
bool rpc_server_socket(struct rpc_server *s, uint64_t connection, void (*done)(void *arg, int fd), void *arg);
void rpc_server_stats(struct rpc_server *s, struct rpc_stats *out);

#endif
