/*
 * base/exec.h - "run this over there": the one way work moves between threads. A loop thread and the
 * worker pool each offer one. The order of posts from one thread is kept (loops; the pool is unordered).
 */
#ifndef BASE_EXEC_H
#define BASE_EXEC_H

#include <stdbool.h>
#include <stdint.h>

struct exec {
    /* Any thread may call. Never runs fn before returning. false when shutting down or out of memory:
     * fn will not run and the caller keeps what arg owns. */
    bool (*post)(struct exec *self, void (*fn)(void *arg), void *arg);
    /* True on the thread that this executor runs its work on. */
    bool (*here)(struct exec *self);
    /* The same as post, for somebody: who shares its threads between owners (os/pool.h). NULL: owners make no difference. */
    bool (*post_for)(struct exec *self, uint64_t owner, void (*fn)(void *arg), void *arg);
};

static inline bool exec_post(struct exec *x, void (*fn)(void *), void *arg)
{
    return x->post(x, fn, arg);
}
/* owner: a key of whose work it is, well spread, as hash_bytes gives it; 0: our own. */
static inline bool exec_post_for(struct exec *x, uint64_t owner, void (*fn)(void *), void *arg)
{
    return x->post_for ? x->post_for(x, owner, fn, arg) : x->post(x, fn, arg);
}
static inline bool exec_here(struct exec *x) { return x->here(x); }

#endif
