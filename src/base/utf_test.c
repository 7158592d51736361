#include "base/utf.h"

#include "base/test.h"

static void validity(void **state)
{
    static const char *const good[] = { "", "ascii only, and long", "\xc2\x80", "\xdf\xbf",
        "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf" };
    static const char *const bad[] = { "\x80", "\xc0\x80", "\xc1\xbf", "\xc2", "\xe0\x9f\xbf", "\xe2\x82",
        "\xed\xa0\x80", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff",
        "long enough for words \xfe", "\xe2\x28\xa1" };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) assert_true(utf8_valid(slice_str(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) assert_false(utf8_valid(slice_str(bad[i])));
    assert_true(utf8_is_ascii(SLICE("0123456789abcdef!")));
    assert_false(utf8_is_ascii(SLICE("0123456789abcdef\x80")));
    assert_false(utf8_is_ascii(SLICE("0123\x80" "56789abcdef")));
}

static void every_code_point_goes_round(void **state)
{
    struct buf b;
    buf_init(&b, 0);
    for (uint32_t c = 0; c <= 0x10FFFF; c++) {
        buf_clear(&b);
        assert_true(utf8_put(&b, c));
        const char *p = b.p, *end = b.p + b.n;
        bool valid = true, strict = true;
        if (utf8_next(&p, end, true, &valid) != c || p != end || !valid) fail_msg("U+%04X", (unsigned)c);
        p = b.p;
        utf8_next(&p, end, false, &strict);
        bool surrogate = c >= 0xD800 && c < 0xE000;
        if (strict == surrogate || (surrogate && p != b.p + 1)) fail_msg("U+%04X", (unsigned)c);
    }
    buf_clear(&b);
    utf8_put(&b, 0x110000);
    assert_slice(buf_slice(&b), "\xef\xbf\xbd");
    buf_free(&b);
}

static void next_at_the_end_stays(void **state)
{
    const char *p = "x";
    bool valid = true;
    assert_int_equal(utf8_next(&p, p, false, &valid), 0xFFFD);
    assert_false(valid);
    assert_int_equal(*p, 'x');
}

static void sixteen_both_orders(void **state)
{
    struct arena a;
    struct slice out;
    arena_init(&a, 0);
    assert_int_equal(utf16_to_utf8(&a, SLICE("A\0\xe9\0\x3d\xd8\x00\xde"), UTF16_LE, true, &out), CIMF_OK);
    assert_slice(out, "A\xc3\xa9\xf0\x9f\x98\x80");
    assert_int_equal(out.p[out.n], 0);
    assert_int_equal(utf16_to_utf8(&a, SLICE("\0A\0\xe9\xd8\x3d\xde\x00"), UTF16_BE, true, &out), CIMF_OK);
    assert_slice(out, "A\xc3\xa9\xf0\x9f\x98\x80");
    struct buf b;
    buf_init(&b, 0);
    assert_true(utf8_to_utf16(&b, out, UTF16_BE));
    assert_true(slice_eq(buf_slice(&b), SLICE("\0A\0\xe9\xd8\x3d\xde\x00")));
    assert_int_equal(utf16_units(out), b.n / 2);
    buf_free(&b);
    assert_int_equal(utf16_to_utf8(&a, SLICE("A\0b"), UTF16_LE, false, &out), CIMF_BAD_REQUEST);
    assert_int_equal(utf16_to_utf8(&a, SLICE_NULL, UTF16_LE, false, &out), CIMF_OK);
    assert_int_equal(out.n, 0);
    arena_free(&a);
}

static void lone_surrogates(void **state)
{
    static const struct slice lone[] = {
        { "\x00\xd8", 2 }, { "\x00\xdc", 2 }, { "\x00\xdc\x00\xd8", 4 }, { "\x00\xd8" "A\0", 4 } };
    for (size_t i = 0; i < sizeof lone / sizeof *lone; i++) {
        struct arena a;
        struct slice out;
        struct buf b;
        arena_init(&a, 0);
        buf_init(&b, 0);
        assert_int_equal(utf16_to_utf8(&a, lone[i], UTF16_LE, true, &out), CIMF_BAD_REQUEST);
        assert_int_equal(utf16_to_utf8(&a, lone[i], UTF16_LE, false, &out), CIMF_OK);
        assert_true(utf8_to_utf16(&b, out, UTF16_LE));
        assert_true(slice_eq(buf_slice(&b), lone[i]));
        buf_free(&b);
        arena_free(&a);
    }
}

static void out_of_room(void **state)
{
    struct arena a;
    struct slice out;
    arena_init(&a, 16);
    assert_int_equal(utf16_to_utf8(&a, SLICE("A\0b\0"), UTF16_LE, true, &out), CIMF_OUT_OF_MEMORY);
    arena_free(&a);
    struct buf b;
    buf_init(&b, 5);
    assert_true(buf_byte(&b, '!'));
    assert_false(utf8_to_utf16(&b, SLICE("abc"), UTF16_LE));
    assert_false(buf_ok(&b));
    assert_int_equal(b.n, 1);
    buf_clear(&b);
    assert_false(utf8_to_utf16(&b, SLICE("a\xff"), UTF16_LE));
    assert_int_equal(b.n, 0);
    assert_true(buf_ok(&b));
    buf_free(&b);
}

static void folds(void **state)
{
    static const struct { uint32_t from, to; } pairs[] = {
        { 'A', 'a' }, { '@', '@' }, { '[', '[' }, { 'i', 'i' }, { 'I', 'i' }, { 0xC9, 0xE9 }, { 0xD7, 0xD7 },
        { 0xDF, 0xDF }, { 0x1E9E, 0xDF }, { 0x130, 0x130 }, { 0x131, 0x131 }, { 0x178, 0xFF },
        { 0x17F, 's' }, { 0x212A, 'k' }, { 0x3A3, 0x3C3 }, { 0x3C2, 0x3C3 }, { 0x410, 0x430 },
        { 0x13A0, 0x13A0 }, { 0x13F8, 0x13F0 }, { 0xAB70, 0x13A0 }, { 0x1F88, 0x1F80 },
        { 0x10400, 0x10428 }, { 0x1E921, 0x1E943 }, { 0x10FFFF, 0x10FFFF } };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        if (utf_fold(pairs[i].from) != pairs[i].to) fail_msg("U+%04X", (unsigned)pairs[i].from);
    }
    unsigned changed = 0;
    for (uint32_t c = 0; c <= 0x10FFFF; c++) {
        uint32_t f = utf_fold(c);
        if (f != c) changed++;
        if (utf_fold(f) != f) fail_msg("U+%04X folds twice", (unsigned)c);
    }
    assert_int_equal(changed, 1428 + 26);
}

static void uppers(void **state)
{
    static const struct { uint32_t from, to; } pairs[] = {
        { 'a', 'A' }, { 'z', 'Z' }, { '{', '{' }, { '`', '`' }, { 0xE9, 0xC9 }, { 0xF7, 0xF7 }, { 0xFF, 0x178 },
        { 0xB5, 0xB5 }, { 0x131, 0x131 }, { 0x17F, 0x17F }, { 0xDF, 0xDF }, { 0x3C2, 0x3A3 }, { 0x430, 0x410 },
        { 0x10428, 0x10428 } };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        if (utf_upper(pairs[i].from) != pairs[i].to) fail_msg("U+%04X", (unsigned)pairs[i].from);
    }
    for (uint32_t c = 0; c <= 0x10FFFF; c++) {
        uint32_t u = utf_upper(c);
        if (utf_upper(u) != u) fail_msg("U+%04X changes twice", (unsigned)c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(validity),
        cmocka_unit_test(every_code_point_goes_round),
        cmocka_unit_test(next_at_the_end_stays),
        cmocka_unit_test(sixteen_both_orders),
        cmocka_unit_test(lone_surrogates),
        cmocka_unit_test(out_of_room),
        cmocka_unit_test(folds),
        cmocka_unit_test(uppers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
