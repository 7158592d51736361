/* Tokens and the access check: MS-DTYP 2.5.3.2, MS-WMI 5.2, MS-WSMV 3.1.4.1.28. */
#include "auth/access.h"
#include "auth/principal_priv.h"
#include "auth/sddl.h"
#include "base/test.h"

static struct arena arena;
static const struct access_token *alice, *admin, *nobody;

static const struct access_token *token(struct principal_data d)
{
    const struct principal *p = principal_make(&d);
    const struct access_token *t = NULL;
    assert_int_equal(access_token_make(&arena, p, NULL, 0, &t, NULL), CIMF_OK);
    principal_unref(p);
    return t;
}

static int setup(void **state)
{
    static const struct slice groups[] = { { "event log readers", 17 }, { "SYSTEM", 6 }, { "Administrators", 14 } };
    arena_init(&arena, 0);
    alice = token((struct principal_data){ .name = SLICE("alice"), .sid = "S-1-5-21-1-2-3-1000", .uid = 1001,
                                           .gid = 100, .has_posix = true, .scheme = AUTH_NTLM,
                                           .groups = groups, .group_count = 3 });
    admin = token((struct principal_data){ .name = SLICE("root"), .sid = "S-1-5-21-1-2-3-1001",
                                           .administrator = true, .scheme = AUTH_LOCAL });
    nobody = token((struct principal_data){ .name = SLICE(""), .sid = "S-1-5-7", .administrator = true,
                                            .scheme = AUTH_NTLM });
    return 0;
}

static int teardown(void **state)
{
    arena_free(&arena);
    return 0;
}

static const struct sd *sd_of(const char *text)
{
    const struct sd *sd = NULL;
    if (sddl_parse(&arena, slice_str(text), NULL, &sd, NULL) != CIMF_OK) fail_msg("%s", text);
    return sd;
}

static bool has(const struct access_token *t, const char *text)
{
    struct sid s;
    assert_true(sid_parse(slice_str(text), &s));
    return access_token_has(t, &s);
}

static void tokens(void **state)
{
    static const char *const of_alice[] = { "S-1-5-21-1-2-3-1000", "S-1-22-1-1001", "S-1-22-2-100", "S-1-1-0",
        "S-1-5-11", "S-1-5-2", "S-1-5-15", "S-1-5-32-545", "S-1-5-32-573", "S-1-5-64-10", "S-1-5-113" };
    assert_int_equal(alice->count, sizeof of_alice / sizeof *of_alice);
    for (size_t i = 0; i < alice->count; i++) assert_true(has(alice, of_alice[i]));
    assert_false(alice->security || alice->take_ownership);
    assert_true(has(admin, "S-1-5-32-544") && has(admin, "S-1-5-4") && has(admin, "S-1-2-0") &&
                has(admin, "S-1-5-114") && !has(admin, "S-1-5-2") && admin->security);
    assert_false(has(admin, "S-1-22-1-0") || has(admin, "S-1-22-1-4294967295"));
    /* Anonymous stays so, whatever else the principal says. */
    assert_int_equal(nobody->count, 2);
    assert_true(has(nobody, "S-1-5-7") && has(nobody, "S-1-5-2") && !nobody->security);

    static const struct slice guests = { "Guests", 6 };
    const struct access_token *guest = token((struct principal_data){ .name = SLICE("g"),
        .sid = "S-1-5-21-1-2-3-501", .domain = SLICE("CORP"), .groups = &guests, .group_count = 1,
        .scheme = AUTH_DIGEST });
    assert_true(has(guest, "S-1-5-32-546") && has(guest, "S-1-1-0") && has(guest, "S-1-5-64-21"));
    assert_false(has(guest, "S-1-5-11") || has(guest, "S-1-5-32-545") || has(guest, "S-1-5-113"));

    struct sid more[2] = { { 5, { 21, 9, 9, 9, 512 }, 5 }, { 5, { 21, 9, 9, 9, 512 }, 5 } };
    struct principal_data d = { .name = SLICE("x"), .sid = "S-1-5-21-9-9-9-1", .scheme = AUTH_CERTIFICATE };
    const struct principal *p = principal_make(&d);
    const struct access_token *t = NULL;
    assert_int_equal(access_token_make(&arena, p, more, 2, &t, NULL), CIMF_OK);
    assert_true(has(t, "S-1-5-21-9-9-9-512") && has(t, "S-1-5-64-14") && t->count == 9);
    assert_int_equal(access_token_make(&arena, p, more, ACCESS_TOKEN_SIDS, &t, NULL), CIMF_INVALID_PARAMETER);
    principal_unref(p);
    static const char *const bad[] = { "", "alice", "S-1-5-", "S-1-5-21-1-2-3-1000 " };
    for (size_t i = 0; i < 4; i++) {
        d.sid = bad[i];
        p = principal_make(&d);
        t = NULL;
        assert_int_equal(access_token_make(&arena, p, NULL, 0, &t, NULL), CIMF_INVALID_PARAMETER);
        assert_null(t);
        principal_unref(p);
    }
    assert_int_equal(access_token_make(&arena, NULL, NULL, 0, &t, NULL), CIMF_INVALID_PARAMETER);
}

