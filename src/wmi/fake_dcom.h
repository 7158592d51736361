/* wmi/fake_dcom.h - for tests and fuzz targets: calls to objects without DCOM below, over the fake object manager. It defines what
 * the room needs of dcom/dcom.h; every answer is encoded and decoded again on its way. Included by one file of a program. */
#ifndef WMI_FAKE_DCOM_H
#define WMI_FAKE_DCOM_H

#include "auth/principal.h"
#include "cim/fake_manager.h"
#include "wmi/wmi_priv.h"

/* ---- objects ---- */

struct dcom_object {
    unsigned refs;
    const struct dcom_object_type *type;
    void *self;
    struct exec *home;
    bool given;
};
static unsigned fake_objects;

struct dcom_object *dcom_object_new(struct dcom_server *s, const struct dcom_object_type *type, void *self,
                                    const struct principal *owner)
{
    struct dcom_object *o = calloc(1, sizeof *o);
    if (!o) abort();
    *o = (struct dcom_object){ .refs = 1, .type = type, .self = self };
    fake_objects++;
    return o;
}
void dcom_object_settle(struct dcom_object *o, struct exec *home) { o->home = home; }
struct dcom_object *dcom_object_ref(struct dcom_object *o)
{
    o->refs++;
    return o;
}
void dcom_object_unref(struct dcom_object *o)
{
    if (--o->refs) return;
    if (o->type->closed) o->type->closed(o->self);
    if (o->type->free) o->type->free(o->self);
    fake_objects--;
    free(o);
}
/* The reference is the object's address; it counts until client_release. */
uint32_t dcom_marshal(struct dcom_call *c, struct dcom_object *o, const struct guid *iid, struct slice *out)
{
    *out = arena_dup(c->arena, slice_of((const char *)&o, sizeof o));
    o->refs++;
    return DCOM_OK;
}
UNUSED_OK static struct dcom_object *client_object(struct slice reference)
{
    struct dcom_object *o = NULL;
    if (reference.n != sizeof o) abort();
    memcpy(&o, reference.p, sizeof o);
    return o;
}
UNUSED_OK static void client_release(struct dcom_object *o)
{
    fake_current = &loops[0];
    dcom_object_unref(o);
}

/* ---- calls ---- */

struct client_call {
    struct dcom_call c; /* first */
    struct arena arena;
    bool answered;
    uint32_t hresult, fault;
    void *out;          /* record as the client sees it */
};
static struct principal fake_caller = { .magic = 0x50524e43, .refs = 1 << 20, .name = { "alice", 5 }, .scheme = AUTH_NTLM };

void dcom_reply(struct dcom_call *c, const void *record, uint32_t hresult)
{
    struct client_call *f = (struct client_call *)c;
    const struct ndr_type *t = c->method->parameters;
    struct buf b;
    if (f->answered || !exec_here(c->home)) abort();
    f->answered = true;
    f->hresult = hresult;
    if (!t || !record) return;
    struct ndr_writer w;
    struct ndr_reader r;
    struct error e = ERROR_INIT;
    buf_init(&b, 0);
    ndr_writer_init(&w, &b);
    if (!ndr_write_parameters(&w, t, NDR_OUT, record)) abort();
    struct slice stub = arena_dup(&f->arena, buf_slice(&b));
    buf_free(&b);
    f->out = arena_alloc(&f->arena, t->size);
    memcpy(f->out, record, t->size);
    ndr_reader_init(&r, &f->arena, stub, false);
    if (ndr_read_parameters(&r, t, NDR_OUT, f->out, &e) != CIMF_OK) {
        fprintf(stderr, "%s: %s\n", c->method->name, error_text(&e));
        abort();
    }
}
void dcom_fault(struct dcom_call *c, uint32_t status)
{
    struct client_call *f = (struct client_call *)c;
    if (f->answered) abort();
    f->answered = true;
    f->fault = status;
}

/* Begins a call; change f->c before client_run. */
UNUSED_OK static void client_init(struct client_call *f, struct dcom_object *o, unsigned interface, uint16_t opnum)
{
    const struct dcom_interface *i = o->type->interfaces[interface];
    *f = (struct client_call){ .c = { .object = o, .self = o->self, .interface = i, .method = &i->methods[opnum],
                                      .opnum = opnum, .principal = &fake_caller, .level = RPC_LEVEL_INTEGRITY,
                                      .peer = "192.0.2.9", .home = &loops[0].exec } };
    arena_init(&f->arena, 0);
    f->c.arena = &f->arena;
}
/* With the parameters of record, kept until client_end. */
UNUSED_OK static void client_run(struct client_call *f, void *record)
{
    fake_current = &loops[0];
    f->c.method->run(&f->c, record);
}
UNUSED_OK static void client_end(struct client_call *f)
{
    if (!f->answered) abort();
    arena_free(&f->arena);
}

