/*
 * os/loop.h - event loops: one libuv loop on one thread, with a mailbox, timers and deferred calls.
 *
 * What belongs to a loop (handles, timers, connections) is touched on its thread only; other threads
 * reach it through loop_exec() or loop_call(). Order of ending a program: stop what feeds the loops
 * (listeners, clients), stop the worker pool (its results still arrive), stop the loops.
 */
#ifndef OS_LOOP_H
#define OS_LOOP_H

#include "base/exec.h"
#include "base/status.h"
#include "os/wheel.h"

struct loop;
struct uv_loop_s;

/* Creates a loop that does not run yet; posts wait until it does. name (15 bytes are kept) names the
 * thread. NULL with *e filled when the system refuses. */
struct loop *loop_new(const char *name, struct error *e);
/* Runs it on a thread of its own, all signals blocked there. Once at most. */
cimf_status loop_start(struct loop *l, struct error *e);
/* Or: runs it on the calling thread, until loop_stop. */
void loop_run(struct loop *l);
/*
 * Ends the loop; any thread, also its own; returns at once; again is harmless. From here posts are
 * refused. What was posted before still runs, then deferred calls; timers that have not fired are
 * dropped; libuv handles that somebody left open are closed without a callback, and the log says so.
 */
void loop_stop(struct loop *l);
/* Waits for the thread of loop_start (after loop_stop; not on that thread). */
void loop_join(struct loop *l);
/* After it ended (stops and joins if not). What was posted to a loop that never ran, runs here. */
void loop_free(struct loop *l);

/* The mailbox: any thread; one wake-up for a batch. post is false after loop_stop or out of memory. */
struct exec *loop_exec(struct loop *l);
/* Runs fn on the loop and waits for its end; at once when called there. false as post. The loop has to be
 * running: two loops that call each other would wait for ever, so only outside threads should. */
bool loop_call(struct loop *l, void (*fn)(void *arg), void *arg);
/* The loop whose thread this is, or NULL. */
struct loop *loop_current(void);
/* For handles; on the loop's thread (or before it runs). */
struct uv_loop_s *loop_uv(struct loop *l);

/* A call at the next turn: for freeing what the current callback's callers still hold. Cannot fail. The
 * task is embedded in what it frees; it may not be deferred again before it ran. Loop thread only. */
struct loop_task {
    struct loop_task *next;
    void (*fn)(void *arg);
    void *arg;
};
void loop_defer(struct loop *l, struct loop_task *t, void (*fn)(void *arg), void *arg);

/* Timers: embedded, O(1) to start and stop, so that each connection may restart one per request. Never
 * early; late by the granularity of 1 ms and what the loop is busy with. Loop thread only. */
struct loop_timer {
    struct wheel_timer node;
    struct loop *loop; /* while it runs */
    void (*fn)(struct loop_timer *t, void *arg);
    void *arg;
};
void loop_timer_init(struct loop_timer *t, void (*fn)(struct loop_timer *t, void *arg), void *arg);
/* Starts or restarts: fires once, never inside this call; 0 or less means the next turn. fn may start it
 * again or free its memory. */
void loop_timer_start(struct loop *l, struct loop_timer *t, int64_t after_us);
void loop_timer_stop(struct loop_timer *t); /* harmless when it does not run */
static inline bool loop_timer_active(const struct loop_timer *t) { return wheel_active(&t->node); }

/* A group of running loops, one thread each. */
struct loops;
/* count 0: as many as processors this process may use. All or none. */
struct loops *loops_new(unsigned count, const char *name, struct error *e);
unsigned loops_count(const struct loops *g);
struct loop *loops_at(const struct loops *g, unsigned i);
struct loop *const *loops_all(const struct loops *g);
/* Stops and joins all. Not on one of the loops. */
void loops_stop(struct loops *g);
void loops_free(struct loops *g); /* stops first if need be */
unsigned os_processors(void);     /* that this process may use; at least 1 */

#endif
