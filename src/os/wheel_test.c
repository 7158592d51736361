#include "os/wheel.h"

#include <stdlib.h>

#include "base/test.h"

enum { MANY = 400 };

/* Against a list that is searched: random starts, stops and steps of all sizes. */
static void agrees_with_a_plain_list(void **state)
{
    static struct wheel w;
    static struct wheel_timer timers[MANY];
    static uint64_t due[MANY]; /* 0: not started */
    unsigned seed = 12345;
    for (int round = 0; round < 40; round++) {
        uint64_t now = round % 2 ? (UINT64_C(1) << (rand_r(&seed) % 41)) - 3 : (uint64_t)rand_r(&seed);
        memset(timers, 0, sizeof timers);
        memset(due, 0, sizeof due);
        wheel_init(&w, now);
        for (int step = 0; step < 2000; step++) {
            int i = rand_r(&seed) % MANY;
            switch (rand_r(&seed) % 4) {
            case 0: case 1: { /* restart */
                uint64_t after = (uint64_t)rand_r(&seed) % (UINT64_C(1) << (1 + rand_r(&seed) % 30));
                wheel_del(&w, &timers[i]);
                wheel_add(&w, &timers[i], now + after);
                due[i] = after ? now + after : now + 1;
                break;
            }
            case 2:
                wheel_del(&w, &timers[i]);
                due[i] = 0;
                break;
            default: {
                uint64_t next;
                if (rand_r(&seed) % 2 && wheel_next(&w, &next)) {
                    for (int k = 0; k < MANY; k++) assert_true(!due[k] || due[k] >= next);
                    now = next; /* not past the earliest, by its own word */
                } else {
                    now += (uint64_t)rand_r(&seed) % (UINT64_C(1) << (1 + rand_r(&seed) % 30));
                }
                wheel_advance(&w, now);
                uint64_t last = 0;
                struct wheel_timer *t;
                while ((t = wheel_take(&w))) {
                    int k = (int)(t - timers);
                    assert_true(due[k] && due[k] <= now && due[k] == t->due);
                    assert_true(t->due >= last);
                    assert_false(wheel_active(t));
                    last = t->due;
                    due[k] = 0;
                }
                for (int k = 0; k < MANY; k++) assert_true(!due[k] || due[k] > now);
            }
            }
            for (int k = 0; k < MANY; k++) assert_int_equal(wheel_active(&timers[k]), due[k] != 0);
        }
    }
}

static void next_leads_to_the_timer(void **state)
{
    static struct wheel w;
    for (uint64_t after = 1; after < WHEEL_LAST; after = after * 7 + 1) {
        struct wheel_timer t = { 0 };
        uint64_t next;
        int steps = 0;
        wheel_init(&w, 99);
        assert_false(wheel_next(&w, &next));
        wheel_add(&w, &t, 99 + after);
        while (!wheel_take(&w)) {
            assert_true(wheel_next(&w, &next));
            assert_true(next <= t.due && next > w.now);
            assert_true(++steps <= WHEEL_LEVELS);
            wheel_advance(&w, next);
        }
        assert_true(w.now == t.due);
        assert_false(wheel_next(&w, &next));
    }
}

static void stopping_what_is_due_but_not_taken(void **state)
{
    static struct wheel w;
    struct wheel_timer a = { 0 }, b = { 0 };
    uint64_t next;
    wheel_init(&w, 0);
    wheel_add(&w, &a, 5);
    wheel_add(&w, &b, 5);
    wheel_advance(&w, 9);
    assert_true(wheel_next(&w, &next));
    wheel_del(&w, &a);
    wheel_del(&w, &a);
    assert_ptr_equal(wheel_take(&w), &b);
    assert_null(wheel_take(&w));
    wheel_add(&w, &a, 3); /* the past is the next tick */
    assert_null(wheel_take(&w));
    wheel_advance(&w, 10);
    assert_ptr_equal(wheel_take(&w), &a);
}

static void the_end_of_time(void **state)
{
    static struct wheel w;
    struct wheel_timer t = { 0 };
    wheel_init(&w, 1);
    wheel_add(&w, &t, UINT64_MAX);
    assert_true(t.due == WHEEL_LAST);
    wheel_advance(&w, UINT64_MAX);
    assert_ptr_equal(wheel_take(&w), &t);
    wheel_add(&w, &t, 0);
    assert_ptr_equal(wheel_take(&w), &t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_a_plain_list),
        cmocka_unit_test(next_leads_to_the_timer),
        cmocka_unit_test(stopping_what_is_due_but_not_taken),
        cmocka_unit_test(the_end_of_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
