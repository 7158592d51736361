/*
 * cimd-compromised: cimd whose core runs this when it has entered its sandbox and listens. It tries what an attacker
 * would who owns the process and writes what came of it, a line each, "name errno", to the file `attempts` in its
 * working folder. The environment names the targets: CIMFONY_ATTACK_STATE (state_dir), _KEYTAB, _PORT (a listener on
 * loopback that nobody may reach). With CIMFONY_ATTACK_TELL=supervisor or =broker it sends that process nonsense instead;
 * other words are in compromised_hosts.c.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "compromised.h"
#include "daemon/role.h"

static FILE *out;

static void result(const char *name, long answer)
{
    int number = errno;
    fprintf(out, "%s %d\n", name, answer < 0 ? number : 0);
}

static long try_open(const char *folder, const char *name, int flags)
{
    char path[4096];
    snprintf(path, sizeof path, "%s%s", folder ? folder : "/nonexistent", name);
    int fd = open(path, flags, 0600);
    char byte;
    long answer = fd < 0 ? -1 : (flags & O_ACCMODE) == O_RDONLY ? read(fd, &byte, 1) : 0;
    if (fd >= 0) close(fd);
    return answer;
}

static void files(void)
{
    const char *state = getenv("CIMFONY_ATTACK_STATE"), *keytab = getenv("CIMFONY_ATTACK_KEYTAB");
    result("read-accounts", try_open(state, "/accounts", O_RDONLY));
    result("read-accounts-from-here", try_open("", "../accounts", O_RDONLY));
    result("read-key", try_open(state, "/accounts.key", O_RDONLY));
    result("read-key-from-here", try_open("", "../accounts.key", O_RDONLY));
    result("read-keytab", try_open(keytab, "", O_RDONLY));
    result("read-audit", try_open("", "../audit.log", O_RDONLY));
    /* Whatever the kernel's reason is: no record that is there can be changed by the descriptor for new ones. */
    long changed = ftruncate(ROLE_FD_AUDIT, 0) == 0 || pwrite(ROLE_FD_AUDIT, "x", 1, 0) >= 0 ? 0 : -1;
    errno = EPERM;
    result("change-audit", changed);
    result("write-accounts", try_open("", "../accounts", O_WRONLY));
    result("make-file-beside", try_open("", "../mine", O_WRONLY | O_CREAT));
    result("make-file-in-tmp", try_open("/tmp/", "cimfony-compromised", O_WRONLY | O_CREAT));
    result("read-shadow", try_open("/etc/", "shadow", O_RDONLY));
    result("make-file-here", try_open("", "mine", O_WRONLY | O_CREAT)); /* the one that may work */
}

static pid_t other(const char *name)
{
    DIR *dir = opendir("/proc");
    pid_t found = 0;
    for (struct dirent *d; dir && !found && (d = readdir(dir));) {
        char path[300], comm[64] = "", text[512] = "";
        snprintf(path, sizeof path, "/proc/%s/comm", d->d_name);
        int fd = atoi(d->d_name) > 0 ? open(path, O_RDONLY) : -1;
        if (fd >= 0 && read(fd, comm, sizeof comm - 1) > 0) comm[strcspn(comm, "\n")] = 0;
        if (fd >= 0) close(fd);
        if (strcmp(comm, name) != 0) continue;
        snprintf(path, sizeof path, "/proc/%s/stat", d->d_name);
        fd = open(path, O_RDONLY);
        if (fd >= 0 && read(fd, text, sizeof text - 1) < 0) text[0] = 0;
        if (fd >= 0) close(fd);
        const char *end = strrchr(text, ')');
        if (end && atoi(end + 4) == getppid()) found = atoi(d->d_name); /* the sibling, not that of another daemon */
    }
    if (dir) closedir(dir);
    return found;
}

