/*
 * cimd-auth: the broker in a process of its own. Only it reads accounts, their key, the certificate map and the
 * keytab; cimd-core asks it over one socket pair.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "auth/audit.h"
#include "auth/broker.h"
#include "base/log.h"
#include "daemon/role.h"
#include "daemon/role_message.h"
#include "os/pool.h"
#include "os/sandbox.h"
#include "os/thread.h"

struct auth_role {
    struct role_start start;
    struct config config;
    struct pool *pool;
    struct auth_broker *broker;
    char password[512]; /* of wmi.callback_user */
    size_t password_n;
};

/* What the administrator has not locked may be switched on while the daemon runs (by cimd-core, which then offers it);
 * what he has locked off is refused here whatever the core asks. */
static bool may(const struct config *c, enum config_key k, const char *name)
{
    return config_on(c, k) || !config_locked(c, slice_str(name));
}

/* What lies below state_dir is reached from it, the working folder: the folders above may be closed to this user. */
static const char *near(const struct config *c, const char *path)
{
    const char *state = config_text(c, CONFIG_cimd_state_dir);
    size_t n = strlen(state);
    while (n > 1 && state[n - 1] == '/') n--;
    return strncmp(path, state, n) == 0 && path[n] == '/' && path[n + 1] ? path + n + 1 : path;
}

static const char *text_or_null(const struct config *c, enum config_key k)
{
    return *config_text(c, k) ? config_text(c, k) : NULL;
}

static cimf_status start_broker(struct auth_role *r, struct error *e)
{
    enum { ADMIN_GROUPS = 64 };
    struct config *c = &r->config;
    const char *admins[ADMIN_GROUPS + 1] = { NULL }, *key = text_or_null(c, CONFIG_auth_accounts_key);
    char keytab[48];
    snprintf(keytab, sizeof keytab, "FILE:/proc/self/fd/%d", ROLE_FD_KEYTAB);
    for (unsigned i = 0; i < ADMIN_GROUPS && (admins[i] = config_item(c, CONFIG_auth_admin_groups, i)); i++) {}
    struct auth_broker_config broker = {
        .accounts_path = near(c, config_accounts(c)),
        .key_path = key ? near(c, key) : NULL,
        .certificates_path = near(c, config_certificates(c)),
        .certificates_fixed = config_locked(c, SLICE("auth.certificates")),
        .pool = pool_exec(r->pool),
        .basic = may(c, CONFIG_auth_basic, "auth.basic"),
        .digest = may(c, CONFIG_auth_digest, "auth.digest"),
        .ntlm = config_on(c, CONFIG_auth_ntlm),
        .kerberos = may(c, CONFIG_auth_kerberos, "auth.kerberos"),
        .certificate = may(c, CONFIG_auth_certificate, "auth.certificate"),
        .pam_service = text_or_null(c, CONFIG_auth_pam_service),
        .keytab = r->start.keytab ? keytab : text_or_null(c, CONFIG_auth_keytab),
        .realm = config_text(c, CONFIG_auth_realm),
        .binding_level = config_locked(c, SLICE("auth.cbt")) ? config_binding_level(c) : MECH_BINDING_NONE,
        .ntlm_allow_v1 = config_on(c, CONFIG_auth_ntlm_allow_v1),
        .ntlm_allow_no_mic = config_on(c, CONFIG_auth_ntlm_allow_no_mic),
        .admin_groups = admins,
        .initiate_user = r->start.password ? text_or_null(c, CONFIG_wmi_callback_user) : NULL,
        .initiate_password = slice_of(r->password, r->password_n),
    };
    return auth_broker_new(&broker, &r->broker, e);
}

static const char *folder_of(struct config *c, const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash) return ".";
    const char *folder = slash == path ? "/" : arena_strz(&c->arena, slice_of(path, (size_t)(slash - path)));
    return folder ? folder : ".";
}

/* Accounts are replaced by renaming, so that their folder is what can be opened. The modules of PAM have files that
 * nobody knows beforehand. */
static cimf_status confine(struct auth_role *r, struct error *e)
{
    struct config *c = &r->config;
    const char *realms = getenv("KRB5_CONFIG"); /* one file elsewhere than in /etc */
    const char *credentials = getenv("CREDENTIALS_DIRECTORY"), *keytab = config_text(c, CONFIG_auth_keytab);
    if (strncmp(keytab, "FILE:", 5) == 0) keytab += 5;
    const struct sandbox_tree trees[] = {
        { ".", false }, { "auth", true }, { folder_of(c, near(c, config_accounts(c))), false },
        { folder_of(c, near(c, config_text(c, CONFIG_auth_accounts_key))), false },
        { folder_of(c, near(c, config_certificates(c))), false }, { *keytab ? folder_of(c, keytab) : "/etc", false },
        { "/etc", false }, { "/usr", false }, { "/lib", false }, { "/lib64", false }, { "/run", false }, { "/dev", false },
        { "/dev/null", true }, { "/sys/devices/system/cpu", false }, { "/proc", false }, { "/var/lib/sss", false },
        { "/var/lib/extrausers", false }, { credentials ? credentials : "/etc", false },
        { realms ? realms : "/etc", false },
    };
    int level;
    sandbox_no_dumps(true);
    setenv("KRB5RCACHENAME", "file2:auth/replays", 1);
    return *config_text(c, CONFIG_auth_pam_service) ? CIMF_OK : sandbox_files(trees, sizeof trees / sizeof *trees, &level, e);
}

