/* Get and Put of the configuration (MS-WSMV 3.1.4.1.29, 3.1.4.2, 3.1.4.3). */
#include "wsman/config_tree.h"
#include "wsman/server_priv.h"

/* A Put that the owner of the settings works on; in the call's arena, which it holds. */
struct config_put {
    struct wsman_call *call;
    const struct config_element *branch;
    unsigned count;
    struct wsman_setting changes[WSMAN_CONFIG_CHANGES];
};

static void reply_branch(struct wsman_call *c, const struct config_element *branch)
{
    wsman_reply_begin(c, SLICE_NULL, 0);
    if (!config_write(&c->out, branch, c->server->config.settings, &c->arena)) wsman_reply_fault(c, CIMF_OUT_OF_MEMORY, NULL);
    else wsman_reply_end(c);
}

static void on_set(void *arg, cimf_status status, const struct error *e)
{
    struct config_put *put = arg;
    struct wsman_call *c = put->call;
    if (wsman_call_replied(c)) {
        /* it timed out meanwhile */
    } else if (status != CIMF_OK) {
        wsman_reply_fault(c, status, e);
    } else {
        c->changed = true;
        reply_branch(c, put->branch);
    }
    wsman_call_unref(c);
}

static void put(struct wsman_call *c, const struct config_element *branch)
{
    struct error e = ERROR_INIT;
    struct wsman_settings *s = c->server->config.settings;
    struct config_put *p = ARENA_NEW(&c->arena, struct config_put);
    cimf_status status = p ? config_read_put(&c->arena, c->envelope.content, branch, s, p->changes, &p->count, &e)
                           : CIMF_OUT_OF_MEMORY;
    if (status != CIMF_OK) {
        wsman_reply_fault(c, status, &e);
    } else if (p->count == 0) {
        reply_branch(c, branch);
    } else {
        p->call = c;
        p->branch = branch;
        wsman_call_ref(c);
        s->set(s, c->principal, p->changes, p->count, c->home, on_set, p);
    }
}

void wsman_handle_config(struct wsman_call *c)
{
    struct slice rest = slice_sub(c->uri.text, sizeof WSMAN_CONFIG_URI - 1);
    const struct config_element *branch = config_branch(rest);
    if (!branch) {
        struct error e = ERROR_INIT;
        error_set(&e, CIMF_WSMAN_INVALID_RESOURCE_URI, "wsman", "the configuration has no branch " SLICE_FMT,
                  SLICE_ARG(slice_head(rest, 100)));
        wsman_reply_fault(c, CIMF_WSMAN_INVALID_RESOURCE_URI, &e);
    } else if (c->header.selectors.n) {
        wsman_reply_fault(c, CIMF_WSMAN_SELECTORS_UNEXPECTED, NULL);
    } else if (c->verb == WSMAN_PUT) {
        put(c, branch);
    } else {
        reply_branch(c, branch);
    }
}
