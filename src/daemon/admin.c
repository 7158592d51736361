#include "daemon/admin.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "auth/audit.h"
#include "auth/broker.h"
#include "base/log.h"
#include "os/file.h"
#include "os/identity.h"

/* The broker reads the files: when root makes them they are for its user, if this system has it. */
static void owner(const char *user, struct accounts_place *out)
{
    struct identity who;
    if (geteuid() != 0 || identity_find(user, &who, NULL) != CIMF_OK) return;
    out->has_owner = true;
    out->owner = who.uid;
    out->group = who.gid;
}

void admin_open_audit(struct command *c)
{
    const char *path = config_audit_log(&c->config);
    int fd = path ? open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600) : -1;
    if (fd < 0) fprintf(stderr, "cimd %s: the audit log %s cannot be written (%s): the change is not recorded there\n",
                        c->info->name, path ? path : "", strerror(errno));
    else log_set_level(LOG_WARN_); /* the record needs no second way to the terminal */
    audit_attach(fd);
}

cimf_status admin_begin(struct command *c, bool change, struct accounts_place *out, struct error *e)
{
    const char *key = config_text(&c->config, CONFIG_auth_accounts_key);
    *out = (struct accounts_place){ .path = config_accounts(&c->config), .key_path = *key ? key : NULL,
                                    .realm = slice_str(config_text(&c->config, CONFIG_auth_realm)),
                                    .new_key = c->force };
    if (!out->path) return error_set(e, CIMF_OUT_OF_MEMORY, "cimd", "no memory");
    owner(config_text(&c->config, CONFIG_cimd_auth_user), out);
    if (!change) return CIMF_OK;
    cimf_status s = file_make_folders(config_text(&c->config, CONFIG_cimd_state_dir), 0700, e);
    if (s == CIMF_OK) admin_open_audit(c);
    return s;
}

cimf_status admin_begin_certmap(struct command *c, bool change, struct accounts_place *out, struct error *e)
{
    cimf_status s = admin_begin(c, change, out, e);
    const char *path = config_certificates(&c->config), *slash = path ? strrchr(path, '/') : NULL;
    out->path = path;
    if (s == CIMF_OK && !path) s = error_set(e, CIMF_OUT_OF_MEMORY, "cimd", "no memory");
    if (s != CIMF_OK || !change || !slash || slash == path) return s;
    const char *folder = arena_strz(&c->config.arena, slice_of(path, (size_t)(slash - path)));
    return folder ? file_make_folders(folder, 0700, e) : error_set(e, CIMF_OUT_OF_MEMORY, "cimd", "no memory");
}

/* Who logged in at the machine, which sudo and su don't change; else who runs this. */
static uid_t login_uid(void)
{
    char text[16] = "";
    int fd = open("/proc/self/loginuid", O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        ssize_t n = read(fd, text, sizeof text - 1);
        text[n > 0 ? n : 0] = 0;
        close(fd);
    }
    unsigned long v = *text ? strtoul(text, NULL, 10) : UINT32_MAX;
    return v < UINT32_MAX ? (uid_t)v : getuid();
}

/* Of login_uid; the text lives until the next call. */
static struct slice login_name(void)
{
    static char number[16];
    uid_t uid = login_uid();
    struct passwd *pw = getpwuid(uid);
    snprintf(number, sizeof number, "%u", (unsigned)uid);
    return slice_str(pw ? pw->pw_name : number);
}

void admin_audit(struct slice object, const char *format, ...)
{
    char detail[512];
    va_list args;
    va_start(args, format);
    vsnprintf(detail, sizeof detail, format, args);
    va_end(args);
    struct audit_record r = { .event = AUDIT_ACCOUNT_CHANGED, .user = login_name(), .object = object, .detail = slice_str(detail) };
    audit_write(&r);
}

void admin_audit_care(struct command *c, enum audit_event event, struct slice object, cimf_status status)
{
    const struct principal *p = auth_local_principal(true);
    struct audit_record r = { .event = event, .principal = p, .user = login_name(), .object = object, .status = status,
                              .detail = SLICE("no daemon ran") };
    admin_open_audit(c);
    audit_write(&r);
    if (p) principal_unref(p);
}

cimf_status admin_list(const char *const *values, unsigned count, struct slice out[ADMIN_LIST], struct error *e)
{
    if (count > ADMIN_LIST) return error_set(e, CIMF_USAGE, "cimd", "more than %d groups", ADMIN_LIST);
    for (unsigned i = 0; i < count; i++) out[i] = slice_str(values[i]);
    return CIMF_OK;
}

const char *admin_join(struct arena *a, const struct slice *list, unsigned count)
{
    struct slice text = SLICE("");
    for (unsigned i = 0; i < count && text.p; i++)
        text = arena_printf(a, SLICE_FMT "%s" SLICE_FMT, SLICE_ARG(text), i ? "," : "", SLICE_ARG(list[i]));
    return text.p ? text.p : "";
}

static const struct {
    const char *name;
    unsigned bits;
} schemes_known[] = {
    { "basic", ACCOUNT_SCHEME(ACCOUNT_BASIC) }, { "ntlm", ACCOUNT_SCHEME(ACCOUNT_NTLM) }, { "digest", ACCOUNT_SCHEMES_DIGEST },
};

cimf_status admin_schemes(const char *text, unsigned *schemes, struct error *e)
{
    *schemes = 0;
    for (struct slice rest = slice_str(text); rest.p;) {
        struct slice one = slice_trim(slice_split(rest, ',', &rest));
        unsigned bits = 0;
        for (size_t i = 0; i < sizeof schemes_known / sizeof schemes_known[0]; i++)
            if (slice_ieq(one, slice_str(schemes_known[i].name))) bits = schemes_known[i].bits;
        if (!bits)
            return error_set(e, CIMF_USAGE, "cimd", "'" SLICE_FMT "' is not one of basic, ntlm, digest",
                             SLICE_ARG(slice_head(one, 40)));
        *schemes |= bits;
    }
    return CIMF_OK;
}

const char *admin_scheme_names(struct arena *a, unsigned schemes)
{
    struct slice names[3];
    unsigned n = 0;
    for (size_t i = 0; i < sizeof schemes_known / sizeof schemes_known[0]; i++)
        if (schemes & schemes_known[i].bits) names[n++] = slice_str(schemes_known[i].name);
    return admin_join(a, names, n);
}

cimf_status admin_expiry(const char *text, int64_t *us, struct error *e)
{
    *us = 0;
    if (strcmp(text, "never") == 0 || (*text && account_expiry_parse(slice_str(text), us))) return CIMF_OK;
    return error_set(e, CIMF_USAGE, "cimd", "'%.40s' is not a day as 2027-01-31, nor never", text);
}
