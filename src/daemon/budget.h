/* daemon/budget.h - how often something may happen: so many times at once, then so many a second. */
#ifndef DAEMON_BUDGET_H
#define DAEMON_BUDGET_H

#include "base/clock.h"

struct budget { /* zeros: full */
    unsigned left;
    int64_t refilled; /* clock_mono_us */
};

/* Takes one; false: there is none now. */
static inline bool budget_spend(struct budget *b, unsigned burst, unsigned rate)
{
    int64_t now = clock_mono_us(), more = (now - b->refilled) * rate / 1000000;
    if (b->refilled == 0 || more >= burst) {
        b->left = burst;
        b->refilled = now;
    } else if (more > 0) {
        b->left = b->left + (unsigned)more > burst ? burst : b->left + (unsigned)more;
        b->refilled += more * 1000000 / rate;
    }
    if (!b->left) return false;
    b->left--;
    return true;
}

#endif
