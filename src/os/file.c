#include "os/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { READ_STEP = 64 << 10, FIRST_READ = 16 << 10 };

static cimf_status fail(struct error *e, int number, const char *what, const char *path)
{
    cimf_status status = CIMF_IO_ERROR;
    switch (number) {
    case ENOENT: case ENOTDIR: status = CIMF_NOT_FOUND; break;
    case EACCES: case EPERM: case EROFS: status = CIMF_ACCESS_DENIED; break;
    case EEXIST: status = CIMF_ALREADY_EXISTS; break;
    case ENOSPC: case EDQUOT: status = CIMF_OUT_OF_DISK_SPACE; break;
    case ENOMEM: status = CIMF_OUT_OF_MEMORY; break;
    default: break;
    }
    error_errno(e, status, "os", number, "cannot %s %s", what, path);
    error_subject(e, slice_str(path));
    return status;
}

static cimf_status too_large(struct error *e, const char *path, size_t cap)
{
    error_set(e, CIMF_OUT_OF_MEMORY, "os", "%s has more than %zu bytes", path, cap);
    error_subject(e, slice_str(path));
    return CIMF_OUT_OF_MEMORY;
}

static ssize_t read_some(int fd, char *to, size_t n)
{
    ssize_t got;
    do got = read(fd, to, n); while (got < 0 && errno == EINTR);
    return got;
}

/* Appends the rest of fd; leaves b as it was on failure. */
static cimf_status read_rest(int fd, struct buf *b, size_t mark, const char *path, struct error *e)
{
    for (;;) {
        size_t want = b->cap - b->n < READ_STEP ? b->cap - b->n : READ_STEP;
        char probe; /* at the cap: is there more? */
        char *to = want ? buf_reserve(b, want) : &probe;
        ssize_t got = to ? read_some(fd, to, want ? want : 1) : -1;
        if (got == 0) return CIMF_OK;
        if (got > 0 && want) {
            buf_added(b, (size_t)got);
            continue;
        }
        int number = to ? errno : ENOMEM;
        buf_cut(b, mark);
        return got > 0 ? too_large(e, path, b->cap - mark) : fail(e, number, "read", path);
    }
}

cimf_status file_read_buf(struct buf *b, const char *path, struct error *e)
{
    if (!buf_ok(b)) return error_set(e, CIMF_OUT_OF_MEMORY, "os", "no room to read %s", path);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return fail(e, errno, "open", path);
    cimf_status status = read_rest(fd, b, b->n, path, e);
    close(fd);
    return status;
}

cimf_status file_read_at(struct arena *a, int dir, const char *path, size_t cap, struct slice *out,
                         struct error *e)
{
    char first[FIRST_READ]; /* most files of /proc fit: no heap then */
    size_t n = 0;
    ssize_t got = 0;
    struct buf b;
    *out = SLICE_NULL;
    int fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return fail(e, errno, "open", path);
    while (n < sizeof first && (got = read_some(fd, first + n, sizeof first - n)) > 0) n += (size_t)got;
    cimf_status status = got < 0 ? fail(e, errno, "read", path) : CIMF_OK;
    buf_init(&b, cap);
    struct slice whole = slice_of(first, n);
    if (status == CIMF_OK && n > cap) status = too_large(e, path, cap);
    if (status == CIMF_OK && got > 0) {
        if (!buf_add(&b, first, n)) status = fail(e, ENOMEM, "read", path);
        if (status == CIMF_OK) status = read_rest(fd, &b, 0, path, e);
        whole = buf_slice(&b);
    }
    if (status == CIMF_OK) {
        *out = arena_dup(a, whole);
        if (!out->p) status = fail(e, ENOMEM, "read", path);
    }
    buf_free(&b);
    close(fd);
    return status;
}

cimf_status file_read(struct arena *a, const char *path, size_t cap, struct slice *out, struct error *e)
{
    return file_read_at(a, AT_FDCWD, path, cap, out, e);
}

cimf_status file_sync_folder(const char *folder, struct error *e)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return fail(e, errno, "open", folder);
    cimf_status status = fsync(fd) == 0 ? CIMF_OK : fail(e, errno, "sync", folder);
    close(fd);
    return status;
}

