#include "base/test.h"
#include "provider/text.h"

static void test_lines_and_words(void **state)
{
    struct slice rest = SLICE("one  two\n\nthree"), line;
    (void)state;
    assert_true(text_line(&rest, &line));
    assert_slice(text_word(&line), "one");
    assert_slice(text_word(&line), "two");
    assert_int_equal(text_word(&line).n, 0);
    assert_true(text_line(&rest, &line));
    assert_int_equal(line.n, 0);
    assert_true(text_line(&rest, &line));
    assert_slice(line, "three");
    assert_false(text_line(&rest, &line));
    assert_true(text_has_word(SLICE("fpu nx vmx"), "nx"));
    assert_false(text_has_word(SLICE("fpu nxx vmx"), "nx"));
}

static void test_numbers(void **state)
{
    uint64_t v = 7;
    (void)state;
    assert_true(text_u64(SLICE(" 18446744073709551615\n"), &v) && v == UINT64_MAX);
    assert_false(text_u64(SLICE("18446744073709551616"), &v));
    assert_false(text_u64(SLICE("12x"), &v));
    assert_false(text_u64(SLICE(""), &v));
    assert_false(text_u64(SLICE("-1"), &v));
    assert_true(text_hex(SLICE("0xfF"), &v) && v == 255);
    assert_false(text_hex(SLICE("0x"), &v));
    assert_true(text_leading_u64(SLICE("16384 kB"), &v) && v == 16384);
    assert_false(text_leading_u64(SLICE("kB"), &v));
}

static void test_fields(void **state)
{
    struct slice text = SLICE("MemTotalX: 1 kB\nMemTotal:   2 kB\nflags\t\t: a b\nLANG=de\n"), v;
    uint64_t n;
    (void)state;
    assert_true(text_field_u64(text, "MemTotal", ':', &n) && n == 2);
    assert_true(text_field(text, "flags", ':', &v));
    assert_slice(v, "a b");
    assert_true(text_field(text, "LANG", '=', &v));
    assert_slice(v, "de");
    assert_false(text_field(text, "MemFree", ':', &v));
    assert_true(text_field_u64(SLICE("cpu0 1 2\nbtime 99\n"), "btime", ' ', &n) && n == 99);
}

static void test_quotes_and_escapes(void **state)
{
    struct arena a;
    (void)state;
    arena_init(&a, 0);
    assert_slice(text_unquote(&a, SLICE("\"a \\\"b\\\" $c\"")), "a \"b\" $c");
    assert_slice(text_unquote(&a, SLICE("'a\\b'")), "a\\b");
    assert_slice(text_unquote(&a, SLICE("pre\"mid\"post")), "premidpost");
    assert_slice(text_unquote(&a, SLICE("")), "");
    assert_slice(text_unescape_octal(&a, SLICE("/my\\040disk\\134x\\0")), "/my disk\\x\\0");
    assert_slice(text_clean(&a, SLICE(" a\tb\001c\xff\xc3\xa9 \n")), "a bc?\xc3\xa9");
    assert_slice(text_base(SLICE("/a/b")), "b");
    assert_slice(text_base(SLICE("b")), "b");
    arena_free(&a);
}

static void test_natural_order(void **state)
{
    static const char *const sorted[] = { "sda",     "sda1",      "sda2",       "sda10",   "sdb",
                                          "nvme0n1", "nvme0n1p2", "nvme0n1p10", "nvme0n2", "sdaa" };
    (void)state;
    for (size_t i = 0; i + 1 < sizeof sorted / sizeof sorted[0]; i++) {
        struct slice x = slice_str(sorted[i]), y = slice_str(sorted[i + 1]);
        assert_true(text_natural(x, y) < 0);
        assert_true(text_natural(y, x) > 0);
        assert_int_equal(text_natural(x, x), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_and_words), cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_fields),          cmocka_unit_test(test_quotes_and_escapes),
        cmocka_unit_test(test_natural_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
