/*
 * The reverse index of references: (namespace, hash of the target, class, key) of the referring instance ->
 * v count and names of the properties that refer.
 */
#include <stdlib.h>

#include "cim/path.h"
#include "repo/instance_priv.h"
#include "repo/record_priv.h"

enum { HASH_AT = 5, CLASS_AT = HASH_AT + KEY_HASH, PLACE_AT = CLASS_AT + 4 };

/* --- what an instance refers to ------------------------------------------------------------------ */

static size_t count_values(const struct cim_instance *in)
{
    size_t n = 0;
    for (uint32_t i = 0; i < in->cls->property_count; i++) {
        unsigned type = in->cls->properties[i].type;
        if (in->state[i] != CIM_SET || CIM_BASE(type) != CIM_REFERENCE) continue;
        n += CIM_IS_ARRAY(type) ? in->slot[i].a.n : 1;
    }
    return n;
}

static cimf_status add(struct arena *a, struct slice ns, struct slice text, uint32_t property,
                       struct references *out, struct error *e)
{
    struct slice target;
    struct arena_mark mark = arena_mark(a);
    cimf_status status = cim_reference_key(a, text, ns, &target);
    if (!status) {
        struct reference_entry *entry = &out->entries[out->count++];
        entry->property = property;
        if (!key_hash(target, entry->hash)) status = error_set(e, CIMF_CRITICAL_ERROR, "repo", "no SHA-256");
    } else if (status != CIMF_OUT_OF_MEMORY) {
        status = CIMF_OK;
    } else {
        error_set(e, status, "repo", "a reference is too long");
    }
    arena_rewind(a, mark);
    return status;
}

static int by_hash(const void *a, const void *b)
{
    const struct reference_entry *x = a, *y = b;
    int c = memcmp(x->hash, y->hash, KEY_HASH);
    return c ? c : x->property < y->property ? -1 : x->property > y->property;
}

/* Sorted, each (target, property) once. */
static void sort_entries(struct references *r)
{
    size_t n = 0;
    qsort(r->entries, r->count, sizeof *r->entries, by_hash);
    for (size_t i = 0; i < r->count; i++) {
        if (n && by_hash(&r->entries[n - 1], &r->entries[i]) == 0) continue;
        r->entries[n++] = r->entries[i];
    }
    r->count = n;
}

/* Entries from `from` on that have its hash. */
static size_t group_end(const struct references *r, size_t from)
{
    size_t i = from;
    while (i < r->count && memcmp(r->entries[i].hash, r->entries[from].hash, KEY_HASH) == 0) i++;
    return i;
}

cimf_status references_of(struct arena *a, struct slice ns, const struct cim_instance *in,
                          struct references *out, struct error *e)
{
    size_t n = count_values(in);
    *out = (struct references){ .hashes = { "", 0 } };
    if (!n) return CIMF_OK;
    out->entries = ARENA_ARRAY(a, n, struct reference_entry);
    char *hashes = arena_array(a, n, KEY_HASH);
    if (!out->entries || !hashes) return error_set(e, CIMF_OUT_OF_MEMORY, "repo", "too many references");
    cimf_status status = CIMF_OK;
    for (uint32_t i = 0; i < in->cls->property_count && !status; i++) {
        unsigned type = in->cls->properties[i].type;
        if (in->state[i] != CIM_SET || CIM_BASE(type) != CIM_REFERENCE) continue;
        if (!CIM_IS_ARRAY(type)) {
            status = add(a, ns, in->slot[i].s, i, out, e);
            continue;
        }
        const struct slice *s = in->slot[i].a.p;
        for (uint32_t k = 0; k < in->slot[i].a.n && !status; k++) status = add(a, ns, s[k], i, out, e);
    }
    if (status) return status;
    sort_entries(out);
    size_t size = 0;
    for (size_t i = 0; i < out->count; i = group_end(out, i), size += KEY_HASH) {
        memcpy(hashes + size, out->entries[i].hash, KEY_HASH);
    }
    out->hashes = slice_of(hashes, size);
    return CIMF_OK;
}

/* --- the index ------------------------------------------------------------------------------------ */

static void index_prefix(struct key *k, uint32_t ns, const void *hash)
{
    key_start(k, KEY_REFERENCE);
    key_u32(k, ns);
    key_bytes(k, hash, KEY_HASH);
}

/* Class number and place are those of the instance's key. */
static void index_key(struct key *k, uint32_t ns, const void *hash, const struct key *instance)
{
    index_prefix(k, ns, hash);
    key_bytes(k, instance->p + 1, instance->n - 1);
}

