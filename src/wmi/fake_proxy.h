/* wmi/fake_proxy.h - for tests and fuzz targets: clients' sinks without a client. It defines what the room needs of dcom/proxy.h;
 * what is sent is encoded and decoded again on its way. Included behind fake_dcom.h by one file of a program. */
#ifndef WMI_FAKE_PROXY_H
#define WMI_FAKE_PROXY_H

#include "wmi/fake_dcom.h"

enum { FAKE_SINKS = 4, FAKE_SINK_OBJECTS = 64 };
/* A sink as its client sees it. Its reference is its number; what is marked is for the test to say. */
struct fake_sink {
    bool hold;                  /* said: calls are not answered until fake_sink_answer */
    uint32_t answer;            /* said: to Indicate */
    bool dead;                  /* said: calls fail */
    unsigned tries, indicates, statuses, received, proxies, outstanding, most;
    struct slice objects[FAKE_SINK_OBJECTS]; /* references; the first ones */
    struct stub_status last;
    struct guid causality;
    struct { struct dcom_proxy *proxy; struct dcom_proxy_call *call; } pending[64];
};
static struct fake_sink fake_sink[FAKE_SINKS];
static struct arena fake_sink_arena;

struct dcom_proxy {
    unsigned refs, id, calls;
    const struct principal *owner;
    struct exec *home;
    bool told;
};
struct fake_answer {
    struct dcom_proxy *proxy;
    struct dcom_proxy_call *call;
    bool failed;
    uint32_t hresult;
};

UNUSED_OK static struct slice fake_sink_reference(unsigned id)
{
    static const char *const texts[FAKE_SINKS] = { "SINK0", "SINK1", "SINK2", "SINK3" };
    return slice_str(texts[id]);
}
uint32_t dcom_proxy_new(struct dcom_call *c, struct slice objref, const struct guid *iid, struct dcom_proxy **out)
{
    *out = NULL;
    if (objref.n != 5 || !slice_starts(objref, SLICE("SINK")) || (unsigned)(objref.p[4] - '0') >= FAKE_SINKS)
        return DCOM_E_INVALID_OBJREF;
    if (!guid_eq(iid, &wmi_sink_interface.iid)) abort();
    struct dcom_proxy *p = calloc(1, sizeof *p);
    if (!p) abort();
    *p = (struct dcom_proxy){ .refs = 1, .id = (unsigned)(objref.p[4] - '0'), .owner = c->principal, .home = c->home };
    fake_sink[p->id].proxies++;
    *out = p;
    return DCOM_OK;
}
struct dcom_proxy *dcom_proxy_ref(struct dcom_proxy *p)
{
    p->refs++;
    return p;
}
void dcom_proxy_unref(struct dcom_proxy *p)
{
    if (!p || --p->refs) return;
    if (p->calls) abort(); /* the room waits for them */
    fake_sink[p->id].proxies--;
    free(p);
}
bool dcom_proxy_same(const struct dcom_proxy *a, const struct dcom_proxy *b)
{
    return a->id == b->id && principal_same(a->owner, b->owner);
}
static void fake_answered(void *arg)
{
    struct fake_answer a = *(struct fake_answer *)arg;
    free(arg);
    fake_sink[a.proxy->id].outstanding--;
    a.proxy->calls--;
    a.call->done(a.call, a.failed, a.hresult);
}
static void fake_end_call(struct dcom_proxy *p, struct dcom_proxy_call *call, bool failed, uint32_t hresult)
{
    struct fake_answer *a = malloc(sizeof *a);
    if (!a) abort();
    *a = (struct fake_answer){ p, call, failed, hresult };
    if (!exec_post(p->home, fake_answered, a)) abort();
}
/* What the client reads. */
static void *fake_received(const struct dcom_proxy_call *call)
{
    const struct ndr_type *t = call->method->parameters;
    struct ndr_writer w;
    struct ndr_reader r;
    struct buf b;
    buf_init(&b, 0);
    ndr_writer_init(&w, &b);
    if (!ndr_write_parameters(&w, t, NDR_IN, call->record)) abort();
    void *record = arena_zalloc(&fake_sink_arena, t->size);
    ndr_reader_init(&r, &fake_sink_arena, arena_dup(&fake_sink_arena, buf_slice(&b)), false);
    struct error e = ERROR_INIT;
    if (!record || ndr_read_parameters(&r, t, NDR_IN, record, &e) != CIMF_OK) {
        fprintf(stderr, "%s: %s\n", call->method->name, error_text(&e));
        abort();
    }
    buf_free(&b);
    return record;
}
void dcom_proxy_call(struct dcom_proxy *p, struct dcom_proxy_call *call)
{
    struct fake_sink *s = &fake_sink[p->id];
    void *record = fake_received(call);
    if (!exec_here(p->home) || p->told) abort(); /* nothing comes after the last word */
    p->told = call->opnum == WMI_OPNUM_SET_STATUS && !((const struct stub_status *)record)->flags;
    s->tries++;
    if (s->dead) {
        s->outstanding++;
        p->calls++;
        fake_end_call(p, call, true, DCOM_E_DISCONNECTED);
        return;
    }
    s->causality = call->causality;
    if (call->opnum == WMI_OPNUM_INDICATE) {
        const struct stub_indicate *r = record;
        s->indicates++;
        for (uint32_t i = 0; i < r->count; i++, s->received++)
            if (s->received < FAKE_SINK_OBJECTS) s->objects[s->received] = r->objects[i];
    } else {
        s->statuses++;
        s->last = *(const struct stub_status *)record;
    }
    p->calls++;
    if (++s->outstanding > s->most) s->most = s->outstanding;
    if (!s->hold) {
        fake_end_call(p, call, false, call->opnum == WMI_OPNUM_INDICATE ? s->answer : 0);
        return;
    }
    for (unsigned i = 0; i < 64; i++) {
        if (s->pending[i].call) continue;
        s->pending[i].proxy = p;
        s->pending[i].call = call;
        return;
    }
    abort();
}
void dcom_proxy_cancel(struct dcom_proxy *p)
{
    struct fake_sink *s = &fake_sink[p->id];
    for (unsigned i = 0; i < 64; i++) {
        if (s->pending[i].proxy != p || !s->pending[i].call) continue;
        fake_end_call(p, s->pending[i].call, true, DCOM_E_DISCONNECTED);
        s->pending[i].call = NULL;
    }
}
/* Those that are held get their answer, or fail for lack of one. */
UNUSED_OK static void fake_sink_answer(unsigned id, bool failed, uint32_t hresult)
{
    struct fake_sink *s = &fake_sink[id];
    for (unsigned i = 0; i < 64; i++) {
        if (s->pending[i].call) fake_end_call(s->pending[i].proxy, s->pending[i].call, failed, hresult);
        s->pending[i].call = NULL;
    }
}
UNUSED_OK static void fake_sinks_open(void)
{
    memset(fake_sink, 0, sizeof fake_sink);
    arena_init(&fake_sink_arena, 0);
}
UNUSED_OK static void fake_sinks_close(void)
{
    for (unsigned i = 0; i < FAKE_SINKS; i++)
        if (fake_sink[i].proxies || fake_sink[i].outstanding) abort();
    arena_free(&fake_sink_arena);
}

#endif
