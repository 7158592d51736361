/* From resource URI and selectors to namespace, class and path. */
#include "wsman/server_priv.h"

static cimf_status find_namespace(struct wsman_call *c, struct error *e)
{
    const struct wsman_selector *s = wsman_selector_find(&c->header.selectors, "__cimnamespace");
    struct slice given = SLICE("");
    cimf_status status = CIMF_OK;
    if (s) {
        if (s->epr) return error_set(e, CIMF_WSMAN_SELECTOR_VALUE, "wsman", "__cimnamespace is not text");
        status = cim_namespace_normal(&c->arena, slice_trim(s->value), &given);
        if (status != CIMF_OK) return error_set(e, CIMF_WSMAN_SELECTOR_VALUE, "wsman", "__cimnamespace is not valid");
    }
    if (c->uri.kind == WSMAN_URI_WMI) {
        if (s && !slice_ieq(given, c->uri.ns)) {
            return error_set(e, CIMF_WSMAN_NAMESPACE_SELECTOR, "wsman", "%s",
                             cimf_status_info(CIMF_WSMAN_NAMESPACE_SELECTOR)->text);
        }
        c->ns = c->uri.ns;
    } else {
        c->ns = given.n ? given : c->server->config.default_ns;
    }
    return status;
}

/* The schema of the namespace is not to be had: asking for a class tells why, with the access checks of
 * the object manager. */
static enum cim_sink_answer probe_object(struct cim_op *op, const struct cim_object *o)
{
    return CIM_SINK_MORE;
}

static void probe_done(struct cim_op *op, cimf_status status)
{
    struct wsman_call *c = op->owner;
    c->op_active = false;
    if (!wsman_call_replied(c)) {
        wsman_reply_op_fault(c, op, status == CIMF_OK ? CIMF_INVALID_NAMESPACE : status);
    }
    wsman_call_unref(c);
}

static const struct cim_sink probe_sink = { probe_object, probe_done };

static void class_missing(struct wsman_call *c, struct slice name)
{
    c->op.verb = CIM_OP_GET_CLASS;
    c->op.path.class_name = name;
    c->op.path.kind = CIM_PATH_CLASS;
    error_set(&c->op.error, CIMF_INVALID_CLASS, "wsman", "the class " SLICE_FMT " does not exist in " SLICE_FMT,
              SLICE_ARG(slice_head(name, 120)), SLICE_ARG(slice_head(c->ns, 120)));
    wsman_reply_op_fault(c, &c->op, CIMF_INVALID_CLASS);
}

bool wsman_call_target(struct wsman_call *c, bool need_class)
{
    struct error e = ERROR_INIT;
    cimf_status status = find_namespace(c, &e);
    if (status != CIMF_OK) {
        wsman_reply_fault(c, status, &e);
        return false;
    }
    struct cim_manager *m = c->server->config.manager;
    c->schema = m->schema(m, c->ns, c->principal);
    c->codec = (struct wsman_codec){
        .arena = &c->arena, .schema = c->schema, .ns = c->ns, .form = { c->uri.kind, c->uri.base },
        .extensions = wsman_option_true(&c->header, "ShowExtensions"),
        .precise = wsman_option_true(&c->header, "msftwinrm:UsePreciseArrays"),
    };
    if (c->codec.form.kind != WSMAN_URI_CIM) c->codec.form.kind = WSMAN_URI_WMI;
    if (!c->schema) {
        wsman_op_prepare(c, &c->op, CIM_OP_GET_CLASS, &c->arena, &probe_sink, c);
        c->op.path.kind = CIM_PATH_CLASS;
        c->op.path.class_name = c->uri.class_name.n ? c->uri.class_name : SLICE("__SystemClass");
        wsman_call_submit(c);
        return false;
    }
    if (!need_class) return true;
    c->cls = cim_schema_class(c->schema, c->uri.class_name);
    if (!c->cls) class_missing(c, c->uri.class_name);
    return c->cls != NULL;
}
