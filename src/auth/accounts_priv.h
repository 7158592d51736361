/* auth/accounts_priv.h - what reading (accounts.c), keys and secrets (accounts_key.c) and changing
 * (accounts_edit.c, accounts_change.c, accounts_import.c) the accounts file share. */
#ifndef AUTH_ACCOUNTS_PRIV_H
#define AUTH_ACCOUNTS_PRIV_H

#include "auth/private_priv.h"
#include "base/map.h"

#define ACCOUNTS_FIRST_RID 1000 /* below are well-known ones (MS-DTYP 2.4.2.4) */

struct accounts {
    int32_t refs;
    struct arena arena; /* the text and the rows */
    unsigned version;
    struct slice domain;
    uint32_t next_rid;
    struct account *list;
    unsigned count;
    struct map by_name; /* folded */
    struct account_group *groups;
    unsigned group_count;
    struct map group_by_name; /* folded */
};

bool account_name_ok(struct slice name);
/* Value of scheme=value, "" if absent. */
struct slice secret_find(struct slice secrets, const char *scheme);

/* ---- accounts_key.c ---- */
cimf_status accounts_key_make(const struct accounts_place *place, struct accounts_key *out, struct error *e);
cimf_status accounts_key_load_place(const struct accounts_place *place, struct accounts_key *out,
                                    struct error *e);
/* What a value is bound to. */
struct secret_owner {
    struct slice domain, name, realm;
    uint32_t rid;
    enum account_secret which;
};
/* Appends "scheme=value". */
bool secret_seal(struct buf *out, const struct secret_owner *o, const struct accounts_key *key,
                 const unsigned char *bytes);

/* ---- accounts_edit.c ---- */
struct accounts_edit {
    struct accounts_place place;
    int lock;
    struct accounts *was;       /* NULL: there was no file */
    struct arena arena;         /* new names, lists and secrets */
    struct account *rows;
    unsigned count, room;
    struct account_group *groups;
    unsigned group_count, group_room;
    char domain[64];
    uint32_t next_rid;
    struct stat st;
    struct accounts_key key;
    bool has_key;
};
struct account *edit_find(struct accounts_edit *x, struct slice name);
/* Zeroed, counted, with a fresh relative id; NULL and the error when there is no room. */
struct account *edit_row_add(struct accounts_edit *x, struct error *e);
cimf_status edit_group_row_add(struct accounts_edit *x, struct slice name, struct error *e);
bool edit_group_known(const struct accounts_edit *x, struct slice name);
/* The key, loaded or made. */
cimf_status edit_key(struct accounts_edit *x, struct error *e);
cimf_status edit_no_memory(struct error *e);
cimf_status edit_exists(struct error *e, struct slice name);

#endif
