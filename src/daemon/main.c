/*
 * cimd - the management daemon. This file is the table of subcommands and the reading of options; supervisor.c
 * is where the daemon begins.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include <cimfony/version.h>

#include "base/log.h"
#include "daemon/command.h"
#include "daemon/role_host.h"
#include "os/signals.h"

static const struct command_info commands[] = {
    { "serve", "[--ready-file PATH]", "run the daemon in the foreground", command_serve, true },
    { "user", "add|passwd|mod|del|enable|disable NAME | import FILE | list [--password-stdin] [--scheme basic,ntlm,digest] "
      "[--group G]... [--no-group G]... [--posix-user U] [--expires YYYY-MM-DD|never] [--force]",
      "manage the accounts that clients log in with; add makes secrets for basic and ntlm, and for digest where it is on; "
      "import takes smbpasswd lines", command_user, true },
    { "group", "add|del|list [NAME]", "manage the groups of accounts; user add and mod put accounts into them", command_group, true },
    { "certmap", "add|del|enable|disable USER | list [--issuer THUMBPRINT|FILE] [--subject PATTERN] [--uri PATTERN]",
      "manage which client certificates log in which accounts", command_certmap, true },
    { "mof", "[--namespace NS] [--check] FILE...", "compile MOF into the repository; each file wholly or not at all",
      command_mof, true },
    { "sd", "show NAMESPACE | set NAMESPACE SDDL | reset NAMESPACE", "who may do what in a namespace: its security descriptor",
      command_sd, true },
    { "config", "check|dump", "say whether this machine can run the configuration, and what in it will not work; or print it with every key and its meaning", command_config, false },
    { "backup", "PATH", "write a consistent copy of the repository, also while the daemon runs", command_backup, true },
    { "restore", "[--force] PATH", "replace the repository by a backup, also while the daemon runs", command_restore, true },
};
enum { COMMAND_COUNT = sizeof commands / sizeof *commands };

static const struct option options[] = {
    { "config", required_argument, NULL, 'c' },     { "set", required_argument, NULL, 's' },
    { "ready-file", required_argument, NULL, 'r' }, { "namespace", required_argument, NULL, 'N' },
    { "group", required_argument, NULL, 'g' },      { "posix-user", required_argument, NULL, 'u' },
    { "password-stdin", no_argument, NULL, 'p' },   { "check", no_argument, NULL, 'C' },
    { "force", no_argument, NULL, 'f' },            { "help", no_argument, NULL, 'h' },
    { "no-group", required_argument, NULL, 'G' },   { "scheme", required_argument, NULL, 'S' },
    { "expires", required_argument, NULL, 'E' },    { "issuer", required_argument, NULL, 'I' },
    { "subject", required_argument, NULL, 'J' },    { "uri", required_argument, NULL, 'U' },
    { NULL, 0, NULL, 0 },
};

static void usage(FILE *out)
{
    fprintf(out, "cimd " CIMFONY_VERSION ": Windows Management protocols for this machine\n\n"
                 "usage: cimd COMMAND --config FILE [--set section.key=value]... [OPTIONS]\n\n");
    for (int i = 0; i < COMMAND_COUNT; i++)
        fprintf(out, "  cimd %s %s\n      %s\n", commands[i].name, commands[i].usage, commands[i].text);
    fprintf(out, "\n  cimd --version\n\nFirst steps: cimd config dump > cimd.ini; edit it; cimd user add --config cimd.ini NAME --group administrators; "
                 "cimd config check --config cimd.ini; cimd serve --config cimd.ini.\nThe manual is cimd(8).\n");
}

int command_failed(const struct command *c, const char *what, const struct error *e)
{
    const char *text = error_text(e), *subject = strstr(text, e->subject) || strcmp(what, e->subject) == 0 ? "" : e->subject;
    fprintf(stderr, "cimd %s: %s%s%s%s%s\n", c->info->name, what, *what ? ": " : "", subject, *subject ? ": " : "", text);
    int code = cimf_status_info(e->status)->exit_code;
    return code ? code : 1;
}

/* Values of repeated options, as many as there are arguments. */
struct lists {
    const char **groups, **leave, **sets;
    unsigned set_count;
};

