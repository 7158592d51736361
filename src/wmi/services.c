/* IWbemServices (MS-WMI 3.1.4.3): parameters and flags of each method into an operation of the object manager. */
#include "base/utf.h"
#include "wmi/wmi_priv.h"

uint32_t wmi_services_begin(struct dcom_call *c, struct stub_services *r, uint32_t allowed)
{
    if (r->out) *r->out = SLICE_NULL;
    if (r->result) *r->result = SLICE_NULL;
    if (c->flags & MECH_IDENTIFY) return wmi_hresult(CIMF_ACCESS_DENIED);
    if (r->flags & ~(allowed | WBEM_IGNORED)) return wmi_hresult(CIMF_INVALID_PARAMETER);
    return DCOM_OK;
}

/* The same for those that have one outcome. */
static uint32_t begin(struct dcom_call *c, struct stub_services *r, uint32_t allowed, struct wmi_outcome **out)
{
    uint32_t hresult = wmi_services_begin(c, r, allowed | WBEM_RETURN_IMMEDIATELY);
    *out = NULL;
    if (!hresult && r->flags & WBEM_RETURN_IMMEDIATELY && !r->result) hresult = wmi_hresult(CIMF_INVALID_PARAMETER);
    if (!hresult && !(*out = wmi_outcome_new(c, c->self))) hresult = DCOM_E_OUTOFMEMORY;
    if (!hresult && r->flags & WBEM_AMENDED) (*out)->w.op.flags |= CIM_AMENDED;
    if (!hresult) hresult = wmi_work_context(&(*out)->w, r->context);
    return hresult;
}

static void refuse(struct dcom_call *c, struct stub_services *r, struct wmi_outcome *o, uint32_t hresult)
{
    if (o) wmi_work_unref(&o->w);
    dcom_reply(c, r, hresult);
}

/* A method that changes something: when it cannot begin, it says so itself. */
static void change(struct dcom_call *c, struct stub_services *r, struct wmi_outcome *o, uint32_t hresult)
{
    if (hresult) refuse(c, r, o, hresult);
    else wmi_outcome_start(c, o, r, r->result ? WMI_BY_RESULT : WMI_DIRECT);
}

/* A path within the session's namespace. */
static uint32_t read_path(struct wmi_outcome *o, struct slice text)
{
    const struct wmi_session *x = o->w.session;
    struct cim_op *op = &o->w.op;
    cimf_status status = cim_path_parse(&o->w.arena, arena_dup(&o->w.arena, text), &op->path, &op->error);
    if (status == CIMF_OK && op->path.ns.n && !slice_ieq(op->path.ns, x->ns)) status = CIMF_INVALID_NAMESPACE;
    if (status == CIMF_OK && op->path.kind == CIM_PATH_NAMESPACE) status = CIMF_INVALID_OBJECT_PATH;
    op->error = ERROR_INIT;
    return wmi_hresult(status);
}

/* NULL or "" : the empty class, which a new one is made from. A class that is always there is asked for beside it, to
 * see whether the caller may read here. */
static uint32_t empty_class(struct wmi_outcome *o)
{
    struct buf b;
    buf_init(&b, 0);
    if (wmi_reference_empty(&b, o->w.session)) o->object = arena_dup(&o->w.arena, buf_slice(&b));
    buf_free(&b);
    o->w.op.path = (struct cim_path){ .kind = CIM_PATH_CLASS, .class_name = SLICE("__SystemClass") };
    return o->object.p ? DCOM_OK : DCOM_E_OUTOFMEMORY;
}

void wmi_get_object(struct dcom_call *c, void *record)
{
    struct stub_services *r = record;
    struct wmi_outcome *o;
    uint32_t hresult = begin(c, r, WBEM_AMENDED | WBEM_DIRECT_READ, &o);
    if (!hresult) hresult = r->text.n ? read_path(o, r->text) : empty_class(o);
    if (hresult) {
        refuse(c, r, o, hresult);
        return;
    }
    o->w.op.verb = o->w.op.path.kind == CIM_PATH_CLASS ? CIM_OP_GET_CLASS : CIM_OP_GET_INSTANCE;
    if (r->flags & WBEM_DIRECT_READ) o->w.op.flags |= CIM_DIRECT_READ;
    wmi_outcome_start(c, o, r, WMI_DIRECT);
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
    struct wmi_outcome *o;
    struct wmio_object sent;
    uint32_t hresult = begin(c, r, WBEM_AMENDED | WBEM_UPDATE_ONLY | WBEM_CREATE_ONLY | WBEM_UPDATE_SAFE | WBEM_UPDATE_FORCE, &o);
    bool safe = r->flags & WBEM_UPDATE_SAFE, force = r->flags & WBEM_UPDATE_FORCE;
    if (!hresult && safe && force) hresult = wmi_hresult(CIMF_INVALID_PARAMETER);
    if (!hresult) hresult = change_flags(r, &o->w.op.flags);
    if (!hresult) hresult = wmi_hresult(wmi_reference_read(&o->w, r->object, false, &sent, NULL));
    if (!hresult && (sent.instance || !sent.cls || !sent.cls->name.n)) hresult = wmi_hresult(CIMF_INVALID_OBJECT);
    if (!hresult) {
        o->w.op.verb = CIM_OP_PUT_CLASS;
        o->w.op.flags |= safe ? CIM_UPDATE_SAFE : force ? CIM_UPDATE_FORCE : 0;
        o->w.op.class_decl = &sent.cls->local;
        o->w.op.path = (struct cim_path){ .kind = CIM_PATH_CLASS, .class_name = sent.cls->name };
    }
    change(c, r, o, hresult);
}

