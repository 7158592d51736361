/* Records in the LMDB tree: checksums, prefix walks, numbers, LMDB's errors. */
#include <errno.h>

#include "repo/checksum.h"
#include "repo/record_priv.h"
#include "repo/repo_priv.h"

static cimf_status status_of(int number)
{
    switch (number) {
    case MDB_NOTFOUND: return CIMF_NOT_FOUND;
    case MDB_MAP_FULL: case ENOSPC: case EDQUOT: case EFBIG: return CIMF_OUT_OF_DISK_SPACE;
    case MDB_TXN_FULL: return CIMF_QUOTA_VIOLATION;
    case MDB_READERS_FULL: return CIMF_SERVER_TOO_BUSY;
    case ENOMEM: return CIMF_OUT_OF_MEMORY;
    case EACCES: case EPERM: case EROFS: return CIMF_ACCESS_DENIED;
    case MDB_CORRUPTED: case MDB_PAGE_NOTFOUND: case MDB_INVALID: case MDB_VERSION_MISMATCH:
    case MDB_INCOMPATIBLE: return CIMF_CORRUPT_STORE;
    default: return CIMF_CRITICAL_ERROR;
    }
}

cimf_status repo_db_error(struct repo_txn *txn, int number, struct error *e, const char *what)
{
    if (number == MDB_MAP_FULL && txn) txn->map_full = true;
    cimf_status status = error_set(e, status_of(number), "repo", "%s: %s", what, mdb_strerror(number));
    if (e) e->native = (uint32_t)number;
    return status;
}

cimf_status repo_damaged(struct error *e, const char *what)
{
    return error_set(e, CIMF_CORRUPT_STORE, "repo", "%s", what);
}

static uint32_t record_crc(const MDB_val *key, const unsigned char *value, size_t n)
{
    uint32_t crc = checksum_crc32c(0, key->mv_data, key->mv_size);
    return checksum_crc32c(crc, value + sizeof crc, n - sizeof crc);
}

cimf_status repo_record_open(const MDB_val *key, const MDB_val *value, struct slice *out,
                             struct error *e)
{
    const unsigned char *p = value->mv_data;
    uint32_t crc;
    if (value->mv_size < RECORD_HEAD) return repo_damaged(e, "a record is cut");
    memcpy(&crc, p, sizeof crc);
    if (crc != record_crc(key, p, value->mv_size)) {
        return error_set(e, CIMF_CORRUPT_STORE, "repo", "a record of kind '%c' fails its checksum",
                         *(const char *)key->mv_data);
    }
    if (p[4] > RECORD_VERSION) return repo_damaged(e, "a record is of a newer version");
    *out = slice_of((const char *)p + RECORD_HEAD, value->mv_size - RECORD_HEAD);
    return CIMF_OK;
}

cimf_status repo_record_get(struct repo_txn *txn, const struct key *k, struct slice *out, struct error *e)
{
    MDB_val key = key_val(k), value;
    int rc = mdb_get(txn->txn, txn->dbi, &key, &value);
    if (rc == MDB_NOTFOUND) {
        *out = SLICE_NULL;
        return CIMF_NOT_FOUND;
    }
    return rc ? repo_db_error(txn, rc, e, "reading a record") : repo_record_open(&key, &value, out, e);
}

bool repo_record_has(struct repo_txn *txn, const struct key *k)
{
    MDB_val key = key_val(k), value;
    return mdb_get(txn->txn, txn->dbi, &key, &value) == 0;
}

struct buf *repo_record_begin(struct repo_txn *txn)
{
    static const char head[RECORD_HEAD] = { 0, 0, 0, 0, RECORD_VERSION };
    buf_clear(&txn->value);
    buf_add(&txn->value, head, sizeof head);
    return &txn->value;
}

cimf_status repo_record_put(struct repo_txn *txn, const struct key *k, struct error *e)
{
    struct buf *b = &txn->value;
    if (!buf_ok(b)) return error_set(e, CIMF_OUT_OF_MEMORY, "repo", "a record is too large");
    MDB_val key = key_val(k), value = { b->n, b->p };
    uint32_t crc = record_crc(&key, (const unsigned char *)b->p, b->n);
    memcpy(b->p, &crc, sizeof crc);
    int rc = mdb_put(txn->txn, txn->dbi, &key, &value, 0);
    return rc ? repo_db_error(txn, rc, e, "writing a record") : CIMF_OK;
}

