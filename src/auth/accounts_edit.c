/* Changing the accounts file: under a lock, written whole beside it, renamed over it. */
#include <crypt.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "auth/accounts_priv.h"
#include "base/guid.h"
#include "base/utf.h"

/* One change under way: the lock, the file as it was, the rows as they will be. */
struct edit {
    const char *path;
    int lock;
    struct accounts *was;
    struct account *rows;
    unsigned count;
    char domain[64];
    uint32_t next_rid;
    struct stat st;
    bool existed;
};

static void edit_end(struct edit *x)
{
    accounts_unref(x->was);
    free(x->rows);
    if (x->lock >= 0) close(x->lock);
}

static cimf_status edit_lock(struct edit *x, struct error *e)
{
    char name[4096];
    if (snprintf(name, sizeof name, "%s.lock", x->path) >= (int)sizeof name)
        return error_set(e, CIMF_INVALID_PARAMETER, "auth", "the accounts path is too long");
    x->lock = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (x->lock < 0)
        return error_errno(e, CIMF_IO_ERROR, "auth", errno, "cannot open the lock file %s", name);
    while (flock(x->lock, LOCK_EX) != 0)
        if (errno != EINTR)
            return error_errno(e, CIMF_IO_ERROR, "auth", errno, "cannot lock %s", name);
    return CIMF_OK;
}

static void new_domain(struct edit *x)
{
    uint32_t r[3];
    random_bytes(r, sizeof r);
    snprintf(x->domain, sizeof x->domain, "S-1-5-21-%u-%u-%u", r[0], r[1], r[2]);
    x->next_rid = ACCOUNTS_FIRST_RID;
}

/* Locks and reads; a missing file is an empty one. Room for one more row. */
static cimf_status edit_begin(struct edit *x, const char *path, struct error *e)
{
    *x = (struct edit){ .path = path, .lock = -1 };
    cimf_status status = edit_lock(x, e);
    if (status != CIMF_OK) return status;
    struct buf text;
    buf_init(&text, ACCOUNTS_FILE_MAX);
    status = accounts_read(path, &text, &x->st, e);
    if (status == CIMF_OK) status = accounts_parse(buf_slice(&text), &x->was, e);
    else if (status == CIMF_NOT_FOUND) status = CIMF_OK;
    buf_wipe(&text);
    if (status != CIMF_OK) return status;
    x->existed = x->was != NULL;
    x->count = x->was ? x->was->count : 0;
    x->rows = calloc((size_t)x->count + 1, sizeof *x->rows);
    if (!x->rows) return error_set(e, CIMF_OUT_OF_MEMORY, "auth", "no memory for the accounts");
    if (!x->was) {
        new_domain(x);
        return CIMF_OK;
    }
    if (x->count) memcpy(x->rows, x->was->list, x->count * sizeof *x->rows);
    snprintf(x->domain, sizeof x->domain, SLICE_FMT, SLICE_ARG(x->was->domain));
    x->next_rid = x->was->next_rid;
    return CIMF_OK;
}

static bool edit_text(const struct edit *x, struct buf *b)
{
    buf_printf(b, "cimfony-accounts 1\ndomain %s\nnext %u\n", x->domain, x->next_rid);
    for (unsigned i = 0; i < x->count; i++) {
        const struct account *a = &x->rows[i];
        buf_slice_add(b, a->name);
        buf_printf(b, ":%u:%s:", a->rid, a->enabled ? "on" : "off");
        for (unsigned g = 0; g < a->group_count; g++) {
            if (g) buf_byte(b, ',');
            buf_slice_add(b, a->groups[g]);
        }
        buf_byte(b, ':');
        buf_slice_add(b, a->posix_user);
        buf_byte(b, ':');
        buf_slice_add(b, a->secrets);
        buf_byte(b, '\n');
    }
    return buf_ok(b);
}

