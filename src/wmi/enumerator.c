/*
 * IEnumWbemClassObject, IWbemFetchSmartEnum and IWbemWCOSmartEnum (MS-WMI 3.1.4.4, 3.1.4.6, 3.1.4.7): readers of result
 * sets. Calls on one enumerator are served one after the other; each waits until it has what it asked for, until there
 * is no more, or until its time is over.
 */
#include <stdlib.h>

#include "wmi/wmi_priv.h"

enum wait_kind { WAIT_NEXT, WAIT_SMART, WAIT_SKIP, WAIT_ASYNC, WAIT_RESET, WAIT_CLONE };
struct wmi_smart {
    struct wmi_enum *e;
    struct guid client;
    struct wmi_packet packet;
};
struct enum_wait { /* in the arena of its call; ASYNC, which has none: of the heap */
    struct enum_wait *next;
    struct wmi_wait time;
    struct wmi_enum *e;
    struct wmi_smart *smart;
    struct wmi_sink *sink; /* ASYNC */
    struct dcom_call *call;
    void *record;
    enum wait_kind kind;
    uint32_t want, got;
    bool full, late;     /* no more fits; its time is over */
    uint32_t failed;
    struct buf bytes;    /* what was taken */
    size_t counted;      /* of those, in the account's share */
    size_t *ends;        /* NEXT: of each object in bytes */
    uint32_t room;
};

struct wmi_enum *wmi_enum_new(struct wmi_results *r)
{
    struct wmi_enum *e = calloc(1, sizeof *e);
    if (!e) return NULL;
    __atomic_add_fetch(&r->w.refs, 1, __ATOMIC_RELAXED);
    e->r = r;
    e->refs = 1;
    e->next = r->readers;
    r->readers = e;
    r->reader_count++;
    return e;
}

static void enum_leave(struct wmi_enum *e)
{
    struct wmi_results *r = e->r;
    for (struct wmi_enum **at = &r->readers; *at; at = &(*at)->next) {
        if (*at != e) continue;
        *at = e->next;
        r->reader_count--;
        break;
    }
    if (!r->readers && !r->start) wmi_work_cancel(&r->w);
    else wmi_results_trim(r);
}

static void enum_unref(struct wmi_enum *e)
{
    if (--e->refs) return;
    wmi_work_unref(&e->r->w);
    free(e);
}

static void finish(struct enum_wait *w, uint32_t hresult);

/* One object less that clients can reach. */
static void enum_close(struct wmi_enum *e)
{
    if (--e->open) return;
    while (e->waits)
        finish(e->waits, e->waits->kind == WAIT_ASYNC ? wmi_hresult(CIMF_CALL_CANCELLED) : DCOM_E_DISCONNECTED);
    enum_leave(e);
}

static void enum_closed(void *self)
{
    enum_close(self);
}

static void enum_free(void *self)
{
    enum_unref(self);
}

const struct dcom_object_type wmi_enum_type = {
    "IEnumWbemClassObject", (const struct dcom_interface *const[]){ &wmi_enum_interface, &wmi_fetch_interface, NULL },
    enum_closed, enum_free, WBEM_E_ACCESS_DENIED,
};

static void smart_closed(void *self)
{
    enum_close(((struct wmi_smart *)self)->e);
}

static void smart_free(void *self)
{
    struct wmi_smart *s = self;
    wmi_packet_forget(&s->packet);
    enum_unref(s->e);
    free(s);
}

const struct dcom_object_type wmi_smart_type = {
    "IWbemWCOSmartEnum", (const struct dcom_interface *const[]){ &wmi_smart_interface, NULL }, smart_closed, smart_free,
    WBEM_E_ACCESS_DENIED,
};

uint32_t wmi_enum_give(struct dcom_call *c, struct wmi_enum *e, struct slice *out)
{
    e->open++;
    return wmi_give(c, &wmi_enum_type, e, &wmi_enum_interface.iid, out);
}

/* ---- taking objects ---- */

static bool satisfied(const struct enum_wait *w)
{
    return w->got >= w->want || w->failed || (w->kind == WAIT_ASYNC ? wmi_sink_full(w->sink) : w->full);
}

bool wmi_enum_hungry(const struct wmi_enum *e)
{
    return e->waits && !satisfied(e->waits);
}

