/* provider/processor.c - Win32_Processor: one row a package (socket). Clocks are MHz, caches
 * kilobytes. */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/utsname.h>
#include <time.h>
#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#endif

#include "base/clock.h"
#include "provider/cpu.h"
#include "provider/host.h"
#include "provider/processor.h"
#include "provider/smbios.h"
#include "provider/source.h"
#include "provider/table.h"
#include "provider/text.h"

bool processor_ticks(struct slice stat, unsigned cpu, uint64_t *busy, uint64_t *total)
{
    char name[24];
    snprintf(name, sizeof name, "cpu%u", cpu);
    struct slice value;
    if (!text_field(stat, name, ' ', &value)) return false;
    *busy = *total = 0;
    for (int i = 0; i < 8; i++) { /* user nice system idle iowait irq softirq steal */
        uint64_t v;
        if (!text_u64(text_word(&value), &v)) break;
        *total += v;
        if (i != 3 && i != 4) *busy += v;
    }
    return *total > 0;
}

/* The load between two readings of /proc/stat. The last reading is shared by all calls: one between
 * half a second and two minutes old is good; without one a second reading is taken 200 ms later. */
static struct {
    pthread_mutex_t lock;
    int64_t taken_us;
    uint64_t busy[CPU_MAX], total[CPU_MAX];
} sample = { .lock = PTHREAD_MUTEX_INITIALIZER };

struct load {
    bool known;
    unsigned limit;
    uint64_t *busy, *total; /* of each processor, between two readings */
};

static bool take(struct arena *a, unsigned limit, uint64_t *busy, uint64_t *total)
{
    struct slice stat, line;
    if (!source_read(a, &stat, "/proc/stat")) return false;
    while (text_line(&stat, &line)) {
        uint64_t cpu;
        struct slice rest = slice_sub(line, 3);
        if (slice_starts(line, SLICE("cpu")) && text_u64(text_word(&rest), &cpu) && cpu < limit)
            processor_ticks(line, (unsigned)cpu, &busy[cpu], &total[cpu]);
    }
    return true;
}

static bool last_sample(const struct load *l)
{
    size_t bytes = l->limit * sizeof *l->busy;
    int64_t us = clock_mono_us();
    pthread_mutex_lock(&sample.lock);
    bool fresh =
        sample.taken_us && us - sample.taken_us > 500000 && us - sample.taken_us < 120000000;
    if (fresh) {
        memcpy(l->busy, sample.busy, bytes);
        memcpy(l->total, sample.total, bytes);
    }
    pthread_mutex_unlock(&sample.lock);
    return fresh;
}

static void take_load(struct arena *a, struct load *l)
{
    size_t bytes = l->limit * sizeof *l->busy;
    uint64_t *busy = ARENA_ARRAY(a, l->limit, uint64_t),
             *total = ARENA_ARRAY(a, l->limit, uint64_t);
    l->busy = ARENA_ARRAY(a, l->limit, uint64_t);
    l->total = ARENA_ARRAY(a, l->limit, uint64_t);
    if (!busy || !total || !l->busy || !l->total) return;
    if (!last_sample(l)) {
        if (!take(a, l->limit, l->busy, l->total)) return;
        nanosleep(&(struct timespec){ .tv_nsec = 200000000 }, NULL);
    }
    if (!take(a, l->limit, busy, total)) return;
    pthread_mutex_lock(&sample.lock);
    sample.taken_us = clock_mono_us();
    memcpy(sample.busy, busy, bytes);
    memcpy(sample.total, total, bytes);
    pthread_mutex_unlock(&sample.lock);
    for (size_t i = 0; i < l->limit; i++) {
        l->busy[i] = busy[i] - l->busy[i];
        l->total[i] = total[i] - l->total[i];
    }
    l->known = true;
}

struct processor_rows {
    struct cpu_facts facts;
    struct smbios tables;
    struct load *load;
};

static cimf_status processor_open(struct provider_call *c, void **state, size_t *rows)
{
    struct processor_rows *r = ARENA_NEW(c->arena, struct processor_rows);
    if (!r || !cpu_read(c->arena, &r->facts)) {
        *rows = 0;
        return r ? CIMF_OK : CIMF_OUT_OF_MEMORY;
    }
    if (!smbios_read(c->arena, &r->tables)) r->tables.table = SLICE("");
    *state = r;
    *rows = r->facts.count;
    return CIMF_OK;
}

struct package_sum {
    const struct load *load;
    unsigned package;
    uint64_t busy, total;
};

static bool add_load(unsigned cpu, void *arg)
{
    struct package_sum *s = arg;
    uint64_t id = 0;
    if (!source_u64(&id, "/sys/devices/system/cpu/cpu%u/topology/physical_package_id", cpu)) id = 0;
    if (id == s->package && cpu < s->load->limit) {
        s->busy += s->load->busy[cpu];
        s->total += s->load->total[cpu];
    }
    return true;
}