static cimf_status write_all(int fd, struct slice s)
{
    while (s.n) {
        ssize_t n = write(fd, s.p, s.n);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return CIMF_IO_ERROR;
        s = slice_sub(s, (size_t)n);
    }
    return CIMF_OK;
}

static void sync_folder(const char *path)
{
    char folder[4096];
    snprintf(folder, sizeof folder, "%s", path);
    char *slash = strrchr(folder, '/');
    if (slash) slash[slash == folder ? 1 : 0] = 0;
    int fd = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return;
    fsync(fd);
    close(fd);
}

/* The new text in a file of its own, durable, then renamed; the owner stays who it was. */
static cimf_status edit_commit(struct edit *x, struct error *e)
{
    char name[4096];
    struct buf text;
    buf_init(&text, ACCOUNTS_FILE_MAX);
    if (!edit_text(x, &text)) {
        buf_wipe(&text);
        return error_set(e, CIMF_OUT_OF_MEMORY, "auth", "the accounts file would be too large");
    }
    cimf_status status = CIMF_OK;
    snprintf(name, sizeof name, "%s.XXXXXX", x->path);
    int fd = mkostemp(name, O_CLOEXEC); /* mode 0600 */
    if (fd < 0)
        status = error_errno(e, CIMF_IO_ERROR, "auth", errno, "cannot create a file beside %s",
                             x->path);
    else if (write_all(fd, buf_slice(&text)) != CIMF_OK || fsync(fd) != 0)
        status = error_errno(e, CIMF_IO_ERROR, "auth", errno, "cannot write %s", name);
    else if (x->existed && x->st.st_uid != geteuid() &&
             fchown(fd, x->st.st_uid, x->st.st_gid) != 0)
        status = error_errno(e, CIMF_IO_ERROR, "auth", errno, "cannot give %s to its owner", name);
    else if (rename(name, x->path) != 0)
        status = error_errno(e, CIMF_IO_ERROR, "auth", errno, "cannot replace %s", x->path);
    if (fd >= 0) {
        close(fd);
        if (status == CIMF_OK) sync_folder(x->path);
        else unlink(name);
    }
    buf_wipe(&text);
    return status;
}

static struct account *edit_find(struct edit *x, struct slice name)
{
    for (unsigned i = 0; i < x->count; i++)
        if (slice_ieq(x->rows[i].name, name)) return &x->rows[i];
    return NULL;
}

static cimf_status no_such(struct error *e, struct slice name)
{
    error_set(e, CIMF_NOT_FOUND, "auth", "there is no account of that name");
    error_subject(e, name);
    return CIMF_NOT_FOUND;
}

/* "basic=<hash>" in heap memory. */
static cimf_status hash_password(const struct account_change *c, char **out, struct error *e)
{
    *out = NULL;
    if (c->password.n == 0 || c->password.n >= ACCOUNTS_PASSWORD_MAX ||
        !utf8_valid(c->password) || memchr(c->password.p, 0, c->password.n))
        return error_set(e, CIMF_INVALID_PARAMETER, "auth",
                         "a password is 1 to %d bytes of UTF-8", ACCOUNTS_PASSWORD_MAX - 1);
    cimf_status status = CIMF_OK;
    struct crypt_data *data = calloc(1, sizeof *data);
    char *setting = crypt_gensalt_ra("$y$", c->cost, NULL, 0);
    char z[ACCOUNTS_PASSWORD_MAX];
    memcpy(z, c->password.p, c->password.n);
    z[c->password.n] = 0;
    const char *hash = data && setting ? crypt_r(z, setting, data) : NULL;
    if (!hash || hash[0] == '*' || asprintf(out, "basic=%s", hash) < 0)
        status = error_set(e, CIMF_FAILED, "auth", "the password could not be hashed");
    explicit_bzero(z, sizeof z);
    if (data) explicit_bzero(data, sizeof *data);
    free(data);
    free(setting);
    return status;
}

