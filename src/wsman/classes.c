/* Class metadata on the cim-xml resource URI: Get is GetClass, Enumerate is GetSubClassPaths (EPR mode) or
 * plain subclasses (DSP0227 15, MS-WSMV 3.1.4.1.38). */
#include "wsman/server_priv.h"

static bool option(const struct wsman_call *c, const char *name, const char *prefixed, bool otherwise)
{
    /* Clients send the options bare or as "wmi:" context. */
    if (wsman_option_find(&c->header, name)) return wsman_option_true(&c->header, name);
    if (wsman_option_find(&c->header, prefixed)) return wsman_option_true(&c->header, prefixed);
    return otherwise;
}

unsigned wsman_class_flags(const struct wsman_call *c)
{
    return (option(c, "IncludeClassOrigin", "wmi:IncludeClassOrigin", false) ? WSMAN_CLASS_ORIGIN : 0) |
           (option(c, "IncludeQualifiers", "wmi:IncludeQualifiers", true) ? WSMAN_CLASS_QUALIFIERS : 0) |
           (option(c, "IncludeInheritedElements", "wmi:IncludeInheritedElements", true) ? WSMAN_CLASS_INHERITED : 0);
}

static enum cim_sink_answer class_object(struct cim_op *op, const struct cim_object *o)
{
    struct wsman_call *c = op->owner;
    const struct cim_class *cls = cim_as_class(o);
    if (cls && !wsman_call_replied(c) && c->out.n == 0) {
        wsman_reply_begin(c, SLICE_NULL, 0);
        wsman_class_write(&c->out, cls, wsman_class_flags(c));
    }
    return CIM_SINK_MORE;
}

static void class_done(struct cim_op *op, cimf_status status)
{
    struct wsman_call *c = op->owner;
    c->op_active = false;
    if (!wsman_call_replied(c)) {
        if (status == CIMF_OK && c->out.n) wsman_reply_end(c);
        else wsman_reply_op_fault(c, op, status == CIMF_OK ? CIMF_INVALID_CLASS : status);
    }
    wsman_call_unref(c);
}

static const struct cim_sink class_sink = { class_object, class_done };

/* The class comes from the selector ClassName or from the URI. */
static cimf_status class_name(struct wsman_call *c, struct slice *name, struct error *e)
{
    const struct wsman_selectors *set = &c->header.selectors;
    for (uint32_t i = 0; i < set->n; i++) {
        bool fine = slice_ieq(set->s[i].name, SLICE("ClassName")) || slice_ieq(set->s[i].name, SLICE("__cimnamespace"));
        if (!fine || set->s[i].epr) {
            error_set(e, CIMF_WSMAN_SELECTORS_UNEXPECTED, "wsman", "the selector " SLICE_FMT " is not expected",
                      SLICE_ARG(slice_head(set->s[i].name, 100)));
            return CIMF_WSMAN_SELECTORS_UNEXPECTED;
        }
    }
    const struct wsman_selector *s = wsman_selector_find(set, "ClassName");
    *name = s ? slice_trim(s->value) : c->uri.class_name;
    if (!name->p) *name = SLICE("");
    return CIMF_OK;
}

static void get_class(struct wsman_call *c)
{
    struct error e = ERROR_INIT;
    cimf_status status = CIMF_OK;
    if (!c->uri.class_name.n) {
        status = error_set(&e, CIMF_WSMAN_INVALID_SELECTORS, "wsman", "the selector ClassName is missing");
    } else if (!cim_name_valid(c->uri.class_name, true)) {
        status = error_set(&e, CIMF_WSMAN_INVALID_SELECTORS, "wsman", "the selector ClassName is not a class name");
    }
    if (status != CIMF_OK) {
        wsman_reply_fault(c, status, &e);
        return;
    }
    wsman_op_prepare(c, &c->op, CIM_OP_GET_CLASS, &c->arena, &class_sink, c);
    c->op.path = (struct cim_path){ .kind = CIM_PATH_CLASS, .class_name = c->uri.class_name };
    wsman_call_submit(c);
}

void wsman_handle_classes(struct wsman_call *c)
{
    struct error e = ERROR_INIT;
    if (c->verb == WSMAN_PULL) {
        wsman_handle_pull(c);
        return;
    }
    if (c->verb == WSMAN_RELEASE) {
        wsman_handle_release(c);
        return;
    }
    struct slice name;
    cimf_status status = class_name(c, &name, &e);
    if (status != CIMF_OK) {
        wsman_reply_fault(c, status, &e);
        return;
    }
    c->uri.class_name = name;
    if (!wsman_call_target(c, false)) return;
    if (c->verb == WSMAN_GET) get_class(c);
    else wsman_handle_enumerate(c);
}
