#undef NDEBUG
#include "repo/fixture.h"

#include <assert.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct cim_qualifier key_qualifier[] = {
    { SLICE("key"), { CIM_BOOLEAN, false, { .u = 1 } }, CIM_FLAVOR_TO_INSTANCE | CIM_FLAVOR_TO_SUBCLASS },
};
static const struct cim_qualifier association[] = {
    { SLICE("Association"), { CIM_BOOLEAN, false, { .u = 1 } }, CIM_FLAVOR_TO_SUBCLASS },
};
static const struct cim_qualifier singleton[] = {
    { SLICE("Singleton"), { CIM_BOOLEAN, false, { .u = 1 } }, 0 },
};
#define KEY { key_qualifier, 1 }

static struct cim_property_decl base_properties[] = {
    { .name = SLICE("Name"), .type = CIM_STRING, .qualifiers = KEY },
    { .name = SLICE("Number"), .type = CIM_UINT32, .has_default = true,
      .value = { CIM_UINT32, false, { .u = 7 } } },
    { .name = SLICE("Text"), .type = CIM_STRING },
    { .name = SLICE("List"), .type = CIM_SINT64 | CIM_ARRAY },
    { .name = SLICE("When"), .type = CIM_DATETIME },
};
static struct cim_property_decl sub_properties[] = { { .name = SLICE("Flag"), .type = CIM_BOOLEAN } };
static struct cim_property_decl link_properties[] = {
    { .name = SLICE("Left"), .type = CIM_REFERENCE, .class_name = SLICE("T_Base"), .qualifiers = KEY },
    { .name = SLICE("Right"), .type = CIM_REFERENCE, .class_name = SLICE("T_Base"), .qualifiers = KEY },
    { .name = SLICE("Note"), .type = CIM_STRING },
};
static struct cim_property_decl only_properties[] = { { .name = SLICE("Value"), .type = CIM_SINT32 } };

static const struct cim_class *find(void *arg, struct slice name)
{
    struct fixture *f = arg;
    for (int i = 0; i < FIXTURE_CLASSES; i++)
        if (slice_ieq(f->cls[i]->name, name)) return f->cls[i];
    return NULL;
}

void fixture_init(struct fixture *f)
{
    const char *tmp = getenv("TMPDIR");
    memset(f, 0, sizeof *f);
    snprintf(f->dir, sizeof f->dir, "%.30s/repo-test-XXXXXX", tmp ? tmp : "/tmp");
    if (!mkdtemp(f->dir)) abort();
    arena_init(&f->a, 0);
    f->decl[FIXTURE_BASE] = (struct cim_class_decl){ .name = SLICE("T_Base"), .properties = base_properties,
                                                     .property_count = 5 };
    f->decl[FIXTURE_SUB] = (struct cim_class_decl){ .name = SLICE("T_Sub"), .super = SLICE("T_Base"),
                                                    .properties = sub_properties, .property_count = 1 };
    f->decl[FIXTURE_LINK] = (struct cim_class_decl){ .name = SLICE("T_Link"), .qualifiers = { association, 1 },
                                                     .properties = link_properties, .property_count = 3 };
    f->decl[FIXTURE_ONLY] = (struct cim_class_decl){ .name = SLICE("T_Only"), .qualifiers = { singleton, 1 },
                                                     .properties = only_properties, .property_count = 1 };
    for (int i = 0; i < FIXTURE_CLASSES; i++) {
        const struct cim_class *super = f->decl[i].super.n ? f->cls[FIXTURE_BASE] : NULL;
        struct error e = ERROR_INIT;
        if (cim_class_resolve(&f->decl[i], super, NS, 0, &f->cls[i], &e)) {
            fprintf(stderr, "fixture: %s\n", error_text(&e));
            abort();
        }
    }
    f->classes = (struct repo_classes){ find, f };
}

static cimf_status put_schema(struct repo_txn *txn, void *arg, struct error *e)
{
    struct fixture *f = arg;
    cimf_status status = repo_make_namespace(txn, NS, e);
    for (int i = 0; i < FIXTURE_CLASSES && !status; i++) status = repo_put_class(txn, NS, &f->decl[i], e);
    return status;
}

void fixture_open(struct fixture *f, const struct repo_options *options)
{
    struct error e = ERROR_INIT;
    cimf_status status = repo_open(f->dir, options, &f->repo, &e);
    if (!status) status = repo_write_sync(f->repo, put_schema, f, &e);
    if (status) {
        fprintf(stderr, "fixture: %s\n", error_text(&e));
        abort();
    }
}

void fixture_close(struct fixture *f)
{
    repo_close(f->repo);
    f->repo = NULL;
}

