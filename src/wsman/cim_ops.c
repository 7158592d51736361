/* Get, Put, Create, Delete and Invoke on CIM instances. */
#include "wsman/server_priv.h"

static struct wsman_call *ended(struct cim_op *op)
{
    struct wsman_call *c = op->owner;
    c->op_active = false;
    return c;
}

static enum cim_sink_answer ignore_object(struct cim_op *op, const struct cim_object *o)
{
    return CIM_SINK_MORE;
}

static void fail(struct wsman_call *c, cimf_status status, const struct error *e)
{
    wsman_reply_fault(c, status, e);
}

static bool begin(struct wsman_call *c, enum cim_verb verb, const struct cim_sink *sink)
{
    struct error e = ERROR_INIT;
    wsman_op_prepare(c, &c->op, verb, &c->arena, sink, c);
    cimf_status status = wsman_op_context(c, &c->op, &c->arena, &e);
    if (status != CIMF_OK) fail(c, status, &e);
    return status == CIMF_OK;
}

/* The path of the one instance that URI and selectors name. */
static bool instance_path(struct wsman_call *c)
{
    struct error e = ERROR_INIT;
    cimf_status status = wsman_selectors_path(&c->codec, &c->header.selectors, c->cls->name, c->cls, 0, &c->op.path, &e);
    if (status == CIMF_OK && c->op.path.kind == CIM_PATH_CLASS) {
        status = error_set(&e, CIMF_WSMAN_SELECTORS_MISSING, "wsman", "the class " SLICE_FMT " has no instance without "
                           "selectors", SLICE_ARG(c->cls->name));
    }
    if (status != CIMF_OK) fail(c, status, &e);
    return status == CIMF_OK;
}

/* --- Get (also the second half of Put) -------------------------------------------------------- */

static enum cim_sink_answer get_object(struct cim_op *op, const struct cim_object *o)
{
    struct wsman_call *c = op->owner;
    const struct cim_instance *in = cim_as_instance(o);
    if (in && !wsman_call_replied(c) && c->out.n == 0) {
        wsman_reply_begin(c, SLICE_NULL, 0);
        wsman_instance_write(&c->out, &c->codec, in);
    }
    return CIM_SINK_MORE;
}

static void get_done(struct cim_op *op, cimf_status status)
{
    struct wsman_call *c = ended(op);
    if (wsman_call_replied(c)) {
        /* it timed out meanwhile */
    } else if (status == CIMF_OK && c->out.n) {
        wsman_reply_end(c);
    } else if (c->fetching) { /* written, but not readable */
        wsman_reply_begin(c, SLICE_NULL, 0);
        wsman_reply_end(c);
    } else {
        wsman_reply_op_fault(c, op, status == CIMF_OK ? CIMF_NOT_FOUND : status);
    }
    wsman_call_unref(c);
}

static const struct cim_sink get_sink = { get_object, get_done };

static void get(struct wsman_call *c)
{
    if (!begin(c, CIM_OP_GET_INSTANCE, &get_sink) || !instance_path(c)) return;
    wsman_call_submit(c);
}

/* --- Put -------------------------------------------------------------------------------------- */

static void put_look(struct wsman_call *c);

static void put_done(struct cim_op *op, cimf_status status)
{
    struct wsman_call *c = ended(op);
    if (!wsman_call_replied(c) && status == CIMF_ALREADY_EXISTS && !c->put_class) {
        put_look(c);
    } else if (!wsman_call_replied(c) && status != CIMF_OK) {
        wsman_reply_op_fault(c, op, status);
    } else if (!wsman_call_replied(c)) {
        c->changed = c->fetching = true;
        c->fetch.path = c->op.path;
        wsman_op_prepare(c, &c->fetch, CIM_OP_GET_INSTANCE, &c->arena, &get_sink, c);
        wsman_call_submit(c);
    }
    wsman_call_unref(c);
}

static const struct cim_sink put_sink = { ignore_object, put_done };

/* The element names the class or one below it: with the selectors of a superclass a client may send the
 * instance as it got it. */
