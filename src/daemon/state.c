#include "daemon/state.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
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
    *fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (*fd >= 0) return CIMF_OK;
    *fd = 0;
    return error_errno(e, CIMF_IO_ERROR, "cimd", errno, "cannot open the folder %s", path);
}

/* --- ownership, for root ---------------------------------------------------------------------------- */

/* A folder that a role can write may hold anything: no link is followed, and what has a second name is left alone. */
static cimf_status give(int dir, const char *name, const struct identity *who, struct error *e)
{
    struct stat st;
    int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) return CIMF_OK;
    int number = fd < 0 || fstat(fd, &st) != 0 ? errno : 0;
    bool plain = !number && (S_ISDIR(st.st_mode) || (S_ISREG(st.st_mode) && st.st_nlink == 1));
    if (!number && !plain) number = EMLINK;
    if (!number && (st.st_uid != who->uid || st.st_gid != who->gid) && fchown(fd, who->uid, who->gid) != 0) number = errno;
    if (fd >= 0) close(fd);
    return number ? error_errno(e, CIMF_ACCESS_DENIED, "cimd", number, "cannot give %s to user %u", name, (unsigned)who->uid) : CIMF_OK;
}

/* lenient: what cannot be given stays as it is, for a folder where administrators put what they like. */
static cimf_status give_folder(int folder, const struct identity *who, bool lenient, struct error *e)
{
    cimf_status status = give(folder, ".", who, e);
    int copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = copy >= 0 ? fdopendir(copy) : NULL;
    if (!dir) {
        if (copy >= 0) close(copy);
        return error_errno(e, CIMF_IO_ERROR, "cimd", errno, "cannot read a folder below cimd.state_dir");
    }
    for (struct dirent *d; status == CIMF_OK && (d = readdir(dir));)
        if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0) {
            cimf_status given = give(folder, d->d_name, who, lenient ? NULL : e);
            if (!lenient) status = given;
        }
    closedir(dir);
    return status;
}

static cimf_status give_secrets(struct config *config, const struct identity *who, struct error *e)
{
    const char *accounts = config_accounts(config), *key = config_text(config, CONFIG_auth_accounts_key);
    if (!*key) key = arena_printf(&config->arena, "%s.key", accounts).p;
    cimf_status status = give(AT_FDCWD, accounts, who, e);
    if (status == CIMF_OK) status = give(AT_FDCWD, key, who, e);
    const char *map = config_certificates(config), *lock = arena_printf(&config->arena, "%s.lock", map ? map : "").p;
    if (status == CIMF_OK && (!map || !lock)) status = error_set(e, CIMF_OUT_OF_MEMORY, "cimd", "auth.certificates is too long");
    if (status == CIMF_OK) status = give(AT_FDCWD, map, who, e);
    if (status == CIMF_OK) status = give(AT_FDCWD, lock, who, e);
    return status;
}

cimf_status state_user(const struct config *config, enum config_key key, struct identity *out, struct error *e)
{
    const char *name = config_text(config, key), *which = key == CONFIG_cimd_user ? "user" : "auth_user";
    if (identity_find(name, out, e) != CIMF_OK)
        return error_set(e, CIMF_NOT_FOUND, "cimd",
                         "there is no user '%.64s' (cimd.%s). Make it:\n  useradd --system --user-group --no-create-home "
                         "--home-dir / --shell /usr/sbin/nologin %.64s\nor set cimd.%s to another user or a number", name, which, name, which);
    if (out->uid == 0) return error_set(e, CIMF_INVALID_PARAMETER, "cimd", "cimd.%s must not be root", which);
    return CIMF_OK;
}

cimf_status state_users(const struct config *config, struct identity who[ROLE_COUNT], struct error *e)
{
    cimf_status status = state_user(config, CONFIG_cimd_user, &who[ROLE_CORE], e);
    if (status == CIMF_OK) status = state_user(config, CONFIG_cimd_auth_user, &who[ROLE_AUTH], e);
    if (status == CIMF_OK && who[ROLE_CORE].uid == who[ROLE_AUTH].uid)
        return error_set(e, CIMF_INVALID_PARAMETER, "cimd", "cimd.user and cimd.auth_user must differ: one would read the other's secrets");
    return status;
}

static cimf_status give_all(struct config *config, struct state *s, struct error *e)
{
    if (fchown(s->folder, 0, 0) != 0 || fchmod(s->folder, 0711) != 0)
        return error_errno(e, CIMF_IO_ERROR, "cimd", errno, "cannot set owner and mode of %s", config_text(config, CONFIG_cimd_state_dir));
    cimf_status status = give_folder(s->repository, &s->who[ROLE_CORE], false, e);
    if (status == CIMF_OK && !*config_text(config, CONFIG_wmi_backup_dir)) status = give_folder(s->backup, &s->who[ROLE_CORE], true, e);
    if (status == CIMF_OK) status = give_secrets(config, &s->who[ROLE_AUTH], e);
    if (status == CIMF_OK) status = give(s->folder, "auth", &s->who[ROLE_AUTH], e);
    return status;
}

/* --- all of it -------------------------------------------------------------------------------------- */

static cimf_status make_below(const char *dir, const char *name, struct config *config, int *fd, struct error *e)
{
    const char *path = arena_printf(&config->arena, "%s/%s", dir, name).p;
    if (!path) return error_set(e, CIMF_OUT_OF_MEMORY, "cimd", "cimd.state_dir is too long");
    cimf_status status = file_make_folders(path, 0700, e);
    return status == CIMF_OK && fd ? open_folder(path, fd, e) : status;
}

cimf_status state_prepare(struct config *config, struct state *s, struct error *e)
{
    *s = (struct state){ .drop = geteuid() == 0 };
    const char *dir = config_text(config, CONFIG_cimd_state_dir);
    cimf_status status = s->drop ? state_users(config, s->who, e) : CIMF_OK;
    if (status == CIMF_OK) status = file_make_folders(dir, 0700, e);
    if (status == CIMF_OK) status = take_lock(config, s, e);
    if (status == CIMF_OK) status = open_folder(dir, &s->folder, e);
    if (status == CIMF_OK) status = make_below(dir, "repository", config, &s->repository, e);
    const char *backup = config_text(config, CONFIG_wmi_backup_dir);
    if (status == CIMF_OK && !*backup) status = make_below(dir, "backup", config, &s->backup, e);
    if (status == CIMF_OK && *backup && (status = open_folder(backup, &s->backup, e)) != CIMF_OK) error_subject(e, SLICE("wmi.backup_dir"));
    if (status == CIMF_OK) status = make_below(dir, "auth", config, NULL, e);
    if (status == CIMF_OK && s->drop) status = give_all(config, s, e);
    return status;
}

cimf_status state_reload(struct config *config, const struct state *s, struct error *e)
{
    return s->drop ? give_secrets(config, &s->who[ROLE_AUTH], e) : CIMF_OK;
}

int state_folder(const struct state *s, enum role role)
{
    return role == ROLE_CORE ? s->repository : s->folder;
}

void state_started(struct state *s)
{
    if (s->folder) close(s->folder);
    if (s->repository) close(s->repository);
    if (s->backup) close(s->backup);
    s->folder = s->repository = s->backup = 0;
}

void state_release(struct state *s)
{
    state_started(s);
    if (s->lock) close(s->lock);
    s->lock = 0;
}
