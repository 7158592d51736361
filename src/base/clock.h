/* base/clock.h - time: monotonic and wall clocks, civil conversions. 64-bit microseconds throughout. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include "base/slice.h"

int64_t clock_mono_us(void); /* monotonic; for deadlines */
int64_t clock_wall_us(void); /* since 1970-01-01 UTC */

struct civil {
    int year, month, day, hour, minute, second, micro; /* month and day from 1 */
};
/* Proleptic Gregorian; any year from 0 to 9999. */
int64_t civil_to_us(const struct civil *c); /* since 1970-01-01, no zone applied */
void civil_from_us(int64_t us, struct civil *c);
bool civil_valid(const struct civil *c);
/* Offset of local time from UTC in minutes at that moment (thread-safe). */
int clock_local_offset(int64_t wall_us);
/* xs:duration to microseconds (the magnitude); months count 30 days, years 365 (MS-WSMV 3.1.4.1.6).
 * Accepts white space around, fractions of seconds (finer than a microsecond is dropped) and weeks. What is
 * too long for *us is INT64_MAX: callers have limits of their own. false on bad syntax, outputs untouched.
 * *negative tells a leading '-', *has_months that years or months other than zero were given. Outputs may
 * be NULL. */
bool duration_parse(struct slice s, int64_t *us, bool *negative, bool *has_months);

#endif
