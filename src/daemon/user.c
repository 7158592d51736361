/* cimd user: the accounts file. Passwords come from standard input or a prompt, never from arguments. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "auth/accounts.h"
#include "daemon/command.h"
#include "os/file.h"

static bool read_line(char *out, size_t size)
{
    if (!fgets(out, (int)size, stdin)) return false;
    out[strcspn(out, "\r\n")] = 0;
    return true;
}

static bool prompt(const char *text, char *out, size_t size)
{
    struct termios old, quiet;
    if (tcgetattr(STDIN_FILENO, &old) != 0) return false;
    quiet = old;
    quiet.c_lflag &= ~(tcflag_t)ECHO;
    fputs(text, stderr);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
    bool ok = read_line(out, size);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &old);
    fputc('\n', stderr);
    return ok;
}

static cimf_status ask_password(const struct command *c, char *out, size_t size, struct error *e)
{
    char again[ACCOUNTS_PASSWORD_MAX + 2];
    if (c->password_stdin || !isatty(STDIN_FILENO)) {
        if (!c->password_stdin)
            return error_set(e, CIMF_USAGE, "cimd", "there is no terminal to ask on: give --password-stdin and the "
                                                    "password on standard input");
        if (!read_line(out, size)) return error_set(e, CIMF_USAGE, "cimd", "no password on standard input");
        return CIMF_OK;
    }
    if (!prompt("Password: ", out, size) || !prompt("Again: ", again, sizeof again))
        return error_set(e, CIMF_USAGE, "cimd", "no password was typed");
    cimf_status s = strcmp(out, again) == 0 ? CIMF_OK
                                            : error_set(e, CIMF_USAGE, "cimd", "the two passwords differ");
    explicit_bzero(again, sizeof again);
    return s;
}

static cimf_status change_password(struct command *c, const char *path, const char *name, bool add, struct error *e)
{
    char password[ACCOUNTS_PASSWORD_MAX + 2];
    struct slice groups[64];
    if (c->group_count > 64) return error_set(e, CIMF_USAGE, "cimd", "more than 64 groups");
    for (unsigned i = 0; i < c->group_count; i++) groups[i] = slice_str(c->groups[i]);
    cimf_status s = ask_password(c, password, sizeof password, e);
    if (s != CIMF_OK) return s;
    struct account_change change = { .name = slice_str(name), .password = slice_str(password), .groups = groups,
                                     .group_count = c->group_count,
                                     .posix_user = slice_str(c->posix_user ? c->posix_user : "") };
    s = file_make_folders(config_text(&c->config, CONFIG_cimd_state_dir), 0700, e);
    if (s == CIMF_OK) s = add ? accounts_add(path, &change, e) : accounts_passwd(path, &change, e);
    explicit_bzero(password, sizeof password);
    return s;
}

static cimf_status list(const char *path, struct error *e)
{
    struct accounts *accounts;
    cimf_status s = accounts_load(path, &accounts, e);
    if (s == CIMF_NOT_FOUND) return CIMF_OK; /* nobody yet */
    if (s != CIMF_OK) return s;
    for (unsigned i = 0; i < accounts_count(accounts); i++) {
        const struct account *a = accounts_at(accounts, i);
        printf(SLICE_FMT "\t%s\t", SLICE_ARG(a->name), a->enabled ? "enabled" : "disabled");
        for (unsigned g = 0; g < a->group_count; g++) printf("%s" SLICE_FMT, g ? "," : "", SLICE_ARG(a->groups[g]));
        printf("\t" SLICE_FMT "\n", SLICE_ARG(a->posix_user));
    }
    accounts_unref(accounts);
    return CIMF_OK;
}

int command_user(struct command *c)
{
    struct error e = ERROR_INIT;
    const char *verb = c->operand_count ? c->operands[0] : "", *path = config_accounts(&c->config);
    bool needs_name = strcmp(verb, "list") != 0;
    if (c->operand_count != 1u + needs_name) {
        error_set(&e, CIMF_USAGE, "cimd", "usage: cimd user %s", c->info->usage);
        return command_failed(c, "", &e);
    }
    const char *name = needs_name ? c->operands[1] : NULL;
    cimf_status s;
    if (!needs_name) s = list(path, &e);
    else if (strcmp(verb, "add") == 0) s = change_password(c, path, name, true, &e);
    else if (strcmp(verb, "passwd") == 0) s = change_password(c, path, name, false, &e);
    else if (strcmp(verb, "del") == 0) s = accounts_del(path, slice_str(name), &e);
    else if (strcmp(verb, "enable") == 0) s = accounts_enable(path, slice_str(name), true, &e);
    else if (strcmp(verb, "disable") == 0) s = accounts_enable(path, slice_str(name), false, &e);
    else s = error_set(&e, CIMF_USAGE, "cimd", "'%.40s' is not one of add, passwd, del, enable, disable, list", verb);
    return s == CIMF_OK ? 0 : command_failed(c, name ? name : "", &e);
}
