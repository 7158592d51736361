/* Opening, creating and closing the store: lock, header, page check, clean mark. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cimfony/version.h>

#include "base/clock.h"
#include "base/log.h"
#include "os/file.h"
#include "repo/image.h"
#include "repo/repo_priv.h"

enum { MAX_READERS = 256, MAX_QUEUE = 4096, MAX_GROUP = 256, LOCK_TEXT = 64, LOCK_LINE = 40, TOOL_READERS = 64 };
#define MAP_FIRST ((size_t)64 << 30)
#define MAP_LEAST ((size_t)16 << 20)

static struct slice path_of(struct arena *a, const char *dir, const char *name)
{
    return arena_printf(a, "%s/%s", dir, name);
}

/* --- header record ---------------------------------------------------------------------------- */

static void header_key(struct key *k)
{
    key_start(k, KEY_HEADER);
    key_bytes(k, "store", 5);
}

/* magic, u32 format, guid, i64 created, u8 length and text of the creator */
static cimf_status header_write(struct repo_txn *txn, const struct store_header *h, struct error *e)
{
    struct key k;
    header_key(&k);
    struct buf *b = repo_record_begin(txn);
    buf_lit(b, STORE_MAGIC);
    buf_add(b, &h->format, sizeof h->format);
    buf_add(b, &h->guid, sizeof h->guid);
    buf_add(b, &h->created_us, sizeof h->created_us);
    buf_byte(b, (int)strlen(h->created_by));
    buf_str(b, h->created_by);
    return repo_record_put(txn, &k, e);
}

/* Format before checksum: a newer format may well have another checksum. */
static cimf_status header_read(struct slice raw, struct store_header *out, struct error *e)
{
    struct slice magic = SLICE(STORE_MAGIC), body = slice_sub(raw, RECORD_HEAD);
    size_t fixed = magic.n + sizeof out->format + sizeof out->guid + sizeof out->created_us + 1;
    *out = (struct store_header){ 0 };
    if (!raw.p || !slice_starts(body, magic)) {
        return repo_damaged(e, "the file is an LMDB database of another program");
    }
    if (body.n < magic.n + sizeof out->format) return repo_damaged(e, "the header record is cut");
    const char *p = body.p + magic.n;
    memcpy(&out->format, p, sizeof out->format);
    if (out->format > STORE_FORMAT) {
        return error_set(e, CIMF_CORRUPT_STORE, "repo",
                         "the store has format %u, this program knows formats up to %d: use a newer one",
                         out->format, STORE_FORMAT);
    }
    struct key k;
    header_key(&k);
    MDB_val key = key_val(&k), value = { raw.n, (void *)(uintptr_t)raw.p };
    cimf_status status = repo_record_open(&key, &value, &body, e);
    if (status) return status;
    size_t left = body.n < fixed ? 0 : (unsigned char)body.p[fixed - 1];
    if (body.n < fixed || body.n - fixed != left || left >= sizeof out->created_by) {
        return repo_damaged(e, "the header record is not valid");
    }
    memcpy(&out->guid, p + 4, sizeof out->guid);
    memcpy(&out->created_us, p + 4 + sizeof out->guid, sizeof out->created_us);
    memcpy(out->created_by, body.p + fixed, left);
    return CIMF_OK;
}

cimf_status store_check_file(const char *path, struct store_header *out, uint64_t *pages,
                             uint64_t *txnid, struct error *e)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    struct stat st;
    if (fd < 0 || fstat(fd, &st)) {
        int number = errno;
        if (fd >= 0) close(fd);
        return error_errno(e, number == ENOENT ? CIMF_NOT_FOUND : CIMF_ACCESS_DENIED, "repo", number,
                           "cannot open %s", path);
    }
    struct image_info info = { .header = SLICE_NULL };
    struct key k;
    cimf_status status;
    void *map = S_ISREG(st.st_mode) && st.st_size
                    ? mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0)
                    : NULL;
    header_key(&k);
    if (!S_ISREG(st.st_mode)) {
        status = repo_damaged(e, "it is not a regular file");
    } else if (map == MAP_FAILED) {
        status = error_errno(e, CIMF_CRITICAL_ERROR, "repo", errno, "cannot map the file");
    } else {
        status = image_check(slice_of(map, (size_t)st.st_size), slice_of((const char *)k.p, k.n), &info, e);
    }
    if (!status) status = header_read(info.header, out, e);
    if (map && map != MAP_FAILED) munmap(map, (size_t)st.st_size);
    close(fd);
    if (pages) *pages = info.pages;
    if (txnid) *txnid = info.txnid;
    if (status) error_subject(e, slice_str(path));
    return status;
}