static const struct cim_class *body_class(struct wsman_call *c, struct error *e)
{
    const struct xml_node *n = c->envelope.content;
    if (!n) {
        error_set(e, CIMF_WSMAN_INVALID_REPRESENTATION, "wsman", "the body has no instance");
        return NULL;
    }
    if (slice_ieq(n->name, c->cls->name)) return c->cls;
    const struct cim_class *cls = cim_schema_class(c->schema, n->name);
    bool below = cls && cim_class_isa(cls, c->cls->name);
    if (!below) {
        error_set(e, CIMF_WSMAN_INVALID_NAMESPACE, "wsman", "the body holds " SLICE_FMT ", not an instance of "
                  SLICE_FMT, SLICE_ARG(slice_head(n->name, 100)), SLICE_ARG(c->cls->name));
    }
    return below ? cls : NULL;
}

static cimf_status body_instance(struct wsman_call *c, struct cim_instance **in, struct error *e)
{
    const struct cim_class *cls = body_class(c, e);
    return cls ? wsman_instance_read(&c->codec, c->envelope.content, cls, in, e) : e->status;
}

/* Keys come from the selectors; the body may repeat them but not change them. */
static cimf_status keys_fix(struct wsman_call *c, struct cim_instance *in, struct error *e)
{
    for (uint32_t i = 0; i < c->op.path.key_count; i++) {
        const struct cim_key *k = &c->op.path.keys[i];
        int at = cim_class_property(in->cls, k->name);
        union cim_data v;
        if (at < 0) continue;
        bool sent = cim_is_sent(in, (unsigned)at), same = false;
        unsigned type = in->cls->properties[at].type;
        if (sent && cim_get(in, (unsigned)at, &v)) {
            same = cim_type_is_text(type) ? slice_ieq(v.s, k->value.v.s) : cim_data_equal(type, &v, &k->value.v);
        }
        if (sent && !same) {
            error_set(e, CIMF_WSMAN_KEYS_CHANGED, "wsman", "the key " SLICE_FMT " cannot be changed", SLICE_ARG(k->name));
            error_subject(e, k->name);
            return CIMF_WSMAN_KEYS_CHANGED;
        }
        if (!sent) cim_set(in, (unsigned)at, k->value.v);
    }
    return CIMF_OK;
}

static void put_as(struct wsman_call *c, const struct cim_class *cls, struct error *e)
{
    struct cim_instance *in = NULL;
    cimf_status status = cls ? wsman_instance_read(&c->codec, c->envelope.content, cls, &in, e) : e->status;
    if (status == CIMF_OK) status = keys_fix(c, in, e);
    if (status != CIMF_OK) {
        fail(c, status, e);
        return;
    }
    in->ns = c->ns;
    c->op.instance = in;
    c->op.error = ERROR_INIT;
    c->op.flags = CIM_UPDATE_ONLY | CIM_PARTIAL;
    wsman_call_submit(c);
}

/* The instance is of another class than the element: one of a subclass takes the element's properties
 * for its own; any other does not fit. */
static enum cim_sink_answer put_look_object(struct cim_op *op, const struct cim_object *o)
{
    struct wsman_call *c = op->owner;
    const struct cim_instance *in = cim_as_instance(o);
    if (in) c->put_class = cim_schema_class(c->schema, in->cls->name);
    return CIM_SINK_MORE;
}

static void put_look_done(struct cim_op *op, cimf_status status)
{
    struct wsman_call *c = ended(op);
    struct error e = ERROR_INIT;
    c->fetching = false;
    if (wsman_call_replied(c)) {
        /* it timed out meanwhile */
    } else if (status != CIMF_OK) {
        wsman_reply_op_fault(c, op, status);
    } else if (!c->put_class || !cim_class_isa(c->put_class, c->op.instance->cls->name)) {
        error_set(&e, CIMF_WSMAN_INVALID_NAMESPACE, "wsman", "the selectors name an instance of " SLICE_FMT ", the body "
                  "holds " SLICE_FMT, SLICE_ARG(c->put_class ? c->put_class->name : c->cls->name),
                  SLICE_ARG(c->op.instance->cls->name));
        fail(c, e.status, &e);
    } else {
        put_as(c, c->put_class, &e);
    }
    wsman_call_unref(c);
}

static const struct cim_sink put_look_sink = { put_look_object, put_look_done };

static void put_look(struct wsman_call *c)
{
    c->fetching = true;
    c->fetch.path = c->op.path;
    wsman_op_prepare(c, &c->fetch, CIM_OP_GET_INSTANCE, &c->arena, &put_look_sink, c);
    wsman_call_submit(c);
}

