/*
 * repo/repo.h - the durable store: namespaces, classes, qualifier declarations, static instances, settings.
 *
 * One folder holds one store: `store.mdb` (LMDB) and its lock files. One process may write it. Reads are
 * LMDB snapshots, any number at a time, and never wait for a writer. All writes run on one writer thread,
 * one after the other, and are committed in groups: one fsync for everything that queued up meanwhile.
 * A write whose `done` said CIMF_OK survives kill -9 and a power cut; one that was not answered is there
 * whole or not at all (C20). Two protocols that write one instance at the same moment are put in order by
 * the writer thread: read, merge and put inside one write function, and exactly one value per property
 * remains (C18, MS-WMOD 2.4).
 *
 * Names (namespaces, classes, qualifiers, settings) compare without case (slice_ieq); the first spelling
 * is kept. Namespaces are in the normal form of cim_namespace_normal. Key texts and reference targets are
 * already normal (cim_path_key_text, cim_reference_key) and compare bytewise.
 *
 * Errors that any function may give beside those named: CORRUPT_STORE (a record fails its checksum),
 * OUT_OF_MEMORY, CRITICAL_ERROR (LMDB or the disk failed; errno or LMDB's number in error.native).
 */
#ifndef REPO_REPO_H
#define REPO_REPO_H

#include "base/exec.h"
#include "base/guid.h"
#include "cim/schema.h"

struct repo;
struct repo_txn; /* a snapshot for reading, or the inside of a write function */

/* --- opening ---------------------------------------------------------------------------------- */

struct repo_options {
    bool read_only;       /* tools beside a running daemon: no lock, no writer thread, never in the process
                             that has the store open for writing */
    bool must_exist;      /* do not create: NOT_FOUND */
    bool no_sync;         /* tests only: commits are not flushed; a power cut may destroy the store */
    bool skip_verify;     /* do not deep-check after an unclean end (the page check always runs) */
    size_t map_size;      /* bytes of address space to begin with; 0 = 64 GiB, less where refused. Grows. */
    uint32_t max_readers; /* snapshots at once, 0 = 256 */
    uint32_t max_queue;   /* writes waiting, 0 = 4096 */
    uint32_t max_group;   /* writes in one commit, 0 = 256 */
    const char *version;  /* "cimd 0.1.0", recorded as the creator of a new store; NULL = the library's */
};

/* Opens or creates (folder with mode 0700, file 0600). options may be NULL. Before LMDB sees the file,
 * every reachable page is checked, so that damage is an error and never a crash; after an end that was
 * not repo_close every record is verified too. Nothing is ever written to a file that is refused.
 * CORRUPT_STORE: damaged, truncated, foreign, or of a newer format; text says which and where.
 * ALREADY_EXISTS: another process (named by pid) has it open. ACCESS_DENIED, NOT_FOUND, OUT_OF_DISK_SPACE. */
cimf_status repo_open(const char *dir, const struct repo_options *options, struct repo **out,
                      struct error *e);
/* Finishes queued writes (their done calls come), ends the writer thread, closes. All snapshots must be
 * ended and no other thread may call in. NULL allowed. */
void repo_close(struct repo *r);

struct repo_info {
    struct guid guid;        /* of this store, made when it was created; kept by backup and restore */
    uint32_t format;         /* version of the format */
    char created_by[64];
    int64_t created_us;      /* wall clock */
    bool clean;              /* the last owner closed it */
    uint64_t file_size, used_size, map_size; /* bytes */
    uint64_t commits, writes;/* by this process */
};
void repo_info(struct repo *r, struct repo_info *out);

/* --- snapshots -------------------------------------------------------------------------------- */

/* A consistent view of the last commit. Cheap (under a microsecond). Keep it short: while it lives, pages
 * that writers free cannot be used again, and a thread that has one must not wait for a write or begin a
 * second one. Never keep it across a pause of an operation. One thread at a time may use it; it may end on
 * another thread. SERVER_TOO_BUSY: max_readers are in use. */
cimf_status repo_read_begin(struct repo *r, struct repo_txn **out, struct error *e);
void repo_read_end(struct repo_txn *txn); /* NULL allowed */
/* Number of the last commit that this view contains: grows with every commit. */
uint64_t repo_txn_number(const struct repo_txn *txn);

