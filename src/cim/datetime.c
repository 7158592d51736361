/* The 25-character form: yyyymmddHHMMSS.mmmmmmsUUU and ddddddddHHMMSS.mmmmmm:000. */
#include "cim/datetime.h"

#include <stdio.h>

#include "base/clock.h"

#define SECOND 1000000LL
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

/* A field of digits; a whole field of stars gives -1; anything else -2. */
static int64_t field(struct slice s, size_t at, size_t n)
{
    int64_t v = 0;
    size_t stars = 0;
    for (size_t i = at; i < at + n; i++) {
        char c = s.p[i];
        if (c == '*') {
            stars++;
        } else if (c >= '0' && c <= '9') {
            v = v * 10 + (c - '0');
        } else {
            return -2;
        }
    }
    if (stars == n) return -1;
    return stars ? -2 : v;
}

static bool parse_interval(struct slice s, struct cim_datetime *out)
{
    int64_t day = field(s, 0, 8), hour = field(s, 8, 2), minute = field(s, 10, 2);
    int64_t second = field(s, 12, 2), micro = field(s, 15, 6);
    if (day < 0 || hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 ||
        second > 59 || micro < 0 || field(s, 22, 3) != 0) {
        return false;
    }
    *out = (struct cim_datetime){
        .interval = true,
        .us = day * DAY + hour * HOUR + minute * MINUTE + second * SECOND + micro,
    };
    return true;
}

bool cim_datetime_parse(struct slice s, struct cim_datetime *out)
{
    *out = (struct cim_datetime){ 0 };
    if (s.n != CIM_DATETIME_LENGTH || s.p[14] != '.') return false;
    if (s.p[21] == ':') return parse_interval(s, out);
    if (s.p[21] != '+' && s.p[21] != '-') return false;
    static const uint8_t at[] = { 0, 4, 6, 8, 10, 12, 15, 22 };
    static const uint8_t length[] = { 4, 2, 2, 2, 2, 2, 6, 3 };
    /* Stand-ins for starred fields, so that the others can be checked. */
    static const uint16_t stand_in[] = { 2000, 1, 1, 0, 0, 0, 0, 0 };
    int v[8];
    bool wild = false, zoned = true;
    for (unsigned i = 0; i < 8; i++) {
        int64_t x = field(s, at[i], length[i]);
        if (x < -1) return false;
        if (x < 0) {
            if (i == 7) zoned = false;
            else wild = true;
            x = stand_in[i];
        }
        v[i] = (int)x;
    }
    struct civil c = { v[0], v[1], v[2], v[3], v[4], v[5], v[6] };
    if (!civil_valid(&c)) return false;
    out->offset = s.p[21] == '-' ? -v[7] : v[7];
    out->zoned = zoned;
    out->wild = wild;
    if (!wild) out->us = civil_to_us(&c) - out->offset * MINUTE;
    return true;
}

static void write_interval(int64_t us, char out[CIM_DATETIME_LENGTH + 1])
{
    const int64_t most = 100000000 * DAY - 1;
    if (us < 0) us = 0;
    if (us > most) us = most;
    snprintf(out, CIM_DATETIME_LENGTH + 1, "%08u%02u%02u%02u.%06u:000",
             (unsigned)(us / DAY % 100000000), (unsigned)(us / HOUR % 24),
             (unsigned)(us / MINUTE % 60), (unsigned)(us / SECOND % 60), (unsigned)(us % SECOND));
}

