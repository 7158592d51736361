/*
 * net/acceptor.h - listening sockets on event loops: who gets a new connection, how many there may be, and the end of it
 * all. HTTP and DCE/RPC servers stand on it; what a connection is they know alone.
 *
 * Enters: addresses or bound sockets. Leaves: accepted descriptors, each on the loop with the fewest connections
 * (`adopt`), which its new owner gives back with acceptor_gone when the connection's memory is gone.
 */
#ifndef NET_ACCEPTOR_H
#define NET_ACCEPTOR_H

#include <stdint.h>

#include "base/slice.h"
#include "base/status.h"

struct acceptor;
struct loop;

enum { NET_PEER_TEXT = 46, NET_LOCAL_TEXT = 56 };
/* "192.0.2.7" or "192.0.2.7:80", "2001:db8::1" or "[2001:db8::1]:80" of a socket's one end; mapped addresses as IPv4. */
void net_address_text(int fd, bool peer, char *out, size_t size, bool with_port);

/* What of an address counts as one, in out: whoever has an address of IPv6 has all of its /64. */
struct slice net_address_place(const char *address, char out[NET_PEER_TEXT]);

/* address "addr:port" or "[v6]:port" or "*:port" (every address, both families); port 0 takes any. A bound socket in
 * *fd. numeric: host names are not looked up ("localhost" still is 127.0.0.1), and the address need not be there yet: at boot one from
 * DHCP, or one of IPv6, often is not. bound may be NULL. */
cimf_status net_bind(const char *address, bool numeric, int *fd, char *bound, size_t bound_size, struct error *e);

/* The same text as an address: every one of both families when *every is set. CIMF_INVALID_PARAMETER says what it lacks. */
struct sockaddr_storage;
cimf_status net_address_parse(const char *address, struct sockaddr_storage *out, bool *every, struct error *e);
/* An interface could be given it while we run: any address but those of loopback. */
bool net_address_may_come(const struct sockaddr_storage *a);

struct acceptor_ops {
    /* On loop number `loop`: takes the descriptor; owes acceptor_gone, also when it fails. tag: of the listener. */
    void (*adopt)(void *arg, unsigned loop, int fd, void *tag);
    /* Too many connections: what is said before the descriptor is closed, if anything. Never blocks. */
    void (*refuse)(void *arg, unsigned loop, int fd, void *tag);
    /* On loop number `loop`: closes idle connections, or (hard) all. */
    void (*stop)(void *arg, unsigned loop, bool hard);
    void (*drop_tag)(void *tag); /* with the listener; may be NULL */
};
struct acceptor_config {
    const struct acceptor_ops *ops;
    void *arg;
    struct loop *const *loops; /* borrowed */
    unsigned loop_count;
    unsigned max_connections;
    unsigned max_per_address;  /* 0: no limit; loopback is exempt */
};

struct acceptor *acceptor_new(const struct acceptor_config *config); /* NULL: no memory */
/* Takes the descriptor of a bound socket and the tag, whatever the answer. Before or after the loops run. */
cimf_status acceptor_listen(struct acceptor *a, int fd, void *tag, char *bound, size_t bound_size, struct error *e);
/* A connection ended. On its loop; the address as net_address_text gave it. */
void acceptor_gone(struct acceptor *a, unsigned loop, const char *address);
/* Stops accepting, closes idle connections, lets the others finish until the deadline, then cuts them. Blocks the
 * caller, which is not a loop thread. Then only acceptor_free is allowed. */
void acceptor_stop(struct acceptor *a, int64_t grace_us);
/* After stop, or before any listen. false: connections outlive it, and so does it. */
bool acceptor_free(struct acceptor *a);

#endif
