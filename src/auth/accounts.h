/*
 * auth/accounts.h - the daemon's own accounts: a text file, mode 0600, that `cimd user` writes and the
 * broker reads.
 *
 *   cimfony-accounts 1
 *   domain S-1-5-21-a-b-c         prefix of the accounts' SIDs, random when the file is made
 *   next 1002                     next relative id; never reused
 *   name:rid:state:groups:posix:secrets
 *
 * state is "on" or "off"; groups a comma list; posix a local user's name or empty; secrets a blank-separated
 * list of scheme=value, today basic=<yescrypt hash>. Schemes that this version does not know are kept until the password changes. Lines
 * starting with '#' and empty lines are kept out of the rewritten file. Names are unique without case.
 * Changes are made under a lock file and by rename, so that a reader sees the old file or the new one.
 */
#ifndef AUTH_ACCOUNTS_H
#define AUTH_ACCOUNTS_H

#include "base/arena.h"
#include "base/status.h"

#define ACCOUNTS_NAME_MAX 64      /* bytes; no : , / \ " control characters; no blanks at the ends */
#define ACCOUNTS_PASSWORD_MAX 512 /* bytes; crypt(3) takes no more */
#define ACCOUNTS_FILE_MAX (16u << 20)

struct account {
    struct slice name;
    uint32_t rid;
    bool enabled;
    const struct slice *groups;
    unsigned group_count;
    struct slice posix_user;      /* "" if none */
    struct slice basic;           /* crypt(3) hash, NUL-terminated; "" if Basic is not enabled for it */
    struct slice secrets;         /* all of them, as in the file */
};

/* One reading of the file; immutable, reference counted. */
struct accounts;
cimf_status accounts_parse(struct slice text, struct accounts **out, struct error *e);
/* A missing file is CIMF_NOT_FOUND. Refuses a file that others can read or write, or that someone other
 * than root and this user owns. */
cimf_status accounts_load(const char *path, struct accounts **out, struct error *e);
struct accounts *accounts_ref(struct accounts *a);
void accounts_unref(struct accounts *a);
unsigned accounts_count(const struct accounts *a);
const struct account *accounts_at(const struct accounts *a, unsigned i); /* in file order */
const struct account *accounts_find(const struct accounts *a, struct slice name);
struct slice accounts_domain_sid(const struct accounts *a);

struct account_change {
    struct slice name;
    struct slice password;        /* add, passwd */
    const struct slice *groups;   /* add */
    unsigned group_count;
    struct slice posix_user;      /* add */
    unsigned long cost;           /* yescrypt cost; 0: the library's default. Tests use 1 */
};
/* Each locks, reads, changes and replaces the file; add makes it when missing. CIMF_ALREADY_EXISTS,
 * CIMF_NOT_FOUND, CIMF_INVALID_PARAMETER (name, password empty, too long, not UTF-8), CIMF_IO_ERROR. */
cimf_status accounts_add(const char *path, const struct account_change *c, struct error *e);
cimf_status accounts_passwd(const char *path, const struct account_change *c, struct error *e);
cimf_status accounts_del(const char *path, struct slice name, struct error *e);
cimf_status accounts_enable(const char *path, struct slice name, bool enabled, struct error *e);
/* `list` is accounts_load and accounts_at. */

#endif
