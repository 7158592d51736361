/*
 * Operations that end with one thing, and IWbemCallResult (MS-WMI 3.1.4.5), which tells it to those who come later. A
 * call that has to wait stands in the list of the outcome until it is finished, its time is over or its client is gone.
 */
#include <stdlib.h>

#include "wmi/wmi_priv.h"

enum wait_kind { WAIT_METHOD, WAIT_LOGIN, WAIT_OBJECT, WAIT_STRING, WAIT_SERVICES, WAIT_STATUS };
struct outcome_wait { /* in the arena of its call */
    struct outcome_wait *next;
    struct wmi_wait time; /* first thing that refers back here */
    struct wmi_outcome *outcome;
    struct dcom_call *call;
    void *record;
    enum wait_kind kind;
    enum wmi_delivery how;
};

/* ---- the sink ---- */

static bool reads(const struct cim_op *op)
{
    return op->verb == CIM_OP_GET_CLASS || op->verb == CIM_OP_GET_INSTANCE;
}

static enum cim_sink_answer take(struct cim_op *op, const struct cim_object *object)
{
    struct wmi_outcome *o = op->owner;
    struct buf b;
    if (!reads(op) || o->object.p || o->opened) return CIM_SINK_MORE;
    buf_init(&b, 0);
    if (wmi_reference_write(&b, o->w.session, op, object)) o->object = arena_dup(&o->w.arena, buf_slice(&b));
    if (!o->object.p) o->hresult = wmi_hresult(CIMF_OUT_OF_MEMORY);
    buf_free(&b);
    return CIM_SINK_MORE;
}

static void invoked(struct wmi_outcome *o)
{
    struct buf b;
    if (!o->w.op.out) return;
    buf_init(&b, 0);
    if (wmi_reference_write(&b, o->w.session, &o->w.op, &o->w.op.out->object))
        o->object = arena_dup(&o->w.arena, buf_slice(&b));
    if (!o->object.p) o->hresult = wmi_hresult(CIMF_OUT_OF_MEMORY);
    buf_free(&b);
}

static void done(struct cim_op *op, cimf_status status)
{
    struct wmi_outcome *o = op->owner;
    /* The class that was asked for in order to see the namespace need not be there. */
    if (o->opened && (status == CIMF_INVALID_CLASS || status == CIMF_NOT_FOUND)) status = CIMF_OK;
    if (status != CIMF_OK) o->hresult = wmi_hresult(status);
    else if (op->verb == CIM_OP_INVOKE) invoked(o);
    else if (op->verb == CIM_OP_PUT_INSTANCE) o->text = wmi_work_path(&o->w);
    else if (reads(op) && !o->object.p && !o->opened && !o->hresult) o->hresult = wmi_hresult(CIMF_NOT_FOUND);
    if (o->hresult) o->object = SLICE_NULL;
    o->finished = true;
    wmi_work_done(&o->w);
}

static const struct cim_sink sink = { take, done };

/* ---- answers ---- */

static void result_closed(void *self)
{
    struct wmi_outcome *o = self;
    for (struct outcome_wait *w = o->waits; w; w = w->next)
        if (w->kind <= WAIT_LOGIN) return;
    if (reads(&o->w.op)) wmi_work_cancel(&o->w); /* nobody can learn what it finds; changes go on */
}

static void result_free(void *self)
{
    struct wmi_outcome *o = self;
    wmi_work_unref(&o->w);
}

const struct dcom_object_type wmi_result_type = {
    "IWbemCallResult", (const struct dcom_interface *const[]){ &wmi_result_interface, NULL }, result_closed, result_free,
    WBEM_E_ACCESS_DENIED,
};

static uint32_t give_result(struct dcom_call *c, struct wmi_outcome *o, struct slice *out)
{
    __atomic_add_fetch(&o->w.refs, 1, __ATOMIC_RELAXED);
    return wmi_give(c, &wmi_result_type, o, &wmi_result_interface.iid, out);
}

/* Into the record of the method that began it. HRESULT. */
static uint32_t answer_method(struct outcome_wait *w)
{
    struct stub_services *r = w->record;
    struct wmi_outcome *o = w->outcome;
    uint32_t hresult = o->hresult;
    bool both = w->how == WMI_BOTH && !wmi_failed(hresult);
    if (r->result && (both || w->how == WMI_BY_RESULT)) hresult = give_result(w->call, o, r->result);
    if (!r->out || wmi_failed(hresult) || wmi_failed(o->hresult)) return hresult;
    if (o->opened) return wmi_session_give(w->call, o->opened, r->out);
    *r->out = o->object;
    return hresult;
}

static uint32_t answer(struct outcome_wait *w)
{
    struct wmi_outcome *o = w->outcome;
    struct stub_result *r = w->record;
    struct stub_ntlm_login *login = w->record;
    if (w->kind == WAIT_METHOD) return answer_method(w);
    if (w->kind == WAIT_LOGIN) return o->hresult ? o->hresult : wmi_session_give(w->call, o->opened, &login->services);
    if (!o->finished) return WBEM_S_TIMEDOUT;
    if (w->kind == WAIT_STATUS) {
        r->status = o->hresult;
        return DCOM_OK;
    }
    if (wmi_failed(o->hresult)) return o->hresult;
    if (w->kind == WAIT_SERVICES)
        return o->opened ? wmi_session_give(w->call, o->opened, &r->value) : wmi_hresult(CIMF_INVALID_OPERATION);
    r->value = w->kind == WAIT_OBJECT ? o->object : o->text;
    return r->value.p ? DCOM_OK : wmi_hresult(CIMF_INVALID_OPERATION);
}

