/*
 * auth/broker_priv.h - the parts of the broker. broker.c is the public face over an operations table;
 * the real one is broker_local.c (its life), broker_queue.c (what waits), broker_accounts.c (the file),
 * broker_identity.c (principals) and a file for each kind of question; the stand-in is broker_remote.c.
 * failures.c slows failures down, verified.c remembers successes.
 */
#ifndef AUTH_BROKER_PRIV_H
#define AUTH_BROKER_PRIV_H

#include <nettle/hmac.h>
#include <pthread.h>
#include <sys/types.h>
#include <time.h>

#include "auth/accounts.h"
#include "auth/audit.h"
#include "auth/broker.h"
#include "auth/certmap.h"
#include "auth/sid.h"
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
/* What counts as one address: an IPv6 peer owns its whole /64, an IPv4 address written as IPv6 is itself. */
#define FAILURES_ADDRESS 64
struct slice failures_address(struct slice address, char out[FAILURES_ADDRESS]);

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
    struct hmac_sha256_ctx keyed; /* with a random key; nettle's, see http_nonces.c */
    struct verified_entry (*sets)[VERIFIED_WAYS]; /* made at the first success */
};
void verified_init(struct verified *v);
void verified_free(struct verified *v);
bool verified_mac(const struct verified *v, const struct auth_password *q, unsigned char mac[32]);
const struct principal *verified_find(struct verified *v, const unsigned char mac[32],
                                      uint64_t generation, int64_t now);
void verified_put(struct verified *v, const unsigned char mac[32], uint64_t generation,
                  int64_t expires, const struct principal *p);

/* ---- broker.c: one face, two kinds ---- */
struct broker_ops {
    void (*free)(struct auth_broker *b);
    void (*check_password)(struct auth_broker *b, const struct auth_password *q, struct exec *home,
                           auth_done *done, void *arg);
    const struct principal *(*check_cached)(struct auth_broker *b, const struct auth_password *q);
    void (*check_digest)(struct auth_broker *b, const struct auth_digest *q, struct exec *home,
                         auth_digest_done *done, void *arg);
    void (*check_certificate)(struct auth_broker *b, const struct auth_certificate *q,
                              struct exec *home, auth_done *done, void *arg);
    cimf_status (*exchange_new)(struct auth_broker *b, const struct auth_exchange_config *config,
                                struct exec *home, struct auth_exchange **out, struct error *e);
    void (*exchange_step)(struct auth_exchange *x, struct slice token, auth_exchange_done *done,
                          void *arg);
    void (*exchange_free)(struct auth_exchange *x);
    uint64_t (*generation)(struct auth_broker *b);
    void (*refresh)(struct auth_broker *b, const struct principal *p, struct exec *home,
                    auth_done *done, void *arg);
    void (*mappings)(struct auth_broker *b, const struct principal *by, const struct auth_mapping *q,
                     struct exec *home, auth_mappings_done *done, void *arg);
    cimf_status (*reload)(struct auth_broker *b, struct error *e);
    const struct principal *(*resolve)(struct auth_broker *b, struct slice id);
};
struct auth_broker {
    const struct broker_ops *ops;
};
struct auth_exchange {
    struct auth_broker *broker;
};

