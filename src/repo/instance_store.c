/*
 * Instances. Record = u8 bits (1: key text follows), v number of the key class, v number of the layout,
 * text key text where the key has only its hash, v count and hashes of reference targets, instance.
 * The hashes are kept so that the index entries go away with the record whatever became of the class.
 */
#include <stdlib.h>

#include "repo/instance_priv.h"
#include "repo/record_priv.h"

enum { HAS_KEY_TEXT = 1 };

/* --- keys and heads -------------------------------------------------------------------------------- */

cimf_status instance_key(enum key_tag tag, uint32_t class_id, struct slice text, struct key *k,
                         struct error *e)
{
    key_start(k, tag);
    key_u32(k, class_id);
    return key_text(k, text)
               ? CIMF_OK
               : error_set(e, CIMF_CRITICAL_ERROR, "repo", "no SHA-256 for the key of an instance");
}

void instance_key_at(enum key_tag tag, uint32_t class_id, const struct repo_key *at, struct key *k)
{
    key_start(k, tag);
    key_u32(k, class_id);
    key_bytes(k, at->p, at->n <= REPO_KEY_MAX ? at->n : REPO_KEY_MAX);
}

bool instance_place(const void *key, size_t n, struct repo_key *out)
{
    if (n < INSTANCE_KEY_HEAD || n - INSTANCE_KEY_HEAD > REPO_KEY_MAX) return false;
    out->n = (uint16_t)(n - INSTANCE_KEY_HEAD);
    memcpy(out->p, (const char *)key + INSTANCE_KEY_HEAD, out->n);
    return true;
}

cimf_status repo_instance_parse(struct slice value, struct instance_ref *out, struct error *e)
{
    struct reader r = reader_of(value);
    uint8_t bits = read_u8(&r);
    *out = (struct instance_ref){ .key_class = read_v32(&r) };
    out->layout = read_v32(&r);
    if (bits & HAS_KEY_TEXT) out->key_text = read_text(&r);
    uint64_t refs = read_v(&r);
    if (refs > reader_left(&r) / KEY_HASH) reader_fail(&r);
    else out->refs = read_bytes(&r, refs * KEY_HASH);
    out->body = slice_of((const char *)r.at, reader_left(&r));
    return r.bad ? repo_damaged(e, "an instance record cannot be read") : CIMF_OK;
}

/* Prefix of all layouts of a class. */
static void layout_key(struct key *k, uint32_t class_id)
{
    key_start(k, KEY_LAYOUT);
    key_u32(k, class_id);
}

cimf_status layout_get(struct repo_txn *txn, uint32_t class_id, uint32_t number, struct slice *out,
                       struct error *e)
{
    struct key k;
    layout_key(&k, class_id);
    key_u16(&k, (uint16_t)number);
    cimf_status status = number > UINT16_MAX ? CIMF_NOT_FOUND : repo_record_get(txn, &k, out, e);
    return status == CIMF_NOT_FOUND ? repo_damaged(e, "the layout of an instance is missing") : status;
}

/* --- finding ----------------------------------------------------------------------------------------- */

static cimf_status not_found(struct error *e, struct slice key_text)
{
    error_set(e, CIMF_NOT_FOUND, "repo", "there is no such instance");
    error_subject(e, key_text);
    return CIMF_NOT_FOUND;
}

/* A class other than the key class that has an instance under this key. NOT_FOUND without text. */
static cimf_status unique_get(struct repo_txn *txn, uint32_t key_class, struct slice key_text,
                              uint32_t *class_id, struct error *e)
{
    struct key k;
    struct slice value;
    cimf_status status = instance_key(KEY_UNIQUE, key_class, key_text, &k, e);
    if (!status) status = repo_record_get(txn, &k, &value, e);
    if (!status && value.n != sizeof *class_id) status = repo_damaged(e, "a uniqueness record is not valid");
    if (!status) memcpy(class_id, value.p, sizeof *class_id);
    return status;
}

struct located {
    uint32_t ns, class_id;
    struct slice class_name; /* borrowed */
    struct key key;          /* of the record */
    struct slice value;
};

