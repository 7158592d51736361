/* Operations of one call, one after the other. */
#include "wmi/refresh.h"

static enum cim_sink_answer take(struct cim_op *op, const struct cim_object *o)
{
    struct wmi_read *r = op->owner;
    if (r->stop) return CIM_SINK_PAUSE;
    if (r->series->type->object(r->series, r, o)) return CIM_SINK_MORE;
    r->stop = true;
    wmi_work_changed(&r->w);
    return CIM_SINK_PAUSE;
}

static void done(struct cim_op *op, cimf_status status)
{
    struct wmi_read *r = op->owner;
    r->finished = true;
    if (!r->hresult && status != CIMF_OK) r->hresult = wmi_hresult(status);
    if (status == CIMF_SHUTTING_DOWN && !r->series->hresult) r->series->hresult = wmi_hresult(status);
    wmi_work_done(&r->w);
}

static const struct cim_sink sink = { take, done };

static void drive(struct wmi_series *s);

static void settle(struct wmi_work *w)
{
    struct wmi_read *r = (struct wmi_read *)w;
    if (r->stop && !r->finished) wmi_work_cancel(w);
    if (r->finished && r->series) drive(r->series);
}

static void end_read(struct wmi_series *s)
{
    struct wmi_read *r = s->read;
    s->read = NULL;
    r->series = NULL;
    s->type->done(s, r);
    s->at++;
    wmi_work_unref(&r->w);
}

static void begin_read(struct wmi_series *s)
{
    struct wmi_read *r = wmi_work_new(s->call, s->session, sizeof *r, &sink);
    if (!r) {
        s->hresult = DCOM_E_OUTOFMEMORY;
        return;
    }
    r->series = s;
    r->w.settle = settle;
    s->read = r;
    r->hresult = s->type->prepare(s, r);
    if (r->hresult) r->finished = true;
    else wmi_work_submit(&r->w);
}

static void drive(struct wmi_series *s)
{
    if (s->driving) return;
    s->driving = true;
    for (;;) {
        if (s->read && !s->read->finished) {
            s->driving = false;
            return;
        }
        if (s->read) end_read(s);
        else if (s->hresult || s->at == s->count) break;
        else begin_read(s);
    }
    s->type->end(s);
}

static void aborted(struct dcom_call *c)
{
    struct wmi_series *s = c->user;
    s->hresult = wmi_hresult(CIMF_CALL_CANCELLED);
    if (s->read) wmi_work_cancel(&s->read->w);
}

void wmi_series_run(struct wmi_series *s)
{
    s->call->user = s;
    s->call->on_abort = aborted;
    drive(s);
}
