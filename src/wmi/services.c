/* IWbemServices (MS-WMI 3.1.4.3): parameters and flags of each method into an operation of the object manager. */
#include "base/utf.h"
#include "wmi/wmi_priv.h"

uint32_t wmi_services_begin(struct dcom_call *c, struct stub_services *r, uint32_t allowed)
{
    bool async = wmi_asynchronous(c);
    if (r->out) *r->out = SLICE_NULL;
    if (r->result) *r->result = SLICE_NULL;
    if (c->flags & MECH_IDENTIFY) return wmi_hresult(CIMF_ACCESS_DENIED);
    uint32_t ended = wmi_session_check(c->self);
    if (ended) return ended;
    if (r->flags & ~(allowed | WBEM_IGNORED | (async ? WBEM_SEND_STATUS : 0))) return wmi_hresult(CIMF_INVALID_PARAMETER);
    return async && !r->sink.p ? wmi_hresult(CIMF_INVALID_PARAMETER) : DCOM_OK;
}

static uint32_t begin_work(struct wmi_work *w, const struct stub_services *r)
{
    if (!w) return DCOM_E_OUTOFMEMORY;
    if (r->flags & WBEM_AMENDED) w->op.flags |= CIM_AMENDED;
    return wmi_work_context(w, r->context);
}

/* The same for those that have one outcome: a wmi_outcome, or one for a sink. */
static uint32_t begin(struct dcom_call *c, struct stub_services *r, uint32_t allowed, struct wmi_work **out)
{
    bool async = wmi_asynchronous(c);
    uint32_t hresult = wmi_services_begin(c, r, allowed | (async ? 0 : WBEM_RETURN_IMMEDIATELY));
    *out = NULL;
    if (!hresult && !async && r->flags & WBEM_RETURN_IMMEDIATELY && !r->result) hresult = wmi_hresult(CIMF_INVALID_PARAMETER);
    if (hresult) return hresult;
    struct wmi_outcome *o = async ? NULL : wmi_outcome_new(c, c->self);
    *out = async ? wmi_push_new(c, c->self) : o ? &o->w : NULL;
    return begin_work(*out, r);
}

static void start(struct dcom_call *c, struct stub_services *r, struct wmi_work *w, enum wmi_delivery how, uint32_t hresult)
{
    if (!hresult && wmi_asynchronous(c)) {
        wmi_push_start(c, w, r);
    } else if (!hresult) {
        wmi_outcome_start(c, (struct wmi_outcome *)w, r, how);
    } else {
        if (w) wmi_work_unref(w);
        dcom_reply(c, r, hresult);
    }
}

/* A method that changes something: when it cannot begin, it says so itself. */
static void change(struct dcom_call *c, struct stub_services *r, struct wmi_work *w, uint32_t hresult)
{
    start(c, r, w, r->result ? WMI_BY_RESULT : WMI_DIRECT, hresult);
}

/* A path within the session's namespace. */
static uint32_t read_path(struct wmi_work *w, struct slice text)
{
    struct cim_op *op = &w->op;
    cimf_status status = cim_path_parse(&w->arena, arena_dup(&w->arena, text), &op->path, &op->error);
    if (status == CIMF_OK && op->path.ns.n && !slice_ieq(op->path.ns, w->session->ns)) status = CIMF_INVALID_NAMESPACE;
    if (status == CIMF_OK && op->path.kind == CIM_PATH_NAMESPACE) status = CIMF_INVALID_OBJECT_PATH;
    op->error = ERROR_INIT;
    return wmi_hresult(status);
}

/* NULL or "" : the empty class, which a new one is made from. A class that is always there is asked for beside it, to
 * see whether the caller may read here. */
static uint32_t empty_class(struct dcom_call *c, struct wmi_work *w)
{
    struct wmi_outcome *o = (struct wmi_outcome *)w;
    struct buf b;
    w->op.path = (struct cim_path){ .kind = CIM_PATH_CLASS, .class_name = SLICE("__SystemClass") };
    if (wmi_asynchronous(c)) {
        wmi_push_empty(w);
        return DCOM_OK;
    }
    buf_init(&b, 0);
    if (wmi_reference_empty(&b, w->session)) o->object = arena_dup(&w->arena, buf_slice(&b));
    buf_free(&b);
    return o->object.p ? DCOM_OK : DCOM_E_OUTOFMEMORY;
}

void wmi_get_object(struct dcom_call *c, void *record)
{
    struct stub_services *r = record;
    struct wmi_work *w;
    uint32_t hresult = begin(c, r, WBEM_AMENDED | WBEM_DIRECT_READ, &w);
    if (!hresult) hresult = r->text.n ? read_path(w, r->text) : empty_class(c, w);
    if (!hresult) {
        w->op.verb = w->op.path.kind == CIM_PATH_CLASS ? CIM_OP_GET_CLASS : CIM_OP_GET_INSTANCE;
        if (r->flags & WBEM_DIRECT_READ) w->op.flags |= CIM_DIRECT_READ;
    }
    start(c, r, w, WMI_DIRECT, hresult);
}

