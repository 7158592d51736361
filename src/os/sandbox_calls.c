/* The system calls of servers, as a seccomp filter. */
#include "os/sandbox.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/sockios.h>
#include <malloc.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/ioctl.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1 /* at its end the process is examined by a clone that traces it */
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

#define C(name) SCMP_SYS(name)

/* Whatever the arguments are. */
static const int plain[] = {
    /* descriptors and files; which ones, Landlock and the user decide */
    C(read), C(write), C(readv), C(writev), C(pread64), C(pwrite64), C(preadv), C(pwritev), C(preadv2), C(pwritev2),
    C(open), C(openat), C(close), C(close_range), C(lseek), C(stat), C(lstat), C(fstat), C(newfstatat), C(statx),
    C(statfs), C(fstatfs), C(access), C(faccessat), C(faccessat2), C(readlink), C(readlinkat), C(getdents64),
    C(getcwd), C(chdir), C(fchdir), C(mkdir), C(mkdirat), C(rmdir), C(unlink), C(unlinkat), C(rename), C(renameat),
    C(renameat2), C(link), C(linkat), C(chmod), C(fchmod), C(fchmodat), C(umask), C(truncate), C(ftruncate),
    C(fallocate), C(fadvise64), C(fsync), C(fdatasync), C(sync_file_range), C(flock), C(fcntl), C(dup), C(dup2),
    C(dup3), C(pipe), C(pipe2), C(sendfile), C(copy_file_range), C(splice), C(utimensat), C(inotify_init1),
    C(inotify_add_watch), C(inotify_rm_watch),
    /* memory */
    C(brk), C(munmap), C(mremap), C(madvise), C(msync), C(mincore), C(mlock), C(munlock), C(membarrier),
    /* waiting */
    C(poll), C(ppoll), C(select), C(pselect6), C(epoll_create), C(epoll_create1), C(epoll_ctl), C(epoll_wait),
    C(epoll_pwait), C(epoll_pwait2), C(eventfd), C(eventfd2), C(timerfd_create), C(timerfd_settime),
    C(timerfd_gettime), C(signalfd4), C(futex), C(nanosleep), C(clock_nanosleep), C(restart_syscall),
    /* connections: accepted ones, and sockets that the rule below lets it open */
    C(accept), C(accept4), C(listen), C(bind), C(connect), C(shutdown), C(getsockname), C(getpeername), C(getsockopt),
    C(setsockopt), C(recvfrom), C(recvmsg), C(recvmmsg),
    /* threads and signals of this process */
    C(exit), C(exit_group), C(set_robust_list), C(get_robust_list), C(set_tid_address), C(rseq), C(arch_prctl),
    C(sched_yield), C(sched_getaffinity), C(sched_getparam), C(sched_getscheduler), C(rt_sigaction), C(rt_sigprocmask),
    C(rt_sigreturn), C(rt_sigtimedwait), C(rt_sigpending), C(sigaltstack), C(gettid), C(getpid), C(getppid),
    /* asking */
    C(clock_gettime), C(clock_getres), C(gettimeofday), C(time), C(times), C(getrusage), C(uname), C(sysinfo),
    C(getuid), C(geteuid), C(getgid), C(getegid), C(getresuid), C(getresgid), C(getgroups), C(getpgrp), C(getpgid),
    C(getsid), C(capget), C(getrlimit), C(getcpu), C(getrandom),
#if SANITIZED
    C(ptrace), C(getdents), C(wait4), C(kill), C(personality), C(prctl), C(clone), C(tgkill), C(prlimit64), C(process_vm_readv),
#endif
};

static int allow_plain(scmp_filter_ctx f)
{
    int r = 0;
    for (unsigned i = 0; i < sizeof plain / sizeof *plain && r == 0; i++) r = seccomp_rule_add(f, SCMP_ACT_ALLOW, plain[i], 0);
    return r;
}

static int allow_local_sockets(scmp_filter_ctx f)
{
    int r = seccomp_rule_add(f, SCMP_ACT_ALLOW, C(socket), 1, SCMP_A0(SCMP_CMP_EQ, AF_UNIX));
    return r ? r : seccomp_rule_add(f, SCMP_ACT_ALLOW, C(socketpair), 1, SCMP_A0(SCMP_CMP_EQ, AF_UNIX));
}

