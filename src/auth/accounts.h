/*
 * auth/accounts.h - the daemon's own accounts and groups: a text file, mode 0600, that `cimd user` and
 * `cimd group` write and the broker reads.
 *
 *   cimfony-accounts 2
 *   domain S-1-5-21-a-b-c         prefix of the SIDs, random when the file is made
 *   next 1002                     next relative id, of accounts and groups alike; never reused
 *   group:name:rid
 *   user:name:rid:state:groups:posix:expires:secrets
 *
 * state is "on" or "off"; groups a comma list of names, each of a group row or of the BUILTIN domain
 * ("Event Log Readers"); posix a local user's name or empty; expires YYYY-MM-DD, the first day (UTC) on
 * which it can't log in, or empty; secrets a blank-separated list of scheme=value. Names are unique
 * without case. Lines starting with '#' and empty lines are kept out of the rewritten file. Version 1 had
 * no group rows and lines of name:rid:state:groups:posix:secrets; it is read, and written as version 2.
 *
 * basic is a yescrypt hash. ntlm (the NT hash) and digest-md5, digest-sha256 (HA1) are as good as the
 * password, for NTLM and Digest ask for no more. They are encrypted with AES-256-GCM under the key file and
 * bound to domain, relative id, name, scheme and realm, so that no value works in another place:
 * "<key id>.<base64 of nonce, ciphertext and tag>". Schemes that this version does not know are kept
 * until the password changes.
 *
 * Changes are made under a lock file and by rename: a reader sees the old file or the new one.
 */
#ifndef AUTH_ACCOUNTS_H
#define AUTH_ACCOUNTS_H

#include <sys/types.h>

#include "auth/sid.h"
#include "base/arena.h"
#include "base/status.h"

#define ACCOUNTS_NAME_MAX 64      /* bytes; no : , / \ " control characters; no blanks at the ends */
#define ACCOUNTS_PASSWORD_MAX 512 /* bytes; crypt(3) takes no more */
#define ACCOUNTS_FILE_MAX (16u << 20)
#define ACCOUNTS_GROUPS_MAX 64    /* of one account */

enum account_secret { ACCOUNT_BASIC, ACCOUNT_NTLM, ACCOUNT_DIGEST_MD5, ACCOUNT_DIGEST_SHA256, ACCOUNT_SECRETS };
/* As in the file: "basic", "ntlm", "digest-md5", "digest-sha256". */
extern const char *const account_secret_names[ACCOUNT_SECRETS];

struct account {
    struct slice name;
    uint32_t rid;
    bool enabled;                 /* account_active says whether it may log in */
    int64_t expires;              /* microseconds since 1970; 0: never */
    const struct slice *groups;
    unsigned group_count;
    struct slice posix_user;      /* "" if none */
    struct slice basic;           /* crypt(3) hash, NUL-terminated; "" if Basic is not enabled for it */
    bool ntlm, digest_md5, digest_sha256; /* the secret is there; accounts_secret opens it */
    struct slice secrets;         /* all of them, as in the file */
};
static inline bool account_active(const struct account *a, int64_t wall_us)
{
    return a->enabled && (a->expires == 0 || wall_us < a->expires);
}

/* "YYYY-MM-DD" to the first microsecond of that day; "" is 0. And back: "" for 0. */
#define ACCOUNT_EXPIRY_TEXT 16
bool account_expiry_parse(struct slice text, int64_t *us);
void account_expiry_format(int64_t us, char out[ACCOUNT_EXPIRY_TEXT]);

