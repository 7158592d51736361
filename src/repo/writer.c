/*
 * The writer thread and group commit.
 *
 * Requests queue up; the thread takes all that wait (up to max_group) and runs them in order inside one LMDB
 * transaction, each in a nested one, so that a request sees the ones before it and its failure undoes only
 * itself. One commit, one fsync, then the answers go out. The first request of a group runs without the cost
 * of nesting: if it fails, the transaction is empty anyway and begins again.
 */
#include <errno.h>
#include <semaphore.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "base/log.h"
#include "repo/repo_priv.h"

static cimf_status run_one(struct repo_txn *txn, struct write_request *q)
{
    q->error = ERROR_INIT;
    q->status = q->fn(txn, q->arg, &q->error);
    arena_reset(&txn->arena);
    if (q->status && !q->error.status) error_set(&q->error, q->status, "repo", "%s", "");
    return q->status;
}

static cimf_status refuse(struct write_request *q, cimf_status status)
{
    q->failed = true;
    q->status = status;
    return status;
}

/* In a nested transaction of `group`. Not OK with map_full: run the group again in a larger map. */
static cimf_status run_nested(struct repo *r, struct write_request *q, MDB_txn *group)
{
    struct repo_txn *txn = &r->write_txn;
    int rc = mdb_txn_begin(r->env, group, 0, &txn->txn);
    if (rc) return refuse(q, repo_db_error(txn, rc, &q->error, "beginning a write"));
    if (run_one(txn, q) || txn->map_full) {
        mdb_txn_abort(txn->txn);
        if (!txn->map_full) q->failed = true;
        return q->status;
    }
    rc = mdb_txn_commit(txn->txn);
    return rc ? refuse(q, repo_db_error(txn, rc, &q->error, "writing")) : CIMF_OK;
}

/* Runs the requests that have not failed. *out: the open transaction, NULL when nothing succeeded. */
static void run_group(struct repo *r, struct write_request *list, MDB_txn **out)
{
    struct repo_txn *txn = &r->write_txn;
    MDB_txn *group = NULL;
    bool alone = true; /* nothing done in the transaction yet */
    for (struct write_request *q = list; q && !txn->map_full; q = q->next) {
        if (q->failed) continue;
        int rc = group ? 0 : mdb_txn_begin(r->env, NULL, 0, &group);
        if (rc) {
            group = NULL;
            refuse(q, repo_db_error(txn, rc, &q->error, "beginning a write"));
        } else if (!alone) {
            run_nested(r, q, group);
        } else {
            txn->txn = group;
            if (!run_one(txn, q) && !txn->map_full) {
                alone = false;
                continue;
            }
            mdb_txn_abort(group);
            group = NULL;
            if (!txn->map_full) q->failed = true;
        }
    }
    if (txn->map_full && group) {
        mdb_txn_abort(group);
        group = NULL;
    }
    *out = group;
}

static void fail_rest(struct write_request *list, cimf_status status, const struct error *e)
{
    for (struct write_request *q = list; q; q = q->next) {
        if (q->failed) continue;
        q->failed = true;
        q->status = status;
        q->error = *e;
    }
}

/* LMDB says EIO for a write that was cut short, which is how a disk fills up. */
static bool disk_is_full(struct repo *r)
{
    const uint64_t little = 32 << 20;
    struct statvfs fs;
    struct stat st;
    struct rlimit limit;
    int fd;
    mdb_env_get_fd(r->env, &fd);
    if (!fstatvfs(fd, &fs) && (uint64_t)fs.f_bavail * fs.f_frsize < little) return true;
    return !fstat(fd, &st) && !getrlimit(RLIMIT_FSIZE, &limit) && limit.rlim_cur != RLIM_INFINITY &&
           (uint64_t)st.st_size + little > limit.rlim_cur;
}