void cim_datetime_write(const struct cim_datetime *d, char out[CIM_DATETIME_LENGTH + 1])
{
    if (d->interval) {
        write_interval(d->us, out);
        return;
    }
    if (d->wild) {
        memcpy(out, "**************.******+***", CIM_DATETIME_LENGTH + 1);
        return;
    }
    int offset = d->offset < -999 ? -999 : d->offset > 999 ? 999 : d->offset;
    static const struct civil first = { 0, 1, 1, 0, 0, 0, 0 };
    static const struct civil last = { 9999, 12, 31, 23, 59, 59, 999999 };
    int64_t min = civil_to_us(&first), max = civil_to_us(&last), local;
    if (__builtin_add_overflow(d->us, offset * MINUTE, &local)) local = d->us < 0 ? min : max;
    if (local < min) local = min;
    if (local > max) local = max;
    struct civil c;
    civil_from_us(local, &c);
    char zone[5] = "+***";
    if (d->zoned) {
        unsigned z = (unsigned)(offset < 0 ? -offset : offset) % 1000;
        snprintf(zone, sizeof zone, "%c%03u", offset < 0 ? '-' : '+', z);
    }
    snprintf(out, CIM_DATETIME_LENGTH + 1, "%04u%02u%02u%02u%02u%02u.%06u%s",
             (unsigned)c.year % 10000, (unsigned)c.month % 100, (unsigned)c.day % 100,
             (unsigned)c.hour % 100, (unsigned)c.minute % 100, (unsigned)c.second % 100,
             (unsigned)c.micro % 1000000, zone);
}

int cim_datetime_compare(struct slice a, struct slice b, bool *defined)
{
    struct cim_datetime x, y;
    bool known = cim_datetime_parse(a, &x) && cim_datetime_parse(b, &y);
    if (!known || x.wild || y.wild) {
        *defined = slice_eq(a, b);
        return 0;
    }
    *defined = x.interval == y.interval && (x.interval || x.zoned == y.zoned);
    return *defined ? (x.us > y.us) - (x.us < y.us) : 0;
}

/* ".5" and so on, without trailing zeros; nothing for 0. */
static bool write_fraction(struct buf *out, unsigned micro)
{
    if (!micro) return true;
    char text[16];
    int n = snprintf(text, sizeof text, ".%06u", micro % 1000000);
    while (n && text[n - 1] == '0') n--;
    return buf_add(out, text, (size_t)n);
}

static bool duration_xml(struct buf *out, uint64_t us)
{
    uint64_t day = us / DAY, hour = us / HOUR % 24, minute = us / MINUTE % 60;
    uint64_t second = us / SECOND % 60, micro = us % SECOND;
    buf_byte(out, 'P');
    if (day) buf_u64(out, day), buf_byte(out, 'D');
    if (hour || minute || second || micro || !day) buf_byte(out, 'T');
    if (hour) buf_u64(out, hour), buf_byte(out, 'H');
    if (minute) buf_u64(out, minute), buf_byte(out, 'M');
    if (second || micro || us == 0) {
        buf_u64(out, second);
        write_fraction(out, (unsigned)micro);
        buf_byte(out, 'S');
    }
    return buf_ok(out);
}

/* xs:dateTime knows no zone beyond 14 hours: such a time is given in UTC. */
static bool far_zone_xml(struct buf *out, const struct cim_datetime *d)
{
    struct civil c;
    civil_from_us(d->us, &c);
    if (!civil_valid(&c)) return false;
    buf_printf(out, "%04d-%02d-%02dT%02d:%02d:%02d", c.year, c.month, c.day, c.hour, c.minute,
               c.second);
    write_fraction(out, (unsigned)c.micro);
    return buf_byte(out, 'Z');
}

bool cim_datetime_xml(struct slice s, struct buf *out)
{
    struct cim_datetime d;
    if (!cim_datetime_parse(s, &d) || d.wild) return false;
    if (d.interval) return duration_xml(out, (uint64_t)d.us);
    if (d.offset < -840 || d.offset > 840) return far_zone_xml(out, &d);
    /* The fields as written: xs:dateTime keeps local time and offset, as the CIM form does. */
    buf_printf(out, "%.4s-%.2s-%.2sT%.2s:%.2s:%.2s", s.p, s.p + 4, s.p + 6, s.p + 8, s.p + 10,
               s.p + 12);
    write_fraction(out, (unsigned)field(s, 15, 6));
    if (!d.zoned) return buf_ok(out);
    if (d.offset == 0) return buf_byte(out, 'Z');
    unsigned z = (unsigned)(d.offset < 0 ? -d.offset : d.offset);
    return buf_printf(out, "%c%02u:%02u", d.offset < 0 ? '-' : '+', z / 60, z % 60);
}
