/* os/thread.h - starting threads that leave signals to the main thread. */
#ifndef OS_THREAD_H
#define OS_THREAD_H

#include <pthread.h>

/* All signals are blocked in the new thread; name is cut to 15 bytes. 0 or an errno. */
int thread_start(pthread_t *thread, const char *name, void *(*run)(void *arg), void *arg);

#endif
