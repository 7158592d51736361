/*
 * Backup and restore of the whole store while operations go on.
 *
 * A restore has a number, the generation of the manager: it grows by one when records begin to be replaced and by one when
 * everything in memory follows. An operation carries the number of its begin and delivers nothing of the store when it is no longer the same,
 * so nobody sees the content of one store by the classes of the other. Its writes look at the number on the writer
 * thread. What restores hand over at once is the whole table of namespaces: whoever holds one of the former ones finds
 * it as it was.
 */
#include "auth/audit.h"
#include "base/log.h"
#include "cimom/cimom_priv.h"

bool cimom_restoring(const struct cimom *m)
{
    return cimom_generation(m) & 1;
}

uint64_t cimom_generation(const struct cimom *m)
{
    return atomic_load_explicit(&m->generation, memory_order_acquire);
}

void cimom_on_restore(struct cimom *m, void (*fn)(void *arg), void *arg)
{
    m->restored = fn;
    m->restored_arg = arg;
}

cimf_status care_begin(struct cimom *m, const struct cimom_caller *who, struct error *e)
{
    if (!who->principal || !who->principal->administrator)
        return error_set(e, CIMF_ACCESS_DENIED, "cimom", "backup and restore are for administrators");
    if (atomic_load(&m->stopping)) return CIMF_SHUTTING_DOWN;
    if (pthread_mutex_trylock(&m->care))
        return error_set(e, CIMF_BACKUP_RESTORE_RUNNING, "cimom", "a backup or restore runs already");
    return CIMF_OK;
}

void care_end(struct cimom *m)
{
    pthread_mutex_unlock(&m->care);
}

static void record(enum audit_event event, const struct cimom_caller *who, cimf_status s)
{
    struct audit_record r = { .event = event, .principal = who->principal, .peer = who->peer, .object = who->file, .status = s };
    audit_write(&r);
}

cimf_status cimom_backup(struct cimom *m, const struct cimom_caller *who, const char *path, struct error *e)
{
    cimf_status s = care_begin(m, who, e);
    if (!s) {
        s = repo_backup(m->repo, path, e);
        care_end(m);
    }
    record(AUDIT_BACKUP, who, s);
    return s;
}

/* --- restore ------------------------------------------------------------------------------------ */

struct restore {
    struct cimom *m;
    struct first_start *boot;
    struct map table;
    bool built;
};

static void forget_table(struct restore *x)
{
    if (x->built) table_drop(x->m, &x->table);
    x->built = false;
}

/* Behind the records of the backup, in their transaction. May run twice. */
static cimf_status follow(struct repo_txn *txn, void *arg, struct error *e)
{
    struct restore *x = arg;
    forget_table(x);
    cimf_status s = boot_step(txn, x->boot, e);
    x->built = !s;
    return s ? s : table_build(x->m, txn, &x->table, e);
}

/* The writer is held: this thread stands in for it. */
static cimf_status replace(struct restore *x, struct repo_import *im, struct error *e)
{
    struct cimom *m = x->m;
    atomic_fetch_add_explicit(&m->generation, 1, memory_order_acq_rel);
    m->unpublished = true;
    cimf_status s = repo_import_run(im, follow, x, e);
    m->unpublished = false;
    if (!s) {
        table_exchange(m, &x->table);
        boot_end(x->boot, true); /* shows what it changed in the new table */
        x->boot = NULL;
        if (m->restored) m->restored(m->restored_arg);
    }
    forget_table(x); /* the former one, or the one that did not come to be */
    /* What failed has changed nothing: who has not looked meanwhile goes on. */
    atomic_fetch_add_explicit(&m->generation, s ? UINT64_MAX : 1, memory_order_acq_rel);
    return s;
}

static cimf_status restore(struct cimom *m, int fd, struct error *e)
{
    struct restore x = { .m = m };
    struct repo_import *im = NULL;
    if (m->pause.on) return error_set(e, CIMF_INVALID_OPERATION, "cimom", "the server is paused: resume it first");
    cimf_status s = repo_import_open(m->repo, fd, &im, e);
    if (!s) s = boot_prepare(m, &x.boot, e);
    if (!s) s = repo_hold(m->repo, false, e);
    if (!s) {
        s = replace(&x, im, e);
        repo_release(m->repo);
    }
    boot_end(x.boot, false);
    repo_import_free(im);
    return s;
}

cimf_status cimom_restore(struct cimom *m, const struct cimom_caller *who, int fd, struct error *e)
{
    cimf_status s = care_begin(m, who, e);
    if (!s) {
        s = restore(m, fd, e);
        care_end(m);
    }
    record(AUDIT_RESTORE, who, s);
    if (!s) log_info("cimom", "the repository was restored file=" SLICE_FMT, SLICE_ARG(who->file));
    return s;
}
