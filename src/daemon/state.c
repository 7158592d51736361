#include "daemon/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "os/file.h"

static cimf_status take_lock(struct config *config, struct state *s, struct error *e)
{
    const char *path = arena_printf(&config->arena, "%s/lock", config_text(config, CONFIG_cimd_state_dir)).p;
    if (!path) return error_set(e, CIMF_OUT_OF_MEMORY, "cimd", "cimd.state_dir is too long");
    cimf_status status = file_lock(path, &s->lock, e);
    char pid[32] = "";
    if (status == CIMF_OK) {
        int n = snprintf(pid, sizeof pid, "%d\n", (int)getpid());
        if (ftruncate(s->lock, 0) != 0 || pwrite(s->lock, pid, (size_t)n, 0) != n)
            return error_errno(e, CIMF_IO_ERROR, "cimd", errno, "cannot write %s", path);
        return CIMF_OK;
    }
    s->lock = 0;
    if (status != CIMF_ALREADY_EXISTS) return status;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd >= 0 && read(fd, pid, sizeof pid - 1) < 0) pid[0] = 0;
    if (fd >= 0) close(fd);
    return error_set(e, CIMF_ALREADY_EXISTS, "cimd", "another cimd (pid %d) uses %s", atoi(pid), config_text(config, CONFIG_cimd_state_dir));
}

static cimf_status open_folder(const char *path, int *fd, struct error *e)
{
    *fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (*fd >= 0) return CIMF_OK;
    *fd = 0;
    return error_errno(e, CIMF_IO_ERROR, "cimd", errno, "cannot open the folder %s", path);
}

cimf_status state_prepare(struct config *config, struct state *s, struct error *e)
{
    *s = (struct state){ 0 };
    const char *dir = config_text(config, CONFIG_cimd_state_dir);
    const char *repository = arena_printf(&config->arena, "%s/repository", dir).p;
    if (!repository) return error_set(e, CIMF_OUT_OF_MEMORY, "cimd", "cimd.state_dir is too long");
    cimf_status status = file_make_folders(dir, 0700, e);
    if (status == CIMF_OK) status = take_lock(config, s, e);
    if (status == CIMF_OK) status = file_make_folders(repository, 0700, e);
    if (status == CIMF_OK) status = open_folder(dir, &s->folder, e);
    if (status == CIMF_OK) status = open_folder(repository, &s->repository, e);
    return status;
}

int state_folder(const struct state *s, enum role role)
{
    return role == ROLE_CORE ? s->repository : s->folder;
}

void state_release(struct state *s)
{
    if (s->lock) close(s->lock);
    if (s->folder) close(s->folder);
    if (s->repository) close(s->repository);
}
