/*
 * Asynchronous calls (MS-WMI 3.1.1.1.3): an operation whose results go to a sink. It runs at most one batch ahead of the one
 * that is on its way to the client, then it pauses. The call itself is answered as soon as the operation has begun, or
 * could not; only then the sink is called.
 */
#include "wmi/wmi_priv.h"

struct push {
    struct wmi_work w;
    struct wmi_sink *sink; /* NULL once all is said */
    bool open;             /* the call is answered */
    bool finished, paused;
    uint32_t hresult;
    struct slice text;
    bool explain;          /* with an error object */
    bool empty;            /* the result is the empty class, whatever is found */
};

static enum cim_sink_answer take(struct cim_op *op, const struct cim_object *o)
{
    struct push *p = op->owner;
    if (p->empty) return CIM_SINK_MORE;
    if (!p->hresult) p->hresult = wmi_hresult(wmi_sink_add(p->sink, op, o));
    p->paused = p->hresult || wmi_sink_full(p->sink);
    if (p->paused || !p->sink->calling) wmi_work_changed(&p->w);
    return p->paused ? CIM_SINK_PAUSE : CIM_SINK_MORE;
}

static void done(struct cim_op *op, cimf_status status)
{
    struct push *p = op->owner;
    cimf_status added = CIMF_OK;
    if (status == CIMF_OK && op->verb == CIM_OP_INVOKE && op->out) added = wmi_sink_add(p->sink, op, &op->out->object);
    if (status == CIMF_OK && p->empty) added = wmi_sink_add(p->sink, op, NULL);
    if (status == CIMF_OK && op->verb == CIM_OP_PUT_INSTANCE) p->text = wmi_work_path(&p->w);
    if (!p->hresult) p->hresult = wmi_hresult(added == CIMF_OK ? status : added);
    p->finished = true;
    p->paused = false;
    wmi_work_done(&p->w);
}

static const struct cim_sink sink = { take, done };

static void finish(struct push *p)
{
    struct wmi_sink *s = p->sink;
    bool failed = wmi_failed(p->hresult);
    p->sink = NULL;
    wmi_sink_finish(s, p->hresult, failed ? SLICE_NULL : p->text,
                    failed && p->explain ? wmi_extended_status(&p->w, p->hresult) : SLICE_NULL);
}

static void settle(struct wmi_work *w)
{
    struct push *p = (struct push *)w;
    while (p->open && p->sink) {
        wmi_sink_flush(p->sink);
        if (p->finished) finish(p);
        else if (p->hresult) wmi_work_cancel(w); /* settles again when it is done */
        else if (p->paused && !wmi_sink_full(p->sink)) {
            p->paused = false;
            wmi_work_resume(w);
            continue;
        }
        return;
    }
}

static void more(struct wmi_sink *s)
{
    wmi_work_settle(&((struct push *)s->owner)->w);
}

static void cancel(struct wmi_sink *s)
{
    wmi_work_cancel(&((struct push *)s->owner)->w);
}

static void push_free(struct wmi_work *w)
{
    wmi_sink_drop(((struct push *)w)->sink);
}

struct wmi_work *wmi_push_new(struct dcom_call *c, struct wmi_session *x)
{
    struct push *p = wmi_work_new(c, x, sizeof *p, &sink);
    if (!p) return NULL;
    p->w.settle = settle;
    p->w.free = push_free;
    return &p->w;
}

static uint32_t attach(struct dcom_call *c, struct push *p, const struct stub_services *r)
{
    bool forced = p->w.op.verb == CIM_OP_PUT_CLASS; /* where the bit means something else */
    uint32_t hresult = wmi_sink_new(c, p->w.session, r->sink, p, &p->sink);
    if (hresult) return hresult;
    p->sink->more = more;
    p->sink->cancel = cancel;
    p->explain = forced || !(r->flags & WBEM_NO_ERROR_OBJECT);
    return DCOM_OK;
}

/* Answers the call, and lets the sink hear if it may. */
static void answer(struct dcom_call *c, struct push *p, const struct stub_services *r, uint32_t hresult)
{
    if (hresult) {
        wmi_sink_drop(p->sink);
        p->sink = NULL;
    }
    p->open = true;
    dcom_reply(c, r, hresult);
    wmi_work_settle(&p->w);
    wmi_work_unref(&p->w);
}

void wmi_push_start(struct dcom_call *c, struct wmi_work *w, const struct stub_services *r)
{
    struct push *p = (struct push *)w;
    uint32_t hresult = attach(c, p, r);
    if (!hresult) {
        wmi_work_submit(w);
        if (p->finished && !w->op.begun) hresult = p->hresult;
    }
    answer(c, p, r, hresult);
}

void wmi_push_empty(struct wmi_work *w)
{
    ((struct push *)w)->empty = true;
}

/* ---- error objects (2.2.31) ---- */

static void explain(struct cim_instance *in, const struct cim_op *op, uint32_t hresult)
{
    const struct error *e = &op->error;
    struct slice room = slice_str(e->room ? e->room : "");
    if (slice_starts(room, SLICE("provider:"))) room = slice_sub(room, 9);
    cim_put_u64(in, "StatusCode", hresult);
    if (e->status != CIMF_OK) cim_put_strz(in, "Description", error_text(e));
    cim_put_strz(in, "Operation", cim_op_info(op->verb)->wmi);
    if (e->subject[0]) cim_put_strz(in, "ParameterInfo", e->subject);
    if (room.n) cim_put_str(in, "ProviderName", room);
}

struct slice wmi_extended_status(struct wmi_work *w, uint32_t hresult)
{
    const struct cim_class *cls = wmi_work_schema(w) ? NULL : cim_schema_class(w->schema, SLICE("__ExtendedStatus"));
    struct cim_instance *in = cls ? cim_instance_new(&w->arena, cls) : NULL;
    struct slice out = SLICE_NULL;
    struct buf b;
    if (!in) return out;
    explain(in, &w->op, hresult);
    buf_init(&b, 0);
    if (wmi_reference_write(&b, w->session, &w->op, &in->object)) out = arena_dup(&w->arena, buf_slice(&b));
    buf_free(&b);
    return out;
}
