/*
 * auth/broker_wire.h - what cimd-core (broker_remote.c) and cimd-auth (broker_serve.c) say to each other: one
 * message a packet on an inherited SOCK_SEQPACKET pair. Little-endian; each message is a kind (u8), the
 * number of the question or 0 (u64), then the kind's fields in the order of the structs below: texts as u32
 * length and bytes, lists as u32 count and items, flags as one byte 0 or 1. Every field is bounded and nothing may
 * follow the last one.
 */
#ifndef AUTH_BROKER_WIRE_H
#define AUTH_BROKER_WIRE_H

#include "auth/broker.h"
#include "auth/principal_priv.h"

#define WIRE_VERSION 1
#define WIRE_MESSAGE_MAX (192u << 10)
#define WIRE_TEXT_MAX 4096
#define WIRE_TARGET_MAX 80           /* a class and an address */
#define WIRE_CERTIFICATE_MAX (64u << 10)
#define WIRE_LIST_MAX 4096
#define WIRE_ID 36               /* of a principal */
#define WIRE_ROWS_BYTES (128u << 10) /* of MAPPINGS: another row still fits into a message */
#define WIRE_RELEASES 1024       /* in one message */

enum wire_kind {
    /* From core. */
    WIRE_PASSWORD = 1,           /* answered by ANSWER */
    WIRE_DIGEST,                 /* ANSWER */
    WIRE_CERTIFICATE,            /* ANSWER */
    WIRE_REFRESH,                /* ANSWER */
    WIRE_RELOAD,                 /* ANSWER without a principal */
    WIRE_STEP,                   /* STEP_ANSWER */
    WIRE_EXCHANGE,               /* begins one; no answer: if there is no room its first step says so */
    WIRE_EXCHANGE_END,
    WIRE_RELEASE,                /* principals of which core has one use less */
    WIRE_LOOK,                   /* have the accounts changed? GENERATION, if so */
    WIRE_MAPPING,                /* the certificate map; MAPPINGS */
    WIRE_QUESTIONS,              /* (their number and one) */
    /* From the broker. */
    WIRE_HELLO = 65,             /* the first message */
    WIRE_GENERATION,
    WIRE_ANSWER,
    WIRE_STEP_ANSWER,
    WIRE_MAPPINGS,
    WIRE_ANSWERS,
};

struct wire_question {
    enum wire_kind kind;
    uint64_t id;
    struct auth_password password;
    struct digest_response digest;
    char ha2[DIGEST_HEX], ha2_reply[DIGEST_HEX]; /* "" for none */
    struct slice address;
    struct slice certificate, issuer;
    uint64_t exchange;           /* EXCHANGE, STEP, EXCHANGE_END; never 0 */
    struct auth_exchange_config config;
    struct slice token;
    struct auth_mapping mapping;
    uint32_t from;               /* LIST of MAPPING: rows to leave out */
    const struct slice *principals; /* REFRESH, MAPPING: one; RELEASE: ids of WIRE_ID bytes */
    unsigned principal_count;
};

struct wire_answer {
    enum wire_kind kind;
    uint64_t id;
    uint32_t version;            /* HELLO */
    uint64_t generation;         /* HELLO, GENERATION, MAPPINGS */
    int64_t cache_us;            /* HELLO: how long core may remember passwords; <= 0: not at all */
    cimf_status status;
    enum mech_result result;
    struct slice token, context, mechanism, rspauth;
    const struct certmap_row *rows; /* MAPPINGS: as many as fit */
    unsigned row_count;
    uint32_t next;               /* where to go on, 0: these were the last */
    struct slice reason;
    /* Written from principal; read into data, which principal_make takes. NULL and has_data false: none. */
    const struct principal *principal;
    bool has_data;
    struct principal_data data;
};

/* false: a field is out of bounds or the buffer is full. */
bool wire_question_write(const struct wire_question *q, struct buf *out);
bool wire_answer_write(const struct wire_answer *a, struct buf *out);
/* Texts are borrowed from the message, lists in the arena. CIMF_PROTOCOL_ERROR, CIMF_OUT_OF_MEMORY. */
cimf_status wire_question_read(struct arena *a, struct slice message, struct wire_question *out,
                               struct error *e);
cimf_status wire_answer_read(struct arena *a, struct slice message, struct wire_answer *out,
                             struct error *e);

/* One packet. 0, or an errno; wait false: EAGAIN instead of waiting for room. */
int wire_send(int fd, struct slice message, bool wait);
/* Waits for one; the bytes are in room (WIRE_MESSAGE_MAX of it). Empty: the other end closed. A longer packet is
 * CIMF_PROTOCOL_ERROR. */
cimf_status wire_receive(int fd, char *room, struct slice *message, struct error *e);

#endif
