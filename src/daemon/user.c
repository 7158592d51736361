/* cimd user: the accounts file. Passwords come from standard input or a prompt, never from arguments. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/clock.h"
#include "daemon/admin.h"
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

/* One command at work. */
struct user_command {
    struct command *c;
    struct accounts_place place;
    struct account_change change;
    struct slice groups[ADMIN_LIST], leave[ADMIN_LIST];
    const char *operand; /* account, or file of import */
};

/* Secrets for what the configuration offers, and for Basic and NTLM in any case, so that either may be switched on
 * later without asking everybody for his password again. */
static unsigned default_schemes(const struct config *config)
{
    return ACCOUNT_SCHEME(ACCOUNT_BASIC) | ACCOUNT_SCHEME(ACCOUNT_NTLM) |
           (config_on(config, CONFIG_auth_digest) ? ACCOUNT_SCHEMES_DIGEST : 0);
}

static cimf_status take_options(struct user_command *x, struct error *e)
{
    struct command *c = x->c;
    struct account_change *to = &x->change;
    cimf_status s = admin_list(c->groups, c->group_count, x->groups, e);
    if (s == CIMF_OK) s = admin_list(c->leave, c->leave_count, x->leave, e);
    if (s == CIMF_OK && c->schemes) s = admin_schemes(c->schemes, &to->schemes, e);
    if (s == CIMF_OK && c->expires) s = admin_expiry(c->expires, &to->expires, e);
    to->name = slice_str(x->operand);
    to->groups = x->groups;
    to->group_count = c->group_count;
    to->leave = x->leave;
    to->leave_count = c->leave_count;
    to->posix_user = slice_str(c->posix_user ? c->posix_user : "");
    to->set_posix = c->posix_user != NULL;
    to->set_expires = c->expires != NULL;
    return s;
}

/* The commands: each changes `edit` and says so; the caller commits, then records what `audit` says. */
struct user_verb {
    const char *name;
    bool password;  /* is asked for */
    cimf_status (*run)(struct user_command *x, struct accounts_edit *edit, struct error *e);
    void (*audit)(struct user_command *x);
};

static cimf_status run_add(struct user_command *x, struct accounts_edit *edit, struct error *e)
{
    if (x->c->leave_count) return error_set(e, CIMF_USAGE, "cimd", "--no-group is for user mod");
    return accounts_edit_add(edit, &x->change, e);
}

static void audit_add(struct user_command *x)
{
    struct arena *a = &x->c->config.arena;
    admin_audit(x->change.name, "user add: schemes=%s groups=%s posix=%s expires=%s", admin_scheme_names(a, x->change.schemes),
                admin_join(a, x->groups, x->c->group_count), x->c->posix_user ? x->c->posix_user : "",
                x->c->expires ? x->c->expires : "never");
}

static cimf_status run_passwd(struct user_command *x, struct accounts_edit *edit, struct error *e)
{
    return accounts_edit_passwd(edit, &x->change, e);
}

static void audit_passwd(struct user_command *x)
{
    admin_audit(x->change.name, "user passwd: schemes=%s",
                x->change.schemes ? admin_scheme_names(&x->c->config.arena, x->change.schemes) : "as before");
}

static cimf_status run_mod(struct user_command *x, struct accounts_edit *edit, struct error *e)
{
    const struct command *c = x->c;
    if (!c->group_count && !c->leave_count && !c->posix_user && !c->expires)
        return error_set(e, CIMF_USAGE, "cimd", "nothing to change: give --group, --no-group, --posix-user or --expires");
    return accounts_edit_modify(edit, &x->change, e);
}

static void audit_mod(struct user_command *x)
{
    struct arena *a = &x->c->config.arena;
    admin_audit(x->change.name, "user mod: joins=%s leaves=%s%s%s%s%s", admin_join(a, x->groups, x->c->group_count),
                admin_join(a, x->leave, x->c->leave_count), x->c->posix_user ? " posix=" : "",
                x->c->posix_user ? x->c->posix_user : "", x->c->expires ? " expires=" : "", x->c->expires ? x->c->expires : "");
}

static cimf_status run_del(struct user_command *x, struct accounts_edit *edit, struct error *e)
{
    return accounts_edit_del(edit, x->change.name, e);
}
static void audit_del(struct user_command *x) { admin_audit(x->change.name, "user del"); }

static cimf_status run_enable(struct user_command *x, struct accounts_edit *edit, struct error *e)
{
    return accounts_edit_enable(edit, x->change.name, true, e);
}
static void audit_enable(struct user_command *x) { admin_audit(x->change.name, "user enable"); }

static cimf_status run_disable(struct user_command *x, struct accounts_edit *edit, struct error *e)
{
    return accounts_edit_enable(edit, x->change.name, false, e);
}
static void audit_disable(struct user_command *x) { admin_audit(x->change.name, "user disable"); }

static const struct user_verb verbs[] = {
    { "add", true, run_add, audit_add },           { "passwd", true, run_passwd, audit_passwd },
    { "mod", false, run_mod, audit_mod },          { "del", false, run_del, audit_del },
    { "enable", false, run_enable, audit_enable }, { "disable", false, run_disable, audit_disable },
};

