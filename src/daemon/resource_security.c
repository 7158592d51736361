/*
 * Descriptors of resources. The whole table is one value of the repository, a line a row: "exact" or "prefix", the URI
 * and the SDDL, tabs between. While there is none, what wsman_authorize begins with holds.
 */
#include <pthread.h>
#include <stdlib.h>

#include "auth/audit.h"
#include "auth/sddl.h"
#include "base/log.h"
#include "daemon/tables.h"

#define NAME SLICE("resource-security")
enum { TABLE_MAX = 4 << 20, ARENA_MAX = 4 * TABLE_MAX, URI_MAX = 2048 };

struct table {
    struct wsman_resource_security *row;
    size_t count;
};

struct security_table {
    struct wsman_rows rows; /* first: the protocol's pointer is ours */
    struct repo *repo;
    struct wsman_authorize *authorize;
    pthread_mutex_t lock;   /* one at a time puts in force */
    struct arena arena;     /* of first */
    struct table first;     /* what holds while nothing is stored */
};

/* A change on its way through the writer of the repository. */
struct change {
    struct security_table *table;
    const struct principal *by;
    enum wsman_row_change kind;
    const struct wsman_row *row; /* the caller's, until done */
    struct slice peer;
    wsman_rows_changed *done;
    void *arg;
};

/* --- the stored text -------------------------------------------------------------------------- */

static cimf_status parse(struct arena *a, struct slice text, struct table *out, struct error *e)
{
    size_t lines = 0;
    for (size_t i = 0; i < text.n; i++) lines += text.p[i] == '\n';
    out->count = 0;
    out->row = ARENA_ARRAY(a, lines + 2, struct wsman_resource_security); /* room for one more */
    if (!out->row) return error_set(e, CIMF_OUT_OF_MEMORY, "cimd", "no memory for the descriptors of resources");
    for (size_t i = 0; i < lines; i++) {
        struct slice rest, line = slice_split(text, '\n', &text);
        struct slice word = slice_split(line, '\t', &rest), uri = slice_split(rest, '\t', &rest);
        if (!rest.p || !uri.n || !(slice_is(word, "exact") || slice_is(word, "prefix")))
            return error_set(e, CIMF_CORRUPT_STORE, "cimd", "the stored descriptors of resources are damaged");
        out->row[out->count++] = (struct wsman_resource_security){ uri, rest, slice_is(word, "exact") };
    }
    return CIMF_OK;
}

static bool format(const struct table *t, struct buf *out)
{
    for (size_t i = 0; i < t->count; i++)
        buf_printf(out, "%s\t" SLICE_FMT "\t" SLICE_FMT "\n", t->row[i].exact ? "exact" : "prefix", SLICE_ARG(t->row[i].uri),
                   SLICE_ARG(t->row[i].sddl));
    return buf_ok(out);
}

static cimf_status read_table(struct security_table *t, struct repo_txn *txn, struct arena *a, struct table *out,
                              struct error *e)
{
    struct slice text;
    cimf_status status = repo_get_setting(txn, a, SLICE_NULL, NAME, &text, e);
    if (status == CIMF_OK) return parse(a, text, out, e);
    if (status != CIMF_NOT_FOUND) return status;
    out->count = t->first.count;
    out->row = ARENA_ARRAY(a, out->count + 1, struct wsman_resource_security);
    if (!out->row) return error_set(e, CIMF_OUT_OF_MEMORY, "cimd", "no memory for descriptors");
    if (out->count) memcpy(out->row, t->first.row, out->count * sizeof *out->row);
    return CIMF_OK;
}

/* --- in force --------------------------------------------------------------------------------- */

static struct wsman_resource_security *find(const struct table *t, struct slice uri)
{
    for (size_t i = 0; i < t->count; i++)
        if (slice_ieq(t->row[i].uri, uri)) return &t->row[i];
    return NULL;
}

static bool same(const struct wsman_resource_security *x, const struct wsman_resource_security *y)
{
    return x && y && x->exact == y->exact && slice_eq(x->uri, y->uri) && slice_eq(x->sddl, y->sddl);
}

