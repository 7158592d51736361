/* Folders that are made or must be there, files that are read, by who needs them. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/checkup_priv.h"
#include "daemon/control.h"
#include "daemon/state.h"
#include "net/tls.h"
#include "os/file.h"

/* The folder that path is in; NULL: no memory. */
static const char *parent(struct checkup *x, const char *path)
{
    const char *slash = strrchr(path, '/');
    while (slash && slash > path && slash[-1] == '/') slash--;
    if (!slash) return ".";
    return slash == path ? "/" : arena_strz(&x->arena, slice_of(path, (size_t)(slash - path)));
}

/* A folder that is made when it is missing. */
static bool can_be(struct checkup *x, const char *key, const char *path)
{
    struct stat st;
    const char *at = path;
    while (at && lstat(at, &st) != 0 && errno == ENOENT && strcmp(at, "/") != 0 && strcmp(at, ".") != 0) at = parent(x, at);
    bool whole = at == path;
    if (!at) return false;
    if (stat(at, &st) != 0) checkup_add(x, CIMF_IO_ERROR, "%s: cannot look at %s: %s", key, at, strerror(errno));
    else if (!S_ISDIR(st.st_mode)) checkup_add(x, CIMF_INVALID_PARAMETER, "%s: %s is not a folder", key, at);
    else if (access(at, W_OK | X_OK) != 0)
        checkup_add(x, CIMF_ACCESS_DENIED, "%s: user %u cannot %s %s: %s", key, (unsigned)geteuid(), whole ? "write in" : "make a folder in", at, strerror(errno));
    else return true;
    return false;
}

static bool is_link(struct checkup *x, const char *key, const char *path)
{
    struct stat st;
    if (lstat(path, &st) != 0 || !S_ISLNK(st.st_mode)) return false;
    checkup_add(x, CIMF_INVALID_PARAMETER, "%s: %s is a symbolic link: name where it leads to", key, path);
    return true;
}

/* By permission bits alone: access control lists may say otherwise. */
static bool may_write(const struct stat *st, const struct identity *who)
{
    bool group = st->st_gid == who->gid;
    for (unsigned i = 0; i < who->group_count; i++) group = group || st->st_gid == who->groups[i];
    mode_t wanted = st->st_uid == who->uid ? 0300 : group ? 0030 : 0003;
    return (st->st_mode & wanted) == wanted;
}

static void backup_folder(struct checkup *x, const char *path)
{
    static const char key[] = "wmi.backup_dir";
    struct identity who[ROLE_COUNT];
    struct stat st;
    if (is_link(x, key, path)) return;
    if (stat(path, &st) != 0)
        checkup_add(x, CIMF_NOT_FOUND, "%s: %s: %s; make it%s, or set none", key, path, strerror(errno), geteuid() == 0 ? " for cimd.user" : "");
    else if (!S_ISDIR(st.st_mode)) checkup_add(x, CIMF_INVALID_PARAMETER, "%s: %s is not a folder", key, path);
    else if (access(path, R_OK) != 0) checkup_add(x, CIMF_ACCESS_DENIED, "%s: user %u cannot open %s", key, (unsigned)geteuid(), path);
    else if (geteuid() == 0 ? state_users(x->config, who, NULL) == CIMF_OK && !may_write(&st, &who[ROLE_CORE]) : access(path, W_OK | X_OK) != 0)
        checkup_add(x, CIMF_OK, "%s: %s cannot be written by user %u (%s), so backups over WMI will fail; give the folder to that user", key, path,
                    (unsigned)(geteuid() == 0 ? who[ROLE_CORE].uid : geteuid()), geteuid() == 0 ? "cimd.user" : "who starts cimd");
}

static void audit_log(struct checkup *x, const char *path)
{
    struct stat st;
    if (is_link(x, "cimd.audit_log", path)) return;
    bool there = stat(path, &st) == 0;
    const char *folder = there ? path : parent(x, path);
    if (there && (S_ISDIR(st.st_mode) || S_ISSOCK(st.st_mode))) checkup_add(x, CIMF_INVALID_PARAMETER, "cimd.audit_log: %s is not a file", path); /* /dev/null is */
    else if (folder && access(folder, there ? W_OK : W_OK | X_OK) != 0)
        checkup_add(x, CIMF_IO_ERROR, "cimd.audit_log: user %u cannot write %s: %s", (unsigned)geteuid(), folder, strerror(errno));
}

