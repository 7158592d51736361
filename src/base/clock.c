#include "base/clock.h"

#include <time.h>

#define SECOND INT64_C(1000000)
#define DAY (86400 * SECOND)

static int64_t read_clock(clockid_t id)
{
    struct timespec ts;
    clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * SECOND + ts.tv_nsec / 1000;
}

int64_t clock_mono_us(void) { return read_clock(CLOCK_MONOTONIC); }
int64_t clock_wall_us(void) { return read_clock(CLOCK_REALTIME); }

/* Days since 1970-01-01; years run from March, so that the leap day comes last. */
static int64_t days_of(int64_t year, int month, int day)
{
    if (month <= 2) year--;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t of_era = year - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

int64_t civil_to_us(const struct civil *c)
{
    return days_of(c->year, c->month, c->day) * DAY +
           (c->hour * INT64_C(3600) + c->minute * 60 + c->second) * SECOND + c->micro;
}

void civil_from_us(int64_t us, struct civil *c)
{
    int64_t days = us / DAY, rest = us % DAY;
    if (rest < 0) {
        rest += DAY;
        days--;
    }
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t of_era = days - era * 146097;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    int64_t month = (5 * of_year + 2) / 153;
    c->day = (int)(of_year - (153 * month + 2) / 5 + 1);
    c->month = (int)(month < 10 ? month + 3 : month - 9);
    c->year = (int)(year + era * 400 + (c->month <= 2));
    c->micro = (int)(rest % SECOND);
    rest /= SECOND;
    c->second = (int)(rest % 60);
    c->minute = (int)(rest / 60 % 60);
    c->hour = (int)(rest / 3600);
}

bool civil_valid(const struct civil *c)
{
    static const int lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    if (c->year < 0 || c->year > 9999 || c->month < 1 || c->month > 12) return false;
    bool leap = c->year % 4 == 0 && (c->year % 100 != 0 || c->year % 400 == 0);
    int length = lengths[c->month - 1] + (leap && c->month == 2);
    return c->day >= 1 && c->day <= length && c->hour >= 0 && c->hour <= 23 && c->minute >= 0 &&
           c->minute <= 59 && c->second >= 0 && c->second <= 59 && c->micro >= 0 &&
           c->micro <= 999999;
}

int clock_local_offset(int64_t wall_us)
{
    int64_t seconds = wall_us / SECOND - (wall_us % SECOND < 0);
    time_t t = (time_t)seconds;
    struct tm tm;
    return localtime_r(&t, &tm) ? (int)(tm.tm_gmtoff / 60) : 0;
}
