/* IWbemLevel1Login, IWbemLoginClientID, IWbemLoginHelper (MS-WMI 3.1.4.1, 3.1.4.8, 3.1.4.9). */
#include "base/utf.h"
#include "wmi/wmi_priv.h"

enum { LOGIN_TOLERATED = 0x40 | 0x100 }; /* WBEM_CONNECT_OPTIONS, and a generic flag that clients add */

void wmi_establish_position(struct dcom_call *c, void *record)
{
    struct stub_position *r = record;
    r->locale_version = 1; /* locales that are not known do not fail a login */
    dcom_reply(c, record, DCOM_OK);
}

void wmi_request_challenge(struct dcom_call *c, void *record)
{
    static uint8_t zero[16];
    struct stub_challenge *r = record;
    r->size = sizeof zero;
    r->nonce = zero;
    dcom_reply(c, record, wmi_hresult(CIMF_NOT_SUPPORTED));
}

void wmi_wbem_login(struct dcom_call *c, void *record)
{
    dcom_reply(c, record, DCOM_E_NOTIMPL);
}

void wmi_set_client_info(struct dcom_call *c, void *record)
{
    const struct stub_client *r = record;
    dcom_reply(c, record, r->machine.p ? DCOM_OK : wmi_hresult(CIMF_INVALID_PARAMETER));
}

void wmi_set_event(struct dcom_call *c, void *record)
{
    dcom_reply(c, record, DCOM_OK);
}

/* The namespace is asked for a class, which checks what NTLMLogin has to: it exists, the caller has ENABLE and
 * REMOTE_ENABLE there, and the connection is as private as it wants. */
static uint32_t open(struct dcom_call *c, struct wmi_session *from, struct wmi_outcome **out)
{
    *out = NULL;
    struct wmi_outcome *o = wmi_outcome_new(c, from);
    if (!o) return DCOM_E_OUTOFMEMORY;
    o->opened = wmi_session_ref(from);
    o->w.op.verb = CIM_OP_GET_CLASS;
    o->w.op.path = (struct cim_path){ .kind = CIM_PATH_CLASS, .class_name = SLICE("__SystemClass") };
    *out = o;
    return DCOM_OK;
}

static uint32_t login(struct dcom_call *c, struct stub_ntlm_login *r, struct wmi_outcome **out)
{
    struct slice ns;
    if (c->flags & MECH_IDENTIFY) return wmi_hresult(CIMF_ACCESS_DENIED);
    const struct wmi_care_hooks *care = ((struct wmi_server *)c->self)->settings.care;
    if (care && care->generation(care->arg) & 1) return wmi_hresult(CIMF_SERVER_STOPPING);
    if (!r->network.p || r->flags & ~(uint32_t)LOGIN_TOLERATED) return wmi_hresult(CIMF_INVALID_PARAMETER);
    if (utf16_units(r->network) > LIMIT_NAMESPACE) return wmi_hresult(CIMF_QUOTA_VIOLATION);
    if (r->locale.n > 1024 || !wmi_locale_valid(r->locale)) return wmi_hresult(CIMF_INVALID_PARAMETER);
    if (cim_namespace_normal(c->arena, r->network, &ns) != CIMF_OK || !ns.n) return wmi_hresult(CIMF_INVALID_NAMESPACE);
    struct wmi_session *x = wmi_session_new(c->self, c->principal, ns, r->locale);
    if (!x) return DCOM_E_OUTOFMEMORY;
    uint32_t hresult = open(c, x, out);
    if (!hresult) hresult = wmi_work_context(&(*out)->w, r->context);
    wmi_session_unref(x);
    return hresult;
}

void wmi_ntlm_login(struct dcom_call *c, void *record)
{
    struct wmi_outcome *o = NULL;
    uint32_t hresult = login(c, record, &o);
    if (hresult) {
        if (o) wmi_work_unref(&o->w);
        dcom_reply(c, record, hresult);
        return;
    }
    wmi_outcome_login(c, o, record);
}

void wmi_open_namespace(struct dcom_call *c, void *record)
{
    struct stub_services *r = record;
    struct wmi_session *from = c->self, *x = NULL;
    struct wmi_outcome *o = NULL;
    struct slice ns = SLICE_NULL;
    uint32_t hresult = wmi_services_begin(c, r, WBEM_RETURN_IMMEDIATELY);
    bool later = r->flags & WBEM_RETURN_IMMEDIATELY;
    bool nowhere = later ? !r->result : !r->out && !r->result;
    if (!hresult && (!r->text.n || r->context.p || nowhere)) hresult = wmi_hresult(CIMF_INVALID_PARAMETER);
    if (!hresult && cim_namespace_normal(c->arena, r->text, &ns) != CIMF_OK) hresult = wmi_hresult(CIMF_INVALID_NAMESPACE);
    /* A child of this one: by its name, or by its path. */
    bool whole = slice_istarts(ns, from->ns) && ns.n > from->ns.n && ns.p[from->ns.n] == '/';
    if (!hresult && !whole) ns = arena_printf(c->arena, SLICE_FMT "/" SLICE_FMT, SLICE_ARG(from->ns), SLICE_ARG(ns));
    if (!hresult && utf16_units(ns) > LIMIT_NAMESPACE) hresult = wmi_hresult(CIMF_QUOTA_VIOLATION);
    if (!hresult && !(x = wmi_session_new(from->server, c->principal, ns, from->locale))) hresult = DCOM_E_OUTOFMEMORY;
    if (!hresult) hresult = open(c, x, &o);
    wmi_session_unref(x);
    if (hresult) dcom_reply(c, record, hresult);
    else wmi_outcome_start(c, o, r, WMI_BOTH);
}
