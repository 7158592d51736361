/* Preloaded into a process, moves its wall clock by SHIFT_SECONDS, for tickets that are over. Tests only. */
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

#pragma GCC visibility push(default) /* the project hides everything */

static time_t shift(void)
{
    const char *seconds = getenv("SHIFT_SECONDS");
    return seconds ? (time_t)atoll(seconds) : 0;
}

time_t time(time_t *out)
{
    struct timespec now;
    int (*real)(clockid_t, struct timespec *) = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    real(CLOCK_REALTIME, &now);
    now.tv_sec += shift();
    if (out) *out = now.tv_sec;
    return now.tv_sec;
}

int gettimeofday(struct timeval *restrict tv, void *restrict zone)
{
    int (*real)(struct timeval *restrict, void *restrict) =
        (int (*)(struct timeval *restrict, void *restrict))dlsym(RTLD_NEXT, "gettimeofday");
    int result = real(tv, zone);
    tv->tv_sec += shift();
    return result;
}

int clock_gettime(clockid_t id, struct timespec *ts)
{
    int (*real)(clockid_t, struct timespec *) = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(id, ts);
    if (id == CLOCK_REALTIME) ts->tv_sec += shift();
    return result;
}