/* All functions below take a snapshot or the transaction of a write function (which sees its own changes
 * and those of the writes before it). Slices given to callbacks are valid until the callback returns.
 * A callback that does not answer CIMF_OK ends the walk with that status. */

typedef cimf_status repo_name_fn(void *arg, struct slice name);
/* Every namespace, parents before children, siblings sorted: "root", "root/cimv2", ... */
cimf_status repo_list_namespaces(struct repo_txn *txn, repo_name_fn *fn, void *arg, struct error *e);
bool repo_has_namespace(struct repo_txn *txn, struct slice ns);

/* Every class of a namespace, a superclass before its subclasses. decl is valid until fn returns (deep copy
 * what you keep; cim_schema_put does). INVALID_NAMESPACE. */
typedef cimf_status repo_class_fn(void *arg, const struct cim_class_decl *decl);
cimf_status repo_load_classes(struct repo_txn *txn, struct slice ns, repo_class_fn *fn, void *arg,
                              struct error *e);
/* One class as it was put. INVALID_NAMESPACE, NOT_FOUND. */
cimf_status repo_get_class(struct repo_txn *txn, struct arena *a, struct slice ns, struct slice name,
                           struct cim_class_decl *out, struct error *e);

typedef cimf_status repo_qualifier_fn(void *arg, const struct cim_qualifier_decl *decl);
cimf_status repo_load_qualifiers(struct repo_txn *txn, struct slice ns, repo_qualifier_fn *fn, void *arg,
                                 struct error *e);

/* --- instances -------------------------------------------------------------------------------- */

/* How records find the resolved class of a name: of the instance itself and of embedded objects. NULL
 * where there is none: the instance is then NOT_FOUND, an embedded object gets a class of its own made
 * from what was stored. */
struct repo_classes {
    const struct cim_class *(*find)(void *arg, struct slice name);
    void *arg;
};
static inline const struct cim_class *repo_schema_find(void *arg, struct slice name)
{
    return cim_schema_class((const struct cim_schema *)arg, name);
}
static inline struct repo_classes repo_classes_of(const struct cim_schema *schema)
{
    return (struct repo_classes){ repo_schema_find, (void *)(uintptr_t)schema };
}

/* Place of an instance among those of its class; plain bytes, may be kept for ever, survives changes. */
#define REPO_KEY_MAX 256
struct repo_key {
    uint16_t n; /* 0: before the first */
    unsigned char p[REPO_KEY_MAX];
};

/* Instances are unique per (namespace, key class, key text): the class that introduces the keys, which all
 * its descendants share; for a class without keys (singletons) itself. */
static inline const struct cim_class *repo_key_class(const struct cim_class *c)
{
    return c->key_class ? c->key_class : c;
}

/* Reads one instance into the arena, as its exact class, tolerating that the class changed since it was
 * written: properties by name; added ones are defaulted, removed ones dropped, retyped ones converted or,
 * where that is not possible, defaulted. Its ns is set; path is empty (derived from keys). key_class may be
 * named in any case. NOT_FOUND, INVALID_NAMESPACE. */
cimf_status repo_get_instance(struct repo_txn *txn, struct arena *a, struct slice ns,
                              struct slice key_class, struct slice key_text,
                              const struct repo_classes *classes, struct cim_instance **out,
                              struct error *e);
/* Only its exact class name (in the arena) and place; either may be NULL. NOT_FOUND. */
cimf_status repo_find_instance(struct repo_txn *txn, struct arena *a, struct slice ns,
                               struct slice key_class, struct slice key_text, struct slice *class_name,
                               struct repo_key *key, struct error *e);
/* By exact class and place, for results of scans and references. NOT_FOUND when deleted meanwhile. */
cimf_status repo_get_at(struct repo_txn *txn, struct arena *a, struct slice ns,
                        const struct cim_class *cls, const struct repo_key *key,
                        const struct repo_classes *classes, struct cim_instance **out, struct error *e);

/* Walks the instances of exactly one class (not its subclasses) in the stable order of their keys. To go on
 * after a pause, keep a copy of `key`, end the scan and the snapshot, and begin again after that key. */
struct repo_scan {
    struct repo_key key;  /* of the last one delivered */
    void *priv[6];
};
/* after NULL or after->n == 0: from the start. A class without record or instances gives an empty scan.
 * INVALID_NAMESPACE. */
