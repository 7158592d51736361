/*
 * cimom/cimom.h - the object manager: classes, instances, queries and methods of this machine.
 *
 * What lives here: namespaces with their schema snapshots (namespace.c, edit.c), the run loop of
 * operations (task.c), reading (read.c, query.c, associate.c), writing (put_class.c,
 * put_instance.c ...), calling (invoke.c), the provider contract (provider.h) and the one place
 * that decides access (access.c). What enters: `struct cim_op` from any protocol room. What leaves:
 * results in the op's sink; durable changes in the repository. Start reading in task.h, then
 * dispatch.c.
 *
 * Threads: operations run on the thread of op->home; providers that block and their operations run
 * on the pool; changes run on the repository's writer thread. Readers take a schema reference and
 * no other lock.
 */
#ifndef CIMOM_CIMOM_H
#define CIMOM_CIMOM_H

#include "base/exec.h"
#include "cimom/provider.h"
#include "mof/mof.h"
#include "repo/repo.h"
#include "schema/schema.h"

struct cimom;

struct cimom_config {
    struct repo *repo; /* open for writing; outlives the manager */
    struct exec *pool; /* workers for blocking providers; accounts are its owners (exec_post_for) */
    const struct provider_class *const *providers; /* NULL-terminated; NULL: none */
    /* Built-in MOF and namespaces, as in schema/schema.h. */
    const struct schema_file *files;
    size_t file_count;
    const char *const *namespaces; /* parents first, NULL-terminated */
    const char *version;           /* changes when files or namespaces do */
    struct slice server;           /* name of this machine, for __SERVER and __PATH */
    uint32_t max_requests;         /* operations at work at once, 0 = 5000 (C19) */
    uint32_t max_open;             /* the same with paused ones, 0 = 20000 */
    int64_t provider_timeout_us;   /* longest wait for a provider, 0 = 60 s */
    int64_t pause_us;              /* longest pause, 0 = 15 minutes (MS-WMI 3.1.2) */
    size_t operation_memory;       /* cap of each of an operation's arenas, 0 = 64 MiB */
    /* A class below a concrete parent cannot be instantiated: the text of MS-WMI 3.1.4.3.12, which
     * shipped schemas break. Default off (cim-core.md 2.7). */
    bool strict_parents;
    /* What provider_host calls, on the pool; NULL: there are no hosts. */
    cimf_status (*host)(void *arg, const struct principal *p, const struct host_job *job, int64_t deadline_us, struct arena *a,
                        struct host_answer *out, struct error *e);
    void *host_arg;
};

/* Opens the namespaces; on the first start of a store, or when config->version differs from the one
 * recorded there, compiles the built-in schema in one transaction. Blocks. Classes of a namespace
 * are loaded when it is first used. *config is copied; what it points to must outlive the manager.
 */
cimf_status cimom_create(const struct cimom_config *config, struct cimom **out, struct error *e);
/* New operations get SHUTTING_DOWN from now on. */
void cimom_stop(struct cimom *m);
/* All operations must have ended (cimom_active says 0) and the pool must be drained. NULL allowed.
 */
void cimom_destroy(struct cimom *m);
struct cim_manager *cimom_manager(struct cimom *m);
uint32_t cimom_active(const struct cimom *m); /* open operations, paused ones too */

struct cimom_stats {
    uint64_t calls, failed, objects;
};
/* Since the start, of one verb. */
void cimom_stats(const struct cimom *m, enum cim_verb verb, struct cimom_stats *out);

/* Compiles a parsed unit in one transaction: everything or nothing. Needs FULL_WRITE in every
 * namespace that the unit names. done runs on exec (or on the writer thread when exec is NULL);
 * until then unit, its arena and principal must live. e->line, column, subject tell the place in
 * the MOF. */
typedef void cimom_compiled_fn(void *arg, cimf_status status, const struct mof_counts *counts,
                               const struct error *e);
cimf_status cimom_compile_mof(struct cimom *m, struct mof_unit *unit,
                              const struct principal *principal, struct exec *exec,
                              cimom_compiled_fn *done, void *arg, struct error *e);
/* Same, waits. Not on the writer thread or a loop thread. */
cimf_status cimom_compile_mof_sync(struct cimom *m, struct mof_unit *unit,
                                   const struct principal *principal, struct mof_counts *counts,
                                   struct error *e);
/* mof_options.qualifier of a compilation into this manager (arg: the manager): declarations that a
 * namespace already holds. The answer stays valid until the manager is destroyed or `a` dies. */
struct cimom_mof_scope {
    struct cimom *m;
    struct arena *a; /* pins the schemas that were asked */
};
const struct cim_qualifier_decl *cimom_mof_qualifier(void *scope, struct slice ns,
                                                     struct slice name);

/* --- care of the store (C17, MS-WMI 3.1.4.10, .11): for administrators, others get ACCESS_DENIED; each leaves an audit
 * record. All block: call on a worker. BACKUP_RESTORE_RUNNING: one of them runs already. */
struct cimom_caller {
    const struct principal *principal;
    struct slice peer;  /* address text, or empty */
    struct slice file;  /* as the audit record is to name it */
};
/* A consistent copy of the store. Operations go on meanwhile; what they change later is not in the copy. */
cimf_status cimom_backup(struct cimom *m, const struct cimom_caller *who, const char *path,
                         struct error *e);
/* The whole content is replaced by the backup that fd holds, atomically and durably; the built-in schema follows when the
 * backup is of another version. A backup that is refused (CORRUPT_STORE) disturbs nobody. Then, for as long as records are
 * replaced, new operations get SERVER_STOPPING; those that are at work end with it at their next step, those that are
 * paused with INVALID_NAMESPACE when they go on. INVALID_OPERATION while paused. */
cimf_status cimom_restore(struct cimom *m, const struct cimom_caller *who, int fd, struct error *e);
/* Called after each restore, before operations are taken again: what else is kept in the store has changed too. No
 * writes in it. Set before the first restore can come. */
void cimom_on_restore(struct cimom *m, void (*fn)(void *arg), void *arg);
/* Changes with every restore: what was made of the store under another number is no longer good. */
uint64_t cimom_generation(const struct cimom *m);
bool cimom_restoring(const struct cimom *m);

/* From now on the files of the store stay as they are, and new operations are held back, max_requests of them; more get
 * SERVER_TOO_BUSY. Until cimom_resume, or for config.pause_us. INVALID_OPERATION: it is paused; it is not. */
cimf_status cimom_pause(struct cimom *m, const struct cimom_caller *who, struct error *e);
cimf_status cimom_resume(struct cimom *m, const struct cimom_caller *who, struct error *e);
/* Any end of a pause, before others wait for what is held: without rights, without a record. */
void cimom_unpause(struct cimom *m);

/* The security descriptor in force in a namespace, inherited ACEs marked (ID), appended as SDDL; and what it is
 * given: what the first gave is taken, too; "": back to what it would have without one of its own. For the
 * administrator of this machine (AUTH_LOCAL), whatever the descriptor says. The second blocks until the change
 * is durable and in force. */
cimf_status cimom_descriptor(struct cimom *m, const struct principal *p, struct slice ns,
                             struct buf *sddl, struct error *e);
cimf_status cimom_set_descriptor(struct cimom *m, const struct principal *p, struct slice ns,
                                 struct slice sddl, struct error *e);

#endif
