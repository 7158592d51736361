#include "base/slice.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/test.h"

static void same(const char *a, const char *b)
{
    if (!slice_ieq(slice_str(a), slice_str(b))) fail_msg("'%s' and '%s' differ", a, b);
    assert_true(slice_ihash(slice_str(a)) == slice_ihash(slice_str(b)));
    assert_true(hash_folded(slice_str(a)) == hash_folded(slice_str(b)));
    assert_true(slice_istarts(slice_str(a), slice_str(b)));
}

static void equality_ignores_case(void **state)
{
    same("", "");
    same("Win32_OperatingSystem", "WIN32_OPERATINGSYSTEM");
    same("win32_operatingsystem", "WIN32_oPERATINGSYSTEM");
    same("\xc3\x89t\xc3\xa9", "\xc3\xa9T\xc3\x89");
    same("Kelvin", "\xe2\x84\xaa" "elvin"); /* U+212A: other length, same fold */
    same("a long name with an \xc3\x89 inside it", "A LONG NAME WITH AN \xc3\xa9 INSIDE IT");
    same("\xff\xfe", "\xff\xfe");
    same("\xed\xa0\x80", "\xed\xa0\x80");
    assert_false(slice_ieq(SLICE("I"), SLICE("\xc4\xb1"))); /* no Turkish rules */
    assert_false(slice_ieq(SLICE("\xff"), SLICE("\xfe")));
    assert_false(slice_ieq(SLICE("\xff"), SLICE("\xef\xbf\xbd")));
    assert_false(slice_ieq(SLICE("a"), SLICE("a\0")));
    for (int c = 0; c < 128; c++) { /* exactly the 26 letters fold, also in whole words */
        char upper[9] = "xxxxxxxx", lower[9] = "xxxxxxxx";
        upper[3] = (char)c;
        lower[3] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
        assert_true(slice_ieq(slice_of(upper, 8), slice_of(lower, 8)));
        assert_true(hash_folded(slice_of(upper, 8)) == hash_folded(slice_of(lower, 8)));
        lower[3] = (char)(c ^ 0x20);
        bool letter = ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
        assert_int_equal(slice_ieq(slice_of(upper, 8), slice_of(lower, 8)), letter);
        assert_int_equal(hash_folded(slice_of(upper, 8)) == hash_folded(slice_of(lower, 8)), letter);
    }
}

static int sign(int v) { return (v > 0) - (v < 0); }

static void order_is_total(void **state)
{
    static const char *const sorted[] = { "", "A", "aa", "AB", "b", "Z", "\xc3\x89", "\xd0\x90",
        "\xed\xa0\x80", "\xef\xbf\xbd", "\xf0\x90\x90\x80", "\x80", "\xff" };
    size_t n = sizeof sorted / sizeof *sorted;
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < n; k++) {
            int got = slice_casecmp(slice_str(sorted[i]), slice_str(sorted[k]));
            if (sign(got) != (i > k) - (i < k)) fail_msg("%zu against %zu", i, k);
        }
    }
    assert_int_equal(slice_casecmp(SLICE_NULL, SLICE("")), 0);
    assert_int_equal(sign(slice_casecmp(SLICE("x"), SLICE_NULL)), 1);
}

static void prefixes(void **state)
{
    assert_true(slice_istarts(SLICE("ROOT/cimv2"), SLICE("root/")));
    assert_true(slice_istarts(SLICE("\xe2\x84\xaax"), SLICE("k")));
    assert_true(slice_istarts(SLICE_NULL, SLICE_NULL));
    assert_false(slice_istarts(SLICE("roo"), SLICE("root")));
    assert_false(slice_istarts(SLICE_NULL, SLICE("a")));
    assert_true(slice_starts(SLICE("abc"), SLICE("ab")));
    assert_false(slice_starts(SLICE("abc"), SLICE("aB")));
}

