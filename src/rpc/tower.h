/*
 * rpc/tower.h - protocol towers (C706 appendices I and L, MS-RPCE 3.1.3.5.3): how the endpoint mapper says "this interface
 * is spoken there". Decoder beside encoder; pure.
 */
#ifndef RPC_TOWER_H
#define RPC_TOWER_H

#include "rpc/pdu.h"

enum {
    TOWER_FLOORS = 6,        /* more are refused */
    TOWER_SIZE = 2000,       /* octets of one at most */
    TOWER_UUID = 0x0d, TOWER_CONNECTION = 0x0b /* ncacn */, TOWER_TCP = 0x07, TOWER_IP = 0x09,
};

struct tower {
    struct rpc_syntax interface, transfer;
    bool tcp;                /* connection-oriented RPC over TCP: the floors below the two are the ones we write */
    uint16_t port;           /* 0: any */
    uint8_t address[4];      /* written, never read: MS-RPCE 3.1.3.5.3 */
};

/* false: it is none, or has too many floors. Floors of other protocols than TCP are no mistake, but say nothing here. */
bool tower_read(struct slice octets, struct tower *out);
/* The five floors of ncacn_ip_tcp. */
void tower_put(struct buf *b, const struct tower *t);

#endif
