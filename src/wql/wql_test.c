/* covers: cim-core:Q1 cim-core:Q2 cim-core:Q4 cim-core:Q5 cim-core:Q6 cim-core:Q12 cim-core:P2 cim-core:P20 */
#include "base/test.h"

#include <stdio.h>
#include <stdlib.h>

#include "wql/wql.h"

static struct arena arena;
static const struct cim_class *disk;
static struct cim_instance *c_drive, *nulls;

static struct cim_property_decl prop(const char *name, unsigned type)
{
    return (struct cim_property_decl){ .name = slice_str(name), .type = (uint16_t)type };
}

static int setup(void **state)
{
    arena_init(&arena, 0);
    struct cim_property_decl inner[] = { prop("Level", CIM_UINT32), prop("Tag", CIM_STRING) };
    const struct cim_class *inner_class;
    assert_int_equal(cim_class_adhoc(&arena, SLICE("Inner"), inner, 2, &inner_class), CIMF_OK);
    struct cim_instance *in = cim_instance_new(&arena, inner_class);
    cim_put_u64(in, "Level", 7);
    struct cim_property_decl props[] = {
        prop("Name", CIM_STRING),     prop("Size", CIM_UINT64),   prop("Delta", CIM_SINT32),
        prop("Small", CIM_UINT8),     prop("Ready", CIM_BOOLEAN), prop("Load", CIM_REAL64),
        prop("Born", CIM_DATETIME),   prop("Letter", CIM_CHAR16), prop("Tags", CIM_STRING | CIM_ARRAY),
        prop("Owner", CIM_REFERENCE), prop("Part", CIM_OBJECT),
    };
    assert_int_equal(cim_class_adhoc(&arena, SLICE("Disk"), props, 11, &disk), CIMF_OK);
    c_drive = cim_instance_new(&arena, disk);
    nulls = cim_instance_new(&arena, disk);
    cim_put_strz(c_drive, "Name", "O'Neil\\x");
    cim_put_u64(c_drive, "Size", 18446744073709551615ull);
    cim_put_i64(c_drive, "Delta", -5);
    cim_put_u64(c_drive, "Small", 200);
    cim_put_bool(c_drive, "Ready", true);
    cim_put_real(c_drive, "Load", 1.5);
    cim_put_strz(c_drive, "Born", "20070301120000.000000+060");
    cim_put_u64(c_drive, "Letter", 'C');
    cim_put_strz(c_drive, "Owner", "Win32_Account.Domain=\"h\",Name=\"root\"");
    cim_set(c_drive, (unsigned)cim_class_property(disk, SLICE("Part")), (union cim_data){ .o = &in->object });
    return 0;
}

static int teardown(void **state)
{
    arena_free(&arena);
    return 0;
}

/* Status of parsing and binding; *yes the answer for the filled instance, *on_nulls for the empty one. */
static cimf_status run(const char *where, bool *yes, bool *on_nulls)
{
    char text[4096];
    snprintf(text, sizeof text, "SELECT * FROM Disk WHERE %s", where);
    struct wql_query q;
    const struct wql_filter *f;
    struct error e = ERROR_INIT;
    cimf_status s = wql_parse(&arena, slice_str(text), &q, &e);
    if (s == CIMF_OK) s = wql_bind(&arena, &q, disk, &f, &e);
    if (s != CIMF_OK) return s;
    *yes = wql_match(f, c_drive, &arena);
    *on_nulls = wql_match(f, nulls, &arena);
    return s;
}

static bool yes(const char *where)
{
    bool answer = false, other;
    cimf_status s = run(where, &answer, &other);
    if (s != CIMF_OK) print_error("%s: %s\n", where, cimf_status_name(s));
    assert_int_equal(s, CIMF_OK);
    return answer;
}

static bool yes_nulls(const char *where)
{
    bool answer = false, other = false;
    assert_int_equal(run(where, &answer, &other), CIMF_OK);
    return other;
}

static void assert_refused(const char *where)
{
    bool a, b;
    cimf_status s = run(where, &a, &b);
    if (s != CIMF_INVALID_QUERY) print_error("%s: %s\n", where, cimf_status_name(s));
    assert_int_equal(s, CIMF_INVALID_QUERY);
}

static void test_strings(void **state)
{
    assert_true(yes("Name = 'O\\'Neil\\\\x'"));
    assert_true(yes("name = \"o'neil\\\\X\""));
    assert_true(yes("\"o'neil\\\\X\" = Name"));
    assert_true(yes("Name LIKE '%neil%'"));
    assert_true(yes("Name LIKE '%\\\\x'"));
    assert_true(yes("Name > 'a'"));
    assert_false(yes("Name <> \"o'neil\\\\X\""));
    assert_refused("Name LIKE '[a'");
}