static void cutting(void **state)
{
    struct slice rest;
    assert_slice(slice_trim(SLICE(" \t\r\n a b \n")), "a b");
    assert_int_equal(slice_trim(SLICE("  ")).n, 0);
    assert_int_equal(slice_trim(SLICE_NULL).n, 0);
    assert_slice(slice_split(SLICE("a=b=c"), '=', &rest), "a");
    assert_slice(rest, "b=c");
    assert_slice(slice_split(SLICE("a="), '=', &rest), "a");
    assert_true(rest.p != NULL && rest.n == 0);
    assert_slice(slice_split(SLICE("abc"), '=', &rest), "abc");
    assert_true(rest.p == NULL && rest.n == 0);
    assert_int_equal(slice_find(SLICE_NULL, 'x'), 0);
    assert_int_equal(slice_find(SLICE("abx"), 'x'), 2);
    assert_slice(slice_sub(SLICE("abc"), 1), "bc");
    assert_int_equal(slice_sub(SLICE("abc"), 9).n, 0);
    assert_slice(slice_head(SLICE("abc"), 2), "ab");
}

/* SipHash-1-3 vectors: key 00..0f over nothing, and key 0 as CPython 3.11 hashes bytes. */
static void hash_vectors(void **state)
{
    assert_true(hash_keyed(SLICE_NULL, 0x0706050403020100u, 0x0f0e0d0c0b0a0908u) == 0xabac0158050fc4dcu);
    assert_true(hash_keyed(SLICE("a"), 0, 0) == 0x407448d2b89b1813u);
    assert_true(hash_keyed(SLICE("Win32_P"), 0, 0) == 0xf07498e43eb712bau);
    assert_true(hash_keyed(SLICE("Win32_Pr"), 0, 0) == 0x7a5944479609e757u);
    assert_true(hash_keyed(SLICE("Win32_Process"), 0, 0) == 0xe102525228539393u);
    assert_true(hash_keyed(SLICE("Win32_OperatingSystem.CSName"), 0, 0) == 0x8c98a487c6c8abb5u);
    assert_true(hash_folded(SLICE("wIN32_oS")) == hash_bytes(SLICE("win32_os")));
    assert_true(hash_folded(SLICE("x\xc3\x89" "0123456789")) == hash_bytes(SLICE("x\xc3\xa9" "0123456789")));
}

/* Every length and place, in blocks of their own size: what reads past an end is seen by the sanitizer. */
static void words_and_what_is_left(void **state)
{
    for (size_t n = 1; n < 20; n++) {
        char *a = malloc(n), *b = malloc(n);
        assert_true(a && b);
        for (size_t i = 0; i < n; i++) a[i] = (char)('a' + i), b[i] = (char)('A' + i);
        struct slice x = slice_of(a, n), y = slice_of(b, n);
        assert_int_equal(slice_casecmp(x, y), 0);
        assert_true(hash_folded(x) == hash_folded(y));
        for (size_t i = 0; i < n; i++) {
            char was = b[i], last = b[n - 1];
            b[i] = 'z';
            b[n - 1] = i == n - 1 ? 'z' : '0'; /* the first difference counts */
            assert_int_equal(sign(slice_casecmp(x, y)), -1);
            assert_int_equal(sign(slice_casecmp(y, x)), 1);
            assert_true(hash_folded(x) != hash_folded(y));
            assert_int_equal(slice_istarts(x, slice_head(y, i)), 1);
            assert_int_equal(slice_istarts(x, slice_head(y, i + 1)), 0);
            b[i] = '\xff';
            assert_int_equal(sign(slice_casecmp(x, y)), -1);
            assert_true(hash_folded(x) != hash_folded(y));
            b[n - 1] = last;
            b[i] = was;
        }
        free(a);
        free(b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equality_ignores_case), cmocka_unit_test(words_and_what_is_left),
        cmocka_unit_test(order_is_total),
        cmocka_unit_test(prefixes),
        cmocka_unit_test(cutting),
        cmocka_unit_test(hash_vectors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
