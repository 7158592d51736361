/*
 * daemon/dialer.h - the supervisor's part in calls to clients: cimd-core has no internet socket of its own and asks for one
 * that leads to a client.
 *
 * cimd-core may be an attacker's. It names no address: it hands over one of its accepted connections, and gets a socket to
 * that peer, when the connection is one to a port of listen.wmi or listen.epmap, the wanted port is the resolver's (135) or none of the
 * system's (1024 or more), and calls to clients are switched on. So many a second, and fewer to one address: a client whose objects
 * do not answer must not use up what others need. Nothing here waits: the socket is still connecting when it is handed over.
 */
#ifndef DAEMON_DIALER_H
#define DAEMON_DIALER_H

#include "daemon/budget.h"
#include "daemon/role.h"
#include "daemon/role_message.h"

enum {
    DIALER_BURST = 512,      /* connections at once, three of which lead to the objects of one client, */
    DIALER_RATE = 256,       /* then so many a second; */
    DIALER_BURST_ADDRESS = 64, DIALER_RATE_ADDRESS = 16, /* and to one address */
    DIALER_ADDRESSES = 64,   /* that are remembered: when a further one comes, the longest unused is forgotten */
};

struct dialer {
    bool allowed;      /* the configuration has a login for it, or allows it without */
    uint16_t ports[ROLE_LISTENERS]; /* of listen.wmi and listen.epmap */
    unsigned port_count;
    int core;          /* socket; -1 when gone */
    struct budget all;
    struct dialer_place {
        unsigned char address[16]; /* IPv6, IPv4 as mapped; zeros: none */
        struct budget budget;
    } places[DIALER_ADDRESSES];
};

void dialer_init(struct dialer *d, const struct config *config);
/* A listener of these, when it is bound. */
void dialer_listens(struct dialer *d, int fd);
/* ROLE_CONNECT of cimd-core; fd stays the caller's, -1: none came along. false: it does not read its answers and has to end. */
bool dialer_asked(struct dialer *d, const struct role_message *m, int fd);

#endif
