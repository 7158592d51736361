#include "base/guid.h"

#include "base/test.h"

static void text_both_ways(void **state)
{
    static const char *const forms[] = { "00112233-4455-6677-8899-AABBCCDDEEFF",
        "{00112233-4455-6677-8899-aabbccddeeff}", "uuid:00112233-4455-6677-8899-aabbccddeeff",
        "urn:uuid:00112233-4455-6677-8899-aabbccddeeff", "UUID:00112233-4455-6677-8899-aabbccddeeff" };
    const struct guid want = { 0x00112233, 0x4455, 0x6677,
                               { 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff } };
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        struct guid g;
        assert_true(guid_parse(slice_str(forms[i]), &g));
        assert_true(guid_eq(&g, &want));
    }
    char out[GUID_TEXT];
    guid_format(&want, false, out);
    assert_string_equal(out, "00112233-4455-6677-8899-aabbccddeeff");
    guid_format(&want, true, out);
    assert_string_equal(out, "00112233-4455-6677-8899-AABBCCDDEEFF");
}

static void bad_texts(void **state)
{
    static const char *const bad[] = { "", "{", "{}", "uuid:", "00112233-4455-6677-8899-aabbccddeef",
        "00112233-4455-6677-8899-aabbccddeefff", "00112233-4455-6677-8899_aabbccddeeff",
        "0011223g-4455-6677-8899-aabbccddeeff", "{00112233-4455-6677-8899-aabbccddeeff",
        "00112233445566778899aabbccddeeff", "-0112233-4455-6677-8899-aabbccddeeff",
        "0011223--4455-6677-8899-aabbccddeeff" };
    struct guid g;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (guid_parse(slice_str(bad[i]), &g)) fail_msg("accepted '%s'", bad[i]);
    }
}

static void random_ones_are_version_4_and_differ(void **state)
{
    struct guid a, b;
    for (int i = 0; i < 100; i++) {
        guid_random(&a);
        guid_random(&b);
        assert_false(guid_eq(&a, &b));
        assert_int_equal(a.data3 >> 12, 4);
        assert_int_equal(a.data4[0] >> 6, 2);
    }
    char text[GUID_TEXT];
    guid_format(&a, true, text);
    assert_true(guid_parse(slice_str(text), &b));
    assert_true(guid_eq(&a, &b));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_both_ways),
        cmocka_unit_test(bad_texts),
        cmocka_unit_test(random_ones_are_version_4_and_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
