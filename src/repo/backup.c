/* Backup and restore: whole files, checked before they are trusted, renamed into place. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "os/file.h"
#include "repo/repo_priv.h"

/* Folder of a path, and path + suffix. false when out of memory. */
static bool names(struct arena *a, const char *path, const char *suffix, const char **folder,
                  const char **temporary)
{
    const char *slash = strrchr(path, '/');
    *folder = slash == path ? "/" : slash ? arena_strz(a, slice_of(path, (size_t)(slash - path))) : ".";
    *temporary = arena_printf(a, "%s%s", path, suffix).p;
    return *folder && *temporary;
}

static cimf_status failed(struct error *e, const char *what, const char *path)
{
    int number = errno;
    cimf_status status = number == ENOSPC || number == EDQUOT || number == EFBIG ? CIMF_OUT_OF_DISK_SPACE
                         : number == EACCES || number == EPERM || number == EROFS ? CIMF_ACCESS_DENIED
                         : number == ENOENT                                       ? CIMF_NOT_FOUND
                                                                                  : CIMF_CRITICAL_ERROR;
    return error_errno(e, status, "repo", number, "cannot %s %s", what, path);
}

static cimf_status put_in_place(const char *temporary, const char *path, const char *folder,
                                struct error *e)
{
    if (rename(temporary, path)) return failed(e, "rename to", path);
    return file_sync_folder(folder, e);
}

/* LMDB copies the pages of one snapshot. */
static cimf_status copy_store(struct repo *r, const char *to, struct error *e)
{
    int fd = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) return failed(e, "create", to);
    cimf_status status = CIMF_OK;
    repo_gate_enter(r);
    int rc = mdb_env_copyfd2(r->env, fd, 0);
    repo_gate_leave(r);
    if (rc) status = repo_db_error(NULL, rc, e, "copying the repository");
    else if (fsync(fd)) status = failed(e, "write", to);
    if (close(fd) && !status) status = failed(e, "write", to);
    return status;
}

cimf_status repo_backup(struct repo *r, const char *path, struct error *e)
{
    struct arena a;
    const char *folder, *temporary;
    if (*path != '/') return error_set(e, CIMF_INVALID_PARAMETER, "repo", "the path of a backup must be absolute");
    arena_init(&a, 0);
    cimf_status status = CIMF_OUT_OF_MEMORY;
    if (names(&a, path, ".part", &folder, &temporary)) {
        unlink(temporary);
        struct store_header h;
        status = copy_store(r, temporary, e);
        if (!status) status = store_check_file(temporary, &h, NULL, NULL, e);
        if (!status) status = put_in_place(temporary, path, folder, e);
        if (status) unlink(temporary);
    }
    arena_free(&a);
    return status;
}

/* --- restore -------------------------------------------------------------------------------------- */

static cimf_status copy_bytes(int from, int to, const char *path, struct error *e)
{
    char block[65536];
    for (;;) {
        ssize_t n = read(from, block, sizeof block);
        if (n == 0) return fsync(to) ? failed(e, "write", path) : CIMF_OK;
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return failed(e, "read the backup for", path);
        for (ssize_t done = 0; done < n;) {
            ssize_t m = write(to, block + done, (size_t)(n - done));
            if (m < 0 && errno == EINTR) continue;
            if (m < 0) return failed(e, "write", path);
            done += m;
        }
    }
}

static cimf_status copy_file(const char *from, const char *to, struct error *e)
{
    int in = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (in < 0) return failed(e, "open", from);
    int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    cimf_status status = out < 0 ? failed(e, "create", to) : copy_bytes(in, out, to, e);
    close(in);
    if (out >= 0 && close(out) && !status) status = failed(e, "write", to);
    return status;
}

/* The former store stays under another name: a hard link, so that there is no moment without a store. */
static cimf_status keep_old(const char *path, const char *old, struct error *e)
{
    unlink(old);
    if (link(path, old) && errno != ENOENT) return failed(e, "keep the former store as", old);
    return CIMF_OK;
}

static cimf_status replace(struct arena *a, const char *dir, const char *backup, struct error *e)
{
    const char *path = arena_printf(a, "%s/" STORE_FILE, dir).p;
    const char *temporary = arena_printf(a, "%s/" STORE_FILE ".restore", dir).p;
    const char *old = arena_printf(a, "%s/" STORE_FILE ".old", dir).p;
    if (!path || !temporary || !old) return CIMF_OUT_OF_MEMORY;
    unlink(temporary);
    cimf_status status = copy_file(backup, temporary, e);
    if (!status) status = repo_verify_file(temporary, NULL, e);
    if (!status) status = keep_old(path, old, e);
    if (!status) status = put_in_place(temporary, path, dir, e);
    if (status) {
        unlink(temporary);
        error_subject(e, slice_str(backup));
    }
    return status;
}

cimf_status repo_restore(const char *dir, const char *backup, struct error *e)
{
    struct arena a;
    int lock = -1;
    cimf_status status = file_make_folders(dir, 0700, e);
    if (!status) status = store_lock(dir, &lock, e);
    if (status) return status;
    arena_init(&a, 0);
    status = replace(&a, dir, backup, e);
    arena_free(&a);
    close(lock);
    return status;
}
