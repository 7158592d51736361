/* Snapshots for reading: a pool of LMDB readers, and the gate that holds them while the map grows. */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#include "repo/repo_priv.h"

enum { GROW_WAIT_SECONDS = 30 };

void repo_txn_init(struct repo_txn *txn, struct repo *r, bool write)
{
    *txn = (struct repo_txn){ .repo = r, .dbi = r->dbi, .write = write };
    arena_init(&txn->arena, ARENA_DEFAULT_CAP);
    buf_init(&txn->fold, 0);
    buf_init(&txn->value, STORE_VALUE_CAP);
}

void repo_txn_free(struct repo_txn *txn)
{
    arena_free(&txn->arena);
    buf_free(&txn->fold);
    buf_free(&txn->value);
}

void repo_gate_enter(struct repo *r)
{
    pthread_mutex_lock(&r->readers);
    while (r->growing) pthread_cond_wait(&r->readers_changed, &r->readers);
    r->active++;
    pthread_mutex_unlock(&r->readers);
}

void repo_gate_leave(struct repo *r)
{
    pthread_mutex_lock(&r->readers);
    r->active--;
    if (r->growing && !r->active) pthread_cond_broadcast(&r->readers_changed);
    pthread_mutex_unlock(&r->readers);
}

/* A pooled reader, or a new one (its txn NULL), or NULL when the limit is reached. Enters the gate. */
static struct repo_txn *take(struct repo *r, bool *busy)
{
    pthread_mutex_lock(&r->readers);
    while (r->growing) pthread_cond_wait(&r->readers_changed, &r->readers);
    struct repo_txn *txn = r->idle;
    *busy = !txn && r->reader_count >= r->reader_max;
    if (txn) r->idle = txn->next;
    else if (!*busy && (txn = calloc(1, sizeof *txn))) r->reader_count++;
    if (txn) r->active++;
    pthread_mutex_unlock(&r->readers);
    return txn;
}

static void give_back(struct repo *r, struct repo_txn *txn)
{
    pthread_mutex_lock(&r->readers);
    txn->next = r->idle;
    r->idle = txn;
    r->active--;
    if (r->growing && !r->active) pthread_cond_broadcast(&r->readers_changed);
    pthread_mutex_unlock(&r->readers);
}

cimf_status repo_read_begin(struct repo *r, struct repo_txn **out, struct error *e)
{
    bool busy;
    struct repo_txn *txn = take(r, &busy);
    *out = NULL;
    if (busy) {
        return error_set(e, CIMF_SERVER_TOO_BUSY, "repo", "all %u snapshots of the repository are in use",
                         r->reader_max);
    }
    if (!txn) return error_set(e, CIMF_OUT_OF_MEMORY, "repo", "no memory for a snapshot");
    if (!txn->repo) repo_txn_init(txn, r, false);
    int rc = txn->txn ? mdb_txn_renew(txn->txn) : mdb_txn_begin(r->env, NULL, MDB_RDONLY, &txn->txn);
    if (rc) {
        give_back(r, txn);
        return repo_db_error(NULL, rc, e, "beginning a snapshot");
    }
    *out = txn;
    return CIMF_OK;
}

void repo_read_end(struct repo_txn *txn)
{
    if (!txn) return;
    mdb_txn_reset(txn->txn);
    arena_reset(&txn->arena);
    if (txn->value.room > 65536) buf_free(&txn->value);
    give_back(txn->repo, txn);
}

uint64_t repo_txn_number(const struct repo_txn *txn) { return mdb_txn_id(txn->txn); }

/* LMDB unmaps before it maps: find out first whether the larger map fits. */
static int enlarge(struct repo *r)
{
    MDB_envinfo info;
    int fd;
    mdb_env_info(r->env, &info);
    mdb_env_get_fd(r->env, &fd);
    if (info.me_mapsize > SIZE_MAX / 4) return ENOMEM;
    void *probe = mmap(NULL, info.me_mapsize * 2, PROT_READ, MAP_SHARED, fd, 0);
    if (probe == MAP_FAILED) return errno;
    munmap(probe, info.me_mapsize * 2);
    return mdb_env_set_mapsize(r->env, info.me_mapsize * 2);
}

cimf_status repo_grow(struct repo *r, struct error *e)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += GROW_WAIT_SECONDS;
    cimf_status status = CIMF_OK;
    pthread_mutex_lock(&r->readers);
    r->growing = true;
    int rc = 0;
    while (r->active && rc != ETIMEDOUT) {
        rc = pthread_cond_timedwait(&r->readers_changed, &r->readers, &until);
    }
    if (r->active) {
        status = error_set(e, CIMF_SERVER_TOO_BUSY, "repo",
                           "the repository could not grow: a snapshot was kept for %d seconds",
                           GROW_WAIT_SECONDS);
    } else if ((rc = enlarge(r))) {
        status = repo_db_error(NULL, rc, e, "growing the repository's address space");
    }
    r->growing = false;
    pthread_cond_broadcast(&r->readers_changed);
    pthread_mutex_unlock(&r->readers);
    return status;
}