static uint32_t change_flags(const struct stub_services *r, uint32_t *flags)
{
    bool update = r->flags & WBEM_UPDATE_ONLY, create = r->flags & WBEM_CREATE_ONLY;
    if (update && create) return wmi_hresult(CIMF_INVALID_PARAMETER);
    *flags |= update ? CIM_UPDATE_ONLY : create ? CIM_CREATE_ONLY : 0;
    return DCOM_OK;
}

void wmi_put_class(struct dcom_call *c, void *record)
{
    struct stub_services *r = record;
    struct wmi_work *w;
    struct wmio_object sent;
    uint32_t hresult = begin(c, r, WBEM_AMENDED | WBEM_UPDATE_ONLY | WBEM_CREATE_ONLY | WBEM_UPDATE_SAFE | WBEM_UPDATE_FORCE, &w);
    bool safe = r->flags & WBEM_UPDATE_SAFE, force = r->flags & WBEM_UPDATE_FORCE;
    if (!hresult && safe && force) hresult = wmi_hresult(CIMF_INVALID_PARAMETER);
    if (!hresult) hresult = change_flags(r, &w->op.flags);
    if (!hresult) hresult = wmi_hresult(wmi_reference_read(w, r->object, false, &sent, NULL));
    if (!hresult && (sent.instance || !sent.cls || !sent.cls->name.n)) hresult = wmi_hresult(CIMF_INVALID_OBJECT);
    if (!hresult) {
        w->op.verb = CIM_OP_PUT_CLASS;
        w->op.flags |= safe ? CIM_UPDATE_SAFE : force ? CIM_UPDATE_FORCE : 0;
        w->op.class_decl = &sent.cls->local;
        w->op.path = (struct cim_path){ .kind = CIM_PATH_CLASS, .class_name = sent.cls->name };
    }
    change(c, r, w, hresult);
}

void wmi_put_instance(struct dcom_call *c, void *record)
{
    struct stub_services *r = record;
    struct wmi_work *w;
    struct wmio_object sent;
    uint32_t hresult = begin(c, r, WBEM_AMENDED | WBEM_UPDATE_ONLY | WBEM_CREATE_ONLY, &w);
    if (!hresult) hresult = change_flags(r, &w->op.flags);
    if (!hresult) hresult = wmi_work_schema(w);
    if (!hresult) hresult = wmi_hresult(wmi_reference_read(w, r->object, true, &sent, NULL));
    if (!hresult && !sent.instance) hresult = wmi_hresult(CIMF_INVALID_OBJECT);
    if (!hresult) {
        w->op.verb = CIM_OP_PUT_INSTANCE;
        w->op.instance = sent.instance;
        w->op.path = (struct cim_path){ .kind = CIM_PATH_CLASS, .class_name = sent.instance->cls->name };
    }
    change(c, r, w, hresult);
}

static void delete(struct dcom_call *c, struct stub_services *r, bool class)
{
    struct wmi_work *w;
    uint32_t hresult = begin(c, r, 0, &w);
    if (!hresult && !r->text.n) hresult = wmi_hresult(CIMF_INVALID_PARAMETER);
    if (!hresult) hresult = read_path(w, r->text);
    if (!hresult && class != (w->op.path.kind == CIM_PATH_CLASS))
        hresult = wmi_hresult(class ? CIMF_INVALID_PARAMETER : CIMF_INVALID_OBJECT_PATH);
    if (!hresult) w->op.verb = class ? CIM_OP_DELETE_CLASS : CIM_OP_DELETE_INSTANCE;
    change(c, r, w, hresult);
}

void wmi_delete_class(struct dcom_call *c, void *record)
{
    delete(c, record, true);
}

void wmi_delete_instance(struct dcom_call *c, void *record)
{
    delete(c, record, false);
}

/* The properties of the instance that have values. */
static uint32_t parameters(struct wmi_work *w, struct slice objref)
{
    struct wmio_object sent;
    if (!objref.p) return DCOM_OK;
    cimf_status status = wmi_reference_read(w, objref, false, &sent, NULL);
    if (status != CIMF_OK) return wmi_hresult(status);
    const struct cim_instance *in = sent.instance;
    if (!in) return wmi_hresult(CIMF_INVALID_METHOD_PARAMETERS);
    struct cim_context_value *v = ARENA_ARRAY(&w->arena, in->cls->property_count + 1, struct cim_context_value);
    if (!v) return DCOM_E_OUTOFMEMORY;
    w->op.params = v;
    for (uint32_t i = 0; i < in->cls->property_count; i++) {
        union cim_data data;
        if (!cim_is_sent(in, i) || !cim_get(in, i, &data)) continue;
        v[w->op.param_count++] = (struct cim_context_value){
            .name = in->cls->properties[i].name, .value = { .type = in->cls->properties[i].type, .v = data },
        };
    }
    return DCOM_OK;
}

