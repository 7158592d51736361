/* provider/computer.c - Win32_ComputerSystem: this computer, real or virtual. Memory is bytes here.
 */
#include <sys/utsname.h>
#include <time.h>

#include "base/clock.h"
#include "provider/cpu.h"
#include "provider/dmi.h"
#include "provider/domain.h"
#include "provider/host.h"
#include "provider/smbios.h"
#include "provider/source.h"
#include "provider/table.h"
#include "provider/text.h"
#include "provider/users.h"

static void put(struct cim_instance *out, const char *name, struct slice text)
{
    if (text.n) cim_put_str(out, name, text);
}

/* Values of PCSystemType: 1 desktop, 2 mobile, 4 server. */
static unsigned system_type(unsigned chassis)
{
    if (chassis == 0 || chassis == 1 || chassis == 2) return 0;
    if ((chassis >= 8 && chassis <= 11) || chassis == 14 || (chassis >= 30 && chassis <= 32))
        return 2;
    return host_is_workstation(chassis) ? 1 : 4;
}

static void put_chassis(struct cim_instance *out, const struct smbios *tables, struct arena *a)
{
    static const char *const states[] = { "ChassisBootupState", "PowerSupplyState",
                                          "ThermalState" };
    struct slice rest = tables->table;
    struct smbios_entry e;
    uint64_t v;
    if (smbios_find(&rest, 3, &e))
        for (unsigned i = 0; i < 3; i++)
            if (smbios_number(&e, 0x09 + i, 1, &v) && v >= 1 && v <= 6)
                cim_put_u64(out, states[i], v);
    rest = tables->table;
    if (smbios_find(&rest, 1, &e) && smbios_number(&e, 0x18, 1, &v) && v <= 8)
        cim_put_u64(out, "WakeUpType", v);
    rest = tables->table;
    if (smbios_find(&rest, 24, &e) && smbios_number(&e, 0x04, 1, &v)) {
        cim_put_u64(out, "FrontPanelResetStatus", v & 3);
        cim_put_u64(out, "AdminPasswordStatus", v >> 2 & 3);
        cim_put_u64(out, "KeyboardPasswordStatus", v >> 4 & 3);
        cim_put_u64(out, "PowerOnPasswordStatus", v >> 6 & 3);
    }
    rest = tables->table;
    struct slice list[32];
    uint32_t n = 0;
    if (smbios_find(&rest, 11, &e))
        for (struct slice s = e.strings; s.n && n < 32; s = slice_sub(s, slice_find(s, 0) + 1)) {
            struct slice text = text_clean(a, slice_head(s, slice_find(s, 0)));
            if (text.n) list[n++] = text;
        }
    if (n) cim_put_strv(out, "OEMStringArray", list, n);
}

static void put_domain(struct cim_instance *out, struct arena *a)
{
    struct domain_facts d;
    domain_read(a, &d);
    bool workstation = host_is_workstation(host_chassis());
    put(out, "Domain", d.name);
    cim_put_bool(out, "PartOfDomain", d.joined);
    if (!d.joined) put(out, "Workgroup", d.workgroup);
    cim_put_u64(out, "DomainRole", (workstation ? 0 : 2) + (d.joined ? 1 : 0));
}

static void put_hardware(struct provider_call *c, struct cim_instance *out, struct arena *a)
{
    struct cpu_facts cpu;
    struct slice text;
    uint64_t kb;
    if (source_read(a, &text, "/proc/meminfo") && text_field_u64(text, "MemTotal", ':', &kb))
        cim_put_u64(out, "TotalPhysicalMemory", kb * 1024);
    if ((provider_wants(c, "NumberOfProcessors") ||
         provider_wants(c, "NumberOfLogicalProcessors") ||
         provider_wants(c, "HypervisorPresent")) &&
        cpu_read(a, &cpu)) {
        cim_put_u64(out, "NumberOfProcessors", cpu.count);
        cim_put_u64(out, "NumberOfLogicalProcessors", cpu.threads);
        if (text_field(cpu.cpuinfo, "flags", ':', &text))
            cim_put_bool(out, "HypervisorPresent", text_has_word(text, "hypervisor"));
    }
    unsigned type = system_type(host_chassis());
    if (type) {
        cim_put_u64(out, "PCSystemType", type);
        cim_put_u64(out, "PCSystemTypeEx", type);
    }
    struct utsname u;
    if (uname(&u) == 0)
        cim_put_str(out, "SystemType",
                    !strcmp(u.machine, "x86_64")    ? SLICE("x64-based PC")
                    : !strcmp(u.machine, "aarch64") ? SLICE("ARM64-based PC")
                    : u.machine[0] == 'i'           ? SLICE("X86-based PC")
                                                    : arena_printf(a, "%s-based PC", u.machine));
}

static void put_clock(struct cim_instance *out)
{
    int64_t now = clock_wall_us();
    time_t seconds = (time_t)(now / 1000000);
    struct tm tm;
    cim_put_i64(out, "CurrentTimeZone", clock_local_offset(now));
    if (localtime_r(&seconds, &tm) && tm.tm_isdst >= 0)
        cim_put_bool(out, "DaylightInEffect", tm.tm_isdst > 0);
}

static cimf_status computer_open(struct provider_call *c, void **state, size_t *rows)
{
    struct slice name;
    *state = NULL;
    *rows = !provider_key_text(c, "Name", &name) || slice_ieq(name, host_name(c->arena));
    return CIMF_OK;
}

static cimf_status computer_fill(struct provider_call *c, void *state, size_t row,
                                 struct cim_instance *out)
{
    struct arena *a = c->scratch;
    struct slice name = host_name(a), text;
    struct smbios tables;
    (void)state;
    (void)row;
    cim_put_str(out, "Name", name);
    cim_put_str(out, "Caption", name);
    cim_put_str(out, "DNSHostName", name);
    cim_put_str(out, "CreationClassName", out->cls->name);
    put(out, "Manufacturer", dmi_vendor(a));
    put(out, "Model", dmi_model(a));
    put(out, "SystemFamily", dmi_text(a, "product_family"));
    put(out, "SystemSKUNumber", dmi_text(a, "product_sku"));
    if (source_read(a, &text, "/proc/cmdline"))
        cim_put_strz(out, "BootupState",
                     text_has_word(text, "single") || text_has_word(text, "emergency") ||
                             text_has_word(text, "rescue") ||
                             text_has_word(text, "systemd.unit=rescue.target")
                         ? "Fail-safe boot"
                         : "Normal boot");
    put_domain(out, a);
    put_hardware(c, out, a);
    put_clock(out);
    if (provider_wants(c, "UserName")) {
        struct slice user = users_console(a);
        if (user.n)
            cim_put_str(
                out, "UserName",
                arena_printf(a, SLICE_FMT "\\" SLICE_FMT, SLICE_ARG(name), SLICE_ARG(user)));
    }
    if (smbios_read(a, &tables)) put_chassis(out, &tables, a);
    cim_put_strz(out, "Status", "OK");
    return arena_status(a);
}

const struct provider_class provider_computer = {
    .ns = "root/cimv2",
    .class_name = "Win32_ComputerSystem",
    .flags = PROVIDER_BLOCKING,
    .open = computer_open,
    .fill = computer_fill,
};