static void test_numbers(void **state)
{
    assert_true(yes("Size = 18446744073709551615"));
    assert_true(yes("Size = '18446744073709551615'"));
    assert_true(yes("Size > 18446744073709551614"));
    assert_false(yes("Size = -1"));
    assert_true(yes("Delta = -5"));
    assert_true(yes("Delta < 0"));
    assert_true(yes("0 > Delta"));
    assert_true(yes("Small < 300"));
    assert_true(yes("Small = 0xC8"));
    assert_true(yes("Small = 200.0"));
    assert_true(yes("Load = 1.5"));
    assert_true(yes("Load > 1"));
    assert_refused("Small = 200.4");
    assert_refused("Small = 'abc'");
    assert_refused("Small LIKE '2%'");
    assert_true(yes("Small LIKE '200'"));
}

static void test_other_types(void **state)
{
    assert_true(yes("Ready = TRUE"));
    assert_true(yes("Ready = 1"));
    assert_true(yes("Ready = 'True'"));
    assert_true(yes("Ready <> FALSE"));
    assert_refused("Ready > FALSE");
    assert_true(yes("Born = '20070301110000.000000+000'"));
    assert_true(yes("Born < '2007-03-02'"));
    assert_true(yes("Born > '2007-02-28 00:00:00:000'"));
    assert_refused("Born = 'never'");
    assert_refused("Born = '2007****000000.000000+000'");
    assert_true(yes("Letter = 'C'"));
    assert_true(yes("Letter = 67"));
    assert_refused("Tags = 'x'");
    assert_true(yes("Tags IS NULL"));
    assert_true(yes("Owner = 'Win32_Account.Name=\"ROOT\",Domain=\"H\"'"));
    assert_refused("Owner < 'x'");
    assert_refused("Part = 'x'");
}

static void test_null(void **state)
{
    assert_true(yes_nulls("Name IS NULL"));
    assert_true(yes_nulls("Name = NULL"));
    assert_false(yes_nulls("Name <> NULL"));
    assert_true(yes("Name IS NOT NULL"));
    assert_false(yes_nulls("Name = ''"));
    assert_false(yes_nulls("Name <> 'x'"));
    assert_true(yes_nulls("NOT Name = 'x'"));
    assert_refused("Name >= NULL");
}

static void test_connectives(void **state)
{
    assert_true(yes("Small = 1 AND Small = 2 OR Delta = -5"));
    assert_false(yes("Small = 1 AND (Small = 2 OR Delta = -5)"));
    assert_true(yes("NOT Small = 1 AND Delta = -5"));
    assert_true(yes("NOT (Small = 200 AND Delta = 3)"));
    assert_true(yes("NOT NOT Delta = -5"));
    assert_true(yes("((((Delta = -5))))"));
}

static void test_embedded(void **state)
{
    assert_true(yes("Part.Level = 7"));
    assert_true(yes("Part.Level > '6'"));
    assert_true(yes("Part ISA 'Inner'"));
    assert_true(yes("Part ISA inner"));
    assert_false(yes("Part ISA 'Other'"));
    assert_true(yes("Part.__CLASS = 'Inner'"));
    assert_false(yes("Part.Missing = 1"));
    assert_false(yes_nulls("Part.Level = 7"));
    assert_refused("Name.Level = 7");
}

static void test_system(void **state)
{
    assert_true(yes("__CLASS = 'disk'"));
    assert_true(yes("__GENUS = 2"));
    assert_refused("__this ISA 'Disk'");
}

static void test_rejections(void **state)
{
    static const char *const bad[] = {
        "", "Missing = 1", "Name = ", "= 3", "Name = 'x", "Name == 'x'", "Name NOT LIKE 'x'", "Name = Size", "1 = 1",
        "(Name = 'x'", "Name = 'x')", "Name = 'x' AND", "Name = 'x' XOR Size = 1", "Name = 'x' ORDER BY Name",
        "Size + 1 = 2", "Name IN ('a')", "Name = 12abc", "Name = $", "Name BETWEEN 1 AND 2",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) assert_refused(bad[i]);
}

static cimf_status parse(const char *text, struct wql_query *q, struct error *e)
{
    return wql_parse(&arena, slice_str(text), q, e);
}

