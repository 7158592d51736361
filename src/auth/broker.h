/*
 * auth/broker.h - the one place that decides who a caller is and makes principals. It will become a
 * process of its own; callers therefore see questions and answers only: every check is asynchronous.
 *
 * Passwords: the same work for unknown users, disabled accounts and wrong passwords. Failures slow later
 * attempts down exponentially, by (user, address), by address and, more mildly, by user; waiting attempts are
 * queued within bounds. A verified password is remembered (as a keyed hash, bounded, for some minutes) so that
 * a reconnecting client is not hashed again. Changes of the accounts file take effect at once: the next use of
 * any cached decision notices (generation).
 */
#ifndef AUTH_BROKER_H
#define AUTH_BROKER_H

#include "auth/principal.h"
#include "base/exec.h"
#include "base/status.h"

struct auth_broker;

struct auth_broker_config {
    const char *accounts_path;
    struct exec *pool;            /* workers: hashing, user database; NULL: everything inside the call
                                     (tests), then nothing is delayed */
    unsigned max_concurrent;      /* hashes at once; 0: half the processors, at least 1 */
    unsigned max_waiting;         /* attempts queued or delayed; 0: 256 */
    unsigned max_waiting_address; /* of these from one address; 0: 16 */
    int64_t cache_us;             /* life of a remembered password; 0: 5 minutes; < 0: never */
    int64_t delay_us;             /* first delay, doubled for each further failure; 0: 250 ms */
    int64_t max_delay_us;         /* 0: 30 s */
    unsigned free_failures;       /* failures before the first delay; 0: 2 */
    unsigned long dummy_cost;     /* yescrypt cost of the work done for unknown users; 0: default */
};

cimf_status auth_broker_new(const struct auth_broker_config *config, struct auth_broker **out,
                            struct error *e);
/* Waits for work on the pool; waiting attempts are answered CIMF_SHUTTING_DOWN by post. The pool and the
 * home executors must still run. */
void auth_broker_free(struct auth_broker *b);

/* status CIMF_OK and a principal (one reference for the callee), or NULL and CIMF_NOT_AUTHENTICATED
 * (one answer for every wrong credential), CIMF_SERVER_TOO_BUSY, CIMF_SHUTTING_DOWN, CIMF_FAILED. */
typedef void auth_done(void *arg, cimf_status status, const struct principal *p);

struct auth_password {
    struct slice user;            /* name, DOMAIN\name, name@realm, .\name; UTF-8 */
    struct slice password;
    struct slice address;         /* of the peer, as text; the delay key */
    enum auth_scheme scheme;
};
/* Copies what it needs. done runs on home, never inside this call (except without a pool). */
void auth_check_password(struct auth_broker *b, const struct auth_password *q, struct exec *home,
                         auth_done *done, void *arg);
/* The principal of a password that was verified a moment ago, one reference, or NULL: ask then. Cheap
 * (a MAC and a lock); any thread. */
const struct principal *auth_check_cached(struct auth_broker *b, const struct auth_password *q);

/* Changes whenever accounts change: a decision kept elsewhere (on a connection) holds as long as the
 * number that was current before the decision does. Looks at the file at most once a second. */
uint64_t auth_generation(struct auth_broker *b);
/* Reads the accounts file now. */
cimf_status auth_reload(struct auth_broker *b, struct error *e);

/* A principal without credentials, for callers that are this very user (local socket, tests, `cimd`'s own
 * work): the account of the process. Administrator if uid 0 or `administrator`. */
const struct principal *auth_local_principal(bool administrator);

#endif
