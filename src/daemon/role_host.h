/* daemon/role_host.h - the steps from a copy of the supervisor to a cimd-host. */
#ifndef DAEMON_ROLE_HOST_H
#define DAEMON_ROLE_HOST_H

#include <sys/types.h>

enum { ROLE_HOST_FD = 3 }; /* SOCK_SEQPACKET to cimd-core */
#define ROLE_HOST_OPTION "--host"

/* In the forked copy, which has the descriptors 0 to 3: becomes that user (root: whatever it takes) with the groups,
 * environment and home folder that the user database says, and executes this program anew, so that nothing of the
 * supervisor's memory is left. What fails is told on ROLE_HOST_FD. */
void role_host_become(uid_t uid, gid_t gid, int root, pid_t supervisor) __attribute__((noreturn));
/* cimd --host: the new program. */
int role_host_main(void);

#endif
