/*
 * base/share.h - the rule by which something bounded is shared by those who ask for it (accounts), so that one of them is refused
 * before the others are: nobody has more than half; those who have an eighth or less may use the last quarter, the others may not.
 */
#ifndef BASE_SHARE_H
#define BASE_SHARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whether who has `mine` of the `all` that is taken of `most` may have n more. */
static inline bool share_fits(size_t most, size_t all, size_t mine, size_t n)
{
    if (n > most || mine > most / 2 || n > most / 2 - mine || all > most || n > most - all) return false;
    return all + n <= most - most / 4 || mine + n <= most / 8;
}

/* Whether the log is to be told (again) that who asks is refused: once a minute. *said: when it was told last, 0: never; on any
 * thread. now: microseconds of the monotonic clock. */
static inline bool share_speaks(int64_t *said, int64_t now)
{
    const int64_t again_us = 60 * (int64_t)1000000;
    int64_t last = __atomic_load_n(said, __ATOMIC_RELAXED);
    if (last && now - last < again_us) return false;
    __atomic_store_n(said, now, __ATOMIC_RELAXED);
    return true;
}

#endif
