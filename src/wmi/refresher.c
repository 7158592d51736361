/* Refreshers and IWbemRemoteRefresher (MS-WMI 3.1.4.13). */
#include <stdlib.h>

#include "wmi/refresh.h"

/* ---- items ---- */

static void item_unref(struct wmi_item *i)
{
    if (__atomic_sub_fetch(&i->refs, 1, __ATOMIC_ACQ_REL)) return;
    wmi_inputs_give(i->session, &i->inputs);
    wmi_session_unref(i->session);
    arena_free(&i->arena);
    free(i);
}

static bool item_path(struct wmi_item *i, const struct cim_path *path)
{
    struct buf b;
    buf_init(&b, 0);
    bool ok = cim_path_write(&b, path, true);
    struct slice text = ok ? arena_dup(&i->arena, buf_slice(&b)) : SLICE_NULL;
    buf_free(&b);
    return text.p && cim_path_parse(&i->arena, text, &i->path, NULL) == CIMF_OK;
}

static struct wmi_item *item_new(struct wmi_session *x, const struct cim_class *cls, const struct cim_path *path, bool all,
                                 struct slice context)
{
    struct wmi_item *i = calloc(1, sizeof *i);
    if (!i) return NULL;
    arena_init(&i->arena, (size_t)1 << 20);
    i->refs = 1;
    i->all = all;
    i->session = wmi_session_ref(x);
    i->cls = cls;
    struct slice mine = context.p ? arena_dup(&i->arena, context) : context;
    bool ok = cim_class_hold(&i->arena, cls) && item_path(i, path) && (!context.p || mine.p);
    if (ok && mine.p) ok = wmi_context_read(&i->arena, mine, &i->context, &i->context_count, NULL) == CIMF_OK;
    if (ok && wmi_inputs_take(x, i->arena.used, 0, &i->inputs)) return i;
    item_unref(i);
    return NULL;
}

/* ---- refreshers ---- */

static void refresher_closed(void *self)
{
    struct wmi_refresher *r = self;
    struct wmi_item *items;
    pthread_mutex_lock(&r->server->lock);
    for (struct wmi_refresher **at = &r->server->refreshers; *at; at = &(*at)->next) {
        if (*at != r) continue;
        *at = r->next;
        break;
    }
    r->closed = true;
    items = r->items;
    r->items = NULL;
    r->count = 0;
    pthread_mutex_unlock(&r->server->lock);
    for (struct wmi_item *i = items, *next; i; i = next) {
        next = i->next;
        item_unref(i);
    }
}

static void refresher_free(void *self)
{
    struct wmi_refresher *r = self;
    refresher_closed(r); /* it may never have been given to anybody */
    principal_unref(r->owner);
    free(r);
}

static const struct dcom_object_type refresher_type = {
    "IWbemRemoteRefresher", (const struct dcom_interface *const[]){ &wmi_refresher_interface, NULL }, refresher_closed,
    refresher_free, WBEM_E_ACCESS_DENIED, true,
};

/* Under the lock. */
static struct wmi_refresher *find(struct wmi_server *s, const struct principal *p, const struct stub_refresher_id *id,
                                  unsigned *count)
{
    struct wmi_refresher *found = NULL;
    *count = 0;
    for (struct wmi_refresher *r = s->refreshers; r; r = r->next) {
        if (!principal_same(r->owner, p)) continue;
        ++*count;
        if (guid_eq(&r->client, &id->client) && r->process == id->process) found = r;
    }
    return found;
}

static uint32_t make(struct dcom_call *c, struct wmi_server *s, const struct stub_refresher_id *id,
                     struct wmi_refresher **out)
{
    struct wmi_refresher *r = *out = calloc(1, sizeof *r);
    if (!r) return DCOM_E_OUTOFMEMORY;
    r->server = s;
    r->owner = principal_ref(c->principal);
    r->client = id->client;
    r->process = id->process;
    guid_random(&r->id);
    r->object = dcom_object_new(c->server, &refresher_type, r, c->principal);
    if (!r->object) {
        principal_unref(r->owner);
        free(r);
        *out = NULL;
        return wmi_hresult(CIMF_QUOTA_VIOLATION);
    }
    dcom_object_settle(r->object, c->home);
    r->next = s->refreshers;
    s->refreshers = r;
    return DCOM_OK;
}

uint32_t wmi_refresher_find(struct dcom_call *c, struct wmi_server *s, const struct stub_refresher_id *id, bool make_it,
                            struct wmi_refresher **out)
{
    unsigned count;
    uint32_t hresult = DCOM_OK;
    pthread_mutex_lock(&s->lock);
    *out = find(s, c->principal, id, &count);
    if (*out) dcom_object_ref((*out)->object);
    else if (!make_it) hresult = wmi_hresult(CIMF_INVALID_OPERATION);
    else if (count >= REFRESHERS_USER) hresult = wmi_hresult(CIMF_QUOTA_VIOLATION);
    else hresult = make(c, s, id, out);
    if (*out) (*out)->users++;
    pthread_mutex_unlock(&s->lock);
    return hresult;
}

