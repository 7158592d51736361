#include "os/thread.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>

#include "os/loop.h"

int thread_start(pthread_t *thread, const char *name, void *(*run)(void *arg), void *arg)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(thread, NULL, run, arg);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed) return failed;
    char cut[16];
    snprintf(cut, sizeof cut, "%.15s", name ? name : "");
    pthread_setname_np(*thread, cut);
    return 0;
}

unsigned os_processors(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
    int n = CPU_COUNT(&set);
    return n > 0 ? (unsigned)n : 1;
}