static int take_option(struct command *c, int option, struct lists *lists, const char **config)
{
    switch (option) {
    case 'c': *config = optarg; return 0;
    case 's': lists->sets[lists->set_count++] = optarg; return 0;
    case 'r': c->ready_file = optarg; return 0;
    case 'N': c->ns = optarg; return 0;
    case 'g': lists->groups[c->group_count++] = optarg; return 0;
    case 'u': c->posix_user = optarg; return 0;
    case 'p': c->password_stdin = true; return 0;
    case 'C': c->check_only = true; return 0;
    case 'f': c->force = true; return 0;
    case 'G': lists->leave[c->leave_count++] = optarg; return 0;
    case 'S': c->schemes = optarg; return 0;
    case 'E': c->expires = optarg; return 0;
    case 'I': c->issuer = optarg; return 0;
    case 'J': c->subject = optarg; return 0;
    case 'U': c->uri = optarg; return 0;
    case 'h': usage(stdout); exit(0);
    default: fprintf(stderr, "usage: cimd %s %s\n", c->info->name, c->info->usage); return 2;
    }
}

static int read_config(struct command *c, const char *path, const char *const *sets, unsigned set_count)
{
    struct error e = ERROR_INIT;
    c->has_config = path != NULL;
    if (!path && c->info->needs_config) {
        error_set(&e, CIMF_USAGE, "cimd", "--config FILE is needed; `cimd config dump > FILE` writes one to begin with");
        return command_failed(c, "", &e);
    }
    if (config_init(&c->config, &e) != CIMF_OK) return command_failed(c, "", &e);
    if (path && config_read(&c->config, path, &e) != CIMF_OK) return command_failed(c, "", &e);
    for (unsigned i = 0; i < set_count; i++)
        if (config_set(&c->config, sets[i], &e) != CIMF_OK) return command_failed(c, "", &e);
    enum log_level level;
    if (log_level_parse(slice_str(config_text(&c->config, CONFIG_cimd_log_level)), &level)) log_set_level(level);
    return 0;
}

static int run(const struct command_info *info, int argc, char **argv)
{
    struct command c = { .info = info };
    const char **room = calloc(3 * ((size_t)argc + 1), sizeof *room), *config = NULL;
    struct lists lists = { .groups = room, .leave = room + argc + 1, .sets = room + 2 * (argc + 1) };
    int option, code = room ? 0 : 1;
    while (code == 0 && (option = getopt_long(argc, argv, "", options, NULL)) != -1)
        code = take_option(&c, option, &lists, &config);
    c.groups = lists.groups;
    c.leave = lists.leave;
    c.operands = (const char *const *)(argv + optind);
    c.operand_count = (unsigned)(argc - optind);
    if (code == 0) {
        code = read_config(&c, config, lists.sets, lists.set_count);
        if (code == 0) code = info->run(&c);
        config_free(&c.config);
    }
    free(room);
    return code;
}

int main(int argc, char **argv)
{
    signals_block();
    if (argc < 2) {
        usage(stderr);
        return 2;
    }
    if (argc == 2 && strcmp(argv[1], ROLE_HOST_OPTION) == 0) return role_host_main();
    if (strcmp(argv[1], "--version") == 0) {
        printf("cimd " CIMFONY_VERSION "\n");
        return 0;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
        usage(stdout);
        return 0;
    }
    for (int i = 0; i < COMMAND_COUNT; i++)
        if (strcmp(argv[1], commands[i].name) == 0) return run(&commands[i], argc - 1, argv + 1);
    fprintf(stderr, "cimd: there is no command '%.60s'; cimd --help lists them\n", argv[1]);
    return 2;
}
