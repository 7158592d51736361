#include "daemon/host_keeper.h"

#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "auth/audit.h"
#include "base/clock.h"
#include "base/log.h"
#include "daemon/role_host.h"
#include "os/process.h"

static bool answer(struct host_keeper *k, uint32_t number, cimf_status status, uid_t uid, int fd)
{
    const struct role_message m = { .word = ROLE_HOSTED, .number = number, .status = status, .uid = uid };
    struct error e = ERROR_INIT;
    cimf_status sent = k->core >= 0 ? role_message_send(k->core, &m, fd, &e) : CIMF_OK;
    return sent != CIMF_SERVER_TOO_BUSY;
}

/* Never the id: who reads it could ask with it. */
static void record(struct host_keeper *k, const struct role_message *who, cimf_status status, const char *why, pid_t pid)
{
    char object[32], detail[192];
    snprintf(object, sizeof object, "uid %u", who->uid);
    snprintf(detail, sizeof detail, "sid=%s pid=%d%s%s", who->sid, (int)pid, *why ? " " : "", why);
    struct audit_record r = { .event = AUDIT_HOST_STARTED, .user = slice_str(who->name), .status = status, .detail = slice_str(detail) };
    if (*who->name) r.object = slice_str(object);
    else r.detail = slice_str(why);
    if (k->audit >= 0) audit_attach(k->audit);
    k->audit = -1;
    audit_write(&r);
}

/* --- limits -------------------------------------------------------------------------------------------- */

/* Why this user gets none; NULL: he gets one. */
static const char *refused(const struct host_keeper *k, uid_t uid, cimf_status *status)
{
    unsigned same = 0;
    for (unsigned i = 0; i < k->host_count; i++) same += k->hosts[i].uid == uid;
    *status = CIMF_ACCESS_DENIED;
    if (!config_on(k->config, CONFIG_host_enabled)) return "host.enabled is off";
    if (uid == 0 && !config_on(k->config, CONFIG_host_allow_root)) return "host.allow_root is off";
    if (!k->root && uid != getuid()) return "this daemon is not root";
    for (int i = 0; k->root && i < ROLE_COUNT; i++)
        if (k->own[i] == uid) return "this user is the daemon's own";
    *status = CIMF_SERVER_TOO_BUSY;
    if (k->host_count >= (unsigned)config_number(k->config, CONFIG_quota_max_hosts)) return "quota.max_hosts is reached";
    if (same >= (unsigned)config_number(k->config, CONFIG_quota_max_hosts_per_user)) return "quota.max_hosts_per_user is reached";
    return NULL;
}

/* --- starting ------------------------------------------------------------------------------------------ */

static pid_t fork_host(const struct host_keeper *k, int socket, const struct role_message *who, struct error *e)
{
    const int fds[] = { -1, -1, -1, socket };
    pid_t supervisor = getpid();
    fflush(NULL);
    pid_t pid = process_fork(fds, ROLE_HOST_FD + 1, e);
    if (pid == 0) role_host_become(who->uid, who->gid, k->root, supervisor);
    return pid;
}

static bool start(struct host_keeper *k, uint32_t number, const struct role_message *who)
{
    struct error e = ERROR_INIT;
    cimf_status status;
    const char *why = refused(k, who->uid, &status);
    int pair[2] = { -1, -1 };
    pid_t pid = 0;
    if (!why) {
        status = socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0 ? CIMF_OK : CIMF_FAILED;
        pid = status == CIMF_OK ? fork_host(k, pair[1], who, &e) : -1;
        if (pid < 0) status = CIMF_FAILED;
        why = pid < 0 ? "it could not be started" : "";
    }
    if (pid > 0) {
        k->hosts[k->host_count].pid = pid;
        k->hosts[k->host_count++].uid = who->uid;
    }
    record(k, who, status, why, pid > 0 ? pid : 0);
    bool ok = answer(k, number, status, who->uid, pair[0]);
    if (pair[0] >= 0) close(pair[0]);
    if (pair[1] >= 0) close(pair[1]);
    return ok;
}

/* --- the conversation ---------------------------------------------------------------------------------- */

bool keeper_asked(struct host_keeper *k, const struct role_message *m)
{
    unsigned i = 0;
    while (i < KEEPER_PENDING && k->pending[i].asked) i++;
    if (i == KEEPER_PENDING || !budget_spend(&k->budget, KEEPER_BURST, KEEPER_RATE)) return answer(k, m->number, CIMF_SERVER_TOO_BUSY, 0, -1);
    struct role_message q = { .word = ROLE_RESOLVE, .number = ++k->numbers ? k->numbers : ++k->numbers };
    memcpy(q.id, m->id, sizeof q.id);
    struct error e = ERROR_INIT;
    if (k->auth < 0 || role_message_send(k->auth, &q, -1, &e) != CIMF_OK) return answer(k, m->number, CIMF_SERVER_TOO_BUSY, 0, -1);
    k->pending[i].number = m->number;
    k->pending[i].asked = q.number;
    k->pending[i].deadline = clock_mono_us() + KEEPER_WAIT_US;
    return true;
}

bool keeper_resolved(struct host_keeper *k, const struct role_message *m)
{
    for (unsigned i = 0; m->number && i < KEEPER_PENDING; i++) {
        if (k->pending[i].asked != m->number) continue;
        uint32_t number = k->pending[i].number;
        k->pending[i].asked = 0;
        if (m->status == CIMF_OK) return start(k, number, m);
        record(k, m, CIMF_ACCESS_DENIED, *m->name ? "the account is no local user" : "nobody is logged in with this id", 0);
        return answer(k, number, CIMF_ACCESS_DENIED, 0, -1);
    }
    return true; /* it came too late */
}

bool keeper_ended(struct host_keeper *k, pid_t pid, int status)
{
    for (unsigned i = 0; i < k->host_count; i++) {
        if (k->hosts[i].pid != pid) continue;
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
            log_warn("cimd", "a host ended badly uid=%u pid=%d status=0x%x", (unsigned)k->hosts[i].uid, (int)pid, (unsigned)status);
        k->hosts[i] = k->hosts[--k->host_count];
        return true;
    }
    return false;
}

int64_t keeper_due(const struct host_keeper *k)
{
    int64_t first = INT64_MAX;
    for (unsigned i = 0; i < KEEPER_PENDING; i++)
        if (k->pending[i].asked && k->pending[i].deadline < first) first = k->pending[i].deadline;
    return first;
}

bool keeper_expire(struct host_keeper *k)
{
    bool ok = true;
    int64_t now = clock_mono_us();
    for (unsigned i = 0; i < KEEPER_PENDING; i++) {
        if (!k->pending[i].asked || k->pending[i].deadline > now) continue;
        k->pending[i].asked = 0;
        ok = answer(k, k->pending[i].number, CIMF_TIMED_OUT, 0, -1) && ok;
    }
    return ok;
}
