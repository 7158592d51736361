/*
 * daemon/state.h - the folders of a daemon: who owns what below state_dir, and that one daemon uses it.
 *
 * state_dir            the supervisor's
 *   lock               held while a daemon runs; its pid
 *   repository/        cimd-core's
 *   audit.log          the supervisor's
 */
#ifndef DAEMON_STATE_H
#define DAEMON_STATE_H

#include "daemon/config.h"
#include "daemon/role.h"

struct state {
    int lock, folder, repository; /* descriptors; 0: none */
};

/* Makes what is missing and takes the lock. CIMF_ALREADY_EXISTS names the daemon that has it. On failure
 * state_release is still allowed. */
cimf_status state_prepare(struct config *config, struct state *out, struct error *e);
/* The folder that a role works in. */
int state_folder(const struct state *s, enum role role);
void state_release(struct state *s);

#endif