static cimf_status change(struct user_command *x, const struct user_verb *verb, struct error *e)
{
    char password[ACCOUNTS_PASSWORD_MAX + 2];
    struct accounts_edit *edit = NULL;
    cimf_status s = take_options(x, e);
    if (s == CIMF_OK && verb->run == run_add && !x->change.schemes) x->change.schemes = default_schemes(&x->c->config);
    if (s == CIMF_OK && verb->password) s = ask_password(x->c, password, sizeof password, e);
    if (s == CIMF_OK && verb->password) x->change.password = slice_str(password);
    if (s == CIMF_OK) s = admin_begin(x->c, true, &x->place, e);
    if (s == CIMF_OK) s = accounts_edit_begin(&x->place, &edit, e);
    if (s == CIMF_OK) s = verb->run(x, edit, e);
    if (s == CIMF_OK) s = accounts_edit_commit(edit, e);
    accounts_edit_end(edit);
    explicit_bzero(password, sizeof password);
    if (s != CIMF_OK) return s;
    verb->audit(x);
    if (verb->run == run_add && !x->c->group_count && !x->c->posix_user)
        fprintf(stderr, "cimd user: %s is in no group: may log in and do nothing. `cimd user mod --config %s %s --group \"Remote Management Users\"` lets read "
                        "and call methods, --group administrators everything\n", x->operand, x->c->config.path ? x->c->config.path : "FILE", x->operand);
    return s;
}

/* ---- import ---- */

static void imported(void *arg, struct slice name)
{
    struct buf *names = arg;
    buf_slice_add(names, name);
    buf_byte(names, '\n');
}

static cimf_status import(struct user_command *x, struct error *e)
{
    struct buf text, names;
    unsigned count = 0;
    struct accounts_edit *edit = NULL;
    buf_init(&text, ACCOUNTS_FILE_MAX);
    buf_init(&names, ACCOUNTS_FILE_MAX);
    cimf_status s = file_read_buf(&text, x->operand, e);
    if (s == CIMF_OK) s = admin_begin(x->c, true, &x->place, e);
    if (s == CIMF_OK) s = accounts_edit_begin(&x->place, &edit, e);
    if (s == CIMF_OK) {
        s = accounts_edit_import(edit, buf_slice(&text), imported, &names, &count, e);
        if (s != CIMF_OK && e->line) { /* name the line as compilers do */
            struct error why = *e;
            error_set(e, s, "cimd", "%s:%u: %s%s%s", x->operand, why.line, why.subject, *why.subject ? ": " : "", error_text(&why));
        }
    }
    if (s == CIMF_OK) s = accounts_edit_commit(edit, e);
    accounts_edit_end(edit);
    if (s == CIMF_OK) {
        for (struct slice rest = buf_slice(&names); rest.n;)
            admin_audit(slice_split(rest, '\n', &rest), "user import: schemes=ntlm");
        printf("%u accounts\n", count);
    }
    buf_wipe(&text);
    buf_free(&names);
    return s;
}

/* ---- list ---- */

static cimf_status list(struct user_command *x, struct error *e)
{
    struct accounts *accounts;
    char expires[ACCOUNT_EXPIRY_TEXT];
    struct arena *a = &x->c->config.arena;
    cimf_status s = admin_begin(x->c, false, &x->place, e);
    if (s == CIMF_OK) s = accounts_load_place(&x->place, &accounts, e);
    if (s == CIMF_NOT_FOUND) return CIMF_OK; /* nobody yet */
    if (s != CIMF_OK) return s;
    int64_t now = clock_wall_us();
    for (unsigned i = 0; i < accounts_count(accounts); i++) {
        const struct account *u = accounts_at(accounts, i);
        unsigned schemes = (u->basic.n ? ACCOUNT_SCHEME(ACCOUNT_BASIC) : 0) | (u->ntlm ? ACCOUNT_SCHEME(ACCOUNT_NTLM) : 0) |
                           (u->digest_md5 || u->digest_sha256 ? ACCOUNT_SCHEMES_DIGEST : 0);
        printf(SLICE_FMT "\t%s\t%s\t" SLICE_FMT "\t%s\t", SLICE_ARG(u->name),
               !u->enabled ? "disabled" : account_active(u, now) ? "enabled" : "expired",
               admin_join(a, u->groups, u->group_count), SLICE_ARG(u->posix_user), admin_scheme_names(a, schemes));
        account_expiry_format(u->expires, expires);
        printf("%s\n", *expires ? expires : "never");
    }
    accounts_unref(accounts);
    return CIMF_OK;
}

int command_user(struct command *c)
{
    struct error e = ERROR_INIT;
    const char *verb = c->operand_count ? c->operands[0] : "";
    bool lists = strcmp(verb, "list") == 0;
    if (c->operand_count != (lists ? 1u : 2u)) {
        error_set(&e, CIMF_USAGE, "cimd", "usage: cimd user %s", c->info->usage);
        return command_failed(c, "", &e);
    }
    struct user_command x = { .c = c, .operand = lists ? "" : c->operands[1] };
    cimf_status s = CIMF_USAGE;
    bool known = lists || strcmp(verb, "import") == 0;
    if (lists) s = list(&x, &e);
    else if (known) s = import(&x, &e);
    for (size_t i = 0; !known && i < sizeof verbs / sizeof verbs[0]; i++) {
        if (strcmp(verb, verbs[i].name) != 0) continue;
        known = true;
        s = change(&x, &verbs[i], &e);
    }
    if (!known)
        error_set(&e, CIMF_USAGE, "cimd", "'%.40s' is not one of add, passwd, mod, del, enable, disable, import, list", verb);
    return s == CIMF_OK ? 0 : command_failed(c, x.operand, &e);
}