static cimf_status locate(struct repo_txn *txn, struct slice ns, struct slice key_class,
                          struct slice key_text, struct located *out, struct error *e)
{
    struct class_ref c;
    cimf_status status = repo_namespace_id(txn, ns, &out->ns, e);
    if (status) return status;
    status = repo_class_find(txn, out->ns, key_class, &c, e);
    if (!status) status = instance_key(KEY_INSTANCE, c.id, key_text, &out->key, e);
    if (!status) status = repo_record_get(txn, &out->key, &out->value, e);
    out->class_id = c.id;
    out->class_name = c.name;
    if (status != CIMF_NOT_FOUND) return status;
    if (!c.id || unique_get(txn, c.id, key_text, &out->class_id, e)) return not_found(e, key_text);
    status = repo_class_by_id(txn, out->class_id, &out->ns, &out->class_name, e);
    if (!status) status = instance_key(KEY_INSTANCE, out->class_id, key_text, &out->key, e);
    if (!status) status = repo_record_get(txn, &out->key, &out->value, e);
    return status == CIMF_NOT_FOUND ? repo_damaged(e, "a uniqueness record points to nothing") : status;
}

cimf_status instance_read(struct repo_txn *txn, struct arena *a, struct slice ns, uint32_t class_id,
                          const struct cim_class *cls, struct slice value,
                          const struct repo_classes *classes, struct cim_instance **out,
                          struct error *e)
{
    struct instance_ref ref;
    struct record_plan plan;
    struct slice layout;
    cimf_status status = repo_instance_parse(value, &ref, e);
    if (!status) status = layout_get(txn, class_id, ref.layout, &layout, e);
    if (!status) status = record_plan(a, layout, cls, &plan, e);
    if (!status) status = record_instance_decode(a, &plan, ref.body, classes, out, e);
    if (!status) (*out)->ns = slice_eq(cls->ns, ns) ? cls->ns : arena_dup(a, ns);
    return status;
}

cimf_status repo_get_instance(struct repo_txn *txn, struct arena *a, struct slice ns,
                              struct slice key_class, struct slice key_text,
                              const struct repo_classes *classes, struct cim_instance **out,
                              struct error *e)
{
    struct located at;
    cimf_status status = locate(txn, ns, key_class, key_text, &at, e);
    if (status) return status;
    const struct cim_class *cls = classes->find(classes->arg, at.class_name);
    if (!cls) return not_found(e, key_text);
    return instance_read(txn, a, ns, at.class_id, cls, at.value, classes, out, e);
}

cimf_status repo_find_instance(struct repo_txn *txn, struct arena *a, struct slice ns,
                               struct slice key_class, struct slice key_text, struct slice *class_name,
                               struct repo_key *key, struct error *e)
{
    struct located at;
    cimf_status status = locate(txn, ns, key_class, key_text, &at, e);
    if (status) return status;
    if (key) instance_place(at.key.p, at.key.n, key);
    if (class_name) *class_name = arena_dup(a, at.class_name);
    return class_name && !class_name->p ? CIMF_OUT_OF_MEMORY : CIMF_OK;
}

cimf_status repo_get_at(struct repo_txn *txn, struct arena *a, struct slice ns,
                        const struct cim_class *cls, const struct repo_key *key,
                        const struct repo_classes *classes, struct cim_instance **out, struct error *e)
{
    uint32_t ns_id;
    struct class_ref c;
    struct key k;
    struct slice value;
    cimf_status status = repo_namespace_id(txn, ns, &ns_id, e);
    if (status) return status;
    status = repo_class_find(txn, ns_id, cls->name, &c, e);
    if (!status) {
        instance_key_at(KEY_INSTANCE, c.id, key, &k);
        status = repo_record_get(txn, &k, &value, e);
    }
    if (status == CIMF_NOT_FOUND) return not_found(e, cls->name);
    return status ? status : instance_read(txn, a, ns, c.id, cls, value, classes, out, e);
}

/* --- putting ------------------------------------------------------------------------------------------- */

/* Number of the layout of cls; written when it is new. */
static cimf_status layout_number(struct repo_txn *txn, uint32_t class_id, const struct cim_class *cls,
                                 uint32_t *out, struct error *e)
{
    struct key k;
    struct walk w;
    layout_key(&k, class_id);
    cimf_status status = walk_begin(&w, txn, &k, NULL, e);
    if (status) return status;
    uint32_t next = 0;
    while (!(status = walk_next(&w, txn, e))) {
        const unsigned char *tail = (const unsigned char *)w.key.mv_data + k.n;
        *out = w.key.mv_size == k.n + 2 ? (uint32_t)tail[0] << 8 | tail[1] : 0;
        next = *out + 1;
        if (record_layout_is(w.value, cls)) break;
    }
    bool end = w.end;
    status = walk_finish(&w, status);
    if (status || !end) return status;
    if (next > UINT16_MAX) return error_set(e, CIMF_QUOTA_VIOLATION, "repo", "the class changed too often");
    *out = next;
    key_u16(&k, (uint16_t)next);
    record_layout_encode(repo_record_begin(txn), cls);
    return repo_record_put(txn, &k, e);
}

