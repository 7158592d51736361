/* mof/test_disk.h - files for tests and the benchmark: whole-file reads and an include callback. */
#ifndef MOF_TEST_DISK_H
#define MOF_TEST_DISK_H

#include <stdio.h>
#include <stdlib.h>

#include "mof/mof.h"

static inline bool disk_read(struct arena *a, const char *path, struct slice *out)
{
    FILE *f = fopen(path, "rb");
    if (!f) return false;
    bool ok = fseek(f, 0, SEEK_END) == 0;
    long size = ok ? ftell(f) : -1;
    char *text = size >= 0 ? arena_alloc(a, (size_t)size + 1) : NULL;
    ok = text && fseek(f, 0, SEEK_SET) == 0 && fread(text, 1, (size_t)size, f) == (size_t)size;
    fclose(f);
    if (ok) *out = slice_of(text, (size_t)size);
    return ok;
}

static inline bool disk_source(struct arena *a, const char *path, struct mof_source *out)
{
    out->name = arena_dup(a, slice_str(path));
    return disk_read(a, path, &out->text);
}

/* Relative to the including file. */
static inline cimf_status disk_include(void *arg, struct arena *a, struct slice from, struct slice path,
                                       struct mof_source *out, struct error *e)
{
    size_t folder = from.n;
    while (folder && from.p[folder - 1] != '/') folder--;
    struct slice full = arena_printf(a, SLICE_FMT SLICE_FMT, (int)folder, from.p, SLICE_ARG(path));
    if (!full.p || !disk_source(a, full.p, out))
        return error_set(e, CIMF_NOT_FOUND, "test", "the file cannot be read");
    return CIMF_OK;
}

#endif
