/* auth/broker_remote_priv.h - the stand-in for the broker: broker_remote.c, broker_remote_mappings.c (the certificate map,
 * whose rows come in several messages). */
#ifndef AUTH_BROKER_REMOTE_PRIV_H
#define AUTH_BROKER_REMOTE_PRIV_H

#include "auth/broker_priv.h"
#include "auth/broker_wire.h"
#include "base/buf.h"

struct broker_remote {
    struct auth_broker base;
    struct principal_owner owner;  /* of the principals: releases them over there */
    int32_t refs;                  /* the owner's and one of each question, principal and exchange */
    int fd;
    pthread_t reader;
    int64_t looked;                /* atomic */
    uint64_t generation;           /* atomic; as the broker told last */
    int64_t cache_us;              /* atomic; HELLO's */

    pthread_mutex_t lock;          /* all below */
    bool closed;
    uint64_t next_id;
    struct map pending;            /* by number */
    struct buf releases;           /* ids of principals that nobody uses here any more, WIRE_ID octets each */
    struct buf outbox;             /* what found no room in the socket and must not get lost: length, message */

    pthread_mutex_t cache_lock;    /* taken before lock, never behind it */
    struct verified verified;
};

struct remote_exchange {
    struct auth_exchange base;
    struct broker_remote *b;
    int32_t refs;
    uint64_t id;
    struct exec *home;
    bool freed;                    /* on home */
    bool initiate;                 /* its end has no principal */
};

struct mapping_pages;
struct question {
    uint64_t id;
    enum wire_kind kind;
    struct broker_remote *b;
    struct exec *home;
    struct remote_exchange *x;     /* of a step */
    union {
        auth_done *plain;
        auth_digest_done *digest;
        auth_exchange_done *step;
        auth_mappings_done *mappings;
        void (*sync)(void *arg, cimf_status status);
    } done;
    void *arg;
    bool remember;                 /* a password: mac and generation of the asking */
    unsigned char mac[32];
    uint64_t generation;
    /* The answer. */
    cimf_status status;
    const struct principal *principal;
    char rspauth[DIGEST_HEX];
    enum mech_result result;
    struct buf token;
    struct mech *context;
    const char *mechanism;
    struct mapping_pages *pages;   /* of MAPPING */
};

static inline struct broker_remote *remote_of(struct auth_broker *b) { return (struct broker_remote *)b; }

/* NULL: no memory. */
struct question *remote_question(struct broker_remote *b, enum wire_kind kind, struct exec *home, void *arg);
void remote_question_free(struct question *q);
/* Takes q. What cannot be sent is answered here, by post. */
void remote_ask(struct broker_remote *b, struct question *q, struct wire_question *w);

/* ---- broker_remote_mappings.c ---- */
void remote_mappings(struct auth_broker *b, const struct principal *by, const struct auth_mapping *m, struct exec *home,
                     auth_mappings_done *done, void *arg);
/* One message of the answer, on the reading thread. false: q was asked again and is another's now. */
bool remote_mappings_take(struct question *q, const struct wire_answer *a);
void remote_mappings_deliver(struct question *q);
void mapping_pages_free(struct mapping_pages *p); /* NULL allowed */

#endif
