/* cimd sd: security descriptors of namespaces, through the running daemon or on the repository itself. */
#include <stdio.h>

#include "auth/broker.h"
#include "cim/path.h"
#include "daemon/command.h"
#include "daemon/control.h"
#include "daemon/core.h"

/* On the repository itself: no daemon has it open. */
static cimf_status ask_local(struct command *c, const struct slice *fields, size_t count, struct buf *text,
                             struct error *e)
{
    struct core core;
    cimf_status s = core_open(&core, &c->config, e);
    if (s != CIMF_OK) return s;
    const struct principal *p = auth_local_principal(true);
    s = p ? control_descriptor(core.cimom, p, fields, count, text, e)
          : error_set(e, CIMF_OUT_OF_MEMORY, "cimd", "no memory for the principal");
    if (p) principal_unref(p);
    core_close(&core);
    return s;
}

static cimf_status ask(struct command *c, const struct slice *fields, size_t count, struct buf *text, struct error *e)
{
    struct arena a;
    struct slice *reply;
    size_t reply_count;
    bool running = false;
    arena_init(&a, 0);
    cimf_status s = control_ask(&c->config, fields, count, &a, &reply, &reply_count, &running, NULL, e);
    if (s == CIMF_OK && running) {
        s = control_reply(reply, reply_count, e);
        if (s == CIMF_OK) buf_slice_add(text, reply[1]);
    }
    arena_free(&a);
    return s != CIMF_OK || running ? s : ask_local(c, fields, count, text, e);
}

int command_sd(struct command *c)
{
    struct error e = ERROR_INIT;
    struct arena a;
    struct buf text;
    struct slice ns, fields[4] = { SLICE("sd") };
    const char *verb = c->operand_count ? c->operands[0] : "";
    bool set = strcmp(verb, "set") == 0, reset = strcmp(verb, "reset") == 0, show = strcmp(verb, "show") == 0;
    arena_init(&a, 0);
    buf_init(&text, 0);
    cimf_status s = CIMF_OK;
    if ((!set && !reset && !show) || c->operand_count != (set ? 3u : 2u)) {
        s = error_set(&e, CIMF_USAGE, "cimd", "usage: cimd sd %s", c->info->usage);
    } else if (cim_namespace_normal(&a, slice_str(c->operands[1]), &ns) != CIMF_OK) {
        s = error_set(&e, CIMF_USAGE, "cimd", "'%.100s' is not a namespace", c->operands[1]);
    } else {
        size_t count = 0;
        fields[++count] = slice_str(verb);
        fields[++count] = ns;
        if (set) fields[++count] = slice_str(c->operands[2]);
        s = ask(c, fields, count + 1, &text, &e);
    }
    int code = s == CIMF_OK ? 0 : command_failed(c, s == CIMF_USAGE ? "" : c->operands[1], &e);
    if (code == 0) printf(SLICE_FMT "\n", SLICE_ARG(buf_slice(&text)));
    buf_free(&text);
    arena_free(&a);
    return code;
}
