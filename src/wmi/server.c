/* The server and its timers. */
#include <assert.h>
#include <stdlib.h>

#include "wmi/refresh.h"

const struct dcom_interface *const wmi_interfaces[] = {
    &wmi_login_interface, &wmi_client_interface, &wmi_helper_interface, &wmi_services_interface, &wmi_enum_interface,
    &wmi_fetch_interface, &wmi_smart_interface, &wmi_result_interface, &wmi_sink_interface, &wmi_refreshing_interface,
    &wmi_refresher_interface, &wmi_shutdown_interface, &wmi_apartment_interface, &wmi_wbem_apartment_interface, &wmi_backup_interface,
    &wmi_backup_ex_interface, NULL,
};

static const struct dcom_object_type login_type = {
    "WbemLevel1Login", (const struct dcom_interface *const[]){ &wmi_login_interface, &wmi_client_interface,
    &wmi_helper_interface, NULL }, NULL, NULL, WBEM_E_ACCESS_DENIED, true,
};

static uint32_t create_login(const struct dcom_class *class, struct dcom_server *s, const struct principal *p,
                             struct dcom_object **out)
{
    *out = dcom_object_new(s, &login_type, class->arg, p);
    return *out ? DCOM_OK : DCOM_E_OUTOFMEMORY;
}

typedef uint32_t create_fn(const struct dcom_class *class, struct dcom_server *s, const struct principal *p,
                           struct dcom_object **out);

static void add_class(struct wmi_server *s, const char *name, create_fn *create, struct guid clsid)
{
    assert(s->class_count < sizeof s->classes / sizeof *s->classes);
    s->classes[s->class_count++] = (struct dcom_class){ .clsid = clsid, .name = name, .create = create, .arg = s };
}

static void add_classes(struct wmi_server *s)
{
    static const struct guid shutdown = { 0x73e709ea, 0x5d93, 0x4b2e, { 0xbb, 0xb0, 0x99, 0xb7, 0x93, 0x8d, 0xa9, 0xe4 } };
    static const struct guid shutdown2 = { 0x1f87137d, 0x0e7c, 0x44d5, { 0x8c, 0x73, 0x4e, 0xff, 0xb6, 0x89, 0x62, 0xf2 } };
    static const struct guid apartment = { 0x49bd2028, 0x1523, 0x11d1, { 0xad, 0x79, 0x00, 0xc0, 0x4f, 0xd8, 0xfd, 0xff } };
    static const struct guid backup = { 0xc49e32c6, 0xbc8b, 0x11d2, { 0x85, 0xd4, 0x00, 0x10, 0x5a, 0x1f, 0x83, 0x04 } };
    static const struct guid login = { 0x8bc3f05e, 0xd86b, 0x11d0, { 0xa0, 0x75, 0x00, 0xc0, 0x4f, 0xb6, 0x88, 0x20 } };
    add_class(s, "WbemLevel1Login", create_login, login);
    add_class(s, "WbemShutdown", wmi_shutdown_create, shutdown);
    add_class(s, "WbemShutdown", wmi_shutdown_create, shutdown2);
    add_class(s, "UnsecuredApartment", wmi_apartment_create, apartment);
    if (s->settings.care) add_class(s, "WbemBackupRestore", wmi_backup_create, backup);
}

cimf_status wmi_server_new(const struct wmi_settings *settings, struct wmi_server **out, struct error *e)
{
    struct wmi_server *s = calloc(1, sizeof *s);
    *out = NULL;
    if (!s) return error_set(e, CIMF_OUT_OF_MEMORY, "wmi", "no memory");
    s->settings = *settings;
    if (!s->settings.window) s->settings.window = 256;
    if (!s->settings.sinks) s->settings.sinks = 5000;
    if (!s->settings.sinks_user) s->settings.sinks_user = 256;
    if (!s->settings.kept_bytes) s->settings.kept_bytes = (size_t)64 << 20;
    if (!s->settings.kept_total) s->settings.kept_total = (size_t)256 << 20;
    if (!s->settings.inputs_total) s->settings.inputs_total = (size_t)64 << 20;
    add_classes(s);
    pthread_mutex_init(&s->lock, NULL);
    pthread_mutex_init(&s->inputs_lock, NULL);
    map_init(&s->shares, false);
    *out = s;
    return CIMF_OK;
}

const struct dcom_class *wmi_server_classes(const struct wmi_server *s, unsigned *count)
{
    *count = s->class_count;
    return s->classes;
}

void wmi_server_free(struct wmi_server *s)
{
    if (!s) return;
    map_free(&s->shares);
    pthread_mutex_destroy(&s->inputs_lock);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

/* ---- timers ---- */

static void fired(struct wmi_wait *w)
{
    w->runs = false;
    w->fn(w);
}

static void loop_fired(struct loop_timer *t, void *arg)
{
    fired(arg);
}

void wmi_wait_start(struct wmi_wait *w, struct wmi_server *s, int64_t after_us, void (*fn)(struct wmi_wait *w))
{
    w->server = s;
    w->fn = fn;
    w->runs = true;
    if (s->settings.timers) {
        s->settings.timers->start(w, after_us);
        return;
    }
    loop_timer_init(&w->timer, loop_fired, w);
    loop_timer_start(loop_current(), &w->timer, after_us);
}

void wmi_wait_stop(struct wmi_wait *w)
{
    if (!w->runs) return;
    w->runs = false;
    if (w->server->settings.timers) w->server->settings.timers->stop(w);
    else loop_timer_stop(&w->timer);
}
