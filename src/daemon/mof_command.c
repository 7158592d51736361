/* cimd mof, backup, restore: through the running daemon, or on the repository itself when none runs. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/admin.h"
#include "daemon/apart.h"
#include "daemon/command.h"
#include "daemon/control.h"
#include "daemon/core.h"
#include "os/file.h"

static uint32_t number(struct slice s)
{
    uint32_t n = 0;
    for (size_t i = 0; i < s.n; i++) n = n * 10 + (uint32_t)(s.p[i] - '0');
    return n;
}

static cimf_status compile_remote(struct command *c, struct arena *a, struct slice ns, const struct bundle *b,
                                  struct mof_counts *counts, bool *running, struct error *e)
{
    struct slice *fields = ARENA_ARRAY(a, 2 + 2 * b->count, struct slice), *reply;
    size_t count = 0, reply_count;
    if (!fields) return error_set(e, CIMF_OUT_OF_MEMORY, "cimd", "too many files");
    fields[count++] = SLICE("mof");
    fields[count++] = ns;
    for (size_t i = 0; i < b->count; i++) {
        fields[count++] = b->files[i].name;
        fields[count++] = b->files[i].text;
    }
    cimf_status s = control_ask(&c->config, fields, count, a, &reply, &reply_count, running, -1, NULL, e);
    if (s != CIMF_OK || !*running) return s;
    s = control_reply(reply, reply_count, e);
    if (s == CIMF_OK && reply_count >= 6)
        *counts = (struct mof_counts){ number(reply[2]), number(reply[3]), number(reply[4]), number(reply[5]) };
    return s;
}

struct local {
    const struct command *c;
    struct slice ns;
    const struct bundle *b;
    struct mof_counts counts;
};

static cimf_status open_here(struct core *core, const struct command *c, const char *folder, struct error *e)
{
    return folder ? core_open_in(core, &c->config, folder, NULL, e) : core_open(core, &c->config, e);
}

static cimf_status compile_here(void *shared, const char *folder, struct error *e)
{
    struct local *x = shared;
    struct core core;
    cimf_status s = open_here(&core, x->c, folder, e);
    if (s != CIMF_OK) return s;
    s = control_compile(core.cimom, x->ns, x->b, &x->counts, e);
    core_close(&core);
    return s;
}

static cimf_status compile_local(struct command *c, struct slice ns, const struct bundle *b, struct mof_counts *counts,
                                 struct error *e)
{
    struct local x = { .c = c, .ns = ns, .b = b };
    struct apart apart;
    cimf_status s = apart_find(&c->config, &apart, e);
    if (s == CIMF_OK) s = apart_run(&apart, compile_here, &x, sizeof x, e);
    apart_end(&apart);
    *counts = x.counts;
    return s;
}

/* "file.mof:3:7: text" unless the text begins so already. */
static int mof_failed(struct command *c, const char *file, const struct error *e)
{
    const char *text = error_text(e);
    if (e->line && *e->subject && strncmp(text, e->subject, strlen(e->subject)) != 0)
        fprintf(stderr, "%s:%u:%u: %s\n", e->subject, e->line, e->column, text);
    else if (e->line || strncmp(text, file, strlen(file)) == 0) fprintf(stderr, "%s\n", text);
    else return command_failed(c, file, e);
    int code = cimf_status_info(e->status)->exit_code;
    return code ? code : 1;
}

static int compile(struct command *c, const char *path, struct slice ns)
{
    struct arena a;
    struct bundle b;
    struct error e = ERROR_INIT;
    struct mof_counts counts = { 0 };
    bool running = false;
    arena_init(&a, (size_t)1 << 30);
    cimf_status s = bundle_read(&a, path, ns, &b, &e);
    if (s == CIMF_OK && !c->check_only) s = compile_remote(c, &a, ns, &b, &counts, &running, &e);
    if (s == CIMF_OK && !c->check_only && !running) s = compile_local(c, ns, &b, &counts, &e);
    int code = s == CIMF_OK ? 0 : mof_failed(c, path, &e);
    if (s == CIMF_OK && c->check_only) printf("%s: syntax ok, %zu file%s\n", path, b.count, b.count == 1 ? "" : "s");
    else if (s == CIMF_OK)
        printf("%s: %u classes, %u instances, %u qualifiers, %u deleted\n", path, counts.classes, counts.instances,
               counts.qualifiers, counts.deleted);
    arena_free(&a);
    return code;
}