static void put(struct wsman_call *c)
{
    struct error e = ERROR_INIT;
    if (!begin(c, CIM_OP_PUT_INSTANCE, &put_sink) || !instance_path(c)) return;
    put_as(c, body_class(c, &e), &e);
}

/* --- Create ----------------------------------------------------------------------------------- */

static void create_done(struct cim_op *op, cimf_status status)
{
    struct wsman_call *c = ended(op);
    if (wsman_call_replied(c)) {
        /* it timed out meanwhile */
    } else if (status != CIMF_OK) {
        wsman_reply_op_fault(c, op, status);
    } else {
        c->changed = true;
        wsman_reply_begin(c, SLICE_NULL, 1u << NS_X);
        buf_lit(&c->out, "<x:ResourceCreated>");
        wsman_epr_write(&c->out, &c->codec, &op->path_out, 0);
        buf_lit(&c->out, "</x:ResourceCreated>");
        wsman_reply_end(c);
    }
    wsman_call_unref(c);
}

static const struct cim_sink create_sink = { ignore_object, create_done };

static void create(struct wsman_call *c)
{
    struct error e = ERROR_INIT;
    struct cim_instance *in = NULL;
    if (!begin(c, CIM_OP_PUT_INSTANCE, &create_sink)) return;
    cimf_status status = CIMF_OK;
    for (uint32_t i = 0; i < c->header.selectors.n && status == CIMF_OK; i++) {
        if (slice_ieq(c->header.selectors.s[i].name, SLICE("__cimnamespace"))) continue;
        status = error_set(&e, CIMF_WSMAN_SELECTORS_UNEXPECTED, "wsman", "a Create takes no selectors");
    }
    if (status == CIMF_OK) status = body_instance(c, &in, &e);
    if (status != CIMF_OK) {
        fail(c, status, &e);
        return;
    }
    for (uint32_t i = 0; i < in->cls->property_count; i++) {
        if (in->state[i] == CIM_UNSENT) in->state[i] = CIM_DEFAULTED;
    }
    in->ns = c->ns;
    c->op.instance = in;
    c->op.flags = CIM_CREATE_ONLY;
    c->op.path = (struct cim_path){ .kind = CIM_PATH_CLASS, .class_name = in->cls->name };
    wsman_call_submit(c);
}

/* --- Delete ----------------------------------------------------------------------------------- */

static void delete_done(struct cim_op *op, cimf_status status)
{
    struct wsman_call *c = ended(op);
    if (wsman_call_replied(c)) {
        /* it timed out meanwhile */
    } else if (status != CIMF_OK) {
        wsman_reply_op_fault(c, op, status);
    } else {
        wsman_reply_begin(c, SLICE_NULL, 0);
        wsman_reply_end(c);
    }
    wsman_call_unref(c);
}

static const struct cim_sink delete_sink = { ignore_object, delete_done };

static void delete(struct wsman_call *c)
{
    if (!begin(c, CIM_OP_DELETE_INSTANCE, &delete_sink) || !instance_path(c)) return;
    wsman_call_submit(c);
}

/* --- Invoke ----------------------------------------------------------------------------------- */

/* The action is the URI of the class, or of an ancestor, and the method. */
static cimf_status action_method(struct wsman_call *c, struct error *e)
{
    struct slice action = c->envelope.action;
    size_t cut = action.n;
    while (cut && action.p[cut - 1] != '/') cut--;
    c->method = slice_sub(action, cut);
    struct wsman_uri uri;
    struct error ignored;
    bool is_class = cut > 1 && c->method.n &&
                    wsman_uri_read(&c->arena, slice_head(action, cut - 1), &uri, &ignored) == CIMF_OK &&
                    uri.kind == c->uri.kind && !uri.all;
    if (!is_class) {
        return error_set(e, CIMF_WSMAN_INVALID_ACTION, "wsman", "the action " SLICE_FMT " is not known",
                         SLICE_ARG(slice_head(action, 200)));
    }
    bool same_ns = c->uri.kind != WSMAN_URI_WMI || slice_ieq(uri.ns, c->uri.ns);
    if (!same_ns || !cim_class_isa(c->cls, uri.class_name)) {
        return error_set(e, CIMF_WSMAN_ACTION_MISMATCH, "wsman", "%s",
                         cimf_status_info(CIMF_WSMAN_ACTION_MISMATCH)->text);
    }
    return CIMF_OK;
}

