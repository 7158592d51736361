/*
 * provider/service.c - Win32_Service: one row a service unit; Name is the unit without ".service".
 * Where systemd does not run (a container), rows come from unit files and processes: Status is then
 * "Unknown" and Description says so.
 */
#include "provider/service.h"

#include <stdatomic.h>

#include "base/log.h"
#include "provider/host.h"
#include "provider/source.h"
#include "provider/systemd.h"
#include "provider/table.h"
#include "provider/text.h"
#include "provider/unitfiles.h"

struct service_rows {
    struct sd_bus *bus; /* NULL: unit files */
    struct service_unit *unit;
    struct unitfiles_process_list processes;
    unsigned always;  /* SYSTEMD_UNIT, SYSTEMD_SERVICE: wanted of every unit */
    bool names, mode; /* a name or StartMode is wanted: the list may know it */
};

#define WANTS(c, ...) wants_any(c, (const char *const[]){ __VA_ARGS__, NULL })

static bool wants_any(struct provider_call *c, const char *const *names)
{
    for (; *names; names++)
        if (provider_wants(c, *names)) return true;
    return false;
}

static void say_no_systemd(void)
{
    static atomic_flag said = ATOMIC_FLAG_INIT;
    if (!atomic_flag_test_and_set(&said))
        log_info("provider",
                 "systemd does not run here: services come from unit files and processes");
}

static cimf_status service_open(struct provider_call *c, void **state, size_t *rows)
{
    struct service_rows *r = ARENA_NEW(c->arena, struct service_rows);
    struct slice only = SLICE("");
    if (!r) return CIMF_OUT_OF_MEMORY;
    *rows = 0;
    *state = r;
    provider_key_text(c, "Name", &only);
    r->names = WANTS(c, "DisplayName", "Caption", "Description");
    r->mode = provider_wants(c, "StartMode");
    if (WANTS(c, "AcceptStop")) r->always |= SYSTEMD_UNIT;
    if (WANTS(c, "PathName", "ProcessId", "StartName", "ExitCode")) r->always |= SYSTEMD_SERVICE;
    if (systemd_runs()) {
        cimf_status s = systemd_open(&r->bus, c->error);
        if (!s) s = systemd_services(r->bus, c->arena, only, &r->unit, rows, c->error);
        if (s) systemd_close(r->bus);
        return s;
    }
    say_no_systemd();
    if (WANTS(c, "State", "Started", "ProcessId", "AcceptStop") &&
        !unitfiles_processes(c->arena, &r->processes))
        return CIMF_OUT_OF_MEMORY;
    return unitfiles_services(c->arena, only, &r->unit, rows) ? CIMF_OK : CIMF_OUT_OF_MEMORY;
}

static void service_close(struct provider_call *c, void *state)
{
    struct service_rows *r = state;
    (void)c;
    systemd_close(r->bus);
}

/* A unit of system.slice whose control group is frozen. */
static bool is_frozen(struct arena *a, struct slice unit)
{
    struct slice text;
    uint64_t frozen;
    return source_read(a, &text, "/sys/fs/cgroup/system.slice/" SLICE_FMT "/cgroup.events",
                       SLICE_ARG(unit)) &&
           text_field_u64(text, "frozen", ' ', &frozen) && frozen;
}

/* Windows code of a failure: what the program returned, or "terminated unexpectedly". */
static uint32_t exit_code(bool failed, const struct service_details *d)
{
    if (!failed) return 0;
    return slice_is(d->result, "exit-code") && d->status > 0 ? (uint32_t)d->status : 1067;
}

