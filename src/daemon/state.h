/*
 * daemon/state.h - the folders of a daemon: who owns what below state_dir, and that one daemon uses it.
 *
 * state_dir            the supervisor's; others may pass through
 *   lock               held while a daemon runs; its pid
 *   repository/        cimd-core's
 *   backup/            cimd-core's: wmi.backup_dir, unless it is said to be elsewhere
 *   accounts           cimd-auth's, as are its key and
 *   auth/              the certificate map, which it changes, and what Kerberos notes about replays
 *   audit.log          the supervisor's
 */
#ifndef DAEMON_STATE_H
#define DAEMON_STATE_H

#include "daemon/config.h"
#include "daemon/role.h"

struct state {
    int lock, folder, repository, backup; /* descriptors; 0: none */
    bool drop;                           /* this is root: the roles become these */
    struct identity who[ROLE_COUNT];
};

/* Makes what is missing, gives to each role what is its own (when this is root) and takes the lock. CIMF_ALREADY_EXISTS names the daemon that has it. On failure
 * state_release is still allowed. */
cimf_status state_prepare(struct config *config, struct state *out, struct error *e);
/* The folder that a role works in. */
int state_folder(const struct state *s, enum role role);
/* At SIGHUP: an accounts file that root put there by hand belongs to cimd-auth. */
cimf_status state_reload(struct config *config, const struct state *s, struct error *e);
/* The folders were handed over and are let go; the lock stays. */
void state_started(struct state *s);
void state_release(struct state *s);
/* Who the roles become under root. The error says what to type when there is no such user. */
cimf_status state_user(const struct config *config, enum config_key key, struct identity *out, struct error *e); /* one of them */
cimf_status state_users(const struct config *config, struct identity who[ROLE_COUNT], struct error *e);

#endif
