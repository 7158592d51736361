/*
 * IWbemObjectSinks of clients (MS-WMI 3.1.1.1.3, 3.2.4.1). An operation has one Indicate on its way at a time; what it finds
 * meanwhile goes with the next one. What the client says to an Indicate, and when, is never waited for by anybody else:
 * the operation pauses, a cancellation is told at once.
 */
#include <stdlib.h>

#include "auth/principal.h"
#include "base/log.h"
#include "wmi/wmi_priv.h"

enum { BATCH = 256 };
#define BATCH_BYTES ((size_t)32 << 10)
#define CROWDED_BYTES ((size_t)64 << 10) /* of a batch, when too much waits for the account */
struct sink_batch {
    struct buf bytes; /* references, one behind the other */
    unsigned count;
    size_t ends[BATCH];
};

/* ---- the table ---- */

static cimf_status enter(struct wmi_sink *s)
{
    struct wmi_server *server = s->session->server;
    const struct wmi_settings *limits = &server->settings;
    cimf_status status = CIMF_OK;
    unsigned mine = 0;
    pthread_mutex_lock(&server->lock);
    for (const struct wmi_sink *x = server->sinks; x; x = x->next)
        mine += principal_same(x->session->principal, s->session->principal);
    if (server->stopped) status = CIMF_SHUTTING_DOWN;
    else if (server->sink_count >= limits->sinks) status = CIMF_SERVER_TOO_BUSY;
    else if (mine >= limits->sinks_user) status = CIMF_QUOTA_VIOLATION;
    else {
        s->next = server->sinks;
        if (s->next) s->next->prev = s;
        server->sinks = s;
        server->sink_count++;
    }
    pthread_mutex_unlock(&server->lock);
    return status;
}

static void batch_free(struct wmi_sink *s)
{
    if (!s->batch) return;
    wmi_share_keep(s->session->server, s->share, s->batch->bytes.n, 0);
    buf_free(&s->batch->bytes);
    free(s->batch);
    s->batch = NULL;
}

static void sink_free(struct wmi_sink *s)
{
    batch_free(s);
    dcom_proxy_unref(s->proxy);
    wmi_share_leave(s->session->server, s->share);
    wmi_session_unref(s->session);
    free(s->kept);
    free(s);
}

static void sink_ref(struct wmi_sink *s)
{
    __atomic_add_fetch(&s->refs, 1, __ATOMIC_RELAXED);
}

static void sink_unref(struct wmi_sink *s)
{
    struct wmi_server *server = s->session->server;
    pthread_mutex_lock(&server->lock); /* those who find it in the table take a reference */
    bool last = !__atomic_sub_fetch(&s->refs, 1, __ATOMIC_ACQ_REL);
    if (last) {
        if (s->prev) s->prev->next = s->next;
        else server->sinks = s->next;
        if (s->next) s->next->prev = s->prev;
        server->sink_count--;
    }
    pthread_mutex_unlock(&server->lock);
    if (last) sink_free(s);
}

uint32_t wmi_sink_new(struct dcom_call *c, struct wmi_session *x, struct slice objref, void *owner, struct wmi_sink **out)
{
    struct wmi_sink *s = calloc(1, sizeof *s);
    *out = NULL;
    if (!s) return DCOM_E_OUTOFMEMORY;
    s->refs = 1;
    s->session = wmi_session_ref(x);
    s->home = c->home;
    s->causality = c->causality;
    s->owner = owner;
    s->share = wmi_share_join(x->server, x->principal);
    uint32_t hresult = s->share ? dcom_proxy_new(c, objref, &wmi_sink_interface.iid, &s->proxy) : DCOM_E_OUTOFMEMORY;
    if (!hresult) hresult = wmi_hresult(enter(s));
    if (hresult) sink_free(s);
    else *out = s;
    return hresult;
}

void wmi_sink_drop(struct wmi_sink *s)
{
    if (!s) return;
    s->told = s->finished = true;
    sink_unref(s);
}

