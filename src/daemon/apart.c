#include "daemon/apart.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

cimf_status apart_find(const struct config *config, struct apart *out, struct error *e)
{
    struct stat st;
    char path[4096];
    *out = (struct apart){ .folder = -1 };
    if (geteuid() != 0) return CIMF_OK;
    if ((size_t)snprintf(path, sizeof path, "%s/repository", config_text(config, CONFIG_cimd_state_dir)) >= sizeof path)
        return error_set(e, CIMF_INVALID_PARAMETER, "cimd", "cimd.state_dir is too long");
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 && errno == ENOENT) return CIMF_OK; /* made by this command, as root's */
    if (fd < 0 || fstat(fd, &st) != 0) {
        int number = errno;
        if (fd >= 0) close(fd);
        return error_errno(e, CIMF_IO_ERROR, "cimd", number, "cannot open the folder %s", path);
    }
    if (st.st_uid == 0) {
        close(fd);
        return CIMF_OK;
    }
    *out = (struct apart){ .folder = fd, .owner = { .uid = st.st_uid, .gid = st.st_gid } };
    return CIMF_OK;
}

void apart_end(struct apart *x)
{
    if (x->folder >= 0) close(x->folder);
    x->folder = -1;
}

struct answer {
    cimf_status status;
    struct error error;
    bool answered;
    max_align_t data[];
};

static void work(const struct apart *x, apart_fn *fn, struct answer *a)
{
    if (fchdir(x->folder) != 0) a->status = error_errno(&a->error, CIMF_FAILED, "cimd", errno, "cannot go to the repository");
    else a->status = identity_become(&x->owner, &a->error);
    if (a->status == CIMF_OK) a->status = fn(a->data, ".", &a->error);
    a->answered = true;
}

cimf_status apart_run(const struct apart *x, apart_fn *fn, void *shared, size_t n, struct error *e)
{
    if (x->folder < 0) return fn(shared, NULL, e);
    size_t size = sizeof(struct answer) + n;
    struct answer *a = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (a == MAP_FAILED) return error_set(e, CIMF_OUT_OF_MEMORY, "cimd", "no memory");
    memcpy(a->data, shared, n);
    a->error = ERROR_INIT;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        work(x, fn, a);
        _exit(0);
    }
    int status = 0;
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR) {}
    cimf_status s = a->status;
    if (pid < 0 || !a->answered || !WIFEXITED(status)) {
        s = error_set(e, CIMF_FAILED, "cimd", "the process that works on the repository has ended%s",
                      pid > 0 && WIFSIGNALED(status) ? " by a signal" : "");
    } else {
        memcpy(shared, a->data, n);
        if (e) *e = a->error;
    }
    munmap(a, size);
    return s;
}

cimf_status apart_take(const struct apart *x, const char *name, int *fd, struct error *e)
{
    struct stat st;
    *fd = openat(x->folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    int number = *fd < 0 || fstat(*fd, &st) != 0 ? errno : 0;
    if (!number && (!S_ISREG(st.st_mode) || st.st_uid != x->owner.uid)) number = EPERM;
    unlinkat(x->folder, name, 0);
    if (!number) return CIMF_OK;
    if (*fd >= 0) close(*fd);
    *fd = -1;
    return error_errno(e, CIMF_IO_ERROR, "cimd", number, "cannot open %s", name);
}

cimf_status apart_give(const struct apart *x, int fd, const char *name, struct error *e)
{
    char block[65536];
    ssize_t n = 0;
    unlinkat(x->folder, name, 0);
    int to = openat(x->folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    bool ok = to >= 0 && fchown(to, x->owner.uid, x->owner.gid) == 0;
    while (ok && (n = read(fd, block, sizeof block)) > 0)
        for (ssize_t done = 0, step; ok && done < n; done += step) ok = (step = write(to, block + done, (size_t)(n - done))) > 0;
    int number = errno;
    ok = ok && n == 0;
    if (to >= 0) close(to);
    if (ok) return CIMF_OK;
    if (to >= 0) unlinkat(x->folder, name, 0);
    return error_errno(e, CIMF_IO_ERROR, "cimd", number, "cannot write %s", name);
}
