/*
 * os/wheel.h - hierarchical timer wheel, a plain data structure: time goes in, due timers come out.
 * Seven levels of 64 slots; ticks from 0 to WHEEL_LAST. Start and stop cost O(1); each timer moves down
 * at most six times. One thread at a time.
 *
 * A timer stands on the level of the highest base-64 digit in which its due time differs from now, so all
 * timers of a level are due before those of the levels above it.
 */
#ifndef OS_WHEEL_H
#define OS_WHEEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WHEEL_LEVELS = 7, WHEEL_SLOTS = 64 };
#define WHEEL_LAST ((UINT64_C(1) << 42) - 1)

struct wheel_timer {
    struct wheel_timer *next, *prev; /* NULL when not started */
    uint64_t due;
    unsigned slot; /* level * 64 + slot, or WHEEL_NO_SLOT */
};

struct wheel {
    uint64_t now;
    uint64_t used[WHEEL_LEVELS]; /* a bit for each slot that holds something */
    struct wheel_timer slots[WHEEL_LEVELS * WHEEL_SLOTS]; /* heads of circular lists */
    struct wheel_timer expired;                           /* due, not yet taken */
};

void wheel_init(struct wheel *w, uint64_t now);
static inline bool wheel_active(const struct wheel_timer *t) { return t->next != NULL; }
/* t is not active. due <= now means the next tick; past WHEEL_LAST means WHEEL_LAST. */
void wheel_add(struct wheel *w, struct wheel_timer *t, uint64_t due);
void wheel_del(struct wheel *w, struct wheel_timer *t); /* harmless when not active */
/* Moves time forward (never back); what became due waits for wheel_take. */
void wheel_advance(struct wheel *w, uint64_t now);
/* Next due timer, no longer active, by tick and then in the order of the slot; NULL if none. */
struct wheel_timer *wheel_take(struct wheel *w);
/* A tick not after the earliest due time, at which to advance next; false when there are no timers. */
bool wheel_next(const struct wheel *w, uint64_t *tick);

#endif