/* The first line. */
static cimf_status read_password(struct auth_role *r, struct error *e)
{
    ssize_t n = r->start.password ? pread(ROLE_FD_PASSWORD, r->password, sizeof r->password, 0) : 0;
    close(ROLE_FD_PASSWORD);
    while (r->password_n < (size_t)(n > 0 ? n : 0) && r->password[r->password_n] != '\n' && r->password[r->password_n] != '\r') r->password_n++;
    if (!r->start.password || (r->password_n > 0 && r->password_n < sizeof r->password)) return CIMF_OK;
    return error_set(e, CIMF_INVALID_PARAMETER, "cimd", "wmi.callback_password_file is empty or its line is too long");
}

static cimf_status start(struct auth_role *r, struct error *e)
{
    cimf_status status = confine(r, e);
    if (status == CIMF_OK) status = read_password(r, e);
    if (status != CIMF_OK) return status;
    if (!r->start.keytab) close(ROLE_FD_KEYTAB);
    r->pool = pool_new("cimd-auth", 0, 0, e);
    if (!r->pool) return e->status;
    status = start_broker(r, e);
    return status == CIMF_OK ? sandbox_calls(SANDBOX_BROKER, e) : status;
}

/* The supervisor asks whose a principal's id is before it starts anything for it. */
static void resolve(struct auth_role *r, const struct role_message *q)
{
    struct role_message m = { .word = ROLE_RESOLVED, .number = q->number, .status = CIMF_ACCESS_DENIED };
    struct error e = ERROR_INIT;
    const struct principal *p = auth_resolve(r->broker, slice_str(q->id));
    if (p) {
        snprintf(m.name, sizeof m.name, SLICE_FMT, SLICE_ARG(slice_head(p->name, sizeof m.name - 1)));
        snprintf(m.sid, sizeof m.sid, "%s", p->sid);
        if (p->has_posix) {
            m.status = CIMF_OK;
            m.uid = p->uid;
            m.gid = p->gid;
        }
        principal_unref(p);
    }
    if (role_message_send(ROLE_FD_SUPERVISOR, &m, -1, &e) != CIMF_OK) log_failure("cimd-auth", &e, "the supervisor gets no answer");
}

static void *obey(void *arg)
{
    struct auth_role *r = arg;
    for (;;) {
        struct role_message m;
        struct error e = ERROR_INIT;
        int fd;
        cimf_status status = role_message_receive(ROLE_FD_SUPERVISOR, &m, &fd, &e);
        if (fd >= 0) close(fd);
        if (status != CIMF_OK || m.word == ROLE_STOP) break;
        if (m.word == ROLE_RESOLVE) resolve(r, &m);
        if (m.word == ROLE_RELOAD && auth_reload(r->broker, &e) != CIMF_OK)
            log_failure("cimd-auth", &e, "accounts were not read again");
    }
    shutdown(ROLE_FD_BROKER, SHUT_RDWR); /* ends auth_broker_serve */
    return NULL;
}

/* What core has to put down goes through here: it has no descriptor of the audit file. */
static void *write_records(void *arg)
{
    audit_relay(ROLE_FD_RECORDS);
    return NULL;
}

static int serve(struct auth_role *r)
{
    pthread_t thread, records;
    struct error e = ERROR_INIT;
    int number = thread_start(&records, "auth-records", write_records, r);
    if (!number) number = thread_start(&thread, "auth-words", obey, r);
    if (number) {
        error_errno(&e, CIMF_FAILED, "cimd-auth", number, "cannot start a thread");
        return role_failed("cannot start", &e);
    }
    cimf_status status = role_message_send(ROLE_FD_SUPERVISOR, &(struct role_message){ .word = ROLE_READY }, -1, &e);
    if (status == CIMF_OK) status = auth_broker_serve(r->broker, ROLE_FD_BROKER, &e);
    shutdown(ROLE_FD_SUPERVISOR, SHUT_RDWR); /* ends the thread */
    pthread_join(thread, NULL);
    shutdown(ROLE_FD_RECORDS, SHUT_RD); /* what has come is still read */
    pthread_join(records, NULL);
    if (status == CIMF_OK) return 0;
    log_failure("cimd-auth", &e, "cimd-core broke the rules");
    return 1;
}

int role_auth_main(void)
{
    struct error e = ERROR_INIT;
    struct auth_role r = { .broker = NULL };
    cimf_status status = role_begin(&r.start, &r.config, &e);
    if (status == CIMF_OK) status = start(&r, &e);
    int code = status == CIMF_OK ? serve(&r) : role_failed("cannot start", &e);
    if (r.broker) auth_broker_free(r.broker);
    if (r.pool) {
        pool_stop(r.pool);
        pool_free(r.pool);
    }
    config_free(&r.config);
    explicit_bzero(r.password, sizeof r.password);
    return code;
}
