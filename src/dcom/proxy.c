/* Proxies and their calls. */
#include "dcom/proxy_priv.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/share.h"

static bool call_out(const struct dcom_server *s)
{
    const struct dcom_outbound *o = s->settings.outbound;
    return o && (o->credentials || o->anonymous);
}

/* ---- life ---- */

/* A context (MS-DCOM 2.2.20) with extents is not to be taken. */
static bool context_fits(struct slice context)
{
    struct cursor c = cursor_of(context);
    cursor_skip(&c, 28);
    uint32_t extents = cursor_u32le(&c), bytes = cursor_u32le(&c);
    return !c.bad && !extents && !bytes;
}

/* A client that may not listen on port 135 can name the port of its resolver, as exporters do. */
static cimf_status resolver_port(struct arena *a, const struct dcom_dual *d, uint16_t *out)
{
    struct dcom_bindings b;
    cimf_status status = dcom_dual_parse(a, d, &b, NULL);
    *out = PROXY_RESOLVER_PORT;
    for (unsigned i = 0; status == CIMF_OK && i < b.string_count; i++) {
        if (b.strings[i].tower != TOWER_TCP) continue;
        if (b.strings[i].port) *out = b.strings[i].port;
        return CIMF_OK;
    }
    return status == CIMF_OK ? CIMF_PROTOCOL_ERROR : status; /* not one by TCP */
}

static uint32_t read_reference(struct dcom_call *c, struct slice objref, const struct guid *iid, struct dcom_objref *r,
                               uint16_t *port)
{
    cimf_status status = dcom_objref_read(c->arena, objref, r, NULL);
    if (status == CIMF_OUT_OF_MEMORY) return DCOM_E_OUTOFMEMORY;
    if (status != CIMF_OK || r->form == OBJREF_CUSTOM || !guid_eq(&r->iid, iid)) return DCOM_E_INVALID_OBJREF;
    if (r->form == OBJREF_EXTENDED && !context_fits(r->data)) return DCOM_E_INVALID_OBJREF;
    if (r->std.oxid == c->server->oxid) return DCOM_E_INVALID_OBJREF;
    status = resolver_port(c->arena, &r->resolver, port);
    if (status != CIMF_OK) return status == CIMF_OUT_OF_MEMORY ? DCOM_E_OUTOFMEMORY : DCOM_E_INVALID_OBJREF;
    return *port == PROXY_RESOLVER_PORT || *port >= PROXY_USER_PORTS ? DCOM_OK : DCOM_E_ACCESSDENIED;
}

uint32_t dcom_proxy_new(struct dcom_call *c, struct slice objref, const struct guid *iid, struct dcom_proxy **out)
{
    struct dcom_objref r;
    uint16_t port;
    *out = NULL;
    uint32_t result = read_reference(c, objref, iid, &r, &port);
    if (result != DCOM_OK) return result;
    if (!call_out(c->server)) {
        log_info("dcom", "an object of a caller is refused: calls to clients are not configured (cimd(8): wmi.callback_user) peer=%s user=" SLICE_FMT, c->peer,
                 SLICE_ARG(c->principal->name));
        return DCOM_E_ACCESSDENIED;
    }
    struct dcom_proxy *p = calloc(1, sizeof *p);
    if (!p) return DCOM_E_OUTOFMEMORY;
    result = dcom_link_get(c, r.std.oxid, port, &p->link);
    if (result != DCOM_OK) {
        free(p);
        return result;
    }
    p->refs = 1;
    p->iid = *iid;
    p->std = r.std;
    p->next = p->link->proxies;
    p->link->proxies = p;
    *out = p;
    return DCOM_OK;
}

struct dcom_proxy *dcom_proxy_ref(struct dcom_proxy *p)
{
    __atomic_add_fetch(&p->refs, 1, __ATOMIC_RELAXED);
    return p;
}

bool dcom_proxy_same(const struct dcom_proxy *a, const struct dcom_proxy *b)
{
    return a->std.oxid == b->std.oxid && a->std.oid == b->std.oid && principal_same(a->link->owner, b->link->owner);
}

/* ---- requests ---- */