void wmi_exec_method(struct dcom_call *c, void *record)
{
    struct stub_services *r = record;
    struct wmi_work *w;
    uint32_t hresult = begin(c, r, 0, &w);
    bool nowhere = !wmi_asynchronous(c) && !(r->flags & WBEM_RETURN_IMMEDIATELY) && !r->out;
    if (!hresult && (!r->text.n || !r->method.n || nowhere)) hresult = wmi_hresult(CIMF_INVALID_PARAMETER);
    if (!hresult) hresult = read_path(w, r->text);
    if (!hresult) hresult = parameters(w, r->object);
    if (!hresult) {
        w->op.verb = CIM_OP_INVOKE;
        w->op.method = arena_dup(&w->arena, r->method);
    }
    start(c, r, w, WMI_BOTH, hresult);
}

/* ---- those that answer with an enumerator ---- */

static uint32_t begin_set(struct dcom_call *c, struct stub_services *r, uint32_t allowed, struct wmi_work **out)
{
    bool async = wmi_asynchronous(c);
    uint32_t hresult = wmi_services_begin(c, r, allowed | WBEM_AMENDED |
                                          (async ? 0 : WBEM_RETURN_IMMEDIATELY | WBEM_FORWARD_ONLY));
    *out = NULL;
    if (hresult) return hresult;
    struct wmi_results *set = async ? NULL : wmi_results_new(c, c->self, r->flags);
    *out = async ? wmi_push_new(c, c->self) : set ? &set->w : NULL;
    if (*out && r->flags & WBEM_ENSURE_LOCATABLE) (*out)->op.flags |= CIM_ENSURE_LOCATABLE;
    return begin_work(*out, r);
}

static void start_set(struct dcom_call *c, struct stub_services *r, struct wmi_work *w, uint32_t hresult)
{
    if (!hresult && wmi_asynchronous(c)) {
        wmi_push_start(c, w, r);
    } else if (!hresult) {
        wmi_results_start(c, (struct wmi_results *)w, r);
    } else {
        if (w) wmi_work_unref(w);
        dcom_reply(c, r, hresult);
    }
}

static void enumerate(struct dcom_call *c, struct stub_services *r, enum cim_verb verb)
{
    struct wmi_work *w;
    bool instances = verb == CIM_OP_ENUM_INSTANCES;
    uint32_t hresult = begin_set(c, r, WBEM_SHALLOW | (instances ? WBEM_DIRECT_READ : 0), &w);
    if (!hresult && instances && !r->text.n) hresult = wmi_hresult(CIMF_INVALID_CLASS);
    if (!hresult) {
        struct cim_op *op = &w->op;
        op->verb = verb;
        op->path = (struct cim_path){ .kind = CIM_PATH_CLASS, .class_name = arena_dup(&w->arena, r->text) };
        if (r->flags & WBEM_SHALLOW) op->flags |= CIM_SHALLOW;
        if (r->flags & WBEM_DIRECT_READ) op->flags |= CIM_DIRECT_READ;
    }
    start_set(c, r, w, hresult);
}

void wmi_class_enum(struct dcom_call *c, void *record)
{
    enumerate(c, record, CIM_OP_ENUM_CLASSES);
}

void wmi_instance_enum(struct dcom_call *c, void *record)
{
    enumerate(c, record, CIM_OP_ENUM_INSTANCES);
}

static uint32_t query(struct wmi_work *w, const struct stub_services *r)
{
    struct cim_op *op = &w->op;
    if (!r->text.p || !r->method.p) return wmi_hresult(CIMF_INVALID_PARAMETER);
    if (!slice_ieq(r->text, SLICE("WQL"))) return wmi_hresult(CIMF_INVALID_QUERY_TYPE);
    if (utf16_units(r->method) > LIMIT_QUERY) return wmi_hresult(CIMF_QUOTA_VIOLATION);
    op->verb = CIM_OP_QUERY;
    op->language = SLICE("WQL");
    op->query = arena_dup(&w->arena, r->method);
    return op->query.p ? DCOM_OK : DCOM_E_OUTOFMEMORY;
}

void wmi_exec_query(struct dcom_call *c, void *record)
{
    struct stub_services *r = record;
    struct wmi_work *w;
    uint32_t hresult = begin_set(c, r, WBEM_DIRECT_READ | WBEM_PROTOTYPE, &w);
    if (!hresult) hresult = query(w, r);
    if (!hresult && r->flags & WBEM_DIRECT_READ) w->op.flags |= CIM_DIRECT_READ;
    if (!hresult && r->flags & WBEM_PROTOTYPE) w->op.flags |= CIM_PROTOTYPE;
    start_set(c, r, w, hresult);
}

void wmi_exec_notification(struct dcom_call *c, void *record)
{
    struct stub_services *r = record;
    struct wmi_work *w;
    uint32_t hresult = begin_set(c, r, 0, &w), both = WBEM_RETURN_IMMEDIATELY | WBEM_FORWARD_ONLY;
    if (!hresult && !wmi_asynchronous(c) && (r->flags & both) != both) hresult = wmi_hresult(CIMF_INVALID_PARAMETER);
    if (!hresult) hresult = query(w, r);
    if (!hresult) w->op.verb = CIM_OP_SUBSCRIBE;
    start_set(c, r, w, hresult);
}
