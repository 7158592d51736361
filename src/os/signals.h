/*
 * os/signals.h - SIGTERM, SIGINT and SIGHUP as calls on a loop. There are no signal handlers. (Not named
 * signal.h: the compiler would take it for the system header.)
 */
#ifndef OS_SIGNALS_H
#define OS_SIGNALS_H

#include "base/status.h"

struct loop;
struct signals;

/* First thing in main, before any thread: blocks the three and ignores SIGPIPE. Children spawned by
 * os/process.h start with defaults again. */
void signals_block(void);
/* From now fn(signo, arg) runs on the loop for each of the three; some that came before it too. One at a
 * time in a process. Any thread; the loop runs. */
struct signals *signals_start(struct loop *l, void (*fn)(int signo, void *arg), void *arg,
                              struct error *e);
/* No call begins after this returns; frees. Before loop_stop; any thread but other loops'. */
void signals_stop(struct signals *s);

#endif
