/* cimd group: groups of the accounts file. Accounts join and leave them by `cimd user add` and `cimd user mod`. */
#include <stdio.h>

#include "daemon/admin.h"

static void print_members(const struct accounts *accounts, struct slice group)
{
    const char *between = "";
    for (unsigned i = 0; i < accounts_count(accounts); i++) {
        const struct account *u = accounts_at(accounts, i);
        for (unsigned g = 0; g < u->group_count; g++) {
            if (!slice_ieq(u->groups[g], group)) continue;
            printf("%s" SLICE_FMT, between, SLICE_ARG(u->name));
            between = ",";
        }
    }
}

static void print_group(const struct accounts *accounts, struct slice name)
{
    struct sid sid;
    char text[SID_TEXT] = "";
    if (accounts_group_sid(accounts, name, &sid)) sid_format(&sid, text);
    printf(SLICE_FMT "\t%s\t", SLICE_ARG(name), text);
    print_members(accounts, name);
    putchar('\n');
}

/* Built-in groups that somebody is in, each once. */
static void print_builtin(const struct accounts *accounts)
{
    struct sid seen[64], sid;
    unsigned count = 0;
    for (unsigned i = 0; i < accounts_count(accounts); i++) {
        const struct account *u = accounts_at(accounts, i);
        for (unsigned g = 0; g < u->group_count; g++) {
            bool known = !sid_builtin(u->groups[g], &sid) || count == sizeof seen / sizeof seen[0];
            for (unsigned k = 0; k < count && !known; k++) known = sid_eq(&seen[k], &sid);
            if (known) continue;
            seen[count++] = sid;
            const char *name = sid_name(&sid); /* "BUILTIN\Administrators" */
            print_group(accounts, name ? slice_sub(slice_str(name), slice_find(slice_str(name), '\\') + 1) : u->groups[g]);
        }
    }
}

static cimf_status list(const struct accounts_place *place, const char *name, struct error *e)
{
    struct accounts *accounts;
    struct sid sid;
    cimf_status s = accounts_load_place(place, &accounts, e);
    if (s == CIMF_NOT_FOUND && !name) return CIMF_OK;
    if (s != CIMF_OK) return s;
    for (unsigned i = 0; !name && i < accounts_group_count(accounts); i++)
        print_group(accounts, accounts_group_at(accounts, i)->name);
    if (!name) print_builtin(accounts);
    else if (accounts_group_sid(accounts, slice_str(name), &sid)) print_group(accounts, slice_str(name));
    else s = error_set(e, CIMF_NOT_FOUND, "cimd", "there is no group of that name");
    accounts_unref(accounts);
    return s;
}

static cimf_status change(const struct accounts_place *place, const char *verb, const char *name, struct error *e)
{
    struct accounts_edit *edit = NULL;
    bool add = strcmp(verb, "add") == 0;
    cimf_status s = accounts_edit_begin(place, &edit, e);
    if (s == CIMF_OK) s = add ? accounts_edit_group_add(edit, slice_str(name), e) : accounts_edit_group_del(edit, slice_str(name), e);
    if (s == CIMF_OK) s = accounts_edit_commit(edit, e);
    accounts_edit_end(edit);
    if (s == CIMF_OK) admin_audit(slice_str(name), "group %s", verb);
    return s;
}

int command_group(struct command *c)
{
    struct error e = ERROR_INIT;
    struct accounts_place place;
    const char *verb = c->operand_count ? c->operands[0] : "", *name = c->operand_count > 1 ? c->operands[1] : NULL;
    bool lists = strcmp(verb, "list") == 0, changes = strcmp(verb, "add") == 0 || strcmp(verb, "del") == 0;
    if (c->operand_count > 2 || !(lists || (changes && name))) {
        error_set(&e, CIMF_USAGE, "cimd", "usage: cimd group %s", c->info->usage);
        return command_failed(c, "", &e);
    }
    cimf_status s = admin_begin(c, changes, &place, &e);
    if (s == CIMF_OK) s = lists ? list(&place, name, &e) : change(&place, verb, name, &e);
    return s == CIMF_OK ? 0 : command_failed(c, name ? name : "", &e);
}