struct put {
    uint32_t ns, class_id, key_class, layout;
    struct slice key_text;
    struct key key;
    bool exists;
    uint32_t old_key_class, old_layout;
    struct slice old_refs; /* copied */
};

/* Numbers of the class and its key class. */
static cimf_status put_classes(struct repo_txn *txn, struct slice ns, const struct cim_class *cls,
                               struct put *p, struct error *e)
{
    struct class_ref c;
    const struct cim_class *key_class = repo_key_class(cls);
    cimf_status status = repo_namespace_id(txn, ns, &p->ns, e);
    if (status) return status;
    status = repo_class_find(txn, p->ns, cls->name, &c, e);
    p->class_id = p->key_class = c.id;
    if (!status && key_class != cls) {
        status = repo_class_find(txn, p->ns, key_class->name, &c, e);
        p->key_class = c.id;
    }
    if (status == CIMF_NOT_FOUND) {
        status = error_set(e, CIMF_INVALID_CLASS, "repo", "the class of the instance is not in the repository");
        error_subject(e, cls->name);
    }
    return status;
}

/* Does another class of the same key class hold the key? */
static cimf_status taken_elsewhere(struct repo_txn *txn, const struct put *p, bool *taken, struct error *e)
{
    struct key k;
    uint32_t other;
    *taken = false;
    cimf_status status = unique_get(txn, p->key_class, p->key_text, &other, e);
    if (status && status != CIMF_NOT_FOUND) return status;
    *taken = !status && other != p->class_id;
    if (*taken || p->key_class == p->class_id) return CIMF_OK;
    status = instance_key(KEY_INSTANCE, p->key_class, p->key_text, &k, e);
    *taken = !status && repo_record_has(txn, &k);
    return status;
}

static cimf_status put_conditions(struct repo_txn *txn, struct put *p, unsigned flags, struct error *e)
{
    struct slice value;
    struct instance_ref old;
    cimf_status status = instance_key(KEY_INSTANCE, p->class_id, p->key_text, &p->key, e);
    if (!status) status = repo_record_get(txn, &p->key, &value, e);
    bool taken = false;
    if (!status) {
        p->exists = true;
        status = repo_instance_parse(value, &old, e);
        if (status) return status;
        p->old_key_class = old.key_class;
        p->old_layout = old.layout;
        p->old_refs = arena_dup(&txn->arena, old.refs);
        if (!p->old_refs.p) return error_set(e, CIMF_OUT_OF_MEMORY, "repo", "the instance is too large");
    } else if (status == CIMF_NOT_FOUND) {
        status = taken_elsewhere(txn, p, &taken, e);
    }
    if (status) return status;
    if (taken || (p->exists && flags & REPO_CREATE_ONLY)) {
        status = error_set(e, CIMF_ALREADY_EXISTS, "repo",
                           taken ? "an instance of another class of the tree has this key"
                                 : "the instance exists already");
        error_subject(e, p->key_text);
    } else if (!p->exists && flags & REPO_UPDATE_ONLY) {
        status = not_found(e, p->key_text);
    }
    return status;
}

static cimf_status put_record(struct repo_txn *txn, const struct put *p, const struct cim_instance *in,
                              struct slice refs, struct error *e)
{
    struct buf *b = repo_record_begin(txn);
    bool hashed = p->key_text.n > KEY_TEXT_INLINE;
    buf_byte(b, hashed ? HAS_KEY_TEXT : 0);
    write_v(b, p->key_class);
    write_v(b, p->layout);
    if (hashed) write_text(b, p->key_text);
    write_v(b, refs.n / KEY_HASH);
    buf_slice_add(b, refs);
    cimf_status status = record_instance_encode(b, in);
    if (status) {
        return error_set(e, status, "repo", status == CIMF_QUOTA_VIOLATION
                                                ? "embedded objects are nested too deeply"
                                                : "the instance is too large");
    }
    return repo_record_put(txn, &p->key, e);
}

