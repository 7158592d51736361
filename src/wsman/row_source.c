#include "wsman/row_source.h"

struct row_object {
    struct cim_object object; /* of no kind */
    const struct wsman_row *row;
};

struct row_source {
    struct cim_manager base;
    struct wsman_rows *rows;
    struct cim_op *op;
    const struct wsman_row *list;
    size_t count, at;
    bool listed, cancelled;
};

static struct row_source *source_of(struct cim_manager *m) { return (struct row_source *)m; }

const struct wsman_row *row_of(const struct cim_object *o) { return ((const struct row_object *)o)->row; }

static void go_on(struct row_source *s)
{
    struct cim_op *op = s->op;
    while (s->at < s->count) {
        struct row_object o = { .row = &s->list[s->at] };
        enum cim_sink_answer answer = op->sink->object(op, &o.object);
        if (answer == CIM_SINK_AGAIN) return;
        s->at++;
        if (answer == CIM_SINK_PAUSE) return;
    }
    op->sink->done(op, CIMF_OK);
}

static void on_listed(void *arg, cimf_status status, const struct wsman_row *rows, size_t count, const struct error *e)
{
    struct row_source *s = arg;
    s->listed = true;
    s->list = rows;
    s->count = count;
    if (s->cancelled) status = CIMF_CALL_CANCELLED;
    if (status == CIMF_OK) {
        go_on(s);
        return;
    }
    if (e && e->status == status) s->op->error = *e;
    s->op->sink->done(s->op, status);
}

static void submit(struct cim_manager *m, struct cim_op *op)
{
    struct row_source *s = source_of(m);
    s->op = op;
    s->rows->list(s->rows, op->principal, NULL, op->arena, op->home, on_listed, s);
}

static void resume(struct cim_manager *m, struct cim_op *op) { go_on(source_of(m)); }

/* Before it is listed the end comes with the list; afterwards only what is paused is cancelled. */
static void cancel(struct cim_manager *m, struct cim_op *op)
{
    struct row_source *s = source_of(m);
    bool again = s->cancelled;
    s->cancelled = true;
    if (s->listed && !again) op->sink->done(op, CIMF_CALL_CANCELLED);
}

static struct cim_schema *schema(struct cim_manager *m, struct slice ns, const struct principal *p) { return NULL; }

struct cim_manager *row_source_new(struct arena *a, struct wsman_rows *rows)
{
    struct row_source *s = ARENA_NEW(a, struct row_source);
    if (!s) return NULL;
    s->base = (struct cim_manager){ submit, resume, cancel, schema };
    s->rows = rows;
    return &s->base;
}
