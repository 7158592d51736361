/* SDDL: the example of MS-DTYP 2.5.1.4, texts that Windows prints, columns of errors, both ways. */
#include <stdlib.h>

#include "auth/sddl.h"
#include "base/test.h"
#include "base/test_arena.h"

static const struct sid domain = { 5, { 21, 1, 2, 3 }, 4 };

static const struct sd *read_text(const char *text)
{
    const struct sd *sd = NULL;
    struct error e = ERROR_INIT;
    if (sddl_parse(&arena, slice_str(text), &domain, &sd, &e) != CIMF_OK)
        fail_msg("%s: column %u: %s", text, e.column, e.text);
    return sd;
}

static void written_as(const struct sd *sd, const char *expect)
{
    struct buf b;
    buf_init(&b, 0);
    assert_int_equal(sddl_write(sd, &b, NULL), CIMF_OK);
    assert_string_equal(buf_strz(&b), expect);
    buf_free(&b);
}

static void spec_example(void **state)
{
    /* 2.5.1.4: the bytes that this text yields. */
    static const unsigned char bytes[] =
        "\x01\x00\x14\xb0\x90\x00\x00\x00\xa0\x00\x00\x00\x14\x00\x00\x00\x30\x00\x00\x00\x02\x00\x1c\x00"
        "\x01\x00\x00\x00\x02\x80\x14\x00\x00\x00\x00\x80\x01\x01\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00"
        "\x02\x00\x60\x00\x04\x00\x00\x00\x00\x03\x18\x00\x00\x00\x00\xa0\x01\x02\x00\x00\x00\x00\x00\x05"
        "\x20\x00\x00\x00\x21\x02\x00\x00\x00\x03\x18\x00\x00\x00\x00\x10\x01\x02\x00\x00\x00\x00\x00\x05"
        "\x20\x00\x00\x00\x20\x02\x00\x00\x00\x03\x14\x00\x00\x00\x00\x10\x01\x01\x00\x00\x00\x00\x00\x05"
        "\x12\x00\x00\x00\x00\x03\x14\x00\x00\x00\x00\x10\x01\x01\x00\x00\x00\x00\x00\x03\x00\x00\x00\x00"
        "\x01\x02\x00\x00\x00\x00\x00\x05\x20\x00\x00\x00\x20\x02\x00\x00\x01\x02\x00\x00\x00\x00\x00\x05"
        "\x20\x00\x00\x00\x20\x02\x00\x00";
    const struct sd *sd = read_text("O:BAG:BAD:P(A;CIOI;GRGX;;;BU)(A;CIOI;GA;;;BA)(A;CIOI;GA;;;SY)"
                                    "(A;CIOI;GA;;;CO)S:P(AU;FA;GR;;;WD)");
    struct buf b;
    buf_init(&b, 0);
    assert_int_equal(sd_write(sd, &b, NULL), CIMF_OK);
    assert_int_equal(b.n, sizeof bytes - 1);
    assert_memory_equal(b.p, bytes, sizeof bytes - 1);
    buf_free(&b);
    written_as(sd, "O:BAG:BAD:P(A;OICI;GXGR;;;BU)(A;OICI;GA;;;BA)(A;OICI;GA;;;SY)(A;OICI;GA;;;CO)"
                   "S:P(AU;FA;GR;;;WD)");
}

static void canonical(void **state)
{
    /* Texts that come back as they are. */
    static const char *const same[] = {
        "", "O:BA", "G:SY", "D:", "S:", "D:P", "D:NO_ACCESS_CONTROL", "D:PARAI", "S:PARAINO_ACCESS_CONTROL",
        "O:NSG:BAD:P(A;;GA;;;BA)S:P(AU;FA;GA;;;WD)(AU;SA;GXGW;;;WD)",
        "O:BAG:BAD:(A;CIID;CCDCLCSWRPWPRCWD;;;BA)(A;CIID;CCDCRP;;;NS)(A;CIID;CCDCRP;;;LS)"
        "(A;CIID;CCDCRP;;;AU)",
        "O:S-1-22-1-1000G:S-1-22-2-1000D:AI(D;OICINPIOID;FA;;;WD)(A;;FR;;;AU)(A;;FW;;;AU)(A;;FX;;;AU)",
        "D:(A;;KA;;;SY)(A;;KR;;;BU)(A;;KW;;;BU)(A;;0x1200a9;;;IU)(A;;;;;AN)(A;;0x2000000;;;WD)",
        "D:(OA;CI;RP;4c164200-20c0-11d0-a768-00aa006e0529;;RU)"
        "(OD;;CR;;bf967aba-0de6-11d0-a285-00aa003049e2;PS)"
        "(OA;;CCDC;bf967aba-0de6-11d0-a285-00aa003049e2;4c164200-20c0-11d0-a768-00aa006e0529;AO)"
        "(OA;;WP;;;PS)",
        "S:(AU;SAFA;WDWO;;;WD)(ML;;NW;;;LW)(ML;;NWNRNX;;;HI)(SP;;;;;S-1-17-1-2)",
        "O:S-1-5-21-1-2-3-500G:S-1-5-21-1-2-3-513D:(A;;CCDCLCSWRPWPDTLOCRSDRCWDWO;;;S-1-0x00ff00000000-1)",
    };
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) written_as(read_text(same[i]), same[i]);
}