/* --- LMDB environments ------------------------------------------------------------------------ */

static cimf_status env_open(struct repo *r, const char *path, unsigned flags, size_t map_size,
                            uint32_t readers, struct error *e)
{
    struct repo_txn probe = { .repo = r };
    int rc = mdb_env_create(&r->env);
    if (rc) return repo_db_error(NULL, rc, e, "creating an LMDB environment");
    mdb_env_set_maxreaders(r->env, readers);
    for (size_t size = map_size ? map_size : MAP_FIRST;; size /= 2) {
        mdb_env_set_mapsize(r->env, size);
        rc = mdb_env_open(r->env, path, flags | MDB_NOSUBDIR | MDB_NOTLS, 0600);
        if (rc != ENOMEM || size <= MAP_LEAST || map_size) break;
        mdb_env_close(r->env); /* address space is limited: try with less, it grows */
        r->env = NULL;
        if (mdb_env_create(&r->env)) break;
        mdb_env_set_maxreaders(r->env, readers);
    }
    if (!rc) rc = mdb_txn_begin(r->env, NULL, flags & MDB_RDONLY, &probe.txn);
    if (!rc) {
        rc = mdb_dbi_open(probe.txn, NULL, 0, &r->dbi);
        mdb_txn_abort(probe.txn);
    }
    if (!rc) return CIMF_OK;
    if (r->env) mdb_env_close(r->env);
    r->env = NULL;
    repo_db_error(NULL, rc, e, "opening the store");
    error_subject(e, slice_str(path));
    return e ? e->status : CIMF_CRITICAL_ERROR;
}

cimf_status store_open_alone(const char *path, struct repo *r, struct error *e)
{
    *r = (struct repo){ .lock = -1, .read_only = true, .reader_max = 4 };
    pthread_mutex_init(&r->readers, NULL);
    pthread_cond_init(&r->readers_changed, NULL);
    return env_open(r, path, MDB_RDONLY | MDB_NOLOCK, 0, 4, e);
}

static void free_snapshots(struct repo *r)
{
    while (r->idle) {
        struct repo_txn *txn = r->idle;
        r->idle = txn->next;
        if (txn->txn) mdb_txn_abort(txn->txn);
        repo_txn_free(txn);
        free(txn);
    }
}

void store_close_alone(struct repo *r)
{
    free_snapshots(r);
    if (r->env) mdb_env_close(r->env);
    pthread_mutex_destroy(&r->readers);
    pthread_cond_destroy(&r->readers_changed);
}

/* Makes the file whole under another name first: a store that exists is complete. */
static cimf_status create(const char *dir, const char *path, const char *version, struct error *e)
{
    struct arena a;
    struct repo r = { .lock = -1 };
    struct store_header h = { .format = STORE_FORMAT, .created_us = clock_wall_us() };
    struct repo_txn txn;
    arena_init(&a, 0);
    guid_random(&h.guid);
    snprintf(h.created_by, sizeof h.created_by, "%s", version);
    struct slice temporary = path_of(&a, dir, STORE_FILE ".new");
    if (!temporary.p) return CIMF_OUT_OF_MEMORY;
    unlink(temporary.p);
    cimf_status status = env_open(&r, temporary.p, MDB_NOLOCK, 0, 4, e);
    if (!status) {
        repo_txn_init(&txn, &r, true);
        int rc = mdb_txn_begin(r.env, NULL, 0, &txn.txn);
        status = rc ? repo_db_error(&txn, rc, e, "creating the store") : header_write(&txn, &h, e);
        if (!rc && status) mdb_txn_abort(txn.txn);
        if (!status && (rc = mdb_txn_commit(txn.txn))) status = repo_db_error(&txn, rc, e, "creating the store");
        mdb_env_close(r.env);
        repo_txn_free(&txn);
    }
    if (!status && rename(temporary.p, path)) {
        status = error_errno(e, CIMF_CRITICAL_ERROR, "repo", errno, "cannot rename %s", temporary.p);
    }
    if (!status) status = file_sync_folder(dir, e);
    if (status) unlink(temporary.p);
    arena_free(&a);
    return status;
}

