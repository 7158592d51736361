#include "os/wheel.h"

enum { BITS = 6, DIGIT = WHEEL_SLOTS - 1, NO_SLOT = WHEEL_LEVELS * WHEEL_SLOTS };

static void list_init(struct wheel_timer *head) { head->next = head->prev = head; }

static void list_append(struct wheel_timer *head, struct wheel_timer *t)
{
    t->prev = head->prev;
    t->next = head;
    head->prev->next = t;
    head->prev = t;
}

static void list_remove(struct wheel_timer *t)
{
    t->prev->next = t->next;
    t->next->prev = t->prev;
    t->next = t->prev = NULL;
}

void wheel_init(struct wheel *w, uint64_t now)
{
    w->now = now;
    for (int i = 0; i < WHEEL_LEVELS; i++) w->used[i] = 0;
    for (int i = 0; i < NO_SLOT; i++) list_init(&w->slots[i]);
    list_init(&w->expired);
}

static void place(struct wheel *w, struct wheel_timer *t)
{
    unsigned level = (63u - (unsigned)__builtin_clzll(t->due ^ w->now)) / BITS;
    unsigned digit = (unsigned)(t->due >> (BITS * level)) & DIGIT;
    t->slot = level * WHEEL_SLOTS + digit;
    w->used[level] |= UINT64_C(1) << digit;
    list_append(&w->slots[t->slot], t);
}

static void put_expired(struct wheel *w, struct wheel_timer *t)
{
    t->slot = NO_SLOT;
    list_append(&w->expired, t);
}

void wheel_add(struct wheel *w, struct wheel_timer *t, uint64_t due)
{
    if (due <= w->now) due = w->now + 1;
    if (due > WHEEL_LAST) due = WHEEL_LAST;
    t->due = due;
    if (due <= w->now) {
        put_expired(w, t); /* time has reached WHEEL_LAST */
    } else {
        place(w, t);
    }
}

void wheel_del(struct wheel *w, struct wheel_timer *t)
{
    if (!wheel_active(t)) return;
    list_remove(t);
    if (t->slot == NO_SLOT) return;
    struct wheel_timer *head = &w->slots[t->slot];
    if (head->next == head) {
        w->used[t->slot / WHEEL_SLOTS] &= ~(UINT64_C(1) << t->slot % WHEEL_SLOTS);
    }
}

/* The first slot that holds something, and the tick at which it begins. */
static struct wheel_timer *first_slot(const struct wheel *w, unsigned *index, uint64_t *start)
{
    for (unsigned level = 0; level < WHEEL_LEVELS; level++) {
        if (!w->used[level]) continue;
        unsigned digit = (unsigned)__builtin_ctzll(w->used[level]);
        unsigned shift = BITS * level;
        *index = level * WHEEL_SLOTS + digit;
        *start = (w->now >> (shift + BITS) << (shift + BITS)) | (uint64_t)digit << shift;
        return (struct wheel_timer *)&w->slots[*index];
    }
    return NULL;
}

void wheel_advance(struct wheel *w, uint64_t now)
{
    unsigned index;
    uint64_t start;
    struct wheel_timer *head;
    if (now > WHEEL_LAST) now = WHEEL_LAST;
    if (now <= w->now) return;
    while ((head = first_slot(w, &index, &start)) && start <= now) {
        w->now = start;
        w->used[index / WHEEL_SLOTS] &= ~(UINT64_C(1) << index % WHEEL_SLOTS);
        while (head->next != head) {
            struct wheel_timer *t = head->next;
            list_remove(t);
            if (t->due <= w->now) {
                put_expired(w, t);
            } else {
                place(w, t); /* on a lower level: it shares the digit of this one with now */
            }
        }
    }
    w->now = now;
}

struct wheel_timer *wheel_take(struct wheel *w)
{
    struct wheel_timer *t = w->expired.next;
    if (t == &w->expired) return NULL;
    list_remove(t);
    return t;
}

bool wheel_next(const struct wheel *w, uint64_t *tick)
{
    unsigned index;
    if (w->expired.next != &w->expired) {
        *tick = w->now;
        return true;
    }
    return first_slot(w, &index, tick) != NULL;
}