int command_mof(struct command *c)
{
    struct arena a;
    struct slice ns = SLICE("root/default");
    arena_init(&a, 0);
    struct error e = ERROR_INIT;
    int code = 0;
    if (c->operand_count == 0) {
        error_set(&e, CIMF_USAGE, "cimd", "usage: cimd mof %s", c->info->usage);
        code = command_failed(c, "", &e);
    } else if (c->ns && cim_namespace_normal(&a, slice_str(c->ns), &ns) != CIMF_OK) {
        error_set(&e, CIMF_USAGE, "cimd", "'%.100s' is not a namespace", c->ns);
        code = command_failed(c, "", &e);
    }
    for (unsigned i = 0; code == 0 && i < c->operand_count; i++) code = compile(c, c->operands[i], ns);
    arena_free(&a);
    return code;
}

/* Whole and durable, or not there. */
static cimf_status write_copy(int from, const char *path, struct error *e)
{
    struct arena a;
    char block[65536];
    arena_init(&a, 0);
    const char *slash = strrchr(path, '/'), *part = arena_printf(&a, "%s.part", path).p;
    const char *folder = slash == path ? "/" : arena_strz(&a, slice_of(path, (size_t)(slash - path)));
    if (part) unlink(part);
    int to = part ? open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600) : -1;
    ssize_t n = 0;
    bool ok = to >= 0;
    while (ok && (n = read(from, block, sizeof block)) > 0)
        for (ssize_t done = 0, step; ok && done < n; done += step) ok = (step = write(to, block + done, (size_t)(n - done))) > 0;
    ok = ok && n == 0 && fsync(to) == 0 && rename(part, path) == 0;
    int number = errno;
    if (to >= 0) close(to);
    if (!ok && to >= 0) unlink(part);
    cimf_status s = ok && folder ? file_sync_folder(folder, e) : CIMF_OK;
    arena_free(&a);
    if (ok) return s;
    s = number == ENOSPC || number == EDQUOT ? CIMF_OUT_OF_DISK_SPACE : number == ENOENT ? CIMF_NOT_FOUND
        : number == EACCES || number == EPERM || number == EROFS ? CIMF_ACCESS_DENIED : CIMF_CRITICAL_ERROR;
    return error_errno(e, s, "cimd", number, "cannot write %s", path);
}

#define COPY "backup.mdb" /* in the repository's folder, for a moment */

struct local_copy {
    const struct command *c;
    const char *path;
};

static cimf_status backup_here(void *shared, const char *folder, struct error *e)
{
    const struct local_copy *x = shared;
    struct core core;
    cimf_status s = open_here(&core, x->c, folder, e);
    if (s != CIMF_OK) return s;
    if (folder) unlink(COPY);
    s = repo_backup(core.repo, folder ? "/proc/self/cwd/" COPY : x->path, e);
    core_close(&core);
    return s;
}

static cimf_status backup_local(struct command *c, const char *path, struct error *e)
{
    struct local_copy x = { c, path };
    struct apart apart;
    int copy = -1;
    cimf_status s = apart_find(&c->config, &apart, e);
    if (s == CIMF_OK) s = apart_run(&apart, backup_here, &x, sizeof x, e);
    if (s == CIMF_OK && apart.folder >= 0) s = apart_take(&apart, COPY, &copy, e);
    if (s == CIMF_OK && copy >= 0) s = write_copy(copy, path, e);
    if (copy >= 0) close(copy);
    apart_end(&apart);
    admin_audit_care(c, AUDIT_BACKUP, SLICE("cimd backup"), s);
    return s;
}

