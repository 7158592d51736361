/*
 * os/process.h - child processes. A child gets the descriptors it is given and no other, default signal
 * actions and an empty signal mask. Threads may spawn side by side.
 */
#ifndef OS_PROCESS_H
#define OS_PROCESS_H

#include <sys/types.h>

#include "base/buf.h"
#include "base/status.h"

struct process_spec {
    const char *const *argv; /* ends with NULL; argv[0] is a path, or a name looked up in PATH */
    const char *program;     /* what to run when argv[0] only names it; NULL: argv[0] */
    const char *const *env;  /* ends with NULL; NULL: the environment of this process */
    const char *folder;      /* working folder; NULL: the same */
    const int *fds;          /* descriptor i of the child is fds[i] of this process; -1: /dev/null */
    unsigned fd_count;       /* 0..PROCESS_FDS; those below 3 that are missing are /dev/null */
    bool session;            /* a new session and process group, so that kill(-pid) reaches all of it */
};
enum { PROCESS_FDS = 64 };

/* The caller waits for *pid. CIMF_NOT_FOUND when there is no such program. */
cimf_status process_spawn(const struct process_spec *spec, pid_t *pid, struct error *e);

/* A copy of this process instead, with these descriptors as 0..count-1 and no others: 0 in the copy, its pid here, -1
 * and an error. Only while there is one thread. */
pid_t process_fork(const int *fds, unsigned count, struct error *e);

struct process_result {
    int exit_code;   /* 128 + signal when a signal ended it, as shells say */
    int signal;      /* 0, or what ended it */
    bool timed_out;  /* killed at the deadline */
    bool truncated;  /* more output than the buffers take; the rest was read and dropped */
};

/*
 * Runs a program to its end: feeds input (fd 0), collects fd 1 into out and fd 2 into err (either NULL:
 * /dev/null; the same buffer for both: one stream). fds of the spec are ignored. When timeout_us passes, its
 * process group is killed and the answer is CIMF_TIMED_OUT; timeout_us <= 0: no limit. When the program has
 * ended, descendants that keep its output open are not waited for. Any exit code is CIMF_OK. Blocks.
 */
cimf_status process_run(const struct process_spec *spec, struct slice input, struct buf *out,
                        struct buf *err, int64_t timeout_us, struct process_result *result,
                        struct error *e);

/* Waits at most timeout_us (<= 0: for ever). CIMF_TIMED_OUT: it still runs. */
cimf_status process_wait(pid_t pid, int64_t timeout_us, struct process_result *result, struct error *e);

#endif
