/*
 * provider/source.h - reading of kernel and system files (/proc, /sys, /etc, /run) with bounds,
 * below a root directory that tests can move to a fixture tree.
 *
 * Paths are printf formats and begin with '/'. What is absent, unreadable, or larger than
 * SOURCE_MAX is false: most of these files do not exist on some machine. Memory belongs to the
 * arena.
 */
#ifndef PROVIDER_SOURCE_H
#define PROVIDER_SOURCE_H

#include "base/arena.h"

#define SOURCE_MAX ((size_t)8 << 20)   /* bytes of one file */
#define SOURCE_NAMES ((size_t)1 << 20) /* names of one directory */
#define SOURCE_FORMAT(i) __attribute__((format(printf, i, i + 1)))

/* For tests, before any other thread runs: "" is the real root. The text must stay alive. */
void source_set_root(const char *dir);
/* False while a test's root is set: then only files count, not system calls. */
bool source_is_real(void);

/* Reads a file that never changes now, for when this process may no longer open it. Before any other thread runs. */
void source_keep(const char *path);

/* Writes the real path of the file; false when it does not fit. */
bool source_path(char *out, size_t room, const char *format, ...) SOURCE_FORMAT(3);
/* Whole content; NUL-terminated past its length. */
bool source_read(struct arena *a, struct slice *out, const char *format, ...) SOURCE_FORMAT(3);
/* Content trimmed and made clean text; false when nothing is left. */
bool source_text(struct arena *a, struct slice *out, const char *format, ...) SOURCE_FORMAT(3);
/* Decimal number at the front of the content; false for negative ones. */
bool source_u64(uint64_t *out, const char *format, ...) SOURCE_FORMAT(2);
/* What a symbolic link says. */
bool source_link(struct arena *a, struct slice *out, const char *format, ...) SOURCE_FORMAT(3);
bool source_exists(const char *format, ...) SOURCE_FORMAT(1);
/* Names of a directory for which want() holds (NULL: all but "." and ".."), in natural order. */
bool source_names(struct arena *a, bool (*want)(struct slice name), struct slice **names,
                  size_t *count, const char *format, ...) SOURCE_FORMAT(5);
/* How many names there are; nothing is kept. */
bool source_count(bool (*want)(struct slice name), uint64_t *count, const char *format, ...)
    SOURCE_FORMAT(3);
/* want(): decimal digits only, as the process folders of /proc. */
bool source_is_number(struct slice name);

#endif