static void put_load(struct provider_call *c, struct processor_rows *r, const struct cpu_package *p,
                     struct cim_instance *out)
{
    struct slice online;
    if (!provider_wants(c, "LoadPercentage")) return;
    if (!r->load) {
        r->load = ARENA_NEW(c->arena, struct load);
        if (!r->load) return;
        r->load->limit = r->facts.limit;
        take_load(c->arena, r->load);
    }
    struct package_sum s = { .load = r->load, .package = p->id };
    if (!r->load->known || !source_read(c->scratch, &online, "/sys/devices/system/cpu/online") ||
        !cpu_list(online, add_load, &s) || s.total == 0 || s.busy > s.total)
        return;
    cim_put_u64(out, "LoadPercentage", (s.busy * 100 + s.total / 2) / s.total);
}

/* "2.60GHz" at the end of a model name. */
bool processor_name_mhz(struct slice name, uint64_t *mhz)
{
    size_t at = slice_find(name, '@');
    struct slice s = slice_trim(slice_sub(name, at + 1));
    if (s.n < 4 || !slice_ieq(slice_sub(s, s.n - 3), SLICE("GHz"))) return false;
    struct slice fraction, whole = slice_split(slice_head(s, s.n - 3), '.', &fraction);
    uint64_t w, f = 0;
    if (!text_u64(whole, &w) || w > 1000 || fraction.n > 3 ||
        (fraction.n && !text_u64(fraction, &f)))
        return false;
    for (size_t i = fraction.n; i < 3; i++) f *= 10;
    *mhz = w * 1000 + f;
    return true;
}

static void put_clocks(const struct cpu_package *p, struct slice name, const struct smbios_entry *e,
                       struct cim_instance *out)
{
    uint64_t now = 0, max = 0, khz;
    if (source_u64(&khz, "/sys/devices/system/cpu/cpu%u/cpufreq/scaling_cur_freq", p->first))
        now = khz / 1000;
    else if (!text_field_u64(p->block, "cpu MHz", ':', &now))
        text_field_u64(p->block, "clock", ':', &now);
    if (source_u64(&khz, "/sys/devices/system/cpu/cpu%u/cpufreq/cpuinfo_max_freq", p->first))
        max = khz / 1000;
    else if (!processor_name_mhz(name, &max) && !(e && smbios_number(e, 0x16, 2, &max) && max))
        max = now;
    if (now) cim_put_u64(out, "CurrentClockSpeed", now);
    if (max) cim_put_u64(out, "MaxClockSpeed", max);
}

/* What only firmware knows: SMBIOS type 4 (DSP0134 7.5). */
static void put_socket(const struct smbios_entry *e, struct cim_instance *out, struct arena *a)
{
    static const struct {
        const char *property;
        uint8_t at, bytes;
    } numbers[] = { { "ExtClock", 0x12, 2 },
                    { "UpgradeMethod", 0x19, 1 },
                    { "Characteristics", 0x26, 2 } };
    static const struct {
        const char *property;
        uint8_t at;
    } texts[] = { { "SocketDesignation", 0x04 },
                  { "SerialNumber", 0x20 },
                  { "AssetTag", 0x21 },
                  { "PartNumber", 0x22 } };
    uint64_t v;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        if (smbios_number(e, numbers[i].at, numbers[i].bytes, &v) && v)
            cim_put_u64(out, numbers[i].property, v);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct slice text = smbios_string(a, e, texts[i].at);
        if (text.n) cim_put_str(out, texts[i].property, text);
    }
    if (smbios_number(e, 0x06, 1, &v) && (v != 0xfe || smbios_number(e, 0x28, 2, &v)) && v)
        cim_put_u64(out, "Family", v);
    if (smbios_number(e, 0x11, 1, &v) && v & 0x80 && v & 0x7f)
        cim_put_u64(out, "CurrentVoltage", v & 0x7f); /* tenths of a volt */
}

/* EDX and EAX of CPUID leaf 1, as 16 hexadecimal digits. */
static void put_cpuid(struct cim_instance *out, struct arena *a)
{
#if defined(__x86_64__) || defined(__i386__)
    unsigned eax, ebx, ecx, edx;
    if (source_is_real() && __get_cpuid(1, &eax, &ebx, &ecx, &edx))
        cim_put_str(out, "ProcessorId", arena_printf(a, "%08X%08X", edx, eax));
#else
    (void)out;
    (void)a;
#endif
}

