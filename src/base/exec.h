/*
 * base/exec.h - "run this over there": the one way work moves between threads. A loop thread and the
 * worker pool each offer one. The order of posts from one thread is kept (loops; the pool is unordered).
 */
#ifndef BASE_EXEC_H
#define BASE_EXEC_H

#include <stdbool.h>

struct exec {
    /* Any thread may call. Never runs fn before returning. false when shutting down or out of memory:
     * fn will not run and the caller keeps what arg owns. */
    bool (*post)(struct exec *self, void (*fn)(void *arg), void *arg);
    /* True on the thread that this executor runs its work on. */
    bool (*here)(struct exec *self);
};

static inline bool exec_post(struct exec *x, void (*fn)(void *), void *arg)
{
    return x->post(x, fn, arg);
}
static inline bool exec_here(struct exec *x) { return x->here(x); }

#endif
