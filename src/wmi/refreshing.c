/* IWbemRefreshingServices (MS-WMI 3.1.4.12): what shall be refreshed is looked at once, as the caller, before it is added. */
#include "wmi/refresh.h"

struct wish {
    bool all;
    struct slice path;          /* or class, as the client gave it */
    struct cim_path parsed;     /* of what was found */
    const struct cim_class *cls; /* its class, held by the arena of the call */
    uint32_t hresult;
};
struct join {
    struct wmi_series s;        /* first */
    const struct stub_refresher_id *id;
    struct slice template, context;
    struct wish *wishes;        /* none: the namespace alone is looked at */
    unsigned count;
    uint32_t allowed;           /* outcome of that look */
    void *record;
    void (*reply)(struct join *j);
};

static struct join *join_of(struct wmi_series *s) { return (struct join *)s; }

/* NULL: the look at the namespace, which asks for a class as NTLMLogin does. */
static struct wish *wish_at(struct join *j)
{
    return j->count == j->s.count ? &j->wishes[j->s.at] : j->s.at ? &j->wishes[j->s.at - 1] : NULL;
}

static uint32_t read_path(struct wmi_read *r, struct slice text, struct cim_path *path)
{
    const struct wmi_session *x = r->w.session;
    cimf_status status = cim_path_parse(&r->w.arena, arena_dup(&r->w.arena, text), path, &r->w.op.error);
    if (status == CIMF_OK && path->ns.n && !slice_ieq(path->ns, x->ns)) status = CIMF_INVALID_NAMESPACE;
    if (status == CIMF_OK && (path->kind == CIM_PATH_NAMESPACE || path->kind == CIM_PATH_CLASS)) status = CIMF_INVALID_OBJECT_PATH;
    r->w.op.error = ERROR_INIT;
    return wmi_hresult(status);
}

static uint32_t read_template(struct wmi_read *r, struct slice objref, struct cim_path *path)
{
    struct wmio_object sent;
    uint32_t hresult = wmi_work_schema(&r->w);
    if (hresult) return hresult;
    cimf_status status = wmi_reference_read(&r->w, objref, true, &sent, NULL);
    if (status == CIMF_OK && !sent.instance) status = CIMF_INVALID_OBJECT;
    if (status == CIMF_OK) status = cim_path_of(&r->w.arena, sent.instance, path, NULL);
    path->server = path->ns = SLICE(""); /* here, wherever the instance was read */
    return wmi_hresult(status);
}

static uint32_t prepare(struct wmi_series *s, struct wmi_read *r)
{
    struct join *j = join_of(s);
    struct wish *w = wish_at(j);
    struct cim_op *op = &r->w.op;
    uint32_t hresult = wmi_work_context(&r->w, j->context);
    if (hresult) return hresult;
    op->verb = w && !w->all ? CIM_OP_GET_INSTANCE : CIM_OP_GET_CLASS;
    if (w && !w->all) return j->template.p ? read_template(r, j->template, &op->path) : read_path(r, w->path, &op->path);
    struct slice name = w ? arena_dup(&r->w.arena, w->path) : SLICE("__SystemClass");
    if (!name.n) return wmi_hresult(CIMF_INVALID_PARAMETER);
    op->path = (struct cim_path){ .kind = CIM_PATH_CLASS, .class_name = name };
    return DCOM_OK;
}

/* A path of its own, in the arena of the call. */
static bool keep_path(struct arena *a, struct cim_path *path)
{
    struct buf b;
    buf_init(&b, 0);
    struct slice text = cim_path_write(&b, path, true) ? arena_dup(a, buf_slice(&b)) : SLICE_NULL;
    buf_free(&b);
    return text.p && cim_path_parse(a, text, path, NULL) == CIMF_OK;
}

static bool object(struct wmi_series *s, struct wmi_read *r, const struct cim_object *o)
{
    struct wish *w = wish_at(join_of(s));
    const struct cim_instance *in = cim_as_instance(o);
    if (!w || w->cls) return true;
    const struct cim_class *cls = in ? in->cls : cim_as_class(o);
    w->parsed = r->w.op.path;
    bool ok = cim_class_hold(s->call->arena, cls) && keep_path(s->call->arena, &w->parsed);
    if (ok) w->cls = cls;
    else r->hresult = DCOM_E_OUTOFMEMORY;
    return ok;
}