static bool take_next(struct enum_wait *w, const struct wmi_results *r, const struct cim_object *o)
{
    if (w->got == w->room) {
        uint32_t room = w->room ? w->room * 2 : 16;
        size_t *more = realloc(w->ends, room * sizeof *more);
        if (!more) return false;
        w->ends = more;
        w->room = room;
    }
    if (!wmi_reference_write(&w->bytes, r->w.session, &r->w.op, o)) return false;
    w->ends[w->got] = w->bytes.n;
    return true;
}

static void take(struct enum_wait *w, const struct cim_object *o)
{
    struct wmi_results *r = w->e->r;
    bool ok = true;
    cimf_status status = CIMF_OK;
    if (w->kind == WAIT_NEXT) ok = take_next(w, r, o);
    if (w->kind == WAIT_ASYNC) status = wmi_sink_add(w->sink, &r->w.op, o);
    if (w->kind == WAIT_SMART) {
        if (!w->got) ok = wmi_packet_begin(&w->bytes);
        ok = ok && wmi_packet_add(&w->smart->packet, &w->bytes, r->w.session, &r->w.op, o);
    }
    if (!ok) status = CIMF_OUT_OF_MEMORY;
    w->failed = wmi_hresult(status);
    w->got += !w->failed;
    wmi_share_keep(r->w.session->server, r->share, w->counted, w->bytes.n);
    w->counted = w->bytes.n;
    /* Who has much that waits already gets what there is. */
    w->full = w->bytes.n >= (wmi_share_crowded(r->w.session->server, r->share) ? WMI_CROWDED_BYTES : WMI_ANSWER_BYTES);
}

bool wmi_enum_feed(struct wmi_enum *e, const struct cim_object *o)
{
    if (!wmi_enum_hungry(e)) return false;
    take(e->waits, o);
    e->at++;
    e->r->end++;
    return true;
}

/* ---- answers ---- */

static uint32_t answer_next(struct enum_wait *w, uint32_t hresult)
{
    struct stub_next *r = w->record;
    size_t from = 0;
    r->returned = wmi_failed(hresult) ? 0 : w->got;
    r->objects = ARENA_ARRAY(w->call->arena, (size_t)r->returned + 1, struct slice);
    if (!r->objects) {
        r->returned = 0;
        return DCOM_E_OUTOFMEMORY;
    }
    for (uint32_t i = 0; i < r->returned; i++) {
        r->objects[i] = slice_of(w->bytes.p + from, w->ends[i] - from);
        from = w->ends[i];
    }
    return hresult;
}

static uint32_t answer_smart(struct enum_wait *w, uint32_t hresult)
{
    struct stub_smart *r = w->record;
    if (wmi_failed(hresult) || !w->got) return hresult;
    if (!wmi_packet_end(&w->bytes, w->got)) return DCOM_E_OUTOFMEMORY;
    r->returned = w->got;
    r->size = (uint32_t)w->bytes.n;
    r->bytes = (uint8_t *)w->bytes.p;
    return hresult;
}

static uint32_t answer_clone(struct enum_wait *w)
{
    struct stub_reference *out = w->record;
    if (w->e->r->reader_count >= WMI_READERS) return wmi_hresult(CIMF_QUOTA_VIOLATION);
    struct wmi_enum *copy = wmi_enum_new(w->e->r);
    if (!copy) return DCOM_E_OUTOFMEMORY;
    copy->at = w->e->at;
    return wmi_enum_give(w->call, copy, &out->reference);
}

/* Back to the first object, while it is kept. */
static uint32_t answer_reset(struct enum_wait *w)
{
    if (w->e->r->lost) return wmi_hresult(CIMF_OUT_OF_MEMORY);
    w->e->at = 0;
    return DCOM_OK;
}

/* What was asked for by NextAsync has been handed over, or will not be. */
static void finish_async(struct enum_wait *w, uint32_t hresult)
{
    struct wmi_results *r = w->e->r;
    struct slice why = wmi_failed(hresult) && r->finished ? wmi_extended_status(&r->w, hresult) : SLICE_NULL;
    wmi_sink_finish(w->sink, hresult, SLICE_NULL, why);
    enum_unref(w->e);
    free(w);
}

