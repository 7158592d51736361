#include "daemon/care.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "daemon/role.h"

enum { PATH_ROOM = 300 };

struct care_work {
    struct core *core;
    struct wmi_care_job *job;
};

static cimf_status restore(struct core *core, const struct cimom_caller *who, const char *file, struct error *e)
{
    int fd = openat(ROLE_FD_BACKUP, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    int number = errno;
    /* Who may not restore is not told which files there are. */
    if (fd < 0 && who->principal->administrator)
        return error_errno(e, number == ENOENT ? CIMF_NOT_FOUND : CIMF_ACCESS_DENIED, "cimd", number, "cannot read the backup %s", file);
    cimf_status status = cimom_restore(core->cimom, who, fd, e);
    if (fd >= 0) close(fd);
    return status;
}

static cimf_status backup(struct core *core, const struct cimom_caller *who, const char *file, struct error *e)
{
    char path[PATH_ROOM];
    snprintf(path, sizeof path, "/proc/self/fd/%d/%s", ROLE_FD_BACKUP, file);
    return cimom_backup(core->cimom, who, path, e);
}

static void tell(void *arg)
{
    struct wmi_care_job *job = arg;
    job->done(job);
}

static void work(void *arg)
{
    struct care_work *w = arg;
    struct wmi_care_job *job = w->job;
    struct error e = ERROR_INIT;
    const struct cimom_caller who = { .principal = job->principal, .peer = slice_str(job->peer), .file = slice_str(job->file) };
    switch (job->what) {
    case WMI_BACKUP: job->status = backup(w->core, &who, job->file, &e); break;
    case WMI_RESTORE: job->status = restore(w->core, &who, job->file, &e); break;
    case WMI_PAUSE: job->status = cimom_pause(w->core->cimom, &who, &e); break;
    case WMI_RESUME: job->status = cimom_resume(w->core->cimom, &who, &e); break;
    }
    /* The client gets a number only; of who may not the audit record tells. */
    if (job->status && job->status != CIMF_ACCESS_DENIED) log_failure("cimd-core", &e, job->what == WMI_BACKUP ? "a backup over WMI" : job->what == WMI_RESTORE ? "a restore over WMI" : "pause or resume over WMI");
    free(w);
    if (!exec_post(job->home, tell, job)) tell(job);
}

static bool run(void *arg, struct wmi_care_job *job)
{
    struct care_work *w = malloc(sizeof *w);
    if (!w) return false;
    *w = (struct care_work){ arg, job };
    if (exec_post_for(pool_exec(w->core->pool), principal_owner(job->principal), work, w)) return true;
    free(w);
    return false;
}

static uint64_t generation(void *arg)
{
    return cimom_generation(((struct core *)arg)->cimom);
}

struct wmi_care_hooks care_hooks(struct core *core)
{
    return (struct wmi_care_hooks){ run, generation, core };
}
