#include "provider/source.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "provider/text.h"

static const char *root = "";

enum { KEPT = 16 };
static struct kept {
    char path[128];
    struct slice bytes;
} kept[KEPT];
static unsigned kept_count;

void source_set_root(const char *dir)
{
    root = dir;
}

bool source_is_real(void)
{
    return root[0] == 0;
}

static bool path_of(char *out, size_t room, const char *format, va_list args)
{
    int n = snprintf(out, room, "%s", root);
    if (n < 0 || (size_t)n >= room) return false;
    int m = vsnprintf(out + n, room - (size_t)n, format, args);
    return m >= 0 && (size_t)m < room - (size_t)n;
}

#define PATH_FROM(path, format)                                                                    \
    char path[PATH_MAX];                                                                           \
    va_list args_;                                                                                 \
    va_start(args_, format);                                                                       \
    bool fits_ = path_of(path, sizeof path, format, args_);                                        \
    va_end(args_);                                                                                 \
    if (!fits_) return false

bool source_path(char *out, size_t room, const char *format, ...)
{
    PATH_FROM(path, format);
    size_t n = strlen(path);
    if (n >= room) return false;
    memcpy(out, path, n + 1);
    return true;
}

static bool read_kept(struct arena *a, struct slice *out, const char *path)
{
    for (unsigned i = 0; i < kept_count; i++) {
        if (strcmp(kept[i].path, path) != 0) continue;
        *out = arena_dup(a, kept[i].bytes);
        return out->p != NULL;
    }
    return false;
}

/* The first bytes go to the stack: nearly all files of /proc and /sys are short. */
static bool read_path(struct arena *a, struct slice *out, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) return errno == EACCES && read_kept(a, out, path);
    char first[4096];
    struct buf more;
    buf_init(&more, SOURCE_MAX);
    size_t n = 0;
    bool ok = true;
    for (;;) {
        char *to = n < sizeof first && more.n == 0 ? first + n : buf_reserve(&more, 65536);
        if (!to) {
            ok = false;
            break;
        }
        ssize_t got = read(fd, to, to == first + n ? sizeof first - n : 65536);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) ok = false;
        if (got <= 0) break;
        if (to == first + n)
            n += (size_t)got;
        else
            buf_added(&more, (size_t)got);
    }
    close(fd);
    char *copy = ok ? arena_alloc(a, n + more.n + 1) : NULL;
    if (copy) {
        memcpy(copy, first, n);
        if (more.n) memcpy(copy + n, more.p, more.n);
        copy[n + more.n] = 0;
        *out = slice_of(copy, n + more.n);
    }
    buf_free(&more);
    return copy != NULL;
}

bool source_read(struct arena *a, struct slice *out, const char *format, ...)
{
    PATH_FROM(path, format);
    return read_path(a, out, path);
}

void source_keep(const char *path)
{
    struct arena a;
    struct slice bytes;
    struct kept *k = &kept[kept_count];
    arena_init(&a, 0);
    if (kept_count < KEPT && source_path(k->path, sizeof k->path, "%s", path) && read_path(&a, &bytes, k->path) && bytes.n) {
        char *copy = malloc(bytes.n);
        if (copy) {
            memcpy(copy, bytes.p, bytes.n);
            k->bytes = slice_of(copy, bytes.n);
            kept_count++;
        }
    }
    arena_free(&a);
}

bool source_text(struct arena *a, struct slice *out, const char *format, ...)
{
    PATH_FROM(path, format);
    struct slice raw;
    if (!read_path(a, &raw, path)) return false;
    *out = text_clean(a, raw);
    return out->n > 0;
}

bool source_u64(uint64_t *out, const char *format, ...)
{
    PATH_FROM(path, format);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) return false;
    char text[64];
    ssize_t n = read(fd, text, sizeof text);
    close(fd);
    return n > 0 && text_leading_u64(slice_of(text, (size_t)n), out);
}

bool source_link(struct arena *a, struct slice *out, const char *format, ...)
{
    PATH_FROM(path, format);
    char target[PATH_MAX];
    ssize_t n = readlink(path, target, sizeof target);
    if (n <= 0 || (size_t)n == sizeof target) return false;
    *out = arena_dup(a, slice_of(target, (size_t)n));
    return out->p != NULL;
}

bool source_exists(const char *format, ...)
{
    PATH_FROM(path, format);
    struct stat st;
    return stat(path, &st) == 0;
}

static int by_name(const void *x, const void *y)
{
    return text_natural(*(const struct slice *)x, *(const struct slice *)y);
}

bool source_names(struct arena *a, bool (*want)(struct slice name), struct slice **names,
                  size_t *count, const char *format, ...)
{
    PATH_FROM(path, format);
    DIR *dir = opendir(path);
    if (!dir) return false;
    size_t n = 0, room = 0;
    struct slice *list = NULL;
    bool ok = true;
    for (struct dirent *e; ok && n < SOURCE_NAMES && (e = readdir(dir));) {
        struct slice name = slice_str(e->d_name);
        if (slice_is(name, ".") || slice_is(name, "..") || (want && !want(name))) continue;
        if (n == room) {
            room = room ? room * 2 : 64;
            struct slice *bigger = ARENA_ARRAY(a, room, struct slice);
            if (bigger && n) memcpy(bigger, list, n * sizeof *list);
            list = bigger;
        }
        ok = list && (list[n++] = arena_dup(a, name)).p;
    }
    closedir(dir);
    if (!ok) return false;
    if (n) qsort(list, n, sizeof *list, by_name);
    *names = list;
    *count = n;
    return true;
}

bool source_count(bool (*want)(struct slice name), uint64_t *count, const char *format, ...)
{
    PATH_FROM(path, format);
    DIR *dir = opendir(path);
    if (!dir) return false;
    *count = 0;
    for (struct dirent *e; (e = readdir(dir));) {
        struct slice name = slice_str(e->d_name);
        if (slice_is(name, ".") || slice_is(name, "..")) continue;
        *count += !want || want(name);
    }
    closedir(dir);
    return true;
}

bool source_is_number(struct slice name)
{
    for (size_t i = 0; i < name.n; i++)
        if (name.p[i] < '0' || name.p[i] > '9') return false;
    return name.n > 0;
}