static cimf_status check_names(const struct account_change *c, struct error *e)
{
    if (!account_name_ok(c->name))
        return error_set(e, CIMF_INVALID_PARAMETER, "auth",
                         "an account name is 1 to %d bytes without : , / \\ \" and control "
                         "characters", ACCOUNTS_NAME_MAX);
    if (c->posix_user.n && !account_name_ok(c->posix_user))
        return error_set(e, CIMF_INVALID_PARAMETER, "auth", "not a local user's name");
    if (c->group_count > 64)
        return error_set(e, CIMF_INVALID_PARAMETER, "auth", "an account has at most 64 groups");
    for (unsigned i = 0; i < c->group_count; i++)
        if (!account_name_ok(c->groups[i])) {
            error_set(e, CIMF_INVALID_PARAMETER, "auth", "not a group name");
            error_subject(e, c->groups[i]);
            return CIMF_INVALID_PARAMETER;
        }
    return CIMF_OK;
}

cimf_status accounts_add(const char *path, const struct account_change *c, struct error *e)
{
    char *secret;
    struct edit x;
    cimf_status status = check_names(c, e);
    if (status != CIMF_OK) return status;
    status = hash_password(c, &secret, e);
    if (status != CIMF_OK) return status;
    status = edit_begin(&x, path, e);
    if (status == CIMF_OK && edit_find(&x, c->name)) {
        status = error_set(e, CIMF_ALREADY_EXISTS, "auth", "an account of that name exists");
        error_subject(e, c->name);
    }
    if (status == CIMF_OK && x.next_rid == UINT32_MAX)
        status = error_set(e, CIMF_FAILED, "auth", "no relative id is left");
    if (status == CIMF_OK) {
        x.rows[x.count++] = (struct account){
            .name = c->name, .rid = x.next_rid++, .enabled = true, .groups = c->groups,
            .group_count = c->group_count, .posix_user = c->posix_user,
            .secrets = slice_str(secret) };
        status = edit_commit(&x, e);
    }
    edit_end(&x);
    explicit_bzero(secret, strlen(secret));
    free(secret);
    return status;
}

/* The secrets with basic=... replaced; other schemes' secrets are of the old password and go. */
cimf_status accounts_passwd(const char *path, const struct account_change *c, struct error *e)
{
    char *secret;
    struct edit x;
    cimf_status status = hash_password(c, &secret, e);
    if (status != CIMF_OK) return status;
    status = edit_begin(&x, path, e);
    struct account *row = status == CIMF_OK ? edit_find(&x, c->name) : NULL;
    if (status == CIMF_OK && !row) status = no_such(e, c->name);
    if (status == CIMF_OK) {
        row->secrets = slice_str(secret);
        status = edit_commit(&x, e);
    }
    edit_end(&x);
    explicit_bzero(secret, strlen(secret));
    free(secret);
    return status;
}

cimf_status accounts_del(const char *path, struct slice name, struct error *e)
{
    struct edit x;
    cimf_status status = edit_begin(&x, path, e);
    struct account *row = status == CIMF_OK ? edit_find(&x, name) : NULL;
    if (status == CIMF_OK && !row) status = no_such(e, name);
    if (status == CIMF_OK) {
        unsigned at = (unsigned)(row - x.rows);
        memmove(row, row + 1, (x.count - at - 1) * sizeof *row);
        x.count--;
        status = edit_commit(&x, e);
    }
    edit_end(&x);
    return status;
}

cimf_status accounts_enable(const char *path, struct slice name, bool enabled, struct error *e)
{
    struct edit x;
    cimf_status status = edit_begin(&x, path, e);
    struct account *row = status == CIMF_OK ? edit_find(&x, name) : NULL;
    if (status == CIMF_OK && !row) status = no_such(e, name);
    if (status == CIMF_OK) {
        row->enabled = enabled;
        status = edit_commit(&x, e);
    }
    edit_end(&x);
    return status;
}