/* The call is gone afterwards, and the wait with it. */
static void finish(struct enum_wait *w, uint32_t hresult)
{
    struct wmi_enum *e = w->e;
    for (struct enum_wait **at = &e->waits; *at; at = &(*at)->next) {
        if (*at != w) continue;
        *at = w->next;
        break;
    }
    if (w->kind == WAIT_ASYNC) {
        finish_async(w, hresult);
        return;
    }
    struct buf bytes;
    size_t *ends = w->ends;
    wmi_wait_stop(&w->time);
    if (w->kind == WAIT_NEXT) hresult = answer_next(w, hresult);
    if (w->kind == WAIT_SMART) hresult = answer_smart(w, hresult);
    if (w->kind == WAIT_CLONE && !hresult) hresult = answer_clone(w);
    if (w->kind == WAIT_RESET && !hresult) hresult = answer_reset(w);
    bytes = w->bytes;
    wmi_share_keep(e->r->w.session->server, e->r->share, w->counted, 0);
    dcom_reply(w->call, w->record, hresult);
    buf_free(&bytes);
    free(ends);
    enum_unref(e);
}

static void gather(struct enum_wait *w)
{
    struct wmi_enum *e = w->e;
    if (w->kind == WAIT_ASYNC && wmi_sink_full(w->sink)) wmi_sink_flush(w->sink);
    while (!satisfied(w) && e->at < e->r->end) {
        const struct cim_object *o = wmi_results_at(e->r, e->at);
        if (!o) w->failed = wmi_hresult(CIMF_OUT_OF_MEMORY);
        else take(w, o);
        if (!w->failed) e->at++;
        if (w->kind == WAIT_ASYNC && wmi_sink_full(w->sink)) wmi_sink_flush(w->sink);
    }
}

bool wmi_enum_serve(struct wmi_enum *e)
{
    struct enum_wait *w = e->waits;
    struct wmi_results *r = e->r;
    if (!w) return false;
    gather(w);
    if (w->failed) finish(w, w->failed);
    else if (w->got >= w->want) finish(w, DCOM_OK);
    else if (w->full) finish(w, WBEM_S_TIMEDOUT);
    else if ((r->finished || r->hresult) && e->at == r->end) finish(w, r->hresult ? r->hresult : WBEM_S_FALSE);
    else if (w->late) finish(w, WBEM_S_TIMEDOUT);
    else return false;
    return true;
}

static void out_of_time(struct wmi_wait *t)
{
    struct enum_wait *w = (struct enum_wait *)((char *)t - offsetof(struct enum_wait, time));
    w->late = true;
    if (w->e->waits == w) wmi_work_settle(&w->e->r->w);
    else finish(w, WBEM_S_TIMEDOUT); /* others are before it */
}

static void aborted(struct dcom_call *c)
{
    struct enum_wait *w = c->user;
    struct wmi_enum *e = w->e;
    e->refs++;
    finish(w, wmi_hresult(CIMF_CALL_CANCELLED));
    wmi_work_settle(&e->r->w); /* those behind it */
    enum_unref(e);
}

/* ---- methods ---- */

/* What was asked for at a level may not be read at a lower one; what was stored before a restore not at all. */
static bool refused(struct dcom_call *c, const struct wmi_enum *e, void *record)
{
    bool denied = c->level < e->r->w.level || c->flags & MECH_IDENTIFY;
    uint32_t hresult = denied ? wmi_hresult(CIMF_ACCESS_DENIED) : wmi_session_check(e->r->w.session);
    if (hresult) dcom_reply(c, record, hresult);
    return hresult;
}

/* Behind the others: calls on an enumerator are served one after the other. */
static void append(struct wmi_enum *e, struct enum_wait *w)
{
    struct enum_wait **at = &e->waits;
    while (*at) at = &(*at)->next;
    *at = w;
    e->refs++;
}