static void put_architecture(struct cim_instance *out, struct arena *a, struct slice block)
{
    static const struct {
        const char *machine, *name;
        int architecture, bits;
    } table[] = {
        { "x86_64", "x64", 9, 64 },      { "i386", "x86", 0, 32 },      { "i686", "x86", 0, 32 },
        { "aarch64", "ARM64", 12, 64 },  { "armv7l", "ARM", 5, 32 },    { "armv6l", "ARM", 5, 32 },
        { "ppc64le", "PowerPC", 3, 64 }, { "ppc64", "PowerPC", 3, 64 }, { "mips64", "MIPS", 1, 64 },
        { "ia64", "ia64", 6, 64 },
    };
    struct utsname u;
    if (uname(&u)) return;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (strcmp(u.machine, table[i].machine)) continue;
        cim_put_i64(out, "Architecture", table[i].architecture);
        cim_put_i64(out, "AddressWidth", table[i].bits);
        cim_put_i64(out, "DataWidth", table[i].bits);
        uint64_t family, model, stepping;
        if (!text_field_u64(block, "cpu family", ':', &family) ||
            !text_field_u64(block, "model", ':', &model) ||
            !text_field_u64(block, "stepping", ':', &stepping))
            break;
        struct slice maker = SLICE("");
        text_field(block, "vendor_id", ':', &maker);
        const char *prefix = table[i].bits == 32               ? "x86"
                             : slice_is(maker, "GenuineIntel") ? "Intel64"
                             : slice_is(maker, "AuthenticAMD") ? "AMD64"
                                                               : table[i].name;
        struct slice text =
            arena_printf(a, "%s Family %" PRIu64 " Model %" PRIu64 " Stepping %" PRIu64, prefix,
                         family, model, stepping);
        cim_put_str(out, "Caption", text);
        cim_put_str(out, "Description", text);
        cim_put_u64(out, "Level", family);
        cim_put_u64(out, "Revision", (model << 8 | stepping) & 0xffff);
        cim_put_str(out, "Stepping", arena_printf(a, "%" PRIu64, stepping));
    }
}

static void put_flags(struct cim_instance *out, struct slice block)
{
    struct slice flags;
    if (!text_field(block, "flags", ':', &flags)) return;
    bool virtualization = text_has_word(flags, "vmx") || text_has_word(flags, "svm");
    cim_put_bool(out, "VMMonitorModeExtensions", virtualization);
    cim_put_bool(out, "SecondLevelAddressTranslationExtensions",
                 text_has_word(flags, "ept") || text_has_word(flags, "npt"));
    /* the kernel hides the flag when firmware has switched the feature off */
    cim_put_bool(out, "VirtualizationFirmwareEnabled", virtualization);
}

static cimf_status processor_fill(struct provider_call *c, void *state, size_t row,
                                  struct cim_instance *out)
{
    struct processor_rows *r = state;
    const struct cpu_package *p = &r->facts.package[row];
    struct arena *a = c->scratch;
    struct smbios_entry e;
    struct slice rest = r->tables.table, name = SLICE(""), text;
    bool socket = false;
    for (size_t i = 0; i <= row && (socket = smbios_find(&rest, 4, &e)); i++) continue;
    cim_put_str(out, "DeviceID", arena_printf(a, "CPU%zu", row));
    host_put_device(out, a);
    if (text_field(p->block, "model name", ':', &name)) {
        name = text_clean(a, name);
        cim_put_str(out, "Name", name);
    } else if (text_field(r->facts.cpuinfo, "Model", ':', &text)) {
        cim_put_str(out, "Name", text_clean(a, text));
    }
    if (text_field(p->block, "vendor_id", ':', &text))
        cim_put_str(out, "Manufacturer", text_clean(a, text));
    cim_put_u64(out, "NumberOfCores", p->cores);
    cim_put_u64(out, "NumberOfEnabledCore", p->cores);
    cim_put_u64(out, "NumberOfLogicalProcessors", p->threads);
    cim_put_u64(out, "ThreadCount", p->threads);
    if (p->l2_kb) cim_put_u64(out, "L2CacheSize", p->l2_kb);
    if (p->l3_kb) cim_put_u64(out, "L3CacheSize", p->l3_kb);
    put_clocks(p, name, socket ? &e : NULL, out);
    put_architecture(out, a, p->block);
    put_flags(out, p->block);
    if (socket) put_socket(&e, out, a);
    if (provider_wants(c, "ProcessorId")) put_cpuid(out, a);
    put_load(c, r, p, out);
    cim_put_strz(out, "Role", "CPU");
    cim_put_u64(out, "ProcessorType", 3); /* central processor */
    cim_put_u64(out, "CpuStatus", 1);     /* enabled */
    cim_put_u64(out, "Availability", 3);  /* running */
    cim_put_u64(out, "StatusInfo", 3);    /* enabled */
    cim_put_strz(out, "Status", "OK");
    return arena_status(a);
}

const struct provider_class provider_processor = {
    .ns = "root/cimv2",
    .class_name = "Win32_Processor",
    .flags = PROVIDER_BLOCKING,
    .open = processor_open,
    .fill = processor_fill,
};