/* ---- broker_queue.c: what waits for a worker ---- */
enum attempt_kind {
    ATTEMPT_FREE,  /* decides nothing that could be guessed: goes to the workers at once */
    ATTEMPT_PROOF, /* verifies a proof, cheaply: delayed after failures, some at once */
    ATTEMPT_HASH,  /* verifies a password, expensively: delayed, few at once */
    ATTEMPT_KINDS
};
struct broker_local;
/* The first member of every question to the real broker. */
struct attempt {
    struct attempt *next;
    struct broker_local *broker;
    struct exec *home;
    void (*run)(struct attempt *t);     /* on a worker, without the lock: fills status and principal */
    void (*deliver)(struct attempt *t); /* on home: calls back and frees */
    void (*drop)(struct attempt *t);    /* home is gone: frees */
    enum attempt_kind kind;
    bool delayed;                       /* by failures: counts against max_waiting */
    int64_t due;
    struct slice key, address;          /* of the failures: folded account name, address */
    char place[FAILURES_ADDRESS];       /* what of the address counts as one; set by attempt_submit */
    size_t place_n;
    uint64_t owner;                     /* whose turn at the workers it takes; 0: that of its place, or of nobody */
    cimf_status status;
    const struct principal *principal;
};
/* Takes t. Without a pool it runs and delivers here. What finds no room is answered SERVER_TOO_BUSY. */
void attempt_submit(struct attempt *t);
/* Takes t and answers NOT_AUTHENTICATED without looking: what is switched off. */
void attempt_refuse(struct attempt *t);
void broker_queue_start(struct broker_local *b);
bool broker_queue_clock(struct broker_local *b); /* starts its thread */
void broker_queue_stop(struct broker_local *b);  /* waits for what runs; answers what waits */
/* What waits for this home is answered now, SHUTTING_DOWN: nobody there wants it any more. */
void broker_queue_cancel(struct broker_local *b, const struct exec *home);
/* An attempt's failure or success, for the delays of later ones. */
void attempt_count(struct attempt *t, bool right);
/* For texts behind an attempt: copies, moving *at. */
struct slice attempt_text(char **at, struct slice s);

/* ---- the real broker ---- */
/* What a file looked like when it was read. */
struct broker_stamp {
    bool there;
    dev_t dev;
    ino_t ino;
    off_t size;
    struct timespec changed, modified;
};

/* One reading of what decides. */
struct broker_files {
    struct accounts *accounts; /* NULL: nobody may log in */
    struct certmap *certmap;   /* NULL: certificates log nobody in */
    struct accounts_key key;   /* of NTLM and Digest secrets */
    bool has_key;
    int64_t next_end;          /* wall clock: an account ends then */
    struct broker_stamp accounts_stamp, certmap_stamp;
};

/* Somebody who wants to know of a new generation; called with the lock held, on any thread. */
struct broker_watch {
    struct broker_watch *next;
    void (*changed)(struct broker_watch *w, uint64_t generation);
};

struct broker_serve;
struct exchange_local;

struct broker_local {
    struct auth_broker base;
    int32_t refs;              /* the owner's and one of each exchange */
    struct arena arena;        /* the configuration's texts */
    struct auth_broker_config config;
    char *dummy;               /* crypt setting for unknown users while there are no accounts */
    char host[256];            /* this machine's name: DOMAIN\user */
    char netbios[16];

    pthread_mutex_t lock;      /* all below */
    pthread_cond_t wake;       /* clock thread: look again; stop: something ended */
    pthread_t clock;
    bool clock_runs, stopping;
    struct attempt *waiting;   /* by due time */
    unsigned waiting_count, delayed_count, reloading;
    unsigned running[ATTEMPT_KINDS], most[ATTEMPT_KINDS];
    struct failures failures;
    struct verified verified;
    struct broker_files files;
    uint64_t generation;       /* atomic */
    int64_t looked;            /* atomic; when the file was looked at */
    struct broker_watch *watches;
    struct broker_serve *serves; /* who got principals */
    struct exchange_local *oldest, *newest; /* unfinished exchanges, by birth */
    unsigned exchange_count;
    struct map exchange_addresses; /* how many of each address */
};
static inline struct broker_local *broker_local(struct auth_broker *b)
{
    return (struct broker_local *)b;
}
void broker_local_unref(struct broker_local *b);

/* ---- broker_accounts.c: the accounts file as it is now ---- */
/* Reads the file when it changed (or force). */
cimf_status broker_refresh(struct broker_local *b, bool force, struct error *e);
/* Looks at the file first. One reference or NULL; generation (may be NULL) of before that. */
struct accounts *broker_accounts(struct broker_local *b, uint64_t *generation);
struct certmap *broker_certmap(struct broker_local *b); /* likewise */
void broker_files_free(struct broker_files *f);
/* There is a file, but nobody knows what it says: all is NULL. */
bool broker_unreadable(const struct broker_local *b, const struct accounts *all);
uint64_t broker_generation(struct auth_broker *b);
/* The account part of the name forms: "MACHINE\\name" and "name@machine" give name when the machine is this
 * one; otherwise the whole. */