bool reference_key_parse(const void *key, size_t n, struct reference_key *out)
{
    const unsigned char *p = key;
    if (n < PLACE_AT || n - PLACE_AT > REPO_KEY_MAX) return false;
    out->ns = key_get_u32(p + 1);
    out->hash = p + HASH_AT;
    out->class_id = key_get_u32(p + CLASS_AT);
    out->place.n = (uint16_t)(n - PLACE_AT);
    memcpy(out->place.p, p + PLACE_AT, out->place.n);
    return true;
}

cimf_status references_put(struct repo_txn *txn, uint32_t ns, const struct key *key,
                           const struct cim_instance *in, const struct references *refs,
                           struct error *e)
{
    cimf_status status = CIMF_OK;
    for (size_t i = 0; i < refs->count && !status;) {
        size_t end = group_end(refs, i);
        struct key k;
        index_key(&k, ns, refs->entries[i].hash, key);
        struct buf *b = repo_record_begin(txn);
        write_v(b, end - i);
        for (; i < end; i++) write_text(b, in->cls->properties[refs->entries[i].property].name);
        status = repo_record_put(txn, &k, e);
    }
    return status;
}

cimf_status references_delete(struct repo_txn *txn, uint32_t ns, const struct key *key,
                              struct slice hashes, struct error *e)
{
    cimf_status status = CIMF_OK;
    for (size_t i = 0; i + KEY_HASH <= hashes.n && !status; i += KEY_HASH) {
        struct key k;
        index_key(&k, ns, hashes.p + i, key);
        status = repo_record_delete(txn, &k, NULL, e);
    }
    return status;
}

/* One walk of the index. A mark is the key of an entry and the number of the property delivered last. */
struct referring {
    repo_reference_fn *fn;
    void *arg;
    struct repo_mark *mark;
    uint32_t skip; /* properties of the next entry that were delivered before */
};

static void set_mark(struct repo_mark *mark, const MDB_val *key, uint32_t property)
{
    if (!mark || key->mv_size > sizeof mark->p - 2) return;
    memcpy(mark->p, key->mv_data, key->mv_size);
    mark->p[key->mv_size] = (unsigned char)(property >> 8);
    mark->p[key->mv_size + 1] = (unsigned char)property;
    mark->n = (uint16_t)(key->mv_size + 2);
}

static cimf_status deliver(struct repo_txn *txn, const struct walk *w, struct referring *to,
                           struct error *e)
{
    struct repo_reference ref;
    struct reference_key k;
    uint32_t ns;
    struct reader r = reader_of(w->value);
    uint32_t n = read_v32(&r), skip = to->skip;
    to->skip = 0;
    if (!reference_key_parse(w->key.mv_data, w->key.mv_size, &k) || n > LIMIT_PROPERTIES) {
        return repo_damaged(e, "an entry of the reference index is not valid");
    }
    ref.key = k.place;
    cimf_status status = repo_class_by_id(txn, k.class_id, &ns, &ref.class_name, e);
    for (uint32_t i = 0; i < n && !status; i++) {
        ref.property = read_text(&r);
        if (r.bad) return repo_damaged(e, "an entry of the reference index is cut");
        if (i < skip) continue;
        status = to->fn(to->arg, &ref);
        if (!status) set_mark(to->mark, &w->key, i);
    }
    return status;
}

cimf_status repo_references(struct repo_txn *txn, struct slice ns, struct slice target,
                            const struct repo_mark *after, struct repo_mark *mark,
                            repo_reference_fn *fn, void *arg, struct error *e)
{
    uint32_t id;
    unsigned char hash[KEY_HASH];
    struct referring to = { fn, arg, mark, 0 };
    struct key prefix, from = { 0 };
    struct walk w;
    cimf_status status = repo_namespace_id(txn, ns, &id, e);
    if (status) return status;
    if (!key_hash(target, hash)) return error_set(e, CIMF_CRITICAL_ERROR, "repo", "no SHA-256");
    index_prefix(&prefix, id, hash);
    if (after && after->n > 2 && after->n <= sizeof after->p) {
        key_bytes(&from, after->p, after->n - 2u);
        to.skip = ((uint32_t)after->p[after->n - 2] << 8 | after->p[after->n - 1]) + 1;
    }
    status = walk_begin(&w, txn, &prefix, from.n ? &from : NULL, e);
    if (status) return status;
    if (w.exact) w.op = MDB_GET_CURRENT; /* the rest of its properties */
    else to.skip = 0;
    while (!(status = walk_next(&w, txn, e)))
        if ((status = deliver(txn, &w, &to, e))) break;
    return walk_finish(&w, status);
}
