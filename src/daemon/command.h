/*
 * daemon/command.h - the subcommands of cimd and what they share: options, configuration, messages.
 */
#ifndef DAEMON_COMMAND_H
#define DAEMON_COMMAND_H

#include "daemon/config.h"

/* The arguments after the subcommand, split into options and operands. */
struct command {
    const struct command_info *info;
    struct config config;        /* read when --config was given, else defaults; --set applied */
    bool has_config;
    const char *ready_file;      /* --ready-file */
    const char *ns;              /* --namespace */
    const char *posix_user;      /* --posix-user */
    const char *const *groups;   /* --group, repeated */
    unsigned group_count;
    const char *const *leave;    /* --no-group, repeated */
    unsigned leave_count;
    const char *schemes;         /* --scheme */
    const char *expires;         /* --expires */
    const char *issuer, *subject, *uri; /* --issuer, --subject, --uri */
    bool password_stdin, check_only, force;
    const char *const *operands;
    unsigned operand_count;
};

struct command_info {
    const char *name, *usage, *text;
    int (*run)(struct command *c);
    bool needs_config;
};

/* Each returns the exit code; messages go to standard error. */
int command_serve(struct command *c);
int command_user(struct command *c);
int command_group(struct command *c);
int command_certmap(struct command *c);
int command_mof(struct command *c);
int command_sd(struct command *c);
int command_config(struct command *c);
int command_backup(struct command *c);
int command_restore(struct command *c);

/* "cimd serve: /etc/cimfony/cimd.ini: error: key: what" or "warning:"; the exit code, 0 of a warning. */
struct finding;
int command_found(const struct command *c, const struct finding *f);
/* "cimd mof: what: why" and the exit code of the status. */
int command_failed(const struct command *c, const char *what, const struct error *e);

#endif
