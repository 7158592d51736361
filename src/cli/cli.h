/* cli/cli.h - what the subcommands of cim share. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <stdio.h>

#include <cimfony/operation.h>
#include <cimfony/path.h>

#include "cli/output.h"

struct cli;

struct cli_command {
    const char *name;
    const char *operands;     /* as the usage shows them: "URL PATH name=value..." */
    int min, max;             /* operands; max -1: any number; min 0: no URL, hence no session */
    const char *text;         /* one line of what it does */
    const char *help;         /* more, for --help */
    enum output_format format;/* when -o is not given */
    unsigned formats;         /* 1 << enum output_format: what -o may name; 0: none */
    int (*run)(struct cli *c);/* exit code */
};
extern const struct cli_command cli_commands[]; /* name NULL at the end */

struct cli {
    const struct cli_command *command;
    const char **operands;    /* the first is the URL */
    int operand_count;
    enum output_format format;
    bool password_stdin;
    bool declared;            /* class: only what it declares itself */
    bool exact;               /* ls: no subclasses */
    cimf_session_options options;
    char *password;           /* wiped at the end */
    cimf_session *session;
};

/* options.c: fills c; an exit code, or -1 to go on. */
int cli_read_arguments(struct cli *c, int argc, char **argv);
void cli_usage(FILE *out);

/* connect.c: opens c->session; exit code, 0 when it is open. */
int cli_connect(struct cli *c);
void cli_disconnect(struct cli *c);

/* Says what failed (in this subcommand, on what) and what to try; the exit code. */
int cli_failed(const struct cli *c, const cimf_error *e);
int cli_failed_usage(const struct cli *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
int cli_no_memory(const struct cli *c);
/* Flushes standard output; the code, or 1 when it could not be written. */
int cli_finish(const struct cli *c, int code);

/* assign.c: sets name=value words on an instance; exit code. */
int cli_assign(const struct cli *c, cimf_instance *in, const char *const *words, int count);

static inline cimf_str cli_operand(const struct cli *c, int i)
{
    return cimf_str_of(i < c->operand_count ? c->operands[i] : "");
}

int cli_identify(struct cli *c);
int cli_query(struct cli *c);
int cli_ls(struct cli *c);
int cli_get(struct cli *c);
int cli_set(struct cli *c);
int cli_create(struct cli *c);
int cli_delete(struct cli *c);
int cli_call(struct cli *c);
int cli_classes(struct cli *c);
int cli_class(struct cli *c);
int cli_dump(struct cli *c);
int cli_config(struct cli *c);

#endif
