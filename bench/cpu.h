/* bench/cpu.h - clocks: ours, and the processor time of other processes. */
#ifndef BENCH_CPU_H
#define BENCH_CPU_H

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static inline int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Processor time of all threads of the processes ("pid,pid"), to the scheduler's nanosecond. */
static inline double cpu_seconds(const char *pids)
{
    double total = 0;
    for (const char *p = pids; p && *p; p = strchr(p, ',') ? strchr(p, ',') + 1 : NULL) {
        char path[320];
        snprintf(path, sizeof path, "/proc/%d/task", atoi(p));
        DIR *tasks = opendir(path);
        for (struct dirent *t; tasks && (t = readdir(tasks));) {
            unsigned long long ns = 0;
            snprintf(path, sizeof path, "/proc/%d/task/%s/schedstat", atoi(p), t->d_name);
            FILE *f = t->d_name[0] == '.' ? NULL : fopen(path, "r");
            if (f && fscanf(f, "%llu", &ns) == 1) total += (double)ns / 1e9;
            if (f) fclose(f);
        }
        if (tasks) closedir(tasks);
    }
    return total;
}

#endif
