/*
 * daemon/host_keeper.h - the supervisor's part in hosts: what cimd-core asks for is checked with cimd-auth, then a
 * process of that user is started and its socket handed over.
 *
 * cimd-core may be an attacker's. It names nothing but the id of a principal; who that is cimd-auth says, which knows an
 * id only while cimd-core has that principal and its account may log in. No user 0 unless the configuration allows it,
 * none of the daemon's own users, so many processes, so many requests a second. Nothing here waits: questions to cimd-auth are
 * in a table until it answers.
 */
#ifndef DAEMON_HOST_KEEPER_H
#define DAEMON_HOST_KEEPER_H

#include "daemon/role.h"
#include "daemon/budget.h"
#include "daemon/role_message.h"

enum {
    KEEPER_PENDING = 64,   /* questions to cimd-auth */
    KEEPER_HOSTS = 1024,   /* as the bound of quota.max_hosts */
    KEEPER_BURST = 64,     /* requests at once, */
    KEEPER_RATE = 8,       /* then so many a second */
};
#define KEEPER_WAIT_US 10000000

struct host_keeper {
    const struct config *config;
    bool root;             /* hosts become their user */
    uid_t own[ROLE_COUNT]; /* the roles' users: no host is one of them */
    int core, auth;        /* sockets; -1 when gone */
    int audit;             /* taken by the first record; -1 */
    uint32_t numbers;
    struct budget budget;  /* of requests */
    struct {
        uint32_t number;   /* of cimd-core */
        uint32_t asked;    /* ours; 0: free */
        int64_t deadline;
    } pending[KEEPER_PENDING];
    struct {
        pid_t pid;
        uid_t uid;
    } hosts[KEEPER_HOSTS];
    unsigned host_count;
};

/* ROLE_HOST of cimd-core; false: it does not read its answers and has to end. */
bool keeper_asked(struct host_keeper *k, const struct role_message *m);
/* ROLE_RESOLVED of cimd-auth; the same. */
bool keeper_resolved(struct host_keeper *k, const struct role_message *m);
/* A child has ended; true: it was a host. */
bool keeper_ended(struct host_keeper *k, pid_t pid, int status);
/* When keeper_expire has something to do (clock_mono_us); INT64_MAX: never. */
int64_t keeper_due(const struct host_keeper *k);
bool keeper_expire(struct host_keeper *k);

#endif
