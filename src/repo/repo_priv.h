/* repo/repo_priv.h - inside of the store, shared by the files of this room. */
#ifndef REPO_REPO_PRIV_H
#define REPO_REPO_PRIV_H

#include <lmdb.h>
#include <pthread.h>
#include <stdatomic.h>

#include "repo/key.h"
#include "repo/repo.h"

#define STORE_FILE "store.mdb"
#define STORE_LMDB_LOCK "store.mdb-lock"
#define STORE_LOCK "store.lock"
#define STORE_FORMAT 1
#define STORE_MAGIC "CIMFONY STORE\n"
#define STORE_VALUE_CAP ((size_t)512 << 20) /* one record */

struct repo_txn {
    struct repo *repo;
    MDB_txn *txn;
    MDB_dbi dbi;
    bool write;
    bool map_full;          /* a write function met the end of the map: grow and run again */
    struct arena arena;     /* scratch of one call; reset by whoever uses it */
    struct buf fold, value; /* scratch of keys; of the record being written */
    struct repo_txn *next;  /* in the pool */
};

struct write_request {
    repo_write_fn *fn;
    void *arg;
    struct exec *exec;
    repo_done_fn *done;
    void *done_arg;
    cimf_status status;
    bool failed;            /* fn answered an error: not run again */
    struct error error;
    struct write_request *next;
};

struct repo {
    MDB_env *env;
    MDB_dbi dbi;
    char *dir;
    int lock;               /* of store.lock, held exclusively; -1 when read only */
    bool read_only, no_sync, clean;
    struct repo_info info;  /* what changes with a restore only; under `readers` */

    /* Snapshots: pooled LMDB readers, and the gate that the writer closes to grow the map. */
    pthread_mutex_t readers;
    pthread_cond_t readers_changed;
    struct repo_txn *idle;
    uint32_t reader_count, reader_max, active;
    bool growing;

    /* Writes. */
    pthread_mutex_t queue;
    pthread_cond_t queue_changed, queue_room;
    struct write_request *first, **last;
    uint32_t queued, queue_max, group_max; /* queued: later ones too */
    struct write_request *later, **later_last; /* come when the writer is held */
    bool stopping, busy;    /* busy: a group is at work */
    bool held, paused;      /* paused: held for so long that nobody can wait */
    pthread_cond_t idle_changed;
    pthread_t writer;
    bool writer_runs;
    struct repo_txn write_txn;
    _Atomic uint64_t commits, writes;
};

/* LMDB's number or an errno as a status; sets txn->map_full. */
cimf_status repo_db_error(struct repo_txn *txn, int number, struct error *e, const char *what);
cimf_status repo_damaged(struct error *e, const char *what);

/* --- records: checksum of key and value, version, then what the tag says ------------------------ */

#define RECORD_HEAD 5 /* crc32c, version */

/* NOT_FOUND without text. The value (behind the head) is borrowed from the map: valid until the transaction
 * ends, or the next change inside a write. */
cimf_status repo_record_get(struct repo_txn *txn, const struct key *k, struct slice *out, struct error *e);
/* Checks the head of what a cursor gave. */
cimf_status repo_record_open(const MDB_val *key, const MDB_val *value, struct slice *out,
                             struct error *e);
/* Begins a record in txn->value; append to it, then put. */
struct buf *repo_record_begin(struct repo_txn *txn);
cimf_status repo_record_put(struct repo_txn *txn, const struct key *k, struct error *e);
/* OK also when absent: *was (may be NULL) tells. */
cimf_status repo_record_delete(struct repo_txn *txn, const struct key *k, bool *was, struct error *e);
bool repo_record_has(struct repo_txn *txn, const struct key *k);
/* Deletes every record whose key begins with prefix. */
cimf_status repo_delete_prefix(struct repo_txn *txn, const struct key *prefix, struct error *e);

/* Walks the records whose key begins with a prefix. */
struct walk {
    MDB_cursor *cursor;
    struct key prefix;
    MDB_cursor_op op; /* the next step */
    bool end, exact;  /* exact: `after` itself is there */
    MDB_val key, raw;
    struct slice value;
};
/* From the first; with after (a whole key) from the one behind it. */
cimf_status walk_begin(struct walk *w, struct repo_txn *txn, const struct key *prefix,
                       const struct key *after, struct error *e);