cimf_status repo_scan_begin(struct repo_scan *s, struct repo_txn *txn, struct slice ns,
                            const struct cim_class *cls, const struct repo_key *after,
                            const struct repo_classes *classes, struct error *e);
/* CIMF_OK with *out == NULL at the end. */
cimf_status repo_scan_next(struct repo_scan *s, struct arena *a, struct cim_instance **out,
                           struct error *e);
void repo_scan_end(struct repo_scan *s); /* before repo_read_end */
/* Number of instances of exactly this class, counted up to limit. 0 for unknown classes. */
uint64_t repo_count_instances(struct repo_txn *txn, struct slice ns, struct slice class_name,
                              uint64_t limit);

/* Instances of namespace ns that have a reference property whose normalised value (cim_reference_key) is
 * target. The index knows texts, not schemas: ask for the target under its class name and under each
 * ancestor that shares the keys, as references may be written either way. */
struct repo_reference {
    struct slice class_name; /* exact class of the referring instance */
    struct slice property;   /* that refers; an instance with two such properties comes twice */
    struct repo_key key;     /* for repo_get_at */
};
struct repo_mark { /* where a walk stopped, for going on later */
    uint16_t n;
    unsigned char p[480];
};
typedef cimf_status repo_reference_fn(void *arg, const struct repo_reference *ref);
/* after may be NULL; *mark (may be NULL, may be after) is set after each one that fn took with CIMF_OK. */
cimf_status repo_references(struct repo_txn *txn, struct slice ns, struct slice target,
                            const struct repo_mark *after, struct repo_mark *mark,
                            repo_reference_fn *fn, void *arg, struct error *e);

/* --- settings --------------------------------------------------------------------------------- */

/* Named bytes, of the whole store (ns empty) or of a namespace (and deleted with it): hash of the built-in
 * schema, security descriptors, MOF texts to recover. Value in the arena. NOT_FOUND, INVALID_NAMESPACE. */
cimf_status repo_get_setting(struct repo_txn *txn, struct arena *a, struct slice ns, struct slice name,
                             struct slice *out, struct error *e);
typedef cimf_status repo_setting_fn(void *arg, struct slice name, struct slice value);
/* Those whose name begins with prefix, sorted by folded name. */
cimf_status repo_list_settings(struct repo_txn *txn, struct slice ns, struct slice prefix,
                               repo_setting_fn *fn, void *arg, struct error *e);

/* --- writing ---------------------------------------------------------------------------------- */

/* Runs on the writer thread, inside a transaction of its own: whatever is not CIMF_OK undoes all that it did
 * and nothing else. It may run more than once (when the map had to grow): it must not change anything but the
 * transaction and its own results. It must not block and must not call repo_write* or repo_backup. */
typedef cimf_status repo_write_fn(struct repo_txn *txn, void *arg, struct error *e);
typedef void repo_done_fn(void *arg, cimf_status status, const struct error *e);

/* Queues fn. done is posted to exec when the outcome is known: CIMF_OK means durable. With exec NULL, or
 * when exec takes no more posts, done runs on the writer thread. Order of one caller's writes is kept.
 * SERVER_TOO_BUSY (queue full), SHUTTING_DOWN, READ_ONLY: neither fn nor done will run. */
cimf_status repo_write(struct repo *r, repo_write_fn *fn, void *arg, struct exec *exec,
                       repo_done_fn *done, struct error *e);
/* The same, but SERVER_TOO_BUSY while the store is paused: for callers with a thread that waits for done. */
cimf_status repo_write_soon(struct repo *r, repo_write_fn *fn, void *arg, struct exec *exec,
                            repo_done_fn *done, struct error *e);
/* Waits for the outcome (and for room in the queue); SERVER_TOO_BUSY while the store is paused. Not on the writer thread, not with a snapshot open. */
cimf_status repo_write_sync(struct repo *r, repo_write_fn *fn, void *arg, struct error *e);

/* A namespace; its parent must exist, except for one without '/'. ALREADY_EXISTS, INVALID_NAMESPACE
 * (parent missing), QUOTA_VIOLATION. */
cimf_status repo_put_namespace(struct repo_txn *txn, struct slice ns, struct error *e);
/* It and those above it, where missing. */
cimf_status repo_make_namespace(struct repo_txn *txn, struct slice ns, struct error *e);
/* With everything in it. Namespaces below it: deleted too with recursive, else INVALID_OPERATION. */
cimf_status repo_delete_namespace(struct repo_txn *txn, struct slice ns, bool recursive, struct error *e);