struct slice broker_account_name(const struct broker_local *b, struct slice user);
const struct account *broker_account(const struct broker_local *b, const struct accounts *all,
                                     struct slice user);
/* The folded account name, as failures know it. Wants ACCOUNTS_NAME_MAX * 2 bytes or less of user. */
bool broker_key(const struct broker_local *b, struct slice user, struct buf *out);
/* May log in now. */
bool broker_active(const struct account *a);
/* As accounts_secret, with the broker's key and realm. */
bool broker_secret(struct broker_local *b, const struct accounts *all, const struct account *a,
                   enum account_secret which, unsigned char out[ACCOUNT_SECRET_MAX]);

/* ---- broker_identity.c: principals ---- */
/* uri_patterns: of a certificate mapping; else NULL and 0. NULL: out of memory. */
const struct principal *identity_of_account(const struct broker_local *b, const struct accounts *all,
                                            const struct account *a, enum auth_scheme scheme,
                                            const struct slice *uri_patterns, unsigned uri_count);

/* Of a Kerberos name, with the SIDs of its PAC (binary; the user's own first; count 0: none). The account
 * called "user@REALM", if there is one, gives groups and the local user, never uid 0; NULL when it may not
 * log in. */
const struct principal *identity_of_realm_user(const struct broker_local *b, const struct accounts *all,
                                               struct slice user, struct slice realm,
                                               const struct slice *pac_sids, unsigned pac_count);

/* The same of somebody who has logged in: with the SIDs that his ticket brought and what the accounts file says today. */
const struct principal *identity_of_realm_user_now(const struct broker_local *b, const struct accounts *all,
                                                   const struct principal *was);

/* A user of this machine under its own name (PAM): SID S-1-22-1-uid. Its POSIX groups count for admin_groups and as
 * S-1-22-2-gid, never as groups of ours that happen to be called so. NULL: no such user, or no memory. */
const struct principal *identity_of_user(const struct broker_local *b, struct slice user, enum auth_scheme scheme);
/* This machine still has the user, and it is the same one. */
bool identity_user_is(const struct broker_local *b, struct slice user, const char *sid);

/* ---- audit of logins ---- */
struct broker_login {
    const struct principal *principal; /* NULL: refused */
    struct slice user, address;
    const char *scheme;
    bool bound;
    cimf_status status;
    const char *detail;                /* may be NULL */
};
void broker_audit(const struct broker_login *l);

/* ---- a file for each kind of question ---- */
void local_check_password(struct auth_broker *b, const struct auth_password *q, struct exec *home,
                          auth_done *done, void *arg);
const struct principal *local_check_cached(struct auth_broker *b, const struct auth_password *q);
void local_check_digest(struct auth_broker *b, const struct auth_digest *q, struct exec *home,
                        auth_digest_done *done, void *arg);
void local_check_certificate(struct auth_broker *b, const struct auth_certificate *q,
                             struct exec *home, auth_done *done, void *arg);
void local_refresh(struct auth_broker *b, const struct principal *p, struct exec *home,
                   auth_done *done, void *arg);
void local_mappings(struct auth_broker *b, const struct principal *by, const struct auth_mapping *q,
                    struct exec *home, auth_mappings_done *done, void *arg);
/* Who p is now, with the rights of today: one reference. NULL and CIMF_NOT_AUTHENTICATED when it may not go on. */
const struct principal *broker_now(const struct broker_local *b, const struct accounts *all, const struct principal *p,
                                   cimf_status *status);
const struct principal *local_resolve(struct auth_broker *b, struct slice id);
cimf_status local_exchange_new(struct auth_broker *b, const struct auth_exchange_config *config,
                               struct exec *home, struct auth_exchange **out, struct error *e);
void local_exchange_step(struct auth_exchange *x, struct slice token, auth_exchange_done *done,
                         void *arg);
void local_exchange_free(struct auth_exchange *x);

#endif
