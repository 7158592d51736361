/* Servers, sessions, and objects that calls hand out. */
#include <stdlib.h>

#include "wmi/refresh.h"

struct wmi_session *wmi_session_new(struct wmi_server *s, const struct principal *p, struct slice ns, struct slice locale)
{
    struct wmi_session *x = calloc(1, sizeof *x + 2 * ns.n + locale.n);
    if (!x) return NULL;
    char *shown = x->text + ns.n, *at = shown + ns.n;
    if (ns.n) memcpy(x->text, ns.p, ns.n);
    for (size_t i = 0; i < ns.n; i++) shown[i] = ns.p[i] == '/' ? '\\' : ns.p[i];
    if (locale.n) memcpy(at, locale.p, locale.n);
    x->refs = 1;
    x->server = s;
    x->generation = s->settings.care ? s->settings.care->generation(s->settings.care->arg) : 0;
    x->principal = principal_ref(p);
    x->ns = slice_of(x->text, ns.n);
    x->shown = slice_of(shown, ns.n);
    x->locale = slice_of(at, locale.n);
    return x;
}

struct wmi_session *wmi_session_ref(struct wmi_session *x)
{
    __atomic_add_fetch(&x->refs, 1, __ATOMIC_RELAXED);
    return x;
}

void wmi_session_unref(struct wmi_session *x)
{
    if (!x || __atomic_sub_fetch(&x->refs, 1, __ATOMIC_ACQ_REL)) return;
    principal_unref(x->principal);
    free(x);
}

cimf_status wmi_session_status(const struct wmi_session *x)
{
    const struct wmi_care_hooks *care = x->server->settings.care;
    uint64_t now = care ? care->generation(care->arg) : 0;
    if (now & 1) return CIMF_SERVER_STOPPING;
    return now == x->generation ? CIMF_OK : CIMF_INVALID_NAMESPACE;
}

static void services_free(void *self)
{
    wmi_session_unref(self);
}

const struct dcom_object_type wmi_services_type = {
    "IWbemServices", (const struct dcom_interface *const[]){ &wmi_services_interface,
    &wmi_refreshing_interface, NULL }, NULL, services_free, WBEM_E_ACCESS_DENIED, true,
};

uint32_t wmi_give(struct dcom_call *c, const struct dcom_object_type *type, void *self, const struct guid *iid,
                  struct slice *out)
{
    struct dcom_object *o = dcom_object_new(c->server, type, self, c->principal);
    *out = SLICE_NULL;
    if (!o) {
        if (type->closed) type->closed(self);
        type->free(self);
        return wmi_hresult(CIMF_QUOTA_VIOLATION);
    }
    dcom_object_settle(o, c->home);
    uint32_t hresult = dcom_marshal(c, o, iid, out);
    dcom_object_unref(o);
    return hresult;
}

uint32_t wmi_session_give(struct dcom_call *c, struct wmi_session *x, struct slice *out)
{
    return wmi_give(c, &wmi_services_type, wmi_session_ref(x), &wmi_services_interface.iid, out);
}

static bool alphanumeric(struct slice s, size_t least, size_t most)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))) return false;
    }
    return s.n >= least && s.n <= most;
}

static bool hexadecimal(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (hex_digit(s.p[i]) < 0) return false;
    return s.n >= 1 && s.n <= 8;
}

bool wmi_locale_valid(struct slice list)
{
    while (list.n) {
        struct slice rest, item = slice_trim(slice_split(list, ',', &rest));
        list = rest;
        if (slice_istarts(item, SLICE("ms_"))) {
            if (!hexadecimal(slice_sub(item, 3))) return false;
            continue;
        }
        struct slice part = slice_split(item, '-', &item);
        if (!alphanumeric(part, 2, 8)) return false;
        while (item.p) {
            part = slice_split(item, '-', &item);
            if (!alphanumeric(part, 1, 8)) return false;
        }
    }
    return true;
}
