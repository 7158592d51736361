/*
 * daemon/message.h - the messages of the control socket: a list of byte strings, each as length, colon,
 * bytes, comma (a netstring), the whole preceded by its length in the same form: "24:3:mof,9:root/cimv2,4:text,,".
 */
#ifndef DAEMON_MESSAGE_H
#define DAEMON_MESSAGE_H

#include "base/arena.h"
#include "base/buf.h"

#define MESSAGE_MAX ((size_t)300 << 20) /* bytes; a MOF with all its includes fits */

/* Appends the fields as one message. */
bool message_write(struct buf *out, const struct slice *fields, size_t count);
/* One message at the front of `in`: 1 with fields (borrowed from `in`) and *used, 0 when more bytes are needed, -1 when it
 * is not a message or has more than max fields. */
int message_read(struct arena *a, struct slice in, size_t max, struct slice **fields, size_t *count, size_t *used);

#endif