/* --- lock and clean mark ------------------------------------------------------------------------ */

/* "clean NUMBER" with the last commit when the owner closed the store, "open PID" while it has it. */
static void lock_text(int fd, char out[LOCK_TEXT])
{
    ssize_t n = pread(fd, out, LOCK_TEXT - 1, 0);
    out[n > 0 ? n : 0] = 0;
}

/* Always as long, so that nothing has to be cut off: file systems flush a file that is cut and written. */
static void lock_mark(int fd, const char *text, bool flush)
{
    char line[LOCK_LINE + 1];
    snprintf(line, sizeof line, "%-*.*s\n", LOCK_LINE - 1, LOCK_LINE - 1, text);
    if (pwrite(fd, line, LOCK_LINE, 0) != LOCK_LINE || (flush && fdatasync(fd))) {
        log_warn("repo", "the lock file cannot be written: the next start checks every record");
    }
}

cimf_status store_lock(const char *dir, int *fd, struct error *e)
{
    struct arena a;
    arena_init(&a, 0);
    struct slice path = path_of(&a, dir, STORE_LOCK);
    cimf_status status = path.p ? file_lock(path.p, fd, e) : CIMF_OUT_OF_MEMORY;
    if (status == CIMF_ALREADY_EXISTS) {
        char text[LOCK_TEXT] = "";
        int other = open(path.p, O_RDONLY | O_CLOEXEC);
        if (other >= 0) {
            lock_text(other, text);
            close(other);
        }
        int pid = strncmp(text, "open ", 5) == 0 ? atoi(text + 5) : 0;
        if (pid > 0) error_set(e, status, "repo", "process %d uses the repository", pid);
        else error_set(e, status, "repo", "another process uses the repository");
        error_subject(e, slice_str(dir));
    }
    arena_free(&a);
    return status;
}

static bool was_clean(int fd, uint64_t txnid)
{
    char text[LOCK_TEXT], *end;
    lock_text(fd, text);
    if (strncmp(text, "clean ", 6) != 0) return false;
    unsigned long long number = strtoull(text + 6, &end, 10);
    return *end == ' ' && number == txnid;
}

static void mark_open(int fd)
{
    char text[LOCK_TEXT];
    snprintf(text, sizeof text, "open %d", (int)getpid());
    lock_mark(fd, text, false);
}

static void mark_clean(struct repo *r)
{
    char text[LOCK_TEXT];
    MDB_envinfo info;
    mdb_env_info(r->env, &info);
    snprintf(text, sizeof text, "clean %llu", (unsigned long long)info.me_last_txnid);
    lock_mark(r->lock, text, !r->no_sync);
}

/* --- open and close ------------------------------------------------------------------------------ */

static void repo_init(struct repo *r, const struct repo_options *o)
{
    r->lock = -1;
    r->read_only = o->read_only;
    r->no_sync = o->no_sync;
    r->reader_max = o->max_readers ? o->max_readers : MAX_READERS;
    r->queue_max = o->max_queue ? o->max_queue : MAX_QUEUE;
    r->group_max = o->max_group ? o->max_group : MAX_GROUP;
    pthread_mutex_init(&r->readers, NULL);
    pthread_cond_init(&r->readers_changed, NULL);
    pthread_mutex_init(&r->queue, NULL);
    pthread_cond_init(&r->queue_changed, NULL);
    pthread_cond_init(&r->queue_room, NULL);
    pthread_cond_init(&r->idle_changed, NULL);
}

static void repo_free(struct repo *r)
{
    free_snapshots(r);
    if (r->env) mdb_env_close(r->env);
    if (r->write_txn.repo) repo_txn_free(&r->write_txn);
    if (r->lock >= 0) close(r->lock);
    pthread_mutex_destroy(&r->readers);
    pthread_cond_destroy(&r->readers_changed);
    pthread_mutex_destroy(&r->queue);
    pthread_cond_destroy(&r->queue_changed);
    pthread_cond_destroy(&r->queue_room);
    pthread_cond_destroy(&r->idle_changed);
    free(r->dir);
    free(r);
}