/* One that nobody was given will not be asked for. */
void wmi_refresher_put(struct wmi_refresher *r)
{
    struct dcom_object *o = r->object;
    pthread_mutex_lock(&r->server->lock);
    bool lost = !--r->users && !r->given;
    pthread_mutex_unlock(&r->server->lock);
    if (lost) refresher_closed(r);
    dcom_object_unref(o);
}

uint32_t wmi_refresher_give(struct dcom_call *c, struct wmi_refresher *r, struct slice *out)
{
    uint32_t hresult = dcom_marshal(c, r->object, &wmi_refresher_interface.iid, out);
    pthread_mutex_lock(&r->server->lock);
    if (!hresult) r->given = true;
    pthread_mutex_unlock(&r->server->lock);
    if (hresult == DCOM_E_DISCONNECTED) refresher_closed(r); /* as it will be told soon: the next one who asks gets another */
    return hresult;
}

uint32_t wmi_refresher_add(struct wmi_refresher *r, struct wmi_session *x, const struct cim_class *cls,
                           const struct cim_path *path, bool all, struct slice context, uint32_t *id)
{
    struct wmi_item *i = item_new(x, cls, path, all, context);
    if (!i) return DCOM_E_OUTOFMEMORY;
    pthread_mutex_lock(&r->server->lock);
    bool room = r->count < REFRESHER_ITEMS, closed = r->closed;
    if (room && !closed) {
        struct wmi_item **at = &r->items;
        while (*at) at = &(*at)->next;
        *at = i;
        r->count++;
        *id = i->id = ++r->last;
    }
    pthread_mutex_unlock(&r->server->lock);
    if (room && !closed) return DCOM_OK;
    item_unref(i);
    return closed ? DCOM_E_DISCONNECTED : wmi_hresult(CIMF_QUOTA_VIOLATION);
}

bool wmi_refresher_remove(struct wmi_refresher *r, uint32_t id)
{
    struct wmi_item *found = NULL;
    pthread_mutex_lock(&r->server->lock);
    for (struct wmi_item **at = &r->items; *at; at = &(*at)->next) {
        if ((*at)->id != id) continue;
        found = *at;
        *at = found->next;
        r->count--;
        break;
    }
    pthread_mutex_unlock(&r->server->lock);
    if (found) item_unref(found);
    return found;
}

/* ---- RemoteRefresh ---- */

struct refresh {
    struct wmi_series s; /* first */
    struct stub_refresh *record;
    struct wmi_item **items;
    size_t *from;        /* where the blob of an item begins; one more than there are items */
    uint32_t found;
    uint32_t refused, why; /* items of namespaces that the caller may not read or that are no more, and what it is */
    struct buf b;
};

static struct refresh *refresh_of(struct wmi_series *s) { return (struct refresh *)s; }

static void put32(struct buf *b, size_t at, size_t v)
{
    for (int i = 0; i < 4 && at + 4 <= b->n; i++) b->p[at + (size_t)i] = (char)(v >> 8 * i);
}

static uint32_t prepare(struct wmi_series *s, struct wmi_read *r)
{
    static const char head[8] = { 1 };
    struct refresh *f = refresh_of(s);
    const struct wmi_item *i = f->items[s->at];
    struct cim_op *op = &r->w.op;
    f->from[s->at] = f->b.n;
    f->found = 0;
    uint32_t ended = wmi_session_check(i->session);
    if (ended) return ended;
    if (i->all && !buf_add(&f->b, head, sizeof head)) return wmi_hresult(CIMF_QUOTA_VIOLATION);
    op->verb = i->all ? CIM_OP_ENUM_INSTANCES : CIM_OP_GET_INSTANCE;
    op->flags = i->all ? CIM_CAST_TO_BASE : 0;
    op->path = i->path;
    op->context = i->context;
    op->context_count = i->context_count;
    return DCOM_OK;
}

/* In the shape that the client was told. */
static bool write_instance(struct buf *b, const struct cim_instance *in, const struct cim_class *cls)
{
    struct arena a;
    if (in->cls->generation == cls->generation) return wmio_write_refreshed(b, in);
    arena_init(&a, 0);
    in = cim_class_isa(in->cls, cls->name) ? cim_instance_cast(&a, in, cls) : NULL;
    bool ok = in && wmio_write_refreshed(b, in);
    arena_free(&a);
    return ok;
}

static bool object(struct wmi_series *s, struct wmi_read *r, const struct cim_object *o)
{
    static const char room[4];
    struct refresh *f = refresh_of(s);
    const struct wmi_item *i = f->items[s->at];
    const struct cim_instance *in = cim_as_instance(o);
    size_t at = f->b.n;
    if (!in || (!i->all && f->found)) return true;
    bool ok = (!i->all || buf_add(&f->b, room, sizeof room)) && write_instance(&f->b, in, i->cls);
    if (!ok) {
        r->hresult = wmi_hresult(CIMF_QUOTA_VIOLATION);
        return false;
    }
    if (i->all) put32(&f->b, at, f->b.n - at - 4);
    f->found++;
    return true;
}

