/*
 * auth/sid.h - security identifiers (MS-DTYP 2.4.2): binary, text, well-known names, POSIX ids.
 *
 * A struct sid is plain data, copied freely; no SID that a peer sends is longer than it.
 */
#ifndef AUTH_SID_H
#define AUTH_SID_H

#include "base/cursor.h"

#define SID_SUBS 15   /* sub-authorities */
#define SID_BYTES 68  /* longest binary form */
#define SID_TEXT 184  /* longest text form and NUL */

struct sid {
    uint64_t authority;    /* 48 bits */
    uint32_t sub[SID_SUBS];/* those past count are zero */
    unsigned count;
};

/* Binary form. sid_read consumes exactly its bytes; false (the cursor is then of no use) when they are
 * not there, the revision is not 1 or the count is above 15. No sub-authority at all ("S-1-5") is valid. */
bool sid_read(struct cursor *c, struct sid *out);
static inline size_t sid_size(const struct sid *s) { return 8 + 4 * (size_t)s->count; }
void sid_write(const struct sid *s, char *out); /* sid_size bytes */

/* Text form (2.4.2.1): "S-1-5-32-544"; the authority is hexadecimal (0x and 12 digits) from 2^32 on.
 * Reading takes no leading zeros and no sign; sid_text_read takes the longest SID at the start of the
 * text and answers its length, 0 if there is none. */
void sid_format(const struct sid *s, char out[SID_TEXT]);
size_t sid_text_read(struct slice text, struct sid *out);
bool sid_parse(struct slice text, struct sid *out);

bool sid_eq(const struct sid *a, const struct sid *b);
/* s is domain with one more sub-authority, which is put in *rid. */
bool sid_in_domain(const struct sid *s, const struct sid *domain, uint32_t *rid);
/* domain-rid; false when the domain is full. How accounts get theirs: accounts_domain_sid and the rid. */
bool sid_of_rid(const struct sid *domain, uint32_t rid, struct sid *out);

/* POSIX ids (the convention that Samba uses): S-1-22-1-uid, S-1-22-2-gid. (uid_t)-1 means "none" and
 * has no SID. */
bool sid_of_uid(uint32_t uid, struct sid *out);
bool sid_of_gid(uint32_t gid, struct sid *out);
bool sid_uid(const struct sid *s, uint32_t *uid);
bool sid_gid(const struct sid *s, uint32_t *gid);

/* Well-known SIDs (2.4.2.4) that code names. */
enum sid_known {
    SID_NOBODY, SID_EVERYONE, SID_LOCAL, SID_CREATOR_OWNER, SID_CREATOR_GROUP, SID_OWNER_RIGHTS,
    SID_NETWORK, SID_INTERACTIVE, SID_ANONYMOUS, SID_SELF, SID_AUTHENTICATED, SID_THIS_ORGANIZATION,
    SID_SYSTEM, SID_LOCAL_SERVICE, SID_NETWORK_SERVICE, SID_ADMINISTRATORS, SID_USERS, SID_GUESTS,
    SID_REMOTE_MANAGEMENT_USERS, SID_NTLM, SID_SCHANNEL, SID_DIGEST, SID_LOCAL_ACCOUNT,
    SID_LOCAL_ADMINISTRATOR,
};
struct sid sid_known(enum sid_known which);
bool sid_is(const struct sid *s, enum sid_known which);

/* "BUILTIN\Administrators", "Everyone": NULL if the SID is not in the table. */
const char *sid_name(const struct sid *s);
/* The other way, without case; only full names, so that no account or group can be called "SYSTEM". */
bool sid_by_name(struct slice name, struct sid *out);
/* A group of the BUILTIN domain by its short name: "Event Log Readers". */
bool sid_builtin(struct slice group, struct sid *out);

/* The two letters of SDDL (2.5.1.1). Some stand for a rid in a domain: they need one, and without it
 * (NULL) the answer is SID_CODE_DOMAIN. sid_code writes only those that mean the same everywhere;
 * NULL for any other SID. */
enum sid_code_result { SID_CODE_OK, SID_CODE_UNKNOWN, SID_CODE_DOMAIN };
enum sid_code_result sid_by_code(const char code[2], const struct sid *domain, struct sid *out);
const char *sid_code(const struct sid *s);

#endif
