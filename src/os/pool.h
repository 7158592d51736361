/*
 * os/pool.h - worker threads for what blocks: files, hashing, user databases, blocking providers.
 * Threads come when work waits and none is idle, up to a maximum; they stay. Work is taken in order of
 * posting but runs side by side: no order is promised. Results go back by posting to the caller's loop.
 */
#ifndef OS_POOL_H
#define OS_POOL_H

#include "base/exec.h"
#include "base/status.h"

struct pool;

/* max_threads 0: twice the processors, at least 4. max_queue 0: 1024. name as of threads. */
struct pool *pool_new(const char *name, unsigned max_threads, size_t max_queue, struct error *e);
/* post here does not look at max_queue: for the next step of work that was admitted before. false when
 * stopping, out of memory, or when not even one thread can be had. */
struct exec *pool_exec(struct pool *p);
/* For new work: false also when max_queue pieces wait already; answer the caller "busy". */
bool pool_post_limited(struct pool *p, void (*fn)(void *arg), void *arg);
size_t pool_waiting(struct pool *p);
unsigned pool_threads(struct pool *p);
/* Refuses new work (also from its own workers), runs what waits, joins. Not on a worker. */
void pool_stop(struct pool *p);
void pool_free(struct pool *p); /* stops first if need be */

#endif