/* Leaves every request with its final status. */
static void commit_group(struct repo *r, struct write_request *list)
{
    struct repo_txn *txn = &r->write_txn;
    for (;;) {
        struct error e = ERROR_INIT;
        MDB_txn *group;
        txn->map_full = false;
        run_group(r, list, &group);
        if (!txn->map_full) {
            int rc = group ? mdb_txn_commit(group) : 0;
            if (!rc) {
                atomic_fetch_add(&r->commits, group != NULL);
                return;
            }
            if (rc == EIO && disk_is_full(r)) rc = ENOSPC;
            cimf_status status = repo_db_error(txn, rc, &e, "committing to the repository");
            if (!txn->map_full) {
                fail_rest(list, status, &e);
                log_failure("repo", &e, "commit");
                return;
            }
        }
        cimf_status status = repo_grow(r, &e);
        if (status) {
            fail_rest(list, status, &e);
            return;
        }
    }
}

/* --- answers ------------------------------------------------------------------------------------ */

static void deliver(void *arg)
{
    struct write_request *q = arg;
    q->done(q->done_arg, q->status, &q->error);
    free(q);
}

static void answer_group(struct repo *r, struct write_request *list)
{
    while (list) {
        struct write_request *q = list;
        list = q->next;
        if (!q->status) atomic_fetch_add(&r->writes, 1);
        if (!q->exec || !exec_post(q->exec, deliver, q)) deliver(q);
    }
}

/* --- the thread ----------------------------------------------------------------------------------- */

/* Waits for work; NULL when the store closes and the queue is empty. */
static struct write_request *take_group(struct repo *r)
{
    pthread_mutex_lock(&r->queue);
    r->busy = false;
    if (r->held) pthread_cond_broadcast(&r->idle_changed);
    while (!r->first && !r->stopping) pthread_cond_wait(&r->queue_changed, &r->queue);
    struct write_request *list = r->first, **end = &r->first;
    uint32_t n = 0;
    for (; *end && n < r->group_max; end = &(*end)->next) n++;
    struct write_request *rest = *end;
    *end = NULL;
    r->first = rest;
    if (!rest) r->last = &r->first;
    r->queued -= n;
    r->busy = n != 0;
    if (n) pthread_cond_broadcast(&r->queue_room);
    pthread_mutex_unlock(&r->queue);
    return list;
}

static void *writer_main(void *arg)
{
    struct repo *r = arg;
    struct write_request *list;
    while ((list = take_group(r))) {
        commit_group(r, list);
        answer_group(r, list);
    }
    return NULL;
}

cimf_status writer_start(struct repo *r, struct error *e)
{
    repo_txn_init(&r->write_txn, r, true);
    r->last = &r->first;
    r->later_last = &r->later;
    int rc = pthread_create(&r->writer, NULL, writer_main, r);
    if (rc) return error_errno(e, CIMF_OUT_OF_MEMORY, "repo", rc, "cannot start the writer thread");
    pthread_setname_np(r->writer, "repo-writer");
    r->writer_runs = true;
    return CIMF_OK;
}

void writer_stop(struct repo *r)
{
    if (!r->writer_runs) return;
    repo_release(r);
    pthread_mutex_lock(&r->queue);
    r->stopping = true;
    pthread_cond_broadcast(&r->queue_changed);
    pthread_cond_broadcast(&r->queue_room);
    pthread_mutex_unlock(&r->queue);
    pthread_join(r->writer, NULL);
    r->writer_runs = false;
}

/* --- holding it ------------------------------------------------------------------------------------ */

cimf_status repo_hold(struct repo *r, bool pause, struct error *e)
{
    if (r->read_only) return error_set(e, CIMF_READ_ONLY, "repo", "the repository is open for reading only");
    pthread_mutex_lock(&r->queue);
    bool taken = r->held || r->stopping;
    if (!taken) {
        r->held = true;
        r->paused = pause;
        pthread_cond_broadcast(&r->queue_room); /* who waits for room learns of a pause */
        while (r->first || r->busy) pthread_cond_wait(&r->idle_changed, &r->queue);
    }
    pthread_mutex_unlock(&r->queue);
    return taken ? error_set(e, CIMF_BACKUP_RESTORE_RUNNING, "repo", "the repository is paused or being restored") : CIMF_OK;
}

void repo_release(struct repo *r)
{
    pthread_mutex_lock(&r->queue);
    r->held = r->paused = false;
    if (r->later) {
        *r->last = r->later;
        r->last = r->later_last;
        r->later = NULL;
        r->later_last = &r->later;
    }
    pthread_cond_signal(&r->queue_changed);
    pthread_cond_broadcast(&r->queue_room);
    pthread_mutex_unlock(&r->queue);
}

