/* What namespaces inherit (MS-WMI 2.2.30.2) and which descriptors they take. */
#include "auth/access.h"
#include "auth/inherit.h"
#include "auth/sddl.h"
#include "base/test.h"
#include "base/test_arena.h"

static const struct sd *sd_of(const char *text)
{
    const struct sd *sd = NULL;
    if (sddl_parse(&arena, slice_str(text), NULL, &sd, NULL) != CIMF_OK) fail_msg("%s", text);
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

static void rules(void **state)
{
    static const char *const rows[][3] = { /* parent, child, result */
        /* What a fresh root\cimv2 shows on Windows. */
        { ACCESS_NAMESPACE_SDDL, "O:BAG:BAD:",
          "O:BAG:BAD:(A;CIID;CCDCLCSWRPWPRCWD;;;BA)(A;CIID;CCDCRP;;;NS)(A;CIID;CCDCRP;;;LS)"
          "(A;CIID;CCDCRP;;;AU)(A;CIID;CCDCWPRC;;;RM)" },
        { "D:(A;;CC;;;WD)(A;OI;CC;;;WD)(A;CI;DC;;;WD)", "O:SYG:SYD:(D;;CC;;;AN)",
          "O:SYG:SYD:(D;;CC;;;AN)(A;CIID;DC;;;WD)" },
        /* once only; inherit-only comes into force */
        { "D:(A;CINP;CC;;;WD)(D;CIIO;DC;;;WD)(A;CINPIO;LC;;;WD)(A;IO;SW;;;WD)", "D:",
          "D:(A;NPID;CC;;;WD)(D;CIID;DC;;;WD)(A;NPID;LC;;;WD)" },
        { "D:(A;NPID;CC;;;WD)(A;CIID;DC;;;WD)", "D:", "D:(A;CIID;DC;;;WD)" },
        /* the parent's protection counts, not the child's */
        { "D:P(A;CI;CC;;;WD)S:(AU;CISA;CC;;;WD)", "D:(A;;CC;;;BA)S:", "D:(A;;CC;;;BA)S:(AU;CIIDSA;CC;;;WD)" },
        { "D:(A;CI;CC;;;WD)S:P(AU;CISA;CC;;;WD)", "D:P(A;;CC;;;BA)", "D:P(A;;CC;;;BA)(A;CIID;CC;;;WD)" },
        /* earlier inheritance is worked out anew */
        { "D:(A;CI;CC;;;WD)", "D:AI(A;CIID;DC;;;AU)(A;CI;LC;;;BA)", "D:AI(A;CI;LC;;;BA)(A;CIID;CC;;;WD)" },
        { "D:P", "D:(A;CIID;DC;;;AU)", "D:" },
        /* no DACL: what is inherited, else still none */
        { "D:(A;CI;CC;;;BA)", "O:BA", "O:BAD:(A;CIID;CC;;;BA)" },
        { "D:(A;;CC;;;BA)", "D:NO_ACCESS_CONTROL", "D:NO_ACCESS_CONTROL" },
        { "D:NO_ACCESS_CONTROL", "D:(A;;CC;;;BA)", "D:(A;;CC;;;BA)" },
        { "", "O:BA", "O:BA" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct sd *parent = sd_of(rows[i][0]), *once, *twice;
        assert_int_equal(inherit_namespace(&arena, parent, sd_of(rows[i][1]), &once, NULL), CIMF_OK);
        written_as(once, rows[i][2]);
        /* GetSD, then SetSD: nothing doubles. */
        assert_int_equal(inherit_namespace(&arena, parent, once, &twice, NULL), CIMF_OK);
        written_as(twice, rows[i][2]);
    }
    const struct sd *root;
    assert_int_equal(inherit_namespace(&arena, NULL, sd_of("O:BAD:(A;CI;CC;;;BA)"), &root, NULL), CIMF_OK);
    written_as(root, "O:BAD:(A;CI;CC;;;BA)");
}

static void too_long(void **state)
{
    static struct ace aces[3000];
    for (int i = 0; i < 3000; i++)
        aces[i] = (struct ace){ .flags = ACE_CONTAINER_INHERIT, .sid = sid_known(SID_EVERYONE) };
    struct acl acl = { 2, 3000, aces };
    struct sd parent = { .control = SD_DACL_PRESENT, .dacl = &acl };
    const struct sd *out;
    assert_int_equal(inherit_namespace(&arena, &parent, &parent, &out, NULL), CIMF_QUOTA_VIOLATION);
    assert_int_equal(inherit_namespace(&arena, &parent, sd_of("D:"), &out, NULL), CIMF_OK);
    struct arena small;
    arena_init(&small, 1024);
    assert_int_equal(inherit_namespace(&small, &parent, sd_of("D:"), &out, NULL), CIMF_OUT_OF_MEMORY);
    arena_free(&small);
}

static void accepted(void **state)
{
    static const struct {
        const char *sddl;
        cimf_status status;
    } rows[] = {
        { ACCESS_NAMESPACE_SDDL, CIMF_OK },
        { "O:BAG:BAD:", CIMF_OK },
        { "O:BAG:BAD:P(D;OICINPIOID;GA;;;WD)(A;CI;GRGX;;;AU)(A;;0x9f;;;AU)", CIMF_OK },
        { "G:BAD:", CIMF_INVALID_OBJECT },
        { "O:BAD:", CIMF_INVALID_OBJECT },
        { "O:BAG:BA", CIMF_INVALID_PARAMETER },
        { "O:BAG:BAD:NO_ACCESS_CONTROL", CIMF_INVALID_PARAMETER },
        { "O:BAG:BAD:(A;IO;CC;;;WD)", CIMF_INVALID_PARAMETER },
        { "O:BAG:BAD:(A;SA;CC;;;WD)", CIMF_INVALID_PARAMETER },
        { "O:BAG:BAD:(A;;LC;;;WD)", CIMF_INVALID_PARAMETER },
        { "O:BAG:BAD:(A;;LCSW;;;WD)", CIMF_INVALID_PARAMETER },
        { "O:BAG:BAD:(A;;LCSWRP;;;WD)", CIMF_OK },
        { "O:BAG:BAD:(A;;CR;;;WD)", CIMF_INVALID_PARAMETER },
        { "O:BAG:BAD:(A;;SD;;;WD)", CIMF_INVALID_PARAMETER },
        { "O:BAG:BAD:(A;;0x2000001;;;WD)", CIMF_INVALID_PARAMETER },
        { "O:BAG:BAD:(A;;CC;;;WD)(OA;;CC;;;WD)", CIMF_INVALID_PARAMETER },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct error e = ERROR_INIT;
        if (inherit_namespace_check(sd_of(rows[i].sddl), &e) != rows[i].status) fail_msg("%s", rows[i].sddl);
    }
    struct error e = ERROR_INIT;
    inherit_namespace_check(sd_of("O:BAG:BAD:(A;;CC;;;WD)(OA;;CC;;;WD)"), &e);
    assert_non_null(strstr(e.text, "ACE 2"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(rules, setup, teardown),
        cmocka_unit_test_setup_teardown(too_long, setup, teardown),
        cmocka_unit_test_setup_teardown(accepted, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
