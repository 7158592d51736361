#include "daemon/bundle.h"

#include <stdio.h>

#include "os/file.h"

/* The name under which `path`, included by `from`, is looked up: relative to the folder of `from`. */
static struct slice name_of(struct arena *a, struct slice from, struct slice path)
{
    char *copy = arena_strz(a, path);
    if (!copy) return SLICE_NULL;
    for (char *c = copy; *c; c++)
        if (*c == '\\') *c = '/'; /* Windows files name others so */
    if (copy[0] == '/') return slice_str(copy);
    size_t folder = from.n;
    while (folder && from.p[folder - 1] != '/') folder--;
    return arena_printf(a, "%.*s%s", (int)folder, from.p ? from.p : "", copy);
}

static const struct mof_source *find(const struct bundle *b, struct slice name)
{
    for (size_t i = 0; i < b->count; i++)
        if (slice_eq(b->files[i].name, name)) return &b->files[i];
    return NULL;
}

cimf_status bundle_include(void *arg, struct arena *a, struct slice from, struct slice path, struct mof_source *out,
                           struct error *e)
{
    const struct bundle_scope *scope = arg;
    struct slice name = name_of(a, from, path);
    const struct mof_source *file = name.p ? find(scope->bundle, name) : NULL;
    if (!file)
        return error_set(e, CIMF_NOT_FOUND, "mof", "the included file '" SLICE_FMT "' was not sent", SLICE_ARG(slice_head(path, 200)));
    *out = *file;
    return CIMF_OK;
}

static cimf_status add(struct arena *a, struct bundle *b, struct slice name, struct mof_source *out, struct error *e)
{
    if (b->count == BUNDLE_FILES)
        return error_set(e, CIMF_QUOTA_VIOLATION, "mof", "more than %d files are included", BUNDLE_FILES);
    if (b->count == b->room) {
        size_t more = b->room ? b->room * 2 : 16;
        struct mof_source *grown = ARENA_ARRAY(a, more, struct mof_source);
        if (!grown) return error_set(e, CIMF_OUT_OF_MEMORY, "mof", "too many included files");
        if (b->count) memcpy(grown, b->files, b->count * sizeof *grown);
        b->files = grown;
        b->room = more;
    }
    struct mof_source file = { .name = name };
    cimf_status s = file_read(a, name.p, LIMIT_MOF_FILE, &file.text, e);
    if (s != CIMF_OK) return s;
    b->files[b->count++] = *out = file;
    return CIMF_OK;
}

struct reading {
    struct bundle *bundle;
    struct arena *arena; /* of the caller: the parser's own is thrown away */
};

static cimf_status include_from_disk(void *arg, struct arena *a, struct slice from, struct slice path,
                                     struct mof_source *out, struct error *e)
{
    struct reading *r = arg;
    (void)a;
    struct slice name = name_of(r->arena, from, path);
    if (!name.p) return error_set(e, CIMF_OUT_OF_MEMORY, "mof", "the name of an included file is too long");
    const struct mof_source *known = find(r->bundle, name);
    if (known) {
        *out = *known;
        return CIMF_OK;
    }
    return add(r->arena, r->bundle, name, out, e);
}

static void warn(void *arg, struct slice file, unsigned line, unsigned column, const char *text)
{
    fprintf(stderr, SLICE_FMT ":%u:%u: warning: %s\n", SLICE_ARG(file), line, column, text);
}

cimf_status bundle_read(struct arena *a, const char *path, struct slice ns, struct bundle *out, struct error *e)
{
    *out = (struct bundle){ 0 };
    struct reading r = { .bundle = out, .arena = a };
    struct mof_source first;
    cimf_status s = add(a, out, arena_dup(a, slice_str(path)), &first, e);
    if (s != CIMF_OK) return s;
    struct arena scratch;
    struct mof_unit unit;
    arena_init(&scratch, (size_t)2 << 30);
    struct mof_options options = { .ns = ns, .include = include_from_disk, .warn = warn, .arg = &r };
    s = mof_parse(&scratch, &first, &options, &unit, e);
    arena_free(&scratch);
    return s;
}
