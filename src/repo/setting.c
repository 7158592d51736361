/* Settings and qualifier declarations: named bytes of a namespace. Setting record = v length, name, bytes. */
#include "repo/record_priv.h"
#include "repo/repo_priv.h"

static cimf_status named_key(struct repo_txn *txn, enum key_tag tag, uint32_t ns, struct slice name,
                             struct key *k, struct error *e)
{
    key_start(k, tag);
    key_u32(k, ns);
    return key_folded(k, name, &txn->fold) ? CIMF_OK
                                           : error_set(e, CIMF_OUT_OF_MEMORY, "repo", "the name is too long");
}

/* 0 for the store itself. */
static cimf_status owner(struct repo_txn *txn, struct slice ns, uint32_t *id, struct error *e)
{
    *id = 0;
    return ns.n ? repo_namespace_id(txn, ns, id, e) : CIMF_OK;
}

static cimf_status not_found(cimf_status status, struct slice name, const char *what, struct error *e)
{
    if (status != CIMF_NOT_FOUND) return status;
    error_set(e, status, "repo", "%s is not in the repository", what);
    error_subject(e, name);
    return status;
}

/* --- settings ------------------------------------------------------------------------------------ */

static cimf_status setting_parse(struct slice value, struct slice *name, struct slice *bytes,
                                 struct error *e)
{
    struct reader r = reader_of(value);
    *name = read_text(&r);
    *bytes = slice_of((const char *)r.at, reader_left(&r));
    return r.bad ? repo_damaged(e, "a setting cannot be read") : CIMF_OK;
}

cimf_status repo_get_setting(struct repo_txn *txn, struct arena *a, struct slice ns, struct slice name,
                             struct slice *out, struct error *e)
{
    uint32_t id;
    struct key k;
    struct slice value, spelled;
    cimf_status status = owner(txn, ns, &id, e);
    if (!status) status = named_key(txn, KEY_SETTING, id, name, &k, e);
    if (status) return status;
    status = not_found(repo_record_get(txn, &k, &value, e), name, "the setting", e);
    if (!status) status = setting_parse(value, &spelled, &value, e);
    if (status) return status;
    *out = arena_dup(a, value);
    return out->p ? CIMF_OK : error_set(e, CIMF_OUT_OF_MEMORY, "repo", "a setting is too large");
}

cimf_status repo_list_settings(struct repo_txn *txn, struct slice ns, struct slice prefix,
                               repo_setting_fn *fn, void *arg, struct error *e)
{
    uint32_t id;
    struct key k;
    struct walk w;
    cimf_status status = owner(txn, ns, &id, e);
    key_start(&k, KEY_SETTING);
    if (status) return status;
    key_u32(&k, id);
    status = walk_begin(&w, txn, &k, NULL, e);
    if (status) return status;
    while (!(status = walk_next(&w, txn, e))) {
        struct slice name, bytes;
        status = setting_parse(w.value, &name, &bytes, e);
        if (!status && slice_istarts(name, prefix)) status = fn(arg, name, bytes);
        if (status) break;
    }
    return walk_finish(&w, status);
}

cimf_status repo_put_setting(struct repo_txn *txn, struct slice ns, struct slice name,
                             struct slice value, struct error *e)
{
    uint32_t id;
    struct key k;
    cimf_status status = owner(txn, ns, &id, e);
    if (!status) status = named_key(txn, KEY_SETTING, id, name, &k, e);
    if (status) return status;
    struct buf *b = repo_record_begin(txn);
    write_text(b, name);
    buf_slice_add(b, value);
    return repo_record_put(txn, &k, e);
}

cimf_status repo_delete_setting(struct repo_txn *txn, struct slice ns, struct slice name,
                                struct error *e)
{
    uint32_t id;
    struct key k;
    bool was = false;
    cimf_status status = owner(txn, ns, &id, e);
    if (!status) status = named_key(txn, KEY_SETTING, id, name, &k, e);
    if (!status) status = repo_record_delete(txn, &k, &was, e);
    return status || was ? status : not_found(CIMF_NOT_FOUND, name, "the setting", e);
}

cimf_status repo_delete_settings(struct repo_txn *txn, uint32_t ns, struct error *e)
{
    struct key k;
    key_start(&k, KEY_SETTING);
    key_u32(&k, ns);
    return repo_delete_prefix(txn, &k, e);
}

/* --- qualifier declarations ------------------------------------------------------------------------ */

cimf_status repo_load_qualifiers(struct repo_txn *txn, struct slice ns, repo_qualifier_fn *fn, void *arg,
                                 struct error *e)
{
    uint32_t id;
    struct key k;
    struct walk w;
    struct arena a;
    cimf_status status = repo_namespace_id(txn, ns, &id, e);
    if (status) return status;
    key_start(&k, KEY_QUALIFIER);
    key_u32(&k, id);
    status = walk_begin(&w, txn, &k, NULL, e);
    if (status) return status;
    arena_init(&a, 0);
    while (!(status = walk_next(&w, txn, e))) {
        struct cim_qualifier_decl decl;
        status = record_qualifier_decode(&a, w.value, &decl, e);
        if (!status) status = fn(arg, &decl);
        arena_reset(&a);
        if (status) break;
    }
    arena_free(&a);
    return walk_finish(&w, status);
}

cimf_status repo_put_qualifier(struct repo_txn *txn, struct slice ns,
                               const struct cim_qualifier_decl *decl, struct error *e)
{
    uint32_t id;
    struct key k;
    cimf_status status = repo_namespace_id(txn, ns, &id, e);
    if (!status) status = named_key(txn, KEY_QUALIFIER, id, decl->name, &k, e);
    if (status) return status;
    record_qualifier_encode(repo_record_begin(txn), decl);
    return repo_record_put(txn, &k, e);
}

cimf_status repo_delete_qualifiers(struct repo_txn *txn, uint32_t ns, struct error *e)
{
    struct key k;
    key_start(&k, KEY_QUALIFIER);
    key_u32(&k, ns);
    return repo_delete_prefix(txn, &k, e);
}
