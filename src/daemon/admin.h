/*
 * daemon/admin.h - what the commands that change accounts, groups and certificate mappings share: where the files are
 * and whose, lists in options; and the audit records of what commands do without a daemon.
 */
#ifndef DAEMON_ADMIN_H
#define DAEMON_ADMIN_H

#include "auth/accounts.h"
#include "auth/audit.h"
#include "daemon/command.h"

/* Of the accounts file. Makes state_dir when it is missing and `change` says so; opens the audit log then. */
cimf_status admin_begin(struct command *c, bool change, struct accounts_place *out, struct error *e);
/* The same for the certificate map. */
cimf_status admin_begin_certmap(struct command *c, bool change, struct accounts_place *out, struct error *e);

/* Records of this command go to the audit log of the configuration; says so on standard error where they can't. */
void admin_open_audit(struct command *c);
/* What was done to the repository while no daemon ran, as the daemon records it, with who is logged in at this machine. */
void admin_audit_care(struct command *c, enum audit_event event, struct slice object, cimf_status status);
/* A record: what was done to whom. */
void admin_audit(struct slice object, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define ADMIN_LIST 64
/* Option values as slices; CIMF_USAGE when there are more than ADMIN_LIST. */
cimf_status admin_list(const char *const *values, unsigned count, struct slice out[ADMIN_LIST], struct error *e);
/* "a, b" or "". */
const char *admin_join(struct arena *a, const struct slice *list, unsigned count);
/* "basic,ntlm,digest" to ACCOUNT_SCHEME bits. */
cimf_status admin_schemes(const char *text, unsigned *schemes, struct error *e);
const char *admin_scheme_names(struct arena *a, unsigned schemes);
/* "YYYY-MM-DD" or "never". */
cimf_status admin_expiry(const char *text, int64_t *us, struct error *e);

#endif