/* The call is gone afterwards, and the wait with it. */
static void finish(struct outcome_wait *w, uint32_t hresult)
{
    struct wmi_outcome *o = w->outcome;
    for (struct outcome_wait **at = &o->waits; *at; at = &(*at)->next) {
        if (*at != w) continue;
        *at = w->next;
        break;
    }
    wmi_wait_stop(&w->time);
    dcom_reply(w->call, w->record, hresult);
    wmi_work_unref(&o->w);
}

static void out_of_time(struct wmi_wait *t)
{
    struct outcome_wait *w = (struct outcome_wait *)((char *)t - offsetof(struct outcome_wait, time));
    finish(w, answer(w));
}

static void aborted(struct dcom_call *c)
{
    struct outcome_wait *w = c->user;
    struct wmi_outcome *o = w->outcome;
    __atomic_add_fetch(&o->w.refs, 1, __ATOMIC_RELAXED);
    if (w->kind <= WAIT_LOGIN) wmi_work_cancel(&o->w); /* finishes it, now or later */
    else finish(w, wmi_hresult(CIMF_CALL_CANCELLED));
    wmi_work_unref(&o->w);
}

/* A client may hold an IWbemCallResult for long: only what it can tell is kept. */
static void keep_outcome(struct wmi_outcome *o)
{
    if (o->kept || o->w.arena.used <= WMI_INPUTS_SMALL) return;
    if (!(o->kept = malloc(o->object.n + o->text.n + 1))) return;
    if (o->object.n) memcpy(o->kept, o->object.p, o->object.n);
    if (o->text.n) memcpy(o->kept + o->object.n, o->text.p, o->text.n);
    if (o->object.p) o->object.p = o->kept;
    if (o->text.p) o->text.p = o->kept + o->object.n;
    wmi_work_forget(&o->w);
}

static void settle(struct wmi_work *work)
{
    struct wmi_outcome *o = (struct wmi_outcome *)work;
    while (o->finished && o->waits) {
        uint32_t hresult = answer(o->waits);
        finish(o->waits, hresult);
    }
    if (o->finished) keep_outcome(o);
}

static void outcome_free(struct wmi_work *work)
{
    struct wmi_outcome *o = (struct wmi_outcome *)work;
    wmi_session_unref(o->opened);
    free(o->kept);
}

struct wmi_outcome *wmi_outcome_new(struct dcom_call *c, struct wmi_session *x)
{
    struct wmi_outcome *o = wmi_work_new(c, x, sizeof *o, &sink);
    if (!o) return NULL;
    o->w.settle = settle;
    o->w.free = outcome_free;
    return o;
}

/* Takes a reference of the outcome. False: no memory, the call was answered. */
static struct outcome_wait *wait_for(struct dcom_call *c, struct wmi_outcome *o, void *record, enum wait_kind kind,
                                     enum wmi_delivery how)
{
    struct outcome_wait *w = ARENA_NEW(c->arena, struct outcome_wait);
    if (!w) {
        dcom_reply(c, record, DCOM_E_OUTOFMEMORY);
        return NULL;
    }
    *w = (struct outcome_wait){ .outcome = o, .call = c, .record = record, .kind = kind, .how = how };
    __atomic_add_fetch(&o->w.refs, 1, __ATOMIC_RELAXED);
    struct outcome_wait **at = &o->waits;
    while (*at) at = &(*at)->next;
    *at = w;
    c->user = w;
    c->on_abort = aborted;
    return w;
}

void wmi_outcome_start(struct dcom_call *c, struct wmi_outcome *o, struct stub_services *record, enum wmi_delivery how)
{
    if (record->flags & WBEM_RETURN_IMMEDIATELY) {
        /* What fails at once has failed to start (3.1.1.1.2). */
        wmi_work_submit(&o->w);
        uint32_t hresult = o->finished && wmi_failed(o->hresult) && how != WMI_BY_RESULT ? o->hresult : DCOM_OK;
        if (!hresult) hresult = give_result(c, o, record->result);
        dcom_reply(c, record, hresult);
    } else if (wait_for(c, o, record, WAIT_METHOD, how)) {
        wmi_work_submit(&o->w);
    }
    wmi_work_unref(&o->w);
}

void wmi_outcome_login(struct dcom_call *c, struct wmi_outcome *o, struct stub_ntlm_login *record)
{
    if (wait_for(c, o, record, WAIT_LOGIN, WMI_DIRECT)) wmi_work_submit(&o->w);
    wmi_work_unref(&o->w);
}

/* ---- IWbemCallResult ---- */

static void ask(struct dcom_call *c, struct stub_result *record, enum wait_kind kind)
{
    struct wmi_outcome *o = c->self;
    if (c->level < o->w.level || c->flags & MECH_IDENTIFY) {
        dcom_reply(c, record, wmi_hresult(CIMF_ACCESS_DENIED));
        return;
    }
    struct outcome_wait *w = wait_for(c, o, record, kind, WMI_DIRECT);
    if (!w) return;
    if (o->finished || !record->timeout) finish(w, answer(w));
    else if (record->timeout != WMI_INFINITE)
        wmi_wait_start(&w->time, o->w.session->server, (int64_t)record->timeout * 1000, out_of_time);
}

void wmi_result_object(struct dcom_call *c, void *record)
{
    ask(c, record, WAIT_OBJECT);
}

void wmi_result_string(struct dcom_call *c, void *record)
{
    ask(c, record, WAIT_STRING);
}

void wmi_result_services(struct dcom_call *c, void *record)
{
    ask(c, record, WAIT_SERVICES);
}

void wmi_result_status(struct dcom_call *c, void *record)
{
    ask(c, record, WAIT_STATUS);
}
