#include "base/arena.h"

#include "base/test.h"

static void alignment_and_zero(void **state)
{
    struct arena a;
    arena_init(&a, 0);
    for (size_t i = 0; i < 300; i++) {
        unsigned char *p = arena_zalloc(&a, i);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % 16, 0);
        for (size_t k = 0; k < i; k++) assert_int_equal(p[k], 0);
        memset(p, 0xEE, i);
    }
    assert_int_equal(arena_status(&a), CIMF_OK);
    arena_free(&a);
    assert_int_equal(a.used, 0);
}

static void cap_is_hard(void **state)
{
    for (size_t cap = 1; cap < 20000; cap += 997) {
        struct arena a;
        arena_init(&a, cap);
        size_t got = 0;
        while (arena_alloc(&a, 100)) {
            got += 112;
            assert_true(a.used <= cap);
        }
        assert_true(got <= cap);
        if (cap > 4096) assert_true(got > cap / 2);
        assert_true(a.overflow);
        assert_int_equal(arena_status(&a), CIMF_OUT_OF_MEMORY);
        assert_null(arena_dup(&a, slice_str("a text that is longer than what may be left in the last "
                                            "chunk of the arena, which is under 112 bytes")).p);
        arena_free(&a);
        assert_false(a.overflow);
    }
}

static void integer_overflow(void **state)
{
    struct arena a;
    arena_init(&a, (size_t)1 << 30);
    volatile size_t most = SIZE_MAX;
    assert_null(arena_alloc(&a, most));
    assert_null(arena_alloc(&a, most - 15));
    assert_null(arena_alloc(&a, most - 40));
    assert_null(arena_array(&a, most / 2, 3));
    assert_null(arena_dup(&a, slice_of("", most)).p);
    assert_true(a.overflow);
    assert_int_equal(a.used, 0);
    arena_free(&a);
}

static void strings(void **state)
{
    struct arena a;
    arena_init(&a, 0);
    struct slice s = arena_dup(&a, SLICE("Abc"));
    assert_slice(s, "Abc");
    assert_int_equal(s.p[3], 0);
    assert_slice(arena_lower(&a, SLICE("AbC@[Z")), "abc@[z");
    assert_string_equal(arena_strz(&a, slice_of("xyz", 2)), "xy");
    assert_slice(arena_printf(&a, "%d-%s", 7, "seven"), "7-seven");
    struct slice wide = arena_printf(&a, "%5000d", 1);
    assert_int_equal(wide.n, 5000);
    assert_int_equal(wide.p[4999], '1');
    assert_int_equal(wide.p[5000], 0);
    struct slice none = arena_dup(&a, SLICE_NULL);
    assert_non_null(none.p);
    assert_int_equal(none.n, 0);
    arena_free(&a);
}

static int order[8], released;
static void unref(void *object) { order[released++] = *(int *)object; }

static void rewind_runs_holds_newest_first(void **state)
{
    struct arena a;
    int one = 1, two = 2, three = 3;
    released = 0;
    arena_init(&a, 0);
    char *kept = arena_alloc(&a, 64);
    memset(kept, 'k', 64);
    assert_true(arena_hold(&a, &one, unref));
    struct arena_mark mark = arena_mark(&a);
    size_t used = a.used;
    for (int i = 0; i < 100; i++) assert_non_null(arena_alloc(&a, 1000));
    assert_true(arena_hold(&a, &two, unref));
    assert_true(arena_hold(&a, &three, unref));
    assert_true(a.used > used);
    arena_rewind(&a, mark);
    assert_int_equal(a.used, used);
    assert_int_equal(released, 2);
    assert_int_equal(order[0], 3);
    assert_int_equal(order[1], 2);
    for (int i = 0; i < 64; i++) assert_int_equal(kept[i], 'k');
    arena_free(&a);
    assert_int_equal(released, 3);
    assert_int_equal(order[2], 1);
}

static void rewind_clears_overflow_and_works_on_a_fresh_arena(void **state)
{
    struct arena a;
    arena_init(&a, 8192);
    struct arena_mark mark = arena_mark(&a);
    while (arena_alloc(&a, 512)) continue;
    assert_true(a.overflow);
    arena_rewind(&a, mark);
    assert_false(a.overflow);
    assert_int_equal(a.used, 0);
    assert_non_null(arena_alloc(&a, 512));
    arena_free(&a);
}

static void hold_that_does_not_fit_is_released_at_once(void **state)
{
    struct arena a;
    int one = 1;
    released = 0;
    arena_init(&a, 8);
    assert_false(arena_hold(&a, &one, unref));
    assert_int_equal(released, 1);
    arena_free(&a);
    assert_int_equal(released, 1);
}

static void reserved_room_is_exact_and_holds_are_known(void **state)
{
    struct arena a;
    int one = 1, two = 2;
    released = 0;
    arena_init(&a, 1000);
    assert_true(arena_reserve(&a, 100));
    size_t used = a.used;
    assert_true(used < 200);
    assert_non_null(arena_alloc(&a, 100));
    assert_int_equal(a.used, used);
    assert_true(arena_hold(&a, &one, unref));
    assert_true(arena_holds(&a, &one));
    assert_false(arena_holds(&a, &two));
    assert_false(arena_reserve(&a, 2000));
    assert_true(a.overflow);
    arena_free(&a);
    assert_int_equal(released, 1);
}

static void reset_keeps_one_small_chunk(void **state)
{
    struct arena a;
    int one = 1;
    released = 0;
    arena_init(&a, 0);
    assert_true(arena_hold(&a, &one, unref));
    for (int i = 0; i < 1000; i++) assert_non_null(arena_alloc(&a, 1000));
    arena_reset(&a);
    assert_int_equal(released, 1);
    assert_true(a.used > 0 && a.used <= 65536);
    size_t used = a.used;
    assert_non_null(arena_alloc(&a, used / 2));
    assert_int_equal(a.used, used);
    arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(alignment_and_zero),
        cmocka_unit_test(cap_is_hard),
        cmocka_unit_test(integer_overflow),
        cmocka_unit_test(strings),
        cmocka_unit_test(rewind_runs_holds_newest_first),
        cmocka_unit_test(rewind_clears_overflow_and_works_on_a_fresh_arena),
        cmocka_unit_test(hold_that_does_not_fit_is_released_at_once),
        cmocka_unit_test(reserved_room_is_exact_and_holds_are_known),
        cmocka_unit_test(reset_keeps_one_small_chunk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
