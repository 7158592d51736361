/* Files with secrets: read with suspicion, changed under a lock and by rename. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "auth/private_priv.h"
#include "os/file.h"

static cimf_status check_owner(const struct stat *st, const char *path, const uid_t *owner,
                               struct error *e)
{
    if (!S_ISREG(st->st_mode))
        return error_set(e, CIMF_ACCESS_DENIED, "auth", "%s is not a plain file", path);
    if (st->st_mode & 077)
        return error_set(e, CIMF_ACCESS_DENIED, "auth",
                         "others may read or write %s; its mode must be 0600", path);
    if (st->st_uid != 0 && st->st_uid != geteuid() && !(owner && st->st_uid == *owner))
        return error_set(e, CIMF_ACCESS_DENIED, "auth",
                         "%s belongs to user %u; only root's and cimd.auth_user's files are trusted: set that key to its owner, "
                         "or give the file to him", path, (unsigned)st->st_uid);
    return CIMF_OK;
}

cimf_status private_read(const char *path, const uid_t *owner, struct buf *text, struct stat *st, struct error *e)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return error_errno(e, errno == ENOENT ? CIMF_NOT_FOUND : CIMF_IO_ERROR, "auth", errno,
                           "cannot open %s", path);
    cimf_status status = CIMF_OK;
    if (fstat(fd, st) != 0)
        status = error_errno(e, CIMF_IO_ERROR, "auth", errno, "cannot look at %s", path);
    else
        status = check_owner(st, path, owner, e);
    while (status == CIMF_OK) {
        char *p = buf_reserve(text, 16384);
        if (!p) {
            status = error_set(e, CIMF_OUT_OF_MEMORY, "auth", "%s is too large", path);
            break;
        }
        ssize_t n = read(fd, p, 16384);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0)
            status = error_errno(e, CIMF_IO_ERROR, "auth", errno, "cannot read %s", path);
        if (n <= 0) break;
        buf_added(text, (size_t)n);
    }
    close(fd);
    return status;
}

cimf_status private_lock(const char *path, int *fd, struct error *e)
{
    char name[4096];
    if (snprintf(name, sizeof name, "%s.lock", path) >= (int)sizeof name)
        return error_set(e, CIMF_INVALID_PARAMETER, "auth", "the path is too long");
    *fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (*fd < 0) return error_errno(e, CIMF_IO_ERROR, "auth", errno, "cannot open the lock file %s", name);
    while (flock(*fd, LOCK_EX) != 0)
        if (errno != EINTR) return error_errno(e, CIMF_IO_ERROR, "auth", errno, "cannot lock %s", name);
    return CIMF_OK;
}

static bool write_all(int fd, struct slice s)
{
    while (s.n) {
        ssize_t n = write(fd, s.p, s.n);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        s = slice_sub(s, (size_t)n);
    }
    return true;
}

static void sync_folder(const char *path)
{
    char folder[4096];
    snprintf(folder, sizeof folder, "%s", path);
    char *slash = strrchr(folder, '/');
    if (slash) slash[slash == folder ? 1 : 0] = 0;
    file_sync_folder(slash ? folder : ".", NULL);
}

/* Whoever owned the file goes on owning it; a new one belongs to the place's owner. */
static bool give(const struct accounts_place *place, const struct stat *was, int fd)
{
    if (was) return was->st_uid == geteuid() || fchown(fd, was->st_uid, was->st_gid) == 0;
    return !place->has_owner || fchown(fd, place->owner, place->group) == 0;
}

cimf_status private_replace(const struct accounts_place *place, const struct stat *was, struct slice text,
                            struct error *e)
{
    char name[4096];
    const char *path = place->path;
    cimf_status status = CIMF_OK;
    snprintf(name, sizeof name, "%s.XXXXXX", path);
    int fd = mkostemp(name, O_CLOEXEC); /* mode 0600 */
    if (fd < 0)
        return error_errno(e, CIMF_IO_ERROR, "auth", errno, "cannot create a file beside %s", path);
    if (!write_all(fd, text) || !give(place, was, fd) || fsync(fd) != 0)
        status = error_errno(e, CIMF_IO_ERROR, "auth", errno, "cannot write %s", name);
    else if (rename(name, path) != 0)
        status = error_errno(e, CIMF_IO_ERROR, "auth", errno, "cannot replace %s", path);
    close(fd);
    if (status == CIMF_OK) sync_folder(path);
    else unlink(name);
    return status;
}
