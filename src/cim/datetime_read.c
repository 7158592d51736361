/* The other ways in which people and XML clients write times. */
#include "base/clock.h"
#include "cim/datetime.h"

#define MINUTE 60000000LL
#define INTERVAL_MAX 8639999999999999999LL /* 99999999235959.999999:000; write would cut what is longer */

struct reader {
    const char *p, *end;
};

static bool take(struct reader *r, char c)
{
    if (r->p == r->end || *r->p != c) return false;
    r->p++;
    return true;
}

/* Between min and max digits; -1 if there are fewer. */
static int number(struct reader *r, int min, int max)
{
    int v = 0, n = 0;
    while (n < max && r->p < r->end && *r->p >= '0' && *r->p <= '9') {
        v = v * 10 + (*r->p++ - '0');
        n++;
    }
    return n < min ? -1 : v;
}

/* yyyy-mm-dd, yyyy/mm/dd or the American mm/dd/yyyy. */
static bool read_date(struct reader *r, struct civil *c)
{
    const char *from = r->p;
    int first = number(r, 1, 4);
    bool whole = r->p - from == 4;
    bool slash = r->p < r->end && *r->p == '/';
    if (first < 0 || !(take(r, '-') || take(r, '/'))) return false;
    int second = number(r, 1, 2);
    if (second < 0 || !take(r, slash ? '/' : '-')) return false;
    int third = number(r, 1, 4);
    if (third < 0) return false;
    bool american = slash && first <= 12 && third > 31;
    c->year = american ? third : first;
    c->month = american ? first : second;
    c->day = american ? second : third;
    return (c->year >= 100 || (whole && !american)) && civil_valid(c); /* two-digit years could mean anything */
}

/* Digits after '.', ',' or (as WQL texts have milliseconds) ':'. Finer than a microsecond is dropped. */
static bool read_fraction(struct reader *r, int *micro)
{
    int scale = 100000, n = 0;
    *micro = 0;
    for (; r->p < r->end && *r->p >= '0' && *r->p <= '9'; r->p++, n++) {
        *micro += (*r->p - '0') * scale;
        scale /= 10;
    }
    return n > 0;
}

static bool read_half_day(struct reader *r, struct civil *c)
{
    struct slice rest = slice_of(r->p, (size_t)(r->end - r->p));
    bool pm = slice_istarts(rest, SLICE("PM"));
    if (!pm && !slice_istarts(rest, SLICE("AM"))) return true;
    if (c->hour < 1 || c->hour > 12) return false;
    c->hour = c->hour % 12 + (pm ? 12 : 0);
    r->p += 2;
    return true;
}

/* HH:MM[:SS[.fraction|:mmm]] [AM|PM]. *midnight: 24:00:00, the end of the day. */
static bool read_time(struct reader *r, struct civil *c, bool *midnight)
{
    c->hour = number(r, 1, 2);
    if (c->hour < 0 || !take(r, ':')) return false;
    c->minute = number(r, 2, 2);
    if (c->minute < 0) return false;
    if (take(r, ':')) {
        c->second = number(r, 2, 2);
        if (c->second < 0) return false;
        if ((take(r, '.') || take(r, ',') || take(r, ':')) && !read_fraction(r, &c->micro)) {
            return false;
        }
    }
    while (take(r, ' ')) continue;
    if (!read_half_day(r, c)) return false;
    *midnight = c->hour == 24 && !c->minute && !c->second && !c->micro;
    if (*midnight) c->hour = 0;
    return true;
}

/* Z, +HH:MM, +HHMM or nothing. */
static bool read_zone(struct reader *r, bool *zoned, int *offset)
{
    *zoned = false;
    while (take(r, ' ')) continue;
    if (r->p == r->end) return true;
    *zoned = true;
    *offset = 0;
    if (take(r, 'Z') || take(r, 'z')) return r->p == r->end;
    bool minus = take(r, '-');
    if (!minus && !take(r, '+')) return false;
    int hour = number(r, 2, 2);
    take(r, ':');
    int minute = number(r, 2, 2);
    if (hour < 0 || hour > 14 || minute < 0 || minute > 59) return false;
    *offset = (minus ? -1 : 1) * (hour * 60 + minute);
    return r->p == r->end;
}

static int offset_of_local(int64_t local_us)
{
    int offset = clock_local_offset(local_us);
    return clock_local_offset(local_us - offset * MINUTE); /* the first guess may cross a change */
}

static bool read_timestamp(struct slice s, struct cim_datetime *d)
{
    struct reader r = { s.p, s.p + s.n };
    struct civil c = { 0 };
    bool midnight = false;
    if (!read_date(&r, &c)) return false;
    if (take(&r, 'T') || take(&r, 't') || take(&r, ' ')) {
        while (take(&r, ' ')) continue;
        if (!read_time(&r, &c, &midnight) || !civil_valid(&c)) return false;
    }
    bool zoned;
    int offset;
    if (!read_zone(&r, &zoned, &offset)) return false;
    int64_t local = civil_to_us(&c) + (midnight ? 24 * 60 * MINUTE : 0);
    if (!zoned) offset = offset_of_local(local);
    *d = (struct cim_datetime){ .zoned = true, .offset = offset, .us = local - offset * MINUTE };
    return true;
}

bool cim_datetime_read(struct slice text, char out[CIM_DATETIME_LENGTH + 1])
{
    struct cim_datetime d;
    struct slice s = slice_trim(text);
    if (cim_datetime_parse(s, &d)) {
        memcpy(out, s.p, CIM_DATETIME_LENGTH); /* as written: the zone and the stars stay */
        out[CIM_DATETIME_LENGTH] = 0;
        return true;
    }
    if (s.n && s.p[0] == 'P') {
        bool negative, months;
        d = (struct cim_datetime){ .interval = true };
        if (!duration_parse(s, &d.us, &negative, &months) || negative || d.us > INTERVAL_MAX) return false;
    } else if (!read_timestamp(s, &d)) {
        return false;
    }
    cim_datetime_write(&d, out);
    return true;
}