/* Adds or replaces; instances stay and are read by the new class from then on. The superclass must be in
 * the store. Rules of update modes are the object manager's. INVALID_NAMESPACE, INVALID_SUPERCLASS. */
cimf_status repo_put_class(struct repo_txn *txn, struct slice ns, const struct cim_class_decl *decl,
                           struct error *e);
/* With its instances. CLASS_HAS_CHILDREN, NOT_FOUND, INVALID_NAMESPACE. */
cimf_status repo_delete_class(struct repo_txn *txn, struct slice ns, struct slice name, struct error *e);

cimf_status repo_put_qualifier(struct repo_txn *txn, struct slice ns,
                               const struct cim_qualifier_decl *decl, struct error *e);

enum repo_put_flag { REPO_CREATE_ONLY = 1, REPO_UPDATE_ONLY = 2 };
/* Stores all properties that are set or NULL (defaulted and unsent ones stay defaulted) under key_text and
 * indexes its references. Its class and key class must be in the store: INVALID_CLASS. ALREADY_EXISTS also
 * when another class of the same key class has this key. NOT_FOUND (update only). *created may be NULL. */
cimf_status repo_put_instance(struct repo_txn *txn, struct slice ns, const struct cim_instance *in,
                              struct slice key_text, unsigned flags, bool *created, struct error *e);
/* NOT_FOUND, INVALID_NAMESPACE. */
cimf_status repo_delete_instance(struct repo_txn *txn, struct slice ns, struct slice key_class,
                                 struct slice key_text, struct error *e);

cimf_status repo_put_setting(struct repo_txn *txn, struct slice ns, struct slice name,
                             struct slice value, struct error *e);
cimf_status repo_delete_setting(struct repo_txn *txn, struct slice ns, struct slice name,
                                struct error *e);

/* --- care ------------------------------------------------------------------------------------- */

/* A consistent copy of the whole store in one file, while writers go on. path is absolute; the file is
 * written beside it, checked, flushed and renamed over it. Blocks: call it on a worker. */
cimf_status repo_backup(struct repo *r, const char *path, struct error *e);
/* Replaces the closed store in dir by a backup, after checking every record of it; the former store is kept
 * as store.mdb.old. Refused backups (P25) leave everything as it was. ALREADY_EXISTS: a process has the
 * store open. */
cimf_status repo_restore(const char *dir, const char *backup, struct error *e);

/* Lets the writes that wait finish and holds all later ones back until repo_release: meanwhile the file does not change,
 * and the caller stands in for the writer thread. pause: it may take long; repo_write_sync and repo_write_soon are
 * refused instead of kept waiting. BACKUP_RESTORE_RUNNING: it is held already. Not on the writer thread. */
cimf_status repo_hold(struct repo *r, bool pause, struct error *e);
/* Any thread; harmless when it is not held. */
void repo_release(struct repo *r);

/* A backup on its way into the open store. repo_import_open copies what fd, open for reading at its begin, holds and
 * checks every record: refused backups (CORRUPT_STORE) leave everything as it was. Takes room for two more stores. */
struct repo_import;
cimf_status repo_import_open(struct repo *r, int fd, struct repo_import **out, struct error *e);
/* While the store is held by the caller: replaces all that is in it, then runs fn, in one transaction. Snapshots that are open see
 * what they saw. The former content is kept as store.mdb.old. Once. fn as of repo_write; may be NULL. */
cimf_status repo_import_run(struct repo_import *im, repo_write_fn *fn, void *arg, struct error *e);
void repo_import_free(struct repo_import *im); /* NULL allowed */

struct repo_report {
    uint64_t pages, namespaces, classes, qualifiers, instances, references, settings;
    uint64_t problems;
    char first[320]; /* the first problem */
};
/* Deep check of one snapshot: every checksum, every record decoded, indexes and counters against each
 * other. CORRUPT_STORE with the first problem; report (may be NULL) is filled in any case. */
cimf_status repo_verify(struct repo *r, struct repo_report *report, struct error *e);
/* Page check and deep check of a store file (or backup) that no process has open. */
cimf_status repo_verify_file(const char *path, struct repo_report *report, struct error *e);

#endif
