/* What a principal is made of: SIDs of account and groups, the local user, who is an administrator. */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "auth/broker_priv.h"
#include "auth/principal_priv.h"
#include "base/log.h"

enum { POSIX_GROUPS = 512, LOOKUP_MAX = 1 << 20 };

/* A principal being put together; everything lives in the arena. */
struct identity {
    const struct broker_local *broker;
    struct arena arena;
    struct principal_data d;
    struct sid *more;
    unsigned room;
    gid_t gids[POSIX_GROUPS];
    int gid_count;
};

static bool identity_init(struct identity *x, const struct broker_local *b, unsigned sids)
{
    *x = (struct identity){ .broker = b, .room = sids + POSIX_GROUPS };
    arena_init(&x->arena, 0);
    x->more = ARENA_ARRAY(&x->arena, x->room, struct sid);
    x->d.more = x->more;
    return x->more != NULL;
}

static void add_sid(struct identity *x, const struct sid *s)
{
    if (x->d.more_count < x->room) x->more[x->d.more_count++] = *s;
}

/* The local user: only by explicit mapping, never because names happen to agree. */
static void map_posix(struct identity *x, struct slice user)
{
    struct passwd pw, *found = NULL;
    char name[256];
    if (user.n == 0 || user.n >= sizeof name) return;
    memcpy(name, user.p, user.n);
    name[user.n] = 0;
    int r = ERANGE;
    for (size_t size = 2048; r == ERANGE && size <= LOOKUP_MAX; size *= 2) {
        char *room = malloc(size);
        if (!room) break;
        r = getpwnam_r(name, &pw, room, size, &found);
        if (r == 0 && found) {
            x->d.has_posix = true;
            x->d.uid = pw.pw_uid;
            x->d.gid = pw.pw_gid;
        }
        free(room);
    }
    if (!x->d.has_posix) {
        log_warn("auth", "no local user posix_user=%s", name);
        return;
    }
    x->gid_count = POSIX_GROUPS;
    if (getgrouplist(name, (gid_t)x->d.gid, x->gids, &x->gid_count) < 0) {
        log_warn("auth", "too many groups, only %d count posix_user=%s", POSIX_GROUPS, name);
        x->gid_count = POSIX_GROUPS;
    }
    for (int i = 0; i < x->gid_count; i++) {
        struct sid s;
        if (sid_of_gid(x->gids[i], &s)) add_sid(x, &s);
    }
}

static bool in_posix_group(const struct identity *x, const char *name)
{
    struct group group, *found = NULL;
    bool in = false;
    int r = ERANGE;
    if (!x->d.has_posix) return false;
    for (size_t size = 2048; r == ERANGE && size <= LOOKUP_MAX; size *= 2) {
        char *room = malloc(size);
        if (!room) break;
        r = getgrnam_r(name, &group, room, size, &found);
        if (r == 0 && found)
            for (int i = 0; i < x->gid_count; i++) in |= x->gids[i] == group.gr_gid;
        free(room);
    }
    return in;
}

static bool in_admin_group(const struct identity *x, const char *name)
{
    struct sid s;
    for (unsigned i = 0; i < x->d.group_count; i++)
        if (slice_ieq(x->d.groups[i], slice_str(name))) return true;
    if (sid_parse(slice_str(name), &s)) {
        for (unsigned i = 0; i < x->d.more_count; i++)
            if (sid_eq(&x->more[i], &s)) return true;
        return strcmp(x->d.sid, name) == 0;
    }
    return in_posix_group(x, name);
}

static const struct principal *identity_finish(struct identity *x)
{
    const char *const *groups = x->broker->config.admin_groups;
    if (x->d.has_posix && x->d.uid == 0) x->d.administrator = true;
    for (unsigned i = 0; groups[i] && !x->d.administrator; i++)
        x->d.administrator = in_admin_group(x, groups[i]);
    const struct principal *p = principal_make(&x->d);
    arena_free(&x->arena);
    return p;
}

const struct principal *identity_of_account(const struct broker_local *b, const struct accounts *all,
                                            const struct account *a, enum auth_scheme scheme,
                                            const struct slice *uri_patterns, unsigned uri_count)
{
    struct identity x;
    char sid[96];
    if (!identity_init(&x, b, a->group_count)) return NULL;
    snprintf(sid, sizeof sid, SLICE_FMT "-%u", SLICE_ARG(accounts_domain_sid(all)), a->rid);
    x.d.name = a->name;
    x.d.domain = SLICE("");
    x.d.groups = a->groups;
    x.d.group_count = a->group_count;
    x.d.scheme = scheme;
    x.d.sid = sid;
    x.d.uri_patterns = uri_patterns;
    x.d.uri_pattern_count = uri_count;
    map_posix(&x, a->posix_user);
    return identity_finish(&x);
}

const struct principal *auth_local_principal(bool administrator)
{
    struct passwd pw, *found = NULL;
    char room[16384], sid[64];
    struct principal_data d = { .has_posix = true, .uid = geteuid(), .gid = getegid(),
                                .scheme = AUTH_LOCAL, .sid = sid, .domain = SLICE("") };
    snprintf(sid, sizeof sid, "S-1-22-1-%u", d.uid); /* Samba's range for users without a SID */
    d.administrator = administrator || d.uid == 0;
    d.name = SLICE("local");
    if (getpwuid_r(d.uid, &pw, room, sizeof room, &found) == 0 && found)
        d.name = slice_str(pw.pw_name);
    return principal_make(&d);
}
