/* Backup: a whole file, checked before it is trusted, renamed into place. restore.c is the way back. */
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

cimf_status repo_file_error(struct error *e, const char *what, const char *path)
{
    int number = errno;
    cimf_status status = number == ENOSPC || number == EDQUOT || number == EFBIG ? CIMF_OUT_OF_DISK_SPACE
                         : number == EACCES || number == EPERM || number == EROFS ? CIMF_ACCESS_DENIED
                         : number == ENOENT                                       ? CIMF_NOT_FOUND
                                                                                  : CIMF_CRITICAL_ERROR;
    return error_errno(e, status, "repo", number, "cannot %s %s", what, path);
}

cimf_status repo_put_in_place(const char *temporary, const char *path, const char *folder, struct error *e)
{
    if (rename(temporary, path)) return repo_file_error(e, "rename to", path);
    return file_sync_folder(folder, e);
}

/* LMDB copies the pages of one snapshot. */
cimf_status repo_copy_store(struct repo *r, const char *to, struct error *e)
{
    int fd = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) return repo_file_error(e, "create", to);
    cimf_status status = CIMF_OK;
    repo_gate_enter(r);
    int rc = mdb_env_copyfd2(r->env, fd, 0);
    repo_gate_leave(r);
    if (rc) status = repo_db_error(NULL, rc, e, "copying the repository");
    else if (fsync(fd)) status = repo_file_error(e, "write", to);
    if (close(fd) && !status) status = repo_file_error(e, "write", to);
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
        status = repo_copy_store(r, temporary, e);
        if (!status) status = store_check_file(temporary, &h, NULL, NULL, e);
        if (!status) status = repo_put_in_place(temporary, path, folder, e);
        if (status) unlink(temporary);
    }
    arena_free(&a);
    return status;
}
