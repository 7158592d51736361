/*
 * os/pool.h - worker threads for what blocks: files, hashing, user databases, blocking providers.
 * Threads come when work waits that may run and none is idle, up to a maximum; they stay. Results go back by
 * posting to the caller's loop.
 *
 * Work has an owner: a key of the account, or the address, that it is done for (exec_post_for); what exec_post brings
 * is our own, owner 0. Owners that have work are served in turn, so that who has one piece of it waits for one piece of
 * each other one, however many those have. An owner's own work is taken in the order of posting but runs side by
 * side: no order is promised.
 *
 * Nobody's work that hangs holds all threads (the rule of base/share.h, rounded so that it makes sense of few): an owner has
 * half of the threads at most; when three quarters are busy, the others are for owners that have less than an eighth, or
 * nothing. So of eight threads one account that hangs holds four, a second one two, and two are left for others.
 * Half, and not three quarters: pools have two threads a processor, so that an account by itself still keeps all processors
 * busy, and two accounts cannot hold what all have. Of fewer than eight it is three, or all but one: two calls that hang in
 * one broken provider (then cimom suspends it) leave even a single account something. Who is given no turn now waits until
 * a piece of its own work, or somebody else's, is over. Our own work is bounded by whoever posts it and comes under no rule
 * but the turn.
 *
 * Post and take cost the same however much waits. Memory: a record of each piece of work that waits and of each owner
 * that has any; of one owner other than 0 no more than max_queue pieces may wait.
 */
#ifndef OS_POOL_H
#define OS_POOL_H

#include "base/exec.h"
#include "base/status.h"

struct pool;

/* max_threads 0: twice the processors, at least 8. max_queue 0: 1024. name as of threads. */
struct pool *pool_new(const char *name, unsigned max_threads, size_t max_queue, struct error *e);
/* post here does not look at max_queue: for the next step of work that was admitted before. false when
 * stopping, out of memory, or when not even one thread can be had. post_for also when max_queue pieces of that owner (not
 * 0) wait: answer "busy". */
struct exec *pool_exec(struct pool *p);
/* For new work: false also when max_queue pieces wait already; answer the caller "busy". */
bool pool_post_limited(struct pool *p, void (*fn)(void *arg), void *arg);
size_t pool_waiting(struct pool *p);
unsigned pool_threads(struct pool *p);
/* Refuses new work (also from its own workers), runs what waits, by the same rules, joins. Not on a worker. */
void pool_stop(struct pool *p);
void pool_free(struct pool *p); /* stops first if need be */

#endif