/* The file is there, ours, whole: fills r->info and r->clean. */
static cimf_status check(struct repo *r, const char *path, struct error *e)
{
    struct store_header h;
    uint64_t txnid;
    cimf_status status = store_check_file(path, &h, NULL, &txnid, e);
    if (status) return status;
    r->info.guid = h.guid;
    r->info.format = h.format;
    r->info.created_us = h.created_us;
    memcpy(r->info.created_by, h.created_by, sizeof h.created_by);
    r->clean = r->lock >= 0 && was_clean(r->lock, txnid);
    return CIMF_OK;
}

static cimf_status open_writer(struct repo *r, const char *path, const struct repo_options *o,
                               struct error *e)
{
    cimf_status status = store_lock(r->dir, &r->lock, e);
    if (status) return status;
    bool exists = access(path, F_OK) == 0 || errno != ENOENT;
    if (!exists) {
        status = create(r->dir, path, o->version ? o->version : "cimfony " CIMFONY_VERSION, e);
        if (status) return status;
    }
    status = check(r, path, e);
    if (!status) {
        status = env_open(r, path, o->no_sync ? MDB_NOSYNC : 0, o->map_size, r->reader_max + TOOL_READERS, e);
    }
    if (status) return status;
    if (!exists) r->clean = true;
    if (!r->clean && !o->skip_verify) {
        status = repo_verify(r, NULL, e);
        if (status) return status;
    }
    mark_open(r->lock);
    repo_import_forget(r->dir);
    return writer_start(r, e);
}

/* A tool: the page check only while no daemon changes the file. */
static cimf_status open_reader(struct repo *r, const char *path, const struct repo_options *o,
                               struct error *e)
{
    int lock = -1;
    struct error busy = ERROR_INIT;
    if (access(path, F_OK) && errno == ENOENT) {
        return error_set(e, CIMF_NOT_FOUND, "repo", "there is no repository in %s", r->dir);
    }
    cimf_status status = store_lock(r->dir, &lock, &busy);
    if (!status) status = check(r, path, e);
    else if (status == CIMF_ALREADY_EXISTS) status = CIMF_OK;
    else if (e) *e = busy;
    if (!status) status = env_open(r, path, MDB_RDONLY, o->map_size, r->reader_max + TOOL_READERS, e);
    if (lock >= 0) close(lock);
    return status;
}

cimf_status repo_open(const char *dir, const struct repo_options *options, struct repo **out,
                      struct error *e)
{
    static const struct repo_options none;
    const struct repo_options *o = options ? options : &none;
    struct arena a;
    struct repo *r = calloc(1, sizeof *r);
    *out = NULL;
    if (!r) return error_set(e, CIMF_OUT_OF_MEMORY, "repo", "no memory for the repository");
    arena_init(&a, 0);
    repo_init(r, o);
    r->dir = strdup(dir);
    struct slice path = path_of(&a, dir, STORE_FILE);
    cimf_status status = CIMF_OUT_OF_MEMORY;
    if (r->dir && path.p) {
        if (o->must_exist && access(path.p, F_OK)) {
            status = error_set(e, CIMF_NOT_FOUND, "repo", "there is no repository in %s", dir);
        } else if (o->read_only) {
            status = open_reader(r, path.p, o, e);
        } else {
            status = file_make_folders(dir, 0700, e);
            if (!status) status = open_writer(r, path.p, o, e);
        }
    }
    arena_free(&a);
    if (status) repo_free(r);
    else *out = r;
    return status;
}

void repo_close(struct repo *r)
{
    if (!r) return;
    writer_stop(r);
    if (!r->read_only) mark_clean(r);
    repo_free(r);
}

void repo_info(struct repo *r, struct repo_info *out)
{
    MDB_envinfo info;
    MDB_stat stat;
    struct stat st;
    int fd;
    pthread_mutex_lock(&r->readers);
    *out = r->info;
    pthread_mutex_unlock(&r->readers);
    out->clean = r->clean;
    repo_gate_enter(r);
    mdb_env_info(r->env, &info);
    mdb_env_stat(r->env, &stat);
    mdb_env_get_fd(r->env, &fd);
    repo_gate_leave(r);
    out->file_size = fstat(fd, &st) ? 0 : (uint64_t)st.st_size;
    out->used_size = (uint64_t)stat.ms_psize *
                     (stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages);
    out->map_size = info.me_mapsize;
    out->commits = atomic_load(&r->commits);
    out->writes = atomic_load(&r->writes);
}
