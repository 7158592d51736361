/*
 * auth/audit.h - what a security officer reads later: logins, denials, changes of descriptors, accounts and
 * configuration, starts of hosts, backups. One line of key=value pairs a record, in the audit file (append only, its
 * descriptor inherited) and, where there is one, in the journal with the same fields (CIMFONY_EVENT=...); where
 * there is no journal, in the log. Values of others are quoted and escaped: a record is one line whatever a peer wrote.
 * Never a secret. Any thread; does not fail its caller. Nobody who is refused can fill the disk: of refused logins
 * each process, of denials of one caller authorize_check records AUDIT_FAILURES at once and AUDIT_FAILURES_S a second; the
 * next record says how many were left out.
 */
#ifndef AUTH_AUDIT_H
#define AUTH_AUDIT_H

#include "auth/principal.h"
#include "base/status.h"

enum audit_event {
    AUDIT_LOGIN, AUDIT_LOGIN_FAILED,
    AUDIT_GRANTED, AUDIT_DENIED,     /* of an access that a SACL (granted) or the check (denied) reports */
    AUDIT_DESCRIPTOR_CHANGED, AUDIT_ACCOUNT_CHANGED, AUDIT_CONFIG_CHANGED, AUDIT_HOST_STARTED,
    AUDIT_BACKUP, AUDIT_RESTORE, AUDIT_PAUSE, AUDIT_RESUME, /* of the repository */
};
struct audit_record {
    enum audit_event event;
    const struct principal *principal; /* who, NULL if nobody is known */
    struct slice user;                 /* as the peer wrote it, when there is no principal */
    struct slice peer;                 /* address text */
    const char *scheme;                /* "Basic", "NTLM", ...; NULL: of the principal */
    bool bound;                        /* channel bindings were compared */
    struct slice object;               /* namespace, resource URI, account, configuration key */
    uint32_t wanted, granted;          /* rights */
    cimf_status status;
    struct slice detail;
    unsigned left_out;                 /* audit_write's: refused logins before this one that have no record */
};
enum { AUDIT_FAILURES = 200, AUDIT_FAILURES_S = 10 };
/* Where records go. fd is taken; -1: journal or log only. Until this is called they go to the log alone. Opens the
 * socket to the journal: before a sandbox closes the way. (libaudit, which PAM brings, has an audit_open.) */
void audit_attach(int fd);
void audit_write(const struct audit_record *r);
/* Takes the records of another process from a SOCK_SEQPACKET, one line each, into the file of this one, until that end
 * closes or this one is shut down. The other process has no descriptor of the file then: whoever takes it over can add
 * records of what it decides, but change none, and says nothing about logins. Blocks. */
void audit_relay(int fd);
/* The line that audit_write writes, without newline: "time=... event=denied status=... name=\"alice\" sid=S-1-...
 * user=, peer=, scheme=, bound=yes|no, object=, wanted=0x..., granted=0x..., detail=, left_out=". Fields that don't apply are
 * left out; quoted values have \" \\ \n \xNN \u{...} and are cut after 1024 bytes, with ... behind the quote. */
struct buf;
bool audit_format(const struct audit_record *r, struct buf *out);

#endif
