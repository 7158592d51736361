/* Get, Put, Create and Delete of the tables of the configuration (MS-WSMV 3.1.4.1.29.3 to .5); their enumerations are
 * those of enumerate.c over row_source.h. Whom a table is for says its descriptor (authorize.h); changes are for
 * administrators only, whatever it says. */
#include "wsman/row_table.h"
#include "wsman/server_priv.h"

struct row_work {
    struct wsman_call *call; /* holds it; this is in its arena */
    enum wsman_table table;
    enum wsman_row_change change;
    struct wsman_row row;
};

static struct wsman_rows *rows_of(const struct row_work *w) { return w->call->server->config.rows[w->table]; }

static void no_row(struct wsman_call *c)
{
    struct error e = ERROR_INIT;
    error_set(&e, CIMF_NOT_FOUND, "wsman", "the resource has nothing with these selectors");
    wsman_reply_fault(c, CIMF_NOT_FOUND, &e);
}

static void on_listed(void *arg, cimf_status status, const struct wsman_row *rows, size_t count, const struct error *e)
{
    struct row_work *w = arg;
    struct wsman_call *c = w->call;
    if (wsman_call_replied(c)) {
        /* it timed out meanwhile */
    } else if (status != CIMF_OK) {
        wsman_reply_fault(c, status, e);
    } else if (count == 0) {
        no_row(c);
    } else {
        wsman_reply_begin(c, SLICE_NULL, 0);
        row_write(&c->out, w->table, &rows[0]);
        wsman_reply_end(c);
    }
    wsman_call_unref(c);
}

/* Takes the reference of w. */
static void look(struct row_work *w)
{
    struct wsman_call *c = w->call;
    struct wsman_rows *t = rows_of(w);
    t->list(t, c->principal, &w->row, &c->arena, c->home, on_listed, w);
}

static void reply_changed(struct row_work *w)
{
    struct wsman_call *c = w->call;
    c->changed = true;
    wsman_reply_begin(c, SLICE_NULL, w->change == WSMAN_ROW_CREATE ? 1u << NS_X : 0);
    if (w->change == WSMAN_ROW_CREATE) {
        buf_lit(&c->out, "<x:ResourceCreated>");
        row_write_epr(&c->out, w->table, &w->row);
        buf_lit(&c->out, "</x:ResourceCreated>");
    }
    wsman_reply_end(c);
}

static void on_changed(void *arg, cimf_status status, const struct error *e)
{
    struct row_work *w = arg;
    struct wsman_call *c = w->call;
    bool answered = wsman_call_replied(c); /* it timed out meanwhile */
    if (!answered && status == CIMF_OK && w->change == WSMAN_ROW_PUT) {
        c->changed = true;
        look(w);
        return;
    }
    if (!answered && status != CIMF_OK) wsman_reply_fault(c, status, e);
    else if (!answered) reply_changed(w);
    wsman_call_unref(c);
}

static cimf_status read_request(struct wsman_call *c, struct row_work *w, struct error *e)
{
    static const enum wsman_row_change changes[] = {
        [WSMAN_PUT] = WSMAN_ROW_PUT, [WSMAN_CREATE] = WSMAN_ROW_CREATE, [WSMAN_DELETE] = WSMAN_ROW_DELETE,
    };
    bool body = c->verb == WSMAN_PUT || c->verb == WSMAN_CREATE;
    if (c->verb != WSMAN_GET) w->change = changes[c->verb];
    if (c->verb != WSMAN_GET && !c->principal->administrator)
        return error_set(e, CIMF_ACCESS_DENIED, "wsman", "only administrators change the configuration");
    cimf_status status = row_read_selectors(w->table, &c->header.selectors, c->verb == WSMAN_CREATE, &w->row, e);
    return status == CIMF_OK && body ? row_read_body(w->table, c->envelope.content, &w->row, e) : status;
}

void wsman_handle_rows(struct wsman_call *c)
{
    struct error e = ERROR_INIT;
    struct row_work *w = ARENA_NEW(&c->arena, struct row_work);
    cimf_status status = w ? CIMF_OK : CIMF_OUT_OF_MEMORY;
    enum wsman_table t = row_table_find(c->uri.text);
    if (t == WSMAN_TABLES || !c->server->config.rows[t]) {
        wsman_reply_fault(c, CIMF_WSMAN_INVALID_RESOURCE_URI, NULL);
        return;
    }
    if (c->verb == WSMAN_ENUMERATE) {
        wsman_handle_enumerate(c);
        return;
    }
    if (c->verb == WSMAN_PULL || c->verb == WSMAN_RELEASE) {
        if (c->verb == WSMAN_PULL) wsman_handle_pull(c);
        else wsman_handle_release(c);
        return;
    }
    if (w) {
        w->call = c;
        w->table = t;
        status = read_request(c, w, &e);
    }
    if (status != CIMF_OK) {
        wsman_reply_fault(c, status, &e);
        return;
    }
    wsman_call_ref(c);
    if (c->verb == WSMAN_GET) look(w);
    else rows_of(w)->change(rows_of(w), c->principal, w->change, &w->row, c->peer, c->home, on_changed, w);
}