static cimf_status sync_parent(const char *path, struct error *e)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    size_t n = !slash ? 0 : slash == path ? 1 : (size_t)(slash - path);
    if (n == 0) return file_sync_folder(".", e);
    memcpy(folder, path, n);
    folder[n] = 0;
    return file_sync_folder(folder, e);
}

static int write_all(int fd, struct slice bytes)
{
    while (bytes.n) {
        ssize_t put = write(fd, bytes.p, bytes.n);
        if (put < 0 && errno != EINTR) return -1;
        if (put > 0) bytes = slice_sub(bytes, (size_t)put);
    }
    return 0;
}

cimf_status file_replace(const char *path, struct slice bytes, mode_t mode, struct error *e)
{
    char temp[PATH_MAX];
    int n = snprintf(temp, sizeof temp, "%s.XXXXXX", path);
    if (n < 0 || (size_t)n >= sizeof temp) return fail(e, ENAMETOOLONG, "write", path);
    int fd = mkostemp(temp, O_CLOEXEC);
    if (fd < 0) return fail(e, errno, "make a temporary file for", path);
    int number = 0;
    struct stat old;
    if (geteuid() == 0 && lstat(path, &old) == 0 && S_ISREG(old.st_mode) && fchown(fd, old.st_uid, old.st_gid) != 0) number = errno;
    if (number || write_all(fd, bytes) != 0 || fchmod(fd, mode) != 0 || fsync(fd) != 0) number = number ? number : errno;
    if (close(fd) != 0 && !number) number = errno;
    if (!number && rename(temp, path) != 0) number = errno;
    if (number) {
        unlink(temp);
        return fail(e, number, "write", path);
    }
    return sync_parent(path, e);
}

cimf_status file_make_folders(const char *path, mode_t mode, struct error *e)
{
    char part[PATH_MAX];
    size_t n = strlen(path);
    while (n > 1 && path[n - 1] == '/') n--;
    if (n == 0 || n >= sizeof part) return fail(e, n ? ENAMETOOLONG : ENOENT, "make", path);
    for (size_t i = 1; i <= n; i++) {
        if (i < n && path[i] != '/') continue;
        memcpy(part, path, i);
        part[i] = 0;
        if (mkdir(part, i == n ? mode : 0755) == 0) {
            if (i == n && chmod(part, mode) != 0) return fail(e, errno, "set the mode of", part);
            continue;
        }
        int number = errno;
        struct stat st;
        if (stat(part, &st) != 0) return fail(e, number, "make", part);
        if (!S_ISDIR(st.st_mode)) return fail(e, i == n ? EEXIST : ENOTDIR, "make", part);
    }
    return CIMF_OK;
}

cimf_status file_lock(const char *path, int *fd, struct error *e)
{
    *fd = -1;
    int opened = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (opened < 0) return fail(e, errno, "open", path);
    int failed;
    do failed = flock(opened, LOCK_EX | LOCK_NB); while (failed && errno == EINTR);
    if (!failed) {
        *fd = opened;
        return CIMF_OK;
    }
    int number = errno;
    close(opened);
    if (number != EWOULDBLOCK) return fail(e, number, "lock", path);
    error_set(e, CIMF_ALREADY_EXISTS, "os", "another process holds the lock %s", path);
    error_subject(e, slice_str(path));
    return CIMF_ALREADY_EXISTS;
}

cimf_status file_check_private(const char *path, uid_t owner, mode_t allowed, struct error *e)
{
    struct stat st;
    if (lstat(path, &st) != 0) return fail(e, errno, "look at", path);
    mode_t bits = st.st_mode & 07777;
    if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)) {
        error_set(e, CIMF_ACCESS_DENIED, "os", "%s is neither a file nor a folder", path);
    } else if (st.st_uid != owner && st.st_uid != 0) {
        error_set(e, CIMF_ACCESS_DENIED, "os", "%s belongs to user %u, not to %u or root", path,
                  (unsigned)st.st_uid, (unsigned)owner);
    } else if (bits & ~allowed) {
        error_set(e, CIMF_ACCESS_DENIED, "os", "%s has mode %04o; only %04o is allowed", path,
                  (unsigned)bits, (unsigned)allowed);
    } else {
        return CIMF_OK;
    }
    error_subject(e, slice_str(path));
    return CIMF_ACCESS_DENIED;
}
