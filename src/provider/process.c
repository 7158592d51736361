/*
 * provider/process.c - Win32_Process from /proc/PID (proc(5)). One folder per row; a process that
 * ends in between is CIMF_NOT_FOUND. Times are 100 ns, sizes bytes except where the class says
 * kilobytes. Files of other users' processes (io, fd, exe) are readable for root only: those
 * properties stay NULL.
 */
#include <inttypes.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "provider/host.h"
#include "provider/process.h"
#include "provider/source.h"
#include "provider/table.h"
#include "provider/text.h"

static unsigned execution_state(char state)
{
    switch (state) {
    case 'R': return 3;
    case 'S':
    case 'D':
    case 'I':
    case 'K':
    case 'W': return 4;
    case 'T':
    case 't': return 8;
    case 'Z':
    case 'X':
    case 'x': return 7;
    default: return 0;
    }
}

struct process_rows {
    struct slice *pids;
    int64_t boot_us;
    uint64_t tick; /* 100 ns units of a clock tick */
    uint64_t page;
    struct slice host, os_name, os_version;
};

/* /proc/N exists for threads too, though they are not listed: those are no rows. */
static bool is_process(struct arena *a, struct slice pid)
{
    struct slice text;
    uint64_t number, group;
    return source_is_number(pid) && pid.p[0] != '0' && text_u64(pid, &number) &&
           source_read(a, &text, "/proc/" SLICE_FMT "/status", SLICE_ARG(pid)) &&
           text_field_u64(text, "Tgid", ':', &group) && group == number;
}

static cimf_status process_open(struct provider_call *c, void **state, size_t *rows)
{
    struct process_rows *r = ARENA_NEW(c->arena, struct process_rows);
    struct slice pid;
    if (!r) return CIMF_OUT_OF_MEMORY;
    uint64_t number;
    bool by_number = provider_key_u64(c, "ProcessId", &number);
    if (by_number) pid = arena_printf(c->arena, "%" PRIu64, number);
    if (by_number || provider_key_text(c, "Handle", &pid)) {
        *rows = is_process(c->arena, pid);
        r->pids = ARENA_NEW(c->arena, struct slice);
        if (!r->pids) return CIMF_OUT_OF_MEMORY;
        *r->pids = arena_dup(c->arena, pid);
    } else if (!source_names(c->arena, source_is_number, &r->pids, rows, "/proc")) {
        return error_set(c->error, CIMF_PROVIDER_FAILURE, "provider", "/proc cannot be read");
    }
    r->boot_us = host_boot_us(c->arena);
    long hz = sysconf(_SC_CLK_TCK), page = sysconf(_SC_PAGESIZE);
    r->tick = 10000000u / (uint64_t)(hz > 0 ? hz : 100);
    r->page = page > 0 ? (uint64_t)page : 4096;
    r->host = host_name(c->arena);
    if (provider_wants(c, "OSName")) r->os_name = host_os_caption(c->arena);
    if (provider_wants(c, "WindowsVersion")) r->os_version = host_os_version(c->arena);
    *state = r;
    return CIMF_OK;
}

static void put_u32(struct cim_instance *out, const char *name, uint64_t v)
{
    cim_put_u64(out, name, v > UINT32_MAX ? UINT32_MAX : v);
}

static void put_stat(const struct process_rows *r, const struct process_stat *s,
                     struct cim_instance *out, struct arena *a)
{
    struct slice name = text_clean(a, s->name);
    cim_put_str(out, "Name", name);
    cim_put_str(out, "Caption", name);
    cim_put_str(out, "Description", name);
    cim_put_u64(out, "ProcessId", s->pid);
    cim_put_u64(out, "ParentProcessId", s->parent);
    cim_put_u64(out, "KernelModeTime", s->kernel_ticks * r->tick);
    cim_put_u64(out, "UserModeTime", s->user_ticks * r->tick);
    cim_put_u64(out, "ThreadCount", s->threads);
    cim_put_u64(out, "VirtualSize", s->virtual_bytes);
    cim_put_u64(out, "WorkingSetSize", s->resident_pages * r->page);
    put_u32(out, "PageFaults", s->minor_faults + s->major_faults);
    cim_put_u64(out, "Priority", process_priority(s->nice, s->policy));
    cim_put_u64(out, "ExecutionState", execution_state(s->state));
    if (r->boot_us)
        host_put_time(out, "CreationDate", r->boot_us + (int64_t)(s->start_ticks * r->tick / 10));
}

static void put_status(struct provider_call *c, struct slice pid, struct cim_instance *out)
{
    struct slice text;
    uint64_t v, swap;
    if (!provider_wants(c, "PeakVirtualSize") && !provider_wants(c, "PeakWorkingSetSize") &&
        !provider_wants(c, "PageFileUsage") && !provider_wants(c, "PrivatePageCount"))
        return;
    if (!source_read(c->scratch, &text, "/proc/" SLICE_FMT "/status", SLICE_ARG(pid))) return;
    if (text_field_u64(text, "VmPeak", ':', &v)) cim_put_u64(out, "PeakVirtualSize", v * 1024);
    if (text_field_u64(text, "VmHWM", ':', &v)) put_u32(out, "PeakWorkingSetSize", v);
    if (text_field_u64(text, "VmSwap", ':', &swap)) {
        put_u32(out, "PageFileUsage", swap);
        if (text_field_u64(text, "RssAnon", ':', &v))
            cim_put_u64(out, "PrivatePageCount", (v + swap) * 1024);
    }
}