/* Interfaces, addresses and routes; no other part of the kernel that listens there. */
static int allow_routes(scmp_filter_ctx f)
{
    return seccomp_rule_add(f, SCMP_ACT_ALLOW, C(socket), 2, SCMP_A0(SCMP_CMP_EQ, AF_NETLINK),
                            SCMP_A2(SCMP_CMP_EQ, NETLINK_ROUTE));
}

/* MSG_FASTOPEN connects, and Landlock looks at connect(2) alone: a listener that is shut down would be a way to other machines. */
static int allow_sending(scmp_filter_ctx f)
{
    int r = seccomp_rule_add(f, SCMP_ACT_ALLOW, C(sendto), 1, SCMP_A3(SCMP_CMP_MASKED_EQ, MSG_FASTOPEN, 0));
    if (r == 0) r = seccomp_rule_add(f, SCMP_ACT_ALLOW, C(sendmsg), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, MSG_FASTOPEN, 0));
    return r ? r : seccomp_rule_add(f, SCMP_ACT_ALLOW, C(sendmmsg), 1, SCMP_A3(SCMP_CMP_MASKED_EQ, MSG_FASTOPEN, 0));
}

/* Threads yes, processes no. */
static int allow_threads(scmp_filter_ctx f)
{
    int r = seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOSYS), C(clone3), 0); /* its flags are in memory; libc falls back */
    if (r == 0 && !SANITIZED)
        r = seccomp_rule_add(f, SCMP_ACT_ALLOW, C(clone), 1, SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD | CLONE_NEWUSER, CLONE_THREAD));
    if (r == 0 && !SANITIZED) r = seccomp_rule_add(f, SCMP_ACT_ALLOW, C(tgkill), 1, SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid()));
    if (r == 0 && !SANITIZED) r = seccomp_rule_add(f, SCMP_ACT_ALLOW, C(prlimit64), 2, SCMP_A0(SCMP_CMP_EQ, 0), SCMP_A2(SCMP_CMP_EQ, 0));
    if (r == 0 && !SANITIZED) r = seccomp_rule_add(f, SCMP_ACT_ALLOW, C(prctl), 1, SCMP_A0(SCMP_CMP_EQ, PR_SET_NAME));
    return r;
}

/* Memory is writable or executable, never both, and what was writable does not become executable. */
static int allow_memory(scmp_filter_ctx f)
{
    int r = seccomp_rule_add(f, SCMP_ACT_ALLOW, C(mmap), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    if (r == 0) /* libraries that are loaded late: name services, character sets */
        r = seccomp_rule_add(f, SCMP_ACT_ALLOW, C(mmap), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC | PROT_WRITE, PROT_EXEC));
    if (r == 0) r = seccomp_rule_add(f, SCMP_ACT_ALLOW, C(mprotect), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    return r;
}

/* By name: above all no typing into the terminal that it was started from (TIOCSTI). The kernel looks at 32 bits of the
 * request and the filter at 64, so that a comparison by size would let 0x100000000 | TIOCSTI through. */
static int allow_ioctl(scmp_filter_ctx f)
{
    static const unsigned requests[] = { TCGETS, FIONBIO, FIOCLEX, FIONCLEX, FIONREAD, SIOCGIFNAME, SIOCGIFINDEX };
    int r = 0;
    for (unsigned i = 0; i < sizeof requests / sizeof *requests && r == 0; i++)
        r = seccomp_rule_add(f, SCMP_ACT_ALLOW, C(ioctl), 1, SCMP_A1(SCMP_CMP_MASKED_EQ, UINT32_MAX, requests[i]));
    return r;
}

cimf_status sandbox_calls(enum sandbox_profile profile, struct error *e)
{
    scmp_filter_ctx f = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    int r = f ? seccomp_attr_set(f, SCMP_FLTATR_CTL_TSYNC, 1) : -ENOMEM;
    if (r == 0) r = allow_plain(f);
    if (r == 0) r = allow_local_sockets(f);
    if (r == 0) r = allow_sending(f);
    if (r == 0 && profile == SANDBOX_SERVER) r = allow_routes(f);
    if (r == 0) r = allow_threads(f);
    if (r == 0) r = allow_memory(f);
    if (r == 0) r = allow_ioctl(f);
    if (r == 0) r = seccomp_load(f);
    if (f) seccomp_release(f);
    malloc_trim(0); /* building the filter took some hundred KB */
    return r == 0 ? CIMF_OK : error_errno(e, CIMF_FAILED, "os", -r, "cannot restrict the system calls of this process");
}
