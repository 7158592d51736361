/* auth/audit_priv.h - the journal's side of audit records (audit_journal.c). */
#ifndef AUTH_AUDIT_PRIV_H
#define AUTH_AUDIT_PRIV_H

#include "auth/audit.h"
#include "base/buf.h"

/* A socket connected to the journal at path; -1 if nobody listens there. Opened before a sandbox closes
 * the way: afterwards only send(2) is needed. */
int journal_open(const char *path);
/* The fields of one entry, one message in the journal's native protocol. value may hold anything. */
bool journal_field(struct buf *out, const char *key, struct slice value);
/* Never waits; what doesn't fit into the socket is lost (the file has it). */
bool journal_send(int fd, struct slice message);

/* The parts of a record, in the order of the line. key in lower case; quoted: written by others. */
typedef bool audit_visit(void *arg, const char *key, struct slice value, bool quoted);
bool audit_fields(const struct audit_record *r, audit_visit *visit, void *arg);
/* Another place than /run/systemd/journal/socket, for tests. NULL: that one. */
void audit_attach_at(int fd, const char *journal);
/* A line that another process may add: whole, of events that are its own. */
bool audit_line_ok(struct slice line);
/* How many refused logins may still be recorded at this moment, in millionths. Made up for the time since then. */
struct audit_budget {
    int64_t left, then;
    unsigned left_out;
};
/* Takes one; false: it has no record. */
bool audit_budget_take(struct audit_budget *b, int64_t now_us);

#endif
