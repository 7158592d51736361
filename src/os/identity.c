#include "os/identity.h"

#include <cap-ng.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

static bool number_of(const char *text, uid_t *out)
{
    char *end;
    errno = 0;
    unsigned long n = strtoul(text, &end, 10);
    if (errno || end == text || *end || *text == '-' || *text == '+' || n >= (uid_t)-1) return false;
    *out = (uid_t)n;
    return true;
}

cimf_status identity_find(const char *name, struct identity *out, struct error *e)
{
    uid_t uid;
    *out = (struct identity){ 0 };
    if (number_of(name, &uid)) {
        out->uid = uid;
        out->gid = (gid_t)uid;
        return CIMF_OK;
    }
    const struct passwd *p = getpwnam(name);
    if (!p) return error_set(e, CIMF_NOT_FOUND, "os", "there is no user '%s'", name);
    int count = IDENTITY_GROUPS;
    out->uid = p->pw_uid;
    out->gid = p->pw_gid;
    if (getgrouplist(p->pw_name, p->pw_gid, out->groups, &count) < 0)
        return error_set(e, CIMF_QUOTA_VIOLATION, "os", "user '%s' is in more than %d groups", name, IDENTITY_GROUPS);
    out->group_count = (unsigned)count;
    return CIMF_OK;
}

static cimf_status change(uid_t uid, gid_t gid, struct error *e)
{
    capng_clear(CAPNG_SELECT_ALL);
    if (capng_change_id((int)uid, (int)gid, CAPNG_CLEAR_BOUNDING | CAPNG_CLEAR_AMBIENT) != 0)
        return error_set(e, CIMF_ACCESS_DENIED, "os", "cannot become user %u", (unsigned)uid);
    return CIMF_OK;
}

static cimf_status seal(uid_t uid, struct error *e)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || (uid && (setresuid((uid_t)-1, 0, (uid_t)-1) == 0 || setgid(0) == 0)))
        return error_set(e, CIMF_ACCESS_DENIED, "os", "the rights of user 0 could not be given up");
    return CIMF_OK;
}

cimf_status identity_become(const struct identity *who, struct error *e)
{
    if (setgroups(who->group_count, who->groups) != 0)
        return error_errno(e, CIMF_ACCESS_DENIED, "os", errno, "cannot take the groups of user %u", (unsigned)who->uid);
    cimf_status status = change(who->uid, who->gid, e);
    return status == CIMF_OK ? seal(who->uid, e) : status;
}

cimf_status identity_enter(const char *name, uid_t uid, gid_t gid, struct error *e)
{
    if ((name ? initgroups(name, gid) : setgroups(0, NULL)) != 0)
        return error_errno(e, CIMF_ACCESS_DENIED, "os", errno, "cannot take the groups of user %u", (unsigned)uid);
    cimf_status status = CIMF_OK;
    if (uid) status = change(uid, gid, e);
    else if (setresgid(gid, gid, gid) != 0) status = error_errno(e, CIMF_ACCESS_DENIED, "os", errno, "cannot take group %u", (unsigned)gid);
    return status == CIMF_OK ? seal(uid, e) : status;
}
