/* xs:duration (XML Schema part 2, 3.2.6), declared in base/clock.h. */
#include "base/clock.h"

#define SECOND INT64_C(1000000)
#define DAY (86400 * SECOND)

struct unit {
    char letter;
    bool time;  /* after the T */
    bool month; /* has no fixed length */
    int64_t us;
};

static const struct unit units[] = {
    { 'Y', false, true, 365 * DAY }, { 'M', false, true, 30 * DAY }, { 'W', false, false, 7 * DAY },
    { 'D', false, false, DAY },      { 'H', true, false, 3600 * SECOND },
    { 'M', true, false, 60 * SECOND }, { 'S', true, false, SECOND },
};
enum { UNITS = sizeof units / sizeof units[0] };

static bool is_digit(struct slice s) { return s.n && s.p[0] >= '0' && s.p[0] <= '9'; }

static bool whole_number(struct slice *s, int64_t *value)
{
    if (!is_digit(*s)) return false;
    for (*value = 0; is_digit(*s); *s = slice_sub(*s, 1)) {
        if (__builtin_mul_overflow(*value, 10, value) ||
            __builtin_add_overflow(*value, s->p[0] - '0', value)) {
            *value = INT64_MAX;
        }
    }
    return true;
}

/* Digits after the point, as microseconds; what is finer is dropped. */
static bool fraction(struct slice *s, int64_t *us)
{
    *s = slice_sub(*s, 1);
    if (!is_digit(*s)) return false;
    int64_t scale = SECOND / 10;
    for (; is_digit(*s); *s = slice_sub(*s, 1)) {
        *us += (s->p[0] - '0') * scale;
        scale /= 10;
    }
    return true;
}

/* One "number letter"; *next is the first unit that may still come. */
static bool component(struct slice *s, bool in_time, unsigned *next, int64_t *total, bool *months)
{
    int64_t value, part = 0;
    if (!whole_number(s, &value)) return false;
    bool fractional = s->n && s->p[0] == '.';
    if (fractional && !fraction(s, &part)) return false;
    if (!s->n || (fractional && s->p[0] != 'S')) return false;
    unsigned i = *next;
    while (i < UNITS && (units[i].time != in_time || units[i].letter != s->p[0])) i++;
    if (i == UNITS) return false;
    *s = slice_sub(*s, 1);
    *next = i + 1;
    if (units[i].month && value) *months = true;
    if (__builtin_mul_overflow(value, units[i].us, &value) || __builtin_add_overflow(value, part, &value) ||
        __builtin_add_overflow(*total, value, total)) {
        *total = INT64_MAX;
    }
    return true;
}

bool duration_parse(struct slice s, int64_t *us, bool *negative, bool *has_months)
{
    int64_t total = 0;
    unsigned next = 0;
    bool minus = false, months = false, in_time = false, any = false;
    s = slice_trim(s);
    if (s.n && s.p[0] == '-') {
        minus = true;
        s = slice_sub(s, 1);
    }
    if (!s.n || s.p[0] != 'P') return false;
    s = slice_sub(s, 1);
    while (s.n) {
        if (!in_time && s.p[0] == 'T') {
            in_time = true;
            any = false; /* something has to follow the T */
            s = slice_sub(s, 1);
            continue;
        }
        if (!component(&s, in_time, &next, &total, &months)) return false;
        any = true;
    }
    if (!any) return false;
    if (us) *us = total;
    if (negative) *negative = minus;
    if (has_months) *has_months = months;
    return true;
}
