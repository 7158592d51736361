/* provider/cpu.h - processors as packages (sockets): /proc/cpuinfo and the topology in sysfs. */
#ifndef PROVIDER_CPU_H
#define PROVIDER_CPU_H

#include "base/arena.h"

#define CPU_MAX 8192

struct cpu_package {
    unsigned id;             /* physical_package_id */
    unsigned first;          /* number of its first logical processor */
    unsigned threads, cores; /* online ones */
    unsigned l2_kb, l3_kb;   /* sum of its caches, 0 if unknown */
    struct slice block;      /* lines of its first processor in /proc/cpuinfo */
};

struct cpu_facts {
    struct slice cpuinfo;
    unsigned threads; /* online logical processors */
    unsigned limit;   /* above the highest number of an online one */
    struct cpu_package *package;
    size_t count;
};

bool cpu_read(struct arena *a, struct cpu_facts *out);
/* Calls for the numbers of a list such as "0-3,8"; false when it is malformed. */
bool cpu_list(struct slice text, bool (*each)(unsigned cpu, void *arg), void *arg);
/* Lines of logical processor `number` in /proc/cpuinfo, n == 0 if it is not there. */
struct slice cpu_block(struct slice cpuinfo, unsigned number);
/* Flag of the first processor, x86 names ("hypervisor"). */
bool cpu_flag(struct slice cpuinfo, const char *flag);

#endif
