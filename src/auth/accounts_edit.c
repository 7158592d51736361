/* One change of the accounts file: under a lock, written whole beside it, renamed over it. What may be
 * changed: accounts_change.c. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "auth/accounts_priv.h"
#include "base/guid.h"

cimf_status edit_no_memory(struct error *e)
{
    return error_set(e, CIMF_OUT_OF_MEMORY, "auth", "no memory for the accounts");
}

void accounts_edit_end(struct accounts_edit *x)
{
    if (!x) return;
    accounts_unref(x->was);
    arena_free(&x->arena);
    free(x->rows);
    free(x->groups);
    if (x->lock >= 0) close(x->lock);
    accounts_key_wipe(&x->key);
    free(x);
}

static void new_domain(struct accounts_edit *x)
{
    uint32_t r[3];
    random_bytes(r, sizeof r);
    snprintf(x->domain, sizeof x->domain, "S-1-5-21-%u-%u-%u", r[0], r[1], r[2]);
    x->next_rid = ACCOUNTS_FIRST_RID;
}

/* Version 1 had no group rows: the groups that accounts name get theirs now. */
static cimf_status upgrade(struct accounts_edit *x, struct error *e)
{
    for (unsigned i = 0; i < x->count; i++)
        for (unsigned g = 0; g < x->rows[i].group_count; g++) {
            cimf_status s = edit_group_known(x, x->rows[i].groups[g])
                                ? CIMF_OK : edit_group_row_add(x, x->rows[i].groups[g], e);
            if (s != CIMF_OK) return s;
        }
    return CIMF_OK;
}

static cimf_status take_rows(struct accounts_edit *x, struct error *e)
{
    const struct accounts *was = x->was;
    x->count = x->room = was->count;
    x->group_count = x->group_room = was->group_count;
    x->rows = calloc((size_t)x->room + 1, sizeof *x->rows);
    x->groups = calloc((size_t)x->group_room + 1, sizeof *x->groups);
    if (!x->rows || !x->groups) return edit_no_memory(e);
    if (x->count) memcpy(x->rows, was->list, x->count * sizeof *x->rows);
    if (x->group_count) memcpy(x->groups, was->groups, x->group_count * sizeof *x->groups);
    snprintf(x->domain, sizeof x->domain, SLICE_FMT, SLICE_ARG(was->domain));
    x->next_rid = was->next_rid;
    return was->version == 1 ? upgrade(x, e) : CIMF_OK;
}

cimf_status accounts_edit_begin(const struct accounts_place *place, struct accounts_edit **out,
                                struct error *e)
{
    *out = NULL;
    struct accounts_edit *x = calloc(1, sizeof *x);
    if (!x) return edit_no_memory(e);
    x->place = *place;
    x->lock = -1;
    arena_init(&x->arena, (size_t)256 << 20);
    struct buf text;
    buf_init(&text, ACCOUNTS_FILE_MAX);
    cimf_status s = private_lock(place->path, &x->lock, e);
    if (s == CIMF_OK) s = private_read(place->path, place->has_owner ? &place->owner : NULL, &text, &x->st, e);
    if (s == CIMF_OK) s = accounts_parse(buf_slice(&text), &x->was, e);
    else if (s == CIMF_NOT_FOUND) s = CIMF_OK;
    if (s == CIMF_OK && x->was) s = take_rows(x, e);
    else if (s == CIMF_OK) new_domain(x);
    buf_wipe(&text);
    if (s == CIMF_OK) *out = x;
    else accounts_edit_end(x);
    return s;
}

struct account *edit_find(struct accounts_edit *x, struct slice name)
{
    for (unsigned i = 0; i < x->count; i++)
        if (slice_ieq(x->rows[i].name, name)) return &x->rows[i];
    return NULL;
}

/* Makes room for one more of `size` bytes. */
static bool grow(void **list, unsigned count, unsigned *room, size_t size)
{
    if (*list && count < *room) return true;
    unsigned more = *room < 8 ? 16 : *room * 2;
    void *p = realloc(*list, more * size);
    if (!p) return false;
    *list = p;
    *room = more;
    return true;
}

static cimf_status next_rid(struct accounts_edit *x, uint32_t *rid, struct error *e)
{
    if (x->next_rid == UINT32_MAX) return error_set(e, CIMF_FAILED, "auth", "no relative id is left");
    *rid = x->next_rid++;
    return CIMF_OK;
}