/* who: a alice, r admin, n anonymous. granted 0 means denied. */
static void checks(void **state)
{
    static const struct {
        const char *sddl;
        char who;
        uint32_t desired, granted;
    } rows[] = {
        /* no DACL, NULL DACL, empty DACL */
        { "O:SY", 'a', 0x21, 0x21 }, { "O:SYD:NO_ACCESS_CONTROL", 'n', 0x21, 0x21 }, { "O:SYD:", 'a', 1, 0 },
        { "O:SYD:", 'r', 1, 0 }, { "D:P", 'r', ACCESS_MAXIMUM_ALLOWED, 0 },
        { "O:SYD:NO_ACCESS_CONTROL", 'a', ACCESS_MAXIMUM_ALLOWED, 0x600FF },
        /* the owner */
        { "O:S-1-22-1-1001D:", 'a', 0x60000, 0x60000 }, { "O:S-1-22-1-1001D:", 'a', 0x60001, 0 },
        { "O:S-1-22-1-1001D:", 'a', ACCESS_MAXIMUM_ALLOWED, 0x60000 }, { "O:S-1-22-1-1001D:", 'r', 0x20000, 0 },
        { "O:S-1-22-1-1001D:(A;;RC;;;OW)", 'a', 0x20000, 0x20000 },
        { "O:S-1-22-1-1001D:(A;;RC;;;OW)", 'a', 0x40000, 0 },
        { "O:S-1-22-1-1001D:(A;IOCI;RC;;;OW)", 'a', 0x40000, 0x40000 },
        { "O:SYD:(A;;RC;;;OW)", 'a', 0x20000, 0 },
        { "O:S-1-22-1-1001D:(D;;RCWD;;;WD)", 'a', 0x60000, 0x60000 },
        { "O:S-1-22-1-1001D:(D;;RCWD;;;WD)(A;;CC;;;WD)", 'a', ACCESS_MAXIMUM_ALLOWED, 0x60001 },
        /* order as stored; several ACEs together */
        { "D:(D;;CC;;;AU)(A;;CC;;;WD)", 'a', 1, 0 }, { "D:(A;;CC;;;WD)(D;;CC;;;AU)", 'a', 1, 1 },
        { "D:(A;;CC;;;WD)(D;;CC;;;AU)", 'a', ACCESS_MAXIMUM_ALLOWED, 0 },
        { "D:(A;;CC;;;WD)(A;;DC;;;AU)", 'a', 3, 3 }, { "D:(A;;CC;;;WD)(A;;DC;;;AU)", 'a', 7, 0 },
        { "D:(D;;LC;;;AU)(A;;CCDCLC;;;AU)", 'a', 3, 3 }, { "D:(D;;LC;;;AU)(A;;CCDCLC;;;AU)", 'a', 7, 0 },
        { "D:(D;;LC;;;AU)(A;;CCDCLC;;;AU)", 'a', ACCESS_MAXIMUM_ALLOWED, 3 },
        { "D:(D;;LC;;;AU)(A;;CCDCLC;;;AU)", 'a', ACCESS_MAXIMUM_ALLOWED | 2, 3 },
        { "D:(D;;LC;;;AU)(A;;CCDCLC;;;AU)", 'a', ACCESS_MAXIMUM_ALLOWED | 4, 0 },
        { "D:(D;;;;;AU)(A;;CC;;;AU)", 'a', 1, 1 }, { "D:(D;;CC;;;BA)(A;;CC;;;AU)", 'a', 1, 1 },
        /* inherit-only, foreign, anonymous */
        { "D:(A;CIIO;CC;;;WD)", 'a', 1, 0 }, { "D:(D;CIIO;CC;;;WD)(A;;CC;;;WD)", 'a', 1, 1 },
        { "D:(A;;CC;;;S-1-5-21-1-2-3-1002)", 'a', 1, 0 }, { "D:(A;;CC;;;SY)", 'a', 1, 0 },
        { "D:(A;;CC;;;WD)(A;;CC;;;AU)", 'n', 1, 0 }, { "D:(A;;CC;;;AN)", 'n', 1, 1 },
        { "D:(A;;CC;;;BA)", 'n', 1, 0 }, { "D:(A;;CC;;;CO)", 'a', 1, 0 }, { "D:(A;;CC;;;PS)", 'a', 1, 0 },
        { "D:(A;;CC;;;S-1-22-2-100)", 'a', 1, 1 }, { "D:(A;;CC;;;ER)", 'a', 1, 1 },
        /* generic rights on both sides */
        { "D:(A;;GA;;;AU)", 'a', 0x27, 0x27 }, { "D:(A;;GR;;;AU)", 'a', 0x20001, 0x20001 },
        { "D:(A;;GR;;;AU)", 'a', 2, 0 }, { "D:(A;;CCRC;;;AU)", 'a', ACCESS_GENERIC_READ, 0x20001 },
        { "D:(A;;CC;;;AU)", 'a', ACCESS_GENERIC_READ, 0 }, { "D:(D;;GW;;;AU)(A;;GA;;;AU)", 'a', 0x10, 0 },
        { "D:(A;;GA;;;AU)", 'a', ACCESS_MAXIMUM_ALLOWED, 0x600FF },
        { "D:(A;;GA;;;BA)", 'r', ACCESS_GENERIC_ALL, 0x600FF },
        /* the SACL and the owner: by privilege only */
        { "D:(A;;0x1ffffff;;;WD)", 'a', ACCESS_SYSTEM_SECURITY, 0 }, { "D:", 'r', ACCESS_SYSTEM_SECURITY, ACCESS_SYSTEM_SECURITY },
        { "D:", 'a', ACCESS_SYSTEM_SECURITY, 0 }, { "D:", 'r', ACCESS_SYSTEM_SECURITY | 1, 0 },
        { "D:(A;;0xffffffff;;;WD)", 'a', ACCESS_MAXIMUM_ALLOWED, 0xCFFFFFF },
        { "D:", 'r', ACCESS_WRITE_OWNER, ACCESS_WRITE_OWNER }, { "D:", 'a', ACCESS_WRITE_OWNER, 0 },
        /* object ACEs: no types are given */
        { "D:(OA;;CC;;;AU)", 'a', 1, 1 }, { "D:(OD;;CC;;;AU)(A;;CC;;;AU)", 'a', 1, 0 },
        { "D:(OA;;CC;bf967aba-0de6-11d0-a285-00aa003049e2;;AU)", 'a', 1, 0 },
        { "D:(OD;;CC;bf967aba-0de6-11d0-a285-00aa003049e2;;AU)(A;;CC;;;AU)", 'a', 1, 1 },
        /* nothing asked */
        { "O:SY", 'r', 0, 0 },
        /* MS-WMI defaults */
        { ACCESS_NAMESPACE_SDDL, 'a', 0x13, 0x13 }, { ACCESS_NAMESPACE_SDDL, 'a', ACCESS_WMI_REMOTE_ENABLE, 0 },
        { ACCESS_NAMESPACE_SDDL, 'a', ACCESS_MAXIMUM_ALLOWED, 0x13 },
        { ACCESS_NAMESPACE_SDDL, 'r', ACCESS_MAXIMUM_ALLOWED, 0x6003F },
        { ACCESS_NAMESPACE_SDDL, 'a', ACCESS_WRITE_DAC, 0 }, { ACCESS_NAMESPACE_SDDL, 'n', 1, 0 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct access_token *t = rows[i].who == 'a' ? alice : rows[i].who == 'r' ? admin : nobody;
        uint32_t granted = 0xAA;
        cimf_status st = access_check(t, sd_of(rows[i].sddl), rows[i].desired, &access_namespace, &granted);
        if (granted != rows[i].granted || st != (granted ? CIMF_OK : CIMF_ACCESS_DENIED))
            fail_msg("%s %c %x: got %x", rows[i].sddl, rows[i].who, (unsigned)rows[i].desired, (unsigned)granted);
    }
    uint32_t granted = 1;
    assert_int_equal(access_check(NULL, sd_of("D:NO_ACCESS_CONTROL"), 1, &access_namespace, &granted),
                     CIMF_ACCESS_DENIED);
    assert_int_equal(granted, 0);
    assert_int_equal(access_check(admin, NULL, 1, &access_namespace, NULL), CIMF_ACCESS_DENIED);
}

static void wsman_root(void **state)
{
    const struct sd *root = sd_of(ACCESS_WSMAN_SDDL), *read = sd_of("D:(A;;GA;;;BA)(A;;GR;;;AU)");
    static const uint32_t rights[] = { ACCESS_GENERIC_READ, ACCESS_GENERIC_WRITE, ACCESS_GENERIC_EXECUTE };
    for (int i = 0; i < 3; i++) {
        uint32_t granted;
        assert_int_equal(access_check(admin, root, rights[i], &access_wsman, &granted), CIMF_OK);
        assert_int_equal(granted, rights[i]);
        assert_int_equal(access_check(alice, root, rights[i], &access_wsman, NULL), CIMF_ACCESS_DENIED);
        assert_int_equal(access_check(alice, read, rights[i], &access_wsman, NULL),
                         i == 0 ? CIMF_OK : CIMF_ACCESS_DENIED);
    }
    /* S:P(AU;FA;GA;;;WD)(AU;SA;GWGX;;;WD): every refusal, and each use of write and execute. */
    assert_true(access_audited(alice, root, ACCESS_GENERIC_READ, false, &access_wsman));
    assert_true(access_audited(nobody, root, ACCESS_GENERIC_READ, false, &access_wsman));
    assert_true(access_audited(NULL, root, ACCESS_GENERIC_EXECUTE, false, &access_wsman));
    assert_false(access_audited(admin, root, ACCESS_GENERIC_READ, true, &access_wsman));
    assert_true(access_audited(admin, root, ACCESS_GENERIC_WRITE, true, &access_wsman));
    assert_true(access_audited(admin, root, ACCESS_GENERIC_EXECUTE, true, &access_wsman));
    assert_false(access_audited(admin, read, ACCESS_GENERIC_EXECUTE, false, &access_wsman));
    const struct sd *own = sd_of("S:(AU;SA;GA;;;S-1-22-1-1001)(AU;CIIOFA;GA;;;WD)");
    assert_true(access_audited(alice, own, ACCESS_GENERIC_READ, true, &access_wsman));
    assert_false(access_audited(admin, own, ACCESS_GENERIC_READ, true, &access_wsman));
    assert_false(access_audited(alice, own, ACCESS_GENERIC_READ, false, &access_wsman));
}

static void conditions(void **state)
{
    struct ace aces[2] = { { .type = ACE_ALLOW_CALLBACK, .mask = 1, .data = SLICE("artx") },
                           { .type = ACE_ALLOW, .mask = 2 } };
    aces[0].sid = aces[1].sid = sid_known(SID_EVERYONE);
    struct acl acl = { 2, 2, aces };
    struct sd sd = { .control = SD_DACL_PRESENT, .dacl = &acl };
    assert_int_equal(access_check(alice, &sd, 1, &access_namespace, NULL), CIMF_ACCESS_DENIED);
    assert_int_equal(access_check(alice, &sd, 2, &access_namespace, NULL), CIMF_OK);
    aces[0].type = ACE_DENY_CALLBACK, aces[0].mask = 2;
    assert_int_equal(access_check(alice, &sd, 2, &access_namespace, NULL), CIMF_ACCESS_DENIED);
    aces[0] = (struct ace){ .type = 0x55, .opaque = true }; /* unknown: no effect */
    assert_int_equal(access_check(alice, &sd, 2, &access_namespace, NULL), CIMF_OK);
}

/* What MAXIMUM_ALLOWED answers, each single request gets too; with denials first, exactly that. */
static void maximum_agrees(void **state)
{
    uint32_t seed = 7;
    for (int round = 0; round < 2000; round++) {
        static const enum sid_known who[] = { SID_EVERYONE, SID_AUTHENTICATED, SID_ADMINISTRATORS, SID_USERS };
        struct ace aces[5];
        bool canonical = round & 1;
        for (int i = 0; i < 5; i++) {
            seed = seed * 1664525 + 1013904223;
            aces[i] = (struct ace){ .type = canonical ? i < 2 : seed >> 30 & 1, .mask = seed >> 20 & 0x3F,
                                    .sid = sid_known(who[seed >> 16 & 3]) };
        }
        struct acl acl = { 2, 5, aces };
        struct sd sd = { .control = SD_DACL_PRESENT, .dacl = &acl };
        uint32_t most = 0, single = 0;
        access_check(alice, &sd, ACCESS_MAXIMUM_ALLOWED, &access_namespace, &most);
        for (uint32_t bit = 1; bit < 0x40; bit <<= 1)
            if (access_check(alice, &sd, bit, &access_namespace, NULL) == CIMF_OK) single |= bit;
        assert_int_equal(most & ~single, 0);
        if (canonical) assert_int_equal(most, single);
        if (most) assert_int_equal(access_check(alice, &sd, most, &access_namespace, NULL), CIMF_OK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(tokens, setup, teardown),
        cmocka_unit_test_setup_teardown(checks, setup, teardown),
        cmocka_unit_test_setup_teardown(wsman_root, setup, teardown),
        cmocka_unit_test_setup_teardown(conditions, setup, teardown),
        cmocka_unit_test_setup_teardown(maximum_agrees, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