/* Which of the two is gone (3.1.4.12.6). */
static uint32_t what_is_gone(struct wmi_read *r)
{
    if (wmi_work_schema(&r->w) != DCOM_OK || cim_schema_class(r->w.schema, r->w.op.path.class_name))
        return wmi_hresult(r->w.op.verb == CIM_OP_GET_CLASS ? CIMF_INVALID_CLASS : CIMF_NOT_FOUND);
    return wmi_hresult(CIMF_INVALID_CLASS);
}

static void done(struct wmi_series *s, struct wmi_read *r)
{
    struct join *j = join_of(s);
    struct wish *w = wish_at(j);
    bool gone = r->hresult == wmi_hresult(CIMF_NOT_FOUND) || r->hresult == wmi_hresult(CIMF_INVALID_CLASS);
    if (!w) {
        j->allowed = gone ? DCOM_OK : r->hresult;
        if (j->allowed) s->hresult = j->allowed;
        return;
    }
    w->hresult = gone || (!r->hresult && !w->cls) ? what_is_gone(r) : r->hresult;
}

static void end(struct wmi_series *s)
{
    join_of(s)->reply(join_of(s));
}

static const struct wmi_series_type join_type = { prepare, object, done, end };

static struct join *join_new(struct dcom_call *c, const struct stub_refresher_id *id, void *record, unsigned count,
                             bool look, void (*reply)(struct join *j))
{
    struct join *j = ARENA_NEW(c->arena, struct join);
    struct wish *wishes = ARENA_ARRAY(c->arena, count + 1, struct wish);
    if (!j || !wishes) return NULL;
    *j = (struct join){ .id = id, .wishes = wishes, .count = count, .record = record, .reply = reply };
    j->s = (struct wmi_series){ .type = &join_type, .call = c, .session = c->self, .count = count + look };
    return j;
}

/* Objects of providers change by themselves; what the repository keeps does not. */
static bool suited(const struct cim_class *cls)
{
    return cim_qualifier_true(cls->qualifiers, "dynamic") && cim_qualifier_text(cls->qualifiers, "provider").n;
}

/* What every method begins with. HRESULT. */
static uint32_t begin(const struct dcom_call *c)
{
    return c->flags & MECH_IDENTIFY ? wmi_hresult(CIMF_ACCESS_DENIED) : wmi_session_check(c->self);
}

/* ---- adding one ---- */

/* An instance with the defaults of its class. */
static struct slice template_of(struct join *j, const struct cim_class *cls)
{
    struct slice out = SLICE_NULL;
    struct cim_instance *in = cim_instance_new(j->s.call->arena, cls);
    struct cim_op none = { .verb = CIM_OP_GET_INSTANCE };
    struct buf b;
    buf_init(&b, 0);
    if (in && wmi_reference_write(&b, j->s.session, &none, &in->object)) out = arena_dup(j->s.call->arena, buf_slice(&b));
    buf_free(&b);
    return out;
}

static uint32_t add_remote(struct join *j, const struct wish *w, struct slice template, struct stub_refresh_info *info)
{
    struct wmi_refresher *r;
    uint32_t id, hresult = wmi_refresher_find(j->s.call, j->s.session->server, j->id, true, &r);
    if (hresult) return hresult;
    hresult = wmi_refresher_add(r, j->s.session, w->cls, &w->parsed, w->all, j->context, &id);
    if (!hresult) {
        info->type = REFRESH_REMOTE;
        info->of.remote.id = r->id;
        info->of.remote.template = template;
        info->cancel = id;
        hresult = wmi_refresher_give(j->s.call, r, &info->of.remote.refresher);
        if (hresult) wmi_refresher_remove(r, id);
    }
    wmi_refresher_put(r);
    return hresult;
}

static void reply_add(struct join *j)
{
    struct stub_refresh_add *p = j->record;
    const struct wish *w = j->wishes;
    uint32_t hresult = j->s.hresult ? j->s.hresult : w->hresult;
    struct slice template = hresult ? SLICE_NULL : template_of(j, w->cls);
    if (!hresult && !template.p) hresult = DCOM_E_OUTOFMEMORY;
    if (!hresult && suited(w->cls)) {
        hresult = add_remote(j, w, template, &p->info);
    } else if (!hresult) {
        p->info.type = REFRESH_NON_HIPERF;
        p->info.of.other = (struct stub_refresh_other){ j->s.session->shown, template };
    }
    if (hresult) p->info = (struct stub_refresh_info){ 0 };
    dcom_reply(j->s.call, p, hresult);
}

