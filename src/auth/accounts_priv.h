/* auth/accounts_priv.h - what reading and changing the accounts file share. */
#ifndef AUTH_ACCOUNTS_PRIV_H
#define AUTH_ACCOUNTS_PRIV_H

#include <sys/stat.h>

#include "auth/accounts.h"
#include "base/buf.h"
#include "base/map.h"

#define ACCOUNTS_FIRST_RID 1000 /* below are well-known ones (MS-DTYP 2.4.2.4) */

struct accounts {
    int32_t refs;
    struct arena arena; /* the text and the rows */
    struct slice domain;
    uint32_t next_rid;
    struct account *list;
    unsigned count;
    struct map by_name; /* folded */
};

bool account_name_ok(struct slice name);
/* The whole file, checked for owner and mode; st is of what was read. */
cimf_status accounts_read(const char *path, struct buf *text, struct stat *st, struct error *e);
/* Value of scheme=value, "" if absent. */
struct slice secret_find(struct slice secrets, const char *scheme);

#endif