/* ---- what is told ---- */

static void told(struct dcom_proxy_call *call, bool failed, uint32_t hresult)
{
    sink_unref(call->arg); /* it may have been the last one that kept the proxy */
}

static void tell(struct wmi_sink *s, uint32_t hresult, struct slice text, struct slice object)
{
    struct stub_status r = { .hresult = hresult, .text = text, .object = object };
    s->told = true;
    sink_ref(s);
    s->status = (struct dcom_proxy_call){
        .method = &wmi_sink_interface.methods[WMI_OPNUM_SET_STATUS], .opnum = WMI_OPNUM_SET_STATUS,
        .causality = s->causality, .record = &r, .done = told, .arg = s,
    };
    dcom_proxy_call(s->proxy, &s->status);
}

/* Nothing more is wanted, or can be said. */
static void end(struct wmi_sink *s, cimf_status why)
{
    if (s->told) return;
    batch_free(s);
    tell(s, wmi_hresult(why), SLICE_NULL, SLICE_NULL);
    if (!s->finished) s->cancel(s);
}

static void cancel(struct wmi_sink *s)
{
    end(s, CIMF_CALL_CANCELLED);
}

/* Nobody is there who could hear more. */
static bool deaf(uint32_t hresult)
{
    return hresult == DCOM_E_UNREACHABLE || hresult == DCOM_E_DISCONNECTED || hresult == DCOM_E_SERVER_STOPPING;
}

static void indicated(struct dcom_proxy_call *call, bool failed, uint32_t hresult)
{
    struct wmi_sink *s = call->arg;
    s->calling = false;
    if (failed || wmi_failed(hresult))
        log_debug("wmi", "a client does not take results user=" SLICE_FMT " hresult=0x%08x", SLICE_ARG(s->session->principal->name),
                  hresult);
    /* WBEM_S_NEW_STYLE says that ObjectArrays are understood, too: how they stand in the call is not documented. */
    if (failed && deaf(hresult) && !s->told) {
        batch_free(s);
        s->told = true;
        if (!s->finished) s->cancel(s);
    } else if (failed || wmi_failed(hresult)) {
        end(s, failed && hresult == DCOM_E_QUOTA ? CIMF_QUOTA_VIOLATION : CIMF_CALL_CANCELLED);
    }
    wmi_sink_flush(s);
    if (!s->finished && !s->told) s->more(s);
    sink_unref(s);
}

static void indicate(struct wmi_sink *s)
{
    struct slice objects[BATCH];
    struct stub_indicate r = { .count = s->batch->count, .objects = objects };
    size_t from = 0;
    for (unsigned i = 0; i < r.count; i++) {
        objects[i] = slice_of(s->batch->bytes.p + from, s->batch->ends[i] - from);
        from = s->batch->ends[i];
    }
    s->calling = true;
    sink_ref(s);
    s->indicate = (struct dcom_proxy_call){
        .method = &wmi_sink_interface.methods[WMI_OPNUM_INDICATE], .opnum = WMI_OPNUM_INDICATE,
        .causality = s->causality, .record = &r, .done = indicated, .arg = s,
    };
    dcom_proxy_call(s->proxy, &s->indicate);
    batch_free(s);
}

void wmi_sink_flush(struct wmi_sink *s)
{
    if (s->told || s->calling) return;
    if (s->batch) indicate(s);
    else if (s->finished) tell(s, s->hresult, s->text, s->object);
}

bool wmi_sink_full(const struct wmi_sink *s)
{
    unsigned window = s->session->server->settings.window;
    return s->batch && (s->batch->count >= (window < BATCH ? window : BATCH) || s->batch->bytes.n >= BATCH_BYTES ||
                        wmi_share_crowded(s->session->server, s->share));
}

