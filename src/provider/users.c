#include "provider/users.h"

#include <utmp.h>

#include "provider/source.h"
#include "provider/text.h"

static bool is_session(struct slice name)
{
    return slice_find(name, '.') == name.n; /* not "1.ref" */
}

static bool logind_session(struct arena *a, struct slice id, struct slice *text)
{
    struct slice class;
    return source_read(a, text, "/run/systemd/sessions/" SLICE_FMT, SLICE_ARG(id)) &&
           text_field(*text, "CLASS", '=', &class) && slice_starts(class, SLICE("user"));
}

static bool utmp_next(struct slice *records, struct utmp *entry)
{
    while (records->n >= sizeof *entry) {
        memcpy(entry, records->p, sizeof *entry);
        *records = slice_sub(*records, sizeof *entry);
        if (entry->ut_type == USER_PROCESS && entry->ut_user[0]) return true;
    }
    return false;
}

bool users_count(struct arena *a, uint32_t *count)
{
    struct slice records, text, *names;
    struct utmp entry;
    size_t n;
    *count = 0;
    if (source_read(a, &records, "/run/utmp")) {
        while (utmp_next(&records, &entry)) ++*count;
        return true;
    }
    if (!source_names(a, is_session, &names, &n, "/run/systemd/sessions")) return false;
    for (size_t i = 0; i < n; i++) *count += logind_session(a, names[i], &text);
    return true;
}

struct slice users_console(struct arena *a)
{
    struct slice records, text, *names, value, name;
    struct utmp entry;
    size_t n;
    if (source_names(a, is_session, &names, &n, "/run/systemd/sessions"))
        for (size_t i = 0; i < n; i++)
            if (logind_session(a, names[i], &text) && text_field(text, "SEAT", '=', &value) &&
                value.n && text_field(text, "USER", '=', &name) && name.n)
                return text_clean(a, name);
    if (source_read(a, &records, "/run/utmp"))
        while (utmp_next(&records, &entry)) {
            struct slice line =
                slice_of(entry.ut_line, strnlen(entry.ut_line, sizeof entry.ut_line));
            if (slice_starts(line, SLICE("tty")) || slice_starts(line, SLICE(":")))
                return text_clean(
                    a, slice_of(entry.ut_user, strnlen(entry.ut_user, sizeof entry.ut_user)));
        }
    return SLICE("");
}