cimf_status repo_record_delete(struct repo_txn *txn, const struct key *k, bool *was, struct error *e)
{
    MDB_val key = key_val(k);
    int rc = mdb_del(txn->txn, txn->dbi, &key, NULL);
    if (was) *was = rc == 0;
    return rc && rc != MDB_NOTFOUND ? repo_db_error(txn, rc, e, "deleting a record") : CIMF_OK;
}

/* --- walks ------------------------------------------------------------------------------------ */

cimf_status walk_begin(struct walk *w, struct repo_txn *txn, const struct key *prefix,
                       const struct key *after, struct error *e)
{
    *w = (struct walk){ .prefix = *prefix, .op = MDB_NEXT };
    int rc = mdb_cursor_open(txn->txn, txn->dbi, &w->cursor);
    if (rc) return repo_db_error(txn, rc, e, "opening a cursor");
    const struct key *from = after ? after : prefix;
    w->key = key_val(from);
    rc = mdb_cursor_get(w->cursor, &w->key, &w->raw, MDB_SET_RANGE);
    if (rc && rc != MDB_NOTFOUND) {
        walk_end(w);
        return repo_db_error(txn, rc, e, "searching");
    }
    w->end = rc == MDB_NOTFOUND;
    w->exact = !rc && after && w->key.mv_size == after->n && !memcmp(w->key.mv_data, after->p, after->n);
    if (!w->exact) w->op = MDB_GET_CURRENT;
    return CIMF_OK;
}

cimf_status walk_next(struct walk *w, struct repo_txn *txn, struct error *e)
{
    int rc = w->end ? MDB_NOTFOUND : mdb_cursor_get(w->cursor, &w->key, &w->raw, w->op);
    w->op = MDB_NEXT;
    if (!rc && key_starts(&w->key, &w->prefix)) return repo_record_open(&w->key, &w->raw, &w->value, e);
    if (rc && rc != MDB_NOTFOUND) return repo_db_error(txn, rc, e, "walking");
    w->end = true;
    return CIMF_NOT_FOUND;
}

void walk_end(struct walk *w)
{
    if (w->cursor) mdb_cursor_close(w->cursor);
    w->cursor = NULL;
}

cimf_status walk_finish(struct walk *w, cimf_status status)
{
    walk_end(w);
    return w->end && status == CIMF_NOT_FOUND ? CIMF_OK : status;
}

cimf_status repo_delete_prefix(struct repo_txn *txn, const struct key *prefix, struct error *e)
{
    MDB_cursor *cursor;
    int rc = mdb_cursor_open(txn->txn, txn->dbi, &cursor);
    if (rc) return repo_db_error(txn, rc, e, "opening a cursor");
    for (;;) {
        MDB_val key = key_val(prefix), value;
        rc = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
        if (rc || !key_starts(&key, prefix)) break;
        rc = mdb_cursor_del(cursor, 0);
        if (rc) break;
    }
    mdb_cursor_close(cursor);
    return rc && rc != MDB_NOTFOUND ? repo_db_error(txn, rc, e, "deleting records") : CIMF_OK;
}

/* --- numbers ---------------------------------------------------------------------------------- */

cimf_status repo_new_id(struct repo_txn *txn, enum repo_ids kind, uint32_t *out, struct error *e)
{
    struct key k;
    struct slice value;
    uint32_t next[2] = { 1, 1 };
    key_start(&k, KEY_HEADER);
    key_bytes(&k, "ids", 3);
    cimf_status status = repo_record_get(txn, &k, &value, e);
    if (status && status != CIMF_NOT_FOUND) return status;
    if (!status && value.n != sizeof next) return repo_damaged(e, "the record of numbers has a wrong size");
    if (!status) memcpy(next, value.p, sizeof next);
    *out = next[kind]++;
    if (!next[kind]) return error_set(e, CIMF_QUOTA_VIOLATION, "repo", "all numbers of classes are used up");
    buf_add(repo_record_begin(txn), next, sizeof next);
    return repo_record_put(txn, &k, e);
}