static void test_select_list(void **state)
{
    struct wql_query q;
    assert_int_equal(parse("select Name, __PATH,name, Part.Level, Part.* from Disk", &q, NULL), CIMF_OK);
    assert_int_equal(q.list_count, 5);
    assert_true(q.list[4].star);
    assert_int_equal(q.list[3].count, 2);
    assert_true(slice_is(q.from, "Disk"));
    assert_int_equal(parse(" \n\tSELECT * FROM\r\n Disk \n", &q, NULL), CIMF_OK);
    assert_int_equal(parse("SELECT COUNT(*) FROM Disk", &q, NULL), CIMF_INVALID_QUERY);
    assert_int_equal(parse("SELECT FROM Disk", &q, NULL), CIMF_INVALID_QUERY);
    assert_int_equal(parse("SELECT DISTINCT Name FROM Disk", &q, NULL), CIMF_INVALID_QUERY);
    assert_int_equal(parse("DELETE FROM Disk", &q, NULL), CIMF_INVALID_QUERY);
    assert_int_equal(parse("SELECT * FROM Disk; DROP", &q, NULL), CIMF_INVALID_QUERY);
    assert_int_equal(parse("  ", &q, NULL), CIMF_INVALID_PARAMETER);
}

static void test_place(void **state)
{
    struct wql_query q;
    struct error e = ERROR_INIT;
    assert_int_equal(parse("SELECT *\nFROM Disk\n  WHERE Name ~ 3", &q, &e), CIMF_INVALID_QUERY);
    assert_int_equal(e.line, 3);
    assert_int_equal(e.column, 14);
}

static void test_limits(void **state)
{
    static char text[40000];
    struct wql_query q;
    size_t n = (size_t)snprintf(text, sizeof text, "SELECT * FROM Disk WHERE ");
    for (int i = 0; i < 200; i++) text[n++] = '(';
    text[n] = 0;
    assert_int_equal(parse(text, &q, NULL), CIMF_QUOTA_VIOLATION);
    n = (size_t)snprintf(text, sizeof text, "SELECT * FROM Disk WHERE Size=1");
    for (int i = 0; i < 1700; i++) n += (size_t)snprintf(text + n, sizeof text - n, " OR A=1");
    assert_int_equal(parse(text, &q, NULL), CIMF_QUOTA_VIOLATION);
    memset(text, ' ', 17000);
    memcpy(text, "SELECT", 6);
    text[17000] = 0;
    assert_int_equal(parse(text, &q, NULL), CIMF_QUOTA_VIOLATION);
}

static void test_event_form(void **state)
{
    struct wql_query q;
    assert_int_equal(parse("SELECT * FROM __InstanceCreationEvent WITHIN 2.5 WHERE TargetInstance ISA "
                           "'Win32_Process' GROUP WITHIN 10 BY TargetInstance.Name, A HAVING NumberOfEvents > 3",
                           &q, NULL), CIMF_OK);
    assert_true(q.within == 2.5 && q.group && q.group_within == 10);
    assert_int_equal(q.group_by_count, 2);
    assert_int_equal(q.having_count, 1);
}

static void test_schema(void **state)
{
    struct wql_query q;
    const struct wql_filter *f;
    assert_int_equal(parse("SELECT * FROM meta_class WHERE __this ISA 'Disk' AND __CLASS LIKE 'D%'", &q, NULL), CIMF_OK);
    assert_int_equal(q.kind, WQL_SCHEMA);
    assert_int_equal(wql_bind_schema(&arena, &q, &f, NULL), CIMF_OK);
    assert_true(wql_match_class(f, disk, &arena));
    assert_true(slice_is(wql_fixed_class(f), "") || wql_fixed_class(f).p == NULL);
    assert_int_equal(parse("SELECT * FROM meta_class WHERE Name = 'x'", &q, NULL), CIMF_OK);
    assert_int_equal(wql_bind_schema(&arena, &q, &f, NULL), CIMF_INVALID_QUERY);
    assert_int_equal(parse("SELECT * FROM meta_class WHERE __this = 'x'", &q, NULL), CIMF_OK);
    assert_int_equal(wql_bind_schema(&arena, &q, &f, NULL), CIMF_INVALID_QUERY);
}