static void add(struct dcom_call *c, struct stub_refresh_add *p, bool all, bool template)
{
    uint32_t hresult = begin(c);
    p->version = REFRESH_VERSION;
    if (!hresult && (template ? !p->object.p : !p->text.n)) hresult = wmi_hresult(CIMF_INVALID_PARAMETER);
    struct join *j = hresult ? NULL : join_new(c, &p->id, p, 1, false, reply_add);
    if (!hresult && !j) hresult = DCOM_E_OUTOFMEMORY;
    if (hresult) {
        dcom_reply(c, p, hresult);
        return;
    }
    j->template = p->object;
    j->context = p->context;
    j->wishes[0] = (struct wish){ .all = all, .path = p->text };
    wmi_series_run(&j->s);
}

void wmi_refresh_add_object(struct dcom_call *c, void *record)
{
    add(c, record, false, false);
}

void wmi_refresh_add_template(struct dcom_call *c, void *record)
{
    add(c, record, false, true);
}

void wmi_refresh_add_enum(struct dcom_call *c, void *record)
{
    add(c, record, true, false);
}

/* Nothing is removed in this way: StopRefreshing does it. */
void wmi_refresh_remove(struct dcom_call *c, void *record)
{
    struct stub_refresh_remove *p = record;
    uint32_t hresult = begin(c);
    p->version = REFRESH_VERSION;
    dcom_reply(c, p, hresult ? hresult : WBEM_E_NOT_AVAILABLE);
}

/* ---- the refresher itself ---- */

static void reply_get(struct join *j)
{
    struct stub_refresh_get *p = j->record;
    struct wmi_refresher *r = NULL;
    uint32_t hresult = j->s.hresult;
    if (!hresult) hresult = wmi_refresher_find(j->s.call, j->s.session->server, j->id, true, &r);
    if (!hresult) hresult = wmi_refresher_give(j->s.call, r, &p->refresher);
    if (!hresult) p->guid = r->id;
    if (r) wmi_refresher_put(r);
    dcom_reply(j->s.call, p, hresult);
}

void wmi_refresh_get(struct dcom_call *c, void *record)
{
    struct stub_refresh_get *p = record;
    p->version = REFRESH_VERSION;
    uint32_t hresult = begin(c);
    struct join *j = hresult ? NULL : join_new(c, &p->id, p, 0, true, reply_get);
    if (j) wmi_series_run(&j->s);
    else dcom_reply(c, p, hresult ? hresult : DCOM_E_OUTOFMEMORY);
}

static void reply_reconnect(struct join *j)
{
    struct stub_reconnect *p = j->record;
    struct wmi_refresher *r = NULL;
    uint32_t hresult = j->s.hresult;
    if (!hresult) hresult = wmi_refresher_find(j->s.call, j->s.session->server, j->id, false, &r);
    for (unsigned i = 0; !hresult && i < j->count; i++) {
        const struct wish *w = &j->wishes[i];
        struct stub_reconnect_result *to = &p->results[i];
        to->hresult = w->hresult;
        if (!w->hresult && !suited(w->cls)) to->hresult = wmi_hresult(CIMF_PROVIDER_NOT_CAPABLE);
        if (!to->hresult) to->hresult = wmi_refresher_add(r, j->s.session, w->cls, &w->parsed, w->all, SLICE_NULL, &to->id);
    }
    if (r) wmi_refresher_put(r);
    dcom_reply(j->s.call, p, hresult);
}

void wmi_refresh_reconnect(struct dcom_call *c, void *record)
{
    struct stub_reconnect *p = record;
    uint32_t hresult = begin(c);
    p->version = REFRESH_VERSION;
    for (uint32_t i = 0; i < p->count; i++) p->results[i] = (struct stub_reconnect_result){ 0, wmi_hresult(CIMF_FAILED) };
    if (!hresult && p->count > REFRESHER_ITEMS) hresult = wmi_hresult(CIMF_QUOTA_VIOLATION);
    for (uint32_t i = 0; !hresult && i < p->count; i++)
        if (!p->infos[i].path.n || p->infos[i].type > RECONNECT_ENUM) hresult = wmi_hresult(CIMF_INVALID_PARAMETER);
    struct join *j = hresult ? NULL : join_new(c, &p->id, p, p->count, true, reply_reconnect);
    if (!j) {
        dcom_reply(c, p, hresult ? hresult : DCOM_E_OUTOFMEMORY);
        return;
    }
    for (uint32_t i = 0; i < p->count; i++)
        j->wishes[i] = (struct wish){ .all = p->infos[i].type == RECONNECT_ENUM, .path = p->infos[i].path };
    wmi_series_run(&j->s);
}
