/*
 * provider/timezone.c - Win32_TimeZone: the zone of this machine with its rules. Bias is minutes
 * east of UTC (UTC = local time - Bias), as Windows has it; DaylightBias is what summer time adds,
 * negated.
 */
#include "provider/timezone.h"

#include "provider/host.h"
#include "provider/source.h"
#include "provider/table.h"
#include "provider/text.h"

static bool is_letter(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* A name: letters, or anything in < >. */
static bool take_name(struct slice *s, struct slice *name)
{
    if (s->n && s->p[0] == '<') {
        size_t end = slice_find(*s, '>');
        if (end == s->n) return false;
        *name = slice_of(s->p + 1, end - 1);
        *s = slice_sub(*s, end + 1);
        return name->n > 0;
    }
    size_t n = 0;
    while (n < s->n && is_letter(s->p[n])) n++;
    *name = slice_head(*s, n);
    *s = slice_sub(*s, n);
    return n >= 3;
}

static bool take_number(struct slice *s, unsigned max, unsigned *out)
{
    unsigned v = 0;
    size_t n = 0;
    while (n < s->n && s->p[n] >= '0' && s->p[n] <= '9' && v <= max)
        v = v * 10 + (unsigned)(s->p[n++] - '0');
    *s = slice_sub(*s, n);
    *out = v;
    return n > 0 && v <= max;
}

static bool take(struct slice *s, char c)
{
    if (s->n == 0 || s->p[0] != c) return false;
    *s = slice_sub(*s, 1);
    return true;
}

/* [+-]hh[:mm[:ss]] in seconds */
static bool take_time(struct slice *s, int *out)
{
    unsigned hours, minutes = 0, seconds = 0;
    bool minus = take(s, '-');
    if (!minus) take(s, '+');
    if (!take_number(s, 167, &hours)) return false;
    if (take(s, ':')) {
        if (!take_number(s, 59, &minutes)) return false;
        if (take(s, ':') && !take_number(s, 59, &seconds)) return false;
    }
    int v = (int)(hours * 3600 + minutes * 60 + seconds);
    *out = minus ? -v : v;
    return true;
}

static bool take_change(struct slice *s, struct timezone_change *out)
{
    unsigned day;
    *out = (struct timezone_change){ .seconds = 7200 };
    if (take(s, 'M')) {
        if (!take_number(s, 12, &out->month) || !take(s, '.') || !take_number(s, 5, &out->week) ||
            !take(s, '.') || !take_number(s, 6, &out->weekday) || !out->month || !out->week)
            return false;
    } else { /* Jn or n: a day of the year */
        take(s, 'J');
        if (!take_number(s, 365, &day)) return false;
    }
    return !take(s, '/') || take_time(s, &out->seconds);
}

bool timezone_parse(struct slice s, struct timezone_rule *out)
{
    int west;
    memset(out, 0, sizeof *out);
    out->daylight = SLICE("");
    s = slice_trim(s);
    if (!take_name(&s, &out->standard) || !take_time(&s, &west)) return false;
    out->offset_s = -west;
    if (s.n == 0) return true;
    if (!take_name(&s, &out->daylight)) return false;
    out->daylight_offset_s = out->offset_s + 3600;
    if (s.n && s.p[0] != ',') {
        if (!take_time(&s, &west)) return false;
        out->daylight_offset_s = -west;
    }
    if (!take(&s, ',')) return s.n == 0;
    return take_change(&s, &out->start) && take(&s, ',') && take_change(&s, &out->end) && s.n == 0;
}

bool timezone_footer(struct slice file, struct slice *text)
{
    if (!slice_starts(file, SLICE("TZif")) || file.n < 46 || file.p[file.n - 1] != '\n')
        return false;
    size_t end = file.n - 1, start = end;
    while (start > 0 && file.p[start - 1] != '\n') start--;
    *text = slice_of(file.p + start, end - start);
    return start > 0 && text->n > 0;
}

/* "Europe/Berlin" from the target of /etc/localtime, else from /etc/timezone. */
static struct slice zone_name(struct arena *a)
{
    struct slice link, mark = SLICE("zoneinfo/");
    if (source_link(a, &link, "/etc/localtime"))
        for (size_t i = 0; i + mark.n < link.n; i++)
            if (slice_starts(slice_sub(link, i), mark))
                return text_clean(a, slice_sub(link, i + mark.n));
    if (source_text(a, &link, "/etc/timezone")) return link;
    return SLICE("");
}

static void put_change(struct cim_instance *out, struct arena *a, const char *kind,
                       const struct timezone_change *t)
{
    static const char *const names[] = { "Month",  "Day",    "DayOfWeek",   "Hour",
                                         "Minute", "Second", "Millisecond", "Year" };
    if (t->month == 0 || t->seconds < 0 || t->seconds >= 86400) return;
    unsigned seconds = (unsigned)t->seconds;
    unsigned values[] = { t->month,          t->week,      t->weekday, seconds / 3600,
                          seconds / 60 % 60, seconds % 60, 0,          0 /* every year */ };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char *name = arena_strz(a, arena_printf(a, "%s%s", kind, names[i]));
        if (name) cim_put_u64(out, name, values[i]);
    }
}

static cimf_status zone_fill(struct provider_call *c, void *state, size_t row,
                             struct cim_instance *out)
{
    struct arena *a = c->scratch;
    struct slice file, text;
    struct timezone_rule rule;
    (void)state;
    (void)row;
    if (!source_read(a, &file, "/etc/localtime") || !timezone_footer(file, &text) ||
        !timezone_parse(text, &rule))
        rule = (struct timezone_rule){ .standard = SLICE("UTC"), .daylight = SLICE("") };
    struct slice zone = zone_name(a);
    int minutes = rule.offset_s / 60, size = minutes < 0 ? -minutes : minutes;
    struct slice caption =
        arena_printf(a, "(UTC%c%02d:%02d) " SLICE_FMT, minutes < 0 ? '-' : '+', size / 60,
                     size % 60, SLICE_ARG(zone.n ? zone : rule.standard));
    cim_put_str(out, "StandardName", text_clean(a, rule.standard));
    cim_put_str(out, "Caption", caption);
    cim_put_str(out, "Description", caption);
    if (zone.n) cim_put_str(out, "SettingID", zone);
    cim_put_i64(out, "Bias", minutes);
    cim_put_i64(out, "StandardBias", 0);
    if (rule.daylight.n) {
        cim_put_str(out, "DaylightName", text_clean(a, rule.daylight));
        cim_put_i64(out, "DaylightBias", (rule.offset_s - rule.daylight_offset_s) / 60);
        put_change(out, a, "Daylight", &rule.start);
        put_change(out, a, "Standard", &rule.end);
    }
    return arena_status(a);
}

const struct provider_class provider_timezone = {
    .ns = "root/cimv2",
    .class_name = "Win32_TimeZone",
    .flags = PROVIDER_BLOCKING,
    .open = host_open_single,
    .fill = zone_fill,
};