struct account_group {
    struct slice name;
    uint32_t rid;
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
unsigned accounts_group_count(const struct accounts *a);
const struct account_group *accounts_group_at(const struct accounts *a, unsigned i);
struct slice accounts_domain_sid(const struct accounts *a);
/* Of an account or group of the file. */
bool accounts_sid(const struct accounts *a, uint32_t rid, struct sid *out);
/* Of a group by its name: the BUILTIN one, else the file's; false if there is none. */
bool accounts_group_sid(const struct accounts *a, struct slice name, struct sid *out);

/* ---- password-equivalent secrets ---- */
struct accounts_key {
    unsigned char bytes[32];
    char id[9];                   /* begins each value; tells a wrong key from a damaged value */
};
/* $CREDENTIALS_DIRECTORY/cimfony-accounts-key if there is one, else key_path, NULL: "<accounts_path>.key".
 * CIMF_NOT_FOUND when there is none: then no account has NTLM or Digest. The file's rules are those of
 * the accounts file. */
cimf_status accounts_key_load(const char *key_path, const char *accounts_path,
                              struct accounts_key *out, struct error *e);
void accounts_key_wipe(struct accounts_key *k);

#define ACCOUNT_SECRET_MAX 32
static inline size_t account_secret_size(enum account_secret which)
{
    return which == ACCOUNT_NTLM || which == ACCOUNT_DIGEST_MD5 ? 16
           : which == ACCOUNT_DIGEST_SHA256                     ? 32
                                                                : 0;
}
/*
 * Opens a secret (not ACCOUNT_BASIC): account_secret_size bytes. realm counts for Digest alone. false, and
 * random bytes in out, when `account` or `key` is NULL, the secret is not there or does not open: one
 * decryption is done in every case, so that callers do the same work for unknown users. Whether
 * the account is active is not looked at. Wipe `out` after use.
 */
bool accounts_secret(const struct accounts *a, const struct account *account, enum account_secret which,
                     struct slice realm, const struct accounts_key *key,
                     unsigned char out[ACCOUNT_SECRET_MAX]);

/* ---- changes ---- */
#define ACCOUNT_SCHEME(which) (1u << (which))
#define ACCOUNT_SCHEMES_DIGEST (ACCOUNT_SCHEME(ACCOUNT_DIGEST_MD5) | ACCOUNT_SCHEME(ACCOUNT_DIGEST_SHA256))
#define ACCOUNT_SCHEMES_ALL (ACCOUNT_SCHEME(ACCOUNT_BASIC) | ACCOUNT_SCHEME(ACCOUNT_NTLM) | ACCOUNT_SCHEMES_DIGEST)

/* Where the files are and whom they belong to. */
struct accounts_place {
    const char *path;
    const char *key_path;         /* as accounts_key_load */
    struct slice realm;           /* of new Digest secrets; "": "WSMAN" */
    bool has_owner;               /* for root: the broker's user. New files are given to it, its files are */
    uid_t owner;                  /* trusted */
    gid_t group;
    unsigned long cost;           /* yescrypt cost; 0: the library's default. Tests use 1 */
    bool new_key;                 /* make a key although secrets under a lost one are there (they are void) */
};

struct account_change {
    struct slice name;
    struct slice password;        /* add, passwd */
    unsigned schemes;             /* ACCOUNT_SCHEME bits that get a secret; 0: add: all, passwd: those it has */
    const struct slice *groups;   /* add; modify: join these */
    unsigned group_count;
    const struct slice *leave;    /* modify: leave these */
    unsigned leave_count;
    struct slice posix_user;      /* add; modify with set_posix */
    int64_t expires;              /* add; modify with set_expires */
    bool set_posix, set_expires;
    unsigned long cost;           /* as accounts_place; for the functions that take a path */
};

/*
 * One change of the file: begin locks (other writers wait) and reads, the edits change it in memory,
 * commit replaces the file wholly, end forgets and unlocks. An edit that fails leaves the change as it was.
 * begin: a missing file is an empty one; CIMF_INVALID_SYNTAX for a damaged one, which is never rewritten.
 */
struct accounts_edit;
cimf_status accounts_edit_begin(const struct accounts_place *place, struct accounts_edit **out,
                                struct error *e);
cimf_status accounts_edit_commit(struct accounts_edit *x, struct error *e);
void accounts_edit_end(struct accounts_edit *x); /* NULL is fine */

/* CIMF_ALREADY_EXISTS, CIMF_NOT_FOUND (account, group), CIMF_INVALID_PARAMETER (name; password empty, too
 * long, not UTF-8; group), CIMF_ACCESS_DENIED (the key is not the one of the other secrets). The key is
 * made when a secret needs it first. */
cimf_status accounts_edit_add(struct accounts_edit *x, const struct account_change *c, struct error *e);
cimf_status accounts_edit_passwd(struct accounts_edit *x, const struct account_change *c, struct error *e);
cimf_status accounts_edit_modify(struct accounts_edit *x, const struct account_change *c, struct error *e);
cimf_status accounts_edit_del(struct accounts_edit *x, struct slice name, struct error *e);
cimf_status accounts_edit_enable(struct accounts_edit *x, struct slice name, bool enabled, struct error *e);
cimf_status accounts_edit_group_add(struct accounts_edit *x, struct slice name, struct error *e);
cimf_status accounts_edit_group_del(struct accounts_edit *x, struct slice name, struct error *e); /* and out of
                                                                                        all accounts */
/*
 * Lines of smbpasswd(5): "name:uid:LM hash:NT hash:[flags]:LCT-hex:". Accounts with an NT hash alone; flag D
 * makes a disabled one; the LM hash, uid and time are ignored. All lines or none: CIMF_INVALID_SYNTAX (place
 * in the error), CIMF_ALREADY_EXISTS, CIMF_NOT_SUPPORTED for accounts without a password (flag N) or of machines
 * and domains (W, S, I). Comments and empty lines are passed over. *count gets how many there were;
 * imported (may be NULL) is called for each.
 */
cimf_status accounts_edit_import(struct accounts_edit *x, struct slice text,
                                 void (*imported)(void *arg, struct slice name), void *arg,
                                 unsigned *count, struct error *e);

/* begin, one edit, commit, end; for a place with nothing but the path. Groups that are missing are made. */
cimf_status accounts_add(const char *path, const struct account_change *c, struct error *e);
cimf_status accounts_passwd(const char *path, const struct account_change *c, struct error *e);
cimf_status accounts_del(const char *path, struct slice name, struct error *e);
cimf_status accounts_enable(const char *path, struct slice name, bool enabled, struct error *e);
/* As accounts_load, for root with the owner's files. */
cimf_status accounts_load_place(const struct accounts_place *place, struct accounts **out,
                                struct error *e);

#endif