static void put_io(struct provider_call *c, struct slice pid, struct cim_instance *out)
{
    static const char *const map[][2] = {
        { "rchar", "ReadTransferCount" },
        { "syscr", "ReadOperationCount" },
        { "wchar", "WriteTransferCount" },
        { "syscw", "WriteOperationCount" },
    };
    bool wanted = false;
    struct slice text;
    uint64_t v;
    for (size_t i = 0; i < 4; i++) wanted |= provider_wants(c, map[i][1]);
    if (!wanted || !source_read(c->scratch, &text, "/proc/" SLICE_FMT "/io", SLICE_ARG(pid)))
        return;
    for (size_t i = 0; i < 4; i++)
        if (text_field_u64(text, map[i][0], ':', &v)) cim_put_u64(out, map[i][1], v);
}

static void put_files(struct provider_call *c, struct slice pid, struct cim_instance *out)
{
    struct slice text;
    uint64_t n;
    if (provider_wants(c, "CommandLine") &&
        source_read(c->scratch, &text, "/proc/" SLICE_FMT "/cmdline", SLICE_ARG(pid)) && text.n)
        cim_put_str(out, "CommandLine", process_command_line(c->scratch, text));
    if (provider_wants(c, "ExecutablePath") &&
        source_link(c->scratch, &text, "/proc/" SLICE_FMT "/exe", SLICE_ARG(pid))) {
        struct slice gone = SLICE(" (deleted)");
        if (text.n > gone.n && slice_eq(slice_sub(text, text.n - gone.n), gone)) text.n -= gone.n;
        cim_put_str(out, "ExecutablePath", text_clean(c->scratch, text));
    }
    if (provider_wants(c, "HandleCount") &&
        source_count(NULL, &n, "/proc/" SLICE_FMT "/fd", SLICE_ARG(pid)))
        put_u32(out, "HandleCount", n);
    if (provider_wants(c, "SessionId") &&
        source_u64(&n, "/proc/" SLICE_FMT "/sessionid", SLICE_ARG(pid)))
        put_u32(out, "SessionId", n == UINT32_MAX ? 0 : n); /* 0: the session of services */
}

static cimf_status process_fill(struct provider_call *c, void *state, size_t row,
                                struct cim_instance *out)
{
    const struct process_rows *r = state;
    struct slice pid = r->pids[row], text;
    struct process_stat s;
    if (!source_read(c->scratch, &text, "/proc/" SLICE_FMT "/stat", SLICE_ARG(pid)) ||
        !process_stat_parse(text, &s))
        return CIMF_NOT_FOUND;
    cim_put_str(out, "Handle", pid);
    cim_put_str(out, "CreationClassName", out->cls->name);
    cim_put_strz(out, "CSCreationClassName", HOST_COMPUTER_CLASS);
    cim_put_str(out, "CSName", r->host);
    cim_put_strz(out, "OSCreationClassName", HOST_OS_CLASS);
    if (r->os_name.n) cim_put_str(out, "OSName", r->os_name);
    if (r->os_version.n) cim_put_str(out, "WindowsVersion", r->os_version);
    put_stat(r, &s, out, c->scratch);
    put_status(c, pid, out);
    put_io(c, pid, out);
    put_files(c, pid, out);
    return arena_status(c->scratch);
}

/* GetOwner and GetOwnerSid: the owner of the process folder is the effective user. */
static cimf_status put_owner(struct provider_call *c, struct slice pid, bool by_name, struct cim_instance *out)
{
    char path[PATH_MAX], room[16384];
    struct stat st;
    if (!source_path(path, sizeof path, "/proc/" SLICE_FMT, SLICE_ARG(pid)) || stat(path, &st))
        return CIMF_NOT_FOUND;
    if (!by_name) {
        cim_put_str(out, "Sid", host_user_sid(c->scratch, st.st_uid));
    } else {
        struct passwd pw, *found = NULL;
        if (getpwuid_r(st.st_uid, &pw, room, sizeof room, &found) || !found)
            cim_put_str(out, "User", arena_printf(c->scratch, "%u", st.st_uid));
        else
            cim_put_str(out, "User", text_clean(c->scratch, slice_str(found->pw_name)));
        cim_put_str(out, "Domain", host_name(c->scratch));
    }
    cim_put_u64(out, "ReturnValue", 0);
    return arena_status(c->scratch);
}

static cimf_status process_invoke(struct provider_call *c, const struct cim_method *method,
                                  const struct cim_instance *target, const struct cim_instance *in,
                                  struct cim_instance *out)
{
    struct cim_value handle;
    uint64_t number;
    if (!out) return CIMF_INVALID_METHOD_PARAMETERS;
    if (slice_ieq(method->name, SLICE("Create"))) return process_create(c, in, out);
    if (!target || cim_get_named(c->scratch, target, SLICE("Handle"), &handle) || handle.null)
        return CIMF_INVALID_METHOD_PARAMETERS;
    if (!source_is_number(handle.v.s) || !text_u64(handle.v.s, &number) || number > INT32_MAX)
        return CIMF_NOT_FOUND;
    if (slice_ieq(method->name, SLICE("GetOwner"))) return put_owner(c, handle.v.s, true, out);
    if (slice_ieq(method->name, SLICE("GetOwnerSid"))) return put_owner(c, handle.v.s, false, out);
    if (slice_ieq(method->name, SLICE("Terminate")))
        return process_terminate(c, (uint32_t)number, out);
    return CIMF_METHOD_NOT_IMPLEMENTED;
}

const struct provider_class provider_process = {
    .ns = "root/cimv2",
    .class_name = "Win32_Process",
    .flags = PROVIDER_BLOCKING,
    .open = process_open,
    .fill = process_fill,
    .invoke = process_invoke,
};