static void put_details(struct cim_instance *out, const struct service_details *d, bool running,
                        bool failed)
{
    const char *mode = service_start_mode(d->file_state, d->wanted);
    if (mode) cim_put_strz(out, "StartMode", mode);
    if (d->command.n) cim_put_str(out, "PathName", d->command);
    cim_put_str(out, "StartName",
                d->user.n && !slice_is(d->user, "root") ? d->user : SLICE("LocalSystem"));
    cim_put_u64(out, "ProcessId", d->pid);
    cim_put_u64(out, "ExitCode", exit_code(failed, d));
    cim_put_u64(out, "ServiceSpecificExitCode", 0);
    cim_put_strz(out, "ServiceType", "Own Process");
    cim_put_bool(out, "AcceptStop", running && d->can_stop);
}

/* What systemd knows beyond its list, as far as somebody wants it. */
static bool ask_systemd(const struct service_rows *r, struct arena *a, const struct service_unit *u,
                        struct service_details *d)
{
    unsigned what = r->always;
    if (r->names && u->description.n == 0) what |= SYSTEMD_UNIT;
    if (r->mode && (u->file_state.n == 0 || service_start_mode_open(u->file_state)))
        what |= SYSTEMD_UNIT;
    if (what && !systemd_details(r->bus, a, u, what, d)) return false;
    if (u->description.n) d->description = u->description;
    if (u->file_state.n) d->file_state = u->file_state;
    return true;
}

static void put_state(const struct service_rows *r, const struct service_unit *u,
                      const struct service_details *d, struct cim_instance *out, struct arena *a)
{
    const char *text = service_state(u->active);
    bool running = !strcmp(text, "Running"), failed = slice_is(u->active, "failed");
    if (running && r->bus && is_frozen(a, u->name)) text = "Paused";
    cim_put_strz(out, "State", text);
    cim_put_bool(out, "Started", running);
    cim_put_strz(out, "Status", !r->bus ? "Unknown" : failed ? "Degraded" : "OK");
    put_details(out, d, running, failed);
}

static cimf_status service_fill(struct provider_call *c, void *state, size_t row,
                                struct cim_instance *out)
{
    const struct service_rows *r = state;
    struct service_unit u = r->unit[row];
    struct service_details d = { .pid = 0 };
    struct arena *a = c->scratch;
    struct slice name = service_short_name(u.name);
    if (!(r->bus ? ask_systemd(r, a, &u, &d) : unitfiles_details(a, &u, &d)))
        return arena_status(a) ? CIMF_OUT_OF_MEMORY : CIMF_NOT_FOUND;
    if (!r->bus) {
        d.pid = unitfiles_running(a, &r->processes, d.command);
        if (d.pid) u.active = SLICE("active");
        d.can_stop = d.pid != 0;
    }
    struct slice shown = d.description.n ? d.description : name;
    cim_put_str(out, "Name", name);
    cim_put_str(out, "DisplayName", shown);
    cim_put_str(out, "Caption", shown);
    cim_put_str(out, "Description",
                r->bus ? shown
                       : arena_printf(a, SLICE_FMT " (from unit files: systemd does not run here)",
                                      SLICE_ARG(shown)));
    host_put_device(out, a);
    put_state(r, &u, &d, out, a);
    cim_put_bool(out, "AcceptPause", false);
    cim_put_bool(out, "DesktopInteract", false);
    cim_put_bool(out, "DelayedAutoStart", false);
    return arena_status(a);
}

static cimf_status service_invoke(struct provider_call *c, const struct cim_method *method,
                                  const struct cim_instance *target, const struct cim_instance *in,
                                  struct cim_instance *out)
{
    (void)in;
    if (slice_ieq(method->name, SLICE("StartService"))) return service_change(c, true, target, out);
    if (slice_ieq(method->name, SLICE("StopService"))) return service_change(c, false, target, out);
    return CIMF_METHOD_NOT_IMPLEMENTED;
}

const struct provider_class provider_service = {
    .ns = "root/cimv2",
    .class_name = "Win32_Service",
    .flags = PROVIDER_BLOCKING,
    .open = service_open,
    .fill = service_fill,
    .close = service_close,
    .invoke = service_invoke,
};
