/* cimd sd: security descriptors of namespaces, through the running daemon or on the repository itself. */
#include <stdio.h>
#include <stdlib.h>

#include "auth/broker.h"
#include "cim/path.h"
#include "daemon/admin.h"
#include "daemon/apart.h"
#include "daemon/command.h"
#include "daemon/control.h"
#include "daemon/core.h"

enum { SDDL_MAX = 1 << 19 };
struct local {
    const struct command *c;
    const struct slice *fields;
    size_t count, n;
    char text[SDDL_MAX];
};

static cimf_status ask_here(void *shared, const char *folder, struct error *e)
{
    struct local *x = shared;
    struct core core;
    struct buf text;
    cimf_status s = folder ? core_open_in(&core, &x->c->config, folder, NULL, e) : core_open(&core, &x->c->config, e);
    if (s != CIMF_OK) return s;
    buf_init(&text, SDDL_MAX);
    const struct principal *p = auth_local_principal(true);
    s = p ? control_descriptor(core.cimom, p, x->fields, x->count, &text, e)
          : error_set(e, CIMF_OUT_OF_MEMORY, "cimd", "no memory for the principal");
    if (s == CIMF_OK && !buf_ok(&text)) s = error_set(e, CIMF_OUT_OF_MEMORY, "cimd", "the descriptor is too long");
    if (s == CIMF_OK && text.n) memcpy(x->text, text.p, text.n);
    x->n = s == CIMF_OK ? text.n : 0;
    buf_free(&text);
    if (p) principal_unref(p);
    core_close(&core);
    return s;
}

/* On the repository itself: no daemon has it open. */
static cimf_status ask_local(struct command *c, const struct slice *fields, size_t count, struct buf *text,
                             struct error *e)
{
    struct apart apart;
    struct local *x = calloc(1, sizeof *x);
    if (!x) return error_set(e, CIMF_OUT_OF_MEMORY, "cimd", "no memory");
    x->c = c;
    x->fields = fields;
    x->count = count;
    if (!slice_is(fields[1], "show")) admin_open_audit(c); /* a change has a record, as a running daemon would write it */
    cimf_status s = apart_find(&c->config, &apart, e);
    if (s == CIMF_OK) s = apart_run(&apart, ask_here, x, sizeof *x, e);
    apart_end(&apart);
    if (s == CIMF_OK) buf_slice_add(text, slice_of(x->text, x->n));
    free(x);
    return s;
}

static cimf_status ask(struct command *c, const struct slice *fields, size_t count, struct buf *text, struct error *e)
{
    struct arena a;
    struct slice *reply;
    size_t reply_count;
    bool running = false;
    arena_init(&a, 0);
    cimf_status s = control_ask(&c->config, fields, count, &a, &reply, &reply_count, &running, -1, NULL, e);
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
