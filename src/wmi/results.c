/*
 * Result sets (SemiSinkResultSetObject, MS-WMI 3.1.1.1.2.1). The operation runs at most a window ahead of its readers
 * and then pauses. What is read once (WBEM_FLAG_FORWARD_ONLY) goes straight into the answer of a call that waits for
 * it; the rest is kept in pages, for ever when it may be read again, up to a bound. Beyond that the fastest reader decides.
 */
#include <stdlib.h>

#include "wmi/wmi_priv.h"

enum { PAGE = 32, FORWARD_WINDOW = 16 };
struct wmi_page {
    struct wmi_page *next;
    struct arena arena;
    uint64_t from;
    size_t bytes; /* counted in results.kept */
    unsigned count;
    const struct cim_object *objects[PAGE];
};

/* Bytes of a page more, or with less than it had fewer, of what these results and all together keep. */
static void count_page(struct wmi_results *r, struct wmi_page *p)
{
    r->kept += p->arena.used - p->bytes;
    wmi_share_keep(r->w.session->server, r->share, p->bytes, p->arena.used);
    p->bytes = p->arena.used;
}

static void page_free(struct wmi_results *r, struct wmi_page *p)
{
    arena_free(&p->arena);
    count_page(r, p);
    free(p);
}

/* More is kept than may be: nothing for those who may read it again or are slow, and no running ahead. */
static bool crowded(const struct wmi_results *r)
{
    struct wmi_server *s = r->w.session->server;
    return r->kept > s->settings.kept_bytes || wmi_share_crowded(s, r->share);
}

const struct cim_object *wmi_results_at(struct wmi_results *r, uint64_t number)
{
    /* Readers go through them in order. */
    for (struct wmi_page *p = r->hint && r->hint->from <= number ? r->hint : r->first; p; p = p->next) {
        r->hint = p;
        if (number >= p->from && number < p->from + p->count) return p->objects[number - p->from];
    }
    return NULL;
}

static uint64_t slowest(const struct wmi_results *r)
{
    uint64_t least = r->end;
    for (const struct wmi_enum *e = r->readers; e; e = e->next)
        if (e->at < least) least = e->at;
    return least;
}

static uint64_t fastest(const struct wmi_results *r)
{
    uint64_t most = r->from;
    for (const struct wmi_enum *e = r->readers; e; e = e->next)
        if (e->at > most) most = e->at;
    return most;
}

void wmi_results_trim(struct wmi_results *r)
{
    while (r->first && r->readers) { /* the first reader may be yet to come */
        struct wmi_page *p = r->first;
        uint64_t end = p->from + p->count;
        if (end > fastest(r) || (!crowded(r) && (!r->forward || end > slowest(r)))) return;
        if (!r->forward) r->lost = true;
        r->first = p->next;
        r->hint = NULL;
        if (!r->first) r->last = NULL;
        r->from = end;
        page_free(r, p);
    }
}

/* A copy of its own. False: no memory. */
static bool keep(struct wmi_results *r, const struct cim_object *o)
{
    struct wmi_page *p = r->last;
    if (!p || p->count == PAGE || p->from + p->count != r->end) {
        p = calloc(1, sizeof *p);
        if (!p) return false;
        arena_init(&p->arena, 0);
        p->from = r->end;
        if (r->last) r->last->next = p;
        else r->first = p, r->from = r->end;
        r->last = p;
    }
    const struct cim_instance *in = cim_as_instance(o);
    const struct cim_object *copy = o;
    if (in) {
        struct cim_instance *mine = cim_instance_copy(&p->arena, in);
        copy = mine ? &mine->object : NULL;
    } else if (!cim_class_hold(&p->arena, cim_as_class(o))) {
        copy = NULL;
    }
    if (!copy) return false;
    p->objects[p->count++] = copy;
    count_page(r, p);
    r->end++;
    return true;
}