static void processes(void)
{
    char path[64], byte[8];
    pid_t auth = other("cimd-auth"), targets[] = { auth, getppid() };
    static const char *const names[] = { "auth", "supervisor" };
    fprintf(out, "found-auth %d\n", auth ? 0 : ESRCH);
    for (int i = 0; i < 2; i++) {
        struct iovec here = { byte, sizeof byte }, there = { (void *)(uintptr_t)&environ, sizeof byte };
        snprintf(path, sizeof path, "/proc/%d/mem", (int)targets[i]);
        fprintf(out, "%s-", names[i]);
        result("memory", try_open(path, "", O_RDONLY));
        snprintf(path, sizeof path, "/proc/%d/maps", (int)targets[i]);
        fprintf(out, "%s-", names[i]);
        result("maps", try_open(path, "", O_RDONLY));
        fprintf(out, "%s-", names[i]);
        result("read", syscall(SYS_process_vm_readv, targets[i], &here, 1UL, &there, 1UL, 0UL));
        fprintf(out, "%s-", names[i]);
        result("trace", syscall(SYS_ptrace, PTRACE_SEIZE, targets[i], 0L, 0L));
        fprintf(out, "%s-", names[i]);
        result("signal", kill(targets[i], SIGCONT));
        fprintf(out, "%s-", names[i]);
        result("take-descriptor", syscall(SYS_pidfd_open, targets[i], 0));
    }
}

static void programs(void)
{
    char *argv[] = { "/bin/true", NULL };
    result("execute", execve("/bin/true", argv, environ));
    int fd = open("/bin/true", O_RDONLY);
    result("execute-descriptor", syscall(SYS_execveat, fd, "", argv, environ, AT_EMPTY_PATH));
    if (fd >= 0) close(fd);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) /* their check at the end needs it */
    long child = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (child == 0) _exit(0);
    result("fork", child);
#endif
    void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    result("writable-code", p == MAP_FAILED ? -1 : 0);
    p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    result("data-to-code", mprotect(p, 4096, PROT_READ | PROT_EXEC));
}

static void network(void)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    const char *port = getenv("CIMFONY_ATTACK_PORT");
    to.sin_port = htons((uint16_t)atoi(port ? port : "9"));
    result("socket-inet", socket(AF_INET, SOCK_STREAM, 0));
    result("socket-inet6", socket(AF_INET6, SOCK_STREAM, 0));
    result("socket-udp", socket(AF_INET, SOCK_DGRAM, 0));
    result("socket-packet", socket(AF_PACKET, SOCK_RAW, 0));
    result("socket-vsock", socket(AF_VSOCK, SOCK_STREAM, 0));
    /* A listener can be turned into a client, as nobody needs a new socket for that. */
    int fd = dup(ROLE_FD_LISTEN);
    const struct sockaddr none = { .sa_family = AF_UNSPEC };
    shutdown(fd, SHUT_RDWR);
    connect(fd, &none, sizeof none);
    result("connect-with-listener", connect(fd, (struct sockaddr *)&to, sizeof to));
    result("connect-by-sending", sendto(fd, "x", 1, MSG_FASTOPEN | MSG_NOSIGNAL, (struct sockaddr *)&to, sizeof to));
    close(fd);
}

static void rights(void)
{
    result("become-root", setuid(0));
    result("become-root-again", syscall(SYS_setresuid, 0, 0, 0));
    result("user-namespace", unshare(CLONE_NEWUSER));
    result("mount", mount("none", "/tmp", "tmpfs", 0, NULL));
    result("bpf", syscall(SYS_bpf, 0, NULL, 0));
    result("io-uring", syscall(SYS_io_uring_setup, 1, NULL));
    result("userfaultfd", syscall(SYS_userfaultfd, 0));
    result("perf", syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0));
    result("keys", syscall(SYS_keyctl, 0, 0, 0, 0, 0));
    result("kexec", syscall(SYS_kexec_load, 0, 0, NULL, 0));
    result("module", syscall(SYS_init_module, NULL, 0, ""));
    result("chroot", chroot("."));
    result("reboot", syscall(SYS_reboot, 0, 0, 0, NULL));
}

void role_core_running(struct auth_broker *broker)
{
    const char *tell = getenv("CIMFONY_ATTACK_TELL");
    if (tell && strcmp(tell, "hosts") == 0) {
        attack_hosts(broker);
        return;
    }
    if (tell && strcmp(tell, "connect") == 0) {
        attack_connect();
        return;
    }
    if (tell && attack_supervisor(tell)) return;
    if (tell) { /* what no cimd-core says; then nobody must go on with this one */
        int fd = strcmp(tell, "broker") == 0 ? ROLE_FD_BROKER : ROLE_FD_SUPERVISOR;
        if (send(fd, "\xff\xff\xff\xff\xff", 5, MSG_NOSIGNAL) != 5) abort();
        return;
    }
    out = fopen("attempts.part", "w");
    if (!out) return;
    files();
    processes();
    programs();
    network();
    rights();
    fclose(out);
    rename("attempts.part", "attempts");
}