static void test_planner(void **state)
{
    struct wql_query q;
    const struct wql_filter *f;
    const struct wql_fixed *fixed;
    assert_int_equal(parse("SELECT Name FROM Disk WHERE (Size='5' AND Name='x') AND NOT Delta=3 AND "
                           "(Small=1 OR Small=2) AND __CLASS='Disk'", &q, NULL), CIMF_OK);
    assert_int_equal(wql_bind(&arena, &q, disk, &f, NULL), CIMF_OK);
    assert_int_equal(wql_fixed_values(&arena, f, &fixed), 2);
    for (int i = 0; i < 2; i++) {
        if (slice_is(fixed[i].name, "Size")) assert_int_equal(fixed[i].value.v.u, 5);
        else assert_true(slice_is(fixed[i].value.v.s, "x"));
    }
    assert_true(slice_is(wql_fixed_class(f), "Disk"));
    uint8_t used[16] = { 0 };
    wql_properties_used(f, disk, used);
    assert_int_equal(used[0] + used[1] + used[2] + used[3], 4);
    assert_int_equal(used[4] + used[5], 0);
}

/* covers: cim-core:Q7 cim-core:Q8 */
static void test_traversal(void **state)
{
    struct wql_query q;
    assert_int_equal(parse("ASSOCIATORS OF {Win32_DiskPartition.DeviceID=\"Disk #0, Partition #0\"} WHERE "
                           "AssocClass=Win32_LogicalDiskToPartition Role = Antecedent ResultRole='Dependent' "
                           "ResultClass=A RequiredQualifier=B RequiredAssocQualifier=C KeysOnly", &q, NULL), CIMF_OK);
    assert_int_equal(q.kind, WQL_ASSOCIATORS);
    assert_true(slice_is(q.role, "Antecedent") && slice_is(q.result_role, "Dependent") && q.keys_only);
    assert_true(slice_is(q.path.class_name, "Win32_DiskPartition"));
    assert_int_equal(parse("references of {A.k='}'} where ResultClass=B Role=C SchemaOnly", &q, NULL), CIMF_OK);
    assert_true(q.kind == WQL_REFERENCES && q.schema_only);
    assert_int_equal(parse("ASSOCIATORS OF {A} WHERE SchemaOnly", &q, NULL), CIMF_OK);
    static const char *const bad[] = {
        "ASSOCIATORS OF {A}", "ASSOCIATORS OF A", "ASSOCIATORS OF {A=1", "ASSOCIATORS {A=1}", "ASSOCIATORS OF {A=1} WHERE",
        "ASSOCIATORS OF {A=1} WHERE Role=a Role=b", "ASSOCIATORS OF {A=1} WHERE Role=a AND ResultClass=b",
        "ASSOCIATORS OF {A=1} WHERE Role=a, ResultClass=b", "ASSOCIATORS OF {A=1} WHERE ClassDefsOnly ResultClass=b",
        "REFERENCES OF {A=1} WHERE AssocClass=b", "ASSOCIATORS OF {A=1} WHERE KeysOnly=TRUE", "REFERENCES OF {A=1} Role=x",
        "ASSOCIATORS OF {A.=}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cimf_status s = parse(bad[i], &q, NULL);
        if (s != CIMF_INVALID_QUERY) print_error("%s: %s\n", bad[i], cimf_status_name(s));
        assert_int_equal(s, CIMF_INVALID_QUERY);
    }
}

/* covers: cim-core:Q11 */
static void test_truncations(void **state)
{
    static const char text[] = "SELECT Name,Part.* FROM Disk WHERE (NOT Name LIKE '%[a-f]\\'x' OR Size>=0x10) AND "
                               "Part.Level<>3.5e2";
    for (size_t n = 0; n < sizeof text; n++) {
        struct arena a;
        arena_init(&a, 1 << 20);
        char *exact = malloc(n ? n : 1);
        memcpy(exact, text, n);
        struct wql_query q;
        const struct wql_filter *f;
        if (wql_parse(&a, slice_of(exact, n), &q, NULL) == CIMF_OK && q.kind == WQL_SELECT)
            wql_bind(&a, &q, disk, &f, NULL);
        free(exact);
        arena_free(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_strings),     cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_other_types), cmocka_unit_test(test_null),
        cmocka_unit_test(test_connectives), cmocka_unit_test(test_embedded),
        cmocka_unit_test(test_system),      cmocka_unit_test(test_rejections),
        cmocka_unit_test(test_select_list), cmocka_unit_test(test_place),
        cmocka_unit_test(test_limits),      cmocka_unit_test(test_event_form),
        cmocka_unit_test(test_schema),      cmocka_unit_test(test_planner),
        cmocka_unit_test(test_traversal),   cmocka_unit_test(test_truncations),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
