#include "os/thread.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>

#include "os/loop.h"

struct beginning {
    void *(*run)(void *arg);
    void *arg;
    char name[16];
};

/* The thread names itself: for another to do it would need a file of /proc that a process which gave up root cannot
 * open. */
static void *begin(void *arg)
{
    struct beginning b = *(struct beginning *)arg;
    free(arg);
    prctl(PR_SET_NAME, b.name);
    return b.run(b.arg);
}

int thread_start(pthread_t *thread, const char *name, void *(*run)(void *arg), void *arg)
{
    sigset_t all, before;
    struct beginning *b = malloc(sizeof *b);
    if (!b) return ENOMEM;
    *b = (struct beginning){ .run = run, .arg = arg };
    snprintf(b->name, sizeof b->name, "%.15s", name ? name : "");
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(thread, NULL, begin, b);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed) free(b);
    return failed;
}

unsigned os_processors(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
    int n = CPU_COUNT(&set);
    return n > 0 ? (unsigned)n : 1;
}
