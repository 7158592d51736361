/*
 * mof/corpus_test.c SOURCE_ROOT DMTF_FOLDER - schemas that others wrote: compile, write, compile again,
 * compare.
 */
#include <dirent.h>

#include "mof/test_disk.h"
#include "mof/test_unit.h"

static const char *source_root, *dmtf_folder;

/* The sample that builds on "cim_schema_2.26.0.mof" gets the version that is here. */
static cimf_status include(void *arg, struct arena *a, struct slice from, struct slice path,
                           struct mof_source *out, struct error *e)
{
    if (slice_istarts(path, SLICE("cim_schema_"))) {
        struct slice full = arena_printf(a, "%s/cim_schema_2.49.0.mof", dmtf_folder);
        if (full.p && disk_source(a, full.p, out)) return CIMF_OK;
    }
    if (slice_is(path, "MSFT_Qualifiers.mof")) path = SLICE("ManagementInfrastructure-cpp-MSFT_Qualifiers.mof");
    return disk_include(arg, a, from, path, out, e);
}

static void compile_file(struct bench *b, struct mof_memory *m, const char *ns, const char *path)
{
    struct mof_source source;
    struct mof_options o = { .ns = slice_str(ns), .include = include, .qualifier = mof_memory_qualifier,
                             .arg = m };
    b->e = ERROR_INIT;
    if (!disk_source(&b->a, path, &source)) fail_msg("cannot read %s", path);
    bench_ok(b, mof_parse(&b->a, &source, &o, &b->u, &b->e));
    bench_ok(b, mof_memory_apply(m, &b->a, &b->u, &b->counts, &b->e));
}

static void bench_large(struct bench *b)
{
    memset(b, 0, sizeof *b);
    arena_init(&b->a, (size_t)1 << 30);
}

static void write_space(struct mof_memory *m, const char *ns, bool system, struct buf *out)
{
    const struct cim_schema *s = mof_memory_schema(m, slice_str(ns));
    const struct cim_qualifier_decl *q;
    const struct cim_class *c;
    assert_int_equal(mof_write_namespace(out, slice_str(ns)), CIMF_OK);
    for (size_t i = 0; (q = cim_schema_qualifier_at(s, i)); i++)
        assert_int_equal(mof_write_qualifier_decl(out, q), CIMF_OK);
    for (size_t at = 0; (c = cim_schema_walk(s, NULL, &at));) {
        if (!(c->flags & CIM_CLASS_SYSTEM) || system)
            assert_int_equal(mof_write_class(out, c, NULL), CIMF_OK);
    }
}

static void same_classes(struct mof_memory *m, struct mof_memory *n, const char *ns)
{
    const struct cim_schema *s = mof_memory_schema(m, slice_str(ns)), *t = mof_memory_schema(n, slice_str(ns));
    const struct cim_class *c;
    assert_int_equal(cim_schema_count(s), cim_schema_count(t));
    for (size_t at = 0; (c = cim_schema_walk(s, NULL, &at));) {
        const struct cim_class *d = cim_schema_class(t, c->name);
        if (!d || !cim_class_decl_equal(&c->decl, &d->decl))
            fail_msg("%s: " SLICE_FMT " differs", ns, SLICE_ARG(c->name));
    }
}

/* covers: cim-core:F1 cim-core:F5 */
static void dmtf_schema(void **state)
{
    struct bench b, again;
    struct buf text;
    char path[4096];
    struct mof_options o = { .ns = SLICE("root/dmtf") };
    bench_large(&b);
    bench_large(&again);
    buf_init(&text, (size_t)256 << 20);
    struct mof_memory *m = mof_memory_new(SLICE("root/dmtf")), *n = mof_memory_new(SLICE("root/dmtf"));
    snprintf(path, sizeof path, "%s/cim_schema_2.49.0.mof", dmtf_folder);
    compile_file(&b, m, "root/dmtf", path);
    assert_int_equal(b.counts.classes, 1631);
    assert_int_equal(b.counts.qualifiers, 70);
    assert_slice(b.u.locale, "en_US");
    const struct cim_schema *s = mof_memory_schema(m, SLICE("root/dmtf"));
    const struct cim_class *c = cim_schema_class(s, SLICE("cim_computersystem"));
    assert_true(cim_class_isa(c, SLICE("CIM_ManagedElement")));
    assert_int_equal(c->key_count, 2);
    assert_true(cim_schema_class(s, SLICE("CIM_SystemDevice"))->flags & CIM_CLASS_ASSOCIATION);
    write_space(m, "root/dmtf", true, &text);
    bench_ok(&again, bench_compile(&again, n, buf_strz(&text), &o));
    same_classes(m, n, "root/dmtf");
    mof_memory_free(m);
    mof_memory_free(n);
    buf_free(&text);
    bench_close(&again);
    bench_close(&b);
}