static void lenient(void **state)
{
    static const char *const pairs[][2] = {
        { "o:bag:Syd:p(a;oici;ga;;;wd)", "O:BAG:SYD:P(A;OICI;GA;;;WD)" },
        { "S:(AU;SA;GA;;;WD)D:(A;;GA;;;BA)O:BA", "O:BAD:(A;;GA;;;BA)S:(AU;SA;GA;;;WD)" },
        { " O: BA\tD: P ( A ; CI OI ; GR GX ; ; ; BU ) \r\n (D;;1;;;AN) ",
          "O:BAD:P(A;OICI;GXGR;;;BU)(D;;CC;;;AN)" },
        { "D:(A;;0x3f;;;WD)(A;;017;;;WD)(A;;19;;;WD)(A;;4294967295;;;WD)(A;;0;;;WD)(A;;0X0000000010;;;WD)",
          "D:(A;;CCDCLCSWRPWP;;;WD)(A;;CCDCLCSW;;;WD)(A;;CCDCRP;;;WD)(A;;0xffffffff;;;WD)(A;;;;;WD)"
          "(A;;RP;;;WD)" },
        { "O:LAG:DUD:(A;;GA;;;DA)", "O:S-1-5-21-1-2-3-500G:S-1-5-21-1-2-3-513D:(A;;GA;;;S-1-5-21-1-2-3-512)" },
        { "D:(A;;KX;;;WD)(A;;FRFW;;;WD)", "D:(A;;KR;;;WD)(A;;0x12019f;;;WD)" },
        { "O:S-1-5-18D:(A;;GA;;;s-1-1-0)", "O:SYD:(A;;GA;;;WD)" },
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) written_as(read_text(pairs[i][0]), pairs[i][1]);
}

