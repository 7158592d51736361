/*
 * host/host_message.h - the packets between cimd-core and a cimd-host: one job or one answer each. Neither end trusts
 * the other: a host belongs to its user. Numbers are little-endian; a text is its length (u32) and its bytes, a list
 * its count and its texts.
 *
 *   u8 what (1 job, 2 answer), u8 kind (0 of an answer), u16 flags (1: shell), u32 number, then
 *   job:    u32 pid, u32 signal, u32 timeout_ms, folder, input, argv, env
 *   answer: u32 -status, u32 errno, u32 pid, u32 exit_code, u32 truncated, out, err, text
 */
#ifndef HOST_HOST_MESSAGE_H
#define HOST_HOST_MESSAGE_H

#include "base/arena.h"
#include "base/buf.h"
#include "host/job.h"

enum { HOST_PACKET = 128 << 10 }; /* bytes at most */
enum host_what { HOST_ASKS = 1, HOST_ANSWERS };

struct host_message {
    enum host_what what;
    uint32_t number;           /* of the question; 0 with HOST_ANSWERS: about the host itself, it ends now */
    struct host_job job;
    struct host_answer answer; /* its texts are cut to what they may have when written */
};

/* Texts borrow from the packet, lists are in the arena. CIMF_PROTOCOL_ERROR, CIMF_OUT_OF_MEMORY. */
cimf_status host_message_read(struct slice packet, struct arena *a, struct host_message *out, struct error *e);
/* CIMF_INVALID_PARAMETER says what of a job does not fit; nothing is appended then. */
cimf_status host_message_write(struct buf *out, const struct host_message *m, struct error *e);

#endif
