#include "os/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static cimf_status fail(struct error *e, int number, const char *program)
{
    cimf_status status = number == ENOENT || number == ENOTDIR ? CIMF_NOT_FOUND
                         : number == EACCES                    ? CIMF_ACCESS_DENIED
                         : number == ENOMEM                    ? CIMF_OUT_OF_MEMORY
                                                               : CIMF_FAILED;
    error_errno(e, status, "os", number, "cannot start %s", program);
    error_subject(e, slice_str(program));
    return status;
}

/* Copies above every descriptor that the child is to have, so that dup2 in any order harms none. */
static int copies_make(const struct process_spec *spec, int copies[], unsigned n)
{
    int null = -1, number = 0;
    for (unsigned i = 0; i < n && !number; i++) {
        int from = i < spec->fd_count ? spec->fds[i] : -1;
        if (from < 0 && null < 0) null = open("/dev/null", O_RDWR | O_CLOEXEC);
        copies[i] = fcntl(from < 0 ? null : from, F_DUPFD_CLOEXEC, PROCESS_FDS);
        if (copies[i] < 0) number = errno;
    }
    if (null >= 0) close(null);
    return number;
}

static int actions_fill(posix_spawn_file_actions_t *actions, const struct process_spec *spec,
                        const int copies[], unsigned n)
{
    int number = 0;
    for (unsigned i = 0; i < n && !number; i++) {
        number = posix_spawn_file_actions_adddup2(actions, copies[i], (int)i);
    }
    if (!number) number = posix_spawn_file_actions_addclosefrom_np(actions, (int)n);
    if (!number && spec->folder) {
        number = posix_spawn_file_actions_addchdir_np(actions, spec->folder);
    }
    return number;
}

static int attributes_fill(posix_spawnattr_t *attributes, const struct process_spec *spec)
{
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    int flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
    if (spec->session) flags |= POSIX_SPAWN_SETSID;
    int number = posix_spawnattr_setflags(attributes, (short)flags);
    if (!number) number = posix_spawnattr_setsigmask(attributes, &none);
    if (!number) number = posix_spawnattr_setsigdefault(attributes, &all);
    return number;
}

cimf_status process_spawn(const struct process_spec *spec, pid_t *pid, struct error *e)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int copies[PROCESS_FDS];
    *pid = -1;
    if (!spec->argv || !spec->argv[0]) return fail(e, EINVAL, "a program without a name");
    const char *program = spec->program ? spec->program : spec->argv[0];
    if (spec->fd_count > PROCESS_FDS) return fail(e, EMFILE, program);
    unsigned n = spec->fd_count < 3 ? 3 : spec->fd_count;
    for (unsigned i = 0; i < n; i++) copies[i] = -1;
    int number = posix_spawn_file_actions_init(&actions);
    if (number) return fail(e, number, program);
    number = posix_spawnattr_init(&attributes);
    if (number) {
        posix_spawn_file_actions_destroy(&actions);
        return fail(e, number, program);
    }
    number = copies_make(spec, copies, n);
    if (!number) number = actions_fill(&actions, spec, copies, n);
    if (!number) number = attributes_fill(&attributes, spec);
    if (!number) { /* argv and env are not written to: POSIX says so, its prototype does not */
        number = posix_spawnp(pid, program, &actions, &attributes, (char *const *)spec->argv,
                              spec->env ? (char *const *)spec->env : environ);
    }
    for (unsigned i = 0; i < n; i++) {
        if (copies[i] >= 0) close(copies[i]);
    }
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    if (!number) return CIMF_OK;
    *pid = -1;
    return fail(e, number, program);
}

pid_t process_fork(const int *fds, unsigned count, struct error *e)
{
    const struct process_spec spec = { .fds = fds, .fd_count = count };
    int copies[PROCESS_FDS];
    for (unsigned i = 0; i < PROCESS_FDS; i++) copies[i] = -1;
    int number = count > PROCESS_FDS ? EMFILE : copies_make(&spec, copies, count);
    pid_t pid = number ? -1 : fork();
    if (pid < 0 && !number) number = errno;
    if (pid == 0) {
        for (unsigned i = 0; i < count; i++)
            if (dup2(copies[i], (int)i) < 0) _exit(127);
        closefrom((int)count);
        return 0;
    }
    for (unsigned i = 0; i < PROCESS_FDS; i++)
        if (copies[i] >= 0) close(copies[i]);
    if (number) fail(e, number, "a copy of this process");
    return number ? -1 : pid;
}
