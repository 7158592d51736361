/* cimd config check|dump. */
#include <stdio.h>

#include "daemon/command.h"

int command_config(struct command *c)
{
    struct error e = ERROR_INIT;
    const char *verb = c->operand_count == 1 ? c->operands[0] : "";
    if (strcmp(verb, "check") == 0 && c->has_config) {
        if (config_check(&c->config, &e) != CIMF_OK) return command_failed(c, c->config.path, &e);
        printf("%s: ok\n", c->config.path);
        return 0;
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
