#include "provider/cpu.h"

#include <stdio.h>

#include "provider/source.h"
#include "provider/text.h"

bool cpu_list(struct slice text, bool (*each)(unsigned cpu, void *arg), void *arg)
{
    text = slice_trim(text);
    while (text.n) {
        struct slice rest, last, first = slice_split(text, ',', &rest);
        uint64_t from, to;
        first = slice_split(first, '-', &last);
        if (!text_u64(first, &from)) return false;
        to = from;
        if (last.p && !text_u64(last, &to)) return false;
        if (to < from || to >= CPU_MAX) return false;
        for (uint64_t i = from; i <= to; i++)
            if (!each((unsigned)i, arg)) return true;
        text = rest;
    }
    return true;
}

struct slice cpu_block(struct slice cpuinfo, unsigned number)
{
    struct slice line, rest = cpuinfo;
    const char *start = NULL;
    while (text_line(&rest, &line)) {
        struct slice value;
        uint64_t id;
        if (!slice_starts(line, SLICE("processor")) ||
            !text_field(line, "processor", ':', &value) || !text_u64(value, &id))
            continue;
        if (start) return slice_of(start, (size_t)(line.p - start));
        if (id == number) start = line.p;
    }
    return start ? slice_of(start, (size_t)(cpuinfo.p + cpuinfo.n - start)) : SLICE("");
}

bool cpu_flag(struct slice cpuinfo, const char *flag)
{
    struct slice flags;
    return text_field(cpuinfo, "flags", ':', &flags) && text_has_word(flags, flag);
}

/* What is counted while the online processors are walked. */
struct walk {
    struct arena *arena;
    struct cpu_facts *out;
    uint32_t *core; /* of each processor seen: package and core, to count cores once */
};

static bool first_of(const char *file, unsigned cpu, struct arena *a)
{
    struct slice text;
    uint64_t first;
    return !source_read(a, &text, "/sys/devices/system/cpu/cpu%u/%s", cpu, file) ||
           !text_leading_u64(text, &first) || first == cpu;
}

/* A cache is counted at the first processor of those that share it. */
static void add_caches(struct walk *w, struct cpu_package *p, unsigned cpu)
{
    for (unsigned i = 0; i < 8; i++) {
        uint64_t level, size;
        char file[64];
        if (!source_u64(&level, "/sys/devices/system/cpu/cpu%u/cache/index%u/level", cpu, i)) break;
        if (level != 2 && level != 3) continue;
        if (!source_u64(&size, "/sys/devices/system/cpu/cpu%u/cache/index%u/size", cpu, i))
            continue;
        snprintf(file, sizeof file, "cache/index%u/shared_cpu_list", i);
        if (!first_of(file, cpu, w->arena)) continue;
        if (level == 2)
            p->l2_kb += (unsigned)size;
        else
            p->l3_kb += (unsigned)size;
    }
}

static struct cpu_package *package_of(struct walk *w, unsigned id)
{
    struct cpu_facts *f = w->out;
    for (size_t i = 0; i < f->count; i++)
        if (f->package[i].id == id) return &f->package[i];
    if (f->count == f->limit) return NULL;
    f->package[f->count].id = id;
    return &f->package[f->count++];
}

static bool add_cpu(unsigned cpu, void *arg)
{
    struct walk *w = arg;
    uint64_t id = 0, core = cpu;
    struct slice block = cpu_block(w->out->cpuinfo, cpu);
    if (!source_u64(&id, "/sys/devices/system/cpu/cpu%u/topology/physical_package_id", cpu))
        text_field_u64(block, "physical id", ':', &id);
    if (!source_u64(&core, "/sys/devices/system/cpu/cpu%u/topology/core_id", cpu))
        text_field_u64(block, "core id", ':', &core);
    struct cpu_package *p = w->out->threads < w->out->limit ? package_of(w, (unsigned)id) : NULL;
    if (!p) return false; /* a list that names a processor twice */
    if (p->threads++ == 0) {
        p->first = cpu;
        p->block = block;
    }
    uint32_t mark = (uint32_t)(id & 0xffff) << 16 | (uint32_t)(core & 0xffff);
    bool seen = false;
    for (unsigned i = 0; i < w->out->threads && !seen; i++) seen = w->core[i] == mark;
    p->cores += !seen;
    w->core[w->out->threads++] = mark;
    add_caches(w, p, cpu);
    return true;
}

static bool raise_limit(unsigned cpu, void *arg)
{
    struct walk *w = arg;
    if (cpu >= w->out->limit) w->out->limit = cpu + 1;
    return true;
}

/* Every processor that /proc/cpuinfo lists. */
static bool each_listed(struct slice rest, bool (*each)(unsigned cpu, void *arg), void *arg)
{
    struct slice line;
    uint64_t number;
    while (text_line(&rest, &line))
        if (slice_starts(line, SLICE("processor")) &&
            text_field_u64(line, "processor", ':', &number) && number < CPU_MAX &&
            !each((unsigned)number, arg))
            break;
    return true;
}

bool cpu_read(struct arena *a, struct cpu_facts *out)
{
    struct slice online;
    memset(out, 0, sizeof *out);
    struct walk w = { .arena = a, .out = out };
    if (!source_read(a, &out->cpuinfo, "/proc/cpuinfo")) out->cpuinfo = SLICE("");
    bool listed = source_read(a, &online, "/sys/devices/system/cpu/online") &&
                  cpu_list(online, raise_limit, &w) && out->limit;
    if (!listed) each_listed(out->cpuinfo, raise_limit, &w);
    if (out->limit == 0) return false;
    w.core = ARENA_ARRAY(a, out->limit, uint32_t);
    out->package = ARENA_ARRAY(a, out->limit, struct cpu_package);
    if (!w.core || !out->package) return false;
    if (listed)
        cpu_list(online, add_cpu, &w);
    else
        each_listed(out->cpuinfo, add_cpu, &w);
    return out->threads > 0;
}