static void compile_own(struct bench *b, struct mof_memory *m, const char *ns, const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/schema/%s", source_root, name);
    compile_file(b, m, ns, path);
}

/* Namespaces as a fresh system has them, from the schema of this project. */
static struct mof_memory *windows_world(struct bench *b)
{
    struct mof_memory *m = mof_memory_new(SLICE("root"));
    struct mof_options o = { .ns = SLICE("root") };
    compile_own(b, m, "root", "system.mof");
    bench_ok(b, bench_compile(b, m, "instance of __Namespace { Name = \"default\"; };"
                                    "instance of __Namespace { Name = \"cimv2\"; };", &o));
    compile_own(b, m, "root", "root.mof");
    compile_own(b, m, "root/default", "default.mof");
    compile_own(b, m, "root/cimv2", "cimv2.mof");
    compile_own(b, m, "root/cimv2", "win32.mof");
    /* A base of one sample that the schema has no use for yet. */
    o.ns = SLICE("root/cimv2");
    if (!cim_schema_class(mof_memory_schema(m, o.ns), SLICE("Win32_PerfRawData")))
        bench_ok(b, bench_compile(b, m, "class Win32_PerfRawData { string Caption; };", &o));
    return m;
}

static void sample(const char *path)
{
    struct bench b;
    bench_large(&b);
    struct mof_memory *m = windows_world(&b), *n = windows_world(&b);
    compile_file(&b, m, "root/default", path);
    /* What it put, written and compiled in a second world. */
    struct buf text;
    char seen[8][128];
    unsigned spaces = 0;
    buf_init(&text, 0);
    struct mof_unit u = b.u;
    for (size_t i = 0; i < mof_memory_count(m); i++) {
        const struct cim_instance *in = mof_memory_instance(m, i);
        assert_int_equal(mof_write_namespace(&text, in->ns), CIMF_OK);
        if (slice_ieq(in->cls->name, SLICE("__Namespace")))
            assert_int_equal(mof_write_instance(&text, in, NULL), CIMF_OK);
    }
    for (uint32_t i = 0; i < u.count; i++) {
        struct slice ns = u.productions[i].ns;
        unsigned k = 0;
        while (k < spaces && !slice_ieq(ns, slice_str(seen[k]))) k++;
        if (k < spaces || ns.n >= sizeof seen[0]) continue;
        assert_true(spaces < 8);
        snprintf(seen[spaces++], sizeof seen[0], SLICE_FMT, SLICE_ARG(ns));
        write_space(m, seen[k], false, &text);
    }
    for (size_t i = 0; i < mof_memory_count(m); i++) {
        const struct cim_instance *in = mof_memory_instance(m, i);
        assert_int_equal(mof_write_namespace(&text, in->ns), CIMF_OK);
        assert_int_equal(mof_write_instance(&text, in, NULL), CIMF_OK);
    }
    bench_ok(&b, bench_compile(&b, n, buf_strz(&text), NULL));
    for (unsigned k = 0; k < spaces; k++) same_classes(m, n, seen[k]);
    assert_int_equal(mof_memory_count(m), mof_memory_count(n));
    mof_memory_free(m);
    mof_memory_free(n);
    buf_free(&text);
    bench_close(&b);
}

/* covers: cim-core:F2 cim-core:F3 cim-core:F5 */
static void windows_samples(void **state)
{
    char folder[4096], path[8192];
    snprintf(folder, sizeof folder, "%s/tests/data/windows-samples", source_root);
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    unsigned n = 0;
    for (struct dirent *entry; (entry = readdir(dir));) {
        struct slice name = slice_str(entry->d_name);
        if (name.n < 4 || !slice_ieq(slice_sub(name, name.n - 4), SLICE(".mof"))) continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        sample(path);
        n++;
    }
    closedir(dir);
    assert_int_equal(n, 20);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(dmtf_schema), cmocka_unit_test(windows_samples) };
    if (argc < 3) {
        fprintf(stderr, "usage: corpus_test SOURCE_ROOT DMTF_FOLDER\n");
        return 2;
    }
    source_root = argv[1];
    dmtf_folder = argv[2];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
