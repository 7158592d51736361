#include "daemon/role_host.h"

#include <errno.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/host_main.h"
#include "host/host_message.h"
#include "os/identity.h"

enum { USER_ROOM = 65536, VARIABLES = 6 };

struct user {
    char room[USER_ROOM], number[16];
    const char *name, *home, *shell;
    bool known; /* to the user database */
};

static void find_user(uid_t uid, struct user *u)
{
    struct passwd p, *found = NULL;
    u->known = getpwuid_r(uid, &p, u->room, sizeof u->room, &found) == 0 && found;
    snprintf(u->number, sizeof u->number, "%u", (unsigned)uid);
    u->name = u->known ? p.pw_name : u->number;
    u->home = u->known && p.pw_dir[0] == '/' ? p.pw_dir : "/";
    u->shell = u->known && p.pw_shell[0] == '/' ? p.pw_shell : "/bin/sh";
}

static void fail(const struct error *e)
{
    struct buf b;
    struct host_message m = { .what = HOST_ANSWERS };
    m.answer = (struct host_answer){ .status = e->status, .number = (int32_t)e->native, .text = slice_str(error_text(e)) };
    buf_init(&b, 0);
    if (host_message_write(&b, &m, NULL) == CIMF_OK && send(ROLE_HOST_FD, b.p, b.n, MSG_NOSIGNAL) < 0) _exit(3);
    _exit(1);
}

/* What the service manager gave the daemon is not for users' programs. A limit that cannot be set stays. */
static void limits(void)
{
    struct rlimit l;
    if (getrlimit(RLIMIT_NOFILE, &l) == 0 && l.rlim_cur > 1024) {
        l.rlim_cur = 1024;
        setrlimit(RLIMIT_NOFILE, &l);
    }
    if (getrlimit(RLIMIT_CORE, &l) == 0) {
        l.rlim_cur = 0;
        setrlimit(RLIMIT_CORE, &l);
    }
}

static cimf_status become(const struct user *u, uid_t uid, gid_t gid, bool root, pid_t supervisor, struct error *e)
{
    setsid();
    umask(077);
    limits();
    cimf_status status = CIMF_OK;
    if (root) status = identity_enter(u->known ? u->name : NULL, uid, gid, e);
    else if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || getuid() != uid || geteuid() != uid)
        status = error_set(e, CIMF_ACCESS_DENIED, "host", "this process is not user %u", (unsigned)uid);
    if (status != CIMF_OK) return status;
    /* After the change of user, which clears it. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != supervisor)
        return error_set(e, CIMF_SHUTTING_DOWN, "host", "the supervisor has ended");
    if (chdir(u->home) != 0 && chdir("/") != 0) return error_errno(e, CIMF_FAILED, "host", errno, "cannot go to the home folder");
    closefrom(ROLE_HOST_FD + 1); /* of the user database */
    return CIMF_OK;
}

void role_host_become(uid_t uid, gid_t gid, int root, pid_t supervisor)
{
    static struct user u;
    static char text[VARIABLES][4200];
    char *argv[] = { "cimd-host", ROLE_HOST_OPTION, NULL }, *env[VARIABLES + 1] = { NULL };
    struct error e = ERROR_INIT;
    find_user(uid, &u);
    if (become(&u, uid, gid, root != 0, supervisor, &e) != CIMF_OK) fail(&e);
    const struct {
        const char *name, *value;
    } variables[VARIABLES] = {
        { "HOME", u.home }, { "USER", u.name }, { "LOGNAME", u.name }, { "SHELL", u.shell },
        { "PATH", uid ? "/usr/local/bin:/usr/bin:/bin" : "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" },
        { "LANG", "C.UTF-8" },
    };
    for (int i = 0; i < VARIABLES; i++) {
        snprintf(text[i], sizeof text[i], "%s=%.4096s", variables[i].name, variables[i].value);
        env[i] = text[i];
    }
    execve("/proc/self/exe", argv, env);
    error_errno(&e, CIMF_FAILED, "host", errno, "cannot execute cimd as user %u", (unsigned)uid);
    fail(&e);
    _exit(1);
}

int role_host_main(void)
{
    int type = 0;
    socklen_t n = sizeof type;
    if (getsockopt(ROLE_HOST_FD, SOL_SOCKET, SO_TYPE, &type, &n) != 0 || type != SOCK_SEQPACKET) {
        fprintf(stderr, "cimd: only cimd serve starts a host\n");
        return 2;
    }
    prctl(PR_SET_NAME, "cimd-host");
    return host_main(ROLE_HOST_FD);
}
