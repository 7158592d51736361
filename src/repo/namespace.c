/* Namespaces: record = u32 number, spelled name. Children lie behind their parents by depth in the key. */
#include "base/utf.h"
#include "repo/record_priv.h"
#include "repo/repo_priv.h"

enum { MAX_DEPTH = 250 };

static unsigned depth_of(struct slice ns)
{
    unsigned n = 0;
    for (size_t i = 0; i < ns.n; i++) n += ns.p[i] == '/';
    return n;
}

/* The first depth + 1 parts. */
static struct slice head_of(struct slice ns, unsigned depth)
{
    for (size_t i = 0; i < ns.n; i++)
        if (ns.p[i] == '/' && depth-- == 0) return slice_head(ns, i);
    return ns;
}

static bool valid(struct slice ns)
{
    char last = '/';
    for (size_t i = 0; i < ns.n; last = ns.p[i++])
        if (ns.p[i] == '/' && last == '/') return false;
    return last != '/' && depth_of(ns) <= MAX_DEPTH;
}

static cimf_status namespace_key(struct repo_txn *txn, struct slice ns, struct key *k, struct error *e)
{
    unsigned depth = depth_of(ns);
    key_start(k, KEY_NAMESPACE);
    key_u8(k, (uint8_t)(depth <= MAX_DEPTH ? depth : MAX_DEPTH + 1));
    return key_folded(k, ns, &txn->fold) ? CIMF_OK
                                         : error_set(e, CIMF_OUT_OF_MEMORY, "repo", "the name is too long");
}

static cimf_status parse(struct slice value, uint32_t *id, struct slice *name, struct error *e)
{
    if (value.n <= sizeof *id) return repo_damaged(e, "a namespace record is cut");
    memcpy(id, value.p, sizeof *id);
    *name = slice_sub(value, sizeof *id);
    return CIMF_OK;
}

cimf_status repo_namespace_id(struct repo_txn *txn, struct slice ns, uint32_t *id, struct error *e)
{
    struct key k;
    struct slice value, name;
    cimf_status status = namespace_key(txn, ns, &k, e);
    if (!status) status = repo_record_get(txn, &k, &value, e);
    if (!status) return parse(value, id, &name, e);
    if (status != CIMF_NOT_FOUND) return status;
    status = error_set(e, CIMF_INVALID_NAMESPACE, "repo", "there is no namespace \"" SLICE_FMT "\"",
                       SLICE_ARG(slice_head(ns, 200)));
    error_subject(e, ns);
    return status;
}

bool repo_has_namespace(struct repo_txn *txn, struct slice ns)
{
    struct key k;
    return !namespace_key(txn, ns, &k, NULL) && repo_record_has(txn, &k);
}

cimf_status repo_list_namespaces(struct repo_txn *txn, repo_name_fn *fn, void *arg, struct error *e)
{
    struct key prefix;
    struct walk w;
    key_start(&prefix, KEY_NAMESPACE);
    cimf_status status = walk_begin(&w, txn, &prefix, NULL, e);
    if (status) return status;
    while (!(status = walk_next(&w, txn, e))) {
        uint32_t id;
        struct slice name;
        status = parse(w.value, &id, &name, e);
        if (!status) status = fn(arg, name);
        if (status) break;
    }
    return walk_finish(&w, status);
}

cimf_status repo_put_namespace(struct repo_txn *txn, struct slice ns, struct error *e)
{
    struct key k;
    uint32_t id;
    if (!valid(ns)) {
        return error_set(e, CIMF_INVALID_NAMESPACE, "repo", "the name of the namespace is not valid");
    }
    if (utf16_units(ns) > LIMIT_NAMESPACE) {
        return error_set(e, CIMF_QUOTA_VIOLATION, "repo", "the name of the namespace is too long");
    }
    unsigned depth = depth_of(ns);
    cimf_status status = depth ? repo_namespace_id(txn, head_of(ns, depth - 1), &id, e) : CIMF_OK;
    if (!status) status = namespace_key(txn, ns, &k, e);
    if (status) return status;
    if (repo_record_has(txn, &k)) {
        status = error_set(e, CIMF_ALREADY_EXISTS, "repo", "the namespace exists already");
        error_subject(e, ns);
        return status;
    }
    status = repo_new_id(txn, IDS_NAMESPACE, &id, e);
    if (status) return status;
    struct buf *b = repo_record_begin(txn);
    buf_add(b, &id, sizeof id);
    buf_slice_add(b, ns);
    return repo_record_put(txn, &k, e);
}

cimf_status repo_make_namespace(struct repo_txn *txn, struct slice ns, struct error *e)
{
    cimf_status status = CIMF_OK;
    unsigned depth = depth_of(ns);
    if (!valid(ns)) return repo_put_namespace(txn, ns, e);
    for (unsigned d = 0; d <= depth && !status; d++) {
        struct slice part = head_of(ns, d);
        if (!repo_has_namespace(txn, part)) status = repo_put_namespace(txn, part, e);
    }
    return status;
}

/* --- deleting ---------------------------------------------------------------------------------- */

struct below {
    struct repo_txn *txn;
    struct slice ns;
    unsigned depth;
    struct slice *names; /* parents first */
    size_t count, room;
};

static cimf_status collect(void *arg, struct slice name)
{
    struct below *b = arg;
    if (depth_of(name) <= b->depth || !slice_ieq(head_of(name, b->depth), b->ns)) return CIMF_OK;
    if (b->count == b->room) {
        size_t room = b->room ? b->room * 2 : 16;
        struct slice *more = ARENA_ARRAY(&b->txn->arena, room, struct slice);
        if (!more) return CIMF_OUT_OF_MEMORY;
        if (b->count) memcpy(more, b->names, b->count * sizeof *more);
        b->names = more;
        b->room = room;
    }
    b->names[b->count++] = arena_dup(&b->txn->arena, name);
    return arena_status(&b->txn->arena);
}

static cimf_status delete_one(struct repo_txn *txn, struct slice ns, struct error *e)
{
    uint32_t id;
    struct key k;
    cimf_status status = repo_namespace_id(txn, ns, &id, e);
    if (!status) status = repo_delete_classes(txn, id, e);
    if (!status) status = repo_delete_qualifiers(txn, id, e);
    if (!status) status = repo_delete_settings(txn, id, e);
    if (!status) status = namespace_key(txn, ns, &k, e);
    return status ? status : repo_record_delete(txn, &k, NULL, e);
}

cimf_status repo_delete_namespace(struct repo_txn *txn, struct slice ns, bool recursive, struct error *e)
{
    struct below b = { .txn = txn, .ns = ns, .depth = depth_of(ns) };
    uint32_t id;
    struct arena_mark mark = arena_mark(&txn->arena);
    cimf_status status = repo_namespace_id(txn, ns, &id, e);
    if (!status) status = repo_list_namespaces(txn, collect, &b, e);
    if (!status && b.count && !recursive) {
        status = error_set(e, CIMF_INVALID_OPERATION, "repo", "the namespace has namespaces below it");
        error_subject(e, ns);
    }
    while (!status && b.count) status = delete_one(txn, b.names[--b.count], e);
    if (!status) status = delete_one(txn, ns, e);
    arena_rewind(&txn->arena, mark);
    return status;
}