static cimf_status backup(struct command *c, const char *path, struct error *e)
{
    struct arena a;
    struct slice fields[] = { SLICE("backup") }, *reply;
    size_t count;
    bool running;
    int copy = -1;
    arena_init(&a, 0);
    cimf_status s = control_ask(&c->config, fields, 1, &a, &reply, &count, &running, -1, &copy, e);
    if (s == CIMF_OK && running) s = control_reply(reply, count, e);
    if (s == CIMF_OK && running && copy < 0) s = error_set(e, CIMF_CONNECTION_LOST, "cimd", "the daemon sent no copy");
    if (s == CIMF_OK && running) s = write_copy(copy, path, e);
    if (copy >= 0) close(copy);
    arena_free(&a);
    return s != CIMF_OK || running ? s : backup_local(c, path, e);
}

int command_backup(struct command *c)
{
    struct error e = ERROR_INIT;
    char folder[4096], path[8192];
    if (c->operand_count != 1 || !getcwd(folder, sizeof folder)) {
        error_set(&e, CIMF_USAGE, "cimd", "usage: cimd backup %s", c->info->usage);
        return command_failed(c, "", &e);
    }
    const char *given = c->operands[0];
    snprintf(path, sizeof path, "%s%s%s", *given == '/' ? "" : folder, *given == '/' ? "" : "/", given);
    if (backup(c, path, &e) != CIMF_OK) return command_failed(c, path, &e);
    printf("%s: written and checked\n", path);
    return 0;
}

struct local_restore {
    const char *dir, *from;
};

static cimf_status restore_here(void *shared, const char *folder, struct error *e)
{
    const struct local_restore *x = shared;
    return folder ? repo_restore(folder, COPY, e) : repo_restore(x->dir, x->from, e);
}

/* Into the repository of a daemon that runs: it gets the open file, as it may not read everywhere. */
static cimf_status restore_remote(struct command *c, const char *from, int fd, bool *running, struct error *e)
{
    struct arena a;
    struct slice fields[] = { SLICE("restore"), slice_str(from) }, *reply;
    size_t count;
    arena_init(&a, 0);
    cimf_status s = control_ask(&c->config, fields, 2, &a, &reply, &count, running, fd, NULL, e);
    if (s == CIMF_OK && *running) s = control_reply(reply, count, e);
    arena_free(&a);
    return s;
}

static cimf_status restore_local(struct command *c, const char *dir, const char *from, int fd, struct error *e)
{
    struct local_restore x = { dir, from };
    struct apart apart;
    cimf_status s = apart_find(&c->config, &apart, e);
    if (s == CIMF_OK && apart.folder >= 0) s = apart_give(&apart, fd, COPY, e);
    if (s == CIMF_OK) s = apart_run(&apart, restore_here, &x, sizeof x, e);
    if (apart.folder >= 0) unlinkat(apart.folder, COPY, 0);
    apart_end(&apart);
    admin_audit_care(c, AUDIT_RESTORE, slice_str(from), s);
    return s;
}

static cimf_status restore(struct command *c, const char *dir, const char *from, bool *running, struct error *e)
{
    int fd = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    *running = false;
    if (fd < 0) return error_errno(e, errno == ENOENT ? CIMF_NOT_FOUND : CIMF_IO_ERROR, "cimd", errno, "cannot read %s", from);
    cimf_status s = restore_remote(c, from, fd, running, e);
    if (s == CIMF_OK && !*running) s = restore_local(c, dir, from, fd, e);
    close(fd);
    return s;
}

int command_restore(struct command *c)
{
    struct error e = ERROR_INIT;
    char dir[4096];
    if (c->operand_count != 1) {
        error_set(&e, CIMF_USAGE, "cimd", "usage: cimd restore %s", c->info->usage);
        return command_failed(c, "", &e);
    }
    snprintf(dir, sizeof dir, "%s/repository", config_text(&c->config, CONFIG_cimd_state_dir));
    char store[4200];
    snprintf(store, sizeof store, "%s/store.mdb", dir);
    if (access(store, F_OK) == 0 && !c->force) {
        error_set(&e, CIMF_ALREADY_EXISTS, "cimd", "%s holds a repository; --force replaces it (the old one is kept beside it)", dir);
        return command_failed(c, "", &e);
    }
    bool running;
    if (restore(c, dir, c->operands[0], &running, &e) != CIMF_OK) return command_failed(c, c->operands[0], &e);
    printf("%s: restored from %s%s\n", dir, c->operands[0], running ? ", in force now" : "");
    return 0;
}