static void masks(void **state)
{
    /* 2.5.1.1, the tables of rights. */
    static const struct {
        const char *letters;
        uint32_t mask;
    } rows[] = {
        { "GR", 0x80000000 }, { "GW", 0x40000000 }, { "GX", 0x20000000 }, { "GA", 0x10000000 },
        { "WO", 0x80000 }, { "WD", 0x40000 }, { "RC", 0x20000 }, { "SD", 0x10000 }, { "FA", 0x1F01FF },
        { "FX", 0x1200A0 }, { "FW", 0x120116 }, { "FR", 0x120089 }, { "KA", 0xF003F }, { "KR", 0x20019 },
        { "KX", 0x20019 }, { "KW", 0x20006 }, { "CR", 0x100 }, { "LO", 0x80 }, { "DT", 0x40 },
        { "WP", 0x20 }, { "RP", 0x10 }, { "SW", 8 }, { "LC", 4 }, { "DC", 2 }, { "CC", 1 },
        { "CCDCLCSWRPWPRCWD", 0x6003F }, { "CCDCRP", 0x13 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[64] = "D:(A;;";
        strcat(strcat(text, rows[i].letters), ";;;WD)");
        const struct sd *sd = read_text(text);
        assert_int_equal(sd->dacl->aces[0].mask, rows[i].mask);
    }
}

static void errors(void **state)
{
    static const struct {
        const char *text;
        unsigned column;
        cimf_status status;
    } rows[] = {
        { "X:", 1, CIMF_INVALID_SYNTAX },
        { "O", 1, CIMF_INVALID_SYNTAX },
        { "O:", 3, CIMF_INVALID_SYNTAX },
        { "O:B", 3, CIMF_INVALID_SYNTAX },
        { "O:ZZ", 3, CIMF_INVALID_SYNTAX },
        { "O:S-1-", 3, CIMF_INVALID_SYNTAX },
        { "O:S-1-5-99999999999", 3, CIMF_INVALID_SYNTAX },
        { "O:BAx", 5, CIMF_INVALID_SYNTAX },
        { "O:BAO:BA", 5, CIMF_INVALID_SYNTAX },
        { "D:D:", 3, CIMF_INVALID_SYNTAX },
        { "D:NO_ACCESS_CONTROLD:", 20, CIMF_INVALID_SYNTAX },
        { "D:NO_ACCESS_CONTROL(A;;GA;;;WD)", 20, CIMF_INVALID_SYNTAX },
        { "D:(A;;GA;;;WD)P", 15, CIMF_INVALID_SYNTAX },
        { "D:(", 4, CIMF_INVALID_SYNTAX },
        { "D:()", 4, CIMF_INVALID_SYNTAX },
        { "D:(A", 5, CIMF_INVALID_SYNTAX },
        { "D:(B;;GA;;;WD)", 4, CIMF_INVALID_SYNTAX },
        { "D:(A;ZZ;GA;;;WD)", 6, CIMF_INVALID_SYNTAX },
        { "D:(A;CIZ;GA;;;WD)", 8, CIMF_INVALID_SYNTAX },
        { "D:(A;;GZ;;;WD)", 7, CIMF_INVALID_SYNTAX },
        { "D:(A;;GAG;;;WD)", 9, CIMF_INVALID_SYNTAX },
        { "D:(A;;NW;;;WD)", 7, CIMF_INVALID_SYNTAX },
        { "D:(A;;0x;;;WD)", 7, CIMF_INVALID_SYNTAX },
        { "D:(A;;09;;;WD)", 7, CIMF_INVALID_SYNTAX },
        { "D:(A;;0x100000000;;;WD)", 7, CIMF_INVALID_SYNTAX },
        { "D:(A;;-1;;;WD)", 7, CIMF_INVALID_SYNTAX },
        { "D:(A;;GA;bf967aba-0de6-11d0-a285-00aa003049e2;;WD)", 10, CIMF_INVALID_SYNTAX },
        { "D:(OA;;GA;bf967aba-0de6-11d0-a285;;WD)", 11, CIMF_INVALID_SYNTAX },
        { "D:(OA;;GA;;{bf967aba-0de6-11d0-a285-00aa003049e2};WD)", 12, CIMF_INVALID_SYNTAX },
        { "D:(A;;GA;;;)", 12, CIMF_INVALID_SYNTAX },
        { "D:(A;;GA;;;WD", 14, CIMF_INVALID_SYNTAX },
        { "D:(A;;GA;;WD)", 11, CIMF_INVALID_SYNTAX },
        { "D:(A;;GA;;;WD;)", 14, CIMF_INVALID_SYNTAX },
        { "D:(AU;FA;GA;;;WD)", 4, CIMF_INVALID_SYNTAX },
        { "S:(A;;GA;;;WD)", 4, CIMF_INVALID_SYNTAX },
        { "D:(XA;;FX;;;WD;(@User.Title==\"PM\"))", 4, CIMF_NOT_SUPPORTED },
        { "D:(A;;GA;;;WD)(XD;;FX;;;WD;(Member_of {SID(BA)}))", 16, CIMF_NOT_SUPPORTED },
        { "S:(RA;;;;;WD;(\"Secrecy\",TU,0,3))", 4, CIMF_NOT_SUPPORTED },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct sd *sd;
        struct error e = ERROR_INIT;
        cimf_status st = sddl_parse(&arena, slice_str(rows[i].text), &domain, &sd, &e);
        if (st != rows[i].status || e.column != rows[i].column || e.line != 1)
            fail_msg("%s: status %d column %u: %s", rows[i].text, (int)st, e.column, e.text);
    }
    const struct sd *sd;
    struct error e = ERROR_INIT;
    assert_int_equal(sddl_parse(&arena, SLICE("O:BAG:DU"), NULL, &sd, &e), CIMF_INVALID_SYNTAX);
    assert_int_equal(e.column, 7);
}

static void truncated(void **state)
{
    static const char text[] = "O:S-1-5-21-1-2-3-500G:BAD:PAI(A;CIOI;0x1200a9;;;BU)"
                               "(OA;;CC;bf967aba-0de6-11d0-a285-00aa003049e2;;S-1-5-11)S:P(AU;FA;GR;;;WD)";
    for (size_t n = 0; n < sizeof text; n++) {
        char *exact = malloc(n ? n : 1);
        memcpy(exact, text, n);
        const struct sd *sd;
        struct error e = ERROR_INIT;
        cimf_status st = sddl_parse(&arena, slice_of(exact, n), NULL, &sd, &e);
        if (st != CIMF_OK && (st != CIMF_INVALID_SYNTAX || e.column == 0 || e.column > n + 1))
            fail_msg("%zu bytes: column %u", n, e.column);
        free(exact);
    }
}

static void limits(void **state)
{
    struct buf b;
    buf_init(&b, 0);
    buf_lit(&b, "D:");
    for (int i = 0; i < 3276; i++) buf_lit(&b, "(A;;GA;;;WD)");
    const struct sd *sd;
    assert_int_equal(sddl_parse(&arena, buf_slice(&b), NULL, &sd, NULL), CIMF_QUOTA_VIOLATION);
    assert_int_equal(sddl_parse(&arena, slice_head(buf_slice(&b), b.n - 12), NULL, &sd, NULL), CIMF_OK);
    assert_int_equal(sd->dacl->count, 3275);
    for (int i = 0; i < 2000; i++) buf_lit(&b, "(A;;GA;;;WD)");
    assert_int_equal(sddl_parse(&arena, buf_slice(&b), NULL, &sd, NULL), CIMF_QUOTA_VIOLATION);
    buf_clear(&b);
    while (b.n <= SDDL_TEXT_MAX) buf_lit(&b, "                                ");
    assert_int_equal(sddl_parse(&arena, buf_slice(&b), NULL, &sd, NULL), CIMF_QUOTA_VIOLATION);
    buf_free(&b);
}

static void inexpressible(void **state)
{
    struct ace ace = { .type = ACE_ALLOW, .mask = 1, .sid = { 1, { 0 }, 1 } };
    struct acl acl = { 2, 1, &ace };
    struct sd dacl = { .control = SD_DACL_PRESENT, .dacl = &acl };
    struct sd sacl = { .control = SD_SACL_PRESENT, .sacl = &acl };
    struct buf b;
    buf_init(&b, 0);
    assert_int_equal(sddl_write(&dacl, &b, NULL), CIMF_OK);
    size_t mark = b.n;
    assert_int_equal(sddl_write(&sacl, &b, NULL), CIMF_NOT_SUPPORTED);
    static const uint8_t types[] = { ACE_ALARM, ACE_ALLOW_COMPOUND, ACE_ALARM_OBJECT, ACE_ALLOW_CALLBACK,
                                     ACE_DENY_CALLBACK, ACE_RESOURCE_ATTRIBUTE, ACE_AUDIT, 0x77 };
    for (size_t i = 0; i < sizeof types; i++) {
        ace.type = types[i];
        assert_int_equal(sddl_write(&dacl, &b, NULL), CIMF_NOT_SUPPORTED);
    }
    ace.type = ACE_ALLOW, ace.flags = 0x20;
    assert_int_equal(sddl_write(&dacl, &b, NULL), CIMF_NOT_SUPPORTED);
    ace.type = ACE_ALLOW_OBJECT, ace.flags = 0, ace.object_flags = 4;
    assert_int_equal(sddl_write(&dacl, &b, NULL), CIMF_NOT_SUPPORTED);
    assert_int_equal(b.n, mark); /* nothing half written stays */
    buf_free(&b);
}

static uint32_t next(uint32_t *seed) { return *seed = *seed * 1664525 + 1013904223; }

static struct sid random_sid(uint32_t *seed)
{
    struct sid s = { .count = 0 };
    if (next(seed) & 0x10000) return sid_known((enum sid_known)(next(seed) >> 8) % SID_LOCAL_ADMINISTRATOR);
    s.authority = next(seed) & 0x40000 ? next(seed) : (uint64_t)(next(seed) >> 16) << 32 | next(seed);
    s.count = (next(seed) >> 8) % (SID_SUBS + 1);
    for (unsigned i = 0; i < s.count; i++) s.sub[i] = next(seed) >> (next(seed) >> 27);
    return s;
}

static void random_acl(uint32_t *seed, bool dacl, struct ace *aces, struct acl *acl)
{
    static const uint8_t types[2][4] = { { ACE_AUDIT, ACE_AUDIT_OBJECT, ACE_LABEL, ACE_SCOPED_POLICY },
                                         { ACE_ALLOW, ACE_DENY, ACE_ALLOW_OBJECT, ACE_DENY_OBJECT } };
    *acl = (struct acl){ 2, (next(seed) >> 8) % 6, aces };
    for (unsigned i = 0; i < acl->count; i++) {
        struct ace *x = &aces[i];
        *x = (struct ace){ .type = types[dacl][next(seed) >> 30], .flags = next(seed) >> 24 & 0xDF,
                           .mask = next(seed), .sid = random_sid(seed) };
        if (next(seed) & 0x10000) x->mask &= 0x600FF;
        if (!ace_has_object(x)) continue;
        x->object_flags = next(seed) >> 30;
        acl->revision = 4;
        struct guid g = { next(seed), (uint16_t)(next(seed) >> 16), 3, { 1, 2, 3, 4, 5, 6, 7, 8 } };
        if (x->object_flags & 1) x->object = g;
        g.data1 ^= 0xFFFF;
        if (x->object_flags & 2) x->inherited_object = g;
    }
}

/* binary -> parsed -> SDDL -> parsed -> binary gives the same bytes. */
static void property(void **state)
{
    uint32_t seed = 20260;
    for (int round = 0; round < 2000; round++) {
        struct ace aces[2][6];
        struct acl acls[2];
        struct sid owner = random_sid(&seed), group = random_sid(&seed);
        struct sd sd = { .control = next(&seed) >> 16 & 0x3F00 };
        random_acl(&seed, false, aces[0], &acls[0]);
        random_acl(&seed, true, aces[1], &acls[1]);
        if (next(&seed) & 0x10000) sd.owner = &owner;
        if (next(&seed) & 0x10000) sd.group = &group;
        if (next(&seed) & 0x10000) sd.control |= SD_SACL_PRESENT;
        else sd.control &= (uint16_t)~(SD_SACL_PROTECTED | SD_SACL_AUTO_INHERITED | SD_SACL_INHERIT_REQUIRED);
        if (next(&seed) & 0x10000) sd.control |= SD_DACL_PRESENT;
        else sd.control &= (uint16_t)~(SD_DACL_PROTECTED | SD_DACL_AUTO_INHERITED | SD_DACL_INHERIT_REQUIRED);
        if ((sd.control & SD_SACL_PRESENT) && (next(&seed) & 0x30000)) sd.sacl = &acls[0];
        if ((sd.control & SD_DACL_PRESENT) && (next(&seed) & 0x30000)) sd.dacl = &acls[1];

        struct arena a;
        struct buf one, text, two;
        struct error e = ERROR_INIT;
        const struct sd *first, *second;
        arena_init(&a, 0);
        buf_init(&one, 0);
        buf_init(&text, 0);
        buf_init(&two, 0);
        assert_int_equal(sd_write(&sd, &one, NULL), CIMF_OK);
        assert_int_equal(sd_parse(&a, buf_slice(&one), &first, NULL), CIMF_OK);
        assert_int_equal(sddl_write(first, &text, NULL), CIMF_OK);
        if (sddl_parse(&a, buf_slice(&text), NULL, &second, &e) != CIMF_OK)
            fail_msg("%s: column %u: %s", buf_strz(&text), e.column, e.text);
        assert_int_equal(sd_write(second, &two, NULL), CIMF_OK);
        if (!slice_eq(buf_slice(&one), buf_slice(&two))) fail_msg("%s", buf_strz(&text));
        buf_free(&one);
        buf_free(&text);
        buf_free(&two);
        arena_free(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(spec_example, setup, teardown),
        cmocka_unit_test_setup_teardown(canonical, setup, teardown),
        cmocka_unit_test_setup_teardown(lenient, setup, teardown),
        cmocka_unit_test_setup_teardown(masks, setup, teardown),
        cmocka_unit_test_setup_teardown(errors, setup, teardown),
        cmocka_unit_test_setup_teardown(truncated, setup, teardown),
        cmocka_unit_test_setup_teardown(limits, setup, teardown),
        cmocka_unit_test_setup_teardown(inexpressible, setup, teardown),
        cmocka_unit_test(property),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