void checkup_folders(struct checkup *x)
{
    const char *state = config_text(x->config, CONFIG_cimd_state_dir), *run = config_text(x->config, CONFIG_cimd_run_dir);
    struct error why = ERROR_INIT;
    if (*state && !is_link(x, "cimd.state_dir", state)) can_be(x, "cimd.state_dir", state);
    if (*run && can_be(x, "cimd.run_dir", run) && control_check(x->config, &why) != CIMF_OK)
        checkup_add(x, why.status, "%s", error_text(&why));
    if (checkup_set(x, CONFIG_cimd_audit_log)) audit_log(x, config_audit_log(x->config));
    if (checkup_set(x, CONFIG_wmi_backup_dir)) backup_folder(x, config_text(x->config, CONFIG_wmi_backup_dir));
}

/* --- files ------------------------------------------------------------------------------------------ */

/* otherwise: what happens when it is not; NULL: cimd does not start. */
static bool readable(struct checkup *x, const char *key, const char *path, const char *otherwise)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), number = errno;
    bool ok = fd >= 0 && fstat(fd, &st) == 0 && !S_ISDIR(st.st_mode);
    if (fd >= 0) close(fd);
    if (fd >= 0 && !ok) number = EISDIR;
    if (!ok)
        checkup_add(x, otherwise ? CIMF_OK : number == ENOENT ? CIMF_NOT_FOUND : CIMF_ACCESS_DENIED, "%s: user %u cannot read %s: %s%s%s", key, (unsigned)geteuid(), path,
                    strerror(number), otherwise ? "; " : "", otherwise ? otherwise : "");
    return ok;
}

static void tls(struct checkup *x, bool parse)
{
    const char *certificate = config_text(x->config, CONFIG_tls_certificate), *key = config_text(x->config, CONFIG_tls_key),
               *ca = config_text(x->config, CONFIG_tls_client_ca);
    if (!checkup_set(x, CONFIG_listen_https) || !*certificate || !*key) return;
    bool ok = readable(x, "tls.certificate", certificate, NULL);
    ok = readable(x, "tls.key", key, NULL) && ok;
    if (*ca) ok = readable(x, "tls.client_ca", ca, NULL) && ok;
    struct tls_server_files files = { .certificate = certificate, .key = key, .client_ca = *ca ? ca : NULL };
    struct tls_config *made = NULL;
    struct error why = ERROR_INIT;
    if (!ok || !parse) return;
    cimf_status status = tls_server_config(&files, &made, &why);
    const char *about = strcmp(why.subject, certificate) == 0 ? "tls.certificate" : strcmp(why.subject, key) == 0 ? "tls.key" : "tls.client_ca";
    if (status != CIMF_OK) checkup_add(x, status, "%s: %s%s%s", about, why.subject, *why.subject ? ": " : "", error_text(&why));
    else tls_config_unref(made);
}

static void callback_password(struct checkup *x)
{
    const char *path = config_text(x->config, CONFIG_wmi_callback_password_file);
    struct error why = ERROR_INIT;
    if (!checkup_set(x, CONFIG_wmi_callback_user)) return;
    if (!*path) checkup_add(x, CIMF_INVALID_PARAMETER, "wmi.callback_user needs wmi.callback_password_file, a file with the password of that account");
    else if (readable(x, "wmi.callback_password_file", path, NULL) && file_check_private(path, getuid(), 0600, &why) != CIMF_OK)
        checkup_add(x, why.status, "wmi.callback_password_file: %s", error_text(&why));
}

void checkup_files(struct checkup *x, bool parse)
{
    const struct config *c = x->config;
    const char *keytab = config_keytab(c), *accounts = config_accounts(x->config);
    bool kerberos = config_on(c, CONFIG_auth_kerberos), keys = kerberos && access(keytab, F_OK) == 0;
    tls(x, parse);
    if (kerberos && checkup_set(x, CONFIG_auth_keytab)) readable(x, "auth.keytab", keytab, "Kerberos logins will be refused");
    if (accounts && access(accounts, F_OK) != 0 && errno == ENOENT && !keys && !checkup_set(x, CONFIG_auth_pam_service))
        checkup_add(x, CIMF_OK, "nobody can log in: there is neither an account (%s) nor a keytab (%s); `cimd user add --config %s NAME` makes an account",
                    accounts, keytab, c->path ? c->path : "FILE");
    callback_password(x);
}
