/* Events as far as they go: who sends one and who asks for some are checked as MS-WMI says. Nobody can be subscribed yet, so
 * that what is sent has no receivers. */
#include "auth/sd.h"
#include "cimom/cimom_priv.h"
#include "wql/wql.h"

static enum gen nothing(struct task *t, const struct cim_object **out)
{
    return GEN_END;
}

/* ExecNotificationQuery (3.1.4.3.20). */
cimf_status start_subscribe(struct task *t)
{
    struct wql_query q;
    const struct cim_class *cls;
    cimf_status s = wql_parse(&t->arena, t->in->query, &q, t->error);
    if (s) return s;
    if (q.kind != WQL_SELECT) return error_set(t->error, CIMF_INVALID_QUERY, "wql", "this is no event query");
    s = input_class(t, q.from, &cls);
    if (s) return s;
    if (!cim_class_isa(cls, SLICE("__Event"))) {
        error_subject(t->error, cls->name);
        return error_set(t->error, CIMF_NOT_EVENT_CLASS, "cimom", "the class is not an event class");
    }
    if (q.group && q.group_within < 0)
        return error_set(t->error, CIMF_MISSING_GROUP_WITHIN, "wql", "GROUP needs WITHIN");
    return error_set(t->error, CIMF_NOT_SUPPORTED, "cimom", "there are no event notifications yet");
}

/* An event may carry a descriptor of its own: then its sender needs PUBLISH there (5.2). */
static cimf_status check_descriptor(struct task *t, const struct cim_instance *in)
{
    int at = cim_class_property(in->cls, SLICE("SECURITY_DESCRIPTOR"));
    union cim_data v;
    const struct sd *sd;
    if (at < 0 || !cim_get(in, (unsigned)at, &v)) return CIMF_OK;
    if (in->cls->properties[at].type != (CIM_UINT8 | CIM_ARRAY))
        return error_set(t->error, CIMF_INVALID_OBJECT, "cimom", "SECURITY_DESCRIPTOR is uint8[]");
    cimf_status s = sd_parse(&t->arena, slice_of(v.a.p, v.a.n), &sd, t->error);
    return s ? s : rights_publish(t->op, sd, t->error);
}

/* What a client of QueryObjectSink sends (3.1.4.3.3); without an instance: may he? */
cimf_status start_send_event(struct task *t)
{
    const struct cim_instance *in = t->in->instance;
    const struct cim_class *cls;
    t->next = nothing;
    if (!in) return CIMF_OK;
    cimf_status s = input_class(t, in->cls->name, &cls);
    if (s) return s;
    if (cim_class_isa(cls, SLICE("__ExtrinsicEvent")) && !cim_class_isa(cls, SLICE("__SystemEvent")))
        return check_descriptor(t, in);
    error_subject(t->error, cls->name);
    return error_set(t->error, CIMF_NOT_EVENT_CLASS, "cimom", "only extrinsic events may be sent");
}
