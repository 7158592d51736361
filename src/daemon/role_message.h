/*
 * daemon/role_message.h - what supervisor and roles say to each other: one packet each, of one fixed size, at most
 * one descriptor with it. Both sides distrust it: a packet of another size, an unknown word or a text without end is
 * CIMF_PROTOCOL_ERROR, and the process that sent it is ended.
 */
#ifndef DAEMON_ROLE_MESSAGE_H
#define DAEMON_ROLE_MESSAGE_H

#include "base/slice.h"
#include "base/status.h"

enum role_word {
    ROLE_WORD_NONE,
    ROLE_READY,    /* role: it answers */
    ROLE_STOP,     /* supervisor: finish and end */
    ROLE_RELOAD,   /* supervisor: SIGHUP */
    ROLE_HOST,     /* core: start a host for the principal `id`; number */
    ROLE_RESOLVE,  /* supervisor to auth: whose is `id`? number */
    ROLE_RESOLVED, /* auth: number, status; uid, gid, name, sid */
    ROLE_HOSTED,   /* supervisor to core: number, status; uid and the socket to the host */
    ROLE_CONNECT,  /* core: connect to `port` of the machine that the descriptor, an accepted connection, leads to; number */
    ROLE_CONNECTED, /* supervisor to core: number, status (CONNECT_FAILED: nobody listens there); a socket that is connecting */
    ROLE_WORD_COUNT
};

/* What a word does not name above is 0 and not looked at. */
struct role_message {
    uint32_t word;
    uint32_t number;  /* chosen by who asks, the same in the answer */
    int32_t status;   /* a cimf_status */
    uint32_t uid, gid;
    uint32_t port;
    char id[40];      /* a principal's; only the broker gives them out */
    char name[128];   /* of the account, cut; for the audit record */
    char sid[96];
};

/* Bytes of a packet; what receives is checked by this alone. */
cimf_status role_message_read(struct slice packet, struct role_message *out, struct error *e);
/* fd -1: none goes along; it stays the caller's. Does not wait: CIMF_SERVER_TOO_BUSY when the other side does not read. */
cimf_status role_message_send(int socket, const struct role_message *m, int fd, struct error *e);
/* Waits for one. *fd -1 when none came along. CIMF_CONNECTION_LOST at the end. */
cimf_status role_message_receive(int socket, struct role_message *m, int *fd, struct error *e);

#endif