static void invoke_done(struct cim_op *op, cimf_status status)
{
    struct wsman_call *c = ended(op);
    if (wsman_call_replied(c)) {
        /* it timed out meanwhile */
    } else if (status != CIMF_OK) {
        wsman_reply_op_fault(c, op, status);
    } else {
        c->changed = true;
        wsman_reply_begin(c, SLICE_NULL, 0);
        struct slice element = arena_printf(&c->arena, SLICE_FMT "_OUTPUT", SLICE_ARG(c->method));
        wsman_output_write(&c->out, &c->codec, c->uri.text, element, op->out);
        wsman_reply_end(c);
    }
    wsman_call_unref(c);
}

static const struct cim_sink invoke_sink = { ignore_object, invoke_done };

static cimf_status read_parameters(struct wsman_call *c, const struct cim_method *m, struct error *e)
{
    const struct xml_node *n = c->envelope.content;
    if (!n) return CIMF_OK;
    struct slice input = arena_printf(&c->arena, SLICE_FMT "_INPUT", SLICE_ARG(c->method));
    if (!slice_ieq(n->name, input)) {
        error_set(e, CIMF_WSMAN_SCHEMA_BODY, "wsman", "the body holds " SLICE_FMT " instead of " SLICE_FMT,
                  SLICE_ARG(slice_head(n->name, 100)), SLICE_ARG(slice_head(input, 100)));
        return CIMF_WSMAN_SCHEMA_BODY;
    }
    struct cim_context_value *params;
    cimf_status status = wsman_values_read(&c->codec, n, m ? m->in : NULL, &params, &c->op.param_count, e);
    c->op.params = params;
    if (status == CIMF_TYPE_MISMATCH) status = e->status = CIMF_WSMAN_PARAMETER_TYPE;
    return status;
}

static void invoke(struct wsman_call *c)
{
    struct error e = ERROR_INIT;
    if (!begin(c, CIM_OP_INVOKE, &invoke_sink)) return;
    cimf_status status = action_method(c, &e);
    const struct cim_method *m = status == CIMF_OK ? cim_class_method(c->cls, c->method) : NULL;
    bool bare = c->header.selectors.n == 0 ||
                (c->header.selectors.n == 1 && wsman_selector_find(&c->header.selectors, "__cimnamespace"));
    if (status == CIMF_OK && bare && !(c->cls->flags & CIM_CLASS_SINGLETON && m && !(m->flags & CIM_METHOD_STATIC))) {
        c->op.path = (struct cim_path){ .kind = CIM_PATH_CLASS, .class_name = c->cls->name };
    } else if (status == CIMF_OK) {
        status = wsman_selectors_path(&c->codec, &c->header.selectors, c->cls->name, c->cls, 0, &c->op.path, &e);
    }
    if (m) c->method = m->name; /* as the schema spells it */
    c->op.method = c->method;
    if (status == CIMF_OK) status = read_parameters(c, m, &e);
    if (status != CIMF_OK) {
        fail(c, status, &e);
        return;
    }
    wsman_call_submit(c);
}

/* --- entry ------------------------------------------------------------------------------------ */

void wsman_handle_cim(struct wsman_call *c)
{
    if (c->verb == WSMAN_PULL) {
        wsman_handle_pull(c);
        return;
    }
    if (c->verb == WSMAN_RELEASE) {
        wsman_handle_release(c);
        return;
    }
    if (c->uri.all && c->verb != WSMAN_ENUMERATE) {
        struct error e = ERROR_INIT;
        error_set(&e, CIMF_WSMAN_INVALID_RESOURCE_URI, "wsman", "the all-classes URI serves Enumerate only");
        fail(c, e.status, &e);
        return;
    }
    if (!wsman_call_target(c, !c->uri.all)) return;
    switch (c->verb) {
    case WSMAN_GET: get(c); break;
    case WSMAN_PUT: put(c); break;
    case WSMAN_CREATE: create(c); break;
    case WSMAN_DELETE: delete(c); break;
    case WSMAN_INVOKE: invoke(c); break;
    default: wsman_handle_enumerate(c); break;
    }
}

void wsman_handle_refused(struct wsman_call *c)
{
    struct error e = ERROR_INIT;
    error_set(&e, CIMF_NOT_SUPPORTED, "wsman", "class metadata comes as CIM-XML; use the cim-xml resource URI");
    fail(c, e.status, &e);
}