/* The uniqueness record says where the key is used when it is not in the key class itself. */
static cimf_status put_unique(struct repo_txn *txn, const struct put *p, struct error *e)
{
    struct key k;
    cimf_status status = CIMF_OK;
    if (p->exists && p->old_key_class == p->key_class) return CIMF_OK;
    if (p->exists && p->old_key_class != p->class_id) {
        status = instance_key(KEY_UNIQUE, p->old_key_class, p->key_text, &k, e);
        if (!status) status = repo_record_delete(txn, &k, NULL, e);
    }
    if (status || p->key_class == p->class_id) return status;
    buf_add(repo_record_begin(txn), &p->class_id, sizeof p->class_id);
    status = instance_key(KEY_UNIQUE, p->key_class, p->key_text, &k, e);
    return status ? status : repo_record_put(txn, &k, e);
}

cimf_status repo_put_instance(struct repo_txn *txn, struct slice ns, const struct cim_instance *in,
                              struct slice key_text, unsigned flags, bool *created, struct error *e)
{
    struct put p = { .key_text = key_text };
    struct references refs;
    struct arena_mark mark = arena_mark(&txn->arena);
    cimf_status status = put_classes(txn, ns, in->cls, &p, e);
    if (!status) status = put_conditions(txn, &p, flags, e);
    if (!status) status = layout_number(txn, p.class_id, in->cls, &p.layout, e);
    if (!status) status = references_of(&txn->arena, ns, in, &refs, e);
    if (!status) status = put_record(txn, &p, in, refs.hashes, e);
    if (!status) status = put_unique(txn, &p, e);
    bool same = p.exists && p.old_layout == p.layout && slice_eq(p.old_refs, refs.hashes);
    if (!status && p.exists && !same) status = references_delete(txn, p.ns, &p.key, p.old_refs, e);
    if (!status && !same) status = references_put(txn, p.ns, &p.key, in, &refs, e);
    if (!status && created) *created = !p.exists;
    arena_rewind(&txn->arena, mark);
    return status;
}

/* --- deleting -------------------------------------------------------------------------------------------- */

static cimf_status delete_record(struct repo_txn *txn, uint32_t ns, uint32_t class_id,
                                 const struct key *key, struct slice value, struct error *e)
{
    struct instance_ref ref;
    struct arena_mark mark = arena_mark(&txn->arena);
    cimf_status status = repo_instance_parse(value, &ref, e);
    if (status) return status;
    struct slice refs = arena_dup(&txn->arena, ref.refs);
    if (!refs.p) return error_set(e, CIMF_OUT_OF_MEMORY, "repo", "the instance is too large");
    if (ref.key_class != class_id) {
        struct key unique;
        struct repo_key place;
        instance_place(key->p, key->n, &place);
        instance_key_at(KEY_UNIQUE, ref.key_class, &place, &unique);
        status = repo_record_delete(txn, &unique, NULL, e);
    }
    if (!status) status = references_delete(txn, ns, key, refs, e);
    if (!status) status = repo_record_delete(txn, key, NULL, e);
    arena_rewind(&txn->arena, mark);
    return status;
}

cimf_status repo_delete_instance(struct repo_txn *txn, struct slice ns, struct slice key_class,
                                 struct slice key_text, struct error *e)
{
    struct located at;
    cimf_status status = locate(txn, ns, key_class, key_text, &at, e);
    return status ? status : delete_record(txn, at.ns, at.class_id, &at.key, at.value, e);
}

cimf_status repo_delete_instances(struct repo_txn *txn, uint32_t ns, uint32_t class_id, struct error *e)
{
    struct key prefix, k;
    key_start(&prefix, KEY_INSTANCE);
    key_u32(&prefix, class_id);
    for (;;) {
        struct walk w;
        cimf_status status = walk_begin(&w, txn, &prefix, NULL, e);
        if (status) return status;
        status = walk_next(&w, txn, e);
        if (!status) {
            k.n = 0;
            key_bytes(&k, w.key.mv_data, w.key.mv_size);
        }
        bool end = w.end;
        walk_end(&w);
        if (!status) status = delete_record(txn, ns, class_id, &k, w.value, e);
        if (status) return end ? CIMF_OK : status;
    }
}
