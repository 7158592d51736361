/*
 * host/job.h - what can be asked of a process that runs as the caller's own user (host/host.h), and what it answers.
 * Plain data: object manager and providers pass it on without knowing how it travels.
 */
#ifndef HOST_JOB_H
#define HOST_JOB_H

#include "base/slice.h"
#include "base/status.h"

enum host_job_kind {
    HOST_JOB_NONE,
    HOST_SPAWN,  /* starts a program that goes on by itself: a session of its own, /dev/null as its files 0 to 2 */
    HOST_SIGNAL, /* sends a signal; the kernel decides */
    HOST_RUN,    /* runs a program to its end */
    HOST_JOB_COUNT
};

enum {
    HOST_WORDS = 512,             /* arguments, and variables, at most */
    HOST_TEXT = 96 << 10,         /* bytes of all texts of a request together */
    HOST_OUTPUT = 32 << 10,       /* bytes of out, and of err, at most */
    HOST_REASON = 1024,           /* bytes of text at most */
    HOST_RUN_LIMIT_MS = 600000,   /* longest timeout of HOST_RUN */
};

struct host_job {
    enum host_job_kind kind;
    /* HOST_SPAWN, HOST_RUN: the program (a path, or a name looked up in PATH) and its arguments. */
    const struct slice *argv;
    uint32_t argc;
    bool shell;                   /* argv is one text, a command line for /bin/sh */
    const struct slice *env;      /* "NAME=value", over the user's environment */
    uint32_t env_count;
    struct slice folder;          /* working folder, absolute or below the home folder; "": the home folder */
    struct slice input;           /* HOST_RUN: what it reads */
    uint32_t timeout_ms;          /* HOST_RUN: killed with its process group then, 1..HOST_RUN_LIMIT_MS */
    /* HOST_SIGNAL */
    int32_t pid;                  /* > 0: one process */
    int32_t signal;               /* 1..64 */
};

/* status: CIMF_OK, or why it was not done. CIMF_NOT_FOUND: no such program, folder or process; CIMF_ACCESS_DENIED:
 * the user may not; CIMF_TIMED_OUT; CIMF_INVALID_PARAMETER; CIMF_SERVER_TOO_BUSY. */
struct host_answer {
    cimf_status status;
    int32_t number;               /* errno, 0 if none */
    int32_t pid;                  /* HOST_SPAWN */
    int32_t exit_code;            /* HOST_RUN: 128 + signal when a signal ended it */
    bool truncated;               /* HOST_RUN: out or err was longer */
    struct slice out, err;        /* HOST_RUN: any bytes */
    struct slice text;            /* what went wrong, for people */
};

#endif