/* ---- time ---- */

static struct wmi_wait *fake_waits;
static void fake_wait_start(struct wmi_wait *w, int64_t after_us)
{
    w->next = fake_waits;
    fake_waits = w;
}
static void fake_wait_stop(struct wmi_wait *w)
{
    for (struct wmi_wait **at = &fake_waits; *at; at = &(*at)->next) {
        if (*at != w) continue;
        *at = w->next;
        return;
    }
}
UNUSED_OK static void fake_time_passes(void)
{
    fake_current = &loops[0];
    while (fake_waits) {
        struct wmi_wait *w = fake_waits;
        fake_waits = w->next;
        w->runs = false;
        w->fn(w);
    }
}
static const struct wmi_timers fake_timers = { fake_wait_start, fake_wait_stop };

/* ---- a server ---- */

struct fake_wmi {
    struct fake_manager m;
    struct wmi_server *server;
    struct dcom_object *login;
};
UNUSED_OK static void fake_wmi_open_with(struct fake_wmi *f, const struct wmi_care_hooks *care)
{
    unsigned n;
    memset(f, 0, sizeof *f);
    fake_waits = NULL;
    loops[0].exec = loops[1].exec = (struct exec){ fake_post, fake_here };
    fake_init(&f->m);
    struct wmi_settings settings = { .manager = &f->m.base, .machine = SLICE("HOST"), .window = 8, .care = care, .timers = &fake_timers };
    if (wmi_server_new(&settings, &f->server, NULL) != CIMF_OK) abort();
    const struct dcom_class *class = wmi_server_classes(f->server, &n);
    if (class->create(class, NULL, &fake_caller, &f->login) != DCOM_OK) abort();
}
UNUSED_OK static void fake_wmi_open(struct fake_wmi *f)
{
    fake_wmi_open_with(f, NULL);
}
/* Everything that was handed out has been released. */
UNUSED_OK static void fake_wmi_close(struct fake_wmi *f)
{
    client_release(f->login);
    fake_run();
    if (fake_objects || f->m.active || fake_waits || f->server->works) abort();
    if (f->server->kept || f->server->inputs || f->server->shares.count) abort(); /* what accounts took was given back */
    wmi_server_free(f->server);
    fake_free(&f->m);
    if (fake_caller.refs != 1 << 20) abort();
}
/* IWbemServices of root/test. */
UNUSED_OK static struct dcom_object *fake_wmi_login(struct fake_wmi *f)
{
    struct client_call c;
    struct stub_ntlm_login r = { .network = SLICE("//./root/test") };
    client_init(&c, f->login, 0, 6);
    client_run(&c, &r);
    fake_run();
    if (!c.answered || c.hresult) abort();
    struct dcom_object *o = client_object(((struct stub_ntlm_login *)c.out)->services);
    client_end(&c);
    return o;
}
/* The enumerator that ExecQuery answers with; NULL when another hresult than success is expected. */
UNUSED_OK static struct dcom_object *fake_wmi_query(struct dcom_object *services, uint32_t flags, uint32_t expected)
{
    struct client_call c;
    struct stub_services r = { .text = SLICE("wql"), .method = SLICE("select * from MyClass"), .flags = flags };
    client_init(&c, services, 0, 20);
    client_run(&c, &r);
    fake_run();
    if (!c.answered || c.hresult != expected) abort();
    struct dcom_object *o = expected ? NULL : client_object(((struct stub_services *)c.out)->enumerator);
    client_end(&c);
    return o;
}

UNUSED_OK static uint32_t fake_wmi_next(struct dcom_object *o, uint32_t timeout, uint32_t count, uint32_t *returned)
{
    struct client_call c;
    struct stub_next r = { .timeout = timeout, .count = count };
    client_init(&c, o, 0, 4);
    client_run(&c, &r);
    fake_run();
    if (!c.answered) abort();
    *returned = ((struct stub_next *)c.out)->returned;
    uint32_t hresult = c.hresult;
    client_end(&c);
    return hresult;
}

#endif
