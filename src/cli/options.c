/* Arguments: the subcommand, then operands and options in any order. */
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cimfony/version.h>

#include "cli/cli.h"

enum { OPT_AUTH = 256, OPT_CACERT, OPT_INSECURE, OPT_TIMEOUT, OPT_PASSWORD_STDIN, OPT_CLEAR, OPT_URI, OPT_LOCALE,
       OPT_EXACT, OPT_DECLARED, OPT_CERT, OPT_KEY, OPT_DELEGATE, OPT_TRUSTED, OPT_UNENCRYPTED };

static const struct option options[] = {
    { "user", required_argument, NULL, 'u' },        { "password-stdin", no_argument, NULL, OPT_PASSWORD_STDIN },
    { "auth", required_argument, NULL, OPT_AUTH },   { "cacert", required_argument, NULL, OPT_CACERT },
    { "insecure", no_argument, NULL, OPT_INSECURE }, { "clear-password", no_argument, NULL, OPT_CLEAR },
    { "timeout", required_argument, NULL, OPT_TIMEOUT }, { "output", required_argument, NULL, 'o' },
    { "uri", required_argument, NULL, OPT_URI },     { "locale", required_argument, NULL, OPT_LOCALE },
    { "exact", no_argument, NULL, OPT_EXACT },       { "declared", no_argument, NULL, OPT_DECLARED },
    { "cert", required_argument, NULL, OPT_CERT },   { "key", required_argument, NULL, OPT_KEY },
    { "delegate", no_argument, NULL, OPT_DELEGATE }, { "trusted-hosts", required_argument, NULL, OPT_TRUSTED },
    { "allow-unencrypted", no_argument, NULL, OPT_UNENCRYPTED },
    { "help", no_argument, NULL, 'h' },              { NULL, 0, NULL, 0 },
};

static const char option_text[] =
    "  -u, --user NAME       account; the URL may name it too: wsmv://NAME@host\n"
    "      --password-stdin  read the password from standard input; else CIM_PASSWORD, else a prompt\n"
    "      --auth SCHEME     basic, digest, ntlm, kerberos, negotiate, credssp or certificate; without it a Kerberos\n"
    "                        ticket if there is one, else NTLM with the password\n"
    "      --delegate        Kerberos: let the server act as you elsewhere\n"
    "      --cert FILE       client certificate (PEM), for HTTPS\n"
    "      --key FILE        its key; else in the same file\n"
    "      --cacert FILE     authorities that may sign the server's certificate (PEM)\n"
    "      --insecure        do not check the server's certificate\n"
    "      --trusted-hosts LIST  hosts that need not prove who they are: *, or name,*suffix,prefix*,<local>\n"
    "      --allow-unencrypted   messages may travel unprotected to another machine\n"
    "      --clear-password  trust this host, and allow to send it the password over plain HTTP\n"
    "      --timeout SECONDS what the server may take for one message (60)\n"
    "      --locale TAG      language of texts, such as en-US\n"
    "      --uri wmi|dmtf    how classes are named; dmtf for OMI and Openwsman\n"
    "  -h, --help            this text\n";

void cli_usage(FILE *out)
{
    fprintf(out, "cim " CIMFONY_VERSION ": management of Windows and Linux machines\n\nusage: cim COMMAND URL ... [OPTIONS]\n\n");
    for (const struct cli_command *k = cli_commands; k->name; k++) fprintf(out, "  %-9s %s\n", k->name, k->text);
    fprintf(out, "\nURL is wsmv://[user@]host[:port][/namespace] or wsmv+https://...; the namespace is root/cimv2 unless given.\n\n"
                 "  -o, --output FORMAT   table, list, json, csv, xml or mof\n%s      --version\n\n"
                 "cim COMMAND --help says more; the manual is cim(1).\n", option_text);
}

static void help(FILE *out, const struct cli_command *k)
{
    fprintf(out, "cim %s: %s\n\nusage: cim %s %s [OPTIONS]\n\n%s\n\n", k->name, k->text, k->name, k->operands, k->help);
    if (k->formats) {
        fprintf(out, "  -o, --output FORMAT   ");
        const char *separator = "";
        for (int f = 0; f < OUTPUT_COUNT; f++) {
            if (!(k->formats & 1u << f)) continue;
            fprintf(out, "%s%s%s", separator, output_format_name((enum output_format)f), f == (int)k->format ? " (default)" : "");
            separator = ", ";
        }
        fputc('\n', out);
    }
    if (k->run == cli_ls) fprintf(out, "      --exact           without the instances of subclasses\n");
    if (k->run == cli_class) fprintf(out, "      --declared        only what the class itself declares\n");
    fputs(option_text, out);
}

