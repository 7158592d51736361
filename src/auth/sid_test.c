/* SIDs: binary and text against MS-DTYP 2.4.2, the well-known tables, POSIX ids. */
#include <stdlib.h>

#include "auth/sid.h"
#include "base/test.h"

static struct sid of(const char *text)
{
    struct sid s;
    if (!sid_parse(slice_str(text), &s)) fail_msg("%s does not parse", text);
    return s;
}

static void text(void **state)
{
    static const char *const good[] = {
        "S-1-5-32-544", "S-1-0-0", "S-1-5", "S-1-5-21-1-2-3-513", "S-1-4294967295-4294967295",
        "S-1-0x000100000000-1", "S-1-0xffffffffffff-0-0-0-0-0-0-0-0-0-0-0-0-0-0-0",
        "S-1-5-4294967295-4294967295-4294967295-4294967295-4294967295-4294967295-4294967295-4294967295-"
        "4294967295-4294967295-4294967295-4294967295-4294967295-4294967295-4294967295",
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct sid s = of(good[i]), back;
        char out[SID_TEXT];
        sid_format(&s, out);
        assert_string_equal(out, good[i]);
        char bytes[SID_BYTES];
        sid_write(&s, bytes);
        for (size_t n = 0; n < sid_size(&s); n++) {
            char *cut = malloc(n ? n : 1); /* exact, so that the sanitizer sees a read past it */
            memcpy(cut, bytes, n);
            struct cursor c = cursor_of(slice_of(cut, n));
            assert_false(sid_read(&c, &back));
            free(cut);
        }
        struct cursor c = cursor_of(slice_of(bytes, sid_size(&s)));
        assert_true(sid_read(&c, &back) && cursor_left(&c) == 0 && sid_eq(&s, &back));
    }
    struct sid lower = of("s-1-5-32-544");
    assert_true(sid_is(&lower, SID_ADMINISTRATORS));
}

static void bad_text(void **state)
{
    static const char *const bad[] = {
        "", "S", "S-", "S-1", "S-1-", "S-2-5-32", "S-1--5", "S-1-5-", "S-1-05", "S-1-5-032", "S-1-5-32 ",
        " S-1-5", "S-1-4294967296", "S-1-5-4294967296", "S-1-5-99999999999999999999999", "S-1-5-+1",
        "S-1-0x5", "S-1-0x00000000000g", "S-1-5-1-1-1-1-1-1-1-1-1-1-1-1-1-1-1-1", "S-1-5-0x20", "BA",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct sid s;
        if (sid_parse(slice_str(bad[i]), &s)) fail_msg("%s parses", bad[i]);
    }
    /* The longest SID at the start: what follows a SID in SDDL may be a hexadecimal letter. */
    struct sid s;
    assert_int_equal(sid_text_read(SLICE("S-1-5-18D:"), &s), 8);
    assert_true(sid_is(&s, SID_SYSTEM));
}

static void binary(void **state)
{
    /* BUILTIN\Administrators as MS-DTYP 2.5.1.4 spells it. */
    static const char bytes[] = "\1\2\0\0\0\0\0\5\x20\0\0\0\x20\2\0\0";
    struct sid s;
    struct cursor c = cursor_of(slice_of(bytes, 16));
    assert_true(sid_read(&c, &s) && sid_is(&s, SID_ADMINISTRATORS));
    static const char revision[] = "\2\1\0\0\0\0\0\5\x20\0\0\0", count[] = "\1\x10\0\0\0\0\0\5";
    char many[8 + 64] = { 0 };
    memcpy(many, count, 8);
    c = cursor_of(slice_of(revision, 12));
    assert_false(sid_read(&c, &s));
    c = cursor_of(slice_of(many, sizeof many));
    assert_false(sid_read(&c, &s)); /* 16 sub-authorities */
}

static void domains(void **state)
{
    struct sid machine = of("S-1-5-21-1-22-333"), user, full = machine;
    uint32_t rid;
    assert_true(sid_of_rid(&machine, 1000, &user) && sid_in_domain(&user, &machine, &rid));
    assert_int_equal(rid, 1000);
    struct sid direct = of("S-1-5-21-1-22-333-1000"), other = of("S-1-5-21-1-22-334-1000");
    assert_true(sid_eq(&user, &direct));
    assert_false(sid_in_domain(&other, &machine, &rid) || sid_in_domain(&machine, &machine, &rid));
    full.count = SID_SUBS;
    assert_false(sid_of_rid(&full, 1, &user));
}

static void posix(void **state)
{
    struct sid s, expect = of("S-1-22-1-1000"), group = of("S-1-22-2-0");
    uint32_t id = 7;
    assert_true(sid_of_uid(1000, &s) && sid_eq(&s, &expect) && sid_uid(&s, &id) && id == 1000);
    assert_false(sid_gid(&s, &id));
    assert_true(sid_of_gid(0, &s) && sid_eq(&s, &group) && sid_gid(&s, &id) && id == 0);
    assert_false(sid_uid(&s, &id));
    assert_false(sid_of_uid(UINT32_MAX, &s) || sid_of_gid(UINT32_MAX, &s));
    id = 7;
    s = of("S-1-22-1-4294967295");
    assert_false(sid_uid(&s, &id));
    s = of("S-1-22-1");
    assert_false(sid_uid(&s, &id));
    s = of("S-1-22-1-5-6");
    assert_false(sid_uid(&s, &id));
    assert_int_equal(id, 7);
}