struct account *edit_row_add(struct accounts_edit *x, struct error *e)
{
    void *rows = x->rows;
    uint32_t rid = 0;
    if (!grow(&rows, x->count, &x->room, sizeof *x->rows)) {
        edit_no_memory(e);
        return NULL;
    }
    x->rows = rows;
    if (next_rid(x, &rid, e) != CIMF_OK) return NULL;
    struct account *row = &x->rows[x->count++];
    *row = (struct account){ .rid = rid };
    return row;
}

bool edit_group_known(const struct accounts_edit *x, struct slice name)
{
    struct sid builtin;
    if (sid_builtin(name, &builtin)) return true;
    for (unsigned i = 0; i < x->group_count; i++)
        if (slice_ieq(x->groups[i].name, name)) return true;
    return false;
}

cimf_status edit_group_row_add(struct accounts_edit *x, struct slice name, struct error *e)
{
    void *groups = x->groups;
    uint32_t rid = 0;
    struct slice own = arena_dup(&x->arena, name);
    if (!own.p || !grow(&groups, x->group_count, &x->group_room, sizeof *x->groups)) return edit_no_memory(e);
    x->groups = groups;
    cimf_status s = next_rid(x, &rid, e);
    if (s == CIMF_OK) x->groups[x->group_count++] = (struct account_group){ own, rid };
    return s;
}

/* Secrets that another key sealed: theirs would be unreadable under a new one, ours under theirs. */
static cimf_status check_key_ids(const struct accounts_edit *x, struct error *e)
{
    for (unsigned i = 0; i < x->count; i++)
        for (int w = ACCOUNT_NTLM; w < ACCOUNT_SECRETS; w++) {
            struct slice value = secret_find(x->rows[i].secrets, account_secret_names[w]);
            struct slice id = slice_head(value, slice_find(value, '.'));
            if (value.n == 0 || slice_is(id, x->key.id) || x->place.new_key) continue;
            error_set(e, CIMF_ACCESS_DENIED, "auth", "the secrets of this account are under another key "
                      "than the key file's: bring that back, or make them void with --force");
            error_subject(e, x->rows[i].name);
            return CIMF_ACCESS_DENIED;
        }
    return CIMF_OK;
}

cimf_status edit_key(struct accounts_edit *x, struct error *e)
{
    if (x->has_key) return CIMF_OK;
    cimf_status s = accounts_key_load_place(&x->place, &x->key, e);
    bool make = s == CIMF_NOT_FOUND;
    if (s != CIMF_OK && !make) return s;
    s = check_key_ids(x, e);
    if (s == CIMF_OK && make) s = accounts_key_make(&x->place, &x->key, e);
    x->has_key = s == CIMF_OK;
    return s;
}

static bool edit_text(const struct accounts_edit *x, struct buf *b)
{
    char expires[ACCOUNT_EXPIRY_TEXT];
    buf_printf(b, "cimfony-accounts 2\ndomain %s\nnext %u\n", x->domain, x->next_rid);
    for (unsigned i = 0; i < x->group_count; i++)
        buf_printf(b, "group:" SLICE_FMT ":%u\n", SLICE_ARG(x->groups[i].name), x->groups[i].rid);
    for (unsigned i = 0; i < x->count; i++) {
        const struct account *a = &x->rows[i];
        buf_printf(b, "user:" SLICE_FMT ":%u:%s:", SLICE_ARG(a->name), a->rid, a->enabled ? "on" : "off");
        for (unsigned g = 0; g < a->group_count; g++)
            buf_printf(b, "%s" SLICE_FMT, g ? "," : "", SLICE_ARG(a->groups[g]));
        account_expiry_format(a->expires, expires);
        buf_printf(b, ":" SLICE_FMT ":%s:", SLICE_ARG(a->posix_user), expires);
        buf_slice_add(b, a->secrets);
        buf_byte(b, '\n');
    }
    return buf_ok(b);
}

cimf_status accounts_edit_commit(struct accounts_edit *x, struct error *e)
{
    struct buf text;
    buf_init(&text, ACCOUNTS_FILE_MAX);
    cimf_status s = edit_text(x, &text)
                        ? private_replace(&x->place, x->was ? &x->st : NULL, buf_slice(&text), e)
                        : error_set(e, CIMF_OUT_OF_MEMORY, "auth", "the accounts file would be too large");
    buf_wipe(&text);
    return s;
}
