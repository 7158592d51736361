/* What failed, on what, and what to try. */
#include <errno.h>
#include <string.h>

#include "cli/cli.h"

/* Texts of a server go through the same filter as values. */
static void print_clean(FILE *out, const char *z)
{
    struct text t = { 0 };
    cimf_value v = { .type = CIMF_STRING, .v = { .s = cimf_str_of(z) } };
    text_value(&t, &v);
    fputs(t.n ? t.p : "", out);
    text_free(&t);
}

int cli_failed(const struct cli *c, const cimf_error *e)
{
    const struct cimf_status_info *info = cimf_status_info(e->status);
    fflush(stdout);
    fprintf(stderr, "cim %s: ", c->command->name);
    if (c->operand_count) {
        print_clean(stderr, c->operands[0]);
        fputs(": ", stderr);
    }
    print_clean(stderr, e->text[0] ? e->text : info->text);
    if (e->subject[0] && !strstr(e->text, e->subject)) {
        fputs(" [", stderr);
        print_clean(stderr, e->subject);
        fputc(']', stderr);
    }
    if (e->column) fprintf(stderr, " (column %u)", e->column);
    fprintf(stderr, "\n  status %s", info->name);
    if (e->text[0] && strcmp(e->text, info->text) != 0) fprintf(stderr, " (%s)", info->text);
    if (e->native) fprintf(stderr, ", code 0x%08X", e->native);
    if (e->protocol && e->protocol != e->native) fprintf(stderr, ", fault %u (0x%08X)", e->protocol, e->protocol);
    if (e->http_status && e->http_status != 200 && e->http_status != 500) fprintf(stderr, ", HTTP %d", e->http_status);
    fputc('\n', stderr);
    if (e->hint[0]) {
        fputs("  try: ", stderr);
        print_clean(stderr, e->hint);
        fputc('\n', stderr);
    }
    return info->exit_code ? info->exit_code : 1;
}

int cli_no_memory(const struct cli *c)
{
    fprintf(stderr, "cim: out of memory\n");
    return cimf_status_info(CIMF_OUT_OF_MEMORY)->exit_code;
}

int cli_finish(const struct cli *c, int code)
{
    if (fflush(stdout) == 0 && !ferror(stdout)) return code;
    fprintf(stderr, "cim %s: the output could not be written: %s\n", c->command->name, strerror(errno));
    return code ? code : cimf_status_info(CIMF_IO_ERROR)->exit_code;
}