int cli_failed_usage(const struct cli *c, const char *format, ...)
{
    va_list args;
    fprintf(stderr, "cim%s%s: ", c->command ? " " : "", c->command ? c->command->name : "");
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    if (c->command) fprintf(stderr, "\nusage: cim %s %s [OPTIONS]; cim %s --help says more\n", c->command->name, c->command->operands,
                            c->command->name);
    else fprintf(stderr, "\ncim --help lists the commands\n");
    return cimf_status_info(CIMF_USAGE)->exit_code;
}

static int take_auth(struct cli *c, const char *word)
{
    static const char *const names[] = { "basic", "digest", "ntlm", "kerberos", "negotiate", "credssp", "certificate" };
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(word, names[i]) != 0) continue;
        c->options.auth = i;
        return -1;
    }
    return cli_failed_usage(c, "--auth %.60s is not known; use basic, digest, ntlm, kerberos, negotiate, credssp or certificate", word);
}

static int take_timeout(struct cli *c, const char *word)
{
    char *end;
    errno = 0;
    double seconds = strtod(word, &end);
    if (errno || end == word || *end || !(seconds >= 0.5 && seconds <= 1e6)) {
        return cli_failed_usage(c, "--timeout takes seconds, 0.5 to 1000000, not '%.60s'", word);
    }
    c->options.operation_timeout_ms = (uint32_t)(seconds * 1000);
    return -1;
}

static int take_format(struct cli *c, const char *word)
{
    int f = output_format_find(word);
    if (f < 0) return cli_failed_usage(c, "-o %.60s is not a format; use table, list, json, csv, xml or mof", word);
    if (!(c->command->formats & 1u << f)) return cli_failed_usage(c, "-o %s does not fit this command", word);
    c->format = (enum output_format)f;
    return -1;
}

static int take_option(struct cli *c, int option)
{
    switch (option) {
    case 'u': c->options.user = cimf_str_of(optarg); return -1;
    case 'o': return take_format(c, optarg);
    case OPT_AUTH: return take_auth(c, optarg);
    case OPT_CACERT: c->options.ca_file = optarg; return -1;
    case OPT_INSECURE: c->options.insecure = true; return -1;
    case OPT_CERT: c->options.certificate = optarg; return -1;
    case OPT_KEY: c->options.key = optarg; return -1;
    case OPT_DELEGATE: c->options.delegate = true; return -1;
    case OPT_TRUSTED: c->options.trusted_hosts = optarg; return -1;
    case OPT_UNENCRYPTED: c->options.allow_unencrypted = true; return -1;
    case OPT_CLEAR: c->options.allow_clear_password = true; return -1;
    case OPT_TIMEOUT: return take_timeout(c, optarg);
    case OPT_PASSWORD_STDIN: c->password_stdin = true; return -1;
    case OPT_LOCALE: c->options.locale = optarg; return -1;
    case OPT_URI:
        if (strcmp(optarg, "wmi") != 0 && strcmp(optarg, "dmtf") != 0) return cli_failed_usage(c, "--uri is wmi or dmtf");
        c->options.class_uri = strcmp(optarg, "dmtf") == 0 ? CIMF_URI_DMTF : CIMF_URI_WMI;
        return -1;
    case OPT_EXACT:
        if (c->command->run != cli_ls) return cli_failed_usage(c, "--exact does not fit this command");
        c->exact = true;
        return -1;
    case OPT_DECLARED:
        if (c->command->run != cli_class) return cli_failed_usage(c, "--declared does not fit this command");
        c->declared = true;
        return -1;
    case 'h': help(stdout, c->command); return 0;
    default: return cli_failed_usage(c, "the options are not understood");
    }
}

int cli_read_arguments(struct cli *c, int argc, char **argv)
{
    const char *word = argv[1];
    if (strcmp(word, "--version") == 0) {
        printf("cim " CIMFONY_VERSION "\n");
        return 0;
    }
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0) {
        cli_usage(stdout);
        return 0;
    }
    for (const struct cli_command *k = cli_commands; k->name && !c->command; k++) {
        if (strcmp(word, k->name) == 0) c->command = k;
    }
    if (!c->command) return cli_failed_usage(c, "there is no command '%.60s'", word);
    c->format = c->command->format;
    int option;
    char **rest = argv + 1;
    while ((option = getopt_long(argc - 1, rest, "u:o:h", options, NULL)) != -1) {
        int code = take_option(c, option);
        if (code >= 0) return code;
    }
    c->operand_count = argc - 1 - optind;
    c->operands = calloc((size_t)c->operand_count + 1, sizeof *c->operands);
    if (!c->operands) return cli_no_memory(c);
    for (int i = 0; i < c->operand_count; i++) c->operands[i] = rest[optind + i];
    if (c->operand_count < c->command->min) return cli_failed_usage(c, "something is missing");
    if (c->command->max >= 0 && c->operand_count > c->command->max) {
        return cli_failed_usage(c, "'%.60s' is too much; quote what contains spaces", c->operands[c->command->max]);
    }
    return -1;
}