/* Where too much waits for the account a sink gets objects one by one, and large ones only when nothing else is to be sent there. */
static bool too_large(struct wmi_sink *s)
{
    if (s->batch->bytes.n <= CROWDED_BYTES || (!s->calling && !s->batch->count) || !wmi_share_crowded(s->session->server, s->share)) return false;
    if (wmi_share_speaks(s->share))
        log_info("wmi", "too much waits for the clients of an account user=" SLICE_FMT, SLICE_ARG(s->session->principal->name));
    return true;
}

cimf_status wmi_sink_add(struct wmi_sink *s, const struct cim_op *op, const struct cim_object *o)
{
    if (s->told) return CIMF_OK;
    if (!s->batch) {
        if (!(s->batch = calloc(1, sizeof *s->batch))) return CIMF_OUT_OF_MEMORY;
        buf_init(&s->batch->bytes, 0);
    }
    struct sink_batch *b = s->batch;
    size_t had = b->bytes.n;
    bool ok = b->count < BATCH && (o ? wmi_reference_write(&b->bytes, s->session, op, o)
                                     : wmi_reference_empty(&b->bytes, s->session));
    cimf_status status = !ok ? CIMF_OUT_OF_MEMORY : too_large(s) ? CIMF_QUOTA_VIOLATION : CIMF_OK;
    if (status == CIMF_QUOTA_VIOLATION) b->bytes.n = had;
    wmi_share_keep(s->session->server, s->share, had, b->bytes.n);
    if (status == CIMF_OK) b->ends[b->count++] = b->bytes.n;
    else if (!b->count) batch_free(s);
    return status;
}

void wmi_sink_finish(struct wmi_sink *s, uint32_t hresult, struct slice text, struct slice object)
{
    s->finished = true;
    s->hresult = hresult;
    s->kept = malloc(text.n + object.n + 1);
    if (s->kept && text.n) memcpy(s->kept, text.p, text.n);
    if (s->kept && object.n) memcpy(s->kept + text.n, object.p, object.n);
    if (s->kept && text.p) s->text = slice_of(s->kept, text.n);
    if (s->kept && object.p) s->object = slice_of(s->kept + text.n, object.n);
    wmi_sink_flush(s);
    sink_unref(s);
}

/* ---- IWbemServices::CancelAsyncCall (3.1.4.3.2) ---- */

static void cancel_posted(void *arg)
{
    struct wmi_sink *s = arg;
    cancel(s);
    sink_unref(s);
}

/* Those that go on and answer to this sink, NULL: to any, are cancelled, each on its executor: how many. */
static unsigned cancel_all(struct wmi_server *server, const struct dcom_proxy *proxy)
{
    unsigned found = 0;
    pthread_mutex_lock(&server->lock);
    for (struct wmi_sink *s = server->sinks; s; s = s->next) {
        if (s->told || (proxy && !dcom_proxy_same(s->proxy, proxy))) continue;
        sink_ref(s);
        if (exec_post(s->home, cancel_posted, s)) found++;
        else __atomic_sub_fetch(&s->refs, 1, __ATOMIC_ACQ_REL);
    }
    pthread_mutex_unlock(&server->lock);
    return found;
}

void wmi_sinks_stop(struct wmi_server *server)
{
    cancel_all(server, NULL);
}

void wmi_cancel_async(struct dcom_call *c, void *record)
{
    const struct stub_services *r = record;
    struct wmi_session *x = c->self;
    struct dcom_proxy *proxy = NULL;
    uint32_t hresult = c->flags & MECH_IDENTIFY ? wmi_hresult(CIMF_ACCESS_DENIED) : DCOM_OK;
    if (!hresult && !r->sink.p) hresult = wmi_hresult(CIMF_INVALID_PARAMETER);
    if (!hresult) hresult = dcom_proxy_new(c, r->sink, &wmi_sink_interface.iid, &proxy);
    if (!hresult && !cancel_all(x->server, proxy)) hresult = wmi_hresult(CIMF_NOT_FOUND);
    dcom_proxy_unref(proxy);
    dcom_reply(c, r, hresult);
}
