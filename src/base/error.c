/* The error record of base/status.h. */
#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>

/* Copies what fits and never ends inside a UTF-8 sequence. */
static void copy_text(char *to, size_t room, const char *from, size_t n)
{
    if (n >= room) {
        n = room - 1;
        while (n && ((unsigned char)from[n] & 0xC0) == 0x80) n--;
    }
    memcpy(to, from, n);
    to[n] = 0;
}

static cimf_status fill(struct error *e, cimf_status status, const char *room, uint32_t native,
                        const char *text)
{
    *e = (struct error){ .status = status, .room = room, .native = native };
    copy_text(e->text, sizeof e->text, text, strlen(text));
    return status;
}

cimf_status error_set(struct error *e, cimf_status status, const char *room, const char *format,
                      ...)
{
    if (!e) return status;
    char text[sizeof e->text + 8]; /* apart: the arguments may come from *e */
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return fill(e, status, room, 0, text);
}

cimf_status error_errno(struct error *e, cimf_status status, const char *room, int number,
                        const char *format, ...)
{
    if (!e) return status;
    char text[sizeof e->text + 8], reason[128];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    const char *why = strerror_r(number, reason, sizeof reason); /* the GNU one */
    if (n >= 0 && (size_t)n < sizeof text) snprintf(text + n, sizeof text - (size_t)n, ": %s", why);
    return fill(e, status, room, (uint32_t)number, text);
}

void error_subject(struct error *e, struct slice subject)
{
    if (e) copy_text(e->subject, sizeof e->subject, subject.p ? subject.p : "", subject.n);
}

void error_place(struct error *e, unsigned line, unsigned column)
{
    if (!e) return;
    e->line = line;
    e->column = column;
}

const char *error_text(const struct error *e)
{
    return e->text[0] ? e->text : cimf_status_info(e->status)->text;
}
