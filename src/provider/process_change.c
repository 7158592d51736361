/* Win32_Process.Create and Terminate: done by a process of the caller's own user (provider_host). */
#include <signal.h>

#include "host/job.h"
#include "cim/object.h"
#include "provider/process.h"

/* Return values of both methods, as the public pages of the class list them. */
enum { DONE = 0, ACCESS_DENIED = 2, UNKNOWN_FAILURE = 8, PATH_NOT_FOUND = 9, INVALID_PARAMETER = 21 };

static uint32_t return_value(cimf_status status)
{
    switch (status) {
    case CIMF_OK: return DONE;
    case CIMF_ACCESS_DENIED: return ACCESS_DENIED;
    case CIMF_NOT_FOUND: return PATH_NOT_FOUND;
    case CIMF_INVALID_PARAMETER: return INVALID_PARAMETER;
    default: return UNKNOWN_FAILURE;
    }
}

/* Answered: what the job came to. Otherwise the call itself fails: nothing could be asked. */
static cimf_status finish(const struct host_answer *answer, bool answered, cimf_status status, struct cim_instance *out)
{
    if (!answered && status != CIMF_INVALID_PARAMETER) return status;
    cim_put_u64(out, "ReturnValue", return_value(answered ? answer->status : status));
    return CIMF_OK;
}

static bool text_of(struct provider_call *c, const struct cim_instance *in, const char *name, struct slice *out)
{
    struct cim_value v;
    *out = SLICE("");
    if (!in || cim_get_named(c->scratch, in, slice_str(name), &v) || v.null) return false;
    *out = v.v.s;
    return true;
}

/* ProcessStartupInformation.EnvironmentVariables. The rest of it is about windows and consoles. */
static cimf_status take_environment(struct provider_call *c, const struct cim_instance *in, struct host_job *job)
{
    struct cim_value startup, list;
    if (!in || cim_get_named(c->scratch, in, SLICE("ProcessStartupInformation"), &startup) || startup.null) return CIMF_OK;
    const struct cim_instance *given = cim_as_instance(startup.v.o);
    if (!given || cim_get_named(c->scratch, given, SLICE("EnvironmentVariables"), &list) || list.null) return CIMF_OK;
    if (list.v.a.n > HOST_WORDS) return CIMF_INVALID_PARAMETER;
    struct slice *env = ARENA_ARRAY(c->scratch, (size_t)list.v.a.n + 1, struct slice);
    if (!env) return CIMF_OUT_OF_MEMORY;
    for (uint32_t i = 0; i < list.v.a.n; i++) env[i] = cim_array_get(CIM_STRING, list.v.a, i).s;
    job->env = env;
    job->env_count = list.v.a.n;
    return CIMF_OK;
}

/* ---- what callers of Windows machines write without being asked ---- */

/* "C:\\a\\b" is /a/b: there is one drive, and callers give its root as the folder when they don't care. Others stay as they are. */
static struct slice folder_of(struct provider_call *c, struct slice given)
{
    if (given.n < 2 || (given.p[0] | 0x20) != 'c' || given.p[1] != ':') return given;
    if (given.n > 2 && given.p[2] != '\\' && given.p[2] != '/') return given;
    struct slice path = arena_dup(c->scratch, given.n == 2 ? SLICE("/") : slice_sub(given, 2));
    for (size_t i = 0; i < path.n; i++)
        if (path.p[i] == '\\') ((char *)path.p)[i] = '/';
    return path;
}

/* "cmd.exe /Q /c LINE" is LINE: a shell is what runs it anyway. */
static struct slice command_of(struct slice line)
{
    static const char *const names[] = { "cmd ", "cmd.exe ", "%comspec% " };
    struct slice rest = SLICE_NULL;
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
        if (slice_istarts(slice_trim(line), slice_str(names[i]))) rest = slice_trim(slice_sub(slice_trim(line), strlen(names[i])));
    while (rest.n > 2 && rest.p[0] == '/') {
        struct slice word = slice_head(rest, slice_find(rest, ' '));
        rest = slice_trim(slice_sub(rest, word.n));
        if (slice_ieq(word, SLICE("/c"))) return rest.n ? rest : line;
    }
    return line;
}

cimf_status process_create(struct provider_call *c, const struct cim_instance *in, struct cim_instance *out)
{
    struct slice line;
    struct host_answer answer = { .status = CIMF_FAILED };
    struct host_job job = { .kind = HOST_SPAWN, .shell = true, .argv = &line, .argc = 1 };
    bool given = text_of(c, in, "CommandLine", &line) && slice_trim(line).n;
    line = command_of(line);
    if (text_of(c, in, "CurrentDirectory", &job.folder)) job.folder = folder_of(c, job.folder);
    cimf_status status = given ? take_environment(c, in, &job) : CIMF_INVALID_PARAMETER;
    if (status != CIMF_OK) return finish(NULL, false, status, out);
    status = provider_host(c, &job, &answer);
    bool answered = status == CIMF_OK || (answer.status == status && answer.text.n);
    if (status == CIMF_OK) cim_put_u64(out, "ProcessId", (uint64_t)answer.pid);
    return finish(&answer, answered, status, out);
}

/* Reason, the exit code on Windows, has no equal: a process that a signal ends has none. */
cimf_status process_terminate(struct provider_call *c, uint32_t pid, struct cim_instance *out)
{
    struct host_answer answer = { .status = CIMF_FAILED };
    const struct host_job job = { .kind = HOST_SIGNAL, .pid = (int32_t)pid, .signal = SIGKILL };
    if (pid == 0 || pid > INT32_MAX) return CIMF_NOT_FOUND;
    cimf_status status = provider_host(c, &job, &answer);
    bool answered = status == CIMF_OK || (answer.status == status && answer.text.n);
    if (answered && status == CIMF_NOT_FOUND) return status; /* it ended meanwhile */
    return finish(&answer, answered, status, out);
}
