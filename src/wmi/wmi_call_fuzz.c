/* Calls of any method with any stub on a login, its services, an enumerator, a smart enumerator, a call result, a refresher and a sink of
 * ours: one byte says whose, one which operation, one how the manager and clients' sinks behave meanwhile, two the length of the stub,
 * then the stub. */
#include "wmi/fake_proxy.h"
#include "wmi/refresh.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { OBJECTS = 16, CALLS = 16 };

struct run {
    struct fake_wmi f;
    struct dcom_object *objects[OBJECTS];
    unsigned count;
    struct client_call calls[CALLS];
    bool collected[CALLS];
    unsigned made;
};

static void keep(struct run *r, struct slice reference)
{
    struct dcom_object *o;
    if (reference.n != sizeof o) return;
    memcpy(&o, reference.p, sizeof o);
    if (r->count < OBJECTS) r->objects[r->count++] = o;
    else client_release(o);
}

/* The objects that an answer holds. */
static void collect(struct run *r, unsigned at)
{
    const struct client_call *c = &r->calls[at];
    const struct dcom_interface *i = c->c.interface;
    unsigned op = c->c.opnum;
    if (at >= r->made || !c->answered || r->collected[at]) return;
    r->collected[at] = true;
    if (!c->out || c->hresult & 0x80000000u) return;
    if (i == &wmi_login_interface && op == 6) keep(r, ((struct stub_ntlm_login *)c->out)->services);
    if ((i == &wmi_enum_interface && op == 6) || i == &wmi_fetch_interface) keep(r, ((struct stub_reference *)c->out)->reference);
    if (i == &wmi_result_interface && op == 5) keep(r, ((struct stub_result *)c->out)->value);
    if (i == &wmi_refreshing_interface && op >= 3 && op <= 5) {
        const struct stub_refresh_info *info = &((struct stub_refresh_add *)c->out)->info;
        if (info->type == REFRESH_REMOTE) keep(r, info->of.remote.refresher);
    }
    if (i == &wmi_refreshing_interface && op == 7) keep(r, ((struct stub_refresh_get *)c->out)->refresher);
    if (i != &wmi_services_interface) return;
    const struct stub_services *s = c->out;
    if (op == 5 || op == 12 || op == 18 || op == 20 || op == 22) keep(r, s->enumerator);
    if (op == 3 && s->out) keep(r, *s->out);
    if ((op == 3 || op == 6 || op == 8 || op == 10 || op == 14 || op == 16 || op == 24) && s->result) keep(r, *s->result);
}

static void one(struct run *r, struct cursor *in)
{
    uint8_t whose = cursor_u8(in), op = cursor_u8(in), mode = cursor_u8(in);
    uint16_t length = cursor_u16le(in);
    struct slice stub = cursor_bytes(in, length < cursor_left(in) ? length : cursor_left(in));
    struct client_call *c = &r->calls[r->made];
    struct dcom_object *o = r->objects[whose % r->count];
    unsigned interfaces = 0;
    while (o->type->interfaces[interfaces]) interfaces++;
    const struct dcom_interface *i = o->type->interfaces[(whose >> 4) % interfaces];
    op = (uint8_t)(3 + op % (i->count - 3));
    client_init(c, o, (whose >> 4) % interfaces, op);
    const struct ndr_type *t = i->methods[op].parameters;
    void *record = t ? arena_zalloc(&c->arena, t->size) : NULL;
    struct ndr_reader reader;
    ndr_reader_init(&reader, &c->arena, arena_dup(&c->arena, stub), mode & 0x80);
    if (t && ndr_read_parameters(&reader, t, NDR_IN, record, NULL) != CIMF_OK) {
        arena_free(&c->arena);
        return;
    }
    r->f.m.mode = mode & 1 ? FAKE_ASYNC : FAKE_SYNC;
    for (unsigned k = 0; k < FAKE_SINKS; k++) {
        fake_sink[k].hold = mode & 0x10;
        fake_sink[k].dead = mode & 0x20;
        fake_sink[k].answer = mode & 0x40 ? 0x80041001 : 0;
    }
    if (!(mode & 0x10))
        for (unsigned k = 0; k < FAKE_SINKS; k++) fake_sink_answer(k, mode & 0x20, 0);
    dcom_object_ref(o); /* a call at work holds its object */
    r->made++;
    client_run(c, record);
    if (!(mode & 2)) fake_run();
    if (mode & 4 && !c->answered && c->c.on_abort) c->c.on_abort(&c->c);
    if (mode & 8) fake_time_passes();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct run r;
    struct cursor in = cursor_of(slice_of((const char *)data, size));
    fake_wmi_open(&r.f);
    fake_sinks_open();
    fake_fill(&r.f.m, 20);
    for (int i = 0; i < 3; i++) cim_put_strz(fake_row(&r.f.m, "Live"), "Name", i == 0 ? "a" : i == 1 ? "b" : "c");
    r.made = 0;
    memset(r.collected, 0, sizeof r.collected);
    r.count = 2;
    r.objects[0] = dcom_object_ref(r.f.login);
    r.objects[1] = fake_wmi_login(&r.f);
    for (unsigned seen = 0; cursor_left(&in) && r.made < CALLS; seen = r.made) {
        one(&r, &in);
        collect(&r, seen);
    }
    fake_run();
    fake_time_passes();
    wmi_server_stop(r.f.server); /* ends what still waits */
    fake_run();
    for (unsigned i = 0; i < r.made; i++) {
        struct dcom_object *o = r.calls[i].c.object;
        collect(&r, i);
        client_end(&r.calls[i]);
        client_release(o);
    }
    while (r.count) client_release(r.objects[--r.count]);
    fake_run();
    for (unsigned k = 0; k < FAKE_SINKS; k++) {
        fake_sink[k].hold = false;
        fake_sink_answer(k, true, 0);
    }
    fake_run();
    fake_sinks_close();
    fake_wmi_close(&r.f);
    return 0;
}