cimf_status writer_run(struct repo *r, repo_write_fn *fn, void *arg, struct error *e)
{
    struct write_request q = { .fn = fn, .arg = arg, .error = ERROR_INIT };
    commit_group(r, &q);
    if (q.status && e) *e = q.error;
    else if (!q.status) atomic_fetch_add(&r->writes, 1);
    return q.status;
}

/* --- asking it --------------------------------------------------------------------------------------- */

enum enqueue { MAY_WAIT = 1 /* for room */, SOON = 2 /* refused while it is paused: a thread waits for the outcome */ };

static void append(struct repo *r, struct write_request *q)
{
    if (r->held) {
        *r->later_last = q;
        r->later_last = &q->next;
        r->queued++;
        return;
    }
    *r->last = q;
    r->last = &q->next;
    r->queued++;
    pthread_cond_signal(&r->queue_changed);
}

/* Takes the request or tells why not. */
static cimf_status enqueue(struct repo *r, struct write_request *q, unsigned how, struct error *e)
{
    if (r->read_only) return error_set(e, CIMF_READ_ONLY, "repo", "the repository is open for reading only");
    cimf_status status = CIMF_OK;
    pthread_mutex_lock(&r->queue);
    while (how & MAY_WAIT && r->queued >= r->queue_max && !r->stopping && !r->paused)
        pthread_cond_wait(&r->queue_room, &r->queue);
    if (r->stopping) {
        status = error_set(e, CIMF_SHUTTING_DOWN, "repo", "the repository is closing");
    } else if (r->paused && how & SOON) {
        status = error_set(e, CIMF_SERVER_TOO_BUSY, "repo", "the repository is paused while it is copied");
    } else if (r->queued >= r->queue_max) {
        status = error_set(e, CIMF_SERVER_TOO_BUSY, "repo", "%u writes are waiting already", r->queued);
    } else {
        append(r, q);
    }
    pthread_mutex_unlock(&r->queue);
    return status;
}

static cimf_status write_how(struct repo *r, repo_write_fn *fn, void *arg, struct exec *exec, repo_done_fn *done,
                             unsigned how, struct error *e)
{
    struct write_request *q = calloc(1, sizeof *q);
    if (!q) return error_set(e, CIMF_OUT_OF_MEMORY, "repo", "no memory for a write");
    *q = (struct write_request){ .fn = fn, .arg = arg, .exec = exec, .done = done, .done_arg = arg };
    cimf_status status = enqueue(r, q, how, e);
    if (status) free(q);
    return status;
}

cimf_status repo_write(struct repo *r, repo_write_fn *fn, void *arg, struct exec *exec,
                       repo_done_fn *done, struct error *e)
{
    return write_how(r, fn, arg, exec, done, 0, e);
}

cimf_status repo_write_soon(struct repo *r, repo_write_fn *fn, void *arg, struct exec *exec,
                            repo_done_fn *done, struct error *e)
{
    return write_how(r, fn, arg, exec, done, SOON, e);
}

struct waiter {
    sem_t ready;
    cimf_status status;
    struct error error;
};

static void wake(void *arg, cimf_status status, const struct error *e)
{
    struct waiter *w = arg;
    w->status = status;
    w->error = *e;
    sem_post(&w->ready);
}

cimf_status repo_write_sync(struct repo *r, repo_write_fn *fn, void *arg, struct error *e)
{
    struct waiter w = { .status = CIMF_OK };
    struct write_request *q = calloc(1, sizeof *q);
    if (!q) return error_set(e, CIMF_OUT_OF_MEMORY, "repo", "no memory for a write");
    *q = (struct write_request){ .fn = fn, .arg = arg, .done = wake, .done_arg = &w };
    sem_init(&w.ready, 0, 0);
    cimf_status status = enqueue(r, q, MAY_WAIT | SOON, e);
    if (status) {
        free(q);
    } else {
        while (sem_wait(&w.ready)) continue; /* interrupted */
        status = w.status;
        if (status && e) *e = w.error;
    }
    sem_destroy(&w.ready);
    return status;
}
