/*
 * IWbemServices::QueryObjectSink (MS-WMI 3.1.4.3.3) and the IWbemObjectSink that it hands out: what clients send to it are
 * events for the object manager. An Indicate is answered when all of its events were taken, or with why one was not; those
 * before it were taken then.
 */
#include <stdlib.h>

#include "wmi/wmi_priv.h"

struct event_sink {
    struct wmi_session *session;
    enum rpc_level level; /* that it was asked for at */
};

static void sink_free(void *self)
{
    struct event_sink *s = self;
    wmi_session_unref(s->session);
    free(s);
}

const struct dcom_object_type wmi_event_sink_type = {
    "IWbemObjectSink", (const struct dcom_interface *const[]){ &wmi_sink_interface, NULL }, NULL, sink_free, WBEM_E_ACCESS_DENIED,
};

/* Events on their way to the object manager, one after the other; none: whether there may be any. */
struct errand {
    struct wmi_work w;
    struct dcom_call *call;
    void *record;
    struct slice *out; /* where the sink goes that is asked for, or NULL */
    const struct cim_instance **events;
    uint32_t count, at;
    bool ready;        /* nothing is with the object manager */
    uint32_t hresult;
};

static enum cim_sink_answer take(struct cim_op *op, const struct cim_object *o)
{
    return CIM_SINK_MORE;
}

static void done(struct cim_op *op, cimf_status status)
{
    struct errand *e = op->owner;
    e->hresult = wmi_hresult(status);
    e->ready = true;
    wmi_work_done(&e->w);
}

static const struct cim_sink sink = { take, done };

static uint32_t give(struct errand *e)
{
    struct event_sink *s = calloc(1, sizeof *s);
    if (!s) return DCOM_E_OUTOFMEMORY;
    s->session = wmi_session_ref(e->w.session);
    s->level = e->call->level;
    return wmi_give(e->call, &wmi_event_sink_type, s, &wmi_sink_interface.iid, e->out);
}

static void settle(struct wmi_work *w)
{
    struct errand *e = (struct errand *)w;
    if (!e->ready || !e->call) return;
    if (!e->hresult && e->at < e->count) {
        e->ready = false;
        w->op.instance = e->events[e->at++];
        wmi_work_submit(w);
        return;
    }
    struct dcom_call *c = e->call;
    if (!e->hresult && e->out) e->hresult = give(e);
    e->call = NULL;
    dcom_reply(c, e->record, e->hresult);
    wmi_work_unref(w); /* the call's */
}

static void aborted(struct dcom_call *c)
{
    wmi_work_cancel(c->user);
}

static struct errand *errand_new(struct dcom_call *c, struct wmi_session *x, void *record)
{
    struct errand *e = wmi_work_new(c, x, sizeof *e, &sink);
    if (!e) return NULL;
    e->call = c;
    e->record = record;
    e->w.settle = settle;
    e->w.op.verb = CIM_OP_SEND_EVENT;
    return e;
}

void wmi_query_sink(struct dcom_call *c, void *record)
{
    struct stub_services *r = record;
    uint32_t hresult = c->flags & MECH_IDENTIFY ? wmi_hresult(CIMF_ACCESS_DENIED)
                       : r->flags               ? wmi_hresult(CIMF_INVALID_PARAMETER)
                                                : DCOM_OK;
    struct errand *e = hresult ? NULL : errand_new(c, c->self, r);
    if (!e) {
        dcom_reply(c, r, hresult ? hresult : DCOM_E_OUTOFMEMORY);
        return;
    }
    e->out = &r->enumerator;
    c->user = e;
    c->on_abort = aborted;
    wmi_work_submit(&e->w);
}

/* All of them are understood before the first one is sent. */
static uint32_t read_events(struct errand *e, const struct stub_indicate *r)
{
    struct wmio_object sent;
    e->events = ARENA_ARRAY(&e->w.arena, (size_t)r->count + 1, const struct cim_instance *);
    if (!e->events) return DCOM_E_OUTOFMEMORY;
    uint32_t hresult = wmi_work_schema(&e->w);
    for (; !hresult && e->count < r->count; e->count++) {
        hresult = wmi_hresult(wmi_reference_read(&e->w, r->objects[e->count], true, &sent, NULL));
        if (!hresult && !sent.instance) hresult = wmi_hresult(CIMF_INVALID_OBJECT);
        if (!hresult) e->events[e->count] = sent.instance;
    }
    return hresult;
}

void wmi_indicate(struct dcom_call *c, void *record)
{
    const struct stub_indicate *r = record;
    struct event_sink *s = c->self;
    bool refused = c->level < s->level || c->flags & MECH_IDENTIFY;
    uint32_t hresult = refused ? wmi_hresult(CIMF_ACCESS_DENIED) : r->count ? DCOM_OK : wmi_hresult(CIMF_INVALID_PARAMETER);
    struct errand *e = hresult ? NULL : errand_new(c, s->session, record);
    if (!hresult) hresult = e ? read_events(e, r) : DCOM_E_OUTOFMEMORY;
    if (hresult) {
        if (e) wmi_work_unref(&e->w);
        dcom_reply(c, record, hresult);
        return;
    }
    e->ready = true;
    c->user = e;
    c->on_abort = aborted;
    wmi_work_settle(&e->w);
}

/* Whoever sends events has no results to report: what he says is checked, and then all the same (3.1.4.2.2). */
void wmi_set_status(struct dcom_call *c, void *record)
{
    const struct stub_status *r = record;
    const struct event_sink *s = c->self;
    bool refused = c->level < s->level || c->flags & MECH_IDENTIFY;
    bool known = r->flags == WBEM_STATUS_COMPLETE || r->flags == WBEM_STATUS_PROGRESS;
    dcom_reply(c, record, refused ? wmi_hresult(CIMF_ACCESS_DENIED) : known ? DCOM_OK : wmi_hresult(CIMF_INVALID_PARAMETER));
}