/* What waits is an account's, on however many links. */
static bool count_bytes(struct dcom_pending *p, size_t n)
{
    struct dcom_server *s = p->link->server;
    struct dcom_user *u = p->link->user;
    dcom_lock(s);
    bool fits = n <= p->counted || share_fits(s->settings.max_call_bytes, s->call_bytes, u->call_bytes, n - p->counted);
    if (fits) {
        s->call_bytes += n - p->counted;
        u->call_bytes += n - p->counted;
        p->counted = n;
    }
    dcom_unlock(s);
    return fits;
}

static void pending_unlink(struct dcom_pending *p)
{
    struct dcom_link *l = p->link;
    struct dcom_pending **at = &l->calls;
    while (*at != p) at = &(*at)->next;
    *at = p->next;
    l->call_count--;
    count_bytes(p, 0);
}

static void pending_free(struct dcom_pending *p)
{
    struct dcom_link *l = p->link;
    buf_free(&p->stub);
    free(p);
    dcom_link_unref(l);
}

/* The owner is told, and may do anything in answer. */
static void pending_end(struct dcom_pending *p, bool failed, uint32_t hresult)
{
    struct dcom_proxy_call *call = p->call;
    pending_unlink(p);
    if (call) call->done(call, failed, hresult);
    pending_free(p);
}

uint32_t dcom_fault_hresult(uint32_t fault)
{
    if (fault & 0x80000000u) return fault; /* ORPC's own are HRESULTs */
    switch (fault) {
    case RPC_FAULT_OP_RANGE: return DCOM_WIN32(0x6d1);
    case RPC_FAULT_UNKNOWN_INTERFACE: return DCOM_WIN32(0x6b5);
    case RPC_FAULT_BUSY: return DCOM_WIN32(0x6bb);
    case RPC_FAULT_CANCELLED: return DCOM_E_TIMED_OUT;
    case RPC_FAULT_NO_MEMORY: return DCOM_E_OUTOFMEMORY;
    default: return fault < 0x10000 ? DCOM_WIN32(fault) : DCOM_E_CALL_FAILED;
    }
}

/* Header, outputs, the method's own result. Outputs that nobody wants are read all the same: the result is behind them. */
static bool read_answer(struct dcom_proxy_call *call, struct slice stub, bool big_endian, uint32_t *hresult)
{
    const struct ndr_type *t = call->method->parameters;
    struct arena scratch;
    struct ndr_reader r;
    arena_init(&scratch, 0);
    ndr_reader_init(&r, call->out ? call->arena : &scratch, stub, big_endian);
    void *record = call->out ? call->out : arena_zalloc(&scratch, t && t->size ? t->size : 1);
    bool ok = record && dcom_that_read(&r, NULL) == CIMF_OK;
    if (ok && t) ok = ndr_read_parameters(&r, t, NDR_OUT, record, NULL) == CIMF_OK;
    if (ok) ok = ndr_read(&r, &ndr_u32, hresult, NULL) == CIMF_OK;
    arena_free(&scratch);
    return ok;
}

/* Whoever else waits for it is told once this one has been; the next call looks for the exporter anew. */
static void connection_lost(struct dcom_pending *p)
{
    struct dcom_link *l = p->link;
    p->over = true; /* is being told */
    dcom_link_end_calls(l, DCOM_E_CALL_FAILED, true);
    p->over = false;
    dcom_leg_close(&l->exporter);
    l->state = LINK_DOWN;
}

static void on_answer(struct rpc_request *request, uint32_t fault, struct slice stub, bool big_endian)
{
    struct dcom_pending *p = (struct dcom_pending *)request;
    uint32_t hresult = dcom_fault_hresult(fault);
    bool failed = fault != 0;
    p->sent = false;
    bool silent = fault == RPC_CLIENT_LOST || fault == RPC_FAULT_CANCELLED || fault == RPC_FAULT_ACCESS_DENIED || fault == RPC_FAULT_SEC_PKG;
    if (!p->link->answered && silent) {
        dcom_link_note_fault(&p->link->exporter, fault);
        dcom_link_tell(p->link, hresult);
    }
    p->link->answered = true; /* once is enough */
    if (fault == RPC_CLIENT_LOST) connection_lost(p);
    if (p->proxy && fault != RPC_CLIENT_LOST && fault != RPC_FAULT_CANCELLED) p->proxy->reached = true;
    if (!failed && p->call && !read_answer(p->call, stub, big_endian, &hresult)) {
        failed = true;
        hresult = DCOM_E_BAD_STUB;
    }
    pending_end(p, failed, hresult);
}

