/* provider/localtime.c - Win32_LocalTime and Win32_UTCTime: now, field by field. */
#include "base/clock.h"
#include "provider/host.h"
#include "provider/table.h"

/* Milliseconds stay NULL, as on Windows: events on these classes compare whole instances. */
static void put_moment(struct cim_instance *out, int64_t us)
{
    struct civil t;
    civil_from_us(us, &t);
    struct civil first = { .year = t.year, .month = t.month, .day = 1 };
    int64_t days = us / 86400000000, first_days = civil_to_us(&first) / 86400000000;
    unsigned weekday = (unsigned)((days + 4) % 7); /* 1970-01-01 was a Thursday */
    unsigned first_weekday = (unsigned)((first_days + 4) % 7);
    cim_put_u64(out, "Year", (uint64_t)t.year);
    cim_put_u64(out, "Month", (uint64_t)t.month);
    cim_put_u64(out, "Day", (uint64_t)t.day);
    cim_put_u64(out, "Hour", (uint64_t)t.hour);
    cim_put_u64(out, "Minute", (uint64_t)t.minute);
    cim_put_u64(out, "Second", (uint64_t)t.second);
    cim_put_u64(out, "DayOfWeek", weekday);
    cim_put_u64(out, "WeekInMonth", ((unsigned)t.day - 1 + first_weekday) / 7 + 1);
    cim_put_u64(out, "Quarter", (unsigned)(t.month - 1) / 3 + 1);
}

static cimf_status local_fill(struct provider_call *c, void *state, size_t row,
                              struct cim_instance *out)
{
    int64_t now = clock_wall_us();
    (void)c;
    (void)state;
    (void)row;
    put_moment(out, now + (int64_t)clock_local_offset(now) * 60000000);
    return CIMF_OK;
}

static cimf_status utc_fill(struct provider_call *c, void *state, size_t row,
                            struct cim_instance *out)
{
    (void)c;
    (void)state;
    (void)row;
    put_moment(out, clock_wall_us());
    return CIMF_OK;
}

const struct provider_class provider_localtime = {
    .ns = "root/cimv2",
    .class_name = "Win32_LocalTime",
    .open = host_open_single,
    .fill = local_fill,
};
const struct provider_class provider_utctime = {
    .ns = "root/cimv2",
    .class_name = "Win32_UTCTime",
    .open = host_open_single,
    .fill = utc_fill,
};
