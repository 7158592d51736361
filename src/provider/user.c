/*
 * provider/user.c - Win32_UserAccount and Win32_Group from the name service (passwd, group,
 * directories behind NSS). Whether an account is locked comes from shadow, which only root may
 * read: else NULL.
 */
#include <errno.h>
#include <grp.h>
#include <pthread.h>
#include <pwd.h>
#include <shadow.h>
#include <stdlib.h>
#include <time.h>

#include "provider/host.h"
#include "provider/source.h"
#include "provider/table.h"
#include "provider/text.h"

#define ACCOUNTS_MAX 200000
#define RECORD_MAX ((size_t)4 << 20) /* bytes of one entry; groups can have many members */

struct account {
    struct slice name, full_name;
    uint32_t id;
};

struct accounts {
    struct account *list;
    size_t count, room;
    struct slice host;
    struct slice only;  /* fixed name in any case, n == 0 for all */
    struct slice local; /* /etc/passwd or /etc/group: names in it are local */
};

/* setpwent() and friends keep one position for the whole process. */
static pthread_mutex_t walk = PTHREAD_MUTEX_INITIALIZER;

static bool add(struct arena *a, struct accounts *s, const char *name, const char *full_name,
                uint32_t id)
{
    if (s->only.n && !slice_ieq(slice_str(name), s->only)) return true;
    if (s->count == s->room) {
        size_t room = s->room ? s->room * 2 : 64;
        struct account *bigger = ARENA_ARRAY(a, room, struct account);
        if (!bigger) return false;
        if (s->count) memcpy(bigger, s->list, s->count * sizeof *bigger);
        s->list = bigger;
        s->room = room;
    }
    struct slice full = slice_str(full_name ? full_name : "");
    s->list[s->count++] =
        (struct account){ .name = text_clean(a, slice_str(name)),
                          .full_name = text_clean(a, slice_head(full, slice_find(full, ','))),
                          .id = id };
    return true;
}

/* The entry's texts need a buffer whose size nobody knows: doubled until it fits. */
static bool find_user(struct arena *a, struct accounts *s, const char *name)
{
    struct passwd pw, *found = NULL;
    for (size_t room = 1024; room <= RECORD_MAX; room *= 4) {
        char *buffer = malloc(room);
        if (!buffer) return false;
        int e = getpwnam_r(name, &pw, buffer, room, &found);
        bool ok = e != 0 || !found || add(a, s, found->pw_name, found->pw_gecos, found->pw_uid);
        free(buffer);
        if (e != ERANGE) return ok;
    }
    return true;
}

static bool find_group(struct arena *a, struct accounts *s, const char *name)
{
    struct group gr, *found = NULL;
    for (size_t room = 1024; room <= RECORD_MAX; room *= 4) {
        char *buffer = malloc(room);
        if (!buffer) return false;
        int e = getgrnam_r(name, &gr, buffer, room, &found);
        bool ok = e != 0 || !found || add(a, s, found->gr_name, NULL, found->gr_gid);
        free(buffer);
        if (e != ERANGE) return ok;
    }
    return true;
}

static bool all_users(struct provider_call *c, struct accounts *s)
{
    bool ok = true;
    pthread_mutex_lock(&walk);
    setpwent();
    for (struct passwd *p; ok && s->count < ACCOUNTS_MAX && !c->cancelled(c) && (p = getpwent());)
        ok = add(c->arena, s, p->pw_name, p->pw_gecos, p->pw_uid);
    endpwent();
    pthread_mutex_unlock(&walk);
    return ok;
}

static bool all_groups(struct provider_call *c, struct accounts *s)
{
    bool ok = true;
    pthread_mutex_lock(&walk);
    setgrent();
    for (struct group *g; ok && s->count < ACCOUNTS_MAX && !c->cancelled(c) && (g = getgrent());)
        ok = add(c->arena, s, g->gr_name, NULL, g->gr_gid);
    endgrent();
    pthread_mutex_unlock(&walk);
    return ok;
}

static cimf_status account_open(struct provider_call *c, void **state, size_t *rows, bool groups)
{
    struct accounts *s = ARENA_NEW(c->arena, struct accounts);
    struct slice domain;
    if (!s) return CIMF_OUT_OF_MEMORY;
    s->host = host_name(c->arena);
    *state = s;
    *rows = 0;
    if (provider_key_text(c, "Domain", &domain) && !slice_ieq(domain, s->host)) return CIMF_OK;
    if (!source_read(c->arena, &s->local, groups ? "/etc/group" : "/etc/passwd"))
        s->local = SLICE("");
    bool ok = true;
    if (provider_key_text(c, "Name", &s->only)) { /* names in another case are found by the walk */
        char *z = arena_strz(c->arena, s->only);
        ok = z && (groups ? find_group(c->arena, s, z) : find_user(c->arena, s, z));
    }
    if (ok && s->count == 0) ok = groups ? all_groups(c, s) : all_users(c, s);
    *rows = s->count;
    return ok ? CIMF_OK : CIMF_OUT_OF_MEMORY;
}

