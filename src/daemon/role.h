/*
 * daemon/role.h - the processes of a running daemon and what they are given.
 *
 * `cimd serve` is the supervisor. It starts each role as a process of its own, a copy of itself that keeps nothing but
 * what is named here, with a socket pair to itself, the frozen configuration and what else
 * the role needs as open descriptors at the fixed numbers below: a role opens nothing that it may not. Descriptors
 * that a role does not get are /dev/null there.
 */
#ifndef DAEMON_ROLE_H
#define DAEMON_ROLE_H

#include <sys/types.h>

#include "daemon/config.h"
#include "os/identity.h"

enum role { ROLE_AUTH, ROLE_CORE, ROLE_COUNT };

enum role_fd {
    ROLE_FD_SUPERVISOR = 3, /* SOCK_SEQPACKET: words of role_message.h; its end of file: end now */
    ROLE_FD_START,          /* struct role_start, then the configuration as config_freeze wrote it */
    ROLE_FD_BROKER,         /* SOCK_SEQPACKET between cimd-auth and cimd-core */
    ROLE_FD_AUDIT,          /* auth: the file, append only; core: SOCK_SEQPACKET to auth, which writes for it */
    ROLE_FD_FOLDER,         /* auth: state_dir; core: the repository. Becomes the working folder, so that no
                               role needs to be able to walk the folders above it */
    ROLE_FD_OWN,            /* the first of those that only one role has */
    ROLE_FD_KEYTAB = ROLE_FD_OWN, /* auth: a copy in memory when the supervisor is root */
    ROLE_FD_RECORDS,        /* auth: the other end of core's ROLE_FD_AUDIT */
    ROLE_FD_PASSWORD,       /* auth: of wmi.callback_user, a copy in memory */
    ROLE_FD_BACKUP = ROLE_FD_OWN, /* core: the folder of wmi.backup_dir */
    ROLE_FD_CONTROL,        /* core: the listening control socket */
    ROLE_FD_CERTIFICATE,    /* core: copies in memory */
    ROLE_FD_KEY,
    ROLE_FD_CLIENT_CA,
    ROLE_FD_LISTEN,         /* core: bound sockets, as many as role_start says */
};
enum { ROLE_LISTENERS = 48 };
enum role_listener { ROLE_HTTP, ROLE_HTTPS, ROLE_EPMAP, ROLE_WMI };
#define ROLE_MAGIC 0x524d4943u

struct role_start {
    uint32_t magic;
    pid_t supervisor;
    uid_t starter;         /* who may use the control socket besides root */
    uint32_t drop;         /* become this first: the supervisor is root */
    struct identity who;
    uint32_t keytab, password; /* ROLE_FD_KEYTAB, ROLE_FD_PASSWORD hold one */
    uint32_t listeners;
    uint8_t speaks[ROLE_LISTENERS]; /* enum role_listener */
};

extern const char *const role_names[ROLE_COUNT];

/* What every role begins with: reads its start and configuration, goes to its folder, becomes who it is to be, dies with
 * the supervisor. config_free is the caller's, whatever the answer. */
cimf_status role_begin(struct role_start *start, struct config *config, struct error *e);
/* "cimd serve: what: why" on standard error; the exit code of the status. */
int role_failed(const char *what, const struct error *e);

/* The roles' main functions: exit codes. Signals are blocked. */
int role_auth_main(void);
/* cimd-core, once it serves; does nothing (see role_running.c). */
struct auth_broker;
void role_core_running(struct auth_broker *broker);
int role_core_main(void);
/* Runs the role of this name. */
int role_main(const char *name);

#endif
