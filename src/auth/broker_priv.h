/* auth/broker_priv.h - the parts of the broker: queue (broker.c), decision (broker_check.c), what slows
 * failures down (failures.c), what remembers successes (verified.c). */
#ifndef AUTH_BROKER_PRIV_H
#define AUTH_BROKER_PRIV_H

#include <pthread.h>
#include <sys/types.h>
#include <time.h>

#include "auth/accounts.h"
#include "auth/broker.h"
#include "base/map.h"

/* ---- failures.c: a bounded table of who failed how often lately. Not locked. ---- */
#define FAILURES_MAX 4096
#define FAILURES_FORGOTTEN_US ((int64_t)15 * 60 * 1000000)

struct failure;
struct failures {
    struct map by_key;
    struct failure *newest, *oldest;
    int64_t delay_us, max_delay_us;
    unsigned free_failures;
};
void failures_init(struct failures *f, int64_t delay_us, int64_t max_delay_us, unsigned free_failures);
void failures_free(struct failures *f);
/* When an attempt of that user (folded account name) from that address may be looked at; 0: now. */
int64_t failures_due(struct failures *f, struct slice user, struct slice address, int64_t now);
void failures_add(struct failures *f, struct slice user, struct slice address, int64_t now);
/* Success: the pair's count is forgotten; the address's and the user's are not. */
void failures_clear(struct failures *f, struct slice user, struct slice address);

/* ---- verified.c: passwords that were right a moment ago, as keyed hashes. Not locked. ---- */
#define VERIFIED_WAYS 4
#define VERIFIED_SETS 256

struct verified_entry {
    unsigned char mac[32];
    int64_t expires;
    uint64_t generation;
    const struct principal *principal;
};
struct verified {
    unsigned char key[32];
    struct verified_entry (*sets)[VERIFIED_WAYS]; /* made at the first success */
};
void verified_init(struct verified *v);
void verified_free(struct verified *v);
bool verified_mac(const struct verified *v, const struct auth_password *q, unsigned char mac[32]);
const struct principal *verified_find(struct verified *v, const unsigned char mac[32],
                                      uint64_t generation, int64_t now);
void verified_put(struct verified *v, const unsigned char mac[32], uint64_t generation,
                  int64_t expires, const struct principal *p);

/* ---- broker.c ---- */
struct attempt {
    struct attempt *next;
    struct auth_broker *broker;
    struct exec *home;
    auth_done *done;
    void *arg;
    int64_t due;
    struct auth_password q; /* text follows the struct */
    struct slice key;       /* folded account name */
    size_t size;
    cimf_status status;
    const struct principal *principal;
};

/* What the file looked like when it was read. */
struct accounts_stamp {
    dev_t dev;
    ino_t ino;
    struct timespec changed, modified;
    off_t size;
};

struct auth_broker {
    struct auth_broker_config config;
    char *path;
    char *dummy;               /* crypt setting for unknown users while there are no accounts */
    char host[256];            /* this machine's name: DOMAIN\user */

    pthread_mutex_t lock;      /* all below */
    pthread_cond_t wake;       /* clock thread: look again; free: something ended */
    pthread_t clock;
    bool clock_runs, stopping;
    struct attempt *waiting;   /* by due time */
    unsigned waiting_count, running, reloading;
    struct failures failures;
    struct verified verified;
    struct accounts *accounts; /* NULL: nobody may log in */
    struct accounts_stamp stamp;
    bool stamp_valid;
    uint64_t generation;       /* atomic */
    int64_t looked;            /* atomic; when the file was looked at */
};

/* broker_check.c: the decision, on a worker, without the lock. */
void broker_verify(struct auth_broker *b, struct attempt *t);
/* Reads the file when it changed (or force). */
cimf_status broker_refresh(struct auth_broker *b, bool force, struct error *e);
/* The account part of the name forms: "MACHINE\\name" and "name@machine" give name when the machine is this
 * one; otherwise the whole. */
struct slice broker_account_name(const struct auth_broker *b, struct slice user);

#endif
