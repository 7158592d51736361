/*
 * base/ini.h - configuration files: [section], "key = value" or "key: value", comments behind ; or # at the beginning of
 * a line and behind a ; with white space before it. A line that begins with white space goes on with the value above.
 * Lines are as long as they are: nothing is cut.
 */
#ifndef BASE_INI_H
#define BASE_INI_H

#include "base/status.h"
#include "base/slice.h"

/* Trimmed. Of a continuation, section and key are those of the value that goes on. */
struct ini_line {
    struct slice section, key, value;
    bool more;       /* a continuation */
    unsigned number; /* from 1 */
};
typedef cimf_status ini_line_fn(void *arg, const struct ini_line *line, struct error *e);

/* In order, until fn or the text fails: then e says "path:line: why" and has the place. CIMF_INVALID_PARAMETER for a line
 * that is none of the above or has a NUL; else fn's status. A byte order mark is skipped. */
cimf_status ini_read(struct slice text, const char *path, ini_line_fn *fn, void *arg, struct error *e);

#endif
