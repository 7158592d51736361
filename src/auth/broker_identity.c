/* What a principal is made of: SIDs of account and groups, the local user, who is an administrator. */
#include <errno.h>
#include <grp.h>
#include <openssl/evp.h>
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

/* Groups of the accounts file; the token finds BUILTIN ones itself, and only we say who is an administrator. */
static void add_groups(struct identity *x, const struct accounts *all, const struct account *a)
{
    struct sid s, domain;
    uint32_t rid;
    if (!sid_parse(accounts_domain_sid(all), &domain)) return;
    for (unsigned i = 0; i < a->group_count; i++)
        if (accounts_group_sid(all, a->groups[i], &s) && sid_in_domain(&s, &domain, &rid))
            add_sid(x, &s);
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
    struct slice z = slice_str(name), user = x->d.name;
    if (x->d.domain.n && z.n == user.n + 1 + x->d.domain.n && slice_starts(z, user) &&
        z.p[user.n] == '@' && slice_eq(slice_sub(z, user.n + 1), x->d.domain))
        return true; /* a user of a realm by name */
    if (sid_parse(slice_str(name), &s)) { /* never a group that only is called so */
        for (unsigned i = 0; i < x->d.more_count; i++)
            if (sid_eq(&x->more[i], &s)) return true;
        return strcmp(x->d.sid, name) == 0;
    }
    for (unsigned i = 0; i < x->d.group_count; i++)
        if (slice_ieq(x->d.groups[i], slice_str(name))) return true;
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
    add_groups(&x, all, a);
    map_posix(&x, a->posix_user);
    return identity_finish(&x);
}

const struct principal *identity_of_user(const struct broker_local *b, struct slice user, enum auth_scheme scheme)
{
    struct identity x;
    struct sid s;
    char sid[SID_TEXT];
    if (!identity_init(&x, b, 0)) return NULL;
    x.d.name = user;
    x.d.domain = SLICE("");
    x.d.scheme = scheme;
    x.d.sid = sid;
    map_posix(&x, user);
    if (!x.d.has_posix || !sid_of_uid(x.d.uid, &s)) {
        arena_free(&x.arena);
        return NULL;
    }
    sid_format(&s, sid);
    return identity_finish(&x);
}

bool identity_user_is(const struct broker_local *b, struct slice user, const char *sid)
{
    const struct principal *p = identity_of_user(b, user, AUTH_NONE);
    bool same = p && strcmp(p->sid, sid) == 0;
    principal_unref(p);
    return same;
}

/* A stable SID for a name whose ticket brings none: S-1-22-16 and 128 bits of SHA-256(realm, NUL, name). */
static void realm_sid(struct slice user, struct slice realm, struct sid *out)
{
    unsigned char hash[32];
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    *out = (struct sid){ .authority = 22, .sub = { 16 }, .count = 5 };
    bool ok = c && EVP_DigestInit_ex(c, EVP_sha256(), NULL) && EVP_DigestUpdate(c, realm.p, realm.n) &&
              EVP_DigestUpdate(c, "", 1) && EVP_DigestUpdate(c, user.p, user.n) &&
              EVP_DigestFinal_ex(c, hash, NULL);
    EVP_MD_CTX_free(c);
    for (int i = 0; ok && i < 16; i++)
        out->sub[1 + i / 4] = out->sub[1 + i / 4] << 8 | hash[i];
    if (!ok) *out = sid_known(SID_NOBODY);
}

/* A KDC speaks for its domains: not for this machine's accounts, nor for well-known groups or POSIX ids. */
static bool pac_sid_ok(const struct accounts *all, const struct sid *s)
{
    struct sid domain;
    uint32_t rid;
    if (s->authority == 18) return true; /* asserted identity */
    if (s->authority != 5 || s->count < 4 || s->sub[0] != 21) return false;
    return !all || !sid_parse(accounts_domain_sid(all), &domain) ||
           !(sid_eq(s, &domain) || sid_in_domain(s, &domain, &rid));
}

