/* What the roles have in common. */
#include "daemon/role.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "auth/audit.h"
#include "base/log.h"
#include "os/file.h"

const char *const role_names[ROLE_COUNT] = { [ROLE_AUTH] = "cimd-auth", [ROLE_CORE] = "cimd-core" };

static cimf_status read_start(struct role_start *start, struct config *config, struct error *e)
{
    char path[32];
    struct buf text;
    buf_init(&text, 4 << 20);
    snprintf(path, sizeof path, "/proc/self/fd/%d", ROLE_FD_START);
    cimf_status status = file_read_buf(&text, path, NULL);
    if (status != CIMF_OK || text.n < sizeof *start) status = error_set(e, CIMF_USAGE, "cimd", "only cimd serve starts this");
    if (status == CIMF_OK) {
        memcpy(start, text.p, sizeof *start);
        if (start->magic != ROLE_MAGIC || start->listeners > ROLE_LISTENERS)
            status = error_set(e, CIMF_USAGE, "cimd", "only cimd serve starts this");
    }
    if (status == CIMF_OK) status = config_thaw(config, slice_sub(buf_slice(&text), sizeof *start), e);
    buf_free(&text);
    return status;
}

cimf_status role_begin(struct role_start *start, struct config *config, struct error *e)
{
    *start = (struct role_start){ 0 };
    cimf_status status = config_init(config, e);
    if (status == CIMF_OK) status = read_start(start, config, e);
    if (status != CIMF_OK) return status;
    close(ROLE_FD_START);
    if (fchdir(ROLE_FD_FOLDER) != 0) return error_errno(e, CIMF_FAILED, "cimd", errno, "cannot go to the folder of this process");
    close(ROLE_FD_FOLDER);
    if (start->drop) status = identity_become(&start->who, e);
    if (status != CIMF_OK) return status;
    /* After the change of user, which clears it. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != start->supervisor)
        return error_set(e, CIMF_SHUTTING_DOWN, "cimd", "the supervisor has ended");
    enum log_level level;
    if (log_level_parse(slice_str(config_text(config, CONFIG_cimd_log_level)), &level)) log_set_level(level);
    audit_attach(ROLE_FD_AUDIT);
    return CIMF_OK;
}

int role_failed(const char *what, const struct error *e)
{
    const char *text = error_text(e), *subject = strstr(text, e->subject) ? "" : e->subject;
    fprintf(stderr, "cimd serve: %s: %s%s%s\n", what, subject, *subject ? ": " : "", text);
    int code = cimf_status_info(e->status)->exit_code;
    return code ? code : 1;
}

int role_main(const char *name)
{
    static int (*const mains[ROLE_COUNT])(void) = { [ROLE_AUTH] = role_auth_main, [ROLE_CORE] = role_core_main };
    for (int i = 0; i < ROLE_COUNT; i++) {
        if (strcmp(name, role_names[i]) != 0) continue;
        prctl(PR_SET_NAME, name);
        return mains[i]();
    }
    fprintf(stderr, "cimd: only cimd serve starts '%.40s'\n", name);
    return 2;
}
