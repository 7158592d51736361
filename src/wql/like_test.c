/* covers: cim-core:Q3 cim-core:P20 */
#include "base/test.h"

#include "wql/wql.h"

static bool like(const char *text, const char *pattern) { return wql_like(slice_str(text), slice_str(pattern)); }

static void test_wildcards(void **state)
{
    assert_true(like("Spooler", "spool%"));
    assert_true(like("Spooler", "%er"));
    assert_true(like("", "%"));
    assert_true(like("", ""));
    assert_false(like("", "_"));
    assert_true(like("abc", "a_c"));
    assert_false(like("abbc", "a_c"));
    assert_true(like("abcabcabd", "%abd"));
    assert_true(like("aXbXc", "a%b%c"));
    assert_false(like("abc", "abcd"));
    assert_false(like("abcd", "abc"));
    assert_true(like("\xc3\x84rger", "_rger"));
    assert_true(like("\xc3\x84RGER", "\xc3\xa4rger"));
}

static void test_sets(void **state)
{
    assert_true(like("b", "[a-f]"));
    assert_true(like("b", "[a=f]"));
    assert_false(like("g", "[a-f]"));
    assert_true(like("g", "[^a-f]"));
    assert_false(like("c", "[^a-f]"));
    assert_true(like("-", "[a-]"));
    assert_true(like("=", "[a=]"));
    assert_true(like("a", "[a-]"));
    assert_true(like("^", "[^]"));
    assert_false(like("a", "[^]"));
    assert_true(like("100%", "100[%]"));
    assert_false(like("1000", "100[%]"));
    assert_true(like("a_b", "a[_]b"));
    assert_true(like("[x", "[[]x"));
    assert_true(like("C", "[a-f]"));
}

static void test_validity(void **state)
{
    assert_true(wql_like_valid(SLICE("a[bc]d")));
    assert_false(wql_like_valid(SLICE("a[bc")));
    assert_true(wql_like_has_meta(SLICE("a%")));
    assert_false(wql_like_has_meta(SLICE("abc")));
}

/* P20: no pattern may explode. */
static void test_bomb(void **state)
{
    char text[4001], pattern[4001];
    memset(text, 'a', 4000);
    text[4000] = 0;
    for (int i = 0; i < 3998; i += 2) {
        pattern[i] = '%';
        pattern[i + 1] = 'a';
    }
    pattern[3998] = 'b';
    pattern[3999] = 0;
    assert_false(like(text, pattern));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wildcards),
        cmocka_unit_test(test_sets),
        cmocka_unit_test(test_validity),
        cmocka_unit_test(test_bomb),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