/* CIMF_NOT_FOUND at the end. */
cimf_status walk_next(struct walk *w, struct repo_txn *txn, struct error *e);
void walk_end(struct walk *w);
/* Ends it; the status of a loop over walk_next: the end of the walk is OK, a callback's NOT_FOUND stays. */
cimf_status walk_finish(struct walk *w, cimf_status status);

enum repo_ids { IDS_NAMESPACE, IDS_CLASS };
/* A number never used before. */
cimf_status repo_new_id(struct repo_txn *txn, enum repo_ids kind, uint32_t *out, struct error *e);

/* --- what the nouns tell each other ------------------------------------------------------------ */

struct class_ref {
    uint32_t ns, id, super;
    struct slice name; /* as spelled; borrowed */
    struct slice decl; /* encoded; borrowed */
};
/* INVALID_NAMESPACE names it. */
cimf_status repo_namespace_id(struct repo_txn *txn, struct slice ns, uint32_t *id, struct error *e);
/* NOT_FOUND without text. */
cimf_status repo_class_find(struct repo_txn *txn, uint32_t ns, struct slice name, struct class_ref *out,
                            struct error *e);
/* Spelled name of a class number. CORRUPT_STORE when there is none. */
cimf_status repo_class_by_id(struct repo_txn *txn, uint32_t id, uint32_t *ns, struct slice *name,
                             struct error *e);
cimf_status repo_class_parse(struct slice value, struct class_ref *out, struct error *e);
/* All instances of a class, with what points from them. */
cimf_status repo_delete_instances(struct repo_txn *txn, uint32_t ns, uint32_t class_id, struct error *e);
cimf_status repo_delete_settings(struct repo_txn *txn, uint32_t ns, struct error *e);
cimf_status repo_delete_qualifiers(struct repo_txn *txn, uint32_t ns, struct error *e);
/* Every class of a namespace that is going away. */
cimf_status repo_delete_classes(struct repo_txn *txn, uint32_t ns, struct error *e);

struct instance_ref {
    uint32_t key_class, layout;
    struct slice key_text; /* whole, only where the key has a hash; else p NULL */
    struct slice refs;     /* KEY_HASH bytes each */
    struct slice body;
};
cimf_status repo_instance_parse(struct slice value, struct instance_ref *out, struct error *e);

/* --- opening, writing ---------------------------------------------------------------------------- */

/* Maps and checks a store file; *info.header is copied into *store. */
struct store_header {
    uint32_t format;
    struct guid guid;
    int64_t created_us;
    char created_by[64];
};
cimf_status store_check_file(const char *path, struct store_header *out, uint64_t *pages,
                             uint64_t *txnid, struct error *e);
/* Opens an LMDB file without locks for this process alone (checks, restores). */
cimf_status store_open_alone(const char *path, struct repo *r, struct error *e);
void store_close_alone(struct repo *r);
cimf_status store_verify(struct repo_txn *txn, struct repo_report *report, struct error *e);
/* flock on dir/store.lock. */
cimf_status store_lock(const char *dir, int *fd, struct error *e);

cimf_status writer_start(struct repo *r, struct error *e);
void writer_stop(struct repo *r);
/* Runs fn in the place of the writer thread, which the caller holds. */
cimf_status writer_run(struct repo *r, repo_write_fn *fn, void *arg, struct error *e);
/* Removes what a restore that was cut short left. */
void repo_import_forget(const char *dir);
/* What errno says about a file: "cannot WHAT PATH". */
cimf_status repo_file_error(struct error *e, const char *what, const char *path);
/* Durably. */
cimf_status repo_put_in_place(const char *temporary, const char *path, const char *folder, struct error *e);
/* The pages of one snapshot into a new file, flushed. */
cimf_status repo_copy_store(struct repo *r, const char *to, struct error *e);
/* Closes the gate, waits for snapshots to end, enlarges the map, opens the gate. */
cimf_status repo_grow(struct repo *r, struct error *e);
/* Holds the gate open for a long read that is not a pooled snapshot. */
void repo_gate_enter(struct repo *r);
void repo_gate_leave(struct repo *r);

void repo_txn_init(struct repo_txn *txn, struct repo *r, bool write);
void repo_txn_free(struct repo_txn *txn);

#endif
