/* provider/os.c - Win32_OperatingSystem: the Linux system that runs here. Memory sizes are
 * kilobytes. */
#include <inttypes.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include "base/clock.h"
#include "provider/host.h"
#include "provider/libsystemd.h"
#include "provider/locale.h"
#include "provider/mounts.h"
#include "provider/source.h"
#include "provider/table.h"
#include "provider/text.h"
#include "provider/users.h"

static void put_memory(struct cim_instance *out, struct arena *a)
{
    struct slice text;
    uint64_t total, available, swap_total = 0, swap_free = 0;
    if (!source_read(a, &text, "/proc/meminfo")) return;
    bool has_total = text_field_u64(text, "MemTotal", ':', &total);
    bool has_free = text_field_u64(text, "MemAvailable", ':', &available) ||
                    text_field_u64(text, "MemFree", ':', &available);
    bool has_swap = text_field_u64(text, "SwapTotal", ':', &swap_total) &&
                    text_field_u64(text, "SwapFree", ':', &swap_free);
    if (has_total) {
        cim_put_u64(out, "TotalVisibleMemorySize", total);
        cim_put_u64(out, "TotalVirtualMemorySize", total + swap_total);
    }
    if (has_free) {
        cim_put_u64(out, "FreePhysicalMemory", available);
        cim_put_u64(out, "FreeVirtualMemory", available + swap_free);
    }
    if (has_swap) {
        cim_put_u64(out, "SizeStoredInPagingFiles", swap_total);
        cim_put_u64(out, "FreeSpaceInPagingFiles", swap_free);
    }
}

/* The machine id itself is not for the network (machine-id(5)): a hash of it with our id is. */
static void put_serial(struct cim_instance *out)
{
    static const sd_id128_t app =
        SD_ID128_MAKE(6e, 4c, 1d, a3, 5b, 8f, 47, 02, 9d, 31, c0, 7a, e8, 55, b6, 1f);
    sd_id128_t id;
    char text[SD_ID128_STRING_MAX];
    const struct libsystemd *lib = source_is_real() ? libsystemd() : NULL;
    if (lib && lib->sd_id128_get_machine_app_specific(app, &id) >= 0)
        cim_put_strz(out, "SerialNumber", lib->sd_id128_to_string(id, text));
}

static void put_locale(struct cim_instance *out, struct arena *a)
{
    struct slice lang = locale_system(a);
    if (lang.n == 0) return;
    struct slice tag = locale_tag(a, lang);
    if (tag.n) cim_put_strv(out, "MUILanguages", &tag, 1);
    unsigned page = locale_code_page(lang);
    if (page) cim_put_str(out, "CodeSet", arena_printf(a, "%u", page));
    const struct locale_facts *f = locale_find(lang);
    if (!f) return;
    cim_put_str(out, "Locale", arena_printf(a, "%04x", f->lcid));
    cim_put_u64(out, "OSLanguage", f->lcid);
    cim_put_str(out, "CountryCode", arena_printf(a, "%u", f->phone));
}

/* "#48-Ubuntu SMP ..." : 48 */
static void put_build(struct cim_instance *out, struct arena *a)
{
    struct slice version;
    if (!source_text(a, &version, "/proc/sys/kernel/version")) return;
    struct slice digits = version;
    while (digits.n && digits.p[0] == '#') digits = slice_sub(digits, 1);
    uint64_t build;
    if (text_leading_u64(digits, &build))
        cim_put_str(out, "BuildNumber", arena_printf(a, "%" PRIu64, build));
    cim_put_strz(out, "BuildType",
                 text_has_word(version, "SMP") ? "Multiprocessor Free" : "Uniprocessor Free");
}

static void put_names(struct cim_instance *out, struct arena *a)
{
    struct slice caption = host_os_caption(a);
    cim_put_str(out, "Caption", caption);
    cim_put_str(out, "Name", caption);
    cim_put_str(out, "Version", host_os_version(a));
    cim_put_str(out, "CreationClassName", out->cls->name);
    cim_put_strz(out, "CSCreationClassName", HOST_COMPUTER_CLASS);
    cim_put_str(out, "CSName", host_name(a));
    struct slice maker = host_release(a, "VENDOR_NAME");
    if (maker.n == 0) maker = host_release(a, "NAME");
    if (maker.n) cim_put_str(out, "Manufacturer", maker);
    struct slice text, pretty;
    if (source_read(a, &text, "/etc/machine-info") &&
        text_field(text, "PRETTY_HOSTNAME", '=', &pretty)) {
        pretty = text_unquote(a, pretty);
        if (pretty.n) cim_put_str(out, "Description", text_clean(a, pretty));
    }
}