/* The COMVERSION is known only now. */
static void pending_send(struct dcom_pending *p)
{
    struct dcom_link *l = p->link;
    int64_t left = p->deadline - dcom_now(l->server);
    if (p->stub.n >= 4) {
        p->stub.p[0] = (char)l->version.major;
        p->stub.p[2] = (char)l->version.minor;
    }
    if (!p->proxy) p->request.object = l->unknown;
    p->request.stub = buf_slice(&p->stub);
    p->request.timeout_us = left > 0 ? left : 1;
    p->request.has_object = true;
    p->request.done = on_answer;
    p->sent = true;
    rpc_client_request(l->exporter.client, &p->request);
}

static struct dcom_pending *first_over(const struct dcom_link *l)
{
    struct dcom_pending *p = l->calls;
    while (p && !p->over) p = p->next;
    return p;
}

static void tell(void *arg)
{
    struct dcom_link *l = arg;
    for (struct dcom_proxy_call *c; (c = l->starved);) {
        l->starved = c->room;
        c->done(c, true, DCOM_E_OUTOFMEMORY);
    }
    for (struct dcom_pending *p; (p = first_over(l));) pending_end(p, true, p->hresult);
    dcom_link_unref(l);
}

static void tell_later(struct dcom_link *l)
{
    dcom_link_ref(l);
    if (!exec_post(l->home, tell, l)) dcom_link_unref(l); /* the loop has ended, and who waited there with it */
}

/* Takes it from the connection; its owner is still to be told. */
static void give_up(struct dcom_pending *p, uint32_t hresult)
{
    if (p->sent) rpc_client_forget(p->link->exporter.client, &p->request);
    p->sent = false;
    p->over = true;
    p->hresult = hresult;
}

void dcom_link_end_calls(struct dcom_link *l, uint32_t hresult, bool later)
{
    for (struct dcom_pending *p = l->calls; p; p = p->next)
        if (!p->over) give_up(p, hresult);
    if (later) tell_later(l);
    else tell(dcom_link_ref(l));
}

/* ---- calls ---- */

static struct dcom_pending *pending_new(struct dcom_link *l, const struct guid *iid, uint16_t opnum, int64_t timeout_us)
{
    struct dcom_pending *p = calloc(1, sizeof *p);
    if (!p) return NULL;
    p->link = dcom_link_ref(l);
    p->deadline = dcom_now(l->server) + timeout_us;
    p->request.interface = *iid;
    p->request.opnum = opnum;
    buf_init(&p->stub, PROXY_STUB);
    return p;
}

/* Behind those that are there. */
static void pending_add(struct dcom_pending *p)
{
    struct dcom_link *l = p->link;
    struct dcom_pending **at = &l->calls;
    while (*at) at = &(*at)->next;
    *at = p;
    l->call_count++;
}

static bool write_stub(struct dcom_pending *p, const struct guid *causality, const struct ndr_type *t, const void *record)
{
    struct ndr_writer w;
    ndr_writer_init(&w, &p->stub);
    return dcom_this_write(&w, dcom_version, causality) && (!t || ndr_write_parameters(&w, t, NDR_IN, record)) &&
           buf_ok(&p->stub);
}

static struct guid causality_of(const struct dcom_server *s, const struct guid *given)
{
    struct guid g = *given;
    static const struct guid none;
    if (guid_eq(&g, &none)) dcom_random(s, &g, sizeof g);
    return g;
}

/* Of IRemUnknown, for public references of the proxy's interface; nobody waits for the answer. */
static void change_refs(struct dcom_proxy *proxy, uint16_t opnum, uint32_t refs)
{
    static const struct guid none;
    struct dcom_reference one = { proxy->std.ipid, refs, 0 };
    const struct dcom_references record = { .count = 1, .references = &one };
    struct dcom_link *l = proxy->link;
    struct guid causality = causality_of(l->server, &none);
    struct dcom_pending *p = pending_new(l, &dcom_iremunknown.iid, opnum, PROXY_CALL_US);
    if (!p) return;
    if (!write_stub(p, &causality, opnum == UNKNOWN_RELEASE ? &dcom_release_type : &dcom_add_ref_type, &record)) {
        pending_free(p);
        return;
    }
    pending_add(p);
    pending_send(p);
}