/* What the repository has now, whichever change made it: changes end on several threads, in any order. */
static cimf_status put_in_force(struct security_table *t, struct error *e)
{
    struct arena a;
    struct repo_txn *txn = NULL;
    struct table now = { NULL, 0 }, was = { NULL, 0 };
    arena_init(&a, ARENA_MAX);
    pthread_mutex_lock(&t->lock);
    cimf_status status = repo_read_begin(t->repo, &txn, e);
    if (status == CIMF_OK) {
        status = read_table(t, txn, &a, &now, e);
        repo_read_end(txn);
    }
    if (status == CIMF_OK) status = wsman_authorize_list(t->authorize, &a, &was.row, &was.count);
    for (size_t i = 0; status == CIMF_OK && i < now.count; i++)
        if (!same(find(&was, now.row[i].uri), &now.row[i])) status = wsman_authorize_add(t->authorize, &now.row[i], true, e);
    for (size_t i = 0; status == CIMF_OK && i < was.count; i++)
        if (!find(&now, was.row[i].uri)) status = wsman_authorize_remove(t->authorize, was.row[i].uri, e);
    pthread_mutex_unlock(&t->lock);
    arena_free(&a);
    return status;
}

/* --- changing --------------------------------------------------------------------------------- */

static bool plain(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < ' ' || s.p[i] == 0x7f) return false;
    return true;
}

static cimf_status check(const struct change *c, struct error *e)
{
    struct slice uri = c->row->field[WSMAN_SECURITY_URI], sddl = c->row->field[WSMAN_SECURITY_SDDL];
    struct arena a;
    const struct sd *sd;
    if (uri.n > URI_MAX || !plain(uri) || slice_find(uri, ' ') < uri.n)
        return error_set(e, CIMF_INVALID_PARAMETER, "cimd", "Uri is no resource URI of at most %d bytes", URI_MAX);
    if (c->kind == WSMAN_ROW_CREATE && !sddl.n) return error_set(e, CIMF_INVALID_PARAMETER, "cimd", "Sddl must be said");
    if (c->kind == WSMAN_ROW_DELETE || !sddl.p) return CIMF_OK;
    if (!plain(sddl)) return error_set(e, CIMF_INVALID_PARAMETER, "cimd", "Sddl has a control character");
    arena_init(&a, 1 << 20);
    cimf_status status = sddl_parse(&a, sddl, NULL, &sd, e);
    if (status == CIMF_OK && !sd_has_dacl(sd))
        status = error_set(e, CIMF_INVALID_PARAMETER, "cimd", "a descriptor without DACL would let in everybody");
    else if (status != CIMF_OK && status != CIMF_OUT_OF_MEMORY) status = e->status = CIMF_INVALID_PARAMETER;
    arena_free(&a);
    return status;
}

static cimf_status apply(const struct change *c, struct table *t, struct error *e)
{
    const struct slice *field = c->row->field;
    struct slice uri = field[WSMAN_SECURITY_URI];
    struct wsman_resource_security *row = find(t, uri);
    if (c->kind == WSMAN_ROW_CREATE && row)
        return error_set(e, CIMF_ALREADY_EXISTS, "cimd", "the resource has a descriptor already");
    if (c->kind != WSMAN_ROW_CREATE && !row)
        return error_set(e, CIMF_NOT_FOUND, "cimd", "the resource has no descriptor of its own");
    if (c->kind == WSMAN_ROW_DELETE) {
        *row = t->row[--t->count];
        return CIMF_OK;
    }
    if (!row && t->count == WSMAN_RESOURCES_MAX)
        return error_set(e, CIMF_QUOTA_VIOLATION, "cimd", "there are too many descriptors of resources");
    if (!row) t->row[t->count++] = (struct wsman_resource_security){ .uri = uri };
    if (!row) row = &t->row[t->count - 1];
    if (field[WSMAN_SECURITY_SDDL].p) row->sddl = field[WSMAN_SECURITY_SDDL];
    if (field[WSMAN_SECURITY_EXACT].p) row->exact = slice_is(field[WSMAN_SECURITY_EXACT], "true");
    return CIMF_OK;
}

static cimf_status store(struct repo_txn *txn, void *arg, struct error *e)
{
    struct change *c = arg;
    struct arena a;
    struct buf text;
    struct table t;
    arena_init(&a, ARENA_MAX);
    buf_init(&text, TABLE_MAX);
    cimf_status status = read_table(c->table, txn, &a, &t, e);
    if (status == CIMF_OK) status = apply(c, &t, e);
    if (status == CIMF_OK && !format(&t, &text))
        status = error_set(e, CIMF_QUOTA_VIOLATION, "cimd", "the descriptors of resources are too large");
    if (status == CIMF_OK) status = repo_put_setting(txn, SLICE_NULL, NAME, buf_slice(&text), e);
    buf_free(&text);
    arena_free(&a);
    return status;
}

