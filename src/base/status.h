/* base/status.h - the status type and the error record that travels with a failed operation. */
#ifndef BASE_STATUS_H
#define BASE_STATUS_H

#include <cimfony/status.h>

#include "base/slice.h"

/* Plain data, copied freely; text is always NUL-terminated. A function that takes `struct error *`
 * accepts NULL and fills it only when it fails. */
struct error {
    cimf_status status;
    uint32_t native;        /* errno, Win32 or protocol code that caused it; 0 if none */
    const char *room;       /* static: "mof", "repo", "provider:Win32_Process" */
    unsigned line, column;  /* 1-based place in a text; 0 if none */
    char subject[192];      /* the class, path, file or parameter it is about; "" if none */
    char text[320];         /* what went wrong, for people; "" means the row's sentence */
};

#define ERROR_INIT ((struct error){ .status = CIMF_OK })

/* Fills *e (if not NULL) and returns status, so that `return error_set(...)` reads well. */
cimf_status error_set(struct error *e, cimf_status status, const char *room, const char *format,
                      ...) __attribute__((format(printf, 4, 5)));
/* Same with errno's text appended and errno kept in native. */
cimf_status error_errno(struct error *e, cimf_status status, const char *room, int number,
                        const char *format, ...) __attribute__((format(printf, 5, 6)));
/* Names the object; keeps the first 191 bytes, cut between characters. e may be NULL here too. */
void error_subject(struct error *e, struct slice subject);
void error_place(struct error *e, unsigned line, unsigned column);
/* The text, or the sentence of the status row when there is none. */
const char *error_text(const struct error *e);

#endif