static void enqueue(struct dcom_call *c, struct wmi_enum *e, void *record, enum wait_kind kind, uint32_t timeout,
                    uint32_t count)
{
    if (refused(c, e, record)) return;
    struct enum_wait *w = ARENA_NEW(c->arena, struct enum_wait);
    if (!w) {
        dcom_fault(c, RPC_FAULT_NO_MEMORY);
        return;
    }
    *w = (struct enum_wait){ .e = e, .call = c, .record = record, .kind = kind, .want = count };
    w->smart = kind == WAIT_SMART ? c->self : NULL;
    buf_init(&w->bytes, 0);
    append(e, w);
    e->refs++; /* for here */
    c->user = w;
    c->on_abort = aborted;
    if (timeout != WMI_INFINITE && timeout) wmi_wait_start(&w->time, e->r->w.session->server, (int64_t)timeout * 1000, out_of_time);
    wmi_work_settle(&e->r->w);
    for (struct enum_wait *x = e->waits; x && !timeout; x = x->next) {
        if (x != w) continue; /* still there: it may not wait */
        out_of_time(&w->time);
        break;
    }
    enum_unref(e);
}

void wmi_enum_next(struct dcom_call *c, void *record)
{
    struct stub_next *r = record;
    enqueue(c, c->self, record, WAIT_NEXT, r->timeout, r->count);
}

void wmi_enum_skip(struct dcom_call *c, void *record)
{
    struct stub_skip *r = record;
    enqueue(c, c->self, record, WAIT_SKIP, r->timeout, r->count);
}

void wmi_smart_next(struct dcom_call *c, void *record)
{
    struct stub_smart *r = record;
    struct wmi_smart *s = c->self;
    if (!guid_eq(&s->client, &r->client) && !s->e->waits) {
        wmi_packet_forget(&s->packet); /* another client knows no classes yet */
        s->client = r->client;
    }
    enqueue(c, s->e, record, WAIT_SMART, r->timeout, r->count);
}

/* Both wait until the calls before them are answered (3.1.4.4.3). */
static void reread(struct dcom_call *c, void *record, enum wait_kind kind)
{
    struct wmi_enum *e = c->self;
    if (!e->r->forward) enqueue(c, e, record, kind, WMI_INFINITE, 0);
    else if (!refused(c, e, record)) dcom_reply(c, record, wmi_hresult(CIMF_INVALID_OPERATION));
}

void wmi_enum_reset(struct dcom_call *c, void *record)
{
    reread(c, record, WAIT_RESET);
}

void wmi_enum_clone(struct dcom_call *c, void *record)
{
    reread(c, record, WAIT_CLONE);
}

static void async_more(struct wmi_sink *s)
{
    wmi_work_settle(&((struct enum_wait *)s->owner)->e->r->w);
}

static void async_cancel(struct wmi_sink *s)
{
    struct enum_wait *w = s->owner;
    struct wmi_enum *e = w->e;
    e->refs++;
    finish(w, wmi_hresult(CIMF_CALL_CANCELLED));
    wmi_work_settle(&e->r->w);
    enum_unref(e);
}

void wmi_enum_next_async(struct dcom_call *c, void *record)
{
    const struct stub_next_async *r = record;
    struct wmi_enum *e = c->self;
    struct wmi_results *set = e->r;
    if (refused(c, e, record)) return;
    if (!r->count || !r->sink.p) {
        dcom_reply(c, record, r->count ? wmi_hresult(CIMF_INVALID_PARAMETER) : WBEM_S_FALSE);
        return;
    }
    struct enum_wait *w = calloc(1, sizeof *w);
    uint32_t hresult = w ? wmi_sink_new(c, set->w.session, r->sink, w, &w->sink) : DCOM_E_OUTOFMEMORY;
    if (hresult) {
        free(w);
        dcom_reply(c, record, hresult);
        return;
    }
    w->e = e;
    w->kind = WAIT_ASYNC;
    w->want = r->count;
    w->sink->more = async_more;
    w->sink->cancel = async_cancel;
    append(e, w);
    e->refs++;
    dcom_reply(c, record, DCOM_OK);
    wmi_work_settle(&set->w);
    enum_unref(e);
}

void wmi_get_smart_enum(struct dcom_call *c, void *record)
{
    struct wmi_enum *e = c->self;
    struct stub_reference *out = record;
    if (refused(c, e, record)) return;
    struct wmi_smart *s = calloc(1, sizeof *s);
    if (!s) {
        dcom_reply(c, record, DCOM_E_OUTOFMEMORY);
        return;
    }
    s->e = e;
    e->refs++;
    e->open++;
    dcom_reply(c, record, wmi_give(c, &wmi_smart_type, s, &wmi_smart_interface.iid, &out->reference));
}
