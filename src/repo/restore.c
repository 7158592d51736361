/*
 * Restore: a backup becomes the content of a store. It is first copied to beside the store and every record of the copy
 * is checked, so that nothing that happens to the file meanwhile counts. Of a store that nobody has open the file is
 * replaced. In an open one all records are replaced in one transaction: snapshots keep what they see, and whatever
 * cuts the transaction short leaves the former content, as of any other write.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "os/file.h"
#include "repo/repo_priv.h"

#define COPY_FILE STORE_FILE ".restore"
#define OLD_FILE STORE_FILE ".old"

static cimf_status copy_bytes(int from, int to, const char *path, struct error *e)
{
    char block[65536];
    for (;;) {
        ssize_t n = read(from, block, sizeof block);
        if (n == 0) return fsync(to) ? repo_file_error(e, "write", path) : CIMF_OK;
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return repo_file_error(e, "read the backup for", path);
        for (ssize_t done = 0; done < n;) {
            ssize_t m = write(to, block + done, (size_t)(n - done));
            if (m < 0 && errno == EINTR) continue;
            if (m < 0) return repo_file_error(e, "write", path);
            done += m;
        }
    }
}

static cimf_status copy_from(int in, const char *to, struct error *e)
{
    struct stat st;
    if (fstat(in, &st) || !S_ISREG(st.st_mode)) return repo_damaged(e, "it is not a regular file");
    unlink(to);
    int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    cimf_status status = out < 0 ? repo_file_error(e, "create", to) : copy_bytes(in, out, to, e);
    if (out >= 0 && close(out) && !status) status = repo_file_error(e, "write", to);
    return status;
}

/* --- of a closed store ------------------------------------------------------------------------------ */

/* The former store stays under another name: a hard link, so that there is no moment without a store. */
static cimf_status keep_old(const char *path, const char *old, struct error *e)
{
    unlink(old);
    if (link(path, old) && errno != ENOENT) return repo_file_error(e, "keep the former store as", old);
    return CIMF_OK;
}

static cimf_status replace(struct arena *a, const char *dir, const char *backup, struct error *e)
{
    const char *path = arena_printf(a, "%s/" STORE_FILE, dir).p;
    const char *temporary = arena_printf(a, "%s/" COPY_FILE, dir).p;
    const char *old = arena_printf(a, "%s/" OLD_FILE, dir).p;
    if (!path || !temporary || !old) return CIMF_OUT_OF_MEMORY;
    int in = open(backup, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    cimf_status status = in < 0 ? repo_file_error(e, "open", backup) : copy_from(in, temporary, e);
    if (!status) status = repo_verify_file(temporary, NULL, e);
    if (!status) status = keep_old(path, old, e);
    if (!status) status = repo_put_in_place(temporary, path, dir, e);
    if (status) {
        unlink(temporary);
        error_subject(e, slice_str(backup));
    }
    if (in >= 0) close(in);
    return status;
}

cimf_status repo_restore(const char *dir, const char *backup, struct error *e)
{
    struct arena a;
    int lock = -1;
    cimf_status status = file_make_folders(dir, 0700, e);
    if (!status) status = store_lock(dir, &lock, e);
    if (status) return status;
    arena_init(&a, 0);
    status = replace(&a, dir, backup, e);
    arena_free(&a);
    close(lock);
    return status;
}

/* --- of an open store --------------------------------------------------------------------------------- */

struct repo_import {
    struct repo *repo;   /* to be replaced */
    struct repo from;    /* the copy of the backup */
    MDB_txn *source;
    struct store_header header;
    struct arena arena;
    const char *copy, *old, *old_part;
    repo_write_fn *fn;
    void *arg;
};

cimf_status repo_import_open(struct repo *r, int fd, struct repo_import **out, struct error *e)
{
    struct repo_import *im = calloc(1, sizeof *im);
    *out = NULL;
    if (!im) return error_set(e, CIMF_OUT_OF_MEMORY, "repo", "no memory for a restore");
    im->repo = r;
    arena_init(&im->arena, 0);
    im->copy = arena_printf(&im->arena, "%s/" COPY_FILE, r->dir).p;
    im->old = arena_printf(&im->arena, "%s/" OLD_FILE, r->dir).p;
    im->old_part = arena_printf(&im->arena, "%s/" OLD_FILE ".part", r->dir).p;
    cimf_status status = CIMF_OUT_OF_MEMORY;
    if (im->copy && im->old && im->old_part) {
        status = copy_from(fd, im->copy, e);
        if (!status) status = store_check_file(im->copy, &im->header, NULL, NULL, e);
        if (!status) status = store_open_alone(im->copy, &im->from, e);
        if (!status) status = repo_verify(&im->from, NULL, e);
        int rc = status ? 0 : mdb_txn_begin(im->from.env, NULL, MDB_RDONLY, &im->source);
        if (rc) status = repo_db_error(NULL, rc, e, "reading the backup");
    }
    if (status) repo_import_free(im);
    else *out = im;
    return status;
}

void repo_import_free(struct repo_import *im)
{
    if (!im) return;
    if (im->source) mdb_txn_abort(im->source);
    if (im->from.env) store_close_alone(&im->from);
    if (im->copy) unlink(im->copy);
    arena_free(&im->arena);
    free(im);
}

static cimf_status keep_copy(struct repo_import *im, struct error *e)
{
    unlink(im->old_part);
    cimf_status status = repo_copy_store(im->repo, im->old_part, e);
    if (!status) status = repo_put_in_place(im->old_part, im->old, im->repo->dir, e);
    if (status) unlink(im->old_part);
    return status;
}

/* The records come sorted, each behind the one before it. May run twice. */
static cimf_status replace_records(struct repo_txn *txn, void *arg, struct error *e)
{
    struct repo_import *im = arg;
    MDB_cursor *in = NULL;
    MDB_val key, value;
    int rc = mdb_drop(txn->txn, txn->dbi, 0);
    if (!rc) rc = mdb_cursor_open(im->source, im->from.dbi, &in);
    while (!rc && !(rc = mdb_cursor_get(in, &key, &value, MDB_NEXT)))
        rc = mdb_put(txn->txn, txn->dbi, &key, &value, MDB_APPEND);
    if (in) mdb_cursor_close(in);
    if (rc != MDB_NOTFOUND) return repo_db_error(txn, rc, e, "replacing the repository");
    return im->fn ? im->fn(txn, im->arg, e) : CIMF_OK;
}

cimf_status repo_import_run(struct repo_import *im, repo_write_fn *fn, void *arg, struct error *e)
{
    struct repo *r = im->repo;
    cimf_status status = keep_copy(im, e);
    im->fn = fn;
    im->arg = arg;
    if (!status) status = writer_run(r, replace_records, im, e);
    if (status) return status;
    pthread_mutex_lock(&r->readers);
    r->info.guid = im->header.guid;
    r->info.format = im->header.format;
    r->info.created_us = im->header.created_us;
    memcpy(r->info.created_by, im->header.created_by, sizeof im->header.created_by);
    pthread_mutex_unlock(&r->readers);
    return CIMF_OK;
}

void repo_import_forget(const char *dir)
{
    static const char *const names[] = { COPY_FILE, OLD_FILE ".part" };
    char path[4096];
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
        if ((size_t)snprintf(path, sizeof path, "%s/%s", dir, names[i]) < sizeof path) unlink(path);
}
