/* cimd config check|dump. */
#include <stdio.h>
#include <unistd.h>

#include "daemon/checkup.h"
#include "daemon/command.h"

int command_found(const struct command *c, const struct finding *f)
{
    const char *path = c->config.path ? c->config.path : "";
    fprintf(stderr, "cimd %s: %s%s%s: %s\n", c->info->name, path, *path ? ": " : "", f->fatal ? "error" : "warning", f->text);
    int code = cimf_status_info(f->status)->exit_code;
    return !f->fatal ? 0 : code ? code : 1;
}

/* Findings go to standard error, the verdict to standard output. */
static int check(struct command *c)
{
    struct checkup x;
    struct error e = ERROR_INIT;
    int code = 0;
    if (checkup_run(&x, &c->config, true, &e) != CIMF_OK) return command_failed(c, c->config.path, &e);
    for (unsigned i = 0; i < x.count; i++) {
        int own = command_found(c, &x.findings[i]);
        if (!code) code = own;
    }
    unsigned warnings = x.count - (x.fatal < x.count ? x.fatal : x.count);
    printf("%s: ", c->config.path);
    if (x.fatal) printf("%u error%s", x.fatal, x.fatal == 1 ? "" : "s");
    else printf("ok");
    if (warnings) printf(", %u warning%s", warnings, warnings == 1 ? "" : "s");
    if (x.fatal) printf(": cimd does not start%s", geteuid() == 0 ? "" : "; this is how it looks to the user who ran the check");
    printf("\n");
    checkup_free(&x);
    return code;
}

int command_config(struct command *c)
{
    struct error e = ERROR_INIT;
    const char *verb = c->operand_count == 1 ? c->operands[0] : "";
    if (strcmp(verb, "check") == 0 && c->has_config) {
        return check(c);
    }
    if (strcmp(verb, "dump") == 0) {
        struct buf out;
        buf_init(&out, 0);
        bool ok = config_dump(&c->config, &out) && fwrite(out.p, 1, out.n, stdout) == out.n;
        buf_free(&out);
        return ok ? 0 : 1;
    }
    error_set(&e, CIMF_USAGE, "cimd", "usage: cimd config check --config FILE | cimd config dump [--config FILE]");
    return command_failed(c, "", &e);
}
