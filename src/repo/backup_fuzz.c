/*
 * Any backup. First byte 0: the rest is the file, taken in as a restore does. Otherwise: records as somebody writes them who can
 * work out checksums: length of a key, two bytes of the value's, key, value. What the check of records lets pass, and what it
 * does not, is then read in every way that the object manager reads a store.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "repo/repo_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[64];
static struct repo *target;

static void clean_up(void)
{
    char path[128];
    static const char *const names[] = { STORE_FILE, STORE_LMDB_LOCK, STORE_LOCK, STORE_FILE ".old", "backup" };
    repo_close(target);
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
    rmdir(folder);
}

static void open_target(void)
{
    const char *top = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%.40s/backup-fuzz-XXXXXX", top && *top ? top : "/tmp");
    struct repo_options o = { .no_sync = true, .map_size = (size_t)64 << 20 };
    if (!mkdtemp(folder) || repo_open(folder, &o, &target, NULL)) abort();
    atexit(clean_up);
}

/* --- a whole file --------------------------------------------------------------------------------- */

static void take_file(const uint8_t *data, size_t size)
{
    char path[128];
    struct repo_import *im = NULL;
    snprintf(path, sizeof path, "%s/backup", folder);
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size || lseek(fd, 0, SEEK_SET) != 0) abort();
    if (!repo_import_open(target, fd, &im, NULL)) {
        if (repo_hold(target, false, NULL)) abort();
        repo_import_run(im, NULL, NULL, NULL);
        repo_release(target);
    }
    repo_import_free(im);
    close(fd);
}

/* --- records --------------------------------------------------------------------------------------- */

struct records {
    const uint8_t *p;
    size_t n;
};

static cimf_status put_records(struct repo_txn *txn, void *arg, struct error *e)
{
    struct records r = *(struct records *)arg;
    if (mdb_drop(txn->txn, txn->dbi, 0)) abort();
    while (r.n > 3) {
        struct key k = { .n = r.p[0] };
        size_t n = r.p[1] | (size_t)r.p[2] << 8;
        r.p += 3;
        r.n -= 3;
        if (!k.n || k.n > r.n) break;
        memcpy(k.p, r.p, k.n);
        r.p += k.n;
        r.n -= k.n;
        if (n > r.n) n = r.n;
        buf_add(repo_record_begin(txn), r.p, n);
        cimf_status status = repo_record_put(txn, &k, e);
        if (status) return status;
        r.p += n;
        r.n -= n;
    }
    return CIMF_OK;
}

struct reading {
    struct repo_txn *txn;
    struct arena a;
    struct slice ns;
    unsigned left;
};

static const struct cim_class *find_class(void *arg, struct slice name)
{
    return NULL; /* records make do with what they hold */
}

static cimf_status on_reference(void *arg, const struct repo_reference *ref)
{
    return ref->key.n <= REPO_KEY_MAX ? CIMF_OK : CIMF_FAILED;
}

static void scan(struct reading *r, const struct cim_class *cls)
{
    struct repo_classes classes = { find_class, NULL };
    struct repo_scan s;
    struct cim_instance *in = NULL;
    if (repo_scan_begin(&s, r->txn, r->ns, cls, NULL, &classes, NULL)) return;
    for (int i = 0; i < 20 && !repo_scan_next(&s, &r->a, &in, NULL) && in; i++)
        repo_get_at(r->txn, &r->a, r->ns, cls, &s.key, &classes, &in, NULL);
    repo_scan_end(&s);
}

static cimf_status on_class(void *arg, const struct cim_class_decl *decl)
{
    struct reading *r = arg;
    const struct cim_class *cls = NULL;
    struct cim_class_decl again;
    if (!r->left--) return CIMF_FAILED;
    repo_get_class(r->txn, &r->a, r->ns, decl->name, &again, NULL);
    repo_count_instances(r->txn, r->ns, decl->name, 5);
    repo_references(r->txn, r->ns, decl->name, NULL, NULL, on_reference, NULL, NULL);
    if (!decl->super.n && !cim_class_resolve(decl, NULL, r->ns, CIM_RESOLVE_SYSTEM, &cls, NULL)) {
        scan(r, cls);
        cim_class_unref(cls);
    }
    return CIMF_OK;
}

static cimf_status on_qualifier(void *arg, const struct cim_qualifier_decl *decl)
{
    return ((struct reading *)arg)->left-- ? CIMF_OK : CIMF_FAILED;
}

static cimf_status on_setting(void *arg, struct slice name, struct slice value)
{
    return ((struct reading *)arg)->left-- ? CIMF_OK : CIMF_FAILED;
}

static cimf_status on_namespace(void *arg, struct slice ns)
{
    struct reading *r = arg;
    r->ns = arena_dup(&r->a, ns);
    if (!r->left--) return CIMF_FAILED;
    repo_load_qualifiers(r->txn, r->ns, on_qualifier, r, NULL);
    repo_load_classes(r->txn, r->ns, on_class, r, NULL);
    repo_list_settings(r->txn, r->ns, SLICE(""), on_setting, r, NULL);
    return CIMF_OK;
}

static void take_records(const uint8_t *data, size_t size)
{
    struct records records = { data, size };
    struct reading r = { .left = 200 };
    struct repo_report report;
    if (repo_write_sync(target, put_records, &records, NULL) || repo_read_begin(target, &r.txn, NULL)) return;
    arena_init(&r.a, (size_t)64 << 20);
    store_verify(r.txn, &report, NULL);
    repo_list_namespaces(r.txn, on_namespace, &r, NULL);
    repo_list_settings(r.txn, SLICE_NULL, SLICE(""), on_setting, &r, NULL);
    arena_free(&r.a);
    repo_read_end(r.txn);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!target) open_target();
    if (!size) return 0;
    if (data[0]) take_records(data + 1, size - 1);
    else take_file(data + 1, size - 1);
    return 0;
}
