/* provider/process.h - what process_stat.c reads from /proc, and the methods that change something. */
#ifndef PROVIDER_PROCESS_H
#define PROVIDER_PROCESS_H

#include "cimom/provider.h"

/* Fields of /proc/PID/stat (proc(5)) in the kernel's units. */
struct process_stat {
    uint32_t pid, parent, threads;
    struct slice name; /* borrowed from the text */
    char state;
    int nice;
    unsigned policy;
    uint64_t minor_faults, major_faults;
    uint64_t user_ticks, kernel_ticks, start_ticks;
    uint64_t virtual_bytes, resident_pages;
};

bool process_stat_parse(struct slice text, struct process_stat *out);
/* Windows base priority of a nice value and a scheduling policy (sched(7)). */
unsigned process_priority(int nice, unsigned policy);
/* Arguments separated by NUL as one line; SLICE_NULL when out of room. */
struct slice process_command_line(struct arena *a, struct slice raw);

/* Methods (process_change.c); out gets the ReturnValue. */
cimf_status process_create(struct provider_call *c, const struct cim_instance *in, struct cim_instance *out);
cimf_status process_terminate(struct provider_call *c, uint32_t pid, struct cim_instance *out);

#endif
