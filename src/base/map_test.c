#include "base/map.h"

#include <stdio.h>

#include "base/test.h"

enum { MANY = 3000 };
static char keys[MANY][16], upper[MANY][16];

static void fill_keys(void)
{
    for (int i = 0; i < MANY; i++) {
        snprintf(keys[i], sizeof keys[i], "key_%d", i * 7);
        snprintf(upper[i], sizeof upper[i], "KEY_%d", i * 7);
    }
}

static void put_get_del(void **state)
{
    for (int folded = 0; folded < 2; folded++) {
        struct map m;
        map_init(&m, folded);
        assert_null(map_get(&m, SLICE("x")));
        assert_null(map_del(&m, SLICE("x")));
        for (int i = 0; i < MANY; i++) {
            void *old = &m;
            assert_true(map_put(&m, slice_str(keys[i]), keys[i], &old));
            assert_null(old);
        }
        assert_int_equal(m.count, MANY);
        /* Removes every third and checks all others each time the table has holes. */
        for (int i = 0; i < MANY; i += 3) {
            assert_ptr_equal(map_del(&m, slice_str(folded ? upper[i] : keys[i])), keys[i]);
        }
        for (int i = 0; i < MANY; i++) {
            void *want = i % 3 ? keys[i] : NULL;
            assert_ptr_equal(map_get(&m, slice_str(keys[i])), want);
            assert_ptr_equal(map_get(&m, slice_str(upper[i])), folded ? want : NULL);
        }
        assert_int_equal(m.count, MANY - MANY / 3);
        size_t at = 0, seen = 0;
        struct slice key;
        void *value;
        while (map_next(&m, &at, &key, &value)) {
            assert_ptr_equal(key.p, value);
            seen++;
        }
        assert_int_equal(seen, m.count);
        map_free(&m);
        assert_int_equal(m.count, 0);
    }
}

static void replacing_takes_the_new_key(void **state)
{
    struct map m;
    void *old;
    map_init(&m, true);
    char first[] = "Name", second[] = "NAME";
    assert_true(map_put(&m, slice_str(first), first, NULL));
    assert_true(map_put(&m, slice_str(second), second, &old));
    assert_ptr_equal(old, first);
    assert_int_equal(m.count, 1);
    first[0] = 'X'; /* as if freed */
    assert_ptr_equal(map_get(&m, SLICE("name")), second);
    map_free(&m);
}

/* One key in, one out, for long: shifting back must keep every chain whole. */
static void churn(void **state)
{
    struct map m;
    map_init(&m, false);
    for (int i = 0; i < 20 * MANY; i++) {
        assert_true(map_put(&m, slice_str(keys[i % MANY]), keys[i % MANY], NULL));
        if (i >= 11) {
            int gone = (i - 11) % MANY;
            assert_ptr_equal(map_del(&m, slice_str(keys[gone])), keys[gone]);
        }
        for (int k = i > 10 ? i - 10 : 0; k <= i; k++) {
            assert_non_null(map_get(&m, slice_str(keys[k % MANY])));
        }
    }
    assert_int_equal(m.count, 11);
    assert_true(m.room <= 32);
    map_free(&m);
}

int main(void)
{
    fill_keys();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(put_get_del),
        cmocka_unit_test(replacing_takes_the_new_key),
        cmocka_unit_test(churn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