void fixture_free(struct fixture *f)
{
    fixture_close(f);
    for (int i = 0; i < FIXTURE_CLASSES; i++) cim_class_unref(f->cls[i]);
    DIR *d = opendir(f->dir);
    struct dirent *entry;
    while (d && (entry = readdir(d)))
        if (entry->d_name[0] != '.') unlinkat(dirfd(d), entry->d_name, 0);
    if (d) closedir(d);
    rmdir(f->dir);
    arena_free(&f->a);
}

const char *fixture_path(const struct fixture *f, const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", f->dir, name);
    return path;
}

/* --- instances ------------------------------------------------------------------------------------ */

struct cim_instance *fixture_instance(struct arena *a, const struct cim_class *cls, const char *name,
                                      uint32_t number)
{
    struct cim_instance *in = cim_instance_new(a, cls);
    struct cim_array list;
    assert(in && cim_array_new(a, CIM_SINT64, 3, &list));
    for (uint32_t i = 0; i < 3; i++) {
        cim_array_set(list, CIM_SINT64, i, (union cim_data){ .i = (int64_t)number - (int64_t)i });
    }
    cim_put_strz(in, "Name", name);
    cim_put_u64(in, "Number", number);
    cim_put_str(in, "Text", arena_printf(a, "text %u", number));
    cim_set(in, (unsigned)cim_class_property(cls, SLICE("List")), (union cim_data){ .a = list });
    cim_put_str(in, "When", SLICE("20261122101112.000000+060"));
    if (cim_class_property(cls, SLICE("Flag")) >= 0) cim_put_bool(in, "Flag", number & 1);
    return in;
}

struct put {
    struct fixture *f;
    const struct cim_class *cls;
    const char *name;
    uint32_t number;
    unsigned flags;
};

static cimf_status put(struct repo_txn *txn, void *arg, struct error *e)
{
    struct put *p = arg;
    struct arena a;
    arena_init(&a, 0);
    struct cim_instance *in = fixture_instance(&a, p->cls, p->name, p->number);
    cimf_status status = repo_put_instance(txn, NS, in, slice_str(p->name), p->flags, NULL, e);
    arena_free(&a);
    return status;
}

cimf_status fixture_put(struct fixture *f, const struct cim_class *cls, const char *name, uint32_t number,
                        unsigned flags)
{
    struct put p = { f, cls, name, number, flags };
    return repo_write_sync(f->repo, put, &p, NULL);
}

static cimf_status del(struct repo_txn *txn, void *arg, struct error *e)
{
    return repo_delete_instance(txn, NS, SLICE("T_Base"), slice_str(arg), e);
}

cimf_status fixture_delete(struct fixture *f, const char *name)
{
    return repo_write_sync(f->repo, del, (void *)(uintptr_t)name, NULL);
}

int64_t fixture_number(struct fixture *f, const char *name)
{
    struct repo_txn *txn;
    struct arena a;
    struct cim_instance *in = NULL;
    struct error e = ERROR_INIT;
    int64_t number = -1;
    arena_init(&a, 0);
    assert(repo_read_begin(f->repo, &txn, &e) == CIMF_OK);
    cimf_status status = repo_get_instance(txn, &a, NS, SLICE("T_Base"), slice_str(name), &f->classes, &in, &e);
    if (!status) {
        union cim_data v, text, list;
        assert(cim_get(in, 1, &v) && cim_get(in, 2, &text) && cim_get(in, 3, &list));
        number = (int64_t)v.u;
        assert(slice_eq(text.s, arena_printf(&a, "text %u", (unsigned)number)));
        assert(list.a.n == 3 && cim_array_get(CIM_SINT64, list.a, 2).i == number - 2);
    } else {
        assert(status == CIMF_NOT_FOUND);
    }
    repo_read_end(txn);
    arena_free(&a);
    return number;
}

cimf_status fixture_put_pair(struct repo_txn *txn, void *arg, struct error *e)
{
    struct fixture_pair *p = arg;
    struct arena a;
    arena_init(&a, 0);
    cimf_status status = CIMF_OK;
    for (int i = 0; i < 2 && !status; i++) {
        struct cim_instance *in = fixture_instance(&a, p->f->cls[FIXTURE_SUB], i ? "b" : "a", p->number);
        status = repo_put_instance(txn, NS, in, slice_str(i ? "b" : "a"), 0, NULL, e);
    }
    arena_free(&a);
    return status;
}

struct slice fixture_read(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    assert(fd >= 0 && fstat(fd, &st) == 0);
    char *p = malloc((size_t)st.st_size + 1);
    assert(p && read(fd, p, (size_t)st.st_size) == st.st_size);
    close(fd);
    return slice_of(p, (size_t)st.st_size);
}

void fixture_write(const char *path, struct slice bytes)
{
    /* Not O_TRUNC: file systems flush a file that was cut and written again. */
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert(fd >= 0 && write(fd, bytes.p, bytes.n) == (ssize_t)bytes.n && !ftruncate(fd, (off_t)bytes.n));
    close(fd);
}
