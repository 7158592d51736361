/*
 * mof/mof_fuzz.c - any bytes through the parser in both dialects, the compiler and the writer. What the
 * writer makes of a compiled unit must compile again, to the same text.
 */
#include <stdio.h>
#include <stdlib.h>

#include "mof/memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SYSTEM                                                                                     \
    "[abstract] class __SystemClass {};\n"                                                         \
    "class __Namespace : __SystemClass { [key : ToInstance ToSubclass] string Name; };\n"          \
    "class Base { [key] string k; sint32 n = 5; object o; Base ref r; string l[]; };\n"

static cimf_status include(void *arg, struct arena *a, struct slice from, struct slice path,
                           struct mof_source *out, struct error *e)
{
    static const char text[] = "class Included : Base {};\n#pragma include(\"b\")\n";
    if (path.n > 2) return error_set(e, CIMF_NOT_FOUND, "fuzz", "no such file");
    *out = (struct mof_source){ path, slice_of(text, path.n == 1 && *path.p == 'b' ? 26 : sizeof text - 1) };
    return CIMF_OK;
}

static void warn(void *arg, struct slice file, unsigned line, unsigned column, const char *text)
{
    if (!line || !column) abort();
}

static cimf_status compile(struct mof_memory *m, struct slice text, bool strict, struct error *e)
{
    struct arena a;
    struct mof_unit u;
    struct mof_source source = { SLICE("fuzz.mof"), text };
    struct mof_options o = { .strict = strict, .ns = SLICE("root"), .include = include,
                             .qualifier = mof_memory_qualifier, .warn = warn, .arg = m,
                             .max_bytes = 4 << 20 };
    arena_init(&a, (size_t)64 << 20);
    *e = ERROR_INIT;
    cimf_status st = mof_parse(&a, &source, &o, &u, e);
    /* Past a limit of memory there may be no place. */
    if (st && st != CIMF_OUT_OF_MEMORY && (!e->line || !e->column || !e->text[0])) abort();
    if (!st) st = mof_memory_apply(m, &a, &u, NULL, e);
    arena_free(&a);
    return st;
}

static bool dump(struct mof_memory *m, struct buf *out)
{
    const struct cim_schema *s = mof_memory_schema(m, SLICE("root"));
    const struct cim_qualifier_decl *q;
    const struct cim_class *c;
    bool ok = true;
    for (size_t i = 0; (q = cim_schema_qualifier_at(s, i)); i++) ok &= !mof_write_qualifier_decl(out, q);
    for (size_t at = 0; (c = cim_schema_walk(s, NULL, &at));) ok &= !mof_write_class(out, c, NULL);
    for (size_t i = 0; i < mof_memory_count(m); i++) {
        const struct cim_instance *in = mof_memory_instance(m, i);
        if (slice_ieq(in->ns, SLICE("root"))) ok &= !mof_write_instance(out, in, NULL);
    }
    return ok;
}

static struct mof_memory *world(struct slice text, bool strict, struct error *e, cimf_status *st)
{
    struct mof_memory *m = mof_memory_new(SLICE("root"));
    if (!m) abort();
    if (compile(m, SLICE(SYSTEM), false, e)) abort();
    *st = compile(m, text, strict, e);
    return m;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char empty[1];
    struct slice text = slice_of(size ? (const char *)data : empty, size);
    struct error e;
    cimf_status st;
    mof_memory_free(world(text, true, &e, &st));
    struct mof_memory *m = world(text, false, &e, &st);
    struct buf first, second;
    buf_init(&first, 8 << 20);
    buf_init(&second, 8 << 20);
    if (st == CIMF_OK && dump(m, &first)) {
        struct mof_memory *n = mof_memory_new(SLICE("root"));
        if (!n) abort();
        st = compile(n, buf_slice(&first), false, &e);
        if (st == CIMF_OK) {
            if (!dump(n, &second) || !slice_eq(buf_slice(&first), buf_slice(&second))) abort();
        } else if (st != CIMF_OUT_OF_MEMORY && st != CIMF_QUOTA_VIOLATION) {
            fprintf(stderr, "%u:%u: %s\n%.*s\n", e.line, e.column, error_text(&e), (int)first.n, first.p);
            abort();
        }
        mof_memory_free(n);
    }
    buf_free(&first);
    buf_free(&second);
    mof_memory_free(m);
    return 0;
}
