/* Win32_Service.StartService and StopService: systemctl, run as the caller's own user; polkit decides. */
#include "cimom/provider.h"
#include "host/job.h"
#include "provider/service.h"
#include "provider/systemd.h"

/* Return values of both methods, as the public pages of the class list them. */
enum {
    ACCEPTED = 0, NOT_SUPPORTED = 1, ACCESS_DENIED = 2, CANNOT_ACCEPT = 5, TIMED_OUT = 7, UNKNOWN_FAILURE = 8, ALREADY_RUNNING = 10,
    DEPENDENCY_FAILED = 13, DISABLED = 14,
};
enum { LIMIT_MS = 50000 }; /* below what a request may take */

static bool has(struct slice text, const char *part)
{
    size_t n = strlen(part);
    for (size_t i = 0; i + n <= text.n; i++)
        if (memcmp(text.p + i, part, n) == 0) return true;
    return false;
}

/* The host speaks with LANG=C.UTF-8, so that messages are not translated. */
uint32_t service_change_code(cimf_status status, int exit_code, struct slice err)
{
    if (status == CIMF_TIMED_OUT) return TIMED_OUT;
    if (status == CIMF_NOT_FOUND) return NOT_SUPPORTED; /* there is no systemctl */
    if (status != CIMF_OK) return UNKNOWN_FAILURE;
    if (exit_code == 0) return ACCEPTED;
    if (has(err, "Access denied") || has(err, "authentication required") || has(err, "Permission denied") || exit_code == 4)
        return ACCESS_DENIED;
    if (has(err, "is masked")) return DISABLED;
    if (has(err, "dependency job for")) return DEPENDENCY_FAILED;
    return UNKNOWN_FAILURE;
}

static bool is_started(struct provider_call *c, const struct cim_instance *target)
{
    struct cim_value v;
    return !cim_get_named(c->scratch, target, SLICE("Started"), &v) && !v.null && v.v.u;
}

cimf_status service_change(struct provider_call *c, bool start, const struct cim_instance *target, struct cim_instance *out)
{
    struct cim_value name;
    struct host_answer answer = { .status = CIMF_FAILED };
    if (!target || !out || cim_get_named(c->scratch, target, SLICE("Name"), &name) || name.null) return CIMF_INVALID_METHOD_PARAMETERS;
    bool started = is_started(c, target);
    uint32_t code = !systemd_runs() ? NOT_SUPPORTED : start && started ? ALREADY_RUNNING : !start && !started ? CANNOT_ACCEPT : ACCEPTED;
    struct slice unit = arena_printf(c->scratch, SLICE_FMT ".service", SLICE_ARG(name.v.s));
    const struct slice argv[] = { SLICE("systemctl"), SLICE("--no-ask-password"), SLICE("--quiet"), start ? SLICE("start") : SLICE("stop"),
                                  SLICE("--"), unit };
    const struct host_job job = { .kind = HOST_RUN, .argv = argv, .argc = sizeof argv / sizeof *argv, .timeout_ms = LIMIT_MS };
    if (!unit.p) return CIMF_OUT_OF_MEMORY;
    if (code == ACCEPTED) {
        cimf_status status = provider_host(c, &job, &answer);
        bool answered = status == CIMF_OK || (answer.status == status && answer.text.n);
        if (!answered && status != CIMF_TIMED_OUT) return status;
        code = service_change_code(status, answer.exit_code, answer.err);
    }
    cim_put_u64(out, "ReturnValue", code);
    return CIMF_OK;
}
