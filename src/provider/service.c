/*
 * provider/service.c - Win32_Service: one row a service unit; Name is the unit without ".service". Where
 * systemd does not run (a container), rows come from unit files and processes: Status is then "Unknown" and
 * Description says so.
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
    struct slice host;
    bool details; /* some property that only the unit itself knows is wanted */
};

static bool wants_any(struct provider_call *c, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (provider_wants(c, names[i])) return true;
    return false;
}

static void say_no_systemd(void)
{
    static atomic_flag said = ATOMIC_FLAG_INIT;
    if (!atomic_flag_test_and_set(&said))
        log_info("provider", "systemd does not run here: services come from unit files and processes");
}

static cimf_status service_open(struct provider_call *c, void **state, size_t *rows)
{
    static const char *const of_unit[] = { "PathName", "ProcessId", "StartName", "ExitCode", "ServiceType",
                                           "AcceptStop", "StartMode", "Status", "ServiceSpecificExitCode" };
    static const char *const of_process[] = { "State", "Started", "ProcessId", "AcceptStop" };
    static const char *const of_file[] = { "DisplayName", "Caption", "Description" };
    struct service_rows *r = ARENA_NEW(c->arena, struct service_rows);
    struct slice only = SLICE("");
    if (!r) return CIMF_OUT_OF_MEMORY;
    *rows = 0;
    *state = r;
    provider_key_text(c, "Name", &only);
    r->host = host_name(c->arena);
    r->details = wants_any(c, of_unit, sizeof of_unit / sizeof of_unit[0]);
    if (systemd_runs()) {
        cimf_status s = systemd_open(&r->bus, c->error);
        if (!s) s = systemd_services(r->bus, c->arena, only, &r->unit, rows, c->error);
        if (s) systemd_close(r->bus);
        return s;
    }
    say_no_systemd();
    bool processes = wants_any(c, of_process, sizeof of_process / sizeof of_process[0]);
    r->details |= processes || wants_any(c, of_file, sizeof of_file / sizeof of_file[0]);
    if (processes && !unitfiles_processes(c->arena, &r->processes)) return CIMF_OUT_OF_MEMORY;
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
    return source_read(a, &text, "/sys/fs/cgroup/system.slice/" SLICE_FMT "/cgroup.events", SLICE_ARG(unit)) &&
           text_field_u64(text, "frozen", ' ', &frozen) && frozen;
}

/* Windows code of a failure: what the program returned, or "terminated unexpectedly". */
static uint32_t exit_code(bool failed, const struct service_details *d)
{
    if (!failed) return 0;
    return slice_is(d->result, "exit-code") && d->status > 0 ? (uint32_t)d->status : 1067;
}

static void put_details(struct cim_instance *out, const struct service_unit *u,
                        const struct service_details *d, bool running, bool failed)
{
    const char *mode = service_start_mode(u->file_state.n ? u->file_state : d->file_state, d->wanted);
    if (mode) cim_put_strz(out, "StartMode", mode);
    if (d->command.n) cim_put_str(out, "PathName", d->command);
    cim_put_str(out, "StartName", d->user.n && !slice_is(d->user, "root") ? d->user : SLICE("LocalSystem"));
    cim_put_u64(out, "ProcessId", d->pid);
    cim_put_u64(out, "ExitCode", exit_code(failed, d));
    cim_put_u64(out, "ServiceSpecificExitCode", 0);
    cim_put_strz(out, "ServiceType", "Own Process");
    cim_put_bool(out, "AcceptStop", running && d->can_stop);
}

static cimf_status service_fill(struct provider_call *c, void *state, size_t row,
                                struct cim_instance *out)
{
    const struct service_rows *r = state;
    struct service_unit u = r->unit[row];
    struct service_details d = { .pid = 0 };
    struct arena *a = c->scratch;
    struct slice name = service_short_name(u.name), shown = u.description;
    if (r->details) {
        if (!(r->bus ? systemd_details(r->bus, a, &u, &d) : unitfiles_details(a, &u, &d)))
            return arena_status(a) ? CIMF_OUT_OF_MEMORY : CIMF_NOT_FOUND;
        if (shown.n == 0) shown = d.description;
    }
    if (!r->bus) {
        d.pid = unitfiles_running(a, &r->processes, d.command);
        if (d.pid) u.active = SLICE("active");
        d.can_stop = d.pid != 0;
        u.file_state = d.file_state; /* the list's own word may be "static-wanted" */
    } else if (shown.n == 0 && (provider_wants(c, "DisplayName") || provider_wants(c, "Caption") ||
                                provider_wants(c, "Description"))) {
        struct service_details unloaded;
        if (systemd_details(r->bus, a, &u, &unloaded)) shown = unloaded.description;
    }
    const char *text = service_state(u.active);
    bool running = !strcmp(text, "Running"), failed = slice_is(u.active, "failed");
    if (running && r->bus && is_frozen(a, u.name)) text = "Paused";
    if (shown.n == 0) shown = name;
    cim_put_str(out, "Name", name);
    cim_put_str(out, "DisplayName", shown);
    cim_put_str(out, "Caption", shown);
    cim_put_str(out, "Description",
                r->bus ? shown
                       : arena_printf(a, SLICE_FMT " (from unit files: systemd does not run here)",
                                      SLICE_ARG(shown)));
    host_put_device(out, a);
    cim_put_strz(out, "State", text);
    cim_put_bool(out, "Started", running);
    cim_put_strz(out, "Status", !r->bus ? "Unknown" : failed ? "Degraded" : "OK");
    cim_put_bool(out, "AcceptPause", false);
    cim_put_bool(out, "DesktopInteract", false);
    cim_put_bool(out, "DelayedAutoStart", false);
    if (r->details) put_details(out, &u, &d, running, failed);
    return arena_status(a);
}

const struct provider_class provider_service = {
    .ns = "root/cimv2", .class_name = "Win32_Service", .flags = PROVIDER_BLOCKING,
    .open = service_open, .fill = service_fill, .close = service_close,
};