static void end(struct change *c, cimf_status status, const struct error *e)
{
    struct slice sddl = c->row->field[WSMAN_SECURITY_SDDL];
    struct audit_record r = {
        .event = AUDIT_DESCRIPTOR_CHANGED, .principal = c->by, .peer = c->peer, .object = c->row->field[WSMAN_SECURITY_URI],
        .status = status,
        .detail = status != CIMF_OK ? slice_str(error_text(e)) : c->kind == WSMAN_ROW_DELETE ? SLICE("deleted")
                  : sddl.p ? sddl : SLICE("ExactMatch"),
    };
    audit_write(&r);
    principal_unref(c->by);
    c->done(c->arg, status, e);
    free(c);
}

static void stored(void *arg, cimf_status status, const struct error *why)
{
    struct change *c = arg;
    struct error e = ERROR_INIT;
    if (status == CIMF_OK) {
        status = put_in_force(c->table, &e);
        if (status != CIMF_OK) log_failure("cimd", &e, "a stored descriptor is not in force before the next start");
        why = &e;
    }
    end(c, status, why);
}

static void change(struct wsman_rows *rows, const struct principal *by, enum wsman_row_change kind,
                   const struct wsman_row *row, struct slice peer, struct exec *home, wsman_rows_changed *done, void *arg)
{
    struct security_table *t = (struct security_table *)rows;
    struct error e = ERROR_INIT;
    struct change *c = malloc(sizeof *c);
    if (!c) {
        done(arg, CIMF_OUT_OF_MEMORY, NULL);
        return;
    }
    *c = (struct change){ t, principal_ref(by), kind, row, peer, done, arg };
    cimf_status status = check(c, &e);
    if (status == CIMF_OK) status = repo_write(t->repo, store, c, home, stored, &e);
    if (status != CIMF_OK) end(c, status, &e);
}

/* --- listing ---------------------------------------------------------------------------------- */

static void to_row(const struct wsman_resource_security *from, struct wsman_row *to)
{
    *to = (struct wsman_row){ { SLICE_NULL } };
    to->field[WSMAN_SECURITY_URI] = from->uri;
    to->field[WSMAN_SECURITY_SDDL] = from->sddl;
    to->field[WSMAN_SECURITY_EXACT] = from->exact ? SLICE("true") : SLICE("false");
}

static void list(struct wsman_rows *rows, const struct principal *by, const struct wsman_row *key, struct arena *a,
                 struct exec *home, wsman_rows_listed *done, void *arg)
{
    struct security_table *t = (struct security_table *)rows;
    struct table all = { NULL, 0 };
    size_t count = 0;
    cimf_status status = wsman_authorize_list(t->authorize, a, &all.row, &all.count);
    struct wsman_row *out = status == CIMF_OK ? ARENA_ARRAY(a, all.count + 1, struct wsman_row) : NULL;
    for (size_t i = 0; out && i < all.count; i++)
        if (!key || slice_ieq(key->field[WSMAN_SECURITY_URI], all.row[i].uri)) to_row(&all.row[i], &out[count++]);
    done(arg, out ? CIMF_OK : CIMF_OUT_OF_MEMORY, out, count, NULL);
}

/* --- life ------------------------------------------------------------------------------------- */

cimf_status security_table_new(struct repo *repo, struct security_table **out, struct error *e)
{
    struct security_table *t = calloc(1, sizeof *t);
    *out = t;
    if (!t) return error_set(e, CIMF_OUT_OF_MEMORY, "cimd", "no memory for the descriptors of resources");
    t->rows = (struct wsman_rows){ list, change };
    t->repo = repo;
    arena_init(&t->arena, 1 << 20);
    pthread_mutex_init(&t->lock, NULL);
    return CIMF_OK;
}

void security_table_free(struct security_table *t)
{
    if (!t) return;
    pthread_mutex_destroy(&t->lock);
    arena_free(&t->arena);
    free(t);
}

cimf_status security_table_start(struct security_table *t, struct wsman_authorize *w, struct error *e)
{
    t->authorize = w;
    cimf_status status = wsman_authorize_list(w, &t->arena, &t->first.row, &t->first.count);
    return status == CIMF_OK ? put_in_force(t, e) : error_set(e, status, "cimd", "no memory for descriptors");
}

cimf_status security_table_reload(struct security_table *t, struct error *e) { return put_in_force(t, e); }

struct wsman_rows *security_table_rows(struct security_table *t) { return &t->rows; }
