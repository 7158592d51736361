/* The first start of a store, and the first start of a program with another built-in schema. */
#include <stdlib.h>

#include "base/log.h"
#include "cimom/cimom_priv.h"

#define VERSION_NAME SLICE("schema.version")

struct first_start {
    struct cimom *m;
    struct edit edit;
    struct arena parsed;
    struct arena arena;     /* of the write function */
    struct mof_unit *units; /* one per file that is not for every namespace */
};

static cimf_status parse_files(struct first_start *f, struct arena *a, struct error *e)
{
    struct cimom *m = f->m;
    f->units = ARENA_ARRAY(a, m->file_count + 1, struct mof_unit);
    cimf_status s = f->units ? compile_system_units(m, e) : CIMF_OUT_OF_MEMORY;
    for (size_t i = 0; !s && i < m->file_count; i++) {
        if (strcmp(m->files[i].ns, "*") == 0) continue;
        s = compile_parse(a, &m->files[i], slice_str(m->files[i].ns), &f->units[i], e);
    }
    return s;
}

struct upgrade {
    struct first_start *f;
    struct error *e;
};

/* Namespaces that users made have the system classes, too. */
static cimf_status upgrade_namespace(void *arg, struct slice name)
{
    struct upgrade *u = arg;
    struct slice copy = arena_dup(&u->f->arena, name);
    return copy.p ? compile_system(&u->f->edit, copy, u->e) : CIMF_OUT_OF_MEMORY;
}

static cimf_status write_schema(struct repo_txn *txn, void *arg, struct error *e)
{
    struct first_start *f = arg;
    struct cimom *m = f->m;
    arena_reset(&f->arena);
    edit_begin(&f->edit, m, txn);
    struct upgrade u = { f, e };
    cimf_status s = repo_list_namespaces(txn, upgrade_namespace, &u, e);
    bool created;
    for (const char *const *n = m->namespaces; !s && n && *n; n++) {
        s = edit_make_namespace(&f->edit, slice_str(*n), &created, e);
    }
    for (size_t i = 0; !s && i < m->file_count; i++) {
        if (f->units[i].files) s = compile_unit(&f->edit, &f->arena, &f->units[i], true, NULL, e);
    }
    if (!s) s = edit_commit(&f->edit, e);
    return s ? s : repo_put_setting(txn, SLICE_NULL, VERSION_NAME, slice_str(m->version), e);
}

static bool up_to_date(struct cimom *m, struct repo_txn *txn)
{
    struct arena a;
    struct slice version;
    arena_init(&a, 0);
    bool same = !repo_get_setting(txn, &a, SLICE_NULL, VERSION_NAME, &version, NULL) && slice_is(version, m->version);
    arena_free(&a);
    return same;
}

cimf_status boot_prepare(struct cimom *m, struct first_start **out, struct error *e)
{
    struct first_start *f = *out = calloc(1, sizeof *f);
    if (!f) return CIMF_OUT_OF_MEMORY;
    f->m = m;
    arena_init(&f->parsed, 0);
    arena_init(&f->arena, (size_t)1 << 30);
    return parse_files(f, &f->parsed, e);
}

cimf_status boot_step(struct repo_txn *txn, struct first_start *f, struct error *e)
{
    return up_to_date(f->m, txn) ? CIMF_OK : write_schema(txn, f, e);
}

void boot_end(struct first_start *f, bool durable)
{
    if (!f) return;
    if (f->edit.m) edit_end(&f->edit, durable);
    arena_free(&f->arena);
    arena_free(&f->parsed);
    free(f);
}

cimf_status boot(struct cimom *m, struct error *e)
{
    struct repo_txn *txn;
    struct first_start *f = NULL;
    cimf_status s = repo_read_begin(m->repo, &txn, e);
    if (s) return s;
    bool same = up_to_date(m, txn);
    repo_read_end(txn);
    if (same) return table_init(m, e);
    s = boot_prepare(m, &f, e);
    if (!s) s = repo_write_sync(m->repo, write_schema, f, e);
    /* Nothing else writes yet: this thread may stand in for the writer's. */
    boot_end(f, s == CIMF_OK);
    if (!s) s = table_init(m, e);
    if (!s) log_info("cimom", "built-in schema compiled version=%s", m->version);
    return s;
}