static bool hungry(const struct wmi_results *r)
{
    for (const struct wmi_enum *e = r->readers; e; e = e->next)
        if (wmi_enum_hungry(e)) return true;
    return false;
}

static enum cim_sink_answer take(struct cim_op *op, const struct cim_object *o)
{
    struct wmi_results *r = op->owner;
    struct wmi_enum *only = r->readers;
    unsigned window = crowded(r) ? 1 : r->forward ? FORWARD_WINDOW : r->w.session->server->settings.window;
    bool fed = r->forward && only && !only->next && only->at == r->end && wmi_enum_feed(only, o);
    if (fed && !r->first) r->from = r->end;
    if (!fed && !keep(r, o)) r->hresult = wmi_hresult(CIMF_OUT_OF_MEMORY);
    bool wanted = hungry(r), more = fed ? wanted : r->end - fastest(r) < window;
    if (r->hresult) more = false;
    r->paused = !more;
    if (!more || (!fed && wanted)) wmi_work_changed(&r->w);
    return more ? CIM_SINK_MORE : CIM_SINK_PAUSE;
}

static void done(struct cim_op *op, cimf_status status)
{
    struct wmi_results *r = op->owner;
    r->finished = true;
    r->paused = false;
    if (status != CIMF_OK && !r->hresult) r->hresult = wmi_hresult(status);
    wmi_work_done(&r->w);
}

static const struct cim_sink sink = { take, done };

static void start_answer(struct wmi_results *r)
{
    struct dcom_call *c = r->start;
    r->start = NULL;
    uint32_t hresult = r->finished && r->end == 0 ? r->hresult : DCOM_OK;
    struct wmi_enum *e = hresult ? NULL : wmi_enum_new(r);
    if (e) hresult = wmi_enum_give(c, e, &r->start_record->enumerator);
    else if (!hresult) hresult = DCOM_E_OUTOFMEMORY;
    if (hresult) wmi_work_cancel(&r->w);
    dcom_reply(c, r->start_record, hresult);
}

static void settle(struct wmi_work *work)
{
    struct wmi_results *r = (struct wmi_results *)work;
    for (;;) {
        if (r->start && (r->finished || r->paused)) start_answer(r);
        for (struct wmi_enum *e = r->readers; e;) e = wmi_enum_serve(e) ? r->readers : e->next; /* the list may have changed */
        wmi_results_trim(r);
        if (r->finished) wmi_work_forget(work);
        if (!r->paused || r->hresult || !hungry(r)) return;
        r->paused = false;
        wmi_work_resume(work);
    }
}

static void results_free(struct wmi_work *work)
{
    struct wmi_results *r = (struct wmi_results *)work;
    for (struct wmi_page *p = r->first, *next; p; p = next) {
        next = p->next;
        page_free(r, p);
    }
    wmi_share_leave(work->session->server, r->share);
}

struct wmi_results *wmi_results_new(struct dcom_call *c, struct wmi_session *x, uint32_t flags)
{
    struct wmi_results *r = wmi_work_new(c, x, sizeof *r, &sink);
    if (!r) return NULL;
    r->forward = flags & WBEM_FORWARD_ONLY;
    r->w.settle = settle;
    r->w.free = results_free;
    if ((r->share = wmi_share_join(x->server, x->principal))) return r;
    wmi_work_unref(&r->w);
    return NULL;
}

static void aborted(struct dcom_call *c)
{
    struct wmi_results *r = c->user;
    wmi_work_cancel(&r->w);
}

void wmi_results_start(struct dcom_call *c, struct wmi_results *r, struct stub_services *record)
{
    r->start = c;
    r->start_record = record;
    c->user = r;
    c->on_abort = aborted;
    bool wait = !(record->flags & WBEM_RETURN_IMMEDIATELY);
    wmi_work_submit(&r->w);
    if (!wait && r->start) start_answer(r);
    wmi_work_unref(&r->w);
}