void wmi_put_instance(struct dcom_call *c, void *record)
{
    struct stub_services *r = record;
    struct wmi_outcome *o;
    struct wmio_object sent;
    uint32_t hresult = begin(c, r, WBEM_AMENDED | WBEM_UPDATE_ONLY | WBEM_CREATE_ONLY, &o);
    if (!hresult) hresult = change_flags(r, &o->w.op.flags);
    if (!hresult) hresult = wmi_work_schema(&o->w);
    if (!hresult) hresult = wmi_hresult(wmi_reference_read(&o->w, r->object, true, &sent, NULL));
    if (!hresult && !sent.instance) hresult = wmi_hresult(CIMF_INVALID_OBJECT);
    if (!hresult) {
        o->w.op.verb = CIM_OP_PUT_INSTANCE;
        o->w.op.instance = sent.instance;
        o->w.op.path = (struct cim_path){ .kind = CIM_PATH_CLASS, .class_name = sent.instance->cls->name };
    }
    change(c, r, o, hresult);
}

static void delete(struct dcom_call *c, struct stub_services *r, bool class)
{
    struct wmi_outcome *o;
    uint32_t hresult = begin(c, r, 0, &o);
    if (!hresult && !r->text.n) hresult = wmi_hresult(CIMF_INVALID_PARAMETER);
    if (!hresult) hresult = read_path(o, r->text);
    if (!hresult && class != (o->w.op.path.kind == CIM_PATH_CLASS))
        hresult = wmi_hresult(class ? CIMF_INVALID_PARAMETER : CIMF_INVALID_OBJECT_PATH);
    if (!hresult) o->w.op.verb = class ? CIM_OP_DELETE_CLASS : CIM_OP_DELETE_INSTANCE;
    change(c, r, o, hresult);
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
static uint32_t parameters(struct wmi_outcome *o, struct slice objref)
{
    struct wmio_object sent;
    if (!objref.p) return DCOM_OK;
    cimf_status status = wmi_reference_read(&o->w, objref, false, &sent, NULL);
    if (status != CIMF_OK) return wmi_hresult(status);
    const struct cim_instance *in = sent.instance;
    if (!in) return wmi_hresult(CIMF_INVALID_METHOD_PARAMETERS);
    struct cim_context_value *v = ARENA_ARRAY(&o->w.arena, in->cls->property_count + 1, struct cim_context_value);
    if (!v) return DCOM_E_OUTOFMEMORY;
    o->w.op.params = v;
    for (uint32_t i = 0; i < in->cls->property_count; i++) {
        union cim_data data;
        if (!cim_is_sent(in, i) || !cim_get(in, i, &data)) continue;
        v[o->w.op.param_count++] = (struct cim_context_value){
            .name = in->cls->properties[i].name, .value = { .type = in->cls->properties[i].type, .v = data },
        };
    }
    return DCOM_OK;
}

void wmi_exec_method(struct dcom_call *c, void *record)
{
    struct stub_services *r = record;
    struct wmi_outcome *o;
    uint32_t hresult = begin(c, r, 0, &o);
    bool nowhere = !(r->flags & WBEM_RETURN_IMMEDIATELY) && !r->out;
    if (!hresult && (!r->text.n || !r->method.n || nowhere)) hresult = wmi_hresult(CIMF_INVALID_PARAMETER);
    if (!hresult) hresult = read_path(o, r->text);
    if (!hresult) hresult = parameters(o, r->object);
    if (hresult) {
        refuse(c, r, o, hresult);
        return;
    }
    o->w.op.verb = CIM_OP_INVOKE;
    o->w.op.method = arena_dup(&o->w.arena, r->method);
    wmi_outcome_start(c, o, r, WMI_BOTH);
}

/* ---- those that answer with an enumerator ---- */

static uint32_t begin_set(struct dcom_call *c, struct stub_services *r, uint32_t allowed, struct wmi_results **out)
{
    *out = NULL;
    uint32_t hresult = wmi_services_begin(c, r, allowed | WBEM_AMENDED | WBEM_RETURN_IMMEDIATELY | WBEM_FORWARD_ONLY);
    if (!hresult && !(*out = wmi_results_new(c, c->self, r->flags))) hresult = DCOM_E_OUTOFMEMORY;
    if (hresult) return hresult;
    struct cim_op *op = &(*out)->w.op;
    if (r->flags & WBEM_AMENDED) op->flags |= CIM_AMENDED;
    if (r->flags & WBEM_ENSURE_LOCATABLE) op->flags |= CIM_ENSURE_LOCATABLE;
    return wmi_work_context(&(*out)->w, r->context);
}

static void start_set(struct dcom_call *c, struct stub_services *r, struct wmi_results *set, uint32_t hresult)
{
    if (!hresult) {
        wmi_results_start(c, set, r);
        return;
    }
    if (set) wmi_work_unref(&set->w);
    dcom_reply(c, r, hresult);
}

static void enumerate(struct dcom_call *c, struct stub_services *r, enum cim_verb verb)
{
    struct wmi_results *set;
    bool instances = verb == CIM_OP_ENUM_INSTANCES;
    uint32_t hresult = begin_set(c, r, WBEM_SHALLOW | (instances ? WBEM_DIRECT_READ : 0), &set);
    if (!hresult && instances && !r->text.n) hresult = wmi_hresult(CIMF_INVALID_CLASS);
    if (!hresult) {
        struct cim_op *op = &set->w.op;
        op->verb = verb;
        op->path = (struct cim_path){ .kind = CIM_PATH_CLASS, .class_name = arena_dup(&set->w.arena, r->text) };
        if (r->flags & WBEM_SHALLOW) op->flags |= CIM_SHALLOW;
        if (r->flags & WBEM_DIRECT_READ) op->flags |= CIM_DIRECT_READ;
    }
    start_set(c, r, set, hresult);
}

void wmi_class_enum(struct dcom_call *c, void *record)
{
    enumerate(c, record, CIM_OP_ENUM_CLASSES);
}

void wmi_instance_enum(struct dcom_call *c, void *record)
{
    enumerate(c, record, CIM_OP_ENUM_INSTANCES);
}

static uint32_t query(struct wmi_results *set, const struct stub_services *r)
{
    struct cim_op *op = &set->w.op;
    if (!r->text.p || !r->method.p) return wmi_hresult(CIMF_INVALID_PARAMETER);
    if (!slice_ieq(r->text, SLICE("WQL"))) return wmi_hresult(CIMF_INVALID_QUERY_TYPE);
    if (utf16_units(r->method) > LIMIT_QUERY) return wmi_hresult(CIMF_QUOTA_VIOLATION);
    op->verb = CIM_OP_QUERY;
    op->language = SLICE("WQL");
    op->query = arena_dup(&set->w.arena, r->method);
    return op->query.p ? DCOM_OK : DCOM_E_OUTOFMEMORY;
}

void wmi_exec_query(struct dcom_call *c, void *record)
{
    struct stub_services *r = record;
    struct wmi_results *set;
    uint32_t hresult = begin_set(c, r, WBEM_DIRECT_READ | WBEM_PROTOTYPE, &set);
    if (!hresult) hresult = query(set, r);
    if (!hresult && r->flags & WBEM_DIRECT_READ) set->w.op.flags |= CIM_DIRECT_READ;
    if (!hresult && r->flags & WBEM_PROTOTYPE) set->w.op.flags |= CIM_PROTOTYPE;
    start_set(c, r, set, hresult);
}

/* The object manager knows event queries and says what it thinks of them. */
void wmi_exec_notification(struct dcom_call *c, void *record)
{
    struct stub_services *r = record;
    struct wmi_results *set;
    uint32_t hresult = begin_set(c, r, 0, &set), both = WBEM_RETURN_IMMEDIATELY | WBEM_FORWARD_ONLY;
    if (!hresult && (r->flags & both) != both) hresult = wmi_hresult(CIMF_INVALID_PARAMETER);
    if (!hresult) hresult = query(set, r);
    start_set(c, r, set, hresult);
}

/* ---- what needs calls back to the client ---- */

void wmi_asynchronous(struct dcom_call *c, void *record)
{
    dcom_reply(c, record, wmi_hresult(CIMF_NOT_SUPPORTED));
}

/* Nothing runs asynchronously: no sink can be one of a pending operation. */
void wmi_cancel_async(struct dcom_call *c, void *record)
{
    const struct stub_services *r = record;
    dcom_reply(c, record, wmi_hresult(r->sink.p ? CIMF_NOT_FOUND : CIMF_INVALID_PARAMETER));
}

void wmi_query_sink(struct dcom_call *c, void *record)
{
    struct stub_services *r = record;
    dcom_reply(c, record, wmi_hresult(r->flags ? CIMF_INVALID_PARAMETER : CIMF_NOT_SUPPORTED));
}
