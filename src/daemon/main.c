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
#include "daemon/role.h"
#include "os/signals.h"

static const struct command_info commands[] = {
    { "serve", "[--ready-file PATH]", "run the daemon in the foreground", command_serve, true },
    { "user", "add|passwd|del|enable|disable|list [NAME] [--password-stdin] [--group G]... [--posix-user U]",
      "manage the accounts that clients log in with", command_user, true },
    { "mof", "[--namespace NS] [--check] FILE...", "compile MOF into the repository; each file wholly or not at all",
      command_mof, true },
    { "config", "check|dump", "check the configuration, or print it with every key and its meaning", command_config, false },
    { "backup", "PATH", "write a consistent copy of the repository, also while the daemon runs", command_backup, true },
    { "restore", "[--force] PATH", "replace the repository by a backup; the daemon must be stopped", command_restore, true },
};
enum { COMMAND_COUNT = sizeof commands / sizeof *commands };

static const struct option options[] = {
    { "config", required_argument, NULL, 'c' },     { "set", required_argument, NULL, 's' },
    { "ready-file", required_argument, NULL, 'r' }, { "namespace", required_argument, NULL, 'N' },
    { "group", required_argument, NULL, 'g' },      { "posix-user", required_argument, NULL, 'u' },
    { "password-stdin", no_argument, NULL, 'p' },   { "check", no_argument, NULL, 'C' },
    { "force", no_argument, NULL, 'f' },            { "help", no_argument, NULL, 'h' },
    { NULL, 0, NULL, 0 },
};

static void usage(FILE *out)
{
    fprintf(out, "cimd " CIMFONY_VERSION ": Windows Management protocols for this machine\n\n"
                 "usage: cimd COMMAND --config FILE [--set section.key=value]... [OPTIONS]\n\n");
    for (int i = 0; i < COMMAND_COUNT; i++)
        fprintf(out, "  cimd %s %s\n      %s\n", commands[i].name, commands[i].usage, commands[i].text);
    fprintf(out, "\n  cimd --version\n\nFirst steps: cimd config dump > cimd.ini; edit it; cimd user add --config cimd.ini NAME; "
                 "cimd serve --config cimd.ini.\nThe manual is cimd(8).\n");
}

int command_failed(const struct command *c, const char *what, const struct error *e)
{
    const char *text = error_text(e), *subject = strstr(text, e->subject) || strcmp(what, e->subject) == 0 ? "" : e->subject;
    fprintf(stderr, "cimd %s: %s%s%s%s%s\n", c->info->name, what, *what ? ": " : "", subject, *subject ? ": " : "", text);
    int code = cimf_status_info(e->status)->exit_code;
    return code ? code : 1;
}

static int take_option(struct command *c, int option, const char **groups, const char **sets, unsigned *set_count,
                       const char **config)
{
    switch (option) {
    case 'c': *config = optarg; return 0;
    case 's': sets[(*set_count)++] = optarg; return 0;
    case 'r': c->ready_file = optarg; return 0;
    case 'N': c->ns = optarg; return 0;
    case 'g': groups[c->group_count++] = optarg; return 0;
    case 'u': c->posix_user = optarg; return 0;
    case 'p': c->password_stdin = true; return 0;
    case 'C': c->check_only = true; return 0;
    case 'f': c->force = true; return 0;
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
    const char **groups = calloc((size_t)argc + 1, sizeof *groups), **sets = calloc((size_t)argc + 1, sizeof *sets);
    const char *config = NULL;
    unsigned set_count = 0;
    int option, code = groups && sets ? 0 : 1;
    while (code == 0 && (option = getopt_long(argc, argv, "", options, NULL)) != -1)
        code = take_option(&c, option, groups, sets, &set_count, &config);
    c.groups = groups;
    c.operands = (const char *const *)(argv + optind);
    c.operand_count = (unsigned)(argc - optind);
    if (code == 0) {
        code = read_config(&c, config, sets, set_count);
        if (code == 0) code = info->run(&c);
        config_free(&c.config);
    }
    free(groups);
    free(sets);
    return code;
}

int main(int argc, char **argv)
{
    signals_block();
    if (argc == 2 && strcmp(argv[1], ROLE_ARGUMENT) == 0) return role_main(argv[0]);
    if (argc < 2) {
        usage(stderr);
        return 2;
    }
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
