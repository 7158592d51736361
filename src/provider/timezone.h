/* provider/timezone.h - the rule at the end of a zoneinfo file (tzfile(5), POSIX TZ). */
#ifndef PROVIDER_TIMEZONE_H
#define PROVIDER_TIMEZONE_H

#include "base/arena.h"

/* When a clock is changed: month 0 = the rule is of a form that Windows cannot say. */
struct timezone_change {
    unsigned month, week, weekday; /* week 5 = the last; weekday 0 = Sunday */
    int seconds;                   /* after midnight, local time before the change */
};

struct timezone_rule {
    struct slice standard, daylight; /* "CET", "CEST"; daylight n == 0: no summer time */
    int offset_s, daylight_offset_s; /* east of UTC */
    struct timezone_change start, end;
};

/* "CET-1CEST,M3.5.0,M10.5.0/3" */
bool timezone_parse(struct slice text, struct timezone_rule *out);
/* The rule of a zoneinfo file's bytes: its last line. */
bool timezone_footer(struct slice file, struct slice *text);

#endif