static void known(void **state)
{
    /* MS-DTYP 2.4.2.4 and 2.5.1.1, side by side. */
    static const char *const rows[][2] = {
        { "BA", "S-1-5-32-544" }, { "BU", "S-1-5-32-545" }, { "BG", "S-1-5-32-546" }, { "AO", "S-1-5-32-548" },
        { "BO", "S-1-5-32-551" }, { "PO", "S-1-5-32-550" }, { "SO", "S-1-5-32-549" }, { "AU", "S-1-5-11" },
        { "PS", "S-1-5-10" }, { "CO", "S-1-3-0" }, { "CG", "S-1-3-1" }, { "SY", "S-1-5-18" },
        { "PU", "S-1-5-32-547" }, { "WD", "S-1-1-0" }, { "RE", "S-1-5-32-552" }, { "IU", "S-1-5-4" },
        { "NU", "S-1-5-2" }, { "SU", "S-1-5-6" }, { "RC", "S-1-5-12" }, { "WR", "S-1-5-33" }, { "AN", "S-1-5-7" },
        { "LS", "S-1-5-19" }, { "NS", "S-1-5-20" }, { "RD", "S-1-5-32-555" }, { "NO", "S-1-5-32-556" },
        { "MU", "S-1-5-32-558" }, { "LU", "S-1-5-32-559" }, { "IS", "S-1-5-32-568" }, { "CY", "S-1-5-32-569" },
        { "OW", "S-1-3-4" }, { "ER", "S-1-5-32-573" }, { "CD", "S-1-5-32-574" }, { "AC", "S-1-15-2-1" },
        { "RA", "S-1-5-32-575" }, { "ES", "S-1-5-32-576" }, { "MS", "S-1-5-32-577" },
        { "UD", "S-1-5-84-0-0-0-0-0" }, { "HA", "S-1-5-32-578" }, { "AA", "S-1-5-32-579" },
        { "RM", "S-1-5-32-580" }, { "LW", "S-1-16-4096" }, { "ME", "S-1-16-8192" }, { "MP", "S-1-16-8448" },
        { "HI", "S-1-16-12288" }, { "SI", "S-1-16-16384" }, { "ED", "S-1-5-9" }, { "RU", "S-1-5-32-554" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct sid s = of(rows[i][1]), by, named;
        assert_int_equal(sid_by_code(rows[i][0], NULL, &by), SID_CODE_OK);
        if (!sid_eq(&s, &by)) fail_msg("%s", rows[i][0]);
        assert_string_equal(sid_code(&s), rows[i][0]);
        assert_non_null(sid_name(&s));
        assert_true(sid_by_name(slice_str(sid_name(&s)), &named) && sid_eq(&s, &named));
    }
    static const char *const relative[][2] = {
        { "DA", "S-1-5-21-1-2-3-512" }, { "DG", "S-1-5-21-1-2-3-514" }, { "DU", "S-1-5-21-1-2-3-513" },
        { "DD", "S-1-5-21-1-2-3-516" }, { "DC", "S-1-5-21-1-2-3-515" }, { "LA", "S-1-5-21-1-2-3-500" },
        { "LG", "S-1-5-21-1-2-3-501" }, { "SA", "S-1-5-21-1-2-3-518" }, { "CA", "S-1-5-21-1-2-3-517" },
        { "RS", "S-1-5-21-1-2-3-553" }, { "EA", "S-1-5-21-1-2-3-519" }, { "PA", "S-1-5-21-1-2-3-520" },
        { "RO", "S-1-5-21-1-2-3-498" }, { "CN", "S-1-5-21-1-2-3-522" },
    };
    struct sid domain = of("S-1-5-21-1-2-3");
    for (size_t i = 0; i < sizeof relative / sizeof *relative; i++) {
        struct sid s = of(relative[i][1]), by;
        assert_int_equal(sid_by_code(relative[i][0], &domain, &by), SID_CODE_OK);
        if (!sid_eq(&s, &by)) fail_msg("%s", relative[i][0]);
        assert_int_equal(sid_by_code(relative[i][0], NULL, &by), SID_CODE_DOMAIN);
        assert_null(sid_code(&s));
    }
    struct sid s;
    assert_int_equal(sid_by_code("ZZ", &domain, &s), SID_CODE_UNKNOWN);
    assert_int_equal(sid_by_code("ba", NULL, &s), SID_CODE_OK);
    assert_null(sid_name(&domain));
}

static void names(void **state)
{
    struct sid s;
    assert_true(sid_by_name(SLICE("nt authority\\system"), &s) && sid_is(&s, SID_SYSTEM));
    assert_true(sid_builtin(SLICE("event log readers"), &s) && s.sub[1] == 573);
    assert_true(sid_builtin(SLICE("Administrators"), &s) && sid_is(&s, SID_ADMINISTRATORS));
    /* What an account or group may be called must never be one of these. */
    assert_false(sid_by_name(SLICE("SYSTEM"), &s) || sid_by_name(SLICE("Administrators"), &s));
    assert_false(sid_builtin(SLICE("SYSTEM"), &s) || sid_builtin(SLICE("Everyone"), &s) ||
                 sid_builtin(SLICE("BUILTIN\\Users"), &s) || sid_builtin(SLICE(""), &s));
    for (int i = 0; i <= SID_LOCAL_ADMINISTRATOR; i++) {
        struct sid k = sid_known((enum sid_known)i);
        assert_true(sid_name(&k) && sid_is(&k, (enum sid_known)i));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text), cmocka_unit_test(bad_text), cmocka_unit_test(binary),
        cmocka_unit_test(domains), cmocka_unit_test(posix), cmocka_unit_test(known),
        cmocka_unit_test(names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