static void send_call(struct dcom_pending *p)
{
    struct dcom_proxy *proxy = p->proxy;
    if (proxy && !proxy->std.public_refs && !proxy->asked_refs) {
        proxy->asked_refs = true;
        change_refs(proxy, UNKNOWN_ADD_REF, 1);
    }
    pending_send(p);
}

void dcom_link_send_calls(struct dcom_link *l)
{
    for (struct dcom_pending *p = l->calls; p; p = p->next)
        if (!p->sent && !p->over) send_call(p);
}

void dcom_proxy_call(struct dcom_proxy *proxy, struct dcom_proxy_call *call)
{
    struct dcom_link *l = proxy->link;
    struct guid causality = causality_of(l->server, &call->causality);
    struct dcom_pending *p = pending_new(l, &proxy->iid, call->opnum, call->timeout_us ? call->timeout_us : PROXY_CALL_US);
    if (!p) {
        call->proxy = proxy;
        call->room = l->starved;
        l->starved = call;
        tell_later(l);
        return;
    }
    p->proxy = proxy;
    p->call = call;
    p->request.object = proxy->std.ipid;
    bool written = write_stub(p, &causality, call->method->parameters, call->record);
    bool room = l->call_count < PROXY_CALLS_LINK && count_bytes(p, sizeof *p + p->stub.n);
    pending_add(p);
    if (!room && share_speaks(&l->user->said, dcom_now(l->server)))
        log_info("dcom", "too much waits for the clients of an account peer=%s user=" SLICE_FMT " calls=%u bytes=%zu", l->peer,
                 SLICE_ARG(l->owner->name), l->call_count, p->stub.n);
    if (l->closed || !written || !room) {
        give_up(p, l->closed ? DCOM_E_SERVER_STOPPING : written ? DCOM_E_QUOTA : DCOM_E_OUTOFMEMORY);
        tell_later(l);
    } else if (l->state == LINK_UP) {
        send_call(p);
    } else if (l->state == LINK_DOWN) {
        dcom_link_start(l);
    }
}

void dcom_proxy_cancel(struct dcom_proxy *proxy)
{
    struct dcom_link *l = proxy->link;
    bool any = false;
    for (struct dcom_pending *p = l->calls; p; p = p->next) {
        if (p->proxy != proxy || p->over) continue;
        give_up(p, DCOM_E_TIMED_OUT);
        any = true;
    }
    if (any) tell_later(l);
}

/* Calls that nobody will ask about. */
static void drop_calls(struct dcom_proxy *proxy)
{
    struct dcom_link *l = proxy->link;
    for (struct dcom_pending *p = l->calls, *next; p; p = next) {
        next = p->next;
        if (p->proxy != proxy) continue;
        if (p->sent) rpc_client_forget(l->exporter.client, &p->request);
        pending_unlink(p);
        pending_free(p);
    }
    for (struct dcom_proxy_call *c = l->starved, *next, *kept = NULL; c; c = next, l->starved = kept) {
        next = c->room;
        if (c->proxy == proxy) continue;
        c->room = kept;
        kept = c;
    }
}

void dcom_proxy_unref(struct dcom_proxy *proxy)
{
    if (!proxy || __atomic_sub_fetch(&proxy->refs, 1, __ATOMIC_ACQ_REL)) return;
    struct dcom_link *l = proxy->link;
    struct dcom_proxy **at = &l->proxies;
    uint32_t refs = proxy->std.public_refs + proxy->asked_refs;
    drop_calls(proxy);
    if (l->state == LINK_UP && refs) change_refs(proxy, UNKNOWN_RELEASE, refs);
    while (*at != proxy) at = &(*at)->next;
    *at = proxy->next;
    dcom_link_left(l, proxy);
    free(proxy);
    dcom_link_put(l);
}