/* What could not be read is told apart; if nothing may be read, the call says so. */
static void done(struct wmi_series *s, struct wmi_read *r)
{
    struct refresh *f = refresh_of(s);
    const struct wmi_item *i = f->items[s->at];
    if (!r->hresult && !i->all && !f->found) r->hresult = wmi_hresult(CIMF_NOT_FOUND);
    bool denied = r->hresult == wmi_hresult(CIMF_ACCESS_DENIED), gone = r->hresult == wmi_hresult(CIMF_INVALID_NAMESPACE);
    if (denied || gone) {
        f->refused++;
        f->why = r->hresult;
    }
    if (r->hresult == wmi_hresult(CIMF_SERVER_STOPPING)) s->hresult = r->hresult;
    if (r->hresult) buf_cut(&f->b, f->from[s->at]);
    else if (i->all) put32(&f->b, f->from[s->at] + 4, f->found);
    if (s->at + 1 < s->count) s->session = f->items[s->at + 1]->session;
}

static void end(struct wmi_series *s)
{
    struct refresh *f = refresh_of(s);
    struct dcom_call *c = s->call;
    struct stub_refreshed *list = s->hresult ? NULL : ARENA_ARRAY(c->arena, s->count + 1, struct stub_refreshed);
    uint32_t hresult = s->hresult ? s->hresult : list ? DCOM_OK : DCOM_E_OUTOFMEMORY;
    if (!hresult && s->count && f->refused == s->count) hresult = f->why;
    f->from[s->count] = f->b.n;
    for (unsigned k = 0; !hresult && k < s->count; k++) {
        size_t size = f->from[k + 1] - f->from[k];
        uint32_t type = !size ? BLOB_ERROR : f->items[k]->all ? BLOB_ENUM : BLOB_ALL;
        list[k] = (struct stub_refreshed){ .request = f->items[k]->id, .type = type, .size = (uint32_t)size };
        if (size) list[k].blob = (const uint8_t *)f->b.p + f->from[k];
    }
    if (!hresult) {
        f->record->objects = list;
        f->record->count = s->count;
    }
    struct buf b = f->b;
    for (unsigned k = 0; k < s->count; k++) item_unref(f->items[k]);
    dcom_reply(c, f->record, hresult);
    buf_free(&b);
}

static const struct wmi_series_type refresh_type = { prepare, object, done, end };

static uint32_t refresh_begin(struct dcom_call *c, struct stub_refresh *record, struct refresh **out)
{
    struct wmi_refresher *r = c->self;
    if (c->flags & MECH_IDENTIFY) return wmi_hresult(CIMF_ACCESS_DENIED);
    if (record->flags) return wmi_hresult(CIMF_INVALID_PARAMETER);
    struct refresh *f = *out = ARENA_NEW(c->arena, struct refresh);
    if (!f) return DCOM_E_OUTOFMEMORY;
    f->s = (struct wmi_series){ .type = &refresh_type, .call = c };
    f->record = record;
    f->items = ARENA_ARRAY(c->arena, REFRESHER_ITEMS, struct wmi_item *);
    f->from = ARENA_ARRAY(c->arena, REFRESHER_ITEMS + 1, size_t);
    if (!f->items || !f->from) return DCOM_E_OUTOFMEMORY;
    pthread_mutex_lock(&r->server->lock);
    bool closed = r->closed;
    for (struct wmi_item *i = r->items; i; i = i->next) {
        __atomic_add_fetch(&i->refs, 1, __ATOMIC_RELAXED);
        f->items[f->s.count++] = i;
    }
    pthread_mutex_unlock(&r->server->lock);
    if (closed) return DCOM_E_DISCONNECTED;
    if (f->s.count) f->s.session = f->items[0]->session;
    buf_init(&f->b, WMI_ANSWER_BYTES);
    return DCOM_OK;
}

void wmi_remote_refresh(struct dcom_call *c, void *record)
{
    struct refresh *f = NULL;
    uint32_t hresult = refresh_begin(c, record, &f);
    if (hresult) dcom_reply(c, record, hresult);
    else wmi_series_run(&f->s);
}

void wmi_remote_stop(struct dcom_call *c, void *record)
{
    const struct stub_refresh_stop *p = record;
    uint32_t hresult = DCOM_OK;
    if (c->flags & MECH_IDENTIFY) hresult = wmi_hresult(CIMF_ACCESS_DENIED);
    else if (p->flags) hresult = wmi_hresult(CIMF_INVALID_PARAMETER);
    else if (p->count > REFRESHER_ITEMS) hresult = wmi_hresult(CIMF_QUOTA_VIOLATION);
    bool begun = !hresult;
    for (uint32_t i = 0; begun && i < p->count; i++)
        if (!wmi_refresher_remove(c->self, p->ids[i])) hresult = wmi_hresult(CIMF_NOT_FOUND);
    dcom_reply(c, record, hresult);
}

void wmi_remote_guid(struct dcom_call *c, void *record)
{
    const struct wmi_refresher *r = c->self;
    struct stub_refresh_guid *p = record;
    if (!p->flags) p->guid = r->id;
    dcom_reply(c, record, p->flags ? wmi_hresult(CIMF_INVALID_PARAMETER) : DCOM_OK);
}