static bool is_local(struct slice file, struct slice name)
{
    struct slice line;
    while (text_line(&file, &line))
        if (line.n > name.n && line.p[name.n] == ':' && slice_starts(line, name)) return true;
    return false;
}

static void put_account(struct cim_instance *out, struct arena *a, const struct accounts *s,
                        const struct account *x)
{
    struct slice caption =
        arena_printf(a, SLICE_FMT "\\" SLICE_FMT, SLICE_ARG(s->host), SLICE_ARG(x->name));
    cim_put_str(out, "Name", x->name);
    cim_put_str(out, "Domain", s->host);
    cim_put_str(out, "Caption", caption);
    cim_put_str(out, "Description", caption);
    cim_put_bool(out, "LocalAccount", is_local(s->local, x->name));
    cim_put_strz(out, "Status", "OK");
}

/* shadow(5): a hash that begins with '!' or '*' lets nobody in with a password. */
static void put_password(struct provider_call *c, struct cim_instance *out, const struct account *x)
{
    static const char *const from_here[] = { "Disabled", "PasswordRequired", "PasswordExpires",
                                             "PasswordChangeable", "Status" };
    bool wanted = false;
    for (size_t i = 0; i < sizeof from_here / sizeof from_here[0]; i++)
        wanted |= provider_wants(c, from_here[i]);
    char *name = wanted ? arena_strz(c->scratch, x->name) : NULL;
    struct spwd sp, *found = NULL;
    char buffer[8192];
    if (!name || getspnam_r(name, &sp, buffer, sizeof buffer, &found) || !found) return;
    long today = (long)(time(NULL) / 86400);
    bool disabled = found->sp_pwdp[0] == '!' || found->sp_pwdp[0] == '*' ||
                    (found->sp_expire > 0 && found->sp_expire < today);
    cim_put_bool(out, "Disabled", disabled);
    if (disabled) cim_put_strz(out, "Status", "Degraded");
    cim_put_bool(out, "PasswordRequired", found->sp_pwdp[0] != 0);
    cim_put_bool(out, "PasswordExpires", found->sp_max >= 0 && found->sp_max < 99999);
    cim_put_bool(out, "PasswordChangeable", !(found->sp_max >= 0 && found->sp_min > found->sp_max));
    explicit_bzero(buffer, sizeof buffer);
}

static cimf_status user_open(struct provider_call *c, void **state, size_t *rows)
{
    return account_open(c, state, rows, false);
}

static cimf_status user_fill(struct provider_call *c, void *state, size_t row,
                             struct cim_instance *out)
{
    const struct accounts *s = state;
    const struct account *x = &s->list[row];
    put_account(out, c->scratch, s, x);
    cim_put_str(out, "SID", host_user_sid(c->scratch, x->id));
    cim_put_u64(out, "SIDType", 1);
    if (x->full_name.n) cim_put_str(out, "FullName", x->full_name);
    cim_put_u64(out, "AccountType", 512); /* normal account */
    put_password(c, out, x);
    return arena_status(c->scratch);
}

static cimf_status group_open(struct provider_call *c, void **state, size_t *rows)
{
    return account_open(c, state, rows, true);
}

static cimf_status group_fill(struct provider_call *c, void *state, size_t row,
                              struct cim_instance *out)
{
    const struct accounts *s = state;
    const struct account *x = &s->list[row];
    put_account(out, c->scratch, s, x);
    cim_put_str(out, "SID", host_group_sid(c->scratch, x->id));
    cim_put_u64(out, "SIDType",
                is_local(s->local, x->name) ? 4 : 2); /* alias: a group of this machine */
    return arena_status(c->scratch);
}

const struct provider_class provider_user = {
    .ns = "root/cimv2",
    .class_name = "Win32_UserAccount",
    .flags = PROVIDER_BLOCKING,
    .open = user_open,
    .fill = user_fill,
};
const struct provider_class provider_group = {
    .ns = "root/cimv2",
    .class_name = "Win32_Group",
    .flags = PROVIDER_BLOCKING,
    .open = group_open,
    .fill = group_fill,
};
