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
    ROLE_WORD_COUNT
};

struct role_message {
    uint32_t word;
};

/* Bytes of a packet; what receives is checked by this alone. */
cimf_status role_message_read(struct slice packet, struct role_message *out, struct error *e);
/* fd -1: none goes along; it stays the caller's. */
cimf_status role_message_send(int socket, const struct role_message *m, int fd, struct error *e);
/* Waits for one. *fd -1 when none came along. CIMF_CONNECTION_LOST at the end. */
cimf_status role_message_receive(int socket, struct role_message *m, int *fd, struct error *e);

#endif