static void put_disks(struct cim_instance *out, struct arena *a)
{
    struct mount *list;
    size_t n;
    cim_put_strz(out, "SystemDrive", "/");
    if (!mounts_read(a, &list, &n)) return;
    const struct mount *root = mounts_at(list, n, SLICE("/"));
    const struct mount *boot = mounts_at(list, n, SLICE("/boot"));
    if (root && slice_starts(root->source, SLICE("/dev/")))
        cim_put_str(out, "SystemDevice", text_clean(a, root->source));
    if (!boot) boot = root;
    if (boot && slice_starts(boot->source, SLICE("/dev/")))
        cim_put_str(out, "BootDevice", text_clean(a, boot->source));
}

static void put_times(struct provider_call *c, struct cim_instance *out, struct arena *a)
{
    int64_t now = clock_wall_us(), boot = host_boot_us(a);
    host_put_time(out, "LocalDateTime", now);
    if (boot) host_put_time(out, "LastBootUpTime", boot);
    cim_put_i64(out, "CurrentTimeZone", clock_local_offset(now));
    char path[64];
    struct statx st;
    if (provider_wants(c, "InstallDate") && source_path(path, sizeof path, "/") &&
        statx(AT_FDCWD, path, 0, STATX_BTIME, &st) == 0 && (st.stx_mask & STATX_BTIME) &&
        st.stx_btime.tv_sec > 0)
        host_put_time(out, "InstallDate",
                      (int64_t)st.stx_btime.tv_sec * 1000000 + st.stx_btime.tv_nsec / 1000);
}

static void put_counts(struct provider_call *c, struct cim_instance *out, struct arena *a)
{
    uint64_t n;
    uint32_t users;
    if (provider_wants(c, "NumberOfProcesses") && source_count(source_is_number, &n, "/proc"))
        cim_put_u64(out, "NumberOfProcesses", n);
    if (provider_wants(c, "NumberOfUsers") && users_count(a, &users))
        cim_put_u64(out, "NumberOfUsers", users);
    if (source_u64(&n, "/proc/sys/kernel/pid_max")) cim_put_u64(out, "MaxNumberOfProcesses", n);
}

static cimf_status os_fill(struct provider_call *c, void *state, size_t row,
                           struct cim_instance *out)
{
    struct arena *a = c->scratch;
    struct utsname u;
    (void)state;
    (void)row;
    put_names(out, a);
    put_build(out, a);
    put_times(c, out, a);
    put_counts(c, out, a);
    put_memory(out, a);
    if (provider_wants(c, "SystemDevice") || provider_wants(c, "BootDevice") ||
        provider_wants(c, "SystemDrive"))
        put_disks(out, a);
    put_locale(out, a);
    if (provider_wants(c, "SerialNumber")) put_serial(out);
    if (uname(&u) == 0)
        cim_put_strz(out, "OSArchitecture",
                     strstr(u.machine, "64") || !strcmp(u.machine, "s390x") ? "64-bit" : "32-bit");
    cim_put_u64(out, "OSType", 36); /* LINUX */
    cim_put_u64(out, "ProductType", host_is_workstation(host_chassis()) ? 1 : 3);
    cim_put_bool(out, "Primary", true);
    cim_put_bool(out, "Distributed", false);
    struct slice cpu, flags;
    if (provider_wants(c, "DataExecutionPrevention_Available") &&
        source_read(a, &cpu, "/proc/cpuinfo") && text_field(cpu, "flags", ':', &flags))
        cim_put_bool(out, "DataExecutionPrevention_Available", text_has_word(flags, "nx"));
    cim_put_strz(out, "Status", "OK");
    return arena_status(a);
}

const struct provider_class provider_os = {
    .ns = "root/cimv2",
    .class_name = "Win32_OperatingSystem",
    .flags = PROVIDER_BLOCKING,
    .open = host_open_single,
    .fill = os_fill,
};