static bool pac_sid_read(const struct accounts *all, struct slice binary, struct sid *out)
{
    struct cursor c = cursor_of(binary);
    return sid_read(&c, out) && cursor_left(&c) == 0 && pac_sid_ok(all, out);
}

/* The account of the accounts file that is called so, exactly: realms may tell "Root" from "root". */
static const struct account *realm_account(const struct accounts *all, struct slice user,
                                           struct slice realm)
{
    char name[ACCOUNTS_NAME_MAX + 1];
    int n = snprintf(name, sizeof name, SLICE_FMT "@" SLICE_FMT, SLICE_ARG(user), SLICE_ARG(realm));
    if (!all || n < 0 || (size_t)n >= sizeof name) return NULL;
    const struct account *a = accounts_find(all, slice_of(name, (size_t)n));
    return a && slice_eq(a->name, slice_of(name, (size_t)n)) ? a : NULL;
}

/* What the accounts file says of a Kerberos user: groups, SIDs, the local user; root is nobody's. */
static void take_account(struct identity *x, const struct accounts *all, const struct account *a)
{
    struct sid s;
    x->d.groups = a->groups;
    x->d.group_count = a->group_count;
    if (accounts_sid(all, a->rid, &s)) add_sid(x, &s);
    add_groups(x, all, a);
    map_posix(x, a->posix_user);
    if (!x->d.has_posix || x->d.uid != 0) return;
    log_warn("auth", "a Kerberos name is not mapped to uid 0 user=" SLICE_FMT, SLICE_ARG(a->name));
    x->d.has_posix = false;
    x->d.more_count -= (unsigned)x->gid_count;
    x->gid_count = 0;
}

/* Begins the identity of a Kerberos name; false: it may not log in, or no memory. *a: its account, if it has one. */
static bool realm_begin(struct identity *x, const struct broker_local *b, const struct accounts *all, struct slice user,
                        struct slice realm, unsigned sids, const struct account **a)
{
    *a = realm_account(all, user, realm);
    /* A file that cannot be read may hold an account that is closed. */
    if (*a ? !broker_active(*a) : broker_unreadable(b, all)) return false;
    if (!identity_init(x, b, sids + ACCOUNTS_GROUPS_MAX + 1)) return false;
    x->d.name = user;
    x->d.domain = realm;
    x->d.scheme = AUTH_KERBEROS;
    return true;
}

const struct principal *identity_of_realm_user(const struct broker_local *b, const struct accounts *all,
                                               struct slice user, struct slice realm,
                                               const struct slice *pac_sids, unsigned pac_count)
{
    struct identity x;
    struct sid own, s;
    char sid[SID_TEXT];
    const struct account *a;
    if (!realm_begin(&x, b, all, user, realm, pac_count, &a)) return NULL;
    realm_sid(user, realm, &own);
    if (pac_count && pac_sid_read(all, pac_sids[0], &s)) own = s;
    for (unsigned i = 1; i < pac_count; i++)
        if (pac_sid_read(all, pac_sids[i], &s)) add_sid(&x, &s);
    sid_format(&own, sid);
    x.d.sid = sid;
    if (a) take_account(&x, all, a);
    return identity_finish(&x);
}

const struct principal *identity_of_realm_user_now(const struct broker_local *b, const struct accounts *all,
                                                   const struct principal *was)
{
    struct identity x;
    const struct account *a;
    const struct access_token *t = was->token;
    if (!realm_begin(&x, b, all, was->name, was->domain, t->count, &a)) return NULL;
    for (unsigned i = 1; i < t->count; i++) /* the ticket's; what the account gave is given anew */
        if (pac_sid_ok(all, &t->sids[i])) add_sid(&x, &t->sids[i]);
    x.d.sid = was->sid;
    if (a) take_account(&x, all, a);
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
