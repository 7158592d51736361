/*
 * os/sandbox.h - what a process may still do, taken away from inside and for good.
 *
 * Files by Landlock (Linux 5.13, what the running kernel knows of it): everything not listed is out of reach, whoever
 * the process runs as; binding and connecting TCP sockets, signals to and abstract sockets of other processes too,
 * where the kernel can. System calls by seccomp: a list of what a network server needs; all else is EPERM. Neither
 * can execute a program, trace a process or open an internet socket.
 */
#ifndef OS_SANDBOX_H
#define OS_SANDBOX_H

#include "base/status.h"

struct sandbox_tree {
    const char *path; /* a folder with all below, or a file; what does not exist is skipped */
    bool write;
};

/* Also sets no_new_privs. Before the first other thread. *level: what the kernel has of it, 0: nothing, then this does
 * nothing. */
cimf_status sandbox_files(const struct sandbox_tree *trees, unsigned count, int *level, struct error *e);

enum sandbox_profile {
    SANDBOX_SERVER, /* accepts connections; sockets it opens: local ones and netlink */
    SANDBOX_BROKER, /* sockets it opens: local ones */
};
/* All threads. */
cimf_status sandbox_calls(enum sandbox_profile profile, struct error *e);

/* No core dumps; with hidden neither /proc/PID/mem and its like for processes of the same user. */
void sandbox_no_dumps(bool hidden);

#endif
